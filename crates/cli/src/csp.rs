//! The Content-Security-Policy of the page.
//!
//! Its text is `content-security-policy.txt`, which `cargo xtask build` also writes into the page
//! itself, for hosts that send no header. Here it is completed from the very bytes that are served:
//! inline style sheets, and inline scripts if there are any, are named by their hashes. Neither is
//! ever `unsafe-inline`: what the page sets of `style` it sets through the object model, which no
//! policy forbids.

use axum::http::{HeaderMap, header};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use lamina_image::digest::Digest;

/// The policy for what is no page: nothing may run, nothing may be loaded. Hostile registries
/// answer through the relay from our own origin.
pub(crate) const DATA: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";

/// The policy with `{scripts}`, `{styles}` and `{connect}` left open.
const TEMPLATE: &str = include_str!("../../../content-security-policy.txt");

/// How the policy begins where it lies in the page.
const META: &[u8] = b"<meta http-equiv=\"content-security-policy\"";

/// Registries on the machine of the one who looks at the page, without TLS.
const LOOPBACK: &str = " http://localhost:* http://127.0.0.1:*";

/// The policy for the page and its workers. `html` is the page, whose inline scripts and style sheets
/// it allows. `plain_http` are registries that the page may ask directly, without TLS, and
/// `is_loopback` says that the page is served from this machine to itself.
pub(crate) fn page(html: &[u8], plain_http: &[String], is_loopback: bool) -> String {
    let hashes = |element: &[u8]| -> String {
        inline(html, element)
            .into_iter()
            .map(|content| format!(" 'sha256-{}'", base64_sha256(content)))
            .collect()
    };
    let mut connect = if is_loopback { LOOPBACK } else { "" }.to_owned();
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
    let policy = TEMPLATE
        .trim()
        .replace("{scripts}", &hashes(b"script"))
        .replace("{styles}", &hashes(b"style"))
        .replace("{connect}", &connect);
    format!("{policy}; frame-ancestors 'none'")
}

/// The page without the policy that lies in it: the header says more, and a browser obeys both.
pub(crate) fn without_meta(html: &[u8]) -> Option<Vec<u8>> {
    let lower = html.to_ascii_lowercase();
    let start = find(&lower, META, 0)?;
    let end = find(&lower, b">", start)? + 1;
    let mut rest = html.get(..start)?.to_vec();
    rest.extend_from_slice(html.get(end..)?);
    Some(rest)
}

/// Whether a browser asks for this machine by one of its own names for itself.
pub(crate) fn is_loopback(headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

/// The contents of elements of this name (`script`, `style`) without `src`.
fn inline<'a>(html: &'a [u8], element: &[u8]) -> Vec<&'a [u8]> {
    let lower = html.to_ascii_lowercase();
    let (opening, closing) = ([b"<", element].concat(), [b"</", element].concat());
    let mut contents = Vec::new();
    let mut from = 0;
    while let Some(start) = find(&lower, &opening, from) {
        let Some(open) = find(&lower, b">", start) else {
            break;
        };
        let Some(close) = find(&lower, &closing, open) else {
            break;
        };
        let tag = lower.get(start..open).unwrap_or_default();
        let has_source = find(tag, b" src=", 0).is_some();
        let content = html.get(open + 1..close).unwrap_or_default();
        if !has_source && !content.is_empty() {
            contents.push(content);
        }
        from = close;
    }
    contents
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
    fn inline_scripts_and_sheets_are_named_by_their_hash() {
        // `printf 'alert(1)' | openssl dgst -sha256 -binary | base64`, and of `p{}`.
        let html = b"<html><SCRIPT type=\"module\" nonce=\"x\">alert(1)</SCRIPT><style>p{}</style>\
                     <script src=\"/a.js\"></script><script></script>";
        let policy = page(html, &[], false);
        let check = |part: &str| assert!(policy.contains(part), "{policy}");
        check(
            "script-src 'self' 'wasm-unsafe-eval' 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='; ",
        );
        check("style-src 'self' 'sha256-gG2yISYereRMiG2lMXrbiUgi0Ubw9p7QCeWcroOvy9Y='; ");
        check("; frame-ancestors 'none'");
        assert_eq!(policy.matches("sha256-").count(), 2);
        assert!(!policy.contains(['{', '}', '\n']) && !policy.contains("unsafe-inline"));
        assert!(!page(b"<script>never closed", &[], false).contains("sha256-"));
    }

    #[test]
    fn hosts_cannot_add_directives() {
        let hosts = ["a.example:5000".to_owned(), "x; script-src *".to_owned()];
        let policy = page(b"", &hosts, false);
        assert!(policy.contains("connect-src 'self' https: http://a.example:5000;"));
        assert!(!policy.contains("script-src *"));
    }

    #[test]
    fn only_a_page_of_this_machine_may_ask_its_plain_ports() {
        let check = |host: &str, expect: bool| {
            let headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
            assert_eq!(is_loopback(&headers), expect, "{host}");
        };
        check("localhost:8080", true);
        check("127.0.0.1", true);
        check("[::1]:8080", true);
        check("localhost.example:8080", false);
        check("lamina.example", false);
        assert!(!is_loopback(&HeaderMap::new()));
        assert!(page(b"", &[], true).contains("https: http://localhost:* http://127.0.0.1:*;"));
        assert!(!page(b"", &[], false).contains("localhost"));
    }

    #[test]
    fn the_policy_in_the_page_gives_way_to_the_header() {
        let html =
            b"<head><meta http-equiv=\"Content-Security-Policy\" content=\"x 'y'\" /><title>";
        assert_eq!(without_meta(html).unwrap(), b"<head><title>");
        assert_eq!(without_meta(b"<head><meta charset=\"utf-8\">"), None);
    }
}
