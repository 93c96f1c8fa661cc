//! The tab "Compare": what changed against another image, or the same one on another day.

use std::sync::Arc;

use js_sys::Uint8Array;
use lamina_image::reference::Reference;
use lamina_report::{
    compare::{
        Comparison, FindingFate, IssueFate, PackageFate, Side,
        files::{FileFate, FilesCompared},
    },
    link::SharedReport,
    model::Report,
};
use leptos::{html, prelude::*};

use super::{
    icons::{AGAIN, FILE, Icon},
    platforms::Platforms,
    row_keys::RowKeys,
    severity::SeverityMark,
    virtual_list::VirtualList,
};
use crate::{
    desk,
    scanner::{self, RecentScan, ScanEvent, ScanHandle, ScanOptions, Source},
    state::{
        compare::{self, Other},
        counts::severity_word,
        language::{fill, t, tn},
        report::{self, ReportStore},
        session::Session,
        words,
    },
};

/// How an image is named, shown where one is asked for.
const EXAMPLE: &str = "nginx:1.27";

/// Rows that are drawn at first, and with each "Show more".
pub(super) const ROWS: usize = 100;

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum State<T> {
    /// Nothing was chosen.
    #[default]
    None,
    /// It is read or scanned: what is said of it.
    Working(String),
    /// Compared.
    Shown(Arc<T>),
    /// There is nothing to compare with.
    Failed(String),
}

/// How the files of both compare.
#[derive(Clone, Debug, Default, PartialEq)]
enum Files {
    /// They are being compared.
    #[default]
    Working,
    /// Compared.
    Shown(Arc<FilesCompared>),
    /// The report on show has none.
    NotOfShown,
    /// The other has none; what to scan so that it has.
    NotOfOther(Option<String>),
}

/// The reference of the very image of a report, if a registry has it.
fn pinned(report: &Report) -> Option<String> {
    let reference = Reference::parse(&report.image.name).ok()?;
    let digest = report.image.digest.as_deref()?;
    Some(format!(
        "{}/{}@{digest}",
        reference.registry(),
        reference.repository()
    ))
}

/// The view.
#[component]
pub fn Compare() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let state = RwSignal::new(State::<Comparison>::None);
    let other = RwSignal::new(None::<Arc<Report>>);
    // Whether the report on show is what there was, rather than what there is now.
    let is_swapped = RwSignal::new(false);
    let kept = RwSignal::new(Vec::<RecentScan>::new());
    let scan = StoredValue::new_local(None::<ScanHandle>);
    // The files of the other, if it was scanned here and now.
    let list = StoredValue::new_local(None::<Uint8Array>);
    let files = RwSignal::new(Files::default());
    let asked = StoredValue::new(0_u32);
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
    Effect::new(move |_| {
        let Some(other) = other.get() else { return };
        let shown = SharedReport {
            vex: session.vex.get().sources.clone(),
            report: store.with(Clone::clone),
            policy: session.policy.get(),
        };
        let rules = shown.policy.rules.clone();
        let is_before = compare::is_before(&shown.report, &other) != is_swapped.get();
        let (a, b) = if is_before {
            let report = other.as_ref().clone();
            (shown.report.clone(), SharedReport { report, ..shown })
        } else {
            (other.as_ref().clone(), shown)
        };
        let number = asked.get_value().wrapping_add(1);
        asked.set_value(number);
        files.set(Files::Working);
        leptos::task::spawn_local(async move {
            let answers = [
                report::rule_answers(rules.clone(), &a).await,
                report::rule_answers(rules, &b.report).await,
            ];
            let compared = match desk::compare(a, b, answers).await {
                Ok(comparison) => State::Shown(Arc::new(comparison)),
                Err(problem) => State::Failed(words::sentence(&problem)),
            };
            // Another comparison may have been asked for, or the view be gone.
            if asked.try_get_value() != Some(number) {
                return;
            }
            state.set(compared);
            let has_tree = session.has_tree(&store.loaded());
            let of_other = list.try_get_value().flatten();
            let compared = match of_other {
                None => Files::NotOfOther(pinned(&other)),
                Some(_) if !has_tree => Files::NotOfShown,
                Some(list) => match scanner::compare_files(&list, is_before).await {
                    Some(compared) => Files::Shown(Arc::new(compared)),
                    None => Files::NotOfShown,
                },
            };
            if asked.try_get_value() == Some(number) {
                files.set(compared);
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
            is_beside: true,
            ..ScanOptions::default()
        };
        let handle = scanner::scan(source, options, move |event| match event {
            ScanEvent::Done(report, _) => {
                let _ = state.try_set(State::Working(t("Comparing…").to_owned()));
                let _ = list.try_set_value(scanner::take_beside());
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
        list.set_value(None);
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
            list.set_value(None);
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
        State::Shown(comparison) => view! { <Shown comparison files choose=Callback::new(choose) /> }.into_any(),
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
            <div>{answer}</div>
            <Platforms />
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
                    words::time(&scan.scanned_at)
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
fn Shown(
    comparison: Arc<Comparison>,
    files: RwSignal<Files>,
    choose: Callback<Other>,
) -> impl IntoView {
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
    let of_layers = |of: &[lamina_report::compare::LayerOfOne]| {
        let sum = |read: fn(&lamina_report::compare::LayerOfOne) -> u64| {
            words::count(of.iter().map(read).sum::<u64>())
        };
        fill(
            t(
                "{layers} layers of its own: {added} files added, {changed} changed, {deleted} deleted",
            ),
            &[
                ("layers", &of.len().to_string()),
                ("added", &sum(|layer| layer.files_added)),
                ("changed", &sum(|layer| layer.files_changed)),
                ("deleted", &sum(|layer| layer.files_deleted)),
            ],
        )
    };
    let verdict = if comparison.introduces_failing() {
        t("The second introduces what fails the policy")
    } else {
        t("The second introduces nothing that fails the policy")
    };
    let newly_failed = comparison.newly_failed().join(", ");
    let newly_failed = (!newly_failed.is_empty()).then(|| {
        fill(
            t("Rules that fail the second and not the first: {rules}"),
            &[("rules", &newly_failed)],
        )
    });
    let (layers_a, layers_b) = (of_layers(&layers.only_a), of_layers(&layers.only_b));
    let passes = |side: &Side| match side.passed {
        true => t("passes").to_owned(),
        false => fill(
            t("fails: {rules}"),
            &[("rules", &side.failed_rules.join(", "))],
        ),
    };
    let advisories = |side: &Side| match &side.database {
        Some(built) => words::time(built),
        None => t("none").to_owned(),
    };
    let of_files = move || {
        match files.get() {
        Files::Working => {
            view! { <p class="compareState" role="status">{t("Comparing the files…")}</p> }.into_any()
        }
        Files::Shown(compared) => view! { <FileList compared /> }.into_any(),
        Files::NotOfShown => view! {
            <p class="compareState" data-test="compare-no-files">{t("The files are not compared: those of the report on show are not at hand. Scan it again to compare them.")}</p>
        }
        .into_any(),
        Files::NotOfOther(reference) => view! {
            <p class="compareState" data-test="compare-no-files">{t("The files are not compared: a kept or opened report does not list them.")}</p>
            {reference.map(|reference| view! {
                <p>
                    <button type="button" class="button" data-size="small" data-test="compare-scan-files" on:click=move |_| choose.run(Other::Image(reference.clone()))>
                        {t("Scan that image again to compare its files")}
                    </button>
                </p>
            })}
        }
        .into_any(),
    }
    };
    view! {
        {notes}
        <p class="compareVerdict" role="status" data-test="compare-verdict">{verdict}</p>
        {newly_failed.map(|words| view! { <p class="compareState" data-test="compare-newly-failed"><bdi>{words}</bdi></p> })}
        <table class="compareSides" data-test="compare-sides">
            <thead>
                <tr><th scope="col"><span class="visuallyHidden">{t("What")}</span></th><th scope="col">{t("Before")}</th><th scope="col">{t("After")}</th></tr>
            </thead>
            <tbody>
                {side_row(t("Image"), &comparison, |side| side.name.clone())}
                {side_row(t("Platform"), &comparison, |side| side.platform.clone())}
                {side_row(t("Verdict"), &comparison, passes)}
                {side_row(t("Findings"), &comparison, counts)}
                {side_row(t("Packages"), &comparison, |side| words::count(side.packages))}
                {side_row(t("Size"), &comparison, |side| words::size(side.compressed_size))}
                {side_row(t("Distribution"), &comparison, |side| side.distribution.clone().unwrap_or_default())}
                {side_row(t("Scanned"), &comparison, |side| words::time(&side.scanned_at))}
                {side_row(t("Advisories of"), &comparison, advisories)}
                <tr><th scope="row">{t("Layers")}</th><td>{layers_a}</td><td>{layers_b}</td></tr>
            </tbody>
        </table>
        <p class="compareState">{layer_words}</p>
        <Findings comparison=Arc::clone(&comparison) />
        <Packages comparison=Arc::clone(&comparison) />
        <Rest comparison />
        <section aria-labelledby="compare-files" data-test="compare-files-list">
            <h3 class="compareHead" id="compare-files">{t("Files")}</h3>
            {of_files}
        </section>
    }
}

/// The files, one by one.
#[component]
fn FileList(compared: Arc<FilesCompared>) -> impl IntoView {
    let session = expect_context::<Session>();
    let fate = RwSignal::new(None::<FileFate>);
    let search = RwSignal::new(String::new());
    let shown = Arc::clone(&compared);
    let rows = Memo::new(move |_| search.with(|search| compare::files(&shown, fate.get(), search)));
    let opened = Memo::new(|_| None::<usize>);
    let keys = RowKeys::new(session, "compare-file", rows, opened, |_, _| {});
    let chips = FileFate::ALL.map(|this| {
        let count = compared.count(this);
        let words = format!("{} {}", words::count(count), compare::file_fate(this));
        view! {
            <button
                type="button"
                class="chip"
                data-test=format!("compare-files-{}", this.words().replace(' ', "-"))
                aria-pressed=move || if fate.get() == Some(this) { "true" } else { "false" }
                disabled=count == 0
                on:click=move |_| fate.update(|fate| *fate = (*fate != Some(this)).then_some(this))
            >
                {words}
            </button>
        }
    });
    let same = u64::try_from(compared.same).unwrap_or(u64::MAX);
    let has_unknown = compared.count(FileFate::NotCompared) > 0;
    let draw = move |index: usize, position: usize| {
        let file = compared.differences.get(index)?;
        let path = format!("/{}", file.path());
        let words = compare::file_words(file);
        Some(view! {
            <div
                class="tableRow compareFileRow"
                role="row"
                id=keys.id(position)
                data-test="compare-file-row"
                data-fate=file.fate.words()
                aria-rowindex=(position + 2).to_string()
                tabindex=move || keys.tabindex(position)
                style=("--row", position.to_string())
                on:click=move |_| keys.active.set(position)
                on:focus=move |_| keys.active.set(position)
            >
                <div class="tableCell compareFate" role="cell">{compare::file_fate(file.fate)}</div>
                <div class="tableCell mono" role="cell"><span class="ellipsis" title=path.clone()><bdi>{path.clone()}</bdi></span></div>
                <div class="tableCell" role="cell"><span class="ellipsis" title=words.clone()><bdi>{words.clone()}</bdi></span></div>
            </div>
        })
    };
    let count = Memo::new(move |_| rows.with(|rows| rows.len()));
    view! {
        <p class="compareState" data-test="compare-files-same">{tn(same, "{n} file is the same", "{n} files are the same")}</p>
        {has_unknown.then(|| view! {
            <p class="compareState">{t("Images carry no digest of each file. Content counts as the same where both files come from the same layer; files of the same size on other layers are listed as not compared.")}</p>
        })}
        <div class="compareFilter">
            {chips.into_iter().collect_view()}
            <label>
                <span class="visuallyHidden">{t("Search the files that are compared")}</span>
                <input
                    type="search"
                    data-test="compare-files-search"
                    placeholder=t("Path")
                    on:input:target=move |event| search.set(event.target().value())
                />
            </label>
        </div>
        <Show when=move || count.get() == 0>
            <p class="compareState" role="status">{t("No file is like that")}</p>
        </Show>
        <Show when=move || { count.get() > 0 }>
            <div
                class="compareFiles"
                role="table"
                aria-label=t("Files that are not the same")
                aria-rowcount=move || (count.get() + 1).to_string()
                on:keydown=move |event| {
                    // There is nothing more to open.
                    if event.key() != "Enter" {
                        keys.on_key(&event);
                    }
                }
            >
                <div class="tableHeads" role="rowgroup">
                    <div class="compareFileRow" role="row" aria-rowindex="1">
                        <div class="tableHead" role="columnheader">{t("What")}</div>
                        <div class="tableHead" role="columnheader">{t("Path")}</div>
                        <div class="tableHead" role="columnheader">{t("Before → after")}</div>
                    </div>
                </div>
                <VirtualList
                    rows
                    row=draw.clone()
                    key=|index: &usize| *index
                    pinned=Signal::derive(move || Some(keys.active.get()))
                    scroller=keys.scroller
                />
            </div>
        </Show>
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
        .map(|(severity, count)| format!("{count} {}", severity_word(*severity)))
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
                {format!("{count} {}", compare::finding_fate(this))}
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
                let before = finding.severity_before.map(|before| fill(t(", was {severity}"), &[("severity", severity_word(before))]));
                view! {
                    <li class="compareRow" data-test="compare-finding" data-fails=finding.fails.then_some("")>
                        <SeverityMark severity=finding.severity />
                        <span class="compareId mono">{finding.id}</span>
                        <span class="comparePackage"><bdi>{finding.package}</bdi> " " <span class="mono">{versions}</span></span>
                        <span class="compareFate">{compare::finding_fate(finding.fate)} {before}</span>
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
                    <span class="compareFate">{compare::package_fate(package.fate)}</span>
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
                    <span class="compareFate">{compare::issue_fate(issue.fate)}</span>
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
