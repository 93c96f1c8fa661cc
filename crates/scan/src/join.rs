//! All layers together, and the report.

use lamina_image::{
    config::HistoryStep,
    tree::{MergedTree, TreeKind},
};
use lamina_inventory::{
    accounts::{FileOwners, OwnerClass, efficiency::efficiency},
    analysis::LayerAnalysis,
    config::{ConfigView, Cx, check},
    facts::IssueKind,
    merge::{self, Inventory, Package},
    secrets::{ConfigPlace, redact, scan_config},
};
use lamina_report::{
    compare::files::{FileFacts, FileList, FileType},
    model::{self, Distribution, FORMAT, Layer, Report, ReportWarning},
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
}

impl Joined {
    /// Joins layers, base first. There are as many results as the plan has layers.
    pub fn new(plan: Plan, layers: Vec<LayerResult>) -> Self {
        let analyses: Vec<&LayerAnalysis> = layers.iter().map(|layer| &layer.analysis).collect();
        let trees: Vec<_> = analyses.iter().map(|analysis| &analysis.tree).collect();
        let tree = MergedTree::merge(&trees);
        let inventory = merge::merge(&analyses, &tree);
        Self {
            plan,
            layers,
            tree,
            inventory,
        }
    }

    /// What manifest and config say.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The merged file tree.
    pub fn tree(&self) -> &MergedTree {
        &self.tree
    }

    /// What is in it.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// The same image with one layer read anew; itself if it has no such layer.
    pub fn with_layer(mut self, layer: usize, result: LayerResult) -> Self {
        match self.layers.get_mut(layer) {
            Some(place) => {
                *place = result;
                Self::new(self.plan, self.layers)
            }
            None => self,
        }
    }

    /// What each layer holds.
    pub fn layers(&self) -> &[LayerResult] {
        &self.layers
    }

    /// The files of the merged image, to be compared with those of another.
    pub fn file_list(&self) -> FileList {
        let mut files: Vec<FileFacts> = self
            .tree
            .nodes()
            .filter_map(|node| {
                let entry = node.entry()?;
                let path = node.path().to_string();
                (!path.is_empty()).then(|| FileFacts {
                    path,
                    kind: match entry.kind {
                        TreeKind::File => FileType::File,
                        TreeKind::Symlink => FileType::Symlink,
                        TreeKind::HardLink => FileType::HardLink,
                        kind if kind.is_directory() => FileType::Directory,
                        _ => FileType::Special,
                    },
                    size: match entry.kind {
                        TreeKind::File => entry.size,
                        _ => 0,
                    },
                    mode: entry.mode,
                    uid: entry.uid,
                    gid: entry.gid,
                    target: String::from_utf8_lossy(entry.target).into_owned(),
                    layer: entry.layer,
                })
            })
            .collect();
        files.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        // Names that are no UTF-8 may read alike.
        files.dedup_by(|a, b| a.path == b.path);
        let layers = self.layers.iter();
        FileList {
            layers: layers
                .map(|layer| match layer.error {
                    None => layer.diff_id.clone().unwrap_or_default(),
                    Some(_) => String::new(),
                })
                .collect(),
            files,
        }
    }

    /// The report, without what a database says of it: that comes from
    /// [`match_report`](crate::matching::match_report). `scanned_at` is RFC 3339 in UTC.
    pub fn report(&self, scanned_at: &str) -> Report {
        let mut warnings = self.plan.warnings.clone();
        for (index, layer) in self.layers.iter().enumerate() {
            let about = |message: String| ReportWarning::of_layer(index, message);
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
                .map(|(layer, warning)| ReportWarning::of_layer(*layer, warning.to_string())),
        );
        let mut packages: Vec<model::Package> = Vec::new();
        packages.extend(self.inventory.packages.iter().map(package));
        packages.extend(self.inventory.removed.iter().map(package));
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
                    codename: found.fact.codename.clone(),
                }),
            packages,
            findings: Vec::new(),
            issues,
            base: self.plan.base.clone(),
            accounts: Some(self.accounts()),
            imported: None,
            database: None,
            warnings,
            left_out: Vec::new(),
        }
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
            unnamed_executables: Some(owners.unnamed_programs()),
            unnamed: owners
                .unnamed_paths()
                .iter()
                .map(ToString::to_string)
                .collect(),
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
