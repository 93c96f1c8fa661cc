//! What other tools would say of the same image.
//!
//! A preset is one file under `presets/` and one line in [`PRESETS`]: the settings that the tool has,
//! how it judges with them, how its own files are read into them, and how they are written again.
//! docs/presets.md lists the rules that are followed, each with its source.
//!
//! Each tool sees a finding in its own way: under another id, another severity, another word for
//! whether it is fixed. Every file says how it maps ours.
//!
//! ```
//! use lamina_inventory::severity::Severity;
//! use lamina_policy::{Finding, Policy, Subject, presets::PRESETS};
//!
//! let policy = Policy::parse("fail-on: high").unwrap();
//! let subject = Subject {
//!     findings: vec![Finding { id: "CVE-2024-1", severity: Severity::High, ..Finding::default() }],
//!     ..Subject::default()
//! };
//! let now = "2026-11-23T00:00:00Z".parse().unwrap();
//! let codes: Vec<(&str, u16)> = PRESETS
//!     .iter()
//!     .map(|preset| preset.settings(&policy, now).value.judge(&subject, now))
//!     .map(|decision| (decision.tool, decision.code))
//!     .collect();
//! assert_eq!(codes, [("harbor", 412), ("grype", 2), ("trivy", 1), ("osv-scanner", 128)]);
//! ```

pub mod grype;
pub mod harbor;
pub mod osv_scanner;
mod shared;
pub mod trivy;

use std::{fmt, str::FromStr};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

pub use self::shared::{ImportError, MAX_CONDITIONS, MAX_FILE_BYTES, MAX_RULES};
use crate::{Expiry, Policy, Subject};

/// All presets, in the order in which they are shown.
pub const PRESETS: &[&dyn Preset] = &[
    &harbor::Harbor,
    &grype::Grype,
    &trivy::Trivy,
    &osv_scanner::OsvScanner,
];

/// The preset of that id.
pub fn by_id(id: &str) -> Option<&'static dyn Preset> {
    PRESETS.iter().copied().find(|preset| preset.id() == id)
}

/// A tool that judges images by settings of its own.
pub trait Preset: Sync {
    /// Its name in files and links; kebab-case, never changes.
    fn id(&self) -> &'static str;
    /// Its name for people.
    fn title(&self) -> &'static str;
    /// Where it judges, and what it answers with, in a sentence.
    fn about(&self) -> &'static str;
    /// The names of the files that [`read`] reads.
    fn files(&self) -> &'static [&'static str];
    /// The settings that come nearest to a policy, and what of it they cannot say.
    fn settings(&self, policy: &Policy, now: Timestamp) -> Translated<Settings>;
}

/// Reads a file of the tool with this preset; what the file does not say has the tool's default. The
/// remarks are what the tool itself would warn of, or pass over without a word. `None` if no preset has
/// that id.
///
/// Not part of [`Preset`], so that a program which only judges carries no readers of YAML and TOML.
pub fn read(
    tool: &str,
    name: &str,
    text: &str,
) -> Option<Result<Translated<Settings>, ImportError>> {
    // The extension decides, as in Trivy.
    let is_yaml = name.ends_with(".yaml") || name.ends_with(".yml");
    Some(match tool {
        harbor::ID => harbor::read(text).map(|read| read.map(Settings::Harbor)),
        grype::ID => grype::read(text).map(|read| read.map(Settings::Grype)),
        trivy::ID if is_yaml => trivy::read(text).map(|read| read.map(Settings::Trivy)),
        trivy::ID => trivy::read_plain(text).map(|read| read.map(Settings::Trivy)),
        osv_scanner::ID => osv_scanner::read(text).map(|read| read.map(Settings::OsvScanner)),
        _ => return None,
    })
}

/// The settings of one tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "tool", rename_all = "kebab-case")]
pub enum Settings {
    /// Harbor's.
    Harbor(harbor::Settings),
    /// Grype's.
    Grype(grype::Settings),
    /// Trivy's.
    Trivy(trivy::Settings),
    /// osv-scanner's.
    OsvScanner(osv_scanner::Settings),
}

impl Settings {
    /// The id of the tool's preset.
    pub fn tool(&self) -> &'static str {
        match self {
            Self::Harbor(_) => harbor::ID,
            Self::Grype(_) => grype::ID,
            Self::Trivy(_) => trivy::ID,
            Self::OsvScanner(_) => osv_scanner::ID,
        }
    }

    /// Checks settings that no reader of files made, but a link or a store.
    ///
    /// # Errors
    /// When there is more of something than a file may have.
    pub fn check(self) -> Result<Self, ImportError> {
        match &self {
            Self::Harbor(settings) => settings.check(),
            Self::Grype(settings) => settings.check(),
            Self::Trivy(settings) => settings.check(),
            Self::OsvScanner(settings) => settings.check(),
        }?;
        Ok(self)
    }

    /// What the tool says of an image with these settings.
    pub fn judge(&self, subject: &Subject<'_>, now: Timestamp) -> Decision {
        match self {
            Self::Harbor(settings) => harbor::judge(settings, subject, now),
            Self::Grype(settings) => grype::judge(settings, subject, now),
            Self::Trivy(settings) => trivy::judge(settings, subject, now),
            Self::OsvScanner(settings) => osv_scanner::judge(settings, subject, now),
        }
    }

    /// The policy that comes nearest to them, and what of them it cannot say.
    pub fn to_policy(&self) -> Translated<Policy> {
        match self {
            Self::Harbor(settings) => harbor::to_policy(settings),
            Self::Grype(settings) => grype::to_policy(settings),
            Self::Trivy(settings) => trivy::to_policy(settings),
            Self::OsvScanner(settings) => osv_scanner::to_policy(settings),
        }
    }

    /// The files in which the tool reads them, and the command that goes with those; `image` is what
    /// the command is about.
    pub fn export(&self, image: &str) -> Export {
        match self {
            Self::Harbor(settings) => harbor::export(settings),
            Self::Grype(settings) => grype::export(settings, image),
            Self::Trivy(settings) => trivy::export(settings, image),
            Self::OsvScanner(settings) => osv_scanner::export(settings, image),
        }
    }
}

/// What a tool says of an image.
///
/// Every finding is either counted or left out; so is every issue that the tool looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The id of its preset.
    pub tool: &'static str,
    /// Whether it lets the image pass.
    pub allows: bool,
    /// The exit status of a command, or the HTTP status of a registry.
    pub code: u16,
    /// What it says, in its own words; empty if it says nothing.
    pub message: String,
    /// The findings because of which it does not let the image pass, or would not if it were asked to
    /// fail: indexes into [`Subject::findings`].
    pub counted: Vec<usize>,
    /// The other findings, and why each does not count.
    pub left_out: Vec<(usize, String)>,
    /// The issues that count likewise: indexes into [`Subject::issues`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub counted_issues: Vec<usize>,
    /// The other issues, and why each does not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out_issues: Vec<(usize, String)>,
    /// The packages that count for their licence: indexes into [`Subject::packages`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub counted_packages: Vec<usize>,
    /// What should be known of this decision: settings that the tool passes over, and what Lamina
    /// cannot know.
    pub notes: Vec<String>,
}

/// Something in another's terms, and what could not be said there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Translated<T> {
    /// The thing.
    pub value: T,
    /// What was lost or changes its meaning, one sentence each.
    pub lost: Vec<String>,
}

impl<T> Translated<T> {
    /// The same of another thing.
    fn map<U>(self, to: impl FnOnce(T) -> U) -> Translated<U> {
        Translated {
            value: to(self.value),
            lost: self.lost,
        }
    }
}

/// Files for a tool, and how it is told to use them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Export {
    /// The files, the one that the command names first.
    pub files: Vec<ExportFile>,
    /// The command line.
    pub command: String,
    /// What of the settings neither says.
    pub lost: Vec<String>,
}

/// A file for a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExportFile {
    /// Its name.
    pub name: &'static str,
    /// What is in it.
    pub text: String,
}

/// A time in a tool's settings. Written in RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment(pub Timestamp);

impl Moment {
    /// The beginning of a day in UTC, written `2027-01-31`.
    pub fn of_day(day: &str) -> Option<Self> {
        if day.len() != "2027-01-31".len() {
            return None;
        }
        let date: jiff::civil::Date = day.parse().ok()?;
        let start = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok();
        // The last day of all begins after the last time that can be told.
        start
            .or((date.year() == 9999).then_some(Timestamp::MAX))
            .map(Self)
    }

    /// The day, if it is the beginning of one in UTC.
    pub fn day(self) -> Option<String> {
        let civil = TimeZone::UTC.to_datetime(self.0);
        (civil.time() == jiff::civil::Time::midnight()).then(|| civil.date().to_string())
    }

    /// The beginning of its day in UTC.
    fn start_of_day(self) -> Self {
        let civil = TimeZone::UTC.to_datetime(self.0);
        Self::of_day(&civil.date().to_string()).unwrap_or(self)
    }

    /// As an exception has it that stops counting at this time.
    fn to_expiry(self) -> Option<Expiry> {
        let civil = TimeZone::UTC.to_datetime(self.0);
        let is_midnight = civil.time() == jiff::civil::Time::midnight();
        let last_day = civil.date().yesterday().ok().filter(|_| is_midnight);
        match last_day {
            Some(day) => day.to_string().parse().ok(),
            None => self.to_string().parse().ok(),
        }
    }
}

impl From<&Expiry> for Moment {
    fn from(expiry: &Expiry) -> Self {
        Self(expiry.end())
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| {
            let start: String = text.chars().take(40).collect();
            format!("{start:?} is no time (2027-01-31T12:00:00Z)")
        })
    }
}

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.to_string()
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_preset_file_is_listed_once_under_its_name() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/presets");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .map(|name| name.replace('_', "-"))
            .filter(|name| name != "shared")
            .collect();
        let ids: Vec<&str> = PRESETS.iter().map(|preset| preset.id()).collect();
        let listed: BTreeSet<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        assert_eq!(files, listed);
        assert_eq!(listed.len(), ids.len());
        let now = Timestamp::UNIX_EPOCH;
        for preset in PRESETS {
            let settings = preset.settings(&Policy::default(), now).value;
            assert_eq!(settings.tool(), preset.id());
            assert!(by_id(preset.id()).is_some());
        }
    }

    #[test]
    fn a_moment_and_an_expiry_are_the_same_time() {
        let check = |moment: &str, expiry: &str| {
            let moment: Moment = moment.parse().unwrap();
            let made = moment.to_expiry().unwrap();
            assert_eq!(made.to_string(), expiry);
            assert_eq!(Moment::from(&made), moment);
        };
        check("2027-02-01T00:00:00Z", "2027-01-31");
        check("2027-02-01T00:00:01Z", "2027-02-01T00:00:01Z");
        check("2027-02-01T02:00:00+02:00", "2027-01-31");
        assert_eq!(Moment::of_day("2027-02-30"), None);
        assert_eq!(Moment::of_day("2027-2-3"), None);
        let day = Moment::of_day("2027-02-28").unwrap();
        assert_eq!(day.day().as_deref(), Some("2027-02-28"));
    }
}
