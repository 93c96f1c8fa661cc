//! The files of an image: opened in place, found, sorted, and looked at layer by layer.

use std::io::Write as _;

use lamina_testkit::layer;
use thirtyfour::Key;

use crate::harness::{archive, browser::Browser, crafted::Made, journey, journey_with};

const OS_RELEASE: &str = "ID=debian\nVERSION_ID=\"12\"\n";
const STATUS: &str = "Package: base-files\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12.4\n\nPackage: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.2.13.dfsg-1\n\n";

/// As Docker and BuildKit compress: the fastest level would make it one block of deflate.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Bytes that do not compress well.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::new();
    while bytes.len() < length {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        bytes.extend(state.to_le_bytes().map(|byte| b'a' + (byte & 15)));
    }
    bytes
}

/// An image of two layers; the second deletes a file and hides a directory of the first.
fn made() -> (Made, usize) {
    let members: Vec<String> = (0..40)
        .map(|number| format!("\"member{number}\":[{number},true]"))
        .collect();
    let program = std::fs::read("/bin/true").unwrap();
    let mut base = layer()
        .file("etc/os-release", OS_RELEASE)
        .file("etc/motd", "welcome\nto the machine\n")
        .file("var/lib/dpkg/status", STATUS)
        .file("opt/old/file", "old\n");
    for number in 0..20 {
        base = base.file(&format!("srv/data/{number}"), noise(number, 1 << 20));
    }
    let base = base
        .file("srv/settings.json", format!("{{{}}}", members.join(",")))
        .file("srv/bin/tool", program)
        .file(
            "srv/late.txt",
            (1..=300)
                .map(|line| format!("line {line} of the late file\n"))
                .collect::<String>(),
        )
        .symlink("srv/link", "late.txt")
        .tar();
    let top = layer()
        .whiteout("etc/motd")
        .opaque("opt/old")
        .file("opt/old/new", "new\n")
        .tar();
    let blob = gzip(&base);
    let size = blob.len();
    let made = Made::default()
        .ranged_layer("ADD base in /", &base, blob)
        .ranged_layer("RUN rm /etc/motd", &top, gzip(&top));
    (made, size)
}

async fn open_row(browser: &Browser, path: &str) {
    let row = format!("[data-test=\"file-row\"][data-path=\"{path}\"]");
    // The drawer of the file before may cover the row's middle: its name is beside it.
    browser.element(&row).await;
    browser
        .script(&format!("document.querySelector({row:?}).click()"))
        .await;
    let drawer =
        format!("[data-test=\"file-drawer\"][data-path=\"{path}\"] [data-test=\"file-content\"]");
    browser.element(&drawer).await;
}

#[test]
fn files_are_opened_by_parts_of_their_layer() {
    let (made, size) = made();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let crafted = runtime.block_on(made.serve());
    journey_with("files-open", &[crafted.host()], async |lamina, browser| {
        browser.scan(&lamina.url, &crafted.reference()).await;
        browser.one("verdict").await;
        browser.click("tab-files").await;
        assert!(crafted.parts().is_empty(), "the scan reads whole layers");

        // The first time the layer is read up to the file.
        browser.fill("search", "srv/").await;
        open_row(browser, "srv/late.txt").await;
        let text = browser.text("file-content").await;
        assert!(text.contains("line 7 of the late file"), "{text}");
        assert_eq!(browser.text("file-kind").await, "text");
        assert!(
            browser
                .attribute("file-way", "data-checked")
                .await
                .is_some()
        );
        let first: usize = crafted.parts().iter().map(|(_, length)| length).sum();
        assert!(first > size / 2, "{first} of {size}");
        browser.shots("file-text").await;

        // From then on only what it takes.
        open_row(browser, "srv/settings.json").await;
        assert_eq!(browser.text("file-kind").await, "JSON");
        json_is_a_tree(browser).await;
        open_row(browser, "srv/bin/tool").await;
        assert_eq!(browser.text("file-kind").await, "ELF");
        let text = browser.text("file-drawer").await;
        for part in ["Machine", "Loader", "libc.so.6", "RELRO"] {
            assert!(text.contains(part), "{part:?} is not in {text:?}");
        }
        browser.shots("file-elf").await;
        open_row(browser, "srv/link").await;
        let text = browser.text("file-drawer").await;
        assert!(
            text.contains("Leads to") && text.contains("/srv/late.txt"),
            "{text}"
        );
        let parts = crafted.parts();
        let later: usize = parts.iter().map(|(_, length)| length).sum::<usize>() - first;
        assert!(later < size, "{later} of {size} for three files: {parts:?}");
        assert!(parts.iter().any(|(start, _)| *start > 0), "{parts:?}");

        // The address leads to the lines.
        let url = browser.driver.current_url().await.unwrap().to_string();
        let url = url.replace("file=srv/link", "file=srv/late.txt&lines=150-152");
        browser.open(&url).await;
        let marked = browser.element("[data-kind=\"evidence\"]").await;
        let text = marked.text().await.unwrap();
        assert!(
            text.contains("line 151") && !text.contains("line 153"),
            "{text}"
        );
        browser.press(Key::Escape).await;
        browser
            .until("the drawer is closed", async || {
                !browser
                    .driver
                    .current_url()
                    .await
                    .unwrap()
                    .as_str()
                    .contains("file=")
            })
            .await;
    });
}

/// The settings as a tree: parts are opened with the keyboard, all at once, and left for the text.
async fn json_is_a_tree(browser: &Browser) {
    let text = browser.text("json-tree").await;
    assert!(
        text.contains("\"member7\"") && text.contains("2 elements") && !text.contains("true"),
        "{text}"
    );
    let summary = "[...document.querySelectorAll('[data-test=\"json-tree\"] summary')][8]";
    browser.script(&format!("{summary}.focus()")).await;
    browser.press(Key::Enter).await;
    browser
        .until("the eighth member is open", async || {
            let text = browser.text("json-tree").await;
            text.contains("true") && text.contains('7')
        })
        .await;
    browser.shots("file-json").await;
    browser.click("json-open-all").await;
    browser
        .until("all members are open", async || {
            browser.text("json-tree").await.matches("true").count() == 40
        })
        .await;
    browser.click("json-close-all").await;
    browser
        .until("all members are closed", async || {
            !browser.text("json-tree").await.contains("true")
        })
        .await;

    // The text as it is, with and without line breaks.
    browser.click("file-tree").await;
    browser
        .until("the text with line breaks", async || {
            browser
                .text("file-content")
                .await
                .contains("\"member7\": [")
        })
        .await;
    browser.click("file-format").await;
    browser
        .until("the text as it is", async || {
            browser
                .text("file-content")
                .await
                .contains("\"member7\":[7,true]")
        })
        .await;
    assert!(!browser.shows("json-tree").await);
}

#[test]
fn a_large_and_a_hostile_json_document_are_opened() {
    let rows: Vec<String> = (0..9_000)
        .map(|number| format!("{{\"number\":{number},\"name\":\"row {number}\"}}"))
        .collect();
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let tar = layer()
        .file("etc/os-release", OS_RELEASE)
        .file("var/lib/dpkg/status", STATUS)
        .file("srv/large.json", format!("[{}]", rows.join(",")))
        .file("srv/deep.json", deep)
        .tar();
    let made = Made::default().ranged_layer("ADD json in /srv", &tar, gzip(&tar));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let crafted = runtime.block_on(made.serve());
    journey_with("files-json", &[crafted.host()], async |lamina, browser| {
        browser.scan(&lamina.url, &crafted.reference()).await;
        browser.one("verdict").await;
        browser.click("tab-files").await;
        browser.fill("search", "srv/").await;
        open_row(browser, "srv/large.json").await;
        let count = async || {
            let script =
                "return document.querySelectorAll('[data-test=\"json-tree\"] summary').length";
            browser.script(script).await.as_u64().unwrap_or_default()
        };
        browser
            .until("a hundred rows are drawn", async || count().await == 101)
            .await;
        browser.click("json-more").await;
        browser
            .until("a hundred more", async || count().await == 201)
            .await;
        browser.click("json-open-all").await;
        browser
            .until("what can be drawn at once is open", async || {
                browser.text("json-tree").await.contains("\"row 99\"")
            })
            .await;
        open_row(browser, "srv/deep.json").await;
        let note = browser.text("json-note").await;
        assert!(note.contains("more than 64 levels"), "{note}");
        browser.click("json-open-all").await;
        browser
            .until("64 levels are open", async || count().await == 64)
            .await;
    });
}

#[test]
fn the_map_shows_owners_layers_and_waste() {
    let base = layer()
        .file("etc/os-release", OS_RELEASE)
        .file("var/lib/dpkg/status", STATUS)
        .file("opt/cache/archive", noise(1, 300_000))
        .file("opt/app/model", noise(2, 200_000))
        .file("opt/app/kept", noise(3, 500_000))
        .tar();
    let top = layer()
        .whiteout("opt/cache")
        .file("opt/app/model", noise(4, 1_000))
        .tar();
    let made = Made::default()
        .ranged_layer("ADD base in /", &base, gzip(&base))
        .ranged_layer("RUN rm -r /opt/cache", &top, gzip(&top));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let crafted = runtime.block_on(made.serve());
    journey_with("files-map", &[crafted.host()], async |lamina, browser| {
        browser.scan(&lamina.url, &crafted.reference()).await;
        browser.one("verdict").await;
        browser.click("tab-files").await;
        browser.click("show-map").await;
        let total_is = async |by: &str, part: &str| {
            browser
                .element(&format!("[data-test=\"treemap-total\"][data-by=\"{by}\"]"))
                .await;
            let text = browser.text("treemap-total").await;
            assert!(text.contains(part), "{by}: {text}");
        };
        total_is("owner", "to nobody").await;
        browser.click("treemap-layer").await;
        total_is("layer", "layer 0 brought the most").await;
        browser.click("treemap-waste").await;
        total_is(
            "waste",
            "500 kB of 1.0 MB are wasted: later layers replaced 200 kB and deleted 300 kB",
        )
        .await;
        let opt = "[data-test=\"treemap-tile\"][data-name=\"opt\"]";
        let label = browser.element(opt).await.attr("aria-label").await.unwrap();
        let label = label.unwrap_or_default();
        assert!(label.contains("500 kB wasted"), "{label}");
        let told = "[data-test=\"wasted-copy\"][data-path=\"opt/cache/archive\"]";
        let told = browser.element(told).await.text().await.unwrap();
        assert!(
            told.contains("written by layer 0, deleted by layer 1") && told.contains("300 kB"),
            "{told}"
        );
        browser.shots_of("files-waste", "treemap").await;

        // With the keyboard into the directory, and to the copy that is never seen.
        browser
            .element(opt)
            .await
            .send_keys(Key::Enter)
            .await
            .unwrap();
        let app = "[data-test=\"treemap-tile\"][data-name=\"app\"]";
        browser
            .element(app)
            .await
            .send_keys(Key::Enter)
            .await
            .unwrap();
        total_is("waste", "200 kB of 701 kB are wasted").await;
        let model = "[data-test=\"treemap-tile\"][data-name=\"model\"]";
        browser
            .element(model)
            .await
            .send_keys(Key::Enter)
            .await
            .unwrap();
        browser
            .element("[data-test=\"file-drawer\"][data-path=\"opt/app/model\"] [data-test=\"file-content\"]")
            .await;
        let text = browser.text("file-drawer").await;
        assert!(
            text.contains("layer 0") && text.contains("200 kB"),
            "{text}"
        );
    });
}

#[test]
fn files_packages_and_layers_are_told_in_german() {
    let (made, _) = made();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let crafted = runtime.block_on(made.serve());
    journey_with(
        "files-german",
        &[crafted.host()],
        async |lamina, browser| {
            browser.open(&lamina.url).await;
            browser
                .script("localStorage.setItem('lamina.language', 'de')")
                .await;
            browser.scan(&lamina.url, &crafted.reference()).await;
            browser.one("verdict").await;
            browser.click("tab-files").await;
            browser.click("show-map").await;
            browser.click("treemap-waste").await;
            browser
                .element("[data-test=\"treemap-total\"][data-by=\"waste\"]")
                .await;
            let page = async || {
                let text = browser.script("return document.body.innerText").await;
                text.as_str().unwrap_or_default().to_owned()
            };
            let text = page().await;
            for part in [
                "2 Schichten",
                "werden von Schichten darüber ersetzt oder gelöscht",
                "Wem die Dateien gehören",
                "sind verschwendet: Spätere Schichten haben sie gelöscht",
                "von Schicht 0 geschrieben, von Schicht 1 gelöscht",
                "Dateien des zusammengesetzten Images",
            ] {
                assert!(text.contains(part), "{part:?} is not in {text}");
            }
            browser.shots("files-german").await;
            browser.fill("search", "srv/settings").await;
            open_row(browser, "srv/settings.json").await;
            let text = browser.text("file-drawer").await;
            for part in [
                "Als Baum",
                "Alle öffnen",
                "2 Elemente",
                "Benutzer 0, Gruppe 0",
            ] {
                assert!(text.contains(part), "{part:?} is not in {text}");
            }
            browser.press(Key::Escape).await;
            browser.click("tab-packages").await;
            browser.one("packages-table").await;
            let text = page().await;
            for part in ["2 Pakete", "Gefunden in"] {
                assert!(text.contains(part), "{part:?} is not in {text}");
            }
            browser.click("tab-image").await;
            browser.one("licence-texts").await;
            let text = page().await;
            for part in [
                "Wie es gebaut wurde",
                "Text lesen",
                "root (keiner ist gesetzt)",
            ] {
                assert!(text.contains(part), "{part:?} is not in {text}");
            }
        },
    );
}

#[test]
fn licences_are_read_where_packages_have_them() {
    let tar = layer()
        .file("etc/os-release", OS_RELEASE)
        .file("var/lib/dpkg/status", STATUS)
        .file(
            "usr/share/doc/zlib1g/copyright",
            "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nCopyright: 1995 Jean-loup Gailly\nLicense: Zlib\n This software is provided as-is.\n",
        )
        .file("srv/node_modules/accepts/package.json", "{\"name\":\"accepts\",\"version\":\"1.3.8\",\"license\":\"MIT\"}")
        .file("srv/node_modules/accepts/LICENSE", "(The MIT License)\n\nPermission is hereby granted\n")
        .tar();
    let made = Made::default().ranged_layer("ADD base in /", &tar, gzip(&tar));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let crafted = runtime.block_on(made.serve());
    journey_with("licences", &[crafted.host()], async |lamina, browser| {
        browser.scan(&lamina.url, &crafted.reference()).await;
        browser.one("verdict").await;
        browser.click("tab-packages").await;
        let row = "[data-test=\"package-row\"][data-name=\"accepts\"]";
        browser.element(row).await.click().await.unwrap();
        browser.click("open-licence").await;
        let drawer = "[data-test=\"file-drawer\"][data-path=\"srv/node_modules/accepts/LICENSE\"]";
        browser.element(drawer).await;
        let text = browser.text("file-content").await;
        assert!(text.contains("hereby granted"), "{text}");
        browser.press(Key::Escape).await;

        browser.click("tab-image").await;
        let texts = "[...document.querySelectorAll('[data-test=\"licence-texts\"] summary')]";
        browser.one("licence-texts").await;
        browser
            .script(&format!("{texts}.forEach((summary) => summary.click())"))
            .await;
        browser.one("open-licence").await;
        browser
            .until("both texts are offered", async || {
                browser.all("open-licence").await.len() == 2
            })
            .await;
        browser.shots_of("licences", "licence-texts").await;
        browser
            .script("[...document.querySelectorAll('[data-test=\"open-licence\"]')].find((button) => button.innerText.includes('copyright')).click()")
            .await;
        browser
            .element("[data-test=\"file-drawer\"][data-path=\"usr/share/doc/zlib1g/copyright\"]")
            .await;
        let text = browser.text("file-content").await;
        assert!(text.contains("Jean-loup Gailly"), "{text}");
    });
}

#[test]
fn what_a_layer_deleted_is_still_read() {
    let (made, _) = made();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let crafted = runtime.block_on(made.serve());
    journey_with(
        "files-deleted",
        &[crafted.host()],
        async |lamina, browser| {
            browser.scan(&lamina.url, &crafted.reference()).await;
            browser.one("verdict").await;
            browser.click("tab-files").await;
            browser.click("is:deleted").await;
            for directory in ["etc", "opt"] {
                let row = format!("[data-test=\"file-row\"][data-path=\"{directory}\"]");
                browser.element(&row).await.click().await.unwrap();
            }
            open_row(browser, "etc/motd").await;
            let text = browser.text("file-content").await;
            assert!(text.contains("to the machine"), "{text}");
            let text = browser.text("file-drawer").await;
            assert!(text.contains("layer 0"), "{text}");
            browser.shots("files-deleted").await;
        },
    );
}

#[test]
fn a_package_leads_to_the_lines_it_was_read_from() {
    let (made, _) = made();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let crafted = runtime.block_on(made.serve());
    journey_with(
        "files-evidence",
        &[crafted.host()],
        async |lamina, browser| {
            browser.scan(&lamina.url, &crafted.reference()).await;
            browser.one("verdict").await;
            browser.click("tab-packages").await;
            let row = "[data-test=\"package-row\"][data-name=\"zlib1g\"]";
            browser.element(row).await.click().await.unwrap();
            browser.click("open-file").await;
            let marked = browser.element("[data-kind=\"evidence\"]").await;
            let text = marked.text().await.unwrap();
            assert!(
                text.contains("zlib1g") && !text.contains("base-files"),
                "{text}"
            );
            browser.shots("file-evidence").await;
        },
    );
}

#[test]
fn a_file_of_an_archive_is_read_from_the_archive() {
    journey("files-archive", async |lamina, browser| {
        for (name, path) in [
            ("shop-1.0.docker.tar", "etc/os-release"),
            ("metrics-0.9.oci.tar", "etc/os-release"),
        ] {
            browser.open(&lamina.url).await;
            browser.choose_file(&archive(name)).await;
            browser.one("verdict").await;
            browser.click("tab-files").await;
            browser.fill("search", path).await;
            open_row(browser, path).await;
            let text = browser.text("file-content").await;
            assert!(text.contains("ID="), "{name}: {text}");
            let way = browser.text("file-way").await;
            assert!(way.contains("from the archive"), "{way}");
            assert!(
                browser
                    .attribute("file-way", "data-checked")
                    .await
                    .is_some()
            );
        }
    });
}
