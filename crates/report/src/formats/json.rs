//! JSON: the report as [`crate::model`] has it, with the verdict beside it.

use jiff::Timestamp;
use lamina_policy::{Policy, Verdict};
use serde::Serialize;

use super::Format;
use crate::{model::Report, verdict};

/// The format `json`.
#[derive(Clone, Copy, Debug)]
pub struct Json;

/// The document: the report's fields, then the policy and its verdict.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a Report,
    policy: &'a Policy,
    verdict: Verdict,
}

impl Format for Json {
    fn id(&self) -> &'static str {
        "json"
    }

    fn media_type(&self) -> &'static str {
        "application/json"
    }

    fn extension(&self) -> &'static str {
        "lamina.json"
    }

    fn about(&self) -> &'static str {
        "the whole report: layers, packages with purl, layer and file, findings with evidence, verdict"
    }

    fn render(&self, report: &Report, policy: &Policy, now: Timestamp) -> String {
        let verdict = verdict::evaluate(policy, report, now);
        let document = Document {
            report,
            policy,
            verdict,
        };
        super::pretty(&document)
    }
}
