//! Reports of other tools, read as ours: one file each, and its line in [`SOURCES`].
//!
//! They are told apart by what is in them, never by their name. What a format does not say is a remark
//! in [`Imported::remarks`], not a guess; `docs/imports.md` has the table. Whatever is read is hostile:
//! size and counts have limits ([`crate::limits`]), texts lose their control characters, and a document that is
//! half of what it should be gives half a report, never a panic.

mod asff;
mod clair;
mod cyclonedx;
mod defender;
mod ecr;
mod gcp;
mod gitlab;
mod grype;
mod harbor;
mod inspector;
mod lamina;
mod qualys;
mod quay;
mod sarif;
mod snyk;
mod trivy;

use serde_json::Value;

use crate::{
    draft::Draft,
    limits::{MAX_IMPORT_BYTES, MAX_IMPORT_OBJECTS, MAX_IMPORT_VALUES},
    model::{FORMAT, Report},
};

/// One format that is read.
pub trait Source: Sync {
    /// The name after `--format`, and of its file in this folder. Never changes.
    fn id(&self) -> &'static str;
    /// Whose it is, for people.
    fn title(&self) -> &'static str;
    /// One line for `--help`: which command or service writes it.
    fn about(&self) -> &'static str;
    /// Whether a document is one. Asked in the order of the list.
    fn claims(&self, document: &Value) -> bool;
    /// Takes what it says.
    fn read(&self, document: &Value, draft: &mut Draft);
    /// Reads a document that is a report of ours already; `None` for all others.
    fn whole(&self, _document: &Value) -> Option<Result<Report, ImportError>> {
        None
    }
}

/// All formats; those that several tools write come last.
pub const SOURCES: &[&dyn Source] = &[
    &lamina::Lamina,
    &trivy::Trivy,
    &grype::Grype,
    &clair::Clair,
    &quay::Quay,
    &harbor::Harbor,
    &qualys::Qualys,
    &snyk::Snyk,
    &ecr::Ecr,
    &inspector::Inspector,
    &asff::Asff,
    &defender::Defender,
    &gcp::Gcp,
    &gitlab::Gitlab,
    &cyclonedx::CycloneDx,
    &sarif::Sarif,
];

/// The format of that name.
pub fn by_id(id: &str) -> Option<&'static dyn Source> {
    SOURCES.iter().copied().find(|source| source.id() == id)
}

/// Why a file is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// It is larger than a report may be.
    #[error("the file has {0} bytes, more than {MAX_IMPORT_BYTES}")]
    TooLarge(usize),
    /// It says more than a report may say.
    #[error("the file has more than {most} {what}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many there may be.
        most: usize,
    },
    /// It is no text.
    #[error("the file is no text in UTF-8 or UTF-16")]
    NotText,
    /// It is no JSON; the source says where it stops being some.
    #[error("the file is no JSON")]
    NotJson(#[source] serde_json::Error),
    /// It is JSON, and none of the formats.
    #[error("the file is JSON, and no report that Lamina knows")]
    UnknownFormat,
    /// It is one of ours, and says something else than ours do.
    #[error("the report cannot be read")]
    NotAReport(#[source] serde_json::Error),
    /// It was written by a newer Lamina.
    #[error("the report has format {0}, this Lamina reads {FORMAT}: open it with a newer one")]
    NewerFormat(u64),
}

/// Reads another tool's report, or one of ours.
///
/// # Errors
/// When it is none, or too large. What is missing in one that is, is in its remarks.
pub fn read(bytes: &[u8]) -> Result<Report, ImportError> {
    let document = document(bytes)?;
    let mut sources = SOURCES.iter();
    let source = sources.find(|source| source.claims(&document));
    read_as(*source.ok_or(ImportError::UnknownFormat)?, &document)
}

/// The same of a document that is said to be of a format.
///
/// # Errors
/// As [`read`]; a document of another format gives an empty report.
pub fn read_with(source: &'static dyn Source, bytes: &[u8]) -> Result<Report, ImportError> {
    read_as(source, &document(bytes)?)
}

fn read_as(source: &'static dyn Source, document: &Value) -> Result<Report, ImportError> {
    if let Some(report) = source.whole(document) {
        return report;
    }
    let mut draft = Draft::new(source.id(), source.title());
    source.read(document, &mut draft);
    Ok(draft.finish())
}

/// Whether a file may be a report rather than an archive: it begins as JSON does.
pub fn is_json(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let is_wide = |bom: &[u8]| head.starts_with(bom);
    is_wide(b"\xff\xfe") || is_wide(b"\xfe\xff") || {
        let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
        matches!(first, Some(b'{' | b'['))
    }
}

/// The document, within the limits.
fn document(bytes: &[u8]) -> Result<Value, ImportError> {
    if bytes.len() > MAX_IMPORT_BYTES {
        return Err(ImportError::TooLarge(bytes.len()));
    }
    let text = text(bytes)?;
    measure(&text)?;
    serde_json::from_str(&text).map_err(ImportError::NotJson)
}

/// The text of a file: PowerShell's `>` writes UTF-16.
fn text(bytes: &[u8]) -> Result<std::borrow::Cow<'_, str>, ImportError> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2);
        let units = units.filter_map(|pair| pair.try_into().ok().map(unit));
        char::decode_utf16(units)
            .collect::<Result<String, _>>()
            .map(std::borrow::Cow::Owned)
            .map_err(|_| ImportError::NotText)
    };
    if let Some(rest) = bytes.strip_prefix(b"\xff\xfe") {
        return wide(rest, u16::from_le_bytes);
    }
    if let Some(rest) = bytes.strip_prefix(b"\xfe\xff") {
        return wide(rest, u16::from_be_bytes);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes)
        .map(std::borrow::Cow::Borrowed)
        .map_err(|_| ImportError::NotText)
}

/// Refuses a document that would take too much memory, before it is read.
fn measure(text: &str) -> Result<(), ImportError> {
    let (mut objects, mut values) = (0_usize, 0_usize);
    let (mut is_string, mut is_escaped) = (false, false);
    for byte in text.bytes() {
        if is_string {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                b'"' => is_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => is_string = true,
            b'{' => objects = objects.saturating_add(1),
            b'[' | b',' => values = values.saturating_add(1),
            _ => {}
        }
    }
    let refuse = |what, most| Err(ImportError::TooMany { what, most });
    if objects > MAX_IMPORT_OBJECTS {
        return refuse("objects", MAX_IMPORT_OBJECTS);
    }
    if values > MAX_IMPORT_VALUES {
        return refuse("values", MAX_IMPORT_VALUES);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_in_the_list() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/imports");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path())
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        let listed: BTreeSet<String> = SOURCES
            .iter()
            .map(|source| source.id().replace('-', "_"))
            .collect();
        assert_eq!(files, listed, "a format's id is its file's name");
        assert_eq!(listed.len(), SOURCES.len(), "ids are unique");
    }

    #[test]
    fn what_is_too_much_is_refused_before_it_is_read() {
        let check = |text: &str, expect: &str| {
            let error = read(text.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(expect), "{error}");
        };
        check(
            &format!("[{}]", "{},".repeat(MAX_IMPORT_OBJECTS + 1)),
            "objects",
        );
        check(
            &format!("[{}1]", "1,".repeat(MAX_IMPORT_VALUES)),
            "more than 4000000 values",
        );
        check(&" ".repeat(MAX_IMPORT_BYTES + 1), "bytes, more than");
        check(&"[".repeat(100_000), "no JSON");
        check("{\"a\":", "no JSON");
        check("{\"a\":\"{{{{\"}", "no report that Lamina knows");
        check("[]", "no report that Lamina knows");
        check("7", "no report that Lamina knows");
        let error = read(b"\xff\xfe\x00\xd8").unwrap_err();
        assert!(matches!(error, ImportError::NotText), "{error}");
        let error = read(b"PK\x03\x04\xff").unwrap_err();
        assert!(matches!(error, ImportError::NotText), "{error}");
    }

    #[test]
    fn text_of_powershell_is_read() {
        let text = r#"{"SchemaVersion":2,"ArtifactName":"ä","Results":[]}"#;
        let mut bytes = vec![0xff, 0xfe];
        bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(read(&bytes).unwrap().image.name, "ä");
        let marked = format!("\u{feff}{text}");
        assert_eq!(read(marked.as_bytes()).unwrap().image.name, "ä");
        assert!(is_json(&bytes) && is_json(marked.as_bytes()) && is_json(b" \n{"));
        assert!(!is_json(b"\x1f\x8b") && !is_json(b"manifest.json\0\0") && !is_json(b""));
    }
}
