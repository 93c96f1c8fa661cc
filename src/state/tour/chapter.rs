//! A chapter's file.

use std::fmt;

use super::{MAX_CHAPTER_BYTES, condition::Condition};
use crate::state::{address::View, policies};

/// A chapter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chapter {
    /// The name of its file.
    pub file: String,
    /// Its title.
    pub title: String,
    /// The image on show; the start page if there is none.
    pub image: Option<String>,
    /// The policy in force.
    pub policy: PolicyChoice,
    /// The tab that is open.
    pub view: View,
    /// What is pointed at: a name that the page gives to its parts (`data-tour` or `data-test`).
    pub point: Option<String>,
    /// What the reader is asked to do.
    pub step: String,
    /// What must all be so for the step to be done.
    pub done: Vec<Condition>,
    /// Questions of the worksheet.
    pub questions: Vec<String>,
    /// The text in Markdown, in cards: a presenter shows one at a time.
    pub cards: Vec<String>,
}

/// Which policy a chapter sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PolicyChoice {
    /// The one that Lamina begins with.
    #[default]
    Standard,
    /// One of those to begin with, by its name.
    Named(String),
    /// A file beside the chapters.
    File(String),
    /// Written in the chapter's head.
    Inline(String),
}

/// What is wrong with a chapter, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ChapterError {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for ChapterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}: {}", self.file, self.line, self.message)
    }
}

impl Chapter {
    /// Reads a file.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(file: &str, text: &str) -> Result<Self, ChapterError> {
        let wrong = |line: usize, message: String| ChapterError {
            file: file.to_owned(),
            line,
            message,
        };
        if text.len() > MAX_CHAPTER_BYTES {
            let kilobytes = MAX_CHAPTER_BYTES >> 10;
            return Err(wrong(1, format!("a chapter has at most {kilobytes} KiB")));
        }
        // An editor's byte order mark.
        let text = text.trim_start_matches('\u{feff}');
        let mut lines = text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line.trim_end()));
        if lines.next().is_none_or(|(_, line)| line != "---") {
            let message = "a chapter begins with a line `---`, and its head follows".to_owned();
            return Err(wrong(1, message));
        }
        let mut chapter = Self {
            file: file.to_owned(),
            ..Self::default()
        };
        let mut seen: Vec<String> = Vec::new();
        let mut end = None;
        let mut head = lines.by_ref().peekable();
        while let Some((number, line)) = head.next() {
            if line == "---" {
                end = Some(number);
                break;
            }
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((key, value)) = line.split_once(':') else {
                return Err(wrong(number, format!("{line:?} is no `key: value`")));
            };
            let (key, value) = (key.trim(), value.trim());
            if key != "question" && seen.iter().any(|other| other == key) {
                return Err(wrong(number, format!("`{key}` stands here twice")));
            }
            seen.push(key.to_owned());
            let mut block = String::new();
            if key == "policy" && value == "|" {
                while let Some((_, line)) =
                    head.next_if(|(_, line)| line.is_empty() || line.starts_with(' '))
                {
                    block.push_str(line);
                    block.push('\n');
                }
            }
            chapter
                .set(key, value, block)
                .map_err(|message| wrong(number, message))?;
        }
        let Some(end) = end else {
            return Err(wrong(
                1,
                "the head has no end: a second line `---`".to_owned(),
            ));
        };
        drop(head);
        let body: Vec<&str> = text.lines().skip(end).collect();
        chapter.cards = cards(&body);
        for (is_missing, key) in [
            (chapter.title.is_empty(), "title"),
            (chapter.step.is_empty(), "step"),
            (chapter.done.is_empty(), "done"),
        ] {
            if is_missing {
                return Err(wrong(end, format!("the head has no `{key}`")));
            }
        }
        if chapter.cards.is_empty() {
            return Err(wrong(end, "there is no text below the head".to_owned()));
        }
        Ok(chapter)
    }

    fn set(&mut self, key: &str, value: &str, block: String) -> Result<(), String> {
        if value.is_empty() {
            return Err(format!("`{key}` has no value"));
        }
        let text = value.to_owned();
        match key {
            "title" => self.title = text,
            "image" => {
                self.image = (value != "none").then_some(text);
                if let Some(image) = &self.image
                    && let Err(error) = lamina_image::reference::Reference::parse(image)
                {
                    return Err(format!("{image:?} does not name an image: {error}"));
                }
            }
            "policy" => self.policy = policy(value, block)?,
            "tab" => self.view = View::parse(value).ok_or_else(|| no_tab(value))?,
            "point" => {
                let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
                if !value.chars().all(is_name) {
                    return Err(format!("{value:?} is no name of a part of the page"));
                }
                self.point = Some(text);
            }
            "step" => self.step = text,
            "done" => {
                for one in value.split(',') {
                    self.done.push(Condition::parse(one)?);
                }
            }
            "question" => self.questions.push(text),
            _ => {
                return Err(format!(
                    "`{key}` is none of title, image, policy, tab, point, step, done, question"
                ));
            }
        }
        Ok(())
    }
}

/// What is said of a word that names no tab.
pub(super) fn no_tab(word: &str) -> String {
    let tabs: Vec<&str> = View::ALL.iter().map(|view| view.word()).collect();
    format!("{word:?} is none of the tabs {}", tabs.join(", "))
}

fn policy(value: &str, block: String) -> Result<PolicyChoice, String> {
    if value == "|" {
        return match block.trim().is_empty() {
            true => Err("the policy's lines are indented below `policy: |`".to_owned()),
            false => Ok(PolicyChoice::Inline(block)),
        };
    }
    if value == "standard" {
        return Ok(PolicyChoice::Standard);
    }
    if value.ends_with(".yaml") || value.ends_with(".yml") {
        return match super::is_file_name(value) {
            true => Ok(PolicyChoice::File(value.to_owned())),
            false => Err(format!("{value:?} is no file beside the chapters")),
        };
    }
    let names: Vec<String> = policies::BUILT_IN
        .iter()
        .filter_map(|make| make().name)
        .collect();
    let mut named = names.iter().filter(|name| name.eq_ignore_ascii_case(value));
    match named.next() {
        Some(name) => Ok(PolicyChoice::Named(name.clone())),
        None => Err(format!(
            "{value:?} is none of the policies standard, {}; a file ends with .yaml, and `|` begins one of \
             indented lines",
            names.join(", ")
        )),
    }
}

/// The text, cut at lines `---`.
fn cards(lines: &[&str]) -> Vec<String> {
    lines
        .split(|line| line.trim_end() == "---")
        .map(|card| card.join("\n").trim().to_owned())
        .filter(|card| !card.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const GOOD: &str = "---\ntitle: One: the first\nimage: samples.lamina/shop:1.0\npolicy: release gate\ntab: \
                        policy\npoint: verdict\nstep: Do it\ndone: tab policy, verdict passes\nquestion: \
                        Why?\nquestion: How?\n---\n\nA *text*.\n\n---\n\nMore.\n";

    #[test]
    fn a_chapter_has_a_head_and_cards() {
        let chapter = Chapter::parse("01-one.md", GOOD).unwrap();
        assert_eq!(chapter.title, "One: the first");
        assert_eq!(chapter.image.as_deref(), Some("samples.lamina/shop:1.0"));
        assert_eq!(
            chapter.policy,
            PolicyChoice::Named("Release gate".to_owned())
        );
        assert_eq!(chapter.view, View::Policy);
        assert_eq!(chapter.done.len(), 2);
        assert_eq!(chapter.questions, ["Why?", "How?"]);
        assert_eq!(chapter.cards, ["A *text*.", "More."]);
        // As editors on Windows save it.
        let other = format!("\u{feff}{}", GOOD.replace('\n', "\r\n"));
        let other = Chapter::parse("01-one.md", &other).unwrap();
        assert_eq!(other.title, chapter.title);
        assert_eq!(other.done, chapter.done);
    }

    #[test]
    fn a_policy_stands_in_the_head_or_beside_it() {
        let check = |policy: &str, expect: PolicyChoice| {
            let text = GOOD.replace("policy: release gate", policy);
            assert_eq!(
                Chapter::parse("a.md", &text).unwrap().policy,
                expect,
                "{policy}"
            );
        };
        check("policy: standard", PolicyChoice::Standard);
        check("# none", PolicyChoice::Standard);
        check(
            "policy: strict.yaml",
            PolicyChoice::File("strict.yaml".to_owned()),
        );
        check(
            "policy: |\n  fail-on: critical\n  exceptions:\n    - id: CVE-1",
            PolicyChoice::Inline(
                "  fail-on: critical\n  exceptions:\n    - id: CVE-1\n".to_owned(),
            ),
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let check = |from: &str, to: &str, expect: &str| {
            let error = Chapter::parse("02-b.md", &GOOD.replacen(from, to, 1)).unwrap_err();
            let words = error.to_string();
            assert!(words.starts_with(expect), "{words}");
        };
        check("---\ntitle", "title", "02-b.md, line 1: a chapter begins");
        check(
            "title: One: the first\n",
            "",
            "02-b.md, line 10: the head has no `title`",
        );
        check(
            "title: One: the first",
            "title:",
            "02-b.md, line 2: `title` has no value",
        );
        check(
            "title: One: the first",
            "One",
            "02-b.md, line 2: \"One\" is no `key: value`",
        );
        check(
            "step: Do it",
            "task: Do it",
            "02-b.md, line 7: `task` is none of title",
        );
        check(
            "step: Do it",
            "title: Again",
            "02-b.md, line 7: `title` stands here twice",
        );
        check(
            "tab: policy",
            "tab: polcy",
            "02-b.md, line 5: \"polcy\" is none of the tabs findings",
        );
        check(
            "shop:1.0",
            "Shop 1",
            "02-b.md, line 3: \"samples.lamina/Shop 1\" does not name an image",
        );
        check(
            "release gate",
            "strict",
            "02-b.md, line 4: \"strict\" is none of the policies",
        );
        check(
            "release gate",
            "../x.yaml",
            "02-b.md, line 4: \"../x.yaml\" is no file beside",
        );
        check(
            "release gate",
            "|",
            "02-b.md, line 4: the policy's lines are indented",
        );
        check(
            "point: verdict",
            "point: a\"]",
            "02-b.md, line 6: \"a\\\"]\" is no name of a part",
        );
        check("verdict passes", "verdict maybe", "02-b.md, line 8: ");
        check(
            "\n\nA *text*.\n\n---\n\nMore.\n",
            "\n",
            "02-b.md, line 11: there is no text",
        );
        let endless = GOOD.split("question").next().unwrap();
        let error = Chapter::parse("c.md", endless).unwrap_err();
        assert_eq!(
            error.to_string(),
            "c.md, line 1: the head has no end: a second line `---`"
        );
        let long = "x".repeat(MAX_CHAPTER_BYTES + 1);
        assert!(
            Chapter::parse("d.md", &long)
                .unwrap_err()
                .message
                .contains("64 KiB")
        );
    }

    /// Reads the chapters that are served, their policies, and what they point at.
    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test of files")]
    fn every_chapter_of_the_demo_can_be_read() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = root.join("demo/tour");
        let mut names: Vec<_> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".md"))
            .collect();
        names.sort();
        assert!(names.len() >= 7, "{names:?}");
        let mut sources = String::new();
        read_all(&root.join("src"), &mut sources);
        for name in names {
            let text = std::fs::read_to_string(folder.join(&name)).unwrap();
            let chapter = Chapter::parse(&name, &text).unwrap_or_else(|error| panic!("{error}"));
            let policy = match &chapter.policy {
                PolicyChoice::Inline(text) => Some(text.clone()),
                PolicyChoice::File(file) => {
                    Some(std::fs::read_to_string(folder.join(file)).unwrap())
                }
                PolicyChoice::Standard | PolicyChoice::Named(_) => None,
            };
            if let Some(text) = policy {
                lamina_policy::Policy::parse(&text)
                    .unwrap_or_else(|error| panic!("{name}: {error}"));
            }
            if let Some(point) = &chapter.point {
                let names = ["data-test", "data-tour"].map(|kind| format!("{kind}=\"{point}\""));
                let is_tab = point
                    .strip_prefix("tab-")
                    .is_some_and(|word| View::parse(word).is_some());
                let is_there = names.iter().any(|name| sources.contains(name));
                assert!(
                    is_tab || is_there,
                    "{name}: nothing on the page is named {point}"
                );
            }
            if let Some(sample) = chapter
                .image
                .as_deref()
                .and_then(|image| image.strip_prefix("samples.lamina/"))
            {
                let recipe = root
                    .join("demo/images")
                    .join(sample.replace(':', "-"))
                    .join("image.toml");
                assert!(recipe.is_file(), "{name}: there is no sample {sample}");
            }
        }
    }

    #[allow(clippy::disallowed_methods, reason = "a test of files")]
    fn read_all(folder: &Path, text: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read_all(&path, text);
            } else {
                text.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
}
