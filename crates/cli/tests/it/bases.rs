//! `lamina bases`, and scans that know the base of an image by it.

use std::{collections::BTreeMap, path::Path};

use axum::{body::Body, response::Response};

use lamina_image::digest::Digest;
use lamina_testkit::layer;
use serde_json::{Value, json};

use crate::{
    database::lamina,
    support::{Server, answering, get, lamina as serve},
};

/// Runs the program and answers all that it says.
#[track_caller]
fn run(folder: &Path, words: &[&str], expect: i32) -> String {
    let output = lamina(folder, words);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(
        output.status.code(),
        Some(expect),
        "{words:?}\n{out}\n{err}"
    );
    format!("{out}{err}")
}

/// A `docker save` of an image of these layers.
fn archive(name: &str, layers: &[Vec<u8>], created: &str) -> Vec<u8> {
    let diff_ids: Vec<String> = layers
        .iter()
        .map(|tar| Digest::of(tar).to_string())
        .collect();
    let files: Vec<String> = (0..layers.len())
        .map(|index| format!("{index}.tar"))
        .collect();
    let config = json!({
        "architecture": "amd64", "os": "linux", "created": created,
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
        "history": files.iter().map(|file| json!({ "created_by": file })).collect::<Vec<_>>(),
    });
    let manifest = json!([{ "Config": "config.json", "RepoTags": [name], "Layers": files }]);
    let archive = layer()
        .file("manifest.json", manifest.to_string())
        .file("config.json", config.to_string());
    let whole = files
        .iter()
        .zip(layers)
        .fold(archive, |archive, (file, tar)| archive.file(file, tar));
    whole.tar()
}

/// A folder with `base.tar`, `middle.tar` that is built on it, and `own.tar` on that; and `db`.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let layers = [
        layer()
            .file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
            .tar(),
        layer().file("usr/bin/python3", "python").tar(),
        layer().file("srv/app", "app").tar(),
    ];
    for (file, name, count) in [
        ("base.tar", "debian:12", 1),
        ("middle.tar", "ghcr.io/owner/python:3.12", 2),
        ("own.tar", "shop:1.0", 3),
    ] {
        let bytes = archive(name, &layers[..count], "2026-11-01T00:00:00Z");
        std::fs::write(folder.path().join(file), bytes).unwrap();
    }
    let feed = folder.path().join("feeds/osv/PyPI");
    std::fs::create_dir_all(&feed).unwrap();
    let record = json!({
        "id": "PYSEC-2099-1", "modified": "2026-11-01T00:00:00Z",
        "affected": [{
            "package": { "ecosystem": "PyPI", "name": "django" },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }] }],
        }],
    });
    std::fs::write(feed.join("PYSEC-2099-1.json"), record.to_string()).unwrap();
    folder
}

fn build(folder: &Path, more: &[&str]) {
    let words = ["db", "build", "--from", "feeds", "--out", "db"];
    let at = ["--built-at", "2026-11-02T00:00:00Z"];
    run(folder, &[&words[..], &at, more].concat(), 0);
}

/// What a scan says of the base: `layers name basis`; and its warnings.
#[track_caller]
fn base_of(folder: &Path, image: &str, more: &[&str]) -> (String, Vec<String>) {
    let words = [
        "scan",
        image,
        "--db",
        "db",
        "--format",
        "json",
        "--fail-on",
        "never",
    ];
    let output = lamina(folder, &[&words[..], more].concat());
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let base = &report["base"];
    let text = |name: &str| base[name].as_str().unwrap_or("-").to_owned();
    let warnings = report["warnings"].as_array().unwrap().iter();
    let warnings = warnings.map(|warning| warning["message"].as_str().unwrap().to_owned());
    let shown = match base {
        Value::Null => "none".to_owned(),
        _ => format!("{} {} {}", base["layers"], text("name"), text("basis")),
    };
    (shown, warnings.collect())
}

#[test]
fn the_list_beside_the_database_tells_the_base() {
    let folder = folder();
    let path = folder.path();
    build(path, &[]);
    let check = |image: &str, more: &[&str], expect: &str| {
        let (shown, warnings) = base_of(path, image, more);
        assert_eq!(shown, expect, "{image} {more:?}");
        assert_eq!(warnings, [""; 0]);
    };
    check("own.tar", &[], "none");
    let words = ["bases", "--archive", "base.tar", "--out", "db/bases.json"];
    let said = run(path, &words, 0);
    assert!(said.contains("1 images of 1 names, 0 before"), "{said}");
    check("own.tar", &[], "1 debian:12 chain-id");
    // An image is not built on itself.
    check("base.tar", &[], "none");

    // What is there stays, and the newest of several is told.
    let more = [
        "bases",
        "--archive",
        "middle.tar",
        "--append",
        "--out",
        "db/bases.json",
    ];
    run(path, &more, 0);
    check("own.tar", &[], "2 ghcr.io/owner/python:3.12 chain-id");
    check("middle.tar", &[], "1 debian:12 chain-id");
    // A list that is named goes before the one beside the database.
    run(
        path,
        &["bases", "--archive", "base.tar", "--out", "other.json"],
        0,
    );
    check(
        "own.tar",
        &["--bases", "other.json"],
        "1 debian:12 chain-id",
    );
    // The same images give the same bytes, in whatever order.
    let words = [
        "bases",
        "--archive",
        "middle.tar",
        "--archive",
        "base.tar",
        "--out",
        "again.json",
    ];
    run(path, &words, 0);
    let read = |file: &str| std::fs::read_to_string(path.join(file)).unwrap();
    assert_eq!(read("again.json"), read("db/bases.json"));
    // Of other platforms there is none.
    let words = [
        "bases",
        "--archive",
        "base.tar",
        "--platform",
        "linux/arm64",
        "--out",
        "x.json",
    ];
    assert!(run(path, &words, 1).contains("no image for the platforms"));
}

#[test]
fn a_broken_list_is_a_warning_and_a_named_one_an_error() {
    let folder = folder();
    let path = folder.path();
    build(path, &[]);
    std::fs::write(path.join("db/bases.json"), "<html>").unwrap();
    let (shown, warnings) = base_of(path, "own.tar", &[]);
    assert_eq!(shown, "none");
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].starts_with("the list of known base images was not used: "),
        "{warnings:?}"
    );
    let words = ["scan", "own.tar", "--db", "db", "--bases"];
    let said = run(path, &[&words[..], &["db/bases.json"]].concat(), 1);
    assert!(said.contains("the list cannot be read"), "{said}");
    run(path, &[&words[..], &["not-there.json"]].concat(), 1);
}

#[test]
fn beside_a_signed_database_the_list_must_be_signed_too() {
    let folder = folder();
    let path = folder.path();
    for key in ["a.key", "b.key"] {
        run(path, &["db", "keygen", "--out", key], 0);
    }
    build(path, &["--sign-with", "a.key"]);
    let words = ["bases", "--archive", "base.tar", "--out", "db/bases.json"];
    let check = |more: &[&str], expect: &str, problem: Option<&str>| {
        run(path, &[&words[..], more].concat(), 0);
        let (shown, warnings) = base_of(path, "own.tar", &["--db-key", "a.pub"]);
        assert_eq!(shown, expect, "{more:?}");
        assert_eq!(
            warnings.len(),
            usize::from(problem.is_some()),
            "{warnings:?}"
        );
        let problem = problem.unwrap_or_default();
        assert!(warnings.concat().contains(problem), "{warnings:?}");
    };
    check(&[], "none", Some("it is not signed"));
    check(&["--sign-with", "b.key"], "none", Some("was not used"));
    check(&["--sign-with", "a.key"], "1 debian:12 chain-id", None);
    // Whoever asks for no key takes what is there.
    assert_eq!(base_of(path, "own.tar", &[]).0, "1 debian:12 chain-id");
    // An older signature does not stay beside a list that it does not fit.
    check(&[], "none", Some("it is not signed"));
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_is_written() {
    let folder = folder();
    let path = folder.path();
    assert!(run(path, &["bases", "--out", "b.json"], 1).contains("no image is named"));
    // A password is not shown to a registry that it is not for.
    let words = [
        "bases",
        "127.0.0.1:1/a:1",
        "127.0.0.1:2/a:1",
        "--out",
        "b.json",
    ];
    let said = run(
        path,
        &[&words[..], &["--username", "u", "--password", "p"]].concat(),
        1,
    );
    assert!(said.contains("--username is for one registry"), "{said}");
    std::fs::write(
        path.join("list.txt"),
        "# bases\n\n127.0.0.1:1/no/such:1 # nobody listens\nNo Reference\n",
    )
    .unwrap();
    let words = [
        "bases",
        "--from",
        "list.txt",
        "--archive",
        "base.tar",
        "--out",
        "b.json",
    ];
    let said = run(path, &words, 1);
    assert!(said.contains("error: 127.0.0.1:1/no/such:1: "), "{said}");
    assert!(said.contains("error: No Reference: "), "{said}");
    assert!(said.contains("2 of 3 could not be read"), "{said}");
    let list: Value = serde_json::from_slice(&std::fs::read(path.join("b.json")).unwrap()).unwrap();
    assert_eq!(list["format"], 1);
    let bases = list["bases"].as_array().unwrap();
    assert_eq!(bases.len(), 1);
    assert_eq!(bases[0]["name"], "debian");
    assert_eq!(bases[0]["tag"], "12");
    assert_eq!(bases[0]["platform"], "linux/amd64");
    assert_eq!(bases[0]["layers"], 1);
    assert_eq!(bases[0]["created"], "2026-11-01T00:00:00Z");
}

#[test]
fn the_list_is_carried_along_with_its_signature() {
    let folder = folder();
    let path = folder.path();
    for key in ["a.key", "b.key"] {
        run(path, &["db", "keygen", "--out", key], 0);
    }
    build(path, &["--sign-with", "a.key"]);
    let words = [
        "bases",
        "--archive",
        "base.tar",
        "--out",
        "db/bases.json",
        "--sign-with",
    ];
    let trust = ["--db-key", "a.pub"];
    let check = |db: &str| {
        let more = [&["--db", db][..], &trust].concat();
        let words = [
            "scan",
            "own.tar",
            "--format",
            "json",
            "--fail-on",
            "never",
            "--quiet",
        ];
        let report = run(path, &[&words[..], &more].concat(), 0);
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["base"]["name"], "debian:12", "{db}");
    };
    run(path, &[&words[..], &["a.key"]].concat(), 0);
    run(path, &["db", "export", "db", "--out", "db.tar"], 0);
    check("db.tar");
    let update = ["db", "update", "--from", "db.tar", "--db", "mine"];
    let update = [&update[..], &trust].concat();
    assert!(!run(path, &update, 0).contains("warning"));
    check("mine");

    // One that somebody else signed does not take its place.
    run(path, &[&words[..], &["b.key"]].concat(), 0);
    run(path, &["db", "export", "db", "--out", "db.tar"], 0);
    let said = run(path, &update, 0);
    assert!(
        said.contains("the list of known base images was left out"),
        "{said}"
    );
    check("mine");
}

#[tokio::test]
async fn the_list_is_served_beside_the_database() {
    let folder = folder();
    let path = folder.path();
    build(path, &[]);
    let db = path.join("db");
    let server = serve(&["--db", db.to_str().unwrap()]).await;
    let url = format!("{}/db/bases.json", server.origin());
    assert_eq!(get(&url).await.status(), 404);
    run(
        path,
        &["bases", "--archive", "base.tar", "--out", "db/bases.json"],
        0,
    );
    let answer = get(&url).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.text().await.unwrap(),
        std::fs::read_to_string(db.join("bases.json")).unwrap()
    );
}

/// A registry of one repository: each path below `/v2/base/` and what is there.
async fn registry(files: BTreeMap<String, (&'static str, Vec<u8>)>) -> Server {
    answering(move |request| {
        let path = request.uri().path();
        let file = path
            .strip_prefix("/v2/base/")
            .and_then(|path| files.get(path));
        let builder = Response::builder();
        match file {
            Some((media_type, bytes)) => builder
                .header("content-type", *media_type)
                .body(Body::from(bytes.clone())),
            None if path == "/v2/" => builder.body(Body::from("{}")),
            None => builder.status(404).body(Body::empty()),
        }
        .unwrap()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_platform_of_an_index_is_listed_unless_some_are_named() {
    const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    let mut files = BTreeMap::new();
    let mut put = |kind: &str, media_type: &'static str, content: &Value| -> Value {
        let bytes = content.to_string().into_bytes();
        let (digest, size) = (Digest::of(&bytes).to_string(), bytes.len());
        files.insert(format!("{kind}/{digest}"), (media_type, bytes));
        json!({ "mediaType": media_type, "digest": digest, "size": size })
    };
    let mut image = |architecture: &str, layers: usize| -> Value {
        let layer = |index: usize| Digest::of(format!("{architecture} {index}").as_bytes());
        let layers: Vec<String> = (0..layers).map(|index| layer(index).to_string()).collect();
        let config = json!({
            "architecture": architecture, "os": "linux",
            "rootfs": { "type": "layers", "diff_ids": layers },
        });
        let config = put("blobs", "application/vnd.oci.image.config.v1+json", &config);
        let tar = "application/vnd.oci.image.layer.v1.tar";
        let layers = layers
            .iter()
            .map(|digest| json!({ "mediaType": tar, "digest": digest, "size": 1 }));
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config,
            "layers": layers.collect::<Vec<_>>(),
        });
        let mut descriptor = put("manifests", MANIFEST, &manifest);
        descriptor["platform"] = json!({ "architecture": architecture, "os": "linux" });
        descriptor
    };
    let (amd64, arm64, s390x) = (image("amd64", 1), image("arm64", 2), image("s390x", 3));
    let mut attestation = image("unknown", 1);
    attestation["platform"] = json!({ "architecture": "unknown", "os": "unknown" });
    attestation["annotations"] = json!({
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": amd64["digest"],
    });
    let index = |entries: &[&Value]| json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries });
    let inner = put("manifests", INDEX, &index(&[&s390x]));
    let outer = index(&[&amd64, &arm64, &attestation, &inner]).to_string();
    files.insert("manifests/1".to_owned(), (INDEX, outer.into_bytes()));
    let server = registry(files).await;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let reference = format!("{}/base:1", server.host());
    let check = |more: &[&str], expect: &[&str]| {
        let words = ["bases", &reference, "--out", "bases.json"];
        run(path, &[&words[..], more].concat(), 0);
        let list = std::fs::read(path.join("bases.json")).unwrap();
        let list: Value = serde_json::from_slice(&list).unwrap();
        let bases = list["bases"].as_array().unwrap().iter();
        let shown: Vec<String> = bases
            .map(|base| {
                assert_eq!(base["name"], format!("{}/base", server.host()));
                assert_eq!(base["tag"], "1");
                format!("{} {}", base["platform"].as_str().unwrap(), base["layers"])
            })
            .collect();
        assert_eq!(shown, expect, "{more:?}");
    };
    check(&[], &["linux/amd64 1", "linux/arm64 2", "linux/s390x 3"]);
    check(&["--platform", "linux/arm64"], &["linux/arm64 2"]);
    // In an index within the index.
    let both = ["--platform", "linux/s390x", "--platform", "linux/amd64"];
    check(&both, &["linux/amd64 1", "linux/s390x 3"]);
}
