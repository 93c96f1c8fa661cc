//! What the name of an archive says: `artifact-1.2.3-SNAPSHOT.jar`.

/// The name of an archive, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FileName {
    /// Without folder and extension.
    pub(super) stem: String,
    /// What comes before the version; the whole stem if there is none.
    pub(super) artifact: String,
    /// The version, if there is one.
    pub(super) version: Option<String>,
}

impl FileName {
    /// Takes a path apart. `/` and the `!/` of archives in archives are the same here.
    pub(super) fn of(path: &[u8]) -> Self {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
        let end = memchr::memrchr(b'.', name).unwrap_or(name.len());
        let stem = String::from_utf8_lossy(name.get(..end).unwrap_or(name)).into_owned();
        let split = version_start(&stem).filter(|split| *split > 0);
        let (artifact, version) = match split.and_then(|split| stem.split_at_checked(split)) {
            // The separator is one byte.
            Some((artifact, version)) => (artifact.to_owned(), version.get(1..)),
            None => (stem.clone(), None),
        };
        Self {
            version: version.map(str::to_owned),
            artifact,
            stem,
        }
    }
}

/// Where the separator before the version lies.
///
/// The version begins with the first part that looks like one. Only where none does, `_` and `.`
/// separate too (`org.eclipse.core_3.1.0`): Scala's artifacts have `_2.13` in their names.
fn version_start(stem: &str) -> Option<usize> {
    let parts = |separator: char| stem.match_indices(separator).map(|(at, _)| at);
    let is_version = |at: &usize| stem.get(at + 1..).is_some_and(looks_like_version);
    let mut dashes = parts('-').filter(is_version).peekable();
    let first = dashes.peek().copied();
    // `log4j-1.2-api-2.17.1`, `level-3-jar`: what looks like a version is a part of the name.
    let is_in_name = |at: usize| {
        let rest = stem.get(at + 1..).unwrap_or_default();
        let mut words = rest.split('-');
        let (first, second) = (words.next().unwrap_or_default(), words.next());
        second.is_some_and(|second| {
            matches!(second, "api" | "spec") || (first.chars().all(digit) && is_plain_word(second))
        })
    };
    match first {
        Some(at) if is_in_name(at) => dashes.nth(1),
        Some(at) => Some(at),
        None => {
            let is_number = |at: &usize| {
                stem.get(at + 1..)
                    .is_some_and(|rest| rest.starts_with(digit))
            };
            parts('_')
                .find(is_number)
                .or_else(|| parts('.').find(is_number))
        }
    }
}

/// Words that may follow a version that is a bare number: `33-jre`, `3-SNAPSHOT`.
const QUALIFIERS: &[&str] = &[
    "alpha",
    "android",
    "beta",
    "dev",
    "final",
    "ga",
    "incubating",
    "jre",
    "rc",
    "release",
    "snapshot",
    "sp",
];

/// Whether a word has letters only, and says nothing of a version.
fn is_plain_word(word: &str) -> bool {
    let is_word = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphabetic());
    is_word
        && !QUALIFIERS
            .iter()
            .any(|known| word.eq_ignore_ascii_case(known))
}

fn digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// `1.2.3-rc1`, `r06`, `rc2`, `build212-hudson-5`.
fn looks_like_version(rest: &str) -> bool {
    let word = rest.split('-').next().unwrap_or(rest);
    if word.starts_with(digit) {
        return true;
    }
    let lower = word.to_ascii_lowercase();
    let numbered = |prefix: &str| {
        let number = lower.strip_prefix(prefix);
        number.filter(|number| number.starts_with(digit))
    };
    let is_all_digits = |number: &str| number.chars().all(digit);
    numbered("build").is_some()
        || numbered("rc").is_some_and(is_all_digits)
        || numbered("r").is_some_and(is_all_digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let check = |path: &str, artifact: &str, version: Option<&str>| {
            let name = FileName::of(path.as_bytes());
            let found = (name.artifact.as_str(), name.version.as_deref());
            assert_eq!(found, (artifact, version), "{path}");
        };
        check("pkg-maven-4.3.2.jar", "pkg-maven", Some("4.3.2"));
        check(
            "a/b-9/spring-core-5.3.4-SNAPSHOT.jar",
            "spring-core",
            Some("5.3.4-SNAPSHOT"),
        );
        check("a.war!/WEB-INF/lib/x-1.0.jar", "x", Some("1.0"));
        check("liferay-package.lpkg", "liferay-package", None);
        check(
            "wagon-webdav-1.0.2-beta-2.2.3a-hudson.jar",
            "wagon-webdav",
            Some("1.0.2-beta-2.2.3a-hudson"),
        );
        check(
            "jtidy-4aug2000r7-dev-hudson-1.jar",
            "jtidy",
            Some("4aug2000r7-dev-hudson-1"),
        );
        check(
            "trilead-ssh2-build212-hudson-5.jar",
            "trilead-ssh2",
            Some("build212-hudson-5"),
        );
        check("guava-r06.jar", "guava", Some("r06"));
        check(
            "spring-data-r2dbc-1.1.0.RELEASE.jar",
            "spring-data-r2dbc",
            Some("1.1.0.RELEASE"),
        );
        check(
            "jboss-saaj-api_1.4_spec-1.0.2.Final.jar",
            "jboss-saaj-api_1.4_spec",
            Some("1.0.2.Final"),
        );
        check("kafka_2.13-3.2.2.jar", "kafka_2.13", Some("3.2.2"));
        check("log4j-1.2-api-2.17.1.jar", "log4j-1.2-api", Some("2.17.1"));
        check(
            "geronimo-annotation-1.3-spec.jar",
            "geronimo-annotation-1.3-spec",
            None,
        );
        check("level-3-jar.jar", "level-3-jar", None);
        check("guava-33-jre.jar", "guava", Some("33-jre"));
        check("a-3-SNAPSHOT.jar", "a", Some("3-SNAPSHOT"));
        check(
            "commons-jelly-1.1-hudson-20100305.jar",
            "commons-jelly",
            Some("1.1-hudson-20100305"),
        );
        check(
            "org.eclipse.core_3.1.0.v2020.jar",
            "org.eclipse.core",
            Some("3.1.0.v2020"),
        );
        check("javax.servlet.3.0.jar", "javax.servlet", Some("3.0"));
        check("http2-server.jar", "http2-server", None);
        check("1.0.jar", "1", Some("0"));
        check("-1.jar", "-1", None);
        check("é-1.jar", "é", Some("1"));
        check("", "", None);
        check(".jar", "", None);
    }
}
