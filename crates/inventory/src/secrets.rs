//! Passwords, keys and tokens: what they look like, where they are, and what may be shown of them.
//!
//! [`scan_config`] looks at an image's configuration, [`redact`] makes text fit to be shown, and the
//! stream analyser [`crate::kinds::secrets`] looks at files. All go by one list of rules (`rules.rs`):
//! their keywords are found with all other strings (`search.rs`), a pattern is tried where one is (`scanner.rs`), guards drop
//! what only looks like a secret (`guards.rs`), and how much is asked of a file depends on its path
//! (`paths.rs`).
//!
//! No secret leaves this module: reports hold a few bytes of it, where its maker begins all of them alike
//! (`redaction.rs`).

mod config;
mod guards;
pub(crate) mod paths;
mod redaction;
pub(crate) mod rules;
pub(crate) mod scanner;

pub use config::{ConfigPlace, ConfigSecret, scan_config};
pub use redaction::redact;
