//! Red Hat's VEX, one CSAF 2.0 document for each CVE: <https://security.access.redhat.com/data/csaf/v2/vex-feed/>,
//! as one tar (`csaf_vex_<date>.tar.zst`) or file by file. Its [guide](https://redhatproductsecurity.github.io/security-data-guidelines/).
//!
//! Two shapes are read. The older one (`…/vex/`) names fixed builds for each architecture, binary
//! packages too, and what is not fixed for a whole major release. The newer one (`…/vex-feed/`, since
//! May 2026) names each minor release, no architectures, and mostly source packages.
//!
//! - A document is one record, its id the CVE; each fix has the id of its advisory (RHSA) as alias.
//! - Product streams are told apart by the product's CPE ([`Qualifier::Product`]). Those of RHEL are
//!   kept, others (OpenShift, JBoss …) counted as left out; so are streams of hosts (hypervisor, real
//!   time) and RHEL before 6. `enterprise_linux:10.1` is `enterprise_linux:10`: minor releases follow
//!   each other there, where those of `rhel_eus` stand side by side.
//! - In a stream, repositories (`::baseos`, `::appstream`) share one fix: the highest version counts, as
//!   in Trivy, and whatever else is said of the package there does not. Where nothing is fixed, what is
//!   worse counts.
//! - Where a document names source packages, they stand for their binaries ([`Qualifier::Source`]):
//!   kernels have sixty. Their versions have an epoch, which `SOURCERPM` in RPM's database has not.
//! - Architectures are kept only where their fixes differ. Debug packages, Flatpaks and containers are
//!   left out.
//! - Builds that an advisory ships along and that were never affected are left out: no entry speaks
//!   against them.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashMap},
    io::Read,
    str::FromStr as _,
};

use lamina_advisories::{
    orders::order,
    rating::Rating,
    record::{Advisory, Affected, Day, Qualifier, RangeEnd, Statement, VersionRange},
    shard::prose::Prose,
};
use packageurl::PackageUrl;
use serde::Deserialize;

use super::{Feed, FeedError, Input, file_and_folder};
use crate::{
    archive::{decompressed, each_member},
    builder::{Builder, Entry, Record, title},
    limits::MAX_CSAF_BYTES,
    location::Location,
};

pub(super) struct RedHatVex;

/// Where all documents are in one archive, a new one each day.
const ARCHIVES: &str = "https://security.access.redhat.com/data/csaf/v2/vex/";

/// Names of the products in CPEs whose packages can be in container images.
const PRODUCTS: &[&str] = &[
    "enterprise_linux",
    "enterprise_linux_eus",
    "rhel_aus",
    "rhel_common",
    "rhel_dotnet",
    "rhel_e4s",
    "rhel_els",
    "rhel_eus",
    "rhel_eus_long_life",
    "rhel_extras",
    "rhel_software_collections",
    "rhel_tus",
];

/// Repositories whose packages are for hosts.
const HOST_REPOSITORIES: &[&str] = &["hypervisor", "nfv", "realtime"];

/// The oldest major release of which there are container images.
const OLDEST_MAJOR: u32 = 6;

impl Feed for RedHatVex {
    fn id(&self) -> &'static str {
        super::REDHAT
    }

    fn name(&self) -> &'static str {
        "Red Hat VEX"
    }

    fn url(&self) -> &'static str {
        "https://security.access.redhat.com/data/csaf/v2/vex-feed/"
    }

    fn licence(&self) -> &'static str {
        "CC-BY-4.0"
    }

    /// The archive of the older shape; whether one of the newer shape is published is not known.
    fn locations(&self, _today: Day) -> Vec<Location> {
        vec![
            Location::new(
                format!("{ARCHIVES}archive_latest.txt"),
                "archive_latest.txt",
            )
            .listing(),
        ]
    }

    fn listed(
        &self,
        _listing: &Location,
        content: Option<&[u8]>,
    ) -> Result<Vec<Location>, FeedError> {
        let content = content.ok_or(FeedError::Listing("there is no archive_latest.txt"))?;
        let text = String::from_utf8_lossy(content);
        let name = text.trim();
        let is_name = name.starts_with("csaf_vex_") && !name.contains(['/', '\\', '?', '#']);
        if !is_name || !name.ends_with(".tar.zst") {
            return Err(FeedError::Listing("it names no archive"));
        }
        let url = format!("{ARCHIVES}{name}");
        Ok(vec![Location::new(url, "csaf_vex_latest.tar.zst")])
    }

    fn claims(&self, path: &str) -> bool {
        let (file, folder) = file_and_folder(path);
        let is_tar = file.starts_with("csaf_vex") && file.contains(".tar");
        let is_year = folder.len() == 4 && folder.bytes().all(|b| b.is_ascii_digit());
        is_tar || (is_year && file.starts_with("cve-") && file.ends_with(".json"))
    }

    fn read(&self, mut input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        let archive = input.path;
        if !archive.contains(".tar") {
            let mut reader = decompressed(&mut input, MAX_CSAF_BYTES + 1)?;
            self.read_document(archive, archive, &mut reader, out)?;
            return Ok(());
        }
        each_member(input, |path, _, reader| {
            if !path.ends_with(".json") {
                return Ok(());
            }
            Ok(self.read_document(archive, path, reader, out)?)
        })
    }
}

impl RedHatVex {
    fn read_document(
        &self,
        archive: &str,
        path: &str,
        reader: &mut dyn Read,
        out: &mut Builder,
    ) -> Result<(), std::io::Error> {
        out.count(self);
        let mut bytes = Vec::new();
        reader.take(MAX_CSAF_BYTES + 1).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_CSAF_BYTES) {
            out.skip(self.id(), "unreadable: larger than 128 MiB", archive, path);
            return Ok(());
        }
        match serde_json::from_slice::<Csaf>(&bytes) {
            Ok(csaf) if csaf.document.category != "csaf_vex" => {
                out.skip(self.id(), "left out: no VEX document", archive, path);
            }
            Ok(csaf) => self.convert(&csaf, archive, out),
            Err(error) => {
                let what = format!("{path}: {error}");
                out.skip(self.id(), "unreadable: no CSAF document", archive, &what);
            }
        }
        Ok(())
    }

    fn convert(&self, csaf: &Csaf, archive: &str, out: &mut Builder) {
        let tree = Tree::of(csaf);
        let tracking = &csaf.document.tracking;
        let modified = tracking.current_release_date.as_deref();
        let mut entries = Vec::new();
        let mut prose = Prose::default();
        let mut reasons: BTreeSet<&'static str> = BTreeSet::new();
        if csaf.vulnerabilities.is_empty() {
            reasons.insert("left out: names no vulnerability");
        }
        for vulnerability in &csaf.vulnerabilities {
            let Some(cve) = &vulnerability.cve else {
                reasons.insert("left out: a vulnerability without a CVE");
                continue;
            };
            let summary = vulnerability
                .title
                .as_ref()
                .or(csaf.document.title.as_ref());
            let summary = summary.map(String::as_str).unwrap_or_default();
            let published = vulnerability.release_date.as_deref();
            let advisory = Advisory {
                id: cve.clone(),
                record: cve.clone(),
                published: published
                    .or(tracking.initial_release_date.as_deref())
                    .and_then(Day::parse),
                modified: modified.and_then(Day::parse),
                title: title(summary),
                cwes: vulnerability.cwe.iter().filter_map(Cwe::number).collect(),
                ..Advisory::default()
            };
            let facts = facts(vulnerability, &tree, csaf, &mut reasons);
            entries.extend(entries_of(facts, &advisory));
            prose = Prose {
                summary: summary.to_owned(),
                details: vulnerability.details(),
                references: vulnerability.addresses(cve),
            };
        }
        let id = &tracking.id;
        for reason in reasons {
            out.skip(self.id(), reason, archive, id);
        }
        if entries.is_empty() {
            return;
        }
        out.add(
            self,
            Record {
                id: id.clone(),
                modified: modified.map(str::to_owned),
                entries,
                prose,
            },
        );
    }
}

/// What is said of one package in one product stream.
#[derive(Clone, Debug)]
struct Fact<'a> {
    stream: Stream,
    component: Component,
    claim: Claim<'a>,
    ratings: Vec<Rating>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Claim<'a> {
    Fixed {
        version: String,
        advisory: Option<&'a str>,
        date: Option<Day>,
    },
    Open(Statement),
}

/// A product stream of RHEL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Stream {
    major: u32,
    /// Without the repository: `rhel_eus:9.4`.
    base: String,
    /// With it: `rhel_eus:9.4::appstream`.
    product: String,
}

impl Stream {
    /// Of a product's CPE.
    fn of(cpe: &str) -> Result<Self, &'static str> {
        const OTHER: &str = "left out: product other than RHEL";
        let text = cpe
            .strip_prefix("cpe:/o:redhat:")
            .or_else(|| cpe.strip_prefix("cpe:/a:redhat:"))
            .ok_or(OTHER)?;
        let mut parts = text.split(':');
        let mut part = || parts.next().unwrap_or_default();
        let (name, version, _update, repository) = (part(), part(), part(), part());
        if !PRODUCTS.contains(&name) {
            return Err(OTHER);
        }
        if HOST_REPOSITORIES.contains(&repository) {
            return Err("left out: repository for hosts");
        }
        let of_repository = repository.strip_prefix("el").map(str::parse::<u32>);
        let major = match of_repository {
            Some(Ok(major)) => major,
            // The collections that are still open are all for RHEL 7.
            _ if name == "rhel_software_collections" => 7,
            _ => version
                .split('.')
                .next()
                .and_then(|major| major.parse().ok())
                .ok_or("left out: RHEL without a release")?,
        };
        if major < OLDEST_MAJOR {
            return Err("left out: RHEL before 6, of which there are no images");
        }
        let base = if name == "enterprise_linux" {
            format!("{name}:{major}")
        } else {
            format!("{name}:{version}")
        };
        let product = if repository.is_empty() {
            base.clone()
        } else {
            format!("{base}::{repository}")
        };
        Ok(Self {
            major,
            base,
            product,
        })
    }
}

/// A package, as a product or its purl names it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Component {
    name: String,
    module: Option<String>,
    version: Option<String>,
    form: Form,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    Source,
    /// For an architecture, if one is named.
    Binary(Option<String>),
}

impl Component {
    fn of(id: &str, purl: Option<&str>) -> Result<Self, &'static str> {
        const UNREADABLE: &str = "unreadable: purl";
        let component = match purl {
            Some(purl) if !purl.starts_with("pkg:rpm/") => {
                return Err("left out: no RPM package");
            }
            Some(purl) => {
                let purl = PackageUrl::from_str(purl).map_err(|_| UNREADABLE)?;
                let qualifier = |name: &str| purl.qualifiers().get(name).map(AsRef::as_ref);
                let form = match qualifier("arch") {
                    Some("src") => Form::Source,
                    arch => Form::Binary(arch.map(str::to_owned)),
                };
                let epoch = qualifier("epoch").filter(|epoch| *epoch != "0");
                let version = purl.version().map(|version| match epoch {
                    Some(epoch) => format!("{epoch}:{version}"),
                    None => version.to_owned(),
                });
                Self {
                    name: purl.name().to_owned(),
                    module: qualifier("rpmmod").map(str::to_owned),
                    version,
                    form,
                }
            }
            // Documents of before 2024 name what is not fixed by its source alone: `kernel`,
            // `nodejs:18/nodejs`.
            None => {
                let (module, name) = match id.split_once('/') {
                    Some((module, name)) => (Some(module.to_owned()), name),
                    None => (None, id),
                };
                let is_name = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
                let is_module = module.as_ref().is_none_or(|module| module.contains(':'));
                if name.is_empty() || !name.chars().all(is_name) || !is_module {
                    return Err("left out: no RPM package");
                }
                Self {
                    name: name.strip_suffix(".src").unwrap_or(name).to_owned(),
                    module,
                    version: None,
                    form: Form::Source,
                }
            }
        };
        component.checked()
    }

    /// With the module as name and stream, if it is a package that can be in an image.
    fn checked(mut self) -> Result<Self, &'static str> {
        if let Some(module) = self.module.take() {
            let mut parts = module.split(':');
            let (name, stream) = (parts.next().unwrap_or_default(), parts.next());
            let Some(stream) = stream.filter(|stream| *stream != "flatpak") else {
                // `gimp:flatpak`, or the platform of one: `rhel10`.
                return Err("left out: Flatpak");
            };
            self.module = Some(format!("{name}:{stream}"));
        }
        let is_debug = ["-debuginfo", "-debugsource"]
            .iter()
            .any(|end| self.name.ends_with(end) || self.name.contains(&format!("{end}-")));
        if is_debug {
            return Err("left out: debug packages");
        }
        let version = self.version.as_deref().unwrap_or_default();
        if is_module_build(version) {
            return Err("left out: a module without its packages");
        }
        // Documents of before 2025 do not say of which module. Without it, no package would match.
        if version.contains(".module+") && self.module.is_none() {
            return Err("left out: a module's package without the module");
        }
        Ok(self)
    }
}

/// Whether a version is that of a module's build: stream, date and context, `3.9-8100020240826142629.d47b87a4`.
fn is_module_build(version: &str) -> bool {
    let Some((_, release)) = version.rsplit_once('-') else {
        return false;
    };
    release.split_once('.').is_some_and(|(date, context)| {
        date.len() >= 17
            && date.bytes().all(|b| b.is_ascii_digit())
            && context.len() == 8
            && context.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

/// The products of a document by id.
struct Tree<'a> {
    products: HashMap<&'a str, &'a Product>,
    /// Component and stream of each pair that statements are about.
    pairs: HashMap<&'a str, (&'a str, &'a str)>,
}

impl<'a> Tree<'a> {
    fn of(csaf: &'a Csaf) -> Self {
        let mut products = HashMap::new();
        let mut branches: Vec<&Branch> = csaf.product_tree.branches.iter().collect();
        while let Some(branch) = branches.pop() {
            if let Some(product) = &branch.product {
                products.insert(product.product_id.as_str(), product);
            }
            branches.extend(&branch.branches);
        }
        let pairs = csaf
            .product_tree
            .relationships
            .iter()
            .map(|relationship| {
                (
                    relationship.full_product_name.product_id.as_str(),
                    (
                        relationship.product_reference.as_str(),
                        relationship.relates_to.as_str(),
                    ),
                )
            })
            .collect();
        Self { products, pairs }
    }

    /// What a statement is about.
    fn subject(&self, id: &str) -> Result<(Stream, Component), &'static str> {
        let helper = |id: &str| self.products.get(id).map(|product| &product.helper);
        let stream_of = |id: &str| {
            let cpe = helper(id).and_then(|helper| helper.cpe.as_deref());
            Stream::of(cpe.ok_or("left out: product without a CPE")?)
        };
        let Some((component, stream)) = self.pairs.get(id) else {
            stream_of(id)?;
            return Err("left out: statement about a whole release");
        };
        let stream = stream_of(stream)?;
        let purl = helper(component).and_then(|helper| helper.purl.as_deref());
        Ok((stream, Component::of(component, purl)?))
    }
}

fn facts<'a>(
    vulnerability: &'a Vulnerability,
    tree: &Tree<'_>,
    csaf: &'a Csaf,
    reasons: &mut BTreeSet<&'static str>,
) -> Vec<Fact<'a>> {
    let status = &vulnerability.product_status;
    let remedies = remedies(&vulnerability.remediations);
    let ratings = Ratings::of(vulnerability, csaf);
    let affected = status.known_affected.iter();
    let affected = affected.chain(&status.first_affected);
    let lists: [(Vec<&String>, Statement, bool); 4] = [
        (
            status.fixed.iter().chain(&status.first_fixed).collect(),
            Statement::Affected,
            true,
        ),
        (
            affected.chain(&status.last_affected).collect(),
            Statement::Affected,
            false,
        ),
        (
            status.under_investigation.iter().collect(),
            Statement::UnderInvestigation,
            false,
        ),
        (
            status.known_not_affected.iter().collect(),
            Statement::NotAffected,
            false,
        ),
    ];
    let mut facts = Vec::new();
    for (ids, statement, is_fixed) in lists {
        for id in ids {
            let (stream, component) = match tree.subject(id) {
                Ok(subject) => subject,
                Err(reason) => {
                    reasons.insert(reason);
                    continue;
                }
            };
            let remedy = remedies.get(id.as_str());
            let claim = if is_fixed {
                let Some(version) = &component.version else {
                    reasons.insert("unreadable: a fix without a version");
                    continue;
                };
                if !order("rpm").is_some_and(|order| order.accepts(version)) {
                    reasons.insert("unreadable: version");
                    continue;
                }
                Claim::Fixed {
                    version: version.clone(),
                    advisory: remedy.and_then(|remedy| remedy.advisory),
                    date: remedy.and_then(|remedy| remedy.date),
                }
            } else if statement == Statement::Affected {
                Claim::Open(remedy.map_or(statement, |remedy| remedy.statement))
            } else {
                Claim::Open(statement)
            };
            facts.push(Fact {
                stream,
                component,
                claim,
                ratings: ratings.of_product(id),
            });
        }
    }
    facts
}

/// What is done about a product.
#[derive(Clone, Copy, Default)]
struct Remedy<'a> {
    statement: Statement,
    advisory: Option<&'a str>,
    date: Option<Day>,
}

fn remedies(remediations: &[Remediation]) -> HashMap<&str, Remedy<'_>> {
    let mut remedies: HashMap<&str, Remedy<'_>> = HashMap::new();
    for remediation in remediations {
        let details = remediation.details.as_deref().unwrap_or_default().trim();
        let statement = match (remediation.category.as_str(), details) {
            ("vendor_fix" | "none_available", _) if details.contains("eferred") => {
                Statement::FixDeferred
            }
            ("vendor_fix" | "none_available", _) => Statement::Affected,
            ("no_fix_planned", "Out of support scope") => Statement::EndOfLife,
            ("no_fix_planned", _) => Statement::WillNotFix,
            // Workarounds stand beside all of these.
            _ => continue,
        };
        let is_fix = remediation.category == "vendor_fix";
        let advisory = remediation
            .url
            .as_deref()
            .and_then(|url| url.rsplit('/').next())
            .filter(|id| is_fix && id.starts_with("RH"));
        let date = remediation.date.as_deref().and_then(Day::parse);
        let remedy = Remedy {
            statement: if is_fix {
                Statement::Affected
            } else {
                statement
            },
            advisory,
            date: date.filter(|_| is_fix),
        };
        for id in &remediation.product_ids {
            let known = remedies.entry(id).or_insert(remedy);
            // Of two advisories for one build, the older made it available.
            if is_fix && (known.advisory.is_none() || (date.is_some() && date < known.date)) {
                *known = remedy;
            }
        }
    }
    remedies
}

/// Impact and CVSS by product.
struct Ratings<'a> {
    word: Option<Rating>,
    words: HashMap<&'a str, &'a str>,
    scores: Vec<Vec<Rating>>,
    score_of: HashMap<&'a str, usize>,
}

impl<'a> Ratings<'a> {
    fn of(vulnerability: &'a Vulnerability, csaf: &'a Csaf) -> Self {
        let impacts = vulnerability.threats.iter();
        let impacts = impacts.filter(|threat| threat.category == "impact");
        let mut words = HashMap::new();
        let mut all = csaf.document.aggregate_severity.as_ref();
        for threat in impacts {
            let Some(details) = &threat.details else {
                continue;
            };
            if threat.product_ids.is_empty() {
                all = all.or(Some(details));
            }
            for id in &threat.product_ids {
                words.insert(id.as_str(), details.as_str());
            }
        }
        let mut scores = Vec::new();
        let mut score_of = HashMap::new();
        for (number, score) in vulnerability.scores.iter().enumerate() {
            let vectors = [&score.cvss_v4, &score.cvss_v3, &score.cvss_v2];
            let vectors = vectors.into_iter().flatten();
            let vectors = vectors.filter_map(|cvss| Rating::from_vector(REDHAT, &cvss.vector));
            scores.push(vectors.collect());
            for id in &score.products {
                score_of.entry(id.as_str()).or_insert(number);
            }
        }
        Self {
            word: all.and_then(|word| Rating::from_word(REDHAT, word)),
            words,
            scores,
            score_of,
        }
    }

    fn of_product(&self, id: &str) -> Vec<Rating> {
        let own = self.words.get(id);
        let own = own.and_then(|word| Rating::from_word(REDHAT, word));
        let number = self.score_of.get(id).copied().unwrap_or_default();
        let scores = self.scores.get(number).into_iter().flatten().cloned();
        let mut ratings: Vec<Rating> = scores.chain(own.or_else(|| self.word.clone())).collect();
        ratings.sort();
        ratings.dedup();
        ratings
    }
}

const REDHAT: &str = "redhat";

/// Packages of one name in one stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Subject {
    major: u32,
    base: String,
    module: Option<String>,
    is_source: bool,
    name: String,
}

/// One entry, but for its products.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    major: u32,
    name: String,
    is_source: bool,
    module: Option<String>,
    architectures: Vec<String>,
    statement: Statement,
    fixed: Option<String>,
    advisory: Option<String>,
    date: Option<Day>,
    ratings: Vec<Rating>,
}

fn entries_of(facts: Vec<Fact<'_>>, advisory: &Advisory) -> Vec<Entry> {
    let mut lines: BTreeMap<Line, BTreeSet<String>> = BTreeMap::new();
    for (subject, facts) in without_repeats(facts) {
        for (line, products) in lines_of(&subject, &facts) {
            lines.entry(line).or_default().extend(products);
        }
    }
    lines
        .into_iter()
        .map(|(line, products)| {
            let mut qualifiers: Vec<Qualifier<String>> = line
                .module
                .into_iter()
                .map(Qualifier::Module)
                .chain(line.architectures.into_iter().map(Qualifier::Architecture))
                .chain(products.into_iter().map(Qualifier::Product))
                .chain(line.is_source.then_some(Qualifier::Source))
                .collect();
            qualifiers.sort();
            Entry {
                key: format!("red-hat:{}", line.major),
                order: "rpm",
                package: line.name,
                advisory: Advisory {
                    aliases: line.advisory.into_iter().collect(),
                    ratings: line.ratings,
                    ..advisory.clone()
                },
                affected: Affected {
                    statement: line.statement,
                    ranges: vec![VersionRange {
                        introduced: None,
                        end: line.fixed.map_or(RangeEnd::Never, RangeEnd::Fixed),
                    }],
                    qualifiers,
                    fix_published: line.date,
                    ..Affected::default()
                },
            }
        })
        .collect()
}

/// Facts by package and stream, without those that others make needless.
fn without_repeats(facts: Vec<Fact<'_>>) -> BTreeMap<Subject, Vec<Fact<'_>>> {
    // Documents of the older shape: they name binaries and architectures.
    let names_architectures = facts
        .iter()
        .any(|fact| matches!(fact.component.form, Form::Binary(Some(_))));
    let mut by_subject: BTreeMap<Subject, Vec<Fact<'_>>> = BTreeMap::new();
    for fact in facts {
        let is_build = fact.component.version.is_some();
        if fact.claim == Claim::Open(Statement::NotAffected) && is_build && names_architectures {
            // Shipped along with what is fixed.
            continue;
        }
        let subject = Subject {
            major: fact.stream.major,
            base: fact.stream.base.clone(),
            module: fact.component.module.clone(),
            is_source: fact.component.form == Form::Source,
            name: fact.component.name.clone(),
        };
        // Of the newer shape, a name without an architecture may be a source's.
        if fact.component.form == Form::Binary(None) && is_build && !names_architectures {
            let source = Subject {
                is_source: true,
                ..subject.clone()
            };
            by_subject.entry(source).or_default().push(fact.clone());
        }
        by_subject.entry(subject).or_default().push(fact);
    }
    for facts in by_subject.values_mut() {
        let worst = facts.iter().map(|fact| rank(&fact.claim)).min();
        facts.retain(|fact| Some(rank(&fact.claim)) == worst);
    }
    // A source stands for its binaries, wherever they are: of what an advisory fixes, and of what is
    // open. A document that names one source names all.
    let mut products: BTreeMap<Group<'_>, BTreeSet<String>> = BTreeMap::new();
    for (subject, facts) in by_subject.iter().filter(|(subject, _)| subject.is_source) {
        for fact in facts {
            products.entry(Group::of(subject, &fact.claim)).or_default();
        }
    }
    for (subject, facts) in by_subject.iter().filter(|(subject, _)| !subject.is_source) {
        for fact in facts {
            if let Some(products) = products.get_mut(&Group::of(subject, &fact.claim)) {
                products.insert(fact.stream.product.clone());
            }
        }
    }
    let mut kept: BTreeMap<Subject, Vec<Fact<'_>>> = BTreeMap::new();
    for (subject, facts) in &by_subject {
        let mut own = Vec::new();
        for fact in facts {
            let products = products.get(&Group::of(subject, &fact.claim));
            if !subject.is_source && products.is_some() {
                continue;
            }
            own.push(fact.clone());
            let others = products.into_iter().flatten();
            if matches!(fact.claim, Claim::Fixed { .. }) {
                own.extend(others.map(|product| Fact {
                    stream: Stream {
                        product: product.clone(),
                        ..fact.stream.clone()
                    },
                    ..fact.clone()
                }));
            }
        }
        if !own.is_empty() {
            kept.insert(subject.clone(), own);
        }
    }
    kept
}

/// Packages of one stream and module that one advisory fixes, or that are open.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Group<'a> {
    major: u32,
    base: String,
    module: Option<String>,
    fix: Option<Option<&'a str>>,
}

impl<'a> Group<'a> {
    fn of(subject: &Subject, claim: &Claim<'a>) -> Self {
        Self {
            major: subject.major,
            base: subject.base.clone(),
            module: subject.module.clone(),
            fix: match claim {
                Claim::Fixed { advisory, .. } => Some(*advisory),
                Claim::Open(_) => None,
            },
        }
    }
}

/// Which of several claims about a package in one stream counts: the lowest.
fn rank(claim: &Claim<'_>) -> u8 {
    match claim {
        Claim::Fixed { .. } => 0,
        Claim::Open(Statement::NotAffected) => 6,
        Claim::Open(Statement::FixDeferred) => 2,
        Claim::Open(Statement::WillNotFix) => 3,
        Claim::Open(Statement::EndOfLife) => 4,
        Claim::Open(Statement::UnderInvestigation) => 5,
        Claim::Open(_) => 1,
    }
}

/// What is said of one package in one stream: of several fixes the highest, for each architecture if
/// they differ.
fn lines_of(subject: &Subject, facts: &[Fact<'_>]) -> Vec<(Line, BTreeSet<String>)> {
    let products: BTreeSet<String> = facts
        .iter()
        .map(|fact| fact.stream.product.clone())
        .collect();
    let mut best: BTreeMap<Option<&str>, &Fact<'_>> = BTreeMap::new();
    for fact in facts {
        let architecture = match &fact.component.form {
            Form::Binary(architecture) => architecture.as_deref(),
            Form::Source => None,
        };
        best.entry(architecture)
            .and_modify(|known| {
                if is_better(&fact.claim, &known.claim) {
                    *known = fact;
                }
            })
            .or_insert(fact);
    }
    let first = best
        .values()
        .copied()
        .reduce(|a, b| if is_better(&b.claim, &a.claim) { b } else { a });
    let Some(first) = first else {
        return Vec::new();
    };
    let is_one = best.contains_key(&None)
        || best
            .values()
            .all(|fact| version_of(&fact.claim) == version_of(&first.claim));
    let line = |fact: &Fact<'_>, architectures: Vec<String>| {
        let (statement, fixed, advisory, date) = match &fact.claim {
            Claim::Open(statement) => (*statement, None, None, None),
            Claim::Fixed {
                version,
                advisory,
                date,
            } => (
                Statement::Affected,
                Some(version.clone()),
                advisory.map(str::to_owned),
                *date,
            ),
        };
        Line {
            major: subject.major,
            name: subject.name.clone(),
            is_source: subject.is_source,
            module: subject.module.clone(),
            architectures,
            statement,
            fixed,
            advisory,
            date,
            ratings: fact.ratings.clone(),
        }
    };
    if is_one {
        return vec![(line(first, Vec::new()), products)];
    }
    let mut by_version: BTreeMap<Option<&str>, (Vec<String>, &Fact<'_>)> = BTreeMap::new();
    for (architecture, fact) in best {
        by_version
            .entry(version_of(&fact.claim))
            .or_insert_with(|| (Vec::new(), fact))
            .0
            .extend(architecture.map(str::to_owned));
    }
    by_version
        .into_values()
        .map(|(architectures, fact)| (line(fact, architectures), products.clone()))
        .collect()
}

fn version_of<'a>(claim: &'a Claim<'_>) -> Option<&'a str> {
    match claim {
        Claim::Fixed { version, .. } => Some(version),
        Claim::Open(_) => None,
    }
}

/// A higher fix counts more; of the same version, the advisory that was first.
fn is_better(a: &Claim<'_>, b: &Claim<'_>) -> bool {
    let (
        Claim::Fixed {
            version: a,
            advisory: a_advisory,
            date: a_date,
        },
        Claim::Fixed {
            version: b,
            advisory: b_advisory,
            date: b_date,
        },
    ) = (a, b)
    else {
        return false;
    };
    let compared = order("rpm").and_then(|order| order.compare(a, b).ok());
    match compared.unwrap_or(Ordering::Equal) {
        Ordering::Greater => true,
        Ordering::Less => false,
        Ordering::Equal => (a_date, a_advisory) < (b_date, b_advisory),
    }
}

#[derive(Debug, Deserialize)]
struct Csaf {
    document: Document,
    #[serde(default)]
    product_tree: ProductTree,
    #[serde(default)]
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Debug, Deserialize)]
struct Document {
    category: String,
    #[serde(default)]
    title: Option<String>,
    tracking: Tracking,
    #[serde(default, deserialize_with = "text_of")]
    aggregate_severity: Option<String>,
}

/// `{"text": "Moderate", …}`
fn text_of<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    struct Text {
        text: Option<String>,
    }
    Ok(Option::<Text>::deserialize(deserializer)?.and_then(|text| text.text))
}

#[derive(Debug, Deserialize)]
struct Tracking {
    id: String,
    #[serde(default)]
    current_release_date: Option<String>,
    #[serde(default)]
    initial_release_date: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct ProductTree {
    #[serde(default)]
    branches: Vec<Branch>,
    #[serde(default)]
    relationships: Vec<Relationship>,
}

#[derive(Debug, Deserialize)]
struct Branch {
    #[serde(default)]
    product: Option<Product>,
    #[serde(default)]
    branches: Vec<Branch>,
}

#[derive(Debug, Deserialize)]
struct Product {
    product_id: String,
    #[serde(rename = "product_identification_helper", default)]
    helper: Helper,
}

#[derive(Debug, Default, Deserialize)]
struct Helper {
    #[serde(default)]
    cpe: Option<String>,
    #[serde(default)]
    purl: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Relationship {
    full_product_name: FullName,
    product_reference: String,
    #[serde(rename = "relates_to_product_reference")]
    relates_to: String,
}

#[derive(Debug, Deserialize)]
struct FullName {
    product_id: String,
}

#[derive(Debug, Deserialize)]
struct Vulnerability {
    #[serde(default)]
    cve: Option<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    cwe: Option<Cwe>,
    #[serde(default)]
    release_date: Option<String>,
    #[serde(default)]
    notes: Vec<Note>,
    #[serde(default)]
    references: Vec<Reference>,
    #[serde(default)]
    product_status: ProductStatus,
    #[serde(default)]
    remediations: Vec<Remediation>,
    #[serde(default)]
    scores: Vec<Score>,
    #[serde(default)]
    threats: Vec<Threat>,
}

impl Vulnerability {
    fn details(&self) -> String {
        let texts: Vec<&str> = self
            .notes
            .iter()
            .filter(|note| note.category == "description")
            .map(|note| note.text.trim())
            .collect();
        texts.join("\n\n")
    }

    fn addresses(&self, cve: &str) -> Vec<String> {
        let own = format!("https://access.redhat.com/security/cve/{cve}");
        let mut addresses = vec![own.clone()];
        let others = self.references.iter().map(|reference| &reference.url);
        addresses.extend(
            others
                .filter(|url| !url.eq_ignore_ascii_case(&own))
                .cloned(),
        );
        addresses
    }
}

#[derive(Debug, Deserialize)]
struct Cwe {
    #[serde(default)]
    id: String,
}

impl Cwe {
    fn number(&self) -> Option<u32> {
        self.id.strip_prefix("CWE-")?.parse().ok()
    }
}

#[derive(Debug, Deserialize)]
struct Note {
    #[serde(default)]
    category: String,
    #[serde(default)]
    text: String,
}

#[derive(Debug, Deserialize)]
struct Reference {
    #[serde(default)]
    url: String,
}

#[derive(Debug, Default, Deserialize)]
struct ProductStatus {
    #[serde(default)]
    fixed: Vec<String>,
    #[serde(default)]
    first_fixed: Vec<String>,
    #[serde(default)]
    known_affected: Vec<String>,
    #[serde(default)]
    first_affected: Vec<String>,
    #[serde(default)]
    last_affected: Vec<String>,
    #[serde(default)]
    under_investigation: Vec<String>,
    #[serde(default)]
    known_not_affected: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Remediation {
    #[serde(default)]
    category: String,
    #[serde(default)]
    details: Option<String>,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    date: Option<String>,
    #[serde(default)]
    product_ids: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Score {
    #[serde(default)]
    cvss_v2: Option<Cvss>,
    #[serde(default)]
    cvss_v3: Option<Cvss>,
    #[serde(default)]
    cvss_v4: Option<Cvss>,
    #[serde(default)]
    products: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Cvss {
    #[serde(rename = "vectorString", default)]
    vector: String,
}

#[derive(Debug, Deserialize)]
struct Threat {
    #[serde(default)]
    category: String,
    #[serde(default)]
    details: Option<String>,
    #[serde(default)]
    product_ids: Vec<String>,
}
