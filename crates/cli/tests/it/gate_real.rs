//! The gate before a real registry (Debian's `docker-registry`), pulled through by a real client
//! (`skopeo`).

use std::{path::Path, process::Command};

use lamina_image::digest::Digest;
use lamina_testkit::layer;
use serde_json::{Value, json};

use crate::{
    gate::{Image, gate, image},
    real::{REPOSITORY, empty_registry, guard, push, registry},
    support::{Server, database, get},
};

/// Writes an image as an archive of an OCI layout.
fn archive(image: &Image, path: &Path) {
    let index = json!({
        "schemaVersion": 2,
        "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": image.digest.to_string(),
            "size": image.manifest.len(),
        }],
    });
    let mut tar = layer()
        .file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)
        .file("index.json", index.to_string());
    for blob in image.blobs.iter().chain([&image.manifest]) {
        tar = tar.file(&format!("blobs/sha256/{}", Digest::of(blob).hex()), blob);
    }
    std::fs::write(path, tar.tar()).unwrap();
}

/// Copies an image through the gate. Answers what skopeo says when it fails.
fn copy(gate: &Server, image: &str, login: bool, to: &Path) -> Result<(), String> {
    let mut command = Command::new("skopeo");
    command.args(["copy", "--insecure-policy", "--src-tls-verify=false"]);
    if login {
        command.args(["--src-creds", "user:pass"]);
    }
    let output = command
        .arg(format!("docker://{}/{image}", gate.host()))
        .arg(format!("oci:{}", to.display()))
        .output()
        .unwrap();
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn skopeo_gets_the_repaired_image_and_not_the_vulnerable_one() {
    for login in [false, true] {
        let Some(registry) = empty_registry(login).await else {
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        for (tag, django) in [("1.0", "3.2"), ("1.1", "3.2.1")] {
            let file = path.join(format!("{tag}.tar"));
            archive(&image(django, ""), &file);
            push(&file, &format!("{}/shop:{tag}", registry.host));
        }
        database(path, "db", Some("3.2.1"));
        let policy = path.join("policy.yaml");
        std::fs::write(&policy, "name: house rules\n").unwrap();
        let (upstream, db) = (
            format!("http://{},prefix=team", registry.host),
            path.join("db").display().to_string(),
        );
        let policy_argument = policy.display().to_string();
        let words = [
            "--upstream",
            &upstream,
            "--db",
            &db,
            "--policy",
            &policy_argument,
        ];
        let gate = gate(&words).await;
        let copy = |tag: &str| {
            let to = path.join(format!("pulled-{tag}"));
            copy(&gate, &format!("team/shop:{tag}"), login, &to)
        };
        copy("1.1").unwrap();
        let said = copy("1.0").unwrap_err();
        for part in [
            "house rules",
            "CVE-2099-1 (critical) in Django 3.2",
            "/gate/reports/sha256:",
        ] {
            assert!(said.contains(part), "{part:?} in {said}");
        }
        if login {
            let url = format!("{}/v2/team/shop/manifests/1.1", gate.origin());
            assert_eq!(
                get(&url).await.status(),
                401,
                "nobody gets it without a login"
            );
        }
        if !login {
            let tags = get(&format!("{}/v2/team/shop/tags/list", gate.origin())).await;
            let tags: Value = serde_json::from_str(&tags.text().await.unwrap()).unwrap();
            let mut tags: Vec<&str> = tags["tags"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(Value::as_str)
                .collect();
            tags.sort_unstable();
            assert_eq!(tags, ["1.0", "1.1"]);
        }
        std::fs::write(&policy, "exceptions: [{ id: CVE-2099-1, reason: known }]").unwrap();
        let mut outcome = copy("1.0");
        for _ in 0..20 {
            if outcome.is_ok() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            outcome = copy("1.0");
        }
        outcome.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn skopeo_gets_its_token_from_the_token_server_behind_the_gate() {
    let Some(registry) = registry(false).await else {
        return;
    };
    let guard = guard(&registry).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    database(path, "db", Some("3.2.1"));
    let (upstream, db) = (guard.origin(), path.join("db").display().to_string());
    let policy = path.join("policy.yaml");
    std::fs::write(&policy, "max-age: 1d").unwrap();
    let policy_argument = policy.display().to_string();
    let words = ["--upstream", &upstream, "--db", &db];
    let image = format!("{REPOSITORY}:1");
    {
        let gate = gate(&words).await;
        copy(&gate, &image, true, &path.join("pulled")).unwrap();
        let said = copy(&gate, &image, false, &path.join("nobodys")).unwrap_err();
        assert!(said.contains("authentication"), "{said}");
    }
    let gate = gate(&[&words[..], &["--policy", &policy_argument]].concat()).await;
    let said = copy(&gate, &image, true, &path.join("old")).unwrap_err();
    assert!(said.contains("does not pass the policy"), "{said}");
}
