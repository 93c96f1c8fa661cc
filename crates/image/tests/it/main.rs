//! The crate's boundary: archives, layers and trees, against real images and independent readers.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

mod archives;
mod extract;
mod layers;
mod malformed;
mod manifests;
mod support;
mod trees;
mod truth;
