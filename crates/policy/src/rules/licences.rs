//! `licences`: every package has a licence that is allowed.
//!
//! Licences are SPDX expressions. `OR` is a choice: one allowed side suffices, and a denied side does
//! no harm if the other is not denied. `AND` binds to both. `-or-later` and `+` name what they say.

use std::collections::HashMap;

use lamina_inventory::licences::normalise;
use spdx::{Expression, ParseMode, expression::ExprNode, expression::Operator};

use super::{Context, Rule, plural};
use crate::{Level, RuleOutcome, policy};

pub(super) struct Licences;

/// What the policy says of one licence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Judgement {
    Allowed,
    Unknown,
    NotAllowed,
    Denied,
}

impl Rule for Licences {
    fn id(&self) -> &'static str {
        "licences"
    }

    fn title(&self) -> &'static str {
        "Every package has a licence that is allowed"
    }

    fn judge(&self, context: &Context<'_>) -> Option<RuleOutcome> {
        let lists = &context.policy.licences;
        if *lists == policy::Licences::default() {
            return None;
        }
        let mut known: HashMap<&str, Judgement> = HashMap::new();
        let mut refused = Vec::new();
        let mut unknown = Vec::new();
        for (index, package) in context.subject.packages.iter().enumerate() {
            if package.is_removed || is_left_out(context, package) {
                continue;
            }
            let judgement = match package
                .licence
                .map(str::trim)
                .filter(|text| !text.is_empty())
            {
                None => Judgement::Unknown,
                Some(stated) => *known.entry(stated).or_insert_with(|| judge(lists, stated)),
            };
            match judgement {
                Judgement::Allowed => {}
                Judgement::Unknown => unknown.push(index),
                Judgement::NotAllowed | Judgement::Denied => refused.push(index),
            }
        }
        let unknown_level = lists.unknown.level().filter(|_| !unknown.is_empty());
        let level = match refused.is_empty() {
            false => Level::Failed,
            true => unknown_level.unwrap_or_default(),
        };
        let mut parts = Vec::new();
        let example = |list: &[usize]| {
            let package = list
                .first()
                .and_then(|index| context.subject.packages.get(*index))?;
            Some(format!(
                ", first {} ({})",
                package.name,
                package.licence.unwrap_or("none stated")
            ))
        };
        if !refused.is_empty() {
            let example = example(&refused).unwrap_or_default();
            let count = plural(refused.len(), "package");
            parts.push(format!(
                "{count} with a licence that is not allowed{example}"
            ));
        }
        if unknown_level.is_some() {
            let example = example(&unknown).unwrap_or_default();
            let count = plural(unknown.len(), "package");
            parts.push(format!("{count} without a known licence{example}"));
        }
        if parts.is_empty() {
            parts.push("every licence is allowed".to_owned());
        }
        let mut packages = refused;
        if unknown_level.is_some() {
            packages.extend(unknown);
        }
        Some(RuleOutcome {
            packages,
            ..context.whole(self.id(), level, parts.join("; "))
        })
    }
}

fn is_left_out(context: &Context<'_>, package: &crate::Package<'_>) -> bool {
    context.policy.base_image == policy::BaseImage::LeftOut && package.is_of_base
}

fn judge(lists: &policy::Licences, stated: &str) -> Judgement {
    let Some(expression) = normalise(stated).expression else {
        return Judgement::Unknown;
    };
    let Ok(expression) = Expression::parse_mode(&expression, ParseMode::LAX) else {
        return Judgement::Unknown;
    };
    let mut stack: Vec<Judgement> = Vec::new();
    for node in expression.iter() {
        match node {
            ExprNode::Req(requirement) => {
                let licence = &requirement.req;
                let with_addition = licence.to_string();
                let id = with_addition.split(" WITH ").next().unwrap_or_default();
                let names = |patterns: &[crate::Pattern]| {
                    patterns
                        .iter()
                        .any(|pattern| pattern.matches(id) || pattern.matches(&with_addition))
                };
                stack.push(if names(&lists.deny) {
                    Judgement::Denied
                } else if lists.allow.is_empty() || names(&lists.allow) {
                    Judgement::Allowed
                } else {
                    Judgement::NotAllowed
                });
            }
            ExprNode::Op(operator) => {
                let (Some(a), Some(b)) = (stack.pop(), stack.pop()) else {
                    return Judgement::Unknown;
                };
                stack.push(match operator {
                    Operator::And => a.max(b),
                    Operator::Or => a.min(b),
                });
            }
        }
    }
    stack.pop().unwrap_or(Judgement::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_as_good_as_its_better_side() {
        let patterns = |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect();
        let check = |allow: &[&str], deny: &[&str], stated: &str, is_fine: bool| {
            let lists = policy::Licences {
                allow: patterns(allow),
                deny: patterns(deny),
                ..policy::Licences::default()
            };
            let judgement = judge(&lists, stated);
            assert_eq!(judgement == Judgement::Allowed, is_fine, "{stated}");
        };
        check(&[], &["AGPL-*"], "AGPL-3.0-only", false);
        check(&[], &["AGPL-*"], "MIT OR AGPL-3.0-only", true);
        check(&[], &["AGPL-*"], "MIT AND AGPL-3.0-only", false);
        check(&["MIT", "Apache-2.0"], &[], "Apache-2.0 AND MIT", true);
        check(&["MIT", "Apache-2.0"], &[], "GPL-2.0-only OR MIT", true);
        check(&["MIT"], &[], "GPL-2.0-only", false);
        check(&[], &["GPL-2.0-*"], "GPL-2+", false);
        check(
            &[],
            &["GPL-2.0-only"],
            "GPL-2.0-only WITH Classpath-exception-2.0",
            false,
        );
        check(&["MIT"], &[], "what a licence", false);
    }
}
