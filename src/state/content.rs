//! What a file of an image shows when it is opened: text with numbered lines, what an ELF file's
//! headers say, or bytes in hexadecimal.

use lamina_inventory::elf;
use serde::{Deserialize, Serialize};

use super::language::{fill, t, text};

/// Bytes of a file that are shown.
pub const SHOWN_BYTES: u64 = 1 << 20;

/// Bytes that are shown in hexadecimal.
pub const HEX_BYTES: usize = 16 << 10;

/// Characters of a line that are shown.
const LINE_CHARACTERS: usize = 4000;

/// From this length of its longest line on, JSON is also shown with line breaks.
const LONG_LINE: usize = 300;

/// Lines drawn as one block: the browser lays out only blocks in sight.
const BLOCK_LINES: usize = 100;

/// The kind of a JSON document.
pub const JSON: &str = "JSON";

/// Kinds that are words rather than names of formats.
const KINDS: [&str; 11] = [
    text("empty"),
    text("text"),
    text("script"),
    text("certificates"),
    text("keys"),
    text("zip or jar"),
    text("ar or deb"),
    text("Windows program"),
    text("Java class"),
    text("Python bytecode"),
    text("binary"),
];

/// A kind in the page's language: the worker that tells it has none.
pub fn kind_title(kind: &str) -> String {
    match KINDS.into_iter().find(|known| *known == kind) {
        Some(known) => t(known).to_owned(),
        None => kind.to_owned(),
    }
}

/// An opened file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FileView {
    /// Where it lies, with links followed.
    pub path: String,
    /// The layer whose copy it is.
    pub layer: usize,
    /// Its bytes.
    pub size: u64,
    /// How many of them were read.
    pub read: u64,
    /// `rwxr-xr-x`.
    pub mode: String,
    /// Numeric user and group.
    pub owner: (u64, u64),
    /// Seconds since 1970.
    pub modified: i64,
    /// What is in it.
    pub content: Content,
    /// How it came here.
    pub way: FileWay,
}

/// What is in a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// What it is, in words.
    pub kind: String,
    /// What its headers say.
    pub facts: Vec<(String, String)>,
    /// Its text, or its bytes in hexadecimal.
    pub text: String,
    /// Whether that is its own text, with lines that can be referred to.
    pub is_text: bool,
    /// JSON without line breaks, with line breaks.
    pub formatted: Option<String>,
}

/// How a file's bytes came here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FileWay {
    /// Bytes of the layer that were read for it.
    pub fetched: u64,
    /// Bytes of the layer.
    pub blob: u64,
    /// Whether it was read from an archive of this machine.
    pub is_local: bool,
    /// Whether reading began within the layer.
    pub is_part: bool,
    /// Whether the registry sent the whole layer where a part was asked for.
    pub is_range_refused: bool,
    /// Whether the bytes were checked against the layer that was scanned.
    pub is_checked: bool,
}

impl FileWay {
    /// What was read, in a sentence.
    pub fn words(&self) -> String {
        let size = super::words::size;
        let sentence = match (self.is_local, self.is_range_refused, self.is_part) {
            (true, _, false) => t("{size} of the layer's {all} read again from the archive"),
            (true, _, true) => t(
                "{size} of the layer's {all} read again from the archive, from a saved point of the layer on",
            ),
            (false, true, _) => t(
                "{size} of the layer's {all} read again from the registry; the registry does not answer ranges, so that it sent the layer from its start",
            ),
            (false, false, true) => t(
                "{size} of the layer's {all} read again from the registry, from a saved point of the layer on",
            ),
            (false, false, false) => t("{size} of the layer's {all} read again from the registry"),
        };
        fill(
            sentence,
            &[("size", &size(self.fetched)), ("all", &size(self.blob))],
        )
    }

    /// What vouches for the bytes, in a sentence.
    pub fn check_words(&self) -> &'static str {
        if self.is_checked {
            t("Checked: these parts of the layer are those that were scanned, by its digest")
        } else {
            t(
                "Not checked: only a part of the layer was read, and nothing is kept to check it against its digest",
            )
        }
    }
}

/// Tells what a file shows. `bytes` are its first; `size` is its length.
pub fn content(path: &str, bytes: &[u8], size: u64) -> Content {
    let is_whole = bytes.len() as u64 >= size;
    let shown = usize::try_from(SHOWN_BYTES).unwrap_or(usize::MAX);
    let head = bytes.get(..shown).unwrap_or(bytes);
    if head.is_empty() {
        return Content {
            kind: "empty".to_owned(),
            is_text: true,
            ..Content::default()
        };
    }
    if let Some(facts) = elf::read(bytes) {
        let rows = facts.rows().into_iter();
        return Content {
            kind: "ELF".to_owned(),
            facts: rows.map(|(name, value)| (name.to_owned(), value)).collect(),
            text: hex(head),
            ..Content::default()
        };
    }
    let Some(text) = as_text(head) else {
        return Content {
            kind: kind_of(head).to_owned(),
            text: hex(head),
            ..Content::default()
        };
    };
    let is_all = is_whole && head.len() == bytes.len();
    let starts = text.trim_start();
    let is_json = starts.starts_with(['{', '[']);
    let has_long_lines = text.lines().any(|line| line.len() > LONG_LINE);
    let formatted = (is_json && is_all && has_long_lines).then(|| format_json(&text));
    let kind = if is_json
        && (path.ends_with(".json") || formatted.as_ref().is_some_and(Option::is_some))
    {
        JSON
    } else if starts.starts_with("#!") {
        "script"
    } else if starts.starts_with("-----BEGIN CERTIFICATE") {
        "certificates"
    } else if starts.starts_with("-----BEGIN ") {
        "keys"
    } else {
        "text"
    };
    Content {
        kind: kind.to_owned(),
        text,
        is_text: true,
        formatted: formatted.flatten(),
        ..Content::default()
    }
}

/// Bytes as text, if they are: UTF-8, or another encoding of which most can be read.
fn as_text(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..8192).unwrap_or(bytes);
    if head.contains(&0) {
        return None;
    }
    let is_odd =
        |byte: &&u8| **byte < 0x20 && !matches!(**byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b);
    if head.iter().filter(is_odd).count() * 50 > head.len() {
        return None;
    }
    // The last character may be cut.
    let end = bytes.len().saturating_sub(3);
    let is_utf8 = match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.valid_up_to() >= end && error.error_len().is_none(),
    };
    let text = String::from_utf8_lossy(bytes);
    if !is_utf8 {
        let bad = text.matches('\u{fffd}').count();
        if bad * 20 > bytes.len() {
            return None;
        }
    }
    Some(text.replace('\0', "\u{fffd}"))
}

/// What bytes are that are no text, by how they begin.
fn kind_of(bytes: &[u8]) -> &'static str {
    let starts: [(&[u8], &str); 16] = [
        (b"\x1f\x8b", "gzip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"\xfd7zXZ", "xz"),
        (b"BZh", "bzip2"),
        (b"PK\x03\x04", "zip or jar"),
        (b"!<arch>\n", "ar or deb"),
        (b"\xed\xab\xee\xdb", "rpm"),
        (b"SQLite format 3\0", "SQLite"),
        (b"\x89PNG", "PNG"),
        (b"\xff\xd8\xff", "JPEG"),
        (b"GIF8", "GIF"),
        (b"MZ", "Windows program"),
        (b"\xca\xfe\xba\xbe", "Java class"),
        (b"\x00asm", "WebAssembly"),
        (b"\xcf\xfa\xed\xfe", "Mach-O"),
        (b"\xa7\x0d\x0d\x0a", "Python bytecode"),
    ];
    let found = starts.iter().find(|(start, _)| bytes.starts_with(start));
    found.map_or("binary", |(_, kind)| kind)
}

/// Bytes as `hexdump -C` shows them.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let bytes = bytes.get(..HEX_BYTES).unwrap_or(bytes);
    let mut out = String::with_capacity(bytes.len() * 5);
    for (number, row) in bytes.chunks(16).enumerate() {
        let _ = write!(out, "{:08x} ", number * 16);
        for at in 0..16 {
            if at == 8 {
                out.push(' ');
            }
            match row.get(at) {
                Some(byte) => {
                    let _ = write!(out, " {byte:02x}");
                }
                None => out.push_str("   "),
            }
        }
        out.push_str("  ");
        out.extend(row.iter().map(|byte| match byte {
            0x20..=0x7e => char::from(*byte),
            _ => '.',
        }));
        out.push('\n');
    }
    out
}

/// JSON with line breaks, its members in their order and its numbers as they are; `None` if it is no
/// JSON, or nests too deep.
pub fn format_json(text: &str) -> Option<String> {
    const MAX_DEPTH: usize = 128;
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut characters = text.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                out.push('"');
                while let Some(character) = characters.next() {
                    out.push(character);
                    match character {
                        '"' => break,
                        '\\' => out.extend(characters.next()),
                        _ => {}
                    }
                }
            }
            '{' | '[' => {
                out.push(character);
                while characters
                    .next_if(|next| next.is_ascii_whitespace())
                    .is_some()
                {}
                if let Some(end) = characters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    if depth > MAX_DEPTH {
                        return None;
                    }
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(character);
            }
            ',' => {
                out.push(',');
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            white if white.is_ascii_whitespace() => {}
            other => out.push(other),
        }
    }
    Some(out)
}

/// Lines that are drawn together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The number of its first line, from 1.
    pub first: usize,
    /// How many lines.
    pub count: usize,
    /// What they are.
    pub kind: BlockKind,
    /// Them, ended by line feeds.
    pub text: String,
}

/// What the lines of a block are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// Just lines.
    Plain,
    /// Those that a package or a finding was read from.
    Evidence,
    /// Lines that hold a secret: not shown.
    Hidden,
}

impl Block {
    /// The numbers of its lines, one a line.
    pub fn numbers(&self) -> String {
        let numbers = self.first..self.first + self.count;
        numbers.map(|number| format!("{number}\n")).collect()
    }
}

/// Cuts a text into blocks, so that marked and hidden lines are blocks of their own. Ranges are of line
/// numbers from 1, both ends included.
pub fn blocks(text: &str, marked: Option<(u32, u32)>, hidden: &[(u32, u32)]) -> Vec<Block> {
    let is_in = |number: usize, range: &(u32, u32)| {
        u32::try_from(number).is_ok_and(|number| (range.0..=range.1).contains(&number))
    };
    let mut blocks: Vec<Block> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let kind = if hidden.iter().any(|range| is_in(number, range)) {
            BlockKind::Hidden
        } else if marked.is_some_and(|range| is_in(number, &range)) {
            BlockKind::Evidence
        } else {
            BlockKind::Plain
        };
        match blocks.last_mut() {
            Some(block) if block.kind == kind && block.count < BLOCK_LINES => block.count += 1,
            _ => blocks.push(Block {
                first: number,
                count: 1,
                kind,
                text: String::new(),
            }),
        }
        let Some(block) = blocks.last_mut() else {
            continue;
        };
        if kind == BlockKind::Hidden {
            block.text.push_str(t("•••••••• hidden: a secret"));
            block.text.push('\n');
            continue;
        }
        match line.char_indices().nth(LINE_CHARACTERS) {
            Some((end, _)) => {
                block.text.push_str(line.get(..end).unwrap_or_default());
                block.text.push(' ');
                block.text.push_str(t("… (the line goes on)"));
            }
            None => block.text.push_str(line),
        }
        block.text.push('\n');
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_content() {
        let check = |path: &str, bytes: &[u8], expect: &str| {
            assert_eq!(
                content(path, bytes, bytes.len() as u64).kind,
                expect,
                "{path}"
            );
        };
        check("a", b"", "empty");
        check("etc/passwd", b"root:x:0:0\n", "text");
        check("a.json", b"{\"a\": 1}\n", "JSON");
        check("bin/a", b"#!/bin/sh\necho\n", "script");
        check(
            "c.pem",
            b"-----BEGIN CERTIFICATE-----\nAA\n",
            "certificates",
        );
        check("a.gz", b"\x1f\x8b\x08\0\0\0", "gzip");
        check("a.bin", b"\x01\x02\0\x03", "binary");
        check(
            "latin",
            "Gr\u{fc}\u{df}e aus M\u{fc}nchen, ganz ohne Zwang".as_bytes(),
            "text",
        );
        check("latin1", b"Gr\xfc\xdfe aus M\xfcnchen, und noch viel mehr Text, der lesbar ist, damit die wenigen Umlaute nicht zu viele werden", "text");
    }

    #[test]
    fn a_text_that_is_cut_within_a_character_is_text() {
        let bytes = "ab\u{20ac}".as_bytes();
        let content = content("a", &bytes[..4], 100);
        assert!(content.is_text, "{content:?}");
    }

    #[test]
    fn json_in_one_line_gets_lines() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(format_json(text).as_deref(), expect);
        };
        check(
            r#"{"b":[1,2.50,{}],"a":"x,{\"y\":1}"}"#,
            Some("{\n  \"b\": [\n    1,\n    2.50,\n    {}\n  ],\n  \"a\": \"x,{\\\"y\\\":1}\"\n}"),
        );
        check("[ ]", Some("[]"));
        check("{", None);
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        check(&deep, None);
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(LONG_LINE));
        let size = long.len() as u64;
        assert!(content("a", long.as_bytes(), size).formatted.is_some());
        assert!(
            content("a", long.as_bytes(), size + 1).formatted.is_none(),
            "cut"
        );
    }

    #[test]
    fn blocks_are_cut_where_lines_are_marked_or_hidden() {
        let text: String = (1..=250).map(|number| format!("line {number}\n")).collect();
        let told = |marked, hidden: &[(u32, u32)]| {
            blocks(&text, marked, hidden)
                .into_iter()
                .map(|block| format!("{}+{} {:?}", block.first, block.count, block.kind))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            told(None, &[]),
            ["1+100 Plain", "101+100 Plain", "201+50 Plain"]
        );
        assert_eq!(
            told(Some((3, 4)), &[(4, 4), (250, 900)]),
            [
                "1+2 Plain",
                "3+1 Evidence",
                "4+1 Hidden",
                "5+100 Plain",
                "105+100 Plain",
                "205+45 Plain",
                "250+1 Hidden"
            ]
        );
        let hidden = blocks(&text, None, &[(7, 7)]);
        assert!(hidden.iter().all(|block| !block.text.contains("line 7\n")));
        assert_eq!(hidden[1].numbers(), "7\n");
        let long = "x".repeat(LINE_CHARACTERS + 1);
        assert!(blocks(&long, None, &[])[0].text.ends_with("goes on)\n"));
    }

    #[test]
    fn bytes_are_shown_in_hexadecimal() {
        assert_eq!(
            hex(b"\0\x01Lamina"),
            "00000000  00 01 4c 61 6d 69 6e 61                           ..Lamina\n"
        );
    }
}
