//! The gate before an upstream of the test's own, which counts what it is asked and fails as it is told
//! to.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{Method, Request},
    response::Response,
};
use clap::Parser as _;
use lamina_cli::gate::{Args, Gate, serve};
use lamina_image::digest::Digest;
use lamina_testkit::layer;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{Server, breaking, client, database, error_of, get, header, upstream};

#[derive(clap::Parser)]
struct Wrapped {
    #[command(flatten)]
    args: Args,
}

/// A gate with these arguments.
pub(crate) async fn gate(arguments: &[&str]) -> Server {
    // The login of whoever runs the tests is none of the gate's business.
    let args = std::iter::once("gate").chain(arguments.iter().copied());
    let gate = Gate::new(&Wrapped::try_parse_from(args).unwrap().args).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(serve(listener, None, gate, std::future::pending));
    Server::new(address, task)
}

/// An image of two layers, in which Django has a version; `mark` tells two of them apart.
pub(crate) struct Image {
    pub(crate) manifest: Vec<u8>,
    pub(crate) digest: Digest,
    pub(crate) blobs: Vec<Vec<u8>>,
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const TAR: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({
        "mediaType": media_type, "digest": Digest::of(bytes).to_string(), "size": bytes.len(),
    })
}

pub(crate) fn image(django: &str, mark: impl AsRef<[u8]>) -> Image {
    let base = layer()
        .file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
        .tar();
    let app = layer()
        .file(
            "usr/lib/python3/site-packages/Django.dist-info/METADATA",
            format!("Metadata-Version: 2.1\nName: Django\nVersion: {django}\n\n"),
        )
        .file("opt/mark", mark)
        .tar();
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "rootfs": { "type": "layers", "diff_ids": [
            Digest::of(&base).to_string(), Digest::of(&app).to_string(),
        ] },
    })
    .to_string()
    .into_bytes();
    let blobs = vec![
        config,
        lamina_testkit::gzip(&base),
        lamina_testkit::gzip(&app),
    ];
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(CONFIG, &blobs[0]),
        "layers": [descriptor(TAR, &blobs[1]), descriptor(TAR, &blobs[2])],
    })
    .to_string()
    .into_bytes();
    Image {
        digest: Digest::of(&manifest),
        manifest,
        blobs,
    }
}

/// Answers a request before the registry does.
type Hook = Arc<dyn Fn(&Request<Body>) -> Option<Response> + Send + Sync>;

#[derive(Default)]
struct Held {
    blobs: BTreeMap<String, Bytes>,
    /// By `repository/reference`, with the media type.
    manifests: BTreeMap<String, (String, Bytes)>,
    log: Vec<String>,
    hook: Option<Hook>,
    /// Blobs are held back until this is let go.
    stalled: Option<tokio::sync::watch::Receiver<bool>>,
}

/// A registry.
#[derive(Clone, Default)]
pub(crate) struct Registry(Arc<Mutex<Held>>);

impl Registry {
    pub(crate) fn push(&self, name: &str, tag: &str, image: &Image) {
        for blob in &image.blobs {
            self.put_blob(blob);
        }
        self.put(name, tag, MANIFEST, &image.manifest);
    }

    fn put_blob(&self, blob: &[u8]) {
        let mut held = self.0.lock().unwrap();
        let digest = Digest::of(blob).to_string();
        held.blobs.insert(digest, Bytes::copy_from_slice(blob));
    }

    fn put(&self, name: &str, tag: &str, media_type: &str, bytes: &[u8]) {
        let mut held = self.0.lock().unwrap();
        for reference in [tag.to_owned(), Digest::of(bytes).to_string()] {
            let manifest = (media_type.to_owned(), Bytes::copy_from_slice(bytes));
            held.manifests
                .insert(format!("{name}/{reference}"), manifest);
        }
    }

    fn hook(&self, hook: impl Fn(&Request<Body>) -> Option<Response> + Send + Sync + 'static) {
        self.0.lock().unwrap().hook = Some(Arc::new(hook));
    }

    /// Blobs are answered when the sender says so, or is dropped.
    fn stall(&self) -> tokio::sync::watch::Sender<bool> {
        let (sender, receiver) = tokio::sync::watch::channel(false);
        self.0.lock().unwrap().stalled = Some(receiver);
        sender
    }

    /// `GET /v2/…` for each request, in order.
    fn log(&self) -> Vec<String> {
        self.0.lock().unwrap().log.clone()
    }

    pub(crate) fn blob_requests(&self) -> usize {
        let log = self.log();
        log.iter().filter(|line| line.contains("/blobs/")).count()
    }

    pub(crate) async fn serve(&self) -> Server {
        let registry = self.clone();
        upstream(
            axum::Router::new()
                .fallback(move |request: Request<Body>| registry.clone().answer(request)),
        )
        .await
    }

    async fn answer(self, request: Request<Body>) -> Response {
        let path = request.uri().path().to_owned();
        let (hook, stalled) = {
            let mut held = self.0.lock().unwrap();
            held.log.push(format!("{} {path}", request.method()));
            (held.hook.clone(), held.stalled.clone())
        };
        if let Some(answer) = hook.and_then(|hook| hook(&request)) {
            return answer;
        }
        if let Some(mut stalled) = stalled.filter(|_| path.contains("/blobs/")) {
            let _ = stalled.wait_for(|is_over| *is_over).await;
        }
        let held = self.0.lock().unwrap();
        let path = path.strip_prefix("/v2/").unwrap_or_default();
        if path.is_empty() {
            return reply(200, &[], "{}");
        }
        if let Some((name, reference)) = path.split_once("/manifests/")
            && let Some((media_type, bytes)) = held.manifests.get(&format!("{name}/{reference}"))
        {
            let digest = Digest::of(bytes).to_string();
            let headers = [
                ("content-type", media_type.as_str()),
                ("docker-content-digest", digest.as_str()),
            ];
            return reply(200, &headers, bytes.clone());
        }
        if let Some((_, digest)) = path.split_once("/blobs/")
            && let Some(blob) = held.blobs.get(digest)
        {
            return reply(
                200,
                &[("content-type", "application/octet-stream")],
                blob.clone(),
            );
        }
        if path.ends_with("/tags/list") {
            return reply(
                200,
                &[("link", "</v2/x/tags/list?last=1>; rel=\"next\"")],
                "{}",
            );
        }
        reply(
            404,
            &[],
            r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown"}]}"#,
        )
    }
}

fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(body.into()).unwrap()
}

/// A gate before a registry, with a database in which Django is vulnerable below 3.2.1.
struct Place {
    registry: Registry,
    upstream: Server,
    gate: Server,
    folder: tempfile::TempDir,
}

impl Place {
    async fn new(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        database(folder.path(), "db", Some("3.2.1"));
        let registry = Registry::default();
        registry.push("shop", "1.0", &image("3.2", ""));
        registry.push("shop", "1.1", &image("3.2.1", ""));
        let upstream = registry.serve().await;
        let gate = start(&upstream, folder.path(), more).await;
        Self {
            registry,
            upstream,
            gate,
            folder,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.gate.origin())
    }

    async fn manifest(&self, reference: &str) -> reqwest::Response {
        get(&self.url(&format!("/v2/shop/manifests/{reference}"))).await
    }

    async fn status(&self, reference: &str) -> u16 {
        self.manifest(reference).await.status().as_u16()
    }

    /// Waits until a pull has this status.
    async fn becomes(&self, reference: &str, status: u16) {
        for _ in 0..200 {
            if self.status(reference).await == status {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{reference} never has status {status}");
    }

    async fn metric(&self, name: &str) -> u64 {
        let text = get(&self.url("/gate/metrics")).await.text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let value = line.unwrap_or_else(|| panic!("no {name}\n{text}"));
        value.trim().parse::<f64>().unwrap() as u64
    }
}

/// A gate before an upstream, with the database in the folder.
async fn start(upstream: &Server, folder: &Path, more: &[&str]) -> Server {
    let (origin, db) = (upstream.origin(), folder.join("db").display().to_string());
    let words = ["--upstream", &origin, "--db", &db];
    gate(&[&words[..], more].concat()).await
}

fn message_of(text: &str) -> String {
    let body: Value = serde_json::from_str(text).expect(text);
    body["errors"][0]["message"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vulnerable_image_is_refused_as_harbor_refuses_and_a_repaired_one_is_handed_out() {
    let place = Place::new(&[]).await;
    let (bad, good) = (image("3.2", ""), image("3.2.1", ""));

    let response = place.manifest("1.0").await;
    assert_eq!(response.status(), 412);
    let content_type = header(&response, "content-type");
    assert_eq!(content_type, Some("application/json; charset=utf-8"));
    let text = response.text().await.unwrap();
    assert!(text.ends_with("}\n"), "{text:?}");
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["errors"][0]["code"], "PROJECTPOLICYVIOLATION");
    let message = message_of(&text);
    let host = place.upstream.host();
    for part in [
        format!("{host}/shop:1.0"),
        "severity-threshold: 1 finding at or above high".to_owned(),
        "CVE-2099-1 (critical) in Django 3.2, fixed in 3.2.1".to_owned(),
        format!("{}/gate/reports/{}", place.gate.origin(), bad.digest),
    ] {
        assert!(message.contains(&part), "{part:?} in {message:?}");
    }
    let url = place.url("/v2/shop/manifests/1.0");
    let head = client().head(&url).send().await.unwrap();
    assert_eq!(head.status(), 412);
    assert_eq!(head.text().await.unwrap(), "");
    // By its digest, too.
    assert_eq!(place.status(&bad.digest.to_string()).await, 412);

    let response = place.manifest("1.1").await;
    assert_eq!(response.status(), 200);
    let digest = good.digest.to_string();
    for (name, value) in [
        ("content-type", MANIFEST),
        ("docker-content-digest", &digest),
        ("lamina-verdict", "passed"),
    ] {
        assert_eq!(header(&response, name), Some(value), "{name}");
    }
    assert_eq!(response.bytes().await.unwrap(), good.manifest);
    let head = client()
        .head(place.url("/v2/shop/manifests/1.1"))
        .send()
        .await
        .unwrap();
    assert_eq!(head.status(), 200);
    let length = good.manifest.len().to_string();
    assert_eq!(header(&head, "content-length"), Some(length.as_str()));
    // Blobs are not judged.
    for blob in &bad.blobs {
        let url = place.url(&format!("/v2/shop/blobs/{}", Digest::of(blob)));
        assert_eq!(get(&url).await.bytes().await.unwrap(), blob);
    }
    assert_eq!(place.status("missing").await, 404);
    assert_eq!(
        place
            .metric("lamina_gate_scans_total{result=\"report\"}")
            .await,
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_what_was_decided() {
    let place = Place::new(&[]).await;
    let digest = image("3.2", "").digest;
    place.manifest("1.0").await;
    place.manifest("1.1").await;
    let page = get(&place.url("/gate")).await;
    assert_eq!(page.status(), 200);
    let policy = header(&page, "content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    let text = page.text().await.unwrap();
    for part in [
        "✕ refused",
        "✓ let through",
        "CVE-2099-1 (critical)",
        "http-equiv=\"refresh\"",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("<script"));

    let report = get(&place.url(&format!("/gate/reports/{digest}"))).await;
    assert_eq!(report.status(), 200);
    let text = report.text().await.unwrap();
    assert!(
        text.contains("CVE-2099-1") && text.contains("✕ fails"),
        "{text}"
    );
    let report = get(&place.url(&format!("/gate/reports/{digest}.json"))).await;
    let report: Value = serde_json::from_str(&report.text().await.unwrap()).unwrap();
    assert_eq!(report["image"]["digest"], digest.to_string());
    assert_eq!(report["verdict"]["passed"], false);
    for odd in ["x", "sha256:00", "..%2f..%2fetc%2fpasswd"] {
        let url = place.url(&format!("/gate/reports/{odd}"));
        assert_eq!(get(&url).await.status(), 404, "{odd}");
    }
    let events = get(&place.url("/gate/events.json"))
        .await
        .text()
        .await
        .unwrap();
    let events: Value = serde_json::from_str(&events).unwrap();
    assert_eq!(events["events"][0]["allowed"], true);
    assert_eq!(events["events"][1]["outcome"], "failed");
    assert_eq!(
        get(&place.url("/gate/healthz")).await.text().await.unwrap(),
        "ok\n"
    );
    let refused = "lamina_gate_requests_total{kind=\"manifest\",outcome=\"refused\"}";
    assert_eq!(place.metric(refused).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exception_counts_from_when_it_is_written_until_it_expires() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.yaml");
    std::fs::write(&file, "fail-on: high\n").unwrap();
    let place = Place::new(&["--policy", file.to_str().unwrap()]).await;
    assert_eq!(place.status("1.0").await, 412);
    // Half a file changes nothing.
    std::fs::write(&file, "fail-on: [").unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(place.status("1.0").await, 412);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let end = jiff::Timestamp::from_second(i64::try_from(now).unwrap() + 4).unwrap();
    let text = format!(
        "fail-on: high\nexceptions:\n  - id: CVE-2099-1\n    expires: \"{end}\"\n    \
         images: [\"**/shop:1.0\"]\n"
    );
    std::fs::write(&file, text).unwrap();
    place.becomes("1.0", 200).await;
    // It is for that tag, and the digest that was pulled by it.
    assert_eq!(
        place.status(&image("3.2", "").digest.to_string()).await,
        200
    );
    place.becomes("1.0", 412).await;
    assert!(jiff::Timestamp::from_second(i64::try_from(now).unwrap()).unwrap() < end);
    assert_eq!(
        place
            .metric("lamina_gate_scans_total{result=\"report\"}")
            .await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories_are_judged_by_the_first_policy_that_fits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lax.yaml");
    std::fs::write(&file, "name: lax\nfail-on: never\n").unwrap();
    let lax = format!("team/**={}", file.display());
    let place = Place::new(&["--policy", &lax]).await;
    place.registry.push("team/shop", "1.0", &image("3.2", ""));
    assert_eq!(place.status("1.0").await, 412);
    let url = place.url("/v2/team/shop/manifests/1.0");
    assert_eq!(get(&url).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_database_judges_kept_reports_without_a_scan() {
    let place = Place::new(&[]).await;
    assert_eq!(place.status("1.0").await, 412);
    let asked = place.registry.blob_requests();
    database(place.folder.path(), "db", None);
    place.becomes("1.0", 200).await;
    database(place.folder.path(), "db", Some("9"));
    place.becomes("1.0", 412).await;
    // A database that cannot be read leaves the last one in use.
    std::fs::write(place.folder.path().join("db/index.json"), "{").unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(place.status("1.0").await, 412);
    assert_eq!(place.status("1.1").await, 412, "9 is not reached");
    let fresh = image("3.2.1", "").blobs.len();
    assert_eq!(place.registry.blob_requests(), asked + fresh);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_refuses_nothing_and_says_what_it_would() {
    let place = Place::new(&["--dry-run"]).await;
    let response = place.manifest("1.0").await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "lamina-verdict"), Some("failed"));
    let text = get(&place.url("/gate")).await.text().await.unwrap();
    assert!(text.contains("Dry run") && text.contains("! let through"));
    let would = "lamina_gate_requests_total{kind=\"manifest\",outcome=\"would-refuse\"}";
    assert_eq!(place.metric(would).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_pulls_of_an_image_scan_it_once() {
    let place = Place::new(&[]).await;
    let release = place.registry.stall();
    let pulls: Vec<_> = (0..50)
        .map(|_| {
            let url = place.url("/v2/shop/manifests/1.0");
            tokio::spawn(async move { get(&url).await.status().as_u16() })
        })
        .collect();
    for _ in 0..200 {
        if place.metric("lamina_gate_waiting").await == 50 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(place.metric("lamina_gate_waiting").await, 50);
    release.send(true).unwrap();
    for pull in pulls {
        assert_eq!(pull.await.unwrap(), 412);
    }
    assert_eq!(place.registry.blob_requests(), image("3.2", "").blobs.len());
    assert_eq!(
        place
            .metric("lamina_gate_scans_total{result=\"report\"}")
            .await,
        1
    );
    assert_eq!(place.metric("lamina_gate_waiting").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_waits_for_a_scan_only_so_long() {
    for (more, status) in [("refuse", 412), ("allow", 200)] {
        let place = Place::new(&["--wait", "200ms", "--on-timeout", more]).await;
        let release = place.registry.stall();
        let response = place.manifest("1.1").await;
        assert_eq!(response.status(), status, "{more}");
        if status == 412 {
            let message = message_of(&response.text().await.unwrap());
            assert!(message.contains("not scanned within 0.2 s"), "{message}");
        }
        // The scan goes on.
        release.send(true).unwrap();
        place.becomes("1.1", 200).await;
        place.becomes("1.0", 412).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_moves_brings_nothing_unjudged() {
    let place = Place::new(&[]).await;
    let url = place.url("/v2/shop/manifests/latest");
    let (bad, good) = (image("3.2", ""), image("3.2.1", ""));
    place.registry.push("shop", "latest", &good);
    let head = client().head(&url).send().await.unwrap();
    assert_eq!(head.status(), 200);
    let digest = header(&head, "docker-content-digest").unwrap().to_owned();
    place.registry.push("shop", "latest", &bad);
    assert_eq!(get(&url).await.status(), 412);
    let by_digest = place.manifest(&digest).await;
    assert_eq!(by_digest.bytes().await.unwrap(), good.manifest);

    // A registry whose tag moves with every request: what comes is what was judged.
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let manifests = [good.manifest.clone(), bad.manifest.clone()];
    place.registry.hook(move |request| {
        request
            .uri()
            .path()
            .ends_with("/manifests/moving")
            .then(|| {
                let turn = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let manifest = manifests[turn % 2].clone();
                let digest = Digest::of(&manifest).to_string();
                let headers = [
                    ("content-type", MANIFEST),
                    ("docker-content-digest", &*digest),
                ];
                reply(200, &headers, manifest)
            })
    });
    for _ in 0..6 {
        let response = place.manifest("moving").await;
        if response.status() == 200 {
            assert_eq!(response.bytes().await.unwrap(), good.manifest);
        } else {
            assert_eq!(response.status(), 412);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_passes_and_its_images_are_judged() {
    let index = |images: &[&Image]| {
        let entries: Vec<Value> = images
            .iter()
            .zip(["amd64", "arm64"])
            .map(|(image, architecture)| {
                let mut entry = descriptor(MANIFEST, &image.manifest);
                entry["platform"] = json!({ "os": "linux", "architecture": architecture });
                entry
            })
            .collect();
        json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries }).to_string()
    };
    let (bad, worse, good) = (image("3.2", ""), image("3.1", ""), image("3.2.1", ""));
    let (none, some) = (index(&[&bad, &worse]), index(&[&bad, &good]));
    for judged in [false, true] {
        let more: &[&str] = if judged { &["--judge-indexes"] } else { &[] };
        let place = Place::new(more).await;
        place.registry.push("shop", "worse", &worse);
        place.registry.put("shop", "none", INDEX, none.as_bytes());
        place.registry.put("shop", "some", INDEX, some.as_bytes());
        let response = place.manifest("none").await;
        assert_eq!(response.status(), if judged { 412 } else { 200 });
        if judged {
            let message = message_of(&response.text().await.unwrap());
            assert!(message.contains("none of the 2 images"), "{message}");
        }
        let response = place.manifest("some").await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.text().await.unwrap(), some);
        assert_eq!(place.status(&bad.digest.to_string()).await, 412);
        assert_eq!(place.status(&good.digest.to_string()).await, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_runtime_runs_passes_and_what_pretends_to_be_that_does_not() {
    let place = Place::new(&[]).await;
    let check = async |name: &str, manifest: Value, blobs: &[&[u8]], status: u16| {
        for blob in blobs {
            place.registry.put_blob(blob);
        }
        let bytes = manifest.to_string();
        place.registry.put("shop", name, MANIFEST, bytes.as_bytes());
        let response = place.manifest(name).await;
        assert_eq!(response.status(), status, "{name}");
        if status == 200 {
            assert_eq!(
                header(&response, "lamina-verdict"),
                Some("not judged"),
                "{name}"
            );
            assert_eq!(response.text().await.unwrap(), bytes, "{name}");
        }
    };
    let manifest = |config: Value, layers: &[Value]| json!({ "schemaVersion": 2, "config": config, "layers": layers });
    let (config, text) = (b"{}".as_slice(), b"{\"payload\": \"\"}".as_slice());
    let helm = descriptor("application/vnd.cncf.helm.config.v1+json", config);
    let chart = descriptor("application/vnd.cncf.helm.chart.content.v1.tar+gzip", text);
    check("helm", manifest(helm.clone(), &[chart]), &[], 200).await;
    let said = "application/vnd.in-toto+json";
    let image_config = descriptor(CONFIG, config);
    let attestation = manifest(image_config.clone(), &[descriptor(said, text)]);
    check("attestation", attestation, &[config, text], 200).await;
    // The layer of a vulnerable image, called a statement.
    let bad = image("3.2", "");
    let pretence = manifest(image_config, &[descriptor(said, &bad.blobs[2])]);
    check("pretence", pretence, &[config], 412).await;
    let pretence = manifest(helm, &[descriptor(TAR, &bad.blobs[2])]);
    check("chart-of-layers", pretence, &[config], 412).await;
    let twice = String::from_utf8(image("3.2.1", "").manifest).unwrap();
    let twice = twice.replacen("\"layers\"", "\"Layers\":[],\"layers\"", 1);
    place
        .registry
        .put("shop", "twice", MANIFEST, twice.as_bytes());
    let response = place.manifest("twice").await;
    let message = message_of(&response.text().await.unwrap());
    assert!(message.contains("can be misread"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_gets_its_token_from_the_upstreams_realm_and_nobody_else_sees_it() {
    let place = Place::new(&["--follow-redirects"]).await;
    let store = Registry::default();
    for image in [image("3.2", ""), image("3.2.1", "")] {
        store.push("store", "x", &image);
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    store.hook(move |request| {
        let authorization = request.headers().get("authorization").cloned();
        noted.lock().unwrap().push(authorization);
        None
    });
    let elsewhere = store.serve().await;
    let challenge = "Bearer realm=\"https://auth.example/token\",service=\"r\",\
                     scope=\"repository:shop:pull\"";
    let to = elsewhere.origin();
    place.registry.hook(move |request| {
        let authorization = request.headers().get("authorization");
        if authorization.is_none_or(|value| value != "Bearer good") {
            return Some(reply(401, &[("www-authenticate", challenge)], "{}"));
        }
        let path = request.uri().path();
        let (_, digest) = path.split_once("/blobs/")?;
        let location = format!("{to}/v2/store/blobs/{digest}");
        Some(reply(307, &[("location", &location)], ""))
    });
    for path in ["/v2/", "/v2/shop/manifests/1.1"] {
        let response = get(&place.url(path)).await;
        assert_eq!(response.status(), 401, "{path}");
        assert_eq!(header(&response, "www-authenticate"), Some(challenge));
    }
    let pull = async |path: &str, token: &str| {
        let request = client().get(place.url(path)).bearer_auth(token);
        request.send().await.unwrap()
    };
    assert_eq!(pull("/v2/shop/manifests/1.1", "bad").await.status(), 401);
    assert_eq!(pull("/v2/shop/manifests/1.1", "good").await.status(), 200);
    assert_eq!(pull("/v2/shop/manifests/1.0", "good").await.status(), 412);
    // What is kept is handed out to those only whom the registry lets in.
    assert_eq!(pull("/v2/shop/manifests/1.1", "bad").await.status(), 401);
    assert_eq!(
        place.status(&image("3.2.1", "").digest.to_string()).await,
        401
    );
    let blob = image("3.2.1", "").blobs[1].clone();
    let path = format!("/v2/shop/blobs/{}", Digest::of(&blob));
    assert_eq!(pull(&path, "good").await.bytes().await.unwrap(), blob);
    let seen = seen.lock().unwrap();
    assert!(
        seen.len() >= 7 && seen.iter().all(Option::is_none),
        "{seen:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_are_streamed_in_ranges_and_redirects_to_others_are_the_clients() {
    let place = Place::new(&[]).await;
    let digest = Digest::of(b"x").to_string();
    place.registry.hook(|request| {
        let range = request.headers().get("range")?;
        let range = range.to_str().unwrap();
        match range {
            "bytes=0-" => Some(reply(
                307,
                &[("location", "https://cdn.example/x?signature=s")],
                "",
            )),
            "bytes=1-" => Some(reply(307, &[("location", "/moved")], "")),
            range if request.uri().path() == "/moved" => {
                assert_eq!(range, "bytes=1-");
                None
            }
            _ => Some(reply(206, &[("content-range", "bytes 2-3/9")], "cd")),
        }
    });
    let ask = async |range: &str| {
        let url = place.url(&format!("/v2/shop/blobs/{digest}"));
        client()
            .get(url)
            .header("range", range)
            .send()
            .await
            .unwrap()
    };
    let part = ask("bytes=2-3").await;
    assert_eq!(part.status(), 206);
    assert_eq!(header(&part, "content-range"), Some("bytes 2-3/9"));
    assert_eq!(part.text().await.unwrap(), "cd");
    let elsewhere = ask("bytes=0-").await;
    assert_eq!(elsewhere.status(), 307);
    let location = header(&elsewhere, "location");
    assert_eq!(location, Some("https://cdn.example/x?signature=s"));
    // A redirect within the upstream is the gate's own business.
    assert_ne!(ask("bytes=1-").await.status(), 307);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_fails_is_reported_and_never_lets_an_image_through() {
    let place = Place::new(&["--upstream-timeout", "400ms"]).await;
    let good = image("3.2.1", "");
    let (whole, other) = (good.manifest.clone(), image("3.2", "").manifest);
    let told = good.digest.to_string();
    place.registry.hook(move |request| {
        let (_, reference) = request.uri().path().split_once("/manifests/")?;
        let typed = [
            ("content-type", MANIFEST),
            ("docker-content-digest", told.as_str()),
        ];
        match reference {
            "error" => Some(reply(500, &[], "{}")),
            "busy" => Some(reply(429, &[("retry-after", "7")], "{}")),
            "liar" => Some(reply(200, &typed, other.clone())),
            "broken" => Some(Response::new(breaking(&Bytes::from(whole.clone())))),
            "html" => Some(reply(200, &[("content-type", "text/html")], "<html>")),
            "huge" => Some(reply(200, &typed[..1], vec![b' '; 5 << 20])),
            "silent" => Some(Response::new(Body::from_stream(
                futures_util::stream::pending::<Result<Bytes, std::io::Error>>(),
            ))),
            _ => None,
        }
    });
    for (reference, expect) in [
        ("error", 500),
        ("busy", 429),
        ("liar", 502),
        ("broken", 502),
        ("html", 412),
        ("huge", 502),
        ("silent", 502),
    ] {
        let response = place.manifest(reference).await;
        assert_eq!(response.status(), expect, "{reference}");
        if reference == "busy" {
            assert_eq!(header(&response, "retry-after"), Some("7"));
        }
    }
    assert_eq!(place.status("1.1").await, 200);
    {
        let _never = place.registry.stall();
        let url = place.url(&format!("/v2/shop/blobs/{}", Digest::of(&good.blobs[1])));
        assert_eq!(get(&url).await.status(), 504, "it does not begin to answer");
    }
    // Asked for by a digest, something else comes.
    let (digest, other) = (Digest::of(b"{}").to_string(), good.manifest.clone());
    place.registry.hook(move |request| {
        request
            .uri()
            .path()
            .ends_with(&digest)
            .then(|| reply(200, &[("content-type", MANIFEST)], other.clone()))
    });
    let (status, code, _) = error_of(place.manifest(&Digest::of(b"{}").to_string()).await).await;
    assert_eq!((status, code.as_str()), (502, "DIGEST_INVALID"));
    drop(place.upstream);
    let gone = get(&format!("{}/v2/shop/manifests/1.1", place.gate.origin())).await;
    assert_eq!(gone.status(), 502);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_read_is_refused_unless_the_operator_lets_it() {
    // The registry sends another layer than the manifest names; then no config.
    let place = Place::new(&[]).await;
    let good = image("3.2.1", "");
    let (layer, other) = (
        Digest::of(&good.blobs[2]).to_string(),
        good.blobs[1].clone(),
    );
    place.registry.hook(move |request| {
        let is_it = request.uri().path().ends_with(&layer);
        is_it.then(|| reply(200, &[], other.clone()))
    });
    let response = place.manifest("1.1").await;
    assert_eq!(response.status(), 412);
    let message = message_of(&response.text().await.unwrap());
    assert!(message.contains("unread-layer"), "{message}");

    for (choice, status) in [("refuse", 412), ("allow", 200)] {
        let place = Place::new(&["--on-error", choice]).await;
        let config = Digest::of(&good.blobs[0]).to_string();
        place.registry.hook(move |request| {
            let is_it = request.uri().path().ends_with(&config);
            is_it.then(|| reply(404, &[], "{}"))
        });
        assert_eq!(place.status("1.1").await, status, "{choice}");
        // What was a passing fault is forgotten.
        place.registry.hook(|_| None);
        let response = place.manifest("1.1").await;
        assert_eq!(header(&response, "lamina-verdict"), Some("passed"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_scans_nothing_again_also_when_it_comes_in_the_middle() {
    let state = tempfile::tempdir().unwrap();
    let words = ["--state", state.path().to_str().unwrap()];
    let place = Place::new(&words).await;
    assert_eq!(place.status("1.0").await, 412);
    let asked = place.registry.blob_requests();
    // In the middle of a scan.
    let release = place.registry.stall();
    let url = place.url("/v2/shop/manifests/1.1");
    let pull = tokio::spawn(async move { client().get(&url).send().await });
    while place.registry.blob_requests() == asked {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    pull.abort();
    let Place {
        registry,
        upstream,
        folder,
        gate,
    } = place;
    drop(gate);
    release.send(true).unwrap();
    let gate = start(&upstream, folder.path(), &words).await;
    let place = Place {
        registry,
        upstream,
        folder,
        gate,
    };
    assert_eq!(place.status("1.0").await, 412);
    let report = place.url(&format!("/gate/reports/{}", image("3.2", "").digest));
    assert_eq!(get(&report).await.status(), 200);
    // The other image's may still be: the scan of the gate that is gone runs on in this process.
    let layer = Digest::of(&image("3.2", "").blobs[2]).to_string();
    let log = place.registry.log();
    let asked = log.iter().filter(|line| line.contains(&layer)).count();
    assert_eq!(asked, 1, "nothing is read again");
    assert_eq!(
        place
            .metric("lamina_gate_kept_reports_used_total{from=\"folder\"}")
            .await,
        1
    );
    assert_eq!(place.status("1.1").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_changes_no_verdict() {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("reports");
    let place = Place::new(&["--state", folder.to_str().unwrap()]).await;
    std::fs::remove_dir(&folder).unwrap();
    std::fs::write(&folder, "in the way").unwrap();
    for _ in 0..2 {
        assert_eq!(place.status("1.0").await, 412);
        assert_eq!(place.status("1.1").await, 200);
    }
    assert_eq!(place.metric("lamina_gate_state_errors_total").await, 2);
    assert_eq!(
        place
            .metric("lamina_gate_scans_total{result=\"report\"}")
            .await,
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_pushed_and_only_the_distribution_api_is_passed_on() {
    let place = Place::new(&[]).await;
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let url = place.url("/v2/shop/blobs/uploads/");
        let response = client().request(method.clone(), url).send().await.unwrap();
        let (status, code, _) = error_of(response).await;
        assert_eq!((status, code.as_str()), (405, "UNSUPPORTED"), "{method}");
    }
    let log = place.registry.log().len();
    for path in [
        "/v2/_catalog",
        "/v2/shop/manifests/a%2fb",
        "/v1/search",
        "/v2/SHOP/tags/list",
    ] {
        assert_eq!(get(&place.url(path)).await.status(), 404, "{path}");
    }
    assert_eq!(
        place.registry.log().len(),
        log,
        "the upstream hears of none of it"
    );
    let tags = get(&place.url("/v2/shop/tags/list")).await;
    assert_eq!(tags.status(), 200);
    assert_eq!(
        get(&place.url("/v2/?ns=elsewhere.example")).await.status(),
        200
    );
    let other = get(&place.url("/v2/shop/manifests/1.1?ns=elsewhere.example")).await;
    assert_eq!(error_of(other).await.1, "NAME_UNKNOWN");
    let host = place.upstream.host();
    let own = get(&place.url(&format!("/v2/shop/manifests/1.1?ns={host}"))).await;
    assert_eq!(own.status(), 200);
}

fn review(images: &[&str]) -> String {
    let containers: Vec<Value> = images
        .iter()
        .map(|image| json!({ "image": image }))
        .collect();
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "operation": "CREATE",
            "object": {
                "kind": "Deployment",
                "spec": { "template": { "spec": { "containers": containers } } },
            },
        },
    })
    .to_string()
}

async fn admit(url: &str, images: &[&str]) -> Value {
    let request = client().post(url).body(review(images));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let text = response.text().await.unwrap();
    let review: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(review["kind"], "AdmissionReview");
    let response = &review["response"];
    assert_eq!(response["uid"], "705ab4f5-6393-11e8-b7cc-42010a800002");
    response.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn kubernetes_is_told_which_images_may_run() {
    let place = Place::new(&[]).await;
    let host = place.upstream.host();
    let url = place.url("/gate/admission?timeout=10s");
    let (good, bad) = (format!("{host}/shop:1.1"), format!("{host}/shop:1.0"));
    let answer = admit(&url, &[&good]).await;
    assert_eq!(answer["allowed"], true, "{answer}");
    let by_digest = format!("{host}/shop@{}", image("3.2.1", "").digest);
    assert_eq!(admit(&url, &[&by_digest]).await["allowed"], true);
    let answer = admit(&url, &[&good, &bad]).await;
    assert_eq!(answer["allowed"], false);
    assert_eq!(answer["status"]["code"], 403);
    let message = answer["status"]["message"].as_str().unwrap();
    assert!(
        message.contains("shop:1.0") && message.contains("CVE-2099-1"),
        "{message}"
    );
    assert!(!message.contains("shop:1.1"), "{message}");
    for odd in [
        "elsewhere.example/a:1",
        "NOT A NAME",
        &format!("{host}/missing:1"),
    ] {
        let answer = admit(&url, &[odd]).await;
        assert_eq!(answer["allowed"], false, "{odd}");
    }
    assert_eq!(admit(&url, &[]).await["allowed"], true);
    let bad_request = client().post(&url).body("{}").send().await.unwrap();
    assert_eq!(bad_request.status(), 400);

    // An index: the image for the cluster's platform counts.
    let index = |first: &str, second: &str| {
        let entry = |image: &Image, architecture: &str| {
            let mut entry = descriptor(MANIFEST, &image.manifest);
            entry["platform"] = json!({ "os": "linux", "architecture": architecture });
            entry
        };
        json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [
            entry(&image(first, ""), "amd64"), entry(&image(second, ""), "arm64"),
        ] })
        .to_string()
    };
    let put = |tag: &str, text: String| place.registry.put("shop", tag, INDEX, text.as_bytes());
    put("good", index("3.2.1", "3.2"));
    put("bad", index("3.2", "3.2.1"));
    assert_eq!(
        admit(&url, &[&format!("{host}/shop:good")]).await["allowed"],
        true
    );
    assert_eq!(
        admit(&url, &[&format!("{host}/shop:bad")]).await["allowed"],
        false
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn admission_answers_in_time_and_warns_in_a_dry_run() {
    let place = Place::new(&[]).await;
    let image = format!("{}/shop:1.1", place.upstream.host());
    let release = place.registry.stall();
    let started = std::time::Instant::now();
    let answer = admit(&place.url("/gate/admission?timeout=1s"), &[&image]).await;
    // The scan would never end. How much before its time it answers, a unit test says.
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(answer["allowed"], false);
    let message = answer["status"]["message"].as_str().unwrap();
    assert!(message.contains("within 0.7 s"), "{message}");
    release.send(true).unwrap();

    let place = Place::new(&["--dry-run"]).await;
    let image = format!("{}/shop:1.0", place.upstream.host());
    let answer = admit(&place.url("/gate/admission"), &[&image]).await;
    assert_eq!(answer["allowed"], true);
    let warning = answer["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("would be refused: "), "{warning}");
    assert!(warning.chars().count() <= 256);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_does_not_know_what_to_refuse_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    database(folder.path(), "db", None);
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(folder.path().join("bad.yaml"), "fail-on: sometimes").unwrap();
    let (db, bad, missing) = (path("db"), path("bad.yaml"), path("missing"));
    let upstream = ["--upstream", "http://localhost:1"];
    let check = |more: &[&str]| {
        let words = ["gate"].iter().chain(&upstream).chain(more).copied();
        let args = Wrapped::try_parse_from(words).unwrap().args;
        assert!(Gate::new(&args).is_err(), "{more:?}");
    };
    check(&["--db", &missing]);
    check(&["--db", &db, "--policy", &bad]);
    check(&["--db", &db, "--policy", &missing]);
    check(&["--db", &db, "--state", &bad]);
    check(&["--db", &db, "--tls-cert", &missing, "--tls-key", &missing]);
    check(&["--db", &db, "--tls-cert", &bad, "--tls-key", &bad]);
    assert!(Wrapped::try_parse_from(["gate"]).is_err(), "no upstream");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gate_speaks_tls() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (chain, key) = (path("tls.crt"), path("tls.key"));
    let made = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args([
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=CA:FALSE",
        ])
        .args(["-keyout", &key, "-out", &chain])
        .output();
    let Ok(made) = made else {
        eprintln!("skipped: openssl is not installed");
        return;
    };
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let place = Place::new(&["--tls-cert", &chain, "--tls-key", &key]).await;
    let certificate = std::fs::read(&chain).unwrap();
    let certificate = reqwest::Certificate::from_pem(&certificate).unwrap();
    let _ = client();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([certificate])
        .build()
        .unwrap();
    let origin = format!("https://localhost:{}", place.gate.address.port());
    let pull = async |tag: &str| {
        let url = format!("{origin}/v2/shop/manifests/{tag}");
        client.get(url).send().await.unwrap()
    };
    assert_eq!(pull("1.1").await.status(), 200);
    let refused = pull("1.0").await;
    assert_eq!(refused.status(), 412);
    let message = message_of(&refused.text().await.unwrap());
    assert!(
        message.contains(&format!("{origin}/gate/reports/")),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gates_own_login_scans_and_is_lent_to_nobody() {
    let place = Place::new(&["--username", "user", "--password", "pass"]).await;
    place.registry.hook(|request| {
        let is_blob = request.uri().path().contains("/blobs/");
        let authorization = request.headers().get("authorization");
        // user:pass
        let is_gate = authorization.is_some_and(|value| value == "Basic dXNlcjpwYXNz");
        (is_blob && !is_gate)
            .then(|| reply(401, &[("www-authenticate", "Basic realm=\"r\"")], "{}"))
    });
    assert_eq!(place.status("1.1").await, 200);
    assert_eq!(place.status("1.0").await, 412);
    let blob = Digest::of(&image("3.2.1", "").blobs[1]);
    let blob = get(&place.url(&format!("/v2/shop/blobs/{blob}"))).await;
    assert_eq!(blob.status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_may_be_elsewhere_than_the_registry() {
    let folder = tempfile::tempdir().unwrap();
    database(folder.path(), "db", Some("3.2.1"));
    let registry = Registry::default();
    registry.push("shop", "1.0", &image("3.2", ""));
    let upstream = registry.serve().await;
    let db = folder.path().join("db").display().to_string();
    let origin = upstream.origin();
    let words = ["gate", "--upstream", &origin, "--db", &db];
    let more = ["--public-url", "https://gate.example/"];
    let args = Wrapped::try_parse_from(words.iter().chain(&more)).unwrap();
    let gate = Gate::new(&args.args).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let pages = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (here, there) = (listener.local_addr().unwrap(), pages.local_addr().unwrap());
    let task = tokio::spawn(serve(listener, Some(pages), gate, std::future::pending));
    let _server = Server::new(here, task);
    let refused = get(&format!("http://{here}/v2/shop/manifests/1.0")).await;
    let message = message_of(&refused.text().await.unwrap());
    let digest = image("3.2", "").digest;
    let link = format!("https://gate.example/gate/reports/{digest}");
    assert!(message.contains(&link), "{message}");
    for path in [
        "/gate",
        "/gate/metrics",
        "/gate/events.json",
        &format!("/gate/reports/{digest}"),
    ] {
        let status = |address| async move {
            get(&format!("http://{address}{path}"))
                .await
                .status()
                .as_u16()
        };
        assert_eq!(
            (status(here).await, status(there).await),
            (404, 200),
            "{path}"
        );
    }
    let missing = get(&format!("http://{there}/v2/shop/manifests/1.0")).await;
    assert_eq!(missing.status(), 404);
}
