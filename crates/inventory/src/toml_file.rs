//! TOML of foreign hands.

use serde::de::DeserializeOwned;

use crate::{analyser::ClaimedFile, facts::Facts};

/// A whole file as TOML; what it is not is a warning with the line. Nesting is bounded by the reader.
pub(crate) fn parse_toml<T: DeserializeOwned>(
    analyser: &str,
    file: &ClaimedFile<'_>,
    out: &mut Facts,
) -> Option<T> {
    let text = match std::str::from_utf8(file.bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let line = line_at(file.bytes, error.valid_up_to());
            out.malformed(analyser, file.path, line, "not UTF-8");
            return None;
        }
    };
    match toml::from_str(text) {
        Ok(value) => Some(value),
        Err(error) => {
            let line = error
                .span()
                .map_or(0, |span| line_at(text.as_bytes(), span.start));
            let problem = format!("not as expected: {}", error.message());
            out.malformed(analyser, file.path, line, &problem);
            None
        }
    }
}

/// The line of a byte, counted from 1.
pub(crate) fn line_at(bytes: &[u8], at: usize) -> u32 {
    let before = bytes.get(..at).unwrap_or(bytes);
    let newlines = memchr::memchr_iter(b'\n', before).count();
    u32::try_from(newlines).unwrap_or(u32::MAX - 1) + 1
}

#[cfg(test)]
mod tests {
    use lamina_image::path::LayerPath;

    use super::*;

    #[test]
    fn problems_have_a_line() {
        let check = |bytes: &[u8], expect: &str| {
            let path = LayerPath::from("a.toml");
            let file = ClaimedFile { path: &path, bytes };
            let mut facts = Facts::default();
            let value: Option<toml::Table> = parse_toml("a", &file, &mut facts);
            assert_eq!(value, None);
            assert!(
                facts.warnings[0].to_string().starts_with(expect),
                "{facts:?}"
            );
        };
        check(b"a = 1\nb = \n", "a.toml, line 2: not as expected: ");
        check(b"a = 1\n\xff", "a.toml, line 2: not UTF-8");
    }
}
