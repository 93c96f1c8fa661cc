//! Patterns with wildcards, as `.trivyignore.yaml` and `.grype.yaml` have them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::limits::MAX_PATTERN_BYTES;

/// A pattern: `*` stands for anything but `/`, `**` for anything, `?` for one character, `[a-z]` for
/// one of a set, `{a,b}` for either. Letter case matters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(String);

/// A text that is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// It is empty, which would match nothing.
    #[error("an empty pattern matches nothing")]
    Empty,
    /// It is longer than a pattern may be.
    #[error("the pattern has {0} bytes, more than {MAX_PATTERN_BYTES}")]
    TooLong(usize),
}

impl Pattern {
    /// Whether it matches the whole text.
    pub fn matches(&self, text: &str) -> bool {
        self.0 == text || fast_glob::glob_match(&self.0, text)
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let text = text.trim();
        match text.len() {
            0 => Err(PatternError::Empty),
            length if length > MAX_PATTERN_BYTES => Err(PatternError::TooLong(length)),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Pattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_documented() {
        let check = |pattern: &str, text: &str, expect: bool| {
            let matches = pattern.parse::<Pattern>().unwrap().matches(text);
            assert_eq!(matches, expect, "{pattern} on {text}");
        };
        check("openssl", "openssl", true);
        check("openssl", "openssl3", false);
        check("lib*", "libssl3", true);
        check("*", "a/b", false);
        check("**", "a/b", true);
        check("ghcr.io/shop/**", "ghcr.io/shop/api/v2:1.0", true);
        check("ghcr.io/shop/*", "ghcr.io/shop/api/v2", false);
        check("**/*.jar", "opt/app/lib/a.jar", true);
        check("**/*.jar", "a.jar", true);
        check("AGPL-*", "AGPL-3.0-only", true);
        check("{MIT,Apache-2.0}", "MIT", true);
        check("libstdc++", "libstdc++", true);
        check("[", "[", true);
        check("[", "x", false);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        assert_eq!(" ".parse::<Pattern>(), Err(PatternError::Empty));
        let long = "*a".repeat(MAX_PATTERN_BYTES);
        assert!(matches!(
            long.parse::<Pattern>(),
            Err(PatternError::TooLong(_))
        ));
    }

    #[test]
    fn a_hostile_pattern_ends_soon() {
        let pattern: Pattern = "**/*a*".repeat(60).parse().unwrap();
        let text = "a/".repeat(2_000);
        // Backtracking would outlast the run.
        assert!(!pattern.matches(&format!("{text}b")));
    }
}
