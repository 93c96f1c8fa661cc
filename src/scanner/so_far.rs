//! What is found before the last layer is there: the layers that have been read are joined and matched
//! now and then, in a worker of the pool.

use std::{cell::RefCell, rc::Rc, time::Duration};

use futures::{StreamExt as _, channel::mpsc};
use js_sys::Uint8Array;
use lamina_scan::plan::Plan;
use wasm_bindgen_futures::spawn_local;

use super::{OnEvent, ScanEvent, ScanHandle};
use crate::{
    platform,
    worker::{
        pool::{self, Pool},
        protocol::{Event, JoinTask, LayerFigures, Task},
    },
};

/// At most so often: each time costs a worker some ten milliseconds that layers would have had.
const EVERY: Duration = Duration::from_secs(1);

/// Larger analyses are not copied for it, in bytes all together.
const MOST_BYTES: u32 = 64 << 20;

/// A layer's figures and its analysis; `None` until it is read.
type ReadLayer = (LayerFigures, Option<Uint8Array>);

/// Layers that have been read.
#[derive(Clone)]
pub(super) struct SoFar {
    layers: Rc<RefCell<Vec<ReadLayer>>>,
    /// `None` when there is nothing to be told any more, or this machine is too small for it.
    news: Rc<RefCell<Option<mpsc::UnboundedSender<()>>>>,
}

impl SoFar {
    /// For a scan that begins.
    pub(super) fn begin(plan: &Plan, scan: &ScanHandle, on_event: &OnEvent) -> Self {
        let layers = vec![(LayerFigures::default(), None); plan.layers.len()];
        let so_far = Self {
            layers: Rc::new(RefCell::new(layers)),
            news: Rc::default(),
        };
        // One worker alone has better things to do; one layer is the report.
        if pool::worker_limit() < 2 || plan.layers.len() < 2 {
            return so_far;
        }
        let (news, heard) = mpsc::unbounded();
        so_far.news.replace(Some(news));
        let (plan, scan, on_event) = (plan.clone(), scan.clone(), Rc::clone(on_event));
        let layers = Rc::clone(&so_far.layers);
        spawn_local(tell(plan, scan, on_event, layers, heard));
        so_far
    }

    /// A layer has been read.
    pub(super) fn note(&self, layer: usize, figures: &LayerFigures, analysis: &Uint8Array) {
        let Some(news) = self.news.borrow().clone() else {
            return;
        };
        if let Some(place) = self.layers.borrow_mut().get_mut(layer) {
            *place = (figures.clone(), Some(analysis.clone()));
        }
        let _ = news.unbounded_send(());
    }

    /// All have been read: the report comes.
    pub(super) fn end(&self) {
        self.news.take();
        self.layers.borrow_mut().clear();
    }
}

async fn tell(
    plan: Plan,
    scan: ScanHandle,
    on_event: OnEvent,
    layers: Rc<RefCell<Vec<ReadLayer>>>,
    mut heard: mpsc::UnboundedReceiver<()>,
) {
    let mut fetched = 0_u64;
    while heard.next().await.is_some() {
        // News that came meanwhile are in it, too.
        while heard.try_recv().is_ok() {}
        let Some((figures, analyses)) = copies(&layers.borrow()) else {
            continue;
        };
        if scan.is_cancelled() {
            return;
        }
        let (events, mut answer) = mpsc::unbounded();
        let task = Task::SoFar(Box::new(JoinTask {
            plan: plan.clone(),
            layers: figures,
        }));
        let id = Pool::of_page().run_first(task, analyses, move |event, _, _| {
            let _ = events.unbounded_send(event);
        });
        scan.0.borrow_mut().tasks.push(id);
        if let Some(Event::SoFar(mut found)) = answer.next().await {
            fetched = fetched.saturating_add(found.fetched);
            found.fetched = fetched;
            // The report may have come first.
            if !layers.borrow().is_empty() {
                on_event(ScanEvent::SoFar(found));
            }
        }
        platform::sleep(EVERY).await;
    }
}

/// Figures and analyses of what has been read, copied as they are given away; `None` if there is nothing
/// to be found in them, all are there, or they are too large.
fn copies(layers: &[ReadLayer]) -> Option<(Vec<LayerFigures>, Vec<Uint8Array>)> {
    let has_packages = layers.iter().any(|(figures, _)| figures.packages > 0);
    let is_partial = layers.iter().any(|(_, analysis)| analysis.is_none());
    let bytes = layers.iter().filter_map(|(_, analysis)| analysis.as_ref());
    let bytes: u32 = bytes.map(Uint8Array::length).fold(0, u32::saturating_add);
    if !has_packages || !is_partial || bytes > MOST_BYTES {
        return None;
    }
    let copy = |analysis: &Option<Uint8Array>| match analysis {
        Some(analysis) => analysis.slice(0, analysis.length()),
        None => Uint8Array::new_with_length(0),
    };
    Some(
        layers
            .iter()
            .map(|(figures, analysis)| (figures.clone(), copy(analysis)))
            .unzip(),
    )
}
