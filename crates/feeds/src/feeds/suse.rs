//! SUSE Linux Enterprise and openSUSE Leap: <https://ftp.suse.com/pub/projects/security/oval/>, OVAL of
//! vulnerabilities, a file for each product and major release.
//!
//! The files whose names end in `-affected` also list what is not fixed. Packages are binary ones. A
//! service pack has one shard, whatever the product or module: they are built from one code base.
//! Extended support (LTSS, ESPOS, BCL …) is left out, since nothing in an image says that it has it.
//!
//! The shape is that of vunnel's `tests/unit/providers/sles/test-fixtures/suse_truncated.xml`.

use std::{collections::BTreeSet, io::BufReader};

use lamina_advisories::{
    rating::Rating,
    record::{Advisory, Affected, Day, RangeEnd, Statement, VersionRange},
    shard::prose::Prose,
};

use super::{Feed, FeedError, Input, file_and_folder};
use crate::{
    archive::decompressed,
    builder::{Builder, Entry, Record, title},
    limits::MAX_XML_BYTES,
    location::Location,
    oval::{self, Bound, Definition, Oval},
};

pub(super) struct Suse;

impl Feed for Suse {
    fn id(&self) -> &'static str {
        super::SUSE
    }

    fn name(&self) -> &'static str {
        "SUSE OVAL"
    }

    fn url(&self) -> &'static str {
        "https://ftp.suse.com/pub/projects/security/oval/"
    }

    fn licence(&self) -> &'static str {
        "CC-BY-4.0"
    }

    fn locations(&self, _today: Day) -> Vec<Location> {
        let file = |name: &str| Location::new(format!("{}{name}", self.url()), name);
        vec![
            file("suse.linux.enterprise.server.12-affected.xml.gz"),
            file("suse.linux.enterprise.server.15-affected.xml.gz"),
            file("opensuse.leap.15.5-affected.xml.gz").optional(),
            file("opensuse.leap.15.6-affected.xml.gz").optional(),
        ]
    }

    fn claims(&self, path: &str) -> bool {
        let (file, _) = file_and_folder(path);
        let is_product = ["suse.linux.enterprise.server.", "opensuse.leap."]
            .iter()
            .any(|start| file.starts_with(start));
        // Patch definitions say the same once more, by notice.
        is_product && file.contains(".xml") && !file.contains("-patch")
    }

    fn read(&self, mut input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        let path = input.path;
        let oval = oval::parse(BufReader::new(decompressed(&mut input, MAX_XML_BYTES)?))?;
        for definition in &oval.definitions {
            out.count(self);
            if definition.class == "vulnerability" {
                self.convert(&oval, definition, path, out);
            } else {
                let what = &definition.id;
                out.skip(self.id(), "left out: no vulnerability", path, what);
            }
        }
        Ok(())
    }
}

impl Suse {
    fn convert(&self, oval: &Oval, definition: &Definition, path: &str, out: &mut Builder) {
        let vulnerabilities = definition.vulnerabilities();
        let severity = definition.severity.as_deref().unwrap_or_default();
        let published = definition.issued.as_deref().and_then(Day::parse);
        let mut reasons: BTreeSet<&'static str> = BTreeSet::new();
        let (found, unreadable) = oval.packages(definition);
        if unreadable > 0 {
            reasons.insert("unreadable: test of a version");
        }
        if vulnerabilities.is_empty() {
            reasons.insert("left out: no CVE");
        }
        for (cve, vector) in vulnerabilities {
            let score = vector.and_then(|vector| Rating::from_vector("suse", vector));
            let word = Rating::from_word("suse", severity);
            let advisory = Advisory {
                id: cve.to_owned(),
                record: cve.to_owned(),
                published,
                modified: definition.updated.as_deref().and_then(Day::parse),
                title: title(first_sentence(&definition.description)),
                ratings: word.into_iter().chain(score).collect(),
                ..Advisory::default()
            };
            let mut entries: BTreeSet<(String, String, Affected)> = BTreeSet::new();
            for package in &found {
                let (statement, end) = match &package.bound {
                    Bound::Until(end) => (Statement::Affected, end.clone()),
                    Bound::BelowZero => (Statement::NotAffected, RangeEnd::Never),
                };
                let platforms = package.conditions.iter().flatten();
                let platforms =
                    platforms.filter_map(|comment| comment.strip_suffix(" is installed"));
                for key in platforms.map(key_of) {
                    let key = match key {
                        Ok(key) => key,
                        Err(reason) => {
                            reasons.insert(reason);
                            continue;
                        }
                    };
                    let affected = Affected {
                        statement,
                        ranges: vec![VersionRange {
                            introduced: None,
                            end: end.clone(),
                        }],
                        ..Affected::default()
                    };
                    entries.insert((key, package.name.clone(), affected));
                }
            }
            let entries = entries.into_iter().map(|(key, package, affected)| Entry {
                key,
                order: "rpm",
                package,
                advisory: advisory.clone(),
                affected,
            });
            // The files of other products tell of the same vulnerability.
            out.add_part(
                self,
                Record {
                    id: cve.to_owned(),
                    modified: definition.updated.clone(),
                    entries: entries.collect(),
                    prose: Prose {
                        details: definition.description.clone(),
                        references: vec![format!("https://www.suse.com/security/cve/{cve}")],
                        ..Prose::default()
                    },
                },
            );
        }
        for reason in reasons {
            out.skip(self.id(), reason, path, &definition.title);
        }
    }
}

/// The shard of a product: `suse:15.6` for `SUSE Linux Enterprise Module for Basesystem 15 SP6`.
fn key_of(product: &str) -> Result<String, &'static str> {
    const OTHER: &str = "left out: product other than the server, its modules and Leap";
    if let Some(release) = product.strip_prefix("openSUSE Leap ") {
        return Ok(format!("opensuse:leap-{release}"));
    }
    let rest = product
        .strip_prefix("SUSE Linux Enterprise ")
        .ok_or(OTHER)?;
    let is_server = rest
        .strip_prefix("Server ")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let is_module = rest.starts_with("Module ") && !rest.contains("Live Patching");
    if !is_server && !is_module {
        return Err(OTHER);
    }
    let mut words = rest.rsplit(' ');
    let mut last = words.next().unwrap_or_default();
    let mut pack = None;
    if let Some(number) = last.strip_prefix("SP") {
        pack = Some(number);
        last = words.next().unwrap_or_default();
    }
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match pack {
        _ if !is_number(last) => Err("left out: extended support"),
        Some(pack) if !is_number(pack) => Err("left out: extended support"),
        Some(pack) => Ok(format!("suse:{last}.{pack}")),
        None => Ok(format!("suse:{last}")),
    }
}

fn first_sentence(text: &str) -> &str {
    let text = text.trim();
    text.split_once(". ").map_or(text, |(first, _)| first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_one_service_pack_share_a_shard() {
        let check = |product: &str, expect: Option<&str>| {
            assert_eq!(key_of(product).ok().as_deref(), expect, "{product}");
        };
        check("SUSE Linux Enterprise Server 15", Some("suse:15"));
        check("SUSE Linux Enterprise Server 15 SP6", Some("suse:15.6"));
        check(
            "SUSE Linux Enterprise Module for Python 3 15 SP6",
            Some("suse:15.6"),
        );
        check("openSUSE Leap 15.6", Some("opensuse:leap-15.6"));
        check("SUSE Linux Enterprise Server 15-LTSS", None);
        check("SUSE Linux Enterprise Server 15 SP1-BCL", None);
        check("SUSE Linux Enterprise Server 12 SP2-LTSS-ERICSSON", None);
        check(
            "SUSE Linux Enterprise Server for SAP Applications 15 SP2",
            None,
        );
        check(
            "SUSE Linux Enterprise Module for Live Patching 15 SP2",
            None,
        );
        check("SUSE Manager Server 4.1", None);
        check("SUSE Linux Enterprise Micro 5.5", None);
    }
}
