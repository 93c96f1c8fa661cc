//! Public advisory feeds, read into an advisory database.
//!
//! [`feeds`] lists what can be read; [`builder::Builder`] gathers it and writes the database. A feed
//! is given one file at a time as bytes and tells the builder what it says; where the bytes come
//! from is the caller's business. Feeds are foreign: what cannot be read is counted, listed with its
//! reason ([`builder::Skipped`]) and never stops the rest.

mod archive;
pub mod builder;
pub mod feeds;
pub mod limits;
pub mod location;
mod notice;
mod oval;
mod updateinfo;
mod xml;

pub use builder::{BuildError, Builder, Built, ShardRow, Skipped};
pub use feeds::{FEEDS, Feed, Input, feed_for};
pub use location::Location;
