//! Aqua's fork of Alpine's security tracker:
//! <https://aquasecurity.github.io/secfixes-tracker/all.tar.gz>, a tar of one JSON file for each CVE.
//!
//! Alpine's secdb names what was fixed and no more. The tracker compares NVD's lists of products with
//! the names and versions of packages, and says in which branch (`3.19-main`) and version of a package
//! it saw no fix. That is a guess by name: it is [`Statement::Possible`], from that version on, and
//! whatever secdb says of the same package stands beside it. (trivy-db's builder reads the same file;
//! Trivy does not report what it has of it.)
//!
//! The fork has been seen to lag; the tracker itself, <https://security.alpinelinux.org>, publishes no
//! archive.

use lamina_advisories::{
    ecosystem::Ecosystem,
    orders::order,
    record::{Advisory, Affected, RangeEnd, Statement, VersionRange},
    shard::prose::Prose,
};
use serde::Deserialize;

use super::{Feed, FeedError, Input, file_and_folder};
use crate::{
    archive::each_member,
    builder::{Builder, Entry},
};

pub(super) struct AlpineUnfixed;

impl Feed for AlpineUnfixed {
    fn id(&self) -> &'static str {
        "alpine-unfixed"
    }

    fn name(&self) -> &'static str {
        "Alpine secfixes tracker"
    }

    fn url(&self) -> &'static str {
        "https://aquasecurity.github.io/secfixes-tracker/all.tar.gz"
    }

    fn licence(&self) -> &'static str {
        "not stated; made of NVD's public domain data and names of packages"
    }

    fn claims(&self, path: &str) -> bool {
        let (file, folder) = file_and_folder(path);
        file == "all.tar.gz" && matches!(folder, "secfixes-tracker" | "alpine-unfixed")
    }

    fn read(&self, input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        let path = input.path;
        each_member(input, |name, _, content| {
            if !name.ends_with(".json") && name.contains('.') {
                return Ok(());
            }
            out.count(self);
            match serde_json::from_reader::<_, Vulnerability>(content) {
                Ok(vulnerability) => self.convert(vulnerability, path, out),
                Err(error) => {
                    let what = format!("{name}: {error}");
                    out.skip(self.id(), "unreadable: vulnerability", path, &what);
                }
            }
            Ok(())
        })
    }
}

impl AlpineUnfixed {
    fn convert(&self, vulnerability: Vulnerability, path: &str, out: &mut Builder) {
        // The tracker itself writes addresses: `https://security.alpinelinux.org/vuln/CVE-…`.
        let (id, _) = file_and_folder(&vulnerability.id);
        if !id.starts_with("CVE-") {
            out.skip(self.id(), "left out: no id in it", path, &vulnerability.id);
            return;
        }
        for state in vulnerability.states {
            let what = format!("{id} in {} {}", state.package, state.version);
            if state.is_fixed {
                // In secdb, which knows the version.
                continue;
            }
            let branch = state.repo.rsplit_once('-');
            let key = branch.and_then(|(release, repository)| {
                let is_known = matches!(repository, "main" | "community" | "testing");
                let release = release.trim_start_matches('v');
                let (_, key) = Ecosystem::of_osv(&format!("Alpine:{release}"))?;
                is_known.then_some(key)
            });
            let Some(key) = key.filter(|_| !state.package.is_empty()) else {
                out.skip(self.id(), "unreadable: state", path, &what);
                continue;
            };
            if !order("apk").is_some_and(|order| order.accepts(&state.version)) {
                out.skip(self.id(), "unreadable: version", path, &what);
                continue;
            }
            let entry = Entry {
                key,
                order: "apk",
                package: state.package,
                advisory: Advisory {
                    id: id.to_owned(),
                    record: id.to_owned(),
                    ..Advisory::default()
                },
                affected: Affected {
                    statement: Statement::Possible,
                    ranges: vec![VersionRange {
                        introduced: Some(state.version),
                        end: RangeEnd::Never,
                    }],
                    ..Affected::default()
                },
            };
            out.add_to(self, id, Prose::default, entry);
        }
    }
}

#[derive(Debug, Deserialize)]
struct Vulnerability {
    id: String,
    #[serde(rename = "state", default)]
    states: Vec<State>,
}

#[derive(Debug, Deserialize)]
struct State {
    #[serde(rename = "fixed", default)]
    is_fixed: bool,
    #[serde(default)]
    repo: String,
    #[serde(rename = "packageName", default)]
    package: String,
    #[serde(rename = "packageVersion", default)]
    version: String,
}
