//! Erlang terms as `file:consult` reads them.
//!
//! Format: <https://www.erlang.org/doc/system/data_types.html>. Atoms, strings, binaries of one string,
//! tuples and lists; maps are read as lists of their keys and values, numbers as what they look like.

use crate::limits::{MAX_NESTING, MAX_VALUES};

/// One term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// `kernel`, `'a b'`; numbers and variables too.
    Atom(String),
    /// `"text"` or `<<"text">>`.
    Text(String),
    /// `{a, b}`.
    Tuple(Vec<Term>),
    /// `[a, b]`.
    List(Vec<Term>),
}

/// Why reading stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, counted from 1.
    pub line: u32,
    /// What is wrong.
    pub text: &'static str,
}

impl Term {
    /// The text of a string, binary or atom.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Atom(text) | Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a tuple or list; nothing if it is none.
    pub fn items(&self) -> &[Self] {
        match self {
            Self::Tuple(items) | Self::List(items) => items,
            _ => &[],
        }
    }

    /// The value of the first pair `{key, value}` in a list.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.items().iter().find_map(|item| match item.items() {
            [found, value] if found.text() == Some(key) => Some(value),
            _ => None,
        })
    }
}

/// Reads terms, each ended by a full stop, as far as they go.
pub fn parse(bytes: &[u8]) -> (Vec<Term>, Option<Problem>) {
    let mut reader = Reader {
        bytes,
        at: 0,
        values: 0,
        problem: None,
    };
    let mut terms = Vec::new();
    while reader.problem.is_none() && reader.peek().is_some() {
        terms.extend(reader.term(0));
        if reader.problem.is_none() && reader.peek() == Some(b'.') {
            reader.at += 1;
        }
    }
    let problem = reader.problem.map(|text| Problem {
        line: reader.line(),
        text,
    });
    (terms, problem)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    values: usize,
    /// Why reading stopped; nothing is read after it is set.
    problem: Option<&'static str>,
}

impl<'a> Reader<'a> {
    fn line(&self) -> u32 {
        let before = self.bytes.get(..self.at).unwrap_or(self.bytes);
        let newlines = memchr::memchr_iter(b'\n', before).count();
        u32::try_from(newlines).unwrap_or(u32::MAX - 1) + 1
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next byte that is neither space nor comment.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let rest = self.rest();
            match rest.first()? {
                b'%' => self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len()),
                byte if byte.is_ascii_whitespace() => self.at += 1,
                byte => return Some(*byte),
            }
        }
    }

    fn stop<T>(&mut self, problem: &'static str) -> Option<T> {
        self.problem = self.problem.or(Some(problem));
        None
    }

    fn term(&mut self, depth: usize) -> Option<Term> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return self.stop("there are too many terms");
        }
        if depth > MAX_NESTING {
            return self.stop("the terms are nested too deeply");
        }
        let Some(byte) = self.peek() else {
            return self.stop("the term breaks off");
        };
        match byte {
            b'{' => {
                self.at += 1;
                Some(Term::Tuple(self.items(b'}', depth)))
            }
            b'[' => {
                self.at += 1;
                Some(Term::List(self.items(b']', depth)))
            }
            b'#' if self.rest().starts_with(b"#{") => {
                self.at += 2;
                Some(Term::List(self.items(b'}', depth)))
            }
            b'<' if self.rest().starts_with(b"<<") => {
                self.at += 2;
                self.binary()
            }
            b'"' => self.joined().map(Term::Text),
            b'\'' => self.quoted(b'\'').map(Term::Atom),
            byte if is_word(byte) || byte == b'-' || byte == b'$' => {
                let rest = self.rest();
                // `$"` is a character.
                let least = if byte == b'$' { 2 } else { 1 };
                let mut tail = rest.iter().skip(least);
                let mut length = least;
                // The full stop of `1.0` belongs to it, that of `a.` ends the term.
                while let Some(byte) = tail.next() {
                    let goes_on = match byte {
                        b'.' => tail.clone().next().is_some_and(u8::is_ascii_digit),
                        byte => is_word(*byte),
                    };
                    if !goes_on {
                        break;
                    }
                    length += 1;
                }
                self.at += length.min(rest.len());
                let text = rest.get(..length).unwrap_or(rest);
                Some(Term::Atom(String::from_utf8_lossy(text).into_owned()))
            }
            _ => self.stop("this is no Erlang term"),
        }
    }

    /// What is there up to `end`.
    fn items(&mut self, end: u8, depth: usize) -> Vec<Term> {
        let mut items = Vec::new();
        while self.problem.is_none() {
            match self.peek() {
                Some(byte) if byte == end => {
                    self.at += 1;
                    break;
                }
                // The tail of a list, and the arrows of a map, part items too.
                Some(b',' | b'|') => self.at += 1,
                Some(b'=' | b':') if end == b'}' => self.at += 1,
                Some(b'>') if end == b'}' => self.at += 1,
                _ => items.extend(self.term(depth + 1)),
            }
        }
        items
    }

    /// `"text">>`, `"text"/utf8>>`; bytes and their like are no text.
    fn binary(&mut self) -> Option<Term> {
        let text = match self.peek() {
            Some(b'"') => self.joined()?,
            _ => String::new(),
        };
        let Some(end) = memchr::memmem::find(self.rest(), b">>") else {
            return self.stop("the binary breaks off");
        };
        self.at += end + 2;
        Some(Term::Text(text))
    }

    /// `"a" "b"` is one text.
    fn joined(&mut self) -> Option<String> {
        let mut text = self.quoted(b'"')?;
        while self.peek() == Some(b'"') {
            text += &self.quoted(b'"')?;
        }
        Some(text)
    }

    fn quoted(&mut self, quote: u8) -> Option<String> {
        let rest = self.rest();
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
                    self.at += length;
                    return Some(String::from_utf8_lossy(&text).into_owned());
                }
                byte => text.push(*byte),
            }
        }
        self.stop("the text breaks off")
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'@' | b'#') || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> Vec<Term> {
        let (terms, problem) = parse(text.as_bytes());
        assert_eq!(problem, None, "{text}");
        terms
    }

    #[test]
    fn every_form_is_read() {
        let found = terms(
            "%% comment\n{a, 'b c', \"d\" \"e\", <<\"f\">>, <<1,2>>, <<\"g\"/utf8>>, 1.5, -2, $\", 16#ff}.\n\
             [x | y]. #{k => \"v\", l := w}. [].",
        );
        let texts: Vec<&str> = found[0].items().iter().filter_map(Term::text).collect();
        assert_eq!(
            texts,
            ["a", "b c", "de", "f", "", "g", "1.5", "-2", "$\"", "16#ff"]
        );
        assert_eq!(found[1].items().len(), 2);
        assert_eq!(found[2].items().len(), 4);
        assert_eq!(found[3], Term::List(Vec::new()));
    }

    #[test]
    fn pairs_are_found_by_their_key() {
        let found = terms("[{a, 1}, b, {<<\"c\">>, \"2\"}].");
        assert_eq!(found[0].get("c").and_then(Term::text), Some("2"));
        assert_eq!(found[0].get("b"), None);
    }

    #[test]
    fn what_breaks_off_is_a_problem() {
        let check = |text: &str, line: u32, problem: &str| {
            let (_, found) = parse(text.as_bytes());
            let found = found.map(|found| (found.line, found.text));
            assert_eq!(found, Some((line, problem)), "{text}");
        };
        check("{a,\n b", 2, "the term breaks off");
        check("\"a", 1, "the text breaks off");
        check("\"a\\", 1, "the text breaks off");
        check("<<\"a\"", 1, "the binary breaks off");
        check("{a, )}", 1, "this is no Erlang term");
        check("=", 1, "this is no Erlang term");
    }

    #[test]
    fn nesting_and_number_are_bounded() {
        let (_, problem) = parse("[".repeat(MAX_NESTING + 2).as_bytes());
        assert_eq!(problem.unwrap().text, "the terms are nested too deeply");
        let (_, problem) = parse("a,".repeat(MAX_VALUES + 1).replace(',', ".").as_bytes());
        assert_eq!(problem.unwrap().text, "there are too many terms");
    }
}
