//! The list of shortcuts and of the search language.

use leptos::prelude::*;

use crate::{
    browser,
    state::{
        language::{t, text},
        shortcuts::{self, SHORTCUTS},
    },
};

/// What every list knows.
const WORDS: [(&str, &str); 5] = [
    ("layer:3", text("brought by a layer; also layer:>0")),
    (
        "base:yes",
        text("of the base image; base:no of the layers above"),
    ),
    (
        "kind:deb",
        text("of a kind: deb, pypi …; of issues secret …"),
    ),
    ("file:usr/lib", text("part of the path it was found at")),
    ("-pkg:git", text("a minus excludes; quotes keep spaces")),
];

const FINDING_WORDS: [(&str, &str); 7] = [
    (
        "severity:>=high",
        text("at or above a severity; also >, <, <="),
    ),
    ("fixable:yes", text("a fixed version exists")),
    (
        "fails:yes",
        text("what fails the policy; excepted:yes what is let pass"),
    ),
    ("pkg:openssl", text("in a package; id:2024 by its number")),
    ("score:>=9", text("CVSS base score")),
    (
        "kev:yes",
        text("known to be exploited; epss:>=10% likely to be"),
    ),
    (
        "status:will-not",
        text("part of its status; fix:3.0.15 what a version fixes"),
    ),
];

const PACKAGE_WORDS: [(&str, &str); 6] = [
    (
        "owned:no",
        text("not part of a package of the distribution; owner:python names one"),
    ),
    (
        "basis:embedded",
        text("how it is known: installed, embedded, classified, declared, stated"),
    ),
    ("licence:gpl", text("licence as stated")),
    (
        "version:1.2",
        text("part of the version; source:zlib of its source"),
    ),
    ("vulnerable:yes", text("has findings")),
    ("removed:yes", text("a later layer removed it")),
];

const ISSUE_WORDS: [(&str, &str); 4] = [
    ("severity:>=high", text("as for findings")),
    ("deleted:yes", text("a later layer deleted the file")),
    ("config:yes", text("in the image's config")),
    ("rule:private-key", text("found by a rule")),
];

/// The keys, and the words of searches.
#[component]
pub fn HelpText() -> impl IntoView {
    let is_mac = browser::is_mac();
    let keys = SHORTCUTS
        .iter()
        .map(|shortcut| row(shortcuts::written(shortcut, is_mac), shortcut.what))
        .collect_view();
    let rows = |rows: &'static [(&'static str, &'static str)]| {
        rows.iter()
            .map(|(key, what)| row((*key).to_owned(), what))
            .collect_view()
    };
    view! {
        <dl class="helpList" data-test="help-keys">{keys}</dl>
        <p class="helpNote">{t("Keys that write a character can be switched off in the settings")}</p>
        <h3>{t("In a search")}</h3>
        <dl class="helpList">{rows(&WORDS)}</dl>
        <h3>{t("Of findings")}</h3>
        <dl class="helpList">{rows(&FINDING_WORDS)}</dl>
        <h3>{t("Of packages")}</h3>
        <dl class="helpList">{rows(&PACKAGE_WORDS)}</dl>
        <h3>{t("Of issues")}</h3>
        <dl class="helpList">{rows(&ISSUE_WORDS)}</dl>
    }
}

fn row(key: String, what: &'static str) -> impl IntoView {
    view! { <div class="helpRow"><dt><kbd>{key}</kbd></dt><dd>{t(what)}</dd></div> }
}
