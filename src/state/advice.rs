//! What a verdict leaves open: which layers brought the failing findings, and how many can be mended.

use lamina_policy::Verdict;
use lamina_report::model::{Report, Status};

/// Layers behind a failing verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// Failing findings, each once.
    pub failing: Vec<usize>,
    /// How many of them a newer version fixes.
    pub fixable: usize,
    /// Layers that brought them, most first, with how many.
    pub layers: Vec<(usize, usize)>,
}

/// Reads a verdict against its report.
pub fn advise(report: &Report, verdict: &Verdict) -> Advice {
    let mut failing: Vec<usize> = verdict
        .rules
        .iter()
        .filter(|rule| rule.is_failed())
        .flat_map(|rule| rule.findings.iter().copied())
        .collect();
    failing.sort_unstable();
    failing.dedup();
    let mut advice = Advice::default();
    for index in &failing {
        let Some(finding) = report.findings.get(*index) else {
            continue;
        };
        let Some(package) = report.packages.get(finding.package) else {
            continue;
        };
        match advice
            .layers
            .iter_mut()
            .find(|(layer, _)| *layer == package.layer)
        {
            Some((_, count)) => *count += 1,
            None => advice.layers.push((package.layer, 1)),
        }
        if finding.status == Status::Fixed {
            advice.fixable += 1;
        }
    }
    advice
        .layers
        .sort_by_key(|(layer, count)| (std::cmp::Reverse(*count), *layer));
    advice.failing = failing;
    advice
}

#[cfg(test)]
mod tests {
    use lamina_inventory::severity::Severity;
    use lamina_policy::Policy;

    use super::*;
    use crate::state::findings::tests::{finding, package, report};

    #[test]
    fn layers_are_told_most_first() {
        let mut packages = vec![
            package("libssl3", "3.0.8", 0),
            package("openssl", "3.0.8", 1),
            package("curl", "7.8", 1),
        ];
        for package in packages.iter_mut().take(2) {
            package.source = Some(("openssl".to_owned(), "3.0.8".to_owned()));
        }
        let report = report(
            packages,
            vec![
                finding("CVE-1", 0, Severity::Critical, Some("3.0.9")),
                finding("CVE-1", 1, Severity::Critical, Some("3.0.9")),
                finding("CVE-2", 1, Severity::High, Some("3.0.11")),
                finding("CVE-3", 2, Severity::High, None),
                finding("CVE-4", 2, Severity::Low, Some("8")),
            ],
        );
        let verdict = lamina_report::verdict::evaluate(
            &Policy::default(),
            &report,
            "2026-11-24T00:00:00Z".parse().unwrap(),
        );
        let advice = advise(&report, &verdict);
        assert_eq!(advice.failing, [0, 1, 2, 3]);
        assert_eq!(advice.fixable, 3);
        assert_eq!(advice.layers, [(1, 3), (0, 1)]);
    }
}
