//! Share links: a whole report and its policy in the fragment of the page's address.
//!
//! `#r=<version>.<payload>`, in the URL-safe base64 alphabet without padding (RFC 4648, section 5). A
//! fragment is never sent to a server, so nobody but the reader of the link sees the report. Whoever
//! changes the shape adds a version and keeps reading the old ones.
//!
//! - **Version 1** is JSON of [`SharedReport`], deflated (RFC 1951).
//! - **Version 2** is the same JSON without what follows from the rest (`link/fold.rs`), in columns
//!   (`link/columns.rs`), compressed as LZMA with a dictionary of what reports say (`link/common.txt`);
//!   before it the CRC-32 of the columns (4 bytes, little-endian), their length (base-128 varint), and
//!   LZMA's byte of properties. LZMA, because it takes a sixth less than deflate here (measured in
//!   November 2026: docs/share.md). What does not fit is left out in stages (`link/lean.rs`), and the report
//!   says so ([`Report::left_out`]).

mod columns;
mod fold;
mod lean;

use std::io::{Read as _, Write as _};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use flate2::{Compression, Crc, read::DeflateDecoder, write::DeflateEncoder};
use lamina_policy::Policy;
use lzma_rust2::{LzmaOptions, LzmaReader, LzmaWriter};
use serde::{Deserialize, Serialize};

use crate::{
    limits::{MAX_LINK_CHARS, MAX_REPORT_BYTES},
    model::{FORMAT, LeftOut, Report},
};

/// What a link carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SharedReport {
    /// The report.
    pub report: Report,
    /// The policy it was judged by when it was shared.
    pub policy: Policy,
    /// The VEX documents that were taken into account: name and text of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vex: Vec<(String, String)>,
}

/// Why a link shows no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// It has no version and payload.
    #[error("the link is cut off or not a Lamina link")]
    NotALink,
    /// It was made by a newer Lamina.
    #[error(
        "the link has version {0}, this Lamina reads versions 1 and 2: open it with a newer one"
    )]
    NewerVersion(String),
    /// It is longer than a link may be.
    #[error("the link has {0} characters, more than {MAX_LINK_CHARS}")]
    TooLong(usize),
    /// Characters are missing or were changed, as mail programs do.
    #[error("the link is damaged: characters are missing or were changed")]
    Damaged,
    /// It inflates to more than a report may be.
    #[error("the link inflates to more than {MAX_REPORT_BYTES} bytes")]
    TooLarge,
    /// It is no report.
    #[error("the link's report cannot be read")]
    NotAReport(#[source] serde_json::Error),
    /// It was written by a newer Lamina.
    #[error("the report has format {0}, this Lamina reads {FORMAT}: open it with a newer one")]
    NewerFormat(u32),
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encoded {
    /// The part of the address after `#r=`.
    pub text: String,
    /// What was left out.
    pub left_out: Vec<LeftOut>,
    /// Whether it is as short as asked. If not, nothing is left out.
    pub fits: bool,
    /// Characters of the link that leaves nothing out.
    pub complete_chars: usize,
}

/// Makes a link of at most `budget` characters, not counting the page's address before it: with
/// everything if that fits, else without what a reader can do without, in stages. What cannot be made
/// to fit is all in it.
pub fn encode(shared: &SharedReport, budget: usize) -> Encoded {
    let complete = encode_all(shared);
    let complete_chars = complete.len();
    let mut text = complete.clone();
    let mut lean = shared.clone();
    for part in lean::STAGES {
        if text.len() <= budget {
            break;
        }
        if let Some(leaner) = lean::without(&lean, part) {
            lean = leaner;
            text = encode_all(&lean);
        }
    }
    let fits = text.len() <= budget;
    Encoded {
        text: if fits { text } else { complete },
        left_out: if fits {
            lean.report.left_out
        } else {
            shared.report.left_out.clone()
        },
        fits,
        complete_chars,
    }
}

/// A link with everything.
fn encode_all(shared: &SharedReport) -> String {
    // Serialising these types cannot fail: all keys are strings.
    let mut value = serde_json::to_value(shared).unwrap_or_default();
    if let Some(report) = value.get_mut("report") {
        fold::fold(report);
    }
    let columns = columns::write(&value);
    let mut crc = Crc::new();
    crc.update(&columns);
    let mut bytes = crc.sum().to_le_bytes().to_vec();
    columns::write_varint(columns.len(), &mut bytes);
    // Context bits: text gains by them, and numbers lose.
    let packed = [0, 1, 3]
        .into_iter()
        .filter_map(|context| pack(&columns, context));
    let packed = packed.min_by_key(Vec::len).unwrap_or_default();
    bytes.extend_from_slice(&packed);
    format!("2.{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// What reports say often. Frozen: a link of version 2 is read with it.
const COMMON: &[u8] = include_bytes!("link/common.txt");

/// How far LZMA looks back.
const WINDOW_BYTES: u32 = 1 << 20;

fn pack(columns: &[u8], context: u32) -> Option<Vec<u8>> {
    let mut options = LzmaOptions::with_preset(6);
    options.lc = context;
    options.lp = 0;
    options.pb = 0;
    options.dict_size = WINDOW_BYTES;
    options.preset_dict = Some(COMMON.to_vec());
    let mut writer = LzmaWriter::new(Vec::new(), &options, false, false, None).ok()?;
    let properties = writer.props();
    writer.write_all(columns).ok()?;
    let mut packed = vec![properties];
    packed.extend_from_slice(&writer.finish().ok()?);
    Some(packed)
}

fn unpack(bytes: &[u8]) -> Result<SharedReport, LinkError> {
    let (crc, rest) = bytes.split_at_checked(4).ok_or(LinkError::Damaged)?;
    let (length, rest) = columns::read_varint(rest)?;
    if length > MAX_REPORT_BYTES {
        return Err(LinkError::TooLarge);
    }
    let (properties, packed) = rest.split_first().ok_or(LinkError::Damaged)?;
    let size = u64::try_from(length).map_err(|_| LinkError::TooLarge)?;
    let reader = LzmaReader::new_with_props(packed, size, *properties, WINDOW_BYTES, Some(COMMON));
    let mut columns = Vec::new();
    reader
        .map_err(|_| LinkError::Damaged)?
        .take(size)
        .read_to_end(&mut columns)
        .map_err(|_| LinkError::Damaged)?;
    let mut sum = Crc::new();
    sum.update(&columns);
    if columns.len() != length || sum.sum().to_le_bytes() != *crc {
        return Err(LinkError::Damaged);
    }
    let mut value = columns::read(&columns)?;
    if let Some(report) = value.get_mut("report") {
        fold::unfold(report)?;
    }
    checked(serde_json::from_value(value))
}

/// Reads what [`encode`] wrote, of any version.
///
/// # Errors
/// When it is no link, damaged, too large or from a newer Lamina.
pub fn decode(text: &str) -> Result<SharedReport, LinkError> {
    if text.len() > MAX_LINK_CHARS {
        return Err(LinkError::TooLong(text.len()));
    }
    let (version, payload) = text.trim().split_once('.').ok_or(LinkError::NotALink)?;
    match version {
        "1" | "2" => {}
        _ if version.parse::<u32>().is_ok() => {
            return Err(LinkError::NewerVersion(version.to_owned()));
        }
        _ => return Err(LinkError::NotALink),
    }
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(payload)
        .map_err(|_| LinkError::Damaged)?;
    match version {
        "1" => read_deflated(&bytes),
        _ => unpack(&bytes),
    }
}

/// The payload of a link of version 1 without its base64: what past reports are kept as in the browser,
/// and what an encrypted upload holds.
pub fn to_bytes(shared: &SharedReport) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    match serde_json::to_writer(&mut encoder, shared) {
        Ok(()) => encoder
            .flush()
            .and_then(|()| encoder.finish())
            .unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

/// Reads what [`to_bytes`] wrote.
pub fn read_deflated(bytes: &[u8]) -> Result<SharedReport, LinkError> {
    let limit = u64::try_from(MAX_REPORT_BYTES).unwrap_or(u64::MAX);
    let mut json = Vec::new();
    DeflateDecoder::new(bytes)
        .take(limit.saturating_add(1))
        .read_to_end(&mut json)
        .map_err(|_| LinkError::Damaged)?;
    if json.len() > MAX_REPORT_BYTES {
        return Err(LinkError::TooLarge);
    }
    checked(serde_json::from_slice(&json))
}

/// Reads a report, with its policy, from JSON: that of a page that is one file.
///
/// # Errors
/// When it is too large, no report, or from a newer Lamina.
pub fn read_json(json: &[u8]) -> Result<SharedReport, LinkError> {
    if json.len() > MAX_REPORT_BYTES {
        return Err(LinkError::TooLarge);
    }
    checked(serde_json::from_slice(json))
}

fn checked(read: serde_json::Result<SharedReport>) -> Result<SharedReport, LinkError> {
    let shared = read.map_err(LinkError::NotAReport)?;
    if shared.report.format > FORMAT {
        return Err(LinkError::NewerFormat(shared.report.format));
    }
    Ok(shared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Image;

    fn shared() -> SharedReport {
        SharedReport {
            vex: Vec::new(),
            report: Report {
                issues: Vec::new(),
                base: None,
                accounts: None,
                imported: None,
                format: FORMAT,
                scanned_at: "2026-11-24T00:00:00Z".to_owned(),
                scanner: "lamina test".to_owned(),
                image: Image {
                    name: "nginx:1.25".to_owned(),
                    ..Image::default()
                },
                layers: Vec::new(),
                distribution: None,
                packages: Vec::new(),
                findings: Vec::new(),
                database: None,
                warnings: Vec::new(),
                left_out: Vec::new(),
            },
            policy: Policy::default(),
        }
    }

    fn version_1(shared: &SharedReport) -> String {
        format!("1.{}", BASE64_URL_SAFE_NO_PAD.encode(to_bytes(shared)))
    }

    #[test]
    fn a_link_reads_back() {
        let link = encode(&shared(), usize::MAX).text;
        assert!(
            link.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        );
        assert_eq!(decode(&link).unwrap(), shared());
    }

    #[test]
    fn links_of_version_1_are_read() {
        assert_eq!(decode(&version_1(&shared())).unwrap(), shared());
        // As it was written in November 2026.
        let old = "1.XZHRboMwDEV_ZcpzYYC6PvAde1o1IUNcajVxUBJaUMW_z2lhUychxbGPr2_MXXkcnI-qvquT8xYkKncqdMCMuklXVRXVISvLrNp_FkX9-L7UxngBDFhieCvyMi-kQBZ6TIIMVk7FPfFUl3n1IUVNPQZR5dEYQVnj1LzmOscn6v8lBwMx-UvTiMfpHaw-7NVfIaj6-C3NHiGiftVKXsbwsCodyNcnixz9PDjiuPZa_Qxuzl-Ik4WtZRpckHWkTa2Drs6MFteLgRbNGofohiZQz2CeLpadOpNk_ZyAJdEz-pXWUvHUjpEc_74VuotscCVOsiMxs_EQoYWAG3sDz1tVpAdnqJsfPxPIZElThvdntSw_";
        let read = decode(old).unwrap();
        assert_eq!(read.report.image.name, "nginx:1.25");
        assert_eq!(read.report.image.platform, "linux/amd64");
        assert_eq!(read.policy, Policy::default());
    }

    #[test]
    fn damaged_links_are_refused_in_words() {
        let check = |text: &str, expect: &str| {
            let message = decode(text).unwrap_err().to_string();
            assert!(message.contains(expect), "{text}: {message}");
        };
        check("", "cut off");
        check("hello", "cut off");
        check("x.y", "cut off");
        check("3.abc", "newer");
        check("1.!!!!", "damaged");
        check("2.!!!!", "damaged");
        check(
            &format!("1.{}", BASE64_URL_SAFE_NO_PAD.encode([3, 0])),
            "cannot be read",
        );
        check(&"1".repeat(MAX_LINK_CHARS + 1), "more than");
        let old = version_1(&shared());
        check(&old[..old.len() - 10], "damaged");
    }

    /// Whatever is cut off or changed is noticed: no link shows another report than it was made of.
    #[test]
    fn every_change_of_a_link_is_noticed() {
        let link = encode(&shared(), usize::MAX).text;
        // The last characters may hold bits that say nothing.
        let check = |text: &str| {
            if let Ok(read) = decode(text) {
                assert_eq!(read, shared(), "{text}");
            }
        };
        for length in 2..link.len() {
            check(&link[..length]);
        }
        assert!(decode(&link[..link.len() - 12]).is_err());
        for index in 2..link.len() {
            let mut changed = link.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            check(&String::from_utf8(changed).unwrap());
        }
    }

    #[test]
    fn a_bomb_in_a_link_is_refused() {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        let zeros = vec![b' '; 1 << 20];
        for _ in 0..=(MAX_REPORT_BYTES >> 20) {
            encoder.write_all(&zeros).unwrap();
        }
        let bomb = format!(
            "1.{}",
            BASE64_URL_SAFE_NO_PAD.encode(encoder.finish().unwrap())
        );
        assert!(bomb.len() < 200_000);
        assert!(matches!(decode(&bomb), Err(LinkError::TooLarge)));

        let check = |columns: &[u8], length: usize| {
            let mut bytes = vec![0; 4];
            let mut crc = Crc::new();
            crc.update(columns);
            bytes[..4].copy_from_slice(&crc.sum().to_le_bytes());
            columns::write_varint(length, &mut bytes);
            bytes.extend(pack(columns, 0).unwrap());
            let bomb = format!("2.{}", BASE64_URL_SAFE_NO_PAD.encode(bytes));
            assert!(bomb.len() < 200_000);
            decode(&bomb).unwrap_err()
        };
        let zeros = vec![0; 8 << 20];
        assert!(matches!(
            check(&zeros, MAX_REPORT_BYTES + 1),
            LinkError::TooLarge
        ));
        assert!(matches!(check(&zeros, 1 << 20), LinkError::Damaged));
        assert!(matches!(check(&zeros, 9 << 20), LinkError::Damaged));
    }
}
