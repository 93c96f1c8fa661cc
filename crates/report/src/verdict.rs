//! From a report to a verdict.

use jiff::Timestamp;
use lamina_policy::{Finding, Policy, Verdict};

use crate::model::{Report, Status};

/// What the policy says of this report at a time. Findings in packages that a later layer removed
/// are not part of a report, so all of them count.
pub fn evaluate(policy: &Policy, report: &Report, now: Timestamp) -> Verdict {
    lamina_policy::evaluate(policy, &findings(report), now)
}

/// The report's findings as rules see them, in the report's order.
pub fn findings(report: &Report) -> Vec<Finding<'_>> {
    report
        .findings
        .iter()
        .map(|finding| {
            let package = report.packages.get(finding.package);
            Finding {
                id: &finding.id,
                aliases: &finding.aliases,
                severity: finding.severity,
                is_fixable: finding.status == Status::Fixed,
                package: package.map_or("", |package| &package.name),
                version: package.map_or("", |package| &package.version),
                layer: package.map_or(0, |package| package.layer),
            }
        })
        .collect()
}
