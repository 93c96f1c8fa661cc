//! Each sample image, from the home page to its report.

use thirtyfour::By;

use crate::harness::{browser::Browser, journey};

/// Findings are shown in a virtual list: what counts them is the tab's own label.
async fn count_of(browser: &Browser, tab: &str) -> usize {
    let text = browser.text(tab).await;
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits
        .parse()
        .unwrap_or_else(|_| panic!("no number on {tab}: {text:?}"))
}

async fn open_sample(browser: &Browser, home: &str, reference: &str) {
    browser.open(home).await;
    let css = format!("[data-test=\"sample\"][data-reference=\"samples.lamina/{reference}\"]");
    browser.element(&css).await.click().await.unwrap();
}

#[test]
fn old_shop_fails_with_findings_of_every_layer() {
    journey("old-shop", async |lamina, browser| {
        open_sample(browser, &lamina.url, "shop:1.0").await;
        assert!(!browser.verdict().await, "shop:1.0 must not pass");
        assert!(browser.shows("verdict-reason").await);
        let findings = count_of(browser, "tab-findings").await;
        assert!(findings >= 40, "{findings} findings");
        let packages = count_of(browser, "tab-packages").await;
        assert!(packages >= 90, "{packages} packages");
        assert_eq!(browser.all("stratum").await.len(), 8);
        browser.shots("shop").await;

        // A stratum filters everything: pip's layer has Django, the base has not.
        browser
            .element("[data-test=\"stratum\"][data-layer=\"4\"]")
            .await
            .click()
            .await
            .unwrap();
        browser
            .until("the layer's findings only", async || {
                count_of(browser, "tab-findings").await < findings
            })
            .await;
        browser.finding("CVE-2022-28346").await;
    });
}

#[test]
fn repaired_shop_passes() {
    journey("repaired-shop", async |lamina, browser| {
        open_sample(browser, &lamina.url, "shop:1.1").await;
        assert!(
            browser.verdict().await,
            "shop:1.1 must pass: {}",
            browser.text("verdict").await
        );
        let findings = count_of(browser, "tab-findings").await;
        assert!((1..=10).contains(&findings), "{findings} findings");
        browser.shots("shop-repaired").await;
    });
}

#[test]
fn alpine_job_shows_the_deleted_file() {
    journey("alpine-job", async |lamina, browser| {
        open_sample(browser, &lamina.url, "alpine-job:2.3").await;
        assert!(!browser.verdict().await);
        browser.finding("CVE-2023-38545").await;
        browser.click("tab-files").await;
        browser.click("show-deleted").await;
        browser.fill("search", "credentials").await;
        browser
            .until("the deleted file among the files", async || {
                let rows = browser.all("file-row").await;
                for row in rows {
                    if row.text().await.unwrap_or_default().contains("credentials") {
                        return true;
                    }
                }
                false
            })
            .await;
        browser.shots("alpine-job-files").await;
    });
}

#[test]
fn platforms_of_an_index_can_be_changed() {
    journey("platforms", async |lamina, browser| {
        open_sample(browser, &lamina.url, "hello:distroless").await;
        browser.one("verdict").await;
        assert!(count_of(browser, "tab-packages").await >= 6);
        let select = browser.one("platform-select").await;
        let mut platforms = Vec::new();
        for option in select.find_all(By::Css("option")).await.unwrap() {
            platforms.push(option.text().await.unwrap());
        }
        assert_eq!(
            platforms,
            ["linux/amd64", "linux/arm64"],
            "and no attestation"
        );
        select
            .find(By::Css("option:nth-of-type(2)"))
            .await
            .unwrap()
            .click()
            .await
            .unwrap();
        browser
            .until("the other platform's report", async || {
                let platform = browser.one("platform-select").await;
                browser.shows("verdict").await
                    && platform
                        .prop("value")
                        .await
                        .ok()
                        .flatten()
                        .is_some_and(|value| value.contains("arm64"))
            })
            .await;
        browser.click("tab-packages").await;
        browser
            .until("arm64 packages", async || {
                let rows = browser.all("package-row").await;
                match rows.first() {
                    Some(row) => row.text().await.unwrap_or_default() != "",
                    None => false,
                }
            })
            .await;
        browser.shots("hello-platforms").await;
    });
}

#[test]
fn zstd_layers_are_read() {
    journey("zstd", async |lamina, browser| {
        open_sample(browser, &lamina.url, "metrics:0.9").await;
        browser.one("verdict").await;
        assert!(!browser.shows("error").await);
        assert!(count_of(browser, "tab-packages").await >= 75);
        browser.shots("metrics").await;
        browser.finding("CVE-2023-32681").await;
    });
}
