//! The guided tour: chapters that a trainer writes, what each asks of the reader, and the worksheet.
//!
//! A chapter is a Markdown file with a head of `key: value` lines; docs/teaching.md says what each key
//! means. What is wrong with one is said with its file and line, and the other chapters stay usable.

mod chapter;
mod condition;
mod worksheet;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use chapter::{Chapter, ChapterError, PolicyChoice};
pub use condition::{Condition, Facts};
pub use worksheet::{html, markdown, result};

use super::counts::Counts;

/// Chapters of a tour.
pub const MAX_CHAPTERS: usize = 60;

/// Bytes of a chapter's file.
pub const MAX_CHAPTER_BYTES: usize = 64 << 10;

/// The list of the chapters' files, as `tour/index.json` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Names of the files, in order.
    pub chapters: Vec<String>,
}

impl Index {
    /// Reads it.
    ///
    /// # Errors
    /// In words, when it is no such list.
    pub fn parse(json: &str) -> Result<Self, String> {
        let index: Self =
            serde_json::from_str(json).map_err(|error| format!("tour/index.json: {error}"))?;
        if let Some(name) = index.chapters.iter().find(|name| !is_file_name(name)) {
            return Err(format!("tour/index.json: {name:?} is no name of a file"));
        }
        match index.chapters.len() {
            0 => Err("tour/index.json: it lists no chapter".to_owned()),
            count if count > MAX_CHAPTERS => Err(format!(
                "tour/index.json: a tour has at most {MAX_CHAPTERS} chapters"
            )),
            _ => Ok(index),
        }
    }
}

/// Whether a name stays within its folder.
fn is_file_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// What was on show when a step was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// When, RFC 3339.
    pub at: String,
    /// The image's name; empty if none was open.
    pub image: String,
    /// Its verdict, if there was one.
    pub passed: Option<bool>,
    /// Its findings by severity, worst first.
    pub counts: Counts,
    /// The mildest severity that failed the image.
    pub fail_on: String,
}

/// The steps that are done, by the chapter's file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What was on show then.
    pub done: BTreeMap<String, Done>,
}

impl Progress {
    /// As this browser remembers it; none if that cannot be read.
    pub fn parse(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_default()
    }

    /// Whether a chapter's step is done.
    pub fn has(&self, chapter: &Chapter) -> bool {
        self.done.contains_key(&chapter.file)
    }
}

/// What a presenter has on the screen: a chapter (from 1), and one of its cards. The last stop of a
/// chapter is its step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The chapter, from 1.
    pub chapter: usize,
    /// The card, from 0; the step comes after the last.
    pub card: usize,
}

impl Place {
    /// The next stop, or the one before; the same at either end.
    #[must_use]
    pub fn turn(self, chapters: &[Chapter], is_forward: bool) -> Self {
        let step_of = |chapter: usize| {
            let chapter = chapter.checked_sub(1).and_then(|index| chapters.get(index));
            chapter.map_or(0, |chapter| chapter.cards.len())
        };
        match is_forward {
            true if self.card < step_of(self.chapter) => Self {
                card: self.card + 1,
                ..self
            },
            true if self.chapter < chapters.len() => Self {
                chapter: self.chapter + 1,
                card: 0,
            },
            false if self.card > 0 => Self {
                card: self.card - 1,
                ..self
            },
            false if self.chapter > 1 => Self {
                chapter: self.chapter - 1,
                card: step_of(self.chapter - 1),
            },
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_lists_files_of_its_own_folder() {
        let check = |json: &str, expect: Result<usize, &str>| {
            let read = Index::parse(json);
            match expect {
                Ok(count) => assert_eq!(read.unwrap().chapters.len(), count, "{json}"),
                Err(words) => {
                    let error = read.unwrap_err();
                    assert!(error.contains(words), "{json}: {error}");
                }
            }
        };
        check(r#"{"chapters":["01-a.md","02-b.md"],"more":1}"#, Ok(2));
        check(r#"{"chapters":[]}"#, Err("lists no chapter"));
        check(r#"{"chapters":["../secret.md"]}"#, Err("no name of a file"));
        check(r#"{"chapters":["a/b.md"]}"#, Err("no name of a file"));
        check(r#"{"chapters":[".stamp"]}"#, Err("no name of a file"));
        check("[", Err("tour/index.json"));
        let many = serde_json::to_string(&Index {
            chapters: vec!["a.md".to_owned(); MAX_CHAPTERS + 1],
        });
        check(&many.unwrap(), Err("at most 60"));
    }

    #[test]
    fn a_presenter_walks_from_the_first_card_to_the_last_step_and_back() {
        let chapter = |cards: usize| Chapter {
            cards: vec![String::new(); cards],
            ..Chapter::default()
        };
        let chapters = [chapter(2), chapter(1)];
        let mut places = vec![Place {
            chapter: 1,
            card: 0,
        }];
        loop {
            let last = *places.last().unwrap();
            let next = last.turn(&chapters, true);
            if next == last {
                break;
            }
            places.push(next);
        }
        let numbers: Vec<_> = places
            .iter()
            .map(|place| (place.chapter, place.card))
            .collect();
        assert_eq!(numbers, [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1)]);
        for pair in places.windows(2) {
            assert_eq!(pair[1].turn(&chapters, false), pair[0]);
        }
        assert_eq!(places[0].turn(&chapters, false), places[0]);
    }

    #[test]
    fn what_is_no_progress_is_none() {
        assert_eq!(Progress::parse("{"), Progress::default());
        assert_eq!(Progress::parse(r#"{"done":7}"#), Progress::default());
        let mut progress = Progress::default();
        progress.done.insert("01-a.md".to_owned(), Done::default());
        let json = serde_json::to_string(&progress).unwrap();
        assert_eq!(Progress::parse(&json), progress);
    }
}
