//! Secrets in files: private keys, tokens, passwords.
//!
//! Every file is looked at as it streams by, by the rules of [`crate::secrets`]. Of programs and other
//! binary files only what its form alone gives away is told (a token that was compiled in, as into
//! Python's `.pyc`). Whether the file is still there in the end is known when layers are merged.

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{StreamAnalyser, Watcher},
    facts::{Facts, IssueFact, IssueKind, Warning},
    limits::{MAX_SECRETS_PER_FILE, SECRET_TRIES_PER_BYTE},
    secrets::{
        paths::{Attention, Regard, regard},
        rules::RULES,
        scanner::{Manner, Stream},
    },
    severity::Severity,
};

const ID: &str = "secrets";

/// Secrets of every kind.
pub struct Secrets;

impl StreamAnalyser for Secrets {
    fn id(&self) -> &'static str {
        ID
    }

    fn revision(&self) -> u32 {
        1
    }

    fn watch(&self, entry: &Entry, head: &[u8]) -> Option<Box<dyn Watcher>> {
        if entry.size < MIN_BYTES {
            return None;
        }
        let Regard {
            attention,
            is_sample,
        } = regard(&entry.path, is_binary(head));
        if attention == Attention::None {
            return None;
        }
        let manner = Manner {
            attention,
            unguarded: false,
        };
        let stream = Stream::new(entry.path.as_bytes(), manner);
        Some(Box::new(Watching { stream, is_sample }))
    }
}

/// Bytes of the smallest file that holds a secret which some rule knows.
const MIN_BYTES: u64 = 12;

/// Control characters in the head of a text, of which it may have a few: colours, form feeds.
const MAX_CONTROLS: usize = 8;

/// Whether a file is no text, by its head.
fn is_binary(head: &[u8]) -> bool {
    let is_control = |byte: &&u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    memchr::memchr(0, head).is_some() || head.iter().filter(is_control).count() > MAX_CONTROLS
}

struct Watching {
    stream: Stream,
    is_sample: bool,
}

impl Watcher for Watching {
    fn feed(&mut self, bytes: &[u8]) {
        self.stream.feed(bytes);
    }

    fn finish(self: Box<Self>, path: &LayerPath, _: bool, out: &mut Facts) {
        let outcome = self.stream.finish();
        for found in outcome.found {
            let Some(rule) = RULES.get(found.rule) else {
                continue;
            };
            // What belongs to a test opens nothing, as a rule.
            let severity = if self.is_sample {
                rule.severity.min(Severity::Low)
            } else {
                rule.severity
            };
            out.add_issue(
                ID,
                IssueFact {
                    kind: IssueKind::Secret,
                    rule: rule.id.to_owned(),
                    title: rule.title.to_owned(),
                    severity,
                    file: path.clone(),
                    lines: Some(found.lines),
                    excerpt: Some(found.excerpt),
                },
            );
        }
        if outcome.has_more {
            out.warn(Warning::TooMany {
                analyser: ID.to_owned(),
                what: format!("secrets in {path}"),
                limit: MAX_SECRETS_PER_FILE as u64,
            });
        }
        if outcome.is_exhausted {
            out.warn(Warning::TooMany {
                analyser: ID.to_owned(),
                what: format!("bytes to try per byte of {path}"),
                limit: SECRET_TRIES_PER_BYTE,
            });
        }
    }
}
