//! A map of where the image's bytes lie: whose they are, which layer brought them, or what of them a later
//! layer replaced or deleted. The same numbers stand in the list below it, which can be sorted by size;
//! what is wasted stands copy by copy beneath the map.

use leptos::prelude::*;

use super::file_drawer::open_file;
use crate::{
    scanner,
    state::{
        files::join,
        language::{fill, t, tn},
        report::ReportStore,
        session::Session,
        treemap::{By, Tile, WastedCopy, Weighed, squarify},
        words,
    },
};

/// Width by height of the map.
const ASPECT: f64 = 2.6;

/// What the map shows: its choice, and the answer to it. An answer belongs to one choice and is never
/// drawn as that of another.
type Answer = (By, Weighed);

/// The map.
#[component]
pub fn Treemap() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let layers = store.with(|report| report.layers.len());
    let directory = RwSignal::new(String::new());
    let by = RwSignal::new(By::Owner);
    let answer = RwSignal::new(None::<Answer>);
    let generation = StoredValue::new(0_u32);
    Effect::new(move |_| {
        let (asked, by) = (directory.get(), by.get());
        let number = generation.get_value().wrapping_add(1);
        generation.set_value(number);
        leptos::task::spawn_local(async move {
            let weighed = scanner::weigh(asked, by).await.unwrap_or_default();
            if generation.try_get_value() == Some(number) {
                answer.set(Some((by, weighed)));
            }
        });
    });
    let enter = move |by: By, tile: &Tile| {
        let path = join(&directory.get_untracked(), &tile.name);
        if tile.is_directory {
            directory.set(path);
        } else if !tile.name.is_empty() {
            open_file(
                session,
                &path,
                (by == By::Waste).then_some(tile.layer),
                None,
            );
        }
    };
    let draw = move || {
        let Some((by, weighed)) = answer.get() else {
            return view! { <p class="drawerLoading" role="status">{t("Weighing…")}</p> }
                .into_any();
        };
        if weighed.tiles.is_empty() {
            let nothing = match by {
                By::Waste => t("Nothing is wasted here"),
                By::Owner | By::Layer => t("No bytes lie here"),
            };
            return view! { <p class="drawerLoading">{nothing}</p> }.into_any();
        }
        let sizes: Vec<u64> = weighed.tiles.iter().map(|tile| tile.size).collect();
        let places = squarify(&sizes, ASPECT);
        weighed
            .tiles
            .into_iter()
            .zip(places)
            .map(|(tile, place)| {
                let label = label(by, &tile);
                let name = shown_name(&tile);
                let told_name = name.clone();
                let size = words::size(tile.size);
                let inner_sizes: Vec<u64> = tile.inner.iter().map(|tile| tile.size).collect();
                let aspect = ASPECT * place.width / place.height.max(f64::EPSILON);
                let inner = tile
                    .inner
                    .iter()
                    .zip(squarify(&inner_sizes, aspect))
                    .map(|(tile, place)| {
                        view! { <span class="treemapInner" data-class=class_of(by, tile).0
                                style=("left", share(place.x)) style=("top", share(place.y))
                                style=("width", share(place.width)) style=("height", share(place.height))
                                style=("--depth", depth(tile.layer, layers))></span> }
                    })
                    .collect_view();
                let class = class_of(by, &tile).0;
                let depth = depth(tile.layer, layers);
                let is_dead = tile.name.is_empty();
                view! {
                    <button type="button" class="treemapTile" data-test="treemap-tile" data-name=told_name data-class=class
                        style=("left", share(place.x)) style=("top", share(place.y))
                        style=("width", share(place.width)) style=("height", share(place.height))
                        style=("--depth", depth)
                        title=label.clone() aria-label=label disabled=is_dead on:click=move |_| enter(by, &tile)>
                        <span class="treemapFill" aria-hidden="true">{inner}</span>
                        <span class="treemapName">{name}</span>
                        " "
                        <span class="treemapSize">{size}</span>
                    </button>
                }
            })
            .collect_view()
            .into_any()
    };
    let crumbs = move || {
        let path = directory.get();
        let mut at = String::new();
        let mut parts = vec![("/".to_owned(), String::new())];
        for name in path.split('/').filter(|name| !name.is_empty()) {
            at = join(&at, name);
            parts.push((name.to_owned(), at.clone()));
        }
        let last = parts.len() - 1;
        parts
            .into_iter()
            .enumerate()
            .map(|(index, (name, path))| {
                view! {
                    <li>
                        <button type="button" class="linkButton mono" aria-current=(index == last).then_some("location") on:click=move |_| directory.set(path.clone())>{name}</button>
                    </li>
                }
            })
            .collect_view()
    };
    let legend = move || {
        match by.get() {
        By::Layer => {
            view! { <li>{t("The darker, the deeper the layer that most bytes came with")}</li> }
                .into_any()
        }
        by => by
            .classes()
            .iter()
            .map(|(word, title)| view! { <li><span class="treemapKey" data-class=*word></span>{t(title)}</li> })
            .collect_view()
            .into_any(),
    }
    };
    let choices = By::ALL
        .map(|choice| {
            view! {
                <label class="treemapChoice">
                    <input type="radio" name="treemap-by" value=choice.word() data-test=format!("treemap-{}", choice.word())
                        prop:checked=move || by.get() == choice
                        on:change=move |_| by.set(choice) />
                    <span>{t(choice.title())}</span>
                </label>
            }
        })
        .collect_view();
    let total = move || {
        answer.with(|answer| {
            answer
                .as_ref()
                .map(|(by, weighed)| weighed.total.words(*by))
        })
    };
    let total_by = move || answer.with(|answer| answer.as_ref().map(|(by, _)| by.word()));
    let ground =
        move || answer.with(|answer| answer.as_ref().map_or(By::Owner, |(by, _)| *by).word());
    let wasted = move || {
        answer.with(|answer| {
            let (_, weighed) = answer.as_ref().filter(|(by, _)| *by == By::Waste)?;
            let list = weighed.wasted.clone();
            (!list.is_empty()).then(|| view! { <WastedList list more=weighed.more_wasted /> })
        })
    };
    view! {
        <section class="treemap" aria-label=t("Map of the files by size") data-test="treemap">
            <div class="treemapBar">
                <fieldset class="treemapChoices">
                    <legend class="visuallyHidden">{t("What the map shows")}</legend>
                    {choices}
                </fieldset>
                <ul class="treemapLegend">{legend}</ul>
            </div>
            <ol class="treemapCrumbs" aria-label=t("Directory")>{crumbs}</ol>
            <p class="treemapTotal" role="status" data-test="treemap-total" data-by=total_by>{total}</p>
            <div class="treemapGround" data-by=ground>{draw}</div>
            {wasted}
        </section>
    }
}

/// The largest copies that are never seen: which, of which layer, and which layer hides them.
#[component]
fn WastedList(list: Vec<WastedCopy>, more: usize) -> impl IntoView {
    let session = expect_context::<Session>();
    let rows = list
        .into_iter()
        .map(|copy| {
            let fate = match copy.is_deleted {
                true => t("written by layer {layer}, deleted by layer {by}"),
                false => t("written by layer {layer}, replaced by layer {by}"),
            };
            let fate = fill(
                fate,
                &[
                    ("layer", &copy.layer.to_string()),
                    ("by", &copy.by.to_string()),
                ],
            );
            let (path, layer) = (copy.path.clone(), copy.layer);
            let title = t("Open this copy");
            view! {
                <li class="treemapWasted" data-test="wasted-copy" data-path=copy.path.clone()>
                    <button type="button" class="linkButton mono" title=title on:click=move |_| open_file(session, &path, Some(layer), None)>
                        <bdi>{copy.path.clone()}</bdi>
                    </button>
                    <span class="treemapFate">{fate}</span>
                    <span class="treemapBytes">{words::size(copy.size)}</span>
                </li>
            }
        })
        .collect_view();
    let more = (more > 0).then(|| {
        view! { <p class="drawerLoading">{tn(more, "and {n} smaller copy", "and {n} smaller copies")}</p> }
    });
    view! {
        <h3 class="treemapHead">{t("The largest copies that are never seen")}</h3>
        <ol class="treemapWastedList" tabindex="0" aria-label=t("The largest copies that are never seen")>{rows}</ol>
        {more}
    }
}

/// What most of a tile is: the word for attributes, and one for people.
fn class_of(by: By, tile: &Tile) -> (&'static str, &'static str) {
    let classes = by.classes();
    let class = classes.get(tile.class).or(classes.last());
    class.copied().unwrap_or_default()
}

fn shown_name(tile: &Tile) -> String {
    match tile.name.as_str() {
        "" => t("smaller ones").to_owned(),
        name => name.to_owned(),
    }
}

fn label(by: By, tile: &Tile) -> String {
    let sentence = match by {
        By::Owner | By::Layer => t("{name}, {size}, most of it of {class} and of layer {layer}"),
        By::Waste => t("{name}, {size} wasted, most of it of layer {layer} and {class}"),
    };
    fill(
        sentence,
        &[
            ("name", &shown_name(tile)),
            ("size", &words::size(tile.size)),
            ("class", t(class_of(by, tile).1)),
            ("layer", &tile.layer.to_string()),
        ],
    )
}

/// A share of 1 in per cent.
fn share(part: f64) -> String {
    format!("{:.4}%", part * 100.0)
}

/// How high a layer lies, from 0 to 1.
fn depth(layer: usize, layers: usize) -> String {
    format!(
        "{:.3}",
        layer as f64 / layers.saturating_sub(1).max(1) as f64
    )
}
