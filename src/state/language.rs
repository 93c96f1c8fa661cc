//! The page's languages.
//!
//! Views hold their texts in English and ask [`t`] for them; [`t`] answers in the chosen language. A
//! translation is one file, `locales/<tag>.json`, from the English text to the other one: it is fetched
//! from the page's own server when the language is chosen, and only then. `locales/en.json` lists all
//! texts; a test keeps it and every translation complete.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
};

use leptos::prelude::*;

use crate::browser;

const SETTING: &str = "lamina.language";

/// Largest translation that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// A language of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Language {
    /// By BCP 47, as in `lang` attributes.
    pub tag: &'static str,
    /// What it calls itself.
    pub name: &'static str,
    /// What stands between a number's whole part and its fraction.
    pub decimal: &'static str,
}

/// The language that texts are written in.
pub const ENGLISH: Language = Language {
    tag: "en",
    name: "English",
    decimal: ".",
};

/// All languages.
pub const LANGUAGES: [Language; 2] = [
    ENGLISH,
    Language {
        tag: "de",
        name: "Deutsch",
        decimal: ",",
    },
];

type Table = HashMap<&'static str, &'static str>;

thread_local! {
    static TABLE: RefCell<Table> = RefCell::new(Table::new());
    static CHOSEN: Cell<Language> = const { Cell::new(ENGLISH) };
}

/// A text of the page, in the chosen language; the text itself where there is no translation.
pub fn t(english: &'static str) -> &'static str {
    TABLE.with_borrow(|table| table.get(english).copied().unwrap_or(english))
}

/// Marks a text that is kept in a table and handed to [`t`] where it is drawn.
pub const fn text(english: &'static str) -> &'static str {
    english
}

/// A text with a number in it, `{n}`: its singular for one, its plural otherwise.
pub fn tn(number: impl TryInto<u64>, one: &'static str, other: &'static str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let text = if number == 1 { t(one) } else { t(other) };
    text.replace("{n}", &super::words::count(number))
}

/// A number with so many digits after its decimal mark, in the chosen language.
pub fn decimal(number: f64, digits: usize) -> String {
    let text = format!("{number:.digits$}");
    match CHOSEN.get().decimal {
        "." => text,
        mark => text.replace('.', mark),
    }
}

/// Puts values into the places of a text: `fill(t("{host} answered {status}"), &[("host", host), …])`.
/// A value is never searched for places itself.
pub fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let place = after.split_once('}').and_then(|(name, after)| {
            let mut values = values.iter();
            Some((values.find(|(other, _)| *other == name)?.1, after))
        });
        match place {
            Some((value, after)) => {
                filled.push_str(value);
                rest = after;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled + rest
}

/// The language, and how to change it. Views read [`LanguageStore::chosen`] to be drawn anew.
#[derive(Clone, Copy, Debug)]
pub struct LanguageStore {
    /// The language in use.
    pub chosen: RwSignal<Language>,
    /// A language of the browser's that the page has and the user was not asked about.
    pub offered: RwSignal<Option<Language>>,
}

impl LanguageStore {
    /// The language that this browser remembers; English until its texts are there.
    pub fn load() -> Self {
        let store = Self {
            chosen: RwSignal::new(ENGLISH),
            offered: RwSignal::new(None),
        };
        match browser::setting(SETTING) {
            Some(tag) => {
                if let Some(language) = by_tag(&tag) {
                    store.choose(language, |_| {});
                }
            }
            None => store.offered.set(
                browser::languages()
                    .first()
                    .and_then(|tag| by_tag(tag))
                    .filter(|language| *language != ENGLISH),
            ),
        }
        store
    }

    /// Changes the language, once its texts are there; answers whether they came.
    pub fn choose(self, language: Language, on_done: impl FnOnce(bool) + 'static) {
        self.offered.set(None);
        if language == ENGLISH {
            self.use_table(language, Table::new());
            on_done(true);
            return;
        }
        leptos::task::spawn_local(async move {
            let hash = crate::platform::build_hash();
            let path = format!("locale-{}-{hash}.json", language.tag);
            let table = browser::own_file(&path, MAX_BYTES)
                .await
                .and_then(|text| parse(&text));
            let is_there = table.is_some();
            if let Some(table) = table {
                self.use_table(language, table);
            }
            on_done(is_there);
        });
    }

    /// Leaves the language as it is, and does not offer another one again.
    pub fn decline(self) {
        self.offered.set(None);
        browser::keep_setting(SETTING, Some(self.chosen.get_untracked().tag));
    }

    fn use_table(self, language: Language, table: Table) {
        TABLE.set(table);
        CHOSEN.set(language);
        browser::set_root_attribute("lang", Some(language.tag));
        browser::keep_setting(SETTING, Some(language.tag));
        if self.chosen.get_untracked() != language {
            self.chosen.set(language);
        }
    }
}

/// The question whether to change to a language, in that language: its texts are not there yet.
pub struct Offer {
    /// The question.
    pub ask: &'static str,
    /// The word that says yes.
    pub yes: &'static str,
}

/// How a language is offered.
pub fn offer(language: Language) -> Option<Offer> {
    match language.tag {
        "de" => Some(Offer {
            ask: "Diese Seite gibt es auch auf Deutsch",
            yes: "Deutsch verwenden",
        }),
        _ => None,
    }
}

/// The language of a tag, whatever its region: `de-AT` is German.
fn by_tag(tag: &str) -> Option<Language> {
    let tag = tag.split('-').next()?.to_ascii_lowercase();
    LANGUAGES.into_iter().find(|language| language.tag == tag)
}

/// Reads a translation. Its texts live as long as the page: there are few, and a language is chosen once.
fn parse(json: &str) -> Option<Table> {
    let table: HashMap<String, String> = serde_json::from_str(json).ok()?;
    let forever = |text: String| -> &'static str { text.leak() };
    Some(
        table
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(english, text)| (forever(english), forever(text)))
            .collect(),
    )
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test reads the sources")]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        path::Path,
    };

    use super::*;

    #[test]
    fn values_are_put_in_their_places() {
        let check = |text: &str, values: &[(&str, &str)], expect: &str| {
            assert_eq!(fill(text, values), expect);
        };
        check("{a} of {b}", &[("a", "1"), ("b", "2")], "1 of 2");
        check("{b}, {a}", &[("a", "{b}"), ("b", "2")], "2, {b}");
        check("{unknown} {", &[("a", "1")], "{unknown} {");
        check("nothing", &[], "nothing");
    }

    #[test]
    fn a_region_does_not_matter() {
        let check = |tag: &str, expect: Option<&str>| {
            assert_eq!(by_tag(tag).map(|language| language.tag), expect);
        };
        check("de", Some("de"));
        check("de-AT", Some("de"));
        check("EN-gb", Some("en"));
        check("fr", None);
        check("", None);
    }

    #[test]
    fn numbers_choose_the_form_and_a_table_the_language() {
        assert_eq!(tn(1, "{n} request", "{n} requests"), "1 request");
        assert_eq!(tn(2, "{n} request", "{n} requests"), "2 requests");
        TABLE.set(parse(r#"{"{n} requests": "{n} Anfragen", "Close": ""}"#).unwrap());
        assert_eq!(tn(0, "{n} request", "{n} requests"), "0 Anfragen");
        assert_eq!(t("Close"), "Close");
        TABLE.set(Table::new());
        assert_eq!(decimal(1.25, 1), "1.2");
        CHOSEN.set(LANGUAGES[1]);
        assert_eq!(decimal(1.25, 1), "1,2");
        CHOSEN.set(ENGLISH);
        assert!(parse("[]").is_none());
    }

    /// Every text that a source file asks for.
    fn texts_of(source: &str) -> Vec<String> {
        let mut found = Vec::new();
        let source = source.split("#[cfg(test)]").next().unwrap();
        let lines = source.lines();
        let source: String = lines
            .filter(|line| !line.trim_start().starts_with("//"))
            .flat_map(|line| [line, "\n"])
            .collect();
        for call in ["t", "tn", "text"] {
            for (at, _) in source.match_indices(&format!("{call}(")) {
                let before = source[..at].chars().next_back().unwrap_or(' ');
                let is_another = before.is_alphanumeric() || matches!(before, '_' | '.');
                if is_another || source[..at].ends_with("fn ") {
                    continue;
                }
                let mut arguments = &source[at + call.len() + 1..];
                if call == "tn" {
                    // The number comes first; texts that are kept in a table are marked there.
                    arguments = after_argument(arguments);
                }
                while let Some((text, rest)) = literal(arguments.trim_start()) {
                    found.push(text);
                    arguments = rest.trim_start().trim_start_matches(',');
                    if call != "tn" {
                        break;
                    }
                }
            }
        }
        found
    }

    /// What follows the first argument of a call: after the comma that stands in no bracket of its own.
    fn after_argument(source: &str) -> &str {
        let mut depth = 0_usize;
        for (at, char) in source.char_indices() {
            match char {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' if depth == 0 => return "",
                ')' | ']' | '}' => depth -= 1,
                ',' if depth == 0 => return &source[at + 1..],
                _ => {}
            }
        }
        ""
    }

    /// The string literal that a text begins with, and what follows it.
    fn literal(source: &str) -> Option<(String, &str)> {
        let mut chars = source.strip_prefix('"')?.char_indices();
        let mut text = String::new();
        while let Some((at, char)) = chars.next() {
            match char {
                '"' => return Some((text, &source[at + 2..])),
                '\\' => match chars.next()?.1 {
                    'n' => text.push('\n'),
                    '\n' => {
                        let rest = chars.as_str();
                        let skipped = rest.len() - rest.trim_start().len();
                        for _ in 0..skipped {
                            chars.next();
                        }
                    }
                    'u' => {
                        let code: String = chars
                            .by_ref()
                            .map(|(_, char)| char)
                            .take_while(|char| *char != '}')
                            .filter(|char| *char != '{')
                            .collect();
                        text.push(char::from_u32(u32::from_str_radix(&code, 16).ok()?)?);
                    }
                    other => text.push(other),
                },
                other => text.push(other),
            }
        }
        None
    }

    #[test]
    fn the_scanner_of_sources_reads_literals() {
        let source = "let a = t(\"One\"); b.t(\"no\"); start(\"no\"); tn(count(x), \"{n} b\",\n \"{n} bs\"); t(\"two \\\n   lines \\\"q\\\" \\u{2026}\")";
        assert_eq!(
            texts_of(source),
            ["One", "two lines \"q\" …", "{n} b", "{n} bs"]
        );
    }

    /// Texts that a view shows as they are: text nodes and attributes that are read out, with words in
    /// them, that do not come from [`t`].
    fn untranslated(source: &str) -> Vec<String> {
        const ATTRIBUTES: [&str; 4] = ["title=", "aria-label=", "placeholder=", "alt="];
        let source = source.split("#[cfg(test)]").next().unwrap();
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(quote) = source[at..].find('"').map(|next| at + next) {
            let Some((text, rest)) = literal(&source[quote..]) else {
                break;
            };
            let before = &source[..quote];
            let line = before.rsplit('\n').next().unwrap_or_default();
            at = source.len() - rest.len();
            if line.trim_start().starts_with("//") {
                // A comment ends with its line, whatever quotes it has.
                at = source[quote..]
                    .find('\n')
                    .map_or(source.len(), |end| quote + end);
                continue;
            }
            let call = before.strip_suffix("format!(").unwrap_or(before);
            let is_format = call.len() < before.len();
            let before = call.trim_end();
            let is_node =
                before.ends_with('>') && !before.ends_with("=>") && !before.ends_with("->")
                    || before.ends_with('}')
                    || is_format && before.ends_with('{') && !call.ends_with(char::is_whitespace);
            let is_attribute = ATTRIBUTES.iter().any(|name| {
                before
                    .strip_suffix(name)
                    .is_some_and(|before| before.ends_with(char::is_whitespace))
            });
            // What is between braces is a value.
            let words: String = text
                .split('{')
                .map(|part| part.rsplit('}').next().unwrap_or_default())
                .collect();
            let has_word = words
                .split(|char: char| !char.is_alphabetic())
                .any(|word| word.len() > 1);
            if (is_node || is_attribute) && has_word {
                found.push(text);
            }
        }
        found
    }

    #[test]
    fn the_scanner_of_views_finds_what_is_not_translated() {
        let check =
            |source: &str, expect: &[&str]| assert_eq!(untranslated(source), expect, "{source}");
        check(
            "view! { <p title=\"Some text\">\"One\" {x} \" two\"</p> }",
            &["Some text", "One", " two"],
        );
        check(
            "view! { <p title=t(\"Some text\") class=\"row\">{t(\"One\")} \" · \"</p> }",
            &[],
        );
        check(
            "view! { <p title=format!(\"{n} of\")>{format!(\"in {x}\")}{format!(\"{a} {b}\")}</p> }",
            &["{n} of", "in {x}"],
        );
        check(
            "match x { A => \"word\", _ => format!(\"word\") } // a \"comment\"",
            &[],
        );
        check("fn a() -> &'static str { \"word\" }", &[]);
    }

    /// What is shown as it is, in every language: names and what machines write.
    const NAMES: [&str; 9] = [
        // Of keys.
        "ArrowLeft",
        "Enter",
        "Lamina",
        "CVSS ",
        "CVE-2024-0001",
        "CWE-{number}",
        "ghcr.io",
        "https://lamina.example/",
        "https://lamina.example/db/",
    ];

    #[test]
    fn views_show_no_text_that_cannot_be_translated() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found = Vec::new();
        each_source(&root, &mut |path, source| {
            let path = path.strip_prefix(&root).unwrap();
            let is_view = path.starts_with("components")
                || path.starts_with("pages")
                || path.parent() == Some(Path::new(""));
            for text in untranslated(source) {
                if is_view && !NAMES.contains(&text.as_str()) {
                    found.push(format!("{}: {text:?}", path.display()));
                }
            }
        });
        assert!(found.is_empty(), "{}", found.join("\n"));
    }

    fn each_source(folder: &Path, on_source: &mut dyn FnMut(&Path, &str)) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                each_source(&path, on_source);
            } else if path.extension().is_some_and(|end| end == "rs") {
                on_source(&path, &std::fs::read_to_string(&path).unwrap());
            }
        }
    }

    fn table(path: &Path) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// `LAMINA_UPDATE=1` writes `locales/en.json` anew.
    #[test]
    fn every_text_is_listed_and_translated_and_nothing_else() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut used = BTreeSet::new();
        each_source(&root.join("src"), &mut |_, source| {
            used.extend(texts_of(source))
        });
        assert!(used.len() > 50, "the sources cannot be read: {used:?}");
        let listed = root.join("locales/en.json");
        if std::env::var_os("LAMINA_UPDATE").is_some() {
            let list: BTreeMap<_, _> = used.iter().map(|text| (text, text)).collect();
            let json = serde_json::to_string_pretty(&list).unwrap() + "\n";
            std::fs::write(&listed, json).unwrap();
        }
        for language in LANGUAGES {
            let path = root.join(format!("locales/{}.json", language.tag));
            let table = table(&path);
            let name = path.display();
            let missing: Vec<_> = used
                .iter()
                .filter(|text| table.get(*text).is_none_or(String::is_empty))
                .collect();
            assert!(missing.is_empty(), "{name} lacks {missing:#?}");
            let stale: Vec<_> = table.keys().filter(|text| !used.contains(*text)).collect();
            assert!(
                stale.is_empty(),
                "{name} has what no view asks for: {stale:#?}"
            );
            for (english, text) in &table {
                assert_eq!(places(english), places(text), "{name}: {english:?}");
            }
        }
    }

    /// The names in braces.
    fn places(text: &str) -> BTreeSet<&str> {
        text.split('{')
            .skip(1)
            .filter_map(|part| Some(part.split_once('}')?.0))
            .collect()
    }
}
