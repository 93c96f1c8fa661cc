//! Small shards, written as text.

use lamina_advisories::{
    Shard,
    rating::Rating,
    record::{Advisory, Affected, Day, Qualifier, RangeEnd, Statement, VersionRange},
    shard::writer::{MatchWriter, compress},
};
use lamina_advisories::{ShardEntry, ShardKind};
use lamina_image::digest::Digest;

/// A shard of lines `package | id | aliases | rating | range or version; …`.
///
/// The record's id may differ from the id: `CVE-1=GHSA-1`. Ratings are `source:word` or
/// `source:CVSS:…`. Ranges are `[1,2)` (fixed in 2), `[1,2]` (2 the last), `[1,` (without an end),
/// `[1,2>` (below 2), with an empty beginning for all versions; `=1` is one version; `never` says
/// that the package is not affected.
pub(crate) fn shard(key: &str, order: &str, lines: &str) -> Shard {
    Shard::open(shard_bytes(key, order, lines)).unwrap()
}

pub(crate) fn shard_bytes(key: &str, order: &str, lines: &str) -> Vec<u8> {
    let mut writer = MatchWriter::new(key, order);
    let source = writer.source("test", Some("2026-01-02T00:00:00Z"));
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [package, id, aliases, ratings, versions] = cells[..] else {
            panic!("{line}")
        };
        let (id, record) = id.split_once('=').unwrap_or((id, id));
        let mut affected = Affected::default();
        for text in versions.split(';').map(str::trim) {
            if let Some(statement) = statement(text) {
                affected.statement = statement;
            } else if let Some(text) = text.strip_prefix('@') {
                affected.qualifiers.push(qualifier(text));
            } else if let Some(version) = text.strip_prefix('=') {
                affected.versions.push(version.to_owned());
            } else {
                affected.ranges.push(range(text));
            }
        }
        let advisory = Advisory {
            id: id.to_owned(),
            record: record.to_owned(),
            aliases: aliases.split_whitespace().map(str::to_owned).collect(),
            source,
            published: Day::parse("2024-01-02"),
            modified: Day::parse("2025-01-02"),
            title: Some(format!("title of {record}")),
            ratings: ratings.split_whitespace().map(rating).collect(),
            cwes: Vec::new(),
        };
        writer.add(package, advisory, affected);
    }
    writer.finish().unwrap().0
}

/// The entry that an index has for these uncompressed bytes, and the stored bytes.
pub(crate) fn stored(key: &str, bytes: &[u8]) -> (ShardEntry, Vec<u8>) {
    let stored = compress(bytes);
    let entry = ShardEntry {
        key: key.to_owned(),
        kind: ShardKind::Match,
        digest: Digest::of(&stored),
        size: stored.len() as u64,
        uncompressed_size: bytes.len() as u64,
        records: 0,
        packages: 0,
        source: String::new(),
        source_date: None,
        first: None,
    };
    (entry, stored)
}

fn statement(word: &str) -> Option<Statement> {
    Some(match word {
        "never" => Statement::NotAffected,
        "will-not-fix" => Statement::WillNotFix,
        "deferred" => Statement::FixDeferred,
        "investigating" => Statement::UnderInvestigation,
        "end-of-life" => Statement::EndOfLife,
        "possible" => Statement::Possible,
        _ => return None,
    })
}

fn qualifier(text: &str) -> Qualifier<String> {
    let (kind, value) = text.split_once(' ').unwrap_or((text, ""));
    let value = value.to_owned();
    match kind {
        "module" => Qualifier::Module(value),
        "arch" => Qualifier::Architecture(value),
        "product" => Qualifier::Product(value),
        "source" => Qualifier::Source,
        _ => panic!("{text}"),
    }
}

fn range(text: &str) -> VersionRange<String> {
    let inner = text.strip_prefix('[').unwrap();
    let (introduced, end) = inner.split_once(',').unwrap();
    let version = end.trim_end_matches([')', ']', '>']).to_owned();
    VersionRange {
        introduced: (!introduced.is_empty()).then(|| introduced.to_owned()),
        end: match end.chars().last() {
            None => RangeEnd::Never,
            Some(')') => RangeEnd::Fixed(version),
            Some(']') => RangeEnd::LastAffected(version),
            Some('>') => RangeEnd::Before(version),
            Some(_) => panic!("{text}"),
        },
    }
}

fn rating(text: &str) -> Rating {
    let (source, what) = text.split_once(':').unwrap();
    Rating::from_word(source, what)
        .or_else(|| Rating::from_vector(source, what))
        .unwrap()
}
