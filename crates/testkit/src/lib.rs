//! For tests only: layers built in memory, and the fixtures that lie outside the repository.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a test that cannot build its input should fail loudly"
)]

mod feeds;
mod rpm;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

pub use self::feeds::FeedServer;
pub use self::rpm::{RpmHeader, RpmPackage, rpm_bdb, rpm_ndb, rpm_sqlite};

/// A file or folder of the shared fixtures (`shared/` beside the checkout, or `$LAMINA_SHARED`).
///
/// Prints why and answers `None` when it is absent; the test then returns early.
pub fn shared(path: &str) -> Option<PathBuf> {
    let roots = std::env::var("LAMINA_SHARED")
        .ok()
        .map(PathBuf::from)
        .into_iter()
        .chain(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .ancestors()
                .map(|folder| folder.join("shared")),
        )
        .chain([PathBuf::from("/work/shared")]);
    for root in roots {
        let found = root.join(path);
        if found.exists() {
            return Some(found);
        }
    }
    eprintln!("skipped: no shared/{path} beside the checkout (set LAMINA_SHARED)");
    None
}

/// Starts a layer.
pub fn layer() -> LayerBuilder {
    LayerBuilder {
        tar: tar::Builder::new(Vec::new()),
        mode: None,
    }
}

/// Builds a layer's tar archive in memory.
pub struct LayerBuilder {
    tar: tar::Builder<Vec<u8>>,
    mode: Option<u32>,
}

impl LayerBuilder {
    /// Adds a regular file.
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.entry(path, tar::EntryType::Regular, content.as_ref(), None)
    }

    /// Adds a directory.
    pub fn directory(self, path: &str) -> Self {
        self.entry(path, tar::EntryType::Directory, &[], None)
    }

    /// Gives the next entry these permission bits.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Adds a symbolic link.
    pub fn symlink(self, path: &str, target: &str) -> Self {
        self.entry(path, tar::EntryType::Symlink, &[], Some(target))
    }

    /// Adds a hard link.
    pub fn hard_link(self, path: &str, target: &str) -> Self {
        self.entry(path, tar::EntryType::Link, &[], Some(target))
    }

    /// Adds a whiteout of `path`.
    pub fn whiteout(self, path: &str) -> Self {
        let marker = match path.rsplit_once('/') {
            Some((parent, name)) => format!("{parent}/.wh.{name}"),
            None => format!(".wh.{path}"),
        };
        self.entry(&marker, tar::EntryType::Regular, &[], None)
    }

    /// Adds an opaque marker to the directory `path`.
    pub fn opaque(self, path: &str) -> Self {
        self.entry(
            &format!("{path}/.wh..wh..opq"),
            tar::EntryType::Regular,
            &[],
            None,
        )
    }

    /// The uncompressed archive.
    pub fn tar(self) -> Vec<u8> {
        self.tar.into_inner().expect("a tar in memory")
    }

    /// The archive, gzip-compressed.
    pub fn gzip(self) -> Vec<u8> {
        gzip(&self.tar())
    }

    fn entry(
        mut self,
        path: &str,
        kind: tar::EntryType,
        content: &[u8],
        target: Option<&str>,
    ) -> Self {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        let mode = if kind.is_dir() { 0o755 } else { 0o644 };
        header.set_mode(self.mode.take().unwrap_or(mode));
        header.set_mtime(1_700_000_000);
        match target {
            Some(target) => self.tar.append_link(&mut header, path, target),
            None => self.tar.append_data(&mut header, path, content),
        }
        .expect("a tar in memory");
        self
    }
}

/// Compresses with gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("writing to memory");
    encoder.finish().expect("writing to memory")
}
