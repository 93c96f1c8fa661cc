//! [OpenVEX](https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md) 0.2.0 and 0.0.1, and what it
//! comes wrapped in: [in-toto statements](https://github.com/in-toto/attestation/tree/main/spec/v1),
//! [DSSE envelopes](https://github.com/secure-systems-lab/dsse/blob/master/envelope.md) and Sigstore
//! bundles. In 0.0.1 vulnerabilities and products are texts; documents that mix both exist.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::{Deserialize, de::IgnoredAny};

use super::{
    Document, Draft, Format, Statement, VexError, VexStatus, csaf, cyclonedx,
    product::{Claim, Component},
    read::{List, Text, TextOr, for_people},
};
use crate::limits::{MAX_VEX_ENVELOPES, MAX_VEX_IDS, MAX_VEX_NODES};

/// Base64 with or without padding: envelopes are written either way.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The fields by which a document is told.
#[derive(Deserialize)]
struct Probe {
    #[serde(default, rename = "@context")]
    context: Text,
    #[serde(default, rename = "bomFormat")]
    bom_format: Text,
    #[serde(default)]
    document: TextOr<ProbeDocument>,
    #[serde(default, rename = "predicateType")]
    predicate_type: Text,
    #[serde(default, rename = "payloadType")]
    payload_type: Text,
    #[serde(default, rename = "dsseEnvelope")]
    bundled: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
struct ProbeDocument {
    #[serde(default)]
    csaf_version: Text,
}

impl From<String> for ProbeDocument {
    fn from(_: String) -> Self {
        Self::default()
    }
}

#[derive(Deserialize)]
struct Bundle {
    #[serde(rename = "dsseEnvelope")]
    envelope: Envelope,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "payloadType")]
    payload_type: String,
    payload: String,
}

#[derive(Deserialize)]
struct InToto {
    #[serde(default)]
    subject: List<Subject>,
    predicate: OpenVex,
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    digest: Digests,
}

#[derive(Default, Deserialize)]
struct Digests {
    #[serde(default)]
    sha256: Text,
    #[serde(default)]
    sha512: Text,
}

#[derive(Deserialize)]
struct OpenVex {
    #[serde(default)]
    author: Text,
    #[serde(default)]
    timestamp: Text,
    statements: List<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    vulnerability: TextOr<Vulnerability>,
    #[serde(default)]
    products: List<TextOr<Product>>,
    /// Of 0.0.1: those of every product.
    #[serde(default)]
    subcomponents: List<TextOr<Product>>,
    status: Text,
    #[serde(default)]
    justification: Text,
    #[serde(default)]
    impact_statement: Text,
    #[serde(default)]
    action_statement: Text,
    #[serde(default)]
    status_notes: Text,
    #[serde(default)]
    timestamp: Text,
}

#[derive(Default, Deserialize)]
struct Vulnerability {
    #[serde(default, rename = "@id")]
    id: Text,
    #[serde(default)]
    name: Text,
    #[serde(default)]
    aliases: List<Text>,
}

impl From<String> for Vulnerability {
    fn from(name: String) -> Self {
        Self {
            name: Text(Some(name)),
            ..Self::default()
        }
    }
}

#[derive(Default, Deserialize)]
struct Product {
    #[serde(default, rename = "@id")]
    id: Text,
    #[serde(default)]
    identifiers: Identifiers,
    #[serde(default)]
    hashes: Hashes,
    #[serde(default)]
    subcomponents: List<TextOr<Product>>,
}

impl From<String> for Product {
    fn from(id: String) -> Self {
        Self {
            id: Text(Some(id)),
            ..Self::default()
        }
    }
}

#[derive(Default, Deserialize)]
struct Identifiers {
    #[serde(default)]
    purl: Text,
}

/// The hashes by which an image may be named.
#[derive(Default, Deserialize)]
struct Hashes {
    #[serde(default, rename = "sha-256")]
    sha256: Text,
    #[serde(default, rename = "sha-512")]
    sha512: Text,
}

/// Reads a document of any format, out of the envelopes that it is in.
pub(super) fn unwrap(bytes: &[u8], depth: usize) -> Result<Document, VexError> {
    if depth >= MAX_VEX_ENVELOPES {
        return Err(VexError::TooDeep);
    }
    let nodes = bytes.iter().filter(|byte| matches!(byte, b'{' | b'['));
    if nodes.count() > MAX_VEX_NODES {
        return Err(VexError::TooMany {
            what: "lists and objects",
            most: MAX_VEX_NODES,
        });
    }
    let probe: Probe = json("VEX document", bytes)?;
    if probe.bundled.is_some() {
        let Bundle { envelope } = json("Sigstore bundle", bytes)?;
        return open(&envelope, depth);
    }
    if probe.payload_type.as_deref().is_some() {
        return open(&json("DSSE envelope", bytes)?, depth);
    }
    if let Some(predicate) = probe.predicate_type.as_deref() {
        if !is_openvex(predicate) {
            return Err(VexError::Predicate(predicate.chars().take(100).collect()));
        }
        let statement: InToto = json("attestation of OpenVEX", bytes)?;
        let mut digests = Component::default();
        for Subject { digest } in statement.subject.iter() {
            let hexes = [("sha256", &digest.sha256), ("sha512", &digest.sha512)];
            for (algorithm, hex) in hexes {
                let hex = hex.as_deref().filter(|hex| !hex.is_empty());
                digests
                    .texts
                    .extend(hex.map(|hex| format!("{algorithm}:{hex}")));
            }
        }
        return read(statement.predicate, Some(&digests));
    }
    if probe.context.as_deref().is_some_and(is_openvex) {
        return read(json("OpenVEX", bytes)?, None);
    }
    if probe.bom_format.as_deref() == Some("CycloneDX") {
        return cyclonedx::read(json("CycloneDX", bytes)?);
    }
    if probe.document.0.csaf_version.as_deref().is_some() {
        return csaf::read(json("CSAF", bytes)?);
    }
    Err(VexError::UnknownFormat)
}

fn open(envelope: &Envelope, depth: usize) -> Result<Document, VexError> {
    if envelope.payload_type != "application/vnd.in-toto+json" {
        let shown = envelope.payload_type.chars().take(100).collect();
        return Err(VexError::Payload(shown));
    }
    unwrap(&BASE64.decode(envelope.payload.trim())?, depth + 1)
}

fn is_openvex(name: &str) -> bool {
    let rest = name.strip_prefix("https://openvex.dev/ns");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn json<'de, T: Deserialize<'de>>(format: &'static str, bytes: &'de [u8]) -> Result<T, VexError> {
    serde_json::from_slice(bytes).map_err(|source| VexError::Json { format, source })
}

/// Reads the statements. Those without products are about what an attestation is of.
fn read(openvex: OpenVex, attested: Option<&Component>) -> Result<Document, VexError> {
    let author = openvex.author.as_deref();
    let mut draft = Draft::new(Format::OpenVex, author, &openvex.timestamp);
    for (index, entry) in openvex.statements.0.into_iter().enumerate() {
        let of = format!("statement {}", index + 1);
        let word = entry.status.as_deref().unwrap_or_default();
        let Some(status) = VexStatus::parse(word) else {
            let word: String = word.chars().take(40).collect();
            draft.note(|| format!("{of} has the status {word:?}, which OpenVEX does not have"));
            continue;
        };
        let vulnerability = entry.vulnerability.0;
        let mut ids: Vec<String> = Vec::new();
        let names = [vulnerability.name, vulnerability.id].into_iter();
        for id in names.chain(vulnerability.aliases.0).filter_map(|id| id.0) {
            let is_new = !id.trim().is_empty() && !ids.iter().any(|known| *known == id.trim());
            if is_new && ids.len() < MAX_VEX_IDS {
                ids.push(id.trim().to_owned());
            }
        }
        let impact = entry.impact_statement.as_deref();
        let impact = impact
            .or(entry.action_statement.as_deref())
            .or(entry.status_notes.as_deref());
        let more: Vec<Component> = components(&entry.subcomponents);
        let mut claims: Vec<Claim> = Vec::new();
        for product in entry.products.iter() {
            let listed = product.0.subcomponents.iter().len();
            let mut subcomponents = components(&product.0.subcomponents);
            subcomponents.extend(more.iter().cloned());
            let component = component(&product.0);
            // Were nameless subcomponents left out, the whole product would be meant.
            let is_told = listed == 0 || !subcomponents.is_empty();
            if !component.is_nameless() && is_told {
                let claim = Claim {
                    product: component,
                    subcomponents,
                };
                draft.count(std::slice::from_ref(&claim))?;
                claims.push(claim);
            }
        }
        if entry.products.iter().len() == 0
            && let Some(product) = attested.filter(|product| !product.is_nameless())
        {
            claims.push(Claim {
                product: product.clone(),
                subcomponents: more,
            });
        }
        let timestamp = draft.time(&entry.timestamp, &of);
        draft.add(Statement {
            ids,
            status,
            justification: for_people(entry.justification.as_deref()),
            impact: for_people(impact),
            timestamp,
            claims,
            text: String::new(),
        })?;
    }
    Ok(draft.finish())
}

fn components(list: &List<TextOr<Product>>) -> Vec<Component> {
    let components = list.iter().map(|one| component(&one.0));
    components.filter(|one| !one.is_nameless()).collect()
}

fn component(product: &Product) -> Component {
    let mut component = Component::default();
    let identifiers = [&product.id, &product.identifiers.purl];
    for identifier in identifiers.into_iter().filter_map(Text::as_deref) {
        component.add(identifier);
    }
    for hash in [&product.hashes.sha256, &product.hashes.sha512] {
        component.texts.extend(hash.0.clone());
    }
    component
}
