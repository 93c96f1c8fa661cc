//! One finding in full: what it is, what to do, and why we say so.

use lamina_report::model::{Finding, Package, Status};
use leptos::prelude::*;

use super::{
    drawer::{Drawer, LayerLink, fact},
    file_drawer::OpenFileButton,
    package_drawer::open_package,
    policy_panel::{Field, Problem, except, is_wrong},
    severity::SeverityMark,
};
use crate::{
    browser,
    scanner::{self, AdvisoryText},
    state::{
        address::View,
        counts, cvss,
        language::{decimal, fill, t, text},
        links, markdown, packages,
        report::ReportStore,
        session::{self, Session},
        toasts::Toasts,
        words,
    },
};

/// The drawer.
#[component]
pub fn FindingDrawer(
    /// The finding, as an index into the report.
    opened: Memo<Option<usize>>,
    /// Closes it.
    on_close: Callback<()>,
    /// Goes to the next one (true) or the one before.
    on_step: Callback<bool>,
) -> impl IntoView {
    let store = expect_context::<ReportStore>();
    let content = move || {
        let index = opened.get()?;
        store.with(|report| {
            let finding = report.findings.get(index)?.clone();
            let package = report.packages.get(finding.package)?.clone();
            Some(view! { <FindingText index finding package /> })
        })
    };
    view! {
        <Drawer is_open=Signal::derive(move || opened.get().is_some()) turns=(t("Previous finding"), t("Next finding")) on_close on_step>
            {content}
        </Drawer>
    }
}

/// Shows a finding of the report, from wherever one is.
pub fn open_finding(session: Session, store: ReportStore, index: usize) {
    let key = store.with(|report| {
        let finding = report.findings.get(index)?;
        Some(format!("{}@{}", finding.id, finding.package))
    });
    session.select(|address| {
        if address.view != View::Findings {
            address.view = View::Findings;
            address.sort = None;
            address.search.clear();
        }
        address.finding = key;
    });
    request_animation_frame(|| browser::focus("drawer-title"));
}

#[component]
fn FindingText(index: usize, finding: Finding, package: Package) -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let toasts = expect_context::<Toasts>();
    let remedy = match (finding.status, finding.fixed_in.first()) {
        (Status::Fixed, Some(version)) => {
            let name = package
                .source
                .as_ref()
                .map_or(&package.name, |(name, _)| name)
                .clone();
            fill(
                t("Upgrade {package} to {version} or later"),
                &[("package", &name), ("version", version)],
            )
            .into_any()
        }
        (Status::Fixed, None) => {
            t("A fixed version exists; the advisory does not name it").into_any()
        }
        (status, _) => status.sentence().into_any(),
    };
    let score = finding.score.map(|score| {
        view! { <span class="drawerScore">"CVSS " {decimal(score, 1)}</span> }
    });
    let id = finding.id.clone();
    let is_excepted = {
        let (id, aliases) = (finding.id.clone(), finding.aliases.clone());
        Memo::new(move |_| {
            session.policy.with(|policy| {
                policy.exceptions.iter().any(|exception| {
                    std::iter::once(&id).chain(&aliases).any(|id| {
                        exception
                            .id
                            .as_deref()
                            .is_some_and(|other| id.eq_ignore_ascii_case(other))
                    })
                })
            })
        })
    };
    let standing = move || {
        let judgement = store.judgement.get();
        let words = session
            .policy
            .with(|policy| session::standing_words(policy, &judgement.verdict, index));
        words.map(
            |words| view! { <p class="drawerExcepted" data-test="finding-standing">{words}</p> },
        )
    };
    let reason = RwSignal::new(String::new());
    let until = RwSignal::new(String::new());
    let problem = RwSignal::new(None::<Problem>);
    let on_except = {
        let (id, aliases) = (id.clone(), finding.aliases.clone());
        move |event: leptos::ev::SubmitEvent| {
            event.prevent_default();
            if is_excepted.get_untracked() {
                session.set_policy(|policy| {
                    policy.exceptions.retain(|exception| {
                        !std::iter::once(&id).chain(&aliases).any(|id| {
                            exception
                                .id
                                .as_deref()
                                .is_some_and(|other| id.eq_ignore_ascii_case(other))
                        })
                    });
                });
                toasts.show(fill(t("{id} counts again"), &[("id", &id)]));
            } else {
                match except(
                    session,
                    &id,
                    &reason.get_untracked(),
                    &until.get_untracked(),
                ) {
                    Ok(()) => {
                        problem.set(None);
                        toasts.show(fill(
                            t("{id} is excepted: it no longer counts"),
                            &[("id", &id)],
                        ));
                    }
                    Err(found) => {
                        if found.field == Field::Reason {
                            browser::focus("except-reason");
                        }
                        problem.set(Some(found));
                    }
                }
            }
        }
    };
    let evidence = finding.evidence.clone();
    let place = packages::place_words(&package);
    let range_words = fill(
        t("{package} {version} is in the range {range}"),
        &[
            ("package", &evidence.matched_name),
            ("version", &evidence.matched_version),
            ("range", &evidence.range),
        ],
    );
    let also: Vec<_> = store.with(|report| {
        report
            .findings
            .iter()
            .filter(|other| other.id == finding.id && other.package != finding.package)
            .filter_map(|other| report.packages.get(other.package))
            .take(12)
            .map(|package| format!("{} {}", package.name, package.version))
            .collect()
    });
    let prose = {
        let (shard, record) = (evidence.shard.clone(), evidence.record.clone());
        LocalResource::new(move || scanner::advisory_text(shard.clone(), record.clone()))
    };
    let exploited = finding.kev.as_ref().map(|kev| {
        let since = words::date(&kev.added);
        let mut parts = vec![fill(t("known to CISA since {day}"), &[("day", &since)])];
        if kev.ransomware {
            parts.push(t("ransomware uses it").to_owned());
        }
        if let Some(due) = kev.due.as_deref() {
            parts.push(fill(
                t("United States agencies had to fix it by {day}"),
                &[("day", &words::date(due))],
            ));
        }
        parts.join("; ")
    });
    let likelihood = finding.epss.map(|epss| {
        fill(
            t("{score} likely within 30 days, more than {percentile} of all vulnerabilities (EPSS)"),
            &[
                ("score", &words::percent(epss.score)),
                ("percentile", &words::percent(epss.percentile)),
            ],
        )
    });
    let weaknesses = finding.cwes.clone();
    let weaknesses = (!weaknesses.is_empty()).then(|| {
        let links = weaknesses.into_iter().map(|number| {
            let href = format!("https://cwe.mitre.org/data/definitions/{number}.html");
            view! { <a href=href target="_blank" rel="noopener noreferrer">{format!("CWE-{number}")}</a> " " }
        });
        links.collect_view()
    });
    let dates: Vec<String> = [
        (text("published {day}"), &finding.published),
        (text("changed {day}"), &finding.modified),
        (text("fix published {day}"), &finding.fix_published),
    ]
    .into_iter()
    .filter_map(|(what, day)| Some(fill(t(what), &[("day", &words::date(day.as_deref()?))])))
    .collect();
    let pages = links::of_finding(&finding.id, &finding.aliases, &evidence.record);
    let aliases = finding.aliases.clone();
    let layer = package.layer;
    let package_index = finding.package;
    let vector = finding.cvss.clone();
    let vector_words = vector.as_deref().map(cvss::words).unwrap_or_default();
    view! {
        <div class="drawerText" data-severity=finding.severity.word()>
            <div class="drawerMarks"><SeverityMark severity=finding.severity /> {score}</div>
            <h2 class="drawerTitle" id="drawer-title" tabindex="-1">{finding.id.clone()}</h2>
            {finding.title.clone().map(|title| view! { <p class="drawerLead">{title}</p> })}
            <p class="drawerPackage">
                {t("in")}
                " "
                <button type="button" class="linkButton" title=t("Show the package") data-test="finding-package" on:click=move |_| open_package(session, package_index)>
                    {package.name.clone()}
                </button>
                " " <span class="mono">{package.version.clone()}</span>
            </p>
            <p class="drawerRemedy" data-fixable=(finding.status == Status::Fixed).then_some("")>{remedy}</p>

            <form class="drawerExcept" on:submit=on_except>
                <Show when=move || !is_excepted.get() fallback=|| view! { <p class="drawerExcepted">{t("The policy has an exception for it")}</p> }>
                    <label>
                        <span class="visuallyHidden">{t("Reason")}</span>
                        <input type="text" id="except-reason" placeholder=t("Reason to except it") maxlength="400" autocomplete="off" aria-required="true"
                            aria-invalid=move || is_wrong(problem, Field::Reason) aria-describedby="except-problem"
                            prop:value=reason on:input:target=move |event| reason.set(event.target().value()) />
                    </label>
                    <label>
                        <span class="visuallyHidden">{t("Until")}</span>
                        <input type="date" title=t("Until when it is excepted; for ever if empty") data-test="except-until"
                            prop:value=until on:input:target=move |event| until.set(event.target().value()) />
                    </label>
                </Show>
                <button type="submit" class="button" data-size="small" data-test="except">
                    {move || if is_excepted.get() { t("Let it count") } else { t("Except") }}
                </button>
                <span class="fieldProblem" id="except-problem" role="alert" data-test="except-problem">{move || problem.get().map(|found| found.text)}</span>
            </form>

            {standing}

            <h3>{t("Why it is reported")}</h3>
            <p class="drawerProof">
                {range_words}
                <span class="drawerProofBy">{fill(t("compared as {order} versions"), &[("order", evidence.order.as_ref())])}</span>
            </p>
            <dl class="facts">
                {fact(t("Record"), view! { <span class="mono">{evidence.record.clone()}</span> " " {fill(t("of {source}, shard {shard}"), &[("source", &evidence.source), ("shard", &evidence.shard)])} }.into_any())}
                {finding.severity_source.clone().map(|source| fact(t("Severity"), fill(t("{severity} according to {source}"), &[("severity", counts::severity_word(finding.severity)), ("source", &source)]).into_any()))}
                {vector.map(|vector| fact(t("CVSS"), view! { <span class="mono drawerVector">{vector}</span> <ul class="drawerVectorWords">{vector_words.into_iter().map(|words| view! { <li>{words}</li> }).collect_view()}</ul> }.into_any()))}
                {exploited.map(|text| fact(t("Exploited"), view! { <strong data-test="finding-kev">{text}</strong> }.into_any()))}
                {likelihood.map(|text| fact(t("Exploitation"), view! { <span data-test="finding-epss">{text}</span> }.into_any()))}
                {weaknesses.map(|links| fact(t("Weakness"), links.into_any()))}
                {(!dates.is_empty()).then(|| fact(t("Dates"), dates.join(", ").into_any()))}
                {(!finding.fixed_in.is_empty()).then(|| fact(t("Fixed in"), finding.fixed_in.join(", ").into_any()))}
                {(!aliases.is_empty()).then(|| fact(t("Also known as"), aliases.join(", ").into_any()))}
            </dl>

            <h3>{t("Where it is")}</h3>
            <dl class="facts">
                {fact(t("Layer"), view! { <LayerLink layer /> })}
                {fact(t("Read from"), view! { <span class="mono">{place}</span> }.into_any())}
                {fact(t("File"), view! { <OpenFileButton path=package.file.clone() layer=Some(package.file_layer) lines=package.lines /> }.into_any())}
                {(package.file_layer != layer).then(|| fact(t("File of"), fill(t("layer {n} {step}"), &[("n", &package.file_layer.to_string()), ("step", &store.layer_line(package.file_layer))]).into_any()))}
                {package.source.clone().map(|(name, version)| fact(t("Source package"), format!("{name} {version}").into_any()))}
                {fact(t("Package URL"), view! { <span class="mono">{package.purl.clone()}</span> }.into_any())}
                {(!also.is_empty()).then(|| fact(t("Also in"), also.join(", ").into_any()))}
            </dl>

            <Suspense fallback=|| view! { <p class="drawerLoading">{t("Reading the advisory…")}</p> }>
                {move || prose.get().map(|text| view! { <Prose text /> })}
            </Suspense>

            {(!pages.is_empty()).then(|| view! {
                <h3>{t("Read more")}</h3>
                <ul class="drawerLinks">
                    {pages.into_iter().map(|page| view! {
                        <li><a href=page.url target="_blank" rel="noopener noreferrer">{page.title}</a></li>
                    }).collect_view()}
                </ul>
            })}
        </div>
    }
}

#[component]
fn Prose(text: Option<AdvisoryText>) -> impl IntoView {
    let Some(text) = text else {
        return view! { <p class="drawerLoading">{t("The database has no text on it")}</p> }
            .into_any();
    };
    let details = markdown::render(&text.details);
    let references: Vec<_> = text
        .references
        .iter()
        .filter_map(|url| links::safe_url(url).map(str::to_owned))
        .take(40)
        .map(|url| {
            let host = links::host(&url).to_owned();
            view! { <li><a href=url.clone() title=url target="_blank" rel="noopener noreferrer">{host}</a></li> }
        })
        .collect();
    view! {
        <h3>{t("What it is")}</h3>
        {(!text.summary.is_empty()).then(|| view! { <p class="drawerLead">{text.summary.clone()}</p> })}
        <div class="prose" inner_html=details></div>
        {(!references.is_empty()).then(|| view! {
            <h3>{t("References")}</h3>
            <ul class="drawerLinks">{references}</ul>
        })}
    }
    .into_any()
}
