//! A whole [grype database](https://github.com/anchore/grype/tree/main/grype/db/v6), version 6: the
//! archive `vulnerability-db_v6….tar.zst` that `latest.json` names, or the `vulnerability.db` in it, an
//! SQLite file.
//!
//! Tables of handles join a vulnerability, a package and an operating system (none for packages of
//! languages); what is said of them is JSON in the table `blobs`. It is read with our own reader of
//! SQLite ([`lamina_inventory::sqlite`]): the tables are walked once, from first to last, so that no
//! query and no index is needed.
//!
//! - Constraints become ranges ([`crate::constraint`]); the state of a fix becomes a [`Statement`].
//! - Severity is the first that a vulnerability has, which is Grype's choice; CVSS vectors are kept
//!   with their sources.
//! - Of RPMs Grype compares a name with that of the binary package and of its source package: each
//!   entry is written for both.
//! - EPSS, CISA's KEV and CWE are read from the tables of these names.
//! - Statements about CPEs (`affected_cpe_handles`) are counted as left out: nothing here is matched by
//!   CPE. So are packages narrowed down by a platform's CPE, and Go's packages within modules
//!   (`go_imports`) are taken for the whole module.
//! - Wolfi's and Chainguard's statements are left out: their licence forbids to pass on what is made of
//!   them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io::Read as _,
};

use lamina_advisories::{
    orders::order,
    rating::{NVD, Rating},
    record::{Advisory, Affected, Day, Epss, Exploited, Qualifier, Share, Statement},
    shard::prose::Prose,
};
use lamina_inventory::sqlite::{Database, Problem, Row, Value};
use serde::Deserialize;

use super::{Feed, FeedError, GRYPE_DB, Input, file_and_folder};
use crate::{
    archive::each_member,
    builder::{Builder, Entry, title},
    constraint::{ConstraintError, Set},
    limits::MAX_DATABASE_BYTES,
    platform::Platform,
};

pub(super) struct GrypeDb;

impl Feed for GrypeDb {
    fn id(&self) -> &'static str {
        GRYPE_DB
    }

    fn name(&self) -> &'static str {
        "grype database"
    }

    fn url(&self) -> &'static str {
        "https://grype.anchore.io/databases/v6"
    }

    fn licence(&self) -> &'static str {
        "its data as its sources say"
    }

    fn is_database(&self) -> bool {
        true
    }

    fn claims(&self, path: &str) -> bool {
        let (file, _) = file_and_folder(path);
        file == "vulnerability.db"
            || (file.starts_with("vulnerability-db_v6") && file.contains(".tar."))
    }

    fn read(&self, input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        let path = input.path;
        let mut bytes = Vec::new();
        if path.ends_with(".db") {
            input
                .content
                .take(MAX_DATABASE_BYTES + 1)
                .read_to_end(&mut bytes)?;
        } else {
            each_member(input, |name, _, content| {
                if file_and_folder(name).0 == "vulnerability.db" {
                    bytes.clear();
                    content
                        .take(MAX_DATABASE_BYTES + 1)
                        .read_to_end(&mut bytes)?;
                }
                Ok(())
            })?;
        }
        if bytes.is_empty() {
            return Err(FeedError::Foreign("no vulnerability.db in it"));
        }
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_DATABASE_BYTES {
            return Err(FeedError::Limit {
                what: "bytes",
                limit: MAX_DATABASE_BYTES,
            });
        }
        let database = Database::open(&bytes).map_err(|error| FeedError::Database(error.into()))?;
        self.check(&database, out)?;
        let import = Import::of(self, path, &database)?;
        import.scores(&database, out)?;
        import.packages(&database, "affected_package_handles", out)?;
        import.packages(&database, "unaffected_package_handles", out)?;
        for table in ["affected_cpe_handles", "unaffected_cpe_handles"] {
            each(&database, table, |cells| {
                out.count(self);
                let id = cells
                    .integer("vulnerability_id")
                    .and_then(|id| import.handles.get(&id));
                let what = id.map_or("?", |handle| &handle.name);
                out.skip(self.id(), "left out: a statement about a CPE", path, what);
            })?;
        }
        Ok(())
    }
}

impl GrypeDb {
    /// Refuses other versions of the schema.
    fn check(&self, database: &Database<'_>, out: &mut Builder) -> Result<(), FeedError> {
        let mut model = None;
        each(database, "db_metadata", |cells| {
            model = cells.integer("model");
            let built = cells.text("build_timestamp").replacen(' ', "T", 1);
            out.dated(self, &built);
        })?;
        match model {
            Some(6) => Ok(()),
            _ => Err(FeedError::Foreign("not version 6 of Grype's database")),
        }
    }
}

/// One row, by the names of its columns.
struct Cells<'r, 'a> {
    row: &'r Row<'a>,
    columns: &'r [String],
}

impl Cells<'_, '_> {
    fn value(&self, name: &str) -> Option<Value<'_>> {
        let column = self.columns.iter().position(|column| column == name)?;
        self.row.value(column)
    }

    /// A text; empty if there is none.
    fn text(&self, name: &str) -> String {
        match self.value(name) {
            Some(Value::Text(text)) => String::from_utf8_lossy(text).into_owned(),
            Some(Value::Integer(number)) => number.to_string(),
            _ => String::new(),
        }
    }

    fn integer(&self, name: &str) -> Option<i64> {
        match self.value(name)? {
            Value::Integer(number) => Some(number),
            _ => None,
        }
    }

    fn number(&self, name: &str) -> Option<f64> {
        match self.value(name)? {
            Value::Real(number) => Some(number),
            // SQLite stores 0.0 and 1.0 as integers.
            Value::Integer(number) => Some(if number > 0 { 1.0 } else { 0.0 }),
            _ => None,
        }
    }
}

/// Shows each row of a table; of a table that is not there, none.
fn each<'a>(
    database: &Database<'a>,
    table: &str,
    mut see: impl FnMut(Cells<'_, 'a>),
) -> Result<(), FeedError> {
    let wrong = |problem: Problem| FeedError::Database(problem.into());
    let (Some(root), Some(columns)) = (database.table(table), database.columns(table)) else {
        return Ok(());
    };
    for row in database.rows(root) {
        let row = row.map_err(wrong)?;
        see(Cells {
            row: &row,
            columns: &columns,
        });
    }
    Ok(())
}

struct Handle {
    name: String,
    status: String,
    published: Option<Day>,
    modified: Option<Day>,
    is_withdrawn: bool,
    provider: String,
    blob: Option<i64>,
}

/// Where an operating system's packages go.
struct System {
    platform: Platform,
    product: Option<String>,
}

struct Import<'f, 'a> {
    feed: &'f GrypeDb,
    path: &'f str,
    /// The rows of `blobs`, with the column that has the JSON.
    blobs: HashMap<i64, Row<'a>>,
    blob_column: usize,
    handles: HashMap<i64, Handle>,
    aliases: HashMap<String, Vec<String>>,
    systems: HashMap<i64, Result<System, String>>,
    /// Ecosystem and name.
    packages: HashMap<i64, (String, String)>,
    cwes: HashMap<String, BTreeSet<u32>>,
}

impl<'f, 'a> Import<'f, 'a> {
    fn of(feed: &'f GrypeDb, path: &'f str, database: &Database<'a>) -> Result<Self, FeedError> {
        let mut import = Self {
            feed,
            path,
            blobs: HashMap::new(),
            blob_column: 0,
            handles: HashMap::new(),
            aliases: HashMap::new(),
            systems: HashMap::new(),
            packages: HashMap::new(),
            cwes: HashMap::new(),
        };
        each(database, "blobs", |cells| {
            let column = cells.columns.iter().position(|column| column == "value");
            import.blob_column = column.unwrap_or_default();
            import.blobs.insert(cells.row.rowid, cells.row.clone());
        })?;
        each(database, "vulnerability_handles", |cells| {
            let handle = Handle {
                name: cells.text("name"),
                status: cells.text("status"),
                published: Day::parse(&cells.text("published_date")),
                modified: Day::parse(&cells.text("modified_date")),
                is_withdrawn: !cells.text("withdrawn_date").is_empty(),
                provider: cells.text("provider_id"),
                blob: cells.integer("blob_id"),
            };
            import.handles.insert(cells.row.rowid, handle);
        })?;
        each(database, "vulnerability_aliases", |cells| {
            let aliases = import.aliases.entry(cells.text("name")).or_default();
            aliases.push(cells.text("alias"));
        })?;
        each(database, "operating_systems", |cells| {
            import.systems.insert(cells.row.rowid, system(&cells));
        })?;
        each(database, "packages", |cells| {
            let package = (cells.text("ecosystem"), cells.text("name"));
            import.packages.insert(cells.row.rowid, package);
        })?;
        each(database, "cwe_handles", |cells| {
            let text = cells.text("cwe");
            if let Some(number) = text.strip_prefix("CWE-").and_then(|text| text.parse().ok()) {
                import
                    .cwes
                    .entry(cells.text("cve"))
                    .or_default()
                    .insert(number);
            }
        })?;
        Ok(import)
    }

    fn scores(&self, database: &Database<'a>, out: &mut Builder) -> Result<(), FeedError> {
        each(database, "epss_handles", |cells| {
            let numbers = (cells.number("epss"), cells.number("percentile"));
            if let (Some(score), Some(percentile)) = numbers {
                let epss = Epss {
                    score: Share::of(score),
                    percentile: Share::of(percentile),
                };
                out.score(&cells.text("cve"), epss);
            }
        })?;
        each(database, "known_exploited_vulnerability_handles", |cells| {
            let cve = cells.text("cve");
            let blob = cells
                .integer("blob_id")
                .and_then(|id| self.blob::<Kev>(id).ok());
            match blob.and_then(|kev| Some((Day::parse(&kev.date_added)?, kev))) {
                Some((added, kev)) => {
                    let exploited = Exploited {
                        added,
                        due: Day::parse(&kev.due_date),
                        by_ransomware: kev.ransomware.eq_ignore_ascii_case("known"),
                    };
                    out.exploited(&cve, exploited);
                }
                None => out.skip(self.feed.id(), "unreadable: KEV", self.path, &cve),
            }
        })
    }

    fn blob<T: for<'de> Deserialize<'de>>(&self, id: i64) -> Result<T, String> {
        let row = self.blobs.get(&id).ok_or("unreadable: no blob")?;
        let Some(Value::Text(text)) = row.value(self.blob_column) else {
            return Err("unreadable: blob".to_owned());
        };
        serde_json::from_slice(text).map_err(|_| "unreadable: blob".to_owned())
    }

    fn packages(
        &self,
        database: &Database<'a>,
        table: &str,
        out: &mut Builder,
    ) -> Result<(), FeedError> {
        let is_unaffected = table.starts_with("unaffected");
        each(database, table, |cells| {
            out.count(self.feed);
            if let Err((reason, what)) = self.package(&cells, is_unaffected, out) {
                out.skip(self.feed.id(), reason, self.path, &what);
            }
        })
    }

    /// One row that joins a vulnerability and a package.
    fn package(
        &self,
        cells: &Cells<'_, 'a>,
        is_unaffected: bool,
        out: &mut Builder,
    ) -> Result<(), (String, String)> {
        let integer = |column: &str| cells.integer(column);
        let handle = integer("vulnerability_id").and_then(|id| self.handles.get(&id));
        let package = integer("package_id").and_then(|id| self.packages.get(&id));
        let (Some(handle), Some((ecosystem, name))) = (handle, package) else {
            let what = format!("row {}", cells.row.rowid);
            return Err((
                "unreadable: no such vulnerability or package".to_owned(),
                what,
            ));
        };
        let at = |reason: String| (reason, format!("{} in {name}, {ecosystem}", handle.name));
        // Alpine's secdb has `CVE-????-?????`.
        if handle.name.contains('?') {
            return Err(at("left out: no id in it".to_owned()));
        }
        if handle.status == "rejected" || handle.is_withdrawn {
            return Err(at("withdrawn".to_owned()));
        }
        let language;
        let (platform, product) = match integer("operating_system_id") {
            Some(id) => match self.systems.get(&id) {
                Some(Ok(system)) => (&system.platform, system.product.clone()),
                Some(Err(reason)) => return Err(at(reason.clone())),
                None => return Err(at("unreadable: no such operating system".to_owned())),
            },
            None => {
                let known = LANGUAGES.iter().find(|(theirs, _)| theirs == ecosystem);
                let (_, known) = known
                    .ok_or_else(|| at(format!("left out: unknown ecosystem {ecosystem:?}")))?;
                language = Platform::of(known).map_err(at)?;
                (&language, None)
            }
        };
        let blob = integer("blob_id").ok_or("unreadable: no blob".to_owned());
        let blob: PackageBlob = blob.and_then(|id| self.blob(id)).map_err(at)?;
        let qualifiers = blob.qualifiers.unwrap_or_default();
        if !qualifiers.platform_cpes.is_empty() {
            return Err(at("left out: narrowed down by a platform's CPE".to_owned()));
        }
        let mut found = affected(&blob.ranges, platform, is_unaffected)
            .map_err(|error| at(error.to_string()))?;
        let mut narrow: Vec<_> = qualifiers
            .architecture
            .into_iter()
            .map(Qualifier::Architecture)
            .collect();
        narrow.extend(product.map(Qualifier::Product));
        if !qualifiers.rpm_modularity.is_empty() {
            narrow.push(Qualifier::Module(qualifiers.rpm_modularity));
        }
        narrow.sort();
        for affected in &mut found {
            affected.qualifiers.clone_from(&narrow);
        }
        if platform.order == "rpm" && integer("operating_system_id").is_some() {
            for affected in found.clone() {
                let mut by_source = affected;
                by_source.qualifiers.push(Qualifier::Source);
                by_source.qualifiers.sort();
                found.push(by_source);
            }
        }

        let vulnerability: VulnerabilityBlob = match handle.blob {
            Some(id) => self.blob(id).map_err(at)?,
            None => VulnerabilityBlob::default(),
        };
        let of_system = integer("operating_system_id").is_some();
        let identities = self.identities(handle, &blob.cves, &vulnerability.aliases, of_system);
        let ratings = ratings(&vulnerability.severities, &handle.provider);
        for (id, aliases) in identities {
            let mut cwes = self.cwes.get(&id).cloned().unwrap_or_default();
            cwes.extend(self.cwes.get(&handle.name).into_iter().flatten());
            for affected in &found {
                let entry = Entry {
                    key: platform.key.clone(),
                    order: platform.order,
                    package: platform.package(name).into_owned(),
                    advisory: Advisory {
                        id: id.clone(),
                        record: handle.name.clone(),
                        aliases: aliases.clone(),
                        published: handle.published,
                        modified: handle.modified,
                        title: title(&vulnerability.title()),
                        ratings: ratings.clone(),
                        cwes: cwes.iter().copied().collect(),
                        ..Advisory::default()
                    },
                    affected: affected.clone(),
                };
                out.add_to(self.feed, &handle.name, || vulnerability.prose(), entry);
            }
        }
        Ok(())
    }

    /// The ids under which a vulnerability is shown, each with its aliases: one, or one for each CVE of
    /// a distribution's notice.
    fn identities(
        &self,
        handle: &Handle,
        cves: &[String],
        aliases: &[String],
        of_system: bool,
    ) -> Vec<(String, Vec<String>)> {
        let name = &handle.name;
        let others = self.aliases.get(name).into_iter().flatten();
        let all: BTreeSet<&String> = cves.iter().chain(aliases).chain(others).collect();
        let is_cve = |id: &str| id.starts_with("CVE-");
        if of_system && !is_cve(name) {
            let cves: Vec<_> = all.iter().filter(|id| is_cve(id)).collect();
            if !cves.is_empty() {
                return cves
                    .into_iter()
                    .map(|id| ((*id).clone(), Vec::new()))
                    .collect();
            }
        }
        let id = if is_cve(name) {
            name
        } else {
            all.iter().copied().find(|id| is_cve(id)).unwrap_or(name)
        };
        let aliases = all
            .iter()
            .filter(|alias| ***alias != *id && ***alias != *name);
        vec![(id.clone(), aliases.map(|alias| (*alias).clone()).collect())]
    }
}

/// Grype's names of languages' ecosystems, which are Syft's package types, and osv.dev's.
const LANGUAGES: &[(&str, &str)] = &[
    ("python", "PyPI"),
    ("npm", "npm"),
    ("go-module", "Go"),
    ("rust-crate", "crates.io"),
    ("java-archive", "Maven"),
    ("php-composer", "Packagist"),
    ("dotnet", "NuGet"),
    ("gem", "RubyGems"),
    ("dart-pub", "Pub"),
    ("hex", "Hex"),
    ("swift", "SwiftURL"),
    ("github-action", "GitHub Actions"),
    ("bitnami", "Bitnami"),
    ("R-package", "CRAN"),
    ("conan", "ConanCenter"),
    ("haskell", "Hackage"),
];

fn system(cells: &Cells<'_, '_>) -> Result<System, String> {
    let name = cells.text("name").to_ascii_lowercase();
    let (major, minor) = (cells.text("major_version"), cells.text("minor_version"));
    let (label, channel) = (cells.text("label_version"), cells.text("channel"));
    let both = if minor.is_empty() {
        major.clone()
    } else {
        format!("{major}.{minor}")
    };
    let mut product = None;
    let known = match name.as_str() {
        "alpine" if label == "edge" || label == "rolling" => "Alpine:edge".to_owned(),
        "alpine" => format!("Alpine:v{both}"),
        "debian" if major.is_empty() => "Debian:sid".to_owned(),
        "debian" => format!("Debian:{major}"),
        "ubuntu" if channel == "esm" => format!("Ubuntu:Pro:{both}"),
        "ubuntu" => format!("Ubuntu:{both}"),
        "redhat" | "rhel" => {
            // What extended support fixes is not in the plain release.
            if !channel.is_empty() {
                product = Some(format!("rhel_{channel}:{both}"));
            }
            format!("Red Hat:{major}")
        }
        "almalinux" | "alma" => format!("AlmaLinux:{major}"),
        "rockylinux" | "rocky" => format!("Rocky Linux:{major}"),
        "amazonlinux" | "amazon" => format!("Amazon Linux:{major}"),
        "oraclelinux" | "oracle" => format!("Oracle Linux:{major}"),
        "azurelinux" => format!("Azure Linux:{both}"),
        "mariner" => format!("CBL-Mariner:{both}"),
        "photon" => format!("Photon OS:{both}"),
        "fedora" => format!("Fedora:{major}"),
        "archlinux" | "arch" => "Arch Linux".to_owned(),
        "sles" if minor.is_empty() || minor == "0" => {
            format!("SUSE:Linux Enterprise Server {major}")
        }
        "sles" => format!("SUSE:Linux Enterprise Server {major} SP{minor}"),
        "opensuse-leap" => format!("openSUSE:Leap {both}"),
        "opensuse-tumbleweed" => "openSUSE:Tumbleweed".to_owned(),
        "minimos" => "MinimOS".to_owned(),
        "echo" => "Echo".to_owned(),
        "wolfi" | "chainguard" => {
            return Err("left out: the licence forbids to pass on what is made of it".to_owned());
        }
        _ => return Err(format!("left out: unknown platform {name:?}")),
    };
    let channels = ["", "esm", "eus"];
    if !channels.contains(&channel.as_str()) && product.is_none() {
        return Err(format!("left out: unknown channel {channel:?}"));
    }
    Ok(System {
        platform: Platform::of(&known)?,
        product,
    })
}

/// What ranges with the same meaning say together.
fn affected(
    ranges: &[TheirRange],
    platform: &Platform,
    is_unaffected: bool,
) -> Result<Vec<Affected>, ConstraintError> {
    let order = order(platform.order).ok_or(ConstraintError::Syntax)?;
    struct Part<'r> {
        set: Set,
        fixes: BTreeSet<&'r str>,
        dates: BTreeSet<Day>,
    }
    let none = Fix::default();
    let mut parts: BTreeMap<Statement, Part<'_>> = BTreeMap::new();
    for range in ranges {
        let fix = range.fix.as_ref().unwrap_or(&none);
        // So Grype writes what secdb calls fixed in `0`: it was never affected.
        let constraint = range.version.constraint.trim();
        let is_never = platform.order == "apk" && matches!(constraint, "< 0" | "<0");
        let statement = match fix.state.as_str() {
            _ if is_never || is_unaffected => Statement::NotAffected,
            "not-affected" => Statement::NotAffected,
            "wont-fix" => Statement::WillNotFix,
            _ => Statement::Affected,
        };
        let part = parts.entry(statement).or_insert_with(|| Part {
            set: Set::none(),
            fixes: BTreeSet::new(),
            dates: BTreeSet::new(),
        });
        let set = if is_never {
            Set::all()
        } else {
            Set::parse(constraint, order)?
        };
        part.set.join(set)?;
        if fix.state == "fixed" && !is_never {
            part.fixes.insert(&fix.version);
            let available = fix
                .detail
                .as_ref()
                .and_then(|detail| detail.available.as_ref());
            part.dates
                .extend(available.and_then(|available| Day::parse(&available.date)));
        }
    }
    let found = parts.into_iter().map(|(statement, part)| {
        let is_fix = |end: &str| {
            part.fixes.contains(end)
                || part
                    .fixes
                    .iter()
                    .any(|fix| order.compare(fix, end).is_ok_and(std::cmp::Ordering::is_eq))
        };
        Ok(Affected {
            statement,
            ranges: part.set.to_ranges(order, is_fix)?,
            // Of several fixes it is not known which is meant.
            fix_published: part
                .dates
                .first()
                .copied()
                .filter(|_| part.dates.len() == 1),
            ..Affected::default()
        })
    });
    found
        .filter(|affected| !matches!(affected, Ok(affected) if affected.ranges.is_empty()))
        .collect()
}

/// The first is Grype's choice: a word counts only there, since words are heard before scores.
fn ratings(severities: &[TheirSeverity], provider: &str) -> Vec<Rating> {
    let source = |theirs: &str| match theirs {
        "" => match provider {
            "github" => "ghsa".to_owned(),
            "rhel" => "redhat".to_owned(),
            provider => provider.to_owned(),
        },
        "nvd" | "nvd@nist.gov" => NVD.to_owned(),
        "security-advisories@github.com" => "ghsa".to_owned(),
        theirs => theirs.to_owned(),
    };
    let mut ratings: Vec<Rating> = severities
        .iter()
        .enumerate()
        .filter_map(|(position, severity)| match &severity.value {
            SeverityValue::Cvss { vector } => {
                Rating::from_vector(&source(&severity.source), vector)
            }
            SeverityValue::Word(word) if word.starts_with("CVSS:") => {
                Rating::from_vector(&source(&severity.source), word)
            }
            SeverityValue::Word(word) if position == 0 => {
                Rating::from_word(&source(&severity.source), word)
            }
            _ => None,
        })
        .collect();
    ratings.sort();
    ratings.dedup();
    ratings
}

#[derive(Debug, Deserialize)]
struct Kev {
    #[serde(default)]
    date_added: String,
    #[serde(default)]
    due_date: String,
    #[serde(rename = "known_ransomware_campaign_use", default)]
    ransomware: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct VulnerabilityBlob {
    description: String,
    refs: Vec<Reference>,
    aliases: Vec<String>,
    severities: Vec<TheirSeverity>,
}

impl VulnerabilityBlob {
    /// There are no titles; the first sentence of the description is one, if it is a line.
    fn title(&self) -> String {
        let line = self.description.lines().next().unwrap_or_default();
        line.to_owned()
    }

    fn prose(&self) -> Prose {
        Prose {
            summary: String::new(),
            details: self.description.clone(),
            references: self
                .refs
                .iter()
                .map(|reference| reference.url.clone())
                .collect(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reference {
    url: String,
}

#[derive(Debug, Deserialize)]
struct TheirSeverity {
    value: SeverityValue,
    #[serde(default)]
    source: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum SeverityValue {
    Cvss { vector: String },
    Word(String),
    Other(serde::de::IgnoredAny),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PackageBlob {
    cves: Vec<String>,
    qualifiers: Option<Qualifiers>,
    ranges: Vec<TheirRange>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Qualifiers {
    rpm_modularity: String,
    platform_cpes: Vec<String>,
    architecture: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TheirRange {
    version: TheirVersion,
    fix: Option<Fix>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TheirVersion {
    constraint: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fix {
    version: String,
    state: String,
    detail: Option<FixDetail>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FixDetail {
    available: Option<Available>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Available {
    date: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_gathered_by_what_they_mean() {
        let check = |platform: &str, json: &str, expect: &str| {
            let blob: PackageBlob = serde_json::from_str(json).unwrap();
            let platform = Platform::of(platform).unwrap();
            let texts: Vec<String> = affected(&blob.ranges, &platform, false)
                .unwrap()
                .iter()
                .map(|affected| {
                    let ranges: Vec<_> = affected.ranges.iter().map(ToString::to_string).collect();
                    let date = affected
                        .fix_published
                        .map_or(String::new(), |d| format!(" {d}"));
                    format!("{:?} {}{date}", affected.statement, ranges.join(" or "))
                })
                .collect();
            assert_eq!(texts.join("; "), expect, "{json}");
        };
        check(
            "Go",
            r#"{"ranges":[
                {"version":{"type":"golang","constraint":">=1.0.0,<1.1.0"},"fix":{"version":"1.1.0","state":"fixed",
                 "detail":{"available":{"date":"2024-05-01","kind":"release"}}}},
                {"version":{"type":"golang","constraint":"<0.9.0"},"fix":{"version":"","state":"wont-fix"}}]}"#,
            "Affected >= 1.0.0, < 1.1.0 2024-05-01; WillNotFix >= 0, < 0.9.0",
        );
        check(
            "Debian:12",
            r#"{"ranges":[{"version":{"type":"dpkg","constraint":""},"fix":{"state":"not-fixed"}}]}"#,
            "Affected >= 0",
        );
        check(
            "Debian:12",
            r#"{"ranges":[{"version":{"constraint":"< 1, > 2"}}]}"#,
            "",
        );
        check(
            "Alpine:v3.19",
            r#"{"ranges":[{"version":{"type":"apk","constraint":"< 0"},"fix":{"version":"0","state":"fixed"}}]}"#,
            "NotAffected >= 0",
        );
    }

    #[test]
    fn severities_are_those_that_grype_chooses() {
        let check = |json: &str, provider: &str, expect: &[&str]| {
            let severities: Vec<TheirSeverity> = serde_json::from_str(json).unwrap();
            let texts: Vec<String> = ratings(&severities, provider)
                .iter()
                .map(|rating| format!("{} {}", rating.severity.word(), rating.describe()))
                .collect();
            assert_eq!(texts, expect, "{json}");
        };
        check(
            r#"[{"scheme":"CHMLN","value":"negligible","rank":1}, {"scheme":"CHMLN","value":"high"}, {"value":7},
                {"scheme":"CVSS","value":{"vector":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:H/A:N","version":"3.1"},"source":"nvd@nist.gov"}]"#,
            "debian",
            &["negligible debian", "high nvd, CVSS 3.1"],
        );
        check(r#"[{"value":"high"}]"#, "github", &["high ghsa"]);
        check(r#"[{"value":"unknown"}]"#, "rhel", &[]);
    }
}
