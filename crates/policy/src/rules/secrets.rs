//! `secrets`: no secret at or above a severity.

use lamina_inventory::facts::IssueKind;

use super::{Context, Rule};
use crate::{Level, RuleOutcome};

pub(super) struct Secrets;

impl Rule for Secrets {
    fn id(&self) -> &'static str {
        "secrets"
    }

    fn title(&self) -> &'static str {
        "No secret in a layer or in the configuration"
    }

    fn judge(&self, context: &Context<'_>) -> Option<RuleOutcome> {
        let threshold = context.policy.secrets.0.severity()?;
        let what = format!("at or above {}", threshold.word());
        Some(
            context.forbid_issues(self.id(), Level::Failed, ("secret", &what), |issue| {
                issue.kind == IssueKind::Secret && issue.severity >= threshold
            }),
        )
    }
}
