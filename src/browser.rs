//! The page's own window: address bar, local settings, clipboard, downloads, timers.
//!
//! `platform` is I/O that the page and its workers share; this is what only a window has.

pub mod pointer;
pub mod service;

use std::time::Duration;

use crate::{platform::local_storage, state::machine::Machine};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;

/// The window.
pub fn window() -> Option<web_sys::Window> {
    web_sys::window()
}

/// `location.search` and `location.hash`.
pub fn location() -> (String, String) {
    let Some(location) = window().map(|window| window.location()) else {
        return (String::new(), String::new());
    };
    (
        location.search().unwrap_or_default(),
        location.hash().unwrap_or_default(),
    )
}

/// Goes to an address after the path, as a new entry of the history or in place of the current one.
pub fn set_location(address: &str, is_new: bool) {
    let Some(window) = window() else { return };
    let path = window.location().pathname().unwrap_or_default();
    // A lone `?` is what is left of the start page: leave it out.
    let url = format!("{path}{}", if address == "?" { "" } else { address });
    let Ok(history) = window.history() else {
        return;
    };
    let result = if is_new {
        history.push_state_with_url(&JsValue::NULL, "", Some(&url))
    } else {
        history.replace_state_with_url(&JsValue::NULL, "", Some(&url))
    };
    // Browsers limit calls to some hundred in half a minute; the state is right all the same.
    drop(result);
}

/// The address of the page itself, without query and fragment.
pub fn page_url() -> String {
    let Some(location) = window().map(|window| window.location()) else {
        return String::new();
    };
    format!(
        "{}{}",
        location.origin().unwrap_or_default(),
        location.pathname().unwrap_or_default()
    )
}

/// Calls back when the user goes back or forward, or edits the fragment.
pub fn on_navigation(callback: impl Fn() + 'static) {
    let closure = Closure::<dyn Fn()>::new(callback);
    if let Some(window) = window() {
        let listener = closure.as_ref().unchecked_ref();
        let _ = window.add_event_listener_with_callback("popstate", listener);
    }
    closure.forget();
}

/// Listens on the whole window for as long as the page lives.
pub fn on_window<E: JsCast + 'static>(event: &str, callback: impl Fn(E) + 'static) {
    let closure = Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
        if let Ok(event) = event.dyn_into::<E>() {
            callback(event);
        }
    });
    if let Some(window) = window() {
        let _ = window.add_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
    }
    closure.forget();
}

/// Listens on the whole window, before anything within it does, until what called this is gone.
pub fn on_window_first<E: JsCast + 'static>(event: &'static str, callback: impl Fn(&E) + 'static) {
    let closure = Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
        if let Some(event) = event.dyn_ref::<E>() {
            callback(event);
        }
    });
    let Some(window) = window() else { return };
    let listener: js_sys::Function = closure.as_ref().unchecked_ref::<js_sys::Function>().clone();
    let _ = window.add_event_listener_with_callback_and_bool(event, &listener, true);
    let kept = leptos::prelude::StoredValue::new_local(Some((closure, listener)));
    leptos::prelude::on_cleanup(move || {
        let taken = leptos::prelude::UpdateValue::try_update_value(&kept, Option::take).flatten();
        if let (Some(window), Some((closure, listener))) = (self::window(), taken) {
            let _ = window.remove_event_listener_with_callback_and_bool(event, &listener, true);
            drop(closure);
        }
    });
}

/// A setting kept in this browser.
pub fn setting(name: &str) -> Option<String> {
    local_storage()?.get_item(name).ok()?
}

/// Keeps a setting, or forgets it. Where storage is refused, nothing is kept.
pub fn keep_setting(name: &str, value: Option<&str>) {
    let Some(storage) = local_storage() else {
        return;
    };
    let _ = match value {
        Some(value) => storage.set_item(name, value),
        None => storage.remove_item(name),
    };
}

/// The window's event after a link was put on the clipboard.
pub const LINK_COPIED: &str = "lamina-link-copied";

/// Puts a text on the clipboard; false where the browser refuses.
pub async fn copy(text: &str) -> bool {
    let Some(window) = window() else { return false };
    // There is no clipboard outside of secure contexts.
    let clipboard = js_sys::Reflect::get(&window.navigator(), &"clipboard".into());
    let Ok(Ok(clipboard)) = clipboard.map(|value| value.dyn_into::<web_sys::Clipboard>()) else {
        return false;
    };
    let is_copied = JsFuture::from(clipboard.write_text(text)).await.is_ok();
    if is_copied
        && text.contains("://")
        && let Ok(event) = web_sys::Event::new(LINK_COPIED)
    {
        let _ = window.dispatch_event(&event);
    }
    is_copied
}

/// Offers a text as a file.
pub fn download(name: &str, media_type: &str, text: &str) {
    offer(name, media_type, &text.into());
}

/// Offers bytes as a file.
pub fn download_bytes(name: &str, bytes: &js_sys::Uint8Array) {
    offer(name, "application/octet-stream", bytes);
}

fn offer(name: &str, media_type: &str, content: &JsValue) {
    let Some(document) = window().and_then(|window| window.document()) else {
        return;
    };
    let parts = js_sys::Array::of1(content);
    let options = web_sys::BlobPropertyBag::new();
    options.set_type(media_type);
    let blob = web_sys::Blob::new_with_str_sequence_and_options(&parts, &options);
    let Ok(url) = blob.and_then(|blob| web_sys::Url::create_object_url_with_blob(&blob)) else {
        return;
    };
    if let Ok(anchor) = document.create_element("a") {
        let anchor: web_sys::HtmlAnchorElement = anchor.unchecked_into();
        anchor.set_href(&url);
        anchor.set_download(name);
        anchor.click();
    }
    after(Duration::from_secs(30), move || {
        let _ = web_sys::Url::revoke_object_url(&url);
    });
}

/// Calls again and again, until what called this is gone.
pub fn every(duration: Duration, callback: impl Fn() + 'static) {
    if let Ok(handle) = leptos::prelude::set_interval_with_handle(callback, duration) {
        leptos::prelude::on_cleanup(move || handle.clear());
    }
}

/// Calls once, later.
pub fn after(duration: Duration, callback: impl FnOnce() + 'static) {
    leptos::prelude::set_timeout(callback, duration);
}

/// The text of an element of the page as it was served: `None` if there is none of that id.
pub fn embedded(id: &str) -> Option<String> {
    window()?.document()?.get_element_by_id(id)?.text_content()
}

/// Asks the browser to print the page.
pub fn print() {
    if let Some(window) = window()
        && let Ok(print) = js_sys::Reflect::get(&window, &"print".into())
        && let Ok(print) = print.dyn_into::<js_sys::Function>()
    {
        let _ = print.call0(&window);
    }
}

/// Sets the window's title.
pub fn set_title(title: &str) {
    if let Some(document) = window().and_then(|window| window.document()) {
        document.set_title(title);
    }
}

/// What the browser tells of the machine that it runs on.
pub fn machine() -> Machine {
    let Some(window) = window() else {
        return Machine::default();
    };
    let navigator = window.navigator();
    let field = |object: &JsValue, name: &str| js_sys::Reflect::get(object, &name.into()).ok();
    let saves_data = field(&navigator, "connection")
        .filter(|connection| connection.is_object())
        .and_then(|connection| field(&connection, "saveData"))
        .is_some_and(|saves| saves.is_truthy());
    Machine {
        cores: navigator.hardware_concurrency(),
        memory_gb: field(&navigator, "deviceMemory").and_then(|memory| memory.as_f64()),
        saves_data,
    }
}

/// Whether nobody can see the page now: its tab or window is covered.
pub fn is_hidden() -> bool {
    window()
        .and_then(|window| window.document())
        .is_some_and(|document| document.hidden())
}

/// Languages that the user wants, the best first, by BCP 47.
pub fn languages() -> Vec<String> {
    let list = window().map(|window| window.navigator().languages());
    list.map(|list| list.iter().filter_map(|tag| tag.as_string()).collect())
        .unwrap_or_default()
}

/// Whether the keys are those of a Mac, where `⌘` is what Ctrl is elsewhere.
pub fn is_mac() -> bool {
    let platform = window().and_then(|window| window.navigator().platform().ok());
    platform.is_some_and(|platform| platform.starts_with("Mac") || platform.starts_with("iP"))
}

/// Presses the first element that a selector finds and that can be seen; false if there is none.
pub fn press(selector: &str) -> bool {
    let element = window()
        .and_then(|window| window.document())
        .and_then(|document| document.query_selector(selector).ok()?)
        .and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok());
    match element {
        Some(element) => {
            element.click();
            true
        }
        None => false,
    }
}

/// A setting kept for this tab alone, until it is closed.
pub fn tab_setting(name: &str) -> Option<String> {
    window()?.session_storage().ok()??.get_item(name).ok()?
}

/// Keeps a setting for this tab, or forgets it. Where storage is refused, nothing is kept.
pub fn keep_tab_setting(name: &str, value: Option<&str>) {
    let Some(Ok(Some(storage))) = window().map(|window| window.session_storage()) else {
        return;
    };
    let _ = match value {
        Some(value) => storage.set_item(name, value),
        None => storage.remove_item(name),
    };
}

/// Sets or removes an attribute of the root element.
pub fn set_root_attribute(name: &str, value: Option<&str>) {
    let root = window()
        .and_then(|window| window.document())
        .and_then(|document| document.document_element());
    let Some(root) = root else { return };
    let _ = match value {
        Some(value) => root.set_attribute(name, value),
        None => root.remove_attribute(name),
    };
}

/// Pixels of one rem.
pub fn rem() -> f64 {
    let size = || {
        let window = window()?;
        let root = window.document()?.document_element()?;
        let style = js_sys::Reflect::get(&window, &"getComputedStyle".into()).ok()?;
        let style = style
            .dyn_into::<js_sys::Function>()
            .ok()?
            .call1(&window, &root)
            .ok()?;
        let size = js_sys::Reflect::get(&style, &"fontSize".into())
            .ok()?
            .as_string()?;
        size.trim_end_matches("px").parse::<f64>().ok()
    };
    size().unwrap_or(16.0)
}

/// Height of the window, in pixels.
pub fn window_height() -> f64 {
    window()
        .and_then(|window| window.inner_height().ok())
        .and_then(|height| height.as_f64())
        .unwrap_or(800.0)
}

/// Width of the window, in pixels.
pub fn window_width() -> f64 {
    window()
        .and_then(|window| window.inner_width().ok())
        .and_then(|width| width.as_f64())
        .unwrap_or(1200.0)
}

/// Takes the element with this id away.
pub fn remove(id: &str) {
    let element = window()
        .and_then(|window| window.document())
        .and_then(|document| document.get_element_by_id(id));
    if let Some(element) = element {
        element.remove();
    }
}

/// Loads the page again.
pub fn reload() {
    if let Some(window) = window() {
        let _ = window.location().reload();
    }
}

/// The element with this id gets the focus.
pub fn focus(id: &str) {
    let element = window()
        .and_then(|window| window.document())
        .and_then(|document| document.get_element_by_id(id));
    if let Some(element) =
        element.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok())
    {
        let _ = element.focus();
    }
}

/// Scrolls to an element after the next drawing, if it begins below the middle of the window: what
/// was asked for must not appear out of sight.
pub fn reveal_below(id: &'static str) {
    leptos::prelude::request_animation_frame(move || {
        let element = window()
            .and_then(|window| window.document())
            .and_then(|document| document.get_element_by_id(id));
        let (Some(element), Some(window)) = (element, window()) else {
            return;
        };
        let top = element.get_bounding_client_rect().top();
        if top > window_height() * 0.5 {
            window.scroll_by_with_x_and_y(0.0, top);
        }
    });
}

/// Scrolls what an element lies in until it can be seen.
pub fn reveal(id: &str) {
    let element = window()
        .and_then(|window| window.document())
        .and_then(|document| document.get_element_by_id(id));
    if let Some(element) = element {
        let options = web_sys::ScrollIntoViewOptions::new();
        options.set_block(web_sys::ScrollLogicalPosition::Nearest);
        element.scroll_into_view_with_scroll_into_view_options(&options);
    }
}

/// Gives the focus to the first element that a selector names; answers whether there is one.
pub fn focus_first(selector: &str) -> bool {
    let found = window()
        .and_then(|window| window.document())
        .and_then(|document| document.query_selector(selector).ok().flatten())
        .and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok());
    found.is_some_and(|element| element.focus().is_ok())
}

/// Whether a dialog or an open list has the keyboard to itself.
pub fn has_dialog() -> bool {
    window()
        .and_then(|window| window.document())
        .and_then(|document| {
            document
                .query_selector("dialog.dialog[open], [popover]:popover-open")
                .ok()
                .flatten()
        })
        .is_some()
}

/// Whether a key is pressed on a button or a link.
pub fn is_on_button(event: &web_sys::KeyboardEvent) -> bool {
    event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        .is_some_and(|target| matches!(target.tag_name().as_str(), "BUTTON" | "A"))
}

/// Whether a key is pressed within something that walks sideways by arrows: tabs, sliders, trees.
pub fn has_arrows(event: &web_sys::KeyboardEvent) -> bool {
    is_within(event, "[role=\"tablist\"], [role=\"tree\"], input")
}

/// Whether a key is pressed within one of these.
pub fn is_within(event: &web_sys::KeyboardEvent, selector: &str) -> bool {
    event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        .is_some_and(|target| target.closest(selector).ok().flatten().is_some())
}

/// Whether keys are being typed into a field.
pub fn is_typing(event: &web_sys::KeyboardEvent) -> bool {
    let Some(target) = event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
    else {
        return false;
    };
    match target.tag_name().as_str() {
        "TEXTAREA" | "SELECT" => true,
        "INPUT" => !matches!(
            target.get_attribute("type").as_deref(),
            Some("checkbox" | "radio" | "range" | "button" | "file")
        ),
        _ => false,
    }
}

/// Where the page comes from, as a server sees it: `https://lamina.example`.
pub fn origin() -> String {
    window()
        .and_then(|window| window.location().origin().ok())
        .unwrap_or_default()
}

/// Reads a small file of the page's own folder as text; `None` if it is not there.
pub async fn own_file(path: &str, limit_bytes: usize) -> Option<String> {
    let url = format!("{}{path}", crate::platform::base_url());
    let answer = crate::platform::fetch::send("GET", &url, &[], None)
        .await
        .ok()?;
    if answer.status != 200 {
        return None;
    }
    let bytes = answer.bytes(limit_bytes).await.ok()?;
    String::from_utf8(bytes).ok()
}
