//! The tab "Compare".

use lamina_policy::CustomRule;
use lamina_report::link;
use thirtyfour::By;

use crate::harness::{journey, scratch};

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
fn scans_of_one_image_are_ordered_by_date_and_judged_by_custom_rules() {
    journey("compare-dates", async |lamina, browser| {
        browser.scan(&lamina.url, "samples.lamina/shop:1.0").await;
        browser.verdict().await;
        let copied = browser.copied_link().await;
        let (_, payload) = copied.split_once("#r=").unwrap();
        let mut shared = link::decode(payload.split('&').next().unwrap()).unwrap();
        shared.policy.rules.push(CustomRule {
            name: "no-such-day".to_owned(),
            rego: "package lamina\ndeny contains \"made in 2020\" if startswith(input.scanned_at, \"2020\")\n".to_owned(),
        });
        let payload = link::encode(&shared, usize::MAX).text;
        browser.open("about:blank").await;
        browser.open(&format!("{}/#r={payload}", lamina.url)).await;
        browser.one("shared-banner").await;
        browser.click("tab-compare").await;
        for (year, is_before) in [("2020", true), ("2099", false)] {
            let mut report = shared.report.clone();
            report.scanned_at = format!("{year}-01-01T00:00:00Z");
            let path = scratch().join(format!("scan-{year}.json"));
            std::fs::write(&path, serde_json::to_string(&report).unwrap()).unwrap();
            let input = By::Css("[data-test=\"compare-file\"]");
            let input = browser.driver.find(input).await.unwrap();
            input.send_keys(path.to_str().unwrap()).await.unwrap();
            let date = format!("1 Jan {year}, 00:00 UTC");
            browser
                .until("the dates of both", async || {
                    browser.shows("compare-sides").await
                        && browser.text("compare-sides").await.contains(&date)
                })
                .await;
            let dates = browser
                .script("return [...document.querySelectorAll('[data-test=\"compare-sides\"] tr')].find(row => row.cells[0].innerText === 'Scanned').innerText")
                .await;
            let dates = dates.as_str().unwrap();
            let place = dates.find(&date).unwrap();
            assert_eq!(
                place < dates.rfind("UTC").unwrap() - date.len(),
                is_before,
                "{dates}"
            );
            let verdict = browser.text("compare-sides").await;
            assert_eq!(verdict.contains("no-such-day"), is_before, "{verdict}");
        }
        browser.assert_no_panic().await;
    });
}
