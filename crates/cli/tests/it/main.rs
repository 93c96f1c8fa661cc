//! The server, the relay and the transport against registries: one of the test's own, and a real one
//! where it is installed; and the program itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

mod bases;
mod compare;
mod database;
mod gate;
mod gate_load;
mod gate_real;
mod import;
mod judge;
mod real;
mod relay;
mod scan;
mod site;
mod support;
mod transfer;
