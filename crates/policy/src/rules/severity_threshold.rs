//! `severity-threshold`: no vulnerability at or above a severity.

use super::{Context, Rule};
use crate::{Level, RuleOutcome};

pub(super) struct SeverityThreshold;

impl Rule for SeverityThreshold {
    fn id(&self) -> &'static str {
        "severity-threshold"
    }

    fn title(&self) -> &'static str {
        "No vulnerability at or above a severity"
    }

    /// Always in the verdict: with `never` it passes and says so.
    fn judge(&self, context: &Context<'_>) -> Option<RuleOutcome> {
        let Some(threshold) = context.policy.fail_on.severity() else {
            let reason = "no severity fails this policy".to_owned();
            return Some(context.whole(self.id(), Level::Passed, reason));
        };
        let what = format!("at or above {}", threshold.word());
        let is_meant = |finding: &crate::Finding<'_>| finding.severity >= threshold;
        Some(context.forbid(self.id(), Level::Failed, &what, is_meant, |_| false))
    }
}
