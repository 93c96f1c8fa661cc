//! Amazon Inspector: `list-findings`, and its events.
//!
//! A finding is about one vulnerability in one image, with the packages that have it. Versions are in three
//! parts: epoch, version and release.

use serde_json::Value;

use super::Source;
use crate::{
    draft::{Draft, Found, Named, Read as _, kept, severity, title},
    model::{Epss, Suppressed},
};

/// The format.
#[derive(Debug)]
pub(super) struct Inspector;

fn findings(document: &Value) -> impl Iterator<Item = &Value> {
    let listed = document
        .list("findings")
        .iter()
        .chain(document.as_array().into_iter().flatten());
    let event = document.at("detail").into_iter();
    listed
        .chain(event)
        .filter(|found| found.get("packageVulnerabilityDetails").is_some())
}

impl Source for Inspector {
    fn id(&self) -> &'static str {
        "inspector"
    }

    fn title(&self) -> &'static str {
        "Amazon Inspector"
    }

    fn about(&self) -> &'static str {
        "`aws inspector2 list-findings`, an event of a finding"
    }

    fn claims(&self, document: &Value) -> bool {
        findings(document).next().is_some()
    }

    fn read(&self, document: &Value, draft: &mut Draft) {
        draft.made(document.text("time"));
        for found in findings(document) {
            finding(found, draft);
        }
    }
}

/// One finding, also of `describe-image-scan-findings`.
pub(super) fn finding(found: &Value, draft: &mut Draft) {
    let Some(details) = found.at("packageVulnerabilityDetails") else {
        draft.remark("Findings that are not about packages are left out");
        return;
    };
    let resource = found.list("resources").first();
    let image = resource.and_then(|it| it.at("details/awsEcrContainerImage"));
    let resource_name = resource.and_then(|it| it.text("id"));
    if let Some(image) = image {
        if let Some(repository) = image.text("repositoryName") {
            let tag = image.texts("imageTags").next();
            let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
            let host = image.word("registry").map(|id| format!("{id}.dkr.ecr/"));
            draft.name(Some(&format!(
                "{}{repository}{tag}",
                host.unwrap_or_default()
            )));
        }
        let digest = image.text("imageHash");
        if draft.image.digest.is_some()
            && digest.is_some()
            && draft.image.digest.as_deref() != digest
        {
            draft.remark("It is about several images: only the first one’s findings are shown");
            return;
        }
        draft.digest(digest);
        draft.platform(None, image.text("architecture"));
        draft.distribution(image.text("platform"), None);
    } else if let Some(name) = resource_name {
        draft.name(Some(name));
    }
    draft.made(found.text("updatedAt").or(found.text("lastObservedAt")));
    let id = details.text("vulnerabilityId");
    if found
        .text("status")
        .is_some_and(|status| status == "SUPPRESSED")
    {
        let ids: Vec<String> = id.into_iter().filter_map(kept).collect();
        for package in details.list("vulnerablePackages") {
            draft.suppressed(Suppressed {
                ids: ids.clone(),
                package: package.text("name").and_then(kept).unwrap_or_default(),
                version: version(package).unwrap_or_default(),
                why: "suppressed".to_owned(),
            });
        }
        return;
    }
    if found
        .text("status")
        .is_some_and(|status| status == "CLOSED")
    {
        draft.remark("Findings that are closed are left out");
        return;
    }
    let cvss = details.list("cvss").first();
    let vector = found
        .text("inspectorScoreDetails/adjustedCvss/scoringVector")
        .or(found.text("scoreDetails/cvss/scoringVector"))
        .or(cvss.and_then(|cvss| cvss.text("scoringVector")));
    let score = found
        .number("inspectorScore")
        .or(found.number("score"))
        .or(cvss.and_then(|cvss| cvss.number("baseScore")));
    let epss = found.number("epss/score").map(|score| Epss {
        score: score.clamp(0.0, 1.0),
        percentile: 0.0,
    });
    for package in details.list("vulnerablePackages") {
        let layer = package.text("sourceLayerHash");
        let layer = draft.layer(layer.filter(|digest| digest.starts_with("sha256:")), None);
        let manager = package.text("packageManager");
        let architecture = package.text("arch").map(str::to_lowercase);
        let named = draft.package(Named {
            kind: manager,
            name: package.text("name"),
            version: version(package),
            architecture: architecture.as_deref(),
            file: package.text("filePath"),
            layer,
            ..Named::default()
        });
        let Some(named) = named else { continue };
        let aliases = details
            .texts("relatedVulnerabilities")
            .map(str::to_owned)
            .collect();
        draft.finding(Found {
            id,
            aliases,
            package: named,
            severity: severity(found.text("severity")),
            severity_source: Some("Inspector"),
            cvss: vector,
            score,
            fixed: package.text("fixedInVersion").into_iter().collect(),
            title: found
                .text("description")
                .and_then(|text| title(text).is_some().then_some(text)),
            source: details.text("source"),
            epss,
            ..Found::default()
        });
    }
}

/// Epoch, version and release in one, as the package managers write it.
pub(super) fn version(package: &Value) -> Option<String> {
    let part = |name: &str, other: &str| package.word(name).or_else(|| package.word(other));
    let mut text = part("version", "Version")?;
    if let Some(release) = part("release", "Release") {
        text = format!("{text}-{release}");
    }
    match part("epoch", "Epoch").filter(|epoch| epoch != "0") {
        Some(epoch) => Some(format!("{epoch}:{text}")),
        None => Some(text),
    }
}
