//! RubyGems' order: `Gem::Version#<=>` (rubygems, `lib/rubygems/version.rb`).
//!
//! Segments are runs of digits or letters; letters make a pre-release and are below digits; a hyphen
//! reads as `.pre.`; zeros at the end, and before the first letter, do not count.

use std::cmp::Ordering;

use super::{VersionError, VersionOrder, compare_digits, split_while};

pub(crate) struct RubyGems;

impl VersionOrder for RubyGems {
    fn id(&self) -> &'static str {
        "rubygems"
    }

    fn compare(&self, a: &str, b: &str) -> Result<Ordering, VersionError> {
        let a = segments(a)?;
        let b = segments(b)?;
        let zero: &[u8] = b"";
        for position in 0..a.len().max(b.len()) {
            let a = a.get(position).copied().unwrap_or(zero);
            let b = b.get(position).copied().unwrap_or(zero);
            let ordering = match (is_word(a), is_word(b)) {
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (true, true) => a.cmp(b),
                (false, false) => compare_digits(a, b),
            };
            if ordering.is_ne() {
                return Ok(ordering);
            }
        }
        Ok(Ordering::Equal)
    }
}

fn is_word(segment: &[u8]) -> bool {
    segment.first().is_some_and(u8::is_ascii_alphabetic)
}

fn is_zero(segment: &[u8]) -> bool {
    segment.iter().all(|byte| *byte == b'0')
}

/// `Gem::Version#canonical_segments`.
fn segments(version: &str) -> Result<Vec<&[u8]>, VersionError> {
    let refuse = || VersionError::new("rubygems", version);
    let text = version.trim();
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let starts_well = text.bytes().next().is_none_or(|byte| byte.is_ascii_digit());
    if !starts_well || !text.bytes().all(is_part) {
        return Err(refuse());
    }
    let mut rest = text.as_bytes();
    let mut numbers: Vec<&[u8]> = Vec::new();
    let mut others: Vec<&[u8]> = Vec::new();
    while let Some(first) = rest.first() {
        let (segment, after) = match first {
            b'0'..=b'9' => split_while(rest, |byte| byte.is_ascii_digit()),
            b'-' => (b"pre".as_slice(), rest.get(1..).unwrap_or_default()),
            b'.' => {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            _ => split_while(rest, |byte| byte.is_ascii_alphabetic()),
        };
        rest = after;
        if others.is_empty() && !is_word(segment) {
            numbers.push(segment);
        } else {
            others.push(segment);
        }
    }
    for part in [&mut numbers, &mut others] {
        while part.last().is_some_and(|segment| is_zero(segment)) {
            part.pop();
        }
    }
    numbers.extend(others);
    Ok(numbers)
}
