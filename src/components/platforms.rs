//! All platforms of an index side by side: each is scanned, one after the other.

use std::sync::Arc;

use futures::{StreamExt as _, channel::mpsc};
use lamina_image::reference::Reference;
use lamina_inventory::severity::Severity;
use lamina_report::{
    compare::{Side, platforms},
    model::Report,
};
use leptos::prelude::*;

use super::{
    compare::{ROWS, State},
    severity::SeverityMark,
};
use crate::{
    desk,
    scanner::{self, ScanEvent, ScanHandle, ScanOptions, Source},
    state::{
        counts::severity_word,
        language::{fill, t, tn},
        report::{self, ReportStore},
        session::Session,
        words,
    },
};

/// The button, the progress and the matrix; nothing for an image of one platform.
#[component]
pub fn Platforms() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let (name, offered, own) = store.with(|report| {
        let image = &report.image;
        let mut offered = image.platforms.clone();
        offered.dedup();
        (image.name.clone(), offered, image.platform.clone())
    });
    if offered.len() < 2 || Reference::parse(&name).is_err() {
        return ().into_any();
    }
    let state = RwSignal::new(State::<platforms::Platforms>::None);
    let scan = StoredValue::new_local(None::<ScanHandle>);
    let reports = RwSignal::new(None::<Arc<Scanned>>);
    let asked = StoredValue::new(0_u32);
    let stop = move || {
        // What is under way is not waited for.
        let _ = asked.try_update_value(|asked| *asked = asked.wrapping_add(1));
        if let Some(handle) = scan.try_update_value(Option::take).flatten() {
            handle.cancel();
        }
    };
    on_cleanup(stop);
    let count = offered.len();
    let start = move |_| {
        stop();
        let number = asked.get_value();
        let is_wanted = move || asked.try_get_value() == Some(number);
        let (name, offered, own) = (name.clone(), offered.clone(), own.clone());
        leptos::task::spawn_local(async move {
            let mut scanned = Scanned::default();
            for (place, platform) in offered.iter().enumerate() {
                if *platform == own {
                    scanned.reports.push(store.with(Clone::clone));
                    continue;
                }
                let words = fill(
                    t("Scanning {platform}, {place} of {count}…"),
                    &[
                        ("platform", platform),
                        ("place", &(place + 1).to_string()),
                        ("count", &count.to_string()),
                    ],
                );
                state.set(State::Working(words));
                let (handle, report) = scan_of(&name, platform);
                scan.set_value(Some(handle));
                let report = report.await;
                if !is_wanted() {
                    return;
                }
                match report {
                    Ok(report) => scanned.reports.push(report),
                    Err(problem) => scanned.failed.push((platform.clone(), problem)),
                }
            }
            if is_wanted() {
                state.set(State::Working(t("Comparing…").to_owned()));
                reports.set(Some(Arc::new(scanned)));
            }
        });
    };
    // Judges anew whenever the policy changes.
    Effect::new(move |_| {
        let Some(scanned) = reports.get() else { return };
        let policy = session.policy.get();
        let vex = session.vex.get();
        let vex: Vec<String> = vex.sources.iter().map(|(_, text)| text.clone()).collect();
        let number = asked.get_value().wrapping_add(1);
        asked.set_value(number);
        leptos::task::spawn_local(async move {
            let mut judged = Vec::new();
            for report in &scanned.reports {
                let answers = report::rule_answers(policy.rules.clone(), report).await;
                judged.push((report.clone(), answers));
            }
            let compared = desk::platforms(judged, scanned.failed.clone(), policy, vex).await;
            if asked.try_get_value() == Some(number) {
                state.set(match compared {
                    Ok(compared) => State::Shown(Arc::new(compared)),
                    Err(problem) => State::Failed(words::sentence(&problem)),
                });
            }
        });
    });
    let is_working = move || state.with(|state| matches!(state, State::Working(_)));
    let answer = move || {
        match state.get() {
        State::None => ().into_any(),
        State::Working(words) => {
            view! { <p class="compareState" role="status" data-test="platforms-working">{words}</p> }
                .into_any()
        }
        State::Failed(problem) => {
            view! { <p class="note" data-kind="warning" role="alert"><bdi>{problem}</bdi></p> }
                .into_any()
        }
        State::Shown(compared) => view! { <Matrix compared /> }.into_any(),
    }
    };
    let cancel = move |_| {
        stop();
        state.set(State::None);
    };
    let words = tn(
        count,
        "This image is an index of {n} platform",
        "This image is an index of {n} platforms",
    );
    view! {
        <section class="platforms" aria-labelledby="platforms-title" data-test="platforms">
            <h3 class="compareHead" id="platforms-title">{t("All platforms")}</h3>
            <p class="compareState">{words}</p>
            <p class="compareFilter">
                <button type="button" class="button" data-size="small" data-test="platforms-compare" disabled=is_working on:click=start>
                    {t("Compare all platforms")}
                </button>
                <Show when=is_working>
                    <button type="button" class="button" data-kind="quiet" data-size="small" data-test="platforms-cancel" on:click=cancel>
                        {t("Cancel")}
                    </button>
                </Show>
            </p>
            {answer}
        </section>
    }
    .into_any()
}

/// What the scans gave.
#[derive(Clone, Debug, Default, PartialEq)]
struct Scanned {
    reports: Vec<Report>,
    failed: Vec<(String, String)>,
}

/// Scans one platform beside the image on show.
fn scan_of(
    name: &str,
    platform: &str,
) -> (
    ScanHandle,
    impl Future<Output = Result<Report, String>> + use<>,
) {
    let (say, mut heard) = mpsc::unbounded();
    let options = ScanOptions {
        platform: Some(platform.to_owned()),
        is_beside: true,
        ..ScanOptions::default()
    };
    let handle = scanner::scan(
        Source::Reference(name.to_owned()),
        options,
        move |event| match event {
            ScanEvent::Done(report, _) => {
                let _ = say.unbounded_send(Ok(*report));
            }
            ScanEvent::Failed(failure) => {
                let _ = say.unbounded_send(Err(words::sentence(&failure.message)));
            }
            _ => {}
        },
    );
    let report = async move {
        let report = heard.next().await;
        report.unwrap_or_else(|| Err(t("The scan was cancelled").to_owned()))
    };
    (handle, report)
}

#[component]
fn Matrix(compared: Arc<platforms::Platforms>) -> impl IntoView {
    let most = RwSignal::new(ROWS);
    let sides = &compared.platforms;
    let heads = sides
        .iter()
        .map(|side| view! { <th scope="col"><bdi>{side.platform.clone()}</bdi></th> })
        .collect_view();
    let row = |name: &'static str, read: &dyn Fn(&Side) -> String| {
        let values: Vec<String> = sides.iter().map(read).collect();
        let is_other = values.windows(2).any(|pair| pair.first() != pair.last());
        let cells = values
            .into_iter()
            .map(|value| view! { <td><bdi>{value}</bdi></td> })
            .collect_view();
        view! { <tr data-other=is_other.then_some("")><th scope="row">{name}</th>{cells}</tr> }
    };
    let of_severity = |severity: Severity| {
        move |side: &Side| {
            let mut counts = side.findings.iter();
            let count = counts.find(|(other, _)| *other == severity);
            count.map_or_else(|| "0".to_owned(), |(_, count)| count.to_string())
        }
    };
    let verdict = |side: &Side| match side.passed {
        true => t("passes").to_owned(),
        false => fill(
            t("fails: {rules}"),
            &[("rules", &side.failed_rules.join(", "))],
        ),
    };
    let severities = Severity::WORST_FIRST
        .iter()
        .map(|severity| row(severity_word(*severity), &of_severity(*severity)))
        .collect_view();
    let failed = compared
        .failed
        .iter()
        .map(|(platform, problem)| {
            let words = fill(
                t("{platform} could not be scanned: {problem}"),
                &[("platform", platform), ("problem", problem)],
            );
            view! { <p class="note" data-kind="warning" data-test="platforms-failed"><bdi>{words}</bdi></p> }
        })
        .collect_view();
    let common = fill(
        t("{common} findings are on all platforms, {uneven} are not"),
        &[
            ("common", &compared.common.to_string()),
            ("uneven", &compared.findings.len().to_string()),
        ],
    );
    let names: Vec<String> = sides.iter().map(|side| side.platform.clone()).collect();
    let all = compared.findings.len();
    let summary = view! {
        {failed}
        <div class="platformsScroll" role="region" tabindex="0" aria-label=t("Platforms side by side")>
            <table class="compareSides" data-test="platforms-matrix">
                <thead><tr><th scope="col"><span class="visuallyHidden">{t("What")}</span></th>{heads}</tr></thead>
                <tbody>
                    {row(t("Verdict"), &verdict)}
                    {severities}
                    {row(t("Packages"), &|side| words::count(side.packages))}
                    {row(t("Size"), &|side| words::size(side.compressed_size))}
                    {row(t("Layers"), &|side| side.layers.to_string())}
                    {row(t("Distribution"), &|side| side.distribution.clone().unwrap_or_default())}
                </tbody>
            </table>
        </div>
        <p class="compareState" data-test="platforms-common">{common}</p>
    };
    let rows = move || {
        let rows = compared.findings.iter().take(most.get());
        rows.map(|finding| {
            let versions = names.iter().zip(&finding.versions);
            let versions: Vec<String> = versions
                .filter_map(|(name, version)| Some(format!("{name} {}", version.as_deref()?)))
                .collect();
            view! {
                <li class="compareRow" data-test="platforms-finding">
                    <SeverityMark severity=finding.severity />
                    <span class="compareId mono">{finding.id.clone()}</span>
                    <span class="comparePackage"><bdi>{finding.package.clone()}</bdi></span>
                    <span class="compareTitle"><bdi>{versions.join(", ")}</bdi></span>
                </li>
            }
        })
        .collect_view()
    };
    view! {
        {summary}
        <ul class="compareRows">{rows}</ul>
        <Show when=move || { all > most.get() }>
            <button type="button" class="button" data-size="small" on:click=move |_| most.update(|most| *most += ROWS)>{t("Show more")}</button>
        </Show>
    }
}
