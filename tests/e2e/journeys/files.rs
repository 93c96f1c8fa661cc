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
        let text = browser.text("file-content").await;
        assert!(text.contains("\"member7\": ["), "{text}");
        assert_eq!(browser.text("file-kind").await, "JSON");
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
