//! Writes shards. Same input, same bytes: everything is sorted here, whatever the order of calls.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
};

use lamina_inventory::severity::Severity;

use super::{BLOCK, FORMAT, HAS_INTRODUCED, MAGIC, ShardMeta, ShardSource, prose::Prose, section};
use crate::{
    index::ShardKind,
    limits::MAX_SHARD_BYTES,
    rating::Rating,
    record::{Advisory, Affected, Day, Qualifier, RangeEnd, VersionRange},
};

/// A shard that would be larger than a reader takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("shard {key:?} would be larger than {MAX_SHARD_BYTES} bytes")]
pub struct TooLarge {
    /// The shard's key.
    pub key: String,
}

/// Collects a match shard.
#[derive(Clone, Debug, Default)]
pub struct MatchWriter {
    key: String,
    order: String,
    sources: Vec<ShardSource>,
    packages: BTreeMap<String, BTreeSet<(Advisory, Affected)>>,
}

impl MatchWriter {
    /// Starts a shard.
    pub fn new(key: &str, order: &str) -> Self {
        Self {
            key: key.to_owned(),
            order: order.to_owned(),
            ..Self::default()
        }
    }

    /// The number of a source, for [`Advisory::source`]. A later date replaces the one before.
    pub fn source(&mut self, name: &str, date: Option<&str>) -> u32 {
        let position = match self.sources.iter().position(|source| source.name == name) {
            Some(position) => position,
            None => {
                self.sources.push(ShardSource {
                    name: name.to_owned(),
                    ..ShardSource::default()
                });
                self.sources.len() - 1
            }
        };
        if let (Some(source), Some(date)) = (self.sources.get_mut(position), date)
            && source.date.as_deref().is_none_or(|known| known < date)
        {
            source.date = Some(date.to_owned());
        }
        number(position)
    }

    /// Adds what an advisory says of a package. The name is taken as it is.
    pub fn add(&mut self, package: &str, advisory: Advisory, affected: Affected) {
        let entries = self.packages.entry(package.to_owned()).or_default();
        entries.insert((advisory, affected));
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    fn change(&mut self, mut change: impl FnMut(&mut Advisory)) {
        for entries in self.packages.values_mut() {
            *entries = std::mem::take(entries)
                .into_iter()
                .map(|(mut advisory, affected)| {
                    change(&mut advisory);
                    (advisory, affected)
                })
                .collect();
        }
    }

    /// The shard's bytes, uncompressed, and what it says of itself.
    ///
    /// # Errors
    /// If it would be too large to be read.
    pub fn finish(mut self) -> Result<(Vec<u8>, ShardMeta), TooLarge> {
        self.sort_sources();
        let advisories: BTreeSet<&Advisory> = self
            .packages
            .values()
            .flatten()
            .map(|(advisory, _)| advisory)
            .collect();
        let numbers: BTreeMap<&Advisory, u32> = advisories
            .iter()
            .enumerate()
            .map(|(position, advisory)| (*advisory, number(position)))
            .collect();

        let mut package_index = Vec::new();
        let mut packages = Vec::new();
        for (name, entries) in &self.packages {
            package_index.extend(number(packages.len()).to_le_bytes());
            put_str(&mut packages, name);
            put_varint(&mut packages, number(entries.len()));
            let mut last = 0;
            for (advisory, affected) in entries {
                // A set sorted by advisory, as `advisories` is: numbers only grow.
                let advisory = numbers.get(advisory).copied().unwrap_or(last);
                let mut entry = Vec::new();
                put_varint(&mut entry, advisory.saturating_sub(last));
                last = advisory;
                put_affected(&mut entry, affected);
                put_bytes(&mut packages, &entry);
            }
        }

        let mut sources = self.sources.clone();
        let records: Vec<Vec<u8>> = advisories
            .iter()
            .map(|advisory| {
                let position = usize::try_from(advisory.source).unwrap_or(usize::MAX);
                if let Some(source) = sources.get_mut(position) {
                    source.records += 1;
                }
                let mut record = Vec::new();
                put_advisory(&mut record, advisory);
                record
            })
            .collect();
        let (advisory_index, advisories) = numbered(&records);

        let source_date = sources
            .iter()
            .filter_map(|source| source.date.clone())
            .max();
        let meta = ShardMeta {
            key: self.key,
            kind: ShardKind::Match,
            order: self.order,
            sources,
            records: number(records.len()),
            packages: number(self.packages.len()),
            source_date,
            of: None,
        };
        let bytes = assemble(
            &meta,
            &[
                (section::PACKAGE_INDEX, package_index),
                (section::PACKAGES, packages),
                (section::ADVISORY_INDEX, advisory_index),
                (section::ADVISORIES, advisories),
            ],
        )?;
        Ok((bytes, meta))
    }

    /// Gives sources the order of their names, whatever the order in which feeds were read.
    fn sort_sources(&mut self) {
        let mut order: Vec<usize> = (0..self.sources.len()).collect();
        order.sort_by(|a, b| {
            let name = |position: &usize| self.sources.get(*position).map(|s| s.name.as_str());
            name(a).cmp(&name(b))
        });
        let mut renumbered = BTreeMap::new();
        for (new, old) in order.iter().enumerate() {
            renumbered.insert(number(*old), number(new));
        }
        self.sources.sort();
        self.change(|advisory| {
            if let Some(new) = renumbered.get(&advisory.source) {
                advisory.source = *new;
            }
        });
    }
}

/// Writes one shard of prose.
///
/// # Errors
/// If it would be too large to be read.
pub fn write_prose(
    key: &str,
    source_date: Option<String>,
    entries: &BTreeMap<String, Prose>,
) -> Result<(Vec<u8>, ShardMeta), TooLarge> {
    let records: Vec<Vec<u8>> = entries
        .iter()
        .map(|(id, prose)| {
            let mut record = Vec::new();
            put_str(&mut record, id);
            put_str(&mut record, &prose.summary);
            put_str(&mut record, &prose.details);
            put_varint(&mut record, number(prose.references.len()));
            for reference in &prose.references {
                put_str(&mut record, reference);
            }
            record
        })
        .collect();
    let (index, content) = numbered(&records);
    let meta = ShardMeta {
        key: key.to_owned(),
        kind: ShardKind::Prose,
        records: number(records.len()),
        source_date,
        ..ShardMeta::default()
    };
    let bytes = assemble(
        &meta,
        &[(section::PROSE_INDEX, index), (section::PROSE, content)],
    )?;
    Ok((bytes, meta))
}

/// Compresses a shard as it is stored. No time and no name are in it: same bytes in, same bytes out.
pub fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    // Writing to a Vec cannot fail.
    if encoder.write_all(bytes).is_err() {
        return Vec::new();
    }
    encoder.finish().unwrap_or_default()
}

pub(crate) fn assemble(meta: &ShardMeta, sections: &[(u32, Vec<u8>)]) -> Result<Vec<u8>, TooLarge> {
    let too_large = || TooLarge {
        key: meta.key.clone(),
    };
    let meta_json = serde_json::to_vec(meta).map_err(|_| too_large())?;
    let all: Vec<(u32, &[u8])> = std::iter::once((section::META, meta_json.as_slice()))
        .chain(
            sections
                .iter()
                .map(|(id, content)| (*id, content.as_slice())),
        )
        .collect();
    let header = MAGIC.len() + 8 + all.len() * 12;
    let size = header + all.iter().map(|(_, content)| content.len()).sum::<usize>();
    let fits = u64::try_from(size).is_ok_and(|size| size <= MAX_SHARD_BYTES);
    if !fits {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(size);
    bytes.extend(MAGIC);
    bytes.extend(FORMAT.to_le_bytes());
    bytes.extend(number(all.len()).to_le_bytes());
    let mut offset = header;
    for (id, content) in &all {
        bytes.extend(id.to_le_bytes());
        bytes.extend(number(offset).to_le_bytes());
        bytes.extend(number(content.len()).to_le_bytes());
        offset += content.len();
    }
    for (_, content) in &all {
        bytes.extend(*content);
    }
    Ok(bytes)
}

/// Length-prefixed records, and the offset of every [`BLOCK`]th.
fn numbered(records: &[Vec<u8>]) -> (Vec<u8>, Vec<u8>) {
    let mut index = Vec::new();
    let mut content = Vec::new();
    for (position, record) in records.iter().enumerate() {
        if number(position).is_multiple_of(BLOCK) {
            index.extend(number(content.len()).to_le_bytes());
        }
        put_bytes(&mut content, record);
    }
    (index, content)
}

fn put_advisory(out: &mut Vec<u8>, advisory: &Advisory) {
    put_str(out, &advisory.record);
    let is_own = advisory.id == advisory.record;
    put_str(out, if is_own { "" } else { &advisory.id });
    put_varint(out, number(advisory.aliases.len()));
    for alias in &advisory.aliases {
        put_str(out, alias);
    }
    put_varint(out, advisory.source);
    let day = |day: Option<Day>| day.map_or(0, |day| day.0);
    put_varint(out, day(advisory.published));
    put_varint(out, day(advisory.modified));
    put_str(out, advisory.title.as_deref().unwrap_or_default());
    put_varint(out, number(advisory.ratings.len()));
    for rating in &advisory.ratings {
        put_rating(out, rating);
    }
    // Most have none, and then nothing is written.
    if !advisory.cwes.is_empty() {
        put_varint(out, number(advisory.cwes.len()));
        for cwe in &advisory.cwes {
            put_varint(out, *cwe);
        }
    }
}

fn put_rating(out: &mut Vec<u8>, rating: &Rating<String>) {
    out.push(rating.scheme as u8);
    out.push(match rating.severity {
        Severity::Unknown => 0,
        Severity::Negligible => 1,
        Severity::Low => 2,
        Severity::Medium => 3,
        Severity::High => 4,
        Severity::Critical => 5,
    });
    out.push(rating.tenths.unwrap_or(u8::MAX));
    put_str(out, &rating.source);
    put_str(out, &rating.vector);
}

fn put_affected(out: &mut Vec<u8>, affected: &Affected) {
    out.push(affected.statement as u8);
    put_varint(out, number(affected.ranges.len()));
    for range in &affected.ranges {
        put_range(out, range);
    }
    put_varint(out, number(affected.versions.len()));
    for version in &affected.versions {
        put_str(out, version);
    }
    // Most have none of the rest, and then nothing is written.
    let day = affected.fix_published.map_or(0, |day| day.0);
    if affected.qualifiers.is_empty() && day == 0 {
        return;
    }
    put_varint(out, number(affected.qualifiers.len()));
    for qualifier in &affected.qualifiers {
        let (kind, text) = match qualifier {
            Qualifier::Module(text) => (1, text.as_str()),
            Qualifier::Architecture(text) => (2, text.as_str()),
            Qualifier::Product(text) => (3, text.as_str()),
            Qualifier::Source => (4, ""),
        };
        out.push(kind);
        put_str(out, text);
    }
    if day > 0 {
        put_varint(out, day);
    }
}

fn put_range(out: &mut Vec<u8>, range: &VersionRange<String>) {
    let (kind, end) = match &range.end {
        RangeEnd::Never => (0, None),
        RangeEnd::Fixed(end) => (1, Some(end)),
        RangeEnd::LastAffected(end) => (2, Some(end)),
        RangeEnd::Before(end) => (3, Some(end)),
    };
    let flag = if range.introduced.is_some() {
        HAS_INTRODUCED
    } else {
        0
    };
    out.push(kind | flag);
    for text in range.introduced.iter().chain(end) {
        put_str(out, text);
    }
}

fn put_str(out: &mut Vec<u8>, text: &str) {
    put_bytes(out, text.as_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, number(bytes.len()));
    out.extend(bytes);
}

fn put_varint(out: &mut Vec<u8>, mut value: u32) {
    loop {
        let byte = value.to_le_bytes().first().copied().unwrap_or_default();
        value >>= 7;
        if value == 0 {
            out.push(byte & 0x7f);
            return;
        }
        out.push(byte | 0x80);
    }
}

/// Sizes and counts: [`assemble`] refuses a shard in which one of them would not fit.
pub(crate) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
