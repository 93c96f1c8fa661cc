//! Maven's order: the "version order specification" of <https://maven.apache.org/pom.html>, which is what
//! `ComparableVersion` of Maven 3.9 and 4 does.
//!
//! Tokens are split at `.`, `-` and between digits and letters, where a hyphen is meant. Numbers are above
//! words, a word after a dot is one after a hyphen, a number after a dot is above one after a hyphen. Zeros and
//! the words for a release (`ga`, `final`, `release`) before a hyphen or the end do not count. The known words
//! come first, in the order of [`Word`], others behind `sp` by the alphabet.

use std::{borrow::Cow, cmp::Ordering};

use super::{VersionError, VersionOrder, compare_digits, split_while};

pub(crate) struct Maven;

impl VersionOrder for Maven {
    fn id(&self) -> &'static str {
        "maven"
    }

    fn compare(&self, a: &str, b: &str) -> Result<Ordering, VersionError> {
        let (lower_a, lower_b) = (lower(a), lower(b));
        let refuse = |version| move || VersionError::new("maven", version);
        let tokens_a = tokens(&lower_a).ok_or_else(refuse(a))?;
        let tokens_b = tokens(&lower_b).ok_or_else(refuse(b))?;
        // What is missing is a release: an empty word. Zeros after a dot are above it, but so is what
        // they lead to: they were trimmed if nothing followed.
        for position in 0..tokens_a.len().max(tokens_b.len()) {
            let a = tokens_a.get(position).copied().unwrap_or(Token::RELEASE);
            let b = tokens_b.get(position).copied().unwrap_or(Token::RELEASE);
            let ordering = a.compare(b);
            if ordering.is_ne() {
                return Ok(ordering);
            }
        }
        Ok(Ordering::Equal)
    }
}

fn lower(version: &str) -> Cow<'_, str> {
    let text = version.trim();
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Word<'a> {
    Alpha,
    Beta,
    Milestone,
    ReleaseCandidate,
    Snapshot,
    Release,
    ServicePack,
    Other(&'a [u8]),
}

/// In the order of their kinds.
#[derive(Clone, Copy)]
enum Token<'a> {
    Word(Word<'a>),
    HyphenNumber(&'a [u8]),
    DotNumber(&'a [u8]),
}

impl Token<'_> {
    const RELEASE: Self = Self::Word(Word::Release);

    fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Word(a), Self::Word(b)) => a.cmp(&b),
            (Self::HyphenNumber(a), Self::HyphenNumber(b))
            | (Self::DotNumber(a), Self::DotNumber(b)) => compare_digits(a, b),
            (a, b) => a.kind().cmp(&b.kind()),
        }
    }

    fn kind(self) -> u8 {
        match self {
            Self::Word(_) => 0,
            Self::HyphenNumber(_) => 1,
            Self::DotNumber(_) => 2,
        }
    }

    /// Whether it does not count at the end.
    fn is_null(self) -> bool {
        match self {
            Self::Word(word) => word == Word::Release,
            Self::HyphenNumber(digits) | Self::DotNumber(digits) => {
                digits.iter().all(|digit| *digit == b'0')
            }
        }
    }
}

fn tokens(version: &str) -> Option<Vec<Token<'_>>> {
    if version.is_empty() || version.bytes().any(|byte| byte.is_ascii_whitespace()) {
        return None;
    }
    let is_separator = |byte: u8| matches!(byte, b'.' | b'-');
    let mut tokens = Vec::new();
    let mut rest = version.as_bytes();
    // The first token is as one after a dot.
    let mut is_after_dot = true;
    loop {
        let (digits, after) = split_while(rest, |byte| byte.is_ascii_digit());
        let is_number = !digits.is_empty();
        if is_number || rest.first().is_none_or(|byte| is_separator(*byte)) {
            // Nothing between two separators is a zero.
            rest = after;
            if is_after_dot {
                tokens.push(Token::DotNumber(digits));
            } else {
                trim(&mut tokens);
                tokens.push(Token::HyphenNumber(digits));
            }
        } else {
            let (word, after) =
                split_while(rest, |byte| !byte.is_ascii_digit() && !is_separator(byte));
            rest = after;
            trim(&mut tokens);
            let is_before_number = rest.first().is_some_and(u8::is_ascii_digit);
            tokens.push(Token::Word(known_word(word, is_before_number)));
        }
        let Some((first, after)) = rest.split_first() else {
            break;
        };
        if is_separator(*first) {
            is_after_dot = *first == b'.';
            rest = after;
        } else {
            is_after_dot = false;
        }
    }
    trim(&mut tokens);
    Some(tokens)
}

/// Drops what does not count before a hyphen or the end.
fn trim(tokens: &mut Vec<Token<'_>>) {
    while tokens.last().is_some_and(|token| token.is_null()) {
        tokens.pop();
    }
}

fn known_word(word: &[u8], is_before_number: bool) -> Word<'_> {
    match word {
        b"alpha" => Word::Alpha,
        b"beta" => Word::Beta,
        b"milestone" => Word::Milestone,
        b"a" if is_before_number => Word::Alpha,
        b"b" if is_before_number => Word::Beta,
        b"m" if is_before_number => Word::Milestone,
        b"rc" | b"cr" => Word::ReleaseCandidate,
        b"snapshot" => Word::Snapshot,
        b"" | b"ga" | b"final" | b"release" => Word::Release,
        b"sp" => Word::ServicePack,
        other => Word::Other(other),
    }
}
