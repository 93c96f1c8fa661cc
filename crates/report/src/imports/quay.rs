//! Quay's security information (`GET /api/v1/repository/…/manifest/…/security?vulnerabilities=true`): what
//! Clair found, in the words of its first version.

use serde_json::Value;

use super::Source;
use crate::draft::{Draft, Found, Named, Read as _, ids_in, severity};

/// The format.
#[derive(Debug)]
pub(super) struct Quay;

impl Quay {
    fn features(document: &Value) -> Option<&Value> {
        let layer = document.at("data/Layer").or(document.at("Layer"))?;
        layer
            .at("Features")
            .filter(|features| features.is_array())
            .map(|_| layer)
    }
}

impl Source for Quay {
    fn id(&self) -> &'static str {
        "quay"
    }

    fn title(&self) -> &'static str {
        "Quay"
    }

    fn about(&self) -> &'static str {
        "GET /api/v1/repository/…/manifest/…/security?vulnerabilities=true"
    }

    fn claims(&self, document: &Value) -> bool {
        Self::features(document).is_some()
    }

    fn read(&self, document: &Value, draft: &mut Draft) {
        let Some(layer) = Self::features(document) else {
            return;
        };
        draft.imported.lists_packages = true;
        draft.digest(layer.text("Name"));
        draft.remark("It does not name the image, only its digest");
        draft.remark("It does not say of which kind a package is");
        let features = layer.list("Features");
        let all = || {
            features
                .iter()
                .flat_map(|feature| feature.list("Vulnerabilities"))
        };
        if let Some(found) = all().find(|found| found.text("Metadata/DistroName").is_some()) {
            draft.distribution(
                found.text("Metadata/DistroName"),
                found.text("Metadata/DistroVersion"),
            );
        }
        for feature in features {
            let layer = draft.layer(feature.text("AddedBy"), None);
            // Only packages of the distribution are named together with it.
            let found = feature.list("Vulnerabilities");
            let is_os = found
                .iter()
                .any(|found| found.text("Metadata/DistroName").is_some());
            let package = draft.package(Named {
                kind: Some(if is_os { "os" } else { "unsaid" }),
                name: feature.text("Name"),
                version: feature.word("Version"),
                layer,
                ..Named::default()
            });
            let Some(package) = package else { continue };
            for found in found {
                let name = found.text("Name").unwrap_or_default();
                let mut ids = ids_in(name);
                ids.extend(ids_in(found.text("Link").unwrap_or_default()));
                let first = name.split([' ', '(']).next().unwrap_or_default();
                let own = first.trim_end_matches(':');
                // `curl: cookie injection` is a title.
                let is_id = own.contains('-') && own.bytes().any(|byte| byte.is_ascii_digit());
                draft.finding(Found {
                    id: if is_id {
                        Some(own)
                    } else if ids.is_empty() {
                        Some(name)
                    } else {
                        None
                    },
                    aliases: ids,
                    package,
                    severity: severity(found.text("Severity")),
                    severity_source: found.text("NamespaceName"),
                    cvss: found.text("Metadata/NVD/CVSSv3/Vectors"),
                    score: found.number("Metadata/NVD/CVSSv3/Score"),
                    fixed: found.text("FixedBy").into_iter().collect(),
                    title: if is_id {
                        found.text("Description")
                    } else {
                        Some(name)
                    },
                    source: found.text("Metadata/UpdatedBy"),
                    namespace: found.text("Metadata/RepoName"),
                    ..Found::default()
                });
            }
        }
    }
}
