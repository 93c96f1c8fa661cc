//! The native program `lamina`, as a library so that tests can drive its parts in one process.
//!
//! [`command`] reads the command line; [`scan`], [`serve`], [`gate`], [`db`], [`policy`],
//! [`import`] and [`bases`] are its commands.
//! [`transport`] performs the requests that `lamina-registry`'s machines ask for, [`credentials`]
//! finds out who we are at a registry, [`relay`] passes the page's requests on. [`judge`] says whether an
//! image passes, with VEX documents from files and from the registry ([`attached`]) and custom rules
//! ([`rego`]).

#![allow(
    clippy::disallowed_methods,
    reason = "this crate is the edge that owns files, the environment and the clock"
)]

pub mod address;
mod assets;
pub mod attached;
pub mod bases;
pub mod command;
pub mod compare;
pub mod credentials;
mod csp;
pub mod database;
pub mod db;
pub mod gate;
pub mod import;
pub mod judge;
pub mod limits;
pub mod policy;
pub mod pull;
pub mod rego;
pub mod relay;
pub mod scan;
pub mod serve;
pub mod shares;
pub mod transport;
