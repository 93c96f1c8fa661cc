//! Layers: compressed tar archives, read as a stream.

use crate::path::LayerPath;

/// What a layer says about one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where. For a whiteout, the path it hides; for an opaque marker, the directory it empties.
    pub path: LayerPath,
    /// What.
    pub kind: EntryKind,
    /// Bytes of content; 0 unless a regular file. The logical size for a sparse file.
    pub size: u64,
    /// Permission bits with setuid, setgid and sticky (octal 7777).
    pub mode: u32,
    /// Numeric owner.
    pub uid: u64,
    /// Numeric group.
    pub gid: u64,
    /// Seconds since 1970-01-01 UTC.
    pub modified: i64,
}

/// The kinds of entry, with whiteouts (OCI image specification, "Whiteouts") already recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file, also a sparse one.
    File,
    /// A directory.
    Directory,
    /// A symbolic link; the target as written, relative to the link or absolute.
    Symlink {
        /// The target's bytes as the archive has them.
        target: Vec<u8>,
    },
    /// Another name for a file of this layer or of one below it.
    HardLink {
        /// The file it names.
        target: LayerPath,
    },
    /// A device, named pipe or socket.
    Special,
    /// `.wh.<name>`: the path is deleted from the layers below.
    Whiteout,
    /// `.wh..wh..opq`: everything that layers below hold in this directory is deleted.
    Opaque,
}

/// Whether the content of a file is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Go past it.
    Skip,
    /// Hand it to [`EntrySink::data`], then [`EntrySink::end`].
    Take,
}

/// Receives a layer's entries in archive order.
pub trait EntrySink {
    /// One entry. The answer matters for regular files alone.
    fn entry(&mut self, entry: &Entry) -> Claim;
    /// A piece of the file that was just claimed. Nothing may be kept borrowed.
    fn data(&mut self, bytes: &[u8]);
    /// The claimed file is complete.
    fn end(&mut self);
}
