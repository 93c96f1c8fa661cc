//! The table of findings: which rows, in which order.

use std::cmp::Ordering;

use lamina_inventory::severity::Severity;
use lamina_report::model::{Finding, Package, Report, Status};

use super::{
    columns::Choosable,
    language::{fill, t, text},
    query::{self, Compare, Term},
};

/// A column to sort by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Severity, then score.
    Severity,
    /// The id shown.
    Id,
    /// Package name.
    Package,
    /// Installed version.
    Installed,
    /// Lowest fixed version; those without one last.
    Fixed,
    /// Layer that introduced the package.
    Layer,
    /// CVSS base score, highest first.
    Score,
    /// Likelihood of exploitation, highest first.
    Epss,
    /// The day of publication, latest first.
    Published,
    /// Title.
    Title,
}

impl Column {
    /// All columns, in their order.
    pub const ALL: [Column; 10] = [
        Self::Severity,
        Self::Id,
        Self::Package,
        Self::Installed,
        Self::Fixed,
        Self::Layer,
        Self::Score,
        Self::Epss,
        Self::Published,
        Self::Title,
    ];

    /// The word in the address.
    pub fn word(self) -> &'static str {
        match self {
            Self::Severity => "severity",
            Self::Id => "id",
            Self::Package => "package",
            Self::Installed => "installed",
            Self::Fixed => "fixed",
            Self::Layer => "layer",
            Self::Score => "cvss",
            Self::Epss => "epss",
            Self::Published => "published",
            Self::Title => "title",
        }
    }

    /// The word above the column.
    pub fn title(self) -> &'static str {
        match self {
            Self::Severity => text("Severity"),
            Self::Id => text("Vulnerability"),
            Self::Package => text("Package"),
            Self::Installed => text("Installed"),
            Self::Fixed => text("Fixed in"),
            Self::Layer => text("Layer"),
            Self::Score => text("CVSS"),
            Self::Epss => text("EPSS"),
            Self::Published => text("Published"),
            Self::Title => text("Title"),
        }
    }
}

impl Choosable for Column {
    fn all() -> &'static [Self] {
        &Self::ALL
    }

    fn word(self) -> &'static str {
        self.word()
    }

    fn title(self) -> &'static str {
        self.title()
    }

    fn is_usual(self) -> bool {
        !matches!(self, Self::Score | Self::Epss | Self::Published)
    }

    fn is_needed(self) -> bool {
        matches!(self, Self::Severity | Self::Id | Self::Package)
    }
}

/// Column and direction of a table; `is_reversed` is against the column's natural direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort<C> {
    /// The column.
    pub column: C,
    /// Against its natural direction.
    pub is_reversed: bool,
}

impl Sort<Column> {
    /// Reads `package` or `-package`; anything else is worst first.
    pub fn parse(text: Option<&str>) -> Self {
        let text = text.unwrap_or_default();
        let word = text.strip_prefix('-').unwrap_or(text);
        Column::ALL
            .into_iter()
            .find(|column| column.word() == word)
            .map_or(
                Self {
                    column: Column::Severity,
                    is_reversed: false,
                },
                |column| Self {
                    column,
                    is_reversed: text.starts_with('-'),
                },
            )
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

/// What plain words are looked for in: made once per report.
#[derive(Clone, Debug, Default)]
pub struct Haystacks(Vec<String>);

impl Haystacks {
    /// For the findings of a report.
    pub fn of_findings(report: &Report) -> Self {
        let haystacks = report.findings.iter().map(|finding| {
            let package = report.packages.get(finding.package);
            let mut text = finding.id.to_lowercase();
            let more = finding.aliases.iter().chain(finding.title.iter());
            let package = package
                .into_iter()
                .flat_map(|package| [&package.name, &package.version]);
            for part in more.chain(package) {
                text.push('\n');
                text.push_str(&part.to_lowercase());
            }
            text
        });
        Self(haystacks.collect())
    }

    fn has(&self, index: usize, needle: &str) -> bool {
        self.0.get(index).is_some_and(|text| text.contains(needle))
    }
}

/// Which findings are shown.
#[derive(Clone, Copy, Debug)]
pub struct Filter<'a> {
    /// The search field.
    pub search: &'a str,
    /// Severities; all if empty.
    pub severities: &'a [Severity],
    /// Layer that introduced the package.
    pub layer: Option<usize>,
    /// The first layer that counts: that above the base image where the base is hidden.
    pub from_layer: usize,
}

/// What a policy says of each finding, for `fails:yes` and `excepted:yes`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// For each finding, whether it fails the image.
    pub fails: Vec<bool>,
    /// For each finding, whether an exception covers it.
    pub is_excepted: Vec<bool>,
}

/// Indexes of the findings to show, in order, and what of the search was not understood.
pub fn select(
    report: &Report,
    haystacks: &Haystacks,
    judged: &Judged,
    filter: Filter<'_>,
    sort: Sort<Column>,
) -> (Vec<usize>, Vec<String>) {
    let mut problems = Vec::new();
    let base = report.base.as_ref().map(|base| base.layers);
    let tests = compile(filter.search, base, &mut problems);
    let mut rows: Vec<(usize, &Finding, Option<&Package>)> = report
        .findings
        .iter()
        .enumerate()
        .map(|(index, finding)| (index, finding, report.packages.get(finding.package)))
        .filter(|(_, finding, _)| {
            filter.severities.is_empty() || filter.severities.contains(&finding.severity)
        })
        .filter(|(_, _, package)| {
            package.map_or(filter.layer.is_none(), |package| {
                filter.layer.is_none_or(|layer| package.layer == layer)
                    && package.layer >= filter.from_layer
            })
        })
        .filter(|(index, finding, package)| {
            tests.iter().all(|(is_negated, test)| {
                test.passes(*index, finding, *package, haystacks, judged) != *is_negated
            })
        })
        .collect();
    rows.sort_by(|a, b| {
        let ordering = compare(sort.column, a, b);
        let ordering = if sort.is_reversed {
            ordering.reverse()
        } else {
            ordering
        };
        ordering
            .then_with(|| worst_first(a.1, b.1))
            .then(a.0.cmp(&b.0))
    });
    (
        rows.into_iter().map(|(index, _, _)| index).collect(),
        problems,
    )
}

/// Compares texts such as versions with their numbers as numbers. For reading, not for matching.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        match (a.split_first(), b.split_first()) {
            (None, None) => return Ordering::Equal,
            (None, _) => return Ordering::Less,
            (_, None) => return Ordering::Greater,
            (Some((x, _)), Some((y, _))) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (x, rest_a) = digits(a);
                let (y, rest_b) = digits(b);
                let ordering = x.len().cmp(&y.len()).then_with(|| x.cmp(y));
                if ordering.is_ne() {
                    return ordering;
                }
                (a, b) = (rest_a, rest_b);
            }
            (Some((x, rest_a)), Some((y, rest_b))) => {
                let ordering = x.to_ascii_lowercase().cmp(&y.to_ascii_lowercase());
                if ordering.is_ne() {
                    return ordering;
                }
                (a, b) = (rest_a, rest_b);
            }
        }
    }
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let zeros = number.iter().take_while(|byte| **byte == b'0').count();
    (number.get(zeros..).unwrap_or_default(), rest)
}

fn worst_first(a: &Finding, b: &Finding) -> Ordering {
    b.severity
        .cmp(&a.severity)
        .then_with(|| b.score.unwrap_or(-1.0).total_cmp(&a.score.unwrap_or(-1.0)))
}

type Row<'a> = (usize, &'a Finding, Option<&'a Package>);

fn compare(column: Column, a: &Row<'_>, b: &Row<'_>) -> Ordering {
    let name = |row: &Row<'_>| {
        row.2
            .map_or(String::new(), |package| package.name.to_lowercase())
    };
    match column {
        Column::Severity => worst_first(a.1, b.1),
        Column::Id => natural(&a.1.id, &b.1.id),
        Column::Package => natural(&name(a), &name(b)),
        Column::Installed => natural(
            a.2.map_or("", |package| &package.version),
            b.2.map_or("", |package| &package.version),
        ),
        Column::Fixed => match (a.1.fixed_in.first(), b.1.fixed_in.first()) {
            (Some(a), Some(b)) => natural(a, b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        },
        Column::Layer => {
            a.2.map(|package| package.layer)
                .cmp(&b.2.map(|package| package.layer))
        }
        Column::Score => highest(a.1.score, b.1.score),
        Column::Epss => {
            let score = |row: &Row<'_>| row.1.epss.map(|epss| epss.score);
            highest(score(a), score(b))
        }
        Column::Published => b.1.published.cmp(&a.1.published),
        Column::Title => {
            let title =
                |finding: &Finding| finding.title.clone().unwrap_or_default().to_lowercase();
            title(a.1).cmp(&title(b.1))
        }
    }
}

/// The higher number first; what has none last.
fn highest(a: Option<f64>, b: Option<f64>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => b.total_cmp(&a),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

enum Test {
    Text(String),
    Severity(Compare, Severity),
    Score(Compare, f64),
    Fixable(bool),
    Status(String),
    Exploited(bool),
    Epss(Compare, f64),
    Cwe(u32),
    Published(Compare, String),
    Fix(String),
    Fails(bool),
    Excepted(bool),
    Layer(Compare, usize),
    Package(String),
    Source(String),
    Id(String),
    Kind(String),
    File(String),
    Base { wanted: bool, layers: usize },
}

impl Test {
    fn passes(
        &self,
        index: usize,
        finding: &Finding,
        package: Option<&Package>,
        haystacks: &Haystacks,
        judged: &Judged,
    ) -> bool {
        let flag = |flags: &[bool]| flags.get(index).copied().unwrap_or_default();
        match self {
            Self::Text(needle) => haystacks.has(index, needle),
            Self::Severity(compare, severity) => compare.holds(finding.severity.cmp(severity)),
            Self::Score(compare, score) => finding
                .score
                .is_some_and(|found| compare.holds(found.total_cmp(score))),
            Self::Fixable(wanted) => (finding.status == Status::Fixed) == *wanted,
            Self::Status(word) => finding.status.words().replace(' ', "-").contains(word),
            Self::Exploited(wanted) => finding.kev.is_some() == *wanted,
            Self::Epss(compare, score) => finding
                .epss
                .is_some_and(|epss| compare.holds(epss.score.total_cmp(score))),
            Self::Cwe(number) => finding.cwes.contains(number),
            Self::Published(compare, day) => finding.published.as_ref().is_some_and(|found| {
                // `published:2024` is any day of it.
                let length = day.len().min(found.len());
                let found = found.get(..length).unwrap_or_default();
                compare.holds(found.cmp(day.as_str()))
            }),
            Self::Fix(version) => finding.fixed_in.iter().any(|fixed| fixed == version),
            Self::Fails(wanted) => flag(&judged.fails) == *wanted,
            Self::Excepted(wanted) => flag(&judged.is_excepted) == *wanted,
            Self::Layer(compare, layer) => {
                package.is_some_and(|package| compare.holds(package.layer.cmp(layer)))
            }
            Self::Package(needle) => {
                package.is_some_and(|package| package.name.to_lowercase().contains(needle))
            }
            Self::Source(name) => package.is_some_and(|package| {
                let source = package.source.as_ref().filter(|_| package.kind.is_os());
                let source = source.map_or(&package.name, |(source, _)| source);
                source.to_lowercase() == *name
            }),
            Self::Id(needle) => {
                finding.id.to_lowercase().contains(needle)
                    || finding
                        .aliases
                        .iter()
                        .any(|alias| alias.to_lowercase().contains(needle))
            }
            Self::Kind(kind) => package.is_some_and(|package| package.kind.word() == kind),
            Self::File(needle) => {
                package.is_some_and(|package| package.file.to_lowercase().contains(needle))
            }
            Self::Base { wanted, layers } => {
                package.is_some_and(|package| (package.layer < *layers) == *wanted)
            }
        }
    }
}

/// Said of `base:` where nothing tells the base from what is built on it.
pub(super) const NO_BASE: &str = text("nothing tells where the base image of this one ends");

fn compile(search: &str, base: Option<usize>, problems: &mut Vec<String>) -> Vec<(bool, Test)> {
    query::parse(search)
        .into_iter()
        .map(|term| {
            let test = test_of(&term, base).unwrap_or_else(|problem| {
                problems.push(problem);
                Test::Text(format!("{}:{}", term.key, term.value))
            });
            (term.is_negated, test)
        })
        .collect()
}

fn test_of(term: &Term, base: Option<usize>) -> Result<Test, String> {
    let value = &term.value;
    let wrong = |what: &str| fill(what, &[("value", value)]);
    let flag = || {
        let word = format!("{}:{value}", term.key);
        query::yes_or_no(value)
            .ok_or_else(|| fill(t("{word} is neither yes nor no"), &[("word", &word)]))
    };
    Ok(match term.key.as_str() {
        "" => Test::Text(value.clone()),
        "severity" | "sev" => Test::Severity(
            term.compare,
            Severity::parse(value).ok_or_else(|| {
                wrong(t(
                    "{value} is no severity: critical, high, medium, low, negligible or unknown",
                ))
            })?,
        ),
        "score" | "cvss" => Test::Score(
            term.compare,
            value
                .parse()
                .map_err(|_| wrong(t("{value} is no score from 0 to 10")))?,
        ),
        "fixable" | "fixed" => Test::Fixable(flag()?),
        "status" => Test::Status(value.replace([' ', '_'], "-")),
        "kev" | "exploited" => Test::Exploited(flag()?),
        "epss" => Test::Epss(
            term.compare,
            value
                .trim_end_matches('%')
                .parse()
                .map(|score: f64| {
                    if value.ends_with('%') {
                        score / 100.0
                    } else {
                        score
                    }
                })
                .map_err(|_| wrong(t("{value} is no probability: 0.1 or 10%")))?,
        ),
        "cwe" => Test::Cwe(
            value
                .trim_start_matches("cwe-")
                .parse()
                .map_err(|_| wrong(t("{value} is no number of a CWE")))?,
        ),
        "published" => match value.starts_with(|first: char| first.is_ascii_digit()) {
            true => Test::Published(term.compare, value.clone()),
            false => return Err(wrong(t("{value} is no day: 2024, 2024-03 or 2024-03-29"))),
        },
        "fix" => Test::Fix(value.clone()),
        "fails" => Test::Fails(flag()?),
        "excepted" => Test::Excepted(flag()?),
        "layer" => Test::Layer(
            term.compare,
            value
                .parse()
                .map_err(|_| wrong(t("{value} is no layer number")))?,
        ),
        "pkg" | "package" => Test::Package(value.clone()),
        "source" => Test::Source(value.clone()),
        "id" | "cve" => Test::Id(value.clone()),
        "kind" => Test::Kind(value.clone()),
        "file" => Test::File(value.clone()),
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
                        "severity, score, kev, epss, fixable, fix, status, published, cwe, fails, excepted, layer, base, pkg, source, id, kind, file",
                    ),
                ],
            ));
        }
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use lamina_inventory::facts::PackageKind;
    use lamina_report::model::{Evidence, FORMAT, Image};

    use super::*;

    pub(crate) fn package(name: &str, version: &str, layer: usize) -> Package {
        Package {
            purl: format!("pkg:deb/debian/{name}@{version}"),
            layer,
            file: "var/lib/dpkg/status".to_owned(),
            file_layer: layer,
            ..Package::new(PackageKind::Deb, name, version)
        }
    }

    pub(crate) fn finding(
        id: &str,
        package: usize,
        severity: Severity,
        fixed: Option<&str>,
    ) -> Finding {
        Finding {
            id: id.to_owned(),
            aliases: Vec::new(),
            package,
            severity,
            severity_source: None,
            cvss: None,
            score: None,
            status: if fixed.is_some() {
                Status::Fixed
            } else {
                Status::Affected
            },
            fixed_in: fixed.into_iter().map(str::to_owned).collect(),
            title: None,
            evidence: Evidence::default(),
            ..Finding::default()
        }
    }

    pub(crate) fn report(packages: Vec<Package>, findings: Vec<Finding>) -> Report {
        Report {
            issues: Vec::new(),
            base: None,
            accounts: None,
            imported: None,
            format: FORMAT,
            scanned_at: String::new(),
            scanner: String::new(),
            image: Image::default(),
            layers: Vec::new(),
            distribution: None,
            packages,
            findings,
            database: None,
            warnings: Vec::new(),
            left_out: Vec::new(),
        }
    }

    fn sample() -> Report {
        let mut report = report(
            vec![
                package("openssl", "1.1.1", 0),
                package("curl", "7.88", 0),
                package("Django", "3.2", 2),
            ],
            vec![
                finding("CVE-2022-10", 0, Severity::Critical, Some("1.1.10")),
                finding("CVE-2022-9", 1, Severity::High, None),
                finding("CVE-2021-1", 2, Severity::High, Some("1.1.9")),
                finding("CVE-2020-1", 0, Severity::Low, None),
                finding("GHSA-x", 2, Severity::Unknown, Some("4.0")),
            ],
        );
        report.findings[1].title = Some("Use after free".to_owned());
        report.findings[2].score = Some(8.1);
        report.base = Some(lamina_report::model::Base {
            layers: 2,
            ..Default::default()
        });
        report
    }

    fn selected(search: &str, sort: &str) -> String {
        let report = sample();
        let judged = Judged {
            fails: vec![true, false, true, false, false],
            is_excepted: vec![false, true, false, false, false],
        };
        let filter = Filter {
            search,
            severities: &[],
            layer: None,
            from_layer: 0,
        };
        let (rows, problems) = select(
            &report,
            &Haystacks::of_findings(&report),
            &judged,
            filter,
            Sort::<Column>::parse(Some(sort)),
        );
        let mut words: Vec<_> = rows.iter().map(|row| row.to_string()).collect();
        words.extend(problems.iter().map(|problem| format!("({problem})")));
        words.join(" ")
    }

    #[test]
    fn findings_are_searched_by_words_and_keys() {
        let check =
            |search: &str, expect: &str| assert_eq!(selected(search, ""), expect, "{search}");
        check("", "0 2 1 3 4");
        check("openssl", "0 3");
        check("FREE", "1");
        check("severity:>=high", "0 2 1");
        check("severity:high", "2 1");
        check("-severity:high fixable:yes", "0 4");
        check("layer:2", "2 4");
        check("layer:<1 fixable:no", "1 3");
        check("pkg:django", "2 4");
        check("source:OpenSSL", "0 3");
        check("source:open", "");
        check("id:2022", "0 1");
        check("fails:yes", "0 2");
        check("excepted:yes", "1");
        check("score:>=8", "2");
        check("kind:deb", "0 2 1 3 4");
        check("kind:apk", "");
        check("file:dpkg/status -file:status", "");
        check("base:yes", "0 1 3");
        check("base:no", "2 4");
        check(
            "severity:bad",
            "(bad is no severity: critical, high, medium, low, negligible or unknown)",
        );
        check("layer:x", "(x is no layer number)");
        assert!(selected("nope:1", "").starts_with("(nope: is unknown here"));
    }

    #[test]
    fn findings_are_sorted_by_any_column() {
        let check = |sort: &str, expect: &str| assert_eq!(selected("", sort), expect, "{sort}");
        check("id", "3 2 1 0 4");
        check("-id", "4 0 1 2 3");
        check("package", "1 2 4 0 3");
        check("fixed", "2 0 4 1 3");
        check("layer", "0 1 3 2 4");
        check("-severity", "4 3 1 2 0");
        check("bogus", "0 2 1 3 4");
    }

    #[test]
    fn severities_and_layer_filter_too() {
        let report = sample();
        let filter = Filter {
            search: "",
            severities: &[Severity::High],
            layer: Some(0),
            from_layer: 0,
        };
        let (rows, _) = select(
            &report,
            &Haystacks::of_findings(&report),
            &Judged::default(),
            filter,
            Sort::<Column>::parse(None),
        );
        assert_eq!(rows, [1]);
    }

    #[test]
    fn a_click_on_a_head_sorts_and_the_next_reverses() {
        let check = |now: &str, column, expect: Option<&str>| {
            assert_eq!(
                Sort::<Column>::parse(Some(now)).clicked(column).as_deref(),
                expect
            );
        };
        check("", Column::Severity, Some("-severity"));
        check("-severity", Column::Severity, None);
        check("", Column::Package, Some("package"));
        check("package", Column::Package, Some("-package"));
        check("-package", Column::Package, Some("package"));
    }

    #[test]
    fn numbers_in_versions_are_compared_as_numbers() {
        for (a, b) in [
            ("1.9", "1.10"),
            ("1.09", "1.10"),
            ("a", "b"),
            ("1", "1.0"),
            ("", "0"),
            ("2a", "10a"),
        ] {
            assert_eq!(natural(a, b), Ordering::Less, "{a} {b}");
            assert_eq!(natural(b, a), Ordering::Greater, "{b} {a}");
        }
        assert_eq!(natural("1.01", "1.1"), Ordering::Equal);
    }

    #[test]
    fn three_thousand_findings_are_filtered_within_a_keystroke() {
        let packages = (0..500)
            .map(|n| package(&format!("lib{n}"), "1.2.3-4", n % 9))
            .collect();
        let findings = (0..3000)
            .map(|n| {
                finding(
                    &format!("CVE-2024-{n}"),
                    n % 500,
                    Severity::WORST_FIRST[n % 6],
                    None,
                )
            })
            .collect();
        let report = report(packages, findings);
        let haystacks = Haystacks::of_findings(&report);
        let filter = Filter {
            search: "severity:>=medium lib -lib3 layer:<5",
            severities: &[],
            layer: None,
            from_layer: 0,
        };
        let (rows, _) = select(
            &report,
            &haystacks,
            &Judged::default(),
            filter,
            Sort::<Column>::parse(Some("package")),
        );
        assert!(!rows.is_empty() && rows.len() < 3000);
    }
}
