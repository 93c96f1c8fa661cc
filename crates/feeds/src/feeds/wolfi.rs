//! Wolfi's and Chainguard's secdb: <https://packages.wolfi.dev/os/security.json>,
//! <https://packages.cgr.dev/chainguard/security.json>. The shape is that of Alpine's ([`super::alpine`]);
//! there are no releases.
//!
//! Left out unless it is asked for: the licence is CC BY-NC-ND 4.0 with a licence for commercial scanners
//! that does not allow to pass the data on, alone or as a part of something else. A database for
//! one's own use may be built of it.

use serde_json::Value;

use super::{
    Feed, FeedError, Input,
    alpine::{Package, convert},
    file_and_folder,
};
use crate::{archive::decompressed, builder::Builder, limits::MAX_JSON_BYTES};

pub(super) struct Wolfi;

impl Feed for Wolfi {
    fn id(&self) -> &'static str {
        "wolfi"
    }

    fn name(&self) -> &'static str {
        "Wolfi and Chainguard secdb"
    }

    fn url(&self) -> &'static str {
        "https://packages.wolfi.dev/os/security.json"
    }

    fn licence(&self) -> &'static str {
        "CC-BY-NC-ND-4.0 and Chainguard's licence for commercial scanners"
    }

    fn reserved(&self) -> Option<&'static str> {
        Some("its licence forbids to pass on what is made of it")
    }

    fn claims(&self, path: &str) -> bool {
        let (file, folder) = file_and_folder(path);
        // `…/os/security.json` of Wolfi, `…/chainguard/security.json`.
        file == "security.json" && matches!(folder, "os" | "wolfi" | "chainguard")
            || matches!(file, "wolfi-security.json" | "chainguard-security.json")
    }

    fn read(&self, mut input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        let path = input.path;
        let secdb: Value = serde_json::from_reader(decompressed(&mut input, MAX_JSON_BYTES)?)?;
        let urlprefix = secdb.get("urlprefix").and_then(Value::as_str);
        let key = match urlprefix {
            Some(prefix) if prefix.contains("wolfi") => "wolfi",
            Some(prefix) if prefix.contains("cgr.dev") => "chainguard",
            _ => return Err(FeedError::Foreign("neither Wolfi's nor Chainguard's")),
        };
        let packages = secdb.get("packages").and_then(Value::as_array);
        for package in packages.into_iter().flatten() {
            match Package::of(package) {
                Ok(package) => convert(self, key, package, path, out),
                Err(error) => {
                    out.count(self);
                    let what = format!("{error}: {package}");
                    out.skip(self.id(), "unreadable: package", path, &what);
                }
            }
        }
        Ok(())
    }
}
