//! Rules, exceptions and the verdict.
//!
//! A policy looks at a [`Subject`], a view that the report lends; it does not know where that came
//! from. To add a rule is to add one file under `rules/` and one line in `rules.rs`.
//!
//! [`evaluate`] is a pure function and quick enough to follow a slider: 3,000 findings take well
//! under 2 ms (test `three_thousand_findings_are_judged_while_a_slider_moves`).
//!
//! ```
//! use lamina_policy::{evaluate, Finding, Package, Policy, Status, Subject};
//! use lamina_inventory::severity::Severity;
//!
//! let policy = Policy::parse("fail-on: high").unwrap();
//! let openssl = Package { name: "openssl", version: "3.0.11", ..Package::default() };
//! let subject = Subject {
//!     findings: vec![Finding {
//!         id: "CVE-2024-1", severity: Severity::Critical, at: openssl, ..Finding::default()
//!     }],
//!     packages: vec![openssl],
//!     ..Subject::default()
//! };
//! let verdict = evaluate(&policy, &subject, "2026-11-23T00:00:00Z".parse().unwrap());
//! assert!(!verdict.passed);
//! assert_eq!(
//!     verdict.rules[0].reason,
//!     "1 finding at or above high, worst CVE-2024-1 (critical) in openssl 3.0.11"
//! );
//! ```

mod exceptions;
mod limits;
mod pattern;
mod policy;
pub mod presets;
mod remedy;
mod rules;
mod subject;
mod timeline;
mod verdict;
pub mod vex;
mod yaml;

pub use exceptions::{Exception, Expiry, ExpiryError};
pub use limits::{
    MAX_EXCEPTIONS, MAX_LIST, MAX_PATTERN_BYTES, MAX_PATTERN_EXCEPTIONS, MAX_POLICY_BYTES,
    MAX_VEX_BYTES, MAX_VEX_ENVELOPES, MAX_VEX_IDS, MAX_VEX_LIST, MAX_VEX_NODES, MAX_VEX_NOTES,
    MAX_VEX_PRODUCTS, MAX_VEX_STATEMENTS, MAX_VEX_TEXT,
};
pub use pattern::{Pattern, PatternError};
pub use policy::{
    BaseImage, Choice, CustomRule, Days, DaysError, Epss, Grace, Licences, OtherThreshold, Policy,
    PolicyError, Threshold, ThresholdError, WarnThreshold,
};
pub use remedy::{NeededException, Remedy, Upgrade};
pub use rules::{Context, RULES, Rule};
pub use subject::{CustomOutcome, Finding, Gap, Image, Issue, Package, Status, Subject, VexMatch};
pub use timeline::{Event, Point, Timeline};
pub use verdict::{LeftOut, Level, RuleOutcome, Target, Verdict, Why, evaluate};
