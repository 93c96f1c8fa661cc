//! What a policy says.

use std::{fmt, str::FromStr};

use lamina_inventory::severity::Severity;
use serde::{Deserialize, Serialize};

use crate::{
    exceptions::Exception,
    limits::{MAX_EXCEPTIONS, MAX_POLICY_BYTES},
};

/// What an image must satisfy.
///
/// In files, fields are kebab-case, all are optional, and unknown ones are refused:
///
/// ```json
/// { "fail-on": "high", "fixable-only": true, "unknown-severity": "pass",
///   "exceptions": [{ "id": "CVE-2023-4911", "reason": "not reachable", "expires": "2027-01-31" }] }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Policy {
    /// The mildest severity that fails the image.
    pub fail_on: Threshold,
    /// Whether findings without a fixed version are left out of the judgement.
    pub fixable_only: bool,
    /// What becomes of findings whose severity nobody has said.
    pub unknown_severity: UnknownSeverity,
    /// Findings that do not count, each with who may be asked why.
    pub exceptions: Vec<Exception>,
}

/// The mildest severity that fails an image. Written as the severity's word, or `never`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub enum Threshold {
    /// Fail on every rated finding.
    Negligible,
    /// Fail at low and above.
    Low,
    /// Fail at medium and above.
    Medium,
    /// Fail at high and above: the default.
    #[default]
    High,
    /// Fail at critical only.
    Critical,
    /// No severity fails.
    Never,
}

/// What becomes of findings whose severity nobody has said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownSeverity {
    /// They do not fail the image: the default.
    #[default]
    Pass,
    /// Any of them fails the image, as in Harbor ("fail closed").
    Fail,
}

/// A word that is no threshold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no threshold: negligible, low, medium, high, critical or never")]
pub struct ThresholdError(pub String);

/// Why a text is no policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// It is larger than a policy may be.
    #[error("policy is {0} bytes, more than {MAX_POLICY_BYTES}")]
    TooLarge(usize),
    /// It has more exceptions than a policy may have.
    #[error("policy has {0} exceptions, more than {MAX_EXCEPTIONS}")]
    TooManyExceptions(usize),
    /// It is not JSON of the right shape; the source says where.
    #[error("policy cannot be read")]
    Syntax(#[from] serde_json::Error),
}

impl Policy {
    /// Reads a policy in JSON. Unknown fields are refused, with line and column.
    pub fn parse_json(text: &str) -> Result<Self, PolicyError> {
        if text.len() > MAX_POLICY_BYTES {
            return Err(PolicyError::TooLarge(text.len()));
        }
        let policy: Self = serde_json::from_str(text)?;
        if policy.exceptions.len() > MAX_EXCEPTIONS {
            return Err(PolicyError::TooManyExceptions(policy.exceptions.len()));
        }
        Ok(policy)
    }
}

impl Threshold {
    /// All thresholds, strictest first: the stops of a slider.
    pub const ALL: [Threshold; 6] = [
        Self::Negligible,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Critical,
        Self::Never,
    ];

    /// The mildest severity that fails; `None` if none does.
    pub fn severity(self) -> Option<Severity> {
        Some(match self {
            Self::Negligible => Severity::Negligible,
            Self::Low => Severity::Low,
            Self::Medium => Severity::Medium,
            Self::High => Severity::High,
            Self::Critical => Severity::Critical,
            Self::Never => return None,
        })
    }

    /// The word in files and on the page.
    pub fn word(self) -> &'static str {
        self.severity().map_or("never", Severity::word)
    }
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(word: &str) -> Result<Self, ThresholdError> {
        Self::ALL
            .into_iter()
            .find(|threshold| threshold.word().eq_ignore_ascii_case(word))
            .ok_or_else(|| ThresholdError(word.chars().take(40).collect()))
    }
}

impl TryFrom<String> for Threshold {
    type Error = ThresholdError;

    fn try_from(word: String) -> Result<Self, ThresholdError> {
        word.parse()
    }
}

impl From<Threshold> for String {
    fn from(threshold: Threshold) -> Self {
        threshold.word().to_owned()
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_leaves_out_takes_its_default() {
        let policy = Policy::parse_json("{}").unwrap();
        assert_eq!(policy, Policy::default());
        assert_eq!(policy.fail_on, Threshold::High);
        assert!(!policy.fixable_only);
        assert_eq!(policy.unknown_severity, UnknownSeverity::Pass);
    }

    #[test]
    fn a_policy_reads_back_what_it_writes() {
        let text = r#"{"fail-on":"never","fixable-only":true,"unknown-severity":"fail","exceptions":[{"id":"CVE-2023-4911","reason":"r","expires":"2027-01-31"},{"id":"GHSA-x","expires":"2027-01-31T12:00:00Z"}]}"#;
        let policy = Policy::parse_json(text).unwrap();
        assert_eq!(serde_json::to_string(&policy).unwrap(), text);
    }

    #[test]
    fn what_is_no_policy_is_refused_and_says_where() {
        let check = |text: &str, expect: &str| {
            let error = Policy::parse_json(text).unwrap_err();
            let source = std::error::Error::source(&error).map_or(String::new(), |s| s.to_string());
            assert!(source.contains(expect), "{text}: {source}");
        };
        check(r#"{"fail-on": "hihg"}"#, r#""hihg" is no threshold"#);
        check(r#"{"fail-on": "unknown"}"#, "is no threshold");
        check(r#"{"fial-on": "high"}"#, "unknown field `fial-on`");
        check(r#"{"fial-on": "high"}"#, "line 1 column 10");
        check(r#"{"exceptions": [{"reason": "x"}]}"#, "missing field `id`");
        check(
            r#"{"exceptions": [{"id": "x", "until": 1}]}"#,
            "unknown field `until`",
        );
        check(
            r#"{"exceptions": [{"id": "x", "expires": "tomorrow"}]}"#,
            r#""tomorrow" is neither a date"#,
        );
        check(
            r#"{"unknown-severity": "maybe"}"#,
            "unknown variant `maybe`",
        );
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let huge = format!("{{{}}}", " ".repeat(MAX_POLICY_BYTES));
        assert!(matches!(
            Policy::parse_json(&huge),
            Err(PolicyError::TooLarge(_))
        ));
        let many = vec![r#"{"id":"CVE-1"}"#; MAX_EXCEPTIONS + 1].join(",");
        let many = format!(r#"{{"exceptions":[{many}]}}"#);
        assert!(matches!(
            Policy::parse_json(&many),
            Err(PolicyError::TooManyExceptions(_))
        ));
    }
}
