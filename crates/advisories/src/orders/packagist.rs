//! Packagist's order: Composer's `VersionParser::normalize` and then PHP's `version_compare`.
//!
//! Up to four numbers, missing ones zero, then words: `dev`, `alpha`, `beta`, `RC`, the bare version, numbers,
//! `pl` (`patch`, `p`). `1.2.x-dev` is the branch after all of 1.2. Other branches (`dev-main`) have no place
//! in an order: they are an error.

use std::cmp::Ordering;

use super::{VersionError, VersionOrder, compare_digits, split_while};

pub(crate) struct Packagist;

impl VersionOrder for Packagist {
    fn id(&self) -> &'static str {
        "packagist"
    }

    fn compare(&self, a: &str, b: &str) -> Result<Ordering, VersionError> {
        let refuse = |version| move || VersionError::new("packagist", version);
        let parts_a = parts(a).ok_or_else(refuse(a))?;
        let parts_b = parts(b).ok_or_else(refuse(b))?;
        for position in 0..parts_a.len().max(parts_b.len()) {
            let a = parts_a.get(position).copied().unwrap_or(Part::End);
            let b = parts_b.get(position).copied().unwrap_or(Part::End);
            let ordering = a.compare(b);
            if ordering.is_ne() {
                return Ok(ordering);
            }
        }
        Ok(Ordering::Equal)
    }
}

#[derive(Clone, Copy)]
enum Part<'a> {
    /// By the order in which PHP has words; those that it does not know first.
    Early(u8),
    End,
    Number(&'a [u8]),
    Patch,
}

impl Part<'_> {
    fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Early(a), Self::Early(b)) => a.cmp(&b),
            (Self::Number(a), Self::Number(b)) => compare_digits(a, b),
            (a, b) => a.kind().cmp(&b.kind()),
        }
    }

    fn kind(self) -> u8 {
        match self {
            Self::Early(_) => 0,
            Self::End => 1,
            Self::Number(_) => 2,
            Self::Patch => 3,
        }
    }
}

/// How many numbers a version of Composer has.
const NUMBERS: usize = 4;

/// What Composer writes for the parts that a branch leaves open.
const OPEN: &[u8] = b"9999999";

fn parts(version: &str) -> Option<Vec<Part<'_>>> {
    let text = version.trim();
    // `@stable` is a flag, what follows `+` is build metadata.
    let text = text.split_once('@').map_or(text, |(text, _)| text);
    let text = text.split_once('+').map_or(text, |(text, _)| text);
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let is_version = text
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_digit());
    if !is_version || text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        return None;
    }
    let mut parts = Vec::new();
    let mut rest = text.as_bytes();
    let mut is_branch = false;
    // The numbers, as long as dots join them.
    loop {
        let (digits, after) = split_while(rest, |byte| byte.is_ascii_digit());
        if digits.is_empty() {
            // `.x` or `.*`: whatever it is.
            let (_, after) = rest.split_first()?;
            rest = after;
            is_branch = true;
            parts.resize(NUMBERS.max(parts.len()), Part::Number(OPEN));
        } else {
            rest = after;
            parts.push(Part::Number(digits));
        }
        let goes_on = match rest {
            [b'.', b'0'..=b'9', ..] => !is_branch,
            [b'.', b'x' | b'X' | b'*', tail @ ..] => tail
                .first()
                .is_none_or(|byte| !byte.is_ascii_alphanumeric()),
            _ => false,
        };
        match rest.split_first() {
            Some((_, after)) if goes_on => rest = after,
            _ => break,
        }
    }
    parts.resize(NUMBERS.max(parts.len()), Part::Number(b"0"));
    while let Some((first, after)) = rest.split_first() {
        if first.is_ascii_digit() {
            let (digits, after) = split_while(rest, |byte| byte.is_ascii_digit());
            parts.push(Part::Number(digits));
            rest = after;
        } else if matches!(first, b'.' | b'-' | b'_') {
            rest = after;
        } else {
            let is_word = |byte: u8| !byte.is_ascii_digit() && !matches!(byte, b'.' | b'-' | b'_');
            let (word, after) = split_while(rest, is_word);
            rest = after;
            parts.extend(part_of_word(word));
        }
    }
    Some(parts)
}

/// As PHP's `compare_special_version_forms`, without regard to case (Composer lowers it before);
/// `None` for a word that says nothing.
fn part_of_word(word: &[u8]) -> Option<Part<'static>> {
    let starts_with = |prefix: &[u8]| {
        word.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    if word.eq_ignore_ascii_case(b"stable") {
        None
    } else if starts_with(b"dev") {
        Some(Part::Early(1))
    } else if starts_with(b"a") {
        Some(Part::Early(2))
    } else if starts_with(b"b") {
        Some(Part::Early(3))
    } else if starts_with(b"rc") {
        Some(Part::Early(4))
    } else if starts_with(b"p") {
        Some(Part::Patch)
    } else {
        Some(Part::Early(0))
    }
}
