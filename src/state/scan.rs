//! A scan as it is seen: layers, bytes, rate, what was found so far.

use std::{collections::VecDeque, sync::Arc};

use lamina_report::model::{Base, Image};

use crate::scanner::{LayerProgress, LayerStart, ScanEvent};

/// The rate is that of the last seconds, not of the whole scan.
const RATE_WINDOW_MS: f64 = 3_000.0;

/// A layer's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LayerState {
    /// No byte yet.
    #[default]
    Waiting,
    /// Bytes arrive.
    Reading,
    /// Read to its end.
    Done,
    /// It was known from an earlier scan.
    Cached,
    /// It could not be read to its end.
    Failed(String),
}

/// A layer during a scan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScanLayer {
    /// What it is.
    pub start: Arc<LayerStart>,
    /// How far it is.
    pub progress: LayerProgress,
    /// Its state.
    pub state: LayerState,
}

impl ScanLayer {
    /// From 0 to 1.
    pub fn fraction(&self) -> f64 {
        match self.state {
            LayerState::Done | LayerState::Cached => 1.0,
            _ if self.start.size == 0 => 0.0,
            _ => (self.progress.read as f64 / self.start.size as f64).min(1.0),
        }
    }

    /// Whether nothing more comes.
    pub fn is_over(&self) -> bool {
        matches!(
            self.state,
            LayerState::Done | LayerState::Cached | LayerState::Failed(_)
        )
    }
}

/// A whole scan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScanState {
    /// What is being done before the layers are known.
    pub step: String,
    /// The image, once known.
    pub image: Option<Arc<Image>>,
    /// Its layers, base first.
    pub layers: Vec<ScanLayer>,
    /// Where its base ends, if something tells.
    pub base: Option<Base>,
    /// When it began.
    pub started_ms: f64,
    /// When the last event came.
    pub now_ms: f64,
    samples: VecDeque<(f64, u64)>,
}

impl ScanState {
    /// A scan that begins now.
    pub fn new(now_ms: f64) -> Self {
        Self {
            started_ms: now_ms,
            now_ms,
            ..Self::default()
        }
    }

    /// Takes note of an event.
    pub fn apply(&mut self, event: ScanEvent, now_ms: f64) {
        self.now_ms = now_ms;
        match event {
            ScanEvent::Step(step) => self.step = step,
            ScanEvent::Resolved {
                image,
                layers,
                base,
            } => {
                self.image = Some(Arc::from(image));
                self.base = base;
                for (index, start) in layers.into_iter().enumerate() {
                    if let Some(layer) = self.layer(index) {
                        layer.start = Arc::new(start);
                    }
                }
            }
            ScanEvent::Layer(progress) => {
                if let Some(layer) = self.layer(progress.layer)
                    && !layer.is_over()
                {
                    layer.state = LayerState::Reading;
                    layer.progress = progress;
                }
                self.sample();
            }
            ScanEvent::LayerDone {
                layer,
                progress,
                is_cached,
                error,
            } => {
                if let Some(layer) = self.layer(layer) {
                    layer.progress = progress;
                    layer.state = match error {
                        Some(error) => LayerState::Failed(error),
                        None if is_cached => LayerState::Cached,
                        None => LayerState::Done,
                    };
                }
                self.sample();
            }
            ScanEvent::Done(..) | ScanEvent::Failed(_) => {}
        }
    }

    /// Bytes of all layers; what is known from the cache counts as read.
    pub fn total(&self) -> u64 {
        self.layers.iter().map(|layer| layer.start.size).sum()
    }

    /// Bytes that are done.
    pub fn read(&self) -> u64 {
        let done = |layer: &ScanLayer| {
            if layer.is_over() {
                layer.start.size
            } else {
                layer.progress.read.min(layer.start.size)
            }
        };
        self.layers.iter().map(done).sum()
    }

    /// From 0 to 1; `None` before sizes are known.
    pub fn fraction(&self) -> Option<f64> {
        let total = self.total();
        (total > 0).then(|| self.read() as f64 / total as f64)
    }

    /// Packages found so far.
    pub fn packages(&self) -> u64 {
        self.layers
            .iter()
            .map(|layer| layer.progress.packages)
            .sum()
    }

    /// Files seen so far.
    pub fn files(&self) -> u64 {
        self.layers.iter().map(|layer| layer.progress.files).sum()
    }

    /// Layers that are over.
    pub fn layers_over(&self) -> usize {
        self.layers.iter().filter(|layer| layer.is_over()).count()
    }

    /// Bytes a second, over the last seconds.
    pub fn rate(&self) -> Option<f64> {
        let (first_ms, first) = self.samples.front()?;
        let (last_ms, last) = self.samples.back()?;
        let elapsed = last_ms - first_ms;
        (elapsed >= 250.0).then(|| last.saturating_sub(*first) as f64 * 1000.0 / elapsed)
    }

    /// Milliseconds that remain at this rate.
    pub fn remaining_ms(&self) -> Option<f64> {
        let rate = self.rate().filter(|rate| *rate > 1.0)?;
        Some(self.total().saturating_sub(self.read()) as f64 / rate * 1000.0)
    }

    fn layer(&mut self, index: usize) -> Option<&mut ScanLayer> {
        // No image has this many; an event that says so is wrong.
        if index >= 4_096 {
            return None;
        }
        if self.layers.len() <= index {
            self.layers.resize_with(index + 1, ScanLayer::default);
        }
        self.layers.get_mut(index)
    }

    /// Bytes really fetched, for the rate: layers from the cache do not make it look fast.
    fn sample(&mut self) {
        let fetched = self
            .layers
            .iter()
            .filter(|layer| layer.state != LayerState::Cached)
            .map(|layer| layer.progress.read)
            .sum();
        self.samples.push_back((self.now_ms, fetched));
        while self.samples.len() > 2
            && self
                .samples
                .front()
                .is_some_and(|(at, _)| self.now_ms - at > RATE_WINDOW_MS)
        {
            self.samples.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(size: u64) -> LayerStart {
        LayerStart {
            size,
            ..LayerStart::default()
        }
    }

    fn progress(layer: usize, read: u64) -> LayerProgress {
        LayerProgress {
            layer,
            read,
            packages: 2,
            ..LayerProgress::default()
        }
    }

    #[test]
    fn bytes_of_cached_and_failed_layers_count_as_done() {
        let mut scan = ScanState::new(0.0);
        assert_eq!(scan.fraction(), None);
        scan.apply(
            ScanEvent::Resolved {
                image: Box::default(),
                layers: vec![start(100), start(300), start(600)],
                base: None,
            },
            0.0,
        );
        scan.apply(
            ScanEvent::LayerDone {
                layer: 0,
                progress: progress(0, 0),
                is_cached: true,
                error: None,
            },
            10.0,
        );
        scan.apply(ScanEvent::Layer(progress(1, 150)), 1_000.0);
        assert_eq!(scan.fraction(), Some(0.25));
        scan.apply(ScanEvent::Layer(progress(1, 300)), 2_000.0);
        assert_eq!(scan.rate().map(f64::round), Some(151.0));
        scan.apply(
            ScanEvent::LayerDone {
                layer: 2,
                progress: progress(2, 10),
                is_cached: false,
                error: Some("cut off".into()),
            },
            2_000.0,
        );
        assert_eq!(scan.read(), 1000);
        assert_eq!(scan.layers_over(), 2);
        assert_eq!(scan.packages(), 6);
    }

    #[test]
    fn layers_of_an_archive_appear_one_by_one() {
        let mut scan = ScanState::new(0.0);
        scan.apply(ScanEvent::Layer(progress(2, 5)), 0.0);
        assert_eq!(scan.layers.len(), 3);
        scan.apply(ScanEvent::Layer(progress(usize::MAX, 5)), 0.0);
        assert_eq!(scan.layers.len(), 3);
    }
}
