//! SARIF 2.1.0 about vulnerable packages, as Docker Scout, Trivy, Grype, Snyk, QScanner and Lamina write it.
//!
//! SARIF has no field for a package: each tool puts it somewhere else, in properties (Scout, QScanner,
//! Lamina), in the words of the message (Trivy), in the rule's help (Grype) or in a logical location (Snyk).
//! A result in which none of these names a package is left out, and counted.

use std::collections::HashMap;

use lamina_inventory::severity::Severity;
use serde_json::Value;

use super::Source;
use crate::draft::{Draft, Found, Named, Read as _, ids_in, is_cve, kept, severity};

/// The format.
#[derive(Debug)]
pub(super) struct Sarif;

impl Source for Sarif {
    fn id(&self) -> &'static str {
        "sarif"
    }

    fn title(&self) -> &'static str {
        "SARIF"
    }

    fn about(&self) -> &'static str {
        "SARIF 2.1.0 (`docker scout cves --format sarif`, and of Trivy, Grype, Snyk, Qualys QScanner)"
    }

    fn claims(&self, document: &Value) -> bool {
        let first = document.list("runs").first();
        first.is_some_and(|run| run.at("tool/driver").is_some())
    }

    fn read(&self, document: &Value, draft: &mut Draft) {
        draft
            .remark("SARIF has no fields for packages: they are read from messages and properties");
        for run in document.list("runs") {
            read_run(run, draft);
        }
    }
}

fn read_run(run: &Value, draft: &mut Draft) {
    let driver = run.at("tool/driver");
    let name = driver.and_then(|driver| driver.text("name"));
    let version = driver.and_then(|driver| {
        let version = driver.text("version").or(driver.text("semanticVersion"));
        version.or(driver
            .text("fullName")
            .and_then(|name| name.rsplit_once(' '))
            .map(|(_, it)| it))
    });
    let shown = match name {
        Some("docker scout") => Some("Docker Scout"),
        Some("grype" | "Grype") => Some("Grype"),
        other => other,
    };
    draft.tool(shown, version);
    let properties = run.at("properties");
    let property = |name: &str| properties.and_then(|it| it.text(name));
    let tag = properties.and_then(|it| it.texts("repoTags").next());
    draft.name(property("imageName").or(tag));
    let digests = properties.and_then(|it| it.texts("repoDigests").next());
    let digest = digests
        .and_then(|it| it.split_once('@'))
        .map(|(_, digest)| digest);
    draft.digest(digest.or(property("imageDigest")));
    draft.image.config_digest = property("imageID").and_then(kept);
    draft.made(
        run.list("invocations")
            .first()
            .and_then(|it| it.text("endTimeUtc")),
    );
    let rules = driver.map_or(&[][..], |driver| driver.list("rules"));
    let by_id: HashMap<&str, &Value> = rules
        .iter()
        .filter_map(|rule| Some((rule.text("id")?, rule)))
        .collect();
    let mut left_out = 0_usize;
    for result in run.list("results") {
        let by_index = || {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "an index that is absurd finds nothing"
            )]
            let index = result.number("ruleIndex").filter(|index| *index >= 0.0)? as usize;
            rules.get(index)
        };
        let id = result.text("ruleId").or(result.text("rule/id"));
        let rule = id.and_then(|id| by_id.get(id).copied()).or_else(by_index);
        if result.text("kind").is_some_and(|kind| kind != "fail") {
            continue;
        }
        let suppressed = !result.list("suppressions").is_empty();
        let found = packages(result, rule, draft);
        if found.is_empty() {
            left_out = left_out.saturating_add(1);
        }
        for (package, facts) in found {
            if suppressed {
                let noted = draft
                    .noted(package)
                    .map(|it| (it.name.clone(), it.version.clone()));
                let (package, version) = noted.unwrap_or_default();
                draft.suppressed(crate::model::Suppressed {
                    ids: ids(result, rule, &facts),
                    package,
                    version,
                    why: "suppressed".to_owned(),
                });
            } else {
                finding(result, rule, package, &facts, draft);
            }
        }
    }
    if left_out > 0 {
        draft.remark(format!(
            "{left_out} results name no package, and are left out"
        ));
    }
}

/// What is written in lines of a message or help: `Fixed Version: 1.2`.
#[derive(Debug, Default)]
struct Facts<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Facts<'a> {
    fn of(text: Option<&'a str>) -> Self {
        let lines = text.unwrap_or_default().lines().take(40);
        Self(lines.filter_map(|line| line.split_once(": ")).collect())
    }

    fn get(&self, names: &[&str]) -> Option<&'a str> {
        names.iter().find_map(|wanted| {
            let mut all = self.0.iter();
            let (_, value) = all.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))?;
            let value = value.trim();
            (!value.is_empty()).then_some(value)
        })
    }
}

type Packages<'a> = Vec<(usize, Facts<'a>)>;

/// The packages that a result is about.
fn packages<'a>(result: &'a Value, rule: Option<&'a Value>, draft: &mut Draft) -> Packages<'a> {
    let message = || Facts::of(result.text("message/text"));
    let help = || Facts::of(rule.and_then(|rule| rule.text("help/text")));
    let location = result.list("locations").first();
    let uri = location.and_then(|it| it.text("physicalLocation/artifactLocation/uri"));
    let own = result.at("properties");
    let of_rule = rule.and_then(|rule| rule.at("properties"));

    // Lamina: `properties.package`, with its purl.
    if let Some(purl) = own.and_then(|own| own.text("purl")) {
        let file = own.and_then(|own| own.text("file")).or(uri);
        let named = draft.package(Named {
            purl: Some(purl),
            file,
            ..Named::default()
        });
        return named
            .map(|package| (package, message()))
            .into_iter()
            .collect();
    }
    // QScanner: `properties.vulnerableSoftware`.
    let software = own.map_or(&[][..], |own| own.list("vulnerableSoftware"));
    if !software.is_empty() {
        let mut found = Packages::new();
        for software in software {
            let layer = draft.layer(software.text("layerSHA"), None);
            let path = software.text("packagePath");
            let named = draft.package(Named {
                kind: path.is_none().then_some("os"),
                name: software.text("name"),
                version: software.word("installedVersion"),
                file: path,
                layer,
                ..Named::default()
            });
            if let Some(package) = named {
                let fixed = software.text("fixedVersion").unwrap_or_default();
                found.push((package, Facts(vec![("Fixed Version", fixed)])));
            }
        }
        return found;
    }
    // Trivy: lines of the message.
    let said = message();
    if let (Some(name), Some(version)) = (said.get(&["Package"]), said.get(&["Installed Version"]))
    {
        let is_os = rule
            .and_then(|rule| rule.text("name"))
            .is_none_or(|name| name.starts_with("Os"));
        let named = draft.package(Named {
            kind: Some(if is_os { "os" } else { "unsaid" }),
            name: Some(name),
            version: Some(version.to_owned()),
            file: uri.filter(|_| !is_os),
            ..Named::default()
        });
        return named.map(|package| (package, said)).into_iter().collect();
    }
    // Grype and Scout: purls of the rule. Scout has one rule for a vulnerability, so that it may name
    // several; Grype one for each package.
    let purls: Vec<&str> = of_rule.map_or_else(Vec::new, |it| {
        it.texts("purls")
            .chain(it.text("purl"))
            .take(1_000)
            .collect()
    });
    let helped = help();
    if let (Some(name), Some(version)) = (helped.get(&["Package"]), helped.get(&["Version"])) {
        let file = location.and_then(|it| it.list("logicalLocations").first());
        let named = draft.package(Named {
            purl: purls.first().copied(),
            kind: helped.get(&["Type"]),
            name: Some(name),
            version: Some(version.to_owned()),
            file: file
                .and_then(|it| it.text("name"))
                .or(helped.get(&["Location"])),
            ..Named::default()
        });
        return named.map(|package| (package, helped)).into_iter().collect();
    }
    if !purls.is_empty() {
        let file = uri.filter(|_| purls.len() == 1);
        let named = |purl: &str, draft: &mut Draft| {
            if let Some(parsed) = lamina_inventory::purl::Purl::parse(purl)
                && let (Some(name), Some(version)) =
                    (parsed.qualifier("os_name"), parsed.qualifier("os_version"))
            {
                draft.distribution(Some(name), Some(version));
            }
            draft.package(Named {
                purl: Some(purl),
                file,
                ..Named::default()
            })
        };
        let packages = purls.into_iter().filter_map(|purl| named(purl, draft));
        return packages.map(|package| (package, help())).collect();
    }
    // Snyk: a logical location `name@version`.
    let logical = location.map_or(&[][..], |it| it.list("logicalLocations"));
    let named = logical.iter().find_map(|it| {
        let (name, version) = it.text("fullyQualifiedName")?.rsplit_once('@')?;
        let version_begins = version
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric());
        (version_begins && !version.contains('/')).then_some((name, version))
    });
    let named = named.and_then(|(name, version)| {
        draft.name(uri);
        let (source, name) = match name.split_once('/') {
            Some((source, binary)) if !source.starts_with('@') => (Some((source, None)), binary),
            _ => (None, name),
        };
        draft.package(Named {
            kind: Some("os"),
            name: Some(name),
            version: Some(version.to_owned()),
            source,
            ..Named::default()
        })
    });
    named
        .map(|package| (package, message()))
        .into_iter()
        .collect()
}

/// The ids of a result, its own first.
fn ids(result: &Value, rule: Option<&Value>, facts: &Facts<'_>) -> Vec<String> {
    let id = result
        .text("ruleId")
        .or(rule.and_then(|rule| rule.text("id")))
        .unwrap_or_default();
    let own = ids_in(id);
    // Grype: `CVE-2021-1-openssl`, of which the package is no part of the id.
    let said = facts
        .0
        .iter()
        .find_map(|(name, _)| name.strip_prefix("Vulnerability "));
    let mut ids: Vec<String> = said.into_iter().filter_map(kept).collect();
    match own.first() {
        _ if !ids.is_empty() => {}
        Some(first) if is_cve(first) => {
            let parts: Vec<&str> = first.splitn(4, '-').take(3).collect();
            ids.push(parts.join("-"));
        }
        Some(first) if first.starts_with("GHSA-") => {
            let parts: Vec<&str> = first.splitn(5, '-').take(4).collect();
            ids.push(parts.join("-"));
        }
        _ => ids.extend(kept(id)),
    }
    // Snyk names the CVE in the description, QScanner in properties.
    let text = rule
        .and_then(|rule| rule.text("fullDescription/text"))
        .unwrap_or_default();
    if !ids.first().is_some_and(|id| is_cve(id)) && text.starts_with('(') {
        let named = text.split(')').next().unwrap_or_default();
        ids.extend(ids_in(named));
    }
    let lists = ["aliases", "cves", "CVEs", "cveIds"];
    for owner in [
        result.at("properties"),
        rule.and_then(|rule| rule.at("properties")),
    ]
    .into_iter()
    .flatten()
    {
        for name in lists {
            ids.extend(owner.texts(name).filter_map(kept));
        }
    }
    ids
}

fn finding(
    result: &Value,
    rule: Option<&Value>,
    package: usize,
    facts: &Facts<'_>,
    draft: &mut Draft,
) {
    let ids = ids(result, rule, facts);
    let properties = rule.and_then(|rule| rule.at("properties"));
    let property = |name: &str| properties.and_then(|it| it.text(name));
    let score = properties.and_then(|it| {
        let names = [
            "cvssv3_baseScore",
            "cvssV3",
            "security-severity",
            "cvssv2_score",
        ];
        names
            .iter()
            .find_map(|name| it.number(name))
            .filter(|score| *score > 0.0)
    });
    let word = result
        .text("properties/severity")
        .or(facts.get(&["Severity"]))
        .or(property("cvssV3_severity"));
    let mut level = severity(word);
    if word.is_none() {
        // GitHub's reading of `security-severity`, else the level.
        let numbered = properties.and_then(|it| it.number("security-severity"));
        level = match numbered.filter(|score| *score > 0.0) {
            Some(score) => Severity::from_cvss_score(score),
            None => severity(result.text("level")),
        };
    }
    let fixed = facts
        .get(&["Fixed Version", "Fix Version"])
        .or(property("fixed_version"))
        .or(result.text("properties/fixedVersion"));
    let list: Vec<&str> = result.texts("properties/fixedIn").collect();
    let title = rule.and_then(|rule| {
        let help = rule
            .text("fullDescription/text")
            .filter(|text| !text.starts_with('('));
        rule.text("shortDescription/text").or(help)
    });
    draft.finding(Found {
        id: ids.first().map(String::as_str),
        aliases: ids.iter().skip(1).cloned().collect(),
        package,
        severity: level,
        cvss: property("cvssv3_vector").or(property("cvssV3_vector")),
        score,
        status: result.text("properties/status"),
        fixed: fixed.into_iter().chain(list).collect(),
        title,
        namespace: facts.get(&["Data Namespace"]),
        range: property("affected_version"),
        ..Found::default()
    });
}
