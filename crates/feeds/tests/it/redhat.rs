//! Red Hat's VEX.

use serde_json::{Value, json};

use crate::support::{Database, build};

/// A document about CVE-2024-1: streams (id, CPE), components (id, purl), and statements: kind, stream
/// and component, remediation (category, details or address of the advisory, date).
fn document(
    streams: &[(&str, &str)],
    components: &[(&str, &str)],
    statements: &[(&str, &str, &str, &[&str])],
) -> Vec<u8> {
    let product = |id: &str, helper: Value| json!({"category": "product_version", "name": id, "product": {"name": id, "product_id": id, "product_identification_helper": helper}});
    let mut branches: Vec<Value> = streams
        .iter()
        .map(|(id, cpe)| product(id, json!({"cpe": cpe})))
        .collect();
    branches.push(
        json!({"category": "architecture", "name": "x", "branches": components
        .iter()
        .map(|(id, purl)| product(id, json!({"purl": purl})))
        .collect::<Vec<_>>()}),
    );
    let mut relationships = Vec::new();
    let mut status: serde_json::Map<String, Value> = serde_json::Map::new();
    let mut remediations = Vec::new();
    for (kind, stream, component, remediation) in statements {
        let id = format!("{stream}:{component}");
        relationships.push(json!({"category": "default_component_of", "product_reference": component,
            "relates_to_product_reference": stream, "full_product_name": {"name": id, "product_id": id}}));
        let list = status.entry((*kind).to_owned()).or_insert(json!([]));
        list.as_array_mut().unwrap().push(json!(id));
        match remediation {
            ["vendor_fix", url, date] => remediations.push(
                json!({"category": "vendor_fix", "url": url, "date": date, "product_ids": [id]}),
            ),
            [category, details] => remediations
                .push(json!({"category": category, "details": details, "product_ids": [id]})),
            _ => {}
        }
    }
    json!({
        "document": {"category": "csaf_vex", "csaf_version": "2.0", "title": "a: something bad", "new": 1,
            "aggregate_severity": {"namespace": "x", "text": "Moderate"},
            "tracking": {"id": "CVE-2024-1", "current_release_date": "2024-12-18T09:14:23Z", "initial_release_date": "2024-10-18T00:00:00Z"}},
        "product_tree": {"branches": [{"category": "vendor", "name": "Red Hat", "branches": branches}], "relationships": relationships},
        "vulnerabilities": [{"cve": "CVE-2024-1", "cwe": {"id": "CWE-922"}, "title": "something bad",
            "notes": [{"category": "description", "text": "More."}],
            "product_status": status, "remediations": remediations,
            "threats": [{"category": "impact", "details": "Important", "product_ids": ["r9:curl.src"]}],
            "scores": [{"cvss_v3": {"vectorString": "CVSS:3.1/AV:L/AC:H/PR:L/UI:N/S:U/C:H/I:N/A:N"}, "products": []}]}]
    })
    .to_string()
    .into_bytes()
}

fn database(document: &[u8]) -> Database {
    build(&[("vex/2024/cve-2024-1.json", document)])
}

const FIX: &str = "https://access.redhat.com/errata/RHSA-2024:1";
const LATER_FIX: &str = "https://access.redhat.com/errata/RHSA-2024:2";

#[test]
fn a_source_stands_for_its_binaries_and_the_highest_fix_counts() {
    let database = database(&document(
        &[
            ("BaseOS-9.2", "cpe:/o:redhat:enterprise_linux:9::baseos"),
            ("BaseOS-9.5", "cpe:/o:redhat:enterprise_linux:9::baseos"),
            (
                "AppStream-9.5",
                "cpe:/a:redhat:enterprise_linux:9::appstream",
            ),
            ("EUS", "cpe:/o:redhat:rhel_eus:9.2::baseos"),
            (
                "red_hat_enterprise_linux_9",
                "cpe:/o:redhat:enterprise_linux:9",
            ),
        ],
        &[
            (
                "pam-1.src",
                "pkg:rpm/redhat/pam@1.5-1.el9_2?arch=src&epoch=1",
            ),
            (
                "pam-1.x86_64",
                "pkg:rpm/redhat/pam@1.5-1.el9_2?arch=x86_64&epoch=1",
            ),
            (
                "pam-2.src",
                "pkg:rpm/redhat/pam@1.5-2.el9_5?arch=src&epoch=1",
            ),
            (
                "pam-2.x86_64",
                "pkg:rpm/redhat/pam@1.5-2.el9_5?arch=x86_64&epoch=1",
            ),
            (
                "pam-devel-2.x86_64",
                "pkg:rpm/redhat/pam-devel@1.5-2.el9_5?arch=x86_64&epoch=1",
            ),
            (
                "pam-debuginfo",
                "pkg:rpm/redhat/pam-debuginfo@1.5-2.el9_5?arch=x86_64&epoch=1",
            ),
            ("pam.src", "pkg:rpm/redhat/pam?arch=src"),
        ],
        &[
            (
                "fixed",
                "BaseOS-9.2",
                "pam-1.src",
                &["vendor_fix", FIX, "2024-11-01T00:00:00Z"],
            ),
            (
                "fixed",
                "BaseOS-9.2",
                "pam-1.x86_64",
                &["vendor_fix", FIX, "2024-11-01T00:00:00Z"],
            ),
            (
                "fixed",
                "BaseOS-9.5",
                "pam-2.src",
                &["vendor_fix", LATER_FIX, "2024-11-19T04:46:55Z"],
            ),
            (
                "fixed",
                "BaseOS-9.5",
                "pam-2.x86_64",
                &["vendor_fix", LATER_FIX, "2024-11-19T04:46:55Z"],
            ),
            (
                "fixed",
                "AppStream-9.5",
                "pam-devel-2.x86_64",
                &["vendor_fix", LATER_FIX, "2024-11-19T04:46:55Z"],
            ),
            (
                "fixed",
                "BaseOS-9.5",
                "pam-debuginfo",
                &["vendor_fix", LATER_FIX, "2024-11-19T04:46:55Z"],
            ),
            (
                "fixed",
                "EUS",
                "pam-1.src",
                &["vendor_fix", FIX, "2024-11-01T00:00:00Z"],
            ),
            (
                "known_affected",
                "red_hat_enterprise_linux_9",
                "pam.src",
                &["none_available", "Affected"],
            ),
        ],
    ));
    assert_eq!(
        database.text("red-hat:9"),
        r#"pam CVE-2024-1 CVE-2024-1 ["RHSA-2024:1"] ["medium redhat", "medium redhat, CVSS 3.1"] Affected >= 0, < 1:1.5-1.el9_2 Product("rhel_eus:9.2::baseos") Source
pam CVE-2024-1 CVE-2024-1 ["RHSA-2024:2"] ["medium redhat", "medium redhat, CVSS 3.1"] Affected >= 0, < 1:1.5-2.el9_5 Product("enterprise_linux:9::appstream") Product("enterprise_linux:9::baseos") Source
"#
    );
    let shard = database.shard("red-hat:9");
    let package = shard.package("pam").unwrap().unwrap();
    let days: Vec<String> = package
        .affected()
        .map(|affected| affected.unwrap().fix_published.unwrap().to_string())
        .collect();
    assert_eq!(days, ["2024-11-01", "2024-11-19"]);
    let advisory = shard.advisory(0).unwrap();
    assert_eq!(advisory.cwes().collect::<Vec<_>>(), [922]);
    assert_eq!(advisory.title, Some("something bad"));
    assert_eq!(database.skipped(), [("left out: debug packages", 1)]);
}

#[test]
fn statements_are_told_apart_by_what_is_done_about_them() {
    let database = database(&document(
        &[
            ("r9", "cpe:/o:redhat:enterprise_linux:9"),
            ("r8", "cpe:/o:redhat:enterprise_linux:8"),
            ("ocp", "cpe:/a:redhat:openshift:4"),
            ("r5", "cpe:/o:redhat:enterprise_linux:5"),
            ("virt", "cpe:/a:redhat:enterprise_linux:9::hypervisor"),
        ],
        &[
            ("curl.src", "pkg:rpm/redhat/curl?arch=src"),
            ("b.src", "pkg:rpm/redhat/b?arch=src"),
            ("c.src", "pkg:rpm/redhat/c?arch=src"),
            ("d.src", "pkg:rpm/redhat/d?arch=src"),
            ("e.src", "pkg:rpm/redhat/e?arch=src"),
            ("nodejs:18/npm", "pkg:rpm/redhat/npm?rpmmod=nodejs:18"),
            (
                "gimp:flatpak/e",
                "pkg:rpm/redhat/e?arch=src&rpmmod=gimp:flatpak",
            ),
            ("image", "pkg:oci/image"),
        ],
        &[
            (
                "known_affected",
                "r9",
                "curl.src",
                &["none_available", "Fix deferred"],
            ),
            (
                "known_affected",
                "r9",
                "b.src",
                &["no_fix_planned", "Will not fix"],
            ),
            (
                "known_affected",
                "r9",
                "c.src",
                &["no_fix_planned", "Out of support scope"],
            ),
            ("under_investigation", "r9", "d.src", &[]),
            ("known_not_affected", "r9", "e.src", &[]),
            (
                "known_affected",
                "r8",
                "nodejs:18/npm",
                &["none_available", "Affected"],
            ),
            (
                "known_affected",
                "r8",
                "gimp:flatpak/e",
                &["none_available", "Affected"],
            ),
            (
                "known_affected",
                "ocp",
                "image",
                &["none_available", "Affected"],
            ),
            (
                "known_affected",
                "r9",
                "image",
                &["none_available", "Affected"],
            ),
            (
                "known_affected",
                "r5",
                "b.src",
                &["none_available", "Affected"],
            ),
            (
                "known_affected",
                "virt",
                "b.src",
                &["none_available", "Affected"],
            ),
        ],
    ));
    assert_eq!(
        database.text("red-hat:9"),
        r#"b CVE-2024-1 CVE-2024-1 [] ["medium redhat", "medium redhat, CVSS 3.1"] WillNotFix >= 0 Product("enterprise_linux:9") Source
c CVE-2024-1 CVE-2024-1 [] ["medium redhat", "medium redhat, CVSS 3.1"] EndOfLife >= 0 Product("enterprise_linux:9") Source
curl CVE-2024-1 CVE-2024-1 [] ["high redhat", "medium redhat, CVSS 3.1"] FixDeferred >= 0 Product("enterprise_linux:9") Source
d CVE-2024-1 CVE-2024-1 [] ["medium redhat", "medium redhat, CVSS 3.1"] UnderInvestigation >= 0 Product("enterprise_linux:9") Source
e CVE-2024-1 CVE-2024-1 [] ["medium redhat", "medium redhat, CVSS 3.1"] NotAffected >= 0 Product("enterprise_linux:9") Source
"#
    );
    assert_eq!(
        database.text("red-hat:8"),
        r#"npm CVE-2024-1 CVE-2024-1 [] ["medium redhat", "medium redhat, CVSS 3.1"] Affected >= 0 Module("nodejs:18") Product("enterprise_linux:8")
"#
    );
    let reasons: Vec<&str> = database
        .skipped()
        .into_iter()
        .map(|(reason, _)| reason)
        .collect();
    assert_eq!(
        reasons,
        [
            "left out: Flatpak",
            "left out: RHEL before 6, of which there are no images",
            "left out: no RPM package",
            "left out: product other than RHEL",
            "left out: repository for hosts",
        ]
    );
}

#[test]
fn architectures_are_kept_where_their_fixes_differ() {
    let database = database(&document(
        &[("r9", "cpe:/o:redhat:enterprise_linux:9::baseos")],
        &[
            (
                "a.x86_64",
                "pkg:rpm/redhat/a@1-1?arch=x86_64&rpmmod=m:1:20:abc",
            ),
            (
                "a.aarch64",
                "pkg:rpm/redhat/a@1-2?arch=aarch64&rpmmod=m:1:20:abc",
            ),
            ("b.x86_64", "pkg:rpm/redhat/b@1-1?arch=x86_64"),
            ("b.aarch64", "pkg:rpm/redhat/b@1-1?arch=aarch64"),
        ],
        &[
            (
                "fixed",
                "r9",
                "a.x86_64",
                &["vendor_fix", FIX, "2024-11-01T00:00:00Z"],
            ),
            (
                "fixed",
                "r9",
                "a.aarch64",
                &["vendor_fix", FIX, "2024-11-01T00:00:00Z"],
            ),
            (
                "fixed",
                "r9",
                "b.x86_64",
                &["vendor_fix", FIX, "2024-11-01T00:00:00Z"],
            ),
            (
                "fixed",
                "r9",
                "b.aarch64",
                &["vendor_fix", FIX, "2024-11-01T00:00:00Z"],
            ),
        ],
    ));
    let text = database.text("red-hat:9").replace(
        r#" CVE-2024-1 CVE-2024-1 ["RHSA-2024:1"] ["medium redhat", "medium redhat, CVSS 3.1"] Affected >= 0,"#,
        "",
    );
    assert_eq!(
        text,
        r#"a < 1-1 Module("m:1") Architecture("x86_64") Product("enterprise_linux:9::baseos")
a < 1-2 Module("m:1") Architecture("aarch64") Product("enterprise_linux:9::baseos")
b < 1-1 Product("enterprise_linux:9::baseos")
"#
    );
}

#[test]
fn what_is_no_vex_document_is_counted() {
    for (content, reason) in [
        ("{}", "unreadable: no CSAF document"),
        ("not json", "unreadable: no CSAF document"),
        (
            r#"{"document":{"category":"csaf_security_advisory","tracking":{"id":"RHSA-1"}}}"#,
            "left out: no VEX document",
        ),
        (
            r#"{"document":{"category":"csaf_vex","tracking":{"id":"CVE-1"}}}"#,
            "left out: names no vulnerability",
        ),
    ] {
        let database = database(content.as_bytes());
        assert_eq!(database.skipped(), [(reason, 1)], "{content}");
    }
}

/// What is cut off or has a byte changed is read or counted, and never panics.
#[test]
fn broken_documents_never_panic() {
    let whole = document(
        &[("r9", "cpe:/o:redhat:enterprise_linux:9::baseos")],
        &[(
            "a.x86_64",
            "pkg:rpm/redhat/a@1-1?arch=x86_64&rpmmod=m:1:20:abc",
        )],
        &[(
            "fixed",
            "r9",
            "a.x86_64",
            &["vendor_fix", FIX, "2024-11-01T00:00:00Z"],
        )],
    );
    for position in 0..whole.len() {
        let mut changed = whole.clone();
        changed[position] ^= 0x21;
        for bytes in [&changed[..], &whole[..position]] {
            let mut builder = lamina_feeds::Builder::new(crate::support::NOW);
            crate::support::read(&mut builder, "2024/cve-2024-1.json", bytes).unwrap();
        }
    }
}

/// A sample of 81 documents in both shapes.
#[test]
fn the_real_tar_gives_what_red_hat_says_of_known_cves() {
    let path = "redhat/csaf_vex_2026-08-22.tar.zst";
    let Some(file) = lamina_testkit::shared(&format!("advisories/feeds/{path}")) else {
        return;
    };
    let database = build(&[(path, &std::fs::read(file).unwrap())]);
    database.print_sizes();
    let source = &database.built.index.sources[0];
    assert_eq!((source.id.as_str(), source.records), ("redhat-vex", 81));
    let unreadable = database.skipped();
    let mut unreadable = unreadable
        .iter()
        .filter(|(reason, _)| reason.starts_with("unreadable"));
    assert_eq!(unreadable.next(), None);
    let nine = database.text("red-hat:9");
    for line in [
        // The older shape: curl's source and its binaries.
        r#"curl CVE-2023-38545 CVE-2023-38545 ["RHSA-2023:6745"] ["high redhat", "high redhat, CVSS 3.1"] Affected >= 0, < 7.76.1-26.el9_3.2 Product("enterprise_linux:9::appstream") Product("enterprise_linux:9::baseos") Source"#,
        // The newer shape: each minor release.
        r#"python3.9 CVE-2024-6923 CVE-2024-6923 [] ["medium redhat", "medium redhat, CVSS 3.1"] WillNotFix >= 0 Product("rhel_eus:9.0") Source"#,
        r#"python3.12 CVE-2024-6923 CVE-2024-6923 [] ["medium redhat", "medium redhat, CVSS 3.1"] NotAffected >= 0 Product("rhel_eus:9.0") Product("rhel_eus:9.2") Source"#,
    ] {
        assert!(nine.contains(line), "{line}");
    }
    assert!(database.text("red-hat:8").contains(r#"Module("redis:6")"#));
}
