//! Photon OS: <https://packages.vmware.com/photon/photon_cve_metadata/>, one JSON file for each release:
//! a row for each vulnerability and source package.
//!
//! A row has the version that fixes it, or `NA`; some say that the package is not affected. Its score
//! is without a vector and not used.
//!
//! The shape is that of vuln-list-update's `photon/testdata` and vunnel's `photon`.

use std::{cmp::Ordering, collections::BTreeMap};

use lamina_advisories::{
    orders::order,
    record::{Advisory, Affected, Day, Qualifier, RangeEnd, Statement, VersionRange},
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

pub(super) struct Photon;

const PREFIX: &str = "cve_data_photon";

impl Feed for Photon {
    fn id(&self) -> &'static str {
        super::PHOTON
    }

    fn name(&self) -> &'static str {
        "Photon OS"
    }

    fn url(&self) -> &'static str {
        "https://packages.vmware.com/photon/photon_cve_metadata/"
    }

    fn licence(&self) -> &'static str {
        "CC-BY-SA-4.0"
    }

    fn locations(&self, _today: Day) -> Vec<Location> {
        let name = "photon_versions.json";
        vec![Location::new(format!("{}{name}", self.url()), name).listing()]
    }

    fn listed(
        &self,
        _listing: &Location,
        content: Option<&[u8]>,
    ) -> Result<Vec<Location>, FeedError> {
        #[derive(Deserialize)]
        struct Versions {
            branches: Vec<String>,
        }
        let content = content.ok_or(FeedError::Listing("there is no photon_versions.json"))?;
        let versions: Versions = serde_json::from_slice(content)?;
        let file = |release: &String| {
            let name = format!("{PREFIX}{release}.json");
            release_of(&name).map(|_| Location::new(format!("{}{name}", self.url()), name.clone()))
        };
        Ok(versions.branches.iter().filter_map(file).collect())
    }

    fn claims(&self, path: &str) -> bool {
        let (file, _) = file_and_folder(path);
        release_of(file).is_some()
    }

    fn read(&self, mut input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        let path = input.path;
        let (file, _) = file_and_folder(path);
        let release = release_of(file).ok_or(FeedError::Foreign("no release"))?;
        let rows: Vec<Value> = serde_json::from_reader(decompressed(&mut input, MAX_JSON_BYTES)?)?;
        let mut claims: BTreeMap<(String, String), Claim> = BTreeMap::new();
        for row in rows {
            out.count(self);
            let row: Row = match Row::deserialize(&row) {
                Ok(row) => row,
                Err(_) => {
                    out.skip(self.id(), "unreadable: row", path, &row.to_string());
                    continue;
                }
            };
            let what = format!("{} in {}", row.id, row.package);
            if !["CVE-", "GHSA-", "BDSA-"]
                .iter()
                .any(|start| row.id.starts_with(start))
            {
                out.skip(self.id(), "left out: no id in it", path, &what);
                continue;
            }
            match row.claim() {
                Ok(claim) => {
                    let known = claims
                        .entry((row.id, row.package))
                        .or_insert_with(|| claim.clone());
                    if claim.is_worse(known) {
                        *known = claim;
                    }
                }
                Err(reason) => out.skip(self.id(), reason, path, &what),
            }
        }
        for ((id, package), claim) in claims {
            let (statement, end) = match claim {
                Claim::NotAffected => (Statement::NotAffected, RangeEnd::Never),
                Claim::Fixed(version) => (Statement::Affected, RangeEnd::Fixed(version)),
                Claim::Open => (Statement::Affected, RangeEnd::Never),
            };
            let entry = Entry {
                key: format!("photon:{release}"),
                order: "rpm",
                package,
                advisory: Advisory {
                    id: id.clone(),
                    record: id.clone(),
                    ..Advisory::default()
                },
                affected: Affected {
                    statement,
                    ranges: vec![VersionRange {
                        introduced: None,
                        end,
                    }],
                    qualifiers: vec![Qualifier::Source],
                    ..Affected::default()
                },
            };
            out.add_to(self, &id, Prose::default, entry);
        }
        Ok(())
    }
}

/// What a row says, the mildest first.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Claim {
    NotAffected,
    Fixed(String),
    Open,
}

impl Claim {
    fn is_worse(&self, other: &Self) -> bool {
        let rank = |claim: &Self| match claim {
            Self::NotAffected => 0,
            Self::Fixed(_) => 1,
            Self::Open => 2,
        };
        match (self, other) {
            (Self::Fixed(a), Self::Fixed(b)) => {
                order("rpm").is_some_and(|order| order.compare(a, b) == Ok(Ordering::Greater))
            }
            _ => rank(self) > rank(other),
        }
    }
}

/// `cve_data_photon5.0.json` is about 5.0.
fn release_of(file: &str) -> Option<&str> {
    let rest = file.strip_prefix(PREFIX)?;
    let release = rest
        .strip_suffix(".json")
        .or_else(|| rest.strip_suffix(".json.gz"))?;
    let is_release =
        !release.is_empty() && release.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    is_release.then_some(release)
}

#[derive(Debug, Deserialize)]
struct Row {
    #[serde(rename = "cve_id")]
    id: String,
    #[serde(rename = "pkg")]
    package: String,
    #[serde(rename = "res_ver", default)]
    fixed: Option<String>,
    #[serde(default)]
    status: Option<String>,
}

impl Row {
    fn claim(&self) -> Result<Claim, &'static str> {
        if self.status.as_deref() == Some("Not Affected") {
            return Ok(Claim::NotAffected);
        }
        match self.fixed.as_deref().map(str::trim) {
            None | Some("" | "NA") => Ok(Claim::Open),
            Some(version) if order("rpm").is_some_and(|order| order.accepts(version)) => {
                Ok(Claim::Fixed(version.to_owned()))
            }
            Some(_) => Err("unreadable: version"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_say_fixed_open_or_not_affected() {
        let check = |json: &str, expect: Claim| {
            let row: Row = serde_json::from_str(json).unwrap();
            assert_eq!(row.claim(), Ok(expect), "{json}");
        };
        check(
            r#"{"cve_id":"CVE-1","pkg":"a","cve_score":10,"aff_ver":"all versions before 1-1.ph3 are vulnerable","res_ver":"1-1.ph3"}"#,
            Claim::Fixed("1-1.ph3".to_owned()),
        );
        check(
            r#"{"cve_id":"CVE-1","pkg":"a","aff_ver":"all","res_ver":"NA"}"#,
            Claim::Open,
        );
        check(
            r#"{"cve_id":"CVE-1","pkg":"a","aff_ver":"NA","res_ver":"NA","status":"Not Affected"}"#,
            Claim::NotAffected,
        );
        assert_eq!(release_of("cve_data_photon5.0.json"), Some("5.0"));
        assert_eq!(release_of("cve_data_photon.json"), None);
    }
}
