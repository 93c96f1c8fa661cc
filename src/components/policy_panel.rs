//! The policy: what fails an image, and which findings do not count. The verdict follows at once.

use lamina_policy::{Choice, Exception, Expiry, MAX_EXCEPTIONS, Policy, Threshold};
use leptos::prelude::*;

use super::icons::{CLOSE, Icon};
use crate::state::{session::Session, toasts::Toasts, words};

/// The controls.
#[component]
pub fn PolicyPanel() -> impl IntoView {
    let session = expect_context::<Session>();
    let policy = session.policy;
    let place = move || {
        let threshold = policy.with(|policy| policy.fail_on);
        Threshold::ALL
            .iter()
            .position(|other| *other == threshold)
            .unwrap_or(0)
    };
    let word = move || policy.with(|policy| policy.fail_on).word();
    let on_slide = move |text: String| {
        let place: usize = text.parse().unwrap_or(0);
        if let Some(threshold) = Threshold::ALL.get(place) {
            session.set_policy(|policy| policy.fail_on = *threshold);
        }
    };
    let is_default = move || policy.with(|policy| *policy == Policy::default());
    view! {
        <div class="policy" role="group" aria-labelledby="policy-title">
            <div class="policyHead">
                <h3 class="policyTitle" id="policy-title">"Policy"</h3>
                <button
                    type="button"
                    class="linkButton"
                    disabled=is_default
                    on:click=move |_| session.set_policy(|policy| *policy = Policy::default())
                >
                    "Reset"
                </button>
            </div>
            <label class="policySlider">
                <span class="policyLabel">"Fail at " <strong>{word}</strong> {move || (word() != "never" && word() != "critical").then_some(" or worse")}</span>
                <input
                    type="range"
                    min="0"
                    max=(Threshold::ALL.len() - 1).to_string()
                    step="1"
                    data-test="policy-severity"
                    data-value=word
                    aria-valuetext=word
                    prop:value=move || place().to_string()
                    on:input:target=move |event| on_slide(event.target().value())
                />
                <span class="policyStops" aria-hidden="true">
                    {Threshold::ALL
                        .iter()
                        .enumerate()
                        .map(|(index, threshold)| view! {
                            <span class="policyStop" data-now=move || (place() == index).then_some("") data-severity=threshold.word()>
                                {threshold.word()}
                            </span>
                        })
                        .collect_view()}
                </span>
            </label>
            <div class="policySwitches">
            <label class="switch">
                <input
                    type="checkbox"
                    role="switch"
                    data-test="policy-fixable"
                    prop:checked=move || policy.with(|policy| policy.fixable_only)
                    on:change:target=move |event| {
                        let is_checked = event.target().checked();
                        session.set_policy(|policy| policy.fixable_only = is_checked);
                    }
                />
                <span>"Only where a fix exists"</span>
            </label>
            <label class="switch">
                <input
                    type="checkbox"
                    role="switch"
                    data-test="policy-unknown"
                    prop:checked=move || policy.with(|policy| policy.unknown_severity == Choice::Fail)
                    on:change:target=move |event| {
                        let choice = if event.target().checked() { Choice::Fail } else { Choice::Pass };
                        session.set_policy(|policy| policy.unknown_severity = choice);
                    }
                />
                <span>"Fail on unknown severity"</span>
            </label>
            </div>
            <Exceptions />
        </div>
    }
}

#[component]
fn Exceptions() -> impl IntoView {
    let session = expect_context::<Session>();
    let policy = session.policy;
    let id = RwSignal::new(String::new());
    let reason = RwSignal::new(String::new());
    let expires = RwSignal::new(String::new());
    let exceptions = Memo::new(move |_| policy.with(|policy| policy.exceptions.clone()));
    let toasts = expect_context::<Toasts>();
    let on_submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if except(
            session,
            toasts,
            &id.get_untracked(),
            &reason.get_untracked(),
            &expires.get_untracked(),
        ) {
            id.set(String::new());
            reason.set(String::new());
            expires.set(String::new());
        }
    };
    let summary = move || match exceptions.with(Vec::len) {
        0 => "Exceptions".to_owned(),
        count => words::plural(count, "exception"),
    };
    view! {
        <details class="exceptions" data-test="policy-exceptions">
            <summary>{summary}</summary>
            <ul class="exceptionsList">
                <For each=move || exceptions.get() key=|exception: &Exception| exception.label() + exception.reason.as_deref().unwrap_or_default() let(exception)>
                    <ExceptionRow exception />
                </For>
            </ul>
            <form class="exceptionsForm" on:submit=on_submit>
                <label>
                    <span>"Vulnerability"</span>
                    <input type="text" data-test="exception-id" placeholder="CVE-2024-0001" autocomplete="off" spellcheck="false" maxlength="100"
                        prop:value=id on:input:target=move |event| id.set(event.target().value()) />
                </label>
                <label>
                    <span>"Reason"</span>
                    <input type="text" data-test="exception-reason" autocomplete="off" maxlength="400"
                        prop:value=reason on:input:target=move |event| reason.set(event.target().value()) />
                </label>
                <label>
                    <span>"Until"</span>
                    <input type="date" data-test="exception-until"
                        prop:value=expires on:input:target=move |event| expires.set(event.target().value()) />
                </label>
                <button type="submit" class="button" data-size="small" data-test="exception-add">"Add exception"</button>
            </form>
        </details>
    }
}

#[component]
fn ExceptionRow(exception: Exception) -> impl IntoView {
    let session = expect_context::<Session>();
    let is_expired = exception.is_expired(crate::state::session::now());
    let until = exception.expires.as_ref().map(|expires| {
        let word = if is_expired { "expired" } else { "until" };
        format!("{word} {expires}")
    });
    let id = exception.label();
    let label = format!("Remove the exception for {id}");
    view! {
        <li class="exceptionsItem" data-expired=is_expired.then_some("")>
            <span class="mono">{exception.label()}</span>
            <span class="exceptionsReason">
                {exception.reason.clone()}
                {until.map(|until| view! { " " <span class="exceptionsUntil">{until}</span> })}
            </span>
            <button type="button" class="iconButton" aria-label=label title="Remove"
                on:click=move |_| session.set_policy(|policy| policy.exceptions.retain(|other| *other != exception))>
                <Icon path=CLOSE />
            </button>
        </li>
    }
}

/// Adds an exception. False if it says nothing or cannot be added; a note then says why.
pub fn except(session: Session, toasts: Toasts, id: &str, reason: &str, expires: &str) -> bool {
    let id = id.trim().to_owned();
    if id.is_empty() {
        toasts.show("Name the vulnerability to except, such as CVE-2024-0001");
        return false;
    }
    let expires = match expires.trim() {
        "" => None,
        text => match text.parse::<Expiry>() {
            Ok(expiry) => Some(expiry),
            Err(error) => {
                toasts.show(words::sentence(&error.to_string()));
                return false;
            }
        },
    };
    let reason = (!reason.trim().is_empty()).then(|| reason.trim().to_owned());
    add(
        session,
        toasts,
        Exception {
            reason,
            expires,
            ..Exception::of_id(id)
        },
    )
}

/// Adds an exception to the policy, instead of one that says the same of the same.
pub fn add(session: Session, toasts: Toasts, exception: Exception) -> bool {
    let mut is_added = false;
    session.set_policy(|policy| {
        let same = |other: &Exception| {
            let bare = |exception: &Exception| Exception {
                id: exception.id.as_ref().map(|id| id.to_ascii_lowercase()),
                reason: None,
                author: None,
                created: None,
                expires: None,
                ..exception.clone()
            };
            bare(other) == bare(&exception)
        };
        policy.exceptions.retain(|other| !same(other));
        if policy.exceptions.len() < MAX_EXCEPTIONS {
            policy.exceptions.push(exception);
            is_added = true;
        }
    });
    if !is_added {
        toasts.show(format!("A policy has at most {MAX_EXCEPTIONS} exceptions"));
    }
    is_added
}
