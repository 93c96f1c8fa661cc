//! The seam between layers and package kinds.

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{facts::Facts, limits::MAX_CLAIMED_BYTES};

/// Finds one kind of thing in the files of a layer.
pub trait Analyser: Sync {
    /// Name in reports and cache keys, e.g. `apk`. Never changes.
    fn id(&self) -> &'static str;
    /// Raised when the same bytes could give another answer; part of the cache key.
    fn revision(&self) -> u32;
    /// Looks at path and size only: it is asked about every entry of every layer.
    /// Whether it can be read is not its business: a link at a path that it claims is followed when
    /// layers are merged.
    fn claims(&self, path: &LayerPath, entry: &Entry) -> bool;
    /// Bytes up to which a claimed file is read. A larger one is a warning.
    fn max_bytes(&self, path: &LayerPath) -> u64 {
        let _ = path;
        MAX_CLAIMED_BYTES
    }
    /// Reads one claimed file. What cannot be read becomes a warning, never a panic.
    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts);
}

/// One whole file that an analyser asked for.
#[derive(Clone, Copy, Debug)]
pub struct ClaimedFile<'a> {
    /// Where it lies.
    pub path: &'a LayerPath,
    /// Its content.
    pub bytes: &'a [u8],
}
