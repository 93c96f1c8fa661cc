//! What may be shown of a text that holds secrets.
//!
//! To redact is to be less sure than to accuse: no placeholder is spared, and every value whose name
//! speaks of a secret goes.

use std::ops::Range;

use super::{
    guards::{is_reference, is_secret_name},
    paths::Attention,
    rules::{RULES, Shape},
    scanner::{Manner, Match, matches},
};
use crate::{limits::MAX_EXCERPT_BYTES, text::cut};

/// What stands for the part of a secret that is not shown.
const MASK: &str = "****";

/// Bytes of a token that are shown: they are its maker's prefix.
const SHOWN_BYTES: usize = 4;

/// Bytes that a token has at least for its prefix to be shown.
const LONG_BYTES: usize = 20;

/// Bytes before a secret that are shown if its line starts there.
const BEFORE_BYTES: usize = 96;

/// Bytes of a run of letters and digits that is not shown next to a secret: it may be the rest of
/// another, begun on the line before.
const RUN_BYTES: usize = 20;

/// Bytes of a variable's name.
const NAME_BYTES: usize = 64;

/// The text with every secret in it redacted: `export TOKEN=ghp_****`.
pub fn redact(text: &str) -> String {
    let mut spans: Vec<Span> = rule_spans(text.as_bytes());
    spans.extend(named_values(text.as_bytes()).into_iter().map(|named| Span {
        range: named.value,
        shown: 0,
    }));
    masked(text.as_bytes(), spans)
}

/// What is replaced, and how much of its start is shown.
#[derive(Clone, Debug)]
struct Span {
    range: Range<usize>,
    shown: usize,
}

fn rule_spans(text: &[u8]) -> Vec<Span> {
    let manner = Manner {
        attention: Attention::Configuration,
        unguarded: true,
    };
    let found = matches(text, None, manner).into_iter();
    let spans = found.map(|found| Span {
        shown: shown_of(text, &found),
        range: to_end_of_word(text, found.secret),
    });
    spans.collect()
}

/// Bytes of a secret that may be shown.
fn shown_of(text: &[u8], found: &Match) -> usize {
    let is_token = RULES.get(found.rule).is_some_and(|rule| {
        let keyword_first = rule.back == (0, 0);
        rule.shape == Shape::Token && keyword_first
    });
    // A group of a token's pattern is what follows the prefix.
    let has_prefix = RULES.get(found.rule).is_some_and(|rule| {
        let secret = text.get(found.secret.clone()).unwrap_or_default();
        rule.keywords
            .iter()
            .any(|word| secret.starts_with(word.as_bytes().get(..3).unwrap_or_default()))
    });
    if is_token && has_prefix && found.secret.len() >= LONG_BYTES {
        SHOWN_BYTES
    } else {
        0
    }
}

/// A pattern may stop short of what people would call the secret.
fn to_end_of_word(text: &[u8], range: Range<usize>) -> Range<usize> {
    let is_inside = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/=_-~".contains(byte);
    let more = text
        .get(range.end..)
        .unwrap_or_default()
        .iter()
        .take_while(is_inside)
        .count();
    range.start..range.end + more
}

/// Replaces spans, in whatever order they are and however they overlap.
fn masked(text: &[u8], mut spans: Vec<Span>) -> String {
    spans.sort_by_key(|span| (span.range.start, span.range.end));
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut done = 0;
    for span in spans {
        if span.range.end <= done {
            continue;
        }
        if span.range.start >= done {
            out.extend_from_slice(text.get(done..span.range.start).unwrap_or_default());
            let shown = (span.range.start + span.shown).min(span.range.end);
            out.extend_from_slice(text.get(span.range.start..shown).unwrap_or_default());
            out.extend_from_slice(MASK.as_bytes());
        }
        done = span.range.end;
    }
    out.extend_from_slice(text.get(done..).unwrap_or_default());
    String::from_utf8_lossy(&out).into_owned()
}

/// What may be shown of a match: its line up to the secret, and the secret's first bytes.
///
/// Nothing behind the secret is shown, nor before it what is not known to start a word.
pub(crate) fn excerpt(text: &[u8], is_start: bool, found: &Match) -> String {
    let secret = found.secret.start;
    // Of several lines the keyword's is shown: `-----BEGIN RSA PRIVATE KEY-----`.
    let between = text.get(found.keyword..secret).unwrap_or_default();
    let first_line = memchr::memchr(b'\n', between).map(|end| found.keyword + end);
    let (anchor, to) = match first_line {
        Some(end) => (found.keyword, end.min(found.keyword + BEFORE_BYTES)),
        None => (secret, secret),
    };
    let near = anchor.saturating_sub(BEFORE_BYTES);
    let before = text.get(near..anchor).unwrap_or_default();
    let line = match memchr::memrchr(b'\n', before) {
        Some(at) => Some(near + at + 1),
        None if near == 0 && is_start => Some(0),
        None => None,
    };
    let keyword = (found.keyword <= anchor && anchor - found.keyword <= BEFORE_BYTES)
        .then_some(found.keyword);
    let (from, is_cut) = match (line, keyword) {
        (Some(line), _) => (line, false),
        (None, Some(keyword)) => (keyword, true),
        (None, None) => (anchor, true),
    };
    let before = text.get(from..to).unwrap_or_default();
    let mut spans = rule_spans(before);
    spans.extend(named_values(before).into_iter().map(|named| Span {
        range: named.value,
        shown: 0,
    }));
    spans.extend(runs(before));
    let mut out = String::new();
    if is_cut {
        out.push('…');
    }
    let before: String = masked(before, spans)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    out.push_str(before.trim_start());
    if to < secret {
        out.push_str(" … ");
    }
    let shown = shown_of(text, found);
    let prefix = text.get(secret..secret + shown).unwrap_or_default();
    out.push_str(&String::from_utf8_lossy(prefix));
    out.push_str(MASK);
    cut(&out, MAX_EXCERPT_BYTES)
}

/// Long runs of letters and digits.
fn runs(text: &[u8]) -> Vec<Span> {
    let is_inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    let mut spans = Vec::new();
    let mut start = 0;
    for (at, byte) in (0..).zip(text.iter().chain([&b' '])) {
        if is_inside(byte) {
            continue;
        }
        let run = text.get(start..at).unwrap_or_default();
        if run.len() >= RUN_BYTES
            && run.iter().any(u8::is_ascii_digit)
            && run.iter().any(u8::is_ascii_alphabetic)
        {
            spans.push(Span {
                range: start..at,
                shown: 0,
            });
        }
        start = at + 1;
    }
    spans
}

/// A value whose name says that it is a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) value: Range<usize>,
}

/// Values whose names say that they are secrets, in order: `NAME=value`, `name: value`,
/// `--name value`, and the arguments of a build as BuildKit writes them, whose values may have spaces.
pub(crate) fn named_values(text: &[u8]) -> Vec<Named> {
    let mut all = build_arguments(text);
    all.retain(|argument| is_secret_name(&argument.name));
    let mut at = 0;
    while let Some(found) = memchr::memchr3(b'=', b':', b'-', text.get(at..).unwrap_or_default()) {
        let sign = at + found;
        at = sign + 1;
        let named = match text.get(sign) {
            Some(b'-') => option(text, sign),
            _ => assignment(text, sign),
        };
        let Some(named) = named else { continue };
        if all.iter().all(|other| {
            other.value.end <= named.value.start || named.value.end <= other.value.start
        }) {
            // Inside a quoted value there may be more of them; they go with it.
            at = at.max(named.value.end);
            all.push(named);
        }
    }
    all.sort_by_key(|named| named.value.start);
    all
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// `NAME=value` or `name: value`, by the place of the sign.
fn assignment(text: &[u8], sign: usize) -> Option<Named> {
    let before = text.get(..sign)?.trim_ascii_end();
    let before = before
        .strip_suffix(b"\"")
        .or_else(|| before.strip_suffix(b"'"))
        .unwrap_or(before);
    let length = before
        .iter()
        .rev()
        .take(NAME_BYTES)
        .take_while(|byte| is_name(**byte))
        .count();
    let name = std::str::from_utf8(before.get(before.len() - length..)?).ok()?;
    if !is_secret_name(name) {
        return None;
    }
    let rest = text.get(sign + 1..)?;
    // `:=`, `==` and `=>`.
    let signs = rest
        .iter()
        .take(2)
        .take_while(|byte| matches!(byte, b'=' | b'>'))
        .count();
    value(text, sign + 1 + signs, name)
}

/// `--name value`, by the place of the first hyphen.
fn option(text: &[u8], hyphen: usize) -> Option<Named> {
    let rest = text.get(hyphen..)?.strip_prefix(b"--")?;
    if hyphen > 0 && text.get(hyphen - 1).is_some_and(|byte| is_name(*byte)) {
        return None;
    }
    let length = rest
        .iter()
        .take(NAME_BYTES)
        .take_while(|byte| is_name(**byte))
        .count();
    let name = std::str::from_utf8(rest.get(..length)?).ok()?;
    let is_switch = [
        "no-", "disable", "without", "with-", "enable", "use-", "ask", "prompt",
    ]
    .iter()
    .any(|word| name.starts_with(word));
    if is_switch || !is_secret_name(name) || rest.get(length) != Some(&b' ') {
        return None;
    }
    let named = value(text, hyphen + 2 + length, name)?;
    (text.get(named.value.start) != Some(&b'-')).then_some(named)
}

/// The value that starts at a place, after white space and a quote.
fn value(text: &[u8], from: usize, name: &str) -> Option<Named> {
    let rest = text.get(from..)?;
    let spaces = rest
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count();
    let start = from + spaces;
    let rest = text.get(start..)?;
    let backslash = usize::from(rest.starts_with(b"\\\"") || rest.starts_with(b"\\'"));
    let quote = rest
        .get(backslash)
        .copied()
        .filter(|byte| matches!(byte, b'"' | b'\''));
    let (start, length) = match quote {
        Some(quote) => {
            let inside = rest.get(backslash + 1..)?;
            let mut is_escaped = false;
            let end = inside.iter().position(|byte| {
                let ends = *byte == quote && (!is_escaped || backslash == 1);
                is_escaped = *byte == b'\\' && !is_escaped;
                ends
            });
            (start + backslash + 1, end.unwrap_or(inside.len()))
        }
        None => {
            let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"\"'`;|<>".contains(byte);
            (start, rest.iter().position(is_end).unwrap_or(rest.len()))
        }
    };
    let value = text.get(start..start + length)?;
    if value.is_empty() || value.starts_with(b"//") || is_reference(&String::from_utf8_lossy(value))
    {
        return None;
    }
    Some(Named {
        name: name.to_owned(),
        value: start..start + length,
    })
}

/// The arguments of a build: `|2 A=b C=d e /bin/sh -c make`, also behind `RUN`. Only the number says how
/// many there are, and nothing where a value ends: it goes on to the next name, or to the shell.
fn build_arguments(text: &[u8]) -> Vec<Named> {
    let mut all = Vec::new();
    let begin = text
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count();
    let begin = match text.get(begin..) {
        Some(rest) if rest.starts_with(b"RUN ") => begin + 4,
        _ => begin,
    };
    let Some(rest) = text.get(begin..).and_then(|rest| rest.strip_prefix(b"|")) else {
        return all;
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let count = rest
        .get(..digits)
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| digits.parse::<usize>().ok());
    let mut at = begin + 1 + digits;
    for left in (0..count.unwrap_or_default().min(100)).rev() {
        let rest = text.get(at..).unwrap_or_default();
        let Some(rest) = rest.strip_prefix(b" ") else {
            break;
        };
        let name: Vec<u8> = rest
            .iter()
            .copied()
            .take_while(|byte| is_name(*byte))
            .collect();
        if rest.get(name.len()) != Some(&b'=') {
            break;
        }
        let start = at + 1 + name.len() + 1;
        let value = text.get(start..).unwrap_or_default();
        let length = (0..value.len()).find(|end| {
            let after = value.get(*end..).unwrap_or_default();
            let Some(after) = after.strip_prefix(b" ") else {
                return false;
            };
            match left {
                0 => after.starts_with(b"/"),
                _ => {
                    let name = after.iter().take_while(|byte| is_name(**byte)).count();
                    name > 0 && after.get(name) == Some(&b'=')
                }
            }
        });
        let length = length.unwrap_or(value.len());
        let is_reference = is_reference(&String::from_utf8_lossy(
            value.get(..length).unwrap_or_default(),
        ));
        if length > 0 && !is_reference {
            all.push(Named {
                name: String::from_utf8_lossy(&name).into_owned(),
                value: start..start + length,
            });
        }
        at = start + length;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redacted_text_keeps_all_but_the_secrets() {
        let check = |text: &str, expect: &str| assert_eq!(redact(text), expect, "{text}");
        check("", "");
        check("RUN apk add --no-cache curl", "RUN apk add --no-cache curl");
        check(
            "ENV DB_PASSWORD=hunter2 PORT=80",
            "ENV DB_PASSWORD=**** PORT=80",
        );
        check(
            "ENV DB_PASSWORD=\"a b c\" PORT=80",
            "ENV DB_PASSWORD=\"****\" PORT=80",
        );
        check(
            "ENV DB_PASSWORD=\"a \\\" c\" PORT=80",
            "ENV DB_PASSWORD=\"****\" PORT=80",
        );
        check(
            "|1 TOKEN=a b c /bin/sh -c npm ci",
            "|1 TOKEN=**** /bin/sh -c npm ci",
        );
        check(
            "RUN |2 A=1 TOKEN=a b c /bin/sh -c npm ci # buildkit",
            "RUN |2 A=1 TOKEN=**** /bin/sh -c npm ci # buildkit",
        );
        check(
            "RUN |2 TOKEN=a b A=1 /bin/sh -c npm ci",
            "RUN |2 TOKEN=**** A=1 /bin/sh -c npm ci",
        );
        check(
            "docker build --build-arg TOKEN=abc .",
            "docker build --build-arg TOKEN=**** .",
        );
        check(
            "mysql --password s3 --user a",
            "mysql --password **** --user a",
        );
        check(
            "adduser --disabled-password --gecos '' app",
            "adduser --disabled-password --gecos '' app",
        );
        check(
            "echo $TOKEN && TOKEN=${OTHER} make",
            "echo $TOKEN && TOKEN=${OTHER} make",
        );
        check(
            "{\"password\": \"é\", \"a\": 1}",
            "{\"password\": \"****\", \"a\": 1}",
        );
        check("|99999999999999999999 A", "|99999999999999999999 A");
        let token = ["gh", "p_0123456789abcdefghijABCDEFGHIJ012345"].concat();
        check(&format!("git clone x {token} é"), "git clone x ghp_**** é");
        check(&format!("{token} and {token}"), "ghp_**** and ghp_****");
        let url = ["https:", "//ci:k7Jq02mZpV@git.acme.io/a"].concat();
        check(
            &format!("git clone {url}"),
            "git clone https://ci:****@git.acme.io/a",
        );
    }
}
