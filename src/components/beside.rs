//! Another scanner's report beside ours: what both found, what only one found, and why.

use std::sync::Arc;

use lamina_inventory::severity::Severity;
use lamina_report::{
    beside::{Beside, Cause, Row, Side},
    link::SharedReport,
};
use leptos::{html, prelude::*};

use super::{
    icons::{CLOSE, FILE, Icon},
    severity::SeverityMark,
};
use crate::{
    desk,
    state::{
        beside::{self, Filter},
        language::{fill, t, tn},
        report::ReportStore,
        session::Session,
        words,
    },
};

/// Rows that are drawn at first, and with each "Show more".
const ROWS: usize = 50;

/// What became of the file that was chosen last.
#[derive(Clone, Debug, Default, PartialEq)]
enum State {
    #[default]
    None,
    Reading,
    Shown(Arc<Beside>),
    Failed(String),
}

/// The view.
#[component]
pub fn OtherScanners() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let state = RwSignal::new(State::None);
    let input = NodeRef::<html::Input>::new();
    let compare = move |file: web_sys::File| {
        state.set(State::Reading);
        let shared = SharedReport {
            vex: session.vex.get_untracked().sources.clone(),
            report: store.with(Clone::clone),
            policy: session.policy.get_untracked(),
        };
        let answers = store.custom.get_untracked().as_ref().clone();
        leptos::task::spawn_local(async move {
            let answer = match desk::compare_report(file, shared, answers).await {
                Ok(beside) => State::Shown(Arc::new(beside)),
                Err(problem) => State::Failed(words::sentence(&problem)),
            };
            // The report may have been left meanwhile.
            let _ = state.try_set(answer);
        });
    };
    let on_change = move |_| {
        let Some(input) = input.get_untracked() else {
            return;
        };
        if let Some(file) = input.files().and_then(|files| files.get(0)) {
            input.set_value("");
            compare(file);
        }
    };
    let on_over = move |event: web_sys::DragEvent| event.prevent_default();
    let on_drop = move |event: web_sys::DragEvent| {
        let files = event.data_transfer().and_then(|data| data.files());
        if let Some(file) = files.and_then(|files| files.get(0)) {
            // The window would open it instead of this report.
            event.prevent_default();
            event.stop_propagation();
            compare(file);
        }
    };
    let answer = move || {
        match state.get() {
        State::None => ().into_any(),
        State::Reading => view! { <p class="besideState" role="status">{t("Reading the report…")}</p> }.into_any(),
        State::Failed(problem) => view! {
            <p class="note" role="alert" data-kind="warning" data-test="beside-problem"><bdi>{problem}</bdi></p>
        }
        .into_any(),
        State::Shown(beside) => view! {
            <Comparison beside on_close=move || state.set(State::None) />
        }
        .into_any(),
    }
    };
    view! {
        <section class="beside" data-test="beside" aria-labelledby="beside-title" on:dragover=on_over on:drop=on_drop>
            <div class="besideHead">
                <h3 class="labTitle" id="beside-title">{t("Other scanners")}</h3>
                <label class="button fileButton" data-kind="quiet" data-size="small">
                    <Icon path=FILE />
                    <span>{t("Open their report…")}</span>
                    <input
                        class="visuallyHidden"
                        data-test="beside-file"
                        type="file"
                        accept=".json,.sarif,application/json"
                        node_ref=input
                        on:change=on_change
                    />
                </label>
            </div>
            <p class="labLead">{t("What another scanner found in this image, beside what is found here, and why they differ. Choose its report, or drop it here: Trivy, Grype, Clair, Quay, Snyk, Docker Scout, Qualys, ECR, Defender, Google, Harbor, GitLab, SARIF or CycloneDX.")}</p>
            {answer}
        </section>
    }
}

#[component]
fn Comparison(beside: Arc<Beside>, on_close: impl Fn() + Copy + 'static) -> impl IntoView {
    let beside = StoredValue::new(beside);
    let filter = RwSignal::new(Filter::default());
    let limit = RwSignal::new(ROWS);
    let change = move |change: &dyn Fn(&mut Filter)| {
        limit.set(ROWS);
        filter.update(change);
    };
    let shown = Memo::new(move |_| {
        beside.with_value(|beside| filter.with(|filter| beside::select(beside, filter)))
    });
    let tool = beside.with_value(|beside| beside.tool.clone());
    let remarks = beside.with_value(|beside| beside.remarks.clone());
    let sides = Side::ALL.map(|side| {
        let count = beside.with_value(|beside| beside.count(side));
        let is_pressed = move || filter.with(|filter| filter.side == Some(side));
        view! {
            <button
                type="button"
                class="besideSide"
                data-test=format!("beside-{}", side.word())
                data-side=side.word()
                aria-pressed=move || is_pressed().to_string()
                on:click=move |_| {
                    let next = (!is_pressed()).then_some(side);
                    change(&|filter| {
                        filter.side = next;
                        filter.cause = None;
                    });
                }
            >
                <span class="besideCount">{words::count(u64::try_from(count).unwrap_or_default())}</span>
                <span>{t(side.title())}</span>
            </button>
        }
    });
    let causes = move || {
        let side = filter.with(|filter| filter.side);
        let chosen = filter.with(|filter| filter.cause);
        let causes = beside.with_value(|beside| beside::causes(beside, side));
        let buttons = causes.into_iter().map(|(cause, count)| {
            let next = (chosen != Some(cause)).then_some(cause);
            view! {
                <li>
                    <button
                        type="button"
                        class="besideCause"
                        data-known=cause.is_known().to_string()
                        aria-pressed=(chosen == Some(cause)).to_string()
                        on:click=move |_| change(&|filter| filter.cause = next)
                    >
                        <span class="besideCauseCount">{count}</span>
                        {t(cause.title())}
                    </button>
                </li>
            }
        });
        buttons.collect_view()
    };
    let rows = move || {
        let rows = shown.with(|shown| {
            beside.with_value(|beside| {
                let rows = shown.iter().take(limit.get());
                let rows = rows.filter_map(|index| beside.rows.get(*index).cloned());
                rows.collect::<Vec<Row>>()
            })
        });
        rows.into_iter()
            .map(|row| view! { <BesideRow row /> })
            .collect_view()
    };
    let more = move || {
        let left = shown.with(Vec::len).saturating_sub(limit.get());
        (left > 0).then(|| view! {
            <button type="button" class="button" data-kind="quiet" on:click=move |_| limit.update(|limit| *limit += ROWS)>
                {fill(t("Show {n} of {left} more"), &[("n", &left.min(ROWS).to_string()), ("left", &left.to_string())])}
            </button>
        })
    };
    let is_empty = move || shown.with(Vec::is_empty);
    view! {
        <div class="besideBody" data-test="comparison">
            <div class="besideHead">
                <h4 class="besideTool"><bdi>{fill(t("{tool} beside this report"), &[("tool", &tool)])}</bdi></h4>
                <button type="button" class="iconButton" aria-label=t("Close the comparison") title=t("Close the comparison") on:click=move |_| on_close()>
                    <Icon path=CLOSE />
                </button>
            </div>
            <div class="besideSides" role="group" aria-label=t("Found by")>{sides}</div>
            {(!remarks.is_empty()).then(|| view! {
                <details class="besideRemarks">
                    <summary>{tn(remarks.len(), "{n} thing to know before comparing", "{n} things to know before comparing")}</summary>
                    <ul>{remarks.into_iter().map(|remark| view! { <li><bdi>{remark}</bdi></li> }).collect_view()}</ul>
                </details>
            })}
            <div class="besideFilters">
                <label class="labField">
                    <span>{t("Id or package")}</span>
                    <input
                        type="search"
                        data-test="beside-search"
                        maxlength="200"
                        autocomplete="off"
                        spellcheck="false"
                        on:input:target=move |event| {
                            let text = event.target().value();
                            change(&|filter| filter.search.clone_from(&text));
                        }
                    />
                </label>
                <label class="labField">
                    <span>{t("Severity")}</span>
                    <select
                        data-test="beside-severity"
                        on:change:target=move |event| {
                            let severity = Severity::parse(&event.target().value()).unwrap_or_default();
                            change(&|filter| filter.severity = severity);
                        }
                    >
                        <option value="">{t("All")}</option>
                        <option value="critical">{t("Critical")}</option>
                        <option value="high">{t("High or worse")}</option>
                        <option value="medium">{t("Medium or worse")}</option>
                        <option value="low">{t("Low or worse")}</option>
                    </select>
                </label>
            </div>
            <ul class="besideCauses" aria-label=t("Why they differ")>{causes}</ul>
            <table class="besideTable" role="table">
                <caption class="visuallyHidden">{t("Findings of both reports")}</caption>
                <thead role="rowgroup">
                    <tr role="row">
                        <th scope="col" role="columnheader">{t("Vulnerability")}</th>
                        <th scope="col" role="columnheader">{t("Here")}</th>
                        <th scope="col" role="columnheader">{t("There")}</th>
                        <th scope="col" role="columnheader">{t("Why they differ")}</th>
                    </tr>
                </thead>
                <tbody role="rowgroup" data-test="beside-rows">{rows}</tbody>
            </table>
            <Show when=is_empty>
                <p class="besideState" role="status">{t("Nothing is like that")}</p>
            </Show>
            {more}
        </div>
    }
}

#[component]
fn BesideRow(row: Row) -> impl IntoView {
    let cell = |severity: Option<Severity>| match severity {
        Some(severity) => view! { <SeverityMark severity /> }.into_any(),
        None => view! { <span class="besideNone">{t("not found")}</span> }.into_any(),
    };
    let reasons = row.reasons.into_iter().map(|reason| {
        view! {
            <li class="besideReason" data-known=reason.cause.is_known().to_string() data-cause=cause_word(reason.cause)>
                {t(reason.cause.title())}
                {(!reason.detail.is_empty()).then(|| view! { <span class="besideDetail"><bdi>{reason.detail}</bdi></span> })}
            </li>
        }
    });
    view! {
        <tr role="row" data-test="beside-row" data-side=row.side.word()>
            <th scope="row" role="rowheader" class="besideWhat">
                <bdi class="besideId">{row.id}</bdi>
                <bdi class="besidePackage">{row.package}</bdi>
            </th>
            <td role="cell" class="besideSeverity"><span class="besideLabel">{t("Here")}</span> {cell(row.our_severity)}</td>
            <td role="cell" class="besideSeverity"><span class="besideLabel">{t("There")}</span> {cell(row.their_severity)}</td>
            <td role="cell" class="besideWhy"><ul>{reasons.collect_view()}</ul></td>
        </tr>
    }
}

/// The cause's word in tests and styles.
fn cause_word(cause: Cause) -> String {
    serde_json::to_value(cause)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}
