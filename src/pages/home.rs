//! The start page: one field, the samples, recent scans, and what is done with the bytes.

use std::time::Duration;

use leptos::prelude::*;
use serde::Deserialize;

use crate::{
    browser,
    components::{
        database_panel::DatabasePanel,
        drop_zone::FileButton,
        icons::{CLOSE, Icon},
        offline_note::OfflineNote,
        reference_form::ReferenceForm,
        severity::Tally,
    },
    platform,
    scanner::{self, RecentScan},
    state::{
        address::{Address, Subject},
        database::DatabaseStore,
        language::{fill, t},
        overlays::{Overlay, Overlays},
        session::Session,
        words,
    },
};

/// `samples/catalog.json` is small; anything larger is something else.
const MAX_OWN_FILE_BYTES: usize = 1 << 20;

/// A sample image, as the catalog has it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Sample {
    reference: String,
    title: String,
    #[serde(default)]
    blurb: String,
    #[serde(default)]
    platforms: Vec<String>,
    #[serde(default)]
    size: u64,
}

/// The page.
#[component]
pub fn Home() -> impl IntoView {
    Effect::new(|_| browser::set_title("Lamina"));
    // Once the page is painted and its own requests are out.
    browser::after(Duration::from_millis(300), scanner::warm);
    view! {
        <main class="home" id="main">
            <section class="homeHero">
                <div class="homeWords">
                <h1 class="homeTitle">{t("Look inside a container image, layer by layer")}</h1>
                <p class="homeLead">
                    {t("What it holds, which build step brought it, and what is known to be vulnerable. All in this tab: nothing is uploaded.")}
                </p>
                <ReferenceForm />
                <div class="homeFile">
                    <FileButton />
                    <span>{t("or drop one anywhere on this page")}</span>
                </div>
                <DemoButton />
                </div>
                <Picture />
            </section>
            <Ground />
        </main>
    }
}

/// What lies below, from the samples down to the privacy note: drawn when it is known how much there is
/// of each, so that nothing moves under the reader's eyes.
#[component]
fn Ground() -> impl IntoView {
    let session = expect_context::<Session>();
    let samples = LocalResource::new(|| async {
        let text = browser::own_file("samples/catalog.json", MAX_OWN_FILE_BYTES).await?;
        serde_json::from_str::<Vec<Sample>>(&text)
            .ok()
            .filter(|samples| !samples.is_empty())
    });
    let kept = LocalResource::new(move || {
        session.kept_changes.track();
        async {
            Kept {
                scans: scanner::recent_scans().await,
                sizes: scanner::storage_use().await,
            }
        }
    });
    // Scans that are read again later are no reason to take it all away.
    let is_known = Memo::new(move |was_known: Option<&bool>| {
        was_known == Some(&true) || samples.with(Option::is_some) && kept.with(Option::is_some)
    });
    view! {
        <div class="homeGround">
            <Show when=move || is_known.get()>
                <Samples samples />
                <Recent kept />
                <Bedrock />
            </Show>
        </div>
    }
}

/// What this browser holds.
#[derive(Clone, Debug)]
struct Kept {
    scans: Vec<RecentScan>,
    /// Of layers, advisories and reports, in bytes.
    sizes: (u64, u64, u64),
}

/// Opens the first sample, with the tour beside it.
#[component]
fn DemoButton() -> impl IntoView {
    let session = expect_context::<Session>();
    let address = Address {
        tour: Some(0),
        ..Address::home()
    };
    view! {
        <div class="homeDemo">
            <button type="button" class="button" data-test="demo" on:click=move |_| session.go(address.clone())>{t("Demo")}</button>
            <span>{t("A sample image and a guided tour, also without a network")}</span>
        </div>
    }
}

/// What a report looks like, for those who have not seen one.
#[component]
fn Picture() -> impl IntoView {
    let bands = [
        (
            "copy",
            "COPY",
            ". /srv/shop",
            "1.9 MB",
            4.25,
            100,
            [0, 0, 0, 0, 0, 0],
        ),
        (
            "run",
            "RUN",
            "pip install -r requirements.txt",
            "31 MB",
            5.75,
            66,
            [0, 3, 6, 0, 0, 0],
        ),
        (
            "run",
            "RUN",
            "apt-get install openssl curl",
            "68 MB",
            6.75,
            33,
            [2, 2, 5, 3, 0, 0],
        ),
        (
            "bedrock",
            "BASE",
            "debian:12",
            "29 MB",
            9.0,
            0,
            [0, 1, 7, 3, 0, 0],
        ),
    ];
    let last = bands.len();
    let lines = bands
        .into_iter()
        .enumerate()
        .map(
            |(index, (rock, keyword, text, size, height, rise, counts))| {
                view! {
                    <div class="strataLine">
                        <div
                            class="strataBand"
                            data-rock=rock
                            style=("--height", format!("{height}rem"))
                            style=("--rise", format!("{rise}%"))
                        >
                            <span class="strataCore">{last - index - 1}</span>
                            <span class="strataText">
                                <span class="strataStep">
                                    <span class="strataKeyword">{keyword}</span>
                                    " "
                                    {text}
                                </span>
                                <span class="strataFacts">
                                    <span>{size}</span>
                                    <Tally counts />
                                </span>
                            </span>
                        </div>
                    </div>
                }
            },
        )
        .collect_view();
    view! {
        <div class="homePicture" aria-hidden="true">
            <div class="strataStack">{lines}</div>
        </div>
    }
}

#[component]
fn Samples(samples: LocalResource<Option<Vec<Sample>>>) -> impl IntoView {
    let session = expect_context::<Session>();
    let cards = move || {
        let samples = samples.get().flatten()?;
        let cards = samples
            .into_iter()
            .map(|sample| {
                let reference = sample.reference.clone();
                let name = sample.reference.rsplit_once('/').map_or(sample.reference.clone(), |(_, name)| name.to_owned());
                let platforms = match sample.platforms.len() {
                    0 | 1 => String::new(),
                    count => fill(t(", {n} platforms"), &[("n", &count.to_string())]),
                };
                view! {
                    <li>
                        <button type="button" class="sample" data-test="sample" data-reference=sample.reference.clone()
                            on:click=move |_| session.scan_reference(reference.clone(), None)>
                            <span class="sampleTitle">{sample.title}</span>
                            <span class="sampleBlurb">{sample.blurb}</span>
                            <span class="sampleFacts"><span class="mono">{name}</span> <span>{words::size(sample.size)} {platforms}</span></span>
                        </button>
                    </li>
                }
            })
            .collect_view();
        Some(view! {
            <section class="homeStratum" data-depth="1" aria-labelledby="samples-title">
                <h2 class="sectionTitle" id="samples-title">{t("Try a sample")}</h2>
                <ul class="samples">{cards}</ul>
            </section>
        })
    };
    view! { {cards} }
}

#[component]
fn Recent(kept: LocalResource<Kept>) -> impl IntoView {
    let session = expect_context::<Session>();
    let clear = move |_| {
        leptos::task::spawn_local(async move {
            scanner::clear_storage().await;
            session.kept_has_changed();
        });
    };
    let list = move || {
        let Kept {
            scans,
            sizes: (layers, shards, reports),
        } = kept.get()?;
        // The advisory database has its own place, below.
        if scans.is_empty() && layers + reports == 0 {
            return None;
        }
        let now_ms = platform::now_ms();
        let rows = scans
            .into_iter()
            .map(|scan| view! { <RecentRow scan now_ms /> })
            .collect_view();
        let used = fill(
            t(
                "{all} kept in this browser: layers {layers}, advisories {advisories}, reports {reports}",
            ),
            &[
                ("all", &words::size(layers + shards + reports)),
                ("layers", &words::size(layers)),
                ("advisories", &words::size(shards)),
                ("reports", &words::size(reports)),
            ],
        );
        Some(view! {
            <section class="homeStratum" data-depth="2" aria-labelledby="recent-title">
                <div class="homeStratumHead">
                    <h2 class="sectionTitle" id="recent-title">{t("Scanned before")}</h2>
                    <p class="homeStorage">
                        {used}
                        " "
                        <button type="button" class="linkButton" data-test="clear-storage" on:click=clear>{t("Delete all")}</button>
                    </p>
                </div>
                <ul class="recent" data-test="recent">{rows}</ul>
            </section>
        })
    };
    view! { <Transition>{list}</Transition> }
}

#[component]
fn RecentRow(scan: RecentScan, now_ms: f64) -> impl IntoView {
    let session = expect_context::<Session>();
    let address = Address::of(Subject::Recent(scan.key.clone()), None);
    let href = address.render();
    let open = move |event: leptos::ev::MouseEvent| {
        if !event.ctrl_key() && !event.meta_key() && !event.shift_key() {
            event.prevent_default();
            session.go(address.clone());
        }
    };
    let remove = move |_| {
        let key = scan.key.clone();
        leptos::task::spawn_local(async move {
            scanner::remove_recent(key).await;
            session.kept_has_changed();
        });
    };
    let label = fill(t("Forget {name}"), &[("name", &scan.name)]);
    let news = (!scan.changes.is_empty()).then(|| {
        let title = match scan.changes.added_ids.is_empty() {
            true => t("By newer advisories, since it was looked at last").to_owned(),
            false => fill(
                t("By newer advisories, since it was looked at last: {ids}"),
                &[("ids", &scan.changes.added_ids.join(", "))],
            ),
        };
        view! { <span class="recentNews" data-test="recent-news" title=title>{scan.changes.words()}</span> }
    });
    view! {
        <li class="recentItem">
            <a class="recentRow" data-test="recent-scan" href=href on:click=open>
                <span class="recentName">{scan.name.clone()} " " {news}</span>
                <Tally counts=scan.counts />
                <span class="recentFacts">
                    <span>{scan.platform.clone()}</span>
                    " "
                    <time datetime=scan.scanned_at.clone() title=words::time(&scan.scanned_at)>
                        {words::ago(&scan.scanned_at, now_ms)}
                    </time>
                </span>
            </a>
            <button type="button" class="iconButton" aria-label=label.clone() title=label data-test="recent-remove" on:click=remove>
                <Icon path=CLOSE />
            </button>
        </li>
    }
}

#[component]
fn Bedrock() -> impl IntoView {
    expect_context::<DatabaseStore>().begin();
    let overlays = expect_context::<Overlays>();
    view! {
        <footer class="homeStratum" data-depth="3">
            <p class="homePrivacy"><strong>{t("The bytes stay in this tab.")}</strong> " " {t("Layers are fetched from the registry, taken apart here, and sent nowhere.")} " "
                <button type="button" class="linkButton" data-test="see-requests" on:click=move |_| overlays.show(Overlay::NetworkLog)>{t("See every request")}</button>
            </p>
            <DatabasePanel />
            <OfflineNote />
        </footer>
    }
}
