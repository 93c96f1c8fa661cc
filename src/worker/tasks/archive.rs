//! An archive that was dropped on the page.

use lamina_scan::{archive::ArchiveJob, join::Joined, layer::describe};

use super::database::{self, Database, Freshness};
use crate::{
    platform::{self, fetch::Body},
    scanner::{LayerProgress, ScanFailure},
    worker::{
        TaskHandle,
        protocol::{ArchiveTask, Event},
    },
};

pub(super) async fn run(task: ArchiveTask, file: Option<web_sys::File>, handle: &TaskHandle) {
    super::IMAGE.with_borrow_mut(Option::take);
    match read(&task, file, handle).await {
        Ok((joined, database)) => super::report(joined, database, handle).await,
        Err(failure) => handle.emit(Event::Failed(failure)),
    }
}

async fn read(
    task: &ArchiveTask,
    file: Option<web_sys::File>,
    handle: &TaskHandle,
) -> Result<(Joined, Result<Database, String>), ScanFailure> {
    let failed = |message: String, advice: &str| ScanFailure {
        step: "archive".to_owned(),
        message,
        advice: advice.to_owned(),
        wants_login: false,
    };
    let file = file.ok_or_else(|| failed("no file came along".to_owned(), "drop it again"))?;
    let unreadable = |message: String| {
        failed(
            message,
            "the browser cannot read the file; check that it is still there",
        )
    };
    let mut body =
        Body::new(&file.stream(), None).map_err(|error| unreadable(error.to_string()))?;
    let mut job = ArchiveJob::new();
    let mut chunk = Vec::new();
    loop {
        let more = body
            .next(&mut chunk)
            .await
            .map_err(|error| unreadable(error.to_string()))?;
        let wanted = job.feed(&chunk);
        for done in job.take_done() {
            handle.emit(Event::ArchiveLayerDone {
                progress: LayerProgress {
                    layer: done.number,
                    read: done.read,
                    unpacked: done.unpacked,
                    files: done.files,
                    packages: done.packages,
                },
                error: done.error,
            });
        }
        if !more || !wanted {
            break;
        }
    }
    let platform = match &task.platform {
        Some(platform) => Some(
            platform
                .parse()
                .map_err(|error| failed(format!("{error}"), "write it as linux/amd64"))?,
        ),
        None => None,
    };
    let found = job.finish_placed(&task.name, None, platform.as_ref());
    let (mut plan, layers, places) = found.map_err(|error| {
        failed(
            describe(&error),
            "drop what \"docker save\", \"skopeo copy … docker-archive:\" or \"oci-archive:\" wrote",
        )
    })?;
    super::open::set_archive(Some(places));
    let database = database::open(Freshness::Hourly).await;
    super::know_bases(&mut plan, &database);
    handle.emit(Event::ArchiveResolved(Box::new(plan.clone())));
    // Nothing else may run in between, so that the page shows the layers before the report.
    platform::sleep(std::time::Duration::ZERO).await;
    Ok((Joined::new(plan, layers), database))
}
