//! A button that puts a text on the clipboard.

use leptos::prelude::*;

use super::icons::{COPY, Icon};
use crate::{browser, state::toasts::Toasts};

/// Copies a text and says so.
#[component]
pub fn CopyButton(
    /// The text.
    #[prop(into)]
    text: String,
    /// What it is: "digest".
    what: &'static str,
) -> impl IntoView {
    let toasts = expect_context::<Toasts>();
    let label = format!("Copy {what}");
    let on_click = move |_| {
        let text = text.clone();
        leptos::task::spawn_local(async move {
            toasts.show(if browser::copy(&text).await {
                format!("Copied the {what}")
            } else {
                format!("The browser refuses the clipboard. The {what} is {text}")
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
