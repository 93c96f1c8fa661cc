//! Findings counted by severity.

use lamina_inventory::severity::Severity;
use lamina_report::model::Report;

use super::language::{t, text};

/// Counts, worst first: critical, high, medium, low, negligible, unknown.
pub type Counts = [u32; 6];

/// The place of a severity in [`Counts`].
pub fn place(severity: Severity) -> usize {
    match severity {
        Severity::Critical => 0,
        Severity::High => 1,
        Severity::Medium => 2,
        Severity::Low => 3,
        Severity::Negligible => 4,
        Severity::Unknown => 5,
    }
}

/// Adds one.
pub fn add(counts: &mut Counts, severity: Severity) {
    if let Some(count) = counts.get_mut(place(severity)) {
        *count = count.saturating_add(1);
    }
}

/// All findings of a report, or those of packages that one layer introduced, or all layers from one on.
pub fn of(report: &Report, layer: Option<usize>, from_layer: usize) -> Counts {
    let mut counts = Counts::default();
    for finding in &report.findings {
        let brought_by = report
            .packages
            .get(finding.package)
            .map(|package| package.layer);
        let is_counted = layer.is_none_or(|layer| brought_by == Some(layer))
            && brought_by.is_none_or(|layer| layer >= from_layer);
        if is_counted {
            add(&mut counts, finding.severity);
        }
    }
    counts
}

/// Severities that occur, worst first, with how often.
pub fn present(counts: &Counts) -> impl Iterator<Item = (Severity, u32)> + '_ {
    Severity::WORST_FIRST
        .into_iter()
        .zip(counts.iter().copied())
        .filter(|(_, count)| *count > 0)
}

/// A severity's word, in the page's language.
pub fn severity_word(severity: Severity) -> &'static str {
    t(match severity {
        Severity::Critical => text("critical"),
        Severity::High => text("high"),
        Severity::Medium => text("medium"),
        Severity::Low => text("low"),
        Severity::Negligible => text("negligible"),
        Severity::Unknown => text("unknown"),
    })
}

/// `14 high`.
pub fn in_words(severity: Severity, count: u32) -> String {
    format!("{count} {}", severity_word(severity))
}

/// `2 critical, 14 high`.
pub fn sentence(counts: &Counts) -> String {
    let words: Vec<_> = present(counts)
        .map(|(severity, count)| in_words(severity, count))
        .collect();
    if words.is_empty() {
        t("no findings").to_owned()
    } else {
        words.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_told_worst_first() {
        let mut counts = Counts::default();
        for severity in [
            Severity::Low,
            Severity::Critical,
            Severity::Low,
            Severity::Unknown,
        ] {
            add(&mut counts, severity);
        }
        assert_eq!(counts, [1, 0, 0, 2, 0, 1]);
        assert_eq!(sentence(&counts), "1 critical, 2 low, 1 unknown");
        assert_eq!(sentence(&Counts::default()), "no findings");
    }
}
