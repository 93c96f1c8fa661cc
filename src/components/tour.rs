//! The guided tour: a panel beside the page, which stays usable. Chapters, what each points at, the step
//! that it asks for, and a mode for presenters.

pub mod contents;
pub mod lesson;
mod store;

use leptos::prelude::*;

use crate::{
    browser,
    components::icons::{CHEVRON, CLOSE, Icon},
    state::{language::t, offline::OfflineStore, session::Session},
};

use contents::Contents;
use lesson::Lesson;
use store::TourStore;

/// The panel. Everything of the tour is within, so that it can be loaded when it is opened.
#[component]
pub fn Tour() -> impl IntoView {
    let session = expect_context::<Session>();
    let tour = TourStore::start(session);
    provide_context(tour);
    // Whoever shows the demo once may want to show it again without a network.
    expect_context::<OfflineStore>().keep_demo();

    Effect::new(move |_| {
        let mode = if tour.is_presenting.get() {
            "present"
        } else {
            "beside"
        };
        browser::set_root_attribute("data-touring", Some(mode));
    });
    on_cleanup(|| browser::set_root_attribute("data-touring", None));
    browser::on_window_first("keydown", move |event| presenter_key(tour, event));

    let number = move || tour.number.get();
    let count = move || tour.chapters.with(|chapters| chapters.len());
    let is_chapter = Memo::new(move |_| tour.chapter().is_some());
    let title = move || match tour.chapter() {
        Some(chapter) => chapter.title,
        None => "Guided tour".to_owned(),
    };
    let place = move || format!("{} of {}", number(), count());
    let is_last = move || number() == count();
    view! {
        <aside class="tour" data-test="tour" aria-labelledby="tour-title"
            data-present=move || tour.is_presenting.get().then_some("")>
            <div class="tourBar">
                <button type="button" class="button" data-size="small" data-kind="quiet" data-test="tour-contents"
                    aria-expanded=move || (!is_chapter.get()).to_string()
                    on:click=move |_| tour.go(0)>
                    {t("Chapters")}
                </button>
                <button type="button" class="button" data-size="small" data-kind="quiet" data-test="tour-present"
                    aria-pressed=move || tour.is_presenting.get().to_string()
                    title=t("Large type, step by step: right and left arrow, space, Esc")
                    on:click=move |_| tour.present(!tour.is_presenting.get_untracked())>
                    {t("Present")}
                </button>
                <span class="tourSpace"></span>
                <button type="button" class="iconButton" aria-label=t("Close the tour") title=t("Close the tour") data-test="tour-close"
                    on:click=move |_| session.leave_tour()>
                    <Icon path=CLOSE />
                </button>
            </div>
            <div class="tourText" id="tour-text" tabindex="0" role="region" aria-labelledby="tour-title">
                <Show when=move || is_chapter.get()>
                    <p class="tourPlace" data-test="tour-place">{place}</p>
                </Show>
                <h2 class="tourTitle" id="tour-title" data-test="tour-title" aria-live="polite">{title}</h2>
                <Show when=move || is_chapter.get() fallback=|| view! { <Contents /> }>
                    <Lesson />
                </Show>
            </div>
            <Show when=move || is_chapter.get()>
                <div class="tourFoot">
                    <button type="button" class="button" data-turn="back" data-test="tour-back"
                        on:click=move |_| tour.turn(false)>
                        <Icon path=CHEVRON />
                        {t("Back")}
                    </button>
                    <span class="tourSpace"></span>
                    <button type="button" class="button" data-kind="primary" data-test="tour-next"
                        on:click=move |_| tour.turn(true)>
                        {move || if is_last() && tour.is_at_end() { t("Chapters") } else { t("Next") }}
                        <Icon path=CHEVRON />
                    </button>
                </div>
            </Show>
        </aside>
    }
}

/// The presenter's keys: they work wherever the focus is, but for what is being typed, chosen in a
/// dialog, or pressed as a button.
fn presenter_key(tour: TourStore, event: &web_sys::KeyboardEvent) {
    let is_free = !event.ctrl_key() && !event.meta_key() && !event.alt_key() && !event.shift_key();
    if !is_free
        || tour.is_presenting.try_get_untracked() != Some(true)
        || browser::has_dialog()
        || browser::is_typing(event)
    {
        return;
    }
    match event.key().as_str() {
        // Arrows walk within tabs, sliders and trees; space presses what has the focus.
        "ArrowRight" | "ArrowLeft" if browser::has_arrows(event) => return,
        "ArrowRight" | "PageDown" => tour.turn(true),
        "ArrowLeft" | "PageUp" => tour.turn(false),
        " " if browser::is_on_button(event) || browser::is_within(event, "input, summary") => {
            return;
        }
        " " => tour.turn(true),
        // What is open closes first.
        "Escape" if tour.has_drawer() => return,
        "Escape" => tour.present(false),
        _ => return,
    }
    event.prevent_default();
    event.stop_propagation();
}
