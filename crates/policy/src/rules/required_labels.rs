//! `required-labels`: the image has the labels that the policy asks for.

use super::{Context, Rule};
use crate::{Level, Pattern, RuleOutcome};

pub(super) struct RequiredLabels;

impl Rule for RequiredLabels {
    fn id(&self) -> &'static str {
        "required-labels"
    }

    fn title(&self) -> &'static str {
        "It has the labels it must have"
    }

    fn judge(&self, context: &Context<'_>) -> Option<RuleOutcome> {
        let wanted = &context.policy.required_labels;
        if wanted.is_empty() {
            return None;
        }
        let labels = context.subject.image.labels;
        let missing: Vec<&str> = wanted
            .iter()
            .filter(|wanted| {
                let (name, pattern) = match wanted.split_once('=') {
                    Some((name, pattern)) => (name, pattern.parse::<Pattern>().ok()),
                    None => (wanted.as_str(), None),
                };
                !labels.iter().any(|(label, value)| {
                    label == name.trim()
                        && !value.trim().is_empty()
                        && pattern
                            .as_ref()
                            .is_none_or(|pattern| pattern.matches(value))
                })
            })
            .map(String::as_str)
            .collect();
        let (level, reason) = match missing.as_slice() {
            [] => (Level::Passed, "it has every label it must have".to_owned()),
            [one] => (Level::Failed, format!("the label {one} is missing")),
            several => (
                Level::Failed,
                format!("the labels {} are missing", several.join(", ")),
            ),
        };
        Some(context.whole(self.id(), level, reason))
    }
}
