//! CycloneDX with vulnerabilities (1.4 and later), as Trivy, Grype, Snyk, Docker Scout and Dependency-Track
//! write it.
//!
//! A vulnerability names the components it affects by `bom-ref`. Of several ratings the worst is taken.

use std::collections::HashMap;

use serde_json::Value;

use super::Source;
use crate::{
    draft::{Draft, Found, Named, Read as _, kept, severity},
    limits::MAX_IMPORT_PACKAGES,
};

/// The format.
#[derive(Debug)]
pub(super) struct CycloneDx;

impl Source for CycloneDx {
    fn id(&self) -> &'static str {
        "cyclonedx"
    }

    fn title(&self) -> &'static str {
        "CycloneDX"
    }

    fn about(&self) -> &'static str {
        "CycloneDX JSON with vulnerabilities (`trivy image --format cyclonedx --scanners vuln`, `grype -o cyclonedx-json`)"
    }

    fn claims(&self, document: &Value) -> bool {
        document.text("bomFormat") == Some("CycloneDX")
    }

    fn read(&self, document: &Value, draft: &mut Draft) {
        head(document, draft);
        let mut packages = HashMap::new();
        components(document, draft, &mut packages);
        draft.imported.lists_packages = !packages.is_empty();
        if document.get("vulnerabilities").is_none() {
            draft.remark("It is a bill of materials without vulnerabilities");
        }
        for found in document.list("vulnerabilities") {
            for affected in found.list("affects") {
                let Some(reference) = affected.text("ref") else {
                    continue;
                };
                // A BOM-Link ends in the reference: `urn:cdx:…/1#pkg:deb/…`.
                let after = reference.split_once('#').map(|(_, after)| after);
                let after = after.filter(|_| reference.starts_with("urn:cdx:"));
                let known = packages
                    .get(reference)
                    .or_else(|| packages.get(after?))
                    .copied();
                let package = known.or_else(|| {
                    let version = affected.list("versions").iter();
                    let mut version = version.filter_map(|it| it.text("version"));
                    draft.package(Named {
                        purl: Some(after.unwrap_or(reference)).filter(|it| it.starts_with("pkg:")),
                        version: version.next().map(str::to_owned),
                        ..Named::default()
                    })
                });
                if let Some(package) = package {
                    finding(found, affected, package, draft);
                }
            }
        }
    }
}

fn head(document: &Value, draft: &mut Draft) {
    let tools = document.list("metadata/tools/components").first();
    let tool = tools.or(document.list("metadata/tools").first());
    let first = document.list("vulnerabilities").first();
    let tool = tool.or_else(|| first?.list("tools").first());
    match tool {
        Some(tool) => {
            if let Some(name) = tool.text("name") {
                draft.tool(Some(&name_of(name)), tool.text("version"));
            }
        }
        None => draft.remark("It does not say which tool made it"),
    }
    draft.made(document.text("metadata/timestamp"));
    if let Some(image) = document.at("metadata/component") {
        draft.name(image.text("name"));
        draft.digest(image.text("version"));
        if let Some(purl) = image
            .text("purl")
            .and_then(lamina_inventory::purl::Purl::parse)
        {
            draft.digest(purl.version.as_deref());
            draft.platform(None, purl.qualifier("arch"));
        }
        for property in image.list("properties") {
            match (property.text("name"), property.text("value")) {
                (Some("aquasecurity:trivy:DiffID" | "lamina:layer:diffID"), diff_id) => {
                    draft.layer(None, diff_id);
                }
                (Some("aquasecurity:trivy:ImageID"), id) => {
                    draft.image.config_digest = id.and_then(kept);
                }
                (Some("aquasecurity:trivy:RepoDigest"), Some(name)) => {
                    draft.digest(name.split_once('@').map(|(_, digest)| digest));
                }
                _ => {}
            }
        }
    }
}

/// Tools as they call themselves.
fn name_of(tool: &str) -> String {
    match tool {
        "trivy" => "Trivy".to_owned(),
        "grype" => "Grype".to_owned(),
        "syft" => "Syft".to_owned(),
        "lamina" => "Lamina".to_owned(),
        other => other.to_owned(),
    }
}

/// Notes all components, however deep, without going deeper into the stack than one call.
fn components<'a>(document: &'a Value, draft: &mut Draft, packages: &mut HashMap<&'a str, usize>) {
    let mut left: Vec<&Value> = document.list("components").iter().rev().collect();
    while let Some(component) = left.pop() {
        left.extend(component.list("components").iter().rev());
        if packages.len() >= MAX_IMPORT_PACKAGES {
            break;
        }
        match component.text("type") {
            Some("operating-system") => {
                draft.distribution(component.text("name"), component.text("version"));
                continue;
            }
            Some("file" | "device" | "data" | "cryptographic-asset") => continue,
            _ => {}
        }
        let property = |name: &str| {
            let mut all = component.list("properties").iter();
            all.find(|it| it.text("name") == Some(name))?.text("value")
        };
        let layer = draft.layer(
            property("aquasecurity:trivy:LayerDigest"),
            property("aquasecurity:trivy:LayerDiffID").or(property("syft:location:0:layerID")),
        );
        // Ours name it by its place in the stack.
        let number = property("lamina:layer:index").and_then(|number| number.parse().ok());
        let layer = layer.or(number.filter(|number: &usize| *number < draft.layers.len()));
        let purl = component.text("purl");
        if purl.is_none() && component.text("version").is_none() {
            continue;
        }
        let part = |name: &str| property(&format!("aquasecurity:trivy:{name}"));
        let release = part("SrcRelease")
            .map(|it| format!("-{it}"))
            .unwrap_or_default();
        let version = part("SrcVersion").map(|version| format!("{version}{release}"));
        let version = version.or(property("lamina:source:version").map(str::to_owned));
        let source = part("SrcName").or(property("lamina:source:name"));
        let source = source.map(|name| (name, version));
        let group = component.text("group");
        let joined =
            group.map(|group| format!("{group}/{}", component.text("name").unwrap_or_default()));
        let name = joined.as_deref().or(component.text("name"));
        let package = draft.package(Named {
            purl,
            kind: property("aquasecurity:trivy:PkgType").or(property("syft:package:type")),
            // A purl says better what belongs to the name.
            name: name.filter(|_| purl.is_none()),
            source,
            version: component.word("version").filter(|_| purl.is_none()),
            file: property("aquasecurity:trivy:FilePath")
                .or(property("syft:location:0:path"))
                .or(property("lamina:file")),
            layer,
            ..Named::default()
        });
        if let (Some(package), Some(reference)) = (package, component.text("bom-ref")) {
            packages.insert(reference, package);
        }
        if let (Some(package), Some(purl)) = (package, purl) {
            packages.entry(purl).or_insert(package);
        }
    }
}

fn finding(found: &Value, affected: &Value, package: usize, draft: &mut Draft) {
    let ratings = found.list("ratings");
    let worst = ratings
        .iter()
        .max_by_key(|rating| severity(rating.text("severity")));
    let scored = worst.filter(|rating| rating.get("score").is_some());
    let scored = scored.or_else(|| ratings.iter().find(|rating| rating.get("score").is_some()));
    let vector = scored.and_then(|rating| rating.text("vector"));
    let references = found.list("references").iter();
    let mut level = severity(worst.and_then(|rating| rating.text("severity")));
    if level == lamina_inventory::severity::Severity::Unknown
        && let Some(score) = scored.and_then(|rating| rating.number("score"))
    {
        level = lamina_inventory::severity::Severity::from_cvss_score(score);
    }
    let versions = affected.list("versions").iter();
    let mut unaffected = versions.filter(|it| it.text("status") == Some("unaffected"));
    let fixed = unaffected.find_map(|it| it.text("version"));
    // Trivy: `Upgrade openssl to version 1.1.1d-r0`; ours: `update to 1.2 or 2.0`.
    let advised = found.text("recommendation").and_then(|text| {
        text.rsplit_once("to version ")
            .or_else(|| text.rsplit_once("update to "))
    });
    let advised = advised
        .into_iter()
        .flat_map(|(_, versions)| versions.split(" or "));
    let cwes: Vec<String> = found.list("cwes").iter().map(Value::to_string).collect();
    let range = affected
        .list("versions")
        .iter()
        .find_map(|it| it.text("range"));
    let state = found
        .text("analysis/state")
        .filter(|state| *state != "exploitable");
    let responses: Vec<&str> = found.texts("analysis/response").collect();
    let status = match state {
        Some(state) => Some(state),
        None => responses.iter().find(|it| **it == "will_not_fix").copied(),
    };
    draft.finding(Found {
        id: found.text("id"),
        aliases: references
            .filter_map(|it| it.text("id").map(str::to_owned))
            .collect(),
        package,
        severity: level,
        severity_source: worst.and_then(|rating| rating.text("source/name")),
        cvss: vector,
        score: scored.and_then(|rating| rating.number("score")),
        status,
        fixed: match fixed {
            Some(fixed) => vec![fixed],
            None => advised.collect(),
        },
        title: found.text("description").or(found.text("detail")),
        source: found.text("source/name"),
        range,
        cwes: cwes.iter().map(String::as_str).collect(),
        published: found.text("published"),
        modified: found.text("updated"),
        ..Found::default()
    });
}
