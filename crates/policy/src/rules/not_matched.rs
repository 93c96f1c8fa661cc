//! `not-matched`: an advisory database was asked, and all of it that the image needs could be read.

use super::{Context, Rule};
use crate::{Gap, Level, RuleOutcome};

pub(super) struct NotMatched;

impl Rule for NotMatched {
    fn id(&self) -> &'static str {
        "not-matched"
    }

    fn title(&self) -> &'static str {
        "It was matched against an advisory database"
    }

    /// In the verdict only of images that were not, under policies that can fail one: as Harbor
    /// refuses images that were not scanned.
    fn judge(&self, context: &Context<'_>) -> Option<RuleOutcome> {
        let reason = context.subject.gaps.iter().find_map(|gap| match gap {
            Gap::NoDatabase => {
                Some("no advisory database was asked: what is vulnerable is not known".to_owned())
            }
            Gap::Shards(shards) => Some(format!(
                "the advisories for {} could not be read: what is vulnerable there is not known",
                shards.join(", ")
            )),
            Gap::Layers(_) => None,
        })?;
        if context.policy.fails_nothing() {
            return None;
        }
        Some(context.whole(self.id(), Level::Failed, reason))
    }
}
