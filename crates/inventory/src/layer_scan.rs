//! One layer: its tree, and what the analysers note about its files.

use std::collections::HashMap;

use lamina_image::{
    layer::{Claim, Entry, EntryKind, EntrySink},
    path::LayerPath,
    tree::{LayerTree, LayerTreeBuilder, TreeKind},
};

use crate::{
    analyser::{Analyser, ClaimedFile, FileWatch, HEAD_BYTES},
    analysis::LayerAnalysis,
    facts::{Facts, Warning},
    kinds::{ANALYSERS, STREAM_ANALYSERS, executable},
    limits::{MAX_CLAIMED_BYTES_PER_LAYER, MAX_LINKS},
};

/// Receives one layer's entries and makes a [`LayerAnalysis`] of them.
///
/// At most one claimed file is held at a time.
pub struct LayerScan {
    tree: LayerTreeBuilder,
    facts: Facts,
    /// Which facts came from which file, in archive order.
    spans: Vec<Span>,
    /// The newest span of each claimed path: a path may come twice, and the last one wins.
    newest: HashMap<LayerPath, usize>,
    open: Option<Open>,
    entries: u64,
    files: u64,
    claimed_bytes: u64,
    max_claimed_bytes: u64,
}

/// The file that is being received.
struct Open {
    entry: Entry,
    /// Bytes of it so far.
    received: u64,
    /// The whole file as far as it is there, if an analyser claims it; else its first bytes until
    /// there are enough of them to choose watchers.
    bytes: Vec<u8>,
    analysers: Vec<&'static dyn Analyser>,
    watching: Watching,
    /// Whether its first bytes are a program's.
    is_program: bool,
    /// How many facts there were before it.
    before: usize,
}

/// Who watches a file.
enum Watching {
    /// That is not known yet: its first bytes are not all there.
    Undecided,
    /// These.
    Decided(FileWatch),
}

/// Chooses watchers by the first bytes of a file, and shows them what is there of it.
fn watchers_of(entry: &Entry, bytes: &[u8]) -> FileWatch {
    let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
    let mut watch = FileWatch::new(entry, head, STREAM_ANALYSERS);
    watch.feed(bytes);
    watch
}

impl Open {
    /// Chooses watchers by what is there, if that has not been done.
    fn decide(&mut self) {
        if let Watching::Undecided = self.watching {
            self.is_program = executable::is_program(&self.entry, &self.bytes);
            self.watching = Watching::Decided(watchers_of(&self.entry, &self.bytes));
            if self.analysers.is_empty() {
                self.bytes = Vec::new();
            }
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        // The reader keeps to the size it announced; a reader that does not is cut off here.
        let left = self.entry.size.saturating_sub(self.received);
        let left = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let bytes = bytes.get(..left).unwrap_or_default();
        self.received += bytes.len() as u64;
        match &mut self.watching {
            Watching::Decided(watch) => {
                watch.feed(bytes);
                if !self.analysers.is_empty() {
                    self.bytes.extend_from_slice(bytes);
                }
            }
            // The common case, without a copy.
            Watching::Undecided
                if self.bytes.is_empty()
                    && self.analysers.is_empty()
                    && bytes.len() >= HEAD_BYTES =>
            {
                self.is_program = executable::is_program(&self.entry, bytes);
                self.watching = Watching::Decided(watchers_of(&self.entry, bytes));
            }
            Watching::Undecided => {
                self.bytes.extend_from_slice(bytes);
                if self.bytes.len() >= HEAD_BYTES {
                    self.decide();
                }
            }
        }
    }
}

/// The ends, in [`Facts`], of what one claimed file gave. Its start is the end of the span before.
struct Span {
    path: LayerPath,
    is_link: bool,
    packages: usize,
    distributions: usize,
    owned: usize,
    licences: usize,
    issues: usize,
    warnings: usize,
}

impl LayerScan {
    /// Starts a layer.
    pub fn new() -> Self {
        Self {
            tree: LayerTree::builder(),
            facts: Facts::default(),
            spans: Vec::new(),
            newest: HashMap::new(),
            open: None,
            entries: 0,
            files: 0,
            claimed_bytes: 0,
            max_claimed_bytes: MAX_CLAIMED_BYTES_PER_LAYER,
        }
    }

    /// Lowers the limit of bytes in all claimed files together.
    #[must_use]
    pub fn with_max_claimed_bytes(mut self, bytes: u64) -> Self {
        self.max_claimed_bytes = bytes;
        self
    }

    /// Entries so far, of every kind.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Regular files so far.
    pub fn files(&self) -> u64 {
        self.files
    }

    /// Packages found so far.
    pub fn packages(&self) -> u64 {
        self.facts.packages.len() as u64
    }

    /// The layer is over, or as far as it goes.
    pub fn finish(mut self) -> LayerAnalysis {
        self.close_incomplete();
        let tree = self.tree.finish();
        if tree.dropped() > 0 {
            let limit = tree.len() as u64;
            self.facts.too_many("the layer", "paths", limit);
        }
        let is_current = |index: usize, span: &Span| {
            let kind = tree.get(&span.path).map(|node| node.kind());
            let expects = match span.is_link {
                true => matches!(kind, Some(TreeKind::Symlink | TreeKind::HardLink)),
                false => kind == Some(TreeKind::File),
            };
            expects && self.newest.get(&span.path) == Some(&index)
        };
        let keep: Vec<bool> = (0..)
            .zip(&self.spans)
            .map(|(index, span)| is_current(index, span))
            .collect();
        let facts = &mut self.facts;
        let spans = &self.spans;
        let mut of = Kept::new(spans, &keep, |span| span.packages);
        facts.packages.retain(|_| of.next());
        let mut of = Kept::new(spans, &keep, |span| span.distributions);
        facts.distributions.retain(|_| of.next());
        let mut of = Kept::new(spans, &keep, |span| span.owned);
        facts.owned.retain(|_| of.next());
        let mut of = Kept::new(spans, &keep, |span| span.licences);
        facts.licences.retain(|_| of.next());
        let mut of = Kept::new(spans, &keep, |span| span.issues);
        facts.issues.retain(|_| of.next());
        let mut of = Kept::new(spans, &keep, |span| span.warnings);
        // That a limit was passed stays true.
        facts
            .warnings
            .retain(|warning| of.next() || matches!(warning, Warning::TooMany { .. }));
        let links = self.spans.into_iter().zip(keep);
        let links = links.filter(|(span, keep)| span.is_link && *keep);
        facts.links = links.map(|(span, _)| span.path).collect();
        LayerAnalysis {
            tree,
            facts: self.facts,
        }
    }

    /// Notes where the facts of a file end.
    fn end_span(&mut self, path: LayerPath, is_link: bool) {
        self.newest.insert(path.clone(), self.spans.len());
        self.spans.push(Span {
            path,
            is_link,
            packages: self.facts.packages.len(),
            distributions: self.facts.distributions.len(),
            owned: self.facts.owned.len(),
            licences: self.facts.licences.len(),
            issues: self.facts.issues.len(),
            warnings: self.facts.warnings.len(),
        });
    }

    /// Begins a regular file.
    fn open(&mut self, entry: &Entry, mut analysers: Vec<&'static dyn Analyser>) -> Claim {
        let before = self.facts.size();
        let left = self.max_claimed_bytes.saturating_sub(self.claimed_bytes);
        analysers.retain(|analyser| {
            let limit = analyser.max_bytes(&entry.path).min(left);
            if entry.size > limit {
                self.facts.warn(Warning::FileTooLarge {
                    analyser: analyser.id().to_owned(),
                    file: entry.path.clone(),
                    size: entry.size,
                    limit,
                });
            }
            entry.size <= limit
        });
        if analysers.is_empty() && entry.size == 0 {
            // It may take the place of one that had something to say.
            if self.newest.contains_key(&entry.path) {
                self.end_span(entry.path.clone(), false);
            }
            return Claim::Skip;
        }
        // The size is a promise until the bytes are there.
        let mut room = 0;
        if !analysers.is_empty() {
            self.claimed_bytes = self.claimed_bytes.saturating_add(entry.size);
            room = usize::try_from(entry.size.min(1 << 20)).unwrap_or_default();
        }
        self.open = Some(Open {
            entry: entry.clone(),
            received: 0,
            bytes: Vec::with_capacity(room),
            analysers,
            watching: Watching::Undecided,
            is_program: false,
            before,
        });
        Claim::Take
    }

    fn close(&mut self, mut open: Open, is_whole: bool) {
        open.decide();
        if open.is_program {
            // No entry came after it.
            self.tree.mark_program();
        }
        let path = open.entry.path;
        for analyser in &open.analysers {
            let file = ClaimedFile {
                path: &path,
                bytes: &open.bytes,
            };
            analyser.analyse(file, &mut self.facts);
        }
        if let Watching::Decided(watch) = open.watching {
            watch.finish(&path, is_whole, &mut self.facts);
        }
        // A file that nobody has anything to say of needs no span, unless it takes the place of one
        // that had.
        let is_silent = open.analysers.is_empty() && self.facts.size() == open.before;
        if !is_silent || self.newest.contains_key(&path) {
            self.end_span(path, false);
        }
    }

    /// The layer broke off, or went on, within a file: what was there of it is read, up to its last
    /// whole line, so that no version is cut short.
    fn close_incomplete(&mut self) {
        let Some(mut open) = self.open.take() else {
            return;
        };
        for analyser in &open.analysers {
            self.facts.warn(Warning::Incomplete {
                analyser: analyser.id().to_owned(),
                file: open.entry.path.clone(),
                read: open.received,
                size: open.entry.size,
            });
        }
        open.decide();
        let end = memchr::memrchr(b'\n', &open.bytes).map_or(0, |end| end + 1);
        open.bytes.truncate(end);
        self.close(open, false);
    }
}

impl Default for LayerScan {
    fn default() -> Self {
        Self::new()
    }
}

impl EntrySink for LayerScan {
    fn entry(&mut self, entry: &Entry) -> Claim {
        self.close_incomplete();
        self.entries += 1;
        self.tree.push(entry);
        let is_file = match &entry.kind {
            EntryKind::File => {
                self.files += 1;
                true
            }
            EntryKind::Symlink { .. } | EntryKind::HardLink { .. } => false,
            _ => return Claim::Skip,
        };
        let claims = |analyser: &&&'static dyn Analyser| analyser.claims(&entry.path, entry);
        if !is_file {
            if ANALYSERS.iter().any(|analyser| claims(&analyser)) {
                if self.spans.len() < MAX_LINKS {
                    self.end_span(entry.path.clone(), true);
                } else {
                    self.facts.too_many("the layer", "links", MAX_LINKS as u64);
                }
            }
            return Claim::Skip;
        }
        let analysers = ANALYSERS.iter().filter(claims).copied().collect();
        self.open(entry, analysers)
    }

    fn data(&mut self, bytes: &[u8]) {
        if let Some(open) = &mut self.open {
            open.receive(bytes);
        }
    }

    fn end(&mut self) {
        if let Some(open) = self.open.take() {
            self.close(open, true);
        }
    }
}

/// Tells of facts, one after the other, whether the span they belong to is kept.
struct Kept<'a, F> {
    spans: &'a [Span],
    keep: &'a [bool],
    end: F,
    span: usize,
    index: usize,
}

impl<'a, F: Fn(&Span) -> usize> Kept<'a, F> {
    fn new(spans: &'a [Span], keep: &'a [bool], end: F) -> Self {
        Self {
            spans,
            keep,
            end,
            span: 0,
            index: 0,
        }
    }

    /// The next fact. What comes after the last span belongs to the layer itself.
    fn next(&mut self) -> bool {
        while let Some(span) = self.spans.get(self.span)
            && (self.end)(span) <= self.index
        {
            self.span += 1;
        }
        self.index += 1;
        self.keep.get(self.span).copied().unwrap_or(true)
    }
}
