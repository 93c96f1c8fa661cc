//! JSON of foreign hands.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{analyser::ClaimedFile, facts::Facts, text::word};

/// A whole file as JSON; what it is not is a warning with the line. Nesting is bounded by the reader.
pub(crate) fn parse_json<T: DeserializeOwned>(
    analyser: &str,
    file: &ClaimedFile<'_>,
    out: &mut Facts,
) -> Option<T> {
    let bytes = file.bytes.strip_prefix(b"\xef\xbb\xbf");
    match serde_json::from_slice(bytes.unwrap_or(file.bytes)) {
        Ok(value) => Some(value),
        Err(error) => {
            let line = u32::try_from(error.line()).unwrap_or_default();
            out.malformed(
                analyser,
                file.path,
                line,
                &format!("not as expected: {error}"),
            );
            None
        }
    }
}

/// A name or version, if it is a text that can be one.
pub(crate) fn word_of(value: &Value) -> Option<String> {
    word(value.as_str()?.as_bytes())
}

/// A text, or the texts of a list.
pub(crate) fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_alone_or_in_lists() {
        let check = |json: &str, expect: &[&str]| {
            let value: Value = serde_json::from_str(json).unwrap();
            assert_eq!(texts(&value), expect, "{json}");
        };
        check("\"MIT\"", &["MIT"]);
        check("[\"MIT\", 7, \"GPL\"]", &["MIT", "GPL"]);
        check("{}", &[]);
        check("null", &[]);
    }
}
