//! The few parts of a URL that the protocol needs.
//!
//! Not the WHATWG parser: its tables for international names alone weigh more than this crate.
//! Host names must be ASCII; user names in URLs are refused, as they would put credentials in logs.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::limits;

/// `http` or `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Without TLS.
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    /// The scheme's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> &'static str {
        match self {
            Self::Http => "80",
            Self::Https => "443",
        }
    }
}

/// An absolute `http` or `https` URL without user name and fragment.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Url {
    scheme: Scheme,
    /// Lower case, without the scheme's default port.
    authority: Box<str>,
    /// Begins with a slash.
    path: Box<str>,
    /// Without the question mark.
    query: Option<Box<str>>,
}

/// Why a text is no URL that we would ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Neither `http` nor `https`.
    #[error("neither an http nor an https address")]
    Scheme,
    /// The host is missing or has characters that no host has.
    #[error("no valid host in the address")]
    Host,
    /// `user@host`.
    #[error("a user name in the address")]
    UserInfo,
    /// Longer than [`limits::URL_BYTES`].
    #[error("address too long")]
    TooLong,
}

impl Url {
    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Host and, unless it is the scheme's own, port.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The host alone; IPv6 addresses keep their brackets.
    pub fn host(&self) -> &str {
        split_port(&self.authority).0
    }

    /// The path, which begins with a slash.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query without its question mark.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// Whether scheme, host and port are the same.
    pub fn is_same_origin(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.authority == other.authority
    }

    /// This URL with `segments` appended to its path. They must already be fit for a path.
    #[must_use]
    pub fn with_path_suffix(&self, segments: &str) -> Self {
        let base = self.path.trim_end_matches('/');
        let segments = segments.trim_start_matches('/');
        Self {
            path: clean(&format!("{base}/{segments}")).into(),
            query: None,
            ..self.clone()
        }
    }

    /// This URL with a query parameter more; name and value are percent-encoded.
    #[must_use]
    pub fn with_param(&self, name: &str, value: &str) -> Self {
        let mut query = self.query.as_deref().unwrap_or_default().to_owned();
        if !query.is_empty() {
            query.push('&');
        }
        percent_encode(name, &mut query);
        query.push('=');
        percent_encode(value, &mut query);
        Self {
            query: Some(query.into()),
            ..self.clone()
        }
    }

    /// The URL that `text` (of a `Location` or `Link`) means here.
    pub fn join(&self, text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        if text.len() > limits::URL_BYTES {
            return Err(UrlError::TooLong);
        }
        let without_fragment = text.split('#').next().unwrap_or_default();
        if let Some(rest) = without_fragment.strip_prefix("//") {
            return format!("{}://{rest}", self.scheme.as_str()).parse();
        }
        if has_scheme(without_fragment) {
            return without_fragment.parse();
        }
        let (path, query) = match without_fragment.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (without_fragment, None),
        };
        let path = if path.is_empty() {
            self.path.to_string()
        } else if path.starts_with('/') {
            path.to_owned()
        } else {
            let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{folder}/{path}")
        };
        Ok(Self {
            path: clean(&remove_dots(&path)).into(),
            query: query.map(|query| clean(query).into()),
            ..self.clone()
        })
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        if text.len() > limits::URL_BYTES {
            return Err(UrlError::TooLong);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let scheme = if scheme.eq_ignore_ascii_case("https") {
            Scheme::Https
        } else if scheme.eq_ignore_ascii_case("http") {
            Scheme::Http
        } else {
            return Err(UrlError::Scheme);
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end).ok_or(UrlError::Host)?;
        if authority.contains('@') {
            return Err(UrlError::UserInfo);
        }
        let authority = check_authority(authority, scheme)?;
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self {
            scheme,
            authority: authority.into(),
            path: clean(&remove_dots(path)).into(),
            query: query.map(|query| clean(query).into()),
        })
    }
}

impl TryFrom<String> for Url {
    type Error = UrlError;

    fn try_from(text: String) -> Result<Self, UrlError> {
        text.parse()
    }
}

impl From<Url> for String {
    fn from(url: Url) -> Self {
        url.to_string()
    }
}

/// The whole URL with its query, which may hold secrets (pre-signed URLs): for requests, not for
/// logs.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.scheme.as_str();
        write!(f, "{scheme}://{}{}", self.authority, self.path)?;
        match &self.query {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

/// Without the query.
impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.scheme.as_str();
        write!(f, "{scheme}://{}{}", self.authority, self.path)?;
        f.write_str(if self.query.is_some() { "?…" } else { "" })
    }
}

/// Host and port of an authority; IPv6 addresses keep their brackets.
pub(crate) fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// Whether a host (with or without port) names this machine itself.
pub fn is_loopback(authority: &str) -> bool {
    let host = split_port(authority).0;
    host.eq_ignore_ascii_case("localhost")
        || host.ends_with(".localhost")
        || host == "[::1]"
        || host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

fn check_authority(authority: &str, scheme: Scheme) -> Result<String, UrlError> {
    let (host, port) = split_port(authority);
    let is_host = match host.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')) {
        Some(ip) => ip.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.len() <= 253
                && host
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        }
    };
    if !is_host {
        return Err(UrlError::Host);
    }
    let host = host.to_ascii_lowercase();
    match port {
        None | Some("") => Ok(host),
        Some(port) if port == scheme.default_port() => Ok(host),
        Some(port) => {
            let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
            match port.parse::<u16>() {
                Ok(port @ 1..) if is_number => Ok(format!("{host}:{port}")),
                _ => Err(UrlError::Host),
            }
        }
    }
}

fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

/// Removes `.` and `..` segments: RFC 3986, section 5.2.4.
fn remove_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut ends_in_folder = false;
    for segment in path.split('/').skip(1) {
        let dots = segment.replace("%2e", ".").replace("%2E", ".");
        ends_in_folder = dots == "." || dots == "..";
        match dots.as_str() {
            "." => {}
            ".." => {
                kept.pop();
            }
            _ => kept.push(segment),
        }
    }
    let mut clean = String::with_capacity(path.len());
    for segment in kept {
        clean.push('/');
        clean.push_str(segment);
    }
    if ends_in_folder || clean.is_empty() {
        clean.push('/');
    }
    clean
}

/// Percent-encodes what must not stand in a path or query as it is, and nothing else: what is
/// encoded already stays, as signatures depend on it.
fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&byte) {
            clean.push(char::from(byte));
        } else {
            push_encoded(byte, &mut clean);
        }
    }
    clean
}

fn percent_encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        // Slash, colon and comma may stand in a query, and scopes are made of them; some token
        // servers compare the raw text.
        if byte.is_ascii_alphanumeric() || b"-._~/:,".contains(&byte) {
            into.push(char::from(byte));
        } else {
            push_encoded(byte, into);
        }
    }
}

fn push_encoded(byte: u8, into: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    into.push('%');
    for nibble in [byte >> 4, byte & 15] {
        let digit = DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
        into.push(char::from(digit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart_and_put_together() {
        let check = |text: &str, expect: &str| {
            let url: Url = text.parse().unwrap();
            assert_eq!(url.to_string(), expect);
            assert_eq!(url.to_string().parse::<Url>().unwrap(), url);
        };
        check("https://ghcr.io/token", "https://ghcr.io/token");
        check("HTTPS://GHCR.io:443", "https://ghcr.io/");
        check("http://[::1]:5000/v2/", "http://[::1]:5000/v2/");
        check("http://a:80?x=1#frag", "http://a/?x=1");
        check("https://a/b/../c/./d?e=é f", "https://a/c/d?e=%C3%A9%20f");
        check("https://a/%2e%2E/b", "https://a/b");
        check("https://a/x?sig=a%2Bb%3d", "https://a/x?sig=a%2Bb%3d");
    }

    #[test]
    fn what_is_no_url_is_refused() {
        let check = |text: &str, expect| assert_eq!(text.parse::<Url>(), Err(expect), "{text}");
        check("", UrlError::Scheme);
        check("ghcr.io/token", UrlError::Scheme);
        check("ftp://a/", UrlError::Scheme);
        check("javascript://a/", UrlError::Scheme);
        check("https://", UrlError::Host);
        check("https:///v2/", UrlError::Host);
        check("https://a b/", UrlError::Host);
        check("https://exämple/", UrlError::Host);
        check("https://a:99999/", UrlError::Host);
        check("https://a:0/", UrlError::Host);
        check("https://[::1/", UrlError::Host);
        check("https://user:pw@a/", UrlError::UserInfo);
        check("https://a\\@b/", UrlError::UserInfo);
        let long = format!("https://a/{}", "x".repeat(limits::URL_BYTES));
        check(&long, UrlError::TooLong);
    }

    #[test]
    fn relative_references_resolve() {
        let base: Url = "https://r.example/v2/a/tags/list?n=5".parse().unwrap();
        let check = |text: &str, expect: &str| {
            assert_eq!(base.join(text).unwrap().to_string(), expect, "{text}");
        };
        check(
            "/v2/a/tags/list?n=5&last=x",
            "https://r.example/v2/a/tags/list?n=5&last=x",
        );
        check("?last=y", "https://r.example/v2/a/tags/list?last=y");
        check("other", "https://r.example/v2/a/tags/other");
        check("../manifests/x", "https://r.example/v2/a/manifests/x");
        check("//cdn.example/b", "https://cdn.example/b");
        check("http://cdn.example/b", "http://cdn.example/b");
        assert!(base.join("javascript:alert(1)").is_err());
        assert!(base.join("file:///etc/passwd").is_err());
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        for host in [
            "localhost",
            "LOCALHOST:5000",
            "127.0.0.1:1",
            "[::1]:5000",
            "a.localhost",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "localhost.example",
            "127.0.0.1.example",
            "10.0.0.1",
            "[::2]:1",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn debug_text_hides_the_query() {
        let url: Url = "https://s3.example/b?X-Amz-Signature=secret"
            .parse()
            .unwrap();
        assert_eq!(format!("{url:?}"), "https://s3.example/b?…");
    }

    proptest::proptest! {
        #[test]
        fn joining_never_panics_and_stays_a_url(text in "\\PC{0,60}") {
            let base: Url = "https://a.example/b/c".parse().unwrap();
            if let Ok(url) = base.join(&text) {
                proptest::prop_assert_eq!(url.to_string().parse::<Url>().unwrap(), url);
            }
        }
    }
}
