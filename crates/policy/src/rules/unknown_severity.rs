//! `unknown-severity`: no vulnerability whose severity nobody has said.

use lamina_inventory::severity::Severity;

use super::{Context, Rule};
use crate::RuleOutcome;

pub(super) struct UnknownSeverity;

impl Rule for UnknownSeverity {
    fn id(&self) -> &'static str {
        "unknown-severity"
    }

    fn title(&self) -> &'static str {
        "No vulnerability of unknown severity"
    }

    fn judge(&self, context: &Context<'_>) -> Option<RuleOutcome> {
        let level = context.policy.unknown_severity.level()?;
        let is_meant = |finding: &crate::Finding<'_>| finding.severity == Severity::Unknown;
        Some(context.forbid(self.id(), level, "of unknown severity", is_meant, |_| false))
    }
}
