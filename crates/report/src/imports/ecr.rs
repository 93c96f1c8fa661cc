//! Amazon ECR: `describe-image-scan-findings`, of basic scans and of enhanced ones (Inspector's findings in an
//! envelope).

use serde_json::Value;

use super::{Source, inspector};
use crate::draft::{Draft, Found, Named, Read as _, seconds, severity};

/// The format.
#[derive(Debug)]
pub(super) struct Ecr;

impl Source for Ecr {
    fn id(&self) -> &'static str {
        "ecr"
    }

    fn title(&self) -> &'static str {
        "Amazon ECR"
    }

    fn about(&self) -> &'static str {
        "`aws ecr describe-image-scan-findings`, basic and enhanced"
    }

    fn claims(&self, document: &Value) -> bool {
        document
            .at("imageScanFindings")
            .is_some_and(Value::is_object)
    }

    fn read(&self, document: &Value, draft: &mut Draft) {
        let registry = document.word("registryId");
        if let Some(repository) = document.text("repositoryName") {
            let tag = document.text("imageId/imageTag");
            let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
            let host = registry
                .map(|id| format!("{id}.dkr.ecr/"))
                .unwrap_or_default();
            draft.name(Some(&format!("{host}{repository}{tag}")));
        }
        draft.digest(document.text("imageId/imageDigest"));
        let Some(findings) = document.at("imageScanFindings") else {
            return;
        };
        let completed = findings.at("imageScanCompletedAt");
        draft.made(completed.and_then(Value::as_str));
        draft.scanned_at = draft
            .scanned_at
            .or(seconds(completed.and_then(Value::as_f64)));
        draft.database_built = seconds(findings.number("vulnerabilitySourceUpdatedAt"));
        if let Some(status) = document
            .text("imageScanStatus/status")
            .filter(|it| *it != "COMPLETE" && *it != "ACTIVE")
        {
            draft.remark(format!(
                "The scan had not come to its end: {}",
                status.to_lowercase()
            ));
        }
        if document.text("nextToken").is_some() || findings.text("nextToken").is_some() {
            draft.remark("It is the first page of several: the rest of the findings is missing");
        }
        let enhanced = findings.list("enhancedFindings");
        for found in enhanced {
            inspector::finding(found, draft);
        }
        let basic = findings.list("findings");
        if enhanced.is_empty() {
            draft.imported.tool = "Amazon ECR basic scanning".to_owned();
            draft.remark("It names neither the kind of a package nor the version that fixes it: all are taken for the distribution’s");
        } else {
            draft.imported.tool = "Amazon Inspector, by ECR".to_owned();
        }
        for found in basic {
            read_basic(found, draft);
        }
    }
}

fn read_basic(found: &Value, draft: &mut Draft) {
    let attribute = |name: &str| {
        let mut all = found.list("attributes").iter();
        let attribute = all.find(|it| {
            it.text("key")
                .is_some_and(|key| key.eq_ignore_ascii_case(name))
        })?;
        attribute.text("value")
    };
    let package = draft.package(Named {
        kind: Some("os"),
        name: attribute("package_name"),
        version: attribute("package_version").map(str::to_owned),
        ..Named::default()
    });
    let Some(package) = package else { return };
    let score = ["CVSS4_SCORE", "CVSS3_SCORE", "CVSS2_SCORE"]
        .iter()
        .find_map(|name| attribute(name)?.parse().ok());
    let vector = ["CVSS4_VECTOR", "CVSS3_VECTOR", "CVSS2_VECTOR"]
        .iter()
        .find_map(|name| attribute(name));
    draft.finding(Found {
        id: found.text("name"),
        package,
        severity: severity(found.text("severity")),
        cvss: vector,
        score,
        fixed: attribute("fixed_version")
            .or(attribute("fixed_in_version"))
            .into_iter()
            .collect(),
        title: found.text("description"),
        ..Found::default()
    });
}
