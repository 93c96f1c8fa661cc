//! Each feed on a slice in its real shape.

use lamina_advisories::{Index, Shard};
use lamina_feeds::{Builder, FEEDS, feed_for, feeds::FeedError};

use crate::support::{NOW, build, read, zip};

#[test]
fn feeds_claim_their_files_and_no_others() {
    let check = |path: &str, expect: Option<&str>| {
        assert_eq!(feed_for(path).map(|feed| feed.id()), expect, "{path}");
    };
    check("osv/PyPI/all.zip", Some("osv"));
    check("demo/CVE-2024-1.json", Some("osv"));
    check("feeds/debian/debian.json.gz", Some("debian"));
    check("/tracker/data/json", Some("debian"));
    check("eol/debian.json", Some("osv")); // … which then finds that it is no record.
    check("alpine-secdb/v3.19/main.json", Some("alpine-secdb"));
    check("/edge/community.json", Some("alpine-secdb"));
    check("nvd/nvdcve-2.0-2022.json.gz", Some("nvd"));
    check("osv/modified_id.csv", None);
    check("trivy-db/db.tar.gz", None);
}

#[test]
fn feed_files_and_the_list_agree() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/feeds");
    let files = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(files, FEEDS.len());
    let ids: Vec<_> = FEEDS.iter().map(|feed| feed.id()).collect();
    assert_eq!(ids, ["alpine-secdb", "debian", "nvd", "osv"]);
}

const GHSA: &str = r#"{
  "schema_version": "1.7.3", "id": "GHSA-aaaa-bbbb-cccc", "modified": "2025-01-02T00:00:00Z",
  "aliases": ["CVE-2024-1", "PYSEC-2024-1"], "summary": "Something bad in Friendly.Bard", "details": "More.",
  "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
  "affected": [
    {"package": {"ecosystem": "PyPI", "name": "Friendly.Bard"},
     "ranges": [{"type": "GIT", "events": [{"introduced": "0"}]},
                {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.2"}]}],
     "versions": ["1.0", "1.1", "1.9", "0.1-old"], "new_field": {}},
    {"package": {"ecosystem": "npm", "name": "@a/b"},
     "ranges": [{"type": "SEMVER", "events": [{"introduced": "1.0.0"}]}],
     "database_specific": {"last_known_affected_version_range": "<= 1.5.0"}}
  ],
  "references": [{"type": "WEB", "url": "https://example.org/"}],
  "database_specific": {"severity": "HIGH"}, "unknown": 1
}"#;

#[test]
fn an_osv_record_goes_to_the_shards_of_its_ecosystems() {
    let database = build(&[("PyPI/all.zip", &zip(&[("GHSA-aaaa-bbbb-cccc.json", GHSA)]))]);
    assert_eq!(
        database.text("pypi"),
        r#"friendly-bard CVE-2024-1 GHSA-aaaa-bbbb-cccc ["PYSEC-2024-1"] ["high ghsa", "critical ghsa, CVSS 3.1"] Affected >= 0, < 1.2 or = 0.1-old or = 1.9
"#
    );
    assert_eq!(
        database.text("npm"),
        r#"@a/b CVE-2024-1 GHSA-aaaa-bbbb-cccc ["PYSEC-2024-1"] ["high ghsa", "critical ghsa, CVSS 3.1"] Affected >= 1.0.0, <= 1.5.0
"#
    );
    let index = &database.built.index;
    for key in ["pypi", "npm"] {
        let entry = index.prose_shard(key, "GHSA-aaaa-bbbb-cccc").unwrap();
        let prose = Shard::from_stored(&database.files[&entry.path()], entry).unwrap();
        let prose = prose.prose("GHSA-aaaa-bbbb-cccc").unwrap().unwrap();
        assert_eq!(prose.details, "More.");
        assert_eq!(prose.references, ["https://example.org/"]);
    }
    assert_eq!(index.sources[0].records, 1);
    assert_eq!(Index::parse(&database.files["index.json"]).unwrap(), *index);
}

#[test]
fn what_cannot_be_used_is_counted_with_its_reason() {
    let huge = format!(r#"{{"id":"{}"}}"#, "x".repeat(17 << 20));
    let records = [
        ("ok.json", GHSA),
        ("README.md", "no record, not counted"),
        ("broken.json", "{"),
        ("no-id.json", r#"{"modified":"2025-01-01T00:00:00Z"}"#),
        ("huge.json", &huge),
        (
            "withdrawn.json",
            r#"{"id":"A-1","withdrawn":"2025-01-01T00:00:00Z"}"#,
        ),
        ("empty.json", r#"{"id":"A-2"}"#),
        (
            "nulls.json",
            r#"{"id":"A-3","affected":null,"aliases":null,"severity":null}"#,
        ),
        (
            "git.json",
            r#"{"id":"A-4","affected":[{"package":{"ecosystem":"PyPI","name":"a"},"ranges":[{"type":"GIT","events":[{"introduced":"0"}]}]}]}"#,
        ),
        (
            "new.json",
            r#"{"id":"A-5","affected":[{"package":{"ecosystem":"Perl6","name":"a"},"versions":["1"]}]}"#,
        ),
        (
            "second.json",
            r#"{"id":"A-6","affected":[{"package":{"ecosystem":"CRAN","name":"a"},"versions":["1"]}]}"#,
        ),
        (
            "version.json",
            r#"{"id":"A-7","affected":[{"package":{"ecosystem":"PyPI","name":"a"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"not a version"}]}]}]}"#,
        ),
    ];
    let database = build(&[("PyPI/all.zip", &zip(&records))]);
    assert_eq!(
        database.skipped(),
        [
            ("left out: names no package", 2),
            ("left out: only GIT ranges", 1),
            (r#"left out: unknown ecosystem "Perl6""#, 1),
            ("unreadable: larger than 16 MiB", 1),
            ("unreadable: no pep440 version in a range", 1),
            ("unreadable: not an OSV record", 2),
            ("withdrawn", 1),
        ]
    );
    let source = &database.built.index.sources[0];
    assert_eq!((source.records, source.skipped), (11, 9));
    assert_eq!(database.text("pypi").lines().count(), 1);
    assert_eq!(database.text("cran").lines().count(), 1);
}

#[test]
fn what_is_no_feed_file_is_an_error() {
    let mut builder = Builder::new(NOW);
    let check = |builder: &mut Builder, path: &str, content: &[u8]| {
        read(builder, path, content).unwrap_err()
    };
    let whole = zip(&[("a.json", GHSA)]);
    assert!(matches!(
        check(&mut builder, "all.zip", b"<html>"),
        FeedError::Zip(_)
    ));
    assert!(matches!(
        check(&mut builder, "all.zip", &whole[..whole.len() - 30]),
        FeedError::Zip(_)
    ));
    assert!(matches!(
        check(&mut builder, "x/other.json", b"[1]"),
        FeedError::Foreign(_)
    ));
    assert!(matches!(
        check(&mut builder, "x/other.json", br#"{"id":"x"}"#),
        FeedError::Foreign(_)
    ));
    assert!(matches!(
        check(&mut builder, "debian/debian.json", b"<html>"),
        FeedError::Json(_)
    ));
    assert!(matches!(
        check(&mut builder, "debian/debian.json", br#"{"a":{"b""#),
        FeedError::Json(_)
    ));
    assert!(matches!(
        check(&mut builder, "v3.19/main.json", b"{}"),
        FeedError::Json(_)
    ));
    assert!(matches!(
        check(&mut builder, "nvdcve-2.0-2022.json.gz", b"{}"),
        FeedError::Json(_)
    ));
}

#[test]
fn of_two_versions_of_a_record_the_newer_counts() {
    let older = GHSA
        .replace("\"1.2\"", "\"1.1\"")
        .replace("2025-01-02", "2025-01-01");
    let a = zip(&[("a.json", GHSA)]);
    let b = zip(&[("a.json", &older)]);
    let forth = build(&[("a/all.zip", &a), ("b/all.zip", &b)]);
    let back = build(&[("b/all.zip", &b), ("a/all.zip", &a)]);
    assert!(forth.text("pypi").contains("< 1.2"));
    assert_eq!(forth.files, back.files.clone());
}

#[test]
fn a_record_may_be_split_over_the_files_of_its_ecosystems() {
    let record = |ecosystem: &str| {
        format!(
            r#"{{"id":"A-1","modified":"2025-01-01T00:00:00Z","affected":[{{"package":{{"ecosystem":"{ecosystem}","name":"a"}},"versions":["1.0.0"]}}]}}"#
        )
    };
    let a = zip(&[("A-1.json", &record("npm"))]);
    let b = zip(&[("A-1.json", &record("PyPI"))]);
    let database = build(&[
        ("npm/all.zip", &a),
        ("PyPI/all.zip", &b),
        ("again/all.zip", &b),
    ]);
    for key in ["npm", "pypi"] {
        assert_eq!(database.text(key), "a A-1 A-1 [] [] Affected = 1.0.0\n");
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let zip = zip(&[("a.json", GHSA)]);
    let files: [(&str, &[u8]); 3] = [
        ("PyPI/all.zip", &zip),
        ("debian/debian.json", DEBIAN.as_bytes()),
        ("v3.19/main.json", ALPINE.as_bytes()),
    ];
    let mut reversed = files;
    reversed.reverse();
    assert_eq!(build(&files).files, build(&files).files);
    let index = |files: &[(&str, &[u8])]| build(files).built.index;
    assert_eq!(index(&files), index(&reversed));
}

const DEBIAN: &str = r#"{"curl": {
  "CVE-2024-1": {"description": "Curl is bad.", "scope": "remote", "releases": {
    "bookworm": {"status": "resolved", "fixed_version": "7.88.1-10+deb12u5", "urgency": "low**", "repositories": {}},
    "bullseye": {"status": "open", "urgency": "not yet assigned", "nodsa": "Minor issue", "nodsa_reason": ""},
    "sid": {"status": "resolved", "fixed_version": "0", "urgency": "unimportant"},
    "potato": {"status": "open", "urgency": "low"},
    "trixie": {"status": "undetermined", "urgency": "low"}}},
  "CVE-2024-2": 7,
  "TEMP-0000000-1": {"releases": {"bookworm": {"status": "open", "urgency": "end-of-life"}}}
}}"#;

#[test]
fn debians_tracker_says_what_is_fixed_open_and_never_was() {
    let database = build(&[("debian/debian.json", DEBIAN.as_bytes())]);
    assert_eq!(
        database.text("debian:12"),
        r#"curl CVE-2024-1 CVE-2024-1 [] ["low debian"] Affected >= 0, < 7.88.1-10+deb12u5
curl TEMP-0000000-1 TEMP-0000000-1 [] [] Affected >= 0
"#
    );
    assert_eq!(
        database.text("debian:11"),
        "curl CVE-2024-1 CVE-2024-1 [] [] Affected >= 0\n"
    );
    assert_eq!(
        database.text("debian:sid"),
        "curl CVE-2024-1 CVE-2024-1 [] [\"negligible debian\"] NotAffected >= 0\n"
    );
    assert_eq!(
        database.skipped(),
        [
            ("left out: undetermined", 1),
            ("left out: unknown release", 1),
            ("unreadable: issue", 1)
        ]
    );
}

const ALPINE: &str = r#"{"apkurl": "…", "archs": ["x86_64"], "reponame": "main", "distroversion": "v3.19",
  "packages": [
    {"pkg": {"name": "openssl", "secfixes": {
      "3.1.4-r0": ["CVE-2024-1 GHSA-aaaa-bbbb-cccc", "CVE_2024-2"],
      "3.1.5-r1": ["CVE-2024-2 (+ regression fix)"],
      "0": ["CVE-2024-3"], "1.0-r0": null, "2.0-r0": ["cleaned up"]}}},
    {"pkg": {}}
  ]}"#;

#[test]
fn alpines_secdb_says_what_is_fixed_and_never_was() {
    let database = build(&[("v3.19/main.json", ALPINE.as_bytes())]);
    assert_eq!(
        database.text("alpine:3.19"),
        r#"openssl CVE-2024-1 CVE-2024-1 ["GHSA-aaaa-bbbb-cccc"] [] Affected >= 0, < 3.1.4-r0
openssl CVE-2024-2 CVE-2024-2 [] [] Affected >= 0, < 3.1.5-r1
openssl CVE-2024-3 CVE-2024-3 [] [] NotAffected >= 0
"#
    );
    assert_eq!(
        database.skipped(),
        [("left out: no id in it", 1), ("unreadable: package", 1)]
    );
}

#[test]
fn others_ratings_complete_records_that_have_none() {
    let nvd = r#"{"vulnerabilities": [
      {"cve": {"id": "CVE-2024-1", "vulnStatus": "Analyzed", "metrics": {
        "cvssMetricV31": [
          {"type": "Secondary", "cvssData": {"vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}},
          {"type": "Primary", "cvssData": {"vectorString": "CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L"}}],
        "cvssMetricV2": [{"type": "Primary", "cvssData": {"vectorString": "AV:N/AC:L/Au:N/C:C/I:C/A:C"}}]}}},
      {"cve": {"id": "CVE-2024-2", "vulnStatus": "Rejected"}},
      {"cve": {"id": "CVE-2024-3", "metrics": {}}},
      {"cve": 3}]}"#;
    let database = build(&[
        ("debian/debian.json", DEBIAN.as_bytes()),
        ("v3.19/main.json", ALPINE.as_bytes()),
        ("nvdcve-2.0-2024.json", nvd.as_bytes()),
    ]);
    let text = database.text("debian:12");
    assert!(
        text.contains(r#"["low debian", "medium nvd, CVSS 3.1"]"#),
        "{text}"
    );
    let text = database.text("alpine:3.19");
    assert!(
        text.contains(r#"["GHSA-aaaa-bbbb-cccc"] ["medium nvd, CVSS 3.1"]"#),
        "{text}"
    );
    assert!(database.skipped().contains(&("left out: rejected", 1)));
    assert!(database.skipped().contains(&("unreadable: CVE", 1)));

    // GitHub's word is heard before NVD's score.
    let zip = zip(&[("a.json", GHSA)]);
    let database = build(&[
        ("PyPI/all.zip", &zip),
        ("v3.19/main.json", ALPINE.as_bytes()),
    ]);
    let text = database.text("alpine:3.19");
    assert!(
        text.contains(r#"["high ghsa", "critical ghsa, CVSS 3.1"]"#),
        "{text}"
    );
}
