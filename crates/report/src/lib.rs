//! The report: one model for every kind of finding, its formats, and share links.
//!
//! Every output is written from [`model::Report`]. A verdict is not part of it: it is the answer of a
//! policy at a time, and is evaluated again wherever a report is shown ([`verdict`]).

pub mod beside;
pub mod changes;
pub mod compare;
mod draft;
pub mod fixes;
pub mod formats;
pub mod imports;
pub mod limits;
pub mod link;
pub mod model;
mod sbom;
mod standing;
mod text;
pub mod verdict;
