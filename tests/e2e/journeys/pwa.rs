//! The page without a network: the server is ended, so that neither the page nor its service worker
//! reaches it.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{block_on, browser::Browser, journey_through, lamina::Lamina, root};

/// Waits until the service worker says what it keeps.
async fn until_kept(browser: &Browser, what: &str) {
    browser
        .until(&format!("{what} kept"), async || {
            browser.shows("offline-words").await
                && browser.text("offline-words").await.contains(what)
        })
        .await;
}

/// The page of the tests in a folder of its own, with what a plain file host would have.
fn copy_of_the_page(folder: &Path) {
    copy(&root().join("dist"), folder);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn page_and_demo_open_without_a_server_once_they_were_open() {
    block_on(async {
        let lamina = Lamina::start_at(&root().join("dist")).await;
        let home = lamina.url.clone();
        let browser = Browser::start().await;
        browser.open(&home).await;
        until_kept(&browser, "Available offline: the page").await;
        assert!(
            browser
                .text("offline-words")
                .await
                .contains("not yet the demo")
        );
        browser.click("demo").await;
        assert!(!browser.verdict().await);
        let findings = browser.text("tab-findings").await;
        browser.open(&home).await;
        until_kept(&browser, "and the demo (").await;
        browser.shots("offline-kept").await;

        drop(lamina);
        let get = format!(
            "return fetch({:?}).then(it => it.status, () => 0)",
            format!("{home}/healthz")
        );
        assert_eq!(
            browser.script(&get).await,
            Value::from(0),
            "the server is gone"
        );
        // What this browser read before must not be what answers.
        browser
            .script("localStorage.clear(); return indexedDB.databases().then(all => Promise.all(all.map(it => new Promise(done => { const ask = indexedDB.deleteDatabase(it.name); ask.onsuccess = ask.onerror = ask.onblocked = () => done(); }))).then(() => true))")
            .await;
        browser.open(&format!("{home}/?demo")).await;
        assert!(!browser.verdict().await);
        assert_eq!(browser.text("tab-findings").await, findings);
        browser
            .until("the chapters", async || {
                browser.all("tour-chapter").await.len() == 7
            })
            .await;
        // Every chapter's image and policy, and a sample that was never opened.
        for (chapter, passes) in [(2, true), (3, false), (6, false)] {
            browser.open(&format!("{home}/?tour={chapter}")).await;
            browser
                .until(&format!("the verdict of chapter {chapter}"), async || {
                    browser.shows("verdict").await && browser.verdict().await == passes
                })
                .await;
            assert!(!browser.shows("error").await);
        }
        browser
            .open(&format!("{home}/?image=samples.lamina/hello:distroless"))
            .await;
        assert!(!browser.verdict().await);
        browser.open(&home).await;
        browser.one("sample").await;
        browser.assert_no_panic().await;
    });
}

#[test]
fn sample_that_is_not_kept_says_so_without_a_server() {
    block_on(async {
        let lamina = Lamina::start_at(&root().join("dist")).await;
        let home = lamina.url.clone();
        let browser = Browser::start().await;
        browser.open(&home).await;
        until_kept(&browser, "Available offline: the page").await;
        drop(lamina);
        browser
            .open(&format!("{home}/?image=samples.lamina/shop:1.0"))
            .await;
        browser.one("error").await;
        let text = format!(
            "{} {}",
            browser.text("error").await,
            browser.text("error-advice").await
        );
        assert!(text.contains("no network"), "{text}");
        browser.shots("offline-not-kept").await;
        browser.assert_no_panic().await;
    });
}

#[test]
fn newer_version_is_announced_and_taken() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        copy_of_the_page(folder.path());
        let lamina = Lamina::start_at(folder.path()).await;
        let home = lamina.url.clone();
        let browser = Browser::start().await;
        browser.open(&home).await;
        until_kept(&browser, "Available offline: the page").await;
        assert!(!browser.shows("newer").await);

        // Another version: its name in the page and in the worker.
        let index = folder.path().join("index.html");
        let worker = folder.path().join("sw.js");
        let html = std::fs::read_to_string(&index).unwrap();
        let version = html.split("lamina-version\" content=\"").nth(1).unwrap();
        let version = version.split('"').next().unwrap().to_owned();
        let newer = "fedcba9876543210";
        for path in [&index, &worker] {
            let text = std::fs::read_to_string(path).unwrap();
            assert!(text.contains(&version), "{}", path.display());
            std::fs::write(path, text.replace(&version, newer)).unwrap();
        }
        browser
            .script("return navigator.serviceWorker.getRegistration().then(it => it.update()).then(() => true)")
            .await;
        browser.one("newer").await;
        browser.shots("newer-version").await;
        browser.click("newer-reload").await;
        let now = "return document.querySelector('meta[name=lamina-version]')?.content ?? ''";
        browser
            .until("the newer version", async || {
                browser.script(now).await == json!(newer)
            })
            .await;
        browser
            .until("only the newer version's files", async || {
                let caches = browser.script("return caches.keys()").await;
                caches == json!([format!("lamina-page-{newer}")])
            })
            .await;
        assert!(!browser.shows("newer").await, "it is in force");
        browser.assert_no_panic().await;
    });
}

#[test]
fn page_lies_in_a_folder_of_a_plain_file_host() {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("tools/lamina");
    copy_of_the_page(&site);
    copy(&root().join("demo/out/samples"), &site.join("samples"));
    copy(&root().join("demo/out/db"), &site.join("db"));
    std::fs::write(folder.path().join("index.html"), "<p>another page").unwrap();
    // Only files: `serve` hands out the folder above as if it were a page, and knows nothing of this one.
    let lamina = async { Lamina::start_at(folder.path()).await };
    journey_through("pwa-folder", lamina, async |lamina, browser| {
        let home = format!("{}/tools/lamina/index.html", lamina.url);
        browser.open(&home).await;
        until_kept(browser, "Available offline: the page").await;
        browser.open(&format!("{home}?demo")).await;
        assert!(!browser.verdict().await);
        browser
            .until("the chapters", async || {
                browser.all("tour-chapter").await.len() == 7
            })
            .await;
        let scope = browser
            .script("return navigator.serviceWorker.getRegistration().then(it => it.scope)")
            .await;
        assert_eq!(scope, json!(format!("{}/tools/lamina/", lamina.url)));
    });
}
