//! The report: one model for every kind of finding, its formats, and share links.

pub mod model;
