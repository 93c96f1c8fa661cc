//! One layer of the image that this worker reported on last, read once more: the report is made anew with
//! what it holds, and no other layer is touched.

use lamina_image::layer::LayerExpectation;
use lamina_inventory::analysis;
use lamina_scan::layer::{LayerJob, LayerResult};

use super::{
    database::{self, Freshness},
    figures_of, layer, open,
};
use crate::{
    platform,
    scanner::ScanFailure,
    worker::{
        TaskHandle,
        protocol::{AgainTask, Event, LayerTask},
    },
};

pub(super) async fn run(task: AgainTask, file: Option<web_sys::File>, handle: &TaskHandle) {
    let number = task.layer;
    let result = match read(task, file, handle).await {
        Ok(result) => result,
        Err(message) => {
            return handle.emit(Event::Failed(ScanFailure {
                step: format!("layer {number}"),
                message,
                ..ScanFailure::default()
            }));
        }
    };
    let database = database::open(Freshness::Hourly).await;
    // Taken only now: what fails before leaves the image as it is.
    match super::IMAGE.with_borrow_mut(Option::take) {
        Some(image) => super::report(image.with_layer(number, result), database, handle).await,
        None => handle.emit(Event::Failed(ScanFailure {
            step: format!("layer {number}"),
            message: NOT_AT_HAND.to_owned(),
            ..ScanFailure::default()
        })),
    }
}

const NOT_AT_HAND: &str = "the layers of this image are not at hand; scan it again";

async fn read(
    task: AgainTask,
    file: Option<web_sys::File>,
    handle: &TaskHandle,
) -> Result<LayerResult, String> {
    let number = task.layer;
    let planned = super::with_image(|image| image.plan().layers.get(number).cloned())
        .flatten()
        .ok_or(NOT_AT_HAND)?;
    if let Some(refusal) = planned.refusal {
        return Err(refusal);
    }
    match (task.registry, file) {
        (Some(registry), _) => {
            let digest = planned.digest.ok_or("the layer has no digest to ask for")?;
            let key = planned.diff_id.as_ref().map(analysis::cache_key);
            let task = LayerTask {
                layer: number,
                session: registry.session,
                routes: registry.routes,
                repository: registry.repository,
                digest,
                size: planned.size,
                diff_id: planned.diff_id,
                is_fresh: true,
            };
            let read = layer::read(&task, |progress| handle.emit(Event::Progress(progress))).await;
            let figures = figures_of(&read.result, read.files, read.packages);
            let encoded = read.result.analysis.encode();
            layer::keep(key.as_deref(), &read.result, &figures, &encoded).await;
            Ok(read.result)
        }
        (None, Some(file)) => {
            let mut job = LayerJob::new(LayerExpectation {
                digest: planned.digest,
                size: None,
                diff_id: planned.diff_id,
            });
            let mut read = 0_u64;
            let mut told = platform::monotonic_ms();
            open::stream_layer(&file, number, |bytes| {
                read += bytes.len() as u64;
                let more = job.feed(bytes);
                let time = platform::monotonic_ms();
                if time - told > layer::PROGRESS_EVERY_MS {
                    told = time;
                    handle.emit(Event::Progress(layer::progress(number, read, &job)));
                }
                more
            })
            .await?;
            let (result, places) = job.finish_placed();
            open::set_places(number, places);
            Ok(result)
        }
        (None, None) => Err("the archive is not at hand any more; drop it again".to_owned()),
    }
}
