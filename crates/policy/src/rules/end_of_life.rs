//! `end-of-life`: the distribution is still looked after.

use super::{Context, Rule};
use crate::RuleOutcome;

pub(super) struct EndOfLife;

impl Rule for EndOfLife {
    fn id(&self) -> &'static str {
        "end-of-life"
    }

    fn title(&self) -> &'static str {
        "The distribution is still looked after"
    }

    fn judge(&self, context: &Context<'_>) -> Option<RuleOutcome> {
        context.check(
            self.id(),
            "end-of-life-distribution",
            context.policy.end_of_life,
            "nothing says that the distribution is no longer looked after",
        )
    }
}
