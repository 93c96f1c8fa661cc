//! Harbor's vulnerability report: the addition `vulnerabilities` of an artifact, and what a pluggable scanner
//! answers (`application/vnd.security.vulnerability.report; version=1.1`).

use serde_json::Value;

use super::Source;
use crate::draft::{Draft, Found, Named, Read as _, severity};

/// The format.
#[derive(Debug)]
pub(super) struct Harbor;

/// The reports in a document: its own, or those under the media types.
fn reports(document: &Value) -> impl Iterator<Item = &Value> {
    let is_report = |value: &Value| {
        value.at("scanner/name").is_some()
            && value.get("vulnerabilities").is_some()
            && value.get("generated_at").is_some()
    };
    let all = document.as_object().into_iter().flatten();
    let named = all.filter(|(name, _)| name.starts_with("application/vnd."));
    let named = named.map(|(_, report)| report);
    std::iter::once(document)
        .chain(named)
        .filter(move |report| is_report(report))
}

impl Source for Harbor {
    fn id(&self) -> &'static str {
        "harbor"
    }

    fn title(&self) -> &'static str {
        "Harbor"
    }

    fn about(&self) -> &'static str {
        "GET /api/v2.0/projects/…/artifacts/…/additions/vulnerabilities; a scanner adapter's report"
    }

    fn claims(&self, document: &Value) -> bool {
        reports(document).next().is_some()
    }

    fn read(&self, document: &Value, draft: &mut Draft) {
        draft.remark("It does not say of which kind a package is, nor in which file it was found");
        for report in reports(document) {
            if let Some(name) = report.text("scanner/name") {
                draft.tool(
                    Some(&format!("Harbor with {name}")),
                    report.text("scanner/version"),
                );
            }
            draft.made(report.text("generated_at"));
            draft.name(report.text("artifact/repository"));
            draft.digest(report.text("artifact/digest"));
            for found in report.list("vulnerabilities") {
                // Of an index, it names the digest of the image.
                let mut digests = found.texts("artifact_digests");
                if let (Some(digest), None) = (digests.next(), digests.next()) {
                    draft.digest(Some(digest));
                }
                finding(found, draft);
            }
        }
    }
}

fn finding(found: &Value, draft: &mut Draft) {
    let layer = draft.layer(found.text("layer/digest"), found.text("layer/diff_id"));
    let package = draft.package(Named {
        kind: Some("unsaid"),
        name: found.text("package"),
        version: found.word("version"),
        layer,
        ..Named::default()
    });
    let Some(package) = package else { return };
    let scores = found.entries("vendor_attributes/CVSS");
    let vector = scores
        .filter(|(name, _)| *name == "nvd")
        .find_map(|(_, score)| score.text("V3Vector"));
    draft.finding(Found {
        id: found.text("id"),
        package,
        severity: severity(found.text("severity")),
        cvss: found.text("preferred_cvss/vector_v3").or(vector),
        score: found
            .number("preferred_cvss/score_v3")
            .or(found.number("preferred_cvss/score_v2")),
        status: found.text("status"),
        fixed: found.text("fix_version").into_iter().collect(),
        title: found.text("description"),
        cwes: found.texts("cwe_ids").collect(),
        ..Found::default()
    });
}
