//! Google Artifact Analysis: occurrences, as `gcloud artifacts docker images describe
//! --show-package-vulnerability` and the API give them.
//!
//! Fields: grafeas' `proto/v1/vulnerability.proto`. `effectiveSeverity` is the distribution's, `severity` by
//! CVSS. A fixed version of the kind `MAXIMUM` means that there is none.

use serde_json::Value;

use super::Source;
use crate::draft::{Draft, Found, Named, Read as _, ids_in, severity};

/// The format.
#[derive(Debug)]
pub(super) struct Gcp;

fn occurrences(document: &Value) -> impl Iterator<Item = &Value> {
    let groups = document.entries("package_vulnerability_summary/vulnerabilities");
    let grouped = groups.filter_map(|(_, group)| group.as_array()).flatten();
    let listed = document.list("occurrences").iter();
    let bare = document.as_array().into_iter().flatten();
    let single = std::iter::once(document).filter(|document| document.is_object());
    grouped
        .chain(listed)
        .chain(bare)
        .chain(single)
        .filter(|it| it.text("kind") == Some("VULNERABILITY") && it.get("vulnerability").is_some())
}

impl Source for Gcp {
    fn id(&self) -> &'static str {
        "gcp"
    }

    fn title(&self) -> &'static str {
        "Google Artifact Analysis"
    }

    fn about(&self) -> &'static str {
        "`gcloud artifacts docker images describe --show-package-vulnerability --format json`, occurrences of the API"
    }

    fn claims(&self, document: &Value) -> bool {
        document.get("package_vulnerability_summary").is_some()
            || occurrences(document).next().is_some()
    }

    fn read(&self, document: &Value, draft: &mut Draft) {
        draft.name(document.text("image_summary/fully_qualified_digest"));
        draft.digest(document.text("image_summary/digest"));
        let discovery = document.list("discovery_summary/discovery").first();
        if let Some(discovery) = discovery {
            draft.made(
                discovery
                    .text("discovery/lastScanTime")
                    .or(discovery.text("updateTime")),
            );
            let status = discovery.text("discovery/analysisStatus");
            if let Some(status) = status.filter(|it| *it != "FINISHED_SUCCESS" && *it != "COMPLETE")
            {
                let status = status.to_lowercase().replace('_', " ");
                draft.remark(format!("The scan had not come to its end: {status}"));
            }
        }
        for occurrence in occurrences(document) {
            let name = occurrence
                .text("resourceUri")
                .or(occurrence.text("resource/uri"));
            draft.name(name.map(|name| name.trim_start_matches("https://")));
            draft.made(occurrence.text("updateTime"));
            finding(occurrence, draft);
        }
        draft.remark("It does not name source packages");
    }
}

fn finding(occurrence: &Value, draft: &mut Draft) {
    let Some(vulnerability) = occurrence.at("vulnerability") else {
        return;
    };
    let note = occurrence.text("noteName").or(occurrence.text("note_name"));
    let note = note.and_then(|note| note.rsplit('/').next());
    let id = vulnerability.text("shortDescription").or(note);
    let urls = vulnerability.list("relatedUrls").iter();
    let urls = urls.filter_map(|url| url.text("url"));
    // Links to an advisory's page name it; others may be about several.
    let aliases = urls
        .filter(|url| url.contains("github.com/advisories/"))
        .flat_map(ids_in)
        .collect::<Vec<_>>();
    for issue in vulnerability.list("packageIssue") {
        let cpe = issue
            .text("affectedCpeUri")
            .or(issue.text("affectedLocation/cpeUri"));
        let kind = issue.text("packageType");
        let is_os = kind.is_none_or(|kind| kind.eq_ignore_ascii_case("os"));
        if is_os && let Some(cpe) = cpe {
            // `cpe:/o:debian:debian_linux:12`
            let mut parts = cpe.split(':').skip(2);
            let (vendor, version) = (parts.next(), parts.nth(1));
            draft.distribution(vendor, version);
        }
        let place = issue.list("fileLocation").first();
        let layer = place.and_then(|place| place.at("layerDetails"));
        let layer = layer.and_then(|layer| draft.layer(None, layer.text("diffId")));
        let package = draft.package(Named {
            kind: kind.or(Some("os")),
            name: issue
                .text("affectedPackage")
                .or(issue.text("affectedLocation/package")),
            version: version(issue, "affectedVersion")
                .or_else(|| version(issue, "affectedLocation/version")),
            file: place
                .and_then(|place| place.text("filePath"))
                .filter(|_| !is_os),
            layer,
            ..Named::default()
        });
        let Some(package) = package else { continue };
        let fixed =
            version(issue, "fixedVersion").or_else(|| version(issue, "fixedLocation/version"));
        let level = issue
            .text("effectiveSeverity")
            .or(vulnerability.text("effectiveSeverity"))
            .or(vulnerability.text("severity"));
        draft.finding(Found {
            id,
            aliases: aliases.clone(),
            package,
            severity: severity(level),
            score: vulnerability
                .number("cvssv3/baseScore")
                .or(vulnerability.number("cvssScore")),
            status: vulnerability.text("vexAssessment/state"),
            fixed: fixed.as_deref().into_iter().collect(),
            title: vulnerability.text("longDescription"),
            namespace: cpe,
            ..Found::default()
        });
    }
}

/// A version; `None` for the one that is above all others.
fn version(issue: &Value, path: &str) -> Option<String> {
    let version = issue.at(path)?;
    if matches!(version.text("kind"), Some("MAXIMUM" | "MINIMUM")) {
        return None;
    }
    if let Some(full) = version.text("fullName") {
        return Some(full.to_owned());
    }
    let name = version.text("name")?;
    let epoch = version.number("epoch").filter(|epoch| *epoch > 0.0);
    let epoch = epoch.map(|epoch| format!("{epoch}:")).unwrap_or_default();
    let revision = version.text("revision").map(|it| format!("-{it}"));
    Some(format!("{epoch}{name}{}", revision.unwrap_or_default()))
}
