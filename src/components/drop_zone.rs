//! Archives and reports: a button that opens a file dialog, and the whole window as a place to drop one.

use leptos::{html, prelude::*};

use super::icons::{FILE, Icon};
use crate::state::{language::t, session::Session};

/// The button.
#[component]
pub fn FileButton(
    /// The words on it.
    #[prop(default = t("Open an archive or report…"))]
    label: &'static str,
) -> impl IntoView {
    let session = expect_context::<Session>();
    let input = NodeRef::<html::Input>::new();
    let on_change = move |_| {
        let Some(input) = input.get_untracked() else {
            return;
        };
        if let Some(file) = input.files().and_then(|files| files.get(0)) {
            input.set_value("");
            session.open_file(file);
        }
    };
    view! {
        <label class="button fileButton" data-kind="quiet">
            <Icon path=FILE />
            <span>{label}</span>
            <input
                class="visuallyHidden"
                data-test="file-input"
                type="file"
                accept=".tar,.tgz,.gz,.zst,.json,.sarif,application/x-tar,application/gzip,application/json"
                node_ref=input
                on:change=on_change
            />
        </label>
    }
}

/// Takes what is dropped anywhere on the page, and says so while something is dragged over it.
#[component]
pub fn DropZone() -> impl IntoView {
    let session = expect_context::<Session>();
    let is_over = RwSignal::new(false);
    let has_files = |event: &web_sys::DragEvent| {
        event
            .data_transfer()
            .is_some_and(|data| data.types().includes(&"Files".into(), 0))
    };
    let over = window_event_listener(leptos::ev::dragover, move |event| {
        if has_files(&event) {
            event.prevent_default();
            is_over.set(true);
        }
    });
    let leave = window_event_listener(leptos::ev::dragleave, move |event| {
        // It fires for every element that is left; without a next one the window is left.
        let next = js_sys::Reflect::get(&event, &"relatedTarget".into());
        if next.is_ok_and(|next| !next.is_truthy()) {
            is_over.set(false);
        }
    });
    let drop = window_event_listener(leptos::ev::drop, move |event| {
        is_over.set(false);
        if !has_files(&event) {
            return;
        }
        event.prevent_default();
        let files = event.data_transfer().and_then(|data| data.files());
        if let Some(file) = files.and_then(|files| files.get(0)) {
            session.open_file(file);
        }
    });
    on_cleanup(move || {
        over.remove();
        leave.remove();
        drop.remove();
    });
    view! {
        <Show when=move || is_over.get()>
            <div class="dropZone" aria-hidden="true">
                <p class="dropZoneTitle">{t("Drop an archive to scan it, or a report to open it")}</p>
                <p>{t("docker save or OCI layout, also compressed; reports of Trivy, Grype, Clair, Snyk and others, SARIF, CycloneDX")}</p>
            </div>
        </Show>
    }
}
