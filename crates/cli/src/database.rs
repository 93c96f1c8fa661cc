//! The advisory database on this machine: a folder that `lamina db build` or `lamina db update`
//! wrote, an archive that `lamina db export` wrote, or the embedded one of the sample images; and
//! whether it is to be trusted.
//!
//! An index is trusted if a pinned key signed it: a key that comes with the database proves nothing.
//! Without a pinned key a folder on this machine is taken as it is, and that is said.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use lamina_advisories::{
    index::{FILE_NAME, Index, ShardEntry},
    limits::{MAX_INDEX_BYTES, MAX_SHARDS, MAX_STORED_BYTES},
    matcher::Needs,
    shard::Shard,
    signature,
};
use lamina_image::digest::Digest;
use lamina_inventory::{
    known_bases::{FILE_NAME as BASES, KnownBases},
    limits::MAX_KNOWN_BASES_BYTES,
};
use lamina_scan::layer::describe;

use crate::{
    assets, bases,
    limits::{DATABASE_AGE_DAYS, KEY_FILE_BYTES},
};

/// File name of the signature of an index that is just being put in its place: it is there for a
/// moment, so that at every moment one of the two signatures fits the index.
pub(crate) const NEXT_SIGNATURE: &str = "index.json.minisig.next";

/// Whose databases are trusted.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct TrustArgs {
    /// A minisign public key that the database must be signed with: the key, or the file that it is
    /// in. May be repeated (in the environment: with commas); one of them is enough.
    #[arg(
        long = "db-key",
        value_name = "KEY|FILE",
        env = "LAMINA_DB_KEY",
        value_delimiter = ','
    )]
    pub db_key: Vec<String>,
}

impl TrustArgs {
    /// The keys, each in one line of base64.
    ///
    /// # Errors
    /// If one is no key, and no file with a key.
    pub fn keys(&self) -> anyhow::Result<Vec<String>> {
        let given = self.db_key.iter().map(|text| text.trim());
        given
            .filter(|text| !text.is_empty())
            .map(read_key)
            .collect()
    }
}

/// A key, or the one in a file.
pub(crate) fn read_key(text: &str) -> anyhow::Result<String> {
    if let Ok(key) = minisign::PublicKey::from_base64(text) {
        return Ok(key.to_base64());
    }
    let mut content = String::new();
    File::open(text)
        .and_then(|file| file.take(KEY_FILE_BYTES).read_to_string(&mut content))
        .with_context(|| format!("{text:?} is neither a minisign public key nor a file"))?;
    let key = minisign::PublicKey::from_base64(content.trim()).or_else(|_| {
        minisign::PublicKeyBox::from_string(&content)
            .and_then(minisign::PublicKeyBox::into_public_key)
    });
    let key = key.map_err(|_| anyhow::anyhow!("there is no minisign public key in {text:?}"))?;
    Ok(key.to_base64())
}

/// Why a database may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It is a part of this program.
    Embedded,
    /// A trusted key signed its index.
    SignedBy(String),
    /// Nobody said whom to trust.
    Unchecked {
        /// Whether it is signed at all.
        is_signed: bool,
    },
}

impl Trust {
    /// In words that follow the database's name and age.
    pub fn describe(&self) -> String {
        match self {
            Self::Embedded => "a part of this program".to_owned(),
            Self::SignedBy(key) => format!("signed by {key}"),
            Self::Unchecked { is_signed: true } => {
                "its signature was not checked: name a key with --db-key".to_owned()
            }
            Self::Unchecked { is_signed: false } => "not signed".to_owned(),
        }
    }
}

/// An open database.
#[derive(Debug)]
pub struct Database {
    /// Its index.
    pub index: Index,
    /// Digest of the index's bytes.
    pub digest: String,
    /// Whether it is the one of the sample images.
    pub is_samples: bool,
    /// Why it may be used.
    pub trust: Trust,
    place: Place,
}

/// Where the files of a database are.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// In a folder.
    Folder(PathBuf),
    /// In a tar archive: where in it each file lies, and its size.
    Archive(PathBuf, BTreeMap<String, (u64, u64)>),
    /// In this program.
    Samples,
}

impl Place {
    /// A folder, or an archive.
    pub(crate) fn at(path: &Path) -> anyhow::Result<Self> {
        if !path.is_file() {
            return Ok(Self::Folder(path.to_owned()));
        }
        let read = || -> io::Result<BTreeMap<String, (u64, u64)>> {
            let mut archive = tar::Archive::new(File::open(path)?);
            let mut files = BTreeMap::new();
            // The index, its signature, and as many shards as an index may name.
            for entry in archive.entries_with_seek()?.take(MAX_SHARDS + 16) {
                let entry = entry?;
                if entry.header().entry_type().is_file() {
                    let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
                    let name = name.strip_prefix("./").unwrap_or(&name).to_owned();
                    files.insert(name, (entry.raw_file_position(), entry.size()));
                }
            }
            Ok(files)
        };
        let files = read().with_context(|| format!("{path:?} is no archive of a database"))?;
        Ok(Self::Archive(path.to_owned(), files))
    }

    /// A file of the database, if it is there, and no larger than `limit`.
    pub(crate) fn read(&self, path: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let (mut file, size) = match self {
            Self::Samples => return Ok(assets::sample_database(path).map(|bytes| bytes.to_vec())),
            Self::Folder(folder) => match File::open(folder.join(path)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                file => {
                    let file = file?;
                    let size = file.metadata()?.len();
                    (file, size)
                }
            },
            Self::Archive(archive, files) => {
                let Some((start, size)) = files.get(path) else {
                    return Ok(None);
                };
                let mut file = File::open(archive)?;
                file.seek(SeekFrom::Start(*start))?;
                (file, *size)
            }
        };
        if size > limit {
            let problem = format!("{path} has {size} bytes, more than {limit}");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
        }
        let mut bytes = Vec::new();
        file.by_ref().take(size).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some(bytes))
    }

    /// The index and the signatures beside it.
    pub(crate) fn index(&self) -> anyhow::Result<Option<(Vec<u8>, Vec<String>)>> {
        let Some(index) = self.read(FILE_NAME, MAX_INDEX_BYTES as u64)? else {
            return Ok(None);
        };
        let mut signatures = Vec::new();
        for name in [signature::FILE_NAME, NEXT_SIGNATURE] {
            if let Some(bytes) = self.read(name, signature::MAX_BYTES as u64)? {
                signatures.push(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        Ok(Some((index, signatures)))
    }

    fn describe(&self) -> String {
        match self {
            Self::Folder(path) | Self::Archive(path, _) => path.display().to_string(),
            Self::Samples => "this program".to_owned(),
        }
    }
}

/// Whether an index is to be trusted: one of the signatures is by one of the keys.
///
/// # Errors
/// If there are keys, and it is not.
pub(crate) fn check_signature(
    index: &[u8],
    signatures: &[String],
    keys: &[String],
) -> anyhow::Result<Trust> {
    if keys.is_empty() {
        let is_signed = !signatures.is_empty();
        return Ok(Trust::Unchecked { is_signed });
    }
    let mut problem = None;
    for text in signatures {
        match signature::verify(index, text, keys.iter().map(String::as_str)) {
            Ok(key) => return Ok(Trust::SignedBy(key.to_owned())),
            Err(error) => problem = problem.or(Some(error)),
        }
    }
    match problem {
        Some(problem) => Err(problem.into()),
        None => bail!("the index is not signed, and a key is asked for"),
    }
}

impl Database {
    /// Opens the database in a folder or an archive, or the one of the sample images. With keys, only
    /// if one of them signed it; they are not asked for what is a part of this program.
    ///
    /// # Errors
    /// When there is none, its index cannot be read, or it is not to be trusted.
    pub fn open(path: Option<&Path>, trust: &TrustArgs) -> anyhow::Result<Self> {
        let place = match path {
            Some(path) => Place::at(path)?,
            None => Place::Samples,
        };
        let name = place.describe();
        let (bytes, signatures) = place
            .index()
            .with_context(|| format!("reading the database in {name}"))?
            .with_context(|| match place {
                Place::Samples => {
                    "no advisory database: name one with --db (`lamina db build` makes it)"
                        .to_owned()
                }
                _ => format!("{name} is no advisory database: there is no {FILE_NAME} in it"),
            })?;
        let trust = match place {
            Place::Samples => Trust::Embedded,
            _ => check_signature(&bytes, &signatures, &trust.keys()?)
                .with_context(|| format!("the database in {name} is not trusted"))?,
        };
        let index = Index::parse(&bytes).context("reading the advisory database's index")?;
        Ok(Self {
            index,
            digest: Digest::of(&bytes).to_string(),
            is_samples: matches!(place, Place::Samples),
            trust,
            place,
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

    /// A shard, checked against the index.
    ///
    /// # Errors
    /// In words, why it cannot be had.
    pub fn shard(&self, entry: &ShardEntry) -> Result<Shard, String> {
        let stored = self
            .place
            .read(&entry.path(), MAX_STORED_BYTES)
            .map_err(|error| error.to_string())?
            .ok_or("it is not there")?;
        Shard::from_stored(&stored, entry).map_err(|error| describe(&error))
    }

    /// The list of known base images beside the database; an empty one if there is none. Where a key
    /// signed the database, the list must be signed by the same: it decides what counts as the base's.
    ///
    /// # Errors
    /// In words, why it cannot be used.
    pub fn bases(&self) -> Result<KnownBases, String> {
        let read = |path: &str, limit: u64| {
            let read = self.place.read(path, limit);
            read.map_err(|error| error.to_string())
        };
        let Some(bytes) = read(BASES, MAX_KNOWN_BASES_BYTES as u64)? else {
            return Ok(KnownBases::default());
        };
        if let Trust::SignedBy(key) = &self.trust {
            let signature = read(bases::SIGNATURE, signature::MAX_BYTES as u64)?
                .ok_or("it is not signed, and the database beside it is")?;
            let signature = String::from_utf8_lossy(&signature);
            signature::verify(&bytes, &signature, [key.as_str()])
                .map_err(|error| describe(&error))?;
        }
        KnownBases::parse(&bytes).map_err(|error| describe(&error))
    }

    /// A file of the database as it is stored, if it is there. A signature is the one that fits.
    ///
    /// # Errors
    /// If it cannot be read, or is larger than any may be.
    pub(crate) fn file(&self, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let read = |path: &str| {
            let read = self.place.read(path, MAX_STORED_BYTES);
            read.with_context(|| format!("reading {path}"))
        };
        if path == signature::FILE_NAME
            && let Some(next) = read(NEXT_SIGNATURE)?
            && let Some(index) = read(FILE_NAME)?
        {
            let both = [String::from_utf8_lossy(&next).into_owned()];
            if let Trust::SignedBy(key) = &self.trust
                && check_signature(&index, &both, std::slice::from_ref(key)).is_ok()
            {
                return Ok(Some(next));
            }
        }
        read(path)
    }

    /// The database in one line: its name, when it was built, how long ago, and why it is trusted.
    pub fn describe(&self, now: Timestamp) -> String {
        let age = match age_in_days(&self.index, now) {
            Some(age) => format!(" ({})", ago(age)),
            None => String::new(),
        };
        let (name, built_at) = (&self.index.name, &self.index.built_at);
        format!("{name}, built {built_at}{age}, {}", self.trust.describe())
    }

    /// What someone who relies on it should know: that it is old.
    pub fn warning(&self, now: Timestamp) -> Option<String> {
        let age = age_in_days(&self.index, now).filter(|age| *age > DATABASE_AGE_DAYS)?;
        (!self.is_samples).then(|| {
            format!(
                "the advisory database was built {}: newer vulnerabilities are not in it \
                 (`lamina db update`)",
                ago(age)
            )
        })
    }
}

/// Days since an index was built; negative if that is yet to come.
pub(crate) fn age_in_days(index: &Index, now: Timestamp) -> Option<i64> {
    let built_at: Timestamp = index.built_at.parse().ok()?;
    let seconds = now.as_second().checked_sub(built_at.as_second())?;
    Some(seconds.div_euclid(24 * 60 * 60))
}

pub(crate) fn ago(days: i64) -> String {
    match days {
        ..0 => "in the future".to_owned(),
        0 => "today".to_owned(),
        1 => "1 day ago".to_owned(),
        _ => format!("{days} days ago"),
    }
}
