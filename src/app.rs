//! The application: contexts, shortcuts, and which page fills the window.

use leptos::prelude::*;

use crate::{
    browser,
    components::{
        drop_zone::DropZone, help::Help, masthead::Masthead, offline_note::NewerNote,
        toast_list::ToastList, tour::Tour,
    },
    pages::{
        home::Home,
        problem::{Problem, WantsFile},
        report::ReportPage,
        scan::Scan,
    },
    state::{
        database::DatabaseStore,
        offline::OfflineStore,
        session::{Phase, Session},
        settings::Settings,
        toasts::Toasts,
    },
};

/// The root.
#[component]
pub fn App() -> impl IntoView {
    provide_context(Settings::load());
    let toasts = Toasts::new();
    provide_context(toasts);
    let session = Session::start();
    provide_context(session);
    provide_context(DatabaseStore::new(session, toasts));
    provide_context(OfflineStore::start());
    let is_touring = Memo::new(move |_| session.address.with(|address| address.tour.is_some()));
    let is_help_open = RwSignal::new(false);
    browser::on_window::<web_sys::KeyboardEvent>("keydown", move |event| {
        if browser::has_dialog()
            || browser::is_typing(&event)
            || event.ctrl_key()
            || event.meta_key()
            || event.alt_key()
        {
            return;
        }
        match event.key().as_str() {
            "?" => is_help_open.set(true),
            "/" => {
                event.prevent_default();
                let is_report = matches!(session.phase.get_untracked(), Phase::Done(_));
                browser::focus(if is_report {
                    "search"
                } else {
                    "home-reference"
                });
            }
            "Escape" => session.select(|address| {
                if address.finding.is_some() {
                    address.finding = None;
                } else {
                    address.layer = None;
                }
            }),
            _ => {}
        }
    });
    let phase = Memo::new(move |_| session.phase.get());
    let page = move || match phase.get() {
        Phase::Idle => view! { <Home /> }.into_any(),
        Phase::Opening => {
            view! { <main class="opening" id="main"><p>"Opening the report…"</p></main> }.into_any()
        }
        Phase::Scanning => view! { <Scan /> }.into_any(),
        Phase::Done(loaded) => view! { <ReportPage loaded /> }.into_any(),
        Phase::Failed(failure) => view! { <Problem failure /> }.into_any(),
        Phase::WantsFile(name) => view! { <WantsFile name /> }.into_any(),
    };
    view! {
        <a class="skipLink" href="#main" on:click=move |event| {
            // The fragment is the report's: the link moves the focus only.
            event.prevent_default();
            if let Some(main) = document().get_element_by_id("main") {
                let _ = main.set_attribute("tabindex", "-1");
            }
            browser::focus("main");
        }>"Skip to the content"</a>
        <Masthead on_help=Callback::new(move |()| is_help_open.set(true)) />
        <Show when=move || is_touring.get()><Tour /></Show>
        {page}
        <NewerNote />
        <DropZone />
        <Help is_open=is_help_open />
        <ToastList />
    }
}
