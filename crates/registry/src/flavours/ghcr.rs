//! GitHub's container registry.

use super::Flavour;
use crate::error::ErrorKind;

/// GHCR.
pub(super) struct Ghcr;

impl Flavour for Ghcr {
    fn id(&self) -> &'static str {
        "ghcr"
    }

    fn title(&self) -> &'static str {
        "GitHub Container Registry"
    }

    fn claims(&self, registry: &str) -> bool {
        registry == "ghcr.io"
    }

    fn answers_cross_origin(&self) -> Option<bool> {
        Some(false)
    }

    fn advice(&self, kind: &ErrorKind) -> Option<String> {
        match kind {
            ErrorKind::LoginNeeded { .. } | ErrorKind::LoginRefused { .. } => Some(
                "for a private package, log in with your GitHub user name and a classic personal \
                 access token that may read:packages"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}
