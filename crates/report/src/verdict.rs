//! From a report to a verdict.

use jiff::Timestamp;
use lamina_policy::{
    CustomOutcome, Finding, Gap, Image, Issue, Package, Policy, Subject, Verdict, vex,
};

use crate::model::{self, Report};

/// What the policy says of this report at a time. Findings in packages that a later layer removed
/// are not part of a report, so all of them count.
///
/// What was not looked at cannot pass: an unread layer or a missing database fails the image (as
/// Harbor refuses images that were not scanned), unless the policy fails nothing at all.
///
/// VEX documents and custom rules are not part of a report: who has some takes [`subject_with`], and
/// calls [`lamina_policy::evaluate`].
pub fn evaluate(policy: &Policy, report: &Report, now: Timestamp) -> Verdict {
    lamina_policy::evaluate(policy, &subject(report), now)
}

/// The report as a policy sees it; findings, issues and packages in the report's order.
pub fn subject(report: &Report) -> Subject<'_> {
    let base = report.base.as_ref().map_or(0, |base| base.layers);
    let packages: Vec<Package<'_>> = report
        .packages
        .iter()
        .map(|package| Package {
            name: &package.name,
            version: &package.version,
            purl: &package.purl,
            source: package.source.as_ref().map(|(name, _)| name.as_str()),
            file: &package.file,
            licence: package.licence.as_deref(),
            layer: package.layer,
            is_of_base: package.layer < base,
            is_removed: package.removed_in.is_some(),
        })
        .collect();
    let findings = report
        .findings
        .iter()
        .map(|finding| Finding {
            id: &finding.id,
            aliases: &finding.aliases,
            severity: finding.severity,
            status: finding.status,
            fixed_in: &finding.fixed_in,
            package: finding.package,
            at: packages.get(finding.package).copied().unwrap_or_default(),
            order: &finding.evidence.order,
            namespace: &finding.evidence.shard,
            epss: finding.epss.map(|epss| epss.score),
            exploited_since: finding.kev.as_ref().map(|kev| kev.added.as_str()),
            published: finding.published.as_deref(),
            fix_published: finding.fix_published.as_deref(),
        })
        .collect();
    Subject {
        image: image(report),
        findings,
        issues: report
            .issues
            .iter()
            .map(|issue| issue_of(issue, base))
            .collect(),
        packages,
        gaps: gaps(report),
        vex: Vec::new(),
        custom: Vec::new(),
    }
}

/// The same with what VEX documents and custom rules say of it.
pub fn subject_with<'a>(
    report: &'a Report,
    documents: &'a [vex::Document],
    custom: Vec<CustomOutcome<'a>>,
) -> Subject<'a> {
    let mut subject = subject(report);
    subject.custom = custom;
    if !documents.is_empty() {
        subject.vex = vex::matches(documents, &subject, &image_names(report));
    }
    subject
}

/// The names under which VEX documents may speak of the image: purls, digests, the reference.
fn image_names(report: &Report) -> Vec<String> {
    let image = &report.image;
    let digests: Vec<&str> = [&image.digest, &image.index_digest]
        .into_iter()
        .filter_map(|digest| digest.as_deref())
        .collect();
    let architecture = image.platform.split('/').nth(1);
    vex::image_names(&image.name, &digests, architecture)
}

fn image(report: &Report) -> Image<'_> {
    Image {
        name: &report.image.name,
        digest: report.image.digest.as_deref(),
        created: report.image.created.as_deref(),
        labels: &report.image.config.labels,
        unnamed_executables: report
            .accounts
            .as_ref()
            .and_then(|accounts| accounts.unnamed_executables),
    }
}

fn issue_of(issue: &model::Issue, base: usize) -> Issue<'_> {
    Issue {
        kind: issue.kind,
        rule: &issue.rule,
        title: &issue.title,
        severity: issue.severity,
        layer: issue.place.layer,
        file: issue.place.file.as_deref(),
        is_of_base: issue.place.layer.is_some_and(|layer| layer < base),
    }
}

fn gaps(report: &Report) -> Vec<Gap> {
    let layers = report.layers.iter().enumerate();
    let unread: Vec<usize> = layers
        .filter(|(_, layer)| layer.error.is_some())
        .map(|(index, _)| index)
        .collect();
    let mut gaps = Vec::new();
    if !unread.is_empty() {
        gaps.push(Gap::Layers(unread));
    }
    match &report.database {
        None => gaps.push(Gap::NoDatabase),
        Some(database) if !database.unread.is_empty() => {
            gaps.push(Gap::Shards(database.unread.clone()));
        }
        Some(_) => {}
    }
    gaps
}

#[cfg(test)]
mod tests {
    use lamina_policy::Threshold;

    use super::*;
    use crate::model::{Database, FORMAT, Image, Layer};

    fn report() -> Report {
        Report {
            issues: Vec::new(),
            base: None,
            accounts: None,
            imported: None,
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
            left_out: Vec::new(),
        }
    }

    #[test]
    fn what_was_not_looked_at_does_not_pass() {
        let check = |policy: &Policy, change: &dyn Fn(&mut Report), expect: &[&str]| {
            let mut report = report();
            change(&mut report);
            let verdict = evaluate(policy, &report, Timestamp::UNIX_EPOCH);
            let failed = verdict.rules.iter().filter(|rule| rule.is_failed());
            let failed: Vec<&str> = failed.map(|rule| &*rule.rule).collect();
            assert_eq!(failed, expect);
            assert_eq!(verdict.passed, expect.is_empty());
        };
        let cut_off = |report: &mut Report| report.layers[1].error = Some("ends early".to_owned());
        let policy = Policy::default();
        check(&policy, &|_| {}, &[]);
        check(&policy, &cut_off, &["unread-layer"]);
        check(&policy, &|report| report.database = None, &["not-matched"]);
        let unread = |report: &mut Report| {
            let database = report.database.get_or_insert_default();
            database.unread = vec!["debian:12".to_owned()];
        };
        check(&policy, &unread, &["not-matched"]);
        let lenient = Policy {
            fail_on: Threshold::Never,
            ..Policy::default()
        };
        check(&lenient, &cut_off, &[]);
    }
}
