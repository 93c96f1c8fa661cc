//! Asks whether the page should speak the browser's language, where it can.

use leptos::prelude::*;

use crate::state::{
    language::{self, LanguageStore, t},
    toasts::Toasts,
};

/// The question, until it is answered.
#[component]
pub fn LanguageOffer() -> impl IntoView {
    let language = expect_context::<LanguageStore>();
    let toasts = expect_context::<Toasts>();
    let offer = move || {
        let offered = language.offered.get()?;
        let question = language::offer(offered)?;
        let take = move |_| {
            language.choose(offered, move |is_there| {
                if !is_there {
                    toasts.show(t("This server does not have the page in that language"));
                }
            });
        };
        Some(view! {
            <p class="languageOffer" role="region" lang=offered.tag aria-label=offered.name data-test="language-offer">
                <span>{question.ask}</span>
                <button type="button" class="linkButton" data-test="language-take" on:click=take>{question.yes}</button>
                <button type="button" class="linkButton" data-test="language-decline" lang="en" on:click=move |_| language.decline()>{t("Stay with English")}</button>
            </p>
        })
    };
    view! { {offer} }
}
