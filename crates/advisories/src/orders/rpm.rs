//! RPM's order: `[epoch:]version[-release]`, each part by `rpmvercmp` (rpm, `rpmio/rpmvercmp.c`).
//!
//! Runs of digits and of letters, digits above letters; `~` below everything, `^` above the end but
//! below anything longer. A missing epoch is 0. A missing release is below every release: feeds that
//! mean "any release" must say so with a range.

use std::cmp::Ordering;

use super::{VersionError, VersionOrder, compare_digits, split_while};

pub(crate) struct Rpm;

impl VersionOrder for Rpm {
    fn id(&self) -> &'static str {
        "rpm"
    }

    fn compare(&self, a: &str, b: &str) -> Result<Ordering, VersionError> {
        let a = split(a)?;
        let b = split(b)?;
        Ok(rpmvercmp(a.epoch, b.epoch)
            .then_with(|| rpmvercmp(a.version, b.version))
            .then_with(|| match (a.release, b.release) {
                (Some(a), Some(b)) => rpmvercmp(a, b),
                (a, b) => a.is_some().cmp(&b.is_some()),
            }))
    }
}

struct Parts<'a> {
    epoch: &'a [u8],
    version: &'a [u8],
    release: Option<&'a [u8]>,
}

/// An epoch that is no number, which rpm refuses, is ordered as text, as osv-scalibr does.
fn split(version: &str) -> Result<Parts<'_>, VersionError> {
    let text = version.trim();
    let (epoch, rest) = match text.split_once(':') {
        // `(none)` is what rpm prints for a package without one.
        None | Some(("" | "(none)", _)) => {
            ("0", text.split_once(':').map_or(text, |(_, rest)| rest))
        }
        Some((epoch, rest)) => (epoch, rest),
    };
    if text.is_empty() {
        return Err(VersionError::new("rpm", version));
    }
    let (version, release) = match rest.rsplit_once('-') {
        Some((version, release)) => (version, Some(release.as_bytes())),
        None => (rest, None),
    };
    Ok(Parts {
        epoch: epoch.as_bytes(),
        version: version.as_bytes(),
        release,
    })
}

fn rpmvercmp(mut a: &[u8], mut b: &[u8]) -> Ordering {
    let is_separator = |byte: u8| !byte.is_ascii_alphanumeric() && !matches!(byte, b'~' | b'^');
    loop {
        a = split_while(a, is_separator).1;
        b = split_while(b, is_separator).1;
        let (first_a, first_b) = (a.first().copied(), b.first().copied());
        match (first_a, first_b) {
            (Some(b'~'), Some(b'~')) | (Some(b'^'), Some(b'^')) => {
                a = a.get(1..).unwrap_or_default();
                b = b.get(1..).unwrap_or_default();
                continue;
            }
            (Some(b'~'), _) => return Ordering::Less,
            (_, Some(b'~')) => return Ordering::Greater,
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(b'^'), _) => return Ordering::Less,
            (_, Some(b'^')) => return Ordering::Greater,
            (Some(_), Some(_)) => {}
        }
        let is_number = first_a.is_some_and(|byte| byte.is_ascii_digit());
        let (run_a, rest_a, run_b, rest_b);
        if is_number {
            (run_a, rest_a) = split_while(a, |byte| byte.is_ascii_digit());
            (run_b, rest_b) = split_while(b, |byte| byte.is_ascii_digit());
        } else {
            (run_a, rest_a) = split_while(a, |byte| byte.is_ascii_alphabetic());
            (run_b, rest_b) = split_while(b, |byte| byte.is_ascii_alphabetic());
        }
        let ordering = match (is_number, run_b.is_empty()) {
            (true, true) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (true, false) => compare_digits(run_a, run_b),
            (false, false) => run_a.cmp(run_b),
        };
        if ordering.is_ne() {
            return ordering;
        }
        (a, b) = (rest_a, rest_b);
    }
}
