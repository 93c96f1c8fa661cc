//! Manifest, index and config as they are: JSON, asked for again by digest, or as it lies in the archive.

use leptos::prelude::*;

use super::copy::CopyButton;
use crate::{
    browser,
    scanner::{self, ArchiveDocument, ArchiveRole, RawDocument},
    state::{
        content,
        language::{t, text},
        report::ReportStore,
        session::Session,
        words,
    },
};

/// What is shown of one.
#[derive(Clone, Debug, PartialEq)]
enum Shown {
    Nothing,
    Loading,
    Text(String),
    Failed(String),
}

/// The documents that the image has.
#[component]
pub fn RawPanel() -> impl IntoView {
    let store = expect_context::<ReportStore>();
    let documents = store.with(|report| {
        let image = &report.image;
        [
            (
                text("Manifest"),
                RawDocument::Manifest,
                image.digest.clone(),
            ),
            (
                text("Index"),
                RawDocument::Manifest,
                image.index_digest.clone(),
            ),
            (
                text("Config"),
                RawDocument::Config,
                image.config_digest.clone(),
            ),
        ]
    });
    let of_archive = RwSignal::new(None::<Vec<ArchiveDocument>>);
    let session = expect_context::<Session>();
    if session.has_tree(&store.loaded()) {
        leptos::task::spawn_local(async move {
            of_archive.try_set(scanner::archive_documents().await);
        });
    }
    move || {
        match of_archive.get().filter(|documents| !documents.is_empty()) {
        Some(documents) => documents
            .into_iter()
            .map(|document| {
                let title = match document.role {
                    ArchiveRole::List => text("List"),
                    ArchiveRole::Index => text("Index"),
                    ArchiveRole::Manifest => text("Manifest"),
                    ArchiveRole::Config => text("Config"),
                };
                view! { <Raw title kind=RawDocument::Manifest digest=document.member text=document.text /> }
            })
            .collect_view()
            .into_any(),
        None => documents
            .clone()
            .into_iter()
            .filter_map(|(title, kind, digest)| Some(view! { <Raw title kind digest=digest? /> }))
            .collect_view()
            .into_any(),
    }
    }
}

/// One document: asked for by its digest, or its text as it lies in an archive, `digest` then naming the
/// member.
#[component]
fn Raw(
    title: &'static str,
    kind: RawDocument,
    digest: String,
    #[prop(optional, into)] text: Option<String>,
) -> impl IntoView {
    let shown = RwSignal::new(Shown::Nothing);
    let asked = digest.clone();
    let is_of_archive = text.is_some();
    let toggle = move |_| {
        if shown.get_untracked() != Shown::Nothing {
            shown.set(Shown::Nothing);
            return;
        }
        if let Some(text) = &text {
            shown.set(Shown::Text(text.clone()));
            return;
        }
        shown.set(Shown::Loading);
        let digest = asked.clone();
        leptos::task::spawn_local(async move {
            let answer = scanner::raw_document(kind, digest).await;
            shown.try_set(match answer {
                Ok(text) => Shown::Text(text),
                Err(message) => Shown::Failed(message),
            });
        });
    };
    let is_open = move || shown.with(|shown| *shown != Shown::Nothing);
    let file_name = format!("{}.json", title.to_lowercase());
    let body = move || match shown.get() {
        Shown::Nothing => ().into_any(),
        Shown::Loading => {
            view! { <p class="drawerLoading" role="status">{t("Asking the registry…")}</p> }
                .into_any()
        }
        Shown::Failed(message) => {
            view! { <p class="drawerRemedy" role="alert">{words::sentence(&message)}</p> }
                .into_any()
        }
        Shown::Text(text) => {
            let formatted = content::format_json(&text).unwrap_or_else(|| text.clone());
            let (saved, file_name) = (text.clone(), file_name.clone());
            view! {
                <p class="dockerfileBar">
                    <span>{words::size(u64::try_from(text.len()).unwrap_or(u64::MAX))}{match is_of_archive {
                        true => ", as it lies in the archive; shown with line breaks.",
                        false => ", as the registry has it; shown with line breaks.",
                    }}</span>
                    <CopyButton text=text.clone() what="document" />
                    <button type="button" class="button" data-size="small" on:click=move |_| browser::download(&file_name, "application/json", &saved)>{t("Save")}</button>
                </p>
                <pre class="fileContent rawText" tabindex="0" data-test="raw-text"><code>{formatted}</code></pre>
            }
            .into_any()
        }
    };
    view! {
        <div class="rawItem">
            <button type="button" class="linkButton" data-test=format!("raw-{}", title.to_lowercase())
                aria-expanded=move || if is_open() { "true" } else { "false" } on:click=toggle>
                {t(title)}
            </button>
            <span class="factsDigest"><span class="mono">{digest.clone()}</span><CopyButton text=digest what={if is_of_archive { "path" } else { "digest" }} /></span>
            {body}
        </div>
    }
}
