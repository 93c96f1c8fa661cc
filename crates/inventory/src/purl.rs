//! Package URLs.
//!
//! <https://github.com/package-url/purl-spec> (ECMA-427) and its type definitions for `apk`, `deb`,
//! `pypi` and `npm`.

use std::fmt::Write as _;

use crate::facts::{DistributionFact, PackageFact, PackageKind};

/// The package URL of a package. The distribution is its namespace where it is an OS package.
pub fn purl(package: &PackageFact, distribution: Option<&DistributionFact>) -> String {
    match package.kind {
        PackageKind::Apk => os_purl("apk", package, distribution),
        PackageKind::Deb => os_purl("deb", package, distribution),
        PackageKind::Pypi => language_purl("pypi", &normalise_python(&package.name), package),
        // Old packages have capitals in their names, and differ from those that have not.
        PackageKind::Npm => language_purl("npm", &package.name, package),
    }
}

fn language_purl(kind: &str, name: &str, package: &PackageFact) -> String {
    let mut purl = format!("pkg:{kind}");
    for part in name.split('/') {
        purl.push('/');
        encode(part, &mut purl);
    }
    purl.push('@');
    encode(&package.version, &mut purl);
    purl
}

/// A Python package's name as indexes compare it (PEP 503).
pub fn normalise_python(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for c in name.trim().chars() {
        match c {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            _ => normal.push(c.to_ascii_lowercase()),
        }
    }
    normal
}

fn os_purl(kind: &str, package: &PackageFact, distribution: Option<&DistributionFact>) -> String {
    let mut purl = format!("pkg:{kind}/");
    if let Some(distribution) = distribution {
        encode(&distribution.id.to_lowercase(), &mut purl);
        purl.push('/');
    }
    encode(&package.name.to_lowercase(), &mut purl);
    purl.push('@');
    encode(&package.version, &mut purl);
    let mut separator = '?';
    if let Some(architecture) = &package.architecture {
        purl.push_str("?arch=");
        encode(architecture, &mut purl);
        separator = '&';
    }
    if let Some(distribution) = distribution {
        purl.push(separator);
        purl.push_str("distro=");
        encode(&distribution.id.to_lowercase(), &mut purl);
        let release = distribution
            .version_id
            .as_ref()
            .or(distribution.codename.as_ref());
        if let Some(release) = release {
            purl.push('-');
            encode(release, &mut purl);
        }
    }
    purl
}

/// Letters, digits and `.-_~:` stand for themselves, as ECMA-427 has it (5.4).
fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':' => {
                out.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use lamina_image::path::LayerPath;

    use super::*;

    fn package(kind: PackageKind, name: &str, version: &str, arch: Option<&str>) -> PackageFact {
        PackageFact {
            kind,
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: arch.map(str::to_owned),
            source: None,
            licence: None,
            file: LayerPath::default(),
            lines: None,
        }
    }

    fn distribution(
        id: &str,
        version_id: Option<&str>,
        codename: Option<&str>,
    ) -> DistributionFact {
        DistributionFact {
            id: id.to_owned(),
            version_id: version_id.map(str::to_owned),
            codename: codename.map(str::to_owned),
            ..DistributionFact::default()
        }
    }

    #[test]
    fn purls_follow_the_type_definitions() {
        use PackageKind::{Apk, Deb, Npm, Pypi};
        let debian = distribution("debian", Some("12"), Some("bookworm"));
        let sid = distribution("debian", None, Some("sid"));
        let alpine = distribution("alpine", Some("3.14.10"), None);
        let check =
            |package: PackageFact, distribution: Option<&DistributionFact>, expect: &str| {
                let purl = purl(&package, distribution);
                assert_eq!(purl, expect);
                // A reader of another hand reads the same.
                let read: packageurl::PackageUrl<'_> = purl.parse().unwrap();
                assert_eq!(read.version(), Some(package.version.as_str()));
            };
        check(
            package(Deb, "libssl3", "3.0.11-1~deb12u2", Some("amd64")),
            Some(&debian),
            "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12",
        );
        check(
            package(Deb, "libstdc++6", "1:12.2.0-14+b1", Some("amd64")),
            Some(&sid),
            "pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14%2Bb1?arch=amd64&distro=debian-sid",
        );
        check(
            package(Apk, "zlib", "1.2.12-r3", Some("x86_64")),
            Some(&alpine),
            "pkg:apk/alpine/zlib@1.2.12-r3?arch=x86_64&distro=alpine-3.14.10",
        );
        check(package(Apk, "zlib", "1", None), None, "pkg:apk/zlib@1");
        check(
            package(Deb, "a", "1", None),
            Some(&debian),
            "pkg:deb/debian/a@1?distro=debian-12",
        );
        check(
            package(Npm, "@babel/core", "7.0.0-beta.1", None),
            Some(&debian),
            "pkg:npm/%40babel/core@7.0.0-beta.1",
        );
        check(
            package(Pypi, "Zope.Interface", "5.0+local", None),
            Some(&debian),
            "pkg:pypi/zope-interface@5.0%2Blocal",
        );
    }

    #[test]
    fn python_names_are_normalised_as_pep_503_says() {
        let check = |name: &str, expect: &str| assert_eq!(normalise_python(name), expect);
        check("Friendly-Bard", "friendly-bard");
        check("FRIENDLY._.--bard", "friendly-bard");
        check("ruamel_yaml", "ruamel-yaml");
    }
}
