//! The report's tabs.

use leptos::prelude::*;

use super::packages_table::COUNT_HINT;
use crate::{
    browser,
    state::{address::View, language::t, session::Session, words},
};

/// The row of tabs; the panel is `#panel`.
#[component]
pub fn Tabs(
    /// The number on each tab, if it has one.
    counts: impl Fn(View) -> Option<usize> + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let session = expect_context::<Session>();
    let view = Memo::new(move |_| session.address.with(|address| address.view));
    let open = move |view: View| {
        session.select(|address| address.open(view));
        browser::reveal_below("lists");
    };
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        let last = View::ALL.len() - 1;
        let current = view.get_untracked();
        let current = View::ALL
            .iter()
            .position(|other| *other == current)
            .unwrap_or(0);
        let next = match event.key().as_str() {
            "ArrowRight" if current == last => 0,
            "ArrowRight" => current + 1,
            "ArrowLeft" => current.checked_sub(1).unwrap_or(last),
            "Home" => 0,
            "End" => last,
            _ => return,
        };
        event.prevent_default();
        if let Some(next) = View::ALL.get(next) {
            open(*next);
            browser::focus(&format!("tab-{}", next.word()));
        }
    };
    let tab = move |this: View| {
        let count = Memo::new(move |_| counts(this));
        let is_open = move || view.get() == this;
        let name = format!("tab-{}", this.word());
        let number = move || {
            count
                .get()
                .map(|count| view! { <span class="tabsCount">{words::count(count)}</span> })
        };
        let needs_attention =
            move || this == View::Warnings && count.get().is_some_and(|count| count > 0);
        view! {
            <button
                type="button"
                class="tabsTab"
                role="tab"
                id=name.clone()
                data-test=name
                data-attention=move || needs_attention().then_some("")
                aria-selected=move || if is_open() { "true" } else { "false" }
                aria-controls="panel"
                title=(this == View::Packages).then_some(t(COUNT_HINT))
                tabindex=move || if is_open() { "0" } else { "-1" }
                on:click=move |_| open(this)
            >
                {t(this.title())}
                {number}
            </button>
        }
    };
    view! {
        <div class="tabs" role="tablist" aria-label=t("Parts of the report") on:keydown=on_key>
            {View::ALL.map(tab).collect_view()}
        </div>
    }
}
