//! A running scan: the strata fill from the left while their bytes arrive.

use std::time::Duration;

use leptos::prelude::*;

use crate::{
    browser,
    components::{
        image_head::{ImageHead, ImageName},
        strata::ScanStrata,
    },
    platform,
    state::{
        address::Subject,
        counts,
        language::{fill, t, tn},
        session::Session,
        words,
    },
};

/// How often the clock moves while nothing arrives.
const TICK: Duration = Duration::from_secs(1);

/// How often progress is read out, in events of the scan's clock.
const SPEAK_EVERY_MS: f64 = 5_000.0;

/// The page.
#[component]
pub fn Scan() -> impl IntoView {
    let session = expect_context::<Session>();
    let scan = session.scan;
    let name = session
        .address
        .with_untracked(|address| match &address.subject {
            Subject::Image(name) | Subject::Archive(name) => name.clone(),
            _ => String::new(),
        });
    {
        let name = name.clone();
        Effect::new(move |_| {
            browser::set_title(&fill(t("Scanning {name} · Lamina"), &[("name", &name)]))
        });
    }
    let image = Memo::new(move |_| scan.with(|scan| scan.image.clone()));
    let head = move || {
        match image.get() {
        Some(image) => view! { <ImageHead image=(*image).clone() /> }.into_any(),
        None => view! {
            <div class="imageHead">
                <div class="imageHeadTitle"><h1 class="imageHeadName"><ImageName name=name.clone() /></h1></div>
                <p class="imageHeadFacts">{move || words::sentence(&scan.with(|scan| scan.step.clone()))}</p>
            </div>
        }
        .into_any(),
    }
    };
    let percent = move || scan.with(|scan| scan.fraction().map(|fraction| fraction * 100.0));
    let bytes = move || {
        scan.with(|scan| match scan.total() {
            0 => t("Asking which layers it has").to_owned(),
            total => fill(
                t("{read} of {all}"),
                &[
                    ("read", &words::size(scan.read())),
                    ("all", &words::size(total)),
                ],
            ),
        })
    };
    let is_online = RwSignal::new(platform::is_online());
    let watch = move |event: &'static str| {
        let listener = window_event_listener_untyped(event, move |_| {
            is_online.set(platform::is_online());
        });
        on_cleanup(move || listener.remove());
    };
    watch("online");
    watch("offline");
    // Nothing arrives: the clock goes on all the same.
    if let Ok(clock) = set_interval_with_handle(move || session.tick(), TICK) {
        on_cleanup(move || clock.clear());
    }
    let speed = move || {
        scan.with(|scan| {
            if let Some(pause) = scan.stalled_ms() {
                let pause = words::duration(pause);
                return fill(t("nothing has arrived for {time}"), &[("time", &pause)]);
            }
            let rate = scan
                .rate()
                .map(|rate| format!("{}/s", words::size(rounded(rate))));
            [rate, Some(remaining(scan.remaining_ms()))]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(", ")
        })
    };
    let offline = move || {
        (!is_online.get()).then(|| {
            view! { <p class="progressOffline" role="alert" data-test="offline">{t("The connection is lost. The scan goes on where it broke off as soon as there is one")}</p> }
        })
    };
    let so_far = Memo::new(move |_| scan.with(|scan| scan.so_far.clone()));
    let found = move || {
        let found = so_far.get()?;
        Some(view! {
            <p class="progressSoFar" data-test="so-far">
                <strong>{t("So far:")}</strong>
                " "
                {counts::sentence(&found.counts)}
                " "
                <span class="progressWorst">{found.worst.join(", ")}</span>
            </p>
        })
    };
    let number = move |read: fn(&crate::state::scan::ScanState) -> u64| {
        move || words::count(scan.with(read))
    };
    // Read out seldom: a number that changes ten times a second is noise.
    let spoken = Memo::new(move |before: Option<&(f64, String)>| {
        scan.with(|scan| {
            let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
            let text = fill(
                &tn(
                    number(scan.layers.len()),
                    "{percent} percent, {done} of {n} layer done",
                    "{percent} percent, {done} of {n} layers done",
                ),
                &[
                    (
                        "percent",
                        &format!("{:.0}", scan.fraction().unwrap_or(0.0) * 100.0),
                    ),
                    ("done", &words::count(number(scan.layers_over()))),
                ],
            );
            match before {
                Some((at, text)) if scan.now_ms - at < SPEAK_EVERY_MS => (*at, text.clone()),
                _ => (scan.now_ms, text),
            }
        })
    });
    view! {
        <main class="report" id="main" data-phase="scan">
            {head}
            <div class="reportBody">
                <div class="reportVerdict">
            <section class="progress" aria-label=t("Progress")>
                <div class="progressMain">
                    <p class="progressPercent">
                        {move || percent().map_or_else(|| "0".to_owned(), |percent| format!("{percent:.0}"))}
                        <span class="progressUnit">"%"</span>
                    </p>
                    <div class="progressWords">
                        <p class="progressBytes">{bytes}</p>
                        <p class="progressSpeed">{speed}</p>
                    </div>
                </div>
                <dl class="progressFound">
                    <div><dt>{t("files")}</dt><dd>{number(|scan| scan.files())}</dd></div>
                    <div><dt>{t("packages")}</dt><dd>{number(|scan| scan.packages())}</dd></div>
                    <div><dt>{t("time")}</dt><dd>{move || scan.with(|scan| words::duration(scan.now_ms - scan.started_ms))}</dd></div>
                </dl>
                <button type="button" class="button" data-test="cancel" on:click=move |_| session.cancel()>{t("Cancel")}</button>
                {found}
                {offline}
                <p class="visuallyHidden" role="status">{move || spoken.get().1}</p>
            </section>
                </div>
                <ScanStrata />
                <div class="reportPanel" aria-hidden="true"><div class="skeleton"></div></div>
            </div>
        </main>
    }
}

/// How long the rest takes: a range, as nobody knows better; a dash while nobody knows at all.
fn remaining(range: Option<(f64, f64)>) -> String {
    let Some((least, most)) = range else {
        return t("— left").to_owned();
    };
    if most < 1_500.0 {
        return t("about a second left").to_owned();
    }
    if most < least * 1.25 {
        let about = words::duration((least + most) / 2.0);
        return fill(t("about {time} left"), &[("time", &about)]);
    }
    fill(
        t("{least} to {most} left"),
        &[
            ("least", &words::duration(least)),
            ("most", &words::duration(most)),
        ],
    )
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is positive; a float cast saturates"
)]
fn rounded(value: f64) -> u64 {
    value.max(0.0) as u64
}
