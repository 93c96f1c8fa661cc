//! Alpine's order, as `apk_version_compare` of apk-tools 3 (`src/version.c`, man apk-package(5)).
//!
//! `digits{.digits}[a-z]{_suffix[digits]}[~hash][-rdigits]`. Text that breaks this grammar is ordered
//! up to the break, where it sorts before everything: apk itself does so. One thing is read as apk 2
//! did, because Alpine's secdb has such versions: digits after the letter (`6.0.2p1-r6`).

use std::cmp::Ordering;

use super::{VersionError, VersionOrder, compare_digits, split_while};

pub(crate) struct Apk;

impl VersionOrder for Apk {
    fn id(&self) -> &'static str {
        "apk"
    }

    fn compare(&self, a: &str, b: &str) -> Result<Ordering, VersionError> {
        for version in [a, b] {
            if version.trim().is_empty() {
                return Err(VersionError::new("apk", version));
            }
        }
        Ok(compare(a.trim().as_bytes(), b.trim().as_bytes()))
    }
}

/// Kinds of token in the order in which they may follow one another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    InitialDigits,
    Digits,
    Letter,
    Suffix,
    SuffixNumber,
    Hash,
    Revision,
    End,
    Invalid,
}

/// The suffixes that apk knows, in order; those before `NORMAL` precede the bare version.
const SUFFIXES: [&[u8]; 9] = [
    b"alpha", b"beta", b"pre", b"rc", b"cvs", b"svn", b"git", b"hg", b"p",
];
const NORMAL: usize = 4;

#[derive(Clone, Copy)]
struct Token<'a> {
    kind: Kind,
    text: &'a [u8],
    suffix: usize,
}

struct Tokens<'a> {
    rest: &'a [u8],
    kind: Option<Kind>,
}

impl<'a> Tokens<'a> {
    fn next(&mut self) -> Token<'a> {
        let token = self.read();
        self.kind = Some(token.kind);
        token
    }

    fn read(&mut self) -> Token<'a> {
        let invalid = Token {
            kind: Kind::Invalid,
            text: &[],
            suffix: 0,
        };
        let Some(last) = self.kind else {
            return self.digits(Kind::InitialDigits, self.rest);
        };
        let Some((first, rest)) = self.rest.split_first() else {
            return Token {
                kind: Kind::End,
                ..invalid
            };
        };
        match first {
            b'a'..=b'z' if last <= Kind::Digits => {
                let (text, rest) = self.rest.split_at_checked(1).unwrap_or_default();
                self.rest = rest;
                Token {
                    kind: Kind::Letter,
                    text,
                    suffix: 0,
                }
            }
            b'.' if last <= Kind::Digits => self.digits(Kind::Digits, rest),
            b'0'..=b'9' if last == Kind::Letter => self.digits(Kind::Digits, self.rest),
            b'0'..=b'9' if last == Kind::Suffix => self.digits(Kind::SuffixNumber, self.rest),
            b'_' if last <= Kind::SuffixNumber => {
                let (word, rest) = split_while(rest, |byte| byte.is_ascii_lowercase());
                self.rest = rest;
                match SUFFIXES.iter().position(|suffix| *suffix == word) {
                    Some(suffix) => Token {
                        kind: Kind::Suffix,
                        text: word,
                        suffix,
                    },
                    None => invalid,
                }
            }
            b'~' if last < Kind::Hash => {
                let (text, rest) =
                    split_while(rest, |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                self.rest = rest;
                if text.is_empty() {
                    return invalid;
                }
                Token {
                    kind: Kind::Hash,
                    text,
                    suffix: 0,
                }
            }
            b'-' if last < Kind::Revision => match rest.split_first() {
                Some((b'r', rest)) => self.digits(Kind::Revision, rest),
                _ => invalid,
            },
            _ => invalid,
        }
    }

    fn digits(&mut self, kind: Kind, from: &'a [u8]) -> Token<'a> {
        let (text, rest) = split_while(from, |byte| byte.is_ascii_digit());
        self.rest = rest;
        Token {
            kind,
            text,
            suffix: 0,
        }
    }
}

fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let mut tokens_a = Tokens {
        rest: a,
        kind: None,
    };
    let mut tokens_b = Tokens {
        rest: b,
        kind: None,
    };
    loop {
        let token_a = tokens_a.next();
        let token_b = tokens_b.next();
        if token_a.kind != token_b.kind {
            return compare_kinds(token_a, token_b);
        }
        if token_a.kind >= Kind::End {
            return Ordering::Equal;
        }
        let ordering = compare_tokens(token_a, token_b);
        if ordering.is_ne() {
            return ordering;
        }
    }
}

fn compare_tokens(a: Token<'_>, b: Token<'_>) -> Ordering {
    let starts_with_zero = |token: Token<'_>| token.text.first() == Some(&b'0');
    match a.kind {
        Kind::Digits if starts_with_zero(a) || starts_with_zero(b) => a.text.cmp(b.text),
        Kind::InitialDigits | Kind::Digits | Kind::SuffixNumber | Kind::Revision => {
            compare_digits(a.text, b.text)
        }
        Kind::Suffix => a.suffix.cmp(&b.suffix),
        Kind::Letter | Kind::Hash | Kind::End | Kind::Invalid => a.text.cmp(b.text),
    }
}

/// All before was equal; the one that goes on is greater, unless it goes on as a pre-release.
fn compare_kinds(a: Token<'_>, b: Token<'_>) -> Ordering {
    let is_pre_release = |token: Token<'_>| token.kind == Kind::Suffix && token.suffix < NORMAL;
    match (is_pre_release(a), is_pre_release(b)) {
        (true, _) => Ordering::Less,
        (_, true) => Ordering::Greater,
        _ => b.kind.cmp(&a.kind),
    }
}
