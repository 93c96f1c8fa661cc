//! CycloneDX 1.6, JSON: the bill of materials, each component with its layer and file, and the
//! findings as its `vulnerabilities`.
//!
//! <https://cyclonedx.org/docs/1.6/json/> (ECMA-424). What the standard has no field for are
//! properties under `lamina:`, which `docs/sbom.md` lists. There is no `analysis`: whether a finding
//! matters is a policy's answer, not a fact of the image. [`super::cyclonedx_vdr`] has it.

use std::collections::{BTreeMap, btree_map::Entry};

use jiff::Timestamp;
use lamina_image::digest::{Algorithm, Digest};
use lamina_inventory::{
    facts::{Basis, PackageKind},
    severity::Severity,
};
use lamina_policy::{Level, Why};
use serde::Serialize;

use super::{Format, Judged, pretty};
use crate::{
    model::{Finding, Package, Report, Status},
    sbom::{self, Licence, Names, Properties},
    standing::{Stand, Standing, why_in_words},
};

/// The format `cyclonedx`.
#[derive(Clone, Copy, Debug)]
pub struct CycloneDx;

/// Characters of a version, by the schema.
const MAX_VERSION_CHARS: usize = 1024;

impl Format for CycloneDx {
    fn id(&self) -> &'static str {
        "cyclonedx"
    }

    fn media_type(&self) -> &'static str {
        "application/vnd.cyclonedx+json; version=1.6"
    }

    fn extension(&self) -> &'static str {
        "cdx.json"
    }

    fn about(&self) -> &'static str {
        "CycloneDX 1.6 (JSON): the bill of materials, with layers, files and findings"
    }

    fn has_verdict(&self) -> bool {
        false
    }

    fn render(&self, judged: &Judged<'_>) -> String {
        let (report, now) = (judged.report, judged.now);
        pretty(&bom(report, &References::new(report), now, &[]))
    }
}

/// The same with what the policy says of each finding.
pub(super) fn render_analysed(judged: &Judged<'_>) -> String {
    let (report, now) = (judged.report, judged.now);
    let standing = Standing::of(&judged.verdict, report);
    let findings = report.findings.iter().zip(&standing.findings);
    let analyses: Vec<Analysis> = findings
        .map(|(finding, stand)| analysis(judged, finding, *stand))
        .collect();
    pretty(&bom(report, &References::new(report), now, &analyses))
}

fn analysis(judged: &Judged<'_>, finding: &Finding, stand: Stand) -> Analysis {
    let update = (finding.status == Status::Fixed && !finding.fixed_in.is_empty())
        .then_some("update")
        .into_iter()
        .collect();
    match (stand.level, stand.why) {
        (Level::Failed | Level::Warned, _) => {
            let word = if stand.level == Level::Failed {
                "fails"
            } else {
                "warns"
            };
            let rule = stand.rule.and_then(|rule| judged.verdict.rules.get(rule));
            let rule = rule.map(|rule| rule.rule.as_ref()).unwrap_or_default();
            Analysis {
                state: "in_triage",
                response: update,
                detail: format!("{word} the policy: {rule}"),
            }
        }
        (Level::Passed, Some(why)) => {
            let detail = why_in_words(why, judged);
            let (state, response) = match why {
                Why::Vex(index) => {
                    let statement = judged.verdict.statements.get(index);
                    let is_fixed = statement.is_some_and(|statement| says_fixed(statement));
                    (
                        if is_fixed { "resolved" } else { "not_affected" },
                        Vec::new(),
                    )
                }
                Why::Exception(_) => ("in_triage", vec!["will_not_fix"]),
                Why::Base | Why::Unfixed | Why::Status | Why::Grace => ("in_triage", update),
            };
            Analysis {
                state,
                response,
                detail,
            }
        }
        (Level::Passed, None) => Analysis {
            state: "in_triage",
            response: update,
            detail: "passes the policy".to_owned(),
        },
    }
}

/// Whether a VEX statement, in the words of a verdict (`OpenVEX of A, 2026-11-01: CVE-2024-1 fixed`), says
/// that it is fixed.
fn says_fixed(statement: &str) -> bool {
    let said = statement.split_once(": ").map_or("", |(_, said)| said);
    said.split_whitespace()
        .nth(1)
        .is_some_and(|word| word.trim_end_matches(':') == "fixed")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bom<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    bom_format: &'static str,
    spec_version: &'static str,
    serial_number: String,
    version: u32,
    metadata: Metadata<'a>,
    components: Vec<Component<'a>>,
    dependencies: Vec<Dependency<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    compositions: Vec<Composition<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vulnerabilities: Vec<Vulnerability<'a>>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    timestamp: String,
    lifecycles: [Lifecycle; 1],
    tools: Tools<'a>,
    component: Component<'a>,
}

#[derive(Serialize)]
struct Lifecycle {
    phase: &'static str,
}

#[derive(Serialize)]
struct Tools<'a> {
    components: [Component<'a>; 1],
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Component<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "bom-ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<LicenceChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Evidence<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

#[derive(Serialize)]
struct Hash {
    alg: &'static str,
    content: String,
}

#[derive(Serialize)]
#[serde(untagged)]
enum LicenceChoice<'a> {
    Expression {
        expression: &'a str,
        acknowledgement: &'static str,
    },
    Named {
        license: NamedLicence<'a>,
    },
}

#[derive(Serialize)]
struct NamedLicence<'a> {
    name: &'a str,
    acknowledgement: &'static str,
}

#[derive(Serialize)]
struct Evidence<'a> {
    identity: [Identity<'a>; 1],
    occurrences: [Occurrence<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    field: &'static str,
    confidence: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    concluded_value: Option<&'a str>,
    methods: [Method<'a>; 1],
}

#[derive(Serialize)]
struct Method<'a> {
    technique: &'static str,
    confidence: f64,
    value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Occurrence<'a> {
    location: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_context: Option<&'a str>,
}

#[derive(Serialize)]
struct Property {
    name: String,
    value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency<'a> {
    #[serde(rename = "ref")]
    reference: &'a str,
    depends_on: Vec<&'a str>,
}

#[derive(Serialize)]
struct Composition<'a> {
    aggregate: &'static str,
    assemblies: [&'a str; 1],
}

#[derive(Serialize)]
struct Vulnerability<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<Alias<'a>>,
    ratings: [Rating<'a>; 1],
    #[serde(skip_serializing_if = "<[u32]>::is_empty")]
    cwes: &'a [u32],
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recommendation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    analysis: Option<Analysis>,
    affects: Vec<Affected<'a>>,
    properties: Vec<Property>,
}

/// What is known of a vulnerability's effect on this image.
#[derive(Clone, Serialize)]
struct Analysis {
    state: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    response: Vec<&'static str>,
    detail: String,
}

#[derive(Clone, Copy, Serialize)]
struct Source<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct Alias<'a> {
    id: &'a str,
    source: Source<'static>,
}

#[derive(Serialize)]
struct Rating<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vector: Option<&'a str>,
}

#[derive(PartialEq, Serialize)]
struct Affected<'a> {
    #[serde(rename = "ref")]
    reference: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    versions: Vec<AffectedVersion<'a>>,
}

#[derive(PartialEq, Serialize)]
struct AffectedVersion<'a> {
    version: &'a str,
    status: &'static str,
}

/// The `bom-ref` of everything in the document.
struct References {
    image: String,
    distribution: String,
    /// By index in the report; those of removed packages are not given out.
    packages: BTreeMap<usize, String>,
}

impl References {
    /// A package's is its purl, with its place after it where several have that purl.
    fn new(report: &Report) -> Self {
        let mut names = Names::default();
        let image = names.take("image", "");
        let distribution = names.take("distribution", "");
        let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, package) in sbom::present(report) {
            *uses.entry(&package.purl).or_default() += 1;
        }
        let packages = sbom::present(report).map(|(index, package)| {
            let fingerprint = format!("#{}", sbom::fingerprint(package));
            let is_shared = uses
                .get(package.purl.as_str())
                .is_some_and(|uses| *uses > 1);
            let name = if is_shared {
                names.take(&format!("{}{fingerprint}", package.purl), "")
            } else {
                names.take(&package.purl, &fingerprint)
            };
            (index, name)
        });
        let packages = packages.collect();
        Self {
            image,
            distribution,
            packages,
        }
    }

    fn package(&self, index: usize) -> Option<&str> {
        self.packages.get(&index).map(String::as_str)
    }
}

fn bom<'a>(
    report: &'a Report,
    references: &'a References,
    now: Timestamp,
    analyses: &[Analysis],
) -> Bom<'a> {
    let mut components = Vec::new();
    components.extend(distribution(report, references));
    components.extend(
        sbom::present(report)
            .map(|(index, package)| component(report, package, references.package(index))),
    );
    let is_incomplete = sbom::unread(report).next().is_some();
    let incomplete = is_incomplete.then(|| Composition {
        aggregate: "incomplete",
        assemblies: [&references.image],
    });
    let (tool, tool_version) = sbom::tool(report);
    Bom {
        schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: format!("urn:uuid:{}", sbom::uuid(report, "cyclonedx")),
        version: 1,
        metadata: Metadata {
            timestamp: sbom::created(report, now),
            lifecycles: [Lifecycle {
                phase: "post-build",
            }],
            tools: Tools {
                components: [Component {
                    kind: "application",
                    name: tool,
                    version: tool_version.and_then(version),
                    ..Component::default()
                }],
            },
            component: image(report, references),
        },
        components,
        dependencies: dependencies(report, references),
        compositions: incomplete.into_iter().collect(),
        vulnerabilities: vulnerabilities(report, references, analyses),
    }
}

fn image<'a>(report: &'a Report, references: &'a References) -> Component<'a> {
    let image = &report.image;
    Component {
        kind: "container",
        reference: Some(&references.image),
        name: &image.name,
        version: image.digest.as_deref().and_then(version),
        hashes: image.digest.iter().filter_map(|text| hash(text)).collect(),
        purl: sbom::image_purl(image),
        properties: properties(sbom::image_properties(report)),
        ..Component::default()
    }
}

fn hash(text: &str) -> Option<Hash> {
    let digest: Digest = text.parse().ok()?;
    let alg = match digest.algorithm() {
        Algorithm::Sha256 => "SHA-256",
        Algorithm::Sha512 => "SHA-512",
    };
    let content = digest.hex().to_owned();
    Some(Hash { alg, content })
}

fn distribution<'a>(report: &'a Report, references: &'a References) -> Option<Component<'a>> {
    let distribution = report.distribution.as_ref()?;
    Some(Component {
        kind: "operating-system",
        reference: Some(&references.distribution),
        name: &distribution.id,
        version: distribution.version.as_deref().and_then(version),
        description: Some(&distribution.name),
        properties: properties(vec![("lamina:file".to_owned(), distribution.file.clone())]),
        ..Component::default()
    })
}

fn component<'a>(
    report: &'a Report,
    package: &'a Package,
    reference: Option<&'a str>,
) -> Component<'a> {
    let (group, name) = sbom::group_and_name(package);
    let (technique, confidence) = technique(package);
    let acknowledgement = "declared";
    Component {
        kind: match package.kind {
            PackageKind::Generic | PackageKind::LinuxKernel => "application",
            _ => "library",
        },
        reference,
        group,
        name,
        version: version(&package.version),
        licenses: match sbom::licence(package) {
            None => Vec::new(),
            Some(Licence::Expression(expression)) => vec![LicenceChoice::Expression {
                expression,
                acknowledgement,
            }],
            Some(Licence::Text(name)) => vec![LicenceChoice::Named {
                license: NamedLicence {
                    name,
                    acknowledgement,
                },
            }],
        },
        purl: (!package.purl.is_empty()).then(|| package.purl.clone()),
        evidence: Some(Evidence {
            identity: [Identity {
                field: "purl",
                confidence,
                concluded_value: Some(package.purl.as_str()).filter(|purl| !purl.is_empty()),
                methods: [Method {
                    technique,
                    confidence,
                    value: &package.file,
                }],
            }],
            occurrences: [Occurrence {
                location: sbom::location(package),
                line: package.lines.map(|(first, _)| first),
                additional_context: package.evidence.as_deref(),
            }],
        }),
        properties: properties(sbom::package_properties(report, package)),
        ..Component::default()
    }
}

/// How a package was told, and how sure that is. The standard asks for a number; ours are ranks, not
/// probabilities: 1 is stated by what is there, less is concluded (0.9), wanted (0.7) or hearsay (0.5).
fn technique(package: &Package) -> (&'static str, f64) {
    use PackageKind::{Cargo, Generic, Golang, LinuxKernel};
    match (package.basis, package.kind) {
        (Basis::Embedded, Golang | Cargo | Generic | LinuxKernel) => ("binary-analysis", 1.0),
        (Basis::Classified, _) => ("binary-analysis", 0.9),
        (Basis::Declared, _) => ("manifest-analysis", 0.7),
        (Basis::Stated, _) => ("attestation", 0.5),
        _ => ("manifest-analysis", 1.0),
    }
}

/// A version that the schema takes; the purl has it in any case.
fn version(text: &str) -> Option<&str> {
    (!text.is_empty() && text.chars().count() <= MAX_VERSION_CHARS).then_some(text)
}

fn properties(properties: Properties) -> Vec<Property> {
    let properties = properties.into_iter();
    properties
        .map(|(name, value)| Property { name, value })
        .collect()
}

/// The image holds its packages, except those that belong to an OS package: that one holds them.
fn dependencies<'a>(report: &'a Report, references: &'a References) -> Vec<Dependency<'a>> {
    let mut of_image = Vec::new();
    if report.distribution.is_some() {
        of_image.push(references.distribution.as_str());
    }
    let mut of_owners: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for (index, package) in sbom::present(report) {
        let Some(reference) = references.package(index) else {
            continue;
        };
        match sbom::owner(report, package) {
            Some((owner, _)) => of_owners.entry(owner).or_default().push(reference),
            None => of_image.push(reference),
        }
    }
    let mut dependencies = vec![Dependency {
        reference: &references.image,
        depends_on: of_image,
    }];
    dependencies.extend(of_owners.into_iter().filter_map(|(owner, depends_on)| {
        Some(Dependency {
            reference: references.package(owner)?,
            depends_on,
        })
    }));
    dependencies
}

/// Findings, those that differ in nothing but the package as one.
fn vulnerabilities<'a>(
    report: &'a Report,
    references: &'a References,
    analyses: &[Analysis],
) -> Vec<Vulnerability<'a>> {
    let mut all: Vec<Vulnerability<'a>> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for (index, finding) in report.findings.iter().enumerate() {
        let (Some(package), Some(reference)) = (
            report.packages.get(finding.package),
            references.package(finding.package),
        ) else {
            continue;
        };
        let affected = Affected {
            reference,
            versions: version(&package.version)
                .map(|version| AffectedVersion {
                    version,
                    status: "affected",
                })
                .into_iter()
                .collect(),
        };
        let mut vulnerability = vulnerability(finding);
        vulnerability.analysis = analyses.get(index).cloned();
        let key = serde_json::to_string(&vulnerability).unwrap_or_default();
        match known.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(all.len());
                vulnerability.affects.push(affected);
                all.push(vulnerability);
            }
            Entry::Occupied(entry) => {
                if let Some(vulnerability) = all.get_mut(*entry.get())
                    && !vulnerability.affects.contains(&affected)
                {
                    vulnerability.affects.push(affected);
                }
            }
        }
    }
    all
}

/// A finding without the package.
fn vulnerability(finding: &Finding) -> Vulnerability<'_> {
    let evidence = &finding.evidence;
    let said = |text: &'_ str| !text.is_empty();
    let mut properties = Vec::new();
    let mut add = |name: &str, value: &str| {
        if said(value) {
            properties.push(Property {
                name: format!("lamina:{name}"),
                value: value.to_owned(),
            });
        }
    };
    add("record", &evidence.record);
    add("shard", &evidence.shard);
    add("matchedName", &evidence.matched_name);
    add("matchedVersion", &evidence.matched_version);
    add("order", &evidence.order);
    add("range", &evidence.range);
    for version in &finding.fixed_in {
        add("fixedIn", version);
    }
    if !matches!(finding.status, Status::Fixed | Status::Affected) {
        add("status", finding.status.words());
    }
    if let Some(epss) = finding.epss {
        add("epss", &epss.score.to_string());
        add("epssPercentile", &epss.percentile.to_string());
    }
    if let Some(kev) = &finding.kev {
        add("kevAdded", &kev.added);
        add("kevDue", kev.due.as_deref().unwrap_or_default());
        add("kevRansomware", if kev.ransomware { "known" } else { "" });
    }
    let fix_published = finding.fix_published.as_deref();
    add("fixPublished", fix_published.unwrap_or_default());
    Vulnerability {
        id: &finding.id,
        source: Some(Source {
            name: &evidence.source,
        })
        .filter(|source| said(source.name)),
        references: finding
            .aliases
            .iter()
            .map(|id| Alias {
                id,
                source: Source {
                    name: keeper_of(id),
                },
            })
            .collect(),
        ratings: [Rating {
            source: finding
                .severity_source
                .as_deref()
                .map(|name| Source { name }),
            score: finding.score.filter(|score| score.is_finite()),
            severity: match finding.severity {
                Severity::Critical => "critical",
                Severity::High => "high",
                Severity::Medium => "medium",
                Severity::Low => "low",
                Severity::Negligible => "info",
                Severity::Unknown => "unknown",
            },
            method: finding.cvss.as_deref().map(method),
            vector: finding.cvss.as_deref(),
        }],
        cwes: &finding.cwes,
        description: finding.title.as_deref(),
        analysis: None,
        published: finding.published.as_deref().and_then(midnight),
        updated: finding.modified.as_deref().and_then(midnight),
        recommendation: (finding.status == Status::Fixed && !finding.fixed_in.is_empty())
            .then(|| format!("update to {}", finding.fixed_in.join(" or "))),
        affects: Vec::new(),
        properties,
    }
}

/// A day as a time; `None` for what is no day.
fn midnight(day: &str) -> Option<String> {
    let is_day = day.len() == 10
        && day.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    is_day.then(|| format!("{day}T00:00:00Z"))
}

/// Who gives out ids of this form.
fn keeper_of(id: &str) -> &'static str {
    const KEEPERS: &[(&str, &str)] = &[
        ("CVE-", "CVE"),
        ("GHSA-", "GitHub"),
        ("PYSEC-", "PyPA"),
        ("RUSTSEC-", "RustSec"),
        ("GO-", "Go"),
        ("ALPINE-", "Alpine"),
        ("DEBIAN-", "Debian"),
        ("DSA-", "Debian"),
        ("DLA-", "Debian"),
        ("UBUNTU-", "Ubuntu"),
        ("USN-", "Ubuntu"),
    ];
    let found = KEEPERS.iter().find(|(prefix, _)| id.starts_with(prefix));
    found.map_or("OSV", |(_, keeper)| keeper)
}

fn method(vector: &str) -> &'static str {
    const METHODS: &[(&str, &str)] = &[
        ("CVSS:4.0/", "CVSSv4"),
        ("CVSS:3.1/", "CVSSv31"),
        ("CVSS:3.0/", "CVSSv3"),
        ("AV:", "CVSSv2"),
        ("(AV:", "CVSSv2"),
    ];
    let found = METHODS
        .iter()
        .find(|(prefix, _)| vector.starts_with(prefix));
    found.map_or("other", |(_, method)| method)
}
