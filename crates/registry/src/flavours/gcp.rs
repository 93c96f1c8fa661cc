//! Google Artifact Registry and Container Registry. Their challenges name neither service nor
//! scope; the scope that we add ourselves is what they expect.

use super::Flavour;
use crate::error::ErrorKind;

/// `*.pkg.dev` and `*.gcr.io`.
pub(super) struct Gcp;

impl Flavour for Gcp {
    fn id(&self) -> &'static str {
        "gcp"
    }

    fn title(&self) -> &'static str {
        "Google Artifact Registry"
    }

    fn claims(&self, registry: &str) -> bool {
        registry == "gcr.io"
            || registry.ends_with(".gcr.io")
            || registry.ends_with("-docker.pkg.dev")
    }

    fn answers_cross_origin(&self) -> Option<bool> {
        Some(false)
    }

    fn advice(&self, kind: &ErrorKind) -> Option<String> {
        match kind {
            ErrorKind::LoginNeeded { .. } | ErrorKind::LoginRefused { .. } => Some(
                "log in as oauth2accesstoken with the output of `gcloud auth print-access-token`, \
                 or as _json_key with a service account's key"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}
