//! The list of packages.

use lamina_inventory::facts::Basis;
use leptos::prelude::*;

use super::{
    filters::{self, ClearFilters, WordChip},
    package_drawer::PackageDrawer,
    row_keys::RowKeys,
    search_field::SearchField,
    severity::Tally,
    sort_head::SortHead,
    virtual_list::VirtualList,
};
use crate::state::{
    address::View,
    counts::Counts,
    findings::Sort,
    language::{fill, t, text, tn},
    packages::{self, Column},
    query,
    report::ReportStore,
    session::Session,
    words,
};

/// What the number on the tab counts.
pub const COUNT_HINT: &str = text(
    "Packages of the merged image. Those whose files a package of the distribution owns count with that package, and those that only a lock file names do not count.",
);

/// The list, its filters and its drawer.
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
    let total = store.with(|report| report.packages.len());
    let base = store.with(|report| report.base.as_ref().map(|base| base.layers));
    let opened = Memo::new(move |_| {
        session
            .address
            .with(|address| address.package)
            .filter(|index| *index < total)
    });
    let keys = RowKeys::new(session, "package", rows, opened, |address, index| {
        address.package = index;
    });
    let heads = move || {
        Column::ALL
            .map(|column| {
                let on_click = move |column| {
                    let next = sort.get_untracked().clicked(column);
                    session.refine(|address| address.sort = next);
                };
                view! { <SortHead column word=column.word() title=t(column.title()) sort on_click /> }
            })
            .collect_view()
    };
    let draw = move |index: usize, position: usize| {
        store.with(|report| {
            let package = report.packages.get(index)?;
            let counts = store.counts_of(index);
            let owner = package
                .owned_by
                .and_then(|owner| report.packages.get(owner))
                .map(|owner| owner.name.clone());
            let source = package.source.as_ref().map(|(name, _)| name.clone()).unwrap_or_default();
            let licence = package.licence.clone().unwrap_or_default();
            let path = packages::path(package);
            let side = base.map(|layers| if package.layer < layers { "base" } else { "own" });
            let search = format!("pkg:\"{}\"", package.name);
            Some(view! {
                <div
                    class="tableRow packagesRow"
                    role="row"
                    id=keys.id(position)
                    data-test="package-row"
                    data-name=package.name.clone()
                    data-removed=package.removed_in.is_some().then_some("")
                    data-open=move || keys.is_open(index).then_some("")
                    aria-rowindex=(position + 2).to_string()
                    tabindex=move || keys.tabindex(position)
                    style=("--row", position.to_string())
                    on:click=move |_| keys.click(position, index)
                    on:focus=move |_| keys.active.set(position)
                >
                    <div class="tableCell" role="cell" data-column="kind"><span class="tag" title=package.kind.word()>{package.kind.word()}</span></div>
                    <div class="tableCell" role="cell" data-column="name">
                        <span class="ellipsis" title=package.name.clone()>{package.name.clone()}</span>
                        {package.removed_in.map(|layer| view! { <span class="tag" data-kind="removed">{fill(t("removed in {layer}"), &[("layer", &layer.to_string())])}</span> })}
                        {(package.basis == Basis::Declared).then(|| view! { <span class="tag">{t("lock file")}</span> })}
                        {owner.clone().map(|owner| {
                            let title = fill(t("Its files belong to {owner}, a package of the distribution"), &[("owner", &owner)]);
                            view! { <span class="tag packagesOwner" title=title><span class="ellipsis">{fill(t("in {owner}"), &[("owner", &owner)])}</span></span> }
                        })}
                    </div>
                    <div class="tableCell mono" role="cell" data-column="version"><span class="ellipsis" title=package.version.clone()>{package.version.clone()}</span></div>
                    <div class="tableCell mono" role="cell" data-column="path"><span class="ellipsis packagesPath" title=path.clone()><bdi>{path.clone()}</bdi></span></div>
                    <div class="tableCell" role="cell" data-column="owner"><span class="ellipsis" title=owner.clone()>{owner.clone()}</span></div>
                    <div class="tableCell" role="cell" data-column="source"><span class="ellipsis">{source}</span></div>
                    <div class="tableCell" role="cell" data-column="licence"><span class="ellipsis" title=licence.clone()>{licence.clone()}</span></div>
                    <div class="tableCell" role="cell" data-column="layer">
                        {(package.layer < report.layers.len()).then(|| view! { <span class="visuallyHidden">{t("Layer")}" "</span> {package.layer} })}
                        {side.map(|side| view! { <span class="packagesSide" data-side=side>{match side { "base" => t("base"), _ => t("own") }}</span> })}
                    </div>
                    <div class="tableCell" role="cell" data-column="findings">
                        {(counts != Counts::default()).then(|| view! {
                            <button type="button" class="tallyButton" title=t("Show its findings")
                                tabindex=move || keys.tabindex(position)
                                on:click=move |event| {
                                event.stop_propagation();
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
        store.packages.with(|rows| {
            store.with(|report| {
                let inside = rows.list.iter().filter_map(|row| report.packages.get(*row));
                let inside = inside.filter(|package| package.owned_by.is_some()).count();
                let (shown, all) = (rows.list.len(), total);
                let text = match (shown == total, inside > 0) {
                    (true, false) => tn(all, "{n} package", "{n} packages"),
                    (false, false) => tn(all, "{shown} of {n} package", "{shown} of {n} packages"),
                    (true, true) => tn(all, "{n} package, {inside} of them part of packages of the distribution", "{n} packages, {inside} of them part of packages of the distribution"),
                    (false, true) => tn(all, "{shown} of {n} package, {inside} of them part of packages of the distribution", "{shown} of {n} packages, {inside} of them part of packages of the distribution"),
                };
                fill(
                    &text,
                    &[
                        ("shown", &words::count(shown)),
                        ("inside", &words::count(inside)),
                    ],
                )
            })
        })
    };
    view! {
        <div class="packages">
            <div class="toolbar">
                <SearchField
                    what="packages"
                    example="kind:pypi base:no file:usr/lib licence:gpl"
                    problems=Signal::derive(move || store.packages.with(|rows| rows.problems.clone()))
                />
                <PackagesFilter />
            </div>
            <p class="tableCount" aria-live="polite">{shown}</p>
            <Show
                when=has_rows
                fallback=move || view! { <Nothing is_bare=total == 0 /> }
            >
                <div
                    class="table packagesTable"
                    role="table"
                    aria-label=t("Packages")
                    aria-rowcount=move || (count.get() + 1).to_string()
                    data-test="packages-table"
                    on:keydown=move |event| keys.on_key(&event)
                >
                    <div class="tableHeads" role="rowgroup">
                        <div class="packagesRow" role="row" aria-rowindex="1">{heads()}</div>
                    </div>
                    <VirtualList
                        rows
                        row=draw
                        key=|index: &usize| *index
                        pinned=Signal::derive(move || Some(keys.active.get()))
                        scroller=keys.scroller
                    />
                </div>
            </Show>
            <PackageDrawer
                opened
                on_close=Callback::new(move |()| keys.close())
                on_step=Callback::new(move |is_next: bool| {
                    keys.step(if is_next { "j" } else { "k" });
                })
            />
        </div>
    }
}

#[component]
fn PackagesFilter() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let kinds = store.with(packages::kinds);
    let count = |test: fn(&lamina_report::model::Package) -> bool| {
        store.with(|report| {
            report
                .packages
                .iter()
                .filter(|package| test(package))
                .count()
        })
    };
    let removed = count(|package| package.removed_in.is_some());
    let declared = count(|package| package.basis == Basis::Declared);
    let owned = count(|package| package.owned_by.is_some());
    let has_base = store.with(|report| {
        report
            .base
            .as_ref()
            .is_some_and(|base| base.layers < report.layers.len())
    });
    let hides_owned = Memo::new(move |_| {
        session
            .address
            .with(|address| query::value_of(&address.search, "owned").as_deref() == Some("no"))
    });
    view! {
        <div class="chips" role="group" aria-label=t("Filter") data-test="package-filter">
            {(kinds.len() > 1).then(|| kinds.into_iter().map(|(kind, count)| view! {
                <WordChip key="kind" value=kind.word() title=kind.word().to_owned() count=Signal::derive(move || count) />
            }).collect_view())}
            {has_base.then(|| view! {
                <WordChip key="base" value="yes" title=t("base image").to_owned() hint=t("Packages that the base image brought") />
                <WordChip key="base" value="no" title=t("own layers").to_owned() hint=t("Packages that layers above the base image brought") />
            })}
            <ClearFilters />
        </div>
        {(owned + declared + removed > 0).then(|| view! {
            <div class="switches">
                {(owned > 0).then(|| view! {
                    <label class="switch" title=t("A package of the distribution brought their files: they are part of it and are not counted again")>
                        <input type="checkbox" role="switch" data-test="hide-owned" prop:checked=hides_owned
                            on:change=move |_| session.refine(|address| address.search = query::toggle_value(&address.search, "owned", "no")) />
                        <span>{t("Hide packages that the distribution owns")}</span>
                    </label>
                })}
                {(declared > 0).then(|| view! {
                    <label class="switch" title=t("A lock file says what was wanted, not what is there")>
                        <input type="checkbox" role="switch" data-test="show-declared" prop:checked=store.with_declared
                            on:change:target=move |event| store.with_declared.set(event.target().checked()) />
                        <span>{tn(declared, "Also {n} from lock files", "Also {n} from lock files")}</span>
                    </label>
                })}
                {(removed > 0).then(|| view! {
                    <label class="switch">
                        <input type="checkbox" role="switch" data-test="show-removed" prop:checked=store.with_removed
                            on:change:target=move |event| store.with_removed.set(event.target().checked()) />
                        <span>{tn(removed, "Also the {n} removed by later layers", "Also the {n} removed by later layers")}</span>
                    </label>
                })}
            </div>
        })}
    }
}

#[component]
fn Nothing(is_bare: bool) -> impl IntoView {
    let session = expect_context::<Session>();
    if is_bare {
        return view! {
            <div class="empty">
                <p class="emptyTitle">{t("No packages")}</p>
                <p>{t("No package manager left its records in this image, and no file says of itself what it is, as is usual for images built from scratch.")}</p>
            </div>
        }
        .into_any();
    }
    view! {
        <div class="empty">
            <p class="emptyTitle">{t("Nothing matches")}</p>
            <p>{t("No package satisfies all filters at once.")}</p>
            <button type="button" class="button" on:click=move |_| session.refine(filters::clear)>{t("Clear filters")}</button>
        </div>
    }
    .into_any()
}
