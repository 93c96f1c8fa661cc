//! What can go wrong with a registry, where it did, and what to do about it.

use std::{fmt, time::Duration};

use lamina_image::digest::Digest;
use serde::{Deserialize, Serialize};

use crate::{
    flavours::{EndpointError, flavour_of},
    http::{HttpAnswer, TransportError},
    limits,
    rate::{RateLimit, duration_in_words},
    tags::TagList,
    url::UrlError,
};

/// The step of a pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Stage {
    /// Finding the registry's address.
    Address,
    /// Asking whether it is there.
    Ping,
    /// Asking for a token.
    Token,
    /// Asking for a manifest or index.
    Manifest,
    /// Asking for an image's config.
    Config,
    /// Asking for a blob: a layer.
    Blob,
    /// Asking for the tags.
    Tags,
    /// Storing something.
    Push,
}

/// Words that follow "while".
impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "looking for the registry",
            Self::Ping => "greeting the registry",
            Self::Token => "asking for a token",
            Self::Manifest => "asking for the manifest",
            Self::Config => "asking for the config",
            Self::Blob => "asking for a layer",
            Self::Tags => "asking for the tags",
            Self::Push => "storing what is pushed",
        })
    }
}

/// A step of a pull that failed for good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{registry}, {stage}: {kind}")]
pub struct PullError {
    /// The registry as it is named in references.
    pub registry: String,
    /// The step.
    pub stage: Stage,
    /// What went wrong; its text is part of this error's.
    pub kind: Box<ErrorKind>,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The registry has no address.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The reference cannot stand in a registry's address.
    #[error("{0:?} can be neither a repository nor a tag nor a digest")]
    BadReference(String),
    /// No answer.
    #[error("{host}: {source}")]
    Transport {
        /// The host that was asked.
        host: String,
        /// Why there is none.
        source: TransportError,
    },
    /// The repository has no such tag or manifest.
    #[error("{repository:?} has no {} {reference:?}", tag_or_digest(.reference))]
    NoSuchTag {
        /// The repository.
        repository: String,
        /// The tag or digest.
        reference: String,
        /// What the registry says.
        said: Said,
    },
    /// The registry has no such repository.
    #[error("there is no repository {repository:?}")]
    NoSuchRepository {
        /// The repository.
        repository: String,
        /// What the registry says.
        said: Said,
    },
    /// The registry has no such blob.
    #[error("the blob {digest} is missing from {repository:?}")]
    NoSuchBlob {
        /// The repository.
        repository: String,
        /// The blob.
        digest: String,
        /// What the registry says.
        said: Said,
    },
    /// Not without a login, or not there: registries do not tell these apart.
    #[error("{}needs a login, or does not exist", in_repository(.repository))]
    LoginNeeded {
        /// The repository, where one was asked for.
        repository: Option<String>,
        /// What the registry says.
        said: Said,
    },
    /// The credentials are not accepted, or not for this.
    #[error("the login is refused ({status}){said}")]
    LoginRefused {
        /// 401 or 403.
        status: u16,
        /// What the registry says.
        said: Said,
    },
    /// The login is right and still not allowed to do this.
    #[error("{}is denied to this login", in_repository(.repository))]
    Denied {
        /// The repository, where one was asked for.
        repository: Option<String>,
        /// What the registry says.
        said: Said,
    },
    /// Too many requests.
    #[error("too many requests{said}")]
    RateLimited {
        /// How long the registry asks to wait.
        retry_after: Option<Duration>,
        /// The limit, if it was told.
        rate: Option<Box<RateLimit>>,
        /// What the registry says.
        said: Said,
    },
    /// The answer is no registry's.
    #[error("{host} answers with {found}: it is no registry")]
    NotARegistry {
        /// The host that answered.
        host: String,
        /// What it answered with, e.g. `a web page (HTML)`.
        found: String,
    },
    /// A challenge that we cannot meet.
    #[error("{host} wants a login in a way that is not understood: {detail}")]
    BadChallenge {
        /// The host that was asked.
        host: String,
        /// What is wrong with the challenge.
        detail: String,
    },
    /// The token endpoint's answer holds no token.
    #[error("{host} gives no token")]
    BadToken {
        /// The host of the token endpoint.
        host: String,
    },
    /// A redirect that is not followed.
    #[error("{host} redirects {detail}")]
    Redirect {
        /// The host that redirects.
        host: String,
        /// Why it is not followed.
        detail: String,
    },
    /// The relay will not do this.
    #[error("the relay refuses{said}")]
    RelayRefused {
        /// Why, in the relay's words.
        said: Said,
    },
    /// The content is not what its digest says.
    #[error("the digest does not match: asked for {expected}, received {found}")]
    DigestMismatch {
        /// The digest that was asked for, or that the registry announced.
        expected: Digest,
        /// The digest of what came.
        found: Digest,
    },
    /// More bytes than the descriptor says.
    #[error("more than the {expected} bytes that the manifest announces")]
    TooLong {
        /// The descriptor's size in bytes.
        expected: u64,
    },
    /// The transfer broke too often.
    #[error("the transfer broke off {breaks} times, last after {received} bytes: {source}")]
    KeepsBreaking {
        /// How often.
        breaks: u32,
        /// Bytes received in all.
        received: u64,
        /// The last break.
        source: TransportError,
    },
    /// An answer larger than we accept.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// Any other status.
    #[error("{host} answers {status}{said}")]
    Status {
        /// The host that answered.
        host: String,
        /// The status.
        status: u16,
        /// What the registry says.
        said: Said,
    },
    /// The machine was stopped before it was done.
    #[error("stopped before it was done")]
    Unfinished,
}

/// The registry's own words: bounded, without control characters, never to be acted on.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Said {
    /// The error code, such as `MANIFEST_UNKNOWN`.
    pub code: Option<String>,
    /// The message.
    pub message: Option<String>,
}

/// `: MESSAGE (CODE)` or nothing.
impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.message, &self.code) {
            (Some(message), Some(code)) => write!(f, ": {message} ({code})"),
            (Some(text), None) | (None, Some(text)) => write!(f, ": {text}"),
            (None, None) => Ok(()),
        }
    }
}

/// What may help, for the page to offer as a button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// Show the repository's tags.
    ListTags,
    /// Correct the reference.
    CheckReference,
    /// Give a user name and password or token.
    LogIn,
    /// Go through the relay of `lamina serve`.
    UseRelay,
    /// Wait, as long as is known.
    Wait(Option<Duration>),
    /// Try again.
    Retry,
    /// Nothing the reader can do: the registry or the image is at fault.
    None,
}

impl PullError {
    pub(crate) fn new(registry: &str, stage: Stage, kind: ErrorKind) -> Self {
        Self {
            registry: registry.to_owned(),
            stage,
            kind: Box::new(kind),
        }
    }

    /// What may help.
    pub fn remedy(&self) -> Remedy {
        match &*self.kind {
            ErrorKind::Endpoint(_)
            | ErrorKind::BadReference(_)
            | ErrorKind::NoSuchRepository { .. }
            | ErrorKind::NotARegistry { .. } => Remedy::CheckReference,
            ErrorKind::NoSuchTag { .. } => Remedy::ListTags,
            ErrorKind::LoginNeeded { .. }
            | ErrorKind::LoginRefused { .. }
            | ErrorKind::Denied { .. } => Remedy::LogIn,
            ErrorKind::RateLimited { retry_after, .. } => Remedy::Wait(*retry_after),
            ErrorKind::Transport { source, .. } => match source {
                TransportError::CorsRefused => Remedy::UseRelay,
                TransportError::Tls(_) | TransportError::TooLarge { .. } => Remedy::None,
                _ => Remedy::Retry,
            },
            ErrorKind::KeepsBreaking { .. } | ErrorKind::DigestMismatch { .. } => Remedy::Retry,
            ErrorKind::Status { status, .. } if *status >= 500 => Remedy::Retry,
            _ => Remedy::None,
        }
    }

    /// What to do, in one or two sentences without final stop.
    pub fn advice(&self) -> String {
        let own = match &*self.kind {
            ErrorKind::Endpoint(EndpointError::NoSamples) => {
                "start `lamina serve` to have the sample images".to_owned()
            }
            ErrorKind::Endpoint(_) | ErrorKind::BadReference(_) => {
                "check the spelling of the reference".to_owned()
            }
            ErrorKind::NoSuchTag { .. } => {
                "check the tag, or list the repository's tags".to_owned()
            }
            ErrorKind::NoSuchRepository { .. } => {
                "check the repository's name; a private one may need a login".to_owned()
            }
            ErrorKind::NoSuchBlob { .. } => {
                "the registry lists this blob and has lost it; the image must be pushed again"
                    .to_owned()
            }
            ErrorKind::LoginNeeded { .. } => {
                "check the name; if the repository is private, log in".to_owned()
            }
            ErrorKind::LoginRefused { .. } => "check user name and password or token".to_owned(),
            ErrorKind::Denied { .. } => {
                "ask for the right to pull from this repository, or log in as someone who has it"
                    .to_owned()
            }
            ErrorKind::RateLimited { retry_after, .. } => match retry_after {
                Some(wait) => format!("try again in {}", duration_in_words(*wait)),
                None => "wait a while, or log in: most registries allow more then".to_owned(),
            },
            ErrorKind::NotARegistry { .. } => {
                "check the registry's name; the answer may also come from a proxy or login page \
                 before it"
                    .to_owned()
            }
            ErrorKind::RelayRefused { .. } => {
                "the relay protects the network that it runs in; whoever runs `lamina serve` can \
                 allow this address with --allow-registry"
                    .to_owned()
            }
            ErrorKind::Transport { source, .. } => match source {
                TransportError::CorsRefused => {
                    "browsers may not read this registry's answers from another site; go through \
                     the relay: open this page from `lamina serve`, or drop the output of `docker \
                     save` on it"
                        .to_owned()
                }
                TransportError::Tls(_) => {
                    "the registry's certificate is not trusted; for a registry without TLS, use \
                     --plain-http"
                        .to_owned()
                }
                TransportError::TooLarge { .. } => {
                    "no real manifest is that large; check the reference".to_owned()
                }
                _ => "check the network and the registry's name, then try again".to_owned(),
            },
            ErrorKind::KeepsBreaking { .. } => "the connection is poor; try again later".to_owned(),
            ErrorKind::DigestMismatch { .. } | ErrorKind::TooLong { .. } => {
                "something between here and the registry changes or damages its answers; do not \
                 trust this image"
                    .to_owned()
            }
            ErrorKind::TooLarge { .. } => {
                "no real manifest is that large; check the reference".to_owned()
            }
            ErrorKind::Status { status, .. } if *status >= 500 => {
                "the registry has a problem of its own; try again later".to_owned()
            }
            ErrorKind::Status { .. }
            | ErrorKind::BadChallenge { .. }
            | ErrorKind::BadToken { .. }
            | ErrorKind::Redirect { .. } => {
                "the registry does not behave as the distribution specification says; ask those \
                 who run it"
                    .to_owned()
            }
            ErrorKind::Unfinished => "start again".to_owned(),
        };
        flavour_of(&self.registry).advice(&self.kind).unwrap_or(own)
    }
}

fn tag_or_digest(reference: &str) -> &'static str {
    if reference.contains(':') {
        "manifest"
    } else {
        "tag"
    }
}

/// A few of a repository's tags in a sentence, those most like `wanted` first: what to offer someone
/// whose tag is not there.
pub fn tags_in_words(wanted: &str, tags: &TagList) -> String {
    const SHOWN: usize = 12;
    if tags.tags.is_empty() {
        return "the repository has no tags".to_owned();
    }
    let likeness = |tag: &str| {
        let common = tag.bytes().zip(wanted.bytes()).take_while(|(a, b)| a == b);
        common.count()
    };
    let mut sorted: Vec<&str> = tags.tags.iter().map(String::as_str).collect();
    sorted.sort_by_key(|tag| std::cmp::Reverse(likeness(tag)));
    let more = match sorted.len().checked_sub(SHOWN) {
        Some(more) if more > 0 && tags.is_complete => format!(" and {more} more"),
        None if tags.is_complete => String::new(),
        Some(0) if tags.is_complete => String::new(),
        _ => " and more".to_owned(),
    };
    sorted.truncate(SHOWN);
    format!("it has the tags {}{more}", sorted.join(", "))
}

fn in_repository(repository: &Option<String>) -> String {
    match repository {
        Some(repository) => format!("{repository:?} "),
        None => "this ".to_owned(),
    }
}

impl From<UrlError> for ErrorKind {
    fn from(error: UrlError) -> Self {
        Self::BadReference(error.to_string())
    }
}

/// Reads the registry's words from an error's body.
pub(crate) fn said(answer: &HttpAnswer) -> Said {
    #[derive(Deserialize)]
    struct Body {
        // `detail` is anything at all and is not read.
        errors: Vec<Item>,
    }
    #[derive(Deserialize)]
    struct Item {
        #[serde(default)]
        code: Option<String>,
        #[serde(default)]
        message: Option<String>,
    }
    let body = &answer.body;
    if body.len() as u64 > limits::ERROR_BYTES || is_html(answer) {
        return Said::default();
    }
    if let Ok(Body { errors }) = serde_json::from_slice::<Body>(body) {
        let Some(first) = errors.into_iter().next() else {
            return Said::default();
        };
        return Said {
            code: first.code.and_then(|code| tidy(&code, limits::CODE_CHARS)),
            message: first
                .message
                .and_then(|message| tidy(&message, limits::MESSAGE_CHARS)),
        };
    }
    // ECR and Docker Hub answer some errors with a line of plain text.
    let is_text = answer.headers.media_type().is_none_or(|found| {
        found.eq_ignore_ascii_case("text/plain") || found.eq_ignore_ascii_case("application/json")
    });
    let message = std::str::from_utf8(body)
        .ok()
        .filter(|text| is_text && !text.trim_start().starts_with(['{', '[', '<']))
        .and_then(|text| tidy(text, limits::MESSAGE_CHARS));
    Said {
        code: None,
        message,
    }
}

/// Whether a body is a web page, whatever the reason.
pub(crate) fn is_html(answer: &HttpAnswer) -> bool {
    if answer.headers.is_media_type("text/html") {
        return true;
    }
    let start: Vec<u8> = answer
        .body
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .take(5)
        .map(|byte| byte.to_ascii_lowercase())
        .collect();
    start.starts_with(b"<html") || start.starts_with(b"<!doc")
}

fn tidy(text: &str, limit: usize) -> Option<String> {
    let mut tidy = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !tidy.is_empty() {
            tidy.push(' ');
        }
        tidy.extend(word.chars().filter(|c| !is_invisible(*c)));
        if tidy.len() > limit.saturating_mul(4) {
            break;
        }
    }
    if tidy.chars().count() > limit {
        tidy = tidy.chars().take(limit).chain(['…']).collect();
    }
    (!tidy.is_empty()).then_some(tidy)
}

/// Characters that change the direction of text or cannot be seen.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Headers;

    fn answer(content_type: &str, body: &str) -> HttpAnswer {
        HttpAnswer {
            status: 404,
            headers: Headers::from_iter([("content-type", content_type)]),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn the_registrys_words_are_read_and_bounded() {
        let check = |content_type: &str, body: &str, expect: &str| {
            assert_eq!(
                said(&answer(content_type, body)).to_string(),
                expect,
                "{body}"
            );
        };
        check(
            "application/json",
            r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"x":[1]}}]}"#,
            ": manifest unknown (MANIFEST_UNKNOWN)",
        );
        check("application/json", r#"{"errors":[]}"#, "");
        check("application/json", r#"{"errors":[{"code":7}]}"#, "");
        check("application/json", r#"{"errors":null}"#, "");
        check(
            "text/plain; charset=utf-8",
            "Not Authorized\n",
            ": Not Authorized",
        );
        check("text/html", "<html>nginx</html>", "");
        check("text/plain", "<html>nginx</html>", "");
        check("application/octet-stream", "abc", "");
        check("text/plain", "a\u{202e}b\0c \r\n d", ": ab c d");
        let long = said(&answer("text/plain", &"x".repeat(60_000)));
        assert_eq!(
            long.message.unwrap().chars().count(),
            limits::MESSAGE_CHARS + 1
        );
    }

    #[test]
    fn web_pages_are_known_by_type_or_first_bytes() {
        assert!(is_html(&answer("text/html; charset=utf-8", "")));
        assert!(is_html(&answer("application/json", " \n<!DOCTYPE html>")));
        assert!(is_html(&answer("", "<HTML>")));
        assert!(!is_html(&answer("application/json", "{\"a\":\"<html>\"}")));
    }

    #[test]
    fn tags_are_offered_with_the_likest_first() {
        let check = |tags: &[&str], is_complete, expect: &str| {
            let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
            assert_eq!(tags_in_words("1.2", &TagList { tags, is_complete }), expect);
        };
        check(&[], true, "the repository has no tags");
        check(&["0.9", "1.20", "2"], true, "it has the tags 1.20, 0.9, 2");
        check(&["0.9"], false, "it has the tags 0.9 and more");
        let many: Vec<String> = (10..30).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let text = "it has the tags 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21 and 8 more";
        check(&many, true, text);
    }
}
