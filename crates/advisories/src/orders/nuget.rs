//! NuGet's order: four numbers, then a SemVer 2.0 pre-release without regard to case
//! (NuGet.Client, `VersionComparer`). Missing numbers are zero; build metadata does not count.

use std::cmp::Ordering;

use super::{VersionError, VersionOrder, compare_digits};

pub(crate) struct NuGet;

impl VersionOrder for NuGet {
    fn id(&self) -> &'static str {
        "nuget"
    }

    fn compare(&self, a: &str, b: &str) -> Result<Ordering, VersionError> {
        let (numbers_a, pre_a) = split(a)?;
        let (numbers_b, pre_b) = split(b)?;
        let mut ordering = Ordering::Equal;
        for (a, b) in numbers_a.iter().zip(numbers_b) {
            ordering = ordering.then_with(|| compare_digits(a.as_bytes(), b.as_bytes()));
        }
        Ok(
            ordering.then_with(|| match (pre_a.as_str(), pre_b.as_str()) {
                ("", "") => Ordering::Equal,
                ("", _) => Ordering::Greater,
                (_, "") => Ordering::Less,
                (a, b) => super::semver::compare_identifiers(a, b),
            }),
        )
    }
}

fn split(version: &str) -> Result<([&str; 4], String), VersionError> {
    let refuse = || VersionError::new("nuget", version);
    let text = version.trim().trim_start_matches(['v', 'V']);
    let (text, _build) = text.split_once('+').unwrap_or((text, ""));
    let (core, pre_release) = text.split_once('-').unwrap_or((text, ""));
    let mut numbers = [""; 4];
    for (position, part) in core.split('.').enumerate() {
        let slot = numbers.get_mut(position).ok_or_else(refuse)?;
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refuse());
        }
        *slot = part;
    }
    Ok((numbers, pre_release.to_ascii_lowercase()))
}
