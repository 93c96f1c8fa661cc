//! Reading text line by line.

use crate::limits::MAX_FIELD_BYTES;

/// Lines with their numbers, counted from 1, without `\n` and `\r\n`.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut rest = bytes;
    let mut number = 0_u32;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (line, after) = match memchr::memchr(b'\n', rest) {
            Some(end) => (rest.get(..end)?, rest.get(end + 1..)?),
            None => (rest, &[][..]),
        };
        rest = after;
        number = number.saturating_add(1);
        Some((number, line.strip_suffix(b"\r").unwrap_or(line)))
    })
}

/// `Key: value` as deb822 and RFC 822 write it; `None` for continuation lines and what is neither.
pub(crate) fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    if line.first().is_none_or(|byte| matches!(byte, b' ' | b'\t')) {
        return None;
    }
    let colon = memchr::memchr(b':', line)?;
    let (key, value) = line.split_at_checked(colon)?;
    Some((key.trim_ascii_end(), value.get(1..)?.trim_ascii()))
}

/// A name or version as text; `None` if it is empty or absurdly long.
pub(crate) fn word(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.trim_ascii();
    if bytes.is_empty() || bytes.len() > MAX_FIELD_BYTES {
        return None;
    }
    Some(String::from_utf8_lossy(bytes).into_owned())
}

/// Cuts text to at most `limit` bytes, at a character, and says that it did.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered() {
        let check = |text: &str, expect: &[(u32, &str)]| {
            let found: Vec<(u32, String)> = lines(text.as_bytes())
                .map(|(number, line)| (number, String::from_utf8_lossy(line).into_owned()))
                .collect();
            let found: Vec<(u32, &str)> = found.iter().map(|(n, l)| (*n, l.as_str())).collect();
            assert_eq!(found, expect, "{text:?}");
        };
        check("", &[]);
        check("a", &[(1, "a")]);
        check("a\n", &[(1, "a")]);
        check("a\r\n\nb", &[(1, "a"), (2, ""), (3, "b")]);
    }

    #[test]
    fn fields_are_told_from_continuations() {
        let check = |line: &str, expect: Option<(&str, &str)>| {
            let expect = expect.map(|(k, v)| (k.as_bytes(), v.as_bytes()));
            assert_eq!(field(line.as_bytes()), expect, "{line:?}");
        };
        check("Name: a", Some(("Name", "a")));
        check("Name:a: b ", Some(("Name", "a: b")));
        check("Name:", Some(("Name", "")));
        check(" more: text", None);
        check("", None);
        check("no colon", None);
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "abc…");
        assert_eq!(cut("aéb", 2), "a…");
    }
}
