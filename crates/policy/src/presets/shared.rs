//! What the presets have in common: limits, errors, patterns, and how other tools see a finding.

mod purl;

use std::{
    borrow::Cow,
    cell::RefCell,
    collections::{HashMap, HashSet},
};

use regex_lite::{Regex, RegexBuilder};
use serde::{Deserialize as _, de::DeserializeOwned};

pub(super) use self::purl::Purl;
use super::Moment;
use crate::{
    BaseImage, Choice, Epss, Exception, Finding, Grace, Licences, Package, Policy, Subject,
    Threshold,
    limits::{MAX_EXCEPTIONS, MAX_PATTERN_BYTES, MAX_PATTERN_EXCEPTIONS, MAX_POLICY_BYTES},
    policy::PolicyError,
};

/// Bytes of a tool's file, as of a policy.
pub const MAX_FILE_BYTES: usize = MAX_POLICY_BYTES;

/// Rules in a tool's file, as exceptions in a policy.
pub const MAX_RULES: usize = MAX_EXCEPTIONS;

/// Rules that are not about one id, which every finding is compared with.
pub const MAX_CONDITIONS: usize = MAX_PATTERN_EXCEPTIONS;

/// Bytes that one compiled regular expression may take.
const MAX_REGEX_BYTES: usize = 16 << 10;

/// Why a text is no file of a tool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// It is larger than it may be.
    #[error("the file is {0} bytes, more than {MAX_FILE_BYTES}")]
    TooLarge(usize),
    /// It has more rules than it may have.
    #[error("the file has {count} {what}, more than {most}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// The tool would refuse it.
    #[error("{message}")]
    Refused {
        /// What is wrong.
        message: String,
        /// The line, counted from 1, where that is known.
        line: Option<u64>,
        /// The column, counted from 1.
        column: Option<u64>,
    },
}

impl ImportError {
    /// What is wrong, at no place in particular.
    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self::Refused {
            message: message.into(),
            line: None,
            column: None,
        }
    }

    /// What is wrong at a byte of a text.
    pub(super) fn at(text: &str, byte: usize, message: impl Into<String>) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(start..).unwrap_or_default().chars().count() + 1;
        Self::Refused {
            message: message.into(),
            line: Some(line as u64),
            column: Some(column as u64),
        }
    }
}

/// Checks a file's size before anything else.
pub(super) fn check_size(text: &str) -> Result<(), ImportError> {
    match text.len() {
        size if size > MAX_FILE_BYTES => Err(ImportError::TooLarge(size)),
        _ => Ok(()),
    }
}

/// Checks how many there are of something.
pub(super) fn check_count(
    what: &'static str,
    count: usize,
    most: usize,
) -> Result<(), ImportError> {
    match count {
        count if count > most => Err(ImportError::TooMany { what, count, most }),
        _ => Ok(()),
    }
}

/// Reads YAML.
pub(super) fn read_yaml<T: DeserializeOwned>(text: &str) -> Result<T, ImportError> {
    // Go's library refuses a document that begins with a tab, ours does not.
    let first = text.find(|c: char| !matches!(c, '\r' | '\n' | ' '));
    if let Some(at) = first.filter(|at| text.get(*at..).is_some_and(|rest| rest.starts_with('\t')))
    {
        return Err(ImportError::at(text, at, "a tab cannot start any token"));
    }
    crate::yaml::read(first_document(text)).map_err(|error| match error {
        PolicyError::Yaml {
            message,
            line,
            column,
        } => ImportError::Refused {
            message,
            line,
            column,
        },
        other => ImportError::refused(other.to_string()),
    })
}

/// The first document of a YAML stream: Go's library reads no other.
fn first_document(text: &str) -> &str {
    let mut begun = false;
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end();
        let is_marker = |marker: &str| {
            bare.strip_prefix(marker)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
        };
        if begun && (is_marker("---") || is_marker("...")) {
            return text.get(..end).unwrap_or(text);
        }
        begun |= is_marker("---") || !(bare.is_empty() || bare.starts_with(['#', '%']));
        end += line.len();
    }
    text
}

/// A value that may be `null`, which Go's library takes for none.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + serde::Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Reads JSON.
pub(super) fn read_json<T: DeserializeOwned>(text: &str) -> Result<T, ImportError> {
    serde_json::from_str(text).map_err(|error| ImportError::Refused {
        message: error.to_string(),
        line: Some(error.line() as u64).filter(|line| *line > 0),
        column: Some(error.column() as u64).filter(|column| *column > 0),
    })
}

/// A text as YAML, TOML and JSON all read it: in double quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            // YAML reads neither control characters nor these separators, TOML no DEL.
            c if c.is_control()
                || matches!(
                    c,
                    '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
                ) =>
            {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A text as YAML has it: bare where nobody can take it for anything else.
pub(super) fn scalar(text: &str) -> Cow<'_, str> {
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    match starts && text.contains('-') && text.chars().all(is_plain) && !text.ends_with('-') {
        true => Cow::Borrowed(text),
        false => Cow::Owned(quoted(text)),
    }
}

/// A word of a command line, quoted where a shell would not leave it alone.
pub(super) fn shell(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(c, '-' | '_' | '.' | '/' | ':' | '@' | ',' | '=' | '+')
    };
    match !word.is_empty() && word.chars().all(is_plain) {
        true => Cow::Borrowed(word),
        false => Cow::Owned(format!("'{}'", word.replace('\'', r"'\''"))),
    }
}

/// The image of a command line: a placeholder where there is none.
pub(super) fn image_word(image: &str) -> Cow<'_, str> {
    match image.trim() {
        "" => Cow::Borrowed("IMAGE"),
        // What begins with a dash would be an option.
        image if image.starts_with('-') => Cow::Owned(shell(&format!("./{image}")).into_owned()),
        image => shell(image),
    }
}

/// A pattern of paths as `doublestar` (Go) has them, which Trivy and Grype use.
#[derive(Debug)]
pub(super) struct Glob<'a>(Cow<'a, str>);

impl<'a> Glob<'a> {
    /// Reads a pattern.
    pub(super) fn new(pattern: &'a str) -> Result<Self, String> {
        if pattern.len() > MAX_PATTERN_BYTES {
            return Err(format!(
                "the pattern has {} bytes, more than {MAX_PATTERN_BYTES}",
                pattern.len()
            ));
        }
        // There, an exclamation mark at the beginning negates nothing.
        let pattern = match pattern.starts_with('!') {
            true => Cow::Owned(format!("\\{pattern}")),
            false => Cow::Borrowed(pattern),
        };
        fast_glob::validate(pattern.as_bytes()).map_err(|error| error.to_string())?;
        Ok(Self(pattern))
    }

    /// Whether it matches a path. `a/**` matches `a` too.
    pub(super) fn matches(&self, path: &str) -> bool {
        let pattern = self.0.as_ref();
        if pattern == "**" {
            return true;
        }
        let folder = pattern.strip_suffix("/**").filter(|base| !base.is_empty());
        fast_glob::glob_match(pattern, path)
            || folder.is_some_and(|base| fast_glob::glob_match(base, path))
    }
}

/// Whether a text is a pattern, not a plain name.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', ']', '{', '}', '!', '\\'])
}

/// A name that a pattern in a policy matches, as a regular expression; `None` if it cannot be said.
pub(super) fn glob_to_regex(pattern: &str) -> Option<String> {
    let mut regex = String::new();
    let mut before = '/';
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' => {
                let mut stars = 1;
                while chars.next_if_eq(&'*').is_some() {
                    stars += 1;
                }
                // Two stars cross slashes only where they stand alone between some.
                let is_alone = before == '/' && chars.peek().is_none_or(|next| *next == '/');
                regex.push_str(match stars == 2 && is_alone {
                    true => ".*",
                    false => "[^/]*",
                });
            }
            '?' => regex.push_str("[^/]"),
            '[' | ']' | '{' | '}' | '!' => return None,
            '\\' | '^' | '$' | '+' | '(' | ')' | '|' | '.' => {
                regex.push('\\');
                regex.push(c);
            }
            c => regex.push(c),
        }
        before = c;
    }
    Some(regex)
}

/// The pattern in a policy that matches the names which a regular expression does; `None` for all but
/// the simplest.
pub(super) fn regex_to_glob(regex: &str) -> Option<String> {
    let mut glob = String::new();
    let mut chars = regex.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '.' if chars.peek() == Some(&'*') => {
                chars.next();
                // Without slashes in names it says the same; with some it says less.
                let is_alone = (glob.is_empty() || glob.ends_with('/'))
                    && chars.peek().is_none_or(|next| *next == '/');
                glob.push_str(if is_alone { "**" } else { "*" });
            }
            // Any one character.
            '.' => glob.push('?'),
            '[' if regex_class(&mut chars) => match chars.peek() {
                Some('*') => {
                    chars.next();
                    glob.push('*');
                }
                _ => glob.push('?'),
            },
            '\\' => match chars.next()? {
                c @ ('.' | '+' | '-' | '$' | '^' | '(' | ')' | '|') => glob.push(c),
                _ => return None,
            },
            '^' | '$' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' => return None,
            '!' if glob.is_empty() => return None,
            c => glob.push(c),
        }
        if matches!(chars.peek(), Some('*' | '+' | '?' | '{')) {
            return None;
        }
    }
    Some(glob)
}

/// Passes over `^/]`, the rest of a class of everything but slashes.
fn regex_class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    let mut ahead = chars.clone();
    if ahead.by_ref().take(3).eq("^/]".chars()) {
        *chars = ahead;
        return true;
    }
    false
}

/// A regular expression over names, with what they must begin with: most are refused by that alone.
#[derive(Debug)]
pub(super) struct NameRegex {
    start: String,
    regex: Regex,
    /// What it said of names that were asked before: an image has more findings than packages.
    known: RefCell<HashMap<String, bool>>,
}

impl NameRegex {
    /// Compiles `^…$`, as Grype and osv-scanner do (without a group around it).
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        if pattern.len() > MAX_PATTERN_BYTES {
            return Err(format!(
                "the expression has {} bytes, more than {MAX_PATTERN_BYTES}",
                pattern.len()
            ));
        }
        if has_stacked_repetition(pattern) {
            return Err("invalid nested repetition operator".to_owned());
        }
        let regex = RegexBuilder::new(&format!("^{pattern}$"))
            .size_limit(MAX_REGEX_BYTES)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            start: literal_start(pattern),
            regex,
            known: RefCell::default(),
        })
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        if !name.starts_with(&self.start) {
            return false;
        }
        let mut known = self.known.borrow_mut();
        if let Some(is_match) = known.get(name) {
            return *is_match;
        }
        let is_match = self.regex.is_match(name);
        known.insert(name.to_owned(), is_match);
        is_match
    }
}

/// Whether one repetition follows another (`a++`), which Go refuses.
fn has_stacked_repetition(pattern: &str) -> bool {
    let mut chars = pattern.chars().peekable();
    let mut is_repeated = false;
    while let Some(c) = chars.next() {
        let is_repetition = match c {
            '\\' => {
                chars.next();
                false
            }
            '[' => {
                // A bracket that comes first is a member of the class.
                chars.next_if_eq(&'^');
                chars.next_if_eq(&']');
                while let Some(c) = chars.next().filter(|c| *c != ']') {
                    if c == '\\' {
                        chars.next();
                    }
                }
                false
            }
            '*' | '+' | '?' => true,
            '{' => is_count(chars.clone()) && chars.by_ref().any(|c| c == '}'),
            _ => false,
        };
        if is_repetition && is_repeated {
            return true;
        }
        if is_repetition {
            // The question mark after a repetition makes it lazy.
            chars.next_if_eq(&'?');
        }
        is_repeated = is_repetition;
    }
    false
}

/// Whether `2}`, `2,}` or `2,5}` comes next.
fn is_count(chars: impl Iterator<Item = char>) -> bool {
    let mut text = String::new();
    for c in chars.take(12) {
        if c == '}' {
            let (least, most) = text.split_once(',').unwrap_or((&text, ""));
            let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
            return !least.is_empty() && is_number(least) && is_number(most);
        }
        text.push(c);
    }
    false
}

/// What every name must begin with that `^pattern` matches.
fn literal_start(pattern: &str) -> String {
    if pattern.contains('|') {
        return String::new();
    }
    let special = |c: char| "\\.^$*+?()[]{}|".contains(c);
    let end = pattern.find(special).unwrap_or(pattern.len());
    let mut start = pattern.get(..end).unwrap_or_default().to_owned();
    let next = pattern.get(end..).unwrap_or_default();
    // What is optional is no part of it.
    if next.starts_with(['*', '?', '{']) {
        start.pop();
    }
    start
}

/// Rules by their id.
pub(super) struct ById<'a> {
    by_id: HashMap<&'a str, Vec<usize>>,
    others: Vec<usize>,
}

impl<'a> ById<'a> {
    /// Of the ids of rules in their order; those without one are about everything.
    pub(super) fn new(ids: impl Iterator<Item = Option<&'a str>>) -> Self {
        let mut index = Self {
            by_id: HashMap::new(),
            others: Vec::new(),
        };
        for (number, id) in ids.enumerate() {
            match id {
                Some(id) => index.by_id.entry(id).or_default().push(number),
                None => index.others.push(number),
            }
        }
        index
    }

    /// The first rule that has one of these ids, or none, and holds.
    pub(super) fn first<'i>(
        &self,
        ids: impl Iterator<Item = &'i str>,
        mut holds: impl FnMut(usize) -> bool,
    ) -> Option<usize> {
        let mut best: Option<usize> = None;
        if !self.by_id.is_empty() {
            for id in ids {
                for number in self.by_id.get(id).into_iter().flatten() {
                    if best.is_some_and(|best| best <= *number) {
                        break;
                    }
                    if holds(*number) {
                        best = Some(*number);
                        break;
                    }
                }
            }
        }
        for number in &self.others {
            if best.is_some_and(|best| best <= *number) {
                break;
            }
            if holds(*number) {
                return Some(*number);
            }
        }
        best
    }
}

/// The type of a purl.
pub(super) fn purl_type(purl: &str) -> &str {
    purl.strip_prefix("pkg:")
        .and_then(|rest| rest.split('/').next())
        .unwrap_or_default()
}

/// Whether packages of a purl type are a distribution's own.
pub(super) fn is_os(purl_type: &str) -> bool {
    matches!(
        purl_type,
        "apk" | "deb" | "rpm" | "alpm" | "opkg" | "ebuild"
    )
}

fn begins_caseless(text: &str, start: &str) -> bool {
    text.get(..start.len())
        .is_some_and(|begin| begin.eq_ignore_ascii_case(start))
}

/// Whether an id is one of CVE's.
pub(super) fn is_cve(id: &str) -> bool {
    begins_caseless(id, "CVE-")
}

/// All ids of a finding, the one under which it is shown first.
pub(super) fn ids<'a>(finding: &Finding<'a>) -> impl Iterator<Item = &'a str> {
    std::iter::once(finding.id).chain(finding.aliases.iter().map(String::as_str))
}

/// The CVE id of a finding, or else the id under which it is shown: so Trivy names vulnerabilities.
pub(super) fn cve_or_id<'a>(finding: &Finding<'a>) -> &'a str {
    match is_cve(finding.id) {
        true => finding.id,
        false => ids(finding).find(|id| is_cve(id)).unwrap_or(finding.id),
    }
}

/// The GHSA id of a finding, if it has one.
pub(super) fn ghsa<'a>(finding: &Finding<'a>) -> Option<&'a str> {
    ids(finding).find(|id| begins_caseless(id, "GHSA-"))
}

/// An id as its authority writes it: other tools compare letters.
pub(super) fn as_written(id: &str) -> String {
    let id = id.trim();
    if is_cve(id) {
        return id.to_ascii_uppercase();
    }
    match id.get(5..) {
        Some(rest) if begins_caseless(id, "GHSA-") => {
            format!("GHSA-{}", rest.to_ascii_lowercase())
        }
        _ => id.to_owned(),
    }
}

/// For each finding, the VEX statement that says that it does not count.
pub(super) fn vex_of<'a>(subject: &Subject<'a>) -> HashMap<usize, &'a str> {
    let said = subject.vex.iter();
    let said = said.filter(|matched| matched.suppresses);
    first_of(said.map(|matched| (matched.finding, matched.statement)))
}

/// The same as Grype has it, which takes the oldest of several statements.
pub(super) fn vex_of_oldest<'a>(subject: &Subject<'a>) -> HashMap<usize, &'a str> {
    let said = subject
        .vex
        .iter()
        .filter_map(|matched| match matched.in_grype {
            None => matched
                .suppresses
                .then_some((matched.finding, matched.statement)),
            Some(oldest) => (!matched.suppresses).then_some((matched.finding, oldest)),
        });
    first_of(said)
}

fn first_of<'a>(said: impl Iterator<Item = (usize, &'a str)>) -> HashMap<usize, &'a str> {
    let mut statements = HashMap::new();
    for (finding, statement) in said {
        statements.entry(finding).or_insert(statement);
    }
    statements
}

/// Finds what was seen before: tools count the same vulnerability of the same package once.
#[derive(Default)]
pub(super) struct Seen<'a>(HashSet<[&'a str; 4]>);

impl<'a> Seen<'a> {
    /// Whether it is seen for the first time.
    pub(super) fn is_new(&mut self, id: &'a str, package: &Package<'a>, path: &'a str) -> bool {
        self.0.insert([id, package.name, package.version, path])
    }
}

/// Whether an exception is narrowed by something that only Lamina knows; notes that it is left out.
pub(super) fn is_only_ours(exception: &Exception, tool: &str, lost: &mut Vec<String>) -> bool {
    let what = match exception {
        one if one.layer.is_some() => "to a layer",
        one if !one.images.is_empty() => "to images",
        _ => return false,
    };
    lost.push(left_out(exception, tool, &format!("confine it {what}")));
    true
}

/// When an exception stops counting: at its own end, or that of all.
pub(super) fn end_of(exception: &Exception, policy: &Policy) -> Option<Moment> {
    let ends = [&exception.expires, &policy.exceptions_expire];
    ends.into_iter().flatten().map(Moment::from).min()
}

/// That an exception is left out, since a tool cannot do something.
pub(super) fn left_out(exception: &Exception, tool: &str, cannot: &str) -> String {
    let label = exception.label();
    format!("the exception for {label} is left out: {tool} cannot {cannot}")
}

/// The id of an exception that is about nothing else; notes that others are left out.
pub(super) fn plain_id<'a>(
    exception: &'a Exception,
    tool: &str,
    lost: &mut Vec<String>,
) -> Option<&'a str> {
    if is_only_ours(exception, tool, lost) {
        return None;
    }
    let confines =
        exception.package.is_some() || exception.purl.is_some() || exception.path.is_some();
    let id = exception
        .id
        .as_deref()
        .map(str::trim)
        .filter(|id| !id.is_empty());
    match id {
        Some(id) if !confines => Some(id),
        Some(_) => {
            lost.push(left_out(exception, tool, "confine it to packages or paths"));
            None
        }
        None => {
            lost.push(left_out(
                exception,
                tool,
                "leave out packages or paths as such",
            ));
            None
        }
    }
}

/// Notes what a policy asks for that a tool has no settings for; `has` are the fields that it has.
pub(super) fn policy_loss(policy: &Policy, tool: &str, has: &[&str], lost: &mut Vec<String>) {
    let asked = [
        ("warn-on", policy.warn_on.0 != Threshold::Never),
        ("base-image", policy.base_image != BaseImage::Judged),
        ("grace", policy.grace != Grace::default()),
        ("epss", policy.epss != Epss::default()),
        ("exploited", policy.exploited != Choice::Pass),
        ("secrets", policy.secrets.0 != Threshold::Never),
        (
            "misconfigurations",
            policy.misconfigurations.0 != Threshold::Never,
        ),
        ("licences", policy.licences != Licences::default()),
        ("end-of-life", policy.end_of_life != Choice::Pass),
        ("root-user", policy.root_user != Choice::Pass),
        (
            "unnamed-executables",
            policy.unnamed_executables != Choice::Pass,
        ),
        ("max-age", policy.max_age.is_some()),
        ("required-labels", !policy.required_labels.is_empty()),
        ("rules", !policy.rules.is_empty()),
    ];
    for (field, is_asked) in asked {
        if is_asked && !has.contains(&field) {
            lost.push(format!("{tool} has nothing like {field}"));
        }
    }
}

/// That a tool knows vulnerabilities by their CVE, of an exception for another id.
pub(super) fn note_id(id: &str, tool: &str, lost: &mut Vec<String>) {
    if !is_cve(id) {
        lost.push(format!(
            "the exception for {id} covers less: {tool} names vulnerabilities by their CVE where there \
             is one"
        ));
    }
}

/// `1 finding`, `3 findings`; `vulnerability` has another plural.
pub(super) fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_doublestar_does() {
        let check = |pattern: &str, path: &str, expect: bool| {
            let matches = Glob::new(pattern).unwrap().matches(path);
            assert_eq!(matches, expect, "{pattern} on {path}");
        };
        check("/usr/**", "/usr/lib/x", true);
        check("/usr/**", "/usr", true);
        check("/usr/**", "/usrlocal", false);
        check("/usr/*", "/usr/lib/x", false);
        check("**/*.jar", "a.jar", true);
        check("**/*.jar", "opt/x/a.jar", true);
        check("**/package.json", "app/node_modules/x/package.json", true);
        check("*.json", "a/b.json", false);
        check("a?c", "abc", true);
        check("a?c", "a/c", false);
        check("{a,b}/c", "b/c", true);
        check("[a-c]x", "bx", true);
        check("[^a]x", "bx", true);
        check("[!a]x", "ax", false);
        check("!a", "!a", true);
        check("!a", "b", false);
        check("a\\*", "a*", true);
        check("a\\*", "ab", false);
        check("**", "", true);
        check("**", "image (debian 12)", true);
        check("*", ".hidden", true);
        check("app/.env", "app/.env", true);
    }

    #[test]
    fn what_is_no_glob_is_refused() {
        for pattern in ["[", "a[b", "{a,b", "a\\"] {
            assert!(Glob::new(pattern).is_err(), "{pattern}");
        }
        assert!(Glob::new(&"a".repeat(MAX_PATTERN_BYTES + 1)).is_err());
    }

    #[test]
    fn the_start_of_a_name_is_what_no_operator_makes_optional() {
        let check = |pattern: &str, start: &str| {
            assert_eq!(literal_start(pattern), start, "{pattern}");
        };
        check("linux.*", "linux");
        check("linux(-.*)?-headers-.*", "linux");
        check("abc*", "ab");
        check("abc?", "ab");
        check("abc{0,2}", "ab");
        check("abc+", "abc");
        check("a|b", "");
        check("\\.x", "");
        check("libstdc++", "libstdc");
    }

    #[test]
    fn a_name_regex_is_anchored_but_not_grouped() {
        let check = |pattern: &str, name: &str, expect: bool| {
            let regex = NameRegex::new(pattern).unwrap();
            assert_eq!(regex.matches(name), expect, "{pattern} on {name}");
        };
        check("lib.*", "libcurl", true);
        check("lib", "libcurl", false);
        check("(a|b)", "b", true);
        // `^a|b$` is `^a` or `b$`.
        check("a|b", "ax", true);
        check("a|b", "xb", true);
        check("a|b", "xbx", false);
        assert!(NameRegex::new("libfoo++").is_err());
        for stacked in ["a**", "a+*", "a{2}{3}", "a{2}+", "a???", "(a)++"] {
            assert!(NameRegex::new(stacked).is_err(), "{stacked}");
        }
        for fine in ["a+?", "a*?b+", "[*+]+", r"\++", "a{2}", "a{x}+", "[]*]*"] {
            assert!(NameRegex::new(fine).is_ok() || fine == "a{x}+", "{fine}");
        }
        assert!(NameRegex::new("(").is_err());
        assert!(NameRegex::new("(a{900}){900}").is_err(), "too large");
    }

    #[test]
    fn patterns_of_names_go_to_regexes_and_back() {
        let check = |glob: &str, regex: Option<&str>| {
            assert_eq!(glob_to_regex(glob).as_deref(), regex, "{glob}");
            if let Some(regex) = regex {
                assert_eq!(regex_to_glob(regex).as_deref(), Some(glob), "{regex}");
            }
        };
        check("openssl", Some("openssl"));
        check("lib*", Some("lib[^/]*"));
        check("**", Some(".*"));
        check("github.com/**", Some(r"github\.com/.*"));
        check("libstdc++6", Some(r"libstdc\+\+6"));
        check("python3.11", Some(r"python3\.11"));
        check("a?c", Some("a[^/]c"));
        check("{a,b}", None);
        check("[ab]", None);
        assert_eq!(glob_to_regex("lib**").as_deref(), Some("lib[^/]*"));
        assert_eq!(glob_to_regex("***").as_deref(), Some("[^/]*"));
        for regex in ["a|b", "(a)", "ab+", "[ab]", "x{2}", "a?", r"\d", "^a"] {
            assert_eq!(regex_to_glob(regex), None, "{regex}");
        }
    }

    #[test]
    fn an_index_finds_the_first_rule_that_holds() {
        let index = ById::new([Some("b"), None, Some("a"), Some("b"), None].into_iter());
        let check = |ids: &[&str], holding: &[usize], expect: Option<usize>| {
            let found = index.first(ids.iter().copied(), |number| holding.contains(&number));
            assert_eq!(found, expect, "{ids:?} {holding:?}");
        };
        check(&["a"], &[2], Some(2));
        check(&["a", "b"], &[0, 2], Some(0));
        check(&["a"], &[0, 1, 2], Some(1));
        check(&["b"], &[3, 4], Some(3));
        check(&["c"], &[0, 2, 3, 4], Some(4));
        check(&["c"], &[], None);
    }

    #[test]
    fn ids_are_written_as_their_authority_does() {
        let check = |id: &str, expect: &str| assert_eq!(as_written(id), expect);
        check(" cve-2024-1 ", "CVE-2024-1");
        check("ghsa-AAAA-bbbb-CCCC", "GHSA-aaaa-bbbb-cccc");
        check("PYSEC-2024-1", "PYSEC-2024-1");
        check("é", "é");
        check("", "");
    }

    #[test]
    fn words_survive_a_shell_and_a_file() {
        assert_eq!(shell("nginx:1.25"), "nginx:1.25");
        assert_eq!(shell("a b"), "'a b'");
        assert_eq!(shell("$(x)'"), r"'$(x)'\'''");
        assert_eq!(image_word(""), "IMAGE");
        assert_eq!(image_word("-x"), "./-x");
        assert_eq!(scalar("CVE-2024-1"), "CVE-2024-1");
        assert_eq!(scalar("true"), "\"true\"");
        assert_eq!(scalar("1-2"), "\"1-2\"");
        assert_eq!(quoted("a\"\\\n\u{7f}"), r#""a\"\\\n\u007f""#);
    }

    #[test]
    fn of_a_stream_the_first_document_is_read() {
        let check = |text: &str, expect: &str| assert_eq!(first_document(text), expect);
        check("a: 1\n---\nb: 2\n", "a: 1\n");
        check("---\na: 1\n--- # x\nb: 2\n", "---\na: 1\n");
        check(
            "# c\n%YAML 1.2\n---\na: 1\n...\nb\n",
            "# c\n%YAML 1.2\n---\na: 1\n",
        );
        check("a: |\n  ---\n  x\n", "a: |\n  ---\n  x\n");
        check("a: 1\n---x\n", "a: 1\n---x\n");
        check("---\n---\na: 1\n", "---\n");
        check("", "");
    }

    #[test]
    fn places_are_told_by_line_and_column() {
        let error = ImportError::at("a\nbé c", 6, "x");
        let ImportError::Refused { line, column, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!((line, column), (Some(2), Some(4)));
    }
}
