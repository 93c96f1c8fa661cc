//! Tar archives, pushed: pieces in, entries out.
//!
//! Reads v7, ustar, star, GNU (long names, base-256 numbers, sparse) and PAX (POSIX.1-2001, with
//! GNU's sparse formats 0.0, 0.1 and 1.0). Where readers differ, Go's `archive/tar` is followed: it is
//! what Docker, containerd, Podman and Kubernetes unpack images with, so that a scan sees what a
//! container gets. Hence global PAX headers are skipped, and an archive ends at its two zero blocks,
//! whatever follows (which is hashed, and warned of).

use super::{
    Claim, Entry, EntryKind, EntrySink, LayerError, LayerWarning, LimitName, Step, TarProblem,
    Warnings,
    whiteout::{self, Marker},
};
use crate::{limits::Limits, path::LayerPath};

const BLOCK: usize = 512;
const ZEROS: [u8; 4096] = [0; 4096];

/// Reads one archive.
pub(crate) struct TarReader {
    limits: Limits,
    warnings: Warnings,
    state: State,
    /// Where the bytes that are read next lie in the archive.
    position: u64,
    /// Where the current header began.
    header_at: u64,
    /// Where the first extended header of the next entry began.
    extended_at: Option<u64>,
    block: Vec<u8>,
    entries: u64,
    /// What the extended headers before an entry said.
    extended: Extended,
    extended_bytes: Vec<u8>,
    entry: Entry,
    sparse: Sparse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Header,
    /// The content of an extended header.
    Extended {
        kind: ExtendedKind,
        left: u64,
        padding: u64,
    },
    /// Content that nobody wants, and the padding after it, which `left` includes.
    Skip {
        left: u64,
        padding: u64,
    },
    /// Content of a claimed file.
    Content {
        left: u64,
        padding: u64,
    },
    /// Headers that continue an old GNU sparse map; then `left` bytes of data.
    SparseHeaders {
        left: u64,
        padding: u64,
    },
    /// A PAX 1.0 sparse map at the start of the data.
    SparseMap {
        left: u64,
        padding: u64,
    },
    /// Data of a claimed sparse file.
    SparseContent {
        left: u64,
        padding: u64,
    },
    /// One block of zeros: another one ends the archive.
    OneZeroBlock,
    /// After the end; whether something else than zeros was seen.
    Ended {
        has_warned: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExtendedKind {
    Pax,
    LongName,
    LongLink,
}

/// What extended headers override.
#[derive(Default)]
struct Extended {
    is_set: bool,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    modified: Option<i64>,
    sparse_major: Option<u64>,
    sparse_size: Option<u64>,
    sparse_name: Option<Vec<u8>>,
    sparse_offset: Option<u64>,
    sparse_map: Vec<(u64, u64)>,
    is_sparse: bool,
}

/// The map of a claimed sparse file, and how far it was unrolled.
#[derive(Default)]
struct Sparse {
    segments: Vec<(u64, u64)>,
    next: usize,
    logical: u64,
    size: u64,
    is_broken: bool,
}

/// A header's fields, before extended headers are laid over it.
struct Header<'a> {
    block: &'a [u8],
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    V7,
    Ustar,
    Star,
    Gnu,
}

impl TarReader {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            warnings: Warnings::new(limits.warnings),
            limits,
            state: State::Header,
            position: 0,
            header_at: 0,
            extended_at: None,
            block: Vec::with_capacity(BLOCK),
            entries: 0,
            extended: Extended::default(),
            extended_bytes: Vec::new(),
            entry: Entry {
                path: LayerPath::default(),
                kind: EntryKind::File,
                size: 0,
                mode: 0,
                uid: 0,
                gid: 0,
                modified: 0,
            },
            sparse: Sparse::default(),
        }
    }

    /// Bytes read so far.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Entries handed on so far.
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    pub(crate) fn warnings_mut(&mut self) -> &mut Warnings {
        &mut self.warnings
    }

    pub(crate) fn feed(
        &mut self,
        mut bytes: &[u8],
        sink: &mut impl EntrySink,
    ) -> Result<(), LayerError> {
        while !bytes.is_empty() {
            bytes = match self.state {
                State::Skip { left, padding } => {
                    let (taken, rest) = self.split(bytes, left);
                    self.state = match left - taken.len() as u64 {
                        0 => State::Header,
                        left => State::Skip { left, padding },
                    };
                    rest
                }
                State::Content { left, padding } => {
                    let (taken, rest) = self.split(bytes, left);
                    sink.data(taken);
                    self.state = match left - taken.len() as u64 {
                        0 => {
                            sink.end();
                            after(padding)
                        }
                        left => State::Content { left, padding },
                    };
                    rest
                }
                State::SparseContent { left, padding } => {
                    let (taken, rest) = self.split(bytes, left);
                    self.sparse.unroll(taken, sink);
                    self.state = match left - taken.len() as u64 {
                        0 => {
                            self.sparse.finish(sink);
                            after(padding)
                        }
                        left => State::SparseContent { left, padding },
                    };
                    rest
                }
                State::Extended {
                    kind,
                    left,
                    padding,
                } => {
                    let (taken, rest) = self.split(bytes, left);
                    self.extended_bytes.extend_from_slice(taken);
                    self.state = match left - taken.len() as u64 {
                        0 => {
                            self.end_extended(kind)?;
                            after(padding)
                        }
                        left => State::Extended {
                            kind,
                            left,
                            padding,
                        },
                    };
                    rest
                }
                State::Ended { has_warned } => {
                    if !has_warned && let Some(at) = bytes.iter().position(|byte| *byte != 0) {
                        self.warnings.push(LayerWarning::DataAfterEnd {
                            unpacked: self.position + at as u64,
                        });
                        self.state = State::Ended { has_warned: true };
                    }
                    self.position += bytes.len() as u64;
                    &[]
                }
                State::Header
                | State::OneZeroBlock
                | State::SparseHeaders { .. }
                | State::SparseMap { .. } => {
                    // A block that is here whole is read where it lies.
                    if self.block.is_empty()
                        && let Some((block, rest)) = bytes.split_first_chunk::<BLOCK>()
                    {
                        self.position += BLOCK as u64;
                        self.block(block, sink)?;
                        rest
                    } else {
                        let missing = (BLOCK - self.block.len()) as u64;
                        let (taken, rest) = self.split(bytes, missing);
                        self.block.extend_from_slice(taken);
                        if self.block.len() == BLOCK {
                            let mut block = std::mem::take(&mut self.block);
                            self.block(&block, sink)?;
                            block.clear();
                            self.block = block;
                        }
                        rest
                    }
                }
            };
        }
        Ok(())
    }

    /// The archive's bytes are over. Answers whether it had its end marker.
    pub(crate) fn finish(&mut self) -> Result<bool, LayerError> {
        let is_at_boundary = match self.state {
            State::Header => self.block.is_empty() && !self.extended.is_set,
            State::OneZeroBlock | State::Ended { .. } => true,
            // What fills the last block may be missing: the content itself is there.
            State::Skip { left, padding } => left <= padding,
            _ => false,
        };
        if self.position < BLOCK as u64 && !is_at_boundary {
            return Err(self.problem(not_tar(&self.block)));
        }
        if !is_at_boundary {
            return Err(LayerError::Truncated {
                step: Step::Tar,
                compressed: 0,
                unpacked: self.position,
                path: (self.entries > 0 && !matches!(self.state, State::Header))
                    .then(|| self.entry.path.clone()),
            });
        }
        Ok(self.position == 0 || matches!(self.state, State::Ended { .. }))
    }

    fn split<'a>(&mut self, bytes: &'a [u8], wanted: u64) -> (&'a [u8], &'a [u8]) {
        let count = usize::try_from(wanted).map_or(bytes.len(), |wanted| wanted.min(bytes.len()));
        self.position += count as u64;
        bytes.split_at(count)
    }

    fn block(&mut self, block: &[u8], sink: &mut impl EntrySink) -> Result<(), LayerError> {
        match self.state {
            State::SparseHeaders { left, padding } => {
                self.sparse_header(block, left, padding, sink)
            }
            State::SparseMap { left, padding } => self.sparse_map(block, left, padding, sink),
            _ => self.header(block, sink),
        }
    }

    fn header(&mut self, block: &[u8], sink: &mut impl EntrySink) -> Result<(), LayerError> {
        self.header_at = self.position - BLOCK as u64;
        let is_zero = block.iter().all(|byte| *byte == 0);
        match (is_zero, self.state) {
            (true, State::OneZeroBlock) => {
                self.state = State::Ended { has_warned: false };
                return Ok(());
            }
            (true, _) => {
                self.state = State::OneZeroBlock;
                return Ok(());
            }
            (false, State::OneZeroBlock) => self.warnings.push(LayerWarning::LoneZeroBlock {
                unpacked: self.header_at,
            }),
            (false, _) => {}
        }
        self.state = State::Header;
        let Some(header) = Header::read(block) else {
            let problem = if self.header_at == 0 {
                not_tar(block)
            } else {
                TarProblem::Checksum
            };
            return Err(self.problem(problem));
        };
        let size = match number(header.field(124, 12)) {
            Some(size) => size,
            None => return Err(self.problem(TarProblem::Size)),
        };
        match header.kind() {
            b'x' | b'X' => self.begin_extended(ExtendedKind::Pax, size),
            b'L' => self.begin_extended(ExtendedKind::LongName, size),
            b'K' => self.begin_extended(ExtendedKind::LongLink, size),
            // Global headers: Go's reader, and so every runtime, lets them be.
            b'g' => {
                self.state = skip(size, padding_of(size));
                Ok(())
            }
            kind => self.entry(&header, kind, size, sink),
        }
    }

    fn begin_extended(&mut self, kind: ExtendedKind, size: u64) -> Result<(), LayerError> {
        if size > self.limits.extended_header_bytes {
            return Err(LayerError::Limit {
                limit: LimitName::ExtendedHeaderBytes,
                allowed: self.limits.extended_header_bytes,
                unpacked: self.header_at,
            });
        }
        self.extended.is_set = true;
        self.extended_at.get_or_insert(self.header_at);
        self.extended_bytes.clear();
        self.state = State::Extended {
            kind,
            left: size,
            padding: padding_of(size),
        };
        if size == 0 {
            self.end_extended(kind)?;
            self.state = State::Header;
        }
        Ok(())
    }

    fn end_extended(&mut self, kind: ExtendedKind) -> Result<(), LayerError> {
        let bytes = std::mem::take(&mut self.extended_bytes);
        match kind {
            ExtendedKind::LongName => self.extended.long_name = Some(until_nul(&bytes).to_vec()),
            ExtendedKind::LongLink => self.extended.long_link = Some(until_nul(&bytes).to_vec()),
            ExtendedKind::Pax => {
                if !self.extended.read(&bytes, self.limits.sparse_segments) {
                    return Err(self.problem(TarProblem::ExtendedHeader));
                }
            }
        }
        self.extended_bytes = bytes;
        self.extended_bytes.clear();
        Ok(())
    }

    fn entry(
        &mut self,
        header: &Header<'_>,
        kind: u8,
        header_size: u64,
        sink: &mut impl EntrySink,
    ) -> Result<(), LayerError> {
        let start = self.extended_at.take().unwrap_or(self.header_at);
        let extended = if self.extended.is_set {
            std::mem::take(&mut self.extended)
        } else {
            Extended::default()
        };
        // Links, directories and devices have no content, whatever their size says (as in Go).
        let has_content = !matches!(kind, b'1' | b'2' | b'3' | b'4' | b'5' | b'6');
        let size = if has_content {
            extended.size.unwrap_or(header_size)
        } else {
            0
        };
        let padding = padding_of(size);
        if size
            .checked_add(padding)
            .is_none_or(|size| size > i64::MAX as u64)
        {
            return Err(self.problem(TarProblem::Size));
        }
        self.state = skip(size, padding);

        let mut joined = Vec::new();
        let raw_path: &[u8] = match (&extended.long_name, &extended.sparse_name, &extended.path) {
            (Some(name), _, _) | (None, Some(name), _) | (None, None, Some(name)) => name,
            (None, None, None) => header.path(&mut joined),
        };
        let raw_link: &[u8] = match (&extended.long_link, &extended.link) {
            (Some(link), _) | (None, Some(link)) => link,
            (None, None) => until_nul(header.field(157, 100)),
        };
        if raw_path.len() > self.limits.path_bytes || raw_link.len() > self.limits.path_bytes {
            self.warnings.push(LayerWarning::PathTooLong {
                bytes: raw_path.len().max(raw_link.len()),
                limit: self.limits.path_bytes,
                start: String::from_utf8_lossy(raw_path.get(..60).unwrap_or(raw_path)).into_owned(),
            });
            return Ok(());
        }
        self.entry.path.set(raw_path);
        if has_parent_component(raw_path) {
            self.warnings.push(LayerWarning::ParentComponent {
                path: self.entry.path.clone(),
            });
        }

        let mut is_sparse = false;
        let has_slash = raw_path.last() == Some(&b'/');
        self.entry.kind = match kind {
            // Archives older than ustar mark directories by a slash alone.
            b'0' | 0 | b'7' if has_slash => EntryKind::Directory,
            b'0' | 0 | b'7' => {
                is_sparse = extended.is_sparse;
                EntryKind::File
            }
            b'S' => {
                is_sparse = true;
                EntryKind::File
            }
            b'1' => EntryKind::HardLink {
                target: LayerPath::from_bytes(raw_link),
            },
            b'2' => EntryKind::Symlink {
                target: raw_link.to_vec(),
            },
            b'3' | b'4' | b'6' => EntryKind::Special,
            b'5' | b'D' => EntryKind::Directory,
            // Volume labels and continuations of other volumes are no files.
            b'V' | b'M' | b'N' => return Ok(()),
            other => {
                self.warnings.push(LayerWarning::UnknownEntryType {
                    type_flag: other,
                    path: self.entry.path.clone(),
                });
                return Ok(());
            }
        };
        match whiteout::classify(&mut self.entry.path) {
            Marker::None => {}
            Marker::Whiteout => self.entry.kind = EntryKind::Whiteout,
            Marker::Opaque => self.entry.kind = EntryKind::Opaque,
            Marker::Ignored => return Ok(()),
        }
        let may_be_root = matches!(self.entry.kind, EntryKind::Directory | EntryKind::Opaque);
        if self.entry.path.is_root() && !may_be_root {
            self.warnings.push(LayerWarning::EmptyPath {
                unpacked: self.header_at,
            });
            return Ok(());
        }

        let is_file = self.entry.kind == EntryKind::File;
        let (map, logical) = match (is_sparse, kind) {
            (false, _) => (Map::None, size),
            (true, b'S') => (Map::Gnu, number(header.field(483, 12)).unwrap_or(size)),
            (true, _) => match extended.sparse_major {
                Some(1) => (Map::InData, extended.sparse_size.unwrap_or(size)),
                _ => (Map::Pax, extended.sparse_size.unwrap_or(size)),
            },
        };
        self.entry.size = if is_file { logical } else { 0 };
        self.entry.mode =
            u32::try_from(number(header.field(100, 8)).unwrap_or(0) & 0o7777).unwrap_or_default();
        self.entry.uid = extended
            .uid
            .or_else(|| number(header.field(108, 8)))
            .unwrap_or(0);
        self.entry.gid = extended
            .gid
            .or_else(|| number(header.field(116, 8)))
            .unwrap_or(0);
        self.entry.modified = extended
            .modified
            .or_else(|| signed_number(header.field(136, 12)))
            .unwrap_or(0);

        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(LayerError::Limit {
                limit: LimitName::Entries,
                allowed: self.limits.entries,
                unpacked: self.header_at,
            });
        }
        sink.place(start, self.position);
        let mut claim = sink.entry(&self.entry);
        if !is_file {
            return Ok(());
        }
        if claim == Claim::Take && is_sparse && logical > self.limits.sparse_bytes {
            self.warnings.push(LayerWarning::SparseTooLarge {
                path: self.entry.path.clone(),
                bytes: logical,
                limit: self.limits.sparse_bytes,
            });
            claim = Claim::Skip;
        }
        let is_claimed = claim == Claim::Take;
        if is_claimed || map == Map::Gnu {
            self.sparse = Sparse {
                segments: Vec::new(),
                next: 0,
                logical: 0,
                size: logical,
                // Nothing is unrolled for a file that nobody wants.
                is_broken: !is_claimed,
            };
        }
        match map {
            Map::None if is_claimed => {
                self.state = State::Content {
                    left: size,
                    padding,
                };
                if size == 0 {
                    sink.end();
                    self.state = State::Header;
                }
            }
            Map::None => {}
            Map::Gnu => {
                let has_more = self
                    .read_gnu_segments(header.field(386, 4 * 24), block_flag(header.block, 482));
                self.state = State::SparseHeaders {
                    left: size,
                    padding,
                };
                if !has_more {
                    self.begin_sparse_content(size, padding, sink);
                }
            }
            Map::Pax if is_claimed => {
                self.sparse.segments = extended.sparse_map;
                self.begin_sparse_content(size, padding, sink);
            }
            Map::InData if is_claimed => {
                self.extended_bytes.clear();
                self.state = State::SparseMap {
                    left: size,
                    padding,
                };
                if size == 0 {
                    self.warn_sparse();
                    self.state = State::Header;
                }
            }
            Map::Pax | Map::InData => {}
        }
        Ok(())
    }

    /// A block that continues an old GNU sparse map.
    fn sparse_header(
        &mut self,
        block: &[u8],
        left: u64,
        padding: u64,
        sink: &mut impl EntrySink,
    ) -> Result<(), LayerError> {
        let segments = block.get(..21 * 24).unwrap_or_default();
        if !self.read_gnu_segments(segments, block_flag(block, 504)) {
            self.begin_sparse_content(left, padding, sink);
        }
        Ok(())
    }

    /// Reads pairs of octal numbers; answers whether another block of them follows.
    fn read_gnu_segments(&mut self, fields: &[u8], has_more: bool) -> bool {
        for pair in fields.chunks_exact(24) {
            let (offset, length) = pair.split_at(12);
            if offset.first() == Some(&0) || self.sparse.is_broken {
                break;
            }
            match (number(offset), number(length)) {
                (Some(offset), Some(length))
                    if self.sparse.segments.len() < self.limits.sparse_segments =>
                {
                    self.sparse.segments.push((offset, length));
                }
                _ => self.warn_sparse(),
            }
        }
        has_more
    }

    /// A block of a PAX 1.0 map: decimal numbers, one a line, filled up to whole blocks.
    fn sparse_map(
        &mut self,
        block: &[u8],
        left: u64,
        padding: u64,
        sink: &mut impl EntrySink,
    ) -> Result<(), LayerError> {
        let left = left.saturating_sub(BLOCK as u64);
        self.extended_bytes.extend_from_slice(block);
        let count_limit = self.limits.sparse_segments;
        match parse_map(&self.extended_bytes, count_limit) {
            MapRead::Done(segments) => {
                self.sparse.segments = segments;
                self.begin_sparse_content(left, padding, sink);
            }
            MapRead::More
                if left >= BLOCK as u64
                    && (self.extended_bytes.len() as u64)
                        < self.limits.extended_header_bytes.saturating_mul(4) =>
            {
                self.state = State::SparseMap { left, padding };
            }
            MapRead::More | MapRead::Bad => {
                self.warn_sparse();
                self.state = skip(left, padding);
            }
        }
        Ok(())
    }

    /// The map is read; `left` bytes of data follow.
    fn begin_sparse_content(&mut self, left: u64, padding: u64, sink: &mut impl EntrySink) {
        if !self.sparse.is_broken && !self.sparse.fits(left) {
            self.warn_sparse();
        }
        if self.sparse.is_broken {
            self.state = skip(left, padding);
        } else if left == 0 {
            self.sparse.finish(sink);
            self.state = State::Header;
        } else {
            self.state = State::SparseContent { left, padding };
        }
    }

    fn warn_sparse(&mut self) {
        self.sparse.is_broken = true;
        self.warnings.push(LayerWarning::BadSparseMap {
            path: self.entry.path.clone(),
        });
    }

    fn problem(&self, problem: TarProblem) -> LayerError {
        LayerError::Tar {
            problem,
            unpacked: self.header_at,
        }
    }
}

/// Where a file's sparse map lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Map {
    None,
    Gnu,
    Pax,
    InData,
}

enum MapRead {
    Done(Vec<(u64, u64)>),
    More,
    Bad,
}

impl Sparse {
    /// Whether the segments lie in order within the file and hold `data` bytes together.
    fn fits(&self, data: u64) -> bool {
        let mut end = 0_u64;
        let mut sum = 0_u64;
        for (offset, length) in &self.segments {
            let Some(next) = offset.checked_add(*length) else {
                return false;
            };
            if *offset < end || next > self.size {
                return false;
            }
            end = next;
            sum += length;
        }
        sum == data
    }

    /// Hands on data with the holes before it.
    fn unroll(&mut self, mut bytes: &[u8], sink: &mut impl EntrySink) {
        while !bytes.is_empty() {
            let Some((offset, length)) = self.segments.get(self.next).copied() else {
                return;
            };
            self.fill_to(offset, sink);
            let left = (offset + length).saturating_sub(self.logical);
            let count = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
            let (taken, rest) = bytes.split_at(count);
            if !taken.is_empty() {
                sink.data(taken);
            }
            self.logical += count as u64;
            if self.logical >= offset + length {
                self.next += 1;
            }
            bytes = rest;
        }
    }

    fn fill_to(&mut self, end: u64, sink: &mut impl EntrySink) {
        while self.logical < end {
            let left = usize::try_from(end - self.logical).unwrap_or(usize::MAX);
            let zeros = ZEROS.get(..left).unwrap_or(&ZEROS);
            sink.data(zeros);
            self.logical += zeros.len() as u64;
        }
    }

    fn finish(&mut self, sink: &mut impl EntrySink) {
        self.fill_to(self.size, sink);
        sink.end();
    }
}

impl Extended {
    /// Reads PAX records (`length key=value\n`). Answers whether they are well formed.
    fn read(&mut self, mut bytes: &[u8], segment_limit: usize) -> bool {
        while !bytes.is_empty() {
            // Some writers fill the header up with zeros.
            if bytes.iter().all(|byte| *byte == 0) {
                return true;
            }
            let Some((record, rest)) = split_record(bytes) else {
                return false;
            };
            let Some(equals) = memchr::memchr(b'=', record) else {
                return false;
            };
            let (key, value) = record.split_at(equals);
            let value = value.get(1..).unwrap_or_default();
            if !self.set(key, value, segment_limit) {
                return false;
            }
            bytes = rest;
        }
        true
    }

    fn set(&mut self, key: &[u8], value: &[u8], segment_limit: usize) -> bool {
        let text = || (!value.is_empty()).then(|| until_nul(value).to_vec());
        match key {
            b"path" => self.path = text(),
            b"linkpath" => self.link = text(),
            b"size" if value.is_empty() => self.size = None,
            b"size" => match decimal(value) {
                Some(size) => self.size = Some(size),
                // Without it nobody knows where the next header is.
                None => return false,
            },
            b"uid" => self.uid = decimal(value),
            b"gid" => self.gid = decimal(value),
            b"mtime" => self.modified = seconds(value),
            b"GNU.sparse.major" => {
                self.sparse_major = decimal(value);
                self.is_sparse = true;
            }
            b"GNU.sparse.size" | b"GNU.sparse.realsize" => {
                self.sparse_size = decimal(value);
                self.is_sparse = true;
            }
            b"GNU.sparse.name" => self.sparse_name = text(),
            b"GNU.sparse.numblocks" => {
                self.sparse_map.clear();
                self.is_sparse = true;
            }
            b"GNU.sparse.offset" => self.sparse_offset = decimal(value),
            b"GNU.sparse.numbytes" => {
                if let (Some(offset), Some(length)) = (self.sparse_offset.take(), decimal(value))
                    && self.sparse_map.len() < segment_limit
                {
                    self.sparse_map.push((offset, length));
                }
            }
            b"GNU.sparse.map" => {
                self.is_sparse = true;
                self.sparse_map.clear();
                let mut numbers = value.split(|byte| *byte == b',').map(decimal);
                while let (Some(Some(offset)), Some(Some(length))) =
                    (numbers.next(), numbers.next())
                {
                    if self.sparse_map.len() < segment_limit {
                        self.sparse_map.push((offset, length));
                    }
                }
            }
            // Names, times of access, `SCHILY.xattr.*`: not needed here.
            _ => {}
        }
        true
    }
}

impl<'a> Header<'a> {
    /// `None` if the checksum is wrong, which is how tar tells a header from anything else.
    fn read(block: &'a [u8]) -> Option<Self> {
        let written = number(block.get(148..156)?)?;
        let total: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        let own: u64 = block
            .get(148..156)?
            .iter()
            .map(|byte| u64::from(*byte))
            .sum();
        let unsigned = total - own + 8 * u64::from(b' ');
        if unsigned != written {
            // Some old writers added up signed characters.
            let high = block
                .iter()
                .enumerate()
                .filter(|(index, byte)| **byte >= 128 && !(148..156).contains(index))
                .count() as u64;
            if unsigned.checked_sub(256 * high) != Some(written) {
                return None;
            }
        }
        let format = match (block.get(257..263)?, block.get(263..265)?) {
            (b"ustar\0", _) if block.get(508..512) == Some(b"tar\0") => Format::Star,
            (b"ustar\0", _) => Format::Ustar,
            (b"ustar ", b" \0") => Format::Gnu,
            _ => Format::V7,
        };
        Some(Self { block, format })
    }

    fn field(&self, offset: usize, length: usize) -> &'a [u8] {
        self.block.get(offset..offset + length).unwrap_or_default()
    }

    fn kind(&self) -> u8 {
        self.block.get(156).copied().unwrap_or_default()
    }

    fn path<'b>(&self, joined: &'b mut Vec<u8>) -> &'b [u8]
    where
        'a: 'b,
    {
        let name = until_nul(self.field(0, 100));
        let prefix = match self.format {
            Format::Ustar => until_nul(self.field(345, 155)),
            Format::Star => until_nul(self.field(345, 131)),
            Format::V7 | Format::Gnu => b"",
        };
        if prefix.is_empty() {
            return name;
        }
        joined.extend_from_slice(prefix);
        joined.push(b'/');
        joined.extend_from_slice(name);
        joined
    }
}

/// Whether `head`, a file's first 512 bytes, is a tar header, or the zeros of an empty archive.
pub(crate) fn is_header(head: &[u8]) -> bool {
    head.len() >= BLOCK
        && (Header::read(head.get(..BLOCK).unwrap_or_default()).is_some()
            || head.iter().all(|byte| *byte == 0))
}

fn not_tar(head: &[u8]) -> TarProblem {
    let start = String::from_utf8_lossy(head.get(..32).unwrap_or(head));
    TarProblem::NotTar {
        start: start.trim_end_matches('\0').to_owned(),
    }
}

fn after(padding: u64) -> State {
    skip(0, padding)
}

fn skip(size: u64, padding: u64) -> State {
    match size.saturating_add(padding) {
        0 => State::Header,
        left => State::Skip { left, padding },
    }
}

fn padding_of(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}

fn block_flag(block: &[u8], offset: usize) -> bool {
    block.get(offset).is_some_and(|byte| *byte != 0)
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    bytes.get(..end).unwrap_or_default()
}

fn has_parent_component(raw: &[u8]) -> bool {
    memchr::memmem::find(raw, b"..").is_some()
        && raw.split(|byte| *byte == b'/').any(|c| c == b"..")
}

/// A header's number that cannot be negative: octal, or base 256 with the first bit set (GNU).
fn number(field: &[u8]) -> Option<u64> {
    u64::try_from(signed_number(field)?).ok()
}

fn signed_number(field: &[u8]) -> Option<i64> {
    let (first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        // Two's complement, of which the first bit only marks the form.
        let is_negative = first & 0x40 != 0;
        let mut value: i128 = i128::from(first & 0x3f) - if is_negative { 0x40 } else { 0 };
        for byte in rest {
            value = (value << 8) | i128::from(*byte);
            if value > i128::from(i64::MAX) || value < i128::from(i64::MIN) {
                return None;
            }
        }
        return i64::try_from(value).ok();
    }
    let is_blank = |byte: &u8| *byte == b' ' || *byte == 0;
    let start = field
        .iter()
        .position(|byte| !is_blank(byte))
        .unwrap_or(field.len());
    let digits = field.get(start..).unwrap_or_default();
    let end = digits.iter().position(is_blank).unwrap_or(digits.len());
    let mut value = 0_i64;
    for byte in digits.get(..end).unwrap_or_default() {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 8)?;
        value = value.checked_mul(8)?.checked_add(i64::from(digit))?;
    }
    Some(value)
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let mut value = 0_u64;
    for byte in digits {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// Whole seconds of a time such as `-1.5`, rounded down.
fn seconds(text: &[u8]) -> Option<i64> {
    let (is_negative, text) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut parts = text.splitn(2, |byte| *byte == b'.');
    let whole = i64::try_from(decimal(parts.next()?)?).ok()?;
    let has_fraction = parts
        .next()
        .is_some_and(|fraction| fraction.iter().any(|byte| *byte != b'0'));
    Some(match (is_negative, has_fraction) {
        (false, _) => whole,
        (true, false) => -whole,
        (true, true) => (-whole).checked_sub(1)?,
    })
}

/// Takes one PAX record off: its `key=value`, and what follows it.
fn split_record(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = memchr::memchr(b' ', bytes.get(..bytes.len().min(21))?)?;
    let length = usize::try_from(decimal(bytes.get(..space)?)?).ok()?;
    let record = bytes.get(space + 1..length)?;
    let rest = bytes.get(length..)?;
    Some((record.strip_suffix(b"\n")?, rest))
}

fn parse_map(bytes: &[u8], limit: usize) -> MapRead {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let mut next = || match lines.next() {
        Some(line) => match line.strip_suffix(b"\n") {
            Some(digits) => decimal(digits).ok_or(MapRead::Bad),
            // A number longer than any is no number that goes on.
            None if line.len() > 512 + 20 => Err(MapRead::Bad),
            None => Err(MapRead::More),
        },
        None => Err(MapRead::More),
    };
    let count = match next() {
        Ok(count) => usize::try_from(count).unwrap_or(usize::MAX),
        Err(read) => return read,
    };
    if count > limit {
        return MapRead::Bad;
    }
    // The map is read again with each block until it is whole: look for that first.
    if memchr::memchr_iter(b'\n', bytes).count() < 1 + 2 * count {
        return MapRead::More;
    }
    let mut segments = Vec::new();
    for _ in 0..count {
        match (next(), next()) {
            (Ok(offset), Ok(length)) => segments.push((offset, length)),
            (Err(read), _) | (_, Err(read)) => return read,
        }
    }
    MapRead::Done(segments)
}
