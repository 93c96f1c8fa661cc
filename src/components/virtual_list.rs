//! The one list for thousands of rows: only those in sight are rendered.
//!
//! It scrolls with the window. All rows have one height, which CSS says (`--row-height`): the list
//! measures it, so that it may differ between wide and narrow windows. A row is placed by the
//! custom property `--row`, its position.

use std::{ops::Range, sync::Arc};

use leptos::{html, prelude::*};

use crate::{browser, state::windowing};

/// Scrolls a list so that a row is in sight.
#[derive(Clone, Copy)]
pub struct Scroller {
    list: NodeRef<html::Div>,
    row_height: RwSignal<f64>,
}

impl Scroller {
    /// For one list.
    pub fn new() -> Self {
        Self {
            list: NodeRef::new(),
            row_height: RwSignal::new(0.0),
        }
    }

    /// Scrolls by as little as needed; `head` pixels at the top of the window are covered.
    pub fn reveal(self, position: usize, head: f64) {
        let (Some(list), Some(window)) = (self.list.get_untracked(), browser::window()) else {
            return;
        };
        let top = list.get_bounding_client_rect().top();
        let height = self.row_height.get_untracked();
        let by = windowing::scroll_by(position, height, top, browser::window_height(), head);
        if by != 0.0 {
            window.scroll_by_with_x_and_y(0.0, by);
        }
    }

    /// Whole rows that fit into the window, less two for context.
    pub fn page(self) -> usize {
        windowing::rows_per_page(browser::window_height(), self.row_height.get_untracked())
    }
}

impl Default for Scroller {
    fn default() -> Self {
        Self::new()
    }
}

/// The list.
#[component]
pub fn VirtualList<T, K, V>(
    /// The rows.
    #[prop(into)]
    rows: Signal<Arc<Vec<T>>>,
    /// Draws a row: the item, and its position for `--row` and `aria-rowindex`.
    row: impl Fn(T, usize) -> V + Clone + Send + Sync + 'static,
    /// Tells a row from others.
    key: impl Fn(&T) -> K + Clone + Send + Sync + 'static,
    /// A position that is rendered even if it is out of sight, so that it keeps the focus.
    #[prop(into)]
    pinned: Signal<Option<usize>>,
    /// Scrolls it.
    scroller: Scroller,
) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
    K: std::hash::Hash + Eq + Send + Sync + 'static,
    V: IntoView + 'static,
{
    let list = scroller.list;
    let row_height = scroller.row_height;
    let top = RwSignal::new(0.0_f64);
    let window_height = RwSignal::new(browser::window_height());
    let count = Memo::new(move |_| rows.with(|rows| rows.len()));
    let measure = move || {
        let Some(element) = list.get_untracked() else {
            return;
        };
        let count = count.get_untracked();
        let rect = element.get_bounding_client_rect();
        if count > 0 {
            let height = rect.height() / count as f64;
            if (height - row_height.get_untracked()).abs() > 0.01 {
                row_height.set(height);
            }
        }
        top.set(rect.top());
        window_height.set(browser::window_height());
    };
    let is_due = StoredValue::new(false);
    let measure_soon = move || {
        if is_due.try_get_value() == Some(false) {
            is_due.set_value(true);
            request_animation_frame(move || {
                // The list may be gone by now.
                if is_due.try_set_value(false).is_none() {
                    measure();
                }
            });
        }
    };
    let scroll = window_event_listener(leptos::ev::scroll, move |_| measure_soon());
    let resize = window_event_listener(leptos::ev::resize, move |_| measure_soon());
    on_cleanup(move || {
        scroll.remove();
        resize.remove();
    });
    Effect::new(move |_| {
        count.track();
        if list.get().is_some() {
            measure_soon();
        }
    });
    let range = Memo::new(move |_| -> Range<usize> {
        let count = count.get();
        let range = windowing::in_sight(count, row_height.get(), top.get(), window_height.get());
        // In steps of eight rows: most scroll events then change nothing.
        let start = range.start / 8 * 8;
        let end = range.end.div_ceil(8).saturating_mul(8).min(count);
        start..end.max(start)
    });
    let visible = move || {
        let range = range.get();
        let pinned = pinned.get();
        let before = pinned.filter(|pinned| *pinned < range.start);
        let after = pinned.filter(|pinned| *pinned >= range.end);
        rows.with(|rows| {
            before
                .into_iter()
                .chain(range)
                .chain(after)
                .filter_map(|position| rows.get(position).map(|item| (position, item.clone())))
                .collect::<Vec<_>>()
        })
    };
    view! {
        <div
            class="virtualList"
            role="rowgroup"
            node_ref=list
            style=("--rows", move || count.get().to_string())
        >
            <For
                each=visible
                key=move |(position, item)| (*position, key(item))
                children=move |(position, item)| row(item, position)
            />
        </div>
    }
}
