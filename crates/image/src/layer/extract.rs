//! One file of a layer, read again.
//!
//! [`FileRead`] says which bytes of the blob it wants and is fed them. With [`Places`] from the scan it
//! begins near the file and checks what it reads, part by part, against the layer that was scanned; with
//! [`Checkpoints`] it does so within a compressed layer too. With neither it reads from the start until
//! the file comes. What it learns on the way is in the outcome, for the next time.

use super::{
    Claim, Codec, Entry, EntryKind, EntrySink, LayerError, LimitName,
    checkpoints::Checkpoints,
    inflate::{Decoder, Unpacked},
    places::Places,
    tar::TarReader,
};
use crate::{
    digest::{Hasher, PART_BYTES},
    limits::Limits,
    path::LayerPath,
};

/// Bytes that headers before a file's content may take.
const HEADER_BYTES: u64 = 1 << 20;

/// Which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its path in the layer, with no links on the way.
    pub path: LayerPath,
    /// Its size, as the tree has it: where a layer has a path twice, the entry of this size is meant.
    pub size: u64,
    /// Bytes of its content that are wanted at most.
    pub limit: u64,
}

/// Why a file could not be read again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractError {
    /// It is not in the bytes that came.
    #[error("{path:?} is not where it should be in the layer")]
    Missing {
        /// Which.
        path: LayerPath,
    },
    /// The layer cannot be read, or is another than was scanned.
    #[error(transparent)]
    Layer(#[from] LayerError),
}

/// A file that was read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileOutcome {
    /// What the header says of it.
    pub entry: Entry,
    /// Its content, up to the limit.
    pub bytes: Vec<u8>,
    /// Whether the content was checked against the layer that was scanned.
    pub is_checked: bool,
    /// Points to begin at the next time, those that were known before included.
    pub checkpoints: Checkpoints,
}

impl FileOutcome {
    /// Whether there is more of the file than was asked for.
    pub fn is_cut(&self) -> bool {
        (self.bytes.len() as u64) < self.entry.size
    }
}

/// Reads one file of a layer.
pub struct FileRead {
    decoder: Decoder,
    target: Target,
    from: u64,
    to: Option<u64>,
}

/// What becomes of the unpacked bytes.
struct Target {
    limits: Limits,
    places: Places,
    /// Offset in the unpacked archive of what comes next.
    position: u64,
    tar: TarReader,
    check: Option<PartCheck>,
    content: Content,
}

/// Checks parts of the unpacked archive.
struct PartCheck {
    hasher: Hasher,
    /// The part that the hasher began with.
    first: u64,
    /// How many parts were found right.
    checked: usize,
}

/// The file.
struct Content {
    wanted: Wanted,
    /// Whether the first entry must be it.
    is_first: bool,
    is_other: bool,
    entry: Option<Entry>,
    /// Where the archive is read as one.
    start: u64,
    content_at: u64,
    bytes: Vec<u8>,
    is_open: bool,
    is_complete: bool,
}

impl FileRead {
    /// Starts to read a file. `places` and `checkpoints` may be empty; they must be of this blob.
    pub fn new(wanted: Wanted, places: Places, checkpoints: Checkpoints, limits: Limits) -> Self {
        let found = places.find(&wanted.path);
        let start = found.map_or(0, |found| found.start);
        // Where checking begins: the part that the header is in.
        let part = start / PART_BYTES;
        let check = PartCheck::new(&places, part);
        let begin = match check {
            Some(_) => part * PART_BYTES,
            None => start,
        };
        let end = found.map(|found| {
            let most = start.saturating_add(wanted.limit.saturating_add(HEADER_BYTES));
            let end = found.end.min(most).div_ceil(PART_BYTES);
            end.saturating_mul(PART_BYTES).min(places.unpacked_bytes())
        });
        let is_plain = found.is_some() && places.codec() == Some(Codec::Tar);
        let (decoder, from, position, to) = if is_plain {
            (Decoder::plain_at(begin), begin, begin, end)
        } else {
            let to = end.and_then(|end| checkpoints.end_of(end));
            let point = checkpoints.before(begin).cloned();
            match point {
                Some(point) => (
                    Decoder::resume(limits.zstd_window_bytes, checkpoints, &point),
                    point.compressed,
                    point.unpacked,
                    to,
                ),
                None => (
                    Decoder::noting(limits.zstd_window_bytes, checkpoints),
                    0,
                    0,
                    to,
                ),
            }
        };
        Self {
            decoder,
            from,
            to,
            target: Target {
                tar: TarReader::new(limits.clone()),
                limits,
                places,
                position,
                check,
                content: Content {
                    wanted,
                    is_first: found.is_some(),
                    is_other: false,
                    entry: None,
                    start,
                    content_at: start,
                    bytes: Vec::new(),
                    is_open: false,
                    is_complete: false,
                },
            },
        }
    }

    /// Which bytes of the blob to feed: from this one on, and up to the second if it is known.
    pub fn range(&self) -> (u64, Option<u64>) {
        (self.from, self.to)
    }

    /// Takes the next bytes of the blob. Answers whether more are wanted.
    ///
    /// # Errors
    /// When the layer cannot be read on, or is another than was scanned.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<bool, ExtractError> {
        let result = self.decoder.feed(bytes, &mut self.target);
        if self.target.is_done() {
            return Ok(false);
        }
        result?;
        if self.target.content.is_other {
            return Err(self.target.content.missing());
        }
        Ok(true)
    }

    /// There are no more bytes, or no more are wanted.
    ///
    /// # Errors
    /// When the file was not in them, or is another than was scanned.
    pub fn finish(mut self) -> Result<FileOutcome, ExtractError> {
        if !self.target.is_done() {
            // An archive that is not compressed ends where it is asked to.
            let _ = self.decoder.finish(&mut self.target);
        }
        let target = self.target;
        let is_checked = match target.check {
            _ if !target.content.is_complete => false,
            Some(check) if check.until() >= target.content.end() => true,
            Some(check) if target.position == target.places.unpacked_bytes() => {
                if Some(&check.hasher.finish()) != target.places.digest() {
                    let unpacked = target.position;
                    return Err(LayerError::Part { unpacked }.into());
                }
                true
            }
            Some(_) | None => false,
        };
        match (target.content.is_complete, target.content.entry.clone()) {
            (true, Some(entry)) => Ok(FileOutcome {
                entry,
                bytes: target.content.bytes,
                is_checked,
                checkpoints: self.decoder.into_checkpoints(),
            }),
            _ => Err(target.content.missing()),
        }
    }
}

impl Target {
    /// Whether the file is there, and checked if it can be.
    fn is_done(&self) -> bool {
        let end = self.content.end();
        self.content.is_complete
            && self.check.as_ref().is_none_or(|check| {
                check.until() >= end || self.position >= self.places.unpacked_bytes()
            })
    }
}

impl Unpacked for Target {
    fn piece(&mut self, bytes: &[u8], compressed: u64, _: Codec) -> Result<(), LayerError> {
        if self.is_done() {
            return Ok(());
        }
        let at = self.position;
        self.position = at.saturating_add(bytes.len() as u64);
        self.limits.check_ratio(compressed, self.position)?;
        if self.position > self.limits.uncompressed_bytes {
            return Err(LayerError::Limit {
                limit: LimitName::UncompressedBytes,
                allowed: self.limits.uncompressed_bytes,
                unpacked: self.position,
            });
        }
        let from = |offset: u64| {
            let skipped = usize::try_from(offset.saturating_sub(at)).unwrap_or(usize::MAX);
            bytes.get(skipped..).unwrap_or_default()
        };
        if let Some(check) = &mut self.check {
            let part = from(check.first * PART_BYTES);
            check.feed(part, &self.places)?;
        }
        if !self.content.is_complete && !self.content.is_other {
            let part = from(self.content.start);
            self.tar.feed(part, &mut self.content)?;
        }
        Ok(())
    }
}

impl PartCheck {
    /// Begins with a part, if it can be checked.
    fn new(places: &Places, part: u64) -> Option<Self> {
        if places.is_empty() || !places.can_check() {
            return None;
        }
        let hasher = match part {
            0 => Hasher::with_states(places.digest()?.algorithm()),
            _ => Hasher::resume(places.state_after(part)?, part)?,
        };
        Some(Self {
            hasher,
            first: part,
            checked: 0,
        })
    }

    /// Unpacked bytes up to which everything was right, from the first part on.
    fn until(&self) -> u64 {
        (self.first + self.checked as u64) * PART_BYTES
    }

    fn feed(&mut self, bytes: &[u8], places: &Places) -> Result<(), LayerError> {
        self.hasher.update(bytes);
        while let Some(state) = self.hasher.states().get(self.checked) {
            let number = self.first + self.checked as u64 + 1;
            if places.state_after(number) != Some(state) {
                let unpacked = number * PART_BYTES;
                return Err(LayerError::Part { unpacked });
            }
            self.checked += 1;
        }
        Ok(())
    }
}

impl Content {
    /// Offset in the unpacked archive of what follows the bytes that were taken.
    fn end(&self) -> u64 {
        self.content_at + self.bytes.len() as u64
    }

    fn missing(&self) -> ExtractError {
        ExtractError::Missing {
            path: self.wanted.path.clone(),
        }
    }
}

impl EntrySink for Content {
    fn place(&mut self, _: u64, content: u64) {
        if self.entry.is_none() {
            self.content_at = self.start.saturating_add(content);
        }
    }

    fn entry(&mut self, entry: &Entry) -> Claim {
        if self.is_complete || self.is_other {
            return Claim::Skip;
        }
        self.is_open = entry.kind == EntryKind::File
            && entry.path == self.wanted.path
            && entry.size == self.wanted.size;
        if self.is_open {
            self.entry = Some(entry.clone());
            self.bytes.clear();
            return Claim::Take;
        }
        self.is_other = self.is_first;
        Claim::Skip
    }

    fn data(&mut self, bytes: &[u8]) {
        if !self.is_open {
            return;
        }
        let left = self.wanted.limit.saturating_sub(self.bytes.len() as u64);
        let left = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let bytes = bytes.get(..left).unwrap_or_default();
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() as u64 >= self.wanted.limit {
            self.is_complete = true;
            self.is_open = false;
        }
    }

    fn end(&mut self) {
        if self.is_open {
            self.is_complete = true;
            self.is_open = false;
        }
    }
}

/// Undoes an archive's compression, for who looks for one member of it.
pub struct Unpacker(Decoder);

impl Default for Unpacker {
    fn default() -> Self {
        Self::new()
    }
}

impl Unpacker {
    /// Starts an archive, compressed in whatever way a layer may be, or not at all.
    pub fn new() -> Self {
        Self(Decoder::new(Limits::default().zstd_window_bytes, false))
    }

    /// Takes the next bytes and hands on what they unpack to.
    ///
    /// # Errors
    /// When they cannot be unpacked.
    pub fn feed(&mut self, bytes: &[u8], out: &mut impl FnMut(&[u8])) -> Result<(), LayerError> {
        struct Out<'a, F>(&'a mut F);
        impl<F: FnMut(&[u8])> Unpacked for Out<'_, F> {
            fn piece(&mut self, bytes: &[u8], _: u64, _: Codec) -> Result<(), LayerError> {
                (self.0)(bytes);
                Ok(())
            }
        }
        self.0.feed(bytes, &mut Out(out))
    }
}
