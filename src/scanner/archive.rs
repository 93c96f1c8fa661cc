//! Scans an archive that was dropped on the page: one worker reads it as a stream.

use super::{LayerProgress, LayerStart, OnEvent, ScanEvent, ScanFailure, ScanHandle, ScanOptions};
use crate::{
    state::language::{fill, t},
    worker::protocol::{ArchiveTask, Event, Task},
};

pub(super) async fn scan(
    file: web_sys::File,
    options: &ScanOptions,
    scan: &ScanHandle,
    on_event: &OnEvent,
) -> Result<super::Scanned, ScanFailure> {
    on_event(ScanEvent::Step(fill(
        t("reading {name}"),
        &[("name", &file.name())],
    )));
    let task = ArchiveTask {
        name: file.name(),
        platform: options.platform.clone(),
    };
    let heard = super::run(Task::Archive(task), Some(file), Vec::new(), scan);
    super::report_of(heard, |event| match event {
        Event::Progress(progress) => on_event(ScanEvent::Layer(progress)),
        Event::ArchiveLayerDone { progress, error } => on_event(ScanEvent::LayerDone {
            layer: progress.layer,
            progress: LayerProgress { ..progress },
            is_cached: false,
            error,
        }),
        Event::ArchiveResolved(plan) => on_event(ScanEvent::Resolved {
            layers: plan
                .layers
                .iter()
                .map(|layer| LayerStart {
                    digest: layer
                        .digest
                        .as_ref()
                        .map(ToString::to_string)
                        .unwrap_or_default(),
                    size: layer.size,
                    created_by: layer.created_by.clone(),
                })
                .collect(),
            image: Box::new(plan.image),
            base: plan.base,
        }),
        _ => {}
    })
    .await
}
