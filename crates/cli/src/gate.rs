//! `lamina gate`: a registry that hands out the images of another one, if they pass a policy.
//!
//! It speaks the distribution API, so that Docker, containerd, Kubernetes and skopeo pull through it as
//! they are. Manifests are judged: the gate fetches one, scans the image that it names (once, however
//! many ask), and hands out the very bytes that it judged, or answers 412 as Harbor does. Everything
//! else is passed through. docs/gate.md says what is judged and what is let through, and why.
//!
//! [`upstream`] knows the registries, [`kind`] what a manifest is, [`checker`] comes by reports,
//! [`policies`] judge them; [`proxy`], [`admission`] and [`page`] answer requests.

mod admission;
mod checker;
mod events;
mod kind;
mod metrics;
mod page;
mod policies;
mod proxy;
mod store;
mod tls;
mod upstream;
mod watch;

pub(crate) use tls::Certificates;

use std::{
    collections::HashMap,
    fmt::Write as _,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::bail;
use axum::{
    Router,
    body::Bytes,
    routing::{any, get, post},
};
use clap::ValueEnum;
use jiff::Timestamp;
use lamina_image::{
    digest::Digest,
    manifest::{ImageIndex, ImageManifest, OCI_INDEX},
    platform::Platform,
    reference::Reference,
};
use lamina_policy::Level;
use lamina_registry::{Session, Url};
use lamina_report::formats::Judged;
use lamina_scan::plan::Found;
use tokio::{net::TcpListener, sync::Semaphore};

use self::{
    checker::{CheckError, Checker, Job, Origin, Source},
    events::{Events, Judgement, Outcome},
    kind::Kind,
    metrics::Metrics,
    policies::Policies,
    store::{Kept, Store},
    upstream::{Asker, Redirects, Target, Upstreams},
};
pub use self::{policies::PolicyArg, upstream::UpstreamArg};
use crate::{
    credentials::RegistryArgs,
    database::TrustArgs,
    limits, pull,
    serve::{self, Acceptor},
    transport,
};

/// Arguments of `lamina gate`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// A registry to pull from. With several, `prefix=` says what the names of its repositories begin
    /// with here, and `name=` what references call it, if that is not its host.
    #[arg(long, required = true, value_name = "URL[,prefix=PREFIX][,name=NAME]")]
    pub upstream: Vec<UpstreamArg>,

    /// A policy (docs/policy.md), for the repositories that the pattern matches, or for all. The first
    /// that matches judges; where none does, high and critical findings fail. Read again when it
    /// changes.
    #[arg(long, value_name = "[PATTERN=]FILE")]
    pub policy: Vec<PolicyArg>,

    /// A VEX document (OpenVEX, CSAF or CycloneDX) whose statements count for all images that it names;
    /// may be given several times (docs/vex.md). Read once.
    #[arg(long, value_name = "FILE")]
    pub vex: Vec<PathBuf>,

    /// The advisory database, as `lamina db build`, `update` or `export` wrote it. Opened again when it
    /// changes.
    #[arg(long, value_name = "DIR|FILE", env = "LAMINA_DB")]
    pub db: Option<PathBuf>,

    /// Whose databases are trusted.
    #[command(flatten)]
    pub trust: TrustArgs,

    /// Where to listen.
    #[arg(long, env = "LAMINA_GATE_LISTEN", default_value = "127.0.0.1:5001")]
    pub listen: SocketAddr,

    /// Where to listen for those who read the page, reports and metrics, instead of with the registry.
    #[arg(long, value_name = "ADDRESS")]
    pub page_listen: Option<SocketAddr>,

    /// The address by which people reach the page, for links in refusals.
    #[arg(long, value_name = "URL")]
    pub public_url: Option<Url>,

    /// Refuses nothing: says in the log and on the page what it would refuse.
    #[arg(long)]
    pub dry_run: bool,

    /// How long a pull waits for a scan.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub wait: Duration,

    /// What becomes of a pull that has waited that long. The scan goes on.
    #[arg(long, value_enum, default_value_t = Choice::Refuse)]
    pub on_timeout: Choice,

    /// What becomes of an image that cannot be scanned.
    #[arg(long, value_enum, default_value_t = Choice::Refuse)]
    pub on_error: Choice,

    /// How long a scan may take.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub scan_limit: Duration,

    /// How many images are scanned at once.
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    pub scans: usize,

    /// Where reports are kept, so that a restart scans nothing again.
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,

    /// Megabytes of reports that are kept there; those not used for longest go first.
    #[arg(long, value_name = "MB", default_value_t = 1024)]
    pub state_size: u64,

    /// Refuses an index of whose images none passes. Without it an index is let through, and its images
    /// are judged when they are pulled.
    #[arg(long)]
    pub judge_indexes: bool,

    /// The platforms of the cluster, of which admission judges the images of an index.
    #[arg(long, value_name = "OS/ARCH", default_value = "linux/amd64")]
    pub platform: Vec<Platform>,

    /// Follows redirects of blobs to other hosts, instead of leaving them to the client.
    #[arg(long)]
    pub follow_redirects: bool,

    /// How long an upstream may send nothing.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub upstream_timeout: Duration,

    /// A certificate chain in PEM, to speak TLS. Read again when it changes.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// Its key in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Who the gate is at its upstreams when it scans; without a login there it scans as the client
    /// that pulls.
    #[command(flatten)]
    pub registry: RegistryArgs,
}

/// What becomes of what could not be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// It is refused.
    Refuse,
    /// It is let through.
    Allow,
}

fn duration(text: &str) -> Result<Duration, String> {
    let refuse = || format!("{text:?} is no time: write 60s, or 2m");
    let found: jiff::SignedDuration = text.parse().map_err(|_| refuse())?;
    Duration::try_from(found)
        .ok()
        .filter(|found| !found.is_zero())
        .ok_or_else(refuse)
}

/// Runs the command until it is told to stop.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let gate = Gate::new(&args)?;
    let listener = serve::listen(args.listen).await?;
    let address = listener.local_addr()?;
    let pages = match args.page_listen {
        Some(address) => Some(serve::listen(address).await?),
        None => None,
    };
    for upstream in gate.0.upstreams.all() {
        tracing::info!(name = upstream.name, url = ?upstream.url, "upstream");
    }
    for (pattern, policy) in gate.0.policies.describe() {
        tracing::info!(
            pattern,
            policy = policy.name,
            digest = policy.digest,
            "policy"
        );
    }
    let (now, database) = (transport::clock()?, gate.0.checker.database());
    tracing::info!(database = database.describe(now), "database");
    if database.is_samples {
        tracing::warn!("only the sample images' advisories are asked: name a database with --db");
    }
    if let Some(warning) = database.warning(now) {
        tracing::warn!("{warning}");
    }
    let scheme = if args.tls_cert.is_some() {
        "https"
    } else {
        "http"
    };
    let page = match &pages {
        Some(pages) => format!("http://{}/gate", pages.local_addr()?),
        None => format!("{scheme}://{address}/gate"),
    };
    println!("The gate is at {address}, its page at {page}");
    serve(listener, pages, gate, serve::stop_signal).await;
    Ok(())
}

/// Serves until `stop` is done, which is asked for twice.
pub async fn serve<F>(
    listener: TcpListener,
    pages: Option<TcpListener>,
    gate: Gate,
    stop: impl Fn() -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let reloading = tokio::spawn(gate.clone().reload());
    let registry = gate.router(pages.is_none());
    let tls = gate.0.certificates.as_ref().map(|certificates| {
        let certificates = Arc::clone(certificates);
        Arc::new(move || certificates.acceptor()) as Acceptor
    });
    let registry = serve::serve_router(listener, registry, tls, stop());
    match pages {
        None => registry.await,
        Some(pages) => {
            let pages = serve::serve_router(pages, gate.pages(), None, stop());
            tokio::join!(registry, pages);
        }
    }
    reloading.abort();
}

/// A gate. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    upstreams: Upstreams,
    policies: Policies,
    checker: Arc<Checker>,
    events: Events,
    manifests: Mutex<Manifests>,
    asker: Asker,
    /// Requests to upstreams take one each: those for manifests, and all others.
    manifest_turns: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    /// Whoever judges takes one: as many as there are cores, but one that is left to other requests.
    judges: Arc<Semaphore>,
    certificates: Option<Arc<Certificates>>,
    args: Args,
}

/// A manifest as it came from an upstream.
#[derive(Debug)]
struct Manifest {
    digest: Digest,
    media_type: String,
    bytes: Bytes,
    /// What it is, or why it cannot be judged.
    kind: Result<Kind, String>,
}

/// Manifests that are kept. What a digest names does not change; whether a client may have it is asked
/// each time.
#[derive(Debug, Default)]
struct Manifests {
    kept: HashMap<String, (Arc<Manifest>, u64)>,
    bytes: usize,
    clock: u64,
    /// Digests of artifacts whose blobs were looked into.
    statements: HashMap<String, bool>,
    /// The tag by which an image was last pulled from a repository: clients ask for it by digest next,
    /// and exceptions for a tag shall hold then, too.
    tags: HashMap<(String, String), String>,
}

impl Manifests {
    fn get(&mut self, digest: &str) -> Option<Arc<Manifest>> {
        self.clock += 1;
        let (manifest, used) = self.kept.get_mut(digest)?;
        *used = self.clock;
        Some(Arc::clone(manifest))
    }

    fn keep(&mut self, manifest: Arc<Manifest>) {
        self.clock += 1;
        let digest = manifest.digest.to_string();
        self.bytes += manifest.bytes.len();
        if let Some((old, _)) = self.kept.insert(digest, (manifest, self.clock)) {
            self.bytes = self.bytes.saturating_sub(old.bytes.len());
        }
        while self.kept.len() > limits::KEPT_MANIFESTS || self.bytes > limits::KEPT_MANIFESTS_BYTES
        {
            let oldest = self.kept.iter().min_by_key(|(_, (_, used))| *used);
            let Some(oldest) = oldest.map(|(digest, _)| digest.clone()) else {
                break;
            };
            if let Some((old, _)) = self.kept.remove(&oldest) {
                self.bytes = self.bytes.saturating_sub(old.bytes.len());
            }
        }
    }
}

/// Forgets all when there is too much, which is rare: it is a cache.
fn bound<K, V>(map: &mut HashMap<K, V>) {
    if map.len() >= limits::KEPT_MANIFESTS {
        map.clear();
    }
}

impl Gate {
    /// What `args` ask for.
    ///
    /// # Errors
    /// When a policy, the database or the folder for reports cannot be read: a gate that does not know
    /// what to refuse does not start.
    pub fn new(args: &Args) -> anyhow::Result<Self> {
        if args.platform.is_empty() {
            bail!("--platform names no platform");
        }
        let store = Store::open(
            args.state.as_deref(),
            args.state_size.saturating_mul(1_000_000),
        )?;
        let source = Source {
            path: args.db.clone(),
            trust: args.trust.clone(),
        };
        let certificates = Certificates::named(args.tls_cert.as_deref(), args.tls_key.as_deref())?;
        Ok(Self(Arc::new(Inner {
            upstreams: Upstreams::new(&args.upstream, &args.registry)?,
            policies: Policies::open(&args.policy, &args.vex)?,
            checker: Arc::new(Checker::new(source, store, args.scans, args.scan_limit)?),
            events: Events::default(),
            manifests: Mutex::default(),
            asker: Asker::new(args.upstream_timeout)?,
            manifest_turns: Arc::new(Semaphore::new(limits::GATE_MANIFESTS_AT_ONCE)),
            turns: Arc::new(Semaphore::new(limits::GATE_AT_ONCE)),
            judges: pull::places(1),
            certificates,
            args: args.clone(),
        })))
    }

    fn router(&self, has_pages: bool) -> Router {
        let router = Router::new()
            .route("/v2", any(proxy::answer))
            .route("/v2/", any(proxy::answer))
            .route("/v2/{*path}", any(proxy::answer))
            .route("/gate/admission", post(admission::answer))
            .route("/gate/healthz", get(page::health));
        let router = match has_pages {
            true => Self::with_pages(router),
            false => router,
        };
        router.with_state(self.clone())
    }

    fn pages(&self) -> Router {
        let router = Router::new().route("/gate/healthz", get(page::health));
        Self::with_pages(router).with_state(self.clone())
    }

    fn with_pages(router: Router<Self>) -> Router<Self> {
        router
            .route("/", get(page::root))
            .route("/gate", get(page::list))
            .route("/gate/", get(page::list))
            .route("/gate/metrics", get(page::metrics))
            .route("/gate/events.json", get(page::events))
            .route("/gate/reports/{name}", get(page::report))
    }

    /// Looks for changes of policies, database and certificates, for ever.
    async fn reload(self) {
        loop {
            tokio::time::sleep(limits::GATE_RELOAD).await;
            let gate = self.clone();
            let looked = tokio::task::spawn_blocking(move || {
                gate.0.policies.reload();
                if let Some(certificates) = &gate.0.certificates {
                    certificates.reload();
                }
                gate.0.checker.reload()
            });
            if matches!(looked.await, Ok(true)) {
                self.0.checker.match_all().await;
            }
        }
    }

    fn metrics(&self) -> &Metrics {
        &self.0.checker.metrics
    }

    fn is_allowed(&self, outcome: Outcome) -> bool {
        self.0.args.dry_run
            || match outcome {
                Outcome::Passed | Outcome::NotJudged => true,
                Outcome::Failed => false,
                Outcome::NotScanned => self.0.args.on_error == Choice::Allow,
                Outcome::TimedOut => self.0.args.on_timeout == Choice::Allow,
            }
    }

    /// Carries out a decision: notes it, counts it, logs it. Answers whether the image is handed out.
    fn decide(&self, judgement: &Judgement, kind: &'static str) -> bool {
        let is_allowed = self.is_allowed(judgement.outcome);
        let word = match (is_allowed, judgement.outcome) {
            (true, Outcome::Passed) => "allowed",
            (true, Outcome::NotJudged) => "not-judged",
            (true, _) => "would-refuse",
            (false, Outcome::TimedOut) => "timed-out",
            (false, _) => "refused",
        };
        self.metrics().request(kind, word);
        let now = transport::clock().unwrap_or(Timestamp::UNIX_EPOCH);
        self.0.events.note(judgement, kind, is_allowed, now);
        let Judgement {
            image,
            digest,
            reason,
            policy,
            ..
        } = judgement;
        let policy = policy.as_deref().unwrap_or_default();
        let outcome = judgement.outcome.words();
        if is_allowed {
            tracing::info!(
                kind, image, digest, outcome, policy, reason, word, "verdict"
            );
        } else {
            let worst = judgement.worst.join("; ");
            tracing::warn!(
                kind, image, digest, outcome, policy, reason, worst, "refusal"
            );
        }
        is_allowed
    }

    fn manifests<T>(&self, look: impl FnOnce(&mut Manifests) -> T) -> T {
        let manifests = self.0.manifests.lock();
        look(&mut manifests.unwrap_or_else(PoisonError::into_inner))
    }

    /// Judges what a manifest names, within a time.
    async fn judge(
        &self,
        target: &Target<'_>,
        reference: &str,
        manifest: &Manifest,
        session: &Session,
        wait: Duration,
    ) -> Judgement {
        let image = self.name_of(target, reference, &manifest.digest);
        let judging = self.judge_manifest(target, image.clone(), manifest, session);
        match tokio::time::timeout(wait, judging).await {
            Ok(judgement) => judgement,
            Err(_) => Judgement {
                outcome: Outcome::TimedOut,
                reason: format!(
                    "it was not scanned within {} s; the scan goes on: try again soon",
                    wait.as_secs_f64()
                ),
                ..blank(image, &manifest.digest)
            },
        }
    }

    /// The name under which an image is judged: by its tag, if it was pulled by one here before.
    fn name_of(&self, target: &Target<'_>, reference: &str, digest: &Digest) -> String {
        let key = (target.full_repository(), digest.to_string());
        if reference.contains(':') {
            let tag = self.manifests(|manifests| manifests.tags.get(&key).cloned());
            return target.image(tag.as_deref().unwrap_or(reference));
        }
        self.manifests(|manifests| {
            bound(&mut manifests.tags);
            manifests.tags.insert(key, reference.to_owned());
        });
        target.image(reference)
    }

    async fn judge_manifest(
        &self,
        target: &Target<'_>,
        image: String,
        manifest: &Manifest,
        session: &Session,
    ) -> Judgement {
        let not_judged = |reason: String| Judgement {
            reason,
            ..blank(image.clone(), &manifest.digest)
        };
        match &manifest.kind {
            Err(problem) => Judgement {
                outcome: Outcome::NotScanned,
                ..not_judged(format!("it cannot be judged: {problem}"))
            },
            Ok(Kind::Image(found)) => {
                self.judge_image(target, image, &manifest.digest, found, session)
                    .await
            }
            Ok(Kind::Index(index)) if self.0.args.judge_indexes => {
                self.judge_index(target, image, &manifest.digest, index, session)
                    .await
            }
            Ok(Kind::Index(_)) => {
                not_judged("an index: its images are judged when they are pulled".to_owned())
            }
            Ok(Kind::Other { what, texts }) => {
                match self
                    .is_other(target, &manifest.digest, texts, session)
                    .await
                {
                    Ok(true) => not_judged(format!("no image: {what}")),
                    Ok(false) => Judgement {
                        outcome: Outcome::NotScanned,
                        ..not_judged(format!(
                            "it cannot be judged: it says that it is {what}, and holds something else"
                        ))
                    },
                    Err(error) => Judgement {
                        outcome: Outcome::NotScanned,
                        ..not_judged(error.to_string())
                    },
                }
            }
        }
    }

    /// Whether blobs that must hold text do.
    async fn is_other(
        &self,
        target: &Target<'_>,
        digest: &Digest,
        texts: &[Digest],
        session: &Session,
    ) -> Result<bool, CheckError> {
        if texts.is_empty() {
            return Ok(true);
        }
        let key = digest.to_string();
        if let Some(known) = self.manifests(|manifests| manifests.statements.get(&key).copied()) {
            return Ok(known);
        }
        let repository = target.repository.to_string();
        let are_texts = self
            .0
            .checker
            .are_texts(session, &repository, texts)
            .await?;
        self.manifests(|manifests| {
            bound(&mut manifests.statements);
            manifests.statements.insert(key, are_texts);
        });
        Ok(are_texts)
    }

    async fn judge_image(
        &self,
        target: &Target<'_>,
        image: String,
        digest: &Digest,
        manifest: &ImageManifest,
        session: &Session,
    ) -> Judgement {
        let job = || Job {
            session: session.clone(),
            repository: target.repository.to_string(),
            found: Found {
                name: image.clone(),
                digest: Some(digest.clone()),
                ..Found::default()
            },
            manifest: manifest.clone(),
        };
        let full_repository = target.full_repository();
        match self.0.checker.report(&digest.to_string(), job).await {
            Ok((kept, origin)) => {
                let names = [full_repository.as_str(), target.asked];
                let judgement = self.judge_report(&names, image, digest, kept).await;
                Judgement {
                    scan_ms: judgement.scan_ms.filter(|_| origin == Origin::Scan),
                    ..judgement
                }
            }
            Err(error) => Judgement {
                outcome: match error {
                    CheckError::Busy => Outcome::TimedOut,
                    CheckError::Scan(_) => Outcome::NotScanned,
                },
                reason: error.to_string(),
                ..blank(image, digest)
            },
        }
    }

    /// Judges a report under the name by which the image was asked for. Nothing is kept of a verdict:
    /// an exception may end with the next second.
    async fn judge_report(
        &self,
        names: &[&str],
        image: String,
        digest: &Digest,
        kept: Arc<Kept>,
    ) -> Judgement {
        let gate = self.clone();
        let policy = self.0.policies.of(names);
        let (judgement, named) = (blank(image.clone(), digest), image.clone());
        let _judge = self.0.judges.acquire().await;
        let judging = tokio::task::spawn_blocking(move || -> anyhow::Result<Judgement> {
            let now = transport::clock()?;
            let renamed;
            let report = if kept.report.image.name == image {
                &kept.report
            } else {
                let mut report = kept.report.clone();
                report.image.name = image;
                renamed = report;
                &renamed
            };
            let judged = gate.0.policies.judge(report, &policy.policy, now);
            Ok(Judgement {
                outcome: match judged.verdict.passed {
                    true => Outcome::Passed,
                    false => Outcome::Failed,
                },
                policy: Some(policy.name.clone()),
                reason: reason_of(&judged),
                worst: worst_of(&judged),
                warnings: warnings_of(&judged),
                has_report: true,
                scan_ms: u64::try_from(kept.scan.as_millis()).ok(),
                ..judgement
            })
        });
        match judging.await {
            Ok(Ok(judgement)) => judgement,
            _ => Judgement {
                outcome: Outcome::NotScanned,
                reason: "it could not be judged".to_owned(),
                ..blank(named, digest)
            },
        }
    }

    /// Judges the images of an index: it passes if one of them does.
    async fn judge_index(
        &self,
        target: &Target<'_>,
        image: String,
        digest: &Digest,
        index: &ImageIndex,
        session: &Session,
    ) -> Judgement {
        let all = index.images().count();
        let mut problems = Vec::new();
        let mut failed = None;
        for child in index.images().take(limits::INDEX_IMAGES) {
            let judgement = self
                .judge_child(target, image.clone(), &child.digest, session)
                .await;
            match judgement.outcome {
                Outcome::Passed | Outcome::NotJudged => {
                    return Judgement {
                        reason:
                            "an index, of which an image passes: each is judged when it is pulled"
                                .to_owned(),
                        ..blank(image, digest)
                    };
                }
                Outcome::Failed => {
                    failed.get_or_insert_with(|| judgement.clone());
                }
                _ => problems.push(judgement.reason),
            }
        }
        if all == 0 || all > limits::INDEX_IMAGES {
            return Judgement {
                reason: format!("an index of {all} images: they are judged when they are pulled"),
                ..blank(image, digest)
            };
        }
        match failed {
            Some(failed) => Judgement {
                reason: format!(
                    "none of the {all} images of this index passes; the first: {}",
                    failed.reason
                ),
                ..failed
            },
            None => Judgement {
                outcome: Outcome::NotScanned,
                reason: format!(
                    "none of the {all} images of this index could be judged; the first: {}",
                    problems.into_iter().next().unwrap_or_default()
                ),
                ..blank(image, digest)
            },
        }
    }

    /// Judges an image of an index.
    async fn judge_child(
        &self,
        target: &Target<'_>,
        image: String,
        digest: &Digest,
        session: &Session,
    ) -> Judgement {
        let manifest = match self.manifest(target, &digest.to_string(), session).await {
            Ok(manifest) => manifest,
            Err(error) => {
                return Judgement {
                    outcome: Outcome::NotScanned,
                    reason: error.to_string(),
                    ..blank(image, digest)
                };
            }
        };
        match &manifest.kind {
            // Judged by whoever meets it.
            Ok(Kind::Index(_)) => blank(image, digest),
            Ok(Kind::Image(found)) => {
                self.judge_image(target, image, digest, found, session)
                    .await
            }
            _ => Judgement {
                outcome: Outcome::NotScanned,
                reason: "it is no image".to_owned(),
                ..blank(image, digest)
            },
        }
    }

    /// A manifest, asked for as whoever scans.
    async fn manifest(
        &self,
        target: &Target<'_>,
        reference: &str,
        session: &Session,
    ) -> Result<Arc<Manifest>, CheckError> {
        if let Some(known) = self.manifests(|manifests| manifests.get(reference)) {
            return Ok(known);
        }
        let repository = target.repository.to_string();
        let resolved = self
            .0
            .checker
            .resolve(session, &repository, reference)
            .await?;
        let manifest = Manifest::read(
            resolved.digest,
            resolved.body.into(),
            resolved.media_type.as_deref(),
        );
        Ok(self.keep(manifest))
    }

    fn keep(&self, manifest: Manifest) -> Arc<Manifest> {
        let manifest = Arc::new(manifest);
        // What cannot be judged may be so by what the registry said of it this once.
        if manifest.kind.is_ok() {
            self.manifests(|manifests| manifests.keep(Arc::clone(&manifest)));
        }
        manifest
    }

    /// The address of the page for people, as far as it is known. `host` is what the client calls us.
    fn public_url(&self, host: Option<&str>) -> String {
        if let Some(url) = &self.0.args.public_url {
            return url.to_string().trim_end_matches('/').to_owned();
        }
        let is_host = |host: &&str| {
            !host.is_empty()
                && host.len() < 256
                && host
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
        };
        match (self.0.args.page_listen, host.filter(is_host)) {
            (Some(address), _) => format!("http://{address}"),
            (None, Some(host)) => {
                let scheme = if self.0.certificates.is_some() {
                    "https"
                } else {
                    "http"
                };
                format!("{scheme}://{host}")
            }
            (None, None) => String::new(),
        }
    }

    /// A refusal in words: which image, which rules, the worst findings, and where to read more.
    fn message(&self, judgement: &Judgement, host: Option<&str>) -> String {
        let Judgement {
            image,
            digest,
            reason,
            ..
        } = judgement;
        let named = match image.contains('@') {
            true => image.clone(),
            false => format!("{image} ({digest})"),
        };
        let mut message = match (&judgement.outcome, &judgement.policy) {
            (Outcome::Failed, Some(policy)) => {
                format!("{named} does not pass the policy {policy:?}: {reason}")
            }
            _ => format!("{named} cannot be pulled: {reason}"),
        };
        // Writing to a String cannot fail.
        if !judgement.worst.is_empty() {
            let _ = write!(message, ". Worst: {}", judgement.worst.join("; "));
        }
        if judgement.has_report {
            let url = self.public_url(host);
            let _ = write!(message, ". Report: {url}/gate/reports/{digest}");
        }
        message
    }
}

impl Manifest {
    fn read(digest: Digest, bytes: Bytes, content_type: Option<&str>) -> Self {
        let (kind, media_type) = match Kind::read(&bytes, content_type) {
            Ok((kind, media_type)) => (Ok(kind), media_type),
            // Never handed out unless the operator says so; then as it came.
            Err(problem) => {
                let media_type = content_type.unwrap_or(OCI_INDEX).to_owned();
                (Err(problem), media_type)
            }
        };
        Self {
            digest,
            media_type,
            bytes,
            kind,
        }
    }
}

/// An image of which nothing is known yet.
fn blank(image: String, digest: &Digest) -> Judgement {
    Judgement::of(image, digest.to_string())
}

/// The rules that failed, with their reasons.
fn reason_of(judged: &Judged<'_>) -> String {
    let failed = judged.verdict.rules.iter().filter(|rule| rule.is_failed());
    let reasons: Vec<String> = failed
        .map(|rule| format!("{}: {}", rule.rule, rule.reason))
        .collect();
    match reasons.is_empty() {
        true => "it passes".to_owned(),
        false => tidy(&reasons.join("; ")),
    }
}

/// The worst findings behind the rules that failed.
fn worst_of(judged: &Judged<'_>) -> Vec<String> {
    let mut indices: Vec<usize> = Vec::new();
    for rule in judged.verdict.rules.iter().filter(|rule| rule.is_failed()) {
        for index in rule.findings.iter().take(limits::WORST_FINDINGS) {
            if !indices.contains(index) {
                indices.push(*index);
            }
        }
    }
    // Findings of a report are sorted, the worst first.
    indices.sort_unstable();
    let report = judged.report;
    indices
        .into_iter()
        .filter_map(|index| report.findings.get(index))
        .take(limits::WORST_FINDINGS)
        .map(|finding| {
            let mut text = format!("{} ({})", finding.id, finding.severity.word());
            if let Some(package) = report.packages.get(finding.package) {
                let _ = write!(text, " in {} {}", package.name, package.version);
            }
            match finding.fixed_in.first() {
                Some(version) => {
                    let _ = write!(text, ", fixed in {version}");
                }
                None => {
                    let _ = write!(text, ", {}", finding.status.words());
                }
            }
            tidy(&text)
        })
        .collect()
}

fn warnings_of(judged: &Judged<'_>) -> Vec<String> {
    let warned = judged.verdict.rules.iter();
    warned
        .filter(|rule| rule.outcome == Level::Warned)
        .map(|rule| tidy(&format!("{}: {}", rule.rule, rule.reason)))
        .collect()
}

/// Text of an image in a message: without what a terminal could take for orders, and not too long.
fn tidy(text: &str) -> String {
    const CHARS: usize = 1000;
    let is_odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
    };
    let tidy: String = text
        .chars()
        .map(|c| if is_odd(c) { ' ' } else { c })
        .take(CHARS)
        .collect();
    match text.chars().nth(CHARS) {
        Some(_) => tidy + "…",
        None => tidy,
    }
}

/// The repository of a report, with its registry, as policies are found by it.
fn repository_of(name: &str) -> String {
    match Reference::parse(name) {
        Ok(reference) => format!("{}/{}", reference.registry(), reference.repository()),
        Err(_) => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_do() {
        let check = |text: &str, expect: Option<u64>| {
            let found = duration(text).ok();
            assert_eq!(found, expect.map(Duration::from_secs), "{text}");
        };
        check("60s", Some(60));
        check("2m", Some(120));
        check("1h", Some(3600));
        check("1m 30s", Some(90));
        check("60", None);
        check("0s", None);
        check("-1s", None);
        check("", None);
    }

    #[test]
    fn hostile_text_stays_one_line() {
        assert_eq!(tidy("a\u{1b}[2Jb\nc\u{202e}d"), "a [2Jb c d");
        assert_eq!(tidy(&"x".repeat(5000)).chars().count(), 1001);
    }

    #[test]
    fn manifests_are_kept_within_bounds() {
        let mut manifests = Manifests::default();
        for number in 0..limits::KEPT_MANIFESTS + 5 {
            let bytes = Bytes::from(number.to_string());
            let manifest = Manifest::read(Digest::of(&bytes), bytes, None);
            manifests.keep(Arc::new(manifest));
        }
        assert_eq!(manifests.kept.len(), limits::KEPT_MANIFESTS);
        assert!(manifests.get(&Digest::of(b"0").to_string()).is_none());
        let last = limits::KEPT_MANIFESTS + 4;
        let last = Digest::of(last.to_string().as_bytes()).to_string();
        assert!(manifests.get(&last).is_some());
        let kept: usize = manifests
            .kept
            .values()
            .map(|(one, _)| one.bytes.len())
            .sum();
        assert_eq!(manifests.bytes, kept);
    }
}
