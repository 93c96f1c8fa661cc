//! VEX documents and custom rules, as `lamina scan` judges by them.

use std::{collections::BTreeMap, path::Path, process::Command, time::Instant};

use axum::{body::Body, http::Request, response::IntoResponse as _};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use lamina_cli::{attached::attached, transport::Transport};
use lamina_image::digest::Digest;
use lamina_registry::{Options, Session, fallback_tag};
use serde_json::{Value, json};

use crate::{
    real::empty_registry,
    scan::{folder, lamina, scan},
    support::{answering, client},
};

const DJANGO: &str = "pkg:pypi/django@3.2";

/// An OpenVEX document that says `status` of the one vulnerability in this product.
fn openvex(status: &str, product: Value) -> Value {
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://acme.example/vex",
        "author": "Acme", "timestamp": "2026-11-01T00:00:00Z", "version": 1,
        "statements": [{
            "vulnerability": { "name": "CVE-2099-1" }, "status": status, "products": [product],
            "impact_statement": "the view is not routed", "action_statement": "wait",
        }],
    })
}

/// What `cosign attest` makes of a document about the image of this digest.
fn envelope(document: &Value, digest: &Digest) -> Vec<u8> {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://openvex.dev/ns/v0.2.0",
        "subject": [{ "name": "shop", "digest": { "sha256": digest.hex() } }],
        "predicate": document,
    });
    let envelope = json!({
        "payloadType": "application/vnd.in-toto+json", "signatures": [],
        "payload": BASE64_STANDARD.encode(statement.to_string()),
    });
    envelope.to_string().into_bytes()
}

fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    std::fs::write(folder.join(name), text).unwrap();
}

/// The verdict and the exit status.
fn verdict(folder: &Path, more: &[&str]) -> (Value, i32) {
    let (text, code) = scan(folder, "json", more);
    let document: Value = serde_json::from_str(&text).unwrap();
    (document["verdict"].clone(), code.unwrap())
}

#[test]
fn a_vex_file_answers_a_finding_and_is_shown() {
    let folder = folder();
    let folder = folder.path();
    let check = |document: &Value, expect: i32| {
        write(folder, "vex.json", document.to_string());
        let (verdict, code) = verdict(folder, &["--vex", "vex.json"]);
        assert_eq!(code, expect, "{document} {verdict}");
        verdict
    };
    let verdict = check(&openvex("not_affected", json!({ "@id": DJANGO })), 0);
    assert_eq!(
        verdict["statements"],
        json!(["OpenVEX of Acme, 2026-11-01: CVE-2099-1 not affected: the view is not routed"])
    );
    check(&openvex("fixed", json!({ "@id": "pkg:pypi/Django" })), 0);
    check(&openvex("affected", json!({ "@id": DJANGO })), 2);
    check(
        &openvex("not_affected", json!({ "@id": "pkg:pypi/django@3.3" })),
        2,
    );
    check(
        &openvex("not_affected", json!({ "@id": "pkg:oci/shop" })),
        0,
    );
    check(
        &openvex("not_affected", json!({ "@id": "pkg:oci/other" })),
        2,
    );

    write(
        folder,
        "old.json",
        openvex("affected", json!({ "@id": DJANGO })).to_string(),
    );
    let words = ["--vex", "old.json", "--vex", "new.json"];
    let newer = openvex("not_affected", json!({ "@id": DJANGO }));
    write(
        folder,
        "new.json",
        newer.to_string().replace("2026-11-01", "2026-11-02"),
    );
    let (text, code) = scan(folder, "table", &words);
    assert_eq!(code, Some(0), "{text}");

    for (text, expect) in [
        ("{}", "neither OpenVEX"),
        ("{", "cannot be read"),
        (
            r#"{"@context":"https://openvex.dev/ns"}"#,
            "missing field `statements`",
        ),
    ] {
        write(folder, "vex.json", text);
        let output = lamina(
            folder,
            &["scan", "shop.tar", "--db", "db", "--vex", "vex.json"],
        );
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            error.contains("vex.json") && error.contains(expect),
            "{error}"
        );
    }
}

/// Outcome and reason of a rule.
fn outcome(verdict: &Value, rule: &str) -> String {
    let rules = verdict["rules"].as_array().unwrap();
    let rule = rules.iter().find(|one| one["rule"] == rule).unwrap();
    format!(
        "{}: {}",
        rule["outcome"].as_str().unwrap(),
        rule["reason"].as_str().unwrap()
    )
}

#[test]
fn custom_rules_are_part_of_the_verdict() {
    let folder = folder();
    let folder = folder.path();
    write(
        folder,
        "policy.yaml",
        r#"
fail-on: never
rules:
- name: no-django
  rego: |
    package lamina
    deny contains msg if {
      some p in input.packages
      p.name == "Django"
      msg := sprintf("%s %s from layer %d", [p.name, p.version, p.layer])
    }
- name: shell
  rego: |
    package lamina
    warn contains "no command" if count(input.image.config.cmd) == 0
- name: nothing
  rego: |
    package lamina
    deny contains "policy" if input.policy
    deny contains "verdict" if input.verdict
    deny contains "not one finding" if count(input.findings) != 1
- name: broken
  rego: |
    package lamina
    deny contains x if y
"#,
    );
    let (verdict, code) = verdict(folder, &["--policy", "policy.yaml"]);
    assert_eq!(code, 2, "{verdict}");
    assert_eq!(
        outcome(&verdict, "no-django"),
        "failed: Django 3.2 from layer 1"
    );
    assert_eq!(outcome(&verdict, "shell"), "warned: no command");
    assert_eq!(outcome(&verdict, "nothing"), "passed: nothing is denied");
    let broken = outcome(&verdict, "broken");
    assert!(broken.starts_with("failed: line 2, column"), "{broken}");
}

#[test]
fn a_hostile_rule_fails_and_leaves_the_others_alone() {
    let folder = folder();
    let folder = folder.path();
    // Texts that double, a width, an array that doubles, and a module that takes long to be read.
    let doubled: String = (0..40)
        .map(|index| format!("    s{} := concat(\"\", [s{index}, s{index}])\n", index + 1))
        .collect();
    let lists: String = (0..40)
        .map(|index| format!("    a{} := array.concat(a{index}, a{index})\n", index + 1))
        .collect();
    let nested = format!("{}1{}", "[".repeat(10), "]".repeat(10));
    let slow = format!("    deny if {nested} == 1\n").repeat(390);
    write(
        folder,
        "policy.yaml",
        format!(
            r#"
fail-on: never
rules:
- name: doubled
  rego: |
    package lamina
    s0 := "0123456789"
{doubled}
    deny if s40 == ""
- name: before
  rego: |
    package lamina
    warn if true
- name: width
  rego: |
    package lamina
    deny if count(sprintf("%4000000000d", [1])) < 0
- name: lists
  rego: |
    package lamina
    a0 := [1, 2, 3]
{lists}
    deny if a40 == []
- name: slow
  rego: |
    package lamina
{slow}
- name: after
  rego: |
    package lamina
    deny if false
"#
        ),
    );
    let started = Instant::now();
    let (verdict, code) = verdict(folder, &["--policy", "policy.yaml"]);
    eprintln!("hostile rules: {:?}", started.elapsed());
    assert_eq!(code, 2, "{verdict}");
    for rule in ["doubled", "width", "lists", "slow"] {
        let said = outcome(&verdict, rule);
        eprintln!("{rule}: {said}");
        assert!(said.starts_with("failed: it took too"), "{rule}: {said}");
    }
    assert_eq!(outcome(&verdict, "before"), "warned: warn is true");
    assert_eq!(outcome(&verdict, "after"), "passed: nothing is denied");
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

/// Puts blobs and a manifest into an open registry.
async fn put(host: &str, repository: &str, tag: &str, blobs: &[&[u8]], manifest: &Value) {
    let client = client();
    for blob in blobs {
        let url = format!("http://{host}/v2/{repository}/blobs/uploads/");
        let answer = client.post(url).send().await.unwrap();
        assert_eq!(answer.status(), 202);
        let place = answer.headers()["location"].to_str().unwrap().to_owned();
        let place = match place.strip_prefix('/') {
            Some(path) => format!("http://{host}/{path}"),
            None => place,
        };
        let separator = if place.contains('?') { '&' } else { '?' };
        let url = format!("{place}{separator}digest={}", Digest::of(blob));
        let answer = client.put(url).body(blob.to_vec()).send().await.unwrap();
        assert_eq!(answer.status(), 201);
    }
    let answer = client
        .put(format!("http://{host}/v2/{repository}/manifests/{tag}"))
        .header("content-type", manifest["mediaType"].as_str().unwrap())
        .body(manifest.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DSSE: &str = "application/vnd.dsse.envelope.v1+json";

/// A manifest of one layer.
fn manifest(layer: &[u8], config: &[u8]) -> Value {
    json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": Digest::of(config).to_string(), "size": config.len(),
        },
        "layers": [{
            "mediaType": DSSE, "digest": Digest::of(layer).to_string(), "size": layer.len(),
            "annotations": { "predicateType": "https://openvex.dev/ns/v0.2.0" },
        }],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn attestations_of_a_real_registry_are_found() {
    let Some(registry) = empty_registry(false).await else {
        return;
    };
    let folder = folder();
    let path = folder.path();
    let host = registry.host.as_str();
    let output = Command::new("skopeo")
        .args([
            "copy",
            "--quiet",
            "--insecure-policy",
            "--dest-tls-verify=false",
        ])
        .arg(format!(
            "docker-archive:{}",
            path.join("shop.tar").display()
        ))
        .arg(format!("docker://{host}/acme/shop:1"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let image = format!("{host}/acme/shop:1");
    let check = |more: &[&str], expect: i32| {
        let words = [&["scan", &image, "--db", "db", "--format", "json"], more].concat();
        let output = lamina(path, &words);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(expect), "{more:?}: {error}");
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        (document, error.into_owned())
    };
    let (document, _) = check(&[], 2);
    let digest: Digest = document["image"]["digest"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    check(&["--vex-attached"], 2);

    // Under cosign's tag, about the image by what is attested.
    let mut vex = openvex("not_affected", json!({}));
    vex["statements"][0]
        .as_object_mut()
        .unwrap()
        .remove("products");
    let layer = envelope(&vex, &digest);
    let config = b"{}";
    let tag = fallback_tag(&digest);
    let att = format!("{tag}.att");
    put(
        host,
        "acme/shop",
        &att,
        &[&layer, config],
        &manifest(&layer, config),
    )
    .await;
    let (document, error) = check(&["--vex-attached"], 0);
    assert_eq!(
        document["verdict"]["statements"],
        json!(["OpenVEX of Acme, 2026-11-01: CVE-2099-1 not affected: the view is not routed"])
    );
    assert!(!error.contains("warning: attached"), "{error}");
    check(&[], 2);

    // Among the referrers, newer and by the image's purl.
    let product =
        json!({ "@id": format!("pkg:oci/shop@{digest}"), "subcomponents": [{ "@id": DJANGO }] });
    let vex = openvex("affected", product)
        .to_string()
        .replace("2026-11-01", "2026-11-02");
    let layer = envelope(&serde_json::from_str(&vex).unwrap(), &digest);
    let mut referrer = manifest(&layer, config);
    referrer["artifactType"] = json!("application/vnd.in-toto+json");
    referrer["subject"] = json!({ "mediaType": MANIFEST, "digest": digest.to_string(), "size": 1 });
    let bytes = referrer.to_string();
    let name = Digest::of(bytes.as_bytes()).to_string();
    put(host, "acme/shop", &name, &[&layer, config], &referrer).await;
    let index = json!({
        "schemaVersion": 2, "mediaType": INDEX,
        "manifests": [{
            "mediaType": MANIFEST, "digest": name, "size": bytes.len(),
            "artifactType": "application/vnd.in-toto+json",
        }],
    });
    put(host, "acme/shop", &tag, &[], &index).await;
    check(&["--vex-attached"], 2);
}

/// What is attached to an image in a registry that answers these paths.
async fn found(
    answers: BTreeMap<String, (&'static str, Vec<u8>)>,
    digest: &Digest,
) -> (usize, Vec<String>) {
    let server =
        answering(
            move |request: &Request<Body>| match answers.get(request.uri().path()) {
                Some((media_type, body)) => {
                    ([("content-type", *media_type)], body.clone()).into_response()
                }
                None => axum::http::StatusCode::NOT_FOUND.into_response(),
            },
        )
        .await;
    let session = Session::open(&server.host(), None, &Options::default()).unwrap();
    let transport = Transport::new().unwrap();
    let found = attached(&transport, &session, "a/b", std::slice::from_ref(digest)).await;
    (found.documents.len(), found.warnings)
}

#[tokio::test]
async fn the_referrers_api_is_asked_and_lies_are_told() {
    let digest = Digest::of(b"image");
    let layer = envelope(&openvex("fixed", json!({ "@id": DJANGO })), &digest);
    let referrer = manifest(&layer, b"{}").to_string().into_bytes();
    let index = json!({
        "schemaVersion": 2, "mediaType": INDEX,
        "manifests": [
            {
                "mediaType": MANIFEST, "digest": Digest::of(&referrer).to_string(),
                "size": referrer.len(), "artifactType": "application/vnd.in-toto+json",
            },
            {
                "mediaType": MANIFEST, "digest": Digest::of(b"other").to_string(), "size": 5,
                "annotations": { "dev.sigstore.bundle.predicateType": "https://slsa.dev/provenance/v1" },
            },
        ],
    });
    let answers = |index: &Value, layer: &[u8], referrer: &[u8]| {
        let place = |kind: &str, name: String| format!("/v2/a/b/{kind}/{name}");
        let honest = &manifest(
            &envelope(&openvex("fixed", json!({ "@id": DJANGO })), &digest),
            b"{}",
        );
        let name = honest["layers"][0]["digest"].as_str().unwrap().to_owned();
        let of_referrer = Digest::of(honest.to_string().as_bytes()).to_string();
        BTreeMap::from([
            (
                place("referrers", digest.to_string()),
                (INDEX, index.to_string().into_bytes()),
            ),
            (
                place("manifests", of_referrer),
                (MANIFEST, referrer.to_vec()),
            ),
            (place("blobs", name), (DSSE, layer.to_vec())),
        ])
    };
    let (count, warnings) = found(answers(&index, &layer, &referrer), &digest).await;
    assert_eq!((count, warnings), (1, Vec::new()));

    let (count, warnings) = found(answers(&index, b"{}", &referrer), &digest).await;
    assert_eq!(count, 0);
    assert!(
        warnings.len() == 1 && warnings[0].contains("sha256:"),
        "{warnings:?}"
    );
    let (count, warnings) = found(answers(&index, &layer, b"{}"), &digest).await;
    assert_eq!((count, warnings.len()), (0, 1), "{warnings:?}");
    let (count, warnings) = found(answers(&json!({ "x": 1 }), &layer, &referrer), &digest).await;
    assert_eq!((count, warnings.len()), (0, 1), "{warnings:?}");

    let entry = index["manifests"][0].clone();
    let many: Vec<Value> = (0..100)
        .map(|number| {
            let mut entry = entry.clone();
            entry["digest"] = json!(Digest::of(format!("{number}").as_bytes()).to_string());
            entry
        })
        .collect();
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": many });
    let (count, warnings) = found(answers(&index, &layer, &referrer), &digest).await;
    assert_eq!(count, 0);
    assert!(
        warnings.iter().any(|one| one.contains("is not looked at")),
        "{warnings:?}"
    );
}

/// The examples of a page of the documentation, in a language.
fn examples(page: &str, language: &str) -> Vec<String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
    let text = std::fs::read_to_string(Path::new(root).join(page)).unwrap();
    let fence = format!("```{language}\n");
    let blocks = text.split(&fence).skip(1);
    blocks
        .map(|block| block.split("\n```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_examples_of_the_documentation_about_vex_work() {
    let folder = folder();
    let documents = examples("vex.md", "json");
    assert_eq!(documents.len(), 3);
    for document in documents {
        write(folder.path(), "vex.json", &document);
        let (verdict, code) = verdict(folder.path(), &["--vex", "vex.json"]);
        assert_eq!(code, 0, "{document}");
        assert_eq!(
            verdict["statements"].as_array().unwrap().len(),
            1,
            "{verdict}"
        );
    }
}

#[test]
fn the_examples_of_the_documentation_about_rego_work() {
    let folder = folder();
    let policies = examples("rego.md", "yaml");
    assert_eq!(policies.len(), 3);
    let outcomes: Vec<String> = policies
        .iter()
        .zip(["no-django-3", "exploited", "house-rules"])
        .map(|(policy, rule)| {
            write(folder.path(), "policy.yaml", policy);
            let (verdict, _) = verdict(folder.path(), &["--policy", "policy.yaml"]);
            outcome(&verdict, rule)
        })
        .collect();
    assert_eq!(
        outcomes,
        [
            "failed: Django 3.2 in layer 1",
            "passed: nothing is denied",
            "failed: no date; no label team",
        ]
    );

    // The same with an exploited vulnerability, a date and a label.
    let (text, _) = scan(folder.path(), "json", &[]);
    let mut report: Value = serde_json::from_str(&text).unwrap();
    report["findings"][0]["kev"] = json!({ "added": "2026-01-01" });
    report["image"]["created"] = json!("2026-01-02T00:00:00Z");
    report["image"]["config"]["labels"] = json!([["team", "shop"]]);
    let says = |policy: &str, report: &Value, now: &str| {
        let policy = lamina_policy::Policy::parse(policy).unwrap();
        let options = lamina_rego::Options {
            now: now.parse().unwrap(),
            time: None,
        };
        lamina_rego::judge(&policy.rules, &report.to_string(), &options)[0].reason()
    };
    let day = "2026-01-03T00:00:00Z";
    assert_eq!(
        says(&policies[1], &report, day),
        "CVE-2099-1: update to 3.2.1"
    );
    assert_eq!(says(&policies[2], &report, day), "nothing is denied");
    assert_eq!(
        says(&policies[2], &report, "2026-05-01T00:00:00Z"),
        "older than 90 days"
    );
    report["findings"][0]["fixed_in"] = json!([]);
    assert_eq!(says(&policies[1], &report, day), "CVE-2099-1");
}
