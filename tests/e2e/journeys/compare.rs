//! The tab "Compare".

use thirtyfour::{By, Key};

use crate::harness::{browser::Browser, journey, scratch};

async fn file_rows(browser: &Browser) -> Vec<String> {
    let rows = "return [...document.querySelectorAll('[data-test=\"compare-file-row\"]')].map(row => row.innerText)";
    let rows = browser.script(rows).await;
    serde_json::from_value(rows).unwrap()
}

#[test]
fn two_images_are_compared_and_swapped() {
    journey("compare", async |lamina, browser| {
        browser.scan(&lamina.url, "samples.lamina/shop:1.0").await;
        browser.verdict().await;
        browser.scan(&lamina.url, "samples.lamina/shop:1.1").await;
        browser.verdict().await;
        browser.click("tab-compare").await;
        browser.one("compare").await;
        browser
            .fill("compare-reference", "samples.lamina/shop:1.0")
            .await;
        browser.click("compare-scan").await;
        let sides = browser.text("compare-sides").await;
        assert!(
            sides.contains("shop:1.0") && sides.contains("shop:1.1"),
            "{sides}"
        );
        assert!(sides.find("shop:1.0") < sides.find("shop:1.1"), "{sides}");
        let fixed = browser.text("compare-fixed").await;
        assert!(!fixed.starts_with("0 "), "{fixed}");
        let address = browser.script("return location.search").await;
        assert!(
            address
                .as_str()
                .unwrap()
                .contains("with=image:samples.lamina/shop:1.0")
        );
        browser.shots("compare").await;

        browser.click("compare-swap").await;
        let introduced = fixed.replace("fixed", "introduced");
        browser
            .until("the sides swapped", async || {
                browser.text("compare-introduced").await == introduced
            })
            .await;
        browser.fill("compare-search", "no such thing").await;
        browser
            .until("no row", async || {
                browser.all("compare-finding").await.is_empty()
            })
            .await;

        // The address opens the same comparison.
        let url = browser.script("return location.href").await;
        browser.open("about:blank").await;
        browser.open(url.as_str().unwrap()).await;
        browser.one("compare-sides").await;
        browser.assert_no_panic().await;
    });
}

#[test]
fn files_of_two_images_are_told_apart_one_by_one() {
    journey("compare-files", async |lamina, browser| {
        browser.scan(&lamina.url, "samples.lamina/shop:1.1").await;
        browser.verdict().await;
        browser.click("tab-compare").await;
        browser
            .fill("compare-reference", "samples.lamina/shop:1.0")
            .await;
        browser.click("compare-scan").await;
        browser.one("compare-files-same").await;
        let all = file_rows(browser).await;
        assert!(!all.is_empty());
        let first = all[0].clone();
        browser.is_accessible("compare-files").await;

        // By kind: only rows of that kind are left.
        let changed = browser.text("compare-files-changed").await;
        assert!(!changed.starts_with("0 "), "{changed}");
        browser.click("compare-files-changed").await;
        browser
            .until("changed files only", async || {
                let rows = browser.driver.find_all(By::Css(
                    "[data-test=\"compare-file-row\"]:not([data-fate=\"changed\"])",
                ));
                rows.await.unwrap().is_empty()
            })
            .await;
        let rows = file_rows(browser).await;
        assert!(rows.iter().all(|row| row.contains('→')), "{rows:?}");
        browser
            .shots_of("compare-files", "compare-files-list")
            .await;
        browser.click("compare-files-changed").await;

        // With keys, and by path.
        browser
            .script("document.querySelector('[data-test=\"compare-file-row\"]').focus()")
            .await;
        browser.press(Key::Down).await;
        browser
            .until("the next row has the focus", async || {
                browser.script("return document.activeElement.id").await == "compare-file-1"
            })
            .await;
        browser
            .fill("compare-files-search", "no such file anywhere")
            .await;
        browser
            .until("no row", async || file_rows(browser).await.is_empty())
            .await;

        // The other way round what was added is removed.
        browser.fill("compare-files-search", "").await;
        let added = browser.text("compare-files-added").await;
        browser.click("compare-swap").await;
        browser
            .until("the sides swapped", async || {
                browser.text("compare-files-removed").await == added.replace("added", "removed")
            })
            .await;

        // The image on show keeps its files.
        browser.click("tab-files").await;
        browser.one("file-row").await;
        assert!(!first.is_empty());
    });
}

#[test]
fn of_two_dates_the_older_scan_is_before() {
    journey("compare-dates", async |lamina, browser| {
        browser.scan(&lamina.url, "samples.lamina/shop:1.0").await;
        browser.verdict().await;
        let link = browser.complete_link().await;
        let (_, text) = link.split_once("#r=").unwrap();
        let text = text.split('&').next().unwrap();
        let mut report = lamina_report::link::decode(text).unwrap().report;
        browser.click("tab-compare").await;
        browser.one("compare").await;
        for (at, year, is_first) in [
            ("2020-02-03T04:05:00Z", "2020", true),
            ("2099-02-03T04:05:00Z", "2099", false),
        ] {
            report.scanned_at = at.to_owned();
            let path = scratch().join(format!("dated-{year}.json"));
            std::fs::write(&path, serde_json::to_string(&report).unwrap()).unwrap();
            let input = browser
                .driver
                .find(By::Css("[data-test=\"compare-file\"]"))
                .await
                .unwrap();
            input.send_keys(path.to_str().unwrap()).await.unwrap();
            browser
                .until("the dates", async || {
                    browser
                        .driver
                        .find_all(By::Css("[data-test=\"compare-sides\"]"))
                        .await
                        .unwrap()
                        .len()
                        == 1
                        && browser.text("compare-sides").await.contains(year)
                })
                .await;
            let cells = browser
                .script("return [...document.querySelectorAll('[data-test=\"compare-sides\"] tr')].find(row => row.innerText.startsWith('Scanned')).innerText")
                .await;
            let cells = cells.as_str().unwrap().to_owned();
            let place = cells.find(year).unwrap();
            assert_eq!(place < cells.len() / 2, is_first, "{cells}");
            // A report lists no files, and says how to come by them.
            browser.one("compare-no-files").await;
        }
    });
}

#[test]
fn all_platforms_of_an_index_are_put_side_by_side() {
    journey("compare-platforms", async |lamina, browser| {
        browser
            .scan(&lamina.url, "samples.lamina/hello:distroless")
            .await;
        browser.verdict().await;
        browser.click("tab-compare").await;
        browser.click("platforms-compare").await;
        let matrix = browser.text("platforms-matrix").await;
        for word in [
            "linux/amd64",
            "linux/arm64",
            "Verdict",
            "critical",
            "Packages",
            "Size",
        ] {
            assert!(matrix.contains(word), "{word}: {matrix}");
        }
        browser.one("platforms-common").await;
        browser.is_accessible("compare-platforms").await;
        browser.shots_of("compare-platforms", "platforms").await;
        // The image on show keeps its files.
        browser.click("tab-files").await;
        browser.one("file-row").await;
        browser.assert_no_panic().await;
    });
}
