//! The image itself: how it runs, how it was built, what identifies it.

use lamina_report::model::Report;
use leptos::prelude::*;

use super::{
    copy::CopyButton, dockerfile::Dockerfile, file_drawer::open_file, raw_panel::RawPanel,
};
use crate::{
    scanner::{self, AdvisoryBytes, LicenceFiles},
    state::{
        address::View,
        language::{fill, t, tn},
        licences,
        report::ReportStore,
        session::Session,
        steps, strata, words,
    },
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
                <h3>{t("How it was built")}</h3>
                <History report=report.clone() />
            </section>
            <section class="imagePanelPart" data-part="dockerfile">
                <h3>{t("As a Dockerfile")}</h3>
                <Dockerfile />
            </section>
            <section class="imagePanelPart" data-part="licences">
                <h3>{t("Licences")}</h3>
                <Licences />
            </section>
            <section class="imagePanelPart">
                <h3>{t("How it runs")}</h3>
                <Config report=report.clone() />
            </section>
            <section class="imagePanelPart">
                <h3>{t("What identifies it")}</h3>
                <Digests report=report.clone() advisories=loaded.advisories />
            </section>
            <section class="imagePanelPart" data-part="raw">
                <h3>{t("Manifest and config")}</h3>
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
                            {fill(t("layer {layer}"), &[("layer", &layer.to_string())])}
                            <span class="historySize">{size}</span>
                        </button>
                    }.into_any()
                }
                None => view! { <span class="historyNone">{t("no files")}</span> }.into_any(),
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
    let has_tree = session.has_tree(&store.loaded());
    if licences.is_empty() {
        return view! { <p class="drawerLoading">{t("There are no packages")}</p> }.into_any();
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
            let texts = has_tree.then(|| view! { <LicenceTexts licence=licence.name.clone() /> });
            view! {
                <li class="licencesItem" data-none=is_none.then_some("")>
                    <button type="button" class="linkButton" data-test="licence" on:click=open>
                        {licence.name.unwrap_or_else(|| t("None is stated").to_owned())}
                    </button>
                    <span class="licencesCount">{tn(licence.packages, "{n} package", "{n} packages")}</span>
                    {texts}
                </li>
            }
        })
        .collect_view();
    view! { <ul class="licences">{rows}</ul> }.into_any()
}

/// The texts of one licence that the image has, looked for when they are asked for.
#[component]
fn LicenceTexts(licence: Option<String>) -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let found = RwSignal::new(None::<Vec<LicenceFiles>>);
    let packages = store.with(|report| licences::packages_of(report, licence.as_deref()));
    let is_asked = StoredValue::new(false);
    let toggled = move |event: leptos::ev::Event| {
        let is_open = event_target::<web_sys::HtmlDetailsElement>(&event).open();
        if !is_open || is_asked.get_value() {
            return;
        }
        is_asked.set_value(true);
        let packages = packages.clone();
        leptos::task::spawn_local(async move {
            found.try_set(Some(scanner::licence_files(packages).await));
        });
    };
    let list = move || {
        let Some(found) = found.get() else {
            return view! { <p class="drawerLoading" role="status">{t("Looking for the texts…")}</p> }
                .into_any();
        };
        if found.is_empty() {
            return view! { <p class="drawerLoading">{t("The image has no text of it beside these packages")}</p> }
                .into_any();
        }
        let rows = found
            .into_iter()
            .flat_map(|found| {
                let name = store.package(found.package).map(|package| package.name);
                let name = name.unwrap_or_default();
                let files = found.files.into_iter();
                files.map(move |path| (name.clone(), path))
            })
            .take(licences::MOST_TEXTS)
            .map(|(name, path)| {
                let shown = path.clone();
                view! {
                    <li>
                        <span>{name}</span>
                        " "
                        <button type="button" class="linkButton mono" data-test="open-licence" on:click=move |_| open_file(session, &path, None, None)>{format!("/{shown}")}</button>
                    </li>
                }
            })
            .collect_view();
        view! { <ul class="licencesTexts">{rows}</ul> }.into_any()
    };
    view! {
        <details class="licencesDetails" data-test="licence-texts" on:toggle=toggled>
            <summary>{t("Read the text")}</summary>
            {list}
        </details>
    }
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
        t("root (none is set)").to_owned()
    } else {
        config.user.clone()
    };
    let healthcheck = match config.healthcheck.as_deref() {
        None => t("none").to_owned(),
        Some([none]) if none == "NONE" => t("switched off").to_owned(),
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
            {fact(t("User"), user)}
            {fact(t("Entry point"), shell(&config.entrypoint))}
            {fact(t("Command"), shell(&config.cmd))}
            {fact(t("Working directory"), config.working_dir.clone())}
            {list(t("Ports"), config.exposed_ports.clone())}
            {list(t("Volumes"), config.volumes.clone())}
            {fact(t("Health check"), healthcheck)}
            {fact(t("Stop signal"), config.stop_signal.clone().unwrap_or_default())}
            {list(t("Environment"), config.env.clone())}
            {list(t("Labels"), labels)}
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
            digest(
                fill(t("Layer {layer}"), &[("layer", &index.to_string())]),
                Some(value),
            )
        })
        .collect_view();
    let cost = advisories.map(|bytes| {
        let text = fill(
            t("{fetched} fetched, {kept} were in this browser"),
            &[
                ("fetched", &words::size(bytes.fetched)),
                ("kept", &words::size(bytes.kept)),
            ],
        );
        view! { <div class="factsItem"><dt>{t("Advisories")}</dt><dd data-test="advisory-bytes">{text}</dd></div> }
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
            {digest(t("Advisory database").to_owned(), Some(database.digest.clone()))}
            <div class="factsItem"><dt>{t("Shards asked")}</dt><dd><ul class="factsList">{shards}</ul></dd></div>
        }
    });
    let layers_in_all = report.layers.len();
    let base = report.base.map(|base| {
        let name = base
            .name
            .clone()
            .unwrap_or_else(|| t("not named").to_owned());
        let what = fill(
            &tn(
                layers_in_all,
                "the lowest {layers} of {n} layer, {basis}",
                "the lowest {layers} of {n} layers, {basis}",
            ),
            &[
                ("layers", &words::count(base.layers)),
                ("basis", strata::base_basis(base.basis)),
            ],
        );
        view! {
            <div class="factsItem" data-test="base">
                <dt>{t("Base image")}</dt>
                <dd><span class="mono">{name}</span>", "{what}</dd>
            </div>
        }
    });
    view! {
        <dl class="facts">
            {base}
            {digest(t("Manifest").to_owned(), image.digest.clone())}
            {digest(t("Index").to_owned(), image.index_digest.clone())}
            {digest(t("Config").to_owned(), image.config_digest.clone())}
            {(!image.platforms.is_empty()).then(|| view! { <div class="factsItem"><dt>{t("Platforms")}</dt><dd>{image.platforms.join(", ")}</dd></div> })}
            {layers}
            {database}
            {cost}
            <div class="factsItem"><dt>{t("Written by")}</dt><dd>{report.scanner}</dd></div>
        </dl>
    }
}
