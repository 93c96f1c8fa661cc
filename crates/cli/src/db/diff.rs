//! `lamina db diff`: what one database knows that another does not.
//!
//! Compared is what is said of a package by a vulnerability's id, in each release or ecosystem (shard).
//! Shards that are the same, byte by byte, are not opened.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context as _;
use clap::ValueEnum;
use lamina_advisories::{
    Shard, ShardKind,
    record::{RangeEnd, Statement},
};
use serde::Serialize;

use super::table::{number, write_table};
use crate::{
    database::{Database, TrustArgs},
    transport::clock,
};

/// Changes of one shard that the table shows; JSON has all.
const SHOWN: usize = 40;

/// Compares two databases: what became vulnerable, fixed, withdrawn, or changed its severity.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The older database: a folder, or an archive of `lamina db export`.
    old: PathBuf,
    /// The newer one.
    new: PathBuf,
    /// How to write it.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    trust: TrustArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
}

/// What happened to a vulnerability in a package. The order is that of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// It was not known to affect the package.
    Vulnerable,
    /// There was no fixed version.
    Fixed,
    /// It is no longer said to affect the package, or said not to.
    Withdrawn,
    /// It is as bad as it was not before.
    Severity,
    /// What is affected, or the vendor's intention, changed otherwise.
    Changed,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Vulnerable => "vulnerable",
            Self::Fixed => "fixed",
            Self::Withdrawn => "withdrawn",
            Self::Severity => "severity",
            Self::Changed => "changed",
        }
    }
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Change {
    kind: Kind,
    id: String,
    package: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Saying>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Saying>,
}

/// What a shard says of a package by one id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Saying {
    severity: String,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    affected: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    statements: BTreeSet<&'static str>,
    #[serde(skip)]
    is_affected: bool,
    #[serde(skip)]
    has_fix: bool,
    #[serde(skip)]
    rank: Option<(bool, u8)>,
}

#[derive(Debug, Serialize)]
struct ShardChanges {
    shard: String,
    changes: Vec<Change>,
}

#[derive(Debug, Serialize)]
struct Comparison {
    old: Side,
    new: Side,
    shards: Vec<ShardChanges>,
}

#[derive(Debug, Serialize)]
struct Side {
    name: String,
    built_at: String,
}

impl Side {
    fn of(database: &Database) -> Self {
        Self {
            name: database.index.name.clone(),
            built_at: database.index.built_at.clone(),
        }
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let old = Database::open(Some(&args.old), &args.trust)
        .with_context(|| format!("opening {}", args.old.display()))?;
    let new = Database::open(Some(&args.new), &args.trust)
        .with_context(|| format!("opening {}", args.new.display()))?;
    let keys = |database: &Database| -> BTreeSet<String> {
        let shards = database.index.shards.iter();
        shards
            .filter(|shard| shard.kind == ShardKind::Match)
            .map(|shard| shard.key.clone())
            .collect()
    };
    let mut shards = Vec::new();
    for key in &keys(&old) | &keys(&new) {
        let (before, after) = (old.index.match_shard(&key), new.index.match_shard(&key));
        if before.map(|entry| &entry.digest) == after.map(|entry| &entry.digest) {
            continue;
        }
        let sayings = |database: &Database, entry| match entry {
            Some(entry) => {
                let shard = database.shard(entry);
                let shard = shard.map_err(|text| anyhow::anyhow!("shard {key:?}: {text}"))?;
                sayings(&shard)
            }
            None => Ok(BTreeMap::new()),
        };
        let changes = compare(&sayings(&old, before)?, &sayings(&new, after)?);
        if !changes.is_empty() {
            shards.push(ShardChanges {
                shard: key.clone(),
                changes,
            });
        }
    }
    let mut out = io::stdout().lock();
    match args.format {
        Format::Json => {
            let comparison = Comparison {
                old: Side::of(&old),
                new: Side::of(&new),
                shards,
            };
            serde_json::to_writer_pretty(&mut out, &comparison).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        Format::Table => {
            let now = clock()?;
            writeln!(
                out,
                "old: {}\nnew: {}\n",
                old.describe(now),
                new.describe(now)
            )?;
            print_table(&mut out, &shards)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

type Sayings = BTreeMap<(String, String), Saying>;

/// What a shard says, by id and package.
fn sayings(shard: &Shard) -> anyhow::Result<Sayings> {
    let mut all = Sayings::new();
    for package in shard.packages() {
        let package = package?;
        for affected in package.affected() {
            let affected = affected?;
            let advisory = shard.advisory(affected.advisory)?;
            let key = (advisory.id.to_owned(), package.name.to_owned());
            let saying = all.entry(key).or_default();
            // Of several records with one id, the rating that is heard first counts.
            for rating in advisory.ratings() {
                if saying.rank.is_none_or(|rank| rating.rank() < rank) {
                    saying.rank = Some(rating.rank());
                    rating.severity.word().clone_into(&mut saying.severity);
                }
            }
            let is_affected = !matches!(affected.statement, Some(Statement::NotAffected) | None);
            saying
                .statements
                .insert(super::lookup::statement(affected.statement));
            saying.is_affected |= is_affected;
            if !is_affected {
                continue;
            }
            for range in affected.ranges() {
                saying.has_fix |= matches!(range.end, RangeEnd::Fixed(_));
                saying.affected.insert(range.to_string());
            }
            let versions = affected.versions().map(|version| format!("= {version}"));
            saying.affected.extend(versions);
        }
    }
    Ok(all)
}

fn compare(old: &Sayings, new: &Sayings) -> Vec<Change> {
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let mut changes: Vec<Change> = keys
        .into_iter()
        .filter_map(|key| {
            let (before, after) = (old.get(key), new.get(key));
            let was = before.is_some_and(|saying| saying.is_affected);
            let is = after.is_some_and(|saying| saying.is_affected);
            let kind = match (was, is) {
                (false, false) => return None,
                (false, true) => Kind::Vulnerable,
                (true, false) => Kind::Withdrawn,
                (true, true) => match (before?, after?) {
                    (before, after) if before == after => return None,
                    (before, after) if !before.has_fix && after.has_fix => Kind::Fixed,
                    (before, after) if before.severity != after.severity => Kind::Severity,
                    (before, after)
                        if before.affected != after.affected
                            || before.statements != after.statements =>
                    {
                        Kind::Changed
                    }
                    // Who rates it changed, but not how.
                    _ => return None,
                },
            };
            Some(Change {
                kind,
                id: key.0.clone(),
                package: key.1.clone(),
                before: before.cloned(),
                after: after.cloned(),
            })
        })
        .collect();
    changes.sort_by(|a, b| (a.kind, &a.id, &a.package).cmp(&(b.kind, &b.id, &b.package)));
    changes
}

fn print_table(out: &mut impl io::Write, shards: &[ShardChanges]) -> io::Result<()> {
    if shards.is_empty() {
        return writeln!(out, "nothing changed");
    }
    let kinds = [
        Kind::Vulnerable,
        Kind::Fixed,
        Kind::Withdrawn,
        Kind::Severity,
        Kind::Changed,
    ];
    let mut rows = vec![
        std::iter::once("shard")
            .chain(kinds.map(Kind::word))
            .map(str::to_owned)
            .collect(),
    ];
    for shard in shards {
        let count = |kind| {
            shard
                .changes
                .iter()
                .filter(|change| change.kind == kind)
                .count()
        };
        let counts = kinds.map(|kind| number(count(kind) as u64));
        rows.push(std::iter::once(shard.shard.clone()).chain(counts).collect());
    }
    write_table(out, &rows, &[1, 2, 3, 4, 5])?;
    for shard in shards {
        writeln!(out)?;
        let mut rows = vec![vec![
            shard.shard.clone(),
            "id".to_owned(),
            "package".to_owned(),
            "before".to_owned(),
            "after".to_owned(),
        ]];
        for change in shard.changes.iter().take(SHOWN) {
            rows.push(vec![
                change.kind.word().to_owned(),
                change.id.clone(),
                change.package.clone(),
                in_words(change.kind, change.before.as_ref()),
                in_words(change.kind, change.after.as_ref()),
            ]);
        }
        write_table(out, &rows, &[])?;
        if let Some(more) = shard
            .changes
            .len()
            .checked_sub(SHOWN)
            .filter(|more| *more > 0)
        {
            writeln!(
                out,
                "… and {} more: --format json has all",
                number(more as u64)
            )?;
        }
    }
    Ok(())
}

fn in_words(kind: Kind, saying: Option<&Saying>) -> String {
    let Some(saying) = saying else {
        return "-".to_owned();
    };
    let severity = match saying.severity.as_str() {
        "" => "unknown",
        word => word,
    };
    let versions = || {
        let parts: Vec<&str> = saying.affected.iter().map(String::as_str).collect();
        match parts.as_slice() {
            [] => saying
                .statements
                .iter()
                .copied()
                .collect::<Vec<_>>()
                .join(", "),
            parts => parts.join(" or "),
        }
    };
    let text = match kind {
        Kind::Severity => severity.to_owned(),
        Kind::Vulnerable => format!("{severity}, {}", versions()),
        Kind::Changed => {
            let statements: Vec<&str> = saying.statements.iter().copied().collect();
            format!("{}: {}", statements.join(", "), versions())
        }
        Kind::Fixed | Kind::Withdrawn => versions(),
    };
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saying(severity: &str, versions: &[&str], has_fix: bool) -> Saying {
        Saying {
            severity: severity.to_owned(),
            affected: versions.iter().map(|text| (*text).to_owned()).collect(),
            statements: BTreeSet::from(["affected"]),
            is_affected: true,
            has_fix,
            rank: None,
        }
    }

    fn not_affected() -> Saying {
        Saying {
            statements: BTreeSet::from(["not affected"]),
            ..Saying::default()
        }
    }

    #[test]
    fn each_change_is_named_by_what_it_means_for_the_package() {
        let check = |before: Option<Saying>, after: Option<Saying>, expect: Option<Kind>| {
            let side = |saying: Option<Saying>| -> Sayings {
                let key = ("CVE-1".to_owned(), "curl".to_owned());
                saying
                    .into_iter()
                    .map(|saying| (key.clone(), saying))
                    .collect()
            };
            let found = compare(&side(before.clone()), &side(after.clone()));
            let kinds: Vec<Kind> = found.iter().map(|change| change.kind).collect();
            assert_eq!(kinds, Vec::from_iter(expect), "{before:?} {after:?}");
        };
        let open = saying("low", &[">= 0"], false);
        let fixed = saying("low", &[">= 0, < 2"], true);
        check(None, Some(open.clone()), Some(Kind::Vulnerable));
        check(
            Some(not_affected()),
            Some(open.clone()),
            Some(Kind::Vulnerable),
        );
        check(Some(open.clone()), Some(fixed.clone()), Some(Kind::Fixed));
        check(Some(open.clone()), None, Some(Kind::Withdrawn));
        check(
            Some(open.clone()),
            Some(not_affected()),
            Some(Kind::Withdrawn),
        );
        let worse = saying("high", &[">= 0, < 2"], true);
        check(Some(fixed.clone()), Some(worse), Some(Kind::Severity));
        let later = saying("low", &[">= 0, < 3"], true);
        check(Some(fixed.clone()), Some(later), Some(Kind::Changed));
        check(Some(fixed.clone()), Some(fixed), None);
        check(None, Some(not_affected()), None);
    }
}
