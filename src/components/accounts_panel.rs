//! Whose the files are, and what is wasted.

use lamina_report::model::Share;
use leptos::prelude::*;

use crate::state::{
    accounts,
    language::{fill, t, tn},
    report::ReportStore,
    words,
};

/// The panel; nothing for reports that do not say.
#[component]
pub fn AccountsPanel() -> impl IntoView {
    let store = expect_context::<ReportStore>();
    let accounts = store.with(|report| report.accounts.clone())?;
    let parts = accounts::parts(&accounts);
    let files = |share: Share| {
        fill(
            &tn(share.files, "{n} file, {size}", "{n} files, {size}"),
            &[("size", &words::size(share.bytes))],
        )
    };
    let bar = parts
        .iter()
        .filter(|part| part.percent > 0.0)
        .map(|part| {
            view! {
                <span
                    class="accountsPart"
                    data-part=part.word
                    style=("--share", format!("{:.2}", part.percent))
                ></span>
            }
        })
        .collect_view();
    let legend = parts
        .iter()
        .map(|part| {
            view! {
                <li class="accountsItem" title=format!("{}: {}", part.title, part.meaning)>
                    <span class="accountsSwatch" data-part=part.word aria-hidden="true"></span>
                    <span class="accountsName">{part.title}<span class="visuallyHidden">{format!(" ({}): ", part.meaning)}</span></span>
                    <span class="accountsPercent">{accounts::percent(part.percent)}</span>
                    <span class="accountsFiles">{files(part.share)}</span>
                </li>
            }
        })
        .collect_view();
    let wasted = accounts
        .wasted
        .iter()
        .map(|wasted| {
            view! {
                <li class="accountsWasted">
                    <span class="ellipsis mono" title=wasted.path.clone()><bdi>{wasted.path.clone()}</bdi></span>
                    <span class="accountsCopies">{format!("{}×", wasted.copies)}</span>
                    <span class="accountsBytes">{words::size(wasted.bytes)}</span>
                </li>
            }
        })
        .collect_view();
    let is_thrifty = accounts.wasted.is_empty();
    let efficiency = accounts::percent(accounts.efficiency * 100.0);
    let waste = if accounts.wasted_bytes == 0 {
        t("Nothing is written twice or deleted again").to_owned()
    } else {
        fill(
            t(
                "{size} in copies of files that several layers write, or that one writes and another deletes",
            ),
            &[("size", &words::size(accounts.wasted_bytes))],
        )
    };
    Some(view! {
        <section class="accounts" aria-labelledby="accounts-title" data-test="accounts">
            <div class="accountsWhose">
                <h3 class="accountsTitle" id="accounts-title">{t("Whose the files are")}</h3>
                <div class="accountsBar" aria-hidden="true">{bar}</div>
                <ul class="accountsLegend">{legend}</ul>
            </div>
            <div class="accountsThrift">
                <h3 class="accountsTitle">{t("Efficiency")}</h3>
                <p class="accountsScore" title=t("The share of bytes that reading each path once needs, of all bytes in the layers") data-test="efficiency">{efficiency}</p>
                <p class="accountsWaste">{waste}</p>
                {(!is_thrifty).then(|| view! {
                    <details class="accountsDetails" data-test="wasted">
                        <summary>{t("The most wasteful paths")}</summary>
                        <ol class="accountsList" tabindex="0" aria-label=t("The most wasteful paths, with copies and bytes")>{wasted}</ol>
                    </details>
                })}
            </div>
        </section>
    })
}
