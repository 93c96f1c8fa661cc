//! The advisory database on this machine: a folder that `lamina db build` wrote, or the embedded one
//! of the sample images.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use lamina_advisories::{
    index::{FILE_NAME, Index, ShardEntry},
    matcher::Needs,
    shard::Shard,
};
use lamina_image::digest::Digest;
use lamina_scan::layer::describe;

use crate::assets;

/// An open database.
#[derive(Debug)]
pub struct Database {
    /// Its index.
    pub index: Index,
    /// Digest of the index's bytes.
    pub digest: String,
    /// Whether it is the one of the sample images.
    pub is_samples: bool,
    folder: Option<PathBuf>,
}

impl Database {
    /// Opens the database in `folder`, or the one of the sample images.
    ///
    /// # Errors
    /// When there is none, or its index cannot be read.
    pub fn open(folder: Option<&Path>) -> anyhow::Result<Self> {
        let bytes = match folder {
            Some(folder) => {
                let path = folder.join(FILE_NAME);
                std::fs::read(&path).with_context(|| {
                    format!(
                        "{} is no advisory database: reading {FILE_NAME}",
                        folder.display()
                    )
                })?
            }
            None => assets::sample_database(FILE_NAME)
                .context("no advisory database: name one with --db (`lamina db build` makes it)")?
                .to_vec(),
        };
        Ok(Self {
            index: Index::parse(&bytes).context("reading the advisory database's index")?,
            digest: Digest::of(&bytes).to_string(),
            is_samples: folder.is_none(),
            folder: folder.map(Path::to_owned),
        })
    }

    /// The shards that are needed, and those that could not be had with the reason.
    pub fn shards(&self, needs: &Needs) -> (Vec<Shard>, Vec<(ShardEntry, String)>) {
        let mut shards = Vec::new();
        let mut failed = Vec::new();
        for entry in &needs.shards {
            match self.shard(entry) {
                Ok(shard) => shards.push(shard),
                Err(problem) => failed.push((entry.clone(), problem)),
            }
        }
        (shards, failed)
    }

    fn shard(&self, entry: &ShardEntry) -> Result<Shard, String> {
        let stored = match &self.folder {
            Some(folder) => {
                std::fs::read(folder.join(entry.path())).map_err(|error| error.to_string())?
            }
            None => assets::sample_database(&entry.path())
                .ok_or("it is not there")?
                .to_vec(),
        };
        Shard::from_stored(&stored, entry).map_err(|error| describe(&error))
    }
}
