//! Where the files of a layer lie in its unpacked archive, noted while the layer is scanned, so that
//! one file can be read again without the rest.
//!
//! For each entry there is the offset of its header and a hash of its path: the path itself is in the
//! header, and in the tree. For the archive there are the states of its digest after each part
//! ([`PartState`]): what is read again is checked against what was scanned, whatever way it came.

use serde::{Deserialize, Serialize};

use super::{Claim, Codec, Entry, EntrySink};
use crate::{
    digest::{Digest, PART_BYTES, PartState},
    limits::MAX_PLACES,
    path::LayerPath,
};

/// Bytes of a block of tar: headers lie at multiples of it.
const BLOCK: u64 = 512;

/// Where the files of one layer lie in its unpacked archive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places {
    codec: Option<Codec>,
    /// Bytes of the unpacked archive.
    unpacked: u64,
    /// The digest of the unpacked archive.
    digest: Option<Digest>,
    entries: Vec<Place>,
    states: Vec<PartState>,
}

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    hash: [u8; 4],
    /// Blocks from the header before to this one's.
    blocks: u32,
}

/// Where one entry lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Offset of its first header in the unpacked archive.
    pub start: u64,
    /// Offset of the next entry, or of the archive's end.
    pub end: u64,
}

impl Places {
    /// How the blob that was scanned is compressed.
    pub fn codec(&self) -> Option<Codec> {
        self.codec
    }

    /// Bytes of the unpacked archive.
    pub fn unpacked_bytes(&self) -> u64 {
        self.unpacked
    }

    /// The digest of the unpacked archive: the diff id.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where the last entry for a path probably lies: another path may have the same hash.
    pub fn find(&self, path: &LayerPath) -> Option<Found> {
        let wanted = hash(path);
        let mut at = 0_u64;
        let mut found = None;
        for place in &self.entries {
            at = at.checked_add(u64::from(place.blocks).checked_mul(BLOCK)?)?;
            if let Some(Found { end, .. }) = &mut found
                && *end == u64::MAX
            {
                *end = at;
            }
            if place.hash == wanted {
                found = Some(Found {
                    start: at,
                    end: u64::MAX,
                });
            }
        }
        let found = found?;
        Some(Found {
            end: found.end.min(self.unpacked),
            ..found
        })
    }

    /// The state of the archive's digest after this many whole parts; `None` where none is known.
    pub fn state_after(&self, parts: u64) -> Option<&PartState> {
        let before = usize::try_from(parts).ok()?.checked_sub(1)?;
        self.states.get(before)
    }

    /// Whether the parts of the archive can be checked.
    pub fn can_check(&self) -> bool {
        self.digest.is_some() && self.states.len() as u64 == self.unpacked / PART_BYTES
    }
}

/// Notes places while a layer is read.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    entries: Vec<Place>,
    before: u64,
    is_over_limit: bool,
}

impl Recorder {
    fn push(&mut self, path: &LayerPath, header: u64) {
        let blocks = header
            .checked_sub(self.before)
            .and_then(|bytes| u32::try_from(bytes / BLOCK).ok());
        match blocks {
            Some(blocks) if self.entries.len() < MAX_PLACES && !self.is_over_limit => {
                self.before = header;
                let hash = hash(path);
                self.entries.push(Place { hash, blocks });
            }
            _ => self.is_over_limit = true,
        }
    }

    /// The places, if they are all there.
    pub(super) fn finish(
        self,
        codec: Option<Codec>,
        unpacked: u64,
        digest: Option<Digest>,
        states: Vec<PartState>,
    ) -> Places {
        if self.is_over_limit {
            return Places::default();
        }
        Places {
            codec,
            unpacked,
            digest,
            entries: self.entries,
            states,
        }
    }
}

/// Notes where the entries lie that it hands on.
pub(super) struct Recording<'a, S> {
    pub(super) sink: &'a mut S,
    pub(super) recorder: &'a mut Recorder,
    pub(super) header: u64,
}

impl<S: EntrySink> EntrySink for Recording<'_, S> {
    fn place(&mut self, header: u64, content: u64) {
        self.header = header;
        self.sink.place(header, content);
    }

    fn entry(&mut self, entry: &Entry) -> Claim {
        self.recorder.push(&entry.path, self.header);
        self.sink.entry(entry)
    }

    fn data(&mut self, bytes: &[u8]) {
        self.sink.data(bytes);
    }

    fn end(&mut self) {
        self.sink.end();
    }
}

/// FNV-1a, 64 bits folded to 32. Nobody gains by a collision: the path in the header decides.
fn hash(path: &LayerPath) -> [u8; 4] {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in path.as_bytes() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let [a, b, c, d, e, f, g, h] = hash.to_le_bytes();
    [a ^ e, b ^ f, c ^ g, d ^ h]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_entry_of_a_path_counts_and_ends_where_the_next_begins() {
        let mut recorder = Recorder::default();
        for (path, header) in [("a", 0), ("b", 1024), ("a", 4096), ("c", 5120)] {
            recorder.push(&LayerPath::from(path), header);
        }
        let places = recorder.finish(None, 10_240, None, Vec::new());
        let check = |path: &str, expect: Option<(u64, u64)>| {
            let found = places.find(&LayerPath::from(path));
            assert_eq!(
                found.map(|found| (found.start, found.end)),
                expect,
                "{path}"
            );
        };
        check("a", Some((4096, 5120)));
        check("b", Some((1024, 4096)));
        check("c", Some((5120, 10_240)));
        check("d", None);
        let bytes = postcard::to_stdvec(&places).unwrap();
        assert_eq!(postcard::from_bytes::<Places>(&bytes).unwrap(), places);
    }
}
