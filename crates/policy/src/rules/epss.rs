//! `epss`: no vulnerability that is likely to be exploited, by FIRST's EPSS.
//!
//! As for `exploited`, those without a fix, of ignored statuses and in grace count here.

use super::{Context, Rule};
use crate::{Level, RuleOutcome};

pub(super) struct Epss;

impl Rule for Epss {
    fn id(&self) -> &'static str {
        "epss"
    }

    fn title(&self) -> &'static str {
        "No vulnerability that is likely to be exploited"
    }

    /// Fails if anything reaches the bar that fails, else warns of what reaches the other.
    fn judge(&self, context: &Context<'_>) -> Option<RuleOutcome> {
        let bars = context.policy.epss;
        let at_or_above = |level, bar: f64| {
            let what = format!("with an EPSS score of {bar} or more");
            let is_meant =
                |finding: &crate::Finding<'_>| finding.epss.is_some_and(|score| score >= bar);
            context.forbid(self.id(), level, &what, is_meant, |why| !why.is_said())
        };
        let fails = bars.fail_at.map(|bar| at_or_above(Level::Failed, bar));
        match (fails, bars.warn_at) {
            (Some(fails), _) if fails.is_failed() => Some(fails),
            (_, Some(bar)) => Some(at_or_above(Level::Warned, bar)),
            (fails, None) => fails,
        }
    }
}
