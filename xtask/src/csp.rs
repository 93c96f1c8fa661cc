//! The Content-Security-Policy within the page, for hosts that send no header of their own.
//!
//! The build writes the style sheets into `index.html`. The policy names them, and inline scripts should
//! there be any, by the hash of their text, so that nothing else that stands in the page can run.
//! `lamina serve` takes the policy out again and sends a header, which may say more.

use anyhow::{Context as _, Result, bail, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest as _, Sha256};

/// The policy with `{scripts}`, `{styles}` and `{connect}` left open; `crates/cli` completes it too.
const TEMPLATE: &str = include_str!("../../content-security-policy.txt");

/// Servers on the machine of the one who looks at the page: a relay or a registry of one's own.
const LOOPBACK: &str = " http://localhost:* http://127.0.0.1:*";

/// Headers in the form that several static hosts read (Netlify, Cloudflare Pages). Workers obey the
/// header that they came with, not the page's policy: without it they are not held to any.
pub(crate) const HEADERS: &str = "_headers";

/// The page with its style sheets joined into one and the policy in its head. A policy that is there
/// already is replaced.
pub(crate) fn with_meta(html: &str) -> Result<String> {
    let html = one_sheet(&without_meta(html));
    let policy = policy(&html)?;
    let head = html.find("<head>").context("the page has no <head>")? + "<head>".len();
    let (before, after) = html.split_at(head);
    // Before anything that it is to hold back.
    Ok(format!(
        "{before}\n    {META}\" content=\"{policy}\" />{after}"
    ))
}

/// The headers that a static host should send with each file of the page.
pub(crate) fn headers(html: &str) -> Result<String> {
    Ok(format!(
        "/*\n  Content-Security-Policy: {}; frame-ancestors 'none'\n  X-Content-Type-Options: nosniff\n  \
         Referrer-Policy: no-referrer\n  Cross-Origin-Opener-Policy: same-origin\n",
        policy(&without_meta(html))?
    ))
}

const META: &str = "<meta http-equiv=\"Content-Security-Policy";

fn policy(html: &str) -> Result<String> {
    let scripts = inline(html, "script")?;
    let hashes = |contents: &[&str]| -> String {
        let hash = |content: &&str| BASE64_STANDARD.encode(Sha256::digest(content.as_bytes()));
        contents
            .iter()
            .map(|content| format!(" 'sha256-{}'", hash(content)))
            .collect()
    };
    let policy = TEMPLATE
        .trim()
        .replace("{scripts}", &hashes(&scripts))
        .replace("{styles}", &hashes(&inline(html, "style")?))
        .replace("{connect}", LOOPBACK);
    ensure!(
        !policy.contains(['{', '}', '"']),
        "the policy cannot be written: {policy}"
    );
    Ok(policy)
}

fn without_meta(html: &str) -> String {
    let Some((before, rest)) = html.split_once(META) else {
        return html.to_owned();
    };
    let after = rest.split_once('>').map_or("", |(_, after)| after);
    format!("{}{after}", before.trim_end())
}

/// Joins style elements that only spaces part: one hash instead of twenty, which do not compress.
fn one_sheet(html: &str) -> String {
    let mut parts = html.split("</style>");
    let mut joined = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.trim_start().strip_prefix("<style>") {
            Some(more) => joined.push_str(more),
            None => {
                joined.push_str("</style>");
                joined.push_str(part);
            }
        }
    }
    joined
}

/// The contents of elements of this name that have no `src`.
fn inline<'a>(html: &'a str, element: &str) -> Result<Vec<&'a str>> {
    let (opening, closing) = (format!("<{element}"), format!("</{element}>"));
    let mut contents = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once(&opening) {
        let Some((tag, content)) = after.split_once('>') else {
            bail!("<{element} is not closed");
        };
        let Some((content, after)) = content.split_once(&closing) else {
            bail!("<{element}> has no end");
        };
        if !tag.contains(" src=") && !content.is_empty() {
            contents.push(content);
        }
        rest = after;
    }
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<!doctype html>\n<html>\n  <head>\n    <style>a{}</style>\n    <style>b{}\n</style>\n    \
        <script src=\"/x.js\"></script><script type=\"module\">alert(1)</script></head><body></body></html>";

    #[test]
    fn the_policy_stands_before_what_it_holds_back() {
        let html = with_meta(PAGE).unwrap();
        let policy = html.find(META).unwrap();
        assert!(policy < html.find("<style").unwrap() && policy < html.find("<script").unwrap());
        // `printf 'alert(1)' | openssl dgst -sha256 -binary | base64`
        assert!(
            html.contains("script-src 'self' 'wasm-unsafe-eval' 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI=';"),
            "{html}"
        );
        assert!(!html.contains("unsafe-inline"));
        // A header may say it, an element may not.
        assert!(!html.contains("frame-ancestors"));
        let headers = headers(&html).unwrap();
        assert!(headers.contains("frame-ancestors 'none'\n"), "{headers}");
        assert!(
            headers.contains("sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF"),
            "{headers}"
        );
    }

    #[test]
    fn style_sheets_become_one() {
        let html = with_meta(PAGE).unwrap();
        assert_eq!(html.matches("<style>").count(), 1);
        assert!(html.contains("<style>a{}b{}\n</style>"), "{html}");
    }

    #[test]
    fn written_twice_is_written_once() {
        let once = with_meta(PAGE).unwrap();
        assert_eq!(with_meta(&once).unwrap(), once);
    }

    #[test]
    fn what_is_no_page_is_refused() {
        assert!(with_meta("<p>").is_err());
        assert!(with_meta("<head><script>never").is_err());
    }
}
