//! What a recipe under `demo/images/` says.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

/// One image.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recipe {
    /// Name and tag, without the registry.
    pub(crate) reference: String,
    /// Shown in the list of samples.
    pub(crate) title: String,
    /// Shown below the title.
    pub(crate) blurb: String,
    /// A file of `demo/bases/` whose steps come first.
    pub(crate) base: Option<String>,
    /// One image for each; an index if there are several.
    #[serde(default = "amd64")]
    pub(crate) architectures: Vec<String>,
    /// How the layers of this file are compressed; those of the base are gzip always.
    #[serde(default)]
    pub(crate) compression: Compression,
    /// Whether an attestation manifest lies beside each image.
    #[serde(default)]
    pub(crate) provenance: bool,
    /// How the image runs.
    #[serde(default)]
    pub(crate) config: RunConfig,
    /// How it is built.
    #[serde(rename = "step")]
    pub(crate) steps: Vec<Step>,
}

/// How a layer is compressed.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Compression {
    #[default]
    Gzip,
    Zstd,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RunConfig {
    pub(crate) user: String,
    pub(crate) env: Vec<String>,
    pub(crate) entrypoint: Vec<String>,
    pub(crate) cmd: Vec<String>,
    pub(crate) working_dir: String,
    pub(crate) exposed_ports: Vec<String>,
    pub(crate) labels: BTreeMap<String, String>,
}

/// One step of a build: a line of history, and a layer unless `empty`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// The command, as `created_by` has it.
    pub(crate) by: String,
    /// When: of the history line and of every file in the layer.
    pub(crate) at: jiff::Timestamp,
    #[serde(default)]
    pub(crate) empty: bool,
    /// Files and folders of `demo/trees/`.
    #[serde(default)]
    pub(crate) trees: Vec<Tree>,
    /// Single files.
    #[serde(default)]
    pub(crate) files: Vec<File>,
    /// Symbolic links: path and target.
    #[serde(default)]
    pub(crate) links: BTreeMap<String, String>,
    /// Directories and their modes, octal.
    #[serde(default)]
    pub(crate) directories: BTreeMap<String, String>,
    /// What it deletes.
    #[serde(default)]
    pub(crate) delete: Vec<String>,
    /// What a package manager does.
    pub(crate) packages: Option<Packages>,
    /// What pip does.
    pub(crate) python: Option<Python>,
    /// Not in the recipe: set for the steps of a base.
    #[serde(skip)]
    pub(crate) compression: Compression,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tree {
    pub(crate) from: String,
    pub(crate) to: String,
    /// `user:group`, by number.
    pub(crate) owner: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) path: String,
    /// Its content, or
    pub(crate) text: Option<String>,
    /// the size of a stand-in.
    pub(crate) size: Option<usize>,
    #[serde(default = "mode_644")]
    pub(crate) mode: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Packages {
    pub(crate) manager: Manager,
    /// Files of `demo/packages/`; a later one overrides.
    pub(crate) tables: Vec<String>,
    /// `name`, `name=version`, or `@required`.
    #[serde(default)]
    pub(crate) install: Vec<String>,
    #[serde(default)]
    pub(crate) remove: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(crate) enum Manager {
    #[serde(rename = "dpkg")]
    Dpkg,
    /// One file a package, as in distroless images.
    #[serde(rename = "status.d")]
    StatusD,
    #[serde(rename = "apk")]
    Apk,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Python {
    pub(crate) table: String,
    pub(crate) site: String,
    /// `name==version`
    pub(crate) install: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Base {
    #[serde(rename = "step")]
    steps: Vec<Step>,
}

impl Recipe {
    /// Name of the repository.
    pub(crate) fn name(&self) -> &str {
        self.reference
            .split_once(':')
            .map_or(self.reference.as_str(), |(name, _)| name)
    }

    /// The tag.
    pub(crate) fn tag(&self) -> &str {
        self.reference
            .split_once(':')
            .map_or("latest", |(_, tag)| tag)
    }
}

/// Reads every recipe under `demo`, sorted by folder, each with the steps of its base.
pub(crate) fn read_all(demo: &Path) -> Result<Vec<Recipe>> {
    let mut folders: Vec<_> = std::fs::read_dir(demo.join("images"))
        .context("reading demo/images")?
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .map(|entry| entry.path().join("image.toml"))
        .collect();
    folders.sort();
    folders.iter().map(|path| read(demo, path)).collect()
}

/// Each base of `demo/bases` as an image of its own: `debian-12.0.toml` is `debian:12.0`.
pub(crate) fn read_bases(demo: &Path) -> Result<Vec<Recipe>> {
    let mut paths = std::fs::read_dir(demo.join("bases"))
        .context("reading demo/bases")?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let base: Base = parse(path)?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let (name, tag) = stem
            .rsplit_once('-')
            .with_context(|| format!("{}: no version in its name", path.display()))?;
        Ok(Recipe {
            reference: format!("{name}:{tag}"),
            title: String::new(),
            blurb: String::new(),
            base: None,
            architectures: amd64(),
            compression: Compression::default(),
            provenance: false,
            config: RunConfig::default(),
            steps: base.steps,
        })
    };
    paths.iter().map(read).collect()
}

fn read(demo: &Path, path: &Path) -> Result<Recipe> {
    let mut recipe: Recipe = parse(path)?;
    for step in &mut recipe.steps {
        step.compression = recipe.compression;
    }
    if let Some(base) = &recipe.base {
        let base: Base = parse(&demo.join("bases").join(format!("{base}.toml")))?;
        recipe.steps.splice(0..0, base.steps);
    }
    for step in &recipe.steps {
        let changes = !step.trees.is_empty()
            || !step.files.is_empty()
            || !step.links.is_empty()
            || !step.directories.is_empty()
            || !step.delete.is_empty()
            || step.packages.is_some()
            || step.python.is_some();
        ensure!(
            changes != step.empty,
            "{}: a step is `empty` or changes files, {:?} is not so",
            path.display(),
            step.by
        );
    }
    if recipe.architectures.is_empty() {
        bail!("{}: no architecture", path.display());
    }
    Ok(recipe)
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("in {}", path.display()))
}

fn amd64() -> Vec<String> {
    vec!["amd64".into()]
}

fn mode_644() -> String {
    "644".into()
}
