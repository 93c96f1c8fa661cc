//! The table of findings.

use std::{collections::BTreeSet, sync::Arc};

use lamina_report::model::Status;
use leptos::prelude::*;

use super::{
    columns_menu::ColumnsMenu,
    filters::{self, ClearFilters, SeverityChips, WordChip},
    finding_drawer::FindingDrawer,
    row_keys::RowKeys,
    search_field::SearchField,
    severity::{SeverityMark, Tally},
    sort_head::SortHead,
    virtual_list::VirtualList,
};
use crate::state::{
    address::View,
    columns::Columns,
    findings::{Column, Sort},
    grouping::{self, Group, Grouping, Row},
    language::{fill, t, text},
    query,
    report::ReportStore,
    session::Session,
    words,
};

/// The table, its filters and its drawer.
#[component]
pub fn FindingsTable() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let list = Memo::new(move |_| store.findings.with(|rows| rows.list.clone()));
    let count = Memo::new(move |_| list.with(|rows| rows.len()));
    let grouping = Memo::new(move |_| session.address.with(|address| address.grouping));
    let groups = Memo::new(move |_| match grouping.get() {
        Grouping::None => Arc::default(),
        grouping => {
            let plan = store.plan.get();
            let rows = list.get();
            Arc::new(store.with(|report| grouping::group(report, &plan, &rows, grouping)))
        }
    });
    let open_groups = RwSignal::new(BTreeSet::<String>::new());
    let rows = Memo::new(move |_| match grouping.get() {
        Grouping::None => list.get(),
        _ => groups.with(|groups| {
            open_groups.with(|open| Arc::new(grouping::rows(groups, |key| open.contains(key))))
        }),
    });
    let sort = Memo::new(move |_| {
        session
            .address
            .with(|address| Sort::<Column>::parse(address.sort.as_deref()))
    });
    let columns = Columns::<Column>::load(View::Findings);
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
    let toggle = move |group: usize| {
        let key = groups.with_untracked(|groups| groups.get(group).map(|group| group.key.clone()));
        let Some(key) = key else { return };
        open_groups.update(|open| {
            if !open.remove(&key) {
                open.insert(key);
            }
        });
    };
    let keys = RowKeys::new(session, "finding", rows, opened, move |address, row| {
        match row.map(Row::of) {
            // Going through the findings with the drawer open, a head is passed over.
            Some(Row::Head(_)) if address.finding.is_some() => {}
            Some(Row::Head(group)) => toggle(group),
            Some(Row::Finding(index)) => address.finding = key_of(index),
            None => address.finding = None,
        }
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

    let draw_head = move |group: usize, position: usize| {
        groups.with_untracked(|groups| {
            let Group { key, title, detail, findings, worst, counts } = groups.get(group)?.clone();
            let is_open = Memo::new(move |_| open_groups.with(|open| open.contains(&key)));
            Some(view! {
                <div
                    class="tableRow findingsGroup"
                    role="row"
                    id=keys.id(position)
                    data-test="finding-group"
                    data-title=title.clone()
                    aria-rowindex=(position + 2).to_string()
                    aria-expanded=move || if is_open.get() { "true" } else { "false" }
                    tabindex=move || keys.tabindex(position)
                    style=("--row", position.to_string())
                    on:click=move |_| keys.click(position, Row::Head(group).number())
                    on:focus=move |_| keys.active.set(position)
                >
                    <div class="tableCell" role="cell"><SeverityMark severity=worst /></div>
                    <div class="tableCell" role="cell">
                        <span class="ellipsis" title=format!("{title} {detail}")>
                            <strong>{title.clone()}</strong>" "<span class="findingsGroupDetail">{detail.clone()}</span>
                        </span>
                    </div>
                    <div class="tableCell" role="cell"><Tally counts /></div>
                    <div class="tableCell findingsGroupCount" role="cell">{words::plural(findings.len(), "finding")}</div>
                </div>
            })
        })
    };
    let draw_finding = move |index: usize, position: usize| {
        store.with(|report| {
            let finding = report.findings.get(index)?;
            let package = report.packages.get(finding.package);
            let severity = finding.severity;
            let id = finding.id.clone();
            let shown_id = id.clone();
            let name = package.map(|package| package.name.clone()).unwrap_or_default();
            let version = package.map(|package| package.version.clone()).unwrap_or_default();
            let layer = package.map(|package| package.layer).filter(|layer| *layer < report.layers.len());
            let fixed = match finding.status {
                Status::Fixed => finding.fixed_in.first().cloned().unwrap_or_else(|| "yes".to_owned()),
                status => status.words().to_owned(),
            };
            let has_fix = finding.status == Status::Fixed;
            let title = finding.title.clone().unwrap_or_default();
            let score = finding.score.map(|score| format!("{score:.1}"));
            let epss = finding.epss.map(|epss| words::percent(epss.score));
            let published = finding.published.as_deref().map(words::date);
            let is_excepted = move || {
                store.judgement.with(|judgement| judgement.judged.is_excepted.get(index).copied()).unwrap_or_default()
            };
            Some(view! {
                <div
                    class="tableRow findingsRow"
                    role="row"
                    id=keys.id(position)
                    data-test="finding-row"
                    data-id=shown_id
                    data-open=move || keys.is_open(index).then_some("")
                    data-excepted=move || is_excepted().then_some("")
                    aria-rowindex=(position + 2).to_string()
                    tabindex=move || keys.tabindex(position)
                    style=("--row", position.to_string())
                    on:click=move |_| keys.click(position, index)
                    on:focus=move |_| keys.active.set(position)
                >
                    <div class="tableCell" role="cell" data-column="severity"><SeverityMark severity /></div>
                    <div class="tableCell mono" role="cell" data-column="id">
                        <span class="ellipsis">{id}</span>
                        {move || is_excepted().then(|| view! { <span class="tag">{t("excepted")}</span> })}
                    </div>
                    <div class="tableCell" role="cell" data-column="package"><span class="ellipsis" title=name.clone()>{name.clone()}" "<span class="findingsVersion mono">{version.clone()}</span></span></div>
                    <div class="tableCell mono" role="cell" data-column="installed"><span class="ellipsis" title=version.clone()>{version.clone()}</span></div>
                    <div class="tableCell mono" role="cell" data-column="fixed" data-none=(!has_fix).then_some("")><span class="ellipsis" title=fixed.clone()>{fixed.clone()}</span></div>
                    <div class="tableCell" role="cell" data-column="layer">{layer.map(|layer| view! { <span class="visuallyHidden">{t("layer")} " "</span> {layer} })}</div>
                    <div class="tableCell" role="cell" data-column="cvss">{score}</div>
                    <div class="tableCell" role="cell" data-column="epss">{epss}</div>
                    <div class="tableCell" role="cell" data-column="published">{published}</div>
                    <div class="tableCell" role="cell" data-column="title"><span class="ellipsis" title=title.clone()>{title.clone()}</span></div>
                </div>
            })
        })
    };
    let draw = move |row: usize, position: usize| match Row::of(row) {
        Row::Head(group) => draw_head(group, position).into_any(),
        Row::Finding(index) => draw_finding(index, position).into_any(),
    };
    let total = store.with(|report| report.findings.len());
    let has_rows = move || count.get() > 0;
    let shown = move || {
        let count = count.get();
        let findings = if count == total {
            words::plural(total, "finding")
        } else {
            fill(
                t("{n} of {all}"),
                &[
                    ("n", &words::count(count)),
                    ("all", &words::plural(total, "finding")),
                ],
            )
        };
        match groups.with(|groups| groups.len()) {
            0 => findings,
            groups => fill(
                t("{findings} in {groups}"),
                &[
                    ("findings", &findings),
                    ("groups", &words::plural(groups, "group")),
                ],
            ),
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
            <div class="tableBar">
                <p class="tableCount" aria-live="polite">{shown}</p>
                <div class="tableTools">
                    <GroupingControl />
                    <ColumnsMenu columns id="findings-columns" />
                </div>
            </div>
            <Show
                when=has_rows
                fallback=move || view! { <Nothing is_clean=total == 0 /> }
            >
                <div
                    class="table findingsTable"
                    role=move || if grouping.get() == Grouping::None { "table" } else { "treegrid" }
                    aria-label=t("Findings")
                    aria-rowcount=move || (rows.with(|rows| rows.len()) + 1).to_string()
                    data-test="findings-table"
                    data-without=move || columns.hidden()
                    on:keydown=move |event| keys.on_key(&event)
                >
                    <div class="tableHeads" role="rowgroup">
                        <div class="findingsRow" role="row" aria-rowindex="1">{heads()}</div>
                    </div>
                    <VirtualList
                        rows
                        row=draw
                        key=move |row: &usize| match Row::of(*row) {
                            Row::Head(group) => groups.with_untracked(|groups| {
                                groups.get(group).map(|group| (group.key.clone(), group.counts))
                            }),
                            Row::Finding(index) => Some((String::new(), [u32::try_from(index).unwrap_or_default(); 6])),
                        }
                        pinned=Signal::derive(move || Some(keys.active.get()))
                        scroller=keys.scroller
                    />
                </div>
            </Show>
            <FindingDrawer
                opened
                on_close=Callback::new(move |()| keys.close())
                on_step=Callback::new(move |is_next: bool| {
                    keys.step(if is_next { "j" } else { "k" });
                })
            />
        </div>
    }
}

/// What findings are put together by.
#[component]
fn GroupingControl() -> impl IntoView {
    let session = expect_context::<Session>();
    let grouping = Memo::new(move |_| session.address.with(|address| address.grouping));
    let options = [
        (Grouping::None, text("nothing")),
        (Grouping::Vulnerability, text("vulnerability")),
        (Grouping::Package, text("package")),
        (Grouping::Layer, text("layer")),
        (Grouping::Fix, text("fix")),
    ]
    .map(|(option, title)| {
        view! {
            <option value=option.word() selected=move || grouping.get() == option>{t(title)}</option>
        }
    });
    view! {
        <label class="tableGrouping">
            <span>{t("Group by")}</span>
            <select
                data-test="grouping"
                prop:value=move || grouping.get().word()
                on:change:target=move |event| {
                    let chosen = Grouping::parse(&event.target().value());
                    session.select(|address| address.grouping = chosen);
                }
            >
                {options}
            </select>
        </label>
    }
}

#[component]
fn SeverityFilter() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let exploited = store.with(|report| {
        let findings = report.findings.iter();
        findings.filter(|finding| finding.kev.is_some()).count()
    });
    let is_fixable = Memo::new(move |_| {
        session
            .address
            .with(|address| query::has_word(&address.search, "fixable:yes"))
    });
    view! {
        <div class="chips" role="group" aria-label=t("Filter") data-test="severity-filter">
            <SeverityChips counts=Signal::derive(move || store.counts()) />
            <button
                type="button"
                class="chip"
                data-test="fixable-filter"
                aria-pressed=move || if is_fixable.get() { "true" } else { "false" }
                on:click=move |_| session.refine(|address| address.search = query::toggle_word(&address.search, "fixable:yes"))
            >
                {t("fix exists")}
            </button>
            <WordChip
                key="kev"
                value="yes"
                title=t("exploited").to_owned()
                hint=t("Known to be exploited, by CISA's catalogue (KEV)")
                count=Signal::derive(move || exploited)
            />
            <ClearFilters />
        </div>
    }
}

#[component]
fn Nothing(is_clean: bool) -> impl IntoView {
    let session = expect_context::<Session>();
    if is_clean {
        let store = expect_context::<ReportStore>();
        let was_asked = store.with(|report| {
            let database = report.database.as_ref();
            database.is_some_and(|database| database.unread.is_empty())
        });
        let text = match was_asked {
            true => t("The advisory database knows nothing against the packages of this image."),
            false => t("Not all of this image was matched: that says nothing."),
        };
        return view! {
            <div class="empty">
                <p class="emptyTitle">{t("No findings")}</p>
                <p>{text}</p>
            </div>
        }
        .into_any();
    }
    view! {
        <div class="empty">
            <p class="emptyTitle">{t("Nothing matches")}</p>
            <p>{t("No finding satisfies all filters at once.")}</p>
            <button type="button" class="button" on:click=move |_| session.refine(filters::clear)>{t("Clear filters")}</button>
        </div>
    }
    .into_any()
}
