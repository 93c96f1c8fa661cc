//! What RubyGems writes into an installed gemspec, read without running it.

use crate::{limits::MAX_LICENCES, text::lines};

/// What is read of a gemspec. What it does not say is empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Gemspec {
    /// `s.name`
    pub name: String,
    /// `s.version`
    pub version: String,
    /// `s.platform`; `ruby` for gems that run on all.
    pub platform: String,
    /// `s.homepage`
    pub homepage: String,
    /// `s.licenses` or `s.license`
    pub licences: Vec<String>,
    /// The lines that say name and version.
    pub lines: Option<(u32, u32)>,
}

impl Gemspec {
    /// Reads the assignments of a gemspec; the stub comment says what they do not.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut spec = Self::default();
        let mut stub: Option<(u32, [String; 3])> = None;
        // What the block calls the specification; Ruby would fail at another name.
        let mut block: Option<&[u8]> = None;
        for (number, line) in lines(bytes) {
            let line = line.trim_ascii();
            if let Some(rest) = line.strip_prefix(b"# stub:") {
                let text = String::from_utf8_lossy(rest);
                let mut words = text.split_ascii_whitespace().map(str::to_owned);
                let mut next = || words.next().unwrap_or_default();
                stub = stub.or_else(|| Some((number, [next(), next(), next()])));
                continue;
            }
            if block.is_none() && line.starts_with(b"Gem::Specification.new") {
                block = line
                    .split(|byte| *byte == b'|')
                    .nth(1)
                    .map(<[u8]>::trim_ascii);
            }
            let Some((variable, key, value)) = assignment(line) else {
                continue;
            };
            if block.is_some_and(|block| block != variable) {
                continue;
            }
            let into = match key {
                b"name" => &mut spec.name,
                b"version" => &mut spec.version,
                b"platform" => &mut spec.platform,
                b"homepage" => &mut spec.homepage,
                b"license" | b"licenses" if spec.licences.is_empty() => {
                    spec.licences = strings(value);
                    continue;
                }
                _ => continue,
            };
            // The first one counts: later ones are the version that an old RubyGems is shown.
            if !into.is_empty() {
                continue;
            }
            let Some(text) = literal(value) else {
                continue;
            };
            *into = text;
            if matches!(key, b"name" | b"version") {
                let first = spec.lines.map_or(number, |(first, _)| first);
                spec.lines = Some((first, number));
            }
        }
        if let Some((number, [name, version, platform])) = stub {
            if spec.name.is_empty() || spec.version.is_empty() {
                spec.lines = Some((number, number));
            }
            for (known, stubbed) in [
                (&mut spec.name, name),
                (&mut spec.version, version),
                (&mut spec.platform, platform),
            ] {
                if known.is_empty() {
                    *known = stubbed;
                }
            }
        }
        spec
    }
}

/// `s`, `key` and `value` of `s.key = value`.
fn assignment(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let length = line.iter().take_while(|byte| is_name(byte)).count();
    let (variable, rest) = line.split_at_checked(length)?;
    let rest = rest.strip_prefix(b".")?;
    if variable.is_empty() {
        return None;
    }
    let length = rest.iter().take_while(|byte| is_name(byte)).count();
    let (key, rest) = rest.split_at_checked(length)?;
    let value = rest.trim_ascii_start().strip_prefix(b"=")?;
    // `==` and `=~` compare.
    if value
        .first()
        .is_some_and(|byte| matches!(byte, b'=' | b'~'))
    {
        return None;
    }
    Some((variable, key, value.trim_ascii()))
}

/// A string that a value begins with, in whatever it is wrapped: `"1.0".freeze`,
/// `Gem::Version.new("1.0")`, `%q{1.0}`. `None` where it is computed.
fn literal(value: &[u8]) -> Option<String> {
    let value = match value.strip_prefix(b"Gem::Version.new(") {
        Some(inner) => inner.trim_ascii_start(),
        None => value,
    };
    string(value).map(|(text, _)| text)
}

/// All strings in a value.
fn strings(value: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = value;
    while let Some(byte) = rest.first() {
        match byte {
            b'"' | b'\'' | b'%' => match string(rest) {
                Some((text, after)) => {
                    rest = after;
                    if found.len() < MAX_LICENCES && !text.is_empty() {
                        found.push(text);
                    }
                }
                None => break,
            },
            b'#' => break,
            _ => rest = rest.get(1..).unwrap_or_default(),
        }
    }
    found
}

/// The string at the beginning, and what follows it. `None` if there is none, or if it has code in it.
fn string(value: &[u8]) -> Option<(String, &[u8])> {
    let (open, body) = match value {
        [quote @ (b'"' | b'\''), body @ ..] => (*quote, body),
        [b'%', b'q' | b'Q', open, body @ ..] => (*open, body),
        _ => return None,
    };
    let close = match open {
        b'(' => b')',
        b'{' => b'}',
        b'[' => b']',
        b'<' => b'>',
        other => other,
    };
    let mut text = Vec::new();
    let mut at = 0;
    loop {
        let byte = *body.get(at)?;
        at += 1;
        if byte == close {
            break;
        }
        match byte {
            b'#' if open == b'"' && body.get(at) == Some(&b'{') => return None,
            b'\\' => {
                let escaped = *body.get(at)?;
                at += 1;
                match (open, escaped) {
                    (b'"', b'n') => text.push(b'\n'),
                    (b'"', b't') => text.push(b'\t'),
                    (b'"', b'u') => {
                        let (c, length) = unicode(body.get(at..)?)?;
                        at += length;
                        let mut buffer = [0; 4];
                        text.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
                    }
                    (_, other) => text.push(other),
                }
            }
            other => text.push(other),
        }
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    Some((text, body.get(at..)?))
}

/// `00E9` or `{1F600}` after `\u`, and how many bytes it takes.
fn unicode(rest: &[u8]) -> Option<(char, usize)> {
    let (digits, length) = match rest.strip_prefix(b"{") {
        Some(rest) => {
            let end = rest.iter().take(7).position(|byte| *byte == b'}')?;
            (rest.get(..end)?, end + 2)
        }
        None => (rest.get(..4)?, 4),
    };
    let code = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    Some((
        char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
        length,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_read_and_code_is_not() {
        let check = |value: &str, expect: Option<&str>| {
            assert_eq!(literal(value.as_bytes()).as_deref(), expect, "{value}");
        };
        check("\"1.0\".freeze", Some("1.0"));
        check("'1.0'", Some("1.0"));
        check("%q{1.0}.freeze", Some("1.0"));
        check("Gem::Version.new(\"1.0\")", Some("1.0"));
        check("\"Andr\\u00E9 \\\"A\\\"\"", Some("André \"A\""));
        check("\"\\u{1F600}\"", Some("😀"));
        check("Foo::VERSION", None);
        check("\"#{Foo::VERSION}\"", None);
        check("\"unclosed", None);
        check("\"\\u12\"", None);
        check("\"\\", None);
        check("", None);
    }

    #[test]
    fn lists_of_licences_are_read() {
        let check = |value: &str, expect: &[&str]| {
            assert_eq!(strings(value.as_bytes()), expect, "{value}");
        };
        check("[\"MIT\".freeze, 'Ruby']", &["MIT", "Ruby"]);
        check("\"MIT\"", &["MIT"]);
        check("[]", &[]);
        check("[\"MIT\", # \"GPL\"", &["MIT"]);
        let many = "\"a\",".repeat(MAX_LICENCES + 5);
        assert_eq!(strings(many.as_bytes()).len(), MAX_LICENCES);
    }

    #[test]
    fn the_stub_says_what_the_code_does_not() {
        let spec = Gemspec::parse(
            b"# stub: a 1.2.3 java lib\nGem::Specification.new do |gem|\n  gem.version = A::VERSION\n",
        );
        assert_eq!(
            (
                spec.name.as_str(),
                spec.version.as_str(),
                spec.platform.as_str()
            ),
            ("a", "1.2.3", "java")
        );
        assert_eq!(spec.lines, Some((1, 1)));
    }

    #[test]
    fn other_variables_are_not_the_specification() {
        let spec = Gemspec::parse(
            b"Gem::Specification.new do |spec|\n  s.name = \"a\"\n  spec.version = \"1\"\n",
        );
        assert_eq!((spec.name.as_str(), spec.version.as_str()), ("", "1"));
    }

    #[test]
    fn comparisons_are_no_assignments() {
        assert_eq!(assignment(b"s.name == \"a\""), None);
        assert_eq!(assignment(b"s.name =~ /a/"), None);
        assert_eq!(assignment(b".name = \"a\""), None);
        assert_eq!(
            assignment(b"s.name= \"a\""),
            Some((b"s".as_slice(), b"name".as_slice(), b"\"a\"".as_slice()))
        );
    }
}
