//! Debian's package database below `var/lib/dpkg`.
//!
//! - `status`: deb822 paragraphs (deb822(5), dpkg-query(1) for the `Status` field).
//! - `status.d/<name>`: one paragraph per file, as Google's distroless images have it, without a
//!   `Status` field.
//! - `info/<name>[:<arch>].list`: the files that a package owns; `*.md5sums` likewise, without
//!   configuration files, and in `status.d` too.
//! - `usr/share/doc/<name>/copyright`: the licence, where it is machine-readable
//!   (<https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/>).

use lamina_image::{
    layer::{Entry, EntryKind},
    path::LayerPath,
};

use crate::{
    analyser::{Analyser, ClaimedFile},
    deb822::paragraphs,
    facts::{Facts, LicenceFact, OwnedFiles, PackageKind, SourcePackage},
    limits::{MAX_CLAIMED_BYTES, MAX_COPYRIGHT_BYTES, MAX_LICENCE_BYTES},
    path_list::PathListBuilder,
    text::{cut, field, lines, word},
};

/// Packages of Debian, Ubuntu and their kin.
pub struct Dpkg;

const DATABASE: &[u8] = b"var/lib/dpkg/";
const DOCUMENTS: &[u8] = b"usr/share/doc/";

/// What else of a package's control archive may lie in `status.d`, by deb-control(5).
const CONTROL_FILES: &[&[u8]] = &[
    b".conffiles",
    b".config",
    b".postinst",
    b".postrm",
    b".preinst",
    b".prerm",
    b".shlibs",
    b".symbols",
    b".templates",
    b".triggers",
];

enum Role<'a> {
    Status,
    /// The file's name without `.list` or `.md5sums`, and which of the two it is.
    Files {
        owner: &'a [u8],
        is_list: bool,
    },
    Copyright,
}

impl<'a> Role<'a> {
    fn of(path: &'a LayerPath) -> Option<Self> {
        let path = path.as_bytes();
        if let Some(rest) = path.strip_prefix(DATABASE) {
            if rest == b"status" {
                return Some(Self::Status);
            }
            if let Some(name) = rest.strip_prefix(b"status.d/") {
                if name.is_empty() || name.contains(&b'/') {
                    return None;
                }
                for (suffix, is_list) in [(&b".md5sums"[..], false), (b".list", true)] {
                    if let Some(owner) = name.strip_suffix(suffix) {
                        return Some(Self::Files { owner, is_list });
                    }
                }
                let is_other = CONTROL_FILES.iter().any(|suffix| name.ends_with(suffix));
                return (!is_other).then_some(Self::Status);
            }
            let name = rest.strip_prefix(b"info/")?;
            if let Some(owner) = name.strip_suffix(b".list") {
                return Some(Self::Files {
                    owner,
                    is_list: true,
                });
            }
            let owner = name.strip_suffix(b".md5sums")?;
            return Some(Self::Files {
                owner,
                is_list: false,
            });
        }
        let rest = path.strip_prefix(DOCUMENTS)?;
        let name = rest.strip_suffix(b"/copyright")?;
        (!name.contains(&b'/')).then_some(Self::Copyright)
    }
}

impl Analyser for Dpkg {
    fn id(&self) -> &'static str {
        "dpkg"
    }

    fn revision(&self) -> u32 {
        2
    }

    fn claims(&self, path: &LayerPath, entry: &Entry) -> bool {
        match Role::of(path) {
            // A link to a licence that is not read is not worth a warning.
            Some(Role::Copyright) => entry.kind == EntryKind::File,
            role => role.is_some(),
        }
    }

    fn max_bytes(&self, path: &LayerPath) -> u64 {
        match Role::of(path) {
            Some(Role::Copyright) => MAX_COPYRIGHT_BYTES,
            _ => MAX_CLAIMED_BYTES,
        }
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        match Role::of(file.path) {
            Some(Role::Status) => read_status(self.id(), &file, out),
            Some(Role::Files { owner, is_list }) => {
                read_files(self.id(), &file, owner, is_list, out);
            }
            Some(Role::Copyright) => read_copyright(&file, out),
            None => {}
        }
    }
}

fn read_status(analyser: &str, file: &ClaimedFile<'_>, out: &mut Facts) {
    for paragraph in paragraphs(file.bytes) {
        let Some(mut package) = paragraph.package(analyser, PackageKind::Deb, file, out) else {
            continue;
        };
        let (name, version) = source(paragraph.source).unwrap_or((package.name.clone(), None));
        package.source = Some(SourcePackage {
            name,
            version: version.unwrap_or_else(|| package.version.clone()),
        });
        out.add_package(analyser, package);
    }
}

/// `Source: glibc (2.36-9)`, the version where it differs from the binary's.
fn source(value: &[u8]) -> Option<(String, Option<String>)> {
    let open = memchr::memchr(b'(', value).unwrap_or(value.len());
    let (name, version) = value.split_at_checked(open)?;
    let version = version
        .strip_prefix(b"(")
        .map(|version| version.strip_suffix(b")").unwrap_or(version));
    Some((word(name)?, version.and_then(word)))
}

fn read_files(
    analyser: &str,
    file: &ClaimedFile<'_>,
    owner: &[u8],
    is_list: bool,
    out: &mut Facts,
) {
    let (name, architecture) = match memchr::memchr(b':', owner) {
        Some(colon) => (
            owner.get(..colon).unwrap_or_default(),
            owner.get(colon + 1..).unwrap_or_default(),
        ),
        None => (owner, &[][..]),
    };
    let Some(name) = word(name) else {
        return;
    };
    let mut files = PathListBuilder::default();
    let mut before: &[u8] = b"";
    for (number, line) in lines(file.bytes) {
        // `.list` has a path per line; `.md5sums` has 32 digits and two blanks before it.
        let path = if is_list {
            line
        } else {
            match line.split_at_checked(32) {
                Some((_, path)) if path.starts_with(b"  ") || path.starts_with(b" *") => {
                    path.get(2..).unwrap_or_default()
                }
                _ if line.is_empty() => continue,
                _ => {
                    out.malformed(analyser, file.path, number, "not a digest and a path");
                    return;
                }
            }
        };
        // A directory comes right before what lies in it: most of them are left out here.
        let is_directory = path
            .strip_prefix(before)
            .is_some_and(|rest| rest.starts_with(b"/"));
        if !before.is_empty() && !is_directory {
            files.push(trim_root(before));
        }
        before = path;
    }
    if !before.is_empty() {
        files.push(trim_root(before));
    }
    out.add_owned(
        analyser,
        OwnedFiles {
            kind: PackageKind::Deb,
            name,
            version: None,
            architecture: word(architecture),
            files: files.finish(),
            file: file.path.clone(),
        },
    );
}

fn trim_root(path: &[u8]) -> &[u8] {
    let path = path.strip_prefix(b".").unwrap_or(path);
    path.strip_prefix(b"/").unwrap_or(path)
}

fn read_copyright(file: &ClaimedFile<'_>, out: &mut Facts) {
    let mut lines = lines(file.bytes);
    let is_machine_readable = lines
        .by_ref()
        .map(|(_, line)| line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line))
        .find(|line| !line.trim_ascii().is_empty())
        .and_then(field)
        .is_some_and(|(key, value)| {
            key.eq_ignore_ascii_case(b"Format")
                && memchr::memmem::find(value, b"copyright-format").is_some()
        });
    if !is_machine_readable {
        return;
    }
    let mut names: Vec<&[u8]> = Vec::new();
    for (_, line) in lines {
        if let Some((key, value)) = field(line)
            && key.eq_ignore_ascii_case(b"License")
            && !value.is_empty()
            && names.len() < MAX_LICENCE_BYTES / 2
            && !names.contains(&value)
        {
            names.push(value);
        }
    }
    if names.is_empty() {
        return;
    }
    let licence = String::from_utf8_lossy(&names.join(&b", "[..])).into_owned();
    out.licences.push(LicenceFact {
        licence: cut(&licence, MAX_LICENCE_BYTES),
        file: file.path.clone(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims};

    const STATUS: &str = "\
Package: libssl3
Status: install ok installed
Priority: optional
Section: libs
Installed-Size: 6021
Maintainer: Debian OpenSSL Team <pkg-openssl-devel@alioth-lists.debian.net>
Architecture: amd64
Multi-Arch: same
Source: openssl
Version: 3.0.11-1~deb12u2
Depends: libc6 (>= 2.34)
Description: Secure Sockets Layer toolkit - shared libraries
 This package is part of the OpenSSL project's implementation of the SSL
 Version: not this one
 .
 It contains the shared libraries.
Homepage: https://www.openssl.org/

Package: bash
Essential: yes
Status: hold ok installed
Architecture: amd64
Source: bash (5.2.15-2)
Version: 5.2.15-2+b2

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1
";

    #[test]
    fn claims() {
        check_claims(
            &Dpkg,
            &[
                "var/lib/dpkg/status",
                "var/lib/dpkg/status.d/base",
                "var/lib/dpkg/status.d/base.md5sums",
                "var/lib/dpkg/status.d/libpython3.11",
                "var/lib/dpkg/info/libc6:amd64.list",
                "var/lib/dpkg/info/libc6:amd64.md5sums",
                "usr/share/doc/bash/copyright",
            ],
            &[
                "var/lib/dpkg/status-old",
                "var/lib/dpkg/status.d",
                "var/lib/dpkg/status.d/a/b",
                "var/lib/dpkg/status.d/base.postinst",
                "var/lib/dpkg/available",
                "var/lib/dpkg/info/bash.postinst",
                "var/lib/dpkg/info/format",
                "usr/share/doc/bash/changelog.gz",
                "usr/share/doc/a/b/copyright",
                "x/var/lib/dpkg/status",
                "",
            ],
        );
    }

    #[test]
    fn packages_are_read_with_source_and_place() {
        let facts = analyse(&Dpkg, "var/lib/dpkg/status", STATUS);
        assert_eq!(facts.warnings, []);
        let [ssl, bash] = facts.packages.as_slice() else {
            panic!("{:?}", facts.packages)
        };
        assert_eq!(
            (ssl.name.as_str(), ssl.version.as_str()),
            ("libssl3", "3.0.11-1~deb12u2")
        );
        assert_eq!(ssl.lines, Some((1, 17)));
        assert_eq!(ssl.architecture.as_deref(), Some("amd64"));
        let source = ssl.source.clone().unwrap();
        assert_eq!(
            (source.name.as_str(), source.version.as_str()),
            ("openssl", "3.0.11-1~deb12u2")
        );
        let source = bash.source.clone().unwrap();
        assert_eq!(
            (source.name.as_str(), source.version.as_str()),
            ("bash", "5.2.15-2")
        );
    }

    #[test]
    fn only_states_with_unpacked_files_count() {
        let check = |status: &str, packages: usize, warnings: usize| {
            let text = format!("Package: a\nStatus: {status}\nVersion: 1\n");
            let facts = analyse(&Dpkg, "var/lib/dpkg/status", text);
            assert_eq!(facts.packages.len(), packages, "{status}");
            assert_eq!(facts.warnings.len(), warnings, "{status}");
        };
        check("install ok installed", 1, 0);
        check("hold ok installed", 1, 0);
        check("deinstall ok installed", 1, 0);
        check("install reinstreq installed", 1, 0);
        check("install ok half-configured", 1, 0);
        check("install ok triggers-awaited", 1, 0);
        check("install ok triggers-pending", 1, 0);
        check("install ok unpacked", 1, 0);
        check("deinstall ok config-files", 0, 0);
        check("purge ok not-installed", 0, 0);
        check("install ok half-installed", 0, 1);
        check("", 0, 1);
    }

    #[test]
    fn distroless_paragraphs_need_no_status() {
        let text = "Package: tzdata\nVersion: 2024a-0+deb12u1\nArchitecture: all\n";
        let facts = analyse(&Dpkg, "var/lib/dpkg/status.d/tzdata", text);
        assert_eq!(facts.packages[0].name, "tzdata");
        assert_eq!(
            facts.packages[0].file,
            LayerPath::from("var/lib/dpkg/status.d/tzdata")
        );
    }

    fn owned(path: &str, text: &str) -> (OwnedFiles, Vec<String>) {
        let facts = analyse(&Dpkg, path, text);
        assert_eq!(facts.warnings, []);
        let owned = facts.owned.into_iter().next().unwrap();
        let files = owned.files.iter().map(|file| file.to_string()).collect();
        (owned, files)
    }

    #[test]
    fn file_lists_leave_directories_out() {
        let (owned, files) = owned(
            "var/lib/dpkg/info/libc6:amd64.list",
            "/.\n/lib\n/lib/x86_64-linux-gnu\n/lib/x86_64-linux-gnu/libc.so.6\n/usr\n/usr/share\n\
             /usr/share/a b\n",
        );
        assert_eq!(
            (owned.name.as_str(), owned.architecture.as_deref()),
            ("libc6", Some("amd64"))
        );
        assert_eq!(
            files,
            ["", "lib/x86_64-linux-gnu/libc.so.6", "usr/share/a b"]
        );
    }

    #[test]
    fn md5sums_name_files() {
        let (owned, files) = owned(
            "var/lib/dpkg/status.d/base.md5sums",
            "0123456789abcdef0123456789abcdef  etc/host.conf\n\
             0123456789abcdef0123456789abcdef  usr/a\n",
        );
        assert_eq!(
            (owned.name.as_str(), owned.architecture.as_deref()),
            ("base", None)
        );
        assert_eq!(files, ["etc/host.conf", "usr/a"]);
    }

    #[test]
    fn copyrights_in_the_machine_readable_format_state_licences() {
        let check = |text: &str, expect: Option<&str>| {
            let facts = analyse(&Dpkg, "usr/share/doc/a/copyright", text);
            let found = facts.licences.first().map(|fact| fact.licence.as_str());
            assert_eq!(found, expect, "{text}");
        };
        check(
            "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
             Upstream-Name: a\n\nFiles: *\nCopyright: 2020 A\nLicense: GPL-2+\n\n\
             Files: debian/*\nLicense: Expat or GPL-2+\n\nLicense: GPL-2+\n The whole text\n\
             \nLicense:\n",
            Some("GPL-2+, Expat or GPL-2+"),
        );
        check("This package was debianized by A.\nLicense: GPL\n", None);
        check("", None);
    }

    #[test]
    fn truncated_and_hostile_databases_are_warnings() {
        let check = |path: &str, text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Dpkg, path, text);
            assert_eq!(facts.packages.len(), packages, "{text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{text:?}");
        };
        let status = "var/lib/dpkg/status";
        check(status, b"", 0, 0);
        check(status, b"\xff\xfe\0\n\n: x\n", 0, 2);
        check(
            status,
            &STATUS.as_bytes()[..STATUS.find("Version").unwrap()],
            0,
            1,
        );
        check(status, b"Package: a\nVersion:\n", 0, 1);
        check(status, b"Package: a\nVersion: 1\nSource: (\n", 1, 0);
        check("var/lib/dpkg/info/a.md5sums", b"not a digest\n", 0, 1);
    }
}
