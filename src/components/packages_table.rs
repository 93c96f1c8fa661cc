//! The list of packages.

use leptos::prelude::*;

use super::{
    search_field::SearchField,
    severity::Tally,
    virtual_list::{Scroller, VirtualList},
};
use crate::state::{
    address::View, counts::Counts, findings::Sort, packages::Column, report::ReportStore,
    session::Session, words,
};

/// The list and its filters.
#[component]
pub fn PackagesTable() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let rows = Memo::new(move |_| store.packages.with(|rows| rows.list.clone()));
    let count = Memo::new(move |_| rows.with(|rows| rows.len()));
    let sort = Memo::new(move |_| {
        session
            .address
            .with(|address| Sort::<Column>::parse(address.sort.as_deref()))
    });
    let (total, removed) = store.with(|report| {
        let removed = report
            .packages
            .iter()
            .filter(|package| package.removed_in.is_some())
            .count();
        (report.packages.len(), removed)
    });
    let heads = move || {
        Column::ALL.map(|column| {
            let state = move || match sort.get() {
                now if now.column != column => "none",
                now if now.is_reversed => "descending",
                _ => "ascending",
            };
            view! {
                <div class="tableHead" role="columnheader" data-column=column.word() aria-sort=state>
                    <button
                        type="button"
                        class="tableSort"
                        on:click=move |_| {
                            let next = sort.get_untracked().clicked(column);
                            session.refine(|address| address.sort = next);
                        }
                    >
                        {column.title()}
                        <span class="tableSortMark" aria-hidden="true"></span>
                    </button>
                </div>
            }
        }).collect_view()
    };
    let draw = move |index: usize, position: usize| {
        store.with(|report| {
            let package = report.packages.get(index)?;
            let counts = store.counts_of(index);
            let source = package.source.as_ref().map(|(name, _)| name.clone()).unwrap_or_default();
            let licence = package.licence.clone().unwrap_or_default();
            let search = format!("pkg:\"{}\"", package.name);
            Some(view! {
                <div
                    class="tableRow packagesRow"
                    role="row"
                    data-test="package-row"
                    data-name=package.name.clone()
                    data-removed=package.removed_in.is_some().then_some("")
                    aria-rowindex=(position + 2).to_string()
                    style=("--row", position.to_string())
                    title=format!("{}\n{}", package.purl, package.file)
                >
                    <div class="tableCell" role="cell" data-column="kind"><span class="tag">{package.kind.word()}</span></div>
                    <div class="tableCell" role="cell" data-column="name">
                        <span class="ellipsis">{package.name.clone()}</span>
                        {package.removed_in.map(|layer| view! { <span class="tag" data-kind="removed">{format!("removed in {layer}")}</span> })}
                    </div>
                    <div class="tableCell mono" role="cell" data-column="version"><span class="ellipsis">{package.version.clone()}</span></div>
                    <div class="tableCell" role="cell" data-column="source"><span class="ellipsis">{source}</span></div>
                    <div class="tableCell" role="cell" data-column="licence"><span class="ellipsis">{licence}</span></div>
                    <div class="tableCell" role="cell" data-column="layer"><span class="visuallyHidden">"layer "</span>{package.layer}</div>
                    <div class="tableCell" role="cell" data-column="findings">
                        {(counts != Counts::default()).then(|| view! {
                            <button type="button" class="tallyButton" title="Show its findings" on:click=move |_| {
                                let search = search.clone();
                                session.select(|address| {
                                    address.view = View::Findings;
                                    address.sort = None;
                                    address.search = search;
                                });
                            }><Tally counts /></button>
                        })}
                    </div>
                </div>
            })
        })
    };
    let has_rows = move || count.get() > 0;
    let shown = move || {
        let count = count.get();
        if count == total {
            words::plural(total, "package")
        } else {
            format!(
                "{} of {}",
                words::count(u64::try_from(count).unwrap_or(u64::MAX)),
                words::plural(total, "package")
            )
        }
    };
    view! {
        <div class="packages">
            <div class="toolbar">
                <SearchField
                    what="packages"
                    example="kind:deb licence:gpl layer:>0"
                    problems=Signal::derive(move || store.packages.with(|rows| rows.problems.clone()))
                />
                {(removed > 0).then(|| view! {
                    <label class="switch">
                        <input type="checkbox" role="switch" data-test="show-removed" prop:checked=store.with_removed
                            on:change:target=move |event| store.with_removed.set(event.target().checked()) />
                        <span>{format!("Also the {removed} removed by later layers")}</span>
                    </label>
                })}
            </div>
            <p class="tableCount" aria-live="polite">{shown}</p>
            <Show
                when=has_rows
                fallback=move || view! {
                    <div class="empty">
                        <p class="emptyTitle">{if total == 0 { "No packages" } else { "Nothing matches" }}</p>
                        <p>{if total == 0 { "No package manager left its records in this image, as is usual for images built from scratch." } else { "No package satisfies all filters at once." }}</p>
                    </div>
                }
            >
                <div class="table packagesTable" role="table" aria-label="Packages" aria-rowcount=move || (count.get() + 1).to_string() data-test="packages-table">
                    <div class="tableHeads" role="rowgroup">
                        <div class="packagesRow" role="row" aria-rowindex="1">{heads()}</div>
                    </div>
                    <VirtualList
                        rows
                        row=draw
                        key=|index: &usize| *index
                        pinned=Signal::derive(|| None)
                        scroller=Scroller::new()
                    />
                </div>
            </Show>
        </div>
    }
}
