//! From a manifest to a matched report: what `lamina scan` and `lamina gate` have in common.

use std::{
    io::IsTerminal as _,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use axum::body::Bytes;
use lamina_image::{config::ImageConfig, layer::LayerExpectation, manifest::ImageManifest};
use lamina_inventory::known_bases::KnownBases;
use lamina_registry::{PullError, Session};
use lamina_report::model::{Report, ReportWarning};
use lamina_scan::{
    join::Joined,
    layer::{LayerJob, LayerResult, describe},
    matching::{self, Asked},
    plan::{Found, Plan, PlannedLayer},
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

use crate::{
    database::Database,
    transport::{StreamError, Transport},
};

/// Chunks of a layer that wait to be unpacked; with that many the sender is slowed down.
const WAITING_CHUNKS: usize = 16;

/// As many places as layers should be unpacked at once: one for each core but those that are left to
/// others, and one at least.
pub fn places(left: usize) -> Arc<Semaphore> {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    Arc::new(Semaphore::new(cores.saturating_sub(left).max(1)))
}

/// The known base images, or why they are not known.
pub type Bases = Result<KnownBases, String>;

/// Reads images of a repository.
#[derive(Clone, Copy, Debug)]
pub struct Pull<'a> {
    /// Who asks the registry.
    pub transport: &'a Transport,
    /// The registry, and who we are there.
    pub session: &'a Session,
    /// The repository.
    pub repository: &'a str,
    /// Layers that are read at once take one each.
    pub places: &'a Arc<Semaphore>,
    /// The known base images.
    pub bases: &'a Bases,
    /// Who is told how far it is.
    pub progress: &'a Progress,
}

impl Pull<'_> {
    /// Reads an image whose manifest is known. A layer that cannot be read is no error: the report
    /// says so.
    ///
    /// # Errors
    /// When the config cannot be had, or cannot be read.
    pub async fn read(self, found: Found, manifest: &ImageManifest) -> anyhow::Result<Joined> {
        let digest = &manifest.config.digest;
        let bytes = self
            .transport
            .fetch_config(self.session, self.repository, digest)
            .await
            .map_err(advise)?;
        let config = ImageConfig::parse(&bytes).context("reading the image's config")?;
        let mut plan = Plan::of_manifest(found, manifest, &config);
        plan.know_bases(self.bases);
        let layers = self.layers(&plan).await?;
        Ok(Joined::new(plan, layers))
    }

    /// Reads the layers, several at a time.
    async fn layers(self, plan: &Plan) -> anyhow::Result<Vec<LayerResult>> {
        self.progress.expect(
            plan.layers.iter().map(|layer| layer.size).sum(),
            plan.layers.len(),
        );
        let mut tasks = JoinSet::new();
        for (number, planned) in plan.layers.iter().cloned().enumerate() {
            let (transport, session) = (self.transport.clone(), self.session.clone());
            let (repository, places) = (self.repository.to_owned(), Arc::clone(self.places));
            let progress = self.progress.clone();
            tasks.spawn(async move {
                let _place = places.acquire_owned().await;
                let result = layer(&transport, &session, &repository, &planned, &progress).await;
                progress.layer_done();
                (number, result)
            });
        }
        let mut results = tasks.join_all().await;
        results.sort_by_key(|(number, _)| *number);
        results.into_iter().map(|(_, result)| result).collect()
    }
}

async fn layer(
    transport: &Transport,
    session: &Session,
    repository: &str,
    planned: &PlannedLayer,
    progress: &Progress,
) -> anyhow::Result<LayerResult> {
    let digest = match (&planned.digest, &planned.refusal) {
        (_, Some(refusal)) => return Ok(LayerResult::failed(refusal.clone())),
        (None, None) => return Ok(LayerResult::failed("it has no digest".to_owned())),
        (Some(digest), None) => digest,
    };
    let size = (planned.size > 0).then_some(planned.size);
    let mut job = LayerJob::new(LayerExpectation {
        digest: Some(digest.clone()),
        size,
        diff_id: planned.diff_id.clone(),
    });
    let (chunks, mut waiting) = mpsc::channel::<Bytes>(WAITING_CHUNKS);
    let unpacking = tokio::task::spawn_blocking(move || {
        while let Some(chunk) = waiting.blocking_recv() {
            if !job.feed(&chunk) {
                break;
            }
        }
        job.finish()
    });
    let outcome = transport
        .stream_blob(session, repository, digest, size, |chunk| {
            progress.add(chunk.len() as u64);
            let chunks = chunks.clone();
            async move { chunks.send(chunk).await }
        })
        .await;
    drop(chunks);
    let mut result = unpacking.await?;
    if let Err(StreamError::Pull(error)) = outcome {
        // The reader's complaint that the layer is cut off is only the consequence.
        result.error = Some(format!("{}; {}", describe(&*error), error.advice()));
    }
    Ok(result)
}

/// Writes into a report what a database says of it, in place of what another one said.
pub fn match_with(report: &mut Report, database: &Database) {
    let needs = matching::needs(report, &database.index);
    let (shards, failed) = database.shards(&needs);
    let asked = Asked {
        index: &database.index,
        index_digest: &database.digest,
        needs: &needs,
        shards: &shards,
        failed: &failed,
    };
    matching::match_report(report, asked);
    if database.is_samples {
        report.warnings.push(ReportWarning::of_matching(
            "only the sample images' advisories were asked; build a database with \
             \"lamina db build\" and name it with --db",
        ));
    }
}

/// An error with what to do about it.
pub(crate) fn advise(error: PullError) -> anyhow::Error {
    let advice = error.advice();
    anyhow::Error::new(error).context(advice)
}

/// One line on standard error, if it is a terminal; nothing by default.
#[derive(Clone, Debug, Default)]
pub struct Progress(Option<Arc<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    read: AtomicU64,
    total: AtomicU64,
    layers_done: AtomicUsize,
    layers: AtomicUsize,
}

impl Progress {
    /// A line, unless it is not wanted or nobody would see it.
    pub fn new(is_quiet: bool) -> Self {
        if is_quiet || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let counts = Arc::new(Counts::default());
        let shown = Arc::downgrade(&counts);
        tokio::spawn(async move {
            while let Some(counts) = shown.upgrade() {
                let megabytes = |count: &AtomicU64| count.load(Ordering::Relaxed) / 1_000_000;
                let (read, total) = (megabytes(&counts.read), megabytes(&counts.total));
                let (done, all) = (
                    counts.layers_done.load(Ordering::Relaxed),
                    counts.layers.load(Ordering::Relaxed),
                );
                eprint!("\r\x1b[Klayers {done}/{all}  {read}/{total} MB");
                drop(counts);
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        Self(Some(counts))
    }

    fn expect(&self, bytes: u64, layers: usize) {
        if let Some(counts) = &self.0 {
            counts.total.store(bytes, Ordering::Relaxed);
            counts.layers.store(layers, Ordering::Relaxed);
        }
    }

    /// Counts bytes that were read.
    pub fn add(&self, bytes: u64) {
        if let Some(counts) = &self.0 {
            counts.read.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    fn layer_done(&self) {
        if let Some(counts) = &self.0 {
            counts.layers_done.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Clears the line.
    pub fn end(self) {
        if self.0.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}
