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

mod accounts;
mod attribution;
mod cache;
mod config;
mod executables;
mod images;
mod java;
mod languages;
mod licences;
mod os_packages;
mod os_release;
mod rpm;
mod scan;
mod secrets;
mod support;
