//! From a digest to a matched report: kept, or by one scan however many ask for it.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, Instant},
};

use lamina_advisories::{index::FILE_NAME, signature};
use lamina_image::{digest::Digest, manifest::ImageManifest};
use lamina_registry::{Options, Session};
use lamina_scan::{layer::describe, plan::Found};
use tokio::sync::{Semaphore, watch};

use super::{
    kind,
    metrics::Metrics,
    store::{Kept, Store},
    watch::Stamp,
};
use crate::{
    database::{Database, TrustArgs},
    limits,
    pull::{self, Progress, Pull},
    transport::{self, StreamError, Transport},
};

/// What is to be scanned.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) session: Session,
    pub(crate) repository: String,
    /// With the digest of the manifest.
    pub(crate) found: Found,
    pub(crate) manifest: ImageManifest,
}

/// Why there is no report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CheckError {
    #[error("it could not be scanned: {0}")]
    Scan(String),
    #[error("too many images wait to be scanned")]
    Busy,
}

/// How a report was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Memory,
    Folder,
    Scan,
}

/// What somebody who asks for a report gets.
enum Seat {
    Kept(Arc<Kept>),
    Flight(Flight),
}

type Landed = Result<(Arc<Kept>, Origin), CheckError>;

type Flight = watch::Receiver<Option<Landed>>;

/// Scans images and keeps their reports.
#[derive(Debug)]
pub(crate) struct Checker {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) store: Store,
    database: RwLock<(Arc<Database>, Vec<Stamp>)>,
    source: Source,
    transport: Transport,
    flights: Mutex<HashMap<String, Flight>>,
    /// Held by whoever matches a report again.
    matching: tokio::sync::Mutex<()>,
    scans: Arc<Semaphore>,
    places: Arc<Semaphore>,
    limit: Duration,
}

/// Where the advisory database comes from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) path: Option<PathBuf>,
    pub(crate) trust: TrustArgs,
}

impl Source {
    fn open(&self) -> anyhow::Result<(Arc<Database>, Vec<Stamp>)> {
        let stamps = self.stamps();
        let database = Database::open(self.path.as_deref(), &self.trust)?;
        Ok((Arc::new(database), stamps))
    }

    fn stamps(&self) -> Vec<Stamp> {
        match &self.path {
            None => Vec::new(),
            Some(path) if path.is_file() => vec![Stamp::of(path)],
            Some(path) => [FILE_NAME, signature::FILE_NAME]
                .map(|name| Stamp::of(&path.join(name)))
                .into(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Checker {
    /// `at_once` images are scanned at once, each for `limit` at most.
    pub(crate) fn new(
        source: Source,
        store: Store,
        at_once: usize,
        limit: Duration,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            metrics: Arc::default(),
            store,
            database: RwLock::new(source.open()?),
            source,
            transport: Transport::new()?,
            flights: Mutex::default(),
            matching: tokio::sync::Mutex::default(),
            scans: Arc::new(Semaphore::new(at_once.max(1))),
            // A core is left to requests that wait for no scan.
            places: pull::places(1),
            limit,
        })
    }

    /// The database in use.
    pub(crate) fn database(&self) -> Arc<Database> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&database.0)
    }

    /// Opens the database again if its files have changed. Answers whether there is another one. What
    /// cannot be opened leaves the last one in use.
    pub(crate) fn reload(&self) -> bool {
        let stamps = self.source.stamps();
        let is_same = {
            let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
            database.1 == stamps
        };
        if is_same {
            return false;
        }
        let opened = self.source.open();
        let mut database = self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        match opened {
            Ok((opened, stamps)) => {
                let is_new = opened.digest != database.0.digest;
                if is_new {
                    tracing::info!(digest = opened.digest, "database replaced");
                }
                *database = (opened, stamps);
                is_new
            }
            Err(error) => {
                // Asked again when the files change again.
                database.1 = stamps;
                let error = format!("{error:#}");
                tracing::error!(error, "database not readable: the last one stays in use");
                false
            }
        }
    }

    /// The report of an image, as the database of now says. Waits for the scan, which goes on if
    /// whoever waits goes away.
    pub(crate) async fn report(
        self: &Arc<Self>,
        digest: &str,
        job: impl FnOnce() -> Job,
    ) -> Result<(Arc<Kept>, Origin), CheckError> {
        if let Some(kept) = self.store.recall(digest) {
            self.metrics.memory_used();
            return Ok((self.current(digest, kept).await, Origin::Memory));
        }
        let mut flight = match self.board(digest, job)? {
            Seat::Kept(kept) => {
                self.metrics.memory_used();
                return Ok((self.current(digest, kept).await, Origin::Memory));
            }
            Seat::Flight(flight) => flight,
        };
        let _waits = self.metrics.waits();
        let landed = flight.wait_for(Option::is_some).await;
        let landed = landed.ok().and_then(|landed| landed.clone());
        let lost = || Err(CheckError::Scan("the scan ended without a word".to_owned()));
        let (kept, origin) = landed.unwrap_or_else(lost)?;
        Ok((self.current(digest, kept).await, origin))
    }

    /// Joins the scan that is under way, or starts it.
    fn board(
        self: &Arc<Self>,
        digest: &str,
        job: impl FnOnce() -> Job,
    ) -> Result<Seat, CheckError> {
        let mut flights = lock(&self.flights);
        if let Some(flight) = flights.get(digest) {
            return Ok(Seat::Flight(flight.clone()));
        }
        // It may have landed a moment ago.
        if let Some(kept) = self.store.recall(digest) {
            return Ok(Seat::Kept(kept));
        }
        if flights.len() >= limits::SCANS_WAITING {
            return Err(CheckError::Busy);
        }
        let flight = self.start(digest, job());
        flights.insert(digest.to_owned(), flight.clone());
        Ok(Seat::Flight(flight))
    }

    fn start(self: &Arc<Self>, digest: &str, job: Job) -> Flight {
        let (sender, receiver) = watch::channel(None);
        let (checker, digest) = (Arc::clone(self), digest.to_owned());
        tokio::spawn(async move {
            // Also if the scan panics: the next one who asks shall not wait for ever.
            let landing = Landing {
                checker: &checker,
                digest: &digest,
            };
            let result = checker.scan(&digest, job).await;
            drop(landing);
            let _ = sender.send(Some(result));
        });
        receiver
    }

    async fn scan(self: &Arc<Self>, digest: &str, job: Job) -> Landed {
        let (checker, key) = (Arc::clone(self), digest.to_owned());
        let read = tokio::task::spawn_blocking(move || checker.store.read(&key)).await;
        if let Ok(Some(kept)) = read {
            self.metrics.folder_used();
            return Ok((self.current(digest, kept).await, Origin::Folder));
        }
        let Ok(_permit) = Arc::clone(&self.scans).acquire_owned().await else {
            return Err(CheckError::Busy);
        };
        let _scans = self.metrics.scans();
        let started = Instant::now();
        let image = job.found.name.clone();
        tracing::info!(image, digest, "scan starts");
        let database = self.database();
        let bases = tokio::task::spawn_blocking(move || database.bases()).await;
        let bases = bases.unwrap_or_else(|error| Err(error.to_string()));
        let pull = Pull {
            transport: &self.transport,
            session: &job.session,
            repository: &job.repository,
            places: &self.places,
            bases: &bases,
            progress: &Progress::default(),
        };
        let read = tokio::time::timeout(self.limit, pull.read(job.found, &job.manifest)).await;
        let failed = |problem: String| {
            self.metrics.failed_scan();
            tracing::warn!(image, digest, problem, "scan failed");
            CheckError::Scan(problem)
        };
        let joined = match read {
            Ok(Ok(joined)) => joined,
            Ok(Err(error)) => return Err(failed(format!("{error:#}"))),
            Err(_) => {
                let seconds = self.limit.as_secs_f64();
                return Err(failed(format!("the scan took more than {seconds} s")));
            }
        };
        let checker = Arc::clone(self);
        let key = digest.to_owned();
        let finish = move || -> anyhow::Result<Arc<Kept>> {
            let mut report = joined.report(&transport::clock()?.to_string());
            drop(joined);
            checker.match_with_newest(&mut report);
            let text = serde_json::to_vec(&report)?;
            let kept = Arc::new(Kept::new(report, started.elapsed(), text.len() as u64));
            checker.store.remember(&key, Arc::clone(&kept));
            if let Err(error) = checker.store.write(&key, &kept, &text) {
                checker.metrics.state_error();
                let error = format!("{error:#}");
                tracing::warn!(
                    digest = key,
                    error,
                    "report not written: it is kept in memory"
                );
            }
            Ok(kept)
        };
        let kept = match tokio::task::spawn_blocking(finish).await {
            Ok(Ok(kept)) => kept,
            Ok(Err(error)) => return Err(failed(format!("{error:#}"))),
            Err(_) => return Err(failed("the report could not be made".to_owned())),
        };
        self.metrics.scan(kept.scan);
        let millis = kept.scan.as_millis();
        let (packages, findings) = (kept.report.packages.len(), kept.report.findings.len());
        tracing::info!(image, digest, millis, packages, findings, "scan done");
        Ok((kept, Origin::Scan))
    }

    /// A database that is being replaced may have lost shards that its index still names.
    fn match_with_newest(&self, report: &mut lamina_report::model::Report) {
        pull::match_with(report, &self.database());
        let is_short = |report: &lamina_report::model::Report| {
            let database = report.database.as_ref();
            database.is_none_or(|database| !database.unread.is_empty())
        };
        if is_short(report) && self.reload() {
            pull::match_with(report, &self.database());
        }
    }

    /// The same report, matched with the database of now.
    async fn current(self: &Arc<Self>, digest: &str, kept: Arc<Kept>) -> Arc<Kept> {
        if self.is_current(&kept) {
            return kept;
        }
        let _turn = self.matching.lock().await;
        let kept = self.store.recall(digest).unwrap_or(kept);
        if self.is_current(&kept) {
            return kept;
        }
        let (checker, key, old) = (Arc::clone(self), digest.to_owned(), Arc::clone(&kept));
        let matched = tokio::task::spawn_blocking(move || {
            let mut report = old.report.clone();
            checker.match_with_newest(&mut report);
            let text = serde_json::to_vec(&report).ok()?;
            let kept = Arc::new(Kept::new(report, old.scan, text.len() as u64));
            checker.metrics.matched_again();
            checker.store.remember(&key, Arc::clone(&kept));
            if let Err(error) = checker.store.write(&key, &kept, &text) {
                checker.metrics.state_error();
                let error = format!("{error:#}");
                tracing::warn!(digest = key, error, "report not written");
            }
            Some(kept)
        });
        match matched.await {
            Ok(Some(kept)) => kept,
            _ => kept,
        }
    }

    fn is_current(&self, kept: &Kept) -> bool {
        let Some(asked) = &kept.report.database else {
            return false;
        };
        asked.digest == self.database().digest
            && (asked.unread.is_empty() || kept.matched.elapsed() < limits::UNWHOLE_REPORT)
    }

    /// Matches every report in memory again.
    pub(crate) async fn match_all(self: &Arc<Self>) {
        for digest in self.store.digests() {
            if let Some(kept) = self.store.recall(&digest) {
                self.current(&digest, kept).await;
            }
        }
    }

    /// A report that is kept, in memory or in the folder.
    pub(crate) async fn kept(self: &Arc<Self>, digest: &str) -> Option<Arc<Kept>> {
        let kept = match self.store.recall(digest) {
            Some(kept) => kept,
            None => {
                let (checker, key) = (Arc::clone(self), digest.to_owned());
                let read = tokio::task::spawn_blocking(move || checker.store.read(&key));
                read.await.ok().flatten()?
            }
        };
        Some(self.current(digest, kept).await)
    }

    /// Asks for a manifest as the gate itself.
    pub(crate) async fn resolve(
        &self,
        session: &Session,
        repository: &str,
        reference: &str,
    ) -> Result<lamina_registry::Resolved, CheckError> {
        let resolved = self.transport.resolve(session, repository, reference).await;
        resolved.map_err(|error| {
            self.metrics.upstream_error("resolve");
            CheckError::Scan(format!("{}; {}", describe(&error), error.advice()))
        })
    }

    /// Whether blobs begin as text does.
    pub(crate) async fn are_texts(
        &self,
        session: &Session,
        repository: &str,
        blobs: &[Digest],
    ) -> Result<bool, CheckError> {
        if blobs.len() > limits::STATEMENTS {
            return Ok(false);
        }
        for blob in blobs {
            let start = Mutex::new(Vec::new());
            let outcome = self
                .transport
                .stream_blob(session, repository, blob, None, |chunk| {
                    let mut start = lock(&start);
                    let missing = limits::STATEMENT_START.saturating_sub(start.len());
                    start.extend(chunk.iter().take(missing));
                    let is_enough = start.len() >= limits::STATEMENT_START;
                    std::future::ready(if is_enough { Err(()) } else { Ok(()) })
                })
                .await;
            if let Err(StreamError::Pull(error)) = outcome {
                return Err(CheckError::Scan(describe(&*error)));
            }
            if !kind::is_text(&lock(&start)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Takes a scan off the list of those under way, however it ends.
struct Landing<'a> {
    checker: &'a Checker,
    digest: &'a str,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        lock(&self.checker.flights).remove(self.digest);
    }
}

/// Options of the sessions that scan.
pub(crate) fn options() -> Options {
    crate::credentials::RegistryArgs::default().options()
}
