//! Oracle Linux: <https://linux.oracle.com/security/oval/>, one OVAL file with all notices (ELSA) or one
//! for each year.
//!
//! Variants that are installed instead of the usual packages are left out, since their versions are
//! above all others: Ksplice's (`.ksplice1.`) and those certified for FIPS (`_fips`).
//!
//! The shape is that of vuln-list-update's `oracle/oval/testdata` and claircore's `oracle`.

use std::io::BufReader;

use lamina_advisories::{rating::Rating, record::RangeEnd};

use lamina_advisories::record::Day;

use super::{Feed, FeedError, Input, file_and_folder};
use crate::{
    archive::decompressed,
    builder::Builder,
    limits::MAX_XML_BYTES,
    location::Location,
    notice::{Notice, architecture, is_left_out},
    oval::{self, Bound, Definition, Found, Oval},
};

pub(super) struct Oracle;

impl Feed for Oracle {
    fn id(&self) -> &'static str {
        "oracle-oval"
    }

    fn name(&self) -> &'static str {
        "Oracle Linux OVAL"
    }

    fn url(&self) -> &'static str {
        "https://linux.oracle.com/security/oval/com.oracle.elsa-all.xml.bz2"
    }

    fn licence(&self) -> &'static str {
        "not stated: https://linux.oracle.com/security/"
    }

    fn locations(&self, _today: Day) -> Vec<Location> {
        vec![Location::new(self.url(), "com.oracle.elsa-all.xml.bz2")]
    }

    fn claims(&self, path: &str) -> bool {
        let (file, _) = file_and_folder(path);
        file.starts_with("com.oracle.elsa-") && file.contains(".xml")
    }

    fn read(&self, mut input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        let path = input.path;
        let oval = oval::parse(BufReader::new(decompressed(&mut input, MAX_XML_BYTES)?))?;
        for definition in &oval.definitions {
            out.count(self);
            self.convert(&oval, definition, path, out);
        }
        Ok(())
    }
}

impl Oracle {
    fn convert(&self, oval: &Oval, definition: &Definition, path: &str, out: &mut Builder) {
        let mut references = definition.references.iter();
        let Some((_, id, _)) =
            references.find(|(source, _, _)| source.eq_ignore_ascii_case("elsa"))
        else {
            out.skip(self.id(), "unreadable: no id", path, &definition.id);
            return;
        };
        let severity = definition.severity.as_deref().unwrap_or_default();
        let word = Rating::from_word("oracle", severity);
        let vulnerabilities = definition.vulnerabilities();
        if vulnerabilities.is_empty() {
            out.skip(self.id(), "left out: a notice about no CVE", path, id);
            return;
        }
        let mut notice = Notice {
            id: id.clone(),
            vulnerabilities: vulnerabilities
                .into_iter()
                .map(|(cve, vector)| {
                    let score = vector.and_then(|vector| Rating::from_vector("oracle", vector));
                    (cve.to_owned(), word.iter().cloned().chain(score).collect())
                })
                .collect(),
            issued: definition.issued.clone(),
            updated: definition.updated.clone(),
            summary: summary(&definition.title, id),
            details: definition.description.clone(),
            references: definition
                .references
                .iter()
                .map(|(_, _, url)| url.clone())
                .collect(),
            ..Notice::default()
        };
        let (found, unreadable) = oval.packages(definition);
        if unreadable > 0 {
            out.skip(self.id(), "unreadable: test of a version", path, id);
        }
        for package in found {
            if let Err(reason) = note(&package, &mut notice, &definition.platforms) {
                out.skip(
                    self.id(),
                    reason,
                    path,
                    &format!("{id} on {}", package.name),
                );
            }
        }
        if !notice.fixes.is_empty() {
            out.add_part(self, notice.into_record());
        }
    }
}

/// Adds what a test says to the notice.
fn note(package: &Found, notice: &mut Notice, platforms: &[String]) -> Result<(), &'static str> {
    let Bound::Until(RangeEnd::Fixed(version)) = &package.bound else {
        return Err("unreadable: no fixed version");
    };
    if version.contains(".ksplice") {
        return Err("left out: Ksplice");
    }
    if version.contains("_fips") {
        return Err("left out: FIPS");
    }
    let mut conditions = package.conditions.iter().flatten();
    let release = conditions
        .clone()
        .find_map(|comment| release_of(comment.strip_suffix(" is installed")?))
        .or_else(|| platforms.iter().find_map(|platform| release_of(platform)))
        .ok_or("left out: no release")?;
    let module = conditions.clone().find_map(|comment| {
        let module = comment
            .strip_prefix("Module ")?
            .strip_suffix(" is enabled")?;
        Some(module.to_owned())
    });
    let architecture_of = |comment: &String| {
        let text = comment.strip_prefix("Oracle Linux arch is ")?;
        Some(text.to_owned())
    };
    let named = conditions
        .find_map(architecture_of)
        .or_else(|| package.architectures.first().cloned());
    let architecture = architecture(named.as_deref().unwrap_or_default());
    if is_left_out(&package.name, architecture) {
        return Ok(());
    }
    let fixes = notice.fixes.entry(format!("oracle:{release}")).or_default();
    if !fixes.add(&package.name, module, architecture, version) {
        return Err("unreadable: version");
    }
    Ok(())
}

fn release_of(platform: &str) -> Option<&str> {
    let release = platform.trim().strip_prefix("Oracle Linux ")?;
    let is_number = !release.is_empty() && release.bytes().all(|b| b.is_ascii_digit());
    is_number.then_some(release)
}

/// `ELSA-2007-0057:  Moderate: bind security update  (MODERATE)` without id and severity.
fn summary(title: &str, id: &str) -> String {
    let text = title.trim();
    let text = text.strip_prefix(id).unwrap_or(text);
    let text = text.trim_start_matches(':').trim();
    match text.rsplit_once('(') {
        Some((text, _)) => text.trim().to_owned(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_are_without_id_and_severity() {
        let check =
            |title: &str, expect: &str| assert_eq!(summary(title, "ELSA-2007-0057"), expect);
        check(
            "\nELSA-2007-0057:  Moderate: bind security update  (MODERATE)\n",
            "Moderate: bind security update",
        );
        check("bind", "bind");
    }

    #[test]
    fn releases_are_numbers() {
        assert_eq!(release_of("Oracle Linux 9"), Some("9"));
        assert_eq!(release_of("Oracle Linux arch is x86_64"), None);
        assert_eq!(release_of("Oracle Linux "), None);
    }
}
