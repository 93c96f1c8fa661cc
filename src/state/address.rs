//! The page's address: which image, which view, and what is selected in it.
//!
//! One path, so that the page can lie in any folder of any host: everything is in the query, and a
//! shared report in the fragment (`#r=2.…`, or `#s=…` for the key of an encrypted one), which no server sees. `v` is the version of these
//! names; an address without one is version 1.

use lamina_inventory::severity::Severity;

use super::{grouping::Grouping, language::text};

/// Version of the query's names. [`Address::parse`] reads every older one.
pub const VERSION: u32 = 1;

/// What is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Subject {
    /// Nothing yet: the start page.
    #[default]
    Home,
    /// An image on a registry, as the user wrote it.
    Image(String),
    /// An archive from this machine, by its file name. Its bytes are not in the address.
    Archive(String),
    /// A scan kept in this browser, by its key.
    Recent(String),
    /// A report in the fragment: the text after `#r=`.
    Shared(String),
    /// An encrypted report on the page's server, with its key in the fragment: the text after `#s=`.
    Uploaded(String),
}

/// A tab of the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum View {
    /// Vulnerabilities.
    #[default]
    Findings,
    /// Upgrades that remove them.
    Fixes,
    /// Secrets, misconfigurations and licences.
    Issues,
    /// What changed against another image.
    Compare,
    /// Packages.
    Packages,
    /// The file tree.
    Files,
    /// Config, history, digests.
    Image,
    /// What is missing.
    Warnings,
    /// The policy lab.
    Policy,
}

impl View {
    /// All tabs, in their order.
    pub const ALL: [View; 9] = [
        Self::Findings,
        Self::Fixes,
        Self::Policy,
        Self::Issues,
        Self::Packages,
        Self::Compare,
        Self::Files,
        Self::Image,
        Self::Warnings,
    ];

    /// The word in the address and in element ids.
    pub fn word(self) -> &'static str {
        match self {
            Self::Findings => "findings",
            Self::Fixes => "fixes",
            Self::Issues => "issues",
            Self::Compare => "compare",
            Self::Packages => "packages",
            Self::Files => "files",
            Self::Image => "image",
            Self::Warnings => "warnings",
            Self::Policy => "policy",
        }
    }

    /// The word on the tab, in English.
    pub fn title(self) -> &'static str {
        match self {
            Self::Findings => text("Findings"),
            Self::Fixes => text("Fixes"),
            Self::Issues => text("Issues"),
            Self::Compare => text("Compare"),
            Self::Packages => text("Packages"),
            Self::Files => text("Files"),
            Self::Image => text("Image"),
            Self::Warnings => text("Warnings"),
            Self::Policy => text("Policy"),
        }
    }

    /// The tab of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.word() == word)
    }
}

/// Everything that back and forward restore.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// What is looked at.
    pub subject: Subject,
    /// The platform asked for.
    pub platform: Option<String>,
    /// The open tab.
    pub view: View,
    /// The selected layer.
    pub layer: Option<usize>,
    /// Whether what the base image brought is left out everywhere.
    pub hides_base: bool,
    /// What findings are put together by.
    pub grouping: Grouping,
    /// Column to sort by, `-` before it for the other direction.
    pub sort: Option<String>,
    /// The search field.
    pub search: String,
    /// Severities to show; all if empty.
    pub severities: Vec<Severity>,
    /// The finding in the drawer, `id@package index`.
    pub finding: Option<String>,
    /// The package in the drawer, as an index into the report.
    pub package: Option<usize>,
    /// The issue in the drawer, as an index into the report.
    pub issue: Option<usize>,
    /// The chapter of the tour that is open, from 1; 0 is the list of chapters.
    pub tour: Option<usize>,
    /// Whether a presenter shows the tour.
    pub presents: bool,
    /// The file in the drawer, by its path.
    pub file: Option<String>,
    /// As of which layer; as of the last if `None`.
    pub file_layer: Option<usize>,
    /// Its lines that matter, first and last.
    pub lines: Option<(u32, u32)>,
    /// What it is compared with ([`super::compare::Other`]).
    pub with: Option<String>,
}

impl Address {
    /// The start page.
    pub fn home() -> Self {
        Self::default()
    }

    /// The first look at a subject.
    pub fn of(subject: Subject, platform: Option<String>) -> Self {
        Self {
            subject,
            platform,
            ..Self::default()
        }
    }

    /// Reads `location.search` and `location.hash`. What it does not know it leaves out.
    pub fn parse(search: &str, hash: &str) -> Self {
        let mut address = Self::default();
        for (name, value) in pairs(search.trim_start_matches('?')) {
            match name.as_str() {
                // The demo is the first sample with the list of chapters beside it.
                "demo" => address.tour = Some(0),
                "tour" => address.tour = Some(value.parse().unwrap_or(0)),
                _ => {}
            }
            if value.is_empty() {
                continue;
            }
            match name.as_str() {
                "image" => address.subject = Subject::Image(value),
                "archive" => address.subject = Subject::Archive(value),
                "recent" => address.subject = Subject::Recent(value),
                "platform" => address.platform = Some(value),
                "view" => address.view = View::parse(&value).unwrap_or_default(),
                "layer" => address.layer = value.parse().ok(),
                "base" => address.hides_base = value == "hidden",
                "group" => address.grouping = Grouping::parse(&value),
                "sort" => address.sort = Some(value),
                "q" => address.search = value,
                "severity" => {
                    address.severities = value.split(',').filter_map(Severity::parse).collect();
                    address.severities.sort_unstable_by(|a, b| b.cmp(a));
                    address.severities.dedup();
                }
                "finding" => address.finding = Some(value),
                "package" => address.package = value.parse().ok(),
                "issue" => address.issue = value.parse().ok(),
                "file" => address.file = Some(value),
                "of" => address.file_layer = value.parse().ok(),
                "lines" => address.lines = parse_lines(&value),
                "with" => address.with = Some(value),
                "present" => address.presents = value == "1",
                _ => {}
            }
        }
        if let Some(payload) = hash.trim_start_matches('#').strip_prefix("r=") {
            address.subject = Subject::Shared(payload.to_owned());
        } else if let Some(text) = hash.trim_start_matches('#').strip_prefix("s=") {
            address.subject = Subject::Uploaded(text.to_owned());
        }
        // Without the tour there is nothing to present.
        address.presents &= address.tour.is_some();
        address
    }

    /// The part of an address after the path: query and fragment. Never empty: a history entry
    /// needs something to go to.
    pub fn render(&self) -> String {
        let mut query = Vec::new();
        let mut fragment = String::new();
        let mut push = |name: &str, value: &str| query.push(format!("{name}={}", encode(value)));
        match &self.subject {
            Subject::Home => {}
            Subject::Image(reference) => push("image", reference),
            Subject::Archive(name) => push("archive", name),
            Subject::Recent(key) => push("recent", key),
            Subject::Shared(payload) => fragment = format!("#r={payload}"),
            Subject::Uploaded(text) => fragment = format!("#s={text}"),
        }
        if let Some(platform) = &self.platform {
            push("platform", platform);
        }
        if self.view != View::default() {
            push("view", self.view.word());
        }
        if let Some(layer) = self.layer {
            push("layer", &layer.to_string());
        }
        if self.hides_base {
            push("base", "hidden");
        }
        if self.grouping != Grouping::None {
            push("group", self.grouping.word());
        }
        if let Some(sort) = &self.sort {
            push("sort", sort);
        }
        if !self.search.is_empty() {
            push("q", &self.search);
        }
        if !self.severities.is_empty() {
            let words: Vec<_> = self.severities.iter().map(|s| s.word()).collect();
            push("severity", &words.join(","));
        }
        if let Some(finding) = &self.finding {
            push("finding", finding);
        }
        if let Some(package) = self.package {
            push("package", &package.to_string());
        }
        if let Some(issue) = self.issue {
            push("issue", &issue.to_string());
        }
        if let Some(file) = &self.file {
            push("file", file);
        }
        if let Some(layer) = self.file_layer {
            push("of", &layer.to_string());
        }
        match self.lines {
            Some((first, last)) if first == last => push("lines", &first.to_string()),
            Some((first, last)) => push("lines", &format!("{first}-{last}")),
            None => {}
        }
        match self.tour {
            Some(0) => push("tour", "chapters"),
            Some(chapter) => push("tour", &chapter.to_string()),
            None => {}
        }
        if self.presents && self.tour.is_some() {
            push("present", "1");
        }
        if let Some(with) = &self.with {
            push("with", with);
        }
        format!("?{}{fragment}", query.join("&"))
    }

    /// Opens a tab; what was searched and sorted in another one is left behind.
    pub fn open(&mut self, view: View) {
        if self.view != view {
            self.view = view;
            self.sort = None;
            self.search.clear();
        }
    }

    /// Whether both show the same report, whatever is selected in it.
    pub fn is_same_report(&self, other: &Self) -> bool {
        self.subject == other.subject && self.platform == other.platform
    }
}

/// `3` or `3-7`.
fn parse_lines(text: &str) -> Option<(u32, u32)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (1 <= first && first <= last).then_some((first, last))
}

fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
}

/// Percent-encodes what must be, and leaves `/`, `:`, `@` and `,` readable.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(char::from(byte)),
            b'-' | b'_' | b'.' | b'~' | b'/' | b':' | b'@' | b',' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let pair = match byte {
            b'+' => {
                bytes.push(b' ');
                continue;
            }
            b'%' => {
                let mut ahead = rest.clone();
                ahead.next().zip(ahead.next())
            }
            _ => None,
        };
        let value = pair.and_then(|(high, low)| {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            u8::try_from(digit(high)? * 16 + digit(low)?).ok()
        });
        match value {
            Some(value) => {
                bytes.push(value);
                rest.next();
                rest.next();
            }
            None => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_what_it_writes() {
        let full = Address {
            subject: Subject::Image("ghcr.io/a/b:1@sha256:00".to_owned()),
            platform: Some("linux/arm64/v8".to_owned()),
            view: View::Packages,
            layer: Some(3),
            hides_base: true,
            grouping: Grouping::Fix,
            sort: Some("-name".to_owned()),
            search: "severity:>=high pkg:lib+c & é%41".to_owned(),
            severities: vec![Severity::Critical, Severity::Low],
            finding: Some("CVE-2024-1@17".to_owned()),
            package: Some(17),
            issue: Some(0),
            tour: Some(3),
            presents: true,
            file: Some("etc/a b.conf".to_owned()),
            file_layer: Some(2),
            lines: Some((3, 7)),
            with: Some("image:nginx:1".to_owned()),
        };
        let shared = Address {
            subject: Subject::Shared("1.abc_-".to_owned()),
            layer: Some(0),
            ..Address::default()
        };
        let uploaded = Address::of(Subject::Uploaded("AbC.x_-".to_owned()), None);
        for address in [Address::home(), full, shared, uploaded] {
            let text = address.render();
            let (search, hash) = text
                .split_once('#')
                .map_or((text.as_str(), String::new()), |(s, h)| {
                    (s, format!("#{h}"))
                });
            assert_eq!(Address::parse(search, &hash), address, "{text}");
        }
    }

    #[test]
    fn addresses_of_version_1_are_read() {
        let check = |search: &str, hash: &str, expect: &str| {
            assert_eq!(Address::parse(search, hash).render(), expect);
        };
        check("", "", "?");
        check("?image=nginx:1.25", "", "?image=nginx:1.25");
        check(
            "?image=nginx%3A1.25&platform=linux%2Farm64",
            "",
            "?image=nginx:1.25&platform=linux/arm64",
        );
        check(
            "?image=nginx&view=files&layer=2",
            "",
            "?image=nginx&view=files&layer=2",
        );
        check(
            "?image=nginx&severity=low,critical,low,bogus",
            "",
            "?image=nginx&severity=critical,low",
        );
        check(
            "?image=nginx&view=bogus&layer=-1&unknown=1",
            "",
            "?image=nginx",
        );
        check(
            "?image=nginx&view=packages&package=12&issue=x",
            "",
            "?image=nginx&view=packages&package=12",
        );
        check(
            "?image=a&view=files&file=etc/passwd&of=0&lines=7",
            "",
            "?image=a&view=files&file=etc/passwd&of=0&lines=7",
        );
        check("?image=a&lines=0-3", "", "?image=a");
        check("?image=a&lines=9-3", "", "?image=a");
        check("?archive=a%20b.tar", "", "?archive=a+b.tar");
        check("?layer=1", "#r=1.AAAA", "?layer=1#r=1.AAAA");
        check("?v=1&image=nginx", "", "?image=nginx");
        check("?demo", "", "?tour=chapters");
        check("?demo=1", "", "?tour=chapters");
        check("?tour=3", "", "?tour=3");
        check("?tour", "", "?tour=chapters");
        check("?present=1&tour=3", "", "?tour=3&present=1");
        check("?tour=3&present=0", "", "?tour=3");
        check("?image=nginx&present=1", "", "?image=nginx");
        check(
            "?image=nginx&tour=chapters",
            "",
            "?image=nginx&tour=chapters",
        );
        check("?tour=-1", "", "?tour=chapters");
    }

    #[test]
    fn broken_escapes_are_kept_as_they_are() {
        assert_eq!(decode("%"), "%");
        assert_eq!(decode("%4"), "%4");
        assert_eq!(decode("%zz%41"), "%zzA");
        assert_eq!(decode("%ff"), "\u{fffd}");
    }
}
