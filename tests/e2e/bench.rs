//! One measured scan for `cargo xtask bench`, which says of which image.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{
    block_on,
    browser::Browser,
    lamina::Lamina,
    process::{descendants, peak_mb, ticks},
};

/// CPU seconds of a process and all below it, ended ones included.
fn cpu_s(id: u32) -> f64 {
    let all = std::iter::once(id).chain(descendants(id));
    all.filter_map(ticks).sum::<f64>() / 100.0
}

#[test]
#[ignore = "measures; `cargo xtask bench` runs it"]
fn large_image() {
    let reference = std::env::var("LAMINA_BENCH_REFERENCE").expect("cargo xtask bench sets it");
    let (host, _) = reference.split_once('/').unwrap();
    let host = host.to_owned();
    block_on(async {
        let lamina = Lamina::start(&[host]).await;
        let browser = Browser::start().await;
        browser.open(&lamina.url).await;
        browser.one("sample").await;
        browser.fill("reference-input", &reference).await;
        tokio::time::sleep(Duration::from_secs(2)).await; // The browser's own start must not count.
        let id = browser.chromedriver.id();
        let (cpu, relay) = (cpu_s(id), cpu_s(lamina.id()));
        let start = Instant::now();
        browser.click("scan-button").await;
        let mut peak = 0.0_f64;
        // Asked rarely, so that asking costs nothing.
        while !browser.shows("verdict").await {
            assert!(
                start.elapsed() < Duration::from_secs(600),
                "{}",
                lamina.log()
            );
            assert!(
                !browser.shows("error").await,
                "{}",
                browser.text("error").await
            );
            peak = peak.max(
                descendants(id)
                    .into_iter()
                    .filter_map(peak_mb)
                    .fold(0.0, f64::max),
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let wall = start.elapsed().as_secs_f64();
        let (cpu, relay) = (cpu_s(id) - cpu, cpu_s(lamina.id()) - relay);
        let stats = browser
            .script("return window.__lamina?.stats ?? null")
            .await;
        let workers = stats["workerBytes"].as_array().cloned().unwrap_or_default();
        let packages: String = browser
            .text("tab-packages")
            .await
            .chars()
            .filter(char::is_ascii_digit)
            .collect();
        let result = json!({
            "wall_s": wall,
            "cpu_s": cpu,
            "relay_cpu_s": relay,
            "peak_mb": peak,
            "packages": packages.parse::<u64>().unwrap_or_default(),
            "worker_bytes": workers,
        });
        println!("\nBENCH {result}");
    });
}
