//! What the policy says of this image, rule by rule, and what would make it pass.

use lamina_policy::{Level, NeededException, RULES, Upgrade};
use leptos::prelude::*;

use crate::{
    browser,
    components::icons::{CHECK, CLOSE, Icon, WARNING},
    state::{
        address::View,
        language::{fill, t, text, tn},
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
                Level::Passed => (text("passed"), CHECK),
                Level::Warned => (text("warned"), WARNING),
                Level::Failed => (text("failed"), CLOSE),
            };
            view! {
                <li class="labOutcome" data-outcome=word data-test=format!("outcome-{}", rule.rule)>
                    <span class="labMark" title=t(word)><Icon path=icon /><span class="visuallyHidden">{t(word)}</span></span>
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
                            <summary>{tn(statements.len(), "{n} VEX statement", "{n} VEX statements")}</summary>
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
                <h3>{t("What would make it pass")}</h3>
                <ul>
                    {upgrades.collect_view()} {exceptions.collect_view()} {other.collect_view()}
                    {(rest > 0).then(|| view! { <li>{fill(t("and {n} more"), &[("n", &rest.to_string())])}</li> })}
                </ul>
                <button type="button" class="linkButton" on:click=show_failing>{t("Show the findings that fail it")}</button>
            </div>
        })
    };
    view! {
        <section class="labVerdict" aria-live="polite" aria-label=t("Verdict") data-passed=move || passed.get().to_string()>
            <h3 class="labTitle" data-test="lab-verdict">{move || if passed.get() { t("Passes") } else { t("Fails") }}</h3>
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
        [one] => fill(t("layer {n}"), &[("n", one)]),
        several => fill(t("layers {list}"), &[("list", &several.join(", "))]),
    };
    view! {
        <li>
            {fill(t("Upgrade {package} to {version}"), &[("package", &upgrade.package), ("version", &upgrade.to)])}
            <span class="labReason">{fill(t("from {version}, in {layers}: removes {findings}"), &[("version", &upgrade.from), ("layers", &layers), ("findings", &removes)])}</span>
        </li>
    }
}

fn needed(needed: &NeededException) -> impl IntoView + use<> {
    let words = if needed.issues.is_empty() {
        t("has no fix: except it, or choose another base")
    } else {
        t("is to be mended, or excepted")
    };
    view! { <li><span class="mono">{needed.id.clone()}</span> " " {words}</li> }
}
