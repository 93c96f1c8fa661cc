//! Arch Linux: <https://security.archlinux.org/all.json>, groups of vulnerabilities of some packages (AVG).
//!
//! A group says in which version the packages are affected and, once it is known, in which they are
//! fixed. Earlier versions are affected as far as anybody knows.
//!
//! The shape is that of vunnel's `tests/unit/providers/arch/test-fixtures/input` and vuln-list-update's
//! `arch/testdata`.

use lamina_advisories::{
    rating::Rating,
    record::{Advisory, Affected, Day, RangeEnd, Statement, VersionRange},
    shard::prose::Prose,
};
use serde::Deserialize;
use serde_json::Value;

use super::{Feed, FeedError, Input};
use crate::{
    archive::decompressed,
    builder::{Builder, Entry, Record, title},
    limits::MAX_JSON_BYTES,
    location::Location,
};

pub(super) struct Arch;

impl Feed for Arch {
    fn id(&self) -> &'static str {
        "arch"
    }

    fn name(&self) -> &'static str {
        "Arch Linux"
    }

    fn url(&self) -> &'static str {
        "https://security.archlinux.org/all.json"
    }

    fn licence(&self) -> &'static str {
        "not stated: https://security.archlinux.org"
    }

    fn locations(&self, _today: Day) -> Vec<Location> {
        vec![Location::new(self.url(), "all.json")]
    }

    fn claims(&self, path: &str) -> bool {
        [
            "security.archlinux.org/all.json",
            "arch/all.json",
            "archlinux.json",
        ]
        .iter()
        .any(|end| path.ends_with(end))
    }

    fn read(&self, mut input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        let path = input.path;
        let groups: Vec<Value> =
            serde_json::from_reader(decompressed(&mut input, MAX_JSON_BYTES)?)?;
        for group in groups {
            out.count(self);
            match Group::deserialize(&group) {
                Ok(group) => self.convert(group, path, out),
                Err(error) => {
                    let what = format!("{error}: {group}");
                    out.skip(self.id(), "unreadable: group", path, &what);
                }
            }
        }
        Ok(())
    }
}

impl Arch {
    fn convert(&self, group: Group, path: &str, out: &mut Builder) {
        let fixed = group.fixed.filter(|version| !version.trim().is_empty());
        let (statement, end) = match (group.status.as_str(), fixed) {
            ("Not affected", _) => (Statement::NotAffected, RangeEnd::Never),
            ("Unknown", _) => (Statement::UnderInvestigation, RangeEnd::Never),
            // `Fixed`, and `Testing`: the fix is on its way.
            (_, Some(version)) => (Statement::Affected, RangeEnd::Fixed(version)),
            ("Vulnerable", None) => (Statement::Affected, RangeEnd::Never),
            _ => {
                out.skip(self.id(), "unreadable: status", path, &group.name);
                return;
            }
        };
        let cves: Vec<&String> = group
            .issues
            .iter()
            .filter(|id| id.starts_with("CVE-"))
            .collect();
        if cves.is_empty() {
            out.skip(
                self.id(),
                "left out: a group about no CVE",
                path,
                &group.name,
            );
            return;
        }
        let ratings: Vec<Rating> = Rating::from_word("arch", &group.severity)
            .into_iter()
            .collect();
        let mut entries = Vec::new();
        for package in &group.packages {
            for cve in &cves {
                entries.push(Entry {
                    key: "arch".to_owned(),
                    order: "alpm",
                    package: package.clone(),
                    advisory: Advisory {
                        id: (*cve).clone(),
                        record: group.name.clone(),
                        title: title(&group.kind),
                        ratings: ratings.clone(),
                        ..Advisory::default()
                    },
                    affected: Affected {
                        statement,
                        ranges: vec![VersionRange {
                            introduced: None,
                            end: end.clone(),
                        }],
                        ..Affected::default()
                    },
                });
            }
        }
        let base = "https://security.archlinux.org";
        let pages = std::iter::once(&group.name).chain(&group.advisories);
        let references = pages.map(|page| format!("{base}/{page}")).collect();
        out.add(
            self,
            Record {
                id: group.name,
                entries,
                prose: Prose {
                    summary: group.kind,
                    references,
                    ..Prose::default()
                },
                ..Record::default()
            },
        );
    }
}

#[derive(Debug, Deserialize)]
struct Group {
    name: String,
    packages: Vec<String>,
    status: String,
    #[serde(default)]
    severity: String,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    fixed: Option<String>,
    #[serde(default)]
    issues: Vec<String>,
    #[serde(default)]
    advisories: Vec<String>,
}
