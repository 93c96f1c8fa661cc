//! What is in an image and where it came from: packages in full, issues, whose the files are.

use lamina_testkit::{gzip, layer};
use thirtyfour::Key;

use crate::harness::{browser::Browser, crafted::Made, journey, journey_with};

const OS_RELEASE: &str = "ID=debian\nVERSION_ID=\"12\"\n";
const STATUS: &str = "Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.2.13.dfsg-1\n\n";

async fn address(browser: &Browser) -> String {
    let address = browser.driver.current_url().await.unwrap();
    address.to_string()
}

async fn wait_for_address(browser: &Browser, part: &str, is_wanted: bool) {
    browser
        .until(&format!("{part} in the address: {is_wanted}"), async || {
            address(browser).await.contains(part) == is_wanted
        })
        .await;
}

async fn open_shop(browser: &Browser, home: &str) {
    browser.scan(home, "samples.lamina/shop:1.0").await;
    browser.one("verdict").await;
}

#[test]
fn a_package_tells_why_it_is_there_and_where_it_came_from() {
    journey("package-drawer", async |lamina, browser| {
        open_shop(browser, &lamina.url).await;
        browser.click("tab-packages").await;
        browser.click("filter-kind-pypi").await;
        browser.fill("search", "kind:pypi pkg:django").await;
        let row = "[data-test=\"package-row\"][data-name=\"Django\"]";
        browser.element(row).await.click().await.unwrap();
        let text = browser.text("package-drawer").await;
        for part in [
            "Why it is believed to be there",
            "METADATA",
            "layer 4",
            "pkg:pypi/django@",
        ] {
            assert!(text.contains(part), "{part:?} is not in {text:?}");
        }
        assert!(!browser.all("package-events").await.is_empty());
        wait_for_address(browser, "package=", true).await;
        browser.shots("package-drawer").await;

        // The link keeps it: a reload scans again and comes back to the same package.
        browser.driver.refresh().await.unwrap();
        let again = browser.text("package-drawer").await;
        assert!(again.contains("pkg:pypi/django@"), "{again}");

        // Escape closes it and gives the focus back to the row.
        browser.press(Key::Escape).await;
        wait_for_address(browser, "package=", false).await;
        browser
            .until("the focus on the row again", async || {
                let script = "return document.activeElement?.dataset.name ?? ''";
                browser.script(script).await.as_str() == Some("Django")
            })
            .await;
    });
}

#[test]
fn packages_of_the_base_and_own_ones_are_told_apart() {
    journey("package-filters", async |lamina, browser| {
        open_shop(browser, &lamina.url).await;
        browser.one("base-line").await;
        browser.click("tab-packages").await;
        browser.one("packages-table").await;
        browser.shots("packages").await;
        browser.click("filter-base-no").await;
        wait_for_address(browser, "base:no", true).await;
        for row in browser.all("package-row").await {
            let text = row.text().await.unwrap_or_default();
            assert!(!text.contains("base"), "{text:?} is of the base");
        }
        browser.click("filter-base-yes").await;
        wait_for_address(browser, "base:yes", true).await;
        wait_for_address(browser, "base:no", false).await;
    });
}

#[test]
fn whose_the_files_are_is_told_above_the_tree() {
    journey("accounts", async |lamina, browser| {
        open_shop(browser, &lamina.url).await;
        browser.click("tab-files").await;
        let text = browser.text("accounts").await;
        for part in ["Distribution", "Language packages", "Nobody", "Efficiency"] {
            assert!(text.contains(part), "{part:?} is not in {text:?}");
        }
        browser.fill("search", "bin/dpkg").await;
        browser
            .until("dpkg as the owner of its program", async || {
                for row in browser.all("file-row").await {
                    let text = row.text().await.unwrap_or_default();
                    if text.lines().any(|line| line.trim() == "dpkg") {
                        return true;
                    }
                }
                false
            })
            .await;
        browser.shots("files-owned").await;
        browser.click("tab-image").await;
        // By the list of known bases beside the database of the samples.
        let base = browser.text("base").await;
        for part in ["Base image", "debian:12.0", "told by its chain id"] {
            assert!(base.contains(part), "{part:?} is not in {base:?}");
        }
    });
}

#[test]
fn a_deleted_secret_is_still_an_issue() {
    // In two parts, so that no scanner takes this file for a leak.
    let key = format!(
        "-----BEGIN RSA PRI{}\nMIIEGakpxQJji+Xmdj+L6VAAdg/vHOejDFpSIRUvKJMEd7HMlbvGdZcWwANO6ZWN\n",
        "VATE KEY-----"
    );
    let base = layer()
        .file("etc/os-release", OS_RELEASE)
        .file("var/lib/dpkg/status", STATUS)
        .tar();
    let with_key = layer().file("srv/deploy/id_rsa", &key).tar();
    let without = layer().whiteout("srv/deploy/id_rsa").tar();
    let made = Made::default()
        .layer("ADD base in /", &base, gzip(&base))
        .layer("COPY id_rsa /srv/deploy/", &with_key, gzip(&with_key))
        .layer("RUN rm /srv/deploy/id_rsa", &without, gzip(&without));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let crafted = runtime.block_on(made.serve());
    journey_with("issues", &[crafted.host()], async |lamina, browser| {
        browser.scan(&lamina.url, &crafted.reference()).await;
        browser.one("verdict").await;
        // The verdict names it, whatever it is, and its link lists it.
        browser.click("verdict-secrets").await;
        let row = "[data-test=\"issue-row\"][data-rule=\"private-key\"]";
        browser.element(row).await;
        let address = browser.script("return location.search").await;
        let address = address.as_str().unwrap();
        assert!(address.contains("q=kind:secret"), "{address}");
        browser.click("filter-kind-secret").await;
        browser.click("filter-kind-secret").await;
        let text = browser.element(row).await.text().await.unwrap();
        for part in ["Private key", "srv/deploy/id_rsa", "gone in layer 2"] {
            assert!(text.contains(part), "{part:?} is not in {text:?}");
        }
        browser.element(row).await.click().await.unwrap();
        let text = browser.text("issue-drawer").await;
        assert!(text.contains("COPY id_rsa"), "{text}");
        assert!(
            !text.contains("MIIEGakpxQJji"),
            "the secret itself is not shown: {text}"
        );
        wait_for_address(browser, "issue=", true).await;
        browser.shots("issues").await;
        browser.press(Key::Escape).await;
        wait_for_address(browser, "issue=", false).await;

        // A layer limits issues as it does everything; the config belongs to none.
        browser.fill("search", "").await;
        browser.click("clear-filters").await;
        browser
            .element("[data-test=\"stratum\"][data-layer=\"0\"]")
            .await
            .click()
            .await
            .unwrap();
        browser
            .until("no secret of the base", async || {
                browser.all("issue-row").await.is_empty()
                    || !browser.text("issues-table").await.contains("id_rsa")
            })
            .await;
    });
}
