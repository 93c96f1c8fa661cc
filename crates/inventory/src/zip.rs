//! Zip archives: Java's, and Python's eggs.
//!
//! <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT> (6.3.10), stored and deflated
//! entries. The central directory is what counts, as it is for Java: what lies before the archive (the
//! start script of a self-executing jar) is passed over, and local headers are believed for nothing but
//! their own length.
//!
//! An archive is hostile: entries may share one another's bytes, promise any size, and hold an archive
//! that holds itself. What one file may cost is therefore a [`Budget`], shared by the archives within
//! archives.

use std::{borrow::Cow, io::Read as _};

use flate2::bufread::DeflateDecoder;
use rawzip::{
    CompressionMethod, ErrorKind, ZipArchive, ZipArchiveEntryWayfinder, ZipSliceArchive,
    ZipSliceEntries,
};

use crate::limits::{
    MAX_ARCHIVE_ENTRIES, MAX_ARCHIVE_READ_BYTES, MAX_HELD_BYTES, MAX_ZIP_NAME_BYTES,
};

/// Why an archive, or an entry of one, cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ZipError {
    #[error("no end of a zip archive's central directory")]
    NoDirectory,
    #[error("the zip archive's central directory cannot be read to its end")]
    BrokenDirectory,
    #[error("the entry lies outside of the archive, or has no header")]
    NoEntry,
    #[error("the entry is encrypted")]
    Encrypted,
    #[error("the entry is compressed by method {0}, which is not read")]
    Method(u16),
    #[error("the compressed data is damaged")]
    Damaged,
    #[error("the entry has {found} bytes of the {promised} that it promises")]
    Short { found: u64, promised: u64 },
    #[error("the entry has {size} bytes or more; {limit} are read")]
    TooLarge { size: u64, limit: u64 },
}

/// What one file may still make us do, with all archives within it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    entries: u64,
    read: u64,
    held: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            entries: MAX_ARCHIVE_ENTRIES,
            read: MAX_ARCHIVE_READ_BYTES,
            held: MAX_HELD_BYTES,
        }
    }
}

impl Budget {
    #[cfg(test)]
    pub(crate) fn new(entries: u64, read: u64, held: u64) -> Self {
        Self {
            entries,
            read,
            held,
        }
    }

    /// Whether there is one entry more to look at. An answer of `false` is to be warned of.
    pub(crate) fn take_entry(&mut self) -> bool {
        let is_left = self.entries > 0;
        self.entries = self.entries.saturating_sub(1);
        is_left
    }

    /// Whether nothing more may be read. To be warned of.
    pub(crate) fn is_spent(&self) -> bool {
        self.read == 0
    }

    /// Bytes that are held as long as an inner archive is read.
    pub(crate) fn hold(&mut self, content: &Content<'_>) -> u64 {
        let bytes = match &content.bytes {
            Cow::Owned(bytes) => bytes.len() as u64,
            Cow::Borrowed(_) => 0,
        };
        self.held = self.held.saturating_sub(bytes);
        bytes
    }

    /// Gives back what [`Self::hold`] took.
    pub(crate) fn release(&mut self, bytes: u64) {
        self.held = self.held.saturating_add(bytes);
    }
}

/// An archive in memory.
pub(crate) struct Zip<'a> {
    archive: ZipSliceArchive<&'a [u8]>,
}

/// One entry of the central directory. Nothing it says is known to be true.
#[derive(Clone, Copy)]
pub(crate) struct ZipEntry<'z> {
    /// Its name, as written: a path with `/`, possibly absurd.
    pub(crate) name: &'z [u8],
    is_encrypted: bool,
    method: CompressionMethod,
    place: ZipArchiveEntryWayfinder,
}

/// An entry's bytes, as far as they are believable.
pub(crate) struct Content<'a> {
    /// All of them. Not copied where the archive stores them as they are.
    pub(crate) bytes: Cow<'a, [u8]>,
    /// They are not what the directory promises. Java reads them nevertheless, and so do we: a wrong
    /// checksum must not hide a package.
    pub(crate) is_doubtful: bool,
}

impl<'a> Zip<'a> {
    /// Finds the central directory.
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self, ZipError> {
        match ZipArchive::from_slice(bytes) {
            Ok(archive) => Ok(Self { archive }),
            Err(error) => Err(match error.kind() {
                ErrorKind::MissingEndOfCentralDirectory => ZipError::NoDirectory,
                _ => ZipError::BrokenDirectory,
            }),
        }
    }

    /// The files of the central directory, in its order. The first error is the end.
    pub(crate) fn entries(&self) -> Entries<'_> {
        Entries {
            entries: self.archive.entries(),
        }
    }

    /// Reads one entry of at most `limit` bytes.
    pub(crate) fn read(
        &self,
        entry: &ZipEntry<'_>,
        limit: u64,
        budget: &mut Budget,
    ) -> Result<Content<'_>, ZipError> {
        if entry.is_encrypted {
            return Err(ZipError::Encrypted);
        }
        let limit = limit.min(budget.read);
        let promised = entry.place.uncompressed_size_hint();
        if promised > limit {
            let size = promised;
            return Err(ZipError::TooLarge { size, limit });
        }
        let found = self.archive.get_entry(entry.place);
        let found = found.map_err(|_| ZipError::NoEntry)?;
        let data = found.data();
        let expected = found.claim_verifier();
        budget.read = budget.read.saturating_sub(data.len() as u64);
        let bytes = match entry.method {
            CompressionMethod::STORE => Cow::Borrowed(data),
            CompressionMethod::DEFLATE => {
                let bytes = inflate(data, promised, limit.min(budget.held))?;
                budget.read = budget.read.saturating_sub(bytes.len() as u64);
                Cow::Owned(bytes)
            }
            method => return Err(ZipError::Method(method.as_u16())),
        };
        let found = bytes.len() as u64;
        if found > limit {
            return Err(ZipError::TooLarge { size: found, limit });
        }
        // Text that breaks off may end in half of a version.
        if found < promised {
            return Err(ZipError::Short { found, promised });
        }
        let found = rawzip::ZipVerification {
            crc: rawzip::crc32(&bytes),
            uncompressed_size: found,
        };
        let is_doubtful = expected.valid(found).is_err();
        Ok(Content { bytes, is_doubtful })
    }
}

/// Inflates at most `limit` bytes.
fn inflate(data: &[u8], promised: u64, limit: u64) -> Result<Vec<u8>, ZipError> {
    // The size is a promise: room is made for what such data mostly gives, not for all it could.
    let likely = (data.len() as u64).saturating_mul(8).min(promised);
    let room = usize::try_from(likely.min(limit)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(room);
    let mut inflated = DeflateDecoder::new(data).take(limit.saturating_add(1));
    let result = inflated.read_to_end(&mut bytes);
    if bytes.len() as u64 > limit {
        let size = promised.max(bytes.len() as u64);
        return Err(ZipError::TooLarge { size, limit });
    }
    result.map_err(|_| ZipError::Damaged)?;
    Ok(bytes)
}

/// The files of a central directory.
pub(crate) struct Entries<'z> {
    entries: ZipSliceEntries<'z>,
}

impl<'z> Iterator for Entries<'z> {
    type Item = Result<ZipEntry<'z>, ZipError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let record = match self.entries.next_entry() {
                Ok(record) => record?,
                Err(_) => return Some(Err(ZipError::BrokenDirectory)),
            };
            let name = record.file_path().as_bytes();
            // Nothing that we look for has such a name.
            if record.is_dir() || name.is_empty() || name.len() > MAX_ZIP_NAME_BYTES {
                continue;
            }
            let flags = record.flags();
            return Some(Ok(ZipEntry {
                name,
                is_encrypted: flags.is_encrypted() || flags.has_strong_encryption(),
                method: record.compression_method(),
                place: record.wayfinder(),
            }));
        }
    }
}
