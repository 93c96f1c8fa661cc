//! Chromium, driven through Debian's chromedriver; elements are found by `data-test`.

use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use lamina_report::link::{self, SharedReport};
use serde_json::{Value, json};
use thirtyfour::{
    By, ChromiumLikeCapabilities as _, DesiredCapabilities, Key, WebDriver, WebElement,
    error::WebDriverResult,
};

use super::{
    process::{Process, free_port},
    root, scratch,
};

/// How long anything on the page may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Width and height of the window, in CSS pixels.
pub(crate) const WINDOW: (u32, u32) = (1280, 900);

/// A browser with an empty profile. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Browser {
    pub(crate) driver: WebDriver,
    pub(crate) chromedriver: Process,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts chromedriver and Chromium.
    pub(crate) async fn start() -> Self {
        let port = free_port();
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}"));
        let mut chromedriver = Process::start("chromedriver", command);
        chromedriver.listens(port).await;
        let profile = tempfile::tempdir().unwrap();
        let mut capabilities = DesiredCapabilities::chrome();
        for flag in [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--force-prefers-reduced-motion",
            &format!("--window-size={},{}", WINDOW.0, WINDOW.1),
            &format!("--user-data-dir={}", profile.path().display()),
        ] {
            capabilities.add_arg(flag).unwrap();
        }
        capabilities
            .set_browser_log_level(thirtyfour::LoggingPrefsLogLevel::All)
            .unwrap();
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities)
            .await
            .unwrap_or_else(|error| panic!("no browser: {error}\n{}", chromedriver.log()));
        // Ends with chromedriver, below; its own way of ending would block the runtime.
        driver.clone().leak().unwrap();
        let browser = Self {
            driver,
            chromedriver,
            _profile: profile,
        };
        browser.resize(WINDOW.0, WINDOW.1).await;
        browser
    }

    pub(crate) async fn open(&self, url: &str) {
        self.driver.goto(url).await.unwrap();
    }

    /// The first element of that name, once it is shown.
    pub(crate) async fn one(&self, name: &str) -> WebElement {
        self.element(&selector(name)).await
    }

    /// The first element that a CSS selector finds, once it is shown.
    pub(crate) async fn element(&self, css: &str) -> WebElement {
        let start = Instant::now();
        loop {
            for element in self.driver.find_all(By::Css(css)).await.unwrap_or_default() {
                if element.is_displayed().await.unwrap_or(false) {
                    return element;
                }
            }
            assert!(start.elapsed() < PATIENCE, "the page shows no {css}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// All elements of that name, now.
    pub(crate) async fn all(&self, name: &str) -> Vec<WebElement> {
        self.driver.find_all(By::Css(selector(name))).await.unwrap()
    }

    /// Whether one is shown now.
    pub(crate) async fn shows(&self, name: &str) -> bool {
        for element in self.all(name).await {
            if element.is_displayed().await.unwrap_or(false) {
                return true;
            }
        }
        false
    }

    /// Text of the first element of that name.
    pub(crate) async fn text(&self, name: &str) -> String {
        // Rendering may replace an element between finding and reading it.
        let start = Instant::now();
        loop {
            match self.one(name).await.text().await {
                Ok(text) => return text,
                Err(error) => assert!(start.elapsed() < PATIENCE, "no text of {name}: {error}"),
            }
        }
    }

    /// An attribute of the first element of that name.
    pub(crate) async fn attribute(&self, name: &str, attribute: &str) -> Option<String> {
        self.one(name).await.attr(attribute).await.unwrap()
    }

    pub(crate) async fn click(&self, name: &str) {
        let start = Instant::now();
        loop {
            match self.one(name).await.click().await {
                Ok(()) => return,
                Err(error) => assert!(start.elapsed() < PATIENCE, "cannot click {name}: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Replaces what a field holds. A page that is drawn anew meanwhile, in another language, has another
    /// field then.
    pub(crate) async fn fill(&self, name: &str, text: &str) {
        let mut tries = 0;
        loop {
            let field = self.one(name).await;
            let typed = async {
                field.clear().await?;
                field.send_keys(text).await
            };
            match typed.await {
                Ok(()) => return,
                Err(error) if tries == 3 => panic!("{name} takes no text: {error}"),
                Err(_) => tries += 1,
            }
        }
    }

    /// Presses keys wherever the focus is.
    pub(crate) async fn press(&self, key: Key) {
        self.driver
            .action_chain()
            .send_keys(key)
            .perform()
            .await
            .unwrap();
    }

    /// Types a text wherever the focus is.
    pub(crate) async fn press_text(&self, text: &str) {
        self.driver
            .action_chain()
            .send_keys(text)
            .perform()
            .await
            .unwrap();
    }

    /// Gives a file to the page as if it were dropped or chosen.
    pub(crate) async fn choose_file(&self, path: &std::path::Path) {
        let start = Instant::now();
        let input = loop {
            // It is hidden behind the drop zone, so `one` would wait for ever.
            if let Some(input) = self.all("file-input").await.into_iter().next() {
                break input;
            }
            assert!(start.elapsed() < PATIENCE, "the page has no file input");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        input.send_keys(path.to_str().unwrap()).await.unwrap();
    }

    /// Waits until `is_so`.
    pub(crate) async fn until(&self, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        let start = Instant::now();
        while !is_so().await {
            assert!(start.elapsed() < PATIENCE, "the page never came to: {what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Runs a script; what it returns.
    pub(crate) async fn script(&self, script: &str) -> Value {
        self.driver
            .execute(script, Vec::new())
            .await
            .unwrap()
            .json()
            .clone()
    }

    /// Sends a command of the DevTools protocol.
    pub(crate) async fn devtools(&self, method: &str, params: Value) -> WebDriverResult<Value> {
        self.driver.cdp().send_raw(method, params).await
    }

    pub(crate) async fn resize(&self, width: u32, height: u32) {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await
            .unwrap();
    }

    /// As a system set to dark, or to light, would have it.
    pub(crate) async fn colour_scheme(&self, scheme: &str) {
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", media)
            .await
            .unwrap();
    }

    /// Types a reference on the home page and scans it.
    pub(crate) async fn scan(&self, home: &str, reference: &str) {
        self.open(home).await;
        self.fill("reference-input", reference).await;
        self.click("scan-button").await;
    }

    /// The row of a finding. The list renders what is visible only, so it is searched for.
    pub(crate) async fn finding(&self, id: &str) -> WebElement {
        self.click("tab-findings").await;
        self.fill("search", id).await;
        self.element(&format!("[data-test=\"finding-row\"][data-id=\"{id}\"]"))
            .await
    }

    /// Waits for the verdict: whether the image passes.
    pub(crate) async fn verdict(&self) -> bool {
        let passed = self.attribute("verdict", "data-passed").await;
        passed.as_deref() == Some("true")
    }

    /// The link that "Copy link" writes to the clipboard.
    pub(crate) async fn copied_link(&self) -> String {
        // Headless Chromium has no clipboard that can be read: keep what the page writes to it.
        self.script("window.copied = ''; navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); }")
            .await;
        self.click("copy-link").await;
        let copied = async || {
            let text = self.script("return window.copied").await;
            text.as_str().unwrap_or_default().to_owned()
        };
        self.until("a link in the clipboard", async || {
            copied().await.contains('#')
        })
        .await;
        copied().await
    }

    /// A link to the report on show with so many findings, made of those it has.
    pub(crate) async fn link_with_findings(&self, count: usize) -> String {
        let link = self.complete_link().await;
        let (home, payload) = link.split_once("#r=").unwrap();
        let payload = payload.split('&').next().unwrap();
        let mut shared: SharedReport = link::decode(payload).unwrap();
        let few = shared.report.findings.clone();
        shared.report.findings = few
            .iter()
            .cycle()
            .take(count)
            .enumerate()
            .map(|(number, finding)| {
                let mut finding = finding.clone();
                finding.id = format!("CVE-2024-{}", 10_000 + number);
                finding
            })
            .collect();
        format!("{home}#r={}", link::encode(&shared, usize::MAX).text)
    }

    /// Holds what is shown against axe-core (WCAG 2.2 AA and its best practices), light and dark, wide
    /// and narrow.
    pub(crate) async fn is_accessible(&self, name: &str) {
        let Some(path) = std::env::var_os("LAMINA_AXE") else {
            println!("{name}: accessibility is not checked, as LAMINA_AXE names no axe.min.js");
            return;
        };
        let script = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", PathBuf::from(&path).display()));
        self.script(&script).await;
        for (scheme, (width, height)) in
            [("light", WINDOW), ("dark", WINDOW), ("light", (390, 844))]
        {
            self.colour_scheme(scheme).await;
            self.resize(width, height).await;
            self.settle().await;
            let found = self
                .driver
                .execute_async(
                    "const done = arguments[0];
                     axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'] })
                       .then(({ violations }) => done(violations.flatMap(({ id, help, nodes }) =>
                         nodes.slice(0, 5).map(({ target, failureSummary }) => `${id} (${help}): ${target.join(' ')}: ${failureSummary}`))))
                       .catch((error) => done([String(error)]));",
                    Vec::new(),
                )
                .await
                .unwrap();
            let violations: Vec<String> = found.convert().unwrap();
            assert!(
                violations.is_empty(),
                "{name}, {scheme}, {width} px wide:\n{}",
                violations.join("\n\n")
            );
        }
        self.colour_scheme("light").await;
        self.resize(WINDOW.0, WINDOW.1).await;
        self.settle().await;
    }

    /// The link that the report's page copies when it is asked for all of the report.
    pub(crate) async fn complete_link(&self) -> String {
        self.script("window.copied = ''; navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); }")
            .await;
        self.click("share").await;
        self.one("share-link-size").await;
        let is_short = self.shows("share-copy-complete").await;
        let button = if is_short {
            "share-copy-complete"
        } else {
            "share-copy"
        };
        self.click(button).await;
        let copied = async || {
            let text = self.script("return window.copied").await;
            text.as_str().unwrap_or_default().to_owned()
        };
        self.until("a link in the clipboard", async || {
            copied().await.contains('#')
        })
        .await;
        self.click("share-close").await;
        copied().await
    }

    /// Checks that what is shown is accessible, and keeps `docs/shots/<name>-{light,dark,390}.png` if
    /// `LAMINA_SHOTS=1`.
    pub(crate) async fn shots(&self, name: &str) {
        self.shots_of(name, "").await;
    }

    /// The same with an element at the top of the window, in each of the sizes.
    pub(crate) async fn shots_of(&self, name: &str, element: &str) {
        self.is_accessible(name).await;
        if std::env::var("LAMINA_SHOTS").is_err() {
            return;
        }
        let folder = root().join("docs/shots");
        std::fs::create_dir_all(&folder).unwrap();
        for (kind, scheme, (width, height)) in [
            ("light", "light", WINDOW),
            ("dark", "dark", WINDOW),
            ("390", "light", (390, 844)),
        ] {
            self.colour_scheme(scheme).await;
            self.resize(width, height).await;
            self.settle().await;
            if !element.is_empty() {
                let css = selector(element);
                self.script(&format!(
                    "document.querySelector({css:?})?.scrollIntoView()"
                ))
                .await;
                self.settle().await;
            }
            self.driver
                .screenshot(&folder.join(format!("{name}-{kind}.png")))
                .await
                .unwrap();
        }
        self.colour_scheme("light").await;
        self.resize(WINDOW.0, WINDOW.1).await;
        self.settle().await;
    }

    /// Keeps one screenshot, of the window as it is.
    pub(crate) async fn shot_here(&self, name: &str) {
        if std::env::var("LAMINA_SHOTS").is_err() {
            return;
        }
        let folder = root().join("docs/shots");
        std::fs::create_dir_all(&folder).unwrap();
        self.settle().await;
        self.driver
            .screenshot(&folder.join(format!("{name}.png")))
            .await
            .unwrap();
    }

    /// Waits for two frames, so that what was changed is drawn.
    pub(crate) async fn settle(&self) {
        let script = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done(null)));";
        self.driver.execute_async(script, Vec::new()).await.unwrap();
    }

    /// After a failure: a screenshot, and what the page said on its console.
    pub(crate) async fn keep_evidence(&self, name: &str) {
        let path: PathBuf = scratch().join(format!("failed-{name}.png"));
        match self.driver.screenshot(&path).await {
            Ok(()) => eprintln!("--- screenshot: {}", path.display()),
            Err(error) => eprintln!("--- no screenshot: {error}"),
        }
        let address = self.driver.current_url().await.map(|url| url.to_string());
        eprintln!("--- address: {:.200}", address.unwrap_or_default());
        let text = self
            .driver
            .execute("return document.body.innerText", Vec::new())
            .await;
        if let Ok(text) = text {
            eprintln!(
                "--- text of the page:\n{:.4000}",
                text.json().as_str().unwrap_or_default()
            );
        }
        for entry in self.driver.browser_log().await.unwrap_or_default() {
            eprintln!("--- console: {entry:?}");
        }
    }

    /// No journey may end with a panic on the console, whatever it was about, nor with something that
    /// the page's Content-Security-Policy held back.
    pub(crate) async fn assert_no_panic(&self) {
        for entry in self.driver.browser_log().await.unwrap_or_default() {
            let text = format!("{entry:?}");
            assert!(!text.contains("panicked at"), "the page panicked: {text}");
            assert!(
                !text.contains("Content Security Policy"),
                "the page's policy held something back: {text}"
            );
        }
    }
}

fn selector(name: &str) -> String {
    format!("[data-test=\"{name}\"]")
}
