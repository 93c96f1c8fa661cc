//! Ecosystems: what OSV calls them, what their shards are called, how names are written there, which
//! order compares versions, and which one an image's distribution belongs to.
//!
//! To add an ecosystem is to add one line to [`ECOSYSTEMS`].

use std::borrow::Cow;

use lamina_inventory::facts::PackageKind;

use crate::orders::{self, VersionOrder};

/// One ecosystem.
#[derive(Debug)]
pub struct Ecosystem {
    /// OSV's name, without the suffix after the colon.
    pub osv: &'static str,
    /// The first part of its shards' keys.
    pub key: &'static str,
    /// The id of its version order; `None` if there is none yet: its records are kept out, with
    /// that reason.
    pub order: Option<&'static str>,
    /// How package names are compared.
    pub names: Names,
    /// How the suffix becomes part of a key.
    pub releases: Releases,
}

/// How package names of an ecosystem are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Byte by byte.
    Exact,
    /// Without regard to case.
    CaseFree,
    /// By PEP 503: case-free, runs of `-`, `_` and `.` equal.
    Pep503,
}

/// What the suffix of an OSV ecosystem means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Releases {
    /// There is one shard, whatever the suffix (Maven and Packagist name other repositories).
    One,
    /// The suffix is the release.
    Suffix,
    /// As `v3.19`.
    Alpine,
    /// As `22.04:LTS`, `24.10`, `Pro:18.04:LTS`.
    Ubuntu,
}

/// All ecosystems that OSV names and we have thought about.
pub const ECOSYSTEMS: &[Ecosystem] = {
    use Names::{CaseFree, Exact, Pep503};
    use Releases::{Alpine, One, Suffix, Ubuntu};
    const fn row(
        osv: &'static str,
        key: &'static str,
        order: Option<&'static str>,
        names: Names,
        releases: Releases,
    ) -> Ecosystem {
        Ecosystem {
            osv,
            key,
            order,
            names,
            releases,
        }
    }
    const APK: Option<&str> = Some("apk");
    const DPKG: Option<&str> = Some("dpkg");
    const RPM: Option<&str> = Some("rpm");
    const SEMVER: Option<&str> = Some("semver");
    &[
        row("AlmaLinux", "almalinux", RPM, Exact, Suffix),
        row("Alpaquita", "alpaquita", APK, Exact, Suffix),
        row("Alpine", "alpine", APK, Exact, Alpine),
        row(
            "BellSoft Hardened Containers",
            "bellsoft",
            APK,
            Exact,
            Suffix,
        ),
        row("Bitnami", "bitnami", SEMVER, Exact, One),
        row("CRAN", "cran", None, Exact, One),
        row("Chainguard", "chainguard", APK, Exact, One),
        row("Debian", "debian", DPKG, Exact, Suffix),
        row("Echo", "echo", None, Exact, One),
        row("GHC", "ghc", None, Exact, One),
        row("GitHub Actions", "github-actions", SEMVER, CaseFree, One),
        row("Go", "go", SEMVER, Exact, One),
        row("Hackage", "hackage", None, Exact, One),
        row("Hex", "hex", SEMVER, Exact, One),
        row("Julia", "julia", SEMVER, Exact, One),
        row("Kubernetes", "kubernetes", SEMVER, Exact, One),
        row("Mageia", "mageia", RPM, Exact, Suffix),
        row("Maven", "maven", None, Exact, One),
        row("MinimOS", "minimos", APK, Exact, One),
        row("NuGet", "nuget", Some("nuget"), CaseFree, One),
        row("Packagist", "packagist", None, CaseFree, One),
        row("Photon OS", "photon", RPM, Exact, Suffix),
        row("Pub", "pub", Some("pub"), Exact, One),
        row("PyPI", "pypi", Some("pep440"), Pep503, One),
        row("Red Hat", "red-hat", RPM, Exact, Suffix),
        row("Rocky Linux", "rocky", RPM, Exact, Suffix),
        row("Root", "root", None, Exact, Suffix),
        row("RubyGems", "rubygems", Some("rubygems"), Exact, One),
        row("SUSE", "suse", RPM, Exact, Suffix),
        row("SwiftURL", "swift", SEMVER, CaseFree, One),
        row("Ubuntu", "ubuntu", DPKG, Exact, Ubuntu),
        row("VSCode", "vscode", SEMVER, CaseFree, One),
        row("Wolfi", "wolfi", APK, Exact, One),
        row("crates.io", "crates.io", SEMVER, Exact, One),
        row("npm", "npm", SEMVER, Exact, One),
        row("openEuler", "openeuler", RPM, Exact, Suffix),
        row("openSUSE", "opensuse", RPM, Exact, Suffix),
    ]
};

impl Ecosystem {
    /// The ecosystem of OSV's name (`Debian:12`), and the key of its shard (`debian:12`).
    ///
    /// The name before the colon is compared without regard to case: Kubernetes' own records write
    /// `kubernetes`.
    pub fn of_osv(name: &str) -> Option<(&'static Self, String)> {
        let (base, suffix) = name.split_once(':').unwrap_or((name, ""));
        let ecosystem = ECOSYSTEMS
            .iter()
            .find(|ecosystem| ecosystem.osv.eq_ignore_ascii_case(base))?;
        Some((ecosystem, ecosystem.shard_key(suffix)))
    }

    /// The ecosystem to which a shard's key belongs.
    pub fn of_key(key: &str) -> Option<&'static Self> {
        let base = key.split(':').next().unwrap_or(key);
        let base = base.strip_suffix("-pro").unwrap_or(base);
        ECOSYSTEMS.iter().find(|ecosystem| ecosystem.key == base)
    }

    /// The order of its versions.
    pub fn version_order(&self) -> Option<&'static dyn VersionOrder> {
        self.order.and_then(orders::order)
    }

    /// A package's name as shards have it.
    pub fn normalise<'a>(&self, name: &'a str) -> Cow<'a, str> {
        match self.names {
            Names::Exact => Cow::Borrowed(name),
            Names::CaseFree if name.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                Cow::Owned(name.to_ascii_lowercase())
            }
            Names::CaseFree => Cow::Borrowed(name),
            Names::Pep503 => normalise_pep503(name),
        }
    }

    fn shard_key(&self, suffix: &str) -> String {
        let key = self.key;
        match self.releases {
            Releases::One => key.to_owned(),
            _ if suffix.is_empty() => key.to_owned(),
            Releases::Suffix => format!("{key}:{}", slug(suffix)),
            Releases::Alpine => format!("{key}:{}", slug(suffix.trim_start_matches('v'))),
            Releases::Ubuntu => {
                let suffix = suffix.strip_suffix(":LTS").unwrap_or(suffix);
                match suffix.strip_prefix("Pro:") {
                    Some(release) => format!("{key}-pro:{}", slug(release)),
                    None => format!("{key}:{}", slug(suffix)),
                }
            }
        }
    }
}

/// Lower case, blanks as hyphens: keys stand in file names, tables and addresses.
fn slug(text: &str) -> String {
    text.chars()
        .take(80)
        .map(|c| match c {
            'A'..='Z' => c.to_ascii_lowercase(),
            'a'..='z' | '0'..='9' | '.' | ':' | '_' | '-' | '+' => c,
            _ => '-',
        })
        .collect()
}

/// PEP 503, "Normalized Names".
fn normalise_pep503(name: &str) -> Cow<'_, str> {
    let is_separator = |byte: u8| matches!(byte, b'-' | b'_' | b'.');
    let mut last_is_separator = false;
    let is_normal = name.bytes().all(|byte| {
        let is_run = is_separator(byte) && last_is_separator;
        last_is_separator = is_separator(byte);
        !(is_run || byte.is_ascii_uppercase() || matches!(byte, b'_' | b'.'))
    });
    if is_normal {
        return Cow::Borrowed(name);
    }
    let mut normal = String::with_capacity(name.len());
    for c in name.chars() {
        if matches!(c, '-' | '_' | '.') {
            if !normal.ends_with('-') {
                normal.push('-');
            }
        } else {
            normal.push(c.to_ascii_lowercase());
        }
    }
    Cow::Owned(normal)
}

/// A distribution release, as its `os-release` names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DistributionView<'a> {
    /// `ID`, e.g. `debian`.
    pub id: &'a str,
    /// `VERSION_ID`, e.g. `12`.
    pub version_id: Option<&'a str>,
    /// `VERSION_CODENAME`, e.g. `bookworm`.
    pub codename: Option<&'a str>,
}

/// Debian's releases by number, for images of testing and unstable, which have no `VERSION_ID`, and
/// for feeds that name only the codename.
pub const DEBIAN_CODENAMES: &[(&str, &str)] = &[
    ("forky", "14"),
    ("trixie", "13"),
    ("bookworm", "12"),
    ("bullseye", "11"),
    ("buster", "10"),
    ("stretch", "9"),
    ("jessie", "8"),
    ("wheezy", "7"),
    ("squeeze", "6.0"),
    ("sid", "sid"),
];

/// The key of the shard that speaks of packages of `kind` in this distribution.
///
/// # Errors
/// Says in a few words what there are no advisories for: `deb packages of linuxmint`.
pub fn key_for(
    kind: PackageKind,
    distribution: Option<DistributionView<'_>>,
) -> Result<String, String> {
    let language = match kind {
        PackageKind::Pypi => Some("pypi"),
        PackageKind::Npm => Some("npm"),
        PackageKind::Maven => Some("maven"),
        PackageKind::Golang => Some("go"),
        PackageKind::Cargo => Some("crates.io"),
        PackageKind::Nuget => Some("nuget"),
        PackageKind::Gem => Some("rubygems"),
        PackageKind::Composer => Some("packagist"),
        PackageKind::Cran => Some("cran"),
        PackageKind::Hex => Some("hex"),
        PackageKind::Pub => Some("pub"),
        PackageKind::Swift => Some("swift"),
        PackageKind::Julia => Some("julia"),
        PackageKind::Bitnami => Some("bitnami"),
        PackageKind::Hackage => Some("hackage"),
        _ => None,
    };
    if let Some(key) = language {
        return Ok(key.to_owned());
    }
    let manager = match kind {
        PackageKind::Apk | PackageKind::Deb => kind.word(),
        other => return Err(format!("{} packages", other.word())),
    };
    let Some(distribution) = distribution else {
        return Err(format!("{manager} packages of an unnamed distribution"));
    };
    let id = distribution.id.trim().to_ascii_lowercase();
    let version = distribution.version_id.map(str::trim).unwrap_or_default();
    let unnamed = || format!("{manager} packages of {} without a release", slug(&id));
    match (kind, id.as_str()) {
        // Raspbian rebuilds Debian's sources and says nothing of its own (Grype does the same).
        (PackageKind::Deb, "debian" | "raspbian") => {
            let codename = distribution.codename.unwrap_or_default();
            let release = match version.split('.').next().unwrap_or_default() {
                "" => DEBIAN_CODENAMES
                    .iter()
                    .find(|(name, _)| *name == codename)
                    .map(|(_, number)| *number)
                    .ok_or_else(unnamed)?,
                number => number,
            };
            Ok(format!("debian:{}", slug(release)))
        }
        (PackageKind::Deb, "ubuntu") if !version.is_empty() => {
            Ok(format!("ubuntu:{}", slug(version)))
        }
        (PackageKind::Apk, "alpine") => {
            // Edge calls itself `3.21_alpha20240807` or `3.21.0_alpha20250108`.
            if version.contains("_alpha") || version.contains("edge") {
                return Ok("alpine:edge".to_owned());
            }
            let mut parts = version.split('.');
            match (parts.next(), parts.next()) {
                (Some(major), Some(minor)) if !major.is_empty() => {
                    Ok(format!("alpine:{}.{}", slug(major), slug(minor)))
                }
                _ => Err(unnamed()),
            }
        }
        (PackageKind::Apk, "wolfi") => Ok("wolfi".to_owned()),
        (PackageKind::Apk, "chainguard") => Ok("chainguard".to_owned()),
        (PackageKind::Deb, "ubuntu") => Err(unnamed()),
        _ => Err(format!("{manager} packages of {}", slug(&id))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn osv_ecosystems_become_keys() {
        let check = |osv: &str, expect: &str| {
            let key = Ecosystem::of_osv(osv).map(|(_, key)| key);
            assert_eq!(key.as_deref().unwrap_or("-"), expect, "{osv}");
        };
        check("Debian:12", "debian:12");
        check("Debian", "debian");
        check("Alpine:v3.19", "alpine:3.19");
        check("Ubuntu:22.04:LTS", "ubuntu:22.04");
        check("Ubuntu:24.10", "ubuntu:24.10");
        check("Ubuntu:Pro:18.04:LTS", "ubuntu-pro:18.04");
        check("PyPI", "pypi");
        check("npm", "npm");
        check("crates.io", "crates.io");
        check("Packagist:https://packages.drupal.org/8", "packagist");
        check("kubernetes", "kubernetes");
        check("Rocky Linux:8", "rocky:8");
        check(
            "SUSE:Linux Enterprise Server 12",
            "suse:linux-enterprise-server-12",
        );
        check("Something new", "-");
    }

    #[test]
    fn keys_lead_back_to_their_ecosystem() {
        for ecosystem in ECOSYSTEMS {
            let key = ecosystem.shard_key("1");
            assert_eq!(Ecosystem::of_key(&key).unwrap().osv, ecosystem.osv, "{key}");
        }
        assert_eq!(Ecosystem::of_key("ubuntu-pro:18.04").unwrap().osv, "Ubuntu");
    }

    #[test]
    fn distributions_become_keys() {
        let check = |kind, id, version_id, codename, expect: &str| {
            let distribution = DistributionView {
                id,
                version_id,
                codename,
            };
            let key = key_for(kind, Some(distribution)).unwrap_or_else(|what| format!("no {what}"));
            assert_eq!(key, expect);
        };
        use PackageKind::{Apk, Deb, Pypi};
        check(Deb, "debian", Some("12"), Some("bookworm"), "debian:12");
        check(Deb, "debian", Some("12.4"), None, "debian:12");
        check(Deb, "debian", None, Some("forky"), "debian:14");
        check(
            Deb,
            "debian",
            None,
            None,
            "no deb packages of debian without a release",
        );
        check(Deb, "raspbian", Some("11"), None, "debian:11");
        check(Deb, "ubuntu", Some("22.04"), Some("jammy"), "ubuntu:22.04");
        check(
            Deb,
            "linuxmint",
            Some("21"),
            None,
            "no deb packages of linuxmint",
        );
        check(Apk, "alpine", Some("3.19.1"), None, "alpine:3.19");
        check(
            Apk,
            "alpine",
            Some("3.21.0_alpha20240807"),
            None,
            "alpine:edge",
        );
        check(
            Apk,
            "alpine",
            None,
            None,
            "no apk packages of alpine without a release",
        );
        check(Apk, "wolfi", Some("20230201"), None, "wolfi");
        check(Apk, "debian", Some("12"), None, "no apk packages of debian");
        check(Pypi, "debian", Some("12"), None, "pypi");
        assert!(key_for(Deb, None).is_err());
        assert_eq!(key_for(Pypi, None).as_deref(), Ok("pypi"));
        assert_eq!(key_for(PackageKind::Npm, None).as_deref(), Ok("npm"));
    }

    #[test]
    fn python_names_are_normalised_as_pep_503_says() {
        let check = |name: &str, expect: &str| assert_eq!(normalise_pep503(name), expect);
        check("requests", "requests");
        check("Friendly-Bard", "friendly-bard");
        check("FRIENDLY._.--bard", "friendly-bard");
        check("zope.interface", "zope-interface");
        check("a--b", "a-b");
        check("ruamel_yaml", "ruamel-yaml");
    }
}
