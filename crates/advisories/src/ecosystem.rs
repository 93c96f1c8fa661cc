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
    /// Addresses of repositories: case-free, some with a scheme and `.git`, most without.
    Repository,
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
    /// A CPE without its beginning: `enterprise_linux:9::appstream`. A release has one shard; which of its
    /// products an entry is about is a [`crate::record::Qualifier::Product`].
    RedHat,
    /// As `Linux Enterprise Server 15 SP6`. A service pack has one shard, whatever the product or
    /// module: they are built from one code base, and a fix has the same version in all.
    Suse,
}

/// All ecosystems that OSV names and we have thought about.
pub const ECOSYSTEMS: &[Ecosystem] = {
    use Names::{CaseFree, Exact, Pep503, Repository};
    use Releases::{Alpine, One, RedHat, Suffix, Suse, Ubuntu};
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
        row("CRAN", "cran", Some("cran"), Exact, One),
        row("Chainguard", "chainguard", APK, Exact, One),
        row("ConanCenter", "conan", Some("conan"), Exact, One),
        row("Debian", "debian", DPKG, Exact, Suffix),
        row("Echo", "echo", DPKG, Exact, One),
        row("GHC", "ghc", Some("hackage"), Exact, One),
        row("GitHub Actions", "github-actions", SEMVER, CaseFree, One),
        row("Go", "go", Some("go"), Exact, One),
        row("Hackage", "hackage", Some("hackage"), Exact, One),
        row("Hex", "hex", SEMVER, Exact, One),
        // As in Pub, a higher build is a higher version (`VersionNumber`): jll packages are fixed so.
        row("Julia", "julia", Some("pub"), Exact, One),
        row("Kubernetes", "kubernetes", SEMVER, Exact, One),
        row("Mageia", "mageia", RPM, Exact, Suffix),
        row("Maven", "maven", Some("maven"), Exact, One),
        row("MinimOS", "minimos", APK, Exact, One),
        row("NuGet", "nuget", Some("nuget"), CaseFree, One),
        row("Packagist", "packagist", Some("packagist"), CaseFree, One),
        row("Photon OS", "photon", RPM, Exact, Suffix),
        row("Pub", "pub", Some("pub"), Exact, One),
        row("PyPI", "pypi", Some("pep440"), Pep503, One),
        row("Red Hat", "red-hat", RPM, Exact, RedHat),
        row("Rocky Linux", "rocky", RPM, Exact, Suffix),
        row("Root", "root", DPKG, Exact, Suffix),
        row("RubyGems", "rubygems", Some("rubygems"), Exact, One),
        row("SUSE", "suse", RPM, Exact, Suse),
        row("SwiftURL", "swift", SEMVER, Repository, One),
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

    /// The order of the versions in the shard with this key: Root rebuilds the packages of many
    /// ecosystems, and its releases are named for them (`root:alpine:3.18`).
    pub fn version_order_in(&self, key: &str) -> Option<&'static dyn VersionOrder> {
        let base = key.split(':').nth(1).filter(|_| self.key == "root");
        match base.and_then(Self::of_key) {
            Some(base) => base.version_order(),
            None => self.version_order(),
        }
    }

    /// Whether OSV's records of this RPM ecosystem name source packages, so that their entries need a
    /// [`crate::record::Qualifier::Source`].
    pub fn names_rpm_sources(&self) -> bool {
        const KEYS: [&str; 6] = ["mageia", "openeuler", "opensuse", "photon", "rocky", "suse"];
        KEYS.contains(&self.key)
    }

    /// Whether its feeds leave out the epochs of RPM versions.
    pub fn leaves_out_epochs(&self) -> bool {
        const KEYS: [&str; 5] = ["mageia", "openeuler", "opensuse", "photon", "suse"];
        KEYS.contains(&self.key)
    }

    /// The product stream in OSV's name of an ecosystem of Red Hat, for a
    /// [`crate::record::Qualifier::Product`].
    pub fn red_hat_product(osv: &str) -> Option<&str> {
        osv.strip_prefix("Red Hat:")
    }

    /// A package's name as shards have it.
    pub fn normalise<'a>(&self, name: &'a str) -> Cow<'a, str> {
        match self.names {
            Names::Exact => Cow::Borrowed(name),
            Names::CaseFree => lower_case(name),
            Names::Pep503 => normalise_pep503(name),
            Names::Repository => {
                let name = name.split_once("://").map_or(name, |(_, address)| address);
                lower_case(name.strip_suffix(".git").unwrap_or(name))
            }
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
            Releases::RedHat => match red_hat_release(suffix) {
                Some(release) => format!("{key}:{}", slug(release)),
                None => key.to_owned(),
            },
            Releases::Suse => match suse_release(suffix) {
                Some(release) => format!("{key}:{}", slug(&release)),
                None => format!("{key}:{}", slug(suffix)),
            },
        }
    }
}

/// The major release of a product stream of Red Hat: 9 for `enterprise_linux:9::appstream`,
/// `rhel_eus:9.4::baseos`, `openshift:4.15::el9` and a bare 9.
pub fn red_hat_release(product: &str) -> Option<&str> {
    let mut parts = product.split(':');
    let name = parts.next().unwrap_or_default();
    let is_number = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let of_system = || {
        let version = if name.starts_with("enterprise_linux") || name.starts_with("rhel") {
            product.split(':').nth(1)?
        } else {
            name
        };
        version.split('.').next().filter(is_number)
    };
    product
        .rsplit(':')
        .find_map(|part| part.strip_prefix("el").filter(is_number))
        .or_else(of_system)
}

/// `15.6` for `Linux Enterprise Server 15 SP6` and all other products and modules of that service pack,
/// `15` before the first; `None` for what has releases of its own (Micro, Storage, Manager).
fn suse_release(product: &str) -> Option<String> {
    let product = product.strip_prefix("Linux Enterprise ")?;
    if product.starts_with("Micro") || product.starts_with("Storage") {
        return None;
    }
    // The last number; those before it are part of a module's name (`Module for Python 3 15 SP6`).
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    let mut words = product.split([' ', '-']).rev();
    let mut pack = None;
    let major = words.find(|word| {
        if let Some(number) = word.strip_prefix("SP").filter(|number| is_number(number)) {
            pack = Some(number);
        }
        is_number(word)
    })?;
    Some(match pack {
        Some(pack) => format!("{major}.{pack}"),
        None => major.to_owned(),
    })
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

fn lower_case(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Owned(name.to_ascii_lowercase());
    }
    Cow::Borrowed(name)
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

/// What the packages of an image say of it that its `os-release` does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// It has a package of Ubuntu's extended maintenance (`+esm1` in its version): it was attached to
    /// Ubuntu Pro when it was built. An inventory knows nothing else of it; the token of an attached machine is
    /// a secret that has no business in an image.
    pub has_esm: bool,
    /// It has a package of Root (`rootio-…`).
    pub has_root: bool,
}

/// A shard to be asked, by its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// The key.
    pub key: String,
    /// How its word counts.
    pub role: Role,
}

/// How the word of a shard counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// It is what there is to ask; a database without it says nothing of these packages.
    Main,
    /// It adds to the main one, where that says nothing of a vulnerability.
    More,
    /// The same, but its fixes are not to be had on this image: Ubuntu Pro's for one that is not attached.
    MoreWithoutFixes,
}

/// The key of the main shard that speaks of packages of `kind` in this distribution.
///
/// # Errors
/// Says in a few words what there are no advisories for: `deb packages of linuxmint`.
pub fn key_for(
    kind: PackageKind,
    distribution: Option<DistributionView<'_>>,
) -> Result<String, String> {
    let keys = keys_for(kind, distribution, Traits::default())?;
    let main = keys.into_iter().next().map(|used| used.key);
    main.ok_or_else(|| format!("{} packages", kind.word()))
}

/// The keys of the shards that speak of packages of `kind` in this distribution, the main one first.
///
/// # Errors
/// Says in a few words what there are no advisories for: `deb packages of linuxmint`.
pub fn keys_for(
    kind: PackageKind,
    distribution: Option<DistributionView<'_>>,
    traits: Traits,
) -> Result<Vec<KeyUse>, String> {
    let main = match language_key(kind) {
        Some(key) => key.to_owned(),
        None => distribution_key(kind, distribution)?,
    };
    let mut keys = Vec::new();
    if let Some(release) = main.strip_prefix("ubuntu:") {
        keys.push(KeyUse {
            key: format!("ubuntu-pro:{release}"),
            role: if traits.has_esm {
                Role::More
            } else {
                Role::MoreWithoutFixes
            },
        });
    }
    if traits.has_root {
        keys.push(KeyUse {
            key: format!("root:{main}"),
            role: Role::More,
        });
    }
    keys.insert(
        0,
        KeyUse {
            key: main,
            role: Role::Main,
        },
    );
    Ok(keys)
}

/// How versions of a kind of package are ordered, whoever publishes advisories on them; `None` if no
/// order is known.
pub fn order_of_kind(kind: PackageKind) -> Option<&'static dyn VersionOrder> {
    let id = match kind {
        PackageKind::Apk => "apk",
        PackageKind::Deb | PackageKind::Opkg => "dpkg",
        PackageKind::Rpm => "rpm",
        PackageKind::Alpm => "alpm",
        PackageKind::Ebuild => "ebuild",
        kind => Ecosystem::of_key(language_key(kind)?)?.order?,
    };
    orders::order(id)
}

fn language_key(kind: PackageKind) -> Option<&'static str> {
    Some(match kind {
        PackageKind::Pypi => "pypi",
        PackageKind::Npm => "npm",
        PackageKind::Maven => "maven",
        PackageKind::Golang => "go",
        PackageKind::Cargo => "crates.io",
        PackageKind::Nuget => "nuget",
        PackageKind::Gem => "rubygems",
        PackageKind::Composer => "packagist",
        PackageKind::Cran => "cran",
        PackageKind::Hex => "hex",
        PackageKind::Pub => "pub",
        PackageKind::Swift => "swift",
        PackageKind::Julia => "julia",
        PackageKind::Bitnami => "bitnami",
        PackageKind::Hackage => "hackage",
        PackageKind::Conan => "conan",
        _ => return None,
    })
}

fn distribution_key(
    kind: PackageKind,
    distribution: Option<DistributionView<'_>>,
) -> Result<String, String> {
    use PackageKind::{Alpm, Apk, Deb, Ebuild, Rpm};
    let manager = match kind {
        Alpm | Apk | Deb | Ebuild | Rpm => kind.word(),
        other => return Err(format!("{} packages", other.word())),
    };
    let Some(distribution) = distribution else {
        return Err(format!("{manager} packages of an unnamed distribution"));
    };
    let id = distribution.id.trim().to_ascii_lowercase();
    let version = distribution.version_id.map(str::trim).unwrap_or_default();
    let major = version.split('.').next().unwrap_or_default();
    let unnamed = || format!("{manager} packages of {} without a release", slug(&id));
    let released = |key: &str, release: &str| {
        if release.is_empty() {
            return Err(unnamed());
        }
        Ok(format!("{key}:{}", slug(release)))
    };
    match (kind, id.as_str()) {
        // Raspbian rebuilds Debian's sources and says nothing of its own (Grype does the same).
        (Deb, "debian" | "raspbian") => {
            let codename = distribution.codename.unwrap_or_default();
            let release = match major {
                "" => DEBIAN_CODENAMES
                    .iter()
                    .find(|(name, _)| *name == codename)
                    .map_or("", |(_, number)| *number),
                number => number,
            };
            released("debian", release)
        }
        (Deb, "ubuntu") => released("ubuntu", version),
        (Deb, "echo") => Ok("echo".to_owned()),
        (Apk, "alpine") => {
            // Edge calls itself `3.21_alpha20240807` or `3.21.0_alpha20250108`.
            if version.contains("_alpha") || version.contains("edge") {
                return Ok("alpine:edge".to_owned());
            }
            let minor = version.split('.').nth(1).ok_or_else(unnamed)?;
            released("alpine", &format!("{major}.{minor}"))
        }
        (Apk, "wolfi" | "chainguard" | "minimos") => Ok(id),
        (Apk, "alpaquita") => released("alpaquita", version),
        // CentOS was rebuilt from Red Hat's sources, CentOS Stream is what they are made of: Red Hat's
        // word is the nearest there is. Stream's versions run ahead of it.
        (Rpm, "rhel" | "redhat" | "centos" | "scientific") => released("red-hat", major),
        (Rpm, "almalinux" | "rocky" | "fedora" | "mageia") => released(&id, major),
        (Rpm, "ol") => released("oracle", major),
        // The first Amazon Linux has years: 2018.03.
        (Rpm, "amzn")
            if matches!(
                major,
                "2011" | "2012" | "2013" | "2014" | "2015" | "2016" | "2017" | "2018"
            ) =>
        {
            Ok("amazon:1".to_owned())
        }
        (Rpm, "amzn") => released("amazon", major),
        (Rpm, "azurelinux") => released("azure-linux", version),
        (Rpm, "mariner") => released("mariner", version),
        (Rpm, "photon") => released("photon", version),
        // 15.6 is service pack 6 of 15; before the first pack it is 15 or 15.0.
        (Rpm, "sles" | "sled" | "sles_sap" | "sle_hpc" | "suse") => {
            released("suse", version.strip_suffix(".0").unwrap_or(version))
        }
        (Rpm, "sle-micro" | "suse-microos") => {
            released("suse", &format!("linux-enterprise-micro-{version}"))
        }
        (Rpm, "sl-micro") => released("suse", &format!("linux-micro-{version}")),
        (Rpm, "opensuse-leap" | "opensuse") => released("opensuse", &format!("leap-{version}")),
        (Rpm, "opensuse-tumbleweed") => Ok("opensuse:tumbleweed".to_owned()),
        (Rpm, "openeuler") => released("openeuler", version),
        (Rpm, "bottlerocket") => Ok(id),
        (Alpm, "arch" | "archlinux" | "archarm") => Ok("arch".to_owned()),
        (Ebuild, "gentoo") => Ok(id),
        _ => Err(format!("{manager} packages of {}", slug(&id))),
    }
}

/// Whether an image of this Red Hat release uses a product stream: the release itself, with or without the
/// minor one, and the repositories that every subscription has. Extended support (`rhel_eus`, `rhel_aus`,
/// …) and layered products are not asked: nothing in an inventory says that an image has them.
pub fn uses_product(distribution: Option<DistributionView<'_>>, product: &str) -> bool {
    const REPOSITORIES: [&str; 7] = [
        "",
        "appstream",
        "baseos",
        "client",
        "crb",
        "server",
        "workstation",
    ];
    let mut parts = product.splitn(3, ':');
    let (name, release) = (parts.next(), parts.next().unwrap_or_default());
    let repository = parts.next().unwrap_or_default().trim_start_matches(':');
    let version = distribution
        .and_then(|distribution| distribution.version_id)
        .unwrap_or_default();
    let major = version.split('.').next().unwrap_or_default();
    name == Some("enterprise_linux")
        && (release == major || release == version)
        && REPOSITORIES.contains(&repository)
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
        check("SUSE:Linux Enterprise Server 12", "suse:12");
        check("SUSE:Linux Enterprise Server 15 SP6", "suse:15.6");
        check("SUSE:Linux Enterprise Server 12 SP5-LTSS", "suse:12.5");
        check(
            "SUSE:Linux Enterprise Module for Python 3 15 SP6",
            "suse:15.6",
        );
        check(
            "SUSE:Linux Enterprise Micro 5.5",
            "suse:linux-enterprise-micro-5.5",
        );
        check("openSUSE:Leap 15.6", "opensuse:leap-15.6");
        check("openSUSE:Tumbleweed", "opensuse:tumbleweed");
        check("Red Hat:enterprise_linux:9::appstream", "red-hat:9");
        check("Red Hat:rhel_eus:8.8::baseos", "red-hat:8");
        check("Red Hat:ocp_tools:4.15::el9", "red-hat:9");
        check("Red Hat:openshift:4.15", "red-hat");
        check("openEuler:22.03-LTS-SP1", "openeuler:22.03-lts-sp1");
        check("Root:Alpine:3.18", "root:alpine:3.18");
        check("Something new", "-");
    }

    #[test]
    fn keys_lead_back_to_their_ecosystem() {
        for ecosystem in ECOSYSTEMS {
            let key = ecosystem.shard_key("1");
            assert_eq!(Ecosystem::of_key(&key).unwrap().osv, ecosystem.osv, "{key}");
            assert!(ecosystem.version_order().is_some(), "{key}");
        }
        let order_of = |key| {
            let ecosystem = Ecosystem::of_key(key).unwrap();
            ecosystem.version_order_in(key).unwrap().id()
        };
        assert_eq!(order_of("root:alpine:3.18"), "apk");
        assert_eq!(order_of("root:npm"), "semver");
        assert_eq!(order_of("root:debian:12"), "dpkg");
        assert_eq!(order_of("red-hat:9"), "rpm");
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
        use PackageKind::{Alpm, Apk, Deb, Pypi, Rpm};
        check(Rpm, "rhel", Some("9.4"), None, "red-hat:9");
        check(Rpm, "centos", Some("7"), None, "red-hat:7");
        check(Rpm, "almalinux", Some("9.4"), None, "almalinux:9");
        check(Rpm, "rocky", Some("8.10"), None, "rocky:8");
        check(Rpm, "ol", Some("9.4"), None, "oracle:9");
        check(Rpm, "amzn", Some("2018.03"), None, "amazon:1");
        check(Rpm, "amzn", Some("2"), None, "amazon:2");
        check(Rpm, "amzn", Some("2023"), None, "amazon:2023");
        check(Rpm, "azurelinux", Some("3.0"), None, "azure-linux:3.0");
        check(Rpm, "mariner", Some("2.0"), None, "mariner:2.0");
        check(Rpm, "photon", Some("5.0"), None, "photon:5.0");
        check(Rpm, "sles", Some("15.6"), None, "suse:15.6");
        check(Rpm, "sles", Some("15"), None, "suse:15");
        check(
            Rpm,
            "opensuse-leap",
            Some("15.6"),
            None,
            "opensuse:leap-15.6",
        );
        check(
            Rpm,
            "opensuse-tumbleweed",
            Some("20240801"),
            None,
            "opensuse:tumbleweed",
        );
        check(Rpm, "fedora", Some("40"), None, "fedora:40");
        check(Rpm, "mageia", Some("9"), None, "mageia:9");
        check(
            Rpm,
            "openEuler",
            Some("22.03-LTS-SP1"),
            None,
            "openeuler:22.03-lts-sp1",
        );
        check(
            Rpm,
            "rhel",
            None,
            None,
            "no rpm packages of rhel without a release",
        );
        check(Alpm, "arch", None, None, "arch");
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
    fn ubuntu_pro_is_asked_too_and_its_fixes_count_where_it_is_used() {
        let distribution = DistributionView {
            id: "ubuntu",
            version_id: Some("18.04"),
            codename: None,
        };
        let keys = |has_esm| {
            let traits = Traits {
                has_esm,
                has_root: false,
            };
            let keys = keys_for(PackageKind::Deb, Some(distribution), traits).unwrap();
            let words: Vec<_> = keys.into_iter().map(|used| (used.key, used.role)).collect();
            words
        };
        let main = ("ubuntu:18.04".to_owned(), Role::Main);
        let pro = |role| ("ubuntu-pro:18.04".to_owned(), role);
        assert_eq!(keys(true), [main.clone(), pro(Role::More)]);
        assert_eq!(keys(false), [main, pro(Role::MoreWithoutFixes)]);
    }

    #[test]
    fn products_of_the_release_are_used_and_no_others() {
        let check = |product: &str, expect: bool| {
            let distribution = DistributionView {
                id: "rhel",
                version_id: Some("9.4"),
                codename: None,
            };
            assert_eq!(
                uses_product(Some(distribution), product),
                expect,
                "{product}"
            );
        };
        check("enterprise_linux:9", true);
        check("enterprise_linux:9::appstream", true);
        check("enterprise_linux:9::baseos", true);
        check("enterprise_linux:9.4::baseos", true);
        check("enterprise_linux:9.6::baseos", false);
        check("enterprise_linux:8::baseos", false);
        check("enterprise_linux:9::realtime", false);
        check("rhel_eus:9.4::baseos", false);
        check("openshift:4.15::el9", false);
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
