//! Builds three databases, of the direct feeds, of a trivy-db and of a grype database, matches the same
//! packages against each, and prints what agrees and what differs, with the reason.
//!
//! ```sh
//! cargo run --release -p lamina-feeds --example compare -- ../shared/advisories/feeds
//! ```
//!
//! The packages are all that any of the three names in a shard that both have; each at two versions:
//! the newest but one of all that end a range, and `0.0.1`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a tool for developers, over feeds that are known"
)]

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    env,
    fs::File,
    path::{Path, PathBuf},
};

use lamina_advisories::{
    DistributionView, Match, PackageView, Shard, match_packages,
    orders::order,
    record::{RangeEnd, Statement},
};
use lamina_feeds::{Builder, Built, Input, feed_for, feeds::FeedError};
use lamina_inventory::facts::PackageKind;

struct Database {
    name: &'static str,
    built: Built,
    shards: BTreeMap<String, Shard>,
}

fn main() {
    let folder = env::args()
        .nth(1)
        .unwrap_or_else(|| "../shared/advisories/feeds".to_owned());
    let folder = Path::new(&folder);
    let mut direct = Vec::new();
    for part in ["alpine-secdb", "debian", "nvd", "osv", "osv-derived"] {
        walk(&folder.join(part), &mut direct);
    }
    let direct = build("direct feeds", &direct);
    let trivy = build("trivy-db", &[folder.join("trivy-db/db.tar.gz")]);
    let mut grype = Vec::new();
    walk(&folder.join("grype-db"), &mut grype);
    let grype = build("grype database", &grype);
    for other in [&trivy, &grype] {
        compare(&direct, other);
    }
}

fn walk(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_dir() {
        let mut entries: Vec<_> = path
            .read_dir()
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        entries.sort();
        for entry in entries {
            walk(&entry, files);
        }
    } else if path.is_file() {
        files.push(path.to_owned());
    }
}

fn build(name: &'static str, files: &[PathBuf]) -> Database {
    let mut builder = Builder::new("2026-11-23T00:00:00Z");
    for file in files {
        let path = file.to_string_lossy().replace('\\', "/");
        let Some(feed) = feed_for(&path) else {
            continue;
        };
        let mut content = File::open(file).unwrap();
        let input = Input {
            path: &path,
            content: &mut content,
        };
        match feed.read(input, &mut builder) {
            Ok(()) | Err(FeedError::Foreign(_)) => {}
            Err(error) => panic!("{path}: {error}"),
        }
    }
    let mut stored = BTreeMap::new();
    let built = builder
        .finish(name, |path, bytes| {
            stored.insert(path.to_owned(), bytes.to_vec());
            Ok::<(), Infallible>(())
        })
        .unwrap();
    let shards = built
        .rows
        .iter()
        .filter(|row| row.is_match())
        .map(|row| {
            let shard = Shard::from_stored(&stored[&row.entry.path()], &row.entry).unwrap();
            (row.entry.key.clone(), shard)
        })
        .collect();
    println!("\n{name}: {} shards", built.rows.len());
    for ((feed, reason), count) in &built.skipped_counts {
        println!("  {count:>6} {feed}: {reason}");
    }
    Database {
        name,
        built,
        shards,
    }
}

/// What one shard says of one package.
#[derive(Default)]
struct Sayings {
    /// By id and by alias: the statements, and whether a range of it holds the version.
    by_id: BTreeMap<String, Vec<Statement>>,
    ends: BTreeSet<String>,
}

fn sayings(shard: &Shard) -> BTreeMap<String, Sayings> {
    let mut found: BTreeMap<String, Sayings> = BTreeMap::new();
    for package in shard.packages() {
        let package = package.unwrap();
        let of = found.entry(package.name.to_owned()).or_default();
        for affected in package.affected() {
            let affected = affected.unwrap();
            let advisory = shard.advisory(affected.advisory).unwrap();
            let ids = [advisory.id, advisory.record]
                .into_iter()
                .chain(advisory.aliases());
            for id in ids {
                let statements = of.by_id.entry(id.to_owned()).or_default();
                statements.extend(affected.statement);
            }
            for range in affected.ranges() {
                if let RangeEnd::Fixed(end) | RangeEnd::Before(end) | RangeEnd::LastAffected(end) =
                    range.end
                {
                    of.ends.insert(end.to_owned());
                }
            }
        }
    }
    found
}

#[derive(Default)]
struct Row {
    packages: usize,
    both: usize,
    same_severity: usize,
    same_status: usize,
    only_here: Classes,
    only_there: Classes,
    /// By the sources of both, where the severities differ.
    severities: Classes,
}

/// How many there are of a class, and the first few.
type Classes = BTreeMap<String, (usize, Vec<String>)>;

/// Cases of a class that are shown.
const EXAMPLES: usize = 4;

const NOT_THERE: &str = "the other does not have it for this package";
const NEVER: &str = "the other says that the package was never affected";
const RANGES: &str = "the other has other ranges";

fn compare(ours: &Database, theirs: &Database) {
    println!("\n## {} and {}\n", ours.name, theirs.name);
    println!(
        "| shard | packages × versions | in both | same severity | same fix state | only {0}: not in {1} | only {0}: other ranges | only {1}: not in {0} | only {1}: other ranges |",
        ours.name, theirs.name
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    let mut total = Row::default();
    let mut sizes = (0, 0);
    for (key, theirs_shard) in &theirs.shards {
        let (Some(ours_shard), Some((kind, distribution))) = (ours.shards.get(key), kind_of(key))
        else {
            continue;
        };
        let size = |database: &Database| {
            let entry = database.built.index.match_shard(key);
            entry.map_or(0, |entry| entry.size)
        };
        sizes = (sizes.0 + size(ours), sizes.1 + size(theirs));
        let row = compare_shard(kind, distribution.as_ref(), ours_shard, theirs_shard);
        let count = |classes: &Classes, wanted: &[&str]| -> usize {
            let found = wanted.iter().filter_map(|class| classes.get(*class));
            found.map(|(count, _)| count).sum()
        };
        println!(
            "| {key} | {} | {} | {} | {} | {} | {} | {} | {} |",
            row.packages,
            row.both,
            row.same_severity,
            row.same_status,
            count(&row.only_here, &[NOT_THERE]),
            count(&row.only_here, &[RANGES, NEVER]),
            count(&row.only_there, &[NOT_THERE]),
            count(&row.only_there, &[RANGES, NEVER]),
        );
        for (to, from) in [
            (&mut total.only_here, row.only_here),
            (&mut total.only_there, row.only_there),
            (&mut total.severities, row.severities),
        ] {
            for (class, (count, examples)) in from {
                let class = to.entry(class).or_default();
                class.0 += count;
                class
                    .1
                    .extend(examples.iter().map(|example| format!("{key}: {example}")));
            }
        }
    }
    println!(
        "\nstored bytes of these shards: {} and {}",
        sizes.0, sizes.1
    );
    let only = |name: &str| format!("only {name}");
    for (name, classes) in [
        (only(ours.name), &total.only_here),
        (only(theirs.name), &total.only_there),
        ("severity".to_owned(), &total.severities),
    ] {
        for (class, (count, examples)) in classes {
            println!("{count:>6} {name}: {class}");
            for example in examples.iter().take(3 * EXAMPLES) {
                println!("         {example}");
            }
        }
    }
}

/// The kind of a shard's packages, and the distribution: its id and version.
fn kind_of(key: &str) -> Option<(PackageKind, Option<(String, String)>)> {
    let (base, release) = key.split_once(':').unwrap_or((key, ""));
    let release = if release == "edge" {
        "3.99.0_alpha1"
    } else {
        release
    };
    let distribution = Some((base.to_owned(), release.to_owned()));
    Some(match base {
        "alpine" => (PackageKind::Apk, distribution),
        "debian" | "ubuntu" => (PackageKind::Deb, distribution),
        "pypi" => (PackageKind::Pypi, None),
        "npm" => (PackageKind::Npm, None),
        "maven" => (PackageKind::Maven, None),
        "go" => (PackageKind::Golang, None),
        "crates.io" => (PackageKind::Cargo, None),
        "nuget" => (PackageKind::Nuget, None),
        "rubygems" => (PackageKind::Gem, None),
        "packagist" => (PackageKind::Composer, None),
        "hex" => (PackageKind::Hex, None),
        "pub" => (PackageKind::Pub, None),
        _ => return None,
    })
}

fn compare_shard(
    kind: PackageKind,
    distribution: Option<&(String, String)>,
    ours: &Shard,
    theirs: &Shard,
) -> Row {
    let mut row = Row::default();
    let (here, there) = (sayings(ours), sayings(theirs));
    let order = order(&ours.meta().order).unwrap();
    let distribution = distribution.map(|(id, version)| DistributionView {
        id,
        version_id: Some(version),
        codename: None,
    });
    let names: BTreeSet<&String> = here.keys().chain(there.keys()).collect();
    let none = Sayings::default();
    for name in names {
        let (of_ours, of_theirs) = (
            here.get(name).unwrap_or(&none),
            there.get(name).unwrap_or(&none),
        );
        let mut ends: Vec<&String> = of_ours.ends.union(&of_theirs.ends).collect();
        ends.retain(|end| order.accepts(end));
        ends.sort_by(|a, b| order.compare(a, b).unwrap_or(Ordering::Equal));
        let newest_but_one = ends.len().checked_sub(2).map(|at| ends[at].as_str());
        for version in newest_but_one.into_iter().chain(["0.0.1"]) {
            row.packages += 1;
            let package = PackageView {
                kind,
                name,
                version,
                source: Some((name, version)),
                owned_by: None,
                is_hearsay: false,
                architecture: None,
                module: None,
            };
            let found = |shard: &Shard| match_packages(distribution, &[package], &[shard]).matches;
            let (a, b) = (found(ours), found(theirs));
            let ids = |found: &Match| -> BTreeSet<String> {
                found
                    .aliases
                    .iter()
                    .cloned()
                    .chain([found.id.clone()])
                    .collect()
            };
            for found in &a {
                let own = ids(found);
                match b.iter().find(|other| !ids(other).is_disjoint(&own)) {
                    Some(other) => {
                        row.both += 1;
                        if found.severity != other.severity {
                            let source = |found: &Match| {
                                found.severity_source.clone().unwrap_or("none".to_owned())
                            };
                            let class = format!("{} against {}", source(found), source(other));
                            let (ours, theirs) = (found.severity.word(), other.severity.word());
                            let example = format!("{} {ours} against {theirs}", found.id);
                            add(&mut row.severities, &class, example);
                        }
                        row.same_severity += usize::from(found.severity == other.severity);
                        row.same_status += usize::from(found.status == other.status);
                    }
                    None => note(&mut row.only_here, of_theirs, &own, name, version),
                }
            }
            for found in &b {
                let own = ids(found);
                if !a.iter().any(|other| !ids(other).is_disjoint(&own)) {
                    note(&mut row.only_there, of_ours, &own, name, version);
                }
            }
        }
    }
    row
}

/// Why the one database does not have what the other finds.
fn note(
    classes: &mut Classes,
    of_other: &Sayings,
    ids: &BTreeSet<String>,
    name: &str,
    version: &str,
) {
    let statements: Vec<Statement> = ids
        .iter()
        .filter_map(|id| of_other.by_id.get(id))
        .flatten()
        .copied()
        .collect();
    let class = if statements.is_empty() {
        NOT_THERE
    } else if statements.contains(&Statement::NotAffected) {
        NEVER
    } else {
        RANGES
    };
    let id = ids.first().map_or("", String::as_str);
    add(classes, class, format!("{id} in {name} {version}"));
}

fn add(classes: &mut Classes, class: &str, example: String) {
    let class = classes.entry(class.to_owned()).or_default();
    class.0 += 1;
    if class.1.len() < EXAMPLES {
        class.1.push(example);
    }
}
