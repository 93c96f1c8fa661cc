//! What opens without a network, and the notice of a newer version.

use leptos::prelude::*;

use crate::state::{
    language::t,
    offline::{Newer, OfflineStore},
    words,
};

/// A line on the start page: what opens without a network, with its size.
#[component]
pub fn OfflineNote() -> impl IntoView {
    let store = expect_context::<OfflineStore>();
    let line = move || {
        let is_online = store.is_online.get();
        store.offline.with(|offline| offline.words(is_online))
    };
    let can_keep = move || {
        let is_online = store.is_online.get();
        store
            .offline
            .with(|offline| offline.can_keep_demo(is_online))
    };
    let problem = move || {
        store.offline.with(|offline| match offline {
            crate::state::offline::Offline::Kept(kept) => kept.problem.clone(),
            crate::state::offline::Offline::Nothing => None,
        })
    };
    view! {
        <div class="offlineNote" data-test="offline" role="status">
            {move || line().map(|line| view! {
                <p>
                    <span data-test="offline-words">{line}</span>
                    " "
                    <Show when=can_keep>
                        <button type="button" class="linkButton" data-test="offline-keep" on:click=move |_| store.keep_demo()>
                            {t("Keep the demo")}
                        </button>
                    </Show>
                </p>
            })}
            {move || problem().map(|problem| view! { <p data-test="offline-problem">{words::sentence(&problem)}</p> })}
        </div>
    }
}

/// A note at the foot of the window, when a newer version is ready.
#[component]
pub fn NewerNote() -> impl IntoView {
    let store = expect_context::<OfflineStore>();
    let line = move || match store.newer.get() {
        Newer::None => None,
        Newer::Ready => Some(t("A new version is ready")),
        Newer::InForce => Some(t("Another tab has brought a new version")),
    };
    view! {
        <div class="newerNote" role="status">
            {move || line().map(|line| view! {
                <p class="newerNoteText" data-test="newer">
                    <span>{line}</span>
                    <button type="button" class="button" data-size="small" data-kind="primary" data-test="newer-reload" on:click=move |_| store.take_newer()>
                        {t("Reload")}
                    </button>
                    <button type="button" class="button" data-size="small" data-kind="quiet" on:click=move |_| store.newer.set(Newer::None)>
                        {t("Later")}
                    </button>
                </p>
            })}
        </div>
    }
}
