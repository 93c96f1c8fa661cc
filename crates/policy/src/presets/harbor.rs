//! Harbor: the registry refuses to hand out images whose vulnerabilities are too severe.
//!
//! The rules are those of goharbor/harbor `src/server/middleware/vulnerable/vulnerable.go`,
//! `src/server/middleware/util/util.go`, `src/controller/scan/base_controller.go`,
//! `src/controller/scan/checker.go`, `src/pkg/scan/vuln/severity.go` and
//! `src/pkg/allowlist/models/cve_allowlist.go` (read at c50c7ddd6e, 2026-08-21).
//!
//! How it sees a finding:
//! - **id**: the CVE id where there is one, as its default scanner (Trivy) reports it. The allowlist
//!   compares letter by letter, and knows no aliases.
//! - **severity**: reports are normalised when they are stored. `Negligible` becomes `None`, which
//!   weighs as much as `Unknown`: nothing. So neither trips a threshold of `Low` or above, and both
//!   trip a threshold of `None`.
//! - **whether it is fixed** does not matter.

use jiff::Timestamp;
use lamina_inventory::severity::Severity as Ours;
use serde::{Deserialize, Serialize};

use super::{
    Decision, Export, ExportFile, ImportError, Moment, Preset, Translated,
    shared::{
        self, MAX_CONDITIONS, MAX_RULES, Seen, as_written, check_count, check_size, cve_or_id,
        note_id, plain_id, plural, policy_loss, quoted,
    },
};
use crate::{Choice, Exception, Gap, Policy, Subject, Threshold};

pub(super) const ID: &str = "harbor";

/// The preset.
pub(super) struct Harbor;

/// What a project, an artifact in it and whoever pulls that are like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Whether the project prevents vulnerable images from running (metadata `prevent_vul`).
    pub prevent_vul: bool,
    /// From which severity on (metadata `severity`): any word, read as [`Severity::parse`] does.
    pub severity: String,
    /// Whether the system's allowlist counts and not the project's; they are never merged.
    pub reuse_sys_cve_allowlist: bool,
    /// The system's allowlist.
    pub system_allowlist: Allowlist,
    /// The project's own.
    pub project_allowlist: Allowlist,
    /// What Harbor knows of the artifact.
    pub artifact: Artifact,
    /// Who pulls.
    pub puller: Puller,
}

impl Default for Settings {
    /// A project that prevents images of high severity, and an image that was scanned.
    fn default() -> Self {
        Self {
            prevent_vul: true,
            severity: "high".to_owned(),
            reuse_sys_cve_allowlist: true,
            system_allowlist: Allowlist::default(),
            project_allowlist: Allowlist::default(),
            artifact: Artifact::default(),
            puller: Puller::default(),
        }
    }
}

impl Settings {
    pub(super) fn check(&self) -> Result<(), ImportError> {
        check_count("ids", self.system_allowlist.items.len(), MAX_RULES)?;
        check_count("ids", self.project_allowlist.items.len(), MAX_RULES)?;
        check_count("children", self.artifact.children.len(), MAX_CONDITIONS)
    }
}

/// Ids of vulnerabilities that do not count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Allowlist {
    /// The ids, compared letter by letter.
    pub items: Vec<String>,
    /// When the whole list stops counting, in seconds since 1970; never if absent.
    pub expires_at: Option<i64>,
}

impl Allowlist {
    /// Whether it has stopped counting: at that very second, too.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at
            .is_some_and(|expires| now.as_second() >= expires)
    }
}

/// What Harbor knows of an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Artifact {
    /// Whether the project's scanner says that it can scan such a thing. A scanner that is down says
    /// of nothing that it can.
    pub is_scannable: bool,
    /// Whether there is a report of the project's scanner.
    pub has_report: bool,
    /// How the last scan went.
    pub scan_status: ScanStatus,
    /// Whether it is an image index: then its children decide the three above.
    pub is_index: bool,
    /// The images of the index.
    pub children: Vec<Child>,
    /// Its type: `IMAGE`, `CNAB`, `CHART` …
    pub kind: String,
    /// Whether it is itself a signature of another artifact (`signature.cosign`,
    /// `signature.notation`).
    pub is_signature: bool,
}

impl Default for Artifact {
    fn default() -> Self {
        Self {
            is_scannable: true,
            has_report: true,
            scan_status: ScanStatus::Success,
            is_index: false,
            children: Vec::new(),
            kind: "IMAGE".to_owned(),
            is_signature: false,
        }
    }
}

/// One image of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Child {
    /// As [`Artifact::is_scannable`].
    pub is_scannable: bool,
    /// As [`Artifact::has_report`].
    pub has_report: bool,
    /// As [`Artifact::scan_status`].
    pub scan_status: ScanStatus,
    /// Whether it is an accessory, or its layers are attestations (in-toto): it is passed over.
    pub is_attestation: bool,
}

impl Default for Child {
    fn default() -> Self {
        Self {
            is_scannable: true,
            has_report: true,
            scan_status: ScanStatus::Success,
            is_attestation: false,
        }
    }
}

/// How a scan went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ScanStatus {
    /// It waits for a worker.
    Pending,
    /// It is planned.
    Scheduled,
    /// It runs.
    Running,
    /// Somebody stopped it.
    Stopped,
    /// It failed.
    Error,
    /// It is done.
    #[default]
    Success,
}

impl ScanStatus {
    /// Harbor's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Scheduled => "Scheduled",
            Self::Running => "Running",
            Self::Stopped => "Stopped",
            Self::Error => "Error",
            Self::Success => "Success",
        }
    }

    /// Of several children's statuses, that of the whole: running, else stopped, else success, else
    /// the other.
    fn merge(self, other: Self) -> Self {
        let weight = |status| match status {
            Self::Running => 3,
            Self::Stopped => 2,
            Self::Success => 1,
            _ => 0,
        };
        if weight(other) > weight(self) {
            other
        } else {
            self
        }
    }
}

/// Who pulls an artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Puller {
    /// Whether with a bearer token of `/service/token`; a password sent to `/v2` itself exempts
    /// nobody.
    pub has_token: bool,
    /// Whether the token allows `scanner-pull`: only robots of scanners have that.
    pub may_scanner_pull: bool,
    /// Whether the token allows `push`.
    pub may_push: bool,
    /// The client's `User-Agent`.
    pub user_agent: String,
}

impl Puller {
    /// Whether it is let through unasked: a scanner, or cosign or notation about to sign.
    fn is_exempt(&self) -> bool {
        let signs = ["cosign", "notation"]
            .iter()
            .any(|tool| self.user_agent.contains(tool));
        self.has_token && (self.may_scanner_pull || (self.may_push && signs))
    }
}

/// Harbor's severities after `ParseSeverityVersion3`, mildest first. `Negligible` is none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Not known; weighs as much as `None`.
    Unknown,
    /// Known to be none.
    None,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

impl Severity {
    /// Reads a word in any case: `Negligible` is `None`, every other word `Unknown`.
    pub fn parse(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "none" | "negligible" => Self::None,
            "low" => Self::Low,
            "medium" => Self::Medium,
            "high" => Self::High,
            "critical" => Self::Critical,
            _ => Self::Unknown,
        }
    }

    /// What a finding's severity becomes on storage.
    pub fn of(severity: Ours) -> Self {
        match severity {
            Ours::Unknown => Self::Unknown,
            Ours::Negligible => Self::None,
            Ours::Low => Self::Low,
            Ours::Medium => Self::Medium,
            Ours::High => Self::High,
            Ours::Critical => Self::Critical,
        }
    }

    /// What it weighs.
    pub fn code(self) -> u8 {
        match self {
            Self::Unknown | Self::None => 0,
            Self::Low => 2,
            Self::Medium => 3,
            Self::High => 4,
            Self::Critical => 5,
        }
    }

    /// Harbor's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::None => "None",
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
            Self::Critical => "Critical",
        }
    }
}

/// What Harbor answers to `GET /v2/…/manifests/…`: 412 with a reason, or the manifest.
pub fn judge(settings: &Settings, subject: &Subject<'_>, now: Timestamp) -> Decision {
    let threshold = Severity::parse(&settings.severity);
    let artifact = &settings.artifact;
    if !settings.prevent_vul {
        return all(
            subject,
            None,
            "the project does not prevent vulnerable images",
        );
    }
    if artifact.is_signature {
        return all(
            subject,
            None,
            "signatures of other artifacts may always be pulled",
        );
    }
    if settings.puller.is_exempt() {
        return all(subject, None, "scanners and signers may always pull");
    }
    let view = View::of(artifact, subject);
    if !view.has_report {
        return match view.is_scannable {
            false => all(
                subject,
                None,
                "there is no report, and nothing here can be scanned",
            ),
            true => {
                let message = format!(
                    "current image without vulnerability scanning cannot be pulled due to configured \
                     policy in 'Prevent images with vulnerability severity of \"{}\" or higher from \
                     running.' To continue with pull, please contact your project administrator for \
                     help.",
                    threshold.word()
                );
                all(subject, Some(message), "there is no report")
            }
        };
    }
    if artifact.is_index && matches!(artifact.kind.as_str(), "IMAGE" | "CNAB") {
        return all(
            subject,
            None,
            "of an index, each image is judged when it is pulled",
        );
    }
    if view.scan_status != ScanStatus::Success {
        let message = format!(
            "current image with \"{}\" status of vulnerability scanning cannot be pulled due to \
             configured policy in 'Prevent images with vulnerability severity of \"{}\" or higher \
             from running.' To continue with pull, please contact your project administrator for \
             help.",
            view.scan_status.word(),
            threshold.word()
        );
        return all(subject, Some(message), "the scan is not done");
    }
    by_severity(settings, threshold, subject, now)
}

/// What the artifact, or the children of the index together, are like.
struct View {
    is_scannable: bool,
    has_report: bool,
    scan_status: ScanStatus,
}

impl View {
    fn of(artifact: &Artifact, subject: &Subject<'_>) -> Self {
        let was_matched = !subject.gaps.contains(&Gap::NoDatabase);
        if !artifact.is_index {
            return Self {
                is_scannable: artifact.is_scannable,
                has_report: artifact.has_report && was_matched,
                scan_status: artifact.scan_status,
            };
        }
        let scannable: Vec<&Child> = artifact
            .children
            .iter()
            .filter(|child| child.is_scannable && !child.is_attestation)
            .collect();
        let statuses = scannable.iter().map(|child| child.scan_status);
        Self {
            is_scannable: !scannable.is_empty(),
            // One platform without a report, and there is none for the index.
            has_report: !scannable.is_empty() && scannable.iter().all(|child| child.has_report),
            scan_status: statuses.reduce(ScanStatus::merge).unwrap_or_default(),
        }
    }
}

/// A decision that no finding has a part in.
fn all(subject: &Subject<'_>, refusal: Option<String>, why: &str) -> Decision {
    Decision {
        tool: ID,
        allows: refusal.is_none(),
        code: if refusal.is_none() { 200 } else { 412 },
        message: refusal.unwrap_or_default(),
        left_out: (0..subject.findings.len())
            .map(|index| (index, why.to_owned()))
            .collect(),
        ..Decision::default()
    }
}

fn by_severity(
    settings: &Settings,
    threshold: Severity,
    subject: &Subject<'_>,
    now: Timestamp,
) -> Decision {
    let mut decision = Decision {
        tool: ID,
        ..Decision::default()
    };
    let (list, whose) = match settings.reuse_sys_cve_allowlist {
        true => (&settings.system_allowlist, "system"),
        false => (&settings.project_allowlist, "project"),
    };
    let is_expired = list.is_expired(now);
    let allowed: std::collections::HashSet<&str> = match is_expired {
        true => std::collections::HashSet::new(),
        false => list.items.iter().map(String::as_str).collect(),
    };
    if is_expired && !list.items.is_empty() {
        decision.notes.push(format!(
            "the {whose} allowlist is expired, as a whole: none of its {} counts",
            plural(list.items.len(), "id", "ids")
        ));
    }
    if settings.reuse_sys_cve_allowlist && !settings.project_allowlist.items.is_empty() {
        decision
            .notes
            .push("the project reuses the system allowlist: its own is passed over".to_owned());
    }
    let mut seen = Seen::default();
    let mut remaining = 0_usize;
    for (index, finding) in subject.findings.iter().enumerate() {
        let id = cve_or_id(finding);
        let why = if allowed.contains(id) {
            format!("{id} is in the {whose} allowlist")
        } else if !seen.is_new(id, &finding.at, "") {
            "the same id, package and version as another finding".to_owned()
        } else {
            remaining += 1;
            let severity = Severity::of(finding.severity);
            if severity.code() >= threshold.code() {
                decision.counted.push(index);
                continue;
            }
            format!("{} is below {}", severity.word(), threshold.word())
        };
        decision.left_out.push((index, why));
    }
    decision.allows = decision.counted.is_empty();
    decision.code = if decision.allows { 200 } else { 412 };
    if !decision.allows {
        // All that remain are counted, not only those at or above the severity.
        decision.message = format!(
            "current image with {} cannot be pulled due to configured policy in 'Prevent images with \
             vulnerability severity of \"{}\" or higher from running.' To continue with pull, please \
             contact your project administrator to exempt matched vulnerabilities through \
             configuring the CVE allowlist.",
            plural(remaining, "vulnerability", "vulnerabilities"),
            threshold.word()
        );
    }
    if threshold.code() == 0 && !decision.counted.is_empty() {
        decision.notes.push(format!(
            "a severity of {:?} is read as {}, and everything is at or above that",
            settings.severity,
            threshold.word()
        ));
    }
    decision
}

/// The policy that comes nearest.
pub fn to_policy(settings: &Settings) -> Translated<Policy> {
    let mut lost = Vec::new();
    let threshold = Severity::parse(&settings.severity);
    let mut policy = Policy {
        name: Some("Harbor".to_owned()),
        ..Policy::default()
    };
    policy.fail_on = match threshold {
        _ if !settings.prevent_vul => Threshold::Never,
        Severity::Unknown | Severity::None => Threshold::Negligible,
        Severity::Low => Threshold::Low,
        Severity::Medium => Threshold::Medium,
        Severity::High => Threshold::High,
        Severity::Critical => Threshold::Critical,
    };
    if settings.prevent_vul && threshold.code() == 0 {
        policy.unknown_severity = Choice::Fail;
    }
    let list = match settings.reuse_sys_cve_allowlist {
        true => &settings.system_allowlist,
        false => &settings.project_allowlist,
    };
    policy.exceptions = list
        .items
        .iter()
        .map(|id| Exception::of_id(id.as_str()))
        .collect();
    if !policy.exceptions.is_empty() {
        lost.push(
            "a policy's exceptions also match aliases and pass over letter case; Harbor's allowlist \
             does neither"
                .to_owned(),
        );
        let expires = list.expires_at.map(|seconds| {
            let time = Timestamp::from_second(seconds).ok();
            time.and_then(|time| Moment(time).to_expiry())
        });
        match expires {
            Some(Some(expiry)) => policy.exceptions_expire = Some(expiry),
            Some(None) => lost.push("the allowlist's expiry is no time".to_owned()),
            None => {}
        }
    }
    let artifact = &settings.artifact;
    if artifact.is_index {
        lost.push("Harbor does not judge an index, but its images as they are pulled".to_owned());
    }
    if settings.puller != Puller::default() || artifact.is_signature {
        lost.push("a policy lets no client through unasked".to_owned());
    }
    Translated {
        value: policy,
        lost,
    }
}

/// The settings that come nearest to a policy.
pub fn from_policy(policy: &Policy, now: Timestamp) -> Translated<Settings> {
    let mut lost = Vec::new();
    let mut settings = Settings {
        prevent_vul: policy.fail_on != Threshold::Never,
        reuse_sys_cve_allowlist: false,
        ..Settings::default()
    };
    settings.severity = match policy.fail_on {
        Threshold::Negligible => "none",
        Threshold::Low => "low",
        Threshold::Medium => "medium",
        Threshold::High | Threshold::Never => "high",
        Threshold::Critical => "critical",
    }
    .to_owned();
    match (policy.fail_on, policy.unknown_severity) {
        (Threshold::Negligible, Choice::Fail) => {}
        (Threshold::Negligible, _) => lost.push(
            "Harbor cannot refuse what is negligible and let through what nobody has rated: both \
             weigh nothing, and are refused"
                .to_owned(),
        ),
        (_, Choice::Fail) => {
            lost.push("Harbor does not refuse findings of unknown severity from low on".to_owned())
        }
        _ => {}
    }
    if policy.fixable_only {
        lost.push("Harbor does not ask whether a finding is fixed: all count".to_owned());
    }
    if !policy.ignore_statuses.is_empty() {
        lost.push("Harbor knows no statuses: all count".to_owned());
    }
    policy_loss(policy, "Harbor", &[], &mut lost);
    let mut list = Allowlist::default();
    let mut ends: Vec<Timestamp> = Vec::new();
    let mut is_endless = false;
    let mut seen = std::collections::HashSet::new();
    for exception in &policy.exceptions {
        let Some(id) = plain_id(exception, "Harbor", &mut lost) else {
            continue;
        };
        if exception.is_expired(now) {
            lost.push(format!("the exception for {id} is expired and left out"));
            continue;
        }
        match &exception.expires {
            Some(expiry) => ends.push(expiry.end()),
            None => is_endless = true,
        }
        let id = as_written(id);
        note_id(&id, "Harbor", &mut lost);
        if seen.insert(id.clone()) {
            list.items.push(id);
        }
    }
    ends.extend(policy.exceptions_expire.as_ref().map(crate::Expiry::end));
    let first = ends.iter().min().copied();
    let is_same = ends.iter().max().copied() == first
        && (!is_endless || policy.exceptions_expire.is_some() || first.is_none());
    if let (Some(first), false) = (first, list.items.is_empty()) {
        list.expires_at = Some(first.as_second());
        if !is_same {
            lost.push(format!(
                "Harbor has one expiry for the whole allowlist: the first counts for all, {first}"
            ));
        }
    }
    if policy.exceptions.iter().any(|one| one.reason.is_some()) {
        lost.push("Harbor's allowlist holds no reasons".to_owned());
    }
    settings.project_allowlist = list;
    Translated {
        value: settings,
        lost,
    }
}

/// A project as `PUT /api/v2.0/projects/{project}` takes it, and its allowlist alone.
pub fn export(settings: &Settings) -> Export {
    let mut lost = Vec::new();
    if settings.artifact != Artifact::default() || settings.puller != Puller::default() {
        lost.push("artifact and puller are no part of a project's settings".to_owned());
    }
    let system = &settings.system_allowlist;
    if settings.reuse_sys_cve_allowlist && !system.items.is_empty() {
        lost.push(
            "the system allowlist is set apart, by an administrator: PUT \
             /api/v2.0/system/CVEAllowlist"
                .to_owned(),
        );
    }
    let project = format!(
        "{{\n  \"metadata\": {{\n    \"prevent_vul\": \"{}\",\n    \"severity\": {},\n    \
         \"reuse_sys_cve_allowlist\": \"{}\"\n  }},\n  \"cve_allowlist\": {}\n}}\n",
        settings.prevent_vul,
        quoted(&settings.severity),
        settings.reuse_sys_cve_allowlist,
        allowlist_json(&settings.project_allowlist, "  ")
    );
    let list = match settings.reuse_sys_cve_allowlist {
        true => system,
        false => &settings.project_allowlist,
    };
    Export {
        files: vec![
            ExportFile {
                name: "harbor-project.json",
                text: project,
            },
            ExportFile {
                name: "harbor-allowlist.json",
                text: format!("{}\n", allowlist_json(list, "")),
            },
        ],
        command: "curl --user USER --request PUT --header 'Content-Type: application/json' --data \
                  @harbor-project.json https://HARBOR/api/v2.0/projects/PROJECT"
            .to_owned(),
        lost,
    }
}

fn allowlist_json(list: &Allowlist, indent: &str) -> String {
    let items: Vec<String> = list
        .items
        .iter()
        .map(|id| format!("\n{indent}    {{ \"cve_id\": {} }}", quoted(id)))
        .collect();
    let expires = match list.expires_at {
        Some(seconds) => seconds.to_string(),
        None => "null".to_owned(),
    };
    let end = if items.is_empty() {
        String::new()
    } else {
        format!("\n{indent}  ")
    };
    format!(
        "{{\n{indent}  \"expires_at\": {expires},\n{indent}  \"items\": [{}{end}]\n{indent}}}",
        items.join(",")
    )
}

/// A project, its metadata, or an allowlist, as Harbor's API gives them.
#[derive(Deserialize)]
struct Document {
    metadata: Option<Metadata>,
    cve_allowlist: Option<ListDocument>,
    items: Option<Vec<Item>>,
    expires_at: Option<i64>,
    project_id: Option<i64>,
    #[serde(flatten)]
    bare: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    prevent_vul: Option<String>,
    severity: Option<String>,
    reuse_sys_cve_allowlist: Option<String>,
}

#[derive(Deserialize)]
struct ListDocument {
    items: Option<Vec<Item>>,
    expires_at: Option<i64>,
}

#[derive(Deserialize)]
struct Item {
    cve_id: String,
}

/// Reads what Harbor's API gives: a project (`/projects/{project}`), a project's metadata
/// (`/projects/{project}/metadatas`), or an allowlist (`/system/CVEAllowlist`, or the
/// `cve_allowlist` of a project).
///
/// # Errors
/// When it is none of these, or the allowlist has an empty id or one twice, as Harbor refuses them.
pub fn read(text: &str) -> Result<Translated<Settings>, ImportError> {
    check_size(text)?;
    let document: Document = shared::read_json(text)?;
    let mut settings = Settings::default();
    let mut lost = Vec::new();
    let is_bare = document.bare.prevent_vul.is_some() || document.bare.severity.is_some();
    if document.metadata.is_none() && document.items.is_none() && !is_bare {
        return Err(ImportError::refused(
            "neither a project, nor its metadata, nor an allowlist of Harbor",
        ));
    }
    if let Some(items) = document.items {
        let list = allowlist(items, document.expires_at)?;
        let is_project = document.project_id.is_some_and(|project| project != 0);
        settings.reuse_sys_cve_allowlist = !is_project;
        match is_project {
            true => settings.project_allowlist = list,
            false => settings.system_allowlist = list,
        }
        lost.push(
            "an allowlist says neither whether images are prevented nor from which severity on"
                .to_owned(),
        );
        return Ok(Translated {
            value: settings,
            lost,
        });
    }
    let metadata = document.metadata.unwrap_or(document.bare);
    let is_true = |value: &str| value.eq_ignore_ascii_case("true") || value == "1";
    // Absent keys: nothing is prevented, the severity is none that Harbor knows, and the system's
    // allowlist is reused.
    settings.prevent_vul = metadata.prevent_vul.as_deref().is_some_and(is_true);
    settings.severity = metadata.severity.unwrap_or_default();
    settings.reuse_sys_cve_allowlist = metadata
        .reuse_sys_cve_allowlist
        .as_deref()
        .is_none_or(is_true);
    if let Some(list) = document.cve_allowlist {
        settings.project_allowlist = allowlist(list.items.unwrap_or_default(), list.expires_at)?;
    }
    if settings.reuse_sys_cve_allowlist {
        lost.push("the project reuses the system allowlist, which is not in this file".to_owned());
    }
    Ok(Translated {
        value: settings,
        lost,
    })
}

fn allowlist(items: Vec<Item>, expires_at: Option<i64>) -> Result<Allowlist, ImportError> {
    check_count("ids", items.len(), MAX_RULES)?;
    let mut seen = std::collections::HashSet::new();
    for (number, item) in items.iter().enumerate() {
        let id = item.cve_id.trim();
        if id.is_empty() {
            return Err(ImportError::refused(format!("id {} is empty", number + 1)));
        }
        if !seen.insert(id) {
            return Err(ImportError::refused(format!("{id:?} is in the list twice")));
        }
    }
    Ok(Allowlist {
        items: items.into_iter().map(|item| item.cve_id).collect(),
        expires_at,
    })
}

impl Preset for Harbor {
    fn id(&self) -> &'static str {
        ID
    }

    fn title(&self) -> &'static str {
        "Harbor"
    }

    fn about(&self) -> &'static str {
        "The registry refuses a pull with 412 Precondition Failed"
    }

    fn files(&self) -> &'static [&'static str] {
        &["harbor-project.json", "harbor-allowlist.json"]
    }

    fn settings(&self, policy: &Policy, now: Timestamp) -> Translated<super::Settings> {
        from_policy(policy, now).map(super::Settings::Harbor)
    }
}
