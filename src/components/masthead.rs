//! The head of every page: name, a field for another image, help, colours.

use leptos::prelude::*;

use super::{
    icons::{Icon, REQUESTS, SEARCH, SETTINGS, THEME},
    reference_form::ReferenceForm,
};
use crate::{
    browser,
    state::{
        address::{Address, Subject},
        language::{fill, t},
        overlays::{Overlay, Overlays},
        session::Session,
        settings::Settings,
        shortcuts::{self, Action},
    },
};

/// The head.
#[component]
pub fn Masthead() -> impl IntoView {
    let session = expect_context::<Session>();
    let settings = expect_context::<Settings>();
    let is_home = Memo::new(move |_| {
        session
            .address
            .with(|address| address.subject == Subject::Home)
    });
    let go_home = move |event: leptos::ev::MouseEvent| {
        if !event.ctrl_key() && !event.meta_key() && !event.shift_key() {
            event.prevent_default();
            session.go(Address::home());
        }
    };
    let overlays = expect_context::<Overlays>();
    let is_mac = browser::is_mac();
    // The words of a button, with its key.
    let named = move |words: &str, action: Action| match shortcuts::shown(action, is_mac) {
        Some(keys) => format!("{words} ({keys})"),
        None => words.to_owned(),
    };
    let tool = move |overlay: Overlay,
                     words: &'static str,
                     action: Action,
                     path: &'static str,
                     test: &'static str| {
        view! {
            <button
                type="button"
                class="iconButton"
                data-test=test
                aria-label=words
                title=named(words, action)
                on:click=move |_| overlays.show(overlay)
            >
                <Icon path=path />
            </button>
        }
    };
    let theme_label = move || {
        let theme = settings.theme.get();
        fill(
            t("Colours: {now}. Change to: {next}"),
            &[("now", t(theme.title())), ("next", t(theme.next().title()))],
        )
    };
    view! {
        <header class="masthead" data-home=move || is_home.get().then_some("")>
            <a class="mastheadName" href="." on:click=go_home aria-label=t("Lamina, start page")>
                <svg class="mastheadSign" viewBox="0 0 28 24" aria-hidden="true" focusable="false">
                    <path class="mastheadSignTop" d="M1 6c5-4 9-4 13-2s8 2 13-1v4c-5 3-9 3-13 1S6 6 1 10z" />
                    <path class="mastheadSignMiddle" d="M1 12c5-4 9-4 13-2s8 2 13-1v5c-5 3-9 3-13 1s-8-2-13 2z" />
                    <path class="mastheadSignBase" d="M1 19c5-4 9-4 13-2s8 2 13-1v7H1z" />
                </svg>
                "Lamina"
            </a>
            <Show
                when=move || !is_home.get()
                fallback=|| view! { <span class="mastheadSpace"></span> }
            >
                <ReferenceForm is_compact=true />
            </Show>
            <div class="mastheadTools">
                {tool(Overlay::Palette, t("Commands"), Action::Palette, SEARCH, "open-palette")}
                {tool(Overlay::NetworkLog, t("Requests of this tab"), Action::NetworkLog, REQUESTS, "open-network-log")}
                {tool(Overlay::Settings, t("Settings"), Action::Settings, SETTINGS, "open-settings")}
                <button
                    type="button"
                    class="iconButton"
                    data-test="open-help"
                    aria-label=t("Shortcuts")
                    title=named(t("Shortcuts"), Action::Help)
                    on:click=move |_| overlays.show(Overlay::Help)
                >
                    <span class="mastheadHelp" aria-hidden="true">"?"</span>
                </button>
                <button
                    type="button"
                    class="iconButton"
                    data-test="theme"
                    aria-label=theme_label
                    title=theme_label
                    on:click=move |_| settings.set_theme(settings.theme.get_untracked().next())
                >
                    <Icon path=THEME />
                </button>
            </div>
        </header>
    }
}
