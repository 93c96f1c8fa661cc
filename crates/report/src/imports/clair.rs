//! Clair's vulnerability report (version 4), and what klar and clair-scanner wrote with the older ones.
//!
//! Fields: `vulnerability_report` in Clair's OpenAPI. Packages and vulnerabilities are joined by
//! `package_vulnerabilities`. Names are titles at times (`RHSA-2023:5837: nghttp2 security update`,
//! `pyup.io-38330 (CVE-2020-1234)`): the ids are read out of them and out of the links.

use std::collections::HashMap;

use serde_json::Value;

use super::Source;
use crate::draft::{Draft, Found, Named, Read as _, ids_in, severity};

/// The format.
#[derive(Debug)]
pub(super) struct Clair;

impl Source for Clair {
    fn id(&self) -> &'static str {
        "clair"
    }

    fn title(&self) -> &'static str {
        "Clair"
    }

    fn about(&self) -> &'static str {
        "`clairctl report --out json`, GET /matcher/api/v1/vulnerability_report/…; klar and clair-scanner"
    }

    fn claims(&self, document: &Value) -> bool {
        let is = |name: &str, test: fn(&Value) -> bool| document.get(name).is_some_and(test);
        (is("manifest_hash", Value::is_string) && is("packages", Value::is_object))
            || (is("unapproved", Value::is_array) && is("vulnerabilities", Value::is_array))
            || (is("LayerCount", Value::is_number) && is("Vulnerabilities", Value::is_object))
    }

    fn read(&self, document: &Value, draft: &mut Draft) {
        if document.get("manifest_hash").is_some() {
            read_report(document, draft);
        } else {
            draft.remark("It is of Clair before version 4, which lists no aliases and no scores");
            draft.name(document.text("image"));
            let listed = document.list("vulnerabilities").iter();
            let groups = document.entries("Vulnerabilities");
            let grouped = groups.filter_map(|(_, group)| group.as_array()).flatten();
            for found in listed.chain(grouped) {
                read_old(found, draft);
            }
        }
    }
}

/// What was read of a package: its number in the draft.
type Packages<'a> = HashMap<&'a str, usize>;

fn read_report(document: &Value, draft: &mut Draft) {
    draft.imported.tool = "Clair 4".to_owned();
    draft.digest(document.text("manifest_hash"));
    draft.imported.lists_packages = true;
    draft.remark("It does not name the image, only its digest");
    if let Some((_, distribution)) = document.entries("distributions").next() {
        draft.distribution(distribution.text("did"), distribution.text("version_id"));
    }
    let mut packages = Packages::new();
    for (id, package) in document.entries("packages") {
        let places = document.at("environments").and_then(|all| all.get(id));
        let place = places
            .and_then(Value::as_array)
            .and_then(|places| places.first());
        let database = place.and_then(|place| place.text("package_db"));
        let layer = place.and_then(|place| place.text("introduced_in"));
        let layer = draft.layer(layer, None);
        let source = package
            .text("source/name")
            .map(|name| (name, package.word("source/version")));
        let kind = database.map(kind_of_database);
        let named = draft.package(Named {
            kind,
            name: package.text("name"),
            version: package.word("version"),
            architecture: package.text("arch"),
            source: source.filter(|(name, _)| Some(*name) != package.text("name")),
            file: database.map(file_of_database),
            layer,
            ..Named::default()
        });
        if let Some(named) = named {
            packages.insert(id, named);
        }
    }
    let scores = scores(document);
    for (package, ids) in document.entries("package_vulnerabilities") {
        let Some(package) = packages.get(package.as_str()) else {
            continue;
        };
        for id in ids
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            let all = document.at("vulnerabilities");
            let Some(found) = all.and_then(|all| all.get(id)) else {
                continue;
            };
            finding(found, *package, scores.get(id).copied(), draft);
        }
    }
}

/// `bdb:var/lib/rpm`, `sqlite:var/lib/rpm`, `var/lib/dpkg/status`, `python:usr/lib/python3/…`.
fn kind_of_database(database: &str) -> &str {
    match database.split_once(':') {
        Some(("bdb" | "sqlite" | "ndb", _)) => "rpm",
        Some((kind @ ("python" | "ruby" | "go" | "maven" | "nodejs" | "jar"), _)) => kind,
        _ if database.contains("lib/rpm") => "rpm",
        _ if database.contains("dpkg") => "deb",
        _ if database.contains("apk") => "apk",
        _ if database.ends_with(".jar") => "jar",
        _ => "os",
    }
}

fn file_of_database(database: &str) -> &str {
    database.split_once(':').map_or(database, |(_, file)| file)
}

/// The CVSS of each vulnerability that has one.
fn scores(document: &Value) -> HashMap<&str, &Value> {
    let kinds = document.entries("enrichments");
    let kinds = kinds.filter(|(name, _)| name.contains("cvss"));
    let maps = kinds.filter_map(|(_, maps)| maps.as_array()).flatten();
    let entries = maps.filter_map(Value::as_object).flatten();
    entries
        .filter_map(|(id, scores)| Some((id.as_str(), scores.as_array()?.first()?)))
        .collect()
}

fn finding(found: &Value, package: usize, score: Option<&Value>, draft: &mut Draft) {
    let name = found.text("name").unwrap_or_default();
    let mut ids = ids_in(name);
    // `RHSA-2023:5837: nghttp2 security update (Important)`
    let first = name
        .split([' ', '('])
        .next()
        .unwrap_or_default()
        .trim_end_matches(':');
    let own = if first.contains('-') { first } else { name };
    if !own.starts_with("CVE-") {
        ids.extend(ids_in(found.text("links").unwrap_or_default()));
    }
    // For language packages it is a query: `fixed=1.2&introduced=1.0`.
    let fixed = found.text("fixed_in_version").unwrap_or_default();
    let fixed = match fixed.split_once("fixed=") {
        Some((_, fixed)) => fixed.split('&').next().unwrap_or_default(),
        None => fixed,
    };
    draft.finding(Found {
        id: Some(own),
        aliases: ids,
        package,
        severity: severity(found.text("normalized_severity")),
        severity_source: found.text("updater"),
        cvss: score.and_then(|score| score.text("vectorString")),
        score: score.and_then(|score| score.number("baseScore")),
        fixed: Vec::from([fixed]),
        title: found.text("description").or(Some(name)),
        source: found.text("updater"),
        namespace: found.text("repository/name"),
        published: found.text("issued"),
        ..Found::default()
    });
}

fn read_old(found: &Value, draft: &mut Draft) {
    let text = |old: &str, older: &str| found.text(old).or(found.text(older));
    let distribution = text("namespace", "NamespaceName");
    draft.distribution(distribution, None);
    let package = draft.package(Named {
        kind: distribution,
        name: text("featurename", "FeatureName"),
        version: text("featureversion", "FeatureVersion").map(str::to_owned),
        ..Named::default()
    });
    let Some(package) = package else { return };
    let description = text("description", "Description");
    let id = text("vulnerability", "Name");
    draft.finding(Found {
        id,
        aliases: ids_in(
            description
                .filter(|_| id.is_some_and(|id| !id.starts_with("CVE-")))
                .unwrap_or_default(),
        ),
        package,
        severity: severity(text("severity", "Severity")),
        score: found.number("Metadata/NVD/CVSSv3/Score"),
        cvss: found.text("Metadata/NVD/CVSSv3/Vectors"),
        fixed: text("fixedby", "FixedBy").into_iter().collect(),
        title: description,
        namespace: distribution,
        ..Found::default()
    });
}
