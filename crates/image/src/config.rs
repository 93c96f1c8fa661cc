//! An image's config: how it runs, which layers it has, and the steps that made them.
//!
//! OCI image specification 1.1, "Image Configuration", and Docker's image specification 1.2, which
//! adds the health check and `OnBuild`. Builders write nulls, wrong types and missing fields, and a
//! scan must not fail for that: only a config that is not JSON, or whose layers cannot be read, is
//! an error. (`oci-spec`'s `ImageConfiguration` refuses such configs and knows no health check, so
//! fields are read one by one.)

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    digest::{ChainId, DiffId},
    limits::{MAX_CONFIG_BYTES, MAX_LAYERS},
    manifest::{ManifestError, parse_json, text_of},
    platform::Platform,
};

/// Why bytes are no image config.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not JSON, too large, a web page, a registry's error.
    #[error("the image config cannot be read")]
    Json(#[source] ManifestError),
    /// JSON, but not an object.
    #[error("the image config is not a JSON object")]
    NotAnObject,
    /// One of the layers' diff ids is no digest.
    #[error("the image config's rootfs.diff_ids[{index}] is not a digest: {text:?}")]
    DiffId {
        /// Which layer, from 0 at the bottom.
        index: usize,
        /// What stands there.
        text: String,
    },
    /// More layers than the limit.
    #[error("the image config lists {count} layers, more than the limit of {MAX_LAYERS}")]
    TooManyLayers {
        /// How many.
        count: usize,
    },
}

/// An image's config.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// For which platform it is, as far as it says.
    pub platform: Option<Platform>,
    /// When it was made: RFC 3339 as written.
    pub created: Option<String>,
    /// Who made it.
    pub author: Option<String>,
    /// How a container starts.
    pub run: RunConfig,
    /// The uncompressed layers, lowest first.
    pub diff_ids: Vec<DiffId>,
    /// The steps that made it, oldest first.
    pub history: Vec<HistoryStep>,
}

/// How a container of the image starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunConfig {
    /// `user[:group]`, names or numbers; empty means root.
    pub user: String,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// The program and its first arguments.
    pub entrypoint: Vec<String>,
    /// Default arguments, or the program where there is no entry point.
    pub cmd: Vec<String>,
    /// Where it starts; empty means `/`.
    pub working_dir: String,
    /// Ports such as `80/tcp`, sorted.
    pub exposed_ports: Vec<String>,
    /// Mount points, sorted.
    pub volumes: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The signal that stops it.
    pub stop_signal: Option<String>,
    /// How its health is checked, if it is.
    pub healthcheck: Option<Healthcheck>,
    /// Steps that run in images built on this one.
    pub on_build: Vec<String>,
    /// The shell of `RUN`, `CMD` and `ENTRYPOINT` lines, if it is not the default.
    pub shell: Vec<String>,
}

/// How a container's health is checked. Times are nanoseconds; 0 means Docker's default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Healthcheck {
    /// `["NONE"]`, or `CMD`/`CMD-SHELL` and the command.
    pub test: Vec<String>,
    /// Between two checks.
    pub interval_ns: u64,
    /// Until a check counts as failed.
    pub timeout_ns: u64,
    /// At the start, while failures do not count.
    pub start_period_ns: u64,
    /// Failures in a row until it is unhealthy.
    pub retries: u64,
}

/// One step of a build.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryStep {
    /// When: RFC 3339 as written.
    pub created: Option<String>,
    /// The command, such as `RUN apt-get update` or `/bin/sh -c #(nop)  CMD ["sh"]`.
    pub created_by: Option<String>,
    /// A remark, such as `buildkit.dockerfile.v0`.
    pub comment: Option<String>,
    /// Who.
    pub author: Option<String>,
    /// It changed the config alone and made no layer.
    pub empty_layer: bool,
}

/// Which history step made which layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepsOfLayers {
    /// For each layer, lowest first, the index into [`ImageConfig::history`], if one is known.
    pub step_of_layer: Vec<Option<usize>>,
    /// For each history step, the layer that it made; for a step that made none, the layer on top
    /// of which it ran (`None` before the first).
    pub layer_of_step: Vec<Option<usize>>,
    /// The counts do not match, so that the assignment is a guess from the top down.
    pub is_guess: bool,
}

impl ImageConfig {
    /// Reads a config.
    ///
    /// # Errors
    /// When it is not JSON or a diff id is no digest; everything else that is odd is left out.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        let document = parse_json(bytes, MAX_CONFIG_BYTES).map_err(ConfigError::Json)?;
        if !document.is_object() {
            return Err(ConfigError::NotAnObject);
        }
        let diff_ids = match document.get("rootfs").and_then(|fs| fs.get("diff_ids")) {
            Some(Value::Array(list)) => parse_diff_ids(list)?,
            _ => Vec::new(),
        };
        Ok(Self {
            platform: platform_of(&document),
            created: text_of(&document, "created"),
            author: text_of(&document, "author"),
            run: RunConfig::from_json(document.get("config").unwrap_or(&Value::Null)),
            diff_ids,
            history: match document.get("history") {
                Some(Value::Array(steps)) => steps.iter().map(HistoryStep::from_json).collect(),
                _ => Vec::new(),
            },
        })
    }

    /// The chain id of each layer, lowest first.
    pub fn chain_ids(&self) -> Vec<ChainId> {
        ChainId::chain(&self.diff_ids)
    }

    /// Assigns the history steps to `layers` layers (of the manifest; it is what was unpacked).
    ///
    /// Steps that made a layer are taken in order. When their number is not that of the layers
    /// (squashed images, tools that write no history), they are matched from the top down: the
    /// newest steps are those that people ask about, and base images are what tools leave out.
    pub fn steps_of_layers(&self, layers: usize) -> StepsOfLayers {
        let makers: Vec<usize> = (0..self.history.len())
            .filter(|index| self.history.get(*index).is_some_and(|s| !s.empty_layer))
            .collect();
        let mut step_of_layer = vec![None; layers];
        for (slot, step) in step_of_layer.iter_mut().rev().zip(makers.iter().rev()) {
            *slot = Some(*step);
        }
        let mut layer_of_step = vec![None; self.history.len()];
        for (layer, step) in step_of_layer.iter().enumerate() {
            if let Some(slot) = step.and_then(|step| layer_of_step.get_mut(step)) {
                *slot = Some(layer);
            }
        }
        let mut below = None;
        for slot in &mut layer_of_step {
            match slot {
                Some(layer) => below = Some(*layer),
                None => *slot = below,
            }
        }
        StepsOfLayers {
            step_of_layer,
            layer_of_step,
            is_guess: makers.len() != layers,
        }
    }
}

impl HistoryStep {
    /// The command as a Dockerfile has it: without Docker's `/bin/sh -c #(nop)` and BuildKit's
    /// `# buildkit`.
    pub fn instruction(&self) -> String {
        let text = self.created_by.as_deref().unwrap_or_default().trim();
        if let Some(rest) = text.split_once("#(nop) ").map(|(_, rest)| rest) {
            return rest.trim().to_owned();
        }
        let text = text.strip_suffix("# buildkit").unwrap_or(text).trim_end();
        for shell in ["/bin/sh -c ", "RUN /bin/sh -c "] {
            if let Some(command) = text.strip_prefix(shell) {
                return format!("RUN {}", command.trim_start());
            }
        }
        text.to_owned()
    }

    fn from_json(value: &Value) -> Self {
        Self {
            created: text_of(value, "created"),
            created_by: text_of(value, "created_by"),
            comment: text_of(value, "comment"),
            author: text_of(value, "author"),
            empty_layer: value
                .get("empty_layer")
                .and_then(Value::as_bool)
                .unwrap_or_default(),
        }
    }
}

impl RunConfig {
    fn from_json(value: &Value) -> Self {
        Self {
            user: text_of(value, "User").unwrap_or_default(),
            env: texts_of(value, "Env"),
            entrypoint: texts_of(value, "Entrypoint"),
            cmd: texts_of(value, "Cmd"),
            working_dir: text_of(value, "WorkingDir").unwrap_or_default(),
            exposed_ports: keys_of(value, "ExposedPorts"),
            volumes: keys_of(value, "Volumes"),
            labels: match value.get("Labels") {
                Some(Value::Object(labels)) => labels
                    .iter()
                    .filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned())))
                    .collect(),
                _ => BTreeMap::new(),
            },
            stop_signal: text_of(value, "StopSignal"),
            healthcheck: value
                .get("Healthcheck")
                .filter(|check| check.is_object())
                .map(Healthcheck::from_json),
            on_build: texts_of(value, "OnBuild"),
            shell: texts_of(value, "Shell"),
        }
    }
}

impl Healthcheck {
    fn from_json(value: &Value) -> Self {
        let number = |name| value.get(name).and_then(Value::as_u64).unwrap_or_default();
        Self {
            test: texts_of(value, "Test"),
            interval_ns: number("Interval"),
            timeout_ns: number("Timeout"),
            start_period_ns: number("StartPeriod"),
            retries: number("Retries"),
        }
    }
}

fn parse_diff_ids(list: &[Value]) -> Result<Vec<DiffId>, ConfigError> {
    if list.len() > MAX_LAYERS {
        return Err(ConfigError::TooManyLayers { count: list.len() });
    }
    list.iter()
        .enumerate()
        .map(|(index, value)| {
            let text = value.as_str().unwrap_or_default();
            text.parse().map(DiffId).map_err(|_| ConfigError::DiffId {
                index,
                text: text.chars().take(160).collect(),
            })
        })
        .collect()
}

fn platform_of(document: &Value) -> Option<Platform> {
    let os = text_of(document, "os");
    let architecture = text_of(document, "architecture")?;
    let variant = text_of(document, "variant");
    let os = os.as_deref().unwrap_or("linux");
    let mut platform = Platform::new(os, &architecture, variant.as_deref());
    platform.os_version = text_of(document, "os.version");
    Some(platform)
}

/// A list of texts; one text alone counts as a list of one.
fn texts_of(value: &Value, name: &str) -> Vec<String> {
    match value.get(name) {
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(|text| text.as_str().map(str::to_owned))
            .collect(),
        Some(Value::String(text)) => vec![text.clone()],
        _ => Vec::new(),
    }
}

/// Go's `map[string]struct{}`; a list of texts is taken too.
fn keys_of(value: &Value, name: &str) -> Vec<String> {
    let mut keys = match value.get(name) {
        Some(Value::Object(map)) => map.keys().cloned().collect(),
        _ => texts_of(value, name),
    };
    keys.sort();
    keys
}
