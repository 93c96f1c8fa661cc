//! What the page and its workers say to each other.

use lamina_image::digest::{DiffId, Digest};
use lamina_registry::{SessionSnapshot, relay::Routes};
use lamina_scan::plan::Plan;
use serde::{Deserialize, Serialize};

use crate::{
    scanner::{
        AdvisoryBytes, AdvisoryText, ArchiveDocument, DatabaseState, FileRow, FoundSoFar,
        LayerProgress, LicenceFiles, Only, ScanFailure,
    },
    state::{
        content::FileView,
        network::Exchange,
        treemap::{By, Weighed},
    },
};

/// From the page to a worker: do this. A `File` or byte buffers may come beside it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ToWorker {
    /// Names the task in what comes back.
    pub id: u32,
    /// What to do.
    pub task: Task,
}

/// From a worker to the page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ToPage {
    /// It is loaded and waits for tasks.
    Ready,
    /// Something happened in a task.
    Event {
        /// Which task.
        id: u32,
        /// What.
        event: Box<Event>,
    },
    /// It made a request, or something became of one.
    Request(Box<Exchange>),
    /// What the browser loaded for it before it could say anything: its program.
    Loaded(Vec<Exchange>),
    /// It is broken and must be replaced.
    Crashed(String),
}

/// What a worker can do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Task {
    /// Analyse one layer: from the cache, or fetched and read. Ends in [`Event::LayerDone`], whose
    /// buffer is the encoded analysis.
    Layer(Box<LayerTask>),
    /// Read an archive (the `File` beside this) and report on it. Ends in [`Event::Report`].
    Archive(ArchiveTask),
    /// Join analyses (the buffers beside this, base first) and report. Ends in [`Event::Report`].
    Join(Box<JoinTask>),
    /// Join the analyses that there are by now (the buffers beside this, empty where a layer is not read
    /// yet) and match them. Ends in [`Event::SoFar`].
    SoFar(Box<JoinTask>),
    /// List a directory of the image that this worker reported on last. Ends in [`Event::Files`].
    ListDirectory {
        /// Which.
        directory: String,
        /// Only what this layer touches.
        layer: Option<usize>,
        /// Which files.
        only: Only,
    },
    /// Find files of the image that this worker reported on last. Ends in [`Event::Files`].
    SearchFiles {
        /// A part of the path, in any case.
        query: String,
        /// At most so many.
        limit: usize,
        /// Which files.
        only: Only,
    },
    /// The files of the image that this worker reported on last, encoded in the buffer beside the answer.
    /// Ends in [`Event::Encoded`].
    FileList,
    /// Compare the files of that image with those of another, whose list is the buffer beside this. Ends
    /// in [`Event::Encoded`].
    CompareFiles {
        /// Whether this worker's image is what there was.
        is_before: bool,
    },
    /// Weigh what lies in a directory of that image. Ends in [`Event::Weighed`].
    Weigh {
        /// Which.
        directory: String,
        /// What of it.
        by: By,
    },
    /// Find the texts of packages' licences in that image. Ends in [`Event::Licences`].
    LicenceFiles {
        /// Indexes into the report's packages.
        packages: Vec<usize>,
    },
    /// Tell manifest, index and config of that image, if it lies in an archive. Ends in
    /// [`Event::Documents`].
    Documents,
    /// Read one layer of that image again (from the archive beside this, if there is one), and report
    /// anew. Ends in [`Event::Report`].
    ReadAgain(Box<AgainTask>),
    /// Read a file of that image again (from the archive beside this, if there is one). Ends in
    /// [`Event::File`].
    OpenFile(Box<OpenTask>),
    /// Look whether there is a newer advisory database, and match kept reports again if there is.
    /// Ends in [`Event::Database`].
    Database {
        /// Even if that was done within the hour.
        is_forced: bool,
    },
    /// Fetch an advisory's prose. Ends in [`Event::Text`].
    Advisory {
        /// Key of the shard that matched.
        shard: String,
        /// Id of the record.
        record: String,
    },
}

/// A layer on a registry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LayerTask {
    /// Which layer of the image, for progress.
    pub layer: usize,
    /// The registry, who we are there, what was learned about it.
    pub session: SessionSnapshot,
    /// Which hosts answer directly.
    pub routes: Routes,
    /// The repository.
    pub repository: String,
    /// Digest of the blob.
    pub digest: Digest,
    /// Bytes of the blob.
    pub size: u64,
    /// Digest of the uncompressed tar, if the config names it.
    pub diff_id: Option<DiffId>,
    /// Do not look into the cache.
    pub is_fresh: bool,
}

/// A file of an image.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenTask {
    /// Its path.
    pub path: String,
    /// As of which layer; as of the last if `None`.
    pub layer: Option<usize>,
    /// Bytes of it that are wanted at most.
    pub limit: u64,
    /// The way to the registry that has its layer.
    pub registry: Option<Box<RegistryWay>>,
}

/// A layer that could not be read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AgainTask {
    /// Which layer of the image.
    pub layer: usize,
    /// The way to the registry that has it.
    pub registry: Option<Box<RegistryWay>>,
}

/// The way to a registry's blobs. In memory only: it may hold a token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RegistryWay {
    /// The registry, who we are there, what was learned about it.
    pub session: SessionSnapshot,
    /// Which hosts answer directly.
    pub routes: Routes,
    /// The repository.
    pub repository: String,
}

/// An archive.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ArchiveTask {
    /// Its file name.
    pub name: String,
    /// Which platform, if it has several.
    pub platform: Option<String>,
}

/// Analyses to join.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JoinTask {
    /// The image.
    pub plan: Plan,
    /// What is known of each layer beside its analysis.
    pub layers: Vec<LayerFigures>,
}

/// What is known of a layer that was read, beside its analysis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerFigures {
    /// Bytes of the blob.
    pub compressed_bytes: u64,
    /// Bytes of tar.
    pub uncompressed_bytes: u64,
    /// Digest of the uncompressed tar, if it was read to its end.
    pub diff_id: Option<String>,
    /// Why it was not.
    pub error: Option<String>,
    /// What is odd about it.
    pub warnings: Vec<String>,
    /// Entries.
    pub files: u64,
    /// Packages.
    pub packages: u64,
}

/// What happens in a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Event {
    /// Some progress of a layer.
    Progress(LayerProgress),
    /// A layer is analysed; the buffer beside this is the encoded analysis.
    LayerDone {
        /// Its figures.
        figures: LayerFigures,
        /// Whether no byte of it was fetched.
        is_cached: bool,
        /// WebAssembly memory of the worker, in bytes.
        memory_bytes: u64,
        /// What was learned of the ways to hosts.
        routes: Routes,
    },
    /// A layer of an archive is analysed.
    ArchiveLayerDone {
        /// Its figures, with its number in the archive's order.
        progress: LayerProgress,
        /// Why it was not read to its end.
        error: Option<String>,
    },
    /// An archive was read and its image chosen.
    ArchiveResolved(Box<Plan>),
    /// The report, as JSON in the buffer beside this.
    Report {
        /// WebAssembly memory of the worker, in bytes.
        memory_bytes: u64,
        /// What reading the advisory database cost.
        advisories: AdvisoryBytes,
    },
    /// What is found by now.
    SoFar(FoundSoFar),
    /// How it stands with the advisory database.
    Database(Box<Result<DatabaseState, String>>),
    /// The answer is in the buffer beside this; false if this worker has no image, or could not read
    /// the other's list.
    Encoded(bool),
    /// Files; `None` if this worker has no image.
    Files(Option<Vec<FileRow>>),
    /// What lies in a directory, weighed; `None` if this worker has no image.
    Weighed(Option<Weighed>),
    /// Texts of licences; `None` if this worker has no image.
    Licences(Option<Vec<LicenceFiles>>),
    /// Documents of an archive; `None` if this worker has none.
    Documents(Option<Vec<ArchiveDocument>>),
    /// A file, its first bytes in the buffer beside this; or why it could not be read.
    File(Box<Result<FileView, String>>),
    /// An advisory's prose, if there is any.
    Text(Option<AdvisoryText>),
    /// The task has no result.
    Failed(ScanFailure),
}

impl Event {
    /// Whether no event of the task follows.
    pub fn is_last(&self) -> bool {
        match self {
            Self::Progress(_) | Self::ArchiveLayerDone { .. } | Self::ArchiveResolved(_) => false,
            Self::LayerDone { .. }
            | Self::Report { .. }
            | Self::SoFar(_)
            | Self::Database(_)
            | Self::Encoded(_)
            | Self::Files(_)
            | Self::File(_)
            | Self::Weighed(_)
            | Self::Licences(_)
            | Self::Documents(_)
            | Self::Text(_)
            | Self::Failed(_) => true,
        }
    }
}
