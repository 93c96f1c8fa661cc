//! Reports side by side.

use jiff::Timestamp;
use lamina_policy::vex::Document;
use lamina_report::{
    compare::{Comparison, compare},
    formats::Judged,
    link::SharedReport,
    model::Report,
    verdict,
};

use crate::state::session;

/// What changed from one report to another, both judged by the policy and VEX documents of the other.
pub(super) fn run(a: &Report, b: &SharedReport) -> Comparison {
    let now = session::now();
    let documents: Vec<Document> = b
        .vex
        .iter()
        .filter_map(|(_, text)| Document::parse(text.as_bytes()).ok())
        .collect();
    let before = judged(a, b, &documents, now);
    let after = judged(&b.report, b, &documents, now);
    compare(&before, &after)
}

fn judged<'a>(
    report: &'a Report,
    shared: &'a SharedReport,
    documents: &'a [Document],
    now: Timestamp,
) -> Judged<'a> {
    let subject = verdict::subject_with(report, documents, Vec::new());
    Judged {
        report,
        policy: &shared.policy,
        verdict: lamina_policy::evaluate(&shared.policy, &subject, now),
        now,
    }
}
