//! Rules applied to bytes, whole or as they stream by.

use std::{
    ops::Range,
    sync::{LazyLock, OnceLock},
};

use regex_lite::Regex;

use super::{
    guards::{entropy, is_placeholder, is_random},
    paths::Attention,
    redaction::excerpt,
    rules::{RULES, Rule, Shape},
};
use crate::{
    analyser::{Hit, Topic, Window},
    limits::{
        MAX_SECRETS_PER_FILE, MIN_SECRET_TRIES, SECRET_AHEAD_BYTES, SECRET_BEHIND_BYTES,
        SECRET_TRIES_PER_BYTE,
    },
    search,
};

/// Bytes that a try costs apart from those it may see: a pattern mostly fails within the first few.
const TRY_COST: u64 = 48;

/// For each rule, its pattern once it was needed.
static PATTERNS: LazyLock<Vec<OnceLock<Option<Regex>>>> =
    LazyLock::new(|| RULES.iter().map(|_| OnceLock::new()).collect());

fn pattern(number: usize, rule: &Rule) -> Option<&'static Regex> {
    // That every pattern compiles is tested.
    PATTERNS
        .get(number)?
        .get_or_init(|| Regex::new(&pattern_of(rule)).ok())
        .as_ref()
}

/// What may stand between a name and its value: the end of the name's quotes, and a sign of assignment.
const SIGN: &str = r#"["'`\])]{0,2}[ \t]{0,8}(?:=>?|:=?|,|>)[ \t]{0,8}\\?["'`]?"#;

/// The same where little else speaks for a secret.
const PLAIN_SIGN: &str = r#"["'`\])]{0,2}[ \t]{0,8}(?:=>?|:=?|>)[ \t]{0,8}\\?["'`]?"#;

/// What ends a value.
const END: &str = r#"(?:[\s"'`;,<\\&)\]}|#]|$)"#;

/// The whole pattern of a rule.
fn pattern_of(rule: &Rule) -> String {
    let case = if rule.ignore_case { "(?i)" } else { "" };
    let pattern = rule.pattern;
    let sign = if rule.generic { PLAIN_SIGN } else { SIGN };
    match rule.shape {
        Shape::Token | Shape::Text => format!("^{case}(?:{pattern})"),
        Shape::Assigned => format!("^{case}[0-9a-z_.\\-]{{0,24}}{sign}({pattern}){END}"),
        // Digests and identifiers are in one case; the names are not.
        Shape::Vendor => format!(
            "^(?i:[0-9a-z_.\\-]{{0,24}}(?:key|token|secret|passw|pwd|auth|credential|pat)[0-9a-z_.\\-]{{0,16}}){sign}({pattern}){END}"
        ),
    }
}

/// One match, as offsets of the bytes that were looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    /// Index of the rule.
    pub(crate) rule: usize,
    /// Where its keyword starts.
    pub(crate) keyword: usize,
    /// Where the secret is.
    pub(crate) secret: Range<usize>,
}

/// How rules are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) attention: Attention,
    /// Whether what looks like a placeholder is a match nevertheless. To redact, it is.
    pub(crate) unguarded: bool,
}

/// Bytes with their surroundings.
struct View<'a> {
    text: &'a [u8],
    /// Whether the text starts at the file's start.
    is_start: bool,
    path: Option<&'a [u8]>,
    manner: Manner,
}

/// Tries a rule at one of its keywords. `spend` is asked before whether there is anything left to spend.
fn attempt(
    view: &View<'_>,
    hit: Hit,
    spend: impl FnOnce(u64) -> bool,
    seen: &mut String,
) -> Option<Match> {
    let (number, keyword) = (hit.number, hit.place);
    let rule = RULES.get(number)?;
    if !is_asked(rule, view, keyword) || !spend(TRY_COST + rule.reach as u64 / 8) {
        return None;
    }
    let length = keyword_length(rule, view.text, keyword);
    let secret = try_rule(number, rule, length, view, keyword, seen)?;
    Some(Match {
        rule: number,
        keyword,
        secret,
    })
}

/// Bytes of the keyword of a rule that is at a place.
fn keyword_length(rule: &Rule, text: &[u8], start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    let is_there = |word: &&&str| {
        rest.get(..word.len())
            .is_some_and(|there| match rule.ignore_case {
                true => there.eq_ignore_ascii_case(word.as_bytes()),
                false => there == word.as_bytes(),
            })
    };
    rule.keywords
        .iter()
        .filter(is_there)
        .map(|word| word.len())
        .max()
        .unwrap_or_default()
}

/// What can be said without the pattern.
fn is_asked(rule: &Rule, view: &View<'_>, start: usize) -> bool {
    let by_attention = match view.manner.attention {
        Attention::None => false,
        Attention::Strong => rule.strong,
        Attention::Full => !rule.config_only,
        Attention::Configuration => true,
    };
    let by_path = match view.path {
        Some(path) if !rule.paths.is_empty() => rule.paths.iter().any(|end| {
            let name = path.strip_suffix(end.as_bytes());
            // `htpasswd` is a whole name, `.htpasswd` may end one.
            name.is_some_and(|before| {
                before.is_empty() || before.ends_with(b"/") || end.starts_with('.')
            })
        }),
        _ => true,
    };
    by_attention && by_path && (!rule.authority || has_user(view.text, start))
}

/// Whether an address has something before an `@` in its authority.
fn has_user(text: &[u8], start: usize) -> bool {
    let rest = text.get(start..).unwrap_or_default();
    let rest = rest.get(..SECRET_BEHIND_BYTES).unwrap_or(rest);
    let authority = rest.iter().skip_while(|byte| **byte != b':').skip(3);
    let end = authority
        .clone()
        .take(200)
        .find(|byte| b"@/ \t\n\"'<>?#".contains(byte));
    end == Some(&b'@')
}

fn try_rule(
    number: usize,
    rule: &Rule,
    keyword_bytes: usize,
    view: &View<'_>,
    keyword: usize,
    seen: &mut String,
) -> Option<Range<usize>> {
    let pattern = pattern(number, rule)?;
    let end = keyword
        .checked_add(rule.reach.min(SECRET_AHEAD_BYTES))?
        .min(view.text.len());
    let (least, most) = rule.back;
    for back in (least..=most).rev() {
        let from = match rule.shape {
            Shape::Token | Shape::Text => keyword.checked_sub(back),
            Shape::Assigned | Shape::Vendor => keyword.checked_add(keyword_bytes),
        };
        let Some(from) = from else { continue };
        let Some(bytes) = view.text.get(from..end) else {
            continue;
        };
        let before = view.text.get(..from).unwrap_or_default();
        if !rule.any_boundary && !is_boundary(before, rule, view) {
            continue;
        }
        as_text(bytes, seen);
        let Some(captures) = pattern.captures(seen) else {
            continue;
        };
        let groups = captures.iter().skip(1).flatten();
        let secret = groups.chain(captures.get(0)).next()?.range();
        let secret = from + secret.start..from + secret.end;
        if view.manner.unguarded || is_secret(rule, view, keyword, &secret) {
            return Some(secret);
        }
    }
    None
}

/// Bytes as text of the same length: `regex-lite` reads nothing else. What is not ASCII becomes a
/// character that no pattern names.
fn as_text(bytes: &[u8], text: &mut String) {
    text.clear();
    text.extend(bytes.iter().map(|byte| {
        if byte.is_ascii() {
            char::from(*byte)
        } else {
            '\u{1a}'
        }
    }));
}

/// Whether a token may start after these bytes.
fn is_boundary(before: &[u8], rule: &Rule, view: &View<'_>) -> bool {
    match before {
        [] => view.is_start || view.manner.unguarded,
        // As a string of JSON or of a program has it.
        [.., b'\\', b'n' | b't' | b'r'] => true,
        // As an address has it: `%3Dghp_…`.
        [.., b'%', high, low] if high.is_ascii_digit() && low.is_ascii_hexdigit() => true,
        [.., last] => {
            let in_base64 = rule.inner && matches!(last, b'+' | b'/');
            !last.is_ascii_alphanumeric() && *last != b'_' && !in_base64
        }
    }
}

/// The guards against what only looks like a secret.
fn is_secret(rule: &Rule, view: &View<'_>, keyword: usize, range: &Range<usize>) -> bool {
    let Some(secret) = view.text.get(range.clone()) else {
        return false;
    };
    if entropy(secret) < rule.entropy || is_placeholder(secret) {
        return false;
    }
    let is_configuration = view.manner.attention == Attention::Configuration;
    let before = range.start.checked_sub(1).and_then(|at| view.text.get(at));
    let is_quoted = before.is_some_and(|byte| b"\"'`".contains(byte));
    if (rule.generic || rule.quoted) && !is_quoted && !is_configuration {
        return false;
    }
    if rule.generic {
        return is_random(secret) && !is_about(view.text, keyword);
    }
    true
}

/// Whether the name goes on to say that the value is something about a secret, or a public one.
fn is_about(text: &[u8], keyword: usize) -> bool {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let before = text
        .get(..keyword)
        .unwrap_or_default()
        .iter()
        .rev()
        .take(64)
        .take_while(|byte| is_name(byte))
        .count();
    let rest = text
        .get(keyword.saturating_sub(before)..)
        .unwrap_or_default();
    let name: Vec<u8> = rest.iter().copied().take_while(is_name).take(128).collect();
    !super::guards::is_secret_name(&String::from_utf8_lossy(&name))
}

/// All matches in a text that is there as a whole, in order. Where two overlap, the earlier rule's.
pub(crate) fn matches(text: &[u8], path: Option<&[u8]>, manner: Manner) -> Vec<Match> {
    let view = View {
        text,
        is_start: true,
        path,
        manner,
    };
    let mut left = MIN_SECRET_TRIES + SECRET_TRIES_PER_BYTE * text.len() as u64;
    let mut spend = |cost| match left.checked_sub(cost) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    let mut seen = String::new();
    let mut all: Vec<Match> = Vec::new();
    search::find(text, 0, text.len(), |topic, hit| {
        if topic != Topic::Secrets {
            return;
        }
        let Some(found) = attempt(&view, hit, &mut spend, &mut seen) else {
            return;
        };
        match all
            .iter_mut()
            .find(|other| overlaps(&other.secret, &found.secret))
        {
            Some(other) if found.rule < other.rule => *other = found,
            Some(_) => {}
            None => all.push(found),
        }
    });
    all.sort_by_key(|found| (found.secret.start, found.rule));
    all
}

fn overlaps<T: PartialOrd>(one: &Range<T>, other: &Range<T>) -> bool {
    one.start < other.end && other.start < one.end
}

/// A secret in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its rule.
    pub(crate) rule: usize,
    /// Where the secret is in the file.
    pub(crate) secret: Range<u64>,
    /// Its first and last line, counted from 1.
    pub(crate) lines: (u32, u32),
    /// What may be shown of it.
    pub(crate) excerpt: String,
}

/// What was found in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// In the order of the file.
    pub(crate) found: Vec<Found>,
    /// Whether there were more.
    pub(crate) has_more: bool,
    /// Whether the file has so many keywords that not all were tried.
    pub(crate) is_exhausted: bool,
}

/// Looks for secrets in a file that comes in windows.
///
/// What is found does not depend on where the windows part: a keyword is judged by
/// [`SECRET_BEHIND_BYTES`] before it and [`SECRET_AHEAD_BYTES`] after it, which its window must show.
pub(crate) struct Stream {
    path: Vec<u8>,
    manner: Manner,
    /// Bytes of the file in which line breaks were counted, and how many there are.
    counted: u64,
    lines: u32,
    spent: u64,
    outcome: Outcome,
    /// What a pattern sees.
    seen: String,
}

impl Stream {
    pub(crate) fn new(path: &[u8], manner: Manner) -> Self {
        Self {
            path: path.to_vec(),
            manner,
            counted: 0,
            lines: 0,
            spent: 0,
            outcome: Outcome::default(),
            seen: String::new(),
        }
    }

    /// A rule's keyword was found.
    pub(crate) fn hit(&mut self, window: &Window<'_>, hit: Hit) {
        let view = View {
            text: window.bytes,
            is_start: window.offset == 0,
            path: Some(&self.path),
            manner: self.manner,
        };
        let there = SECRET_TRIES_PER_BYTE.saturating_mul(window.offset_of(hit.place));
        let mut is_exhausted = false;
        let spent = &mut self.spent;
        let spend = |cost| {
            let is_left = spent.saturating_add(cost) <= MIN_SECRET_TRIES.saturating_add(there);
            match is_left {
                true => *spent += cost,
                false => is_exhausted = true,
            }
            is_left
        };
        let found = attempt(&view, hit, spend, &mut self.seen);
        self.outcome.is_exhausted |= is_exhausted;
        if let Some(found) = found {
            // Those of this window that were counted with the one before.
            let known = window.bytes.get(..self.known(window)).unwrap_or_default();
            let lines = self.lines.saturating_sub(breaks(known));
            self.outcome.add(&view, found, window.offset, lines);
        }
    }

    /// Bytes of a window that were in the one before it.
    fn known(&self, window: &Window<'_>) -> usize {
        let known = self.counted.saturating_sub(window.offset);
        usize::try_from(known).unwrap_or(usize::MAX)
    }

    /// Done with a window.
    pub(crate) fn see(&mut self, window: &Window<'_>) {
        let new = window.bytes.get(self.known(window)..).unwrap_or_default();
        self.lines = self.lines.saturating_add(breaks(new));
        self.counted = self.counted.saturating_add(new.len() as u64);
    }

    pub(crate) fn finish(mut self) -> Outcome {
        self.outcome
            .found
            .sort_by_key(|found| (found.secret.start, found.rule));
        self.outcome
    }
}

/// Line breaks in a text.
fn breaks(bytes: &[u8]) -> u32 {
    u32::try_from(memchr::memchr_iter(b'\n', bytes).count()).unwrap_or(u32::MAX)
}

impl Outcome {
    fn add(&mut self, view: &View<'_>, found: Match, offset: u64, lines: u32) {
        let secret = offset.saturating_add(found.secret.start as u64)
            ..offset.saturating_add(found.secret.end as u64);
        let mut others = self.found.iter();
        let place = others.position(|other| overlaps(&other.secret, &secret));
        let other = place.and_then(|place| self.found.get(place));
        if other.is_some_and(|other| other.rule <= found.rule) {
            return;
        }
        if other.is_none() && self.found.len() >= MAX_SECRETS_PER_FILE {
            self.has_more = true;
            return;
        }
        let breaks = |range: Range<usize>| breaks(view.text.get(range).unwrap_or_default());
        let start = found.keyword.min(found.secret.start);
        let first = lines.saturating_add(1).saturating_add(breaks(0..start));
        let told = Found {
            rule: found.rule,
            lines: (first, first.saturating_add(breaks(start..found.secret.end))),
            excerpt: excerpt(view.text, view.is_start, &found),
            secret,
        };
        match place.and_then(|place| self.found.get_mut(place)) {
            Some(other) => *other = told,
            None => self.found.push(told),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        secrets::{redact, rules::EXAMPLES, scan_config},
        window::Windows,
    };

    const MANNER: Manner = Manner {
        attention: Attention::Configuration,
        unguarded: false,
    };

    /// A path at which a rule is asked.
    fn path_of(rule: &Rule) -> String {
        rule.paths
            .first()
            .map_or("app/settings.conf".to_owned(), |end| format!("app/{end}"))
    }

    fn scan(text: &[u8], path: &str, piece: usize) -> Outcome {
        in_pieces(path, MANNER, text.chunks(piece))
    }

    fn in_pieces<'a>(
        path: &str,
        manner: Manner,
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> Outcome {
        let mut stream = Stream::new(path.as_bytes(), manner);
        let (behind, ahead) = search::reach(SECRET_BEHIND_BYTES, SECRET_AHEAD_BYTES);
        let mut windows = Windows::new(behind, ahead);
        let mut look = |window: Window<'_>| {
            let starts = window.starts.clone();
            search::find(window.bytes, starts.start, starts.end, |topic, hit| {
                if topic == Topic::Secrets {
                    stream.hit(&window, hit);
                }
            });
            stream.see(&window);
        };
        for piece in pieces {
            windows.feed(piece, &mut look);
        }
        windows.finish(&mut look);
        stream.finish()
    }

    fn rule_example(id: &str) -> &'static [&'static str] {
        EXAMPLES
            .iter()
            .find(|example| example.rule == id)
            .unwrap()
            .yes
    }

    fn ids(outcome: &Outcome) -> Vec<&'static str> {
        outcome
            .found
            .iter()
            .map(|found| RULES[found.rule].id)
            .collect()
    }

    #[test]
    fn every_rule_has_its_examples_and_they_hold() {
        let mut wrong = Vec::new();
        for (rule, example) in RULES.iter().zip(EXAMPLES) {
            assert_eq!(rule.id, example.rule);
            let yes = example.yes.concat();
            let found = ids(&scan(yes.as_bytes(), &path_of(rule), yes.len()));
            if found != [rule.id] {
                wrong.push(format!(
                    "{} should be found in {yes:?}, was {found:?}",
                    rule.id
                ));
            }
            let no = example.no.concat();
            let found = ids(&scan(no.as_bytes(), &path_of(rule), no.len()));
            if !found.is_empty() {
                wrong.push(format!(
                    "{} should not be found in {no:?}, was {found:?}",
                    rule.id
                ));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn rules_are_well_formed() {
        assert!(RULES.len() >= 100);
        assert_eq!(RULES.len(), EXAMPLES.len());
        let ids: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), RULES.len(), "ids are unique");
        for rule in RULES {
            let is_kebab =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            assert!(rule.id.bytes().all(is_kebab), "{}", rule.id);
            assert!(
                Regex::new(&pattern_of(rule)).is_ok(),
                "{}: {:?}",
                rule.id,
                Regex::new(&pattern_of(rule))
            );
            assert!(rule.reach <= SECRET_AHEAD_BYTES, "{}", rule.id);
            assert!(
                rule.back.1 + BEHIND_OF_KEYWORD <= SECRET_BEHIND_BYTES,
                "{}",
                rule.id
            );
            for word in rule.keywords {
                assert!(word.len() >= 3 && word.is_ascii(), "{}: {word}", rule.id);
                assert!(word.len() <= BEHIND_OF_KEYWORD, "{}: {word}", rule.id);
            }
        }
    }

    /// Bytes that a keyword may have: its window may start at its end.
    const BEHIND_OF_KEYWORD: usize = 40;

    #[test]
    fn rule_ids_never_change() {
        let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        insta::assert_snapshot!(ids.join(" "));
    }

    #[test]
    fn a_secret_may_lie_across_pieces() {
        let filler = b"nothing of interest here\n".repeat(100);
        for (number, (rule, example)) in RULES.iter().zip(EXAMPLES).enumerate() {
            let example = example.yes.concat();
            let text = [b"one\ntwo\n", example.as_bytes(), b"\n", &filler].concat();
            let path = path_of(rule);
            let whole = scan(&text, &path, text.len());
            assert_eq!(ids(&whole), [rule.id]);
            assert_eq!(whole.found[0].lines.0, 3, "{}", rule.id);
            // Every offset of some, some offsets of every one.
            let step = if number % 16 == 0 { 1 } else { 13 };
            for border in (4 + number % 5..example.len() + 12).step_by(step) {
                let (first, second) = text.split_at(border);
                assert_eq!(
                    in_pieces(&path, MANNER, [first, second]),
                    whole,
                    "{} at {border}",
                    rule.id
                );
            }
        }
    }

    #[test]
    fn a_secret_is_found_once_at_every_place_of_a_large_file() {
        let token = ["token gh", "p_0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R\n"].concat();
        let line = b"nothing of interest here, only a line of text\n";
        const LENGTH: usize = 32 << 10;
        let filler = line.repeat(3 * LENGTH / line.len());
        // Around every border that pieces of these lengths can have.
        for piece in [
            LENGTH / 2,
            LENGTH - 1,
            LENGTH,
            LENGTH + 1,
            2 * LENGTH,
            4 * LENGTH,
        ] {
            for border in [LENGTH, 2 * LENGTH] {
                for place in (border - SECRET_AHEAD_BYTES - 60..border + 60).step_by(89) {
                    let place = place / line.len() * line.len() + place % 3;
                    let mut text = filler.clone();
                    text.splice(place..place, token.bytes());
                    let outcome = scan(&text, "a", piece);
                    assert_eq!(
                        ids(&outcome),
                        ["github-token"],
                        "{place} in pieces of {piece}"
                    );
                    let lines = text[..place].iter().filter(|byte| **byte == b'\n').count() + 1;
                    assert_eq!(outcome.found[0].lines.0 as usize, lines);
                }
            }
        }
    }

    /// Runs of letters and digits in examples, which nobody may see.
    fn secret_parts(pieces: &[&str]) -> Vec<String> {
        let text = pieces.get(1..).unwrap_or_default().concat();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric());
        words
            .filter(|word| {
                word.len() >= 14
                    && entropy(word.as_bytes()) > 2.5
                    && word.bytes().any(|byte| byte.is_ascii_digit())
                    && word.bytes().any(|byte| byte.is_ascii_alphabetic())
            })
            .map(|word| word[5..].to_owned())
            .collect()
    }

    fn assert_hidden(shown: &str, parts: &[String], of: &str) {
        for part in parts {
            for window in part.as_bytes().windows(8) {
                let window = std::str::from_utf8(window).unwrap();
                // The names of fields are no secrets.
                let is_word =
                    window.bytes().all(|byte| byte.is_ascii_lowercase()) && !shown.contains("****");
                assert!(
                    is_word || !shown.contains(window),
                    "{of}: {window} in {shown:?}"
                );
            }
        }
    }

    #[test]
    fn no_secret_is_ever_shown() {
        let mut checked = 0;
        for (rule, example) in RULES.iter().zip(EXAMPLES) {
            let parts = secret_parts(example.yes);
            checked += usize::from(!parts.is_empty());
            let text = example.yes.concat();
            for found in &scan(text.as_bytes(), &path_of(rule), 7).found {
                assert_hidden(&found.excerpt, &parts, rule.id);
                assert!(found.excerpt.len() <= crate::limits::MAX_EXCERPT_BYTES + 3);
            }
            let shown = redact(&text);
            if rule.paths.is_empty() {
                assert_hidden(&shown, &parts, rule.id);
            }
            for found in scan_config(
                std::slice::from_ref(&text),
                std::slice::from_ref(&text),
                &[("a".to_owned(), text.clone())],
            ) {
                assert_hidden(&found.excerpt, &parts, rule.id);
            }
        }
        assert!(checked * 10 > RULES.len() * 9, "{checked}");
    }

    proptest! {
        /// Two examples on one line, in any order, with anything between them.
        #[test]
        fn no_secret_is_shown_beside_another(
            one in 0..RULES.len(), other in 0..RULES.len(), between in "[ ,;\"'a-z=]{1,12}", piece in 1_usize..300,
        ) {
            let mut parts = secret_parts(EXAMPLES[one].yes);
            parts.extend(secret_parts(EXAMPLES[other].yes));
            let text = format!("{} {between} {}", EXAMPLES[one].yes.concat(), EXAMPLES[other].yes.concat());
            let outcome = scan(text.as_bytes(), &path_of(&RULES[other]), piece);
            for found in &outcome.found {
                assert_hidden(&found.excerpt, &parts, &text);
            }
        }

        #[test]
        fn no_bytes_make_it_panic_and_pieces_do_not_matter(
            words in prop::collection::vec(prop_oneof![
                (0..RULES.len()).prop_map(|rule| EXAMPLES[rule].yes.concat().into_bytes()),
                (0..RULES.len()).prop_map(|rule| RULES[rule].keywords[0].as_bytes().to_vec()),
                prop::collection::vec(any::<u8>(), 0..40),
                Just(b"some text ".repeat(150)),
                Just(b"\n".to_vec()), Just(b"password=".to_vec()), Just(b"=\"".to_vec()), Just(b"\0".to_vec()),
            ], 0..30),
            piece in 1_usize..400,
        ) {
            let text = words.concat();
            let whole = scan(&text, ".netrc", text.len().max(1));
            prop_assert_eq!(&scan(&text, ".netrc", piece), &whole);
            let pieces: Vec<&[u8]> = text.chunks(piece * 9).collect();
            prop_assert_eq!(&in_pieces(".netrc", MANNER, pieces), &whole);
            let text = String::from_utf8_lossy(&text);
            let redacted = redact(&text);
            let _ = scan_config(&[text.to_string()], &[redacted], &[]);
        }
    }

    #[test]
    fn known_samples_of_manuals_are_not_told() {
        for text in [
            "aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
            "-----BEGIN CERTIFICATE-----\nMIIE",
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\n",
        ] {
            assert_eq!(ids(&scan(text.as_bytes(), "a", 9)), [""; 0], "{text}");
        }
    }

    #[test]
    fn what_tests_and_manuals_mean_is_for_the_analyser_but_strong_rules_are_asked_everywhere() {
        let text = EXAMPLES
            .iter()
            .map(|example| example.yes.concat())
            .collect::<Vec<_>>()
            .join("\n \n");
        let manner = Manner {
            attention: Attention::Strong,
            unguarded: false,
        };
        for found in in_pieces("a", manner, [text.as_bytes()]).found {
            assert!(RULES[found.rule].strong, "{}", RULES[found.rule].id);
        }
    }

    #[test]
    fn a_file_has_a_limit_of_secrets_and_of_tries() {
        let token = |n: usize| format!("gh{}_{}{n:06}\n", "p", "0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o");
        let many: String = (0..MAX_SECRETS_PER_FILE + 1).map(token).collect();
        let outcome = scan(many.as_bytes(), "a", 1000);
        assert_eq!(outcome.found.len(), MAX_SECRETS_PER_FILE);
        assert!(outcome.has_more && !outcome.is_exhausted);
        let many = "password".repeat(100_000);
        let outcome = scan(many.as_bytes(), "a.conf", 100_000);
        assert!(outcome.is_exhausted);
        assert_eq!(scan(many.as_bytes(), "a.conf", 777), outcome);
    }

    #[test]
    fn our_own_rules_are_not_taken_for_secrets() {
        let source = include_bytes!("rules.rs");
        let manner = Manner {
            attention: Attention::Full,
            unguarded: false,
        };
        let path = "crates/inventory/src/secrets/rules.rs";
        let found = in_pieces(path, manner, [source.as_slice()]).found;
        assert!(found.is_empty(), "{found:#?}");
    }

    #[test]
    fn excerpts_show_the_line_up_to_the_secret() {
        let check = |text: &str, expect: &str| {
            let outcome = scan(text.as_bytes(), "a.conf", 100);
            let shown: Vec<&str> = outcome
                .found
                .iter()
                .map(|found| found.excerpt.as_str())
                .collect();
            assert_eq!(shown, [expect], "{text}");
        };
        let token = ["gh", "p_0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R"].concat();
        check(
            &format!("first\nexport TOKEN={token} # mine\n"),
            "export TOKEN=ghp_****",
        );
        check(
            &format!("password=hunter2hunter {token}"),
            "password=**** ghp_****",
        );
        check(&format!("{} {token}", "x".repeat(300)), "…ghp_****");
        check(&format!("\t\x07 {token}"), "ghp_****");
        let key = rule_example("private-key").concat();
        check(
            &format!("  {key}"),
            "-----BEGIN RSA PRIVATE KEY----- … ****",
        );
        check(
            &[
                "aws_secret_",
                "access_key = LaminaDemo/NotARealKey/0123456789abcdefg\n",
            ]
            .concat(),
            "aws_secret_access_key = ****",
        );
    }
}
