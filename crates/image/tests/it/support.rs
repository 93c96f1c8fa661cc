//! What the tests share.

use std::{collections::BTreeMap, path::Path};

use lamina_image::{
    archive::{ArchiveContents, ArchiveError, ArchiveImage, ArchiveReader, ArchiveSink},
    layer::{
        Claim, Entry, EntryKind, EntrySink, LayerError, LayerExpectation, LayerOutcome, LayerReader,
    },
    limits::Limits,
    path::LayerPath,
    tree::{LayerTree, LayerTreeBuilder, MergedTree},
};

/// Everything a layer said, with all contents.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Recorder {
    pub entries: Vec<(Entry, Option<Vec<u8>>)>,
    open: bool,
}

impl EntrySink for Recorder {
    fn entry(&mut self, entry: &Entry) -> Claim {
        self.open = entry.kind == EntryKind::File;
        self.entries.push((entry.clone(), None));
        if self.open { Claim::Take } else { Claim::Skip }
    }

    fn data(&mut self, bytes: &[u8]) {
        assert!(self.open, "data without a claimed file");
        let content = &mut self.entries.last_mut().unwrap().1;
        content.get_or_insert_default().extend_from_slice(bytes);
    }

    fn end(&mut self) {
        assert!(self.open, "end without a claimed file");
        self.open = false;
        self.entries.last_mut().unwrap().1.get_or_insert_default();
    }
}

impl Recorder {
    pub fn paths(&self) -> Vec<String> {
        let paths = self.entries.iter().map(|(entry, _)| entry.path.to_string());
        paths.collect()
    }

    pub fn content(&self, path: &str) -> Option<&[u8]> {
        self.entries
            .iter()
            .rev()
            .find(|(entry, _)| entry.path == LayerPath::from(path))?
            .1
            .as_deref()
    }
}

pub fn read(bytes: &[u8]) -> (Recorder, LayerOutcome) {
    read_with(
        bytes,
        bytes.len().max(1),
        Limits::default(),
        LayerExpectation::default(),
    )
}

pub fn read_with(
    bytes: &[u8],
    chunk: usize,
    limits: Limits,
    expectation: LayerExpectation,
) -> (Recorder, LayerOutcome) {
    let mut recorder = Recorder::default();
    let mut reader = LayerReader::new(expectation, limits);
    for chunk in bytes.chunks(chunk) {
        // After an error the rest is only hashed.
        let _ = reader.feed(chunk, &mut recorder);
    }
    let outcome = reader.finish(&mut recorder);
    (recorder, outcome)
}

pub fn error_of(bytes: &[u8]) -> LayerError {
    read(bytes).1.error.expect("an error")
}

pub fn tree(tar: &[u8]) -> LayerTree {
    let mut builder = LayerTreeBuilder::new();
    let mut reader = LayerReader::new(LayerExpectation::default(), Limits::default());
    reader.feed(tar, &mut builder).unwrap();
    assert_eq!(reader.finish(&mut builder).error, None);
    builder.finish()
}

/// Keeps a tree of each layer.
#[derive(Default)]
pub struct Trees {
    pub trees: BTreeMap<LayerPath, LayerTree>,
    pub started: Vec<LayerPath>,
}

impl ArchiveSink for Trees {
    type Layer = LayerTreeBuilder;

    fn layer_start(&mut self, member: &LayerPath, _: u64) -> LayerTreeBuilder {
        self.started.push(member.clone());
        LayerTreeBuilder::new()
    }

    fn layer_end(&mut self, member: &LayerPath, layer: LayerTreeBuilder, _: LayerOutcome) {
        self.trees.insert(member.clone(), layer.finish());
    }
}

impl Trees {
    pub fn merged(&self, image: &ArchiveImage) -> MergedTree {
        let empty = LayerTree::default();
        let layers: Vec<&LayerTree> = image
            .layers
            .iter()
            .map(|layer| match &layer.member {
                Some(member) => &self.trees[member],
                None => &empty,
            })
            .collect();
        MergedTree::merge(&layers)
    }
}

pub fn open(bytes: &[u8]) -> (Trees, Result<ArchiveContents, ArchiveError>) {
    open_in_chunks(bytes, 1 << 20)
}

pub fn open_in_chunks(
    bytes: &[u8],
    chunk: usize,
) -> (Trees, Result<ArchiveContents, ArchiveError>) {
    open_with(bytes, chunk, Limits::default())
}

pub fn open_with(
    bytes: &[u8],
    chunk: usize,
    limits: Limits,
) -> (Trees, Result<ArchiveContents, ArchiveError>) {
    let mut trees = Trees::default();
    let mut reader = ArchiveReader::new(limits);
    for chunk in bytes.chunks(chunk) {
        if reader.feed(chunk, &mut trees).is_err() {
            break;
        }
    }
    let contents = reader.finish(&mut trees);
    (trees, contents)
}

/// An archive of a folder, as someone would make it with `tar -C folder -c .`.
pub fn tar_of(folder: &Path) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_dir_all(".", folder).unwrap();
    tar.into_inner().unwrap()
}
