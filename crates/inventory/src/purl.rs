//! Package URLs.
//!
//! <https://github.com/package-url/purl-spec> (ECMA-427) and its type definitions. Kinds without a
//! definition follow Syft: `ebuild`, `opkg`, `pear`, `wordpress-plugin`, `otp`.

use std::fmt::Write as _;

use lamina_image::path::LayerPath;

use crate::{
    facts::{DistributionFact, PackageFact, PackageKind, SourcePackage},
    limits::MAX_PURL_BYTES,
};

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
            let is_epoch =
                |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let (epoch, version) = match package.version.split_once(':') {
                Some((epoch, version)) if is_epoch(epoch) => {
                    (Some(epoch).filter(|epoch| *epoch != "0"), version)
                }
                _ => (None, package.version.as_str()),
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
            &[
                ("output", package.detail_of("output")),
                ("outputhash", package.detail_of("output-hash")),
            ],
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
pub fn encode(text: &str, out: &mut String) {
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

/// A package URL in its parts, each of them decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purl {
    /// The type, in lower case.
    pub kind: String,
    /// The namespace, its parts joined by `/`.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
    /// The version.
    pub version: Option<String>,
    /// The qualifiers in their order, the names in lower case.
    pub qualifiers: Vec<(String, String)>,
    /// The path within the package.
    pub subpath: Option<String>,
}

impl Purl {
    /// Reads a package URL; `None` if it is none, or absurdly long.
    ///
    /// By ECMA-427, 5.6, but for what a type demands of its names; and an `@` that begins a part of
    /// the name is the scope of an npm package that somebody forgot to encode.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_PURL_BYTES {
            return None;
        }
        let (rest, subpath) = cut_at(text.trim(), text.trim().rfind('#'));
        let (rest, qualifiers) = cut_at(rest, rest.rfind('?'));
        let (scheme, rest) = rest.split_once(':')?;
        if !scheme.eq_ignore_ascii_case("pkg") {
            return None;
        }
        let (kind, rest) = rest.trim_start_matches('/').split_once('/')?;
        let is_kind = |byte: u8| byte.is_ascii_alphanumeric() || b".+-".contains(&byte);
        if kind.is_empty() || !kind.bytes().all(is_kind) {
            return None;
        }
        let at = rest.rfind('@');
        let at =
            at.filter(|at| *at > 0 && !rest.get(..*at).is_some_and(|rest| rest.ends_with('/')));
        let (path, version) = cut_at(rest, at);
        let mut path = segments(path)?;
        let name = path.pop()?;
        let version = match version {
            Some(version) => Some(decode(version)?).filter(|version| !version.is_empty()),
            None => None,
        };
        let qualifiers = qualifiers
            .unwrap_or_default()
            .split('&')
            .filter_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                let value = decode(value).filter(|value| !value.is_empty())?;
                Some((name.to_ascii_lowercase(), value))
            });
        let mut subpath = segments(subpath.unwrap_or_default())?;
        subpath.retain(|part| part != "." && part != "..");
        let joined = |parts: Vec<String>| (!parts.is_empty()).then(|| parts.join("/"));
        Some(Self {
            kind: kind.to_ascii_lowercase(),
            namespace: joined(path),
            name,
            version,
            qualifiers: qualifiers.collect(),
            subpath: joined(subpath),
        })
    }

    /// What a qualifier says.
    pub fn qualifier(&self, name: &str) -> Option<&str> {
        let found = self.qualifiers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The package as analysers note it, read from `file`; `None` for what is no package, but an
    /// image. A type that no kind has is [`PackageKind::Generic`].
    pub fn package(&self, file: &LayerPath) -> Option<PackageFact> {
        use PackageKind as Kind;
        let kind = match self.kind.as_str() {
            "oci" | "docker" => return None,
            "pecl" => Kind::Pear,
            "homebrew" => Kind::Brew,
            "portage" => Kind::Ebuild,
            word => {
                let mut kinds = Kind::ALL.iter().copied();
                kinds
                    .find(|kind| kind.word() == word)
                    .unwrap_or(Kind::Generic)
            }
        };
        let namespace = match self.kind.as_str() {
            "pecl" => self.namespace.as_deref().or(Some("pecl.php.net")),
            _ => self.namespace.as_deref(),
        };
        let name = match (kind, namespace) {
            // The namespace is the distribution, an author or nothing.
            (Kind::Apk | Kind::Deb | Kind::Rpm | Kind::Alpm | Kind::Opkg, _)
            | (Kind::Luarocks | Kind::Conan | Kind::Conda | Kind::Nix, _)
            | (_, None) => self.name.clone(),
            (Kind::Maven, Some(group)) => format!("{group}:{}", self.name),
            (_, Some(namespace)) => format!("{namespace}/{}", self.name),
        };
        let mut version = self.version.clone().unwrap_or_default();
        let is_os = kind.is_os();
        if let Some(epoch) = self.qualifier("epoch")
            && is_os
            && epoch != "0"
            && !version.contains(':')
        {
            version = format!("{epoch}:{version}");
        }
        let mut package = PackageFact::new(kind, name, version, file);
        if is_os || kind == Kind::Bitnami {
            package.architecture = self.qualifier("arch").map(str::to_owned);
        }
        if is_os {
            package.source = self.source(&package.version);
        }
        let details: &[(&str, &str)] = match kind {
            Kind::Conda => &[
                ("build", "build"),
                ("channel", "channel"),
                ("subdir", "subdir"),
            ],
            Kind::Julia => &[("uuid", "uuid")],
            Kind::Nix => &[("output", "output"), ("outputhash", "output-hash")],
            Kind::Rpm => &[("rpmmod", "modularity-label")],
            _ => &[],
        };
        for (qualifier, detail) in details {
            package.detail(detail, self.qualifier(qualifier));
        }
        Some(package)
    }

    /// Syft's `upstream`: `glibc`, `glibc@2.31` or, for rpm, `glibc-2.34-1.el9.src.rpm`.
    fn source(&self, version: &str) -> Option<SourcePackage> {
        let upstream = self.qualifier("upstream")?;
        let (name, version) = match upstream.strip_suffix(".rpm") {
            Some(rpm) => {
                let mut parts = rpm.rsplitn(3, '-');
                let release = parts.next()?.rsplit_once('.')?.0;
                let version = parts.next()?;
                (parts.next()?, format!("{version}-{release}"))
            }
            None => match upstream.split_once('@') {
                Some((name, version)) => (name, version.to_owned()),
                None => (upstream, version.to_owned()),
            },
        };
        Some(SourcePackage {
            name: name.to_owned(),
            version,
        })
    }
}

/// What is before, and what is after a one-byte separator.
fn cut_at(text: &str, at: Option<usize>) -> (&str, Option<&str>) {
    let parts = at.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?)));
    match parts {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// The parts between slashes that are not empty, decoded.
fn segments(text: &str) -> Option<Vec<String>> {
    let parts = text.split('/').filter(|part| !part.is_empty());
    parts.map(decode).collect()
}

/// Undoes percent-encoding. A percent sign that encodes nothing stands for itself.
fn decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let high_and_low = digit(after.first()).zip(digit(after.get(1)));
        match high_and_low {
            Some((high, low)) if *byte == b'%' => {
                bytes.push(u8::try_from(high * 16 + low).ok()?);
                rest = after.get(2..)?;
            }
            _ => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    /// What an SBOM's package URL is noted as: kind, name, version, architecture, source.
    fn noted(purl: &str) -> Option<String> {
        let package = Purl::parse(purl)?.package(&LayerPath::default())?;
        let source = package
            .source
            .map(|source| format!("{}@{}", source.name, source.version));
        let mut text = format!(
            "{} {} {}",
            package.kind.word(),
            package.name,
            package.version
        );
        for more in [package.architecture, source].into_iter().flatten() {
            text.push(' ');
            text.push_str(&more);
        }
        Some(text)
    }

    #[test]
    fn package_urls_are_noted_under_our_names() {
        let check = |purl: &str, expect: &str| {
            assert_eq!(noted(purl).as_deref(), Some(expect), "{purl}");
        };
        check(
            "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14?arch=amd64&distro=debian-12&epoch=1&upstream=gcc-12",
            "deb libstdc++6 1:12.2.0-14 amd64 gcc-12@1:12.2.0-14",
        );
        check("pkg:deb/debian/a@1%3A2?epoch=1", "deb a 1:2");
        check(
            "pkg:deb/debian/libc-bin@2.36-9%2Bb1?upstream=glibc%402.36-9",
            "deb libc-bin 2.36-9+b1 glibc@2.36-9",
        );
        check(
            "pkg:rpm/redhat/openssl-libs@3.0.7-24.el9?arch=x86_64&epoch=1&upstream=openssl-3.0.7-24.el9.src.rpm",
            "rpm openssl-libs 1:3.0.7-24.el9 x86_64 openssl@3.0.7-24.el9",
        );
        check("pkg:rpm/a@1-2?epoch=0", "rpm a 1-2");
        check(
            "pkg:apk/wolfi/zlib@1.3-r1?arch=x86_64",
            "apk zlib 1.3-r1 x86_64",
        );
        check(
            "pkg:alpm/arch/pacman@6.0.1-1?arch=any",
            "alpm pacman 6.0.1-1 any",
        );
        check("pkg:maven/org.apache/a.b@1", "maven org.apache:a.b 1");
        check("pkg:maven/a@1", "maven a 1");
        check("pkg:npm/%40babel/core@7.0.0", "npm @babel/core 7.0.0");
        check("pkg:npm/@babel/core@7.0.0", "npm @babel/core 7.0.0");
        check("pkg:npm/@babel/core", "npm @babel/core ");
        check(
            "pkg:golang/github.com/a/b@v1.0#cmd/c",
            "golang github.com/a/b v1.0",
        );
        check(
            "pkg:composer/laravel/laravel@5.5.0",
            "composer laravel/laravel 5.5.0",
        );
        check("PKG://GEM//rails@7?platform=java", "gem rails 7");
        check("pkg:pecl/memcached@3", "pear pecl.php.net/memcached 3");
        check(
            "pkg:bitnami/redis@7.4.0-0?arch=arm64&distro=debian-12",
            "bitnami redis 7.4.0-0 arm64",
        );
        check(
            "pkg:huggingface/microsoft/deberta@559",
            "generic microsoft/deberta 559",
        );
        check("pkg:generic/100%25%zz@1", "generic 100%%zz 1");
        for purl in [
            "",
            "pkg:",
            "pkg:npm",
            "pkg:npm/",
            "pkg:npm/@",
            "npm/a@1",
            "http://a/b",
            "pkg:n m/a",
            "pkg:npm/%ff@1",
            "pkg:oci/alpine@sha256:1",
            &format!("pkg:npm/{}", "a".repeat(5000)),
        ] {
            let found = noted(purl);
            assert!(
                found.is_none() || purl == "pkg:npm/@",
                "{purl} is {found:?}"
            );
        }
        // A part of the details.
        let purl = "pkg:julia/A@1?uuid=7876";
        let package = Purl::parse(purl)
            .unwrap()
            .package(&LayerPath::default())
            .unwrap();
        assert_eq!(package.detail_of("uuid"), Some("7876"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            kind in prop::sample::select(PackageKind::ALL),
            name in "[a-z0-9.+_-]{1,8}",
            version in "[ -~]{0,8}",
        ) {
            let (name, version) = (name.trim_matches('-'), version.trim());
            prop_assume!(!name.is_empty());
            let purl = purl(&package(kind, name, version, None), None);
            let read = Purl::parse(&purl).unwrap().package(&LayerPath::default()).unwrap();
            if kind != PackageKind::LinuxKernel && kind != PackageKind::Pypi {
                prop_assert_eq!(read.kind, kind, "{}", purl);
                prop_assert_eq!(&read.name, name, "{}", purl);
            }
            prop_assert_eq!(&read.version, version, "{}", purl);
        }

        #[test]
        fn another_hand_reads_the_same(
            namespace in prop::option::of("[A-Za-z0-9@%. ~-]{1,6}(/[a-z+é]{1,4})?"),
            name in "[A-Za-z0-9@%+ é?#-]{1,8}",
            version in prop::option::of("[A-Za-z0-9@%+/ é?#:-]{1,8}"),
            value in prop::option::of("[A-Za-z0-9@%+/ é?#&=-]{1,8}"),
        ) {
            // `generic` demands nothing of names.
            let mut theirs = packageurl::PackageUrl::new("generic", name.as_str()).unwrap();
            if let Some(namespace) = &namespace {
                theirs.with_namespace(namespace.as_str()).unwrap();
            }
            if let Some(version) = &version {
                theirs.with_version(version.as_str()).unwrap();
            }
            if let Some(value) = &value {
                theirs.add_qualifier("arch", value.as_str()).unwrap();
            }
            let ours = Purl::parse(&theirs.to_string()).unwrap();
            prop_assert_eq!(Some(ours.name.as_str()), Some(theirs.name()));
            prop_assert_eq!(ours.namespace.as_deref(), theirs.namespace());
            prop_assert_eq!(ours.version.as_deref(), theirs.version());
            let arch = theirs.qualifiers().get("arch").map(AsRef::as_ref);
            prop_assert_eq!(ours.qualifier("arch"), arch);
        }

        #[test]
        fn no_text_makes_it_panic(text in "(pkg:|PKG://)?[a-z/@?#&=%:é.]{0,30}") {
            if let Some(purl) = Purl::parse(&text) {
                let _ = purl.package(&LayerPath::default());
            }
        }
    }
}
