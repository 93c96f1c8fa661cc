//! All platforms of one index side by side.

use std::{cmp::Reverse, collections::BTreeMap};

use lamina_inventory::severity::Severity;
use serde::{Deserialize, Serialize};

use super::Side;
use crate::formats::Judged;

/// The platforms of an index, and where they are not alike.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Platforms {
    /// Each platform in numbers, in the order of the index.
    pub platforms: Vec<Side>,
    /// Findings that not all of them have, worst first.
    pub findings: Vec<Uneven>,
    /// How many vulnerabilities in packages all of them have.
    pub common: usize,
    /// Platforms that could not be scanned, and why.
    pub failed: Vec<(String, String)>,
}

/// A finding that some platforms have and others have not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uneven {
    /// The vulnerability.
    pub id: String,
    /// The package.
    pub package: String,
    /// The worst severity that it has on a platform.
    pub severity: Severity,
    /// The version of the package on each platform that has the finding, in the order of
    /// [`Platforms::platforms`].
    pub versions: Vec<Option<String>>,
}

/// Compares them.
pub fn platforms(judged: &[Judged<'_>], failed: Vec<(String, String)>) -> Platforms {
    let mut rows: BTreeMap<(&str, &str), Uneven> = BTreeMap::new();
    for (place, judged) in judged.iter().enumerate() {
        for finding in &judged.report.findings {
            let Some(package) = judged.report.packages.get(finding.package) else {
                continue;
            };
            let row = rows
                .entry((&finding.id, &package.name))
                .or_insert_with(|| Uneven {
                    id: finding.id.clone(),
                    package: package.name.clone(),
                    severity: finding.severity,
                    versions: Vec::new(),
                });
            row.severity = row.severity.max(finding.severity);
            row.versions.resize(place.max(row.versions.len()), None);
            if row.versions.len() == place {
                row.versions.push(Some(package.version.clone()));
            }
        }
    }
    let mut findings: Vec<Uneven> = rows.into_values().collect();
    for row in &mut findings {
        row.versions.resize(judged.len(), None);
    }
    let all = findings.len();
    findings.retain(|row| row.versions.iter().any(Option::is_none));
    let common = all - findings.len();
    findings.sort_by_key(|row| Reverse(row.severity));
    Platforms {
        platforms: judged.iter().map(Side::of).collect(),
        findings,
        common,
        failed,
    }
}
