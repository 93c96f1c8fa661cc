//! Canonical's VEX, OpenVEX 0.2.0, one document for each CVE:
//! <https://security-metadata.canonical.com/vex/vex-all.tar.xz>. [Its
//! documentation](https://documentation.ubuntu.com/security/security-updates/vex/).
//!
//! It says what Ubuntu's OSV records leave out: that a package was never affected, that nobody will
//! fix it, that the fix is put off, that it is not known yet.
//!
//! - The statuses of Ubuntu's tracker are told apart by their texts: `affected` is "needs fixing", or
//!   "decided to not fix it", or "no longer supported"; `under_investigation` is "pending", or
//!   "deferred".
//! - `not_affected` because of `component_not_present` says that the release has no such package:
//!   nothing is left to say of it.
//! - `fixed` gives nothing: the version in its product is that of today, not that of the fix, which
//!   Ubuntu's OSV records have.
//! - Documents about notices (`vex/usn/…`) say nothing but `fixed` and are left out.
//! - A product is a package URL with `distro=jammy`, or `esm-infra/jammy`, `esm-apps/jammy`,
//!   `trusty/esm`: then it is of Ubuntu Pro. What was never affected there is not in the plain release
//!   either. FIPS, real-time and other builds of their own are left out.
//! - OpenVEX has no severity; Canonical writes its priority into a text of no stated form, which is not
//!   read: the OSV records have it.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr as _,
};

use lamina_advisories::{
    record::{Advisory, Affected, Day, Statement, VersionRange},
    shard::prose::Prose,
};
use packageurl::PackageUrl;
use serde::Deserialize;

use super::{Feed, FeedError, Input, file_and_folder};
use crate::{
    archive::each_member,
    builder::{Builder, Entry, Record},
    limits::MAX_RECORD_BYTES,
};

pub(super) struct UbuntuVex;

/// Ubuntu's releases by code name.
const RELEASES: &[(&str, &str)] = &[
    ("trusty", "14.04"),
    ("xenial", "16.04"),
    ("bionic", "18.04"),
    ("focal", "20.04"),
    ("jammy", "22.04"),
    ("noble", "24.04"),
    ("oracular", "24.10"),
    ("plucky", "25.04"),
    ("questing", "25.10"),
    ("resolute", "26.04"),
];

impl Feed for UbuntuVex {
    fn id(&self) -> &'static str {
        "ubuntu-vex"
    }

    fn name(&self) -> &'static str {
        "Ubuntu VEX"
    }

    fn url(&self) -> &'static str {
        "https://security-metadata.canonical.com/vex/vex-all.tar.xz"
    }

    fn licence(&self) -> &'static str {
        "CC-BY-SA-4.0"
    }

    fn claims(&self, path: &str) -> bool {
        let (file, _) = file_and_folder(path);
        file.starts_with("vex-all.tar") || file.starts_with("ubuntu-vex.tar")
    }

    fn read(&self, input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        let path = input.path;
        let mut bytes = Vec::new();
        each_member(input, |name, size, content| {
            if !name.ends_with(".json") || name.contains("/usn/") {
                return Ok(());
            }
            out.count(self);
            if size > MAX_RECORD_BYTES {
                out.skip(self.id(), "unreadable: larger than 16 MiB", path, name);
                return Ok(());
            }
            bytes.clear();
            content.read_to_end(&mut bytes)?;
            match serde_json::from_slice::<Document>(&bytes) {
                Ok(document) => self.convert(&document, name, path, out),
                Err(error) => {
                    let what = format!("{name}: {error}");
                    out.skip(self.id(), "unreadable: not OpenVEX", path, &what);
                }
            }
            Ok(())
        })
    }
}

impl UbuntuVex {
    fn convert(&self, document: &Document, name: &str, path: &str, out: &mut Builder) {
        let mut by_id: BTreeMap<&str, BTreeSet<(String, String, Statement)>> = BTreeMap::new();
        let mut reasons = BTreeSet::new();
        for theirs in &document.statements {
            let id = theirs.vulnerability.name.as_str();
            if !id.starts_with("CVE-") {
                reasons.insert("left out: no CVE");
                continue;
            }
            let statement = match theirs.meaning() {
                Ok(Some(statement)) => statement,
                Ok(None) => continue,
                Err(reason) => {
                    reasons.insert(reason);
                    continue;
                }
            };
            for product in &theirs.products {
                match place(&product.id) {
                    Ok((package, keys)) => {
                        let is_never = statement == Statement::NotAffected;
                        // The first is the product's own; the plain release follows that of Pro.
                        let keys = keys.into_iter().take(if is_never { 2 } else { 1 });
                        let said = by_id.entry(id).or_default();
                        said.extend(keys.map(|key| (key, package.clone(), statement)));
                    }
                    Err(reason) => {
                        reasons.insert(reason);
                    }
                }
            }
        }
        for reason in reasons {
            out.skip(self.id(), reason, path, name);
        }
        let modified = document
            .last_updated
            .as_ref()
            .or(document.timestamp.as_ref());
        for (id, said) in by_id {
            let entries = said
                .iter()
                .filter(|(key, package, statement)| {
                    // What Pro's build says of a plain release must not speak against what is said
                    // of that release itself.
                    *statement != Statement::NotAffected
                        || !said.iter().any(|(other, name, statement)| {
                            other == key
                                && name == package
                                && !matches!(
                                    statement,
                                    Statement::NotAffected | Statement::UnderInvestigation
                                )
                        })
                })
                .map(|(key, package, statement)| Entry {
                    key: key.clone(),
                    order: "dpkg",
                    package: package.clone(),
                    advisory: Advisory {
                        id: id.to_owned(),
                        record: id.to_owned(),
                        modified: modified.and_then(|text| Day::parse(text)),
                        ..Advisory::default()
                    },
                    affected: Affected {
                        statement: *statement,
                        ranges: vec![VersionRange::default()],
                        ..Affected::default()
                    },
                })
                .collect();
            let record = Record {
                id: id.to_owned(),
                modified: modified.cloned(),
                entries,
                prose: Prose {
                    references: vec![format!("https://ubuntu.com/security/{id}")],
                    ..Prose::default()
                },
            };
            out.add(self, record);
        }
    }
}

/// The source package of a product, the key of its shard, and behind it that of the plain release if
/// the product is of Ubuntu Pro.
fn place(purl: &str) -> Result<(String, Vec<String>), &'static str> {
    const OTHER: &str = "left out: a build of its own (FIPS, real-time …)";
    let purl = PackageUrl::from_str(purl).map_err(|_| "unreadable: product")?;
    if purl.ty() != "deb" || purl.namespace() != Some("ubuntu") {
        return Err("left out: no package of Ubuntu");
    }
    // Statements are about source packages; where binaries are named too, they repeat them.
    let arch = purl.qualifiers().get("arch").map(AsRef::as_ref);
    if arch.is_some_and(|arch: &str| arch != "source") {
        return Err("left out: a binary package");
    }
    let distro = purl.qualifiers().get("distro").map(AsRef::as_ref);
    let distro: &str = distro.ok_or("left out: no release")?;
    let (pocket, codename) = match distro.split_once('/') {
        None => ("", distro),
        Some((codename, "esm")) => ("esm", codename),
        Some((pocket, codename)) => (pocket, codename),
    };
    let release = RELEASES.iter().find(|(name, _)| *name == codename);
    let (_, release) = release.ok_or("left out: unknown release")?;
    let plain = format!("ubuntu:{release}");
    let keys = match pocket {
        "" | "ubuntu" => vec![plain],
        "esm" | "esm-infra" | "esm-apps" | "esm-infra-legacy" | "esm-apps-legacy" => {
            vec![format!("ubuntu-pro:{release}"), plain]
        }
        _ => return Err(OTHER),
    };
    Ok((purl.name().to_owned(), keys))
}

#[derive(Debug, Deserialize)]
struct Document {
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    last_updated: Option<String>,
    #[serde(default)]
    statements: Vec<TheirStatement>,
}

#[derive(Debug, Deserialize)]
struct TheirStatement {
    vulnerability: Vulnerability,
    #[serde(default)]
    products: Vec<Product>,
    #[serde(default)]
    status: String,
    #[serde(default)]
    justification: String,
    #[serde(default)]
    action_statement: String,
    #[serde(default)]
    status_notes: String,
}

impl TheirStatement {
    /// What it says; `None` if that is nothing we need.
    fn meaning(&self) -> Result<Option<Statement>, &'static str> {
        Ok(Some(match self.status.as_str() {
            "not_affected" if self.justification == "component_not_present" => return Ok(None),
            "not_affected" => Statement::NotAffected,
            "affected" if self.action_statement.contains("decided to not fix") => {
                Statement::WillNotFix
            }
            "affected" if self.action_statement.contains("no longer supported") => {
                Statement::EndOfLife
            }
            "affected" => Statement::Affected,
            "under_investigation" if self.status_notes.contains("deferred") => {
                Statement::FixDeferred
            }
            "under_investigation" => Statement::UnderInvestigation,
            "fixed" => return Ok(None),
            _ => return Err("unreadable: status"),
        }))
    }
}

#[derive(Debug, Deserialize)]
struct Vulnerability {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Product {
    #[serde(rename = "@id")]
    id: String,
}
