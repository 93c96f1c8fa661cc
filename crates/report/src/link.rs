//! Share links: a whole report and its policy in the fragment of the page's address.
//!
//! `#r=<version>.<payload>`: version 1 is JSON of [`SharedReport`], deflated (RFC 1951), in the
//! URL-safe base64 alphabet without padding (RFC 4648, section 5). A fragment is never sent to a
//! server, so nobody but the reader of the link sees the report. Whoever changes the shape adds a
//! version and keeps reading the old ones.

use std::io::{Read as _, Write as _};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use lamina_policy::Policy;
use serde::{Deserialize, Serialize};

use crate::{
    limits::{MAX_LINK_CHARS, MAX_REPORT_BYTES},
    model::{FORMAT, Report},
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
    #[error("the link has version {0}, this Lamina reads version 1: open it with a newer one")]
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

/// The part of the address after `#r=`.
pub fn encode(shared: &SharedReport) -> String {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    // Neither writing to memory nor serialising these types can fail.
    let written = serde_json::to_writer(&mut encoder, shared).is_ok();
    let bytes = encoder.finish().unwrap_or_default();
    debug_assert!(written, "the model has only string keys");
    format!("1.{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// Reads what [`encode`] wrote.
pub fn decode(text: &str) -> Result<SharedReport, LinkError> {
    if text.len() > MAX_LINK_CHARS {
        return Err(LinkError::TooLong(text.len()));
    }
    let (version, payload) = text.trim().split_once('.').ok_or(LinkError::NotALink)?;
    match version {
        "1" => {}
        _ if version.parse::<u32>().is_ok() => {
            return Err(LinkError::NewerVersion(version.to_owned()));
        }
        _ => return Err(LinkError::NotALink),
    }
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(payload)
        .map_err(|_| LinkError::Damaged)?;
    read_deflated(&bytes)
}

/// The payload of a link without its base64: what past reports are kept as in the browser.
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
    let shared: SharedReport = serde_json::from_slice(&json).map_err(LinkError::NotAReport)?;
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
            },
            policy: Policy::default(),
        }
    }

    #[test]
    fn a_link_reads_back() {
        let link = encode(&shared());
        assert!(
            link.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        );
        assert_eq!(decode(&link).unwrap(), shared());
    }

    #[test]
    fn damaged_links_are_refused_in_words() {
        let link = encode(&shared());
        let check = |text: &str, expect: &str| {
            let message = decode(text).unwrap_err().to_string();
            assert!(message.contains(expect), "{text}: {message}");
        };
        check("", "cut off");
        check("hello", "cut off");
        check("x.y", "cut off");
        check("2.abc", "newer");
        check(&link[..link.len() - 10], "damaged");
        check("1.!!!!", "damaged");
        check(
            &format!("1.{}", BASE64_URL_SAFE_NO_PAD.encode([3, 0])),
            "cannot be read",
        );
        check(&"1".repeat(MAX_LINK_CHARS + 1), "more than");
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
    }
}
