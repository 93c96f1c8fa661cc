//! Grype's JSON.
//!
//! Fields: `grype/presenter/models` of anchore/grype. A finding by a GHSA or an ELSA has its CVEs among the
//! related vulnerabilities.

use serde_json::Value;

use super::Source;
use crate::{
    draft::{Draft, Found, Named, Read as _, kept, severity, timestamp, title},
    model::{Epss, Kev, Suppressed},
};

/// The format.
#[derive(Debug)]
pub(super) struct Grype;

impl Source for Grype {
    fn id(&self) -> &'static str {
        "grype"
    }

    fn title(&self) -> &'static str {
        "Grype"
    }

    fn about(&self) -> &'static str {
        "`grype --output json`"
    }

    fn claims(&self, document: &Value) -> bool {
        document.at("matches").is_some_and(Value::is_array)
            && (document.text("descriptor/name") == Some("grype")
                || document
                    .list("matches")
                    .iter()
                    .any(|found| found.get("artifact").is_some()))
    }

    fn read(&self, document: &Value, draft: &mut Draft) {
        draft.tool(None, document.text("descriptor/version"));
        draft.made(document.text("descriptor/timestamp"));
        let built = ["descriptor/db/status/built", "descriptor/db/built"];
        draft.database_built = built
            .iter()
            .find_map(|path| document.text(path))
            .and_then(timestamp);
        if let Some(target) = document.at("source/target") {
            match target.as_str() {
                Some(name) => draft.name(Some(name)),
                None => image(target, draft),
            }
        }
        if let Some(kind) = document.text("source/type").filter(|kind| *kind != "image") {
            let kind = kept(kind).unwrap_or_default();
            draft.remark(format!("It is about a {kind}, not an image"));
        }
        draft.distribution(
            document.text("distro/name"),
            document.text("distro/version"),
        );
        for found in document.list("matches") {
            let Some(package) = package(found, draft) else {
                continue;
            };
            finding(found, package, draft);
        }
        for ignored in document.list("ignoredMatches") {
            suppressed(ignored, draft);
        }
    }
}

fn image(target: &Value, draft: &mut Draft) {
    draft.name(target.text("userInput"));
    draft.digest(target.text("manifestDigest"));
    draft.image.config_digest = target.text("imageID").and_then(kept);
    draft.platform(target.text("os"), target.text("architecture"));
    // Of images, these are diff ids.
    for layer in target.list("layers") {
        let index = draft.layer(None, layer.text("digest"));
        if let Some(known) = index.and_then(|index| draft.layers.get_mut(index)) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a size that is absurd is cut off"
            )]
            let size = layer.number("size").unwrap_or_default().max(0.0) as u64;
            known.uncompressed_size = size;
        }
    }
}

fn package(found: &Value, draft: &mut Draft) -> Option<usize> {
    let artifact = found.at("artifact")?;
    let place = artifact.list("locations").first();
    let layer = place.and_then(|place| place.text("layerID"));
    let layer = draft.layer(None, layer);
    let upstream = artifact.list("upstreams").first();
    let source = upstream.and_then(|upstream| {
        let version = upstream.text("version").map(str::to_owned);
        Some((upstream.text("name")?, version))
    });
    let licences: Vec<&str> = artifact.texts("licenses").collect();
    draft.package(Named {
        purl: artifact.text("purl"),
        kind: artifact.text("type"),
        name: artifact.text("name"),
        version: artifact.word("version"),
        architecture: artifact.text("metadata/architecture"),
        source,
        licence: (!licences.is_empty()).then(|| licences.join(" AND ")),
        file: place.and_then(|place| place.text("path")),
        layer,
    })
}

fn finding(found: &Value, package: usize, draft: &mut Draft) {
    let Some(vulnerability) = found.at("vulnerability") else {
        return;
    };
    let related = found.list("relatedVulnerabilities");
    let records = || std::iter::once(vulnerability).chain(related);
    let aliases = related.iter().filter_map(|related| related.text("id"));
    let cvss = records()
        .flat_map(|record| record.list("cvss"))
        .max_by(|a, b| {
            let key = |score: &Value| {
                let is_primary = score
                    .text("type")
                    .is_none_or(|kind| kind.eq_ignore_ascii_case("primary"));
                (
                    is_primary,
                    score.text("version").unwrap_or_default().to_owned(),
                )
            };
            // The first of several that are alike.
            key(a).cmp(&key(b)).then(std::cmp::Ordering::Greater)
        });
    let epss = records().flat_map(|record| record.list("epss")).next();
    let epss = epss.and_then(|epss| {
        Some(Epss {
            score: epss.number("epss")?.clamp(0.0, 1.0),
            percentile: epss
                .number("percentile")
                .unwrap_or_default()
                .clamp(0.0, 1.0),
        })
    });
    let kev = records()
        .flat_map(|record| record.list("knownExploited"))
        .next();
    let kev = kev.map(|kev| Kev {
        added: kev.text("dateAdded").and_then(kept).unwrap_or_default(),
        due: kev.text("dueDate").and_then(kept),
        ransomware: kev
            .text("knownRansomwareCampaignUse")
            .is_some_and(|word| word.eq_ignore_ascii_case("known")),
    });
    let description = records().find_map(|record| record.text("description"));
    let details = found.list("matchDetails").first();
    let range = details.and_then(|details| {
        details
            .text("found/versionConstraint")
            .or(details.text("found/constraint"))
    });
    let cwes: Vec<&str> = records()
        .flat_map(|record| record.list("cwes"))
        .filter_map(|cwe| cwe.text("cwe").or(cwe.as_str()))
        .collect();
    let available = vulnerability.list("fix/available").first();
    draft.finding(Found {
        id: vulnerability.text("id"),
        aliases: aliases.map(str::to_owned).collect(),
        package,
        severity: severity(vulnerability.text("severity")),
        cvss: cvss.and_then(|cvss| cvss.text("vector")),
        score: cvss.and_then(|cvss| cvss.number("metrics/baseScore")),
        status: vulnerability.text("fix/state"),
        fixed: vulnerability.texts("fix/versions").collect(),
        title: description,
        source: vulnerability.text("dataSource"),
        namespace: vulnerability.text("namespace"),
        range,
        epss,
        kev,
        cwes,
        published: vulnerability.text("publishedDate"),
        modified: vulnerability.text("lastModifiedDate"),
        fix_published: available.and_then(|fix| fix.text("date")),
        ..Found::default()
    });
}

fn suppressed(ignored: &Value, draft: &mut Draft) {
    let related = ignored.list("relatedVulnerabilities").iter();
    let related = related.filter_map(|related| related.text("id"));
    let ids = ignored.text("vulnerability/id").into_iter().chain(related);
    let ids: Vec<String> = ids.filter_map(kept).take(20).collect();
    if ids.is_empty() {
        return;
    }
    let rules = ignored.list("appliedIgnoreRules").iter();
    let why = rules.filter_map(|rule| {
        let reason = rule.text("reason").or(rule.text("vex-justification"));
        reason.or(rule.text("fix-state")).and_then(title)
    });
    draft.suppressed(Suppressed {
        ids,
        package: ignored
            .text("artifact/name")
            .and_then(kept)
            .unwrap_or_default(),
        version: ignored.word("artifact/version").unwrap_or_default(),
        why: why.take(3).collect::<Vec<_>>().join(", "),
    });
}
