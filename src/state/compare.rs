//! What the tab "Compare" compares with, in the address, and which rows of a comparison are shown.

use jiff::Timestamp;
use lamina_report::{
    compare::{Comparison, FindingChange, FindingFate},
    model::Image,
};

use super::language::{fill, t, text};

/// What a comparison says became of something, for the list of texts.
pub const FATES: [&str; 10] = [
    text("introduced"),
    text("newly disclosed"),
    text("same"),
    text("no longer reported"),
    text("fixed"),
    text("added"),
    text("removed"),
    text("upgraded"),
    text("downgraded"),
    text("changed"),
];

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

/// Whether the other report is a later scan of the image on show, under the same name and for the same
/// platform: it is then what there is now.
pub fn is_later((other, other_at): (&Image, &str), (shown, shown_at): (&Image, &str)) -> bool {
    let is_same = other.name == shown.name && other.platform == shown.platform;
    let times = (other_at.parse::<Timestamp>(), shown_at.parse::<Timestamp>());
    is_same && matches!(times, (Ok(other), Ok(shown)) if other > shown)
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
    fn a_later_scan_of_the_same_image_is_what_there_is_now() {
        let image = |name: &str| Image {
            name: name.to_owned(),
            ..Image::default()
        };
        let shown = image("a:1");
        let shown = (&shown, "2026-01-02T00:00:00Z");
        let check = |name: &str, at: &str, expect: bool| {
            assert_eq!(is_later((&image(name), at), shown), expect, "{name} {at}");
        };
        check("a:1", "2026-01-02T00:00:01Z", true);
        check("a:1", "2026-01-01T23:59:59Z", false);
        check("a:1", "2026-01-02T01:00:00+02:00", false);
        check("a:1", "some day", false);
        check("a:2", "2027-01-01T00:00:00Z", false);
    }

    #[test]
    fn every_fate_has_its_text() {
        use lamina_report::compare::{IssueFate, PackageFate};
        let findings = FindingFate::ALL.map(FindingFate::words);
        let issues =
            [IssueFate::Introduced, IssueFate::Same, IssueFate::Fixed].map(IssueFate::word);
        let packages = [
            PackageFate::Added,
            PackageFate::Removed,
            PackageFate::Upgraded,
            PackageFate::Downgraded,
            PackageFate::Changed,
        ]
        .map(PackageFate::word);
        for word in findings.into_iter().chain(issues).chain(packages) {
            assert!(FATES.contains(&word), "{word}");
        }
    }

    #[test]
    fn versions_are_told_once_where_they_are_the_same() {
        assert_eq!(versions(Some("1"), Some("2")), "1 → 2");
        assert_eq!(versions(Some("1"), Some("1")), "1");
        assert_eq!(versions(None, Some("1")), "1");
        assert_eq!(versions(Some("1"), None), "1, removed");
    }
}
