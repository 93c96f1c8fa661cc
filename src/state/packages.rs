//! The list of packages: which rows, in which order.

use lamina_inventory::facts::{Basis, PackageKind};
use lamina_report::model::{Package, Report};

use super::{
    counts::{self, Counts},
    findings::{NO_BASE, Sort, natural},
    language::{fill, t, text},
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
    /// The file it is read from, then its place in it.
    Path,
    /// The package of the distribution that owns its files.
    Owner,
    /// Source package.
    Source,
    /// Licence.
    Licence,
    /// Layer; with it whether it is of the base.
    Layer,
    /// Findings, worst first.
    Findings,
}

impl Column {
    /// All columns, in their order.
    pub const ALL: [Column; 9] = [
        Self::Kind,
        Self::Name,
        Self::Version,
        Self::Path,
        Self::Owner,
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
            Self::Path => "path",
            Self::Owner => "owner",
            Self::Source => "source",
            Self::Licence => "licence",
            Self::Layer => "layer",
            Self::Findings => "findings",
        }
    }

    /// The word above the column.
    pub fn title(self) -> &'static str {
        match self {
            Self::Name => text("Package"),
            Self::Kind => text("Kind"),
            Self::Version => text("Version"),
            Self::Path => text("Found in"),
            Self::Owner => text("Owner"),
            Self::Source => text("Source"),
            Self::Licence => text("Licence"),
            Self::Layer => text("Layer"),
            Self::Findings => text("Findings"),
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

/// Which packages are shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// The search field.
    pub search: &'a str,
    /// Layer that introduced the package.
    pub layer: Option<usize>,
    /// The first layer that counts.
    pub from_layer: usize,
    /// Also those that a later layer removed.
    pub with_removed: bool,
    /// Also those that a lock file merely names.
    pub with_declared: bool,
}

/// Whether a package counts: it is in the image, and neither part of a package of the distribution,
/// which counts already, nor merely named by a lock file.
pub fn is_counted(package: &Package) -> bool {
    package.removed_in.is_none() && package.owned_by.is_none() && package.basis != Basis::Declared
}

/// How many packages of each kind the image has, the most frequent kind first.
pub fn kinds(report: &Report) -> Vec<(PackageKind, usize)> {
    let mut counts: Vec<(PackageKind, usize)> = Vec::new();
    for package in report
        .packages
        .iter()
        .filter(|package| package.removed_in.is_none() && package.basis != Basis::Declared)
    {
        match counts.iter_mut().find(|(kind, _)| *kind == package.kind) {
            Some((_, count)) => *count += 1,
            None => counts.push((package.kind, 1)),
        }
    }
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    counts
}

/// Where a package was found, for one cell: the file, and its place within it.
pub fn path(package: &Package) -> String {
    match &package.inner {
        Some(inner) => format!("{}!/{inner}", package.file),
        None => package.file.clone(),
    }
}

/// Where a package was found, for people: the file and its lines, and the place within it.
pub fn place_words(package: &Package) -> String {
    let file = match package.lines {
        Some((first, last)) if first != last => fill(
            t("{file}, lines {first} to {last}"),
            &[
                ("file", &package.file),
                ("first", &first.to_string()),
                ("last", &last.to_string()),
            ],
        ),
        Some((first, _)) => fill(
            t("{file}, line {first}"),
            &[("file", &package.file), ("first", &first.to_string())],
        ),
        None => package.file.clone(),
    };
    match &package.inner {
        Some(inner) => fill(t("{inner} in {file}"), &[("inner", inner), ("file", &file)]),
        None => file,
    }
}

/// How it is known that a package is there, in a sentence.
pub fn basis_sentence(basis: Basis) -> &'static str {
    match basis {
        Basis::Installed => t("A package manager recorded that it installed it"),
        Basis::Embedded => t("The file itself says so, in what its build left in it"),
        Basis::Classified => t("Its bytes are those of this program and no other"),
        Basis::Declared => t("A lock file names it: it was wanted, and need not be there"),
        Basis::Stated => t("An SBOM in the image lists it"),
        _ => t("Its basis is not known to this page"),
    }
}

/// Why a package has no findings: an absence that nothing was asked for proves nothing.
pub fn no_findings(report: &Report, package: &Package) -> &'static str {
    if report.database.is_none() {
        t("No advisory database was asked")
    } else if package.basis == Basis::Declared {
        t("Not asked for: a lock file only names it")
    } else if package.owned_by.is_some() {
        t("None of its own: the distribution answers for it, under its owner")
    } else {
        t("None that the advisory database has a record for")
    }
}

/// The name of a detail for people: `modularity-label` as `Modularity label`.
pub fn detail_title(name: &str) -> String {
    let words = name.replace('-', " ");
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => words,
    }
}

/// What a layer did to a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The layer.
    pub layer: usize,
    /// What it did: `brought 1.2`.
    pub what: String,
}

/// The layers that brought, changed and removed a package, lowest first.
pub fn events(package: &Package) -> Vec<Event> {
    let mut events = Vec::new();
    let mut last: Option<&str> = None;
    let versions = package
        .earlier
        .iter()
        .map(|earlier| (earlier.layer, earlier.version.as_str()))
        .chain([(package.layer, package.version.as_str())]);
    for (layer, version) in versions {
        let sentence = match (last, version) {
            (None, "") => t("brought it, without a version"),
            (None, _) => t("brought {version}"),
            (Some(_), "") => t("replaced it by one without a version"),
            (Some(_), _) => t("replaced it by {version}"),
        };
        events.push(Event {
            layer,
            what: fill(sentence, &[("version", version)]),
        });
        last = Some(version);
    }
    if let Some(layer) = package.removed_in {
        events.push(Event {
            layer,
            what: t("removed it").to_owned(),
        });
    }
    events
}

/// Indexes of the packages to show, in order, and what of the search was not understood.
pub fn select(
    report: &Report,
    by_package: &[Counts],
    filter: Filter<'_>,
    sort: Sort<Column>,
) -> (Vec<usize>, Vec<String>) {
    let mut problems = Vec::new();
    let base = report.base.as_ref().map(|base| base.layers);
    let terms = query::parse(filter.search);
    // Whoever asks for what is hidden wants to see it.
    let asks_for = |key: &str| terms.iter().any(|term| term.key == key);
    let with_removed = filter.with_removed || asks_for("removed");
    let with_declared = filter.with_declared || asks_for("basis");
    let tests: Vec<_> = terms
        .iter()
        .map(|term| {
            let test = test_of(term, base).unwrap_or_else(|problem| {
                problems.push(problem);
                Test::Text(format!("{}:{}", term.key, term.value))
            });
            (term.is_negated, test)
        })
        .collect();
    let owner_of = |package: &Package| {
        package
            .owned_by
            .and_then(|owner| report.packages.get(owner))
            .map(|owner| owner.name.as_str())
    };
    let count_of = |index: usize| by_package.get(index).copied().unwrap_or_default();
    let mut rows: Vec<(usize, &Package)> = report
        .packages
        .iter()
        .enumerate()
        .filter(|(_, package)| with_removed || package.removed_in.is_none())
        .filter(|(_, package)| with_declared || package.basis != Basis::Declared)
        .filter(|(_, package)| filter.layer.is_none_or(|layer| package.layer == layer))
        .filter(|(_, package)| package.layer >= filter.from_layer)
        .filter(|(index, package)| {
            tests.iter().all(|(is_negated, test)| {
                test.passes(package, owner_of(package), count_of(*index)) != *is_negated
            })
        })
        .collect();
    let text = |value: Option<&str>| value.unwrap_or("\u{10ffff}").to_lowercase();
    rows.sort_by(|(a_index, a), (b_index, b)| {
        let ordering = match sort.column {
            Column::Name => std::cmp::Ordering::Equal,
            Column::Kind => a.kind.cmp(&b.kind),
            Column::Version => natural(&a.version, &b.version),
            Column::Path => natural(&a.file, &b.file).then_with(|| a.inner.cmp(&b.inner)),
            Column::Owner => text(owner_of(a)).cmp(&text(owner_of(b))),
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
    Version(String),
    Kind(String),
    Source(String),
    Licence(String),
    File(String),
    Layer(Compare, usize),
    Vulnerable(bool),
    Removed(bool),
    Base { wanted: bool, layers: usize },
    Owned(bool),
    Owner(String),
    Basis(Basis),
}

impl Test {
    fn passes(&self, package: &Package, owner: Option<&str>, counts: Counts) -> bool {
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
            Self::Version(needle) => has(&package.version, needle),
            Self::Kind(kind) => package.kind.word() == kind,
            Self::Source(needle) => package
                .source
                .as_ref()
                .is_some_and(|(name, _)| has(name, needle)),
            Self::Licence(needle) => match package.licence.as_deref().map(str::trim) {
                None | Some("") => needle == "none",
                Some(licence) => has(licence, needle),
            },
            Self::File(needle) => has(&path(package), needle),
            Self::Layer(compare, layer) => compare.holds(package.layer.cmp(layer)),
            Self::Vulnerable(wanted) => counts.iter().any(|count| *count > 0) == *wanted,
            Self::Removed(wanted) => package.removed_in.is_some() == *wanted,
            Self::Base { wanted, layers } => (package.layer < *layers) == *wanted,
            Self::Owned(wanted) => package.owned_by.is_some() == *wanted,
            Self::Owner(needle) => owner.is_some_and(|owner| has(owner, needle)),
            Self::Basis(basis) => package.basis == *basis,
        }
    }
}

const BASES: [Basis; 5] = [
    Basis::Installed,
    Basis::Embedded,
    Basis::Classified,
    Basis::Declared,
    Basis::Stated,
];

fn test_of(term: &Term, base: Option<usize>) -> Result<Test, String> {
    let value = &term.value;
    let flag = || {
        query::yes_or_no(value).ok_or_else(|| {
            fill(
                t("{key}:{value} is neither yes nor no"),
                &[("key", &term.key), ("value", value)],
            )
        })
    };
    Ok(match term.key.as_str() {
        "" | "pkg" | "package" | "name" => Test::Text(value.clone()),
        "kind" => Test::Kind(value.clone()),
        "source" => Test::Source(value.clone()),
        "licence" | "license" => Test::Licence(value.clone()),
        "file" | "path" => Test::File(value.clone()),
        "version" => Test::Version(value.clone()),
        "layer" => Test::Layer(
            term.compare,
            value
                .parse()
                .map_err(|_| fill(t("{value} is no layer number"), &[("value", value)]))?,
        ),
        "vulnerable" => Test::Vulnerable(flag()?),
        "removed" => Test::Removed(flag()?),
        "base" => Test::Base {
            wanted: flag()?,
            layers: base.ok_or(NO_BASE)?,
        },
        "owned" => Test::Owned(flag()?),
        "owner" => Test::Owner(value.clone()),
        "basis" => Test::Basis(
            BASES
                .into_iter()
                .find(|basis| basis.word() == value)
                .ok_or_else(|| {
                    fill(
                        t("{value} is no basis: installed, embedded, classified, declared or stated"),
                        &[("value", value)],
                    )
                })?,
        ),
        key => {
            return Err(fill(
                t("{key}: is unknown here; use kind, version, source, licence, file, layer, base, owned, owner, basis, vulnerable or removed"),
                &[("key", key)],
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use lamina_inventory::severity::Severity;
    use lamina_report::model::{Base, EarlierVersion};

    use super::*;
    use crate::state::findings::tests::{finding, package, report};

    fn sample() -> Report {
        let mut packages = vec![
            package("zlib1g", "1:1.2", 0),
            package("bash", "5.2", 0),
            package("Jinja2", "3.0", 2),
            package("git", "2.39", 1),
            package("pip", "23.0", 1),
            package("lodash", "4.17", 2),
        ];
        packages[2].kind = PackageKind::Pypi;
        packages[2].licence = Some("BSD-3-Clause".to_owned());
        packages[2].inner = Some("deep/PKG-INFO".to_owned());
        packages[0].source = Some(("zlib".to_owned(), "1:1.2".to_owned()));
        packages[3].removed_in = Some(2);
        packages[4].kind = PackageKind::Pypi;
        packages[4].owned_by = Some(1);
        packages[5].kind = PackageKind::Npm;
        packages[5].basis = Basis::Declared;
        let mut report = report(packages, vec![finding("CVE-1", 0, Severity::High, None)]);
        report.base = Some(Base {
            layers: 1,
            ..Base::default()
        });
        report
    }

    fn selected(filter: Filter<'_>, sort: &str) -> String {
        let report = sample();
        let (rows, problems) = select(
            &report,
            &findings_by_package(&report),
            filter,
            Sort::<Column>::parse(Some(sort)),
        );
        let mut words: Vec<_> = rows
            .iter()
            .map(|row| report.packages[*row].name.clone())
            .collect();
        words.extend(problems.iter().map(|_| "(problem)".to_owned()));
        words.join(" ")
    }

    fn searched(search: &str) -> Filter<'_> {
        Filter {
            search,
            ..Filter::default()
        }
    }

    #[test]
    fn packages_are_searched_and_sorted() {
        let check = |search: &str, sort: &str, expect: &str| {
            assert_eq!(selected(searched(search), sort), expect, "{search} {sort}");
        };
        check("", "", "bash Jinja2 pip zlib1g");
        check("", "-name", "zlib1g pip Jinja2 bash");
        check("", "findings", "zlib1g bash Jinja2 pip");
        check("", "kind", "bash zlib1g Jinja2 pip");
        check("", "layer", "bash zlib1g pip Jinja2");
        check("", "licence", "Jinja2 bash pip zlib1g");
        check("", "owner", "pip bash Jinja2 zlib1g");
        check("", "path", "bash pip zlib1g Jinja2");
        check("kind:pypi", "", "Jinja2 pip");
        check("licence:bsd", "", "Jinja2");
        check("licence:none licence:bsd", "", "");
        check("source:zlib", "", "zlib1g");
        check("vulnerable:no", "", "bash Jinja2 pip");
        check("layer:>0", "", "Jinja2 pip");
        check("version:5.", "", "bash");
        check("file:deep/", "", "Jinja2");
        check("base:yes", "", "bash zlib1g");
        check("base:no", "", "Jinja2 pip");
        check("owned:yes", "", "pip");
        check("owned:no", "", "bash Jinja2 zlib1g");
        check("owner:bash", "", "pip");
        check("basis:odd", "", "(problem)");
        check("odd:1", "", "(problem)");
    }

    #[test]
    fn what_is_hidden_is_shown_on_request() {
        let with_removed = Filter {
            with_removed: true,
            ..Filter::default()
        };
        assert_eq!(selected(with_removed, ""), "bash git Jinja2 pip zlib1g");
        let with_declared = Filter {
            with_declared: true,
            ..Filter::default()
        };
        assert_eq!(selected(with_declared, ""), "bash Jinja2 lodash pip zlib1g");
        assert_eq!(selected(searched("removed:yes"), ""), "git");
        assert_eq!(selected(searched("basis:declared"), ""), "lodash");
    }

    #[test]
    fn what_counts_is_there_and_counts_once() {
        let report = sample();
        let counted: Vec<_> = report
            .packages
            .iter()
            .filter(|package| is_counted(package))
            .map(|package| package.name.as_str())
            .collect();
        assert_eq!(counted, ["zlib1g", "bash", "Jinja2"]);
        assert_eq!(
            kinds(&report),
            [(PackageKind::Deb, 2), (PackageKind::Pypi, 2)]
        );
    }

    #[test]
    fn places_and_details_are_told_in_words() {
        let mut jar = package("a", "1", 0);
        assert_eq!(place_words(&jar), "var/lib/dpkg/status");
        jar.lines = Some((3, 9));
        assert_eq!(place_words(&jar), "var/lib/dpkg/status, lines 3 to 9");
        jar.lines = None;
        jar.inner = Some("lib/b.jar!/pom.xml".to_owned());
        assert_eq!(
            place_words(&jar),
            "lib/b.jar!/pom.xml in var/lib/dpkg/status"
        );
        assert_eq!(path(&jar), "var/lib/dpkg/status!/lib/b.jar!/pom.xml");
        assert_eq!(detail_title("modularity-label"), "Modularity label");
        assert_eq!(detail_title(""), "");
        let mut report = sample();
        assert_eq!(no_findings(&report, &jar), "No advisory database was asked");
        report.database = Some(lamina_report::model::Database::default());
        assert!(no_findings(&report, &jar).starts_with("None that"));
        jar.owned_by = Some(0);
        assert!(no_findings(&report, &jar).starts_with("None of its own"));
        jar.basis = Basis::Declared;
        assert!(no_findings(&report, &jar).starts_with("Not asked for"));
    }

    #[test]
    fn a_package_has_a_story() {
        let told = |package: &Package| {
            let events: Vec<_> = events(package)
                .into_iter()
                .map(|event| format!("{}: {}", event.layer, event.what))
                .collect();
            events.join("; ")
        };
        let mut curl = package("curl", "8.2", 3);
        assert_eq!(told(&curl), "3: brought 8.2");
        curl.earlier = vec![EarlierVersion {
            version: "8.1".to_owned(),
            layer: 0,
            replaced_in: 3,
        }];
        curl.removed_in = Some(4);
        assert_eq!(
            told(&curl),
            "0: brought 8.1; 3: replaced it by 8.2; 4: removed it"
        );
    }
}
