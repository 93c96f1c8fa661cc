//! Requests and answers as plain data.

use std::{fmt, sync::Arc};

use crate::url::Url;

/// The methods that pulling needs, and those of pushing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// POST, to begin an upload.
    Post,
    /// PUT, to store what is uploaded.
    Put,
}

impl Method {
    /// The method's name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// A request that the driver shall perform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// Where to. Through the relay: [`crate::relay::relayed`].
    pub url: Url,
    /// `Accept`, `Authorization`, `Range`, and `Content-Type` with a body; nothing else is ever asked
    /// for.
    pub headers: Headers,
    /// What is sent; only in pushes.
    pub body: Option<Arc<[u8]>>,
    /// Bytes of the body that the driver may read; beyond them it answers
    /// [`TransportError::TooLarge`]. Does not apply to bodies that are streamed.
    pub body_limit: u64,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// The headers that could be read.
    pub headers: Headers,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection: name not found, refused, no network.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// TLS could not be set up, for example because the certificate is not trusted.
    #[error("no secure connection: {0}")]
    Tls(String),
    /// Nothing came for too long.
    #[error("no answer in time")]
    Timeout,
    /// The browser does not let the page read the answer (or could not connect: `fetch` tells these
    /// apart to nobody).
    #[error("the browser may not read its answers (CORS)")]
    CorsRefused,
    /// The connection ended within the body.
    #[error("the transfer broke off after {received} bytes")]
    BrokenBody {
        /// Bytes of this body that did arrive.
        received: u64,
    },
    /// The body is larger than the request allowed.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The request's limit in bytes.
        limit: u64,
    },
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl TransportError {
    /// Whether the same request may succeed a moment later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Timeout | Self::BrokenBody { .. } | Self::Other(_) => true,
            Self::Tls(_) | Self::CorsRefused | Self::TooLarge { .. } => false,
        }
    }
}

/// Header fields, in order; names compare without regard to case.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Adds a field.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    /// The first value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// All values of a field.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether the body is said to be of this media type (`text/html`), parameters aside.
    pub(crate) fn is_media_type(&self, media_type: &str) -> bool {
        self.media_type()
            .is_some_and(|found| found.eq_ignore_ascii_case(media_type))
    }

    /// `Content-Type` without parameters.
    pub(crate) fn media_type(&self) -> Option<&str> {
        let value = self.get("content-type")?;
        Some(value.split(';').next().unwrap_or(value).trim())
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(fields: T) -> Self {
        Self(
            fields
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

/// Shows no secrets: neither credentials nor the signatures in redirects.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SECRET: [&str; 5] = [
            "authorization",
            "proxy-authorization",
            "cookie",
            "set-cookie",
            "location",
        ];
        let mut map = f.debug_map();
        for (name, value) in self.iter() {
            if SECRET
                .iter()
                .any(|secret| name.eq_ignore_ascii_case(secret))
            {
                map.entry(&name, &"…");
            } else {
                map.entry(&name, &value);
            }
        }
        map.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_text_hides_credentials() {
        let headers: Headers = [("Authorization", "Basic c2VjcmV0"), ("accept", "a/b")]
            .into_iter()
            .collect();
        let text = format!("{headers:?}");
        assert!(!text.contains("c2VjcmV0") && text.contains("a/b"), "{text}");
    }
}
