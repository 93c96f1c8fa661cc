//! `lamina import` as a program: what it prints, and its exit status.

use std::path::Path;

use serde_json::{Value, json};

use crate::scan::{folder, lamina, scan};

/// A report of Trivy's on the image of [`folder`].
fn trivy(folder: &Path) {
    let finding = |id: &str, name: &str, version: &str, severity: &str| {
        json!({
            "VulnerabilityID": id, "PkgName": name, "InstalledVersion": version,
            "FixedVersion": "3.2.1", "Status": "fixed", "Severity": severity,
        })
    };
    let report = json!({
        "SchemaVersion": 2, "Trivy": { "Version": "0.50.1" }, "ArtifactName": "shop:1.0",
        "ArtifactType": "container_image", "CreatedAt": "2026-01-01T00:00:00Z",
        "Results": [{
            "Target": "Python", "Class": "lang-pkgs", "Type": "python-pkg",
            "Vulnerabilities": [
                finding("CVE-2099-1", "django", "3.2", "CRITICAL"),
                finding("CVE-2099-7", "flask", "1.0", "LOW"),
            ],
        }],
    });
    std::fs::write(folder.join("trivy.json"), report.to_string()).unwrap();
}

/// What it prints, and its exit status.
fn import(folder: &Path, words: &[&str]) -> (String, String, i32) {
    let output = lamina(folder, &[&["import"], words].concat());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        text(output.stdout),
        text(output.stderr),
        output.status.code().unwrap(),
    )
}

#[test]
fn a_report_of_another_tool_is_printed_in_our_formats() {
    let folder = folder();
    trivy(folder.path());
    let (out, err, code) = import(folder.path(), &["trivy.json"]);
    assert_eq!(code, 2, "{out}{err}");
    assert!(
        out.contains("CVE-2099-1") && out.contains("django"),
        "{out}"
    );
    assert!(err.contains("read as a report of Trivy 0.50.1"), "{err}");
    let lenient = [
        "trivy.json",
        "--format",
        "json",
        "--fail-on",
        "never",
        "--quiet",
    ];
    let (out, err, code) = import(folder.path(), &lenient);
    assert_eq!((code, err.as_str()), (0, ""));
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["imported"]["tool"], "Trivy");
    assert_eq!(document["findings"].as_array().unwrap().len(), 2);
    let (out, _, code) = import(folder.path(), &["trivy.json", "--format", "cyclonedx"]);
    assert_eq!(code, 0, "an SBOM is not judged");
    assert!(out.contains("pkg:pypi/flask@1.0"), "{out}");
    // Of a document of another tool, a format finds nothing, and says so.
    let (out, _, code) = import(folder.path(), &["trivy.json", "--from", "grype", "--quiet"]);
    assert_eq!(code, 0, "{out}");
}

#[test]
fn what_is_no_report_is_refused() {
    let folder = folder();
    let path = folder.path();
    std::fs::write(path.join("x.json"), "{}").unwrap();
    std::fs::write(path.join("cut.json"), "{\"SchemaVersion\": 2, \"Resu").unwrap();
    let check = |words: &[&str], expect: &str| {
        let (_, err, code) = import(path, words);
        assert_eq!(code, 1, "{words:?}: {err}");
        assert!(err.contains(expect), "{words:?}: {err}");
    };
    check(&["x.json"], "no report that Lamina knows");
    check(&["cut.json"], "no JSON");
    check(&["absent.json"], "reading absent.json");
    check(&["shop.tar"], "no JSON");
    trivy(path);
    check(
        &["trivy.json", "--with", "trivy.json"],
        "no report of Lamina's",
    );
    check(&["trivy.json", "--from", "nothing"], "possible values");
}

#[test]
fn both_are_printed_side_by_side_with_reasons() {
    let folder = folder();
    let path = folder.path();
    trivy(path);
    let (ours, _) = scan(path, "json", &[]);
    std::fs::write(path.join("ours.json"), ours).unwrap();
    let words = ["trivy.json", "--with", "ours.json", "--format", "json"];
    let (out, err, code) = import(path, &words);
    assert_eq!(code, 0, "{err}");
    let beside: Value = serde_json::from_str(&out).unwrap();
    let told: Vec<String> = beside["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            format!(
                "{} {} {}",
                row["side"], row["id"], row["reasons"][0]["cause"]
            )
        })
        .collect();
    assert_eq!(told.len(), 2, "{out}");
    assert!(told[0].starts_with("\"agreed\" \"CVE-2099-1\""), "{told:?}");
    assert_eq!(told[1], "\"theirs\" \"CVE-2099-7\" \"not-in-ours\"");
    let (out, _, code) = import(
        path,
        &["trivy.json", "--with", "ours.json", "--fail-on", "low"],
    );
    assert_eq!(code, 2);
    assert!(
        out.contains("Trivy 0.50.1 beside ours: 1 found by both, 1 only by theirs, 0 only by ours"),
        "{out}"
    );
    assert!(
        out.contains("The package is not in our inventory (flask 1.0)"),
        "{out}"
    );
    let (_, err, code) = import(
        path,
        &["trivy.json", "--with", "ours.json", "--format", "sarif"],
    );
    assert_eq!(code, 1);
    assert!(err.contains("table or json"), "{err}");
}
