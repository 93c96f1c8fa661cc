//! What a policy says.

use std::{fmt, str::FromStr};

use lamina_inventory::severity::Severity;
use serde::{Deserialize, Serialize};

use crate::{
    exceptions::{Exception, Expiry},
    limits::{MAX_EXCEPTIONS, MAX_LIST, MAX_PATTERN_EXCEPTIONS, MAX_POLICY_BYTES},
    pattern::Pattern,
    subject::Status,
};

/// What an image must satisfy.
///
/// In files, fields are kebab-case, all are optional, and unknown ones are refused. docs/policy.md
/// says what each means; [`Policy::parse`] reads a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Policy {
    /// Its name, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is for, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The mildest severity of a vulnerability that fails the image.
    pub fail_on: Threshold,
    /// The mildest severity of which the verdict warns.
    #[serde(skip_serializing_if = "is_never")]
    pub warn_on: WarnThreshold,
    /// Whether findings without a fixed version are left out of the judgement.
    #[serde(skip_serializing_if = "is_default")]
    pub fixable_only: bool,
    /// What becomes of findings whose severity nobody has said.
    #[serde(skip_serializing_if = "is_default")]
    pub unknown_severity: Choice,
    /// Findings of these statuses are left out of the judgement.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore_statuses: Vec<Status>,
    /// Whether what the base image brought is judged.
    #[serde(skip_serializing_if = "is_default")]
    pub base_image: BaseImage,
    /// How long there is to act.
    #[serde(skip_serializing_if = "is_default")]
    pub grace: Grace,
    /// What becomes of vulnerabilities that are likely to be exploited.
    #[serde(skip_serializing_if = "is_default")]
    pub epss: Epss,
    /// What becomes of vulnerabilities that CISA lists as exploited (KEV).
    #[serde(skip_serializing_if = "is_default")]
    pub exploited: Choice,
    /// The mildest severity of a secret that fails the image.
    #[serde(skip_serializing_if = "is_never")]
    pub secrets: OtherThreshold,
    /// The mildest severity of a misconfiguration that fails the image.
    #[serde(skip_serializing_if = "is_never")]
    pub misconfigurations: OtherThreshold,
    /// Which licences packages may have.
    #[serde(skip_serializing_if = "is_default")]
    pub licences: Licences,
    /// What becomes of an image whose distribution is no longer looked after.
    #[serde(skip_serializing_if = "is_default")]
    pub end_of_life: Choice,
    /// What becomes of an image that runs as root.
    #[serde(skip_serializing_if = "is_default")]
    pub root_user: Choice,
    /// What becomes of executables that no package owns and no classifier names.
    #[serde(skip_serializing_if = "is_default")]
    pub unnamed_executables: Choice,
    /// How old the image may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Days>,
    /// Labels that the image must have: `name`, or `name=pattern`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required_labels: Vec<String>,
    /// When all exceptions stop counting, as Harbor's allowlists do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exceptions_expire: Option<Expiry>,
    /// Findings that do not count, each with who may be asked why.
    pub exceptions: Vec<Exception>,
    /// Rules of one's own in Rego.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<CustomRule>,
}

/// Whether a field has its default, and need not be written.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Whether a threshold is `never`, and need not be written.
fn is_never(value: &OtherThreshold) -> bool {
    value.0 == Threshold::Never
}

/// A threshold whose default is `never`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OtherThreshold(pub Threshold);

/// The mildest severity that warns.
pub type WarnThreshold = OtherThreshold;

impl Default for OtherThreshold {
    fn default() -> Self {
        Self(Threshold::Never)
    }
}

/// What becomes of an image to which something applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// It passes: the default.
    #[default]
    Pass,
    /// It passes with a warning.
    Warn,
    /// It fails.
    Fail,
}

/// Whether what the base image brought is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BaseImage {
    /// It is judged like the rest: the default.
    #[default]
    Judged,
    /// It is left out: whoever maintains the base image answers for it.
    LeftOut,
}

/// How long there is to act before a finding counts. A finding whose date is not known counts at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Grace {
    /// Since the advisory was published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<Days>,
    /// Since the version that fixes it became available.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Days>,
}

/// What becomes of vulnerabilities that are likely to be exploited: thresholds of FIRST's EPSS, from
/// 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Epss {
    /// At or above this, the image fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail_at: Option<f64>,
    /// At or above this, the verdict warns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warn_at: Option<f64>,
}

/// Which licences packages may have: SPDX identifiers, or patterns of them (`AGPL-*`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Licences {
    /// Every package must be usable under these alone; all if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<Pattern>,
    /// No package may force one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<Pattern>,
    /// What becomes of packages that state none, or none that is known.
    #[serde(skip_serializing_if = "is_default")]
    pub unknown: Choice,
}

/// A rule of one's own, in [Rego](https://www.openpolicyagent.org/docs/latest/policy-language/). It is
/// evaluated by `lamina-rego` over the report's JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct CustomRule {
    /// Its name in verdicts.
    pub name: String,
    /// The module: `package lamina`, with rules `deny` and `warn` that hold sets of messages.
    pub rego: String,
}

/// A number of days. Written `90d`; read also as `90`, `2w` (weeks).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "DaysText", into = "String")]
pub struct Days(pub u32);

#[derive(Deserialize)]
#[serde(untagged)]
enum DaysText {
    Number(u32),
    Text(String),
}

/// A text that is no number of days.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no number of days: write 90d, or 12w")]
pub struct DaysError(pub String);

impl TryFrom<DaysText> for Days {
    type Error = DaysError;

    fn try_from(text: DaysText) -> Result<Self, DaysError> {
        match text {
            DaysText::Number(days) => Ok(Self(days)),
            DaysText::Text(text) => text.parse(),
        }
    }
}

impl FromStr for Days {
    type Err = DaysError;

    fn from_str(text: &str) -> Result<Self, DaysError> {
        let refuse = || DaysError(text.chars().take(40).collect());
        let text = text.trim();
        let (number, unit) = match text.strip_suffix(['d', 'w']) {
            Some(number) if text.ends_with('w') => (number, 7),
            Some(number) => (number, 1),
            None => (text, 1),
        };
        let number: u32 = number.trim_end().parse().map_err(|_| refuse())?;
        number.checked_mul(unit).map(Self).ok_or_else(refuse)
    }
}

impl From<Days> for String {
    fn from(days: Days) -> Self {
        days.to_string()
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}d", self.0)
    }
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
    /// A list in it is longer than it may be.
    #[error("policy has {count} {what}, more than {most}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// It is not JSON of the right shape; the source says where.
    #[error("policy cannot be read")]
    Json(#[from] serde_json::Error),
    /// It is not YAML of the right shape.
    #[error("policy cannot be read: {message}")]
    Yaml {
        /// What is wrong, with the line and a picture of the place.
        message: String,
        /// The line, counted from 1, where that is known.
        line: Option<u64>,
        /// The column, counted from 1.
        column: Option<u64>,
    },
    /// A field has a value that means nothing.
    #[error("policy: {0}")]
    Value(String),
}

impl Policy {
    /// Reads a policy in YAML, of which JSON is a part. Unknown fields are refused, with line and
    /// column.
    ///
    /// # Errors
    /// When it is no policy, or too large a one.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > MAX_POLICY_BYTES {
            return Err(PolicyError::TooLarge(text.len()));
        }
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        Self::check(crate::yaml::read(text)?)
    }

    /// Reads a policy in JSON: what the page keeps and links carry, without a reader of YAML.
    ///
    /// # Errors
    /// As [`Policy::parse`].
    pub fn parse_json(text: &str) -> Result<Self, PolicyError> {
        if text.len() > MAX_POLICY_BYTES {
            return Err(PolicyError::TooLarge(text.len()));
        }
        Self::check(serde_json::from_str(text)?)
    }

    /// Writes it in YAML, as [`Policy::parse`] reads it. Fields that have their default are left out.
    ///
    /// # Errors
    /// When a text in it cannot be written in YAML.
    pub fn to_yaml(&self) -> Result<String, PolicyError> {
        crate::yaml::write(self)
    }

    /// Whether nothing fails an image, whatever is in it: the policy of those who only want a report.
    pub fn fails_nothing(&self) -> bool {
        self.fail_on == Threshold::Never
            && self.unknown_severity != Choice::Fail
            && self.epss.fail_at.is_none()
            && self.exploited != Choice::Fail
            && self.secrets.0 == Threshold::Never
            && self.misconfigurations.0 == Threshold::Never
            && self.licences.allow.is_empty()
            && self.licences.deny.is_empty()
            && self.licences.unknown != Choice::Fail
            && self.end_of_life != Choice::Fail
            && self.root_user != Choice::Fail
            && self.unnamed_executables != Choice::Fail
            && self.max_age.is_none()
            && self.required_labels.is_empty()
            && self.rules.is_empty()
    }

    fn check(self) -> Result<Self, PolicyError> {
        let few = |what, count, most| match count > most {
            true => Err(PolicyError::TooMany { what, count, most }),
            false => Ok(()),
        };
        few("exceptions", self.exceptions.len(), MAX_EXCEPTIONS)?;
        let patterns = self.exceptions.iter().filter(|one| one.id.is_none());
        few(
            "exceptions without an id",
            patterns.count(),
            MAX_PATTERN_EXCEPTIONS,
        )?;
        few("statuses", self.ignore_statuses.len(), MAX_LIST)?;
        few("licences", self.licences.allow.len(), MAX_LIST)?;
        few("licences", self.licences.deny.len(), MAX_LIST)?;
        few("labels", self.required_labels.len(), MAX_LIST)?;
        few("rules", self.rules.len(), MAX_LIST)?;
        for (index, exception) in self.exceptions.iter().enumerate() {
            if exception.says_nothing() {
                return Err(PolicyError::Value(format!(
                    "exception {} names neither id, package, purl, path nor layer",
                    index + 1
                )));
            }
        }
        for at in [self.epss.fail_at, self.epss.warn_at].into_iter().flatten() {
            if !(0.0..=1.0).contains(&at) {
                return Err(PolicyError::Value(format!(
                    "epss: {at} is no probability from 0 to 1"
                )));
            }
        }
        for label in &self.required_labels {
            if label.trim().is_empty() || label.starts_with('=') {
                return Err(PolicyError::Value(format!(
                    "required-labels: {label:?} names no label"
                )));
            }
        }
        let mut names: Vec<&str> = self.rules.iter().map(|rule| rule.name.as_str()).collect();
        names.sort_unstable();
        if names.first().is_some_and(|name| name.trim().is_empty()) {
            return Err(PolicyError::Value("a rule has no name".to_owned()));
        }
        if let Some([name, _]) = names.windows(2).find(|pair| pair.first() == pair.last()) {
            return Err(PolicyError::Value(format!("two rules are named {name}")));
        }
        Ok(self)
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
        assert_eq!(policy.unknown_severity, Choice::Pass);
        assert!(!policy.fails_nothing());
    }

    #[test]
    fn a_policy_reads_back_what_it_writes() {
        let text = r#"{"name":"n","fail-on":"never","warn-on":"low","fixable-only":true,"unknown-severity":"fail","ignore-statuses":["will-not-fix"],"base-image":"left-out","grace":{"fix":"14d"},"epss":{"fail-at":0.5},"exploited":"fail","secrets":"high","licences":{"deny":["AGPL-*"]},"max-age":"90d","required-labels":["a=b*"],"exceptions-expire":"2027-01-31","exceptions":[{"id":"CVE-2023-4911","reason":"r","expires":"2027-01-31"},{"purl":"pkg:npm/x","images":["a/*"]}],"rules":[{"name":"r","rego":"package lamina"}]}"#;
        let policy = Policy::parse_json(text).unwrap();
        assert_eq!(serde_json::to_string(&policy).unwrap(), text);
        assert_eq!(Policy::parse(text).unwrap(), policy, "JSON is YAML");
        let yaml = policy.to_yaml().unwrap();
        assert_eq!(Policy::parse(&yaml).unwrap(), policy, "{yaml}");
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
        check(r#"{"max-age": "soon"}"#, r#""soon" is no number of days"#);
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let huge = format!("{{{}}}", " ".repeat(MAX_POLICY_BYTES));
        assert!(matches!(
            Policy::parse_json(&huge),
            Err(PolicyError::TooLarge(_))
        ));
        let many = |exception: &str, count: usize| {
            format!(r#"{{"exceptions":[{}]}}"#, vec![exception; count].join(","))
        };
        for (exception, count) in [
            (r#"{"id":"CVE-1"}"#, MAX_EXCEPTIONS + 1),
            (r#"{"layer":1}"#, MAX_PATTERN_EXCEPTIONS + 1),
        ] {
            assert!(matches!(
                Policy::parse_json(&many(exception, count)),
                Err(PolicyError::TooMany { .. })
            ));
        }
    }

    #[test]
    fn days_are_read_in_days_and_weeks() {
        let check = |text: &str, expect: Option<u32>| {
            assert_eq!(
                text.parse::<Days>().ok().map(|days| days.0),
                expect,
                "{text}"
            );
        };
        check("90d", Some(90));
        check("12w", Some(84));
        check("7", Some(7));
        check(" 3 d", Some(3));
        check("4294967295w", None);
        check("-1d", None);
        check("", None);
        check("d", None);
        check("1m", None);
    }
}
