//! The list of issues: secrets, misconfigurations, licences.

use leptos::prelude::*;

use super::{
    filters::{self, ClearFilters, SeverityChips, WordChip},
    issue_drawer::IssueDrawer,
    row_keys::RowKeys,
    search_field::SearchField,
    severity::SeverityMark,
    sort_head::SortHead,
    virtual_list::VirtualList,
};
use crate::state::{
    findings::Sort,
    issues::{self, Column},
    language::{fill, t},
    report::ReportStore,
    session::Session,
    words,
};

/// The list, its filters and its drawer.
#[component]
pub fn IssuesTable() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let rows = Memo::new(move |_| store.issues.with(|rows| rows.list.clone()));
    let count = Memo::new(move |_| rows.with(|rows| rows.len()));
    let sort = Memo::new(move |_| {
        session
            .address
            .with(|address| Sort::<Column>::parse(address.sort.as_deref()))
    });
    let total = store.with(|report| report.issues.len());
    let opened = Memo::new(move |_| {
        session
            .address
            .with(|address| address.issue)
            .filter(|index| *index < total)
    });
    let keys = RowKeys::new(session, "issue", rows, opened, |address, index| {
        address.issue = index;
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
            let issue = report.issues.get(index)?;
            let place = issues::place(&issue.place);
            let fate = issues::fate(&issue.place);
            let under = issues::second_line(issue).map(|(what, text)| match what {
                "excerpt" => view! { <code class="issuesExcerpt ellipsis">{text}</code> }.into_any(),
                _ => view! { <span class="issuesAdvice ellipsis">{text}</span> }.into_any(),
            });
            let place = match &issue.place.file {
                // Of a long path the end is kept; words are kept from their beginning.
                Some(_) => view! { <span class="issuesFile ellipsis mono" title=place.clone()><bdi>{place.clone()}</bdi></span> }.into_any(),
                None => view! { <span class="ellipsis" title=place.clone()>{place.clone()}</span> }.into_any(),
            };
            Some(view! {
                <div
                    class="tableRow issuesRow"
                    role="row"
                    id=keys.id(position)
                    data-test="issue-row"
                    data-rule=issue.rule.clone()
                    data-open=move || keys.is_open(index).then_some("")
                    aria-rowindex=(position + 2).to_string()
                    tabindex=move || keys.tabindex(position)
                    style=("--row", position.to_string())
                    on:click=move |_| keys.click(position, index)
                    on:focus=move |_| keys.active.set(position)
                >
                    <div class="tableCell" role="cell" data-column="severity"><SeverityMark severity=issue.severity /></div>
                    <div class="tableCell" role="cell" data-column="kind"><span class="tag">{t(issues::kind_word(issue.kind))}</span></div>
                    <div class="tableCell" role="cell" data-column="title">
                        <span class="issuesTitle ellipsis" title=issue.title.clone()>{issue.title.clone()}</span>
                        {under}
                    </div>
                    <div class="tableCell" role="cell" data-column="place">
                        {place}
                        {fate.map(|fate| view! { <span class="issuesFate ellipsis">{fate}</span> })}
                    </div>
                    <div class="tableCell" role="cell" data-column="layer">
                        {issue.place.layer.map(|layer| view! { <span class="visuallyHidden">{t("layer")} " "</span> {layer} })}
                    </div>
                </div>
            })
        })
    };
    let has_rows = move || count.get() > 0;
    let shown = move || {
        let count = count.get();
        if count == total {
            words::plural(total, "issue")
        } else {
            fill(
                t("{n} of {all}"),
                &[
                    ("n", &words::count(count)),
                    ("all", &words::plural(total, "issue")),
                ],
            )
        }
    };
    let kinds = issues::KINDS
        .map(|kind| {
            let count = Signal::derive(move || {
                let layer = store.layer.get();
                store.with(|report| issues::count_of(report, layer, kind))
            });
            let word = issues::kind_word(kind);
            let title = match word {
                "misconfiguration" => t("misconfigurations"),
                "licence" => t("licences"),
                _ => t("secrets"),
            };
            view! { <WordChip key="kind" value=word title=title.to_owned() count /> }
        })
        .collect_view();
    let counts = Signal::derive(move || {
        let layer = store.layer.get();
        store.with(|report| issues::counts(report, layer))
    });
    view! {
        <div class="issues">
            <div class="toolbar">
                <SearchField
                    what="issues"
                    example="kind:secret severity:>=high deleted:yes"
                    problems=Signal::derive(move || store.issues.with(|rows| rows.problems.clone()))
                />
                <div class="chips" role="group" aria-label=t("Filter") data-test="issue-filter">
                    {kinds}
                    <span class="chipsGap" aria-hidden="true"></span>
                    <SeverityChips counts />
                    <ClearFilters />
                </div>
            </div>
            <p class="tableCount" aria-live="polite">{shown}</p>
            <Show
                when=has_rows
                fallback=move || view! { <Nothing is_clean=total == 0 /> }
            >
                <div
                    class="table issuesTable"
                    role="table"
                    aria-label=t("Issues")
                    aria-rowcount=move || (count.get() + 1).to_string()
                    data-test="issues-table"
                    on:keydown=move |event| keys.on_key(&event)
                >
                    <div class="tableHeads" role="rowgroup">
                        <div class="issuesRow" role="row" aria-rowindex="1">{heads()}</div>
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
            <IssueDrawer
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
fn Nothing(is_clean: bool) -> impl IntoView {
    let session = expect_context::<Session>();
    if is_clean {
        return view! {
            <div class="empty">
                <p class="emptyTitle">{t("No issues")}</p>
                <p>{t("No layer has a file that looks like a secret, the config breaks none of the rules, and no licence asks for attention.")}</p>
            </div>
        }
        .into_any();
    }
    view! {
        <div class="empty">
            <p class="emptyTitle">{t("Nothing matches")}</p>
            <p>{t("No issue satisfies all filters at once. What is in the config alone belongs to no layer.")}</p>
            <button type="button" class="button" on:click=move |_| session.refine(filters::clear)>{t("Clear filters")}</button>
        </div>
    }
    .into_any()
}
