//! Packages of two reports.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use lamina_advisories::ecosystem::order_of_kind;
use lamina_inventory::facts::PackageKind;
use serde::{Deserialize, Serialize};

use crate::model::{Package, Report};

/// A package that is not the same in both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageChange {
    /// Which kind.
    pub kind: PackageKind,
    /// Its name.
    pub name: String,
    /// What became of it.
    pub fate: PackageFate,
    /// Versions that only the first has.
    pub from: Vec<String>,
    /// Versions that only the second has.
    pub to: Vec<String>,
    /// The layer of the second that brought it, or of the first, if the second has none.
    pub layer: usize,
}

/// What became of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackageFate {
    /// Only the second has it.
    Added,
    /// Only the first has it.
    Removed,
    /// The second has a higher version.
    Upgraded,
    /// The second has a lower version.
    Downgraded,
    /// The versions are not the same, and which is higher cannot be said.
    Changed,
}

impl PackageFate {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Upgraded => "upgraded",
            Self::Downgraded => "downgraded",
            Self::Changed => "changed",
        }
    }
}

#[derive(Default)]
struct Versions<'a> {
    versions: BTreeSet<&'a str>,
    layer: usize,
}

type Key<'a> = (PackageKind, &'a str);

/// What changed, and how many packages are the same.
pub(super) fn compare(a: &Report, b: &Report) -> (Vec<PackageChange>, usize) {
    let (before, now) = (by_name(a), by_name(b));
    let keys: BTreeSet<&Key<'_>> = before.keys().chain(now.keys()).collect();
    let mut same = 0;
    let mut changes = Vec::new();
    for key in keys {
        let (kind, name) = *key;
        let none = Versions::default();
        let (old, new) = (
            before.get(key).unwrap_or(&none),
            now.get(key).unwrap_or(&none),
        );
        let mut from: Vec<&str> = old.versions.difference(&new.versions).copied().collect();
        let mut to: Vec<&str> = new.versions.difference(&old.versions).copied().collect();
        if from.is_empty() && to.is_empty() {
            same += 1;
            continue;
        }
        for versions in [&mut from, &mut to] {
            versions.sort_by(|a, b| order(kind, a, b).unwrap_or_else(|| a.cmp(b)));
        }
        let fate = match (from.last(), to.last()) {
            (None, _) => PackageFate::Added,
            (_, None) => PackageFate::Removed,
            (Some(from), Some(to)) => match order(kind, from, to) {
                Some(Ordering::Less) => PackageFate::Upgraded,
                Some(Ordering::Greater) => PackageFate::Downgraded,
                Some(Ordering::Equal) | None => PackageFate::Changed,
            },
        };
        let owned = |versions: Vec<&str>| versions.into_iter().map(str::to_owned).collect();
        changes.push(PackageChange {
            kind,
            name: name.to_owned(),
            fate,
            from: owned(from),
            to: owned(to),
            layer: if new.versions.is_empty() {
                old.layer
            } else {
                new.layer
            },
        });
    }
    (changes, same)
}

fn order(kind: PackageKind, a: &str, b: &str) -> Option<Ordering> {
    order_of_kind(kind)?.compare(a, b).ok()
}

/// What the merged image has, by kind and name.
fn by_name(report: &Report) -> BTreeMap<Key<'_>, Versions<'_>> {
    let mut all: BTreeMap<Key<'_>, Versions<'_>> = BTreeMap::new();
    for package in report.packages.iter().filter(|package| is_there(package)) {
        let entry = all.entry((package.kind, &package.name)).or_default();
        entry.versions.insert(&package.version);
        entry.layer = package.layer;
    }
    all
}

fn is_there(package: &Package) -> bool {
    package.removed_in.is_none()
}
