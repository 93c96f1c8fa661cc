//! Trivy's filters and exit codes (rules: docs/presets.md); its ignore files are in `trivy_oracle`.

use lamina_inventory::{facts::IssueKind, severity::Severity as Ours};
use lamina_policy::{
    Choice, Gap, Policy, Status as OurStatus, Threshold, VexMatch,
    presets::{
        Decision,
        trivy::{self, Scanner, Settings, Severity, Status},
    },
};

use super::{Rows, check_parts, issue, now, subject, truth};

fn failing() -> Settings {
    Settings {
        exit_code: 1,
        ..Settings::default()
    }
}

fn judge(settings: &Settings, findings: &[&str]) -> Decision {
    let subject = subject(findings);
    let decision = trivy::judge(settings, &subject, now());
    check_parts(&decision, findings.len());
    assert_eq!(decision.allows, decision.code == 0);
    decision
}

fn severities(words: &str) -> Vec<Severity> {
    let words = words.split(',').filter(|word| !word.is_empty());
    words
        .map(|word| serde_json::from_value(word.into()).unwrap())
        .collect()
}

fn statuses(words: &str) -> Vec<Status> {
    let words = words.split(',').filter(|word| !word.is_empty());
    words
        .map(|word| serde_json::from_value(word.into()).unwrap())
        .collect()
}

#[test]
fn only_the_severities_that_are_asked_for_count() {
    let mut rows = Rows::of("trivy: --severity");
    truth(
        "                                    unknown negligible low medium high critical
         UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL |   x  x  x  x  x  x
         LOW,MEDIUM,HIGH,CRITICAL         |   .  x  x  x  x  x
         MEDIUM,HIGH,CRITICAL             |   .  .  .  x  x  x
         HIGH,CRITICAL                    |   .  .  .  .  x  x
         CRITICAL,HIGH                    |   .  .  .  .  x  x
         CRITICAL                         |   .  .  .  .  .  x
         LOW                              |   .  x  x  .  .  .
         MEDIUM                           |   .  .  .  x  .  .
         UNKNOWN                          |   x  .  .  .  .  .
         UNKNOWN,CRITICAL                 |   x  .  .  .  .  x
                                          |   .  .  .  .  .  .",
        |asked, severity, expect| {
            rows.row();
            let settings = Settings {
                severity: severities(asked),
                ..failing()
            };
            let words = format!("CVE-1 {severity}");
            let decision = judge(&settings, &[&words]);
            assert_eq!(
                decision.code,
                u16::from(expect == 'x'),
                "{asked} {severity}"
            );
            assert_eq!(decision.counted.len(), usize::from(expect == 'x'));
        },
    );
}

#[test]
fn statuses_are_ignored_one_by_one_or_all_but_fixed() {
    let mut rows = Rows::of("trivy: --ignore-status, --ignore-unfixed");
    truth(
        "                       fixed affected will-not-fix fix-deferred under-investigation end-of-life possible
         -                   |   x  x  x  x  x  x  x
         unfixed             |   x  .  .  .  .  .  .
         fixed               |   .  x  x  x  x  x  x
         affected            |   x  .  x  x  x  x  .
         will_not_fix        |   x  x  .  x  x  x  x
         fix_deferred        |   x  x  x  .  x  x  x
         under_investigation |   x  x  x  x  .  x  x
         end_of_life         |   x  x  x  x  x  .  x
         unknown             |   x  x  x  x  x  x  x
         not_affected        |   x  x  x  x  x  x  x
         affected,fixed      |   .  .  x  x  x  x  .
         unfixed+fixed       |   .  x  x  x  x  x  x
         unfixed+end_of_life |   x  x  x  x  x  .  x",
        |option, status, expect| {
            rows.row();
            let is_unfixed = option.starts_with("unfixed");
            let list = option.trim_start_matches("unfixed").trim_matches(['+', '-']);
            let settings = Settings {
                ignore_unfixed: is_unfixed,
                ignore_status: statuses(list),
                ..failing()
            };
            let words = format!("CVE-1 {status}");
            let decision = judge(&settings, &[&words]);
            assert_eq!(decision.code, u16::from(expect == 'x'), "{option} {status}");
            let is_told = decision.notes.iter().any(|note| {
                note == "'--ignore-unfixed' is ignored because '--ignore-status' is specified"
            });
            assert_eq!(is_told, is_unfixed && !list.is_empty());
        },
    );
}

#[test]
fn our_words_become_trivys() {
    let mut rows = Rows::of("trivy: words");
    let mut check = |ours: OurStatus, theirs: &str| {
        rows.row();
        assert_eq!(Status::of(ours).word(), theirs);
    };
    check(OurStatus::Fixed, "fixed");
    check(OurStatus::Affected, "affected");
    check(OurStatus::WillNotFix, "will_not_fix");
    check(OurStatus::FixDeferred, "fix_deferred");
    check(OurStatus::UnderInvestigation, "under_investigation");
    check(OurStatus::EndOfLife, "end_of_life");
    check(OurStatus::Possible, "affected");
    let mut check = |ours: Ours, theirs: &str| {
        rows.row();
        assert_eq!(Severity::of(ours).word(), theirs);
    };
    check(Ours::Unknown, "UNKNOWN");
    check(Ours::Negligible, "LOW");
    check(Ours::Low, "LOW");
    check(Ours::Medium, "MEDIUM");
    check(Ours::High, "HIGH");
    check(Ours::Critical, "CRITICAL");
}

#[test]
fn the_total_is_told_by_severity() {
    let mut rows = Rows::of("trivy: totals");
    let mut check = |asked: &str, findings: &[&str], expect: &str| {
        rows.row();
        let settings = Settings {
            severity: severities(asked),
            ..failing()
        };
        assert_eq!(judge(&settings, findings).message, expect);
    };
    let all = [
        "CVE-1 unknown",
        "CVE-2 negligible",
        "CVE-3 low",
        "CVE-4 critical",
    ];
    check(
        "UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL",
        &all,
        "Total: 4 (UNKNOWN: 1, LOW: 2, MEDIUM: 0, HIGH: 0, CRITICAL: 1)",
    );
    check("HIGH,CRITICAL", &all, "Total: 1 (HIGH: 0, CRITICAL: 1)");
    check("MEDIUM", &all, "Total: 0 (MEDIUM: 0)");
    check("LOW", &["CVE-1 low", "CVE-1 low"], "Total: 1 (LOW: 1)");
    check(
        "LOW",
        &["CVE-1 low", "CVE-1 low file=x"],
        "Total: 1 (LOW: 1)",
    );
    check(
        "LOW",
        &["CVE-1 low", "CVE-1 low pkg=x@1"],
        "Total: 2 (LOW: 2)",
    );
    check(
        "LOW",
        &[
            "CVE-1 low type=npm pkg=x@1 file=a",
            "CVE-1 low type=npm pkg=x@1 file=b",
        ],
        "Total: 2 (LOW: 2)",
    );
    check(
        "LOW",
        &["GHSA-1 low alias=CVE-1", "CVE-1 low"],
        "Total: 1 (LOW: 1)",
    );
}

#[test]
fn exit_codes_are_those_that_were_asked_for() {
    let mut rows = Rows::of("trivy: exit codes");
    // exit-code, exit-on-eol, findings, end of life: the code.
    let mut check = |exit_code: u8, on_eol: u8, findings: usize, is_over: bool, expect: u16| {
        rows.row();
        let settings = Settings {
            exit_code,
            exit_on_eol: on_eol,
            ..Settings::default()
        };
        let mut subject = subject(&["CVE-1", "CVE-2"][..findings]);
        if is_over {
            subject.issues.push(issue(
                IssueKind::Misconfiguration,
                "end-of-life-distribution",
                Ours::High,
                None,
            ));
        }
        let decision = trivy::judge(&settings, &subject, now());
        assert_eq!(
            decision.code, expect,
            "{exit_code} {on_eol} {findings} {is_over}"
        );
        assert_eq!(decision.allows, expect == 0);
        if on_eol != 0 && is_over {
            assert_eq!(decision.message, "Detected EOL OS");
        }
    };
    check(0, 0, 0, false, 0);
    check(0, 0, 2, false, 0);
    check(1, 0, 2, false, 1);
    check(1, 0, 0, false, 0);
    check(7, 0, 1, false, 7);
    check(255, 0, 1, false, 255);
    check(1, 2, 1, true, 2);
    check(1, 2, 0, true, 2);
    check(0, 2, 0, true, 2);
    check(0, 2, 1, false, 0);
    check(1, 2, 1, false, 1);
    check(1, 0, 0, true, 0);
    check(1, 0, 1, true, 1);
}

#[test]
fn scanners_decide_which_kinds_count() {
    let mut rows = Rows::of("trivy: --scanners");
    truth(
        "                                    vulnerability secret misconfiguration licence
         vuln,secret                      |   x  x  .  .
         vuln                             |   x  .  .  .
         secret                           |   .  x  .  .
         misconfig                        |   .  .  x  .
         license                          |   .  .  .  x
         vuln,misconfig                   |   x  .  x  .
         vuln,secret,misconfig,license    |   x  x  x  x
                                          |   .  .  .  .",
        |scanners, kind, expect| {
            rows.row();
            let words = scanners.split(',').filter(|word| !word.is_empty());
            let settings = Settings {
                scanners: words
                    .map(|word| serde_json::from_value::<Scanner>(word.into()).unwrap())
                    .collect(),
                ..failing()
            };
            let mut subject = subject(&["CVE-1"][..usize::from(kind == "vulnerability")]);
            match kind {
                "secret" => {
                    subject
                        .issues
                        .push(issue(IssueKind::Secret, "x", Ours::High, Some("a")))
                }
                "misconfiguration" => {
                    subject
                        .issues
                        .push(issue(IssueKind::Misconfiguration, "x", Ours::High, None))
                }
                "licence" => {
                    subject
                        .issues
                        .push(issue(IssueKind::Licence, "GPL-3.0-only", Ours::High, None))
                }
                _ => {}
            }
            let decision = trivy::judge(&settings, &subject, now());
            assert_eq!(decision.code, u16::from(expect == 'x'), "{scanners} {kind}");
        },
    );
}

#[test]
fn issues_have_severities_too() {
    let mut rows = Rows::of("trivy: severities of issues");
    truth(
        "                     low medium high critical
         HIGH,CRITICAL     |   . . x x
         LOW               |   x . . .
         MEDIUM,CRITICAL   |   . x . x",
        |asked, severity, expect| {
            for kind in [
                IssueKind::Secret,
                IssueKind::Misconfiguration,
                IssueKind::Licence,
            ] {
                rows.row();
                let settings = Settings {
                    severity: severities(asked),
                    scanners: vec![Scanner::Secret, Scanner::Misconfig, Scanner::License],
                    ..failing()
                };
                let mut subject = subject(&[]);
                subject
                    .issues
                    .push(issue(kind, "x", Ours::parse(severity).unwrap(), None));
                let decision = trivy::judge(&settings, &subject, now());
                assert_eq!(
                    decision.code,
                    u16::from(expect == 'x'),
                    "{asked} {severity}"
                );
            }
        },
    );
}

#[test]
fn vex_comes_first_and_licences_can_be_ignored_by_name() {
    let mut rows = Rows::of("trivy: vex, licences, no database");
    let mut subject = subject(&["CVE-1", "CVE-2"]);
    subject.vex = vec![
        VexMatch {
            finding: 0,
            suppresses: true,
            statement: "not_affected",
            ..VexMatch::default()
        },
        VexMatch {
            finding: 1,
            suppresses: false,
            statement: "affected",
            ..VexMatch::default()
        },
    ];
    let decision = trivy::judge(&failing(), &subject, now());
    rows.row();
    assert_eq!(decision.left_out, [(0, "VEX: not_affected".to_owned())]);
    let mut check = |ignored: &str, licence: &'static str, code: u16| {
        rows.row();
        let settings = Settings {
            scanners: vec![Scanner::License],
            ignored_licenses: vec![ignored.to_owned()],
            ..failing()
        };
        let mut subject = super::subject(&[]);
        subject
            .issues
            .push(issue(IssueKind::Licence, licence, Ours::High, None));
        assert_eq!(
            trivy::judge(&settings, &subject, now()).code,
            code,
            "{ignored} {licence}"
        );
    };
    check("MIT", "MIT", 0);
    check("mit", "MIT", 1);
    check("GPL-3.0-only", "MIT", 1);
    check("GPL-3.0-only", "GPL-3.0-only AND MIT", 1);
    rows.row();
    let mut subject = super::subject(&[]);
    subject.gaps = vec![Gap::NoDatabase];
    assert_eq!(trivy::judge(&failing(), &subject, now()).code, 1);
}

#[test]
fn errors_of_ignore_files_say_where() {
    let mut rows = Rows::of("trivy: places of errors");
    let mut check = |text: &str, expect: (u64, u64), words: &str| {
        rows.row();
        let error = trivy::read(text).unwrap_err();
        let lamina_policy::presets::ImportError::Refused {
            message,
            line,
            column,
        } = &error
        else {
            panic!("{error:?}");
        };
        assert_eq!((line.unwrap(), column.unwrap()), expect, "{text} {error}");
        assert!(message.contains(words), "{message}");
    };
    check(
        "vulnerabilities:\n  - id: CVE-1\n    paths: ['[']\n",
        (3, 13),
        "invalid path pattern",
    );
    check(
        "vulnerabilities:\n  - id: CVE-1\n    purls: ['x']\n",
        (3, 13),
        "purl error",
    );
    check(
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: soon\n",
        (3, 17),
        "as a time",
    );
    check("vulnerabilities: 5\n", (1, 18), "");
    let huge = " ".repeat(5 << 20);
    assert!(trivy::read(&huge).is_err() && trivy::read_plain(&huge).is_err());
    let many = "CVE-1\n".repeat(10_001);
    assert!(trivy::read_plain(&many).is_err());
    let many = format!("vulnerabilities:\n{}", "  - id: CVE-1\n".repeat(10_001));
    assert!(trivy::read(&many).is_err());
    assert!(trivy::read(&"[".repeat(100_000)).is_err());
    let bomb = format!(
        "a: &a [{}]\nb: &b [{}]\nvulnerabilities: *b\n",
        "x,".repeat(999),
        "*a,".repeat(999)
    );
    assert!(trivy::read(&bomb).is_err());
    let long = format!("CVE-1\n{}\nCVE-2\n", "x".repeat(70_000));
    assert_eq!(
        trivy::read_plain(&long).unwrap().value.ignore.secrets.len(),
        1
    );
}

#[test]
fn a_policy_becomes_options_and_entries() {
    let mut rows = Rows::of("trivy: from a policy");
    let mut check = |policy: &str, command: &str, entries: &str, lost: &[&str]| {
        rows.row();
        let policy = Policy::parse(policy).unwrap();
        let made = trivy::from_policy(&policy, now());
        let export = trivy::export(&made.value, "nginx");
        assert_eq!(
            export.command,
            format!("trivy image {command} nginx"),
            "{policy:?}"
        );
        let list = &made.value.ignore.vulnerabilities;
        let text: Vec<String> = list
            .iter()
            .map(|one| {
                let until = one.expired_at.map(|at| at.to_string()).unwrap_or_default();
                format!(
                    "{} {} {} {until}",
                    one.id,
                    one.paths.join(","),
                    one.purls.join(",")
                )
            })
            .collect();
        assert_eq!(text.join(";"), entries);
        assert_eq!(made.lost.len(), lost.len(), "{:?}", made.lost);
        for (made, expect) in made.lost.iter().zip(lost) {
            assert!(made.contains(expect), "{made} {expect}");
        }
    };
    check(
        "fail-on: high",
        "--severity HIGH,CRITICAL --scanners vuln --exit-code 1",
        "",
        &[],
    );
    check(
        "fail-on: critical",
        "--severity CRITICAL --scanners vuln --exit-code 1",
        "",
        &[],
    );
    check(
        "fail-on: medium",
        "--severity MEDIUM,HIGH,CRITICAL --scanners vuln --exit-code 1",
        "",
        &[],
    );
    check(
        "fail-on: low",
        "--severity LOW,MEDIUM,HIGH,CRITICAL --scanners vuln --exit-code 1",
        "",
        &["negligible"],
    );
    check(
        "fail-on: negligible",
        "--severity LOW,MEDIUM,HIGH,CRITICAL --scanners vuln --exit-code 1",
        "",
        &[],
    );
    check("fail-on: never", "--scanners vuln", "", &[]);
    check(
        "unknown-severity: fail",
        "--severity UNKNOWN,HIGH,CRITICAL --scanners vuln --exit-code 1",
        "",
        &[],
    );
    check(
        "{fail-on: never, unknown-severity: fail}",
        "--severity UNKNOWN --scanners vuln --exit-code 1",
        "",
        &[],
    );
    check(
        "fixable-only: true",
        "--severity HIGH,CRITICAL --ignore-unfixed --scanners vuln --exit-code 1",
        "",
        &[],
    );
    check(
        "ignore-statuses: [will-not-fix, end-of-life]",
        "--severity HIGH,CRITICAL --ignore-status will_not_fix,end_of_life --scanners vuln --exit-code 1",
        "",
        &[],
    );
    check(
        "ignore-statuses: [affected]",
        "--severity HIGH,CRITICAL --scanners vuln --exit-code 1",
        "",
        &["no fix"],
    );
    check(
        "ignore-statuses: [affected, possible]",
        "--severity HIGH,CRITICAL --ignore-status affected --scanners vuln --exit-code 1",
        "",
        &[],
    );
    check(
        "{fixable-only: true, ignore-statuses: [fixed]}",
        "--severity HIGH,CRITICAL --ignore-status unknown,not_affected,affected,fixed,under_investigation,will_not_fix,fix_deferred,end_of_life --scanners vuln --exit-code 1",
        "",
        &[],
    );
    check(
        "secrets: high",
        "--severity HIGH,CRITICAL --exit-code 1",
        "",
        &[],
    );
    check(
        "secrets: low",
        "--severity HIGH,CRITICAL --exit-code 1",
        "",
        &["secrets fail at high, not at low"],
    );
    check(
        "misconfigurations: high",
        "--severity HIGH,CRITICAL --scanners vuln,misconfig --exit-code 1",
        "",
        &[],
    );
    check(
        "end-of-life: fail",
        "--severity HIGH,CRITICAL --scanners vuln --exit-code 1 --exit-on-eol 1",
        "",
        &[],
    );
    check(
        "end-of-life: warn",
        "--severity HIGH,CRITICAL --scanners vuln --exit-code 1",
        "",
        &["warn of the end of life"],
    );
    check(
        "grace: {fix: 7d}",
        "--severity HIGH,CRITICAL --scanners vuln --exit-code 1",
        "",
        &["grace"],
    );
    check(
        "{fail-on: never, secrets: high}",
        "--severity HIGH,CRITICAL --scanners secret --exit-code 1",
        "",
        &[],
    );
    check(
        "{fail-on: never, secrets: critical, misconfigurations: medium}",
        "--severity MEDIUM,HIGH,CRITICAL --scanners secret,misconfig --exit-code 1",
        "",
        &["secrets fail at medium, not at critical"],
    );
    check(
        "{fail-on: never, end-of-life: fail}",
        "--scanners vuln --exit-on-eol 1",
        "",
        &[],
    );
    let with =
        "--severity HIGH,CRITICAL --scanners vuln --exit-code 1 --ignorefile .trivyignore.yaml";
    let without = "--severity HIGH,CRITICAL --scanners vuln --exit-code 1";
    check("exceptions: [{id: cve-1}]", with, "CVE-1   ", &[]);
    check(
        "exceptions: [{id: CVE-1, expires: 2026-11-30}]",
        with,
        "CVE-1   2026-12-01T00:00:00Z",
        &[],
    );
    check(
        "exceptions: [{id: CVE-1, expires: 2026-11-22}]",
        without,
        "",
        &["expired"],
    );
    check(
        "{exceptions-expire: 2026-11-30, exceptions: [{id: CVE-1}]}",
        with,
        "CVE-1   2026-12-01T00:00:00Z",
        &[],
    );
    check(
        "{exceptions-expire: 2026-11-30, exceptions: [{id: CVE-1, expires: 2027-01-01}]}",
        with,
        "CVE-1   2026-12-01T00:00:00Z",
        &[],
    );
    check(
        "exceptions: [{id: CVE-1, purl: 'pkg:npm/x'}]",
        with,
        "CVE-1  pkg:npm/x ",
        &[],
    );
    check(
        "exceptions: [{id: CVE-1, purl: 'pkg:npm/*'}]",
        without,
        "",
        &["compare the purl"],
    );
    check(
        "exceptions: [{id: CVE-1, path: 'app/**'}]",
        with,
        "CVE-1 app/**  ",
        &["confined to a path"],
    );
    check(
        "exceptions: [{id: CVE-1, path: '*'}]",
        without,
        "",
        &["compare the path"],
    );
    check(
        "exceptions: [{id: GHSA-a}]",
        with,
        "GHSA-a   ",
        &["by their CVE"],
    );
    check(
        "exceptions: [{id: CVE-1, path: '['}]",
        without,
        "",
        &["compare the path"],
    );
    check(
        "exceptions: [{id: CVE-1, package: x}]",
        without,
        "",
        &["names of packages"],
    );
    check(
        "exceptions: [{package: x}]",
        without,
        "",
        &["without an id"],
    );
    check(
        "exceptions: [{id: CVE-1, layer: 0}]",
        without,
        "",
        &["to a layer"],
    );
    check(
        "exceptions: [{id: CVE-1, images: [x]}]",
        without,
        "",
        &["to images"],
    );
}

#[test]
fn options_and_entries_become_a_policy() {
    let mut rows = Rows::of("trivy: to a policy");
    let mut check =
        |asked: &str, exit_code: u8, fail_on: Threshold, unknown: Choice, lost: usize| {
            rows.row();
            let settings = Settings {
                severity: severities(asked),
                exit_code,
                scanners: vec![Scanner::Vuln],
                ..Settings::default()
            };
            let made = trivy::to_policy(&settings);
            assert_eq!(
                (made.value.fail_on, made.value.unknown_severity),
                (fail_on, unknown),
                "{asked}"
            );
            assert_eq!(made.lost.len(), lost, "{:?}", made.lost);
        };
    check("HIGH,CRITICAL", 1, Threshold::High, Choice::Pass, 0);
    check("HIGH", 1, Threshold::High, Choice::Pass, 1);
    check("CRITICAL", 1, Threshold::Critical, Choice::Pass, 0);
    check(
        "MEDIUM,HIGH,CRITICAL",
        1,
        Threshold::Medium,
        Choice::Pass,
        0,
    );
    check(
        "LOW,MEDIUM,HIGH,CRITICAL",
        1,
        Threshold::Negligible,
        Choice::Pass,
        0,
    );
    check(
        "UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL",
        1,
        Threshold::Negligible,
        Choice::Fail,
        0,
    );
    check("UNKNOWN", 1, Threshold::Never, Choice::Fail, 0);
    check("LOW,CRITICAL", 1, Threshold::Negligible, Choice::Pass, 1);
    check("HIGH,CRITICAL", 0, Threshold::Never, Choice::Pass, 0);
    check("UNKNOWN", 0, Threshold::Never, Choice::Pass, 0);
    let text = "vulnerabilities:\n  - id: CVE-1\n    paths: [a, b]\n    purls: ['pkg:npm/x', 'pkg:npm/y']\n    expired_at: 2027-01-01\n    statement: s\n";
    let read = trivy::read(text).unwrap().value;
    let policy = trivy::to_policy(&read).value;
    assert_eq!(policy.exceptions.len(), 4);
    let last = &policy.exceptions[3];
    assert_eq!(last.path.as_ref().unwrap().as_str(), "b");
    assert_eq!(last.purl.as_ref().unwrap().as_str(), "pkg:npm/y");
    assert_eq!(last.expires.as_ref().unwrap().to_string(), "2026-12-31");
}
