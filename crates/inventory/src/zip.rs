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
    #[error("too much was read of the archive and those within it")]
    Spent,
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

    /// Takes the cost of a read; where it is too much, nothing more can be read.
    fn take_read(&mut self, bytes: usize) -> Result<(), ZipError> {
        let left = self.read.checked_sub(bytes as u64);
        self.read = left.unwrap_or_default();
        left.map(|_| ()).ok_or(ZipError::Spent)
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

impl Content<'_> {
    /// Keeps the bytes longer than the archive.
    pub(crate) fn into_owned(self) -> Content<'static> {
        Content {
            bytes: Cow::Owned(self.bytes.into_owned()),
            is_doubtful: self.is_doubtful,
        }
    }
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
        let promised = entry.place.uncompressed_size_hint();
        if promised > limit {
            let size = promised;
            return Err(ZipError::TooLarge { size, limit });
        }
        let found = self.archive.get_entry(entry.place);
        let found = found.map_err(|_| ZipError::NoEntry)?;
        let data = found.data();
        let expected = found.claim_verifier();
        budget.take_read(data.len())?;
        let bytes = match entry.method {
            CompressionMethod::STORE => Cow::Borrowed(data),
            CompressionMethod::DEFLATE => {
                let room = limit.min(budget.held);
                let (bytes, outcome) = inflate(data, promised, room.min(budget.read));
                // What was inflated in vain counts too: a bomb may be told of a million times.
                budget.take_read(bytes.len())?;
                outcome?;
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

/// Inflates at most `limit` bytes, and one more by which it is seen that there are more.
fn inflate(data: &[u8], promised: u64, limit: u64) -> (Vec<u8>, Result<(), ZipError>) {
    // The size is a promise: room is made for what such data mostly gives, not for all it could.
    let likely = (data.len() as u64).saturating_mul(8).min(promised);
    let room = usize::try_from(likely.min(limit)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(room);
    let mut inflated = DeflateDecoder::new(data).take(limit.saturating_add(1));
    let result = inflated.read_to_end(&mut bytes);
    let found = bytes.len() as u64;
    let outcome = if found > limit {
        let size = promised.max(found);
        Err(ZipError::TooLarge { size, limit })
    } else {
        result.map(|_| ()).map_err(|_| ZipError::Damaged)
    };
    (bytes, outcome)
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

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "archives that are built in tests are small"
)]
pub(crate) mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::DeflateEncoder};

    use super::*;

    /// Builds a zip archive, honest or not.
    #[derive(Default)]
    pub(crate) struct ZipBuilder {
        bytes: Vec<u8>,
        directory: Vec<u8>,
        entries: u16,
        /// Added to every offset that the archive states: bytes that lie before it.
        shift: u32,
    }

    /// An entry, and what it says of itself.
    struct Claims {
        name: Vec<u8>,
        flags: u16,
        method: u16,
        crc: u32,
        size: u32,
    }

    fn deflate(content: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    impl ZipBuilder {
        pub(crate) fn deflated(self, name: &str, content: impl AsRef<[u8]>) -> Self {
            let content = content.as_ref();
            let claims = Claims::of(name, 8, content);
            self.entry(&claims, &deflate(content))
        }

        pub(crate) fn stored(self, name: &str, content: impl AsRef<[u8]>) -> Self {
            let content = content.as_ref();
            self.entry(&Claims::of(name, 0, content), content)
        }

        fn entry(mut self, claims: &Claims, data: &[u8]) -> Self {
            let offset = self.bytes.len() as u32 + self.shift;
            let mut common = Vec::new();
            common.extend(20_u16.to_le_bytes());
            common.extend(claims.flags.to_le_bytes());
            common.extend(claims.method.to_le_bytes());
            common.extend([0; 4]);
            common.extend(claims.crc.to_le_bytes());
            common.extend((data.len() as u32).to_le_bytes());
            common.extend(claims.size.to_le_bytes());
            common.extend((claims.name.len() as u16).to_le_bytes());
            common.extend(0_u16.to_le_bytes());
            self.bytes.extend(b"PK\x03\x04");
            self.bytes.extend(&common);
            self.bytes.extend(&claims.name);
            self.bytes.extend(data);
            self.directory.extend(b"PK\x01\x02\x14\0");
            self.directory.extend(&common);
            self.directory.extend([0; 10]);
            self.directory.extend(offset.to_le_bytes());
            self.directory.extend(&claims.name);
            self.entries = self.entries.wrapping_add(1);
            self
        }

        /// The last entry once more, under the same offset: a bomb's trick.
        pub(crate) fn again(mut self, times: u16) -> Self {
            let start = memchr::memmem::rfind(&self.directory, b"PK\x01\x02").unwrap();
            let record = self.directory[start..].to_vec();
            for _ in 0..times {
                self.directory.extend(&record);
            }
            self.entries += times;
            self
        }

        pub(crate) fn finish(mut self) -> Vec<u8> {
            let offset = self.bytes.len() as u32 + self.shift;
            self.bytes.extend(&self.directory);
            self.bytes.extend(b"PK\x05\x06\0\0\0\0");
            self.bytes.extend(self.entries.to_le_bytes());
            self.bytes.extend(self.entries.to_le_bytes());
            self.bytes
                .extend((self.directory.len() as u32).to_le_bytes());
            self.bytes.extend(offset.to_le_bytes());
            self.bytes.extend([0; 2]);
            self.bytes
        }
    }

    impl Claims {
        fn of(name: &str, method: u16, content: &[u8]) -> Self {
            Self {
                name: name.as_bytes().to_vec(),
                flags: 0,
                method,
                crc: rawzip::crc32(content),
                size: content.len() as u32,
            }
        }
    }

    /// Name, content, and whether that is doubtful; or the error.
    type Found = (String, Result<(String, bool), ZipError>);

    fn read_all(bytes: &[u8], limit: u64, budget: &mut Budget) -> Result<Vec<Found>, ZipError> {
        let zip = Zip::open(bytes)?;
        let entries = zip.entries().map(|entry| {
            let entry = entry?;
            let content = zip.read(&entry, limit, budget).map(|content| {
                let text = String::from_utf8_lossy(&content.bytes).into_owned();
                (text, content.is_doubtful)
            });
            Ok((String::from_utf8_lossy(entry.name).into_owned(), content))
        });
        entries.collect()
    }

    type Expected<'a> = (&'a str, Result<(&'a str, bool), ZipError>);

    fn check(bytes: &[u8], expect: &[Expected<'_>]) {
        let found = read_all(bytes, 100, &mut Budget::default()).unwrap();
        let owned = expect.iter().map(|(name, content)| {
            let content = content.clone();
            (
                (*name).to_owned(),
                content.map(|(text, is_doubtful)| (text.to_owned(), is_doubtful)),
            )
        });
        assert_eq!(found, owned.collect::<Vec<Found>>());
    }

    fn two() -> ZipBuilder {
        ZipBuilder::default()
            .stored("a", "AA")
            .deflated("b/c", "BBBB")
    }

    #[test]
    fn stored_and_deflated_entries_are_read() {
        let expect = [("a", Ok(("AA", false))), ("b/c", Ok(("BBBB", false)))];
        check(&two().stored("d/", "").finish(), &expect);
        // Something before the archive: offsets that count it, and such that do not.
        let script = b"#!/bin/sh\nexit 0\n";
        check(&[script, two().finish().as_slice()].concat(), &expect);
        let shifted = ZipBuilder {
            shift: script.len() as u32,
            ..ZipBuilder::default()
        };
        let shifted = shifted.stored("a", "AA").deflated("b/c", "BBBB").finish();
        check(&[script, shifted.as_slice()].concat(), &expect);
        // Something after it.
        check(&[two().finish().as_slice(), b"\n\n"].concat(), &expect);
    }

    #[test]
    fn zip64_archives_are_read() {
        let mut bytes = Vec::new();
        let mut writer = rawzip::ZipArchiveWriter::new(&mut bytes);
        // More entries than the old format counts.
        for number in 0..70_000 {
            let name = format!("{number}");
            let (entry, config) = writer.new_file(&name).start().unwrap();
            let writer = config.wrap(entry);
            let (entry, output) = writer.finish().unwrap();
            entry.finish(output).unwrap();
        }
        writer.finish().unwrap();
        let zip = Zip::open(&bytes).unwrap();
        assert_eq!(zip.entries().filter(Result::is_ok).count(), 70_000);
    }

    #[test]
    fn what_an_entry_says_of_itself_is_not_believed() {
        let check =
            |change: fn(&mut Claims), data: &[u8], expect: Result<(&str, bool), ZipError>| {
                let mut claims = Claims::of("x", 0, b"data");
                change(&mut claims);
                let bytes = ZipBuilder::default().entry(&claims, data).finish();
                check(&bytes, &[("x", expect)]);
            };
        check(|_| (), b"data", Ok(("data", false)));
        check(|claims| claims.crc = 1, b"data", Ok(("data", true)));
        check(|claims| claims.size = 3, b"data", Ok(("data", true)));
        let short = ZipError::Short {
            found: 4,
            promised: 5,
        };
        check(|claims| claims.size = 5, b"data", Err(short.clone()));
        check(|claims| claims.flags = 1, b"data", Err(ZipError::Encrypted));
        check(
            |claims| claims.method = 93,
            b"data",
            Err(ZipError::Method(93)),
        );
        check(
            |claims| claims.method = 8,
            b"\xff\xff\xff",
            Err(ZipError::Damaged),
        );
        let too_large = |size| ZipError::TooLarge { size, limit: 100 };
        check(|claims| claims.size = 101, b"data", Err(too_large(101)));
        let deflated = deflate(b"data");
        check(|claims| claims.method = 8, &deflated, Ok(("data", false)));
        // The stream breaks off.
        let promise_more = |claims: &mut Claims| {
            claims.method = 8;
            claims.size = 5;
        };
        check(promise_more, &deflated, Err(short));
        // A bomb that says it is small.
        let bomb = deflate(&[0; 1 << 20]);
        check(|claims| claims.method = 8, &bomb, Err(too_large(101)));
    }

    #[test]
    fn broken_archives_are_errors() {
        let check = |bytes: &[u8], expect: ZipError| {
            assert_eq!(read_all(bytes, 100, &mut Budget::default()), Err(expect));
        };
        let whole = two().finish();
        check(b"", ZipError::NoDirectory);
        check(b"PK\x03\x04 and nothing more", ZipError::NoDirectory);
        check(&whole[..whole.len() - 23], ZipError::NoDirectory);
        let mut bytes = whole.clone();
        let directory = memchr::memmem::find(&bytes, b"PK\x01\x02").unwrap();
        bytes[directory + 2] = 9;
        check(&bytes, ZipError::BrokenDirectory);
        // An offset beyond the end.
        let far = ZipBuilder {
            shift: 1 << 30,
            ..ZipBuilder::default()
        };
        let far = far.stored("a", "AA").finish();
        assert!(read_all(&far, 100, &mut Budget::default()).is_err());
        // A local header that is none.
        let mut bytes = whole;
        bytes[0] = b'x';
        let found = read_all(&bytes, 100, &mut Budget::default()).unwrap();
        assert_eq!(found[0].1, Err(ZipError::NoEntry));
    }

    #[test]
    fn absurd_names_are_passed_over() {
        let long = "x".repeat(MAX_ZIP_NAME_BYTES + 1);
        let bytes = ZipBuilder::default()
            .stored(&long, "1")
            .stored("", "2")
            .stored("../\0", "3")
            .finish();
        check(&bytes, &[("../\0", Ok(("3", false)))]);
    }

    #[test]
    fn a_bomb_that_is_told_of_often_is_paid_for() {
        let claims = Claims {
            method: 8,
            ..Claims::of("x", 0, b"")
        };
        let bomb = deflate(&[0; 1 << 20]);
        let bytes = ZipBuilder::default()
            .entry(&claims, &bomb)
            .again(9)
            .finish();
        let mut budget = Budget::new(10, 5_000, 1 << 20);
        let found = read_all(&bytes, 100, &mut budget).unwrap();
        let outcomes: Vec<bool> = found
            .into_iter()
            .map(|(_, content)| content.is_err_and(|error| error == ZipError::Spent))
            .collect();
        assert_eq!(
            outcomes.iter().filter(|is_spent| !**is_spent).count(),
            4,
            "{outcomes:?}"
        );
    }

    #[test]
    fn a_budget_is_spent() {
        let bytes = two().again(9).finish();
        // 4 and 6 bytes compressed, 2 and 4 of content.
        let mut budget = Budget::new(3, 30, 1 << 20);
        let found = read_all(&bytes, 100, &mut budget).unwrap();
        assert!(
            found.iter().filter(|(_, content)| content.is_ok()).count() < 5,
            "{found:?}"
        );
        assert!(
            !found.iter().all(|(_, content)| content.is_err()),
            "{found:?}"
        );
        assert_eq!(
            [(); 4].map(|()| budget.take_entry()),
            [true, true, true, false]
        );
        // An inner archive takes what it needs to be held, and gives it back.
        let mut budget = Budget::new(1, 100, 5);
        let zip = Zip::open(&bytes).unwrap();
        let entry = zip.entries().nth(1).unwrap().unwrap();
        let content = zip.read(&entry, 100, &mut budget).unwrap();
        let held = budget.hold(&content);
        assert_eq!(held, 4);
        assert!(zip.read(&entry, 100, &mut budget).is_err());
        budget.release(held);
        assert!(zip.read(&entry, 100, &mut budget).is_ok());
    }
}
