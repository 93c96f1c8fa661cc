//! Habits: the policy that holds the page to its word, the log of requests, the palette, settings,
//! language.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use thirtyfour::Key;

use crate::harness::{
    archive, block_on,
    browser::Browser,
    front::TokenFront,
    journey, journey_with,
    lamina::Lamina,
    registry::Registry,
    root,
    witness::{StaticHost, Witness},
};

/// Runs before the page's own scripts: keeps what the policy holds back.
const LISTEN: &str = "addEventListener('securitypolicyviolation', event => \
    (window.violations ??= []).push(event.effectiveDirective + ' ' + event.blockedURI));";

async fn listen(browser: &Browser) {
    let script = json!({ "source": LISTEN });
    browser
        .devtools("Page.addScriptToEvaluateOnNewDocument", script)
        .await
        .unwrap();
}

async fn violations(browser: &Browser) -> Value {
    browser.script("return window.violations ?? []").await
}

/// Puts hostile things into the page, as markup from a report would if it were let in.
async fn attack(browser: &Browser) -> Value {
    browser
        .script(
            "window.hacked = []; \
             const add = (name, set) => { const it = document.createElement(name); set(it); document.body.append(it); }; \
             add('script', it => { it.textContent = 'hacked.push(\"script\")'; }); \
             add('div', it => { it.innerHTML = '<img src=\"data:,\" onerror=\"hacked.push(1)\">'; }); \
             add('style', it => { it.textContent = 'body { --hacked: 1 }'; }); \
             add('script', it => { it.src = 'https://evil.example/x.js'; }); \
             add('iframe', it => { it.src = '/'; }); \
             add('div', it => { it.innerHTML = '<form action=\"https://evil.example/\"><button>x</button></form>'; setTimeout(() => it.querySelector('button').click(), 0); }); \
             add('base', it => { it.href = 'https://evil.example/'; }); \
             return null",
        )
        .await;
    browser.settle().await;
    browser
        .script(
            "return [window.hacked, getComputedStyle(document.body).getPropertyValue('--hacked'), document.baseURI.startsWith(location.origin), location.host]",
        )
        .await
}

fn assert_held_back(result: &Value, held: &Value) {
    assert_eq!(result[0], json!([]), "a script ran: {held}");
    assert_eq!(result[1], "", "a style was applied: {held}");
    assert_eq!(result[2], true, "the base was moved: {held}");
    let held: Vec<&str> = (held.as_array().unwrap().iter())
        .filter_map(Value::as_str)
        .collect();
    for directive in [
        "script-src-elem inline",
        "script-src-attr inline",
        "style-src-elem inline",
        "script-src-elem https://evil.example",
        "frame-src",
        "form-action",
        "base-uri",
    ] {
        assert!(
            held.iter().any(|line| line.starts_with(directive)),
            "{directive} was not held back: {held:?}"
        );
    }
}

#[test]
fn policy_lets_the_page_work_and_nothing_else() {
    // Not `journey`: what is held back here is on the console on purpose.
    block_on(async {
        let lamina = Lamina::start(&[]).await;
        let browser = Browser::start().await;
        listen(&browser).await;
        browser
            .scan(&lamina.url, "samples.lamina/alpine-job:2.3")
            .await;
        assert!(!browser.verdict().await);
        for tab in ["tab-policy", "tab-packages", "tab-files", "tab-image"] {
            browser.click(tab).await;
            browser.settle().await;
        }
        browser.click("share").await;
        browser.click("download-sarif").await;
        browser.click("share-close").await;
        assert_eq!(violations(&browser).await, json!([]));
        let result = attack(&browser).await;
        assert_held_back(&result, &violations(&browser).await);
    });
}

#[test]
fn a_static_host_is_held_to_the_same_by_the_page_itself() {
    block_on(async {
        let html = std::fs::read_to_string(root().join("dist/index.html")).unwrap();
        assert!(
            html.contains("<meta http-equiv=\"Content-Security-Policy\""),
            "the page has no policy in it: build it with `cargo xtask build`"
        );
        let host = StaticHost::of(&root().join("dist")).await;
        let browser = Browser::start().await;
        listen(&browser).await;
        browser.open(&host.url).await;
        browser.one("reference-input").await;
        browser
            .choose_file(&archive("alpine-job-2.3.docker.tar"))
            .await;
        browser.one("verdict").await;
        assert_eq!(violations(&browser).await, json!([]));
        let result = attack(&browser).await;
        assert_held_back(&result, &violations(&browser).await);
    });
}

/// The log, as "Copy as JSON" writes it.
async fn copied_log(browser: &Browser) -> Value {
    browser
        .script("window.copied = ''; navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); }")
        .await;
    browser.click("network-log-json").await;
    let copied = async || {
        let text = browser.script("return window.copied").await;
        text.as_str().unwrap_or_default().to_owned()
    };
    browser
        .until("a log in the clipboard", async || {
            copied().await.contains('{')
        })
        .await;
    serde_json::from_str(&copied().await).unwrap()
}

#[test]
fn log_has_every_request_that_server_and_registry_saw() {
    let registry = block_on(Registry::start());
    registry.push(&archive("shop-1.0.oci.tar"), "team/shop:1.0");
    // The front lives in a runtime of its own, as the allowed host must be known before the journey.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let login = Some(("ada", "opensesame"));
    let front = runtime.block_on(TokenFront::start(registry.port, login));
    journey_with("network-log", &[front.host()], async |lamina, browser| {
        let witness = Witness::before(&lamina.url).await;
        browser
            .scan(&witness.url, &format!("{}/team/shop:1.0", front.host()))
            .await;
        browser.fill("login-user", "ada").await;
        browser.fill("login-password", "opensesame").await;
        browser.click("login-button").await;
        browser.one("verdict").await;
        browser.click("open-network-log").await;
        browser.one("network-log-sum").await;
        browser.shots("network-log").await;
        let log = copied_log(browser).await;
        let lines = log["requests"].as_array().unwrap();
        let text = |line: &Value, field: &str| line[field].as_str().unwrap_or_default().to_owned();

        // What the registry saw stands in the log, each request once, with its status. One that was tried
        // directly was answered, but not to the page, as the registry sends no CORS headers. Preflights
        // are the browser's own.
        let mut told: Vec<(String, bool, Value)> = (lines.iter())
            .filter(|line| line["host"] == front.host())
            .map(|line| {
                let path = text(line, "path");
                let path = match path.starts_with("/token") {
                    true => "/token",
                    false => path.as_str(),
                };
                let request = format!("{} {path}", text(line, "method"));
                (request, line["way"] == "relay", line["status"].clone())
            })
            .collect();
        for seen in front.seen() {
            let (request, status) = seen.rsplit_once(' ').unwrap();
            if request.starts_with("OPTIONS ") {
                continue;
            }
            let status: Value = json!(status.parse::<u16>().unwrap());
            // By status before by chance: a direct one may have ended with its preflight.
            let by_status = told
                .iter()
                .position(|(other, _, told)| other == request && *told == status);
            let place = by_status.or_else(|| {
                told.iter().position(|(other, is_relayed, told)| {
                    other == request && !is_relayed && told.is_null()
                })
            });
            let Some(place) = place else {
                panic!("{seen} is not in the log: {told:#?}");
            };
            told.remove(place);
        }
        told.retain(|(_, is_relayed, _)| *is_relayed);
        assert!(told.is_empty(), "nobody was asked for {told:#?}");

        // And what the page's own server saw: all of it is in the log, and the log has nothing else.
        let host = witness.url.trim_start_matches("http://");
        let told: BTreeSet<String> = lines
            .iter()
            .map(|line| match text(line, "way").as_str() {
                "relay" => format!(
                    "{} /relay/http/{}{}",
                    text(line, "method"),
                    text(line, "host"),
                    text(line, "path")
                ),
                way => {
                    // What was tried directly reached nobody: the registry sends no CORS headers.
                    assert!(way == "own" || text(line, "host") == front.host(), "{line}");
                    format!("{} {}", text(line, "method"), text(line, "path"))
                }
            })
            .collect();
        let mut missing: Vec<String> = witness.seen();
        // The icon is the browser's own errand, which no list of a page shows; what the service worker
        // fetched ahead stands in its cache.
        let cached = "const done = arguments[0]; (async () => { const paths = []; \
            for (const name of await caches.keys()) { \
                for (const request of await (await caches.open(name)).keys()) paths.push(new URL(request.url).pathname); \
            } return paths; })().then(done, () => done([]))";
        let cached = browser
            .driver
            .execute_async(cached, Vec::new())
            .await
            .unwrap();
        let cached: Vec<String> = serde_json::from_value(cached.json().clone()).unwrap();
        // A token's address has the user's name in its query, which the log leaves out.
        let is_told = |request: &String| {
            let stem = |text: &str| text.split('?').next().unwrap_or_default().to_owned();
            told.contains(request)
                || request.contains("/token?")
                    && told.iter().any(|other| stem(other) == stem(request))
        };
        missing.retain(|request| {
            let path = request.trim_start_matches("GET ");
            let is_ahead = path == "/sw.js" || cached.iter().any(|other| other == path);
            !is_told(request) && !is_ahead && !path.contains("favicon")
        });
        assert!(
            missing.is_empty(),
            "on {host}, not in the log: {missing:#?}"
        );

        // Reasons are given, secrets are not.
        let why: BTreeSet<String> = lines.iter().map(|line| text(line, "why")).collect();
        for wanted in [
            "manifest",
            "config",
            "token",
            "layer 0",
            "layer 7",
            "index of the advisory database",
        ] {
            assert!(why.contains(wanted), "{wanted}: {why:?}");
        }
        let whole = log.to_string();
        for secret in [
            "opensesame",
            "YWRhOm9wZW5zZXNhbWU",
            "a-token-of-the-test-front",
        ] {
            assert!(!whole.contains(secret));
        }
        assert!(
            lines.iter().all(|line| line["problem"] != "under way"),
            "{whole}"
        );
    });
}

/// Presses a key with Ctrl.
async fn with_control(browser: &Browser, key: char) {
    browser
        .driver
        .action_chain()
        .key_down(Key::Control)
        .send_keys(key.to_string())
        .key_up(Key::Control)
        .perform()
        .await
        .unwrap();
}

async fn type_text(browser: &Browser, text: &str) {
    browser
        .driver
        .action_chain()
        .send_keys(text)
        .perform()
        .await
        .unwrap();
}

/// Opens the palette, types, and takes the first entry.
async fn command(browser: &Browser, text: &str) {
    with_control(browser, 'k').await;
    browser.one("palette-field").await;
    type_text(browser, text).await;
    browser
        .element("[data-test=\"palette-option\"][aria-selected=\"true\"]")
        .await;
    browser.press(Key::Enter).await;
}

#[test]
fn palette_reaches_everything_by_keyboard() {
    journey("palette", async |lamina, browser| {
        browser.scan(&lamina.url, "samples.lamina/shop:1.0").await;
        browser.one("verdict").await;
        let row = browser.one("finding-row").await;
        let id = row.attr("data-id").await.unwrap().unwrap();

        with_control(browser, 'k').await;
        browser.one("palette-field").await;
        browser.shots("palette").await;
        browser.press(Key::Escape).await;
        browser
            .until("the palette closed", async || {
                !browser.shows("palette-field").await
            })
            .await;

        command(browser, &id).await;
        browser
            .until("the finding in the drawer", async || {
                let url = browser.driver.current_url().await.unwrap();
                url.query()
                    .unwrap_or_default()
                    .contains(&format!("finding={id}"))
            })
            .await;
        browser.press(Key::Escape).await;

        command(browser, "go to packages").await;
        browser.one("package-row").await;
        command(browser, "layer 3").await;
        let url = browser.driver.current_url().await.unwrap();
        assert!(url.query().unwrap_or_default().contains("layer=3"), "{url}");
        command(browser, "settings").await;
        browser.one("settings-compact").await;
        browser.press(Key::Escape).await;
        // What is typed may be an image, too.
        command(browser, "samples.lamina/alpine-job:2.3").await;
        browser
            .until("another image", async || {
                let url = browser.driver.current_url().await.unwrap();
                url.as_str().contains("alpine-job")
            })
            .await;
        browser.one("verdict").await;
    });
}

#[test]
fn keys_do_what_the_list_says_and_can_be_switched_off() {
    journey("keys", async |lamina, browser| {
        browser
            .scan(&lamina.url, "samples.lamina/alpine-job:2.3")
            .await;
        browser.one("verdict").await;
        browser.script("document.activeElement.blur()").await;
        type_text(browser, "?").await;
        let keys = browser.text("help-keys").await;
        for key in ["Ctrl K", "/", "Esc", "n", ","] {
            assert!(keys.contains(key), "{key}: {keys}");
        }
        browser.shots("keys").await;
        browser.press(Key::Escape).await;
        let opens = async |key: &str, part: &str| {
            type_text(browser, key).await;
            browser.one(part).await;
            browser.press(Key::Escape).await;
            browser
                .until("it closed", async || !browser.shows(part).await)
                .await;
        };
        opens("n", "network-log-sum").await;
        opens(",", "settings-keys").await;
        let tab = "return [...document.querySelectorAll('[role=tab]')].findIndex(tab => tab.dataset.test === 'tab-packages') + 1";
        let tab = browser.script(tab).await;
        type_text(browser, &tab.to_string()).await;
        browser.one("package-row").await;

        type_text(browser, ",").await;
        browser.click("settings-keys").await;
        browser.press(Key::Escape).await;
        browser
            .until("settings closed", async || {
                !browser.shows("settings-keys").await
            })
            .await;
        type_text(browser, "n1?").await;
        browser.settle().await;
        assert!(!browser.shows("network-log-sum").await);
        assert!(!browser.shows("help-keys").await);
        assert!(browser.shows("package-row").await);
    });
}

#[test]
fn settings_are_remembered_and_logins_only_if_asked() {
    let registry = block_on(Registry::with_login("ada", "opensesame"));
    registry.push(&archive("alpine-job-2.3.oci.tar"), "team/job:2.3");
    journey_with("settings", &[registry.host()], async |lamina, browser| {
        browser.open(&lamina.url).await;
        browser.click("open-settings").await;
        browser.click("settings-theme-contrast").await;
        browser.shots("settings").await;
        browser.fill("settings-registry", &registry.host()).await;
        browser.fill("settings-user", "ada").await;
        browser.fill("settings-password", "opensesame").await;
        browser.click("settings-add-login").await;
        browser.one("settings-login").await;
        let stored = "return JSON.stringify([{...localStorage}, {...sessionStorage}])";
        let kept = browser.script(stored).await.to_string();
        assert!(!kept.contains("opensesame"), "{kept}");
        browser.press(Key::Escape).await;

        // The login is used without being asked for.
        let reference = format!("{}/team/job:2.3", registry.host());
        browser.fill("reference-input", &reference).await;
        browser.click("scan-button").await;
        assert!(!browser.verdict().await);

        // A reload forgets it, unless it is to be kept for the tab.
        browser.open(&lamina.url).await;
        let theme = "return document.documentElement.dataset.theme";
        browser
            .until("the colours that were chosen", async || {
                browser.script(theme).await == "contrast"
            })
            .await;
        browser.click("open-settings").await;
        assert!(browser.all("settings-login").await.is_empty());
        browser.click("settings-keep-logins").await;
        browser.fill("settings-registry", "ghcr.io").await;
        browser.fill("settings-user", "ada").await;
        browser.fill("settings-password", "opensesame").await;
        browser.click("settings-add-login").await;
        browser.one("settings-login").await;
        browser.driver.refresh().await.unwrap();
        browser.click("open-settings").await;
        browser.one("settings-login").await;
        let local = browser
            .script("return JSON.stringify({...localStorage})")
            .await;
        assert!(!local.to_string().contains("opensesame"));
        browser.click("settings-keep-logins").await;
        let session = browser
            .script("return JSON.stringify({...sessionStorage})")
            .await;
        assert!(!session.to_string().contains("opensesame"));

        // What is kept can be deleted by kind.
        assert_ne!(browser.text("settings-size-reports").await, "0 B");
        browser.click("settings-clear-reports").await;
        browser
            .until("no reports", async || {
                browser.text("settings-size-reports").await == "0 B"
            })
            .await;
    });
}

#[test]
fn page_speaks_german_when_asked() {
    journey("german", async |lamina, browser| {
        browser.open(&lamina.url).await;
        browser.click("open-settings").await;
        let language = browser.one("settings-language").await;
        language.send_keys("Deutsch").await.unwrap();
        browser
            .until("German", async || {
                browser.script("return document.documentElement.lang").await == "de"
            })
            .await;
        browser.press(Key::Escape).await;
        browser.one("reference-input").await;
        let title = browser.element(".homeTitle").await.text().await.unwrap();
        assert!(title.contains("Schicht"), "{title}");
        browser.shots("german").await;
        // And it still does after a reload; only then was its file fetched again.
        browser.driver.refresh().await.unwrap();
        browser
            .until("German again", async || {
                let title = browser.element(".homeTitle").await.text().await;
                title.is_ok_and(|title| title.contains("Schicht"))
            })
            .await;
    });
}

#[test]
fn columns_are_chosen_and_remembered() {
    journey("columns", async |lamina, browser| {
        let is_drawn = async |column: &str| {
            let script = format!(
                "const cell = document.querySelector('[data-test=\"finding-row\"] [data-column=\"{column}\"]'); \
                 return cell !== null && cell.getBoundingClientRect().width > 0"
            );
            browser.script(&script).await == Value::Bool(true)
        };
        browser.scan(&lamina.url, "samples.lamina/shop:1.0").await;
        browser.one("finding-row").await;
        assert!(is_drawn("installed").await && !is_drawn("cvss").await);
        browser.click("columns").await;
        browser.is_accessible("columns").await;
        browser.click("column-cvss").await;
        browser.click("column-installed").await;
        // Escape closes the list and nothing else.
        browser.press(Key::Escape).await;
        browser
            .until("a closed list", async || {
                !browser.shows("column-cvss").await
            })
            .await;
        assert!(is_drawn("cvss").await && !is_drawn("installed").await);
        // Heads and cells stay one below the other.
        let script = "const left = css => Math.round(document.querySelector(css).getBoundingClientRect().left); \
            return ['id', 'fixed', 'cvss', 'title'].map(column => \
                left(`.tableHeads [data-column=\"${column}\"]`) - left(`[data-test=\"finding-row\"] [data-column=\"${column}\"]`))";
        assert_eq!(browser.script(script).await, json!([0, 0, 0, 0]));
        // Highest first, by the new column.
        browser
            .script("document.querySelector('.tableHeads [data-column=\"cvss\"] button').click()")
            .await;
        browser
            .until("the highest score first", async || {
                let script = "return [...document.querySelectorAll('[data-test=\"finding-row\"]')] \
                    .toSorted((a, b) => a.ariaRowIndex - b.ariaRowIndex) \
                    .map(row => parseFloat(row.querySelector('[data-column=\"cvss\"]').textContent)).slice(0, 5)";
                let scores = browser.script(script).await;
                let scores: Vec<f64> = scores.as_array().unwrap().iter().filter_map(Value::as_f64).collect();
                scores.len() == 5 && scores[0] >= 9.0 && scores.is_sorted_by(|a, b| a >= b)
            })
            .await;

        browser
            .open(&format!("{}/?image=samples.lamina/shop:1.0", lamina.url))
            .await;
        browser.one("finding-row").await;
        assert!(is_drawn("cvss").await && !is_drawn("installed").await);
        browser.click("columns").await;
        browser.click("columns-reset").await;
        assert!(is_drawn("installed").await && !is_drawn("cvss").await);
        browser.press(Key::Escape).await;

        // A narrow list has an order of its own, and no columns to choose.
        browser.resize(390, 844).await;
        browser
            .until("no choice", async || !browser.shows("columns").await)
            .await;
    });
}

/// A page on a host that only hands out files: a server of one's own relays for it, and has the database.
#[test]
fn relay_and_database_of_another_server_are_used() {
    block_on(async {
        let registry = Registry::start().await;
        registry.push(&archive("shop-1.0.oci.tar"), "team/job:2.3");
        let host = StaticHost::of(&root().join("dist")).await;
        let lamina = Lamina::lending_to(&host.url, &[registry.host()]).await;
        let stranger = Lamina::start(&[registry.host()]).await;
        let browser = Browser::start().await;
        listen(&browser).await;

        browser.open(&host.url).await;
        browser.click("open-settings").await;
        browser.one("settings-own-relay").await;
        let said = async |id: &str, wanted: &str| {
            browser
                .until(&format!("{id}: {wanted}"), async || {
                    browser.text(&format!("{id}-said")).await.contains(wanted)
                })
                .await;
        };
        let give = async |id: &str, address: &str| {
            browser.fill(id, address).await;
            browser.click(&format!("{id}-use")).await;
        };
        // What is refused says why.
        give("settings-own-relay", "http://relay.example/").await;
        said("settings-own-relay", "Only https://").await;
        give("settings-own-relay", "relay").await;
        said("settings-own-relay", "no address").await;
        // A server that was not told of this page does not serve it.
        give("settings-own-relay", &stranger.url).await;
        said("settings-own-relay", "--allow-page http://127.0.0.1").await;
        give("settings-own-relay", &lamina.url).await;
        said("settings-own-relay", "In use").await;
        give("settings-own-database", &format!("{}/db", lamina.url)).await;
        said("settings-own-database", "In use").await;
        browser.press(Key::Escape).await;

        let reference = format!("{}/team/job:2.3", registry.host());
        browser.scan(&host.url, &reference).await;
        assert!(!browser.verdict().await);
        // This host has no database: what is found is from the other one.
        browser.one("finding-row").await;
        browser.click("open-network-log").await;
        browser
            .until("the way through the relay", async || {
                // It is asked directly first, which a browser does not allow.
                let script = format!(
                    "return [...document.querySelectorAll('[data-test=\"network-log-host\"][data-host=\"{}\"]')].map(row => row.textContent).join()",
                    registry.host()
                );
                let rows = browser.script(&script).await;
                rows.as_str().is_some_and(|rows| rows.contains("through the relay"))
            })
            .await;
        browser.press(Key::Escape).await;
        assert_eq!(violations(&browser).await, json!([]));

        // And back: what this host does not have is said.
        browser.click("open-settings").await;
        browser.click("settings-own-relay-own").await;
        said("settings-own-relay", "own server").await;
        browser.press(Key::Escape).await;
        let other = format!(
            "{}/team/job@{}",
            registry.host(),
            "sha256:0000000000000000000000000000000000000000000000000000000000000000"
        );
        browser.scan(&host.url, &other).await;
        browser.one("error").await;
    });
}
