//! The formats a report is written in: one file each, and its line in [`FORMATS`]. [`html`] is not in the
//! list: it needs the page's shell.

pub mod badge;
pub mod csv;
pub mod cyclonedx;
pub mod cyclonedx_vdr;
pub mod github;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod openvex;
pub mod sarif;
pub mod spdx;
pub mod table;

use jiff::Timestamp;
use lamina_policy::{Policy, Verdict};
use serde_json::Value;

use crate::{model::Report, verdict};

/// What a format writes: a report, and what a policy says of it.
#[derive(Clone, Debug)]
pub struct Judged<'a> {
    /// The report.
    pub report: &'a Report,
    /// The policy.
    pub policy: &'a Policy,
    /// What it says, with whatever VEX documents and custom rules add to it.
    pub verdict: Verdict,
    /// When it was judged.
    pub now: Timestamp,
}

impl<'a> Judged<'a> {
    /// Judges a report by a policy alone, without VEX documents and custom rules.
    pub fn new(report: &'a Report, policy: &'a Policy, now: Timestamp) -> Self {
        Self {
            report,
            policy,
            verdict: verdict::evaluate(policy, report, now),
            now,
        }
    }
}

/// One output format.
pub trait Format: Sync {
    /// The name after `--format`, and of its file in this folder. Never changes.
    fn id(&self) -> &'static str;
    /// The media type.
    fn media_type(&self) -> &'static str;
    /// The file name's extension.
    fn extension(&self) -> &'static str;
    /// One line for `--help`.
    fn about(&self) -> &'static str;
    /// Whether the verdict is part of what it writes. Those that only say what is in an image do not
    /// fail one.
    fn has_verdict(&self) -> bool {
        true
    }
    /// Writes the report, with what the policy says of it.
    fn render(&self, judged: &Judged<'_>) -> String;
}

/// All formats.
pub const FORMATS: &[&dyn Format] = &[
    &table::Table,
    &json::Json,
    &sarif::Sarif,
    &junit::Junit,
    &github::Github,
    &cyclonedx::CycloneDx,
    &spdx::Spdx,
    &cyclonedx_vdr::CycloneDxVdr,
    &openvex::OpenVex,
    &csv::Csv,
    &markdown::Markdown,
    &badge::Badge,
];

/// The format of that name.
pub fn by_id(id: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|format| format.id() == id)
}

/// What every JSON format ends in: indented, with a line feed at the end.
fn pretty(document: &impl serde::Serialize) -> String {
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

/// With the members of every object by name: the same bytes whatever order a build of `serde_json`
/// keeps them in.
pub fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(String, Value)> = map.into_iter().collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            let entries = entries
                .into_iter()
                .map(|(name, value)| (name, sorted(value)));
            Value::Object(entries.collect())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_in_the_list() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/formats");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path())
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            // It fills a page that others make: no text by itself.
            .filter(|name| name != "html")
            .collect();
        let listed: BTreeSet<String> = FORMATS
            .iter()
            .map(|format| format.id().replace('-', "_"))
            .collect();
        assert_eq!(files, listed, "a format's id is its file's name");
        assert_eq!(listed.len(), FORMATS.len(), "ids are unique");
    }

    #[test]
    fn ids_never_change() {
        let ids: Vec<&str> = FORMATS.iter().map(|format| format.id()).collect();
        insta::assert_compact_debug_snapshot!(ids, @r#"["table", "json", "sarif", "junit", "github", "cyclonedx", "spdx", "cyclonedx-vdr", "openvex", "csv", "markdown", "badge"]"#);
    }
}
