//! The sample images that Lamina brings along: files laid out as the distribution API, served from
//! the page's own origin.

use super::{EndpointError, Flavour};
use crate::{error::ErrorKind, session::Options, url::Url};

/// The reserved registry name of the samples. `.lamina` is no top-level domain.
pub const REGISTRY: &str = "samples.lamina";

/// The samples.
pub(super) struct Samples;

impl Flavour for Samples {
    fn id(&self) -> &'static str {
        "samples"
    }

    fn title(&self) -> &'static str {
        "the sample images"
    }

    fn claims(&self, registry: &str) -> bool {
        registry == REGISTRY
    }

    fn endpoint(&self, _registry: &str, options: &Options) -> Result<Url, EndpointError> {
        options.samples.clone().ok_or(EndpointError::NoSamples)
    }

    fn answers_cross_origin(&self) -> Option<bool> {
        Some(true)
    }

    fn advice(&self, kind: &ErrorKind) -> Option<String> {
        match kind {
            ErrorKind::NoSuchTag { .. } | ErrorKind::NotARegistry { .. } => Some(
                "the sample images are served by `lamina serve`; this page was published without \
                 them"
                    .to_owned(),
            ),
            // What the page's service worker says without a network.
            ErrorKind::Status { status: 410, .. } => Some(
                "open the demo once where there is a network: it is kept then, and opens without one"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}
