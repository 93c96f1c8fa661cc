//! Reports kept in this browser, and what a newer advisory database changed in them.

use lamina_inventory::severity::Severity;
use lamina_policy::Policy;
use lamina_report::{
    changes::Changes,
    link::{self, SharedReport},
    model::{Finding, Report},
};
use serde::{Deserialize, Serialize};

use crate::platform::store::{self, Row, Table};

/// Ids that are named of each kind of change; the rest is counted.
const NAMED: usize = 5;

/// A scan made before, kept in this browser.
#[derive(Clone, Debug, PartialEq)]
pub struct RecentScan {
    /// Key for [`load_recent`](super::load_recent).
    pub key: String,
    /// Image as the user named it.
    pub name: String,
    /// Platform.
    pub platform: String,
    /// When, RFC 3339.
    pub scanned_at: String,
    /// Findings by severity, worst first (critical, high, medium, low, negligible, unknown).
    pub counts: [u32; 6],
    /// What newer advisory databases changed since it was looked at last.
    pub changes: KeptChanges,
}

/// What a newer advisory database changed in a kept report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptChanges {
    /// How many findings are new.
    pub added: usize,
    /// How many are gone.
    pub gone: usize,
    /// How many have another severity.
    pub severity: usize,
    /// How many have a fix now.
    pub fixable: usize,
    /// The worst of the new ones by id.
    pub added_ids: Vec<String>,
}

impl KeptChanges {
    /// Counts them.
    pub fn of(newer: &Report, changes: &Changes) -> Self {
        let added = changes
            .added
            .iter()
            .filter_map(|at| newer.findings.get(*at));
        let mut ids: Vec<String> = Vec::new();
        for Finding { id, .. } in added {
            if ids.len() < NAMED && !ids.contains(id) {
                ids.push(id.clone());
            }
        }
        Self {
            added: changes.added.len(),
            gone: changes.gone.len(),
            severity: changes.severity.len(),
            fixable: changes.fixable.len(),
            added_ids: ids,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// In words: `3 new, 1 gone, 2 with another severity`.
    pub fn words(&self) -> String {
        let parts = [
            (self.added, "new"),
            (self.gone, "gone"),
            (self.severity, "with another severity"),
            (self.fixable, "with a fix now"),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        parts.join(", ")
    }

    fn and(mut self, later: &Self) -> Self {
        self.added += later.added;
        self.gone += later.gone;
        self.severity += later.severity;
        self.fixable += later.fixable;
        for id in &later.added_ids {
            if self.added_ids.len() < NAMED && !self.added_ids.contains(id) {
                self.added_ids.push(id.clone());
            }
        }
        self
    }
}

/// What the list of recent scans shows without reading the reports.
#[derive(Serialize, Deserialize)]
struct Note {
    name: String,
    platform: String,
    scanned_at: String,
    counts: [u32; 6],
    #[serde(default)]
    changes: KeptChanges,
}

impl Note {
    fn of(report: &Report, changes: KeptChanges) -> Self {
        let mut counts = [0; 6];
        for finding in &report.findings {
            let severities = Severity::WORST_FIRST.iter().zip(&mut counts);
            for (_, count) in severities.filter(|(severity, _)| **severity == finding.severity) {
                *count += 1;
            }
        }
        Self {
            name: report.image.name.clone(),
            platform: report.image.platform.clone(),
            scanned_at: report.scanned_at.clone(),
            counts,
            changes,
        }
    }
}

/// Keeps a report.
pub(super) async fn keep(report: &Report) {
    let key = format!("{} {}", report.image.name, report.image.platform);
    let shared = SharedReport {
        vex: Vec::new(),
        report: report.clone(),
        policy: Policy::default(),
    };
    put(&key, &shared, KeptChanges::default()).await;
}

/// Replaces a kept report by the same one, matched again.
pub(crate) async fn replace(row: &Row, report: Report, policy: Policy, changes: &KeptChanges) {
    let before = serde_json::from_str::<Note>(&row.note);
    let before = before.map(|note| note.changes).unwrap_or_default();
    let shared = SharedReport {
        report,
        policy,
        vex: Vec::new(),
    };
    put(&row.key, &shared, before.and(changes)).await;
}

async fn put(key: &str, shared: &SharedReport, changes: KeptChanges) {
    let note = Note::of(&shared.report, changes);
    let note = serde_json::to_string(&note).unwrap_or_default();
    store::put(Table::Reports, key, &link::to_bytes(shared), &note).await;
}

/// A kept report.
pub(crate) async fn load(key: &str) -> Option<SharedReport> {
    let bytes = store::get(Table::Reports, key).await?;
    link::read_deflated(&bytes).ok()
}

/// A kept report, which counts as looked at: its changes are no longer news.
pub(super) async fn look_at(key: &str) -> Option<Report> {
    let shared = load(key).await?;
    let note = store::row(Table::Reports, key).await?.note;
    let has_news = serde_json::from_str::<Note>(&note).is_ok_and(|note| !note.changes.is_empty());
    if has_news {
        put(key, &shared, KeptChanges::default()).await;
    }
    Some(shared.report)
}

/// Scans kept in this browser, newest first.
pub(super) async fn recent() -> Vec<RecentScan> {
    let rows = store::rows(Table::Reports).await.into_iter();
    let mut scans: Vec<RecentScan> = rows
        .filter_map(|row| {
            let note: Note = serde_json::from_str(&row.note).ok()?;
            Some(RecentScan {
                key: row.key,
                name: note.name,
                platform: note.platform,
                scanned_at: note.scanned_at,
                counts: note.counts,
                changes: note.changes,
            })
        })
        .collect();
    scans.sort_by(|a, b| b.scanned_at.cmp(&a.scanned_at));
    scans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_add_up_and_are_told_in_words() {
        let first = KeptChanges {
            added: 2,
            added_ids: vec!["CVE-1".to_owned()],
            ..KeptChanges::default()
        };
        let second = KeptChanges {
            added: 1,
            gone: 1,
            added_ids: vec!["CVE-1".to_owned(), "CVE-2".to_owned()],
            ..KeptChanges::default()
        };
        let both = first.and(&second);
        assert_eq!(both.words(), "3 new, 1 gone");
        assert_eq!(both.added_ids, ["CVE-1", "CVE-2"]);
        assert!(KeptChanges::default().is_empty());
    }
}
