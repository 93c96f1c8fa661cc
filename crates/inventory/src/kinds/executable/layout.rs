//! Where a program's bytes lie in memory, as the headers at its start say.
//!
//! Section tables lie at the end of a file, which a stream has not reached when it matters; what the
//! loader needs lies at its start. ELF: program headers (gABI, chapter 5). PE: the section table, which
//! is at the start there (<https://learn.microsoft.com/windows/win32/debug/pe-format>). Mach-O: the load
//! commands (`mach-o/loader.h`); of a fat file only that it is one.

use crate::limits::MAX_SEGMENTS;

/// The executable formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Elf,
    Pe,
    MachO,
    /// Several Mach-O files in one.
    FatMachO,
}

impl Format {
    /// The format of a file by its first bytes.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        match *head.first_chunk::<4>()? {
            [0x7f, b'E', b'L', b'F'] => Some(Self::Elf),
            [b'M', b'Z', ..] => Some(Self::Pe),
            [0xcf | 0xce, 0xfa, 0xed, 0xfe] | [0xfe, 0xed, 0xfa, 0xcf | 0xce] => Some(Self::MachO),
            // Java classes begin with the same bytes. Where they have their version, from 45 on, a fat
            // file has the number of its parts.
            [0xca, 0xfe, 0xba, 0xbe | 0xbf] => {
                let parts = u32_at(head, 4, true)?;
                (1..=20).contains(&parts).then_some(Self::FatMachO)
            }
            _ => None,
        }
    }
}

/// A part of the file that is loaded to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment {
    address: u64,
    offset: u64,
    size: u64,
}

/// What the headers say.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Layout {
    segments: Vec<Segment>,
    /// Offset and size of what may hold notes.
    pub(crate) notes: Vec<(u64, u64)>,
    pub(crate) is_big_endian: bool,
}

impl Layout {
    /// Reads the headers in the first bytes of a file. What is not there is left out.
    pub(crate) fn read(format: Format, head: &[u8]) -> Self {
        let mut layout = Self::default();
        // Each reader ends where the bytes do.
        let _: Option<()> = match format {
            Format::Elf => layout.read_elf(head),
            Format::Pe => layout.read_pe(head),
            Format::MachO => layout.read_mach_o(head),
            Format::FatMachO => None,
        };
        layout
    }

    /// Where in the file the byte at an address lies.
    pub(crate) fn offset_of(&self, address: u64) -> Option<u64> {
        self.segments.iter().find_map(|segment| {
            let within = address.checked_sub(segment.address)?;
            (within < segment.size)
                .then(|| segment.offset.checked_add(within))
                .flatten()
        })
    }

    fn read_elf(&mut self, head: &[u8]) -> Option<()> {
        const LOAD: u32 = 1;
        const NOTE: u32 = 4;
        let is_64 = *head.get(4)? == 2;
        let big = *head.get(5)? == 2;
        self.is_big_endian = big;
        let word = |at: usize| match is_64 {
            true => u64_at(head, at, big),
            false => u32_at(head, at, big).map(u64::from),
        };
        let (table, entry_size, count) = match is_64 {
            true => (
                word(0x20)?,
                u16_at(head, 0x36, big)?,
                u16_at(head, 0x38, big)?,
            ),
            false => (
                word(0x1c)?,
                u16_at(head, 0x2a, big)?,
                u16_at(head, 0x2c, big)?,
            ),
        };
        for index in 0..usize::from(count).min(MAX_SEGMENTS) {
            let entry = usize::try_from(table).ok()?;
            let entry = entry.checked_add(usize::from(entry_size).checked_mul(index)?)?;
            let field = |at64: usize, at32: usize| {
                word(entry.checked_add(if is_64 { at64 } else { at32 })?)
            };
            let kind = u32_at(head, entry, big)?;
            let (offset, address, size) = (field(8, 4)?, field(16, 8)?, field(32, 16)?);
            match kind {
                LOAD => self.segments.push(Segment {
                    address,
                    offset,
                    size,
                }),
                NOTE => self.notes.push((offset, size)),
                _ => {}
            }
        }
        Some(())
    }

    fn read_pe(&mut self, head: &[u8]) -> Option<()> {
        let at = usize::try_from(u32_at(head, 0x3c, false)?).ok()?;
        let coff = at.checked_add(4)?;
        let optional = coff.checked_add(20)?;
        let sections = u16_at(head, coff.checked_add(2)?, false)?;
        let optional_size = u16_at(head, coff.checked_add(16)?, false)?;
        let base = match u16_at(head, optional, false)? {
            0x20b => u64_at(head, optional.checked_add(24)?, false)?,
            _ => u64::from(u32_at(head, optional.checked_add(28)?, false)?),
        };
        let table = optional.checked_add(usize::from(optional_size))?;
        for index in 0..usize::from(sections).min(MAX_SEGMENTS) {
            let entry = table.checked_add(index.checked_mul(40)?)?;
            let field = |at: usize| u32_at(head, entry.checked_add(at)?, false).map(u64::from);
            self.segments.push(Segment {
                address: base.checked_add(field(12)?)?,
                size: field(16)?,
                offset: field(20)?,
            });
        }
        Some(())
    }

    fn read_mach_o(&mut self, head: &[u8]) -> Option<()> {
        const SEGMENT: u32 = 0x1;
        const SEGMENT_64: u32 = 0x19;
        let big = *head.first()? == 0xfe;
        self.is_big_endian = big;
        let is_64 = matches!(head.get(if big { 3 } else { 0 })?, 0xcf);
        let mut at = if is_64 { 32_usize } else { 28 };
        let commands = usize::try_from(u32_at(head, 16, big)?).ok()?;
        for _ in 0..commands.min(MAX_SEGMENTS * 4) {
            let kind = u32_at(head, at, big)?;
            let size = usize::try_from(u32_at(head, at.checked_add(4)?, big)?).ok()?;
            let long = |place: usize| u64_at(head, at.checked_add(place)?, big);
            let short = |place: usize| u32_at(head, at.checked_add(place)?, big).map(u64::from);
            let segment = match kind {
                SEGMENT_64 => Some((long(24)?, long(40)?, long(48)?)),
                SEGMENT => Some((short(24)?, short(32)?, short(36)?)),
                _ => None,
            };
            if let Some((address, offset, size)) = segment
                && self.segments.len() < MAX_SEGMENTS
            {
                self.segments.push(Segment {
                    address,
                    offset,
                    size,
                });
            }
            at = at.checked_add(size.max(8))?;
        }
        Some(())
    }
}

fn at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}

/// A number of two bytes.
pub(crate) fn u16_at(bytes: &[u8], place: usize, is_big_endian: bool) -> Option<u16> {
    let bytes = at::<2>(bytes, place)?;
    Some(match is_big_endian {
        true => u16::from_be_bytes(bytes),
        false => u16::from_le_bytes(bytes),
    })
}

/// A number of four bytes.
pub(crate) fn u32_at(bytes: &[u8], place: usize, is_big_endian: bool) -> Option<u32> {
    let bytes = at::<4>(bytes, place)?;
    Some(match is_big_endian {
        true => u32::from_be_bytes(bytes),
        false => u32::from_le_bytes(bytes),
    })
}

/// A number of eight bytes.
pub(crate) fn u64_at(bytes: &[u8], place: usize, is_big_endian: bool) -> Option<u64> {
    let bytes = at::<8>(bytes, place)?;
    Some(match is_big_endian {
        true => u64::from_be_bytes(bytes),
        false => u64::from_le_bytes(bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        let check = |head: &[u8], expect: Option<Format>| assert_eq!(Format::of(head), expect);
        check(b"\x7fELF\x02\x01", Some(Format::Elf));
        check(b"MZ\x90\0", Some(Format::Pe));
        check(b"\xcf\xfa\xed\xfe\x07\0\0\x01", Some(Format::MachO));
        check(b"\xfe\xed\xfa\xce", Some(Format::MachO));
        check(b"\xca\xfe\xba\xbe\0\0\0\x02", Some(Format::FatMachO));
        check(b"\xca\xfe\xba\xbe\0\0\0\x34", None);
        check(b"\xca\xfe\xba\xbe", None);
        check(b"#!/bin/sh", None);
        check(b"", None);
    }

    #[test]
    fn headers_that_break_off_give_what_is_there() {
        for format in [Format::Elf, Format::Pe, Format::MachO, Format::FatMachO] {
            for length in 0..200 {
                Layout::read(format, &vec![0xff; length]);
                Layout::read(format, &vec![0; length]);
            }
        }
    }

    #[test]
    fn more_segments_than_the_limit_are_left_out() {
        let mut head = b"\x7fELF\x02\x01".to_vec();
        head.resize(64, 0);
        head[0x20] = 64;
        head[0x36] = 56;
        head[0x38..0x3a].copy_from_slice(&u16::MAX.to_le_bytes());
        for _ in 0..200 {
            head.extend([1, 0, 0, 0]);
            head.extend([0; 52]);
        }
        let layout = Layout::read(Format::Elf, &head);
        assert_eq!(layout.segments.len(), MAX_SEGMENTS);
    }
}
