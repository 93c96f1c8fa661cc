//! Share links, made and opened.

use lamina_report::link::{self, Encoded, SharedReport};

/// Makes a link.
pub(super) fn make(shared: &SharedReport, budget: usize) -> Encoded {
    link::encode(shared, budget)
}

/// Opens a link.
pub(super) fn open(text: &str) -> Result<Box<SharedReport>, String> {
    link::decode(text)
        .map(Box::new)
        .map_err(|error| error.to_string())
}
