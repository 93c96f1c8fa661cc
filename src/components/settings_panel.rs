//! The settings: how the page looks and behaves, logins, and what this browser keeps of it.

use leptos::prelude::*;

use super::{database_panel::DatabasePanel, reference_form::PLATFORMS};
use crate::{
    browser,
    platform::servers::{Refused, Servers, checked},
    scanner::{self, RelayProblem},
    state::{
        database::DatabaseStore,
        language::{LANGUAGES, LanguageStore, fill, t},
        overlays::{Overlay, Overlays},
        session::Session,
        settings::{self, Login, Settings, Theme},
        toasts::Toasts,
        words,
    },
};

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
            <OtherServer
                id="settings-own-relay"
                label=t("Relay of another server")
                note=t("It sees what is asked of registries, and the logins for them: name only a server of your own. There: lamina serve --allow-page {origin}")
                placeholder="https://lamina.example/"
                which=Which::Relay
            />
            <OtherServer
                id="settings-own-database"
                label=t("Advisory database of another server")
                note=t("The folder that `lamina db build` made, where a browser may read it. There: lamina serve --allow-page {origin} --db DIR")
                placeholder="https://lamina.example/db/"
                which=Which::Database
            />
            <DatabasePanel />
            <button type="button" class="linkButton" on:click=move |_| overlays.show(Overlay::NetworkLog)>{t("Requests of this tab")}</button>
        </section>
    }
}

/// What another server may do for the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Relay,
    Database,
}

impl Which {
    fn of(self, servers: &mut Servers) -> &mut Option<String> {
        match self {
            Self::Relay => &mut servers.relay,
            Self::Database => &mut servers.database,
        }
    }
}

/// The address of a server to use in place of the page's own.
#[component]
fn OtherServer(
    /// For the label and tests.
    id: &'static str,
    /// What it is.
    label: &'static str,
    /// What to know before.
    note: &'static str,
    /// An example.
    placeholder: &'static str,
    /// Which of the servers.
    which: Which,
) -> impl IntoView {
    let database = expect_context::<DatabaseStore>();
    let used = RwSignal::new(which.of(&mut Servers::load()).clone());
    let typed = RwSignal::new(used.get_untracked().unwrap_or_default());
    // What came of it, and whether that is a problem.
    let said = RwSignal::new(None::<(String, bool)>);
    let apply = move |address: Option<String>| {
        leptos::task::spawn_local(async move {
            let mut servers = Servers::load();
            if let (Some(address), Which::Relay) = (&address, which)
                && let Err(problem) = scanner::try_relay(address).await
            {
                let text = match problem {
                    RelayProblem::NoAnswer => t(
                        "{address} gives this page no answer: is it running, and was it started with --allow-page {origin}?",
                    ),
                    RelayProblem::NoRelay => t("{address} relays no registries"),
                };
                let values = [
                    ("address", address.as_str()),
                    ("origin", &browser::origin()),
                ];
                said.set(Some((fill(text, &values), true)));
                return;
            }
            which.of(&mut servers).clone_from(&address);
            scanner::use_servers(servers).await;
            let text = match address {
                Some(_) => t("In use from now on"),
                None => t("This page's own server is used again"),
            };
            said.set(Some((text.to_owned(), false)));
            typed.set(address.clone().unwrap_or_default());
            used.set(address);
            if which == Which::Database {
                database.update(true);
            }
        });
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let text = typed.get_untracked();
        if text.trim().is_empty() {
            apply(None);
            return;
        }
        match checked(&text) {
            Ok(address) => apply(Some(address)),
            Err(Refused::NoAddress) => {
                said.set(Some((t("This is no address: https://…").to_owned(), true)));
            }
            Err(Refused::Plain) => said.set(Some((
                t("Only https:// is taken, or http:// to this machine itself").to_owned(),
                true,
            ))),
        }
    };
    let note_id = format!("{id}-note");
    view! {
        <form class="settingsServer" novalidate on:submit=submit>
            <label class="settingsField">
                <span>{label}</span>
                <input type="url" id=id data-test=id placeholder=placeholder autocapitalize="none" spellcheck="false"
                    aria-describedby=note_id.clone()
                    aria-invalid=move || said.with(|said| matches!(said, Some((_, true)))).then_some("true")
                    prop:value=typed on:input:target=move |event| typed.set(event.target().value()) />
            </label>
            <p class="settingsNote" id=note_id>{fill(note, &[("origin", &browser::origin())])}</p>
            <p role="status" data-test=format!("{id}-said")
                class=move || if said.with(|said| matches!(said, Some((_, true)))) { "settingsProblem" } else { "settingsNote" }>
                {move || said.get().map(|(text, _)| text)}
            </p>
            <p class="settingsButtons">
                <button type="submit" class="button" data-size="small" data-test=format!("{id}-use")>{t("Use it")}</button>
                <Show when=move || used.with(Option::is_some)>
                    <button type="button" class="button" data-size="small" data-kind="quiet" data-test=format!("{id}-own") on:click=move |_| apply(None)>
                        {t("Use this page's own")}
                    </button>
                </Show>
            </p>
        </form>
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
