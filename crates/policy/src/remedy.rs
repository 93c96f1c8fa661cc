//! What would make a failing image pass.
//!
//! A finding goes away by an upgrade of its package to a version that fixes it, or, where there is
//! none, by an exception. Each finding is in one package, so that the smallest set of upgrades is one
//! for each package (or source package, whose binary packages are upgraded together) that has failing
//! findings with a fix; and the smallest set of exceptions one for each vulnerability that is left.

use std::collections::BTreeMap;

use lamina_advisories::orders::compare_or_text;
use serde::Serialize;

use crate::{subject::Subject, verdict::Verdict};

/// What would make an image pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// Upgrades, the one that removes most findings first.
    pub upgrades: Vec<Upgrade>,
    /// Vulnerabilities, secrets and misconfigurations for which there is no upgrade: excepted, or
    /// mended by other means.
    pub exceptions: Vec<NeededException>,
    /// What else is to be done, a sentence for each rule.
    pub other: Vec<String>,
}

/// One upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Upgrade {
    /// The package; its source package, where several of one source are upgraded together.
    pub package: String,
    /// The version installed: of the first such package.
    pub from: String,
    /// The lowest version in which all its failing findings are fixed that have a fix.
    pub to: String,
    /// The purl type: `deb`, `npm` …
    pub kind: String,
    /// The layers that brought it, lowest first.
    pub layers: Vec<usize>,
    /// The failing findings that it removes: indexes.
    pub findings: Vec<usize>,
}

/// Something that only an exception or another base would help against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NeededException {
    /// The vulnerability, or the rule of an issue.
    pub id: String,
    /// The failing findings that it is about: indexes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<usize>,
    /// The failing issues that it is about: indexes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub issues: Vec<usize>,
}

impl Remedy {
    /// Reads a verdict against what it judged.
    pub fn of(verdict: &Verdict, subject: &Subject<'_>) -> Self {
        let failed = verdict.rules.iter().filter(|rule| rule.is_failed());
        let mut findings: Vec<usize> = Vec::new();
        let mut issues: Vec<usize> = Vec::new();
        let mut other = Vec::new();
        for rule in failed {
            findings.extend(&rule.findings);
            issues.extend(&rule.issues);
            if rule.findings.is_empty() && rule.issues.is_empty() {
                other.push(rule.reason.clone());
            }
        }
        findings.sort_unstable();
        findings.dedup();
        issues.sort_unstable();
        issues.dedup();
        let mut upgrades: BTreeMap<(&str, &str), Upgrade> = BTreeMap::new();
        let mut exceptions: BTreeMap<&str, NeededException> = BTreeMap::new();
        for index in findings {
            let Some(finding) = subject.findings.get(index) else {
                continue;
            };
            let package = &finding.at;
            let Some(fixed) = finding.fixed_in.first().filter(|_| finding.is_fixable()) else {
                need(&mut exceptions, finding.id).findings.push(index);
                continue;
            };
            let kind = kind_of(package.purl);
            let name = package.source.unwrap_or(package.name);
            let upgrade = upgrades.entry((kind, name)).or_insert_with(|| Upgrade {
                package: name.to_owned(),
                from: package.version.to_owned(),
                to: fixed.clone(),
                kind: kind.to_owned(),
                layers: Vec::new(),
                findings: Vec::new(),
            });
            if compare_or_text(finding.order, fixed, &upgrade.to).is_gt() {
                upgrade.to.clone_from(fixed);
            }
            if !upgrade.layers.contains(&package.layer) {
                upgrade.layers.push(package.layer);
                upgrade.layers.sort_unstable();
            }
            upgrade.findings.push(index);
        }
        for index in issues {
            if let Some(issue) = subject.issues.get(index) {
                need(&mut exceptions, issue.rule).issues.push(index);
            }
        }
        let mut upgrades: Vec<Upgrade> = upgrades.into_values().collect();
        upgrades.sort_by(|a, b| {
            b.findings
                .len()
                .cmp(&a.findings.len())
                .then_with(|| a.package.cmp(&b.package))
        });
        let mut exceptions: Vec<NeededException> = exceptions.into_values().collect();
        exceptions.sort_by_key(|one| one.findings.first().copied().unwrap_or(usize::MAX));
        Self {
            upgrades,
            exceptions,
            other,
        }
    }
}

fn need<'a, 'b>(
    exceptions: &'b mut BTreeMap<&'a str, NeededException>,
    id: &'a str,
) -> &'b mut NeededException {
    exceptions.entry(id).or_insert_with(|| NeededException {
        id: id.to_owned(),
        findings: Vec::new(),
        issues: Vec::new(),
    })
}

/// The type of a purl: `deb` of `pkg:deb/debian/openssl@3`.
fn kind_of(purl: &str) -> &str {
    let rest = purl.strip_prefix("pkg:").unwrap_or_default();
    rest.split('/').next().unwrap_or_default()
}
