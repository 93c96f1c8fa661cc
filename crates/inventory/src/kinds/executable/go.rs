//! Go build information.
//!
//! The linker writes which modules a program is built from into the program: a header of 32 bytes that
//! begins with `\xff Go buildinf:`. Since Go 1.18 the version of Go and the list of modules follow it,
//! each after its length as a varint; before, the header points to them. There is no specification but
//! the reader in Go itself, <https://pkg.go.dev/debug/buildinfo>.
//!
//! The list of modules lies between two marks of 16 bytes, by which it is found where the header only
//! points to it. The version of Go is found by following the pointer through the program's headers; the
//! text it leads to usually lies before the header, so every place that may be such a text is
//! remembered. That is not possible in position-independent programs of Go before 1.18, whose pointers
//! are filled in when they are started, and in fat Mach-O files of that age; there the version is told
//! only if the program names no other. Nor is it if the program has no build ID
//! (`-ldflags=-buildid=`), because then nothing at its start says that it is Go's. The modules are found
//! in all of them.
//!
//! The main module's version is often `(devel)`. Then, as Trivy does, the version that the build sets by
//! `-ldflags "-X main.version=…"` is taken where there is exactly one of the best sort, and none
//! otherwise.

use std::collections::BTreeSet;

use lamina_image::path::LayerPath;
use memchr::memmem;

use super::{
    layout::{Layout, u32_at, u64_at},
    take::Take,
};
use crate::{
    analyser::{Hit, Window},
    facts::{Basis, Facts, PackageFact, PackageKind},
    limits::{
        MAX_FIELD_BYTES, MAX_GO_BUILD_INFO_BYTES, MAX_GO_PROGRAMS, MAX_GO_VERSION_CANDIDATES,
    },
};

const MAGIC: &[u8] = b"\xff Go buildinf:";
const HEADER_BYTES: usize = 32;
const LIST_BEGIN: &[u8] = &[
    0x30, 0x77, 0xaf, 0x0c, 0x92, 0x74, 0x08, 0x02, 0x41, 0xe1, 0xc1, 0x07, 0xe6, 0xd6, 0x18, 0xe6,
];
const LIST_END: [u8; 16] = [
    0xf9, 0x32, 0x43, 0x31, 0x86, 0x18, 0x20, 0x72, 0x00, 0x82, 0x42, 0x10, 0x41, 0x16, 0xd8, 0xf2,
];
/// How the version of Go begins.
const VERSION: &[u8] = b"go1.";

/// What is looked for.
pub(super) const MARKS: [&[u8]; 3] = [MAGIC, LIST_BEGIN, VERSION];

/// Bytes of the version of Go: `go1.22.3 X:loopvar,aliastypeparams`.
const VERSION_BYTES: usize = 256;

/// Finds the build information of the Go programs in one file.
pub(super) struct Go {
    headers: Vec<Header>,
    lists: Vec<List>,
    /// Texts that may be a version, and where they lie.
    candidates: Vec<(u64, Vec<u8>)>,
    /// Whether the start of the file looks like Go's: only then are candidates noted.
    is_go: bool,
    has_more: bool,
}

/// A header and what follows it.
struct Header {
    offset: u64,
    take: Take,
    state: State,
}

enum State {
    /// Some of its bytes are not there yet.
    Reading,
    /// It ends with the lists themselves.
    Inline,
    /// It points to the version: where the pointer to the text and its length lie.
    Pointer(Option<Take>),
    /// The place of the text is known; whether it is still to come or is among the candidates.
    Text { take: Take, is_ahead: bool },
    /// It says that it is larger than the limit.
    TooLarge,
    /// Not build information.
    Invalid,
}

/// A list of modules between its marks.
struct List {
    take: Take,
    /// Bytes that were searched for its end.
    searched: usize,
    is_whole: bool,
}

impl Go {
    pub(super) fn new() -> Self {
        Self {
            headers: Vec::new(),
            lists: Vec::new(),
            candidates: Vec::new(),
            is_go: false,
            has_more: false,
        }
    }

    /// Looks at the start of the file.
    pub(super) fn see_head(&mut self, head: &[u8]) {
        let has = |text: &[u8]| memmem::find(head, text).is_some();
        // The build ID as a note in ELF files, as text at the start of the code in others.
        self.is_go =
            has(b"Go build ID: \"") || has(b"\x04\0\0\0Go\0\0") || has(b"\0\0\0\x04Go\0\0");
    }

    /// Whether the start of the file looks like Go's. Only then is the mark of four bytes looked for.
    pub(super) fn is_go(&self) -> bool {
        self.is_go
    }

    /// Notes what begins with a mark.
    pub(super) fn hit(&mut self, window: &Window<'_>, hit: Hit) {
        let offset = window.offset_of(hit.place);
        match MARKS.get(hit.number) {
            Some(&MAGIC) => {
                // The linker aligns it; programs that look for it hold it at any place.
                if !offset.is_multiple_of(16) {
                    return;
                }
                if self.headers.len() >= MAX_GO_PROGRAMS {
                    self.has_more = true;
                    return;
                }
                self.headers.push(Header {
                    offset,
                    take: Take::new(offset, HEADER_BYTES),
                    state: State::Reading,
                });
            }
            Some(&LIST_BEGIN) if self.lists.len() < MAX_GO_PROGRAMS => {
                self.lists.push(List {
                    take: Take::new(offset, MAX_GO_BUILD_INFO_BYTES),
                    searched: 0,
                    is_whole: false,
                });
            }
            Some(&VERSION) if self.is_go && self.candidates.len() < MAX_GO_VERSION_CANDIDATES => {
                let text = window.bytes.get(hit.place..).unwrap_or_default();
                let text = text.get(..VERSION_BYTES).unwrap_or(text);
                self.candidates.push((offset, text.to_vec()));
            }
            _ => {}
        }
    }

    /// Gives what was found its bytes.
    pub(super) fn feed(&mut self, at: u64, bytes: &[u8], layout: &Layout) {
        for list in &mut self.lists {
            list.feed(at, bytes);
        }
        for header in &mut self.headers {
            header.feed(at, bytes, layout);
        }
    }

    /// Notes what was found.
    pub(super) fn finish(mut self, analyser: &str, path: &LayerPath, out: &mut Facts) {
        if self.has_more {
            out.too_many(analyser, "Go programs in one file", MAX_GO_PROGRAMS as u64);
        }
        self.headers
            .retain(|header| !matches!(header.state, State::Invalid));
        let points =
            |header: &&Header| matches!(header.state, State::Pointer(_) | State::Text { .. });
        let pointing = self.headers.iter().filter(points).count();
        let mut seen = BTreeSet::new();
        let mut lists = self.lists.iter();
        for header in &self.headers {
            let (version, list) = match &header.state {
                State::Inline => match inline_parts(&header.take.bytes) {
                    Some((version, list)) => (version, list.to_vec()),
                    None => continue,
                },
                State::Reading | State::TooLarge => {
                    let problem = format!(
                        "the Go build information at byte {} is cut off or larger than {} bytes",
                        header.offset, MAX_GO_BUILD_INFO_BYTES
                    );
                    out.malformed(analyser, path, 0, &problem);
                    let Some((version, list)) = inline_parts(&header.take.bytes) else {
                        continue;
                    };
                    // What is cut off at its end has a version that may be cut off.
                    let end = memchr::memrchr(b'\n', list).unwrap_or(0);
                    (version, list.get(..end).unwrap_or_default().to_vec())
                }
                State::Pointer(_) | State::Text { .. } => {
                    // The lists come in the order of the programs.
                    let list = lists.next().filter(|_| self.lists.len() >= pointing);
                    let list = list.map(List::content).unwrap_or_default().to_vec();
                    (self.version_of(header), list)
                }
                State::Invalid => continue,
            };
            let program = Program::read(&version, &list);
            program.note(analyser, path, header.offset, &mut seen, out);
        }
    }

    /// The version of Go that a header points to.
    fn version_of(&self, header: &Header) -> Vec<u8> {
        if let State::Text { take, is_ahead } = &header.state {
            if *is_ahead && take.is_full() {
                return take.bytes.clone();
            }
            let mut candidates = self.candidates.iter();
            if let Some((_, text)) = candidates.find(|(offset, _)| *offset == take.offset())
                && let Some(text) = text.get(..take.wanted)
            {
                return text.to_vec();
            }
        }
        let mut distinct: Vec<&[u8]> = Vec::new();
        for (_, text) in &self.candidates {
            let is_version =
                |byte: &u8| !(byte.is_ascii_digit() || *byte == b'.' || byte.is_ascii_lowercase());
            let end = text.iter().position(is_version).unwrap_or(text.len());
            let text = text.get(..end).unwrap_or_default();
            // More text may follow without a space: then it is not known where the version ends.
            if text.get(4..).is_some_and(|rest| {
                rest.first().is_some_and(u8::is_ascii_digit)
                    && rest.iter().all(|b| b.is_ascii_digit() || *b == b'.')
            }) && !distinct.contains(&text)
            {
                distinct.push(text);
            }
        }
        match distinct.as_slice() {
            [only] => only.to_vec(),
            _ => Vec::new(),
        }
    }
}

impl List {
    fn feed(&mut self, at: u64, bytes: &[u8]) {
        if self.is_whole {
            return;
        }
        self.take.feed(at, bytes);
        let taken = &mut self.take.bytes;
        let from = self.searched.saturating_sub(LIST_END.len());
        let new = taken.get(from..).unwrap_or_default();
        if let Some(end) = memmem::find(new, &LIST_END) {
            taken.truncate(from + end);
            self.is_whole = true;
        }
        self.searched = taken.len();
        // It begins with the first line, or it is something else that looks alike.
        let lines: [&[u8]; 3] = [b"path\t", b"mod\t", b"dep\t"];
        let text = taken.get(LIST_BEGIN.len()..).unwrap_or_default();
        if text.len() >= 5 && !lines.iter().any(|line| text.starts_with(line)) {
            taken.clear();
            self.is_whole = true;
        }
    }

    /// What lies between the marks.
    fn content(&self) -> &[u8] {
        let text = self.take.bytes.get(LIST_BEGIN.len()..).unwrap_or_default();
        match self.is_whole {
            true => text,
            false => {
                let end = memchr::memrchr(b'\n', text).unwrap_or(0);
                text.get(..end).unwrap_or_default()
            }
        }
    }
}

impl Header {
    fn feed(&mut self, at: u64, bytes: &[u8], layout: &Layout) {
        loop {
            match &mut self.state {
                State::Reading => {
                    self.take.feed(at, bytes);
                    if !self.take.is_full() {
                        return;
                    }
                    self.state = match read_header(&self.take.bytes) {
                        Read::More(wanted) if wanted > self.take.bytes.len() => {
                            self.take.wanted = wanted;
                            continue;
                        }
                        Read::More(_) => State::TooLarge,
                        Read::Inline => State::Inline,
                        Read::Pointer { address, width } => {
                            // What lies before it has gone by, whatever pieces the stream comes in.
                            let offset = layout.offset_of(address);
                            let offset = offset.filter(|offset| *offset > self.offset);
                            State::Pointer(offset.map(|offset| Take::new(offset, width * 2)))
                        }
                        Read::Invalid => State::Invalid,
                    };
                }
                State::Pointer(Some(take)) => {
                    take.feed(at, bytes);
                    if !take.is_full() {
                        return;
                    }
                    let big = self.take.bytes.get(15).is_some_and(|flags| flags & 1 != 0);
                    let text = text_of(&take.bytes, big, layout);
                    self.state = match text {
                        Some((offset, length)) => State::Text {
                            is_ahead: offset >= take.end(),
                            take: Take::new(offset, length),
                        },
                        None => State::Pointer(None),
                    };
                }
                State::Text {
                    take,
                    is_ahead: true,
                } => return take.feed(at, bytes),
                State::Text { .. } => return,
                State::Pointer(None) | State::Inline | State::TooLarge | State::Invalid => return,
            }
        }
    }
}

/// Where the text of a string header (address, length) lies.
fn text_of(header: &[u8], is_big_endian: bool, layout: &Layout) -> Option<(u64, usize)> {
    let width = header.len() / 2;
    let address = address_at(header, 0, width, is_big_endian)?;
    let length = usize::try_from(address_at(header, width, width, is_big_endian)?).ok()?;
    let offset = layout.offset_of(address)?;
    (1..=VERSION_BYTES)
        .contains(&length)
        .then_some((offset, length))
}

fn address_at(bytes: &[u8], place: usize, width: usize, is_big_endian: bool) -> Option<u64> {
    match width {
        4 => u32_at(bytes, place, is_big_endian).map(u64::from),
        _ => u64_at(bytes, place, is_big_endian),
    }
}

enum Read {
    /// So many bytes are needed to say more.
    More(usize),
    Inline,
    Pointer {
        address: u64,
        width: usize,
    },
    Invalid,
}

/// What a header says.
fn read_header(bytes: &[u8]) -> Read {
    let (Some(width), Some(flags)) = (bytes.get(14), bytes.get(15)) else {
        return Read::More(HEADER_BYTES);
    };
    if flags & 2 == 0 {
        let width = usize::from(*width);
        let address = address_at(bytes, 16, width, flags & 1 != 0);
        return match address {
            Some(address) if matches!(width, 4 | 8) && flags & !1 == 0 => {
                Read::Pointer { address, width }
            }
            _ => Read::Invalid,
        };
    }
    let mut end = HEADER_BYTES;
    for limit in [VERSION_BYTES, MAX_GO_BUILD_INFO_BYTES] {
        let Some(rest) = bytes.get(end..) else {
            return Read::More(end);
        };
        match varint(rest) {
            Varint::Whole { value, used } => {
                // What is longer is cut off, with a warning.
                if value > MAX_GO_BUILD_INFO_BYTES {
                    return Read::More(MAX_GO_BUILD_INFO_BYTES);
                }
                if value > limit {
                    return Read::Invalid;
                }
                end += used + value;
            }
            Varint::More => return Read::More(bytes.len() + 1),
            Varint::Invalid => return Read::Invalid,
        }
    }
    if bytes.len() < end {
        return Read::More(end);
    }
    let (version, _) = inline_parts(bytes).unwrap_or_default();
    match version.starts_with(b"go") || version.starts_with(b"devel") {
        true => Read::Inline,
        false => Read::Invalid,
    }
}

enum Varint {
    Whole { value: usize, used: usize },
    More,
    Invalid,
}

fn varint(bytes: &[u8]) -> Varint {
    let mut value = 0_usize;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Varint::Whole {
                value,
                used: index + 1,
            };
        }
    }
    match bytes.len() < 5 {
        true => Varint::More,
        false => Varint::Invalid,
    }
}

/// Version and list of modules after a header, as far as they are there.
fn inline_parts(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let rest = bytes.get(HEADER_BYTES..)?;
    let Varint::Whole { value, used } = varint(rest) else {
        return None;
    };
    let version = rest.get(used..used.checked_add(value)?)?;
    let rest = rest.get(used.checked_add(value)?..)?;
    let Varint::Whole { value, used } = varint(rest) else {
        return None;
    };
    let list = rest.get(used..)?;
    let list = list.get(..value).unwrap_or(list);
    let list = list.get(LIST_BEGIN.len()..).unwrap_or_default();
    let list = list.strip_suffix(LIST_END.as_slice()).unwrap_or(list);
    Some((version.to_vec(), list))
}

/// One module as the list has it.
#[derive(Default)]
struct Module {
    path: String,
    version: String,
    digest: String,
    /// What it takes the place of.
    replaces: Option<String>,
    /// The folder that takes its place.
    replaced_by: Option<String>,
}

/// What a program is built from.
#[derive(Default)]
struct Program {
    /// As `1.22.3`.
    go_version: String,
    main: Option<Module>,
    dependencies: Vec<Module>,
    settings: Vec<(String, String)>,
}

impl Program {
    fn read(version: &[u8], list: &[u8]) -> Self {
        let mut program = Self {
            go_version: go_version(version),
            ..Self::default()
        };
        /// Which module a line `=>` replaces.
        enum Last {
            None,
            Main,
            Dependency,
        }
        let mut last = Last::None;
        for line in list.split(|byte| *byte == b'\n') {
            if line.len() > 16 * MAX_FIELD_BYTES {
                continue;
            }
            let line = String::from_utf8_lossy(line);
            let mut fields = line.split('\t');
            let key = fields.next().unwrap_or_default();
            let mut field = || fields.next().unwrap_or_default().to_owned();
            match key {
                "mod" | "dep" => {
                    let module = Module {
                        path: field(),
                        version: field(),
                        digest: field(),
                        ..Module::default()
                    };
                    if key == "mod" {
                        program.main = Some(module);
                        last = Last::Main;
                    } else {
                        program.dependencies.push(module);
                        last = Last::Dependency;
                    }
                }
                "=>" => {
                    let module = match last {
                        Last::Main => program.main.as_mut(),
                        Last::Dependency => program.dependencies.last_mut(),
                        Last::None => None,
                    };
                    if let Some(module) = module {
                        module.replace(field(), field(), field());
                    }
                }
                "build" => {
                    let setting = field();
                    if let Some((key, value)) = setting.split_once('=') {
                        program.settings.push((key.to_owned(), unquote(value)));
                    }
                }
                _ => {}
            }
        }
        program
    }

    fn setting(&self, name: &str) -> Option<&str> {
        let found = self.settings.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    fn note(
        mut self,
        analyser: &str,
        path: &LayerPath,
        offset: u64,
        seen: &mut BTreeSet<(String, String)>,
        out: &mut Facts,
    ) {
        let evidence = format!("Go build information at byte {offset}");
        let mut add = |mut package: PackageFact| {
            let is_sound = |text: &str| text.len() <= MAX_FIELD_BYTES;
            if is_sound(&package.name)
                && is_sound(&package.version)
                && seen.insert((package.name.clone(), package.version.clone()))
            {
                package.basis = Basis::Embedded;
                package.evidence = Some(evidence.clone());
                out.add_package(analyser, package);
            }
        };
        let new = |name: String, version: String| {
            PackageFact::new(PackageKind::Golang, name, version, path)
        };
        if let Some(main) = self.main.take()
            && !main.path.is_empty()
        {
            let mut version = main.version();
            let is_pseudo = version.starts_with("v0.0.0");
            if version.is_empty() || is_pseudo {
                let flags = self.setting("-ldflags").unwrap_or_default();
                if let Some(stamped) = stamped_version(&main.path, &words(flags)) {
                    version = stamped;
                }
            }
            let mut package = new(main.path, version);
            package.detail("go-version", Some(self.go_version.as_str()));
            package.detail("h1", Some(main.digest));
            for (setting, detail) in [
                ("GOOS", "goos"),
                ("GOARCH", "goarch"),
                ("CGO_ENABLED", "cgo-enabled"),
                ("vcs.revision", "vcs-revision"),
                ("vcs.time", "vcs-time"),
                ("vcs.modified", "vcs-modified"),
            ] {
                let value = self.setting(setting);
                package.detail(detail, value.filter(|value| value.len() <= MAX_FIELD_BYTES));
            }
            add(package);
        }
        for dependency in self.dependencies {
            // Old versions of Go write dependencies without a path now and then.
            if dependency.path.is_empty() {
                continue;
            }
            let version = dependency.version();
            let mut package = new(dependency.path, version);
            package.detail("h1", Some(dependency.digest));
            package.detail("replaces", dependency.replaces);
            package.detail("replaced-by", dependency.replaced_by);
            add(package);
        }
        // Without a version of Go there is nothing to compare.
        if !self.go_version.is_empty() {
            add(new("stdlib".to_owned(), self.go_version));
        }
    }
}

impl Module {
    /// Its version, unless it says that it has none.
    fn version(&self) -> String {
        match self.version.as_str() {
            "(devel)" => String::new(),
            version => version.to_owned(),
        }
    }

    /// Another module, or a folder, takes its place.
    fn replace(&mut self, path: String, version: String, digest: String) {
        if version.is_empty() {
            // A folder: the name says still best what it is, the version does not.
            self.replaced_by = Some(path);
            self.version = String::new();
        } else {
            self.replaces = Some(format!("{}@{}", self.path, self.version));
            self.path = path;
            self.version = version;
        }
        self.digest = digest;
    }
}

/// `go1.22.1 X:loopvar` is 1.22.1.
fn go_version(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let text = text.strip_prefix("devel ").unwrap_or(&text);
    let word = text.split_whitespace().next().unwrap_or_default();
    word.strip_prefix("go").unwrap_or_default().to_owned()
}

/// A setting as `strconv.Quote` writes it. What it escapes never matters here but for quotes.
fn unquote(text: &str) -> String {
    let inner = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    let Some(inner) = inner else {
        return text.trim_matches('`').to_owned();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.push(match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some(other) => other,
                None => '\\',
            }),
            _ => plain.push(c),
        }
    }
    plain
}

/// Words as a shell splits them.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => word.push(c),
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            None => word.push(c),
        }
    }
    words.push(word);
    words
}

/// The version that linker flags set, if it is clear which one is meant: first those of
/// `<module>/cmd/…`, then those of variables in packages that are named for it, then others.
fn stamped_version(module: &str, flags: &[String]) -> Option<String> {
    let mut found: [BTreeSet<&str>; 3] = Default::default();
    let mut flags = flags.iter();
    while let Some(flag) = flags.next() {
        let flag = flag.strip_prefix('-').unwrap_or_default();
        let flag = flag.strip_prefix('-').unwrap_or(flag);
        let setting = match flag.strip_prefix('X') {
            Some("") => flags.next().map_or("", String::as_str),
            Some(rest) => rest.strip_prefix('=').unwrap_or_default(),
            None => continue,
        };
        let Some((variable, value)) = setting.split_once('=') else {
            continue;
        };
        let lower = variable.to_lowercase();
        if !(lower.ends_with(".version") || lower.ends_with(".ver")) || !is_semantic(value) {
            continue;
        }
        let package = lower.rsplit('/').next().unwrap_or_default();
        let package = package.split('.').next().unwrap_or_default();
        let below_cmd = variable
            .strip_prefix(module)
            .is_some_and(|rest| rest.starts_with("/cmd/"));
        let sort = match package {
            _ if below_cmd => 0,
            "main" | "common" | "version" | "cmd" => 1,
            _ => 2,
        };
        if let Some(sort) = found.get_mut(sort) {
            sort.insert(value);
        }
    }
    let best = found.iter().find(|versions| !versions.is_empty())?;
    match best.len() {
        1 => best.first().map(|version| (*version).to_owned()),
        _ => None,
    }
}

/// Whether it is a version as Go's tools have them, with or without `v`: `v1`, `1.2`, `1.2.3-rc.1+meta`.
fn is_semantic(text: &str) -> bool {
    let text = text.strip_prefix('v').unwrap_or(text);
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let (numbers, rest) = text.split_at_checked(end).unwrap_or_default();
    let mut parts = 0;
    for part in numbers.split('.') {
        parts += 1;
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || (part.len() > 1 && part.starts_with('0')) {
            return false;
        }
    }
    let is_sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+');
    parts <= 3 && (rest.is_empty() || (parts == 3 && rest.len() > 1 && rest.bytes().all(is_sound)))
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, reason = "tests")]
pub(super) mod tests {
    use super::*;

    /// A header with what follows it since Go 1.18.
    pub(in crate::kinds::executable) fn inline(version: &str, list: &str) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([8, 2]);
        bytes.resize(HEADER_BYTES, 0);
        let mut add = |part: &[u8]| {
            let mut length = part.len();
            while length >= 0x80 {
                bytes.push(length as u8 | 0x80);
                length >>= 7;
            }
            bytes.push(length as u8);
            bytes.extend_from_slice(part);
        };
        add(version.as_bytes());
        add(&marked(list));
        bytes
    }

    /// A list between its marks.
    pub(in crate::kinds::executable) fn marked(list: &str) -> Vec<u8> {
        [LIST_BEGIN, list.as_bytes(), &LIST_END].concat()
    }

    #[test]
    fn stamped_versions_are_taken_where_it_is_clear_which_is_meant() {
        let check = |flags: &str, expect: &str| {
            let found = stamped_version("github.com/a/b", &words(flags));
            assert_eq!(found.as_deref().unwrap_or_default(), expect, "{flags}");
        };
        check("-w -X main.version=v1.0.0", "v1.0.0");
        check(
            "-s -X=foo=bar -X='github.com/a/b/pkg/version/app.ver=v0.50.1'",
            "v0.50.1",
        );
        check("-X=\"github.com/a/b/pkg/version.Ver=0.50.1\"", "0.50.1");
        check(
            "-X='github.com/a/b/cmd/Any.Ver=0.50.0' -X='github.com/a/b/pkg/version.Ver=0.50.1'",
            "0.50.0",
        );
        check(
            "-X github.com/a/b/pkg/Any.Ver=0.50.0 -X github.com/a/b/pkg/Common.Ver=0.50.1",
            "0.50.1",
        );
        check("-X github.com/a/b/pkg/Any.Ver=0.50.1", "0.50.1");
        // Two of one sort, unless they agree.
        check("-X a/Common.Ver=0.50.0 -X a/Main.Ver=0.50.1", "");
        check("-X a/Common.Ver=0.50.0 -X a/Main.Ver=0.50.0", "0.50.0");
        check("-X github.com/a/b/common.kubectlVersion=v0.26.11", "");
        check("-X main.version=nightly", "");
        check("-X", "");
        check("", "");
    }

    #[test]
    fn semantic_versions() {
        let check = |text: &str, expect: bool| assert_eq!(is_semantic(text), expect, "{text}");
        check("v1.2.3", true);
        check("1.2.3-rc.1+meta", true);
        check("v1", true);
        check("1.2-rc1", false);
        check("01.2.3", false);
        check("1.2.3.4", false);
        check("1.2.3-", false);
        check("", false);
        check("dev", false);
    }

    #[test]
    fn versions_of_go_lose_what_is_not_the_version() {
        let check = |text: &str, expect: &str| assert_eq!(go_version(text.as_bytes()), expect);
        check("go1.22.3", "1.22.3");
        check("go1.22.1 X:loopvar", "1.22.1");
        check("devel go1.23-abcdef Thu Jan 1", "1.23-abcdef");
        check("devel +abcdef Thu Jan 1", "");
        check("", "");
    }

    #[test]
    fn settings_are_unquoted() {
        assert_eq!(unquote(r#""-X \"a b\"""#), r#"-X "a b""#);
        assert_eq!(unquote("gc"), "gc");
        assert_eq!(unquote(r#""\"#), r#""\"#);
    }
}
