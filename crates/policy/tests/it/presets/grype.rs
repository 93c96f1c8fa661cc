//! Grype's ignore rules, thresholds and files (rules: docs/presets.md).

use lamina_inventory::severity::Severity;
use lamina_policy::{
    Gap, Policy, Status, Threshold, VexMatch,
    presets::{
        Decision,
        grype::{self, FixState, IgnoreRule, Settings},
    },
};

use super::{Rows, check_parts, now, subject, truth};

fn failing() -> Settings {
    Settings {
        fail_on_severity: Some(Severity::Negligible),
        ..Settings::default()
    }
}

fn judge(settings: &Settings, findings: &[&str]) -> Decision {
    let subject = subject(findings);
    let decision = grype::judge(settings, &subject, now());
    check_parts(&decision, findings.len());
    assert_eq!(decision.allows, decision.code == 0);
    decision
}

#[test]
fn a_severity_fails_at_or_above_the_threshold() {
    let mut rows = Rows::of("grype: --fail-on");
    truth(
        "              unknown negligible low medium high critical
         -          |   .  .  .  .  .  .
         negligible |   .  x  x  x  x  x
         low        |   .  .  x  x  x  x
         medium     |   .  .  .  x  x  x
         high       |   .  .  .  .  x  x
         critical   |   .  .  .  .  .  x
         unknown    |   .  .  .  .  .  .",
        |threshold, severity, expect| {
            rows.row();
            let settings = Settings {
                fail_on_severity: Severity::parse(threshold),
                ..Settings::default()
            };
            let words = format!("CVE-1 {severity}");
            let decision = judge(&settings, &[&words]);
            let is_failed = expect == 'x';
            assert_eq!(
                decision.code,
                if is_failed { 2 } else { 0 },
                "{threshold} {severity}"
            );
            let message = if is_failed {
                "discovered vulnerabilities at or above the severity threshold"
            } else {
                ""
            };
            assert_eq!(decision.message, message);
        },
    );
}

#[test]
fn fix_states_are_ignored_by_options() {
    let mut rows = Rows::of("grype: fix states");
    truth(
        "                       fixed affected will-not-fix fix-deferred under-investigation end-of-life possible
         -                   |   x  x  x  x  x  x  x
         only-fixed          |   x  .  .  .  .  .  .
         only-notfixed       |   .  x  x  x  x  x  x
         both                |   .  .  .  .  .  .  .
         fixed               |   .  x  x  x  x  x  x
         not-fixed           |   x  .  x  .  .  x  x
         wont-fix            |   x  x  .  x  x  .  x
         unknown             |   x  x  x  x  x  x  .
         wont-fix,unknown    |   x  x  .  x  x  .  .",
        |option, status, expect| {
            let settings = Settings {
                only_fixed: matches!(option, "only-fixed" | "both"),
                only_notfixed: matches!(option, "only-notfixed" | "both"),
                ignore_states: option
                    .split(',')
                    .filter_map(|word| serde_json::from_value(word.into()).ok())
                    .collect(),
                ..failing()
            };
            rows.row();
            let words = format!("CVE-1 {status} ns=red-hat:9 type=rpm");
            let decision = judge(&settings, &[&words]);
            assert_eq!(decision.code == 2, expect == 'x', "{option} {status}");
            // The same as a rule of its own.
            if let Some(state) = settings.ignore_states.first().filter(|_| !option.contains(',')) {
                rows.row();
                let rule = Settings {
                    ignore: vec![IgnoreRule {
                        fix_state: state.word().to_owned(),
                        ..IgnoreRule::default()
                    }],
                    ..failing()
                };
                assert_eq!(judge(&rule, &[&words]).code == 2, expect == 'x', "{option} {status}");
            }
        },
    );
}

#[test]
fn our_statuses_become_fix_states() {
    let mut rows = Rows::of("grype: statuses");
    let mut check = |status: Status, namespace: &str, expect: &str| {
        rows.row();
        assert_eq!(
            FixState::of(status, namespace).word(),
            expect,
            "{status:?} {namespace}"
        );
    };
    for namespace in ["debian:12", "red-hat:9", "npm", ""] {
        check(Status::Fixed, namespace, "fixed");
        check(Status::Affected, namespace, "not-fixed");
        check(Status::WillNotFix, namespace, "wont-fix");
        check(Status::EndOfLife, namespace, "wont-fix");
        check(Status::UnderInvestigation, namespace, "not-fixed");
        check(Status::Possible, namespace, "unknown");
    }
    check(Status::FixDeferred, "debian:12", "wont-fix");
    check(Status::FixDeferred, "ubuntu:22.04", "not-fixed");
    check(Status::FixDeferred, "red-hat:9", "not-fixed");
}

const NPM: &str =
    "CVE-1 type=npm pkg=left-pad@1.0.0 ns=npm alias=GHSA-a,PYSEC-1 file=app/x/package.json";
const DEB: &str = "CVE-1 pkg=libssl3@3.0.11 source=openssl";

#[test]
fn a_rule_ignores_what_meets_all_its_fields() {
    let mut rows = Rows::of("grype: rules");
    let mut check = |rule: &str, words: &str, is_ignored: bool| {
        rows.row();
        let text = format!("ignore:\n  - {{{rule}}}\n");
        let read = grype::read(&text)
            .unwrap_or_else(|error| panic!("{text}: {error}"))
            .value;
        let settings = Settings {
            ignore: read.ignore,
            ..failing()
        };
        let decision = judge(&settings, &[words]);
        assert_eq!(decision.code == 0, is_ignored, "{rule} on {words}");
    };
    // The id.
    check("vulnerability: CVE-1", DEB, true);
    check("vulnerability: cve-1", DEB, false);
    check("vulnerability: CVE-11", DEB, false);
    check("vulnerability: 'CVE-*'", DEB, false);
    check("vulnerability: 'CVE-1 '", DEB, false);
    // Of language packages the GHSA is the id, the CVE is related.
    check("vulnerability: CVE-1", NPM, false);
    check("vulnerability: GHSA-a", NPM, true);
    check("vulnerability: PYSEC-1", NPM, false);
    check("vulnerability: CVE-1, include-aliases: true", NPM, true);
    check("vulnerability: GHSA-a, include-aliases: true", NPM, true);
    check("vulnerability: PYSEC-1, include-aliases: true", NPM, true);
    check("vulnerability: CVE-2, include-aliases: true", NPM, false);
    check("vulnerability: CVE-1, include-aliases: false", NPM, false);
    check("vulnerability: cve-1, include-aliases: true", NPM, false);
    check(
        "vulnerability: CVE-1",
        "CVE-1 type=npm pkg=x@1 ns=npm",
        true,
    );
    check(
        "vulnerability: GHSA-a",
        "GHSA-a type=npm pkg=x@1 ns=npm alias=CVE-1",
        true,
    );
    check("vulnerability: GHSA-a", "CVE-1 alias=GHSA-a", false);
    check(
        "vulnerability: GHSA-a, include-aliases: true",
        "CVE-1 alias=GHSA-a",
        true,
    );
    // A reason is no condition, and nothing ignores nothing.
    check("reason: x", DEB, false);
    check("include-aliases: true", DEB, false);
    check("vex-justification: component_not_present", DEB, false);
    check("", DEB, false);
    check("vulnerability: ''", DEB, false);
    check("vulnerability: CVE-1, reason: x", DEB, true);
    // The package.
    check("package: {name: libssl3}", DEB, true);
    check("package: {name: openssl}", DEB, false);
    check("package: {name: LIBSSL3}", DEB, false);
    check("package: {name: 'lib.*'}", DEB, true);
    check("package: {name: 'lib'}", DEB, false);
    check("package: {name: '.*ssl.*'}", DEB, true);
    check("package: {name: 'libssl[0-9]'}", DEB, true);
    check("package: {name: 'libssl[0-2]'}", DEB, false);
    check("package: {name: '(libssl3|bash)'}", DEB, true);
    check("package: {name: 'bash|zsh'}", DEB, false);
    check("package: {name: 'x|ssl3'}", DEB, true);
    check("package: {name: 'lib.sl3'}", DEB, false);
    check("package: {name: 'lib.sl3.*'}", DEB, true);
    check("package: {name: 'libssl3++'}", DEB, false);
    check("package: {name: '('}", DEB, false);
    check(
        "package: {name: 'libstdc++6'}",
        "CVE-1 pkg=libstdc++6@12",
        false,
    );
    check(
        "package: {name: 'libstdc\\+\\+6'}",
        "CVE-1 pkg=libstdc++6@12",
        true,
    );
    check("package: {version: 3.0.11}", DEB, true);
    check("package: {version: 3.0}", DEB, false);
    check("package: {version: '3.*'}", DEB, false);
    check("package: {name: libssl3, version: 3.0.11}", DEB, true);
    check("package: {name: libssl3, version: 3.0.12}", DEB, false);
    check("package: {type: deb}", DEB, true);
    check("package: {type: rpm}", DEB, false);
    check("package: {type: npm}", NPM, true);
    check("package: {type: NPM}", NPM, false);
    check("package: {language: javascript}", NPM, true);
    check("package: {language: python}", NPM, false);
    check("package: {language: javascript}", DEB, false);
    check("package: {upstream-name: openssl}", DEB, true);
    check("package: {upstream-name: libssl3}", DEB, false);
    check("package: {upstream-name: 'open.*'}", DEB, true);
    check("package: {upstream-name: openssl}", "CVE-1", false);
    check("package: {upstream-name: left-pad}", NPM, false);
    // Where it lies: with a slash in front.
    check("package: {location: '/app/**'}", NPM, true);
    check("package: {location: 'app/**'}", NPM, false);
    check("package: {location: '/app/*'}", NPM, false);
    check("package: {location: '/app/*/package.json'}", NPM, true);
    check("package: {location: '**/package.json'}", NPM, true);
    check("package: {location: '/**'}", NPM, true);
    check("package: {location: '/app/x/package.json'}", NPM, true);
    check("package: {location: '/usr/**'}", NPM, false);
    check("package: {location: '['}", NPM, false);
    check("package: {location: '/{app,usr}/**'}", NPM, true);
    check("package: {location: /var/lib/dpkg/status}", DEB, true);
    // Where the advisory is from, and how it was matched.
    check("namespace: 'debian:distro:debian:12'", DEB, true);
    check("namespace: 'debian:distro:debian:11'", DEB, false);
    check("namespace: 'debian:12'", DEB, false);
    check("namespace: 'github:language:javascript'", NPM, true);
    check("namespace: 'nvd:cpe'", NPM, false);
    check("match-type: exact-indirect-match", DEB, true);
    check("match-type: exact-direct-match", DEB, false);
    check("match-type: exact-direct-match", NPM, true);
    check("match-type: cpe-match", NPM, false);
    check("fix-state: fixed", DEB, true);
    check("fix-state: not-fixed", DEB, false);
    check("fix-state: not-fixed", "CVE-1 affected", true);
    check("fix-state: FIXED", DEB, false);
    check("fix-state: nonsense", DEB, false);
    // All at once.
    check(
        "vulnerability: CVE-1, package: {name: libssl3, type: deb}, fix-state: fixed",
        DEB,
        true,
    );
    check(
        "vulnerability: CVE-1, package: {name: libssl3, type: rpm}, fix-state: fixed",
        DEB,
        false,
    );
    check(
        "vulnerability: CVE-2, package: {name: libssl3, type: deb}, fix-state: fixed",
        DEB,
        false,
    );
    check(
        "vulnerability: CVE-1, namespace: 'debian:distro:debian:12', fix-state: wont-fix",
        DEB,
        false,
    );
    // Rules about VEX ignore nothing by themselves.
    check("vulnerability: CVE-1, vex-status: not_affected", DEB, false);
    check("vex-status: fixed", DEB, false);
    // Java's artifact alone is the name.
    let java = "CVE-1 type=maven ns=maven pkg=org.x:log4j@2";
    check("package: {name: log4j}", java, true);
    check("package: {name: 'org.x:log4j'}", java, false);
    check("package: {type: java-archive, language: java}", java, true);
}

#[test]
fn one_rule_of_several_is_enough() {
    let mut rows = Rows::of("grype: several rules, by-cve");
    let mut check = |file: &str, findings: &[&str], counted: &[usize]| {
        rows.row();
        let mut settings = grype::read(file).unwrap().value;
        settings.fail_on_severity = Some(Severity::Low);
        assert_eq!(judge(&settings, findings).counted, counted, "{file}");
    };
    let two = "ignore: [{vulnerability: CVE-2}, {vulnerability: CVE-1}]";
    check(two, &["CVE-1", "CVE-2", "CVE-3"], &[2]);
    check("ignore: []", &["CVE-1"], &[0]);
    check(
        "ignore: [{package: {name: openssl}}, {vulnerability: CVE-9}]",
        &["CVE-1", "CVE-9 pkg=x@1", "CVE-8 pkg=x@1"],
        &[2],
    );
    // With by-cve the CVE is in front, and rules are asked about both.
    check(
        "{by-cve: true, ignore: [{vulnerability: CVE-1}]}",
        &[NPM],
        &[],
    );
    check(
        "{by-cve: true, ignore: [{vulnerability: GHSA-a}]}",
        &[NPM],
        &[],
    );
    check(
        "{by-cve: true, ignore: [{vulnerability: PYSEC-1}]}",
        &[NPM],
        &[0],
    );
    check(
        "{by-cve: false, ignore: [{vulnerability: CVE-1}]}",
        &[NPM],
        &[0],
    );
    // The same match twice is one.
    check("{}", &["CVE-1", "CVE-1"], &[0]);
    check("{}", &["CVE-1", "CVE-1 file=b"], &[0, 1]);
}

#[test]
fn headers_of_the_kernel_are_ignored_unless_asked_for() {
    let mut rows = Rows::of("grype: kernel headers");
    let mut check = |words: &str, is_ignored: bool| {
        rows.row();
        assert_eq!(judge(&failing(), &[words]).allows, is_ignored, "{words}");
        rows.row();
        let asked = Settings {
            match_upstream_kernel_headers: true,
            ..failing()
        };
        assert!(!judge(&asked, &[words]).allows, "{words}");
    };
    check(
        "CVE-1 type=rpm pkg=kernel-headers@5 source=kernel ns=red-hat:9",
        true,
    );
    check("CVE-1 type=rpm pkg=kernel-headers@5 ns=red-hat:9", false);
    check(
        "CVE-1 type=rpm pkg=kernel-devel@5 source=kernel ns=red-hat:9",
        false,
    );
    check("CVE-1 type=deb pkg=kernel-headers@5 source=kernel", false);
    check("CVE-1 type=deb pkg=linux-libc-dev@6 source=linux", true);
    check(
        "CVE-1 type=deb pkg=linux-libc-dev@6 source=linux-6.1",
        false,
    );
    check("CVE-1 type=rpm pkg=linux-libc-dev@6 source=linux", false);
    check("CVE-1 type=deb pkg=linux-headers-6.1@6 source=linux", true);
    check(
        "CVE-1 type=deb pkg=linux-aws-headers-6.1@6 source=linux-aws",
        true,
    );
    check("CVE-1 type=deb pkg=linux-headers@6 source=linux", false);
    check("CVE-1 type=deb pkg=linux-image-6.1@6 source=linux", false);
    check("CVE-1 type=deb pkg=linux-headers-6.1@6 source=other", false);
    check(
        "CVE-1 type=deb pkg=linuxx-headers-6.1@6 source=linux",
        false,
    );
}

#[test]
fn shards_have_namespaces_and_packages_types_of_grypes() {
    let mut rows = Rows::of("grype: names");
    let mut check = |key: &str, expect: &str| {
        rows.row();
        assert_eq!(grype::namespace(key).unwrap_or_default(), expect, "{key}");
    };
    check("debian:12", "debian:distro:debian:12");
    check("ubuntu:22.04", "ubuntu:distro:ubuntu:22.04");
    check("alpine:3.19", "alpine:distro:alpine:3.19");
    check("alpine:edge", "alpine:distro:alpine:edge");
    check("red-hat:9", "redhat:distro:redhat:9");
    check("oracle:8", "oracle:distro:oraclelinux:8");
    check("amazon:2023", "amazon:distro:amazonlinux:2023");
    check("suse:15.6", "sles:distro:sles:15.6");
    check("mariner:2.0", "mariner:distro:mariner:2.0");
    check("azure-linux:3.0", "mariner:distro:azurelinux:3.0");
    check("wolfi", "wolfi:distro:wolfi:rolling");
    check("chainguard", "chainguard:distro:chainguard:rolling");
    check("pypi", "github:language:python");
    check("npm", "github:language:javascript");
    check("maven", "github:language:java");
    check("go", "github:language:go");
    check("rubygems", "github:language:ruby");
    check("crates.io", "github:language:rust");
    check("packagist", "github:language:php");
    check("nuget", "github:language:dotnet");
    check("pub", "github:language:dart");
    check("bitnami", "");
    check("debian", "");
    check("", "");
    let mut check = |purl_type: &str, kind: &str, language: &str| {
        rows.row();
        assert_eq!(grype::package_type(purl_type), kind);
        assert_eq!(grype::language(purl_type), language);
    };
    check("deb", "deb", "");
    check("rpm", "rpm", "");
    check("apk", "apk", "");
    check("ebuild", "portage", "");
    check("npm", "npm", "javascript");
    check("pypi", "python", "python");
    check("maven", "java-archive", "java");
    check("golang", "go-module", "go");
    check("cargo", "rust-crate", "rust");
    check("gem", "gem", "ruby");
    check("nuget", "dotnet", "dotnet");
    check("composer", "php-composer", "php");
    check("pub", "dart-pub", "dart");
    check("hex", "hex", "elixir");
    check("conan", "conan", "c++");
    check("generic", "binary", "");
    check("cran", "R-package", "R");
}

#[test]
fn vex_and_a_missing_database_are_minded() {
    let mut rows = Rows::of("grype: vex, no database");
    let mut subject = subject(&["CVE-1", "CVE-2", "CVE-3"]);
    let matched = |finding, suppresses| VexMatch {
        finding,
        suppresses,
        statement: "not_affected",
        ..VexMatch::default()
    };
    subject.vex = vec![matched(0, true), matched(1, false)];
    rows.row();
    let decision = grype::judge(&failing(), &subject, now());
    assert_eq!(decision.counted, [1, 2]);
    assert_eq!(decision.left_out, [(0, "VEX: not_affected".to_owned())]);
    rows.row();
    subject.gaps = vec![Gap::NoDatabase];
    let decision = grype::judge(&failing(), &subject, now());
    assert_eq!((decision.code, decision.allows), (1, false));
    rows.row();
    assert_eq!(judge(&failing(), &[]).message, "No vulnerabilities found");
}

#[test]
fn files_are_read_as_grype_reads_them() {
    let mut rows = Rows::of("grype: import");
    let mut check = |text: &str, expect: &str| {
        rows.row();
        let read = match grype::read(text) {
            Err(error) => format!("error: {error}"),
            Ok(read) => {
                let s = read.value;
                format!(
                    "{} {} {} {:?} {} {} rules, {} remarks",
                    s.fail_on_severity.map_or("-", Severity::word),
                    s.only_fixed,
                    s.only_notfixed,
                    s.ignore_states
                        .iter()
                        .map(|one| one.word())
                        .collect::<Vec<_>>(),
                    s.by_cve,
                    s.ignore.len(),
                    read.lost.len(),
                )
            }
        };
        assert!(read.starts_with(expect), "{text}\n{read}\n{expect}");
    };
    check("", "- false false [] false 0 rules, 0 remarks");
    check("# nothing\n", "- false false [] false 0 rules");
    check("{}", "- false false [] false 0 rules");
    check("fail-on-severity: high", "high false");
    check("fail-on-severity: HIGH", "high false");
    check("fail-on-severity: ''", "- false");
    check(
        "fail-on-severity: unknown",
        "error: bad --fail-on severity value 'unknown'",
    );
    check(
        "fail-on-severity: severe",
        "error: bad --fail-on severity value 'severe'",
    );
    check("fail-on-severity:", "- false");
    check("only-fixed: true", "- true false");
    check("only-notfixed: true", "- false true");
    check("ignore-wontfix: wont-fix", "- false false [\"wont-fix\"]");
    check(
        "ignore-wontfix: 'wont-fix, unknown'",
        "- false false [\"wont-fix\", \"unknown\"]",
    );
    check(
        "ignore-wontfix: wont-fix,wont-fix",
        "- false false [\"wont-fix\"]",
    );
    check("ignore-wontfix: ''", "- false false []");
    check(
        "ignore-wontfix: will-not-fix",
        "error: unknown fix state will-not-fix was supplied for --ignore-states",
    );
    check(
        "ignore-states: wont-fix",
        "- false false [] false 0 rules, 1 remarks",
    );
    check("by-cve: true", "- false false [] true");
    check("vex-add: [affected, under_investigation]", "- false");
    check(
        "vex-add: [fixed]",
        "error: invalid VEX status in vex-add setting: fixed",
    );
    check(
        "output: [json]\ndb: {auto-update: false}\nlog: {level: warn}",
        "- false false [] false 0 rules, 0 remarks",
    );
    check(
        "ignore:\n  - vulnerability: CVE-1\n  - vulnerability: CVE-2\n    reason: text\n",
        "- false false [] false 2 rules, 0 remarks",
    );
    check(
        "ignore:\n  - package:\n      name: x\n      version: 1.5\n",
        "- false false [] false 1 rules, 0 remarks",
    );
    check(
        "ignore:\n  - vulnerability: CVE-1\n    nonsense: 1\n",
        "- false false [] false 1 rules, 0 remarks",
    );
    check(
        "ignore:\n  - reason: x\n",
        "- false false [] false 1 rules, 1 remarks",
    );
    check(
        "ignore:\n  - package: {name: '('}\n",
        "- false false [] false 1 rules, 1 remarks",
    );
    check(
        "ignore:\n  - package: {location: '['}\n",
        "- false false [] false 1 rules, 1 remarks",
    );
    check(
        "ignore:\n  - vex-status: not_affected\n",
        "- false false [] false 1 rules, 0 remarks",
    );
    check(
        "ignore:\n  - vulnerability: CVE-1\n    reason:\n    namespace: ~\n    package:\n",
        "- false false [] false 1 rules, 0 remarks",
    );
    check(
        "ignore:\n  - vulnerability: CVE-1\n    package:\n      name:\n      version: null\n",
        "- false false [] false 1 rules, 0 remarks",
    );
    check("ignore:\n", "- false false [] false 0 rules");
    check("ignore: null\nvex-add:\n", "- false false [] false 0 rules");
    check("ignore: CVE-1", "error: ");
    check("ignore:\n  - CVE-1\n", "error: ");
    check("only-fixed: perhaps", "error: ");
    check("- a\n", "error: ");
    check("a: [", "error: ");
    check(&" ".repeat(5 << 20), "error: the file is 5242880 bytes");
    let many = format!("ignore:\n{}", "  - vulnerability: x\n".repeat(10_001));
    check(&many, "error: the file has 10001 rules, more than 10000");
    let many = format!("ignore:\n{}", "  - package: {name: x}\n".repeat(501));
    check(
        &many,
        "error: the file has 501 rules without an id, more than 500",
    );
}

#[test]
fn a_policy_becomes_a_file() {
    let mut rows = Rows::of("grype: from a policy");
    let mut check = |policy: &str, command: &str, rules: &str, lost: &[&str]| {
        rows.row();
        let policy = Policy::parse(policy).unwrap();
        let made = grype::from_policy(&policy, now());
        let export = grype::export(&made.value, "nginx:1.25");
        let command = format!("grype --config .grype.yaml {command} nginx:1.25").replace("  ", " ");
        assert_eq!(export.command, command, "{policy:?}");
        let made_rules: Vec<String> = made
            .value
            .ignore
            .iter()
            .map(|rule| {
                let package = &rule.package;
                let parts = [
                    &rule.vulnerability,
                    &package.name,
                    &package.upstream_name,
                    &package.kind,
                    &package.version,
                    &package.location,
                ];
                parts.map(String::as_str).join("|")
            })
            .collect();
        assert_eq!(made_rules.join(" "), rules, "{policy:?}");
        assert_eq!(made.lost.len(), lost.len(), "{:?}", made.lost);
        for (made, expect) in made.lost.iter().zip(lost) {
            assert!(made.contains(expect), "{made} {expect}");
        }
    };
    check("fail-on: high", "--fail-on high", "", &[]);
    check("fail-on: negligible", "--fail-on negligible", "", &[]);
    check("fail-on: critical", "--fail-on critical", "", &[]);
    check("fail-on: never", "", "", &[]);
    check("fixable-only: true", "--fail-on high --only-fixed", "", &[]);
    check(
        "unknown-severity: fail",
        "--fail-on high",
        "",
        &["unknown severity"],
    );
    check(
        "ignore-statuses: [possible]",
        "--fail-on high --ignore-states unknown",
        "",
        &[],
    );
    check(
        "ignore-statuses: [will-not-fix]",
        "--fail-on high",
        "",
        &["will not be fixed"],
    );
    check(
        "ignore-statuses: [will-not-fix, end-of-life]",
        "--fail-on high --ignore-states wont-fix",
        "",
        &[],
    );
    check(
        "ignore-statuses: [fixed]",
        "--fail-on high --ignore-states fixed",
        "",
        &[],
    );
    check("epss: {fail-at: 0.5}", "--fail-on high", "", &["epss"]);
    check("secrets: high", "--fail-on high", "", &["secrets"]);
    let high = "--fail-on high";
    check("exceptions: [{id: cve-1}]", high, "CVE-1|||||", &[]);
    check(
        "exceptions: [{id: CVE-1, expires: 2026-11-22}]",
        high,
        "",
        &["expired"],
    );
    check(
        "exceptions: [{id: CVE-1, expires: 2027-01-31}]",
        high,
        "CVE-1|||||",
        &["does not expire in Grype: take it out after 2027-01-31"],
    );
    check(
        "{exceptions-expire: 2026-11-22, exceptions: [{id: CVE-1}]}",
        high,
        "",
        &["all exceptions are expired"],
    );
    check(
        "{exceptions-expire: 2027-01-01, exceptions: [{id: CVE-1}]}",
        high,
        "CVE-1|||||",
        &["do not expire"],
    );
    check(
        "exceptions: [{package: openssl}]",
        high,
        "|openssl|||| ||openssl|||",
        &["artifacts of that name"],
    );
    check(
        "exceptions: [{id: CVE-1, package: 'lib*'}]",
        high,
        "CVE-1|lib[^/]*|||| CVE-1||lib[^/]*|||",
        &["artifacts of that name"],
    );
    check(
        "exceptions: [{package: 'libstdc++6'}]",
        high,
        r"|libstdc\+\+6|||| ||libstdc\+\+6|||",
        &["artifacts of that name"],
    );
    check(
        "exceptions: [{package: '{a,b}'}]",
        high,
        "",
        &["compare names"],
    );
    check(
        "exceptions: [{purl: 'pkg:npm/left-pad@1.0.0'}]",
        high,
        "|left-pad||npm|1.0.0|",
        &[],
    );
    check(
        "exceptions: [{purl: 'pkg:npm/%40scope/x'}]",
        high,
        "|@scope/x||npm||",
        &[],
    );
    check(
        "exceptions: [{purl: 'pkg:pypi/x@1'}]",
        high,
        "|x||python|1|",
        &[],
    );
    check(
        "exceptions: [{purl: 'pkg:npm/**'}]",
        high,
        "",
        &["compare the purl"],
    );
    check(
        "exceptions: [{purl: 'pkg:deb/debian/openssl'}]",
        high,
        "",
        &["compare the purl"],
    );
    check(
        "exceptions: [{purl: 'pkg:maven/org.x/y'}]",
        high,
        "",
        &["compare the purl"],
    );
    check("exceptions: [{path: 'app/**'}]", high, "|||||/app/**", &[]);
    check(
        "exceptions: [{id: CVE-1, path: '/app/**'}]",
        high,
        "CVE-1|||||/app/**",
        &[],
    );
    check(
        "exceptions: [{id: CVE-1, images: [x]}]",
        high,
        "",
        &["to images"],
    );
    check(
        "exceptions: [{id: CVE-1, layer: 2}]",
        high,
        "",
        &["to a layer"],
    );
}

#[test]
fn a_file_becomes_a_policy() {
    let mut rows = Rows::of("grype: to a policy");
    let mut check = |file: &str, fail_on: Threshold, exceptions: &str, statuses: usize| {
        rows.row();
        let settings = grype::read(file).unwrap().value;
        let policy = grype::to_policy(&settings).value;
        assert_eq!(policy.fail_on, fail_on, "{file}");
        let made: Vec<String> = policy
            .exceptions
            .iter()
            .map(|one| {
                let text = |pattern: &Option<lamina_policy::Pattern>| {
                    pattern.as_ref().map_or(String::new(), ToString::to_string)
                };
                format!(
                    "{}|{}|{}|{}",
                    one.id.as_deref().unwrap_or_default(),
                    text(&one.package),
                    text(&one.purl),
                    text(&one.path)
                )
            })
            .collect();
        assert_eq!(made.join(" "), exceptions, "{file}");
        assert_eq!(policy.ignore_statuses.len(), statuses, "{file}");
    };
    check("{}", Threshold::Never, "", 0);
    check("fail-on-severity: low", Threshold::Low, "", 0);
    check("fail-on-severity: negligible", Threshold::Negligible, "", 0);
    check("ignore-wontfix: wont-fix", Threshold::Never, "", 2);
    check("ignore-wontfix: not-fixed", Threshold::Never, "", 3);
    check("only-notfixed: true", Threshold::Never, "", 1);
    check("ignore: [{fix-state: unknown}]", Threshold::Never, "", 1);
    check(
        "ignore: [{fix-state: unknown, reason: x}]",
        Threshold::Never,
        "",
        1,
    );
    check(
        "ignore: [{vulnerability: CVE-1}]",
        Threshold::Never,
        "CVE-1|||",
        0,
    );
    check(
        "ignore: [{vulnerability: CVE-1, fix-state: unknown}]",
        Threshold::Never,
        "",
        0,
    );
    check(
        "ignore: [{package: {name: x}}]",
        Threshold::Never,
        "|x||",
        0,
    );
    check(
        "ignore: [{package: {name: 'x.*'}}]",
        Threshold::Never,
        "|x*||",
        0,
    );
    check(
        "ignore: [{package: {name: 'x|y'}}]",
        Threshold::Never,
        "",
        0,
    );
    check(
        "ignore: [{package: {name: x, type: npm}}]",
        Threshold::Never,
        "||pkg:npm/x|",
        0,
    );
    check(
        "ignore: [{package: {name: '@s/x', type: npm, version: '1'}}]",
        Threshold::Never,
        "||pkg:npm/%40s/x@1|",
        0,
    );
    check(
        "ignore: [{package: {name: x, type: deb}}]",
        Threshold::Never,
        "",
        0,
    );
    check(
        "ignore: [{package: {name: x, version: '1'}}]",
        Threshold::Never,
        "",
        0,
    );
    check("ignore: [{package: {type: npm}}]", Threshold::Never, "", 0);
    check(
        "ignore: [{package: {upstream-name: x}}]",
        Threshold::Never,
        "|x||",
        0,
    );
    check(
        "ignore: [{package: {name: y, upstream-name: x}}]",
        Threshold::Never,
        "",
        0,
    );
    check(
        "ignore: [{package: {location: '/app/**'}}]",
        Threshold::Never,
        "|||app/**",
        0,
    );
    check(
        "ignore: [{vulnerability: CVE-1, package: {location: '['}}]",
        Threshold::Never,
        "",
        0,
    );
    check("ignore: [{namespace: x}]", Threshold::Never, "", 0);
    check(
        "ignore: [{vulnerability: CVE-1, match-type: cpe-match}]",
        Threshold::Never,
        "",
        0,
    );
    check(
        "ignore: [{vulnerability: CVE-1, package: {language: go}}]",
        Threshold::Never,
        "",
        0,
    );
    check("ignore: [{vex-status: fixed}]", Threshold::Never, "", 0);
    check("ignore: [{reason: x}]", Threshold::Never, "", 0);
}
