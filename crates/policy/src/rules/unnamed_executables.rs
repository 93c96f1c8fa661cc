//! `unnamed-executables`: every program in the image belongs to a package or is told by its bytes.

use super::{Context, Rule, plural};
use crate::{Level, RuleOutcome};

pub(super) struct UnnamedExecutables;

impl Rule for UnnamedExecutables {
    fn id(&self) -> &'static str {
        "unnamed-executables"
    }

    fn title(&self) -> &'static str {
        "Every program is named"
    }

    /// What was not counted is not known to be none.
    fn judge(&self, context: &Context<'_>) -> Option<RuleOutcome> {
        let level = context.policy.unnamed_executables.level()?;
        let (level, reason) = match context.subject.image.unnamed_executables {
            Some(0) => (
                Level::Passed,
                "every program belongs to a package".to_owned(),
            ),
            Some(count) => {
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                let reason = format!("{} that no package owns", plural(count, "program"));
                (level, reason)
            }
            None => (
                level,
                "the programs of this image were not counted".to_owned(),
            ),
        };
        Some(context.whole(self.id(), level, reason))
    }
}
