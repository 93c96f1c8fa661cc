//! Reports from files: those of other tools opened and compared, and hostile ones, which run nothing.

use std::path::{Path, PathBuf};

use lamina_report::{link, link::SharedReport, model::Report};
use serde_json::{Value, json};
use thirtyfour::{By, Key};

use crate::harness::{browser::Browser, journey, lamina::Lamina, scratch};

/// What runs, or becomes an element, if any of it is taken for markup; and what steers terminals and
/// turns text around.
const HOSTILE: &str = "\"'></title><script>window.hit='script'</script><img src=x onerror=\"window.hit='img'\">\
    <svg onload=\"window.hit='svg'\"><iframe src=\"javascript:parent.hit='frame'\"></iframe>\
    javascript:window.hit='url' \u{1b}[31m\u{202e}gpj\u{2066}";

fn file(name: &str, text: &str) -> PathBuf {
    let folder = scratch().join("imports");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

async fn open_shop(browser: &Browser, lamina: &Lamina) {
    browser.scan(&lamina.url, "samples.lamina/shop:1.0").await;
    browser.verdict().await;
}

/// The report on show, out of the link that the page makes.
async fn shared(browser: &Browser) -> SharedReport {
    let copied = browser.copied_link().await;
    let (_, payload) = copied.split_once("#r=").unwrap();
    link::decode(payload.split('&').next().unwrap()).unwrap()
}

/// What Trivy would write about some findings of a report: the first ones, and one that is not there.
fn trivy(report: &Report, count: usize) -> String {
    let findings = report.findings.iter().take(count).map(|finding| {
        let package = &report.packages[finding.package];
        json!({
            "VulnerabilityID": finding.id, "PkgName": package.name,
            "PkgIdentifier": { "PURL": package.purl }, "InstalledVersion": package.version,
            "FixedVersion": finding.fixed_in.join(", "), "Severity": "LOW", "Title": "as Trivy says it",
        })
    });
    let strange = json!({
        "VulnerabilityID": "CVE-2099-7", "PkgName": "not-there", "InstalledVersion": "1.0",
        "Severity": "CRITICAL", "Title": "in no package of ours",
    });
    let findings: Vec<Value> = findings.chain([strange]).collect();
    json!({
        "SchemaVersion": 2, "Trivy": { "Version": "0.50.1" }, "ArtifactName": "shop:1.0",
        "ArtifactType": "container_image", "CreatedAt": "2026-01-01T00:00:00Z",
        "Results": [{ "Target": "shop", "Class": "lang-pkgs", "Type": "unsaid", "Vulnerabilities": findings }],
    })
    .to_string()
}

#[test]
fn a_report_of_another_tool_opens_like_ours() {
    journey("import", async |lamina, browser| {
        open_shop(browser, lamina).await;
        let ours = shared(browser).await.report;
        let path = file("trivy.json", &trivy(&ours, 5));
        browser.open(&lamina.url).await;
        browser.choose_file(&path).await;
        let banner = browser.text("import-banner").await;
        assert!(banner.contains("Imported from Trivy 0.50.1"), "{banner}");
        assert!(
            !browser.verdict().await,
            "a critical finding without a fix fails"
        );
        browser.finding("CVE-2099-7").await;
        for tab in [
            "tab-packages",
            "tab-files",
            "tab-image",
            "tab-policy",
            "tab-warnings",
        ] {
            browser.click(tab).await;
            browser.settle().await;
        }
        browser.click("tab-findings").await;
        browser.script("scrollTo(0, 0)").await;
        browser.shots("import").await;

        // A file that is none says so, and the way out is another file.
        browser.open(&lamina.url).await;
        browser.choose_file(&file("other.json", "{\"a\": 1}")).await;
        let error = browser.text("error").await;
        assert!(error.contains("no report that Lamina knows"), "{error}");
        browser.choose_file(&path).await;
        browser.one("import-banner").await;
    });
}

#[test]
fn another_scanner_is_put_beside_ours_with_reasons() {
    journey("beside", async |lamina, browser| {
        open_shop(browser, lamina).await;
        let ours = shared(browser).await.report;
        let path = file("beside.json", &trivy(&ours, 5));
        browser.click("tab-compare").await;
        browser.one("beside").await;
        let input = browser.driver.find(By::Css("[data-test=\"beside-file\"]"));
        let input = input.await.unwrap();
        input.send_keys(path.to_str().unwrap()).await.unwrap();
        browser.one("comparison").await;
        let rows = async |side: &str| {
            let css = format!("[data-test=\"beside-row\"][data-side=\"{side}\"]");
            browser.driver.find_all(By::Css(css)).await.unwrap().len()
        };
        assert!(rows("agreed").await > 0);
        assert_eq!(rows("theirs").await, 1);
        assert!(rows("ours").await > 0);
        browser.shots_of("beside", "beside").await;

        browser.click("beside-theirs").await;
        browser
            .until("their rows alone", async || rows("agreed").await == 0)
            .await;
        let text = browser.text("beside-rows").await;
        assert!(
            text.contains("CVE-2099-7") && text.contains("The package is not in our inventory"),
            "{text}"
        );
        browser.fill("beside-search", "zlib-that-is-not").await;
        browser
            .until("no row", async || rows("theirs").await == 0)
            .await;
        let pressed = browser.attribute("beside-theirs", "aria-pressed").await;
        assert_eq!(pressed.as_deref(), Some("true"));
    });
}

/// Puts the hostile text into every text of a document, but for words of which there is a list.
fn poison(value: &mut Value, name: &str) {
    const LISTED: [&str; 9] = [
        "severity", "status", "kind", "basis", "default", "fail-on", "fail_on", "outcome", "what",
    ];
    match value {
        Value::String(text) if !LISTED.contains(&name) => text.push_str(HOSTILE),
        Value::Array(items) => items.iter_mut().for_each(|item| poison(item, name)),
        Value::Object(fields) => fields
            .iter_mut()
            .for_each(|(name, item)| poison(item, name)),
        _ => {}
    }
}

/// Goes through every tab and opens what can be opened; then looks whether anything ran.
async fn walk_all(browser: &Browser) {
    browser.one("verdict").await;
    for (tab, row) in [
        ("tab-findings", "finding-row"),
        ("tab-issues", "issue-row"),
        ("tab-packages", "package-row"),
        ("tab-files", ""),
        ("tab-image", ""),
        ("tab-warnings", ""),
        ("tab-policy", ""),
        ("tab-fixes", ""),
        ("tab-compare", ""),
    ] {
        browser.click(tab).await;
        browser.settle().await;
        if let Some(row) = browser.all(row).await.into_iter().next() {
            // A row that is just being replaced is of no interest here.
            let _ = row.click().await;
            browser.settle().await;
        }
        assert_nothing_ran(browser, tab).await;
        // The drawer would cover the tabs.
        browser.press(Key::Escape).await;
        browser.settle().await;
    }
}

async fn assert_nothing_ran(browser: &Browser, what: &str) {
    let found = browser
        .script(
            "const schemes = [...document.querySelectorAll('a[href]')].map(a => new URL(a.href, location.href).protocol);
             return [window.hit ?? null,
               document.querySelectorAll('img, iframe, [onerror], [onload]').length,
               [...document.querySelectorAll('script')].filter(it => it.textContent.includes('window.hit')).length,
               schemes.filter(it => it !== 'http:' && it !== 'https:')]",
        )
        .await;
    assert_eq!(found, json!([null, 0, 0, []]), "{what}");
}

async fn open_file(browser: &Browser, lamina: &Lamina, path: &Path) {
    browser.open(&lamina.url).await;
    browser.choose_file(path).await;
}

#[test]
fn nothing_in_a_report_ever_runs() {
    journey("hostile-report", async |lamina, browser| {
        open_shop(browser, lamina).await;
        let mut shared = shared(browser).await;
        shared.report.findings.truncate(20);
        let mut document = serde_json::to_value(&shared.report).unwrap();
        poison(&mut document, "");
        shared.report = serde_json::from_value(document.clone()).unwrap();

        // In a link.
        browser
            .open(&format!(
                "{}/#r={}",
                lamina.url,
                link::encode(&shared, usize::MAX).text
            ))
            .await;
        browser.one("shared-banner").await;
        walk_all(browser).await;
        browser.script("scrollTo(0, 0)").await;

        // As a file.
        open_file(browser, lamina, &file("own.json", &document.to_string())).await;
        browser.one("file-banner").await;
        walk_all(browser).await;

        // Of another tool, opened, and put beside ours.
        let mut theirs: Value = serde_json::from_str(&trivy(&shared.report, 8)).unwrap();
        let results = &mut theirs["Results"];
        poison(results, "");
        theirs["ArtifactName"] = json!(HOSTILE);
        theirs["Trivy"]["Version"] = json!(format!("1{HOSTILE}"));
        let path = file("hostile-trivy.json", &theirs.to_string());
        open_file(browser, lamina, &path).await;
        browser.one("import-banner").await;
        walk_all(browser).await;
        let input = browser.driver.find(By::Css("[data-test=\"beside-file\"]"));
        input
            .await
            .unwrap()
            .send_keys(path.to_str().unwrap())
            .await
            .unwrap();
        browser.one("comparison").await;
        browser.settle().await;
        assert_nothing_ran(browser, "comparison").await;
        assert!(
            browser.text("beside-rows").await.contains("<script>"),
            "it is shown as text"
        );
    });
}
