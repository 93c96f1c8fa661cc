//! The exceptions of the policy, each with who may be asked why, and until when it counts.

use lamina_policy::{Exception, Expiry, Pattern, Why};
use leptos::prelude::*;

use crate::{
    browser,
    components::{
        icons::{CLOSE, Icon},
        policy_panel::{Field, Problem, add, is_wrong, reason_of, remove, said},
    },
    state::{
        language::{fill, t, text, tn},
        report::ReportStore,
        session::{self, Session},
        settings,
        toasts::Toasts,
        words,
    },
};

/// Exceptions that are listed; a policy may have thousands.
const MOST_LISTED: usize = 200;

/// The table and the form.
#[component]
pub fn Exceptions() -> impl IntoView {
    let session = expect_context::<Session>();
    let toasts = expect_context::<Toasts>();
    let store = expect_context::<ReportStore>();
    let rows = move || {
        let judgement = store.judgement.get();
        let verdict = &judgement.verdict;
        session.policy.with(|policy| {
            let list = policy.exceptions.iter().enumerate().take(MOST_LISTED);
            list.map(|(index, exception)| {
                let covers = verdict
                    .left_out
                    .iter()
                    .filter(|left_out| left_out.why == Why::Exception(index))
                    .count();
                let expired = verdict.expired.iter().filter(|(_, other)| *other == index);
                let is_expired = exception.is_expired(session::now())
                    || policy
                        .exceptions_expire
                        .as_ref()
                        .is_some_and(|expiry| session::now() >= expiry.end());
                let state = match (is_expired, covers, expired.count()) {
                    (true, _, 0) => t("expired").to_owned(),
                    (true, _, count) => tn(
                        count,
                        "expired: {n} finding counts again",
                        "expired: {n} findings count again",
                    ),
                    (false, 0, _) => t("matches nothing here").to_owned(),
                    (false, count, _) => tn(count, "covers {n} finding", "covers {n} findings"),
                };
                row(session, toasts, exception.clone(), is_expired, state)
            })
            .collect_view()
        })
    };
    let count = move || session.policy.with(|policy| policy.exceptions.len());
    let whole_list = move || {
        let expiry = session
            .policy
            .with(|policy| policy.exceptions_expire.clone());
        expiry.map(|expiry| expiry.to_string()).unwrap_or_default()
    };
    view! {
        <section class="labSection" data-test="lab-exceptions" aria-labelledby="exceptions-title">
            <div class="labSectionHead">
                <h3 class="labTitle" id="exceptions-title">{t("Exceptions")}</h3>
                <label class="labInline" title=t("As Harbor's allowlists have it: after this day none of them counts")>
                    <span>{t("All of them count until")}</span>
                    <input type="date" class="labDate" data-test="exceptions-expire" prop:value=whole_list
                        on:change:target=move |event| {
                            let value = event.target().value().parse::<Expiry>().ok();
                            session.set_policy(|policy| policy.exceptions_expire = value);
                        } />
                </label>
            </div>
            <Show when=move || { count() > 0 } fallback=|| view! { <p class="labAside">{t("None: every finding counts as the rules say.")}</p> }>
                <div class="labScroll" tabindex="0" role="region" aria-label=t("Exceptions")>
                    <table class="labTable">
                        <thead><tr><th>{t("What")}</th><th>{t("Where")}</th><th>{t("Reason")}</th><th>{t("By")}</th><th>{t("Until")}</th><th>{t("Here")}</th><th><span class="visuallyHidden">{t("Remove")}</span></th></tr></thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            </Show>
            {move || (count() > MOST_LISTED).then(|| view! { <p class="labAside">{tn(count() - MOST_LISTED, "and {n} more", "and {n} more")}</p> })}
            <ExceptionForm />
        </section>
    }
}

fn row(
    session: Session,
    toasts: Toasts,
    exception: Exception,
    is_expired: bool,
    state: String,
) -> impl IntoView + use<> {
    let label = exception.label();
    let place = place_words(&exception);
    let until = exception.expires.as_ref().map(ToString::to_string);
    let remove_label = fill(t("Remove the exception for {id}"), &[("id", &label)]);
    let (reason, author) = (exception.reason.clone(), exception.author.clone());
    view! {
        <tr data-expired=is_expired.then_some("")>
            <td class="mono">{label}</td>
            <td>{place}</td>
            <td>{reason.unwrap_or_else(|| t("none given").to_owned())}</td>
            <td>{author}</td>
            <td>{until.unwrap_or_else(|| t("ever").to_owned())}</td>
            <td class="labState">{state}</td>
            <td>
                <button type="button" class="iconButton" data-test="lab-exception-remove" aria-label=remove_label title=t("Remove")
                    on:click=move |_| {
                        remove(session, toasts, &exception);
                        browser::focus("lab-exception-id");
                    }>
                    <Icon path=CLOSE />
                </button>
            </td>
        </tr>
    }
}

/// The conditions of an exception beside the one that names it.
fn place_words(exception: &Exception) -> String {
    let condition = |words: &'static str, pattern: &Option<Pattern>| {
        let pattern = pattern.as_ref()?;
        Some(fill(t(words), &[("pattern", pattern.as_str())]))
    };
    let mut words: Vec<String> = [
        condition(text("package {pattern}"), &exception.package),
        condition(text("purl {pattern}"), &exception.purl),
        condition(text("path {pattern}"), &exception.path),
        exception
            .layer
            .map(|layer| fill(t("layer {n}"), &[("n", &layer.to_string())])),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !exception.images.is_empty() {
        let images: Vec<&str> = exception.images.iter().map(Pattern::as_str).collect();
        words.push(fill(t("images {names}"), &[("names", &images.join(", "))]));
    }
    if words.is_empty() {
        t("everywhere").to_owned()
    } else {
        words.join(", ")
    }
}

/// Adds an exception of any kind.
#[component]
fn ExceptionForm() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let problem = RwSignal::new(None::<Problem>);
    let id = RwSignal::new(String::new());
    let package = RwSignal::new(String::new());
    let path = RwSignal::new(String::new());
    let layer = RwSignal::new(String::new());
    let reason = RwSignal::new(String::new());
    let author = RwSignal::new(settings::author());
    let expires = RwSignal::new(String::new());
    let only_here = RwSignal::new(false);
    let on_submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let image = only_here
            .get_untracked()
            .then(|| store.with(|report| report.image.name.clone()));
        let draft = Draft {
            id: &id.get_untracked(),
            package: &package.get_untracked(),
            path: &path.get_untracked(),
            layer: &layer.get_untracked(),
            image: image.as_deref().unwrap_or_default(),
            reason: &reason.get_untracked(),
            author: &author.get_untracked(),
            expires: &expires.get_untracked(),
        };
        let added = draft
            .exception(&session::today())
            .and_then(|exception| add(session, exception));
        match added {
            Err(found) => {
                browser::focus(match found.field {
                    Field::Id => "lab-exception-id",
                    Field::Reason => "lab-exception-reason",
                    Field::Until => "lab-exception-until",
                });
                problem.set(Some(found));
            }
            Ok(()) => {
                settings::keep_author(&author.get_untracked());
                problem.set(None);
                for field in [id, package, path, layer, reason, expires] {
                    field.set(String::new());
                }
                browser::focus("lab-exception-id");
            }
        }
    };
    let field = |label: &'static str,
                 test: &'static str,
                 hint: &'static str,
                 value: RwSignal<String>| {
        // What is said of the form as a whole is said at its first field.
        let field = match test {
            "id" => Some(Field::Id),
            "reason" => Some(Field::Reason),
            _ => None,
        };
        let wrong = move || field.and_then(|field| is_wrong(problem, field));
        let said = move || field.and_then(|field| said(problem, field));
        let problem_id = format!("lab-exception-{test}-problem");
        view! {
            <label class="labField">
                <span>{label}</span>
                <input type="text" id=format!("lab-exception-{test}") data-test=format!("lab-exception-{test}") placeholder=hint autocomplete="off" spellcheck="false" maxlength="400"
                    aria-required=(test == "reason").then_some("true") aria-invalid=wrong aria-describedby=problem_id.clone()
                    prop:value=value on:input:target=move |event| value.set(event.target().value()) />
                <span class="fieldProblem" id=problem_id.clone() data-test=problem_id role="alert">{said}</span>
            </label>
        }
        .into_any()
    };
    view! {
        <form class="labForm" aria-label=t("Add an exception") on:submit=on_submit>
            {field(t("Vulnerability or rule"), "id", "CVE-2024-0001", id)}
            {field(t("Package"), "package", "openssl, lib*", package)}
            {field(t("Path"), "path", "opt/app/**", path)}
            {field(t("Layer"), "layer", "2", layer)}
            {field(t("Reason"), "reason", t("why it is accepted"), reason)}
            {field(t("By"), "author", t("who accepts it"), author)}
            <label class="labField">
                <span>{t("Until")}</span>
                <input type="date" id="lab-exception-until" data-test="lab-exception-until" aria-invalid=move || is_wrong(problem, Field::Until) aria-describedby="lab-exception-until-problem"
                    prop:value=expires on:input:target=move |event| expires.set(event.target().value()) />
                <span class="fieldProblem" id="lab-exception-until-problem" role="alert">{move || said(problem, Field::Until)}</span>
            </label>
            <label class="switch">
                <input type="checkbox" role="switch" data-test="lab-exception-here" prop:checked=only_here
                    on:change:target=move |event| only_here.set(event.target().checked()) />
                <span>{t("Only for this image")}</span>
            </label>
            <button type="submit" class="button" data-size="small" data-test="lab-exception-add">{t("Add exception")}</button>
        </form>
    }
}

/// What is typed of an exception.
struct Draft<'a> {
    id: &'a str,
    package: &'a str,
    path: &'a str,
    layer: &'a str,
    image: &'a str,
    reason: &'a str,
    author: &'a str,
    expires: &'a str,
}

impl Draft<'_> {
    /// Reads what is typed, on this day.
    fn exception(&self, today: &str) -> Result<Exception, Problem> {
        let some = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
        let pattern = |what: &str| {
            some(what)
                .map(|text| text.parse::<Pattern>())
                .transpose()
                .map_err(|error| Problem::of(Field::Id, words::sentence(&error.to_string())))
        };
        let expires = some(self.expires).map(|text| text.parse::<Expiry>());
        let layer = some(self.layer).map(|text| text.parse::<usize>());
        let exception = Exception {
            id: some(self.id),
            package: pattern(self.package)?,
            path: pattern(self.path)?,
            layer: layer
                .transpose()
                .map_err(|_| Problem::of(Field::Id, t("A layer is a number; the base is 0")))?,
            images: pattern(self.image)?.into_iter().collect(),
            author: some(self.author),
            created: today.parse().ok(),
            expires: expires
                .transpose()
                .map_err(|error| Problem::of(Field::Until, words::sentence(&error.to_string())))?,
            ..Exception::default()
        };
        if exception.label().is_empty() {
            return Err(Problem::of(
                Field::Id,
                t("Say what to except: a vulnerability, a package, a path or a layer"),
            ));
        }
        Ok(Exception {
            reason: Some(reason_of(self.reason)?),
            ..exception
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: &str = "2026-11-30";

    const EMPTY: Draft<'static> = Draft {
        id: "",
        package: "",
        path: "",
        layer: "",
        image: "",
        reason: "",
        author: "",
        expires: "",
    };

    #[test]
    fn a_draft_says_what_is_wrong_with_it() {
        let check = |draft: Draft<'_>, expect: &str| {
            assert_eq!(draft.exception(TODAY).unwrap_err().text, expect);
        };
        check(
            EMPTY,
            "Say what to except: a vulnerability, a package, a path or a layer",
        );
        check(
            Draft {
                layer: "top",
                ..EMPTY
            },
            "A layer is a number; the base is 0",
        );
        let words = Draft {
            id: "CVE-1",
            expires: "soon",
            ..EMPTY
        }
        .exception(TODAY);
        assert!(words.unwrap_err().text.contains("neither a date"));
        let silent = Draft {
            id: "CVE-1",
            reason: " ",
            ..EMPTY
        };
        assert_eq!(silent.exception(TODAY).unwrap_err().field, Field::Reason);
    }

    #[test]
    fn a_draft_keeps_every_field() {
        let exception = Draft {
            id: " CVE-1 ",
            package: "lib*",
            path: "opt/**",
            layer: "2",
            image: "shop/api",
            reason: "r",
            author: "a",
            expires: "2027-01-31",
        }
        .exception(TODAY)
        .unwrap();
        assert_eq!(exception.id.as_deref(), Some("CVE-1"));
        assert_eq!(
            place_words(&exception),
            "package lib*, path opt/**, layer 2, images shop/api"
        );
        assert_eq!(exception.created.unwrap().to_string(), TODAY);
        assert_eq!(exception.expires.unwrap().to_string(), "2027-01-31");
    }
}
