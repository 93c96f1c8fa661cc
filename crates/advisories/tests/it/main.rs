//! The crate against the shared vectors, hostile shards and small databases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

mod cvss;
mod index;
mod matching;
mod orders;
mod ranges;
mod shards;
mod support;
