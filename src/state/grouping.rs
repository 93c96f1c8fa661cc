//! Findings in groups: by vulnerability, package, layer or fix.

use std::collections::BTreeMap;

use lamina_inventory::severity::Severity;
use lamina_report::{
    fixes::Plan,
    model::{Finding, Report},
};

use super::{
    counts::{self, Counts},
    language::{fill, t},
    steps,
};

/// What findings are put together by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Grouping {
    /// Nothing: one row for each finding.
    #[default]
    None,
    /// The vulnerability: all packages that have it.
    Vulnerability,
    /// The package: all it has.
    Package,
    /// The layer that brought the package.
    Layer,
    /// The upgrade that removes them.
    Fix,
}

impl Grouping {
    /// All, in the order of the control.
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::Vulnerability,
        Self::Package,
        Self::Layer,
        Self::Fix,
    ];

    /// The word in the address.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Vulnerability => "vulnerability",
            Self::Package => "package",
            Self::Layer => "layer",
            Self::Fix => "fix",
        }
    }

    /// The grouping of a word; none if it is not one.
    pub fn parse(word: &str) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|grouping| grouping.word() == word)
            .unwrap_or_default()
    }
}

/// Findings that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Tells it from the others, whatever is filtered.
    pub key: String,
    /// What they have in common.
    pub title: String,
    /// More on it.
    pub detail: String,
    /// The findings: indexes into the report, in the order that they came in.
    pub findings: Vec<usize>,
    /// The worst of them.
    pub worst: Severity,
    /// How many of each severity.
    pub counts: Counts,
}

/// Groups rows, indexes of findings in their order. The worst group comes first, then the largest.
pub fn group(report: &Report, plan: &Plan, rows: &[usize], grouping: Grouping) -> Vec<Group> {
    let mut upgrade_of = BTreeMap::new();
    if grouping == Grouping::Fix {
        for (number, upgrade) in plan.upgrades.iter().enumerate() {
            upgrade_of.extend(upgrade.findings.iter().map(|index| (*index, number)));
        }
    }
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for index in rows {
        let Some(finding) = report.findings.get(*index) else {
            continue;
        };
        let upgrade = upgrade_of.get(index).copied();
        let key = key_of(report, finding, upgrade, grouping);
        let place = *places.entry(key.clone()).or_insert_with(|| {
            let (title, detail) = words_of(report, plan, finding, upgrade, grouping);
            groups.push(Group {
                key,
                title,
                detail,
                findings: Vec::new(),
                worst: Severity::Unknown,
                counts: Counts::default(),
            });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(place) {
            group.findings.push(*index);
            group.worst = group.worst.max(finding.severity);
            counts::add(&mut group.counts, finding.severity);
        }
    }
    groups.sort_by(|a, b| {
        b.worst
            .cmp(&a.worst)
            .then_with(|| b.counts.cmp(&a.counts))
            .then_with(|| a.title.cmp(&b.title))
    });
    groups
}

fn key_of(
    report: &Report,
    finding: &Finding,
    upgrade: Option<usize>,
    grouping: Grouping,
) -> String {
    let package = report.packages.get(finding.package);
    match grouping {
        Grouping::None | Grouping::Vulnerability => finding.id.clone(),
        Grouping::Package => finding.package.to_string(),
        Grouping::Layer => package.map_or(String::new(), |package| package.layer.to_string()),
        Grouping::Fix => upgrade.map_or("none".to_owned(), |number| number.to_string()),
    }
}

/// What a group has in common, by one of its findings.
fn words_of(
    report: &Report,
    plan: &Plan,
    finding: &Finding,
    upgrade: Option<usize>,
    grouping: Grouping,
) -> (String, String) {
    let package = report.packages.get(finding.package);
    match grouping {
        Grouping::None | Grouping::Vulnerability => (
            finding.id.clone(),
            finding.title.clone().unwrap_or_default(),
        ),
        Grouping::Package => package.map_or_else(Default::default, |package| {
            (package.name.clone(), package.version.clone())
        }),
        Grouping::Layer => package.map_or_else(Default::default, |package| {
            let step = report.layers.get(package.layer);
            let step = step.map(|layer| steps::parse(&layer.created_by).line());
            (
                fill(t("Layer {n}"), &[("n", &package.layer.to_string())]),
                step.unwrap_or_default(),
            )
        }),
        Grouping::Fix => match upgrade.and_then(|number| plan.upgrades.get(number)) {
            Some(upgrade) => (
                fill(t("Upgrade {package}"), &[("package", &upgrade.name)]),
                format!("{} → {}", upgrade.from, upgrade.to),
            ),
            None => (t("No version fixes it").to_owned(), String::new()),
        },
    }
}

/// A row of the grouped list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// The head of a group: an index into the groups.
    Head(usize),
    /// A finding: an index into the report.
    Finding(usize),
}

impl Row {
    const HEAD: usize = 1 << (usize::BITS - 1);

    /// As a number, for lists of numbers.
    pub fn number(self) -> usize {
        match self {
            Self::Head(group) => group | Self::HEAD,
            Self::Finding(index) => index,
        }
    }

    /// What a number means.
    pub fn of(number: usize) -> Self {
        match number & Self::HEAD {
            0 => Self::Finding(number),
            _ => Self::Head(number & !Self::HEAD),
        }
    }
}

/// The rows to draw: each group's head, and its findings if it is open.
pub fn rows(groups: &[Group], is_open: impl Fn(&str) -> bool) -> Vec<usize> {
    let mut rows = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        rows.push(Row::Head(number).number());
        if is_open(&group.key) {
            rows.extend(
                group
                    .findings
                    .iter()
                    .map(|index| Row::Finding(*index).number()),
            );
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use lamina_report::fixes;

    use super::*;
    use crate::state::findings::tests::{finding, package, report};

    #[test]
    fn findings_come_together_by_what_they_share() {
        let report = report(
            vec![
                package("openssl", "3.0", 0),
                package("zlib", "1.2", 0),
                package("app", "1", 1),
            ],
            vec![
                finding("CVE-1", 0, Severity::High, Some("3.1")),
                finding("CVE-1", 1, Severity::High, None),
                finding("CVE-2", 0, Severity::Low, Some("3.2")),
                finding("CVE-3", 2, Severity::Critical, None),
            ],
        );
        let plan = fixes::plan(&report);
        let check = |grouping, expect: &[(&str, &[usize])]| {
            let groups = group(&report, &plan, &[3, 0, 1, 2], grouping);
            let found: Vec<(&str, &[usize])> = groups
                .iter()
                .map(|group| (group.title.as_str(), group.findings.as_slice()))
                .collect();
            assert_eq!(found, expect, "{grouping:?}");
        };
        check(
            Grouping::Vulnerability,
            &[("CVE-3", &[3]), ("CVE-1", &[0, 1]), ("CVE-2", &[2])],
        );
        check(
            Grouping::Package,
            &[("app", &[3]), ("openssl", &[0, 2]), ("zlib", &[1])],
        );
        check(
            Grouping::Layer,
            &[("Layer 1", &[3]), ("Layer 0", &[0, 1, 2])],
        );
        check(
            Grouping::Fix,
            &[
                ("No version fixes it", &[3, 1]),
                ("Upgrade openssl", &[0, 2]),
            ],
        );
    }

    #[test]
    fn an_open_group_shows_its_findings() {
        let group = |key: &str, findings: &[usize]| Group {
            key: key.to_owned(),
            title: key.to_owned(),
            detail: String::new(),
            findings: findings.to_vec(),
            worst: Severity::Low,
            counts: Counts::default(),
        };
        let groups = [group("a", &[4, 5]), group("b", &[6])];
        let drawn: Vec<Row> = rows(&groups, |key| key == "a")
            .into_iter()
            .map(Row::of)
            .collect();
        assert_eq!(
            drawn,
            [Row::Head(0), Row::Finding(4), Row::Finding(5), Row::Head(1)]
        );
    }

    #[test]
    fn words_read_back() {
        for grouping in Grouping::ALL {
            assert_eq!(Grouping::parse(grouping.word()), grouping);
        }
        assert_eq!(Grouping::parse("x"), Grouping::None);
    }
}
