//! Arch Linux's order: `[epoch:]version[-pkgrel]`, each part by pacman's `rpmvercmp`
//! (libalpm, `lib/libalpm/version.c`; vercmp(8)).
//!
//! As RPM's, without `~` and `^`; letters right after a number make a pre-release (`1.5b` is below `1.5`), and
//! more separators are above fewer. Two things differ from pacman, because an order must be transitive: a
//! missing pkgrel is below every pkgrel (pacman has it equal to all of them), and separators at the end do not
//! count.

use std::cmp::Ordering;

use super::{VersionError, VersionOrder, compare_digits, split_while};

pub(crate) struct Alpm;

impl VersionOrder for Alpm {
    fn id(&self) -> &'static str {
        "alpm"
    }

    fn compare(&self, a: &str, b: &str) -> Result<Ordering, VersionError> {
        let a = split(a)?;
        let b = split(b)?;
        Ok(compare_digits(a.epoch, b.epoch)
            .then_with(|| compare_part(a.version, b.version))
            .then_with(|| match (a.release, b.release) {
                (Some(a), Some(b)) => compare_part(a, b),
                (a, b) => a.is_some().cmp(&b.is_some()),
            }))
    }
}

struct Parts<'a> {
    epoch: &'a [u8],
    version: &'a [u8],
    release: Option<&'a [u8]>,
}

fn split(version: &str) -> Result<Parts<'_>, VersionError> {
    let text = version.trim();
    let (epoch, rest) = match text.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => (epoch, rest),
        _ => ("", text),
    };
    let (version_part, release) = match rest.rsplit_once('-') {
        Some((version, release)) => (version, Some(trim_end(release.as_bytes()))),
        None => (rest, None),
    };
    let version_part = trim_end(version_part.as_bytes());
    if version_part.is_empty() {
        return Err(VersionError::new("alpm", version));
    }
    Ok(Parts {
        epoch: epoch.as_bytes(),
        version: version_part,
        release,
    })
}

fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let Some((last, rest)) = bytes.split_last() {
        if last.is_ascii_alphanumeric() {
            break;
        }
        bytes = rest;
    }
    bytes
}

fn compare_part(mut a: &[u8], mut b: &[u8]) -> Ordering {
    loop {
        // A letter that follows a number at once is below the end; all else that follows is above.
        let starts_with_letter = |bytes: &[u8]| bytes.first().is_some_and(u8::is_ascii_alphabetic);
        match (a.is_empty(), b.is_empty()) {
            (true, true) => return Ordering::Equal,
            (true, false) if starts_with_letter(b) => return Ordering::Greater,
            (true, false) => return Ordering::Less,
            (false, true) if starts_with_letter(a) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            (false, false) => {}
        }
        let (separators_a, rest_a) = split_while(a, |byte| !byte.is_ascii_alphanumeric());
        let (separators_b, rest_b) = split_while(b, |byte| !byte.is_ascii_alphanumeric());
        let ordering = separators_a.len().cmp(&separators_b.len());
        if ordering.is_ne() {
            return ordering;
        }
        let (number_a, after_a) = split_while(rest_a, |byte| byte.is_ascii_digit());
        let (number_b, after_b) = split_while(rest_b, |byte| byte.is_ascii_digit());
        let ordering = match (number_a.is_empty(), number_b.is_empty()) {
            (false, false) => {
                (a, b) = (after_a, after_b);
                compare_digits(number_a, number_b)
            }
            (true, true) => {
                let (word_a, after_a) = split_while(rest_a, |byte| byte.is_ascii_alphabetic());
                let (word_b, after_b) = split_while(rest_b, |byte| byte.is_ascii_alphabetic());
                (a, b) = (after_a, after_b);
                word_a.cmp(word_b)
            }
            (is_word_a, is_word_b) => is_word_b.cmp(&is_word_a),
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
}
