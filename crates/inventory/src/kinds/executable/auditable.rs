//! What cargo-auditable writes into Rust programs.
//!
//! The list of a program's crates as JSON, compressed by zlib, in a section `.dep-v0`,
//! <https://github.com/rust-secure-code/cargo-auditable/blob/master/PARSING.md>. Which section lies where
//! is said at the end of ELF files, so the data is found by what it is: a zlib header whose stream begins
//! with `{"packages":`. Watching a program of 110 MB for this and all else took 27 ms, natively (November
//! 2026).
//!
//! Crates that only helped to build the program are marked in it, and left out, as Trivy and Syft do.

use std::collections::BTreeSet;

use flate2::{Decompress, FlushDecompress, Status};
use lamina_image::path::LayerPath;
use serde::Deserialize;

use crate::{
    facts::{Basis, Facts, PackageFact, PackageKind},
    limits::{AUDITABLE_BEGIN_BYTES, MAX_AUDITABLE_BYTES, MAX_FIELD_BYTES},
    window::Window,
};

/// How the JSON begins.
const BEGIN: &[u8] = b"{\"packages\":";
/// Inflated bytes at a time.
const STEP: usize = 16 << 10;

/// Finds the list of crates in one file.
pub(super) struct Auditable {
    /// Reused for each candidate: making one takes longer than trying it.
    inflate: Decompress,
    reading: Option<Reading>,
    /// Lists that are over, and where they began.
    found: Vec<(u64, Vec<u8>, End)>,
    /// Inflated bytes so far, of all lists.
    bytes: usize,
}

/// A list that is being inflated.
struct Reading {
    offset: u64,
    /// Where in the file the next compressed byte lies.
    next: u64,
    json: Vec<u8>,
}

/// How a list ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    Broken,
    TooLarge,
}

impl Auditable {
    pub(super) fn new() -> Self {
        Self {
            inflate: Decompress::new(true),
            reading: None,
            found: Vec::new(),
            bytes: 0,
        }
    }

    /// Looks for what starts in a window.
    pub(super) fn see(&mut self, window: &Window<'_>) {
        let (bytes, from) = window.searchable(1);
        for place in memchr::memchr_iter(b'x', bytes) {
            if self.reading.is_some() || self.bytes >= MAX_AUDITABLE_BYTES {
                return;
            }
            let data = window.bytes.get(from + place..).unwrap_or_default();
            // The four headers that zlib writes; then a block with fixed or dynamic codes.
            let (Some(0x01 | 0x5e | 0x9c | 0xda), Some(block)) = (data.get(1), data.get(2)) else {
                continue;
            };
            // A crafted stream may be long and come to nothing: no more of it than a real one needs.
            let begin = data.get(..AUDITABLE_BEGIN_BYTES).unwrap_or(data);
            if !matches!(block & 0b110, 0b010 | 0b100) || !self.begins_right(begin) {
                continue;
            }
            self.inflate.reset(true);
            self.reading = Some(Reading {
                offset: window.offset_of(from + place),
                next: window.offset_of(from + place),
                json: Vec::new(),
            });
            self.feed(window.offset, window.bytes);
        }
    }

    /// Whether a zlib stream is what it should be.
    fn begins_right(&mut self, data: &[u8]) -> bool {
        self.inflate.reset(true);
        let mut begin = [0; BEGIN.len()];
        let inflated = self
            .inflate
            .decompress(data, &mut begin, FlushDecompress::None);
        inflated.is_ok() && begin == BEGIN
    }

    /// Gives what was found its bytes.
    pub(super) fn feed(&mut self, at: u64, bytes: &[u8]) {
        let Some(reading) = &mut self.reading else {
            return;
        };
        let skip = reading.next.checked_sub(at);
        let new = skip.and_then(|skip| bytes.get(usize::try_from(skip).ok()?..));
        let mut new = new.unwrap_or_default();
        let mut end = None;
        while end.is_none() && !new.is_empty() {
            let room = MAX_AUDITABLE_BYTES.saturating_sub(self.bytes).min(STEP);
            let before = reading.json.len();
            reading.json.resize(before + room, 0);
            let target = reading.json.get_mut(before..).unwrap_or_default();
            let (read, written) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self.inflate.decompress(new, target, FlushDecompress::None);
            // Neither is more than the slices hold.
            let took = |total: u64, before: u64| usize::try_from(total - before).unwrap_or(0);
            let read = took(self.inflate.total_in(), read);
            let written = took(self.inflate.total_out(), written);
            reading.json.truncate(before + written);
            self.bytes = self.bytes.saturating_add(written);
            reading.next = reading.next.saturating_add(read as u64);
            new = new.get(read..).unwrap_or_default();
            end = match status {
                Ok(Status::StreamEnd) => Some(End::Whole),
                Err(_) => Some(End::Broken),
                Ok(_) if self.bytes >= MAX_AUDITABLE_BYTES => Some(End::TooLarge),
                Ok(_) if read == 0 && written == 0 => Some(End::Broken),
                Ok(_) => None,
            };
        }
        if let Some(end) = end
            && let Some(reading) = self.reading.take()
        {
            self.found.push((reading.offset, reading.json, end));
        }
    }

    /// Notes what was found.
    pub(super) fn finish(mut self, analyser: &str, path: &LayerPath, out: &mut Facts) {
        if let Some(reading) = self.reading.take() {
            self.found.push((reading.offset, reading.json, End::Broken));
        }
        let mut seen = BTreeSet::new();
        for (offset, json, end) in self.found {
            let problem = match (end, serde_json::from_slice::<List>(&json)) {
                (End::Whole, Ok(list)) => {
                    list.note(analyser, path, offset, &mut seen, out);
                    continue;
                }
                (End::TooLarge, _) => {
                    out.too_many(
                        analyser,
                        "bytes of cargo-auditable's data",
                        MAX_AUDITABLE_BYTES as u64,
                    );
                    continue;
                }
                (End::Broken, _) => "is cut off",
                (End::Whole, Err(_)) => "is not its JSON",
            };
            let problem = format!("the cargo-auditable data at byte {offset} {problem}");
            out.malformed(analyser, path, 0, &problem);
        }
    }
}

#[derive(Deserialize)]
struct List {
    packages: Vec<Crate>,
}

#[derive(Deserialize)]
struct Crate {
    name: String,
    version: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    root: bool,
}

impl List {
    fn note(
        self,
        analyser: &str,
        path: &LayerPath,
        offset: u64,
        seen: &mut BTreeSet<(String, String)>,
        out: &mut Facts,
    ) {
        for found in self.packages {
            let is_sound = |text: &str| !text.is_empty() && text.len() <= MAX_FIELD_BYTES;
            if found.kind.is_some_and(|kind| kind == "build")
                || !is_sound(&found.name)
                || !is_sound(&found.version)
                || !seen.insert((found.name.clone(), found.version.clone()))
            {
                continue;
            }
            let mut package = PackageFact::new(PackageKind::Cargo, found.name, found.version, path);
            package.basis = Basis::Embedded;
            package.evidence = Some(format!("cargo-auditable data at byte {offset}"));
            package.detail(
                "source",
                Some(found.source).filter(|source| source.len() <= MAX_FIELD_BYTES),
            );
            package.detail("root", found.root.then_some("true"));
            out.add_package(analyser, package);
        }
    }
}
