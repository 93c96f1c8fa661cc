//! `root-user`: the image does not run as root.

use super::{Context, Rule};
use crate::RuleOutcome;

pub(super) struct RootUser;

impl Rule for RootUser {
    fn id(&self) -> &'static str {
        "root-user"
    }

    fn title(&self) -> &'static str {
        "It does not run as root"
    }

    fn judge(&self, context: &Context<'_>) -> Option<RuleOutcome> {
        let good = "it does not run as root";
        context.check(self.id(), "root-user", context.policy.root_user, good)
    }
}
