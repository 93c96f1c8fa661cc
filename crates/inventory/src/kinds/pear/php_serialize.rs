//! PHP's serialisation format, as `serialize()` writes it.
//!
//! Format: <https://www.php.net/manual/en/function.serialize.php>; `i:1;`, `d:0.5;`, `b:1;`, `N;`,
//! `s:3:"abc";`, `a:1:{key value}`. Objects are read as the arrays of their properties; references
//! stay unresolved. Lengths are checked against what is there, and never allocated by.

use crate::limits::{MAX_NESTING, MAX_VALUES};

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Null, numbers, references: what nobody asks for.
    Other,
    /// Bytes.
    Text(&'a [u8]),
    /// Keys and values, in order. Keys that are numbers are [`Value::Other`].
    Array(Vec<(Value<'a>, Value<'a>)>),
}

impl<'a> Value<'a> {
    /// The first value of an array under that key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let mut entries = self.entries().iter();
        let is_it = |found: &Self| matches!(found, Self::Text(text) if *text == key.as_bytes());
        entries
            .find(|(found, _)| is_it(found))
            .map(|(_, value)| value)
    }

    /// The keys and values of an array; nothing if it is none.
    pub fn entries(&self) -> &[(Value<'a>, Value<'a>)] {
        match self {
            Self::Array(entries) => entries,
            _ => &[],
        }
    }
}

/// Reads one value, as far as it goes, and says where and why it went no further.
pub fn parse(bytes: &[u8]) -> (Option<Value<'_>>, Option<String>) {
    let mut reader = Reader {
        bytes,
        at: 0,
        values: 0,
        problem: None,
    };
    let value = reader.value(0);
    let problem = reader
        .problem
        .map(|problem| format!("{problem} at byte {}", reader.at));
    (value, problem)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    values: usize,
    /// Why reading stopped; nothing is read after it is set.
    problem: Option<&'static str>,
}

impl<'a> Reader<'a> {
    /// `None` if nothing of it can be read; `problem` says why.
    fn value(&mut self, depth: usize) -> Option<Value<'a>> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return self.stop("too many values");
        }
        if depth > MAX_NESTING {
            return self.stop("nested too deeply");
        }
        match self.next()? {
            b'N' => {
                self.expect(b';')?;
                Some(Value::Other)
            }
            b'i' | b'd' | b'b' | b'r' | b'R' => {
                self.expect(b':')?;
                self.until(b';')?;
                Some(Value::Other)
            }
            b's' => {
                self.expect(b':')?;
                let text = self.quoted()?;
                self.expect(b';')?;
                Some(Value::Text(text))
            }
            b'a' => {
                self.expect(b':')?;
                Some(self.array(depth))
            }
            b'O' => {
                self.expect(b':')?;
                self.quoted()?;
                self.expect(b':')?;
                Some(self.array(depth))
            }
            _ => {
                self.at -= 1;
                self.stop("not a value that PHP serialises")
            }
        }
    }

    /// `2:{key value key value}`: what is there of it.
    fn array(&mut self, depth: usize) -> Value<'a> {
        let mut entries = Vec::new();
        let count = self.number();
        if count.and_then(|_| self.expect(b'{')).is_some() {
            for _ in 0..count.unwrap_or_default() {
                let Some(key) = self.value(depth + 1) else {
                    break;
                };
                let Some(value) = self.value(depth + 1) else {
                    break;
                };
                entries.push((key, value));
                if self.problem.is_some() {
                    break;
                }
            }
            if self.problem.is_none() {
                self.expect(b'}');
            }
        }
        Value::Array(entries)
    }

    /// `3:"abc"`
    fn quoted(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.expect(b'"')?;
        let rest = self.bytes.get(self.at..)?;
        let Some(text) = rest.get(..length) else {
            return self.stop("the text breaks off");
        };
        self.at += length;
        self.expect(b'"')?;
        Some(text)
    }

    /// `12:`
    fn number(&mut self) -> Option<usize> {
        let digits = self.until(b':')?;
        let number = std::str::from_utf8(digits).ok();
        match number.and_then(|digits| digits.parse().ok()) {
            Some(number) => Some(number),
            None => self.stop("a length that is no number"),
        }
    }

    fn until(&mut self, end: u8) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.at..)?;
        let Some(length) = memchr::memchr(end, rest) else {
            return self.stop("it breaks off");
        };
        self.at += length + 1;
        rest.get(..length)
    }

    fn next(&mut self) -> Option<u8> {
        let Some(byte) = self.bytes.get(self.at) else {
            return self.stop("it breaks off");
        };
        self.at += 1;
        Some(*byte)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        if self.next()? == byte {
            return Some(());
        }
        self.at -= 1;
        self.stop("not a value that PHP serialises")
    }

    fn stop<T>(&mut self, problem: &'static str) -> Option<T> {
        self.problem = self.problem.or(Some(problem));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<'a>(text: &'a str, problem: Option<&str>) -> Option<Value<'a>> {
        let (value, found) = parse(text.as_bytes());
        assert_eq!(found.as_deref(), problem, "{text}");
        value
    }

    #[test]
    fn every_type_is_read() {
        let text = r#"a:8:{i:0;N;i:1;b:1;i:2;i:-7;i:3;d:0.5;i:4;s:2:"a"";i:5;a:0:{}i:6;R:1;i:7;O:1:"A":1:{s:1:"p";s:1:"v";}}"#;
        let value = check(text, None).unwrap();
        assert_eq!(value.entries().len(), 8);
        assert_eq!(value.entries()[4].1, Value::Text(b"a\""));
        assert_eq!(value.entries()[7].1.get("p"), Some(&Value::Text(b"v")));
        assert_eq!(value.get("p"), None);
    }

    #[test]
    fn what_is_there_is_read() {
        let value = check(
            r#"a:9:{s:1:"a";s:1:"b";s:1:"c";s:9:"d"#,
            Some("the text breaks off at byte 34"),
        );
        assert_eq!(value.unwrap().get("a"), Some(&Value::Text(b"b")));
        assert_eq!(check("", Some("it breaks off at byte 0")), None);
        assert_eq!(
            check("x", Some("not a value that PHP serialises at byte 0")),
            None
        );
        assert_eq!(
            check(
                "s:99999999999999999999:\"",
                Some("a length that is no number at byte 23")
            ),
            None
        );
        assert_eq!(
            check(
                "s:18446744073709551615:\"",
                Some("the text breaks off at byte 24")
            ),
            None
        );
    }

    #[test]
    fn nesting_and_number_are_bounded() {
        let deep = "a:1:{i:0;".repeat(MAX_NESTING + 2);
        let (_, problem) = parse(deep.as_bytes());
        assert!(problem.unwrap().starts_with("nested too deeply"));
        let many = format!("a:{MAX_VALUES}:{{{}", "N;".repeat(2 * MAX_VALUES));
        let (_, problem) = parse(many.as_bytes());
        assert!(problem.unwrap().starts_with("too many values"));
    }
}
