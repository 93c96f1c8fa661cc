//! A chapter: its text and its step.

use leptos::prelude::*;

use super::store::TourStore;
use crate::{
    components::icons::{CHECK, Icon},
    state::{language::t, markdown, tour, words},
};

/// The chapter that is open.
#[component]
pub fn Lesson() -> impl IntoView {
    let store = expect_context::<TourStore>();
    let text = move || {
        let cards = store
            .chapter()
            .map(|chapter| chapter.cards)
            .unwrap_or_default();
        let shown = match store.is_presenting.get() {
            true => cards.get(store.card.get()).cloned().into_iter().collect(),
            false => cards,
        };
        shown
            .iter()
            .map(|card| view! { <div class="tourCard" inner_html=markdown::render(card)></div> })
            .collect_view()
    };
    let problems = move || {
        let problems = store.problems.get();
        let lines = problems
            .into_iter()
            .map(|problem| view! { <p class="tourProblems" data-test="tour-problems" role="alert">{words::sentence(&problem)}</p> });
        lines.collect_view()
    };
    let step = move || {
        let step = store.chapter().map(|chapter| chapter.step);
        markdown::render(&step.unwrap_or_default())
    };
    let has_point = move || {
        store
            .chapter()
            .is_some_and(|chapter| chapter.point.is_some())
    };
    let result = move || {
        let chapter = store.chapter()?;
        let line = store
            .progress
            .with(|progress| progress.done.get(&chapter.file).map(tour::result))?;
        Some(words::sentence(&line))
    };
    view! {
        {problems}
        {text}
        <Show when=move || store.is_at_end()>
            <div class="tourStep" data-test="tour-step" data-done=move || store.is_done().to_string()>
                <h3 class="tourStepTitle">
                    <span class="tourTick" aria-hidden="true">{move || store.is_done().then(|| view! { <Icon path=CHECK /> })}</span>
                    {move || if store.is_done() { t("Done") } else { t("Your step") }}
                </h3>
                <div class="tourStepText" inner_html=step></div>
                <p class="tourResult" role="status" data-test="tour-result">{result}</p>
                <div class="tourStepTools">
                    <Show when=has_point>
                        <button type="button" class="linkButton" data-test="tour-show" on:click=move |_| store.show_point()>{t("Show me where")}</button>
                    </Show>
                    <button type="button" class="linkButton" data-test="tour-reset" on:click=move |_| store.reset()>{t("Reset this chapter")}</button>
                </div>
            </div>
        </Show>
    }
}
