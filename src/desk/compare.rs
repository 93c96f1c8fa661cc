//! Reports side by side.

use jiff::Timestamp;
use lamina_policy::vex::Document;
use lamina_report::{
    compare::{Comparison, compare},
    formats::Judged,
    link::SharedReport,
    model::Report,
};

use super::RuleAnswer;
use crate::state::session::{self, VexFiles};

/// What changed from one report to another, both judged by the policy and VEX documents of the other,
/// with what its custom rules say of each.
pub(super) fn run(
    a: &Report,
    b: &SharedReport,
    (answers_a, answers_b): (&[RuleAnswer], &[RuleAnswer]),
) -> Comparison {
    let now = session::now();
    let documents = b.vex.iter();
    let documents = documents.map(|(_, text)| Document::parse(text.as_bytes()));
    let files = VexFiles {
        documents: documents.filter_map(Result::ok).collect(),
        sources: b.vex.clone(),
    };
    let before = judged(a, b, &files, answers_a, now);
    let after = judged(&b.report, b, &files, answers_b, now);
    compare(&before, &after)
}

fn judged<'a>(
    report: &'a Report,
    shared: &'a SharedReport,
    files: &VexFiles,
    answers: &[RuleAnswer],
    now: Timestamp,
) -> Judged<'a> {
    let verdict = session::with_subject(report, files, answers, |subject| {
        lamina_policy::evaluate(&shared.policy, subject, now)
    });
    Judged {
        report,
        policy: &shared.policy,
        verdict,
        now,
    }
}
