//! Static files: the page, the database, the samples.

use std::path::Path;

use lamina_cli::serve::run;
use lamina_image::digest::Digest;
use tokio::net::TcpListener;

use crate::support::{Server, args, client, get, header, lamina};

const INDEX: &str = "<!doctype html><script type=\"module\">import '/a.js'</script><p>Lamina";

struct Fixture {
    server: Server,
    _folder: tempfile::TempDir,
}

fn put(folder: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    put(root, "page/index.html", INDEX);
    put(root, "page/a-0123456789abcdef.js", "x();".repeat(1000));
    put(root, "page/a-0123456789abcdef_bg.wasm", b"\0asm");
    put(root, "page/style.css.br", b"brotli, they say");
    put(root, "page/style.css", "p{}".repeat(1000));
    put(root, "secret.txt", "secret");
    put(root, "db/index.json", "{}");
    put(root, "samples/catalog.json", "[]");
    let blob = b"0123456789";
    put(
        root,
        &format!("samples/v2/shop/blobs/{}", Digest::of(blob)),
        blob,
    );
    let index = br#"{"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json","manifests":[]}"#;
    put(root, "samples/v2/shop/manifests/1.0", index);
    put(root, "samples/v2/shop/manifests/bare", b"{\"layers\":[]}");
    put(root, "samples/v2/shop/tags/list", b"{\"tags\":[\"1.0\"]}");
    let path = |name: &str| root.join(name).to_str().unwrap().to_owned();
    let server = lamina(&[
        "--page",
        &path("page"),
        "--db",
        &path("db"),
        "--samples",
        &path("samples"),
        "--plain-http",
        "old.example:5000",
    ])
    .await;
    Fixture {
        server,
        _folder: folder,
    }
}

#[tokio::test]
async fn the_page_comes_with_a_policy_that_lets_it_run_and_nothing_else() {
    let fixture = fixture().await;
    let origin = fixture.server.origin();
    for path in ["/", "/index.html", "/scan", "/report/x/y?a=b"] {
        let response = get(&format!("{origin}{path}")).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(
            header(&response, "content-type"),
            Some("text/html; charset=utf-8")
        );
        assert_eq!(header(&response, "cache-control"), Some("no-cache"));
        let policy = header(&response, "content-security-policy").unwrap();
        assert!(
            policy.contains("script-src 'self' 'wasm-unsafe-eval' 'sha256-"),
            "{policy}"
        );
        assert!(policy.contains(" http://old.example:5000;"), "{policy}");
        let scripts = policy.split("script-src").nth(1).unwrap();
        assert!(!scripts.split(';').next().unwrap().contains("unsafe-inline"));
        for name in [
            "x-content-type-options",
            "referrer-policy",
            "x-frame-options",
        ] {
            assert!(header(&response, name).is_some(), "{name}");
        }
        assert_eq!(response.text().await.unwrap(), INDEX);
    }
}

#[tokio::test]
async fn files_have_types_validators_and_compression() {
    let fixture = fixture().await;
    let origin = fixture.server.origin();
    let wasm = get(&format!("{origin}/a-0123456789abcdef_bg.wasm")).await;
    assert_eq!(header(&wasm, "content-type"), Some("application/wasm"));
    assert!(
        header(&wasm, "cache-control")
            .unwrap()
            .contains("immutable")
    );

    let url = format!("{origin}/a-0123456789abcdef.js");
    let ask = |coding: &'static str| client().get(&url).header("accept-encoding", coding).send();
    let plain = ask("identity").await.unwrap();
    assert_eq!(
        header(&plain, "content-type"),
        Some("text/javascript; charset=utf-8")
    );
    assert_eq!(header(&plain, "vary"), Some("accept-encoding"));
    assert_eq!(header(&plain, "content-length"), Some("4000"));
    let brotli = ask("gzip, br").await.unwrap();
    assert_eq!(header(&brotli, "content-encoding"), Some("br"));
    assert_ne!(header(&brotli, "etag"), header(&plain, "etag"));
    let etag = header(&brotli, "etag").unwrap().to_owned();
    let mut text = String::new();
    let bytes = brotli.bytes().await.unwrap();
    assert!(bytes.len() < 100);
    std::io::Read::read_to_string(&mut brotli::Decompressor::new(&bytes[..], 4096), &mut text)
        .unwrap();
    assert_eq!(text.len(), 4000);
    let gzip = ask("gzip").await.unwrap();
    assert_eq!(header(&gzip, "content-encoding"), Some("gzip"));

    let known = client()
        .get(&url)
        .header("accept-encoding", "br")
        .header("if-none-match", &etag)
        .send()
        .await
        .unwrap();
    assert_eq!(known.status(), 304);
    assert_eq!(header(&known, "etag"), Some(etag.as_str()));
    assert_eq!(known.bytes().await.unwrap().len(), 0);

    // What was compressed when it was built is taken as it is.
    let ready = client()
        .get(format!("{origin}/style.css"))
        .header("accept-encoding", "br")
        .send()
        .await
        .unwrap();
    assert_eq!(ready.text().await.unwrap(), "brotli, they say");

    let head = client().head(&url).send().await.unwrap();
    assert_eq!(header(&head, "content-length"), Some("4000"));
}

#[tokio::test]
async fn what_is_not_there_is_not_the_page() {
    let fixture = fixture().await;
    let origin = fixture.server.origin();
    for path in [
        "/missing.js",
        "/db/missing",
        "/db/..%2fsecret.txt",
        "/..%2fsecret.txt.x",
        "/samples/..%2f..%2fsecret.txt",
        "/samples/%2e%2e/secret.txt",
    ] {
        let response = get(&format!("{origin}{path}")).await;
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        assert_eq!(status, 404, "{path}: {text}");
        assert!(!text.contains("secret"), "{path}");
    }
    let navigated = client()
        .get(format!("{origin}/scan/nginx:1.25"))
        .header("accept", "text/html,*/*")
        .send()
        .await
        .unwrap();
    assert_eq!(navigated.text().await.unwrap(), INDEX);
}

#[tokio::test]
async fn the_samples_are_a_registry_of_files() {
    let fixture = fixture().await;
    let origin = fixture.server.origin();
    let base = format!("{origin}/samples/v2");
    assert_eq!(get(&format!("{base}/")).await.text().await.unwrap(), "{}");
    let index = get(&format!("{base}/shop/manifests/1.0")).await;
    assert_eq!(
        header(&index, "content-type"),
        Some("application/vnd.docker.distribution.manifest.list.v2+json")
    );
    let announced = header(&index, "docker-content-digest").unwrap().to_owned();
    assert_eq!(
        announced,
        Digest::of(&index.bytes().await.unwrap()).to_string()
    );
    let bare = get(&format!("{base}/shop/manifests/bare")).await;
    assert_eq!(
        header(&bare, "content-type"),
        Some("application/vnd.oci.image.manifest.v1+json")
    );
    let tags = get(&format!("{base}/shop/tags/list?n=1000")).await;
    assert_eq!(header(&tags, "content-type"), Some("application/json"));

    let blob = format!("{base}/shop/blobs/{}", Digest::of(b"0123456789"));
    for (range, status, content_range, body) in [
        (None, 200, None, "0123456789"),
        (Some("bytes=4-"), 206, Some("bytes 4-9/10"), "456789"),
        (Some("bytes=2-3"), 206, Some("bytes 2-3/10"), "23"),
        (Some("bytes=10-"), 416, Some("bytes */10"), ""),
    ] {
        let mut request = client().get(&blob);
        if let Some(range) = range {
            request = request.header("range", range);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{range:?}");
        assert_eq!(header(&response, "content-range"), content_range);
        assert_eq!(header(&response, "accept-ranges"), Some("bytes"));
        assert!(
            header(&response, "cache-control")
                .unwrap()
                .contains("immutable")
        );
        assert_eq!(response.text().await.unwrap(), body);
    }
    let missing = get(&format!("{base}/shop/manifests/2.0")).await;
    assert_eq!(missing.status(), 404);
    assert!(missing.text().await.unwrap().contains("MANIFEST_UNKNOWN"));
}

#[tokio::test]
async fn the_server_tells_about_itself() {
    let fixture = fixture().await;
    let origin = fixture.server.origin();
    assert_eq!(
        get(&format!("{origin}/healthz"))
            .await
            .text()
            .await
            .unwrap(),
        "ok\n"
    );
    let text = get(&format!("{origin}/lamina.json"))
        .await
        .text()
        .await
        .unwrap();
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["relay"], true);
    assert_eq!(told["plain_http"][0], "old.example:5000");
    let quiet = lamina(&["--no-relay"]).await;
    let response = get(&format!("{}/relay/https/ghcr.io/v2/", quiet.origin())).await;
    assert_eq!(response.status(), 404);
}

#[tokio::test]
async fn a_taken_port_is_told_clearly() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = run(args(&["--listen", &address])).await.unwrap_err();
    let text = format!("{error:#}");
    assert!(
        text.contains("is taken") && text.contains("--listen"),
        "{text}"
    );
}

#[tokio::test]
async fn stopping_waits_for_what_is_under_way() {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let site = lamina_cli::serve::Site::new(&args(&[])).unwrap();
    let server = tokio::spawn(lamina_cli::serve::serve(listener, site, async {
        let _ = stopped.await;
    }));
    let response = get(&format!("{origin}/healthz")).await;
    assert_eq!(response.status(), 200);
    stop.send(()).unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(10), server)
        .await
        .expect("it stops")
        .unwrap();
    assert!(
        client()
            .get(format!("{origin}/healthz"))
            .send()
            .await
            .is_err()
    );
}

#[tokio::test]
async fn what_makes_the_page_installable_is_asked_for_anew() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "index.html", INDEX);
    put(folder.path(), "sw.js", "self");
    put(folder.path(), "manifest.webmanifest", "{}");
    put(folder.path(), "icons/icon-192.png", b"png");
    put(folder.path(), "tour/index.json", "{}");
    let server = lamina(&["--page", folder.path().to_str().unwrap()]).await;
    let check = async |path: &str, media_type: &str| {
        let response = get(&format!("{}/{path}", server.origin())).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(
            header(&response, "content-type"),
            Some(media_type),
            "{path}"
        );
        assert_eq!(
            header(&response, "cache-control"),
            Some("no-cache"),
            "{path}"
        );
        let policy = header(&response, "content-security-policy")
            .unwrap()
            .to_owned();
        // The worker's requests are bound by the policy that it came with.
        assert!(policy.contains("connect-src 'self'"), "{path}: {policy}");
    };
    check("sw.js", "text/javascript; charset=utf-8").await;
    check("manifest.webmanifest", "application/manifest+json").await;
    check("icons/icon-192.png", "image/png").await;
    check("tour/index.json", "application/json").await;
}

#[tokio::test]
async fn a_trainer_s_folder_takes_the_place_of_the_page_s_chapters() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    put(root, "page/index.html", INDEX);
    put(
        root,
        "page/tour/index.json",
        "{\"chapters\":[\"01-page.md\"]}",
    );
    put(root, "tour/02-b.md", "b");
    put(root, "tour/01-a.md", "a");
    put(root, "tour/README.md", "for trainers");
    put(root, "tour/strict.yaml", "fail-on: low");
    put(root, "secret.txt", "secret");
    let path = |name: &str| root.join(name).to_str().unwrap().to_owned();
    let server = lamina(&["--page", &path("page"), "--tour", &path("tour")]).await;
    let text = async |path: &str| {
        let response = get(&format!("{}/tour/{path}", server.origin())).await;
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let (status, index) = text("index.json").await;
    assert_eq!(status, 200);
    let index: serde_json::Value = serde_json::from_str(&index).unwrap();
    assert_eq!(index["chapters"], serde_json::json!(["01-a.md", "02-b.md"]));
    assert_eq!(index["policies"], serde_json::json!(["strict.yaml"]));
    assert_eq!(text("01-a.md").await, (200, "a".to_owned()));
    assert_eq!(text("03-c.md").await.0, 404);
    assert_eq!(text("..%2fsecret.txt").await.0, 404);
    // A change is seen at once.
    put(root, "tour/01-a.md", "other");
    assert_eq!(text("01-a.md").await.1, "other");
}
