//! Semantic Versioning 2.0, section 11, read as leniently as the feeds write it.
//!
//! A leading `v` or `=` is dropped (with blanks behind it, as npm does), missing parts are zero (`1.2` is `1.2.0`), numbers may be of any
//! length, and whatever follows the third number with a dot counts as build metadata (as osv.dev
//! does). Build metadata does not take part, except for Dart's pub, where it does
//! (dart-lang/pub_semver, `Version.compareTo`).
//!
//! npm's rule that a pre-release satisfies a range only within its own tuple is about choosing
//! versions to install; advisories are compared plainly (as OSV, Trivy and Grype do).

use std::cmp::Ordering;

use super::{VersionError, VersionOrder, compare_digits};

/// The order of npm, Go, crates.io, Hex and others.
pub(crate) const SEMVER: Semver = Semver {
    id: "semver",
    build_counts: false,
};

/// Dart's.
pub(crate) const PUB: Semver = Semver {
    id: "pub",
    build_counts: true,
};

pub(crate) struct Semver {
    id: &'static str,
    build_counts: bool,
}

impl VersionOrder for Semver {
    fn id(&self) -> &'static str {
        self.id
    }

    fn compare(&self, a: &str, b: &str) -> Result<Ordering, VersionError> {
        if let (Some(a), Some(b)) = (plain(a), plain(b)) {
            return Ok(a.cmp(&b));
        }
        let refuse = |version| move || VersionError::new(self.id, version);
        let a = split(a).ok_or_else(refuse(a))?;
        let b = split(b).ok_or_else(refuse(b))?;
        let mut ordering = Ordering::Equal;
        for (a, b) in a.numbers.iter().zip(b.numbers) {
            ordering = ordering.then_with(|| compare_digits(a.as_bytes(), b.as_bytes()));
        }
        ordering = ordering.then_with(|| match (a.pre_release, b.pre_release) {
            ("", "") => Ordering::Equal,
            ("", _) => Ordering::Greater,
            (_, "") => Ordering::Less,
            (a, b) => compare_identifiers(a, b),
        });
        if self.build_counts {
            ordering = ordering.then_with(|| match (a.build, b.build) {
                ("", "") => Ordering::Equal,
                ("", _) => Ordering::Less,
                (_, "") => Ordering::Greater,
                (a, b) => compare_identifiers(a, b),
            });
        }
        Ok(ordering)
    }
}

/// The numbers of a version of up to three that fit, and nothing else, as most are; others go the long
/// way, to the same end.
pub(super) fn plain(version: &str) -> Option<[u64; 3]> {
    let mut numbers = [0_u64; 3];
    let mut at = 0;
    let mut is_empty = true;
    for byte in version.bytes() {
        if byte == b'.' {
            at += 1;
            if is_empty {
                return None;
            }
            is_empty = true;
        } else {
            let digit = char::from(byte).to_digit(10)?;
            let number = numbers.get_mut(at)?;
            *number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
            is_empty = false;
        }
    }
    (!is_empty).then_some(numbers)
}

struct Parts<'a> {
    numbers: [&'a str; 3],
    pre_release: &'a str,
    build: &'a str,
}

fn split(version: &str) -> Option<Parts<'_>> {
    let text = version.trim().trim_start_matches(['v', 'V', '=', ' ']);
    let (text, build) = text.split_once('+').unwrap_or((text, ""));
    let (core, pre_release) = text.split_once('-').unwrap_or((text, ""));
    let mut numbers = [""; 3];
    let mut parts = core.splitn(4, '.');
    for number in &mut numbers {
        let Some(part) = parts.next() else { break };
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part;
    }
    let has_number = numbers.first().is_some_and(|number| !number.is_empty());
    has_number.then_some(Parts {
        numbers,
        pre_release,
        build,
    })
}

/// Dot-separated identifiers: numbers by value and before words, words by bytes, the longer list
/// greater.
pub(super) fn compare_identifiers(a: &str, b: &str) -> Ordering {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut a = a.split('.');
    let mut b = b.split('.');
    loop {
        let (a, b) = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => (a, b),
        };
        let ordering = match (is_number(a), is_number(b)) {
            (true, true) => compare_digits(a.as_bytes(), b.as_bytes()),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => a.cmp(b),
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
}
