//! ELF package notes.
//!
//! Distributions write into each program which package it is of: JSON in a note of the owner `FDO`,
//! type 0xcafe1a7e, <https://systemd.io/ELF_PACKAGE_METADATA/>. The program headers, at the start of the
//! file, say where notes lie.

use lamina_image::path::LayerPath;
use serde::Deserialize;

use super::{
    layout::{Layout, u32_at},
    take::Take,
};
use crate::{
    facts::{Basis, Facts, PackageFact, PackageKind, SourcePackage},
    limits::{MAX_FIELD_BYTES, MAX_NOTE_BYTES, MAX_SEGMENTS},
};

const TYPE: u32 = 0xcafe_1a7e;
const OWNER: &[u8] = b"FDO\0";

/// Reads the notes of one file.
#[derive(Default)]
pub(super) struct Notes {
    takes: Vec<(u64, Take)>,
    is_big_endian: bool,
}

impl Notes {
    /// Learns where notes lie.
    pub(super) fn see_head(&mut self, layout: &Layout) {
        self.is_big_endian = layout.is_big_endian;
        for (offset, size) in layout.notes.iter().take(MAX_SEGMENTS) {
            let size = usize::try_from(*size).unwrap_or(MAX_NOTE_BYTES);
            let take = Take::new(*offset, size.min(MAX_NOTE_BYTES));
            self.takes.push((*offset, take));
        }
    }

    /// Gives them their bytes.
    pub(super) fn feed(&mut self, at: u64, bytes: &[u8]) {
        for (_, take) in &mut self.takes {
            if !take.is_full() {
                take.feed(at, bytes);
            }
        }
    }

    /// Notes what was found.
    pub(super) fn finish(self, analyser: &str, path: &LayerPath, out: &mut Facts) {
        for (offset, take) in &self.takes {
            let mut at = 0_usize;
            // Each round goes on by 12 bytes at least, in at most `MAX_NOTE_BYTES`.
            while let Some((note, length)) = read_note(&take.bytes, at, self.is_big_endian) {
                if let Some(json) = note {
                    let place = offset.saturating_add(at as u64);
                    match serde_json::from_slice::<Statement>(json) {
                        Ok(statement) => return statement.note(analyser, path, place, out),
                        Err(error) => {
                            let problem = format!("the package note at byte {place}: {error}");
                            out.malformed(analyser, path, 0, &problem);
                        }
                    }
                }
                at = at.saturating_add(length);
            }
        }
    }
}

/// The JSON of the note at a place, if it is a package note, and how long the note is.
fn read_note(bytes: &[u8], at: usize, is_big_endian: bool) -> Option<(Option<&[u8]>, usize)> {
    let field = |place: usize| u32_at(bytes, at.checked_add(place)?, is_big_endian);
    let size = |place: usize| usize::try_from(field(place)?).ok();
    let padded = |size: usize| size.checked_next_multiple_of(4);
    let (owner_size, size, kind) = (size(0)?, size(4)?, field(8)?);
    let owner = at.checked_add(12)?;
    let begin = owner.checked_add(padded(owner_size)?)?;
    let length = 12_usize
        .checked_add(padded(owner_size)?)?
        .checked_add(padded(size)?)?;
    let is_package =
        kind == TYPE && bytes.get(owner..owner.checked_add(owner_size)?) == Some(OWNER);
    let json = match is_package {
        true => {
            let text = bytes.get(begin..begin.checked_add(size)?)?;
            let end = memchr::memchr(0, text).unwrap_or(text.len());
            text.get(..end)
        }
        false => None,
    };
    Some((json, length))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    architecture: Option<String>,
    #[serde(default)]
    os: Option<String>,
    #[serde(default)]
    os_version: Option<String>,
    #[serde(default)]
    os_cpe: Option<String>,
}

impl Statement {
    fn note(self, analyser: &str, path: &LayerPath, place: u64, out: &mut Facts) {
        let is_sound = |text: &str| !text.is_empty() && text.len() <= MAX_FIELD_BYTES;
        if !is_sound(&self.name) || !is_sound(&self.version) {
            let problem = format!("the package note at byte {place} has no name or version");
            return out.malformed(analyser, path, 0, &problem);
        }
        let kind = match self.kind.as_str() {
            "rpm" => PackageKind::Rpm,
            "deb" => PackageKind::Deb,
            "apk" => PackageKind::Apk,
            "alpm" => PackageKind::Alpm,
            _ => PackageKind::Generic,
        };
        let short = |text: Option<String>| text.filter(|text| is_sound(text));
        let mut package = PackageFact::new(kind, self.name, self.version, path);
        // The specification has the source package's name.
        if kind.is_os() {
            package.source = Some(SourcePackage {
                name: package.name.clone(),
                version: package.version.clone(),
            });
        }
        package.architecture = short(self.architecture);
        package.basis = Basis::Embedded;
        package.evidence = Some(format!("package note at byte {place}"));
        package.detail("os", short(self.os));
        package.detail("os-version", short(self.os_version));
        package.detail("os-cpe", short(self.os_cpe));
        out.add_package(analyser, package);
    }
}
