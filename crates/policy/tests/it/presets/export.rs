//! What is written reads back the same; all four presets side by side; hostile files.

use lamina_inventory::severity::Severity;
use lamina_policy::{
    Finding, Policy, Subject,
    presets::{
        Export, Moment, PRESETS, Settings, grype, harbor,
        osv_scanner::{self, IgnoredVuln, PackageOverride},
        read,
        trivy::{self, IgnoreFile, IgnoreFinding},
    },
};
use proptest::prelude::*;

use super::{check_parts, finding, now, subject};

fn file<'e>(export: &'e Export, name: &str) -> &'e str {
    let found = export.files.iter().find(|file| file.name == name);
    &found.unwrap_or_else(|| panic!("no {name}")).text
}

/// Any text, with what files have to be careful about.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9-]{1,12}",
        "\\PC{0,20}",
        any::<String>(),
        Just("true".to_owned()),
        Just("---".to_owned()),
        Just("a: b # c\n- \"d'\\".to_owned()),
        Just("\u{7f}\u{85}\u{2028}\u{feff}\t\r\n\u{0}".to_owned()),
    ]
}

fn moment() -> impl Strategy<Value = Option<Moment>> {
    let seconds = prop_oneof![Just(1_796_083_200_i64), 0..4_000_000_000_i64];
    proptest::option::of(
        seconds.prop_map(|seconds| Moment(jiff::Timestamp::from_second(seconds).unwrap())),
    )
}

fn rule() -> impl Strategy<Value = grype::IgnoreRule> {
    let words = proptest::collection::vec(prop_oneof![Just(String::new()), text()], 13);
    (words, any::<bool>()).prop_map(|(words, include_aliases)| {
        let mut words = words.into_iter();
        let mut next = || words.next().unwrap();
        grype::IgnoreRule {
            vulnerability: next(),
            include_aliases,
            reason: next(),
            namespace: next(),
            fix_state: next(),
            match_type: next(),
            vex_status: next(),
            vex_justification: next(),
            package: grype::IgnorePackage {
                name: next(),
                version: next(),
                language: next(),
                kind: next(),
                location: next(),
                upstream_name: next(),
            },
        }
    })
}

fn entry() -> impl Strategy<Value = IgnoreFinding> {
    let paths = prop_oneof![Just("app/**".to_owned()), "[a-z/*?]{1,8}"];
    let purls = prop_oneof![
        Just("pkg:npm/x@1".to_owned()),
        Just("pkg:npm/%40s/x?a=b".to_owned())
    ];
    (
        text(),
        proptest::collection::vec(paths, 0..3),
        proptest::collection::vec(purls, 0..3),
        moment(),
        text(),
    )
        .prop_map(|(id, paths, purls, expired_at, statement)| IgnoreFinding {
            id,
            paths,
            purls,
            expired_at,
            statement,
        })
}

fn overriding() -> impl Strategy<Value = PackageOverride> {
    (
        proptest::collection::vec(prop_oneof![Just(String::new()), text()], 5),
        proptest::collection::vec(text(), 0..3),
        any::<[bool; 4]>(),
        moment(),
    )
        .prop_map(|(words, license_override, flags, effective_until)| {
            let mut words = words.into_iter();
            let mut next = || words.next().unwrap();
            PackageOverride {
                name: next(),
                // An expression would have to be one.
                name_is_regex: false,
                version: next(),
                ecosystem: next(),
                group: next(),
                ignore: flags[0],
                vulnerability_ignore: flags[1],
                license_ignore: flags[2],
                license_override,
                effective_until,
                reason: next(),
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn grypes_file_reads_back_the_same(
        ignore in proptest::collection::vec(rule(), 0..4),
        flags in any::<[bool; 4]>(),
        severity in 0..6_usize,
        states in proptest::sample::subsequence(vec!["fixed", "not-fixed", "wont-fix", "unknown"], 0..4),
        vex_documents in proptest::collection::vec(text(), 0..3),
    ) {
        let severity = Severity::WORST_FIRST[severity];
        let settings = grype::Settings {
            fail_on_severity: Some(severity).filter(|one| *one != Severity::Unknown),
            only_fixed: flags[0],
            only_notfixed: flags[1],
            by_cve: flags[2],
            match_upstream_kernel_headers: flags[3],
            ignore_states: states.iter().map(|word| serde_json::from_value((*word).into()).unwrap()).collect(),
            vex_documents,
            vex_add: vec!["affected".to_owned()],
            ignore,
        };
        let export = grype::export(&settings, "x");
        let text = file(&export, ".grype.yaml");
        let read = grype::read(text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(&read.value, &settings, "{}", text);
        whole(&Settings::Grype(settings));
    }

    #[test]
    fn trivys_files_read_back_the_same(
        vulnerabilities in proptest::collection::vec(entry(), 0..4),
        secrets in proptest::collection::vec(entry(), 0..3),
        shared in proptest::collection::vec(entry(), 0..3),
    ) {
        let plus = |list: Vec<IgnoreFinding>| [list, shared.clone()].concat();
        let ignore = IgnoreFile {
            vulnerabilities: plus(vulnerabilities),
            misconfigurations: plus(Vec::new()),
            secrets: plus(secrets),
            licenses: plus(Vec::new()),
        };
        let settings = trivy::Settings { ignore, ..trivy::Settings::default() };
        let export = trivy::export(&settings, "x");
        let text = file(&export, ".trivyignore.yaml");
        let read = trivy::read(text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(&read.value.ignore, &settings.ignore, "{}", text);
        // Lines hold an id and a day, and are for all kinds: nothing that was not asked for.
        let plain = trivy::read_plain(file(&export, ".trivyignore")).unwrap();
        prop_assert!(plain.lost.is_empty(), "{:?}", plain.lost);
        for line in &plain.value.ignore.vulnerabilities {
            let is_asked = settings.ignore.vulnerabilities.iter().any(|one| {
                one.id == line.id
                    && one.paths.is_empty()
                    && one.purls.is_empty()
                    && match (one.expired_at, line.expired_at) {
                        (Some(asked), Some(written)) => written <= asked,
                        (asked, written) => asked == written,
                    }
            });
            prop_assert!(is_asked, "{line:?}");
        }
        whole(&Settings::Trivy(settings));
    }

    #[test]
    fn osv_scanners_file_reads_back_the_same(
        ignored in proptest::collection::vec((text(), moment(), text()), 0..4),
        package_overrides in proptest::collection::vec(overriding(), 0..4),
        go_version_override in proptest::option::of(text()),
        scan_go_mod_version in any::<bool>(),
    ) {
        let settings = osv_scanner::Settings {
            ignored_vulns: ignored
                .into_iter()
                .map(|(id, ignore_until, reason)| IgnoredVuln { id, ignore_until, reason })
                .collect(),
            package_overrides,
            go_version_override,
            scan_go_mod_version,
            ..osv_scanner::Settings::default()
        };
        let export = osv_scanner::export(&settings, "x");
        let text = file(&export, "osv-scanner.toml");
        let read = osv_scanner::read(text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(&read.value, &settings, "{}", text);
        whole(&Settings::OsvScanner(settings));
    }

    #[test]
    fn harbors_files_read_back_the_same(
        ids in proptest::collection::btree_set("[A-Za-z\"\\\\é-]{1,8}", 0..5),
        expires_at in proptest::option::of(any::<i64>()),
        flags in any::<[bool; 2]>(),
        severity in text(),
    ) {
        let list = harbor::Allowlist { items: ids.into_iter().collect(), expires_at };
        let settings = harbor::Settings {
            prevent_vul: flags[0],
            severity,
            reuse_sys_cve_allowlist: flags[1],
            project_allowlist: list.clone(),
            ..harbor::Settings::default()
        };
        let export = harbor::export(&settings);
        let read = harbor::read(file(&export, "harbor-project.json")).unwrap();
        prop_assert_eq!(&read.value, &settings);
        let alone = harbor::read(file(&export, "harbor-allowlist.json")).unwrap().value;
        let expect = if flags[1] { harbor::Allowlist::default() } else { list };
        prop_assert_eq!(alone.system_allowlist, expect);
        whole(&Settings::Harbor(settings));
    }

    #[test]
    fn no_file_makes_a_reader_panic(text in any::<String>(), lines in proptest::collection::vec("[\\[\\]{}:\"' #a-zA-Z=!&*|>\\-.0-9@]{0,30}", 0..8)) {
        let lines = lines.join("\n");
        for preset in PRESETS {
            for name in preset.files() {
                let _ = read(preset.id(), name, &text);
                let _ = read(preset.id(), name, &lines);
            }
        }
    }

    #[test]
    fn a_policys_settings_are_written_and_read_by_every_tool(
        exceptions in proptest::collection::vec(exception(), 0..5),
        fail_on in prop_oneof![Just("negligible"), Just("low"), Just("medium"), Just("high"), Just("critical"), Just("never")],
        fixable in any::<bool>(),
        unknown in prop_oneof![Just("pass"), Just("fail")],
    ) {
        let text = format!(
            "fail-on: {fail_on}\nfixable-only: {fixable}\nunknown-severity: {unknown}\nexceptions: [{}]",
            exceptions.join(", ")
        );
        let policy = Policy::parse(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        for preset in PRESETS {
            let settings = preset.settings(&policy, now()).value;
            whole(&settings);
            let export = settings.export("nginx");
            for file in &export.files {
                let read = read(preset.id(), file.name, &file.text).unwrap();
                let read = read.map_err(|error| TestCaseError::fail(format!("{error}\n{}", file.text)))?;
                same_rules(&settings, &read.value, file.name)?;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// What a tool leaves out because of an exported exception, the policy leaves out too; and the same,
    /// where nothing is said to be lost.
    #[test]
    fn no_exception_covers_more_in_another_tool(
        exceptions in proptest::collection::vec(confined(), 1..4),
    ) {
        let text = format!(
            "fail-on: negligible\nunknown-severity: fail\nexceptions: [{}]",
            exceptions.join(", ")
        );
        let policy = Policy::parse(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        let subject = subject(&[
            "CVE-1 high",
            "CVE-2 high pkg=libssl3@3.0.11 source=openssl",
            "CVE-3 high type=npm pkg=left-pad@1.0.0 ns=npm alias=GHSA-a file=app/left-pad/package.json",
            "CVE-1 high type=npm pkg=@scope/left@2.0.0 ns=npm alias=GHSA-b file=app/x/package.json",
            "GHSA-c high type=golang pkg=github.com/a/b@1.0.0 ns=go file=usr/bin/b",
            "CVE-2 high type=apk pkg=libcrypto3@3 source=openssl ns=alpine:3.19 file=lib/apk/db/installed",
            "CVE-4 high type=gem pkg=left@1 ns=rubygems file=left",
        ]);
        let verdict = lamina_policy::evaluate(&policy, &subject, now());
        let excepted: Vec<usize> = verdict
            .left_out
            .iter()
            .filter_map(|left_out| match left_out.what {
                lamina_policy::Target::Finding(index) => Some(index),
                lamina_policy::Target::Issue(_) => None,
            })
            .collect();
        for preset in PRESETS {
            let made = preset.settings(&policy, now());
            let decision = made.value.judge(&subject, now());
            let left_out: Vec<usize> = decision.left_out.iter().map(|(index, _)| *index).collect();
            let more: Vec<&usize> = left_out.iter().filter(|index| !excepted.contains(index)).collect();
            prop_assert!(more.is_empty(), "{} leaves out {more:?} too: {text}", preset.id());
            if made.lost.is_empty() {
                prop_assert_eq!(&left_out, &excepted, "{} {}", preset.id(), text);
                prop_assert_eq!(decision.allows, verdict.passed);
            }
        }
    }
}

/// An exception in YAML, about what the image above has.
fn confined() -> impl Strategy<Value = String> {
    let id = proptest::sample::select(vec![
        "",
        "",
        "id: CVE-1",
        "id: cve-2",
        "id: CVE-3",
        "id: GHSA-a",
        "id: ghsa-B",
        "id: GHSA-c",
        "id: CVE-4",
    ]);
    let rest = proptest::sample::select(vec![
        "",
        "",
        "",
        "package: openssl",
        "package: 'lib*'",
        "package: left",
        "package: 'left**'",
        "package: '**'",
        "package: '*'",
        "package: '@scope/*'",
        "package: 'github.com/**'",
        "package: 'l?ft'",
        "package: '{openssl,left}'",
        "purl: 'pkg:npm/left-pad'",
        "purl: 'pkg:npm/left-pad@1.0.0'",
        "purl: 'pkg:npm/left-pad@2'",
        "purl: 'pkg:npm/%40scope/left'",
        "purl: 'pkg:npm/**'",
        "purl: 'pkg:deb/debian/openssl'",
        "purl: 'pkg:deb/debian/openssl?arch=amd64'",
        "purl: 'pkg:golang/github.com/a/b'",
        "purl: 'pkg:gem/left@1'",
        "purl: 'pkg:apk/**'",
        "path: 'app/**'",
        "path: '*'",
        "path: '**'",
        "path: left",
        "path: 'app/*/package.json'",
        "path: var/lib/dpkg/status",
        "path: '**/installed'",
        "path: '[al]*'",
        "layer: 0",
        "images: ['shop/*']",
        "images: [other]",
        "package: openssl, path: 'var/**'",
        "purl: 'pkg:npm/left-pad', path: 'app/**'",
        "package: left, purl: 'pkg:gem/left'",
    ]);
    let expires = proptest::sample::select(vec![
        "",
        "",
        "expires: 2026-11-23",
        "expires: 2026-11-22",
        "expires: '2026-11-23T12:00:00Z'",
    ]);
    (id, rest, expires)
        .prop_filter("says something", |(id, rest, _)| {
            !id.is_empty() || !(rest.is_empty() || rest.starts_with("images"))
        })
        .prop_map(|(id, rest, expires)| {
            let parts: Vec<&str> = [id, rest, expires]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect();
            format!("{{{}}}", parts.join(", "))
        })
}

/// An exception in YAML.
fn exception() -> impl Strategy<Value = String> {
    let condition = prop_oneof![
        "id: CVE-202[0-9]-[0-9]{4}",
        "id: ghsa-[A-Za-z0-9]{4}",
        "id: CVE-1, purl: 'pkg:npm/[a-z]{1,5}(@[0-9])?'",
        "id: CVE-1, path: 'app/[a-z*]{1,5}'",
        "package: '[a-z.+*?-]{1,8}'",
        "purl: 'pkg:(npm|pypi|golang|deb)/[a-z]{1,5}(@[0-9])?'",
        "path: 'usr/[a-z*]{1,5}'",
        "id: CVE-1, layer: 1",
        "id: CVE-2, images: \\[x\\]",
    ];
    let expires = prop_oneof![
        Just(""),
        Just(", expires: 2027-01-31"),
        Just(", expires: '2027-01-31T12:00:00Z'"),
        Just(", expires: 2020-01-01"),
    ];
    (condition, expires)
        .prop_map(|(condition, expires)| format!("{{{condition}{expires}, reason: 'x: y'}}"))
}

/// What of the settings the file holds is the same.
fn same_rules(written: &Settings, read: &Settings, name: &str) -> Result<(), TestCaseError> {
    match (written, read) {
        (Settings::Harbor(written), Settings::Harbor(read)) if name == "harbor-project.json" => {
            prop_assert_eq!(written, read);
        }
        (Settings::Harbor(written), Settings::Harbor(read)) => {
            prop_assert_eq!(&written.project_allowlist, &read.system_allowlist);
        }
        (Settings::Grype(written), Settings::Grype(read)) => prop_assert_eq!(written, read),
        (Settings::Trivy(written), Settings::Trivy(read)) if name == ".trivyignore.yaml" => {
            prop_assert_eq!(&written.ignore, &read.ignore);
        }
        (Settings::Trivy(_), Settings::Trivy(_)) => {}
        (Settings::OsvScanner(written), Settings::OsvScanner(read)) => {
            prop_assert_eq!(&written.ignored_vulns, &read.ignored_vulns);
            prop_assert_eq!(&written.package_overrides, &read.package_overrides);
        }
        _ => return Err(TestCaseError::fail("another tool's settings")),
    }
    Ok(())
}

/// Settings survive JSON, make a policy that Lamina accepts, and part all findings in two.
fn whole(settings: &Settings) {
    let json = serde_json::to_string(settings).unwrap();
    let back: Settings = serde_json::from_str(&json).unwrap();
    assert_eq!(&back, settings);
    let policy = settings.to_policy().value;
    let text = serde_json::to_string(&policy).unwrap();
    if let Err(error) = Policy::parse_json(&text) {
        panic!(
            "{error}: {:?}\n{text}",
            std::error::Error::source(&error).map(ToString::to_string)
        );
    }
    let subject = subject(&[
        "CVE-1 high",
        "CVE-2 unknown affected alias=GHSA-a",
        "CVE-3 low possible type=npm pkg=x@1 ns=npm file=app/x",
        "CVE-1 high",
    ]);
    let decision = settings.judge(&subject, now());
    check_parts(&decision, 4);
    assert_eq!(decision.tool, settings.tool());
}

#[test]
fn four_tools_judge_two_thousand_findings_while_a_slider_moves() {
    let ids: Vec<String> = (0..2000).map(|n| format!("CVE-2024-{n}")).collect();
    let aliases: Vec<[String; 2]> = (0..2000)
        .map(|n| [format!("GHSA-{n}"), format!("PYSEC-{n}")])
        .collect();
    let kinds = [
        finding("CVE-1 pkg=libssl3@3.0.11 source=openssl"),
        finding(
            "CVE-1 type=npm pkg=left-pad@1.0.0 ns=npm file=app/node_modules/left-pad/package.json",
        ),
    ];
    let findings: Vec<Finding<'_>> = (0..2000)
        .map(|n| Finding {
            id: &ids[n],
            aliases: &aliases[n],
            severity: Severity::WORST_FIRST[n % 6],
            ..kinds[n % 2]
        })
        .collect();
    let subject = Subject {
        packages: findings.iter().map(|finding| finding.at).collect(),
        findings,
        ..Subject::default()
    };
    let exceptions: Vec<String> = (0..200)
        .map(|n| format!("{{id: CVE-2024-{}}}", n * 7))
        .collect();
    let policy = format!(
        "{{fail-on: negligible, exceptions: [{}, {{package: 'lib*'}}, {{purl: 'pkg:npm/x'}}]}}",
        exceptions.join(", ")
    );
    let policy = Policy::parse(&policy).unwrap();
    let settings: Vec<Settings> = PRESETS
        .iter()
        .map(|preset| preset.settings(&policy, now()).value)
        .collect();
    let mut each = vec![f64::MAX; settings.len()];
    for _ in 0..20 {
        for (one, best) in settings.iter().zip(&mut each) {
            let start = std::time::Instant::now();
            let decision = one.judge(&subject, now());
            *best = best.min(start.elapsed().as_secs_f64() * 1000.0);
            assert_eq!(decision.counted.len() + decision.left_out.len(), 2000);
        }
    }
    let best: f64 = each.iter().sum();
    let build = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    println!("2,000 findings, 202 exceptions, four tools, {build}: {best:.2} ms {each:.2?}");
    let limit = if cfg!(debug_assertions) { 120.0 } else { 4.0 };
    assert!(best < limit, "{best} ms");
}

#[test]
fn lists_as_long_as_they_may_be_are_translated() {
    let lines: Vec<String> = (0..10_000).map(|n| format!("CVE-2024-{n}\n")).collect();
    let settings = Settings::Trivy(trivy::read_plain(&lines.concat()).unwrap().value);
    let policy = settings.to_policy().value;
    assert_eq!(policy.exceptions.len(), 10_000);
    for preset in PRESETS {
        let started = std::time::Instant::now();
        let settings = preset.settings(&policy, now()).value;
        let export = settings.export("x");
        for file in &export.files {
            read(preset.id(), file.name, &file.text).unwrap().unwrap();
        }
        println!(
            "10,000 exceptions to {} and back: {:.1?}",
            preset.id(),
            started.elapsed()
        );
    }
}

#[test]
fn settings_from_elsewhere_have_limits_too() {
    let refused = |settings: Settings| settings.check().is_err();
    let ids = |count: usize| vec![String::new(); count];
    let list = |count: usize| harbor::Allowlist {
        items: ids(count),
        expires_at: None,
    };
    let harbor = |count: usize| {
        Settings::Harbor(harbor::Settings {
            project_allowlist: list(count),
            ..harbor::Settings::default()
        })
    };
    assert!(!refused(harbor(10_000)) && refused(harbor(10_001)));
    let grype = |count: usize, id: &str| {
        let rule = grype::IgnoreRule {
            vulnerability: id.to_owned(),
            ..grype::IgnoreRule::default()
        };
        Settings::Grype(grype::Settings {
            ignore: vec![rule; count],
            ..grype::Settings::default()
        })
    };
    assert!(!refused(grype(500, "")) && refused(grype(501, "")));
    assert!(!refused(grype(10_000, "x")) && refused(grype(10_001, "x")));
    let trivy = |count: usize, paths: usize| {
        let entry = IgnoreFinding {
            paths: ids(paths),
            ..IgnoreFinding::default()
        };
        Settings::Trivy(trivy::Settings {
            ignore: IgnoreFile {
                secrets: vec![entry; count],
                ..IgnoreFile::default()
            },
            ..trivy::Settings::default()
        })
    };
    assert!(!refused(trivy(10_000, 0)) && refused(trivy(10_001, 0)));
    assert!(!refused(trivy(1, 1_000)) && refused(trivy(1, 1_001)));
    let osv = |ignored: usize, overrides: usize| {
        Settings::OsvScanner(osv_scanner::Settings {
            ignored_vulns: vec![IgnoredVuln::default(); ignored],
            package_overrides: vec![PackageOverride::default(); overrides],
            ..osv_scanner::Settings::default()
        })
    };
    assert!(!refused(osv(10_000, 500)));
    assert!(refused(osv(10_001, 0)) && refused(osv(0, 501)));
}

#[test]
fn one_entry_cannot_become_a_million_exceptions() {
    let list = |item: &str| vec![item; 900].join(", ");
    let text = format!(
        "vulnerabilities: [{{id: CVE-1, paths: [{}], purls: [{}]}}, {{id: CVE-2}}]",
        list("a"),
        list("'pkg:npm/x'")
    );
    let settings = Settings::Trivy(trivy::read(&text).unwrap().value);
    let made = settings.to_policy();
    assert_eq!(made.value.exceptions.len(), 1);
    assert!(made.lost.iter().any(|one| one.contains("at most 10000")));
}
