//! Reports that are kept: in memory, and in a folder if there is one.
//!
//! A file holds one report, with a line before it that says who wrote it and the digest of the rest. It
//! is written beside its place and then put there, so that it is whole or not there at all. Whatever
//! cannot be read, or was written by another analyser, is scanned again: a damaged file costs time and
//! never changes a verdict.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, bail};
use lamina_image::digest::Digest;
use lamina_inventory::analysis::ANALYSIS_REVISION;
use lamina_report::model::{FORMAT, Report};

use crate::limits;

/// A report that is kept.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) report: Report,
    /// How long the scan took.
    pub(crate) scan: Duration,
    /// Its length as JSON, in bytes.
    bytes: u64,
    /// When it is to be forgotten: reports of which a part is missing are not kept for long.
    until: Option<Instant>,
    /// When it was matched.
    pub(crate) matched: Instant,
}

impl Kept {
    /// A report that was just matched. `bytes` is its length as JSON.
    pub(crate) fn new(report: Report, scan: Duration, bytes: u64) -> Self {
        let is_whole = report.layers.iter().all(|layer| layer.error.is_none());
        let now = Instant::now();
        Self {
            report,
            scan,
            bytes,
            until: (!is_whole).then(|| now + limits::UNWHOLE_REPORT),
            matched: now,
        }
    }

    /// Whether all layers were read to their end.
    pub(crate) fn is_whole(&self) -> bool {
        self.until.is_none()
    }
}

/// The reports.
#[derive(Debug)]
pub(crate) struct Store {
    memory: Mutex<Memory>,
    folder: Option<Folder>,
}

#[derive(Debug, Default)]
struct Memory {
    reports: HashMap<String, (Arc<Kept>, u64)>,
    bytes: u64,
    /// Grows with every use.
    clock: u64,
}

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    limit: u64,
    /// Size and last use of each file, by name.
    files: Mutex<Files>,
}

#[derive(Debug, Default)]
struct Files {
    sizes: BTreeMap<String, (u64, SystemTime)>,
    /// Makes the names of files that are being written differ.
    written: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    /// Keeps reports in memory, and in `folder` up to `limit` bytes.
    ///
    /// # Errors
    /// When the folder can be neither made nor listed.
    pub(crate) fn open(folder: Option<&Path>, limit: u64) -> anyhow::Result<Self> {
        let folder = folder.map(|path| Folder::open(path, limit)).transpose()?;
        Ok(Self {
            memory: Mutex::default(),
            folder,
        })
    }

    /// A report that is in memory.
    pub(crate) fn recall(&self, digest: &str) -> Option<Arc<Kept>> {
        let mut memory = lock(&self.memory);
        memory.clock += 1;
        let clock = memory.clock;
        let (kept, used) = memory.reports.get_mut(digest)?;
        if kept.until.is_some_and(|until| until <= Instant::now()) {
            memory.forget(digest);
            return None;
        }
        *used = clock;
        Some(Arc::clone(kept))
    }

    /// A report that is in the folder. Reads a file.
    pub(crate) fn read(&self, digest: &str) -> Option<Arc<Kept>> {
        let folder = self.folder.as_ref()?;
        match folder.read(digest) {
            Ok(None) => None,
            Ok(Some(kept)) => {
                let kept = Arc::new(kept);
                self.remember(digest, Arc::clone(&kept));
                Some(kept)
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(digest, error, "kept report not readable: it is left");
                folder.remove(digest);
                None
            }
        }
    }

    /// Keeps a report in memory.
    pub(crate) fn remember(&self, digest: &str, kept: Arc<Kept>) {
        let mut memory = lock(&self.memory);
        memory.clock += 1;
        let clock = memory.clock;
        memory.forget(digest);
        memory.bytes += kept.bytes;
        memory.reports.insert(digest.to_owned(), (kept, clock));
        while memory.reports.len() > limits::KEPT_REPORTS
            || (memory.bytes > limits::KEPT_REPORTS_BYTES && memory.reports.len() > 1)
        {
            let oldest = memory.reports.iter().min_by_key(|(_, (_, used))| *used);
            let Some(oldest) = oldest.map(|(digest, _)| digest.clone()) else {
                break;
            };
            memory.forget(&oldest);
        }
    }

    /// Writes a report to the folder, if there is one. `text` is the report as JSON.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write(&self, digest: &str, kept: &Kept, text: &[u8]) -> anyhow::Result<()> {
        match &self.folder {
            Some(folder) if kept.is_whole() => folder.write(digest, kept, text),
            _ => Ok(()),
        }
    }

    /// Digests of the reports in memory.
    pub(crate) fn digests(&self) -> Vec<String> {
        lock(&self.memory).reports.keys().cloned().collect()
    }

    /// How many reports are kept in memory and in the folder.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let files = self.folder.as_ref();
        (
            lock(&self.memory).reports.len(),
            files.map_or(0, |folder| lock(&folder.files).sizes.len()),
        )
    }
}

impl Memory {
    fn forget(&mut self, digest: &str) {
        if let Some((kept, _)) = self.reports.remove(digest) {
            self.bytes = self.bytes.saturating_sub(kept.bytes);
        }
    }
}

const SUFFIX: &str = ".report";

fn name_of(digest: &str) -> String {
    format!("{}{SUFFIX}", digest.replace(':', "-"))
}

/// Who wrote a report: another one may find more.
fn writer() -> String {
    format!(
        "lamina-gate 1 report {FORMAT} analysis {ANALYSIS_REVISION} version {}",
        env!("CARGO_PKG_VERSION")
    )
}

impl Folder {
    fn open(path: &Path, limit: u64) -> anyhow::Result<Self> {
        let about = || format!("the folder for reports, {}", path.display());
        fs::create_dir_all(path).with_context(about)?;
        let mut sizes = BTreeMap::new();
        for entry in fs::read_dir(path).with_context(about)? {
            let entry = entry.with_context(about)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(".writing-") {
                // What an earlier gate did not finish.
                let _ = fs::remove_file(entry.path());
            } else if name.ends_with(SUFFIX)
                && let Ok(found) = entry.metadata()
            {
                let used = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                sizes.insert(name, (found.len(), used));
            }
        }
        let folder = Self {
            path: path.to_owned(),
            limit,
            files: Mutex::new(Files { sizes, written: 0 }),
        };
        folder.make_room(0);
        Ok(folder)
    }

    fn read(&self, digest: &str) -> anyhow::Result<Option<Kept>> {
        let name = name_of(digest);
        if !lock(&self.files).sizes.contains_key(&name) {
            return Ok(None);
        }
        let path = self.path.join(&name);
        let size = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => found?.len(),
        };
        if size > limits::KEPT_FILE_BYTES {
            bail!("it has {size} bytes");
        }
        let bytes = fs::read(&path)?;
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (head, body) = bytes
            .split_at_checked(end.context("it has no first line")?)
            .context("it has no first line")?;
        let body = body.get(1..).unwrap_or_default();
        let head = std::str::from_utf8(head).context("its first line is no text")?;
        let mut words = head.rsplitn(3, ' ');
        let (Some(sum), Some(millis), Some(by)) = (words.next(), words.next(), words.next()) else {
            bail!("its first line is cut off");
        };
        if by != writer() {
            bail!("it is of {by:?}");
        }
        if sum != Digest::of(body).to_string() {
            bail!("it is damaged");
        }
        let report: Report = serde_json::from_slice(body).context("it is no report")?;
        if report.image.digest.as_deref() != Some(digest) {
            bail!("it is about another image");
        }
        if let Some((_, used)) = lock(&self.files).sizes.get_mut(&name) {
            *used = SystemTime::now();
        }
        let scan = Duration::from_millis(millis.parse().context("its first line is damaged")?);
        Ok(Some(Kept::new(report, scan, body.len() as u64)))
    }

    fn write(&self, digest: &str, kept: &Kept, text: &[u8]) -> anyhow::Result<()> {
        let name = name_of(digest);
        let head = format!(
            "{} {} {}\n",
            writer(),
            kept.scan.as_millis(),
            Digest::of(text)
        );
        let size = (head.len() + text.len()) as u64;
        if size > limits::KEPT_FILE_BYTES || size > self.limit {
            bail!("the report of {digest} has {size} bytes, more than are kept");
        }
        self.make_room(size);
        let number = {
            let mut files = lock(&self.files);
            files.written += 1;
            files.written
        };
        let beside = self
            .path
            .join(format!(".writing-{}-{number}", std::process::id()));
        let write = || -> io::Result<()> {
            let mut file = fs::File::create(&beside)?;
            io::Write::write_all(&mut file, head.as_bytes())?;
            io::Write::write_all(&mut file, text)?;
            file.sync_all()?;
            fs::rename(&beside, self.path.join(&name))
        };
        if let Err(error) = write() {
            let _ = fs::remove_file(&beside);
            return Err(error).with_context(|| format!("writing to {}", self.path.display()));
        }
        let mut files = lock(&self.files);
        files.sizes.insert(name, (size, SystemTime::now()));
        Ok(())
    }

    fn remove(&self, digest: &str) {
        let name = name_of(digest);
        let _ = fs::remove_file(self.path.join(&name));
        lock(&self.files).sizes.remove(&name);
    }

    /// Removes files that were not used for longest, until there is room for `more` bytes.
    fn make_room(&self, more: u64) {
        let mut files = lock(&self.files);
        let mut total: u64 = files.sizes.values().map(|(size, _)| *size).sum();
        while total.saturating_add(more) > self.limit || files.sizes.len() >= limits::KEPT_FILES {
            let oldest = files.sizes.iter().min_by_key(|(_, (_, used))| *used);
            let Some((name, size)) = oldest.map(|(name, (size, _))| (name.clone(), *size)) else {
                return;
            };
            let _ = fs::remove_file(self.path.join(&name));
            files.sizes.remove(&name);
            total = total.saturating_sub(size);
        }
    }
}

#[cfg(test)]
mod tests {
    use lamina_report::model::{Image, Layer};

    use super::*;

    fn report(digest: &str) -> Report {
        Report {
            format: FORMAT,
            scanned_at: String::new(),
            scanner: String::new(),
            image: Image {
                digest: Some(digest.to_owned()),
                ..Image::default()
            },
            layers: vec![Layer::default()],
            distribution: None,
            packages: Vec::new(),
            findings: Vec::new(),
            issues: Vec::new(),
            base: None,
            accounts: None,
            imported: None,
            database: None,
            warnings: Vec::new(),
            left_out: Vec::new(),
        }
    }

    fn keep(store: &Store, digest: &str) -> anyhow::Result<()> {
        let report = report(digest);
        let text = serde_json::to_vec(&report).unwrap();
        let kept = Kept::new(report, Duration::from_millis(7), text.len() as u64);
        store.write(digest, &kept, &text)
    }

    #[test]
    fn reports_outlive_the_gate_and_damaged_ones_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let digest = Digest::of(b"image").to_string();
        let open = || Store::open(Some(folder.path()), 1 << 20).unwrap();
        keep(&open(), &digest).unwrap();
        let path = folder.path().join(name_of(&digest));
        let whole = fs::read(&path).unwrap();

        let found = open().read(&digest).unwrap();
        assert_eq!(found.report, report(&digest));
        assert_eq!(found.scan, Duration::from_millis(7));
        assert!(open().read(&Digest::of(b"other").to_string()).is_none());

        let check = |bytes: &[u8], what: &str| {
            fs::write(&path, bytes).unwrap();
            assert!(open().read(&digest).is_none(), "{what}");
            assert!(!path.exists(), "{what}: it is removed");
        };
        let mut flipped = whole.clone();
        let middle = flipped.len() * 2 / 3;
        flipped[middle] ^= 1;
        check(&flipped, "one bit");
        check(&whole[..whole.len() - 1], "cut off");
        check(b"", "empty");
        check(b"\n", "no words");
        check(&whole[10..], "no beginning");
        let other = Digest::of(b"other").to_string();
        fs::write(folder.path().join(name_of(&other)), &whole).unwrap();
        assert!(open().read(&other).is_none(), "another image's");
    }

    #[test]
    fn the_folder_stays_within_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let digests: Vec<String> = (0..20_u8)
            .map(|number| Digest::of(&[number]).to_string())
            .collect();
        let store = Store::open(Some(folder.path()), 4_000).unwrap();
        fs::write(folder.path().join(".writing-1-1"), "half").unwrap();
        for digest in &digests {
            keep(&store, digest).unwrap();
        }
        let size = || -> u64 {
            fs::read_dir(folder.path())
                .unwrap()
                .map(|entry| entry.unwrap().metadata().unwrap().len())
                .sum()
        };
        assert!(size() <= 4_000 + 4);
        assert!(store.read(&digests[19]).is_some(), "the last one is there");
        assert!(store.read(&digests[0]).is_none(), "the first one is not");
        Store::open(Some(folder.path()), 1_000).unwrap();
        assert!(size() <= 1_000, "also when it is opened");
        let tiny = Store::open(Some(folder.path()), 10).unwrap();
        assert!(keep(&tiny, &digests[0]).is_err());
    }

    #[test]
    fn a_report_with_a_part_missing_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Some(folder.path()), 1 << 20).unwrap();
        let digest = Digest::of(b"image").to_string();
        let mut report = report(&digest);
        report.layers[0].error = Some("ends early".to_owned());
        let kept = Kept::new(report, Duration::ZERO, 2);
        store.write(&digest, &kept, b"{}").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
