//! Qualys Container Security: details of an image (`GET /csapi/v1.3/images/{sha}`).
//!
//! Field names are those of jenkinsci/qualys-cs-plugin. A finding is a QID with its CVEs; severities are
//! 1 to 5. QScanner writes SARIF.

use jiff::Timestamp;
use lamina_inventory::severity::Severity;
use serde_json::Value;

use super::Source;
use crate::draft::{Draft, Found, Named, Read as _, kept};

/// The format.
#[derive(Debug)]
pub(super) struct Qualys;

impl Source for Qualys {
    fn id(&self) -> &'static str {
        "qualys"
    }

    fn title(&self) -> &'static str {
        "Qualys Container Security"
    }

    fn about(&self) -> &'static str {
        "GET /csapi/v1.3/images/{sha}, /csapi/v1.3/images/{sha}/vuln"
    }

    fn claims(&self, document: &Value) -> bool {
        let details = document.list("vulnerabilities").iter();
        let mut listed = document.list("details").iter().chain(details);
        listed.any(|found| found.get("qid").is_some())
            || (document.get("imageId").is_some() && document.get("softwares").is_some())
    }

    fn read(&self, document: &Value, draft: &mut Draft) {
        if let Some(repository) = document.list("repo").first() {
            let parts = [repository.text("registry"), repository.text("repository")];
            let name = parts.into_iter().flatten().collect::<Vec<_>>().join("/");
            let tag = repository.text("tag").map(|tag| format!(":{tag}"));
            draft.name(Some(&format!("{name}{}", tag.unwrap_or_default())));
        }
        if let Some(sha) = document.text("sha") {
            draft.image.config_digest = kept(&format!("sha256:{sha}"));
        }
        draft.platform(None, document.text("architecture"));
        draft.distribution(document.text("operatingSystem"), None);
        draft.remark("It does not say of which kind a package is: those without a path are taken for the distribution's");
        let software = document.list("softwares");
        draft.imported.lists_packages = !software.is_empty();
        for software in software {
            package(software, draft);
        }
        let listed = document.list("vulnerabilities").iter();
        for found in listed.chain(document.list("details")) {
            for software in found.list("software") {
                if let Some(package) = package(software, draft) {
                    finding(found, software, package, draft);
                }
            }
            if found.list("software").is_empty() {
                draft.remark("Findings for which it names no software are left out");
            }
        }
    }
}

fn package(software: &Value, draft: &mut Draft) -> Option<usize> {
    let path = software.text("packagePath");
    draft.package(Named {
        kind: path.is_none().then_some("os"),
        name: software.text("name"),
        version: software.word("version"),
        file: path,
        ..Named::default()
    })
}

fn finding(found: &Value, software: &Value, package: usize, draft: &mut Draft) {
    let level = found
        .number("customerSeverity")
        .or(found.number("severity"));
    let severity = match level {
        Some(level) if level >= 5.0 => Severity::Critical,
        Some(level) if level >= 4.0 => Severity::High,
        Some(level) if level >= 3.0 => Severity::Medium,
        Some(level) if level >= 2.0 => Severity::Low,
        Some(level) if level >= 1.0 => Severity::Negligible,
        _ => Severity::Unknown,
    };
    let published = found.number("published").and_then(milliseconds);
    let qid = found.word("qid").map(|qid| format!("QID-{qid}"));
    draft.finding(Found {
        id: qid.as_deref(),
        aliases: found.texts("cveids").map(str::to_owned).collect(),
        package,
        severity,
        severity_source: Some("Qualys"),
        score: found
            .number("cvss3Info/baseScore")
            .or(found.number("cvssInfo/baseScore")),
        fixed: software.text("fixVersion").into_iter().collect(),
        title: found.text("title"),
        source: Some("Qualys"),
        published: published.as_deref(),
        ..Found::default()
    });
}

/// A time in milliseconds since 1970.
fn milliseconds(number: f64) -> Option<String> {
    #[expect(clippy::cast_possible_truncation, reason = "what is absurd is no time")]
    let time = Timestamp::from_millisecond(number as i64).ok()?;
    Some(time.to_string())
}
