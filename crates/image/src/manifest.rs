//! Manifests and indexes: what an image consists of, and which images an index offers.
//!
//! OCI image specification 1.1 ("Image Manifest", "Image Index") and Docker's schema 2
//! (`distribution/docs/spec/manifest-v2-2.md`). Descriptors are read with `oci-spec` and turned into
//! checked types once, here. What is not an image is named: a registry's error, a web page, a Helm
//! chart, a manifest of schema 1.

use std::collections::BTreeMap;

use serde::Deserialize as _;
use serde_json::Value;

use crate::{
    digest::{Digest, DigestError},
    limits::{MAX_DESCRIPTORS, MAX_LAYERS, MAX_MANIFEST_BYTES},
    platform::Platform,
};

/// OCI's image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// OCI's image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Docker's manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker's image manifest, version 2 schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

const ATTESTATION_TYPE: &str = "vnd.docker.reference.type";
const ATTESTATION_DIGEST: &str = "vnd.docker.reference.digest";
const ATTESTATION_ARTIFACT: &str = "application/vnd.docker.attestation.manifest.v1+json";

/// What a registry or an archive answers when asked for an image.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "one per pull, moved once; a Box would be in the way of every match"
)]
pub enum Document {
    /// One image for one platform.
    Image(ImageManifest),
    /// Several images to choose from.
    Index(ImageIndex),
}

/// One image: a config and layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageManifest {
    /// Which of the manifest formats it is.
    pub media_type: String,
    /// Where the config lies.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
}

/// A list of images, most often one per platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageIndex {
    /// Which of the index formats it is.
    pub media_type: String,
    /// The entries, in the order written.
    pub entries: Vec<IndexEntry>,
    /// Annotations of the index.
    pub annotations: BTreeMap<String, String>,
}

/// One entry of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// Where it lies.
    pub descriptor: Descriptor,
    /// What it is.
    pub role: Role,
}

/// What an entry of an index is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// An image that can be chosen.
    Image,
    /// Another index.
    Index,
    /// What BuildKit says about an image (SBOM, provenance); never a platform.
    Attestation {
        /// The image's manifest.
        subject: Option<Digest>,
    },
    /// Something else, such as a signature.
    Other,
}

/// Names content and tells what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// What the content claims to be; empty if not said.
    pub media_type: String,
    /// The content's digest.
    pub digest: Digest,
    /// The content's length in bytes.
    pub size: u64,
    /// Other places where the content may lie.
    pub urls: Vec<String>,
    /// Free-form facts.
    pub annotations: BTreeMap<String, String>,
    /// For which platform it is, in an index.
    pub platform: Option<Platform>,
    /// What kind of artifact it is, if it is no image.
    pub artifact_type: Option<String>,
}

/// What a layer's media type says about reading it. The compression is told by its bytes alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerKind {
    /// A tar archive in the registry.
    Tar,
    /// A tar archive that registries need not hold (Windows base layers): fetch it by its `urls`.
    Foreign,
    /// Encrypted with ocicrypt: cannot be read without a key.
    Encrypted,
    /// An in-toto statement (SBOM or provenance), not files.
    Attestation,
    /// Of no known type; most often still a tar archive.
    Unknown,
}

/// Why bytes are no image manifest or index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Nothing at all.
    #[error("the manifest is empty")]
    Empty,
    /// Longer than the limit.
    #[error("the manifest has {bytes} bytes, more than the limit of {limit}")]
    TooLarge {
        /// How long it is.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A web page.
    #[error("this is a web page, not a manifest{}", title_of(.title))]
    Html {
        /// The page's title, if it has one.
        title: Option<String>,
    },
    /// Not JSON.
    #[error("the manifest is not JSON: {reason}; it begins with {start:?}")]
    NotJson {
        /// What the JSON reader says, with line and column.
        reason: String,
        /// The first characters.
        start: String,
    },
    /// JSON nested deeper than any manifest.
    #[error("the manifest's JSON is nested too deep")]
    NestedTooDeep,
    /// A registry's error answer.
    #[error("the registry answered with an error: {code}: {message}")]
    RegistryError {
        /// The error's code, such as `MANIFEST_UNKNOWN`.
        code: String,
        /// The error's text.
        message: String,
    },
    /// Docker's schema 1.
    #[error(
        "the manifest is of Docker's old schema 1; pull the image and push it again with a current \
         Docker to convert it"
    )]
    Schema1,
    /// An artifact that is no container image.
    #[error("this is {what}, not a container image ({media_type})")]
    Artifact {
        /// In words.
        what: &'static str,
        /// Its type.
        media_type: String,
    },
    /// JSON, but neither image nor index.
    #[error("the JSON is neither an image manifest nor an index{}", type_of(.media_type))]
    UnknownDocument {
        /// The media type, if there is one.
        media_type: Option<String>,
    },
    /// A part has the wrong shape.
    #[error("the manifest's {field} cannot be read: {reason}")]
    Field {
        /// Which part, such as `layers[3]`.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A digest is malformed.
    #[error("the manifest's {field} has no valid digest")]
    Digest {
        /// Which part.
        field: String,
        /// What is wrong with it.
        #[source]
        source: DigestError,
    },
    /// More entries than the limit.
    #[error("the manifest lists {count} {what}, more than the limit of {limit}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
        /// The limit.
        limit: usize,
    },
}

/// No image of an index serves the platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no image for {wanted}; {}", offered_in_words(.offered))]
pub struct NoSuchPlatform {
    /// What was asked for.
    pub wanted: Platform,
    /// What there is.
    pub offered: Vec<Platform>,
}

impl Document {
    /// Reads a manifest or index. What it is, its own `mediaType` says; else `content_type` (the
    /// HTTP header); else its shape.
    ///
    /// # Errors
    /// Names what the bytes are instead.
    pub fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Self, ManifestError> {
        let mut document = parse_json(bytes, MAX_MANIFEST_BYTES)?;
        let media_type = match text_of(&document, "mediaType") {
            Some(media_type) => Some(media_type),
            None => content_type
                .map(|header| header.split(';').next().unwrap_or_default().trim())
                .filter(|header| header.contains("manifest") || header.contains("image.index"))
                .map(str::to_owned),
        };
        let is_old = document.get("schemaVersion").and_then(Value::as_u64) == Some(1);
        let has_old_shape = document.get("fsLayers").is_some();
        if is_old || has_old_shape || media_type.as_deref().is_some_and(is_schema_1) {
            return Err(ManifestError::Schema1);
        }
        let is_index = match media_type.as_deref() {
            Some(OCI_INDEX | DOCKER_LIST) => true,
            Some(OCI_MANIFEST | DOCKER_MANIFEST) => false,
            _ => match (document.get("manifests"), document.get("layers")) {
                (Some(Value::Array(_)), None) => true,
                (None, Some(_)) => false,
                _ if document.get("config").is_some() => false,
                _ => return Err(not_a_manifest(&document, media_type)),
            },
        };
        let has_parts = if is_index {
            document.get("manifests").is_some()
        } else {
            document.get("config").is_some() || document.get("layers").is_some()
        };
        if !has_parts {
            return Err(not_a_manifest(&document, media_type));
        }
        let annotations = annotations_of(&mut document);
        if is_index {
            ImageIndex::from_json(document, media_type, annotations).map(Document::Index)
        } else {
            ImageManifest::from_json(document, media_type, annotations).map(Document::Image)
        }
    }
}

impl ImageManifest {
    /// Bytes to download: config and layers.
    pub fn compressed_bytes(&self) -> u64 {
        self.layers.iter().fold(self.config.size, |sum, layer| {
            sum.saturating_add(layer.size)
        })
    }

    fn from_json(
        mut document: Value,
        media_type: Option<String>,
        annotations: BTreeMap<String, String>,
    ) -> Result<Self, ManifestError> {
        let artifact_type = text_of(&document, "artifactType");
        let config = match document.get_mut("config").map(Value::take) {
            Some(Value::Null) | None => {
                return Err(match artifact_type {
                    Some(media_type) => ManifestError::Artifact {
                        what: name_of_artifact(&media_type),
                        media_type,
                    },
                    None => field("config", "it is missing"),
                });
            }
            Some(config) => Descriptor::from_json(config, "config")?,
        };
        let layers = descriptors(&mut document, "layers", MAX_LAYERS)?;
        let manifest = Self {
            media_type: media_type.unwrap_or_else(|| OCI_MANIFEST.to_owned()),
            config,
            layers,
            annotations,
        };
        match manifest.artifact(artifact_type) {
            Some(media_type) => Err(ManifestError::Artifact {
                what: name_of_artifact(&media_type),
                media_type,
            }),
            None => Ok(manifest),
        }
    }

    /// The type of what this is instead of an image.
    fn artifact(&self, artifact_type: Option<String>) -> Option<String> {
        let kinds = || self.layers.iter().map(Descriptor::layer_kind);
        if !self.layers.is_empty() && kinds().all(|kind| kind == LayerKind::Attestation) {
            return Some(ATTESTATION_ARTIFACT.to_owned());
        }
        let is_image_config = matches!(
            self.config.media_type.as_str(),
            "application/vnd.oci.image.config.v1+json"
                | "application/vnd.docker.container.image.v1+json"
                // What Docker wrote before 1.10 had a type of its own.
                | "application/octet-stream"
                | "application/json"
                | ""
        );
        let has_layers = !self.layers.is_empty()
            && kinds().all(|kind| !matches!(kind, LayerKind::Unknown | LayerKind::Attestation));
        if is_image_config || has_layers {
            return None;
        }
        Some(artifact_type.unwrap_or_else(|| self.config.media_type.clone()))
    }
}

impl ImageIndex {
    /// The images that can be chosen.
    pub fn images(&self) -> impl Iterator<Item = &Descriptor> {
        self.entries
            .iter()
            .filter(|entry| entry.role == Role::Image)
            .map(|entry| &entry.descriptor)
    }

    /// The platforms of those images, in the order written, each once.
    pub fn platforms(&self) -> Vec<Platform> {
        let mut platforms: Vec<Platform> = Vec::new();
        for platform in self.images().filter_map(|image| image.platform.clone()) {
            if !platforms.contains(&platform) {
                platforms.push(platform);
            }
        }
        platforms
    }

    /// The image for `wanted`, chosen as containerd does: the best fit, then the first written.
    /// Without a wish: `linux/amd64`, or the only image there is. An entry without a platform is
    /// taken when nothing fits better.
    ///
    /// The entry may itself be an index (nested); ask that one again.
    ///
    /// # Errors
    /// Lists what is offered.
    pub fn choose(&self, wanted: Option<&Platform>) -> Result<&Descriptor, NoSuchPlatform> {
        let default = Platform::linux_amd64();
        let target = wanted.unwrap_or(&default);
        let candidates = || {
            self.entries
                .iter()
                .filter(|entry| matches!(entry.role, Role::Image | Role::Index))
                .map(|entry| &entry.descriptor)
        };
        let best = candidates()
            .filter_map(|image| {
                let rank = match &image.platform {
                    Some(platform) => target.rank_of(platform)?,
                    None => usize::MAX,
                };
                Some((rank, image))
            })
            .min_by_key(|(rank, _)| *rank);
        if let Some((_, image)) = best {
            return Ok(image);
        }
        let mut all = candidates();
        match (all.next(), all.next()) {
            (Some(only), None) if wanted.is_none() => Ok(only),
            _ => Err(NoSuchPlatform {
                wanted: target.clone(),
                offered: self.platforms(),
            }),
        }
    }

    fn from_json(
        mut document: Value,
        media_type: Option<String>,
        annotations: BTreeMap<String, String>,
    ) -> Result<Self, ManifestError> {
        let entries = descriptors(&mut document, "manifests", MAX_DESCRIPTORS)?
            .into_iter()
            .map(|descriptor| IndexEntry {
                role: descriptor.role(),
                descriptor,
            })
            .collect();
        Ok(Self {
            media_type: media_type.unwrap_or_else(|| OCI_INDEX.to_owned()),
            entries,
            annotations,
        })
    }
}

impl Descriptor {
    /// What its media type says about reading it as a layer.
    pub fn layer_kind(&self) -> LayerKind {
        let media_type = self.media_type.as_str();
        let base = media_type.split(['+', ';']).next().unwrap_or_default();
        if media_type.contains("+encrypted") {
            LayerKind::Encrypted
        } else if media_type.contains("nondistributable") || media_type.contains("rootfs.foreign") {
            LayerKind::Foreign
        } else if base == "application/vnd.in-toto" {
            LayerKind::Attestation
        } else if base.starts_with("application/vnd.oci.image.layer.v1.tar")
            || base.starts_with("application/vnd.docker.image.rootfs.diff.tar")
            || base.starts_with("application/vnd.docker.container.image.rootfs.diff")
        {
            LayerKind::Tar
        } else {
            LayerKind::Unknown
        }
    }

    fn role(&self) -> Role {
        let subject = || {
            self.annotations
                .get(ATTESTATION_DIGEST)
                .and_then(|digest| digest.parse().ok())
        };
        let is_unknown = self
            .platform
            .as_ref()
            .is_some_and(|platform| platform.os == "unknown" && platform.architecture == "unknown");
        if let Some(kind) = self.annotations.get(ATTESTATION_TYPE) {
            return if kind == "attestation-manifest" {
                Role::Attestation { subject: subject() }
            } else {
                Role::Other
            };
        }
        if self.artifact_type.as_deref() == Some(ATTESTATION_ARTIFACT) {
            return Role::Attestation { subject: subject() };
        }
        match self.media_type.as_str() {
            OCI_INDEX | DOCKER_LIST => Role::Index,
            _ if is_unknown || self.artifact_type.is_some() => Role::Other,
            OCI_MANIFEST | DOCKER_MANIFEST | "" => Role::Image,
            _ => Role::Other,
        }
    }

    fn from_json(mut value: Value, name: &str) -> Result<Self, ManifestError> {
        let mut platform = None;
        if let Value::Object(fields) = &mut value {
            // `oci-spec` reads neither Windows' `os.version` nor a platform with a part missing,
            // and a descriptor without a type at all (old kaniko) is still one.
            platform = fields.remove("platform").and_then(|platform| {
                let os = platform.get("os").and_then(Value::as_str)?;
                let architecture = platform.get("architecture").and_then(Value::as_str)?;
                let variant = platform.get("variant").and_then(Value::as_str);
                let mut parsed = Platform::new(os, architecture, variant);
                parsed.os_version = text_of(&platform, "os.version");
                Some(parsed)
            });
            fields
                .entry("mediaType")
                .or_insert_with(|| Value::String(String::new()));
            fields.remove("data");
        }
        let descriptor = oci_spec::image::Descriptor::deserialize(value)
            .map_err(|error| field(name, &error.to_string()))?;
        let digest =
            descriptor
                .digest()
                .to_string()
                .parse()
                .map_err(|source| ManifestError::Digest {
                    field: name.to_owned(),
                    source,
                })?;
        Ok(Self {
            media_type: descriptor.media_type().to_string(),
            digest,
            size: descriptor.size(),
            urls: descriptor.urls().clone().unwrap_or_default(),
            annotations: descriptor
                .annotations()
                .clone()
                .unwrap_or_default()
                .into_iter()
                .collect(),
            platform,
            artifact_type: descriptor.artifact_type().as_ref().map(ToString::to_string),
        })
    }
}

/// Parses JSON of at most `limit` bytes, saying what it is if it is none.
pub(crate) fn parse_json(bytes: &[u8], limit: usize) -> Result<Value, ManifestError> {
    if bytes.len() > limit {
        return Err(ManifestError::TooLarge {
            bytes: bytes.len(),
            limit,
        });
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let start = bytes.trim_ascii_start();
    match start.first() {
        None => return Err(ManifestError::Empty),
        Some(b'<') => {
            return Err(ManifestError::Html {
                title: html_title(start),
            });
        }
        Some(_) => {}
    }
    let document: Value = serde_json::from_slice(bytes).map_err(|error| {
        let reason = error.to_string();
        if reason.contains("recursion limit") {
            return ManifestError::NestedTooDeep;
        }
        ManifestError::NotJson {
            reason,
            start: String::from_utf8_lossy(start.get(..40).unwrap_or(start)).into_owned(),
        }
    })?;
    if let Some(Value::Array(errors)) = document.get("errors") {
        let first = errors.first().unwrap_or(&Value::Null);
        return Err(ManifestError::RegistryError {
            code: text_of(first, "code").unwrap_or_else(|| "UNKNOWN".to_owned()),
            message: text_of(first, "message")
                .unwrap_or_default()
                .chars()
                .take(500)
                .collect(),
        });
    }
    Ok(document)
}

/// The text of one field of an object, if it is a text that is not empty.
pub(crate) fn text_of(value: &Value, name: &str) -> Option<String> {
    value
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn not_a_manifest(document: &Value, media_type: Option<String>) -> ManifestError {
    match text_of(document, "artifactType") {
        Some(media_type) => ManifestError::Artifact {
            what: name_of_artifact(&media_type),
            media_type,
        },
        None => ManifestError::UnknownDocument { media_type },
    }
}

fn descriptors(
    document: &mut Value,
    name: &'static str,
    limit: usize,
) -> Result<Vec<Descriptor>, ManifestError> {
    let list = match document.get_mut(name).map(Value::take) {
        // Go writes an empty list as null.
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(field(name, "it is not a list")),
    };
    if list.len() > limit {
        return Err(ManifestError::TooMany {
            what: name,
            count: list.len(),
            limit,
        });
    }
    list.into_iter()
        .enumerate()
        .map(|(index, value)| Descriptor::from_json(value, &format!("{name}[{index}]")))
        .collect()
}

fn annotations_of(document: &mut Value) -> BTreeMap<String, String> {
    match document.get_mut("annotations").map(Value::take) {
        Some(Value::Object(annotations)) => annotations
            .into_iter()
            .filter_map(|(key, value)| match value {
                Value::String(text) => Some((key, text)),
                _ => None,
            })
            .collect(),
        _ => BTreeMap::new(),
    }
}

fn field(name: &str, reason: &str) -> ManifestError {
    ManifestError::Field {
        field: name.to_owned(),
        reason: reason.chars().take(300).collect(),
    }
}

fn is_schema_1(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.docker.distribution.manifest.v1+")
}

fn name_of_artifact(media_type: &str) -> &'static str {
    const NAMES: &[(&str, &str)] = &[
        ("helm", "a Helm chart"),
        ("wasm", "a WebAssembly module"),
        ("attestation", "an attestation (SBOM or provenance)"),
        ("in-toto", "an attestation (SBOM or provenance)"),
        ("cosign", "a cosign signature"),
        ("sigstore", "a sigstore signature"),
        ("notary", "a Notation signature"),
        ("cyclonedx", "an SBOM"),
        ("spdx", "an SBOM"),
        ("sbom", "an SBOM"),
        ("cnab", "a CNAB bundle"),
        ("ollama", "an Ollama model"),
        ("docker.ai", "a language model"),
        ("cncf.model", "a language model"),
        ("docker.plugin", "a Docker plugin"),
        ("docker.compose", "a Compose project"),
        ("flux", "a Flux artifact"),
        ("opentofu", "an OpenTofu module"),
        ("homebrew", "a Homebrew bottle"),
        ("trivy", "a Trivy database"),
    ];
    let lower = media_type.to_ascii_lowercase();
    NAMES
        .iter()
        .find(|(part, _)| lower.contains(part))
        .map_or("an artifact", |(_, name)| name)
}

fn html_title(page: &[u8]) -> Option<String> {
    let page = String::from_utf8_lossy(page.get(..4096).unwrap_or(page));
    let lower = page.to_ascii_lowercase();
    let start = lower.find("<title>")? + "<title>".len();
    let end = start + lower.get(start..)?.find("</title>")?;
    let title: String = page.get(start..end)?.trim().chars().take(100).collect();
    (!title.is_empty()).then_some(title)
}

fn title_of(title: &Option<String>) -> String {
    match title {
        Some(title) => format!(" (its title is {title:?})"),
        None => String::new(),
    }
}

fn type_of(media_type: &Option<String>) -> String {
    match media_type {
        Some(media_type) => format!(" (it calls itself {media_type:?})"),
        None => String::new(),
    }
}

fn offered_in_words(offered: &[Platform]) -> String {
    if offered.is_empty() {
        return "the index offers none".to_owned();
    }
    let names: Vec<String> = offered.iter().take(30).map(ToString::to_string).collect();
    format!("offered: {}", names.join(", "))
}
