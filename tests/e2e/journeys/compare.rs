//! The tab "Compare".

use crate::harness::journey;

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
