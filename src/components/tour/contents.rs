//! The list of chapters, and the worksheet.

use leptos::prelude::*;

use super::store::TourStore;
use crate::{
    browser,
    components::icons::{CHECK, Icon},
    state::{language::t, tour, words},
};

/// The list.
#[component]
pub fn Contents() -> impl IntoView {
    let store = expect_context::<TourStore>();
    let rows = move || {
        let chapters = store.chapters.get();
        let rows = chapters.iter().enumerate().map(|(index, chapter)| {
            let is_done = store.progress.with(|progress| progress.has(chapter));
            view! {
                <li>
                    <button type="button" class="tourRow" data-test="tour-chapter" data-done=is_done.then_some("")
                        on:click=move |_| store.go(index + 1)>
                        <span class="tourNumber">{index + 1}</span>
                        <span class="tourName">{chapter.title.clone()}</span>
                        {is_done.then(|| view! {
                            <span class="tourTick"><Icon path=CHECK /><span class="visuallyHidden">{t("done")}</span></span>
                        })}
                    </button>
                </li>
            }
        });
        rows.collect_view()
    };
    let problems = move || {
        let problems = store.problems.get();
        (!problems.is_empty()).then(|| {
            let lines = problems
                .into_iter()
                .map(|problem| view! { <li>{words::sentence(&problem)}</li> })
                .collect_view();
            view! { <ul class="tourProblems" data-test="tour-problems" role="alert">{lines}</ul> }
        })
    };
    let has_chapters = move || store.chapters.with(|chapters| !chapters.is_empty());
    let has_done = move || store.progress.with(|progress| !progress.done.is_empty());
    let save = move |is_html: bool| {
        let chapters = store.chapters.get_untracked();
        let progress = store.progress.get_untracked();
        match is_html {
            true => {
                let text = tour::html(&chapters, &progress);
                browser::download("lamina-worksheet.html", "text/html", &text);
            }
            false => {
                let text = tour::markdown(&chapters, &progress);
                browser::download("lamina-worksheet.md", "text/markdown", &text);
            }
        }
    };
    view! {
        <Show when=move || store.is_loading.get()>
            <p class="tourAside">{t("Fetching the chapters …")}</p>
        </Show>
        {problems}
        <Show when=has_chapters>
            <p class="tourAside">
                {t("Each chapter opens a sample under a policy of its own, points at something and asks for one step. Your own policy comes back when you close the tour.")}
            </p>
        </Show>
        <ol class="tourList">{rows}</ol>
        <Show when=has_chapters>
            <div class="tourTools">
                <h3 class="tourToolsTitle">{t("Worksheet")}</h3>
                <button type="button" class="button" data-size="small" data-test="worksheet-markdown" on:click=move |_| save(false)>{t("Markdown")}</button>
                <button type="button" class="button" data-size="small" data-test="worksheet-html" on:click=move |_| save(true)>{t("For printing")}</button>
                <Show when=has_done>
                    <button type="button" class="button" data-size="small" data-kind="quiet" data-test="tour-reset-all" on:click=move |_| store.reset_all()>
                        {t("Begin anew")}
                    </button>
                </Show>
            </div>
        </Show>
    }
}
