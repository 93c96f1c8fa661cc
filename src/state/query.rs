//! The small language of the search fields: `severity:>=high fixable:yes layer:3 -pkg:openssl text`.
//!
//! Words are joined by "and"; `-` before one excludes; quotes keep spaces. Each list says which keys
//! it knows; an unknown key or value is told to the user and matches as plain text would.

use std::cmp::Ordering;

/// A comparison before a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `layer:3` or `layer:=3`.
    Equal,
    /// `>`.
    Greater,
    /// `>=`.
    AtLeast,
    /// `<`.
    Less,
    /// `<=`.
    AtMost,
}

impl Compare {
    /// Whether `ordering`, of the thing to the value, satisfies it.
    pub fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Greater => ordering.is_gt(),
            Self::AtLeast => ordering.is_ge(),
            Self::Less => ordering.is_lt(),
            Self::AtMost => ordering.is_le(),
        }
    }
}

/// One word of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Whether `-` stood before it.
    pub is_negated: bool,
    /// What stands before the colon, in lower case; empty for plain text.
    pub key: String,
    /// The comparison.
    pub compare: Compare,
    /// The value, in lower case.
    pub value: String,
}

/// Splits a query into its words. Never fails: whatever is typed is a query.
pub fn parse(text: &str) -> Vec<Term> {
    words(text)
        .into_iter()
        .filter_map(|(word, colon)| {
            let (is_negated, word, colon) = match word.strip_prefix('-') {
                Some(rest) if !rest.is_empty() => {
                    (true, rest, colon.and_then(|at| at.checked_sub(1)))
                }
                _ => (false, word.as_str(), colon),
            };
            let (key, value) = match colon.and_then(|at| word.split_at_checked(at)) {
                Some((key, value)) if is_key(key) => (key, value.trim_start_matches(':')),
                _ => ("", word),
            };
            let (compare, value) = if key.is_empty() {
                (Compare::Equal, value)
            } else {
                comparison(value)
            };
            // `severity:` while it is being typed.
            if value.is_empty() {
                return None;
            }
            Some(Term {
                is_negated,
                key: key.to_ascii_lowercase(),
                compare,
                value: value.to_lowercase(),
            })
        })
        .collect()
}

/// Whether a query has this word, e.g. `fixable:yes`.
pub fn has_word(text: &str, wanted: &str) -> bool {
    words(text).iter().any(|(word, _)| word == wanted)
}

/// The query with this word added, or without it if it has it.
pub fn toggle_word(text: &str, wanted: &str) -> String {
    if has_word(text, wanted) {
        let kept: Vec<_> = text
            .split_whitespace()
            .filter(|word| *word != wanted)
            .collect();
        kept.join(" ")
    } else if text.trim().is_empty() {
        wanted.to_owned()
    } else {
        format!("{} {wanted}", text.trim())
    }
}

/// The value of the first word with this key, e.g. `deb` of `kind:deb`.
pub fn value_of(text: &str, key: &str) -> Option<String> {
    parse(text)
        .into_iter()
        .find(|term| term.key == key && !term.is_negated && term.compare == Compare::Equal)
        .map(|term| term.value)
}

/// Whether a query asks for this key at all.
pub fn has_key(text: &str, key: &str) -> bool {
    parse(text).iter().any(|term| term.key == key)
}

/// The query with `key:value` in place of every word of that key; without them if it is there
/// already.
pub fn toggle_value(text: &str, key: &str, value: &str) -> String {
    let is_set = value_of(text, key).as_deref() == Some(value);
    let prefix = format!("{key}:");
    let kept: Vec<_> = text
        .split_whitespace()
        .filter(|word| !word.starts_with(&prefix))
        .collect();
    let kept = kept.join(" ");
    if is_set {
        kept
    } else {
        toggle_word(&kept, &format!("{prefix}{value}"))
    }
}

/// `yes` or `no`.
pub fn yes_or_no(value: &str) -> Option<bool> {
    match value {
        "yes" | "y" | "true" | "1" => Some(true),
        "no" | "n" | "false" | "0" => Some(false),
        _ => None,
    }
}

/// Words with the place of their first colon outside quotes.
fn words(text: &str) -> Vec<(String, Option<usize>)> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut colon = None;
    let mut is_quoted = false;
    for c in text.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            c if c.is_whitespace() && !is_quoted => {
                if !word.is_empty() {
                    words.push((std::mem::take(&mut word), colon.take()));
                }
            }
            c => {
                if c == ':' && !is_quoted && colon.is_none() {
                    colon = Some(word.len());
                }
                word.push(c);
            }
        }
    }
    if !word.is_empty() {
        words.push((word, colon));
    }
    words
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn comparison(value: &str) -> (Compare, &str) {
    for (sign, compare) in [
        (">=", Compare::AtLeast),
        ("<=", Compare::AtMost),
        (">", Compare::Greater),
        ("<", Compare::Less),
        ("=", Compare::Equal),
    ] {
        if let Some(rest) = value.strip_prefix(sign) {
            return (compare, rest);
        }
    }
    (Compare::Equal, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let terms: Vec<_> = parse(text)
            .into_iter()
            .map(|term| {
                let sign = match term.compare {
                    Compare::Equal => "=",
                    Compare::Greater => ">",
                    Compare::AtLeast => ">=",
                    Compare::Less => "<",
                    Compare::AtMost => "<=",
                };
                format!(
                    "{}[{}{}{}]",
                    if term.is_negated { "!" } else { "" },
                    term.key,
                    sign,
                    term.value
                )
            })
            .collect();
        terms.join(" ")
    }

    #[test]
    fn words_are_read_with_key_comparison_and_quotes() {
        let check = |text: &str, expect: &str| assert_eq!(told(text), expect, "{text}");
        check("", "");
        check("  openssl ", "[=openssl]");
        check("severity:>=High layer:3", "[severity>=high] [layer=3]");
        check("-pkg:openssl -curl -", "![pkg=openssl] ![=curl] [=-]");
        check("layer:<2 layer:=4", "[layer<2] [layer=4]");
        check(
            "\"use after free\" title:\"a b\"",
            "[=use after free] [title=a b]",
        );
        check("severity:", "");
        check("severity:>=", "");
        check("\"severity:high\"", "[=severity:high]");
        check("1:2.3-4 file:/a:b", "[=1:2.3-4] [file=/a:b]");
        check("\"open", "[=open]");
        check("é:x", "[=é:x]");
    }

    #[test]
    fn a_word_is_toggled() {
        assert_eq!(toggle_word("", "fixable:yes"), "fixable:yes");
        assert_eq!(toggle_word("ssl", "fixable:yes"), "ssl fixable:yes");
        assert_eq!(toggle_word("ssl fixable:yes x", "fixable:yes"), "ssl x");
        assert!(has_word("a fixable:yes", "fixable:yes"));
        assert!(!has_word("fixable:yesterday", "fixable:yes"));
    }

    #[test]
    fn a_chip_sets_the_one_value_of_its_key() {
        let check = |text: &str, expect: &str| {
            assert_eq!(toggle_value(text, "kind", "deb"), expect, "{text}");
        };
        check("", "kind:deb");
        check("kind:deb", "");
        check("a kind:pypi b", "a b kind:deb");
        check("a -kind:deb", "a -kind:deb kind:deb");
        assert_eq!(value_of("x KIND:Deb", "kind").as_deref(), Some("deb"));
        assert_eq!(value_of("-kind:deb", "kind"), None);
        assert!(has_key("-basis:declared", "basis"));
        assert!(!has_key("basis", "basis"));
    }
}
