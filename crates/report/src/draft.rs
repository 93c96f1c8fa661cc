//! A report in the making from another tool's: what the readers of [`crate::imports`] share.
//!
//! The words of tools for severities, states and kinds of packages are tables here, so that a word has one
//! meaning whoever writes it.

use std::collections::HashMap;

use jiff::Timestamp;
use lamina_image::path::LayerPath;
use lamina_inventory::{
    facts::{Basis, DistributionFact, PackageFact, PackageKind},
    purl::{self, Purl},
    severity::Severity,
};
use serde_json::Value;

use crate::{
    limits::{
        MAX_IMPORT_FINDINGS, MAX_IMPORT_IDS, MAX_IMPORT_LAYERS, MAX_IMPORT_NAME,
        MAX_IMPORT_PACKAGES, MAX_IMPORT_TEXT,
    },
    model::{
        Database, Distribution, FORMAT, Finding, Image, Imported, Issue, Layer, Package, Report,
        ReportWarning, Status, Suppressed,
    },
    text,
};

/// Reads JSON of a stranger: what is not there, or of another type, says nothing.
pub(crate) trait Read {
    /// The value at a path of names, `a/b`.
    fn at(&self, path: &str) -> Option<&Value>;
    /// A text that is not blank.
    fn text(&self, path: &str) -> Option<&str>;
    /// The same, made fit to be shown; a number too.
    fn word(&self, path: &str) -> Option<String>;
    /// A number, also one in a text.
    fn number(&self, path: &str) -> Option<f64>;
    /// The entries of a list; none if it is no list.
    fn list(&self, path: &str) -> &[Value];
    /// The texts of a list.
    fn texts(&self, path: &str) -> impl Iterator<Item = &str>;
    /// The entries of an object, in the order of their names.
    fn entries(&self, path: &str) -> impl Iterator<Item = (&String, &Value)>;
}

impl Read for Value {
    fn at(&self, path: &str) -> Option<&Value> {
        path.split('/')
            .try_fold(self, |value, name| value.get(name))
    }

    fn text(&self, path: &str) -> Option<&str> {
        let text = self.at(path)?.as_str()?.trim();
        (!text.is_empty()).then_some(text)
    }

    fn word(&self, path: &str) -> Option<String> {
        match self.at(path)? {
            Value::String(text) => kept(text),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    fn number(&self, path: &str) -> Option<f64> {
        let number = match self.at(path)? {
            Value::Number(number) => number.as_f64()?,
            Value::String(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        number.is_finite().then_some(number)
    }

    fn list(&self, path: &str) -> &[Value] {
        self.at(path)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    fn texts(&self, path: &str) -> impl Iterator<Item = &str> {
        let texts = self.list(path).iter().filter_map(Value::as_str);
        texts.map(str::trim).filter(|text| !text.is_empty())
    }

    fn entries(&self, path: &str) -> impl Iterator<Item = (&String, &Value)> {
        let map = self.at(path).and_then(Value::as_object);
        let mut entries: Vec<_> = map.into_iter().flatten().collect();
        // Whether `serde_json` keeps them as they come depends on who else asks it to.
        entries.sort_unstable_by_key(|(name, _)| *name);
        entries.into_iter()
    }
}

/// A name, version, id or path as it is kept: without control characters, and cut off.
pub(crate) fn kept(text: &str) -> Option<String> {
    let text = text::short(text, MAX_IMPORT_NAME);
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// A title: the first line of a text, cut off.
pub(crate) fn title(text: &str) -> Option<String> {
    let mut lines = text.lines().map(|line| line.trim().trim_start_matches('#'));
    let is_said = |line: &&str| {
        let line = line.trim();
        // Headings, and what services write for nothing.
        !line.is_empty()
            && !matches!(line, "Overview" | "NVD Description" | "None Provided")
            && !line.starts_with("NIST vectors:")
    };
    let line = lines.find(is_said)?;
    Some(text::short(line.trim(), MAX_IMPORT_TEXT))
}

/// What is said of a package in a tool's report.
#[derive(Clone, Debug, Default)]
pub(crate) struct Named<'a> {
    /// The package URL, if it has one: it tells the kind and the name best.
    pub(crate) purl: Option<&'a str>,
    /// The tool's word for the kind: `debian`, `node-pkg`, `java-archive` …
    pub(crate) kind: Option<&'a str>,
    /// The name.
    pub(crate) name: Option<&'a str>,
    /// The version.
    pub(crate) version: Option<String>,
    /// The architecture.
    pub(crate) architecture: Option<&'a str>,
    /// The source package: name, and version if it is said.
    pub(crate) source: Option<(&'a str, Option<String>)>,
    /// The licence.
    pub(crate) licence: Option<String>,
    /// The file it was read from.
    pub(crate) file: Option<&'a str>,
    /// The layer it was found in: what [`Draft::layer`] answered.
    pub(crate) layer: Option<usize>,
}

/// A report in the making.
#[derive(Debug)]
pub struct Draft {
    pub(crate) imported: Imported,
    pub(crate) image: Image,
    pub(crate) scanned_at: Option<Timestamp>,
    pub(crate) distribution: Option<Distribution>,
    pub(crate) layers: Vec<Layer>,
    /// When the tool's database was built, if it says so.
    pub(crate) database_built: Option<Timestamp>,
    packages: Vec<Package>,
    findings: Vec<Finding>,
    issues: Vec<Issue>,
    package_index: HashMap<(PackageKind, String, String, String), usize>,
    finding_index: HashMap<(String, usize), usize>,
    layer_index: HashMap<String, usize>,
    not_affected: usize,
    cut_off: bool,
}

/// The layer of a package whose layer is not known, until the number of layers is.
const NO_LAYER: usize = usize::MAX;

impl Draft {
    /// An empty one, of a format and a tool.
    pub(crate) fn new(format: &str, tool: &str) -> Self {
        Self {
            imported: Imported {
                tool: tool.to_owned(),
                format: format.to_owned(),
                ..Imported::default()
            },
            image: Image::default(),
            scanned_at: None,
            distribution: None,
            layers: Vec::new(),
            database_built: None,
            packages: Vec::new(),
            findings: Vec::new(),
            issues: Vec::new(),
            package_index: HashMap::new(),
            finding_index: HashMap::new(),
            layer_index: HashMap::new(),
            not_affected: 0,
            cut_off: false,
        }
    }

    /// Which tool, if the document says it.
    pub(crate) fn tool(&mut self, name: Option<&str>, version: Option<&str>) {
        if let Some(name) = name.and_then(kept) {
            self.imported.tool = name;
        }
        let is_version = |version: &&str| version.bytes().any(|byte| byte.is_ascii_digit());
        if let Some(version) = version.filter(is_version).and_then(kept) {
            let version = version.strip_prefix('v').unwrap_or(&version).to_owned();
            self.imported.version = Some(version);
        }
    }

    /// When the report was made.
    pub(crate) fn made(&mut self, time: Option<&str>) {
        self.scanned_at = self.scanned_at.or(time.and_then(timestamp));
    }

    /// What the format does not say, in a sentence.
    pub(crate) fn remark(&mut self, sentence: impl Into<String>) {
        let sentence = sentence.into();
        if self.imported.remarks.len() < 20 && !self.imported.remarks.contains(&sentence) {
            self.imported.remarks.push(sentence);
        }
    }

    /// The image's name, and its digest if the name ends in one.
    pub(crate) fn name(&mut self, name: Option<&str>) {
        let Some(name) = name.and_then(kept) else {
            return;
        };
        if let Some((_, digest)) = name.split_once('@') {
            self.digest(Some(digest));
        }
        if self.image.name.is_empty() {
            self.image.name = name;
        }
    }

    /// The digest of the manifest.
    pub(crate) fn digest(&mut self, digest: Option<&str>) {
        let is_digest =
            |digest: &&str| digest.starts_with("sha256:") || digest.starts_with("sha512:");
        if self.image.digest.is_none() {
            self.image.digest = digest.filter(is_digest).and_then(kept);
        }
    }

    /// The operating system and the architecture.
    pub(crate) fn platform(&mut self, os: Option<&str>, architecture: Option<&str>) {
        if let Some(architecture) = architecture.and_then(kept) {
            let os = os.and_then(kept).unwrap_or_else(|| "linux".to_owned());
            self.image.platform = format!("{os}/{architecture}");
        }
    }

    /// The distribution: `debian` and `12.5`, or both in one text (`debian:12`, `DEBIAN_12`).
    pub(crate) fn distribution(&mut self, id: Option<&str>, version: Option<&str>) {
        if self.distribution.is_some() {
            return;
        }
        let Some(id) = id.and_then(kept) else { return };
        let (id, version) = match version.and_then(kept) {
            Some(version) => (id, Some(version)),
            None => split_distribution(&id),
        };
        let word = distribution_word(&id);
        if word.is_empty() {
            return;
        }
        self.distribution = Some(Distribution {
            name: match &version {
                Some(version) => format!("{word} {version}"),
                None => word.clone(),
            },
            id: word,
            version,
            file: String::new(),
            codename: None,
        });
    }

    /// The layer of a digest or diff id; one that is not known yet comes above all others.
    pub(crate) fn layer(&mut self, digest: Option<&str>, diff_id: Option<&str>) -> Option<usize> {
        let ids = [diff_id, digest].into_iter().flatten();
        let ids: Vec<String> = ids.filter_map(kept).collect();
        let known = ids.iter().find_map(|id| self.layer_index.get(id)).copied();
        let index = match known {
            Some(index) => index,
            None if ids.is_empty() || self.layers.len() >= MAX_IMPORT_LAYERS => return None,
            None => {
                self.layers.push(Layer::default());
                self.layers.len() - 1
            }
        };
        let layer = self.layers.get_mut(index)?;
        if layer.digest.is_none() {
            layer.digest = digest.and_then(kept);
        }
        if layer.diff_id.is_empty() {
            layer.diff_id = diff_id.and_then(kept).unwrap_or_default();
        }
        for id in ids {
            self.layer_index.entry(id).or_insert(index);
        }
        Some(index)
    }

    /// The package, new or known; `None` if it has no name or there are too many.
    pub(crate) fn package(&mut self, named: Named<'_>) -> Option<usize> {
        let file = named.file.and_then(kept).unwrap_or_default();
        let path = LayerPath::from(file.as_str());
        let table = named.kind.and_then(kind_of);
        let parsed = named.purl.and_then(Purl::parse);
        let fact = parsed.as_ref().and_then(|purl| purl.package(&path));
        let mut fact = match fact {
            Some(fact) if fact.kind != PackageKind::Generic || table.is_none() => fact,
            fact => {
                let kind = table.map(|(kind, _)| kind).or_else(|| {
                    let distribution = self.distribution.as_ref();
                    let is_os = named.kind.is_none_or(is_os_word);
                    distribution
                        .filter(|_| is_os)
                        .and_then(|distribution| kind_of(&distribution.id).map(|(kind, _)| kind))
                });
                let name = fact.map(|fact| fact.name);
                let name = named.name.map(str::to_owned).or(name)?;
                PackageFact::new(kind.unwrap_or(PackageKind::Generic), name, "", &path)
            }
        };
        // A purl's type forces the case of names; the tool's own word is what people know.
        if let Some(name) = named.name
            && name.eq_ignore_ascii_case(&fact.name)
        {
            name.clone_into(&mut fact.name);
        }
        // Their versions name the epoch where purls leave it out.
        if let Some(version) = named.version.as_deref().and_then(kept) {
            fact.version = version;
        }
        fact.name = kept(&fact.name)?;
        fact.version = kept(&fact.version).unwrap_or_default();
        let source = named.source.and_then(|(name, version)| {
            let version = version.as_deref().and_then(kept);
            Some((kept(name)?, version.unwrap_or_else(|| fact.version.clone())))
        });
        let source = source.or_else(|| {
            let source = fact.source.take()?;
            Some((kept(&source.name)?, source.version))
        });
        let key = (
            fact.kind,
            fact.name.clone(),
            fact.version.clone(),
            file.clone(),
        );
        let layer = named.layer.unwrap_or(NO_LAYER);
        if let Some(index) = self.package_index.get(&key) {
            if let Some(package) = self.packages.get_mut(*index) {
                package.source = package.source.take().or(source);
                if package.layer == NO_LAYER {
                    package.layer = layer;
                }
            }
            return Some(*index);
        }
        if self.packages.len() >= MAX_IMPORT_PACKAGES {
            self.cut_off = true;
            return None;
        }
        let purl = match named.purl.and_then(kept).filter(|_| parsed.is_some()) {
            Some(purl) => purl,
            None if fact.kind == PackageKind::Generic => String::new(),
            None => {
                let distribution = self.distribution.as_ref().map(|it| DistributionFact {
                    id: it.id.clone(),
                    version_id: it.version.clone(),
                    ..DistributionFact::default()
                });
                fact.architecture = named.architecture.and_then(kept);
                purl::purl(&fact, distribution.as_ref().filter(|_| fact.kind.is_os()))
            }
        };
        let architecture = named.architecture.and_then(kept).or(fact.architecture);
        let index = self.packages.len();
        self.packages.push(Package {
            purl,
            architecture,
            source: source.filter(|_| fact.kind.is_os()),
            licence: named.licence.as_deref().and_then(kept),
            layer,
            file_layer: layer,
            file,
            basis: table.map(|(_, basis)| basis).unwrap_or_default(),
            ..Package::new(fact.kind, &fact.name, &fact.version)
        });
        self.package_index.insert(key, index);
        Some(index)
    }

    /// A package that was noted.
    pub(crate) fn noted(&self, index: usize) -> Option<&Package> {
        self.packages.get(index)
    }

    /// A finding in a package. Its own id, other ids, and everything else; the one that is noted first
    /// of several with the same id in a package is kept.
    pub(crate) fn finding(&mut self, found: Found<'_>) {
        let own = found.id.and_then(kept);
        let mut ids: Vec<String> = Vec::new();
        let others = found.aliases.into_iter().filter_map(|id| kept(&id));
        for id in own.iter().cloned().chain(others) {
            if ids.len() < MAX_IMPORT_IDS && !ids.contains(&id) {
                ids.push(id);
            }
        }
        let Some(first) = ids.first().cloned() else {
            return;
        };
        let mut fixed_in: Vec<String> = Vec::new();
        for version in found.fixed.iter().flat_map(|text| fixed_versions(text)) {
            if fixed_in.len() < MAX_IMPORT_IDS && !fixed_in.contains(&version) {
                fixed_in.push(version);
            }
        }
        let Some(status) = status(found.status, !fixed_in.is_empty()) else {
            self.not_affected = self.not_affected.saturating_add(1);
            return;
        };
        // The CVE is the name that people know; an advisory about several keeps its own.
        let is_cve = |id: &&String| is_cve(id);
        let id = match ids.iter().filter(is_cve).count() {
            1 if !is_cve(&&first) => ids.iter().find(is_cve).cloned(),
            _ => None,
        };
        let id = id.unwrap_or_else(|| first.clone());
        let mut aliases: Vec<String> = ids.into_iter().filter(|other| *other != id).collect();
        aliases.sort();
        let key = (id.clone(), found.package);
        if self.finding_index.contains_key(&key) {
            return;
        }
        if self.findings.len() >= MAX_IMPORT_FINDINGS {
            self.cut_off = true;
            return;
        }
        let package = self.packages.get(found.package);
        let matched = package.map(|package| (package.name.clone(), package.version.clone()));
        let (matched_name, matched_version) = matched.unwrap_or_default();
        self.finding_index.insert(key, self.findings.len());
        let finding = Finding {
            id,
            aliases,
            package: found.package,
            severity: found.severity,
            severity_source: found.severity_source.and_then(kept),
            cvss: found.cvss.and_then(kept),
            // Zero is what tools write for no score.
            score: found.score.filter(|score| *score > 0.0 && *score <= 10.0),
            status,
            fixed_in,
            title: found.title.and_then(title),
            evidence: crate::model::Evidence {
                record: first,
                shard: found.namespace.and_then(kept).unwrap_or_default(),
                source: found.source.and_then(kept).unwrap_or_default(),
                matched_name,
                matched_version,
                order: String::new(),
                range: found.range.and_then(kept).unwrap_or_default(),
            },
            epss: found.epss,
            kev: found.kev,
            cwes: cwes(found.cwes),
            published: found.published.and_then(day),
            modified: found.modified.and_then(day),
            fix_published: found.fix_published.and_then(day),
        };
        self.findings.push(finding);
    }

    /// A secret, a misconfiguration or a licence.
    pub(crate) fn issue(&mut self, issue: Issue) {
        if self.issues.len() < MAX_IMPORT_FINDINGS {
            self.issues.push(issue);
        } else {
            self.cut_off = true;
        }
    }

    /// What the tool found, and left out.
    pub(crate) fn suppressed(&mut self, suppressed: Suppressed) {
        if self.imported.suppressed.len() < MAX_IMPORT_FINDINGS {
            self.imported.suppressed.push(suppressed);
        } else {
            self.cut_off = true;
        }
    }

    /// The report.
    pub(crate) fn finish(mut self) -> Report {
        let no_layer = self.layers.len();
        let mut unplaced = 0_usize;
        for package in &mut self.packages {
            if package.layer >= no_layer {
                unplaced = unplaced.saturating_add(1);
                package.layer = no_layer;
                package.file_layer = no_layer;
            }
        }
        if no_layer == 0 {
            self.remark("It does not say which layer brought a package");
        } else if unplaced > 0 {
            self.remark(format!(
                "It does not say which layer brought {unplaced} of the packages"
            ));
        }
        if !self.imported.lists_packages {
            self.remark("It lists only packages in which it found something");
        }
        if self.image.digest.is_none() {
            self.remark(
                "It does not name the image's digest, so that it may be about another build",
            );
        }
        if self.image.name.is_empty() {
            let digest = self
                .image
                .digest
                .as_deref()
                .map(|digest| text::short(digest, 80));
            self.image.name = digest.unwrap_or_else(|| "unnamed image".to_owned());
        }
        if self.scanned_at.is_none() {
            self.remark("It does not say when it was made");
        }
        if self.not_affected > 0 {
            let count = self.not_affected;
            self.remark(format!(
                "{count} entries say “not affected”, and are left out"
            ));
        }
        for package in &self.packages {
            if let Some(layer) = self.layers.get_mut(package.layer) {
                layer.packages_added = layer.packages_added.saturating_add(1);
            }
        }
        let mut warnings = Vec::new();
        if self.cut_off {
            warnings.push(ReportWarning::of_image(format!(
                "the report says more than {MAX_IMPORT_FINDINGS} things: the rest is left out"
            )));
        }
        self.findings.sort_by(|a, b| {
            let key =
                |finding: &Finding| std::cmp::Reverse((finding.severity, finding.kev.is_some()));
            key(a)
                .cmp(&key(b))
                .then_with(|| b.score.unwrap_or(0.0).total_cmp(&a.score.unwrap_or(0.0)))
                .then_with(|| a.id.cmp(&b.id))
                .then_with(|| a.package.cmp(&b.package))
        });
        self.issues.sort_by(|a, b| b.severity.cmp(&a.severity));
        Report {
            format: FORMAT,
            scanned_at: self
                .scanned_at
                .map(|time| time.to_string())
                .unwrap_or_default(),
            scanner: self.imported.title(),
            image: self.image,
            layers: self.layers,
            distribution: self.distribution,
            packages: self.packages,
            findings: self.findings,
            issues: self.issues,
            base: None,
            accounts: None,
            // Its findings were judged by its own advisories: the policy must not take them for none.
            database: Some(Database {
                name: format!("{}’s own", self.imported.tool),
                built_at: self
                    .database_built
                    .map(|time| time.to_string())
                    .unwrap_or_default(),
                ..Database::default()
            }),
            warnings,
            left_out: Vec::new(),
            imported: Some(self.imported),
        }
    }
}

/// What is said of a finding in a tool's report.
#[derive(Debug, Default)]
pub(crate) struct Found<'a> {
    /// The tool's own id.
    pub(crate) id: Option<&'a str>,
    /// Other ids.
    pub(crate) aliases: Vec<String>,
    /// What [`Draft::package`] answered.
    pub(crate) package: usize,
    pub(crate) severity: Severity,
    pub(crate) severity_source: Option<&'a str>,
    pub(crate) cvss: Option<&'a str>,
    pub(crate) score: Option<f64>,
    /// The tool's word.
    pub(crate) status: Option<&'a str>,
    /// Versions that fix it; each may be a list with commas, or a word that says there is none.
    pub(crate) fixed: Vec<&'a str>,
    pub(crate) title: Option<&'a str>,
    /// Who says it: `Alpine Secdb`.
    pub(crate) source: Option<&'a str>,
    /// Where in the tool's database it lies: `debian:distro:debian:12`.
    pub(crate) namespace: Option<&'a str>,
    /// The range that is affected.
    pub(crate) range: Option<&'a str>,
    pub(crate) epss: Option<crate::model::Epss>,
    pub(crate) kev: Option<crate::model::Kev>,
    pub(crate) cwes: Vec<&'a str>,
    pub(crate) published: Option<&'a str>,
    pub(crate) modified: Option<&'a str>,
    pub(crate) fix_published: Option<&'a str>,
}

/// A severity by any tool's word; unknown for words that nobody uses.
pub(crate) fn severity(word: Option<&str>) -> Severity {
    let Some(word) = word.map(|word| word.trim().to_ascii_lowercase()) else {
        return Severity::Unknown;
    };
    match word.as_str() {
        // Clair before version 4.
        "defcon1" => Severity::Critical,
        // GCP; AWS; GitLab; Qualys.
        "minimal" | "informational" | "info" => Severity::Negligible,
        // SARIF's levels, where nothing better is said.
        "error" => Severity::High,
        "warning" => Severity::Medium,
        "note" => Severity::Low,
        // AWS; Docker Scout; GCP.
        "undefined" | "untriaged" | "unspecified" | "severity_unspecified" => Severity::Unknown,
        word => Severity::parse(word).unwrap_or_default(),
    }
}

/// A state by any tool's word; `None` for what is not affected.
fn status(word: Option<&str>, has_fix: bool) -> Option<Status> {
    let word: String = word
        .unwrap_or_default()
        .chars()
        .filter(char::is_ascii_alphabetic)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    Some(match word.as_str() {
        "notaffected" | "falsepositive" | "resolved" | "resolvedwithpedigree" => return None,
        "willnotfix" | "wontfix" => Status::WillNotFix,
        "fixdeferred" | "deferred" | "scheduled" => Status::FixDeferred,
        "underinvestigation" => Status::UnderInvestigation,
        "endoflife" | "endofsupport" => Status::EndOfLife,
        _ if has_fix => Status::Fixed,
        _ => Status::Affected,
    })
}

/// The versions in a text, without the words by which tools say that there is none.
fn fixed_versions(text: &str) -> impl Iterator<Item = String> {
    let versions = text.split([',', ' ']).map(str::trim);
    let says_none = matches!(
        text.trim().to_ascii_lowercase().as_str(),
        "not fixed"
            | "notavailable"
            | "not available"
            | "none"
            | "n/a"
            | "unknown"
            | "-"
            | "maximum"
    );
    versions
        .filter(move |version| {
            !says_none && version.bytes().any(|byte| byte.is_ascii_alphanumeric())
        })
        .filter_map(kept)
}

/// Whether an id is a CVE's.
pub(crate) fn is_cve(id: &str) -> bool {
    id.get(..4)
        .is_some_and(|head| head.eq_ignore_ascii_case("cve-"))
}

/// All ids of CVEs and GHSAs in a text.
pub(crate) fn ids_in(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let mut ids: Vec<String> = Vec::new();
    for word in words {
        let is_id = (word.starts_with("CVE-") || word.starts_with("GHSA-"))
            && word.len() > 8
            && word.len() <= 40;
        if is_id && ids.len() < MAX_IMPORT_IDS && !ids.iter().any(|id| id == word) {
            ids.push(word.to_owned());
        }
    }
    ids
}

fn cwes(words: Vec<&str>) -> Vec<u32> {
    let numbers = words.into_iter().take(MAX_IMPORT_IDS);
    let numbers = numbers.map(|word| word.trim_start_matches(|c: char| !c.is_ascii_digit()));
    let mut numbers: Vec<u32> = numbers.filter_map(|number| number.parse().ok()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// A time, as tools write it: RFC 3339, also without a zone.
pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.len() > 64 {
        return None;
    }
    let in_utc = || [format!("{text}Z"), format!("{text}T00:00:00Z")];
    let time: Timestamp = text
        .parse()
        .ok()
        .or_else(|| in_utc().iter().find_map(|text| text.parse().ok()))?;
    // Go's zero time says nothing.
    (time > Timestamp::UNIX_EPOCH).then_some(time)
}

/// A time in seconds since 1970, as AWS writes it.
pub(crate) fn seconds(number: Option<f64>) -> Option<Timestamp> {
    let number = number.filter(|number| (0.0..=253_402_207_200.0).contains(number))?;
    #[expect(clippy::cast_possible_truncation, reason = "checked above")]
    let time = Timestamp::from_second(number as i64).ok()?;
    (time > Timestamp::UNIX_EPOCH).then_some(time)
}

fn day(text: &str) -> Option<String> {
    let time = timestamp(text)?;
    Some(time.strftime("%Y-%m-%d").to_string())
}

/// `debian:12`, `DEBIAN_12`, `alpine 3.10.2`, `Debian Linux 12.5`: the id and the version.
fn split_distribution(text: &str) -> (String, Option<String>) {
    let mut at = None;
    let mut previous = ' ';
    for (index, c) in text.char_indices() {
        if c.is_ascii_digit() && matches!(previous, ' ' | ':' | '_' | '-') {
            at = Some(index);
            break;
        }
        previous = c;
    }
    match at.and_then(|at| Some((text.get(..at)?, text.get(at..)?))) {
        Some((id, version)) => {
            let version = version.split([' ', '(']).next().unwrap_or_default();
            (
                id.trim_matches([' ', ':', '_', '-']).to_owned(),
                kept(version),
            )
        }
        None => (text.trim_matches([' ', ':', '_', '-']).to_owned(), None),
    }
}

/// os-release's word for a distribution.
fn distribution_word(id: &str) -> String {
    let id = id.to_ascii_lowercase().replace('_', " ");
    let id = id.trim();
    match id {
        "debian linux" | "debian gnu/linux" => "debian",
        "ubuntu linux" => "ubuntu",
        "alpine linux" => "alpine",
        "redhat"
        | "red hat enterprise linux"
        | "red hat enterprise linux server"
        | "red hat"
        | "enterprise linux" => "rhel",
        "amazon" | "amazon linux" | "amazonlinux" | "amzn linux" => "amzn",
        "rocky linux" => "rocky",
        "alma" | "alma linux" => "almalinux",
        "centos linux" => "centos",
        "oracle" | "oracle linux" => "ol",
        "suse" | "suse linux enterprise server" => "sles",
        "azure linux" => "azurelinux",
        "cbl-mariner" | "cbl mariner" => "mariner",
        "arch linux" => "arch",
        other => other,
    }
    .to_owned()
}

/// Words for packages of a distribution that do not say which.
fn is_os_word(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    matches!(
        word.as_str(),
        "os" | "linux" | "os-pkgs" | "operating-system" | ""
    )
}

/// The kind of a package, and how it is known to be there, by the words of tools: distributions, package
/// managers, languages, and the files that were read.
pub(crate) fn kind_of(word: &str) -> Option<(PackageKind, Basis)> {
    use Basis::{Declared, Embedded, Installed};
    use PackageKind as Kind;
    let word = word.trim().to_ascii_lowercase();
    // Snyk's and Clair's name the release: `debian:11`.
    let base = word.split_once(':').map_or(word.as_str(), |(base, _)| base);
    Some(match base {
        "apk" | "alpine" | "wolfi" | "chainguard" | "alpaquita" | "minimos" => {
            (Kind::Apk, Installed)
        }
        "deb" | "dpkg" | "debian" | "ubuntu" | "echo" => (Kind::Deb, Installed),
        "rpm"
        | "rpmdb"
        | "redhat"
        | "rhel"
        | "centos"
        | "rocky"
        | "alma"
        | "almalinux"
        | "fedora"
        | "amazon"
        | "amzn"
        | "oracle"
        | "ol"
        | "suse"
        | "sles"
        | "opensuse"
        | "opensuse-leap"
        | "opensuse-tumbleweed"
        | "opensuse.leap"
        | "opensuse.tumbleweed"
        | "photon"
        | "mariner"
        | "cbl-mariner"
        | "azurelinux"
        | "azure"
        | "slem"
        | "slmicro" => (Kind::Rpm, Installed),
        "alpm" | "arch" | "archlinux" => (Kind::Alpm, Installed),
        "portage" | "ebuild" | "gentoo" => (Kind::Ebuild, Installed),
        "opkg" => (Kind::Opkg, Installed),
        "python-pkg" | "python" | "pypi" | "pythonpkg" | "conda-pkg" | "wheel" | "egg"
        | "pyproject" => (Kind::Pypi, Installed),
        "pip" | "pipenv" | "poetry" | "uv" | "pylock" => (Kind::Pypi, Declared),
        "node-pkg" | "npm" | "node" | "nodejs" | "javascript" | "nodepkg" => (Kind::Npm, Installed),
        "yarn" | "pnpm" | "bun" => (Kind::Npm, Declared),
        "jar" | "java" | "java-archive" | "maven" | "jenkins-plugin" | "javapkg" => {
            (Kind::Maven, Embedded)
        }
        "pom" | "gradle" | "gradle-lockfile" | "sbt" | "sbt-lockfile" => (Kind::Maven, Declared),
        "gobinary" | "go-module" | "go" | "golang" | "gomodules" | "go_stdlib" => {
            (Kind::Golang, Embedded)
        }
        "gomod" | "dep" | "govendor" => (Kind::Golang, Declared),
        "rustbinary" | "rust-crate" | "cargo" | "rust" | "rust-binary" => (Kind::Cargo, Embedded),
        "gemspec" | "gem" | "ruby" | "rubygems" | "rubypkg" => (Kind::Gem, Installed),
        "bundler" => (Kind::Gem, Declared),
        "composer-vendor" | "php-composer" | "composer" | "php" | "packagist" => {
            (Kind::Composer, Installed)
        }
        "dotnet-core" | "dotnet" | "nuget" | ".net" | "dotnetpkg" | "packages-props" => {
            (Kind::Nuget, Embedded)
        }
        "conda" => (Kind::Conda, Installed),
        "r-package" | "cran" => (Kind::Cran, Installed),
        "hex" | "mix-lock" => (Kind::Hex, Declared),
        "pub" | "dart-pub" => (Kind::Pub, Declared),
        "swift" => (Kind::Swift, Declared),
        "cocoapods" => (Kind::Cocoapods, Declared),
        "conan" => (Kind::Conan, Declared),
        "julia" => (Kind::Julia, Declared),
        "bitnami" => (Kind::Bitnami, Embedded),
        "wordpress-plugin" => (Kind::Wordpress, Installed),
        "nix" => (Kind::Nix, Installed),
        "hackage" => (Kind::Hackage, Installed),
        "linux-kernel" | "linux-kernel-module" => (Kind::LinuxKernel, Installed),
        "github-action" | "github" => (Kind::Github, Declared),
        "binary" => (Kind::Generic, Basis::Classified),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_tools_mean_the_same() {
        let check = |word: &str, expect: Severity| {
            assert_eq!(severity(Some(word)), expect, "{word}");
        };
        check("CRITICAL", Severity::Critical);
        check("Defcon1", Severity::Critical);
        check("Important", Severity::High);
        check("MODERATE", Severity::Medium);
        check("Low", Severity::Low);
        check("MINIMAL", Severity::Negligible);
        check("INFORMATIONAL", Severity::Negligible);
        check("UNTRIAGED", Severity::Unknown);
        check("UNSPECIFIED", Severity::Unknown);
        check("<b>", Severity::Unknown);
        assert_eq!(severity(None), Severity::Unknown);

        let check = |word: &str, has_fix: bool, expect: Option<Status>| {
            assert_eq!(status(Some(word), has_fix), expect, "{word}");
        };
        check("fixed", true, Some(Status::Fixed));
        check("FixAvailable", false, Some(Status::Affected));
        check("WontFix", true, Some(Status::WillNotFix));
        check("wont-fix", false, Some(Status::WillNotFix));
        check("will_not_fix", false, Some(Status::WillNotFix));
        check("fix_deferred", false, Some(Status::FixDeferred));
        check("Scheduled", false, Some(Status::FixDeferred));
        check(
            "under_investigation",
            false,
            Some(Status::UnderInvestigation),
        );
        check("end_of_life", false, Some(Status::EndOfLife));
        check("not_affected", false, None);
        check("", true, Some(Status::Fixed));
        check("", false, Some(Status::Affected));
    }

    #[test]
    fn fixed_versions_are_told_from_words() {
        let check = |text: &str, expect: &[&str]| {
            assert_eq!(fixed_versions(text).collect::<Vec<_>>(), expect, "{text}");
        };
        check("1.2, 1.3", &["1.2", "1.3"]);
        check("0:1.1.1n-0+deb11u5", &["0:1.1.1n-0+deb11u5"]);
        check("not fixed", &[]);
        check("NotAvailable", &[]);
        check("", &[]);
    }

    #[test]
    fn distributions_are_taken_apart() {
        let check = |text: &str, version: Option<&str>, id: &str, expect: Option<&str>| {
            let mut draft = Draft::new("trivy", "Trivy");
            draft.distribution(Some(text), version);
            let found = draft.distribution.unwrap();
            assert_eq!(
                (&*found.id, found.version.as_deref()),
                (id, expect),
                "{text}"
            );
        };
        check("debian", Some("12.5"), "debian", Some("12.5"));
        check("debian:11", None, "debian", Some("11"));
        check("DEBIAN_12", None, "debian", Some("12"));
        check("AMAZON_LINUX_2", None, "amzn", Some("2"));
        check("alpine 3.10.2", None, "alpine", Some("3.10.2"));
        check("Debian Linux 12.5", None, "debian", Some("12.5"));
        check("ubuntu_linux_20.04", None, "ubuntu", Some("20.04"));
        check("redhat", Some("8.4"), "rhel", Some("8.4"));
        check("wolfi", None, "wolfi", None);
    }

    #[test]
    fn times_are_read_as_tools_write_them() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(day(text).as_deref(), expect, "{text}");
        };
        check("2021-08-25T12:20:30.000000005Z", Some("2021-08-25"));
        check("2024-06-14T04:03:53.051000+02:00", Some("2024-06-14"));
        check("2021-04-14T19:45:58", Some("2021-04-14"));
        check("2023-09-12", Some("2023-09-12"));
        check("0001-01-01T00:00:00Z", None);
        check("Dec 3, 2021, 6:02:30 PM", None);
    }

    #[test]
    fn ids_are_found_in_text() {
        assert_eq!(
            ids_in("pyup.io-1 (CVE-2021-1234), see GHSA-aaaa-bbbb-cccc; CVE-2021-1234"),
            ["CVE-2021-1234", "GHSA-aaaa-bbbb-cccc"]
        );
    }
}
