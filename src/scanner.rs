//! What the page asks of the scanner, and what it hears back.
//!
//! The scanner runs in workers; the page never blocks. [`scan`] starts one and reports through a
//! callback on the page's own thread.

use lamina_report::model::{Image, Report};
use serde::{Deserialize, Serialize};

/// What to scan.
#[derive(Clone, Debug)]
pub enum Source {
    /// An image on a registry, as the user wrote it (already checked by `Reference::parse`).
    Reference(String),
    /// An archive dropped on the page.
    File(web_sys::File),
}

/// How to scan it.
#[derive(Clone, Debug, Default)]
pub struct ScanOptions {
    /// `os/architecture[/variant]`; `None` for linux/amd64 or the only one there is.
    pub platform: Option<String>,
    /// User and password or token, for this registry and this scan alone; never stored.
    pub login: Option<(String, String)>,
    /// Do not use cached layer analyses.
    pub is_fresh: bool,
}

/// A layer, before its bytes arrive.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerStart {
    /// Digest of the blob, or the archive's member.
    pub digest: String,
    /// Bytes of the blob.
    pub size: u64,
    /// The build step that made it.
    pub created_by: String,
}

/// How far a layer is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerProgress {
    /// Index into the layers of [`ScanEvent::Resolved`].
    pub layer: usize,
    /// Bytes of the blob read so far.
    pub read: u64,
    /// Bytes of tar so far.
    pub unpacked: u64,
    /// Entries so far.
    pub files: u64,
    /// Packages found so far.
    pub packages: u64,
}

/// What happens during a scan, in order.
#[derive(Clone, Debug)]
pub enum ScanEvent {
    /// A step before the layers are known, in words: `asking registry-1.docker.io for the manifest`.
    Step(String),
    /// Image and layers are known. For an archive this may come after layers were read; their bars
    /// then appear one by one through [`ScanEvent::Layer`] with indexes in archive order.
    Resolved {
        /// The image, as far as manifest and config tell.
        image: Box<Image>,
        /// Its layers, base first.
        layers: Vec<LayerStart>,
    },
    /// Some progress of one layer; at most some ten a second each.
    Layer(LayerProgress),
    /// A layer is analysed.
    LayerDone {
        /// Which.
        layer: usize,
        /// Its final figures.
        progress: LayerProgress,
        /// Whether it was analysed before and came from the cache: no byte of it was fetched.
        is_cached: bool,
        /// Why it could not be read to its end.
        error: Option<String>,
    },
    /// The report is there. It has its own warnings for layers that failed.
    Done(Box<Report>),
    /// There is no report.
    Failed(ScanFailure),
}

/// Why there is no report, for people.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScanFailure {
    /// What was being done: `manifest`, `layer 3` …
    pub step: String,
    /// What went wrong.
    pub message: String,
    /// What to do next.
    pub advice: String,
    /// Whether a login form should be offered.
    pub wants_login: bool,
}

/// A row of the file view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileRow {
    /// Name within its directory.
    pub name: String,
    /// What it is.
    pub kind: FileKind,
    /// Bytes; of everything below, for a directory.
    pub size: u64,
    /// `rwxr-xr-x`.
    pub mode: String,
    /// Target of a link.
    pub target: Option<String>,
    /// Layers that touched it, oldest first.
    pub history: Vec<(usize, FileChange)>,
    /// Whether the merged image has it (a deleted file is still shown on request).
    pub is_present: bool,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Another name for a file.
    HardLink,
    /// A device, pipe or socket.
    Special,
}

/// What a layer did to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileChange {
    /// No layer below has it.
    Added,
    /// It replaces another.
    Changed,
    /// It is gone.
    Deleted,
}

/// A scan made before, kept in this browser.
#[derive(Clone, Debug, PartialEq)]
pub struct RecentScan {
    /// Key for [`load_recent`].
    pub key: String,
    /// Image as the user named it.
    pub name: String,
    /// Platform.
    pub platform: String,
    /// When, RFC 3339.
    pub scanned_at: String,
    /// Findings by severity, worst first (critical, high, medium, low, negligible, unknown).
    pub counts: [u32; 6],
}

/// A line on an advisory, fetched when read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AdvisoryText {
    /// One line.
    pub summary: String,
    /// Markdown.
    pub details: String,
    /// Links.
    pub references: Vec<String>,
}

/// A running scan. Dropping it does not stop it; [`ScanHandle::cancel`] does.
#[derive(Clone, Debug, Default)]
pub struct ScanHandle {}

impl ScanHandle {
    /// Stops fetching and frees what the scan held. No event follows.
    pub fn cancel(&self) {}
}

/// Starts a scan.
pub fn scan(
    _source: Source,
    _options: ScanOptions,
    _on_event: impl Fn(ScanEvent) + 'static,
) -> ScanHandle {
    ScanHandle {}
}

/// The rows of one directory of the image scanned last; `layer` limits it to what that layer holds.
/// `None` when the tree is not at hand (a shared report, a past one whose layers are gone).
pub async fn list_directory(_directory: String, _layer: Option<usize>) -> Option<Vec<FileRow>> {
    None
}

/// Files of the image scanned last whose path contains `query`, at most `limit`, as full paths.
pub async fn search_files(_query: String, _limit: usize) -> Option<Vec<FileRow>> {
    None
}

/// The prose of an advisory, from the database's lazy shards.
pub async fn advisory_text(_shard: String, _record: String) -> Option<AdvisoryText> {
    None
}

/// Scans kept in this browser, newest first.
pub async fn recent_scans() -> Vec<RecentScan> {
    Vec::new()
}

/// A kept report.
pub async fn load_recent(_key: String) -> Option<Report> {
    None
}

/// Bytes held in this browser: (layer analyses, advisory shards, reports).
pub async fn storage_use() -> (u64, u64, u64) {
    (0, 0, 0)
}

/// Deletes all that is kept in this browser.
pub async fn clear_storage() {}
