//! What changes from day to day: EPSS, and CISA's list of vulnerabilities that are exploited.
//!
//! They stand in shards of their own, one beside each match shard and with its key, so that an update
//! fetches these few bytes and not the advisories again. Their entries are by advisory number, and so they
//! belong to one match shard, whose digest they name ([`ShardMeta::of`]).

use std::collections::BTreeMap;

use lamina_image::digest::Digest;

use super::{
    Cursor, Shard, ShardError, ShardMeta, section,
    writer::{TooLarge, assemble, number},
};
use crate::{
    index::ShardKind,
    record::{Day, Epss, Exploited, Share},
};

/// Bytes of an entry of the section [`section::EXPLOITED`].
const EXPLOITED_BYTES: usize = 13;

/// Writes the scores that belong to a match shard; `None` if nothing is known of any of its advisories.
///
/// `date` is that of the newest source, RFC 3339.
///
/// # Errors
/// If the match shard cannot be read, or the scores would be too large to be.
pub fn write_scores(
    of: &Shard,
    digest: &Digest,
    date: Option<String>,
    epss: &BTreeMap<String, Epss>,
    exploited: &BTreeMap<String, Exploited>,
) -> Result<Option<(Vec<u8>, ShardMeta)>, WriteScoresError> {
    let mut scores = Vec::new();
    let mut percentiles = Vec::new();
    let mut list = Vec::new();
    let mut records = 0;
    for at in 0..of.meta().records {
        let advisory = of.advisory(at)?;
        let score = epss.get(advisory.id).copied();
        let (score, percentile) = match score {
            Some(score) => (score.score.0 + 1, score.percentile.0 + 1),
            None => (0, 0),
        };
        scores.extend(score.to_le_bytes());
        percentiles.extend(percentile.to_le_bytes());
        records += u32::from(score > 0);
        if let Some(entry) = exploited.get(advisory.id) {
            list.extend(at.to_le_bytes());
            list.extend(entry.added.0.to_le_bytes());
            list.extend(entry.due.map_or(0, |day| day.0).to_le_bytes());
            list.push(u8::from(entry.by_ransomware));
            records += u32::from(score == 0);
        }
    }
    if records == 0 {
        return Ok(None);
    }
    let meta = ShardMeta {
        key: of.meta().key.clone(),
        kind: ShardKind::Scores,
        records: number(usize::try_from(records).unwrap_or(usize::MAX)),
        source_date: date,
        of: Some(digest.clone()),
        ..ShardMeta::default()
    };
    let sections = [
        (section::EPSS, scores),
        (section::EPSS_PERCENTILES, percentiles),
        (section::EXPLOITED, list),
    ];
    let bytes = assemble(&meta, &sections)?;
    Ok(Some((bytes, meta)))
}

/// Why scores could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteScoresError {
    /// The match shard cannot be read.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// They would be too large.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

impl Shard {
    /// The EPSS score of the advisory with this number in the match shard that this one belongs to.
    pub fn epss(&self, advisory: u32) -> Option<Epss> {
        let at = |place| {
            let start = usize::try_from(advisory).ok()?.checked_mul(2)?;
            let bytes = self.section(place).get(start..start.checked_add(2)?)?;
            // 0 stands for nothing.
            u16::from_le_bytes(bytes.try_into().ok()?).checked_sub(1)
        };
        Some(Epss {
            score: Share(at(self.sections.epss)?),
            percentile: Share(at(self.sections.epss_percentiles)?),
        })
    }

    /// What CISA's list says of the advisory with this number, if it is on it.
    pub fn exploited(&self, advisory: u32) -> Option<Exploited> {
        let (entries, _) = self
            .section(self.sections.exploited)
            .as_chunks::<EXPLOITED_BYTES>();
        let number_of =
            |entry: &[u8; EXPLOITED_BYTES]| Cursor::new(entry).u32().unwrap_or_default();
        let found = entries.binary_search_by_key(&advisory, number_of).ok()?;
        let mut cursor = Cursor::new(entries.get(found)?);
        cursor.u32()?;
        let added = Day(cursor.u32()?);
        let due = Some(cursor.u32()?).filter(|day| *day > 0).map(Day);
        Some(Exploited {
            added,
            due,
            by_ransomware: cursor.u8()? & 1 == 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        record::{Advisory, Affected},
        shard::writer::MatchWriter,
    };

    #[test]
    fn scores_are_found_by_the_number_of_the_advisory() {
        let mut writer = MatchWriter::new("debian:12", "dpkg");
        for id in ["CVE-2024-1", "CVE-2024-2", "CVE-2024-3"] {
            let advisory = Advisory {
                id: id.to_owned(),
                record: id.to_owned(),
                ..Advisory::default()
            };
            writer.add("curl", advisory, Affected::default());
        }
        let (bytes, _) = writer.finish().unwrap();
        let shard = Shard::open(bytes).unwrap();
        let epss = Epss {
            score: Share::of(0.97),
            percentile: Share::of(1.0),
        };
        let exploited = Exploited {
            added: Day(20_000),
            due: Some(Day(20_021)),
            by_ransomware: true,
        };
        let digest = Digest::of(b"");
        let known = BTreeMap::from([("CVE-2024-1".to_owned(), epss)]);
        let listed = BTreeMap::from([("CVE-2024-3".to_owned(), exploited)]);
        let write = |epss, listed| write_scores(&shard, &digest, None, epss, listed);
        let (bytes, meta) = write(&known, &listed).unwrap().unwrap();
        assert_eq!((meta.records, &meta.of), (2, &Some(digest.clone())));
        let scores = Shard::open(bytes).unwrap();
        let found: Vec<_> = (0..4).map(|at| scores.epss(at)).collect();
        assert_eq!(found, [Some(epss), None, None, None]);
        assert!((epss.score.value() - 0.97).abs() < 0.000_02);
        assert!((epss.percentile.value() - 1.0).abs() < f64::EPSILON);
        let found: Vec<_> = (0..4).map(|at| scores.exploited(at)).collect();
        assert_eq!(found, [None, None, Some(exploited), None]);
        assert!(write(&BTreeMap::new(), &BTreeMap::new()).unwrap().is_none());
    }
}
