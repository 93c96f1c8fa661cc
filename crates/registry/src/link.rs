//! `Link` headers of paged answers: RFC 8288, section 3.

use crate::limits;

/// The target of the first link with relation `next`.
pub fn parse_next(value: &str) -> Option<&str> {
    if value.len() > limits::HEADER_BYTES {
        return None;
    }
    let mut rest = value;
    loop {
        let (_, after) = rest.split_once('<')?;
        let (target, after) = after.split_once('>')?;
        let (params, after) = split_at_comma(after);
        if is_next(params) {
            return Some(target.trim());
        }
        rest = after;
    }
}

/// Splits at the first comma outside of quotes.
fn split_at_comma(text: &str) -> (&str, &str) {
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => return text.split_at_checked(index).unwrap_or((text, "")),
            _ => {}
        }
    }
    (text, "")
}

fn is_next(params: &str) -> bool {
    params.split(';').any(|param| {
        param.split_once('=').is_some_and(|(name, value)| {
            name.trim().eq_ignore_ascii_case("rel")
                && value
                    .trim()
                    .trim_matches('"')
                    .split_ascii_whitespace()
                    .any(|relation| relation.eq_ignore_ascii_case("next"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found() {
        let check = |value: &str, expect| assert_eq!(parse_next(value), expect, "{value}");
        check(
            "</v2/a/tags/list?n=1&last=b>; rel=\"next\"",
            Some("/v2/a/tags/list?n=1&last=b"),
        );
        check("</x>;rel=next", Some("/x"));
        check("</x>; title=\"a,b>\"; REL=\"prev Next\"", Some("/x"));
        check("</p>; rel=prev, </x?a,b>; rel=next", Some("/x?a,b"));
        check("</p>; rel=prev", None);
        check("", None);
        check("</x", None);
        check("<<<>>>,;;;", None);
    }

    proptest::proptest! {
        #[test]
        fn no_header_panics(value in "[<>;,=\"\\\\a-z ]{0,100}") {
            let _ = parse_next(&value);
        }
    }
}
