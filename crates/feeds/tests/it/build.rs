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
    check("x/debian.json", Some("osv")); // … which then finds that it is no record.
    check("eol/debian.json", Some("endoflife"));
    check(
        "https://endoflife.date/api/v1/products/full",
        Some("endoflife"),
    );
    check("epss/epss_scores-current.csv.gz", Some("epss"));
    check("kev/known_exploited_vulnerabilities.json", Some("kev"));
    check("alpine-secdb/v3.19/main.json", Some("alpine-secdb"));
    check("/edge/community.json", Some("alpine-secdb"));
    check("nvd/nvdcve-2.0-2022.json.gz", Some("nvd"));
    check("redhat/csaf_vex_2026-08-22.tar.zst", Some("redhat-vex"));
    check("csaf/v2/vex/2024/cve-2024-1.json", Some("redhat-vex"));
    check(
        "redhat/csaf_advisories_2026-08-22.tar.zst",
        Some("superseded"),
    );
    check("oval/org.rockylinux.rlsa-9.xml.bz2", Some("superseded"));
    check("oval/com.ubuntu.noble.usn.oval.xml.bz2", Some("superseded"));
    check(
        "oval/com.redhat.rhsa-RHEL9.20230427.xml.bz2",
        Some("superseded"),
    );
    check("oval/azurelinux-3.0-oval.xml.bz2", Some("azure-linux"));
    check("main/cbl-mariner-2.0-oval.xml", Some("azure-linux"));
    check("oval/com.oracle.elsa-all.xml.bz2", Some("oracle-oval"));
    check(
        "oval/suse.linux.enterprise.server.15-affected.xml.gz",
        Some("suse-oval"),
    );
    check("oval/suse.linux.enterprise.server.15-patch.xml.gz", None);
    check(
        "https://errata.almalinux.org/9/errata.json",
        Some("almalinux-errata"),
    );
    check(
        "photon_cve_metadata/cve_data_photon5.0.json",
        Some("photon"),
    );
    check("repodata/0a1b-updateinfo.xml.gz", Some("amazon"));
    check(
        "advisories.bottlerocket.aws/updateinfo.xml.gz",
        Some("bottlerocket"),
    );
    check("https://security.archlinux.org/all.json", Some("arch"));
    check("osv/modified_id.csv", None);
    check("trivy-db/db.tar.gz", Some("trivy-db"));
    check("trivy.db", Some("trivy-db"));
    check("v6/vulnerability-db_v6.1.9_x_1.tar.zst", Some("grype-db"));
    check("vulnerability.db", Some("grype-db"));
    check("vex/vex-all.tar.xz", Some("ubuntu-vex"));
    check("secfixes-tracker/all.tar.gz", Some("alpine-unfixed"));
    check("os/security.json", Some("wolfi"));
    check("chainguard/security.json", Some("wolfi"));
}

#[test]
fn feed_files_and_the_list_agree() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/feeds");
    let files = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(files, FEEDS.len());
    let ids: Vec<_> = FEEDS.iter().map(|feed| feed.id()).collect();
    assert_eq!(
        ids,
        [
            "alpine-secdb",
            "debian",
            "nvd",
            "epss",
            "kev",
            "endoflife",
            "redhat-vex",
            "almalinux-errata",
            "oracle-oval",
            "suse-oval",
            "azure-linux",
            "photon",
            "bottlerocket",
            "amazon",
            "arch",
            "superseded",
            "alpine-unfixed",
            "grype-db",
            "trivy-db",
            "ubuntu-vex",
            "wolfi",
            "osv",
        ]
    );
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
    "trixie": {"status": "undetermined", "urgency": "low"},
    "buster": {"status": "open", "urgency": "low*", "nodsa": "Minor issue", "nodsa_reason": "ignored"},
    "stretch": {"status": "open", "urgency": "high", "nodsa": "Minor issue", "nodsa_reason": "postponed"}}},
  "CVE-2024-2": 7,
  "TEMP-0000000-1": {"releases": {"bookworm": {"status": "open", "urgency": "end-of-life"}}}
}}"#;

#[test]
fn debians_tracker_says_what_is_fixed_open_and_never_was() {
    let database = build(&[("debian/debian.json", DEBIAN.as_bytes())]);
    assert_eq!(
        database.text("debian:12"),
        r#"curl CVE-2024-1 CVE-2024-1 [] ["low debian"] Affected >= 0, < 7.88.1-10+deb12u5
curl TEMP-0000000-1 TEMP-0000000-1 [] [] EndOfLife >= 0
"#
    );
    for (key, expect) in [
        ("debian:13", r#"["low debian"] UnderInvestigation"#),
        ("debian:10", r#"["low debian"] WillNotFix"#),
        ("debian:9", r#"["high debian"] FixDeferred"#),
    ] {
        let expect = format!("curl CVE-2024-1 CVE-2024-1 [] {expect} >= 0\n");
        assert_eq!(database.text(key), expect);
    }
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
        [("left out: unknown release", 1), ("unreadable: issue", 1)]
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

fn tar(members: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        builder
            .append_data(&mut header, path, content.as_bytes())
            .unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn ubuntus_vex_says_what_its_records_leave_out() {
    let document = r#"{"@context": "https://openvex.dev/ns/v0.2.0", "author": "Canonical Ltd.",
      "timestamp": "2026-01-02T00:00:00Z", "version": 1, "statements": [
      {"vulnerability": {"name": "CVE-2024-1"}, "status": "affected",
       "action_statement": "This package (for the given release) is vulnerable to the CVE, the problem is understood, but the Ubuntu Security Team decided to not fix it. CVE Notes: …",
       "products": [{"@id": "pkg:deb/ubuntu/curl@7.58.0-2ubuntu3?arch=source&distro=bionic"}]},
      {"vulnerability": {"name": "CVE-2024-1"}, "status": "affected",
       "action_statement": "This package (for the given release) is no longer supported.",
       "products": [{"@id": "pkg:deb/ubuntu/curl@7.47.0-1ubuntu2?arch=source&distro=xenial"}]},
      {"vulnerability": {"name": "CVE-2024-1"}, "status": "affected",
       "action_statement": "This package (for the given release) is vulnerable to the CVE and needs fixing.",
       "products": [{"@id": "pkg:deb/ubuntu/curl@7.68.0-1ubuntu2?arch=source&distro=focal"},
                    {"@id": "pkg:deb/ubuntu/libcurl4@7.68.0-1ubuntu2?arch=amd64&distro=focal"},
                    {"@id": "pkg:deb/ubuntu/curl@7.68.0-1ubuntu2?arch=source&distro=fips/focal"}]},
      {"vulnerability": {"name": "CVE-2024-1"}, "status": "under_investigation",
       "status_notes": "The vulnerability is known but remediation is deferred.",
       "products": [{"@id": "pkg:deb/ubuntu/curl@8.5.0-2ubuntu10?arch=source&distro=noble"}]},
      {"vulnerability": {"name": "CVE-2024-1"}, "status": "not_affected", "justification": "vulnerable_code_not_present",
       "products": [{"@id": "pkg:deb/ubuntu/curl@7.81.0-1ubuntu1?arch=source&distro=esm-infra/jammy"},
                    {"@id": "pkg:deb/ubuntu/curl@7.35.0-1ubuntu2?arch=source&distro=trusty/esm"},
                    {"@id": "pkg:deb/ubuntu/curl@7.68.0-1ubuntu2?arch=source&distro=esm-infra/focal"}]},
      {"vulnerability": {"name": "CVE-2024-1"}, "status": "not_affected", "justification": "component_not_present",
       "products": [{"@id": "pkg:deb/ubuntu/rust-curl@1?arch=source&distro=jammy"}]},
      {"vulnerability": {"name": "CVE-2024-1"}, "status": "fixed",
       "products": [{"@id": "pkg:deb/ubuntu/curl@8.9.1?arch=source&distro=questing"}]},
      {"vulnerability": {"name": "CVE-2024-1"}, "status": "new", "products": []}]}"#;
    let tar = tar(&[
        ("vex/cve/2024/CVE-2024-1.json", document),
        ("vex/cve/2024/CVE-2024-2.json", "{"),
        ("vex/usn/USN-1.json", "{"),
    ]);
    let database = build(&[("vex/vex-all.tar", &tar)]);
    let check = |key: &str, expect: &str| {
        let expect = format!("curl CVE-2024-1 CVE-2024-1 [] [] {expect} >= 0\n");
        assert_eq!(database.text(key), expect, "{key}");
    };
    check("ubuntu:18.04", "WillNotFix");
    check("ubuntu:16.04", "EndOfLife");
    check("ubuntu:20.04", "Affected");
    check("ubuntu-pro:20.04", "NotAffected");
    check("ubuntu:24.04", "FixDeferred");
    check("ubuntu:22.04", "NotAffected");
    check("ubuntu-pro:22.04", "NotAffected");
    check("ubuntu-pro:14.04", "NotAffected");
    assert!(database.built.index.match_shard("ubuntu:25.10").is_none());
    assert_eq!(
        database.skipped(),
        [
            ("left out: a binary package", 1),
            ("left out: a build of its own (FIPS, real-time …)", 1),
            ("unreadable: not OpenVEX", 1),
            ("unreadable: status", 1),
        ]
    );
}

#[test]
fn fixes_of_ubuntu_pro_are_none_for_the_plain_release() {
    let entry = |ecosystem: &str, package: &str, more: &str| {
        format!(
            r#"{{"package":{{"ecosystem":"{ecosystem}","name":"{package}"}},
               "ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"2.0-1ubuntu0.1~esm1"}}]}}]{more}}}"#
        )
    };
    let pro = r#","ecosystem_specific":{"availability":"Available with Ubuntu Pro: https://ubuntu.com/pro"}"#;
    let record = |id: &str, entries: &[String]| {
        format!(
            r#"{{"id":"{id}","modified":"2025-01-01T00:00:00Z","upstream":["CVE-2024-1"],"affected":[{}]}}"#,
            entries.join(",")
        )
    };
    let cve = record(
        "UBUNTU-CVE-2024-1",
        &[
            entry("Ubuntu:Pro:22.04:LTS", "a", pro),
            entry("Ubuntu:Pro:20.04:LTS", "b", pro),
            entry(
                "Ubuntu:20.04:LTS",
                "b",
                r#","ecosystem_specific":{"ubuntu_priority":"low"}"#,
            ),
            entry("Ubuntu:20.04:LTS", "c", pro),
            entry("Ubuntu:Pro:FIPS:20.04:LTS", "d", pro),
        ],
    );
    let notice = record("USN-1-1", &[entry("Ubuntu:Pro:16.04:LTS", "a", pro)]);
    let livepatch = record("LSN-1-1", &[entry("Ubuntu:20.04:LTS", "linux", "")]);
    let zip = zip(&[
        ("1.json", &cve),
        ("2.json", &notice),
        ("3.json", &livepatch),
    ]);
    let database = build(&[("Ubuntu/all.zip", &zip)]);
    // None of the ranges of the plain release ends with a fix but that of `b`.
    let fixes = |key: &str| -> Vec<String> {
        let shard = database.shard(key);
        let mut found = Vec::new();
        for package in shard.packages() {
            let package = package.unwrap();
            for affected in package.affected() {
                for range in affected.unwrap().ranges() {
                    found.push(format!("{} {:?}", package.name, range.end));
                }
            }
        }
        found
    };
    assert_eq!(
        fixes("ubuntu:22.04"),
        [r#"a Before("2.0-1ubuntu0.1~esm1")"#]
    );
    assert_eq!(
        fixes("ubuntu-pro:22.04"),
        [r#"a Fixed("2.0-1ubuntu0.1~esm1")"#]
    );
    assert_eq!(
        fixes("ubuntu:20.04"),
        [
            r#"b Fixed("2.0-1ubuntu0.1~esm1")"#,
            r#"c Before("2.0-1ubuntu0.1~esm1")"#
        ]
    );
    assert!(database.text("ubuntu:20.04").contains(r#"["low ubuntu"]"#));
    assert!(database.built.index.match_shard("ubuntu:16.04").is_none());
    assert_eq!(database.skipped(), [("left out: a livepatch", 1)]);
}

#[test]
fn crates_that_nobody_looks_after_are_no_vulnerabilities() {
    let record = |id: &str, kind: &str, aliases: &str| {
        format!(
            r#"{{"id":"{id}","aliases":[{aliases}],"affected":[{{"package":{{"ecosystem":"crates.io","name":"{id}"}},
               "ranges":[{{"type":"SEMVER","events":[{{"introduced":"0"}}]}}],"database_specific":{{"informational":{kind}}}}}]}}"#
        )
    };
    let zip = zip(&[
        ("1.json", &record("RUSTSEC-1", r#""unmaintained""#, "")),
        ("2.json", &record("RUSTSEC-2", r#""unsound""#, "")),
        ("3.json", &record("RUSTSEC-3", "null", "")),
        (
            "4.json",
            &record("RUSTSEC-4", r#""notice""#, r#""CVE-2024-1""#),
        ),
        ("5.json", &record("RUSTSEC-5", r#""notice""#, "")),
    ]);
    let database = build(&[("crates.io/all.zip", &zip)]);
    let text = database.text("crates.io");
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(names, ["RUSTSEC-2", "RUSTSEC-3", "RUSTSEC-4"]);
    assert_eq!(
        database.skipped(),
        [
            (r#"left out: no vulnerability but "notice""#, 1),
            (r#"left out: no vulnerability but "unmaintained""#, 1)
        ]
    );
}

#[test]
fn what_alpine_has_not_fixed_is_possible() {
    let tar = tar(&[
        (
            "all/CVE-2019-1.json",
            r#"{"id": "CVE-2019-1", "state": [
              {"fixed": false, "published": true, "repo": "3.13-community", "packageName": "jenkins", "packageVersion": "2.287-r0"},
              {"fixed": true, "repo": "3.14-main", "packageName": "jenkins", "packageVersion": "2.297-r0"},
              {"fixed": false, "repo": "edge-main", "packageName": "jenkins", "packageVersion": "2.297-r0"},
              {"fixed": false, "repo": "somewhere", "packageName": "a", "packageVersion": "1"},
              {"fixed": false, "repo": "edge-main", "packageName": "b", "packageVersion": ""}],
              "cpeMatch": [{"maximumVersion": "", "maximumVersionOp": "==", "minimumVersion": "", "minimumVersionOp": "=="}]}"#,
        ),
        ("all/CVE-2019-2.json", "{"),
        ("all/other.json", r#"{"id": "x"}"#),
    ]);
    let database = build(&[("secfixes-tracker/all.tar.gz", &gzip(&tar))]);
    assert_eq!(
        database.text("alpine:3.13"),
        "jenkins CVE-2019-1 CVE-2019-1 [] [] Possible >= 2.287-r0\n"
    );
    assert_eq!(
        database.text("alpine:edge"),
        "jenkins CVE-2019-1 CVE-2019-1 [] [] Possible >= 2.297-r0\n"
    );
    assert_eq!(
        database.skipped(),
        [
            ("left out: no id in it", 1),
            ("unreadable: state", 1),
            ("unreadable: version", 1),
            ("unreadable: vulnerability", 1)
        ]
    );
}

#[test]
fn wolfis_secdb_is_reserved() {
    let secdb = |prefix: &str| {
        format!(
            r#"{{"urlprefix": "https://{prefix}", "reponame": "os", "packages": [{{"pkg": {{"name": "openssl",
               "secfixes": {{"3.1.0-r5": ["CVE-2024-1", "GHSA-aaaa-bbbb-cccc"], "0": ["CVE-2024-2"]}}}}}}]}}"#
        )
    };
    assert!(feed_for("os/security.json").unwrap().reserved().is_some());
    let database = build(&[
        ("os/security.json", secdb("packages.wolfi.dev").as_bytes()),
        (
            "chainguard/security.json",
            secdb("packages.cgr.dev/chainguard").as_bytes(),
        ),
    ]);
    for key in ["wolfi", "chainguard"] {
        let text = database.text(key);
        assert!(text.contains("openssl CVE-2024-1 CVE-2024-1 [] [] Affected >= 0, < 3.1.0-r5"));
        assert!(text.contains("openssl CVE-2024-2 CVE-2024-2 [] [] NotAffected >= 0"));
    }
}

#[test]
fn rejected_cves_are_dropped_everywhere() {
    let nvd = r#"{"vulnerabilities": [{"cve": {"id": "CVE-2024-1", "vulnStatus": "Rejected"}},
      {"cve": {"id": "CVE-2024-2", "metrics": {"cvssMetricV31": [{"type": "Secondary", "cvssData": {"vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}],
        "cvssMetricV30": [{"type": "Primary", "cvssData": {"vectorString": "CVSS:3.0/AV:L/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L"}}]},
        "weaknesses": [{"type": "Secondary", "description": [{"lang": "en", "value": "CWE-1"}]},
                       {"type": "Primary", "description": [{"lang": "en", "value": "CWE-79"}, {"lang": "en", "value": "NVD-CWE-noinfo"}]}]}}]}"#;
    let zip = zip(&[("a.json", GHSA)]);
    let database = build(&[
        ("nvdcve-2.0-2024.json", nvd.as_bytes()),
        ("PyPI/all.zip", &zip),
        ("v3.19/main.json", ALPINE.as_bytes()),
    ]);
    // GitHub's record stands by itself.
    assert!(
        database.text("pypi").starts_with(
            r#"friendly-bard GHSA-aaaa-bbbb-cccc GHSA-aaaa-bbbb-cccc ["PYSEC-2024-1"]"#
        )
    );
    let text = database.text("alpine:3.19");
    assert!(!text.contains("CVE-2024-1 "), "{text}");
    assert!(
        text.contains(r#"CVE-2024-2 [] ["medium nvd, CVSS 3.0"]"#),
        "{text}"
    );
    let shard = database.shard("alpine:3.19");
    let cwes: Vec<u32> = shard.advisory(0).unwrap().cwes().collect();
    assert_eq!(cwes, [79]);
    assert!(
        database
            .skipped()
            .contains(&("withdrawn: the CVE was rejected", 1))
    );
}
