//! Layers: compressed tar archives, read as a stream.
//!
//! [`LayerReader`] takes chunks of a blob, tells the compression by the first bytes, inflates, walks
//! the tar archive and hands each entry to an [`EntrySink`], while computing the blob's digest and
//! the diff id. Nothing is held but one buffer; a file's content passes through only if it is
//! claimed.
//!
//! What was read before an error stays in the sink, and [`LayerReader::finish`] always gives a
//! summary beside the error: a broken layer is a layer of which less is known.
//!
//! ```
//! use lamina_image::layer::{
//!     Claim, Entry, EntrySink, LayerExpectation, LayerReader,
//! };
//! use lamina_image::limits::Limits;
//!
//! struct Count(usize);
//! impl EntrySink for Count {
//!     fn entry(&mut self, _: &Entry) -> Claim {
//!         self.0 += 1;
//!         Claim::Skip
//!     }
//!     fn data(&mut self, _: &[u8]) {}
//!     fn end(&mut self) {}
//! }
//!
//! let mut sink = Count(0);
//! let mut reader = LayerReader::new(LayerExpectation::default(), Limits::default());
//! reader.feed(&[0; 1024], &mut sink)?;
//! let outcome = reader.finish(&mut sink);
//! assert!(outcome.error.is_none());
//! assert_eq!(sink.0, 0);
//! # Ok::<(), lamina_image::layer::LayerError>(())
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    digest::{Algorithm, DiffId, Digest, Hasher},
    limits::Limits,
    path::LayerPath,
};

pub mod checkpoints;
pub mod extract;
pub(crate) mod inflate;
pub mod places;
pub(crate) mod tar;
mod whiteout;

use inflate::{Decoder, Unpacked};
use places::{Places, Recorder};
use tar::TarReader;

/// What a layer says about one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where. For a whiteout, the path it hides; for an opaque marker, the directory it empties.
    pub path: LayerPath,
    /// What.
    pub kind: EntryKind,
    /// Bytes of content; 0 unless a regular file. The logical size for a sparse file.
    pub size: u64,
    /// Permission bits with setuid, setgid and sticky (octal 7777).
    pub mode: u32,
    /// Numeric owner.
    pub uid: u64,
    /// Numeric group.
    pub gid: u64,
    /// Seconds since 1970-01-01 UTC.
    pub modified: i64,
}

/// The kinds of entry, with whiteouts (OCI image specification, "Whiteouts") already recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file, also a sparse one.
    File,
    /// A directory.
    Directory,
    /// A symbolic link; the target as written, relative to the link or absolute.
    Symlink {
        /// The target's bytes as the archive has them.
        target: Vec<u8>,
    },
    /// Another name for a file of this layer or of one below it.
    HardLink {
        /// The file it names.
        target: LayerPath,
    },
    /// A device, named pipe or socket.
    Special,
    /// `.wh.<name>`: the path is deleted from the layers below.
    Whiteout,
    /// `.wh..wh..opq`: everything that layers below hold in this directory is deleted.
    Opaque,
}

/// Whether the content of a file is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Go past it.
    Skip,
    /// Hand it to [`EntrySink::data`], then [`EntrySink::end`].
    Take,
}

/// Receives a layer's entries in archive order.
///
/// A path may come more than once; the last one wins, as when extracted. If the layer breaks off
/// within a claimed file, or the file cannot be read (a bad sparse map), `end` never follows: the
/// next call is `entry`, or none.
pub trait EntrySink {
    /// Where the entry that is told next lies in the unpacked archive: the offset of its first header,
    /// extended ones included, and the offset of its content. Most sinks have no use for it.
    fn place(&mut self, _header: u64, _content: u64) {}
    /// One entry. The answer matters for regular files alone.
    fn entry(&mut self, entry: &Entry) -> Claim;
    /// A piece of the file that was just claimed. Nothing may be kept borrowed.
    fn data(&mut self, bytes: &[u8]);
    /// The claimed file is complete.
    fn end(&mut self);
}

impl<S: EntrySink + ?Sized> EntrySink for &mut S {
    fn place(&mut self, header: u64, content: u64) {
        (**self).place(header, content);
    }

    fn entry(&mut self, entry: &Entry) -> Claim {
        (**self).entry(entry)
    }

    fn data(&mut self, bytes: &[u8]) {
        (**self).data(bytes);
    }

    fn end(&mut self) {
        (**self).end();
    }
}

/// How a layer is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Codec {
    /// Not at all.
    Tar,
    /// Gzip, RFC 1952.
    Gzip,
    /// Zstandard, RFC 8878.
    Zstd,
}

impl Codec {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tar => "tar",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// What manifest and config say about a layer. What is not known is computed but not compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayerExpectation {
    /// The blob's digest, from the manifest.
    pub digest: Option<Digest>,
    /// The blob's length in bytes, from the manifest.
    pub size: Option<u64>,
    /// The digest of the unpacked archive, from the config.
    pub diff_id: Option<DiffId>,
}

/// What was found out about a layer besides its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerSummary {
    /// How it is compressed; `None` if that cannot be told.
    pub codec: Option<Codec>,
    /// Digest of the bytes that were fed.
    pub digest: Digest,
    /// Digest of the unpacked archive; `None` if it was not unpacked to its end.
    pub diff_id: Option<DiffId>,
    /// Bytes that were fed.
    pub compressed_bytes: u64,
    /// Bytes that were unpacked.
    pub uncompressed_bytes: u64,
    /// Entries handed to the sink.
    pub entries: u64,
    /// What was odd.
    pub warnings: Vec<LayerWarning>,
    /// Warnings beyond the limit, which were only counted.
    pub warnings_dropped: u64,
}

/// A layer read to its end, or as far as it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerOutcome {
    /// What was found out.
    pub summary: LayerSummary,
    /// Why there is no more, or why it cannot be trusted. What the sink got stays usable.
    pub error: Option<LayerError>,
    /// Where its files lie, to read one of them again; empty if there is an error.
    pub places: Places,
}

/// The steps of reading a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Step {
    /// Undoing the compression.
    Inflate,
    /// Reading the archive.
    Tar,
    /// Comparing digests and sizes.
    Verify,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inflate => "inflate",
            Self::Tar => "tar",
            Self::Verify => "verify",
        })
    }
}

/// Why a layer cannot be read on, or cannot be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// A compression that container runtimes do not take either.
    #[error(
        "inflate: the layer is compressed with {name}, which container runtimes do not support"
    )]
    UnsupportedCompression {
        /// Its name.
        name: &'static str,
    },
    /// The compressed data is malformed.
    #[error(
        "inflate: corrupt {name} data at byte {compressed} of the blob ({unpacked} bytes unpacked): \
         {reason}",
        name = codec.name()
    )]
    Corrupt {
        /// The compression.
        codec: Codec,
        /// Offset in the blob.
        compressed: u64,
        /// Bytes unpacked before.
        unpacked: u64,
        /// What the decoder says.
        reason: String,
    },
    /// The data ends early.
    #[error(
        "{step}: the layer ends early, after {compressed} bytes ({unpacked} unpacked){}",
        within(.path)
    )]
    Truncated {
        /// Where it was noticed.
        step: Step,
        /// Bytes of the blob.
        compressed: u64,
        /// Bytes unpacked.
        unpacked: u64,
        /// The entry whose content is cut off.
        path: Option<LayerPath>,
    },
    /// The archive is malformed.
    #[error("tar: {problem} at byte {unpacked} of the unpacked layer")]
    Tar {
        /// What is wrong.
        problem: TarProblem,
        /// Offset of the header in the unpacked archive.
        unpacked: u64,
    },
    /// The blob has another length than the manifest says.
    #[error("verify: the layer has {actual} bytes where the manifest says {expected}")]
    Size {
        /// What the manifest says.
        expected: u64,
        /// What came.
        actual: u64,
        /// What it led to.
        #[source]
        consequence: Option<Box<LayerError>>,
    },
    /// The blob is not what the manifest names.
    #[error("verify: the layer's digest is {actual} where the manifest says {expected}")]
    Digest {
        /// What the manifest says.
        expected: Digest,
        /// What came.
        actual: Digest,
        /// What it led to.
        #[source]
        consequence: Option<Box<LayerError>>,
    },
    /// The unpacked archive is not what the config names.
    #[error("verify: the unpacked layer's diff id is {actual} where the config says {expected}")]
    DiffId {
        /// What the config says.
        expected: DiffId,
        /// What came.
        actual: DiffId,
    },
    /// A part of the unpacked archive is not what it was when the whole layer was checked.
    #[error("verify: the unpacked layer is another than was scanned, at byte {unpacked} or before")]
    Part {
        /// Where the part ends in the unpacked archive.
        unpacked: u64,
    },
    /// A limit of [`crate::limits`] was passed.
    #[error("{}: more than {allowed} {limit}, at byte {unpacked} of the unpacked layer", .limit.step())]
    Limit {
        /// Which.
        limit: LimitName,
        /// Its value.
        allowed: u64,
        /// Offset in the unpacked archive.
        unpacked: u64,
    },
}

impl LayerError {
    /// The step that failed.
    pub fn step(&self) -> Step {
        match self {
            Self::UnsupportedCompression { .. } | Self::Corrupt { .. } => Step::Inflate,
            Self::Truncated { step, .. } => *step,
            Self::Tar { .. } => Step::Tar,
            Self::Size { .. } | Self::Digest { .. } | Self::DiffId { .. } | Self::Part { .. } => {
                Step::Verify
            }
            Self::Limit { limit, .. } => limit.step(),
        }
    }
}

/// What is wrong with an archive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TarProblem {
    /// The first block is no tar header.
    #[error("this is not a tar archive (it begins with {start:?})")]
    NotTar {
        /// The first characters.
        start: String,
    },
    /// A header's checksum is wrong.
    #[error("a header's checksum is wrong")]
    Checksum,
    /// A size cannot be read, or is negative.
    #[error("an entry's size cannot be read")]
    Size,
    /// A PAX header cannot be read.
    #[error("a PAX header is malformed")]
    ExtendedHeader,
}

/// The limits that end the reading of a layer. See [`crate::limits`] for reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LimitName {
    /// [`Limits::uncompressed_bytes`].
    UncompressedBytes,
    /// [`Limits::expansion_ratio`].
    ExpansionRatio,
    /// [`Limits::entries`].
    Entries,
    /// [`Limits::extended_header_bytes`].
    ExtendedHeaderBytes,
}

impl LimitName {
    fn step(self) -> Step {
        match self {
            Self::UncompressedBytes | Self::ExpansionRatio => Step::Inflate,
            Self::Entries | Self::ExtendedHeaderBytes => Step::Tar,
        }
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UncompressedBytes => "bytes in the unpacked layer",
            Self::ExpansionRatio => "bytes unpacked per compressed byte (a decompression bomb)",
            Self::Entries => "entries in the layer",
            Self::ExtendedHeaderBytes => "bytes in a tar header",
        })
    }
}

/// Something odd in a layer, which was read nonetheless.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayerWarning {
    /// Bytes after the compressed data, which were ignored.
    #[error("data after the end of the {name} stream, from byte {compressed}", name = codec.name())]
    TrailingData {
        /// The compression.
        codec: Codec,
        /// Offset in the blob.
        compressed: u64,
    },
    /// Bytes after the archive's end, which no runtime extracts.
    #[error("data after the end of the archive, from byte {unpacked}; runtimes ignore it")]
    DataAfterEnd {
        /// Offset in the unpacked archive.
        unpacked: u64,
    },
    /// The archive stops without its two zero blocks; it may have been cut off.
    #[error("the archive has no end marker; it may have been cut off")]
    NoEndMarker,
    /// One zero block where two end an archive.
    #[error("a lone zero block at byte {unpacked}")]
    LoneZeroBlock {
        /// Offset in the unpacked archive.
        unpacked: u64,
    },
    /// A path or link target is longer than the limit; the entry was left out.
    #[error("an entry was left out: its path has {bytes} bytes, more than {limit} ({start:?}…)")]
    PathTooLong {
        /// How long it is.
        bytes: usize,
        /// The limit.
        limit: usize,
        /// How it begins.
        start: String,
    },
    /// A path with `..`, which was kept inside the image.
    #[error("an entry's path has \"..\" in it; it was read as {path:?}")]
    ParentComponent {
        /// What it was read as.
        path: LayerPath,
    },
    /// An entry without a path; it was left out.
    #[error("an entry without a path at byte {unpacked}")]
    EmptyPath {
        /// Offset in the unpacked archive.
        unpacked: u64,
    },
    /// An entry of a type that is not known; it was left out.
    #[error("{path:?} is of an unknown type ({})", char::from(*.type_flag).escape_default())]
    UnknownEntryType {
        /// The header's type flag.
        type_flag: u8,
        /// Where.
        path: LayerPath,
    },
    /// A sparse file's map is malformed; its content was not read.
    #[error("{path:?} is a sparse file with a malformed map; it was not read")]
    BadSparseMap {
        /// Where.
        path: LayerPath,
    },
    /// A sparse file is too large to be unrolled; its content was not read.
    #[error("{path:?} is a sparse file of {bytes} bytes, more than {limit}; it was not read")]
    SparseTooLarge {
        /// Where.
        path: LayerPath,
        /// Its logical size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
}

/// Warnings up to a limit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Warnings {
    kept: Vec<LayerWarning>,
    dropped: u64,
    limit: usize,
}

impl Warnings {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            kept: Vec::new(),
            dropped: 0,
            limit,
        }
    }

    pub(crate) fn push(&mut self, warning: LayerWarning) {
        if self.kept.len() < self.limit {
            self.kept.push(warning);
        } else {
            self.dropped += 1;
        }
    }
}

/// Reads one layer's blob.
pub struct LayerReader {
    expectation: LayerExpectation,
    digest: Hasher,
    fed: u64,
    decoder: Decoder,
    archive: Archive,
    error: Option<LayerError>,
}

/// What happens to unpacked bytes.
struct Archive {
    limits: Limits,
    /// `None` for a layer that is not compressed: its diff id is its digest.
    diff_id: Option<Hasher>,
    has_same_algorithm: bool,
    unpacked: u64,
    tar: TarReader,
    recorder: Recorder,
}

impl LayerReader {
    /// Starts a layer.
    pub fn new(expectation: LayerExpectation, limits: Limits) -> Self {
        let algorithm_of =
            |digest: Option<&Digest>| digest.map_or(Algorithm::Sha256, Digest::algorithm);
        let algorithms = (
            algorithm_of(expectation.digest.as_ref()),
            algorithm_of(expectation.diff_id.as_ref().map(|id| &id.0)),
        );
        let checks_crc = expectation.digest.is_none() && expectation.diff_id.is_none();
        Self {
            decoder: Decoder::new(limits.zstd_window_bytes, checks_crc),
            archive: Archive {
                tar: TarReader::new(limits.clone()),
                limits,
                diff_id: Some(Hasher::with_states(algorithms.1)),
                has_same_algorithm: algorithms.0 == algorithms.1,
                unpacked: 0,
                recorder: Recorder::default(),
            },
            digest: Hasher::with_states(algorithms.0),
            expectation,
            fed: 0,
            error: None,
        }
    }

    /// Takes the next bytes of the blob and hands entries to `sink`. Large chunks (64 KiB and more)
    /// are best; any size works and gives the same result.
    ///
    /// # Errors
    /// Once, when the layer cannot be read on. The rest of the blob may still be fed: it is then
    /// only hashed, so that [`LayerReader::finish`] can tell a damaged transfer from a layer that was
    /// broken when it was pushed.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut impl EntrySink) -> Result<(), LayerError> {
        self.digest.update(bytes);
        self.fed += bytes.len() as u64;
        if self.error.is_some() {
            return Ok(());
        }
        let mut out = Out {
            archive: &mut self.archive,
            sink,
        };
        let result = self.decoder.feed(bytes, &mut out);
        if let Err(error) = &result {
            self.error = Some(error.clone());
        }
        result
    }

    /// Bytes of tar that were unpacked so far.
    pub fn uncompressed_bytes(&self) -> u64 {
        self.archive.unpacked
    }

    /// The blob is over: checks that nothing is missing and that digests and size are as expected.
    pub fn finish(mut self, sink: &mut impl EntrySink) -> LayerOutcome {
        if self.error.is_none() {
            let mut out = Out {
                archive: &mut self.archive,
                sink,
            };
            let result = self
                .decoder
                .finish(&mut out)
                .and_then(|()| self.archive.tar.finish());
            // Some builders leave the marker out; it is missed where no digest vouches for the end.
            let is_vouched_for =
                self.expectation.digest.is_some() || self.expectation.diff_id.is_some();
            if result == Ok(false) && !is_vouched_for {
                let warnings = self.archive.tar.warnings_mut();
                warnings.push(LayerWarning::NoEndMarker);
            }
            self.error = result.err().map(|error| match error {
                LayerError::Truncated {
                    step,
                    unpacked,
                    path,
                    ..
                } => LayerError::Truncated {
                    step,
                    compressed: self.fed,
                    unpacked,
                    path,
                },
                other => other,
            });
        }
        let is_whole = self.error.is_none();
        let (digest, blob_states) = self.digest.finish_with_states();
        let (diff_id, states) = match self.archive.diff_id {
            Some(hasher) => hasher.finish_with_states(),
            None => (digest.clone(), blob_states),
        };
        let diff_id = is_whole.then_some(DiffId(diff_id));
        for warning in self.decoder.take_warnings() {
            self.archive.tar.warnings_mut().push(warning);
        }
        let warnings = std::mem::take(self.archive.tar.warnings_mut());
        let summary = LayerSummary {
            codec: self.decoder.codec(),
            digest,
            diff_id,
            compressed_bytes: self.fed,
            uncompressed_bytes: self.archive.unpacked,
            entries: self.archive.tar.entries(),
            warnings: warnings.kept,
            warnings_dropped: warnings.dropped,
        };
        let error = judge(&self.expectation, &summary, self.error);
        let places = match error {
            None => {
                let recorder = self.archive.recorder;
                let digest = summary.diff_id.as_ref().map(|id| id.0.clone());
                recorder.finish(summary.codec, summary.uncompressed_bytes, digest, states)
            }
            Some(_) => Places::default(),
        };
        LayerOutcome {
            error,
            summary,
            places,
        }
    }
}

/// The error that explains the others: a wrong size, then a wrong digest, then what came of it.
fn judge(
    expectation: &LayerExpectation,
    summary: &LayerSummary,
    broke: Option<LayerError>,
) -> Option<LayerError> {
    // After an error the caller may have stopped feeding: then size and digest say nothing.
    let is_limit = matches!(broke, Some(LayerError::Limit { .. }));
    let was_fed_whole = broke.is_none()
        || matches!(broke, Some(LayerError::Truncated { .. }))
        || expectation
            .size
            .is_some_and(|size| summary.compressed_bytes >= size);
    if !was_fed_whole || is_limit {
        return broke;
    }
    if let Some(expected) = expectation.size
        && expected != summary.compressed_bytes
    {
        return Some(LayerError::Size {
            expected,
            actual: summary.compressed_bytes,
            consequence: broke.map(Box::new),
        });
    }
    if let Some(expected) = &expectation.digest
        && *expected != summary.digest
    {
        return Some(LayerError::Digest {
            expected: expected.clone(),
            actual: summary.digest.clone(),
            consequence: broke.map(Box::new),
        });
    }
    if let (Some(expected), Some(actual)) = (&expectation.diff_id, &summary.diff_id)
        && expected != actual
    {
        return Some(LayerError::DiffId {
            expected: expected.clone(),
            actual: actual.clone(),
        });
    }
    broke
}

impl Limits {
    /// Refuses what unpacks to far more than any real archive.
    pub(crate) fn check_ratio(&self, compressed: u64, unpacked: u64) -> Result<(), LayerError> {
        let is_bomb = unpacked > self.ratio_applies_from
            && unpacked / self.expansion_ratio.max(1) > compressed;
        if is_bomb {
            return Err(LayerError::Limit {
                limit: LimitName::ExpansionRatio,
                allowed: self.expansion_ratio,
                unpacked,
            });
        }
        Ok(())
    }
}

struct Out<'a, S> {
    archive: &'a mut Archive,
    sink: &'a mut S,
}

impl<S: EntrySink> Unpacked for Out<'_, S> {
    fn piece(&mut self, bytes: &[u8], compressed: u64, codec: Codec) -> Result<(), LayerError> {
        let archive = &mut *self.archive;
        if codec == Codec::Tar && archive.has_same_algorithm {
            archive.diff_id = None;
        }
        let limits = &archive.limits;
        let left = limits.uncompressed_bytes.saturating_sub(archive.unpacked);
        let (bytes, is_over) = match usize::try_from(left)
            .ok()
            .and_then(|left| bytes.get(..left))
        {
            Some(part) if part.len() < bytes.len() => (part, true),
            _ => (bytes, false),
        };
        archive.unpacked += bytes.len() as u64;
        limits.check_ratio(compressed, archive.unpacked)?;
        if let Some(hasher) = &mut archive.diff_id {
            hasher.update(bytes);
        }
        let mut sink = places::Recording {
            sink: &mut *self.sink,
            recorder: &mut archive.recorder,
            header: 0,
        };
        if let Err(error) = archive.tar.feed(bytes, &mut sink) {
            // The same count whatever the chunks.
            archive.unpacked = archive.tar.position();
            return Err(error);
        }
        if is_over {
            return Err(LayerError::Limit {
                limit: LimitName::UncompressedBytes,
                allowed: archive.limits.uncompressed_bytes,
                unpacked: archive.unpacked,
            });
        }
        Ok(())
    }
}

fn within(path: &Option<LayerPath>) -> String {
    match path {
        Some(path) => format!(", within {path:?}"),
        None => String::new(),
    }
}
