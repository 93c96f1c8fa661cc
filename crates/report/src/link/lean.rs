//! What a link can do without, taken out stage by stage until it is short enough.
//!
//! What is never taken out: findings, the packages that have them, layers, issues, the policy with all
//! that its verdict needs, and what says which image, database and version it was. A stage that would
//! change what the policy says is passed over.

use jiff::Timestamp;
use lamina_policy::{Level, vex::Document};

use super::SharedReport;
use crate::{
    model::{LeftOut, LeftOutPart, Report},
    verdict,
};

/// The stages, in their order.
pub(super) const STAGES: [LeftOutPart; 8] = [
    LeftOutPart::Paths,
    LeftOutPart::PackageDetails,
    LeftOutPart::HistoryDetails,
    LeftOutPart::Packages,
    LeftOutPart::IssueProse,
    LeftOutPart::Titles,
    LeftOutPart::PercentileDigits,
    LeftOutPart::Aliases,
];

/// The report without a part; `None` if there is nothing of it, or the verdict needs it.
pub(super) fn without(shared: &SharedReport, part: LeftOutPart) -> Option<SharedReport> {
    let mut lean = shared.clone();
    let count = match part {
        LeftOutPart::Paths => paths(&mut lean.report),
        LeftOutPart::PackageDetails => package_details(&mut lean.report),
        LeftOutPart::HistoryDetails => history_details(&mut lean.report),
        LeftOutPart::Packages => packages(&mut lean.report),
        LeftOutPart::IssueProse => issue_prose(&mut lean.report),
        LeftOutPart::Titles => titles(&mut lean.report),
        LeftOutPart::PercentileDigits => percentiles(&mut lean.report),
        LeftOutPart::Aliases => aliases(&mut lean.report),
    };
    if count == 0 {
        return None;
    }
    // Custom rules may look at anything.
    let needs_all = !shared.policy.rules.is_empty() && part == LeftOutPart::Packages;
    if needs_all || judged(shared) != judged(&lean) {
        return None;
    }
    lean.report.left_out.push(LeftOut {
        what: part,
        count: u64::try_from(count).unwrap_or(u64::MAX),
    });
    Some(lean)
}

/// How each rule comes out on the day of the scan.
fn judged(shared: &SharedReport) -> Vec<(String, Level, String)> {
    let now: Timestamp = shared.report.scanned_at.parse().unwrap_or_default();
    let documents: Vec<Document> = shared
        .vex
        .iter()
        .filter_map(|(_, text)| Document::parse(text.as_bytes()).ok())
        .collect();
    let subject = verdict::subject_with(&shared.report, &documents, Vec::new());
    let verdict = lamina_policy::evaluate(&shared.policy, &subject, now);
    let rules = verdict.rules.into_iter();
    rules
        .map(|rule| (rule.rule.to_string(), rule.outcome, rule.reason))
        .collect()
}

fn paths(report: &mut Report) -> usize {
    let Some(accounts) = &mut report.accounts else {
        return 0;
    };
    let count = accounts.unnamed.len() + accounts.wasted.len();
    accounts.unnamed.clear();
    accounts.wasted.clear();
    count
}

fn package_details(report: &mut Report) -> usize {
    let mut count = 0;
    for package in &mut report.packages {
        count += package.details.len() + usize::from(package.evidence.is_some());
        package.details.clear();
        package.evidence = None;
    }
    count
}

fn history_details(report: &mut Report) -> usize {
    let mut count = report.image.config.labels.len();
    report.image.config.labels.clear();
    for step in &mut report.image.history {
        count += usize::from(step.created.is_some()) + usize::from(step.comment.is_some());
        step.created = None;
        step.comment = None;
    }
    count
}

/// Packages that have no finding and own none that has: the indexes of the others change.
fn packages(report: &mut Report) -> usize {
    let mut is_kept = vec![false; report.packages.len()];
    for finding in &report.findings {
        if let Some(is_kept) = is_kept.get_mut(finding.package) {
            *is_kept = true;
        } else {
            // It points nowhere, and must not come to point somewhere.
            return 0;
        }
    }
    for (index, package) in report.packages.iter().enumerate() {
        if is_kept.get(index) == Some(&true)
            && let Some(owner) = package.owned_by
            && let Some(is_kept) = is_kept.get_mut(owner)
        {
            *is_kept = true;
        }
    }
    let mut next = 0;
    let moved: Vec<Option<usize>> = is_kept
        .iter()
        .map(|is_kept| {
            is_kept.then(|| {
                next += 1;
                next - 1
            })
        })
        .collect();
    let to = |index: usize| moved.get(index).copied().flatten();
    let before = report.packages.len();
    let mut index = 0;
    report.packages.retain(|_| {
        index += 1;
        is_kept.get(index - 1) == Some(&true)
    });
    for package in &mut report.packages {
        package.owned_by = package.owned_by.and_then(to);
    }
    for finding in &mut report.findings {
        finding.package = to(finding.package).unwrap_or(usize::MAX);
    }
    before - report.packages.len()
}

fn issue_prose(report: &mut Report) -> usize {
    let mut count = 0;
    for issue in &mut report.issues {
        count += usize::from(issue.advice.is_some());
        issue.advice = None;
    }
    count
}

fn titles(report: &mut Report) -> usize {
    let mut count = 0;
    for finding in &mut report.findings {
        count += usize::from(finding.title.is_some());
        finding.title = None;
    }
    count
}

/// Whole percents are left of them, not rounded up: none is said to be likelier than it is.
fn percentiles(report: &mut Report) -> usize {
    let mut count = 0;
    let all = report.findings.iter_mut();
    for epss in all.filter_map(|finding| finding.epss.as_mut()) {
        let percent = (epss.percentile * 100.0).floor() / 100.0;
        count += usize::from(percent != epss.percentile);
        epss.percentile = percent;
    }
    count
}

fn aliases(report: &mut Report) -> usize {
    let mut count = 0;
    for finding in &mut report.findings {
        // What the record is named stays: it is where the evidence is.
        let record = &finding.evidence.record;
        let before = finding.aliases.len();
        finding.aliases.retain(|alias| alias == record);
        count += before - finding.aliases.len();
    }
    count
}
