//! The strata: the image drawn as the stack of its layers, the base at the bottom.

use std::sync::Arc;

use leptos::prelude::*;

use super::{
    icons::{AGAIN, Icon},
    severity::Tally,
};
use crate::{
    browser,
    state::{
        address::Subject,
        counts,
        language::{fill, t, tn},
        report::ReportStore,
        scan::{LayerState, ScanState},
        session::Session,
        shortcuts::{self, Action, Place},
        steps::Step,
        strata::{self, Band, Stratum},
        toasts::Toasts,
        words,
    },
};

/// The strata of a report: a band is a button that limits everything to its layer.
#[component]
pub fn Strata() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let strata = store.with(strata::of_report);
    let layers = store.with(|report| report.layers.len());
    let base_layers = store.with(|report| report.base.as_ref().map_or(0, |base| base.layers));
    let can_retry = session.can_read_again(&store.loaded());
    let select = move |layer: Option<usize>| session.select(|address| address.layer = layer);
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        let delta = match shortcuts::find(&event.key(), Place::Layers) {
            Some(Action::LayerAbove) => 1,
            Some(Action::LayerBelow) => -1,
            _ if event.key() == "Escape" && store.layer.get_untracked().is_some() => {
                event.prevent_default();
                event.stop_propagation();
                select(None);
                return;
            }
            _ => return,
        };
        event.prevent_default();
        let next = strata::neighbour(layers, store.layer.get_untracked(), delta);
        if let Some(layer) = next {
            select(Some(layer));
            browser::focus(&format!("stratum-{layer}"));
        }
    };
    let lines: Vec<_> = strata
        .into_iter()
        .rev()
        .map(|stratum| match stratum {
            Stratum::Seam(steps) => view! { <Seam steps /> }.into_any(),
            Stratum::BaseEnd(words) => view! { <BaseEnd words /> }.into_any(),
            Stratum::Band(band) => {
                let layer = band.layer;
                let height = format!("{}rem", band.height);
                let rise = format!("{:.0}%", band.rise * 100.0);
                let is_selected = move || store.layer.get() == Some(layer);
                // One stop of the tab key for the stack; arrows move within.
                let is_stop =
                    move || store.layer.get().unwrap_or(layers.saturating_sub(1)) == layer;
                view! {
                    <li class="strataLine">
                        <button
                            type="button"
                            class="strataBand"
                            id=format!("stratum-{layer}")
                            data-test="stratum"
                            data-layer=layer.to_string()
                            data-rock=band.rock.word()
                            data-of-base=(layer < base_layers).then_some("")
                            data-damaged=band.error.is_some().then_some("")
                            style=("--height", height)
                            style=("--rise", rise)
                            aria-pressed=move || if is_selected() { "true" } else { "false" }
                            tabindex=move || if is_stop() { "0" } else { "-1" }
                            on:click=move |_| {
                                let is_selected = store.layer.get_untracked() == Some(layer);
                                select((!is_selected).then_some(layer));
                            }
                        >
                            <BandText band=band.clone() />
                        </button>
                        {(band.error.is_some() && can_retry).then(|| view! {
                            <div class="strataAgain"><ReadAgain layer /></div>
                        })}
                    </li>
                }
                .into_any()
            }
        })
        .collect();
    let hides_base = Memo::new(move |_| session.address.with(|address| address.hides_base));
    let base_switch = (base_layers > 0).then(|| {
        view! {
            <label class="switch strataSwitch" title=t("Leaves what the base image brought out of every list")>
                <input
                    type="checkbox"
                    role="switch"
                    data-test="hide-base"
                    prop:checked=hides_base
                    on:change=move |_| session.select(|address| address.hides_base = !address.hides_base)
                />
                <span>{t("Hide the base image")}</span>
            </label>
        }
    });
    let waste: u64 =
        store.with(|report| report.layers.iter().map(|layer| layer.wasted_bytes).sum());
    let total: u64 = store.with(|report| report.layers.iter().map(strata::layer_bytes).sum());
    view! {
        <section class="strata" data-tour="strata" aria-labelledby="strata-title">
            <div class="strataHead">
                <h2 class="sectionTitle" id="strata-title">{t("Layers")}</h2>
                <Show
                    when=move || store.layer.get().is_some()
                    fallback=move || view! {
                        <p class="strataNote">
                            {match layers {
                                0 => t("The report does not say which layers the image has").to_owned(),
                                _ => fill(
                                    &tn(layers, "{n} layer, {size}", "{n} layers, {size}"),
                                    &[("size", &words::size(total))],
                                ),
                            }}
                        </p>
                    }
                >
                    <button type="button" class="button" data-kind="quiet" data-size="small" on:click=move |_| select(None)>
                        {t("Show all layers")}
                    </button>
                </Show>
            </div>
            {(layers > 0).then(|| view! {
                <ol class="strataStack" reversed data-base=move || hides_base.get().then_some("hidden") aria-label=t("Layers, the topmost first") on:keydown=on_key>
                    {lines}
                </ol>
            })}
            {base_switch}
            {(waste > 0).then(|| view! {
                <p class="strataNote">
                    {fill(t("{size} of files are replaced or deleted by layers above them"), &[("size", &words::size(waste))])}
                </p>
            })}
        </section>
    }
}

/// Reads one layer that could not be read again, and says how far that is.
#[component]
pub fn ReadAgain(
    /// Which.
    layer: usize,
) -> impl IntoView {
    let session = expect_context::<Session>();
    let toasts = expect_context::<Toasts>();
    let read = Memo::new(move |_| {
        let again = session.again.get();
        again
            .filter(|again| again.layer == layer)
            .map(|again| again.read)
    });
    let is_busy = move || session.again.with(Option::is_some);
    let number = layer.to_string();
    let label = fill(t("Try again to read layer {layer}"), &[("layer", &number)]);
    view! {
        <button type="button" class="button" data-size="small" data-test="layer-again" data-layer=number
            title=label.clone() aria-label=label aria-disabled=move || is_busy().then_some("true")
            on:click=move |_| session.read_again(layer, toasts)>
            <Icon path=AGAIN />
            {t("Try again")}
        </button>
        <span class="strataAgainRead" role="status">
            {move || read.get().map(|read| fill(t("{size} read so far"), &[("size", &words::size(read))]))}
        </span>
    }
}

#[component]
fn Seam(steps: Vec<Step>) -> impl IntoView {
    let full: Vec<_> = steps.iter().map(Step::line).collect();
    view! {
        <li class="strataSeam" title=full.join("\n")>
            <span class="visuallyHidden">{t("Steps without files:")}" "</span>
            {strata::seam_summary(&steps)}
        </li>
    }
}

#[component]
fn BaseEnd(words: String) -> impl IntoView {
    view! {
        <li class="strataBase" title=fill(t("{base}. What is above was built on it."), &[("base", &words)]) data-test="base-line">
            <span class="visuallyHidden">{t("Below:")}" "</span>
            {words.clone()}
        </li>
    }
}

#[component]
fn BandText(band: Band) -> impl IntoView {
    let (added, removed) = (band.packages_added, band.packages_removed);
    let packages = match (added, removed) {
        (0, 0) => String::new(),
        (_, 0) => tn(added, "+{n} package", "+{n} packages"),
        (0, _) => tn(removed, "−{n} package", "−{n} packages"),
        _ => fill(
            t("+{added} −{removed} packages"),
            &[
                ("added", &words::count(added)),
                ("removed", &words::count(removed)),
            ],
        ),
    };
    let is_clean = band.counts == counts::Counts::default();
    let line = band.step.line();
    view! {
        <span class="strataCore" aria-hidden="true">{band.layer}</span>
        <span class="strataText">
            <span class="strataStep" title=line>
                <span class="visuallyHidden">{fill(t("Layer {layer}:"), &[("layer", &band.layer.to_string())])}" "</span>
                <span class="strataKeyword">{band.step.keyword.clone()}</span>
                " "
                {band.step.text.clone()}
            </span>
            <span class="strataFacts">
                <span class="strataSize">{words::size(band.bytes)}</span>
                {(!packages.is_empty()).then(|| view! { <span>{packages}</span> })}
                {band.error.is_some().then(|| view! { <span class="strataError">{t("not read to its end")}</span> })}
                {(!is_clean).then(|| view! { <Tally counts=band.counts /> })}
            </span>
        </span>
    }
}

/// The strata while they are read: each band fills as its bytes arrive.
#[component]
pub fn ScanStrata() -> impl IntoView {
    let session = expect_context::<Session>();
    let scan = session.scan;
    // Drawn anew only when layers become known, not with every byte.
    let strata = Memo::new(move |_| {
        scan.with(|scan| {
            let layers: Vec<_> = scan
                .layers
                .iter()
                .map(|layer| (layer.start.size, layer.start.created_by.clone()))
                .collect();
            let history = scan.image.as_ref().map(|image| image.history.as_slice());
            Arc::new(strata::of_scan(
                &layers,
                history.unwrap_or_default(),
                scan.base.as_ref(),
            ))
        })
    });
    let lines = move || {
        let strata = strata.get();
        strata
            .iter()
            .rev()
            .map(|stratum| match stratum {
                Stratum::Seam(steps) => view! { <Seam steps=steps.clone() /> }.into_any(),
                Stratum::BaseEnd(words) => view! { <BaseEnd words=words.clone() /> }.into_any(),
                Stratum::Band(band) => view! { <ScanBand band=band.clone() scan /> }.into_any(),
            })
            .collect_view()
    };
    let note = move || {
        scan.with(|scan| match scan.layers.len() {
            0 => String::new(),
            layers => fill(
                &tn(layers, "{done} of {n} layer", "{done} of {n} layers"),
                &[("done", &words::count(scan.layers_over()))],
            ),
        })
    };
    view! {
        <section class="strata" aria-labelledby="strata-title">
            <div class="strataHead">
                <h2 class="sectionTitle" id="strata-title">{t("Layers")}</h2>
                <p class="strataNote">{note}</p>
            </div>
            <ol class="strataStack" reversed aria-label=t("Layers, the topmost first")>
                {lines}
                <Show when=move || scan.with(|scan| scan.layers.is_empty())>
                    <li class="strataWaiting" aria-hidden="true"></li>
                </Show>
            </ol>
        </section>
    }
}

#[component]
fn ScanBand(band: Band, scan: RwSignal<ScanState>) -> impl IntoView {
    let session = expect_context::<Session>();
    let index = band.layer;
    let layer = Memo::new(move |_| {
        scan.with(|scan| scan.layers.get(index).cloned())
            .unwrap_or_default()
    });
    let state = move || match layer.with(|layer| layer.state.clone()) {
        LayerState::Waiting => "waiting",
        LayerState::Reading => "reading",
        LayerState::Done => "done",
        LayerState::Cached => "cached",
        LayerState::Failed(_) => "failed",
    };
    let percent = move || layer.with(|layer| layer.fraction() * 100.0);
    let facts = move || {
        layer.with(|layer| {
            let size = words::size(layer.start.size);
            match &layer.state {
                LayerState::Waiting => size,
                LayerState::Reading => fill(
                    t("{read} of {all}"),
                    &[("read", &words::size(layer.progress.read)), ("all", &size)],
                ),
                LayerState::Done => size,
                LayerState::Cached => {
                    fill(t("{size}, known from an earlier scan"), &[("size", &size)])
                }
                LayerState::Failed(error) => fill(t("stopped: {error}"), &[("error", error)]),
            }
        })
    };
    let found = move || {
        layer.with(|layer| {
            let mut words = Vec::new();
            if layer.progress.files > 0 {
                words.push(tn(layer.progress.files, "{n} file", "{n} files"));
            }
            if layer.progress.packages > 0 {
                words.push(tn(layer.progress.packages, "{n} package", "{n} packages"));
            }
            words.join(", ")
        })
    };
    let line = band.step.line();
    let label = fill(
        t("Layer {layer}: {step}"),
        &[("layer", &index.to_string()), ("step", &line)],
    );
    let can_retry = session
        .address
        .with_untracked(|address| matches!(address.subject, Subject::Image(_)));
    let is_failed =
        Memo::new(move |_| layer.with(|layer| matches!(layer.state, LayerState::Failed(_))));
    view! {
        <li class="strataLine">
            <div
                class="strataBand"
                data-test="layer-bar"
                data-layer=index.to_string()
                data-rock=band.rock.word()
                data-state=state
                style=("--height", format!("{}rem", band.height))
                style=("--rise", format!("{:.0}%", band.rise * 100.0))
                style=("--fill", move || format!("{:.1}%", percent()))
                role="progressbar"
                aria-label=label
                aria-valuemin="0"
                aria-valuemax="100"
                aria-valuenow=move || format!("{:.0}", percent())
                aria-valuetext=facts
            >
                <span class="strataCore">{index}</span>
                <span class="strataText">
                    <span class="strataStep" title=line>
                        <span class="strataKeyword">{band.step.keyword.clone()}</span>
                        " "
                        {band.step.text.clone()}
                    </span>
                    <span class="strataFacts">
                        <span class="strataSize">{facts}</span>
                        <span>{found}</span>
                    </span>
                </span>
            </div>
            <Show when=move || can_retry && is_failed.get()>
                <div class="strataAgain"><ReadAgain layer=index /></div>
            </Show>
        </li>
    }
}
