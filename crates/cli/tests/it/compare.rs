//! `lamina compare` as a program: archives, reports and links against each other.

use std::path::Path;

use lamina_policy::Policy;
use lamina_report::{
    link::{self, SharedReport},
    model::Report,
};
use serde_json::Value;

use crate::{
    scan::{folder, lamina},
    support::database,
};

/// What a comparison prints, and its exit status.
fn compare(folder: &Path, words: &[&str]) -> (String, Option<i32>) {
    let output = lamina(folder, &[&["compare", "-q"], words].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        !text.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    (text, output.status.code())
}

#[test]
fn an_image_is_compared_with_a_report_and_a_link() {
    let folder = folder();
    let path = folder.path();
    let (clean, _) = {
        database(path, "empty", None);
        let words = [
            "scan", "shop.tar", "--db", "empty", "--format", "json", "-q",
        ];
        let output = lamina(path, &words);
        (String::from_utf8(output.stdout).unwrap(), output.status)
    };
    let mut report: Report = serde_json::from_str(&clean).unwrap();
    report.packages.retain(|package| package.name != "Django");
    std::fs::write(
        path.join("old.json"),
        serde_json::to_string(&report).unwrap(),
    )
    .unwrap();

    // Django comes with a finding that fails the policy.
    let (text, status) = compare(
        path,
        &["old.json", "shop.tar", "--db", "db", "--format", "json"],
    );
    let comparison: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(comparison["packages"][0]["name"], "Django");
    assert_eq!(comparison["packages"][0]["fate"], "added");
    assert_eq!(comparison["findings"][0]["id"], "CVE-2099-1");
    assert_eq!(comparison["findings"][0]["fate"], "introduced");
    assert_eq!(status, Some(2));
    let (text, status) = compare(
        path,
        &["old.json", "shop.tar", "--db", "db", "--fail-on", "never"],
    );
    assert!(
        text.contains("1 added, 1 same") && text.contains("1 introduced"),
        "{text}"
    );
    assert_eq!(status, Some(0));

    // The other way round it is gone.
    let (text, status) = compare(
        path,
        &["shop.tar", "old.json", "--db", "db", "--format", "markdown"],
    );
    assert!(
        text.contains("### Fixed (1)") && text.contains("CVE-2099-1"),
        "{text}"
    );
    assert_eq!(status, Some(0));

    // A link; and the report matched again, so that it was not the image that brought the finding.
    let whole: Report = serde_json::from_str(&clean).unwrap();
    let shared = SharedReport {
        report: whole,
        policy: Policy::default(),
        vex: Vec::new(),
    };
    let url = format!(
        "https://lamina.example/?#r={}",
        link::encode(&shared, usize::MAX).text
    );
    let (text, status) = compare(path, &[&url, "shop.tar", "--db", "db"]);
    assert!(text.contains("Two advisory databases"), "{text}");
    let (again, _) = compare(path, &[&url, "shop.tar", "--db", "db", "--match-again"]);
    assert!(again.contains("findings 1 same"), "{again}");
    assert_eq!(status.map(|status| status != 1), Some(true));

    // Files are told of two images; a report has none, and it is said.
    let (text, _) = compare(path, &["shop.tar", "shop.tar", "--db", "db"]);
    assert!(
        text.contains("files    0 added, 0 removed, 0 changed"),
        "{text}"
    );
    let json = ["shop.tar", "shop.tar", "--db", "db", "--format", "json"];
    let (text, _) = compare(path, &json);
    let comparison: Value = serde_json::from_str(&text).unwrap();
    assert!(comparison["files"]["same"].as_u64().unwrap() > 0, "{text}");
    let (text, _) = compare(path, &["old.json", "shop.tar", "--db", "db"]);
    assert!(text.contains("a report lists no files"), "{text}");

    // An archive offers one platform.
    let (text, status) = compare(path, &["shop.tar", "--platforms", "--db", "db"]);
    assert!(
        text.contains("linux/amd64") && text.contains("FAIL"),
        "{text}"
    );
    assert_eq!(status, Some(2));
}

#[test]
fn what_is_no_report_is_said() {
    let folder = folder();
    std::fs::write(folder.path().join("other.json"), "{\"a\": 1}").unwrap();
    let check = |words: &[&str], expect: &str| {
        let output = lamina(
            folder.path(),
            &[&["compare", "-q", "--db", "db"], words].concat(),
        );
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(expect), "{error}");
    };
    check(
        &["other.json", "shop.tar"],
        "no report that \"lamina scan --format json\" wrote",
    );
    check(&["x#r=2.AAAA", "shop.tar"], "the link is damaged");
    check(&["shop.tar"], "required");
    check(
        &["shop.tar", "shop.tar", "--platforms"],
        "cannot be used with",
    );
}
