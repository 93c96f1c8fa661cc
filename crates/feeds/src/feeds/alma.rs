//! AlmaLinux: <https://errata.almalinux.org/9/errata.json>, one JSON file with all notices of a release.
//!
//! OSV has the same notices (ALSA), but without the stream of a module: of `nodejs:18` and `nodejs:20`
//! it would find the one vulnerable by the fix of the other. Where these files were read, OSV's
//! records of the release are left out.
//!
//! The shape is that of vuln-list-update's `alma` and its test data.

use lamina_advisories::rating::Rating;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use lamina_advisories::record::Day;

use super::{ALMA, Feed, FeedError, Input, file_and_folder};
use crate::{
    archive::decompressed,
    builder::Builder,
    limits::MAX_JSON_BYTES,
    location::Location,
    notice::{Fixes, Notice, architecture, evr, is_left_out},
};

pub(super) struct Alma;

impl Feed for Alma {
    fn id(&self) -> &'static str {
        ALMA
    }

    fn name(&self) -> &'static str {
        "AlmaLinux errata"
    }

    fn url(&self) -> &'static str {
        "https://errata.almalinux.org"
    }

    fn licence(&self) -> &'static str {
        "not stated: https://errata.almalinux.org"
    }

    fn locations(&self, _today: Day) -> Vec<Location> {
        let release = |release: &&str| {
            let path = format!("{release}/errata.json");
            Location::new(format!("{}/{path}", self.url()), path)
        };
        ["8", "9", "10"].iter().map(release).collect()
    }

    fn claims(&self, path: &str) -> bool {
        let (file, folder) = file_and_folder(path);
        matches!(file, "errata.json" | "errata.json.gz") && is_number(folder)
    }

    fn read(&self, mut input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        let path = input.path;
        let (_, release) = file_and_folder(path);
        let errata: Vec<Value> =
            serde_json::from_reader(decompressed(&mut input, MAX_JSON_BYTES)?)?;
        for erratum in errata {
            out.count(self);
            let id = erratum.get("updateinfo_id").and_then(Value::as_str);
            let id = id.unwrap_or("?").to_owned();
            match Erratum::deserialize(erratum) {
                Ok(erratum) => self.convert(erratum, release, path, out),
                Err(error) => {
                    let what = format!("{id}: {error}");
                    out.skip(self.id(), "unreadable: erratum", path, &what);
                }
            }
        }
        Ok(())
    }
}

impl Alma {
    fn convert(&self, erratum: Erratum, release: &str, path: &str, out: &mut Builder) {
        let id = &erratum.id;
        let word = Rating::from_word("alma", erratum.severity.as_deref().unwrap_or_default());
        let ratings: Vec<Rating> = word.into_iter().collect();
        let references = erratum.references.iter();
        let cves = references.clone().map(|reference| reference.id.trim());
        let cves = cves.filter(|id| id.starts_with("CVE-"));
        let notice = Notice {
            id: id.clone(),
            vulnerabilities: cves.map(|cve| (cve.to_owned(), ratings.clone())).collect(),
            issued: erratum.issued,
            updated: erratum.updated,
            summary: erratum.title,
            details: erratum.description.unwrap_or_default(),
            references: references.map(|reference| reference.href.clone()).collect(),
            ..Notice::default()
        };
        if notice.vulnerabilities.is_empty() {
            out.skip(self.id(), "left out: a notice about no CVE", path, id);
            return;
        }
        let mut fixes = Fixes::default();
        let list = erratum.pkglist.unwrap_or_default();
        let module = list.module.and_then(|module| {
            let (name, stream) = (module.name?, module.stream?);
            (!name.is_empty()).then(|| format!("{name}:{stream}"))
        });
        for package in list.packages {
            if is_left_out(&package.name, &package.architecture) {
                continue;
            }
            let version = evr(package.epoch.as_deref(), &package.version, &package.release);
            // A module's notice may bring packages that are of no module.
            let module = module.clone().filter(|_| version.contains(".module"));
            if module.is_none() && version.contains(".module") {
                let what = format!("{id} on {}", package.name);
                let reason = "left out: a module's package without the module";
                out.skip(self.id(), reason, path, &what);
                continue;
            }
            let architecture = architecture(&package.architecture);
            fixes.add(&package.name, module, architecture, &version);
        }
        if fixes.is_empty() {
            out.skip(self.id(), "left out: names no package", path, id);
            return;
        }
        let notice = Notice {
            fixes: [(format!("almalinux:{release}"), fixes)].into(),
            ..notice
        };
        out.add_part(self, notice.into_record());
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[derive(Debug, Deserialize)]
struct Erratum {
    #[serde(rename = "updateinfo_id")]
    id: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    severity: Option<String>,
    #[serde(rename = "issued_date", default, deserialize_with = "date")]
    issued: Option<String>,
    #[serde(rename = "updated_date", default, deserialize_with = "date")]
    updated: Option<String>,
    #[serde(default)]
    references: Vec<Reference>,
    #[serde(default)]
    pkglist: Option<List>,
}

#[derive(Debug, Deserialize)]
struct Reference {
    #[serde(default)]
    id: String,
    #[serde(default)]
    href: String,
}

#[derive(Debug, Default, Deserialize)]
struct List {
    #[serde(default)]
    packages: Vec<Package>,
    #[serde(default)]
    module: Option<Module>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    version: String,
    release: String,
    #[serde(default)]
    epoch: Option<String>,
    #[serde(rename = "arch", default)]
    architecture: String,
}

#[derive(Debug, Deserialize)]
struct Module {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    stream: Option<String>,
}

/// `{"$date": 1629790196000}`, in milliseconds, as a day; or text.
fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let value = value.get("$date").unwrap_or(&value);
    if let Some(text) = value.as_str() {
        return Ok(Some(text.to_owned()));
    }
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    let days = value.as_u64().map(|milliseconds| milliseconds / DAY_MS);
    let day = days.and_then(|days| u32::try_from(days).ok());
    let is_believable = |day: &u32| *day < 1_000_000;
    Ok(day
        .filter(is_believable)
        .map(|day| lamina_advisories::record::Day(day).to_string()))
}
