//! A running scan: the strata fill from the left while their bytes arrive.

use leptos::prelude::*;

use crate::{
    browser,
    components::{
        image_head::{ImageHead, ImageName},
        strata::ScanStrata,
    },
    state::{address::Subject, session::Session, words},
};

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
        Effect::new(move |_| browser::set_title(&format!("Scanning {name} · Lamina")));
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
            0 => "Asking which layers it has".to_owned(),
            total => format!("{} of {}", words::size(scan.read()), words::size(total)),
        })
    };
    let speed = move || {
        scan.with(|scan| {
            let rate = scan
                .rate()
                .map(|rate| format!("{}/s", words::size(rounded(rate))));
            let remaining = scan
                .remaining_ms()
                .filter(|left| *left > 1_000.0)
                .map(|left| format!("about {} left", words::duration(left)));
            [rate, remaining]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(", ")
        })
    };
    let number = move |read: fn(&crate::state::scan::ScanState) -> u64| {
        move || words::count(scan.with(read))
    };
    // Read out seldom: a number that changes ten times a second is noise.
    let spoken = Memo::new(move |before: Option<&(f64, String)>| {
        scan.with(|scan| {
            let text = format!(
                "{:.0} percent, {} of {} done",
                scan.fraction().unwrap_or(0.0) * 100.0,
                scan.layers_over(),
                words::plural(scan.layers.len(), "layer")
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
            <section class="progress" aria-label="Progress">
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
                    <div><dt>"files"</dt><dd>{number(|scan| scan.files())}</dd></div>
                    <div><dt>"packages"</dt><dd>{number(|scan| scan.packages())}</dd></div>
                    <div><dt>"time"</dt><dd>{move || scan.with(|scan| words::duration(scan.now_ms - scan.started_ms))}</dd></div>
                </dl>
                <button type="button" class="button" data-test="cancel" on:click=move |_| session.cancel()>"Cancel"</button>
                <p class="visuallyHidden" role="status">{move || spoken.get().1}</p>
            </section>
                </div>
                <ScanStrata />
                <div class="reportPanel" aria-hidden="true"><div class="skeleton"></div></div>
            </div>
        </main>
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is positive; a float cast saturates"
)]
fn rounded(value: f64) -> u64 {
    value.max(0.0) as u64
}
