//! The seam between layers and package kinds.

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{facts::Facts, limits::MAX_CLAIMED_BYTES};

pub use crate::{
    search::{FileWatch, Hit, Topic, Wants},
    window::Window,
};

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

/// Finds things in files of any size as they stream by, holding only what it needs.
///
/// Asked about every regular file that is not empty, when its first bytes are there.
pub trait StreamAnalyser: Sync {
    /// Name in reports and cache keys. Never changes; no [`Analyser`] has the same.
    fn id(&self) -> &'static str;
    /// Raised when the same bytes could give another answer; part of the cache key.
    fn revision(&self) -> u32;
    /// Whether the file is worth watching. `head` is its first bytes: [`HEAD_BYTES`], or the whole
    /// file if it is shorter.
    fn watch(&self, entry: &Entry, head: &[u8]) -> Option<Box<dyn Watcher>>;
}

/// Watches one file, by what [`FileWatch`] shows of it.
pub trait Watcher: Send {
    /// What it must be shown. Asked once.
    fn wants(&self) -> Wants {
        Wants::default()
    }
    /// Whether the long strings of its topic suffice in this window: asked before the window is searched,
    /// unless another watcher of the file has said no already.
    /// The answer is the same for all windows of a file. Only of [`Topic::Marks`] are long ones looked
    /// for alone; others say no.
    fn only_long(&mut self, window: &Window<'_>) -> bool {
        let _ = window;
        false
    }
    /// One of the strings that it looks for was found. Each is told once, in order.
    fn hit(&mut self, window: &Window<'_>, hit: Hit) {
        let _ = (window, hit);
    }
    /// The next window, after the hits in it. Windows overlap or follow one another without a gap, so
    /// that each byte of the file is in one.
    fn see(&mut self, window: &Window<'_>) {
        let _ = window;
    }
    /// The file is over. If it broke off, `is_whole` is false: what was seen is still worth noting.
    fn finish(self: Box<Self>, path: &LayerPath, is_whole: bool, out: &mut Facts);
}

/// Bytes at the start of a file by which [`StreamAnalyser::watch`] decides.
pub const HEAD_BYTES: usize = 512;
