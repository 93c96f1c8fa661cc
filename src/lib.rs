//! The page: Lamina's report and scanner in the browser.
//!
//! The page itself draws and keeps state; scanning runs in [`worker`]s. `platform` is the only place
//! that touches the browser's I/O (fetch, IndexedDB, clock).

pub mod platform;
pub mod scanner;
pub mod worker;

/// Mounts the page.
pub fn start() {
    console_error_panic_hook::set_once();
    use leptos::prelude::*;
    leptos::mount::mount_to_body(|| view! { <main>"Lamina"</main> });
}
