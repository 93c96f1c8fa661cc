//! The advisory database: its index from the page's own server, its shards from IndexedDB or from
//! there.

use lamina_advisories::{
    index::{FILE_NAME, Index, ShardEntry},
    limits::{MAX_INDEX_BYTES, MAX_STORED_BYTES},
    matcher::Needs,
    shard::Shard,
};
use lamina_image::digest::Digest;

use crate::{
    platform::{
        base_url, fetch,
        store::{self, Table},
    },
    scanner::AdvisoryText,
};

/// Where the index is kept for when the server cannot be reached.
const INDEX_KEY: &str = "index.json";

/// An open database.
pub(super) struct Database {
    /// Its index.
    pub(super) index: Index,
    /// Digest of the index's bytes.
    pub(super) digest: String,
}

/// Shards, and those that could not be had.
#[derive(Default)]
pub(super) struct Loaded {
    pub(super) shards: Vec<Shard>,
    pub(super) failed: Vec<(ShardEntry, String)>,
}

/// Reads the index: the server's, or the last one that was read when the server is out of reach.
pub(super) async fn open() -> Result<Database, String> {
    match fetch_whole(FILE_NAME, MAX_INDEX_BYTES).await {
        Ok(bytes) => {
            let index = Index::parse(&bytes).map_err(|e| lamina_scan::layer::describe(&e))?;
            store::put(Table::Shards, INDEX_KEY, &bytes, "").await;
            Ok(Database {
                index,
                digest: Digest::of(&bytes).to_string(),
            })
        }
        Err(problem) => {
            let bytes = store::get(Table::Shards, INDEX_KEY).await.ok_or(problem)?;
            let index = Index::parse(&bytes).map_err(|e| lamina_scan::layer::describe(&e))?;
            Ok(Database {
                index,
                digest: Digest::of(&bytes).to_string(),
            })
        }
    }
}

impl Database {
    /// The shards that are needed.
    pub(super) async fn shards(&self, needs: &Needs) -> Loaded {
        let mut loaded = Loaded::default();
        for entry in &needs.shards {
            match load(entry).await {
                Ok(shard) => loaded.shards.push(shard),
                Err(problem) => loaded.failed.push((entry.clone(), problem)),
            }
        }
        loaded
    }
}

/// The prose of a record.
pub(super) async fn prose(shard: &str, record: &str) -> Option<AdvisoryText> {
    let database = open().await.ok()?;
    let entry = database.index.prose_shard(shard, record)?;
    let prose = load(entry).await.ok()?.prose(record).ok()??;
    Some(AdvisoryText {
        summary: prose.summary,
        details: prose.details,
        references: prose.references,
    })
}

async fn load(entry: &ShardEntry) -> Result<Shard, String> {
    let key = entry.digest.to_string();
    if let Some(stored) = store::get(Table::Shards, &key).await
        && let Ok(shard) = Shard::from_stored(&stored, entry)
    {
        return Ok(shard);
    }
    let limit = usize::try_from(MAX_STORED_BYTES).unwrap_or(usize::MAX);
    let stored = fetch_whole(&entry.path(), limit).await?;
    let shard = Shard::from_stored(&stored, entry).map_err(|e| lamina_scan::layer::describe(&e))?;
    store::put(Table::Shards, &key, &stored, &entry.key).await;
    Ok(shard)
}

async fn fetch_whole(path: &str, limit: usize) -> Result<Vec<u8>, String> {
    let url = format!("{}db/{path}", base_url());
    let answer = fetch::send("GET", &url, &[], None)
        .await
        .map_err(|e| e.to_string())?;
    if answer.status != 200 {
        return Err(format!("db/{path}: the server answers {}", answer.status));
    }
    answer.bytes(limit).await.map_err(|e| e.to_string())
}
