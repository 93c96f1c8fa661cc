//! `lamina compare`: what changed from one image to another.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::ValueEnum;
use lamina_policy::{Threshold, vex::Document};
use lamina_report::{
    compare::{
        self,
        files::{self, FileList},
        platforms, render,
    },
    limits::MAX_REPORT_BYTES,
    link,
    model::{FORMAT, Report},
};

use crate::{
    command::Outcome,
    credentials::RegistryArgs,
    database::{Database, TrustArgs},
    judge::{self, VexArgs},
    scan,
};

/// What `--help` says of the exit status.
pub const EXIT_STATUS: &str = "\
Exit status:
  0  B introduces no finding and no issue that fails the policy (with --platforms: all pass it)
  1  there is no comparison: an image, a report, the database or the policy could not be read
  2  B introduces something that fails the policy (with --platforms: one of them fails it)

What A has already, and what became known only after A was scanned, is not B's fault: a pull request
that changes nothing stays green when an advisory is published. `lamina scan` judges B by itself.";

/// Arguments of `lamina compare`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// What there was: a reference, the path of an archive, a report that `lamina scan --format json`
    /// wrote, or a share link.
    pub a: String,

    /// What there is now, likewise.
    #[arg(required_unless_present = "platforms")]
    pub b: Option<String>,

    /// Compares all platforms that A offers, in place of two images.
    #[arg(long, conflicts_with_all = ["b", "platform", "to_platform"])]
    pub platforms: bool,

    /// The platform to scan, of images that have several: `linux/arm64`.
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,

    /// The platform of B, if it is another than A's.
    #[arg(long, value_name = "OS/ARCH")]
    pub to_platform: Option<String>,

    /// How to write it.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,

    /// Where to write it, instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// The advisory database, as `lamina db build`, `update` or `export` wrote it. Reports are matched
    /// again with --match-again.
    #[arg(long, value_name = "DIR|FILE", env = "LAMINA_DB")]
    pub db: Option<PathBuf>,

    /// Asks the database about reports too, so that both sides know the same advisories.
    #[arg(long)]
    pub match_again: bool,

    /// Whose databases are trusted.
    #[command(flatten)]
    pub trust: TrustArgs,

    /// A list of known base images, as `lamina bases` wrote it.
    #[arg(long, value_name = "FILE")]
    pub bases: Option<PathBuf>,

    /// A policy, in YAML or JSON (docs/policy.md).
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,

    /// The mildest severity that fails an image: negligible, low, medium, high, critical or never.
    #[arg(long, value_name = "SEVERITY")]
    pub fail_on: Option<Threshold>,

    /// Leaves findings without a fixed version out of the verdicts.
    #[arg(long)]
    pub ignore_unfixed: bool,

    /// What others say of the images.
    #[command(flatten)]
    pub vex: VexArgs,

    /// No progress on standard error.
    #[arg(long, short)]
    pub quiet: bool,

    /// How to reach the registry.
    #[command(flatten)]
    pub registry: RegistryArgs,
}

/// How to write a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people at a terminal.
    Table,
    /// Everything.
    Json,
    /// For a pull request or a wiki.
    Markdown,
}

impl Args {
    /// The arguments of a scan of one of the two.
    fn scan(&self, image: &str, platform: Option<&str>) -> scan::Args {
        scan::Args {
            image: image.to_owned(),
            platform: platform.map(str::to_owned),
            name: None,
            format: "json".to_owned(),
            output: None,
            db: self.db.clone(),
            trust: self.trust.clone(),
            bases: self.bases.clone(),
            policy: self.policy.clone(),
            fail_on: self.fail_on,
            ignore_unfixed: self.ignore_unfixed,
            vex: self.vex.clone(),
            quiet: self.quiet,
            registry: self.registry.clone(),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When there is no comparison: one of the two, the database or the policy cannot be read.
pub async fn run(args: Args) -> anyhow::Result<Outcome> {
    let database = Database::open(args.db.as_deref(), &args.trust)?;
    if args.platforms {
        return platforms_of(&args, &database).await;
    }
    let b = args
        .b
        .as_deref()
        .context("there is nothing to compare with")?;
    let platform = args.platform.as_deref();
    let to_platform = args.to_platform.as_deref().or(platform);
    let policy = judge::policy(args.policy.as_deref(), args.fail_on, args.ignore_unfixed)?;
    let documents = args.vex.read(args.quiet)?;
    let (of_a, attached_a, files_a) = read(&args, &database, &args.a, platform).await?;
    let (of_b, attached_b, files_b) = read(&args, &database, b, to_platform).await?;
    let now = scan::now()?;
    let all = |attached: Vec<Document>| [documents.as_slice(), &attached].concat();
    let before = judge::judge(&policy, &of_a, &all(attached_a), now);
    let after = judge::judge(&policy, &of_b, &all(attached_b), now);
    let mut comparison = compare::compare(&before, &after);
    comparison.files = files_a.zip(files_b).map(|(a, b)| files::compare(&a, &b));
    let text = match args.format {
        Format::Table => render::table(&comparison),
        Format::Markdown => render::markdown(&comparison),
        Format::Json => json(&comparison)?,
    };
    judge::write(args.output.as_deref(), &text)?;
    Ok(if comparison.introduces_failing() {
        Outcome::PolicyFailed
    } else {
        Outcome::Passed
    })
}

async fn platforms_of(args: &Args, database: &Database) -> anyhow::Result<Outcome> {
    let policy = judge::policy(args.policy.as_deref(), args.fail_on, args.ignore_unfixed)?;
    let documents = args.vex.read(args.quiet)?;
    let (first, attached) = scan::report(&args.scan(&args.a, None), database).await?;
    let mut scanned = vec![(first, attached)];
    let mut failed = Vec::new();
    let mut offered = scanned
        .first()
        .map(|(report, _)| report.image.platforms.clone())
        .unwrap_or_default();
    offered.dedup();
    for platform in &offered {
        if scanned
            .iter()
            .any(|(report, _)| report.image.platform == *platform)
        {
            continue;
        }
        match scan::report(&args.scan(&args.a, Some(platform)), database).await {
            Ok(one) => scanned.push(one),
            Err(error) => failed.push((platform.clone(), format!("{error:#}"))),
        }
    }
    let place = |report: &Report| offered.iter().position(|it| *it == report.image.platform);
    scanned.sort_by_key(|(report, _)| place(report));
    let now = scan::now()?;
    let judged: Vec<_> = scanned
        .iter()
        .map(|(report, attached)| {
            let documents = [documents.as_slice(), attached].concat();
            judge::judge(&policy, report, &documents, now)
        })
        .collect();
    let compared = platforms::platforms(&judged, failed);
    let text = match args.format {
        Format::Table => render::platforms_table(&compared),
        Format::Markdown => render::platforms_markdown(&compared),
        Format::Json => json(&compared)?,
    };
    judge::write(args.output.as_deref(), &text)?;
    if !compared.failed.is_empty() {
        bail!(
            "{} of the platforms could not be scanned",
            compared.failed.len()
        );
    }
    Ok(if compared.platforms.iter().all(|side| side.passed) {
        Outcome::Passed
    } else {
        Outcome::PolicyFailed
    })
}

/// One of the two: a report as it is, or an image, scanned, with its files.
async fn read(
    args: &Args,
    database: &Database,
    what: &str,
    platform: Option<&str>,
) -> anyhow::Result<(Report, Vec<Document>, Option<FileList>)> {
    let report = match what.split_once("#r=") {
        Some((_, text)) => {
            let text = text.split('&').next().unwrap_or_default();
            Some(link::decode(text).context("reading the link")?.report)
        }
        None => file(Path::new(what)).with_context(|| format!("reading {what}"))?,
    };
    let Some(mut report) = report else {
        let (joined, report, attached) = scan::joined(&args.scan(what, platform), database)
            .await
            .with_context(|| format!("scanning {what}"))?;
        return Ok((report, attached, Some(joined.file_list())));
    };
    if args.match_again {
        crate::pull::match_with(&mut report, database);
    }
    Ok((report, Vec::new(), None))
}

/// A file that holds a report; `None` if it is none, or no JSON.
fn file(path: &Path) -> anyhow::Result<Option<Report>> {
    use std::io::Read as _;
    if !path.is_file() {
        return Ok(None);
    }
    let mut file = std::fs::File::open(path)?;
    let mut start = [0; 64];
    let length = file.read(&mut start)?;
    let start = start.get(..length).unwrap_or_default();
    if start.trim_ascii_start().first() != Some(&b'{') {
        return Ok(None);
    }
    let bytes = file.metadata()?.len();
    ensure!(
        bytes <= MAX_REPORT_BYTES as u64,
        "it has {bytes} bytes, more than the {MAX_REPORT_BYTES} of a report"
    );
    let report: Report = serde_json::from_slice(&std::fs::read(path)?)
        .context("it is JSON, but no report that \"lamina scan --format json\" wrote")?;
    ensure!(
        report.format <= FORMAT,
        "the report has format {}, this lamina reads {FORMAT}",
        report.format
    );
    Ok(Some(report))
}

fn json(value: &impl serde::Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
