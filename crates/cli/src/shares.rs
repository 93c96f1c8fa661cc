//! Encrypted reports that `lamina serve` keeps for a while: `/share`.
//!
//! The page encrypts a report and uploads it; the key is in the fragment of the link it makes, which no
//! server sees. Here are opaque bytes, an id that cannot be guessed, a day on which they are deleted, and a
//! token, known to who uploaded them, that deletes them earlier. `docs/share.md` has the protocol.
//!
//! Each share is a file in a folder; its name is the id. What was deleted leaves an empty file behind for
//! a while, so that a link can say what became of it.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use lamina_image::digest::Digest;
use serde::{Deserialize, Serialize};

use crate::{limits, transport};

/// The header that an upload must have. A page of another origin cannot send it without being asked first,
/// and this server answers no such question.
const MARK: &str = "lamina-share";

/// The header that tells when a share is deleted: seconds since 1970.
const EXPIRES: &str = "lamina-expires";

/// Keeps shares in a folder.
#[derive(Debug)]
pub struct Shares {
    folder: PathBuf,
    uploads: Mutex<Uploads>,
    limits: ShareLimits,
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct ShareLimits {
    /// Bytes of one share.
    pub bytes: u64,
    /// Bytes of all shares.
    pub total: u64,
    /// Number of shares, with those that were deleted and are remembered.
    pub count: usize,
    /// Uploads within a minute.
    pub per_minute: u32,
}

impl Default for ShareLimits {
    fn default() -> Self {
        Self {
            bytes: limits::SHARE_BYTES,
            total: limits::SHARES_BYTES,
            count: limits::SHARES,
            per_minute: limits::SHARES_PER_MINUTE,
        }
    }
}

/// Uploads of the running minute.
#[derive(Debug, Default)]
struct Uploads {
    minute: u64,
    count: u32,
}

/// The first line of a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Head {
    /// Until when it is kept, in seconds since 1970.
    expires: u64,
    /// SHA-256 of the token that deletes it.
    token: String,
    /// What became of it; `None` while it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gone: Option<Gone>,
}

/// Why a share is no longer there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Gone {
    Deleted,
    Expired,
}

/// What an upload is answered with.
#[derive(Debug, Serialize)]
struct Uploaded {
    id: String,
    token: String,
    expires: u64,
}

impl Shares {
    /// Shares in a folder, which is made when it is needed.
    pub fn new(folder: PathBuf, limits: ShareLimits) -> Self {
        Self {
            folder,
            uploads: Mutex::default(),
            limits,
        }
    }

    /// What the page is told.
    pub(crate) fn describe(&self) -> serde_json::Value {
        serde_json::json!({
            "bytes": self.limits.bytes,
            "days": limits::SHARE_DAYS,
        })
    }

    /// Answers a request for `/share` or `/share/<id>`.
    pub async fn answer(self: Arc<Self>, request: Request<Body>) -> Response {
        let (parts, body) = request.into_parts();
        let id = parts
            .uri
            .path()
            .trim_start_matches("/share")
            .trim_matches('/')
            .to_owned();
        let now = transport::now().as_millis() / 1000;
        match (parts.method, id.as_str()) {
            (Method::POST, "") => {
                let days = days(parts.uri.query().unwrap_or_default());
                if let Some(refusal) = self.refusal(&parts.headers, now) {
                    return refusal;
                }
                let most = usize::try_from(self.limits.bytes).unwrap_or(usize::MAX);
                let Ok(bytes) = axum::body::to_bytes(body, most).await else {
                    return too_large(most);
                };
                self.blocking(move |shares| shares.upload(&bytes, days, now))
                    .await
            }
            (Method::GET | Method::HEAD, id) if is_id(id) => {
                let id = id.to_owned();
                self.blocking(move |shares| shares.get(&id, now)).await
            }
            (Method::DELETE, id) if is_id(id) => {
                let id = id.to_owned();
                let token = parts.headers.get("authorization");
                let token = token.and_then(|token| token.to_str().ok()?.strip_prefix("Bearer "));
                let token = token.unwrap_or_default().to_owned();
                self.blocking(move |shares| shares.delete(&id, &token))
                    .await
            }
            (Method::GET | Method::HEAD | Method::DELETE, _) => {
                say(StatusCode::NOT_FOUND, "there is no such share")
            }
            _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        }
    }

    /// Files are read and written beside what is served.
    async fn blocking(
        self: Arc<Self>,
        work: impl FnOnce(&Self) -> std::io::Result<Response> + Send + 'static,
    ) -> Response {
        match tokio::task::spawn_blocking(move || work(&self)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                tracing::warn!(%error, "share not kept");
                say(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the server could not keep or read the share",
                )
            }
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }

    /// Why an upload is not taken, if it is not.
    fn refusal(&self, headers: &HeaderMap, now: u64) -> Option<Response> {
        if !headers.contains_key(MARK) {
            return Some(say(
                StatusCode::FORBIDDEN,
                "only Lamina's own page uploads here",
            ));
        }
        let length = headers.get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length > self.limits.bytes) {
            return Some(too_large(
                usize::try_from(self.limits.bytes).unwrap_or(usize::MAX),
            ));
        }
        let mut uploads = self
            .uploads
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if uploads.minute != now / 60 {
            *uploads = Uploads {
                minute: now / 60,
                count: 0,
            };
        }
        if uploads.count >= self.limits.per_minute {
            let message = "too many uploads in this minute: try again in the next one";
            return Some(say(StatusCode::TOO_MANY_REQUESTS, message));
        }
        uploads.count += 1;
        None
    }

    fn upload(&self, bytes: &Bytes, days: u64, now: u64) -> std::io::Result<Response> {
        if bytes.is_empty() {
            return Ok(say(
                StatusCode::BAD_REQUEST,
                "there is nothing in the upload",
            ));
        }
        std::fs::create_dir_all(&self.folder)?;
        let (count, total) = self.sweep(now)?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if count >= self.limits.count || total.saturating_add(length) > self.limits.total {
            let message = "this server keeps as many shares as it may: delete some, or send a file";
            return Ok(say(StatusCode::INSUFFICIENT_STORAGE, message));
        }
        let (id, token) = (random()?, random()?);
        let head = Head {
            expires: now + days * 24 * 60 * 60,
            token: Digest::of(token.as_bytes()).to_string(),
            gone: None,
        };
        write(&self.folder.join(&id), &head, bytes)?;
        let uploaded = Uploaded {
            id,
            token,
            expires: head.expires,
        };
        let headers = [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        let body = serde_json::to_string(&uploaded)?;
        Ok((StatusCode::CREATED, headers, body).into_response())
    }

    fn get(&self, id: &str, now: u64) -> std::io::Result<Response> {
        let path = self.folder.join(id);
        let Some((mut head, bytes)) = read(&path)? else {
            return Ok(say(StatusCode::NOT_FOUND, "there is no such share"));
        };
        if head.gone.is_none() && head.expires <= now {
            head.gone = Some(Gone::Expired);
            write(&path, &head, b"")?;
        }
        match head.gone {
            Some(Gone::Deleted) => Ok(say(StatusCode::GONE, "deleted")),
            Some(Gone::Expired) => Ok(say(StatusCode::GONE, "expired")),
            None => {
                let headers = [
                    ("content-type", "application/octet-stream".to_owned()),
                    ("cache-control", "no-store".to_owned()),
                    (EXPIRES, head.expires.to_string()),
                ];
                Ok((headers, bytes).into_response())
            }
        }
    }

    fn delete(&self, id: &str, token: &str) -> std::io::Result<Response> {
        let path = self.folder.join(id);
        let Some((mut head, _)) = read(&path)? else {
            return Ok(say(StatusCode::NOT_FOUND, "there is no such share"));
        };
        // Digests are compared: how long it takes says nothing of the token.
        if Digest::of(token.as_bytes()).to_string() != head.token {
            return Ok(say(
                StatusCode::FORBIDDEN,
                "only who uploaded it can delete it",
            ));
        }
        head.gone.get_or_insert(Gone::Deleted);
        write(&path, &head, b"")?;
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    /// Empties what has expired and forgets what is long gone; answers how many files there are, and their
    /// bytes.
    fn sweep(&self, now: u64) -> std::io::Result<(usize, u64)> {
        let (mut count, mut total) = (0, 0_u64);
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if !name.to_str().is_some_and(is_id) {
                continue;
            }
            let path = entry.path();
            let Some(mut head) = read_head(&path)? else {
                std::fs::remove_file(&path)?;
                continue;
            };
            let forget = limits::SHARE_DAYS * 24 * 60 * 60;
            if head.expires.saturating_add(forget) <= now {
                std::fs::remove_file(&path)?;
                continue;
            }
            if head.gone.is_none() && head.expires <= now {
                head.gone = Some(Gone::Expired);
                write(&path, &head, b"")?;
            }
            count += 1;
            total = total.saturating_add(std::fs::metadata(&path)?.len());
        }
        Ok((count, total))
    }
}

/// The days that an upload asks for: a week, if it does not.
fn days(query: &str) -> u64 {
    let days = query.split('&').find_map(|pair| pair.strip_prefix("days="));
    let days = days.and_then(|days| days.parse::<u64>().ok());
    days.unwrap_or(limits::SHARE_DAYS_USUAL)
        .clamp(1, limits::SHARE_DAYS)
}

/// What [`random`] makes: nothing else becomes the name of a file.
fn is_id(text: &str) -> bool {
    text.len() == 22
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// 128 bits that nobody can guess.
fn random() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

fn write(path: &Path, head: &Head, bytes: &[u8]) -> std::io::Result<()> {
    let mut content = serde_json::to_vec(head)?;
    content.push(b'\n');
    content.extend_from_slice(bytes);
    // Nobody reads half a file.
    let unfinished = path.with_extension("new");
    std::fs::write(&unfinished, content)?;
    std::fs::rename(&unfinished, path)
}

fn read(path: &Path) -> std::io::Result<Option<(Head, Vec<u8>)>> {
    let mut content = match std::fs::read(path) {
        Ok(content) => content,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(end) = content.iter().position(|byte| *byte == b'\n') else {
        return Ok(None);
    };
    let rest = content.split_off(end + 1);
    Ok(serde_json::from_slice(&content)
        .ok()
        .map(|head| (head, rest)))
}

fn read_head(path: &Path) -> std::io::Result<Option<Head>> {
    use std::io::{BufRead as _, Read as _};
    let file = std::fs::File::open(path)?;
    let mut line = Vec::new();
    std::io::BufReader::new(file.take(1024)).read_until(b'\n', &mut line)?;
    Ok(serde_json::from_slice(&line).ok())
}

fn say(status: StatusCode, message: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, message).into_response()
}

fn too_large(most: usize) -> Response {
    let message = format!("a share may have at most {most} bytes");
    (StatusCode::PAYLOAD_TOO_LARGE, message).into_response()
}

/// Deletes the files of a folder's shares that have expired, without waiting for an upload.
pub(crate) fn sweep_now(shares: &Shares) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or(Duration::ZERO).as_secs();
    if shares.folder.is_dir()
        && let Err(error) = shares.sweep(now)
    {
        tracing::warn!(%error, "old shares not deleted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(limits: ShareLimits) -> (tempfile::TempDir, Arc<Shares>) {
        let folder = tempfile::tempdir().unwrap();
        let shares = Arc::new(Shares::new(folder.path().join("shares"), limits));
        (folder, shares)
    }

    async fn ask(
        shares: &Arc<Shares>,
        method: Method,
        path: &str,
        header: (&str, &str),
        body: &[u8],
    ) -> (u16, Vec<u8>) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header.0, header.1)
            .body(Body::from(body.to_vec()))
            .unwrap();
        let response = Arc::clone(shares).answer(request).await;
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1 << 24)
            .await
            .unwrap();
        (status, body.to_vec())
    }

    const OURS: (&str, &str) = (MARK, "1");
    const NONE: (&str, &str) = ("accept", "*/*");

    async fn upload(shares: &Arc<Shares>, body: &[u8]) -> (String, String, u64) {
        let (status, body) = ask(shares, Method::POST, "/share?days=30", OURS, body).await;
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
        let uploaded: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let text = |name: &str| uploaded[name].as_str().unwrap().to_owned();
        (
            text("id"),
            text("token"),
            uploaded["expires"].as_u64().unwrap(),
        )
    }

    #[tokio::test]
    async fn a_share_is_there_until_it_is_deleted_by_its_token() {
        let (_folder, shares) = shares(ShareLimits::default());
        let (id, token, expires) = upload(&shares, b"secret").await;
        let now = transport::now().as_millis() / 1000;
        assert!(expires > now + 29 * 86_400 && expires <= now + 30 * 86_400 + 1);
        let path = format!("/share/{id}");
        assert_eq!(
            ask(&shares, Method::GET, &path, NONE, b"").await,
            (200, b"secret".to_vec())
        );
        let (status, _) = ask(&shares, Method::DELETE, &path, NONE, b"").await;
        assert_eq!(status, 403);
        let wrong = ("authorization", "Bearer x");
        assert_eq!(ask(&shares, Method::DELETE, &path, wrong, b"").await.0, 403);
        let bearer = format!("Bearer {token}");
        assert_eq!(
            ask(
                &shares,
                Method::DELETE,
                &path,
                ("authorization", &bearer),
                b""
            )
            .await
            .0,
            204
        );
        assert_eq!(
            ask(&shares, Method::GET, &path, NONE, b"").await,
            (410, b"deleted".to_vec())
        );
        assert_eq!(
            ask(
                &shares,
                Method::GET,
                "/share/AAAAAAAAAAAAAAAAAAAAAA",
                NONE,
                b""
            )
            .await
            .0,
            404
        );
        assert_eq!(
            ask(&shares, Method::GET, "/share/../../etc/passwd", NONE, b"")
                .await
                .0,
            404
        );
        assert_eq!(ask(&shares, Method::PUT, "/share", OURS, b"x").await.0, 405);
    }

    #[tokio::test]
    async fn what_expired_says_so_and_is_forgotten_later() {
        let (_folder, shares) = shares(ShareLimits::default());
        let (id, _, expires) = upload(&shares, b"secret").await;
        let answer = shares.get(&id, expires).unwrap();
        assert_eq!(answer.status(), StatusCode::GONE);
        let (_, body) = ask(&shares, Method::GET, &format!("/share/{id}"), NONE, b"").await;
        assert_eq!(body, b"expired");
        let file = shares.folder.join(&id);
        assert!(!std::fs::read_to_string(&file).unwrap().contains("secret"));
        assert_eq!(shares.sweep(expires + 1).unwrap().0, 1);
        assert_eq!(shares.sweep(expires + 31 * 86_400).unwrap(), (0, 0));
        assert!(!file.exists());
    }

    #[tokio::test]
    async fn every_limit_is_kept() {
        let limits = ShareLimits {
            bytes: 100,
            total: 1000,
            count: 3,
            per_minute: 1000,
        };
        let (_folder, shares) = shares(limits);
        let post = async |shares: &Arc<Shares>, header, body: &[u8]| {
            ask(shares, Method::POST, "/share", header, body).await.0
        };
        assert_eq!(post(&shares, NONE, b"x").await, 403);
        assert_eq!(post(&shares, OURS, b"").await, 400);
        assert_eq!(post(&shares, OURS, &[0; 101]).await, 413);
        for _ in 0..3 {
            assert_eq!(post(&shares, OURS, &[0; 100]).await, 201);
        }
        assert_eq!(post(&shares, OURS, b"x").await, 507);

        let (_folder, shares) = self::shares(ShareLimits {
            total: 250,
            count: 100,
            ..limits
        });
        assert_eq!(post(&shares, OURS, &[0; 100]).await, 201);
        assert_eq!(post(&shares, OURS, &[0; 100]).await, 507);

        let (_folder, shares) = self::shares(ShareLimits {
            per_minute: 2,
            ..limits
        });
        let mut refused = 0;
        for _ in 0..5 {
            refused += u32::from(post(&shares, OURS, b"x").await == 429);
        }
        // The minute may have ended in between.
        assert!((1..=3).contains(&refused), "{refused}");
    }

    #[test]
    fn days_are_bounded() {
        let check = |query: &str, expect: u64| assert_eq!(days(query), expect);
        check("", 7);
        check("days=1", 1);
        check("days=0", 1);
        check("days=365", 30);
        check("days=x", 7);
    }
}
