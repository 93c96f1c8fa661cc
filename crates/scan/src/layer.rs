//! One layer, from bytes to facts.

use lamina_image::{
    layer::{LayerError, LayerExpectation, LayerOutcome, LayerReader, places::Places},
    limits::Limits,
};
use lamina_inventory::{analysis::LayerAnalysis, layer_scan::LayerScan};

/// A layer that is being read.
pub struct LayerJob {
    reader: LayerReader,
    scan: LayerScan,
    /// A limit that was passed: the rest of the blob is not worth fetching.
    limit: Option<LayerError>,
}

/// What came of a layer.
#[derive(Clone, Debug)]
pub struct LayerResult {
    /// What was found; as far as it was read, if there is an error.
    pub analysis: LayerAnalysis,
    /// Bytes of the blob.
    pub compressed_bytes: u64,
    /// Bytes of tar.
    pub uncompressed_bytes: u64,
    /// What its bytes are named by; `None` if they could not be read to their end.
    pub diff_id: Option<String>,
    /// Why it could not be read to its end.
    pub error: Option<String>,
    /// What is odd about it.
    pub warnings: Vec<String>,
}

impl LayerJob {
    /// Starts a layer of which `expectation` is known.
    pub fn new(expectation: LayerExpectation) -> Self {
        Self {
            reader: LayerReader::new(expectation, Limits::default()),
            scan: LayerScan::new(),
            limit: None,
        }
    }

    /// Takes the next bytes of the blob. Answers whether more are wanted: not after a limit was
    /// passed. After other errors the rest is hashed, so that a damaged transfer can be told from a
    /// layer that was broken when it was pushed.
    pub fn feed(&mut self, bytes: &[u8]) -> bool {
        if self.limit.is_none()
            && let Err(error @ LayerError::Limit { .. }) = self.reader.feed(bytes, &mut self.scan)
        {
            self.limit = Some(error);
        }
        self.limit.is_none()
    }

    /// Bytes of tar so far, entries, packages: for a progress display.
    pub fn progress(&self) -> (u64, u64, u64) {
        (
            self.reader.uncompressed_bytes(),
            self.scan.entries(),
            self.scan.packages(),
        )
    }

    /// The end of the blob, or of what could be had of it.
    pub fn finish(self) -> LayerResult {
        self.finish_placed().0
    }

    /// The same, and where the layer's files lie, to read one of them again.
    pub fn finish_placed(mut self) -> (LayerResult, Places) {
        let mut outcome = self.reader.finish(&mut self.scan);
        if self.limit.is_some() {
            // The blob was not read to its end, so that its digest says nothing.
            outcome.error = self.limit;
        }
        let places = std::mem::take(&mut outcome.places);
        (LayerResult::new(self.scan, &outcome), places)
    }
}

impl LayerResult {
    /// From a scan and the outcome of the reader that fed it.
    pub fn new(scan: LayerScan, outcome: &LayerOutcome) -> Self {
        let summary = &outcome.summary;
        let mut warnings: Vec<String> = summary.warnings.iter().map(ToString::to_string).collect();
        if summary.warnings_dropped > 0 {
            warnings.push(format!(
                "{} more warnings were left out",
                summary.warnings_dropped
            ));
        }
        Self {
            analysis: scan.finish(),
            compressed_bytes: summary.compressed_bytes,
            uncompressed_bytes: summary.uncompressed_bytes,
            diff_id: summary.diff_id.as_ref().map(ToString::to_string),
            error: outcome.error.as_ref().map(|error| describe(error)),
            warnings,
        }
    }

    /// A layer of which nothing could be read.
    pub fn failed(error: String) -> Self {
        Self {
            analysis: LayerAnalysis::default(),
            compressed_bytes: 0,
            uncompressed_bytes: 0,
            diff_id: None,
            error: Some(error),
            warnings: Vec::new(),
        }
    }
}

/// An error with its causes, in one line.
pub fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}
