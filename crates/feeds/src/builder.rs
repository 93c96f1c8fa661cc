//! Gathers what feeds say and writes the database.
//!
//! Everything is sorted before it is written: the order in which files are read does not matter,
//! and of two versions of the same record the newer one counts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use lamina_advisories::{
    index::{FILE_NAME, FORMAT, Index, ShardEntry, ShardKind, Source},
    lifecycle::{Product, write_lifecycles},
    matcher::is_bundle_id,
    rating::{NVD, Rating},
    record::{Advisory, Affected, Day, Epss, Exploited},
    shard::{
        Shard, ShardError, ShardMeta,
        prose::{Prose, prose_key},
        scores::{WriteScoresError, write_scores},
        writer::{MatchWriter, TooLarge, compress, write_prose},
    },
};
use lamina_image::digest::Digest;

use crate::{
    feeds::{ALMA, EPSS, FEEDS, Feed, GRYPE_DB, KEV, LIFECYCLE, OSV, PHOTON, REDHAT, SUSE},
    limits::{
        MAX_DETAILS_BYTES, MAX_REFERENCES, MAX_SKIPPED_LISTED, MAX_TITLE_CHARS, PROSE_PART_BYTES,
    },
};

/// Distributions whose own feed says what OSV says of them, and more, by the first part of their keys.
/// Of a release that both tell of, OSV's entries are left out: the same finding would be there twice,
/// with ranges that may contradict each other.
const RULES: &[(&str, &str)] = &[
    // OSV does not say of which module stream a package is.
    ("almalinux", ALMA),
    // OSV has only what is fixed.
    ("red-hat", REDHAT),
    // OSV has source packages without epochs, and only what is fixed.
    ("suse", SUSE),
    ("opensuse", SUSE),
    ("photon", PHOTON),
];

/// What one record of a feed says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Its own id.
    pub id: String,
    /// When it was last changed, as the feed writes it; decides between two versions of it.
    pub modified: Option<String>,
    /// What it says of packages.
    pub entries: Vec<Entry>,
    /// What people read.
    pub prose: Prose,
}

/// What a record says of one package of one ecosystem.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The shard it belongs to.
    pub key: String,
    /// The order of its versions.
    pub order: &'static str,
    /// The package's name, normalised.
    pub package: String,
    /// The advisory; its `source` is set by the builder.
    pub advisory: Advisory,
    /// The versions.
    pub affected: Affected,
}

/// A record, or a part of one, that is not in the database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// The feed's id; empty for files of none.
    pub feed: &'static str,
    /// Why, in words that are the same for all of a kind.
    pub reason: String,
    /// The file.
    pub path: String,
    /// The record, or what is known of it.
    pub record: String,
}

/// Gathers records and writes the database.
#[derive(Debug, Default)]
pub struct Builder {
    built_at: String,
    records: BTreeMap<(&'static str, String), Record>,
    /// The best word and the best CVSS rating of each CVE, to complete records that have none.
    ratings: BTreeMap<String, [Option<Rating>; 2]>,
    read: BTreeMap<&'static str, u64>,
    skipped: BTreeSet<Skipped>,
    skipped_counts: BTreeMap<(&'static str, String), u64>,
    /// EPSS by CVE, and CISA's list.
    epss: BTreeMap<String, Epss>,
    exploited: BTreeMap<String, Exploited>,
    /// By feed, the date of what has no records of its own.
    dates: BTreeMap<&'static str, String>,
    products: BTreeMap<String, Product>,
    /// The kinds of weakness of CVEs, to complete records that name none.
    weaknesses: BTreeMap<String, BTreeSet<u32>>,
    /// CVEs that were rejected.
    rejected: BTreeSet<String>,
}

/// What was built.
#[derive(Clone, Debug)]
pub struct Built {
    /// The index, as it was written.
    pub index: Index,
    /// Each shard.
    pub rows: Vec<ShardRow>,
    /// How many were skipped, by feed and reason.
    pub skipped_counts: BTreeMap<(&'static str, String), u64>,
    /// What was skipped; the first hundred thousand.
    pub skipped: Vec<Skipped>,
}

/// One shard, for tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardRow {
    /// Its entry in the index.
    pub entry: ShardEntry,
    /// What it says of itself.
    pub meta: ShardMeta,
}

/// Why a database could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError<E: std::error::Error + 'static> {
    /// A shard would be larger than readers take.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// A shard that was just written cannot be read.
    #[error("shard {key:?} cannot be read after it was written")]
    Unreadable {
        /// Its key.
        key: String,
        /// Why.
        #[source]
        source: ShardError,
    },
    /// Another scanner's whole database was read beside another source of the same records.
    #[error("{database} is a whole database: it is not mixed with {other}; choose one of them")]
    Mixed {
        /// The name of the database.
        database: &'static str,
        /// The name of the other.
        other: &'static str,
    },
    /// A file could not be stored.
    #[error("{path} cannot be stored")]
    Store {
        /// Its path in the database.
        path: String,
        /// Why.
        #[source]
        source: E,
    },
}

impl Builder {
    /// Starts a database that is built at a time (RFC 3339 in UTC): what is withdrawn later than
    /// that is still in it.
    pub fn new(built_at: &str) -> Self {
        Self {
            built_at: built_at.to_owned(),
            ..Self::default()
        }
    }

    /// When the database is built.
    pub fn built_at(&self) -> &str {
        &self.built_at
    }

    /// Counts a record that was read, whether or not it is used.
    pub fn count(&mut self, feed: &dyn Feed) {
        *self.read.entry(feed.id()).or_default() += 1;
    }

    /// Notes that a record, or a part of it, is not in the database.
    pub fn skip(
        &mut self,
        feed: &'static str,
        reason: impl fmt::Display,
        path: &str,
        record: &str,
    ) {
        let reason = reason.to_string();
        *self
            .skipped_counts
            .entry((feed, reason.clone()))
            .or_default() += 1;
        if self.skipped.len() < MAX_SKIPPED_LISTED {
            self.skipped.insert(Skipped {
                feed,
                reason,
                path: path.to_owned(),
                record: record.chars().take(200).collect(),
            });
        }
    }

    /// Adds a whole record. Of two versions of it, the newer counts; of two that are as new, all that
    /// both say: a record about several ecosystems may be split over their files.
    pub fn add(&mut self, feed: &dyn Feed, record: Record) {
        for entry in &record.entries {
            self.note_ratings(&entry.advisory);
        }
        let key = (feed.id(), record.id.clone());
        match self.records.get_mut(&key) {
            Some(known) if known.modified == record.modified => known.join(record),
            Some(known) if known.modified > record.modified => {}
            Some(known) => *known = record,
            None => {
                self.records.insert(key, record);
            }
        }
    }

    /// Adds to a record of a feed that tells of it in several places.
    pub fn add_to(
        &mut self,
        feed: &dyn Feed,
        id: &str,
        prose: impl FnOnce() -> Prose,
        entry: Entry,
    ) {
        self.note_ratings(&entry.advisory);
        let key = (feed.id(), id.to_owned());
        let record = self.records.entry(key).or_insert_with(|| Record {
            id: id.to_owned(),
            prose: prose(),
            ..Record::default()
        });
        record.entries.push(entry);
    }

    /// Adds a part of a record of which several files tell, each of other releases: all of it counts.
    pub fn add_part(&mut self, feed: &dyn Feed, record: Record) {
        for entry in &record.entries {
            self.note_ratings(&entry.advisory);
        }
        let key = (feed.id(), record.id.clone());
        let Some(known) = self.records.get_mut(&key) else {
            self.records.insert(key, record);
            return;
        };
        known.entries.extend(record.entries);
        let order = |modified: &Option<String>, prose: &Prose| {
            let Prose {
                summary, details, ..
            } = prose.clone();
            (modified.clone(), summary, details)
        };
        if order(&record.modified, &record.prose) > order(&known.modified, &known.prose) {
            known.modified = record.modified;
            known.prose = record.prose;
        }
    }

    /// Notes what is said of a CVE's severity, for records that say nothing of it themselves.
    pub fn rate(&mut self, cve: &str, rating: Rating) {
        let slots = self.ratings.entry(cve.to_owned()).or_default();
        let slot = match rating.tenths {
            None => slots.first_mut(),
            Some(_) => slots.last_mut(),
        };
        if let Some(slot) = slot {
            let order = |rating: &Rating| (rating.rank(), rating.clone());
            if slot
                .as_ref()
                .is_none_or(|known| order(&rating) < order(known))
            {
                *slot = Some(rating);
            }
        }
    }

    /// Notes the kinds of weakness of a CVE, numbers of CWE, for records that name none.
    pub fn weaknesses(&mut self, cve: &str, cwes: BTreeSet<u32>) {
        self.weaknesses
            .entry(cve.to_owned())
            .or_default()
            .extend(cwes);
    }

    /// Notes that a CVE was rejected: nothing is in the database under its id.
    pub fn reject(&mut self, cve: &str) {
        self.rejected.insert(cve.to_owned());
    }

    /// Notes the EPSS score of a CVE.
    pub fn score(&mut self, cve: &str, epss: Epss) {
        self.epss.insert(cve.to_owned(), epss);
    }

    /// Notes that a CVE is known to be exploited.
    pub fn exploited(&mut self, cve: &str, exploited: Exploited) {
        self.exploited.insert(cve.to_owned(), exploited);
    }

    /// Adds how long a product's releases are looked after.
    pub fn product(&mut self, product: Product) {
        self.products.insert(product.name.clone(), product);
    }

    /// Adds how long a product's releases are looked after, where nothing else says so.
    pub fn product_unless_known(&mut self, product: Product) {
        self.products.entry(product.name.clone()).or_insert(product);
    }

    /// Begins a feed's file that replaces all older ones (EPSS, KEV), of a date (RFC 3339). Says whether
    /// it is to be read: not if a newer one was.
    pub fn begins(&mut self, feed: &dyn Feed, date: &str) -> bool {
        let known = self.dates.get(feed.id()).map(String::as_str);
        if known.is_some_and(|known| known > date) {
            return false;
        }
        if known.is_some_and(|known| known < date) {
            match feed.id() {
                EPSS => self.epss.clear(),
                KEV => self.exploited.clear(),
                _ => {}
            }
        }
        self.dated(feed, date);
        true
    }

    /// Says of when a feed is whose records carry no dates; RFC 3339. The newest counts.
    pub fn dated(&mut self, feed: &dyn Feed, date: &str) {
        if Day::parse(date).is_none() {
            return;
        }
        let known = self.dates.entry(feed.id()).or_default();
        if known.as_str() < date {
            date.clone_into(known);
        }
    }

    /// Writes the database: each shard to `shards/…`, then the index.
    ///
    /// # Errors
    /// If `store` fails, or a shard would be too large.
    pub fn finish<E: std::error::Error + 'static>(
        mut self,
        name: &str,
        mut store: impl FnMut(&str, &[u8]) -> Result<(), E>,
    ) -> Result<Built, BuildError<E>> {
        if let Some((database, other)) = self.mixed() {
            return Err(BuildError::Mixed { database, other });
        }
        self.drop_rejected();
        self.apply_rules();
        let mut rows = Vec::new();
        let mut put = |bytes: &[u8], meta: ShardMeta, first: Option<String>| {
            let stored = compress(bytes);
            let entry = ShardEntry {
                key: meta.key.clone(),
                kind: meta.kind,
                digest: Digest::of(&stored),
                size: to_u64(stored.len()),
                uncompressed_size: to_u64(bytes.len()),
                records: u64::from(meta.records),
                packages: u64::from(meta.packages),
                source: source_names(&meta),
                source_date: meta.source_date.clone(),
                first,
            };
            let path = entry.path();
            store(&path, &stored).map_err(|source| BuildError::Store { path, source })?;
            let digest = entry.digest.clone();
            rows.push(ShardRow { entry, meta });
            Ok::<Digest, BuildError<E>>(digest)
        };
        let scores_date = [EPSS, KEV, GRYPE_DB]
            .iter()
            .filter_map(|id| self.dates.get(id))
            .max();
        for (key, writer) in self.match_writers() {
            let (bytes, meta) = writer.finish()?;
            let digest = put(&bytes, meta, None)?;
            let unreadable = |source| BuildError::Unreadable {
                key: key.clone(),
                source,
            };
            let shard = Shard::open(bytes).map_err(unreadable)?;
            let date = scores_date.cloned();
            let scores = match write_scores(&shard, &digest, date, &self.epss, &self.exploited) {
                Ok(scores) => scores,
                Err(WriteScoresError::TooLarge(error)) => return Err(error.into()),
                Err(WriteScoresError::Shard(source)) => return Err(unreadable(source)),
                Err(_) => None,
            };
            if let Some((bytes, meta)) = scores {
                put(&bytes, meta, None)?;
            }
        }
        if !self.products.is_empty() {
            let date = self.dates.get(LIFECYCLE).cloned();
            let products = self.products.values().cloned().collect();
            let (bytes, meta) = write_lifecycles(date, products)?;
            put(&bytes, meta, None)?;
        }
        for (key, entries) in self.prose() {
            for part in cut(entries) {
                let date = part.values().filter_map(|(date, _)| date.clone()).max();
                let first = part.keys().next().cloned();
                let part = part
                    .into_iter()
                    .map(|(id, (_, prose))| (id, prose))
                    .collect();
                let (bytes, meta) = write_prose(&key, date, &part)?;
                put(&bytes, meta, first)?;
            }
        }
        rows.sort_by(|a, b| {
            let key = |row: &ShardRow| {
                (
                    row.entry.kind,
                    row.entry.key.clone(),
                    row.entry.first.clone(),
                )
            };
            key(a).cmp(&key(b))
        });
        let index = Index {
            format: FORMAT,
            name: name.to_owned(),
            built_at: self.built_at.clone(),
            sources: self.sources(),
            shards: rows.iter().map(|row| row.entry.clone()).collect(),
        };
        store(FILE_NAME, index.to_json().as_bytes()).map_err(|source| BuildError::Store {
            path: FILE_NAME.to_owned(),
            source,
        })?;
        Ok(Built {
            index,
            rows,
            skipped_counts: self.skipped_counts,
            skipped: self.skipped.into_iter().collect(),
        })
    }

    /// Takes out what is said under the id of a rejected CVE. A record that has an id of its own and
    /// stands by itself (GitHub's, say) may know better: it is shown under that id instead.
    fn drop_rejected(&mut self) {
        if self.rejected.is_empty() {
            return;
        }
        let mut dropped = Vec::new();
        for ((feed, id), record) in &mut self.records {
            let stands_alone =
                !id.contains("CVE-") && !is_bundle_id(id) && !id.starts_with("TEMP-");
            let before = record.entries.len();
            record.entries.retain_mut(|entry| {
                let advisory = &mut entry.advisory;
                if !self.rejected.contains(&advisory.id) {
                    return true;
                }
                if stands_alone {
                    advisory.id.clone_from(id);
                    advisory.aliases.retain(|alias| alias != id);
                }
                stands_alone
            });
            if record.entries.len() < before {
                dropped.push((*feed, id.clone()));
            }
        }
        for (feed, id) in dropped {
            self.skip(feed, "withdrawn: the CVE was rejected", "", &id);
        }
        self.records.retain(|_, record| !record.entries.is_empty());
    }

    /// The names of a whole database and of another source, if there are records of both. The same
    /// records would stand there twice, each with what the other's maker left out or changed.
    fn mixed(&self) -> Option<(&'static str, &'static str)> {
        let feeds: BTreeSet<&str> = self.records.keys().map(|(feed, _)| *feed).collect();
        let named = || FEEDS.iter().filter(|feed| feeds.contains(feed.id()));
        let database = named().find(|feed| feed.is_database())?;
        let other = named().find(|feed| feed.id() != database.id())?;
        Some((database.name(), other.name()))
    }

    /// Ratings of GitHub's and NVD's are lent to records that have none, from records about one CVE.
    /// Others are about their own packages, and Ubuntu's data is share-alike: it stays in its shards.
    fn note_ratings(&mut self, advisory: &Advisory) {
        let cves = std::iter::once(&advisory.id).chain(&advisory.aliases);
        if !advisory.id.starts_with("CVE-") || cves.filter(|id| id.starts_with("CVE-")).count() > 1
        {
            return;
        }
        for rating in &advisory.ratings {
            if rating.source == "ghsa" || rating.source == NVD {
                self.rate(&advisory.id, rating.clone());
            }
        }
    }

    /// Leaves out what OSV says of releases that a distribution's own feed rules: [`RULES`].
    fn apply_rules(&mut self) {
        let ruler_of = |key: &str| {
            let base = key.split(':').next().unwrap_or(key);
            let rule = RULES.iter().find(|(known, _)| *known == base);
            rule.map(|(_, feed)| *feed)
        };
        let ruled: BTreeMap<String, &'static str> = self
            .records
            .iter()
            .flat_map(|((feed, _), record)| record.entries.iter().map(move |entry| (*feed, entry)))
            .filter(|(feed, entry)| ruler_of(&entry.key) == Some(*feed))
            .map(|(feed, entry)| (entry.key.clone(), feed))
            .collect();
        if ruled.is_empty() {
            return;
        }
        let mut left_out: BTreeMap<&str, u64> = BTreeMap::new();
        self.records.retain(|(feed, _), record| {
            if *feed != OSV {
                return true;
            }
            let mut keys: BTreeSet<&str> = BTreeSet::new();
            record.entries.retain(|entry| {
                let rule = ruled.get_key_value(&entry.key);
                keys.extend(rule.map(|(key, _)| key.as_str()));
                rule.is_none()
            });
            for key in &keys {
                *left_out.entry(key).or_default() += 1;
            }
            keys.is_empty() || !record.entries.is_empty()
        });
        for (key, count) in left_out {
            let ruler = ruled.get(key).copied().unwrap_or_default();
            let reason = format!("left out: {ruler} says more of this release");
            let counted = self.skipped_counts.entry((OSV, reason.clone()));
            *counted.or_default() += count;
            self.skipped.insert(Skipped {
                feed: OSV,
                reason,
                path: key.to_owned(),
                record: format!("{count} records"),
            });
        }
    }

    fn match_writers(&self) -> BTreeMap<String, MatchWriter> {
        let mut writers: BTreeMap<String, MatchWriter> = BTreeMap::new();
        for ((feed, _), record) in &self.records {
            let name = FEEDS
                .iter()
                .find(|known| known.id() == *feed)
                .map_or(*feed, |known| known.name());
            for entry in &record.entries {
                let writer = writers
                    .entry(entry.key.clone())
                    .or_insert_with(|| MatchWriter::new(&entry.key, entry.order));
                let mut advisory = entry.advisory.clone();
                advisory.source = writer.source(name, date_of(record));
                self.complete(&mut advisory);
                writer.add(&entry.package, advisory, entry.affected.clone());
            }
        }
        writers
    }

    /// Adds what others say of the severity of a CVE where the record has no word, or no score, and of
    /// the kinds of its weakness.
    fn complete(&self, advisory: &mut Advisory) {
        if advisory.cwes.is_empty()
            && let Some(cwes) = self.weaknesses.get(&advisory.id)
        {
            advisory.cwes.extend(cwes);
        }
        let Some([word, score]) = self.ratings.get(&advisory.id) else {
            return;
        };
        let has_score = advisory
            .ratings
            .iter()
            .any(|rating| rating.tenths.is_some());
        if advisory.ratings.is_empty() {
            advisory.ratings.extend(word.clone());
        }
        if !has_score {
            advisory.ratings.extend(score.clone());
        }
    }

    fn prose(&self) -> BTreeMap<String, BTreeMap<String, (Option<String>, Prose)>> {
        let mut by_key: BTreeMap<String, BTreeMap<String, (Option<String>, Prose)>> =
            BTreeMap::new();
        for record in self.records.values() {
            if record.prose == Prose::default() {
                continue;
            }
            let keys: BTreeSet<&str> = record
                .entries
                .iter()
                .map(|entry| prose_key(&entry.key))
                .collect();
            for key in keys {
                let date = date_of(record).map(str::to_owned);
                by_key
                    .entry(key.to_owned())
                    .or_default()
                    .entry(record.id.clone())
                    .or_insert_with(|| (date, trim(&record.prose)));
            }
        }
        by_key
    }

    fn sources(&self) -> Vec<Source> {
        FEEDS
            .iter()
            .filter(|feed| self.read.contains_key(feed.id()))
            .map(|feed| Source {
                id: feed.id().to_owned(),
                name: feed.name().to_owned(),
                url: feed.url().to_owned(),
                licence: feed.licence().to_owned(),
                date: self
                    .records
                    .iter()
                    .filter(|((id, _), _)| *id == feed.id())
                    .filter_map(|(_, record)| date_of(record))
                    .max()
                    .max(self.dates.get(feed.id()).map(String::as_str))
                    .map(str::to_owned),
                records: self.read.get(feed.id()).copied().unwrap_or_default(),
                skipped: self
                    .skipped_counts
                    .iter()
                    .filter(|((id, _), _)| *id == feed.id())
                    .map(|(_, count)| count)
                    .sum(),
            })
            .collect()
    }
}

/// A title for a match shard: the first line, cut at a word if it is long.
pub(crate) fn title(summary: &str) -> Option<String> {
    let line = summary.lines().next().unwrap_or_default().trim();
    if line.is_empty() {
        return None;
    }
    if line.chars().count() <= MAX_TITLE_CHARS {
        return Some(line.to_owned());
    }
    let cut: String = line.chars().take(MAX_TITLE_CHARS - 1).collect();
    let whole = cut.rsplit_once(' ').map_or(cut.as_str(), |(head, _)| head);
    Some(format!("{}…", whole.trim_end_matches([',', ';', ':', '.'])))
}

impl Record {
    fn join(&mut self, other: Self) {
        for entry in other.entries {
            if !self.entries.contains(&entry) {
                self.entries.push(entry);
            }
        }
        let weight = |prose: &Prose| {
            (
                prose.details.len(),
                prose.details.clone(),
                prose.summary.clone(),
            )
        };
        if weight(&other.prose) > weight(&self.prose) {
            self.prose = other.prose;
        }
    }
}

fn date_of(record: &Record) -> Option<&str> {
    record
        .modified
        .as_deref()
        .filter(|date| Day::parse(date).is_some())
}

fn source_names(meta: &ShardMeta) -> String {
    let names: Vec<&str> = meta.sources.iter().map(|s| s.name.as_str()).collect();
    names.join(", ")
}

fn trim(prose: &Prose) -> Prose {
    let mut details = prose.details.clone();
    if details.len() > MAX_DETAILS_BYTES {
        let end = (0..=MAX_DETAILS_BYTES)
            .rev()
            .find(|end| details.is_char_boundary(*end))
            .unwrap_or_default();
        details.truncate(end);
        details.push_str("\n\n… (cut off)");
    }
    Prose {
        summary: prose.summary.clone(),
        details,
        references: prose
            .references
            .iter()
            .take(MAX_REFERENCES)
            .cloned()
            .collect(),
    }
}

type Dated = BTreeMap<String, (Option<String>, Prose)>;

/// Parts of about [`PROSE_PART_BYTES`], in the order of ids.
fn cut(entries: Dated) -> Vec<Dated> {
    let mut parts = Vec::new();
    let mut part = Dated::new();
    let mut size = 0;
    for (id, entry) in entries {
        let prose = &entry.1;
        let references: usize = prose.references.iter().map(String::len).sum();
        let bytes = id.len() + prose.summary.len() + prose.details.len() + references;
        if size > 0 && size + bytes > PROSE_PART_BYTES {
            parts.push(std::mem::take(&mut part));
            size = 0;
        }
        size += bytes;
        part.insert(id, entry);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

fn to_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

impl ShardRow {
    /// Whether it is a match shard.
    pub fn is_match(&self) -> bool {
        self.entry.kind == ShardKind::Match
    }
}
