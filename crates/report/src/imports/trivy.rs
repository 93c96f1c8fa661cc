//! Trivy's JSON, of version 2 and of the older form (a list of results).
//!
//! Fields: `pkg/types/{report,vulnerability}.go` of aquasecurity/trivy. Of several CVSS scores the one of
//! the severity's source is taken, else NVD's, else the first.

use lamina_inventory::facts::IssueKind;
use serde_json::Value;

use super::Source;
use crate::{
    draft::{Draft, Found, Named, Read as _, kept, seconds, severity, title},
    model::{HistoryStep, Issue, Place, Suppressed},
};

/// The format.
#[derive(Debug)]
pub(super) struct Trivy;

impl Source for Trivy {
    fn id(&self) -> &'static str {
        "trivy"
    }

    fn title(&self) -> &'static str {
        "Trivy"
    }

    fn about(&self) -> &'static str {
        "`trivy image --format json` (add --list-all-pkgs: then it lists all packages)"
    }

    fn claims(&self, document: &Value) -> bool {
        match document {
            Value::Array(results) => results.first().is_some_and(|result| {
                result.text("Target").is_some()
                    && ["Vulnerabilities", "Type", "Class"]
                        .iter()
                        .any(|name| result.get(name).is_some())
            }),
            _ => {
                document.at("SchemaVersion").is_some_and(Value::is_number)
                    && (document.get("ArtifactName").is_some() || document.get("Results").is_some())
            }
        }
    }

    fn read(&self, document: &Value, draft: &mut Draft) {
        let results = match document {
            Value::Array(results) => {
                draft.remark("It is of Trivy before 0.20, which names neither image nor time");
                results.as_slice()
            }
            _ => {
                head(document, draft);
                document.list("Results")
            }
        };
        for result in results {
            read_result(result, draft);
        }
        if !draft.imported.lists_packages {
            draft.remark("It does not name source packages");
        }
    }
}

fn head(document: &Value, draft: &mut Draft) {
    draft.tool(None, document.text("Trivy/Version"));
    if draft.imported.version.is_none() {
        draft.remark("It does not say which version of Trivy made it");
    }
    draft.made(document.text("CreatedAt"));
    draft.scanned_at = draft.scanned_at.or(seconds(document.number("CreatedAt")));
    draft.name(document.text("ArtifactName"));
    if let Some(kind) = document
        .text("ArtifactType")
        .filter(|kind| *kind != "container_image")
    {
        let kind = kept(kind).unwrap_or_default();
        draft.remark(format!(
            "It is about a {}, not an image",
            kind.replace('_', " ")
        ));
    }
    let Some(metadata) = document.at("Metadata") else {
        return;
    };
    draft.distribution(metadata.text("OS/Family"), metadata.text("OS/Name"));
    for digest in metadata.texts("RepoDigests").take(1) {
        draft.digest(digest.split_once('@').map(|(_, digest)| digest));
    }
    draft.image.config_digest = metadata.text("ImageID").and_then(kept);
    let config = metadata.at("ImageConfig");
    let config = config.filter(|config| config.text("architecture").is_some());
    if let Some(config) = config {
        draft.platform(config.text("os"), config.text("architecture"));
        draft.image.created = config.text("created").and_then(kept);
        let run = &mut draft.image.config;
        run.user = config
            .text("config/User")
            .and_then(kept)
            .unwrap_or_default();
        run.env = config.texts("config/Env").filter_map(kept).collect();
        run.cmd = config.texts("config/Cmd").filter_map(kept).collect();
        run.entrypoint = config.texts("config/Entrypoint").filter_map(kept).collect();
    }
    for layer in metadata.list("Layers") {
        let index = draft.layer(layer.text("Digest"), layer.text("DiffID"));
        if let Some(layer_of) = index.and_then(|index| draft.layers.get_mut(index)) {
            // Trivy's `Size` is that of the uncompressed tar.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a size that is absurd is cut off"
            )]
            let size = layer.number("Size").unwrap_or_default().max(0.0) as u64;
            layer_of.uncompressed_size = size;
            layer_of.created_by = layer.text("CreatedBy").and_then(kept).unwrap_or_default();
        }
    }
    for diff_id in metadata.texts("DiffIDs") {
        draft.layer(None, Some(diff_id));
    }
    let mut next = 0_usize;
    for step in config
        .map_or(&[][..], |config| config.list("history"))
        .iter()
        .take(1_000)
    {
        let made = !step
            .at("empty_layer")
            .and_then(Value::as_bool)
            .unwrap_or_default();
        let created_by = step.text("created_by").and_then(kept).unwrap_or_default();
        let layer = made
            .then_some(next)
            .filter(|layer| *layer < draft.layers.len());
        if let Some(layer) = layer.and_then(|layer| draft.layers.get_mut(layer)) {
            layer.created_by.clone_from(&created_by);
        }
        next = next.saturating_add(usize::from(made));
        draft.image.history.push(HistoryStep {
            created_by,
            created: step.text("created").and_then(kept),
            comment: step.text("comment").and_then(kept),
            layer,
        });
    }
}

fn read_result(result: &Value, draft: &mut Draft) {
    let class = result.text("Class").unwrap_or_default();
    let kind = result.text("Type");
    let is_os = class == "os-pkgs"
        || (class.is_empty() && result.text("Target").is_some_and(|it| it.contains(" (")));
    if is_os && let Some(kind) = kind {
        // The older form says it only in the target's name: `debian:10 (debian 10.8)`.
        let target = result
            .text("Target")
            .and_then(|target| target.rsplit_once(" ("));
        let version = target.and_then(|(_, os)| os.trim_end_matches(')').split_once(' '));
        draft.distribution(Some(kind), version.map(|(_, version)| version));
    }
    let file = if is_os { None } else { result.text("Target") };
    let packages = result.list("Packages");
    draft.imported.lists_packages |= !packages.is_empty();
    for package in packages {
        let layer = layer(package, draft);
        let source = package.text("SrcName").map(|name| {
            let version = joined(package, "SrcEpoch", "SrcVersion", "SrcRelease");
            (name, version)
        });
        let licences: Vec<&str> = package.texts("Licenses").collect();
        draft.package(Named {
            purl: package.text("Identifier/PURL"),
            kind,
            name: package.text("Name"),
            version: joined(package, "Epoch", "Version", "Release"),
            architecture: package.text("Arch").filter(|it| *it != "None"),
            source,
            licence: (!licences.is_empty()).then(|| licences.join(" AND ")),
            file: package.text("FilePath").or(file),
            layer,
        });
    }
    for found in result.list("Vulnerabilities") {
        vulnerability(found, kind, file, draft);
    }
    for misconfiguration in result.list("Misconfigurations") {
        if misconfiguration
            .text("Status")
            .is_none_or(|status| status == "FAIL")
        {
            issue(misconfiguration, result, IssueKind::Misconfiguration, draft);
        }
    }
    for secret in result.list("Secrets") {
        issue(secret, result, IssueKind::Secret, draft);
    }
    for licence in result.list("Licenses") {
        // Trivy lists every licence there is; those without concern are no finding of ours.
        let concern = severity(licence.text("Severity"));
        if concern >= lamina_inventory::severity::Severity::Medium {
            issue(licence, result, IssueKind::Licence, draft);
        }
    }
    for modified in result.list("ExperimentalModifiedFindings") {
        suppressed(modified, draft);
    }
}

fn vulnerability(found: &Value, kind: Option<&str>, file: Option<&str>, draft: &mut Draft) {
    let layer = layer(found, draft);
    let package = draft.package(Named {
        purl: found.text("PkgIdentifier/PURL"),
        kind,
        name: found.text("PkgName"),
        version: found.text("InstalledVersion").map(str::to_owned),
        file: found.text("PkgPath").or(file),
        layer,
        ..Named::default()
    });
    let Some(package) = package else { return };
    let source = found.text("SeveritySource");
    let scores = found.at("CVSS");
    let cvss = scores.and_then(|scores| {
        let named = |name: &str| scores.get(name);
        let preferred = source.and_then(named).or_else(|| named("nvd"));
        preferred.or_else(|| found.entries("CVSS").next().map(|(_, score)| score))
    });
    let first = |names: &[&str]| {
        let mut texts = names.iter().filter_map(|name| cvss?.text(name));
        texts.next()
    };
    let score = ["V40Score", "V3Score", "V2Score"]
        .iter()
        .find_map(|name| cvss?.number(name));
    draft.finding(Found {
        id: found.text("VulnerabilityID"),
        aliases: found.texts("VendorIDs").map(str::to_owned).collect(),
        package,
        severity: severity(found.text("Severity")),
        severity_source: source,
        cvss: first(&["V40Vector", "V3Vector", "V2Vector"]),
        score,
        status: found.text("Status"),
        fixed: found.text("FixedVersion").into_iter().collect(),
        title: found.text("Title").or(found.text("Description")),
        source: found.text("DataSource/Name"),
        namespace: found.text("DataSource/ID"),
        cwes: found.texts("CweIDs").collect(),
        published: found.text("PublishedDate"),
        modified: found.text("LastModifiedDate"),
        ..Found::default()
    });
}

fn layer(found: &Value, draft: &mut Draft) -> Option<usize> {
    draft.layer(found.text("Layer/Digest"), found.text("Layer/DiffID"))
}

/// `epoch:version-release`, of what is there.
fn joined(package: &Value, epoch: &str, version: &str, release: &str) -> Option<String> {
    let mut text = package.text(version)?.to_owned();
    if let Some(release) = package.text(release) {
        text = format!("{text}-{release}");
    }
    match package.number(epoch) {
        Some(epoch) if epoch > 0.0 => Some(format!("{epoch}:{text}")),
        _ => Some(text),
    }
}

fn issue(found: &Value, result: &Value, kind: IssueKind, draft: &mut Draft) {
    let text = |name: &str| found.text(name).and_then(kept);
    let rule = text("RuleID")
        .or_else(|| text("ID"))
        .or_else(|| text("Name"));
    let name = found.text("Title").and_then(title);
    let layer = layer(found, draft);
    let line = |names: [&str; 2]| {
        let number = names.iter().find_map(|name| found.number(name))?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a line that is absurd is cut off"
        )]
        let line = number.clamp(0.0, f64::from(u32::MAX)) as u32;
        (line > 0).then_some(line)
    };
    let start = line(["StartLine", "CauseMetadata/StartLine"]);
    let end = line(["EndLine", "CauseMetadata/EndLine"]).or(start);
    let licence = || Some(format!("{} in {}", text("Name")?, text("PkgName")?));
    draft.issue(Issue {
        kind,
        rule: rule.unwrap_or_else(|| "unnamed".to_owned()).to_lowercase(),
        title: name
            .or_else(licence)
            .unwrap_or_else(|| "untitled".to_owned()),
        severity: severity(found.text("Severity")),
        place: Place {
            layer,
            file: found
                .text("FilePath")
                .or(result.text("Target"))
                .and_then(kept),
            lines: start.zip(end),
            removed_in: None,
            config: None,
        },
        excerpt: text("Match"),
        advice: found
            .text("Resolution")
            .or(found.text("Message"))
            .and_then(title),
    });
}

fn suppressed(modified: &Value, draft: &mut Draft) {
    let Some(finding) = modified.at("Finding") else {
        return;
    };
    let Some(id) = finding.text("VulnerabilityID").and_then(kept) else {
        return;
    };
    let why = [
        modified.text("Status"),
        modified.text("Statement"),
        modified.text("Source"),
    ];
    draft.suppressed(Suppressed {
        ids: vec![id],
        package: finding.text("PkgName").and_then(kept).unwrap_or_default(),
        version: finding.word("InstalledVersion").unwrap_or_default(),
        why: why
            .into_iter()
            .flatten()
            .filter_map(title)
            .collect::<Vec<_>>()
            .join(", "),
    });
}
