//! Every format, written from the one sample report and from odd ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod ci;
mod golden;
mod imports;
mod sample;
mod sboms;
mod schemas;
