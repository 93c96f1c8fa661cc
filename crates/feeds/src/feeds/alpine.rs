//! Alpine's secdb: <https://secdb.alpinelinux.org/>, one JSON file per release and repository.
//!
//! It lists what each version of a package fixed; version `0` says that the package was never
//! affected. It has no severities, and nothing of what is not fixed. Ids are free text with an id in
//! it, sometimes several of one vulnerability (`CVE-2017-2616 (+ regression fix)`, `CVE-… GHSA-…`).
//! An id that several versions fixed is fixed in the last of them.

use std::{cmp::Ordering, collections::BTreeMap};

use lamina_advisories::{
    ecosystem::Ecosystem,
    orders::order,
    record::{Advisory, Affected, Day, RangeEnd, Statement, VersionRange},
    shard::prose::Prose,
};
use serde::Deserialize;
use serde_json::Value;

use super::{Feed, FeedError, Input, file_and_folder};
use crate::{
    archive::decompressed,
    builder::{Builder, Entry},
    limits::MAX_JSON_BYTES,
    location::Location,
};

/// The first release that secdb has, 3.2.
const FIRST_RELEASE: u32 = 2;

pub(super) struct Alpine;

impl Feed for Alpine {
    fn id(&self) -> &'static str {
        "alpine-secdb"
    }

    fn name(&self) -> &'static str {
        "Alpine secdb"
    }

    fn url(&self) -> &'static str {
        "https://secdb.alpinelinux.org"
    }

    fn licence(&self) -> &'static str {
        "CC-BY-SA-4.0"
    }

    fn locations(&self, today: Day) -> Vec<Location> {
        let file = |release: &str, repository: &str| {
            let path = format!("{release}/{repository}.json");
            Location::new(format!("{}/{path}", self.url()), path)
        };
        let mut locations = vec![file("edge", "main"), file("edge", "community").optional()];
        // Two releases a year, at most: 3.21 came out in December 2024. What is not there yet is not
        // an error, and neither is a release that is taken away one day.
        let newest = 21 + 2 * today.year().saturating_sub(2024);
        for minor in FIRST_RELEASE..=newest {
            for repository in ["main", "community"] {
                locations.push(file(&format!("v3.{minor}"), repository).optional());
            }
        }
        locations
    }

    fn claims(&self, path: &str) -> bool {
        let (file, folder) = file_and_folder(path);
        let is_release = folder == "edge"
            || folder
                .strip_prefix('v')
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        matches!(file, "main.json" | "community.json") && is_release
    }

    fn read(&self, mut input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        let path = input.path;
        let secdb: Secdb = serde_json::from_reader(decompressed(&mut input, MAX_JSON_BYTES)?)?;
        let Some((_, key)) = Ecosystem::of_osv(&format!("Alpine:{}", secdb.distroversion)) else {
            return Err(FeedError::Foreign("no release"));
        };
        for package in secdb.packages {
            let package: Package = match Package::deserialize(&package) {
                Ok(package) => package,
                Err(error) => {
                    out.count(self);
                    let what = format!("{error}: {package}");
                    out.skip(self.id(), "unreadable: package", path, &what);
                    continue;
                }
            };
            self.convert(&key, package.pkg, path, out);
        }
        Ok(())
    }
}

impl Alpine {
    fn convert(&self, key: &str, package: Fixes, path: &str, out: &mut Builder) {
        let mut fixed_in: BTreeMap<String, (Vec<String>, String)> = BTreeMap::new();
        for (version, texts) in package.secfixes {
            let version = version.trim();
            for text in texts.unwrap_or_default() {
                out.count(self);
                let what = format!("{text} in {} {version}", package.name);
                let Some((id, aliases)) = ids(&text) else {
                    out.skip(self.id(), "left out: no id in it", path, &what);
                    continue;
                };
                let is_readable = order("apk").is_some_and(|order| order.accepts(version));
                if !is_readable {
                    out.skip(self.id(), "unreadable: version", path, &what);
                    continue;
                }
                match fixed_in.get_mut(&id) {
                    Some((_, known)) if is_greater(version, known) => version.clone_into(known),
                    Some(_) => {}
                    None => {
                        fixed_in.insert(id, (aliases, version.to_owned()));
                    }
                }
            }
        }
        for (id, (aliases, version)) in fixed_in {
            let (statement, end) = if version == "0" {
                (Statement::NotAffected, RangeEnd::Never)
            } else {
                (Statement::Affected, RangeEnd::Fixed(version))
            };
            let entry = Entry {
                key: key.to_owned(),
                order: "apk",
                package: package.name.clone(),
                advisory: Advisory {
                    id: id.clone(),
                    record: id.clone(),
                    aliases,
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
            out.add_to(self, &id, Prose::default, entry);
        }
    }
}

fn is_greater(a: &str, b: &str) -> bool {
    order("apk").is_some_and(|order| order.compare(a, b) == Ok(Ordering::Greater))
}

/// The id in a text, the CVE first, and the others.
fn ids(text: &str) -> Option<(String, Vec<String>)> {
    let mut ids: Vec<(u8, String)> = text
        .split([' ', '\t', ',', '(', ')'])
        .filter_map(|word| {
            let id = word.trim().replace("CVE_", "CVE-");
            let (prefix, rest) = id.split_once('-')?;
            let is_prefix = prefix.len() > 1
                && prefix.starts_with(|c: char| c.is_ascii_uppercase())
                && prefix
                    .bytes()
                    .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
            // GitHub's ids may be without a digit; of others it tells them from words.
            let is_rest = !rest.is_empty()
                && (prefix == "GHSA" || rest.bytes().any(|b| b.is_ascii_digit()))
                && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            let rank = match prefix {
                "CVE" => 0,
                "GHSA" => 1,
                _ => 2,
            };
            (is_prefix && is_rest).then_some((rank, id))
        })
        .collect();
    ids.sort();
    ids.dedup();
    let mut ids = ids.into_iter().map(|(_, id)| id);
    Some((ids.next()?, ids.collect()))
}

#[derive(Debug, Deserialize)]
struct Secdb {
    distroversion: String,
    #[serde(default)]
    packages: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Package {
    pkg: Fixes,
}

#[derive(Debug, Deserialize)]
struct Fixes {
    name: String,
    #[serde(default)]
    secfixes: BTreeMap<String, Option<Vec<String>>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_in_free_text() {
        let check = |text: &str, expect: &[&str]| {
            let got: Vec<String> = ids(text)
                .map(|(id, aliases)| std::iter::once(id).chain(aliases).collect())
                .unwrap_or_default();
            assert_eq!(got, expect, "{text}");
        };
        check("CVE-2017-2616 (+ regression fix)", &["CVE-2017-2616"]);
        check("CVE_2019-2426", &["CVE-2019-2426"]);
        check("GHSA-aaaa-1 CVE-2020-1", &["CVE-2020-1", "GHSA-aaaa-1"]);
        check("XSA-123", &["XSA-123"]);
        check("ALPINE-14094", &["ALPINE-14094"]);
        check("CVE-????-????? TS-2024-005", &["TS-2024-005"]);
        check("fix a crash in x-1", &[]);
        check("", &[]);
    }
}
