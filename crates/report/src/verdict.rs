//! From a report to a verdict.

use jiff::Timestamp;
use lamina_policy::{Finding, Policy, RuleOutcome, Threshold, Verdict};

use crate::model::{Report, Status};

/// The rule that fails an image of which a layer could not be read.
pub const UNREAD_LAYER: &str = "unread-layer";

/// The rule that fails an image that no advisory database was asked about, or not all that it needs.
pub const NOT_MATCHED: &str = "not-matched";

/// What the policy says of this report at a time. Findings in packages that a later layer removed
/// are not part of a report, so all of them count.
///
/// What was not looked at cannot pass: an unread layer or a missing database fails the image (as
/// Harbor refuses images that were not scanned), unless the policy fails nothing at all.
pub fn evaluate(policy: &Policy, report: &Report, now: Timestamp) -> Verdict {
    let mut verdict = lamina_policy::evaluate(policy, &findings(report), now);
    if policy.fail_on == Threshold::Never {
        return verdict;
    }
    let mut fail = |rule, reason| {
        verdict.passed = false;
        let findings = Vec::new();
        verdict.rules.push(RuleOutcome {
            rule,
            passed: false,
            reason,
            findings,
        });
    };
    let layers = report.layers.iter().enumerate();
    let unread: Vec<String> = layers
        .filter(|(_, layer)| layer.error.is_some())
        .map(|(index, _)| index.to_string())
        .collect();
    match unread.as_slice() {
        [] => {}
        [one] => fail(
            UNREAD_LAYER,
            format!("layer {one} could not be read to its end: what else is in it is not known"),
        ),
        several => fail(
            UNREAD_LAYER,
            format!(
                "layers {} could not be read to their end: what else is in them is not known",
                several.join(", ")
            ),
        ),
    }
    match &report.database {
        None => fail(
            NOT_MATCHED,
            "no advisory database was asked: what is vulnerable is not known".to_owned(),
        ),
        Some(database) if !database.unread.is_empty() => fail(
            NOT_MATCHED,
            format!(
                "the advisories for {} could not be read: what is vulnerable there is not known",
                database.unread.join(", ")
            ),
        ),
        Some(_) => {}
    }
    verdict
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Database, FORMAT, Image, Layer};

    fn report() -> Report {
        Report {
            issues: Vec::new(),
            base: None,
            accounts: None,
            format: FORMAT,
            scanned_at: String::new(),
            scanner: String::new(),
            image: Image::default(),
            layers: vec![Layer::default(), Layer::default()],
            distribution: None,
            packages: Vec::new(),
            findings: Vec::new(),
            database: Some(Database::default()),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn what_was_not_looked_at_does_not_pass() {
        let check = |policy: &Policy, change: &dyn Fn(&mut Report), expect: &[&str]| {
            let mut report = report();
            change(&mut report);
            let verdict = evaluate(policy, &report, Timestamp::UNIX_EPOCH);
            let failed = verdict.rules.iter().filter(|rule| !rule.passed);
            let failed: Vec<&str> = failed.map(|rule| rule.rule).collect();
            assert_eq!(failed, expect);
            assert_eq!(verdict.passed, expect.is_empty());
        };
        let cut_off = |report: &mut Report| report.layers[1].error = Some("ends early".to_owned());
        let policy = Policy::default();
        check(&policy, &|_| {}, &[]);
        check(&policy, &cut_off, &[UNREAD_LAYER]);
        check(&policy, &|report| report.database = None, &[NOT_MATCHED]);
        let unread = |report: &mut Report| {
            let database = report.database.get_or_insert_default();
            database.unread = vec!["debian:12".to_owned()];
        };
        check(&policy, &unread, &[NOT_MATCHED]);
        let lenient = Policy {
            fail_on: Threshold::Never,
            ..Policy::default()
        };
        check(&lenient, &cut_off, &[]);
    }
}
