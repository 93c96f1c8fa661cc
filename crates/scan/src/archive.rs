//! An archive, from bytes to a plan and its layers' results.

use std::collections::BTreeMap;

pub use lamina_image::archive::DocumentRole;
use lamina_image::{
    archive::{ArchiveError, ArchiveLayer, ArchiveReader, ArchiveSink},
    layer::{LayerOutcome, places::Places},
    limits::Limits,
    path::LayerPath,
    platform::Platform,
};
use lamina_inventory::layer_scan::LayerScan;
use lamina_report::model::ReportWarning;

use crate::{
    layer::{LayerResult, describe},
    plan::{Found, Plan, PlannedLayer},
};

/// An archive that is being read.
pub struct ArchiveJob {
    reader: ArchiveReader<Layers>,
    layers: Layers,
    is_failed: bool,
}

/// A layer of the archive that has been read, for a progress display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveLayerDone {
    /// Its place in the archive's order.
    pub number: usize,
    /// Bytes of the member.
    pub read: u64,
    /// Bytes of tar.
    pub unpacked: u64,
    /// Entries.
    pub files: u64,
    /// Packages.
    pub packages: u64,
    /// Why it was not read to its end.
    pub error: Option<String>,
}

/// Where the layers of the chosen image lie in an archive, to read their files again, and what describes
/// it there.
#[derive(Clone, Debug, Default)]
pub struct ArchivePlaces {
    /// Whether the archive itself is not compressed.
    pub is_plain: bool,
    /// The layers, base first; `None` for those that are missing.
    pub layers: Vec<Option<ArchivePlace>>,
    /// Lists, indexes, manifest and config of the image, the outermost first.
    pub documents: Vec<ArchiveDocument>,
}

/// A document of an image as it lies in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveDocument {
    /// What it is to the image.
    pub role: DocumentRole,
    /// The member that it is.
    pub member: LayerPath,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Where one layer lies.
#[derive(Clone, Debug)]
pub struct ArchivePlace {
    /// Offset of its blob in the archive, unpacked if the archive is compressed.
    pub offset: u64,
    /// Bytes of its blob.
    pub size: u64,
    /// Where its files lie.
    pub places: Places,
}

#[derive(Default)]
struct Layers {
    results: BTreeMap<LayerPath, LayerResult>,
    places: BTreeMap<LayerPath, ArchivePlace>,
    started: usize,
    done: Vec<ArchiveLayerDone>,
}

impl ArchiveSink for Layers {
    type Layer = LayerScan;

    fn layer_place(&mut self, member: &LayerPath, offset: u64) {
        let place = ArchivePlace {
            offset,
            size: 0,
            places: Places::default(),
        };
        self.places.insert(member.clone(), place);
    }

    fn layer_start(&mut self, member: &LayerPath, size: u64) -> LayerScan {
        self.started += 1;
        if let Some(place) = self.places.get_mut(member) {
            place.size = size;
        }
        LayerScan::new()
    }

    fn layer_end(&mut self, member: &LayerPath, layer: LayerScan, mut outcome: LayerOutcome) {
        if let Some(place) = self.places.get_mut(member) {
            place.places = std::mem::take(&mut outcome.places);
        }
        let (files, packages) = (layer.entries(), layer.packages());
        let result = LayerResult::new(layer, &outcome);
        self.done.push(ArchiveLayerDone {
            number: self.started.saturating_sub(1),
            read: result.compressed_bytes,
            unpacked: result.uncompressed_bytes,
            files,
            packages,
            error: result.error.clone(),
        });
        self.results.insert(member.clone(), result);
    }
}

impl Default for ArchiveJob {
    fn default() -> Self {
        Self::new()
    }
}

impl ArchiveJob {
    /// Starts an archive.
    pub fn new() -> Self {
        Self {
            reader: ArchiveReader::new(Limits::default()),
            layers: Layers::default(),
            is_failed: false,
        }
    }

    /// Takes the next bytes. Answers whether more are wanted.
    pub fn feed(&mut self, bytes: &[u8]) -> bool {
        if !self.is_failed {
            // `finish` tells what is wrong, with what could be read before.
            self.is_failed = self.reader.feed(bytes, &mut self.layers).is_err();
        }
        !self.is_failed
    }

    /// The layers that were completed since the last call.
    pub fn take_done(&mut self) -> Vec<ArchiveLayerDone> {
        std::mem::take(&mut self.layers.done)
    }

    /// The end of the archive: the image of that name and platform (or the only one) and its layers.
    ///
    /// # Errors
    /// When there is no such image in it.
    pub fn finish(
        self,
        file_name: &str,
        image: Option<&str>,
        platform: Option<&Platform>,
    ) -> Result<(Plan, Vec<LayerResult>), ArchiveError> {
        let (plan, results, _) = self.finish_placed(file_name, image, platform)?;
        Ok((plan, results))
    }

    /// The same, and where the layers lie.
    ///
    /// # Errors
    /// When there is no such image in it.
    pub fn finish_placed(
        self,
        file_name: &str,
        image: Option<&str>,
        platform: Option<&Platform>,
    ) -> Result<(Plan, Vec<LayerResult>, ArchivePlaces), ArchiveError> {
        let Self {
            reader, mut layers, ..
        } = self;
        let is_plain = reader.is_plain();
        let contents = reader.finish(&mut layers)?;
        let chosen = match contents.choose(image, platform) {
            // Several, and none was named: the first, and a warning that says so.
            Err(ArchiveError::WhichImage { .. }) => {
                contents.images.first().ok_or(ArchiveError::NoManifest)?
            }
            chosen => chosen?,
        };
        let platforms: Vec<String> = contents
            .images
            .iter()
            .filter(|other| other.names == chosen.names)
            .filter_map(|other| Some(other.platform.as_ref()?.to_string()))
            .collect();
        let found = Found {
            name: match chosen.names.first() {
                Some(name) => format!("{name} ({file_name})"),
                None => file_name.to_owned(),
            },
            digest: chosen.manifest.as_ref().map(|(digest, _)| digest.clone()),
            index_digest: None,
            platforms: if platforms.len() > 1 {
                platforms
            } else {
                Vec::new()
            },
        };
        let planned = chosen.layers.iter().map(planned_layer).collect();
        let mut plan = Plan::new(
            found,
            Some(chosen.config_digest.clone()),
            planned,
            &chosen.config,
        );
        if plan.image.platform == "unknown"
            && let Some(platform) = &chosen.platform
        {
            plan.image.platform = platform.to_string();
        }
        let others = contents.images.len().saturating_sub(1);
        if others > 0 {
            let names: Vec<String> = contents.images.iter().map(|image| image.name()).collect();
            plan.warnings.push(ReportWarning::of_image(format!(
                "the archive holds {} images ({}); this is {}",
                others + 1,
                names.join(", "),
                chosen.name()
            )));
        }
        plan.warnings.extend(contents.broken.iter().map(|error| {
            ReportWarning::of_image(format!(
                "an image of the archive was left out: {}",
                describe(error)
            ))
        }));
        plan.warnings.extend(contents.problem.iter().map(|error| {
            ReportWarning::of_image(format!(
                "the archive could not be read to its end: {}",
                describe(error)
            ))
        }));
        let results = chosen
            .layers
            .iter()
            .map(|layer| layers.result(layer))
            .collect();
        let members = chosen.layers.iter().map(|layer| layer.member.as_ref());
        let documents = chosen.documents.iter().filter_map(|(role, member)| {
            Some(ArchiveDocument {
                role: *role,
                bytes: contents.members.get(member)?.clone(),
                member: member.clone(),
            })
        });
        let places = ArchivePlaces {
            documents: documents.collect(),
            is_plain,
            layers: members
                .map(|member| layers.places.get(member?).cloned())
                .collect(),
        };
        Ok((plan, results, places))
    }
}

impl Layers {
    fn result(&self, layer: &ArchiveLayer) -> LayerResult {
        let read = layer
            .member
            .as_ref()
            .and_then(|member| self.results.get(member));
        let error = layer.error.as_ref().map(|error| describe(error));
        match read {
            // A layer may be there twice in an image.
            Some(result) => LayerResult {
                error: error.or(result.error.clone()),
                ..result.clone()
            },
            None => LayerResult::failed(
                error.unwrap_or_else(|| format!("{} is not in the archive", layer.named)),
            ),
        }
    }
}

fn planned_layer(layer: &ArchiveLayer) -> PlannedLayer {
    PlannedLayer {
        digest: layer
            .descriptor
            .as_ref()
            .map(|descriptor| descriptor.digest.clone()),
        diff_id: layer.diff_id.clone(),
        media_type: layer
            .descriptor
            .as_ref()
            .map(|descriptor| descriptor.media_type.clone())
            .unwrap_or_default(),
        size: layer
            .summary
            .as_ref()
            .map_or(0, |summary| summary.compressed_bytes),
        created_by: String::new(),
        refusal: None,
    }
}
