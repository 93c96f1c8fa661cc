//! Archives given to the page as files.

use lamina_image::digest::Digest;
use lamina_testkit::layer;

use crate::harness::{archive, browser::Browser, journey};

/// Opens a document in the raw panel; what it shows.
async fn raw(browser: &Browser, name: &str) -> String {
    browser.click(name).await;
    let text = browser.text("raw-text").await;
    browser.click(name).await;
    browser
        .until("the document is closed again", async || {
            !browser.shows("raw-text").await
        })
        .await;
    text
}

#[test]
fn the_documents_of_an_archive_are_shown_as_they_lie_there() {
    let tar = layer()
        .file("etc/os-release", "ID=debian\nVERSION_ID=12\n")
        .tar();
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": { "User": "app" },
        "rootfs": { "type": "layers", "diff_ids": [Digest::of(&tar).to_string()] },
    })
    .to_string();
    let descriptor = |media_type: &str, bytes: &[u8]| {
        serde_json::json!({
            "mediaType": format!("application/vnd.oci.image.{media_type}"),
            "digest": Digest::of(bytes).to_string(), "size": bytes.len(),
        })
    };
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("config.v1+json", config.as_bytes()),
        "layers": [descriptor("layer.v1.tar", &tar)],
        "annotations": { "org.example": "kept" },
    })
    .to_string();
    let index = serde_json::json!({
        "schemaVersion": 2,
        "manifests": [descriptor("manifest.v1+json", manifest.as_bytes())],
    })
    .to_string();
    let blob = |bytes: &[u8]| format!("blobs/sha256/{}", Digest::of(bytes).hex());
    let layout = layer()
        .file("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}")
        .file("index.json", &index)
        .file(&blob(manifest.as_bytes()), &manifest)
        .file(&blob(config.as_bytes()), &config)
        .file(&blob(&tar), &tar)
        .tar();
    let list = serde_json::json!([
        { "Config": "config.json", "RepoTags": ["made:1"], "Layers": ["0/layer.tar"] }
    ]);
    let saved = layer()
        .file("0/layer.tar", &tar)
        .file("config.json", &config)
        .file("manifest.json", list.to_string())
        .tar();
    journey("archive-raw", async |lamina, browser| {
        for (name, bytes, documents) in [
            (
                "layout.tar",
                layout,
                [
                    ("raw-index", "\"manifests\""),
                    ("raw-manifest", "\"kept\""),
                    ("raw-config", "\"User\": \"app\""),
                ]
                .as_slice(),
            ),
            (
                "saved.tar",
                saved,
                [
                    ("raw-list", "\"made:1\""),
                    ("raw-config", "\"User\": \"app\""),
                ]
                .as_slice(),
            ),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            browser.open(&lamina.url).await;
            browser.choose_file(&path).await;
            browser.one("verdict").await;
            browser.click("tab-image").await;
            for (document, part) in documents {
                let text = raw(browser, document).await;
                assert!(text.contains(part), "{name}, {document}: {text}");
            }
        }
    });
}

#[test]
fn docker_save_archive_gives_the_same_report() {
    journey("docker-save", async |lamina, browser| {
        browser.open(&lamina.url).await;
        browser.choose_file(&archive("shop-1.0.docker.tar")).await;
        assert!(!browser.verdict().await);
        assert_eq!(browser.all("stratum").await.len(), 8);
        browser.finding("CVE-2022-28346").await;
        browser.shots("docker-save").await;
    });
}

#[test]
fn oci_archive_with_zstd_layers_is_read() {
    journey("oci-archive", async |lamina, browser| {
        browser.open(&lamina.url).await;
        browser.choose_file(&archive("metrics-0.9.oci.tar")).await;
        browser.one("verdict").await;
        assert_eq!(browser.all("stratum").await.len(), 4);
    });
}

#[test]
fn file_that_is_no_image_is_said_to_be_none() {
    journey("no-image", async |lamina, browser| {
        let file = tempfile::Builder::new().suffix(".tar").tempfile().unwrap();
        std::fs::write(file.path(), "this is no archive\n".repeat(100)).unwrap();
        browser.open(&lamina.url).await;
        browser.choose_file(file.path()).await;
        let error = browser.text("error").await;
        assert!(!error.is_empty());
    });
}
