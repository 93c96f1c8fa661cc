//! Whether an image passes: by its policy, VEX documents and custom rules.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use jiff::Timestamp;
use lamina_policy::{CustomOutcome, MAX_VEX_BYTES, Policy, Threshold, vex::Document};
use lamina_rego::Outcome;
use lamina_report::{formats::Judged, model::Report, verdict};

use crate::rego;

/// Arguments about what others say of an image.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct VexArgs {
    /// A VEX document (OpenVEX, CSAF or CycloneDX; also an attestation of OpenVEX) whose statements
    /// count; may be given several times (docs/vex.md).
    #[arg(long, value_name = "FILE")]
    pub vex: Vec<PathBuf>,

    /// Also counts the OpenVEX documents that are attached to the image in its registry. Their
    /// signatures are NOT checked: whoever may push to the repository may attach one, and so silence
    /// findings.
    #[arg(long)]
    pub vex_attached: bool,
}

impl VexArgs {
    /// Reads the files; complaints about what they say go to standard error.
    ///
    /// # Errors
    /// When a file cannot be read, or is no VEX document.
    pub fn read(&self, is_quiet: bool) -> anyhow::Result<Vec<Document>> {
        let documents = self.vex.iter().map(|path| {
            let document = read(path).with_context(|| format!("reading {}", path.display()))?;
            if !is_quiet {
                complain(&path.display().to_string(), &document);
            }
            Ok(document)
        });
        documents.collect()
    }
}

/// The policy of a file, or the default one, with what the command line adds.
///
/// # Errors
/// When the file cannot be read, or is no policy.
pub(crate) fn policy(
    path: Option<&Path>,
    fail_on: Option<Threshold>,
    ignore_unfixed: bool,
) -> anyhow::Result<Policy> {
    let mut policy = match path {
        Some(path) => {
            let about = || format!("reading {}", path.display());
            let text = std::fs::read_to_string(path).with_context(about)?;
            Policy::parse(&text).with_context(about)?
        }
        None => Policy::default(),
    };
    if let Some(threshold) = fail_on {
        policy.fail_on = threshold;
    }
    policy.fixable_only |= ignore_unfixed;
    Ok(policy)
}

/// Writes a document to a file, or prints it.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(path: Option<&Path>, text: &str) -> anyhow::Result<()> {
    match path {
        Some(path) => {
            std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
        }
        None => std::io::stdout()
            .write_all(text.as_bytes())
            .context("writing the report"),
    }
}

fn read(path: &Path) -> anyhow::Result<Document> {
    let bytes = std::fs::metadata(path)?.len();
    anyhow::ensure!(
        bytes <= MAX_VEX_BYTES as u64,
        "it has {bytes} bytes, more than {MAX_VEX_BYTES}"
    );
    Ok(Document::parse(&std::fs::read(path)?)?)
}

/// Says what of a document could not be used.
pub(crate) fn complain(name: &str, document: &Document) {
    for note in document.notes() {
        eprintln!("warning: {name}: {note}");
    }
}

/// Judges a report by a policy, with what VEX documents and the policy's custom rules say.
///
/// Custom rules are judged in a process of this program ([`rego`]), so that it has to be `lamina`;
/// elsewhere use [`judge_with`].
pub fn judge<'a>(
    policy: &'a Policy,
    report: &'a Report,
    documents: &[Document],
    now: Timestamp,
) -> Judged<'a> {
    if policy.rules.is_empty() {
        return with_outcomes(policy, report, documents, now, &[]);
    }
    match std::env::current_exe() {
        Ok(program) => judge_with(&program, policy, report, documents, now),
        Err(error) => {
            let outcomes = failed(policy, &format!("it cannot be judged: {error}"));
            with_outcomes(policy, report, documents, now, &outcomes)
        }
    }
}

/// The same with the program that judges custom rules, `lamina`.
pub fn judge_with<'a>(
    program: &Path,
    policy: &'a Policy,
    report: &'a Report,
    documents: &[Document],
    now: Timestamp,
) -> Judged<'a> {
    let outcomes = match serde_json::to_string(report) {
        Ok(text) => rego::judge(program, &policy.rules, &text, now),
        Err(error) => failed(policy, &format!("the report cannot be written: {error}")),
    };
    with_outcomes(policy, report, documents, now, &outcomes)
}

/// All custom rules fail for the same reason.
fn failed(policy: &Policy, reason: &str) -> Vec<Outcome> {
    let rules = policy.rules.iter();
    rules
        .map(|rule| Outcome::failed(&rule.name, reason))
        .collect()
}

fn with_outcomes<'a>(
    policy: &'a Policy,
    report: &'a Report,
    documents: &[Document],
    now: Timestamp,
    outcomes: &[Outcome],
) -> Judged<'a> {
    let custom = outcomes
        .iter()
        .map(|outcome| CustomOutcome {
            name: &outcome.name,
            level: outcome.level,
            reason: outcome.reason(),
        })
        .collect();
    let subject = verdict::subject_with(report, documents, custom);
    Judged {
        report,
        policy,
        verdict: lamina_policy::evaluate(policy, &subject, now),
        now,
    }
}
