//! [CycloneDX](https://cyclonedx.org/docs/1.6/json/#vulnerabilities) 1.4 and later: vulnerabilities
//! with an analysis.
//!
//! What is affected is told by the purl of the component that a `bom-ref` names, or by one that stands
//! in its place, also at the end of a [BOM-Link](https://cyclonedx.org/capabilities/bomlink/). Where the
//! document is about a container, what it says is confined to that image.

use std::collections::HashMap;

use serde::Deserialize;

use super::{
    Document, Draft, Format, Statement, VexError, VexStatus,
    product::{Claim, Component},
    read::{List, Text, for_people},
};
use crate::limits::MAX_VEX_IDS;

#[derive(Deserialize)]
pub(super) struct Bom {
    #[serde(default, rename = "serialNumber")]
    serial_number: Text,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    components: List<Part>,
    #[serde(default)]
    vulnerabilities: List<Vulnerability>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    timestamp: Text,
    #[serde(default)]
    component: Option<Part>,
    #[serde(default)]
    authors: List<Named>,
    #[serde(default)]
    manufacturer: Named,
    #[serde(default)]
    manufacture: Named,
    #[serde(default)]
    supplier: Named,
}

#[derive(Default, Deserialize)]
struct Named {
    #[serde(default)]
    name: Text,
}

#[derive(Deserialize)]
struct Part {
    #[serde(default, rename = "bom-ref")]
    bom_ref: Text,
    #[serde(default, rename = "type")]
    kind: Text,
    #[serde(default)]
    name: Text,
    #[serde(default)]
    version: Text,
    #[serde(default)]
    purl: Text,
    #[serde(default)]
    components: List<Part>,
}

#[derive(Deserialize)]
struct Vulnerability {
    #[serde(default)]
    id: Text,
    /// The same vulnerability elsewhere.
    #[serde(default)]
    references: List<Reference>,
    #[serde(default)]
    updated: Text,
    #[serde(default)]
    analysis: Option<Analysis>,
    #[serde(default)]
    affects: List<Affects>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(default)]
    id: Text,
}

#[derive(Deserialize)]
struct Analysis {
    #[serde(default)]
    state: Text,
    #[serde(default)]
    justification: Text,
    #[serde(default)]
    detail: Text,
    #[serde(default, rename = "lastUpdated")]
    last_updated: Text,
    #[serde(default, rename = "firstIssued")]
    first_issued: Text,
}

#[derive(Deserialize)]
struct Affects {
    #[serde(default, rename = "ref")]
    reference: Text,
    #[serde(default)]
    versions: List<Version>,
}

#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    version: Text,
}

/// Reads the statements: one for each vulnerability with an analysis.
pub(super) fn read(bom: Bom) -> Result<Document, VexError> {
    let metadata = &bom.metadata;
    let authors = metadata.authors.iter();
    let mut authors = authors.chain([
        &metadata.manufacturer,
        &metadata.manufacture,
        &metadata.supplier,
    ]);
    let author = authors.find_map(|author| author.name.as_deref());
    let mut draft = Draft::new(Format::CycloneDx, author, &metadata.timestamp);
    let parts = Parts::new(&bom);
    for vulnerability in bom.vulnerabilities.iter() {
        let Some(analysis) = &vulnerability.analysis else {
            continue;
        };
        let references = vulnerability.references.iter().map(|one| &one.id);
        let ids = std::iter::once(&vulnerability.id).chain(references);
        let ids = ids.filter_map(|id| id.0.clone());
        let ids: Vec<String> = ids.take(MAX_VEX_IDS).collect();
        let first = ids.first().cloned().unwrap_or_default();
        let word = analysis.state.as_deref().unwrap_or_default();
        let Some(status) = status(word) else {
            let word: String = word.chars().take(40).collect();
            draft.note(|| format!("{first} has the state {word:?}, which CycloneDX does not have"));
            continue;
        };
        let mut claims = Vec::new();
        for affects in vulnerability.affects.iter() {
            let reference = affects.reference.as_deref().unwrap_or_default();
            let Some(mut component) = parts.component(reference) else {
                let shown: String = reference.chars().take(100).collect();
                draft.note(|| format!("{first} affects {shown:?}, of which no purl is known"));
                continue;
            };
            let versions = affects.versions.iter();
            let versions: Vec<_> = versions.filter_map(|one| one.version.0.clone()).collect();
            if versions.is_empty() && !affects.versions.0.is_empty() {
                draft.note(|| format!("{first}: ranges of versions are not compared"));
                continue;
            }
            component.versions = versions;
            let claim = parts.claim(component);
            draft.count(std::slice::from_ref(&claim))?;
            claims.push(claim);
        }
        if claims.is_empty() && !vulnerability.affects.0.is_empty() {
            continue;
        }
        let times = [
            &analysis.last_updated,
            &analysis.first_issued,
            &vulnerability.updated,
        ];
        let time = times.into_iter().find(|time| time.0.is_some());
        let timestamp = time.and_then(|time| draft.time(time, &first));
        draft.add(Statement {
            ids,
            status,
            justification: for_people(analysis.justification.as_deref()),
            impact: for_people(analysis.detail.as_deref()),
            timestamp,
            claims,
            text: String::new(),
        })?;
    }
    Ok(draft.finish())
}

fn status(state: &str) -> Option<VexStatus> {
    Some(match state {
        "not_affected" | "false_positive" => VexStatus::NotAffected,
        "resolved" | "resolved_with_pedigree" => VexStatus::Fixed,
        "exploitable" => VexStatus::Affected,
        "in_triage" => VexStatus::UnderInvestigation,
        _ => return None,
    })
}

/// The components of a document, by their references.
struct Parts<'a> {
    serial_number: Option<&'a str>,
    components: HashMap<&'a str, Component>,
    /// The image that the document is about.
    image: Option<Component>,
    image_ref: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn new(bom: &'a Bom) -> Self {
        let subject = bom.metadata.component.as_ref();
        let is_image = |part: &&Part| {
            let purl = part.purl.as_deref().unwrap_or_default();
            part.kind.as_deref() == Some("container")
                || purl.starts_with("pkg:oci/")
                || purl.starts_with("pkg:docker/")
        };
        let image = subject.filter(is_image);
        let serial_number = bom.serial_number.as_deref();
        let mut parts = Self {
            serial_number: serial_number.map(|one| one.trim_start_matches("urn:uuid:")),
            components: HashMap::new(),
            image: image.map(image_of).filter(|image| !image.is_nameless()),
            image_ref: image.and_then(|image| image.bom_ref.as_deref()),
        };
        let mut open: Vec<&Part> = bom.components.iter().chain(subject).collect();
        while let Some(part) = open.pop() {
            open.extend(part.components.iter());
            let purl = part.purl.as_deref();
            if let (Some(bom_ref), Some(purl)) = (part.bom_ref.as_deref(), purl) {
                parts.components.insert(bom_ref, Component::of(purl));
            }
        }
        parts
    }

    /// What a reference stands for; `None` if nothing tells.
    fn component(&self, reference: &str) -> Option<Component> {
        if let Some(image) = &self.image
            && self.image_ref == Some(reference)
        {
            return Some(image.clone());
        }
        let known = self.components.get(reference).cloned();
        let found = known.or_else(|| {
            let Some(link) = reference.strip_prefix("urn:cdx:") else {
                return Some(Component::of(reference));
            };
            let (document, part) = link.split_once('#')?;
            let serial_number = document.split('/').next();
            let is_own = self.serial_number.is_some() && self.serial_number == serial_number;
            let own = is_own.then(|| self.components.get(part).cloned()).flatten();
            own.or_else(|| Some(Component::of(part)))
        });
        found.filter(|component| !component.purls.is_empty())
    }

    fn claim(&self, component: Component) -> Claim {
        match &self.image {
            Some(image) if component != *image => Claim {
                product: image.clone(),
                subcomponents: vec![component],
            },
            _ => Claim {
                product: component,
                subcomponents: Vec::new(),
            },
        }
    }
}

/// An image by its purl, or else by its name with its version, which is a tag or a digest.
fn image_of(part: &Part) -> Component {
    let mut component = Component::default();
    if let Some(purl) = part.purl.as_deref() {
        component.add(purl);
    }
    if component.is_nameless()
        && let Some(name) = part.name.as_deref()
    {
        match part.version.as_deref() {
            Some(digest) if digest.contains(':') => {
                component.add(digest);
                component.add(&format!("{name}@{digest}"));
            }
            Some(tag) => component.add(&format!("{name}:{tag}")),
            None => component.add(name),
        }
    }
    component
}
