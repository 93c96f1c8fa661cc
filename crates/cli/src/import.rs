//! `lamina import`: another tool's report, in any of our formats or beside ours.

use std::{
    fmt::Write as _,
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::builder::{PossibleValue, PossibleValuesParser};
use lamina_policy::{Threshold, vex::Document};
use lamina_report::{
    beside::{self, Beside, Row, Side},
    formats,
    imports::{self, SOURCES},
    limits::MAX_IMPORT_BYTES,
    model::Report,
};

use crate::{
    command::Outcome,
    judge::{self, VexArgs},
    scan::format_names,
    transport,
};

/// What `--help` says at its end.
pub const AFTER_HELP: &str = "\
Exit status:
  0  the report passes the policy (or is not judged: SBOM formats and --with, without --fail-on and --policy)
  1  there is no report: a file or the policy could not be read
  2  the report is written, and fails the policy

docs/imports.md says what each format tells, and what it does not.";

/// Arguments of `lamina import`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The other tool's report; `-` reads standard input.
    pub file: PathBuf,

    /// Whose report it is, if what is in it does not tell.
    #[arg(long, value_parser = source_names())]
    pub from: Option<String>,

    /// How to write it; with --with, `table` or `json`.
    #[arg(long, default_value = "table", value_parser = format_names())]
    pub format: String,

    /// Our report of the same image (`lamina scan --format json`): prints what both found, what only one
    /// found, and why.
    #[arg(long, value_name = "REPORT.json")]
    pub with: Option<PathBuf>,

    /// Where to write it, instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// A policy, in YAML or JSON (docs/policy.md). With --with, ours is judged by it.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,

    /// The mildest severity that fails the image: negligible, low, medium, high, critical or never.
    #[arg(long, value_name = "SEVERITY")]
    pub fail_on: Option<Threshold>,

    /// Leaves findings without a fixed version out of the verdict.
    #[arg(long)]
    pub ignore_unfixed: bool,

    /// A VEX document whose statements count; may be given several times (docs/vex.md).
    #[arg(long, value_name = "FILE")]
    pub vex: Vec<PathBuf>,

    /// No remarks on standard error.
    #[arg(long, short)]
    pub quiet: bool,
}

fn source_names() -> PossibleValuesParser {
    let sources = SOURCES.iter();
    PossibleValuesParser::new(
        sources.map(|source| PossibleValue::new(source.id()).help(source.about())),
    )
}

/// Runs the command.
///
/// # Errors
/// When a file cannot be read, or is no report.
pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let policy = judge::policy(args.policy.as_deref(), args.fail_on, args.ignore_unfixed)?;
    let vex = VexArgs {
        vex: args.vex.clone(),
        vex_attached: false,
    };
    let documents = vex.read(args.quiet)?;
    let now = transport::clock()?;
    let theirs = read(&args.file, args.from.as_deref())?;
    let is_asked = args.fail_on.is_some() || args.policy.is_some();
    let Some(with) = &args.with else {
        if let Some(imported) = theirs.imported.as_ref().filter(|_| !args.quiet) {
            eprintln!("read as a report of {}", imported.title());
            for remark in &imported.remarks {
                eprintln!("note: {remark}");
            }
        }
        let format = formats::by_id(&args.format).context("unknown format")?;
        let judged = judge::judge(&policy, &theirs, &documents, now);
        judge::write(args.output.as_deref(), &format.render(&judged))?;
        return Ok(outcome(
            format.has_verdict() || is_asked,
            judged.verdict.passed,
        ));
    };
    let ours = read(with, None)?;
    if ours.imported.is_some() {
        bail!(
            "{} is no report of Lamina's: make one with `lamina scan --format json`",
            with.display()
        );
    }
    let (beside, passed) = compare(&policy, &ours, &theirs, &documents, now);
    let text = match args.format.as_str() {
        "table" => table(&beside),
        "json" => {
            let mut text = serde_json::to_string_pretty(&beside)?;
            text.push('\n');
            text
        }
        other => bail!("a comparison is written as table or json, not as {other}"),
    };
    judge::write(args.output.as_deref(), &text)?;
    Ok(outcome(is_asked, passed))
}

fn outcome(is_judged: bool, passed: bool) -> Outcome {
    if is_judged && !passed {
        Outcome::PolicyFailed
    } else {
        Outcome::Passed
    }
}

fn compare(
    policy: &lamina_policy::Policy,
    ours: &Report,
    theirs: &Report,
    documents: &[Document],
    now: jiff::Timestamp,
) -> (Beside, bool) {
    let judged = judge::judge(policy, ours, documents, now);
    let not_counted = beside::not_counted(&judged);
    (
        beside::compare(ours, theirs, &not_counted),
        judged.verdict.passed,
    )
}

/// Reads a report, no further than one may be long.
fn read(path: &Path, from: Option<&str>) -> anyhow::Result<Report> {
    let about = || format!("reading {}", path.display());
    let limit = u64::try_from(MAX_IMPORT_BYTES)?.saturating_add(1);
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().take(limit).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path)
            .with_context(about)?
            .take(limit)
            .read_to_end(&mut bytes)
    }
    .with_context(about)?;
    let source = from.and_then(imports::by_id);
    match source {
        Some(source) => imports::read_with(source, &bytes),
        None => imports::read(&bytes),
    }
    .with_context(about)
}

/// The comparison for people.
fn table(beside: &Beside) -> String {
    let mut text = String::new();
    let counts = Side::ALL.map(|side| beside.count(side));
    let [agreed, theirs, ours] = counts;
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{} beside ours: {agreed} found by both, {theirs} only by theirs, {ours} only by ours",
        beside.tool
    );
    for remark in &beside.remarks {
        let _ = writeln!(text, "  {remark}");
    }
    for side in Side::ALL {
        let rows: Vec<&Row> = beside.of(side).collect();
        if rows.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{} ({})", side.title(), rows.len());
        for (cause, count) in beside.causes(side) {
            let _ = writeln!(text, "  {count:>5}  {}", cause.title());
        }
        let width = |part: fn(&Row) -> &str| {
            let widths = rows.iter().map(|row| part(row).chars().count());
            widths.max().unwrap_or_default().min(48)
        };
        let (ids, packages) = (width(|row| &row.id), width(|row| &row.package));
        let _ = writeln!(text);
        for row in rows {
            let severity = row.severity().word();
            let why = row.reasons.iter().map(|reason| {
                if reason.detail.is_empty() {
                    reason.cause.title().to_owned()
                } else {
                    format!("{} ({})", reason.cause.title(), reason.detail)
                }
            });
            let why = why.collect::<Vec<_>>().join("; ");
            let line = format!(
                "  {severity:<10}  {:<ids$}  {:<packages$}  {why}",
                row.id, row.package
            );
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    text
}
