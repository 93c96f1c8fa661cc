//! Filters that lists have in common.

use lamina_inventory::severity::Severity;
use leptos::prelude::*;

use super::severity::SeverityShape;
use crate::state::{
    address::Address,
    counts::{Counts, severity_word},
    language::t,
    query,
    session::Session,
};

/// Takes every filter back.
pub fn clear(address: &mut Address) {
    address.severities.clear();
    address.search.clear();
    address.layer = None;
}

/// One chip for each severity, bound to `severity` in the address.
#[component]
pub fn SeverityChips(
    /// How many rows of each severity there are.
    #[prop(into)]
    counts: Signal<Counts>,
) -> impl IntoView {
    let session = expect_context::<Session>();
    let chosen = Memo::new(move |_| session.address.with(|address| address.severities.clone()));
    Severity::WORST_FIRST
        .into_iter()
        .enumerate()
        .map(|(place, severity)| {
            let count =
                move || counts.with(|counts| counts.get(place).copied().unwrap_or_default());
            let is_chosen = move || chosen.with(|chosen| chosen.contains(&severity));
            view! {
                <button
                    type="button"
                    class="chip"
                    data-severity=severity.word()
                    aria-pressed=move || if is_chosen() { "true" } else { "false" }
                    disabled=move || count() == 0 && !is_chosen()
                    on:click=move |_| session.refine(|address| {
                        if address.severities.contains(&severity) {
                            address.severities.retain(|other| *other != severity);
                        } else {
                            address.severities.push(severity);
                            address.severities.sort_unstable_by(|a, b| b.cmp(a));
                        }
                    })
                >
                    <SeverityShape severity />
                    {severity_word(severity)}
                    <span class="chipCount">{count}</span>
                </button>
            }
        })
        .collect_view()
}

/// A chip that puts `key:value` into the search, in place of other values of that key.
#[component]
pub fn WordChip(
    /// The key.
    key: &'static str,
    /// The value.
    value: &'static str,
    /// The words on it.
    title: String,
    /// What it does, where the words do not say.
    #[prop(optional, into)]
    hint: Option<String>,
    /// How many rows it is about.
    #[prop(optional, into)]
    count: Option<Signal<usize>>,
) -> impl IntoView {
    let session = expect_context::<Session>();
    let is_set = Memo::new(move |_| {
        session
            .address
            .with(|address| query::value_of(&address.search, key).as_deref() == Some(value))
    });
    let is_idle = move || count.is_some_and(|count| count.get() == 0) && !is_set.get();
    view! {
        <button
            type="button"
            class="chip"
            data-test=format!("filter-{key}-{value}")
            title=hint
            aria-pressed=move || if is_set.get() { "true" } else { "false" }
            disabled=is_idle
            on:click=move |_| session.refine(|address| address.search = query::toggle_value(&address.search, key, value))
        >
            {title}
            {count.map(|count| view! { <span class="chipCount">{move || count.get()}</span> })}
        </button>
    }
}

/// Takes every filter back.
#[component]
pub fn ClearFilters() -> impl IntoView {
    let session = expect_context::<Session>();
    let is_filtered = move || {
        session.address.with(|address| {
            !address.severities.is_empty() || !address.search.is_empty() || address.layer.is_some()
        })
    };
    view! {
        <button
            type="button"
            class="linkButton"
            data-test="clear-filters"
            disabled=move || !is_filtered()
            on:click=move |_| session.refine(clear)
        >
            {t("Clear")}
        </button>
    }
}
