//! A report in a link, encrypted on the server, and in files.

use crate::harness::{
    archive, block_on, browser::Browser, journey, journey_with, registry::Registry, scratch,
};

#[test]
fn link_shows_the_same_report_elsewhere_without_the_registry() {
    let registry = block_on(Registry::start());
    registry.push(&archive("alpine-job-2.3.oci.tar"), "team/job:2.3");
    journey_with("share", &[registry.host()], async |lamina, browser| {
        browser
            .scan(&lamina.url, &format!("{}/team/job:2.3", registry.host()))
            .await;
        let passed = browser.verdict().await;
        let findings = browser.text("tab-findings").await;
        let link = browser.copied_link().await;
        assert!(link.starts_with(&lamina.url), "{link:.80}");
        assert!(link.len() <= 8192, "{}", link.len());

        let before = registry.requests().len();
        let other = Browser::start().await;
        other.open(&link).await;
        assert_eq!(other.verdict().await, passed);
        assert_eq!(other.text("tab-findings").await, findings);
        let banner = other.text("shared-banner").await;
        assert!(banner.contains("It came in the link"), "{banner}");
        assert_eq!(
            registry.requests().len(),
            before,
            "{:?}",
            registry.requests()
        );
        other.assert_no_panic().await;
        other.shots("shared").await;
    });
}

/// Text of every row of findings that is drawn.
async fn rows(browser: &Browser) -> String {
    let rows = browser
        .script("return [...document.querySelectorAll('[data-test=\"finding-row\"]')].map(row => row.textContent).join('\\n')")
        .await;
    rows.as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_report_too_long_for_a_link_says_what_is_not_in_it() {
    journey("share-left-out", async |lamina, browser| {
        browser.scan(&lamina.url, "samples.lamina/shop:1.0").await;
        let passed = browser.verdict().await;
        browser.click("share").await;
        assert!(
            browser
                .text("share-left-out")
                .await
                .contains("packages without findings")
        );
        browser.shots("share").await;
        browser.click("share-close").await;
        let findings = browser.text("tab-findings").await;
        let first = rows(browser).await;
        let link = browser.copied_link().await;
        assert!(link.len() <= 8192, "{}", link.len());
        let other = Browser::start().await;
        other.open(&link).await;
        assert_eq!(other.verdict().await, passed);
        assert_eq!(other.text("tab-findings").await, findings);
        assert_eq!(rows(&other).await, first);
        assert!(
            other
                .text("left-out")
                .await
                .contains("packages without findings")
        );
    });
}

#[test]
fn an_encrypted_upload_opens_elsewhere_until_it_is_deleted_or_expires() {
    journey("share-upload", async |lamina, browser| {
        browser.scan(&lamina.url, "samples.lamina/shop:1.0").await;
        let passed = browser.verdict().await;
        let findings = browser.text("tab-findings").await;
        browser.click("share").await;
        browser.click("share-upload-button").await;
        browser.one("share-upload-link").await;
        let link = browser
            .script("return document.querySelector('[data-test=\"share-upload-link\"]').value")
            .await;
        let link = link.as_str().unwrap().to_owned();
        assert!(link.contains("#s="), "{link}");
        browser.shots("share-upload").await;

        // The server has bytes that say nothing.
        let folder = std::fs::read_dir(lamina.shares.path()).unwrap();
        let files: Vec<_> = folder.map(|file| file.unwrap().path()).collect();
        assert_eq!(files.len(), 1);
        let bytes = std::fs::read(&files[0]).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("CVE-") && !text.contains("shop"));

        let other = Browser::start().await;
        other.open(&link).await;
        assert_eq!(other.verdict().await, passed);
        assert_eq!(other.text("tab-findings").await, findings);
        let banner = other.text("shared-banner").await;
        assert!(
            banner.contains("fetched from this page's server") && !banner.contains("nothing was"),
            "{banner}"
        );
        other.assert_no_panic().await;

        // Another key opens nothing.
        let (start, key) = link.rsplit_once('.').unwrap();
        let wrong: String = key.chars().rev().collect();
        other.open("about:blank").await;
        other.open(&format!("{start}.{wrong}")).await;
        assert!(other.text("error").await.contains("does not open it"));

        browser.click("share-delete").await;
        browser
            .until("no upload", async || !browser.shows("share-upload").await)
            .await;
        other.open("about:blank").await;
        other.open(&link).await;
        assert!(other.text("error").await.contains("deleted it"));

        // One that has expired: as if its time were over.
        browser.click("share-upload-button").await;
        browser.one("share-upload").await;
        let link = browser
            .script("return document.querySelector('[data-test=\"share-upload-link\"]').value")
            .await;
        for file in std::fs::read_dir(lamina.shares.path()).unwrap() {
            let path = file.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
            let mut head: serde_json::Value = serde_json::from_slice(&bytes[..end]).unwrap();
            head["expires"] = serde_json::json!(1);
            let mut changed = serde_json::to_vec(&head).unwrap();
            changed.extend_from_slice(&bytes[end..]);
            std::fs::write(&path, changed).unwrap();
        }
        other.open("about:blank").await;
        other.open(link.as_str().unwrap()).await;
        assert!(other.text("error").await.contains("expired"));
    });
}

#[test]
fn the_html_file_opens_from_disk_without_a_network() {
    journey("share-html", async |lamina, browser| {
        browser.scan(&lamina.url, "samples.lamina/shop:1.0").await;
        let passed = browser.verdict().await;
        let findings = browser.text("tab-findings").await;
        // What is saved is kept in the window: headless Chromium asks nobody where to.
        browser
            .script(
                "const make = URL.createObjectURL; window.saved = null;
                 URL.createObjectURL = (blob) => { blob.text().then(text => { window.saved = text; }); return make.call(URL, blob); };",
            )
            .await;
        browser.click("share").await;
        browser.click("download-html").await;
        browser
            .until("the file", async || {
                browser.script("return window.saved !== null").await == true
            })
            .await;
        let html = browser.script("return window.saved").await;
        let path = scratch().join("report.html");
        std::fs::write(&path, html.as_str().unwrap()).unwrap();

        let other = Browser::start().await;
        other.open(&format!("file://{}", path.display())).await;
        assert_eq!(other.verdict().await, passed);
        assert_eq!(other.text("tab-findings").await, findings);
        let banner = other.text("shared-banner").await;
        assert!(banner.contains("It is in this file"), "{banner}");
        // Views that are fetched when they are opened are in the file, too.
        other.click("tab-fixes").await;
        other.one("fix-plan").await;
        other.click("tab-policy").await;
        other.one("lab").await;
        let asked = other
            .script("return performance.getEntriesByType('resource').map(it => it.name).filter(it => /^https?:/.test(it))")
            .await;
        assert_eq!(asked, serde_json::json!([]));
        other.assert_no_panic().await;
    });
}
