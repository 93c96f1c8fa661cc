//! One measured scan for `cargo xtask bench`, which says of which image.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;

use crate::harness::{
    block_on,
    browser::Browser,
    lamina::Lamina,
    process::{descendants, peak_mb, ticks},
};

/// CPU seconds so far of each kind of process below chromedriver: `browser`, `renderer`, `utility` …
///
/// chromedriver's own are left out. A process that ended in between counts with its parent.
fn cpu_s(chromedriver: u32) -> BTreeMap<String, f64> {
    let mut kinds = BTreeMap::new();
    for id in descendants(chromedriver) {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        let kind = line
            .split(['\0', ' '])
            .find_map(|word| word.strip_prefix("--type="))
            .unwrap_or("browser");
        *kinds.entry(kind.to_owned()).or_default() += ticks(id).unwrap_or_default() / 100.0;
    }
    kinds
}

/// Answers when the report is there or has failed, without being asked meanwhile.
const WAIT: &str = r#"
    const done = arguments[0];
    const button = document.querySelector('[data-test="scan-button"]');
    const start = performance.now();
    const look = () => {
        if (!document.querySelector('[data-test="verdict"], [data-test="error"]')) return;
        observer.disconnect();
        done(performance.now() - start);
    };
    const observer = new MutationObserver(look);
    observer.observe(document.body, { childList: true, subtree: true });
    button.click();
"#;

#[test]
#[ignore = "measures; `cargo xtask bench` runs it"]
fn large_image() {
    let reference = std::env::var("LAMINA_BENCH_REFERENCE").expect("cargo xtask bench sets it");
    let (host, _) = reference.split_once('/').unwrap();
    let host = host.to_owned();
    block_on(async {
        let lamina = Lamina::start(&[host]).await;
        let browser = Browser::start().await;
        let patience = Duration::from_secs(600);
        browser.driver.set_script_timeout(patience).await.unwrap();
        browser.open(&lamina.url).await;
        browser.one("sample").await;
        browser.fill("reference-input", &reference).await;
        tokio::time::sleep(Duration::from_secs(2)).await; // The browser's own start must not count.
        let id = browser.chromedriver.id();
        let relay = ticks(lamina.id()).unwrap();
        let before = cpu_s(id);
        let wall = browser
            .driver
            .execute_async(WAIT, Vec::new())
            .await
            .unwrap();
        let mut cpu = cpu_s(id);
        let relay = (ticks(lamina.id()).unwrap() - relay) / 100.0;
        assert!(
            !browser.shows("error").await,
            "{}",
            browser.text("error").await
        );
        for (kind, seconds) in &mut cpu {
            *seconds -= before.get(kind).copied().unwrap_or_default();
        }
        let peak = descendants(id)
            .into_iter()
            .filter_map(peak_mb)
            .fold(0.0, f64::max);
        let stats = browser
            .script("return window.__lamina?.stats ?? null")
            .await;
        let workers = stats["workerBytes"].as_array().cloned().unwrap_or_default();
        let packages = browser.text("tab-packages").await;
        let packages: String = packages.chars().filter(char::is_ascii_digit).collect();
        let result = json!({
            "wall_s": wall.json().as_f64().unwrap() / 1000.0,
            "cpu_s": cpu.values().sum::<f64>(),
            "cpu_by_process": cpu,
            "relay_cpu_s": relay,
            "peak_mb": peak,
            "packages": packages.parse::<u64>().unwrap_or_default(),
            "worker_bytes": workers,
        });
        println!("\nBENCH {result}");
    });
}
