//! The list of issues: secrets, misconfigurations and licences. Which rows, in which order.

use lamina_inventory::{facts::IssueKind, severity::Severity};
use lamina_report::model::{Issue, Place, Report};

use super::{
    counts::{self, Counts},
    findings::{NO_BASE, Sort, natural},
    language::{fill, t, text},
    query::{self, Compare, Term},
};

/// A column to sort by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Severity, worst first.
    Severity,
    /// Kind, then severity.
    Kind,
    /// What it is.
    Title,
    /// Where it is.
    Place,
    /// Layer; what is in the config alone comes last.
    Layer,
}

impl Column {
    /// All columns, in their order.
    pub const ALL: [Column; 5] = [
        Self::Severity,
        Self::Kind,
        Self::Title,
        Self::Place,
        Self::Layer,
    ];

    /// The word in the address.
    pub fn word(self) -> &'static str {
        match self {
            Self::Severity => "severity",
            Self::Kind => "kind",
            Self::Title => "title",
            Self::Place => "place",
            Self::Layer => "layer",
        }
    }

    /// The word above the column.
    pub fn title(self) -> &'static str {
        match self {
            Self::Severity => text("Severity"),
            Self::Kind => text("Kind"),
            Self::Title => text("Issue"),
            Self::Place => text("Where"),
            Self::Layer => text("Layer"),
        }
    }
}

impl Sort<Column> {
    /// Reads `place` or `-place`; anything else is worst first.
    pub fn parse(text: Option<&str>) -> Self {
        let text = text.unwrap_or_default();
        let word = text.strip_prefix('-').unwrap_or(text);
        match Column::ALL.into_iter().find(|column| column.word() == word) {
            Some(column) => Self {
                column,
                is_reversed: text.starts_with('-'),
            },
            None => Self {
                column: Column::Severity,
                is_reversed: false,
            },
        }
    }

    /// What the address says after a click on a column's head; nothing for the default.
    pub fn clicked(self, column: Column) -> Option<String> {
        let is_reversed = self.column == column && !self.is_reversed;
        match (column, is_reversed) {
            (Column::Severity, false) => None,
            (column, false) => Some(column.word().to_owned()),
            (column, true) => Some(format!("-{}", column.word())),
        }
    }
}

/// The kinds of issues, in the order of their chips.
pub const KINDS: [IssueKind; 3] = [
    IssueKind::Secret,
    IssueKind::Misconfiguration,
    IssueKind::Licence,
];

/// The word of a kind: in a search, and in its tag.
pub fn kind_word(kind: IssueKind) -> &'static str {
    match kind {
        IssueKind::Secret => text("secret"),
        IssueKind::Misconfiguration => text("misconfiguration"),
        IssueKind::Licence => text("licence"),
        _ => text("other"),
    }
}

/// How many issues of a kind a report has, in one layer or in all.
pub fn count_of(report: &Report, layer: Option<usize>, kind: IssueKind) -> usize {
    of_layer(report, layer)
        .filter(|issue| issue.kind == kind)
        .count()
}

/// Issues by severity, of one layer or of all.
pub fn counts(report: &Report, layer: Option<usize>) -> Counts {
    let mut counts = Counts::default();
    for issue in of_layer(report, layer) {
        counts::add(&mut counts, issue.severity);
    }
    counts
}

fn of_layer(report: &Report, layer: Option<usize>) -> impl Iterator<Item = &Issue> {
    report
        .issues
        .iter()
        .filter(move |issue| layer.is_none_or(|layer| issue.place.layer == Some(layer)))
}

/// Where an issue is: `etc/app.conf:3`, or the part of the config.
pub fn place(place: &Place) -> String {
    let file = place.file.as_ref().map(|file| match place.lines {
        Some((first, last)) if first != last => format!("{file}:{first}–{last}"),
        Some((first, _)) => format!("{file}:{first}"),
        None => file.clone(),
    });
    match (file, &place.config) {
        (Some(file), Some(config)) => format!("{file}, {}", config_words(config)),
        (Some(file), None) => file,
        (None, Some(config)) => config_words(config),
        (None, None) => t("the image as a whole").to_owned(),
    }
}

fn config_words(part: &str) -> String {
    match part {
        "history" => t("history of the config").to_owned(),
        _ => format!("{part} of the config"),
    }
}

/// The second line of a row: what was found, or what to do where that is the path once more.
pub fn second_line(issue: &Issue) -> Option<(&'static str, String)> {
    let excerpt = issue
        .excerpt
        .as_ref()
        .filter(|excerpt| Some(*excerpt) != issue.place.file.as_ref());
    match (excerpt, &issue.advice) {
        (Some(excerpt), _) => Some(("excerpt", excerpt.clone())),
        (None, Some(advice)) => Some(("advice", advice.clone())),
        (None, None) => None,
    }
}

/// What became of the file, if a later layer deleted or replaced it.
pub fn fate(place: &Place) -> Option<String> {
    place
        .removed_in
        .map(|layer| format!("gone in layer {layer}, still readable below it"))
}

/// Which issues are shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// The search field.
    pub search: &'a str,
    /// Severities; all if empty.
    pub severities: &'a [Severity],
    /// Layer that brought it.
    pub layer: Option<usize>,
    /// The first layer that counts; what is in the config alone counts always.
    pub from_layer: usize,
}

/// Indexes of the issues to show, in order, and what of the search was not understood.
pub fn select(
    report: &Report,
    filter: Filter<'_>,
    sort: Sort<Column>,
) -> (Vec<usize>, Vec<String>) {
    let mut problems = Vec::new();
    let base = report.base.as_ref().map(|base| base.layers);
    let tests: Vec<_> = query::parse(filter.search)
        .into_iter()
        .map(|term| {
            let test = test_of(&term, base).unwrap_or_else(|problem| {
                problems.push(problem);
                Test::Text(format!("{}:{}", term.key, term.value))
            });
            (term.is_negated, test)
        })
        .collect();
    let mut rows: Vec<(usize, &Issue)> = report
        .issues
        .iter()
        .enumerate()
        .filter(|(_, issue)| {
            filter.severities.is_empty() || filter.severities.contains(&issue.severity)
        })
        .filter(|(_, issue)| {
            filter
                .layer
                .is_none_or(|layer| issue.place.layer == Some(layer))
        })
        .filter(|(_, issue)| {
            issue
                .place
                .layer
                .is_none_or(|layer| layer >= filter.from_layer)
        })
        .filter(|(_, issue)| {
            tests
                .iter()
                .all(|(is_negated, test)| test.passes(issue) != *is_negated)
        })
        .collect();
    let layer = |issue: &Issue| issue.place.layer.unwrap_or(usize::MAX);
    rows.sort_by(|(a_index, a), (b_index, b)| {
        let ordering = match sort.column {
            Column::Severity => b.severity.cmp(&a.severity),
            Column::Kind => kind_word(b.kind).cmp(kind_word(a.kind)),
            Column::Title => natural(&a.title, &b.title),
            Column::Place => natural(&place(&a.place), &place(&b.place)),
            Column::Layer => layer(a).cmp(&layer(b)),
        };
        let ordering = if sort.is_reversed {
            ordering.reverse()
        } else {
            ordering
        };
        ordering
            .then_with(|| b.severity.cmp(&a.severity))
            .then(a_index.cmp(b_index))
    });
    (rows.into_iter().map(|(index, _)| index).collect(), problems)
}

enum Test {
    Text(String),
    Kind(String),
    Severity(Compare, Severity),
    Layer(Compare, usize),
    File(String),
    Rule(String),
    Config(bool),
    Deleted(bool),
    Base { wanted: bool, layers: usize },
}

impl Test {
    fn passes(&self, issue: &Issue) -> bool {
        let has = |text: &str, needle: &str| text.to_lowercase().contains(needle);
        let may_have = |text: &Option<String>, needle: &str| {
            text.as_ref().is_some_and(|text| has(text, needle))
        };
        match self {
            Self::Text(needle) => {
                has(&issue.title, needle)
                    || has(&issue.rule, needle)
                    || has(&place(&issue.place), needle)
                    || may_have(&issue.excerpt, needle)
            }
            Self::Kind(kind) => kind_word(issue.kind) == kind,
            Self::Severity(compare, severity) => compare.holds(issue.severity.cmp(severity)),
            Self::Layer(compare, layer) => issue
                .place
                .layer
                .is_some_and(|found| compare.holds(found.cmp(layer))),
            Self::File(needle) => may_have(&issue.place.file, needle),
            Self::Rule(needle) => has(&issue.rule, needle),
            Self::Config(wanted) => issue.place.config.is_some() == *wanted,
            Self::Deleted(wanted) => issue.place.removed_in.is_some() == *wanted,
            Self::Base { wanted, layers } => issue
                .place
                .layer
                .is_some_and(|layer| (layer < *layers) == *wanted),
        }
    }
}

fn test_of(term: &Term, base: Option<usize>) -> Result<Test, String> {
    let value = &term.value;
    let flag = || {
        let word = format!("{}:{value}", term.key);
        query::yes_or_no(value)
            .ok_or_else(|| fill(t("{word} is neither yes nor no"), &[("word", &word)]))
    };
    Ok(match term.key.as_str() {
        "" => Test::Text(value.clone()),
        "kind" => Test::Kind(match value.as_str() {
            "license" => "licence".to_owned(),
            _ => value.clone(),
        }),
        "severity" | "sev" => Test::Severity(
            term.compare,
            Severity::parse(value).ok_or_else(|| {
                fill(
                    t("{value} is no severity: critical, high, medium, low, negligible or unknown"),
                    &[("value", value)],
                )
            })?,
        ),
        "layer" => Test::Layer(
            term.compare,
            value
                .parse()
                .map_err(|_| fill(t("{value} is no layer number"), &[("value", value)]))?,
        ),
        "file" | "path" => Test::File(value.clone()),
        "rule" => Test::Rule(value.clone()),
        "config" => Test::Config(flag()?),
        "deleted" | "removed" => Test::Deleted(flag()?),
        "base" => Test::Base {
            wanted: flag()?,
            layers: base.ok_or(t(NO_BASE))?,
        },
        key => {
            return Err(fill(
                t("{key}: is unknown here; use {keys}"),
                &[
                    ("key", key),
                    (
                        "keys",
                        "kind, severity, layer, base, file, rule, config, deleted",
                    ),
                ],
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use lamina_report::model::Base;

    use super::*;
    use crate::state::findings::tests::report;

    fn issue(kind: IssueKind, title: &str, severity: Severity, place: Place) -> Issue {
        Issue {
            kind,
            rule: title.to_lowercase().replace(' ', "-"),
            title: title.to_owned(),
            severity,
            place,
            excerpt: None,
            advice: None,
        }
    }

    fn in_file(file: &str, layer: usize, removed_in: Option<usize>) -> Place {
        Place {
            layer: Some(layer),
            file: Some(file.to_owned()),
            lines: Some((3, 3)),
            removed_in,
            config: None,
        }
    }

    fn in_config(part: &str) -> Place {
        Place {
            config: Some(part.to_owned()),
            ..Place::default()
        }
    }

    fn sample() -> Report {
        let mut report = report(Vec::new(), Vec::new());
        report.base = Some(Base {
            layers: 1,
            ..Base::default()
        });
        report.issues = vec![
            issue(
                IssueKind::Secret,
                "Private key",
                Severity::High,
                in_file("root/.ssh/id_rsa", 2, Some(3)),
            ),
            issue(
                IssueKind::Misconfiguration,
                "Runs as root",
                Severity::Medium,
                in_config("User"),
            ),
            issue(
                IssueKind::Licence,
                "Strong copyleft",
                Severity::Low,
                in_file("usr/share/doc/x", 0, None),
            ),
            issue(
                IssueKind::Secret,
                "AWS access key",
                Severity::Critical,
                in_file("app/.env", 2, None),
            ),
        ];
        report
    }

    fn selected(filter: Filter<'_>, sort: &str) -> String {
        let (rows, problems) = select(&sample(), filter, Sort::<Column>::parse(Some(sort)));
        let mut words: Vec<_> = rows.iter().map(usize::to_string).collect();
        words.extend(problems.iter().map(|_| "(problem)".to_owned()));
        words.join(" ")
    }

    #[test]
    fn issues_are_searched_and_sorted() {
        let check = |search: &str, sort: &str, expect: &str| {
            let filter = Filter {
                search,
                ..Filter::default()
            };
            assert_eq!(selected(filter, sort), expect, "{search} {sort}");
        };
        check("", "", "3 0 1 2");
        check("", "-severity", "2 1 0 3");
        check("", "kind", "3 0 1 2");
        check("", "title", "3 0 1 2");
        check("", "place", "3 0 1 2");
        check("", "layer", "2 3 0 1");
        check("kind:secret", "", "3 0");
        check("kind:license", "", "2");
        check("severity:>=high", "", "3 0");
        check("layer:2 file:env", "", "3");
        check("deleted:yes", "", "0");
        check("config:yes", "", "1");
        check("base:yes", "", "2");
        check("rule:private-key", "", "0");
        check("ID_RSA", "", "0");
        check("odd:1", "", "(problem)");
        check("severity:odd", "", "(problem)");
    }

    #[test]
    fn severities_and_layer_filter_too() {
        let filter = Filter {
            severities: &[Severity::High, Severity::Medium],
            ..Filter::default()
        };
        assert_eq!(selected(filter, ""), "0 1");
        let filter = Filter {
            layer: Some(2),
            ..Filter::default()
        };
        assert_eq!(selected(filter, ""), "3 0");
        assert_eq!(counts(&sample(), Some(2)), [1, 1, 0, 0, 0, 0]);
        assert_eq!(count_of(&sample(), Some(2), IssueKind::Secret), 2);
        assert_eq!(count_of(&sample(), None, IssueKind::Licence), 1);
    }

    #[test]
    fn places_are_told_in_words() {
        assert_eq!(place(&in_file("a/b", 1, None)), "a/b:3");
        let mut range = in_file("a", 1, Some(4));
        range.lines = Some((1, 9));
        assert_eq!(place(&range), "a:1–9");
        assert_eq!(
            fate(&range).as_deref(),
            Some("gone in layer 4, still readable below it")
        );
        assert_eq!(place(&in_config("User")), "User of the config");
        let mut twice = issue(
            IssueKind::Misconfiguration,
            "Shell",
            Severity::Low,
            in_file("bin/sh", 0, None),
        );
        assert_eq!(second_line(&twice), None);
        twice.excerpt = Some("bin/sh".to_owned());
        twice.advice = Some("Leave it out".to_owned());
        assert_eq!(
            second_line(&twice),
            Some(("advice", "Leave it out".to_owned()))
        );
        twice.excerpt = Some("bin/sh, bin/dash".to_owned());
        assert_eq!(
            second_line(&twice),
            Some(("excerpt", "bin/sh, bin/dash".to_owned()))
        );
        assert_eq!(place(&in_config("history")), "history of the config");
        assert_eq!(place(&Place::default()), "the image as a whole");
    }
}
