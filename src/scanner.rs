//! What the page asks of the scanner, and what it hears back.
//!
//! The scanner runs in workers; the page never blocks. [`scan`] starts one and reports through a
//! callback on the page's own thread.

mod archive;
mod image;
pub(crate) mod kept;
mod so_far;
mod statistics;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures::{StreamExt as _, channel::mpsc};
use js_sys::Uint8Array;
use lamina_report::{
    compare::files::FilesCompared,
    model::{Base, Image, Report},
};
use serde::{Deserialize, Serialize};
use wasm_bindgen_futures::spawn_local;

pub use kept::{KeptChanges, RecentScan};

use crate::{
    platform::{
        self, fetch,
        servers::Servers,
        store::{self, Table},
    },
    state::{
        content::FileView,
        counts::Counts,
        network_log,
        treemap::{By, Weighed},
    },
    worker::{
        pool::{Pool, TaskId},
        protocol::{AgainTask, Event, OpenTask, RegistryWay, Task},
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
    /// Only to be compared with the image scanned before, which stays the one that the Files view asks
    /// about.
    pub is_beside: bool,
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
    /// A layer that failed is read once more.
    LayerAgain(usize),
    /// What is found while layers are still read.
    SoFar(FoundSoFar),
    /// The report is there. It has its own warnings for layers that failed.
    Done(Box<Report>, AdvisoryBytes),
    /// There is no report.
    Failed(ScanFailure),
}

/// What is found while layers are still read: a later layer may remove some of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundSoFar {
    /// Findings by severity, worst first.
    pub counts: Counts,
    /// The worst, by name.
    pub worst: Vec<String>,
    /// Bytes of advisories that were fetched for it, all times together.
    pub fetched: u64,
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
    /// Numeric user and group.
    pub ids: (u64, u64),
    /// Layers that empty the directory of what lies below them.
    pub opaque_in: Vec<usize>,
}

/// Where the texts of a package's licence lie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceFiles {
    /// The package, as an index into the report.
    pub package: usize,
    /// Paths in the merged image.
    pub files: Vec<String>,
}

/// What a document of an archive is to its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ArchiveRole {
    /// Docker's list of images, `manifest.json`.
    List,
    /// An OCI index.
    Index,
    /// The image's manifest.
    Manifest,
    /// The image's config.
    Config,
}

/// A document of an image as it lies in an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveDocument {
    /// What it is to the image.
    pub role: ArchiveRole,
    /// The member of the archive.
    pub member: String,
    /// Its text.
    pub text: String,
}

/// Which files are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Only {
    /// All.
    #[default]
    All,
    /// Those that a layer replaced.
    Changed,
    /// Those that a layer deleted and that are not there any more.
    Deleted,
    /// Files that no package owns.
    Unowned,
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

/// What reading the advisory database cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvisoryBytes {
    /// Bytes fetched.
    pub fetched: u64,
    /// Bytes of shards that were in this browser.
    pub kept: u64,
}

impl AdvisoryBytes {
    /// Of a scan that had fetched some of it before: what was found so far was told meanwhile.
    pub fn with_fetched_before(self, bytes: u64) -> Self {
        Self {
            fetched: self.fetched.saturating_add(bytes),
            kept: self.kept.saturating_sub(bytes),
        }
    }
}

/// Whether an advisory database is what its makers made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trust {
    /// Its signature was checked.
    Signed,
    /// This page has no key to check a signature with.
    NoKey,
}

/// How long an advisory database is used before a newer one is asked for, in milliseconds.
pub(crate) const CHECK_AGAIN_MS: f64 = 3_600_000.0;

/// How it stands with the advisory database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DatabaseState {
    /// Its name.
    pub name: String,
    /// When it was built, RFC 3339.
    pub built_at: String,
    /// When the server was asked for a newer one last, in milliseconds since 1970.
    pub checked_ms: f64,
    /// Whether it is what its makers made.
    pub trust: Trust,
    /// Why a newer one was not to be had, or was refused.
    pub problem: Option<String>,
    /// Whether this browser did not have it before.
    pub is_new: bool,
    /// Bytes of it in this browser.
    pub held_bytes: u64,
    /// Shards of it in this browser.
    pub held_shards: usize,
    /// Bytes fetched for this answer.
    pub fetched_bytes: u64,
    /// Kept reports that it changed, by the name of their image.
    pub changed: Vec<(String, KeptChanges)>,
}

/// What the server of the page says of itself (`lamina.json`); a plain static host says nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Server {
    /// Whether it relays registries.
    pub(crate) relay: bool,
    /// Registries that it asks without TLS.
    pub(crate) plain_http: Vec<String>,
    /// Keys that an advisory database must be signed with, one of them.
    pub(crate) database_keys: Vec<String>,
    /// What it keeps of encrypted reports; `None` if it takes none.
    pub(crate) shares: Option<ShareLimits>,
}

/// What a server keeps of encrypted reports.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) struct ShareLimits {
    /// Bytes of one.
    pub(crate) bytes: u64,
    /// The most days for which it is kept.
    pub(crate) days: u32,
}

/// What `lamina.json` may be, in bytes.
const MAX_SERVER_BYTES: usize = 64 << 10;

/// Asks the server of the page what it is.
pub(crate) async fn server() -> Server {
    server_at(&platform::base_url()).await.unwrap_or_default()
}

/// Asks a server what it is: nothing in particular, where it does not say; `None` where no answer comes.
async fn server_at(base: &str) -> Option<Server> {
    let url = format!("{base}lamina.json");
    let answer = fetch::send("GET", &url, &[], None).await.ok()?;
    if answer.status != 200 {
        return Some(Server::default());
    }
    let bytes = answer.bytes(MAX_SERVER_BYTES).await.ok()?;
    Some(serde_json::from_slice(&bytes).unwrap_or_default())
}

/// A running scan. Dropping it does not stop it; [`ScanHandle::cancel`] does.
#[derive(Clone, Default)]
pub struct ScanHandle(Rc<RefCell<Running>>);

#[derive(Default)]
struct Running {
    is_cancelled: bool,
    tasks: Vec<TaskId>,
    /// Hears of layers that are to be read once more, while others are still read.
    again: Option<mpsc::UnboundedSender<usize>>,
}

impl ScanHandle {
    /// Stops fetching and frees what the scan held. No event follows.
    pub fn cancel(&self) {
        let tasks = {
            let mut running = self.0.borrow_mut();
            running.is_cancelled = true;
            running.again = None;
            std::mem::take(&mut running.tasks)
        };
        for task in tasks {
            Pool::of_page().cancel(task);
        }
    }

    /// Reads a layer that failed once more, while others are still read.
    pub fn try_again(&self, layer: usize) {
        if let Some(again) = &self.0.borrow().again {
            let _ = again.unbounded_send(layer);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.0.borrow().is_cancelled
    }
}

thread_local! {
    /// The worker that holds the image scanned last.
    static HOLDER: Cell<Option<u32>> = const { Cell::new(None) };
    /// Where the layers of that image are.
    static LAYERS: RefCell<Option<Layers>> = const { RefCell::new(None) };
    /// The encoded file list of the image that was scanned last beside that one.
    static BESIDE: RefCell<Option<Uint8Array>> = const { RefCell::new(None) };
}

/// Where layers are.
#[derive(Clone)]
enum Layers {
    /// On a registry.
    Registry(Box<RegistryWay>),
    /// In an archive of this machine.
    File(web_sys::File),
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
    BESIDE.set(None);
    if options.is_beside {
        Pool::of_page().reserve(HOLDER.get());
    } else {
        Pool::of_page().reserve(None);
        HOLDER.set(None);
        LAYERS.set(None);
    }
    let is_beside = options.is_beside;
    spawn_local(async move {
        let result = match source {
            Source::Reference(text) => image::scan(&text, &options, &scan, &on_event).await,
            Source::File(file) => {
                if !is_beside {
                    LAYERS.set(Some(Layers::File(file.clone())));
                }
                archive::scan(file, &options, &scan, &on_event).await
            }
        };
        match result {
            Ok((report, advisories, serial)) => {
                if is_beside {
                    hold_beside(serial, &scan).await;
                } else if !scan.is_cancelled() {
                    HOLDER.set(Some(serial));
                }
                Pool::of_page().release_idle(HOLDER.get());
                kept::keep(&report).await;
                on_event(ScanEvent::Done(Box::new(report), advisories));
            }
            Err(failure) => on_event(ScanEvent::Failed(failure)),
        }
    });
    handle
}

/// Keeps the file list of an image that was scanned beside another.
async fn hold_beside(serial: u32, scan: &ScanHandle) {
    let answer = ask_worker(serial, Task::FileList, None, Vec::new()).await;
    if let Some((Event::Encoded(true), buffers)) = answer
        && !scan.is_cancelled()
    {
        BESIDE.set(buffers.into_iter().next());
    }
}

/// Takes the encoded file list of the image that was scanned last beside the one on show.
pub fn take_beside() -> Option<Uint8Array> {
    BESIDE.take()
}

/// How the files of the image scanned last and those of a list differ; `is_before` says that the former
/// is what there was. `None` where the files of that image are not at hand.
pub async fn compare_files(list: &Uint8Array, is_before: bool) -> Option<FilesCompared> {
    let serial = HOLDER.get()?;
    // A buffer is handed over: the list itself stays, to be compared again the other way round.
    let list = list.slice(0, list.length());
    let task = Task::CompareFiles { is_before };
    match ask_worker(serial, task, None, vec![list]).await? {
        (Event::Encoded(true), buffers) => postcard::from_bytes(&buffers.first()?.to_vec()).ok(),
        _ => None,
    }
}

/// The rows of one directory of the image scanned last; `layer` limits it to what that layer touches.
/// `None` when the tree is not at hand (a shared report, a past one, a reloaded page).
pub async fn list_directory(
    directory: String,
    layer: Option<usize>,
    only: Only,
) -> Option<Vec<FileRow>> {
    let task = Task::ListDirectory {
        directory,
        layer,
        only,
    };
    match ask_holder(task).await?.0 {
        Event::Files(rows) => rows,
        _ => None,
    }
}

/// Files of the image scanned last whose path contains `query`, at most `limit`, as full paths.
pub async fn search_files(query: String, limit: usize, only: Only) -> Option<Vec<FileRow>> {
    match ask_holder(Task::SearchFiles { query, limit, only })
        .await?
        .0
    {
        Event::Files(rows) => rows,
        _ => None,
    }
}

/// What lies in a directory of the image scanned last, weighed for a map of it.
pub async fn weigh(directory: String, by: By) -> Option<Weighed> {
    match ask_holder(Task::Weigh { directory, by }).await?.0 {
        Event::Weighed(weighed) => weighed,
        _ => None,
    }
}

/// Where the texts of packages' licences lie in the image scanned last, of those that have any.
pub async fn licence_files(packages: Vec<usize>) -> Vec<LicenceFiles> {
    match ask_holder(Task::LicenceFiles { packages }).await {
        Some((Event::Licences(found), _)) => found.unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Manifest, index and config of the image scanned last, as they lie in its archive; `None` if it came
/// from a registry.
pub async fn archive_documents() -> Option<Vec<ArchiveDocument>> {
    match ask_holder(Task::Documents).await?.0 {
        Event::Documents(documents) => documents,
        _ => None,
    }
}

/// Reads one layer of the image scanned last again, and answers the report with what it holds.
///
/// # Errors
/// When it cannot be read again: then the report stays as it is.
pub async fn read_layer_again(
    layer: usize,
    on_progress: impl Fn(LayerProgress),
) -> Result<(Report, AdvisoryBytes), ScanFailure> {
    let failed = |message: &str| ScanFailure {
        step: format!("layer {layer}"),
        message: message.to_owned(),
        ..ScanFailure::default()
    };
    let (Some(serial), Some(layers)) = (HOLDER.get(), LAYERS.with_borrow(Clone::clone)) else {
        return Err(failed(
            "the layers of this image are not at hand; scan it again",
        ));
    };
    let (registry, file) = match layers {
        Layers::Registry(way) => (Some(way), None),
        Layers::File(file) => (None, Some(file)),
    };
    let task = Task::ReadAgain(Box::new(AgainTask { layer, registry }));
    let heard = run_on(serial, task, file, Vec::new());
    let (report, advisories, _) = report_of(heard, |event| {
        if let Event::Progress(progress) = event {
            on_progress(progress);
        }
    })
    .await?;
    // What is kept is what is known best.
    kept::keep(&report).await;
    Ok((report, advisories))
}

/// Opens a file of the image scanned last: as of a layer, or of the last; at most `limit` bytes, which
/// come beside what is to be shown of it.
///
/// # Errors
/// In words, if it cannot be read.
pub async fn open_file(
    path: String,
    layer: Option<usize>,
    limit: u64,
) -> Result<(FileView, Uint8Array), String> {
    let layers = LAYERS.with_borrow(Clone::clone);
    let (registry, file) = match layers {
        Some(Layers::Registry(way)) => (Some(way), None),
        Some(Layers::File(file)) => (None, Some(file)),
        None => (None, None),
    };
    let task = Task::OpenFile(Box::new(OpenTask {
        path,
        layer,
        limit,
        registry,
    }));
    match ask_holder_with(task, file).await {
        Some((Event::File(view), buffers)) => {
            let nothing = || Uint8Array::new_with_length(0);
            Ok(((*view)?, buffers.into_iter().next().unwrap_or_else(nothing)))
        }
        Some((Event::Failed(failure), _)) => Err(failure.message),
        _ => Err("the layers of this image are not at hand; scan it again".to_owned()),
    }
}

/// A document of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawDocument {
    /// A manifest or an index.
    Manifest,
    /// A config.
    Config,
}

/// A document of the image scanned last, as the registry has it; a config may be kept in this browser.
///
/// # Errors
/// In words, if it is not to be had.
pub async fn raw_document(kind: RawDocument, digest: String) -> Result<String, String> {
    let layers = LAYERS.with_borrow(Clone::clone);
    let way = match layers {
        Some(Layers::Registry(way)) => Some(*way),
        Some(Layers::File(_)) | None => None,
    };
    image::document(way, kind, &digest).await
}

/// The prose of an advisory, from the database's lazy shards.
pub async fn advisory_text(shard: String, record: String) -> Option<AdvisoryText> {
    match ask(Task::Advisory { shard, record }).await? {
        Event::Text(text) => text,
        _ => None,
    }
}

/// Looks whether there is a newer advisory database; if there is, kept reports are matched again. Asks the
/// server at most once an hour, unless forced to.
///
/// # Errors
/// In words, if there is no database at all.
pub async fn update_database(is_forced: bool) -> Result<DatabaseState, String> {
    match ask(Task::Database { is_forced }).await {
        Some(Event::Database(state)) => *state,
        Some(Event::Failed(failure)) => Err(failure.message),
        _ => Err(NO_ANSWER.to_owned()),
    }
}

/// Uses other servers' relay and advisory database from now on. Workers that know the old ones finish what
/// they do, and no more.
pub async fn use_servers(servers: Servers) {
    let is_other_database = Servers::load().database != servers.database;
    servers.save();
    network_log::use_relay(servers.relay);
    Pool::of_page().renew(HOLDER.get());
    if is_other_database {
        // Parts of one are none of the other.
        clear_database().await;
    }
}

/// Whether a server relays registries for this page.
///
/// # Errors
/// What to do about it, where it does not.
pub async fn try_relay(base: &str) -> Result<(), RelayProblem> {
    match server_at(base).await {
        Some(server) if server.relay => Ok(()),
        Some(_) => Err(RelayProblem::NoRelay),
        None => Err(RelayProblem::NoAnswer),
    }
}

/// Why a server does not relay registries for this page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayProblem {
    /// It gives no answer, or none that this page may read.
    NoAnswer,
    /// It is no Lamina, or one without a relay.
    NoRelay,
}

/// Forgets the advisory database that this browser holds.
pub async fn clear_database() {
    store::clear(&[Table::Shards]).await;
}

/// Scans kept in this browser, newest first.
pub async fn recent_scans() -> Vec<RecentScan> {
    kept::recent().await
}

/// A kept report. What newer databases changed in it is no longer news.
pub async fn load_recent(key: String) -> Option<Report> {
    kept::look_at(&key).await
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

/// Something that is kept in this browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Layer analyses.
    Layers,
    /// Parts of the advisory database.
    Shards,
    /// Reports.
    Reports,
}

impl Kept {
    /// Its part of [`storage_use`].
    pub fn size(self, (layers, shards, reports): (u64, u64, u64)) -> u64 {
        match self {
            Self::Layers => layers,
            Self::Shards => shards,
            Self::Reports => reports,
        }
    }
}

/// Deletes one kind of what is kept in this browser.
pub async fn clear(kind: Kept) {
    store::clear(&[match kind {
        Kept::Layers => Table::Layers,
        Kept::Shards => Table::Shards,
        Kept::Reports => Table::Reports,
    }])
    .await;
}

/// What the server of the page is, for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AboutServer {
    /// It relays registries.
    pub has_relay: bool,
    /// It names keys that the advisory database must be signed with.
    pub has_keys: bool,
}

/// Asks the server of the page what it is.
pub async fn about_server() -> AboutServer {
    let server = server().await;
    AboutServer {
        has_relay: server.relay,
        has_keys: !server.database_keys.is_empty(),
    }
}

/// Deletes all that is kept in this browser.
pub async fn clear_storage() {
    store::clear(&Table::ALL).await;
}

/// Hears a scan's events.
type OnEvent = Rc<dyn Fn(ScanEvent)>;

/// What is said when a worker ends without a word.
const NO_ANSWER: &str = "the scanner worker gave no answer";

/// Has a worker do a task that has one answer.
async fn ask(task: Task) -> Option<Event> {
    let (events, mut heard) = mpsc::unbounded();
    Pool::of_page().run(task, None, Vec::new(), move |event, _, _| {
        let _ = events.unbounded_send(event);
    });
    heard.next().await
}

async fn ask_holder(task: Task) -> Option<(Event, Vec<Uint8Array>)> {
    ask_holder_with(task, None).await
}

async fn ask_holder_with(
    task: Task,
    file: Option<web_sys::File>,
) -> Option<(Event, Vec<Uint8Array>)> {
    ask_worker(HOLDER.get()?, task, file, Vec::new()).await
}

/// Has one worker do a task that has one answer.
async fn ask_worker(
    serial: u32,
    task: Task,
    file: Option<web_sys::File>,
    buffers: Vec<Uint8Array>,
) -> Option<(Event, Vec<Uint8Array>)> {
    let mut heard = run_on(serial, task, file, buffers);
    let (event, buffers, _) = heard.next().await?;
    Some((event, buffers))
}

/// Has one worker do a task.
fn run_on(
    serial: u32,
    task: Task,
    file: Option<web_sys::File>,
    buffers: Vec<Uint8Array>,
) -> mpsc::UnboundedReceiver<Heard> {
    let (events, heard) = mpsc::unbounded();
    Pool::of_page().run_on(
        serial,
        task,
        file,
        buffers,
        move |event, buffers, serial| {
            let _ = events.unbounded_send((event, buffers, serial));
        },
    );
    heard
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

/// A report, what reading the database cost, and the worker that holds the image.
type Scanned = (Report, AdvisoryBytes, u32);

/// Waits for the report of a task that ends in one.
async fn report_of(
    mut heard: mpsc::UnboundedReceiver<Heard>,
    mut on_other: impl FnMut(Event),
) -> Result<Scanned, ScanFailure> {
    while let Some((event, buffers, serial)) = heard.next().await {
        match event {
            Event::Report {
                memory_bytes,
                advisories,
            } => {
                statistics::worker_memory(serial, memory_bytes);
                let json = buffers.first().map(Uint8Array::to_vec).unwrap_or_default();
                let report = serde_json::from_slice(&json).map_err(|error| ScanFailure {
                    step: "report".to_owned(),
                    message: error.to_string(),
                    ..ScanFailure::default()
                });
                return report.map(|report| (report, advisories, serial));
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
