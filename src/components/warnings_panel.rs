//! What is missing from the report, and why.

use lamina_report::model::Report;
use leptos::prelude::*;

use super::strata::ReadAgain;
use crate::state::{
    language::{fill, t},
    report::ReportStore,
    session::Session,
    words,
};

/// How many things are missing: layers cut off, and warnings.
pub fn count(store: ReportStore) -> usize {
    store.with(|report| missing(report).len())
}

/// What is missing: the layer, and what of it. That a layer was not read to its end is told once, with a
/// mark; the engine's own warning of it says the same.
fn missing(report: &Report) -> Vec<(Option<usize>, String, bool)> {
    let layers = report.layers.iter().enumerate();
    let errors = layers.filter_map(|(index, layer)| Some((index, layer.error.as_deref()?)));
    let told = errors.map(|(index, error)| {
        let sentence = fill(t("Not read to its end: {error}"), &[("error", error)]);
        (Some(index), sentence, true)
    });
    let warnings = report.warnings.iter().filter(|warning| {
        let layer = warning.layer.and_then(|layer| report.layers.get(layer));
        let error = layer.and_then(|layer| layer.error.as_deref());
        !error.is_some_and(|error| warning.message.ends_with(error))
    });
    told.chain(warnings.map(|warning| (warning.layer, words::sentence(&warning.message), false)))
        .collect()
}

/// The panel.
#[component]
pub fn WarningsPanel() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let can_retry = session.can_read_again(&store.loaded());
    let warnings = store.with(missing);
    if warnings.is_empty() {
        return view! {
            <div class="empty">
                <p class="emptyTitle">{t("Nothing is missing")}</p>
                <p>{t("Every layer was read to its end, within all limits.")}</p>
            </div>
        }
        .into_any();
    }
    let items = move || {
        let selected = store.layer.get();
        warnings
            .iter()
            .filter(|(layer, ..)| selected.is_none() || *layer == selected || layer.is_none())
            .map(|(layer, message, is_layer)| {
                let layer = *layer;
                view! {
                    <li class="warningsItem" data-test="warning">
                        {layer.map(|layer| view! {
                            <button type="button" class="linkButton" on:click=move |_| session.select(|address| address.layer = Some(layer))>
                                {fill(t("Layer {layer}"), &[("layer", &layer.to_string())])}
                            </button>
                        })}
                        <span>{message.clone()}</span>
                        {layer.filter(|_| *is_layer && can_retry).map(|layer| view! { <ReadAgain layer /> })}
                    </li>
                }
            })
            .collect_view()
    };
    view! {
        <div class="warnings">
            <p class="warningsLead">{t("What could not be read, and is therefore missing from this report.")}</p>
            <ul class="warningsList">{items}</ul>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use lamina_report::model::{Layer, ReportWarning};

    use super::*;
    use crate::state::findings::tests::report;

    #[test]
    fn a_layer_that_is_missing_is_told_once() {
        let layer = |error: Option<&str>| Layer {
            error: error.map(str::to_owned),
            ..Layer::default()
        };
        let mut report = report(Vec::new(), Vec::new());
        report.layers = vec![layer(None), layer(Some("it ends early"))];
        report.warnings = vec![
            ReportWarning::of_layer(1, "the layer could not be read to its end: it ends early"),
            ReportWarning::of_layer(1, "a path is odd"),
            ReportWarning::of_image("it ends early"),
        ];
        let told: Vec<_> = missing(&report);
        assert_eq!(
            told,
            [
                (
                    Some(1),
                    "Not read to its end: it ends early".to_owned(),
                    true
                ),
                (Some(1), "A path is odd".to_owned(), false),
                (None, "It ends early".to_owned(), false),
            ]
        );
    }
}
