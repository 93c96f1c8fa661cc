//! JSON: the report as [`crate::model`] has it, with the verdict beside it.

use lamina_policy::{Policy, Verdict};
use serde::Serialize;

use super::{Format, Judged};
use crate::model::Report;

/// The format `json`.
#[derive(Clone, Copy, Debug)]
pub struct Json;

/// The document: the report's fields, then the policy and its verdict.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a Report,
    policy: &'a Policy,
    verdict: &'a Verdict,
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

    fn render(&self, judged: &Judged<'_>) -> String {
        let document = Document {
            report: judged.report,
            policy: judged.policy,
            verdict: &judged.verdict,
        };
        super::pretty(&document)
    }
}
