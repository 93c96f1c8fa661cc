//! One layer of a registry's image.

use std::{cell::RefCell, rc::Rc};

use js_sys::Uint8Array;
use lamina_image::layer::LayerExpectation;
use lamina_inventory::analysis;
use lamina_registry::{BlobPull, Session, relay::Routes};
use lamina_scan::layer::{LayerJob, LayerResult, describe};
use serde::{Deserialize, Serialize};

use super::{figures_of, memory_bytes};
use crate::{
    platform::{
        self,
        registry::{Client, StreamError, now},
        store::{self, Table},
    },
    scanner::LayerProgress,
    worker::{
        TaskHandle,
        protocol::{Event, LayerFigures, LayerTask},
    },
};

/// Progress is told at most so often: each message makes the page draw.
pub(super) const PROGRESS_EVERY_MS: f64 = 250.0;

/// What the cache holds beside an analysis. Only layers that were read to their end are kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    uncompressed_bytes: u64,
    files: u64,
    packages: u64,
    warnings: Vec<String>,
    analysis: Vec<u8>,
}

pub(super) async fn run(task: LayerTask, handle: &TaskHandle) {
    let key = task.diff_id.as_ref().map(analysis::cache_key);
    if let Some(key) = key.as_deref().filter(|_| !task.is_fresh)
        && let Some(kept) = load(key).await
    {
        let figures = LayerFigures {
            compressed_bytes: task.size,
            uncompressed_bytes: kept.uncompressed_bytes,
            diff_id: task.diff_id.as_ref().map(ToString::to_string),
            error: None,
            warnings: kept.warnings,
            files: kept.files,
            packages: kept.packages,
        };
        done(figures, &kept.analysis, true, task.routes, handle);
        return;
    }
    let read = read(&task, |progress| handle.emit(Event::Progress(progress))).await;
    let encoded = read.result.analysis.encode();
    let figures = figures_of(&read.result, read.files, read.packages);
    keep(key.as_deref(), &read.result, &figures, &encoded).await;
    drop(read.result);
    done(figures, &encoded, false, read.routes, handle);
}

/// What came of reading a layer from its registry.
pub(super) struct ReadLayer {
    pub(super) result: LayerResult,
    pub(super) files: u64,
    pub(super) packages: u64,
    pub(super) routes: Routes,
}

/// Reads a layer from its registry, and keeps where its files lie.
pub(super) async fn read(task: &LayerTask, on_progress: impl Fn(LayerProgress)) -> ReadLayer {
    let client = Client {
        session: Session::restore(task.session.clone()),
        routes: Rc::new(RefCell::new(task.routes.clone())),
    };
    let pull = BlobPull::new(
        &client.session,
        &task.repository,
        &task.digest,
        (task.size > 0).then_some(task.size),
        now(),
    );
    let mut job = LayerJob::new(LayerExpectation {
        digest: Some(task.digest.clone()),
        size: (task.size > 0).then_some(task.size),
        diff_id: task.diff_id.clone(),
    });
    let mut read = 0_u64;
    let mut told = platform::monotonic_ms();
    let outcome = client
        .stream(pull, |bytes| {
            read += bytes.len() as u64;
            let more = job.feed(bytes);
            let time = platform::monotonic_ms();
            if time - told > PROGRESS_EVERY_MS {
                told = time;
                on_progress(progress(task.layer, read, &job));
            }
            more
        })
        .await;
    let last = progress(task.layer, read, &job);
    let (mut result, places) = job.finish_placed();
    if let Err(StreamError::Pull(error)) = outcome {
        // The reader's complaint that the layer is cut off is only the consequence.
        result.error = Some(format!("{}; {}", describe(&error), error.advice()));
    }
    if let Some(diff_id) = result.diff_id.as_deref().filter(|_| result.error.is_none()) {
        super::open::keep_places(diff_id, &places).await;
    }
    let routes = client.routes.borrow().clone();
    ReadLayer {
        result,
        files: last.files,
        packages: last.packages,
        routes,
    }
}

pub(super) fn progress(layer: usize, read: u64, job: &LayerJob) -> LayerProgress {
    let (unpacked, files, packages) = job.progress();
    LayerProgress {
        layer,
        read,
        unpacked,
        files,
        packages,
    }
}

fn done(
    figures: LayerFigures,
    encoded: &[u8],
    is_cached: bool,
    routes: Routes,
    handle: &TaskHandle,
) {
    let event = Event::LayerDone {
        figures,
        is_cached,
        memory_bytes: memory_bytes(),
        routes,
    };
    handle.emit_with(event, &[Uint8Array::from(encoded)]);
}

async fn load(key: &str) -> Option<Kept> {
    let bytes = store::get(Table::Layers, key).await?;
    let kept: Kept = postcard::from_bytes(&bytes).ok()?;
    // An analysis that this version cannot read is as good as none.
    analysis::LayerAnalysis::decode(&kept.analysis).ok()?;
    Some(kept)
}

/// Keeps the analysis of a layer that was read to its end.
pub(super) async fn keep(
    key: Option<&str>,
    result: &LayerResult,
    figures: &LayerFigures,
    encoded: &[u8],
) {
    let Some(key) = key.filter(|_| result.error.is_none()) else {
        return;
    };
    let kept = Kept {
        uncompressed_bytes: figures.uncompressed_bytes,
        files: figures.files,
        packages: figures.packages,
        warnings: figures.warnings.clone(),
        analysis: encoded.to_vec(),
    };
    if let Ok(bytes) = postcard::to_stdvec(&kept) {
        store::put(Table::Layers, key, &bytes, "").await;
    }
}
