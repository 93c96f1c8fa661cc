//! Looking for byte strings in a stream that comes in pieces.

use std::ops::Range;

/// Cuts a stream into windows that overlap, so that what lies across two pieces is seen whole.
pub(crate) struct Windows {
    /// Bytes that a window shows before the first place where something may start.
    behind: usize,
    /// Bytes that it shows after the last such place.
    ahead: usize,
    /// The end of what came so far.
    held: Vec<u8>,
    /// Where `held` begins in the stream.
    offset: u64,
    /// The first place in `held` that no window has offered yet.
    next: usize,
}

/// A part of the stream.
#[derive(Clone, Debug)]
pub struct Window<'a> {
    /// Its bytes.
    pub(crate) bytes: &'a [u8],
    /// Where `bytes` begins in the stream.
    pub(crate) offset: u64,
    /// Places where something may start. Each place of the stream is in exactly one window's.
    pub(crate) starts: Range<usize>,
}

impl Window<'_> {
    /// Where a place of the window lies in the stream.
    pub(crate) fn offset_of(&self, place: usize) -> u64 {
        self.offset.saturating_add(place as u64)
    }

    /// The bytes in which something of `length` bytes can start in this window, and where they begin.
    pub(crate) fn searchable(&self, length: usize) -> (&[u8], usize) {
        let end = self.starts.end.saturating_add(length.saturating_sub(1));
        let end = end.min(self.bytes.len());
        let bytes = self.bytes.get(self.starts.start..end).unwrap_or_default();
        (bytes, self.starts.start)
    }
}

impl Windows {
    /// Windows that show so many bytes before and after the places where something may start.
    pub(crate) fn new(behind: usize, ahead: usize) -> Self {
        Self {
            behind,
            ahead,
            held: Vec::new(),
            offset: 0,
            next: 0,
        }
    }

    /// The next bytes of the stream.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut see: impl FnMut(Window<'_>)) {
        let border = self.behind + self.ahead;
        if bytes.len() <= border {
            self.held.extend_from_slice(bytes);
            let end = self.held.len().saturating_sub(self.ahead);
            if end > self.next {
                see(Window {
                    bytes: &self.held,
                    offset: self.offset,
                    starts: self.next..end,
                });
                let keep_from = end.saturating_sub(self.behind);
                self.held.drain(..keep_from);
                self.offset = self.offset.saturating_add(keep_from as u64);
                self.next = end - keep_from;
            }
            return;
        }
        // The border between what is held and the new bytes; then these without a copy.
        let (first, last) = (bytes.get(..border), bytes.len() - border);
        let old = self.held.len();
        let new_offset = self.offset.saturating_add(old as u64);
        let mut seen = 0;
        if old > 0 {
            self.held.extend_from_slice(first.unwrap_or_default());
            see(Window {
                bytes: &self.held,
                offset: self.offset,
                starts: self.next..old + self.behind,
            });
            seen = self.behind;
        }
        see(Window {
            bytes,
            offset: new_offset,
            starts: seen..bytes.len() - self.ahead,
        });
        self.held.clear();
        self.held
            .extend_from_slice(bytes.get(last..).unwrap_or_default());
        self.offset = new_offset.saturating_add(last as u64);
        self.next = self.behind;
    }

    /// The stream is over: the places at its end.
    pub(crate) fn finish(&mut self, mut see: impl FnMut(Window<'_>)) {
        see(Window {
            bytes: &self.held,
            offset: self.offset,
            starts: self.next..self.held.len(),
        });
        self.next = self.held.len();
    }
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_place_is_offered_once_with_its_surroundings(
            pieces in prop::collection::vec(0_usize..70, 0..20),
            behind in 0_usize..9,
            ahead in 1_usize..9,
        ) {
            let total: usize = pieces.iter().sum();
            let stream: Vec<u8> = (0..total).map(|n| n as u8).collect();
            let mut offered = Vec::new();
            let mut see = |window: Window<'_>| {
                let at = window.offset as usize;
                assert_eq!(window.bytes, &stream[at..at + window.bytes.len()]);
                for place in window.starts.clone() {
                    let offset = window.offset_of(place) as usize;
                    let from = offset.saturating_sub(behind);
                    let to = (offset + ahead).min(total);
                    assert!(at <= from && to <= at + window.bytes.len(), "{offset}");
                    offered.push(offset);
                }
            };
            let mut windows = Windows::new(behind, ahead);
            let mut rest = stream.as_slice();
            for piece in pieces {
                let (piece, after) = rest.split_at(piece);
                windows.feed(piece, &mut see);
                rest = after;
            }
            windows.finish(&mut see);
            assert_eq!(offered, (0..total).collect::<Vec<_>>());
        }
    }
}
