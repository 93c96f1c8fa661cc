//! The one pass over a file's bytes: every string that anything looks for in the stream, found at once.
//!
//! Three analysers look for strings: the keywords of secrets ([`crate::secrets`]), the bytes by which
//! programs are told ([`crate::kinds::classifier`]) and the marks that compilers leave
//! ([`crate::kinds::executable`]). All their strings are in one matcher ([`filter`]). A file is cut into
//! windows once ([`crate::window`]), each window goes through the matcher once, and what is found is handed
//! to whoever of them watches the file.
//!
//! Not in the matcher is what is too short to be looked for among others, or differs from file to file;
//! the analyser that wants it looks for it in the window itself:
//!
//! - a classifier's pattern without four fixed bytes in a row, as `\0v<v3>\0`, in files of that program's
//!   name; one of them, for `python3.11`, has the version in the file's name;
//! - the two bytes with which a zlib stream begins, in programs: cargo-auditable's data have no other mark.

use std::{collections::HashMap, sync::LazyLock};

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{StreamAnalyser, Watcher},
    facts::Facts,
    kinds::{classifier, executable},
    secrets::rules::RULES,
    window::{Window, Windows},
};

mod filter;

use filter::{Filter, Keyword};

/// Who looks for strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Keywords of secrets; a hit's number is the rule's.
    Secrets,
    /// Programs told by their bytes; the number of the line in their table.
    Programs,
    /// What compilers leave in programs; the number of the mark.
    Marks,
}

/// What a [`Watcher`] must be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Of which strings it is told. Who wants none sees no bytes at all.
    pub topic: Option<Topic>,
    /// Bytes before a hit that it must see.
    pub behind: usize,
    /// Bytes from a hit's start on that it must see.
    pub ahead: usize,
    /// Bytes at the file's start that its first window must hold.
    pub first: usize,
}

/// A string that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Which one, as its [`Topic`] counts them.
    pub number: usize,
    /// Where it begins in the window.
    pub place: usize,
}

/// Bytes of the shortest string that the matcher takes, but for keywords of secrets: they may have three,
/// if a letter, a digit or a sign of them follows.
pub(crate) const MIN_NEEDLE_BYTES: usize = 4;

/// All strings, ready to be looked for.
struct Matcher {
    filter: Filter,
    /// Who asks for each of the filter's keywords.
    askers: Vec<Vec<(Topic, usize)>>,
    /// Bytes of the longest.
    longest: usize,
}

static MATCHER: LazyLock<Matcher> = LazyLock::new(Matcher::new);

impl Matcher {
    fn new() -> Self {
        let mut known: HashMap<Keyword, usize> = HashMap::new();
        let mut keywords: Vec<Keyword> = Vec::new();
        let mut askers: Vec<Vec<(Topic, usize)>> = Vec::new();
        let mut longest = 0;
        let mut add = |word: &[u8], ignore_case: bool, topic: Topic, number: usize| {
            longest = longest.max(word.len());
            let keyword = Keyword {
                word: word.into(),
                ignore_case,
            };
            let index = *known.entry(keyword).or_insert_with_key(|keyword| {
                keywords.push(keyword.clone());
                askers.push(Vec::new());
                keywords.len() - 1
            });
            if let Some(askers) = askers.get_mut(index) {
                askers.push((topic, number));
            }
        };
        for (number, rule) in (0..).zip(RULES) {
            for word in rule.keywords {
                add(word.as_bytes(), rule.ignore_case, Topic::Secrets, number);
            }
        }
        for (number, anchor) in classifier::needles() {
            add(&anchor, false, Topic::Programs, number);
        }
        for (number, mark) in executable::needles() {
            add(mark, false, Topic::Marks, number);
        }
        Self {
            filter: Filter::new(keywords),
            askers,
            longest,
        }
    }
}

/// Calls `found` with whatever of a topic starts in a text, in order, if the four bytes it is known by are
/// in `from..to`: see [`Filter::find`].
pub(crate) fn find(text: &[u8], from: usize, to: usize, mut found: impl FnMut(Topic, Hit)) {
    let matcher = &*MATCHER;
    matcher.filter.find(text, from, to, |keyword, place| {
        for (topic, number) in matcher.askers.get(keyword).into_iter().flatten() {
            let number = *number;
            found(*topic, Hit { number, place });
        }
    });
}

/// Bytes that a window must show before and after the places where strings may start, for those who
/// want these to be shown around the strings.
pub(crate) fn reach(behind: usize, ahead: usize) -> (usize, usize) {
    let longest = MATCHER.longest;
    // The four bytes by which a string is known may be its last ones.
    (behind + longest, ahead.max(longest))
}

/// A file that is watched as it goes by.
pub struct FileWatch {
    watchers: Vec<(Wants, Box<dyn Watcher>)>,
    windows: Windows,
    /// The file's first bytes, until there are as many as somebody wants at once.
    first: Vec<u8>,
    /// How many that is; zero once they are there.
    wanted_first: usize,
    is_searched: bool,
}

impl FileWatch {
    /// Asks analysers whether they watch a file. `head` is its first bytes:
    /// [`HEAD_BYTES`](crate::analyser::HEAD_BYTES), or the whole file if it is shorter.
    pub fn new<'a>(
        entry: &Entry,
        head: &[u8],
        analysers: impl IntoIterator<Item = &'a &'a dyn StreamAnalyser>,
    ) -> Self {
        let analysers = analysers.into_iter();
        let watchers = analysers.filter_map(|analyser| analyser.watch(entry, head));
        Self::of(watchers.collect())
    }

    fn of(watchers: Vec<Box<dyn Watcher>>) -> Self {
        let watchers: Vec<_> = watchers
            .into_iter()
            .map(|watcher| (watcher.wants(), watcher))
            .collect();
        let most = |of: fn(&Wants) -> usize| {
            let wanted = watchers.iter().map(|(wants, _)| of(wants));
            wanted.max().unwrap_or_default()
        };
        let is_searched = watchers.iter().any(|(wants, _)| wants.topic.is_some());
        let (behind, ahead) = match is_searched {
            true => reach(most(|wants| wants.behind), most(|wants| wants.ahead)),
            false => (0, 0),
        };
        Self {
            windows: Windows::new(behind, ahead),
            first: Vec::new(),
            wanted_first: most(|wants| wants.first),
            is_searched,
            watchers,
        }
    }

    /// The next bytes, the head included. They come in pieces of any length.
    pub fn feed(&mut self, bytes: &[u8]) {
        if !self.is_searched {
            return;
        }
        let mut rest = bytes;
        if self.wanted_first > 0 {
            let missing = self.wanted_first.saturating_sub(self.first.len());
            if bytes.len() < missing {
                self.first.extend_from_slice(bytes);
                return;
            }
            self.wanted_first = 0;
            if !self.first.is_empty() {
                let (start, after) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
                self.first.extend_from_slice(start);
                self.pass_first();
                rest = after;
            }
        }
        self.pass(rest);
    }

    fn pass(&mut self, bytes: &[u8]) {
        let watchers = &mut self.watchers;
        self.windows.feed(bytes, |window| show(watchers, &window));
    }

    fn pass_first(&mut self) {
        let first = std::mem::take(&mut self.first);
        self.pass(&first);
    }

    /// The file is over. If it broke off, `is_whole` is false: what was seen is still worth noting.
    pub fn finish(mut self, path: &LayerPath, is_whole: bool, out: &mut Facts) {
        if self.is_searched {
            self.pass_first();
            let watchers = &mut self.watchers;
            self.windows.finish(|window| show(watchers, &window));
        }
        for (_, watcher) in self.watchers {
            watcher.finish(path, is_whole, out);
        }
    }
}

/// One window, and what is in it.
fn show(watchers: &mut [(Wants, Box<dyn Watcher>)], window: &Window<'_>) {
    let starts = window.starts.clone();
    find(window.bytes, starts.start, starts.end, |topic, hit| {
        let mut watchers = watchers.iter_mut();
        if let Some((_, watcher)) = watchers.find(|(wants, _)| wants.topic == Some(topic)) {
            watcher.hit(window, hit);
        }
    });
    for (wants, watcher) in watchers {
        if wants.topic.is_some() {
            watcher.see(window);
        }
    }
}
