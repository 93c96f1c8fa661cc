//! The list of rules.
//!
//! A rule is one file here and one line in [`RULES`]; it is judged in this order, and shown so.

mod severity_threshold;
mod unknown_severity;

use crate::{Finding, Policy, RuleOutcome};

/// All rules, in the order in which a verdict lists them.
pub const RULES: &[&dyn Rule] = &[
    &severity_threshold::SeverityThreshold,
    &unknown_severity::UnknownSeverity,
];

/// One thing that a policy can demand.
pub trait Rule: Sync {
    /// Name in verdicts and files; kebab-case, never changes.
    fn id(&self) -> &'static str;
    /// What it is for, in a few words.
    fn title(&self) -> &'static str;
    /// Judges the findings. `None` if the policy does not ask for this rule.
    fn judge(&self, context: &Context<'_>) -> Option<RuleOutcome>;
}

/// What a rule is given.
pub struct Context<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// All findings.
    pub findings: &'a [Finding<'a>],
    /// For each finding, whether an exception covers it.
    pub is_excepted: &'a [bool],
}

impl Context<'_> {
    /// The findings that count for a rule that asks for `wanted`, worst first, and how many more
    /// would count if no exception covered them.
    fn select(&self, wanted: impl Fn(&Finding<'_>) -> bool) -> (Vec<usize>, usize) {
        let mut counted = Vec::new();
        let mut excepted = 0;
        for (index, (finding, is_excepted)) in
            self.findings.iter().zip(self.is_excepted).enumerate()
        {
            if (self.policy.fixable_only && !finding.is_fixable) || !wanted(finding) {
                continue;
            }
            if *is_excepted {
                excepted += 1;
            } else {
                counted.push((
                    std::cmp::Reverse((finding.severity, finding.is_fixable)),
                    finding.id,
                    index,
                ));
            }
        }
        counted.sort_unstable();
        (
            counted.into_iter().map(|(_, _, index)| index).collect(),
            excepted,
        )
    }

    /// The outcome of a rule that forbids `what`, e.g. `at or above high`.
    fn outcome(
        &self,
        rule: &'static str,
        what: &str,
        wanted: impl Fn(&Finding<'_>) -> bool,
    ) -> RuleOutcome {
        let (findings, excepted) = self.select(wanted);
        let fixable = if self.policy.fixable_only {
            "fixable "
        } else {
            ""
        };
        let mut reason = match findings.first().and_then(|index| self.findings.get(*index)) {
            None => format!("no {fixable}finding {what}"),
            Some(worst) => {
                let count = findings.len();
                let noun = if count == 1 { "finding" } else { "findings" };
                format!(
                    "{count} {fixable}{noun} {what}, worst {} ({}) in {} {}",
                    worst.id,
                    worst.severity.word(),
                    worst.package,
                    worst.version
                )
            }
        };
        if excepted > 0 {
            reason.push_str(&format!("; {excepted} excepted"));
        }
        RuleOutcome {
            rule,
            passed: findings.is_empty(),
            reason,
            findings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_file_is_listed_once_under_its_name() {
        let ids: Vec<_> = RULES.iter().map(|rule| rule.id()).collect();
        assert_eq!(ids, ["severity-threshold", "unknown-severity"]);
    }
}
