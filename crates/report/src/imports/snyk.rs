//! Snyk: `snyk container test --json`, alone or with the applications in the image (a list).
//!
//! An entry is a path to a package, not a finding: the same id and package come as often as there are
//! paths. Names are of source packages, with the binary one behind them: `openssl/libssl1.1`.

use serde_json::Value;

use super::Source;
use crate::{
    draft::{Draft, Found, Named, Read as _, kept, severity, title},
    model::{Epss, Suppressed},
};

/// The format.
#[derive(Debug)]
pub(super) struct Snyk;

/// The projects of a document: the image's, and those of the applications in it.
fn projects(document: &Value) -> impl Iterator<Item = &Value> {
    let listed = document.as_array().into_iter().flatten();
    let applications = document.list("applications");
    let single = std::iter::once(document).filter(|document| document.is_object());
    listed.chain(single).chain(applications)
}

fn is_project(project: &Value) -> bool {
    project.at("vulnerabilities").is_some_and(Value::is_array)
        && project.at("ok").is_some_and(Value::is_boolean)
        && (project.get("dependencyCount").is_some() || project.get("packageManager").is_some())
}

impl Source for Snyk {
    fn id(&self) -> &'static str {
        "snyk"
    }

    fn title(&self) -> &'static str {
        "Snyk"
    }

    fn about(&self) -> &'static str {
        "`snyk container test --json`"
    }

    fn claims(&self, document: &Value) -> bool {
        projects(document).any(is_project)
    }

    fn read(&self, document: &Value, draft: &mut Draft) {
        draft.remark("It names the source package first, and which layer only by build step");
        draft.remark("It does not say which version of Snyk made it");
        for project in projects(document).filter(|project| is_project(project)) {
            read_project(project, draft);
        }
    }
}

fn read_project(project: &Value, draft: &mut Draft) {
    let manager = project.text("packageManager");
    let is_image = project.get("docker").is_some();
    let name = project.text("projectName").unwrap_or_default();
    if let Some(name) = name.strip_prefix("docker-image|") {
        draft.name(Some(name));
    } else if is_image {
        draft.name(project.text("path"));
    }
    let platform = project.text("platform").or(project.text("docker/platform"));
    if let Some((os, architecture)) = platform.and_then(|platform| platform.split_once('/')) {
        draft.platform(Some(os), Some(architecture));
    }
    let facts = project.list("scanResult/facts").iter();
    for fact in facts.filter(|fact| fact.text("type") == Some("rootFs")) {
        for diff_id in fact.texts("data") {
            draft.layer(None, Some(diff_id));
        }
    }
    let graphs = project.list("scanResult/facts").iter();
    for fact in graphs.filter(|fact| is_image && fact.text("type") == Some("depGraph")) {
        draft.imported.lists_packages = true;
        let kind = fact.text("data/pkgManager/name").or(manager);
        for listed in fact.list("data/pkgs") {
            let is_root = listed
                .text("id")
                .is_none_or(|id| id.starts_with("docker-image|"));
            if let Some(info) = listed.at("info").filter(|_| !is_root) {
                package(info, kind, None, draft);
            }
        }
    }
    let file = project
        .text("displayTargetFile")
        .or(project.text("targetFile"));
    for found in project.list("vulnerabilities") {
        let from = found.texts("from").next().unwrap_or_default();
        if let Some(name) = from.strip_prefix("docker-image|") {
            draft.name(Some(name));
        }
        let kind = found.text("packageManager").or(manager);
        if let Some(kind) = kind.filter(|kind| kind.contains(':')) {
            draft.distribution(Some(kind), None);
        }
        if found.text("type") == Some("license") {
            draft.remark("Its findings about licences are left out");
            continue;
        }
        let Some(package) = package(found, kind, file.filter(|_| !is_image), draft) else {
            continue;
        };
        finding(found, package, draft);
    }
    for ignored in project.list("filtered/ignore") {
        suppressed(ignored, draft);
    }
}

fn package(
    found: &Value,
    kind: Option<&str>,
    file: Option<&str>,
    draft: &mut Draft,
) -> Option<usize> {
    let name = found.text("name").or(found.text("packageName"))?;
    let is_os = kind
        .is_some_and(|kind| matches!(kind, "apk" | "deb" | "rpm" | "linux") || kind.contains(':'));
    let (source, name) = match name.split_once('/') {
        Some((source, binary)) if is_os => (Some((source, None)), binary),
        _ => (None, name),
    };
    draft.package(Named {
        kind,
        name: Some(name),
        version: found.word("version"),
        source,
        file,
        ..Named::default()
    })
}

fn finding(found: &Value, package: usize, draft: &mut Draft) {
    let names = ["CVE", "GHSA"];
    let aliases = names.iter().flat_map(|name| {
        let list = found.at("identifiers").and_then(|ids| ids.get(name));
        let list = list.and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned)
    });
    let nearest = found.text("nearestFixedInVersion");
    let fixed = match nearest {
        Some(nearest) => vec![nearest],
        None => found.texts("fixedIn").collect(),
    };
    let epss = found.at("epssDetails").and_then(|epss| {
        Some(Epss {
            score: epss.number("probability")?.clamp(0.0, 1.0),
            percentile: epss
                .number("percentile")
                .unwrap_or_default()
                .clamp(0.0, 1.0),
        })
    });
    draft.finding(Found {
        id: found.text("id"),
        aliases: aliases.collect(),
        package,
        severity: severity(
            found
                .text("severityWithCritical")
                .or(found.text("severity")),
        ),
        severity_source: Some("Snyk"),
        cvss: found.text("CVSSv3"),
        score: found.number("cvssScore"),
        fixed,
        title: found.text("title"),
        source: Some("Snyk"),
        range: found.texts("semver/vulnerable").next(),
        epss,
        cwes: found.texts("identifiers/CWE").collect(),
        published: found
            .text("disclosureTime")
            .or(found.text("publicationTime")),
        modified: found.text("modificationTime"),
        ..Found::default()
    });
}

fn suppressed(ignored: &Value, draft: &mut Draft) {
    let ids = ignored
        .text("id")
        .into_iter()
        .chain(ignored.texts("identifiers/CVE"));
    let ids: Vec<String> = ids.filter_map(kept).take(20).collect();
    if ids.is_empty() {
        return;
    }
    let reasons = ignored.list("filtered/ignored").iter();
    let why = reasons
        .filter_map(|reason| reason.text("reason").and_then(title))
        .next();
    draft.suppressed(Suppressed {
        ids,
        package: ignored
            .text("packageName")
            .and_then(kept)
            .unwrap_or_default(),
        version: ignored.word("version").unwrap_or_default(),
        why: why.unwrap_or_default(),
    });
}
