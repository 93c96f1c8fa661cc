//! Opkg's package database, in `usr/lib/opkg` (OpenWrt) or `var/lib/opkg` (Yocto).
//!
//! - `status`: paragraphs as dpkg's, see [`crate::deb822`]; shorter than
//! - `info/<name>.control`: the package's own paragraph, with source and licence;
//! - `info/<name>.list`: its files, each with its mode after a tab where opkg is newer than 2019.
//!
//! Format: <https://git.yoctoproject.org/opkg/tree/README.md>, and opkg(1). A package is stated by its
//! control file and again in `status`: the merge joins the two.

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{Analyser, ClaimedFile},
    deb822::paragraphs,
    facts::{Facts, OwnedFiles, PackageKind, SourcePackage},
    limits::MAX_LICENCE_BYTES,
    path_list::PathListBuilder,
    text::{cut, lines, word},
};

/// Packages of OpenWrt, Yocto and their kin.
pub struct Opkg;

const DATABASES: [&[u8]; 2] = [b"usr/lib/opkg/", b"var/lib/opkg/"];

enum Role<'a> {
    /// `status` or a control file.
    Packages,
    /// The file list of the package of that name.
    Files(&'a [u8]),
}

impl<'a> Role<'a> {
    fn of(path: &'a LayerPath) -> Option<Self> {
        let path = path.as_bytes();
        let rest = DATABASES
            .iter()
            .find_map(|folder| path.strip_prefix(*folder))?;
        if rest == b"status" {
            return Some(Self::Packages);
        }
        let name = rest.strip_prefix(b"info/")?;
        if name.contains(&b'/') {
            return None;
        }
        match name.strip_suffix(b".list") {
            Some(owner) => Some(Self::Files(owner)),
            None => name.ends_with(b".control").then_some(Self::Packages),
        }
    }
}

impl Analyser for Opkg {
    fn id(&self) -> &'static str {
        "opkg"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        Role::of(path).is_some()
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        match Role::of(file.path) {
            Some(Role::Packages) => {
                for paragraph in paragraphs(file.bytes) {
                    let package = paragraph.package(self.id(), PackageKind::Opkg, &file, out);
                    let Some(mut package) = package else {
                        continue;
                    };
                    package.source =
                        source(paragraph.recipe, paragraph.source).map(|name| SourcePackage {
                            name,
                            version: package.version.clone(),
                        });
                    let licence = word(paragraph.licence);
                    package.licence = licence.map(|text| cut(&text, MAX_LICENCE_BYTES));
                    out.add_package(self.id(), package);
                }
            }
            Some(Role::Files(owner)) => read_files(self.id(), &file, owner, out),
            None => {}
        }
    }
}

/// The recipe's name; else the end of where it lies (`feeds/base/libs/zlib`, `zlib_1.3.1.bb`).
fn source(recipe: &[u8], source: &[u8]) -> Option<String> {
    word(recipe).or_else(|| {
        let file = source.rsplit(|byte| *byte == b'/').next()?;
        let name = match file.strip_suffix(b".bb") {
            Some(recipe) => recipe.split(|byte| *byte == b'_').next()?,
            None => file,
        };
        word(name)
    })
}

fn read_files(analyser: &str, file: &ClaimedFile<'_>, owner: &[u8], out: &mut Facts) {
    let Some(name) = word(owner) else {
        return;
    };
    let mut files = PathListBuilder::default();
    for (_, line) in lines(file.bytes) {
        let end = memchr::memchr(b'\t', line).unwrap_or(line.len());
        let path = line.get(..end).unwrap_or_default();
        if !path.is_empty() {
            files.push(path.strip_prefix(b"/").unwrap_or(path));
        }
    }
    out.add_owned(
        analyser,
        OwnedFiles {
            kind: PackageKind::Opkg,
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

    #[test]
    fn claims() {
        check_claims(
            &Opkg,
            &[
                "usr/lib/opkg/status",
                "var/lib/opkg/status",
                "usr/lib/opkg/info/busybox.control",
                "var/lib/opkg/info/busybox.list",
            ],
            &[
                "usr/lib/opkg/info/busybox.prerm",
                "usr/lib/opkg/info/a/b.list",
                "usr/lib/opkg/lists/base",
                "usr/lib/opkg/status.new",
                "lib/opkg/status",
                "",
            ],
        );
    }

    /// Name, version, architecture, source, licence.
    fn check(path: &str, text: &str, expect: &[&str]) {
        let facts = analyse(&Opkg, path, text);
        assert_eq!(facts.warnings, [], "{text}");
        let found: Vec<String> = facts
            .packages
            .iter()
            .map(|package| {
                let source = package.source.as_ref().map(|source| source.name.as_str());
                [
                    package.name.as_str(),
                    &package.version,
                    package.architecture.as_deref().unwrap_or("-"),
                    source.unwrap_or("-"),
                    package.licence.as_deref().unwrap_or("-"),
                ]
                .join(" ")
            })
            .collect();
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn packages_are_read_from_status_and_control_files() {
        check(
            "usr/lib/opkg/status",
            "Package: libubox20230523\nABIVersion: 20230523\nVersion: 2023-05-23-75a3b870-1\n\
             Depends: libc\nStatus: install user installed\nArchitecture: aarch64_cortex-a53\n\
             Installed-Time: 1700000000\n\nPackage: gone\nVersion: 1\n\
             Status: deinstall ok not-installed\n\nPackage: held\nVersion: 2\n\
             Status: install hold,user installed\nArchitecture: all\n",
            &[
                "libubox20230523 2023-05-23-75a3b870-1 aarch64_cortex-a53 - -",
                "held 2 all - -",
            ],
        );
        check(
            "usr/lib/opkg/info/busybox.control",
            "Package: busybox\nVersion: 1.36.1-1\nDepends: libc\nSource: package/utils/busybox\n\
             SourceName: busybox\nLicense: GPL-2.0\nSection: base\nArchitecture: x86_64\n\
             Description:  The Swiss Army Knife of embedded Linux.\n",
            &["busybox 1.36.1-1 x86_64 busybox GPL-2.0"],
        );
        check(
            "usr/lib/opkg/info/zlib.control",
            "Package: zlib\nVersion: 1\nSource: feeds/base/libs/zlib-ng\n",
            &["zlib 1 - zlib-ng -"],
        );
        check(
            "var/lib/opkg/info/libz1.control",
            "Package: libz1\nVersion: 1.3.1-r0\nArchitecture: core2-64\nLicense: Zlib\nOE: zlib\n\
             Source: http://example.org/zlib-1.3.1.tar.xz\n",
            &["libz1 1.3.1-r0 core2-64 zlib Zlib"],
        );
        check(
            "var/lib/opkg/info/libz1.control",
            "Package: libz1\nVersion: 1.3.1-r0\nSource: zlib_1.3.1.bb\n",
            &["libz1 1.3.1-r0 - zlib -"],
        );
    }

    #[test]
    fn file_lists_may_have_modes() {
        let text = "/bin/busybox\t0100755\n/bin/sh\t0120777\tbusybox\n/etc/a b\n\n";
        let facts = analyse(&Opkg, "usr/lib/opkg/info/busybox.list", text);
        let [owned] = facts.owned.as_slice() else {
            panic!("{:?}", facts.owned)
        };
        assert_eq!(owned.name, "busybox");
        let files: Vec<String> = owned.files.iter().map(|file| file.to_string()).collect();
        assert_eq!(files, ["bin/busybox", "bin/sh", "etc/a b"]);
    }

    #[test]
    fn truncated_and_hostile_databases_are_warnings() {
        let check = |text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Opkg, "usr/lib/opkg/status", text);
            assert_eq!(facts.packages.len(), packages, "{text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{text:?}");
        };
        check(b"", 0, 0);
        check(b"Package: a\nVers", 0, 1);
        check(b"\xff\xfe\0\n", 0, 1);
        check(
            b"Package: a\nVersion: 1\nStatus: install user half-installed\n",
            0,
            1,
        );
        check(b"Package: a\nVersion: 1\nSource: /\nOE:\n", 1, 0);
        let facts = analyse(&Opkg, "usr/lib/opkg/info/.list", "/a\n");
        assert_eq!(facts, Facts::default());
    }
}
