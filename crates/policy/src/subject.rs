//! What a policy is told of an image.
//!
//! All of it is lent by the report: building a [`Subject`] copies no text, so that it can be built
//! anew whenever a slider moves.

use std::borrow::Cow;

use lamina_inventory::{facts::IssueKind, severity::Severity};
use serde::{Deserialize, Serialize};

use crate::{
    exceptions::Thing,
    vex::{Format, VexStatus},
};

/// An image, and what was found in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subject<'a> {
    /// Which image.
    pub image: Image<'a>,
    /// Its vulnerabilities.
    pub findings: Vec<Finding<'a>>,
    /// Its secrets, misconfigurations and licences that need attention.
    pub issues: Vec<Issue<'a>>,
    /// Its packages: findings refer to them by index.
    pub packages: Vec<Package<'a>>,
    /// What was not looked at.
    pub gaps: Vec<Gap>,
    /// What VEX documents say that applies to it; see [`crate::vex`].
    pub vex: Vec<VexMatch<'a>>,
    /// What custom rules say, which are judged elsewhere (`lamina-rego`).
    pub custom: Vec<CustomOutcome<'a>>,
}

/// An image as it says it is to be run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Image<'a> {
    /// As the user named it: a reference, or an archive's file name.
    pub name: &'a str,
    /// Digest of the manifest.
    pub digest: Option<&'a str>,
    /// When it was created, RFC 3339.
    pub created: Option<&'a str>,
    /// Its labels.
    pub labels: &'a [(String, String)],
    /// Executables that no package owns and no classifier names; `None` if they were not counted.
    pub unnamed_executables: Option<u64>,
}

/// A package.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Package<'a> {
    /// Name.
    pub name: &'a str,
    /// Version.
    pub version: &'a str,
    /// Package URL.
    pub purl: &'a str,
    /// Name of the source package, where it differs.
    pub source: Option<&'a str>,
    /// The file it is read from.
    pub file: &'a str,
    /// Its licence as stated.
    pub licence: Option<&'a str>,
    /// The layer that introduced it.
    pub layer: usize,
    /// Whether that layer is the base image's; `false` where nobody can tell.
    pub is_of_base: bool,
    /// Whether a later layer removed it.
    pub is_removed: bool,
}

/// A vulnerability in a package.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Finding<'a> {
    /// The id under which it is shown.
    pub id: &'a str,
    /// Other ids of the same vulnerability.
    pub aliases: &'a [String],
    /// Severity.
    pub severity: Severity,
    /// Whether and how it is fixed.
    pub status: Status,
    /// Versions that fix it, lowest first.
    pub fixed_in: &'a [String],
    /// Which package has it: an index into [`Subject::packages`].
    pub package: usize,
    /// The package itself.
    pub at: Package<'a>,
    /// The order of its versions, e.g. `dpkg`: an id of [`lamina_advisories::orders`].
    pub order: &'a str,
    /// Where the advisory is from: the shard's key, e.g. `debian:12`.
    pub namespace: &'a str,
    /// The probability that it is exploited within 30 days (EPSS), from 0 to 1.
    pub epss: Option<f64>,
    /// The day since when CISA lists it as exploited, `2024-03-29`.
    pub exploited_since: Option<&'a str>,
    /// The day on which the advisory was published, likewise.
    pub published: Option<&'a str>,
    /// The day on which the version that fixes it became available, likewise.
    pub fix_published: Option<&'a str>,
}

/// A secret, a misconfiguration, or a licence that needs attention.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Issue<'a> {
    /// Which kind.
    pub kind: IssueKind,
    /// The rule that found it.
    pub rule: &'a str,
    /// What it is, in a few words.
    pub title: &'a str,
    /// How bad it is.
    pub severity: Severity,
    /// The layer that brought it; `None` if it is in the config.
    pub layer: Option<usize>,
    /// The file.
    pub file: Option<&'a str>,
    /// Whether the base image brought it.
    pub is_of_base: bool,
}

/// Something that was not looked at: an image that has it does not pass unseen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gap {
    /// Layers that could not be read to their end.
    Layers(Vec<usize>),
    /// No advisory database was asked.
    NoDatabase,
    /// Parts of the advisory database that could not be read.
    Shards(Vec<String>),
}

/// A statement of a VEX document that applies to a finding.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct VexMatch<'a> {
    /// Which finding: an index into [`Subject::findings`].
    pub finding: usize,
    /// Whether the statement says that it does not count (`not_affected`, `fixed`).
    pub suppresses: bool,
    /// The document and statement, for people: `OpenVEX of security@example.org, 2026-11-01:
    /// CVE-2024-1 not affected: …`.
    pub statement: &'a str,
    /// The statement that Grype takes, where that says the contrary: it takes the oldest of several.
    pub in_grype: Option<&'a str>,
    /// The document's format.
    pub format: Format,
    /// Who made the document, as it says itself.
    pub author: Option<&'a str>,
    /// What the statement says.
    pub status: VexStatus,
    /// Its justification, a word of the format's list.
    pub justification: Option<&'a str>,
    /// Why the product is not affected, or what to do about it.
    pub impact: Option<&'a str>,
}

impl<'a> VexMatch<'a> {
    /// The statement for people, and what Grype would say where that is the contrary.
    pub fn words(&self) -> Cow<'a, str> {
        match self.in_grype {
            None => Cow::Borrowed(self.statement),
            Some(other) => {
                let statement = self.statement;
                Cow::Owned(format!(
                    "{statement} (the newest statement; Grype takes the oldest: {other})"
                ))
            }
        }
    }
}

/// What one custom rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomOutcome<'a> {
    /// The rule's name in the policy.
    pub name: &'a str,
    /// Whether the image passes.
    pub level: crate::Level,
    /// Why, in a sentence.
    pub reason: String,
}

/// What the source of an advisory says of a package in its release.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Status {
    /// Affected; a fixed version exists.
    Fixed,
    /// Affected; no fixed version is known.
    #[default]
    Affected,
    /// Affected, and the vendor will not fix it.
    WillNotFix,
    /// Affected, and the vendor will fix it later.
    FixDeferred,
    /// The vendor has not found out yet whether it is affected.
    UnderInvestigation,
    /// Affected, and the release or product is no longer looked after.
    EndOfLife,
    /// Affected by what others than the vendor say.
    Possible,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Fixed,
        Self::Affected,
        Self::WillNotFix,
        Self::FixDeferred,
        Self::UnderInvestigation,
        Self::EndOfLife,
        Self::Possible,
    ];

    /// In a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Affected => "no fix",
            Self::WillNotFix => "will not be fixed",
            Self::FixDeferred => "fix deferred",
            Self::UnderInvestigation => "under investigation",
            Self::EndOfLife => "end of life",
            Self::Possible => "possible, no fix",
        }
    }

    /// In a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Fixed => "A fixed version exists",
            Self::Affected => "No fixed version is known",
            Self::WillNotFix => "The vendor will not fix it",
            Self::FixDeferred => "The vendor will fix it later",
            Self::UnderInvestigation => {
                "The vendor has not found out yet whether this package is affected"
            }
            Self::EndOfLife => "No fix will come: this release is no longer looked after",
            Self::Possible => {
                "No fixed version is known; that it is affected is not said by its vendor"
            }
        }
    }
}

impl<'a> Finding<'a> {
    /// What an exception is asked about.
    pub(crate) fn thing(&'a self) -> Thing<'a> {
        Thing {
            id: self.id,
            aliases: self.aliases,
            package: Some(&self.at),
            file: Some(self.at.file),
            layer: Some(self.at.layer),
        }
    }

    /// Whether a version that fixes it exists.
    pub fn is_fixable(&self) -> bool {
        self.status == Status::Fixed
    }
}

impl<'a> Issue<'a> {
    /// What an exception is asked about.
    pub(crate) fn thing(&'a self) -> Thing<'a> {
        Thing {
            id: self.rule,
            aliases: &[],
            package: None,
            file: self.file,
            layer: self.layer,
        }
    }
}
