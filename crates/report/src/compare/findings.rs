//! Findings and issues of two reports.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use lamina_inventory::{
    facts::{IssueKind, PackageKind},
    severity::Severity,
};
use serde::{Deserialize, Serialize};

use crate::{
    formats::Judged,
    model::{Finding, Issue, Report},
    text,
};

/// What became of a vulnerability in a package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindingChange {
    /// The id under which it is shown.
    pub id: String,
    /// What became of it.
    pub fate: FindingFate,
    /// Its severity; in the second report, if it is in both.
    pub severity: Severity,
    /// Its severity in the first report, if that was another.
    pub severity_before: Option<Severity>,
    /// The package's kind.
    pub kind: PackageKind,
    /// The package's name.
    pub package: String,
    /// Its version in the first report, if that has the package.
    pub from: Option<String>,
    /// Its version in the second report, if that has the package.
    pub to: Option<String>,
    /// Versions that fix it.
    pub fixed_in: Vec<String>,
    /// One line on what it is.
    pub title: Option<String>,
    /// The day on which it was published.
    pub published: Option<String>,
    /// Whether the policy fails the report that has it for it: the second, if both have it.
    pub fails: bool,
    /// It in the first report.
    pub in_a: Option<usize>,
    /// It in the second report.
    pub in_b: Option<usize>,
}

/// What became of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingFate {
    /// Only the second has it: it came with a package, a version or a distribution.
    Introduced,
    /// Only the second has it, in a package that is the same in both: the advisory is newer than the first
    /// report or its database.
    NewlyDisclosed,
    /// Both have it.
    Same,
    /// Only the first has it, in a package that is the same in both: the second's database does not
    /// say it.
    Withdrawn,
    /// Only the first has it.
    Fixed,
}

impl FindingFate {
    /// All, in the order of lists.
    pub const ALL: [Self; 5] = [
        Self::Introduced,
        Self::NewlyDisclosed,
        Self::Same,
        Self::Withdrawn,
        Self::Fixed,
    ];

    /// The words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Introduced => "introduced",
            Self::NewlyDisclosed => "newly disclosed",
            Self::Same => "same",
            Self::Withdrawn => "no longer reported",
            Self::Fixed => "fixed",
        }
    }
}

/// What became of a secret, misconfiguration or licence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueChange {
    /// Which kind.
    pub kind: IssueKind,
    /// The rule that found it.
    pub rule: String,
    /// What it is.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub place: String,
    /// What became of it.
    pub fate: IssueFate,
    /// Whether the policy fails the report that has it for it: the second, if both have it.
    pub fails: bool,
}

/// What became of an issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IssueFate {
    /// Only the second has it.
    Introduced,
    /// Both have it.
    Same,
    /// Only the first has it.
    Fixed,
}

impl IssueFate {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Introduced => "introduced",
            Self::Same => "same",
            Self::Fixed => "fixed",
        }
    }
}

/// A vulnerability, by the number that all its ids lead to, in a package.
type Key<'a> = (usize, PackageKind, &'a str);

/// A package as it is.
type Exactly<'a> = (PackageKind, &'a str, &'a str);

pub(super) fn compare(a: &Judged<'_>, b: &Judged<'_>) -> Vec<FindingChange> {
    let names = Names::of([a.report, b.report]);
    let (before, now) = (by_key(a.report, &names), by_key(b.report, &names));
    let (fails_a, fails_b) = (fails(a), fails(b));
    let (there_a, there_b) = (exactly(a.report), exactly(b.report));
    let keys: BTreeSet<&Key<'_>> = before.keys().chain(now.keys()).collect();
    let mut changes = Vec::new();
    for key in keys {
        let (in_a, in_b) = (before.get(key).copied(), now.get(key).copied());
        let found = |report: &'_ Report, index: Option<usize>| -> Option<(Finding, String)> {
            let finding = report.findings.get(index?)?;
            let package = report.packages.get(finding.package)?;
            Some((finding.clone(), package.version.clone()))
        };
        let (of_a, of_b) = (found(a.report, in_a), found(b.report, in_b));
        let Some((finding, version)) = of_b.as_ref().or(of_a.as_ref()) else {
            continue;
        };
        let (_, kind, package) = *key;
        let exact = (kind, package, version.as_str());
        let is_in_both = there_a.contains(&exact) && there_b.contains(&exact);
        let fate = match (&of_a, &of_b) {
            (Some(_), Some(_)) => FindingFate::Same,
            (None, _) if is_in_both && is_newer(finding, a.report, b.report) => {
                FindingFate::NewlyDisclosed
            }
            (None, _) => FindingFate::Introduced,
            (_, None) if is_in_both && is_other_database(a.report, b.report) => {
                FindingFate::Withdrawn
            }
            (_, None) => FindingFate::Fixed,
        };
        let severity_before = of_a
            .as_ref()
            .map(|(before, _)| before.severity)
            .filter(|before| *before != finding.severity);
        let fails = match in_b {
            Some(index) => fails_b.contains(&index),
            None => in_a.is_some_and(|index| fails_a.contains(&index)),
        };
        changes.push(FindingChange {
            id: finding.id.clone(),
            fate,
            severity: finding.severity,
            severity_before,
            kind,
            package: package.to_owned(),
            from: of_a
                .as_ref()
                .map(|(_, version)| version.clone())
                .or_else(|| version_in(a.report, kind, package)),
            to: of_b
                .as_ref()
                .map(|(_, version)| version.clone())
                .or_else(|| version_in(b.report, kind, package)),
            fixed_in: finding.fixed_in.clone(),
            title: finding.title.clone(),
            published: finding.published.clone(),
            fails,
            in_a,
            in_b,
        });
    }
    changes.sort_by(|a, b| {
        (a.fate, Reverse(a.severity), &a.package, &a.id).cmp(&(
            b.fate,
            Reverse(b.severity),
            &b.package,
            &b.id,
        ))
    });
    changes
}

/// Whether the first report could not have it: its advisory was published after it was made, or its
/// database is older than the second's.
fn is_newer(finding: &Finding, a: &Report, b: &Report) -> bool {
    let day = |time: &str| time.get(..10).unwrap_or_default().to_owned();
    let is_published_later = finding
        .published
        .as_ref()
        .is_some_and(|published| !a.scanned_at.is_empty() && *published > day(&a.scanned_at));
    let is_older_database = match (&a.database, &b.database) {
        (Some(a), Some(b)) => a.digest != b.digest && a.built_at < b.built_at,
        (None, Some(_)) => true,
        _ => false,
    };
    is_published_later || is_older_database
}

fn is_other_database(a: &Report, b: &Report) -> bool {
    let digest = |report: &Report| {
        report
            .database
            .as_ref()
            .map(|database| database.digest.clone())
    };
    digest(a) != digest(b)
}

fn version_in(report: &Report, kind: PackageKind, name: &str) -> Option<String> {
    let mut packages = report.packages.iter();
    packages
        .find(|package| {
            package.removed_in.is_none() && package.kind == kind && package.name == name
        })
        .map(|package| package.version.clone())
}

fn by_key<'a>(report: &'a Report, names: &Names) -> BTreeMap<Key<'a>, usize> {
    let mut all = BTreeMap::new();
    for (index, finding) in report.findings.iter().enumerate() {
        if let Some(package) = report.packages.get(finding.package) {
            let key = (
                names.number(&finding.id),
                package.kind,
                package.name.as_str(),
            );
            all.entry(key).or_insert(index);
        }
    }
    all
}

fn exactly(report: &Report) -> BTreeSet<Exactly<'_>> {
    let packages = report.packages.iter();
    packages
        .filter(|package| package.removed_in.is_none())
        .map(|package| {
            (
                package.kind,
                package.name.as_str(),
                package.version.as_str(),
            )
        })
        .collect()
}

/// The findings that a failing rule names.
fn fails(judged: &Judged<'_>) -> BTreeSet<usize> {
    let failed = judged.verdict.rules.iter().filter(|rule| rule.is_failed());
    failed
        .flat_map(|rule| rule.findings.iter().copied())
        .collect()
}

/// Ids that mean one vulnerability have one number. Only CVE ids join: one GHSA advisory may be about
/// several CVEs.
struct Names {
    numbers: HashMap<String, usize>,
}

impl Names {
    fn of(reports: [&Report; 2]) -> Self {
        let mut numbers: HashMap<String, usize> = HashMap::new();
        let findings = reports.into_iter().flat_map(|report| &report.findings);
        // Those that are shown by a CVE first: what is shown by another id joins its one CVE.
        let mut next = 0;
        for finding in findings.clone() {
            numbers.entry(finding.id.clone()).or_insert_with(|| {
                next += 1;
                next
            });
        }
        for finding in findings {
            if finding.id.starts_with("CVE-") {
                continue;
            }
            let mut cves = finding
                .aliases
                .iter()
                .filter(|alias| alias.starts_with("CVE-"));
            if let (Some(cve), None) = (cves.next(), cves.next())
                && let Some(number) = numbers.get(cve).copied()
            {
                numbers.insert(finding.id.clone(), number);
            }
        }
        Self { numbers }
    }

    fn number(&self, id: &str) -> usize {
        self.numbers.get(id).copied().unwrap_or_default()
    }
}

pub(super) fn compare_issues(a: &Judged<'_>, b: &Judged<'_>) -> Vec<IssueChange> {
    let key = |issue: &Issue| {
        let place = &issue.place;
        (
            issue.rule.clone(),
            place.file.clone(),
            place.config.clone(),
            issue.title.clone(),
        )
    };
    let fails = |judged: &Judged<'_>| -> BTreeSet<usize> {
        let failed = judged.verdict.rules.iter().filter(|rule| rule.is_failed());
        failed
            .flat_map(|rule| rule.issues.iter().copied())
            .collect()
    };
    let (fails_a, fails_b) = (fails(a), fails(b));
    let before: BTreeSet<_> = a.report.issues.iter().map(key).collect();
    let now: BTreeSet<_> = b.report.issues.iter().map(key).collect();
    let change = |issue: &Issue, fate: IssueFate, fails: bool| IssueChange {
        kind: issue.kind,
        rule: issue.rule.clone(),
        title: issue.title.clone(),
        severity: issue.severity,
        place: text::place(issue),
        fate,
        fails,
    };
    let mut changes = Vec::new();
    for (index, issue) in b.report.issues.iter().enumerate() {
        let fate = if before.contains(&key(issue)) {
            IssueFate::Same
        } else {
            IssueFate::Introduced
        };
        changes.push(change(issue, fate, fails_b.contains(&index)));
    }
    for (index, issue) in a.report.issues.iter().enumerate() {
        if !now.contains(&key(issue)) {
            changes.push(change(issue, IssueFate::Fixed, fails_a.contains(&index)));
        }
    }
    changes.sort_by_key(|change| (change.fate, Reverse(change.severity)));
    changes
}
