//! The advisory database: how old it is, what this browser holds of it, and what can be done about it.

use leptos::prelude::*;

use crate::{
    platform,
    scanner::{DatabaseState, Trust},
    state::{
        database::{DatabaseStore, Known},
        language::{fill, t},
        words,
    },
};

/// One line on it, and buttons.
#[component]
pub fn DatabasePanel() -> impl IntoView {
    let store = expect_context::<DatabaseStore>();
    let line = move || {
        match store.known.get() {
        Known::Nothing => view! { <span>{t("Advisory database: looking …")}</span> }.into_any(),
        Known::Missing(problem) => view! {
            <span title=problem>{t("No advisory database here: reports list packages, not vulnerabilities")}</span>
        }
        .into_any(),
        Known::State(state) => facts(&state).into_any(),
    }
    };
    let problem = move || {
        let problem = match store.known.get() {
            Known::State(state) => state.problem,
            _ => None,
        };
        problem.map(|problem| {
            view! { <p class="databaseProblem" role="alert" data-test="database-problem">{words::sentence(&problem)}</p> }
        })
    };
    let has_some = move || {
        store
            .known
            .with(|known| matches!(known, Known::State(state) if state.held_bytes > 0))
    };
    view! {
        <div class="database" data-test="database">
            <p class="databaseLine">
                {line}
                " "
                <span class="databaseActions">
                    <button
                        type="button"
                        class="linkButton"
                        data-test="database-update"
                        // Not `disabled`, which would take the focus away from whoever is about to press it.
                        aria-busy=move || store.is_asking.get().to_string()
                        on:click=move |_| store.update(true)
                    >
                        {move || if store.is_asking.get() { t("Looking …") } else { t("Update now") }}
                    </button>
                    <Show when=has_some>
                        <button type="button" class="linkButton" data-test="database-clear" on:click=move |_| store.clear()>
                            {t("Clear")}
                        </button>
                    </Show>
                </span>
            </p>
            {problem}
        </div>
    }
}

fn facts(state: &DatabaseState) -> impl IntoView + use<> {
    let now_ms = platform::now_ms();
    let (trust, why) = match state.trust {
        Trust::Signed => (
            t("signed"),
            t("Its signature was checked against a key that this page trusts"),
        ),
        Trust::NoKey => (
            t("signature not checked"),
            t("This page was given no key to check the database's signature with"),
        ),
    };
    let held = match state.held_shards {
        0 => t("nothing of it here yet").to_owned(),
        held => fill(
            t("{size} here ({shards})"),
            &[
                ("size", &words::size(state.held_bytes)),
                ("shards", &words::plural(held, "shard")),
            ],
        ),
    };
    let built_at = state.built_at.clone();
    view! {
        <span>
            {t("Advisory database:")}
            " "
            <span data-test="database-name">{state.name.clone()}</span>
            {t(", built")}
            " "
            <time datetime=built_at.clone() title=words::time(&built_at) data-test="database-built">
                {words::date(&built_at)}
            </time>
            " (" {words::ago(&built_at, now_ms)} "), "
            <span title=why data-test="database-trust">{trust}</span>
            "; "
            <span data-test="database-held">{held}</span>
        </span>
    }
}
