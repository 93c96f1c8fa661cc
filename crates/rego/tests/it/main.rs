//! Rules over a report, and hostile ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::time::{Duration, Instant};

use lamina_inventory::{facts::PackageKind, severity::Severity};
use lamina_policy::{CustomRule, Level, Status};
use lamina_rego::{
    Judge, Options, Outcome, judge,
    limits::{MAX_OPERATORS, MAX_REASON_CHARS, MAX_REASONS, MAX_SOURCE_BYTES, STACK_BYTES},
};
use lamina_report::model::{Finding, Package, Report};

/// A report of three packages and as many findings as asked for.
fn report(findings: usize) -> String {
    let empty = r#"{"format":1,"scanned_at":"2026-11-23T12:00:00Z","scanner":"lamina 0.1.0","image":{
        "name":"shop:1.0","digest":null,"index_digest":null,"config_digest":null,
        "platform":"linux/amd64","platforms":[],"created":"2026-01-02T00:00:00Z","config":{"user":"",
        "env":["PATH=/bin"],"entrypoint":[],"cmd":["sh"],"working_dir":"","exposed_ports":["22/tcp"],
        "volumes":[],"labels":[["team","shop"]],"stop_signal":null},"history":[]},"layers":[],
        "distribution":null,"packages":[],"findings":[],"database":null,"warnings":[]}"#;
    let mut report: Report = serde_json::from_str(empty).unwrap();
    for (name, version) in [("openssl", "3.0.11"), ("bash", "5.2"), ("zlib", "1.2.13")] {
        let mut package = Package::new(PackageKind::Deb, name, version);
        package.purl = format!("pkg:deb/debian/{name}@{version}");
        report.packages.push(package);
    }
    for index in 0..findings {
        report.findings.push(Finding {
            id: format!("CVE-2026-{index}"),
            package: index % 3,
            severity: if index == 0 {
                Severity::Critical
            } else {
                Severity::High
            },
            status: Status::Fixed,
            ..Finding::default()
        });
    }
    serde_json::to_string(&report).unwrap()
}

/// Judges on a thread with the stack that is asked for.
fn judged(rego: &str, report: String, time: Duration) -> Outcome {
    let rule = CustomRule {
        name: "mine".to_owned(),
        rego: rego.to_owned(),
    };
    let options = Options {
        now: "2026-11-23T12:00:00Z".parse().unwrap(),
        time: Some(time),
    };
    std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || judge(&[rule], &report, &options).remove(0))
        .unwrap()
        .join()
        .unwrap()
}

/// What a rule says of a report of four findings.
fn says(rego: &str) -> String {
    let outcome = judged(rego, report(4), Duration::from_secs(20));
    assert_eq!(outcome.name, "mine");
    let level = match outcome.level {
        Level::Passed => "passed",
        Level::Warned => "warned",
        Level::Failed => "failed",
    };
    format!("{level}: {}", outcome.reason())
}

/// The same of rules without their first line.
fn check(rules: &str, expect: &str) {
    assert_eq!(says(&format!("package lamina\n{rules}")), expect, "{rules}");
}

#[test]
fn rules_deny_and_warn() {
    check(
        r#"deny contains "runs as root" if input.image.config.user == """#,
        "failed: runs as root",
    );
    check(
        r#"deny contains "runs as root" if input.image.config.user == "root""#,
        "passed: nothing is denied",
    );
    check(
        r#"warn contains sprintf("port %s is open", [port]) if some port in input.image.config.exposed_ports"#,
        "warned: port 22/tcp is open",
    );
    check(
        "import rego.v1\ndeny contains msg if {\n some f in input.findings\n f.severity == \"critical\"\n \
         p := input.packages[f.package]\n msg := sprintf(\"%s in %s %s\", [f.id, p.name, p.version])\n}",
        "failed: CVE-2026-0 in openssl 3.0.11",
    );
    check(
        "deny contains {\"msg\": \"m\", \"n\": 1} if true",
        "failed: m",
    );
    check("deny contains {\"n\": 1} if true", "failed: {\"n\":1}");
    check("deny contains 7 if true", "failed: 7");
    check(
        "deny contains \" \" if true",
        "failed: denied without a message",
    );
    check("deny := [\"b\", \"a\", \"b\"]", "failed: a; b");
    check("deny if count(input.findings) > 3", "failed: deny is true");
    check(
        "deny if count(input.findings) > 4",
        "passed: nothing is denied",
    );
    check("default deny := false", "passed: nothing is denied");
    check("deny := \"no\"", "failed: no");
    check(
        "deny contains \"a\" if true\nwarn contains \"b\" if true",
        "failed: a",
    );
    check(
        "deny contains \"a\" if false\nwarn contains \"b\" if true",
        "warned: b",
    );
    check(
        "deny contains f.id if some f in input.findings",
        "failed: CVE-2026-0; CVE-2026-1; CVE-2026-2; CVE-2026-3",
    );
    check(
        "deny contains sprintf(\"%d\", [n]) if some n in numbers.range(1, 7)",
        "failed: 1; 2; 3; 4; 5; and 2 more",
    );
}

#[test]
fn built_in_functions_are_there_that_rules_need() {
    let check = |condition: &str| {
        check(
            &format!("deny if {{\n{condition}\n}}"),
            "failed: deny is true",
        )
    };
    check(r#"regex.match(`^CVE-\d{4}-\w+$`, input.findings[0].id)"#);
    check(r#"regex.match(`(?i)^OPENSSL`, input.packages[0].name)"#);
    check(r#"semver.compare("1.10.0", "1.9.0") == 1"#);
    check(r#"time.parse_rfc3339_ns(input.image.created) < time.now_ns()"#);
    check(
        "age := time.now_ns() - time.parse_rfc3339_ns(input.image.created)\n\
         age > 325 * 24 * 3600 * 1000000000\nage < 326 * 24 * 3600 * 1000000000",
    );
    check("numbers.range(3, 1) == [3, 2, 1]");
    check("numbers.range(1, 3) == [1, 2, 3]");
    check("numbers.range_step(1, 8, 3) == [1, 4, 7]");
    check(r#"startswith(input.packages[0].purl, "pkg:deb/")"#);
    check(r#"some label in input.image.config.labels; label == ["team", "shop"]"#);
    check(r#"every p in input.packages { p.version != "" }"#);
    check("sum([f.package | some f in input.findings]) == 3");
}

#[test]
fn functions_are_there_and_what_calls_itself_is_refused() {
    check(
        "f(x) := x + 1\ng(x) := f(f(x))\ndeny if g(1) == 3",
        "failed: deny is true",
    );
    check(
        "severity(x) := x.severity\ndeny if severity(input.findings[0]) == \"critical\"",
        "failed: deny is true",
    );
    check(
        "f(x) := y if { f := 1; y := x + f }\ndeny if f(1) == 2",
        "failed: deny is true",
    );
    check(
        "f(x) := f(x + 1)\ndeny if f(1)",
        "failed: function f calls itself",
    );
    check(
        "f(x) := y if { y := [z | z := f(x)] }\ndeny if f(1)",
        "failed: function f calls itself",
    );
    check(
        "f(x) := 1 if x > 9 else := f(x + 1)\ndeny if f(1)",
        "failed: function f calls itself",
    );
    check(
        "f(x) := g(x)\ng(x) := h(x)\nh(x) := f(x)\ndeny if f(1)",
        "failed: function f calls itself",
    );
    check(
        "f(x) := data.lamina.f(x)\ndeny if f(1)",
        "failed: function f calls itself",
    );
    check(
        "f(x) := data[\"lamina\"].f(x)\ndeny if f(1)",
        "failed: function f calls itself",
    );
    check(
        "import data.lamina.f as g\nf(x) := g(x)\ndeny if f(1)",
        "failed: function f calls itself",
    );
    check(
        "import data.lamina as l\nf(x) := l.f(x)\ndeny if f(1)",
        "failed: function f calls itself",
    );
    check(
        "a.b.f(x) := a.b.f(x)\ndeny if a.b.f(1)",
        "failed: function a.b.f calls itself",
    );
    check(
        "f(x) := g(x)\ng(x) := x\ndeny if f(1) with g as f",
        "failed: function f calls itself",
    );
    check(
        "f(x) := count([x])\ndeny if f(1) with count as f",
        "failed: function count calls itself",
    );
    let circle = says("package lamina\nf(x) := r\nr := f(1)\ndeny if r");
    assert!(circle.contains("recursion detected"), "{circle}");
}

#[test]
fn what_cannot_be_judged_fails_and_says_where() {
    check(
        "deny contains x if {\n y == \n}",
        "failed: line 4, column 1: expecting expression",
    );
    check(
        "deny contains x if z == 1",
        "failed: line 2, column 20: use of undefined variable `z` is unsafe",
    );
    check(
        "deny if\n f(1)",
        "failed: line 3, column 3: could not find function f",
    );
    check(
        "deny if to_number(\"a\") == 1",
        "failed: line 2, column 20: could not parse string as number",
    );
    // With errors that are undefined this would pass.
    check(
        "f(x) := to_number(x)\ndeny if f(\"a\") == 1",
        "failed: line 2, column 19: could not parse string as number",
    );
    check(
        "deny if not 1 / 0",
        "failed: line 2, column 15: divide by zero",
    );
    check("allow := true", "failed: it defines neither deny nor warn");
    check("", "failed: it defines neither deny nor warn");
    check(
        "deny := {\"a\": 1}",
        "failed: deny is neither a set, a list, a text nor true or false: write \"deny contains message if …\"",
    );
    check(
        "deny := 7",
        "failed: deny is neither a set, a list, a text nor true or false: write \"deny contains message if …\"",
    );
    let package = says("package mine\ndeny if true");
    assert_eq!(
        package,
        "failed: its package is \"mine\": write \"package lamina\""
    );
    let package = says("package lamina.sub\ndeny if true");
    assert!(package.contains("write \"package lamina\""), "{package}");
    assert!(says("").starts_with("failed: line 1"), "{}", says(""));
    assert!(says("deny if true").starts_with("failed: line 1"));
    let rule = CustomRule {
        name: "mine".to_owned(),
        rego: "package lamina\ndeny if true".to_owned(),
    };
    let outcomes = judge(std::slice::from_ref(&rule), "{", &Options::default());
    assert!(
        outcomes[0].reason().contains("the report is no JSON"),
        "{outcomes:?}"
    );
    assert!(Judge::new("{}", &Options::default()).is_ok());
}

#[test]
fn nothing_outside_is_reached() {
    for call in [
        r#"http.send({"method": "get", "url": "http://127.0.0.1"})"#,
        "opa.runtime()",
        r#"net.lookup_ip_addr("localhost")"#,
        r#"io.jwt.decode("x")"#,
        r#"uuid.rfc4122("x")"#,
    ] {
        let said = says(&format!("package lamina\ndeny if {call}"));
        assert!(said.contains("could not find function"), "{call}: {said}");
    }
    check(
        "deny if rand.intn(\"x\", 10) >= 0",
        "failed: line 2, column 18: a verdict does not depend on chance",
    );
    check(
        "deny if { print(\"hello\"); trace(\"hello\") }",
        "failed: deny is true",
    );
    check("deny if data.x", "passed: nothing is denied");
    check(
        "deny contains x if x := time.now_ns()",
        "failed: 1795435200000000000",
    );
}

#[test]
fn what_is_too_large_is_refused() {
    let check = |rego: String, expect: &str| {
        let said = says(&format!("package lamina\n{rego}"));
        assert!(said.contains(expect), "{expect}: {said}");
    };
    check(" ".repeat(MAX_SOURCE_BYTES), "more than 65536");
    check(
        format!("deny if 1 {}", "+\n1 ".repeat(MAX_OPERATORS + 1)),
        "arithmetic and set operators",
    );
    check("deny contains 1 if true\n".repeat(500), "it has 500 rules");
    check(
        "deny if numbers.range(1, 1000000000) == []".to_owned(),
        "a range has at most",
    );
    check(
        "deny if numbers.range(-9223372036854775808, 9223372036854775807) == []".to_owned(),
        "a range has at most",
    );
    check("deny if numbers.range(1, 1e30) == []".to_owned(), "line 2");
    check(
        "deny if numbers.range_step(1, 9, 0) == []".to_owned(),
        "has to be positive",
    );
    let many = "deny contains sprintf(\"%d\", [n]) if some n in numbers.range(1, 300)";
    let outcome = judged(
        &format!("package lamina\n{many}"),
        report(1),
        Duration::from_secs(20),
    );
    assert_eq!(outcome.reasons.len(), MAX_REASONS + 1);
    assert_eq!(outcome.reasons[MAX_REASONS], "and 200 more messages");
    let long = "deny contains concat(\"\", [\"a\\n\" | some _ in numbers.range(1, 900)])";
    let outcome = judged(
        &format!("package lamina\n{long}"),
        report(1),
        Duration::from_secs(20),
    );
    assert_eq!(outcome.reasons[0].chars().count(), MAX_REASON_CHARS + 1);
    assert!(!outcome.reasons[0].contains('\n'));
}

#[test]
fn chains_within_the_limits_do_not_overflow_the_stack() {
    let sum = format!("deny if 1 {}", "+\n1 ".repeat(MAX_OPERATORS - 10));
    let brackets = format!("deny if input{}", "[0]".repeat(300));
    let mut chain: String = (0..390)
        .map(|index| {
            format!(
                "f{index}(x) := y if {{ z := f{}(x); y := [a | a := z] }}\n",
                index + 1
            )
        })
        .collect();
    chain.push_str("f390(x) := x\ndeny if f0(1)");
    let mut rules: String = (0..390)
        .map(|index| format!("r{index} := [a | a := r{}]\n", index + 1))
        .collect();
    rules.push_str("r390 := 1\ndeny if r0");
    for rego in [sum, brackets, chain, rules] {
        let started = Instant::now();
        let said = says(&format!("package lamina\n{rego}"));
        eprintln!("{:?}: {said}", started.elapsed());
        assert!(said.starts_with("failed: "), "{said}");
    }
}

#[test]
fn hostile_rules_end_in_time() {
    let limit = Duration::from_millis(300);
    let check = |rules: &str| {
        let started = Instant::now();
        let outcome = judged(&format!("package lamina\n{rules}"), report(2_000), limit);
        let took = started.elapsed();
        assert_eq!(outcome.level, Level::Failed, "{rules}");
        eprintln!("{took:?} {} {rules}", outcome.reason());
        assert!(took < Duration::from_secs(4), "{rules}: {took:?}");
        outcome.reason()
    };
    let check_time = |rules: &str| {
        let reason = check(rules);
        assert!(reason == "it took too long", "{rules}: {reason}");
    };
    check_time(
        "deny contains 1 if { some a in input.findings; some b in input.findings; a.id == concat(\"\", [b.id, \"x\"]) }",
    );
    check_time("deny if count([1 | input.findings[_]; input.findings[_]; input.findings[_]]) > 0");
    check_time(
        "deny if { every a in numbers.range(1, 99999) { every b in numbers.range(1, 99999) { a + b > 0 } } }",
    );
    check_time(
        "deny contains x if { some a in numbers.range(1, 99999); some b in numbers.range(1, 99999); x := a * b }",
    );
    check_time(
        "f(x) := count([1 | some _ in numbers.range(1, 99999); x]) \ndeny if count({f(a) | some a in numbers.range(1, 99999)}) > 0",
    );
    check_time(
        "f(x) := true if { some a in numbers.range(1, 99999); some b in numbers.range(1, 99999); a * b < 0 }\ndeny if not f(1)",
    );
    // A text for a regular expression that backtracks elsewhere.
    check_time(
        "s := concat(\"\", [\"a\" | some _ in numbers.range(1, 20000)])\ndeny if { some a in numbers.range(1, 99999); regex.match(sprintf(`(a*)*b%d`, [a]), s) }",
    );
    let bomb = check("deny if regex.match(`((((a{1,100}){1,100}){1,100}){1,100})`, \"a\")");
    assert!(
        bomb.contains("size limit") || bomb.contains("regex"),
        "{bomb}"
    );
}

#[test]
fn a_rule_over_a_large_report_is_quick() {
    let rules = "package lamina\ndeny contains msg if {\n some f in input.findings\n f.severity == \"high\"\n \
                 p := input.packages[f.package]\n startswith(p.purl, \"pkg:deb/\")\n \
                 msg := sprintf(\"%s in %s\", [f.id, p.name])\n}";
    let report = report(3_000);
    let started = Instant::now();
    let outcome = judged(rules, report, Duration::from_secs(20));
    eprintln!("3,000 findings: {:?}", started.elapsed());
    assert_eq!(outcome.reasons.len(), MAX_REASONS + 1);
    assert!(started.elapsed() < Duration::from_secs(10));
}
