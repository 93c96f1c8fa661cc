//! SPDX 2.3, JSON: the bill of materials, each package with its layer and file.
//!
//! <https://spdx.github.io/spdx-spec/v2.3/> (ISO/IEC 5962 is its 2.2.1). What the standard has no
//! field for are annotations, `name: value`, by the names that `docs/sbom.md` lists. Findings have
//! no place in it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lamina_image::digest::{Algorithm, Digest};
use lamina_inventory::{facts::PackageKind, purl};
use serde::Serialize;

use super::{Format, Judged, pretty};
use crate::{
    model::{Package as ReportPackage, Report},
    sbom::{self, Licence, Names, Properties},
};

/// The format `spdx`.
#[derive(Clone, Copy, Debug)]
pub struct Spdx;

/// What the standard has for "nothing is said on this".
const NO_ASSERTION: &str = "NOASSERTION";
const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const IMAGE: &str = "SPDXRef-Image";
const DISTRIBUTION: &str = "SPDXRef-Distribution";

impl Format for Spdx {
    fn id(&self) -> &'static str {
        "spdx"
    }

    fn media_type(&self) -> &'static str {
        "application/spdx+json"
    }

    fn extension(&self) -> &'static str {
        "spdx.json"
    }

    fn about(&self) -> &'static str {
        "SPDX 2.3 (JSON): the bill of materials, with layers and files"
    }

    fn has_verdict(&self) -> bool {
        false
    }

    fn render(&self, judged: &Judged<'_>) -> String {
        let (report, now) = (judged.report, judged.now);
        pretty(&document(report, now))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(rename = "SPDXID")]
    id: &'static str,
    spdx_version: &'static str,
    data_license: &'static str,
    name: &'a str,
    document_namespace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    creation_info: CreationInfo,
    packages: Vec<Package<'a>>,
    relationships: Vec<Relationship>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    has_extracted_licensing_infos: Vec<ExtractedLicence>,
}

#[derive(Serialize)]
struct CreationInfo {
    created: String,
    creators: [String; 1],
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Package<'a> {
    #[serde(rename = "SPDXID")]
    id: String,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_info: Option<&'a str>,
    primary_package_purpose: &'static str,
    supplier: &'static str,
    download_location: &'static str,
    files_analyzed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_info: Option<String>,
    license_concluded: &'static str,
    license_declared: String,
    copyright_text: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<ExternalReference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Annotation>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: &'static str,
    checksum_value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExternalReference {
    reference_category: &'static str,
    reference_type: &'static str,
    reference_locator: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Annotation {
    annotation_date: String,
    annotation_type: &'static str,
    annotator: String,
    comment: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: String,
    relationship_type: &'static str,
    related_spdx_element: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExtractedLicence {
    license_id: String,
    name: String,
    extracted_text: String,
    comment: &'static str,
}

/// What all parts of a document are written with.
struct Writer<'a> {
    report: &'a Report,
    created: String,
    creator: String,
    /// Licences that are no expressions, by the id they get.
    licences: BTreeMap<String, &'a str>,
}

fn document(report: &Report, now: Timestamp) -> Document<'_> {
    let creator = match sbom::tool(report) {
        (name, Some(version)) => format!("Tool: {name}-{version}"),
        (name, None) => format!("Tool: {name}"),
    };
    let mut writer = Writer {
        report,
        created: sbom::created(report, now),
        creator,
        licences: BTreeMap::new(),
    };

    let mut names = Names::default();
    let ids: BTreeMap<usize, String> = sbom::present(report)
        .map(|(index, package)| (index, names.take(&id_of(package), "")))
        .collect();
    let mut packages = vec![writer.image()];
    packages.extend(writer.distribution());
    let mut relationships = vec![relationship(DOCUMENT, "DESCRIBES", IMAGE, None)];
    if report.distribution.is_some() {
        relationships.push(relationship(IMAGE, "CONTAINS", DISTRIBUTION, None));
    }
    for (index, package) in sbom::present(report) {
        let Some(id) = ids.get(&index) else { continue };
        packages.push(writer.package(package, id));
        relationships.push(relationship(IMAGE, "CONTAINS", id, None));
        let owner = sbom::owner(report, package).and_then(|(owner, _)| ids.get(&owner));
        if let Some(owner) = owner {
            let comment = "the first package owns the files of the second";
            relationships.push(relationship(owner, "OTHER", id, Some(comment)));
        }
    }
    Document {
        id: DOCUMENT,
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        name: or_unnamed(&report.image.name),
        document_namespace: namespace(report),
        comment: sbom::unread(report).next().map(|_| {
            "Not every layer could be read to its end: there may be packages in the image that are \
             not in this document."
                .to_owned()
        }),
        creation_info: CreationInfo {
            created: writer.created,
            creators: [writer.creator],
        },
        packages,
        relationships,
        has_extracted_licensing_infos: writer
            .licences
            .into_iter()
            .map(|(license_id, text)| ExtractedLicence {
                license_id,
                name: text.to_owned(),
                extracted_text: text.to_owned(),
                comment: "as the package states it; no SPDX licence expression",
            })
            .collect(),
    }
}

/// Names the document, and leads nowhere.
fn namespace(report: &Report) -> String {
    let mut namespace = concat!(env!("CARGO_PKG_REPOSITORY"), "/spdx/").to_owned();
    purl::encode(or_unnamed(&report.image.name), &mut namespace);
    namespace.push('-');
    namespace.push_str(&sbom::uuid(report, "spdx"));
    namespace
}

impl<'a> Writer<'a> {
    fn image(&self) -> Package<'a> {
        let image = &self.report.image;
        let checksum = image.digest.as_ref().and_then(|text| {
            let digest: Digest = text.parse().ok()?;
            Some(Checksum {
                algorithm: match digest.algorithm() {
                    Algorithm::Sha256 => "SHA256",
                    Algorithm::Sha512 => "SHA512",
                },
                checksum_value: digest.hex().to_owned(),
            })
        });
        Package {
            id: IMAGE.to_owned(),
            name: or_unnamed(&image.name),
            version_info: image.digest.as_deref(),
            primary_package_purpose: "CONTAINER",
            checksums: checksum.into_iter().collect(),
            external_refs: sbom::image_purl(image)
                .map(purl_reference)
                .into_iter()
                .collect(),
            annotations: self.annotations(sbom::image_properties(self.report)),
            ..unsaid()
        }
    }

    fn distribution(&self) -> Option<Package<'a>> {
        let distribution = self.report.distribution.as_ref()?;
        Some(Package {
            id: DISTRIBUTION.to_owned(),
            name: or_unnamed(&distribution.id),
            version_info: distribution.version.as_deref(),
            primary_package_purpose: "OPERATING_SYSTEM",
            source_info: Some(format!("file {}", distribution.file)),
            summary: Some(distribution.name.as_str()).filter(|name| !name.is_empty()),
            ..unsaid()
        })
    }

    fn package(&mut self, package: &'a ReportPackage, id: &str) -> Package<'a> {
        let version = package.version.as_str();
        Package {
            id: id.to_owned(),
            name: or_unnamed(&package.name),
            version_info: (!version.is_empty()).then_some(version),
            primary_package_purpose: match package.kind {
                PackageKind::Generic | PackageKind::LinuxKernel => "APPLICATION",
                _ => "LIBRARY",
            },
            source_info: Some(self.source_info(package)),
            license_declared: self.licence(package),
            external_refs: Some(package.purl.clone())
                .filter(|purl| !purl.is_empty())
                .map(purl_reference)
                .into_iter()
                .collect(),
            annotations: self.annotations(sbom::package_properties(self.report, package)),
            ..unsaid()
        }
    }

    /// Where a package comes from, in a sentence.
    fn source_info(&self, package: &ReportPackage) -> String {
        let mut text = format!("{} in ", package.basis.word());
        text.push_str(&sbom::location(package));
        match package.lines {
            Some((first, last)) if first == last => text.push_str(&format!(", line {first}")),
            Some((first, last)) => text.push_str(&format!(", lines {first} to {last}")),
            None => {}
        }
        text.push_str(&format!("; introduced by layer {}", package.layer));
        let diff_id = self.report.layers.get(package.layer);
        if let Some(layer) = diff_id.filter(|layer| !layer.diff_id.is_empty()) {
            text.push_str(&format!(" ({})", layer.diff_id));
        }
        text
    }

    /// The licence in the standard's words. What is no expression gets an id of its own, the same for
    /// the same words.
    fn licence(&mut self, package: &'a ReportPackage) -> String {
        match sbom::licence(package) {
            None => NO_ASSERTION.to_owned(),
            Some(Licence::Expression(expression)) => expression.to_owned(),
            Some(Licence::Text(text)) => {
                let digest = Digest::of(text.as_bytes());
                let id = format!("LicenseRef-lamina-{}", digest.short());
                self.licences.insert(id.clone(), text);
                id
            }
        }
    }

    fn annotations(&self, properties: Properties) -> Vec<Annotation> {
        let annotation = |(name, value): (String, String)| Annotation {
            annotation_date: self.created.clone(),
            annotation_type: "OTHER",
            annotator: self.creator.clone(),
            comment: format!("{name}: {value}"),
        };
        properties.into_iter().map(annotation).collect()
    }
}

/// A package of which nothing is said.
fn unsaid<'a>() -> Package<'a> {
    Package {
        supplier: NO_ASSERTION,
        download_location: NO_ASSERTION,
        license_concluded: NO_ASSERTION,
        license_declared: NO_ASSERTION.to_owned(),
        copyright_text: NO_ASSERTION,
        ..Package::default()
    }
}

/// The standard wants names.
fn or_unnamed(name: &str) -> &str {
    if name.is_empty() { "unnamed" } else { name }
}

/// An id of the letters that one may have, and the same whatever else is in the report.
fn id_of(package: &ReportPackage) -> String {
    let name: String = package
        .name
        .chars()
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' => c,
            _ => '-',
        })
        .take(60)
        .collect();
    let (kind, fingerprint) = (package.kind.word(), sbom::fingerprint(package));
    format!("SPDXRef-Package-{kind}-{name}-{fingerprint}")
}

fn purl_reference(purl: String) -> ExternalReference {
    ExternalReference {
        reference_category: "PACKAGE-MANAGER",
        reference_type: "purl",
        reference_locator: purl,
    }
}

fn relationship(
    from: &str,
    relationship_type: &'static str,
    to: &str,
    comment: Option<&'static str>,
) -> Relationship {
    Relationship {
        spdx_element_id: from.to_owned(),
        relationship_type,
        related_spdx_element: to.to_owned(),
        comment,
    }
}
