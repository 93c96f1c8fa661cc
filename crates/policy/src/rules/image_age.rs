//! `image-age`: the image is not too old.

use super::{Context, Rule, plural};
use crate::{Level, RuleOutcome, verdict::days_since};

pub(super) struct ImageAge;

/// Builds that promise to be reproducible say the beginning of 1970 or 1980 as their time.
const NO_TIME: &str = "1981-01-01";

impl Rule for ImageAge {
    fn id(&self) -> &'static str {
        "image-age"
    }

    fn title(&self) -> &'static str {
        "It is not too old"
    }

    fn judge(&self, context: &Context<'_>) -> Option<RuleOutcome> {
        let most = context.policy.max_age?;
        let created = context.subject.image.created;
        let created = created.filter(|created| *created >= NO_TIME);
        let age = created.and_then(|created| days_since(created, context.now));
        let (level, reason) = match age {
            None => (
                Level::Failed,
                format!("it does not say when it was built, and may be at most {most} old"),
            ),
            Some(age) => {
                let days = plural(usize::try_from(age).unwrap_or_default(), "day");
                match age > i64::from(most.0) {
                    true => (
                        Level::Failed,
                        format!("it is {days} old, at most {most} are allowed"),
                    ),
                    false => (
                        Level::Passed,
                        format!("it is {days} old, {most} are allowed"),
                    ),
                }
            }
        };
        Some(context.whole(self.id(), level, reason))
    }
}
