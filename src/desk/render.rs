//! Reports in the formats of `lamina scan`.

use lamina_policy::vex::Document;
use lamina_report::{
    formats::{self, Judged},
    link::SharedReport,
};

use super::{RenderedReport, RuleAnswer};
use crate::state::session::{self, VexFiles};

/// Writes a report in a format.
pub(super) fn render(
    format: &str,
    shared: SharedReport,
    answers: &[RuleAnswer],
) -> Result<RenderedReport, String> {
    let format = formats::by_id(format).ok_or_else(|| format!("no format is named {format}"))?;
    let text = with_judged(shared, answers, |judged| format.render(judged));
    Ok(RenderedReport {
        text,
        media_type: format.media_type().to_owned(),
        extension: format.extension().to_owned(),
    })
}

/// Lends a report with what its policy, VEX documents and custom rules say of it now.
pub(super) fn with_judged<T>(
    shared: SharedReport,
    answers: &[RuleAnswer],
    read: impl FnOnce(&Judged<'_>) -> T,
) -> T {
    let documents = shared
        .vex
        .iter()
        .map(|(_, text)| Document::parse(text.as_bytes()));
    let files = VexFiles {
        documents: documents.filter_map(Result::ok).collect(),
        sources: shared.vex,
    };
    let now = session::now();
    let verdict = session::with_subject(&shared.report, &files, answers, |subject| {
        lamina_policy::evaluate(&shared.policy, subject, now)
    });
    read(&Judged {
        report: &shared.report,
        policy: &shared.policy,
        verdict,
        now,
    })
}
