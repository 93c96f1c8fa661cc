//! The policy lab: verdicts that follow a slider, tools side by side, files that read back the same,
//! exceptions with reason and expiry.

use std::path::PathBuf;

use thirtyfour::By;

use crate::harness::{browser::Browser, journey, lamina::Lamina, scratch};

/// Findings of the report in which a slider is moved.
const MANY: usize = 2_000;

async fn open_shop(browser: &Browser, lamina: &Lamina) {
    browser.open(&lamina.url).await;
    browser
        .element("[data-test=\"sample\"][data-reference=\"samples.lamina/shop:1.0\"]")
        .await
        .click()
        .await
        .unwrap();
    browser.verdict().await;
    browser.click("tab-policy").await;
    browser.one("lab").await;
}

/// Has the page keep what it would save to files, and answers it by name once `name` was saved.
async fn saved_file(browser: &Browser, button: &str, name: &str) -> String {
    browser
        .script(
            "if (!window.saved) { window.saved = {}; let last = null;
               const create = URL.createObjectURL;
               URL.createObjectURL = blob => { last = blob; return create.call(URL, blob); };
               HTMLAnchorElement.prototype.click = function () { const file = this.download; last.text().then(text => { window.saved[file] = text; }); };
             } window.saved = window.saved;",
        )
        .await;
    browser
        .script(&format!("delete window.saved[{name:?}]"))
        .await;
    browser.click(button).await;
    let read = async || {
        let text = browser
            .script(&format!("return window.saved[{name:?}] ?? null"))
            .await;
        text.as_str().map(str::to_owned)
    };
    browser
        .until(&format!("{name} saved"), async || read().await.is_some())
        .await;
    read().await.unwrap()
}

/// Gives a file to the lab.
async fn give(browser: &Browser, name: &str, text: &str) {
    let folder = scratch().join("lab");
    std::fs::create_dir_all(&folder).unwrap();
    let path: PathBuf = folder.join(name);
    std::fs::write(&path, text).unwrap();
    let input = browser.all("policy-file").await.into_iter().next().unwrap();
    input.send_keys(path.to_str().unwrap()).await.unwrap();
}

async fn slide(browser: &Browser, name: &str, place: usize) {
    browser
        .script(&format!(
            "const slider = document.querySelector('[data-test=\"{name}\"]'); slider.value = {place};
             slider.dispatchEvent(new Event('input', {{ bubbles: true }}));"
        ))
        .await;
}

#[test]
fn the_verdict_follows_a_slider_while_it_moves() {
    journey("lab-slider", async |lamina, browser| {
        open_shop(browser, lamina).await;
        let link = browser.link_with_findings(MANY).await;
        let other = Browser::start().await;
        other.open(&link).await;
        assert!(!other.verdict().await);
        other.click("tab-policy").await;
        other.one("lab").await;
        // From the event until the lab's own verdict and rules are rewritten: no frame between them.
        let times = other
            .script(
                "const slider = document.querySelector('[data-test=\"lab-fail-on\"]');
                 const rule = () => document.querySelector('[data-test=\"outcome-severity-threshold\"]').textContent;
                 return (async () => {
                   const times = [];
                   for (let round = 0; round < 4; round++) for (const place of [0, 1, 2, 3, 4, 5]) {
                     await new Promise(requestAnimationFrame);
                     const before = rule(); const start = performance.now();
                     slider.value = place; slider.dispatchEvent(new Event('input', { bubbles: true }));
                     while (rule() === before && performance.now() - start < 2000) await Promise.resolve().then(() => new Promise(r => { const c = new MessageChannel(); c.port1.onmessage = r; c.port2.postMessage(0); }));
                     times.push(performance.now() - start);
                   }
                   return times;
                 })();",
            )
            .await;
        let mut times: Vec<f64> = times
            .as_array()
            .unwrap()
            .iter()
            .map(|time| time.as_f64().unwrap())
            .collect();
        times.sort_by(f64::total_cmp);
        let (least, median) = (times[0], times[times.len() / 2]);
        println!(
            "{MANY} findings: a step of the slider takes {median:.1} ms, at least {least:.1} ms"
        );
        // The goal is 16 ms, which docs/performance.md measures alone. Here other tests run beside
        // this one, on whatever machine.
        assert!(least < 50.0, "{times:?}");

        slide(&other, "lab-fail-on", 5).await;
        other
            .until("a verdict that passes", async || {
                other.text("lab-verdict").await == "Passes"
            })
            .await;
        slide(&other, "lab-fail-on", 4).await;
        other
            .until("a verdict that fails", async || {
                other.text("lab-verdict").await == "Fails"
            })
            .await;
        other.assert_no_panic().await;
    });
}

#[test]
fn four_tools_stand_side_by_side_and_their_files_read_back_the_same() {
    journey("lab-tools", async |lamina, browser| {
        open_shop(browser, lamina).await;
        for (tool, code) in [
            ("harbor", "HTTP 412"),
            ("grype", "exit status 2"),
            ("trivy", "exit status 1"),
            ("osv-scanner", "exit status 1"),
        ] {
            let name = format!("tool-{tool}");
            assert_eq!(
                browser.attribute(&name, "data-allows").await.as_deref(),
                Some("false"),
                "{tool}"
            );
            let text = browser.text(&name).await;
            assert!(text.contains(code), "{tool}: {text}");
        }
        assert!(browser.shows("timeline").await);
        let lead = browser.text("timeline-lead").await;
        assert!(lead.contains("advisories say"), "{lead}");
        browser.shots_of("lab", "lab").await;
        browser.shots_of("lab-tools", "tools").await;
        browser.shots_of("lab-timeline", "timeline").await;

        // An exception with everything that a person says of it.
        browser.fill("lab-exception-id", "CVE-2022-28346").await;
        browser
            .fill("lab-exception-reason", "no aggregates here")
            .await;
        browser
            .fill("lab-exception-author", "ada@example.org")
            .await;
        browser
            .script("const day = document.querySelector('[data-test=\"lab-exception-until\"]'); day.value = '2099-12-31'; day.dispatchEvent(new Event('input', { bubbles: true }));")
            .await;
        browser.click("lab-exception-add").await;
        let state = browser.element(".labTable .labState").await;
        assert_eq!(state.text().await.unwrap(), "covers 1 finding");

        for (tool, name) in [("trivy", ".trivyignore.yaml"), ("grype", ".grype.yaml")] {
            let export = format!("export-{tool}");
            let text = saved_file(browser, &export, name).await;
            assert!(text.contains("CVE-2022-28346"), "{text}");
            give(browser, name, &text).await;
            browser.one(&format!("adopt-{tool}")).await;
            let again = saved_file(browser, &export, name).await;
            assert_eq!(text, again, "{name} reads back the same");
        }
        // What the files say is what the policy said: the exception survives being taken over.
        browser.click("adopt-trivy").await;
        browser
            .until("the exception of the file", async || {
                let rows = browser.driver.find_all(By::Css(".labTable tbody tr")).await;
                let row = rows.unwrap_or_default().into_iter().next();
                match row {
                    Some(row) => row
                        .text()
                        .await
                        .unwrap_or_default()
                        .contains("no aggregates here"),
                    None => false,
                }
            })
            .await;

        // Lamina's own file likewise.
        let text = saved_file(browser, "lab-export", "lamina-policy.yaml").await;
        browser.click("lab-reset").await;
        give(browser, "policy.yaml", &text).await;
        browser.element(".labTable .labState").await;
        let again = saved_file(browser, "lab-export", "lamina-policy.yaml").await;
        assert_eq!(text, again);

        // What is no policy is refused, with the place.
        give(browser, "broken.yaml", "fail-on: hihg\n").await;
        browser
            .until("the complaint", async || {
                let toasts = browser
                    .driver
                    .find_all(By::Css(".toastListItem"))
                    .await
                    .unwrap_or_default();
                for toast in toasts {
                    if toast.text().await.unwrap_or_default().contains("hihg") {
                        return true;
                    }
                }
                false
            })
            .await;
    });
}

#[test]
fn an_exception_made_from_a_finding_is_carried_in_the_link() {
    journey("lab-exception", async |lamina, browser| {
        open_shop(browser, lamina).await;
        slide(browser, "lab-fail-on", 4).await;
        browser
            .finding("CVE-2022-28346")
            .await
            .click()
            .await
            .unwrap();
        browser
            .element(".drawerExcept input[type=text]")
            .await
            .send_keys("not reachable")
            .await
            .unwrap();
        browser
            .script("const day = document.querySelector('[data-test=\"except-until\"]'); day.value = '2099-12-31'; day.dispatchEvent(new Event('input', { bubbles: true }));")
            .await;
        browser.click("except").await;
        let standing = browser.text("finding-standing").await;
        assert_eq!(
            standing,
            "It does not count: excepted until 2099-12-31: not reachable"
        );
        browser.press(thirtyfour::Key::Escape).await;
        let link = browser.copied_link().await;
        let other = Browser::start().await;
        other.open(&link).await;
        other.verdict().await;
        other.click("tab-policy").await;
        let row = other.element(".labTable tbody tr").await;
        let text = row.text().await.unwrap();
        for part in [
            "CVE-2022-28346",
            "not reachable",
            "2099-12-31",
            "covers 1 finding",
        ] {
            assert!(text.contains(part), "{text}");
        }
    });
}

#[test]
fn an_exception_says_why_and_what_is_removed_can_be_brought_back() {
    journey("exception-reason", async |lamina, browser| {
        open_shop(browser, lamina).await;
        // Without a reason there is none: said at the field, which has the focus.
        browser.fill("lab-exception-id", "CVE-2022-28346").await;
        browser.click("lab-exception-add").await;
        browser
            .until("a message at the field", async || {
                let script = "const it = document.getElementById('lab-exception-reason'); \
                    return it.getAttribute('aria-invalid') === 'true' && it === document.activeElement \
                        && document.getElementById(it.getAttribute('aria-describedby')).textContent.includes('Say why')";
                browser.script(script).await == true
            })
            .await;
        assert!(!browser.shows("lab-exception-remove").await);
        browser.shots("exception-reason").await;
        browser
            .fill("lab-exception-reason", "no aggregates here")
            .await;
        browser.click("lab-exception-add").await;
        browser.one("lab-exception-remove").await;
        assert!(!browser.shows("lab-exception-reason-problem").await);

        browser.click("lab-exception-remove").await;
        browser
            .until("no exception", async || {
                !browser.shows("lab-exception-remove").await
            })
            .await;
        browser.click("undo").await;
        browser.one("lab-exception-remove").await;
        let row = browser.element(".labTable tbody tr").await;
        assert!(row.text().await.unwrap().contains("no aggregates here"));

        // The whole policy likewise.
        browser.click("lab-reset").await;
        browser
            .until("the policy to begin with", async || {
                !browser.shows("lab-exception-remove").await
            })
            .await;
        browser.click("undo").await;
        browser.one("lab-exception-remove").await;
    });
}

#[test]
fn verdict_names_what_is_exploited_also_where_it_passes() {
    journey("verdict-also", async |lamina, browser| {
        open_shop(browser, lamina).await;
        slide(browser, "lab-fail-on", 5).await;
        browser
            .until("it passes", async || browser.verdict().await)
            .await;
        browser.shots_of("verdict-also", "verdict").await;
        browser.click("verdict-exploited").await;
        let row = "[data-test=\"finding-row\"][data-id=\"CVE-2023-44487\"]";
        browser.element(row).await;
        let address = browser.script("return location.search").await;
        assert!(address.as_str().unwrap().contains("q=kev:yes"), "{address}");
    });
}

#[test]
fn vex_documents_and_rules_in_rego_count_and_endless_rules_are_ended() {
    journey("lab-vex-rego", async |lamina, browser| {
        open_shop(browser, lamina).await;
        let threshold = async |browser: &Browser| {
            let name = "outcome-severity-threshold";
            browser.text(name).await
        };
        give(
            browser,
            "shop.openvex.json",
            r#"{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.org/vex/1",
                "author": "shop team", "timestamp": "2026-11-01T00:00:00Z", "version": 1,
                "statements": [{"vulnerability": {"name": "CVE-2022-28346"},
                  "products": [{"@id": "pkg:pypi/django"}], "status": "not_affected",
                  "justification": "vulnerable_code_not_in_execute_path"}]}"#,
        )
        .await;
        browser
            .until("one finding answered by VEX", async || {
                threshold(browser).await.contains("1 answered by VEX")
            })
            .await;
        assert!(browser.text("vex").await.contains("OpenVEX of shop team"));

        give(
            browser,
            "rules.yaml",
            "fail-on: never\nrules:\n  - name: no-django\n    rego: |\n      package lamina\n      deny contains msg if {\n        some p in input.packages\n        p.name == \"Django\"\n        msg := sprintf(\"%s is in layer %d\", [p.name, p.layer])\n      }\n",
        )
        .await;
        browser
            .until("what the rule says", async || {
                browser.shows("outcome-no-django").await
                    && browser
                        .text("outcome-no-django")
                        .await
                        .contains("Django is in layer 4")
            })
            .await;
        assert_eq!(browser.text("lab-verdict").await, "Fails");

        // 27,000,000,000 steps: its worker is ended after five seconds, the page never stands still.
        give(
            browser,
            "endless.yaml",
            "fail-on: never\nrules:\n  - name: endless\n    rego: |\n      package lamina\n      deny contains \"never\" if {\n        some i in numbers.range(1, 3000)\n        some j in numbers.range(1, 3000)\n        some k in numbers.range(1, 3000)\n        i + j + k == 0\n      }\n",
        )
        .await;
        browser.one("outcome-endless").await;
        assert!(
            browser
                .text("outcome-endless")
                .await
                .contains("being judged"),
            "until it has answered a rule fails"
        );
        browser
            .until("the end of the endless rule", async || {
                let text = browser.text("outcome-endless").await;
                text.contains("more than 5 s")
            })
            .await;
    });
}
