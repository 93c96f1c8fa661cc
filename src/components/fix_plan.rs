//! The fix plan: upgrades by what they remove, what the verdict would be, and the lines to copy.

use std::sync::Arc;

use lamina_inventory::severity::Severity;
use lamina_report::{
    fixes::{self, Means, Snippet, Upgrade},
    model::Report,
};
use leptos::prelude::*;

use super::{
    copy::CopyButton,
    severity::{SeverityMark, Tally},
};
use crate::{
    browser,
    state::{
        address::View,
        counts,
        fixes::{self as plans, Choice, Ticks},
        language::{fill, t, text, tn},
        report::ReportStore,
        session::{self, Session},
        words,
    },
};

/// Upgrades that are shown until one asks for the rest.
const MOST_SHOWN: usize = 60;

/// The plan.
#[component]
pub fn FixPlan() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let plan = store.plan;
    let fails = move || {
        store
            .judgement
            .with(|judgement| judgement.judged.fails.clone())
    };
    let ticks = RwSignal::new(plan.with_untracked(|plan| Choice::All.ticks(plan, &[])));
    let snippet = Memo::new(move |_| {
        let plan = plan.get();
        ticks.with(|ticks| store.with(|report| plans::snippet(report, &plan, ticks)))
    });
    let shows_all = RwSignal::new(false);
    let has_base = store.with(|report| report.base.is_some());
    let has_by_hand = plan.with_untracked(|plan| {
        let mut upgrades = plan.upgrades.iter();
        upgrades.any(|upgrade| upgrade.means() == Means::ByHand)
    });
    let choose = move |choice: Choice| {
        ticks.set(plan.with_untracked(|plan| choice.ticks(plan, &untrack(fails))));
    };
    let choices = [
        (Choice::All, text("All"), true),
        (Choice::Failing, text("What fails the image"), true),
        (Choice::Commands, text("Commands only"), has_by_hand),
        (Choice::Own, text("Own layers only"), has_base),
        (Choice::None, text("None"), true),
    ];
    let buttons = move || {
        choices
            .into_iter()
            .filter(|(_, _, is_offered)| *is_offered)
            .map(|(choice, title, _)| {
                let is_chosen = Memo::new(move |_| {
                    let fails = fails();
                    let wanted = plan.with(|plan| choice.ticks(plan, &fails));
                    ticks.with(|ticks| *ticks == wanted)
                });
                view! {
                    <button
                        type="button"
                        class="chip"
                        data-test=format!("fixes-{choice:?}").to_lowercase()
                        aria-pressed=move || if is_chosen.get() { "true" } else { "false" }
                        on:click=move |_| choose(choice)
                    >
                        {t(title)}
                    </button>
                }
            })
            .collect_view()
    };
    let rows = move || {
        let plan = plan.get();
        let most = if shows_all.get() {
            usize::MAX
        } else {
            MOST_SHOWN
        };
        (0..)
            .zip(&plan.upgrades)
            .take(most)
            .map(|(number, upgrade)| view! { <UpgradeRow number upgrade=upgrade.clone() ticks /> })
            .collect_view()
    };
    let rest = move || plan.with(|plan| plan.upgrades.len().saturating_sub(MOST_SHOWN));
    let unfixed = move || plan.with(|plan| plan.unfixed.len());
    let show_unfixed = move |_| {
        session.select(|address| {
            address.view = View::Findings;
            address.search = "fixable:no".to_owned();
            address.severities.clear();
        });
        browser::reveal_below("lists");
    };
    view! {
        <div class="fixes" data-test="fix-plan">
            <Show
                when=move || plan.with(|plan| !plan.upgrades.is_empty())
                fallback=move || view! { <NoFixes unfixed=unfixed() /> }
            >
                <Outcome ticks snippet />
                <div class="fixesMain">
                    <div class="chips" role="group" aria-label=t("Which upgrades")>{buttons()}</div>
                    <ul class="fixesList" aria-label=t("Upgrades, the one that removes most first")>{rows}</ul>
                    <Show when=move || { rest() > 0 }>
                        <button type="button" class="linkButton" on:click=move |_| shows_all.update(|all| *all = !*all)>
                            {move || if shows_all.get() { t("Show fewer").to_owned() } else { fill(t("Show {n} more"), &[("n", &rest().to_string())]) }}
                        </button>
                    </Show>
                    <Show when=move || { unfixed() > 0 }>
                        <p class="fixesNote">
                            {move || tn(unfixed(), "No version fixes {n} other finding.", "No version fixes {n} other findings.")}
                            " "
                            <button type="button" class="linkButton" on:click=show_unfixed>{t("Show them")}</button>
                        </p>
                    </Show>
                </div>
                <Lines snippet />
            </Show>
        </div>
    }
}

/// What is said where there is nothing to upgrade.
#[component]
fn NoFixes(unfixed: usize) -> impl IntoView {
    let text = match unfixed {
        0 => t("Nothing was found that an upgrade would have to remove.").to_owned(),
        count => fill(
            t(
                "No version fixes any of the {findings}. Except what does not concern you, with a reason, or change the base image.",
            ),
            &[("findings", &words::plural(count, "finding"))],
        ),
    };
    view! {
        <div class="empty">
            <p class="emptyTitle">{t("Nothing to upgrade")}</p>
            <p>{text}</p>
        </div>
    }
}

/// One upgrade: a tick, what it is, and what it removes.
#[component]
fn UpgradeRow(number: usize, upgrade: Upgrade, ticks: RwSignal<Ticks>) -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let is_ticked =
        Memo::new(move |_| ticks.with(|ticks| ticks.get(number).copied().unwrap_or_default()));
    let toggle = move |_| {
        ticks.update(|ticks| {
            if let Some(tick) = ticks.get_mut(number) {
                *tick = !*tick;
            }
        });
    };
    let tally = store.with(|report| tally_of(report, &upgrade));
    let (names, file) = store.with(|report| places_of(report, &upgrade));
    let layers: Vec<String> = upgrade.layers.iter().map(ToString::to_string).collect();
    let layers = match layers.as_slice() {
        [one] => fill(t("layer {n}"), &[("n", one)]),
        many => fill(t("layers {list}"), &[("list", &many.join(", "))]),
    };
    let side = match upgrade.is_of_base {
        Some(true) => Some(t("base image")),
        _ => None,
    };
    let by_hand = upgrade.means() == Means::ByHand;
    let count = upgrade.findings.len();
    let search = store.with(|report| plans::search(report, &upgrade));
    let show = move |_| {
        session.select(|address| {
            address.view = View::Findings;
            address.search.clone_from(&search);
            address.severities.clear();
        });
        browser::reveal_below("lists");
    };
    let label = fill(
        t("Upgrade {package} from {from} to {to}"),
        &[
            ("package", &upgrade.name),
            ("from", &upgrade.from),
            ("to", &upgrade.to),
        ],
    );
    view! {
        <li class="fixesRow" data-test="fix" data-name=upgrade.name.clone() data-ticked=move || is_ticked.get().then_some("")>
            <input
                type="checkbox"
                aria-label=label
                prop:checked=is_ticked
                on:change=toggle
            />
            <div class="fixesWhat">
                <p class="fixesTitle">
                    <strong>{upgrade.name.clone()}</strong>
                    <span class="mono fixesVersions">{upgrade.from.clone()}" → "{upgrade.to.clone()}</span>
                </p>
                <p class="fixesDetail">
                    <span class="tag">{upgrade.kind.word()}</span>
                    {side.map(|side| view! { <span class="tag">{side}</span> })}
                    {by_hand.then(|| view! {
                        <span class="tag" title=t("No package manager in the image does this: change it where it comes from and build anew")>{t("by hand")}</span>
                    })}
                    <span>{layers}</span>
                    {(names.len() > 1).then(|| view! { <span class="ellipsis" title=names.join(", ")>{names.join(", ")}</span> })}
                    {file.map(|file| view! { <span class="mono ellipsis" title=file.clone()>{file.clone()}</span> })}
                </p>
            </div>
            <button type="button" class="linkButton fixesCount" title=t("Show these findings") on:click=show>
                {fill(t("removes {n}"), &[("n", &count.to_string())])}
            </button>
            <Tally counts=tally />
        </li>
    }
}

fn tally_of(report: &Report, upgrade: &Upgrade) -> counts::Counts {
    let mut tally = counts::Counts::default();
    for index in &upgrade.findings {
        if let Some(finding) = report.findings.get(*index) {
            counts::add(&mut tally, finding.severity);
        }
    }
    tally
}

/// The names of an upgrade's packages, each once; and its file, if it is not the distribution's.
fn places_of(report: &Report, upgrade: &Upgrade) -> (Vec<String>, Option<String>) {
    let packages = || {
        let indexes = upgrade.packages.iter();
        indexes.filter_map(|index| report.packages.get(*index))
    };
    let mut names: Vec<String> = packages().map(|package| package.name.clone()).collect();
    names.sort();
    names.dedup();
    let file = packages().next().map(|package| package.file.clone());
    (names, file.filter(|_| !upgrade.kind.is_os()))
}

/// What the ticks change: the verdict and the numbers.
#[component]
fn Outcome(ticks: RwSignal<Ticks>, snippet: Memo<Snippet>) -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let plan = store.plan;
    let lead = move || {
        let plan = plan.get();
        let snippet = snippet.get();
        ticks.with(|ticks| store.with(|report| plans::lead(report, &plan, ticks, &snippet)))
    };
    let was_passing = move || store.judgement.with(|judgement| judgement.verdict.passed);
    // The verdict and the numbers as they would be.
    let what_if = Memo::new(move |_| {
        let plan = plan.get();
        let vex = session.vex.get();
        let custom = store.custom.get();
        let changed = ticks.with(|ticks| {
            store.with(|report| fixes::with_upgrades(report, plans::ticked(&plan, ticks)))
        });
        let (verdict, _, _) = session
            .policy
            .with(|policy| session::judge(&changed, policy, &vex, &custom));
        let reason = verdict
            .rules
            .iter()
            .find(|rule| rule.is_failed())
            .map(|rule| words::sentence(&rule.reason));
        Arc::new((verdict.passed, reason, counts::of(&changed, None, 0)))
    });
    let before = store.with(|report| counts::of(report, None, 0));
    let numbers = move || {
        let after = what_if.get().2;
        Severity::WORST_FIRST
            .into_iter()
            .zip(before.into_iter().zip(after))
            .filter(|(_, (before, _))| *before > 0)
            .map(|(severity, (before, after))| {
                view! {
                    <li class="fixesNumber" data-none=(after == 0).then_some("")>
                        <SeverityMark severity />
                        <span>{before}<span class="visuallyHidden">" " {t("now")}</span>" → "<strong>{after}</strong></span>
                    </li>
                }
            })
            .collect_view()
    };
    let has_custom = move || session.policy.with(|policy| !policy.rules.is_empty());
    let title = move || {
        let passes = what_if.with(|it| it.0);
        match (passes, was_passing()) {
            (true, true) => t("The image passes, with and without them"),
            (true, false) => t("With them the image passes"),
            (false, true) => t("With them the image fails"),
            (false, false) => t("The image still fails"),
        }
    };
    view! {
        <section class="fixesOutcome" aria-labelledby="fixes-outcome">
            <h3
                class="fixesVerdict"
                id="fixes-outcome"
                aria-live="polite"
                data-test="what-if"
                data-passed=move || what_if.with(|it| it.0).to_string()
            >
                {title}
            </h3>
            <p class="fixesLead" data-test="fixes-lead">{lead}</p>
            {move || what_if.with(|it| it.1.clone()).map(|reason| view! { <p class="fixesNote">{reason}</p> })}
            <Show when=has_custom>
                <p class="fixesNote">{t("Rules of your own (Rego) are counted as they judged the image as it is.")}</p>
            </Show>
            <ul class="fixesNumbers" aria-label=t("Findings by severity, now and then")>{numbers}</ul>
        </section>
    }
}

/// The lines to copy.
#[component]
fn Lines(snippet: Memo<Snippet>) -> impl IntoView {
    let lines = move || snippet.with(|snippet| snippet.dockerfile.clone());
    view! {
        <section class="fixesSnippet" aria-labelledby="fixes-lines">
            <div class="fixesSnippetHead">
                <h3 class="labTitle" id="fixes-lines">{t("For the end of the Dockerfile")}</h3>
                {move || view! { <CopyButton text=lines() what="lines" /> }}
            </div>
            <pre class="mono" tabindex="0" data-test="fixes-snippet">{move || match lines() {
                text if text.is_empty() => format!("# {}", t("Tick an upgrade")),
                text => text,
            }}</pre>
            <p class="fixesNote">{t("Newer versions may have findings of their own: scan the image again when it is built.")}</p>
        </section>
    }
}
