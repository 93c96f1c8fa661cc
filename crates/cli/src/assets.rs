//! Static files: embedded in release builds, from a folder, or (in debug builds) from the
//! repository; with types, validators, compression and ranges.

use std::{
    collections::HashMap,
    io::Write as _,
    path::{Component, Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::Response,
};
use lamina_image::digest::Digest;
use rust_embed::RustEmbed;

use crate::limits;

#[derive(RustEmbed)]
#[folder = "../../dist"]
#[allow_missing = true]
struct Page;

#[derive(RustEmbed)]
#[folder = "../../demo/out/db"]
#[allow_missing = true]
struct Db;

#[derive(RustEmbed)]
#[folder = "../../demo/out/samples"]
#[allow_missing = true]
struct Samples;

/// Where files come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    EmbeddedPage,
    EmbeddedDb,
    EmbeddedSamples,
    Folder(PathBuf),
}

/// A file and its validator.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) bytes: Bytes,
    pub(crate) digest: Digest,
}

impl Source {
    /// The file at `path` (relative, with slashes), if there is one.
    pub(crate) async fn get(&self, path: &str) -> Option<File> {
        let bytes: Bytes = match self {
            Self::Folder(folder) => {
                let path = safe_join(folder, path)?;
                let is_file = tokio::fs::metadata(&path).await.ok()?.is_file();
                tokio::fs::read(path).await.ok().filter(|_| is_file)?.into()
            }
            Self::EmbeddedPage => embedded::<Page>(path)?,
            Self::EmbeddedDb => embedded::<Db>(path)?,
            Self::EmbeddedSamples => embedded::<Samples>(path)?,
        };
        Some(File::of(bytes))
    }
}

impl File {
    /// Of its bytes, read or made.
    pub(crate) fn of(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        Self { bytes, digest }
    }
}

/// A file of the sample images' advisory database, without a server.
pub(crate) fn sample_database(path: &str) -> Option<Bytes> {
    embedded::<Db>(path)
}

fn embedded<E: RustEmbed>(path: &str) -> Option<Bytes> {
    // Debug builds read the disk: the same care as for folders.
    safe_join(Path::new(""), path)?;
    Some(match E::get(path)?.data {
        std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
    })
}

/// `folder` and `path`, unless that would leave the folder.
fn safe_join(folder: &Path, path: &str) -> Option<PathBuf> {
    let is_plain = !path.is_empty()
        && !path.contains(['\\', '\0'])
        && Path::new(path)
            .components()
            .all(|component| matches!(component, Component::Normal(_)));
    is_plain.then(|| folder.join(path))
}

/// Turns `%41` into `A`; `None` if that gives no text.
pub(crate) fn percent_decode(path: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            decoded.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

/// The media type of a file by its name.
pub(crate) fn media_type(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Whether a file's name changes with its content: it has a hash in it, as the page's build and the
/// database name their files.
pub(crate) fn is_hashed(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split(|c: char| !c.is_ascii_alphanumeric())
        .any(|part| {
            part.len() >= 16
                && part
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        })
}

/// Compressed forms that were made before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Compressed(Arc<Mutex<Cache>>);

#[derive(Debug, Default)]
struct Cache {
    /// `None`: compressing does not help.
    files: HashMap<(Digest, Encoding), Option<Bytes>>,
    bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gz",
        }
    }

    /// The best one that the client takes.
    fn chosen(headers: &HeaderMap) -> Option<Self> {
        let accepted = headers.get(header::ACCEPT_ENCODING)?.to_str().ok()?;
        let takes = |name: &str| {
            accepted.split(',').any(|item| {
                let mut parts = item.split(';').map(str::trim);
                let is_named = parts
                    .next()
                    .is_some_and(|coding| coding.eq_ignore_ascii_case(name));
                is_named
                    && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
            })
        };
        if takes("br") {
            Some(Self::Brotli)
        } else if takes("gzip") {
            Some(Self::Gzip)
        } else {
            None
        }
    }
}

impl Compressed {
    async fn get(
        &self,
        source: &Source,
        path: &str,
        file: &File,
        encoding: Encoding,
    ) -> Option<Bytes> {
        let key = (file.digest.clone(), encoding);
        {
            let cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = cache.files.get(&key) {
                return known.clone();
            }
        }
        // Built beside the file, with more patience than a server has.
        let ready = source
            .get(&format!("{path}.{}", encoding.extension()))
            .await;
        let compressed = match ready {
            Some(ready) => Some(ready.bytes),
            None => {
                let bytes = file.bytes.clone();
                tokio::task::spawn_blocking(move || compress(&bytes, encoding))
                    .await
                    .ok()
                    .flatten()
            }
        };
        // Not worth it below a tenth.
        let compressed =
            compressed.filter(|compressed| compressed.len() < file.bytes.len() / 10 * 9);
        let size = compressed.as_ref().map_or(0, Bytes::len);
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.bytes + size <= limits::COMPRESSED_BYTES {
            cache.bytes += size;
            cache.files.insert(key, compressed.clone());
        }
        compressed
    }
}

fn compress(bytes: &[u8], encoding: Encoding) -> Option<Bytes> {
    let mut compressed = Vec::with_capacity(bytes.len() / 3);
    match encoding {
        Encoding::Brotli => {
            // Someone waits for it. On 3 MB of machine code, 5 gives 568,552 bytes in 0.55 s and 9
            // gives 566,893 in 1.25 s (debug build, 2026-11-24).
            let mut writer = brotli::CompressorWriter::new(&mut compressed, 64 * 1024, 5, 22);
            writer.write_all(bytes).ok()?;
            writer.flush().ok()?;
        }
        Encoding::Gzip => {
            let mut writer =
                flate2::write::GzEncoder::new(&mut compressed, flate2::Compression::new(6));
            writer.write_all(bytes).ok()?;
            writer.finish().ok()?;
        }
    }
    Some(compressed.into())
}

/// How a file is to be answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner<'a> {
    pub(crate) media_type: &'a str,
    pub(crate) is_immutable: bool,
    pub(crate) may_compress: bool,
    pub(crate) may_range: bool,
}

/// Answers a request with a file.
pub(crate) async fn respond(
    source: &Source,
    path: &str,
    file: File,
    manner: Manner<'_>,
    method: &Method,
    headers: &HeaderMap,
    compressed: &Compressed,
) -> Response {
    let encoding = Encoding::chosen(headers)
        .filter(|_| manner.may_compress && file.bytes.len() >= limits::COMPRESS_FROM);
    let encoded = match encoding {
        Some(encoding) => compressed
            .get(source, path, &file, encoding)
            .await
            .map(|bytes| (encoding, bytes)),
        None => None,
    };
    let suffix = encoded.as_ref().map_or(String::new(), |(encoding, _)| {
        format!("-{}", encoding.name())
    });
    let etag = format!(
        "\"{}{suffix}\"",
        file.digest.hex().get(..32).unwrap_or_default()
    );
    let cache = if manner.is_immutable {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let mut builder = Response::builder()
        .header(header::ETAG, &etag)
        .header(header::CACHE_CONTROL, cache);
    if manner.may_compress {
        builder = builder.header(header::VARY, "accept-encoding");
    }
    if manner.may_range {
        builder = builder.header(header::ACCEPT_RANGES, "bytes");
    }
    if has_etag(headers, &etag) {
        return finish(
            builder.status(StatusCode::NOT_MODIFIED),
            Bytes::new(),
            method,
        );
    }
    builder = builder.header(header::CONTENT_TYPE, manner.media_type);
    if let Some((encoding, bytes)) = encoded {
        let builder = builder.header(header::CONTENT_ENCODING, encoding.name());
        return finish(builder, bytes, method);
    }
    let range = headers
        .get(header::RANGE)
        .filter(|_| manner.may_range && !headers.contains_key(header::IF_RANGE));
    let Some(range) = range.and_then(|range| range.to_str().ok()) else {
        return finish(builder, file.bytes, method);
    };
    let length = file.bytes.len();
    match parse_range(range, length) {
        Range::Whole => finish(builder, file.bytes, method),
        Range::Part(start, end) => {
            let builder = builder.status(StatusCode::PARTIAL_CONTENT).header(
                header::CONTENT_RANGE,
                format!("bytes {start}-{}/{length}", end.saturating_sub(1)),
            );
            finish(builder, file.bytes.slice(start..end), method)
        }
        Range::Unsatisfiable => {
            let builder = builder
                .status(StatusCode::RANGE_NOT_SATISFIABLE)
                .header(header::CONTENT_RANGE, format!("bytes */{length}"));
            finish(builder, Bytes::new(), method)
        }
    }
}

fn finish(builder: axum::http::response::Builder, bytes: Bytes, method: &Method) -> Response {
    let length = bytes.len();
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        Body::from(bytes)
    };
    let mut response = builder.body(body).unwrap_or_default();
    if response.status() != StatusCode::NOT_MODIFIED {
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}

fn has_etag(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|value| value.trim().trim_start_matches("W/"))
        .any(|value| value == etag || value == "*")
}

#[derive(Debug, PartialEq, Eq)]
enum Range {
    Whole,
    Part(usize, usize),
    Unsatisfiable,
}

/// One range; several, and what is malformed, give the whole (RFC 9110, section 14.2).
fn parse_range(value: &str, length: usize) -> Range {
    let Some((first, last)) = value
        .trim()
        .strip_prefix("bytes=")
        .filter(|ranges| !ranges.contains(','))
        .and_then(|range| range.split_once('-'))
    else {
        return Range::Whole;
    };
    let part = |start: usize, end: usize| {
        if start < end {
            Range::Part(start, end)
        } else {
            Range::Unsatisfiable
        }
    };
    match (first.trim(), last.trim()) {
        ("", suffix) => match suffix.parse::<usize>() {
            Ok(suffix) => part(length.saturating_sub(suffix), length),
            Err(_) => Range::Whole,
        },
        (first, "") => match first.parse::<usize>() {
            Ok(first) => part(first, length),
            Err(_) => Range::Whole,
        },
        (first, last) => match (first.parse::<usize>(), last.parse::<usize>()) {
            (Ok(first), Ok(last)) if first <= last => {
                part(first, last.saturating_add(1).min(length))
            }
            _ => Range::Whole,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_follow_the_rfc() {
        let check = |value: &str, expect| assert_eq!(parse_range(value, 10), expect, "{value}");
        check("bytes=0-3", Range::Part(0, 4));
        check("bytes=4-", Range::Part(4, 10));
        check("bytes=8-99", Range::Part(8, 10));
        check("bytes=-3", Range::Part(7, 10));
        check("bytes=-99", Range::Part(0, 10));
        check("bytes=10-", Range::Unsatisfiable);
        check("bytes=-0", Range::Unsatisfiable);
        check("bytes=3-2", Range::Whole);
        check("bytes=0-1,3-4", Range::Whole);
        check("lines=1-2", Range::Whole);
        check("bytes=a-b", Range::Whole);
        check("bytes=99999999999999999999-", Range::Whole);
    }

    #[test]
    fn hashed_names_are_known() {
        assert!(is_hashed("lamina-page-0123456789abcdef_bg.wasm"));
        assert!(is_hashed("a/b/main-a1b2c3d4e5f60718.css"));
        assert!(is_hashed(
            "v2/x/blobs/sha256:e3b0c44298fc1c149afbf4c8996fb924"
        ));
        assert!(!is_hashed("index.html"));
        assert!(!is_hashed("deadbeef.js"));
        assert!(!is_hashed("0123456789abcdef0/index.json"));
    }

    #[test]
    fn no_path_leaves_the_folder() {
        let folder = Path::new("/srv");
        for path in ["", "/etc/passwd", "../x", "a/../../x", "a\\..\\b", "a\0"] {
            assert_eq!(safe_join(folder, path), None, "{path}");
        }
        assert!(safe_join(folder, "a/sha256:b").is_some());
        assert_eq!(percent_decode("a%3Ab%2f").as_deref(), Some("a:b/"));
        assert_eq!(percent_decode("a%"), None);
        assert_eq!(percent_decode("%ff"), None);
    }

    #[test]
    fn codings_are_chosen_by_what_the_client_takes() {
        let check = |value: &'static str, expect| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            assert_eq!(Encoding::chosen(&headers), expect, "{value}");
        };
        check("gzip, deflate, br, zstd", Some(Encoding::Brotli));
        check("gzip;q=0.5, br;q=0", Some(Encoding::Gzip));
        check("identity", None);
    }
}
