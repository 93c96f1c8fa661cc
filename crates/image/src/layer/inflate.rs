//! Decompression, pushed: compressed chunks in, pieces of the tar archive out.
//!
//! The compression is told by the first bytes, never by a media type. Gzip headers and trailers
//! (RFC 1952) are read here and the data goes through raw inflate, because the CRC-32 of gzip costs
//! time and says less than the SHA-256 that is computed anyway; it is checked only where there is no
//! digest to check. Zstandard frames (RFC 8878) are cut into blocks here, since `ruzstd` pulls.

use flate2::{Decompress, FlushDecompress, Status};
use miniz_oxide::inflate::{
    TINFLStatus,
    core::{BlockBoundaryState, DecompressorOxide, decompress, inflate_flags},
    decompress_to_vec_with_limit,
};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::{
    Codec, LayerError, LayerWarning, Step,
    checkpoints::{Checkpoint, Checkpoints, Resume, WINDOW_BYTES},
};

/// Bytes unpacked at a time: large enough that handing over costs nothing, small enough to stay in
/// the second-level cache between inflating, hashing and reading.
const OUTPUT_BYTES: usize = 128 << 10;
/// Bytes that tell the compressions apart.
const SNIFF_BYTES: usize = 10;
/// Bytes of one zstd block, by RFC 8878.
const MAX_BLOCK_BYTES: usize = 128 << 10;

/// Takes unpacked bytes.
pub(crate) trait Unpacked {
    /// The next piece, how many compressed bytes were read so far, and how they are compressed.
    fn piece(&mut self, bytes: &[u8], compressed: u64, codec: Codec) -> Result<(), LayerError>;
}

/// Tells the compression by the first bytes and undoes it.
pub(crate) struct Decoder {
    state: State,
    codec: Option<Codec>,
    /// Compressed bytes read so far.
    position: u64,
    /// Unpacked bytes handed on so far.
    unpacked: u64,
    zstd_window: u64,
    checks_crc: bool,
    warnings: Vec<LayerWarning>,
    /// Points to read on from, if they are to be noted.
    checkpoints: Option<Checkpoints>,
}

#[expect(
    clippy::large_enum_variant,
    reason = "one per layer, and boxing would cost a pointer chase per chunk"
)]
enum State {
    Sniffing(Vec<u8>),
    Plain,
    Gzip(Gzip),
    Zstd(Zstd),
    /// Data that no decoder wants follows the end.
    Trailing,
    Failed,
}

impl Decoder {
    pub(crate) fn new(zstd_window: u64, checks_crc: bool) -> Self {
        Self {
            state: State::Sniffing(Vec::with_capacity(SNIFF_BYTES)),
            codec: None,
            position: 0,
            unpacked: 0,
            zstd_window,
            checks_crc,
            warnings: Vec::new(),
            checkpoints: None,
        }
    }

    /// Starts at the beginning and notes points to read on from.
    pub(crate) fn noting(zstd_window: u64, checkpoints: Checkpoints) -> Self {
        Self {
            checkpoints: Some(checkpoints),
            ..Self::new(zstd_window, false)
        }
    }

    /// Starts at a point that was noted, and notes those that follow it.
    pub(crate) fn resume(zstd_window: u64, checkpoints: Checkpoints, point: &Checkpoint) -> Self {
        let codec = checkpoints.codec;
        let state = match codec {
            Some(Codec::Gzip) => State::Gzip(Gzip::resume(point)),
            Some(Codec::Zstd) => State::Zstd(Zstd {
                frames: 1,
                ..Zstd::new(zstd_window)
            }),
            Some(Codec::Tar) | None => State::Plain,
        };
        Self {
            state,
            codec,
            position: point.compressed,
            unpacked: point.unpacked,
            ..Self::noting(zstd_window, checkpoints)
        }
    }

    /// Starts within an archive that is not compressed.
    pub(crate) fn plain_at(position: u64) -> Self {
        Self {
            state: State::Plain,
            codec: Some(Codec::Tar),
            position,
            unpacked: position,
            ..Self::new(0, false)
        }
    }

    /// The points that were noted.
    pub(crate) fn into_checkpoints(self) -> Checkpoints {
        self.checkpoints.unwrap_or_default()
    }

    /// The compression, once it is known.
    pub(crate) fn codec(&self) -> Option<Codec> {
        self.codec
    }

    pub(crate) fn take_warnings(&mut self) -> Vec<LayerWarning> {
        std::mem::take(&mut self.warnings)
    }

    pub(crate) fn feed(
        &mut self,
        mut input: &[u8],
        out: &mut impl Unpacked,
    ) -> Result<(), LayerError> {
        if let State::Sniffing(head) = &mut self.state {
            if head.is_empty() && input.len() >= SNIFF_BYTES {
                self.start(input)?;
            } else {
                let (taken, rest) = input.split_at(input.len().min(SNIFF_BYTES - head.len()));
                head.extend_from_slice(taken);
                if head.len() < SNIFF_BYTES {
                    return Ok(());
                }
                input = rest;
                self.start_held(out)?;
            }
        }
        self.advance(input, out)
    }

    pub(crate) fn finish(&mut self, out: &mut impl Unpacked) -> Result<(), LayerError> {
        if matches!(self.state, State::Sniffing(_)) {
            self.start_held(out)?;
        }
        let is_complete = match &self.state {
            State::Sniffing(_) | State::Plain | State::Trailing | State::Failed => true,
            State::Gzip(gzip) => gzip.is_between_members(),
            State::Zstd(zstd) => zstd.is_between_frames(),
        };
        if is_complete {
            return Ok(());
        }
        Err(LayerError::Truncated {
            step: Step::Inflate,
            compressed: self.position,
            unpacked: self.unpacked,
            path: None,
        })
    }

    /// Chooses the decoder, then runs it over the bytes that were held back.
    fn start_held(&mut self, out: &mut impl Unpacked) -> Result<(), LayerError> {
        let head = match std::mem::replace(&mut self.state, State::Failed) {
            State::Sniffing(head) => head,
            other => {
                self.state = other;
                return Ok(());
            }
        };
        self.start(&head)?;
        self.advance(&head, out)
    }

    fn start(&mut self, head: &[u8]) -> Result<(), LayerError> {
        self.state = State::Failed;
        let (codec, state) = match sniff(head) {
            Sniffed::Gzip => {
                let mut gzip = Gzip::new(self.checks_crc);
                gzip.stepper = self.checkpoints.is_some().then(Stepper::new);
                (Codec::Gzip, State::Gzip(gzip))
            }
            Sniffed::Zstd => (Codec::Zstd, State::Zstd(Zstd::new(self.zstd_window))),
            Sniffed::Other => (Codec::Tar, State::Plain),
            Sniffed::Unsupported(name) => {
                return Err(LayerError::UnsupportedCompression { name });
            }
        };
        self.codec = Some(codec);
        self.state = state;
        if let Some(checkpoints) = &mut self.checkpoints {
            checkpoints.codec = Some(codec);
        }
        Ok(())
    }

    fn advance(&mut self, input: &[u8], out: &mut impl Unpacked) -> Result<(), LayerError> {
        let mut cursor = Cursor {
            input,
            position: &mut self.position,
            unpacked: &mut self.unpacked,
            checkpoints: self.checkpoints.as_mut(),
        };
        let (codec, done) = match &mut self.state {
            State::Sniffing(_) | State::Failed => return Ok(()),
            State::Plain => {
                let bytes = cursor.take(input.len());
                return cursor.hand_on(bytes, Codec::Tar, out);
            }
            State::Gzip(gzip) => (Codec::Gzip, gzip.advance(&mut cursor, out)),
            State::Zstd(zstd) => (Codec::Zstd, zstd.advance(&mut cursor, out)),
            State::Trailing => {
                cursor.take(input.len());
                return Ok(());
            }
        };
        match done {
            Ok(Progress::More) => Ok(()),
            Ok(Progress::Trailing) => {
                let compressed = *cursor.position;
                cursor.take(usize::MAX);
                self.warnings
                    .push(LayerWarning::TrailingData { codec, compressed });
                self.state = State::Trailing;
                Ok(())
            }
            Err(error) => {
                self.state = State::Failed;
                Err(error)
            }
        }
    }
}

enum Progress {
    More,
    Trailing,
}

enum Sniffed {
    Gzip,
    Zstd,
    Unsupported(&'static str),
    Other,
}

/// What the first bytes are. Used for layers and for the members of archives alike.
fn sniff(head: &[u8]) -> Sniffed {
    const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    if head.starts_with(&[0x1f, 0x8b]) {
        return Sniffed::Gzip;
    }
    // A skippable frame (0x184D2A50 to 0x184D2A5F) may come first.
    let is_skippable = head.first().is_some_and(|byte| byte & 0xf0 == 0x50)
        && head.get(1..4) == Some(b"\x2a\x4d\x18");
    if head.starts_with(&ZSTD) || is_skippable {
        return Sniffed::Zstd;
    }
    if head.starts_with(b"BZh") && head.get(4..10) == Some(b"\x31\x41\x59\x26\x53\x59") {
        return Sniffed::Unsupported("bzip2");
    }
    if head.starts_with(b"\xfd7zXZ\0") {
        return Sniffed::Unsupported("xz");
    }
    if head.starts_with(&[0x04, 0x22, 0x4d, 0x18]) {
        return Sniffed::Unsupported("lz4");
    }
    if head.starts_with(b"PK\x03\x04") {
        return Sniffed::Unsupported("zip");
    }
    Sniffed::Other
}

/// Whether a file that begins with `head` is compressed in a way that is read here.
pub(crate) fn is_compressed(head: &[u8]) -> bool {
    matches!(sniff(head), Sniffed::Gzip | Sniffed::Zstd)
}

/// Whether it is compressed in a way that is recognised but not read.
pub(crate) fn is_unsupported(head: &[u8]) -> bool {
    matches!(sniff(head), Sniffed::Unsupported(_))
}

/// The part of a chunk that is not read yet, and the counts that go with it.
struct Cursor<'a> {
    input: &'a [u8],
    position: &'a mut u64,
    unpacked: &'a mut u64,
    checkpoints: Option<&'a mut Checkpoints>,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.input.split_at(count.min(self.input.len()));
        self.input = rest;
        *self.position += taken.len() as u64;
        taken
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).first().copied()
    }

    fn hand_on(
        &mut self,
        bytes: &[u8],
        codec: Codec,
        out: &mut impl Unpacked,
    ) -> Result<(), LayerError> {
        *self.unpacked += bytes.len() as u64;
        out.piece(bytes, *self.position, codec)
    }

    /// Notes that one can read on from here.
    fn note(&mut self, resume: impl FnOnce() -> Resume) {
        if let Some(checkpoints) = &mut self.checkpoints {
            checkpoints.note(*self.position, *self.unpacked, resume);
        }
    }

    fn corrupt(&self, codec: Codec, reason: impl Into<String>) -> LayerError {
        LayerError::Corrupt {
            codec,
            compressed: *self.position,
            unpacked: *self.unpacked,
            reason: reason.into(),
        }
    }
}

/// RFC 1952: members one after another, each a header, a deflate stream and a trailer.
struct Gzip {
    inflate: Decompress,
    /// Used in its place where points are noted.
    stepper: Option<Stepper>,
    output: Box<[u8]>,
    part: GzipPart,
    members: u64,
    crc: Option<flate2::Crc>,
    member_start: u64,
}

/// Which bytes of a member come next.
#[derive(Clone, Copy, Debug)]
enum GzipPart {
    /// The ten fixed bytes; how many of them were read, and the flags.
    Header {
        read: u8,
        flags: u8,
    },
    ExtraLength {
        read: u8,
        length: u16,
        flags: u8,
    },
    Extra {
        left: u16,
        flags: u8,
    },
    Name {
        flags: u8,
    },
    Comment {
        flags: u8,
    },
    HeaderCrc {
        left: u8,
    },
    Deflate,
    Trailer {
        read: u8,
        bytes: [u8; 8],
    },
    /// Zeros after the last member, as tapes have.
    Padding,
}

const FHCRC: u8 = 2;
const FEXTRA: u8 = 4;
const FNAME: u8 = 8;
const FCOMMENT: u8 = 16;

impl Gzip {
    fn new(checks_crc: bool) -> Self {
        Self {
            inflate: Decompress::new(false),
            stepper: None,
            output: vec![0; OUTPUT_BYTES].into_boxed_slice(),
            part: GzipPart::Header { read: 0, flags: 0 },
            members: 0,
            crc: checks_crc.then(flate2::Crc::new),
            member_start: 0,
        }
    }

    /// Goes on at a point.
    fn resume(point: &Checkpoint) -> Self {
        let mut gzip = Self {
            members: 1,
            stepper: Some(Stepper::new()),
            ..Self::new(false)
        };
        if let Resume::Block { member_start, .. } = &point.resume {
            gzip.members = 0;
            gzip.member_start = *member_start;
            gzip.part = GzipPart::Deflate;
            gzip.stepper = Some(Stepper::resume(&point.resume));
        }
        gzip
    }

    fn is_between_members(&self) -> bool {
        match self.part {
            GzipPart::Header { read: 0, .. } => self.members > 0,
            GzipPart::Padding => true,
            _ => false,
        }
    }

    fn advance(
        &mut self,
        cursor: &mut Cursor<'_>,
        out: &mut impl Unpacked,
    ) -> Result<Progress, LayerError> {
        loop {
            if matches!(self.part, GzipPart::Deflate) {
                if !self.inflate(cursor, out)? {
                    return Ok(Progress::More);
                }
                continue;
            }
            let Some(byte) = cursor.byte() else {
                return Ok(Progress::More);
            };
            self.part = match self.part {
                GzipPart::Header { read: 0, .. } if self.members > 0 && byte == 0 => {
                    GzipPart::Padding
                }
                GzipPart::Padding if byte == 0 => GzipPart::Padding,
                GzipPart::Padding => return Ok(Progress::Trailing),
                GzipPart::Header { read, flags } => {
                    let is_right = match read {
                        0 => byte == 0x1f,
                        1 => byte == 0x8b,
                        2 => byte == 8,
                        3 => byte & 0xe0 == 0,
                        _ => true,
                    };
                    if !is_right && self.members > 0 {
                        // gzip itself warns of "trailing garbage" and ignores it.
                        return Ok(Progress::Trailing);
                    }
                    if !is_right {
                        return Err(cursor.corrupt(Codec::Gzip, "the gzip header is malformed"));
                    }
                    let flags = if read == 3 { byte } else { flags };
                    if read == 9 {
                        self.after_header(flags)
                    } else {
                        GzipPart::Header {
                            read: read + 1,
                            flags,
                        }
                    }
                }
                GzipPart::ExtraLength {
                    read,
                    length,
                    flags,
                } => {
                    let length = length | (u16::from(byte) << (8 * u32::from(read)));
                    match (read, length) {
                        (0, _) => GzipPart::ExtraLength {
                            read: 1,
                            length,
                            flags,
                        },
                        (_, 0) => self.after_header(flags & !FEXTRA),
                        (_, left) => GzipPart::Extra { left, flags },
                    }
                }
                GzipPart::Extra { left: 1, flags } => self.after_header(flags & !FEXTRA),
                GzipPart::Extra { left, flags } => GzipPart::Extra {
                    left: left - 1,
                    flags,
                },
                GzipPart::Name { flags } if byte == 0 => {
                    self.after_header(flags & !(FEXTRA | FNAME))
                }
                GzipPart::Comment { flags } if byte == 0 => {
                    self.after_header(flags & !(FEXTRA | FNAME | FCOMMENT))
                }
                GzipPart::HeaderCrc { left: 1 } => self.after_header(0),
                GzipPart::HeaderCrc { left } => GzipPart::HeaderCrc { left: left - 1 },
                same @ (GzipPart::Name { .. } | GzipPart::Comment { .. } | GzipPart::Deflate) => {
                    same
                }
                GzipPart::Trailer { read, mut bytes } => {
                    if let Some(slot) = bytes.get_mut(usize::from(read)) {
                        *slot = byte;
                    }
                    if read < 7 {
                        GzipPart::Trailer {
                            read: read + 1,
                            bytes,
                        }
                    } else {
                        self.end_member(bytes, cursor)?;
                        cursor.note(|| Resume::Start);
                        GzipPart::Header { read: 0, flags: 0 }
                    }
                }
            };
            if matches!(self.part, GzipPart::Deflate) {
                self.inflate.reset(false);
                if let Some(stepper) = &mut self.stepper {
                    *stepper.inflate = DecompressorOxide::new();
                }
                if let Some(crc) = &mut self.crc {
                    crc.reset();
                }
                self.member_start = *cursor.unpacked;
            }
        }
    }

    /// The next optional part of the header, by the flags that are still set.
    fn after_header(&self, flags: u8) -> GzipPart {
        if flags & FEXTRA != 0 {
            GzipPart::ExtraLength {
                read: 0,
                length: 0,
                flags,
            }
        } else if flags & FNAME != 0 {
            GzipPart::Name { flags }
        } else if flags & FCOMMENT != 0 {
            GzipPart::Comment { flags }
        } else if flags & FHCRC != 0 {
            GzipPart::HeaderCrc { left: 2 }
        } else {
            GzipPart::Deflate
        }
    }

    /// Inflates what there is. Answers whether the deflate stream ended.
    fn inflate(
        &mut self,
        cursor: &mut Cursor<'_>,
        out: &mut impl Unpacked,
    ) -> Result<bool, LayerError> {
        if let Some(stepper) = &mut self.stepper {
            let is_over = stepper.inflate(self.member_start, cursor, out)?;
            if is_over {
                self.part = GzipPart::Trailer {
                    read: 0,
                    bytes: [0; 8],
                };
            }
            return Ok(is_over);
        }
        loop {
            let before = (self.inflate.total_in(), self.inflate.total_out());
            let result =
                self.inflate
                    .decompress(cursor.input, &mut self.output, FlushDecompress::None);
            let read = to_usize(self.inflate.total_in() - before.0);
            let made = to_usize(self.inflate.total_out() - before.1);
            cursor.take(read);
            let bytes = self.output.get(..made).unwrap_or_default();
            if let Some(crc) = &mut self.crc {
                crc.update(bytes);
            }
            // Also after an error: what was unpacked before it counts.
            cursor.hand_on(bytes, Codec::Gzip, out)?;
            match result {
                Err(_) => return Err(cursor.corrupt(Codec::Gzip, "the deflate data is malformed")),
                Ok(Status::StreamEnd) => {
                    self.part = GzipPart::Trailer {
                        read: 0,
                        bytes: [0; 8],
                    };
                    return Ok(true);
                }
                // A full output buffer may hide more output that needs no further input.
                Ok(Status::Ok | Status::BufError) => {
                    if cursor.input.is_empty() && made < self.output.len() {
                        return Ok(false);
                    }
                    if read == 0 && made == 0 {
                        return Err(cursor.corrupt(Codec::Gzip, "the deflate stream stands still"));
                    }
                }
            }
        }
    }

    fn end_member(&mut self, trailer: [u8; 8], cursor: &Cursor<'_>) -> Result<(), LayerError> {
        self.members += 1;
        let [c0, c1, c2, c3, s0, s1, s2, s3] = trailer;
        let size = u64::from(u32::from_le_bytes([s0, s1, s2, s3]));
        let made = *cursor.unpacked - self.member_start;
        if made & u64::from(u32::MAX) != size {
            return Err(cursor.corrupt(
                Codec::Gzip,
                format!("the gzip trailer says {size} bytes where {made} were unpacked"),
            ));
        }
        let written = u32::from_le_bytes([c0, c1, c2, c3]);
        match &self.crc {
            Some(crc) if crc.sum() != written => {
                Err(cursor.corrupt(Codec::Gzip, "the CRC-32 in the gzip trailer is another"))
            }
            _ => Ok(()),
        }
    }
}

/// An inflater that stops between blocks, to note where one can read on.
struct Stepper {
    inflate: Box<DecompressorOxide>,
    /// What was unpacked last, round and round.
    ring: Box<[u8]>,
    /// Where in it the next byte goes.
    at: usize,
}

impl Stepper {
    fn new() -> Self {
        Self {
            inflate: Box::default(),
            ring: vec![0; OUTPUT_BYTES].into_boxed_slice(),
            at: 0,
        }
    }

    fn resume(point: &Resume) -> Self {
        let mut stepper = Self::new();
        let Resume::Block {
            bits,
            bit_buffer,
            window,
            ..
        } = point
        else {
            return stepper;
        };
        let state = BlockBoundaryState {
            // It is shifted by: a damaged cache must not shift too far.
            num_bits: bits & 7,
            bit_buf: *bit_buffer,
            ..BlockBoundaryState::default()
        };
        *stepper.inflate = DecompressorOxide::from_block_boundary_state(&state);
        let window = decompress_to_vec_with_limit(window, WINDOW_BYTES).unwrap_or_default();
        if let Some(slot) = stepper
            .ring
            .get_mut(WINDOW_BYTES - window.len()..WINDOW_BYTES)
        {
            slot.copy_from_slice(&window);
        }
        stepper.at = WINDOW_BYTES;
        stepper
    }

    /// Inflates what there is. Answers whether the deflate stream ended.
    fn inflate(
        &mut self,
        member_start: u64,
        cursor: &mut Cursor<'_>,
        out: &mut impl Unpacked,
    ) -> Result<bool, LayerError> {
        const FLAGS: u32 = inflate_flags::TINFL_FLAG_HAS_MORE_INPUT
            | inflate_flags::TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;
        loop {
            let (status, read, made) = decompress(
                &mut self.inflate,
                cursor.input,
                &mut self.ring,
                self.at,
                FLAGS,
            );
            cursor.take(read);
            let end = self.at + made;
            let bytes = self.ring.get(self.at..end).unwrap_or_default();
            cursor.hand_on(bytes, Codec::Gzip, out)?;
            self.at = end % self.ring.len().max(1);
            match status {
                TINFLStatus::Done => return Ok(true),
                TINFLStatus::NeedsMoreInput => return Ok(false),
                TINFLStatus::HasMoreOutput if made > 0 => {}
                TINFLStatus::BlockBoundary => {
                    let state = self.inflate.block_boundary_state();
                    if let Some(state) = state {
                        cursor.note(|| Resume::Block {
                            bits: state.num_bits,
                            bit_buffer: state.bit_buf,
                            member_start,
                            window: miniz_oxide::deflate::compress_to_vec(&self.window(), 4),
                        });
                    }
                }
                _ => return Err(cursor.corrupt(Codec::Gzip, "the deflate data is malformed")),
            }
        }
    }

    /// The bytes that the next block may refer to.
    fn window(&self) -> Vec<u8> {
        let (before, after) = self.ring.split_at_checked(self.at).unwrap_or_default();
        let from_after = WINDOW_BYTES.saturating_sub(before.len());
        let older = after.get(after.len().saturating_sub(from_after)..);
        let newer = before.get(before.len().saturating_sub(WINDOW_BYTES)..);
        [older.unwrap_or_default(), newer.unwrap_or_default()].concat()
    }
}

/// RFC 8878: frames one after another, some of them to be skipped.
struct Zstd {
    decoder: FrameDecoder,
    /// A header or block that is not yet here whole.
    held: Vec<u8>,
    part: ZstdPart,
    frames: u64,
}

#[derive(Clone, Copy, Debug)]
enum ZstdPart {
    /// The magic number and what tells the header's length.
    FrameStart,
    FrameHeader {
        length: usize,
        has_checksum: bool,
    },
    SkippableLength,
    Skippable {
        left: u64,
    },
    BlockHeader {
        has_checksum: bool,
    },
    Block {
        length: usize,
        is_last: bool,
        has_checksum: bool,
    },
}

impl Zstd {
    fn new(window: u64) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(window);
        Self {
            decoder,
            held: Vec::new(),
            part: ZstdPart::FrameStart,
            frames: 0,
        }
    }

    fn is_between_frames(&self) -> bool {
        matches!(self.part, ZstdPart::FrameStart) && self.held.is_empty() && self.frames > 0
    }

    fn advance(
        &mut self,
        cursor: &mut Cursor<'_>,
        out: &mut impl Unpacked,
    ) -> Result<Progress, LayerError> {
        loop {
            if self.is_between_frames() {
                cursor.note(|| Resume::Start);
            }
            if let ZstdPart::Skippable { left } = self.part {
                let taken = cursor
                    .take(usize::try_from(left).unwrap_or(usize::MAX))
                    .len() as u64;
                self.part = if taken == left {
                    self.frames += 1;
                    ZstdPart::FrameStart
                } else {
                    ZstdPart::Skippable { left: left - taken }
                };
                if matches!(self.part, ZstdPart::Skippable { .. }) {
                    return Ok(Progress::More);
                }
                continue;
            }
            // What is needed before the next step can run; all parts begin at the held bytes.
            let needed = match self.part {
                ZstdPart::FrameStart => 5,
                ZstdPart::FrameHeader { length, .. } => length,
                ZstdPart::SkippableLength => 8,
                ZstdPart::BlockHeader { .. } => 3,
                ZstdPart::Block {
                    length,
                    is_last,
                    has_checksum,
                } => 3 + length + if is_last && has_checksum { 4 } else { 0 },
                ZstdPart::Skippable { .. } => 0,
            };
            // A block that is here whole is decoded where it lies, without a copy.
            let held = std::mem::take(&mut self.held);
            if held.is_empty() && cursor.input.len() >= needed {
                let bytes = cursor.input.get(..needed).unwrap_or_default();
                let read = self.step(bytes, cursor, out)?;
                if read == Read::Trailing {
                    return Ok(Progress::Trailing);
                }
                if read == Read::All {
                    cursor.take(needed);
                }
                continue;
            }
            let mut held = held;
            let missing = needed.saturating_sub(held.len());
            held.extend_from_slice(cursor.take(missing));
            if held.len() < needed {
                self.held = held;
                return Ok(Progress::More);
            }
            // Errors say where the step's bytes begin, wherever they came from.
            *cursor.position -= held.len() as u64;
            let read = self.step(&held, cursor, out)?;
            *cursor.position += held.len() as u64;
            match read {
                Read::Trailing => return Ok(Progress::Trailing),
                // The allocation is kept for the next block.
                Read::All => held.clear(),
                Read::Looked => {}
            }
            self.held = held;
        }
    }

    /// Does the next step, with exactly the bytes that it needs.
    fn step(
        &mut self,
        bytes: &[u8],
        cursor: &mut Cursor<'_>,
        out: &mut impl Unpacked,
    ) -> Result<Read, LayerError> {
        let at = |index: usize| bytes.get(index).copied().unwrap_or_default();
        match self.part {
            ZstdPart::FrameStart => {
                let magic = u32::from_le_bytes([at(0), at(1), at(2), at(3)]);
                if magic & 0xffff_fff0 == 0x184d_2a50 {
                    self.part = ZstdPart::SkippableLength;
                } else if magic == 0xfd2f_b528 {
                    let (length, has_checksum) = frame_header(at(4));
                    self.part = ZstdPart::FrameHeader {
                        length,
                        has_checksum,
                    };
                } else if self.frames > 0 {
                    return Ok(Read::Trailing);
                } else {
                    return Err(cursor.corrupt(Codec::Zstd, "the zstd frame header is malformed"));
                }
                Ok(Read::Looked)
            }
            ZstdPart::SkippableLength => {
                let left = u64::from(u32::from_le_bytes([at(4), at(5), at(6), at(7)]));
                self.part = ZstdPart::Skippable { left };
                Ok(Read::All)
            }
            ZstdPart::FrameHeader { has_checksum, .. } => {
                self.decoder
                    .reset(bytes)
                    .map_err(|error| cursor.corrupt(Codec::Zstd, error.to_string()))?;
                self.part = ZstdPart::BlockHeader { has_checksum };
                Ok(Read::All)
            }
            ZstdPart::BlockHeader { has_checksum } => {
                let header = u32::from_le_bytes([at(0), at(1), at(2), 0]);
                let size = usize::try_from(header >> 3).unwrap_or(usize::MAX);
                let length = match (header >> 1) & 3 {
                    1 => 1,
                    _ if size > MAX_BLOCK_BYTES => {
                        return Err(cursor.corrupt(Codec::Zstd, "a zstd block is too large"));
                    }
                    3 => return Err(cursor.corrupt(Codec::Zstd, "a zstd block is of no type")),
                    _ => size,
                };
                self.part = ZstdPart::Block {
                    length,
                    is_last: header & 1 == 1,
                    has_checksum,
                };
                Ok(Read::Looked)
            }
            ZstdPart::Block {
                is_last,
                has_checksum,
                ..
            } => {
                self.decoder
                    .decode_blocks(bytes, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(|error| cursor.corrupt(Codec::Zstd, error.to_string()))?;
                let mut writer = Writer {
                    out,
                    unpacked: 0,
                    position: *cursor.position,
                    error: None,
                };
                let written = self.decoder.collect_to_writer(&mut writer);
                let (unpacked, error) = (writer.unpacked, writer.error);
                *cursor.unpacked += unpacked;
                if let Some(error) = error {
                    return Err(error);
                }
                written.map_err(|error| cursor.corrupt(Codec::Zstd, error.to_string()))?;
                self.part = if is_last {
                    self.frames += 1;
                    ZstdPart::FrameStart
                } else {
                    ZstdPart::BlockHeader { has_checksum }
                };
                Ok(Read::All)
            }
            ZstdPart::Skippable { .. } => Ok(Read::Looked),
        }
    }
}

/// What a step did with the bytes that it was given.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Read {
    All,
    Looked,
    Trailing,
}

/// The length of a frame's header, and whether a checksum ends the frame (RFC 8878, 3.1.1.1).
fn frame_header(descriptor: u8) -> (usize, bool) {
    let is_single_segment = descriptor & 0x20 != 0;
    let window = usize::from(!is_single_segment);
    let dictionary = match descriptor & 3 {
        0 => 0,
        1 => 1,
        2 => 2,
        _ => 4,
    };
    let content = match (descriptor >> 6, is_single_segment) {
        (0, false) => 0,
        (0, true) => 1,
        (1, _) => 2,
        (2, _) => 4,
        _ => 8,
    };
    (5 + window + dictionary + content, descriptor & 4 != 0)
}

/// Takes what `ruzstd` drains from its window, without copying it once more.
struct Writer<'a, O> {
    out: &'a mut O,
    unpacked: u64,
    position: u64,
    error: Option<LayerError>,
}

impl<O: Unpacked> std::io::Write for Writer<'_, O> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.error.is_none() {
            self.unpacked += bytes.len() as u64;
            self.error = self.out.piece(bytes, self.position, Codec::Zstd).err();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn to_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
