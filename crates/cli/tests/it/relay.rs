//! The relay against an upstream of the test's own.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Request},
    response::Response,
    routing::get as on_get,
};
use futures_util::stream;
use lamina_cli::{
    relay::{Relay, Rules},
    serve::Site,
};
use lamina_image::digest::Digest;

use crate::support::{
    Server, answering, args, breaking, client, error_of, get, header, lamina, start, until,
    upstream,
};

/// The relay's URL for a path at a host.
fn relayed(lamina: &Server, host: &str, path: &str) -> String {
    format!("{}/relay/http/{host}{path}", lamina.origin())
}

fn reply(status: u16, headers: &[(&str, &str)], body: &'static str) -> Response {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(Body::from(body)).unwrap()
}

/// The headers of requests that an upstream saw.
type Seen = Arc<Mutex<Vec<HeaderMap>>>;

fn note(seen: &Seen, request: &Request<Body>) {
    seen.lock().unwrap().push(request.headers().clone());
}

#[tokio::test]
async fn what_matters_is_passed_on_and_back_and_nothing_else() {
    let seen = Seen::default();
    let noted = Arc::clone(&seen);
    let registry = answering(move |request| {
        note(&noted, request);
        assert_eq!(request.uri(), "/v2/a/manifests/1?ns=x");
        reply(
            200,
            &[
                ("content-type", "application/vnd.oci.image.index.v1+json"),
                ("docker-content-digest", "sha256:x"),
                ("ratelimit-remaining", "5;w=21600"),
                ("docker-ratelimit-source", "192.0.2.1"),
                ("oci-filters-applied", "artifactType"),
                ("link", "</v2/x>; rel=\"next\""),
                ("etag", "\"e\""),
                ("set-cookie", "session=1"),
                ("access-control-allow-origin", "*"),
                ("x-powered-by", "php"),
                ("clear-site-data", "\"*\""),
            ],
            "{}",
        )
    })
    .await;
    let lamina = lamina(&["--allow-registry", &registry.host()]).await;
    let response = client()
        .get(relayed(&lamina, &registry.host(), "/v2/a/manifests/1?ns=x"))
        .header("accept", "a/b")
        .header("authorization", "Bearer T")
        .header("range", "bytes=1-")
        .header("if-none-match", "\"e\"")
        .header("user-agent", "test")
        .header("cookie", "lamina=1")
        .header("x-forwarded-for", "192.0.2.7")
        .header("referer", "http://localhost/report")
        .header("accept-encoding", "gzip")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    for (name, value) in [
        ("content-type", "application/vnd.oci.image.index.v1+json"),
        ("docker-content-digest", "sha256:x"),
        ("ratelimit-remaining", "5;w=21600"),
        ("docker-ratelimit-source", "192.0.2.1"),
        ("oci-filters-applied", "artifactType"),
        ("link", "</v2/x>; rel=\"next\""),
        ("etag", "\"e\""),
        ("content-length", "2"),
        ("x-lamina-relay", "1"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(header(&response, name), Some(value), "{name}");
    }
    for name in [
        "set-cookie",
        "access-control-allow-origin",
        "x-powered-by",
        "clear-site-data",
    ] {
        assert_eq!(header(&response, name), None, "{name}");
    }
    assert!(
        header(&response, "content-security-policy")
            .unwrap()
            .contains("sandbox")
    );
    assert_eq!(response.text().await.unwrap(), "{}");
    let seen = seen.lock().unwrap();
    let mut names: Vec<&str> = seen[0].keys().map(axum::http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "accept",
            "accept-encoding",
            "authorization",
            "host",
            "if-none-match",
            "range",
            "user-agent"
        ]
    );
    assert_eq!(seen[0]["accept-encoding"], "identity");
    assert_eq!(seen[0]["user-agent"], "test");
}

#[tokio::test]
async fn head_is_relayed_as_head() {
    let registry = answering(|request| {
        assert_eq!(request.method(), "HEAD");
        reply(
            200,
            &[
                ("docker-content-digest", "sha256:x"),
                ("content-length", "77"),
            ],
            "",
        )
    })
    .await;
    let lamina = lamina(&["--allow-registry", &registry.host()]).await;
    let url = relayed(&lamina, &registry.host(), "/v2/a/manifests/1");
    let response = client().head(url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-length"), Some("77"));
    assert_eq!(header(&response, "docker-content-digest"), Some("sha256:x"));
}

#[tokio::test]
async fn private_addresses_are_refused_unless_named() {
    let registry = answering(|_| reply(200, &[], "{}")).await;
    let port = registry.address.port();
    let closed = lamina(&[]).await;
    // Also a name that leads to a private address.
    for host in [
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        format!("[::1]:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        format!("2130706433:{port}"),
    ] {
        for scheme in ["http", "https"] {
            let url = format!("{}/relay/{scheme}/{host}/v2/", closed.origin());
            let (status, code, message) = error_of(get(&url).await).await;
            assert_eq!(
                (status, code.as_str()),
                (403, "RELAY_REFUSED"),
                "{url}: {message}"
            );
            assert!(message.contains("lamina serve --"), "{message}");
        }
    }
    let open = lamina(&["--allow-registry", &format!("localhost:{port}")]).await;
    let named = get(&relayed(&open, &format!("localhost:{port}"), "/v2/")).await;
    assert_eq!(named.status(), 200);
    // The name was allowed, not the address.
    let other = get(&relayed(&open, &format!("127.0.0.1:{port}"), "/v2/")).await;
    assert_eq!(other.status(), 403);
}

#[tokio::test]
async fn redirects_to_private_addresses_are_refused() {
    for target in [
        "http://169.254.169.254/latest/meta-data/iam/",
        "https://169.254.169.254/latest/meta-data/iam/",
        "https://[fd00:ec2::254]/",
        "https://10.0.0.1/",
        "https://localhost:1/x",
        "https://0x7f000001/x",
    ] {
        let registry = answering(move |_| reply(307, &[("location", target)], "")).await;
        let lamina = lamina(&["--allow-registry", &registry.host()]).await;
        let path = format!("/v2/a/blobs/{}", Digest::of(b""));
        let response = get(&relayed(&lamina, &registry.host(), &path)).await;
        let (status, code, message) = error_of(response).await;
        assert_eq!(
            (status, code.as_str()),
            (403, "RELAY_REFUSED"),
            "{target}: {message}"
        );
    }
}

#[tokio::test]
async fn redirects_are_followed_and_authorization_stays_behind() {
    let seen = Seen::default();
    let noted = Arc::clone(&seen);
    let store = answering(move |request| {
        note(&noted, request);
        assert_eq!(request.uri(), "/bucket/blob?X-Amz-Signature=s");
        reply(
            200,
            &[("content-type", "application/octet-stream")],
            "layer",
        )
    })
    .await;
    let location = format!("{}/bucket/blob?X-Amz-Signature=s", store.origin());
    let registry_seen = Seen::default();
    let noted = Arc::clone(&registry_seen);
    let registry = answering(move |request| {
        note(&noted, request);
        if request.uri().path() == "/moved" {
            reply(302, &[("location", &location)], "")
        } else {
            reply(307, &[("location", "/moved")], "")
        }
    })
    .await;
    let lamina = lamina(&[
        "--allow-registry",
        &registry.host(),
        "--allow-registry",
        &store.host(),
    ])
    .await;
    let path = format!("/v2/a/blobs/{}", Digest::of(b""));
    let response = client()
        .get(relayed(&lamina, &registry.host(), &path))
        .header("authorization", "Bearer T")
        .header("range", "bytes=0-")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "location"), None);
    assert_eq!(response.text().await.unwrap(), "layer");
    let at_registry = registry_seen.lock().unwrap();
    assert_eq!(at_registry.len(), 2);
    assert!(
        at_registry
            .iter()
            .all(|seen| seen["authorization"] == "Bearer T")
    );
    let at_store = seen.lock().unwrap();
    assert!(!at_store[0].contains_key("authorization"));
    assert_eq!(at_store[0]["range"], "bytes=0-");
}

#[tokio::test]
async fn redirects_in_circles_end() {
    let registry = answering(|request| {
        let location = request.uri().path().to_owned();
        reply(302, &[("location", &location)], "")
    })
    .await;
    let lamina = lamina(&["--allow-registry", &registry.host()]).await;
    let response = get(&relayed(&lamina, &registry.host(), "/v2/")).await;
    let (status, _, message) = error_of(response).await;
    assert_eq!(status, 502);
    assert!(message.contains("too often"), "{message}");
}

#[tokio::test]
async fn token_endpoints_are_asked_only_after_a_registry_named_them() {
    let registry = answering(|request| match request.uri().path() {
        "/token" => reply(
            200,
            &[("content-type", "application/json")],
            "{\"token\":\"T\"}",
        ),
        _ => reply(
            401,
            &[("www-authenticate", "Bearer realm=\"/token\",service=\"s\"")],
            "",
        ),
    })
    .await;
    let lamina = lamina(&["--allow-registry", &registry.host()]).await;
    let token = relayed(&lamina, &registry.host(), "/token?service=s");
    let (status, code, _) = error_of(get(&token).await).await;
    assert_eq!((status, code.as_str()), (403, "RELAY_REFUSED"));
    let refused = get(&relayed(&lamina, &registry.host(), "/v2/")).await;
    assert_eq!(refused.status(), 401);
    // No login box of the browser's own.
    assert_eq!(header(&refused, "www-authenticate"), None);
    assert_eq!(
        header(&refused, "x-lamina-www-authenticate"),
        Some("Bearer realm=\"/token\",service=\"s\"")
    );
    assert_eq!(get(&token).await.text().await.unwrap(), "{\"token\":\"T\"}");
    let other = get(&relayed(&lamina, &registry.host(), "/token/other")).await;
    assert_eq!(other.status(), 403);
}

#[tokio::test]
async fn only_reading_pages_of_our_own_are_answered() {
    let registry = answering(|_| reply(200, &[], "{}")).await;
    let lamina = lamina(&["--allow-registry", &registry.host()]).await;
    let url = relayed(&lamina, &registry.host(), "/v2/");
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-dest", "script"),
        ("host", "evil.example"),
    ] {
        let response = client().get(&url).header(name, value).send().await.unwrap();
        assert_eq!(response.status(), 403, "{name}: {value}");
    }
    let posted = client().post(&url).send().await.unwrap();
    assert_eq!(posted.status(), 405);
    for path in [
        "/",
        "/v1/",
        "/v2/_catalog",
        "/v2/a/blobs/uploads/",
        "/v2/../x",
    ] {
        let response = get(&relayed(&lamina, &registry.host(), path)).await;
        assert_eq!(response.status(), 403, "{path}");
    }
}

#[tokio::test]
async fn what_cannot_be_reached_is_told_as_such() {
    let gone = {
        let server = answering(|_| reply(200, &[], "")).await;
        server.host()
    };
    // The port is closed once the server's task is gone.
    until("the port is closed", || {
        std::net::TcpStream::connect(&gone).is_err()
    })
    .await;
    let lamina = lamina(&["--allow-registry", &gone]).await;
    let (status, code, message) = error_of(get(&relayed(&lamina, &gone, "/v2/")).await).await;
    assert_eq!((status, code.as_str()), (502, "RELAY_UNREACHABLE"));
    assert!(message.contains("refused"), "{message}");
}

/// A body without end that counts what was taken of it, and tells when it is dropped.
struct Endless {
    taken: Arc<AtomicU64>,
    is_dropped: Arc<AtomicBool>,
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.is_dropped.store(true, Ordering::Release);
    }
}

async fn endless(taken: &Arc<AtomicU64>, is_dropped: &Arc<AtomicBool>) -> Server {
    let (taken, is_dropped) = (Arc::clone(taken), Arc::clone(is_dropped));
    upstream(Router::new().fallback(on_get(move || {
        let body = Endless {
            taken: Arc::clone(&taken),
            is_dropped: Arc::clone(&is_dropped),
        };
        async move {
            Body::from_stream(stream::unfold(body, |body| async move {
                let chunk = Bytes::from(vec![7_u8; 64 * 1024]);
                body.taken.fetch_add(chunk.len() as u64, Ordering::AcqRel);
                Some((Ok::<_, std::io::Error>(chunk), body))
            }))
        }
    })))
    .await
}

/// Waits until a count no longer grows.
async fn settled(count: &AtomicU64) -> u64 {
    let mut last = 0;
    let mut same = 0;
    while same < 20 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let now = count.load(Ordering::Acquire);
        same = if now == last && now > 0 { same + 1 } else { 0 };
        last = now;
    }
    last
}

#[tokio::test]
async fn a_slow_page_slows_the_registry() {
    let (taken, is_dropped) = (Arc::default(), Arc::default());
    let registry = endless(&taken, &is_dropped).await;
    let lamina = lamina(&["--allow-registry", &registry.host()]).await;
    let path = format!("/v2/a/blobs/{}", Digest::of(b""));
    let mut response = get(&relayed(&lamina, &registry.host(), &path)).await;
    assert_eq!(response.status(), 200);
    // Nobody reads: what was sent fits into the buffers of four sockets, and the relay's own few
    // chunks.
    let held = settled(&taken).await;
    assert!(held < 32 * 1024 * 1024, "{held} bytes are under way");
    // Reading goes on where it stopped, and asks for more.
    let mut read = 0;
    while read < held + 1024 * 1024 {
        read += response.chunk().await.unwrap().unwrap().len() as u64;
    }
    assert!(taken.load(Ordering::Acquire) > held);
    // A page that goes away ends it all.
    drop(response);
    until("the registry is let go", || {
        is_dropped.load(Ordering::Acquire)
    })
    .await;
}

#[tokio::test]
async fn a_page_that_reads_nothing_for_too_long_is_cut_off() {
    let (taken, is_dropped) = (Arc::default(), Arc::default());
    let registry = endless(&taken, &is_dropped).await;
    let rules = Rules {
        allowed: vec![registry.host().parse().unwrap()],
        ..Rules::default()
    };
    let relay = Relay::new(rules)
        .unwrap()
        .with_client_idle(Duration::from_millis(200));
    let site = Site::new(&args(&[])).unwrap().with_relay(relay);
    let lamina = start(site).await;
    let path = format!("/v2/a/blobs/{}", Digest::of(b""));
    let mut response = get(&relayed(&lamina, &registry.host(), &path)).await;
    until("the registry is let go", || {
        is_dropped.load(Ordering::Acquire)
    })
    .await;
    let cut = loop {
        match response.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(cut, "the body looks complete");
}

#[tokio::test]
async fn a_body_that_breaks_does_not_look_complete() {
    let registry = upstream(
        Router::new().fallback(on_get(|| async { breaking(&Bytes::from_static(b"some")) })),
    )
    .await;
    let lamina = lamina(&["--allow-registry", &registry.host()]).await;
    let path = format!("/v2/a/blobs/{}", Digest::of(b""));
    let response = get(&relayed(&lamina, &registry.host(), &path)).await;
    assert!(response.bytes().await.is_err());
}
