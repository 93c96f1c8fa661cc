//! A web server for tests, over real connections on this machine: feeds at the addresses that they have
//! in production, below one origin (`http://127.0.0.1:1/secdb.alpinelinux.org/edge/main.json`), or any
//! other files. It answers as web servers do (`ETag`, `304`, `Range`), and fails as it is told to.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

/// A server that ends when it is dropped.
pub struct FeedServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    is_over: Arc<AtomicBool>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, Served>,
    failing: BTreeMap<String, u16>,
    breaking: BTreeMap<String, usize>,
    log: Vec<String>,
}

#[derive(Clone)]
struct Served {
    content: Content,
    encoding: Option<String>,
    media_type: Option<String>,
}

#[derive(Clone)]
enum Content {
    File(PathBuf),
    Bytes(Vec<u8>),
}

impl FeedServer {
    /// A server with no files, on any port.
    pub fn start() -> Self {
        Self::listen("127.0.0.1:0")
    }

    /// A server with no files.
    pub fn listen(address: &str) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let is_over = Arc::new(AtomicBool::new(false));
        let (shared, ends) = (Arc::clone(&state), Arc::clone(&is_over));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ends.load(Ordering::Relaxed) {
                    break;
                }
                let (Ok(stream), state) = (stream, Arc::clone(&shared)) else {
                    continue;
                };
                // Whoever went away before the end is no matter of the server's.
                std::thread::spawn(move || answer(&stream, &state).ok());
            }
        });
        Self {
            address,
            state,
            is_over,
        }
    }

    /// Adds the feeds of the folder, as its `serve-map.json` says where they are in production.
    #[must_use]
    pub fn with_feeds(self, folder: &Path) -> Self {
        let map = std::fs::read(folder.join("serve-map.json")).unwrap();
        let map: Vec<serde_json::Value> = serde_json::from_slice(&map).unwrap();
        let mut repositories = BTreeSet::new();
        for entry in &map {
            let text = |name: &str| entry[name].as_str().map(str::to_owned);
            let (url, file) = (text("production_url").unwrap(), text("file").unwrap());
            let served = Served {
                content: Content::File(folder.join(&file)),
                encoding: text("content_encoding"),
                media_type: text("content_type"),
            };
            if let Some(artifact) = url.strip_prefix("oci://") {
                let (name, part) = artifact.split_once(' ').unwrap();
                let (repository, tag) = name.rsplit_once(':').unwrap();
                let path = match part {
                    "(manifest)" => format!("v2/{repository}/manifests/{tag}"),
                    _ => {
                        repositories.insert(repository.to_owned());
                        let digest = layer_of(&folder.join(&file).with_file_name("manifest.json"));
                        format!("v2/{repository}/blobs/{digest}")
                    }
                };
                self.lock().files.insert(path, served);
            } else if let Some(path) = url.strip_prefix("https://") {
                let name = file.rsplit('/').next().unwrap();
                match path.split_once("<date>") {
                    // One file a day, whose name stands in another.
                    Some(_) => {
                        let (base, _) = path.rsplit_once('/').unwrap();
                        self.put(&format!("{base}/archive_latest.txt"), name.as_bytes());
                        self.lock().files.insert(format!("{base}/{name}"), served);
                    }
                    None => {
                        self.lock().files.insert(path.to_owned(), served);
                    }
                }
            }
        }
        self
    }

    /// `http://127.0.0.1:PORT`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves these bytes at a path (without a slash in front).
    pub fn put(&self, path: &str, bytes: &[u8]) {
        let served = Served {
            content: Content::Bytes(bytes.to_vec()),
            encoding: None,
            media_type: None,
        };
        self.lock().files.insert(path.to_owned(), served);
    }

    /// Serves these bytes, which are compressed on their way (`Content-Encoding`).
    pub fn put_encoded(&self, path: &str, gzip: &[u8]) {
        self.put(path, gzip);
        if let Some(served) = self.lock().files.get_mut(path) {
            served.encoding = Some("gzip".to_owned());
        }
    }

    /// Serves all files of a folder, below `base`.
    pub fn put_folder(&self, base: &str, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{base}/{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                self.put_folder(&path, &entry.path());
            } else {
                self.put(
                    path.trim_start_matches('/'),
                    &std::fs::read(entry.path()).unwrap(),
                );
            }
        }
    }

    /// Serves a path no more.
    pub fn remove(&self, path: &str) {
        self.lock().files.remove(path);
    }

    /// Answers requests for paths that begin so with this status, until it is 0.
    pub fn fail(&self, start: &str, status: u16) {
        self.lock().failing.insert(start.to_owned(), status);
    }

    /// Breaks off the next transfer of a path after so many bytes.
    pub fn break_once(&self, path: &str, after: usize) {
        self.lock().breaking.insert(path.to_owned(), after);
    }

    /// What was asked since the last call: `GET path status bytes`.
    pub fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().log)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Drop for FeedServer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes the listener, so that it sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

fn layer_of(manifest: &Path) -> String {
    let manifest = std::fs::read(manifest).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    manifest["layers"][0]["digest"].as_str().unwrap().to_owned()
}

fn answer(stream: &TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).take(64 << 10).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut headers = BTreeMap::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut words = first.split(' ');
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let path = target.split('?').next().unwrap_or_default();
    let path = path.trim_start_matches('/').replace("%20", " ");

    let (served, status, breaks) = {
        let mut state = state.lock().unwrap();
        let failing = state
            .failing
            .iter()
            .find(|(start, status)| **status > 0 && path.starts_with(*start));
        let status = failing.map(|(_, status)| *status);
        (
            state.files.get(&path).cloned(),
            status,
            state.breaking.remove(&path),
        )
    };
    let bytes = served.as_ref().map(|served| match &served.content {
        Content::File(path) => std::fs::read(path).unwrap(),
        Content::Bytes(bytes) => bytes.clone(),
    });
    let mut head = String::new();
    let (status, body) = match (status, bytes) {
        (Some(status), _) => (status, Vec::new()),
        (None, None) => (404, Vec::new()),
        (None, Some(bytes)) => {
            let tag = format!("\"{:016x}\"", hash(&bytes));
            head.push_str(&format!("etag: {tag}\r\naccept-ranges: bytes\r\n"));
            if let Some(encoding) = served.as_ref().and_then(|served| served.encoding.as_ref()) {
                head.push_str(&format!("content-encoding: {encoding}\r\n"));
            }
            if let Some(media_type) = served
                .as_ref()
                .and_then(|served| served.media_type.as_ref())
            {
                head.push_str(&format!("content-type: {media_type}\r\n"));
            }
            let range = headers.get("range").and_then(|range| {
                let start = range.strip_prefix("bytes=")?.strip_suffix('-')?;
                let start: usize = start.parse().ok()?;
                let is_same = headers.get("if-range").is_none_or(|known| *known == tag);
                (is_same && start < bytes.len()).then_some(start)
            });
            match range {
                _ if headers.get("if-none-match") == Some(&tag) => (304, Vec::new()),
                Some(start) => {
                    let (last, all) = (bytes.len() - 1, bytes.len());
                    head.push_str(&format!("content-range: bytes {start}-{last}/{all}\r\n"));
                    (206, bytes[start..].to_vec())
                }
                None => (200, bytes),
            }
        }
    };
    state
        .lock()
        .unwrap()
        .log
        .push(format!("{method} {path} {status} {}", body.len()));
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {}\r\n{head}\r\n",
        body.len()
    )?;
    if method != "HEAD" {
        let end = breaks.unwrap_or(body.len()).min(body.len());
        stream.write_all(&body[..end])?;
    }
    stream.flush()
}

/// FNV-1a: two contents of a test have two tags.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
