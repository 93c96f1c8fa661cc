//! The advisory database: its format, the orders of versions, and matching.
//!
//! - [`index`] and [`shard`] read the database of `docs/database.md`. Both take hostile bytes: what is
//!   wrong is an error, never a panic, and nothing is allocated per record.
//! - [`ecosystem`] says what OSV's ecosystems and an image's distribution are called here, how their
//!   package names are written and which [`orders`] compares their versions.
//! - [`signature`] says whether an index is trusted.
//! - [`matcher`] names the shards that an image needs and finds the advisories that apply.
//!
//! Feeds build databases with [`shard::writer`]; the same types describe a record on both sides.

pub mod ecosystem;
pub mod index;
pub mod lifecycle;
pub mod limits;
pub mod matcher;
pub mod orders;
pub mod rating;
pub mod record;
pub mod shard;
pub mod signature;

pub use ecosystem::DistributionView;
pub use index::{Index, IndexError, ShardEntry, ShardKind};
pub use matcher::{
    Evidence, Match, MatchWarning, Matches, Missing, Needs, PackageView, Status, match_packages,
    shards_for,
};
pub use shard::{Shard, ShardError};
