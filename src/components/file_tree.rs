//! The file tree, merged or of one layer; directories are asked for when they are opened.

use std::sync::Arc;

use leptos::prelude::*;

use super::{
    accounts_panel::AccountsPanel,
    file_drawer::FileDrawer,
    icons::{AGAIN, CHEVRON, FILE, FOLDER, Icon},
    package_drawer::open_package,
    search_field::SearchField,
    treemap::Treemap,
    virtual_list::{Scroller, VirtualList},
};
use crate::{
    browser,
    scanner::{self, FileChange, FileKind, FileRow, Only},
    state::{
        address::Address,
        files::{self, FILTERS, Tree, TreeRow},
        language::{fill, t},
        report::ReportStore,
        session::Session,
        words,
    },
};

/// Most files that a search shows.
const MOST_FOUND: usize = 500;

/// What the panel shows.
#[derive(Clone, Debug, PartialEq)]
enum Content {
    Loading,
    Absent,
    Tree(Tree),
    Found(Vec<FileRow>),
}

/// The panel.
#[component]
pub fn FileTree() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let content = RwSignal::new(Content::Loading);
    let with_deleted = RwSignal::new(false);
    let shows_map = RwSignal::new(false);
    let search = Memo::new(move |_| {
        session
            .address
            .with(|address| address.search.trim().to_owned())
    });
    let loaded = store.loaded();
    let has_tree = session.has_tree(&loaded);
    let generation = StoredValue::new(0_u32);
    // The tree is outside of the page's memory: asking for it is an effect, with its answer kept.
    Effect::new(move |_| {
        let ((search, only), layer) = (files::parse_search(&search.get()), store.layer.get());
        let asked = generation.get_value().wrapping_add(1);
        generation.set_value(asked);
        if !has_tree {
            content.set(Content::Absent);
            return;
        }
        leptos::task::spawn_local(async move {
            let answer = if search.is_empty() {
                scanner::list_directory(String::new(), layer, only)
                    .await
                    .map(|rows| {
                        let mut tree = Tree::default();
                        tree.directories.insert(String::new(), rows);
                        Content::Tree(tree)
                    })
            } else {
                scanner::search_files(search, MOST_FOUND, only)
                    .await
                    .map(Content::Found)
            };
            if generation.try_get_value() == Some(asked) {
                content.set(answer.unwrap_or(Content::Absent));
            }
        });
    });
    let toggle = move |path: String| {
        let mut must_ask = false;
        content.update(|content| {
            if let Content::Tree(tree) = content {
                must_ask = tree.toggle(&path);
            }
        });
        if !must_ask {
            return;
        }
        let asked = generation.get_value();
        let layer = store.layer.get_untracked();
        let (_, only) = files::parse_search(&search.get_untracked());
        leptos::task::spawn_local(async move {
            let rows = scanner::list_directory(path.clone(), layer, only)
                .await
                .unwrap_or_default();
            if generation.try_get_value() == Some(asked) {
                content.update(|content| {
                    if let Content::Tree(tree) = content {
                        tree.directories.insert(path, rows);
                    }
                });
            }
        });
    };
    let by_size = Memo::new(move |_| {
        let sort = |address: &Address| address.sort.as_deref() == Some("size");
        session.address.with(sort)
    });
    let rows = Memo::new(move |_| {
        // What a layer deleted is what it did: its own view shows it.
        let is_asked_for = search.with(|search| files::parse_search(search).1 == Only::Deleted);
        let with_deleted = with_deleted.get() || is_asked_for || store.layer.get().is_some();
        content.with(|content| match content {
            Content::Tree(tree) => Arc::new(tree.rows(with_deleted, by_size.get())),
            Content::Found(files) => Arc::new(
                files
                    .iter()
                    .filter(|file| with_deleted || file.is_present)
                    .filter(|file| {
                        let layer = store.layer.get();
                        layer.is_none_or(|layer| {
                            file.history.iter().any(|(other, _)| *other == layer)
                        })
                    })
                    .map(|file| TreeRow {
                        path: file.name.clone(),
                        level: 1,
                        file: file.clone(),
                        is_open: None,
                        is_loading: false,
                    })
                    .collect(),
            ),
            Content::Loading | Content::Absent => Arc::new(Vec::new()),
        })
    });
    let active = RwSignal::new(0_usize);
    let scroller = Scroller::new();
    let row_id = |position: usize| format!("file-{position}");
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let now = active.get_untracked();
        let Some(row) = rows.with_untracked(|rows| rows.get(now).cloned()) else {
            return;
        };
        let last = rows.with_untracked(|rows| rows.len().saturating_sub(1));
        let next = match event.key().as_str() {
            "ArrowDown" | "j" => now + 1,
            "ArrowUp" | "k" => now.saturating_sub(1),
            "PageDown" => now + scroller.page(),
            "PageUp" => now.saturating_sub(scroller.page()),
            "Home" => 0,
            "End" => last,
            "ArrowRight" if row.is_open == Some(false) => {
                toggle(row.path);
                now
            }
            "ArrowLeft" if row.is_open == Some(true) => {
                toggle(row.path);
                now
            }
            "ArrowLeft" => rows.with_untracked(|rows| {
                let above = rows.iter().take(now).enumerate().rev();
                above
                    .into_iter()
                    .find(|(_, other)| other.level < row.level)
                    .map_or(now, |(position, _)| position)
            }),
            "Enter" | " " if row.is_open.is_some() && !browser::is_on_button(&event) => {
                toggle(row.path);
                now
            }
            "Enter" if can_open(&row.file) && !browser::is_on_button(&event) => {
                open_row(session, &row);
                now
            }
            _ => return,
        };
        event.prevent_default();
        let next = next.min(last);
        active.set(next);
        scroller.reveal(next, 5.0 * browser::rem());
        request_animation_frame(move || browser::focus(&row_id(next)));
    };
    let draw = move |row: TreeRow, position: usize| {
        let path = row.path.clone();
        let opened = row.clone();
        let is_directory = row.is_open.is_some();
        let is_content = can_open(&row.file);
        // A directory that opens stays the same element: it has the focus.
        let state = {
            let path = row.path.clone();
            Memo::new(move |_| {
                rows.with(|rows| {
                    let row = rows.get(position).filter(|row| row.path == path)?;
                    Some((row.is_open?, row.is_loading))
                })
            })
        };
        let icon = if row.file.kind == FileKind::Directory {
            FOLDER
        } else {
            FILE
        };
        let target = row
            .file
            .target
            .clone()
            .map(|target| view! { <span class="filesTarget">{format!(" → {target}")}</span> });
        let owner = row.file.owner.and_then(|index| {
            let name = store.package(index)?.name;
            Some((index, name))
        });
        let is_file = row.file.kind == FileKind::File && row.file.is_present;
        let owner = match owner {
            Some((index, name)) => view! {
                <button
                    type="button"
                    class="linkButton ellipsis"
                    title=fill(t("{name}: show the package"), &[("name", &name)])
                    tabindex=move || if active.get() == position { "0" } else { "-1" }
                    on:click=move |event| {
                        event.stop_propagation();
                        open_package(session, index);
                    }
                >
                    {name.clone()}
                </button>
            }
            .into_any(),
            None if is_file => {
                view! { <span class="filesNobody" title=t("No package lists it")>{t("nobody")}</span> }
                    .into_any()
            }
            None => ().into_any(),
        };
        let opaque = (!row.file.opaque_in.is_empty()).then(|| {
            let layers: Vec<_> = row.file.opaque_in.iter().map(ToString::to_string).collect();
            let title = fill(
                t("Layer {layer} hides what the layers below have in this directory"),
                &[("layer", &layers.join(", "))],
            );
            view! { <span class="tag" title=title>{t("opaque")}</span> }
        });
        let history = row
            .file
            .history
            .iter()
            .map(|(layer, change)| {
                let (word, title, short) = change_words(*change);
                let layer = layer.to_string();
                let title = fill(title, &[("layer", &layer)]);
                let short = fill(short, &[("layer", &layer)]);
                view! { <span class="filesChange" data-change=word title=title>{short}</span> }
            })
            .collect_view();
        // `view!` has no name for this attribute.
        let level = leptos::attr::custom::custom_attribute("aria-level", row.level.to_string());
        view! {
            <div
                class="tableRow filesRow"
                role="row"
                id=row_id(position)
                data-test="file-row"
                data-path=row.path.clone()
                data-gone=(!row.file.is_present).then_some("")
                data-content=is_content.then_some("")
                data-open={
                    let path = row.path.clone();
                    move || session.address.with(|address| address.file.as_ref() == Some(&path)).then_some("")
                }
                {..level}
                aria-expanded=move || state.get().map(|(is_open, _)| if is_open { "true" } else { "false" })
                aria-rowindex=(position + 2).to_string()
                tabindex=move || if active.get() == position { "0" } else { "-1" }
                style=("--row", position.to_string())
                style=("--level", row.level.to_string())
                on:focus=move |_| active.set(position)
                on:click=move |_| {
                    active.set(position);
                    if is_directory {
                        toggle(path.clone());
                    } else if is_content {
                        open_row(session, &opened);
                    }
                }
            >
                <div class="tableCell" role="gridcell" data-column="name">
                    <span class="filesTwist" data-open=move || state.get().map(|(is_open, _)| if is_open { "yes" } else { "no" })>
                        {is_directory.then(|| view! { <Icon path=CHEVRON /> })}
                    </span>
                    <Icon path=icon />
                    <span class="ellipsis" title=row.path.clone()>{row.file.name.clone()} {target}</span>
                    {opaque}
                    {move || state.get().is_some_and(|(_, is_loading)| is_loading).then_some(" …")}
                </div>
                <div class="tableCell" role="gridcell" data-column="owner">{owner}</div>
                <div class="tableCell" role="gridcell" data-column="history">{history}</div>
                <div class="tableCell mono" role="gridcell" data-column="mode" title=fill(t("user {user}, group {group}"), &[("user", &row.file.ids.0.to_string()), ("group", &row.file.ids.1.to_string())])>{row.file.mode.clone()}</div>
                <div class="tableCell" role="gridcell" data-column="size">{words::size(row.file.size)}</div>
            </div>
        }
    };
    let is_absent = Memo::new(move |_| content.with(|content| *content == Content::Absent));
    let is_empty = Memo::new(move |_| {
        content.with(|content| *content != Content::Loading && *content != Content::Absent)
            && rows.with(|rows| rows.is_empty())
    });
    view! {
        <div class="files">
            <AccountsPanel />
            <Show when=move || !is_absent.get() fallback=move || view! { <Absent /> }>
                <div class="toolbar">
                    <SearchField what="files" example=t("part of a path") problems=Signal::derive(Vec::new) />
                    <div class="chips" role="group" aria-label=t("Filter")>
                        {FILTERS.map(|(word, title, _)| view! {
                            <button
                                type="button"
                                class="chip"
                                data-test=word
                                aria-pressed=move || if search.with(|search| search.split_whitespace().any(|own| own == word)) { "true" } else { "false" }
                                on:click=move |_| session.refine(|address| address.search = files::toggle_filter(&address.search, word))
                            >
                                {t(title)}
                            </button>
                        }).collect_view()}
                    </div>
                    <label class="switch">
                        <input type="checkbox" role="switch" data-test="show-deleted" prop:checked=with_deleted
                            on:change:target=move |event| with_deleted.set(event.target().checked()) />
                        <span>{t("Also what later layers deleted")}</span>
                    </label>
                    <label class="switch">
                        <input type="checkbox" role="switch" data-test="show-map" prop:checked=shows_map
                            on:change:target=move |event| shows_map.set(event.target().checked()) />
                        <span>{t("Map")}</span>
                    </label>
                </div>
                <Show when=move || shows_map.get()><Treemap /></Show>
                <p class="tableCount" aria-live="polite">
                    {move || match store.layer.get() {
                        Some(layer) => fill(t("Files of layer {layer}"), &[("layer", &layer.to_string())]),
                        None => t("Files of the merged image").to_owned(),
                    }}
                </p>
                <Show when=move || is_empty.get()>
                    <div class="empty"><p class="emptyTitle">{t("No files")}</p></div>
                </Show>
                <div class="table filesTable" role="treegrid" aria-label=t("Files") data-hidden=move || is_empty.get().then_some("") on:keydown=on_key>
                    <div class="tableHeads" role="rowgroup">
                        <div class="filesRow" role="row" aria-rowindex="1">
                            <div class="tableHead" role="columnheader" data-column="name">{t("Name")}</div>
                            <div class="tableHead" role="columnheader" data-column="owner">{t("Owner")}</div>
                            <div class="tableHead" role="columnheader" data-column="history">{t("Layers")}</div>
                            <div class="tableHead" role="columnheader" data-column="mode">{t("Mode")}</div>
                            <div class="tableHead" role="columnheader" data-column="size" aria-sort=move || if by_size.get() { "descending" } else { "none" }>
                                <button type="button" class="linkButton" data-test="sort-size" title=t("The largest first")
                                    on:click=move |_| session.refine(|address| address.sort = (address.sort.as_deref() != Some("size")).then(|| "size".to_owned()))>
                                    {t("Size")}
                                </button>
                            </div>
                        </div>
                    </div>
                    <VirtualList
                        rows
                        row=draw
                        key=|row: &TreeRow| row.path.clone()
                        pinned=Signal::derive(move || Some(active.get()))
                        scroller
                    />
                </div>
            </Show>
            <FileDrawer
                on_step=Callback::new(move |is_next: bool| {
                    let next = rows.with_untracked(|rows| {
                        let now = active.get_untracked();
                        let mut after = rows.iter().enumerate().filter(|(_, row)| can_open(&row.file));
                        let next = match is_next {
                            true => after.find(|(at, _)| *at > now),
                            false => after.rfind(|(at, _)| *at < now),
                        };
                        next.map(|(at, row)| (at, row.clone()))
                    });
                    if let Some((at, row)) = next {
                        active.set(at);
                        open_row(session, &row);
                    }
                })
                on_closed=Callback::new(move |()| {
                    let at = active.get_untracked();
                    request_animation_frame(move || browser::focus(&format!("file-{at}")));
                })
            />
        </div>
    }
}

/// Whether a row's content can be looked at.
fn can_open(file: &FileRow) -> bool {
    matches!(
        file.kind,
        FileKind::File | FileKind::HardLink | FileKind::Symlink
    )
}

/// Opens a row's file: as it was before it was deleted, or as the selected layer has it.
fn open_row(session: Session, row: &TreeRow) {
    let deleted_in = match row.file.history.last() {
        Some((layer, FileChange::Deleted)) => layer.checked_sub(1),
        _ => None,
    };
    let path = row.path.clone();
    session.select(|address| {
        address.file_layer = deleted_in.or(address.layer.filter(|_| row.file.is_present));
        address.file = Some(path);
        address.lines = None;
    });
}

#[component]
fn Absent() -> impl IntoView {
    let session = expect_context::<Session>();
    view! {
        <div class="empty">
            <p class="emptyTitle">{t("The file tree is not at hand")}</p>
            <p>{t("A report lists packages and findings; files are read from the layers themselves. Scan the image in this tab to walk through them.")}</p>
            <button type="button" class="button" on:click=move |_| session.scan_again()>
                <Icon path=AGAIN />
                {t("Scan again")}
            </button>
        </div>
    }
}

/// What a layer did to a file: the word for attributes, a sentence, and a short form of it.
fn change_words(change: FileChange) -> (&'static str, &'static str, &'static str) {
    match change {
        FileChange::Added => ("added", t("added in layer {layer}"), t("added {layer}")),
        FileChange::Changed => (
            "changed",
            t("changed in layer {layer}"),
            t("changed {layer}"),
        ),
        FileChange::Deleted => (
            "deleted",
            t("deleted in layer {layer}"),
            t("deleted {layer}"),
        ),
    }
}
