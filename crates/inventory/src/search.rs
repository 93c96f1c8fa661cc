//! The one pass over a file's bytes: every string that anything looks for in the stream, found at once.
//!
//! Three analysers look for strings: the keywords of secrets ([`crate::secrets`]), the bytes by which
//! programs are told ([`crate::kinds::classifier`]) and the marks that compilers leave
//! ([`crate::kinds::executable`]). All their strings are in one matcher ([`filter`]). A file is cut into
//! windows once ([`crate::window`]), each window goes through the matcher once, and what is found is handed
//! to whoever of them watches the file.
//!
//! Most bytes of an image are in compiled programs, and most of those are not Go's: of them only two long
//! strings are asked for, for which a look every eight bytes will do ([`Watcher::only_long`]).
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

use filter::{Filter, Keyword, SPARSE_BYTES, SparseFilter};

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

/// The long ones of [`Topic::Marks`] alone, and their numbers.
static LONG_MARKS: LazyLock<(SparseFilter, Vec<usize>)> = LazyLock::new(|| {
    let marks = executable::needles();
    let long = marks.filter(|(_, mark)| mark.len() >= SPARSE_BYTES);
    let (numbers, marks) = long.map(|(number, mark)| (number, mark.into())).unzip();
    (SparseFilter::new(marks), numbers)
});

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
    let mut asking = watchers.iter_mut();
    let is_sparse =
        asking.all(|(wants, watcher)| wants.topic.is_none() || watcher.only_long(window));
    let mut tell = |topic, hit| {
        let mut watchers = watchers.iter_mut();
        if let Some((_, watcher)) = watchers.find(|(wants, _)| wants.topic == Some(topic)) {
            watcher.hit(window, hit);
        }
    };
    if is_sparse {
        let (filter, numbers) = &*LONG_MARKS;
        let (from, to) = (starts.start, starts.end);
        filter.find(window.bytes, window.offset, from, to, |mark, place| {
            if let Some(number) = numbers.get(mark) {
                let number = *number;
                tell(Topic::Marks, Hit { number, place });
            }
        });
    } else {
        find(window.bytes, starts.start, starts.end, tell);
    }
    for (wants, watcher) in watchers {
        if wants.topic.is_some() {
            watcher.see(window);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;

    use super::*;
    use crate::kinds::tests::entry;

    /// Writes down what it is told.
    struct Clerk {
        topic: Topic,
        told: Arc<Mutex<Vec<(u64, usize)>>>,
        end: u64,
        /// Bytes of the first window.
        first: Option<u64>,
    }

    impl Watcher for Clerk {
        fn wants(&self) -> Wants {
            Wants {
                topic: Some(self.topic),
                behind: 7,
                ahead: 9,
                first: match self.topic {
                    Topic::Marks => 50,
                    _ => 0,
                },
            }
        }

        fn hit(&mut self, window: &Window<'_>, hit: Hit) {
            let around = hit.place..hit.place + 9;
            let offset = window.offset_of(hit.place);
            assert!(offset < 7 || window.bytes.get(hit.place - 7..).is_some());
            assert!(window.bytes.get(around).is_some() || window.starts.end == window.bytes.len());
            self.told.lock().unwrap().push((offset, hit.number));
        }

        fn see(&mut self, window: &Window<'_>) {
            assert!(window.offset <= self.end, "no byte is left out");
            self.first.get_or_insert(window.bytes.len() as u64);
            self.end = self.end.max(window.offset + window.bytes.len() as u64);
        }

        fn finish(self: Box<Self>, _: &LayerPath, _: bool, _: &mut Facts) {
            // As many bytes at once as were asked for, or the whole file.
            let wanted = self.wants().first as u64;
            assert!(self.first.unwrap_or_default() >= wanted.min(self.end));
            self.told.lock().unwrap().push((self.end, usize::MAX));
        }
    }

    type Needle = (Vec<u8>, Topic, usize);

    /// All strings, and who asks for them.
    fn needles() -> Vec<Needle> {
        let mut all = Vec::new();
        for (number, rule) in RULES.iter().enumerate() {
            let words = rule.keywords.iter();
            all.extend(words.map(|word| {
                let word = word.as_bytes().to_vec();
                (word, Topic::Secrets, number)
            }));
        }
        let programs = classifier::needles();
        all.extend(programs.map(|(number, word)| (word, Topic::Programs, number)));
        let marks = executable::needles();
        all.extend(marks.map(|(number, word)| (word.to_vec(), Topic::Marks, number)));
        all
    }

    /// Whether a text has a string at a place as it is written in its list. In which other cases
    /// keywords are found is the filter's to test.
    fn is_there(text: &[u8], at: usize, word: &[u8]) -> bool {
        let rest = text.get(at..).unwrap_or_default();
        let next = rest.get(3);
        rest.starts_with(word)
            && (word.len() > 3 || next.is_some_and(|next| filter::FOLLOWING.contains(next)))
    }

    /// The slow way.
    fn expected(needles: &[Needle], text: &[u8], topic: Topic) -> Vec<(u64, usize)> {
        let mut all = vec![(text.len() as u64, usize::MAX)];
        for (word, _, number) in needles.iter().filter(|needle| needle.1 == topic) {
            let places = (0..text.len()).filter(|at| is_there(text, *at, word));
            all.extend(places.map(|at| (at as u64, *number)));
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    const TOPICS: [Topic; 3] = [Topic::Secrets, Topic::Programs, Topic::Marks];

    fn told(needles: &[Needle], pieces: &[&[u8]], topics: &[Topic]) -> Vec<Vec<(u64, usize)>> {
        let text = pieces.concat();
        let clerks = topics.iter().map(|topic| Clerk {
            topic: *topic,
            told: Arc::default(),
            end: 0,
            first: None,
        });
        let clerks: Vec<Clerk> = clerks.collect();
        let told: Vec<_> = clerks.iter().map(|clerk| clerk.told.clone()).collect();
        let watchers = clerks
            .into_iter()
            .map(|clerk| Box::new(clerk) as Box<dyn Watcher>);
        let mut watch = FileWatch::of(watchers.collect());
        for piece in pieces {
            watch.feed(piece);
        }
        watch.finish(&entry("a").path, true, &mut Facts::default());
        let told = told.iter().zip(topics).map(|(told, topic)| {
            let mut told = told.lock().unwrap().clone();
            told.retain(|(at, number)| {
                let mut needles = needles.iter();
                *number == usize::MAX
                    || needles.any(|(word, of, other)| {
                        of == topic
                            && other == number
                            && is_there(&text, usize::try_from(*at).unwrap(), word)
                    })
            });
            told.sort_unstable();
            told.dedup();
            told
        });
        told.collect()
    }

    #[test]
    fn every_string_is_found_by_whoever_asks_for_it_and_no_other() {
        let needles = needles();
        for (word, ..) in &needles {
            let text = [b"\x01".repeat(61).as_slice(), word, b"a1"].concat();
            for topics in [&TOPICS[..], &TOPICS[..1], &TOPICS[1..2], &TOPICS[2..]] {
                let expect: Vec<_> = topics
                    .iter()
                    .map(|topic| expected(&needles, &text, *topic))
                    .collect();
                assert_eq!(
                    told(&needles, &[&text], topics),
                    expect,
                    "{}",
                    word.escape_ascii()
                );
            }
        }
    }

    #[test]
    fn who_asks_for_nothing_is_shown_nothing() {
        struct Idle;
        impl Watcher for Idle {
            fn hit(&mut self, _: &Window<'_>, _: Hit) {
                panic!("nothing was asked for");
            }
            fn see(&mut self, _: &Window<'_>) {
                panic!("nothing was asked for");
            }
            fn finish(self: Box<Self>, path: &LayerPath, _: bool, out: &mut Facts) {
                out.malformed("idle", path, 0, "seen");
            }
        }
        let mut watch = FileWatch::of(vec![Box::new(Idle)]);
        watch.feed(b"password=go1.22");
        let mut facts = Facts::default();
        watch.finish(&entry("a").path, true, &mut facts);
        assert_eq!(facts.warnings.len(), 1);
    }

    proptest! {
        #[test]
        fn what_is_found_does_not_depend_on_the_pieces(
            parts in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..4, 0_usize..40), 0..20),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
            topics in prop::sample::subsequence(&TOPICS[..], 1..=3),
        ) {
            let needles = needles();
            let mut text = Vec::new();
            for (word, cut, filler) in parts {
                let word = &word.get(&needles).0;
                // Whole ones mostly, and some that break off.
                text.extend_from_slice(&word[..word.len() - cut.saturating_sub(2).min(word.len())]);
                text.extend_from_slice(&b"\0x_9 lorem\n\xff".repeat(4)[..filler]);
            }
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect();
            let expect: Vec<_> = topics.iter().map(|topic| expected(&needles, &text, *topic)).collect();
            prop_assert_eq!(told(&needles, &pieces, &topics), expect);
        }
    }

    /// Which matcher is quickest: `cargo test --release -p lamina-inventory --lib how_fast -- --ignored
    /// --nocapture`. The figures are in docs/inventory.md.
    #[test]
    #[ignore = "measures, and needs an optimised build"]
    #[allow(clippy::disallowed_methods, clippy::print_stdout, reason = "measures")]
    fn how_fast() {
        use std::time::Instant;

        use aho_corasick::{AhoCorasick, AhoCorasickKind};

        let Some(fixtures) = lamina_testkit::shared("fixtures") else {
            return;
        };
        let mut texts: Vec<(&str, Vec<u8>)> = Vec::new();
        for kind in ["ELF", "JavaScript", "JSON", "other"] {
            texts.push((kind, Vec::new()));
        }
        let mut folders = vec![
            fixtures,
            "/usr/lib/x86_64-linux-gnu".into(),
            "/usr/lib/node_modules".into(),
        ];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let (path, kind) = (entry.path(), entry.file_type().unwrap());
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file() && entry.metadata().unwrap().len() < 20 << 20 {
                    let bytes = std::fs::read(&path).unwrap();
                    let end = path.extension().and_then(std::ffi::OsStr::to_str);
                    let index = match end {
                        _ if bytes.starts_with(b"\x7fELF") => 0,
                        Some("js") => 1,
                        Some("json") => 2,
                        _ => 3,
                    };
                    let text = &mut texts[index].1;
                    if text.len() < 24 << 20 {
                        text.extend(bytes);
                    }
                }
            }
        }
        let words: Vec<Vec<u8>> = needles().into_iter().map(|needle| needle.0).collect();
        let automaton = |kind| {
            let mut builder = AhoCorasick::builder();
            builder.kind(Some(kind)).ascii_case_insensitive(true);
            builder.build(&words).unwrap()
        };
        let dfa = automaton(AhoCorasickKind::DFA);
        let nfa = automaton(AhoCorasickKind::ContiguousNFA);
        println!(
            "{} strings; DFA {} bytes, NFA {} bytes",
            words.len(),
            dfa.memory_usage(),
            nfa.memory_usage()
        );
        for (kind, text) in &texts {
            let mut best = [f64::MAX; 3];
            let mut counts = [0; 3];
            for _ in 0..5 {
                for (number, best) in best.iter_mut().enumerate() {
                    let start = Instant::now();
                    counts[number] = match number {
                        0 => {
                            let mut count = 0;
                            find(text, 0, text.len(), |_, _| count += 1);
                            count
                        }
                        1 => dfa.find_overlapping_iter(text).count(),
                        _ => nfa.find_overlapping_iter(text).count(),
                    };
                    *best = best.min(start.elapsed().as_secs_f64());
                }
            }
            let rate = best.map(|seconds| text.len() as f64 / seconds / 1e6);
            println!(
                "{kind}: {} bytes, MB/s filter, DFA, NFA: {rate:.0?}, found {counts:?}",
                text.len()
            );
        }
    }
}
