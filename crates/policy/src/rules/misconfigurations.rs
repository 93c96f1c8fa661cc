//! `misconfigurations`: no misconfiguration at or above a severity.

use lamina_inventory::facts::IssueKind;

use super::{Context, Rule};
use crate::{Level, RuleOutcome};

pub(super) struct Misconfigurations;

impl Rule for Misconfigurations {
    fn id(&self) -> &'static str {
        "misconfigurations"
    }

    fn title(&self) -> &'static str {
        "No misconfiguration at or above a severity"
    }

    fn judge(&self, context: &Context<'_>) -> Option<RuleOutcome> {
        let threshold = context.policy.misconfigurations.0.severity()?;
        let what = format!("at or above {}", threshold.word());
        let nouns = ("misconfiguration", what.as_str());
        Some(
            context.forbid_issues(self.id(), Level::Failed, nouns, |issue| {
                issue.kind == IssueKind::Misconfiguration && issue.severity >= threshold
            }),
        )
    }
}
