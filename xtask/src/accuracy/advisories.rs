//! `cargo xtask accuracy --advisories`: whether the database of the shared feeds says of packages what
//! the feeds' own records say of them.
//!
//! The cases are facts read from the feeds by people (`xtask/data/advisory-cases.toml`); they are asked
//! the way a scan asks: by the program's own build of the database, the shards that the distribution
//! needs, and the matcher.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use lamina_advisories::{
    DistributionView, Index, Match, PackageView, Shard, Status, ecosystem::Ecosystem,
    match_packages, shards_for,
};
use lamina_inventory::facts::PackageKind;
use serde::Deserialize;

use crate::{
    build,
    shell::{self, replace_between, root, step, target_dir},
};

/// Where the cases are.
const CASES: &str = "xtask/data/advisory-cases.toml";

/// Feeds that the database is built from, below `shared/advisories/feeds`. The whole databases of other
/// scanners lie beside them, and are not mixed with feeds.
const FEEDS: &[&str] = &[
    "alpine-secdb",
    "debian",
    "epss",
    "kev",
    "nvd",
    "osv",
    "osv-derived",
    "oval",
    "redhat",
];

/// What is withdrawn by then is not in the database.
const BUILT_AT: &str = "2026-08-22T00:00:00Z";

/// `xtask/data/advisory-cases.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    group: Vec<Group>,
    #[serde(default)]
    difference: Vec<Difference>,
}

/// The cases of one distribution or ecosystem.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    /// Kind of the packages, in the word of purl.
    kind: String,
    /// `ID` of os-release. With one, the first cell of a case is the release.
    distribution: Option<String>,
    /// The feed's files that its records were read in, below `shared/advisories/feeds`.
    feed: Vec<PathBuf>,
    /// The fewest cases there may be.
    at_least: usize,
    /// A case a line: `release | package | version | vulnerability | expected | record`.
    cases: String,
}

/// A difference that is right, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    group: String,
    package: String,
    version: String,
    id: String,
    reason: String,
}

/// One line of a group.
#[derive(Debug)]
struct Case<'a> {
    release: Option<&'a str>,
    package: &'a str,
    /// What else is known of the package.
    traits: Traits<'a>,
    version: &'a str,
    id: &'a str,
    expected: Expected<'a>,
    /// Where it was read, and what is special about it.
    record: &'a str,
}

/// Words after the package's name.
#[derive(Debug, Default)]
struct Traits<'a> {
    /// `source=`: the name of its source package.
    source: Option<&'a str>,
    /// `source-version=`: that one's version, if it is another.
    source_version: Option<&'a str>,
    /// `module=`: the label of its module.
    module: Option<&'a str>,
    /// `arch=`.
    architecture: Option<&'a str>,
    /// `beside=name@version`: another package of the image.
    beside: Option<(&'a str, &'a str)>,
}

/// What the feed says of the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected<'a> {
    /// Affected, with this in what it is fixed in, or without.
    Match(Status, Option<&'a str>),
    /// The record names the package, and no affected versions of it.
    NotAffected,
    /// The record names the package, and this version is none of those affected: fixed, or from before
    /// the vulnerability.
    Outside,
    /// Nothing is said of the package under this id, or it was withdrawn.
    Unknown,
}

/// Words of [`Expected`] that are a match without a fixed version.
const STATUSES: &[(&str, Status)] = &[
    ("affected", Status::Affected),
    ("will-not-fix", Status::WillNotFix),
    ("end-of-life", Status::EndOfLife),
    ("deferred", Status::FixDeferred),
    ("investigating", Status::UnderInvestigation),
    ("possible", Status::Possible),
];

impl<'a> Expected<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        if let Some(version) = text.strip_prefix("fixed ") {
            return Some(Self::Match(Status::Fixed, Some(version)));
        }
        match text {
            "not-affected" => Some(Self::NotAffected),
            "outside" => Some(Self::Outside),
            "unknown" => Some(Self::Unknown),
            word => {
                let (_, status) = STATUSES.iter().find(|(known, _)| *known == word)?;
                Some(Self::Match(*status, None))
            }
        }
    }
}

impl Data {
    fn read() -> Result<Self> {
        let path = root().join(CASES);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("reading {}", path.display()))
    }

    /// Checks that there are as many cases as there should be, and the feeds that they are from.
    fn check(&self, feeds: &Path) -> Result<()> {
        for group in &self.group {
            let cases = group.cases()?.len();
            if cases < group.at_least {
                bail!("{}: {cases} cases, not {}", group.name, group.at_least);
            }
            for feed in &group.feed {
                let is_read = FEEDS.iter().any(|folder| feed.starts_with(folder));
                if !is_read || !feeds.join(feed).exists() {
                    bail!("{}: there is no feed {}", group.name, feed.display());
                }
            }
        }
        Ok(())
    }
}

impl Group {
    fn kind(&self) -> Result<PackageKind> {
        let mut kinds = PackageKind::ALL.iter().copied();
        let kind = kinds.find(|kind| kind.word() == self.kind);
        kind.with_context(|| format!("{}: there is no kind {:?}", self.name, self.kind))
    }

    fn cases(&self) -> Result<Vec<Case<'_>>> {
        let lines = self.cases.lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| {
                self.case(line)
                    .with_context(|| format!("{}: {line:?}", self.name))
            })
            .collect()
    }

    fn case<'a>(&'a self, line: &'a str) -> Result<Case<'a>> {
        let mut cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let release = self.distribution.is_some().then(|| cells.remove(0));
        let [package, version, id, expected, record] = cells[..] else {
            bail!("it has {} cells", cells.len());
        };
        let mut words = package.split_whitespace();
        let package = words.next().context("it names no package")?;
        let mut traits = Traits::default();
        for word in words {
            let (name, value) = word.split_once('=').context(word.to_owned())?;
            match name {
                "source" => traits.source = Some(value),
                "source-version" => traits.source_version = Some(value),
                "module" => traits.module = Some(value),
                "arch" => traits.architecture = Some(value),
                "beside" => traits.beside = value.split_once('@'),
                _ => bail!("what is {name:?}?"),
            }
        }
        Ok(Case {
            release,
            package,
            traits,
            version,
            id,
            expected: Expected::parse(expected)
                .with_context(|| format!("what is {expected:?}?"))?,
            record,
        })
    }
}

/// The database, in a folder.
struct Database {
    folder: PathBuf,
    index: Index,
    /// Shards that were read, by their paths.
    shards: BTreeMap<String, Shard>,
}

impl Database {
    fn open(folder: PathBuf) -> Result<Self> {
        let path = folder.join(lamina_advisories::index::FILE_NAME);
        let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(Self {
            folder,
            index: Index::parse(&bytes)?,
            shards: BTreeMap::new(),
        })
    }

    /// What the database says; `None` if it agrees.
    fn ask(&mut self, group: &Group, case: &Case<'_>) -> Result<Option<String>> {
        let kind = group.kind()?;
        let distribution = group.distribution.as_deref().map(|id| DistributionView {
            id,
            version_id: case.release.filter(|release| *release != "-"),
            codename: None,
        });
        let source_version = case.traits.source_version.unwrap_or(case.version);
        let mut packages = vec![PackageView {
            source: case.traits.source.map(|name| (name, source_version)),
            module: case.traits.module,
            architecture: case.traits.architecture,
            ..PackageView::new(kind, case.package, case.version)
        }];
        if let Some((name, version)) = case.traits.beside {
            packages.push(PackageView::new(kind, name, version));
        }
        let needs = shards_for(&self.index, distribution, packages.iter().copied());
        if let Some(missing) = needs.missing.first() {
            return Ok(Some(format!("the database has no {}", missing.what)));
        }
        for entry in &needs.shards {
            if !self.shards.contains_key(&entry.path()) {
                let stored = std::fs::read(self.folder.join(entry.path()))?;
                let shard = Shard::from_stored(&stored, entry)?;
                self.shards.insert(entry.path(), shard);
            }
        }
        let shards: Vec<&Shard> = needs
            .shards
            .iter()
            .filter_map(|entry| self.shards.get(&entry.path()))
            .collect();
        let matches = match_packages(distribution, &packages, &shards);
        if let Some(warning) = matches.warnings.first() {
            return Ok(Some(warning.to_string()));
        }
        let found: Vec<&Match> = matches
            .matches
            .iter()
            .filter(|found| found.package == 0)
            .filter(|found| found.id == case.id || found.aliases.iter().any(|id| id == case.id))
            .collect();
        if let [one, two, ..] = found[..] {
            return Ok(Some(format!("twice: {} and {}", one.id, two.id)));
        }
        let found = found.first().copied();
        Ok(match (case.expected, found) {
            (Expected::Match(status, fix), Some(found)) => {
                let has_fix = match fix {
                    Some(fix) => {
                        let mut fixes = found.fixed_in.iter().map(|version| plain(version));
                        fixes.any(|version| version == plain(fix))
                    }
                    None => found.fixed_in.is_empty(),
                };
                (found.status != status || !has_fix).then(|| words(found))
            }
            (_, Some(found)) => Some(words(found)),
            (Expected::Match(..), None) => Some("no match".to_owned()),
            // No match is right; but it is only an answer if the record was read.
            (expected, None) => {
                let names = std::iter::once(case.package).chain(case.traits.source);
                let is_known = names_record(&shards, names, case.id)?;
                match expected {
                    Expected::Unknown if is_known => Some("the record is there".to_owned()),
                    Expected::Unknown => None,
                    _ => (!is_known).then(|| "the record is not there".to_owned()),
                }
            }
        })
    }
}

/// Whether a shard says anything of one of these packages under this id.
fn names_record<'a>(
    shards: &[&Shard],
    names: impl Iterator<Item = &'a str>,
    id: &str,
) -> Result<bool> {
    let names: Vec<&str> = names.collect();
    for shard in shards {
        let ecosystem = Ecosystem::of_key(&shard.meta().key);
        for name in &names {
            let normalised = ecosystem.map_or(Cow::Borrowed(*name), |known| known.normalise(name));
            let Some(package) = shard.package(&normalised)? else {
                continue;
            };
            for affected in package.affected() {
                let advisory = shard.advisory(affected?.advisory)?;
                let mut own = [advisory.id, advisory.record]
                    .into_iter()
                    .chain(advisory.aliases());
                if own.any(|own| own == id) {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

/// Without the epoch 0, which one feed of RPMs writes and the next leaves out.
fn plain(version: &str) -> &str {
    version.strip_prefix("0:").unwrap_or(version)
}

fn words(found: &Match) -> String {
    let mut text = format!("{:?}", found.status);
    if !found.fixed_in.is_empty() {
        let _ = write!(text, " {}", found.fixed_in.join(", "));
    }
    let evidence = &found.evidence;
    let _ = write!(
        text,
        " ({} {}: {})",
        evidence.record, evidence.matched_name, evidence.range
    );
    text
}

/// What came of a group.
#[derive(Debug, Default)]
struct Row<'a> {
    name: &'a str,
    cases: usize,
    agree: usize,
    explained: usize,
    /// Cases that expect a fix; a match without one; that the version is not affected; nothing.
    by_expectation: [usize; 4],
}

impl Row<'_> {
    fn passes(&self) -> bool {
        self.agree + self.explained == self.cases
    }
}

/// The version vectors of one order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Vectors {
    files: usize,
    cases: usize,
    held_wrong: usize,
    reasons: Vec<String>,
}

pub(super) fn run(program: Option<PathBuf>, database: Option<PathBuf>, writes: bool) -> Result<()> {
    let feeds = lamina_testkit::shared("advisories/feeds")
        .context("the feeds are in shared/advisories/feeds, which is not there")?;
    let data = Data::read()?;
    data.check(&feeds)?;

    step("version vectors");
    // Each test fails on a disagreement that is not held wrong, so that what they print has passed.
    let text = shell::run("cargo test --quiet --package lamina-advisories --test it")
        .args([
            "--",
            "orders::",
            "ranges::",
            "--nocapture",
            "--test-threads=1",
        ])
        .read()?;
    let vectors = vectors(&text)?;
    let orders = render_vectors(&vectors);
    println!("\n{orders}");

    let mut database = match (database, program) {
        (Some(folder), _) => Database::open(folder)?,
        (None, Some(program)) => build_database(&program, &feeds)?,
        (None, None) => build_database(&build::program(false)?, &feeds)?,
    };

    step("cases");
    let mut used = vec![false; data.difference.len()];
    let mut rows = Vec::new();
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for group in &data.group {
        rows.push(measure(
            group,
            &data,
            &mut database,
            &mut used,
            &mut reasons,
        )?);
    }
    let table = render(&rows);
    println!("\n{table}");
    for (difference, _) in data
        .difference
        .iter()
        .zip(&used)
        .filter(|(_, used)| !**used)
    {
        println!(
            "note: no such difference any more: {} {} {} {}",
            difference.group, difference.package, difference.version, difference.id
        );
    }
    if writes {
        let mut text = format!("{orders}\n{table}");
        for (reason, cases) in &reasons {
            let _ = write!(text, "\n- {}: {reason}\n", cases.join(", "));
        }
        replace_between("docs/accuracy.md", "accuracy --advisories", &text)?;
    }
    let below: Vec<&str> = rows
        .iter()
        .filter(|row| !row.passes())
        .map(|row| row.name)
        .collect();
    match below.as_slice() {
        [] => Ok(()),
        below => bail!("below the bar: {}", below.join(", ")),
    }
}

fn build_database(program: &Path, feeds: &Path) -> Result<Database> {
    step("database of the shared feeds");
    let out = target_dir().join("accuracy-advisories");
    if out.is_dir() {
        std::fs::remove_dir_all(&out)?;
    }
    let program = program
        .to_str()
        .context("the program's path is not UTF-8")?;
    let mut build = shell::run(program).args(["db", "build", "--name", "accuracy"]);
    for feed in FEEDS {
        build = build.arg("--from").arg(feeds.join(feed));
    }
    build
        .args(["--built-at", BUILT_AT, "--out"])
        .arg(&out)
        .read()?;
    Database::open(out)
}

fn measure<'a>(
    group: &'a Group,
    data: &'a Data,
    database: &mut Database,
    used: &mut [bool],
    reasons: &mut BTreeMap<&'a str, Vec<String>>,
) -> Result<Row<'a>> {
    let mut row = Row {
        name: &group.name,
        ..Row::default()
    };
    for case in group.cases()? {
        row.cases += 1;
        let slot = match case.expected {
            Expected::Match(Status::Fixed, _) => 0,
            Expected::Match(..) => 1,
            Expected::NotAffected | Expected::Outside => 2,
            Expected::Unknown => 3,
        };
        row.by_expectation[slot] += 1;
        let Some(got) = database.ask(group, &case)? else {
            row.agree += 1;
            continue;
        };
        let at = data.difference.iter().position(|difference| {
            difference.group == group.name
                && difference.package == case.package
                && difference.version == case.version
                && difference.id == case.id
        });
        if let Some(at) = at {
            used[at] = true;
            row.explained += 1;
            let shown = format!(
                "{} {} {} {}",
                group.name, case.package, case.version, case.id
            );
            let all = reasons.entry(&data.difference[at].reason).or_default();
            all.push(shown);
            continue;
        }
        println!(
            "{} {} {} {} {}: {:?} expected, {got}\n    {}",
            group.name,
            case.release.unwrap_or_default(),
            case.package,
            case.version,
            case.id,
            case.expected,
            case.record
        );
    }
    Ok(row)
}

fn render(rows: &[Row<'_>]) -> String {
    let mut text = "| feeds | cases | fixed in | no fix | version not affected | not known | agree | explained | bar |\n\
                    |---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    let mut all = Row {
        name: "all",
        ..Row::default()
    };
    let mut line = |row: &Row<'_>| {
        let [fixed, unfixed, outside, unknown] = row.by_expectation;
        let _ = writeln!(
            text,
            "| {} | {} | {fixed} | {unfixed} | {outside} | {unknown} | {} | {} | {} |",
            row.name,
            row.cases,
            row.agree,
            row.explained,
            if row.passes() { "passes" } else { "below" },
        );
    };
    for row in rows {
        line(row);
        all.cases += row.cases;
        all.agree += row.agree;
        all.explained += row.explained;
        for (sum, count) in all.by_expectation.iter_mut().zip(row.by_expectation) {
            *sum += count;
        }
    }
    line(&all);
    text
}

/// Reads what the tests of the version orders print of each file of vectors:
/// `apk.vers-spec.txt: 30 cases`, then `  held wrong: 4, not valid in apk-tools 3`; or
/// `hex.elixir.json: 44 of 60 cases are comparisons`.
fn vectors(text: &str) -> Result<BTreeMap<String, Vectors>> {
    let mut all: BTreeMap<String, Vectors> = BTreeMap::new();
    let mut last = None;
    for line in text.lines() {
        let number = |word: Option<&str>| word.and_then(|word| word.parse::<usize>().ok());
        if let Some(rest) = line.strip_prefix("  held wrong: ") {
            let (count, reason) = rest.split_once(", ").context(rest.to_owned())?;
            let vectors: &mut Vectors = last
                .as_ref()
                .and_then(|scheme| all.get_mut(scheme))
                .context("a reason without a file")?;
            vectors.held_wrong += number(Some(count)).context(line.to_owned())?;
            if !vectors.reasons.iter().any(|known| known == reason) {
                vectors.reasons.push(reason.to_owned());
            }
            continue;
        }
        // The harness writes a dot for each test before that.
        let line = line.trim_start_matches('.');
        let Some((file, rest)) = line.split_once(": ") else {
            continue;
        };
        if !(file.ends_with(".txt") || file.ends_with(".json")) || !rest.contains(" cases") {
            continue;
        }
        let mut words = rest.split_whitespace();
        let cases = number(words.next()).context(line.to_owned())?;
        let scheme = file.split(['.', '_']).next().unwrap_or(file).to_owned();
        let vectors = all.entry(scheme.clone()).or_default();
        vectors.files += 1;
        vectors.cases += cases;
        last = Some(scheme);
    }
    if all.is_empty() {
        bail!("the tests of the version orders printed no counts");
    }
    Ok(all)
}

fn render_vectors(all: &BTreeMap<String, Vectors>) -> String {
    let mut text = "| versions | files | cases | agree | held wrong | why |\n\
                    |---|---|---|---|---|---|\n"
        .to_owned();
    for (scheme, vectors) in all {
        let _ = writeln!(
            text,
            "| {scheme} | {} | {} | {} | {} | {} |",
            vectors.files,
            vectors.cases,
            vectors.cases.saturating_sub(vectors.held_wrong),
            vectors.held_wrong,
            vectors.reasons.join("; "),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_can_be_read_and_says_where_it_is_from() {
        let data = Data::read().unwrap();
        for group in &data.group {
            group.kind().unwrap();
            let cases = group.cases().unwrap();
            for (at, case) in cases.iter().enumerate() {
                assert!(!case.record.is_empty(), "{}: {case:?}", group.name);
                let is_same = |other: &Case<'_>| format!("{other:?}") == format!("{case:?}");
                assert!(!cases[..at].iter().any(is_same), "twice: {case:?}");
            }
        }
        for difference in &data.difference {
            let group = data
                .group
                .iter()
                .find(|group| group.name == difference.group);
            let cases = group.unwrap().cases().unwrap();
            let is_of = |case: &Case<'_>| {
                case.package == difference.package
                    && case.version == difference.version
                    && case.id == difference.id
            };
            assert!(cases.iter().any(is_of), "{difference:?}");
            assert!(difference.reason.ends_with('.'), "{:?}", difference.reason);
            assert!(difference.reason.len() > 20, "{:?}", difference.reason);
        }
    }

    #[test]
    fn every_feed_is_there() {
        let Some(feeds) = lamina_testkit::shared("advisories/feeds") else {
            return;
        };
        Data::read().unwrap().check(&feeds).unwrap();
    }

    #[test]
    fn counts_of_vectors_are_read() {
        let text = "\nrunning 3 tests\n\
                    apk.vers-spec.txt: 30 cases\n\
                    .apk.osv-scalibr.txt: 20 cases\n  held wrong: 4, not valid in apk-tools 3\n\
                    .npm_range.vers-spec.json: 7 of 9 cases are comparisons\n.\n\
                    test result: ok. 3 passed; 0 failed; finished in 0.10s\n";
        let all = vectors(text).unwrap();
        let apk = Vectors {
            files: 2,
            cases: 50,
            held_wrong: 4,
            reasons: vec!["not valid in apk-tools 3".to_owned()],
        };
        assert_eq!(all["apk"], apk);
        assert_eq!((all["npm"].cases, all["npm"].held_wrong), (7, 0));
        vectors("running 0 tests").unwrap_err();
    }
}
