//! What the headers of an ELF file say, for people who look into it.
//!
//! Formats: System V gABI (chapters 4 and 5), the GNU extensions of the Linux Standard Base
//! (`PT_GNU_RELRO`, `PT_GNU_STACK`, `.note.gnu.build-id`). What protects a program is told as
//! checksec and hardening-check do: a protection that cannot be seen is not claimed.

use crate::kinds::executable::layout::{u16_at, u32_at, u64_at};

/// Segments, dynamic entries and notes that are read at most.
const MAX_ITEMS: usize = 4096;
/// Bytes of one name.
const MAX_NAME_BYTES: usize = 4096;
/// Libraries that are named.
const MAX_NEEDED: usize = 256;

/// What the headers say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ElfFacts {
    /// 32 or 64.
    pub bits: u8,
    /// Whether numbers are stored big end first.
    pub is_big_endian: bool,
    /// The machine it is for, as its maker calls it.
    pub machine: String,
    /// Executable, shared object …
    pub kind: &'static str,
    /// The loader it asks for.
    pub interpreter: Option<String>,
    /// The name it is linked by.
    pub soname: Option<String>,
    /// Libraries it is linked with.
    pub needed: Vec<String>,
    /// Where it looks for them besides the usual places.
    pub runpath: Option<String>,
    /// What names this build, in hexadecimal.
    pub build_id: Option<String>,
    /// Whether it has no symbol table; `None` if its section table is not among the bytes.
    pub is_stripped: Option<bool>,
    /// Whether it can be loaded at any address.
    pub is_pie: bool,
    /// Whether what the loader relocates is made read-only: `no`, `partial` or `full`.
    pub relro: &'static str,
    /// Whether its stack cannot be executed.
    pub has_nx: bool,
    /// Whether it checks its stack; `None` if its symbols are not among the bytes.
    pub has_canary: Option<bool>,
    /// Whether it uses the checked variants of the C library's functions; `None` as above.
    pub is_fortified: Option<bool>,
}

#[derive(Clone, Copy)]
struct Segment {
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    size: u64,
}

/// Reads the headers of a file that begins with `bytes`; `None` if it is no ELF file. What lies behind
/// the bytes is left out.
pub fn read(bytes: &[u8]) -> Option<ElfFacts> {
    if !bytes.starts_with(b"\x7fELF") {
        return None;
    }
    let (class, data) = (*bytes.get(4)?, *bytes.get(5)?);
    let mut facts = ElfFacts {
        bits: match class {
            1 => 32,
            2 => 64,
            _ => return None,
        },
        is_big_endian: data == 2,
        relro: "no",
        ..ElfFacts::default()
    };
    let file = File {
        bytes,
        is_64: class == 2,
        big: data == 2,
    };
    let kind = u16_at(bytes, 16, file.big)?;
    facts.kind = match kind {
        1 => "relocatable object",
        2 => "executable",
        3 => "shared object",
        4 => "core dump",
        _ => "of an unknown type",
    };
    facts.machine = machine(u16_at(bytes, 18, file.big)?);
    let segments = file.segments().unwrap_or_default();
    facts.has_nx = segments
        .iter()
        .any(|segment| segment.kind == GNU_STACK && segment.flags & 1 == 0);
    for segment in &segments {
        match segment.kind {
            INTERP => facts.interpreter = file.name(segment.offset),
            NOTE if facts.build_id.is_none() => facts.build_id = file.build_id(segment),
            _ => {}
        }
    }
    let has_relro = segments.iter().any(|segment| segment.kind == GNU_RELRO);
    let dynamic = segments.iter().find(|segment| segment.kind == DYNAMIC);
    let mut binds_now = false;
    let mut is_marked_pie = false;
    if let Some(dynamic) = dynamic {
        let entries = file.dynamic(dynamic);
        let value = |tag: u64| entries.iter().find(|(own, _)| *own == tag).map(|(_, v)| *v);
        let at = |address: u64| {
            segments.iter().find_map(|segment| {
                let within = address.checked_sub(segment.address)?;
                (segment.kind == LOAD && within < segment.size)
                    .then(|| segment.offset.checked_add(within))?
            })
        };
        let strings = value(5).and_then(at);
        let name = |offset: u64| file.name(strings?.checked_add(offset)?);
        let needed = entries.iter().filter(|(tag, _)| *tag == 1);
        facts.needed = needed
            .filter_map(|(_, offset)| name(*offset))
            .take(MAX_NEEDED)
            .collect();
        facts.soname = value(14).and_then(name);
        facts.runpath = value(29).or_else(|| value(15)).and_then(name);
        binds_now = value(24).is_some()
            || value(30).is_some_and(|flags| flags & 8 != 0)
            || value(0x6fff_fffb).is_some_and(|flags| flags & 1 != 0);
        is_marked_pie = value(0x6fff_fffb).is_some_and(|flags| flags & 0x0800_0000 != 0);
        // The names of dynamic symbols lie in the same table; its size is its own entry.
        let table = strings.zip(value(10)).and_then(|(start, size)| {
            let start = usize::try_from(start).ok()?;
            bytes.get(start..start.checked_add(usize::try_from(size).ok()?)?)
        });
        if let Some(table) = table {
            let mut names = table.split(|byte| *byte == 0);
            facts.has_canary = Some(names.clone().any(|name| {
                matches!(
                    name,
                    b"__stack_chk_fail" | b"__stack_chk_guard" | b"__intel_security_cookie"
                )
            }));
            facts.is_fortified =
                Some(names.any(|name| name.starts_with(b"__") && name.ends_with(b"_chk")));
        }
    }
    facts.is_pie = kind == 3 && (is_marked_pie || facts.interpreter.is_some());
    if facts.is_pie {
        facts.kind = "executable";
    }
    facts.relro = match (has_relro, binds_now) {
        (true, true) => "full",
        (true, false) => "partial",
        (false, _) => "no",
    };
    facts.is_stripped = file.has_symbols().map(|has| !has);
    Some(facts)
}

impl ElfFacts {
    /// As rows of a list: a name and a value in words.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = vec![
            (
                "Format",
                format!(
                    "ELF, {} bit, {} end first",
                    self.bits,
                    if self.is_big_endian { "big" } else { "little" }
                ),
            ),
            ("Machine", self.machine.clone()),
            ("Type", self.kind.to_owned()),
        ];
        let mut push = |name, value: Option<String>| rows.extend(value.map(|value| (name, value)));
        push("Loader", self.interpreter.clone());
        push("Linked as", self.soname.clone());
        push(
            "Needs",
            (!self.needed.is_empty()).then(|| self.needed.join(", ")),
        );
        push("Looks in", self.runpath.clone());
        push("Build id", self.build_id.clone());
        let symbols = match self.is_stripped {
            Some(true) => "none, it is stripped",
            Some(false) => "it has a symbol table",
            None => "not known: its section table was not read",
        };
        push("Symbols", Some(symbols.to_owned()));
        let yes = |is_so| if is_so { "yes" } else { "no" }.to_owned();
        let is_program = self.interpreter.is_some() || self.kind == "executable";
        push("Loads anywhere (PIE)", is_program.then(|| yes(self.is_pie)));
        push(
            "Read-only after relocation (RELRO)",
            Some(self.relro.to_owned()),
        );
        push("Stack not executable (NX)", Some(yes(self.has_nx)));
        push("Checks its stack (canary)", self.has_canary.map(yes));
        push("Checked C functions (FORTIFY)", self.is_fortified.map(yes));
        rows
    }
}

const LOAD: u32 = 1;
const DYNAMIC: u32 = 2;
const INTERP: u32 = 3;
const NOTE: u32 = 4;
const GNU_STACK: u32 = 0x6474_e551;
const GNU_RELRO: u32 = 0x6474_e552;

struct File<'a> {
    bytes: &'a [u8],
    is_64: bool,
    big: bool,
}

impl File<'_> {
    fn word(&self, at: usize) -> Option<u64> {
        match self.is_64 {
            true => u64_at(self.bytes, at, self.big),
            false => u32_at(self.bytes, at, self.big).map(u64::from),
        }
    }

    fn short(&self, at: usize) -> Option<u16> {
        u16_at(self.bytes, at, self.big)
    }

    fn long(&self, at: usize) -> Option<u32> {
        u32_at(self.bytes, at, self.big)
    }

    /// Offsets of the entries of a table.
    fn table(&self, start: u64, size: u16, count: u16) -> impl Iterator<Item = usize> {
        let start = usize::try_from(start).ok();
        (0..usize::from(count).min(MAX_ITEMS))
            .map_while(move |index| start?.checked_add(usize::from(size).checked_mul(index)?))
    }

    fn segments(&self) -> Option<Vec<Segment>> {
        let (start, size, count) = match self.is_64 {
            true => (self.word(0x20)?, self.short(0x36)?, self.short(0x38)?),
            false => (self.word(0x1c)?, self.short(0x2a)?, self.short(0x2c)?),
        };
        let segment = |at: usize| {
            let field = |wide: usize, narrow: usize| {
                self.word(at.checked_add(if self.is_64 { wide } else { narrow })?)
            };
            Some(Segment {
                kind: self.long(at)?,
                flags: self.long(at.checked_add(if self.is_64 { 4 } else { 24 })?)?,
                offset: field(8, 4)?,
                address: field(16, 8)?,
                size: field(32, 16)?,
            })
        };
        Some(self.table(start, size, count).map_while(segment).collect())
    }

    /// Tags and values.
    fn dynamic(&self, segment: &Segment) -> Vec<(u64, u64)> {
        let width: u16 = if self.is_64 { 16 } else { 8 };
        let count = segment.size / u64::from(width);
        let count = u16::try_from(count).unwrap_or(u16::MAX);
        let entry = |at: usize| {
            let value = at.checked_add(usize::from(width) / 2)?;
            Some((self.word(at)?, self.word(value)?))
        };
        self.table(segment.offset, width, count)
            .map_while(entry)
            .take_while(|(tag, _)| *tag != 0)
            .collect()
    }

    /// A text that ends with a zero byte.
    fn name(&self, offset: u64) -> Option<String> {
        let rest = self.bytes.get(usize::try_from(offset).ok()?..)?;
        let rest = rest.get(..MAX_NAME_BYTES).unwrap_or(rest);
        let end = rest.iter().position(|byte| *byte == 0)?;
        let text = String::from_utf8_lossy(rest.get(..end)?).into_owned();
        (!text.is_empty()).then_some(text)
    }

    fn build_id(&self, segment: &Segment) -> Option<String> {
        let mut at = usize::try_from(segment.offset).ok()?;
        let end = at.checked_add(usize::try_from(segment.size).ok()?)?;
        for _ in 0..MAX_ITEMS {
            if at >= end {
                return None;
            }
            let name_size = usize::try_from(self.long(at)?).ok()?;
            let size = usize::try_from(self.long(at.checked_add(4)?)?).ok()?;
            let kind = self.long(at.checked_add(8)?)?;
            let name_at = at.checked_add(12)?;
            let value_at = name_at.checked_add(name_size.checked_next_multiple_of(4)?)?;
            let name = self.bytes.get(name_at..name_at.checked_add(name_size)?)?;
            if kind == 3 && name == b"GNU\0" && size <= 64 {
                let value = self.bytes.get(value_at..value_at.checked_add(size)?)?;
                return Some(value.iter().map(|byte| format!("{byte:02x}")).collect());
            }
            at = value_at.checked_add(size.checked_next_multiple_of(4)?)?;
        }
        None
    }

    /// Whether there is a symbol table, if the section table is there to tell.
    fn has_symbols(&self) -> Option<bool> {
        const SYMTAB: u32 = 2;
        let (start, size, count) = match self.is_64 {
            true => (self.word(0x28)?, self.short(0x3a)?, self.short(0x3c)?),
            false => (self.word(0x20)?, self.short(0x2e)?, self.short(0x30)?),
        };
        if start == 0 || count == 0 {
            return Some(false);
        }
        let mut kinds = Vec::new();
        for at in self.table(start, size, count) {
            kinds.push(self.long(at.checked_add(4)?)?);
        }
        Some(kinds.contains(&SYMTAB))
    }
}

/// The registry of machines, by the names that their makers use.
fn machine(number: u16) -> String {
    let name = match number {
        3 => "x86 (i386)",
        8 => "MIPS",
        20 => "PowerPC",
        21 => "PowerPC, 64 bit",
        22 => "IBM Z (s390x)",
        40 => "ARM, 32 bit",
        62 => "x86-64 (amd64)",
        183 => "ARM, 64 bit (aarch64)",
        243 => "RISC-V",
        247 => "BPF",
        258 => "LoongArch",
        other => return format!("number {other}"),
    };
    name.to_owned()
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, reason = "tests")]
mod tests {
    use super::*;

    /// A program of 64 bits with a loader, a library, a build id and a dynamic section.
    fn program(flags: u64, stack: u32) -> Vec<u8> {
        let mut bytes = vec![0; 0x400];
        let mut put = |at: usize, part: &[u8]| bytes[at..at + part.len()].copy_from_slice(part);
        put(0, b"\x7fELF\x02\x01\x01");
        put(16, &3_u16.to_le_bytes());
        put(18, &62_u16.to_le_bytes());
        put(0x20, &64_u64.to_le_bytes());
        put(0x36, &56_u16.to_le_bytes());
        put(0x38, &6_u16.to_le_bytes());
        let segments: [(u32, u32, u64, u64, u64); 6] = [
            (LOAD, 5, 0, 0x10_0000, 0x400),
            (INTERP, 4, 0x200, 0, 0x20),
            (DYNAMIC, 6, 0x300, 0x10_0300, 0x80),
            (NOTE, 4, 0x240, 0, 0x20),
            (GNU_STACK, stack, 0, 0, 0),
            (GNU_RELRO, 4, 0x300, 0, 0x80),
        ];
        for (index, (kind, flags, offset, address, size)) in segments.iter().enumerate() {
            let at = 64 + index * 56;
            put(at, &kind.to_le_bytes());
            put(at + 4, &flags.to_le_bytes());
            put(at + 8, &offset.to_le_bytes());
            put(at + 16, &address.to_le_bytes());
            put(at + 32, &size.to_le_bytes());
        }
        put(0x200, b"/lib64/ld-linux-x86-64.so.2\0");
        put(0x240, &4_u32.to_le_bytes());
        put(0x244, &4_u32.to_le_bytes());
        put(0x248, &3_u32.to_le_bytes());
        put(0x24c, b"GNU\0\xab\xcd\xef\x01");
        put(0x280, b"\0libc.so.6\0__stack_chk_fail\0__printf_chk\0");
        let dynamic = [
            (1, 1),
            (5, 0x10_0280),
            (10, 42),
            (0x6fff_fffb, flags),
            (0, 0),
        ];
        for (index, (tag, value)) in dynamic.iter().enumerate() {
            put(0x300 + index * 16, &u64::to_le_bytes(*tag));
            put(0x308 + index * 16, &value.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn a_hardened_program_is_told_as_one() {
        let facts = read(&program(0x0800_0001, 6)).unwrap();
        assert_eq!(
            facts.interpreter.as_deref(),
            Some("/lib64/ld-linux-x86-64.so.2")
        );
        assert_eq!(facts.needed, ["libc.so.6"]);
        assert_eq!(facts.build_id.as_deref(), Some("abcdef01"));
        assert_eq!(
            (facts.is_pie, facts.relro, facts.has_nx),
            (true, "full", true)
        );
        assert_eq!(
            (facts.has_canary, facts.is_fortified),
            (Some(true), Some(true))
        );
        assert_eq!((facts.bits, facts.machine.as_str()), (64, "x86-64 (amd64)"));
        assert_eq!(facts.is_stripped, Some(true), "it has no sections at all");
        let rows = facts.rows();
        assert!(rows.contains(&("Needs", "libc.so.6".to_owned())));
    }

    #[test]
    fn what_is_missing_is_not_claimed() {
        let facts = read(&program(0, 7)).unwrap();
        assert_eq!((facts.relro, facts.has_nx), ("partial", false));
        let cut = read(&program(0, 7)[..0x290]).unwrap();
        assert_eq!((cut.has_canary, cut.needed.len()), (None, 0));
        assert_eq!(read(b"#!/bin/sh"), None);
    }

    #[test]
    fn damaged_files_make_no_panic() {
        let good = program(1, 6);
        for at in 0..good.len() {
            for byte in [0, 0x7f, 0xff] {
                let mut bad = good.clone();
                bad[at] = byte;
                read(&bad);
            }
            read(&good[..at]);
        }
    }

    #[test]
    fn the_program_that_runs_this_is_read() {
        #[allow(clippy::disallowed_methods, reason = "a test")]
        let bytes = std::env::current_exe().and_then(std::fs::read).unwrap();
        if let Some(facts) = read(&bytes) {
            assert!(facts.needed.iter().any(|name| name.starts_with("libc.so")));
            assert_eq!(facts.is_stripped, Some(false));
        }
    }
}
