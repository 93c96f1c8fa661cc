//! What the page asks of the scanner, and what it hears back.
//!
//! The scanner runs in workers; the page never blocks. [`scan`] starts one and reports through a
//! callback on the page's own thread.

mod archive;
mod image;
mod statistics;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures::{StreamExt as _, channel::mpsc};
use js_sys::Uint8Array;
use lamina_inventory::severity::Severity;
use lamina_policy::Policy;
use lamina_report::{
    link::{self, SharedReport},
    model::{Base, Image, Report},
};
use serde::{Deserialize, Serialize};
use wasm_bindgen_futures::spawn_local;

use crate::{
    platform::{
        self,
        store::{self, Table},
    },
    worker::{
        pool::{Pool, TaskId},
        protocol::{Event, Task},
    },
};

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
        /// Where its base ends, if something tells.
        base: Option<Base>,
    },
    /// Some progress of one layer; at most four a second each.
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
    /// The package that owns it: an index into the report's packages.
    pub owner: Option<usize>,
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
#[derive(Clone, Default)]
pub struct ScanHandle(Rc<RefCell<Running>>);

#[derive(Default)]
struct Running {
    is_cancelled: bool,
    tasks: Vec<TaskId>,
}

impl ScanHandle {
    /// Stops fetching and frees what the scan held. No event follows.
    pub fn cancel(&self) {
        let tasks = {
            let mut running = self.0.borrow_mut();
            running.is_cancelled = true;
            std::mem::take(&mut running.tasks)
        };
        for task in tasks {
            Pool::of_page().cancel(task);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.0.borrow().is_cancelled
    }
}

thread_local! {
    /// The worker that holds the image scanned last.
    static HOLDER: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Starts workers before they are needed: the first scan need not wait for their program.
pub fn warm() {
    Pool::of_page().warm();
}

/// Starts a scan.
pub fn scan(
    source: Source,
    options: ScanOptions,
    on_event: impl Fn(ScanEvent) + 'static,
) -> ScanHandle {
    let handle = ScanHandle::default();
    let scan = handle.clone();
    let on_event: OnEvent = {
        let scan = handle.clone();
        Rc::new(move |event| {
            if !scan.is_cancelled() {
                on_event(event);
            }
        })
    };
    HOLDER.set(None);
    spawn_local(async move {
        let result = match source {
            Source::Reference(text) => image::scan(&text, &options, &scan, &on_event).await,
            Source::File(file) => archive::scan(file, &options, &scan, &on_event).await,
        };
        match result {
            Ok(report) => {
                keep(&report).await;
                on_event(ScanEvent::Done(Box::new(report)));
            }
            Err(failure) => on_event(ScanEvent::Failed(failure)),
        }
    });
    handle
}

/// The rows of one directory of the image scanned last; `layer` limits it to what that layer touches.
/// `None` when the tree is not at hand (a shared report, a past one, a reloaded page).
pub async fn list_directory(directory: String, layer: Option<usize>) -> Option<Vec<FileRow>> {
    match ask_holder(Task::ListDirectory { directory, layer }).await? {
        Event::Files(rows) => rows,
        _ => None,
    }
}

/// Files of the image scanned last whose path contains `query`, at most `limit`, as full paths.
pub async fn search_files(query: String, limit: usize) -> Option<Vec<FileRow>> {
    match ask_holder(Task::SearchFiles { query, limit }).await? {
        Event::Files(rows) => rows,
        _ => None,
    }
}

/// The prose of an advisory, from the database's lazy shards.
pub async fn advisory_text(shard: String, record: String) -> Option<AdvisoryText> {
    let (events, mut heard) = mpsc::unbounded();
    Pool::of_page().run(
        Task::Advisory { shard, record },
        None,
        Vec::new(),
        move |event, _, _| {
            let _ = events.unbounded_send(event);
        },
    );
    match heard.next().await? {
        Event::Text(text) => text,
        _ => None,
    }
}

/// Scans kept in this browser, newest first.
pub async fn recent_scans() -> Vec<RecentScan> {
    let mut scans: Vec<RecentScan> = store::rows(Table::Reports)
        .await
        .into_iter()
        .filter_map(|row| {
            let note: Note = serde_json::from_str(&row.note).ok()?;
            Some(RecentScan {
                key: row.key,
                name: note.name,
                platform: note.platform,
                scanned_at: note.scanned_at,
                counts: note.counts,
            })
        })
        .collect();
    scans.sort_by(|a, b| b.scanned_at.cmp(&a.scanned_at));
    scans
}

/// A kept report.
pub async fn load_recent(key: String) -> Option<Report> {
    let bytes = store::get(Table::Reports, &key).await?;
    link::read_deflated(&bytes).ok().map(|shared| shared.report)
}

/// Forgets a kept report.
pub async fn remove_recent(key: String) {
    store::remove(Table::Reports, &key).await;
}

/// Bytes held in this browser: (layer analyses, advisory shards, reports).
pub async fn storage_use() -> (u64, u64, u64) {
    let mut sizes = [0; 3];
    for (size, table) in sizes.iter_mut().zip(Table::ALL) {
        let bytes: f64 = store::rows(table).await.iter().map(|row| row.size).sum();
        *size = platform::whole(bytes);
    }
    let [layers, shards, reports] = sizes;
    (layers, shards, reports)
}

/// Deletes all that is kept in this browser.
pub async fn clear_storage() {
    store::clear().await;
}

/// Hears a scan's events.
type OnEvent = Rc<dyn Fn(ScanEvent)>;

/// What the list of recent scans shows without reading the reports.
#[derive(Serialize, Deserialize)]
struct Note {
    name: String,
    platform: String,
    scanned_at: String,
    counts: [u32; 6],
}

async fn keep(report: &Report) {
    let mut counts = [0; 6];
    for finding in &report.findings {
        let severities = Severity::WORST_FIRST.iter().zip(&mut counts);
        for (_, count) in severities.filter(|(severity, _)| **severity == finding.severity) {
            *count += 1;
        }
    }
    let note = Note {
        name: report.image.name.clone(),
        platform: report.image.platform.clone(),
        scanned_at: report.scanned_at.clone(),
        counts,
    };
    let key = format!("{} {}", report.image.name, report.image.platform);
    let shared = SharedReport {
        report: report.clone(),
        policy: Policy::default(),
    };
    let note = serde_json::to_string(&note).unwrap_or_default();
    store::put(Table::Reports, &key, &link::to_bytes(&shared), &note).await;
}

async fn ask_holder(task: Task) -> Option<Event> {
    let serial = HOLDER.get()?;
    let (events, mut heard) = mpsc::unbounded();
    Pool::of_page().run_on(serial, task, move |event, _, _| {
        let _ = events.unbounded_send(event);
    });
    heard.next().await
}

/// An event of a task, its buffers, and the serial of the worker it came from.
type Heard = (Event, Vec<Uint8Array>, u32);

/// Queues a task and hears it through a channel.
fn run(
    task: Task,
    file: Option<web_sys::File>,
    buffers: Vec<Uint8Array>,
    scan: &ScanHandle,
) -> mpsc::UnboundedReceiver<Heard> {
    let (events, heard) = mpsc::unbounded();
    let id = Pool::of_page().run(task, file, buffers, move |event, buffers, serial| {
        let _ = events.unbounded_send((event, buffers, serial));
    });
    scan.0.borrow_mut().tasks.push(id);
    heard
}

/// Waits for the report of a task that ends in one.
async fn report_of(
    mut heard: mpsc::UnboundedReceiver<Heard>,
    mut on_other: impl FnMut(Event),
) -> Result<Report, ScanFailure> {
    while let Some((event, buffers, serial)) = heard.next().await {
        match event {
            Event::Report { memory_bytes } => {
                statistics::worker_memory(serial, memory_bytes);
                HOLDER.set(Some(serial));
                Pool::of_page().release_idle(Some(serial));
                let json = buffers.first().map(Uint8Array::to_vec).unwrap_or_default();
                return serde_json::from_slice(&json).map_err(|error| ScanFailure {
                    step: "report".to_owned(),
                    message: error.to_string(),
                    ..ScanFailure::default()
                });
            }
            Event::Failed(failure) => return Err(failure),
            other => on_other(other),
        }
    }
    Err(cancelled())
}

fn cancelled() -> ScanFailure {
    ScanFailure {
        message: "cancelled".to_owned(),
        ..ScanFailure::default()
    }
}
