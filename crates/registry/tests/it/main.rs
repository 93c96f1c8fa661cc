//! Exchanges with registries, replayed through the machines: no network, no clock.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

mod auth;
mod blobs;
mod errors;
mod hostile;
mod manifests;
mod replay;
