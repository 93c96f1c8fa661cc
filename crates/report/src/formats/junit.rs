//! JUnit XML, for the test views of Jenkins, GitLab and others.
//!
//! There is no standard: what is written is what the readers have in common, as
//! <https://github.com/testmoapp/junitxml> collects it. A suite for each rule of the policy, and in it
//! a case for each finding, issue or package that the rule is about; a rule that is about none, or
//! that the image passes, is one case itself. What only warns passes, and says so in its output. What
//! does not count are skipped cases of the suite `left-out`.

use std::io;

use lamina_policy::{Level, RULES, RuleOutcome, Target};
use quick_xml::{
    Writer,
    events::{BytesDecl, BytesText, Event},
};

use super::{Format, Judged};
use crate::{model::Package, sbom, standing::why_in_words, text};

/// The format `junit`.
#[derive(Clone, Copy, Debug)]
pub struct Junit;

/// Cases of one suite: readers hold all of them at once.
const MAX_CASES: usize = 5_000;

impl Format for Junit {
    fn id(&self) -> &'static str {
        "junit"
    }

    fn media_type(&self) -> &'static str {
        "application/xml"
    }

    fn extension(&self) -> &'static str {
        "junit.xml"
    }

    fn about(&self) -> &'static str {
        "JUnit XML: a test suite for each rule of the policy, for the test views of CI systems"
    }

    fn render(&self, judged: &Judged<'_>) -> String {
        let mut out = Writer::new_with_indent(Vec::new(), b' ', 2);
        // Writing to memory cannot fail.
        let _ = write(&mut out, judged);
        let mut text = String::from_utf8(out.into_inner()).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// How a case comes out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    Skipped,
}

/// One test case.
struct Case {
    name: String,
    /// The file it is about.
    file: String,
    outcome: Outcome,
    /// Its severity, or the rule's id.
    kind: String,
    /// In one line.
    message: String,
    /// All of it.
    output: String,
}

/// One test suite.
struct Suite {
    name: String,
    cases: Vec<Case>,
    /// Cases that are left out.
    cut: usize,
}

impl Suite {
    fn new(name: &str, mut cases: Vec<Case>) -> Self {
        let cut = cases.len().saturating_sub(MAX_CASES);
        cases.truncate(MAX_CASES);
        Self {
            name: clean(name),
            cases,
            cut,
        }
    }

    fn count(&self, outcome: Outcome) -> usize {
        let cases = self.cases.iter();
        cases.filter(|case| case.outcome == outcome).count()
    }
}

fn suites(judged: &Judged<'_>) -> Vec<Suite> {
    let mut suites: Vec<Suite> = judged
        .verdict
        .rules
        .iter()
        .map(|rule| Suite::new(&rule.rule, cases(judged, rule)))
        .collect();
    let left_out = judged.verdict.left_out.iter();
    let left_out: Vec<Case> = left_out
        .filter(|left_out| left_out.why.is_said())
        .filter_map(|left_out| {
            let mut case = match left_out.what {
                Target::Finding(index) => of_finding(judged, index)?,
                Target::Issue(index) => of_issue(judged, index)?,
            };
            case.outcome = Outcome::Skipped;
            case.message = why_in_words(left_out.why, judged);
            Some(case)
        })
        .collect();
    if !left_out.is_empty() {
        suites.push(Suite::new("left-out", left_out));
    }
    suites
}

fn cases(judged: &Judged<'_>, rule: &RuleOutcome) -> Vec<Case> {
    let findings = rule.findings.iter().map(|index| of_finding(judged, *index));
    let issues = rule.issues.iter().map(|index| of_issue(judged, *index));
    let packages = rule.packages.iter().map(|index| {
        let package = judged.report.packages.get(*index)?;
        let licence = package.licence.as_deref().unwrap_or("none stated");
        Some(Case {
            name: text::package(Some(package)),
            file: package.file.clone(),
            outcome: Outcome::Passed,
            kind: rule.rule.to_string(),
            message: format!("licence: {licence}"),
            output: about(judged, package),
        })
    });
    let things = findings.chain(issues).chain(packages).flatten();
    let mut cases: Vec<Case> = things.collect();
    if cases.is_empty() {
        let known = RULES.iter().find(|known| known.id() == rule.rule);
        cases.push(Case {
            name: known.map_or_else(|| rule.rule.to_string(), |known| known.title().to_owned()),
            file: String::new(),
            outcome: Outcome::Passed,
            kind: rule.rule.to_string(),
            message: rule.reason.clone(),
            output: rule.reason.clone(),
        });
    }
    for case in &mut cases {
        match rule.outcome {
            Level::Failed => case.outcome = Outcome::Failed,
            Level::Warned => case.output = format!("warning: {}\n{}", case.message, case.output),
            Level::Passed => {}
        }
    }
    cases
}

fn of_finding(judged: &Judged<'_>, index: usize) -> Option<Case> {
    let report = judged.report;
    let finding = report.findings.get(index)?;
    let package = report.packages.get(finding.package);
    let id = text::id(finding);
    let thing = text::package(package);
    let mut output = format!(
        "{id} ({}) in {thing}: {}",
        finding.severity.word(),
        text::fix(finding)
    );
    if let Some(title) = &finding.title {
        output.push_str(&format!("\n{}", text::short(title, 500)));
    }
    if let Some(package) = package {
        output.push_str(&format!("\n{}", about(judged, package)));
    }
    if let Some(url) = text::advisory_url(&id) {
        output.push_str(&format!("\n{url}"));
    }
    Some(Case {
        name: format!("{id} in {thing}"),
        file: package
            .map(|package| package.file.clone())
            .unwrap_or_default(),
        outcome: Outcome::Passed,
        kind: finding.severity.word().to_owned(),
        message: format!("{}, {}", finding.severity.word(), text::fix(finding)),
        output,
    })
}

fn of_issue(judged: &Judged<'_>, index: usize) -> Option<Case> {
    let issue = judged.report.issues.get(index)?;
    let place = text::place(issue);
    let title = text::short(&issue.title, 200);
    let layer = issue.place.layer;
    let layer = layer.and_then(|layer| text::layer(judged.report, layer));
    let lines = [
        Some(format!("{title} ({}) in {place}", issue.severity.word())),
        layer,
        issue.excerpt.clone(),
        issue.advice.clone(),
    ];
    let lines: Vec<String> = lines.into_iter().flatten().collect();
    Some(Case {
        name: format!("{title} in {place}"),
        file: issue.place.file.clone().unwrap_or_default(),
        outcome: Outcome::Passed,
        kind: issue.severity.word().to_owned(),
        message: format!("{}: {title}", issue.severity.word()),
        output: lines.join("\n"),
    })
}

/// A package's purl, layer and file, a line each.
fn about(judged: &Judged<'_>, package: &Package) -> String {
    let lines = [
        Some(package.purl.clone()).filter(|purl| !purl.is_empty()),
        text::layer(judged.report, package.layer),
        Some(sbom::location(package)).filter(|place| !place.is_empty()),
    ];
    lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

fn write(out: &mut Writer<Vec<u8>>, judged: &Judged<'_>) -> io::Result<()> {
    let suites = suites(judged);
    let sum = |count: &dyn Fn(&Suite) -> usize| suites.iter().map(count).sum::<usize>().to_string();
    let name = format!("lamina {}", clean(&judged.report.image.name));
    out.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    out.create_element("testsuites")
        .with_attribute(("name", name.as_str()))
        .with_attribute(("tests", sum(&|suite| suite.cases.len()).as_str()))
        .with_attribute((
            "failures",
            sum(&|suite| suite.count(Outcome::Failed)).as_str(),
        ))
        .with_attribute((
            "skipped",
            sum(&|suite| suite.count(Outcome::Skipped)).as_str(),
        ))
        .with_attribute(("errors", "0"))
        .with_attribute(("time", "0"))
        .write_inner_content(|out| {
            suites
                .iter()
                .try_for_each(|suite| write_suite(out, judged, suite))
        })?;
    Ok(())
}

fn write_suite(out: &mut Writer<Vec<u8>>, judged: &Judged<'_>, suite: &Suite) -> io::Result<()> {
    let report = judged.report;
    let number = |count: usize| count.to_string();
    let at = sbom::created(report, judged.now);
    let mut properties = vec![
        ("image", report.image.name.clone()),
        ("platform", report.image.platform.clone()),
        ("scanner", report.scanner.clone()),
    ];
    let mut more = |name, value: Option<String>| {
        properties.extend(value.map(|value| (name, value)));
    };
    more("digest", report.image.digest.clone());
    more("policy", judged.policy.name.clone());
    let database = report.database.as_ref();
    more(
        "database",
        database.map(|database| format!("{} of {}", database.name, database.built_at)),
    );
    more(
        "left-out",
        (suite.cut > 0).then(|| format!("{} more cases", suite.cut)),
    );
    out.create_element("testsuite")
        .with_attribute(("name", suite.name.as_str()))
        .with_attribute(("tests", number(suite.cases.len()).as_str()))
        .with_attribute(("failures", number(suite.count(Outcome::Failed)).as_str()))
        .with_attribute(("skipped", number(suite.count(Outcome::Skipped)).as_str()))
        .with_attribute(("errors", "0"))
        .with_attribute(("time", "0"))
        // Without the zone: the readers take ISO 8601 as it is here, in UTC.
        .with_attribute(("timestamp", at.trim_end_matches('Z')))
        .write_inner_content(|out| {
            out.create_element("properties")
                .write_inner_content(|out| {
                    properties.iter().try_for_each(|(name, value)| {
                        out.create_element("property")
                            .with_attribute(("name", *name))
                            .with_attribute(("value", clean(value).as_str()))
                            .write_empty()
                            .map(drop)
                    })
                })?;
            suite
                .cases
                .iter()
                .try_for_each(|case| write_case(out, &suite.name, case))
        })?;
    Ok(())
}

fn write_case(out: &mut Writer<Vec<u8>>, suite: &str, case: &Case) -> io::Result<()> {
    let message = clean(&text::short(&case.message, 500));
    let output = lines(&case.output);
    let (name, file, kind) = (clean(&case.name), clean(&case.file), clean(&case.kind));
    let mut element = out
        .create_element("testcase")
        .with_attribute(("name", name.as_str()))
        .with_attribute(("classname", suite))
        .with_attribute(("time", "0"));
    if !file.is_empty() {
        element = element.with_attribute(("file", file.as_str()));
    }
    element.write_inner_content(|out| {
        match case.outcome {
            Outcome::Failed => out
                .create_element("failure")
                .with_attribute(("message", message.as_str()))
                .with_attribute(("type", kind.as_str()))
                .write_text_content(BytesText::new(&output))?,
            Outcome::Skipped => out
                .create_element("skipped")
                .with_attribute(("message", message.as_str()))
                .write_empty()?,
            Outcome::Passed => out
                .create_element("system-out")
                .write_text_content(BytesText::new(&output))?,
        };
        Ok(())
    })?;
    Ok(())
}

/// Text of characters that XML 1.0 has, in one line.
fn clean(text: &str) -> String {
    text::clean(text).replace(['\u{fffe}', '\u{ffff}'], " ")
}

/// The same, line by line.
fn lines(text: &str) -> String {
    let lines = text.lines().map(clean);
    lines.collect::<Vec<_>>().join("\n")
}
