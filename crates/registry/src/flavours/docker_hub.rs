//! Docker Hub: its API lives on another host than its name, and pulls are counted.
//!
//! Limits: <https://docs.docker.com/docker-hub/usage/pulls/>. `ratelimit-remaining` is an amount per
//! window, and the window slides: no header says when it resets, only how long it is.

use super::{EndpointError, Flavour};
use crate::{error::ErrorKind, rate::duration_in_words, session::Options, url::Url};

/// Docker Hub.
pub(super) struct DockerHub;

impl Flavour for DockerHub {
    fn id(&self) -> &'static str {
        "docker-hub"
    }

    fn title(&self) -> &'static str {
        "Docker Hub"
    }

    fn claims(&self, registry: &str) -> bool {
        matches!(
            registry,
            "docker.io" | "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com"
        )
    }

    fn endpoint(&self, _registry: &str, _options: &Options) -> Result<Url, EndpointError> {
        "https://registry-1.docker.io/"
            .parse()
            .map_err(|source| EndpointError::BadName {
                registry: "docker.io".to_owned(),
                source,
            })
    }

    fn answers_cross_origin(&self) -> Option<bool> {
        Some(false)
    }

    fn advice(&self, kind: &ErrorKind) -> Option<String> {
        match kind {
            ErrorKind::RateLimited {
                rate, retry_after, ..
            } => {
                let window = rate.as_ref().and_then(|rate| rate.window);
                let when = match (retry_after, window) {
                    (Some(wait), _) => format!("try again in {}", duration_in_words(*wait)),
                    (None, Some(window)) => format!(
                        "pulls come back within {} of when they were made",
                        duration_in_words(window)
                    ),
                    (None, None) => "pulls come back within 6 hours".to_owned(),
                };
                Some(format!(
                    "Docker Hub counts pulls: 100 in 6 hours for each address without a login, 200 \
                     with a free account; {when}. Log in with a user name and an access token for \
                     more"
                ))
            }
            ErrorKind::LoginRefused { .. } => Some(
                "with two-factor login, Docker Hub wants an access token in place of the password"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}
