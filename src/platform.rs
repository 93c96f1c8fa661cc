//! The only place that touches the browser's I/O: fetch, IndexedDB, the clock, and the folder that
//! the page is served from. Works on the page's thread and in a worker alike.

pub mod fetch;
pub mod netlog;
pub mod registry;
pub mod routes;
pub mod seal;
pub mod servers;
pub mod shares;
pub mod store;
#[cfg(all(test, target_arch = "wasm32"))]
mod tests;

use wasm_bindgen::{JsCast, JsValue};

/// Milliseconds since 1970-01-01 UTC.
pub fn now_ms() -> f64 {
    js_sys::Date::now()
}

/// The current time, RFC 3339 in UTC.
pub fn now_rfc3339() -> String {
    js_sys::Date::new_0().to_iso_string().into()
}

/// Milliseconds since the page or worker began, for measuring.
pub fn monotonic_ms() -> f64 {
    let global = js_sys::global();
    if let Some(window) = global.dyn_ref::<web_sys::Window>() {
        return window
            .performance()
            .map_or(0.0, |performance| performance.now());
    }
    global
        .dyn_ref::<web_sys::WorkerGlobalScope>()
        .and_then(web_sys::WorkerGlobalScope::performance)
        .map_or(0.0, |performance| performance.now())
}

/// What this browser keeps for the page between visits; `None` in a worker, or where it keeps nothing.
pub fn local_storage() -> Option<web_sys::Storage> {
    web_sys::window()?.local_storage().ok()?
}

/// The folder that the page is served from, with a final slash.
pub fn base_url() -> String {
    let href = js_sys::Reflect::get(&js_sys::global(), &"location".into())
        .and_then(|location| js_sys::Reflect::get(&location, &"href".into()))
        .ok()
        .and_then(|href| href.as_string())
        .unwrap_or_default();
    let href = href.split(['?', '#']).next().unwrap_or_default();
    match href.rfind('/') {
        Some(slash) => href.get(..=slash).unwrap_or_default().to_owned(),
        None => href.to_owned(),
    }
}

/// The build's hash, which is in the names of its files; empty outside of a window, and where the page
/// was not built by `cargo xtask`.
pub fn build_hash() -> String {
    let meta = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| {
            document
                .query_selector("meta[name=\"lamina-build\"]")
                .ok()
                .flatten()
        });
    meta.and_then(|meta| meta.get_attribute("content"))
        .unwrap_or_default()
}

/// Where a worker of this build lies. `name` is its binary's.
pub fn worker_url(name: &str) -> String {
    format!("{}{name}_loader-{}.js", base_url(), build_hash())
}

/// What JavaScript threw, in words.
pub fn describe(error: &JsValue) -> String {
    if let Some(error) = error.dyn_ref::<js_sys::Error>() {
        return error.message().into();
    }
    error.as_string().unwrap_or_else(|| format!("{error:?}"))
}

/// The bytes of a file, or of a part of one.
///
/// # Errors
/// When the browser cannot read it: it was moved or changed since it was chosen.
pub async fn file_bytes(file: &web_sys::Blob) -> Result<Vec<u8>, String> {
    let buffer = wasm_bindgen_futures::JsFuture::from(file.array_buffer()).await;
    buffer
        .map(|buffer| js_sys::Uint8Array::new(&buffer).to_vec())
        .map_err(|_| "the file cannot be read".to_owned())
}

/// Waits.
pub async fn sleep(duration: std::time::Duration) {
    let milliseconds = i32::try_from(duration.as_millis()).unwrap_or(i32::MAX);
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        let global = js_sys::global();
        if let Some(window) = global.dyn_ref::<web_sys::Window>() {
            let _ = window
                .set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds);
        } else if let Some(worker) = global.dyn_ref::<web_sys::WorkerGlobalScope>() {
            let _ = worker
                .set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds);
        }
    });
    let _ = wasm_bindgen_futures::JsFuture::from(promise).await;
}

/// Longest wait for a connection that was lost.
const LONGEST_OFFLINE: std::time::Duration = std::time::Duration::from_secs(30 * 60);

/// Whether the browser says that there is a network. One that does not know says yes.
pub fn is_online() -> bool {
    js_sys::Reflect::get(&js_sys::global(), &"navigator".into())
        .and_then(|navigator| js_sys::Reflect::get(&navigator, &"onLine".into()))
        .ok()
        .and_then(|is_online| is_online.as_bool())
        .unwrap_or(true)
}

/// Waits until there is a network again: what failed without one is tried again then, and not before.
pub async fn online() {
    let begin = monotonic_ms();
    let pause = std::time::Duration::from_millis(500);
    while !is_online() && monotonic_ms() - begin < LONGEST_OFFLINE.as_secs_f64() * 1000.0 {
        sleep(pause).await;
    }
}

/// A number of JavaScript that counts something.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped first"
)]
pub fn whole(number: f64) -> u64 {
    // 2^53, the largest that JavaScript counts to.
    number.clamp(0.0, 9_007_199_254_740_992.0) as u64
}
