//! Debian's order: deb-version(7), Debian Policy 5.6.12.
//!
//! `[epoch:]upstream[-revision]`; in each part, non-digits and digits alternate; `~` sorts before the
//! end, the end before letters, letters before the rest. A missing epoch or revision equals `0`.

use std::cmp::Ordering;

use super::{VersionError, VersionOrder, compare_digits, split_while};

pub(crate) struct Dpkg;

impl VersionOrder for Dpkg {
    fn id(&self) -> &'static str {
        "dpkg"
    }

    fn compare(&self, a: &str, b: &str) -> Result<Ordering, VersionError> {
        let a = split(a)?;
        let b = split(b)?;
        Ok(compare_digits(a.epoch, b.epoch)
            .then_with(|| compare_part(a.upstream, b.upstream))
            .then_with(|| compare_part(a.revision, b.revision)))
    }
}

struct Parts<'a> {
    epoch: &'a [u8],
    upstream: &'a [u8],
    revision: &'a [u8],
}

/// As dpkg's `parseversion`: what is before the first colon is the epoch and must be a number; what
/// is after the last hyphen is the revision. Beyond that any text is ordered, as dpkg does for
/// versions that are installed already.
fn split(version: &str) -> Result<Parts<'_>, VersionError> {
    let refuse = || VersionError::new("dpkg", version);
    let text = version.trim();
    let (epoch, rest) = match text.split_once(':') {
        Some((epoch, rest)) => {
            if epoch.is_empty() || !epoch.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(refuse());
            }
            (epoch, rest)
        }
        None => ("", text),
    };
    if rest.is_empty() || rest.bytes().any(|byte| byte.is_ascii_whitespace()) {
        return Err(refuse());
    }
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    Ok(Parts {
        epoch: epoch.as_bytes(),
        upstream: upstream.as_bytes(),
        revision: revision.as_bytes(),
    })
}

/// dpkg's `verrevcmp`.
fn compare_part(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let (text_a, rest_a) = split_while(a, |byte| !byte.is_ascii_digit());
        let (text_b, rest_b) = split_while(b, |byte| !byte.is_ascii_digit());
        let length = text_a.len().max(text_b.len());
        for index in 0..length {
            let ordering = weight(text_a.get(index)).cmp(&weight(text_b.get(index)));
            if ordering.is_ne() {
                return ordering;
            }
        }
        let (number_a, rest_a) = split_while(rest_a, |byte| byte.is_ascii_digit());
        let (number_b, rest_b) = split_while(rest_b, |byte| byte.is_ascii_digit());
        let ordering = compare_digits(number_a, number_b);
        if ordering.is_ne() {
            return ordering;
        }
        (a, b) = (rest_a, rest_b);
    }
    Ordering::Equal
}

fn weight(byte: Option<&u8>) -> i32 {
    match byte {
        None => 0,
        Some(b'~') => -1,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    }
}
