//! The guided tour: every chapter's step is done by keyboard and is noticed; presenting; the worksheet.

use serde_json::Value;
use thirtyfour::Key;

use crate::harness::{browser::Browser, journey};

/// Gives the focus to an element, as Tab would: what is pressed then goes there.
async fn focus(browser: &Browser, css: &str) {
    browser.element(css).await;
    let script = format!(
        "document.querySelector({css:?}).focus(); return document.activeElement?.matches({css:?})"
    );
    browser
        .until(&format!("focus on {css}"), async || {
            browser.script(&script).await == Value::Bool(true)
        })
        .await;
}

async fn press_on(browser: &Browser, css: &str, key: Key) {
    focus(browser, css).await;
    browser.press(key).await;
}

async fn is_done(browser: &Browser) -> bool {
    browser.attribute("tour-step", "data-done").await.as_deref() == Some("true")
}

/// Waits for a chapter, its policy and its report, and sees that its step is still to be done.
async fn chapter(browser: &Browser, number: usize, count: usize) {
    let place = format!("{number} of {count}");
    browser
        .until(&format!("chapter {place}"), async || {
            browser.shows("tour-place").await && browser.text("tour-place").await == place
        })
        .await;
    assert!(!browser.shows("tour-problems").await);
    let address = browser.script("return location.search").await;
    assert!(
        address
            .as_str()
            .unwrap()
            .contains(&format!("tour={number}")),
        "{address}"
    );
    // What it points at is drawn, marked, and not behind the panel.
    browser
        .until("what is pointed at", async || {
            let script = "const it = document.querySelector('[data-pointed-at]'); if (!it) return false; \
                const area = it.getBoundingClientRect(); \
                const x = area.left + area.width / 2, y = Math.max(area.top, 0) + Math.min(area.height / 2, 20); \
                const seen = document.elementFromPoint(x, y); \
                return seen !== null && seen.closest('.tour') === null";
            browser.script(script).await == Value::Bool(true)
        })
        .await;
    assert!(
        !is_done(browser).await,
        "chapter {number} is done before it began"
    );
}

async fn until_done(browser: &Browser, number: usize) {
    browser
        .until(&format!("the step of chapter {number}"), async || {
            is_done(browser).await
        })
        .await;
}

#[test]
fn tour_is_walked_by_keyboard_and_notices_every_step() {
    journey("tour", async |lamina, browser| {
        browser.open(&lamina.url).await;
        browser.one("sample").await;
        press_on(browser, "[data-test=\"demo\"]", Key::Enter).await;
        // The first sample, and the list of chapters.
        assert!(!browser.verdict().await);
        browser
            .until("seven chapters", async || {
                browser.all("tour-chapter").await.len() == 7
            })
            .await;
        browser.shots("tour-chapters").await;

        press_on(browser, "[data-test=\"tour-chapter\"]", Key::Enter).await;
        chapter(browser, 1, 7).await;
        browser.shots("tour-chapter").await;
        press_on(browser, "#stratum-4", Key::Enter).await;
        until_done(browser, 1).await;
        browser.shots("tour-done").await;

        press_on(browser, "[data-test=\"tour-next\"]", Key::Enter).await;
        chapter(browser, 2, 7).await;
        assert!(browser.verdict().await);
        focus(browser, "[data-test=\"policy-severity\"]").await;
        for _ in 0..6 {
            if is_done(browser).await {
                break;
            }
            browser.press(Key::Left).await;
            browser.settle().await;
        }
        if !is_done(browser).await {
            for _ in 0..6 {
                browser.press(Key::Right).await;
                browser.settle().await;
                if !browser.verdict().await {
                    break;
                }
            }
        }
        until_done(browser, 2).await;
        assert!(browser.text("tour-result").await.contains("shop:1.1 fails"));

        press_on(browser, "[data-test=\"tour-next\"]", Key::Enter).await;
        chapter(browser, 3, 7).await;
        press_on(browser, "#stratum-0", Key::Enter).await;
        until_done(browser, 3).await;

        press_on(browser, "[data-test=\"tour-next\"]", Key::Enter).await;
        chapter(browser, 4, 7).await;
        browser.script("document.activeElement.blur()").await;
        browser.press_text("/").await;
        browser.press_text("CVE-2022-28346").await;
        browser
            .element("[data-test=\"finding-row\"][data-id=\"CVE-2022-28346\"]")
            .await;
        press_on(browser, "[data-test=\"finding-row\"]", Key::Enter).await;
        until_done(browser, 4).await;
        browser.press(Key::Escape).await;

        press_on(browser, "[data-test=\"tour-next\"]", Key::Enter).await;
        chapter(browser, 5, 7).await;
        press_on(browser, "[data-test=\"tab-policy\"]", Key::Enter).await;
        until_done(browser, 5).await;

        press_on(browser, "[data-test=\"tour-next\"]", Key::Enter).await;
        chapter(browser, 6, 7).await;
        assert!(
            !browser.verdict().await,
            "the chapter's own policy fails it"
        );
        press_on(
            browser,
            "[data-test=\"policy-exceptions\"] summary",
            Key::Enter,
        )
        .await;
        for (field, text) in [
            ("exception-id", "CVE-2023-29383"),
            ("exception-reason", "no logins in this image"),
        ] {
            focus(browser, &format!("[data-test=\"{field}\"]")).await;
            browser.press_text(text).await;
        }
        focus(browser, "[data-test=\"exception-until\"]").await;
        browser.press_text("01312099").await;
        press_on(browser, "[data-test=\"exception-add\"]", Key::Enter).await;
        until_done(browser, 6).await;
        assert!(browser.verdict().await);

        press_on(browser, "[data-test=\"tour-next\"]", Key::Enter).await;
        chapter(browser, 7, 7).await;
        // At once, while the page may still be asking on its own: the press counts, and the button keeps
        // the focus.
        press_on(browser, "[data-test=\"database-update\"]", Key::Enter).await;
        until_done(browser, 7).await;
        let focused = browser
            .script("return document.activeElement?.dataset.test")
            .await;
        assert_eq!(focused, "database-update", "the focus stays on the button");
        browser.shots("tour-last").await;

        // All are ticked, and the worksheet has what was seen at each.
        press_on(browser, "[data-test=\"tour-next\"]", Key::Enter).await;
        browser
            .until("seven ticks", async || {
                let script = "return document.querySelectorAll('[data-test=\"tour-chapter\"][data-done]').length";
                browser.script(script).await == 7
            })
            .await;
        browser
            .script("const make = URL.createObjectURL; URL.createObjectURL = blob => { blob.text().then(text => { window.saved = text }); return make.call(URL, blob); }")
            .await;
        for (button, parts) in [
            (
                "worksheet-markdown",
                [
                    "## 7. Scan again",
                    "- [x] **Step:**",
                    "shop:1.1 passes (fail at low): 3 low, 5 negligible",
                ],
            ),
            (
                "worksheet-html",
                [
                    "<h2>7. Scan again",
                    "\u{2611}",
                    "shop:1.1 passes (fail at low): 3 low, 5 negligible",
                ],
            ),
        ] {
            browser.script("window.saved = ''").await;
            press_on(browser, &format!("[data-test=\"{button}\"]"), Key::Enter).await;
            let saved = async || {
                let text = browser.script("return window.saved").await;
                text.as_str().unwrap_or_default().to_owned()
            };
            browser
                .until("a worksheet", async || !saved().await.is_empty())
                .await;
            let text = saved().await;
            for part in parts {
                assert!(text.contains(part), "no {part:?} in {text}");
            }
        }

        // A reload forgets nothing; closing gives the user's own policy back.
        browser.open(&format!("{}/?tour=6", lamina.url)).await;
        browser
            .until("the chapter's policy", async || {
                browser.shows("verdict").await && !browser.verdict().await
            })
            .await;
        assert!(is_done(browser).await);
        press_on(browser, "[data-test=\"tour-reset\"]", Key::Enter).await;
        browser
            .until("a step to be done", async || !is_done(browser).await)
            .await;
        press_on(browser, "[data-test=\"tour-close\"]", Key::Enter).await;
        browser
            .until("the own policy", async || browser.verdict().await)
            .await;
        assert!(!browser.shows("tour").await);
    });
}

#[test]
fn presenter_goes_card_by_card_with_the_keyboard_alone() {
    journey("tour-presenter", async |lamina, browser| {
        browser.resize(1280, 720).await;
        browser.open(&format!("{}/?demo", lamina.url)).await;
        browser.one("verdict").await;
        browser.one("tour-chapter").await;
        press_on(browser, "[data-test=\"tour-present\"]", Key::Enter).await;
        browser.one("tour-place").await;
        browser.script("document.activeElement.blur()").await;
        let large = browser
            .script(
                "return parseFloat(getComputedStyle(document.querySelector('.tourCard')).fontSize)",
            )
            .await;
        assert!(large.as_f64().unwrap() >= 20.0, "{large} px");
        assert!(!browser.shows("theme").await, "the masthead is not needed");

        // Three cards, then the step.
        let text = async || {
            browser
                .element(".tourText")
                .await
                .text()
                .await
                .unwrap_or_default()
        };
        let mut seen = vec![text().await];
        for key in ["right", "space", "right"] {
            match key {
                "right" => browser.press(Key::Right).await,
                _ => browser.press_text(" ").await,
            }
            let before = seen.last().unwrap().clone();
            browser
                .until("the next card", async || text().await != before)
                .await;
            seen.push(text().await);
        }
        assert!(browser.shows("tour-step").await);
        let fits = browser
            .script("const it = document.querySelector('.tour').getBoundingClientRect(); return it.bottom <= innerHeight && document.documentElement.scrollWidth <= innerWidth")
            .await;
        assert_eq!(fits, Value::Bool(true));
        browser.shot_here("tour-presenter").await;
        browser.press(Key::Right).await;
        browser
            .until("the second chapter", async || {
                browser.text("tour-place").await.starts_with("2 of")
            })
            .await;
        browser.press(Key::Left).await;
        browser
            .until("back at the first step", async || {
                browser.text("tour-place").await.starts_with("1 of")
                    && browser.shows("tour-step").await
            })
            .await;
        // The address has it: a reload, and whoever is given the link, see the same.
        let search = async || browser.script("return location.search").await;
        assert!(search().await.as_str().unwrap().contains("present=1"));
        browser
            .open(&format!("{}/?tour=3&present=1", lamina.url))
            .await;
        browser
            .until("the third chapter, presented", async || {
                browser.shows("tour-place").await
                    && browser.text("tour-place").await.starts_with("3 of")
            })
            .await;
        assert!(!browser.shows("theme").await);
        assert!(
            !browser.shows("tour-step").await,
            "it begins with its first card"
        );
        browser.press(Key::Escape).await;
        browser.one("theme").await;
        assert!(!search().await.as_str().unwrap().contains("present"));
        assert!(
            browser.shows("tour").await,
            "Esc ends presenting, not the tour"
        );
    });
}

#[test]
fn narrow_tour_is_a_sheet_that_leaves_the_report_usable() {
    journey("tour-narrow", async |lamina, browser| {
        browser.resize(390, 844).await;
        browser.open(&format!("{}/?tour=1", lamina.url)).await;
        browser.one("verdict").await;
        chapter(browser, 1, 7).await;
        browser
            .element("[data-test=\"stratum\"][data-layer=\"4\"]")
            .await
            .click()
            .await
            .unwrap();
        until_done(browser, 1).await;
        let wide = browser
            .script("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")
            .await;
        assert_eq!(wide, Value::Bool(true));
    });
}
