//! Rules, exceptions and the verdict.
//!
//! A policy looks at [`Finding`]s, a view that the report lends; it does not know where they came
//! from. To add a rule is to add one file under `rules/` and one line in `rules.rs`.

use lamina_inventory::severity::Severity;

/// What a rule may know of a finding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding<'a> {
    /// The id under which it is shown.
    pub id: &'a str,
    /// Other ids of the same vulnerability.
    pub aliases: &'a [String],
    /// Severity.
    pub severity: Severity,
    /// Whether a version that fixes it exists.
    pub is_fixable: bool,
    /// Name of the package that has it.
    pub package: &'a str,
    /// Version of that package.
    pub version: &'a str,
    /// The layer that introduced the package.
    pub layer: usize,
}
