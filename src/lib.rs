//! The page: Lamina's report and scanner in the browser.
//!
//! The page itself draws and keeps state; scanning runs in [`worker`]s, and
//! the [`desk`] reads policy files. `platform` is the I/O that
//! page and workers share (fetch, IndexedDB, clock), `browser` what only a window has. `state` holds
//! the logic, as pure functions; `components` and `pages` draw it.

pub mod app;
pub mod browser;
pub mod components;
pub mod desk;
pub mod lazy;
pub mod pages;
pub mod platform;
pub mod scanner;
pub mod state;
pub mod worker;

/// Mounts the page.
pub fn start(views: lazy::Views) {
    console_error_panic_hook::set_once();
    browser::remove("boot");
    leptos::mount::mount_to_body(move || {
        leptos::prelude::provide_context(views);
        app::App()
    });
}
