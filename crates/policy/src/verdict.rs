//! The verdict, and how it is reached.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    Finding, Policy,
    exceptions::Lookup,
    rules::{Context, RULES},
};

/// Whether an image passes, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether every rule passed.
    pub passed: bool,
    /// Each rule that the policy asks for, in the order of [`crate::RULES`].
    pub rules: Vec<RuleOutcome>,
    /// Findings that do not count, each with the exception that says so: indexes into the findings
    /// and into [`Policy::exceptions`].
    pub excepted: Vec<(usize, usize)>,
    /// Findings that count again because their exception is expired: indexes likewise.
    pub expired: Vec<(usize, usize)>,
}

/// What one rule says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleOutcome {
    /// The rule's id.
    pub rule: &'static str,
    /// Whether it passed.
    pub passed: bool,
    /// Why, in a sentence for people.
    pub reason: String,
    /// The findings that fail it, worst first: indexes.
    pub findings: Vec<usize>,
}

/// Judges findings by a policy at a time.
pub fn evaluate(policy: &Policy, findings: &[Finding<'_>], now: Timestamp) -> Verdict {
    let lookup = Lookup::new(&policy.exceptions, now);
    let mut is_excepted = vec![false; findings.len()];
    let mut excepted = Vec::new();
    let mut expired = Vec::new();
    for (index, (finding, flag)) in findings.iter().zip(&mut is_excepted).enumerate() {
        match lookup.find(finding) {
            Some((exception, true)) => expired.push((index, exception)),
            Some((exception, false)) => {
                *flag = true;
                excepted.push((index, exception));
            }
            None => {}
        }
    }
    let context = Context {
        policy,
        findings,
        is_excepted: &is_excepted,
    };
    let rules: Vec<_> = RULES
        .iter()
        .filter_map(|rule| rule.judge(&context))
        .collect();
    Verdict {
        passed: rules.iter().all(|rule| rule.passed),
        rules,
        excepted,
        expired,
    }
}
