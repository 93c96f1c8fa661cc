//! The settings: how the page looks and behaves, logins, and what this browser keeps of it.

use leptos::prelude::*;

use super::database_panel::DatabasePanel;
use crate::{
    scanner,
    state::{
        language::{LANGUAGES, LanguageStore, fill, t},
        overlays::{Overlay, Overlays},
        session::Session,
        settings::{self, Login, Settings, Theme},
        toasts::Toasts,
        words,
    },
};

/// Platforms that one may ask for by name.
pub const PLATFORMS: [&str; 9] = [
    "linux/amd64",
    "linux/arm64",
    "linux/arm/v7",
    "linux/arm/v6",
    "linux/386",
    "linux/ppc64le",
    "linux/riscv64",
    "linux/s390x",
    "windows/amd64",
];

/// The settings.
#[component]
pub fn SettingsList() -> impl IntoView {
    view! {
        <Looks />
        <Scans />
        <Logins />
        <Network />
        <Kept />
    }
}

#[component]
fn Looks() -> impl IntoView {
    let settings = expect_context::<Settings>();
    let language = expect_context::<LanguageStore>();
    let toasts = expect_context::<Toasts>();
    let themes = Theme::ALL
        .into_iter()
        .map(|theme| {
            view! {
                <label class="settingsChoice">
                    <input
                        type="radio"
                        name="settings-theme"
                        data-test=format!("settings-theme-{}", theme.word())
                        prop:checked=move || settings.theme.get() == theme
                        on:change=move |_| settings.set_theme(theme)
                    />
                    <span>{t(theme.title())}</span>
                </label>
            }
        })
        .collect_view();
    let languages = LANGUAGES
        .into_iter()
        .map(|one| {
            let is_chosen = language.chosen.get_untracked() == one;
            view! { <option value=one.tag lang=one.tag selected=is_chosen>{one.name}</option> }
        })
        .collect_view();
    let choose = move |tag: String| {
        let chosen = LANGUAGES.into_iter().find(|one| one.tag == tag);
        if let Some(chosen) = chosen {
            language.choose(chosen, move |is_there| {
                if !is_there {
                    toasts.show(t("This server does not have the page in that language"));
                }
            });
        }
    };
    view! {
        <section class="settingsPart">
            <h3>{t("Looks")}</h3>
            <fieldset class="settingsChoices">
                <legend>{t("Colours")}</legend>
                {themes}
            </fieldset>
            <label class="settingsField">
                <span>{t("Language")}</span>
                <select data-test="settings-language" on:change:target=move |event| choose(event.target().value())>{languages}</select>
            </label>
            {switch(t("Close rows in tables"), "settings-compact", settings.is_compact, move |on| settings.set_compact(on))}
            {switch(t("Keys that write a character, such as j and ?, do something"), "settings-keys", settings.has_keys, move |on| settings.set_keys(on))}
            <p class="settingsNote">{t("How each table is sorted is remembered by itself")}</p>
        </section>
    }
}

#[component]
fn Scans() -> impl IntoView {
    let settings = expect_context::<Settings>();
    let now = settings.platform.get_untracked();
    let options = PLATFORMS
        .map(|platform| {
            let is_chosen = now.as_deref() == Some(platform);
            view! { <option value=platform selected=is_chosen>{platform}</option> }
        })
        .collect_view();
    view! {
        <section class="settingsPart">
            <h3>{t("Scans")}</h3>
            <label class="settingsField">
                <span>{t("Platform, where none is named")}</span>
                <select
                    data-test="settings-platform"
                    on:change:target=move |event| {
                        let platform = event.target().value();
                        settings.set_platform((!platform.is_empty()).then_some(platform));
                    }
                >
                    <option value="">{t("Usual platform")}</option>
                    {options}
                </select>
            </label>
        </section>
    }
}

#[component]
fn Logins() -> impl IntoView {
    let settings = expect_context::<Settings>();
    let registry = RwSignal::new(String::new());
    let user = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    let problem = RwSignal::new(None::<&'static str>);
    let add = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let Some(name) = settings::registry_of(&registry.get_untracked()) else {
            problem.set(Some(t("This names no registry")));
            return;
        };
        problem.set(None);
        settings.add_login(Login {
            registry: name,
            user: user.get_untracked(),
            password: password.get_untracked(),
        });
        for field in [registry, user, password] {
            field.set(String::new());
        }
    };
    let list = move || {
        settings
            .logins
            .get()
            .into_iter()
            .map(|(registry, user)| {
                let label = fill(t("Forget the login for {registry}"), &[("registry", &registry)]);
                let name = registry.clone();
                let shown = registry.clone();
                view! {
                    <li class="settingsLogin" data-test="settings-login" data-registry=registry>
                        <span><code>{shown}</code> " " {user}</span>
                        <button type="button" class="linkButton" aria-label=label on:click=move |_| settings.remove_login(&name)>{t("Forget")}</button>
                    </li>
                }
            })
            .collect_view()
    };
    view! {
        <section class="settingsPart">
            <h3>{t("Registries")}</h3>
            <p class="settingsNote">{t("A login is sent to its registry alone, and is in this tab's memory alone: it is gone when the tab is closed or loaded again")}</p>
            <ul class="settingsLogins">{list}</ul>
            <form class="settingsForm" on:submit=add>
                <label class="settingsField">
                    <span>{t("Registry")}</span>
                    <input type="text" data-test="settings-registry" required placeholder="ghcr.io" autocapitalize="none" spellcheck="false"
                        aria-describedby="settings-registry-problem"
                        prop:value=registry on:input:target=move |event| registry.set(event.target().value()) />
                </label>
                <p class="settingsProblem" id="settings-registry-problem" role="alert">{move || problem.get()}</p>
                <label class="settingsField">
                    <span>{t("User")}</span>
                    <input type="text" data-test="settings-user" required autocomplete="off" autocapitalize="none" spellcheck="false"
                        prop:value=user on:input:target=move |event| user.set(event.target().value()) />
                </label>
                <label class="settingsField">
                    <span>{t("Password or token")}</span>
                    <input type="password" data-test="settings-password" required autocomplete="off"
                        prop:value=password on:input:target=move |event| password.set(event.target().value()) />
                </label>
                <button type="submit" class="button" data-test="settings-add-login">{t("Add login")}</button>
            </form>
            {switch(t("Keep logins until this tab is closed, also when it is loaded again"), "settings-keep-logins", settings.keeps_logins, move |on| settings.keep_logins(on))}
            <p class="settingsNote">{t("They are then in the tab's session storage, unencrypted: who can use this tab, or its developer tools, can read them")}</p>
        </section>
    }
}

#[component]
fn Network() -> impl IntoView {
    let overlays = expect_context::<Overlays>();
    let server = LocalResource::new(scanner::about_server);
    let relay = move || match server.get() {
        None => "…",
        Some(about) if about.has_relay => {
            t("This page's server relays registries that browsers may not ask")
        }
        Some(_) => t(
            "This page's server has no relay: only registries that answer browsers can be scanned",
        ),
    };
    let keys = move || match server.get() {
        None => "…",
        Some(about) if about.has_keys => {
            t("The advisory database must be signed with a key that this page was given")
        }
        Some(_) => {
            t("This page was given no key: the advisory database's signature is not checked")
        }
    };
    view! {
        <section class="settingsPart">
            <h3>{t("Relay and advisory database")}</h3>
            <p data-test="settings-relay">{relay}</p>
            <p data-test="settings-keys-state">{keys}</p>
            <p class="settingsNote">{t("Both belong to the server of this page, and are chosen where it is started; a page obeys no relay and no database of another server")}</p>
            <DatabasePanel />
            <button type="button" class="linkButton" on:click=move |_| overlays.show(Overlay::NetworkLog)>{t("Requests of this tab")}</button>
        </section>
    }
}

#[component]
fn Kept() -> impl IntoView {
    let session = expect_context::<Session>();
    let sizes = LocalResource::new(move || {
        session.kept_changes.track();
        scanner::storage_use()
    });
    let row = move |kind: scanner::Kept,
                    name: &'static str,
                    test: &'static str,
                    what: &'static str| {
        let size = move || sizes.get().map_or(0, |sizes| kind.size(sizes));
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td>{what}</td>
                <td data-number="" data-test=format!("settings-size-{test}")>{move || words::size(size())}</td>
                <td>
                    <button
                        type="button"
                        class="linkButton"
                        data-test=format!("settings-clear-{test}")
                        aria-label=fill(t("Delete: {what}"), &[("what", name)])
                        disabled=move || size() == 0
                        on:click=move |_| {
                            leptos::task::spawn_local(async move {
                                scanner::clear(kind).await;
                                session.kept_has_changed();
                            });
                        }
                    >{t("Delete")}</button>
                </td>
            </tr>
        }
    };
    view! {
        <section class="settingsPart">
            <h3>{t("Kept in this browser")}</h3>
            <table class="settingsKept">
                <tbody>
                    {row(scanner::Kept::Layers, t("Layers"), "layers", t("what was found in each, so that it need not be fetched again"))}
                    {row(scanner::Kept::Shards, t("Advisories"), "shards", t("parts of the advisory database"))}
                    {row(scanner::Kept::Reports, t("Reports"), "reports", t("scans of this browser"))}
                </tbody>
            </table>
            <p class="settingsNote">{t("Beside them only settings are kept: colours, language, the order of tables, policies, and which registries answer browsers")}</p>
        </section>
    }
}

fn switch(
    label: &'static str,
    test: &'static str,
    is_on: RwSignal<bool>,
    set: impl Fn(bool) + 'static,
) -> impl IntoView {
    view! {
        <label class="settingsChoice">
            <input
                type="checkbox"
                data-test=test
                prop:checked=is_on
                on:change:target=move |event| set(event.target().checked())
            />
            <span>{label}</span>
        </label>
    }
}
