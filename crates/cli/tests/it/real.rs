//! A real registry (Debian's `docker-registry`): open, behind Basic, and behind a token server; asked
//! directly and through the relay.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, Request, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use lamina_cli::transport::Transport;
use lamina_image::digest::{Digest, Hasher};
use lamina_registry::{Credentials, ErrorKind, Options, PullError, Session};

use crate::support::{Server, client, lamina, until, upstream};

/// A registry process.
pub(crate) struct Registry {
    child: Child,
    pub(crate) host: String,
    _folder: tempfile::TempDir,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) const REPOSITORY: &str = "fixtures/alpine-poly";

fn is_installed(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !found {
        eprintln!("skipped: {program} is not installed");
    }
    found
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Starts a registry with an image in it; with `login`, behind Basic as `user` and `pass`.
pub(crate) async fn registry(login: bool) -> Option<Registry> {
    let image = lamina_testkit::shared("fixtures/images/built/alpine-poly.oci.tar")?;
    let registry = empty_registry(login).await?;
    push(&image, &format!("{}/{REPOSITORY}:1", registry.host));
    Some(registry)
}

/// The same without an image.
pub(crate) async fn empty_registry(login: bool) -> Option<Registry> {
    let tools = ["docker-registry", "skopeo", "htpasswd"];
    if !tools.into_iter().all(is_installed) {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let host = format!("127.0.0.1:{port}");
    let auth = if login {
        let file = folder.path().join("htpasswd");
        let line = Command::new("htpasswd")
            .args(["-nbB", "user", "pass"])
            .output()
            .unwrap();
        std::fs::write(&file, line.stdout).unwrap();
        format!(
            "auth:\n  htpasswd:\n    realm: Registry, Realm\n    path: {}\n",
            file.display()
        )
    } else {
        String::new()
    };
    let config = folder.path().join("config.yml");
    let data = folder.path().join("data");
    std::fs::write(
        &config,
        format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\n\
             http:\n  addr: {host}\n{auth}",
            data.display()
        ),
    )
    .unwrap();
    let child = Command::new("docker-registry")
        .args(["serve", config.to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let registry = Registry {
        child,
        host: host.clone(),
        _folder: folder,
    };
    until("the registry listens", || {
        std::net::TcpStream::connect(&host).is_ok()
    })
    .await;
    Some(registry)
}

/// Pushes an OCI archive.
pub(crate) fn push(image: &Path, name: &str) {
    let output = Command::new("skopeo")
        .args(["copy", "--quiet", "--insecure-policy", "--all"])
        .args(["--dest-tls-verify=false", "--dest-creds", "user:pass"])
        .arg(format!("oci-archive:{}", image.display()))
        .arg(format!("docker://{name}"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A token server and a guard before a registry.
#[derive(Clone)]
struct Guard {
    registry: String,
    client: reqwest::Client,
}

const TOKEN: &str = "header.payload.signature";

pub(crate) async fn guard(registry: &Registry) -> Server {
    let guard = Guard {
        registry: registry.host.clone(),
        client: client(),
    };
    let router = Router::new()
        .route("/auth/token", get(token))
        .fallback(guarded)
        .with_state(guard);
    upstream(router).await
}

/// Gives a token for the right scope to `user`, and to nobody else.
async fn token(request: Request<Body>) -> Response {
    let url = reqwest::Url::parse(&format!("http://registry{}", request.uri())).unwrap();
    let values = |name: &str| -> Vec<String> {
        let pairs = url.query_pairs().filter(|(key, _)| key == name);
        pairs.map(|(_, value)| value.into_owned()).collect()
    };
    let is_asked_well = values("service") == ["test registry"]
        && values("scope") == [format!("repository:{REPOSITORY}:pull")];
    let authorization = request.headers().get(header::AUTHORIZATION);
    // user:pass
    let is_user = authorization.is_some_and(|value| value == "Basic dXNlcjpwYXNz");
    if is_asked_well && is_user {
        format!("{{\"token\":\"{TOKEN}\",\"expires_in\":300}}").into_response()
    } else {
        StatusCode::UNAUTHORIZED.into_response()
    }
}

async fn guarded(
    State(guard): State<Guard>,
    headers: HeaderMap,
    request: Request<Body>,
) -> Response {
    let authorization = headers.get(header::AUTHORIZATION);
    if authorization.is_none_or(|value| value != &format!("Bearer {TOKEN}")) {
        let host = headers[header::HOST].to_str().unwrap();
        let challenge = format!(
            "Bearer realm=\"http://{host}/auth/token\",service=\"test registry\",\
             scope=\"repository:{REPOSITORY}:pull\""
        );
        return (
            StatusCode::UNAUTHORIZED,
            [(header::WWW_AUTHENTICATE, challenge)],
        )
            .into_response();
    }
    let mut headers = headers;
    headers.remove(header::AUTHORIZATION);
    headers.remove(header::HOST);
    let url = format!("http://{}{}", guard.registry, request.uri());
    let response = guard
        .client
        .request(request.method().clone(), url)
        .headers(headers)
        .send()
        .await
        .unwrap();
    let mut builder = Response::builder().status(response.status());
    for (name, value) in response.headers() {
        builder = builder.header(name, value);
    }
    builder
        .body(Body::from_stream(response.bytes_stream()))
        .unwrap()
}

fn session(host: &str, password: Option<&str>) -> Session {
    let credentials = password.map(|password| Credentials::Password {
        username: "user".to_owned(),
        password: password.to_owned(),
    });
    Session::open(host, credentials, &Options::default()).unwrap()
}

/// Pulls the whole image and verifies every digest; answers the number of layers.
async fn pull(transport: &Transport, session: &Session) -> Result<usize, PullError> {
    let root = transport.resolve(session, REPOSITORY, "1").await?;
    let value: serde_json::Value = serde_json::from_slice(&root.body).unwrap();
    let manifest = match value["manifests"][0]["digest"].as_str() {
        Some(digest) => {
            let resolved = transport.resolve(session, REPOSITORY, digest).await?;
            serde_json::from_slice(&resolved.body).unwrap()
        }
        None => value,
    };
    let digest = |value: &serde_json::Value| -> Digest {
        value["digest"].as_str().unwrap().parse().unwrap()
    };
    let config = digest(&manifest["config"]);
    transport.fetch_config(session, REPOSITORY, &config).await?;
    let layers = manifest["layers"].as_array().unwrap();
    for layer in layers {
        let expected = digest(layer);
        let hasher = std::sync::Mutex::new(Hasher::new(expected.algorithm()));
        let size = layer["size"].as_u64().unwrap();
        let sink = |chunk: axum::body::Bytes| {
            hasher.lock().unwrap().update(&chunk);
            std::future::ready(Ok::<(), std::convert::Infallible>(()))
        };
        let received = transport
            .stream_blob(session, REPOSITORY, &expected, Some(size), sink)
            .await
            .unwrap();
        assert_eq!(received, size);
        assert_eq!(hasher.into_inner().unwrap().finish(), expected);
    }
    Ok(layers.len())
}

/// Everything that one may ask a registry, directly and through the relay.
async fn check(host: &str, needs_login: bool) {
    let lamina = lamina(&["--allow-registry", host]).await;
    let direct = Transport::new().unwrap();
    for transport in [direct.clone(), direct.through(&lamina.origin())] {
        let session = session(host, needs_login.then_some("pass"));
        assert!(!transport.ping(&session).await.unwrap().needs_login);
        assert!(pull(&transport, &session).await.unwrap() > 0);
        let tags = transport.tags(&session, REPOSITORY).await.unwrap();
        assert_eq!(tags.tags, ["1"]);
        let error = transport
            .resolve(&session, REPOSITORY, "missing")
            .await
            .unwrap_err();
        assert!(
            matches!(*error.kind, ErrorKind::NoSuchTag { .. }),
            "{error}"
        );
        let nothing = Digest::of(b"no such blob");
        let error = transport
            .fetch_config(&session, REPOSITORY, &nothing)
            .await
            .unwrap_err();
        assert!(
            matches!(*error.kind, ErrorKind::NoSuchBlob { .. }),
            "{error}"
        );
        if needs_login {
            let nobody = self::session(host, None);
            let error = pull(&transport, &nobody).await.unwrap_err();
            assert!(
                matches!(*error.kind, ErrorKind::LoginNeeded { .. }),
                "{error}"
            );
            let wrong = self::session(host, Some("wrong"));
            let error = pull(&transport, &wrong).await.unwrap_err();
            assert!(
                matches!(*error.kind, ErrorKind::LoginRefused { .. }),
                "{error}"
            );
        } else {
            let error = transport
                .resolve(&session, "no/such", "1")
                .await
                .unwrap_err();
            assert!(
                matches!(
                    *error.kind,
                    ErrorKind::NoSuchTag { .. } | ErrorKind::NoSuchRepository { .. }
                ),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn an_open_registry_is_pulled_from() {
    let Some(registry) = registry(false).await else {
        return;
    };
    check(&registry.host, false).await;
}

#[tokio::test]
async fn a_registry_behind_basic_is_pulled_from() {
    let Some(registry) = registry(true).await else {
        return;
    };
    check(&registry.host, true).await;
}

#[tokio::test]
async fn a_registry_behind_a_token_server_is_pulled_from() {
    let Some(registry) = registry(false).await else {
        return;
    };
    let guard = guard(&registry).await;
    check(&guard.host(), true).await;
}

/// Runs the program.
fn program(folder: &Path, words: &[&str]) -> (String, String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_lamina"))
        .current_dir(folder)
        .args(words)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        text(&output.stdout),
        text(&output.stderr),
        output.status.code(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_pushed_to_a_registry_and_updated_from_it() {
    for login in [false, true] {
        let Some(registry) = registry(login).await else {
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let run = |words: &[&str], expect: i32| {
            let (out, err, code) = program(path, words);
            assert_eq!(code, Some(expect), "{words:?}\n{out}\n{err}");
            format!("{out}{err}")
        };
        run(&["db", "keygen", "--out", "a.key"], 0);
        let tracker = |version: &str| {
            format!(
                r#"{{"curl": {{"CVE-2099-1": {{"releases": {{"bookworm": {{
                    "status": "resolved", "fixed_version": "{version}"}}}}}}}},
                    "openssl": {{"CVE-2099-2": {{"description": "a hole", "releases": {{"bullseye": {{
                    "status": "open"}}}}}}}}}}"#
            )
        };
        std::fs::create_dir_all(path.join("debian")).unwrap();
        let build = |version: &str, day: &str| {
            std::fs::write(path.join("debian/debian.json"), tracker(version)).unwrap();
            let words = [
                "db",
                "build",
                "--from",
                "debian",
                "--out",
                "db",
                "--sign-with",
                "a.key",
            ];
            run(&[&words[..], &["--built-at", day]].concat(), 0);
        };
        let name = format!("oci://{}/lamina/database:latest", registry.host);
        let login: &[&str] = if login {
            &["--username", "user", "--password", "pass"]
        } else {
            &[]
        };
        build("1", "2026-11-01T00:00:00Z");
        let push = [&["db", "push", "db", &name], login].concat();
        run(&push, 0);
        assert!(run(&push, 0).contains("pushed 0 files"));
        let update = [&["db", "update", "--from", &name, "--db", "mine"], login].concat();
        assert!(run(&update, 1).contains("--db-key"));
        let update = [&update[..], &["--db-key", "a.pub"]].concat();
        run(&update, 0);
        run(&["db", "verify", "mine", "--key", "a.pub"], 0);

        build("2", "2026-11-02T00:00:00Z");
        // The index, its signature, and the one shard that changed.
        assert!(run(&push, 0).contains("pushed 3 files"));
        let shown = run(&update, 0);
        assert!(shown.contains("fetched 1 of"), "{shown}");
        let index = |folder: &str| std::fs::read(path.join(folder).join("index.json")).unwrap();
        assert_eq!(index("mine"), index("db"));

        let image = format!("oci://{}/{REPOSITORY}:1", registry.host);
        let words = [
            &[
                "db", "update", "--from", &image, "--db", "x", "--db-key", "a.pub",
            ],
            login,
        ]
        .concat();
        let shown = run(&words, 1);
        assert!(
            shown.contains("no advisory database") || shown.contains("no manifest"),
            "{shown}"
        );
    }
}

/// The base's layers are known by what `lamina bases` reads off the registry: manifest and config.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_of_a_registry_is_known_as_a_base() {
    let Some(registry) = registry(false).await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let reference = format!("{}/{REPOSITORY}:1", registry.host);
    std::fs::write(path.join("list.txt"), format!("{reference}\n")).unwrap();
    let (out, err, code) = program(
        path,
        &["bases", "--from", "list.txt", "--out", "bases.json"],
    );
    assert_eq!(code, Some(0), "{out}\n{err}");
    std::fs::create_dir_all(path.join("debian")).unwrap();
    let tracker = r#"{"curl": {"CVE-2099-1": {"releases": {"bookworm": {"status": "open"}}}}}"#;
    std::fs::write(path.join("debian/debian.json"), tracker).unwrap();
    let built = program(path, &["db", "build", "--from", "debian", "--out", "db"]);
    assert_eq!(built.2, Some(0), "{built:?}");
    let scan = |image: &str| -> serde_json::Value {
        let words = ["scan", image, "--db", "db", "--bases", "bases.json"];
        let words = [&words[..], &["--format", "json", "--fail-on", "never"]].concat();
        let (out, err, _) = program(path, &words);
        serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}\n{err}"))
    };
    let base = scan(&reference);
    assert_ne!(
        base["base"]["basis"], "chain-id",
        "an image is not built on itself"
    );
    let layers = base["layers"].as_array().unwrap();
    let own = lamina_testkit::layer().file("srv/app", "app").tar();
    // The layers of the base need not be there to know whose they are.
    let mut diff_ids: Vec<&str> = layers
        .iter()
        .map(|layer| layer["diff_id"].as_str().unwrap())
        .collect();
    let own_digest = Digest::of(&own).to_string();
    diff_ids.push(&own_digest);
    let files: Vec<String> = (0..diff_ids.len())
        .map(|index| format!("{index}.tar"))
        .collect();
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux",
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    let manifest = serde_json::json!([
        { "Config": "config.json", "RepoTags": ["shop:1.0"], "Layers": files }
    ]);
    let archive = lamina_testkit::layer()
        .file("manifest.json", manifest.to_string())
        .file("config.json", config.to_string())
        .file(files.last().unwrap(), own)
        .tar();
    std::fs::write(path.join("own.tar"), archive).unwrap();
    assert_eq!(
        scan("own.tar")["base"],
        serde_json::json!({ "layers": layers.len(), "name": reference, "basis": "chain-id" })
    );
}
