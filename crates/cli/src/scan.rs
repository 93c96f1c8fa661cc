//! `lamina scan`: the page's report on the command line.

use std::{
    io::{IsTerminal as _, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, bail};
use axum::body::Bytes;
use clap::builder::{PossibleValue, PossibleValuesParser};
use jiff::Timestamp;
use lamina_image::{
    config::ImageConfig,
    digest::Digest,
    layer::LayerExpectation,
    limits::MAX_INDEX_DEPTH,
    manifest::{Document, ImageManifest},
    platform::Platform,
    reference::Reference,
};
use lamina_policy::{Policy, Threshold, vex};
use lamina_registry::{PullError, Remedy, Session, error::tags_in_words};
use lamina_report::{formats, model::ReportWarning};
use lamina_scan::{
    archive::ArchiveJob,
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
    attached,
    command::Outcome,
    credentials::RegistryArgs,
    database::{Database, TrustArgs},
    judge::{self, VexArgs},
    transport::{self, StreamError, Transport},
};

/// Chunks of a layer that wait to be unpacked; with that many the sender is slowed down.
const WAITING_CHUNKS: usize = 16;

/// Arguments of `lamina scan`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// A reference (`nginx:1.25`) or the path of an archive (`docker save`, OCI layout; also
    /// compressed). Write `./name` for a file that looks like a reference.
    pub image: String,

    /// The platform to scan, of an image that has several: `linux/arm64`.
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,

    /// Which image, in an archive that holds several.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// How to write the report. The SBOM formats say what is in the image, and do not fail it: the
    /// exit status is 0 unless --fail-on or --policy is given.
    #[arg(long, default_value = "table", value_parser = format_names())]
    pub format: String,

    /// Where to write it, instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// The advisory database, as `lamina db build`, `update` or `export` wrote it. Without it, the
    /// small one of the sample images is asked, which knows little else.
    #[arg(long, value_name = "DIR|FILE", env = "LAMINA_DB")]
    pub db: Option<PathBuf>,

    /// Whose databases are trusted.
    #[command(flatten)]
    pub trust: TrustArgs,

    /// A policy in JSON (docs/policy.md).
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,

    /// The mildest severity that fails the image: negligible, low, medium, high, critical or never.
    #[arg(long, value_name = "SEVERITY")]
    pub fail_on: Option<Threshold>,

    /// Leaves findings without a fixed version out of the verdict.
    #[arg(long)]
    pub ignore_unfixed: bool,

    /// What others say of the image.
    #[command(flatten)]
    pub vex: VexArgs,

    /// No progress on standard error.
    #[arg(long, short)]
    pub quiet: bool,

    /// How to reach the registry.
    #[command(flatten)]
    pub registry: RegistryArgs,
}

/// The formats, with what `--help` says of each.
fn format_names() -> PossibleValuesParser {
    let formats = formats::FORMATS.iter();
    PossibleValuesParser::new(
        formats.map(|format| PossibleValue::new(format.id()).help(format.about())),
    )
}

/// Runs the command.
///
/// # Errors
/// When there is no report: the image, an archive or the database cannot be read.
pub async fn run(args: Args) -> anyhow::Result<Outcome> {
    let policy = policy(&args)?;
    let platform = args
        .platform
        .as_deref()
        .map(str::parse::<Platform>)
        .transpose()?;
    let database = Database::open(args.db.as_deref(), &args.trust)?;
    let mut documents = args.vex.read(args.quiet)?;
    let progress = Progress::new(args.quiet);

    let path = Path::new(&args.image);
    let joined = if path.is_file() {
        if args.vex.vex_attached && !args.quiet {
            eprintln!("warning: nothing is attached to an archive: --vex-attached has no effect");
        }
        let (path, name) = (path.to_owned(), args.name.clone());
        let progress = progress.clone();
        tokio::task::spawn_blocking(move || {
            archive(&path, name.as_deref(), platform.as_ref(), &progress)
        })
        .await??
    } else {
        let (joined, attached) = image(&args, platform.as_ref(), &progress).await?;
        documents.extend(attached);
        joined
    };
    progress.end();

    let millis = i64::try_from(transport::now().as_millis()).unwrap_or_default();
    let now = Timestamp::from_millisecond(millis).context("reading the clock")?;
    let mut report = joined.report(&now.to_string());
    let needs = matching::needs(&report, &database.index);
    let (shards, failed) = database.shards(&needs);
    let asked = Asked {
        index: &database.index,
        index_digest: &database.digest,
        needs: &needs,
        shards: &shards,
        failed: &failed,
    };
    matching::match_report(&mut report, asked);
    if database.is_samples {
        report.warnings.push(ReportWarning::of_matching(
            "only the sample images' advisories were asked; build a database with \
             \"lamina db build\" and name it with --db",
        ));
    }
    if !args.quiet && std::io::stderr().is_terminal() {
        eprintln!("advisory database: {}", database.describe(now));
    }
    // Not in the report, which says when its database was built: another reader's clock may differ.
    if let Some(warning) = database.warning(now).filter(|_| !args.quiet) {
        eprintln!("warning: {warning}");
    }
    let format = formats::by_id(&args.format).context("unknown format")?;
    let judged = judge::judge(&policy, &report, &documents, now);
    let text = format.render(&judged);
    match &args.output {
        Some(path) => {
            std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
        }
        None => std::io::stdout()
            .write_all(text.as_bytes())
            .context("writing the report")?,
    }
    let is_judged = format.has_verdict() || args.fail_on.is_some() || args.policy.is_some();
    Ok(if !is_judged || judged.verdict.passed {
        Outcome::Passed
    } else {
        Outcome::PolicyFailed
    })
}

fn policy(args: &Args) -> anyhow::Result<Policy> {
    let mut policy = match &args.policy {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("reading {}", path.display()))?;
            Policy::parse(&text).with_context(|| format!("reading {}", path.display()))?
        }
        None => Policy::default(),
    };
    if let Some(threshold) = args.fail_on {
        policy.fail_on = threshold;
    }
    policy.fixable_only |= args.ignore_unfixed;
    Ok(policy)
}

fn archive(
    path: &Path,
    name: Option<&str>,
    platform: Option<&Platform>,
    progress: &Progress,
) -> anyhow::Result<Joined> {
    let mut file =
        std::fs::File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let mut job = ArchiveJob::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        let length = file
            .read(&mut chunk)
            .with_context(|| format!("reading {}", path.display()))?;
        let bytes = chunk.get(..length).unwrap_or_default();
        if bytes.is_empty() || !job.feed(bytes) {
            break;
        }
        progress.add(length as u64);
    }
    let file_name = path.file_name().unwrap_or_default().to_string_lossy();
    let (plan, layers) = job
        .finish(&file_name, name, platform)
        .with_context(|| format!("reading {}", path.display()))?;
    Ok(Joined::new(plan, layers))
}

async fn image(
    args: &Args,
    platform: Option<&Platform>,
    progress: &Progress,
) -> anyhow::Result<(Joined, Vec<vex::Document>)> {
    let reference = Reference::parse(&args.image).map_err(|error| {
        let (line, mark) = (
            &args.image,
            " ".repeat(error.offset) + &"^".repeat(error.length.max(1)),
        );
        anyhow::anyhow!("{error}\n  {line}\n  {mark}\nthere is no file of that name either")
    })?;
    let credentials = args.registry.credentials(reference.registry())?;
    let session = Session::open(reference.registry(), credentials, &args.registry.options())
        .map_err(advise)?;
    let transport = Transport::new()?;
    let (found, manifest) = manifest(&transport, &session, &reference, platform).await?;
    let digest = &manifest.config.digest;
    let bytes = transport
        .fetch_config(&session, reference.repository(), digest)
        .await
        .map_err(advise)?;
    let config = ImageConfig::parse(&bytes).context("reading the image's config")?;
    let digests = [found.digest.clone(), found.index_digest.clone()];
    let plan = Plan::of_manifest(found, &manifest, &config);
    let layers = layers(&transport, &session, &reference, &plan, progress).await?;
    let documents = if args.vex.vex_attached {
        let digests: Vec<Digest> = digests.into_iter().flatten().collect();
        attached(&transport, &session, &reference, &digests, args.quiet).await
    } else {
        Vec::new()
    };
    Ok((Joined::new(plan, layers), documents))
}

/// The VEX documents that are attached to an image.
async fn attached(
    transport: &Transport,
    session: &Session,
    reference: &Reference,
    digests: &[Digest],
    is_quiet: bool,
) -> Vec<vex::Document> {
    let found = attached::attached(transport, session, reference.repository(), digests).await;
    if !is_quiet {
        for warning in &found.warnings {
            eprintln!("warning: {warning}");
        }
        for (digest, document) in &found.documents {
            judge::complain(&digest.to_string(), document);
        }
    }
    found
        .documents
        .into_iter()
        .map(|(_, document)| document)
        .collect()
}

async fn manifest(
    transport: &Transport,
    session: &Session,
    reference: &Reference,
    platform: Option<&Platform>,
) -> anyhow::Result<(Found, ImageManifest)> {
    let mut found = Found {
        name: reference.familiar(),
        ..Found::default()
    };
    let mut identifier = reference.identifier();
    for _ in 0..=MAX_INDEX_DEPTH {
        let resolved = match transport
            .resolve(session, reference.repository(), &identifier)
            .await
        {
            Ok(resolved) => resolved,
            Err(error) if error.remedy() == Remedy::ListTags => {
                let tags = transport.tags(session, reference.repository()).await;
                return Err(match tags {
                    Ok(tags) => {
                        anyhow::Error::new(error).context(tags_in_words(&identifier, &tags))
                    }
                    Err(_) => advise(error),
                });
            }
            Err(error) => return Err(advise(error)),
        };
        match Document::parse(&resolved.body, resolved.media_type.as_deref())
            .with_context(|| format!("reading the manifest of {reference}"))?
        {
            Document::Image(manifest) => {
                found.digest = Some(resolved.digest);
                return Ok((found, manifest));
            }
            Document::Index(index) => {
                if found.platforms.is_empty() {
                    found.platforms = index.platforms().iter().map(ToString::to_string).collect();
                }
                found.index_digest.get_or_insert(resolved.digest);
                identifier = index.choose(platform)?.digest.to_string();
            }
        }
    }
    bail!("the indexes of {reference} are nested too deep");
}

/// Reads the layers, several at a time.
async fn layers(
    transport: &Transport,
    session: &Session,
    reference: &Reference,
    plan: &Plan,
    progress: &Progress,
) -> anyhow::Result<Vec<LayerResult>> {
    progress.expect(
        plan.layers.iter().map(|layer| layer.size).sum(),
        plan.layers.len(),
    );
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let places = Arc::new(Semaphore::new(cores));
    let mut tasks = JoinSet::new();
    for (number, planned) in plan.layers.iter().cloned().enumerate() {
        let (transport, session, progress) = (transport.clone(), session.clone(), progress.clone());
        let (repository, places) = (reference.repository().to_owned(), Arc::clone(&places));
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

fn advise(error: PullError) -> anyhow::Error {
    let advice = error.advice();
    anyhow::Error::new(error).context(advice)
}

/// One line on standard error, if it is a terminal.
#[derive(Clone)]
struct Progress(Option<Arc<Counts>>);

#[derive(Default)]
struct Counts {
    read: AtomicU64,
    total: AtomicU64,
    layers_done: AtomicUsize,
    layers: AtomicUsize,
}

impl Progress {
    fn new(is_quiet: bool) -> Self {
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

    fn add(&self, bytes: u64) {
        if let Some(counts) = &self.0 {
            counts.read.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    fn layer_done(&self) {
        if let Some(counts) = &self.0 {
            counts.layers_done.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn end(self) {
        if self.0.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}
