//! Servers for tests, each on a port of its own, gone with the test.

use std::{net::SocketAddr, path::Path, process::Command, time::Duration};

use axum::{Router, body::Body, http::Request, response::Response};
use clap::Parser as _;
use lamina_cli::serve::{Args, Site, serve};
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};

/// A server that ends when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// A server that a task serves at an address.
    pub(crate) fn new(address: SocketAddr, task: JoinHandle<()>) -> Self {
        Self { address, task }
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }
}

#[derive(clap::Parser)]
struct Wrapped {
    #[command(flatten)]
    args: Args,
}

/// Arguments of `lamina serve`.
pub(crate) fn args(args: &[&str]) -> Args {
    let args = std::iter::once("serve").chain(args.iter().copied());
    Wrapped::try_parse_from(args).unwrap().args
}

/// `lamina serve` with these arguments.
pub(crate) async fn lamina(arguments: &[&str]) -> Server {
    start(Site::new(&args(arguments)).unwrap()).await
}

/// `lamina serve` of this site.
pub(crate) async fn start(site: Site) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(serve(listener, site, std::future::pending()));
    Server { address, task }
}

/// A server of the test's own.
pub(crate) async fn upstream(router: Router) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        axum::serve(listener, router).await.unwrap();
    });
    Server { address, task }
}

/// An upstream that answers every request by `answer`.
pub(crate) async fn answering<F>(answer: F) -> Server
where
    F: Fn(&Request<Body>) -> Response + Clone + Send + Sync + 'static,
{
    upstream(Router::new().fallback(move |request: Request<Body>| {
        let response = answer(&request);
        async move { response }
    }))
    .await
}

/// A client that follows no redirects.
pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .build()
        .unwrap()
}

pub(crate) async fn get(url: &str) -> reqwest::Response {
    client().get(url).send().await.unwrap()
}

/// Status and the relay's error code.
pub(crate) async fn error_of(response: reqwest::Response) -> (u16, String, String) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let body: serde_json::Value = serde_json::from_str(&text).expect(&text);
    let error = &body["errors"][0];
    (
        status,
        error["code"].as_str().unwrap().to_owned(),
        error["message"].as_str().unwrap().to_owned(),
    )
}

pub(crate) fn header<'a>(response: &'a reqwest::Response, name: &str) -> Option<&'a str> {
    response
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap())
}

/// Waits until `is_so`, at most ten seconds.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..1000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

/// A body that sends these bytes, and then breaks off.
pub(crate) fn breaking(bytes: &axum::body::Bytes) -> Body {
    use futures_util::stream::{self, StreamExt as _};
    let chunks: Vec<Result<_, std::io::Error>> = bytes
        .chunks(16 * 1024)
        .map(|chunk| Ok(axum::body::Bytes::copy_from_slice(chunk)))
        .collect();
    // What was sent has to reach the other side before the connection is cut.
    let end = stream::once(async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Err(std::io::Error::other("gone"))
    });
    Body::from_stream(stream::iter(chunks).chain(end))
}

/// Builds a database in `folder`: Django is vulnerable in it below `fixed`, or nothing is.
pub(crate) fn database(folder: &Path, name: &str, fixed: Option<&str>) {
    let feed = folder.join("feeds/osv/PyPI");
    std::fs::create_dir_all(&feed).unwrap();
    let package = if fixed.is_some() {
        "django"
    } else {
        "no-such-package"
    };
    let record = json!({
        "id": "PYSEC-2099-1", "aliases": ["CVE-2099-1"], "modified": "2026-11-01T00:00:00Z",
        "affected": [{
            "package": { "ecosystem": "PyPI", "name": package },
            "ranges": [{
                "type": "ECOSYSTEM",
                "events": [{ "introduced": "0" }, { "fixed": fixed.unwrap_or("1") }],
            }],
        }],
        "severity": [{
            "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        }],
    });
    std::fs::write(feed.join("PYSEC-2099-1.json"), record.to_string()).unwrap();
    let words = ["db", "build", "--from", "feeds", "--out", name];
    let built = Command::new(env!("CARGO_BIN_EXE_lamina"))
        .args(words)
        .args(["--built-at", "2026-11-02T00:00:00Z"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
}
