//! Samples as the archives that people drop on the page.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::image::{Built, Image, digest_of};

/// Writes `<name>-<tag>.docker.tar` (as `docker save` did before containerd) and
/// `<name>-<tag>.oci.tar` (an OCI layout) into `folder`.
pub(crate) fn write(folder: &Path, built: &Built) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let stem = format!("{}-{}", built.name, built.tag);
    if let Some(image) = built.images.first() {
        std::fs::write(
            folder.join(format!("{stem}.docker.tar")),
            docker_save(built, image)?,
        )?;
    }
    std::fs::write(folder.join(format!("{stem}.oci.tar")), oci_layout(built)?)?;
    Ok(())
}

fn docker_save(built: &Built, image: &Image) -> Result<Vec<u8>> {
    let mut archive = Archive::new();
    let config = format!("{}.json", image.config.trim_start_matches("sha256:"));
    let mut layers = Vec::new();
    for (index, tar) in image.tars.iter().enumerate() {
        let id = digest_of(format!("{} {index}", digest_of(tar)).as_bytes());
        let folder = id.trim_start_matches("sha256:");
        archive.add(&format!("{folder}/VERSION"), b"1.0")?;
        let path = format!("{folder}/layer.tar");
        archive.add(&path, tar)?;
        layers.push(path);
    }
    let bytes = built
        .blobs
        .get(&image.config)
        .map(Vec::as_slice)
        .unwrap_or_default();
    archive.add(&config, bytes)?;
    let tag = format!("{}:{}", built.name, built.tag);
    let manifest = json!([{ "Config": config, "RepoTags": [tag], "Layers": layers }]);
    archive.add("manifest.json", &serde_json::to_vec(&manifest)?)?;
    archive.finish()
}

fn oci_layout(built: &Built) -> Result<Vec<u8>> {
    let mut archive = Archive::new();
    archive.add("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    let root = built
        .manifests
        .get(&built.root)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let media_type: serde_json::Value = serde_json::from_slice(root)?;
    let index = json!({
        "schemaVersion": 2,
        "manifests": [{
            "mediaType": media_type["mediaType"],
            "digest": built.root,
            "size": root.len(),
            "annotations": { "org.opencontainers.image.ref.name": built.tag },
        }],
    });
    archive.add("index.json", &serde_json::to_vec(&index)?)?;
    for (digest, bytes) in built.manifests.iter().chain(&built.blobs) {
        archive.add(&format!("blobs/{}", digest.replace(':', "/")), bytes)?;
    }
    archive.finish()
}

struct Archive(tar::Builder<Vec<u8>>);

impl Archive {
    fn new() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }

    fn add(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        Ok(self.0.append_data(&mut header, path, bytes)?)
    }

    fn finish(self) -> Result<Vec<u8>> {
        Ok(self.0.into_inner()?)
    }
}
