//! What the tab "Compare" compares with, in the address, and which rows of a comparison are shown.

use std::sync::Arc;

use lamina_report::{
    compare::{
        Comparison, FindingChange, FindingFate, IssueFate, PackageFate,
        files::{FileDifference, FileFate, FilesCompared},
    },
    model::Report,
};

use super::{
    language::{fill, t},
    words,
};

/// The other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Other {
    /// A report kept in this browser, by its key.
    Kept(String),
    /// An image on a registry.
    Image(String),
}

impl Other {
    /// Reads the value of `with=`.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "recent" if !rest.is_empty() => Some(Self::Kept(rest.to_owned())),
            "image" if !rest.is_empty() => Some(Self::Image(rest.to_owned())),
            _ => None,
        }
    }

    /// The value of `with=`.
    pub fn render(&self) -> String {
        match self {
            Self::Kept(key) => format!("recent:{key}"),
            Self::Image(reference) => format!("image:{reference}"),
        }
    }
}

/// The findings of a comparison that are shown: of one fate, or all, and with a text in id, package or
/// title, whatever the case.
pub fn findings<'a>(
    comparison: &'a Comparison,
    fate: Option<FindingFate>,
    search: &str,
) -> Vec<&'a FindingChange> {
    let search = search.trim().to_lowercase();
    let has = |text: &str| text.to_lowercase().contains(&search);
    let findings = comparison.findings.iter();
    findings
        .filter(|finding| fate.is_none_or(|fate| finding.fate == fate))
        .filter(|finding| {
            search.is_empty()
                || has(&finding.id)
                || has(&finding.package)
                || finding.title.as_deref().is_some_and(has)
        })
        .collect()
}

/// Whether the report on show is what there was: the same image on the same platform, scanned before the
/// other one.
pub fn is_before(shown: &Report, other: &Report) -> bool {
    let time = |report: &Report| report.scanned_at.parse::<jiff::Timestamp>().ok();
    shown.image.name == other.image.name
        && shown.image.platform == other.image.platform
        && time(shown)
            .zip(time(other))
            .is_some_and(|(shown, other)| shown < other)
}

/// The files that are shown: indexes of those with a fate, or of all, with a text in their path, whatever
/// the case.
pub fn files(compared: &FilesCompared, fate: Option<FileFate>, search: &str) -> Arc<Vec<usize>> {
    let search = search.trim().to_lowercase();
    let files = compared.differences.iter().enumerate();
    let files = files
        .filter(|(_, file)| fate.is_none_or(|fate| file.fate == fate))
        .filter(|(_, file)| search.is_empty() || file.path().to_lowercase().contains(&search));
    Arc::new(files.map(|(index, _)| index).collect())
}

/// What is not the same of a file, in words.
pub fn file_words(file: &FileDifference) -> String {
    let changes = file.changes().into_iter().map(|(what, before, after)| {
        // Where the rounded sizes read alike, all digits are told.
        let size = |bytes: &str, other: &str| match (bytes.parse(), other.parse()) {
            (Ok(bytes), Ok(other)) if words::size(bytes) == words::size(other) => {
                format!("{} B", words::count(bytes))
            }
            (Ok(bytes), _) => words::size(bytes),
            (Err(_), _) => bytes.to_owned(),
        };
        let (text, before, after) = match what {
            "size" => (
                t("size {before} → {after}"),
                size(&before, &after),
                size(&after, &before),
            ),
            "mode" => (t("mode {before} → {after}"), before, after),
            "owner" => (t("owner {before} → {after}"), before, after),
            "target" => (t("target {before} → {after}"), before, after),
            _ => (t("kind {before} → {after}"), before, after),
        };
        fill(text, &[("before", &before), ("after", &after)])
    });
    let changes: Vec<String> = changes.collect();
    match file.fate {
        FileFate::NotCompared => t("same size, on another layer").to_owned(),
        FileFate::Changed => changes.join(", "),
        FileFate::Added | FileFate::Removed => {
            let facts = file.after.as_ref().or(file.before.as_ref());
            facts.map_or_else(String::new, |facts| words::size(facts.size))
        }
    }
}

/// The word of a file's fate.
pub fn file_fate(fate: FileFate) -> &'static str {
    match fate {
        FileFate::Added => t("added"),
        FileFate::Removed => t("removed"),
        FileFate::Changed => t("changed"),
        FileFate::NotCompared => t("content not compared"),
    }
}

/// The word of a finding's fate.
pub fn finding_fate(fate: FindingFate) -> &'static str {
    match fate {
        FindingFate::Introduced => t("introduced"),
        FindingFate::NewlyDisclosed => t("newly disclosed"),
        FindingFate::Same => t("same"),
        FindingFate::Withdrawn => t("no longer reported"),
        FindingFate::Fixed => t("fixed"),
    }
}

/// The word of an issue's fate.
pub fn issue_fate(fate: IssueFate) -> &'static str {
    match fate {
        IssueFate::Introduced => t("introduced"),
        IssueFate::Same => t("same"),
        IssueFate::Fixed => t("fixed"),
    }
}

/// The word of a package's fate.
pub fn package_fate(fate: PackageFate) -> &'static str {
    match fate {
        PackageFate::Added => t("added"),
        PackageFate::Removed => t("removed"),
        PackageFate::Upgraded => t("upgraded"),
        PackageFate::Downgraded => t("downgraded"),
        PackageFate::Changed => t("changed"),
    }
}

/// The versions of a finding's package, from one side to the other.
pub fn versions(from: Option<&str>, to: Option<&str>) -> String {
    match (from, to) {
        (Some(from), Some(to)) if from != to => format!("{from} → {to}"),
        (Some(version), Some(_)) | (None, Some(version)) => version.to_owned(),
        (Some(version), None) => fill(t("{version}, removed"), &[("version", version)]),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_side_reads_back() {
        let check = |text: &str, expect: Option<Other>| {
            assert_eq!(Other::parse(text), expect);
            if let Some(other) = expect {
                assert_eq!(other.render(), text);
            }
        };
        check(
            "recent:a b linux/amd64",
            Some(Other::Kept("a b linux/amd64".to_owned())),
        );
        check(
            "image:nginx:1.25",
            Some(Other::Image("nginx:1.25".to_owned())),
        );
        check("nginx:1.25", None);
        check("image:", None);
        check("", None);
    }

    #[test]
    fn of_two_dates_the_older_is_what_there_was() {
        let report = |name: &str, at: &str| {
            let mut report = crate::state::findings::tests::report(Vec::new(), Vec::new());
            report.scanned_at = at.to_owned();
            report.image.name = name.to_owned();
            report
        };
        let check = |other: &str, at: &str, expect: bool| {
            let shown = report("a:1", "2026-06-01T00:00:00Z");
            assert_eq!(is_before(&shown, &report(other, at)), expect);
        };
        check("a:1", "2026-07-01T00:00:00Z", true);
        check("a:1", "2026-05-01T00:00:00Z", false);
        check("a:1", "not a time", false);
        check("b:1", "2026-07-01T00:00:00Z", false);
    }

    #[test]
    fn files_are_found_by_fate_and_path() {
        use lamina_report::compare::files::FileFacts;
        let file = |fate, path: &str| FileDifference {
            fate,
            before: None,
            after: Some(FileFacts {
                path: path.to_owned(),
                size: 2000,
                ..FileFacts::default()
            }),
        };
        let compared = FilesCompared {
            same: 0,
            differences: vec![
                file(FileFate::Added, "etc/Passwd"),
                file(FileFate::Changed, "usr/bin/sh"),
            ],
        };
        assert_eq!(*files(&compared, None, ""), [0, 1]);
        assert_eq!(*files(&compared, None, " passwd"), [0]);
        assert_eq!(*files(&compared, Some(FileFate::Changed), ""), [1]);
        assert!(files(&compared, Some(FileFate::Removed), "").is_empty());
        assert_eq!(file_words(&compared.differences[0]), "2.0 kB");
    }

    #[test]
    fn versions_are_told_once_where_they_are_the_same() {
        assert_eq!(versions(Some("1"), Some("2")), "1 → 2");
        assert_eq!(versions(Some("1"), Some("1")), "1");
        assert_eq!(versions(None, Some("1")), "1");
        assert_eq!(versions(Some("1"), None), "1, removed");
    }
}
