//! The list of packages: which rows, in which order.

use lamina_report::model::{Package, Report};

use super::{
    counts::{self, Counts},
    findings::{Sort, natural},
    query::{self, Compare, Term},
};

/// A column to sort by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Name.
    Name,
    /// Kind, then name.
    Kind,
    /// Version.
    Version,
    /// Source package.
    Source,
    /// Licence.
    Licence,
    /// Layer.
    Layer,
    /// Findings, worst first.
    Findings,
}

impl Column {
    /// All columns, in their order.
    pub const ALL: [Column; 7] = [
        Self::Kind,
        Self::Name,
        Self::Version,
        Self::Source,
        Self::Licence,
        Self::Layer,
        Self::Findings,
    ];

    /// The word in the address.
    pub fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Kind => "kind",
            Self::Version => "version",
            Self::Source => "source",
            Self::Licence => "licence",
            Self::Layer => "layer",
            Self::Findings => "findings",
        }
    }

    /// The word above the column.
    pub fn title(self) -> &'static str {
        match self {
            Self::Name => "Package",
            Self::Kind => "Kind",
            Self::Version => "Version",
            Self::Source => "Source",
            Self::Licence => "Licence",
            Self::Layer => "Layer",
            Self::Findings => "Findings",
        }
    }
}

impl Sort<Column> {
    /// Reads `name` or `-name`; anything else is by name.
    pub fn parse(text: Option<&str>) -> Self {
        let text = text.unwrap_or_default();
        let word = text.strip_prefix('-').unwrap_or(text);
        match Column::ALL.into_iter().find(|column| column.word() == word) {
            Some(column) => Self {
                column,
                is_reversed: text.starts_with('-'),
            },
            None => Self {
                column: Column::Name,
                is_reversed: false,
            },
        }
    }

    /// What the address says after a click on a column's head; nothing for the default.
    pub fn clicked(self, column: Column) -> Option<String> {
        let is_reversed = self.column == column && !self.is_reversed;
        match (column, is_reversed) {
            (Column::Name, false) => None,
            (column, false) => Some(column.word().to_owned()),
            (column, true) => Some(format!("-{}", column.word())),
        }
    }
}

/// Findings of each package.
pub fn findings_by_package(report: &Report) -> Vec<Counts> {
    let mut by_package = vec![Counts::default(); report.packages.len()];
    for finding in &report.findings {
        if let Some(counts) = by_package.get_mut(finding.package) {
            counts::add(counts, finding.severity);
        }
    }
    by_package
}

/// Indexes of the packages to show, in order, and what of the search was not understood.
pub fn select(
    report: &Report,
    by_package: &[Counts],
    search: &str,
    layer: Option<usize>,
    with_removed: bool,
    sort: Sort<Column>,
) -> (Vec<usize>, Vec<String>) {
    let mut problems = Vec::new();
    let tests: Vec<_> = query::parse(search)
        .into_iter()
        .map(|term| {
            let test = test_of(&term).unwrap_or_else(|problem| {
                problems.push(problem);
                Test::Text(format!("{}:{}", term.key, term.value))
            });
            (term.is_negated, test)
        })
        .collect();
    let count_of = |index: usize| by_package.get(index).copied().unwrap_or_default();
    let mut rows: Vec<(usize, &Package)> = report
        .packages
        .iter()
        .enumerate()
        .filter(|(_, package)| with_removed || package.removed_in.is_none())
        .filter(|(_, package)| layer.is_none_or(|layer| package.layer == layer))
        .filter(|(index, package)| {
            tests
                .iter()
                .all(|(is_negated, test)| test.passes(package, count_of(*index)) != *is_negated)
        })
        .collect();
    let text = |value: Option<&str>| value.unwrap_or("\u{10ffff}").to_lowercase();
    rows.sort_by(|(a_index, a), (b_index, b)| {
        let ordering = match sort.column {
            Column::Name => std::cmp::Ordering::Equal,
            Column::Kind => a.kind.cmp(&b.kind),
            Column::Version => natural(&a.version, &b.version),
            Column::Source => {
                let source = |package: &Package| {
                    text(package.source.as_ref().map(|(name, _)| name.as_str()))
                };
                natural(&source(a), &source(b))
            }
            Column::Licence => text(a.licence.as_deref()).cmp(&text(b.licence.as_deref())),
            Column::Layer => a.layer.cmp(&b.layer),
            Column::Findings => count_of(*b_index).cmp(&count_of(*a_index)),
        };
        let ordering = if sort.column == Column::Name {
            by_name(a, b)
        } else {
            ordering
        };
        let ordering = if sort.is_reversed {
            ordering.reverse()
        } else {
            ordering
        };
        ordering
            .then_with(|| by_name(a, b))
            .then(a_index.cmp(b_index))
    });
    (rows.into_iter().map(|(index, _)| index).collect(), problems)
}

fn by_name(a: &Package, b: &Package) -> std::cmp::Ordering {
    natural(&a.name, &b.name)
}

enum Test {
    Text(String),
    Kind(String),
    Source(String),
    Licence(String),
    File(String),
    Layer(Compare, usize),
    Vulnerable(bool),
    Removed(bool),
}

impl Test {
    fn passes(&self, package: &Package, counts: Counts) -> bool {
        let has = |text: &str, needle: &str| text.to_lowercase().contains(needle);
        match self {
            Self::Text(needle) => {
                has(&package.name, needle)
                    || has(&package.version, needle)
                    || has(&package.purl, needle)
                    || package
                        .source
                        .as_ref()
                        .is_some_and(|(name, _)| has(name, needle))
            }
            Self::Kind(kind) => package.kind.word() == kind,
            Self::Source(needle) => package
                .source
                .as_ref()
                .is_some_and(|(name, _)| has(name, needle)),
            Self::Licence(needle) => package
                .licence
                .as_ref()
                .is_some_and(|licence| has(licence, needle)),
            Self::File(needle) => has(&package.file, needle),
            Self::Layer(compare, layer) => compare.holds(package.layer.cmp(layer)),
            Self::Vulnerable(wanted) => counts.iter().any(|count| *count > 0) == *wanted,
            Self::Removed(wanted) => package.removed_in.is_some() == *wanted,
        }
    }
}

fn test_of(term: &Term) -> Result<Test, String> {
    let value = &term.value;
    let flag = || {
        query::yes_or_no(value).ok_or_else(|| format!("{}:{value} is neither yes nor no", term.key))
    };
    Ok(match term.key.as_str() {
        "" | "pkg" | "package" | "name" => Test::Text(value.clone()),
        "kind" => Test::Kind(value.clone()),
        "source" => Test::Source(value.clone()),
        "licence" | "license" => Test::Licence(value.clone()),
        "file" => Test::File(value.clone()),
        "layer" => Test::Layer(
            term.compare,
            value
                .parse()
                .map_err(|_| format!("{value} is no layer number"))?,
        ),
        "vulnerable" => Test::Vulnerable(flag()?),
        "removed" => Test::Removed(flag()?),
        key => {
            return Err(format!(
                "{key}: is unknown here; use kind, source, licence, file, layer, vulnerable or removed"
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use lamina_inventory::{facts::PackageKind, severity::Severity};

    use super::*;
    use crate::state::findings::tests::{finding, package, report};

    fn selected(search: &str, sort: &str, with_removed: bool) -> String {
        let mut packages = vec![
            package("zlib1g", "1:1.2", 0),
            package("bash", "5.2", 0),
            package("Jinja2", "3.0", 2),
            package("git", "2.39", 1),
        ];
        packages[2].kind = PackageKind::Pypi;
        packages[2].licence = Some("BSD-3-Clause".to_owned());
        packages[0].source = Some(("zlib".to_owned(), "1:1.2".to_owned()));
        packages[3].removed_in = Some(2);
        let report = report(packages, vec![finding("CVE-1", 0, Severity::High, None)]);
        let (rows, problems) = select(
            &report,
            &findings_by_package(&report),
            search,
            None,
            with_removed,
            Sort::<Column>::parse(Some(sort)),
        );
        let mut words: Vec<_> = rows
            .iter()
            .map(|row| report.packages[*row].name.clone())
            .collect();
        words.extend(problems.iter().map(|_| "(problem)".to_owned()));
        words.join(" ")
    }

    #[test]
    fn packages_are_searched_and_sorted() {
        let check = |search: &str, sort: &str, expect: &str| {
            assert_eq!(selected(search, sort, false), expect, "{search} {sort}");
        };
        check("", "", "bash Jinja2 zlib1g");
        check("", "-name", "zlib1g Jinja2 bash");
        check("", "findings", "zlib1g bash Jinja2");
        check("", "kind", "bash zlib1g Jinja2");
        check("", "layer", "bash zlib1g Jinja2");
        check("", "licence", "Jinja2 bash zlib1g");
        check("kind:pypi", "", "Jinja2");
        check("licence:bsd", "", "Jinja2");
        check("source:zlib", "", "zlib1g");
        check("vulnerable:no", "", "bash Jinja2");
        check("layer:>0", "", "Jinja2");
        check("odd:1", "", "(problem)");
    }

    #[test]
    fn removed_packages_are_shown_on_request() {
        assert_eq!(selected("", "", true), "bash git Jinja2 zlib1g");
        assert_eq!(selected("removed:yes", "", true), "git");
    }
}
