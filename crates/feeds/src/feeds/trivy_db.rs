//! A whole [trivy-db](https://github.com/aquasecurity/trivy-db), schema 2: the layer `db.tar.gz` of the
//! OCI artifact `ghcr.io/aquasecurity/trivy-db:2`, or the `trivy.db` in it, a [BoltDB](crate::bolt) file.
//!
//! Buckets are platforms (`debian 12`, `npm::GitHub Security Advisory npm`), in them packages, in them
//! JSON under the id of a vulnerability. The bucket `vulnerability` has what people read, and what each
//! source says of severity.
//!
//! - Trivy's rule is kept: what the vulnerable versions hold, or all versions if only others are named,
//!   without what the patched and unaffected ones hold.
//! - Severity is that of the source which Trivy chooses: the advisory's own, its source's, GitHub's
//!   for GitHub's ids, NVD's, then the first source of Trivy's list that has one; with it the CVSS
//!   vectors of that source, and NVD's.
//! - An advisory of Alpine's without a fix is [`Statement::Possible`]; one fixed in `0` was never
//!   affected.
//! - Red Hat's product streams are its CPEs. A stream whose number is in no table is left out.
//! - Ids of notices (`VendorIDs` of distributions) are not kept: a notice is about several CVEs.
//! - Wolfi's and Chainguard's advisories are left out: their licence forbids to pass on what is made of
//!   them.
//! - The tables that name content sets (`Red Hat CPE`, `repository` and `nvr`) are not needed to match.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io::Read as _,
};

use lamina_advisories::{
    matcher::is_bundle_id,
    orders::{VersionOrder, order},
    rating::{NVD, Rating},
    record::{Advisory, Affected, Day, Qualifier, RangeEnd, Statement, VersionRange},
    shard::prose::Prose,
};
use serde::Deserialize;

use super::{Feed, FeedError, Input, file_and_folder};
use crate::{
    archive::each_member,
    bolt::{Bolt, BoltError, Bucket, Item},
    builder::{Builder, Entry, title},
    constraint::{ConstraintError, Set},
    limits::MAX_DATABASE_BYTES,
    platform::{Platform, red_hat},
};

pub(super) struct TrivyDb;

/// Buckets that are no platforms.
const OTHER_BUCKETS: &[&str] = &[
    "vulnerability",
    "vulnerability-id",
    "vulnerability-detail",
    "advisory-detail",
    "data-source",
    "Red Hat CPE",
    "trivy",
];

/// The order in which Trivy asks sources that are not the advisory's own; without Wolfi and Chainguard,
/// and without Ubuntu, whose data is share-alike and stays in its shards.
const SOURCES: &[&str] = &[
    NVD,
    "redhat",
    "redhat-oval",
    "debian",
    "alpine",
    "amazon",
    "oracle-oval",
    "suse-cvrf",
    "photon",
    "arch-linux",
    "alma",
    "rocky",
    "cbl-mariner",
    "azure",
    "ruby-advisory-db",
    "php-security-advisories",
    "nodejs-security-wg",
    "ghsa",
    "glad",
    "aqua",
    "osv",
    "k8s",
    "bitnami",
    "govulndb",
    "julia",
    "bottlerocket",
    "echo",
    "minimos",
    "rootio",
];

impl Feed for TrivyDb {
    fn id(&self) -> &'static str {
        "trivy-db"
    }

    fn name(&self) -> &'static str {
        "trivy-db"
    }

    fn url(&self) -> &'static str {
        "https://ghcr.io/aquasecurity/trivy-db"
    }

    fn licence(&self) -> &'static str {
        "Apache-2.0, its data as its sources say"
    }

    fn is_database(&self) -> bool {
        true
    }

    fn claims(&self, path: &str) -> bool {
        let (file, _) = file_and_folder(path);
        matches!(file, "db.tar.gz" | "trivy.db")
            || (file.starts_with("trivy-db")
                && (file.ends_with(".tar.gz") || file.ends_with(".tgz")))
    }

    fn read(&self, input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        let path = input.path;
        let mut database = Vec::new();
        let mut metadata = None;
        if path.ends_with(".db") {
            read_whole(input.content, &mut database)?;
        } else {
            each_member(input, |name, _, content| {
                match file_and_folder(name).0 {
                    "trivy.db" => read_whole(content, &mut database)?,
                    "metadata.json" => {
                        metadata = Some(serde_json::from_reader::<_, Metadata>(content)?);
                    }
                    _ => {}
                }
                Ok(())
            })?;
        }
        if database.is_empty() {
            return Err(FeedError::Foreign("no trivy.db in it"));
        }
        if let Some(metadata) = metadata {
            if metadata.version != 2 {
                return Err(FeedError::Foreign("not schema 2 of trivy-db"));
            }
            out.dated(self, &metadata.updated_at);
        }
        let wrong = |error: BoltError| FeedError::Database(Box::new(error));
        let bolt = Bolt::open(&database).map_err(wrong)?;
        let import = Import {
            feed: self,
            path,
            sources: values(&bolt, &[b"data-source"]).map_err(wrong)?,
            cpes: values(&bolt, &[b"Red Hat CPE", b"cpe"]).map_err(wrong)?,
            details: bolt.root().bucket(b"vulnerability").map_err(wrong)?,
        };
        import.platforms(bolt.root(), out).map_err(wrong)
    }
}

fn read_whole(
    content: &mut (impl std::io::Read + ?Sized),
    to: &mut Vec<u8>,
) -> Result<(), FeedError> {
    to.clear();
    content.take(MAX_DATABASE_BYTES + 1).read_to_end(to)?;
    if u64::try_from(to.len()).unwrap_or(u64::MAX) > MAX_DATABASE_BYTES {
        return Err(FeedError::Limit {
            what: "bytes",
            limit: MAX_DATABASE_BYTES,
        });
    }
    Ok(())
}

/// The values of a bucket that is small, by key; those that cannot be read are not there.
fn values<T: for<'de> Deserialize<'de>>(
    bolt: &Bolt<'_>,
    path: &[&[u8]],
) -> Result<HashMap<String, T>, BoltError> {
    let mut bucket = bolt.root();
    for key in path {
        match bucket.bucket(key)? {
            Some(inner) => bucket = inner,
            None => return Ok(HashMap::new()),
        }
    }
    let mut values = HashMap::new();
    for entry in bucket.entries() {
        if let (key, Item::Value(value)) = entry?
            && let Ok(value) = serde_json::from_slice(value)
        {
            values.insert(String::from_utf8_lossy(key).into_owned(), value);
        }
    }
    Ok(values)
}

struct Import<'f, 'a, 'b> {
    feed: &'f TrivyDb,
    path: &'f str,
    sources: HashMap<String, DataSource>,
    /// Red Hat's product streams by number.
    cpes: HashMap<String, String>,
    details: Option<Bucket<'a, 'b>>,
}

/// What a platform's advisories have in common.
struct Ground {
    platform: Platform,
    order: &'static dyn VersionOrder,
    /// Trivy's name of the source.
    source: String,
    is_language: bool,
    /// Whether its names are those of source packages, where the shard also has others.
    is_source: bool,
}

impl<'a, 'b> Import<'_, 'a, 'b> {
    fn platforms(&self, root: Bucket<'a, 'b>, out: &mut Builder) -> Result<(), BoltError> {
        for entry in root.entries() {
            let (name, Item::Bucket(packages)) = entry? else {
                continue;
            };
            let name = String::from_utf8_lossy(name);
            if OTHER_BUCKETS.contains(&&*name) {
                continue;
            }
            let ground = if name == "Red Hat" {
                Ok(None)
            } else {
                self.ground(&name).map(Some)
            };
            for entry in packages.entries() {
                let (package, Item::Bucket(advisories)) = entry? else {
                    continue;
                };
                let package = String::from_utf8_lossy(package);
                for entry in advisories.entries() {
                    let (id, Item::Value(value)) = entry? else {
                        continue;
                    };
                    out.count(self.feed);
                    let id = String::from_utf8_lossy(id);
                    let outcome = match &ground {
                        Ok(Some(ground)) => self.advisory(ground, &package, &id, value, out)?,
                        Ok(None) => self.red_hat(&package, &id, value, out)?,
                        Err(reason) => Err(reason.clone()),
                    };
                    if let Err(reason) = outcome {
                        let what = format!("{id} in {package}, {name}");
                        out.skip(self.feed.id(), reason, self.path, &what);
                    }
                }
            }
        }
        Ok(())
    }

    fn ground(&self, bucket: &str) -> Result<Ground, String> {
        let known = self.sources.get(bucket);
        let source = known
            .map(|source| {
                let base = source.base_id.as_str();
                if base.is_empty() {
                    source.id.as_str()
                } else {
                    base
                }
            })
            .unwrap_or_default();
        let (platform, is_language) = match bucket.split_once("::") {
            Some((ecosystem, _)) => {
                let name = LANGUAGES.iter().find(|(theirs, _)| *theirs == ecosystem);
                let (_, name) =
                    name.ok_or_else(|| format!("left out: unknown ecosystem {ecosystem:?}"))?;
                (Platform::of(name)?, true)
            }
            None => {
                let name = distribution(bucket)
                    .ok_or_else(|| format!("left out: unknown platform {bucket:?}"))?;
                (Platform::of(&name?)?, false)
            }
        };
        let order = order(platform.order).ok_or("left out: no version order")?;
        let is_source = ["Photon OS ", "CBL-Mariner ", "Azure Linux "]
            .iter()
            .any(|start| bucket.starts_with(start));
        Ok(Ground {
            platform,
            order,
            source: source.to_owned(),
            is_language,
            is_source,
        })
    }

    /// What is known of a vulnerability; `Err` if it was withdrawn.
    fn detail(&self, id: &str) -> Result<Result<Detail, String>, BoltError> {
        let found = match &self.details {
            Some(details) => details.get(id.as_bytes())?,
            None => None,
        };
        let Some(Item::Value(value)) = found else {
            return Ok(Ok(Detail::default()));
        };
        Ok(match serde_json::from_slice::<Detail>(value) {
            Ok(detail) if detail.is_rejected() => Err("withdrawn".to_owned()),
            Ok(detail) => Ok(detail),
            Err(_) => Err("unreadable: vulnerability".to_owned()),
        })
    }

    fn advisory(
        &self,
        ground: &Ground,
        package: &str,
        id: &str,
        value: &[u8],
        out: &mut Builder,
    ) -> Result<Result<(), String>, BoltError> {
        let Ok(theirs) = serde_json::from_slice::<TheirAdvisory>(value) else {
            return Ok(Err("unreadable: advisory".to_owned()));
        };
        // Alpine's secdb has `CVE-????-?????`.
        if id.contains('?') {
            return Ok(Err("left out: no id in it".to_owned()));
        }
        let detail = match self.detail(id)? {
            Ok(detail) => detail,
            Err(reason) => return Ok(Err(reason)),
        };
        let affected = if ground.is_language {
            language(&theirs, ground.order).map(|affected| vec![affected])
        } else {
            distribution_package(&theirs, ground)
        };
        let affected = match affected {
            Ok(affected) => affected,
            Err(error) => return Ok(Err(error.to_string())),
        };
        if affected.iter().all(|affected| affected.ranges.is_empty()) {
            return Ok(Err("left out: holds no version".to_owned()));
        }
        let mut aliases = Vec::new();
        if ground.is_language {
            aliases.extend(
                theirs.vendor_ids.iter().filter(|alias| {
                    alias.as_str() != id && !alias.is_empty() && !is_bundle_id(alias)
                }),
            );
            aliases.sort();
            aliases.dedup();
        }
        let advisory = Advisory {
            id: id.to_owned(),
            record: id.to_owned(),
            aliases: aliases.into_iter().cloned().collect(),
            ratings: detail.ratings(theirs.severity, id, &ground.source),
            ..detail.advisory()
        };
        for affected in affected {
            let entry = Entry {
                key: ground.platform.key.clone(),
                order: ground.platform.order,
                package: ground.platform.package(package).into_owned(),
                advisory: advisory.clone(),
                affected,
            };
            out.add_to(self.feed, id, || detail.prose(), entry);
        }
        Ok(Ok(()))
    }

    /// An advisory of Red Hat's, or what it says of a CVE that is not fixed.
    fn red_hat(
        &self,
        package: &str,
        record: &str,
        value: &[u8],
        out: &mut Builder,
    ) -> Result<Result<(), String>, BoltError> {
        let Ok(theirs) = serde_json::from_slice::<RedHatAdvisory>(value) else {
            return Ok(Err("unreadable: advisory".to_owned()));
        };
        let mut reasons = BTreeSet::new();
        let (name, module) = match package.rsplit_once("::") {
            // `nodejs:18::npm` is npm of the module `nodejs:18`.
            Some((module, name)) => (name, Some(module)),
            None => (package, None),
        };
        let order = order("rpm");
        for line in theirs.entries {
            let mut products: BTreeMap<String, Vec<Qualifier<String>>> = BTreeMap::new();
            for number in &line.affected {
                match self.cpes.get(&number.to_string()) {
                    None => {
                        reasons.insert("left out: product stream without a name");
                    }
                    Some(cpe) => match red_hat(cpe) {
                        Some((key, product)) => products
                            .entry(key)
                            .or_default()
                            .push(Qualifier::Product(product)),
                        None => {
                            reasons.insert("left out: product other than RHEL");
                        }
                    },
                }
            }
            let is_readable = line.fixed_version.is_empty()
                || order.is_some_and(|order| order.accepts(&line.fixed_version));
            if !is_readable {
                reasons.insert("unreadable: version");
                continue;
            }
            let (statement, end) = state(&line.fixed_version, line.status);
            for cve in &line.cves {
                let id = if cve.id.is_empty() { record } else { &cve.id };
                let detail = match self.detail(id)? {
                    Ok(detail) => detail,
                    Err(reason) => {
                        let what = format!("{id} in {package}, Red Hat");
                        out.skip(self.feed.id(), reason, self.path, &what);
                        continue;
                    }
                };
                for (key, products) in &products {
                    let mut qualifiers = products.clone();
                    qualifiers.extend(line.arches.iter().cloned().map(Qualifier::Architecture));
                    qualifiers.extend(module.map(str::to_owned).map(Qualifier::Module));
                    qualifiers.sort();
                    qualifiers.dedup();
                    let entry = Entry {
                        key: key.clone(),
                        order: "rpm",
                        package: name.to_owned(),
                        advisory: Advisory {
                            id: id.to_owned(),
                            record: record.to_owned(),
                            ratings: detail.ratings(cve.severity, id, "redhat"),
                            ..detail.advisory()
                        },
                        affected: Affected {
                            statement,
                            ranges: vec![VersionRange {
                                introduced: None,
                                end: end.clone(),
                            }],
                            qualifiers,
                            ..Affected::default()
                        },
                    };
                    let prose = || {
                        let mut prose = detail.prose();
                        if record != id {
                            // One of several CVEs: what is said of one is not said of the others.
                            prose = Prose {
                                references: vec![format!(
                                    "https://access.redhat.com/errata/{record}"
                                )],
                                ..Prose::default()
                            };
                        }
                        prose
                    };
                    out.add_to(self.feed, record, prose, entry);
                }
            }
        }
        for reason in reasons {
            let what = format!("{record} in {package}, Red Hat");
            out.skip(self.feed.id(), reason, self.path, &what);
        }
        Ok(Ok(()))
    }
}

/// Trivy's names of languages' ecosystems, and osv.dev's. CocoaPods has no shard.
const LANGUAGES: &[(&str, &str)] = &[
    ("pip", "PyPI"),
    ("npm", "npm"),
    ("go", "Go"),
    ("cargo", "crates.io"),
    ("maven", "Maven"),
    ("composer", "Packagist"),
    ("nuget", "NuGet"),
    ("rubygems", "RubyGems"),
    ("pub", "Pub"),
    ("erlang", "Hex"),
    ("swift", "SwiftURL"),
    ("bitnami", "Bitnami"),
    ("conan", "ConanCenter"),
    ("k8s", "Kubernetes"),
    ("julia", "Julia"),
];

/// A distribution's release as osv.dev names it, or we do; `None` if it is unknown, `Err` if it must
/// not be used.
fn distribution(bucket: &str) -> Option<Result<String, String>> {
    const RESERVED: &str = "left out: the licence forbids to pass on what is made of it";
    if matches!(bucket, "wolfi" | "chainguard") {
        return Some(Err(RESERVED.to_owned()));
    }
    const WHOLE: &[(&str, &str)] = &[
        ("archlinux", "Arch Linux"),
        ("echo", "Echo"),
        ("minimos", "MinimOS"),
        ("openSUSE Tumbleweed", "openSUSE:Tumbleweed"),
    ];
    if let Some((_, name)) = WHOLE.iter().find(|(theirs, _)| *theirs == bucket) {
        return Some(Ok((*name).to_owned()));
    }
    let (name, release) = bucket.rsplit_once(' ')?;
    Some(Ok(match name {
        "alpine" if release == "edge" => "Alpine:edge".to_owned(),
        "alpine" => format!("Alpine:v{release}"),
        "debian" => format!("Debian:{release}"),
        "ubuntu" => match release.strip_suffix("-ESM") {
            Some(release) => format!("Ubuntu:Pro:{release}"),
            None => format!("Ubuntu:{release}"),
        },
        "alma" => format!("AlmaLinux:{release}"),
        "rocky" => format!("Rocky Linux:{release}"),
        "amazon linux" => format!("Amazon Linux:{release}"),
        "Oracle Linux" | "Photon OS" | "CBL-Mariner" | "Azure Linux" => format!("{name}:{release}"),
        "openSUSE Leap" => format!("openSUSE:Leap {release}"),
        "SUSE Linux Enterprise Micro" => format!("SUSE:Linux Enterprise Micro {release}"),
        // As `15.5`, formerly `15-SP5`; Trivy has the servers' only.
        "SUSE Linux Enterprise" => {
            let release = release.replace("-SP", ".");
            match release.split_once('.') {
                Some((release, pack)) => {
                    format!("SUSE:Linux Enterprise Server {release} SP{pack}")
                }
                None => format!("SUSE:Linux Enterprise Server {release}"),
            }
        }
        _ => return None,
    }))
}

fn language(theirs: &TheirAdvisory, order: &dyn VersionOrder) -> Result<Affected, ConstraintError> {
    let set = |texts: &[String]| -> Result<Set, ConstraintError> {
        let mut set = Set::none();
        for text in texts {
            set.join(Set::parse(text, order)?)?;
        }
        Ok(set)
    };
    let is_any = |texts: &[String]| texts.iter().any(String::is_empty);
    if is_any(&theirs.vulnerable_versions) || is_any(&theirs.patched_versions) {
        return Ok(endless());
    }
    let lists = [
        &theirs.vulnerable_versions,
        &theirs.patched_versions,
        &theirs.unaffected_versions,
    ];
    let vulnerable = if lists.iter().all(|list| list.is_empty()) {
        // Trivy matches nothing then.
        Set::none()
    } else if theirs.vulnerable_versions.is_empty() {
        Set::all()
    } else {
        set(&theirs.vulnerable_versions)?
    };
    let patched = set(&theirs.patched_versions)?;
    let unaffected = set(&theirs.unaffected_versions)?;
    // A patched version that is named alone is the end of a range above all, and is taken out only
    // where a range would hold it.
    let rest = vulnerable
        .without(&patched, order)?
        .without(&unaffected, order)?;
    let fixes: BTreeSet<&str> = patched.beginnings().collect();
    let is_fix = |end: &str| {
        let is_same = |fix: &&&str| order.compare(fix, end).is_ok_and(std::cmp::Ordering::is_eq);
        fixes.contains(end) || fixes.iter().find(is_same).is_some()
    };
    Ok(Affected {
        ranges: rest.to_ranges(order, is_fix)?,
        ..Affected::default()
    })
}

fn endless() -> Affected {
    Affected {
        ranges: vec![VersionRange::default()],
        ..Affected::default()
    }
}

fn distribution_package(
    theirs: &TheirAdvisory,
    ground: &Ground,
) -> Result<Vec<Affected>, ConstraintError> {
    let unreadable = ConstraintError::Version(ground.order.id());
    let introduced = match theirs.affected_version.as_str() {
        "" | "0" => None,
        version if ground.order.accepts(version) => Some(version.to_owned()),
        _ => return Err(unreadable),
    };
    let own = TheirEntry {
        fixed_version: theirs.fixed_version.clone(),
        arches: theirs.arches.clone(),
    };
    let entries = if theirs.entries.is_empty() {
        std::slice::from_ref(&own)
    } else {
        &theirs.entries
    };
    let mut found = Vec::new();
    for entry in entries {
        if !entry.fixed_version.is_empty() && !ground.order.accepts(&entry.fixed_version) {
            return Err(unreadable);
        }
        let (mut statement, end) = state(&entry.fixed_version, theirs.status);
        if ground.platform.order == "apk"
            && statement == Statement::Affected
            && end == RangeEnd::Never
        {
            statement = Statement::Possible;
        }
        let mut qualifiers: Vec<_> = entry
            .arches
            .iter()
            .cloned()
            .map(Qualifier::Architecture)
            .collect();
        qualifiers.extend(ground.is_source.then_some(Qualifier::Source));
        qualifiers.sort();
        found.push(Affected {
            statement,
            ranges: vec![VersionRange {
                introduced: introduced.clone(),
                end,
            }],
            qualifiers,
            ..Affected::default()
        });
    }
    Ok(found)
}

/// What a fixed version and a status number mean.
fn state(fixed: &str, status: f64) -> (Statement, RangeEnd<String>) {
    match fixed {
        "" => (statement(status), RangeEnd::Never),
        "0" => (Statement::NotAffected, RangeEnd::Never),
        version => (Statement::Affected, RangeEnd::Fixed(version.to_owned())),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "from a float it saturates")]
fn statement(status: f64) -> Statement {
    match status as i64 {
        1 => Statement::NotAffected,
        4 => Statement::UnderInvestigation,
        5 => Statement::WillNotFix,
        6 => Statement::FixDeferred,
        7 => Statement::EndOfLife,
        _ => Statement::Affected,
    }
}

/// Trivy's number of a severity.
#[expect(clippy::cast_possible_truncation, reason = "from a float it saturates")]
fn word(source: &str, number: f64) -> Option<Rating> {
    let word = match number as i64 {
        1 => "low",
        2 => "medium",
        3 => "high",
        4 => "critical",
        _ => return None,
    };
    Rating::from_word(source, word)
}

impl Detail {
    fn is_rejected(&self) -> bool {
        let text = self.description.trim_start();
        text.starts_with("Rejected reason:") || text.contains("** REJECT **")
    }

    /// All but what is particular to a package.
    fn advisory(&self) -> Advisory {
        let day = |text: &Option<String>| text.as_deref().and_then(Day::parse);
        let cwes: BTreeSet<u32> = self
            .cwes
            .iter()
            .filter_map(|id| id.strip_prefix("CWE-")?.parse().ok())
            .collect();
        Advisory {
            published: day(&self.published),
            modified: day(&self.modified),
            title: title(&self.title),
            cwes: cwes.into_iter().collect(),
            ..Advisory::default()
        }
    }

    fn prose(&self) -> Prose {
        Prose {
            summary: self.title.clone(),
            details: self.description.clone(),
            references: self.references.clone(),
        }
    }

    /// The severity of the source that Trivy chooses, and its CVSS.
    fn ratings(&self, own: f64, id: &str, source: &str) -> Vec<Rating> {
        let vendor = |source: &str| {
            let number = self.vendor_severity.get(source).copied();
            number.and_then(|number| word(source, number))
        };
        let mut ratings: Vec<Rating> = Vec::new();
        let ghsa = if id.starts_with("GHSA-") {
            "ghsa"
        } else {
            source
        };
        let asked = [source, ghsa].into_iter().chain(SOURCES.iter().copied());
        let mut chosen = source;
        if let Some(word) = word(source, own) {
            ratings.push(word);
        } else {
            for source in asked {
                let vectors = self.vectors(source);
                if let Some(word) = vendor(source) {
                    ratings.push(word);
                } else if vectors.is_empty() {
                    continue;
                }
                chosen = source;
                break;
            }
        }
        ratings.extend(self.vectors(chosen));
        ratings.extend(self.vectors(NVD));
        if ratings.is_empty() {
            ratings.extend(Rating::from_word(
                "trivy-db",
                &self.severity.to_ascii_lowercase(),
            ));
        }
        ratings.sort();
        ratings.dedup();
        ratings
    }

    fn vectors(&self, source: &str) -> Vec<Rating> {
        let cvss = self.cvss.get(source);
        let texts = cvss.map(|cvss| [&cvss.v40, &cvss.v3, &cvss.v2]);
        let texts = texts.into_iter().flatten();
        texts
            .filter_map(|text| Rating::from_vector(source, text))
            .collect()
    }
}

#[derive(Debug, Deserialize)]
struct Metadata {
    #[serde(rename = "Version")]
    version: u32,
    #[serde(rename = "UpdatedAt", default)]
    updated_at: String,
}

#[derive(Debug, Deserialize)]
struct DataSource {
    #[serde(rename = "ID", default)]
    id: String,
    #[serde(rename = "BaseID", default)]
    base_id: String,
}

// Numbers are read as such with a fraction: some writers of the database write `1.0`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct TheirAdvisory {
    fixed_version: String,
    affected_version: String,
    vulnerable_versions: Vec<String>,
    patched_versions: Vec<String>,
    unaffected_versions: Vec<String>,
    #[serde(rename = "VendorIDs")]
    vendor_ids: Vec<String>,
    severity: f64,
    status: f64,
    arches: Vec<String>,
    entries: Vec<TheirEntry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct TheirEntry {
    fixed_version: String,
    arches: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RedHatAdvisory {
    entries: Vec<RedHatEntry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RedHatEntry {
    fixed_version: String,
    affected: Vec<u64>,
    cves: Vec<RedHatCve>,
    arches: Vec<String>,
    status: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RedHatCve {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Severity")]
    severity: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Detail {
    title: String,
    description: String,
    severity: String,
    #[serde(rename = "CweIDs")]
    cwes: Vec<String>,
    vendor_severity: HashMap<String, f64>,
    #[serde(rename = "CVSS")]
    cvss: HashMap<String, TheirCvss>,
    references: Vec<String>,
    #[serde(rename = "PublishedDate")]
    published: Option<String>,
    #[serde(rename = "LastModifiedDate")]
    modified: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TheirCvss {
    #[serde(rename = "V40Vector")]
    v40: String,
    #[serde(rename = "V3Vector")]
    v3: String,
    #[serde(rename = "V2Vector")]
    v2: String,
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, io::Cursor};

    use lamina_advisories::Shard;

    use super::*;
    use crate::bolt::testing::{Node, Tree, value, write};

    fn one(
        platform: &'static str,
        package: &'static str,
        id: &'static str,
        json: &str,
    ) -> (&'static str, Node) {
        let advisories = Node::Bucket(vec![(id, value(json))]);
        (platform, Node::Paged(vec![(package, advisories)]))
    }

    /// What the shards say, and what was skipped.
    fn import(tree: &Tree) -> (Vec<String>, Vec<String>) {
        let mut builder = Builder::new("2026-11-23T00:00:00Z");
        let input = Input {
            path: "trivy.db",
            content: &mut Cursor::new(write(tree)),
        };
        TrivyDb.read(input, &mut builder).unwrap();
        let mut files = BTreeMap::new();
        let built = builder
            .finish("test", |path, bytes| {
                files.insert(path.to_owned(), bytes.to_vec());
                Ok::<(), Infallible>(())
            })
            .unwrap();
        let mut lines = Vec::new();
        for row in built.rows.iter().filter(|row| row.is_match()) {
            let shard = Shard::from_stored(&files[&row.entry.path()], &row.entry).unwrap();
            for package in shard.packages() {
                let package = package.unwrap();
                for affected in package.affected() {
                    let affected = affected.unwrap();
                    let advisory = shard.advisory(affected.advisory).unwrap();
                    let ranges: Vec<_> = affected.ranges().map(|r| r.to_string()).collect();
                    let qualifiers: Vec<_> = affected.qualifiers().collect();
                    let ratings: Vec<_> = advisory
                        .ratings()
                        .map(|rating| format!("{} {}", rating.severity.word(), rating.describe()))
                        .collect();
                    lines.push(format!(
                        "{} {} {} {} {:?} {} {qualifiers:?} {ratings:?}",
                        row.entry.key,
                        package.name,
                        advisory.id,
                        advisory.record,
                        affected.statement.unwrap(),
                        ranges.join(" or "),
                    ));
                }
            }
        }
        let skipped = built
            .skipped
            .iter()
            .map(|s| format!("{}: {}", s.reason, s.record));
        (lines, skipped.collect())
    }

    #[test]
    fn platforms_become_shards() {
        let tree = vec![
            one(
                "Red Hat",
                "nodejs:18::npm",
                "RHSA-1",
                r#"{"Entries":[{"FixedVersion":"0:1-1.el8",
                "Cves":[{"ID":"CVE-1","Severity":2.0},{"ID":"CVE-2"}],"Affected":[1,2,3,9],"Arches":["x86_64"]}]}"#,
            ),
            (
                "Red Hat CPE",
                Node::Bucket(vec![(
                    "cpe",
                    Node::Bucket(vec![
                        ("1", value(r#""cpe:/o:redhat:enterprise_linux:8::baseos""#)),
                        ("2", value(r#""cpe:/a:redhat:rhel_eus:9.4::appstream""#)),
                        ("3", value(r#""cpe:/a:redhat:openshift:4.15::el9""#)),
                    ]),
                )]),
            ),
            one(
                "alpine 3.19",
                "curl",
                "CVE-1",
                r#"{"AffectedVersion":"8.0-r0"}"#,
            ),
            one("alpine edge", "curl", "CVE-1", r#"{"FixedVersion":"0"}"#),
            one(
                "cargo::RustSec",
                "a",
                "CVE-2",
                r#"{"PatchedVersions":[">= 3.1.0",">= 2.1.3, < 3.0.0"],
                "UnaffectedVersions":["< 1.0.0"],"VendorIDs":["GHSA-1","RUSTSEC-1"]}"#,
            ),
            (
                "data-source",
                Node::Bucket(vec![
                    ("debian 12", value(r#"{"ID":"debian"}"#)),
                    ("pip::GitHub", value(r#"{"ID":"ghsa"}"#)),
                ]),
            ),
            one(
                "debian 12",
                "bash",
                "CVE-2",
                r#"{"Severity":1.0,"Status":7}"#,
            ),
            one(
                "pip::GitHub",
                "Zope_Interface",
                "CVE-2",
                r#"{"VulnerableVersions":["<= 1.6.14"],"PatchedVersions":["1.6.14"]}"#,
            ),
            one("ubuntu 16.04-ESM", "bash", "CVE-3", r#"{"Status":5}"#),
            (
                "vulnerability",
                Node::Paged(vec![
                    (
                        "CVE-2",
                        value(
                            r#"{"Title":"Bad","VendorSeverity":{"ghsa":3,"nvd":4},"CVSS":{
                        "ghsa":{"V3Vector":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:H/A:N"},
                        "redhat":{"V3Vector":"CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:N/I:L/A:N"}}}"#,
                        ),
                    ),
                    ("CVE-9", value(r#"{"Description":"Rejected reason: none"}"#)),
                ]),
            ),
        ];
        let (lines, skipped) = import(&tree);
        same(
            &lines,
            &[
                r#"alpine:3.19 curl CVE-1 CVE-1 Possible >= 8.0-r0 [] []"#,
                r#"alpine:edge curl CVE-1 CVE-1 NotAffected >= 0 [] []"#,
                r#"crates.io a CVE-2 CVE-2 Affected >= 1.0.0, < 2.1.3 or >= 3.0.0, < 3.1.0 [] ["critical nvd", "high ghsa, CVSS 3.1"]"#,
                r#"debian:12 bash CVE-2 CVE-2 EndOfLife >= 0 [] ["low debian", "high ghsa, CVSS 3.1"]"#,
                r#"pypi zope-interface CVE-2 CVE-2 Affected >= 0, < 1.6.14 [] ["high ghsa", "high ghsa, CVSS 3.1"]"#,
                r#"red-hat:8 npm CVE-1 RHSA-1 Affected >= 0, < 0:1-1.el8 [Module("nodejs:18"), Architecture("x86_64"), Product("enterprise_linux:8::baseos")] ["medium redhat"]"#,
                r#"red-hat:8 npm CVE-2 RHSA-1 Affected >= 0, < 0:1-1.el8 [Module("nodejs:18"), Architecture("x86_64"), Product("enterprise_linux:8::baseos")] ["medium redhat, CVSS 3.1"]"#,
                r#"red-hat:9 npm CVE-1 RHSA-1 Affected >= 0, < 0:1-1.el8 [Module("nodejs:18"), Architecture("x86_64"), Product("rhel_eus:9.4::appstream")] ["medium redhat"]"#,
                r#"red-hat:9 npm CVE-2 RHSA-1 Affected >= 0, < 0:1-1.el8 [Module("nodejs:18"), Architecture("x86_64"), Product("rhel_eus:9.4::appstream")] ["medium redhat, CVSS 3.1"]"#,
                r#"ubuntu-pro:16.04 bash CVE-3 CVE-3 WillNotFix >= 0 [] []"#,
            ],
        );
        same(
            &skipped,
            &[
                "left out: product other than RHEL: RHSA-1 in nodejs:18::npm, Red Hat",
                "left out: product stream without a name: RHSA-1 in nodejs:18::npm, Red Hat",
            ],
        );
    }

    fn same(got: &[String], expect: &[&str]) {
        assert_eq!(got.join("\n"), expect.join("\n"));
    }

    #[test]
    fn what_has_no_place_is_counted() {
        let tree = vec![
            one(
                "cocoapods::GitHub",
                "pcre",
                "CVE-1",
                r#"{"VulnerableVersions":["<8.44"]}"#,
            ),
            ("data-source", Node::Bucket(vec![])),
            one("debian 12", "a", "CVE-9", "{}"),
            one("debian 13", "a", "CVE-1", "7"),
            one(
                "npm::x",
                "a",
                "CVE-1",
                r#"{"VulnerableVersions":["<what"]}"#,
            ),
            one(
                "npm::y",
                "a",
                "CVE-1",
                r#"{"VulnerableVersions":["<1"],"UnaffectedVersions":["<2"]}"#,
            ),
            one("npm::z", "a", "CVE-1", r#"{"VendorIDs":["GHSA-1"]}"#),
            (
                "vulnerability",
                Node::Bucket(vec![(
                    "CVE-9",
                    value(r#"{"Description":"** REJECT ** x"}"#),
                )]),
            ),
            one("windows 11", "a", "CVE-1", "{}"),
            one("wolfi", "a", "CVE-1", r#"{"FixedVersion":"1-r0"}"#),
        ];
        let (lines, skipped) = import(&tree);
        assert_eq!(lines, Vec::<String>::new());
        same(
            &skipped,
            &[
                "left out: holds no version: CVE-1 in a, npm::y",
                "left out: holds no version: CVE-1 in a, npm::z",
                "left out: the licence forbids to pass on what is made of it: CVE-1 in a, wolfi",
                "left out: unknown ecosystem \"cocoapods\": CVE-1 in pcre, cocoapods::GitHub",
                "left out: unknown platform \"windows 11\": CVE-1 in a, windows 11",
                "unreadable: advisory: CVE-1 in a, debian 13",
                "unreadable: no semver version in a constraint: CVE-1 in a, npm::x",
                "withdrawn: CVE-9 in a, debian 12",
            ],
        );
    }

    #[test]
    fn whole_databases_are_not_mixed_with_feeds() {
        let file = write(&vec![one("debian 12", "a", "CVE-1", "{}")]);
        let read = |builder: &mut Builder, path: &str, bytes: &[u8]| {
            let feed = crate::feed_for(path).unwrap();
            let content = &mut Cursor::new(bytes.to_vec());
            feed.read(Input { path, content }, builder)
        };
        let finish = |builder: Builder| {
            let ignore = |_: &str, _: &[u8]| Ok::<(), Infallible>(());
            builder.finish("test", ignore).map(|_| ())
        };
        let mut builder = Builder::new("");
        read(&mut builder, "trivy.db", &file).unwrap();
        // What has no records of its own goes with it.
        let nvd = br#"{"vulnerabilities": [{"cve": {"id": "CVE-2", "metrics": {}}}]}"#;
        read(&mut builder, "nvdcve-2.0-2024.json", nvd).unwrap();
        finish(builder).unwrap();

        let mut builder = Builder::new("");
        read(&mut builder, "trivy.db", &file).unwrap();
        let debian = br#"{"a": {"CVE-1": {"releases": {"bookworm": {"status": "open"}}}}}"#;
        read(&mut builder, "debian/debian.json", debian).unwrap();
        assert_eq!(
            finish(builder).unwrap_err().to_string(),
            "trivy-db is a whole database: it is not mixed with Debian security tracker; choose one of them"
        );

        let mut builder = Builder::new("");
        let damaged = read(&mut builder, "trivy.db", &[0; 9000]);
        assert!(matches!(damaged, Err(FeedError::Database(_))));
        let none = read(&mut builder, "db.tar.gz", b"no archive");
        assert!(matches!(none, Err(FeedError::Io(_))));
    }
}
