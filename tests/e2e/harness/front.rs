//! A front that wants Bearer tokens, as Docker Hub and most registries do, before a real registry.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use base64::Engine as _;

/// The running front.
#[derive(Debug)]
pub(crate) struct TokenFront {
    pub(crate) port: u16,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    port: u16,
    upstream: String,
    login: Option<(String, String)>,
    seen: Mutex<Vec<String>>,
    client: reqwest::Client,
}

const TOKEN: &str = "a-token-of-the-test-front";

impl TokenFront {
    /// Stands before the registry on `upstream`. With a login, only it gets tokens.
    pub(crate) async fn start(upstream: u16, login: Option<(&str, &str)>) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            port,
            upstream: format!("http://127.0.0.1:{upstream}"),
            login: login.map(|(user, password)| (user.to_owned(), password.to_owned())),
            seen: Mutex::default(),
            client: reqwest::Client::new(),
        });
        let app = Router::new()
            .route("/token", get(token))
            .fallback(forward)
            .with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { port, shared, task }
    }

    /// `localhost:<port>`.
    pub(crate) fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// What was asked, as `GET /token scope=… 200`.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.shared.seen.lock().unwrap().clone()
    }
}

impl Drop for TokenFront {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn token(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let sent = request
        .headers()
        .get(header::AUTHORIZATION)
        .map(|value| value.to_str().unwrap().to_owned());
    let is_allowed = match (&shared.login, sent) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some((user, password)), Some(sent)) => {
            let pair =
                base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
            sent == format!("Basic {pair}")
        }
    };
    let is_scoped = query.contains("scope=repository") && query.contains("pull");
    let status = if is_allowed && is_scoped {
        StatusCode::OK
    } else {
        StatusCode::UNAUTHORIZED
    };
    shared
        .seen
        .lock()
        .unwrap()
        .push(format!("GET /token {}", status.as_u16()));
    if status == StatusCode::OK {
        let body = format!(r#"{{"token":"{TOKEN}","expires_in":300}}"#);
        ([(header::CONTENT_TYPE, "application/json")], body).into_response()
    } else {
        (
            status,
            r#"{"errors":[{"code":"UNAUTHORIZED","message":"no token without a login"}]}"#,
        )
            .into_response()
    }
}

async fn forward(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let path = request.uri().path_and_query().unwrap().to_string();
    let sent = request
        .headers()
        .get(header::AUTHORIZATION)
        .map(|value| value.to_str().unwrap().to_owned());
    let answer = if sent == Some(format!("Bearer {TOKEN}")) {
        let mut upstream = shared.client.request(
            request.method().clone(),
            format!("{}{path}", shared.upstream),
        );
        for name in [header::ACCEPT, header::RANGE] {
            for value in request.headers().get_all(&name) {
                upstream = upstream.header(&name, value);
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
    } else {
        let name = path.trim_start_matches("/v2/");
        let name = ["/manifests/", "/blobs/", "/tags/"]
            .iter()
            .find_map(|part| name.split_once(part).map(|(name, _)| name));
        let scope = name.map_or(String::new(), |name| {
            format!(",scope=\"repository:{name}:pull\"")
        });
        let challenge = format!(
            "Bearer realm=\"http://localhost:{}/token\",service=\"lamina-tests\"{scope}",
            shared.port
        );
        (
            StatusCode::UNAUTHORIZED,
            [(header::WWW_AUTHENTICATE, challenge)],
            r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#,
        )
            .into_response()
    };
    shared.seen.lock().unwrap().push(format!(
        "{} {path} {}",
        request.method(),
        answer.status().as_u16()
    ));
    answer
}
