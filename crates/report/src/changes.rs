//! What a newer advisory database changes in a report about the same packages.

use std::collections::BTreeMap;

use lamina_inventory::severity::Severity;

use crate::model::{Finding, Report};

/// What changed between two reports of one scan, each in the order of the report that has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Findings that the newer one has and the older one has not: indices into the newer one's.
    pub added: Vec<usize>,
    /// Findings that the older one has and the newer one has not: indices into the older one's.
    pub gone: Vec<usize>,
    /// Findings of both whose severity is another: indices into the newer one's, and what it was.
    pub severity: Vec<(usize, Severity)>,
    /// Findings of both that have a fix now and had none: indices into the newer one's.
    pub fixable: Vec<usize>,
}

impl Changes {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Compares two reports that have the same packages in the same order: a kept one, and the same matched
/// again.
pub fn changes(older: &Report, newer: &Report) -> Changes {
    let key = |finding: &Finding| (finding.package, finding.id.clone());
    let before: BTreeMap<_, &Finding> = older.findings.iter().map(|it| (key(it), it)).collect();
    let after: BTreeMap<_, &Finding> = newer.findings.iter().map(|it| (key(it), it)).collect();
    let mut changes = Changes::default();
    for (index, finding) in newer.findings.iter().enumerate() {
        match before.get(&key(finding)) {
            None => changes.added.push(index),
            Some(old) => {
                if old.severity != finding.severity {
                    changes.severity.push((index, old.severity));
                }
                if old.fixed_in.is_empty() && !finding.fixed_in.is_empty() {
                    changes.fixable.push(index);
                }
            }
        }
    }
    let gone = older.findings.iter().enumerate();
    let gone = gone.filter(|(_, finding)| !after.contains_key(&key(finding)));
    changes.gone = gone.map(|(index, _)| index).collect();
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(id: &str, severity: Severity, fixed_in: &[&str]) -> Finding {
        Finding {
            id: id.to_owned(),
            severity,
            fixed_in: fixed_in
                .iter()
                .map(|version| (*version).to_owned())
                .collect(),
            ..Finding::default()
        }
    }

    fn report(findings: Vec<Finding>) -> Report {
        Report {
            findings,
            ..serde_json::from_str(
                r#"{"format":1,"scanned_at":"","scanner":"","image":{"name":"","digest":null,"index_digest":null,
                "config_digest":null,"platform":"","platforms":[],"created":null,"config":{"user":"","env":[],
                "entrypoint":[],"cmd":[],"working_dir":"","exposed_ports":[],"volumes":[],"labels":[],
                "stop_signal":null},"history":[]},"layers":[],"distribution":null,"packages":[],"findings":[],
                "database":null,"warnings":[]}"#,
            )
            .unwrap()
        }
    }

    #[test]
    fn what_a_newer_database_changes_is_told() {
        let older = report(vec![
            finding("CVE-1", Severity::High, &[]),
            finding("CVE-2", Severity::Low, &[]),
            finding("CVE-3", Severity::Low, &["2"]),
        ]);
        let newer = report(vec![
            finding("CVE-4", Severity::Critical, &[]),
            finding("CVE-2", Severity::Medium, &["3"]),
            finding("CVE-3", Severity::Low, &["2"]),
        ]);
        let found = changes(&older, &newer);
        let expect = Changes {
            added: vec![0],
            gone: vec![0],
            severity: vec![(1, Severity::Low)],
            fixable: vec![1],
        };
        assert_eq!(found, expect);
        assert!(changes(&newer, &newer).is_empty());
    }
}
