//! What the analysers cost: reads layers twice, once only streaming, inflating and hashing, once with
//! every analyser watching, and prints the seconds of both.
//!
//! `cargo run --release --package lamina-scan --example layer_cost -- BLOB…`; `cargo xtask bench` does.
#![allow(
    clippy::disallowed_methods,
    reason = "a program: it reads files and the clock"
)]

use std::{fs::File, io::Read as _, time::Instant};

use lamina_image::{
    layer::{Claim, Entry, EntrySink, LayerExpectation, LayerReader},
    limits::Limits,
};
use lamina_inventory::layer_scan::LayerScan;

/// Bytes that are read at a time, as the page does.
const CHUNK_BYTES: usize = 1 << 20;

/// Takes nothing.
struct Nobody;

impl EntrySink for Nobody {
    fn entry(&mut self, _: &Entry) -> Claim {
        Claim::Skip
    }

    fn data(&mut self, _: &[u8]) {}

    fn end(&mut self) {}
}

fn read(blob: &str, sink: &mut impl EntrySink) -> std::io::Result<()> {
    let mut file = File::open(blob)?;
    let mut reader = LayerReader::new(LayerExpectation::default(), Limits::default());
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = file.read(&mut chunk)?;
        let bytes = chunk.get(..length).unwrap_or_default();
        if bytes.is_empty() {
            break;
        }
        if let Err(error) = reader.feed(bytes, sink) {
            return Err(std::io::Error::other(error));
        }
    }
    reader.finish(sink);
    Ok(())
}

fn main() -> std::io::Result<()> {
    let blobs: Vec<String> = std::env::args().skip(1).collect();
    // Once before, so that both find the files in memory.
    for blob in &blobs {
        std::fs::read(blob)?;
    }
    let start = Instant::now();
    for blob in &blobs {
        read(blob, &mut Nobody)?;
    }
    let alone = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let mut packages = 0;
    for blob in &blobs {
        let mut scan = LayerScan::new();
        read(blob, &mut scan)?;
        packages += scan.finish().facts.packages.len();
    }
    let analysed = start.elapsed().as_secs_f64();
    println!("{alone:.3} {analysed:.3} {packages}");
    Ok(())
}
