//! The page and `lamina scan` say the same of an image.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use lamina_report::link;
use serde_json::Value;

use crate::harness::{
    archive, block_on, journey_through,
    lamina::{Lamina, program},
    registry::Registry,
    root,
};

#[test]
fn page_and_program_agree_on_the_samples() {
    let images = ["shop-1.0", "shop-1.1", "alpine-job-2.3", "metrics-0.9"];
    let images = images.map(|name| (name, archive(&format!("{name}.oci.tar"))));
    agree("agreement-samples", &images, &root().join("demo/out/db"));
}

#[test]
fn page_and_program_agree_on_debian_with_the_real_feeds() {
    let Some(shared) = lamina_testkit::shared("") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (feeds, database) = (folder.path().join("feeds"), folder.path().join("db"));
    for ecosystem in ["Debian", "PyPI", "npm", "Alpine"] {
        let from = shared.join("advisories/feeds/osv").join(ecosystem);
        let to = feeds.join("osv").join(ecosystem);
        std::fs::create_dir_all(&to).unwrap();
        for file in std::fs::read_dir(from).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
    let mut build = Command::new(program());
    build.args(["db", "build", "--name", "real", "--from"]);
    build.arg(&feeds).arg("--out").arg(&database);
    let built = build.output().unwrap();
    assert!(built.status.success(), "{built:?}");
    let built = shared.join("fixtures/images/built");
    let images = [
        ("debian", built.join("debian-slim.zstd.oci.tar")),
        ("alpine", built.join("alpine-poly.oci.tar")),
    ];
    agree("agreement-real", &images, &database);
}

/// Scans each image from a registry, in the page and on the command line, and compares everything.
fn agree(journey: &str, images: &[(&str, PathBuf)], database: &Path) {
    let registry = block_on(Registry::start());
    for (name, archive) in images {
        registry.push(archive, &format!("agree/{name}:1"));
    }
    let allowed = [registry.host()];
    let lamina = Lamina::start_with(&allowed, database);
    journey_through(journey, lamina, async |lamina, browser| {
        for (name, _) in images {
            let reference = format!("{}/agree/{name}:1", registry.host());
            browser.scan(&lamina.url, &reference).await;
            browser.one("verdict").await;
            let shared = browser.complete_link().await;
            let (_, payload) = shared.split_once("#r=").unwrap();
            let page = serde_json::to_value(link::decode(payload).unwrap().report).unwrap();

            let mut scan = Command::new(program());
            scan.args(["scan", &reference, "--quiet", "--format", "json"]);
            scan.args(["--fail-on", "never", "--db"]);
            let output = scan.arg(database).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            let scan: Value = serde_json::from_slice(&output.stdout).unwrap();

            let fields = page.as_object().unwrap();
            for (field, of_page) in fields.iter().filter(|(field, _)| *field != "scanned_at") {
                assert_eq!(of_page, &scan[field], "{name}: {field}");
            }
            let count = |field: &str| page[field].as_array().map_or(0, Vec::len);
            println!(
                "{name}: {} packages, {} findings, {} issues agree",
                count("packages"),
                count("findings"),
                count("issues")
            );
            assert!(count("packages") > 0, "{name} has no packages");
        }
    });
}
