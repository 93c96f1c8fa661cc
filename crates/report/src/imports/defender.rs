//! Microsoft Defender for Containers, of images in Azure Container Registry: sub-assessments, by the
//! Resource Graph or the REST interface.

use serde_json::Value;

use super::Source;
use crate::draft::{Draft, Found, Named, Read as _, severity};

/// The format.
#[derive(Debug)]
pub(super) struct Defender;

fn assessments(document: &Value) -> impl Iterator<Item = &Value> {
    let own = document.as_array().into_iter().flatten();
    let all = own
        .chain(document.list("value"))
        .chain(document.list("data"));
    let single = std::iter::once(document).filter(|document| document.is_object());
    all.chain(single)
        .filter(|it| it.at("properties/additionalData").is_some())
}

impl Source for Defender {
    fn id(&self) -> &'static str {
        "defender"
    }

    fn title(&self) -> &'static str {
        "Microsoft Defender for Containers"
    }

    fn about(&self) -> &'static str {
        "sub-assessments of images in Azure Container Registry (`az graph query`, REST)"
    }

    fn claims(&self, document: &Value) -> bool {
        assessments(document).next().is_some()
    }

    fn read(&self, document: &Value, draft: &mut Draft) {
        for assessment in assessments(document) {
            if let Some(properties) = assessment.at("properties") {
                finding(properties, draft);
            }
        }
    }
}

fn finding(properties: &Value, draft: &mut Draft) {
    let Some(data) = properties.at("additionalData") else {
        return;
    };
    if data.get("vulnerabilityDetails").is_none() {
        draft.remark("Assessments of the scanner before 2023 name no packages, and are left out");
        return;
    }
    if let Some(repository) = data.text("artifactDetails/repositoryName") {
        let host = data.text("artifactDetails/registryHost");
        let host = host.map(|host| format!("{host}/")).unwrap_or_default();
        let tag = data.texts("artifactDetails/tags").next();
        let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
        draft.name(Some(&format!("{host}{repository}{tag}")));
    }
    let digest = data.text("artifactDetails/digest");
    if draft.image.digest.is_some() && digest.is_some() && draft.image.digest.as_deref() != digest {
        draft.remark("It is about several images: only the first one’s findings are shown");
        return;
    }
    draft.digest(digest);
    draft.made(properties.text("timeGenerated"));
    draft.distribution(data.text("softwareDetails/osDetails/osVersion"), None);
    let is_os = data
        .text("softwareDetails/category")
        .is_none_or(|word| word.eq_ignore_ascii_case("os"));
    let kind = if is_os {
        Some("os")
    } else {
        data.text("softwareDetails/language")
    };
    let evidence = data.list("softwareDetails/evidence").first();
    let package = draft.package(Named {
        kind,
        name: data.text("softwareDetails/packageName"),
        version: data.word("softwareDetails/version"),
        file: evidence.and_then(|it| it.text("filePath")),
        ..Named::default()
    });
    let Some(package) = package else { return };
    // The keys are versions with a dot in them.
    let scores = data.entries("vulnerabilityDetails/cvss");
    let score = scores
        .filter(|(_, score)| score.is_object())
        .last()
        .map(|(_, score)| score);
    let not_counted = properties.text("status/code") == Some("NotApplicable");
    if not_counted {
        draft.remark("Some findings are exempt in Defender; they are shown all the same");
    }
    let cwes = data.list("vulnerabilityDetails/weaknesses/cwe").iter();
    draft.finding(Found {
        id: data
            .text("vulnerabilityDetails/cveId")
            .or(properties.text("id")),
        package,
        severity: severity(
            data.text("vulnerabilityDetails/severity")
                .or(properties.text("status/severity")),
        ),
        severity_source: Some("Defender"),
        cvss: score.and_then(|score| score.text("cvssVectorString")),
        score: score.and_then(|score| score.number("base")),
        status: data.text("softwareDetails/fixStatus"),
        fixed: data
            .text("softwareDetails/fixedVersion")
            .into_iter()
            .collect(),
        title: properties.text("description"),
        cwes: cwes.filter_map(|cwe| cwe.text("id")).collect(),
        published: data.text("vulnerabilityDetails/publishedDate"),
        modified: data.text("vulnerabilityDetails/lastModifiedDate"),
        ..Found::default()
    });
}
