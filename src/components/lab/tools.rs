//! What Harbor, Grype, Trivy and osv-scanner would say of the same image, side by side.

use std::collections::BTreeMap;

use lamina_policy::presets::{Decision, PRESETS, Preset, Settings};
use leptos::prelude::*;

use super::policies::FilePicker;
use crate::{
    browser,
    components::icons::{CHECK, CLOSE, COPY, DOWNLOAD, Icon},
    desk,
    state::{
        language::{fill, t, tn},
        report::ReportStore,
        session::{self, Session},
        toasts::Toasts,
        words,
    },
};

/// The cards.
#[component]
pub fn Tools() -> impl IntoView {
    view! {
        <section class="labSection" data-test="tools" aria-labelledby="tools-title">
            <h3 class="labTitle" id="tools-title">{t("What others would say")}</h3>
            <p class="labLead">{t("The same findings, judged by each tool's own rules, with the settings that come nearest to this policy. Open a tool's own file to judge by that instead.")}</p>
            <div class="labTools">
                {PRESETS.iter().map(|preset| view! { <Tool preset=*preset /> }).collect_view()}
            </div>
            <FilePicker label=t("Open a tool's own file…") />
        </section>
    }
}

#[component]
fn Tool(preset: &'static dyn Preset) -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let toasts = expect_context::<Toasts>();
    let file = Memo::new(move |_| {
        session.tool_files.with(|files| {
            let mut files = files.iter();
            files
                .find(|file| file.settings.tool() == preset.id())
                .cloned()
        })
    });
    let settings = move || -> (Settings, Vec<String>) {
        match file.get() {
            Some(file) => (file.settings, file.remarks),
            None => session.policy.with_untracked(|policy| {
                let translated = preset.settings(policy, session::now());
                (translated.value, translated.lost)
            }),
        }
    };
    let decision = Memo::new(move |_| {
        store.settled.track();
        let (settings, mut lost) = settings();
        let judge =
            || session.with_subject(store, |subject| settings.judge(subject, session::now()));
        let mut decision = untrack(judge);
        lost.append(&mut decision.notes);
        decision.notes = lost;
        decision
    });
    let on_export = move |_| {
        let (settings, _) = settings();
        let image = store.with(|report| report.image.name.clone());
        leptos::task::spawn_local(async move {
            match desk::write_policy(desk::PolicyTarget::Tool(settings), image).await {
                Ok(export) => {
                    for file in &export.files {
                        browser::download(&file.name, "text/plain;charset=utf-8", &file.text);
                    }
                    let names: Vec<&str> =
                        export.files.iter().map(|file| file.name.as_str()).collect();
                    match export.lost.as_slice() {
                        [] => {
                            toasts.show(fill(t("Saved {files}"), &[("files", &names.join(", "))]))
                        }
                        lost => toasts.show(fill(
                            t("Saved {files}. {lost}"),
                            &[("files", &names.join(", ")), ("lost", &lost.join("; "))],
                        )),
                    }
                }
                Err(problem) => toasts.show(words::sentence(&problem)),
            }
        });
    };
    let on_copy = move |_| {
        let (settings, _) = settings();
        let image = store.with(|report| report.image.name.clone());
        leptos::task::spawn_local(async move {
            let command = desk::write_policy(desk::PolicyTarget::Tool(settings), image).await;
            if let Ok(export) = command
                && browser::copy(&export.command).await
            {
                toasts.show(fill(t("Copied: {what}"), &[("what", &export.command)]));
            }
        });
    };
    let id = preset.id();
    view! {
        <article class="labTool" data-test=format!("tool-{id}") data-allows=move || decision.with(|decision| decision.allows.to_string())>
            <div class="labToolHead">
                <h4>{preset.title()}</h4>
                <span class="labToolVerdict">
                    {move || if decision.with(|decision| decision.allows) { view! { <Icon path=CHECK /> " " {t("lets it pass")} }.into_any() } else { view! { <Icon path=CLOSE /> " " {t("refuses it")} }.into_any() }}
                </span>
            </div>
            <p class="labReason">{move || decision.with(answer)}</p>
            {move || decision.with(|decision| (!decision.message.is_empty()).then(|| view! { <p class="labMessage" tabindex="0">{decision.message.clone()}</p> }))}
            {move || decision.with(why_left_out)}
            {move || decision.with(notes)}
            {move || file.get().map(|file| view! {
                <p class="labAside">
                    {fill(t("Judged by your {file}."), &[("file", &file.name)])}
                    " "
                    <button type="button" class="linkButton" on:click=move |_| session.forget_tool_file(id)>{t("Judge by the policy again")}</button>
                    " "
                    <button type="button" class="linkButton" data-test=format!("adopt-{id}") on:click=move |_| session.adopt_tool_file(id, toasts)>{t("Take it over into the policy")}</button>
                </p>
            })}
            <p class="labToolButtons">
                <button type="button" class="button" data-kind="quiet" data-size="small" data-test=format!("export-{id}") title=fill(t("Save the files that {tool} reads"), &[("tool", preset.title())]) on:click=on_export>
                    <Icon path=DOWNLOAD /> {t("Files")}
                </button>
                <button type="button" class="button" data-kind="quiet" data-size="small" title=t("Copy the command that judges so") on:click=on_copy>
                    <Icon path=COPY /> {t("Command")}
                </button>
            </p>
        </article>
    }
}

/// How it answers, and by how much.
fn answer(decision: &Decision) -> String {
    let how = if decision.code >= 100 && decision.tool == "harbor" {
        format!("HTTP {}", decision.code)
    } else {
        fill(t("exit status {n}"), &[("n", &decision.code.to_string())])
    };
    let mut parts = vec![how];
    let count = decision.counted.len();
    parts.push(match count {
        0 => t("no finding counts").to_owned(),
        count => fill(
            t("{findings} counted"),
            &[("findings", &words::plural(count, "finding"))],
        ),
    });
    if !decision.left_out.is_empty() {
        parts.push(fill(
            t("{n} left out"),
            &[("n", &decision.left_out.len().to_string())],
        ));
    }
    if !decision.counted_issues.is_empty() {
        parts.push(tn(
            decision.counted_issues.len(),
            "{n} other issue",
            "{n} other issues",
        ));
    }
    parts.join(", ")
}

/// Reasons why findings are left out that are listed at once.
const MOST_REASONS: usize = 12;

/// Why findings do not count for the tool, most often first.
fn why_left_out(decision: &Decision) -> Option<AnyView> {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, reason) in &decision.left_out {
        *reasons.entry(reason).or_default() += 1;
    }
    let mut reasons: Vec<(String, usize)> = reasons
        .into_iter()
        .map(|(reason, count)| (reason.to_owned(), count))
        .collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    (!reasons.is_empty()).then(|| {
        let rows = reasons
            .into_iter()
            .take(MOST_REASONS)
            .map(|(reason, count)| view! { <li>{format!("{count}: {reason}")}</li> });
        view! {
            <details class="labNotes">
                <summary>{t("Why some are left out")}</summary>
                <ul>{rows.collect_view()}</ul>
            </details>
        }
        .into_any()
    })
}

fn notes(decision: &Decision) -> Option<AnyView> {
    let notes = decision.notes.clone();
    (!notes.is_empty()).then(|| {
        view! {
            <details class="labNotes">
                <summary>{tn(notes.len(), "{n} thing to know", "{n} things to know")}</summary>
                <ul>{notes.into_iter().map(|note| view! { <li>{words::sentence(&note)}</li> }).collect_view()}</ul>
            </details>
        }
        .into_any()
    })
}
