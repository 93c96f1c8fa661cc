//! Archives of every layout, real and built.

use lamina_image::{
    archive::{ArchiveError, DocumentRole},
    digest::Digest,
    layer::{LayerError, LimitName, Step},
    limits::{Limits, MAX_ARCHIVE_MEMBERS, MAX_CONFIG_BYTES, MAX_INDEX_DEPTH},
    path::LayerPath,
    platform::Platform,
    tree::ResolveError,
};
use lamina_testkit::{gzip, layer, shared};

use crate::support::{open, open_in_chunks, open_with, tar_of};

const REAL: &str = "fixtures/images/real";

/// What `archive` opens as: `names platform layers visible-files`, or the error.
fn outcome(archive: &str) -> Option<String> {
    let path = shared(&format!("{REAL}/{archive}"))?;
    let bytes = if path.is_dir() {
        tar_of(&path)
    } else {
        std::fs::read(path).unwrap()
    };
    let (trees, contents) = open(&bytes);
    Some(match contents {
        Err(error) => error.to_string(),
        Ok(contents) => {
            let mut lines: Vec<String> = contents.broken.iter().map(|e| e.to_string()).collect();
            for image in &contents.images {
                let tree = trees.merged(image);
                let files = tree
                    .nodes()
                    .filter_map(|node| node.entry())
                    .filter(|entry| !entry.kind.is_directory())
                    .count();
                lines.push(format!(
                    "{} {} {} layers {files} files",
                    image.names.join(","),
                    image
                        .platform
                        .as_ref()
                        .map(Platform::to_string)
                        .unwrap_or_default(),
                    image.layers.len(),
                ));
            }
            lines.join("; ")
        }
    })
}

#[test]
fn every_layout_is_read() {
    let check = |archive: &str, expect: &str| {
        if let Some(found) = outcome(archive) {
            assert_eq!(found, expect, "{archive}");
        }
    };
    // docker save before 25, one image or several, with layers as links.
    check(
        "container-inspector/repos/hello-world.tar",
        "hello-world:latest linux/amd64 1 layers 1 files",
    );
    check(
        "ggcr/tarball/test_image_1.tar",
        "bazel/v1/tarball:test_image_1 linux/amd64 1 layers 2 files",
    );
    check(
        "ggcr/tarball/test_bundle.tar",
        "test_image_2 linux/amd64 1 layers 2 files; test_image_1 linux/amd64 1 layers 2 files",
    );
    check(
        "ggcr/tarball/test_link.tar",
        "bazel/v1/tarball:test_image_1 linux/amd64 1 layers 2 files; \
         bazel/v1/tarball:test_image_3 linux/amd64 2 layers 3 files",
    );
    // Docker 25 and later: OCI inside.
    check(
        "ggcr/tarball/hello-world-v25.tar",
        " linux/arm64 1 layers 1 files",
    );
    check(
        "snyk/docker-archives/docker-save/hello-world.tar",
        "docker.io/library/hello-world:latest linux/amd64 1 layers 1 files",
    );
    // skopeo, whose layer.tar is a symbolic link; ctr export; kaniko; BuildKit with attestations.
    check(
        "snyk/docker-archives/skopeo-copy/busybox.tar",
        " linux/amd64 1 layers 403 files",
    );
    check(
        "snyk/containerd-archives/alpine.tar",
        "docker.io/library/alpine:3.14 linux/amd64 1 layers 415 files",
    );
    check(
        "snyk/kaniko-archives/kaniko-busybox.tar",
        "kaniko-busybox:latest linux/amd64 1 layers 1 files",
    );
    check(
        "ggcr/mutate/whiteout_dir.tar",
        "localhost:5000/whiteout:latest linux/amd64 4 layers 2 files",
    );
    check(
        "snyk/oci-archives/oci-with-attestations.tar",
        "test-image:latest linux/amd64 1 layers 1 files",
    );
    // OCI layouts, as a tar, as a folder, with nested indexes; gzip around it all.
    check(
        "stereoscope-oci/valid-oci.tar",
        "sample:latest linux/amd64 1 layers 1 files",
    );
    check(
        "trivy/alpine-310.tar.gz",
        "alpine:3.10 linux/amd64 1 layers 394 files",
    );
    check("trivy/oci/test.oci", " linux/amd64 1 layers 1 files");
    check(
        "trivy/oci/test_image_tag.oci",
        "0.0.1 linux/amd64 1 layers 1 files",
    );
    check(
        "container-inspector/image/windows-mini-image.tar.gz",
        " windows/amd64 1 layers 5 files",
    );
}

#[test]
fn what_is_no_image_is_named() {
    let check = |archive: &str, part: &str| {
        if let Some(found) = outcome(archive) {
            assert!(found.contains(part), "{archive}: {found}");
        }
    };
    check("ggcr/tarball/no_manifest.tar", "has no manifest.json");
    check(
        "ggcr/tarball/null_manifest.tar",
        "manifest.json lists no image",
    );
    check("ggcr/tarball/content.tar", "holds no image");
    check(
        "trivy/oci/test_bad_index_json.oci",
        "\"index.json\" cannot be read",
    );
    check(
        "trivy/oci/test_index_json_dir.oci",
        "index.json is a folder",
    );
    check(
        "trivy/oci/test_no_valid_manifests.oci",
        "\"index.json\" cannot be read",
    );
    check(
        "trivy/oci/test_invalid_oci_image.oci",
        "index.json lists no image",
    );
    check(
        "stereoscope-oci/no_manifests",
        "image config \"blobs/sha256/1815c826",
    );
    check(
        "stereoscope-oci/invalid_file",
        "\"index.json\" cannot be read",
    );
    check("stereoscope-oci/valid_manifest", "manifest");
    check("scalibr/empty.tar", "holds no image");
    check(
        "snyk/docker-oci-archives/unsupported-image.tar",
        "holds no image",
    );
    check(
        "container-inspector/image_templates/layer.tar",
        "docker export",
    );
}

#[test]
fn trimmed_archives_name_both_digests_and_stay_usable() {
    let Some(path) = shared(&format!("{REAL}/snyk/oci-archives/alpine-3.12.0.tar")) else {
        return;
    };
    let (trees, contents) = open(&std::fs::read(path).unwrap());
    let contents = contents.unwrap();
    let image = contents.choose(None, None).unwrap();
    let error = image.layers[0].error.clone().unwrap();
    assert_eq!(error.step(), Step::Verify);
    let LayerError::Digest {
        expected, actual, ..
    } = &error
    else {
        panic!("{error:?}")
    };
    assert!(error.to_string().contains(&expected.to_string()));
    assert!(error.to_string().contains(&actual.to_string()));
    let tree = trees.merged(image);
    assert!(tree.get(&LayerPath::from("etc/os-release")).is_some() || tree.total_bytes() > 0);
}

#[test]
fn symbolic_links_are_resolved_inside_the_image() {
    let tree = |name: &str| {
        let path = shared(&format!("{REAL}/scalibr/{name}.tar"))?;
        let (trees, contents) = open(&std::fs::read(path).unwrap());
        let contents = contents.unwrap();
        Some(trees.merged(contents.choose(None, None).unwrap()))
    };
    if let Some(tree) = tree("symlink-cycle") {
        let links: Vec<_> = tree
            .nodes()
            .filter(|node| node.entry().is_some_and(|entry| !entry.target.is_empty()))
            .collect();
        assert!(!links.is_empty());
        for link in links {
            assert_eq!(tree.resolve(&link.path()), Err(ResolveError::TooManyLinks));
        }
    }
    if let Some(tree) = tree("symlink-attack") {
        for node in tree.nodes() {
            if let Ok(path) = tree.resolve(&node.path()) {
                assert!(tree.get(&path).is_some(), "{path:?}");
            }
        }
    }
    if let Some(tree) = tree("symlink-basic") {
        for node in tree.nodes() {
            let resolved = tree.resolve(&node.path()).unwrap();
            assert!(tree.get(&resolved).unwrap().target.is_empty());
        }
    }
}

#[test]
fn chunking_changes_nothing() {
    for name in [
        "snyk/docker-archives/docker-save/hello-world.tar",
        "dive/test-kaniko-image.tar",
    ] {
        let Some(path) = shared(&format!("{REAL}/{name}")) else {
            return;
        };
        let bytes = std::fs::read(path).unwrap();
        let (trees, contents) = open(&bytes);
        for chunk in [1000, 4096, 65_537] {
            let (other, again) = open_in_chunks(&bytes, chunk);
            assert_eq!(again, contents, "{name} in chunks of {chunk}");
            assert_eq!(other.trees, trees.trees, "{name} in chunks of {chunk}");
        }
    }
}

struct Builder(tar::Builder<Vec<u8>>);

impl Builder {
    fn new() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }

    fn file(mut self, path: &str, bytes: &[u8]) -> Self {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        self.0.append_data(&mut header, path, bytes).unwrap();
        self
    }

    fn blob(self, bytes: &[u8]) -> Self {
        let path = format!("blobs/sha256/{}", Digest::of(bytes).hex());
        self.file(&path, bytes)
    }

    fn done(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

fn config(architecture: &str, diff_ids: &[Digest]) -> Vec<u8> {
    let ids: Vec<String> = diff_ids.iter().map(ToString::to_string).collect();
    serde_json::to_vec(&serde_json::json!({
        "os": "linux", "architecture": architecture,
        "rootfs": { "type": "layers", "diff_ids": ids },
    }))
    .unwrap()
}

fn manifest(config: &[u8], layer: &[u8]) -> Vec<u8> {
    serde_json::to_vec(&serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": Digest::of(config).to_string(), "size": config.len(),
        },
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": Digest::of(layer).to_string(), "size": layer.len(),
        }],
    }))
    .unwrap()
}

fn entry(manifest: &[u8], architecture: &str, name: &str) -> serde_json::Value {
    serde_json::json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": Digest::of(manifest).to_string(), "size": manifest.len(),
        "platform": { "os": "linux", "architecture": architecture },
        "annotations": { "org.opencontainers.image.ref.name": name },
    })
}

#[test]
fn one_of_several_images_is_chosen_by_name_or_platform() {
    let tar = layer().file("etc/os-release", "ID=a").tar();
    let blob = gzip(&tar);
    let configs = ["amd64", "arm64"].map(|name| config(name, &[Digest::of(&tar)]));
    let manifests = [manifest(&configs[0], &blob), manifest(&configs[1], &blob)];
    let index = |names: [&str; 2]| {
        serde_json::json!({ "schemaVersion": 2, "manifests": [
            entry(&manifests[0], "amd64", names[0]), entry(&manifests[1], "arm64", names[1]),
        ]})
        .to_string()
    };
    let archive = |names| {
        let mut builder = Builder::new().blob(&blob);
        for bytes in configs.iter().chain(&manifests) {
            builder = builder.blob(bytes);
        }
        builder.file("index.json", index(names).as_bytes()).done()
    };

    let (_, contents) = open(&archive(["shop:1", "shop:1"]));
    let contents = contents.unwrap();
    let arm: Platform = "linux/arm64".parse().unwrap();
    let architecture = |name: Option<&str>, platform: Option<&Platform>| {
        contents
            .choose(name, platform)
            .map(|image| image.platform.clone().unwrap().architecture)
    };
    assert_eq!(architecture(None, None).unwrap(), "amd64");
    assert_eq!(architecture(None, Some(&arm)).unwrap(), "arm64");
    assert_eq!(
        architecture(Some("docker.io/library/shop:1"), Some(&arm)).unwrap(),
        "arm64"
    );
    assert!(matches!(
        architecture(Some("other"), None),
        Err(ArchiveError::NoSuchImage { .. })
    ));
    let s390x = "linux/s390x".parse().unwrap();
    let error = architecture(None, Some(&s390x)).unwrap_err();
    assert!(
        error.to_string().contains("linux/amd64, linux/arm64"),
        "{error}"
    );

    // The same, gzip-compressed as a whole.
    let (_, zipped) = open(&gzip(&archive(["shop:1", "shop:1"])));
    assert_eq!(zipped.unwrap(), contents);
}

#[test]
fn several_images_of_one_platform_must_be_named() {
    let list = serde_json::json!([
        { "Config": "a.json", "RepoTags": ["a:1"], "Layers": ["x/layer.tar"] },
        { "Config": "b.json", "RepoTags": ["b:1"], "Layers": ["x/layer.tar"] },
    ]);
    let tar = layer().file("x", "y").tar();
    let archive = Builder::new()
        .file("x/layer.tar", &tar)
        .file("a.json", &config("amd64", &[Digest::of(&tar)]))
        .file(
            "b.json",
            b"{\"architecture\":\"amd64\",\"rootfs\":{\"diff_ids\":[]}}",
        )
        .file("manifest.json", list.to_string().as_bytes())
        .done();
    let (_, contents) = open(&archive);
    let contents = contents.unwrap();
    let error = contents.choose(None, None).unwrap_err();
    assert_eq!(
        error,
        ArchiveError::WhichImage {
            names: vec!["a:1".into(), "b:1".into()]
        }
    );
    assert_eq!(contents.choose(Some("b:1"), None).unwrap().names, ["b:1"]);
}

#[test]
fn missing_and_damaged_layers_leave_the_rest() {
    let good = layer().file("a", "1").tar();
    let list = serde_json::json!([{
        "Config": "c.json", "RepoTags": null,
        "Layers": ["good/layer.tar", "gone/layer.tar", "bad/layer.tar"],
    }]);
    let ids = [Digest::of(&good), Digest::of(b"gone"), Digest::of(b"bad")];
    let mut cut = gzip(&layer().file("b", vec![7; 100_000]).tar());
    cut.truncate(cut.len() / 2);
    let archive = Builder::new()
        .file("manifest.json", list.to_string().as_bytes())
        .file("c.json", &config("amd64", &ids))
        .file("good/layer.tar", &good)
        .file("bad/layer.tar", &cut)
        .done();
    let (trees, contents) = open(&archive);
    let contents = contents.unwrap();
    let image = contents.choose(None, None).unwrap();
    assert_eq!(image.layers[0].error, None);
    assert_eq!(image.layers[1].member, None);
    let error = image.layers[2].error.as_ref().unwrap();
    assert_eq!(error.step(), Step::Inflate, "{error}");
    let tree = trees.merged(image);
    assert!(tree.get(&LayerPath::from("a")).is_some());
    assert!(tree.get(&LayerPath::from("b")).is_some());
}

#[test]
fn an_archive_that_breaks_off_says_so() {
    let tar = layer().file("x", vec![1; 5000]).tar();
    let list =
        serde_json::json!([{ "Config": "c.json", "RepoTags": [], "Layers": ["x/layer.tar"] }]);
    let archive = Builder::new()
        .file("manifest.json", list.to_string().as_bytes())
        .file("c.json", &config("amd64", &[Digest::of(&tar)]))
        .file("x/layer.tar", &tar)
        .done();
    // Within the layer: the image is known, the layer ends early.
    let (_, contents) = open(&archive[..archive.len() - 6000]);
    let contents = contents.unwrap();
    assert!(matches!(
        contents.problem,
        Some(LayerError::Truncated { .. })
    ));
    assert!(contents.images[0].layers[0].error.is_some());
    // Before the config: nothing is known.
    let (_, contents) = open(&archive[..1536]);
    assert!(matches!(
        contents,
        Err(ArchiveError::Missing { .. } | ArchiveError::Unreadable(_))
    ));
    // Not a tar archive at all.
    let (_, contents) = open(b"<html><title>Sign in</title>");
    assert!(matches!(contents, Err(ArchiveError::Unreadable(_))));
}

#[test]
fn the_documents_of_an_image_are_named_from_the_outermost_on() {
    let config =
        br#"{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": Digest::of(config).to_string(), "size": config.len(),
        },
        "layers": [],
    })
    .to_string();
    let index = |media_type: &str, document: &str| {
        serde_json::json!({ "schemaVersion": 2, "manifests": [{
            "mediaType": media_type,
            "digest": Digest::of(document.as_bytes()).to_string(), "size": document.len(),
        }]})
        .to_string()
    };
    let inner = index("application/vnd.oci.image.manifest.v1+json", &manifest);
    let outer = index("application/vnd.oci.image.index.v1+json", &inner);
    let blob = |bytes: &[u8]| format!("blobs/sha256/{}", Digest::of(bytes).hex());
    let list = serde_json::json!([{ "Config": blob(config), "RepoTags": ["a:1"], "Layers": [] }]);
    let archive = Builder::new()
        .blob(config)
        .blob(manifest.as_bytes())
        .blob(inner.as_bytes())
        .file("index.json", outer.as_bytes())
        .file("manifest.json", list.to_string().as_bytes())
        .done();
    let contents = open(&archive).1.unwrap();
    let [image] = contents.images.as_slice() else {
        panic!("{:?}", contents.images)
    };
    let told: Vec<(DocumentRole, String)> = image
        .documents
        .iter()
        .map(|(role, member)| (*role, member.to_string()))
        .collect();
    assert_eq!(
        told,
        [
            (DocumentRole::List, "manifest.json".to_owned()),
            (DocumentRole::Index, "index.json".to_owned()),
            (DocumentRole::Index, blob(inner.as_bytes())),
            (DocumentRole::Manifest, blob(manifest.as_bytes())),
            (DocumentRole::Config, blob(config)),
        ]
    );
    for (_, member) in &image.documents {
        assert!(contents.members.contains_key(member), "{member}");
    }
}

#[test]
fn each_limit_of_an_archive_is_named() {
    let problem = |archive: &[u8]| open(archive).1.unwrap_err();
    // JSON that is larger than any config.
    let mut large = b"{".to_vec();
    large.resize(MAX_CONFIG_BYTES + 1, b' ');
    let error = problem(&Builder::new().file("index.json", &large).done());
    assert!(
        matches!(
            error,
            ArchiveError::Limit {
                what: "bytes of JSON",
                ..
            }
        ),
        "{error}"
    );

    // Indexes within indexes.
    let mut builder = Builder::new();
    let mut inner = serde_json::json!({ "manifests": [] }).to_string();
    for _ in 0..MAX_INDEX_DEPTH + 2 {
        builder = builder.blob(inner.as_bytes());
        inner = serde_json::json!({ "manifests": [{
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "digest": Digest::of(inner.as_bytes()).to_string(), "size": inner.len(),
        }]})
        .to_string();
    }
    let error = problem(&builder.file("index.json", inner.as_bytes()).done());
    assert!(
        matches!(
            error,
            ArchiveError::Limit {
                what: "nested indexes",
                ..
            }
        ),
        "{error}"
    );

    // More members than any archive.
    let mut header = tar::Header::new_ustar();
    header.set_path("x").unwrap();
    header.set_size(0);
    header.set_cksum();
    let members = usize::try_from(MAX_ARCHIVE_MEMBERS).unwrap() + 1;
    let error = problem(&header.as_bytes().repeat(members));
    assert!(
        matches!(
            error,
            ArchiveError::Unreadable(LayerError::Limit {
                limit: LimitName::Entries,
                ..
            })
        ),
        "{error}"
    );

    // A bomb around the whole archive, which a layer within does not see.
    let zeros = Builder::new().file("x/layer.tar", &vec![0; 8 << 20]).done();
    let limits = Limits {
        ratio_applies_from: 1 << 20,
        expansion_ratio: 10,
        ..Limits::default()
    };
    let error = open_with(&gzip(&zeros), 4096, limits).1.unwrap_err();
    let ArchiveError::Unreadable(error) = error else {
        panic!("{error}")
    };
    assert!(error.to_string().contains("decompression bomb"), "{error}");
}
