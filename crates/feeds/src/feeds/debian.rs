//! Debian's security tracker: <https://security-tracker.debian.org/tracker/data/json>.
//!
//! One object: source package, then CVE, then release. A release is `resolved` in a version, `open`,
//! or `undetermined` (left out). A resolution in version `0` says that the package was never
//! affected. Urgencies are Debian's severity; most are not assigned. `nodsa` and `nodsa_reason` are
//! not used yet.

use std::{collections::BTreeMap, fmt};

use lamina_advisories::{
    ecosystem::DEBIAN_CODENAMES,
    rating::Rating,
    record::{Advisory, Affected, Day, RangeEnd, Statement, VersionRange},
    shard::prose::Prose,
};
use serde::{
    Deserialize, Deserializer as _,
    de::{MapAccess, Visitor},
};
use serde_json::Value;

use super::{Feed, FeedError, Input, file_and_folder};
use crate::{
    archive::decompressed,
    builder::{Builder, Entry},
    limits::MAX_JSON_BYTES,
    location::Location,
};

pub(super) struct Debian;

impl Feed for Debian {
    fn id(&self) -> &'static str {
        "debian"
    }

    fn name(&self) -> &'static str {
        "Debian security tracker"
    }

    fn url(&self) -> &'static str {
        "https://security-tracker.debian.org/tracker/data/json"
    }

    fn licence(&self) -> &'static str {
        "MIT"
    }

    fn locations(&self, _today: Day) -> Vec<Location> {
        vec![Location::new(self.url(), "debian/debian.json")]
    }

    fn claims(&self, path: &str) -> bool {
        let (file, folder) = file_and_folder(path);
        let is_ours = matches!(file, "debian.json" | "debian.json.gz") && folder == "debian";
        is_ours
            || path.ends_with("tracker/data/json")
            || file.starts_with("debian-security-tracker")
    }

    fn read(&self, mut input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        let path = input.path;
        let reader = decompressed(&mut input, MAX_JSON_BYTES)?;
        let mut deserializer = serde_json::Deserializer::from_reader(reader);
        deserializer.deserialize_map(Packages {
            feed: self,
            path,
            out,
        })?;
        deserializer.end()?;
        Ok(())
    }
}

/// Reads package by package: the whole is too large to hold.
struct Packages<'a> {
    feed: &'a Debian,
    path: &'a str,
    out: &'a mut Builder,
}

impl<'de> Visitor<'de> for Packages<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Debian's source packages")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((package, issues)) = map.next_entry::<String, BTreeMap<String, Value>>()? {
            for (id, issue) in issues {
                self.out.count(self.feed);
                match Issue::deserialize(issue) {
                    Ok(issue) => self.feed.convert(&package, &id, issue, self.path, self.out),
                    Err(error) => {
                        let what = format!("{id} in {package}: {error}");
                        self.out
                            .skip(self.feed.id(), "unreadable: issue", self.path, &what);
                    }
                }
            }
        }
        Ok(())
    }
}

impl Debian {
    fn convert(&self, package: &str, id: &str, issue: Issue, path: &str, out: &mut Builder) {
        let description = issue.description.unwrap_or_default();
        for (codename, release) in issue.releases {
            let what = format!("{id} in {package}, {codename}");
            let Some((_, number)) = DEBIAN_CODENAMES.iter().find(|(name, _)| *name == codename)
            else {
                out.skip(self.id(), "left out: unknown release", path, &what);
                continue;
            };
            let (statement, end) = match (release.status.as_str(), release.fixed_version) {
                ("resolved", Some(version)) if version == "0" => {
                    (Statement::NotAffected, RangeEnd::Never)
                }
                ("resolved", Some(version)) => (Statement::Affected, RangeEnd::Fixed(version)),
                ("open", _) => (Statement::Affected, RangeEnd::Never),
                ("undetermined", _) => {
                    out.skip(self.id(), "left out: undetermined", path, &what);
                    continue;
                }
                _ => {
                    out.skip(self.id(), "unreadable: status", path, &what);
                    continue;
                }
            };
            let urgency = release.urgency.unwrap_or_default();
            let entry = Entry {
                key: format!("debian:{number}"),
                order: "dpkg",
                package: package.to_owned(),
                advisory: Advisory {
                    id: id.to_owned(),
                    record: id.to_owned(),
                    ratings: Rating::from_word("debian", urgency.trim_end_matches('*'))
                        .into_iter()
                        .collect(),
                    ..Advisory::default()
                },
                affected: Affected {
                    statement,
                    ranges: vec![VersionRange {
                        introduced: None,
                        end,
                    }],
                    ..Affected::default()
                },
            };
            let prose = || Prose {
                details: description.clone(),
                references: vec![format!("https://security-tracker.debian.org/tracker/{id}")],
                ..Prose::default()
            };
            out.add_to(self, id, prose, entry);
        }
    }
}

#[derive(Debug, Deserialize)]
struct Issue {
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    releases: BTreeMap<String, Release>,
}

#[derive(Debug, Deserialize)]
struct Release {
    status: String,
    #[serde(default)]
    fixed_version: Option<String>,
    #[serde(default)]
    urgency: Option<String>,
}
