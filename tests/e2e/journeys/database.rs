//! The advisory database in the page: what is fetched, what is kept, what is refused.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::harness::{
    browser::Browser,
    journey, journey_through,
    lamina::{Lamina, program},
    root,
};

const SAMPLE: &str = "samples.lamina/shop:1.0";

/// An advisory that the sample's Django has, and no other database knows.
const NEW: &str = r#"{
  "schema_version": "1.7.3", "id": "GHSA-2222-3333-4444", "modified": "2025-03-25T00:00:00Z",
  "aliases": ["CVE-2025-99999"], "summary": "made for a test",
  "database_specific": {"severity": "CRITICAL"},
  "affected": [{"package": {"ecosystem": "PyPI", "name": "jinja2"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}]
}"#;

/// A folder with feeds, databases made of them, and a key.
struct Makers {
    folder: TempDir,
}

impl Makers {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A database of the samples' advisories and, if asked, the new one.
    fn build(&self, name: &str, built_at: &str, has_new: bool, key: Option<&Path>) -> PathBuf {
        let (feeds, out) = (self.path(&format!("{name}-feeds")), self.path(name));
        copy(&root().join("demo/advisories"), &feeds);
        if has_new {
            std::fs::write(feeds.join("osv/PyPI/GHSA-2222-3333-4444.json"), NEW).unwrap();
        }
        let mut build = Command::new(program());
        build.args(["db", "build", "--name", "test", "--built-at", built_at]);
        build.arg("--from").arg(&feeds).arg("--out").arg(&out);
        if let Some(key) = key {
            build.arg("--sign-with").arg(key);
        }
        run(build);
        out
    }

    /// The secret key and the public one.
    fn keys(&self) -> (PathBuf, String) {
        let path = self.path("test.key");
        let mut keygen = Command::new(program());
        keygen.args(["db", "keygen", "--out"]).arg(&path);
        let text = run(keygen);
        (path, text.lines().last().unwrap().to_owned())
    }
}

fn run(mut command: Command) -> String {
    command.env_remove("LAMINA_DB_PASSWORD");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Puts another database where one is served from.
fn replace(served: &Path, by: &Path) {
    std::fs::remove_dir_all(served).unwrap();
    copy(by, served);
}

fn shards(database: &Path) -> Vec<PathBuf> {
    let folder = database.join("shards/sha256");
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// What reading the advisories of the report on show cost.
async fn cost(browser: &Browser) -> String {
    browser.click("tab-image").await;
    browser.text("advisory-bytes").await
}

/// Brings an element into view, so that a picture shows it.
async fn bring(browser: &Browser, name: &str) {
    let script = format!(
        "document.querySelector('[data-test=\"{name}\"]').scrollIntoView({{block: 'center'}}); return null;"
    );
    browser.script(&script).await;
}

async fn go_home(browser: &Browser, lamina: &Lamina) {
    browser.open(&lamina.url).await;
    browser.one("database-built").await;
}

async fn update(browser: &Browser) {
    browser.click("database-update").await;
    browser
        .until("the update is over", async || {
            browser.text("database-update").await == "Update now"
        })
        .await;
}

#[test]
fn a_second_scan_fetches_no_advisories() {
    journey("database-cache", async |lamina, browser| {
        browser.scan(&lamina.url, SAMPLE).await;
        browser.one("verdict").await;
        let cold = cost(browser).await;
        assert!(cold.ends_with(", 0 B were in this browser"), "{cold}");
        assert!(!cold.starts_with("0 B fetched"), "{cold}");
        bring(browser, "advisory-bytes").await;
        browser.shots("database-cold").await;
        browser.scan(&lamina.url, "samples.lamina/shop:1.1").await;
        browser.one("verdict").await;
        let warm = cost(browser).await;
        assert!(warm.starts_with("0 B fetched, "), "{warm}");
        assert!(!warm.ends_with(", 0 B were in this browser"), "{warm}");
        go_home(browser, lamina).await;
        bring(browser, "database").await;
        browser.shots("database").await;
        // Without the database at its place, what is held goes on.
        browser.click("database-clear").await;
        browser
            .until("nothing is held", async || {
                browser.text("database-held").await == "nothing of it here yet"
            })
            .await;
    });
}

#[test]
fn a_vulnerability_that_is_exploited_is_said_to_be() {
    journey("database-kev", async |lamina, browser| {
        browser.scan(&lamina.url, SAMPLE).await;
        browser
            .finding("CVE-2023-44487")
            .await
            .click()
            .await
            .unwrap();
        let text = browser.text("finding-kev").await;
        assert!(
            text.starts_with("known to CISA since 10 Oct 2023"),
            "{text}"
        );
        browser.shots("finding-exploited").await;
    });
}

#[test]
fn an_update_fetches_the_shard_that_changed_and_tells_what_it_changes() {
    let makers = Makers::new();
    let old = makers.build("old", "2025-03-20T00:00:00Z", false, None);
    let new = makers.build("new", "2025-03-26T00:00:00Z", true, None);
    let served = makers.path("served");
    copy(&old, &served);
    let lamina = Lamina::start_with(&[], &served);
    journey_through("database-update", lamina, async |lamina, browser| {
        browser.scan(&lamina.url, SAMPLE).await;
        browser.one("verdict").await;
        go_home(browser, lamina).await;
        replace(&served, &new);
        // Nothing but what the old one does not have can be fetched.
        let known: Vec<_> = shards(&old)
            .iter()
            .map(|path| path.file_name().unwrap().to_owned())
            .collect();
        let mut changed = 0;
        for path in shards(&served) {
            if known.contains(&path.file_name().unwrap().to_owned()) {
                std::fs::remove_file(path).unwrap();
            } else {
                changed += 1;
            }
        }
        // The shard of PyPI, and its prose.
        assert_eq!(changed, 2);
        update(browser).await;
        let news = browser.text("recent-news").await;
        assert!(news.contains("1 new"), "{news}");
        let built = browser.attribute("database-built", "datetime").await;
        assert_eq!(built.as_deref(), Some("2025-03-26T00:00:00Z"));
        bring(browser, "recent-news").await;
        browser.shots("database-news").await;
        // The kept report has it now, with nothing scanned again.
        browser.click("recent-scan").await;
        browser.finding("CVE-2025-99999").await;
        go_home(browser, lamina).await;
        assert!(!browser.shows("recent-news").await, "it was looked at");
    });
}

#[test]
fn a_shard_that_was_tampered_with_is_refused() {
    let makers = Makers::new();
    let served = makers.build("tampered", "2025-03-20T00:00:00Z", true, None);
    for path in shards(&served) {
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    let lamina = Lamina::start_with(&[], &served);
    journey_through("database-tampered", lamina, async |lamina, browser| {
        browser.scan(&lamina.url, SAMPLE).await;
        browser.one("verdict").await;
        assert!(
            !browser.verdict().await,
            "what was not matched does not pass"
        );
        browser.click("tab-warnings").await;
        browser.one("warning").await;
        let mut text = String::new();
        for warning in browser.all("warning").await {
            text.push_str(&warning.text().await.unwrap());
        }
        assert!(text.contains("has digest sha256:"), "{text}");
        browser.shots("database-tampered").await;
    });
}

#[test]
fn only_a_newer_index_that_is_signed_is_taken() {
    let makers = Makers::new();
    let (secret, public) = makers.keys();
    let old = makers.build("old", "2025-03-10T00:00:00Z", false, Some(&secret));
    let good = makers.build("good", "2025-03-20T00:00:00Z", false, Some(&secret));
    let unsigned = makers.build("unsigned", "2025-03-26T00:00:00Z", true, None);
    let newer = makers.build("newer", "2025-03-26T00:00:00Z", true, Some(&secret));
    let served = makers.path("served");
    copy(&good, &served);
    let lamina = Lamina::start_signed(&served, &public);
    journey_through("database-signed", lamina, async |lamina, browser| {
        go_home(browser, lamina).await;
        assert_eq!(browser.text("database-trust").await, "signed");
        let refused = async |by: &Path, why: &str| {
            replace(&served, by);
            update(browser).await;
            let problem = browser.text("database-problem").await;
            assert!(problem.contains(why), "{problem}");
            let built = browser.attribute("database-built", "datetime").await;
            assert_eq!(built.as_deref(), Some("2025-03-20T00:00:00Z"));
        };
        refused(&unsigned, "it has no signature").await;
        bring(browser, "database-problem").await;
        browser.shots("database-refused").await;
        // The signature of another index.
        std::fs::copy(
            good.join("index.json.minisig"),
            unsigned.join("index.json.minisig"),
        )
        .unwrap();
        refused(&unsigned, "the signature does not fit").await;
        refused(&old, "older than the one held").await;
        replace(&served, &newer);
        update(browser).await;
        let built = browser.attribute("database-built", "datetime").await;
        assert_eq!(built.as_deref(), Some("2025-03-26T00:00:00Z"));
        assert!(!browser.shows("database-problem").await);
    });
}
