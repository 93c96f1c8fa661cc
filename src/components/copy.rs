//! A button that puts a text on the clipboard.

use leptos::prelude::*;

use super::icons::{COPY, Icon};
use crate::{
    browser,
    state::{
        language::{fill, t, text},
        toasts::Toasts,
    },
};

/// What is copied somewhere on the page, for the list of texts.
pub const COPIED: [&str; 7] = [
    text("digest"),
    text("document"),
    text("Dockerfile"),
    text("lines"),
    text("package URL"),
    text("path"),
    text("text"),
];

/// Copies a text and says so.
#[component]
pub fn CopyButton(
    /// The text.
    #[prop(into)]
    text: String,
    /// What it is, one of [`COPIED`].
    what: &'static str,
) -> impl IntoView {
    let toasts = expect_context::<Toasts>();
    let what = t(what);
    let label = fill(t("Copy {what}"), &[("what", what)]);
    let on_click = move |_| {
        let text = text.clone();
        leptos::task::spawn_local(async move {
            toasts.show(if browser::copy(&text).await {
                fill(t("Copied: {what}"), &[("what", what)])
            } else {
                fill(
                    t("The browser refuses the clipboard. This is what was to be copied ({what}): {text}"),
                    &[("what", what), ("text", &text)],
                )
            });
        });
    };
    view! {
        <button
            type="button"
            class="iconButton"
            title=label.clone()
            aria-label=label
            on:click=on_click
        >
            <Icon path=COPY />
        </button>
    }
}
