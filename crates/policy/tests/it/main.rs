//! Policies judged on tables of findings.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

use lamina_inventory::severity::Severity::{self, *};
use lamina_policy::{Finding, Policy, RULES, Verdict, evaluate};

const NOW: &str = "2026-11-23T12:00:00Z";

fn finding(id: &'static str, severity: Severity, is_fixable: bool) -> Finding<'static> {
    Finding {
        id,
        aliases: &[],
        severity,
        is_fixable,
        package: "openssl",
        version: "3.0.11",
        layer: 0,
    }
}

fn judge(policy: &str, findings: &[Finding<'_>]) -> Verdict {
    let policy = Policy::parse_json(policy).unwrap();
    evaluate(&policy, findings, NOW.parse().unwrap())
}

/// The first rule's outcome, as `pass|fail: reason`.
fn check(policy: &str, findings: &[Finding<'_>], expect: &str) {
    let verdict = judge(policy, findings);
    let last = verdict.rules.last().unwrap();
    let word = if verdict.passed { "pass" } else { "fail" };
    assert_eq!(format!("{word}: {}", last.reason), expect, "{policy}");
    assert_eq!(verdict.passed, verdict.rules.iter().all(|rule| rule.passed));
}

#[test]
fn the_threshold_itself_fails_and_what_is_below_passes() {
    let all = [
        finding("CVE-1", Negligible, true),
        finding("CVE-2", Low, true),
        finding("CVE-3", Medium, false),
        finding("CVE-4", High, true),
        finding("CVE-5", Critical, false),
        finding("CVE-6", Unknown, true),
    ];
    let check = |policy, expect| check(policy, &all, expect);
    check(
        r#"{"fail-on":"critical"}"#,
        "fail: 1 finding at or above critical, worst CVE-5 (critical) in openssl 3.0.11",
    );
    check(
        r#"{"fail-on":"high"}"#,
        "fail: 2 findings at or above high, worst CVE-5 (critical) in openssl 3.0.11",
    );
    check(
        r#"{"fail-on":"negligible"}"#,
        "fail: 5 findings at or above negligible, worst CVE-5 (critical) in openssl 3.0.11",
    );
    check(
        r#"{"fail-on":"high","fixable-only":true}"#,
        "fail: 1 fixable finding at or above high, worst CVE-4 (high) in openssl 3.0.11",
    );
    check(
        r#"{"fail-on":"critical","fixable-only":true}"#,
        "pass: no fixable finding at or above critical",
    );
    check(
        r#"{"fail-on":"never"}"#,
        "pass: no severity fails this policy",
    );
    check(
        r#"{"fail-on":"never","unknown-severity":"fail"}"#,
        "fail: 1 finding of unknown severity, worst CVE-6 (unknown) in openssl 3.0.11",
    );
}

#[test]
fn no_finding_passes_every_policy_that_fails_on_findings() {
    check("{}", &[], "pass: no finding at or above high");
    check(
        r#"{"unknown-severity":"fail"}"#,
        &[],
        "pass: no finding of unknown severity",
    );
}

#[test]
fn findings_are_listed_worst_first() {
    let findings = [
        finding("CVE-3", High, false),
        finding("CVE-2", High, true),
        finding("CVE-1", High, true),
        finding("CVE-9", Critical, false),
    ];
    assert_eq!(judge("{}", &findings).rules[0].findings, [3, 2, 1, 0]);
}

#[test]
fn an_exception_covers_id_and_aliases_until_it_expires() {
    let aliases = ["GHSA-aaaa-bbbb-cccc".to_owned(), "PYSEC-2024-1".to_owned()];
    let findings = [Finding {
        aliases: &aliases,
        ..finding("CVE-2024-1", Critical, true)
    }];
    let check = |exceptions: &str, excepted: &[(usize, usize)], expired: &[(usize, usize)]| {
        let verdict = judge(&format!(r#"{{"exceptions":[{exceptions}]}}"#), &findings);
        assert_eq!(verdict.excepted, excepted, "{exceptions}");
        assert_eq!(verdict.expired, expired, "{exceptions}");
        assert_eq!(verdict.passed, !excepted.is_empty(), "{exceptions}");
    };
    check(r#"{"id":"CVE-2024-1"}"#, &[(0, 0)], &[]);
    check(r#"{"id":" cve-2024-1"}"#, &[(0, 0)], &[]);
    check(r#"{"id":"ghsa-AAAA-bbbb-cccc"}"#, &[(0, 0)], &[]);
    check(r#"{"id":"CVE-1"},{"id":"PYSEC-2024-1"}"#, &[(0, 1)], &[]);
    check(r#"{"id":"CVE-2024-11"}"#, &[], &[]);
    check(
        r#"{"id":"CVE-2024-1","expires":"2026-11-23"}"#,
        &[(0, 0)],
        &[],
    );
    check(
        r#"{"id":"CVE-2024-1","expires":"2026-11-22"}"#,
        &[],
        &[(0, 0)],
    );
    // Of two for the same vulnerability, the one that counts.
    check(
        r#"{"id":"CVE-2024-1","expires":"2026-11-22"},{"id":"PYSEC-2024-1"}"#,
        &[(0, 1)],
        &[],
    );
    check(
        r#"{"id":"CVE-2024-1","expires":"2026-11-22"},{"id":"CVE-2024-1"}"#,
        &[(0, 1)],
        &[],
    );
}

#[test]
fn the_reason_tells_how_many_are_excepted() {
    check(
        r#"{"exceptions":[{"id":"CVE-1"}]}"#,
        &[finding("CVE-1", High, true)],
        "pass: no finding at or above high; 1 excepted",
    );
}

#[test]
fn rule_files_and_the_list_agree() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rules");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| name.trim_end_matches(".rs").replace('_', "-"))
        .collect();
    files.sort();
    let mut listed: Vec<_> = RULES.iter().map(|rule| rule.id().to_owned()).collect();
    listed.sort();
    assert_eq!(files, listed);
}

#[test]
fn three_thousand_findings_are_judged_while_a_slider_moves() {
    let ids: Vec<String> = (0..3000).map(|n| format!("CVE-2024-{n}")).collect();
    let aliases: Vec<[String; 2]> = (0..3000)
        .map(|n| [format!("GHSA-{n}"), format!("PYSEC-{n}")])
        .collect();
    let severities = [Unknown, Negligible, Low, Medium, High, Critical];
    let findings: Vec<_> = (0..3000)
        .map(|n| Finding {
            id: &ids[n],
            aliases: &aliases[n],
            ..finding("", severities[n % 6], n % 2 == 0)
        })
        .collect();
    let exceptions: Vec<_> = (0..200)
        .map(|n| format!(r#"{{"id":"ghsa-{}"}}"#, n * 7))
        .collect();
    let policy = format!(
        r#"{{"fail-on":"low","unknown-severity":"fail","exceptions":[{}]}}"#,
        exceptions.join(",")
    );
    let policy = Policy::parse_json(&policy).unwrap();
    let now = NOW.parse().unwrap();
    let mut best = f64::MAX;
    for _ in 0..20 {
        let start = std::time::Instant::now();
        let verdict = evaluate(&policy, &findings, now);
        best = best.min(start.elapsed().as_secs_f64() * 1000.0);
        assert_eq!(verdict.excepted.len(), 200);
    }
    println!("3,000 findings and 200 exceptions: {best:.2} ms");
    // Debug builds are about ten times slower than the 2 ms that the page may take.
    assert!(best < 40.0, "{best} ms");
}
