//! What a manifest is: an image to judge, an index of such, or something that no runtime runs.
//!
//! Harbor lets through what its scanner cannot read. A gate that is asked to keep images out has to be
//! strict about what is no image: what a runtime would unpack is one, whatever else it says of itself.
//! And since runtimes read JSON their own way (Go takes the last of two equal names, and `Layers` for
//! `layers`), a manifest that could be read in two ways is refused: the one judged must be the one run.

use std::fmt;

use lamina_image::{
    digest::Digest,
    limits::MAX_MANIFEST_BYTES,
    manifest::{
        DOCKER_LIST, DOCKER_MANIFEST, Document, ImageIndex, ImageManifest, OCI_INDEX, OCI_MANIFEST,
    },
};
use serde::{
    Deserialize,
    de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor},
};

/// What a manifest is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "few of them, and always behind an Arc"
)]
pub(crate) enum Kind {
    /// An image.
    Image(ImageManifest),
    /// Images to choose from.
    Index(ImageIndex),
    /// No image.
    Other {
        /// What it is, in words.
        what: String,
        /// Blobs that must hold text for that to be true.
        texts: Vec<Digest>,
    },
}

#[derive(Deserialize)]
struct Outline {
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    #[serde(rename = "artifactType")]
    artifact_type: Option<String>,
    config: Option<Part>,
    layers: Option<Vec<Part>>,
    manifests: Option<Vec<Entry>>,
    #[serde(rename = "fsLayers")]
    fs_layers: Option<de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Part {
    #[serde(default, rename = "mediaType")]
    media_type: String,
    digest: Digest,
}

#[derive(Deserialize)]
struct Entry {
    /// The content itself (OCI image specification 1.1, "Descriptor").
    data: Option<de::IgnoredAny>,
}

impl Kind {
    /// Reads a manifest, and answers the media type that it is to be delivered with.
    ///
    /// # Errors
    /// In words, why it cannot be judged.
    pub(crate) fn read(bytes: &[u8], content_type: Option<&str>) -> Result<(Self, String), String> {
        if bytes.len() > MAX_MANIFEST_BYTES {
            return Err("its manifest is too large".to_owned());
        }
        check_names(bytes).map_err(|error| format!("its manifest can be misread: {error}"))?;
        let outline: Outline = serde_json::from_slice(bytes)
            .map_err(|error| format!("its manifest cannot be read: {error}"))?;
        let announced = content_type
            .map(|header| header.split(';').next().unwrap_or_default().trim())
            .filter(|header| {
                [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST].contains(header)
            });
        if let (Some(own), Some(announced)) = (&outline.media_type, announced)
            && own != announced
        {
            return Err(format!(
                "its manifest says that it is {own:?}, the registry that it is {announced:?}"
            ));
        }
        if outline.fs_layers.is_some() {
            return Err("its manifest is of Docker's old schema 1".to_owned());
        }
        if outline.manifests.is_some() && (outline.layers.is_some() || outline.config.is_some()) {
            return Err("its manifest is an image and an index at once".to_owned());
        }
        // containerd takes it from there (`remotes/handlers.go`), and never asks for it.
        let mut entries = outline.manifests.iter().flatten();
        if entries.any(|entry| entry.data.is_some()) {
            return Err(
                "its index carries a manifest within, which would not be judged".to_owned(),
            );
        }
        let media_type = |found: &str| {
            let named = outline.media_type.as_deref().or(announced);
            named.unwrap_or(found).to_owned()
        };
        if outline.manifests.is_none()
            && let Some((what, texts)) = outline.other()
        {
            let media_type = media_type(OCI_MANIFEST);
            return Ok((Self::Other { what, texts }, media_type));
        }
        match Document::parse(bytes, announced) {
            Ok(Document::Image(manifest)) => {
                let media_type = media_type(&manifest.media_type);
                Ok((Self::Image(manifest), media_type))
            }
            Ok(Document::Index(index)) => {
                let media_type = media_type(&index.media_type);
                Ok((Self::Index(index), media_type))
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Outline {
    /// What this is if it is no image, and the blobs that must hold text then.
    fn other(&self) -> Option<(String, Vec<Digest>)> {
        let layers = self.layers.as_deref().unwrap_or_default();
        if layers.iter().any(|layer| is_unpacked(&layer.media_type)) {
            return None;
        }
        let config = self
            .config
            .as_ref()
            .map(|config| config.media_type.as_str());
        let what = self.artifact_type.as_deref();
        match config {
            // cosign and BuildKit give what they say about an image the config of an image.
            Some(config) if is_image_config(config) => {
                let is_said = !layers.is_empty()
                    && layers.iter().all(|layer| is_statement(&layer.media_type));
                let first = layers.first()?;
                is_said.then(|| {
                    let texts = layers.iter().map(|layer| layer.digest.clone()).collect();
                    (what.unwrap_or(&first.media_type).to_owned(), texts)
                })
            }
            Some(config) => Some((what.unwrap_or(config).to_owned(), Vec::new())),
            None => what.map(|what| (what.to_owned(), Vec::new())),
        }
    }
}

/// Whether a runtime unpacks layers of this type.
fn is_unpacked(media_type: &str) -> bool {
    let media_type = media_type.to_ascii_lowercase();
    [
        "application/vnd.oci.image.layer.",
        "application/vnd.docker.image.rootfs.",
        "application/vnd.docker.container.image.rootfs.",
    ]
    .iter()
    .any(|start| media_type.starts_with(start))
}

/// Whether Docker takes a config of this type for an image's (moby `distribution/registry.go`).
fn is_image_config(media_type: &str) -> bool {
    let media_type = media_type.to_ascii_lowercase();
    matches!(
        media_type.as_str(),
        "application/vnd.oci.image.config.v1+json"
            | "application/vnd.docker.container.image.v1+json"
            | "application/octet-stream"
            | "application/json"
            | "text/html"
            | ""
    )
}

/// Whether a layer of this type says something about an image: a signature, an SBOM, provenance.
fn is_statement(media_type: &str) -> bool {
    const TYPES: [&str; 8] = [
        "application/vnd.in-toto",
        "application/vnd.dsse.envelope",
        "application/vnd.dev.cosign.",
        "application/vnd.dev.sigstore.",
        "application/vnd.cyclonedx",
        "application/vnd.syft+json",
        "application/spdx",
        "text/spdx",
    ];
    TYPES.iter().any(|start| media_type.starts_with(start))
}

/// Whether the beginning of a blob is text, as statements are. A tar archive or a compressed one is
/// not: a header of a tar has zeros in it.
pub(crate) fn is_text(start: &[u8]) -> bool {
    let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
    first.is_some_and(|byte| byte.is_ascii_graphic())
        && start
            .iter()
            .all(|byte| *byte >= b' ' || byte.is_ascii_whitespace())
}

/// Names that a runtime looks for.
const NAMES: [&str; 14] = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "fsLayers",
    "history",
    "subject",
    "digest",
    "size",
    "urls",
    "platform",
    "data",
];

/// Refuses JSON in which a name stands twice, or a known one is spelled as only some readers take it.
fn check_names(bytes: &[u8]) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Names.deserialize(&mut reader)?;
    reader.end()
}

struct Names;

impl<'de> DeserializeSeed<'de> for Names {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Names {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Names)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen: Vec<String> = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let known = NAMES.iter().find(|known| fold(known) == fold(&name));
            if let Some(known) = known.filter(|known| **known != name) {
                return Err(de::Error::custom(format!(
                    "{name:?} may be taken for {known:?}"
                )));
            }
            if seen.contains(&name) {
                return Err(de::Error::custom(format!("{name:?} stands there twice")));
            }
            if name == "annotations" {
                map.next_value::<de::IgnoredAny>()?;
            } else {
                map.next_value_seed(Names)?;
            }
            // An image has few names; a list that grows without end is none.
            if seen.len() >= 100 {
                return Err(de::Error::custom("too many names"));
            }
            seen.push(name);
        }
        Ok(())
    }
}

/// Letter case as Go's `encoding/json` ignores it.
fn fold(name: &str) -> String {
    let fold = |c: char| match c {
        'ſ' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    name.chars().map(fold).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const TAR: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

    fn part(media_type: &str) -> Value {
        json!({ "mediaType": media_type, "digest": Digest::of(b"x").to_string(), "size": 1 })
    }

    fn manifest(config: &str, layers: &[&str]) -> Value {
        let layers: Vec<Value> = layers.iter().map(|layer| part(layer)).collect();
        json!({ "schemaVersion": 2, "config": part(config), "layers": layers })
    }

    #[test]
    fn what_a_runtime_would_unpack_is_an_image() {
        let check = |document: Value, expect: &str| {
            let found = match Kind::read(document.to_string().as_bytes(), Some(OCI_MANIFEST)) {
                Ok((Kind::Image(_), _)) => "image".to_owned(),
                Ok((Kind::Index(_), _)) => "index".to_owned(),
                Ok((Kind::Other { what, texts }, _)) => format!("{what} {}", texts.len()),
                Err(problem) => problem,
            };
            assert_eq!(found, expect, "{document}");
        };
        check(manifest(CONFIG, &[TAR]), "image");
        check(manifest(CONFIG, &[]), "image");
        check(manifest(CONFIG, &["application/x-tar"]), "image");
        // Docker would run it, our reader does not know it: refused.
        let odd = "this is an artifact, not a container image (text/html)";
        check(manifest("text/html", &["application/x-tar"]), odd);
        // It runs, whatever it calls itself.
        let mut disguised = manifest(CONFIG, &[TAR]);
        disguised["artifactType"] = json!("application/vnd.cncf.helm.config.v1+json");
        check(disguised, "image");
        check(
            manifest("application/vnd.cncf.helm.config.v1+json", &[TAR]),
            "image",
        );

        let helm = "application/vnd.cncf.helm.config.v1+json";
        let chart = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
        check(manifest(helm, &[chart]), &format!("{helm} 0"));
        let empty = "application/vnd.oci.empty.v1+json";
        let mut sbom = manifest(empty, &[empty]);
        sbom["artifactType"] = json!("application/spdx+json");
        check(sbom, "application/spdx+json 0");
        let signature = "application/vnd.dev.cosign.simplesigning.v1+json";
        check(manifest(CONFIG, &[signature]), &format!("{signature} 1"));
        let statement = "application/vnd.in-toto+json";
        check(
            manifest(CONFIG, &[statement, statement]),
            &format!("{statement} 2"),
        );
        check(manifest(CONFIG, &[statement, TAR]), "image");
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        let check = |text: &str, content_type: &str, expect: &str| {
            let problem = Kind::read(text.as_bytes(), Some(content_type)).unwrap_err();
            assert!(problem.contains(expect), "{problem}");
        };
        let part = part(CONFIG);
        let whole = format!(r#""config": {part}, "layers": []"#);
        check(
            &format!(r#"{{{whole}, "layers": []}}"#),
            OCI_MANIFEST,
            "stands there twice",
        );
        for name in ["Layers", "LAYERS", "layerſ", "\\u006cayerS"] {
            check(
                &format!(r#"{{{whole}, "{name}": []}}"#),
                OCI_MANIFEST,
                "may be taken for \"layers\"",
            );
        }
        check(
            r#"{"manifests": [{"Digest": "x"}]}"#,
            OCI_INDEX,
            "may be taken for \"digest\"",
        );
        check(
            &format!(r#"{{{whole}, "manifests": []}}"#),
            OCI_MANIFEST,
            "at once",
        );
        check(
            &format!(r#"{{"mediaType": "{OCI_INDEX}", "manifests": []}}"#),
            OCI_MANIFEST,
            "the registry that it is",
        );
        check(
            r#"{"schemaVersion": 1, "fsLayers": []}"#,
            "application/json",
            "schema 1",
        );
        let inline = r#"{"manifests": [{"digest": "x", "size": 2, "data": "e30="}]}"#;
        check(inline, OCI_INDEX, "carries a manifest within");
        let inline = r#"{"manifests": [{"digest": "x", "Data": "e30="}]}"#;
        check(inline, OCI_INDEX, "may be taken for \"data\"");
        check("{}x", OCI_MANIFEST, "misread");
        check("[1", OCI_MANIFEST, "misread");
        let deep = format!(r#"{{"a": {}1{}}}"#, "[".repeat(500), "]".repeat(500));
        check(&deep, OCI_MANIFEST, "misread");
    }

    #[test]
    fn statements_are_text() {
        assert!(is_text(b"{\"payload\": \"\xc3\xa9\"}\n"));
        assert!(!is_text(b""));
        assert!(!is_text(&[0x1f, 0x8b, 8]));
        assert!(!is_text(b"{name\0\0\0\0ustar"));
        assert!(!is_text(&[0x28, 0xb5, 0x2f, 0xfd, 0]));
    }
}
