//! The native program `lamina`, as a library so that tests can drive its parts in one process.
//!
//! [`command`] reads the command line; [`scan`], [`serve`], [`gate`] and [`db`] are its commands.
//! [`transport`] performs the requests that `lamina-registry`'s machines ask for, [`credentials`]
//! finds out who we are at a registry, [`relay`] passes the page's requests on.

#![allow(
    clippy::disallowed_methods,
    reason = "this crate is the edge that owns files, the environment and the clock"
)]

pub mod address;
mod assets;
pub mod command;
pub mod credentials;
mod csp;
pub mod database;
pub mod db;
pub mod gate;
pub mod limits;
pub mod pull;
pub mod relay;
pub mod scan;
pub mod serve;
pub mod transport;
