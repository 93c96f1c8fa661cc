//! `index.json`: which shards a database has, and where.
//!
//! The index is the one file whose name is fixed; it names shards by the digest of their stored
//! bytes, so that they may come from anywhere and be kept for ever. Its signature, when there is one,
//! is detached (`index.json.minisig`) and over its exact bytes.

use std::collections::BTreeSet;

use lamina_image::digest::Digest;
use serde::{Deserialize, Serialize};

use crate::{
    limits::{MAX_INDEX_BYTES, MAX_SHARD_BYTES, MAX_SHARDS, MAX_STORED_BYTES},
    shard::prose::prose_key,
};

/// The version of the format that this crate writes and reads.
pub const FORMAT: u32 = 1;

/// File name of the index.
pub const FILE_NAME: &str = "index.json";

/// A database: its sources and shards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// [`FORMAT`] of the writer.
    pub format: u32,
    /// A name for people, e.g. `demo`.
    pub name: String,
    /// When it was built, RFC 3339 in UTC. A reader may refuse one older than what it holds.
    pub built_at: String,
    /// Where the records come from.
    pub sources: Vec<Source>,
    /// The shards: match before prose, by key.
    pub shards: Vec<ShardEntry>,
}

/// A feed, and what came from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The feed's id, e.g. `osv`.
    pub id: String,
    /// Its name, e.g. `OSV`.
    pub name: String,
    /// Where it is published.
    pub url: String,
    /// Under which licence, in words or as an SPDX expression.
    pub licence: String,
    /// The date of its newest record, RFC 3339.
    pub date: Option<String>,
    /// How many of its records were read.
    pub records: u64,
    /// How many could not be used.
    pub skipped: u64,
}

/// A shard in the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardEntry {
    /// Its key, e.g. `debian:12`.
    pub key: String,
    /// What is in it.
    pub kind: ShardKind,
    /// Digest of the stored bytes.
    pub digest: Digest,
    /// Stored bytes.
    pub size: u64,
    /// Bytes after inflating.
    pub uncompressed_size: u64,
    /// Advisories, or entries of prose.
    pub records: u64,
    /// Packages they are about.
    #[serde(default)]
    pub packages: u64,
    /// Where its records come from, for people.
    #[serde(default)]
    pub source: String,
    /// The date of its newest record, RFC 3339.
    #[serde(default)]
    pub source_date: Option<String>,
    /// In a part of prose, the first record's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
}

/// What a shard holds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum ShardKind {
    /// What matching needs.
    #[default]
    Match,
    /// What people read.
    Prose,
    /// What changes from day to day ([`crate::shard::scores`]).
    Scores,
    /// How long releases are looked after ([`crate::lifecycle`]).
    Lifecycle,
    /// Something that this reader does not know.
    #[serde(other)]
    Unknown,
}

/// Why bytes are no index.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// They are more than an index may have.
    #[error("index is {0} bytes, more than {MAX_INDEX_BYTES}")]
    TooLarge(usize),
    /// They are not JSON of the right shape.
    #[error("index cannot be read")]
    Syntax(#[from] serde_json::Error),
    /// They are of a version that this reader does not know.
    #[error("index format {0} is not supported, only {FORMAT}")]
    Format(u32),
    /// It names too many shards.
    #[error("index names {0} shards, more than {MAX_SHARDS}")]
    TooManyShards(usize),
    /// A shard's entry contradicts itself or another.
    #[error("shard {key:?} in the index: {problem}")]
    Entry {
        /// Its key.
        key: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl ShardKind {
    /// The word in the index.
    pub fn word(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Prose => "prose",
            Self::Scores => "scores",
            Self::Lifecycle => "lifecycle",
            Self::Unknown => "unknown",
        }
    }
}

impl Index {
    /// Reads an index. Fields that this version does not know are ignored.
    ///
    /// # Errors
    /// If it is not an index of this format, or is beyond the limits.
    pub fn parse(bytes: &[u8]) -> Result<Self, IndexError> {
        if bytes.len() > MAX_INDEX_BYTES {
            return Err(IndexError::TooLarge(bytes.len()));
        }
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let Version { format } = serde_json::from_slice(bytes)?;
        if format != FORMAT {
            return Err(IndexError::Format(format));
        }
        let index: Self = serde_json::from_slice(bytes)?;
        if index.shards.len() > MAX_SHARDS {
            return Err(IndexError::TooManyShards(index.shards.len()));
        }
        let mut seen = BTreeSet::new();
        for shard in &index.shards {
            shard.check()?;
            if !seen.insert((shard.kind, &shard.key, &shard.first)) {
                return Err(shard.refuse("it is there twice"));
            }
        }
        Ok(index)
    }

    /// The index as it is written: sorted, one line per shard in spirit, ending in a line feed.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).unwrap_or_default();
        json.push('\n');
        json
    }

    /// The shard with this key that matching needs.
    pub fn match_shard(&self, key: &str) -> Option<&ShardEntry> {
        self.shards
            .iter()
            .find(|shard| shard.kind == ShardKind::Match && shard.key == key)
    }

    /// The scores beside the match shard with this key.
    pub fn scores_shard(&self, key: &str) -> Option<&ShardEntry> {
        self.shards
            .iter()
            .find(|shard| shard.kind == ShardKind::Scores && shard.key == key)
    }

    /// The shard of lifecycles.
    pub fn lifecycle_shard(&self) -> Option<&ShardEntry> {
        self.shards
            .iter()
            .find(|shard| shard.kind == ShardKind::Lifecycle)
    }

    /// The part of prose that has the record with this id, if any has.
    pub fn prose_shard(&self, match_key: &str, record: &str) -> Option<&ShardEntry> {
        let key = prose_key(match_key);
        self.shards
            .iter()
            .filter(|shard| shard.kind == ShardKind::Prose && shard.key == key)
            .filter(|shard| shard.first.as_deref().unwrap_or_default() <= record)
            .max_by(|a, b| a.first.cmp(&b.first))
    }
}

impl ShardEntry {
    /// Where its stored bytes lie, relative to the index.
    pub fn path(&self) -> String {
        let digest = &self.digest;
        format!("shards/{}/{}", digest.algorithm().name(), digest.hex())
    }

    fn check(&self) -> Result<(), IndexError> {
        let is_key = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'\\');
        if self.key.is_empty() || self.key.len() > 120 || !self.key.bytes().all(is_key) {
            return Err(self.refuse("its key is not one"));
        }
        if self.size > MAX_STORED_BYTES || self.uncompressed_size > MAX_SHARD_BYTES {
            return Err(self.refuse("it is larger than a shard may be"));
        }
        Ok(())
    }

    fn refuse(&self, problem: &'static str) -> IndexError {
        IndexError::Entry {
            key: self.key.chars().take(120).collect(),
            problem,
        }
    }
}
