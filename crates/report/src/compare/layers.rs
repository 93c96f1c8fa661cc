//! Layers of two reports.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Layer, Report};

/// Which layers both have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayersCompared {
    /// How many of the lowest layers are the same stack: their chain ids are the same.
    pub shared: usize,
    /// Bytes of these as they are fetched.
    pub shared_size: u64,
    /// Layers above with the same content in both, though on other layers: indexes in the first and
    /// the second.
    pub moved: Vec<(usize, usize)>,
    /// Layers that only the first has.
    pub only_a: Vec<LayerOfOne>,
    /// Layers that only the second has.
    pub only_b: Vec<LayerOfOne>,
}

/// A layer that only one of the two has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerOfOne {
    /// Its index in its report.
    pub index: usize,
    /// The build step that made it.
    pub created_by: String,
    /// Bytes as it is fetched.
    pub compressed_size: u64,
    /// Bytes as it is unpacked.
    pub uncompressed_size: u64,
    /// Files it adds.
    pub files_added: u64,
    /// Files it replaces.
    pub files_changed: u64,
    /// Files it deletes.
    pub files_deleted: u64,
}

impl LayerOfOne {
    fn of(index: usize, layer: &Layer) -> Self {
        Self {
            index,
            created_by: layer.created_by.clone(),
            compressed_size: layer.compressed_size,
            uncompressed_size: layer.uncompressed_size,
            files_added: layer.files_added,
            files_changed: layer.files_changed,
            files_deleted: layer.files_deleted,
        }
    }
}

pub(super) fn compare(a: &Report, b: &Report) -> LayersCompared {
    let same = |(a, b): &(&Layer, &Layer)| !a.chain_id.is_empty() && a.chain_id == b.chain_id;
    let pairs = a.layers.iter().zip(&b.layers);
    let shared: Vec<&Layer> = pairs.take_while(same).map(|(_, layer)| layer).collect();
    let mut by_diff_id: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, layer) in a.layers.iter().enumerate().skip(shared.len()).rev() {
        if !layer.diff_id.is_empty() {
            by_diff_id.entry(&layer.diff_id).or_default().push(index);
        }
    }
    let mut compared = LayersCompared {
        shared: shared.len(),
        shared_size: shared.iter().map(|layer| layer.compressed_size).sum(),
        ..LayersCompared::default()
    };
    for (index, layer) in b.layers.iter().enumerate().skip(shared.len()) {
        let twin = by_diff_id.get_mut(layer.diff_id.as_str());
        match twin.and_then(Vec::pop) {
            Some(twin) => compared.moved.push((twin, index)),
            None => compared.only_b.push(LayerOfOne::of(index, layer)),
        }
    }
    for (index, layer) in a.layers.iter().enumerate().skip(shared.len()) {
        if !compared.moved.iter().any(|(moved, _)| *moved == index) {
            compared.only_a.push(LayerOfOne::of(index, layer));
        }
    }
    compared
}
