//! The Content-Security-Policy of the page.
//!
//! Should a page have inline scripts, the policy names them by their hashes, computed from the very
//! bytes that are served. Scripts are never `unsafe-inline`; styles are, as the page sets widths of
//! bars in `style` attributes.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use lamina_image::digest::Digest;

/// The policy for what is no page: nothing may run, nothing may be loaded. Hostile registries
/// answer through the relay from our own origin.
pub(crate) const DATA: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";

/// The policy for the page and its workers. `html` is the page, whose inline scripts it allows.
/// `plain_http` are registries that the page may ask directly, without TLS.
pub(crate) fn page(html: &[u8], plain_http: &[String]) -> String {
    let mut scripts = "'self' 'wasm-unsafe-eval'".to_owned();
    for script in inline_scripts(html) {
        scripts.push_str(&format!(" 'sha256-{}'", base64_sha256(script)));
    }
    let mut connect = "'self' https: http://localhost:* http://127.0.0.1:*".to_owned();
    for host in plain_http {
        // Whatever else stands in an argument must not end up as another directive.
        let is_host = !host.is_empty()
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte));
        if is_host {
            connect.push_str(&format!(" http://{host}"));
        }
    }
    format!(
        "default-src 'self'; script-src {scripts}; style-src 'self' 'unsafe-inline'; \
         img-src 'self' data: blob:; font-src 'self' data:; connect-src {connect}; \
         worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; \
         frame-ancestors 'none'"
    )
}

/// The contents of `<script>` elements without `src`.
fn inline_scripts(html: &[u8]) -> Vec<&[u8]> {
    let lower = html.to_ascii_lowercase();
    let mut scripts = Vec::new();
    let mut from = 0;
    while let Some(start) = find(&lower, b"<script", from) {
        let Some(open) = find(&lower, b">", start) else {
            break;
        };
        let Some(close) = find(&lower, b"</script", open) else {
            break;
        };
        let tag = lower.get(start..open).unwrap_or_default();
        let has_source = find(tag, b" src=", 0).is_some();
        let content = html.get(open + 1..close).unwrap_or_default();
        if !has_source && !content.is_empty() {
            scripts.push(content);
        }
        from = close;
    }
    scripts
}

fn find(haystack: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let rest = haystack.get(from..)?;
    rest.windows(needle.len())
        .position(|window| window == needle)
        .map(|position| from + position)
}

pub(crate) fn base64_sha256(bytes: &[u8]) -> String {
    let digest = Digest::of(bytes);
    let raw: Vec<u8> = digest
        .hex()
        .as_bytes()
        .chunks(2)
        .filter_map(|pair| {
            let text = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(text, 16).ok()
        })
        .collect();
    BASE64_STANDARD.encode(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_scripts_are_named_by_their_hash() {
        // `printf 'alert(1)' | openssl dgst -sha256 -binary | base64`
        let html = b"<html><SCRIPT type=\"module\" nonce=\"x\">alert(1)</SCRIPT>\
                     <script src=\"/a.js\"></script><script></script>";
        let policy = page(html, &[]);
        assert!(
            policy.contains("'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"),
            "{policy}"
        );
        assert_eq!(policy.matches("sha256-").count(), 1);
        assert!(!page(b"<script>never closed", &[]).contains("sha256-"));
    }

    #[test]
    fn hosts_cannot_add_directives() {
        let policy = page(
            b"",
            &["a.example:5000".to_owned(), "x; script-src *".to_owned()],
        );
        assert!(policy.contains("http://a.example:5000;"));
        assert!(!policy.contains("script-src *"));
    }
}
