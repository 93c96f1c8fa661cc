//! `lamina scan`: the page's report on the command line.

use std::{
    io::{IsTerminal as _, Read as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::builder::{PossibleValue, PossibleValuesParser};
use jiff::Timestamp;
use lamina_image::{
    digest::Digest,
    limits::MAX_INDEX_DEPTH,
    manifest::{Document, ImageManifest},
    platform::Platform,
    reference::Reference,
};
use lamina_policy::{Threshold, vex};
use lamina_registry::{Remedy, Session, error::tags_in_words};
use lamina_report::{formats, model::Report};
use lamina_scan::{archive::ArchiveJob, join::Joined, plan::Found};

use crate::{
    attached, bases,
    command::Outcome,
    credentials::RegistryArgs,
    database::{Database, TrustArgs},
    judge::{self, VexArgs},
    pull::{self, Bases, Progress, Pull, advise},
    transport::{self, Transport},
};

/// What `--help` says of the exit status.
pub const EXIT_STATUS: &str = "\
Exit status:
  0  the image passes the policy (or is not judged: SBOM formats without --fail-on and --policy)
  1  there is no report: the image, the database, the policy or a list of bases could not be read
  2  the report is written, and the image fails the policy

docs/ci.md shows how to fail a build in GitHub Actions, GitLab CI and Jenkins.";

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

    /// A list of known base images, as `lamina bases` wrote it. Without it, the `bases.json` beside the
    /// database, if there is one.
    #[arg(long, value_name = "FILE")]
    pub bases: Option<PathBuf>,

    /// A policy, in YAML or JSON (docs/policy.md).
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
pub(crate) fn format_names() -> PossibleValuesParser {
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
    let policy = judge::policy(args.policy.as_deref(), args.fail_on, args.ignore_unfixed)?;
    let database = Database::open(args.db.as_deref(), &args.trust)?;
    let mut documents = args.vex.read(args.quiet)?;
    let (report, attached) = report(&args, &database).await?;
    documents.extend(attached);
    let now = now()?;
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
    judge::write(args.output.as_deref(), &text)?;
    let is_judged = format.has_verdict() || args.fail_on.is_some() || args.policy.is_some();
    Ok(if !is_judged || judged.verdict.passed {
        Outcome::Passed
    } else {
        Outcome::PolicyFailed
    })
}

/// Scans the image that the arguments name, and asks the database. Answers the VEX documents that are
/// attached to it, too, if the arguments ask for them.
pub(crate) async fn report(
    args: &Args,
    database: &Database,
) -> anyhow::Result<(Report, Vec<vex::Document>)> {
    let (_, report, attached) = joined(args, database).await?;
    Ok((report, attached))
}

/// The same, with the image that was read.
pub(crate) async fn joined(
    args: &Args,
    database: &Database,
) -> anyhow::Result<(Joined, Report, Vec<vex::Document>)> {
    let platform = args
        .platform
        .as_deref()
        .map(str::parse::<Platform>)
        .transpose()?;
    let bases = match &args.bases {
        Some(path) => Ok(bases::known(path)?),
        None => database.bases(),
    };
    let progress = Progress::new(args.quiet);
    let path = Path::new(&args.image);
    let (joined, attached) = if path.is_file() {
        if args.vex.vex_attached && !args.quiet {
            eprintln!("warning: nothing is attached to an archive: --vex-attached has no effect");
        }
        let (path, name) = (path.to_owned(), args.name.clone());
        let progress = progress.clone();
        let joined = tokio::task::spawn_blocking(move || {
            archive(&path, name.as_deref(), platform.as_ref(), &bases, &progress)
        })
        .await??;
        (joined, Vec::new())
    } else {
        image(args, platform.as_ref(), &bases, &progress).await?
    };
    progress.end();
    let mut report = joined.report(&now()?.to_string());
    pull::match_with(&mut report, database);
    Ok((joined, report, attached))
}

/// The clock.
pub(crate) fn now() -> anyhow::Result<Timestamp> {
    let millis = i64::try_from(transport::now().as_millis()).unwrap_or_default();
    Timestamp::from_millisecond(millis).context("reading the clock")
}

fn archive(
    path: &Path,
    name: Option<&str>,
    platform: Option<&Platform>,
    bases: &Bases,
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
    let (mut plan, layers) = job
        .finish(&file_name, name, platform)
        .with_context(|| format!("reading {}", path.display()))?;
    plan.know_bases(bases);
    Ok(Joined::new(plan, layers))
}

async fn image(
    args: &Args,
    platform: Option<&Platform>,
    bases: &Bases,
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
    let digests = [found.digest.clone(), found.index_digest.clone()];
    let image = Pull {
        transport: &transport,
        session: &session,
        repository: reference.repository(),
        places: &pull::places(0),
        bases,
        progress,
    };
    let joined = image.read(found, &manifest).await?;
    let documents = if args.vex.vex_attached {
        let digests: Vec<Digest> = digests.into_iter().flatten().collect();
        attached(&transport, &session, &reference, &digests, args.quiet).await
    } else {
        Vec::new()
    };
    Ok((joined, documents))
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
