//! Reading a report: groups, the fix plan, the base image apart.

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::harness::{browser::Browser, journey};

async fn open_shop(browser: &Browser, home: &str) {
    browser.scan(home, "samples.lamina/shop:1.0").await;
    browser.one("verdict").await;
}

/// The first number in a text.
fn number_in(text: &str) -> usize {
    let digits: String = text
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    digits
        .parse()
        .unwrap_or_else(|_| panic!("no number in {text:?}"))
}

async fn choose(browser: &Browser, name: &str, value: &str) {
    let script = format!(
        "const it = document.querySelector('[data-test=\"{name}\"]'); it.value = '{value}'; \
         it.dispatchEvent(new Event('change', {{ bubbles: true }}));"
    );
    browser.script(&script).await;
}

#[test]
fn findings_come_in_groups_that_open() {
    journey("groups", async |lamina, browser| {
        open_shop(browser, &lamina.url).await;
        browser.one("findings-table").await;
        choose(browser, "grouping", "fix").await;
        browser.one("finding-group").await;
        let groups = browser.all("finding-group").await.len();
        assert!(groups > 3, "{groups} groups");
        browser.shots("findings-grouped").await;
        let address = browser.driver.current_url().await.unwrap().to_string();
        assert!(address.contains("group=fix"), "{address}");

        // Enter opens a group, and its findings open in the drawer.
        browser
            .element("[data-test=\"finding-group\"]")
            .await
            .click()
            .await
            .unwrap();
        browser.one("finding-row").await.click().await.unwrap();
        browser.one("finding-package").await;

        // A link to it comes back to it.
        browser.driver.refresh().await.unwrap();
        browser.one("finding-package").await;
        browser.one("finding-group").await;
        for grouping in ["vulnerability", "package", "layer"] {
            choose(browser, "grouping", grouping).await;
            browser
                .until(grouping, async || {
                    let address = browser.driver.current_url().await.unwrap().to_string();
                    address.contains(&format!("group={grouping}"))
                })
                .await;
            browser.one("finding-group").await;
        }
    });
}

#[test]
fn the_fix_plan_says_what_upgrades_change() {
    journey("fix-plan", async |lamina, browser| {
        open_shop(browser, &lamina.url).await;
        assert!(!browser.verdict().await);
        browser.click("tab-fixes").await;
        let lead = browser.text("fixes-lead").await;
        assert!(lead.contains("command"), "{lead}");
        let snippet = browser.text("fixes-snippet").await;
        assert!(snippet.contains("RUN "), "{snippet}");
        browser.shots("fixes").await;

        // Nothing ticked: the verdict is as it was, nothing to copy.
        browser.click("fixes-none").await;
        browser
            .until("nothing ticked", async || {
                browser
                    .text("fixes-lead")
                    .await
                    .contains("Nothing is ticked")
            })
            .await;
        assert_eq!(
            browser.attribute("what-if", "data-passed").await.as_deref(),
            Some("false")
        );

        // One upgrade: its number of findings is gone.
        let row = browser.element("[data-test=\"fix\"]").await;
        let promised = number_in(
            row.text()
                .await
                .unwrap()
                .split("removes")
                .nth(1)
                .unwrap_or_default(),
        );
        browser
            .element("[data-test=\"fix\"] input")
            .await
            .click()
            .await
            .unwrap();
        browser
            .until("the one upgrade counted", async || {
                let lead = browser.text("fixes-lead").await;
                let gone = lead.split(" of ").next().unwrap_or_default();
                gone.ends_with(&format!(" {promised}"))
            })
            .await;

        // What fails the image: with it the verdict says why it still fails, or passes.
        browser.click("fixes-failing").await;
        browser.one("what-if").await;
    });
}

#[test]
fn the_base_image_is_hidden_with_one_switch() {
    journey("base-hidden", async |lamina, browser| {
        open_shop(browser, &lamina.url).await;
        let before = number_in(&browser.text("tab-findings").await);
        browser.click("hide-base").await;
        browser
            .until("fewer findings", async || {
                number_in(&browser.text("tab-findings").await) < before
            })
            .await;
        browser.shots("base-hidden").await;
        browser.driver.back().await.unwrap();
        browser
            .until("all findings again", async || {
                number_in(&browser.text("tab-findings").await) == before
            })
            .await;
    });
}

/// Lists draw what is in sight; paper has all of it, and no controls.
#[test]
fn paper_has_the_whole_report() {
    journey("paper", async |lamina, browser| {
        browser.scan(&lamina.url, "samples.lamina/shop:1.0").await;
        browser.one("finding-row").await;
        assert!(!browser.shows("print-sheet").await);
        let shown = browser.all("finding-row").await.len();
        let paper = browser
            .devtools(
                "Page.printToPDF",
                serde_json::json!({ "printBackground": true }),
            )
            .await
            .unwrap();
        let paper = BASE64_STANDARD
            .decode(paper["data"].as_str().unwrap())
            .unwrap();
        let pages = paper
            .windows(b"/Type /Page\n".len())
            .filter(|part| *part == b"/Type /Page\n")
            .count();
        // A hundred findings, as many packages and more, at some forty a page.
        assert!(pages >= 4, "{pages} pages");
        if let Ok(folder) = std::env::var("LAMINA_PAPER") {
            std::fs::write(std::path::Path::new(&folder).join("paper.pdf"), &paper).unwrap();
        }
        // What is drawn meanwhile, as the browser asks for it.
        browser
            .devtools(
                "Emulation.setEmulatedMedia",
                serde_json::json!({ "media": "print" }),
            )
            .await
            .unwrap();
        browser
            .script("window.dispatchEvent(new Event('beforeprint'))")
            .await;
        browser.one("print-sheet").await;
        let script = "return [document.querySelectorAll('[data-test=\"print-sheet\"] section:first-child tbody tr').length, \
            [...document.querySelectorAll('.button, .iconButton, .chip, input, .virtualList')].filter(it => it.offsetParent !== null).length]";
        let drawn = browser.script(script).await;
        assert!(
            drawn[0].as_u64() > u64::try_from(shown).ok(),
            "{drawn}, {shown} in sight"
        );
        assert_eq!(drawn[1], 0, "controls on paper");
        browser
            .script("window.dispatchEvent(new Event('afterprint'))")
            .await;
        browser
            .until("no sheet", async || !browser.shows("print-sheet").await)
            .await;
    });
}
