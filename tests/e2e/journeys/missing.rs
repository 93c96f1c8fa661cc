//! A layer that could not be read: it is read again by itself, during the scan and on the report.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use lamina_image::digest::Digest;
use lamina_testkit::{gzip, layer};

use crate::harness::{
    browser::Browser,
    crafted::{Content, Made},
    journey, journey_with,
};

const OS_RELEASE: &str = "ID=debian\nVERSION_ID=\"12\"\n";
const STATUS: &str = "Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.2.13.dfsg-1\n\n";
const PACKAGE: &str = r#"{"name":"accepts","version":"1.3.8"}"#;

const AGAIN: &str = "[data-test=\"layer-again\"][data-layer=\"1\"]";

fn base() -> Vec<u8> {
    layer()
        .file("etc/os-release", OS_RELEASE)
        .file("var/lib/dpkg/status", STATUS)
        .tar()
}

/// The upper layer: its tar, and its blob.
fn upper() -> (Vec<u8>, Vec<u8>) {
    let noise: Vec<u8> = (0..60_000_u32)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let tar = layer()
        .file("srv/node_modules/accepts/package.json", PACKAGE)
        .file("srv/data", noise)
        .tar();
    let blob = gzip(&tar);
    (tar, blob)
}

fn with_upper(made: Made, tar: &[u8], blob: &[u8], content: Content) -> Made {
    made.layer_of(
        "COPY app /srv",
        &Digest::of(tar).to_string(),
        &Digest::of(blob).to_string(),
        blob.len(),
        content,
    )
}

async fn assert_is_complete(browser: &Browser) {
    browser
        .until("the report has all layers", async || {
            let damaged = "return document.querySelectorAll('[data-test=\"stratum\"][data-damaged]').length === 0 \
                && document.querySelectorAll('[data-test=\"stratum\"]').length === 2";
            browser.script(damaged).await.as_bool() == Some(true)
        })
        .await;
    assert!(!browser.shows("layer-again").await);
    browser.click("tab-packages").await;
    let rows = async || {
        let mut texts = String::new();
        for row in browser.all("package-row").await {
            texts += &row.text().await.unwrap_or_default();
        }
        texts
    };
    browser
        .until("the packages of both layers", async || {
            let texts = rows().await;
            texts.contains("zlib1g") && texts.contains("accepts")
        })
        .await;
}

async fn failed_again(browser: &Browser) {
    browser
        .until("it is said that it failed again", async || {
            let text = "return document.querySelector('.toastList')?.innerText ?? ''";
            let text = browser.script(text).await;
            text.as_str()
                .unwrap_or_default()
                .contains("this time either")
        })
        .await;
}

#[test]
fn a_layer_whose_transfer_broke_off_is_read_again_by_itself() {
    let base = base();
    let (tar, blob) = upper();
    let is_mended = Arc::new(AtomicBool::new(false));
    let half = blob[..blob.len() / 2].to_vec();
    let content = Content::Mended(
        Arc::clone(&is_mended),
        Box::new(Content::Cut(half.into(), blob.len())),
        Box::new(Content::Whole(
            "application/octet-stream",
            blob.clone().into(),
        )),
    );
    let made = Made::default().layer("ADD base in /", &base, gzip(&base));
    let made = with_upper(made, &tar, &blob, content);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let crafted = runtime.block_on(made.serve());
    journey_with("layer-again", &[crafted.host()], async |lamina, browser| {
        browser.scan(&lamina.url, &crafted.reference()).await;
        browser.one("verdict").await;
        browser.element(AGAIN).await;
        browser.shots("layer-again").await;

        // It is still not to be had: the report stays, and says so.
        browser.element(AGAIN).await.click().await.unwrap();
        failed_again(browser).await;
        browser.element(AGAIN).await;

        // Warnings offer it, too; the one layer is asked for, and nothing else.
        is_mended.store(true, Ordering::SeqCst);
        let before = crafted.seen().len();
        browser.click("tab-warnings").await;
        let inner = format!("[data-test=\"warning\"] {AGAIN}");
        browser.element(&inner).await.click().await.unwrap();
        assert_is_complete(browser).await;
        let seen = crafted.seen();
        let asked: Vec<_> = seen[before..]
            .iter()
            .filter(|path| path.starts_with("GET"))
            .collect();
        let digest = Digest::of(&blob).to_string();
        assert!(
            !asked.is_empty() && asked.iter().all(|path| path.ends_with(&digest)),
            "{asked:?}"
        );

        // Its files can be opened, and the tab says that nothing is missing.
        browser.click("tab-warnings").await;
        browser
            .until("nothing is missing", async || {
                let text = "return document.getElementById('panel').innerText";
                let text = browser.script(text).await;
                !text
                    .as_str()
                    .unwrap_or_default()
                    .contains("Not read to its end")
            })
            .await;
        browser.click("tab-files").await;
        browser.fill("search", "accepts/package.json").await;
        browser
            .element(
                "[data-test=\"file-row\"][data-path=\"srv/node_modules/accepts/package.json\"]",
            )
            .await
            .click()
            .await
            .unwrap();
        let text = browser.text("file-content").await;
        assert!(text.contains("1.3.8"), "{text}");
    });
}

#[test]
fn a_damaged_layer_is_read_again_while_others_still_arrive() {
    let slow = layer()
        .file("etc/os-release", OS_RELEASE)
        .file("var/lib/dpkg/status", STATUS)
        .file("big", vec![7; 120_000])
        .tar();
    let (tar, blob) = upper();
    let is_mended = Arc::new(AtomicBool::new(false));
    let mut damaged = blob.clone();
    damaged.truncate(blob.len() / 2);
    damaged.resize(blob.len(), 0);
    let whole = |bytes: &[u8]| Content::Whole("application/octet-stream", bytes.to_vec().into());
    let content = Content::Mended(
        Arc::clone(&is_mended),
        Box::new(whole(&damaged)),
        Box::new(whole(&blob)),
    );
    let digest = Digest::of(&slow).to_string();
    let arriving = Content::Slow(slow.clone().into(), Duration::from_millis(700));
    let made = Made::default().layer_of("ADD base in /", &digest, &digest, slow.len(), arriving);
    let made = with_upper(made, &tar, &blob, content);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let crafted = runtime.block_on(made.serve());
    journey_with(
        "layer-again-scan",
        &[crafted.host()],
        async |lamina, browser| {
            browser.scan(&lamina.url, &crafted.reference()).await;
            let button = browser.element(AGAIN).await;
            let bar = "[data-test=\"layer-bar\"][data-layer=\"1\"]";
            let state = browser.element(bar).await.attr("data-state").await.unwrap();
            assert_eq!(state.as_deref(), Some("failed"));
            is_mended.store(true, Ordering::SeqCst);
            button.click().await.unwrap();
            browser
                .element("[data-test=\"layer-bar\"][data-layer=\"1\"][data-state=\"done\"]")
                .await;
            assert!(!browser.shows("verdict").await, "the base still arrives");
            browser.one("verdict").await;
            assert_is_complete(browser).await;
        },
    );
}

#[test]
fn a_damaged_layer_of_an_archive_is_read_again_from_it() {
    let base = base();
    let (tar, blob) = upper();
    let mut damaged = blob.clone();
    damaged.truncate(blob.len() / 2);
    damaged.resize(blob.len(), 0);
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": [
            Digest::of(&base).to_string(), Digest::of(&tar).to_string(),
        ]},
    });
    let list = serde_json::json!([{
        "Config": "config.json", "RepoTags": ["made:1"], "Layers": ["0/layer.tar", "1/layer.tar"],
    }]);
    let archive = layer()
        .file("0/layer.tar", &base)
        .file("1/layer.tar", &damaged)
        .file("config.json", config.to_string())
        .file("manifest.json", list.to_string())
        .tar();
    let file = tempfile::Builder::new().suffix(".tar").tempfile().unwrap();
    std::fs::write(file.path(), archive).unwrap();
    journey("layer-again-archive", async |lamina, browser| {
        browser.open(&lamina.url).await;
        browser.choose_file(file.path()).await;
        browser.one("verdict").await;
        // It is as damaged as before, and that is said.
        browser.element(AGAIN).await.click().await.unwrap();
        failed_again(browser).await;
        browser.element(AGAIN).await;
    });
}
