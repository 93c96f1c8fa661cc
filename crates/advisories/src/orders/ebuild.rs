//! Gentoo's order: Package Manager Specification 8, section 3.3, "Version Comparison".
//!
//! `number{.number}[letter]{_suffix[number]}[-rnumber]`; anything else is an error.

use std::cmp::Ordering;

use super::{VersionError, VersionOrder, compare_digits, split_while};

pub(crate) struct Ebuild;

impl VersionOrder for Ebuild {
    fn id(&self) -> &'static str {
        "ebuild"
    }

    fn compare(&self, a: &str, b: &str) -> Result<Ordering, VersionError> {
        let refuse = |version| move || VersionError::new("ebuild", version);
        let a = split(a).ok_or_else(refuse(a))?;
        let b = split(b).ok_or_else(refuse(b))?;
        Ok(compare_numbers(&a.numbers, &b.numbers)
            .then_with(|| a.letter.cmp(&b.letter))
            .then_with(|| compare_suffixes(&a.suffixes, &b.suffixes))
            .then_with(|| compare_digits(a.revision, b.revision)))
    }
}

struct Parts<'a> {
    numbers: Vec<&'a [u8]>,
    letter: Option<u8>,
    suffixes: Vec<Suffix<'a>>,
    revision: &'a [u8],
}

/// A suffix, as its place in [`SUFFIXES`], and its number.
type Suffix<'a> = (usize, &'a [u8]);

/// In order; the bare version is between the last two.
const SUFFIXES: [&[u8]; 5] = [b"alpha", b"beta", b"pre", b"rc", b"p"];
const AFTER: usize = 4;

fn split(version: &str) -> Option<Parts<'_>> {
    let digits = |bytes| split_while(bytes, |byte: u8| byte.is_ascii_digit());
    let (first, mut rest) = digits(version.trim().as_bytes());
    if first.is_empty() {
        return None;
    }
    let mut numbers = vec![first];
    while let Some(after) = rest.strip_prefix(b".") {
        let (number, after) = digits(after);
        if number.is_empty() {
            return None;
        }
        numbers.push(number);
        rest = after;
    }
    let letter = rest.first().copied().filter(u8::is_ascii_lowercase);
    if letter.is_some() {
        rest = rest.get(1..)?;
    }
    let mut suffixes = Vec::new();
    while let Some(after) = rest.strip_prefix(b"_") {
        let (word, after) = split_while(after, |byte| byte.is_ascii_lowercase());
        let suffix = SUFFIXES.iter().position(|suffix| *suffix == word)?;
        let (number, after) = digits(after);
        suffixes.push((suffix, number));
        rest = after;
    }
    let mut revision: &[u8] = &[];
    if let Some(after) = rest.strip_prefix(b"-r") {
        (revision, rest) = digits(after);
        if revision.is_empty() {
            return None;
        }
    }
    rest.is_empty().then_some(Parts {
        numbers,
        letter,
        suffixes,
        revision,
    })
}

fn compare_numbers(a: &[&[u8]], b: &[&[u8]]) -> Ordering {
    for (position, (a, b)) in a.iter().zip(b).enumerate() {
        let is_fraction = |digits: &[u8]| position > 0 && digits.first() == Some(&b'0');
        let ordering = if is_fraction(a) || is_fraction(b) {
            trim_end_zeros(a).cmp(trim_end_zeros(b))
        } else {
            compare_digits(a, b)
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
    a.len().cmp(&b.len())
}

fn trim_end_zeros(mut digits: &[u8]) -> &[u8] {
    while let Some(rest) = digits.strip_suffix(b"0") {
        digits = rest;
    }
    digits
}

fn compare_suffixes(a: &[Suffix<'_>], b: &[Suffix<'_>]) -> Ordering {
    for position in 0..a.len().max(b.len()) {
        let ordering = match (a.get(position), b.get(position)) {
            (Some(a), Some(b)) => a.0.cmp(&b.0).then_with(|| compare_digits(a.1, b.1)),
            (Some((suffix, _)), None) if *suffix < AFTER => Ordering::Less,
            (None, Some((suffix, _))) if *suffix < AFTER => Ordering::Greater,
            (a, b) => a.is_some().cmp(&b.is_some()),
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
    Ordering::Equal
}
