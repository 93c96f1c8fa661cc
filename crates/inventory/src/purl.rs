//! Package URLs.
//!
//! <https://github.com/package-url/purl-spec> (ECMA-427) and its type definitions. Kinds without a
//! definition follow Syft: `ebuild`, `opkg`, `pear`, `wordpress-plugin`, `otp`.

use std::fmt::Write as _;

use crate::facts::{DistributionFact, PackageFact, PackageKind};

/// The package URL of a package. The distribution is its namespace where it is an OS package.
pub fn purl(package: &PackageFact, distribution: Option<&DistributionFact>) -> String {
    use PackageKind as Kind;
    let name = package.name.as_str();
    match package.kind {
        Kind::Apk | Kind::Deb | Kind::Opkg | Kind::Alpm => os_purl(
            &name.to_lowercase(),
            &package.version,
            &[],
            package,
            distribution,
        ),
        // The epoch is a qualifier there (type definition of `rpm`).
        Kind::Rpm => {
            let (epoch, version) = match package.version.split_once(':') {
                Some((epoch, version)) => (Some(epoch).filter(|epoch| *epoch != "0"), version),
                None => (None, package.version.as_str()),
            };
            let qualifiers = [
                ("epoch", epoch),
                ("rpmmod", package.detail_of("modularity-label")),
            ];
            os_purl(name, version, &qualifiers, package, distribution)
        }
        Kind::Pypi => language_purl(&normalise_python(name), &[], package),
        // `group:artifact`.
        Kind::Maven => language_purl(&name.replacen(':', "/", 1), &[], package),
        Kind::Golang | Kind::Composer | Kind::Pub | Kind::Hex | Kind::Bitnami | Kind::Github => {
            language_purl(&name.to_lowercase(), &[], package)
        }
        Kind::Conda => language_purl(
            name,
            &[
                ("build", package.detail_of("build")),
                ("channel", package.detail_of("channel")),
                ("subdir", package.detail_of("subdir")),
            ],
            package,
        ),
        Kind::Gem => language_purl(
            name,
            &[("platform", package.detail_of("platform"))],
            package,
        ),
        Kind::Julia => language_purl(name, &[("uuid", package.detail_of("uuid"))], package),
        Kind::Nix => language_purl(
            name,
            &[("outputhash", package.detail_of("output-hash"))],
            package,
        ),
        // Old npm packages have capitals in their names, and differ from those that have not.
        _ => language_purl(name, &[], package),
    }
}

/// Qualifiers by name, in alphabetical order; those without a value are left out.
type Qualifiers<'a> = [(&'a str, Option<&'a str>)];

fn language_purl(name: &str, qualifiers: &Qualifiers<'_>, package: &PackageFact) -> String {
    let kind = match package.kind {
        PackageKind::LinuxKernel => "generic",
        kind => kind.word(),
    };
    let mut purl = format!("pkg:{kind}");
    for part in name.split('/').filter(|part| !part.is_empty()) {
        purl.push('/');
        encode(part, &mut purl);
    }
    add_version(&package.version, &mut purl);
    add_qualifiers(qualifiers, &mut purl);
    purl
}

fn add_version(version: &str, purl: &mut String) {
    if !version.is_empty() {
        purl.push('@');
        encode(version, purl);
    }
}

fn add_qualifiers(qualifiers: &Qualifiers<'_>, purl: &mut String) {
    let mut separator = '?';
    for (name, value) in qualifiers {
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            continue;
        };
        purl.push(separator);
        purl.push_str(name);
        purl.push('=');
        encode(value, purl);
        separator = '&';
    }
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

fn os_purl(
    name: &str,
    version: &str,
    more: &Qualifiers<'_>,
    package: &PackageFact,
    distribution: Option<&DistributionFact>,
) -> String {
    let mut purl = format!("pkg:{}/", package.kind.word());
    let mut distro = None;
    if let Some(distribution) = distribution {
        let id = distribution.id.to_lowercase();
        encode(&id, &mut purl);
        purl.push('/');
        let release = distribution.version_id.as_ref();
        let release = release.or(distribution.codename.as_ref());
        distro = Some(match release {
            Some(release) => format!("{id}-{release}"),
            None => id,
        });
    }
    encode(name, &mut purl);
    add_version(version, &mut purl);
    let mut qualifiers = vec![
        ("arch", package.architecture.as_deref()),
        ("distro", distro.as_deref()),
    ];
    qualifiers.extend_from_slice(more);
    add_qualifiers(&qualifiers, &mut purl);
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
        let mut package = PackageFact::new(kind, name, version, &LayerPath::default());
        package.architecture = arch.map(str::to_owned);
        package
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
        use PackageKind::{Apk, Deb, Golang, LinuxKernel, Maven, Npm, Pypi, Rpm};
        let debian = distribution("debian", Some("12"), Some("bookworm"));
        let sid = distribution("debian", None, Some("sid"));
        let alpine = distribution("alpine", Some("3.14.10"), None);
        let check =
            |package: PackageFact, distribution: Option<&DistributionFact>, expect: &str| {
                let purl = purl(&package, distribution);
                assert_eq!(purl, expect);
                // A reader of another hand reads the same.
                let read: packageurl::PackageUrl<'_> = purl.parse().unwrap();
                let version = package.version.rsplit(':').next();
                let read_version = read.version().map(|version| version.rsplit(':').next());
                assert_eq!(read_version, Some(version));
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
        check(
            package(Rpm, "openssl-libs", "1:3.0.7-24.el9", Some("x86_64")),
            Some(&distribution("rhel", Some("9.2"), None)),
            "pkg:rpm/rhel/openssl-libs@3.0.7-24.el9?arch=x86_64&distro=rhel-9.2&epoch=1",
        );
        check(
            package(Maven, "org.apache.logging.log4j:log4j-core", "2.14.1", None),
            None,
            "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1",
        );
        check(
            package(
                Golang,
                "github.com/Azure/go-autorest",
                "v14.2.0+incompatible",
                None,
            ),
            None,
            "pkg:golang/github.com/azure/go-autorest@v14.2.0%2Bincompatible",
        );
        check(
            package(LinuxKernel, "linux-kernel", "6.1.0", None),
            None,
            "pkg:generic/linux-kernel@6.1.0",
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
