//! The formats for CI systems: SARIF, JUnit, GitHub's workflow commands.

use lamina_inventory::severity::Severity;
use lamina_policy::Policy;
use lamina_report::{
    formats::{self, Judged},
    model::{Finding, Report},
};
use quick_xml::{Reader, events::Event};
use serde_json::Value;

use crate::sample;

fn render(format: &str, report: &Report, policy: &str) -> String {
    let policy = Policy::parse(policy).unwrap();
    let format = formats::by_id(format).unwrap();
    format.render(&Judged::new(report, &policy, sample::now()))
}

fn sarif(report: &Report, policy: &str) -> Value {
    let document: Value = serde_json::from_str(&render("sarif", report, policy)).unwrap();
    document["runs"][0].clone()
}

fn list<'a>(run: &'a Value, pointer: &str) -> &'a [Value] {
    run.pointer(pointer).unwrap().as_array().unwrap()
}

/// `level rule`, in order.
fn levels(run: &Value) -> Vec<String> {
    let results = list(run, "/results").iter();
    results
        .map(|result| {
            let text = |name: &str| result[name].as_str().unwrap().to_owned();
            format!("{} {}", text("level"), text("ruleId"))
        })
        .collect()
}

fn notes(run: &Value) -> Vec<&str> {
    list(run, "/invocations/0/toolExecutionNotifications")
        .iter()
        .map(|note| note["message"]["text"].as_str().unwrap())
        .collect()
}

const LOG4SHELL: &str = "CVE-2021-44228";

#[test]
fn results_have_the_level_that_the_verdict_gives_them() {
    let check = |policy: &str, expect: &[&str]| {
        assert_eq!(
            levels(&sarif(&sample::report(), policy)),
            expect,
            "{policy}"
        );
    };
    let babel = "note CVE-2023-45133";
    check(
        "fail-on: high",
        &[
            "error CVE-2021-44228",
            "note aws-access-key-id",
            babel,
            babel,
        ],
    );
    check(
        "fail-on: never\nwarn-on: high\nsecrets: high",
        &[
            "error aws-access-key-id",
            "warning CVE-2021-44228",
            babel,
            babel,
        ],
    );
    // What is said of the image as a whole comes before all of its level.
    check(
        "fail-on: high\nmax-age: 1d",
        &[
            "error policy/image-age",
            "error CVE-2021-44228",
            "note aws-access-key-id",
            babel,
            babel,
        ],
    );
    check(
        "fail-on: never\nlicences: {allow: [MIT, Apache-2.0], deny: [Artistic]}",
        &[
            "error policy/licences",
            "note CVE-2021-44228",
            "note aws-access-key-id",
            babel,
            babel,
        ],
    );
}

#[test]
fn what_is_excepted_is_no_result_and_is_counted() {
    let policy = format!("fail-on: high\nexceptions: [{{id: {LOG4SHELL}, reason: not reachable}}]");
    let run = sarif(&sample::report(), &policy);
    assert!(!levels(&run).iter().any(|line| line.ends_with(LOG4SHELL)));
    assert!(notes(&run).contains(&"do not count and are left out: 1 excepted"));
    assert_eq!(run["properties"]["passed"], true);

    let xml = render("junit", &sample::report(), &policy);
    assert!(
        xml.contains("<skipped message=\"excepted: not reachable\"/>"),
        "{xml}"
    );
    let text = render("github", &sample::report(), &policy);
    assert!(!text.contains("::error"), "{text}");
}

#[test]
fn every_result_has_its_rule_a_place_and_a_fingerprint() {
    for report in [sample::report(), sample::odd(), sample::empty()] {
        let run = sarif(
            &report,
            "fail-on: low\nroot-user: fail\nmisconfigurations: low",
        );
        let rules = list(&run, "/tool/driver/rules");
        let mut ids: Vec<&str> = rules
            .iter()
            .map(|rule| rule["id"].as_str().unwrap())
            .collect();
        for result in list(&run, "/results") {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(result["ruleId"], rules[index]["id"]);
            let uri = result.pointer("/locations/0/physicalLocation/artifactLocation/uri");
            let uri = uri.unwrap().as_str().unwrap();
            assert!(
                !uri.is_empty() && !uri.starts_with('/') && uri.is_ascii(),
                "{uri:?}"
            );
            let print = result.pointer("/partialFingerprints/primaryLocationLineHash");
            assert!(print.unwrap().as_str().unwrap().ends_with(":1"));
        }
        ids.sort_unstable();
        let count = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), count, "a rule is there once");
    }
}

#[test]
fn an_upgrade_that_does_not_help_leaves_the_fingerprint() {
    let print = |report: &Report| {
        let run = sarif(report, "fail-on: high");
        let mut results = list(&run, "/results").iter();
        let found = results.find(|result| result["ruleId"] == LOG4SHELL);
        found.unwrap()["partialFingerprints"].clone()
    };
    let before = print(&sample::report());
    let mut upgraded = sample::report();
    upgraded.packages[4].version = "2.14.2".to_owned();
    upgraded.image.name = "registry.example/shop/web:1.5".to_owned();
    upgraded.packages[4].layer = 1;
    assert_eq!(print(&upgraded), before);
    let mut elsewhere = sample::report();
    elsewhere.packages[4].file = "srv/other.war".to_owned();
    assert_ne!(print(&elsewhere), before);
}

/// A report of many findings in one package, of a severity that gets milder.
fn many(count: usize) -> Report {
    let mut report = sample::report();
    let finding = report.findings[0].clone();
    report.findings = (0..count)
        .map(|number| Finding {
            id: format!("CVE-2099-{number:05}"),
            severity: match number {
                0..15 => Severity::Critical,
                15..100 => Severity::High,
                _ => Severity::Low,
            },
            score: None,
            ..finding.clone()
        })
        .collect();
    report
}

#[test]
fn more_results_than_github_keeps_are_cut_and_that_is_said() {
    let run = sarif(&many(6_000), "fail-on: high");
    let found = levels(&run);
    assert_eq!(found.len(), 5_000);
    assert_eq!(found[0], "error CVE-2099-00000");
    assert_eq!(
        found
            .iter()
            .filter(|line| line.starts_with("error"))
            .count(),
        100
    );
    // 6,000 findings and one issue.
    let cut = "1001 more results are left out, those that matter least: GitHub keeps 5000";
    assert!(notes(&run).contains(&cut), "{:?}", notes(&run));
    assert!(list(&run, "/tool/driver/rules").len() <= 5_000);
    let run = sarif(&many(100), "fail-on: high");
    assert!(!notes(&run).iter().any(|note| note.contains("left out")));
}

/// Elements and attributes of XML: fails if it is not well formed.
fn elements(xml: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut reader = Reader::from_str(xml);
    let mut open = 0_usize;
    let mut elements = Vec::new();
    loop {
        let event = reader.read_event().unwrap();
        match &event {
            Event::Eof => break,
            Event::Start(_) => open += 1,
            Event::End(_) => open -= 1,
            _ => {}
        }
        if let Event::Start(start) | Event::Empty(start) = &event {
            let attributes = start.attributes().map(|attribute| {
                let attribute = attribute.unwrap();
                let key = attribute.key.as_ref().to_owned();
                (key, attribute.value.into_owned())
            });
            let name = start.name().as_ref().to_owned();
            elements.push((name, attributes.collect()));
        }
    }
    assert_eq!(open, 0, "{xml}");
    elements
}

#[test]
fn junit_counts_what_it_holds() {
    for (report, policy) in [
        (
            sample::report(),
            "fail-on: high\nsecrets: high\nwarn-on: negligible",
        ),
        (sample::odd(), "fail-on: low\nroot-user: fail"),
        (sample::empty(), "fail-on: high"),
        (many(6_000), "fail-on: low"),
    ] {
        let xml = render("junit", &report, policy);
        let allowed = |c: char| !c.is_control() || c == '\n';
        assert!(xml.chars().all(allowed), "XML has no control characters");
        let elements = elements(&xml);
        let count = |name: &str| elements.iter().filter(|(other, _)| other == name).count();
        let sum = |element: &str, attribute: &str| -> usize {
            elements
                .iter()
                .filter(|(name, _)| name == element)
                .flat_map(|(_, attributes)| attributes)
                .filter(|(name, _)| name == attribute)
                .map(|(_, value)| value.parse::<usize>().unwrap())
                .sum()
        };
        for element in ["testsuites", "testsuite"] {
            assert_eq!(sum(element, "tests"), count("testcase"));
            assert_eq!(sum(element, "failures"), count("failure"));
            assert_eq!(sum(element, "skipped"), count("skipped"));
        }
        let verdict = Judged::new(&report, &Policy::parse(policy).unwrap(), sample::now()).verdict;
        assert_eq!(count("testsuite"), verdict.rules.len());
        assert_eq!(verdict.passed, count("failure") == 0);
        assert!(count("testcase") <= 5_010);
    }
}

#[test]
fn a_suite_has_a_case_for_each_finding_of_its_rule() {
    let xml = render(
        "junit",
        &sample::report(),
        "fail-on: negligible\nsecrets: high",
    );
    for part in [
        "<testsuite name=\"severity-threshold\" tests=\"3\" failures=\"3\"",
        "<testsuite name=\"secrets\" tests=\"1\" failures=\"1\"",
        "name=\"CVE-2021-44228 in org.apache.logging.log4j:log4j-core 2.14.1\"",
        "file=\"srv/shop.war\"",
        "<failure message=\"critical, fixed in 2.15.0\" type=\"critical\">",
        "<property name=\"image\" value=\"registry.example/shop/web:1.4\"/>",
    ] {
        assert!(xml.contains(part), "{part} is not in {xml}");
    }
}

#[test]
fn as_many_annotations_are_written_as_github_shows() {
    let text = render("github", &many(200), "fail-on: critical\nwarn-on: high");
    let lines: Vec<&str> = text.lines().collect();
    let starting = |with: &str| lines.iter().filter(|line| line.starts_with(with)).count();
    assert_eq!(starting("::error title="), 10);
    assert_eq!(starting("::warning title="), 10);
    assert_eq!(lines.len(), 21);
    assert!(lines[0].starts_with("::error title=critical CVE-2099-00000 in "));
    assert_eq!(
        lines[20],
        "lamina: registry.example/shop/web:1.4 fails the policy: 15 errors, 10 shown; \
         85 warnings, 10 shown; 200 findings in all"
    );
    let text = render("github", &sample::report(), "fail-on: never");
    assert_eq!(
        text,
        "lamina: registry.example/shop/web:1.4 passes the policy: 0 errors; 0 warnings; \
         3 findings in all\n"
    );
}

/// Names come from images: none of them begins a command of its own.
#[test]
fn an_image_cannot_write_commands() {
    let mut report = sample::report();
    let evil = "x\r\n::add-mask::y ##[add-mask]z,a:b%0A::stop-commands::t";
    report.image.name = evil.to_owned();
    report.packages[4].name = evil.to_owned();
    report.packages[4].file = evil.to_owned();
    report.layers[2].created_by = evil.to_owned();
    report.findings[0].title = Some(evil.to_owned());
    report.findings[0].id = evil.to_owned();
    let text = render("github", &report, "fail-on: high\nmax-age: 1d");
    for line in text.split(['\r', '\n']).filter(|line| !line.is_empty()) {
        let is_ours = line.starts_with("::error title=") || line.starts_with("lamina: ");
        assert!(is_ours, "{line:?}");
        assert!(
            !line.starts_with("lamina: ") || !line.contains("##["),
            "{line:?}"
        );
        if let Some(rest) = line.strip_prefix("::error title=") {
            let (title, _) = rest.split_once("::").unwrap();
            assert!(!title.contains([':', ',']), "{title:?}");
        }
    }
    // In Markdown and in messages nothing becomes a link.
    report.findings[0].title = Some("[x](https://evil.example)".to_owned());
    report.packages[4].name = "[x](https://evil.example)".to_owned();
    let run = sarif(&report, "fail-on: high");
    let mut texts = Vec::new();
    texts_of(&run, &mut texts);
    assert!(texts.iter().any(|text| text.contains("evil.example")));
    for text in texts {
        assert!(!text.contains("](https://evil"), "{text}");
    }
}

/// What SARIF reads as a message or as Markdown.
fn texts_of<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "text" || name == "markdown" => texts.push(text),
                    other => texts_of(other, texts),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| texts_of(value, texts)),
        _ => {}
    }
}
