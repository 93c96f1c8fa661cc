//! `severity-warning`: says which vulnerabilities are at or above a milder severity.

use super::{Context, Rule};
use crate::{Level, RuleOutcome, Threshold};

pub(super) struct SeverityWarning;

impl Rule for SeverityWarning {
    fn id(&self) -> &'static str {
        "severity-warning"
    }

    fn title(&self) -> &'static str {
        "Few vulnerabilities at or above a milder severity"
    }

    /// Only those that do not fail the image already.
    fn judge(&self, context: &Context<'_>) -> Option<RuleOutcome> {
        let warn_on = context.policy.warn_on.0;
        let fail_on = context.policy.fail_on;
        let threshold = warn_on.severity().filter(|_| warn_on < fail_on)?;
        let what = match fail_on {
            Threshold::Never => format!("at or above {}", threshold.word()),
            _ => format!("from {} to below {}", threshold.word(), fail_on.word()),
        };
        let is_meant = |finding: &crate::Finding<'_>| {
            finding.severity >= threshold
                && fail_on
                    .severity()
                    .is_none_or(|fail_on| finding.severity < fail_on)
        };
        Some(context.forbid(self.id(), Level::Warned, &what, is_meant, |_| false))
    }
}
