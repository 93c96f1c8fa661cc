//! `lamina db update`: brings a database up to date, with what changed and no more.
//!
//! The index and its signature are fetched and checked first, then the shards that are not here yet,
//! each checked against the index. The new index takes effect last, in one step: whatever fails
//! before, the last good database stays in use. Its shards stay until the next update, for readers
//! that have its index open.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressDrawTarget};
use jiff::Timestamp;
use lamina_advisories::{
    Index, Shard, ShardEntry, index,
    limits::{MAX_INDEX_BYTES, MAX_STORED_BYTES},
    signature,
};
use lamina_image::{digest::Digest, reference::Reference};
use lamina_inventory::{known_bases, limits::MAX_KNOWN_BASES_BYTES};
use lamina_registry::Session;
use tokio::{sync::Semaphore, task::JoinSet};

use super::{
    download::{bar_style, redirects},
    files,
    oci::{self, INDEX, Manifest, SIGNATURE},
    table::{bytes, number, row, write_table},
};
use crate::{
    credentials::RegistryArgs,
    database::{Place, Trust, TrustArgs, age_in_days, ago, check_signature},
    limits::{DATABASE_BYTES, DOWNLOAD_FIRST_WAIT, DOWNLOAD_TRIES, DOWNLOADS_AT_ONCE},
    transport::{StreamError, Transport, build_client, clock},
};

/// Where a database in a folder came from, for the next update.
const ORIGIN: &str = ".origin";

/// Days that the clock of who built an index may be ahead of ours.
const MAX_DAYS_AHEAD: i64 = 1;

/// Brings a database up to date: fetches the index, and the shards that changed.
///
/// Whatever fails, the database that is there stays as it is.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the database is published: the address of its folder, `oci://registry/repository:tag`,
    /// or a file of `lamina db export`. Without it, where the last update came from.
    #[arg(long, value_name = "URL|oci://…|FILE", env = "LAMINA_DB_FROM")]
    from: Option<String>,
    /// The folder of the database; it is made if there is none.
    #[arg(long, value_name = "DIR", env = "LAMINA_DB")]
    db: PathBuf,
    #[command(flatten)]
    trust: TrustArgs,
    /// Takes what comes from the network without a key to check it by: whoever controls the server or
    /// the way to it decides which vulnerabilities are found.
    #[arg(long)]
    insecure_unsigned: bool,
    /// Takes an index that is older than the one that is here, or of a day that is yet to come:
    /// vulnerabilities that are known here may be unknown to it.
    #[arg(long)]
    allow_rollback: bool,
    #[command(flatten)]
    registry: RegistryArgs,
}

/// Where a database is published.
#[expect(clippy::large_enum_variant, reason = "there is one of it")]
enum Origin {
    Web(reqwest::Client, reqwest::Url),
    Registry {
        transport: Transport,
        session: Session,
        reference: Reference,
        manifest: Manifest,
    },
    Here(Place),
}

/// What is held already.
struct Held {
    index: Index,
    digest: Digest,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let keys = args.trust.keys()?;
    let from = match &args.from {
        Some(from) => from.clone(),
        None => fs::read_to_string(args.db.join(ORIGIN))
            .map(|text| text.trim().to_owned())
            .with_context(|| {
                format!(
                    "{} does not say where it is from: use --from",
                    args.db.display()
                )
            })?,
    };
    let origin = Origin::open(&from, &args.registry).await?;
    if keys.is_empty() && !args.insecure_unsigned && !matches!(origin, Origin::Here(_)) {
        bail!(
            "what comes from the network is not taken without a key to check it by: name one with \
             --db-key (or --insecure-unsigned, if you know what you do)"
        );
    }
    fs::create_dir_all(&args.db)
        .with_context(|| format!("cannot make the folder {:?}", args.db))?;
    // Two updates at once would remove each other's shards.
    let lock = fs::File::create(args.db.join(".lock"))?;
    if lock.try_lock().is_err() {
        bail!("another update of {} is under way", args.db.display());
    }

    let json = origin
        .file(index::FILE_NAME, MAX_INDEX_BYTES as u64)
        .await?
        .with_context(|| format!("there is no {} at {from}", index::FILE_NAME))?;
    let signature = origin
        .file(signature::FILE_NAME, signature::MAX_BYTES as u64)
        .await?
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let signatures: Vec<String> = signature.iter().cloned().collect();
    let trust = check_signature(&json, &signatures, &keys)
        .with_context(|| format!("the database at {from} is refused"))?;
    let index = Index::parse(&json).with_context(|| format!("the index at {from}"))?;
    let digest = Digest::of(&json);
    let now = clock()?;
    let held = held(&args.db);
    check_age(&index, held.as_ref(), now, args.allow_rollback)?;

    let wanted = distinct(&index)?;
    let missing = missing(&args.db, &wanted).await?;
    let total: u64 = wanted.iter().map(|entry| entry.size).sum();
    let fetched: u64 = missing.iter().map(|entry| entry.size).sum();
    let missing_count = missing.len();
    let bases = bases(&origin, &keys).await.unwrap_or_else(|problem| {
        eprintln!("warning: the list of known base images was left out: {problem:#}");
        None
    });
    fetch(origin, missing, &args.db, fetched).await?;

    let is_same = held.as_ref().is_some_and(|held| held.digest == digest);
    files::commit(&args.db, &json, signature.as_deref())?;
    files::replace(&args.db.join(ORIGIN), format!("{from}\n").as_bytes())?;
    if let Some((list, signature)) = bases {
        let path = args.db.join(known_bases::FILE_NAME);
        crate::bases::store(&path, &list, signature.as_deref())?;
    }
    let mut kept = vec![&index];
    kept.extend(held.as_ref().map(|held| &held.index));
    if !wanted.is_empty() {
        files::remove_other_shards(&args.db, &kept)?;
    }
    if let Some(held) = held.as_ref().filter(|_| !is_same) {
        print_changes(&held.index, &index)?;
    }
    let age = age_in_days(&index, now).map_or(String::new(), |days| format!(" ({})", ago(days)));
    println!(
        "{} {}: {}, built {}{age}, {}; fetched {} of {} shards, {} of {}",
        args.db.display(),
        if is_same { "is up to date" } else { "updated" },
        index.name,
        index.built_at,
        trust.describe(),
        number(missing_count as u64),
        number(wanted.len() as u64),
        bytes(fetched),
        bytes(total),
    );
    if matches!(trust, Trust::Unchecked { .. }) {
        eprintln!("warning: nobody vouches for this database: name a key with --db-key");
    }
    Ok(ExitCode::SUCCESS)
}

/// The list of known base images beside the database and its signature, if there is one. It must be
/// signed where the index must be.
async fn bases(
    origin: &Origin,
    keys: &[String],
) -> anyhow::Result<Option<(Vec<u8>, Option<Vec<u8>>)>> {
    let limit = MAX_KNOWN_BASES_BYTES as u64;
    let Some(list) = origin.file(known_bases::FILE_NAME, limit).await? else {
        return Ok(None);
    };
    let limit = signature::MAX_BYTES as u64;
    let signature = origin.file(crate::bases::SIGNATURE, limit).await?;
    if !keys.is_empty() {
        let signature = signature.as_deref().context("it is not signed")?;
        let signature = String::from_utf8_lossy(signature).into_owned();
        check_signature(&list, &[signature], keys)?;
    }
    known_bases::KnownBases::parse(&list)?;
    Ok(Some((list, signature)))
}

/// What is in the folder. An index that cannot be read is none: an update mends it.
fn held(dir: &Path) -> Option<Held> {
    let (json, _) = Place::Folder(dir.to_owned()).index().ok()??;
    let index = Index::parse(&json).ok()?;
    Some(Held {
        index,
        digest: Digest::of(&json),
    })
}

/// Refuses an index that would take knowledge away, or one that nothing could ever follow.
fn check_age(
    index: &Index,
    held: Option<&Held>,
    now: Timestamp,
    allow_rollback: bool,
) -> anyhow::Result<()> {
    let time = |index: &Index| index.built_at.parse::<Timestamp>();
    let built_at = time(index).with_context(|| {
        format!(
            "the index does not say when it was built: {:?}",
            index.built_at
        )
    })?;
    if allow_rollback {
        return Ok(());
    }
    if age_in_days(index, now).is_some_and(|age| age < -MAX_DAYS_AHEAD) {
        bail!(
            "the index says that it was built {}, which is yet to come (--allow-rollback takes it)",
            index.built_at
        );
    }
    if let Some(held) = held
        && time(&held.index).is_ok_and(|held| built_at < held)
    {
        bail!(
            "the index was built {}, before the one that is here ({}): the server is behind, or \
             someone hides what became known since (--allow-rollback takes it)",
            index.built_at,
            held.index.built_at
        );
    }
    Ok(())
}

/// The shards, each digest once.
fn distinct(index: &Index) -> anyhow::Result<Vec<ShardEntry>> {
    let mut seen = BTreeSet::new();
    let shards: Vec<ShardEntry> = index
        .shards
        .iter()
        .filter(|entry| seen.insert(entry.path()))
        .cloned()
        .collect();
    let total = shards
        .iter()
        .fold(0_u64, |sum, entry| sum.saturating_add(entry.size));
    if total > DATABASE_BYTES {
        bail!("the index names {total} bytes of shards, more than {DATABASE_BYTES}");
    }
    Ok(shards)
}

/// The shards that are not here, or not whole.
async fn missing(dir: &Path, wanted: &[ShardEntry]) -> anyhow::Result<Vec<ShardEntry>> {
    let (dir, wanted) = (dir.to_owned(), wanted.to_vec());
    let find = move || {
        let place = Place::Folder(dir);
        let is_here = |entry: &ShardEntry| {
            let stored = place.read(&entry.path(), MAX_STORED_BYTES);
            stored.is_ok_and(|stored| {
                stored.is_some_and(|bytes| {
                    bytes.len() as u64 == entry.size && Shard::from_stored(&bytes, entry).is_ok()
                })
            })
        };
        wanted.into_iter().filter(|entry| !is_here(entry)).collect()
    };
    Ok(tokio::task::spawn_blocking(find).await?)
}

/// Fetches shards side by side, and stores each when it was checked.
async fn fetch(
    origin: Origin,
    missing: Vec<ShardEntry>,
    dir: &Path,
    total: u64,
) -> anyhow::Result<()> {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    bar.set_style(bar_style());
    let (origin, places) = (
        Arc::new(origin),
        Arc::new(Semaphore::new(DOWNLOADS_AT_ONCE)),
    );
    let mut tasks = JoinSet::new();
    for entry in missing {
        let (origin, places) = (Arc::clone(&origin), Arc::clone(&places));
        let (dir, bar) = (dir.to_owned(), bar.clone());
        tasks.spawn(async move {
            let _place = places.acquire_owned().await;
            let name = format!("shard {:?} ({})", entry.key, entry.kind.word());
            bar.set_message(name.clone());
            let path = entry.path();
            let bytes = origin
                .shard(&entry)
                .await
                .with_context(|| format!("fetching {name}"))?
                .with_context(|| format!("{name} is not there"))?;
            bar.inc(entry.size);
            tokio::task::spawn_blocking(move || {
                Shard::from_stored(&bytes, &entry).context("refused")?;
                let target = dir.join(path);
                if let Some(folder) = target.parent() {
                    fs::create_dir_all(folder)?;
                }
                anyhow::Ok(files::replace(&target, &bytes)?)
            })
            .await?
            .with_context(|| name)
        });
    }
    while let Some(result) = tasks.join_next().await {
        // Those under way end with the set.
        result??;
    }
    bar.finish_and_clear();
    Ok(())
}

/// Which shards are new, changed or gone.
fn print_changes(old: &Index, new: &Index) -> anyhow::Result<()> {
    let by_name = |index: &Index| -> BTreeMap<String, (u64, u64, BTreeSet<String>)> {
        let mut shards: BTreeMap<String, (u64, u64, BTreeSet<String>)> = BTreeMap::new();
        for entry in &index.shards {
            let sum = shards
                .entry(format!("{} {}", entry.key, entry.kind.word()))
                .or_default();
            sum.0 += entry.records;
            sum.1 += entry.size;
            sum.2.insert(entry.path());
        }
        shards
    };
    let (old, new) = (by_name(old), by_name(new));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mut rows = vec![row(["shard", "", "records", "before", "bytes", "before"])];
    for name in names {
        let (before, after) = (old.get(name), new.get(name));
        let change = match (before, after) {
            (Some(before), Some(after)) if before.2 == after.2 => continue,
            (Some(_), Some(_)) => "changed",
            (None, _) => "new",
            (Some(_), None) => "gone",
        };
        let cell = |sum: Option<u64>| sum.map_or(String::new(), number);
        rows.push(vec![
            name.clone(),
            change.to_owned(),
            cell(after.map(|sum| sum.0)),
            cell(before.map(|sum| sum.0)),
            cell(after.map(|sum| sum.1)),
            cell(before.map(|sum| sum.1)),
        ]);
    }
    if rows.len() > 1 {
        write_table(&mut std::io::stdout().lock(), &rows, &[2, 3, 4, 5])?;
        println!();
    }
    Ok(())
}

impl Origin {
    async fn open(from: &str, registry: &RegistryArgs) -> anyhow::Result<Self> {
        if let Some(name) = from.strip_prefix("oci://") {
            let (reference, session) = oci::open(name, registry)?;
            let transport = Transport::new()?;
            let resolved = transport
                .resolve(&session, reference.repository(), &reference.identifier())
                .await
                .with_context(|| format!("asking for {from}"))?;
            let manifest =
                Manifest::parse(&resolved.body).with_context(|| format!("reading {from}"))?;
            return Ok(Self::Registry {
                transport,
                session,
                reference,
                manifest,
            });
        }
        if from.starts_with("http://") || from.starts_with("https://") {
            let mut url =
                reqwest::Url::parse(from).with_context(|| format!("{from:?} is no address"))?;
            if !url.username().is_empty() || url.password().is_some() {
                bail!("an address with a password is not taken: it would be stored");
            }
            if !url.path().ends_with('/') {
                let path = format!("{}/", url.path());
                url.set_path(&path);
            }
            let client = build_client(|builder| builder.redirect(redirects()))?;
            return Ok(Self::Web(client, url));
        }
        let path = Path::new(from);
        if !path.exists() {
            bail!("{from:?} is neither an address nor a file");
        }
        Ok(Self::Here(Place::at(path)?))
    }

    /// The index, its signature, or the list of known bases and its signature, if it is there. The
    /// latter are in no registry.
    async fn file(&self, name: &str, limit: u64) -> anyhow::Result<Option<Vec<u8>>> {
        match self {
            Self::Here(place) => Ok(place.read(name, limit)?),
            Self::Web(client, base) => web(client, base.join(name)?, limit).await,
            Self::Registry { manifest, .. } => {
                let media_type = match name {
                    index::FILE_NAME => INDEX,
                    signature::FILE_NAME => SIGNATURE,
                    _ => return Ok(None),
                };
                match manifest.layer(media_type) {
                    Some(layer) if layer.size > limit => {
                        bail!("{name} has {} bytes, more than {limit}", layer.size)
                    }
                    Some(layer) => self.blob(&layer.digest, layer.size).await.map(Some),
                    None => Ok(None),
                }
            }
        }
    }

    async fn shard(&self, entry: &ShardEntry) -> anyhow::Result<Option<Vec<u8>>> {
        match self {
            Self::Here(place) => Ok(place.read(&entry.path(), entry.size)?),
            Self::Web(client, base) => web(client, base.join(&entry.path())?, entry.size).await,
            Self::Registry { .. } => self.blob(&entry.digest, entry.size).await.map(Some),
        }
    }

    async fn blob(&self, digest: &Digest, size: u64) -> anyhow::Result<Vec<u8>> {
        let Self::Registry {
            transport,
            session,
            reference,
            ..
        } = self
        else {
            bail!("there are no blobs");
        };
        let mut bytes = Vec::new();
        let sink = |chunk: axum::body::Bytes| {
            bytes.extend_from_slice(&chunk);
            // The registry's word for the size is checked by the pull, but not before the end.
            let is_too_long = bytes.len() as u64 > size;
            async move {
                if is_too_long {
                    return Err(anyhow::anyhow!("it is longer than {size} bytes"));
                }
                Ok(())
            }
        };
        let pulled = transport
            .stream_blob(session, reference.repository(), digest, Some(size), sink)
            .await;
        match pulled {
            Ok(_) => {}
            Err(StreamError::Sink(error)) => return Err(error),
            Err(StreamError::Pull(error)) => return Err((*error).into()),
        }
        let found = Digest::of(&bytes);
        if found != *digest {
            bail!("the blob {digest} has the digest {found}");
        }
        Ok(bytes)
    }
}

/// Fetches a small file whole; `None` if there is none.
async fn web(
    client: &reqwest::Client,
    url: reqwest::Url,
    limit: u64,
) -> anyhow::Result<Option<Vec<u8>>> {
    let mut wait = DOWNLOAD_FIRST_WAIT;
    let mut tries = 0;
    loop {
        tries += 1;
        let error = match once(client, &url, limit).await {
            Ok(bytes) => return Ok(bytes),
            Err((error, is_passing)) if is_passing && tries < DOWNLOAD_TRIES => error,
            Err((error, _)) => return Err(error).with_context(|| format!("fetching {url}")),
        };
        tracing::debug!(%url, error = format!("{error:#}"), "download waits");
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
}

/// One try; an error with whether another may help.
async fn once(
    client: &reqwest::Client,
    url: &reqwest::Url,
    limit: u64,
) -> Result<Option<Vec<u8>>, (anyhow::Error, bool)> {
    let broken = |error: reqwest::Error| (anyhow::Error::new(error.without_url()), true);
    let mut response = client.get(url.clone()).send().await.map_err(broken)?;
    let status = response.status();
    if matches!(status.as_u16(), 404 | 410) {
        return Ok(None);
    }
    if !status.is_success() {
        let is_passing = status.is_server_error() || matches!(status.as_u16(), 408 | 429);
        return Err((anyhow::anyhow!("the server answers {status}"), is_passing));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if (bytes.len() + chunk.len()) as u64 > limit {
            return Err((anyhow::anyhow!("it is longer than {limit} bytes"), false));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(built_at: &str) -> Index {
        Index {
            format: index::FORMAT,
            name: "x".to_owned(),
            built_at: built_at.to_owned(),
            sources: Vec::new(),
            shards: Vec::new(),
        }
    }

    #[test]
    fn older_indexes_and_those_of_the_future_are_refused() {
        let held = Held {
            index: index("2026-11-20T00:00:00Z"),
            digest: Digest::of(b""),
        };
        let now: Timestamp = "2026-11-25T12:00:00Z".parse().unwrap();
        let check = |built_at: &str, allow| check_age(&index(built_at), Some(&held), now, allow);
        assert!(check("2026-11-20T00:00:00Z", false).is_ok());
        assert!(check("2026-11-26T00:00:00Z", false).is_ok());
        for (built_at, expect) in [
            ("2026-11-19T23:59:59Z", "before the one that is here"),
            ("2027-11-19T23:59:59Z", "yet to come"),
            ("yesterday", "does not say when"),
        ] {
            let text = format!("{:#}", check(built_at, false).unwrap_err());
            assert!(text.contains(expect), "{text}");
        }
        assert!(check("2026-11-19T23:59:59Z", true).is_ok());
        assert!(check("yesterday", true).is_err());
    }
}
