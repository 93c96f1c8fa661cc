//! GitLab's container scanning report, versions 14 and 15; Docker Scout writes it too
//! (`--format gitlab`).

use serde_json::Value;

use super::Source;
use crate::draft::{Draft, Found, Named, Read as _, severity};

/// The format.
#[derive(Debug)]
pub(super) struct Gitlab;

impl Source for Gitlab {
    fn id(&self) -> &'static str {
        "gitlab"
    }

    fn title(&self) -> &'static str {
        "GitLab container scanning"
    }

    fn about(&self) -> &'static str {
        "gl-container-scanning-report.json; `docker scout cves --format gitlab`; Trivy’s template gitlab.tpl"
    }

    fn claims(&self, document: &Value) -> bool {
        document.at("vulnerabilities").is_some_and(Value::is_array)
            && (document.text("scan/type") == Some("container_scanning")
                || document
                    .list("vulnerabilities")
                    .first()
                    .is_some_and(|found| found.at("location/dependency/package").is_some()))
    }

    fn read(&self, document: &Value, draft: &mut Draft) {
        if let Some(scanner) = document.text("scan/scanner/name") {
            draft.tool(
                Some(&format!("{scanner}, by GitLab’s format")),
                document.text("scan/scanner/version"),
            );
        }
        draft.made(
            document
                .text("scan/end_time")
                .or(document.text("scan/start_time")),
        );
        draft.remark(
            "It gives neither scores nor states, and the fixed version only within a sentence",
        );
        draft.remark(
            "It does not say of which kind a package is: all are taken for the distribution’s",
        );
        for found in document.list("vulnerabilities") {
            finding(found, draft);
        }
    }
}

fn finding(found: &Value, draft: &mut Draft) {
    draft.name(found.text("location/image"));
    draft.distribution(found.text("location/operating_system"), None);
    let package = draft.package(Named {
        kind: Some("os"),
        name: found.text("location/dependency/package/name"),
        version: found.word("location/dependency/version"),
        ..Named::default()
    });
    let Some(package) = package else { return };
    let identifiers = found.list("identifiers").iter();
    let ids: Vec<&str> = identifiers
        .filter(|it| it.text("type").is_none_or(|kind| kind != "cwe"))
        .filter_map(|it| it.text("value").or(it.text("name")))
        .collect();
    // `Upgrade libcrypto1.1 to 1.1.1d-r0`
    let fixed = found
        .text("solution")
        .and_then(|text| text.rsplit_once(" to "));
    let fixed = fixed.map(|(_, version)| version.trim_end_matches('.'));
    let fixed = fixed.filter(|version| {
        !version.contains(' ') && version.bytes().any(|byte| byte.is_ascii_digit())
    });
    let own = found
        .text("id")
        .filter(|id| ids.is_empty() || ids.contains(id));
    draft.finding(Found {
        id: ids.first().copied().or(own),
        aliases: ids.iter().map(|id| (*id).to_owned()).collect(),
        package,
        severity: severity(found.text("severity")),
        fixed: fixed.into_iter().collect(),
        title: found
            .text("name")
            .or(found.text("message"))
            .or(found.text("description")),
        ..Found::default()
    });
}
