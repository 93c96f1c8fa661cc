//! SARIF 2.1.0, for GitHub's code scanning and whatever else reads it.
//!
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html>; what GitHub makes of it
//! is told under <https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>.
//!
//! - A rule for each vulnerability and each kind of issue; `policy/<rule>` for what a policy says of
//!   the image as a whole, or of its packages.
//! - The level of a result is what the verdict says of it: `error` if it fails the image, `warning`
//!   if it warns, else `note`.
//! - `security-severity` stays within the band of the severity that the report gives: GitHub tells
//!   the word by the number, and a distribution's severity often differs from the CVSS score.
//! - What an exception, a VEX statement or the policy's view of the base image takes out of the
//!   judgement is no result. SARIF has `suppressions` for it, which GitHub does not read: it would
//!   open an alert for each. How many there are is said in a notification.
//! - GitHub keeps 5,000 results, so that no more are written; a notification says how many are missing.

use std::collections::HashMap;

use lamina_image::{digest::Digest, reference::Reference};
use lamina_inventory::{facts::IssueKind, severity::Severity};
use lamina_policy::{Level, RULES};
use serde_json::{Map, Value, json};

use super::{Format, Judged, pretty, sorted};
use crate::{
    model::{Finding, Issue, Package, Report},
    sbom,
    standing::{Stand, Standing, answered_in_words, is_of_image},
    text::{self, markdown_of},
};

/// The format `sarif`.
#[derive(Clone, Copy, Debug)]
pub struct Sarif;

/// Results that GitHub keeps of one upload.
const MAX_RESULTS: usize = 5_000;

/// Warnings of the report that are written as notifications.
const MAX_NOTIFICATIONS: usize = 100;

/// Weaknesses named in the tags of a rule, of which GitHub shows ten.
const MAX_CWES: usize = 6;

/// Characters of a message.
const MESSAGE_CHARS: usize = 1_000;

impl Format for Sarif {
    fn id(&self) -> &'static str {
        "sarif"
    }

    fn media_type(&self) -> &'static str {
        "application/sarif+json"
    }

    fn extension(&self) -> &'static str {
        "sarif"
    }

    fn about(&self) -> &'static str {
        "SARIF 2.1.0: findings, issues and failed rules, as GitHub code scanning takes them"
    }

    fn render(&self, judged: &Judged<'_>) -> String {
        pretty(&sorted(document(judged)))
    }
}

fn document(judged: &Judged<'_>) -> Value {
    let report = judged.report;
    let standing = Standing::of(&judged.verdict, report);
    let mut all = results(judged, &standing);
    // The worst first: what is cut off matters least. Equal ones stay in the report's order.
    all.sort_by_key(|found| std::cmp::Reverse(found.weight));
    let cut = all.len().saturating_sub(MAX_RESULTS);
    all.truncate(MAX_RESULTS);
    let mut rules = Rules::default();
    let results: Vec<Value> = all
        .into_iter()
        .map(|result| result.into_json(&mut rules))
        .collect();
    let (name, version) = sbom::tool(report);
    let mut driver = json!({
        "name": name,
        "informationUri": env!("CARGO_PKG_REPOSITORY"),
        "rules": rules.list,
    });
    if let Some(version) = version {
        add(&mut driver, "version", json!(version));
    }
    let mut invocation = json!({
        "executionSuccessful": report.layers.iter().all(|layer| layer.error.is_none()),
        "toolExecutionNotifications": notifications(judged, &standing, cut),
    });
    if report.scanned_at.parse::<jiff::Timestamp>().is_ok() {
        let at = json!(sbom::created(report, judged.now));
        add(&mut invocation, "endTimeUtc", at);
    }
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": driver },
            // GitHub's category: the scan of another tag of this image takes the place of this one.
            "automationDetails": { "id": format!("lamina/{}/", category(report)) },
            "invocations": [invocation],
            "columnKind": "unicodeCodePoints",
            "results": results,
            "properties": {
                "image": text::clean(&report.image.name),
                "digest": report.image.digest,
                "platform": text::clean(&report.image.platform),
                "passed": judged.verdict.passed,
            },
        }],
    })
}

fn add(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}

/// The image without tag or digest, and its platform.
fn category(report: &Report) -> String {
    format!("{}/{}", name_of(report), report.image.platform)
        .split('/')
        .map(encode)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("/")
}

/// The image's name without tag, digest and the archive it lies in.
fn name_of(report: &Report) -> String {
    let name = report.image.name.as_str();
    let name = name.split_once(" (").map_or(name, |(name, _)| name);
    let has_file_name = name.contains('.') && !name.contains(['/', ':', '@']);
    match Reference::parse(name) {
        Ok(reference) if !has_file_name => {
            format!("{}/{}", reference.registry(), reference.repository())
        }
        _ => text::clean(name),
    }
}

/// What is missing, and what does not count.
fn notifications(judged: &Judged<'_>, standing: &Standing, cut: usize) -> Vec<Value> {
    let report = judged.report;
    let say = |level: &str, message: &str| json!({ "level": level, "message": { "text": plain(message) } });
    let mut all = Vec::new();
    for (index, error) in sbom::unread(report) {
        let message = format!("layer {index} was not read to its end: {error}");
        all.push(say("error", &message));
    }
    if cut > 0 {
        all.push(say(
            "warning",
            &format!("{cut} more results are left out, those that matter least: GitHub keeps {MAX_RESULTS}"),
        ));
    }
    if let Some(answered) = answered_in_words(standing) {
        all.push(say(
            "note",
            &format!("do not count and are left out: {answered}"),
        ));
    }
    for warning in &report.warnings {
        let message = match warning.layer {
            Some(layer) => format!("layer {layer}: {}", warning.message),
            None => warning.message.clone(),
        };
        all.push(say("warning", &message));
    }
    let more = all.len().saturating_sub(MAX_NOTIFICATIONS);
    all.truncate(MAX_NOTIFICATIONS);
    if more > 0 {
        all.push(say(
            "warning",
            &format!("{more} more warnings are left out"),
        ));
    }
    all
}

/// One result before it is written.
struct Found<'a> {
    /// What is compared first: the level, then the number of the severity in tenths.
    weight: (Level, u32),
    message: String,
    /// The file, and its lines.
    place: Option<(String, Option<(u32, u32)>)>,
    /// What it is in: a package, a part of the config, the image.
    thing: String,
    /// What makes it the same as one of another scan.
    sameness: Vec<String>,
    properties: Value,
    rule: RuleOf<'a>,
    report: &'a Report,
}

/// What the rule of a result is made of.
enum RuleOf<'a> {
    Finding(&'a Finding),
    Issue(&'a Issue),
    Policy(&'a str),
}

fn results<'a>(judged: &'a Judged<'_>, standing: &Standing) -> Vec<Found<'a>> {
    let report = judged.report;
    let mut all = Vec::new();
    for (rule, outcome) in judged.verdict.rules.iter().map(|rule| (rule, rule.outcome)) {
        if outcome == Level::Passed {
            continue;
        }
        let found = |message: String, thing: String, place, sameness: Vec<String>| Found {
            // Before all findings: a missing database is why there are none.
            weight: (outcome, u32::MAX),
            message,
            place,
            thing,
            sameness,
            properties: json!({}),
            rule: RuleOf::Policy(&rule.rule),
            report,
        };
        if is_of_image(rule) {
            let message = format!("{}: {}", rule.rule, rule.reason);
            all.push(found(message, "the image".to_owned(), None, Vec::new()));
        }
        for package in rule
            .packages
            .iter()
            .filter_map(|index| report.packages.get(*index))
        {
            let licence = package.licence.as_deref().unwrap_or("none stated");
            let message = format!(
                "{} has the licence {}, and the policy forbids that ({})",
                text::package(Some(package)),
                text::short(licence, 200),
                rule.rule,
            );
            let place = (!package.file.is_empty()).then(|| (package.file.clone(), package.lines));
            let sameness = vec![package.kind.word().to_owned(), package.name.clone()];
            all.push(found(
                message,
                text::package(Some(package)),
                place,
                sameness,
            ));
        }
    }
    let findings = report.findings.iter().zip(&standing.findings);
    for (finding, stand) in findings.filter(|(_, stand)| !stand.is_answered()) {
        all.push(of_finding(judged, finding, *stand));
    }
    let issues = report.issues.iter().zip(&standing.issues);
    for (issue, stand) in issues.filter(|(_, stand)| !stand.is_answered()) {
        all.push(of_issue(judged, issue, *stand));
    }
    all
}

fn of_finding<'a>(judged: &'a Judged<'_>, finding: &'a Finding, stand: Stand) -> Found<'a> {
    let report = judged.report;
    let package = report.packages.get(finding.package);
    let thing = text::package(package);
    let mut message = format!(
        "{thing} has {} ({}), {}.",
        text::id(finding),
        finding.severity.word(),
        text::fix(finding)
    );
    if let Some(title) = &finding.title {
        message.push_str(&format!(
            " {}.",
            text::short(title, 300).trim_end_matches('.')
        ));
    }
    let place = package.map(|package| (package.file.clone(), package.lines));
    let mut properties = json!({
        "severity": finding.severity.word(),
        "status": finding.status,
        "fixedIn": finding.fixed_in,
    });
    let mut sameness = vec![text::id(finding)];
    if let Some(package) = package {
        let whereabouts = [
            text::layer(report, package.layer),
            (!package.file.is_empty()).then(|| text::clean(&sbom::location(package))),
        ];
        let whereabouts: Vec<String> = whereabouts.into_iter().flatten().collect();
        if !whereabouts.is_empty() {
            message.push_str(&format!(" From {}.", whereabouts.join(", in ")));
        }
        add(&mut properties, "purl", json!(package.purl));
        add(&mut properties, "layer", json!(package.layer));
        // Not the version: an upgrade that does not help does not make it another.
        sameness.extend([
            package.kind.word().to_owned(),
            package.name.clone(),
            sbom::location(package),
        ]);
    }
    say_rule(&mut message, judged, stand);
    Found {
        weight: (stand.level, tenths(finding.severity, finding.score)),
        message,
        place: place.filter(|(file, _)| !file.is_empty()),
        thing,
        sameness,
        properties,
        rule: RuleOf::Finding(finding),
        report,
    }
}

fn of_issue<'a>(judged: &'a Judged<'_>, issue: &'a Issue, stand: Stand) -> Found<'a> {
    let report = judged.report;
    let place = text::place(issue);
    let mut message = format!("{}: {place}.", text::short(&issue.title, 200));
    if let Some(layer) = issue
        .place
        .layer
        .and_then(|layer| text::layer(report, layer))
    {
        message.push_str(&format!(" From {layer}."));
    }
    if let Some(gone) = issue.place.removed_in {
        message.push_str(&format!(
            " Deleted or replaced in layer {gone}, and still to be read below it."
        ));
    }
    if let Some(excerpt) = &issue.excerpt {
        message.push_str(&format!(" {}.", text::short(excerpt, 200)));
    }
    if let Some(advice) = &issue.advice {
        message.push_str(&format!(
            " {}.",
            text::short(advice, 300).trim_end_matches('.')
        ));
    }
    say_rule(&mut message, judged, stand);
    Found {
        weight: (stand.level, tenths(issue.severity, None)),
        message,
        place: issue
            .place
            .file
            .clone()
            .map(|file| (file, issue.place.lines)),
        sameness: vec![
            issue.rule.clone(),
            place.clone(),
            issue.excerpt.clone().unwrap_or_default(),
        ],
        thing: place,
        properties: json!({
            "severity": issue.severity.word(),
            "layer": issue.place.layer,
        }),
        rule: RuleOf::Issue(issue),
        report,
    }
}

/// Says which rule of the policy makes it what it is.
fn say_rule(message: &mut String, judged: &Judged<'_>, stand: Stand) {
    let rule = stand.rule.and_then(|rule| judged.verdict.rules.get(rule));
    let verb = match stand.level {
        Level::Passed => return,
        Level::Warned => "Warned of by",
        Level::Failed => "Fails the image by",
    };
    if let Some(rule) = rule {
        message.push_str(&format!(" {verb} {}.", text::clean(&rule.rule)));
    }
}

impl Found<'_> {
    fn into_json(self, rules: &mut Rules) -> Value {
        let (id, index) = rules.take(&self);
        let level = match self.weight.0 {
            Level::Failed => "error",
            Level::Warned => "warning",
            Level::Passed => "note",
        };
        // Of what is in the image's config, and of the image as a whole, the image is the place.
        let (uri, lines) = match &self.place {
            Some((file, lines)) => (encode_path(file), *lines),
            None => (String::new(), None),
        };
        let name = name_of(self.report);
        let uri = match uri.as_str() {
            "" => encode_path(&name),
            _ => uri,
        };
        let uri = if uri.is_empty() {
            "image".to_owned()
        } else {
            uri
        };
        let (first, last) = lines.unwrap_or((1, 1));
        let first = first.max(1);
        let mut region = json!({ "startLine": first });
        if last > first {
            add(&mut region, "endLine", json!(last));
        }
        let mut sameness = vec![id.clone(), name];
        sameness.extend(self.sameness);
        let print = Digest::of(sameness.join("\n").as_bytes());
        let print = print.hex().chars().take(32).collect::<String>();
        let image = text::clean(&self.report.image.name);
        json!({
            "ruleId": id,
            "ruleIndex": index,
            "level": level,
            "message": { "text": plain(&text::short(&self.message, MESSAGE_CHARS)) },
            "locations": [{
                "physicalLocation": {
                    "artifactLocation": { "uri": uri },
                    "region": region,
                },
                "logicalLocations": [{
                    "name": text::short(&self.thing, 200),
                    "fullyQualifiedName": format!("{image}: {}", text::short(&self.thing, 200)),
                    "kind": "resource",
                }],
            }],
            // The second is the one that GitHub tells alerts apart by.
            "partialFingerprints": {
                "lamina/v1": print,
                "primaryLocationLineHash": format!("{}:1", print.get(..16).unwrap_or_default()),
            },
            "properties": self.properties,
        })
    }
}

/// The rules that results refer to.
#[derive(Default)]
struct Rules {
    list: Vec<Value>,
    places: HashMap<String, usize>,
}

impl Rules {
    /// The id and the place of a result's rule, which is added if it is not there yet. Results come
    /// with the worst first, so that a rule has the severity of its worst result.
    fn take(&mut self, found: &Found<'_>) -> (String, usize) {
        let id = match found.rule {
            RuleOf::Finding(finding) => text::id(finding),
            RuleOf::Issue(issue) => text::short(&issue.rule, 200),
            RuleOf::Policy(rule) => format!("policy/{}", text::short(rule, 200)),
        };
        if let Some(place) = self.places.get(&id) {
            if let RuleOf::Finding(finding) = found.rule
                && let Some(rule) = self.list.get_mut(*place)
            {
                raise(rule, tenths(finding.severity, finding.score));
            }
            return (id, *place);
        }
        let rule = match found.rule {
            RuleOf::Finding(finding) => {
                let package = found.report.packages.get(finding.package);
                rule_of_finding(&id, finding, package)
            }
            RuleOf::Issue(issue) => rule_of_issue(&id, issue),
            RuleOf::Policy(rule) => rule_of_policy(&id, rule),
        };
        let place = self.list.len();
        self.list.push(rule);
        self.places.insert(id.clone(), place);
        (id, place)
    }
}

/// Raises the severity of a rule to that of one of its results.
fn raise(rule: &mut Value, tenths: u32) {
    let Some(properties) = rule.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    let now = properties
        .get("security-severity")
        .and_then(Value::as_str)
        .and_then(|text| text.parse::<f64>().ok())
        .unwrap_or_default();
    if tenths > 0 && f64::from(tenths) / 10.0 > now {
        properties.insert("security-severity".to_owned(), json!(decimal(tenths)));
    }
}

fn rule_of_finding(id: &str, finding: &Finding, package: Option<&Package>) -> Value {
    let title = finding
        .title
        .as_deref()
        .map(|title| text::short(title, 300));
    let short = match &title {
        Some(title) => format!("{id}: {title}"),
        None => format!("{id} in {}", text::package(package)),
    };
    let mut facts: Vec<(&str, String)> = vec![("Severity", severity(finding))];
    facts.push(("Fix", text::fix(finding)));
    if let Some(cvss) = finding.cvss.as_deref().filter(|cvss| !cvss.is_empty()) {
        facts.push(("CVSS", text::short(cvss, 200)));
    }
    if let Some(kev) = &finding.kev {
        facts.push((
            "Exploited",
            format!("listed by CISA since {}", text::clean(&kev.added)),
        ));
    }
    if let Some(epss) = finding.epss.filter(|epss| epss.score.is_finite()) {
        facts.push(("EPSS", format!("{:.1} %", epss.score * 100.0)));
    }
    if !finding.aliases.is_empty() {
        facts.push(("Also", text::short(&finding.aliases.join(", "), 300)));
    }
    if let Some(published) = &finding.published {
        facts.push(("Published", text::clean(published)));
    }
    let mut tags = vec!["security".to_owned(), "vulnerability".to_owned()];
    tags.push(finding.severity.word().to_owned());
    let cwes = finding.cwes.iter().take(MAX_CWES);
    tags.extend(cwes.map(|cwe| format!("external/cwe/cwe-{cwe:03}")));
    rule(RuleText {
        id,
        name: "Vulnerability",
        short,
        facts,
        url: text::advisory_url(id),
        severity: finding.severity,
        tenths: tenths(finding.severity, finding.score),
        tags,
    })
}

/// The severity with who said so.
fn severity(finding: &Finding) -> String {
    let mut words = finding.severity.word().to_owned();
    if let Some(source) = &finding.severity_source {
        words.push_str(&format!(", by {}", text::clean(source)));
    }
    if let Some(score) = finding.score.filter(|score| score.is_finite()) {
        words.push_str(&format!(", CVSS score {score:.1}"));
    }
    words
}

fn rule_of_issue(id: &str, issue: &Issue) -> Value {
    let (name, tag) = match issue.kind {
        IssueKind::Secret => ("Secret", "secret"),
        IssueKind::Misconfiguration => ("Misconfiguration", "misconfiguration"),
        _ => ("Licence", "licence"),
    };
    let mut facts = vec![("Severity", issue.severity.word().to_owned())];
    if let Some(advice) = &issue.advice {
        facts.push(("What to do", text::short(advice, 300)));
    }
    rule(RuleText {
        id,
        name,
        short: text::short(&issue.title, 300),
        facts,
        url: None,
        severity: issue.severity,
        tenths: tenths(issue.severity, None),
        tags: vec!["security".to_owned(), tag.to_owned()],
    })
}

fn rule_of_policy(id: &str, rule_id: &str) -> Value {
    let known = RULES.iter().find(|rule| rule.id() == rule_id);
    let title = known.map_or_else(|| text::short(rule_id, 200), |rule| rule.title().to_owned());
    rule(RuleText {
        id,
        name: "Policy",
        short: format!("Policy: {title}"),
        facts: vec![("Rule", text::clean(rule_id))],
        url: None,
        severity: Severity::Unknown,
        tenths: 0,
        tags: vec!["policy".to_owned()],
    })
}

/// What a rule is written from.
struct RuleText<'a> {
    id: &'a str,
    name: &'static str,
    short: String,
    facts: Vec<(&'static str, String)>,
    url: Option<String>,
    severity: Severity,
    tenths: u32,
    tags: Vec<String>,
}

fn rule(from: RuleText<'_>) -> Value {
    let mut help = format!("{}\n", from.short);
    let mut markdown = format!("**{}**\n\n| | |\n|---|---|\n", markdown_of(&from.short));
    for (name, fact) in &from.facts {
        help.push_str(&format!("{name}: {fact}\n"));
        markdown.push_str(&format!("| {name} | {} |\n", markdown_of(fact)));
    }
    if let Some(url) = &from.url {
        help.push_str(&format!("{url}\n"));
        markdown.push_str(&format!("\n[{}]({url})\n", markdown_of(from.id)));
    }
    let level = match from.severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium | Severity::Unknown => "warning",
        Severity::Low | Severity::Negligible => "note",
    };
    let mut properties = Map::new();
    properties.insert("tags".to_owned(), json!(from.tags));
    properties.insert("precision".to_owned(), json!("very-high"));
    if from.tenths > 0 {
        properties.insert("security-severity".to_owned(), json!(decimal(from.tenths)));
    }
    let mut rule = json!({
        "id": from.id,
        "name": from.name,
        "shortDescription": { "text": plain(&from.short) },
        "fullDescription": { "text": plain(&from.short) },
        "help": { "text": plain(&help), "markdown": markdown },
        "defaultConfiguration": { "level": level },
        "properties": properties,
    });
    if let Some(url) = from.url {
        add(&mut rule, "helpUri", json!(url));
    }
    rule
}

/// The number of a severity in tenths, by GitHub's bands: the CVSS score where it lies in the band of
/// the severity, else what stands for the band; 0 if nobody has said.
fn tenths(severity: Severity, score: Option<f64>) -> u32 {
    let (low, high, middle) = match severity {
        Severity::Critical => (90, 100, 95),
        Severity::High => (70, 89, 80),
        Severity::Medium => (40, 69, 55),
        Severity::Low => (1, 39, 20),
        Severity::Negligible => return 1,
        Severity::Unknown => return 0,
    };
    let tenths = score.filter(|score| (0.0..=10.0).contains(score));
    let tenths = tenths.and_then(|score| format!("{:.0}", score * 10.0).parse::<u32>().ok());
    tenths
        .filter(|tenths| (low..=high).contains(tenths))
        .unwrap_or(middle)
}

fn decimal(tenths: u32) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Plain text by SARIF, section 3.11: what looks like a link in it would be one.
fn plain(text: &str) -> String {
    text.replace("](", "] (")
}

/// A path as a relative reference (RFC 3986).
fn encode_path(path: &str) -> String {
    let parts = path
        .split('/')
        .filter(|part| !matches!(*part, "" | "." | ".."));
    parts.map(encode).collect::<Vec<_>>().join("/")
}

/// What is not plain as `%41`; the colon too, which would make a scheme of what is before it.
fn encode(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    for byte in part.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b'+' | b'@' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_severity_lies_in_its_band() {
        let check = |severity, score, expect: &str| {
            assert_eq!(decimal(tenths(severity, score)), expect);
        };
        check(Severity::Critical, Some(9.8), "9.8");
        check(Severity::Critical, Some(7.5), "9.5");
        check(Severity::High, Some(9.8), "8.0");
        check(Severity::High, Some(8.95), "8.0");
        check(Severity::Medium, None, "5.5");
        check(Severity::Low, Some(f64::NAN), "2.0");
        check(Severity::Low, Some(3.1), "3.1");
        check(Severity::Negligible, Some(9.8), "0.1");
        check(Severity::Unknown, Some(9.8), "0.0");
    }

    #[test]
    fn paths_are_relative_references() {
        let check = |path: &str, expect: &str| assert_eq!(encode_path(path), expect);
        check("usr/lib/a b.so", "usr/lib/a%20b.so");
        check("/../etc//x", "etc/x");
        check("c:/x?y#z%", "c%3A/x%3Fy%23z%25");
        check("ä", "%C3%A4");
        check("", "");
    }

    #[test]
    fn markdown_shows_text_as_it_is() {
        assert_eq!(
            markdown_of("<b> [x](y) | `z`"),
            "\\<b\\> \\[x\\]\\(y\\) \\| \\`z\\`"
        );
        assert_eq!(plain("[x](y)"), "[x] (y)");
    }
}
