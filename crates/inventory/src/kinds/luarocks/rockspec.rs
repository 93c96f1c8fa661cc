//! The assignments of a rockspec, read without running it.
//!
//! Of Lua (<https://www.lua.org/manual/5.1/manual.html#2>) it reads comments, strings of every form,
//! assignments at the top level, strings joined by `..`, and variables that were assigned strings.

use std::collections::HashMap;

use crate::limits::{MAX_FIELD_BYTES, MAX_VARIABLES};

/// What is read of a rockspec. What it does not say is empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rockspec {
    /// `package`
    pub name: String,
    /// `version`
    pub version: String,
    /// `description.license`
    pub licence: String,
    /// `description.homepage`
    pub homepage: String,
    /// The lines that say name and version.
    pub lines: Option<(u32, u32)>,
}

impl Rockspec {
    /// Reads the assignments.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut lexer = Lexer {
            bytes,
            at: 0,
            line: 1,
        };
        let mut spec = Self::default();
        let mut variables: HashMap<String, String> = HashMap::new();
        let mut depth = 0_u32;
        let mut is_description = false;
        let mut before = None;
        let mut token = lexer.next();
        while let Some(current) = token {
            token = None;
            match (&current, &before) {
                (Token::Symbol(b'{' | b'(' | b'['), _) => depth = depth.saturating_add(1),
                (Token::Symbol(b'}' | b')' | b']'), _) => {
                    depth = depth.saturating_sub(1);
                    is_description &= depth > 0;
                }
                (Token::Symbol(b'='), Some(Token::Name(key))) => {
                    let line = lexer.line;
                    let (value, next) = expression(&mut lexer, &variables);
                    token = next;
                    if depth == 0 {
                        is_description = key == "description";
                    }
                    match (depth, key.as_str(), value) {
                        (0, "package", Some(value)) => {
                            spec.name.clone_from(&value);
                            spec.note_line(line);
                            remember(&mut variables, key, value);
                        }
                        (0, "version", Some(value)) => {
                            spec.version.clone_from(&value);
                            spec.note_line(line);
                            remember(&mut variables, key, value);
                        }
                        (0, _, Some(value)) => remember(&mut variables, key, value),
                        (1, "license", Some(value)) if is_description => spec.licence = value,
                        (1, "homepage", Some(value)) if is_description => spec.homepage = value,
                        _ => {}
                    }
                }
                _ => {}
            }
            before = Some(current);
            token = token.or_else(|| lexer.next());
        }
        spec
    }

    fn note_line(&mut self, line: u32) {
        let first = self.lines.map_or(line, |(first, _)| first);
        self.lines = Some((first, line));
    }
}

fn remember(variables: &mut HashMap<String, String>, key: &str, value: String) {
    if variables.len() < MAX_VARIABLES {
        variables.insert(key.to_owned(), value);
    }
}

/// Strings and known variables joined by `..`, and the token that follows. `None` if anything else is
/// among them.
fn expression(
    lexer: &mut Lexer<'_>,
    variables: &HashMap<String, String>,
) -> (Option<String>, Option<Token>) {
    let mut text = Some(String::new());
    loop {
        let operand = lexer.next();
        let value = match &operand {
            Some(Token::Text(value)) => Some(value),
            Some(Token::Name(name)) => variables.get(name),
            _ => return (None, operand),
        };
        text = match (text, value) {
            (Some(text), Some(value)) if text.len() + value.len() <= MAX_FIELD_BYTES => {
                Some(text + value)
            }
            _ => None,
        };
        match lexer.next() {
            Some(Token::Concat) => {}
            // `a.b`, `f(x)`, `"a":b()`: something else than the variable or string alone.
            next @ Some(Token::Symbol(b'.' | b'(' | b'[' | b':' | b'+')) => return (None, next),
            next => return (text, next),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Name(String),
    Text(String),
    /// `..`
    Concat,
    Symbol(u8),
}

struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u32,
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<Token> {
        loop {
            let rest = self.bytes.get(self.at..)?;
            match rest {
                [] => return None,
                [b'-', b'-', ..] => self.comment(rest),
                [b'\n', ..] => self.skip(1),
                [byte, ..] if byte.is_ascii_whitespace() => self.skip(1),
                [b'.', b'.', ..] => {
                    self.skip(2);
                    return Some(Token::Concat);
                }
                [quote @ (b'"' | b'\''), ..] => return Some(self.quoted(*quote, rest)),
                [b'[', ..] if long_bracket(rest).is_some() => {
                    let (start, end, after) = long_bracket(rest)?;
                    let text = rest.get(start..end).unwrap_or_default();
                    let text = text.strip_prefix(b"\n").unwrap_or(text);
                    let text = String::from_utf8_lossy(text).into_owned();
                    self.skip(after);
                    return Some(Token::Text(text));
                }
                [byte, ..] if byte.is_ascii_alphanumeric() || *byte == b'_' => {
                    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
                    let length = rest.iter().take_while(is_name).count();
                    let name = rest.get(..length).unwrap_or_default();
                    let name = String::from_utf8_lossy(name).into_owned();
                    self.skip(length);
                    return Some(Token::Name(name));
                }
                [symbol, ..] => {
                    self.skip(1);
                    return Some(Token::Symbol(*symbol));
                }
            }
        }
    }

    fn comment(&mut self, rest: &[u8]) {
        let body = rest.get(2..).unwrap_or_default();
        let length = match long_bracket(body) {
            Some((_, _, after)) => after + 2,
            None => memchr::memchr(b'\n', rest).unwrap_or(rest.len()),
        };
        self.skip(length);
    }

    fn quoted(&mut self, quote: u8, rest: &[u8]) -> Token {
        let mut text = Vec::new();
        let mut bytes = rest.iter().skip(1);
        let mut length = 1;
        while let Some(byte) = bytes.next() {
            length += 1;
            match byte {
                b'\\' => {
                    length += 1;
                    text.extend(bytes.next());
                }
                byte if *byte == quote => {
                    let text = String::from_utf8_lossy(&text).into_owned();
                    self.skip(length);
                    return Token::Text(text);
                }
                byte => text.push(*byte),
            }
        }
        // It is not closed: nothing that follows can be told.
        self.skip(rest.len());
        Token::Symbol(quote)
    }

    fn skip(&mut self, length: usize) {
        let end = self.at.saturating_add(length).min(self.bytes.len());
        let skipped = self.bytes.get(self.at..end).unwrap_or_default();
        let newlines = memchr::memchr_iter(b'\n', skipped).count();
        let newlines = u32::try_from(newlines).unwrap_or(u32::MAX);
        self.line = self.line.saturating_add(newlines);
        self.at = end;
    }
}

/// `[[text]]`, `[==[text]==]`: where the text begins and ends, and what follows it. One that is not
/// closed goes on to the end.
fn long_bracket(rest: &[u8]) -> Option<(usize, usize, usize)> {
    let inner = rest.strip_prefix(b"[")?;
    let level = inner.iter().take_while(|byte| **byte == b'=').count();
    if inner.get(level) != Some(&b'[') {
        return None;
    }
    let start = level + 2;
    let mut close = vec![b'='; level + 2];
    for end in [0, level + 1] {
        if let Some(byte) = close.get_mut(end) {
            *byte = b']';
        }
    }
    let body = rest.get(start..)?;
    Some(match memchr::memmem::find(body, &close) {
        Some(at) => (start, start + at, start + at + close.len()),
        None => (start, rest.len(), rest.len()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> String {
        Rockspec::parse(text.as_bytes()).version
    }

    #[test]
    fn versions_are_read_in_every_form() {
        let check = |text: &str, expect: &str| assert_eq!(version(text), expect, "{text}");
        check("version = \"1-1\"", "1-1");
        check("version='1-1';", "1-1");
        check("version = [[1-1]]", "1-1");
        check("version = [==[\n1-1]==]", "1-1");
        check(
            "local v = \"1\" local r = \"2\" version = v..\"-\"..r",
            "1-2",
        );
        check("package = \"a\" version = package .. \"-1\"", "a-1");
        check("version = \"\\\"1\"", "\"1");
        check("--[[ version = \"2\" ]] version = \"1\"", "1");
        check("-- version = \"2\"\nversion = \"1\"", "1");
        check("source = { version = \"2\" } version = \"1\"", "1");
        check("version = f(\"2\")", "");
        check("version = unknown .. \"-1\"", "");
        check("version = \"a\" .. f(\"2\")", "");
        check("version == \"1\"", "");
        check("version = { \"1\" }", "");
        check("version = ", "");
        check("version = \"1", "");
        check("version = [[1", "1");
    }

    #[test]
    fn variables_and_their_length_are_bounded() {
        let mut text = String::from("v0 = \"x\" ");
        for n in 1..40 {
            text += &format!("v{n} = v{} .. v{} ", n - 1, n - 1);
        }
        assert_eq!(version(&(text + "version = v39")), "");
        let many: String = (0..MAX_VARIABLES + 5)
            .map(|n| format!("v{n} = \"1\" "))
            .collect();
        let last = MAX_VARIABLES + 4;
        assert_eq!(version(&format!("{many} version = v{last}")), "");
        assert_eq!(version(&format!("{many} version = v0")), "1");
    }
}
