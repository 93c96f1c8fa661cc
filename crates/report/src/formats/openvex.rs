//! OpenVEX 0.2.0: the policy's exceptions that keep findings of this image from counting.
//!
//! <https://github.com/openvex/spec>; [`lamina_policy::vex::export`] writes it, and says what it
//! leaves out.

use lamina_policy::vex;

use super::{Format, Judged, pretty, sorted};
use crate::verdict;

/// The format `openvex`.
#[derive(Clone, Copy, Debug)]
pub struct OpenVex;

impl Format for OpenVex {
    fn id(&self) -> &'static str {
        "openvex"
    }

    fn media_type(&self) -> &'static str {
        "application/vnd.openvex+json"
    }

    fn extension(&self) -> &'static str {
        "vex.json"
    }

    fn about(&self) -> &'static str {
        "OpenVEX 0.2.0: the exceptions that keep findings of this image from counting, with their reasons"
    }

    fn has_verdict(&self) -> bool {
        false
    }

    fn render(&self, judged: &Judged<'_>) -> String {
        let subject = verdict::subject(judged.report);
        let author = judged.policy.name.as_deref().unwrap_or_default();
        let document = vex::export(judged.policy, &subject, &judged.verdict, author, judged.now);
        let document = document.and_then(|text| serde_json::from_str(&text).ok());
        // One without statements is still a document: that there is nothing to say.
        let document = document.unwrap_or_else(|| {
            serde_json::json!({
                "@context": "https://openvex.dev/ns/v0.2.0",
                "@id": "https://openvex.dev/docs/public/vex-none",
                "author": if author.is_empty() { "unknown" } else { author },
                "timestamp": judged.now.to_string(),
                "version": 1,
                "tooling": concat!("lamina ", env!("CARGO_PKG_VERSION")),
                "statements": [],
            })
        });
        pretty(&sorted(document))
    }
}
