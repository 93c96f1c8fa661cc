//! Secrets in files: private keys, tokens, passwords.
//!
//! Text is looked at as it streams by, by the rules of [`crate::secrets`]. Of binary files only small ones
//! are ([`MAX_BINARY_SECRET_BYTES`]), and only what its form alone gives away is told: a token that was
//! compiled in, as into Python's `.pyc`. Whether the file is still there in the end is known when layers are merged.

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{Hit, StreamAnalyser, Topic, Wants, Watcher, Window},
    facts::{Facts, IssueFact, IssueKind, Warning},
    limits::{
        MAX_BINARY_SECRET_BYTES, MAX_SECRETS_PER_FILE, SECRET_AHEAD_BYTES, SECRET_BEHIND_BYTES,
        SECRET_TRIES_PER_BYTE,
    },
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
        let is_binary = is_binary(head);
        if is_binary && entry.size > MAX_BINARY_SECRET_BYTES {
            return None;
        }
        let Regard {
            attention,
            is_sample,
        } = regard(&entry.path, is_binary);
        if attention == Attention::None {
            return None;
        }
        let manner = Manner {
            attention,
            unguarded: false,
        };
        let stream = Stream::new(entry.path.as_bytes(), manner);
        Some(Box::new(Watching {
            stream,
            is_sample,
            is_binary,
        }))
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
    is_binary: bool,
}

impl Watcher for Watching {
    fn wants(&self) -> Wants {
        Wants {
            topic: Some(Topic::Secrets),
            behind: SECRET_BEHIND_BYTES,
            ahead: SECRET_AHEAD_BYTES,
            first: 0,
        }
    }

    fn hit(&mut self, window: &Window<'_>, hit: Hit) {
        self.stream.hit(window, hit);
    }

    fn see(&mut self, window: &Window<'_>) {
        self.stream.see(window);
    }

    fn finish(self: Box<Self>, path: &LayerPath, _: bool, out: &mut Facts) {
        let outcome = self.stream.finish();
        for found in outcome.found {
            let Some(rule) = RULES.get(found.rule) else {
                continue;
            };
            // What belongs to a test opens nothing, as a rule; and the private keys in programs are mostly
            // those that a cryptographic library tests itself with (GnuTLS has a dozen).
            let severity = if self.is_sample {
                rule.severity.min(Severity::Low)
            } else if self.is_binary && rule.id.starts_with("private-key") {
                rule.severity.min(Severity::Medium)
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
                    // A program has no lines.
                    lines: (!self.is_binary).then_some(found.lines),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{entry, watch};

    fn is_watched(path: &str, head: &[u8]) -> bool {
        Secrets.watch(&entry(path), head).is_some()
    }

    #[test]
    fn what_holds_no_text_is_not_watched() {
        assert!(is_watched("app/main.py", b"text"));
        assert!(is_watched("usr/bin/a", b"\x7fELF\0"));
        assert!(!is_watched("usr/share/man/man1/a.1", b"text"));
        assert!(!is_watched("app/a.svg", b"<svg"));
        let mut large = entry("usr/bin/a");
        large.size = MAX_BINARY_SECRET_BYTES + 1;
        assert!(Secrets.watch(&large, b"\x7fELF\0").is_none());
        assert!(Secrets.watch(&large, b"text").is_some());
        let mut small = entry("a");
        small.size = MIN_BYTES - 1;
        assert!(Secrets.watch(&small, b"text").is_none());
    }

    #[test]
    fn programs_are_told_from_texts() {
        assert!(!is_binary(b""));
        assert!(!is_binary("é\t\r\n\x1b[1m".as_bytes()));
        assert!(is_binary(b"a\0"));
        assert!(is_binary(&[1; MAX_CONTROLS + 1]));
    }

    #[test]
    fn too_many_secrets_and_tries_are_warnings() {
        let check = |text: String, expect: &str| {
            let facts = watch(&Secrets, "app/settings.conf", text.as_bytes(), 100_000);
            let warnings: Vec<String> = facts.warnings.iter().map(ToString::to_string).collect();
            assert_eq!(warnings, [expect]);
        };
        let token = |n: usize| format!("gh{}_{}{n:06}\n", "p", "0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o");
        check(
            (0..MAX_SECRETS_PER_FILE + 1).map(token).collect(),
            "secrets found more than 100 secrets in app/settings.conf; the rest is left out",
        );
        check(
            "password".repeat(100_000),
            "secrets found more than 4 bytes to try per byte of app/settings.conf; the rest is left out",
        );
    }
}
