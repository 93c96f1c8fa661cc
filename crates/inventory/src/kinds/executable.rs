//! What compiled programs say of themselves.
//!
//! Programs and libraries in the formats ELF, PE and Mach-O, whatever their names, are watched as they
//! go by; only what is of interest is held, so their size does not matter. Read are
//!
//! - [`go`]: the modules that a Go program is built from;
//! - [`auditable`]: the crates that a Rust program is built from, by cargo-auditable;
//! - [`note`]: which package a distribution says it is of.
//!
//! A program that UPX packed shows none of this, which is a warning.

use lamina_image::{layer::Entry, path::LayerPath};
use memchr::memmem;

use crate::{
    analyser::{Hit, StreamAnalyser, Topic, Wants, Watcher, Window},
    facts::{Facts, Warning},
    limits::MAX_EXECUTABLE_HEAD_BYTES,
};

mod auditable;
mod go;
pub(crate) mod layout;
mod note;
mod take;

use layout::{Format, Layout};

/// Compiled programs and libraries.
pub struct Executable;

/// Bytes that are seen after the start of what is looked for: those that it takes to tell whether a
/// zlib stream is cargo-auditable's. The codes of its first block take up to 300 bytes.
const AHEAD: usize = 512;

const ID: &str = "executable";

/// Whether a regular file is a program, by its first bytes: compiled (ELF, PE, Mach-O; libraries
/// too), or a script that names its interpreter and may be executed.
pub fn is_program(entry: &Entry, head: &[u8]) -> bool {
    Format::of(head).is_some() || (head.starts_with(b"#!") && entry.mode & 0o111 != 0)
}

/// The marks to look for, as they are counted.
pub(crate) fn needles() -> impl Iterator<Item = (usize, &'static [u8])> {
    (0..).zip(go::MARKS)
}

impl StreamAnalyser for Executable {
    fn id(&self) -> &'static str {
        ID
    }

    fn revision(&self) -> u32 {
        1
    }

    fn watch(&self, _: &Entry, head: &[u8]) -> Option<Box<dyn Watcher>> {
        let format = Format::of(head)?;
        Some(Box::new(Program {
            format,
            layout: None,
            is_packed: false,
            go: go::Go::new(),
            auditable: auditable::Auditable::new(),
            notes: note::Notes::default(),
        }))
    }
}

/// Watches one program.
struct Program {
    format: Format,
    /// What its headers say, once they were read.
    layout: Option<Layout>,
    is_packed: bool,
    go: go::Go,
    auditable: auditable::Auditable,
    notes: note::Notes,
}

impl Program {
    /// The first window holds the headers.
    fn begin(&mut self, window: &Window<'_>) {
        if self.layout.is_none() {
            let head = window.bytes;
            let head = head.get(..MAX_EXECUTABLE_HEAD_BYTES).unwrap_or(head);
            let layout = Layout::read(self.format, head);
            self.go.see_head(head);
            self.notes.see_head(&layout);
            self.is_packed = memmem::find(head, b"UPX!").is_some();
            self.layout = Some(layout);
        }
    }
}

impl Watcher for Program {
    fn wants(&self) -> Wants {
        Wants {
            topic: Some(Topic::Marks),
            behind: 0,
            ahead: AHEAD,
            first: MAX_EXECUTABLE_HEAD_BYTES,
        }
    }

    fn only_long(&mut self, window: &Window<'_>) -> bool {
        self.begin(window);
        !self.go.is_go()
    }

    fn hit(&mut self, window: &Window<'_>, hit: Hit) {
        // Who is asked before may have said no for all, so that this one was not asked.
        self.begin(window);
        self.go.hit(window, hit);
    }

    fn see(&mut self, window: &Window<'_>) {
        self.begin(window);
        let (at, bytes) = (window.offset, window.bytes);
        if let Some(layout) = &self.layout {
            self.go.feed(at, bytes, layout);
        }
        self.auditable.feed(at, bytes);
        self.auditable.see(window);
        self.notes.feed(at, bytes);
    }

    fn finish(self: Box<Self>, path: &LayerPath, _: bool, out: &mut Facts) {
        if self.is_packed {
            out.warn(Warning::Packed {
                analyser: ID.to_owned(),
                file: path.clone(),
                packer: "UPX".to_owned(),
            });
        }
        self.go.finish(ID, path, out);
        self.auditable.finish(ID, path, out);
        self.notes.finish(ID, path, out);
    }
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, reason = "tests")]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        analyser::FileWatch,
        facts::PackageKind,
        kinds::tests::watch,
        limits::{MAX_AUDITABLE_BYTES, MAX_GO_BUILD_INFO_BYTES, MAX_GO_PROGRAMS, MAX_NOTE_BYTES},
    };

    /// An ELF file of 64 bits whose segments, of these types, begin at these offsets; their addresses are
    /// 0x400000 more.
    fn elf(segments: &[(u8, u64, u64)]) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(64, 0);
        bytes[0x20] = 64;
        bytes[0x36] = 56;
        bytes[0x38] = segments.len() as u8;
        for (kind, offset, size) in segments {
            bytes.extend([*kind, 0, 0, 0, 0, 0, 0, 0]);
            for word in [*offset, offset + 0x40_0000, 0, *size, *size, 8] {
                bytes.extend(word.to_le_bytes());
            }
        }
        bytes
    }

    /// Puts a part at a place.
    fn put(bytes: &mut Vec<u8>, at: usize, part: &[u8]) {
        bytes.resize(bytes.len().max(at + part.len()), 0x90);
        bytes[at..at + part.len()].copy_from_slice(part);
    }

    fn told(facts: &Facts) -> Vec<String> {
        let packages = facts.packages.iter();
        packages
            .map(|package| format!("{}@{}", package.name, package.version))
            .collect()
    }

    fn check(bytes: &[u8], expect: &[&str]) -> Facts {
        let facts = watch(&Executable, "usr/bin/a", bytes, 4096);
        assert_eq!(told(&facts), expect, "{:?}", facts.warnings);
        for piece in [1, 100, 513, 70_000] {
            assert_eq!(
                watch(&Executable, "usr/bin/a", bytes, piece),
                facts,
                "{piece}"
            );
        }
        facts
    }

    const MODULES: &str = "path\tgithub.com/a/b/cmd/c\n\
        mod\tgithub.com/a/b\t(devel)\t\n\
        dep\tgithub.com/d/e\tv1.0.0\th1:aa=\n\
        dep\tgithub.com/f/g\tv1.0.0\n\
        =>\tgithub.com/h/g\tv1.0.1\th1:bb=\n\
        dep\tgithub.com/i/j\tv0.0.0\n\
        =>\t./staging/j\t\t\n\
        build\t-ldflags=\"-s -X main.version=v2.1.0\"\n\
        build\tGOOS=linux\nbuild\tvcs.revision=abc\n";

    const PACKAGES: [&str; 5] = [
        "github.com/a/b@v2.1.0",
        "github.com/d/e@v1.0.0",
        "github.com/h/g@v1.0.1",
        "github.com/i/j@",
        "stdlib@1.22.3",
    ];

    #[test]
    fn go_programs_name_their_modules() {
        for at in [512, 8192, 8176, 70_000 / 16 * 16] {
            let mut bytes = elf(&[]);
            put(&mut bytes, at, &go::tests::inline("go1.22.3", MODULES));
            put(&mut bytes, at + 2000, b"end");
            let facts = check(&bytes, &PACKAGES);
            assert_eq!(facts.warnings, []);
            let main = &facts.packages[0];
            assert_eq!(main.kind, PackageKind::Golang);
            let evidence = format!("Go build information at byte {at}");
            assert_eq!(main.evidence.as_deref(), Some(evidence.as_str()));
            assert_eq!(main.detail_of("go-version"), Some("1.22.3"));
            assert_eq!(main.detail_of("goos"), Some("linux"));
            assert_eq!(main.detail_of("vcs-revision"), Some("abc"));
            assert_eq!(facts.packages[1].detail_of("h1"), Some("h1:aa="));
            let replaces = facts.packages[2].detail_of("replaces");
            assert_eq!(replaces, Some("github.com/f/g@v1.0.0"));
            let replaced_by = facts.packages[3].detail_of("replaced-by");
            assert_eq!(replaced_by, Some("./staging/j"));
        }
    }

    /// A program of Go before 1.18: the header at `header`, which points to a text's header, which points
    /// to the text.
    fn old_go(header: usize, text_header: usize, text: usize) -> Vec<u8> {
        let mut bytes = elf(&[(1, 0, 0x10_0000)]);
        put(&mut bytes, 200, b"Go build ID: \"x\"");
        put(&mut bytes, text, b"xgo1.15.2strings.of.Go");
        put(&mut bytes, 20_000, &go::tests::marked(MODULES));
        let address = |offset: usize| (offset as u64 + 0x40_0000).to_le_bytes();
        let mut info = b"\xff Go buildinf:\x08\0".to_vec();
        info.extend(address(text_header));
        info.extend([0; 8]);
        put(&mut bytes, header, &info);
        put(&mut bytes, text_header, &address(text + 1));
        put(&mut bytes, text_header + 8, &8_u64.to_le_bytes());
        put(&mut bytes, 100_000, b"end");
        bytes
    }

    #[test]
    fn pointers_of_old_go_programs_are_followed() {
        let mut expect = PACKAGES;
        expect[4] = "stdlib@1.15.2";
        // The text before the header, as linkers have it, and after it.
        check(&old_go(40_000, 41_000, 15_000), &expect);
        check(&old_go(40_000, 90_000, 95_000), &expect);
        // A pointer to what has gone by: the version is not known, the modules are.
        check(&old_go(40_000, 11_000, 15_000), &expect[..4]);
        // Unless no other version is named.
        let mut bytes = old_go(40_000, 11_000, 15_000);
        put(&mut bytes, 15_000, b"\0go1.15.2\0");
        check(&bytes, &expect);
        // Without a build ID nothing at the start says that it is Go's.
        let mut bytes = old_go(40_000, 41_000, 15_000);
        put(&mut bytes, 200, b"               ");
        check(&bytes, &expect[..4]);
    }

    #[test]
    fn who_else_watches_a_program_changes_nothing() {
        let bytes = old_go(40_000, 41_000, 15_000);
        let expect = told(&watch(&Executable, "usr/bin/a", &bytes, bytes.len()));
        let mut entry = crate::kinds::tests::entry("usr/bin/a");
        entry.size = bytes.len() as u64;
        let head = &bytes[..crate::analyser::HEAD_BYTES];
        assert!(crate::kinds::secrets::Secrets.watch(&entry, head).is_some());
        for piece in [bytes.len(), 4096] {
            let mut facts = Facts::default();
            let mut all = FileWatch::new(&entry, head, crate::kinds::STREAM_ANALYSERS);
            for piece in bytes.chunks(piece) {
                all.feed(piece);
            }
            all.finish(&entry.path, true, &mut facts);
            assert_eq!(told(&facts), expect, "{piece}");
        }
    }

    #[test]
    fn what_only_looks_like_build_information_is_none() {
        let mut bytes = elf(&[]);
        // Not aligned: text of a program that looks for it.
        put(&mut bytes, 513, &go::tests::inline("go1.22.3", MODULES));
        put(&mut bytes, 4096, b"\xff Go buildinf:\x08\x02");
        put(&mut bytes, 8192, b"\xff Go buildinf:\x05\0");
        put(&mut bytes, 9000, &go::tests::marked("pat"));
        assert_eq!(check(&bytes, &[]).warnings, []);
    }

    #[test]
    fn build_information_that_breaks_off_gives_what_is_there() {
        let mut bytes = elf(&[]);
        let info = go::tests::inline("go1.22.3", MODULES);
        let end = 512 + memmem::find(&info, b"dep\tgithub.com/i/j").unwrap() + 7;
        put(&mut bytes, 512, &info);
        let facts = check(
            &bytes[..end],
            &[
                "github.com/a/b@",
                "github.com/d/e@v1.0.0",
                "github.com/h/g@v1.0.1",
                "stdlib@1.22.3",
            ],
        );
        assert_eq!(facts.warnings.len(), 1);
        for end in 0..bytes.len() {
            watch(&Executable, "a", &bytes[..end], 64);
        }
    }

    #[test]
    fn go_limits_are_warnings() {
        let mut bytes = elf(&[]);
        for index in 0..MAX_GO_PROGRAMS + 1 {
            let list = format!("mod\ta{index}\tv1.0.0\t\n");
            put(
                &mut bytes,
                512 + index * 256,
                &go::tests::inline("go1.22", &list),
            );
        }
        let facts = watch(&Executable, "a", &bytes, 4096);
        assert_eq!(
            facts.packages.len(),
            MAX_GO_PROGRAMS + 1,
            "one of them is stdlib"
        );
        assert_eq!(facts.warnings.len(), 1);

        let mut list = String::from("mod\ta\tv1.0.0\t\n");
        while list.len() < 3 * MAX_GO_BUILD_INFO_BYTES {
            list.push_str("other\tthing\n");
        }
        let mut bytes = elf(&[]);
        put(&mut bytes, 512, &go::tests::inline("go1.22", &list));
        let facts = watch(&Executable, "a", &bytes, 1 << 20);
        assert_eq!(told(&facts), ["a@v1.0.0", "stdlib@1.22"]);
        assert_eq!(facts.warnings.len(), 1);
    }

    fn zlib(text: &[u8], level: u32) -> Vec<u8> {
        let level = flate2::Compression::new(level);
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), level);
        writer.write_all(text).unwrap();
        writer.finish().unwrap()
    }

    const CRATES: &str = r#"{"packages":[
        {"name":"app","version":"0.1.0","source":"local","dependencies":[1],"root":true},
        {"name":"libc","version":"0.2.150","source":"crates.io"},
        {"name":"cc","version":"1.0.0","source":"crates.io","kind":"build"}]}"#;

    #[test]
    fn rust_programs_name_their_crates() {
        let long: String = (0..3000)
            .map(|n| format!(",{{\"name\":\"c{n}\",\"version\":\"1.{n}.0\"}}"))
            .collect();
        let long = CRATES.replace("]}", &format!("{long}]}}"));
        for level in [1, 6, 9] {
            for at in [600, 8190, 65_530] {
                let mut bytes = elf(&[]);
                put(
                    &mut bytes,
                    at,
                    &zlib(CRATES.replace('\n', "").as_bytes(), level),
                );
                put(&mut bytes, at + 4000, b"xx\x9c\xedx\x9c");
                let facts = check(&bytes, &["app@0.1.0", "libc@0.2.150"]);
                assert_eq!(facts.warnings, []);
                assert_eq!(facts.packages[0].detail_of("root"), Some("true"));
                let evidence = format!("cargo-auditable data at byte {at}");
                assert_eq!(
                    facts.packages[1].evidence.as_deref(),
                    Some(evidence.as_str())
                );

                put(&mut bytes, at, &zlib(long.as_bytes(), level));
                let facts = watch(&Executable, "a", &bytes, 512);
                assert_eq!((facts.packages.len(), facts.warnings.len()), (3002, 0));
            }
        }
    }

    #[test]
    fn data_of_cargo_auditable_that_is_broken_is_a_warning() {
        let check = |data: &[u8], problem: &str| {
            let mut bytes = elf(&[]);
            put(&mut bytes, 600, data);
            let facts = check(&bytes, &[]);
            assert_eq!(facts.warnings.len(), 1, "{problem}");
            let told = facts.warnings[0].to_string();
            assert!(told.contains(problem), "{told}");
        };
        let whole = zlib(CRATES.as_bytes(), 6);
        check(&whole[..whole.len() - 8], "is cut off");
        check(&zlib(b"{\"packages\":[{}]}", 6), "is not its JSON");
        let bomb = [b"{\"packages\":[".to_vec(), vec![b' '; MAX_AUDITABLE_BYTES]].concat();
        check(&zlib(&bomb, 6), "bytes of cargo-auditable's data");
    }

    fn note(kind: u32, json: &str) -> Vec<u8> {
        let size = json.len() as u32 + 1;
        let mut bytes = [4_u32, size, kind].map(u32::to_le_bytes).concat();
        bytes.extend(b"FDO\0");
        bytes.extend(json.as_bytes());
        bytes.push(0);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn package_notes_are_read() {
        let json = r#"{"type":"rpm","name":"coreutils","version":"9.0-1.fc35","architecture":"x86_64","osCpe":"cpe:/o:f:f:35"}"#;
        let notes = [note(1, "other"), note(0xcafe_1a7e, json)].concat();
        for at in [600, 10_000] {
            let mut bytes = elf(&[(4, at, notes.len() as u64)]);
            put(&mut bytes, at as usize, &notes);
            let facts = check(&bytes, &["coreutils@9.0-1.fc35"]);
            assert_eq!(facts.warnings, []);
            let package = &facts.packages[0];
            assert_eq!(package.kind, PackageKind::Rpm);
            assert_eq!(package.architecture.as_deref(), Some("x86_64"));
            assert_eq!(package.source.as_ref().unwrap().name, "coreutils");
            assert_eq!(package.detail_of("os-cpe"), Some("cpe:/o:f:f:35"));
        }
        for (json, warnings) in [("{}", 1), ("[", 1), (r#"{"name":"a","version":"1"}"#, 0)] {
            let notes = note(0xcafe_1a7e, json);
            let mut bytes = elf(&[(4, 600, notes.len() as u64)]);
            put(&mut bytes, 600, &notes);
            let facts = watch(&Executable, "a", &bytes, 100);
            assert_eq!(facts.warnings.len(), warnings, "{json}");
        }
        // More than the limit is not held.
        let long = format!(
            r#"{{"name":"a","version":"{}"}}"#,
            "1".repeat(MAX_NOTE_BYTES)
        );
        let notes = note(0xcafe_1a7e, &long);
        let mut bytes = elf(&[(4, 600, notes.len() as u64)]);
        put(&mut bytes, 600, &notes);
        check(&bytes, &[]);
    }

    #[test]
    fn packed_programs_are_a_warning() {
        let mut bytes = elf(&[]);
        put(&mut bytes, 200, b"UPX!");
        let facts = check(&bytes, &[]);
        assert_eq!(
            facts.warnings[0].to_string(),
            "usr/bin/a is packed by UPX; executable cannot see what it carries"
        );
    }

    #[test]
    fn only_programs_are_watched() {
        let path = "usr/bin/a";
        for head in [b"#!/bin/sh".as_slice(), b"", b"\xca\xfe\xba\xbe\0\0\0\x34"] {
            assert_eq!(watch(&Executable, path, head, 10), Facts::default());
        }
    }

    proptest! {
        #[test]
        fn no_program_makes_it_panic(
            parts in prop::collection::vec((0_usize..2000, 0_usize..8), 0..12),
            flip in 0_usize..4000,
            piece in 1_usize..3000,
        ) {
            let parts_of: [Vec<u8>; 8] = [
                go::tests::inline("go1.22.3", MODULES),
                old_go(400, 500, 600),
                zlib(CRATES.as_bytes(), 6),
                note(0xcafe_1a7e, r#"{"name":"a","version":"1"}"#),
                go::tests::marked(MODULES),
                b"go1.".to_vec(),
                vec![0xff; 64],
                elf(&[(4, 700, 100), (1, u64::MAX - 0x40_0000, 7)]),
            ];
            let mut bytes = elf(&[(1, 0, 5000), (4, 600, 400)]);
            for (at, part) in parts {
                put(&mut bytes, at * 4, &parts_of[part]);
            }
            if let Some(byte) = bytes.get_mut(flip) {
                *byte = !*byte;
            }
            watch(&Executable, "a", &bytes, piece);
        }
    }
}
