//! The table of findings.

use lamina_inventory::severity::Severity;
use lamina_report::model::Status;
use leptos::prelude::*;

use super::{
    finding_drawer::FindingDrawer,
    search_field::SearchField,
    severity::{SeverityMark, SeverityShape},
    virtual_list::{Scroller, VirtualList},
};
use crate::{
    browser,
    state::{
        findings::{Column, Sort},
        query,
        report::ReportStore,
        session::Session,
        words,
    },
};

/// Pixels of the toolbar and the column heads, which stay at the top of the window.
const HEAD_REM: f64 = 6.5;

/// The table, its filters and its drawer.
#[component]
pub fn FindingsTable() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let scroller = Scroller::new();
    let active = RwSignal::new(0_usize);
    let rows = Memo::new(move |_| store.findings.with(|rows| rows.list.clone()));
    let count = Memo::new(move |_| rows.with(|rows| rows.len()));
    let sort = Memo::new(move |_| {
        session
            .address
            .with(|address| Sort::<Column>::parse(address.sort.as_deref()))
    });
    let key_of = move |index: usize| {
        store.with(|report| {
            report
                .findings
                .get(index)
                .map(|finding| format!("{}@{}", finding.id, finding.package))
        })
    };
    // The finding in the drawer, as an index into the report.
    let opened = Memo::new(move |_| {
        let key = session.address.with(|address| address.finding.clone())?;
        let (id, package) = key.rsplit_once('@')?;
        let package: usize = package.parse().ok()?;
        store.with(|report| {
            report
                .findings
                .iter()
                .position(|finding| finding.package == package && finding.id == id)
        })
    });
    let open = move |index: usize| {
        let key = key_of(index);
        if opened.get_untracked().is_some() {
            session.refine(|address| address.finding = key);
        } else {
            session.select(|address| address.finding = key);
        }
    };
    let row_id = |position: usize| format!("finding-{position}");
    let close = move || {
        session.select(|address| address.finding = None);
        // A dialog that closes hands the focus back to where it was: ours comes after.
        request_animation_frame(move || browser::focus(&row_id(active.get_untracked())));
    };
    let move_to = move |position: usize| {
        let count = count.get_untracked();
        if count == 0 {
            return;
        }
        let position = position.min(count - 1);
        active.set(position);
        scroller.reveal(position, HEAD_REM * browser::rem());
        if opened.get_untracked().is_some() {
            if let Some(index) = rows.with_untracked(|rows| rows.get(position).copied()) {
                open(index);
            }
        } else {
            request_animation_frame(move || browser::focus(&row_id(position)));
        }
    };
    let step = move |key: &str| -> bool {
        let now = active.get_untracked();
        let page = scroller.page();
        let next = match key {
            "j" | "ArrowDown" => now + 1,
            "k" | "ArrowUp" => now.saturating_sub(1),
            "PageDown" => now + page,
            "PageUp" => now.saturating_sub(page),
            "Home" => 0,
            "End" => usize::MAX,
            _ => return false,
        };
        move_to(next);
        true
    };
    let on_table_key = move |event: leptos::ev::KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        if event.key() == "Enter" || event.key() == " " {
            let position = active.get_untracked();
            if let Some(index) = rows.with_untracked(|rows| rows.get(position).copied()) {
                event.prevent_default();
                open(index);
            }
        } else if !matches!(event.key().as_str(), "j" | "k") && step(&event.key()) {
            event.prevent_default();
        }
    };
    // j and k work wherever the focus is, as long as nothing is typed.
    let keys = window_event_listener(leptos::ev::keydown, move |event| {
        if browser::has_dialog()
            || browser::is_typing(&event)
            || event.ctrl_key()
            || event.meta_key()
            || event.alt_key()
        {
            return;
        }
        if matches!(event.key().as_str(), "j" | "k") && step(&event.key()) {
            event.prevent_default();
        }
    });
    on_cleanup(move || keys.remove());
    Effect::new(move |_| {
        let count = count.get();
        if active.get_untracked() >= count {
            active.set(count.saturating_sub(1));
        }
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
            let finding = report.findings.get(index)?;
            let package = report.packages.get(finding.package);
            let severity = finding.severity;
            let id = finding.id.clone();
            let shown_id = id.clone();
            let name = package.map(|package| package.name.clone()).unwrap_or_default();
            let version = package.map(|package| package.version.clone()).unwrap_or_default();
            let layer = package.map(|package| package.layer);
            let fixed = match finding.status {
                Status::Fixed => finding.fixed_in.first().cloned().unwrap_or_else(|| "yes".to_owned()),
                _ => "no fix".to_owned(),
            };
            let has_fix = finding.status == Status::Fixed;
            let title = finding.title.clone().unwrap_or_default();
            let is_excepted = move || {
                store.judgement.with(|judgement| judgement.judged.is_excepted.get(index).copied()).unwrap_or_default()
            };
            Some(view! {
                <div
                    class="tableRow findingsRow"
                    role="row"
                    id=row_id(position)
                    data-test="finding-row"
                    data-id=shown_id
                    data-open=move || (opened.get() == Some(index)).then_some("")
                    data-excepted=move || is_excepted().then_some("")
                    aria-rowindex=(position + 2).to_string()
                    tabindex=move || if active.get() == position { "0" } else { "-1" }
                    style=("--row", position.to_string())
                    on:click=move |_| {
                        active.set(position);
                        open(index);
                    }
                    on:focus=move |_| active.set(position)
                >
                    <div class="tableCell" role="cell" data-column="severity"><SeverityMark severity /></div>
                    <div class="tableCell mono" role="cell" data-column="id">
                        <span class="ellipsis">{id}</span>
                        {move || is_excepted().then(|| view! { <span class="tag">"excepted"</span> })}
                    </div>
                    <div class="tableCell" role="cell" data-column="package"><span class="ellipsis" title=name.clone()>{name.clone()}" "<span class="findingsVersion mono">{version.clone()}</span></span></div>
                    <div class="tableCell mono" role="cell" data-column="installed"><span class="ellipsis" title=version.clone()>{version.clone()}</span></div>
                    <div class="tableCell mono" role="cell" data-column="fixed" data-none=(!has_fix).then_some("")><span class="ellipsis" title=fixed.clone()>{fixed.clone()}</span></div>
                    <div class="tableCell" role="cell" data-column="layer"><span class="visuallyHidden">"layer "</span>{layer}</div>
                    <div class="tableCell" role="cell" data-column="title"><span class="ellipsis" title=title.clone()>{title.clone()}</span></div>
                </div>
            })
        })
    };
    let total = store.with(|report| report.findings.len());
    let has_rows = move || count.get() > 0;
    let shown = move || {
        let count = count.get();
        if count == total {
            words::plural(total, "finding")
        } else {
            format!(
                "{} of {}",
                words::count(u64::try_from(count).unwrap_or(u64::MAX)),
                words::plural(total, "finding")
            )
        }
    };
    view! {
        <div class="findings">
            <div class="toolbar">
                <SearchField
                    what="findings"
                    example="severity:>=high fixable:yes openssl"
                    problems=Signal::derive(move || store.findings.with(|rows| rows.problems.clone()))
                />
                <SeverityFilter />
            </div>
            <p class="tableCount" aria-live="polite">{shown}</p>
            <Show
                when=has_rows
                fallback=move || view! { <Nothing is_clean=total == 0 /> }
            >
                <div
                    class="table findingsTable"
                    role="table"
                    aria-label="Findings"
                    aria-rowcount=move || (count.get() + 1).to_string()
                    data-test="findings-table"
                    on:keydown=on_table_key
                >
                    <div class="tableHeads" role="rowgroup">
                        <div class="findingsRow" role="row" aria-rowindex="1">{heads()}</div>
                    </div>
                    <VirtualList
                        rows
                        row=draw
                        key=|index: &usize| *index
                        pinned=Signal::derive(move || Some(active.get()))
                        scroller
                    />
                </div>
            </Show>
            <FindingDrawer
                opened
                on_close=Callback::new(move |()| close())
                on_step=Callback::new(move |is_next: bool| {
                    step(if is_next { "j" } else { "k" });
                })
            />
        </div>
    }
}

#[component]
fn SeverityFilter() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let chosen = Memo::new(move |_| session.address.with(|address| address.severities.clone()));
    let counts = Memo::new(move |_| store.counts());
    let is_fixable = Memo::new(move |_| {
        session
            .address
            .with(|address| query::has_word(&address.search, "fixable:yes"))
    });
    let is_filtered = move || {
        session.address.with(|address| {
            !address.severities.is_empty() || !address.search.is_empty() || address.layer.is_some()
        })
    };
    let chips = Severity::WORST_FIRST
        .into_iter()
        .enumerate()
        .map(|(place, severity)| {
            let count =
                move || counts.with(|counts| counts.get(place).copied().unwrap_or_default());
            let is_chosen = move || chosen.with(|chosen| chosen.contains(&severity));
            view! {
                <button
                    type="button"
                    class="chip"
                    data-severity=severity.word()
                    aria-pressed=move || if is_chosen() { "true" } else { "false" }
                    disabled=move || count() == 0 && !is_chosen()
                    on:click=move |_| session.refine(|address| {
                        if address.severities.contains(&severity) {
                            address.severities.retain(|other| *other != severity);
                        } else {
                            address.severities.push(severity);
                            address.severities.sort_unstable_by(|a, b| b.cmp(a));
                        }
                    })
                >
                    <SeverityShape severity />
                    {severity.word()}
                    <span class="chipCount">{count}</span>
                </button>
            }
        })
        .collect_view();
    view! {
        <div class="chips" role="group" aria-label="Filter" data-test="severity-filter">
            {chips}
            <button
                type="button"
                class="chip"
                data-test="fixable-filter"
                aria-pressed=move || if is_fixable.get() { "true" } else { "false" }
                on:click=move |_| session.refine(|address| address.search = query::toggle_word(&address.search, "fixable:yes"))
            >
                "fix exists"
            </button>
            <button
                type="button"
                class="linkButton"
                data-test="clear-filters"
                disabled=move || !is_filtered()
                on:click=move |_| session.refine(|address| {
                    address.severities.clear();
                    address.search.clear();
                    address.layer = None;
                })
            >
                "Clear"
            </button>
        </div>
    }
}

#[component]
fn Nothing(is_clean: bool) -> impl IntoView {
    let session = expect_context::<Session>();
    if is_clean {
        return view! {
            <div class="empty">
                <p class="emptyTitle">"No findings"</p>
                <p>"The advisory database knows nothing against the packages of this image."</p>
            </div>
        }
        .into_any();
    }
    view! {
        <div class="empty">
            <p class="emptyTitle">"Nothing matches"</p>
            <p>"No finding satisfies all filters at once."</p>
            <button type="button" class="button" on:click=move |_| session.refine(|address| {
                address.severities.clear();
                address.search.clear();
                address.layer = None;
            })>"Clear filters"</button>
        </div>
    }
    .into_any()
}
