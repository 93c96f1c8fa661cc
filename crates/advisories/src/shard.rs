//! Shards: the binary files of the database. The format is described in `docs/database.md`.
//!
//! A shard is opened by checking its header, the bounds of its sections and its metadata. Everything
//! else is read when it is asked for, with checked offsets and without allocating: opening costs the
//! same whatever the number of records, a look-up is a binary search. Bytes that break the format
//! are an error where they are read.

mod cursor;
pub mod prose;
pub mod scores;
pub mod writer;

use std::io::Read as _;

use lamina_image::digest::{Digest, Hasher};
use serde::{Deserialize, Serialize};

use crate::{
    index::{ShardEntry, ShardKind},
    limits::{MAX_META_BYTES, MAX_SECTIONS, MAX_SHARD_BYTES, MAX_STORED_BYTES},
    rating::{Rating, Scheme},
    record::{Day, Qualifier, RangeEnd, Statement, VersionRange},
};
use cursor::Cursor;

/// The first eight bytes of every shard.
pub const MAGIC: &[u8; 8] = b"LAMSHARD";

/// The version of the format that this crate writes and reads.
pub const FORMAT: u32 = 1;

/// Advisories (and prose) are found through one offset for this many.
pub(crate) const BLOCK: u32 = 16;

/// Section numbers. A reader ignores numbers that it does not know.
pub(crate) mod section {
    pub(crate) const META: u32 = 1;
    pub(crate) const PACKAGE_INDEX: u32 = 2;
    pub(crate) const PACKAGES: u32 = 3;
    pub(crate) const ADVISORY_INDEX: u32 = 4;
    pub(crate) const ADVISORIES: u32 = 5;
    pub(crate) const PROSE_INDEX: u32 = 6;
    pub(crate) const PROSE: u32 = 7;
    pub(crate) const EPSS: u32 = 8;
    pub(crate) const EPSS_PERCENTILES: u32 = 9;
    pub(crate) const EXPLOITED: u32 = 10;
    pub(crate) const LIFECYCLES: u32 = 11;
}

/// What a shard says of itself, as JSON in its first section.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardMeta {
    /// Its key, e.g. `debian:12`.
    pub key: String,
    /// What is in it.
    pub kind: ShardKind,
    /// The version order of its packages, e.g. `dpkg`; empty in prose.
    #[serde(default)]
    pub order: String,
    /// Where its records come from.
    pub sources: Vec<ShardSource>,
    /// How many advisories (or prose entries) it has.
    pub records: u32,
    /// How many packages they are about.
    #[serde(default)]
    pub packages: u32,
    /// The date of its newest source, RFC 3339.
    #[serde(default)]
    pub source_date: Option<String>,
    /// In scores, the digest of the match shard (as it is stored) that they belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Digest>,
}

/// One source of a shard's records.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ShardSource {
    /// Name in evidence and tables, e.g. `OSV`.
    pub name: String,
    /// The date of its newest record, RFC 3339.
    pub date: Option<String>,
    /// How many advisories come from it.
    pub records: u32,
}

/// Why bytes are no shard, or a part of one cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShardError {
    /// They are not what the index promised.
    #[error("shard {key:?} has digest {got}, the index says {expected}")]
    Digest {
        /// The shard's key.
        key: String,
        /// What the index says.
        expected: Digest,
        /// What the bytes have.
        got: Digest,
    },
    /// They are more, or fewer, than the index promised.
    #[error("shard {key:?} has {got} {what}, the index says {expected}")]
    Size {
        /// The shard's key.
        key: String,
        /// Which size.
        what: &'static str,
        /// What the index says.
        expected: u64,
        /// How many there are, counted up to the limit.
        got: u64,
    },
    /// They cannot be inflated.
    #[error("shard cannot be inflated")]
    Gzip(#[source] std::io::Error),
    /// They do not begin as a shard.
    #[error("no shard: it does not begin with {:?}", "LAMSHARD")]
    Magic,
    /// They are of a version that this reader does not know.
    #[error("shard format {0} is not supported, only {FORMAT}")]
    Format(u32),
    /// A limit is exceeded.
    #[error("shard has {got} {what}, more than {limit}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much.
        got: u64,
        /// The limit.
        limit: u64,
    },
    /// A section is missing, twice there or not within the file.
    #[error("section {0} of the shard is missing, repeated or out of bounds")]
    Section(u32),
    /// The metadata is not what it should be.
    #[error("metadata of the shard cannot be read")]
    Meta(#[source] serde_json::Error),
    /// The shard is not the one that the index promised.
    #[error("shard says that it is {got:?}, the index says {expected:?}")]
    WrongShard {
        /// Key and kind as the index has them.
        expected: String,
        /// Key and kind as the shard has them.
        got: String,
    },
    /// A record breaks the format.
    #[error("record at byte {offset} of section {section} cannot be read")]
    Record {
        /// The section.
        section: u32,
        /// Where in it.
        offset: usize,
    },
}

/// A shard, opened. Reading from it allocates nothing.
#[derive(Clone)]
pub struct Shard {
    bytes: Vec<u8>,
    meta: ShardMeta,
    sections: Sections,
    digest: Option<Digest>,
}

#[derive(Clone, Default)]
struct Sections {
    package_index: (usize, usize),
    packages: (usize, usize),
    advisory_index: (usize, usize),
    advisories: (usize, usize),
    prose_index: (usize, usize),
    prose: (usize, usize),
    epss: (usize, usize),
    epss_percentiles: (usize, usize),
    exploited: (usize, usize),
    lifecycles: (usize, usize),
}

impl std::fmt::Debug for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard")
            .field("meta", &self.meta)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

impl Shard {
    /// Opens a shard as it is stored: checks size and digest against the index, inflates no more
    /// than the index says, opens it and checks that it is the promised one.
    ///
    /// # Errors
    /// Whatever is not as the index says.
    pub fn from_stored(stored: &[u8], entry: &ShardEntry) -> Result<Self, ShardError> {
        let size = |what, expected, got| ShardError::Size {
            key: entry.key.clone(),
            what,
            expected,
            got,
        };
        let stored_size = u64::try_from(stored.len()).unwrap_or(u64::MAX);
        if stored_size != entry.size {
            return Err(size("stored bytes", entry.size, stored_size));
        }
        let mut hasher = Hasher::new(entry.digest.algorithm());
        hasher.update(stored);
        let got = hasher.finish();
        if got != entry.digest {
            return Err(ShardError::Digest {
                key: entry.key.clone(),
                expected: entry.digest.clone(),
                got,
            });
        }
        let bytes = inflate(stored, entry.uncompressed_size)?;
        let inflated = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if inflated != entry.uncompressed_size {
            return Err(size("bytes", entry.uncompressed_size, inflated));
        }
        let shard = Self {
            digest: Some(got),
            ..Self::open(bytes)?
        };
        if (&shard.meta.key, shard.meta.kind) != (&entry.key, entry.kind) {
            return Err(ShardError::WrongShard {
                expected: format!("{} {}", entry.kind.word(), entry.key),
                got: format!("{} {}", shard.meta.kind.word(), shard.meta.key),
            });
        }
        Ok(shard)
    }

    /// Opens the uncompressed bytes of a shard.
    ///
    /// # Errors
    /// If header, section bounds or metadata are not those of a shard.
    pub fn open(bytes: Vec<u8>) -> Result<Self, ShardError> {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if size > MAX_SHARD_BYTES {
            return Err(ShardError::Limit {
                what: "bytes",
                got: size,
                limit: MAX_SHARD_BYTES,
            });
        }
        let mut cursor = Cursor::new(&bytes);
        if cursor.take(MAGIC.len()) != Some(MAGIC) {
            return Err(ShardError::Magic);
        }
        let format = cursor.u32().ok_or(ShardError::Magic)?;
        if format != FORMAT {
            return Err(ShardError::Format(format));
        }
        let count = cursor.u32().ok_or(ShardError::Magic)?;
        if count > MAX_SECTIONS {
            return Err(ShardError::Limit {
                what: "sections",
                got: u64::from(count),
                limit: u64::from(MAX_SECTIONS),
            });
        }
        let mut meta = None;
        let mut sections = Sections::default();
        let mut seen = 0_u64;
        for _ in 0..count {
            let number = cursor.u32().ok_or(ShardError::Section(0))?;
            let refuse = || ShardError::Section(number);
            let offset = cursor.usize().ok_or_else(refuse)?;
            let length = cursor.usize().ok_or_else(refuse)?;
            let end = offset.checked_add(length).ok_or_else(refuse)?;
            let content = bytes.get(offset..end).ok_or_else(refuse)?;
            if let Some(bit) = 1_u64.checked_shl(number) {
                if seen & bit != 0 {
                    return Err(refuse());
                }
                seen |= bit;
            }
            let place = match number {
                section::META => {
                    meta = Some(content);
                    continue;
                }
                section::PACKAGE_INDEX => &mut sections.package_index,
                section::PACKAGES => &mut sections.packages,
                section::ADVISORY_INDEX => &mut sections.advisory_index,
                section::ADVISORIES => &mut sections.advisories,
                section::PROSE_INDEX => &mut sections.prose_index,
                section::PROSE => &mut sections.prose,
                section::EPSS => &mut sections.epss,
                section::EPSS_PERCENTILES => &mut sections.epss_percentiles,
                section::EXPLOITED => &mut sections.exploited,
                section::LIFECYCLES => &mut sections.lifecycles,
                _ => continue,
            };
            *place = (offset, end);
        }
        let meta = meta.ok_or(ShardError::Section(section::META))?;
        if meta.len() > MAX_META_BYTES {
            return Err(ShardError::Limit {
                what: "bytes of metadata",
                got: u64::try_from(meta.len()).unwrap_or(u64::MAX),
                limit: MAX_META_BYTES as u64,
            });
        }
        let meta = serde_json::from_slice(meta).map_err(ShardError::Meta)?;
        Ok(Self {
            bytes,
            meta,
            sections,
            digest: None,
        })
    }

    /// The digest of its stored bytes, if it was opened as it is stored.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    pub(crate) fn lifecycle_bytes(&self) -> &[u8] {
        self.section(self.sections.lifecycles)
    }

    /// What it says of itself.
    pub fn meta(&self) -> &ShardMeta {
        &self.meta
    }

    /// Bytes it holds in memory.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// What the shard says of a package; `None` if nothing. The name is taken as it is: see
    /// [`crate::ecosystem::Ecosystem::normalise`].
    ///
    /// # Errors
    /// If an index entry on the way, or the package's name, cannot be read.
    pub fn package(&self, name: &str) -> Result<Option<PackageRef<'_>>, ShardError> {
        let count = self.package_count();
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low + (high - low) / 2;
            let package = self.package_at(middle)?;
            match package.name.cmp(name) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(Some(package)),
            }
        }
        Ok(None)
    }

    /// All packages, by name. Ends with the first one that cannot be read.
    pub fn packages(&self) -> impl Iterator<Item = Result<PackageRef<'_>, ShardError>> {
        (0..self.package_count()).map(|position| self.package_at(position))
    }

    /// The advisory with this number.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub fn advisory(&self, number: u32) -> Result<AdvisoryRef<'_>, ShardError> {
        let record = self.numbered(
            self.sections.advisory_index,
            self.sections.advisories,
            section::ADVISORIES,
            number,
        )?;
        AdvisoryRef::parse(record).ok_or(ShardError::Record {
            section: section::ADVISORIES,
            offset: 0,
        })
    }

    fn section(&self, (start, end): (usize, usize)) -> &[u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }

    fn package_count(&self) -> usize {
        self.section(self.sections.package_index).len() / 4
    }

    fn package_at(&self, position: usize) -> Result<PackageRef<'_>, ShardError> {
        let bad_index = || ShardError::Record {
            section: section::PACKAGE_INDEX,
            offset: position.saturating_mul(4),
        };
        let offset =
            u32_at(self.section(self.sections.package_index), position).ok_or_else(bad_index)?;
        let content = self.section(self.sections.packages);
        let mut cursor = Cursor::new(content.get(offset..).ok_or_else(bad_index)?);
        let bad_record = || ShardError::Record {
            section: section::PACKAGES,
            offset,
        };
        let name = cursor.str().ok_or_else(bad_record)?;
        let entries = cursor.varint().ok_or_else(bad_record)?;
        Ok(PackageRef {
            name,
            entries,
            cursor,
            offset,
        })
    }

    /// The record with this number in a section of length-prefixed records.
    fn numbered(
        &self,
        index: (usize, usize),
        records: (usize, usize),
        section: u32,
        number: u32,
    ) -> Result<&[u8], ShardError> {
        let find = || {
            let block = usize::try_from(number / BLOCK).ok()?;
            let offset = u32_at(self.section(index), block)?;
            let mut cursor = Cursor::new(self.section(records).get(offset..)?);
            for _ in 0..number % BLOCK {
                cursor.prefixed()?;
            }
            cursor.prefixed()
        };
        find().ok_or(ShardError::Record {
            section,
            offset: usize::try_from(number).unwrap_or(usize::MAX),
        })
    }
}

/// Inflates a stored shard, refusing to go over `limit` bytes.
///
/// # Errors
/// If it is no gzip, or larger.
pub fn inflate(stored: &[u8], limit: u64) -> Result<Vec<u8>, ShardError> {
    let stored_size = u64::try_from(stored.len()).unwrap_or(u64::MAX);
    if stored_size > MAX_STORED_BYTES {
        return Err(ShardError::Limit {
            what: "stored bytes",
            got: stored_size,
            limit: MAX_STORED_BYTES,
        });
    }
    let limit = limit.min(MAX_SHARD_BYTES);
    // Deflate expands 1,032 times at most, so that a false promise costs no memory.
    let likely = limit
        .min(stored_size.saturating_mul(1032))
        .saturating_add(1);
    let mut bytes = Vec::with_capacity(usize::try_from(likely).unwrap_or(0));
    flate2::read::GzDecoder::new(stored)
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(ShardError::Gzip)?;
    let got = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if got > limit {
        return Err(ShardError::Limit {
            what: "bytes",
            got,
            limit,
        });
    }
    Ok(bytes)
}

fn u32_at(index: &[u8], position: usize) -> Option<usize> {
    let start = position.checked_mul(4)?;
    let bytes = index.get(start..start.checked_add(4)?)?;
    let number = u32::from_le_bytes(bytes.try_into().ok()?);
    usize::try_from(number).ok()
}

/// A package in a shard, and what is said of it.
#[derive(Clone, Copy, Debug)]
pub struct PackageRef<'a> {
    /// Its name, as the shard has it.
    pub name: &'a str,
    /// How many entries it has.
    pub entries: u32,
    cursor: Cursor<'a>,
    offset: usize,
}

impl<'a> PackageRef<'a> {
    /// What each advisory says of it. Ends with the first entry that cannot be read.
    pub fn affected(&self) -> impl Iterator<Item = Result<AffectedRef<'a>, ShardError>> + use<'a> {
        let offset = self.offset;
        let mut left = self.entries;
        let mut cursor = self.cursor;
        let mut advisory = 0_u32;
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let entry = cursor.prefixed().and_then(|entry| {
                let entry = AffectedRef::parse(entry, advisory)?;
                advisory = entry.advisory;
                Some(entry)
            });
            if entry.is_none() {
                left = 0;
            }
            Some(entry.ok_or(ShardError::Record {
                section: section::PACKAGES,
                offset,
            }))
        })
    }
}

/// What one advisory says of a package.
#[derive(Clone, Copy, Debug)]
pub struct AffectedRef<'a> {
    /// The advisory's number, for [`Shard::advisory`].
    pub advisory: u32,
    /// What the ranges mean; `None` for a statement or a qualifier that this reader does not know.
    pub statement: Option<Statement>,
    ranges: Cursor<'a>,
    range_count: u32,
    versions: Cursor<'a>,
    version_count: u32,
    qualifiers: Cursor<'a>,
    qualifier_count: u32,
    /// When the version that fixes it became available.
    pub fix_published: Option<Day>,
}

impl<'a> AffectedRef<'a> {
    fn parse(entry: &'a [u8], last_advisory: u32) -> Option<Self> {
        let mut cursor = Cursor::new(entry);
        let advisory = last_advisory.checked_add(cursor.varint()?)?;
        let statement = Statement::from_number(cursor.u8()?);
        let range_count = cursor.varint()?;
        let ranges = cursor;
        for _ in 0..range_count {
            parse_range(&mut cursor)?;
        }
        let version_count = cursor.varint()?;
        let versions = cursor;
        for _ in 0..version_count {
            cursor.str()?;
        }
        let qualifier_count = cursor.varint_or_end()?;
        let qualifiers = cursor;
        let mut is_known = true;
        for _ in 0..qualifier_count {
            is_known &= parse_qualifier(&mut cursor)?.is_some();
        }
        let fix_published = Some(cursor.varint_or_end()?)
            .filter(|day| *day > 0)
            .map(Day);
        Some(Self {
            advisory,
            // It is about fewer packages than this reader can tell.
            statement: statement.filter(|_| is_known),
            ranges,
            range_count,
            versions,
            version_count,
            qualifiers,
            qualifier_count,
            fix_published,
        })
    }

    /// Which of the packages with this name it is about; none for all of them.
    pub fn qualifiers(&self) -> impl Iterator<Item = Qualifier<&'a str>> + use<'a> {
        let mut cursor = self.qualifiers;
        (0..self.qualifier_count)
            .map_while(move |_| parse_qualifier(&mut cursor))
            .flatten()
    }

    /// The ranges, lowest first.
    pub fn ranges(&self) -> impl Iterator<Item = VersionRange<&'a str>> + use<'a> {
        let mut cursor = self.ranges;
        (0..self.range_count).map_while(move |_| parse_range(&mut cursor))
    }

    /// The versions that are named one by one.
    pub fn versions(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut cursor = self.versions;
        (0..self.version_count).map_while(move |_| cursor.str())
    }
}

/// `None` if it cannot be read, `Some(None)` if its kind is unknown.
#[expect(clippy::option_option, reason = "two answers, both needed")]
fn parse_qualifier<'a>(cursor: &mut Cursor<'a>) -> Option<Option<Qualifier<&'a str>>> {
    let kind = cursor.u8()?;
    let text = cursor.str()?;
    Some(match kind {
        1 => Some(Qualifier::Module(text)),
        2 => Some(Qualifier::Architecture(text)),
        3 => Some(Qualifier::Product(text)),
        4 => Some(Qualifier::Source),
        _ => None,
    })
}

/// Set in a range's first byte if a text for `introduced` follows.
pub(crate) const HAS_INTRODUCED: u8 = 0x10;

fn parse_range<'a>(cursor: &mut Cursor<'a>) -> Option<VersionRange<&'a str>> {
    let kind = cursor.u8()?;
    let introduced = match kind & HAS_INTRODUCED {
        0 => None,
        _ => Some(cursor.str()?),
    };
    let end = match kind & !HAS_INTRODUCED {
        0 => RangeEnd::Never,
        1 => RangeEnd::Fixed(cursor.str()?),
        2 => RangeEnd::LastAffected(cursor.str()?),
        3 => RangeEnd::Before(cursor.str()?),
        _ => return None,
    };
    Some(VersionRange { introduced, end })
}

/// An advisory in a shard.
#[derive(Clone, Copy, Debug)]
pub struct AdvisoryRef<'a> {
    /// The id under which it is shown.
    pub id: &'a str,
    /// The record's own id.
    pub record: &'a str,
    /// An index into [`ShardMeta::sources`].
    pub source: u32,
    /// When it was published.
    pub published: Option<Day>,
    /// When it was last changed.
    pub modified: Option<Day>,
    /// One line on what it is.
    pub title: Option<&'a str>,
    aliases: Cursor<'a>,
    alias_count: u32,
    ratings: Cursor<'a>,
    rating_count: u32,
    cwes: Cursor<'a>,
    cwe_count: u32,
}

impl<'a> AdvisoryRef<'a> {
    fn parse(record: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor::new(record);
        let own = cursor.str()?;
        let id = match cursor.str()? {
            "" => own,
            id => id,
        };
        let alias_count = cursor.varint()?;
        let aliases = cursor;
        for _ in 0..alias_count {
            cursor.str()?;
        }
        let source = cursor.varint()?;
        let mut day = || {
            let day = cursor.varint()?;
            Some((day > 0).then_some(Day(day)))
        };
        let (published, modified) = (day()?, day()?);
        let title = Some(cursor.str()?).filter(|title| !title.is_empty());
        let rating_count = cursor.varint()?;
        let ratings = cursor;
        for _ in 0..rating_count {
            parse_rating(&mut cursor)?;
        }
        let cwe_count = cursor.varint_or_end()?;
        let cwes = cursor;
        for _ in 0..cwe_count {
            cursor.varint()?;
        }
        Some(Self {
            id,
            record: own,
            source,
            published,
            modified,
            title,
            aliases,
            alias_count,
            ratings,
            rating_count,
            cwes,
            cwe_count,
        })
    }

    /// What kinds of weakness it is, as numbers of CWE.
    pub fn cwes(&self) -> impl Iterator<Item = u32> + use<'a> {
        let mut cursor = self.cwes;
        (0..self.cwe_count).map_while(move |_| cursor.varint())
    }

    /// Other ids of the same vulnerability.
    pub fn aliases(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut cursor = self.aliases;
        (0..self.alias_count).map_while(move |_| cursor.str())
    }

    /// What is said of its severity, without terms that this reader does not know.
    pub fn ratings(&self) -> impl Iterator<Item = Rating<&'a str>> + use<'a> {
        let mut cursor = self.ratings;
        (0..self.rating_count)
            .map_while(move |_| parse_rating(&mut cursor))
            .flatten()
    }
}

/// `None` if it cannot be read, `Some(None)` if its terms are unknown.
#[expect(clippy::option_option, reason = "two answers, both needed")]
fn parse_rating<'a>(cursor: &mut Cursor<'a>) -> Option<Option<Rating<&'a str>>> {
    use lamina_inventory::severity::Severity;
    let scheme = Scheme::from_number(cursor.u8()?);
    let severity = match cursor.u8()? {
        1 => Severity::Negligible,
        2 => Severity::Low,
        3 => Severity::Medium,
        4 => Severity::High,
        5 => Severity::Critical,
        _ => Severity::Unknown,
    };
    let tenths = Some(cursor.u8()?).filter(|tenths| *tenths <= 100);
    let source = cursor.str()?;
    let vector = cursor.str()?;
    Some(scheme.map(|scheme| Rating {
        scheme,
        severity,
        tenths,
        source,
        vector,
    }))
}
