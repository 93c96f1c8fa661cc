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
        let name = name.map(str::trim);
        *counts
            .entry(name.filter(|name| !name.is_empty()))
            .or_default() += 1;
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
