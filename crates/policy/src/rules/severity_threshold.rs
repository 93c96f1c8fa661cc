//! `severity-threshold`: no finding at or above a severity.

use super::{Context, Rule};
use crate::RuleOutcome;

pub(super) struct SeverityThreshold;

impl Rule for SeverityThreshold {
    fn id(&self) -> &'static str {
        "severity-threshold"
    }

    fn title(&self) -> &'static str {
        "No finding at or above a severity"
    }

    /// Always in the verdict: with `never` it passes and says so.
    fn judge(&self, context: &Context<'_>) -> Option<RuleOutcome> {
        let Some(threshold) = context.policy.fail_on.severity() else {
            return Some(RuleOutcome {
                rule: self.id(),
                passed: true,
                reason: "no severity fails this policy".to_owned(),
                findings: Vec::new(),
            });
        };
        let what = format!("at or above {}", threshold.word());
        Some(context.outcome(self.id(), &what, |finding| finding.severity >= threshold))
    }
}
