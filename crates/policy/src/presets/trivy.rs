//! Trivy: a command that fails where anything is left after its filters.
//!
//! The rules are those of aquasecurity/trivy `pkg/result/{filter,ignore}.go`,
//! `pkg/commands/operation/operation.go`, `pkg/flag/{report,vulnerability}_flags.go`, `pkg/purl/purl.go`
//! and aquasecurity/trivy-db `pkg/types/status.go` (read at dc3c56e, 2026; the table of ignore files is
//! checked against a Trivy program, see docs/presets.md).
//!
//! How it sees a finding:
//! - **id**: the CVE where there is one, else the source's id. Compared letter by letter; aliases do
//!   not count.
//! - **severity**: there is no `NEGLIGIBLE`: what Debian calls unimportant and Ubuntu negligible is
//!   `LOW`.
//! - **status**: see [`Status::of`].
//! - **paths** are compared with the result's target and the package's path. Packages of the
//!   distribution have no path, and one target: the image with its distribution. Of language packages
//!   both are the file, or the target is the language (`Node.js`).

use std::collections::HashSet;

use jiff::Timestamp;
use lamina_inventory::{facts::IssueKind, severity::Severity as OurSeverity};
use serde::{Deserialize, Serialize};

use super::{
    Decision, Export, ExportFile, ImportError, Moment, Preset, Translated,
    shared::{
        self, ById, Glob, MAX_RULES, Purl, as_written, check_count, check_size, cve_or_id, end_of,
        image_word, is_only_ours, is_os, is_pattern, left_out, note_id, plural, policy_loss,
        purl_type, quoted, scalar, vex_of,
    },
};
use crate::{
    Choice, Exception, Finding, Gap, Issue, OtherThreshold, Pattern, Policy, Status as OurStatus,
    Subject, Threshold,
};

mod file;

pub use file::{read, read_plain};

pub(super) const ID: &str = "trivy";

/// The preset.
pub(super) struct Trivy;

/// What the command line and the ignore file say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Settings {
    /// The severities that are looked at (`--severity`).
    pub severity: Vec<Severity>,
    /// Whether what is not fixed is ignored (`--ignore-unfixed`); without effect beside
    /// `ignore-status`.
    pub ignore_unfixed: bool,
    /// Statuses that are ignored (`--ignore-status`).
    pub ignore_status: Vec<Status>,
    /// The exit code where something is left; 0 never fails.
    pub exit_code: u8,
    /// The exit code where the distribution is no longer looked after; 0 does not ask.
    pub exit_on_eol: u8,
    /// What is looked for (`--scanners`).
    pub scanners: Vec<Scanner>,
    /// Licences that are ignored (`--ignored-licenses`).
    pub ignored_licenses: Vec<String>,
    /// The ignore file.
    pub ignore: IgnoreFile,
}

impl Default for Settings {
    /// As the command without options, which shows everything and never fails.
    fn default() -> Self {
        Self {
            severity: Severity::ALL.to_vec(),
            ignore_unfixed: false,
            ignore_status: Vec::new(),
            exit_code: 0,
            exit_on_eol: 0,
            scanners: vec![Scanner::Vuln, Scanner::Secret],
            ignored_licenses: Vec::new(),
            ignore: IgnoreFile::default(),
        }
    }
}

impl Settings {
    pub(super) fn check(&self) -> Result<(), ImportError> {
        let file = &self.ignore;
        for list in [
            &file.vulnerabilities,
            &file.misconfigurations,
            &file.secrets,
            &file.licenses,
        ] {
            check_count("entries", list.len(), MAX_RULES)?;
            for entry in list {
                check_count("paths of one entry", entry.paths.len(), MAX_OF_ENTRY)?;
                check_count("purls of one entry", entry.purls.len(), MAX_OF_ENTRY)?;
            }
        }
        check_count("licences", self.ignored_licenses.len(), MAX_OF_ENTRY)?;
        check_count("severities", self.severity.len(), MAX_OF_ENTRY)?;
        check_count("statuses", self.ignore_status.len(), MAX_OF_ENTRY)
    }
}

/// Paths, or purls, of one entry.
const MAX_OF_ENTRY: usize = 1_000;

/// The entries of an ignore file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct IgnoreFile {
    /// For vulnerabilities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vulnerabilities: Vec<IgnoreFinding>,
    /// For misconfigurations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub misconfigurations: Vec<IgnoreFinding>,
    /// For secrets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<IgnoreFinding>,
    /// For licences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<IgnoreFinding>,
}

/// An entry: all that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct IgnoreFinding {
    /// The id, compared letter by letter.
    pub id: String,
    /// Patterns of paths, of which one must match; all if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Purls, of which one must match; all if empty. Only for vulnerabilities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub purls: Vec<String>,
    /// When it stops counting: the moment itself still counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired_at: Option<Moment>,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub statement: String,
}

impl IgnoreFinding {
    fn is_expired(&self, now: Timestamp) -> bool {
        self.expired_at.is_some_and(|moment| moment.0 < now)
    }
}

/// Trivy's severities, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// Nobody has said.
    Unknown,
    /// Low, and what others call negligible.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

impl Severity {
    /// All of them: the default.
    pub const ALL: [Self; 5] = [
        Self::Unknown,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Critical,
    ];

    /// What ours is there.
    pub fn of(severity: OurSeverity) -> Self {
        match severity {
            OurSeverity::Unknown => Self::Unknown,
            OurSeverity::Negligible | OurSeverity::Low => Self::Low,
            OurSeverity::Medium => Self::Medium,
            OurSeverity::High => Self::High,
            OurSeverity::Critical => Self::Critical,
        }
    }

    /// Trivy's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }
}

/// Trivy's statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not known.
    Unknown,
    /// Not affected: no finding has it.
    NotAffected,
    /// Affected, without a fix.
    Affected,
    /// Fixed.
    Fixed,
    /// Under investigation.
    UnderInvestigation,
    /// The vendor will not fix it.
    WillNotFix,
    /// The vendor will fix it later.
    FixDeferred,
    /// No longer looked after.
    EndOfLife,
}

impl Status {
    const ALL: [Self; 8] = [
        Self::Unknown,
        Self::NotAffected,
        Self::Affected,
        Self::Fixed,
        Self::UnderInvestigation,
        Self::WillNotFix,
        Self::FixDeferred,
        Self::EndOfLife,
    ];

    /// What ours is there. What only others than the vendor say is `affected`, as is everything
    /// without a fixed version and a status.
    pub fn of(status: OurStatus) -> Self {
        match status {
            OurStatus::Fixed => Self::Fixed,
            OurStatus::Affected | OurStatus::Possible => Self::Affected,
            OurStatus::WillNotFix => Self::WillNotFix,
            OurStatus::FixDeferred => Self::FixDeferred,
            OurStatus::UnderInvestigation => Self::UnderInvestigation,
            OurStatus::EndOfLife => Self::EndOfLife,
        }
    }

    /// Trivy's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::NotAffected => "not_affected",
            Self::Affected => "affected",
            Self::Fixed => "fixed",
            Self::UnderInvestigation => "under_investigation",
            Self::WillNotFix => "will_not_fix",
            Self::FixDeferred => "fix_deferred",
            Self::EndOfLife => "end_of_life",
        }
    }
}

/// What Trivy looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scanner {
    /// Vulnerabilities.
    Vuln,
    /// Misconfigurations.
    Misconfig,
    /// Secrets.
    Secret,
    /// Licences.
    License,
}

impl Scanner {
    /// Trivy's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Vuln => "vuln",
            Self::Misconfig => "misconfig",
            Self::Secret => "secret",
            Self::License => "license",
        }
    }
}

/// What `trivy image` does with an image.
pub fn judge(settings: &Settings, subject: &Subject<'_>, now: Timestamp) -> Decision {
    let mut decision = Decision {
        tool: ID,
        ..Decision::default()
    };
    let mut totals = [0_usize; 5];
    judge_findings(settings, subject, now, &mut decision, &mut totals);
    judge_issues(settings, subject, now, &mut decision, &mut totals);
    let parts: Vec<String> = Severity::ALL
        .into_iter()
        .zip(totals)
        .filter(|(severity, _)| settings.severity.contains(severity))
        .map(|(severity, count)| format!("{}: {count}", severity.word()))
        .collect();
    let total: usize = totals.iter().sum();
    decision.message = format!("Total: {total} ({})", parts.join(", "));
    let is_over = subject.issues.iter().any(|issue| {
        issue.kind == IssueKind::Misconfiguration && issue.rule == "end-of-life-distribution"
    });
    if settings.exit_on_eol != 0 && is_over {
        decision.code = u16::from(settings.exit_on_eol);
        decision.message = "Detected EOL OS".to_owned();
    } else if total > 0 {
        decision.code = u16::from(settings.exit_code);
        if settings.exit_code == 0 {
            decision
                .notes
                .push("without --exit-code Trivy never fails".to_owned());
        }
    }
    decision.allows = decision.code == 0;
    if settings.ignore_unfixed && !settings.ignore_status.is_empty() {
        decision.notes.push(
            "'--ignore-unfixed' is ignored because '--ignore-status' is specified".to_owned(),
        );
    }
    if subject.gaps.contains(&Gap::NoDatabase) && settings.scanners.contains(&Scanner::Vuln) {
        decision.allows = false;
        decision.code = 1;
        decision.message = "run error: init error: DB error: database error".to_owned();
    }
    decision
}

/// The statuses that are ignored. `--ignore-unfixed` stands for all but `fixed`, and for nothing beside
/// `--ignore-status`.
fn ignored_statuses(settings: &Settings) -> Vec<Status> {
    match settings.ignore_unfixed && settings.ignore_status.is_empty() {
        true => Status::ALL
            .into_iter()
            .filter(|status| *status != Status::Fixed)
            .collect(),
        false => settings.ignore_status.clone(),
    }
}

fn judge_findings(
    settings: &Settings,
    subject: &Subject<'_>,
    now: Timestamp,
    decision: &mut Decision,
    totals: &mut [usize; 5],
) {
    let is_asked = settings.scanners.contains(&Scanner::Vuln);
    let statuses = ignored_statuses(settings);
    let ignored = Entries::new(&settings.ignore.vulnerabilities, now);
    let vex = vex_of(subject);
    let mut seen = HashSet::new();
    for (index, finding) in subject.findings.iter().enumerate() {
        let severity = Severity::of(finding.severity);
        let status = Status::of(finding.status);
        let id = cve_or_id(finding);
        let kind = purl_type(finding.at.purl);
        let path = if is_os(kind) { "" } else { finding.at.file };
        let why = if !is_asked {
            "--scanners leaves vulnerabilities out".to_owned()
        } else if let Some(statement) = vex.get(&index) {
            format!("VEX: {statement}")
        } else if !settings.severity.contains(&severity) {
            format!("--severity leaves {} out", severity.word())
        } else if statuses.contains(&status) {
            match settings.ignore_status.is_empty() {
                true => format!("--ignore-unfixed leaves {} out", status.word()),
                false => format!("--ignore-status leaves {} out", status.word()),
            }
        } else if let Some(entry) = ignored.find_vulnerability(id, finding, subject, kind, path) {
            say(entry)
        } else if !seen.insert([id, finding.at.name, finding.at.version, path]) {
            "the same id, package, version and path as another finding".to_owned()
        } else {
            count(severity, totals);
            decision.counted.push(index);
            continue;
        };
        decision.left_out.push((index, why));
    }
}

fn count(severity: Severity, totals: &mut [usize; 5]) {
    let slot = Severity::ALL.iter().zip(totals.iter_mut());
    if let Some((_, total)) = slot.into_iter().find(|(one, _)| **one == severity) {
        *total += 1;
    }
}

fn say(entry: &IgnoreFinding) -> String {
    match entry.statement.as_str() {
        "" => format!("the ignore file has {}", entry.id),
        statement => format!("the ignore file has {}: {statement}", entry.id),
    }
}

fn judge_issues(
    settings: &Settings,
    subject: &Subject<'_>,
    now: Timestamp,
    decision: &mut Decision,
    totals: &mut [usize; 5],
) {
    let file = &settings.ignore;
    let misconfigurations = Entries::new(&file.misconfigurations, now);
    let secrets = Entries::new(&file.secrets, now);
    let licenses = Entries::new(&file.licenses, now);
    for (index, issue) in subject.issues.iter().enumerate() {
        let severity = Severity::of(issue.severity);
        let (scanner, entries) = match issue.kind {
            IssueKind::Secret => (Scanner::Secret, &secrets),
            IssueKind::Licence => (Scanner::License, &licenses),
            _ => (Scanner::Misconfig, &misconfigurations),
        };
        let target = target_of(issue, subject);
        let why = if !settings.scanners.contains(&scanner) {
            format!("--scanners leaves {} out", scanner.word())
        } else if !settings.severity.contains(&severity) {
            format!("--severity leaves {} out", severity.word())
        } else if scanner == Scanner::License
            && settings
                .ignored_licenses
                .iter()
                .any(|one| one == issue.rule)
        {
            format!("--ignored-licenses has {}", issue.rule)
        } else if let Some(why) = entries.say_issue(issue, scanner, &target) {
            why
        } else {
            count(severity, totals);
            decision.counted_issues.push(index);
            continue;
        };
        decision.left_out_issues.push((index, why));
    }
}

/// Where Trivy reports an issue: of secrets the file with a slash in front, of the rest the file, or
/// the image where it is in its configuration.
fn target_of(issue: &Issue<'_>, subject: &Subject<'_>) -> String {
    match (issue.kind, issue.file) {
        (IssueKind::Secret, Some(file)) => format!("/{file}"),
        (_, Some(file)) => file.to_owned(),
        (_, None) => subject.image.name.to_owned(),
    }
}

/// The entries of one section that are not expired, made ready.
struct Entries<'a> {
    ready: Vec<Ready<'a>>,
    by_id: ById<'a>,
}

struct Ready<'a> {
    entry: &'a IgnoreFinding,
    paths: Vec<Glob<'a>>,
    purls: Vec<Purl>,
}

impl<'a> Entries<'a> {
    fn new(entries: &'a [IgnoreFinding], now: Timestamp) -> Self {
        let ready: Vec<Ready<'a>> = entries
            .iter()
            .filter(|entry| !entry.is_expired(now))
            .map(|entry| Ready {
                entry,
                // What cannot be read is refused by `read`; set by hand, it matches nothing.
                paths: entry
                    .paths
                    .iter()
                    .filter_map(|path| Glob::new(path).ok())
                    .collect(),
                purls: entry
                    .purls
                    .iter()
                    .filter_map(|purl| Purl::parse(purl).ok())
                    .collect(),
            })
            .collect();
        let by_id = ById::new(ready.iter().map(|ready| Some(ready.entry.id.as_str())));
        Self { ready, by_id }
    }

    fn find_vulnerability(
        &self,
        id: &str,
        finding: &Finding<'_>,
        subject: &Subject<'_>,
        purl_type: &str,
        path: &str,
    ) -> Option<&'a IgnoreFinding> {
        if self.ready.is_empty() {
            return None;
        }
        let purl = std::cell::OnceCell::new();
        let number = self.by_id.first(std::iter::once(id), |number| {
            let Some(ready) = self.ready.get(number) else {
                return false;
            };
            let is_purl = ready.entry.purls.is_empty()
                || match purl.get_or_init(|| Purl::parse(finding.at.purl).ok()) {
                    // A package without a purl passes.
                    None => true,
                    Some(found) => ready.purls.iter().any(|rule| rule.is_of(found)),
                };
            is_purl
                && (ready.entry.paths.is_empty()
                    || ready.matches(path)
                    || ready.matches(&target_of_package(finding, subject, purl_type)))
        })?;
        self.ready.get(number).map(|ready| ready.entry)
    }

    fn find(&self, id: &str, target: &str) -> Option<&'a IgnoreFinding> {
        let number = self.by_id.first(std::iter::once(id), |number| {
            self.ready
                .get(number)
                .is_some_and(|ready| ready.entry.paths.is_empty() || ready.matches(target))
        })?;
        self.ready.get(number).map(|ready| ready.entry)
    }

    /// Why an issue does not count. A licence expression does not if each of its licences does not.
    fn say_issue(&self, issue: &Issue<'_>, scanner: Scanner, target: &str) -> Option<String> {
        if let Some(entry) = self.find(issue.rule, target) {
            return Some(say(entry));
        }
        if scanner != Scanner::License || self.ready.is_empty() {
            return None;
        }
        let expression = spdx::Expression::parse_mode(issue.rule, spdx::ParseMode::LAX).ok()?;
        let all = expression
            .requirements()
            .all(|one| self.find(&one.req.to_string(), target).is_some());
        all.then(|| "All license components are individually ignored".to_owned())
    }
}

impl Ready<'_> {
    fn matches(&self, path: &str) -> bool {
        self.paths.iter().any(|glob| glob.matches(path))
    }
}

/// The target of the result that has a package.
fn target_of_package(finding: &Finding<'_>, subject: &Subject<'_>, kind: &str) -> String {
    if is_os(kind) {
        let distribution = finding.namespace.replace(':', " ");
        return format!("{} ({distribution})", subject.image.name);
    }
    // Installed packages of these are reported together.
    match kind {
        "npm" => "Node.js",
        "pypi" => "Python",
        "gem" => "Ruby",
        "maven" => "Java",
        "conda" => "Conda",
        _ => finding.at.file,
    }
    .to_owned()
}

/// The policy that comes nearest.
pub fn to_policy(settings: &Settings) -> Translated<Policy> {
    let mut lost = Vec::new();
    let mut policy = Policy {
        name: Some("Trivy".to_owned()),
        ..Policy::default()
    };
    policy.fail_on = match settings.exit_code {
        0 => Threshold::Never,
        _ => threshold(&settings.severity, &mut lost),
    };
    let has = |scanner| settings.exit_code != 0 && settings.scanners.contains(&scanner);
    let threshold = OtherThreshold(policy.fail_on);
    if has(Scanner::Secret) {
        policy.secrets = threshold;
    }
    if has(Scanner::Misconfig) {
        policy.misconfigurations = threshold;
    }
    if has(Scanner::License) {
        lost.push("a policy has no severities of licences".to_owned());
    }
    if !settings.scanners.contains(&Scanner::Vuln) {
        policy.fail_on = Threshold::Never;
    } else if settings.exit_code != 0 && settings.severity.contains(&Severity::Unknown) {
        policy.unknown_severity = Choice::Fail;
    }
    if settings.exit_on_eol != 0 {
        policy.end_of_life = Choice::Fail;
    }
    policy.fixable_only = settings.ignore_unfixed && settings.ignore_status.is_empty();
    policy.ignore_statuses = OurStatus::ALL
        .into_iter()
        .filter(|status| settings.ignore_status.contains(&Status::of(*status)))
        .collect();
    if !settings.ignored_licenses.is_empty() {
        lost.push("a policy has no licences that are ignored".to_owned());
    }
    let file = &settings.ignore;
    let mut seen = HashSet::new();
    for list in [
        &file.vulnerabilities,
        &file.misconfigurations,
        &file.secrets,
        &file.licenses,
    ] {
        for entry in list.iter().filter(|entry| seen.insert(*entry)) {
            let room = MAX_RULES.saturating_sub(policy.exceptions.len());
            policy.exceptions.extend(exceptions(entry, room, &mut lost));
        }
    }
    if !policy.exceptions.is_empty() {
        lost.push(
            "a policy's exceptions also match aliases, pass over letter case, and are of every kind \
             of finding"
                .to_owned(),
        );
    }
    Translated {
        value: policy,
        lost,
    }
}

fn threshold(severities: &[Severity], lost: &mut Vec<String>) -> Threshold {
    let rated = severities.iter().filter(|one| **one != Severity::Unknown);
    let Some(mildest) = rated.min().copied() else {
        return Threshold::Never;
    };
    let missing: Vec<&str> = Severity::ALL
        .into_iter()
        .filter(|one| *one > mildest && !severities.contains(one))
        .map(Severity::word)
        .collect();
    if !missing.is_empty() {
        lost.push(format!(
            "a policy has one threshold: {} counts too",
            missing.join(", ")
        ));
    }
    match mildest {
        // What others call negligible is low there.
        Severity::Unknown | Severity::Low => Threshold::Negligible,
        Severity::Medium => Threshold::Medium,
        Severity::High => Threshold::High,
        Severity::Critical => Threshold::Critical,
    }
}

/// The exceptions that an entry is: one for each of its paths and purls.
fn exceptions(entry: &IgnoreFinding, room: usize, lost: &mut Vec<String>) -> Vec<Exception> {
    let base = Exception {
        id: Some(entry.id.clone()),
        reason: Some(entry.statement.clone()).filter(|text| !text.is_empty()),
        expires: entry.expired_at.and_then(Moment::to_expiry),
        ..Exception::default()
    };
    if entry.id.trim().is_empty() {
        lost.push("an entry without an id is left out: it matches nothing".to_owned());
        return Vec::new();
    }
    let paths = patterns(
        entry,
        &entry.paths,
        |path| path.trim_start_matches('/'),
        lost,
    );
    let purls = patterns(entry, &entry.purls, |purl| purl, lost);
    if entry.purls.iter().any(|purl| purl.contains(['?', '#'])) {
        lost.push(format!(
            "the exception for {} covers less: a policy compares a purl's qualifiers as a whole",
            entry.id
        ));
    }
    let (Some(paths), Some(purls)) = (paths, purls) else {
        return Vec::new();
    };
    if paths.len().saturating_mul(purls.len()) > room {
        lost.push(format!(
            "the entry for {} is left out: a policy has at most {MAX_RULES} exceptions",
            entry.id
        ));
        return Vec::new();
    }
    let mut made = Vec::new();
    for path in &paths {
        for purl in &purls {
            made.push(Exception {
                path: path.clone(),
                purl: purl.clone(),
                ..base.clone()
            });
        }
    }
    made
}

/// The patterns of a list, `[None]` for an empty one; `None` if one is no pattern.
fn patterns(
    entry: &IgnoreFinding,
    list: &[String],
    change: impl Fn(&str) -> &str,
    lost: &mut Vec<String>,
) -> Option<Vec<Option<Pattern>>> {
    if list.is_empty() {
        return Some(vec![None]);
    }
    let read: Result<Vec<Option<Pattern>>, _> = list
        .iter()
        .map(|text| change(text).parse().map(Some))
        .collect();
    match read {
        Ok(patterns) => Some(patterns),
        Err(error) => {
            lost.push(format!("the entry for {} is left out: {error}", entry.id));
            None
        }
    }
}

/// The settings that come nearest to a policy.
pub fn from_policy(policy: &Policy, now: Timestamp) -> Translated<Settings> {
    let mut lost = Vec::new();
    let mut settings = Settings {
        severity: severities(policy.fail_on, policy, &mut lost),
        ignore_unfixed: policy.fixable_only,
        exit_code: 1,
        scanners: vec![Scanner::Vuln],
        ..Settings::default()
    };
    let mut threshold = policy.fail_on;
    if settings.severity.is_empty() {
        // No vulnerability fails: then it is the other kinds that decide.
        threshold = policy.secrets.0.min(policy.misconfigurations.0);
        settings.severity = severities(threshold, policy, &mut lost);
        settings.scanners.clear();
    }
    if settings.severity.is_empty() {
        settings.severity = Severity::ALL.to_vec();
        settings.scanners = vec![Scanner::Vuln];
        settings.exit_code = 0;
    }
    for status in Status::ALL {
        let statuses = OurStatus::ALL
            .into_iter()
            .filter(|ours| Status::of(*ours) == status);
        let (out, kept): (Vec<OurStatus>, Vec<OurStatus>) =
            statuses.partition(|ours| policy.ignore_statuses.contains(ours));
        if kept.is_empty() && !out.is_empty() {
            settings.ignore_status.push(status);
        } else {
            lost.extend(out.iter().map(|ours| {
                format!(
                    "Trivy does not tell {} from what else is {}: it counts",
                    ours.words(),
                    status.word()
                )
            }));
        }
    }
    if policy.fixable_only && !settings.ignore_status.is_empty() {
        // Both together: all but fixed, and what else was asked for.
        settings.ignore_unfixed = false;
        settings.ignore_status = Status::ALL
            .into_iter()
            .filter(|one| *one != Status::Fixed || settings.ignore_status.contains(one))
            .collect();
    }
    others(policy, threshold, &mut settings, &mut lost);
    if policy.end_of_life == Choice::Fail {
        settings.exit_on_eol = 1;
    }
    policy_loss(
        policy,
        "Trivy",
        &["secrets", "misconfigurations", "end-of-life"],
        &mut lost,
    );
    if policy.end_of_life == Choice::Warn {
        lost.push("Trivy cannot warn of the end of life: it shows it".to_owned());
    }
    for exception in &policy.exceptions {
        let Some(entry) = entry_of(exception, policy, now, &mut lost) else {
            continue;
        };
        // Purls are only for vulnerabilities; the rest of an entry goes for all kinds.
        if entry.purls.is_empty() {
            for list in [
                &mut settings.ignore.misconfigurations,
                &mut settings.ignore.secrets,
                &mut settings.ignore.licenses,
            ] {
                list.push(entry.clone());
            }
        }
        settings.ignore.vulnerabilities.push(entry);
    }
    for entry in &mut settings.ignore.secrets {
        for path in &mut entry.paths {
            *path = format!("/{}", path.trim_start_matches('/'));
        }
    }
    Translated {
        value: settings,
        lost,
    }
}

fn severities(threshold: Threshold, policy: &Policy, lost: &mut Vec<String>) -> Vec<Severity> {
    let mildest = threshold.severity().map(Severity::of);
    let mut severities: Vec<Severity> = Severity::ALL
        .into_iter()
        .filter(|one| *one != Severity::Unknown)
        .filter(|one| mildest.is_some_and(|mildest| *one >= mildest))
        .collect();
    if policy.unknown_severity == Choice::Fail {
        severities.insert(0, Severity::Unknown);
    }
    if threshold == Threshold::Low {
        lost.push("Trivy has no negligible: such findings count as LOW".to_owned());
    }
    severities
}

/// Secrets and misconfigurations: Trivy has one list of severities for all kinds.
fn others(policy: &Policy, common: Threshold, settings: &mut Settings, lost: &mut Vec<String>) {
    for (threshold, scanner, what) in [
        (policy.secrets.0, Scanner::Secret, "secrets"),
        (
            policy.misconfigurations.0,
            Scanner::Misconfig,
            "misconfigurations",
        ),
    ] {
        if threshold == Threshold::Never {
            continue;
        }
        settings.scanners.push(scanner);
        if threshold != common {
            lost.push(format!(
                "Trivy has one list of severities: {what} fail at {common}, not at {threshold}"
            ));
        }
    }
}

fn entry_of(
    exception: &Exception,
    policy: &Policy,
    now: Timestamp,
    lost: &mut Vec<String>,
) -> Option<IgnoreFinding> {
    if is_only_ours(exception, "Trivy", lost) {
        return None;
    }
    let id = exception.id.as_deref().map(as_written).unwrap_or_default();
    if id.is_empty() {
        lost.push(left_out(exception, "Trivy", "ignore without an id"));
        return None;
    }
    if exception.package.is_some() {
        lost.push(left_out(exception, "Trivy", "compare names of packages"));
        return None;
    }
    let purls = match exception.purl.as_ref().map(Pattern::as_str) {
        None => Vec::new(),
        // A policy compares qualifiers as a whole, Trivy one by one.
        Some(purl) if !is_pattern(purl) && Purl::parse(purl).is_ok() => vec![purl.to_owned()],
        Some(purl) => {
            lost.push(left_out(
                exception,
                "Trivy",
                &format!("compare the purl {purl}"),
            ));
            return None;
        }
    };
    let paths = match exception.path.as_ref().map(Pattern::as_str) {
        None => Vec::new(),
        Some(path) if is_path(path) => {
            lost.push(format!(
                "the exception for {id} is confined to a path; Trivy's packages of the distribution have \
                 the image's name instead"
            ));
            vec![path.to_owned()]
        }
        Some(path) => {
            lost.push(left_out(
                exception,
                "Trivy",
                &format!("compare the path {path}"),
            ));
            return None;
        }
    };
    let expired_at = end_of(exception, policy);
    if expired_at.is_some_and(|end| now >= end.0) {
        lost.push(format!("the exception for {id} is expired and left out"));
        return None;
    }
    note_id(&id, "Trivy", lost);
    Some(IgnoreFinding {
        id,
        paths,
        purls,
        expired_at,
        statement: exception.reason.clone().unwrap_or_default(),
    })
}

/// Whether a pattern of Lamina's means the same there: Trivy also compares it with what has no path, and
/// with the names of languages.
fn is_path(pattern: &str) -> bool {
    let targets = ["", "Node.js", "Python", "Ruby", "Java", "Conda"];
    Glob::new(pattern)
        .is_ok_and(|glob| pattern == "**" || !targets.iter().any(|target| glob.matches(target)))
}

/// A `.trivyignore.yaml`, a `.trivyignore` with what of it that can say, and the command line.
pub fn export(settings: &Settings, image: &str) -> Export {
    let mut lost = Vec::new();
    let yaml = file::write_yaml(&settings.ignore);
    let plain = file::write_plain(&settings.ignore, &mut lost);
    let mut command = "trivy image".to_owned();
    if settings.severity != Severity::ALL {
        let words: Vec<&str> = settings.severity.iter().map(|one| one.word()).collect();
        command.push_str(&format!(" --severity {}", words.join(",")));
    }
    if settings.ignore_unfixed {
        command.push_str(" --ignore-unfixed");
    }
    if !settings.ignore_status.is_empty() {
        let words: Vec<&str> = settings
            .ignore_status
            .iter()
            .map(|one| one.word())
            .collect();
        command.push_str(&format!(" --ignore-status {}", words.join(",")));
    }
    let scanners: Vec<&str> = settings.scanners.iter().map(|one| one.word()).collect();
    if scanners != ["vuln", "secret"] {
        command.push_str(&format!(" --scanners {}", scanners.join(",")));
    }
    for (option, code) in [
        ("exit-code", settings.exit_code),
        ("exit-on-eol", settings.exit_on_eol),
    ] {
        if code != 0 {
            command.push_str(&format!(" --{option} {code}"));
        }
    }
    if !settings.ignored_licenses.is_empty() {
        let list = settings.ignored_licenses.join(",");
        command.push_str(&format!(" --ignored-licenses {}", shared::shell(&list)));
    }
    if settings.ignore != IgnoreFile::default() {
        command.push_str(" --ignorefile .trivyignore.yaml");
    }
    command.push(' ');
    command.push_str(&image_word(image));
    Export {
        files: vec![
            ExportFile {
                name: ".trivyignore.yaml",
                text: yaml,
            },
            ExportFile {
                name: ".trivyignore",
                text: plain,
            },
        ],
        command,
        lost,
    }
}

impl Preset for Trivy {
    fn id(&self) -> &'static str {
        ID
    }

    fn title(&self) -> &'static str {
        "Trivy"
    }

    fn about(&self) -> &'static str {
        "The command ends with the exit code that --exit-code gives"
    }

    fn files(&self) -> &'static [&'static str] {
        &[".trivyignore.yaml", ".trivyignore"]
    }

    fn settings(&self, policy: &Policy, now: Timestamp) -> Translated<super::Settings> {
        from_policy(policy, now).map(super::Settings::Trivy)
    }
}
