//! The application: contexts, shortcuts, and which page fills the window.

use leptos::prelude::*;

use crate::{
    browser,
    components::{
        dialog::Dialog, drop_zone::DropZone, language_offer::LanguageOffer, masthead::Masthead,
        offline_note::NewerNote, toast_list::ToastList,
    },
    lazy::{Lazy, Panel},
    pages::{
        home::Home,
        problem::{Problem, WantsFile},
        scan::Scan,
    },
    state::{
        address::{Subject, View},
        database::DatabaseStore,
        language::{LanguageStore, t},
        network_log,
        offline::OfflineStore,
        overlays::{Overlay, Overlays},
        session::{Phase, Session},
        settings::{Settings, keep_sort, sort_of, takes},
        shortcuts::{self, Action, Place},
        toasts::Toasts,
    },
};

/// The root.
#[component]
pub fn App() -> impl IntoView {
    let settings = Settings::load();
    provide_context(settings);
    let language = LanguageStore::load();
    provide_context(language);
    provide_context(network_log::begin());
    let overlays = Overlays::new();
    provide_context(overlays);
    let toasts = Toasts::new();
    provide_context(toasts);
    let session = Session::start();
    provide_context(session);
    provide_context(DatabaseStore::new(session, toasts));
    remember_sorting(session);
    provide_context(OfflineStore::start());
    let is_touring = Memo::new(move |_| session.address.with(|address| address.tour.is_some()));
    browser::on_window::<web_sys::KeyboardEvent>("keydown", move |event| {
        on_key(&event, session, settings, overlays);
    });
    let phase = Memo::new(move |_| session.phase.get());
    let page = move || match phase.get() {
        Phase::Idle => view! { <Home /> }.into_any(),
        Phase::Opening => {
            view! { <main class="opening" id="main"><p>{t("Opening the report…")}</p></main> }
                .into_any()
        }
        Phase::Scanning => view! { <Scan /> }.into_any(),
        Phase::Done(loaded) => {
            provide_context(loaded);
            view! { <Lazy view=|views| (views.report)() /> }.into_any()
        }
        Phase::Failed(failure) => view! { <Problem failure /> }.into_any(),
        Phase::WantsFile(name) => view! { <WantsFile name /> }.into_any(),
    };
    let shell = move || {
        // Another language draws everything anew; what the page knows stays.
        language.chosen.track();
        view! {
            <a class="skipLink" href="#main" on:click=move |event| {
                // The fragment is the report's: the link moves the focus only.
                event.prevent_default();
                if let Some(main) = document().get_element_by_id("main") {
                    let _ = main.set_attribute("tabindex", "-1");
                }
                browser::focus("main");
            }>{t("Skip to the content")}</a>
            <LanguageOffer />
            <Masthead />
            {move || is_touring.get().then(|| view! { <Lazy view=|views| (views.tour)() /> })}
            {page}
            <NewerNote />
            <DropZone />
            <Dialog overlay=Overlay::Help title=t("Shortcuts") class="help">
                <Lazy view=|views| (views.panel)(Panel::Help) />
            </Dialog>
            <Dialog overlay=Overlay::Palette title=t("Commands") class="palette">
                <Lazy view=|views| (views.panel)(Panel::Palette) />
            </Dialog>
            <Dialog overlay=Overlay::Settings title=t("Settings") class="settings">
                <Lazy view=|views| (views.panel)(Panel::Settings) />
            </Dialog>
            <Dialog overlay=Overlay::NetworkLog title=t("Requests of this tab") class="networkLog">
                <Lazy view=|views| (views.panel)(Panel::NetworkLog) />
            </Dialog>
        }
        .into_any()
    };
    view! {
        {shell}
        <ToastList />
    }
}

fn on_key(
    event: &web_sys::KeyboardEvent,
    session: Session,
    settings: Settings,
    overlays: Overlays,
) {
    if event.is_composing() || event.alt_key() {
        return;
    }
    let has_command = event.ctrl_key() || event.meta_key();
    if has_command {
        let action = shortcuts::find(&event.key(), Place::Everywhere);
        let is_free = !browser::has_dialog() || overlays.open.get_untracked().is_some();
        if action == Some(Action::Palette) && is_free && !event.shift_key() {
            event.prevent_default();
            overlays.show(Overlay::Palette);
        }
        return;
    }
    if browser::has_dialog() || browser::is_typing(event) || !takes(&event.key()) {
        return;
    }
    let is_report = matches!(session.phase.get_untracked(), Phase::Done(_));
    match shortcuts::find(&event.key(), Place::Page) {
        Some(Action::Search) => {
            event.prevent_default();
            browser::focus(if is_report {
                "search"
            } else {
                "home-reference"
            });
        }
        Some(Action::Tab(position)) if is_report => {
            if let Some(view) = View::ALL.get(position) {
                session.select(|address| address.open(*view));
                browser::focus(&format!("tab-{}", view.word()));
            }
        }
        Some(Action::Close) => session.select(|address| {
            if address.finding.is_some() {
                address.finding = None;
            } else {
                address.layer = None;
            }
        }),
        Some(Action::Settings) => overlays.show(Overlay::Settings),
        Some(Action::NetworkLog) => overlays.show(Overlay::NetworkLog),
        Some(Action::Theme) => settings.set_theme(settings.theme.get_untracked().next()),
        Some(Action::Help) => overlays.show(Overlay::Help),
        _ => {}
    }
}

/// Each tab of a report is sorted as the user sorted it last, unless its address says how.
fn remember_sorting(session: Session) {
    Effect::new(move |before: Option<(Subject, View, Option<String>)>| {
        let now = session
            .address
            .with(|address| (address.subject.clone(), address.view, address.sort.clone()));
        let (subject, view, sort) = &now;
        let is_same = before
            .as_ref()
            .is_some_and(|(old, tab, _)| old == subject && tab == view);
        if is_same {
            if before.is_some_and(|(_, _, old)| old != *sort) {
                keep_sort(*view, sort.as_deref());
            }
        } else if sort.is_none()
            && *subject != Subject::Home
            && let Some(remembered) = sort_of(*view)
        {
            session.refine(|address| address.sort = Some(remembered.clone()));
            return (subject.clone(), *view, Some(remembered));
        }
        now
    });
}
