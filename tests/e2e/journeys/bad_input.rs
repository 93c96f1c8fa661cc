//! Broken and hostile images: a message that names the layer and the step, the rest intact.

use std::io::Write as _;

use lamina_image::digest::Digest;
use lamina_testkit::{gzip, layer};

use crate::harness::{
    browser::Browser,
    crafted::{Content, Crafted, Made},
    journey_with,
};

const OS_RELEASE: &str =
    "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";
const STATUS: &str = "Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nSource: zlib\nVersion: 1:1.2.13.dfsg-1\n\n";

/// A good base, whose packages must be in the report whatever lies above.
fn on_base() -> Made {
    let tar = layer()
        .file("etc/os-release", OS_RELEASE)
        .file("var/lib/dpkg/status", STATUS)
        .tar();
    Made::default().layer("ADD base in /", &tar, gzip(&tar))
}

fn with_made<F>(name: &str, made: Made, walk: F)
where
    F: AsyncFnOnce(&Crafted, &Browser),
{
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let crafted = runtime.block_on(made.serve());
    journey_with(name, &[crafted.host()], async |lamina, browser| {
        browser.scan(&lamina.url, &crafted.reference()).await;
        walk(&crafted, browser).await;
    });
}

/// The report is there, says what is wrong with the upper layer, and has the base's package.
async fn assert_rest_is_intact(browser: &Browser, step: &str, says: &[&str]) {
    browser.one("verdict").await;
    let stratum = browser
        .element("[data-test=\"stratum\"][data-layer=\"1\"]")
        .await;
    let stratum = stratum.text().await.unwrap();
    assert!(stratum.contains(step), "{stratum:?}");
    browser.click("tab-warnings").await;
    browser.one("warning").await;
    let mut warnings = String::new();
    for warning in browser.all("warning").await {
        warnings += &warning.text().await.unwrap().to_lowercase();
        warnings.push('\n');
    }
    for word in ["layer 1"].iter().chain(says) {
        assert!(
            warnings.contains(&word.to_lowercase()),
            "{word:?} is not in {warnings:?}"
        );
    }
    println!("{warnings}");
    let verdict = browser.one("verdict").await;
    assert_eq!(
        verdict.attr("data-passed").await.unwrap().as_deref(),
        Some("false"),
        "what was not read does not pass"
    );
    browser.click("tab-packages").await;
    browser
        .until("the base's package", async || {
            let mut texts = String::new();
            for row in browser.all("package-row").await {
                texts += &row.text().await.unwrap_or_default();
            }
            texts.contains("zlib1g")
        })
        .await;
}

#[test]
fn truncated_layer_is_named() {
    let tar = layer().file("srv/data", vec![1; 300_000]).tar();
    let mut blob = gzip(&tar);
    blob.truncate(blob.len() / 2);
    let made = on_base().layer("COPY truncated /srv", &tar, blob);
    with_made("truncated", made, async |_, browser| {
        assert_rest_is_intact(browser, "COPY truncated", &["ends"]).await;
        browser.script("scrollTo(0, 0)").await;
        browser.shots("truncated-layer").await;
    });
}

#[test]
fn transfer_that_breaks_off_is_named() {
    let tar = layer()
        .file(
            "srv/data",
            (0..200_000_u32)
                .flat_map(u32::to_le_bytes)
                .collect::<Vec<u8>>(),
        )
        .tar();
    let blob = gzip(&tar);
    let half = blob[..blob.len() / 2].to_vec();
    let made = on_base().layer_of(
        "COPY broken /srv",
        &Digest::of(&tar).to_string(),
        &Digest::of(&blob).to_string(),
        blob.len(),
        Content::Cut(half.into(), blob.len()),
    );
    with_made("broken", made, async |_, browser| {
        assert_rest_is_intact(browser, "COPY broken", &[]).await;
    });
}

#[test]
fn wrong_digest_names_both() {
    let tar = layer().file("srv/data", "what was pushed").tar();
    let other = gzip(&layer().file("srv/data", "what is served").tar());
    let promised = Digest::of(&gzip(&tar));
    let actual = Digest::of(&other);
    let made = on_base().layer_of(
        "COPY swapped /srv",
        &Digest::of(&tar).to_string(),
        &promised.to_string(),
        other.len(),
        Content::Whole("application/octet-stream", other.into()),
    );
    with_made("wrong-digest", made, async |_, browser| {
        let says = [promised.short(), actual.short()];
        assert_rest_is_intact(browser, "COPY swapped", &says).await;
    });
}

#[test]
fn manifest_that_is_a_page_is_said_to_be_one() {
    let page = "<!doctype html><title>Sign in</title><p>Please sign in to the proxy.</p>";
    let made = on_base().tag_is("text/html", page);
    with_made("html", made, async |_, browser| {
        let error = browser.text("error").await.to_lowercase();
        assert!(
            error.contains("manifest") && error.contains("html"),
            "{error}"
        );
        assert!(!browser.shows("verdict").await);
    });
}

#[test]
fn manifest_of_ten_megabytes_is_refused() {
    let huge = format!(
        "{{\"schemaVersion\":2,\"annotations\":{{\"a\":\"{}\"}}}}",
        "x".repeat(10_000_000)
    );
    let made = on_base().tag_is("application/vnd.oci.image.manifest.v1+json", huge);
    with_made("huge-manifest", made, async |_, browser| {
        let error = browser.text("error").await.to_lowercase();
        assert!(error.contains("manifest"), "{error}");
    });
}

#[test]
fn tar_bomb_ends_with_a_named_limit() {
    // A tar that promises a terabyte, and 16 GiB of zeros in 16 MB of gzip members for it: a file may
    // have many. The header of the one file that the tar says it holds comes first.
    let mut header = tar::Header::new_gnu();
    header.set_path("zeros").unwrap();
    header.set_size(1 << 40);
    header.set_mode(0o644);
    header.set_cksum();
    let mut blob = gzip(header.as_bytes());
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; 64 << 20]).unwrap();
    let member = encoder.finish().unwrap();
    for _ in 0..256 {
        blob.extend_from_slice(&member);
    }
    let diff_id = Digest::of(b"nobody will ever know").to_string();
    let digest = Digest::of(&blob).to_string();
    let size = blob.len();
    let made = on_base().layer_of(
        "COPY bomb /",
        &diff_id,
        &digest,
        size,
        Content::Whole("application/octet-stream", blob.into()),
    );
    with_made("bomb", made, async |_, browser| {
        assert_rest_is_intact(browser, "COPY bomb", &["more"]).await;
    });
}

#[test]
fn no_such_tag_is_said_with_advice() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let crafted = runtime.block_on(on_base().serve());
    journey_with("no-tag", &[crafted.host()], async |lamina, browser| {
        let reference = format!("{}/made:other", crafted.host());
        browser.scan(&lamina.url, &reference).await;
        let error = browser.text("error").await;
        assert!(error.contains("other"), "{error}");
        assert!(error.contains("did not give the manifest"), "{error}");
        assert!(!browser.text("error-why").await.is_empty());
        assert!(!browser.text("error-advice").await.is_empty());
        browser.shots("no-such-tag").await;
        let seen = crafted.seen();
        assert!(
            seen.iter().any(|path| path.contains("manifests/other")),
            "{seen:?}"
        );
    });
}

#[test]
fn a_hundred_thousand_tiny_files_are_counted() {
    let mut builder = layer();
    for number in 0..100_000 {
        builder = builder.file(&format!("srv/tiny/{:03}/{number}", number % 500), "");
    }
    let tar = builder.tar();
    let made = on_base().layer("COPY tiny /srv", &tar, gzip(&tar));
    with_made("tiny-files", made, async |_, browser| {
        browser.one("verdict").await;
        browser.click("tab-files").await;
        browser.one("file-row").await;
        // Only what is visible is rendered.
        assert!(browser.all("file-row").await.len() < 500);
    });
}
