//! Notices of RPM distributions (ELSA, ALAS, ALSA …): each names the versions that fix some
//! vulnerabilities, of binary packages for each architecture.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use lamina_advisories::{
    orders::order,
    rating::Rating,
    record::{Advisory, Affected, Day, Qualifier, RangeEnd, Statement, VersionRange},
    shard::prose::Prose,
};

use crate::builder::{Entry, Record, title};

/// A notice.
#[derive(Debug, Default)]
pub(crate) struct Notice {
    /// Its id.
    pub(crate) id: String,
    /// The vulnerabilities that it fixes, each with what is said of its severity.
    pub(crate) vulnerabilities: BTreeMap<String, Vec<Rating>>,
    /// Other ids of the one vulnerability that it fixes.
    pub(crate) aliases: BTreeSet<String>,
    /// What it fixes in which shard.
    pub(crate) fixes: BTreeMap<String, Fixes>,
    pub(crate) issued: Option<String>,
    pub(crate) updated: Option<String>,
    pub(crate) summary: String,
    pub(crate) details: String,
    pub(crate) references: Vec<String>,
}

/// Fixed versions by package and module, then architecture.
#[derive(Debug, Default)]
pub(crate) struct Fixes(BTreeMap<(String, Option<String>), BTreeMap<String, String>>);

/// The architecture of packages that are for all of them.
const NO_ARCHITECTURE: &str = "noarch";

impl Fixes {
    /// Notes that a package is fixed in a version; of several versions for one architecture, the
    /// highest counts. `false` if it is no RPM version.
    pub(crate) fn add(
        &mut self,
        name: &str,
        module: Option<String>,
        architecture: &str,
        version: &str,
    ) -> bool {
        let Some(order) = order("rpm").filter(|order| order.accepts(version)) else {
            return false;
        };
        self.0
            .entry((name.to_owned(), module))
            .or_default()
            .entry(architecture.to_owned())
            .and_modify(|known| {
                if order.compare(version, known) == Ok(Ordering::Greater) {
                    version.clone_into(known);
                }
            })
            .or_insert_with(|| version.to_owned());
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What it says of each package. Architectures are named only where their versions differ.
    fn affected(&self, fix_published: Option<Day>) -> Vec<(&str, Affected)> {
        let mut all = Vec::new();
        for ((name, module), versions) in &self.0 {
            let mut by_version: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for (architecture, version) in versions {
                by_version.entry(version).or_default().push(architecture);
            }
            let is_one = by_version.len() == 1;
            for (version, architectures) in by_version {
                let architectures = architectures.into_iter().filter(|_| !is_one);
                let mut qualifiers: Vec<Qualifier<String>> = architectures
                    .map(|architecture| Qualifier::Architecture(architecture.to_owned()))
                    .chain(module.clone().map(Qualifier::Module))
                    .collect();
                qualifiers.sort();
                let affected = Affected {
                    statement: Statement::Affected,
                    ranges: vec![VersionRange {
                        introduced: None,
                        end: RangeEnd::Fixed(version.to_owned()),
                    }],
                    qualifiers,
                    fix_published,
                    ..Affected::default()
                };
                all.push((name.as_str(), affected));
            }
        }
        all
    }
}

impl Notice {
    /// As a record: an advisory for each vulnerability.
    pub(crate) fn into_record(self) -> Record {
        let published = self.issued.as_deref().and_then(Day::parse);
        let modified = self.updated.or(self.issued);
        let mut entries = Vec::new();
        for (key, fixes) in &self.fixes {
            for (package, affected) in fixes.affected(published) {
                for (vulnerability, ratings) in &self.vulnerabilities {
                    entries.push(Entry {
                        key: key.clone(),
                        order: "rpm",
                        package: package.to_owned(),
                        advisory: Advisory {
                            id: vulnerability.clone(),
                            record: self.id.clone(),
                            aliases: self.aliases.iter().cloned().collect(),
                            published,
                            modified: modified.as_deref().and_then(Day::parse),
                            title: title(&self.summary),
                            ratings: ratings.clone(),
                            ..Advisory::default()
                        },
                        affected: affected.clone(),
                    });
                }
            }
        }
        Record {
            id: self.id,
            modified,
            entries,
            prose: Prose {
                summary: self.summary,
                details: self.details,
                references: self.references,
            },
        }
    }
}

/// Whether packages of this name or architecture are never installed in an image to be run.
pub(crate) fn is_left_out(name: &str, architecture: &str) -> bool {
    architecture == "src"
        || ["-debuginfo", "-debugsource"]
            .iter()
            .any(|part| name.ends_with(part) || name.contains(&format!("{part}-")))
}

/// `[epoch:]version-release`, without an epoch of 0.
pub(crate) fn evr(epoch: Option<&str>, version: &str, release: &str) -> String {
    match epoch.map(str::trim) {
        None | Some("" | "0" | "None" | "none") => format!("{version}-{release}"),
        Some(epoch) => format!("{epoch}:{version}-{release}"),
    }
}

/// An architecture as RPM has it: an empty one is none.
pub(crate) fn architecture(text: &str) -> &str {
    if text.is_empty() {
        NO_ARCHITECTURE
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architectures_are_named_only_where_versions_differ() {
        let check = |rows: &[(&str, &str)], expect: &[&str]| {
            let mut fixes = Fixes::default();
            for (architecture, version) in rows {
                assert!(fixes.add("a", None, architecture, version));
            }
            let texts: Vec<String> = fixes
                .affected(None)
                .into_iter()
                .map(|(_, affected)| {
                    format!(
                        "{} {:?}",
                        affected.ranges.first().unwrap(),
                        affected.qualifiers
                    )
                })
                .collect();
            assert_eq!(texts, expect);
        };
        check(
            &[("x86_64", "1-1"), ("aarch64", "1-1")],
            &[">= 0, < 1-1 []"],
        );
        check(&[("x86_64", "1-1"), ("x86_64", "1-2")], &[">= 0, < 1-2 []"]);
        check(
            &[("x86_64", "1-1"), ("aarch64", "1-2")],
            &[
                r#">= 0, < 1-1 [Architecture("x86_64")]"#,
                r#">= 0, < 1-2 [Architecture("aarch64")]"#,
            ],
        );
        assert!(!Fixes::default().add("a", None, "x86_64", ""));
    }

    #[test]
    fn epochs_of_0_are_left_out() {
        assert_eq!(evr(Some("0"), "1", "2"), "1-2");
        assert_eq!(evr(None, "1", "2"), "1-2");
        assert_eq!(evr(Some("3"), "1", "2"), "3:1-2");
    }
}
