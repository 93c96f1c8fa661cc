//! Policies by name.

use lamina_policy::{BaseImage, Choice, Days, Grace, OtherThreshold, Policy, Threshold};

use crate::browser;

/// Where they are kept.
const KEY: &str = "lamina.policies";

/// How many are kept.
const MOST_KEPT: usize = 50;

/// Policies to begin with.
pub const BUILT_IN: [fn() -> Policy; 5] = [standard, report_only, registry, release, exploited];

fn named(name: &str, description: &str) -> Policy {
    Policy {
        name: Some(name.to_owned()),
        description: Some(description.to_owned()),
        ..Policy::default()
    }
}

fn standard() -> Policy {
    named(
        "High or worse",
        "Fails at high and critical vulnerabilities",
    )
}

fn report_only() -> Policy {
    Policy {
        fail_on: Threshold::Never,
        warn_on: OtherThreshold(Threshold::Medium),
        ..named("Report only", "Fails nothing, warns from medium on")
    }
}

fn registry() -> Policy {
    Policy {
        fail_on: Threshold::Critical,
        unknown_severity: Choice::Warn,
        ..named(
            "Registry pull check",
            "What a registry refuses to hand out: critical vulnerabilities",
        )
    }
}

fn release() -> Policy {
    Policy {
        fail_on: Threshold::Medium,
        fixable_only: true,
        unknown_severity: Choice::Fail,
        exploited: Choice::Fail,
        secrets: OtherThreshold(Threshold::Medium),
        misconfigurations: OtherThreshold(Threshold::High),
        end_of_life: Choice::Fail,
        root_user: Choice::Fail,
        grace: Grace {
            fix: Some(Days(7)),
            ..Grace::default()
        },
        max_age: Some(Days(90)),
        ..named(
            "Release gate",
            "Everything that can be mended is, within a week of its fix; no secrets, no root",
        )
    }
}

fn exploited() -> Policy {
    Policy {
        fail_on: Threshold::Never,
        exploited: Choice::Fail,
        base_image: BaseImage::Judged,
        epss: lamina_policy::Epss {
            fail_at: Some(0.36),
            warn_at: Some(0.1),
        },
        ..named(
            "By exploitation",
            "Fails at what is exploited or likely to be, whatever its severity",
        )
    }
}

/// Those that are kept in this browser.
pub fn load() -> Vec<Policy> {
    let text = browser::setting(KEY).unwrap_or_default();
    let list: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap_or_default();
    list.into_iter()
        .take(MOST_KEPT)
        .filter_map(|value| Policy::parse_json(&value.to_string()).ok())
        .collect()
}

/// Keeps a policy under its name, and answers all that are kept.
///
/// # Errors
/// In words, when there are too many, or the name is one of those to begin with.
pub fn keep(policy: Policy) -> Result<Vec<Policy>, String> {
    if BUILT_IN.iter().any(|make| make().name == policy.name) {
        return Err("Give it another name: this is one of those to begin with".to_owned());
    }
    let mut list = load();
    list.retain(|other| other.name != policy.name);
    if list.len() >= MOST_KEPT {
        return Err(format!(
            "At most {MOST_KEPT} policies are kept: forget one first"
        ));
    }
    list.push(policy);
    list.sort_by(|a, b| a.name.cmp(&b.name));
    store(&list);
    Ok(list)
}

/// Forgets the policy of that name, and answers what is left.
pub fn forget(name: &str) -> Vec<Policy> {
    let mut list = load();
    list.retain(|other| other.name.as_deref() != Some(name));
    store(&list);
    list
}

fn store(list: &[Policy]) {
    let text = serde_json::to_string(list).unwrap_or_default();
    browser::keep_setting(KEY, (!list.is_empty()).then_some(&text));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn policies_to_begin_with_have_names_of_their_own_and_can_be_written() {
        let names: BTreeSet<_> = BUILT_IN.iter().map(|make| make().name).collect();
        assert_eq!(names.len(), BUILT_IN.len());
        for make in BUILT_IN {
            let policy = make();
            let text = serde_json::to_string(&policy).unwrap();
            assert_eq!(Policy::parse_json(&text).unwrap(), policy);
        }
    }
}
