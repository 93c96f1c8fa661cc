//! The report on paper: what lists show only in part, in full. Drawn while the browser prints, and only then.

use leptos::prelude::*;

use super::severity::SeverityMark;
use crate::{
    browser,
    state::{
        issues,
        language::{fill, t},
        report::ReportStore,
        words,
    },
};

/// Rows of a table that are printed: some hundred pages.
const MOST_ROWS: usize = 5_000;

/// The sheet; nothing until the browser prints.
#[component]
pub fn PrintSheet() -> impl IntoView {
    let is_printing = RwSignal::new(false);
    browser::on_window_first::<web_sys::Event>("beforeprint", move |_| is_printing.set(true));
    browser::on_window_first::<web_sys::Event>("afterprint", move |_| is_printing.set(false));
    view! {
        {move || is_printing.get().then(|| view! {
            <div class="printSheet" data-test="print-sheet">
                <Findings />
                <Issues />
                <Packages />
            </div>
        })}
    }
}

/// A table with a title; says how many rows are not in it.
fn table(
    title: &'static str,
    heads: &[&'static str],
    total: usize,
    rows: Vec<AnyView>,
) -> impl IntoView + use<> {
    let left_out = total.saturating_sub(rows.len());
    let heads: Vec<_> = heads
        .iter()
        .map(|head| view! { <th scope="col">{*head}</th> })
        .collect();
    (total > 0).then(|| {
        view! {
            <section class="printSheetPart">
                <h2>{title} " (" {words::count(total)} ")"</h2>
                <table class="printSheetTable">
                    <thead><tr>{heads}</tr></thead>
                    <tbody>{rows}</tbody>
                </table>
                {(left_out > 0).then(|| view! {
                    <p>{fill(t("{n} more are not printed: filter the list, or export it as CSV"), &[("n", &left_out.to_string())])}</p>
                })}
            </section>
        }
    })
}

#[component]
fn Findings() -> impl IntoView {
    let store = expect_context::<ReportStore>();
    let list = store.findings.with(|rows| rows.list.clone());
    let rows = store.with(|report| {
        list.iter()
            .take(MOST_ROWS)
            .filter_map(|index| report.findings.get(*index))
            .map(|finding| {
                let package = report.packages.get(finding.package);
                let named = package.map(|package| format!("{} {}", package.name, package.version));
                let fixed = finding.fixed_in.first().cloned();
                view! {
                    <tr>
                        <td><SeverityMark severity=finding.severity /></td>
                        <td>{finding.id.clone()}</td>
                        <td>{named}</td>
                        <td>{fixed.unwrap_or_else(|| finding.status.words().to_owned())}</td>
                        <td>{package.map(|package| package.layer)}</td>
                        <td>{finding.title.clone()}</td>
                    </tr>
                }
                .into_any()
            })
            .collect()
    });
    let heads = [
        t("Severity"),
        t("Vulnerability"),
        t("Package"),
        t("Fixed in"),
        t("Layer"),
        t("Title"),
    ];
    table(t("Findings"), &heads, list.len(), rows)
}

#[component]
fn Issues() -> impl IntoView {
    let store = expect_context::<ReportStore>();
    let list = store.issues.with(|rows| rows.list.clone());
    let rows = store.with(|report| {
        list.iter()
            .take(MOST_ROWS)
            .filter_map(|index| report.issues.get(*index))
            .map(|issue| {
                view! {
                    <tr>
                        <td><SeverityMark severity=issue.severity /></td>
                        <td>{issue.title.clone()}</td>
                        <td>{issues::place(&issue.place)}</td>
                        <td>{issue.place.layer}</td>
                        <td>{issue.advice.clone()}</td>
                    </tr>
                }
                .into_any()
            })
            .collect()
    });
    let heads = [
        t("Severity"),
        t("Issue"),
        t("Place"),
        t("Layer"),
        t("What to do"),
    ];
    table(t("Issues"), &heads, list.len(), rows)
}

#[component]
fn Packages() -> impl IntoView {
    let store = expect_context::<ReportStore>();
    let list = store.packages.with(|rows| rows.list.clone());
    let rows = store.with(|report| {
        list.iter()
            .take(MOST_ROWS)
            .filter_map(|index| report.packages.get(*index))
            .map(|package| {
                view! {
                    <tr>
                        <td>{package.kind.word()}</td>
                        <td>{package.name.clone()}</td>
                        <td>{package.version.clone()}</td>
                        <td>{package.layer}</td>
                        <td>{package.licence.clone()}</td>
                    </tr>
                }
                .into_any()
            })
            .collect()
    });
    let heads = [
        t("Kind"),
        t("Package"),
        t("Version"),
        t("Layer"),
        t("Licence"),
    ];
    table(t("Packages"), &heads, list.len(), rows)
}
