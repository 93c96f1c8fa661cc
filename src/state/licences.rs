//! The image's packages by licence.

use std::collections::BTreeMap;

use lamina_report::model::{Package, Report};

/// Packages under one licence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Licence {
    /// As the packages say it: an SPDX expression where they have one. `None` for packages that say
    /// nothing.
    pub name: Option<String>,
    /// How many packages.
    pub packages: usize,
    /// What chooses them in the list of packages.
    pub search: String,
}

/// Packages whose licence's text is looked for at once.
const MOST_ASKED: usize = 2_000;

/// Texts of one licence that are listed.
pub const MOST_TEXTS: usize = 200;

/// The packages of the merged image under a licence, as indexes into the report; `None` for those that
/// say nothing.
pub fn packages_of(report: &Report, licence: Option<&str>) -> Vec<usize> {
    let all = report.packages.iter().enumerate();
    all.filter(|(_, package)| package.removed_in.is_none())
        .filter(|(_, package)| name_of(package.licence.as_deref()) == licence)
        .map(|(index, _)| index)
        .take(MOST_ASKED)
        .collect()
}

/// What a package says, if it says something.
fn name_of(licence: Option<&str>) -> Option<&str> {
    licence.map(str::trim).filter(|name| !name.is_empty())
}

/// Licences with their packages, the most used first, packages without one last.
pub fn by_licence(report: &Report) -> Vec<Licence> {
    let is_there = |package: &&Package| package.removed_in.is_none();
    let packages = report.packages.iter().filter(is_there);
    count(packages.map(|package| package.licence.as_deref()))
}

/// The same of what each package says.
fn count<'a>(packages: impl Iterator<Item = Option<&'a str>>) -> Vec<Licence> {
    let mut counts: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    for name in packages {
        *counts.entry(name_of(name)).or_default() += 1;
    }
    let mut licences: Vec<Licence> = counts
        .into_iter()
        .map(|(name, packages)| Licence {
            search: match name {
                Some(name) => format!("licence:\"{}\"", name.replace('"', "")),
                None => "licence:none".to_owned(),
            },
            name: name.map(str::to_owned),
            packages,
        })
        .collect();
    licences.sort_by(|a, b| {
        let rank = |licence: &Licence| (licence.name.is_none(), usize::MAX - licence.packages);
        rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(&b.name))
    });
    licences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::findings::tests::{package, report};

    #[test]
    fn packages_are_found_by_their_licence() {
        let mut packages = vec![
            package("a", "1", 0),
            package("b", "1", 0),
            package("c", "1", 0),
            package("d", "1", 0),
        ];
        packages[0].licence = Some(" MIT ".to_owned());
        packages[1].licence = Some("GPL-2.0-only".to_owned());
        packages[2].licence = Some("MIT".to_owned());
        packages[2].removed_in = Some(1);
        packages[3].licence = None;
        let report = report(packages, Vec::new());
        assert_eq!(packages_of(&report, Some("MIT")), [0]);
        assert_eq!(packages_of(&report, None), [3]);
    }

    #[test]
    fn licences_are_counted_and_those_without_come_last() {
        let packages = [
            Some("MIT"),
            None,
            Some(" "),
            Some("GPL-2.0-only OR MIT"),
            Some("MIT"),
        ];
        let told: Vec<_> = count(packages.into_iter())
            .into_iter()
            .map(|licence| (licence.name, licence.packages))
            .collect();
        let name = |name: &str| Some(name.to_owned());
        assert_eq!(
            told,
            [
                (name("MIT"), 2),
                (name("GPL-2.0-only OR MIT"), 1),
                (None, 2)
            ]
        );
    }
}
