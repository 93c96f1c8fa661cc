//! No report: what went wrong and the ways out.

use leptos::prelude::*;

use crate::{
    browser,
    components::{
        drop_zone::FileButton,
        icons::{AGAIN, Icon},
    },
    scanner::{ScanFailure, ScanOptions},
    state::{
        address::{Address, Subject},
        language::{fill, t},
        problem,
        session::Session,
        words,
    },
};

/// A scan or a link that failed.
#[component]
pub fn Problem(
    /// What went wrong.
    failure: ScanFailure,
) -> impl IntoView {
    let session = expect_context::<Session>();
    let name = session
        .address
        .with_untracked(|address| match &address.subject {
            Subject::Image(name) | Subject::Archive(name) => name.clone(),
            _ => t("Report").to_owned(),
        });
    let can_retry = session.address.with_untracked(|address| {
        // A name that is no reference does not become one by trying again.
        failure.step != "name" && matches!(address.subject, Subject::Image(_) | Subject::Archive(_))
    });
    browser::set_title(&fill(t("{name}: no report · Lamina"), &[("name", &name)]));
    let told = problem::told(&name, &failure);
    let wants_login = failure.wants_login;
    view! {
        <main class="problem" id="main">
            <div class="problemCard" data-test="error" role="alert">
                <p class="problemStep">{name.clone()}</p>
                <h1 class="problemTitle">{words::sentence(&told.what)}</h1>
                <dl class="problemFacts">
                    {(!told.why.is_empty()).then(|| view! {
                        <div>
                            <dt>{t("Why")}</dt>
                            <dd data-test="error-why">{words::sentence(&told.why)}</dd>
                        </div>
                    })}
                    <div>
                        <dt>{t("What to do next")}</dt>
                        <dd data-test="error-advice">{words::sentence(&told.next)}</dd>
                    </div>
                </dl>
            </div>
            {wants_login.then(|| view! { <LoginForm /> })}
            <div class="problemTools">
                {can_retry.then(|| view! {
                    <button type="button" class="button" data-kind=(!wants_login).then_some("primary") data-test="retry" on:click=move |_| session.retry(ScanOptions::default())>
                        <Icon path=AGAIN />
                        {t("Try again")}
                    </button>
                })}
                <FileButton />
                <button type="button" class="button" data-kind="quiet" data-test="back" on:click=move |_| session.go(Address::home())>{t("Start page")}</button>
            </div>
        </main>
    }
}

#[component]
fn LoginForm() -> impl IntoView {
    let session = expect_context::<Session>();
    let user = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    let on_submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let login = Some((user.get_untracked(), password.get_untracked()));
        password.set(String::new());
        session.retry(ScanOptions {
            login,
            ..ScanOptions::default()
        });
    };
    view! {
        <form class="login" on:submit=on_submit aria-labelledby="login-title">
            <h2 class="loginTitle" id="login-title">{t("Log in to the registry")}</h2>
            <label>
                <span>{t("User")}</span>
                <input type="text" data-test="login-user" autocomplete="username" autocapitalize="none" spellcheck="false" required
                    prop:value=user on:input:target=move |event| user.set(event.target().value()) />
            </label>
            <label>
                <span>{t("Password or token")}</span>
                <input type="password" data-test="login-password" autocomplete="current-password" required
                    prop:value=password on:input:target=move |event| password.set(event.target().value()) />
            </label>
            <p class="loginNote">{t("Used for this scan alone, sent to this registry alone, and not kept.")}</p>
            <button type="submit" class="button" data-kind="primary" data-test="login-button">{t("Log in and scan")}</button>
        </form>
    }
}

/// An address that names an archive whose bytes this tab does not have.
#[component]
pub fn WantsFile(
    /// The archive's name.
    name: String,
) -> impl IntoView {
    let session = expect_context::<Session>();
    browser::set_title(&format!("{name} · Lamina"));
    view! {
        <main class="problem" id="main">
            <div class="problemCard">
                <p class="problemStep">{name.clone()}</p>
                <h1 class="problemTitle">{t("Open the archive once more")}</h1>
                <p class="problemAdvice">{t("Its bytes were never kept: an archive lives only in the tab that it was dropped on.")}</p>
            </div>
            <div class="problemTools">
                <FileButton />
                <button type="button" class="button" data-kind="quiet" data-test="back" on:click=move |_| session.go(Address::home())>{t("Start page")}</button>
            </div>
        </main>
    }
}
