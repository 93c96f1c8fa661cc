//! Fetches the files of feeds into a cache that the next build goes on from.
//!
//! A file is asked for with what is known of it (`ETag`, `Last-Modified`), goes on where it broke off
//! (`Range` with `If-Range`), and takes the place of the last good one only when it is whole, has the
//! checksum that its publisher gives, and is of the kind that its name says. Whatever goes wrong, the
//! last good one stays, and is used with a warning.
//!
//! In the cache, a feed has a folder by its id. Beside each file, a hidden one says what is known of
//! it; a transfer that broke off is a hidden file, too.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use lamina_advisories::record::Day;
use lamina_feeds::{
    Feed, Input, Location,
    location::{each_piece, probe},
};
use lamina_image::{
    digest::{Algorithm, Hasher},
    reference::Reference,
};
use lamina_registry::{Options, Session};
use md5::{Digest as _, Md5};
use reqwest::{StatusCode, header};
use serde::{Deserialize, Serialize};
use tokio::{sync::Semaphore, task::JoinSet};

use super::oci::first_layer;
use crate::{
    limits::{
        DOWNLOAD_BYTES, DOWNLOAD_FIRST_WAIT, DOWNLOAD_LONGEST_WAIT, DOWNLOAD_TRIES,
        DOWNLOAD_TRIES_IN_ALL, DOWNLOADS_AT_ONCE, LISTING_BYTES, REDIRECTS,
    },
    transport::{Transport, build_client, now},
};

/// Fetches the files of feeds.
#[derive(Clone, Debug)]
pub struct Downloads {
    client: reqwest::Client,
    transport: Transport,
    cache: PathBuf,
    mirror: Option<reqwest::Url>,
    places: Arc<Semaphore>,
    bars: MultiProgress,
}

/// What a feed is read from.
#[derive(Debug, Default)]
pub struct Fetched {
    /// Its files, in the cache.
    pub files: Vec<PathBuf>,
    /// Files of an earlier time, each with the reason why it is not a newer one.
    pub stale: Vec<String>,
    /// Files that there should be and are not, each with the reason.
    pub missing: Vec<String>,
    /// Bytes that were transferred.
    pub bytes: u64,
}

/// How a file was had.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// It was fetched, with that many bytes.
    New(u64),
    /// It is still the one in the cache.
    Unchanged,
    /// There is nothing at its address.
    Absent,
}

/// What is known of a file in the cache, or of one whose transfer broke off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    url: String,
    #[serde(default)]
    etag: Option<String>,
    #[serde(default)]
    last_modified: Option<String>,
    /// It is transferred compressed, whatever its name is.
    #[serde(default)]
    is_gzip_encoded: bool,
    /// The MD5 that Google's storage, where osv.dev's files are, gives with a file; base64.
    #[serde(default)]
    md5: Option<String>,
}

/// What ends one try.
#[derive(Debug)]
enum Failure {
    /// Trying again may help, perhaps after the time that the server asks for.
    Passing(anyhow::Error, Option<Duration>),
    /// It will not.
    Final(anyhow::Error),
}

impl Downloads {
    /// Fetches into `cache`. With a mirror, `https://host/path` is asked for at `<mirror>/host/path`.
    ///
    /// # Errors
    /// If there can be no HTTP client, or the mirror is no address.
    pub fn new(cache: &Path, mirror: Option<&str>) -> anyhow::Result<Self> {
        let mirror = mirror
            .map(|text| {
                let url = reqwest::Url::parse(text);
                let url = url.with_context(|| format!("{text:?} is no address"))?;
                if url.cannot_be_a_base() {
                    bail!("{text:?} is no address of a web server");
                }
                Ok(url)
            })
            .transpose()?;
        Ok(Self {
            client: build_client(|builder| builder.redirect(redirects()))?,
            transport: Transport::new()?,
            cache: cache.to_owned(),
            mirror,
            places: Arc::new(Semaphore::new(DOWNLOADS_AT_ONCE)),
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()),
        })
    }

    /// Fetches all files of a feed. What fails is in the result, not an error.
    pub async fn feed(&self, feed: &'static dyn Feed, today: Day) -> Fetched {
        let mut fetched = Fetched::default();
        let mut waiting = feed.locations(today);
        // Lists of mirrors name a repository's index, which names files: it goes no deeper.
        for _ in 0..3 {
            let round = std::mem::take(&mut waiting);
            for (location, outcome) in self.all(feed.id(), round).await {
                let path = self.path(feed.id(), &location);
                if let Ok(Outcome::New(bytes)) = &outcome {
                    fetched.bytes += bytes;
                }
                let is_absent = matches!(outcome, Ok(Outcome::Absent));
                let has_file = path.is_file();
                match outcome {
                    Ok(Outcome::New(_) | Outcome::Unchanged) => {}
                    // A listing's absence is for the feed to judge.
                    Ok(Outcome::Absent) if location.is_listing && !has_file => {}
                    Ok(Outcome::Absent) if location.is_optional && !has_file => continue,
                    Ok(Outcome::Absent) => {
                        let problem = format!("there is nothing at {}", location.url);
                        fetched.note(has_file, problem);
                    }
                    Err(error) => fetched.note(has_file, format!("{error:#}")),
                }
                if !location.is_listing {
                    if has_file {
                        fetched.files.push(path);
                    }
                } else if has_file || is_absent {
                    let content = if has_file {
                        read_listing(&path)
                    } else {
                        Ok(None)
                    };
                    let listed =
                        content.and_then(|content| Ok(feed.listed(&location, content.as_deref())?));
                    match listed {
                        Ok(locations) => waiting.extend(locations),
                        Err(error) => fetched.missing.push(format!("{}: {error:#}", location.url)),
                    }
                }
            }
        }
        fetched.files.sort();
        fetched
    }

    /// Fetches files side by side.
    async fn all(
        &self,
        feed: &'static str,
        locations: Vec<Location>,
    ) -> Vec<(Location, anyhow::Result<Outcome>)> {
        let mut tasks = JoinSet::new();
        for location in locations {
            let this = self.clone();
            tasks.spawn(async move {
                let _place = this.places.clone().acquire_owned().await;
                let outcome = this.file(feed, &location).await;
                (location, outcome)
            });
        }
        let mut outcomes = tasks.join_all().await;
        outcomes.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
        outcomes
    }

    fn path(&self, feed: &str, location: &Location) -> PathBuf {
        let mut path = self.cache.join(feed);
        // Paths are the feeds' own, but some are made of names in listings.
        path.extend(
            location
                .path
                .split('/')
                .filter(|part| !matches!(*part, "" | "." | "..")),
        );
        path
    }

    /// Fetches a file, trying several times.
    async fn file(&self, feed: &str, location: &Location) -> anyhow::Result<Outcome> {
        let path = self.path(feed, location);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {folder:?}"))?;
        }
        let bar = self.bars.add(ProgressBar::no_length());
        bar.set_style(bar_style());
        bar.set_message(format!("{feed} {}", location.path));
        let outcome = self.tries(location, &path, &bar).await;
        bar.finish_and_clear();
        self.bars.remove(&bar);
        outcome.with_context(|| format!("fetching {}", location.url))
    }

    async fn tries(
        &self,
        location: &Location,
        path: &Path,
        bar: &ProgressBar,
    ) -> anyhow::Result<Outcome> {
        let mut tries = 0;
        let mut all_tries = 0;
        let mut wait = DOWNLOAD_FIRST_WAIT;
        loop {
            let before = partial_length(path);
            let result = match location.url.strip_prefix("oci://") {
                Some(artifact) => self.artifact(artifact, location, path, bar).await,
                None => self.once(location, path, bar).await,
            };
            let (error, asked) = match result {
                Ok(outcome) => return Ok(outcome),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(error, asked)) => (error, asked),
            };
            if partial_length(path) > before {
                // It goes on: a long file over a bad line is not given up while there is progress.
                tries = 0;
                wait = DOWNLOAD_FIRST_WAIT;
            }
            tries += 1;
            all_tries += 1;
            let pause = asked.unwrap_or(wait);
            if tries >= DOWNLOAD_TRIES
                || all_tries >= DOWNLOAD_TRIES_IN_ALL
                || pause > DOWNLOAD_LONGEST_WAIT
            {
                return Err(error);
            }
            tracing::debug!(
                url = location.url,
                error = format!("{error:#}"),
                "download waits"
            );
            tokio::time::sleep(pause).await;
            wait *= 2;
        }
    }

    /// One request for a file.
    async fn once(
        &self,
        location: &Location,
        path: &Path,
        bar: &ProgressBar,
    ) -> Result<Outcome, Failure> {
        let url = self.address(&location.url).map_err(Failure::Final)?;
        let partial = beside(path, "part");
        let known = State::read(path).filter(|state| state.url == location.url && path.is_file());
        let begun = State::read(&partial).filter(|state| state.url == location.url);
        let mut request = self
            .client
            .get(url)
            // Nothing but what we can undo; a file's own compression is none of the server's.
            .header(header::ACCEPT_ENCODING, "gzip, identity;q=0.5");
        let length = partial_length(path);
        let validator = begun.as_ref().and_then(State::validator);
        match validator {
            Some(validator) if length > 0 => {
                request = request
                    .header(header::RANGE, format!("bytes={length}-"))
                    .header(header::IF_RANGE, validator);
            }
            _ => {
                if let Some(state) = &known {
                    if let Some(etag) = &state.etag {
                        request = request.header(header::IF_NONE_MATCH, etag);
                    }
                    if let Some(date) = &state.last_modified {
                        request = request.header(header::IF_MODIFIED_SINCE, date);
                    }
                }
            }
        }
        let mut response = request.send().await.map_err(|error| {
            let error = without_url(error);
            Failure::Passing(anyhow::Error::new(error).context("no answer"), None)
        })?;
        let status = response.status();
        let start = match status {
            StatusCode::NOT_MODIFIED if known.is_some() => return Ok(Outcome::Unchanged),
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(Outcome::Absent),
            StatusCode::OK => 0,
            StatusCode::PARTIAL_CONTENT if begun_at(&response) == Some(length) => length,
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                remove(&partial);
                let error = anyhow::anyhow!("the server resumes at another place");
                return Err(Failure::Passing(error, None));
            }
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
                return Err(Failure::Passing(refused(status), retry_after(&response)));
            }
            _ if status.is_server_error() => {
                return Err(Failure::Passing(refused(status), retry_after(&response)));
            }
            _ => return Err(Failure::Final(refused(status))),
        };
        let rest = response.content_length();
        let whole = rest.map(|rest| rest.saturating_add(start));
        let limit = limit_of(location);
        if whole.is_some_and(|whole| whole > limit) {
            return Err(Failure::Final(too_large(limit)));
        }
        bar.set_position(start);
        if let Some(whole) = whole {
            bar.set_length(whole);
        }
        let state = match (start, begun) {
            (1.., Some(state)) => state,
            _ => State::of(location, response.headers()),
        };
        let mut file = open_partial(&partial, start).map_err(own)?;
        state.write(&partial).map_err(own)?;
        let mut received = 0_u64;
        loop {
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(error) => {
                    let error = anyhow::Error::new(without_url(error));
                    let what = format!("the transfer broke off after {} bytes", start + received);
                    return Err(Failure::Passing(error.context(what), None));
                }
            };
            received += chunk.len() as u64;
            if start + received > limit {
                drop(file);
                remove(&partial);
                return Err(Failure::Final(too_large(limit)));
            }
            file.write_all(&chunk).map_err(own)?;
            bar.inc(chunk.len() as u64);
        }
        file.flush().map_err(own)?;
        drop(file);
        bar.set_message(format!("checking {}", location.path));
        let (location, path) = (location.clone(), path.to_owned());
        let accepted =
            tokio::task::spawn_blocking(move || accept(&location, &path, &partial, &state))
                .await
                .map_err(|error| Failure::Final(error.into()))?;
        accepted.map_err(|error| Failure::Passing(error, None))?;
        Ok(Outcome::New(received))
    }

    /// The first layer of an artifact in a registry. With a mirror, `oci://host/repository` is the
    /// repository `host/repository` at the mirror.
    async fn artifact(
        &self,
        artifact: &str,
        location: &Location,
        path: &Path,
        bar: &ProgressBar,
    ) -> Result<Outcome, Failure> {
        let name = match self.mirror.as_ref().and_then(|mirror| {
            let port = mirror
                .port()
                .map_or(String::new(), |port| format!(":{port}"));
            Some(format!("{}{port}", mirror.host_str()?))
        }) {
            Some(host) => format!("{host}/{artifact}"),
            None => artifact.to_owned(),
        };
        let result = async {
            let reference = Reference::parse(&name)?;
            let session = Session::open(reference.registry(), None, &Options::default())?;
            let repository = reference.repository();
            let resolved = self
                .transport
                .resolve(&session, repository, &reference.identifier())
                .await?;
            let layer = first_layer(&resolved.body)?;
            let etag = layer.digest.to_string();
            let known = State::read(path);
            if path.is_file() && known.is_some_and(|state| state.etag.as_deref() == Some(&etag)) {
                return Ok(Outcome::Unchanged);
            }
            let limit = limit_of(location);
            if layer.size > limit {
                return Err(too_large(limit));
            }
            bar.set_length(layer.size);
            let partial = beside(path, "part");
            let mut file = open_partial(&partial, 0)?;
            let mut hasher = Hasher::new(layer.digest.algorithm());
            let bytes = self
                .transport
                .stream_blob(
                    &session,
                    repository,
                    &layer.digest,
                    Some(layer.size),
                    |chunk| {
                        bar.inc(chunk.len() as u64);
                        hasher.update(&chunk);
                        let written = file.write_all(&chunk);
                        async move { written }
                    },
                )
                .await?;
            file.flush()?;
            drop(file);
            if hasher.finish() != layer.digest {
                remove(&partial);
                bail!("the layer does not have the digest {}", layer.digest);
            }
            let state = State {
                url: location.url.clone(),
                etag: Some(etag),
                ..State::default()
            };
            accept(location, path, &partial, &state)?;
            Ok(Outcome::New(bytes))
        };
        // The registry's machines have tried again already.
        result.await.map_err(Failure::Final)
    }

    /// Where to ask for what is published at `url`.
    fn address(&self, url: &str) -> anyhow::Result<reqwest::Url> {
        let parsed = reqwest::Url::parse(url).with_context(|| format!("{url:?} is no address"))?;
        let Some(mirror) = &self.mirror else {
            return Ok(parsed);
        };
        let base = mirror.as_str().trim_end_matches('/');
        let host = parsed.host_str().context("an address without a host")?;
        let mut address = format!("{base}/{host}{}", parsed.path());
        if let Some(query) = parsed.query() {
            address.push('?');
            address.push_str(query);
        }
        Ok(reqwest::Url::parse(&address)?)
    }
}

impl Fetched {
    fn note(&mut self, has_file: bool, problem: String) {
        if has_file {
            self.stale.push(problem);
        } else {
            self.missing.push(problem);
        }
    }
}

impl State {
    fn of(location: &Location, headers: &header::HeaderMap) -> Self {
        let text = |name| {
            let value: &header::HeaderValue = headers.get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        Self {
            url: location.url.clone(),
            etag: text(header::ETAG),
            last_modified: text(header::LAST_MODIFIED),
            is_gzip_encoded: text(header::CONTENT_ENCODING).is_some_and(|value| {
                let value = value.trim().to_ascii_lowercase();
                value == "gzip" || value == "x-gzip"
            }),
            md5: headers
                .get_all("x-goog-hash")
                .iter()
                .filter_map(|value| value.to_str().ok())
                .flat_map(|value| value.split(','))
                .find_map(|hash| hash.trim().strip_prefix("md5="))
                .map(str::to_owned),
        }
    }

    /// What a transfer can go on by: a strong tag, or else the date.
    fn validator(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|tag| !tag.starts_with("W/"));
        strong.or(self.last_modified.as_deref())
    }

    fn read(path: &Path) -> Option<Self> {
        let text = fs::read(beside(path, "state")).ok()?;
        serde_json::from_slice(&text).ok()
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let target = beside(path, "state");
        let partial = target.with_extension("new");
        fs::write(&partial, serde_json::to_vec(self)?)?;
        fs::rename(partial, target)
    }
}

/// Puts a file that was transferred whole in its place, if it is what it should be.
fn accept(location: &Location, path: &Path, partial: &Path, state: &State) -> anyhow::Result<()> {
    let check = || -> anyhow::Result<PathBuf> {
        let is_compressed = [".gz", ".tgz"]
            .iter()
            .any(|end| location.path.ends_with(end));
        let whole = if state.is_gzip_encoded && !is_compressed {
            let whole = beside(path, "inflated");
            inflate(partial, &whole, limit_of(location))?;
            whole
        } else {
            partial.to_owned()
        };
        // The storage's word is about the file as it is stored.
        if let Some(expected) = state.md5.as_ref().filter(|_| !state.is_gzip_encoded) {
            let mut hasher = Md5::new();
            io::copy(&mut File::open(partial)?, &mut Writer(&mut hasher))?;
            let found = BASE64_STANDARD.encode(hasher.finalize());
            if found != *expected {
                bail!("its MD5 is {found}, the storage says {expected}");
            }
        }
        if let Some(checksum) = &location.checksum {
            // A name without an end is not inflated.
            let name = match checksum.is_of_inflated {
                true => location.path.as_str(),
                false => "stored",
            };
            let mut hasher = Hasher::new(Algorithm::Sha256);
            let mut file = File::open(&whole)?;
            let input = Input {
                path: name,
                content: &mut file,
            };
            each_piece(input, |piece| hasher.update(piece))?;
            let found = hasher.finish();
            if found.hex() != checksum.sha256 {
                bail!(
                    "its SHA-256 is {}, the publisher says {}",
                    found.hex(),
                    checksum.sha256
                );
            }
        }
        if !location.is_listing {
            let mut file = File::open(&whole)?;
            probe(Input {
                path: &location.path,
                content: &mut file,
            })
            .context("what came is not what it should be")?;
        }
        Ok(whole)
    };
    let whole = match check() {
        Ok(whole) => whole,
        Err(error) => {
            // It would only be wrong again.
            remove(partial);
            return Err(error);
        }
    };
    // Should it end here, the file is new and what is known of it old: it is fetched once more.
    fs::rename(&whole, path)?;
    state.write(path)?;
    remove(partial);
    Ok(())
}

/// Hashes what is written to it.
struct Writer<'a>(&'a mut Md5);

impl io::Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn inflate(from: &Path, to: &Path, limit: u64) -> anyhow::Result<()> {
    let inflating = flate2::read::MultiGzDecoder::new(io::BufReader::new(File::open(from)?));
    let mut file = File::create(to)?;
    let length = io::copy(&mut inflating.take(limit + 1), &mut file)
        .context("the answer is not compressed as it says")?;
    if length > limit {
        return Err(too_large(limit));
    }
    Ok(())
}

fn open_partial(partial: &Path, start: u64) -> io::Result<File> {
    if start == 0 {
        return File::create(partial);
    }
    fs::OpenOptions::new().append(true).open(partial)
}

/// The hidden file that belongs to a file: `folder/.name.end`.
fn beside(path: &Path, end: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{}.{end}", name.trim_start_matches('.')))
}

fn partial_length(path: &Path) -> u64 {
    fs::metadata(beside(path, "part")).map_or(0, |meta| meta.len())
}

fn remove(partial: &Path) {
    // What cannot be removed is written over.
    let _ = fs::remove_file(partial);
    let _ = fs::remove_file(beside(partial, "state"));
}

fn limit_of(location: &Location) -> u64 {
    if location.is_listing {
        LISTING_BYTES
    } else {
        DOWNLOAD_BYTES
    }
}

fn read_listing(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    let mut content = Vec::new();
    File::open(path)?
        .take(LISTING_BYTES)
        .read_to_end(&mut content)?;
    Ok(Some(content))
}

/// The first byte that an answer to a request with a range holds.
fn begun_at(response: &reqwest::Response) -> Option<u64> {
    let range = response
        .headers()
        .get(header::CONTENT_RANGE)?
        .to_str()
        .ok()?;
    let range = range.trim().strip_prefix("bytes")?.trim_start();
    range.split_once('-')?.0.parse().ok()
}

fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    let now = Duration::from_millis(now().as_millis());
    match value.trim().parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let then = jiff::fmt::rfc2822::parse(value.trim()).ok()?;
            let then = u64::try_from(then.timestamp().as_second()).ok()?;
            Some(Duration::from_secs(then).saturating_sub(now))
        }
    }
}

fn refused(status: StatusCode) -> anyhow::Error {
    anyhow::anyhow!("the server answers {status}")
}

fn too_large(limit: u64) -> anyhow::Error {
    anyhow::anyhow!("it is larger than {limit} bytes")
}

fn own(error: io::Error) -> Failure {
    Failure::Final(anyhow::Error::new(error).context("cannot write to the cache"))
}

fn without_url(error: reqwest::Error) -> reqwest::Error {
    error.without_url()
}

/// Follows redirects, but from a secure address to no other.
pub(super) fn redirects() -> reqwest::redirect::Policy {
    reqwest::redirect::Policy::custom(|attempt| {
        let was_secure = attempt
            .previous()
            .last()
            .is_some_and(|url| url.scheme() == "https");
        if was_secure && attempt.url().scheme() != "https" {
            attempt.error("a redirect from a secure to an insecure address")
        } else if attempt.previous().len() > REDIRECTS {
            attempt.error("too many redirects")
        } else {
            attempt.follow()
        }
    })
}

pub(super) fn bar_style() -> ProgressStyle {
    ProgressStyle::with_template(
        "{bar:20} {bytes:>10}/{total_bytes:10} {bytes_per_sec:>12} {wide_msg}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use lamina_testkit::FeedServer;

    use super::*;

    #[test]
    fn a_mirror_has_hosts_as_folders() {
        let cache = Path::new("cache");
        let check = |mirror: Option<&str>, url: &str, expect: &str| {
            let downloads = Downloads::new(cache, mirror).unwrap();
            assert_eq!(downloads.address(url).unwrap().as_str(), expect);
        };
        let url = "https://a.example/x/all%20of.zip?y=1";
        check(None, url, url);
        let at_mirror = "http://127.0.0.1:1/m/a.example/x/all%20of.zip?y=1";
        check(Some("http://127.0.0.1:1/m/"), url, at_mirror);
        check(Some("http://127.0.0.1:1/m"), url, at_mirror);
        assert!(Downloads::new(cache, Some("mirror")).is_err());
        assert!(Downloads::new(cache, Some("mailto:a@b")).is_err());
    }

    #[test]
    fn no_location_leaves_the_cache() {
        let downloads = Downloads::new(Path::new("cache"), None).unwrap();
        let path = downloads.path("osv", &Location::new("https://a/", "../../x/./../y"));
        assert_eq!(path, Path::new("cache/osv/x/y"));
    }

    #[tokio::test]
    async fn the_first_layer_of_an_artifact_is_fetched_once() {
        let Some(feeds) = lamina_testkit::shared("advisories/feeds") else {
            return;
        };
        let server = FeedServer::start().with_feeds(&feeds);
        let folder = tempfile::tempdir().unwrap();
        let downloads = Downloads::new(folder.path(), Some(&server.origin())).unwrap();
        let location = Location::new("oci://ghcr.io/aquasecurity/trivy-db:2", "trivy-db.tar.gz");
        let outcome = downloads.file("trivy-db", &location).await.unwrap();
        let expect = fs::read(feeds.join("trivy-db/db.tar.gz")).unwrap();
        assert_eq!(outcome, Outcome::New(expect.len() as u64));
        assert_eq!(
            fs::read(folder.path().join("trivy-db/trivy-db.tar.gz")).unwrap(),
            expect
        );
        let outcome = downloads.file("trivy-db", &location).await.unwrap();
        assert_eq!(outcome, Outcome::Unchanged);
    }

    #[test]
    fn a_file_is_checked_against_the_hash_that_its_storage_gives() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let partial = beside(&path, "part");
        let location = Location::new("https://a/", "a.csv");
        let accepts = |hashes: &[&str]| {
            let mut headers = header::HeaderMap::new();
            for hash in hashes {
                headers.append("x-goog-hash", hash.parse().unwrap());
            }
            fs::write(&partial, "hello").unwrap();
            accept(&location, &path, &partial, &State::of(&location, &headers)).is_ok()
        };
        assert!(accepts(&[]));
        assert!(accepts(&[
            "crc32c=mnG7TA==",
            "md5=XUFAKrxLKna5cZ2REBfFkg=="
        ]));
        assert!(accepts(&["crc32c=mnG7TA==, md5=XUFAKrxLKna5cZ2REBfFkg=="]));
        assert!(!accepts(&["md5=AAAAKrxLKna5cZ2REBfFkg=="]));
        assert!(!partial.exists());
    }
}
