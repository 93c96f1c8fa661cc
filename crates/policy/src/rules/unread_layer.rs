//! `unread-layer`: every layer was read to its end.

use super::{Context, Rule};
use crate::{Gap, Level, RuleOutcome};

pub(super) struct UnreadLayer;

impl Rule for UnreadLayer {
    fn id(&self) -> &'static str {
        "unread-layer"
    }

    fn title(&self) -> &'static str {
        "Every layer was read"
    }

    /// In the verdict only of images that have such layers, under policies that can fail one.
    fn judge(&self, context: &Context<'_>) -> Option<RuleOutcome> {
        let layers = context.subject.gaps.iter().find_map(|gap| match gap {
            Gap::Layers(layers) => Some(layers),
            _ => None,
        })?;
        if context.policy.fails_nothing() {
            return None;
        }
        let numbers: Vec<String> = layers.iter().map(usize::to_string).collect();
        let reason = match numbers.as_slice() {
            [one] => {
                format!("layer {one} could not be read to its end: what else is in it is not known")
            }
            several => format!(
                "layers {} could not be read to their end: what else is in them is not known",
                several.join(", ")
            ),
        };
        Some(context.whole(self.id(), Level::Failed, reason))
    }
}
