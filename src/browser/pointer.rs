//! Pointing at a part of the page: it gets the attribute `data-pointed-at`, which the style sheet draws a
//! ring for.

use wasm_bindgen::JsCast as _;
use web_sys::{Element, ScrollBehavior, ScrollIntoViewOptions, ScrollLogicalPosition};

use super::window;

const MARK: &str = "data-pointed-at";

/// The first part of that name which is drawn.
fn find(name: &str) -> Option<Element> {
    // Names are letters, digits and hyphens; anything else would be another selector.
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if !name.chars().all(is_name) {
        return None;
    }
    let document = window()?.document()?;
    let selector = format!("[data-tour=\"{name}\"], [data-test=\"{name}\"]");
    let list = document.query_selector_all(&selector).ok()?;
    (0..list.length())
        .filter_map(|index| list.get(index)?.dyn_into::<Element>().ok())
        .find(|element| {
            let area = element.get_bounding_client_rect();
            area.width() > 0.0 && area.height() > 0.0
        })
}

/// Points at the part of that name, or at none. False if there is no such part now.
pub fn point(name: Option<&str>) -> bool {
    let target = name.and_then(find);
    let marked = window()
        .and_then(|window| window.document())
        .and_then(|document| document.query_selector(&format!("[{MARK}]")).ok().flatten());
    if let Some(marked) = marked.filter(|marked| Some(marked) != target.as_ref()) {
        let _ = marked.remove_attribute(MARK);
    }
    if let Some(target) = &target
        && !target.has_attribute(MARK)
    {
        let _ = target.set_attribute(MARK, "");
    }
    target.is_some()
}

/// Scrolls to the part of that name: its middle to the middle of the window, or its top to the top if it
/// is higher than that.
pub fn scroll_to(name: &str) {
    let Some(target) = find(name) else { return };
    let is_high = target.get_bounding_client_rect().height() > super::window_height() * 0.8;
    let options = ScrollIntoViewOptions::new();
    options.set_block(if is_high {
        ScrollLogicalPosition::Start
    } else {
        ScrollLogicalPosition::Center
    });
    let is_calm = window()
        .and_then(|window| window.match_media("(prefers-reduced-motion: reduce)").ok())
        .flatten()
        .is_some_and(|query| query.matches());
    options.set_behavior(if is_calm {
        ScrollBehavior::Instant
    } else {
        ScrollBehavior::Smooth
    });
    target.scroll_into_view_with_scroll_into_view_options(&options);
}
