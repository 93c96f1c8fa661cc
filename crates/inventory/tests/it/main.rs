//! Inventories of whole images.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

mod attribution;
mod cache;
mod images;
mod languages;
mod os_release;
mod scan;
mod support;
