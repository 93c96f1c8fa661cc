//! A JSON document as a tree: parts are opened and closed with a click, with Enter or the space bar, and
//! drawn when they are opened, so that a large document is as quick as a small one.

use std::{collections::BTreeSet, sync::Arc};

use leptos::prelude::*;

use crate::state::{
    json_tree::{DRAWN_CHILDREN, Id, JsonTree, Kind, MAX_DEPTH, MAX_NODES},
    language::{fill, t, tn},
    words,
};

/// The document.
#[component]
pub fn JsonView(
    /// The document, read.
    tree: Arc<JsonTree>,
) -> impl IntoView {
    let root = tree.root();
    let open = RwSignal::new(BTreeSet::from([root]));
    let outermost = {
        let tree = Arc::clone(&tree);
        move |_| open.set(tree.outermost().into_iter().collect())
    };
    let note = note(&tree);
    view! {
        <div class="jsonView" data-test="json-tree">
            <div class="jsonBar">
                <button type="button" class="linkButton" data-test="json-open-all" on:click=outermost>{t("Open all")}</button>
                <button type="button" class="linkButton" data-test="json-close-all" on:click=move |_| open.set(BTreeSet::from([root]))>{t("Close all")}</button>
            </div>
            {note.map(|note| view! { <p class="drawerLoading" data-test="json-note">{note}</p> })}
            <Value tree id=root open />
        </div>
    }
}

/// What the tree does not show.
fn note(tree: &JsonTree) -> Option<String> {
    if tree.is_cut {
        return Some(fill(
            t("The tree has the first {n} values; the text has all of them"),
            &[("n", &count(MAX_NODES))],
        ));
    }
    tree.is_deep.then(|| {
        fill(
            t("What lies more than {n} levels deep is shown as text"),
            &[("n", &count(MAX_DEPTH))],
        )
    })
}

fn count(number: usize) -> String {
    words::count(number)
}

/// One value with what is in it; erased, as it holds others of its kind.
#[component]
fn Value(tree: Arc<JsonTree>, id: Id, open: RwSignal<BTreeSet<Id>>) -> AnyView {
    let kind = tree.kind(id);
    let name = match tree.name(id) {
        "" => None,
        name => Some(view! { <span class="jsonName">{name.to_owned()}</span> ": " }),
    };
    let is_container = matches!(kind, Kind::Object | Kind::Array);
    if !is_container || tree.is_empty(id) {
        let (value, is_all) = match kind {
            Kind::Object => ("{}", true),
            Kind::Array => ("[]", true),
            _ => tree.value(id),
        };
        return view! {
            <div class="jsonLeaf">
                {name}
                <span class="jsonValue" data-kind=kind.word()>{value.to_owned()}</span>
                {(!is_all).then(|| view! { <span class="jsonCount">{t("… (the value goes on)")}</span> })}
            </div>
        }
        .into_any();
    }
    let length = tree.len(id);
    let (brackets, count) = match kind {
        Kind::Object => ("{…}", tn(length, "{n} member", "{n} members")),
        _ => ("[…]", tn(length, "{n} element", "{n} elements")),
    };
    let is_open = Memo::new(move |_| open.with(|open| open.contains(&id)));
    let toggled = move |event: leptos::ev::Event| {
        let is_now = event_target::<web_sys::HtmlDetailsElement>(&event).open();
        // What the page did itself changes nothing.
        if is_now != is_open.get_untracked() {
            open.update(|open| {
                if is_now {
                    open.insert(id);
                } else {
                    open.remove(&id);
                }
            });
        }
    };
    let inner = move || {
        is_open
            .get()
            .then(|| view! { <Children tree=Arc::clone(&tree) id open /> })
    };
    view! {
        <details class="jsonNode" prop:open=is_open on:toggle=toggled>
            <summary>
                {name}
                <span class="jsonBrackets" aria-hidden="true">{brackets}</span>
                " "
                <span class="jsonCount">{count}</span>
            </summary>
            {inner}
        </details>
    }
    .into_any()
}

/// What is in a container, as much at a time as can be drawn at once.
#[component]
fn Children(tree: Arc<JsonTree>, id: Id, open: RwSignal<BTreeSet<Id>>) -> impl IntoView {
    let drawn = RwSignal::new(DRAWN_CHILDREN);
    let children: Arc<Vec<Id>> = Arc::new(tree.children(id).collect());
    let total = children.len();
    let more = move || total.saturating_sub(drawn.get());
    let has_more = move || more() > 0;
    let each = move || -> Vec<Id> { children.iter().take(drawn.get()).copied().collect() };
    view! {
        <ul class="jsonList">
            <For each key=|child| *child children=move |child| {
                view! { <li><Value tree=Arc::clone(&tree) id=child open /></li> }
            } />
        </ul>
        <Show when=has_more>
            <button type="button" class="linkButton" data-test="json-more" on:click=move |_| drawn.update(|drawn| *drawn += DRAWN_CHILDREN)>
                {move || {
                    let next = count(more().min(DRAWN_CHILDREN));
                    fill(t("Show {n} more of {all}"), &[("n", &next), ("all", &count(total))])
                }}
            </button>
        </Show>
    }
}
