//! Alpine's package database, `lib/apk/db/installed`.
//!
//! Format: <https://wiki.alpinelinux.org/wiki/Apk_spec>, "Installed Database V2". Packages are blocks
//! of `X:value` lines, parted by blank lines; `F:` opens a directory, `R:` is a file in it. The keys
//! are case-sensitive (`o:` is the origin, `O:` nothing).

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Facts, OwnedFiles, PackageFact, PackageKind, SourcePackage},
    limits::MAX_LICENCE_BYTES,
    path_list::PathListBuilder,
    text::{cut, lines, word},
};

/// Packages of Alpine, Wolfi, Chainguard and their kin.
pub struct Apk;

impl Analyser for Apk {
    fn id(&self) -> &'static str {
        "apk"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        // Alpine 3.23 moves it below `usr`.
        matches!(
            path.as_bytes(),
            b"lib/apk/db/installed" | b"usr/lib/apk/db/installed"
        )
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        let mut block = Block::default();
        let mut last = 0;
        for (number, line) in lines(file.bytes) {
            last = number;
            if line.trim_ascii().is_empty() {
                std::mem::take(&mut block).finish(self.id(), &file, number - 1, out);
            } else {
                block.add(number, line);
            }
        }
        block.finish(self.id(), &file, last, out);
    }
}

#[derive(Default)]
struct Block<'a> {
    first_line: u32,
    name: &'a [u8],
    version: &'a [u8],
    architecture: &'a [u8],
    licence: &'a [u8],
    origin: &'a [u8],
    directory: &'a [u8],
    files: PathListBuilder,
    path: Vec<u8>,
}

impl<'a> Block<'a> {
    fn add(&mut self, number: u32, line: &'a [u8]) {
        if self.first_line == 0 {
            self.first_line = number;
        }
        let Some((key, value)) = line.split_at_checked(2) else {
            return;
        };
        match key {
            b"P:" => self.name = value,
            b"V:" => self.version = value,
            b"A:" => self.architecture = value,
            b"L:" => self.licence = value,
            b"o:" => self.origin = value,
            b"F:" => self.directory = value,
            b"R:" => {
                self.path.clear();
                self.path.extend_from_slice(self.directory);
                if !self.directory.is_empty() {
                    self.path.push(b'/');
                }
                self.path.extend_from_slice(value);
                self.files.push(&self.path);
            }
            _ => {}
        }
    }

    fn finish(self, analyser: &str, file: &ClaimedFile<'_>, last_line: u32, out: &mut Facts) {
        if self.first_line == 0 {
            return;
        }
        let Some(name) = word(self.name) else {
            out.malformed(
                analyser,
                file.path,
                self.first_line,
                "a package without a name",
            );
            return;
        };
        let Some(version) = word(self.version) else {
            let problem = format!("the package {name:?} has no version");
            out.malformed(analyser, file.path, self.first_line, &problem);
            return;
        };
        out.add_package(
            analyser,
            PackageFact {
                name: name.clone(),
                source: word(self.origin).map(|origin| SourcePackage {
                    name: origin,
                    version: version.clone(),
                }),
                version,
                architecture: word(self.architecture),
                licence: word(self.licence).map(|licence| cut(&licence, MAX_LICENCE_BYTES)),
                lines: Some((self.first_line, last_line)),
                ..PackageFact::new(PackageKind::Apk, "", "", file.path)
            },
        );
        out.add_owned(
            analyser,
            OwnedFiles {
                kind: PackageKind::Apk,
                name,
                version: None,
                architecture: None,
                files: self.files.finish(),
                file: file.path.clone(),
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims};

    const INSTALLED: &str = "\
C:Q1qKcZ+j23xssAXmgQhkOO8dHnbWw=
P:alpine-baselayout
V:3.2.0-r16
A:x86_64
S:20716
I:413696
T:Alpine base dir structure and init scripts
U:https://git.alpinelinux.org/cgit/aports/tree/main/alpine-baselayout
L:GPL-2.0-only
o:alpine-baselayout
m:Natanael Copa <ncopa@alpinelinux.org>
t:1628759866
c:8a8c96a0ea2fcd824c361aa4438763fa33ee8ca0
D:/bin/sh so:libc.musl-x86_64.so.1
F:dev
M:0:0:1777
F:etc
R:fstab
Z:Q11Q7hNe8QpDS531guqCdrXBzoA/o=
F:
R:init

C:Q1abc=
P:libssl1.1
V:1.1.1t-r2
A:x86_64
L:OpenSSL
o:openssl
F:lib
R:libssl.so.1.1
a:0:0:755
";

    #[test]
    fn claims() {
        check_claims(
            &Apk,
            &["lib/apk/db/installed", "usr/lib/apk/db/installed"],
            &[
                "lib/apk/db/installed.new",
                "x/lib/apk/db/installed",
                "lib/apk/db",
                "installed",
                "",
            ],
        );
    }

    #[test]
    fn packages_are_read_with_their_origin_and_place() {
        let facts = analyse(&Apk, "lib/apk/db/installed", INSTALLED);
        assert_eq!(facts.warnings, []);
        let [base, ssl] = facts.packages.as_slice() else {
            panic!("{:?}", facts.packages)
        };
        assert_eq!(base.name, "alpine-baselayout");
        assert_eq!(base.licence.as_deref(), Some("GPL-2.0-only"));
        assert_eq!(base.lines, Some((1, 21)));
        assert_eq!(ssl.version, "1.1.1t-r2");
        assert_eq!(ssl.architecture.as_deref(), Some("x86_64"));
        assert_eq!(ssl.lines, Some((23, 31)));
        let source = ssl.source.as_ref().unwrap();
        assert_eq!(
            (source.name.as_str(), source.version.as_str()),
            ("openssl", "1.1.1t-r2")
        );
    }

    #[test]
    fn owned_files_are_joined_to_their_directory() {
        let facts = analyse(&Apk, "lib/apk/db/installed", INSTALLED);
        let files: Vec<String> = facts.owned[0].files.iter().map(|f| f.to_string()).collect();
        assert_eq!(files, ["etc/fstab", "init"]);
        assert_eq!(facts.owned[1].name, "libssl1.1");
    }

    #[test]
    fn truncated_databases_give_what_they_have() {
        let cut = &INSTALLED[..INSTALLED.find("V:1.1.1t").unwrap()];
        let facts = analyse(&Apk, "lib/apk/db/installed", cut);
        assert_eq!(facts.packages.len(), 1);
        assert_eq!(
            facts.warnings[0].to_string(),
            r#"lib/apk/db/installed, line 23: the package "libssl1.1" has no version"#
        );
    }

    #[test]
    fn hostile_databases_are_warnings() {
        let check = |text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Apk, "lib/apk/db/installed", text);
            assert_eq!(facts.packages.len(), packages, "{text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{text:?}");
        };
        check(b"", 0, 0);
        check(b"\n\n\n", 0, 0);
        check(b"\xff\xfe\0", 0, 1);
        check(b"V:1\n", 0, 1);
        check(&[b"P:", [b'a'; 5000].as_slice(), b"\nV:1\n"].concat(), 0, 1);
        check(b"P:\xff\nV:1\n", 1, 0);
        let many = "P:a\nV:1\n\n".repeat(crate::limits::MAX_PACKAGES + 5);
        check(many.as_bytes(), crate::limits::MAX_PACKAGES, 1);
    }
}
