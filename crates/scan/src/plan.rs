//! What manifest and config say of an image, before a layer is read.

use lamina_image::{
    config::ImageConfig,
    digest::{ChainId, DiffId, Digest},
    manifest::{Descriptor, ImageManifest, LayerKind},
};
use lamina_inventory::{
    base::{self, BaseEvidence, BaseView, find_base},
    known_bases::KnownBases,
    secrets::redact,
};
use lamina_report::model::{Base, BaseBasis, HistoryStep, Image, ReportWarning, RunConfig};
use serde::{Deserialize, Serialize};

/// An image and its layers, ready to be read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The report's image.
    pub image: Image,
    /// The layers, base first.
    pub layers: Vec<PlannedLayer>,
    /// The config, for what is checked in it once the layers are known.
    pub config: ImageConfig,
    /// Where the base image ends.
    pub base: Option<Base>,
    /// What is odd about manifest or config.
    pub warnings: Vec<ReportWarning>,
}

/// A layer before it is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedLayer {
    /// Digest of the blob; `None` in archives that do not name it.
    pub digest: Option<Digest>,
    /// Digest of the uncompressed tar, as the config has it; `None` if the config does not say.
    pub diff_id: Option<DiffId>,
    /// Media type; empty in archives that do not name it.
    pub media_type: String,
    /// Bytes of the blob; 0 if unknown.
    pub size: u64,
    /// The build step that made it; empty if the history does not say.
    pub created_by: String,
    /// Why its bytes are not to be fetched: it is encrypted, or lies elsewhere.
    pub refusal: Option<String>,
}

/// Where an image was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// What the user named.
    pub name: String,
    /// Digest of the image manifest.
    pub digest: Option<Digest>,
    /// Digest of the index it was chosen from.
    pub index_digest: Option<Digest>,
    /// All platforms that the index offers.
    pub platforms: Vec<String>,
}

impl Plan {
    /// From a registry's or an OCI archive's manifest.
    pub fn of_manifest(found: Found, manifest: &ImageManifest, config: &ImageConfig) -> Self {
        let layers = manifest
            .layers
            .iter()
            .map(PlannedLayer::of_descriptor)
            .collect();
        let config_digest = Some(manifest.config.digest.clone());
        let annotations = manifest.annotations.iter();
        let annotations = annotations.map(|(name, text)| (name.as_str(), text.as_str()));
        Self::with_annotations(found, config_digest, layers, config, annotations)
    }

    /// From layers of which only their order is known (`docker save`).
    pub fn new(
        found: Found,
        config_digest: Option<Digest>,
        layers: Vec<PlannedLayer>,
        config: &ImageConfig,
    ) -> Self {
        Self::with_annotations(found, config_digest, layers, config, [])
    }

    fn with_annotations<'a>(
        found: Found,
        config_digest: Option<Digest>,
        mut layers: Vec<PlannedLayer>,
        config: &'a ImageConfig,
        annotations: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut warnings = Vec::new();
        let steps = config.steps_of_layers(layers.len());
        let is_complete = config.diff_ids.len() == layers.len();
        if !is_complete {
            warnings.push(ReportWarning::of_image(format!(
                "the config names {} layers, the manifest {}: diff ids are not verified",
                config.diff_ids.len(),
                layers.len()
            )));
        }
        if steps.is_guess && !config.history.is_empty() {
            warnings.push(ReportWarning::of_image(
                "the history does not fit the layers: build steps are a guess from the \
                          top down",
            ));
        }
        for (index, layer) in layers.iter_mut().enumerate() {
            if is_complete {
                layer.diff_id = config.diff_ids.get(index).cloned();
            }
            let step = steps.step_of_layer.get(index).copied().flatten();
            if let Some(step) = step.and_then(|step| config.history.get(step)) {
                layer.created_by = redact(&step.instruction());
            }
        }
        let history = config
            .history
            .iter()
            .enumerate()
            .map(|(index, step)| HistoryStep {
                created_by: redact(&step.instruction()),
                created: step.created.clone(),
                comment: step
                    .comment
                    .as_deref()
                    .filter(|comment| !comment.is_empty())
                    .map(redact),
                layer: steps
                    .step_of_layer
                    .iter()
                    .position(|step_of_layer| *step_of_layer == Some(index)),
            })
            .collect();
        let run = &config.run;
        let image = Image {
            name: found.name,
            digest: found.digest.map(|digest| digest.to_string()),
            index_digest: found.index_digest.map(|digest| digest.to_string()),
            config_digest: config_digest.map(|digest| digest.to_string()),
            platform: config
                .platform
                .as_ref()
                .map_or_else(|| "unknown".to_owned(), ToString::to_string),
            platforms: found.platforms,
            created: config.created.clone(),
            config: RunConfig {
                user: run.user.clone(),
                env: redact_all(&run.env),
                entrypoint: redact_all(&run.entrypoint),
                cmd: redact_all(&run.cmd),
                working_dir: run.working_dir.clone(),
                exposed_ports: run.exposed_ports.clone(),
                volumes: run.volumes.clone(),
                labels: run
                    .labels
                    .iter()
                    .map(|(name, text)| (name.clone(), redact_label(name, text)))
                    .collect(),
                stop_signal: run.stop_signal.clone(),
                healthcheck: run
                    .healthcheck
                    .as_ref()
                    .map(|check| redact_all(&check.test)),
            },
            history,
        };
        let view = BaseView::of(config, layers.len(), annotations);
        let base = find_base(&view).map(to_base);
        Self {
            image,
            layers,
            config: config.clone(),
            base,
            warnings,
        }
    }

    /// Looks for the layers of this image's base among known images, which tell more surely where it
    /// ends than annotations and history do. An error says why there is no list of them where there
    /// should be one: it becomes a warning.
    pub fn know_bases(&mut self, known: &Result<KnownBases, String>) {
        let known = match known {
            Ok(known) => known,
            Err(problem) => {
                self.warnings.push(ReportWarning::of_image(format!(
                    "the list of known base images was not used: {problem}"
                )));
                return;
            }
        };
        let chain_ids = self.chain_ids();
        if let Some(base) = known.base_of(&chain_ids, self.image.config_digest.as_deref()) {
            self.base = Some(to_base(base));
        }
    }

    /// The chain id of each layer; empty where the config does not name all diff ids.
    pub fn chain_ids(&self) -> Vec<String> {
        let diff_ids: Option<Vec<DiffId>> = self
            .layers
            .iter()
            .map(|layer| layer.diff_id.clone())
            .collect();
        match diff_ids {
            Some(diff_ids) => ChainId::chain(&diff_ids)
                .into_iter()
                .map(|id| id.0.to_string())
                .collect(),
            None => vec![String::new(); self.layers.len()],
        }
    }
}

fn to_base(base: base::Base) -> Base {
    Base {
        layers: base.layers,
        name: base.name,
        basis: match base.evidence {
            BaseEvidence::ChainId => BaseBasis::ChainId,
            BaseEvidence::Annotation => BaseBasis::Annotation,
            BaseEvidence::History => BaseBasis::History,
        },
    }
}

fn redact_all(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| redact(text)).collect()
}

/// A label's text. Its name may be all that tells that it is a secret.
fn redact_label(name: &str, text: &str) -> String {
    let redacted = redact(&format!("{name}={text}"));
    match redacted
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('='))
    {
        Some(text) => text.to_owned(),
        // The name itself was redacted, so that it cannot be told where the text begins.
        None => redacted,
    }
}

impl PlannedLayer {
    fn of_descriptor(descriptor: &Descriptor) -> Self {
        let refusal = match descriptor.layer_kind() {
            LayerKind::Encrypted => Some(
                "the layer is encrypted (ocicrypt) and cannot be read without its key".to_owned(),
            ),
            LayerKind::Attestation => Some("the layer is an attestation, not files".to_owned()),
            LayerKind::Tar | LayerKind::Foreign | LayerKind::Unknown => None,
        };
        Self {
            digest: Some(descriptor.digest.clone()),
            diff_id: None,
            media_type: descriptor.media_type.clone(),
            size: descriptor.size,
            created_by: String::new(),
            refusal,
        }
    }
}
