//! The tasks.

mod again;
mod archive;
mod database;
mod files;
mod layer;
mod open;

use std::cell::RefCell;

use js_sys::Uint8Array;
use lamina_report::{
    compare::{self, files::FileList},
    model::{Report, ReportWarning},
};
use lamina_scan::{join::Joined, layer::LayerResult, plan::Plan};

use database::{Database, Freshness};

use super::{
    TaskHandle,
    protocol::{Event, JoinTask, LayerFigures, Task},
};
use crate::{
    scanner::{FoundSoFar, ScanFailure},
    state::counts,
};

thread_local! {
    /// The image that this worker reported on last: the Files view asks about it.
    static IMAGE: RefCell<Option<Joined>> = const { RefCell::new(None) };
}

pub(super) async fn run(
    task: Task,
    file: Option<web_sys::File>,
    buffers: Vec<Uint8Array>,
    handle: &TaskHandle,
) {
    match task {
        Task::Layer(task) => layer::run(*task, handle).await,
        Task::Archive(task) => archive::run(task, file, handle).await,
        Task::Join(task) => join(*task, buffers, handle).await,
        Task::SoFar(task) => {
            handle.emit(Event::SoFar(so_far(*task, buffers).await));
        }
        Task::ListDirectory {
            directory,
            layer,
            only,
        } => {
            let rows = with_image(|image| files::list_directory(image, &directory, layer, only));
            handle.emit(Event::Files(rows));
        }
        Task::SearchFiles { query, limit, only } => {
            let rows = with_image(|image| files::search(image, &query, limit, only));
            handle.emit(Event::Files(rows));
        }
        Task::FileList => {
            let list = with_image(|image| postcard::to_stdvec(&image.file_list()).ok());
            emit_encoded(list.flatten(), handle);
        }
        Task::CompareFiles { is_before } => {
            let other = buffers.first().map(Uint8Array::to_vec).unwrap_or_default();
            let other = postcard::from_bytes::<FileList>(&other).ok();
            let compared = other.and_then(|other| {
                with_image(|image| {
                    let own = image.file_list();
                    match is_before {
                        true => compare::files::compare(&own, &other),
                        false => compare::files::compare(&other, &own),
                    }
                })
            });
            let encoded = compared.and_then(|compared| postcard::to_stdvec(&compared).ok());
            emit_encoded(encoded, handle);
        }
        Task::Weigh { directory, by } => {
            let weighed = with_image(|image| files::weigh(image, &directory, by));
            handle.emit(Event::Weighed(weighed));
        }
        Task::LicenceFiles { packages } => {
            let found = with_image(|image| files::licences(image, &packages));
            handle.emit(Event::Licences(found));
        }
        Task::Documents => handle.emit(Event::Documents(open::documents())),
        Task::ReadAgain(task) => again::run(*task, file, handle).await,
        Task::OpenFile(task) => open::run(*task, file, handle).await,
        Task::Database { is_forced } => {
            let freshness = match is_forced {
                true => Freshness::Now,
                false => Freshness::Hourly,
            };
            handle.emit(Event::Database(Box::new(database::update(freshness).await)));
        }
        Task::Advisory { shard, record } => {
            handle.emit(Event::Text(database::prose(&shard, &record).await));
        }
    }
}

fn emit_encoded(encoded: Option<Vec<u8>>, handle: &TaskHandle) {
    match encoded {
        Some(bytes) => {
            handle.emit_with(Event::Encoded(true), &[Uint8Array::from(bytes.as_slice())]);
        }
        None => handle.emit(Event::Encoded(false)),
    }
}

fn with_image<T>(ask: impl FnOnce(&Joined) -> T) -> Option<T> {
    IMAGE.with_borrow(|image| image.as_ref().map(ask))
}

/// Findings that are named while a scan runs.
const NAMED_SO_FAR: usize = 3;

async fn so_far(task: JoinTask, buffers: Vec<Uint8Array>) -> FoundSoFar {
    let joined = Joined::new(task.plan, layers_of(task.layers, buffers));
    let report = report_of(&joined, database::open(Freshness::Hourly).await).await;
    let mut worst: Vec<String> = Vec::new();
    for finding in &report.findings {
        if worst.len() < NAMED_SO_FAR && !worst.contains(&finding.id) {
            worst.push(finding.id.clone());
        }
    }
    FoundSoFar {
        counts: counts::of(&report, None, 0),
        worst,
        fetched: database::take_bytes().fetched,
    }
}

/// Layers from their figures and encoded analyses.
fn layers_of(figures: Vec<LayerFigures>, buffers: Vec<Uint8Array>) -> Vec<LayerResult> {
    let mut buffers = buffers.into_iter();
    figures
        .into_iter()
        .map(|figures| {
            let bytes = buffers.next().map(|buffer| buffer.to_vec());
            result_of(figures, &bytes.unwrap_or_default())
        })
        .collect()
}

async fn join(mut task: JoinTask, buffers: Vec<Uint8Array>, handle: &TaskHandle) {
    IMAGE.with_borrow_mut(Option::take);
    open::set_archive(None);
    let layers = layers_of(task.layers, buffers);
    let database = database::open(Freshness::Hourly).await;
    know_bases(&mut task.plan, &database);
    report(Joined::new(task.plan, layers), database, handle).await;
}

/// Looks for the image's base in the list that came with the database.
fn know_bases(plan: &mut Plan, database: &Result<Database, String>) {
    // Without a database there is a warning already.
    if let Ok(database) = database {
        plan.know_bases(&database.known_bases());
    }
}

/// Matches, reports, and keeps the image for the Files view.
async fn report(joined: Joined, database: Result<Database, String>, handle: &TaskHandle) {
    let report = report_of(&joined, database).await;
    IMAGE.with_borrow_mut(|image| *image = Some(joined));
    match serde_json::to_vec(&report) {
        Ok(json) => handle.emit_with(
            Event::Report {
                memory_bytes: memory_bytes(),
                advisories: database::take_bytes(),
            },
            &[Uint8Array::from(json.as_slice())],
        ),
        Err(error) => handle.emit(Event::Failed(ScanFailure {
            step: "report".to_owned(),
            message: error.to_string(),
            ..ScanFailure::default()
        })),
    }
}

async fn report_of(joined: &Joined, database: Result<Database, String>) -> Report {
    let mut report = joined.report(&crate::platform::now_rfc3339());
    match database {
        Ok(database) => {
            database.judge(&mut report).await;
            report.warnings.extend(database.problem.map(|problem| {
                ReportWarning::of_matching(format!(
                    "the advisory database could not be brought up to date: {problem}"
                ))
            }));
        }
        Err(problem) => report.warnings.push(ReportWarning::of_matching(format!(
            "no advisory database, so that nothing was matched: {problem}"
        ))),
    }
    report
}

fn result_of(figures: LayerFigures, encoded: &[u8]) -> LayerResult {
    let (analysis, error) = match lamina_inventory::analysis::LayerAnalysis::decode(encoded) {
        Ok(analysis) => (analysis, figures.error),
        Err(error) => (
            lamina_inventory::analysis::LayerAnalysis::default(),
            Some(figures.error.unwrap_or_else(|| error.to_string())),
        ),
    };
    LayerResult {
        analysis,
        compressed_bytes: figures.compressed_bytes,
        uncompressed_bytes: figures.uncompressed_bytes,
        diff_id: figures.diff_id,
        error,
        warnings: figures.warnings,
    }
}

fn figures_of(result: &LayerResult, files: u64, packages: u64) -> LayerFigures {
    LayerFigures {
        compressed_bytes: result.compressed_bytes,
        uncompressed_bytes: result.uncompressed_bytes,
        diff_id: result.diff_id.clone(),
        error: result.error.clone(),
        warnings: result.warnings.clone(),
        files,
        packages,
    }
}

/// WebAssembly memory of this worker: it only ever grows, so that this is its peak.
fn memory_bytes() -> u64 {
    let memory = wasm_bindgen::memory();
    js_sys::Reflect::get(&memory, &"buffer".into())
        .and_then(|buffer| js_sys::Reflect::get(&buffer, &"byteLength".into()))
        .ok()
        .and_then(|length| length.as_f64())
        .map_or(0, crate::platform::whole)
}
