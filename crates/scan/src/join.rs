//! All layers together, and the report.

use lamina_advisories::{
    index::ShardKind,
    index::{Index, ShardEntry},
    matcher::{
        self, DistributionView, Match, Matches, Needs, PackageView, match_packages, shards_for,
    },
    shard::Shard,
};
use lamina_image::{config::HistoryStep, tree::MergedTree};
use lamina_inventory::{
    accounts::{FileOwners, OwnerClass, efficiency::efficiency},
    analysis::LayerAnalysis,
    config::{ConfigView, Cx, check},
    facts::{Basis, DistributionFact, IssueKind},
    merge::{self, Inventory, Package},
    secrets::{ConfigPlace, redact, scan_config},
};
use lamina_report::model::{
    self, Database, Distribution, Epss, Evidence, FORMAT, Finding, Kev, Layer, Report,
    ReportWarning, ShardUse, Status,
};

use crate::{layer::LayerResult, plan::Plan};

/// What to do about a secret. Deleting the file in a later layer is not enough.
const ROTATE: &str = "Revoke it, and build the image without it: what a layer holds can be read by \
                      everyone who can pull the image";

/// An image whose layers have been read.
pub struct Joined {
    plan: Plan,
    layers: Vec<LayerResult>,
    tree: MergedTree,
    inventory: Inventory,
    /// The release of its distribution, where `VERSION_ID` alone does not name it.
    release: Option<String>,
}

/// The database that matched.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its index.
    pub index: &'a Index,
    /// Digest of the index's bytes.
    pub index_digest: &'a str,
    /// What [`Joined::needs`] said.
    pub needs: &'a Needs,
    /// The shards it named that could be had.
    pub shards: &'a [Shard],
    /// Those that could not be had, and why.
    pub failed: &'a [(ShardEntry, String)],
}

impl Joined {
    /// Joins layers, base first. There are as many results as the plan has layers.
    pub fn new(plan: Plan, layers: Vec<LayerResult>) -> Self {
        let analyses: Vec<&LayerAnalysis> = layers.iter().map(|layer| &layer.analysis).collect();
        let trees: Vec<_> = analyses.iter().map(|analysis| &analysis.tree).collect();
        let tree = MergedTree::merge(&trees);
        let inventory = merge::merge(&analyses, &tree);
        let release = inventory
            .distribution
            .as_ref()
            .and_then(|found| openeuler_release(&found.fact));
        Self {
            plan,
            layers,
            tree,
            inventory,
            release,
        }
    }

    /// The merged file tree.
    pub fn tree(&self) -> &MergedTree {
        &self.tree
    }

    /// What is in it.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// What each layer holds.
    pub fn layers(&self) -> &[LayerResult] {
        &self.layers
    }

    /// The shards of a database that this image needs.
    pub fn needs(&self, index: &Index) -> Needs {
        shards_for(index, self.distribution(), self.package_views())
    }

    /// The report. `scanned_at` is RFC 3339 in UTC.
    pub fn report(&self, database: Option<Asked<'_>>, scanned_at: &str) -> Report {
        let matches = match database {
            Some(asked) => {
                let packages: Vec<PackageView<'_>> = self.package_views().collect();
                let shards: Vec<&Shard> = asked.shards.iter().collect();
                match_packages(self.distribution(), &packages, &shards)
            }
            None => Matches::default(),
        };
        let mut warnings = self.plan.warnings.clone();
        for (index, layer) in self.layers.iter().enumerate() {
            let about = |message: String| ReportWarning {
                layer: Some(index),
                message,
            };
            if let Some(error) = &layer.error {
                warnings.push(about(format!(
                    "the layer could not be read to its end: {error}"
                )));
            }
            warnings.extend(layer.warnings.iter().cloned().map(about));
        }
        warnings.extend(
            self.inventory
                .warnings
                .iter()
                .map(|(layer, warning)| ReportWarning {
                    layer: Some(*layer),
                    message: warning.to_string(),
                }),
        );
        if let Some(asked) = database {
            warnings.extend(asked.failed.iter().map(|(shard, problem)| ReportWarning {
                layer: None,
                message: match shard.kind {
                    ShardKind::Scores => format!(
                        "EPSS and KEV for {} could not be read, so that its findings have none: \
                         {problem}",
                        shard.key
                    ),
                    _ => format!(
                        "advisories for {} could not be read, so that its packages were not \
                         matched: {problem}",
                        shard.key
                    ),
                },
            }));
        }
        warnings.extend(matches.warnings.iter().map(|warning| ReportWarning {
            layer: None,
            message: warning.to_string(),
        }));
        if matches.warnings_left_out > 0 {
            warnings.push(ReportWarning {
                layer: None,
                message: format!("{} more warnings were left out", matches.warnings_left_out),
            });
        }
        if !matches.overridden.is_empty() {
            warnings.push(ReportWarning {
                layer: None,
                message: format!(
                    "{} advisories on language packages were left to the distribution, which owns \
                     their files",
                    matches.overridden.len()
                ),
            });
        }
        let mut findings: Vec<Finding> = matches.matches.into_iter().map(finding).collect();
        let mut packages: Vec<model::Package> = Vec::new();
        packages.extend(self.inventory.packages.iter().map(package));
        packages.extend(self.inventory.removed.iter().map(package));
        findings.sort_by(|a, b| {
            let name = |finding: &Finding| packages.get(finding.package).map(|p| p.name.as_str());
            b.severity
                .cmp(&a.severity)
                .then_with(|| b.score.unwrap_or(0.0).total_cmp(&a.score.unwrap_or(0.0)))
                .then_with(|| a.id.cmp(&b.id))
                .then_with(|| name(a).cmp(&name(b)))
                .then_with(|| a.package.cmp(&b.package))
        });
        let issues = self.issues(scanned_at);
        Report {
            format: FORMAT,
            scanned_at: scanned_at.to_owned(),
            scanner: concat!("lamina ", env!("CARGO_PKG_VERSION")).to_owned(),
            image: self.plan.image.clone(),
            layers: self.report_layers(&packages),
            distribution: self
                .inventory
                .distribution
                .as_ref()
                .map(|found| Distribution {
                    id: found.fact.id.clone(),
                    version: found.fact.version_id.clone(),
                    name: found.fact.pretty_name.clone().unwrap_or_else(|| {
                        let version = found.fact.version_id.as_deref().unwrap_or_default();
                        format!("{} {version}", found.fact.id).trim_end().to_owned()
                    }),
                    file: found.fact.file.to_string(),
                }),
            packages,
            findings,
            issues,
            base: self.plan.base.clone(),
            accounts: Some(self.accounts()),
            database: database.map(|asked| Database {
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
            }),
            warnings,
        }
    }

    fn distribution(&self) -> Option<DistributionView<'_>> {
        self.inventory
            .distribution
            .as_ref()
            .map(|found| DistributionView {
                id: &found.fact.id,
                version_id: self.release.as_deref().or(found.fact.version_id.as_deref()),
                codename: found.fact.codename.as_deref(),
            })
    }

    fn package_views(&self) -> impl Iterator<Item = PackageView<'_>> {
        self.inventory.packages.iter().map(|package| PackageView {
            is_hearsay: is_hearsay(package),
            kind: package.fact.kind,
            name: &package.fact.name,
            version: &package.fact.version,
            source: package
                .fact
                .source
                .as_ref()
                .map(|source| (source.name.as_str(), source.version.as_str())),
            owned_by: package.owned_by,
            architecture: package.fact.architecture.as_deref(),
            module: package.fact.detail_of("modularity-label"),
        })
    }

    /// Secrets and misconfigurations, the worst first.
    fn issues(&self, now: &str) -> Vec<model::Issue> {
        let config = &self.plan.config;
        let mut issues: Vec<model::Issue> = self.inventory.issues.iter().map(issue).collect();
        let history: Vec<String> = config
            .history
            .iter()
            .map(HistoryStep::instruction)
            .collect();
        let labels: Vec<(String, String)> = config.run.labels.clone().into_iter().collect();
        let secrets = scan_config(&config.run.env, &history, &labels);
        let layer_of_step = config.steps_of_layers(self.layers.len());
        issues.extend(secrets.into_iter().map(|secret| {
            let (place, layer) = match &secret.place {
                ConfigPlace::Variable { name } => (format!("Env {name}"), None),
                ConfigPlace::Label { name } => (format!("Labels {name}"), None),
                ConfigPlace::Step { index, .. } => {
                    let made = |step: &Option<usize>| *step == Some(*index);
                    let layer = layer_of_step.step_of_layer.iter().position(made);
                    (format!("history step {index}"), layer)
                }
                _ => ("config".to_owned(), None),
            };
            model::Issue {
                kind: IssueKind::Secret,
                rule: secret.rule.to_owned(),
                title: secret.title.to_owned(),
                severity: secret.severity,
                place: model::Place {
                    layer,
                    config: Some(place),
                    ..model::Place::default()
                },
                excerpt: Some(secret.excerpt),
                advice: Some(ROTATE.to_owned()),
            }
        }));
        let view = ConfigView::of(config, self.layers.len());
        let checked = check(Cx {
            config: &view,
            tree: &self.tree,
            inventory: &self.inventory,
            now,
        });
        // By its name alone, where the value is told already.
        let told: Vec<Option<String>> = issues.iter().map(|issue| issue.excerpt.clone()).collect();
        let checked = checked.into_iter().map(|mut found| {
            found.excerpt = found.excerpt.map(|excerpt| redact(&excerpt));
            found
        });
        let checked = checked.filter(|found| {
            found.rule != "secret-in-build-argument" || !told.contains(&found.excerpt)
        });
        issues.extend(checked.map(|found| model::Issue {
            kind: IssueKind::Misconfiguration,
            rule: found.rule.to_owned(),
            title: found.title.to_owned(),
            severity: found.severity,
            place: model::Place {
                layer: found.layer,
                file: found.file.map(|file| file.to_string()),
                lines: None,
                removed_in: found.removed_in,
                config: found.config.map(str::to_owned),
            },
            excerpt: found.excerpt,
            advice: Some(found.advice.to_owned()),
        }));
        // Of equal severity secrets come first, then in the order in which they were found.
        issues.sort_by_key(|issue| (std::cmp::Reverse(issue.severity), issue.kind));
        issues
    }

    fn accounts(&self) -> model::Accounts {
        let owners: &FileOwners = &self.inventory.owners;
        let share = |class| {
            let share = owners.share(class);
            model::Share {
                files: share.files,
                bytes: share.bytes,
            }
        };
        let trees: Vec<_> = self
            .layers
            .iter()
            .map(|layer| &layer.analysis.tree)
            .collect();
        let efficiency = efficiency(&trees);
        model::Accounts {
            os: share(OwnerClass::Os),
            language: share(OwnerClass::Language),
            classified: share(OwnerClass::Classified),
            unowned: share(OwnerClass::Nobody),
            wasted_bytes: efficiency.inefficient_bytes,
            // Digits that every JSON reader gives back as they were.
            efficiency: (efficiency.score * 1e6).round() / 1e6,
            wasted: efficiency
                .paths
                .iter()
                .map(|wasted| model::Wasted {
                    path: wasted.path.to_string(),
                    copies: wasted.copies,
                    bytes: wasted.bytes,
                })
                .collect(),
        }
    }

    fn report_layers(&self, packages: &[model::Package]) -> Vec<Layer> {
        let chain_ids = self.plan.chain_ids();
        self.plan
            .layers
            .iter()
            .zip(&self.layers)
            .enumerate()
            .map(|(index, (planned, result))| {
                let statistics = self
                    .tree
                    .statistics()
                    .get(index)
                    .copied()
                    .unwrap_or_default();
                let count = |test: &dyn Fn(&model::Package) -> bool| {
                    packages.iter().filter(|package| test(package)).count() as u64
                };
                Layer {
                    digest: planned.digest.as_ref().map(ToString::to_string),
                    diff_id: match (&planned.diff_id, &result.diff_id) {
                        (Some(diff_id), _) => diff_id.to_string(),
                        (None, Some(diff_id)) => diff_id.clone(),
                        (None, None) => String::new(),
                    },
                    chain_id: chain_ids.get(index).cloned().unwrap_or_default(),
                    media_type: planned.media_type.clone(),
                    compressed_size: match result.compressed_bytes {
                        0 => planned.size,
                        bytes => bytes,
                    },
                    uncompressed_size: result.uncompressed_bytes,
                    created_by: planned.created_by.clone(),
                    files_added: statistics.files_added,
                    files_changed: statistics.files_changed,
                    files_deleted: statistics.files_removed,
                    file_bytes: statistics.file_bytes,
                    wasted_bytes: statistics.wasted_bytes,
                    packages_added: count(&|package| {
                        package.layer == index && package.removed_in.is_none()
                    }),
                    packages_removed: count(&|package| package.removed_in == Some(index)),
                    error: result.error.clone(),
                }
            })
            .collect()
    }
}

/// Whether a package is not to be matched: a lock file names what may not be there, and the note in a
/// program of a distribution's package says again what that package's record says.
fn is_hearsay(package: &Package) -> bool {
    let fact = &package.fact;
    fact.basis == Basis::Declared
        || (fact.basis == Basis::Embedded && fact.kind.is_os() && package.owned_by.is_some())
}

fn package(package: &Package) -> model::Package {
    let fact = &package.fact;
    model::Package {
        purl: package.purl.clone(),
        kind: fact.kind,
        name: fact.name.clone(),
        version: fact.version.clone(),
        architecture: fact.architecture.clone(),
        source: fact
            .source
            .as_ref()
            .map(|source| (source.name.clone(), source.version.clone())),
        licence: fact.licence.clone(),
        layer: package.introduced_in,
        file: fact.file.to_string(),
        file_layer: package.file_layer,
        lines: fact.lines,
        removed_in: package.removed_in,
        owned_by: package.owned_by,
        files: package.owned_files,
        bytes: package.owned_bytes,
        inner: fact.inner.clone(),
        basis: fact.basis,
        evidence: fact.evidence.clone(),
        earlier: package
            .earlier
            .iter()
            .map(|earlier| model::EarlierVersion {
                version: earlier.version.clone(),
                layer: earlier.introduced_in,
                replaced_in: earlier.replaced_in,
            })
            .collect(),
        details: fact.details.clone(),
    }
}

fn issue(found: &merge::Issue) -> model::Issue {
    let fact = &found.fact;
    model::Issue {
        kind: fact.kind,
        rule: fact.rule.clone(),
        title: fact.title.clone(),
        severity: fact.severity,
        place: model::Place {
            layer: Some(found.layer),
            file: Some(fact.file.to_string()),
            lines: fact.lines,
            removed_in: found.removed_in,
            config: None,
        },
        excerpt: fact.excerpt.clone(),
        advice: (fact.kind == IssueKind::Secret).then(|| ROTATE.to_owned()),
    }
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

/// `22.03-LTS-SP1` of `openEuler 22.03 (LTS-SP1)`: the `VERSION_ID` of all its service packs is `22.03`.
fn openeuler_release(fact: &DistributionFact) -> Option<String> {
    if !fact.id.eq_ignore_ascii_case("openeuler") {
        return None;
    }
    let version = fact.version_id.as_deref()?;
    let (_, rest) = fact.pretty_name.as_deref()?.split_once('(')?;
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
