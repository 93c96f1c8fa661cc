//! From a recipe to blobs and manifests.

use std::{collections::BTreeMap, io::Write as _, path::Path};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use sha2::Digest as _;

use super::{
    install::{Installed, Machine, hex},
    layer::{Layer, stand_in},
    recipe::{Compression, Recipe, Step},
};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const IN_TOTO: &str = "application/vnd.in-toto+json";

/// A finished image: what a registry would serve.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) name: String,
    pub(crate) tag: String,
    pub(crate) title: String,
    pub(crate) blurb: String,
    /// `os/architecture[/variant]`
    pub(crate) platforms: Vec<String>,
    /// Digest of what the tag names.
    pub(crate) root: String,
    /// Manifests and indexes by digest.
    pub(crate) manifests: BTreeMap<String, Vec<u8>>,
    /// Configs and layers by digest.
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
    /// The images, one for each platform.
    pub(crate) images: Vec<Image>,
}

/// One platform's image.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) config: String,
    /// Uncompressed, base first.
    pub(crate) tars: Vec<Vec<u8>>,
    /// Bytes to download.
    pub(crate) size: usize,
}

/// Builds one recipe. The same recipe gives the same bytes.
pub(crate) fn build(demo: &Path, recipe: &Recipe) -> Result<Built> {
    let mut built = Built {
        name: recipe.name().to_owned(),
        tag: recipe.tag().to_owned(),
        title: recipe.title.clone(),
        blurb: recipe.blurb.clone(),
        platforms: Vec::new(),
        root: String::new(),
        manifests: BTreeMap::new(),
        blobs: BTreeMap::new(),
        images: Vec::new(),
    };
    let mut offered = Vec::new();
    let mut attested = Vec::new();
    for architecture in &recipe.architectures {
        let descriptor = build_image(demo, recipe, architecture, &mut built)
            .with_context(|| format!("building {} for {architecture}", recipe.reference))?;
        if recipe.provenance {
            attested.push(attest(&descriptor, &mut built)?);
        }
        offered.push(descriptor);
    }
    built.root = if recipe.architectures.len() == 1 && attested.is_empty() {
        offered
            .first()
            .and_then(|descriptor| descriptor["digest"].as_str())
            .unwrap_or_default()
            .to_owned()
    } else {
        offered.extend(attested);
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": offered });
        built.add_manifest(&index)?
    };
    Ok(built)
}

impl Built {
    fn add_manifest(&mut self, manifest: &Value) -> Result<String> {
        let bytes = serde_json::to_vec_pretty(manifest)?;
        let digest = digest_of(&bytes);
        self.manifests.insert(digest.clone(), bytes);
        Ok(digest)
    }

    fn add_blob(&mut self, bytes: Vec<u8>) -> (String, usize) {
        let digest = digest_of(&bytes);
        let size = bytes.len();
        self.blobs.insert(digest.clone(), bytes);
        (digest, size)
    }
}

pub(crate) fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&sha2::Sha256::digest(bytes)))
}

fn build_image(
    demo: &Path,
    recipe: &Recipe,
    architecture: &str,
    built: &mut Built,
) -> Result<Value> {
    let machine = Machine { architecture };
    let mut installed = Installed::default();
    let mut directories = BTreeMap::new();
    let mut layers = Vec::new();
    let mut diff_ids = Vec::new();
    let mut history = Vec::new();
    let mut tars = Vec::new();
    let mut total = 0;
    for step in &recipe.steps {
        let mut line = json!({ "created": step.at.to_string(), "created_by": step.by });
        if step.by.contains("# buildkit") {
            line["comment"] = "buildkit.dockerfile.v0".into();
        }
        if step.empty {
            line["empty_layer"] = true.into();
        } else {
            let layer = build_layer(demo, step, &mut installed, machine)
                .with_context(|| format!("step {:?}", step.by))?;
            let mtime = u64::try_from(step.at.as_second()).unwrap_or_default();
            let tar = layer.to_tar(mtime, &mut directories)?;
            diff_ids.push(digest_of(&tar));
            let (blob, media_type) = compress(&tar, step.compression)?;
            let (digest, size) = built.add_blob(blob);
            total += size;
            layers.push(json!({ "mediaType": media_type, "digest": digest, "size": size }));
            tars.push(tar);
        }
        history.push(line);
    }
    let created = recipe.steps.last().map(|step| step.at.to_string());
    let mut config = json!({
        "created": created,
        "architecture": architecture,
        "os": "linux",
        "config": run_config(recipe),
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
        "history": history,
    });
    let mut platform = json!({ "architecture": architecture, "os": "linux" });
    let mut name = format!("linux/{architecture}");
    if architecture == "arm64" {
        config["variant"] = "v8".into();
        platform["variant"] = "v8".into();
        name.push_str("/v8");
    }
    built.platforms.push(name);
    let (digest, size) = built.add_blob(serde_json::to_vec(&config)?);
    total += size;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": { "mediaType": CONFIG, "digest": digest, "size": size },
        "layers": layers,
    });
    built.images.push(Image {
        config: digest,
        tars,
        size: total,
    });
    let digest = built.add_manifest(&manifest)?;
    let size = built.manifests.get(&digest).map_or(0, Vec::len);
    Ok(json!({ "mediaType": MANIFEST, "digest": digest, "size": size, "platform": platform }))
}

fn run_config(recipe: &Recipe) -> Value {
    let run = &recipe.config;
    let mut config = json!({ "Env": run.env });
    let mut set = |key: &str, value: Value, is_set: bool| {
        if is_set {
            config[key] = value;
        }
    };
    set("User", run.user.clone().into(), !run.user.is_empty());
    set(
        "Entrypoint",
        run.entrypoint.clone().into(),
        !run.entrypoint.is_empty(),
    );
    set("Cmd", run.cmd.clone().into(), !run.cmd.is_empty());
    set(
        "WorkingDir",
        run.working_dir.clone().into(),
        !run.working_dir.is_empty(),
    );
    let ports: serde_json::Map<String, Value> = run
        .exposed_ports
        .iter()
        .map(|port| (port.clone(), json!({})))
        .collect();
    let has_ports = !ports.is_empty();
    set("ExposedPorts", ports.into(), has_ports);
    set("Labels", json!(run.labels), !run.labels.is_empty());
    config
}

fn build_layer(
    demo: &Path,
    step: &Step,
    installed: &mut Installed,
    machine: Machine<'_>,
) -> Result<Layer> {
    let mut layer = Layer::default();
    for (path, mode) in &step.directories {
        layer.directory(path, u32::from_str_radix(mode, 8)?);
    }
    for (path, target) in &step.links {
        layer.link(path, target);
    }
    for tree in &step.trees {
        copy(&mut layer, &demo.join("trees").join(&tree.from), &tree.to)?;
        if let Some(owner) = &tree.owner {
            let (user, group) = owner.split_once(':').context("owner is user:group")?;
            layer.own(&tree.to, (user.parse()?, group.parse()?));
        }
    }
    for file in &step.files {
        let bytes = match (&file.text, file.size) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(size)) => stand_in(&file.path, machine.architecture, size),
            _ => anyhow::bail!("{} needs a text or a size", file.path),
        };
        layer.file(&file.path, bytes, u32::from_str_radix(&file.mode, 8)?);
    }
    if let Some(packages) = &step.packages {
        installed.run(&mut layer, demo, packages, machine)?;
    }
    if let Some(python) = &step.python {
        installed.run_pip(&mut layer, demo, python)?;
    }
    for path in &step.delete {
        layer.whiteout(path);
    }
    Ok(layer)
}

/// Copies a file, or what a folder holds. Programs are told by their first line, not by this
/// machine's modes, which git may have changed.
fn copy(layer: &mut Layer, from: &Path, to: &str) -> Result<()> {
    if from.is_dir() {
        for entry in
            std::fs::read_dir(from).with_context(|| format!("reading {}", from.display()))?
        {
            let entry = entry?;
            let name = entry.file_name();
            let name = name
                .to_str()
                .context("a file name in demo/trees is not UTF-8")?;
            let below = if to.is_empty() {
                name.to_owned()
            } else {
                format!("{to}/{name}")
            };
            copy(layer, &entry.path(), &below)?;
        }
        return Ok(());
    }
    let bytes = std::fs::read(from).with_context(|| format!("reading {}", from.display()))?;
    let mode = if bytes.starts_with(b"#!") {
        0o755
    } else {
        0o644
    };
    layer.file(to, bytes, mode);
    Ok(())
}

fn compress(tar: &[u8], compression: Compression) -> Result<(Vec<u8>, &'static str)> {
    Ok(match compression {
        Compression::Gzip => {
            // No name and no time in the header.
            let mut encoder = flate2::GzBuilder::new()
                .mtime(0)
                .operating_system(255)
                .write(Vec::new(), flate2::Compression::new(6));
            encoder.write_all(tar)?;
            (
                encoder.finish()?,
                "application/vnd.oci.image.layer.v1.tar+gzip",
            )
        }
        Compression::Zstd => (
            ruzstd::encoding::compress_to_vec(tar, ruzstd::encoding::CompressionLevel::Fastest),
            "application/vnd.oci.image.layer.v1.tar+zstd",
        ),
    })
}

/// Writes what BuildKit writes beside an image: a manifest whose layer is an in-toto statement.
fn attest(descriptor: &Value, built: &mut Built) -> Result<Value> {
    const PREDICATE: &str = "https://slsa.dev/provenance/v1";
    let subject = descriptor["digest"].as_str().unwrap_or_default().to_owned();
    let hex = subject.trim_start_matches("sha256:");
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": format!("pkg:docker/{}@{}", built.name, built.tag), "digest": { "sha256": hex } }],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": { "buildType": "https://lamina.invalid/xtask-demo", "externalParameters": { "recipe": built.name } },
            "runDetails": { "builder": { "id": "cargo xtask demo" } },
        },
    });
    let (layer, layer_size) = built.add_blob(serde_json::to_vec_pretty(&statement)?);
    let config = json!({
        "architecture": "unknown",
        "os": "unknown",
        "config": {},
        "rootfs": { "type": "layers", "diff_ids": [layer] },
    });
    let (config, config_size) = built.add_blob(serde_json::to_vec(&config)?);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": { "mediaType": CONFIG, "digest": config, "size": config_size },
        "layers": [{
            "mediaType": IN_TOTO,
            "digest": layer,
            "size": layer_size,
            "annotations": { "in-toto.io/predicate-type": PREDICATE },
        }],
    });
    let digest = built.add_manifest(&manifest)?;
    let size = built.manifests.get(&digest).map_or(0, Vec::len);
    Ok(json!({
        "mediaType": MANIFEST,
        "digest": digest,
        "size": size,
        "platform": { "architecture": "unknown", "os": "unknown" },
        "annotations": {
            "vnd.docker.reference.digest": subject,
            "vnd.docker.reference.type": "attestation-manifest",
        },
    }))
}
