//! YAML, read line by line.
//!
//! The lock files that are YAML are written by programs: block mappings and lists, one thing a line.
//! That is what this reads of <https://yaml.org/spec/1.2.2/>; anchors, folded text and flow
//! collections over several lines are not told apart from other text. It holds nothing, so that no
//! file can make it.

use crate::text::lines;

/// One line that is neither empty nor a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct YamlLine<'a> {
    /// Which line, counted from 1.
    pub(crate) number: u32,
    /// Columns before the key or value; the `- ` of a list counts as such.
    pub(crate) indent: usize,
    /// Whether it begins an item of a list.
    pub(crate) is_item: bool,
    /// The key, without quotes; empty where there is none.
    pub(crate) key: &'a str,
    /// The value, without quotes and comment; empty where it follows in other lines.
    pub(crate) value: &'a str,
}

/// The lines of a document. Lines that are not UTF-8 are left out.
pub(crate) fn yaml_lines(bytes: &[u8]) -> impl Iterator<Item = YamlLine<'_>> {
    lines(bytes).filter_map(|(number, line)| yaml_line(number, std::str::from_utf8(line).ok()?))
}

fn yaml_line(number: u32, line: &str) -> Option<YamlLine<'_>> {
    let mut text = line.trim_start_matches(' ');
    let mut is_item = false;
    // `? ` and `: ` are the two halves of a pair whose key is too long for one line.
    while let Some(rest) = text.strip_prefix("- ").or_else(|| explicit(text)) {
        is_item |= text.starts_with('-');
        text = rest.trim_start_matches(' ');
    }
    let text = text.trim_end();
    if text.is_empty() || text.starts_with('#') || text == "-" {
        return None;
    }
    let indent = text.as_ptr().addr() - line.as_ptr().addr();
    let (key, value) = match split_pair(text) {
        Some((key, value)) => (key, value),
        None => ("", text),
    };
    Some(YamlLine {
        number,
        indent,
        is_item,
        key: unquote(key),
        value: unquote(without_comment(value)),
    })
}

fn explicit(text: &str) -> Option<&str> {
    text.strip_prefix("? ").or_else(|| text.strip_prefix(": "))
}

/// `key: value`, at the first colon outside quotes with a space or nothing after it.
fn split_pair(text: &str) -> Option<(&str, &str)> {
    let from = match text.chars().next()? {
        quote @ ('"' | '\'') => text.get(1..)?.find(quote)? + 2,
        '{' | '[' => return None,
        _ => 0,
    };
    let mut at = from;
    loop {
        at += text.get(at..)?.find(':')?;
        let after = text.get(at + 1..)?;
        if after.is_empty() || after.starts_with(' ') {
            return Some((text.get(..at)?.trim_end(), after.trim()));
        }
        at += 1;
    }
}

fn without_comment(value: &str) -> &str {
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
    let end = match quote {
        Some(quote) => {
            let closing = value.get(1..).and_then(|rest| rest.find(quote));
            closing.map(|at| at + 2)
        }
        None => value.find(" #"),
    };
    end.and_then(|end| value.get(..end))
        .unwrap_or(value)
        .trim_end()
}

/// A text without the quotes around it. Escapes in it stay as they are: names and versions have none.
pub(crate) fn unquote(text: &str) -> &str {
    let inner = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        let check = |line: &str, expect: Option<(usize, bool, &str, &str)>| {
            let found = yaml_line(1, line);
            let found = found.map(|l| (l.indent, l.is_item, l.key, l.value));
            assert_eq!(found, expect, "{line:?}");
        };
        check("", None);
        check("   # comment", None);
        check("key: value", Some((0, false, "key", "value")));
        check("  key: 'a b'  # why", Some((2, false, "key", "a b")));
        check("  key:", Some((2, false, "key", "")));
        check("- key: v", Some((2, true, "key", "v")));
        check("  - A (1.0)", Some((4, true, "", "A (1.0)")));
        check("  - A/B (1.0):", Some((4, true, "A/B (1.0)", "")));
        check("  '@a/b@1.0.0':", Some((2, false, "@a/b@1.0.0", "")));
        check("  /a/1.0.0:", Some((2, false, "/a/1.0.0", "")));
        check(
            "  a@https://b.c/d:",
            Some((2, false, "a@https://b.c/d", "")),
        );
        check(
            "\"a@npm:^1, a@npm:^2\":",
            Some((0, false, "a@npm:^1, a@npm:^2", "")),
        );
        check("? \"long\"", Some((2, false, "", "long")));
        check(
            "    resolution: {integrity: sha512-a, tarball: b}",
            Some((4, false, "resolution", "{integrity: sha512-a, tarball: b}")),
        );
        check("  \"unclosed: a", Some((2, false, "", "\"unclosed: a")));
        check("-", None);
        check("- ", None);
        check("é: é", Some((0, false, "é", "é")));
    }
}
