//! Feeds read into databases, and the databases asked.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

mod build;
mod enrichment;
mod real;
mod redhat;
mod rpm;
mod support;
