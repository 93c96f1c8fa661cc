//! The tab "Compare": what changed against another image, or the same one on another day.

use std::sync::Arc;

use lamina_report::{
    compare::{Comparison, FindingFate, IssueFate, PackageFate, Side},
    link::SharedReport,
    model::Report,
};
use leptos::{html, prelude::*};

use super::{
    icons::{AGAIN, FILE, Icon},
    severity::SeverityMark,
};
use crate::{
    desk,
    scanner::{self, RecentScan, ScanEvent, ScanHandle, ScanOptions, Source},
    state::{
        compare::{self, Other},
        language::{fill, t},
        report::{self, ReportStore},
        session::Session,
        words,
    },
};

/// How an image is named, shown where one is asked for.
const EXAMPLE: &str = "nginx:1.27";

/// Rows that are drawn at first, and with each "Show more".
const ROWS: usize = 100;

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq)]
enum State {
    /// Nothing was chosen.
    #[default]
    None,
    /// It is read or scanned: what is said of it.
    Working(String),
    /// Compared.
    Shown(Arc<Comparison>),
    /// There is nothing to compare with.
    Failed(String),
}

/// The view.
#[component]
pub fn Compare() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let state = RwSignal::new(State::None);
    let other = RwSignal::new(None::<Arc<Report>>);
    // Whether the sides are the other way round than they are by themselves.
    let is_swapped = RwSignal::new(false);
    let kept = RwSignal::new(Vec::<RecentScan>::new());
    let scan = StoredValue::new_local(None::<ScanHandle>);
    let stop = move || {
        if let Some(handle) = scan.try_update_value(Option::take).flatten() {
            handle.cancel();
        }
    };
    on_cleanup(stop);
    leptos::task::spawn_local(async move {
        let scans = scanner::recent_scans().await;
        let _ = kept.try_set(scans);
    });

    // Compares whenever the other side, the order, or the policy changes.
    let asked = StoredValue::new(0_u32);
    Effect::new(move |_| {
        let Some(other) = other.get() else { return };
        let number = asked.get_value().wrapping_add(1);
        asked.set_value(number);
        let shown = SharedReport {
            vex: session.vex.get().sources.clone(),
            report: store.with(Clone::clone),
            policy: session.policy.get(),
        };
        let is_other_later = compare::is_later(
            (&other.image, &other.scanned_at),
            (&shown.report.image, &shown.report.scanned_at),
        );
        let (a, b) = if is_swapped.get() != is_other_later {
            let report = other.as_ref().clone();
            (shown.report.clone(), SharedReport { report, ..shown })
        } else {
            (other.as_ref().clone(), shown)
        };
        leptos::task::spawn_local(async move {
            let rules = &b.policy.rules;
            let before = report::judge_custom(rules.clone(), &a).await;
            let after = report::judge_custom(rules.clone(), &b.report).await;
            let compared = match desk::compare(a, b, (before, after)).await {
                Ok(comparison) => State::Shown(Arc::new(comparison)),
                Err(problem) => State::Failed(words::sentence(&problem)),
            };
            // The view may be gone by now, or something else asked.
            if asked.try_get_value() == Some(number) {
                let _ = state.try_set(compared);
            }
        });
    });

    let begin = move |source: Source, name: String| {
        stop();
        state.set(State::Working(fill(
            t("Scanning {name}…"),
            &[("name", &name)],
        )));
        let platform = store.with(|report| report.image.platform.clone());
        let options = ScanOptions {
            platform: (!platform.is_empty() && matches!(source, Source::Reference(_)))
                .then_some(platform),
            ..ScanOptions::default()
        };
        let handle = scanner::scan(source, options, move |event| match event {
            ScanEvent::Done(report, _) => {
                let _ = state.try_set(State::Working(t("Comparing…").to_owned()));
                let _ = other.try_set(Some(Arc::new(*report)));
            }
            ScanEvent::Failed(failure) => {
                let message = format!("{}: {}", words::sentence(&failure.message), failure.advice);
                let _ = state.try_set(State::Failed(message));
            }
            ScanEvent::Step(step) => {
                let _ = state.try_set(State::Working(words::sentence(&step)));
            }
            _ => {}
        });
        scan.set_value(Some(handle));
    };
    let open_kept = move |key: String| {
        stop();
        state.set(State::Working(t("Reading the kept report…").to_owned()));
        leptos::task::spawn_local(async move {
            match scanner::load_recent(key).await {
                Some(report) => {
                    let _ = other.try_set(Some(Arc::new(report)));
                }
                None => {
                    let message = t("This report is no longer kept in this browser");
                    let _ = state.try_set(State::Failed(message.to_owned()));
                }
            }
        });
    };
    // The address says with what: also after back and forward.
    let with = Memo::new(move |_| session.address.with(|address| address.with.clone()));
    Effect::new(
        move |_| match with.get().as_deref().and_then(Other::parse) {
            Some(Other::Kept(key)) => open_kept(key),
            Some(Other::Image(reference)) => {
                begin(Source::Reference(reference.clone()), reference);
            }
            None => {}
        },
    );
    let choose = move |with: Other| {
        let text = Some(with.render());
        if session
            .address
            .with_untracked(|address| address.with == text)
        {
            return;
        }
        session.select(|address| address.with = text);
    };
    let open_file = move |file: web_sys::File| {
        session.refine(|address| address.with = None);
        let name = file.name();
        let lower = name.to_lowercase();
        if lower.ends_with(".json") || lower.ends_with(".sarif") {
            stop();
            state.set(State::Working(fill(
                t("Reading {name}…"),
                &[("name", &name)],
            )));
            leptos::task::spawn_local(async move {
                match desk::import_report(file).await {
                    Ok(report) => {
                        let _ = other.try_set(Some(Arc::new(report)));
                    }
                    Err(problem) => {
                        let _ = state.try_set(State::Failed(words::sentence(&problem)));
                    }
                }
            });
        } else {
            begin(Source::File(file), name);
        }
    };
    let answer = move || {
        match state.get() {
        State::None => view! {
            <div class="empty">
                <p>{t("Choose what to compare this image with: a kept report, another image, or a file.")}</p>
            </div>
        }
        .into_any(),
        State::Working(words) => view! { <p class="compareState" data-test="compare-working" role="status">{words}</p> }.into_any(),
        State::Failed(problem) => view! {
            <p class="note" data-kind="warning" data-test="compare-problem"><bdi>{problem}</bdi></p>
        }
        .into_any(),
        State::Shown(comparison) => view! { <Shown comparison /> }.into_any(),
    }
    };
    view! {
        <section class="compare" data-test="compare">
            <Choice kept choose=Callback::new(choose) open_file=Callback::new(open_file) />
            <Show when=move || matches!(state.get(), State::Shown(_))>
                <p>
                    <button type="button" class="button" data-size="small" data-test="compare-swap" on:click=move |_| is_swapped.update(|it| *it = !*it)>
                        <Icon path=AGAIN />
                        {t("Swap sides")}
                    </button>
                </p>
            </Show>
            <div aria-live="polite">{answer}</div>
        </section>
    }
}

/// What to compare with.
#[component]
fn Choice(
    kept: RwSignal<Vec<RecentScan>>,
    choose: Callback<Other>,
    open_file: Callback<web_sys::File>,
) -> impl IntoView {
    let field = NodeRef::<html::Input>::new();
    let file = NodeRef::<html::Input>::new();
    let on_submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let reference = field.get_untracked().map(|field| field.value());
        let reference = reference.map(|text| text.trim().to_owned());
        if let Some(reference) = reference.filter(|text| !text.is_empty()) {
            choose.run(Other::Image(reference));
        }
    };
    let on_file = move |_| {
        let Some(input) = file.get_untracked() else {
            return;
        };
        if let Some(file) = input.files().and_then(|files| files.get(0)) {
            input.set_value("");
            open_file.run(file);
        }
    };
    let options = move || {
        let scans = kept.get().into_iter();
        scans
            .map(|scan| {
                let words = format!(
                    "{} {}, {}",
                    scan.name,
                    scan.platform,
                    words::date(&scan.scanned_at)
                );
                view! { <option value=scan.key>{words}</option> }
            })
            .collect_view()
    };
    view! {
        <div class="compareChoice">
            <label class="compareField">
                <span>{t("Kept report")}</span>
                <select
                    data-test="compare-kept"
                    on:change:target=move |event| {
                        let key = event.target().value();
                        if !key.is_empty() {
                            choose.run(Other::Kept(key));
                        }
                    }
                >
                    <option value="">{t("Choose…")}</option>
                    {options}
                </select>
            </label>
            <form class="compareField" on:submit=on_submit>
                <label for="compare-reference">{t("Another image")}</label>
                <span class="compareReference">
                    <input id="compare-reference" class="mono" type="text" autocomplete="off" spellcheck="false" placeholder=EXAMPLE data-test="compare-reference" node_ref=field />
                    <button type="submit" class="button" data-size="small" data-test="compare-scan">{t("Compare")}</button>
                </span>
            </form>
            <label class="button fileButton" data-kind="quiet" data-size="small">
                <Icon path=FILE />
                <span>{t("Open a report or an archive…")}</span>
                <input class="visuallyHidden" type="file" data-test="compare-file" node_ref=file on:change=on_file />
            </label>
        </div>
    }
}

/// A comparison.
#[component]
fn Shown(comparison: Arc<Comparison>) -> impl IntoView {
    let notes = comparison
        .notes
        .iter()
        .map(|note| view! { <p class="note">{note.clone()}</p> })
        .collect_view();
    let layers = &comparison.layers;
    let layer_words = fill(
        t(
            "{shared} of {before} and {after} layers are the same stack, {size}; {moved} more have the same content",
        ),
        &[
            ("shared", &layers.shared.to_string()),
            ("before", &comparison.a.layers.to_string()),
            ("after", &comparison.b.layers.to_string()),
            ("size", &words::size(layers.shared_size)),
            ("moved", &layers.moved.len().to_string()),
        ],
    );
    let files = |of: &[lamina_report::compare::LayerOfOne]| {
        let sum =
            |read: fn(&lamina_report::compare::LayerOfOne) -> u64| of.iter().map(read).sum::<u64>();
        fill(
            t(
                "{layers} layers of its own: {added} files added, {changed} changed, {deleted} deleted",
            ),
            &[
                ("layers", &of.len().to_string()),
                ("added", &words::count(sum(|layer| layer.files_added))),
                ("changed", &words::count(sum(|layer| layer.files_changed))),
                ("deleted", &words::count(sum(|layer| layer.files_deleted))),
            ],
        )
    };
    let verdict = if comparison.introduces_failing() {
        t("The second introduces what fails the policy")
    } else {
        t("The second introduces nothing that fails the policy")
    };
    let (files_a, files_b) = (files(&layers.only_a), files(&layers.only_b));
    view! {
        {notes}
        <p class="compareVerdict" data-test="compare-verdict">{verdict}</p>
        <table class="compareSides" data-test="compare-sides">
            <thead>
                <tr><th scope="col"><span class="visuallyHidden">{t("What")}</span></th><th scope="col">{t("Before")}</th><th scope="col">{t("After")}</th></tr>
            </thead>
            <tbody>
                {side_row(t("Image"), &comparison, |side| side.name.clone())}
                {side_row(t("Platform"), &comparison, |side| side.platform.clone())}
                {side_row(t("Verdict"), &comparison, |side| if side.passed { t("passes").to_owned() } else { fill(t("fails: {rules}"), &[("rules", &side.failed_rules.join(", "))]) })}
                {side_row(t("Findings"), &comparison, counts)}
                {side_row(t("Packages"), &comparison, |side| words::count(side.packages))}
                {side_row(t("Size"), &comparison, |side| words::size(side.compressed_size))}
                {side_row(t("Distribution"), &comparison, |side| side.distribution.clone().unwrap_or_default())}
                {side_row(t("Scanned"), &comparison, |side| words::time(&side.scanned_at))}
                {side_row(t("Advisories"), &comparison, |side| side.database.as_deref().map(words::time).unwrap_or_else(|| t("none").to_owned()))}
                <tr><th scope="row">{t("Files")}</th><td>{files_a}</td><td>{files_b}</td></tr>
            </tbody>
        </table>
        <p class="compareState">{layer_words}</p>
        <Findings comparison=Arc::clone(&comparison) />
        <Packages comparison=Arc::clone(&comparison) />
        <Rest comparison />
    }
}

fn side_row(
    name: &'static str,
    comparison: &Comparison,
    read: impl Fn(&Side) -> String,
) -> AnyView {
    let (a, b) = (read(&comparison.a), read(&comparison.b));
    let is_other = a != b;
    view! {
        <tr data-other=is_other.then_some("")>
            <th scope="row">{name}</th>
            <td><bdi>{a}</bdi></td>
            <td><bdi>{b}</bdi></td>
        </tr>
    }
    .into_any()
}

fn counts(side: &Side) -> String {
    let counts: Vec<String> = side
        .findings
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count)| format!("{count} {}", t(severity.word())))
        .collect();
    if counts.is_empty() {
        t("none").to_owned()
    } else {
        counts.join(", ")
    }
}

/// The findings, by what became of them.
#[component]
fn Findings(comparison: Arc<Comparison>) -> impl IntoView {
    let first = FindingFate::ALL
        .into_iter()
        .find(|fate| comparison.count(*fate) > 0);
    let fate = RwSignal::new(first);
    let search = RwSignal::new(String::new());
    let most = RwSignal::new(ROWS);
    let chips = FindingFate::ALL.map(|this| {
        let count = comparison.count(this);
        view! {
            <button
                type="button"
                class="chip"
                data-test=format!("compare-{}", this.words().replace(' ', "-"))
                aria-pressed=move || if fate.get() == Some(this) { "true" } else { "false" }
                disabled=count == 0
                on:click=move |_| {
                    most.set(ROWS);
                    fate.update(|fate| *fate = (*fate != Some(this)).then_some(this));
                }
            >
                {format!("{count} {}", t(this.words()))}
            </button>
        }
    });
    let rows = move || {
        let found = search.with(|search| {
            let found = compare::findings(&comparison, fate.get(), search);
            found.into_iter().cloned().collect::<Vec<_>>()
        });
        let rest = found.len().saturating_sub(most.get());
        let rows = found
            .into_iter()
            .take(most.get())
            .map(|finding| {
                let versions = compare::versions(finding.from.as_deref(), finding.to.as_deref());
                let before = finding.severity_before.map(|before| fill(t(", was {severity}"), &[("severity", t(before.word()))]));
                view! {
                    <li class="compareRow" data-test="compare-finding" data-fails=finding.fails.then_some("")>
                        <SeverityMark severity=finding.severity />
                        <span class="compareId mono">{finding.id}</span>
                        <span class="comparePackage"><bdi>{finding.package}</bdi> " " <span class="mono">{versions}</span></span>
                        <span class="compareFate">{t(finding.fate.words())} {before}</span>
                        <span class="compareTitle"><bdi>{finding.title}</bdi></span>
                    </li>
                }
            })
            .collect_view();
        view! {
            <ul class="compareRows">{rows}</ul>
            {(rest > 0).then(|| view! {
                <button type="button" class="button" data-size="small" on:click=move |_| most.update(|most| *most += ROWS)>
                    {fill(t("Show more: {n} left"), &[("n", &rest.to_string())])}
                </button>
            })}
        }
    };
    view! {
        <h3 class="compareHead">{t("Findings")}</h3>
        <div class="compareFilter">
            {chips.into_iter().collect_view()}
            <label>
                <span class="visuallyHidden">{t("Search the findings that are compared")}</span>
                <input
                    type="search"
                    data-test="compare-search"
                    placeholder=t("Id, package or title")
                    on:input:target=move |event| search.set(event.target().value())
                />
            </label>
        </div>
        {rows}
    }
}

/// The packages.
#[component]
fn Packages(comparison: Arc<Comparison>) -> impl IntoView {
    let most = RwSignal::new(ROWS);
    let all = comparison.packages.len();
    let same = comparison.same_packages;
    let rows = move || {
        let rows = comparison.packages.iter().take(most.get());
        rows.map(|package| {
            let versions = match package.fate {
                PackageFate::Added => package.to.join(", "),
                PackageFate::Removed => package.from.join(", "),
                _ => format!("{} → {}", package.from.join(", "), package.to.join(", ")),
            };
            view! {
                <li class="compareRow" data-test="compare-package">
                    <span class="compareFate">{t(package.fate.word())}</span>
                    <span class="comparePackage"><bdi>{package.name.clone()}</bdi> " " <span class="mono">{versions}</span></span>
                    <span class="compareTitle">{package.kind.word()}</span>
                </li>
            }
        })
        .collect_view()
    };
    view! {
        <h3 class="compareHead">{t("Packages")}</h3>
        <p class="compareState">{fill(t("{all} changed, {same} the same"), &[("all", &all.to_string()), ("same", &same.to_string())])}</p>
        <ul class="compareRows">{rows}</ul>
        <Show when=move || { all > most.get() }>
            <button type="button" class="button" data-size="small" on:click=move |_| most.update(|most| *most += ROWS)>{t("Show more")}</button>
        </Show>
    }
}

/// Issues and configuration.
#[component]
fn Rest(comparison: Arc<Comparison>) -> impl IntoView {
    let issues: Vec<_> = comparison
        .issues
        .iter()
        .filter(|issue| issue.fate != IssueFate::Same)
        .map(|issue| {
            view! {
                <li class="compareRow" data-test="compare-issue">
                    <SeverityMark severity=issue.severity />
                    <span class="compareFate">{t(issue.fate.word())}</span>
                    <span class="comparePackage"><bdi>{issue.title.clone()}</bdi></span>
                    <span class="compareTitle"><bdi>{issue.place.clone()}</bdi></span>
                </li>
            }
        })
        .collect();
    let config: Vec<_> = comparison
        .config
        .iter()
        .map(|change| {
            let value =
                |value: &Option<String>| value.clone().unwrap_or_else(|| t("not set").to_owned());
            view! {
                <tr data-test="compare-config">
                    <th scope="row"><bdi>{change.what.clone()}</bdi></th>
                    <td class="mono"><bdi>{value(&change.from)}</bdi></td>
                    <td class="mono"><bdi>{value(&change.to)}</bdi></td>
                </tr>
            }
        })
        .collect();
    view! {
        {(!issues.is_empty()).then(|| view! {
            <h3 class="compareHead">{t("Issues")}</h3>
            <ul class="compareRows">{issues}</ul>
        })}
        {(!config.is_empty()).then(|| view! {
            <h3 class="compareHead">{t("Configuration")}</h3>
            <table class="compareSides">
                <thead><tr><th scope="col">{t("What")}</th><th scope="col">{t("Before")}</th><th scope="col">{t("After")}</th></tr></thead>
                <tbody>{config}</tbody>
            </table>
        })}
    }
}
