//! Points of a compressed layer from which it can be unpacked on, so that one file is read again by a
//! range of the blob and not from its start.
//!
//! Gzip: where a member begins, or a block of deflate within one, with the 32 KiB before it that the
//! block may refer to (RFC 1951, 2 and 3.2.3). Zstandard: where a frame begins (RFC 8878, 3.1). They
//! are noted while a file is read for the first time, by an inflater that stops between blocks and is
//! slower than the one a scan uses.

use serde::{Deserialize, Serialize};

use super::Codec;
use crate::limits::{CHECKPOINT_BYTES, MAX_CHECKPOINTS};

/// Bytes before a block that it may refer to.
pub(super) const WINDOW_BYTES: usize = 32 << 10;

/// The points of one blob, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoints {
    /// How the blob is compressed.
    pub(super) codec: Option<Codec>,
    /// Unpacked bytes between two points.
    spacing: u64,
    list: Vec<Checkpoint>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// Bytes of the blob before it.
    pub(super) compressed: u64,
    /// Unpacked bytes before it.
    pub(super) unpacked: u64,
    pub(super) resume: Resume,
}

/// What it takes to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Resume {
    /// Nothing: a gzip member or a zstd frame begins.
    Start,
    /// A block of deflate begins.
    Block {
        /// How many bits of the byte before belong to it, and those bits.
        bits: u8,
        bit_buffer: u8,
        /// Unpacked bytes before its gzip member.
        member_start: u64,
        /// What was unpacked last, deflated.
        window: Vec<u8>,
    },
}

impl Default for Checkpoints {
    fn default() -> Self {
        Self {
            codec: None,
            spacing: CHECKPOINT_BYTES,
            list: Vec::new(),
        }
    }
}

impl Checkpoints {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The last point from which the unpacked byte at this offset is reached.
    pub(super) fn before(&self, unpacked: u64) -> Option<&Checkpoint> {
        let mut points = self.list.iter().rev();
        points.find(|point| point.unpacked <= unpacked)
    }

    /// Bytes of the blob that hold all unpacked bytes before this offset, if a point tells.
    pub(super) fn end_of(&self, unpacked: u64) -> Option<u64> {
        let mut points = self.list.iter();
        let point = points.find(|point| point.unpacked >= unpacked)?;
        Some(point.compressed)
    }

    /// Notes a point, if it is far enough from the last one.
    pub(super) fn note(&mut self, compressed: u64, unpacked: u64, resume: impl FnOnce() -> Resume) {
        let last = self.list.last().map_or(0, |point| point.unpacked);
        if unpacked < last.saturating_add(self.spacing) {
            return;
        }
        if self.list.len() >= MAX_CHECKPOINTS {
            self.spacing = self.spacing.saturating_mul(2);
            let mut is_kept = false;
            self.list.retain(|_| {
                is_kept = !is_kept;
                !is_kept
            });
            return;
        }
        self.list.push(Checkpoint {
            compressed,
            unpacked,
            resume: resume(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_thin_out_instead_of_growing_without_end() {
        let mut points = Checkpoints::default();
        for number in 1..=(MAX_CHECKPOINTS as u64 * 4) {
            points.note(number, number * CHECKPOINT_BYTES, || Resume::Start);
        }
        assert!(points.len() <= MAX_CHECKPOINTS);
        assert!(points.len() >= MAX_CHECKPOINTS / 4, "{}", points.len());
        let are_sorted = points.list.is_sorted_by(|a, b| a.unpacked < b.unpacked);
        assert!(are_sorted);
        let last = MAX_CHECKPOINTS as u64 * 4 * CHECKPOINT_BYTES;
        assert!(
            points
                .before(last)
                .is_some_and(|point| last - point.unpacked <= points.spacing * 2)
        );
        assert!(points.before(0).is_none());
        assert_eq!(points.end_of(u64::MAX), None);
    }
}
