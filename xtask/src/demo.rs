//! The sample registry: recipes under `demo/` become a static distribution-API tree.
//!
//! `demo/out/samples/v2/<name>/{manifests,blobs,tags}` is what the registry client reads from the
//! page's own origin under the reserved name [`REGISTRY`]; `demo/out/samples/catalog.json` is what
//! the home page lists. The same recipes give the same bytes, on every machine.
//!
//! The bases that several recipes begin with are in no registry: [`bases`] lists them, as `lamina bases`
//! would if they were.

mod archive;
mod image;
mod install;
mod layer;
mod recipe;
mod table;

pub(crate) use self::{image::digest_of, install::hex};

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::{Context as _, Result};
use lamina_image::digest::{ChainId, DiffId};
use lamina_inventory::known_bases::{KnownBase, KnownBases};
use serde_json::json;

use self::image::Built;
use crate::{fingerprint::Fingerprint, shell::root};

/// The registry name under which the samples are known.
pub(crate) const REGISTRY: &str = "samples.lamina";

/// Builds the samples unless they are up to date.
pub(crate) fn ensure() -> Result<()> {
    once("demo/out/samples.stamp", || {
        let built = build_all()?;
        write(&root().join("demo/out/samples"), &built)?;
        for image in &built {
            let size: usize = image.images.iter().map(|image| image.size).sum();
            println!(
                "   {REGISTRY}/{}:{}  {} kB  {}",
                image.name,
                image.tag,
                size / 1000,
                image.root
            );
        }
        Ok(())
    })
}

/// Writes the archives to `demo/out/archives` unless they are up to date.
pub(crate) fn ensure_archives() -> Result<()> {
    once("demo/out/archives.stamp", || {
        archives(&root().join("demo/out/archives"))
    })
}

/// Writes each sample as a `docker save` tar and as an OCI layout tar.
pub(crate) fn archives(folder: &Path) -> Result<()> {
    for built in build_all()? {
        archive::write(folder, &built)?;
    }
    println!("   archives in {}", folder.display());
    Ok(())
}

fn once(stamp: &str, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let inputs = ["bases", "images", "packages", "trees"].map(|folder| format!("demo/{folder}"));
    let code = ["xtask/src/demo", "xtask/src/demo.rs", "xtask/Cargo.toml"];
    let all: Vec<&str> = inputs.iter().map(String::as_str).chain(code).collect();
    let fingerprint = Fingerprint::of(&all)?;
    let stamp = root().join(stamp);
    if !fingerprint.is_in(&stamp) {
        make()?;
        fingerprint.write(&stamp)?;
    }
    Ok(())
}

/// The known base images of the samples.
pub(crate) fn bases() -> Result<KnownBases> {
    let demo = root().join("demo");
    let mut bases = Vec::new();
    for recipe in recipe::read_bases(&demo)? {
        let built = image::build(&demo, &recipe)?;
        for (image, platform) in built.images.iter().zip(&built.platforms) {
            let diff_ids = image
                .tars
                .iter()
                .map(|tar| digest_of(tar).parse().map(DiffId));
            let diff_ids = diff_ids.collect::<Result<Vec<DiffId>, _>>()?;
            let chain = ChainId::chain(&diff_ids);
            let top = chain.last().context("a base has layers")?;
            bases.push(KnownBase {
                name: built.name.clone(),
                tag: Some(built.tag.clone()),
                platform: platform.clone(),
                chain_id: top.0.to_string(),
                layers: chain.len(),
                digest: Some(built.root.clone()),
                config: Some(image.config.clone()),
                created: recipe.steps.last().map(|step| step.at.to_string()),
            });
        }
    }
    Ok(KnownBases::new(bases))
}

fn build_all() -> Result<Vec<Built>> {
    let demo = root().join("demo");
    recipe::read_all(&demo)?
        .iter()
        .map(|recipe| image::build(&demo, recipe))
        .collect()
}

fn write(out: &Path, images: &[Built]) -> Result<()> {
    if out.is_dir() {
        std::fs::remove_dir_all(out)?;
    }
    let mut tags: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut catalog = Vec::new();
    for built in images {
        let folder = out.join("v2").join(&built.name);
        for (digest, bytes) in &built.manifests {
            put(&folder.join("manifests").join(digest), bytes)?;
        }
        let root = built
            .manifests
            .get(&built.root)
            .context("the tag names a manifest")?;
        put(&folder.join("manifests").join(&built.tag), root)?;
        for (digest, bytes) in &built.blobs {
            put(&folder.join("blobs").join(digest), bytes)?;
        }
        tags.entry(&built.name).or_default().insert(&built.tag);
        catalog.push(json!({
            "reference": format!("{REGISTRY}/{}:{}", built.name, built.tag),
            "title": built.title,
            "blurb": built.blurb,
            "platforms": built.platforms,
            "size": built.images.first().map_or(0, |image| image.size),
        }));
    }
    for (name, tags) in tags {
        let list = json!({ "name": name, "tags": tags });
        put(
            &out.join("v2").join(name).join("tags/list"),
            &serde_json::to_vec(&list)?,
        )?;
    }
    // The samples that tell the story, in order; the rest as they come.
    const ORDER: [&str; 2] = ["/shop:1.0", "/shop:1.1"];
    catalog.sort_by_key(|entry| {
        let reference = entry["reference"].as_str().unwrap_or_default();
        ORDER
            .iter()
            .position(|end| reference.ends_with(end))
            .unwrap_or(ORDER.len())
    });
    put(
        &out.join("catalog.json"),
        &serde_json::to_vec_pretty(&catalog)?,
    )
}

fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_reproducible() {
        let digests = |built: Vec<Built>| -> Vec<(String, String)> {
            built
                .into_iter()
                .map(|image| (image.name + ":" + &image.tag, image.root))
                .collect()
        };
        let first = digests(build_all().unwrap());
        assert!(first.len() >= 5, "{first:?}");
        assert_eq!(first, digests(build_all().unwrap()));
    }

    /// What `lamina bases` would read off the registry, if the bases were there: the lowest layers of
    /// the samples are theirs.
    #[test]
    fn samples_are_built_on_known_bases() {
        let known = bases().unwrap();
        let found: BTreeSet<String> = build_all()
            .unwrap()
            .iter()
            .flat_map(|built| built.images.iter().map(move |image| (built, image)))
            .filter_map(|(built, image)| {
                let diff_ids = image
                    .tars
                    .iter()
                    .map(|tar| DiffId(digest_of(tar).parse().unwrap()));
                let chain = ChainId::chain(&diff_ids.collect::<Vec<_>>());
                let chain: Vec<String> = chain.iter().map(|id| id.0.to_string()).collect();
                let base = known.base_of(&chain, Some(&image.config))?;
                let (name, layers) = (base.name.unwrap(), base.layers);
                Some(format!("{}:{} {name} {layers}", built.name, built.tag))
            })
            .collect();
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        assert_eq!(
            found,
            [
                "alpine-job:2.3 alpine:3.18 1",
                "metrics:0.9 debian:12.0 1",
                "shop:1.0 debian:12.0 1",
                "shop:1.1 debian:12.10 1",
            ]
        );
    }

    #[test]
    fn whatever_the_tree_names_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &build_all().unwrap()).unwrap();
        let catalog: Vec<serde_json::Value> =
            serde_json::from_slice(&std::fs::read(folder.path().join("catalog.json")).unwrap())
                .unwrap();
        let mut references = BTreeSet::new();
        for entry in &catalog {
            let reference = entry["reference"].as_str().unwrap();
            assert!(references.insert(reference.to_owned()), "{reference} twice");
            assert!(entry["size"].as_u64().unwrap() > 1000);
            let (name, tag) = reference
                .strip_prefix("samples.lamina/")
                .and_then(|rest| rest.split_once(':'))
                .unwrap();
            let repository = folder.path().join("v2").join(name);
            let tags: serde_json::Value =
                serde_json::from_slice(&std::fs::read(repository.join("tags/list")).unwrap())
                    .unwrap();
            assert!(
                tags["tags"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|listed| listed == tag)
            );
            check_manifest(&repository, tag);
        }
    }

    fn check_manifest(repository: &Path, reference: &str) {
        let bytes = std::fs::read(repository.join("manifests").join(reference)).unwrap();
        if reference.contains(':') {
            assert_eq!(image::digest_of(&bytes), reference);
        }
        let manifest: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        for child in manifest["manifests"].as_array().into_iter().flatten() {
            check_manifest(repository, child["digest"].as_str().unwrap());
        }
        let layers = manifest["layers"].as_array().into_iter().flatten();
        for blob in layers.chain(manifest.get("config")) {
            let digest = blob["digest"].as_str().unwrap();
            let bytes = std::fs::read(repository.join("blobs").join(digest)).unwrap();
            assert_eq!(image::digest_of(&bytes), digest);
            assert_eq!(bytes.len() as u64, blob["size"].as_u64().unwrap());
        }
    }

    #[test]
    fn layers_and_history_agree() {
        for built in build_all().unwrap() {
            for image in &built.images {
                let config: serde_json::Value =
                    serde_json::from_slice(&built.blobs[&image.config]).unwrap();
                let made = config["history"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|line| line.get("empty_layer").is_none())
                    .count();
                assert_eq!(made, image.tars.len());
                assert_eq!(made, config["rootfs"]["diff_ids"].as_array().unwrap().len());
            }
        }
    }
}
