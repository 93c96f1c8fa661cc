//! Reports side by side.

use jiff::Timestamp;
use lamina_policy::{CustomOutcome, Policy, vex::Document};
use lamina_report::{
    compare::{Comparison, compare, platforms::Platforms},
    formats::Judged,
    link::SharedReport,
    model::Report,
    verdict,
};

use super::RuleAnswer;

/// What changed from one report to another, both judged by the policy and VEX documents of the other, and
/// by what the rules in Rego say of each.
pub(super) fn run(
    a: &Report,
    b: &SharedReport,
    answers: &[Vec<RuleAnswer>; 2],
    now: Timestamp,
) -> Comparison {
    let documents = documents(b.vex.iter().map(|(_, text)| text));
    let [of_a, of_b] = answers;
    let before = judged(a, of_a, &b.policy, &documents, now);
    let after = judged(&b.report, of_b, &b.policy, &documents, now);
    compare(&before, &after)
}

/// The platforms of an index, each judged likewise.
pub(super) fn platforms(
    reports: &[(Report, Vec<RuleAnswer>)],
    failed: Vec<(String, String)>,
    policy: &Policy,
    vex: &[String],
    now: Timestamp,
) -> Platforms {
    let documents = documents(vex.iter());
    let judged: Vec<Judged<'_>> = reports
        .iter()
        .map(|(report, answers)| judged(report, answers, policy, &documents, now))
        .collect();
    lamina_report::compare::platforms::platforms(&judged, failed)
}

/// VEX documents that can be read: the others were refused when they were added.
fn documents<'a>(texts: impl Iterator<Item = &'a String>) -> Vec<Document> {
    texts
        .filter_map(|text| Document::parse(text.as_bytes()).ok())
        .collect()
}

fn judged<'a>(
    report: &'a Report,
    answers: &'a [RuleAnswer],
    policy: &'a Policy,
    documents: &'a [Document],
    now: Timestamp,
) -> Judged<'a> {
    let custom = answers.iter().map(|answer| CustomOutcome {
        name: &answer.name,
        level: answer.level,
        reason: answer.reason.clone(),
    });
    let subject = verdict::subject_with(report, documents, custom.collect());
    Judged {
        report,
        policy,
        verdict: lamina_policy::evaluate(policy, &subject, now),
        now,
    }
}

#[cfg(test)]
mod tests {
    use lamina_policy::{CustomRule, Level};

    use super::*;
    use crate::state::findings::tests::report;

    #[test]
    fn rules_in_rego_count_in_both_verdicts() {
        let policy = Policy {
            rules: vec![CustomRule {
                name: "mine".to_owned(),
                ..CustomRule::default()
            }],
            ..Policy::default()
        };
        let answer = |level| {
            vec![RuleAnswer {
                name: "mine".to_owned(),
                level,
                reason: String::new(),
            }]
        };
        let shared = SharedReport {
            report: report(Vec::new(), Vec::new()),
            policy,
            vex: Vec::new(),
        };
        let answers = [answer(Level::Passed), answer(Level::Failed)];
        let comparison = run(
            &report(Vec::new(), Vec::new()),
            &shared,
            &answers,
            Timestamp::UNIX_EPOCH,
        );
        // Neither report asked a database, which fails both: only what the rule says differs.
        let newly = comparison.newly_failed();
        assert!(newly.len() == 1 && newly[0].contains("mine"), "{newly:?}");
    }
}
