//! CycloneDX 1.6 as a vulnerability disclosure report: the bill of materials with the findings, and
//! what the policy says of each as its `analysis`.
//!
//! <https://cyclonedx.org/capabilities/vdr/>. A policy is no analysis by a person: what fails or warns
//! is `in_triage`, with the rule in `detail`. What a VEX statement answers is `not_affected` or `resolved`;
//! an exception accepts a risk and says nothing of whether it is one, so that it stays `in_triage` with the
//! response `will_not_fix` and its reason.

use super::{Format, Judged, cyclonedx};

/// The format `cyclonedx-vdr`.
#[derive(Clone, Copy, Debug)]
pub struct CycloneDxVdr;

impl Format for CycloneDxVdr {
    fn id(&self) -> &'static str {
        "cyclonedx-vdr"
    }

    fn media_type(&self) -> &'static str {
        "application/vnd.cyclonedx+json; version=1.6"
    }

    fn extension(&self) -> &'static str {
        "vdr.cdx.json"
    }

    fn about(&self) -> &'static str {
        "CycloneDX 1.6 (JSON) with what the policy, VEX and exceptions say of each finding"
    }

    fn render(&self, judged: &Judged<'_>) -> String {
        cyclonedx::render_analysed(judged)
    }
}
