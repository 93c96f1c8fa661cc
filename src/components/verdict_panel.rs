//! The verdict: does it pass, why, which layers brought it, what to do.

use lamina_inventory::{facts::IssueKind, severity::Severity};
use leptos::prelude::*;

use super::{
    icons::{CHECK, CLOSE, Icon},
    policy_panel::PolicyPanel,
    severity::SeverityShape,
};
use crate::{
    browser,
    state::{
        address::View,
        counts, issues,
        language::{fill, t, tn},
        report::ReportStore,
        session::Session,
        steps, words,
    },
};

/// Layers and upgrades named in the panel; the rest is in the table.
const MOST_NAMED: usize = 3;

/// The panel.
#[component]
pub fn VerdictPanel() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let passed = Memo::new(move |_| store.judgement.with(|judgement| judgement.verdict.passed));
    let show = move |search: &str, severities: Vec<Severity>, layer: Option<usize>| {
        let search = search.to_owned();
        session.select(|address| {
            if address.view != View::Findings {
                address.sort = None;
            }
            address.view = View::Findings;
            address.search = search;
            address.severities = severities;
            address.layer = layer;
        });
        browser::reveal_below("lists");
    };
    let reasons = move || {
        let judgement = store.judgement.get();
        judgement
            .verdict
            .rules
            .iter()
            .map(|rule| {
                let count = rule.findings.len();
                view! {
                    <li class="verdictReason" data-test="verdict-reason" data-passed=(!rule.is_failed()).to_string()>
                        <span>{words::sentence(&rule.reason)}</span>
                        " "
                        {(rule.is_failed() && count > 0).then(|| view! {
                            <button type="button" class="linkButton" on:click=move |_| show("fails:yes", Vec::new(), None)>
                                {tn(count, "Show it", "Show the {n}")}
                            </button>
                        })}
                    </li>
                }
            })
            .collect_view()
    };
    let places = move || {
        let judgement = store.judgement.get();
        // An imported report may not say which layer brought a package.
        let known = store.with(|report| report.layers.len());
        let layers = judgement.advice.layers.iter();
        let layers: Vec<_> = layers.filter(|(layer, _)| *layer < known).collect();
        (!layers.is_empty()).then(|| {
            let items = layers
                .iter()
                .take(MOST_NAMED)
                .map(|(layer, count)| {
                    let layer = *layer;
                    let step = store.with(|report| {
                        report.layers.get(layer).map(|layer| steps::parse(&layer.created_by)).unwrap_or_default()
                    });
                    view! {
                        <li>
                            <button type="button" class="linkButton" on:click=move |_| show("fails:yes", Vec::new(), Some(layer))>
                                {fill(t("{n} in layer {layer}"), &[("n", &count.to_string()), ("layer", &layer.to_string())])}
                            </button>
                            " "
                            <span class="verdictStep">{step.line()}</span>
                        </li>
                    }
                })
                .collect_view();
            let rest = layers.len().saturating_sub(MOST_NAMED);
            view! {
                <div class="verdictPart">
                    <h3>{t("Where it comes from")}</h3>
                    <ul>{items} {(rest > 0).then(|| view! { <li>{tn(rest, "and {n} more layer", "and {n} more layers")}</li> })}</ul>
                </div>
            }
        })
    };
    let remedies = move || {
        let judgement = store.judgement.get();
        let advice = &judgement.advice;
        (!advice.failing.is_empty()).then(|| {
            let items = judgement
                .remedy
                .upgrades
                .iter()
                .take(MOST_NAMED)
                .map(|upgrade| {
                    let search = format!("fails:yes {}", upgrade.package);
                    let removes = upgrade.findings.len();
                    view! {
                        <li>
                            <button type="button" class="linkButton" on:click=move |_| show(&search, Vec::new(), None)>
                                {fill(t("Upgrade {package} to {version}"), &[("package", &upgrade.package), ("version", &upgrade.to)])}
                            </button>
                            " "
                            <span class="verdictStep">{tn(removes, "removes {n}", "removes {n}")}</span>
                        </li>
                    }
                })
                .collect_view();
            let rest = judgement.remedy.upgrades.len().saturating_sub(MOST_NAMED);
            let without = advice.failing.len() - advice.fixable;
            view! {
                <div class="verdictPart">
                    <h3>{t("What to do")}</h3>
                    <ul>
                        {items}
                        {(rest > 0).then(|| view! {
                            <li>
                                <button type="button" class="linkButton" data-test="more-upgrades" on:click=move |_| {
                                    session.select(|address| {
                                        address.view = View::Fixes;
                                        address.sort = None;
                                        address.search.clear();
                                    });
                                    browser::reveal_below("lists");
                                }>
                                    {tn(rest, "and {n} more upgrade", "and {n} more upgrades")}
                                </button>
                            </li>
                        })}
                        {(without > 0).then(|| view! { <li>{tn(without, "{n} has no fixed version yet", "{n} have no fixed version yet")}</li> })}
                    </ul>
                </div>
            }
        })
    };
    // What is worth a look whether or not it decides the verdict.
    let (secrets, exploited) = store.with(|report| {
        let exploited = report.findings.iter().filter(|it| it.kev.is_some());
        (
            issues::count_of(report, None, IssueKind::Secret),
            exploited.count(),
        )
    });
    let show_secrets = move |_| {
        session.select(|address| {
            if address.view != View::Issues {
                address.sort = None;
            }
            address.view = View::Issues;
            "kind:secret".clone_into(&mut address.search);
            address.severities.clear();
            address.layer = None;
        });
        browser::reveal_below("lists");
    };
    let also = (secrets + exploited > 0).then(|| {
        view! {
            <ul class="verdictAlso" data-test="verdict-also">
                {(exploited > 0).then(|| view! {
                    <li>
                        <button type="button" class="linkButton" data-test="verdict-exploited" on:click=move |_| show("kev:yes", Vec::new(), None)>
                            {tn(exploited, "{n} finding is known to be exploited (KEV)", "{n} findings are known to be exploited (KEV)")}
                        </button>
                    </li>
                })}
                {(secrets > 0).then(|| view! {
                    <li>
                        <button type="button" class="linkButton" data-test="verdict-secrets" on:click=show_secrets>
                            {tn(secrets, "{n} secret was found", "{n} secrets were found")}
                        </button>
                    </li>
                })}
            </ul>
        }
    });
    let tally = store.with(|report| counts::of(report, None, 0));
    let numbers = Severity::WORST_FIRST
        .into_iter()
        .zip(tally)
        .map(|(severity, count)| {
            view! {
                <button
                    type="button"
                    class="verdictNumber"
                    data-severity=severity.word()
                    data-none=(count == 0).then_some("")
                    disabled=count == 0
                    on:click=move |_| show("", vec![severity], None)
                >
                    <span class="verdictCount">{words::count(u64::from(count))}</span>
                    <span class="verdictWord"><SeverityShape severity /> {t(severity.word())}</span>
                </button>
            }
        })
        .collect_view();
    view! {
        <section
            class="verdict"
            data-test="verdict"
            data-passed=move || passed.get().to_string()
            aria-labelledby="verdict-title"
        >
            <div class="verdictMain">
                <h2 class="verdictTitle" id="verdict-title" aria-live="polite">
                    <span class="verdictSeal" aria-hidden="true">
                        {move || if passed.get() { view! { <Icon path=CHECK /> } } else { view! { <Icon path=CLOSE /> } }}
                    </span>
                    {move || if passed.get() { t("Passes") } else { t("Fails") }}
                </h2>
                <ul class="verdictReasons">{reasons}</ul>
                {also}
                <div class="verdictParts">{places} {remedies}</div>
            </div>
            <div class="verdictNumbers" role="group" aria-label=t("Findings by severity")>{numbers}</div>
            <PolicyPanel />
        </section>
    }
}
