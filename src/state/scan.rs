//! A scan as it is seen: layers, bytes, rate, what was found so far.

use std::{collections::VecDeque, sync::Arc};

use lamina_report::model::{Base, Image};

use crate::scanner::{FoundSoFar, LayerProgress, LayerStart, ScanEvent};

/// The rate is that of the last seconds, not of the whole scan.
const RATE_WINDOW_MS: f64 = 3_000.0;

/// How long bytes must have come before it is said how long the rest takes.
const KNOWN_AFTER_MS: f64 = 2_000.0;

/// How long nothing may come before that is said.
const STALLED_AFTER_MS: f64 = 4_000.0;

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
    /// What is found, before all layers are read.
    pub so_far: Option<FoundSoFar>,
    samples: VecDeque<(f64, u64)>,
    /// When the first byte came, and what had been fetched by then.
    began: Option<(f64, u64)>,
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
            ScanEvent::LayerAgain(layer) => {
                if let Some(layer) = self.layer(layer) {
                    layer.progress = LayerProgress::default();
                    layer.state = LayerState::Waiting;
                }
            }
            ScanEvent::SoFar(found) => self.so_far = Some(found),
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

    /// Milliseconds that remain, at least and at most: at the rate of the last seconds and at that of the
    /// whole scan, whichever is the quicker and the slower. `None` while that cannot be known: at the
    /// beginning, and while nothing arrives.
    pub fn remaining_ms(&self) -> Option<(f64, f64)> {
        let (began_ms, began) = self.began?;
        let (last_ms, last) = *self.samples.back()?;
        let elapsed = last_ms - began_ms;
        if elapsed < KNOWN_AFTER_MS || self.stalled_ms().is_some() {
            return None;
        }
        let overall = last.saturating_sub(began) as f64 * 1000.0 / elapsed;
        let recent = self.rate()?;
        let left = self.total().saturating_sub(self.read()) as f64 * 1000.0;
        let (slow, quick) = (recent.min(overall), recent.max(overall));
        (slow > 1.0 && left > 0.0).then(|| (left / quick, left / slow))
    }

    /// How long nothing has arrived, if that is longer than a transfer pauses by itself.
    pub fn stalled_ms(&self) -> Option<f64> {
        let (last_ms, _) = self.samples.back()?;
        let is_reading = self
            .layers
            .iter()
            .any(|layer| layer.state == LayerState::Reading);
        let pause = self.now_ms - last_ms;
        (is_reading && pause > STALLED_AFTER_MS).then_some(pause)
    }

    /// Time goes on, though nothing happens.
    pub fn tick(&mut self, now_ms: f64) {
        self.now_ms = self.now_ms.max(now_ms);
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
        if fetched > 0 {
            self.began.get_or_insert((self.now_ms, fetched));
        }
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
    fn what_remains_is_a_range_and_unknown_while_it_is() {
        let mut scan = ScanState::new(0.0);
        let resolved = ScanEvent::Resolved {
            image: Box::default(),
            layers: vec![start(100_000)],
            base: None,
        };
        scan.apply(resolved, 0.0);
        assert_eq!(scan.remaining_ms(), None);
        // 10 kB a second for four seconds, then 5 kB a second for four.
        for second in 1..=4_u32 {
            let read = u64::from(second) * 10_000;
            scan.apply(
                ScanEvent::Layer(progress(0, read)),
                f64::from(second) * 1_000.0,
            );
            assert_eq!(scan.remaining_ms().is_some(), second >= 3, "{second}");
        }
        assert_eq!(scan.remaining_ms(), Some((6_000.0, 6_000.0)));
        for second in 1..=4_u32 {
            let read = 40_000 + u64::from(second) * 5_000;
            let at = 4_000.0 + f64::from(second) * 1_000.0;
            scan.apply(ScanEvent::Layer(progress(0, read)), at);
        }
        // 40 kB are left: at 5 kB a second now, at 50 / 7 kB a second over all.
        let (least, most) = scan.remaining_ms().unwrap();
        assert_eq!((least.round(), most.round()), (5_600.0, 8_000.0));
        // Nothing comes any more: nobody knows.
        assert_eq!(scan.stalled_ms(), None);
        scan.tick(14_000.0);
        assert_eq!(scan.stalled_ms(), Some(6_000.0));
        assert_eq!(scan.remaining_ms(), None);
    }

    #[test]
    fn what_is_found_so_far_is_kept_beside_the_layers() {
        let mut scan = ScanState::new(0.0);
        let found = FoundSoFar {
            counts: [1, 0, 0, 0, 0, 0],
            worst: vec!["CVE-1".to_owned()],
            fetched: 0,
        };
        scan.apply(ScanEvent::SoFar(found.clone()), 5.0);
        assert_eq!(scan.so_far, Some(found));
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
