//! What a database may cost its reader.

/// Bytes of `index.json`. The index of all OSV ecosystems with prose takes about 400 KB.
pub const MAX_INDEX_BYTES: usize = 16 << 20;

/// Shards in one index.
pub const MAX_SHARDS: usize = 20_000;

/// Bytes of one shard, compressed. The largest of the public feeds takes under 8 MB.
pub const MAX_STORED_BYTES: u64 = 64 << 20;

/// Bytes of one shard, uncompressed: it is held in memory whole.
pub const MAX_SHARD_BYTES: u64 = 256 << 20;

/// Sections in one shard; this format has seven.
pub const MAX_SECTIONS: u32 = 64;

/// Bytes of a shard's metadata, which is parsed whole.
pub const MAX_META_BYTES: usize = 64 << 10;

/// Matches for one package. The worst real one, a Linux kernel of Debian, has about 4,000.
pub const MAX_MATCHES_PER_PACKAGE: usize = 20_000;

/// Warnings of one matching run; the rest is counted.
pub const MAX_WARNINGS: usize = 200;
