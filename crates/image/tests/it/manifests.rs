//! Manifests, indexes and configs: real shapes, and what comes instead of them.

use lamina_image::{
    config::{ConfigError, ImageConfig},
    digest::Digest,
    limits::{MAX_DESCRIPTORS, MAX_LAYERS, MAX_MANIFEST_BYTES},
    manifest::{Document, ImageIndex, ImageManifest, LayerKind, ManifestError, Role},
    platform::Platform,
};
use serde_json::{Value, json};

fn digest(number: u32) -> String {
    Digest::of(&number.to_le_bytes()).to_string()
}

fn descriptor(media_type: &str, number: u32) -> Value {
    json!({ "mediaType": media_type, "digest": digest(number), "size": number })
}

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn parse(document: &Value) -> Result<Document, ManifestError> {
    Document::parse(document.to_string().as_bytes(), None)
}

fn image(document: &Value) -> ImageManifest {
    match parse(document) {
        Ok(Document::Image(manifest)) => manifest,
        other => panic!("{other:?}"),
    }
}

fn index(document: &Value) -> ImageIndex {
    match parse(document) {
        Ok(Document::Index(index)) => index,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_kind_is_told_by_body_then_header_then_shape() {
    let layers = json!({ "config": descriptor(CONFIG, 1), "layers": [descriptor(LAYER, 2)] });
    let manifests = json!({ "manifests": [descriptor(MANIFEST, 1)] });
    let kind = |document: &Value, header: Option<&str>| match Document::parse(
        document.to_string().as_bytes(),
        header,
    )
    .unwrap()
    {
        Document::Image(manifest) => ("image", manifest.media_type),
        Document::Index(index) => ("index", index.media_type),
    };
    assert_eq!(kind(&layers, None).0, "image");
    assert_eq!(kind(&manifests, None).0, "index");
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    assert_eq!(
        kind(&layers, Some(&format!("{docker}; charset=utf-8"))),
        ("image", docker.into())
    );
    assert_eq!(kind(&layers, Some("text/plain")).1, MANIFEST);
    let mut own = layers.clone();
    own["mediaType"] = json!(MANIFEST);
    assert_eq!(kind(&own, Some(docker)), ("image", MANIFEST.into()));
    let list = "application/vnd.docker.distribution.manifest.list.v2+json";
    assert_eq!(kind(&manifests, Some(list)), ("index", list.into()));
}

#[test]
fn nulls_and_missing_types_are_tolerated() {
    let manifest = image(&json!({
        "schemaVersion": 2,
        "config": { "digest": digest(1), "size": 5, "annotations": null, "urls": null },
        "layers": [{ "mediaType": LAYER, "digest": digest(2), "size": 7, "platform": {} }],
        "annotations": { "a": "b", "c": null },
        "subject": null, "unknown": [1, 2],
    }));
    assert_eq!(manifest.compressed_bytes(), 12);
    assert_eq!(manifest.annotations.len(), 1);
    assert_eq!(
        image(&json!({ "config": descriptor(CONFIG, 1), "layers": null })).layers,
        []
    );
    assert_eq!(
        index(
            &json!({ "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": null })
        )
        .entries,
        []
    );
}

#[test]
fn layer_types_say_whether_a_layer_can_be_read() {
    let kind = |media_type: &str| {
        let document =
            json!({ "config": descriptor(CONFIG, 1), "layers": [descriptor(media_type, 2)] });
        image(&document).layers[0].layer_kind()
    };
    assert_eq!(kind(LAYER), LayerKind::Tar);
    assert_eq!(
        kind("application/vnd.docker.image.rootfs.diff.tar.gzip"),
        LayerKind::Tar
    );
    assert_eq!(
        kind("application/vnd.docker.image.rootfs.diff.tar.zstd"),
        LayerKind::Tar
    );
    assert_eq!(
        kind("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
        LayerKind::Foreign
    );
    assert_eq!(
        kind("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"),
        LayerKind::Foreign
    );
    assert_eq!(
        kind("application/vnd.oci.image.layer.v1.tar+gzip+encrypted"),
        LayerKind::Encrypted
    );
    assert_eq!(kind("application/x-something"), LayerKind::Unknown);
}

fn entry(number: u32, platform: &str) -> Value {
    let mut entry = descriptor(MANIFEST, number);
    let mut parts = platform.split('/');
    entry["platform"] = json!({ "os": parts.next(), "architecture": parts.next() });
    if let Some(variant) = parts.next() {
        entry["platform"]["variant"] = json!(variant);
    }
    entry
}

#[test]
fn attestations_and_signatures_are_no_platforms() {
    let mut attestation = entry(9, "unknown/unknown");
    attestation["annotations"] = json!({
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": digest(1),
    });
    let mut signature = descriptor(MANIFEST, 10);
    signature["artifactType"] = json!("application/vnd.dev.cosign.artifact.sig.v1+json");
    let nested = descriptor("application/vnd.oci.image.index.v1+json", 11);
    let found = index(&json!({ "manifests": [
        entry(1, "linux/amd64"), attestation, signature, nested, entry(2, "linux/arm64/v8"),
    ]}));
    let roles: Vec<&Role> = found.entries.iter().map(|entry| &entry.role).collect();
    assert_eq!(
        roles,
        [
            &Role::Image,
            &Role::Attestation {
                subject: Some(digest(1).parse().unwrap())
            },
            &Role::Other,
            &Role::Index,
            &Role::Image,
        ]
    );
    let platforms: Vec<String> = found.platforms().iter().map(Platform::to_string).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
}

#[test]
fn a_platform_is_chosen_as_docker_does() {
    let all = index(&json!({ "manifests": [
        entry(1, "linux/arm/v5"), entry(2, "linux/arm/v6"), entry(3, "linux/arm64/v8"),
        entry(4, "linux/386"), entry(5, "linux/amd64"), entry(6, "windows/amd64"),
    ]}));
    let choose = |index: &ImageIndex, wanted: Option<&str>| {
        let wanted = wanted.map(|wanted| wanted.parse::<Platform>().unwrap());
        index
            .choose(wanted.as_ref())
            .map(|found| found.size)
            .map_err(|error| error.to_string())
    };
    assert_eq!(choose(&all, None), Ok(5));
    assert_eq!(choose(&all, Some("linux/arm64")), Ok(3));
    assert_eq!(choose(&all, Some("linux/arm/v7")), Ok(2));
    assert_eq!(choose(&all, Some("linux/arm/v5")), Ok(1));
    assert_eq!(choose(&all, Some("windows/amd64")), Ok(6));
    assert_eq!(
        choose(&all, Some("linux/s390x")).unwrap_err(),
        "there is no image for linux/s390x; offered: linux/arm/v5, linux/arm/v6, linux/arm64, \
         linux/386, linux/amd64, windows/amd64"
    );
    let only = index(&json!({ "manifests": [entry(7, "linux/riscv64")] }));
    assert_eq!(choose(&only, None), Ok(7));
    assert!(choose(&only, Some("linux/amd64")).is_err());
    let unsaid = index(&json!({ "manifests": [descriptor(MANIFEST, 8)] }));
    assert_eq!(choose(&unsaid, Some("linux/arm64")), Ok(8));
    assert!(choose(&index(&json!({ "manifests": [] })), None).is_err());
    // Windows: the first of several versions, or the one asked for.
    let mut old = entry(1, "windows/amd64");
    old["platform"]["os.version"] = json!("10.0.17763.1");
    let mut new = entry(2, "windows/amd64");
    new["platform"]["os.version"] = json!("10.0.20348.1");
    let windows = index(&json!({ "manifests": [old, new] }));
    assert_eq!(choose(&windows, Some("windows/amd64")), Ok(1));
    let mut wanted = Platform::new("windows", "amd64", None);
    wanted.os_version = Some("10.0.20348.1".into());
    assert_eq!(windows.choose(Some(&wanted)).unwrap().size, 2);
}

#[test]
fn what_is_no_manifest_is_named() {
    let check = |bytes: &[u8], expect: &str| {
        let error = Document::parse(bytes, None).expect_err(expect).to_string();
        assert!(error.contains(expect), "{error}");
    };
    check(b"", "empty");
    check(b"  \n", "empty");
    check(
        b"<!DOCTYPE html><html><head><TITLE>Sign in</TITLE>",
        "web page, not a manifest (its title is \"Sign in\")",
    );
    check(b"not json at all", "not JSON");
    check(b"{\"schemaVersion\":2,", "not JSON");
    check("[".repeat(100_000).as_bytes(), "nested too deep");
    check(
        &vec![b' '; MAX_MANIFEST_BYTES + 1],
        "more than the limit of 4194304",
    );
    check(b"[]", "neither an image manifest nor an index");
    check(b"{}", "neither");
    check(
        br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{}}]}"#,
        "MANIFEST_UNKNOWN: manifest unknown",
    );
    check(
        br#"{"schemaVersion":1,"name":"x","fsLayers":[]}"#,
        "schema 1",
    );
    let helm = "application/vnd.cncf.helm.config.v1+json";
    let chart = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
    check(
        json!({ "config": descriptor(helm, 1), "layers": [descriptor(chart, 2)] })
            .to_string()
            .as_bytes(),
        "a Helm chart, not a container image",
    );
    let wasm = "application/vnd.wasm.config.v0+json";
    check(
        json!({ "config": descriptor(wasm, 1), "layers": [descriptor("application/wasm", 2)] })
            .to_string()
            .as_bytes(),
        "a WebAssembly module",
    );
    check(
        json!({ "config": descriptor(CONFIG, 1), "layers": [descriptor("application/vnd.in-toto+json", 2)] })
            .to_string()
            .as_bytes(),
        "an attestation",
    );
    check(
        json!({ "layers": [] }).to_string().as_bytes(),
        "config cannot be read: it is missing",
    );
    check(
        json!({ "config": [], "layers": [] }).to_string().as_bytes(),
        "manifest's config cannot be read",
    );
    let bad = json!({ "mediaType": LAYER, "digest": "sha256:xyz", "size": 1 });
    check(
        json!({ "config": descriptor(CONFIG, 1), "layers": [descriptor(LAYER, 2), bad] })
            .to_string()
            .as_bytes(),
        "layers[1]",
    );
    let negative = json!({ "mediaType": LAYER, "digest": digest(1), "size": -1 });
    check(
        json!({ "config": descriptor(CONFIG, 1), "layers": [negative] })
            .to_string()
            .as_bytes(),
        "layers[0]",
    );
    let many = vec![descriptor(LAYER, 2); MAX_LAYERS + 1];
    check(
        json!({ "config": descriptor(CONFIG, 1), "layers": many })
            .to_string()
            .as_bytes(),
        "more than the limit of 4096",
    );
}

#[test]
fn lists_longer_than_their_limits_are_refused() {
    let entries = vec![descriptor(MANIFEST, 1); MAX_DESCRIPTORS + 1];
    let error = parse(&json!({ "manifests": entries })).unwrap_err();
    assert!(
        matches!(
            error,
            ManifestError::TooMany {
                what: "manifests",
                ..
            }
        ),
        "{error}"
    );
    let ids = vec![digest(1); MAX_LAYERS + 1];
    let config = json!({ "rootfs": { "diff_ids": ids } }).to_string();
    let error = ImageConfig::parse(config.as_bytes()).unwrap_err();
    assert_eq!(
        error,
        ConfigError::TooManyLayers {
            count: MAX_LAYERS + 1
        }
    );
}

#[test]
fn configs_are_read_however_they_are_written() {
    let full = ImageConfig::parse(
        json!({
            "architecture": "arm", "variant": "v7", "os": "linux", "created": "2024-01-01T00:00:00Z",
            "author": "me",
            "config": {
                "User": "app", "Env": ["PATH=/bin"], "Entrypoint": ["/app"], "Cmd": null,
                "WorkingDir": "/srv", "ExposedPorts": { "80/tcp": {}, "443/tcp": {} },
                "Volumes": { "/data": {} }, "Labels": { "a": "b", "n": 1 }, "StopSignal": "SIGQUIT",
                "Healthcheck": { "Test": ["CMD", "curl"], "Interval": 30_000_000_000_u64, "Retries": 3 },
                "OnBuild": null, "Shell": ["/bin/bash", "-c"],
            },
            "rootfs": { "type": "layers", "diff_ids": [digest(1), digest(2)] },
            "history": [
                { "created_by": "/bin/sh -c #(nop) ADD file:x in / " },
                { "created_by": "/bin/sh -c #(nop)  CMD [\"sh\"]", "empty_layer": true },
                { "created_by": "RUN /bin/sh -c apt-get update # buildkit", "comment": "buildkit.dockerfile.v0" },
            ],
        })
        .to_string()
        .as_bytes(),
    )
    .unwrap();
    assert_eq!(full.platform.as_ref().unwrap().to_string(), "linux/arm/v7");
    assert_eq!(full.run.exposed_ports, ["443/tcp", "80/tcp"]);
    assert_eq!(full.run.labels.len(), 1);
    assert_eq!(full.run.healthcheck.as_ref().unwrap().retries, 3);
    assert_eq!(full.run.shell, ["/bin/bash", "-c"]);
    assert_eq!(full.chain_ids().len(), 2);
    let steps: Vec<String> = full.history.iter().map(|step| step.instruction()).collect();
    assert_eq!(
        steps,
        ["ADD file:x in /", "CMD [\"sh\"]", "RUN apt-get update"]
    );

    for sparse in [
        json!({}),
        json!({ "config": null, "rootfs": null, "history": null, "os": null, "created": 5 }),
        json!({ "config": [], "rootfs": [], "history": {}, "architecture": "" }),
        json!({ "config": { "Env": "A=b", "Labels": [], "Healthcheck": "no" } }),
    ] {
        ImageConfig::parse(sparse.to_string().as_bytes()).unwrap();
    }
    let error = |bytes: &[u8]| ImageConfig::parse(bytes).unwrap_err();
    assert_eq!(error(b"[]"), ConfigError::NotAnObject);
    assert!(matches!(
        error(b"<html>"),
        ConfigError::Json(ManifestError::Html { .. })
    ));
    let bad = json!({ "rootfs": { "diff_ids": [digest(1), "md5:x"] } }).to_string();
    assert!(matches!(
        error(bad.as_bytes()),
        ConfigError::DiffId { index: 1, .. }
    ));
}

#[test]
fn history_steps_are_assigned_to_layers() {
    let config = |steps: &[(&str, bool)]| {
        let history: Vec<Value> = steps
            .iter()
            .map(|(by, empty)| json!({ "created_by": by, "empty_layer": empty }))
            .collect();
        ImageConfig::parse(json!({ "history": history }).to_string().as_bytes()).unwrap()
    };
    let usual = config(&[("ADD", false), ("ENV", true), ("RUN", false), ("CMD", true)]);
    let steps = usual.steps_of_layers(2);
    assert_eq!(steps.step_of_layer, [Some(0), Some(2)]);
    assert_eq!(steps.layer_of_step, [Some(0), Some(0), Some(1), Some(1)]);
    assert!(!steps.is_guess);
    // Fewer steps than layers: the base image's history is missing.
    let steps = usual.steps_of_layers(4);
    assert_eq!(steps.step_of_layer, [None, None, Some(0), Some(2)]);
    assert!(steps.is_guess);
    // More steps than layers: squashed.
    let steps = usual.steps_of_layers(1);
    assert_eq!(steps.step_of_layer, [Some(2)]);
    assert_eq!(steps.layer_of_step, [None, None, Some(0), Some(0)]);
    assert!(steps.is_guess);
    assert_eq!(config(&[]).steps_of_layers(2).step_of_layer, [None, None]);
    assert_eq!(usual.steps_of_layers(0).layer_of_step, [None; 4]);
}
