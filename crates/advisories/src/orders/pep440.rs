//! Python's order: PEP 440, by `pep440_rs` (12 KB in the page, `shared/CRATES.md`).
//!
//! Versions from before PEP 440 (`0.1-bulbasaur`) are an error: `packaging` refuses them too since
//! 22.0, and the order that older ones gave them has no meaning that an advisory could rely on.

use std::{cmp::Ordering, str::FromStr};

use pep440_rs::Version;

use super::{VersionError, VersionOrder};

pub(crate) struct Pep440;

impl VersionOrder for Pep440 {
    fn id(&self) -> &'static str {
        "pep440"
    }

    fn compare(&self, a: &str, b: &str) -> Result<Ordering, VersionError> {
        Ok(parse(a)?.cmp(&parse(b)?))
    }
}

/// No version is as long; refused before it costs anything.
const MAX_LENGTH: usize = 512;

fn parse(version: &str) -> Result<Version, VersionError> {
    let refuse = || VersionError::new("pep440", version);
    if version.len() > MAX_LENGTH {
        return Err(refuse());
    }
    Version::from_str(version).map_err(|_| refuse())
}
