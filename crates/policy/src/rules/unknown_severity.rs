//! `unknown-severity`: no finding whose severity nobody has said.

use lamina_inventory::severity::Severity;

use super::{Context, Rule};
use crate::{RuleOutcome, UnknownSeverity as Choice};

pub(super) struct UnknownSeverity;

impl Rule for UnknownSeverity {
    fn id(&self) -> &'static str {
        "unknown-severity"
    }

    fn title(&self) -> &'static str {
        "No finding of unknown severity"
    }

    /// In the verdict only if the policy chose to fail on them.
    fn judge(&self, context: &Context<'_>) -> Option<RuleOutcome> {
        match context.policy.unknown_severity {
            Choice::Pass => None,
            Choice::Fail => Some(
                context.outcome(self.id(), "of unknown severity", |finding| {
                    finding.severity == Severity::Unknown
                }),
            ),
        }
    }
}
