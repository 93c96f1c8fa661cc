//! Two reports side by side: two images, tags, platforms, or the same image on two days.
//!
//! `a` is what there was, `b` what there is now. Packages are the same by kind and name, findings by
//! vulnerability and package, whatever the package's version: what an upgrade does not mend stays the
//! same finding. A finding in the very same package of both images that only `b` reports was not brought
//! by `b`: its advisory is newer than `a`'s scan or database, and it is *newly disclosed*.

mod config;
pub mod files;
mod findings;
mod layers;
mod packages;
pub mod platforms;
pub mod render;

use lamina_inventory::severity::Severity;
use serde::{Deserialize, Serialize};

pub use config::ConfigChange;
pub use findings::{FindingChange, FindingFate, IssueChange, IssueFate};
pub use layers::{LayerOfOne, LayersCompared};
pub use packages::{PackageChange, PackageFate};

use crate::{
    formats::Judged,
    model::{LeftOutPart, Report},
};

/// What changed from one report to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// What there was.
    pub a: Side,
    /// What there is now.
    pub b: Side,
    /// Packages that are not the same, by kind and name.
    pub packages: Vec<PackageChange>,
    /// Packages of which both have the same versions.
    pub same_packages: usize,
    /// Findings of both, those that `b` introduces first, each group worst first.
    pub findings: Vec<FindingChange>,
    /// Secrets, misconfigurations and licences of both, likewise.
    pub issues: Vec<IssueChange>,
    /// Which layers both have.
    pub layers: LayersCompared,
    /// What of the configuration is not the same.
    pub config: Vec<ConfigChange>,
    /// How the files differ; `None` where one side is a report, which lists no files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<files::FilesCompared>,
    /// What a reader must know before believing it, in sentences.
    pub notes: Vec<String>,
}

/// One of the two, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// The image's name.
    pub name: String,
    /// Its manifest's digest.
    pub digest: Option<String>,
    /// Its platform.
    pub platform: String,
    /// When it was built, RFC 3339.
    pub created: Option<String>,
    /// The distribution's name for people.
    pub distribution: Option<String>,
    /// When it was scanned, RFC 3339.
    pub scanned_at: String,
    /// When the advisory database was built, RFC 3339; `None` if none was asked.
    pub database: Option<String>,
    /// Its layers.
    pub layers: usize,
    /// Bytes of its layers as they are fetched.
    pub compressed_size: u64,
    /// Bytes of its layers as they are unpacked.
    pub uncompressed_size: u64,
    /// Packages of the merged image; of a report that leaves some out, with these.
    pub packages: u64,
    /// Findings of each severity, the worst first.
    pub findings: Vec<(Severity, usize)>,
    /// Whether the policy passes it.
    pub passed: bool,
    /// The rules that fail it.
    pub failed_rules: Vec<String>,
}

impl Side {
    /// Reads it off a report.
    pub fn of(judged: &Judged<'_>) -> Self {
        let report = judged.report;
        let present = report
            .packages
            .iter()
            .filter(|package| package.removed_in.is_none());
        let left_out = report.left_out.iter();
        let left_out: u64 = left_out
            .filter(|left_out| left_out.what == LeftOutPart::Packages)
            .map(|left_out| left_out.count)
            .sum();
        let findings = Severity::WORST_FIRST.iter().map(|severity| {
            let findings = report.findings.iter();
            let count = findings
                .filter(|finding| finding.severity == *severity)
                .count();
            (*severity, count)
        });
        let failed = judged.verdict.rules.iter().filter(|rule| rule.is_failed());
        Self {
            name: report.image.name.clone(),
            digest: report.image.digest.clone(),
            platform: report.image.platform.clone(),
            created: report.image.created.clone(),
            distribution: report
                .distribution
                .as_ref()
                .map(|distribution| distribution.name.clone()),
            scanned_at: report.scanned_at.clone(),
            database: report
                .database
                .as_ref()
                .map(|database| database.built_at.clone()),
            layers: report.layers.len(),
            compressed_size: report
                .layers
                .iter()
                .map(|layer| layer.compressed_size)
                .sum(),
            uncompressed_size: report
                .layers
                .iter()
                .map(|layer| layer.uncompressed_size)
                .sum(),
            packages: u64::try_from(present.count()).unwrap_or(u64::MAX) + left_out,
            findings: findings.collect(),
            passed: judged.verdict.passed,
            failed_rules: failed.map(|rule| rule.rule.to_string()).collect(),
        }
    }

    /// All findings.
    pub fn finding_count(&self) -> usize {
        self.findings.iter().map(|(_, count)| count).sum()
    }
}

impl Comparison {
    /// How many findings have this fate.
    pub fn count(&self, fate: FindingFate) -> usize {
        let findings = self.findings.iter();
        findings.filter(|finding| finding.fate == fate).count()
    }

    /// The rules that fail `b`, but not `a`.
    pub fn newly_failed(&self) -> Vec<&str> {
        let rules = self.b.failed_rules.iter();
        rules
            .filter(|rule| !self.a.failed_rules.contains(rule))
            .map(String::as_str)
            .collect()
    }

    /// Whether `b` introduces a finding or an issue that fails its policy. What was there before, and what
    /// was only disclosed since, is not `b`'s fault.
    pub fn introduces_failing(&self) -> bool {
        let mut findings = self.findings.iter();
        let mut issues = self.issues.iter();
        findings.any(|finding| finding.fate == FindingFate::Introduced && finding.fails)
            || issues.any(|issue| issue.fate == IssueFate::Introduced && issue.fails)
    }
}

/// Compares two reports, each judged by its policy.
pub fn compare(a: &Judged<'_>, b: &Judged<'_>) -> Comparison {
    let (packages, same_packages) = packages::compare(a.report, b.report);
    Comparison {
        packages,
        same_packages,
        findings: findings::compare(a, b),
        issues: findings::compare_issues(a, b),
        layers: layers::compare(a.report, b.report),
        config: config::compare(a.report, b.report),
        files: None,
        notes: notes(a.report, b.report),
        a: Side::of(a),
        b: Side::of(b),
    }
}

fn notes(a: &Report, b: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    match (&a.database, &b.database) {
        (Some(before), Some(now)) if before.digest != now.digest => notes.push(format!(
            "Two advisory databases were asked, of {} and {}: what only one of them knows is told apart where the package is the same",
            day(&before.built_at),
            day(&now.built_at)
        )),
        (None, None) => notes.push("No advisory database was asked: findings are not compared".to_owned()),
        (None, Some(_)) => notes.push("The first report was made without an advisory database: it has no findings".to_owned()),
        (Some(_), None) => notes.push("The second report was made without an advisory database: it has no findings".to_owned()),
        (Some(_), Some(_)) => {}
    }
    for (report, which) in [(a, "first"), (b, "second")] {
        for left_out in &report.left_out {
            if left_out.what == LeftOutPart::Packages {
                notes.push(format!(
                    "The {which} report comes from a link that leaves {} out: packages are compared without them",
                    left_out.words()
                ));
            }
        }
        let unread = report
            .layers
            .iter()
            .filter(|layer| layer.error.is_some())
            .count();
        if unread > 0 {
            notes.push(format!(
                "{unread} of the {which} image's layers could not be read to the end"
            ));
        }
    }
    notes
}

/// The day of a time.
fn day(time: &str) -> &str {
    time.get(..10).unwrap_or(time)
}
