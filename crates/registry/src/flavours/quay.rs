//! Quay: refuses wrong credentials even for public repositories.

use super::Flavour;
use crate::error::ErrorKind;

/// quay.io.
pub(super) struct Quay;

impl Flavour for Quay {
    fn id(&self) -> &'static str {
        "quay"
    }

    fn title(&self) -> &'static str {
        "Quay"
    }

    fn claims(&self, registry: &str) -> bool {
        registry == "quay.io"
    }

    fn answers_cross_origin(&self) -> Option<bool> {
        Some(false)
    }

    fn advice(&self, kind: &ErrorKind) -> Option<String> {
        match kind {
            ErrorKind::LoginRefused { .. } => Some(
                "Quay refuses a wrong login for public repositories too: try without one, or with a \
                 robot account (namespace+name) and its token"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}
