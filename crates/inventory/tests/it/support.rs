//! Layers and archives to inventories.

use std::{collections::HashMap, fs::File, io::Read as _, path::Path};

use lamina_image::{
    archive::{ArchiveContents, ArchiveError, ArchiveReader, ArchiveSink},
    layer::{LayerExpectation, LayerOutcome, LayerReader},
    limits::Limits,
    path::LayerPath,
    tree::MergedTree,
};
use lamina_inventory::{
    analysis::LayerAnalysis,
    layer_scan::LayerScan,
    merge::{Inventory, Package, merge},
};
use lamina_testkit::LayerBuilder;

/// Scans one tar.
pub(crate) fn scan(tar: &[u8]) -> LayerAnalysis {
    let mut scan = LayerScan::new();
    let mut reader = LayerReader::new(LayerExpectation::default(), Limits::default());
    for chunk in tar.chunks(997) {
        // The outcome says what went wrong.
        let _ = reader.feed(chunk, &mut scan);
    }
    reader.finish(&mut scan);
    scan.finish()
}

/// The inventory of layers that are built in the test.
pub(crate) fn inventory(layers: impl IntoIterator<Item = LayerBuilder>) -> Inventory {
    let layers: Vec<LayerAnalysis> = layers.into_iter().map(|layer| scan(&layer.tar())).collect();
    join(&layers)
}

/// Joins layers as they come out of the cache.
pub(crate) fn join(layers: &[LayerAnalysis]) -> Inventory {
    let layers: Vec<LayerAnalysis> = layers
        .iter()
        .map(|layer| {
            let back = LayerAnalysis::decode(&layer.encode()).unwrap();
            assert_eq!(&back, layer);
            back
        })
        .collect();
    let layers: Vec<&LayerAnalysis> = layers.iter().collect();
    let trees: Vec<_> = layers.iter().map(|layer| &layer.tree).collect();
    merge(&layers, &MergedTree::merge(&trees))
}

/// The package of that name.
pub(crate) fn package<'a>(packages: &'a [Package], name: &str) -> &'a Package {
    let mut found = packages.iter().filter(|package| package.fact.name == name);
    let package = found
        .next()
        .unwrap_or_else(|| panic!("no {name} in {packages:#?}"));
    assert!(found.next().is_none(), "several {name} in {packages:#?}");
    package
}

#[derive(Default)]
struct Sink(HashMap<LayerPath, LayerAnalysis>);

impl ArchiveSink for Sink {
    type Layer = LayerScan;

    fn layer_start(&mut self, _: &LayerPath, _: u64) -> LayerScan {
        LayerScan::new()
    }

    fn layer_end(&mut self, member: &LayerPath, layer: LayerScan, _: LayerOutcome) {
        self.0.insert(member.clone(), layer.finish());
    }
}

/// The images of an archive, and the layers of each.
pub(crate) fn archive(
    archive: &Path,
) -> Result<(ArchiveContents, Vec<Vec<LayerAnalysis>>), ArchiveError> {
    let mut sink = Sink::default();
    let mut reader = ArchiveReader::new(Limits::default());
    let mut file = File::open(archive).unwrap();
    let mut chunk = vec![0; 1 << 17];
    loop {
        let length = file.read(&mut chunk).unwrap();
        if length == 0 {
            break;
        }
        reader.feed(&chunk[..length], &mut sink)?;
    }
    let contents: ArchiveContents = reader.finish(&mut sink)?;
    let layers = |image: &lamina_image::archive::ArchiveImage| {
        let layers = image.layers.iter().map(|layer| {
            let member = layer.member.as_ref();
            member
                .and_then(|member| sink.0.get(member))
                .cloned()
                .unwrap_or_default()
        });
        layers.collect()
    };
    let layers = contents.images.iter().map(layers).collect();
    Ok((contents, layers))
}

/// The layers of each image of an archive.
pub(crate) fn images(path: &Path) -> Result<Vec<Vec<LayerAnalysis>>, ArchiveError> {
    Ok(archive(path)?.1)
}

/// The inventory of each image of an archive.
pub(crate) fn inventories(archive: &Path) -> Result<Vec<Inventory>, ArchiveError> {
    let images = images(archive)?;
    Ok(images.iter().map(|layers| join(layers)).collect())
}
