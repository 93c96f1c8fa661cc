//! The list of packages in distroless images of Azure Linux and CBL-Mariner, which have no database.
//!
//! Made by <https://github.com/microsoft/marinara> (`marinara.py`) and by others after its model with
//! `rpm -qa --queryformat`: ten columns, parted by tabs. Missing values are `(none)`.
//!
//! | column | tag |
//! |---|---|
//! | 1 | `NAME` |
//! | 2 | `VERSION-RELEASE` |
//! | 3, 4 | `INSTALLTIME`, `BUILDTIME` |
//! | 5 | `VENDOR` |
//! | 6 | `EPOCH`; some write `(none)` whatever it is |
//! | 7 | `SIZE` |
//! | 8 | `ARCH` |
//! | 9 | `EPOCHNUM`: 0 where there is none |
//! | 10 | `SOURCERPM` |

use super::Stated;
use crate::{
    analyser::ClaimedFile,
    facts::Facts,
    text::{lines, word},
};

pub(super) fn read(analyser: &str, file: &ClaimedFile<'_>, out: &mut Facts) {
    for (number, line) in lines(file.bytes) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let mut columns = line.split(|byte| *byte == b'\t');
        let mut next = || columns.next().filter(|column| *column != b"(none)");
        let (name, version, _, _, vendor) = (next(), next(), next(), next(), next());
        let (_, _, architecture, epoch, source) = (next(), next(), next(), next(), next());
        let (Some(name), Some(version)) = (name.and_then(word), version.and_then(word)) else {
            let problem = "the line names no package with its version";
            out.malformed(analyser, file.path, number, problem);
            continue;
        };
        let epoch = epoch.and_then(|epoch| std::str::from_utf8(epoch).ok());
        let stated = Stated {
            name,
            epoch: epoch.and_then(|epoch| epoch.trim().parse().ok()),
            version,
            architecture,
            vendor,
            source,
        };
        let mut package = stated.package(file.path);
        package.lines = Some((number, number));
        out.add_package(analyser, package);
    }
}
