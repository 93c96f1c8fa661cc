//! VEX documents that are attached to an image in its registry.
//!
//! They are looked for where `cosign attest` and other tools of OCI artifacts leave them: among the
//! referrers of the manifest and of its index (the referrers API, or else the tag `sha256-<hex>`), and
//! under cosign's older tag `sha256-<hex>.att`. Digests and sizes are verified, signatures are not.

use std::collections::BTreeMap;

use lamina_image::{digest::Digest, manifest::Document as Manifest};
use lamina_policy::vex::{Document, VexError};
use lamina_registry::{BlobFetch, ErrorKind, Referrers, Session, Stage, fallback_tag};

use serde::Deserialize;

use crate::{
    limits::{ATTACHED_DOCUMENTS, ATTACHED_MANIFESTS},
    transport::{Transport, now},
};

/// Media types, or beginnings of them, of layers that can hold a VEX document.
const LAYERS: &[&str] = &[
    "application/vnd.in-toto+json",
    "application/vnd.dsse.envelope.",
    "application/vnd.dev.sigstore.bundle.",
    "application/vnd.openvex",
    "application/openvex",
    "application/vex+json",
    "application/json",
];

/// Annotations of layers and manifests that say what is attested.
const PREDICATES: &[&str] = &[
    "predicateType",
    "in-toto.io/predicate-type",
    "dev.sigstore.bundle.predicateType",
];

/// The manifest of an artifact: any manifest with layers, whatever its config.
#[derive(Deserialize)]
struct Artifact {
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// What is attached to an image.
#[derive(Debug, Default)]
pub struct Attached {
    /// The documents, each with the digest of what it was read from.
    pub documents: Vec<(Digest, Document)>,
    /// What could not be read, in sentences. It suppresses nothing.
    pub warnings: Vec<String>,
}

/// Looks for the VEX documents that are attached to the manifests of these digests.
pub async fn attached(
    transport: &Transport,
    session: &Session,
    repository: &str,
    digests: &[Digest],
) -> Attached {
    let mut search = Search {
        transport,
        session,
        repository,
        seen: Vec::new(),
        attached: Attached::default(),
    };
    for digest in digests {
        search.referrers(digest).await;
        search.tag(&format!("{}.att", fallback_tag(digest))).await;
    }
    search.attached
}

struct Search<'a> {
    transport: &'a Transport,
    session: &'a Session,
    repository: &'a str,
    /// Manifests and layers that were looked at.
    seen: Vec<Digest>,
    attached: Attached,
}

impl Search<'_> {
    fn warn(&mut self, warning: impl Into<String>) {
        let warning = warning.into();
        if !self.attached.warnings.contains(&warning) {
            self.attached.warnings.push(warning);
        }
    }

    async fn referrers(&mut self, digest: &Digest) {
        let ask = Referrers::new(self.session, self.repository, digest, now());
        let index = match self.transport.run(ask).await {
            Ok(index) => Some(index),
            // Without the API: the error does not matter, as the tag is what counts then.
            Err(_) => self.resolve(&fallback_tag(digest)).await,
        };
        let Some(index) = index else { return };
        let index = match Manifest::parse(&index, None) {
            Ok(Manifest::Index(index)) => index,
            Ok(Manifest::Image(_)) => return,
            Err(error) => return self.warn(format!("what refers to {digest}: {error}")),
        };
        for entry in &index.entries {
            let descriptor = &entry.descriptor;
            if says_other(&descriptor.annotations) {
                continue;
            }
            let digest = &descriptor.digest;
            if self.is_seen(digest) {
                continue;
            }
            if let Some(body) = self.resolve(&digest.to_string()).await {
                self.manifest(&body).await;
            }
        }
    }

    async fn tag(&mut self, tag: &str) {
        if let Some(body) = self.resolve(tag).await {
            self.manifest(&body).await;
        }
    }

    /// A manifest by tag or digest; nothing if there is none.
    async fn resolve(&mut self, reference: &str) -> Option<Vec<u8>> {
        let resolved = self
            .transport
            .resolve(self.session, self.repository, reference)
            .await;
        match resolved {
            Ok(resolved) => Some(resolved.body),
            Err(error) => {
                if !matches!(
                    *error.kind,
                    ErrorKind::NoSuchTag { .. } | ErrorKind::NoSuchRepository { .. }
                ) {
                    self.warn(format!("asking for {reference}: {error}"));
                }
                None
            }
        }
    }

    async fn manifest(&mut self, body: &[u8]) {
        let artifact: Artifact = match serde_json::from_slice(body) {
            Ok(artifact) => artifact,
            Err(error) => return self.warn(format!("an attached manifest: {error}")),
        };
        for layer in &artifact.layers {
            let media_type = layer.media_type.as_str();
            let is_known = LAYERS.iter().any(|known| media_type.starts_with(known));
            if !is_known || says_other(&layer.annotations) {
                continue;
            }
            let Ok(digest) = layer.digest.parse::<Digest>() else {
                self.warn("an attached manifest has a layer without a digest");
                continue;
            };
            if self.is_seen(&digest) {
                continue;
            }
            if self.attached.documents.len() >= ATTACHED_DOCUMENTS {
                let most = ATTACHED_DOCUMENTS;
                return self.warn(format!("more than {most} VEX documents are attached"));
            }
            self.layer(&digest, layer.size).await;
        }
    }

    async fn layer(&mut self, digest: &Digest, size: u64) {
        let fetch = BlobFetch::new(self.session, self.repository, digest, Stage::Blob, now());
        let bytes = match self.transport.run(fetch).await {
            Ok(bytes) => bytes,
            Err(error) => return self.warn(format!("attached {digest}: {error}")),
        };
        if bytes.len() as u64 != size {
            return self.warn(format!("attached {digest} is not of the size that is said"));
        }
        match Document::parse(&bytes) {
            Ok(document) => self.attached.documents.push((digest.clone(), document)),
            // An attestation of something else, or no VEX at all.
            Err(VexError::Predicate(_) | VexError::UnknownFormat | VexError::Payload(_)) => {}
            Err(error) => self.warn(format!("attached {digest}: {error}")),
        }
    }

    /// Whether something was looked at, or too much was.
    fn is_seen(&mut self, digest: &Digest) -> bool {
        if self.seen.contains(digest) {
            return true;
        }
        if self.seen.len() >= ATTACHED_MANIFESTS {
            let most = ATTACHED_MANIFESTS;
            self.warn(format!(
                "more than {most} things are attached; the rest is not looked at"
            ));
            return true;
        }
        self.seen.push(digest.clone());
        false
    }
}

/// Whether annotations say that something other than OpenVEX is attested.
fn says_other(annotations: &BTreeMap<String, String>) -> bool {
    let mut said = PREDICATES.iter().filter_map(|name| annotations.get(*name));
    said.any(|predicate| !predicate.starts_with("https://openvex.dev/ns"))
}
