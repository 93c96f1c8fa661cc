//! Limits on what an image may make us do, each with its unit and its reason.
//!
//! Everything this crate reads is hostile until read. Passing a limit is a named error or warning,
//! never a crash and never silence. A caller may lower them (or raise them) through [`Limits`].

/// Bytes of a manifest or index: the OCI distribution specification asks registries to accept 4 MiB,
/// and says that clients should stop there.
pub const MAX_MANIFEST_BYTES: usize = 4 << 20;

/// Bytes of an image config. Real ones stay under 100 KiB; generated histories reach a few MiB.
pub const MAX_CONFIG_BYTES: usize = 8 << 20;

/// Descriptors in one manifest or index. Docker stops at 127 layers; indexes hold tens of entries.
pub const MAX_DESCRIPTORS: usize = 10_000;

/// Bytes that one layer may unpack to. The largest public images (GPU tool chains) have layers of
/// 10 to 20 GiB.
pub const MAX_UNCOMPRESSED_BYTES: u64 = 64 << 30;

/// Unpacked bytes per compressed byte, looked at once [`RATIO_APPLIES_FROM`] bytes are unpacked.
/// Deflate cannot pass 1032, its fastest level makes some 100 of zeros, and real layers stay under
/// 30; a terabyte of zeros ends here.
pub const MAX_EXPANSION_RATIO: u64 = 80;

/// Unpacked bytes from which on the expansion ratio counts: a layer that holds little but an empty
/// disk image or a swap file is legitimate while it is small.
pub const RATIO_APPLIES_FROM: u64 = 1 << 30;

/// Entries in one layer. A full Node or TeX tree has some 300,000.
pub const MAX_ENTRIES: u64 = 2_000_000;

/// Entries of a layer of which is noted where they lie: eight bytes each.
pub const MAX_PLACES: usize = 1_000_000;

/// Points of a compressed layer from which it can be read on: a window of 32 KiB each, compressed. When
/// there are more, every other one is dropped and they lie twice as far apart.
pub const MAX_CHECKPOINTS: usize = 512;

/// Unpacked bytes between two such points, at first.
pub const CHECKPOINT_BYTES: u64 = 4 << 20;

/// Bytes of one path or link target. Linux itself stops at 4,096 for a path it is given whole.
pub const MAX_PATH_BYTES: usize = 16 << 10;

/// Bytes of one PAX header, GNU long name or GNU long link. Go's reader, with which images are
/// unpacked everywhere, stops at 1 MiB.
pub const MAX_EXTENDED_HEADER_BYTES: u64 = 1 << 20;

/// Data segments of one sparse file.
pub const MAX_SPARSE_SEGMENTS: usize = 1 << 16;

/// Logical bytes up to which a sparse file is handed to whoever claims it: a few bytes of tar can
/// claim to be exabytes of zeros.
pub const MAX_SPARSE_BYTES: u64 = 256 << 20;

/// Bytes of a zstd window: what the reference decoder takes without being told otherwise.
pub const MAX_ZSTD_WINDOW_BYTES: u64 = 128 << 20;

/// Warnings kept per layer; the rest is counted.
pub const MAX_WARNINGS: usize = 100;

/// Paths in one layer's tree, directories that are only implied included: a single entry can imply
/// thousands.
pub const MAX_TREE_NODES: usize = 4_000_000;

/// Bytes of names and link targets in one layer's tree. A million entries take about 20 MiB.
pub const MAX_TREE_NAME_BYTES: usize = 256 << 20;

/// Symbolic links followed for one path: Linux's own number.
pub const MAX_SYMLINKS: usize = 40;

/// Hard links followed for one file.
pub const MAX_HARD_LINKS: usize = 16;

/// Layers of one image. Docker stops at 127; this leaves room for others.
pub const MAX_LAYERS: usize = 4096;

/// Bytes of JSON that an archive reader holds, all members together.
pub const MAX_ARCHIVE_METADATA_BYTES: usize = 64 << 20;

/// Members of one archive.
pub const MAX_ARCHIVE_MEMBERS: u64 = 100_000;

/// Nested indexes followed from an archive's `index.json`.
pub const MAX_INDEX_DEPTH: usize = 4;

/// The limits of reading one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// See [`MAX_UNCOMPRESSED_BYTES`].
    pub uncompressed_bytes: u64,
    /// See [`MAX_EXPANSION_RATIO`].
    pub expansion_ratio: u64,
    /// See [`RATIO_APPLIES_FROM`].
    pub ratio_applies_from: u64,
    /// See [`MAX_ENTRIES`].
    pub entries: u64,
    /// See [`MAX_PATH_BYTES`].
    pub path_bytes: usize,
    /// See [`MAX_EXTENDED_HEADER_BYTES`].
    pub extended_header_bytes: u64,
    /// See [`MAX_SPARSE_SEGMENTS`].
    pub sparse_segments: usize,
    /// See [`MAX_SPARSE_BYTES`].
    pub sparse_bytes: u64,
    /// See [`MAX_ZSTD_WINDOW_BYTES`].
    pub zstd_window_bytes: u64,
    /// See [`MAX_WARNINGS`].
    pub warnings: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            uncompressed_bytes: MAX_UNCOMPRESSED_BYTES,
            expansion_ratio: MAX_EXPANSION_RATIO,
            ratio_applies_from: RATIO_APPLIES_FROM,
            entries: MAX_ENTRIES,
            path_bytes: MAX_PATH_BYTES,
            extended_header_bytes: MAX_EXTENDED_HEADER_BYTES,
            sparse_segments: MAX_SPARSE_SEGMENTS,
            sparse_bytes: MAX_SPARSE_BYTES,
            zstd_window_bytes: MAX_ZSTD_WINDOW_BYTES,
            warnings: MAX_WARNINGS,
        }
    }
}
