//! The list of shortcuts and of the search language.

use leptos::{html, prelude::*};

use super::icons::{CLOSE, Icon};

const KEYS: [(&str, &str); 6] = [
    ("/", "Search"),
    ("j  k", "Next and previous finding"),
    ("Enter", "Open the finding"),
    ("↑  ↓", "Within layers: the layer above or below"),
    ("Esc", "Close, or show all layers again"),
    ("?", "This list"),
];

const WORDS: [(&str, &str); 7] = [
    ("severity:>=high", "at or above a severity; also >, <, <="),
    ("fixable:yes", "a fixed version exists"),
    ("fails:yes", "what fails the policy"),
    ("layer:3", "brought by a layer; also layer:>0"),
    ("pkg:openssl", "in a package"),
    ("score:>=9", "CVSS base score"),
    ("-pkg:git", "a minus excludes; quotes keep spaces"),
];

/// The dialog.
#[component]
pub fn Help(
    /// Whether it is wanted.
    is_open: RwSignal<bool>,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        if is_open.get() && !dialog.open() {
            let _ = dialog.show_modal();
        } else if !is_open.get() && dialog.open() {
            dialog.close();
        }
    });
    let rows = |rows: &'static [(&'static str, &'static str)]| {
        rows.iter()
            .map(|(key, what)| view! { <div class="helpRow"><dt><kbd>{*key}</kbd></dt><dd>{*what}</dd></div> })
            .collect_view()
    };
    view! {
        <dialog class="dialog help" node_ref=dialog aria-labelledby="help-title" on:close=move |_| is_open.set(false)>
            <div class="dialogHead">
                <h2 id="help-title">"Shortcuts"</h2>
                <button type="button" class="iconButton" aria-label="Close" on:click=move |_| is_open.set(false)><Icon path=CLOSE /></button>
            </div>
            <dl class="helpList">{rows(&KEYS)}</dl>
            <h3>"In a search"</h3>
            <dl class="helpList">{rows(&WORDS)}</dl>
        </dialog>
    }
}
