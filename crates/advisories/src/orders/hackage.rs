//! Haskell's order, for packages of Hackage and for GHC itself: the
//! [Package Versioning Policy](https://pvp.haskell.org), `Data.Version`.
//!
//! Numbers joined by dots, compared one after the other; the longer list is greater.

use std::cmp::Ordering;

use super::{VersionError, VersionOrder};

pub(crate) struct Hackage;

impl VersionOrder for Hackage {
    fn id(&self) -> &'static str {
        "hackage"
    }

    fn compare(&self, a: &str, b: &str) -> Result<Ordering, VersionError> {
        super::cran::compare_lists("hackage", &['.'], a, b)
    }
}
