//! Which distribution an image is.
//!
//! os-release(5), <https://www.freedesktop.org/software/systemd/man/latest/os-release.html>; for
//! images that have none, the files that each distribution has of its own (`etc/alpine-release`). Which
//! of them counts is decided when layers are merged ([`PRECEDENCE`]), and what only another file knows
//! is added there ([`refine`]): whether Alpine is edge, which release Debian's testing will be.

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{DistributionFact, Facts},
    limits::{MAX_FIELD_BYTES, MAX_OS_RELEASE_BYTES},
    text::{cut, lines, word},
};

/// Files that name the distribution.
pub struct OsRelease;

/// The files, the one that decides first. Links among them are followed.
///
/// Distributions that were made of another one keep its file beside their own: theirs comes first.
pub const PRECEDENCE: &[&str] = &[
    "etc/os-release",
    "usr/lib/os-release",
    "x86_64-bottlerocket-linux-gnu/sys-root/usr/lib/os-release",
    "aarch64-bottlerocket-linux-gnu/sys-root/usr/lib/os-release",
    "etc/lsb-release",
    "etc/alpine-release",
    "etc/almalinux-release",
    "etc/rocky-release",
    "etc/oracle-release",
    "etc/fedora-release",
    "usr/lib/fedora-release",
    "etc/centos-release",
    "etc/photon-release",
    "etc/azurelinux-release",
    "etc/mariner-release",
    "etc/redhat-release",
    "etc/system-release",
    "usr/lib/system-release",
    "etc/SuSE-release",
    "etc/arch-release",
    "etc/gentoo-release",
    "etc/debian_version",
];

/// Where Alpine says which of its branches it installs from.
const REPOSITORIES: &str = "etc/apk/repositories";

/// Alpine's development branch.
const EDGE: &str = "edge";

/// Adds to what the deciding file says what only another one knows. `stated` gives what is visible of a
/// path.
pub fn refine<'a>(
    fact: &mut DistributionFact,
    stated: impl Fn(&str) -> Option<&'a DistributionFact>,
) {
    match fact.id.as_str() {
        // Edge calls itself the next release (`3.23_alpha20250612`), or the last one: the file is
        // that of the `alpine-base` that was last upgraded.
        "alpine" => {
            if let Some(branch) = stated(REPOSITORIES) {
                fact.version_id.clone_from(&branch.version_id);
            }
        }
        // Before bookworm, testing and sid had no `VERSION_CODENAME`.
        "debian" if fact.version_id.is_none() && fact.codename.is_none() => {
            if let Some(version) = stated("etc/debian_version") {
                fact.version_id.clone_from(&version.version_id);
                fact.codename.clone_from(&version.codename);
            }
        }
        _ => {}
    }
}

/// Fedora keeps variants here, one of which `usr/lib/os-release` leads to.
const VARIANTS: &[u8] = b"usr/lib/os.release.d/";

impl Analyser for OsRelease {
    fn id(&self) -> &'static str {
        "os-release"
    }

    fn revision(&self) -> u32 {
        2
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        let path = path.as_bytes();
        // Asked of every file there is: first and last bytes tell most of them.
        let is_listed = || PRECEDENCE.iter().any(|p| p.as_bytes() == path);
        match path.first() {
            Some(b'e') => {
                path.starts_with(b"etc/") && (is_listed() || path == REPOSITORIES.as_bytes())
            }
            Some(b'u') => {
                path.starts_with(VARIANTS) || (path.ends_with(b"-release") && is_listed())
            }
            Some(b'a' | b'x') => path.ends_with(b"/usr/lib/os-release") && is_listed(),
            _ => false,
        }
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_OS_RELEASE_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        let first = || lines(file.bytes).next().and_then(|(_, line)| word(line));
        let fact = match file.path.file_name() {
            b"lsb-release" => lsb_release(file.bytes),
            b"alpine-release" => first().map(|version| DistributionFact {
                id: "alpine".to_owned(),
                pretty_name: Some(format!("Alpine Linux {version}")),
                version_id: Some(version),
                ..DistributionFact::default()
            }),
            b"debian_version" => first().map(debian_version),
            b"repositories" => match is_edge(file.bytes) {
                true => Some(DistributionFact {
                    id: "alpine".to_owned(),
                    version_id: Some(EDGE.to_owned()),
                    ..DistributionFact::default()
                }),
                false => return,
            },
            b"SuSE-release" => suse_release(file.bytes),
            // Most often empty: that it is there says it.
            b"arch-release" => Some(DistributionFact {
                id: "arch".to_owned(),
                pretty_name: Some("Arch Linux".to_owned()),
                ..DistributionFact::default()
            }),
            b"os-release" => os_release(file.bytes),
            _ if file.path.as_bytes().starts_with(VARIANTS) => os_release(file.bytes),
            _ => first().and_then(named_release),
        };
        match fact {
            Some(mut fact) => {
                fact.file = file.path.clone();
                out.distributions.push(fact);
            }
            None if file.bytes.trim_ascii().is_empty() => {}
            None => out.malformed(self.id(), file.path, 0, "it names no distribution"),
        }
    }
}

fn os_release(bytes: &[u8]) -> Option<DistributionFact> {
    let mut fact = DistributionFact::default();
    let mut has_name = false;
    let mut name = None;
    for (key, value) in assignments(bytes) {
        let value = Some(value).filter(|value| !value.is_empty());
        match key {
            b"ID" => fact.id = value.unwrap_or_default().to_ascii_lowercase(),
            b"VERSION_ID" => fact.version_id = value,
            b"VERSION_CODENAME" => fact.codename = value,
            b"PRETTY_NAME" => {
                has_name |= value.is_some();
                fact.pretty_name = value;
            }
            b"NAME" => {
                has_name |= value.is_some();
                name = value;
            }
            b"ID_LIKE" => {
                let ids = value.unwrap_or_default();
                fact.id_like = ids.split_whitespace().map(str::to_owned).collect();
            }
            _ => {}
        }
    }
    if fact.id.is_empty() {
        // os-release(5): "If not set, a default of ID=linux may be used."
        has_name.then(|| fact.id = "linux".to_owned())?;
    }
    let name = name.unwrap_or_default();
    fact.codename = fact.codename.or_else(|| stream(&fact.id, &name));
    Some(fact)
}

fn lsb_release(bytes: &[u8]) -> Option<DistributionFact> {
    let mut fact = DistributionFact::default();
    for (key, value) in assignments(bytes) {
        let value = Some(value).filter(|value| !value.is_empty());
        match key {
            b"DISTRIB_ID" => fact.id = value.unwrap_or_default().to_ascii_lowercase(),
            b"DISTRIB_RELEASE" => fact.version_id = value,
            b"DISTRIB_CODENAME" => fact.codename = value,
            b"DISTRIB_DESCRIPTION" => fact.pretty_name = value,
            _ => {}
        }
    }
    (!fact.id.is_empty()).then_some(fact)
}

/// `12.4`, or `trixie/sid` before a release has a number.
fn debian_version(text: String) -> DistributionFact {
    let is_number = text.starts_with(|c: char| c.is_ascii_digit());
    let codename = text.split('/').next().unwrap_or_default().to_owned();
    DistributionFact {
        id: "debian".to_owned(),
        pretty_name: Some(format!("Debian GNU/Linux {text}")),
        codename: (!is_number).then_some(codename),
        version_id: is_number.then_some(text),
        ..DistributionFact::default()
    }
}

/// `CentOS release 6.10 (Final)`, `VMware Photon OS 4.0`: a name, and somewhere after it a number.
fn named_release(text: String) -> Option<DistributionFact> {
    const IDS: &[(&str, &str)] = &[
        ("red hat enterprise linux", "rhel"),
        ("centos", "centos"),
        ("fedora", "fedora"),
        ("amazon linux", "amzn"),
        ("oracle linux", "ol"),
        ("rocky linux", "rocky"),
        ("almalinux", "almalinux"),
        ("scientific linux", "scientific"),
        ("cloudlinux", "cloudlinux"),
        ("anolis os", "anolis"),
        ("openeuler", "openeuler"),
        ("vmware photon", "photon"),
        ("cbl-mariner", "mariner"),
        ("microsoft azure linux", "azurelinux"),
        ("azure linux", "azurelinux"),
        ("bottlerocket", "bottlerocket"),
        ("gentoo", "gentoo"),
    ];
    let lower = text.to_ascii_lowercase();
    let (name, id) = IDS.iter().find(|(name, _)| lower.starts_with(name))?;
    let mut words = lower.get(name.len()..)?.split_whitespace();
    let version = words.find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    // Mariner and Azure Linux put the day of the build behind the release: `2.0.20220226`.
    let version = match (*id, version) {
        ("mariner" | "azurelinux", Some(version)) => {
            let mut parts = version.split('.');
            let parts: Vec<&str> = parts.by_ref().take(2).collect();
            Some(parts.join("."))
        }
        (_, version) => version.map(str::to_owned),
    };
    Some(DistributionFact {
        id: (*id).to_owned(),
        version_id: version,
        codename: stream(id, &text),
        pretty_name: Some(text),
        ..DistributionFact::default()
    })
}

/// CentOS Stream has CentOS's `ID` and numbers, but is another distribution: it comes before the
/// release of Red Hat's that CentOS came after. No file calls it a code name.
fn stream(id: &str, name: &str) -> Option<String> {
    (id == "centos" && name.contains("Stream")).then(|| "stream".to_owned())
}

/// `SUSE Linux Enterprise Server 11 (x86_64)`, then `VERSION = 11` and `PATCHLEVEL = 4`.
fn suse_release(bytes: &[u8]) -> Option<DistributionFact> {
    let name = lines(bytes).next().and_then(|(_, line)| word(line))?;
    let lower = name.to_ascii_lowercase();
    let id = match lower.as_str() {
        name if name.starts_with("opensuse") => "opensuse",
        name if name.starts_with("suse linux enterprise desktop") => "sled",
        name if name.starts_with("suse linux enterprise") => "sles",
        _ => return None,
    };
    let (mut version, mut level, mut codename) = (None, None, None);
    for (_, line) in lines(bytes).skip(1) {
        let Some(equals) = memchr::memchr(b'=', line) else {
            continue;
        };
        let value = line.get(equals + 1..).and_then(word);
        match line.get(..equals).unwrap_or_default().trim_ascii() {
            b"VERSION" => version = value,
            b"PATCHLEVEL" => level = value.filter(|level| level != "0"),
            b"CODENAME" => codename = value.map(|name| name.to_ascii_lowercase()),
            _ => {}
        }
    }
    Some(DistributionFact {
        id: id.to_owned(),
        version_id: match (version, level) {
            (Some(version), Some(level)) => Some(format!("{version}.{level}")),
            (version, _) => version,
        },
        codename,
        pretty_name: Some(name),
        ..DistributionFact::default()
    })
}

/// Whether Alpine's packages come from edge. A release that takes single packages from there has its
/// own branch of `main` as well; a repository with a tag (`@edge`) gives only what is asked for by it.
fn is_edge(bytes: &[u8]) -> bool {
    let mut branches = lines(bytes).filter_map(|(_, line)| {
        let line = line.trim_ascii();
        let is_for_all = line.first().is_some_and(|byte| !b"#@".contains(byte));
        let line = line.strip_suffix(b"/").unwrap_or(line);
        let branch = line.strip_suffix(b"/main").filter(|_| is_for_all)?;
        branch.rsplit(|byte| *byte == b'/').next()
    });
    let mut is_edge = false;
    branches.all(|branch| {
        is_edge |= branch == EDGE.as_bytes();
        branch == EDGE.as_bytes()
    }) && is_edge
}

/// `KEY=value` lines, unquoted as a shell would.
fn assignments(bytes: &[u8]) -> impl Iterator<Item = (&[u8], String)> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    lines(bytes).filter_map(|(_, line)| {
        let line = line.trim_ascii();
        let equals = memchr::memchr(b'=', line)?;
        let (key, value) = line.split_at_checked(equals)?;
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        if key.is_empty() || !key.iter().all(is_name) {
            return None;
        }
        Some((key, unquote(value.get(1..)?)))
    })
}

/// Undoes the shell's quoting. Lenient where a shell would complain: an unquoted blank is kept, an
/// unclosed quote ends with the line.
fn unquote(value: &[u8]) -> String {
    let mut text = Vec::with_capacity(value.len());
    let mut quote = None;
    let mut bytes = value.trim_ascii().iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match (byte, quote) {
            (b'"' | b'\'', None) => quote = Some(byte),
            (_, Some(open)) if byte == open => quote = None,
            (b'\\', None) => text.extend(bytes.next()),
            (b'\\', Some(b'"')) => match bytes.peek() {
                Some(b'"' | b'$' | b'\\' | b'`') => text.extend(bytes.next()),
                _ => text.push(byte),
            },
            // A comment after the value.
            (b'#', None) if text.last().is_some_and(u8::is_ascii_whitespace) => break,
            _ => text.push(byte),
        }
    }
    cut(String::from_utf8_lossy(&text).trim(), MAX_FIELD_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims};

    #[test]
    fn claims() {
        check_claims(
            &OsRelease,
            &[
                "etc/os-release",
                "usr/lib/os-release",
                "usr/lib/os.release.d/os-release-container",
                "etc/alpine-release",
                "etc/debian_version",
                "etc/lsb-release",
                "etc/rocky-release",
                "usr/lib/system-release",
                "etc/apk/repositories",
                "x86_64-bottlerocket-linux-gnu/sys-root/usr/lib/os-release",
            ],
            &[
                "usr/lib/lsb-release",
                "lib/apk/repositories",
                "mips-bottlerocket-linux-gnu/sys-root/usr/lib/os-release",
                "etc/os-release.d",
                "lib/os-release",
                "usr/lib/os-release-x",
                "etc/passwd",
                "etc",
                "",
            ],
        );
    }

    fn read(path: &str, text: &str) -> String {
        let facts = analyse(&OsRelease, path, text);
        let fact = facts.distributions.first().cloned().unwrap_or_default();
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        format!(
            "{} {} {}",
            fact.id,
            or_dash(fact.version_id),
            or_dash(fact.codename)
        )
    }

    #[test]
    fn values_are_unquoted_as_a_shell_would() {
        let check = |value: &str, expect: &str| assert_eq!(unquote(value.as_bytes()), expect);
        check("debian", "debian");
        check(
            "\"Debian GNU/Linux 12 (bookworm)\"",
            "Debian GNU/Linux 12 (bookworm)",
        );
        check("'single $quoted \\ text'", "single $quoted \\ text");
        check(r#""a \"b\" \$c \\ \n""#, r#"a "b" $c \ \n"#);
        check(r"a\ b", "a b");
        check("'", "");
        check("\"unclosed", "unclosed");
        check("12 # twelve", "12");
        check("a#b", "a#b");
        check("\\", "");
        check("", "");
    }

    #[test]
    fn each_file_names_its_distribution() {
        let check = |path: &str, text: &str, expect: &str| assert_eq!(read(path, text), expect);
        check(
            "etc/os-release",
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\n\
             VERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\n",
            "debian 12 bookworm",
        );
        check(
            "etc/os-release",
            "\u{feff}ID=a\r\nVERSION_ID='1'\r\n",
            "a 1 -",
        );
        check("etc/os-release", "# ID=no\nNAME=Some Linux\n", "linux - -");
        check(
            "etc/lsb-release",
            "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=12.04\nDISTRIB_CODENAME=precise\n",
            "ubuntu 12.04 precise",
        );
        check("etc/alpine-release", "3.14.10\n", "alpine 3.14.10 -");
        check("etc/debian_version", "7.11\n", "debian 7.11 -");
        check("etc/debian_version", "trixie/sid\n", "debian - trixie");
        check(
            "etc/redhat-release",
            "CentOS release 6.10 (Final)\n",
            "centos 6.10 -",
        );
        check(
            "etc/system-release",
            "Amazon Linux release 2 (Karoo)\n",
            "amzn 2 -",
        );
        let check = |file: &str, text: &str, expect: &str| {
            assert_eq!(read(&format!("etc/{file}"), text), expect);
        };
        check(
            "redhat-release",
            "Red Hat Enterprise Linux Server release 6.10 (Santiago)",
            "rhel 6.10 -",
        );
        check(
            "redhat-release",
            "Red Hat Enterprise Linux release 9.2 (Plow)",
            "rhel 9.2 -",
        );
        check(
            "centos-release",
            "CentOS Linux release 7.9.2009 (Core)",
            "centos 7.9.2009 -",
        );
        check(
            "centos-release",
            "CentOS Stream release 8",
            "centos 8 stream",
        );
        check(
            "system-release",
            "Amazon Linux AMI release 2018.03",
            "amzn 2018.03 -",
        );
        check(
            "rocky-release",
            "Rocky Linux release 8.5 (Green Obsidian)",
            "rocky 8.5 -",
        );
        check(
            "almalinux-release",
            "AlmaLinux release 8.6 (Sky Tiger)",
            "almalinux 8.6 -",
        );
        check(
            "oracle-release",
            "Oracle Linux Server release 8.6",
            "ol 8.6 -",
        );
        check(
            "fedora-release",
            "Fedora release 35 (Thirty Five)",
            "fedora 35 -",
        );
        check("fedora-release", "Fedora release Rawhide", "fedora - -");
        check(
            "photon-release",
            "VMware Photon OS 4.0\nPHOTON_BUILD_NUMBER=2f5aad892",
            "photon 4.0 -",
        );
        check("photon-release", "VMware Photon Linux 1.0", "photon 1.0 -");
        check(
            "mariner-release",
            "CBL-Mariner 2.0.20220226\nMARINER_BUILD_NUMBER=1",
            "mariner 2.0 -",
        );
        check(
            "azurelinux-release",
            "Microsoft Azure Linux 3.0.20240609",
            "azurelinux 3.0 -",
        );
        check(
            "gentoo-release",
            "Gentoo Base System release 2.14",
            "gentoo 2.14 -",
        );
        check("arch-release", "", "arch - -");
        check("arch-release", "Arch Linux release", "arch - -");
        check(
            "SuSE-release",
            "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 4\n",
            "sles 11.4 -",
        );
        check(
            "SuSE-release",
            "openSUSE 13.1 (x86_64)\nVERSION = 13.1\nCODENAME = Bottle\n# deprecated\n",
            "opensuse 13.1 bottle",
        );
        check(
            "os-release",
            "NAME=\"CentOS Stream\"\nID=\"centos\"\nVERSION_ID=\"9\"",
            "centos 9 stream",
        );
        check(
            "os-release",
            "ID=wolfi\nNAME=\"Wolfi\"\nVERSION_ID=\"20230201\"",
            "wolfi 20230201 -",
        );
        let path = "aarch64-bottlerocket-linux-gnu/sys-root/usr/lib/os-release";
        assert_eq!(
            read(path, "ID=bottlerocket\nVERSION_ID=1.19.2"),
            "bottlerocket 1.19.2 -"
        );
    }

    #[test]
    fn edge_is_told_by_the_main_repository() {
        let check = |text: &str, expect: &str| {
            assert_eq!(read("etc/apk/repositories", text), expect, "{text}");
        };
        let (edge, none) = ("alpine edge -", " - -");
        check("https://dl-cdn.alpinelinux.org/alpine/edge/main\n", edge);
        check(
            "https://a/alpine/edge/main/\nhttps://a/alpine/edge/community\n#https://a/v3.19/main\n",
            edge,
        );
        check(
            "https://a/alpine/v3.19/main\nhttps://a/alpine/v3.19/community\n",
            none,
        );
        check(
            "https://a/alpine/v3.19/main\nhttps://a/alpine/edge/testing\n",
            none,
        );
        check(
            "https://a/alpine/v3.19/main\nhttps://a/alpine/edge/main\n",
            none,
        );
        check(
            "https://a/alpine/v3.19/main\n@edge https://a/alpine/edge/main\n",
            none,
        );
        check("@edge https://a/alpine/edge/main\n", none);
        check("https://packages.wolfi.dev/os\n", none);
        check("", none);
    }

    #[test]
    fn other_files_know_what_the_deciding_one_does_not() {
        let fact = |id: &str, version_id: Option<&str>, codename: Option<&str>| DistributionFact {
            id: id.to_owned(),
            version_id: version_id.map(str::to_owned),
            codename: codename.map(str::to_owned),
            ..DistributionFact::default()
        };
        let check = |mut found: DistributionFact, path: &str, other: DistributionFact, expect| {
            refine(&mut found, |asked| (asked == path).then_some(&other));
            assert_eq!(found, expect);
        };
        let edge = fact("alpine", Some("edge"), None);
        let alpha = fact("alpine", Some("3.23_alpha20250612"), None);
        check(alpha.clone(), REPOSITORIES, edge.clone(), edge.clone());
        check(alpha.clone(), "etc/debian_version", edge.clone(), alpha);
        let wolfi = fact("wolfi", Some("20230201"), None);
        check(wolfi.clone(), REPOSITORIES, edge, wolfi);
        let sid = fact("debian", None, Some("bullseye"));
        check(
            fact("debian", None, None),
            "etc/debian_version",
            sid.clone(),
            sid.clone(),
        );
        let stable = fact("debian", Some("12"), None);
        check(stable.clone(), "etc/debian_version", sid, stable);
    }

    #[test]
    fn the_order_of_like_distributions_is_kept() {
        let facts = analyse(
            &OsRelease,
            "etc/os-release",
            "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n",
        );
        assert_eq!(facts.distributions[0].id_like, ["ubuntu", "debian"]);
    }

    #[test]
    fn truncated_and_hostile_files_are_warnings() {
        let check = |text: &[u8], facts: usize, warnings: usize| {
            let found = analyse(&OsRelease, "etc/os-release", text);
            assert_eq!(found.distributions.len(), facts, "{text:?}");
            assert_eq!(found.warnings.len(), warnings, "{text:?}");
        };
        check(b"", 0, 0);
        check(b"\n", 0, 0);
        check(b"<html>not found</html>", 0, 1);
        check(b"ID=\xff\xff\n", 1, 0);
        check(b"VERSION_ID=1", 0, 1);
    }
}
