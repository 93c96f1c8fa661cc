//! The formats a report is written in: one file each, and its line in [`FORMATS`].

pub mod json;
pub mod table;

use jiff::Timestamp;
use lamina_policy::Policy;

use crate::model::Report;

/// One output format.
pub trait Format: Sync {
    /// The name after `--format`.
    fn id(&self) -> &'static str;
    /// The media type.
    fn media_type(&self) -> &'static str;
    /// The file name's extension.
    fn extension(&self) -> &'static str;
    /// One line for `--help`.
    fn about(&self) -> &'static str;
    /// Writes the report, with what the policy says of it.
    fn render(&self, report: &Report, policy: &Policy, now: Timestamp) -> String;
}

/// All formats.
pub const FORMATS: &[&dyn Format] = &[&table::Table, &json::Json];

/// The format of that name.
pub fn by_id(id: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|format| format.id() == id)
}
