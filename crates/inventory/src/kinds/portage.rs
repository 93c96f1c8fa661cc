//! Portage's database of installed packages, `var/db/pkg/<category>/<name>-<version>/`.
//!
//! Format: <https://wiki.gentoo.org/wiki//var/db/pkg>, one file per fact: `CONTENTS` lists what is
//! installed, `LICENSE` is the licence expression. Every package has a `CONTENTS`, if an empty one:
//! name and version are those of its folder, split as the Package Manager Specification says
//! (<https://projects.gentoo.org/pms/8/pms.html>, 3.1.2 and 3.2). The name is `category/name`, for
//! names alone are not unique.

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Facts, LicenceFact, OwnedFiles, PackageFact, PackageKind},
    limits::MAX_LICENCE_BYTES,
    path_list::PathListBuilder,
    text::{cut, lines, word},
};

/// Packages of Gentoo and its kin.
pub struct Portage;

const DATABASE: &[u8] = b"var/db/pkg/";

#[derive(Clone, Copy)]
enum Role {
    Contents,
    Licence,
}

/// A file of the database: whose it is, and which.
struct Place<'a> {
    category: &'a [u8],
    package: &'a [u8],
    role: Role,
}

impl<'a> Place<'a> {
    fn of(path: &'a LayerPath) -> Option<Self> {
        let rest = path.as_bytes().strip_prefix(DATABASE)?;
        let mut parts = rest.split(|byte| *byte == b'/');
        let (category, package) = (parts.next()?, parts.next()?);
        let role = match parts.next()? {
            b"CONTENTS" => Role::Contents,
            b"LICENSE" => Role::Licence,
            _ => return None,
        };
        // `-MERGING-a-1` is a package that is being installed.
        let is_whole = parts.next().is_none() && !package.starts_with(b"-");
        is_whole.then_some(Self {
            category,
            package,
            role,
        })
    }
}

impl Analyser for Portage {
    fn id(&self) -> &'static str {
        "portage"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        Place::of(path).is_some()
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        let Some(place) = Place::of(file.path) else {
            return;
        };
        match place.role {
            Role::Contents => read_contents(self.id(), &file, &place, out),
            Role::Licence => {
                let licence = file
                    .bytes
                    .get(..MAX_LICENCE_BYTES * 2)
                    .unwrap_or(file.bytes);
                let licence = String::from_utf8_lossy(licence.trim_ascii());
                if !licence.is_empty() {
                    out.licences.push(LicenceFact {
                        licence: cut(&licence, MAX_LICENCE_BYTES),
                        file: file.path.clone(),
                    });
                }
            }
        }
    }
}

fn read_contents(analyser: &str, file: &ClaimedFile<'_>, place: &Place<'_>, out: &mut Facts) {
    let name_and_version = split(place.package).and_then(|(name, version)| {
        let name = [place.category, name].join(&b'/');
        Some((word(&name)?, word(version)?))
    });
    let Some((name, version)) = name_and_version else {
        return out.malformed(analyser, file.path, 0, "its folder is no name and version");
    };
    let mut files = PathListBuilder::default();
    for (number, line) in lines(file.bytes) {
        match path(line) {
            Line::File(path) => {
                files.push(path.strip_prefix(b"/").unwrap_or(path));
            }
            Line::Directory => {}
            Line::Unknown => {
                // The rest may be read all the same: one warning is enough.
                out.malformed(
                    analyser,
                    file.path,
                    number,
                    "neither a file nor a directory",
                );
                break;
            }
        }
    }
    out.add_package(
        analyser,
        PackageFact::new(PackageKind::Ebuild, name.clone(), version, file.path),
    );
    out.add_owned(
        analyser,
        OwnedFiles {
            kind: PackageKind::Ebuild,
            name,
            version: None,
            architecture: None,
            files: files.finish(),
            file: file.path.clone(),
        },
    );
}

enum Line<'a> {
    File(&'a [u8]),
    Directory,
    Unknown,
}

/// `obj <path> <md5> <time>`, `sym <path> -> <target> <time>`, `dir`, `fif` or `dev <path>`. Paths may
/// have blanks.
fn path(line: &[u8]) -> Line<'_> {
    let Some((kind, rest)) = line.split_at_checked(4) else {
        return match line.is_empty() {
            true => Line::Directory,
            false => Line::Unknown,
        };
    };
    match kind {
        b"obj " => match rest.rsplitn(3, |byte| *byte == b' ').nth(2) {
            Some(path) => Line::File(path),
            None => Line::Unknown,
        },
        b"sym " => match memchr::memmem::find(rest, b" -> ") {
            Some(end) => Line::File(rest.get(..end).unwrap_or_default()),
            None => Line::Unknown,
        },
        b"fif " | b"dev " => Line::File(rest),
        b"dir " => Line::Directory,
        _ => Line::Unknown,
    }
}

/// Name and version. A name cannot end in a hyphen and a version, so that the first hyphen that a
/// version follows is the one.
fn split(package: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut hyphens = memchr::memchr_iter(b'-', package);
    hyphens.find_map(|hyphen| {
        let (name, version) = package.split_at_checked(hyphen)?;
        let version = version.get(1..)?;
        (!name.is_empty() && is_version(version)).then_some((name, version))
    })
}

/// Numbers parted by dots, a letter, suffixes (`_rc1`), a revision (`-r1`).
fn is_version(version: &[u8]) -> bool {
    fn digits(bytes: &[u8]) -> (usize, &[u8]) {
        let end = bytes
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        (end, bytes.get(end..).unwrap_or_default())
    }
    let mut rest = version;
    loop {
        let (count, after) = digits(rest);
        if count == 0 {
            return false;
        }
        rest = after;
        match rest.strip_prefix(b".") {
            Some(after) => rest = after,
            None => break,
        }
    }
    if let Some((letter, after)) = rest.split_first()
        && letter.is_ascii_lowercase()
    {
        rest = after;
    }
    while let Some(suffix) = rest.strip_prefix(b"_") {
        // `pre` before `p`, which it begins with.
        let names: [&[u8]; 5] = [b"alpha", b"beta", b"pre", b"rc", b"p"];
        let Some(after) = names.iter().find_map(|name| suffix.strip_prefix(*name)) else {
            return false;
        };
        (_, rest) = digits(after);
    }
    if let Some(revision) = rest.strip_prefix(b"-r") {
        let (count, after) = digits(revision);
        return count > 0 && after.is_empty();
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims};

    const PATH: &str = "var/db/pkg/app-containers/skopeo-1.5.1-r2/CONTENTS";

    #[test]
    fn claims() {
        check_claims(
            &Portage,
            &[PATH, "var/db/pkg/app-containers/skopeo-1.5.1-r2/LICENSE"],
            &[
                "var/db/pkg/app-containers/skopeo-1.5.1/SIZE",
                "var/db/pkg/app-containers/-MERGING-skopeo-1.5.1/CONTENTS",
                "var/db/pkg/app-containers/skopeo-1.5.1/a/CONTENTS",
                "var/db/pkg/app-containers/CONTENTS",
                "var/db/pkg/CONTENTS",
                "CONTENTS",
                "LICENSE",
                "",
            ],
        );
    }

    #[test]
    fn names_and_versions_are_told_apart() {
        let check = |package: &str, expect: Option<(&str, &str)>| {
            let expect = expect.map(|(name, version)| (name.as_bytes(), version.as_bytes()));
            assert_eq!(split(package.as_bytes()), expect, "{package}");
        };
        check("skopeo-1.5.1", Some(("skopeo", "1.5.1")));
        check(
            "gcc-11.3.1_p20221209-r1",
            Some(("gcc", "11.3.1_p20221209-r1")),
        );
        check("font-misc-misc-1.1.2", Some(("font-misc-misc", "1.1.2")));
        check("gtk+-3.24.35", Some(("gtk+", "3.24.35")));
        check("openssl-1.1.1q", Some(("openssl", "1.1.1q")));
        check(
            "a-1_alpha_beta2_pre3_rc4_p5",
            Some(("a", "1_alpha_beta2_pre3_rc4_p5")),
        );
        check("linux-headers-9999", Some(("linux-headers", "9999")));
        check("mod-8bit-1.0", Some(("mod-8bit", "1.0")));
        check("a", None);
        check("a-", None);
        check("-1", None);
        check("a-1.", None);
        check("a-1-r", None);
        check("a-1_gamma", None);
        check("", None);
    }

    #[test]
    fn packages_and_their_files_are_read() {
        let text = "dir /usr\ndir /usr/bin\nobj /usr/bin/sko peo 376c02bd 1649284374\n\
                    sym /usr/bin/s -> sko peo 1649284374\nfif /run/f\n";
        let facts = analyse(&Portage, PATH, text);
        assert_eq!(facts.warnings, []);
        let [package] = facts.packages.as_slice() else {
            panic!("{:?}", facts.packages)
        };
        assert_eq!(package.name, "app-containers/skopeo");
        assert_eq!(package.version, "1.5.1-r2");
        let files: Vec<String> = facts.owned[0].files.iter().map(|f| f.to_string()).collect();
        assert_eq!(files, ["usr/bin/sko peo", "usr/bin/s", "run/f"]);
        assert_eq!(facts.owned[0].name, package.name);
    }

    #[test]
    fn virtual_packages_have_no_files() {
        let facts = analyse(&Portage, "var/db/pkg/virtual/libc-1-r1/CONTENTS", "");
        assert_eq!(facts.packages[0].name, "virtual/libc");
        assert_eq!(facts.owned, []);
    }

    #[test]
    fn licences_are_read() {
        let path = "var/db/pkg/a/b-1/LICENSE";
        let check = |text: &str, expect: Option<&str>| {
            let facts = analyse(&Portage, path, text);
            let found = facts.licences.first().map(|fact| fact.licence.as_str());
            assert_eq!(found, expect);
        };
        check(
            "Apache-2.0 BSD || ( MIT ISC )\n",
            Some("Apache-2.0 BSD || ( MIT ISC )"),
        );
        check("\n", None);
        let long = "A".repeat(5000);
        check(&long, Some(&format!("{}…", &long[..MAX_LICENCE_BYTES])));
    }

    #[test]
    fn truncated_and_hostile_databases_are_warnings() {
        let check = |path: &str, text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Portage, path, text);
            assert_eq!(facts.packages.len(), packages, "{text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{text:?}");
        };
        check(PATH, b"obj /usr/bin/a 376c", 1, 1);
        check(PATH, b"ob", 1, 1);
        check(PATH, b"sym /usr/bin/a", 1, 1);
        check(PATH, b"\xff\xff\xff\xff\xff", 1, 1);
        check("var/db/pkg/a/b/CONTENTS", b"", 0, 1);
        check("var/db/pkg/a/b-x/CONTENTS", b"", 0, 1);
    }
}
