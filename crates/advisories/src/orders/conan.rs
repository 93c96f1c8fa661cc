//! Conan's order (C and C++): Conan 2, `conan/internal/model/version.py`.
//!
//! `items[-pre-release][+build]`, each part a list of items joined by dots, of which zeros at the end do not
//! count. Conan compares a number with a word as text, which is no order (`2` < `10` < `1a` < `2`); here items are
//! compared by their runs of digits and of other characters, numbers before words.

use std::cmp::Ordering;

use super::{VersionError, VersionOrder, compare_digits, split_while};

pub(crate) struct Conan;

impl VersionOrder for Conan {
    fn id(&self) -> &'static str {
        "conan"
    }

    fn compare(&self, a: &str, b: &str) -> Result<Ordering, VersionError> {
        let a = split(a)?;
        let b = split(b)?;
        Ok(compare_items(a.items, b.items)
            .then_with(|| match (a.pre_release, b.pre_release) {
                (Some(a), Some(b)) => compare_items(a, b),
                (a, b) => a.is_none().cmp(&b.is_none()),
            })
            .then_with(|| match (a.build, b.build) {
                (Some(a), Some(b)) => compare_items(a, b),
                (a, b) => a.is_some().cmp(&b.is_some()),
            }))
    }
}

struct Parts<'a> {
    items: &'a str,
    pre_release: Option<&'a str>,
    build: Option<&'a str>,
}

fn split(version: &str) -> Result<Parts<'_>, VersionError> {
    let text = version.trim();
    let (text, build) = match text.rsplit_once('+') {
        Some((text, build)) => (text, Some(build)),
        None => (text, None),
    };
    let (items, pre_release) = match text.rsplit_once('-') {
        Some((items, pre_release)) => (items, Some(pre_release)),
        None => (text, None),
    };
    if items.is_empty()
        || version
            .trim()
            .bytes()
            .any(|byte| byte.is_ascii_whitespace())
    {
        return Err(VersionError::new("conan", version));
    }
    Ok(Parts {
        items,
        pre_release,
        build,
    })
}

fn compare_items(a: &str, b: &str) -> Ordering {
    let mut a = trim_zeros(a).split('.');
    let mut b = trim_zeros(b).split('.');
    loop {
        let ordering = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => compare_item(a.as_bytes(), b.as_bytes()),
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
}

/// Drops items at the end that are zero. The first stays.
fn trim_zeros(mut items: &str) -> &str {
    while let Some((rest, last)) = items.rsplit_once('.') {
        if last.is_empty() || !last.bytes().all(|byte| byte == b'0') {
            break;
        }
        items = rest;
    }
    items
}

fn compare_item(mut a: &[u8], mut b: &[u8]) -> Ordering {
    loop {
        match (a.is_empty(), b.is_empty()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            (false, false) => {}
        }
        let (number_a, after_a) = split_while(a, |byte| byte.is_ascii_digit());
        let (number_b, after_b) = split_while(b, |byte| byte.is_ascii_digit());
        let ordering = match (number_a.is_empty(), number_b.is_empty()) {
            (false, false) => {
                (a, b) = (after_a, after_b);
                compare_digits(number_a, number_b)
            }
            (true, true) => {
                let (word_a, after_a) = split_while(a, |byte| !byte.is_ascii_digit());
                let (word_b, after_b) = split_while(b, |byte| !byte.is_ascii_digit());
                (a, b) = (after_a, after_b);
                word_a.cmp(word_b)
            }
            (is_word_a, is_word_b) => is_word_a.cmp(&is_word_b),
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
}
