//! The command palette: what can be chosen in it, and what is meant by what is typed.

use lamina_image::reference::Reference;
use lamina_inventory::severity::Severity;
use lamina_report::model::Report;

use super::{
    address::View,
    language::{fill, t, text},
    overlays::Overlay,
    shortcuts::Action,
    steps,
};
use crate::scanner::RecentScan;

/// Entries that are shown.
pub const MOST: usize = 40;

/// Findings, packages or layers that are shown of each.
const MOST_OF_A_KIND: usize = 8;

/// From so many characters on, findings and packages are looked through.
const SEARCH_FROM: usize = 2;

/// Longest text that is searched for, in characters.
const MOST_CHARS: usize = 200;

/// The words of severities, as `Severity::word` has them.
pub const SEVERITIES: [&str; 6] = [
    text("critical"),
    text("high"),
    text("medium"),
    text("low"),
    text("negligible"),
    text("unknown"),
];

/// What an entry does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Opens a tab.
    Open(View),
    /// Shows one layer, or all.
    Layer(Option<usize>),
    /// Shows a finding, by its index.
    Finding(usize),
    /// Shows a package, by its index.
    Package(usize),
    /// Shows findings of these severities only; all if empty.
    Severities(Vec<Severity>),
    /// Searches the findings.
    Search(String),
    /// Scans an image.
    Scan(String),
    /// Scans the image on show again.
    ScanAgain,
    /// Opens a kept scan.
    Kept(String),
    /// Presses a control of the page, by its selector.
    Press(&'static str),
    /// Opens something over the page.
    Overlay(Overlay),
    /// Changes the colours.
    Theme,
    /// Goes to the start page.
    Home,
}

/// Something that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is called.
    pub title: String,
    /// What else is known of it.
    pub detail: String,
    /// The action whose keys do the same.
    pub action: Option<Action>,
    /// What it does.
    pub command: Command,
}

impl Entry {
    fn new(title: impl Into<String>, command: Command) -> Self {
        Self {
            title: title.into(),
            detail: String::new(),
            action: None,
            command,
        }
    }

    fn key(mut self, action: Action) -> Self {
        self.action = Some(action);
        self
    }

    fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

/// The best entries for what is typed, the best first.
pub fn entries(query: &str, report: Option<&Report>, kept: &[RecentScan]) -> Vec<Entry> {
    let query: String = query.trim().chars().take(MOST_CHARS).collect();
    let mut found = Vec::new();
    let fixed = commands(report.is_some());
    let count = fixed.len();
    for (place, entry) in fixed.into_iter().enumerate() {
        // Without a query they keep their order.
        let order = i32::try_from(count - place).unwrap_or_default();
        let score = match query.is_empty() {
            true => Some(order),
            false => fuzzy(&query, &entry.title).map(|score| score + 8),
        };
        if let Some(score) = score {
            found.push((score, entry));
        }
    }
    let kept = kept.iter().map(|scan| {
        Entry::new(scan.name.clone(), Command::Kept(scan.key.clone())).detail(fill(
            t("kept scan, {platform}"),
            &[("platform", &scan.platform)],
        ))
    });
    found.extend(best(&query, kept));
    if let Some(report) = report {
        found.extend(best(&query, layers(report)));
        if query.chars().count() >= SEARCH_FROM {
            found.extend(best(&query, findings(report)));
            found.extend(best(&query, packages(report)));
        }
    }
    // Equal scores stay in the order of their kinds.
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    let mut entries: Vec<Entry> = found.into_iter().map(|(_, entry)| entry).collect();
    entries.truncate(MOST);
    entries.extend(made_of(&query, report.is_some()));
    entries
}

/// What can be made of the text itself.
fn made_of(query: &str, has_report: bool) -> Vec<Entry> {
    let mut entries = Vec::new();
    if query.is_empty() {
        return entries;
    }
    if has_report {
        entries.push(Entry::new(
            fill(t("Search findings for “{text}”"), &[("text", query)]),
            Command::Search(query.to_owned()),
        ));
    }
    if Reference::parse(query).is_ok() {
        entries.push(Entry::new(
            fill(t("Scan the image {name}"), &[("name", query)]),
            Command::Scan(query.to_owned()),
        ));
    }
    entries
}

fn commands(has_report: bool) -> Vec<Entry> {
    let mut entries = Vec::new();
    if has_report {
        for (at, view) in View::ALL.into_iter().enumerate() {
            let title = fill(t("Go to {tab}"), &[("tab", t(view.title()))]);
            entries.push(Entry::new(title, Command::Open(view)).key(Action::Tab(at)));
        }
        let severities = |title: &'static str, list: &[Severity]| {
            Entry::new(title, Command::Severities(list.to_vec()))
        };
        entries.push(severities(
            t("Show critical findings only"),
            &[Severity::Critical],
        ));
        entries.push(severities(
            t("Show critical and high findings only"),
            &[Severity::Critical, Severity::High],
        ));
        entries.push(severities(t("Show findings of all severities"), &[]));
        entries.push(Entry::new(t("Show all layers"), Command::Layer(None)).key(Action::Close));
        entries.push(Entry::new(
            t("Share: copy a link to this report"),
            Command::Press("[data-test=\"copy-link\"]"),
        ));
        entries.push(Entry::new(t("Scan this image again"), Command::ScanAgain));
    }
    entries
        .push(Entry::new(t("Settings"), Command::Overlay(Overlay::Settings)).key(Action::Settings));
    entries.push(
        Entry::new(
            t("Requests of this tab"),
            Command::Overlay(Overlay::NetworkLog),
        )
        .key(Action::NetworkLog),
    );
    entries.push(Entry::new(t("Next colours"), Command::Theme).key(Action::Theme));
    entries.push(Entry::new(t("Shortcuts"), Command::Overlay(Overlay::Help)).key(Action::Help));
    entries.push(Entry::new(t("Start page"), Command::Home));
    entries
}

fn layers(report: &Report) -> impl Iterator<Item = Entry> {
    report.layers.iter().enumerate().map(|(at, layer)| {
        let number = at.to_string();
        Entry::new(
            fill(t("Go to layer {n}"), &[("n", &number)]),
            Command::Layer(Some(at)),
        )
        .detail(steps::parse(&layer.created_by).line())
    })
}

fn findings(report: &Report) -> impl Iterator<Item = Entry> {
    report.findings.iter().enumerate().map(|(at, finding)| {
        let package = report.packages.get(finding.package);
        let name = package.map_or("", |package| package.name.as_str());
        Entry::new(format!("{} {name}", finding.id), Command::Finding(at))
            .detail(t(finding.severity.word()))
    })
}

fn packages(report: &Report) -> impl Iterator<Item = Entry> {
    report.packages.iter().enumerate().map(|(at, package)| {
        Entry::new(
            format!("{} {}", package.name, package.version),
            Command::Package(at),
        )
        .detail(fill(t("package, {kind}"), &[("kind", package.kind.word())]))
    })
}

/// The best few of a kind.
fn best(query: &str, entries: impl Iterator<Item = Entry>) -> Vec<(i32, Entry)> {
    let mut found: Vec<(i32, Entry)> = Vec::new();
    for entry in entries {
        let score = match query.is_empty() {
            true => Some(0),
            false => fuzzy(query, &entry.title),
        };
        let Some(score) = score else { continue };
        let is_better = |(other, _): &(i32, Entry)| *other >= score;
        let place = found.partition_point(is_better);
        if place < MOST_OF_A_KIND {
            found.insert(place, (score, entry));
            found.truncate(MOST_OF_A_KIND);
        }
    }
    found
}

/// How well a text answers a query; `None` if it does not. Each word of the query must be found, its
/// characters in order; runs and beginnings of words count more.
pub fn fuzzy(query: &str, text: &str) -> Option<i32> {
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let mut sum = 0;
    for word in query.split_whitespace() {
        let word: Vec<char> = word.chars().flat_map(char::to_lowercase).collect();
        sum += of_word(&word, &text)?;
    }
    Some(sum)
}

fn of_word(word: &[char], text: &[char]) -> Option<i32> {
    let begins = |at: usize| {
        at == 0
            || text
                .get(at - 1)
                .is_some_and(|before| !before.is_alphanumeric())
    };
    // Whole, if it is there whole; the best place is the beginning of a word.
    let mut whole = None;
    for (at, window) in text.windows(word.len().max(1)).enumerate() {
        if window == word {
            let score = if begins(at) { 40 } else { 20 };
            let score = score + i32::from(at == 0) * 10;
            whole = whole.max(Some(score));
        }
    }
    if let Some(score) = whole {
        return Some(score + i32::try_from(word.len()).unwrap_or_default());
    }
    let mut at = 0;
    let mut score = 0;
    let mut last = None;
    for char in word {
        let found = at + text.get(at..)?.iter().position(|other| other == char)?;
        score += match last {
            Some(last) if last + 1 == found => 3,
            _ if begins(found) => 2,
            _ => -1,
        };
        last = Some(found);
        at = found + 1;
    }
    // Letters strewn over a text mean nothing.
    (score > 0).then_some(score)
}

#[cfg(test)]
mod tests {
    use lamina_report::model::Layer;

    use super::*;
    use crate::state::findings;

    #[test]
    fn what_is_meant_comes_first() {
        let texts = [
            "Go to Findings",
            "Go to Files",
            "Settings",
            "Requests of this tab",
            "CVE-2024-3094 xz-utils",
            "openssl 3.0.2",
        ];
        let check = |query: &str, expect: Option<&str>| {
            let mut found: Vec<_> = texts
                .iter()
                .filter_map(|text| Some((fuzzy(query, text)?, *text)))
                .collect();
            found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
            assert_eq!(found.first().map(|(_, text)| *text), expect, "{query}");
        };
        check("find", Some("Go to Findings"));
        check("files", Some("Go to Files"));
        check("gtfi", Some("Go to Findings"));
        check("sett", Some("Settings"));
        check("3094", Some("CVE-2024-3094 xz-utils"));
        check("xz 2024", Some("CVE-2024-3094 xz-utils"));
        check("OPENSSL", Some("openssl 3.0.2"));
        check("zzz", None);
        check("sgnt", None);
    }

    fn report() -> Report {
        let finding = |number: usize| {
            let id = format!("CVE-2024-{number:04}");
            findings::tests::finding(&id, 0, Severity::High, None)
        };
        let package = findings::tests::package("openssl", "3.0.2", 0);
        Report {
            layers: vec![Layer::default(); 12],
            ..findings::tests::report(vec![package], (0..3_000).map(finding).collect())
        }
    }

    #[test]
    fn a_number_finds_its_finding_among_thousands() {
        let report = report();
        let first = |query: &str| entries(query, Some(&report), &[]).remove(0).command;
        assert_eq!(first("CVE-2024-2718"), Command::Finding(2718));
        assert_eq!(first("2718"), Command::Finding(2718));
        assert_eq!(first("layer 7"), Command::Layer(Some(7)));
        assert_eq!(first("openssl 3"), Command::Package(0));
        assert_eq!(first("go issues"), Command::Open(View::Issues));
    }

    #[test]
    fn without_a_report_there_are_no_commands_for_one() {
        let list = entries("", None, &[]);
        assert!(
            list.iter()
                .all(|entry| !matches!(entry.command, Command::Open(_)))
        );
        assert!(
            list.iter()
                .any(|entry| entry.command == Command::Overlay(Overlay::Settings))
        );
        let typed = entries("nginx:1.25", None, &[]);
        assert_eq!(
            typed.last().unwrap().command,
            Command::Scan("nginx:1.25".to_owned())
        );
    }

    #[test]
    fn every_severity_can_be_translated() {
        for severity in Severity::WORST_FIRST {
            assert!(SEVERITIES.contains(&severity.word()), "{severity:?}");
        }
    }

    #[test]
    fn what_is_shown_is_bounded() {
        let report = report();
        let long = "CVE ".repeat(1_000);
        for query in ["", "cve", "e", long.as_str()] {
            assert!(entries(query, Some(&report), &[]).len() <= MOST + 2);
        }
    }
}
