//! A database as an OCI artifact: how its files lie in a registry.
//!
//! One manifest; the index, its signature and each shard are a layer, named in `title`. The digest of a
//! shard's blob is the digest that the index names it by, so that a registry keeps of two databases only
//! once what they have in common. Trust comes from the index's signature, not from the manifest.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use lamina_advisories::{index, limits::MAX_SHARDS, signature};
use lamina_image::{digest::Digest, reference::Reference};
use lamina_registry::{Session, limits::MANIFEST_BYTES};
use serde::{Deserialize, Serialize};

use crate::credentials::RegistryArgs;

/// The media type of the manifest.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// What kind of artifact it is.
pub(super) const ARTIFACT: &str = "application/vnd.lamina.database.v1";
/// `index.json`.
pub(super) const INDEX: &str = "application/vnd.lamina.database.index.v1+json";
/// `index.json.minisig`.
pub(super) const SIGNATURE: &str = "application/vnd.lamina.database.signature.v1+minisign";
/// A shard, as it is stored.
pub(super) const SHARD: &str = "application/vnd.lamina.database.shard.v1+gzip";
/// The config, of which there is none.
pub(super) const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The bytes of the config.
pub(super) const EMPTY_BYTES: &[u8] = b"{}";

const TITLE: &str = "org.opencontainers.image.title";
const CREATED: &str = "org.opencontainers.image.created";

/// The manifest of a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    schema_version: u32,
    media_type: String,
    #[serde(default)]
    artifact_type: String,
    config: Descriptor,
    pub(super) layers: Vec<Descriptor>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// A blob in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

impl Manifest {
    pub(super) fn new(built_at: &str, layers: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: MANIFEST.to_owned(),
            artifact_type: ARTIFACT.to_owned(),
            config: Descriptor {
                media_type: EMPTY.to_owned(),
                digest: Digest::of(EMPTY_BYTES),
                size: EMPTY_BYTES.len() as u64,
                annotations: BTreeMap::new(),
            },
            layers,
            annotations: BTreeMap::from([(CREATED.to_owned(), built_at.to_owned())]),
        }
    }

    /// The bytes of it, if a registry will take them.
    pub(super) fn to_json(&self) -> anyhow::Result<Vec<u8>> {
        let json = serde_json::to_vec(self)?;
        if json.len() as u64 > MANIFEST_BYTES {
            bail!(
                "the database has too many shards for an artifact: its manifest has {} bytes, \
                 registries take {MANIFEST_BYTES}",
                json.len()
            );
        }
        Ok(json)
    }

    pub(super) fn parse(bytes: &[u8]) -> anyhow::Result<Self> {
        let manifest: Self =
            serde_json::from_slice(bytes).context("it is no manifest of an artifact")?;
        if manifest.artifact_type != ARTIFACT {
            bail!(
                "it is no advisory database, but {:?}",
                manifest.artifact_type.chars().take(80).collect::<String>()
            );
        }
        // The index, its signature, and as many shards as an index may name.
        if manifest.layers.len() > MAX_SHARDS + 2 {
            bail!(
                "it has {} layers, more than a database may",
                manifest.layers.len()
            );
        }
        Ok(manifest)
    }

    /// The layer of this media type.
    pub(super) fn layer(&self, media_type: &str) -> Option<&Descriptor> {
        self.layers
            .iter()
            .find(|layer| layer.media_type == media_type)
    }
}

impl Descriptor {
    pub(super) fn new(path: &str, digest: Digest, size: u64) -> Self {
        let media_type = match path {
            index::FILE_NAME => INDEX,
            signature::FILE_NAME => SIGNATURE,
            _ => SHARD,
        };
        Self {
            media_type: media_type.to_owned(),
            digest,
            size,
            annotations: BTreeMap::from([(TITLE.to_owned(), path.to_owned())]),
        }
    }

    /// The path of the file in the database.
    pub(super) fn title(&self) -> &str {
        self.annotations.get(TITLE).map_or("", String::as_str)
    }
}

/// The first layer of any artifact: where those of others have their data.
pub(super) fn first_layer(manifest: &[u8]) -> anyhow::Result<Descriptor> {
    #[derive(Deserialize)]
    struct Layers {
        layers: Vec<Descriptor>,
    }
    let layers: Layers =
        serde_json::from_slice(manifest).context("it is no manifest of an artifact")?;
    let first = layers.layers.into_iter().next();
    first.context("it has no layers")
}

/// What `oci://registry/repository:tag` means, and a session with that registry.
pub(super) fn open(text: &str, registry: &RegistryArgs) -> anyhow::Result<(Reference, Session)> {
    let reference = Reference::parse(text).map_err(|error| anyhow::anyhow!("{text:?}: {error}"))?;
    let credentials = registry.credentials(reference.registry())?;
    let session = Session::open(reference.registry(), credentials, &registry.options())?;
    Ok((reference, session))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_read_back_and_others_are_refused() {
        let layers = vec![
            Descriptor::new("index.json", Digest::of(b"a"), 1),
            Descriptor::new("index.json.minisig", Digest::of(b"b"), 1),
            Descriptor::new("shards/sha256/x", Digest::of(b"c"), 1),
        ];
        let manifest = Manifest::new("2026-01-01T00:00:00Z", layers);
        let json = manifest.to_json().unwrap();
        let read = Manifest::parse(&json).unwrap();
        assert_eq!(read, manifest);
        let types: Vec<_> = read.layers.iter().map(|l| l.media_type.as_str()).collect();
        assert_eq!(types, [INDEX, SIGNATURE, SHARD]);
        let text = String::from_utf8(json).unwrap();
        assert!(Manifest::parse(text.replace(ARTIFACT, "application/x").as_bytes()).is_err());
        assert!(Manifest::parse(b"[]").is_err());
    }

    #[test]
    fn a_manifest_that_no_registry_takes_is_told_before_anything_is_pushed() {
        let layer = Descriptor::new("shards/sha256/x", Digest::of(b"c"), 1);
        let manifest = Manifest::new("", vec![layer; MAX_SHARDS]);
        let text = manifest.to_json().unwrap_err().to_string();
        assert!(text.contains("too many shards"), "{text}");
    }
}
