//! A server before `lamina serve` that writes down what is asked of it; and a plain static host, which
//! sends no headers of its own.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};

/// The running witness.
#[derive(Debug)]
pub(crate) struct Witness {
    /// Where the page is, without a slash at the end.
    pub(crate) url: String,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    seen: Mutex<Vec<String>>,
    client: reqwest::Client,
}

impl Witness {
    /// Stands before the server at `upstream` (`http://127.0.0.1:1234`).
    pub(crate) async fn before(upstream: &str) -> Self {
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            seen: Mutex::default(),
            client: reqwest::Client::new(),
        });
        let app = Router::new()
            .fallback(forward)
            .with_state(Arc::clone(&shared));
        let (url, task) = serve(app).await;
        Self { url, shared, task }
    }

    /// What was asked, as `GET /path?query`.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.shared.seen.lock().unwrap().clone()
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(app: Router) -> (String, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (format!("http://127.0.0.1:{port}"), task)
}

async fn forward(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let path = request.uri().path_and_query().unwrap().to_string();
    shared
        .seen
        .lock()
        .unwrap()
        .push(format!("{} {path}", request.method()));
    let mut upstream = shared.client.request(
        request.method().clone(),
        format!("{}{path}", shared.upstream),
    );
    // `Host` too: the relay answers pages of its own origin only.
    for (name, value) in request.headers() {
        if name != header::CONNECTION && name != header::ACCEPT_ENCODING {
            upstream = upstream.header(name, value);
        }
    }
    let answer = upstream.send().await.unwrap();
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        if name != header::TRANSFER_ENCODING && name != header::CONNECTION {
            response = response.header(name, value);
        }
    }
    response
        .body(Body::from(answer.bytes().await.unwrap()))
        .unwrap()
}

/// A static host of one folder.
#[derive(Debug)]
pub(crate) struct StaticHost {
    /// Where the page is, without a slash at the end.
    pub(crate) url: String,
    task: tokio::task::JoinHandle<()>,
}

impl StaticHost {
    /// Serves a folder.
    pub(crate) async fn of(folder: &Path) -> Self {
        let app = Router::new()
            .fallback(file)
            .with_state(Arc::new(folder.to_owned()));
        let (url, task) = serve(app).await;
        Self { url, task }
    }
}

impl Drop for StaticHost {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn file(State(folder): State<Arc<PathBuf>>, request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    let media_type = match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    };
    match std::fs::read(folder.join(path)) {
        Ok(bytes) => ([(header::CONTENT_TYPE, media_type)], bytes).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}
