//! A part of a stream that is wanted later.

/// Takes bytes from one place of the stream on, as they come.
#[derive(Debug)]
pub(super) struct Take {
    /// The bytes so far.
    pub(super) bytes: Vec<u8>,
    /// How many are wanted.
    pub(super) wanted: usize,
    /// Where in the stream the next one lies.
    next: u64,
}

impl Take {
    pub(super) fn new(from: u64, wanted: usize) -> Self {
        Self {
            bytes: Vec::new(),
            wanted,
            next: from,
        }
    }

    /// Takes what it wants of the bytes at `at`. They may be partly those that it has.
    pub(super) fn feed(&mut self, at: u64, bytes: &[u8]) {
        let Some(new) = self
            .next
            .checked_sub(at)
            .and_then(|skip| bytes.get(usize::try_from(skip).ok()?..))
        else {
            return;
        };
        let room = self.wanted.saturating_sub(self.bytes.len());
        let new = new.get(..room).unwrap_or(new);
        self.bytes.extend_from_slice(new);
        self.next = self.next.saturating_add(new.len() as u64);
    }

    /// Where in the stream the first one lies.
    pub(super) fn offset(&self) -> u64 {
        self.next.saturating_sub(self.bytes.len() as u64)
    }

    /// Where in the stream what follows lies.
    pub(super) fn end(&self) -> u64 {
        self.next
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= self.wanted
    }
}
