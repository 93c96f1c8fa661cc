//! One file of the image, opened in place: what it is, its content, and how that came here.

use std::sync::Arc;

use lamina_inventory::facts::IssueKind;
use leptos::prelude::*;

use super::{
    copy::CopyButton,
    drawer::{Drawer, LayerLink, fact},
    json_view::JsonView,
    package_drawer::open_package,
};
use crate::{
    browser, scanner,
    state::{
        address::View,
        content::{self, BlockKind, FileView, SHOWN_BYTES},
        json_tree::JsonTree,
        language::{fill, t},
        report::ReportStore,
        session::Session,
        toasts::Toasts,
        words,
    },
};

/// Bytes of a file that can be saved: it passes through this tab's memory.
const MOST_SAVED: u64 = 512 << 20;

/// Which file is open: its path, as of which layer, and the lines that matter.
type Opened = (String, Option<usize>, Option<(u32, u32)>);

/// What was asked for, and the answer.
type Answer = ((String, Option<usize>), Result<Box<FileView>, String>);

/// Goes to a file: as of a layer (of the last, if `None`), at these lines.
pub fn open_file(session: Session, path: &str, layer: Option<usize>, lines: Option<(u32, u32)>) {
    let path = path.trim_start_matches('/').to_owned();
    session.select(|address| {
        if address.view != View::Files {
            address.view = View::Files;
            address.sort = None;
            address.search.clear();
            address.layer = None;
        }
        address.file = Some(path);
        address.file_layer = layer;
        address.lines = lines;
    });
    request_animation_frame(|| browser::focus("drawer-title"));
}

/// A button that opens a file where it is read from.
#[component]
pub fn OpenFileButton(
    /// Its path.
    #[prop(into)]
    path: String,
    /// The layer whose copy was read.
    layer: Option<usize>,
    /// The lines that matter.
    lines: Option<(u32, u32)>,
) -> impl IntoView {
    let session = expect_context::<Session>();
    view! {
        <button type="button" class="button" data-size="small" data-test="open-file" on:click=move |_| open_file(session, &path, layer, lines)>
            {t("Open file")}
        </button>
    }
}

/// The drawer; the address says which file is in it.
#[component]
pub fn FileDrawer(
    /// Goes to the next one (true) or the one before.
    on_step: Callback<bool>,
    /// The drawer was closed.
    on_closed: Callback<()>,
) -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let opened = Memo::new(move |_| {
        session.address.with(|address| -> Option<Opened> {
            let path = address.file.clone()?;
            Some((path, address.file_layer, address.lines))
        })
    });
    let asked = Memo::new(move |_| opened.get().map(|(path, layer, _)| (path, layer)));
    let answer = RwSignal::new(None::<Answer>);
    let generation = StoredValue::new(0_u32);
    let has_tree = session.has_tree(&store.loaded());
    Effect::new(move |_| {
        let Some(key) = asked.get() else {
            return;
        };
        let number = generation.get_value().wrapping_add(1);
        generation.set_value(number);
        if !has_tree {
            let message = t(
                "A report does not hold the image's files; scan the image in this tab to open them",
            );
            answer.set(Some((key, Err(message.to_owned()))));
            return;
        }
        leptos::task::spawn_local(async move {
            let (path, layer) = key.clone();
            let read = scanner::open_file(path, layer, SHOWN_BYTES).await;
            if generation.try_get_value() == Some(number) {
                answer.set(Some((key, read.map(|(view, _)| Box::new(view)))));
            }
        });
    });
    let on_close = Callback::new(move |()| {
        session.select(|address| {
            address.file = None;
            address.file_layer = None;
            address.lines = None;
        });
        on_closed.run(());
    });
    let text = move || {
        let (path, layer) = asked.get()?;
        Some(view! { <FileText path layer opened answer /> })
    };
    view! {
        <Drawer is_open=Signal::derive(move || opened.get().is_some()) turns=(t("Previous file"), t("Next file")) on_close on_step>
            {text}
        </Drawer>
    }
}

#[component]
fn FileText(
    path: String,
    layer: Option<usize>,
    opened: Memo<Option<Opened>>,
    answer: RwSignal<Option<Answer>>,
) -> impl IntoView {
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    let body = {
        let path = path.clone();
        move || {
            // The answer to what was asked before is none.
            let is_this = |key: &(String, Option<usize>)| key.0 == path && key.1 == layer;
            match answer.get().filter(|(key, _)| is_this(key)) {
                None => view! {
                    <p class="drawerLoading" role="status">{t("Reading the file from its layer…")}</p>
                }
                .into_any(),
                Some((_, Err(message))) => {
                    let sentence = words::sentence(&message);
                    view! { <p class="drawerRemedy" role="alert" data-test="file-failed">{sentence}</p> }
                        .into_any()
                }
                Some((_, Ok(file))) => {
                    view! { <FileBody path=path.clone() layer opened file=*file /> }.into_any()
                }
            }
        }
    };
    view! {
        <div class="drawerText fileDrawer" data-test="file-drawer" data-path=path.clone()>
            <h2 class="drawerTitle" id="drawer-title" tabindex="-1">{name}</h2>
            <p class="filePath">
                <span class="mono">{format!("/{path}")}</span>
                <CopyButton text=format!("/{path}") what="path" />
            </p>
            {body}
        </div>
    }
}

#[component]
fn FileBody(
    path: String,
    layer: Option<usize>,
    opened: Memo<Option<Opened>>,
    file: FileView,
) -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    // Packages and secrets that were read from this very file.
    let read_from: Vec<(usize, String)> = store.with(|report| {
        let all = report.packages.iter().enumerate();
        all.filter(|(_, package)| package.file.trim_start_matches('/') == file.path)
            .take(20)
            .map(|(index, package)| (index, format!("{} {}", package.name, package.version)))
            .collect()
    });
    let secrets: Vec<(u32, u32)> = store.with(|report| {
        let issues = report.issues.iter();
        issues
            .filter(|issue| issue.kind == IssueKind::Secret)
            .filter(|issue| {
                let of_file = issue.place.file.as_deref();
                of_file.map(|file| file.trim_start_matches('/')) == Some(&*file.path)
            })
            .map(|issue| issue.place.lines.unwrap_or((1, u32::MAX)))
            .collect()
    });
    let has_secrets = !secrets.is_empty();
    let shows_secrets = RwSignal::new(false);
    // Lines that matter are lines of the text as it is.
    let has_no_lines = opened
        .get_untracked()
        .is_some_and(|(_, _, lines)| lines.is_none());
    let is_formatted = RwSignal::new(file.content.formatted.is_some() && has_no_lines);
    let is_json = file.content.kind == content::JSON && file.read >= file.size;
    let tree = is_json
        .then(|| JsonTree::parse(file.content.text.clone()).map(Arc::new))
        .flatten();
    let has_tree = tree.is_some();
    let is_tree = RwSignal::new(has_tree && has_no_lines);
    // A tree has no lines to hide.
    let shows_tree =
        Memo::new(move |_| is_tree.get() && has_tree && (!has_secrets || shows_secrets.get()));
    let is_link = file.path != path;
    let facts = file
        .content
        .facts
        .iter()
        .map(|(name, value)| view! { <div class="factsItem"><dt>{name.clone()}</dt><dd>{value.clone()}</dd></div> })
        .collect_view();
    let is_cut = file.read < file.size;
    let is_text = file.content.is_text;
    let kind = file.content.kind.clone();
    let has_formatted = file.content.formatted.is_some();
    let (plain, formatted) = (file.content.text.clone(), file.content.formatted.clone());
    let blocks = Memo::new(move |_| {
        let marked = opened.get().and_then(|(_, _, lines)| lines);
        let hides = has_secrets && !shows_secrets.get();
        match &formatted {
            // Its lines are others: what hides by lines hides all of it.
            Some(formatted) if is_formatted.get() => {
                let all = [(1, u32::MAX)];
                content::blocks(formatted, None, if hides { &all } else { &[] })
            }
            _ => content::blocks(
                &plain,
                marked.filter(|_| is_text),
                if hides { &secrets } else { &[] },
            ),
        }
    });
    // The lines that matter come into sight.
    Effect::new(move |_| {
        if blocks.with(|blocks| blocks.iter().any(|block| block.kind == BlockKind::Evidence)) {
            request_animation_frame(|| {
                let document = browser::window().and_then(|window| window.document());
                let mark =
                    document.and_then(|document| document.get_element_by_id("file-evidence"));
                if let Some(mark) = mark {
                    mark.scroll_into_view();
                }
            });
        }
    });
    let drawn = move || {
        let mut has_mark = false;
        blocks.with(|blocks| {
            blocks
                .iter()
                .map(|block| {
                    let is_evidence = block.kind == BlockKind::Evidence;
                    let is_first = is_evidence && !std::mem::replace(&mut has_mark, is_evidence);
                    let kind = match block.kind {
                        BlockKind::Plain => None,
                        BlockKind::Evidence => Some("evidence"),
                        BlockKind::Hidden => Some("hidden"),
                    };
                    view! {
                        <div class="fileBlock" data-kind=kind id=is_first.then_some("file-evidence") style=("--count", block.count.to_string())>
                            {is_text.then(|| view! { <span class="fileNumbers" aria-hidden="true">{block.numbers()}</span> })}
                            <span class="fileLines">{block.text.clone()}</span>
                        </div>
                    }
                })
                .collect_view()
        })
    };
    let shown_bytes = match (is_cut, is_text) {
        (true, true) => file.read,
        (true, false) => content::HEX_BYTES as u64,
        (false, _) => file.size,
    };
    let summary = match (is_text, is_cut) {
        (true, false) => t("Content, {size}"),
        (true, true) => t("Content, the first {size} shown"),
        (false, false) => t("Bytes, {size}"),
        (false, true) => t("Bytes, the first {size} shown"),
    };
    let summary = fill(summary, &[("size", &words::size(shown_bytes))]);
    let links = read_from
        .into_iter()
        .map(|(index, name)| {
            view! { <li><button type="button" class="linkButton" on:click=move |_| open_package(session, index)>{name}</button></li> }
        })
        .collect_view();
    let has_packages = store.with(|report| {
        let mut packages = report.packages.iter();
        packages.any(|package| package.file.trim_start_matches('/') == file.path)
    });
    let check = file.way.check_words();
    view! {
        <div class="drawerMarks">
            <span class="tag" data-test="file-kind">{content::kind_title(&kind)}</span>
            <span class="drawerScore">{words::size(file.size)}</span>
            <span class="drawerScore mono">{file.mode.clone()}</span>
            <span class="drawerScore">{fill(t("user {user}, group {group}"), &[("user", &file.owner.0.to_string()), ("group", &file.owner.1.to_string())])}</span>
        </div>
        <dl class="facts">
            {is_link.then(|| fact(t("Leads to"), view! { <span class="mono">{format!("/{}", file.path)}</span> }))}
            {fact(t("Of"), view! { <LayerLink layer=file.layer /> })}
            {has_packages.then(|| fact(t("Packages read from it"), view! { <ul class="factsList">{links}</ul> }))}
            {facts}
        </dl>
        <p class="drawerLoading" data-test="file-way" data-checked=file.way.is_checked.then_some("")>
            {file.way.words()}". "{check}
        </p>
        <div class="fileBar">
            <h3>{summary}</h3>
            {has_tree.then(|| view! {
                <label class="switch">
                    <input type="checkbox" role="switch" data-test="file-tree" prop:checked=is_tree
                        disabled=move || has_secrets && !shows_secrets.get()
                        on:change:target=move |event| is_tree.set(event.target().checked()) />
                    <span>{t("As a tree")}</span>
                </label>
            })}
            <Show when=move || has_formatted && !shows_tree.get()>
                <label class="switch">
                    <input type="checkbox" role="switch" data-test="file-format" prop:checked=is_formatted
                        on:change:target=move |event| is_formatted.set(event.target().checked()) />
                    <span>{t("Line breaks")}</span>
                </label>
            </Show>
            {has_secrets.then(|| view! {
                <label class="switch">
                    <input type="checkbox" role="switch" data-test="file-secrets" prop:checked=shows_secrets
                        on:change:target=move |event| shows_secrets.set(event.target().checked()) />
                    <span>{t("Show the secret")}</span>
                </label>
            })}
            <SaveButton path layer size=file.size />
        </div>
        <div class="fileContent mono" data-test="file-content" role="region" aria-label=t("Content") tabindex="0">
            {move || match tree.clone().filter(|_| shows_tree.get()) {
                Some(tree) => view! { <JsonView tree /> }.into_any(),
                None => drawn().into_any(),
            }}
        </div>
    }
}

/// Saves the whole file: it is read again, as its first part was.
#[component]
fn SaveButton(path: String, layer: Option<usize>, size: u64) -> impl IntoView {
    let toasts = expect_context::<Toasts>();
    let is_busy = RwSignal::new(false);
    let on_click = move |_| {
        if is_busy.get_untracked() {
            return;
        }
        if size > MOST_SAVED {
            toasts.show(t("Files of more than 512 MB cannot be saved from here"));
            return;
        }
        is_busy.set(true);
        let path = path.clone();
        leptos::task::spawn_local(async move {
            let name = path.rsplit('/').next().unwrap_or("file").to_owned();
            match scanner::open_file(path, layer, MOST_SAVED).await {
                Ok((_, bytes)) => browser::download_bytes(&name, &bytes),
                Err(message) => toasts.show(words::sentence(&message)),
            }
            is_busy.try_set(false);
        });
    };
    view! {
        <button type="button" class="button" data-size="small" data-test="file-save" aria-busy=move || if is_busy.get() { "true" } else { "false" } on:click=on_click>
            {t("Save")}
        </button>
    }
}
