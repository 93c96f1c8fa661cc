//! Pacman's local database, `var/lib/pacman/local/<name>-<version>-<release>/`.
//!
//! Formats: `desc`, <https://alpm.archlinux.page/specifications/alpm-db-desc.5.html>, and `files`,
//! <https://alpm.archlinux.page/specifications/alpm-db-files.5.html>. A `%NAME%` line opens a section
//! of one value per line, which a blank line ends.

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Facts, OwnedFiles, PackageFact, PackageKind, SourcePackage},
    limits::MAX_LICENCE_BYTES,
    path_list::PathListBuilder,
    text::{cut, lines, word},
};

/// Packages of Arch Linux, Manjaro and their kin.
pub struct Alpm;

const DATABASE: &[u8] = b"var/lib/pacman/local/";

enum Role<'a> {
    Description,
    /// The file list of the package in the folder of that name.
    Files(&'a [u8]),
}

impl<'a> Role<'a> {
    fn of(path: &'a LayerPath) -> Option<Self> {
        let rest = path.as_bytes().strip_prefix(DATABASE)?;
        let slash = memchr::memchr(b'/', rest)?;
        let (folder, name) = rest.split_at_checked(slash)?;
        match name {
            b"/desc" => Some(Self::Description),
            b"/files" => Some(Self::Files(folder)),
            _ => None,
        }
    }
}

impl Analyser for Alpm {
    fn id(&self) -> &'static str {
        "alpm"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        Role::of(path).is_some()
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        match Role::of(file.path) {
            Some(Role::Description) => read_description(self.id(), &file, out),
            Some(Role::Files(folder)) => read_files(self.id(), &file, folder, out),
            None => {}
        }
    }
}

/// The values of a file, each with its section (`%NAME%`) and its line.
fn values(bytes: &[u8]) -> impl Iterator<Item = (&[u8], u32, &[u8])> {
    let mut section: &[u8] = b"";
    lines(bytes).filter_map(move |(number, line)| {
        // A blank ends a section, so that a file called `%NAME%` is a file.
        if line.is_empty() {
            section = b"";
            return None;
        }
        if section.is_empty() {
            section = line;
            return None;
        }
        Some((section, number, line))
    })
}

fn read_description(analyser: &str, file: &ClaimedFile<'_>, out: &mut Facts) {
    let (mut name, mut version, mut base, mut architecture) = (None, None, None, None);
    let mut licence = Vec::new();
    let mut last_line = 1;
    for (section, number, value) in values(file.bytes) {
        last_line = number;
        let slot = match section {
            b"%NAME%" => &mut name,
            b"%VERSION%" => &mut version,
            b"%BASE%" => &mut base,
            b"%ARCH%" => &mut architecture,
            b"%LICENSE%" => {
                if licence.len() <= MAX_LICENCE_BYTES {
                    if !licence.is_empty() {
                        licence.extend_from_slice(b", ");
                    }
                    licence.extend_from_slice(value);
                }
                continue;
            }
            _ => continue,
        };
        if slot.is_none() {
            *slot = word(value);
        }
    }
    let Some(name) = name else {
        if !file.bytes.trim_ascii().is_empty() {
            out.malformed(analyser, file.path, 0, "the package has no name");
        }
        return;
    };
    let Some(version) = version else {
        let problem = format!("the package {name:?} has no version");
        return out.malformed(analyser, file.path, 0, &problem);
    };
    let mut package = PackageFact::new(PackageKind::Alpm, name, version, file.path);
    package.source = base.map(|name| SourcePackage {
        name,
        version: package.version.clone(),
    });
    package.architecture = architecture;
    let licence = String::from_utf8_lossy(&licence);
    package.licence = (!licence.is_empty()).then(|| cut(&licence, MAX_LICENCE_BYTES));
    package.lines = Some((1, last_line));
    out.add_package(analyser, package);
}

fn read_files(analyser: &str, file: &ClaimedFile<'_>, folder: &[u8], out: &mut Facts) {
    // Neither versions nor releases have hyphens: two parts from the end are theirs.
    let mut parts = folder.rsplitn(3, |byte| *byte == b'-').skip(2);
    let Some(name) = parts.next().and_then(word) else {
        return out.malformed(
            analyser,
            file.path,
            0,
            "its folder is no name, version and release",
        );
    };
    let mut files = PathListBuilder::default();
    for (section, _, path) in values(file.bytes) {
        // Directories end in a slash.
        if section == b"%FILES%" && !path.ends_with(b"/") {
            files.push(path);
        }
    }
    out.add_owned(
        analyser,
        OwnedFiles {
            kind: PackageKind::Alpm,
            name,
            version: None,
            architecture: None,
            files: files.finish(),
            file: file.path.clone(),
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims};

    const DESCRIPTION: &str = "\
%NAME%
containers-common

%VERSION%
1:0.47.4-4

%BASE%
containers

%DESC%
%VERSION%

%ARCH%
any

%LICENSE%
Apache-2.0
MIT

%SIZE%
4925474
";
    const PATH: &str = "var/lib/pacman/local/containers-common-1:0.47.4-4/desc";
    const FILES: &str = "var/lib/pacman/local/containers-common-1:0.47.4-4/files";

    #[test]
    fn claims() {
        check_claims(
            &Alpm,
            &[PATH, FILES],
            &[
                "var/lib/pacman/local/ALPM_DB_VERSION",
                "var/lib/pacman/local/a-1-1/mtree",
                "var/lib/pacman/local/a-1-1/b/desc",
                "var/lib/pacman/local/desc",
                "var/lib/pacman/sync/a-1-1/desc",
                "x/var/lib/pacman/local/a-1-1/desc",
                "desc",
                "",
            ],
        );
    }

    #[test]
    fn packages_are_read_with_their_base() {
        let facts = analyse(&Alpm, PATH, DESCRIPTION);
        assert_eq!(facts.warnings, []);
        let [package] = facts.packages.as_slice() else {
            panic!("{:?}", facts.packages)
        };
        assert_eq!(package.name, "containers-common");
        assert_eq!(package.version, "1:0.47.4-4");
        assert_eq!(package.architecture.as_deref(), Some("any"));
        assert_eq!(package.licence.as_deref(), Some("Apache-2.0, MIT"));
        assert_eq!(package.lines, Some((1, 21)));
        let source = package.source.as_ref().unwrap();
        assert_eq!(
            (source.name.as_str(), source.version.as_str()),
            ("containers", "1:0.47.4-4")
        );
    }

    #[test]
    fn file_lists_belong_to_the_package_that_the_folder_names() {
        let text =
            "%FILES%\netc/\netc/a.conf\nusr/bin/b c\n%FILES%\n\n%BACKUP%\netc/a.conf\tde54\n";
        let facts = analyse(&Alpm, FILES, text);
        assert_eq!(facts.warnings, []);
        let [owned] = facts.owned.as_slice() else {
            panic!("{:?}", facts.owned)
        };
        assert_eq!(owned.name, "containers-common");
        let files: Vec<String> = owned.files.iter().map(|file| file.to_string()).collect();
        assert_eq!(files, ["etc/a.conf", "usr/bin/b c", "%FILES%"]);
    }

    #[test]
    fn truncated_and_hostile_databases_are_warnings() {
        let check = |path: &str, text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Alpm, path, text);
            assert_eq!(facts.packages.len(), packages, "{text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{text:?}");
        };
        check(PATH, b"", 0, 0);
        check(PATH, b"%NAME%\n", 0, 1);
        check(PATH, b"%NAME%\na\n\n%VERSION%", 0, 1);
        check(PATH, b"%VERSION%\n1\n", 0, 1);
        check(PATH, b"\xff\xfe\0", 0, 1);
        check(PATH, b"%NAME%\na\nb\n\n%VERSION%\r\n1-1\r\n", 1, 0);
        check("var/lib/pacman/local/a-1/files", b"%FILES%\na\n", 0, 1);
        check("var/lib/pacman/local/-1-1/files", b"%FILES%\na\n", 0, 1);
        let many = [
            b"%NAME%\na\n\n%VERSION%\n1\n\n%LICENSE%\n".as_slice(),
            &b"MIT\n".repeat(10_000),
        ];
        let facts = analyse(&Alpm, PATH, many.concat());
        let licence = facts.packages[0].licence.as_ref().unwrap();
        assert!(licence.len() <= MAX_LICENCE_BYTES + "…".len());
    }
}
