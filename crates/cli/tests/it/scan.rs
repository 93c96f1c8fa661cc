//! `lamina scan` as a program: what it prints, and its exit status.

use std::{
    path::Path,
    process::{Command, Output},
};

use lamina_image::digest::Digest;
use lamina_testkit::layer;
use serde_json::{Value, json};

use crate::support::database;

pub(crate) fn lamina(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lamina"))
        .args(words)
        .current_dir(folder)
        .env_remove("LAMINA_DB")
        .output()
        .unwrap()
}

/// A folder with `shop.tar`, an image with one vulnerable package, and `db`, the database that says
/// so.
pub(crate) fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let base = layer()
        .file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
        .file(
            "var/lib/dpkg/status",
            "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\n\
             Source: openssl\nVersion: 3.0.11-1~deb12u2\n",
        )
        .tar();
    let app = layer()
        .file(
            "usr/lib/python3/site-packages/Django-3.2.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: Django\nVersion: 3.2\nLicense: BSD-3-Clause\n\n",
        )
        .tar();
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "rootfs": { "type": "layers", "diff_ids": [
            Digest::of(&base).to_string(), Digest::of(&app).to_string(),
        ] },
        "history": [{ "created_by": "ADD rootfs" }, { "created_by": "RUN pip install Django" }],
    });
    let manifest = json!([
        { "Config": "config.json", "RepoTags": ["shop:1.0"], "Layers": ["0.tar", "1.tar"] }
    ]);
    let archive = layer()
        .file("manifest.json", manifest.to_string())
        .file("config.json", config.to_string())
        .file("0.tar", base)
        .file("1.tar", app)
        .tar();
    std::fs::write(path.join("shop.tar"), archive).unwrap();

    database(path, "db", Some("3.2.1"));
    folder
}

/// What a scan prints, and its exit status.
pub(crate) fn scan(folder: &Path, format: &str, more: &[&str]) -> (String, Option<i32>) {
    let words = ["scan", "shop.tar", "--db", "db", "--format", format];
    let output = lamina(folder, &[&words, more].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        !text.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    (text, output.status.code())
}

const PURLS: [&str; 2] = [
    "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12",
    "pkg:pypi/django@3.2",
];

#[test]
fn an_image_is_written_as_cyclonedx() {
    let folder = folder();
    let (text, _) = scan(folder.path(), "cyclonedx", &[]);
    let bom: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(bom["bomFormat"], "CycloneDX");
    assert_eq!(bom["specVersion"], "1.6");
    assert_eq!(bom["metadata"]["component"]["name"], "shop:1.0 (shop.tar)");
    let components = bom["components"].as_array().unwrap();
    let purls: Vec<&str> = components
        .iter()
        .filter_map(|one| one["purl"].as_str())
        .collect();
    assert_eq!(purls, PURLS);
    let django = &components[2];
    assert_eq!(django["licenses"][0]["expression"], "BSD-3-Clause");
    assert_eq!(
        django["evidence"]["occurrences"][0]["location"],
        "usr/lib/python3/site-packages/Django-3.2.dist-info/METADATA"
    );
    let step = json!({ "name": "lamina:layer:step", "value": "RUN pip install Django" });
    assert!(django["properties"].as_array().unwrap().contains(&step));
    assert_eq!(bom["vulnerabilities"][0]["id"], "CVE-2099-1");
    assert_eq!(bom["vulnerabilities"][0]["affects"][0]["ref"], PURLS[1]);
}

#[test]
fn an_image_is_written_as_spdx() {
    let folder = folder();
    let (text, _) = scan(folder.path(), "spdx", &[]);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["spdxVersion"], "SPDX-2.3");
    let packages = document["packages"].as_array().unwrap();
    let purls: Vec<&str> = packages
        .iter()
        .filter_map(|one| one["externalRefs"][0]["referenceLocator"].as_str())
        .collect();
    assert_eq!(purls, PURLS);
    let names: Vec<&str> = packages
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    assert_eq!(
        names,
        ["shop:1.0 (shop.tar)", "debian", "libssl3", "Django"]
    );
    assert_eq!(packages[3]["licenseDeclared"], "BSD-3-Clause");
    assert!(
        packages[3]["sourceInfo"]
            .as_str()
            .unwrap()
            .contains("introduced by layer 1 (sha256:")
    );
}

#[test]
fn a_bill_of_materials_fails_an_image_only_on_request() {
    let folder = folder();
    std::fs::write(
        folder.path().join("policy.json"),
        r#"{"fail-on": "critical"}"#,
    )
    .unwrap();
    let check = |format: &str, more: &[&str], expect: i32| {
        let (_, code) = scan(folder.path(), format, more);
        assert_eq!(code, Some(expect), "{format} {more:?}");
    };
    for format in ["table", "json", "sarif", "junit", "github"] {
        check(format, &[], 2);
        check(format, &["--fail-on", "never"], 0);
    }
    for format in ["cyclonedx", "spdx"] {
        check(format, &[], 0);
        check(format, &["--ignore-unfixed"], 0);
        check(format, &["--fail-on", "critical"], 2);
        check(format, &["--fail-on", "never"], 0);
        check(format, &["--policy", "policy.json"], 2);
    }
}

#[test]
fn a_report_goes_to_the_file_that_is_named() {
    let folder = folder();
    let words = [
        "scan",
        "shop.tar",
        "--db",
        "db",
        "--format",
        "spdx",
        "--output",
        "shop.spdx.json",
    ];
    let output = lamina(folder.path(), &words);
    assert!(output.status.success() && output.stdout.is_empty());
    let written = std::fs::read_to_string(folder.path().join("shop.spdx.json")).unwrap();
    assert!(written.contains("\"SPDX-2.3\""));
}

#[test]
fn help_tells_of_every_format_and_an_unknown_one_is_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let help = lamina(folder.path(), &["scan", "--help"]);
    let help = String::from_utf8(help.stdout).unwrap();
    for format in lamina_report::formats::FORMATS {
        assert!(help.contains(&format!("- {}:", format.id())), "{help}");
    }
    assert!(
        help.contains("2  the report is written, and the image fails"),
        "{help}"
    );
    let output = lamina(folder.path(), &["scan", "shop.tar", "--format", "xml"]);
    assert_eq!(output.status.code(), Some(1));
}
