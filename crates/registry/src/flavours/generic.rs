//! Any registry: CNCF distribution, Harbor, zot, Gitea, GitLab, …

use super::Flavour;

/// Claims everything.
pub(super) struct Generic;

impl Flavour for Generic {
    fn id(&self) -> &'static str {
        "generic"
    }

    fn title(&self) -> &'static str {
        "the registry"
    }

    fn claims(&self, _registry: &str) -> bool {
        true
    }
}
