//! The image itself: how it runs, how it was built, what identifies it.

use lamina_report::model::Report;
use leptos::prelude::*;

use super::{copy::CopyButton, dockerfile::Dockerfile, raw_panel::RawPanel};
use crate::{
    scanner::AdvisoryBytes,
    state::{address::View, licences, report::ReportStore, session::Session, steps, strata, words},
};

/// The panel.
#[component]
pub fn ImagePanel() -> impl IntoView {
    let store = expect_context::<ReportStore>();
    let loaded = store.loaded();
    let report = &loaded.report;
    view! {
        <div class="imagePanel">
            <section class="imagePanelPart" data-part="history">
                <h3>"How it was built"</h3>
                <History report=report.clone() />
            </section>
            <section class="imagePanelPart" data-part="dockerfile">
                <h3>"As a Dockerfile"</h3>
                <Dockerfile />
            </section>
            <section class="imagePanelPart" data-part="licences">
                <h3>"Licences"</h3>
                <Licences />
            </section>
            <section class="imagePanelPart">
                <h3>"How it runs"</h3>
                <Config report=report.clone() />
            </section>
            <section class="imagePanelPart">
                <h3>"What identifies it"</h3>
                <Digests report=report.clone() advisories=loaded.advisories />
            </section>
            <section class="imagePanelPart" data-part="raw">
                <h3>"Manifest and config"</h3>
                <RawPanel />
            </section>
        </div>
    }
}

#[component]
fn History(report: Report) -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let history = if report.image.history.is_empty() {
        report
            .layers
            .iter()
            .enumerate()
            .map(|(index, layer)| (layer.created_by.clone(), None, Some(index)))
            .collect()
    } else {
        let steps = report.image.history.iter();
        steps
            .map(|step| (step.created_by.clone(), step.created.clone(), step.layer))
            .collect::<Vec<_>>()
    };
    let items = history
        .into_iter()
        .map(|(created_by, created, layer)| {
            let step = steps::parse(&created_by);
            let lines = step.lines().into_iter().map(|line| view! { <span class="historyLine">{line}</span> }).collect_view();
            let mark = match layer {
                Some(layer) => {
                    let size = report.layers.get(layer).map(|layer| words::size(strata::layer_bytes(layer))).unwrap_or_default();
                    let is_selected = move || store.layer.get() == Some(layer);
                    view! {
                        <button type="button" class="historyLayer" aria-pressed=move || if is_selected() { "true" } else { "false" }
                            on:click=move |_| session.select(|address| address.layer = (address.layer != Some(layer)).then_some(layer))>
                            {format!("layer {layer}")}
                            <span class="historySize">{size}</span>
                        </button>
                    }.into_any()
                }
                None => view! { <span class="historyNone">"no files"</span> }.into_any(),
            };
            view! {
                <li class="historyItem" data-empty=layer.is_none().then_some("") title=created.map(|created| words::time(&created))>
                    <div class="historyMark">{mark}</div>
                    <code class="historyStep"><span class="historyKeyword">{step.keyword.clone()}</span>" "{lines}</code>
                </li>
            }
        })
        .collect_view();
    view! { <ol class="history">{items}</ol> }
}

/// Packages by licence; each leads to its packages.
#[component]
fn Licences() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let licences = store.with(licences::by_licence);
    if licences.is_empty() {
        return view! { <p class="drawerLoading">"There are no packages"</p> }.into_any();
    }
    let rows = licences
        .into_iter()
        .map(|licence| {
            let search = licence.search.clone();
            let open = move |_| {
                let search = search.clone();
                session.select(|address| {
                    address.view = View::Packages;
                    address.sort = None;
                    address.package = None;
                    address.search = search;
                });
            };
            let is_none = licence.name.is_none();
            view! {
                <li class="licencesItem" data-none=is_none.then_some("")>
                    <button type="button" class="linkButton" data-test="licence" on:click=open>
                        {licence.name.unwrap_or_else(|| "None is stated".to_owned())}
                    </button>
                    <span class="licencesCount">{words::plural(licence.packages, "package")}</span>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="licences">{rows}</ul> }.into_any()
}

#[component]
fn Config(report: Report) -> impl IntoView {
    let config = report.image.config;
    let shell = |words: &[String]| {
        words
            .iter()
            .map(|word| {
                let is_plain = !word.is_empty()
                    && word
                        .chars()
                        .all(|c| c.is_alphanumeric() || "-_./=:,@+%".contains(c));
                if is_plain {
                    word.clone()
                } else {
                    format!("'{}'", word.replace('\'', "'\\''"))
                }
            })
            .collect::<Vec<_>>()
            .join(" ")
    };
    let fact = |name: &'static str, value: String| {
        (!value.is_empty()).then(
            || view! { <div class="factsItem"><dt>{name}</dt><dd class="mono">{value}</dd></div> },
        )
    };
    let list = |name: &'static str, values: Vec<String>| {
        (!values.is_empty()).then(|| view! {
            <div class="factsItem">
                <dt>{name}</dt>
                <dd><ul class="factsList">{values.into_iter().map(|value| view! { <li class="mono">{value}</li> }).collect_view()}</ul></dd>
            </div>
        })
    };
    let user = if config.user.is_empty() {
        "root (none is set)".to_owned()
    } else {
        config.user.clone()
    };
    let healthcheck = match config.healthcheck.as_deref() {
        None => "none".to_owned(),
        Some([none]) if none == "NONE" => "switched off".to_owned(),
        Some([how, rest @ ..]) if how == "CMD" || how == "CMD-SHELL" => match rest {
            [line] if how == "CMD-SHELL" => line.clone(),
            words => shell(words),
        },
        Some(words) => shell(words),
    };
    let labels = config
        .labels
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    view! {
        <dl class="facts">
            {fact("User", user)}
            {fact("Entry point", shell(&config.entrypoint))}
            {fact("Command", shell(&config.cmd))}
            {fact("Working directory", config.working_dir.clone())}
            {list("Ports", config.exposed_ports.clone())}
            {list("Volumes", config.volumes.clone())}
            {fact("Health check", healthcheck)}
            {fact("Stop signal", config.stop_signal.clone().unwrap_or_default())}
            {list("Environment", config.env.clone())}
            {list("Labels", labels)}
        </dl>
    }
}

#[component]
fn Digests(report: Report, advisories: Option<AdvisoryBytes>) -> impl IntoView {
    let digest = |name: String, value: Option<String>| {
        value.filter(|value| !value.is_empty()).map(|value| view! {
            <div class="factsItem">
                <dt>{name}</dt>
                <dd class="factsDigest"><span class="mono">{value.clone()}</span><CopyButton text=value what="digest" /></dd>
            </div>
        })
    };
    let image = report.image;
    let layers = report
        .layers
        .iter()
        .enumerate()
        .map(|(index, layer)| {
            let value = layer
                .digest
                .clone()
                .unwrap_or_else(|| layer.diff_id.clone());
            digest(format!("Layer {index}"), Some(value))
        })
        .collect_view();
    let cost = advisories.map(|bytes| {
        let text = format!(
            "{} fetched, {} were in this browser",
            words::size(bytes.fetched),
            words::size(bytes.kept)
        );
        view! { <div class="factsItem"><dt>"Advisories"</dt><dd data-test="advisory-bytes">{text}</dd></div> }
    });
    let database = report.database.map(|database| {
        let shards = database
            .shards
            .iter()
            .map(|shard| {
                let date = shard.source_date.as_deref().map(words::date).unwrap_or_default();
                view! { <li>{format!("{} {date} ({})", shard.key, words::size(shard.bytes))}</li> }
            })
            .collect_view();
        view! {
            {digest("Advisory database".to_owned(), Some(database.digest.clone()))}
            <div class="factsItem"><dt>"Shards asked"</dt><dd><ul class="factsList">{shards}</ul></dd></div>
        }
    });
    let layers_in_all = report.layers.len();
    let base = report.base.map(|base| {
        let name = base.name.clone().unwrap_or_else(|| "not named".to_owned());
        let what = format!(
            "the lowest {} of {}, {}",
            base.layers,
            words::plural(layers_in_all, "layer"),
            strata::base_basis(base.basis)
        );
        view! {
            <div class="factsItem" data-test="base">
                <dt>"Base image"</dt>
                <dd><span class="mono">{name}</span>", "{what}</dd>
            </div>
        }
    });
    view! {
        <dl class="facts">
            {base}
            {digest("Manifest".to_owned(), image.digest.clone())}
            {digest("Index".to_owned(), image.index_digest.clone())}
            {digest("Config".to_owned(), image.config_digest.clone())}
            {(!image.platforms.is_empty()).then(|| view! { <div class="factsItem"><dt>"Platforms"</dt><dd>{image.platforms.join(", ")}</dd></div> })}
            {layers}
            {database}
            {cost}
            <div class="factsItem"><dt>"Written by"</dt><dd>{report.scanner}</dd></div>
        </dl>
    }
}
