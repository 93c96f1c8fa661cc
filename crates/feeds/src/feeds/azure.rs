//! Azure Linux and CBL-Mariner: <https://github.com/microsoft/AzureLinuxVulnerabilityData>, an OVAL
//! file for each release.
//!
//! A definition is about one vulnerability of one source package. Whether it was ever affected only
//! `patchable` says (`Not Applicable`).

use std::io::BufReader;

use lamina_advisories::{
    rating::Rating,
    record::{Advisory, Affected, Day, Qualifier, RangeEnd, Statement, VersionRange},
    shard::prose::Prose,
};

use super::{Feed, FeedError, Input, file_and_folder};
use crate::{
    archive::decompressed,
    builder::{Builder, Entry},
    limits::MAX_XML_BYTES,
    location::Location,
    oval::{self, Bound},
};

pub(super) struct Azure;

impl Feed for Azure {
    fn id(&self) -> &'static str {
        "azure-linux"
    }

    fn name(&self) -> &'static str {
        "Azure Linux OVAL"
    }

    fn url(&self) -> &'static str {
        "https://github.com/microsoft/AzureLinuxVulnerabilityData"
    }

    fn licence(&self) -> &'static str {
        "not stated: https://github.com/microsoft/AzureLinuxVulnerabilityData"
    }

    fn locations(&self, _today: Day) -> Vec<Location> {
        const FILES: &str =
            "https://raw.githubusercontent.com/microsoft/AzureLinuxVulnerabilityData/main/";
        let file = |name: &str| Location::new(format!("{FILES}{name}"), name);
        vec![
            file("azurelinux-3.0-oval.xml"),
            file("cbl-mariner-2.0-oval.xml").optional(),
        ]
    }

    fn claims(&self, path: &str) -> bool {
        let (file, _) = file_and_folder(path);
        file.contains("-oval.xml") && key_of(file).is_some()
    }

    fn read(&self, mut input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        let path = input.path;
        let (file, _) = file_and_folder(path);
        let key = key_of(file).ok_or(FeedError::Foreign("no release"))?;
        let oval = oval::parse(BufReader::new(decompressed(&mut input, MAX_XML_BYTES)?))?;
        if let Some(timestamp) = &oval.timestamp {
            out.dated(self, timestamp);
        }
        for definition in &oval.definitions {
            out.count(self);
            let (found, unreadable) = oval.packages(definition);
            if unreadable > 0 || found.is_empty() {
                out.skip(self.id(), "unreadable: definition", path, &definition.id);
            }
            let is_applicable = definition.patchable.as_deref() != Some("Not Applicable");
            for (cve, _) in definition.vulnerabilities() {
                for package in &found {
                    let (statement, end) = match &package.bound {
                        _ if !is_applicable => (Statement::NotAffected, RangeEnd::Never),
                        Bound::Until(end) => (Statement::Affected, end.clone()),
                        Bound::BelowZero => (Statement::NotAffected, RangeEnd::Never),
                    };
                    let published = definition.issued.as_deref().and_then(Day::parse);
                    let is_fixed = matches!(end, RangeEnd::Fixed(_));
                    let severity = definition.severity.as_deref().unwrap_or_default();
                    let entry = Entry {
                        key: key.clone(),
                        order: "rpm",
                        package: package.name.clone(),
                        advisory: Advisory {
                            id: cve.to_owned(),
                            record: cve.to_owned(),
                            ratings: Rating::from_word("azure", severity).into_iter().collect(),
                            ..Advisory::default()
                        },
                        affected: Affected {
                            statement,
                            ranges: vec![VersionRange {
                                introduced: None,
                                end,
                            }],
                            qualifiers: vec![Qualifier::Source],
                            fix_published: published.filter(|_| is_fixed),
                            ..Affected::default()
                        },
                    };
                    // Titles and descriptions say in words what the entry says.
                    out.add_to(self, cve, Prose::default, entry);
                }
            }
        }
        Ok(())
    }
}

/// `azurelinux-3.0-oval.xml` is about `azure-linux:3.0`.
fn key_of(file: &str) -> Option<String> {
    let (name, key) = if file.starts_with("azurelinux-") {
        ("azurelinux-", "azure-linux")
    } else {
        ("cbl-mariner-", "mariner")
    };
    let (release, _) = file.strip_prefix(name)?.split_once("-oval")?;
    let is_release = release.starts_with(|c: char| c.is_ascii_digit());
    let is_release = is_release && release.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    is_release.then(|| format!("{key}:{release}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_that_of_the_file_name() {
        let check = |file: &str, expect: Option<&str>| {
            assert_eq!(key_of(file).as_deref(), expect, "{file}")
        };
        check("azurelinux-3.0-oval.xml", Some("azure-linux:3.0"));
        check("azurelinux-3.0-oval.xml.bz2", Some("azure-linux:3.0"));
        check("cbl-mariner-2.0-oval.xml", Some("mariner:2.0"));
        check("azurelinux-oval.xml", None);
        check("other-3.0-oval.xml", None);
    }
}
