//! The history as a Dockerfile, each step linked to its layer.

use leptos::prelude::*;

use super::copy::CopyButton;
use crate::{
    browser,
    state::{
        dockerfile,
        language::{fill, t},
        report::ReportStore,
        session::Session,
        strata, words,
    },
};

/// The Dockerfile.
#[component]
pub fn Dockerfile() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let lines = store.with(dockerfile::reconstruct);
    let text = dockerfile::text(&lines);
    let saved = text.clone();
    let items = lines
        .into_iter()
        .map(|line| {
            let mark = line.layer.map(|index| {
                let told = store.with(|report| {
                    let layer = report.layers.get(index)?;
                    let size = words::size(strata::layer_bytes(layer));
                    let packages = usize::try_from(layer.packages_added).unwrap_or(usize::MAX);
                    Some(match packages {
                        0 => size,
                        count => format!("{size}, {}", words::plural(count, "package")),
                    })
                });
                let is_selected = move || store.layer.get() == Some(index);
                view! {
                    <button type="button" class="historyLayer" aria-pressed=move || if is_selected() { "true" } else { "false" }
                        on:click=move |_| session.select(|address| address.layer = (address.layer != Some(index)).then_some(index))>
                        {fill(t("layer {n}"), &[("n", &index.to_string())])}
                        <span class="historySize">{told}</span>
                    </button>
                }
            });
            view! {
                <li class="historyItem" data-empty=line.layer.is_none().then_some("")>
                    <div class="historyMark">{mark}</div>
                    <code class="historyStep dockerfileStep">
                        {line.comment.map(|comment| view! { <span class="dockerfileComment">{format!("# {comment}\n")}</span> })}
                        {line.text}
                    </code>
                </li>
            }
        })
        .collect_view();
    view! {
        <p class="dockerfileBar">
            <span>{t("Reconstructed from the history: sources of copies, other stages and mounts are not recorded in an image.")}</span>
            <CopyButton text what="Dockerfile" />
            <button type="button" class="button" data-size="small" on:click=move |_| browser::download("Dockerfile", "text/plain", &saved)>{t("Save")}</button>
        </p>
        <ol class="history" data-test="dockerfile">{items}</ol>
    }
}
