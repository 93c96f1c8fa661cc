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
mod compare;
mod for_people;
mod golden;
mod imports;
mod links;
mod report_schema;
mod sample;
mod sboms;
mod schemas;
