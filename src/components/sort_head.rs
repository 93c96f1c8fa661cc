//! The head of a column that can be sorted by.

use leptos::prelude::*;

use crate::state::findings::Sort;

/// The head.
#[component]
pub fn SortHead<C: Copy + PartialEq + Send + Sync + 'static>(
    /// The column.
    column: C,
    /// Its word, for styles.
    word: &'static str,
    /// The words on it.
    title: &'static str,
    /// How the table is sorted.
    sort: Memo<Sort<C>>,
    /// Sorts by it.
    on_click: impl Fn(C) + Send + Sync + 'static,
) -> impl IntoView {
    let state = move || match sort.get() {
        now if now.column != column => "none",
        now if now.is_reversed => "descending",
        _ => "ascending",
    };
    view! {
        <div class="tableHead" role="columnheader" data-column=word aria-sort=state>
            <button type="button" class="tableSort" on:click=move |_| on_click(column)>
                {title}
                <span class="tableSortMark" aria-hidden="true"></span>
            </button>
        </div>
    }
}
