//! A small language for a version between known bytes.
//!
//! A pattern is bytes that stand for themselves, and parts in angle brackets:
//!
//! | part | what it stands for |
//! |---|---|
//! | `<v3>`, `<v2-3>` | the version: so many numbers with dots between; neither a digit nor `.` and a digit follows |
//! | `<v3a>` | and letters, if there are any (`1.1.1w`) |
//! | `<v3r>` | and a pre-release, if there is one (`-rc.1`, `beta2`, `-dev3`) |
//! | `<v3b>` | and a build, if there is one (`-1`, `+2`, `_352-b08`) |
//! | `<v3j>` | and a build that names GraalVM's compiler interface (`+12-jvmci-23.1-b15`) |
//! | `<v3~>` | and it may go on: of `1.21.4.1` it is 1.21.4 |
//! | `<name>` | the version: the one in the file's name, and more (`python3.11`: `3.11.2`) |
//! | `<0+>` | one zero byte or more |
//! | `<d+>`, `<w+>` | one digit or more; one letter or digit or more |
//! | `<!d>` | one byte that is no digit |
//! | `<..9>` | up to nine bytes of any kind, as few as will do |
//!
//! The longest run of plain bytes is searched for; the rest is tried around it, so it costs nothing
//! where that run does not occur.

use std::ops::Range;

use crate::search::MIN_NEEDLE_BYTES;

/// A pattern that is ready to be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    parts: Vec<Part>,
    /// The part that is searched for.
    anchor: usize,
    /// Its bytes, and those that must follow them.
    sought: Vec<u8>,
    /// Whether these are the same in all files.
    is_fixed: bool,
    /// Bytes that it may take before the anchor begins, and from there on.
    pub(super) behind: usize,
    pub(super) ahead: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Bytes(Vec<u8>),
    Version(Shape),
    /// Bytes of one class, so many at least.
    Run {
        class: Class,
        most: usize,
    },
    Gap(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Zero,
    Digit,
    Word,
    NoDigit,
}

impl Class {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Zero => byte == 0,
            Self::Digit => byte.is_ascii_digit(),
            Self::Word => byte.is_ascii_alphanumeric(),
            Self::NoDigit => !byte.is_ascii_digit(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Default)]
struct Shape {
    /// How many numbers there are.
    least: usize,
    most: usize,
    has_letters: bool,
    has_pre_release: bool,
    has_build: bool,
    needs_graal: bool,
    may_go_on: bool,
    /// It begins with this, and a dot and a digit; whatever word follows is its own.
    prefix: Option<Vec<u8>>,
}

/// Bytes of a version.
const MAX_VERSION_BYTES: usize = 64;
/// Bytes of a run.
const MAX_RUN_BYTES: usize = 64;

/// Where a pattern fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fit {
    pub(super) whole: Range<usize>,
    pub(super) version: Range<usize>,
}

impl Pattern {
    /// Reads a pattern. `named` is the version in the file's name; a pattern that needs one where there
    /// is none is no pattern.
    pub(super) fn new(text: &str, named: Option<&[u8]>) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (plain, after) = match rest.find('<') {
                Some(place) => rest.split_at_checked(place)?,
                None => (rest, ""),
            };
            if !plain.is_empty() {
                parts.push(Part::Bytes(plain.as_bytes().to_vec()));
            }
            rest = after;
            if let Some(inner) = rest.strip_prefix('<') {
                let (inner, after) = inner.split_once('>')?;
                parts.push(Part::new(inner, named)?);
                rest = after;
            }
        }
        // The version in the file's name, where it follows.
        let named = |index: usize| match parts.get(index + 1) {
            Some(Part::Version(shape)) => shape.prefix.as_deref(),
            _ => None,
        };
        let length = |index: &usize| match parts.get(*index) {
            Some(Part::Bytes(bytes)) => bytes.len() + named(*index).map_or(0, <[u8]>::len),
            _ => 0,
        };
        let anchor = (0..parts.len()).max_by_key(length)?;
        let reach = |parts: &[Part]| parts.iter().map(Part::most).sum::<usize>();
        let (before, after) = parts.split_at_checked(anchor)?;
        let (behind, ahead) = (reach(before) + 1, reach(after) + 2);
        let mut sought = Vec::new();
        if let Some(Part::Bytes(bytes)) = after.first() {
            sought.extend_from_slice(bytes);
        }
        let named = named(anchor);
        let is_fixed = named.is_none();
        if let Some(named) = named {
            sought.extend_from_slice(named);
            sought.push(b'.');
        }
        Some(Self {
            is_fixed,
            sought,
            anchor,
            behind,
            ahead,
            parts,
        })
    }

    /// The bytes to search for.
    pub(super) fn sought(&self) -> &[u8] {
        &self.sought
    }

    /// Whether they can be looked for among others: they are the same in all files, and long enough.
    pub(super) fn is_needle(&self) -> bool {
        self.is_fixed && self.sought.len() >= MIN_NEEDLE_BYTES
    }

    /// Tries the rest of the pattern around those bytes.
    pub(super) fn fit(&self, bytes: &[u8], anchor_at: usize) -> Option<Fit> {
        let (before, after) = self.parts.split_at_checked(self.anchor)?;
        let mut version = None;
        let end = forward(after, bytes, anchor_at, &mut version)?;
        let start = backward(before, bytes, anchor_at, &mut version)?;
        Some(Fit {
            whole: start..end,
            version: version?,
        })
    }
}

impl Part {
    fn new(inner: &str, named: Option<&[u8]>) -> Option<Self> {
        let run = |class, most| Some(Self::Run { class, most });
        match inner {
            "0+" => return run(Class::Zero, MAX_RUN_BYTES),
            "d+" => return run(Class::Digit, MAX_RUN_BYTES),
            "w+" => return run(Class::Word, MAX_RUN_BYTES),
            "!d" => return run(Class::NoDigit, 1),
            "name" => {
                return Some(Self::Version(Shape {
                    prefix: Some(named?.to_vec()),
                    ..Shape::default()
                }));
            }
            _ => {}
        }
        if let Some(most) = inner.strip_prefix("..") {
            return most.parse().ok().map(Self::Gap);
        }
        let shape = inner.strip_prefix('v')?;
        let flags = shape.find(|c: char| !c.is_ascii_digit() && c != '-');
        let (numbers, flags) = shape.split_at_checked(flags.unwrap_or(shape.len()))?;
        let (least, most) = numbers.split_once('-').unwrap_or((numbers, numbers));
        Some(Self::Version(Shape {
            least: least.parse().ok()?,
            most: most.parse().ok()?,
            has_letters: flags.contains('a'),
            has_pre_release: flags.contains('r'),
            has_build: flags.contains(['b', 'j']),
            needs_graal: flags.contains('j'),
            may_go_on: flags.contains('~'),
            prefix: None,
        }))
    }

    /// Bytes that it takes at most.
    fn most(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Version(_) => MAX_VERSION_BYTES,
            Self::Run { most, .. } | Self::Gap(most) => *most,
        }
    }
}

/// Where the parts end that begin at `at`.
fn forward(
    parts: &[Part],
    bytes: &[u8],
    at: usize,
    version: &mut Option<Range<usize>>,
) -> Option<usize> {
    let Some((part, rest)) = parts.split_first() else {
        return Some(at);
    };
    match part {
        Part::Bytes(expect) => {
            let after = bytes.get(at..)?.starts_with(expect);
            after.then(|| forward(rest, bytes, at + expect.len(), version))?
        }
        Part::Version(shape) => shape.ends(bytes, at).into_iter().flatten().find_map(|end| {
            *version = Some(at..end);
            forward(rest, bytes, end, version)
        }),
        Part::Run { class, most } => {
            let text = bytes.get(at..)?;
            let length = text.iter().take(*most).take_while(|byte| class.has(**byte));
            match length.count() {
                0 => None,
                length => forward(rest, bytes, at + length, version),
            }
        }
        Part::Gap(most) => (0..=*most)
            .take_while(|gap| at + gap <= bytes.len())
            .find_map(|gap| forward(rest, bytes, at + gap, version)),
    }
}

/// Where the parts begin that end at `at`.
fn backward(
    parts: &[Part],
    bytes: &[u8],
    at: usize,
    version: &mut Option<Range<usize>>,
) -> Option<usize> {
    let Some((part, rest)) = parts.split_last() else {
        return Some(at);
    };
    match part {
        Part::Bytes(expect) => {
            let start = at.checked_sub(expect.len())?;
            (bytes.get(start..at)? == expect).then(|| backward(rest, bytes, start, version))?
        }
        Part::Version(shape) => (at.saturating_sub(MAX_VERSION_BYTES)..at).find_map(|start| {
            let follows_number = start
                .checked_sub(1)
                .and_then(|before| bytes.get(before))
                .is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.');
            let fits = || {
                let mut ends = shape.ends(bytes, start).into_iter().flatten();
                ends.any(|end| end == at)
            };
            if follows_number || !fits() {
                return None;
            }
            *version = Some(start..at);
            backward(rest, bytes, start, version)
        }),
        Part::Run { class, most } => {
            let text = bytes.get(..at)?;
            let run = text.iter().rev().take(*most);
            match run.take_while(|byte| class.has(**byte)).count() {
                0 => None,
                length => backward(rest, bytes, at - length, version),
            }
        }
        Part::Gap(most) => {
            (0..=*most.min(&at)).find_map(|gap| backward(rest, bytes, at - gap, version))
        }
    }
}

impl Shape {
    /// Where a version of this shape ends that begins at `at`: with what may follow it, and without.
    fn ends(&self, bytes: &[u8], at: usize) -> [Option<usize>; 2] {
        self.longest(bytes, at).unwrap_or_default()
    }

    fn longest(&self, bytes: &[u8], at: usize) -> Option<[Option<usize>; 2]> {
        let text = bytes.get(at..)?;
        let text = text.get(..MAX_VERSION_BYTES).unwrap_or(text);
        if let Some(prefix) = &self.prefix {
            let rest = text.strip_prefix(prefix.as_slice())?.strip_prefix(b".")?;
            let is_word = |byte: &&u8| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+')
            };
            let length = rest.iter().take_while(is_word).count();
            let is_version = rest.first().is_some_and(u8::is_ascii_digit);
            let end = at + prefix.len() + 1 + length;
            return is_version.then_some([Some(end), None]);
        }
        let mut end = digits(text)?;
        let mut numbers = 1;
        while numbers < self.most
            && let Some(rest) = text.get(end..).and_then(|rest| rest.strip_prefix(b"."))
            && let Some(length) = digits(rest)
        {
            end += 1 + length;
            numbers += 1;
        }
        if numbers < self.least {
            return None;
        }
        let rest = text.get(end..).unwrap_or_default();
        let goes_on = match rest {
            [b'.', digit, ..] => digit.is_ascii_digit(),
            [byte, ..] => byte.is_ascii_digit(),
            [] => false,
        };
        if goes_on && !self.may_go_on {
            return None;
        }
        let mut more = 0;
        if self.has_letters {
            more += rest
                .iter()
                .take_while(|byte| byte.is_ascii_lowercase())
                .count();
        }
        if self.has_pre_release && more == 0 {
            more = pre_release(rest).unwrap_or(0);
        }
        if self.has_build
            && let Some([b'-' | b'+' | b'_', build @ ..]) = rest.get(more..)
        {
            let is_build = |byte: &&u8| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+' | b'_')
            };
            match build.iter().take_while(is_build).count() {
                0 => {}
                length => more += 1 + length,
            }
        }
        let short = Some(at + end);
        if self.needs_graal && memchr::memmem::find(rest.get(..more)?, b"-jvmci-").is_none() {
            return None;
        }
        Some(match more {
            0 => [short, None],
            more => [Some(at + end + more), short],
        })
    }
}

/// How many digits a number at the start has, if there is one that is not absurdly long.
fn digits(text: &[u8]) -> Option<usize> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (1..=9).contains(&length).then_some(length)
}

/// How long a pre-release at the start is.
fn pre_release(text: &[u8]) -> Option<usize> {
    const WORDS: [&[u8]; 12] = [
        b"alpha",
        b"beta",
        b"rc",
        b"RC",
        b"dev",
        b"preview",
        b"pre",
        b"test",
        b"snapshot",
        b"SNAPSHOT",
        b"canary",
        b"p",
    ];
    let mut at = usize::from(matches!(text.first(), Some(b'-' | b'.' | b'~')));
    let rest = text.get(at..)?;
    at += WORDS.iter().find(|word| rest.starts_with(word))?.len();
    let rest = text.get(at..)?;
    let separator = usize::from(matches!(rest.first(), Some(b'-' | b'.')));
    if let Some(length) = rest.get(separator..).and_then(digits) {
        at += separator + length;
    }
    // A word that only begins like one is none.
    let goes_on = text.get(at).is_some_and(u8::is_ascii_alphanumeric);
    (!goes_on).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The version that a pattern finds, and the text it fits.
    fn find(pattern: &str, named: Option<&str>, text: &str) -> Option<(String, String)> {
        let pattern = Pattern::new(pattern, named.map(str::as_bytes))?;
        let bytes = text.as_bytes();
        let mut places = memchr::memmem::find_iter(bytes, pattern.sought());
        let fit = places.find_map(|at| pattern.fit(bytes, at))?;
        assert!(fit.whole.len() <= pattern.behind + pattern.ahead);
        Some((text[fit.version].to_owned(), text[fit.whole].to_owned()))
    }

    #[test]
    fn patterns_find_versions() {
        let check = |pattern: &str, text: &str, expect: &str| {
            let found = find(pattern, None, text).unwrap_or_default();
            assert_eq!(found.0, expect, "{pattern:?} in {text:?}");
        };
        check("nginx/<v3>", "x nginx/1.25.3\0", "1.25.3");
        check("nginx/<v3>", "nginx/1.25 nginx/1.26.0", "1.26.0");
        check("nginx/<v3>", "nginx/1.21.4.1", "");
        check("nginx/<v3~>", "nginx/1.21.4.1", "1.21.4");
        check("curl/<v3>", "curl/7.88.1-DEV", "7.88.1");
        check("OpenSSL <v3ar>", "OpenSSL 1.1.1w  11 Sep", "1.1.1w");
        check("OpenSSL <v3ar>", "OpenSSL 3.0.0-beta2 ", "3.0.0-beta2");
        check("PostgreSQL <v1-3r>", "PostgreSQL 15beta4", "15beta4");
        check("PostgreSQL <v1-3r>", "PostgreSQL 9.6.24 on", "9.6.24");
        check("ruby <v3r> ", "ruby 2.7.7p221 (2022", "2.7.7p221");
        check("ruby <v3r> ", "ruby 3.4.0dev (2024", "3.4.0dev");
        check("ELIXIR=<v3r>", "ELIXIR=1.18.0-rc.0\n", "1.18.0-rc.0");
        check("go<v2-3r>\0", "go1.22\0", "1.22");
        check("go<v2-3r>\0", "go1.21rc2\0", "1.21rc2");
        check("go<v2-3r>\0", "go1.21x", "");
        check("<v2-3r>-MariaDB", "\x005.5.5-10.6.15-MariaDB", "10.6.15");
        check("\0<v2>\0", "gzip\x001.12\0", "1.12");
        check("\0<v3>\0verify", "__init__\x001.9.3\0verify", "1.9.3");
        check(
            "\0<v3><0+>Erl<..9>OTP",
            "\x0026.1.2\0\0\0Erlang/OTP",
            "26.1.2",
        );
        check(
            "Erl<..9>OTP<..150><0+><v3~>\0",
            "Erlang/OTP 17%s [erts]\x0017.5.6\0",
            "17.5.6",
        );
        check("\0<v3b>\0", "\x0017.0.1+12-LTS\0", "17.0.1+12-LTS");
        check("\0<v3b>\0", "\x001.8.0_352-b08\0", "1.8.0_352-b08");
        check("<!d><v3><w+>-<d+>", "\x004.0.11841ce7054bd9-15\0", "");
        check("a<v3>", "a1.2.1234567890", "");
        check("a<v3>", "", "");
    }

    #[test]
    fn the_file_name_says_how_a_version_begins() {
        let check = |named: Option<&str>, text: &str, expect: &str| {
            let found = find("\0<name>\0", named, text).unwrap_or_default();
            assert_eq!(found.0, expect, "{text:?}");
        };
        check(Some("3.11"), "\x003.11\x003.11.2\0", "3.11.2");
        check(Some("3.13"), "\x003.13.0rc1+\0", "3.13.0rc1+");
        check(Some("3.1"), "\x003.11.2\0", "");
        check(None, "\x003.11.2\0", "");
    }

    #[test]
    fn what_is_no_pattern_is_none() {
        for text in ["", "<v", "<x>", "<v>", "<vx-3>", "<..x>"] {
            assert_eq!(Pattern::new(text, None), None, "{text:?}");
        }
    }
}
