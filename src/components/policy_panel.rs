//! The policy: what fails an image, and which findings do not count. The verdict follows at once.

use lamina_policy::{Choice, Exception, Expiry, MAX_EXCEPTIONS, Policy, Threshold};
use leptos::prelude::*;

use super::icons::{CLOSE, Icon};
use crate::{
    browser,
    state::{
        language::{fill, t, tn},
        session::Session,
        toasts::Toasts,
        words,
    },
};

/// The controls.
#[component]
pub fn PolicyPanel() -> impl IntoView {
    let session = expect_context::<Session>();
    let toasts = expect_context::<Toasts>();
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
                <h3 class="policyTitle" id="policy-title">{t("Policy")}</h3>
                <button
                    type="button"
                    class="linkButton"
                    data-test="policy-reset"
                    disabled=is_default
                    on:click=move |_| reset(session, toasts)
                >
                    {t("Reset")}
                </button>
            </div>
            <label class="policySlider">
                <span class="policyLabel">{t("Fail at")} " " <strong>{move || stop_words(policy.with(|policy| policy.fail_on))}</strong></span>
                <input
                    type="range"
                    class="slider"
                    style=("--from", move || from(place(), Threshold::ALL.len() - 1))
                    min="0"
                    max=(Threshold::ALL.len() - 1).to_string()
                    step="1"
                    data-test="policy-severity"
                    data-value=word
                    aria-valuetext=move || stop_words(policy.with(|policy| policy.fail_on))
                    prop:value=move || place().to_string()
                    on:input:target=move |event| on_slide(event.target().value())
                />
                <span class="policyStops" aria-hidden="true">
                    {Threshold::ALL
                        .iter()
                        .enumerate()
                        .map(|(index, threshold)| view! {
                            <span class="policyStop" data-now=move || (place() == index).then_some("") data-severity=threshold.word()>
                                {t(threshold.word())}
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
                <span>{t("Only where a fix exists")}</span>
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
                <span>{t("Fail on unknown severity")}</span>
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
    let problem = RwSignal::new(None::<Problem>);
    let exceptions = Memo::new(move |_| policy.with(|policy| policy.exceptions.clone()));
    let on_submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let done = except(
            session,
            &id.get_untracked(),
            &reason.get_untracked(),
            &expires.get_untracked(),
        );
        match done {
            Ok(()) => {
                id.set(String::new());
                reason.set(String::new());
                expires.set(String::new());
                problem.set(None);
            }
            Err(found) => {
                browser::focus(match found.field {
                    Field::Id => "exception-id",
                    Field::Reason => "exception-reason",
                    Field::Until => "exception-until",
                });
                problem.set(Some(found));
            }
        }
    };
    let summary = move || match exceptions.with(Vec::len) {
        0 => t("Exceptions").to_owned(),
        count => tn(count, "{n} exception", "{n} exceptions"),
    };
    let said = move |field: Field| said(problem, field);
    let is_wrong = move |field: Field| is_wrong(problem, field);
    let typed = move |signal: RwSignal<String>, field: Field, value: String| {
        signal.set(value);
        if problem.with_untracked(|found| found.as_ref().is_some_and(|found| found.field == field))
        {
            problem.set(None);
        }
    };
    view! {
        <details class="exceptions" data-test="policy-exceptions">
            <summary id="exceptions-summary">{summary}</summary>
            <ul class="exceptionsList">
                <For each=move || exceptions.get() key=|exception: &Exception| exception.label() + exception.reason.as_deref().unwrap_or_default() let(exception)>
                    <ExceptionRow exception />
                </For>
            </ul>
            <form class="exceptionsForm" novalidate on:submit=on_submit>
                <label>
                    <span>{t("Vulnerability")}</span>
                    <input type="text" id="exception-id" data-test="exception-id" placeholder="CVE-2024-0001" autocomplete="off" spellcheck="false" maxlength="100"
                        aria-required="true" aria-invalid=move || is_wrong(Field::Id) aria-describedby="exception-id-problem"
                        prop:value=id on:input:target=move |event| typed(id, Field::Id, event.target().value()) />
                    <span class="fieldProblem" id="exception-id-problem" role="alert">{move || said(Field::Id)}</span>
                </label>
                <label>
                    <span>{t("Reason")}</span>
                    <input type="text" id="exception-reason" data-test="exception-reason" autocomplete="off" maxlength="400"
                        aria-required="true" aria-invalid=move || is_wrong(Field::Reason) aria-describedby="exception-reason-problem"
                        prop:value=reason on:input:target=move |event| typed(reason, Field::Reason, event.target().value()) />
                    <span class="fieldProblem" id="exception-reason-problem" role="alert" data-test="exception-reason-problem">{move || said(Field::Reason)}</span>
                </label>
                <label>
                    <span>{t("Until")}</span>
                    <input type="date" id="exception-until" data-test="exception-until"
                        aria-invalid=move || is_wrong(Field::Until) aria-describedby="exception-until-problem"
                        prop:value=expires on:input:target=move |event| typed(expires, Field::Until, event.target().value()) />
                    <span class="fieldProblem" id="exception-until-problem" role="alert">{move || said(Field::Until)}</span>
                </label>
                <button type="submit" class="button" data-size="small" data-test="exception-add">{t("Add exception")}</button>
            </form>
        </details>
    }
}

#[component]
fn ExceptionRow(exception: Exception) -> impl IntoView {
    let session = expect_context::<Session>();
    let toasts = expect_context::<Toasts>();
    let is_expired = exception.is_expired(crate::state::session::now());
    let until = exception.expires.as_ref().map(|expires| {
        let words = match is_expired {
            true => t("expired {day}"),
            false => t("until {day}"),
        };
        fill(words, &[("day", &expires.to_string())])
    });
    let label = fill(
        t("Remove the exception for {id}"),
        &[("id", &exception.label())],
    );
    view! {
        <li class="exceptionsItem" data-expired=is_expired.then_some("")>
            <span class="mono">{exception.label()}</span>
            <span class="exceptionsReason">
                {exception.reason.clone()}
                {until.map(|until| view! { " " <span class="exceptionsUntil">{until}</span> })}
            </span>
            <button type="button" class="iconButton" data-test="exception-remove" aria-label=label title=t("Remove")
                on:click=move |_| {
                    remove(session, toasts, &exception);
                    browser::focus("exceptions-summary");
                }>
                <Icon path=CLOSE />
            </button>
        </li>
    }
}

/// A field of an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// What is excepted.
    Id,
    /// Why.
    Reason,
    /// Until when.
    Until,
}

/// What is wrong with an exception as it is typed, said at its field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub field: Field,
    /// What, and what to do.
    pub text: String,
}

impl Problem {
    /// A problem of a field.
    pub fn of(field: Field, text: impl Into<String>) -> Self {
        Self {
            field,
            text: text.into(),
        }
    }
}

/// What is said at a field, if something is wrong with it.
pub fn said(problem: RwSignal<Option<Problem>>, field: Field) -> Option<String> {
    problem.with(|problem| {
        let problem = problem.as_ref().filter(|found| found.field == field);
        problem.map(|found| found.text.clone())
    })
}

/// `aria-invalid` of a field.
pub fn is_wrong(problem: RwSignal<Option<Problem>>, field: Field) -> Option<&'static str> {
    said(problem, field).map(|_| "true")
}

/// Takes an exception out of the policy; a press on "Undo" puts it back where it was.
pub fn remove(session: Session, toasts: Toasts, exception: &Exception) {
    let place = session.policy.with_untracked(|policy| {
        let mut all = policy.exceptions.iter();
        all.position(|other| other == exception)
    });
    let Some(place) = place else {
        return;
    };
    session.set_policy(|policy| {
        policy.exceptions.remove(place);
    });
    let text = fill(
        t("The exception for {id} is removed"),
        &[("id", &exception.label())],
    );
    let exception = exception.clone();
    toasts.show_with_undo(text, move || {
        session.set_policy(|policy| {
            if !policy.exceptions.contains(&exception) {
                let place = place.min(policy.exceptions.len());
                policy.exceptions.insert(place, exception.clone());
            }
        });
    });
}

/// Begins the policy anew; a press on "Undo" brings it back as it was.
pub fn reset(session: Session, toasts: Toasts) {
    let before = session.policy.get_untracked();
    if before == Policy::default() {
        return;
    }
    session.set_policy(|policy| *policy = Policy::default());
    toasts.show_with_undo(
        t("The policy is again the one that Lamina begins with"),
        move || {
            session.set_policy(|policy| policy.clone_from(&before));
        },
    );
}

/// A stop of a slider over severities, in words.
pub fn stop_words(threshold: Threshold) -> String {
    match threshold {
        Threshold::Never => t("never").to_owned(),
        Threshold::Critical => t(threshold.word()).to_owned(),
        other => fill(t("{severity} or worse"), &[("severity", t(other.word()))]),
    }
}

/// Where the failing side of a slider begins: a part of its length, from 0 to 1.
pub fn from(place: usize, last: usize) -> String {
    format!("{:.3}", place as f64 / last.max(1) as f64)
}

/// Adds an exception. It names a vulnerability and says why, as in every registry that has such a list.
///
/// # Errors
/// What is wrong with it, and at which field.
pub fn except(session: Session, id: &str, reason: &str, expires: &str) -> Result<(), Problem> {
    add(session, draft(id, reason, expires)?)
}

/// Reads what is typed.
fn draft(id: &str, reason: &str, expires: &str) -> Result<Exception, Problem> {
    let id = id.trim();
    if id.is_empty() {
        let text = t("Name the vulnerability to except, such as CVE-2024-0001");
        return Err(Problem::of(Field::Id, text));
    }
    let expires = match expires.trim() {
        "" => None,
        text => Some(
            text.parse::<Expiry>()
                .map_err(|error| Problem::of(Field::Until, words::sentence(&error.to_string())))?,
        ),
    };
    Ok(Exception {
        reason: Some(reason_of(reason)?),
        expires,
        ..Exception::of_id(id)
    })
}

/// The reason of an exception.
///
/// # Errors
/// There is none.
pub fn reason_of(reason: &str) -> Result<String, Problem> {
    match reason.trim() {
        "" => Err(Problem::of(
            Field::Reason,
            t("Say why it is accepted: who reads the exception later must be able to check it"),
        )),
        reason => Ok(reason.to_owned()),
    }
}

/// Adds an exception to the policy, instead of one that says the same of the same.
///
/// # Errors
/// The policy has too many.
pub fn add(session: Session, exception: Exception) -> Result<(), Problem> {
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
    match is_added {
        true => Ok(()),
        false => Err(Problem::of(
            Field::Id,
            fill(
                t("A policy has at most {n} exceptions"),
                &[("n", &MAX_EXCEPTIONS.to_string())],
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_names_what_and_says_why() {
        let check = |id: &str, reason: &str, until: &str, expect: Result<(), Field>| {
            let read = draft(id, reason, until);
            assert_eq!(
                read.map(drop).map_err(|problem| problem.field),
                expect,
                "{id:?} {reason:?} {until:?}"
            );
        };
        check("CVE-2024-1", "not called", "", Ok(()));
        check("CVE-2024-1", "not called", "2027-01-31", Ok(()));
        check(" ", "not called", "", Err(Field::Id));
        check("CVE-2024-1", " \t", "", Err(Field::Reason));
        check("CVE-2024-1", "", "2027-01-31", Err(Field::Reason));
        check("CVE-2024-1", "not called", "soon", Err(Field::Until));
        let read = draft(" CVE-2024-1 ", " not called ", "").unwrap();
        assert_eq!(read.id.as_deref(), Some("CVE-2024-1"));
        assert_eq!(read.reason.as_deref(), Some("not called"));
    }

    #[test]
    fn a_slider_is_filled_from_its_handle_to_the_worst() {
        assert_eq!(from(0, 5), "0.000");
        assert_eq!(from(3, 5), "0.600");
        assert_eq!(from(5, 5), "1.000");
        assert_eq!(from(0, 0), "0.000");
    }
}
