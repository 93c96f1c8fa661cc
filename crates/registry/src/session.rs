//! A registry, who we are there, and what was learned about it.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

use crate::{
    error::{ErrorKind, PullError, Stage},
    flavours::{Flavour, flavour_of},
    token::Learned,
    url::Url,
};

/// Who we are at a registry.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Credentials {
    /// A user name and a password or access token.
    Password {
        /// The user name.
        username: String,
        /// The password.
        password: String,
    },
    /// A token that the registry itself takes as `Authorization: Bearer`.
    Token(String),
}

impl Credentials {
    /// The user name, for token requests and for the eye.
    pub fn username(&self) -> Option<&str> {
        match self {
            Self::Password { username, .. } => Some(username),
            Self::Token(_) => None,
        }
    }

    /// The value of an `Authorization: Basic` header.
    pub(crate) fn basic(&self) -> Option<String> {
        match self {
            Self::Password { username, password } => {
                let pair = BASE64_STANDARD.encode(format!("{username}:{password}"));
                Some(format!("Basic {pair}"))
            }
            Self::Token(_) => None,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password { username, .. } => write!(f, "Password({username:?}, …)"),
            Self::Token(_) => f.write_str("Token(…)"),
        }
    }
}

/// What the edge knows and this crate cannot.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// Registries (`host` or `host:port`) that speak plain HTTP. This machine's own always may.
    pub plain_http: Vec<String>,
    /// Where the sample images are served: the page's origin and `/samples`.
    pub samples: Option<Url>,
    /// Shortens pauses before retries by up to half, in thousandths (0 to 1000): draw it at random,
    /// so that many clients do not come back at once.
    pub jitter_permille: u16,
}

/// A registry and what was learned about it: tokens, and how it wants to be asked.
///
/// Clones share what they learn. To use a session in another worker, send a [`SessionSnapshot`].
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    registry: String,
    endpoint: Url,
    flavour: &'static dyn Flavour,
    credentials: Option<Credentials>,
    jitter_permille: u16,
    learned: Mutex<Learned>,
}

/// A session as a value that can be sent elsewhere. It holds credentials and tokens: not for storage.
#[derive(Clone, Serialize, Deserialize)]
pub struct SessionSnapshot {
    registry: String,
    endpoint: Url,
    credentials: Option<Credentials>,
    jitter_permille: u16,
    learned: Learned,
}

impl fmt::Debug for SessionSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionSnapshot")
            .field(&self.registry)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// A session with a registry as references name it (`docker.io`, `localhost:5000`,
    /// `samples.lamina`).
    pub fn open(
        registry: &str,
        credentials: Option<Credentials>,
        options: &Options,
    ) -> Result<Self, PullError> {
        let endpoint = flavour_of(registry)
            .endpoint(registry, options)
            .map_err(|error| {
                PullError::new(registry, Stage::Address, ErrorKind::Endpoint(error))
            })?;
        Ok(Self::at(endpoint, registry, credentials, options))
    }

    /// A session with a registry whose API is at `endpoint`, whatever its name says; `/v2/` is
    /// appended to it.
    pub fn at(
        endpoint: Url,
        registry: &str,
        credentials: Option<Credentials>,
        options: &Options,
    ) -> Self {
        Self(Arc::new(Inner {
            registry: registry.to_ascii_lowercase(),
            endpoint,
            flavour: flavour_of(registry),
            credentials,
            jitter_permille: options.jitter_permille,
            learned: Mutex::default(),
        }))
    }

    /// The registry as references name it.
    pub fn registry(&self) -> &str {
        &self.0.registry
    }

    /// Where its API is; `/v2/` is appended to it.
    pub fn endpoint(&self) -> &Url {
        &self.0.endpoint
    }

    /// What kind of registry it is.
    pub fn flavour(&self) -> &'static dyn Flavour {
        self.0.flavour
    }

    /// Who we are there.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.0.credentials.as_ref()
    }

    /// The session as a value that can be sent to a worker.
    pub fn snapshot(&self) -> SessionSnapshot {
        SessionSnapshot {
            registry: self.0.registry.clone(),
            endpoint: self.0.endpoint.clone(),
            credentials: self.0.credentials.clone(),
            jitter_permille: self.0.jitter_permille,
            learned: self.learned().clone(),
        }
    }

    /// A session from a snapshot.
    pub fn restore(snapshot: SessionSnapshot) -> Self {
        Self(Arc::new(Inner {
            flavour: flavour_of(&snapshot.registry),
            registry: snapshot.registry,
            endpoint: snapshot.endpoint,
            credentials: snapshot.credentials,
            jitter_permille: snapshot.jitter_permille,
            learned: Mutex::new(snapshot.learned),
        }))
    }

    pub(crate) fn jitter_permille(&self) -> u16 {
        self.0.jitter_permille
    }

    pub(crate) fn learned(&self) -> MutexGuard<'_, Learned> {
        // What was learned is a cache: whatever state a panicking holder left is good enough.
        self.0
            .learned
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        self.0.endpoint.with_path_suffix(path)
    }

    pub(crate) fn error(&self, stage: Stage, kind: ErrorKind) -> PullError {
        PullError::new(&self.0.registry, stage, kind)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("registry", &self.0.registry)
            .field("endpoint", &self.0.endpoint)
            .field("credentials", &self.0.credentials)
            .finish_non_exhaustive()
    }
}

/// Whether a text can be a repository's name in a path: the distribution specification's grammar,
/// a little wider (no `..`, nothing that would leave the path).
pub fn is_repository(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 255
        && name.split('/').all(|part| {
            part.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte)
            }) && part.starts_with(|c: char| c.is_ascii_alphanumeric())
                && part.ends_with(|c: char| c.is_ascii_alphanumeric())
        })
}

/// Whether a text is a tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
pub fn is_tag(tag: &str) -> bool {
    tag.len() <= crate::limits::TAG_CHARS
        && tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && tag
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_shown() {
        let credentials = Credentials::Password {
            username: "me".to_owned(),
            password: "hunter2".to_owned(),
        };
        let session = Session::open("ghcr.io", Some(credentials), &Options::default()).unwrap();
        let text = format!(
            "{session:?} {:?} {:?}",
            session.snapshot(),
            session.credentials()
        );
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("me"));
    }

    #[test]
    fn names_and_tags_keep_to_the_grammar() {
        for name in ["a", "library/nginx", "a-b/c.d/e__f"] {
            assert!(is_repository(name), "{name}");
        }
        for name in [
            "", "/a", "a/", "a//b", "A", "a/..", "../a", "a b", "a?b", "a%2f",
        ] {
            assert!(!is_repository(name), "{name}");
        }
        assert!(is_tag("1.25-alpine") && is_tag("_x"));
        for tag in ["", ".", "-a", "a/b", "a b", "é", &"x".repeat(129)] {
            assert!(!is_tag(tag), "{tag}");
        }
    }
}
