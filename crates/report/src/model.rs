//! The report: everything a scan says about one image.
//!
//! This is the wire format of `lamina scan --format json`, of past reports in the browser and, inside
//! a share link, of the link. Field names are part of the contract; [`FORMAT`] is raised when a reader
//! of the old one would misread the new.

use lamina_inventory::{
    facts::{Basis, IssueKind, PackageKind},
    severity::Severity,
};
pub use lamina_policy::Status;
use serde::{Deserialize, Serialize};

/// Version of this format.
pub const FORMAT: u32 = 1;

/// Everything a scan says about one image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`FORMAT`] of the writer.
    pub format: u32,
    /// When the scan ended, RFC 3339 in UTC.
    pub scanned_at: String,
    /// Name and version of the writer, e.g. `lamina 0.1.0`.
    pub scanner: String,
    /// The image.
    pub image: Image,
    /// Its layers, base first.
    pub layers: Vec<Layer>,
    /// The distribution, if a file named one.
    pub distribution: Option<Distribution>,
    /// Packages of the merged image, then those that a later layer removed.
    pub packages: Vec<Package>,
    /// Findings, worst first.
    pub findings: Vec<Finding>,
    /// Secrets, misconfigurations and licences that somebody should look at, worst first.
    #[serde(default)]
    pub issues: Vec<Issue>,
    /// Where the base image ends; `None` if nothing tells.
    #[serde(default)]
    pub base: Option<Base>,
    /// Whose the files are.
    #[serde(default)]
    pub accounts: Option<Accounts>,
    /// The advisory database that was asked; `None` if there was none.
    pub database: Option<Database>,
    /// What is missing from this report, and why.
    pub warnings: Vec<ReportWarning>,
    /// What was left out of this copy of the report, so that it fits where it is: a share link. What
    /// counts (layers' packages and files) is of the whole report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// That another tool made it ([`crate::imports`]); `None` for our own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<Imported>,
}

/// Something that was left out of a copy of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// What.
    pub what: LeftOutPart,
    /// How many there were.
    pub count: u64,
}

/// Parts of a report that a copy can do without, the dispensable first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LeftOutPart {
    /// Paths of files: those that waste most, and programs that no package names.
    Paths,
    /// What else is stated of packages, and what was found where in so many words.
    PackageDetails,
    /// Times and comments of build steps, labels.
    HistoryDetails,
    /// Packages without findings.
    Packages,
    /// What is found and what to do about it, of issues, in words.
    IssueProse,
    /// One line on what each vulnerability is.
    Titles,
    /// What EPSS percentiles have behind whole percents.
    PercentileDigits,
    /// Other ids of vulnerabilities than the one shown and the record's.
    Aliases,
}

impl LeftOut {
    /// In words: `312 packages without findings`.
    pub fn words(&self) -> String {
        let (one, many) = match self.what {
            LeftOutPart::Paths => ("path of a file", "paths of files"),
            LeftOutPart::PackageDetails => ("detail of a package", "details of packages"),
            LeftOutPart::HistoryDetails => ("detail of the history", "details of the history"),
            LeftOutPart::Packages => ("package without findings", "packages without findings"),
            LeftOutPart::IssueProse => ("explanation of an issue", "explanations of issues"),
            LeftOutPart::Titles => ("title of a finding", "titles of findings"),
            LeftOutPart::PercentileDigits => (
                "EPSS percentile's last digits",
                "EPSS percentiles' last digits",
            ),
            LeftOutPart::Aliases => (
                "other id of a vulnerability",
                "other ids of vulnerabilities",
            ),
        };
        format!(
            "{} {}",
            self.count,
            if self.count == 1 { one } else { many }
        )
    }
}

/// The report of another tool, as far as ours can say the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// The tool's name for people, e.g. `Trivy`.
    pub tool: String,
    /// Its version, if it says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The format's id in [`crate::imports::SOURCES`].
    pub format: String,
    /// Whether it lists packages that nothing was found in. If not, a package that is not here may well
    /// be in the image.
    #[serde(default)]
    pub lists_packages: bool,
    /// What it found, and left out by rules of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suppressed: Vec<Suppressed>,
    /// What it does not say, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

impl Imported {
    /// Name and version: `Trivy 0.50.1`.
    pub fn title(&self) -> String {
        match &self.version {
            Some(version) => format!("{} {version}", self.tool),
            None => self.tool.clone(),
        }
    }
}

/// What a tool found, and left out by rules of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppressed {
    /// Ids of the vulnerability.
    pub ids: Vec<String>,
    /// The package.
    pub package: String,
    /// Its version; empty if it does not say.
    pub version: String,
    /// Why, in the tool's words; empty if it does not say.
    #[serde(default)]
    pub why: String,
}

/// Which image, and how it says it is to be run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// What the user named: a reference, or an archive's file name.
    pub name: String,
    /// Digest of the image manifest; `None` for an archive that has none.
    pub digest: Option<String>,
    /// Digest of the index it was chosen from.
    pub index_digest: Option<String>,
    /// Digest of the config.
    pub config_digest: Option<String>,
    /// The platform, as `os/architecture[/variant]`.
    pub platform: String,
    /// All platforms that the index offers.
    pub platforms: Vec<String>,
    /// Creation time as the config has it.
    pub created: Option<String>,
    /// How it runs.
    pub config: RunConfig,
    /// How it was built, oldest step first, with the steps that made no layer.
    pub history: Vec<HistoryStep>,
}

/// The `config` object of the image config.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// User and group; empty means root.
    pub user: String,
    /// Environment, `NAME=value`.
    pub env: Vec<String>,
    /// Entry point.
    pub entrypoint: Vec<String>,
    /// Command, or arguments of the entry point.
    pub cmd: Vec<String>,
    /// Working directory.
    pub working_dir: String,
    /// Ports such as `80/tcp`.
    pub exposed_ports: Vec<String>,
    /// Volumes.
    pub volumes: Vec<String>,
    /// Labels, sorted by name.
    pub labels: Vec<(String, String)>,
    /// Signal that stops it.
    pub stop_signal: Option<String>,
    /// `["NONE"]`, or how its health is checked; `None` if it is not.
    #[serde(default)]
    pub healthcheck: Option<Vec<String>>,
}

/// One step of the build.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HistoryStep {
    /// The command, as `created_by` has it.
    pub created_by: String,
    /// When, RFC 3339.
    pub created: Option<String>,
    /// `comment`.
    pub comment: Option<String>,
    /// The layer it made: an index into [`Report::layers`]; `None` for a step that made none.
    pub layer: Option<usize>,
}

/// One layer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// Digest of the blob.
    pub digest: Option<String>,
    /// Digest of the uncompressed tar.
    pub diff_id: String,
    /// Identifies the stack up to this layer.
    pub chain_id: String,
    /// Media type as the manifest has it.
    pub media_type: String,
    /// Bytes of the blob.
    pub compressed_size: u64,
    /// Bytes of the uncompressed tar.
    pub uncompressed_size: u64,
    /// The build step that made it; empty if the history does not say.
    pub created_by: String,
    /// Files it adds that no layer below has.
    pub files_added: u64,
    /// Files it replaces.
    pub files_changed: u64,
    /// Files of layers below that it deletes.
    pub files_deleted: u64,
    /// Bytes of files in it.
    pub file_bytes: u64,
    /// Bytes of files in it that a later layer replaces or deletes.
    pub wasted_bytes: u64,
    /// Packages it introduced that are in the merged image.
    pub packages_added: u64,
    /// Packages that it removed.
    pub packages_removed: u64,
    /// Why it could not be read to its end; its facts are then incomplete.
    pub error: Option<String>,
}

/// A distribution release.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// `debian`, `alpine` …
    pub id: String,
    /// `12`, `3.19.1` …; `None` for rolling releases.
    pub version: Option<String>,
    /// The name for people.
    pub name: String,
    /// The file that names it.
    pub file: String,
    /// The release's codename, e.g. `bookworm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codename: Option<String>,
}

/// One package, and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Package {
    /// Package URL.
    pub purl: String,
    /// Which kind.
    pub kind: PackageKind,
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Architecture.
    pub architecture: Option<String>,
    /// Source package name and version.
    pub source: Option<(String, String)>,
    /// Licence as stated.
    pub licence: Option<String>,
    /// Layer that introduced this version: an index into [`Report::layers`]. In an imported report that
    /// does not say it, one past their end.
    pub layer: usize,
    /// The file it is read from.
    pub file: String,
    /// The layer whose copy of that file was read.
    pub file_layer: usize,
    /// First and last line in that file.
    pub lines: Option<(u32, u32)>,
    /// The layer that removed it; `None` if the merged image has it.
    pub removed_in: Option<usize>,
    /// The OS package that owns its files: an index into [`Report::packages`].
    pub owned_by: Option<usize>,
    /// How many files of the merged image it owns, where that is known.
    pub files: Option<u64>,
    /// Bytes of these, hard links not counted again.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Its place within `file`, if that is an archive.
    #[serde(default)]
    pub inner: Option<String>,
    /// How it is known that it is there.
    #[serde(default)]
    pub basis: Basis,
    /// What was found where, for people; `None` where file and lines say it all.
    #[serde(default)]
    pub evidence: Option<String>,
    /// Versions that it replaced, oldest first.
    #[serde(default)]
    pub earlier: Vec<EarlierVersion>,
    /// What else is stated of it, by kebab-case names, sorted.
    #[serde(default)]
    pub details: Vec<(String, String)>,
}

impl Package {
    /// A package of which nothing more is known. The other fields are public.
    pub fn new(kind: PackageKind, name: &str, version: &str) -> Self {
        Self {
            purl: String::new(),
            kind,
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: None,
            source: None,
            licence: None,
            layer: 0,
            file: String::new(),
            file_layer: 0,
            lines: None,
            removed_in: None,
            owned_by: None,
            files: None,
            bytes: None,
            inner: None,
            basis: Basis::default(),
            evidence: None,
            earlier: Vec::new(),
            details: Vec::new(),
        }
    }
}

/// A version that another one replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierVersion {
    /// The version.
    pub version: String,
    /// The layer that introduced it.
    pub layer: usize,
    /// The layer that replaced it.
    pub replaced_in: usize,
}

/// A finding that is about no package's vulnerability: a secret, a misconfiguration, a licence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// Which kind.
    pub kind: IssueKind,
    /// The rule that found it: kebab-case, never changes.
    pub rule: String,
    /// What it is, in a few words.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// What was found, with every secret redacted.
    #[serde(default)]
    pub excerpt: Option<String>,
    /// What to do about it, in a sentence.
    #[serde(default)]
    pub advice: Option<String>,
}

/// Where an issue is: in a file of a layer, or in the image's config.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The layer that brought it: an index into [`Report::layers`]; `None` if it is in the config
    /// alone.
    #[serde(default)]
    pub layer: Option<usize>,
    /// The file.
    #[serde(default)]
    pub file: Option<String>,
    /// First and last line in it, counted from 1.
    #[serde(default)]
    pub lines: Option<(u32, u32)>,
    /// The layer that deleted or replaced it; in the layers below it can still be read.
    #[serde(default)]
    pub removed_in: Option<usize>,
    /// The part of the config: `User`, `Env`, `history` …
    #[serde(default)]
    pub config: Option<String>,
}

/// The image that this one is built on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// How many of the lowest layers are the base's.
    pub layers: usize,
    /// Its name, where something says it.
    pub name: Option<String>,
    /// What says where it ends.
    pub basis: BaseBasis,
}

/// What says where the base image ends, the surest first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BaseBasis {
    /// The chain id of the layers is that of a known image.
    ChainId,
    /// An annotation or label names the base, the history where it ends.
    Annotation,
    /// The history alone: the last step of another build.
    #[default]
    History,
}

/// Whose the regular files of the merged image are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Accounts {
    /// Packages of the distribution.
    pub os: Share,
    /// Language packages.
    pub language: Share,
    /// Programs told by their bytes.
    pub classified: Share,
    /// Nobody's.
    pub unowned: Share,
    /// How many of nobody's files are programs (ELF, PE, Mach-O, or a script that may be executed);
    /// `None` if they were not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unnamed_executables: Option<u64>,
    /// Where these lie, sorted: the first 100, those of the lowest layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unnamed: Vec<String>,
    /// Bytes of all copies of paths that are written more than once, or written and deleted; dive's
    /// `inefficientBytes`.
    pub wasted_bytes: u64,
    /// 1 where nothing is wasted; dive's `efficiencyScore`.
    pub efficiency: f64,
    /// The paths that waste most, most first.
    pub wasted: Vec<Wasted>,
}

/// A part of the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Their number.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A path that is written more than once, or deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wasted {
    /// The path.
    pub path: String,
    /// In how many layers it stands.
    pub copies: u64,
    /// Bytes of all copies together.
    pub bytes: u64,
}

/// One finding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The id under which it is shown: the CVE where there is one, else the record's own.
    pub id: String,
    /// Other ids of the same vulnerability, sorted, with the record's own.
    pub aliases: Vec<String>,
    /// Which package has it: an index into [`Report::packages`].
    pub package: usize,
    /// Severity.
    pub severity: Severity,
    /// Who said so, e.g. `debian`, `cvss 3.1`.
    pub severity_source: Option<String>,
    /// CVSS vector, if the record has one.
    pub cvss: Option<String>,
    /// CVSS base score.
    pub score: Option<f64>,
    /// Whether and how it is fixed.
    pub status: Status,
    /// Versions that fix it, lowest first; those above the installed one.
    pub fixed_in: Vec<String>,
    /// One line on what it is, if the match shard carries it.
    pub title: Option<String>,
    /// Why the record applies.
    pub evidence: Evidence,
    /// How likely it is exploited, if the database knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epss: Option<Epss>,
    /// That it is exploited, if CISA lists it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kev: Option<Kev>,
    /// What kinds of weakness it is: the numbers of [CWE](https://cwe.mitre.org), sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cwes: Vec<u32>,
    /// The day on which it was published, `2024-03-29`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<String>,
    /// The day on which the advisory was last changed, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<String>,
    /// The day on which the version that fixes it became available, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix_published: Option<String>,
}

/// How likely a vulnerability is exploited within 30 days, by FIRST's
/// [EPSS](https://www.first.org/epss/).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Epss {
    /// The probability, from 0 to 1.
    pub score: f64,
    /// The share of all vulnerabilities that are no likelier, from 0 to 1.
    pub percentile: f64,
}

/// What CISA's catalogue of known exploited vulnerabilities says of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kev {
    /// The day since when it is listed, `2024-03-29`.
    pub added: String,
    /// The day by which United States agencies must have it fixed, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// Whether ransomware is known to use it.
    #[serde(default)]
    pub ransomware: bool,
}

/// Why a record applies to a package.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Id of the record that matched.
    pub record: String,
    /// The shard it is in, e.g. `debian:12`.
    pub shard: String,
    /// Where the record comes from, e.g. `OSV`.
    pub source: String,
    /// The name that was looked up (the source package for Debian).
    pub matched_name: String,
    /// The version that was compared.
    pub matched_version: String,
    /// The order that compared, e.g. `dpkg`.
    pub order: String,
    /// The range that holds the version, e.g. `>= 0, < 3.0.11-1~deb12u2`.
    pub range: String,
}

/// Which advisory database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// Digest of its index.
    pub digest: String,
    /// When it was built, RFC 3339.
    pub built_at: String,
    /// A name for people, e.g. `demo`.
    pub name: String,
    /// The shards that were asked, with the date of each one's newest record.
    pub shards: Vec<ShardUse>,
    /// Ecosystems of packages in this image that the database has no shard for.
    pub missing: Vec<String>,
    /// Keys of the shards that this image needs and that could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

/// A shard that was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardUse {
    /// Its key, e.g. `debian:12`.
    pub key: String,
    /// Date of its source, RFC 3339.
    pub source_date: Option<String>,
    /// Compressed bytes.
    pub bytes: u64,
}

/// Something that is missing from the report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportWarning {
    /// The layer it is about, if one.
    pub layer: Option<usize>,
    /// What happened, in a sentence.
    pub message: String,
    /// It is about matching: another database may have none of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_of_matching: bool,
}

impl ReportWarning {
    /// About the image as a whole.
    pub fn of_image(message: impl Into<String>) -> Self {
        Self {
            layer: None,
            message: message.into(),
            is_of_matching: false,
        }
    }

    /// About a layer.
    pub fn of_layer(layer: usize, message: impl Into<String>) -> Self {
        Self {
            layer: Some(layer),
            ..Self::of_image(message)
        }
    }

    /// About matching.
    pub fn of_matching(message: impl Into<String>) -> Self {
        Self {
            is_of_matching: true,
            ..Self::of_image(message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_from_before_epss_still_open_and_absent_fields_are_not_written() {
        let old = r#"{"id":"CVE-1","aliases":[],"package":0,"severity":"low","severity_source":null,"cvss":null,"score":null,"status":"affected","fixed_in":[],"title":null,"evidence":{"record":"CVE-1","shard":"debian:12","source":"OSV","matched_name":"a","matched_version":"1","order":"dpkg","range":">= 0"}}"#;
        let finding: Finding = serde_json::from_str(old).unwrap();
        assert_eq!((finding.epss, finding.kev.as_ref()), (None, None));
        assert_eq!(serde_json::to_string(&finding).unwrap(), old);
        for status in [
            Status::WillNotFix,
            Status::FixDeferred,
            Status::UnderInvestigation,
            Status::EndOfLife,
            Status::Possible,
        ] {
            let text = serde_json::to_string(&status).unwrap();
            assert_eq!(serde_json::from_str::<Status>(&text).unwrap(), status);
        }
    }
}
