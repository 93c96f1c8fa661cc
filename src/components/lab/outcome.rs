//! What the policy says of this image, rule by rule, and what would make it pass.

use lamina_policy::{Level, NeededException, RULES, Upgrade};
use leptos::prelude::*;

use crate::{
    browser,
    components::icons::{CHECK, CLOSE, Icon, WARNING},
    state::{
        address::View,
        report::ReportStore,
        session::{self, Session},
        words,
    },
};

/// Upgrades and exceptions that are listed at once.
const MOST_LISTED: usize = 12;

/// VEX statements that are listed at once.
const MOST_STATEMENTS: usize = 100;

/// The column beside the rules.
#[component]
pub fn Outcome() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let judgement = store.judgement;
    let passed = Memo::new(move |_| judgement.with(|judgement| judgement.verdict.passed));
    let rules = move || {
        let judgement = judgement.get();
        let rows = judgement.verdict.rules.iter().map(|rule| {
            let title = RULES
                .iter()
                .find(|known| known.id() == rule.rule)
                .map_or_else(|| rule.rule.to_string(), |known| known.title().to_owned());
            let (word, icon) = match rule.outcome {
                Level::Passed => ("passed", CHECK),
                Level::Warned => ("warned", WARNING),
                Level::Failed => ("failed", CLOSE),
            };
            view! {
                <li class="labOutcome" data-outcome=word data-test=format!("outcome-{}", rule.rule)>
                    <span class="labMark" title=word><Icon path=icon /><span class="visuallyHidden">{word}</span></span>
                    <span>
                        <span class="labRule">{title}</span>
                        <span class="labReason">{words::sentence(&rule.reason)}</span>
                    </span>
                </li>
            }
        });
        rows.collect_view()
    };
    let left_out = move || {
        judgement.with(|judgement| {
            let count = judgement.verdict.left_out.len();
            (count > 0).then(|| {
                let statements = judgement.verdict.statements.clone();
                view! {
                    <p class="labAside" data-test="lab-left-out">{session::left_out_words(&judgement.verdict)}</p>
                    {(!statements.is_empty()).then(|| view! {
                        <details class="labNotes">
                            <summary>{words::plural(statements.len(), "VEX statement")}</summary>
                            <ul>{statements.into_iter().take(MOST_STATEMENTS).map(|statement| view! { <li>{statement}</li> }).collect_view()}</ul>
                        </details>
                    })}
                }
            })
        })
    };
    let show_failing = move |_| {
        session.select(|address| {
            address.view = View::Findings;
            address.sort = None;
            "fails:yes".clone_into(&mut address.search);
        });
        browser::reveal_below("lists");
    };
    let remedy = move || {
        let judgement = judgement.get();
        let remedy = &judgement.remedy;
        if judgement.verdict.passed {
            return None;
        }
        let upgrades = remedy.upgrades.iter().take(MOST_LISTED).map(upgrade);
        let exceptions = remedy.exceptions.iter().take(MOST_LISTED).map(needed);
        let other = remedy
            .other
            .iter()
            .map(|text| view! { <li>{words::sentence(text)}</li> });
        let rest = remedy.upgrades.len().saturating_sub(MOST_LISTED)
            + remedy.exceptions.len().saturating_sub(MOST_LISTED);
        Some(view! {
            <div class="labRemedy" data-test="lab-remedy">
                <h3>"What would make it pass"</h3>
                <ul>
                    {upgrades.collect_view()} {exceptions.collect_view()} {other.collect_view()}
                    {(rest > 0).then(|| view! { <li>{format!("and {rest} more")}</li> })}
                </ul>
                <button type="button" class="linkButton" on:click=show_failing>"Show the findings that fail it"</button>
            </div>
        })
    };
    view! {
        <section class="labVerdict" aria-live="polite" aria-label="Verdict" data-passed=move || passed.get().to_string()>
            <h3 class="labTitle" data-test="lab-verdict">{move || if passed.get() { "Passes" } else { "Fails" }}</h3>
            <ul class="labOutcomes">{rules}</ul>
            {left_out}
            {remedy}
        </section>
    }
}

fn upgrade(upgrade: &Upgrade) -> impl IntoView + use<> {
    let removes = words::plural(upgrade.findings.len(), "finding");
    let layers: Vec<String> = upgrade.layers.iter().map(usize::to_string).collect();
    let layers = match layers.as_slice() {
        [one] => format!("layer {one}"),
        several => format!("layers {}", several.join(", ")),
    };
    view! {
        <li>
            "Upgrade " <strong>{upgrade.package.clone()}</strong> " to " <span class="mono">{upgrade.to.clone()}</span>
            <span class="labReason">{format!("from {}, in {layers}: removes {removes}", upgrade.from)}</span>
        </li>
    }
}

fn needed(needed: &NeededException) -> impl IntoView + use<> {
    let words = if needed.issues.is_empty() {
        "has no fix: except it, or choose another base"
    } else {
        "is to be mended, or excepted"
    };
    view! { <li><span class="mono">{needed.id.clone()}</span> " " {words}</li> }
}
