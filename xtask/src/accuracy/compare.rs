//! What is missing, and what is there too much.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::lists::{List, Package};

/// On which side a difference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Side {
    /// Expected, and not found.
    Missing,
    /// Found, and not expected.
    Extra,
}

/// What a list of packages is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standard {
    /// The package manager's own list.
    Truth,
    /// All that Syft or Trivy found.
    Peers,
    /// Nothing: none is expected.
    None,
}

/// Differences on one side.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Differences {
    /// Those that count.
    pub(crate) unexplained: Vec<Package>,
    /// Name, version and reason of those that are right.
    pub(crate) explained: Vec<(String, String, String)>,
}

impl Differences {
    fn add(&mut self, (name, version): Package, reason: Option<String>) {
        match reason {
            Some(reason) => self.explained.push((name, version, reason)),
            None => self.unexplained.push((name, version)),
        }
    }

    fn extend(&mut self, other: &Self) {
        self.unexplained.extend_from_slice(&other.unexplained);
        self.explained.extend_from_slice(&other.explained);
    }

    /// The number, and how many of them have a reason.
    pub(crate) fn words(&self) -> String {
        let all = self.unexplained.len() + self.explained.len();
        match self.explained.len() {
            0 => all.to_string(),
            explained => format!("{all} ({explained} explained)"),
        }
    }
}

/// One kind in one image; or in all.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) image: String,
    pub(crate) kind: String,
    pub(crate) standard: Standard,
    /// Distinct names and versions that are expected.
    pub(crate) expected: usize,
    /// Distinct names and versions that were found.
    pub(crate) found: usize,
    pub(crate) missing: Differences,
    pub(crate) extra: Differences,
    /// How many Syft found, and Trivy.
    pub(crate) peers: [usize; 2],
}

impl Row {
    pub(crate) fn is_exact(&self) -> bool {
        self.missing.unexplained.is_empty() && self.extra.unexplained.is_empty()
    }

    /// The part of what is expected that was found.
    pub(crate) fn recall(&self) -> f64 {
        part(self.expected, self.missing.unexplained.len())
    }

    /// The part of what was found that is expected.
    pub(crate) fn precision(&self) -> f64 {
        part(self.found, self.extra.unexplained.len())
    }
}

fn part(all: usize, without: usize) -> f64 {
    match all {
        0 => 1.0,
        all => 1.0 - without as f64 / all as f64,
    }
}

/// Finds the reason for a difference: kind, name, version, side.
pub(crate) type Reasons<'a> = dyn FnMut(&str, &str, &str, Side) -> Option<String> + 'a;

/// Holds what was found in an image against what is expected, kind by kind.
///
/// What only a lock file or an SBOM names counts as found where it is expected, and is not held
/// against us where it is not: the report says that it may not be there.
pub(crate) fn compare(
    image: &str,
    expected: &BTreeMap<String, (Standard, List)>,
    found: &List,
    peers: [&List; 2],
    reasons: &mut Reasons<'_>,
) -> Vec<Row> {
    let mut kinds: BTreeSet<&str> = expected.keys().map(String::as_str).collect();
    kinds.extend(found.kinds());
    let row = |kind: &str| {
        let (standard, wanted) = match expected.get(kind) {
            Some((standard, list)) => (*standard, list.of(kind)),
            None => (Standard::None, BTreeSet::new()),
        };
        let mut got = found.of(kind);
        got.retain(|package| wanted.contains(package) || !found.is_declared(kind, package));
        let mut missing = Differences::default();
        for package in wanted.difference(&got) {
            let reason = reasons(kind, &package.0, &package.1, Side::Missing);
            missing.add(package.clone(), reason);
        }
        let mut extra = Differences::default();
        for package in got.difference(&wanted) {
            let reason = reasons(kind, &package.0, &package.1, Side::Extra);
            extra.add(package.clone(), reason);
        }
        Row {
            image: image.to_owned(),
            kind: kind.to_owned(),
            standard,
            expected: wanted.len(),
            found: got.len(),
            missing,
            extra,
            peers: peers.map(|peer| peer.count(kind)),
        }
    };
    let rows = kinds.into_iter().map(row);
    rows.filter(|row| row.expected + row.found > 0).collect()
}

/// The same over all images.
pub(crate) fn by_kind(rows: &[Row]) -> BTreeMap<String, Row> {
    let mut kinds: BTreeMap<String, Row> = BTreeMap::new();
    for row in rows {
        let sum = kinds.entry(row.kind.clone()).or_insert_with(|| Row {
            image: String::new(),
            expected: 0,
            found: 0,
            missing: Differences::default(),
            extra: Differences::default(),
            peers: [0; 2],
            ..row.clone()
        });
        sum.expected += row.expected;
        sum.found += row.found;
        sum.missing.extend(&row.missing);
        sum.extra.extend(&row.extra);
        for (sum, count) in sum.peers.iter_mut().zip(row.peers) {
            *sum += count;
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accuracy::lists;

    fn report(packages: &[(&str, &str)]) -> List {
        let packages: Vec<serde_json::Value> = packages
            .iter()
            .map(|(name, basis)| {
                serde_json::json!({ "kind": "npm", "name": name, "version": "1", "basis": basis })
            })
            .collect();
        let report = serde_json::json!({ "packages": packages });
        lists::of_report(&report.to_string()).unwrap()
    }

    #[test]
    fn differences_count_unless_they_have_a_reason() {
        let expected = report(&[("a", "installed"), ("b", "installed"), ("c", "installed")]);
        let expected = BTreeMap::from([("npm".to_owned(), (Standard::Truth, expected))]);
        let found = report(&[
            ("a", "installed"),
            ("b", "declared"),
            ("d", "declared"),
            ("e", "installed"),
            ("f", "installed"),
        ]);
        let mut reasons = |_: &str, name: &str, _: &str, side| {
            let is_known = name == "f" && side == Side::Extra;
            is_known.then(|| "it is the application".to_owned())
        };
        let empty = List::default();
        let rows = compare("i", &expected, &found, [&found, &empty], &mut reasons);
        let [row] = rows.as_slice() else {
            panic!("{rows:?}")
        };
        assert_eq!(
            (row.expected, row.found),
            (3, 4),
            "what is only declared is no extra"
        );
        let package = |name: &str| (name.to_owned(), "1".to_owned());
        assert_eq!(row.missing.unexplained, [package("c")]);
        assert_eq!(row.extra.unexplained, [package("e")]);
        assert_eq!(row.extra.words(), "2 (1 explained)");
        assert_eq!(row.peers, [5, 0]);
        assert!(!row.is_exact());
        assert!((row.recall() - 2.0 / 3.0).abs() < 1e-9);
        assert!((row.precision() - 0.75).abs() < 1e-9);

        let both = [row.clone(), row.clone()];
        let sum = &by_kind(&both)["npm"];
        assert_eq!((sum.expected, sum.found, sum.peers), (6, 8, [10, 0]));
        assert_eq!(sum.missing.unexplained.len(), 2);
    }
}
