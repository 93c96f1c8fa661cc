//! The log of every request that this tab has made, so that one need not believe that nothing else
//! leaves it.

use leptos::prelude::*;

use super::icons::{COPY, Icon};
use crate::{
    browser,
    state::{
        language::{fill, t, tn},
        network::{HostCount, Line, Way},
        network_log::{self, LogRevision},
        toasts::Toasts,
        words,
    },
};

/// Lines that are drawn, the newest, until all are asked for.
const FIRST_LINES: usize = 200;

/// What is in it.
#[component]
pub fn RequestList() -> impl IntoView {
    let LogRevision(revision) = expect_context();
    let toasts = expect_context::<Toasts>();
    let shows_all = RwSignal::new(false);
    let hosts = Memo::new(move |_| {
        revision.track();
        network_log::read(|log| log.hosts())
    });
    let lines = Memo::new(move |_| {
        revision.track();
        network_log::read(|log| log.lines())
    });
    let summary = move || {
        hosts.with(|hosts| {
            let requests: usize = hosts.iter().map(|host| host.requests).sum();
            let bytes = hosts.iter().map(|host| host.bytes).sum();
            fill(
                t("{requests} to {hosts}, {bytes} received"),
                &[
                    ("requests", &tn(requests, "{n} request", "{n} requests")),
                    ("hosts", &tn(hosts.len(), "{n} host", "{n} hosts")),
                    ("bytes", &words::size(bytes)),
                ],
            )
        })
    };
    let copy = move |text: String| {
        leptos::task::spawn_local(async move {
            toasts.show(match browser::copy(&text).await {
                true => t("The log is copied"),
                false => t("The browser does not let the page copy"),
            });
        });
    };
    let drawn = move || {
        let all = lines.get();
        let first = match shows_all.get() {
            true => 0,
            false => all.len().saturating_sub(FIRST_LINES),
        };
        let began = all.first().map_or(0.0, |line| line.at_ms);
        all.into_iter()
            .skip(first)
            .rev()
            .map(|line| view! { <LogLine line began /> })
            .collect_view()
    };
    let hidden = move || match shows_all.get() {
        true => 0,
        false => lines.with(Vec::len).saturating_sub(FIRST_LINES),
    };
    view! {
        <p class="networkLogSum" data-test="network-log-sum"><strong>{summary}</strong></p>
        <p class="networkLogNote">
            {t("Nothing else left this tab. Requests are noted where the page and its workers make them, and compared with the browser's own list; a Content-Security-Policy forbids any other way out. Passwords, tokens and the values of parameters are not noted.")}
        </p>
        <div class="networkLogHosts" role="region" tabindex="0" aria-label=t("By host")>
            <table class="networkLogTable">
                <thead>
                    <tr><th scope="col">{t("Host")}</th><th scope="col">{t("Way")}</th><th scope="col" data-number="">{t("Requests")}</th><th scope="col" data-number="">{t("Received")}</th></tr>
                </thead>
                <tbody>{move || hosts.get().into_iter().map(host_row).collect_view()}</tbody>
            </table>
        </div>
        <div class="networkLogTools">
            <button type="button" class="button" data-test="network-log-text" on:click=move |_| copy(network_log::read(|log| log.to_text()))>
                <Icon path=COPY />
                {t("Copy as text")}
            </button>
            <button type="button" class="button" data-test="network-log-json" on:click=move |_| copy(network_log::read(|log| log.to_json()))>
                <Icon path=COPY />
                {t("Copy as JSON")}
            </button>
            <span class="networkLogNote">{t("The log ends with the tab")}</span>
        </div>
        <div class="networkLogLines" role="region" tabindex="0" aria-label=t("Requests, the newest first")>
            <ol class="networkLogList" data-test="network-log-lines">{drawn}</ol>
            <Show when=move || { hidden() > 0 }>
                <button type="button" class="linkButton" on:click=move |_| shows_all.set(true)>
                    {move || tn(hidden(), "Show {n} older request", "Show {n} older requests")}
                </button>
            </Show>
        </div>
    }
}

fn host_row(host: HostCount) -> impl IntoView {
    view! {
        <tr data-test="network-log-host" data-host=host.host.clone()>
            <th scope="row">{host.host.clone()}</th>
            <td>{way(host.way)}</td>
            <td data-number="">{words::count(host.requests)}</td>
            <td data-number="">{words::size(host.bytes)}</td>
        </tr>
    }
}

#[component]
fn LogLine(line: Line, began: f64) -> impl IntoView {
    let status = line.status.map(|status| status.to_string());
    let redirect = line
        .redirected_to
        .as_deref()
        .map(|host| fill(t("led on to {host}"), &[("host", host)]));
    let facts = [
        status,
        Some(words::size(line.bytes)),
        redirect,
        line.problem.clone(),
    ];
    view! {
        <li class="networkLogLine" data-way=way_word(line.way)>
            <span class="networkLogAt">{format!("+{:.1} s", (line.at_ms - began) / 1000.0)}</span>
            <span class="networkLogWhat">
                <span class="networkLogWhy">{line.why.clone()}</span>
                " · "
                <span class="networkLogSender">{line.sender.clone()}</span>
                " · "
                <span class="networkLogWay">{way(line.way)}</span>
            </span>
            <code class="networkLogPath">{format!("{} {}{}", line.method, line.host, line.path)}</code>
            <span class="networkLogFacts">{facts.into_iter().flatten().collect::<Vec<_>>().join(" · ")}</span>
        </li>
    }
}

fn way(way: Way) -> &'static str {
    match way {
        Way::Own => t("the page's own server"),
        Way::Direct => t("direct"),
        Way::Relay => t("through the relay"),
    }
}

fn way_word(way: Way) -> &'static str {
    match way {
        Way::Own => "own",
        Way::Direct => "direct",
        Way::Relay => "relay",
    }
}
