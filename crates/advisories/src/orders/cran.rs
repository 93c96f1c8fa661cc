//! R's order: `package_version` (R, "Writing R Extensions", section "The DESCRIPTION file").
//!
//! Numbers joined by `.` or `-`, compared one after the other; the longer list is greater.

use std::cmp::Ordering;

use super::{VersionError, VersionOrder, compare_digits};

pub(crate) struct Cran;

impl VersionOrder for Cran {
    fn id(&self) -> &'static str {
        "cran"
    }

    fn compare(&self, a: &str, b: &str) -> Result<Ordering, VersionError> {
        compare_lists("cran", &['.', '-'], a, b)
    }
}

/// Compares two lists of numbers.
pub(super) fn compare_lists(
    order: &'static str,
    separators: &[char],
    a: &str,
    b: &str,
) -> Result<Ordering, VersionError> {
    for version in [a, b] {
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !version.trim().split(separators).all(is_number) {
            return Err(VersionError::new(order, version));
        }
    }
    let mut a = a.trim().split(separators);
    let mut b = b.trim().split(separators);
    loop {
        let ordering = match (a.next(), b.next()) {
            (None, None) => return Ok(Ordering::Equal),
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => compare_digits(a.as_bytes(), b.as_bytes()),
        };
        if ordering.is_ne() {
            return Ok(ordering);
        }
    }
}
