//! Prose: what people read of an advisory, in shards of their own that no match needs.
//!
//! Prose is kept per ecosystem, not per release (`debian`, not `debian:12`), by the record's id, and
//! cut into parts of about 256 KiB in the order of ids: opening one finding fetches one part.

use super::{Shard, ShardError, cursor::Cursor, section};

/// What people read of an advisory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prose {
    /// One line; may be empty.
    pub summary: String,
    /// Markdown; may be empty. From a stranger: render it without HTML.
    pub details: String,
    /// Addresses, in the record's order. From a stranger: check the scheme before linking.
    pub references: Vec<String>,
}

/// The key of the prose that belongs to a match shard.
pub fn prose_key(match_key: &str) -> &str {
    let base = match_key.split(':').next().unwrap_or(match_key);
    base.strip_suffix("-pro").unwrap_or(base)
}

impl Shard {
    /// The prose of a record; `None` if this part has none.
    ///
    /// # Errors
    /// If an entry on the way cannot be read.
    pub fn prose(&self, record: &str) -> Result<Option<Prose>, ShardError> {
        let (mut low, mut high) = (0, self.meta.records);
        while low < high {
            let middle = low + (high - low) / 2;
            let bytes = self.numbered(
                self.sections.prose_index,
                self.sections.prose,
                section::PROSE,
                middle,
            )?;
            let broken = || ShardError::Record {
                section: section::PROSE,
                offset: usize::try_from(middle).unwrap_or(usize::MAX),
            };
            let mut cursor = Cursor::new(bytes);
            match cursor.str().ok_or_else(broken)?.cmp(record) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => {
                    return parse(&mut cursor).ok_or_else(broken).map(Some);
                }
            }
        }
        Ok(None)
    }
}

fn parse(cursor: &mut Cursor<'_>) -> Option<Prose> {
    let summary = cursor.str()?.to_owned();
    let details = cursor.str()?.to_owned();
    let count = cursor.varint()?;
    let mut references = Vec::new();
    for _ in 0..count {
        references.push(cursor.str()?.to_owned());
    }
    Some(Prose {
        summary,
        details,
        references,
    })
}
