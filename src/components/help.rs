//! The list of shortcuts and of the search language.

use leptos::{html, prelude::*};

use super::icons::{CLOSE, Icon};

const KEYS: [(&str, &str); 8] = [
    ("/", "Search"),
    ("j  k", "Next and previous row of a list"),
    ("Enter", "Open the row"),
    ("↑  ↓", "Within layers: the layer above or below"),
    ("Esc", "Close, or show all layers again"),
    ("→  Space", "Presenting the tour: the next card"),
    ("←  Esc", "Presenting the tour: back, and the end of it"),
    ("?", "This list"),
];

/// What every list knows.
const WORDS: [(&str, &str); 5] = [
    ("layer:3", "brought by a layer; also layer:>0"),
    ("base:yes", "of the base image; base:no of the layers above"),
    ("kind:deb", "of a kind: deb, pypi …; of issues secret …"),
    ("file:usr/lib", "part of the path it was found at"),
    ("-pkg:git", "a minus excludes; quotes keep spaces"),
];

const FINDING_WORDS: [(&str, &str); 5] = [
    ("severity:>=high", "at or above a severity; also >, <, <="),
    ("fixable:yes", "a fixed version exists"),
    (
        "fails:yes",
        "what fails the policy; excepted:yes what is let pass",
    ),
    ("pkg:openssl", "in a package; id:2024 by its number"),
    ("score:>=9", "CVSS base score"),
];

const PACKAGE_WORDS: [(&str, &str); 6] = [
    (
        "owned:no",
        "not part of a package of the distribution; owner:python names one",
    ),
    (
        "basis:embedded",
        "how it is known: installed, embedded, classified, declared, stated",
    ),
    ("licence:gpl", "licence as stated"),
    (
        "version:1.2",
        "part of the version; source:zlib of its source",
    ),
    ("vulnerable:yes", "has findings"),
    ("removed:yes", "a later layer removed it"),
];

const ISSUE_WORDS: [(&str, &str); 4] = [
    ("severity:>=high", "as for findings"),
    ("deleted:yes", "a later layer deleted the file"),
    ("config:yes", "in the image's config"),
    ("rule:private-key", "found by a rule"),
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
            <h3>"Of findings"</h3>
            <dl class="helpList">{rows(&FINDING_WORDS)}</dl>
            <h3>"Of packages"</h3>
            <dl class="helpList">{rows(&PACKAGE_WORDS)}</dl>
            <h3>"Of issues"</h3>
            <dl class="helpList">{rows(&ISSUE_WORDS)}</dl>
        </dialog>
    }
}
