//! Which distribution an image is.
//!
//! os-release(5), <https://www.freedesktop.org/software/systemd/man/latest/os-release.html>; for
//! images that have none, the older files of Ubuntu (`lsb-release`), Alpine, Debian and Red Hat's
//! family. Which of them counts is decided when layers are merged ([`PRECEDENCE`]).

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
pub const PRECEDENCE: &[&str] = &[
    "etc/os-release",
    "usr/lib/os-release",
    "etc/lsb-release",
    "etc/alpine-release",
    "etc/centos-release",
    "etc/redhat-release",
    "etc/system-release",
    "etc/debian_version",
];

/// Fedora keeps variants here, one of which `usr/lib/os-release` leads to.
const VARIANTS: &[u8] = b"usr/lib/os.release.d/";

impl Analyser for OsRelease {
    fn id(&self) -> &'static str {
        "os-release"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        let path = path.as_bytes();
        match path.first() {
            Some(b'e') => {
                path.starts_with(b"etc/") && PRECEDENCE.iter().any(|p| p.as_bytes() == path)
            }
            Some(b'u') => path == b"usr/lib/os-release" || path.starts_with(VARIANTS),
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
            b"centos-release" | b"redhat-release" | b"system-release" => {
                first().and_then(red_hat_release)
            }
            _ => os_release(file.bytes),
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
            b"NAME" => has_name |= value.is_some(),
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

/// `CentOS release 6.10 (Final)`.
fn red_hat_release(text: String) -> Option<DistributionFact> {
    const IDS: &[(&str, &str)] = &[
        ("red hat enterprise linux", "rhel"),
        ("centos", "centos"),
        ("fedora", "fedora"),
        ("amazon linux", "amzn"),
        ("oracle linux", "ol"),
        ("rocky linux", "rocky"),
        ("almalinux", "almalinux"),
    ];
    let lower = text.to_ascii_lowercase();
    let (_, id) = IDS.iter().find(|(name, _)| lower.starts_with(name))?;
    let version = lower
        .split_once(" release ")
        .and_then(|(_, rest)| rest.split_whitespace().next())
        .map(str::to_owned);
    Some(DistributionFact {
        id: (*id).to_owned(),
        version_id: version,
        pretty_name: Some(text),
        ..DistributionFact::default()
    })
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
            ],
            &[
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
