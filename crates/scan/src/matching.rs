//! Matching a report against the advisory database: when it is made, and again whenever there is a newer
//! database. A report has all that matching needs, so that no byte of the image is fetched for it.

use lamina_advisories::{
    index::{Index, ShardEntry, ShardKind},
    matcher::{self, DistributionView, Match, Needs, PackageView, match_packages, shards_for},
    shard::Shard,
};
use lamina_inventory::facts::Basis;
use lamina_report::model::{
    Database, Epss, Evidence, Finding, Kev, Package, Report, ReportWarning, ShardUse, Status,
};

/// The database that matches.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its index.
    pub index: &'a Index,
    /// Digest of the index's bytes.
    pub index_digest: &'a str,
    /// What [`needs`] said.
    pub needs: &'a Needs,
    /// The shards it named that could be had.
    pub shards: &'a [Shard],
    /// Those that could not be had, and why.
    pub failed: &'a [(ShardEntry, String)],
}

/// The shards of a database that a report needs.
pub fn needs(report: &Report, index: &Index) -> Needs {
    let release = release(report);
    shards_for(
        index,
        distribution(report, release.as_deref()),
        package_views(report),
    )
}

/// Replaces what the report says of vulnerabilities by what this database says.
pub fn match_report(report: &mut Report, asked: Asked<'_>) {
    let shards: Vec<&Shard> = asked.shards.iter().collect();
    let packages: Vec<PackageView<'_>> = package_views(report).collect();
    let release = release(report);
    let distribution = distribution(report, release.as_deref());
    let matches = match_packages(distribution, &packages, &shards);
    let mut warnings: Vec<String> = asked
        .failed
        .iter()
        .map(|(shard, problem)| match shard.kind {
            ShardKind::Scores => format!(
                "EPSS and KEV for {} could not be read, so that its findings have none: {problem}",
                shard.key
            ),
            _ => format!(
                "advisories for {} could not be read, so that its packages were not matched: {problem}",
                shard.key
            ),
        })
        .collect();
    warnings.extend(matches.warnings.iter().map(ToString::to_string));
    if matches.warnings_left_out > 0 {
        let left_out = matches.warnings_left_out;
        warnings.push(format!("{left_out} more warnings were left out"));
    }
    if !matches.overridden.is_empty() {
        warnings.push(format!(
            "{} advisories on language packages were left to the distribution, which owns their files",
            matches.overridden.len()
        ));
    }
    let mut findings: Vec<Finding> = matches.matches.into_iter().map(finding).collect();
    findings.sort_by(|a, b| {
        let name = |finding: &Finding| {
            let package = report.packages.get(finding.package);
            package.map(|package| package.name.as_str())
        };
        b.severity
            .cmp(&a.severity)
            .then_with(|| b.score.unwrap_or(0.0).total_cmp(&a.score.unwrap_or(0.0)))
            .then_with(|| a.id.cmp(&b.id))
            .then_with(|| name(a).cmp(&name(b)))
            .then_with(|| a.package.cmp(&b.package))
    });
    report.findings = findings;
    report.warnings.retain(|warning| !warning.is_of_matching);
    report
        .warnings
        .extend(warnings.into_iter().map(ReportWarning::of_matching));
    report.database = Some(Database {
        digest: asked.index_digest.to_owned(),
        built_at: asked.index.built_at.clone(),
        name: asked.index.name.clone(),
        shards: shard_uses(asked.needs),
        missing: asked
            .needs
            .missing
            .iter()
            .map(|missing| missing.what.clone())
            .collect(),
        unread: asked
            .failed
            .iter()
            .filter(|(shard, _)| shard.kind == ShardKind::Match)
            .map(|(shard, _)| shard.key.clone())
            .collect(),
    });
}

fn distribution<'a>(report: &'a Report, release: Option<&'a str>) -> Option<DistributionView<'a>> {
    let distribution = report.distribution.as_ref()?;
    Some(DistributionView {
        id: &distribution.id,
        version_id: release.or(distribution.version.as_deref()),
        codename: distribution.codename.as_deref(),
    })
}

/// The packages of the merged image, which come first in a report: indices are the same.
fn package_views(report: &Report) -> impl Iterator<Item = PackageView<'_>> {
    let packages = report.packages.iter();
    let present = packages.take_while(|package| package.removed_in.is_none());
    present.map(|package| PackageView {
        is_hearsay: is_hearsay(package),
        kind: package.kind,
        name: &package.name,
        version: &package.version,
        source: package
            .source
            .as_ref()
            .map(|(name, version)| (name.as_str(), version.as_str())),
        owned_by: package.owned_by,
        architecture: package.architecture.as_deref(),
        module: package
            .details
            .iter()
            .find(|(name, _)| name == "modularity-label")
            .map(|(_, label)| label.as_str()),
    })
}

/// Whether a package is not to be matched: a lock file names what may not be there, and the note in a
/// program of a distribution's package says again what that package's record says.
fn is_hearsay(package: &Package) -> bool {
    package.basis == Basis::Declared
        || (package.basis == Basis::Embedded && package.kind.is_os() && package.owned_by.is_some())
}

/// The shards that were asked; the bytes of their scores are added to theirs.
fn shard_uses(needs: &Needs) -> Vec<ShardUse> {
    let scores_of = |key: &str| -> u64 {
        let scores = needs.shards.iter().filter(|shard| shard.key == key);
        scores
            .filter(|shard| shard.kind == ShardKind::Scores)
            .map(|shard| shard.size)
            .sum()
    };
    needs
        .shards
        .iter()
        .filter(|shard| shard.kind != ShardKind::Scores)
        .map(|shard| ShardUse {
            key: shard.key.clone(),
            source_date: shard.source_date.clone(),
            bytes: shard.size.saturating_add(scores_of(&shard.key)),
        })
        .collect()
}

/// The release, where `VERSION_ID` alone does not name it: `22.03-LTS-SP1` of `openEuler 22.03 (LTS-SP1)`,
/// all of whose service packs have the `VERSION_ID` 22.03.
fn release(report: &Report) -> Option<String> {
    let distribution = report.distribution.as_ref()?;
    if !distribution.id.eq_ignore_ascii_case("openeuler") {
        return None;
    }
    let version = distribution.version.as_deref()?;
    let (_, rest) = distribution.name.split_once('(')?;
    let (pack, _) = rest.split_once(')')?;
    Some(format!("{version}-{pack}"))
}

fn finding(found: Match) -> Finding {
    Finding {
        id: found.id,
        aliases: found.aliases,
        package: found.package,
        severity: found.severity,
        severity_source: found.severity_source,
        cvss: found.cvss,
        score: found.score,
        status: status(found.status),
        fixed_in: found.fixed_in,
        title: found.title,
        evidence: Evidence {
            record: found.evidence.record,
            shard: found.evidence.shard,
            source: found.evidence.source,
            matched_name: found.evidence.matched_name,
            matched_version: found.evidence.matched_version,
            order: found.evidence.order,
            range: found.evidence.range,
        },
        // Digits that every JSON reader gives back as they were, and no more than the shards hold.
        epss: found.epss.map(|epss| Epss {
            score: (epss.score.value() * 1e5).round() / 1e5,
            percentile: (epss.percentile.value() * 1e5).round() / 1e5,
        }),
        kev: found.exploited.map(|exploited| Kev {
            added: exploited.added.to_string(),
            due: exploited.due.map(|day| day.to_string()),
            ransomware: exploited.by_ransomware,
        }),
        cwes: found.cwes,
        published: found.published.map(|day| day.to_string()),
        modified: found.modified.map(|day| day.to_string()),
        fix_published: found.fix_published.map(|day| day.to_string()),
    }
}

fn status(status: matcher::Status) -> Status {
    match status {
        matcher::Status::Fixed => Status::Fixed,
        matcher::Status::WillNotFix => Status::WillNotFix,
        matcher::Status::FixDeferred => Status::FixDeferred,
        matcher::Status::UnderInvestigation => Status::UnderInvestigation,
        matcher::Status::EndOfLife => Status::EndOfLife,
        matcher::Status::Possible => Status::Possible,
        _ => Status::Affected,
    }
}
