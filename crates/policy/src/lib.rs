//! Rules, exceptions and the verdict.
//!
//! A policy looks at [`Finding`]s, a view that the report lends; it does not know where they came
//! from. To add a rule is to add one file under `rules/` and one line in `rules.rs`.
//!
//! [`evaluate`] is a pure function and quick enough to follow a slider: 3,000 findings take well
//! under 2 ms (test `three_thousand_findings_are_judged_while_a_slider_moves`).
//!
//! ```
//! use lamina_policy::{evaluate, Finding, Policy};
//! use lamina_inventory::severity::Severity;
//!
//! let policy = Policy::parse_json(r#"{"fail-on": "high"}"#).unwrap();
//! let finding = Finding {
//!     id: "CVE-2024-1", aliases: &[], severity: Severity::Critical, is_fixable: true,
//!     package: "openssl", version: "3.0.11", layer: 0,
//! };
//! let verdict = evaluate(&policy, &[finding], "2026-11-23T00:00:00Z".parse().unwrap());
//! assert!(!verdict.passed);
//! assert_eq!(
//!     verdict.rules[0].reason,
//!     "1 finding at or above high, worst CVE-2024-1 (critical) in openssl 3.0.11"
//! );
//! ```

mod exceptions;
mod limits;
mod policy;
mod rules;
mod verdict;

use lamina_inventory::severity::Severity;

pub use exceptions::{Exception, Expiry, ExpiryError};
pub use limits::{MAX_EXCEPTIONS, MAX_POLICY_BYTES};
pub use policy::{Policy, PolicyError, Threshold, ThresholdError, UnknownSeverity};
pub use rules::{Context, RULES, Rule};
pub use verdict::{RuleOutcome, Verdict, evaluate};

/// What a rule may know of a finding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding<'a> {
    /// The id under which it is shown.
    pub id: &'a str,
    /// Other ids of the same vulnerability.
    pub aliases: &'a [String],
    /// Severity.
    pub severity: Severity,
    /// Whether a version that fixes it exists.
    pub is_fixable: bool,
    /// Name of the package that has it.
    pub package: &'a str,
    /// Version of that package.
    pub version: &'a str,
    /// The layer that introduced the package.
    pub layer: usize,
}
