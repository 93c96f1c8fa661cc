//! The AWS Security Finding Format, as Security Hub gives Inspector's findings, and Trivy its own.

use serde_json::Value;

use super::{Source, inspector};
use crate::{
    draft::{Draft, Found, Named, Read as _, severity},
    model::Epss,
};

/// The format.
#[derive(Debug)]
pub(super) struct Asff;

fn findings(document: &Value) -> impl Iterator<Item = &Value> {
    let all = document
        .list("Findings")
        .iter()
        .chain(document.as_array().into_iter().flatten());
    all.filter(|found| found.text("ProductArn").is_some())
}

impl Source for Asff {
    fn id(&self) -> &'static str {
        "asff"
    }

    fn title(&self) -> &'static str {
        "AWS Security Hub"
    }

    fn about(&self) -> &'static str {
        "`aws securityhub get-findings`; Trivy’s template asff.tpl"
    }

    fn claims(&self, document: &Value) -> bool {
        findings(document).next().is_some()
    }

    fn read(&self, document: &Value, draft: &mut Draft) {
        draft.remark("It does not say which version of the scanner made it");
        for found in findings(document) {
            finding(found, draft);
        }
    }
}

fn finding(found: &Value, draft: &mut Draft) {
    let product = found
        .text("ProductFields/Product Name")
        .or(found.text("ProductName"));
    if let Some(product) = product {
        draft.tool(Some(&format!("{product}, by Security Hub")), None);
    }
    draft.made(found.text("UpdatedAt"));
    let Some(resource) = found.list("Resources").first() else {
        return;
    };
    let image = resource.at("Details/AwsEcrContainerImage");
    match image {
        Some(image) => {
            let digest = image.text("ImageDigest");
            if draft.image.digest.is_some()
                && digest.is_some()
                && draft.image.digest.as_deref() != digest
            {
                draft.remark("It is about several images: only the first one’s findings are shown");
                return;
            }
            draft.name(image.text("RepositoryName"));
            draft.digest(digest);
            draft.platform(None, image.text("Architecture"));
        }
        None => {
            let name = resource
                .text("Details/Container/ImageName")
                .or(resource.text("Id"));
            let (name, distribution) = match name.and_then(|name| name.rsplit_once(" (")) {
                Some((name, distribution)) => {
                    (Some(name), Some(distribution.trim_end_matches(')')))
                }
                None => (name, None),
            };
            draft.name(name);
            draft.distribution(distribution, None);
        }
    }
    let fields = found.at("ProductFields").and_then(Value::as_object);
    let field = |name: &str| {
        fields
            .and_then(|fields| fields.get(name))
            .and_then(Value::as_str)
    };
    draft.distribution(
        field("aws/inspector/resources/1/resourceDetails/awsEcrContainerImageDetails/platform"),
        None,
    );
    for vulnerability in found.list("Vulnerabilities") {
        read_inspector(vulnerability, found, draft);
    }
    if let Some(other) = resource
        .at("Details/Other")
        .filter(|it| it.text("CVE ID").is_some())
    {
        read_trivy(other, found, draft);
    }
}

fn read_inspector(vulnerability: &Value, found: &Value, draft: &mut Draft) {
    let cvss = vulnerability.list("Cvss").first();
    for package in vulnerability.list("VulnerablePackages") {
        let layer = draft.layer(package.text("SourceLayerHash"), None);
        let architecture = package.text("Architecture").map(str::to_lowercase);
        let named = draft.package(Named {
            kind: package.text("PackageManager"),
            name: package.text("Name"),
            version: inspector::version(package),
            architecture: architecture.as_deref(),
            file: package.text("FilePath"),
            layer,
            ..Named::default()
        });
        let Some(named) = named else { continue };
        draft.finding(Found {
            id: vulnerability.text("Id"),
            aliases: vulnerability
                .texts("RelatedVulnerabilities")
                .map(str::to_owned)
                .collect(),
            package: named,
            severity: severity(found.text("Severity/Label")),
            cvss: cvss.and_then(|cvss| cvss.text("BaseVector")),
            score: cvss.and_then(|cvss| cvss.number("BaseScore")),
            fixed: package.text("FixedInVersion").into_iter().collect(),
            title: found.text("Description"),
            source: vulnerability.text("Vendor/Name"),
            epss: vulnerability.number("EpssScore").map(|score| Epss {
                score: score.clamp(0.0, 1.0),
                percentile: 0.0,
            }),
            ..Found::default()
        });
    }
}

fn read_trivy(other: &Value, found: &Value, draft: &mut Draft) {
    let named = draft.package(Named {
        kind: Some("os"),
        name: other.text("PkgName"),
        version: other.text("Installed Package").map(str::to_owned),
        ..Named::default()
    });
    let Some(package) = named else { return };
    draft
        .remark("It does not say of which kind a package is: all are taken for the distribution’s");
    draft.finding(Found {
        id: other.text("CVE ID"),
        package,
        severity: severity(found.text("Severity/Label")),
        cvss: other
            .text("NvdCvssVectorV3")
            .or(other.text("NvdCvssVectorV2")),
        score: other
            .number("NvdCvssScoreV3")
            .or(other.number("NvdCvssScoreV2")),
        fixed: other.text("Patched Package").into_iter().collect(),
        title: other.text("CVE Title"),
        ..Found::default()
    });
}
