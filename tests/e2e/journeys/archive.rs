//! Archives given to the page as files.

use crate::harness::{archive, journey};

#[test]
fn docker_save_archive_gives_the_same_report() {
    journey("docker-save", async |lamina, browser| {
        browser.open(&lamina.url).await;
        browser.choose_file(&archive("shop-1.0.docker.tar")).await;
        assert!(!browser.verdict().await);
        assert_eq!(browser.all("stratum").await.len(), 8);
        browser.finding("CVE-2022-28346").await;
        browser.shots("docker-save").await;
    });
}

#[test]
fn oci_archive_with_zstd_layers_is_read() {
    journey("oci-archive", async |lamina, browser| {
        browser.open(&lamina.url).await;
        browser.choose_file(&archive("metrics-0.9.oci.tar")).await;
        browser.one("verdict").await;
        assert_eq!(browser.all("stratum").await.len(), 4);
    });
}

#[test]
fn file_that_is_no_image_is_said_to_be_none() {
    journey("no-image", async |lamina, browser| {
        let file = tempfile::Builder::new().suffix(".tar").tempfile().unwrap();
        std::fs::write(file.path(), "this is no archive\n".repeat(100)).unwrap();
        browser.open(&lamina.url).await;
        browser.choose_file(file.path()).await;
        let error = browser.text("error").await;
        assert!(!error.is_empty());
    });
}
