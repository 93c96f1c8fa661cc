//! The header of a package: what rpm knows of it, as tags and their values.
//!
//! Format: <https://rpm-software-management.github.io/rpm/manual/format_header.html>; the tags:
//! <https://rpm-software-management.github.io/rpm/manual/tags.html>. In a database it lacks the magic
//! and the padding that it has in a package file: two lengths, the index of tags, the store of values,
//! all numbers big-endian whatever the machine.

use memchr::memchr;

use crate::{limits::MAX_OWNED_PATH_BYTES, path_list::PathListBuilder};

/// What a header is read for. All values are as they lie in the store.
///
/// Texts are only looked through when they are asked for: an index of a million tags may lead each time
/// to one that has no end.
#[derive(Debug, Default)]
pub(super) struct Header<'a> {
    pub(super) name: Texts<'a>,
    pub(super) epoch: Option<u32>,
    pub(super) version: Texts<'a>,
    pub(super) release: Texts<'a>,
    pub(super) architecture: Texts<'a>,
    pub(super) vendor: Texts<'a>,
    pub(super) licence: Texts<'a>,
    pub(super) source: Texts<'a>,
    pub(super) modularity_label: Texts<'a>,
    /// Whether the store is shorter than it says: the last values are missing.
    pub(super) breaks_off: bool,
    base_names: Texts<'a>,
    directories: Texts<'a>,
    /// For each base name the number of its directory.
    directory_of: &'a [u8],
    /// Whole paths, as rpm wrote them before 4.0.
    old_paths: Texts<'a>,
}

/// Why bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeaderError {
    /// The index is longer than the bytes.
    #[error("the header breaks off within its index of {tags} tags")]
    Index {
        /// How many tags it should have.
        tags: u32,
    },
    /// There are not even the lengths.
    #[error("the header has {bytes} bytes")]
    Empty {
        /// How many there are.
        bytes: usize,
    },
}

impl<'a> Header<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let empty = HeaderError::Empty { bytes: bytes.len() };
        let tags = number(bytes, 0).ok_or(empty)?;
        let store_bytes = number(bytes, 4).ok_or(empty)?;
        let error = HeaderError::Index { tags };
        let index_bytes = usize::try_from(tags).ok();
        let index_bytes = index_bytes.and_then(|tags| tags.checked_mul(ENTRY_BYTES));
        let rest = bytes.get(8..).unwrap_or_default();
        let (index, rest) = index_bytes
            .and_then(|length| rest.split_at_checked(length))
            .ok_or(error)?;
        let store_bytes = usize::try_from(store_bytes).unwrap_or(usize::MAX);
        let mut header = Self {
            breaks_off: rest.len() < store_bytes,
            ..Self::default()
        };
        let store = rest.get(..store_bytes).unwrap_or(rest);
        for entry in index.chunks_exact(ENTRY_BYTES) {
            let value = Value::of(entry, store);
            // A tag may come again behind those that were signed: the later one is in force.
            if let Some((tag, value)) = value {
                header.set(tag, value);
            }
        }
        Ok(header)
    }

    fn set(&mut self, tag: u32, value: Value<'a>) {
        match tag {
            1000 => self.name = value.texts(),
            1001 => self.version = value.texts(),
            1002 => self.release = value.texts(),
            1003 => self.epoch = value.numbers().and_then(|numbers| number(numbers, 0)),
            1011 => self.vendor = value.texts(),
            1014 => self.licence = value.texts(),
            1022 => self.architecture = value.texts(),
            1027 => self.old_paths = value.texts(),
            1044 => self.source = value.texts(),
            1116 => self.directory_of = value.numbers().unwrap_or_default(),
            1117 => self.base_names = value.texts(),
            1118 => self.directories = value.texts(),
            5096 => self.modularity_label = value.texts(),
            _ => {}
        }
    }

    /// Adds the files to a list, until there are more than `files` of them or it takes more than
    /// `bytes` of memory.
    pub(super) fn add_files(
        &self,
        list: &mut PathListBuilder,
        files: usize,
        bytes: usize,
    ) -> Added {
        let mut added = Added::default();
        let is_full =
            |added: &Added, list: &PathListBuilder| added.files > files || list.bytes() > bytes;
        // There are no more directories than files: no more are needed.
        let directories: Vec<&[u8]> = self.directories.iter().take(files).collect();
        let mut path = Vec::new();
        let mut numbers = self.directory_of.chunks_exact(4);
        for name in self.base_names.iter() {
            added.files += 1;
            if is_full(&added, list) {
                return added;
            }
            let number = numbers.next().and_then(|bytes| number(bytes, 0));
            let number = number.and_then(|number| usize::try_from(number).ok());
            let directory = number.and_then(|number| directories.get(number));
            let Some(directory) = directory.map(|directory| without_root(directory)) else {
                added.lost += 1;
                continue;
            };
            // Checked before they are joined: each may be as long as the header.
            if directory.len().saturating_add(name.len()) > MAX_OWNED_PATH_BYTES {
                added.lost += 1;
                continue;
            }
            path.clear();
            path.extend_from_slice(directory);
            path.extend_from_slice(name);
            list.push(&path);
        }
        for path in self.old_paths.iter() {
            added.files += 1;
            if is_full(&added, list) {
                return added;
            }
            if !list.push(without_root(path)) {
                added.lost += 1;
            }
        }
        added
    }
}

/// What was added to a file list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Added {
    /// Files that were looked at; one more than was allowed if there are more.
    pub(super) files: usize,
    /// How many of these have no directory, or too long a path.
    pub(super) lost: usize,
}

fn without_root(path: &[u8]) -> &[u8] {
    path.strip_prefix(b"/").unwrap_or(path)
}

/// Bytes of a tag in the index: tag, type, offset, count.
const ENTRY_BYTES: usize = 16;

/// The types of value that are read.
const INT32: u32 = 4;
const STRING: u32 = 6;
const STRING_ARRAY: u32 = 8;
/// In several languages, the first of which is none.
const I18N_STRING: u32 = 9;

/// A value of a tag.
struct Value<'a> {
    kind: u32,
    count: usize,
    /// The store from its first byte on.
    bytes: &'a [u8],
}

impl<'a> Value<'a> {
    fn of(entry: &[u8], store: &'a [u8]) -> Option<(u32, Self)> {
        let offset = usize::try_from(number(entry, 8)?).ok()?;
        let value = Self {
            kind: number(entry, 4)?,
            count: usize::try_from(number(entry, 12)?).ok()?,
            bytes: store.get(offset..)?,
        };
        Some((number(entry, 0)?, value))
    }

    fn texts(&self) -> Texts<'a> {
        match self.kind {
            STRING | STRING_ARRAY | I18N_STRING => Texts {
                count: self.count,
                bytes: self.bytes,
            },
            _ => Texts::default(),
        }
    }

    fn numbers(&self) -> Option<&'a [u8]> {
        if self.kind != INT32 {
            return None;
        }
        let length = self.count.checked_mul(4)?;
        Some(self.bytes.get(..length).unwrap_or(self.bytes))
    }
}

/// Texts, one after the other, each ended by a zero byte.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Texts<'a> {
    count: usize,
    bytes: &'a [u8],
}

impl<'a> Texts<'a> {
    pub(super) fn first(self) -> Option<&'a [u8]> {
        self.iter().next()
    }

    fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.bytes;
        let next = move || {
            // What is not ended is cut short: better none than half a name.
            let end = memchr(0, rest)?;
            let text = rest.get(..end)?;
            rest = rest.get(end + 1..)?;
            Some(text)
        };
        std::iter::from_fn(next).take(self.count)
    }
}

/// A big-endian number.
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*bytes))
}
