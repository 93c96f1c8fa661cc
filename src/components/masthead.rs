//! The head of every page: name, a field for another image, help, colours.

use leptos::prelude::*;

use super::{
    icons::{Icon, THEME},
    reference_form::ReferenceForm,
};
use crate::state::{
    address::{Address, Subject},
    session::Session,
    settings::Settings,
};

/// The head.
#[component]
pub fn Masthead(
    /// Opens the list of shortcuts.
    on_help: Callback<()>,
) -> impl IntoView {
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
    let theme_label = move || {
        let theme = settings.theme.get();
        format!(
            "Colours: {}. Change to {}",
            theme.word(),
            theme.next().word()
        )
    };
    view! {
        <header class="masthead" data-home=move || is_home.get().then_some("")>
            <a class="mastheadName" href="." on:click=go_home aria-label="Lamina, start page">
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
                <button
                    type="button"
                    class="iconButton"
                    aria-label="Shortcuts"
                    title="Shortcuts (?)"
                    on:click=move |_| on_help.run(())
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
