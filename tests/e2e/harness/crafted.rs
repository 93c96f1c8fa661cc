//! A registry that serves whatever a test makes up: broken layers, lies, pages instead of manifests.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use lamina_image::digest::Digest;
use serde_json::json;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// What lies under one path.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// All of it, at once.
    Whole(&'static str, Bytes),
    /// All of it, or the part that is asked for.
    Ranged(Bytes),
    /// The bytes, then the connection breaks; `Content-Length` promised more.
    Cut(Bytes, usize),
    /// The bytes in pieces, with a pause after each.
    Slow(Bytes, Duration),
    /// The first until it is mended, then the second.
    Mended(Arc<AtomicBool>, Box<Content>, Box<Content>),
}

/// An image that is being made up.
#[derive(Debug, Default)]
pub(crate) struct Made {
    contents: HashMap<String, Content>,
    layers: Vec<serde_json::Value>,
    diff_ids: Vec<String>,
    history: Vec<serde_json::Value>,
}

impl Made {
    /// Adds a layer: its build step, its tar, and its blob as the registry has it.
    pub(crate) fn layer(self, step: &str, tar: &[u8], blob: Vec<u8>) -> Self {
        let digest = Digest::of(&blob).to_string();
        let size = blob.len();
        let content = Content::Whole("application/octet-stream", blob.into());
        self.layer_of(step, &Digest::of(tar).to_string(), &digest, size, content)
    }

    /// Adds a layer that the registry gives parts of.
    pub(crate) fn ranged_layer(self, step: &str, tar: &[u8], blob: Vec<u8>) -> Self {
        let digest = Digest::of(&blob).to_string();
        let size = blob.len();
        let diff_id = Digest::of(tar).to_string();
        self.layer_of(step, &diff_id, &digest, size, Content::Ranged(blob.into()))
    }

    /// Adds a layer of which everything may be a lie.
    pub(crate) fn layer_of(
        mut self,
        step: &str,
        diff_id: &str,
        digest: &str,
        size: usize,
        content: Content,
    ) -> Self {
        self.contents.insert(format!("blobs/{digest}"), content);
        self.layers.push(json!({
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": digest,
            "size": size,
        }));
        self.diff_ids.push(diff_id.to_owned());
        self.history
            .push(json!({ "created": "2024-01-01T00:00:00Z", "created_by": step }));
        self
    }

    /// Puts something else under the tag.
    pub(crate) fn tag_is(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.contents.insert(
            "manifests/latest".into(),
            Content::Whole(content_type, body.into()),
        );
        self
    }

    /// Serves it as `localhost:<port>/made:latest`.
    pub(crate) async fn serve(mut self) -> Crafted {
        let config = serde_json::to_vec(&json!({
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": { "type": "layers", "diff_ids": self.diff_ids },
            "history": self.history,
        }))
        .unwrap();
        let digest = Digest::of(&config).to_string();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": config.len() },
            "layers": self.layers,
        });
        let manifest = Bytes::from(serde_json::to_vec(&manifest).unwrap());
        self.contents.insert(
            format!("blobs/{digest}"),
            Content::Whole("application/octet-stream", config.into()),
        );
        let digest = Digest::of(&manifest);
        self.contents.insert(
            format!("manifests/{digest}"),
            Content::Whole(MANIFEST, manifest.clone()),
        );
        self.contents
            .entry("manifests/latest".into())
            .or_insert(Content::Whole(MANIFEST, manifest));

        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let parts = Arc::new(Mutex::new(Vec::new()));
        let state = Arc::new((self.contents, Arc::clone(&seen), Arc::clone(&parts)));
        let app = Router::new().fallback(answer).with_state(state);
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Crafted {
            port,
            seen,
            parts,
            task,
        }
    }
}

/// The running registry.
#[derive(Debug)]
pub(crate) struct Crafted {
    port: u16,
    seen: Arc<Mutex<Vec<String>>>,
    parts: Arc<Mutex<Vec<(usize, usize)>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Crafted {
    /// `localhost:<port>`.
    pub(crate) fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// The reference of the image.
    pub(crate) fn reference(&self) -> String {
        format!("{}/made:latest", self.host())
    }

    /// The parts of blobs that were asked for: the first byte, and how many.
    pub(crate) fn parts(&self) -> Vec<(usize, usize)> {
        self.parts.lock().unwrap().clone()
    }

    /// Paths that were asked for.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Crafted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Shared = Arc<(
    HashMap<String, Content>,
    Arc<Mutex<Vec<String>>>,
    Arc<Mutex<Vec<(usize, usize)>>>,
)>;

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    shared
        .1
        .lock()
        .unwrap()
        .push(format!("{} {path}", request.method()));
    if path == "/v2/" {
        return "{}".into_response();
    }
    let Some(content) = path
        .strip_prefix("/v2/made/")
        .and_then(|path| shared.0.get(path))
    else {
        let code = if path.contains("/manifests/") {
            "MANIFEST_UNKNOWN"
        } else {
            "BLOB_UNKNOWN"
        };
        let body = format!(r#"{{"errors":[{{"code":"{code}","message":"nothing here"}}]}}"#);
        return (StatusCode::NOT_FOUND, body).into_response();
    };
    let content = match content {
        Content::Mended(is_mended, _, after) if is_mended.load(Ordering::SeqCst) => after,
        Content::Mended(_, before, _) => before,
        content => content,
    };
    match content.clone() {
        // One within another is a test's mistake.
        Content::Mended(..) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Content::Whole(content_type, bytes) => {
            ([(header::CONTENT_TYPE, content_type)], bytes).into_response()
        }
        Content::Ranged(bytes) => {
            let range = request.headers().get(header::RANGE);
            let range = range.and_then(|value| {
                let (first, last) = value
                    .to_str()
                    .ok()?
                    .strip_prefix("bytes=")?
                    .split_once('-')?;
                let first: usize = first.parse().ok()?;
                let last = last.parse().unwrap_or(bytes.len() - 1);
                Some((first, last.min(bytes.len() - 1)))
            });
            let Some((first, last)) = range else {
                return bytes.into_response();
            };
            let part = bytes.slice(first..=last);
            shared.2.lock().unwrap().push((first, part.len()));
            let content_range = format!("bytes {first}-{last}/{}", bytes.len());
            (
                StatusCode::PARTIAL_CONTENT,
                [(header::CONTENT_RANGE, content_range)],
                part,
            )
                .into_response()
        }
        Content::Cut(bytes, promised) => {
            let pieces = futures::stream::unfold(Some(bytes), |rest| async move {
                match rest {
                    Some(bytes) => Some((Ok(bytes), None)),
                    None => {
                        // So that what came before is sent.
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        Some((Err(std::io::Error::other("cut")), None))
                    }
                }
            });
            (
                [(header::CONTENT_LENGTH, promised)],
                Body::from_stream(pieces),
            )
                .into_response()
        }
        Content::Slow(bytes, pause) => {
            let length = bytes.len();
            let pieces = futures::stream::unfold(bytes, move |mut rest| async move {
                if rest.is_empty() {
                    return None;
                }
                let piece = rest.split_to(rest.len().min(4096));
                tokio::time::sleep(pause).await;
                Some((Ok::<_, std::io::Error>(piece), rest))
            });
            (
                [(header::CONTENT_LENGTH, length)],
                Body::from_stream(pieces),
            )
                .into_response()
        }
    }
}
