//! Harbor's pull prevention (rules: docs/presets.md).

use lamina_policy::{
    Choice, Gap, Policy, Threshold,
    presets::{
        Decision,
        harbor::{self, Allowlist, Artifact, Child, Puller, ScanStatus, Settings},
    },
};

use super::{Rows, check_parts, now, subject, truth};

const NOBODY: &str = "current image without vulnerability scanning cannot be pulled due to configured policy in 'Prevent images with vulnerability severity of \"High\" or higher from running.' To continue with pull, please contact your project administrator for help.";

fn judge(settings: &Settings, findings: &[&str]) -> Decision {
    let subject = subject(findings);
    let decision = harbor::judge(settings, &subject, now());
    check_parts(&decision, findings.len());
    assert_eq!(decision.allows, decision.code == 200);
    assert_eq!(decision.allows, decision.message.is_empty());
    decision
}

/// `a` allowed; else by the words of the refusal: `n` no report, `s` status, `v` severity.
fn letter(decision: &Decision) -> char {
    match decision.message.as_str() {
        "" => 'a',
        text if text.starts_with("current image without") => 'n',
        text if text.contains("status of vulnerability scanning") => 's',
        text if text.contains("through configuring the CVE allowlist") => 'v',
        text => panic!("{text}"),
    }
}

#[test]
fn a_severity_is_compared_with_the_threshold() {
    let mut rows = Rows::of("harbor: thresholds");
    truth(
        "            unknown negligible low medium high critical
         critical   |   a  a  a  a  a  v
         Critical   |   a  a  a  a  a  v
         CRITICAL   |   a  a  a  a  a  v
         high       |   a  a  a  a  v  v
         High       |   a  a  a  a  v  v
         medium     |   a  a  a  v  v  v
         low        |   a  a  v  v  v  v
         LOW        |   a  a  v  v  v  v
         none       |   v  v  v  v  v  v
         None       |   v  v  v  v  v  v
         negligible |   v  v  v  v  v  v
         Negligible |   v  v  v  v  v  v
         unknown    |   v  v  v  v  v  v
         important  |   v  v  v  v  v  v
         moderate   |   v  v  v  v  v  v
                    |   v  v  v  v  v  v",
        |threshold, severity, expect| {
            rows.row();
            let settings = Settings {
                severity: threshold.to_owned(),
                ..Settings::default()
            };
            let words = format!("CVE-1 {severity}");
            let decision = judge(&settings, &[&words]);
            assert_eq!(letter(&decision), expect, "{threshold:?} {severity}");
            assert_eq!(decision.counted.len(), usize::from(expect == 'v'));
        },
    );
}

#[test]
fn no_finding_passes_every_threshold() {
    let mut rows = Rows::of("harbor: nothing left");
    for severity in ["none", "low", "medium", "high", "critical", "unknown", ""] {
        rows.row();
        let settings = Settings {
            severity: severity.to_owned(),
            ..Settings::default()
        };
        assert!(judge(&settings, &[]).allows, "{severity}");
    }
}

#[test]
fn the_refusal_counts_all_that_is_left_and_names_the_severity() {
    let mut rows = Rows::of("harbor: messages");
    let mut check = |severity: &str, allowed: &[&str], findings: &[&str], expect: &str| {
        rows.row();
        let settings = Settings {
            severity: severity.to_owned(),
            system_allowlist: list(allowed, None),
            ..Settings::default()
        };
        let message = judge(&settings, findings).message;
        let expect = match expect {
            "" => String::new(),
            _ => {
                let (count, word) = expect.rsplit_once(' ').unwrap();
                format!(
                    "current image with {count} cannot be pulled due to configured policy in 'Prevent images with vulnerability severity of \"{word}\" or higher from running.' To continue with pull, please contact your project administrator to exempt matched vulnerabilities through configuring the CVE allowlist."
                )
            }
        };
        assert_eq!(message, expect, "{severity} {findings:?}");
    };
    check("high", &[], &["CVE-1 high"], "1 vulnerability High");
    check(
        "high",
        &[],
        &["CVE-1 high", "CVE-2 low"],
        "2 vulnerabilities High",
    );
    check(
        "high",
        &["CVE-2"],
        &["CVE-1 high", "CVE-2 low"],
        "1 vulnerability High",
    );
    check("high", &["CVE-1"], &["CVE-1 high", "CVE-2 low"], "");
    check(
        "critical",
        &[],
        &["CVE-1 critical", "CVE-2 unknown", "CVE-3 negligible"],
        "3 vulnerabilities Critical",
    );
    check("none", &[], &["CVE-1 unknown"], "1 vulnerability None");
    check(
        "negligible",
        &[],
        &["CVE-1 unknown"],
        "1 vulnerability None",
    );
    check("", &[], &["CVE-1 unknown"], "1 vulnerability Unknown");
    check("severe", &[], &["CVE-1 low"], "1 vulnerability Unknown");
    check("LOW", &[], &["CVE-1 low"], "1 vulnerability Low");
    check("medium", &[], &["CVE-1 medium"], "1 vulnerability Medium");
    // The same id in the same package and version is one row of a report, wherever it was found.
    check(
        "high",
        &[],
        &["CVE-1 high file=a", "CVE-1 high file=b"],
        "1 vulnerability High",
    );
    check(
        "high",
        &[],
        &["CVE-1 high", "CVE-1 high pkg=libssl3@3.0.11"],
        "2 vulnerabilities High",
    );
    check(
        "high",
        &[],
        &["CVE-1 high", "CVE-1 high pkg=openssl@3.0.12"],
        "2 vulnerabilities High",
    );
    check(
        "high",
        &[],
        &["GHSA-1 high alias=CVE-1", "CVE-1 high"],
        "1 vulnerability High",
    );
}

#[test]
fn report_and_status_are_asked_before_severities() {
    let mut rows = Rows::of("harbor: report and status");
    truth(
        "            scannable,report scannable,none not,report not,none
         Success   |   v  n  v  a
         Pending   |   s  n  s  a
         Scheduled |   s  n  s  a
         Running   |   s  n  s  a
         Stopped   |   s  n  s  a
         Error     |   s  n  s  a",
        |status, state, expect| {
            rows.row();
            let artifact = Artifact {
                is_scannable: state.starts_with("scannable"),
                has_report: state.ends_with("report"),
                scan_status: self::status(status),
                ..Artifact::default()
            };
            let settings = Settings {
                artifact,
                ..Settings::default()
            };
            let decision = judge(&settings, &["CVE-1 critical"]);
            assert_eq!(letter(&decision), expect, "{status} {state}");
            if expect == 's' {
                assert_eq!(
                    decision.message,
                    format!(
                        "current image with \"{status}\" status of vulnerability scanning cannot be pulled due to configured policy in 'Prevent images with vulnerability severity of \"High\" or higher from running.' To continue with pull, please contact your project administrator for help."
                    )
                );
            }
            if expect == 'n' {
                assert_eq!(decision.message, NOBODY);
            }
            // Nothing of it matters in a project that prevents nothing.
            rows.row();
            let lenient = Settings {
                prevent_vul: false,
                ..settings
            };
            assert!(judge(&lenient, &["CVE-1 critical"]).allows);
        },
    );
}

fn status(word: &str) -> ScanStatus {
    serde_json::from_value(word.into()).unwrap()
}

#[test]
fn an_image_that_was_not_matched_has_no_report() {
    let mut subject = subject(&["CVE-1 critical"]);
    subject.gaps = vec![Gap::NoDatabase];
    let decision = harbor::judge(&Settings::default(), &subject, now());
    assert_eq!((decision.code, decision.message.as_str()), (412, NOBODY));
}

#[test]
fn an_index_is_allowed_once_all_its_images_have_reports() {
    let mut rows = Rows::of("harbor: indexes");
    // Children: s scannable, u not; r report, - none; then the status's first letter; @ attestation.
    let mut check = |kind: &str, children: &str, expect: char| {
        rows.row();
        let children = children
            .split_whitespace()
            .map(|child| Child {
                is_scannable: child.starts_with('s'),
                has_report: child.contains('r'),
                is_attestation: child.contains('@'),
                scan_status: match child.trim_end_matches('@').chars().last() {
                    Some('R') => ScanStatus::Running,
                    Some('P') => ScanStatus::Pending,
                    Some('T') => ScanStatus::Stopped,
                    Some('E') => ScanStatus::Error,
                    _ => ScanStatus::Success,
                },
            })
            .collect();
        let settings = Settings {
            artifact: Artifact {
                is_index: true,
                kind: kind.to_owned(),
                children,
                ..Artifact::default()
            },
            ..Settings::default()
        };
        let decision = judge(&settings, &["CVE-1 critical"]);
        assert_eq!(letter(&decision), expect, "{kind} {:?}", settings.artifact);
    };
    check("IMAGE", "sr sr", 'a');
    check("IMAGE", "sr", 'a');
    check("IMAGE", "sr s-", 'n');
    check("IMAGE", "s- sr", 'n');
    check("IMAGE", "s- s-", 'n');
    check("IMAGE", "u- u-", 'a');
    check("IMAGE", "", 'a');
    check("IMAGE", "sr u-", 'a');
    check("IMAGE", "sr s-@", 'a');
    check("IMAGE", "s-@", 'a');
    check("IMAGE", "srR", 'a');
    check("IMAGE", "srE srP", 'a');
    check("CNAB", "sr sr", 'a');
    check("CNAB", "sr s-", 'n');
    check("CNAB", "srR", 'a');
    // Other indexes are judged like an image, by the status of all.
    check("CHART", "sr sr", 'v');
    check("CHART", "sr srR", 's');
    check("CHART", "srT sr", 's');
    check("CHART", "srP sr", 'v');
    check("CHART", "srE", 's');
    check("CHART", "srE srP", 's');
    check("CHART", "sr s-", 'n');
    check("CHART", "u-", 'a');
}

#[test]
fn scanners_and_signers_may_always_pull() {
    let mut rows = Rows::of("harbor: pullers");
    truth(
        "                              docker/27 cosign/v2 notation/1.2 my-cosign-fork Cosign/2
         nothing                  |   v v v v v
         password,scanner         |   v v v v v
         password,push            |   v v v v v
         token                    |   v v v v v
         token,scanner            |   a a a a a
         token,push               |   v a a a v
         token,scanner,push       |   a a a a a",
        |rights, agent, expect| {
            rows.row();
            let settings = Settings {
                puller: Puller {
                    has_token: rights.contains("token"),
                    may_scanner_pull: rights.contains("scanner"),
                    may_push: rights.contains("push"),
                    user_agent: agent.to_owned(),
                },
                ..Settings::default()
            };
            let decision = judge(&settings, &["CVE-1 critical"]);
            assert_eq!(letter(&decision), expect, "{rights} {agent}");
        },
    );
    rows.row();
    let mut signature = Settings::default();
    signature.artifact.is_signature = true;
    signature.artifact.has_report = false;
    assert!(judge(&signature, &["CVE-1 critical"]).allows);
}

fn list(ids: &[&str], expires_at: Option<i64>) -> Allowlist {
    Allowlist {
        items: ids.iter().map(|id| (*id).to_owned()).collect(),
        expires_at,
    }
}

#[test]
fn one_allowlist_counts_until_it_expires_as_a_whole() {
    let mut rows = Rows::of("harbor: allowlists");
    let at = now().as_second();
    // System's and project's list, each `ids` or `ids@seconds from now`.
    let mut check = |reuses: bool, system: &str, project: &str, words: &str, allows: bool| {
        rows.row();
        let read = |text: &str| {
            let (ids, expires) = text.split_once('@').unwrap_or((text, ""));
            let ids: Vec<&str> = ids.split_whitespace().collect();
            let seconds: Option<i64> = expires.parse().ok();
            list(&ids, seconds.map(|seconds| at + seconds))
        };
        let settings = Settings {
            reuse_sys_cve_allowlist: reuses,
            system_allowlist: read(system),
            project_allowlist: read(project),
            ..Settings::default()
        };
        let decision = judge(&settings, &[words]);
        assert_eq!(
            decision.allows, allows,
            "{reuses} {system:?} {project:?} {words}"
        );
    };
    check(true, "CVE-1", "", "CVE-1", true);
    check(true, "", "CVE-1", "CVE-1", false);
    check(false, "CVE-1", "", "CVE-1", false);
    check(false, "", "CVE-1", "CVE-1", true);
    check(true, "CVE-2 CVE-1", "", "CVE-1", true);
    check(true, "CVE-2", "CVE-1", "CVE-1", false);
    check(false, "CVE-1", "CVE-2", "CVE-1", false);
    check(true, "", "", "CVE-1", false);
    // Its time: at the second itself it is over.
    check(true, "CVE-1@1", "", "CVE-1", true);
    check(true, "CVE-1@0", "", "CVE-1", false);
    check(true, "CVE-1@-1", "", "CVE-1", false);
    check(false, "", "CVE-1@1", "CVE-1", true);
    check(false, "", "CVE-1@0", "CVE-1", false);
    check(true, "CVE-1", "CVE-1@-1", "CVE-1", true);
    check(false, "CVE-1@-1", "CVE-1", "CVE-1", true);
    // Letter by letter, without aliases; the id is the CVE where there is one.
    check(true, "cve-1", "", "CVE-1", false);
    check(true, "CVE-1 ", "", "CVE-1", true);
    check(true, "CVE-11", "", "CVE-1", false);
    check(true, "GHSA-a", "", "CVE-1 alias=GHSA-a", false);
    check(true, "GHSA-a", "", "GHSA-a", true);
    check(true, "GHSA-a", "", "GHSA-a alias=CVE-1", false);
    check(true, "CVE-1", "", "GHSA-a alias=CVE-1", true);
    check(true, "CVE-1", "", "GHSA-a alias=PYSEC-1,CVE-1", true);
    check(true, "PYSEC-1", "", "GHSA-a alias=PYSEC-1", false);
    check(true, "*", "", "CVE-1", false);
    check(true, "CVE-*", "", "CVE-1", false);
    check(true, "", "", "CVE-1 medium", true);
}

#[test]
fn words_are_read_as_severities_in_any_case() {
    let mut rows = Rows::of("harbor: severities");
    let mut check = |word: &str, expect: &str, code: u8| {
        rows.row();
        let severity = harbor::Severity::parse(word);
        assert_eq!((severity.word(), severity.code()), (expect, code), "{word}");
    };
    check("critical", "Critical", 5);
    check("CRITICAL", "Critical", 5);
    check("hIgH", "High", 4);
    check("medium", "Medium", 3);
    check("low", "Low", 2);
    check("none", "None", 0);
    check("negligible", "None", 0);
    check("NEGLIGIBLE", "None", 0);
    check("unknown", "Unknown", 0);
    check("important", "Unknown", 0);
    check("moderate", "Unknown", 0);
    check("", "Unknown", 0);
    check(" high", "Unknown", 0);
    check("5", "Unknown", 0);
}

#[test]
fn projects_and_allowlists_are_read_as_the_api_gives_them() {
    let mut rows = Rows::of("harbor: import");
    let mut check = |text: &str, expect: &str| {
        rows.row();
        let read = match harbor::read(text) {
            Err(error) => format!("error: {error}"),
            Ok(read) => {
                let settings = read.value;
                format!(
                    "{} {:?} {} system {:?} {:?} project {:?} {:?}",
                    settings.prevent_vul,
                    settings.severity,
                    settings.reuse_sys_cve_allowlist,
                    settings.system_allowlist.items,
                    settings.system_allowlist.expires_at,
                    settings.project_allowlist.items,
                    settings.project_allowlist.expires_at,
                )
            }
        };
        assert!(read.starts_with(expect), "{text}\n{read}\n{expect}");
    };
    check(
        r#"{"project_id":1,"name":"library","metadata":{"public":"true","prevent_vul":"true","severity":"high","reuse_sys_cve_allowlist":"false"},"cve_allowlist":{"id":1,"project_id":1,"expires_at":null,"items":[{"cve_id":"CVE-1"}],"creation_time":"x"}}"#,
        r#"true "high" false system [] None project ["CVE-1"] None"#,
    );
    check(
        r#"{"metadata":{"public":"true"},"cve_allowlist":{"items":[]}}"#,
        r#"false "" true system [] None project [] None"#,
    );
    check(
        r#"{"metadata":{"prevent_vul":"TRUE","severity":"Low"}}"#,
        r#"true "Low" true"#,
    );
    check(
        r#"{"metadata":{"prevent_vul":"1","reuse_sys_cve_allowlist":"1"}}"#,
        r#"true "" true"#,
    );
    check(
        r#"{"metadata":{"prevent_vul":"0","reuse_sys_cve_allowlist":"no"}}"#,
        r#"false "" false"#,
    );
    check(r#"{"metadata":{"prevent_vul":"yes"}}"#, r#"false "" true"#);
    check(r#"{"metadata":{}}"#, r#"false "" true"#);
    check(
        r#"{"prevent_vul":"true","severity":"critical"}"#,
        r#"true "critical" true"#,
    );
    check(r#"{"severity":"critical"}"#, r#"false "critical" true"#);
    check(
        r#"{"id":0,"project_id":0,"expires_at":1798761600,"items":[{"cve_id":"CVE-1"},{"cve_id":"GHSA-a"}]}"#,
        r#"true "high" true system ["CVE-1", "GHSA-a"] Some(1798761600) project [] None"#,
    );
    check(
        r#"{"project_id":7,"items":[{"cve_id":"CVE-1"}]}"#,
        r#"true "high" false system [] None project ["CVE-1"] None"#,
    );
    check(
        r#"{"items":[]}"#,
        r#"true "high" true system [] None project [] None"#,
    );
    check(
        r#"{"metadata":{},"cve_allowlist":{"items":null,"expires_at":5}}"#,
        r#"false "" true system [] None project [] Some(5)"#,
    );
    check(r#"{"items":[{"cve_id":" "}]}"#, "error: id 1 is empty");
    check(
        r#"{"items":[{"cve_id":"CVE-1"},{"cve_id":""}]}"#,
        "error: id 2 is empty",
    );
    check(
        r#"{"items":[{"cve_id":"CVE-1"},{"cve_id":"CVE-1"}]}"#,
        "error: \"CVE-1\" is in the list twice",
    );
    check(
        r#"{"items":[{"cve_id":"CVE-1"},{"cve_id":"cve-1"}]}"#,
        r#"true "high" true system ["CVE-1", "cve-1"]"#,
    );
    check(r#"{"items":[{}]}"#, "error: missing field `cve_id`");
    check(
        r#"{"items":[{"cve_id":5}]}"#,
        "error: invalid type: integer `5`, expected a string",
    );
    check(
        r#"{"expires_at":"tomorrow","items":[]}"#,
        "error: invalid type: string \"tomorrow\"",
    );
    check("{}", "error: neither a project");
    check(r#"{"name":"x"}"#, "error: neither a project");
    check("[]", "error: ");
    check("", "error: EOF while parsing");
    check("{", "error: EOF while parsing");
    check(&"[".repeat(100_000), "error: ");
    check(&" ".repeat(5 << 20), "error: the file is 5242880 bytes");
    let many = format!(
        r#"{{"items":[{}]}}"#,
        vec![r#"{"cve_id":"x"}"#; 10_001].join(",")
    );
    check(&many, "error: the file has 10001 ids, more than 10000");
}

#[test]
fn a_policy_becomes_a_project() {
    let mut rows = Rows::of("harbor: from a policy");
    let mut check = |policy: &str, expect: &str, lost: &[&str]| {
        rows.row();
        let policy = Policy::parse(policy).unwrap();
        let made = harbor::from_policy(&policy, now());
        let settings = made.value;
        let list = &settings.project_allowlist;
        let text = format!(
            "{} {} {:?} {:?}",
            settings.prevent_vul, settings.severity, list.items, list.expires_at
        );
        assert_eq!(text, expect);
        assert_eq!(made.lost.len(), lost.len(), "{:?}", made.lost);
        for (made, expect) in made.lost.iter().zip(lost) {
            assert!(made.contains(expect), "{made} {expect}");
        }
    };
    check("fail-on: high", "true high [] None", &[]);
    check("fail-on: critical", "true critical [] None", &[]);
    check("fail-on: medium", "true medium [] None", &[]);
    check("fail-on: low", "true low [] None", &[]);
    check("fail-on: never", "false high [] None", &[]);
    check(
        "{fail-on: negligible, unknown-severity: fail}",
        "true none [] None",
        &[],
    );
    check("fail-on: negligible", "true none [] None", &["negligible"]);
    check(
        "unknown-severity: fail",
        "true high [] None",
        &["unknown severity"],
    );
    check("fixable-only: true", "true high [] None", &["fixed"]);
    check(
        "ignore-statuses: [will-not-fix]",
        "true high [] None",
        &["statuses"],
    );
    check("exploited: fail", "true high [] None", &["exploited"]);
    check(
        "exceptions: [{id: cve-1}, {id: CVE-1}]",
        r#"true high ["CVE-1"] None"#,
        &[],
    );
    check(
        "exceptions: [{id: CVE-1, reason: x}]",
        r#"true high ["CVE-1"] None"#,
        &["reasons"],
    );
    check(
        "exceptions: [{id: CVE-1, expires: 2026-11-22}]",
        "true high [] None",
        &["expired"],
    );
    check(
        "exceptions: [{id: CVE-1, expires: 2026-11-30}]",
        r#"true high ["CVE-1"] Some(1796083200)"#,
        &[],
    );
    check(
        "exceptions: [{id: CVE-1, expires: 2026-11-30}, {id: CVE-2, expires: 2026-12-31}]",
        r#"true high ["CVE-1", "CVE-2"] Some(1796083200)"#,
        &["one expiry"],
    );
    check(
        "exceptions: [{id: CVE-1, expires: 2026-11-30}, {id: CVE-2}]",
        r#"true high ["CVE-1", "CVE-2"] Some(1796083200)"#,
        &["one expiry"],
    );
    check(
        "{exceptions-expire: 2026-11-30, exceptions: [{id: CVE-1}]}",
        r#"true high ["CVE-1"] Some(1796083200)"#,
        &[],
    );
    check(
        "exceptions: [{id: CVE-1, images: [x]}]",
        "true high [] None",
        &["to images"],
    );
    check(
        "exceptions: [{id: CVE-1, layer: 1}]",
        "true high [] None",
        &["to a layer"],
    );
    check(
        "exceptions: [{id: CVE-1, package: x}]",
        "true high [] None",
        &["packages or paths"],
    );
    check(
        "exceptions: [{id: CVE-1, path: x}]",
        "true high [] None",
        &["packages or paths"],
    );
    check(
        "exceptions: [{purl: 'pkg:npm/x'}]",
        "true high [] None",
        &["as such"],
    );
}

#[test]
fn a_project_becomes_a_policy() {
    let mut rows = Rows::of("harbor: to a policy");
    let mut check = |prevents: bool, severity: &str, fail_on: Threshold, unknown: Choice| {
        rows.row();
        let settings = Settings {
            prevent_vul: prevents,
            severity: severity.to_owned(),
            ..Settings::default()
        };
        let policy = harbor::to_policy(&settings).value;
        assert_eq!(
            (policy.fail_on, policy.unknown_severity),
            (fail_on, unknown)
        );
    };
    check(true, "critical", Threshold::Critical, Choice::Pass);
    check(true, "High", Threshold::High, Choice::Pass);
    check(true, "medium", Threshold::Medium, Choice::Pass);
    check(true, "low", Threshold::Low, Choice::Pass);
    check(true, "none", Threshold::Negligible, Choice::Fail);
    check(true, "", Threshold::Negligible, Choice::Fail);
    check(false, "low", Threshold::Never, Choice::Pass);
    check(false, "", Threshold::Never, Choice::Pass);
    let settings = Settings {
        system_allowlist: list(&["CVE-1"], Some(1_796_083_200)),
        project_allowlist: list(&["CVE-2"], None),
        ..Settings::default()
    };
    let policy = harbor::to_policy(&settings).value;
    assert_eq!(policy.exceptions.len(), 1);
    assert_eq!(policy.exceptions[0].id.as_deref(), Some("CVE-1"));
    assert_eq!(policy.exceptions_expire.unwrap().to_string(), "2026-11-30");
}
