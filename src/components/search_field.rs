//! The search field of a list.

use leptos::prelude::*;

use super::icons::{Icon, SEARCH};
use crate::{
    browser,
    state::{language::t, session::Session},
};

/// The field, bound to `q` in the address.
#[component]
pub fn SearchField(
    /// What is searched: "findings".
    what: &'static str,
    /// An example of the language.
    example: &'static str,
    /// What of the search was not understood.
    #[prop(into)]
    problems: Signal<Vec<String>>,
) -> impl IntoView {
    let session = expect_context::<Session>();
    let search = Memo::new(move |_| session.address.with(|address| address.search.clone()));
    view! {
        <div class="searchField">
            <label class="searchFieldBox">
                <Icon path=SEARCH />
                <span class="visuallyHidden">{label(what)}</span>
                <input
                    id="search"
                    data-test="search"
                    type="search"
                    autocapitalize="none"
                    autocomplete="off"
                    spellcheck="false"
                    maxlength="400"
                    placeholder=example
                    aria-describedby="search-problems"
                    prop:value=search
                    on:input:target=move |event| {
                        let text = event.target().value();
                        session.refine(|address| address.search = text);
                    }
                    on:keydown=move |event| {
                        // On to what was found; there the keys of rows go on.
                        if matches!(event.key().as_str(), "Enter" | "ArrowDown")
                            && browser::focus_first(".tableRow[tabindex=\"0\"]")
                        {
                            event.prevent_default();
                        }
                    }
                />
                <kbd class="searchFieldKey" aria-hidden="true">"/"</kbd>
            </label>
            <p class="searchFieldProblems" id="search-problems" aria-live="polite">
                {move || problems.get().join("; ")}
            </p>
        </div>
    }
}

fn label(what: &str) -> &'static str {
    match what {
        "findings" => t("Search findings"),
        "issues" => t("Search issues"),
        "packages" => t("Search packages"),
        "files" => t("Search files"),
        _ => t("Search"),
    }
}
