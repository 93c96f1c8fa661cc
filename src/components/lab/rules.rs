//! The rules of the policy, each with its control.

use lamina_policy::{BaseImage, Choice, Days, OtherThreshold, Pattern, Policy, Status, Threshold};
use leptos::prelude::*;

use crate::{
    components::policy_panel::{from, stop_words},
    state::{
        language::{fill, t, text},
        session::Session,
    },
};

/// EPSS thresholds that can be chosen, in percent; past the last there is none.
const EPSS_STOPS: [u32; 9] = [1, 2, 5, 10, 20, 36, 50, 70, 90];

/// All controls.
#[component]
pub fn Rules() -> impl IntoView {
    view! {
        <form class="labRules" aria-label=t("Rules of the policy") on:submit=|event| event.prevent_default()>
            <fieldset class="labGroup">
                <legend>{t("Vulnerabilities")}</legend>
                {threshold("fail-on", text("Fail at"), |policy| policy.fail_on, |policy, value| policy.fail_on = value)}
                {threshold("warn-on", text("Warn at"), |policy| policy.warn_on.0, |policy, value| policy.warn_on = OtherThreshold(value))}
                {choice("unknown-severity", text("Of unknown severity"), |policy| policy.unknown_severity, |policy, value| policy.unknown_severity = value)}
                {choice("exploited", text("Known to be exploited (KEV)"), |policy| policy.exploited, |policy, value| policy.exploited = value)}
                {epss()}
                {switch("fixable-only", text("Only where a fix exists"), |policy| policy.fixable_only, |policy, value| policy.fixable_only = value)}
                {switch(
                    "base-image",
                    text("Leave out what the base image brought"),
                    |policy| policy.base_image == BaseImage::LeftOut,
                    |policy, value| policy.base_image = if value { BaseImage::LeftOut } else { BaseImage::Judged },
                )}
                {days("grace-published", text("Days to act after an advisory"), |policy| policy.grace.published, |policy, value| policy.grace.published = value)}
                {days("grace-fix", text("Days to act after a fix"), |policy| policy.grace.fix, |policy, value| policy.grace.fix = value)}
                {statuses()}
            </fieldset>
            <fieldset class="labGroup">
                <legend>{t("Other findings")}</legend>
                {threshold("secrets", text("Secrets: fail at"), |policy| policy.secrets.0, |policy, value| policy.secrets = OtherThreshold(value))}
                {threshold(
                    "misconfigurations",
                    text("Misconfigurations: fail at"),
                    |policy| policy.misconfigurations.0,
                    |policy, value| policy.misconfigurations = OtherThreshold(value),
                )}
                {choice("root-user", text("Runs as root"), |policy| policy.root_user, |policy, value| policy.root_user = value)}
                {choice("end-of-life", text("Distribution no longer looked after"), |policy| policy.end_of_life, |policy, value| policy.end_of_life = value)}
                {choice(
                    "unnamed-executables",
                    text("Programs of no package"),
                    |policy| policy.unnamed_executables,
                    |policy, value| policy.unnamed_executables = value,
                )}
            </fieldset>
            <fieldset class="labGroup">
                <legend>{t("Licences and image")}</legend>
                {patterns("licences-deny", text("Refused licences"), "AGPL-*, SSPL-1.0", |policy| &policy.licences.deny, |policy, value| policy.licences.deny = value)}
                {patterns("licences-allow", text("Allowed licences (all if empty)"), "MIT, Apache-2.0", |policy| &policy.licences.allow, |policy, value| policy.licences.allow = value)}
                {choice("licences-unknown", text("No known licence"), |policy| policy.licences.unknown, |policy, value| policy.licences.unknown = value)}
                {days("max-age", text("Days an image may be old"), |policy| policy.max_age, |policy, value| policy.max_age = value)}
                {labels()}
            </fieldset>
        </form>
    }
}

/// A slider over severities.
fn threshold(
    name: &'static str,
    title: &'static str,
    get: fn(&Policy) -> Threshold,
    set: fn(&mut Policy, Threshold),
) -> AnyView {
    let session = expect_context::<Session>();
    let value = Memo::new(move |_| session.policy.with(get));
    let place = move || {
        let mut all = Threshold::ALL.iter();
        all.position(|other| *other == value.get()).unwrap_or(0)
    };
    let words = move || stop_words(value.get());
    view! {
        <label class="labRow">
            <span class="labLabel">{t(title)} " " <strong>{words}</strong></span>
            <input
                type="range"
                class="labSlider slider"
                data-warns=(name == "warn-on").then_some("")
                style=("--from", move || from(place(), Threshold::ALL.len() - 1))
                min="0"
                max=(Threshold::ALL.len() - 1).to_string()
                step="1"
                data-test=format!("lab-{name}")
                aria-valuetext=words
                prop:value=move || place().to_string()
                on:input:target=move |event| {
                    let place: usize = event.target().value().parse().unwrap_or(0);
                    if let Some(value) = Threshold::ALL.get(place).copied() {
                        session.set_policy(|policy| set(policy, value));
                    }
                }
            />
        </label>
    }
    .into_any()
}

/// Pass, warn or fail.
fn choice(
    name: &'static str,
    title: &'static str,
    get: fn(&Policy) -> Choice,
    set: fn(&mut Policy, Choice),
) -> AnyView {
    let session = expect_context::<Session>();
    let value = Memo::new(move |_| session.policy.with(get));
    let options = [
        (Choice::Pass, text("pass")),
        (Choice::Warn, text("warn")),
        (Choice::Fail, text("fail")),
    ]
    .map(|(this, word)| {
        view! {
            <label class="labOption" data-word=word>
                <input
                    type="radio"
                    name=format!("lab-{name}")
                    data-test=format!("lab-{name}-{word}")
                    prop:checked=move || value.get() == this
                    on:change=move |_| session.set_policy(|policy| set(policy, this))
                />
                <span>{t(word)}</span>
            </label>
        }
    });
    view! {
        <div class="labRow" role="radiogroup" aria-label=t(title)>
            <span class="labLabel">{t(title)}</span>
            <span class="labOptions">{options.collect_view()}</span>
        </div>
    }
    .into_any()
}

/// On or off.
fn switch(
    name: &'static str,
    title: &'static str,
    get: fn(&Policy) -> bool,
    set: fn(&mut Policy, bool),
) -> AnyView {
    let session = expect_context::<Session>();
    view! {
        <label class="switch labSwitch">
            <input
                type="checkbox"
                role="switch"
                data-test=format!("lab-{name}")
                prop:checked=move || session.policy.with(get)
                on:change:target=move |event| {
                    let value = event.target().checked();
                    session.set_policy(|policy| set(policy, value));
                }
            />
            <span>{t(title)}</span>
        </label>
    }
    .into_any()
}

/// A number of days, or none.
fn days(
    name: &'static str,
    title: &'static str,
    get: fn(&Policy) -> Option<Days>,
    set: fn(&mut Policy, Option<Days>),
) -> AnyView {
    let session = expect_context::<Session>();
    let text = move || {
        let days = session.policy.with(get);
        days.map(|days| days.0.to_string()).unwrap_or_default()
    };
    view! {
        <label class="labRow">
            <span class="labLabel">{t(title)}</span>
            <input
                type="number"
                class="labNumber"
                min="0"
                max="10000"
                placeholder=t("any")
                data-test=format!("lab-{name}")
                prop:value=text
                on:input:target=move |event| {
                    let value = event.target().value();
                    let value = value.parse().ok().filter(|days| *days <= 10_000).map(Days);
                    session.set_policy(|policy| set(policy, value));
                }
            />
        </label>
    }
    .into_any()
}

/// The EPSS threshold.
fn epss() -> AnyView {
    let session = expect_context::<Session>();
    let value = Memo::new(move |_| session.policy.with(|policy| policy.epss.fail_at));
    let words = move || match value.get() {
        Some(at) => fill(
            t("{n} % or likelier"),
            &[("n", &format!("{:.0}", at * 100.0))],
        ),
        None => t("never").to_owned(),
    };
    let place = move || match value.get() {
        Some(at) => EPSS_STOPS
            .iter()
            .position(|stop| f64::from(*stop) >= at * 100.0 - 0.001)
            .unwrap_or(EPSS_STOPS.len() - 1),
        None => EPSS_STOPS.len(),
    };
    view! {
        <label class="labRow" title=t("The probability of being exploited within 30 days, as FIRST estimates it every day")>
            <span class="labLabel">{t("Fail when exploitation (EPSS) is")} " " <strong>{words}</strong></span>
            <input
                type="range"
                class="labSlider slider"
                style=("--from", move || from(place(), EPSS_STOPS.len()))
                min="0"
                max=EPSS_STOPS.len().to_string()
                step="1"
                data-test="lab-epss"
                aria-valuetext=words
                prop:value=move || place().to_string()
                on:input:target=move |event| {
                    let place: usize = event.target().value().parse().unwrap_or(0);
                    let at = EPSS_STOPS.get(place).map(|percent| f64::from(*percent) / 100.0);
                    session.set_policy(|policy| policy.epss.fail_at = at);
                }
            />
        </label>
    }
    .into_any()
}

/// Statuses that do not count.
fn statuses() -> AnyView {
    let session = expect_context::<Session>();
    let chips = Status::ALL.map(|status| {
        let is_ignored = move || {
            session
                .policy
                .with(|policy| policy.ignore_statuses.contains(&status))
        };
        view! {
            <button
                type="button"
                class="chip"
                aria-pressed=move || is_ignored().to_string()
                on:click=move |_| session.set_policy(|policy| {
                    if policy.ignore_statuses.contains(&status) {
                        policy.ignore_statuses.retain(|other| *other != status);
                    } else {
                        policy.ignore_statuses.push(status);
                    }
                })
            >
                {status.words()}
            </button>
        }
    });
    view! {
        <div class="labRow" role="group" aria-label=t("Statuses that do not count")>
            <span class="labLabel">{t("Leave out what is")}</span>
            <span class="labChips">{chips.collect_view()}</span>
        </div>
    }
    .into_any()
}

/// A list of patterns, separated by commas.
fn patterns(
    name: &'static str,
    title: &'static str,
    placeholder: &'static str,
    get: fn(&Policy) -> &Vec<Pattern>,
    set: fn(&mut Policy, Vec<Pattern>),
) -> AnyView {
    let session = expect_context::<Session>();
    let text = move || {
        session.policy.with(|policy| {
            let words: Vec<&str> = get(policy).iter().map(Pattern::as_str).collect();
            words.join(", ")
        })
    };
    list(name, title, placeholder, text, move |words| {
        let patterns = words.iter().filter_map(|word| word.parse().ok()).collect();
        session.set_policy(|policy| set(policy, patterns));
    })
}

/// The labels that an image must have.
fn labels() -> AnyView {
    let session = expect_context::<Session>();
    let required = move || {
        session
            .policy
            .with(|policy| policy.required_labels.join(", "))
    };
    let placeholder = "org.opencontainers.image.source";
    list(
        "labels",
        text("Required labels"),
        placeholder,
        required,
        move |words| {
            let words = words.iter().filter(|word| !word.starts_with('='));
            let words = words.map(|word| (*word).to_owned()).collect();
            session.set_policy(|policy| policy.required_labels = words);
        },
    )
}

fn list(
    name: &'static str,
    title: &'static str,
    placeholder: &'static str,
    text: impl Fn() -> String + Send + Sync + 'static,
    set: impl Fn(&[&str]) + 'static,
) -> AnyView {
    view! {
        <label class="labRow">
            <span class="labLabel">{t(title)}</span>
            <input
                type="text"
                class="labText"
                placeholder=placeholder
                autocomplete="off"
                spellcheck="false"
                maxlength="1000"
                data-test=format!("lab-{name}")
                prop:value=text
                on:change:target=move |event| {
                    let value = event.target().value();
                    let words: Vec<&str> = value.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
                    set(&words);
                }
            />
        </label>
    }
    .into_any()
}
