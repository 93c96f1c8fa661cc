//! What is missing from the report, and why.

use leptos::prelude::*;

use crate::state::{report::ReportStore, session::Session, words};

/// How many things are missing: layers cut off, and warnings.
pub fn count(store: ReportStore) -> usize {
    store.with(|report| {
        report.warnings.len()
            + report
                .layers
                .iter()
                .filter(|layer| layer.error.is_some())
                .count()
    })
}

/// The panel.
#[component]
pub fn WarningsPanel() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let warnings: Vec<(Option<usize>, String)> = store.with(|report| {
        let errors = report
            .layers
            .iter()
            .enumerate()
            .filter_map(|(index, layer)| {
                layer
                    .error
                    .as_ref()
                    .map(|error| (Some(index), format!("Not read to its end: {error}")))
            });
        errors
            .chain(
                report
                    .warnings
                    .iter()
                    .map(|warning| (warning.layer, warning.message.clone())),
            )
            .collect()
    });
    if warnings.is_empty() {
        return view! {
            <div class="empty">
                <p class="emptyTitle">"Nothing is missing"</p>
                <p>"Every layer was read to its end, within all limits."</p>
            </div>
        }
        .into_any();
    }
    let items = move || {
        let selected = store.layer.get();
        warnings
            .iter()
            .filter(|(layer, _)| selected.is_none() || *layer == selected || layer.is_none())
            .map(|(layer, message)| {
                let layer = *layer;
                view! {
                    <li class="warningsItem" data-test="warning">
                        {layer.map(|layer| view! {
                            <button type="button" class="linkButton" on:click=move |_| session.select(|address| address.layer = Some(layer))>
                                {format!("Layer {layer}")}
                            </button>
                        })}
                        <span>{words::sentence(message)}</span>
                    </li>
                }
            })
            .collect_view()
    };
    view! {
        <div class="warnings">
            <p class="warningsLead">"What could not be read, and is therefore missing from this report."</p>
            <ul class="warningsList">{items}</ul>
        </div>
    }
    .into_any()
}
