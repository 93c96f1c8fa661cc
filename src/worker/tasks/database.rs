//! The advisory database: index and shards from IndexedDB, or from the page's own server.
//!
//! The index is asked for at most once an hour, or when the user says so. One that is not signed by a key
//! that this page trusts, or that is older than the one held, is refused: what is held stays in use.
//! Shards are named by their digest, so that of a new index only those are fetched that have changed.
//!
//! The list of known base images beside the database comes with the index, and is kept as long.

use std::{cell::Cell, collections::BTreeSet};

use lamina_advisories::{
    index::{FILE_NAME, Index, ShardEntry},
    limits::{MAX_INDEX_BYTES, MAX_STORED_BYTES},
    matcher::Needs,
    shard::Shard,
    signature,
};
use lamina_image::digest::Digest;
use lamina_inventory::{
    known_bases::{self, KnownBases},
    limits::MAX_KNOWN_BASES_BYTES,
};
use lamina_report::{changes::changes, model::Report};
use lamina_scan::{
    layer::describe,
    matching::{self, Asked},
};
use serde::{Deserialize, Serialize};

use crate::{
    platform::{
        self, fetch,
        servers::Servers,
        store::{self, Table},
    },
    scanner::{
        AdvisoryBytes, AdvisoryText, CHECK_AGAIN_MS, DatabaseState, Trust,
        kept::{self, KeptChanges},
        server,
    },
};

/// Where the index is kept.
const INDEX_KEY: &str = "index.json";

/// Where the list of known base images is kept; its note says why there is none.
const BASES_KEY: &str = "bases.json";

/// Name of the signature of that list.
const BASES_SIGNATURE: &str = "bases.json.minisig";

/// Keys that were built into the page, with commas between them.
const BUILT_IN_KEYS: Option<&str> = option_env!("LAMINA_DB_KEY");

thread_local! {
    static BYTES: Cell<AdvisoryBytes> = const { Cell::new(AdvisoryBytes { fetched: 0, kept: 0 }) };
}

/// Whether to ask for a newer index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// If the last time was an hour ago or more.
    Hourly,
    /// In any case.
    Now,
}

/// What is noted beside the index.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct IndexNote {
    /// When it was asked for last, in milliseconds since 1970.
    checked_ms: f64,
    /// Whether it is trusted.
    trust: Trust,
}

/// An open database.
pub(super) struct Database {
    /// Its index.
    index: Index,
    /// Digest of the index's bytes.
    digest: String,
    note: IndexNote,
    /// Why a newer index was not to be had, or was refused.
    pub(super) problem: Option<String>,
    /// Whether this index was not held before.
    is_new: bool,
    /// The list of known base images, if there is one, or why it was refused.
    bases: Result<Option<Vec<u8>>, String>,
}

/// Shards, and those that could not be had.
#[derive(Default)]
struct Loaded {
    shards: Vec<Shard>,
    failed: Vec<(ShardEntry, String)>,
}

/// Opens the database: the one that is held, or a newer one.
pub(super) async fn open(freshness: Freshness) -> Result<Database, String> {
    let held = held().await;
    if let (Some(database), Freshness::Hourly) = (&held, freshness) {
        let age_ms = platform::now_ms() - database.note.checked_ms;
        // A clock that was set back is no reason to wait.
        if (0.0..CHECK_AGAIN_MS).contains(&age_ms) {
            return held.ok_or_else(String::new);
        }
    }
    let newer = match fetch_index().await {
        Ok(newer) => check_age(newer, held.as_ref()),
        Err(problem) => Err(problem),
    };
    match (newer, held) {
        (Ok((bytes, mut database)), held) => {
            database.is_new = held.is_none_or(|held| held.digest != database.digest);
            database.keep(&bytes).await;
            Ok(database)
        }
        (Err(problem), Some(held)) => Ok(Database {
            problem: Some(problem),
            ..held
        }),
        (Err(problem), None) => Err(problem),
    }
}

/// Looks for a newer database, and matches kept reports with it.
pub(super) async fn update(freshness: Freshness) -> Result<DatabaseState, String> {
    take_bytes();
    let database = open(freshness).await?;
    let mut changed = Vec::new();
    if database.is_new {
        changed = database.judge_kept().await;
        database.prune().await;
    }
    let rows = store::rows(Table::Shards).await;
    let held: BTreeSet<&str> = rows.iter().map(|row| row.key.as_str()).collect();
    Ok(DatabaseState {
        name: database.index.name.clone(),
        built_at: database.index.built_at.clone(),
        checked_ms: database.note.checked_ms,
        trust: database.note.trust,
        problem: database.problem.clone(),
        is_new: database.is_new,
        held_bytes: platform::whole(rows.iter().map(|row| row.size).sum()),
        held_shards: database
            .index
            .shards
            .iter()
            .filter(|entry| held.contains(entry.digest.to_string().as_str()))
            .count(),
        fetched_bytes: take_bytes().fetched,
        changed,
    })
}

/// What was read since this was asked last.
pub(super) fn take_bytes() -> AdvisoryBytes {
    BYTES.take()
}

/// The prose of a record.
pub(super) async fn prose(shard: &str, record: &str) -> Option<AdvisoryText> {
    let database = open(Freshness::Hourly).await.ok()?;
    let entry = database.index.prose_shard(shard, record)?;
    let prose = load(entry).await.ok()?.prose(record).ok()??;
    Some(AdvisoryText {
        summary: prose.summary,
        details: prose.details,
        references: prose.references,
    })
}

impl Database {
    /// The list of known base images that came with it; an empty one if none did.
    pub(super) fn known_bases(&self) -> Result<KnownBases, String> {
        match &self.bases {
            Ok(None) => Ok(KnownBases::default()),
            Ok(Some(bytes)) => KnownBases::parse(bytes).map_err(|error| describe(&error)),
            Err(problem) => Err(problem.clone()),
        }
    }

    /// Says in a report what this database knows of its packages.
    pub(super) async fn judge(&self, report: &mut Report) {
        let needs = matching::needs(report, &self.index);
        let loaded = self.shards(&needs).await;
        self.judge_with(report, &needs, &loaded);
    }

    fn judge_with(&self, report: &mut Report, needs: &Needs, loaded: &Loaded) {
        matching::match_report(
            report,
            Asked {
                index: &self.index,
                index_digest: &self.digest,
                needs,
                shards: &loaded.shards,
                failed: &loaded.failed,
            },
        );
    }

    /// Matches kept reports again; answers the names of those that changed, and how.
    async fn judge_kept(&self) -> Vec<(String, KeptChanges)> {
        let mut changed = Vec::new();
        for row in store::rows(Table::Reports).await {
            let Some(shared) = kept::load(&row.key).await else {
                continue;
            };
            let older = &shared.report;
            if older
                .database
                .as_ref()
                .is_some_and(|it| it.digest == self.digest)
            {
                continue;
            }
            let needs = matching::needs(older, &self.index);
            let loaded = self.shards(&needs).await;
            if !loaded.failed.is_empty() {
                // What it says stays true of the older database, whose date it shows.
                continue;
            }
            let mut newer = older.clone();
            self.judge_with(&mut newer, &needs, &loaded);
            let found = KeptChanges::of(&newer, &changes(older, &newer));
            let name = newer.image.name.clone();
            kept::replace(&row, newer, shared.policy, &found).await;
            if !found.is_empty() {
                changed.push((name, found));
            }
        }
        changed
    }

    async fn shards(&self, needs: &Needs) -> Loaded {
        let mut loaded = Loaded::default();
        for entry in &needs.shards {
            match load(entry).await {
                Ok(shard) => loaded.shards.push(shard),
                Err(problem) => loaded.failed.push((entry.clone(), problem)),
            }
        }
        loaded
    }

    async fn keep(&self, bytes: &[u8]) {
        let note = serde_json::to_string(&self.note).unwrap_or_default();
        store::put(Table::Shards, INDEX_KEY, bytes, &note).await;
        match &self.bases {
            Ok(Some(bytes)) => store::put(Table::Shards, BASES_KEY, bytes, "").await,
            Ok(None) => store::remove(Table::Shards, BASES_KEY).await,
            Err(problem) => store::put(Table::Shards, BASES_KEY, &[], problem).await,
        }
    }

    /// Deletes shards that no index names any more.
    async fn prune(&self) {
        let shards = self.index.shards.iter();
        let named: BTreeSet<String> = shards.map(|entry| entry.digest.to_string()).collect();
        for row in store::rows(Table::Shards).await {
            let is_shard = !matches!(row.key.as_str(), INDEX_KEY | BASES_KEY);
            if is_shard && !named.contains(&row.key) {
                store::remove(Table::Shards, &row.key).await;
            }
        }
    }
}

/// The index that is held, as it was found good when it came.
async fn held() -> Option<Database> {
    let bytes = store::get(Table::Shards, INDEX_KEY).await?;
    let row = store::row(Table::Shards, INDEX_KEY).await?;
    let note = serde_json::from_str(&row.note).ok()?;
    let bases = match store::row(Table::Shards, BASES_KEY).await {
        Some(row) if !row.note.is_empty() => Err(row.note),
        Some(_) => Ok(store::get(Table::Shards, BASES_KEY).await),
        None => Ok(None),
    };
    Some(Database {
        index: Index::parse(&bytes).ok()?,
        digest: Digest::of(&bytes).to_string(),
        note,
        problem: None,
        is_new: false,
        bases,
    })
}

/// The server's index, if it is signed as it must be.
async fn fetch_index() -> Result<(Vec<u8>, Database), String> {
    let bytes = fetch_whole(FILE_NAME, MAX_INDEX_BYTES).await?;
    let trust = trust(&bytes, signature::FILE_NAME)
        .await
        .map_err(|reason| format!("the advisory database was refused: {reason}"))?;
    let index = Index::parse(&bytes).map_err(|e| describe(&e))?;
    let database = Database {
        index,
        digest: Digest::of(&bytes).to_string(),
        note: IndexNote {
            checked_ms: platform::now_ms(),
            trust,
        },
        problem: None,
        is_new: false,
        bases: fetch_bases().await,
    };
    Ok((bytes, database))
}

/// The server's list of known base images, if it has one. It decides what counts as the base's, so that
/// it must be signed where the index must be.
async fn fetch_bases() -> Result<Option<Vec<u8>>, String> {
    let Some(bytes) = fetch_if_there(known_bases::FILE_NAME, MAX_KNOWN_BASES_BYTES).await? else {
        return Ok(None);
    };
    trust(&bytes, BASES_SIGNATURE).await?;
    Ok(Some(bytes))
}

/// Checks the signature of a file of the database, if this page has keys to check it with.
async fn trust(content: &[u8], signature_file: &str) -> Result<Trust, String> {
    let keys = server().await.database_keys;
    let keys: Vec<&str> = BUILT_IN_KEYS
        .unwrap_or_default()
        .split(',')
        .chain(keys.iter().map(String::as_str))
        .filter(|key| !key.is_empty())
        .collect();
    if keys.is_empty() {
        return Ok(Trust::NoKey);
    }
    let signature = fetch_whole(signature_file, signature::MAX_BYTES)
        .await
        .map_err(|problem| format!("it has no signature ({problem})"))?;
    let signature = String::from_utf8_lossy(&signature);
    signature::verify(content, &signature, keys).map_err(|error| error.to_string())?;
    Ok(Trust::Signed)
}

/// Refuses an index that is older than the one held: an attacker who cannot sign can still serve what
/// was signed long ago.
fn check_age(
    newer: (Vec<u8>, Database),
    held: Option<&Database>,
) -> Result<(Vec<u8>, Database), String> {
    let offered = &newer.1.index;
    if held.is_some_and(|held| held.note.trust == Trust::Signed)
        && newer.1.note.trust != Trust::Signed
    {
        return Err("the advisory database was refused: the one held is signed, the one offered could not be checked".to_owned());
    }
    match held.map(|held| &held.index) {
        Some(held) if held.name == offered.name && offered.built_at < held.built_at => {
            Err(format!(
                "the server offers an advisory database of {}, older than the one held, of {}",
                offered.built_at, held.built_at
            ))
        }
        _ => Ok(newer),
    }
}

async fn load(entry: &ShardEntry) -> Result<Shard, String> {
    let key = entry.digest.to_string();
    if let Some(stored) = store::get(Table::Shards, &key).await
        && let Ok(shard) = Shard::from_stored(&stored, entry)
    {
        note_bytes(|bytes| bytes.kept += entry.size);
        return Ok(shard);
    }
    let limit = usize::try_from(MAX_STORED_BYTES).unwrap_or(usize::MAX);
    let stored = fetch_whole(&entry.path(), limit).await?;
    let shard = Shard::from_stored(&stored, entry).map_err(|e| describe(&e))?;
    store::put(Table::Shards, &key, &stored, &entry.key).await;
    Ok(shard)
}

async fn fetch_whole(path: &str, limit: usize) -> Result<Vec<u8>, String> {
    let bytes = fetch_if_there(path, limit).await?;
    bytes.ok_or_else(|| format!("db/{path}: the server answers 404"))
}

/// The same; `None` if the server has no such file.
async fn fetch_if_there(path: &str, limit: usize) -> Result<Option<Vec<u8>>, String> {
    let url = format!("{}{path}", Servers::load().database_base());
    let answer = fetch::send("GET", &url, &[], None)
        .await
        .map_err(|e| e.to_string())?;
    if answer.status == 404 {
        return Ok(None);
    }
    if answer.status != 200 {
        return Err(format!("db/{path}: the server answers {}", answer.status));
    }
    let bytes = answer.bytes(limit).await.map_err(|e| e.to_string())?;
    note_bytes(|count| count.fetched += bytes.len() as u64);
    Ok(Some(bytes))
}

fn note_bytes(change: impl FnOnce(&mut AdvisoryBytes)) {
    let mut bytes = BYTES.get();
    change(&mut bytes);
    BYTES.set(bytes);
}
