//! Azure Container Registry.

use super::Flavour;
use crate::error::ErrorKind;

/// `*.azurecr.io` and the national clouds.
pub(super) struct Acr;

impl Flavour for Acr {
    fn id(&self) -> &'static str {
        "acr"
    }

    fn title(&self) -> &'static str {
        "Azure Container Registry"
    }

    fn claims(&self, registry: &str) -> bool {
        [".azurecr.io", ".azurecr.cn", ".azurecr.us"]
            .iter()
            .any(|suffix| registry.ends_with(suffix))
    }

    fn answers_cross_origin(&self) -> Option<bool> {
        Some(false)
    }

    fn advice(&self, kind: &ErrorKind) -> Option<String> {
        match kind {
            ErrorKind::LoginNeeded { .. } | ErrorKind::LoginRefused { .. } => Some(
                "log in as 00000000-0000-0000-0000-000000000000 with the accessToken of `az acr \
                 login --expose-token`, or with a repository-scoped token"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}
