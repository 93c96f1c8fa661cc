//! The choice of a table's columns.

use leptos::prelude::*;

use crate::{
    browser,
    state::{
        columns::{Choosable, Columns},
        language::t,
    },
};

/// A button that opens the list of columns, with a tick at those that are shown.
#[component]
pub fn ColumnsMenu<C: Choosable>(
    /// The table's columns.
    columns: Columns<C>,
    /// The id of the list: one for each table.
    id: &'static str,
) -> impl IntoView {
    let choices = C::all()
        .iter()
        .copied()
        .filter(|column| !column.is_needed())
        .map(|column| {
            view! {
                <label class="columnsMenuChoice">
                    <input
                        type="checkbox"
                        data-test=format!("column-{}", column.word())
                        prop:checked=move || columns.shows(column)
                        on:change:target=move |event| columns.set(column, event.target().checked())
                    />
                    <span>{t(column.title())}</span>
                </label>
            }
        })
        .collect_view();
    let reset = move |_| {
        columns.reset();
        // The button is idle now, and would take the focus with it.
        browser::focus(id);
    };
    view! {
        <div class="columnsMenu">
            <button type="button" class="button columnsMenuOpen" data-size="small" data-kind="quiet" data-test="columns" popovertarget=id>
                {t("Columns")}
            </button>
            <fieldset class="columnsMenuList" id=id popover="auto" tabindex="-1">
                <legend>{t("Columns")}</legend>
                {choices}
                <button type="button" class="linkButton" data-test="columns-reset" disabled=move || columns.are_usual() on:click=reset>
                    {t("The usual columns")}
                </button>
            </fieldset>
        </div>
    }
}
