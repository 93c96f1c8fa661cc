//! End-to-end tests: the page in a real Chromium, a real registry behind it.
//!
//! `cargo xtask test` runs them with everything built and installed. By hand:
//! `cargo xtask build && cargo test -p lamina-page --test e2e`.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

mod bench;
mod harness;
mod journeys;
