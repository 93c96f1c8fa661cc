//! Reports of other tools.

use lamina_report::{
    beside::{self, Beside},
    imports,
    limits::MAX_IMPORT_BYTES,
    link::SharedReport,
    model::Report,
};

use super::{RuleAnswer, files::describe, render::with_judged};

/// Reads a file as a report.
pub(super) async fn read(file: Option<web_sys::File>) -> Result<Report, String> {
    let file = file.ok_or("there is no file")?;
    if file.size() > MAX_IMPORT_BYTES as f64 {
        let most = MAX_IMPORT_BYTES >> 20;
        return Err(format!("the file is larger than {most} MiB"));
    }
    let bytes = crate::platform::file_bytes(&file).await?;
    imports::read(&bytes).map_err(|error| describe(&error))
}

/// Puts a report beside ours.
pub(super) fn beside(
    shared: SharedReport,
    answers: &[RuleAnswer],
    theirs: &Report,
) -> Result<Beside, String> {
    Ok(with_judged(shared, answers, |judged| {
        beside::compare(judged.report, theirs, &beside::not_counted(judged))
    }))
}
