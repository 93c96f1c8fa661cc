//! The list of version orders.
//!
//! An order is one file here and one line in [`ORDERS`]; its vectors are checked in
//! `tests/it/orders.rs`. Orders are total over the versions they accept: reflexive, antisymmetric
//! and transitive (proptest). A version they cannot read is an error to report, never a guess.

pub(crate) mod alpm;
pub(crate) mod apk;
pub(crate) mod conan;
pub(crate) mod cran;
pub(crate) mod dpkg;
pub(crate) mod ebuild;
pub(crate) mod go;
pub(crate) mod hackage;
pub(crate) mod maven;
pub(crate) mod nuget;
pub(crate) mod packagist;
pub(crate) mod pep440;
pub(crate) mod rpm;
pub(crate) mod rubygems;
pub(crate) mod semver;

use std::cmp::Ordering;

/// All orders.
pub const ORDERS: &[&dyn VersionOrder] = &[
    &alpm::Alpm,
    &apk::Apk,
    &conan::Conan,
    &cran::Cran,
    &dpkg::Dpkg,
    &ebuild::Ebuild,
    &go::Go,
    &hackage::Hackage,
    &maven::Maven,
    &nuget::NuGet,
    &packagist::Packagist,
    &pep440::Pep440,
    &semver::PUB,
    &rpm::Rpm,
    &rubygems::RubyGems,
    &semver::SEMVER,
];

/// How the versions of one kind of package are ordered.
pub trait VersionOrder: Sync {
    /// Name in shards and evidence; kebab-case, never changes.
    fn id(&self) -> &'static str;

    /// Compares two versions.
    ///
    /// # Errors
    /// Names the version that is none in this order.
    fn compare(&self, a: &str, b: &str) -> Result<Ordering, VersionError>;

    /// Whether `version` is one in this order.
    fn accepts(&self, version: &str) -> bool {
        self.compare(version, version).is_ok()
    }
}

/// A text that is no version in the order that was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{version:?} is no {order} version")]
pub struct VersionError {
    /// The text, cut off at 80 characters.
    pub version: String,
    /// The order's id.
    pub order: &'static str,
}

impl VersionError {
    pub(crate) fn new(order: &'static str, version: &str) -> Self {
        Self {
            version: version.chars().take(80).collect(),
            order,
        }
    }
}

/// The order with this id.
pub fn order(id: &str) -> Option<&'static dyn VersionOrder> {
    ORDERS.iter().copied().find(|order| order.id() == id)
}

/// Compares in the order with this id; what is no version in it, or where there is no such order, by its
/// text. For choosing among versions that are known to be some, not for matching.
pub fn compare_or_text(id: &str, a: &str, b: &str) -> Ordering {
    order(id)
        .and_then(|order| order.compare(a, b).ok())
        .unwrap_or_else(|| a.cmp(b))
}

/// Compares two runs of digits by value, however long; an empty run is zero.
pub(crate) fn compare_digits(a: &[u8], b: &[u8]) -> Ordering {
    let a = trim_zeros(a);
    let b = trim_zeros(b);
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn trim_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    digits.get(zeros..).unwrap_or_default()
}

/// Splits off the longest prefix whose bytes satisfy `wanted`.
pub(crate) fn split_while(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let length = bytes.iter().take_while(|byte| wanted(**byte)).count();
    bytes.split_at_checked(length).unwrap_or((bytes, &[]))
}
