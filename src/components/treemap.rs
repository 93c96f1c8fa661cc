//! A map of where the image's bytes lie, coloured by whose they are or by layer. The same numbers stand
//! in the list below it, which can be sorted by size.

use leptos::prelude::*;

use super::file_drawer::open_file;
use crate::{
    scanner,
    state::{
        files::join,
        report::ReportStore,
        session::Session,
        treemap::{CLASSES, Tile, squarify},
        words,
    },
};

/// Width by height of the map.
const ASPECT: f64 = 2.6;

/// The map.
#[component]
pub fn Treemap() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let layers = store.with(|report| report.layers.len());
    let directory = RwSignal::new(String::new());
    let by_layer = RwSignal::new(false);
    let tiles = RwSignal::new(None::<Vec<Tile>>);
    let generation = StoredValue::new(0_u32);
    Effect::new(move |_| {
        let asked = directory.get();
        let number = generation.get_value().wrapping_add(1);
        generation.set_value(number);
        leptos::task::spawn_local(async move {
            let answer = scanner::weigh(asked).await.unwrap_or_default();
            if generation.try_get_value() == Some(number) {
                tiles.set(Some(answer));
            }
        });
    });
    let enter = move |tile: &Tile| {
        let path = join(&directory.get_untracked(), &tile.name);
        if tile.is_directory {
            directory.set(path);
        } else if !tile.name.is_empty() {
            open_file(session, &path, None, None);
        }
    };
    let draw = move || {
        let Some(tiles) = tiles.get() else {
            return view! { <p class="drawerLoading" role="status">"Weighing…"</p> }.into_any();
        };
        if tiles.is_empty() {
            return view! { <p class="drawerLoading">"No bytes lie here"</p> }.into_any();
        }
        let sizes: Vec<u64> = tiles.iter().map(|tile| tile.size).collect();
        let places = squarify(&sizes, ASPECT);
        tiles
            .into_iter()
            .zip(places)
            .map(|(tile, place)| {
                let label = label(&tile);
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
                        view! { <span class="treemapInner" data-class=class_of(tile)
                                style=("left", share(place.x)) style=("top", share(place.y))
                                style=("width", share(place.width)) style=("height", share(place.height))
                                style=("--depth", depth(tile.layer, layers))></span> }
                    })
                    .collect_view();
                let class = class_of(&tile);
                let depth = depth(tile.layer, layers);
                let is_dead = tile.name.is_empty();
                view! {
                    <button type="button" class="treemapTile" data-test="treemap-tile" data-name=told_name data-class=class
                        style=("left", share(place.x)) style=("top", share(place.y))
                        style=("width", share(place.width)) style=("height", share(place.height))
                        style=("--depth", depth)
                        title=label.clone() aria-label=label disabled=is_dead on:click=move |_| enter(&tile)>
                        <span class="treemapFill" aria-hidden="true">{inner}</span>
                        <span class="treemapName">{name}</span>
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
        if by_layer.get() {
            return view! { <li>"The darker, the deeper the layer that most bytes came with"</li> }
                .into_any();
        }
        CLASSES
            .map(|(word, title)| view! { <li><span class="treemapKey" data-class=word></span>{title}</li> })
            .collect_view()
            .into_any()
    };
    view! {
        <section class="treemap" aria-label="Map of the files by size" data-test="treemap">
            <div class="treemapBar">
                <ol class="treemapCrumbs" aria-label="Directory">{crumbs}</ol>
                <ul class="treemapLegend">{legend}</ul>
                <label class="switch">
                    <input type="checkbox" role="switch" data-test="treemap-layers" prop:checked=by_layer
                        on:change:target=move |event| by_layer.set(event.target().checked()) />
                    <span>"Colour by layer"</span>
                </label>
            </div>
            <div class="treemapGround" data-by=move || if by_layer.get() { "layer" } else { "class" }>{draw}</div>
        </section>
    }
}

fn class_of(tile: &Tile) -> &'static str {
    CLASSES.get(tile.class).map_or("nobody", |(word, _)| word)
}

fn shown_name(tile: &Tile) -> String {
    match tile.name.as_str() {
        "" => "smaller ones".to_owned(),
        name => name.to_owned(),
    }
}

fn label(tile: &Tile) -> String {
    let owner = CLASSES.get(tile.class).map_or("nobody", |(_, title)| title);
    format!(
        "{}, {}, most of it of {owner} and of layer {}",
        shown_name(tile),
        words::size(tile.size),
        tile.layer
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
