//! `lamina serve`: the page, its database, the sample images and the relay, from one program.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::{Context as _, bail};
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{any, get},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use lamina_image::digest::Digest;
use lamina_registry::relay::{CHALLENGE_HEADER, HEADER};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::{
    assets::{self, Compressed, File, Manner, Source},
    csp,
    database::{Database, TrustArgs},
    gate::Certificates,
    limits,
    relay::{Host, PageOrigin, Relay, Rules},
    shares::{self, ShareLimits, Shares},
    transport,
};

/// Arguments of `lamina serve`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where to listen. Beyond this machine, anyone who reaches it may use the relay.
    #[arg(long, env = "LAMINA_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// The built page, instead of the one within this program.
    #[arg(long, value_name = "DIR")]
    pub page: Option<PathBuf>,

    /// The advisory database (`lamina db build --out DIR`), instead of the small one within this
    /// program.
    #[arg(long, value_name = "DIR")]
    pub db: Option<PathBuf>,

    /// Whose databases are trusted; that of --db is checked at the start.
    #[command(flatten)]
    pub trust: TrustArgs,

    /// The sample images, instead of those within this program.
    #[arg(long, value_name = "DIR")]
    pub samples: Option<PathBuf>,

    /// The chapters of the guided tour, Markdown files, instead of those of the page.
    #[arg(long, value_name = "DIR")]
    pub tour: Option<PathBuf>,

    /// A registry, token server or blob store on a private address that the relay may ask.
    #[arg(long, value_name = "HOST[:PORT]")]
    pub allow_registry: Vec<Host>,

    /// A registry that speaks plain HTTP.
    #[arg(long, value_name = "HOST[:PORT]")]
    pub plain_http: Vec<Host>,

    /// A name by which browsers reach this server, besides localhost and addresses.
    #[arg(long = "host", value_name = "NAME")]
    pub own_names: Vec<String>,

    /// A page of another server that may use this one's relay and advisory database: where it comes from,
    /// such as https://lamina.example. It sees what this server sees of registries.
    #[arg(long = "allow-page", value_name = "ORIGIN")]
    pub allow_pages: Vec<PageOrigin>,

    /// Relays nothing: only registries that answer cross-origin can be scanned then.
    #[arg(long)]
    pub no_relay: bool,

    /// Where encrypted reports are kept that people upload to share them. Default: `lamina/shares` in the
    /// user's cache folder.
    #[arg(long, value_name = "DIR", env = "LAMINA_SHARES")]
    pub shares: Option<PathBuf>,

    /// Takes no uploads of encrypted reports.
    #[arg(long, conflicts_with = "shares")]
    pub no_shares: bool,

    /// A certificate chain in PEM, to speak TLS: beyond this machine browsers install the page, and encrypt
    /// reports, only over HTTPS. Read again when it changes.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// Its key in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Opens the page in the browser.
    #[arg(long)]
    pub open: bool,
}

/// Runs the command until it is told to stop.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let listener = listen(args.listen).await?;
    let address = listener.local_addr()?;
    let certificates = Certificates::named(args.tls_cert.as_deref(), args.tls_key.as_deref())?;
    let scheme = match certificates {
        Some(_) => "https",
        None => "http",
    };
    let url = url_of(scheme, address);
    let site = Site::new(&args)?;
    if site.page.get("index.html").await.is_none() {
        tracing::warn!("page not built: run `cargo xtask serve`, or give --page DIR");
    }
    println!("Lamina is at {url}");
    if address.ip().is_unspecified()
        && let Some(own) = own_address(address)
    {
        println!("from other machines: {}", url_of(scheme, own));
        if certificates.is_none() {
            println!(
                "browsers there do not install the page nor encrypt reports: that takes HTTPS (--tls-cert)"
            );
        }
    }
    if args.open {
        open_browser(&url);
    }
    let tls = certificates.map(|certificates| {
        Arc::new(move || {
            certificates.reload();
            certificates.acceptor()
        }) as Acceptor
    });
    serve_router(listener, site.router(), tls, stop_signal()).await;
    Ok(())
}

/// The address that this machine has towards others, with a listener's port. Nothing is sent to find it.
fn own_address(listening: SocketAddr) -> Option<SocketAddr> {
    let socket = std::net::UdpSocket::bind((listening.ip(), 0)).ok()?;
    // An address for documentation (RFC 5737, RFC 3849): a route to it is that to the network.
    let anyone = match listening {
        SocketAddr::V4(_) => "192.0.2.1:9",
        SocketAddr::V6(_) => "[2001:db8::1]:9",
    };
    socket.connect(anyone).ok()?;
    let own = socket.local_addr().ok()?.ip();
    (!own.is_loopback()).then(|| SocketAddr::new(own, listening.port()))
}

pub(crate) async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => bail!(
            "port {} is taken: another `lamina` may be running; choose another port with \
             --listen {}:PORT",
            address.port(),
            address.ip()
        ),
        Err(error) => Err(error).with_context(|| format!("cannot listen on {address}")),
    }
}

fn url_of(scheme: &str, address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("{scheme}://localhost:{}/", address.port())
    } else {
        format!("{scheme}://{address}/")
    }
}

pub(crate) async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

fn open_browser(url: &str) {
    let (program, first): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("cmd", &["/c", "start", ""])
    } else {
        ("xdg-open", &[])
    };
    let child = std::process::Command::new(program)
        .args(first)
        .arg(url)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn();
    if let Err(error) = child {
        tracing::warn!(program, %error, "browser not opened");
    }
}

/// Refuses to serve a database that is not signed by a key that is asked for. Without a key it may be
/// put there later.
fn check_database(args: &Args) -> anyhow::Result<()> {
    let database = match Database::open(args.db.as_deref(), &args.trust) {
        Ok(database) => database,
        Err(error) if args.trust.keys()?.is_empty() => {
            tracing::warn!(error = format!("{error:#}"), "database not readable");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let now = transport::clock()?;
    tracing::info!(database = database.describe(now), "database served");
    if let Some(warning) = database.warning(now) {
        tracing::warn!("{warning}");
    }
    Ok(())
}

/// What is served.
#[derive(Clone, Debug)]
pub struct Site {
    page: Source,
    db: Source,
    samples: Source,
    tour: Option<PathBuf>,
    relay: Option<Arc<Relay>>,
    plain_http: Vec<String>,
    /// Pages of other servers that relay and database are lent to.
    pages: Vec<PageOrigin>,
    /// Keys that the page is told to trust; none for the database within this program.
    database_keys: Vec<String>,
    compressed: Compressed,
    shares: Option<Arc<Shares>>,
}

impl Site {
    /// What `args` ask for.
    pub fn new(args: &Args) -> anyhow::Result<Self> {
        for folder in [&args.page, &args.db, &args.samples, &args.tour]
            .into_iter()
            .flatten()
        {
            if !folder.is_dir() {
                bail!("{} is no folder", folder.display());
            }
        }
        if args.db.is_some() {
            check_database(args)?;
        }
        let source = |folder: &Option<PathBuf>, embedded| match folder {
            Some(folder) => Source::Folder(folder.clone()),
            None => embedded,
        };
        let relay = if args.no_relay {
            None
        } else {
            Some(Arc::new(Relay::new(Rules {
                allowed: args.allow_registry.clone(),
                plain_http: args.plain_http.clone(),
                own_names: args.own_names.clone(),
                pages: args.allow_pages.clone(),
            })?))
        };
        Ok(Self {
            page: source(&args.page, Source::EmbeddedPage),
            db: source(&args.db, Source::EmbeddedDb),
            samples: source(&args.samples, Source::EmbeddedSamples),
            tour: args.tour.clone(),
            relay,
            plain_http: args.plain_http.iter().map(Host::to_string).collect(),
            pages: args.allow_pages.clone(),
            database_keys: match args.db {
                Some(_) => args.trust.keys()?,
                None => Vec::new(),
            },
            compressed: Compressed::default(),
            shares: shares_of(args),
        })
    }

    /// The same with another relay: for tests.
    #[must_use]
    pub fn with_relay(mut self, relay: Relay) -> Self {
        self.relay = Some(Arc::new(relay));
        self
    }

    fn router(self) -> Router {
        let lent = Router::new()
            .route("/lamina.json", get(describe))
            .route("/db/{*path}", get(db))
            .route("/relay/{*path}", any(relay));
        let lent = match self.pages.as_slice() {
            [] => lent,
            pages => lent.layer(lend_to(pages)),
        };
        lent.route("/healthz", get(|| async { "ok\n" }))
            .route("/samples/{*path}", get(samples))
            .route("/tour/{*path}", get(tour))
            .route("/share", any(share))
            .route("/share/{id}", any(share))
            .route("/report.schema.json", get(report_schema))
            .fallback(page)
            .layer(axum::middleware::map_response(harden))
            .with_state(self)
    }
}

/// Lets pages of other servers read what is asked of the relay and the database, by the rules of
/// [CORS](https://fetch.spec.whatwg.org/#http-cors-protocol).
fn lend_to(pages: &[PageOrigin]) -> CorsLayer {
    let origins = pages
        .iter()
        .filter_map(|page| HeaderValue::from_str(page.as_str()).ok());
    // What the page reads of a registry's answer.
    let exposed = [
        HEADER,
        CHALLENGE_HEADER,
        "docker-content-digest",
        "content-range",
        "content-length",
        "etag",
        "link",
        "retry-after",
        "ratelimit-remaining",
    ];
    let exposed = exposed
        .iter()
        .filter_map(|name| HeaderName::try_from(*name).ok())
        .collect::<Vec<_>>();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers([
            header::ACCEPT,
            header::AUTHORIZATION,
            header::RANGE,
            header::IF_RANGE,
            header::IF_NONE_MATCH,
        ])
        .expose_headers(exposed)
        // A page on the internet that asks a server of this network.
        .allow_private_network(true)
        .max_age(limits::PREFLIGHT)
}

/// Serves until `stop` is done; then lets requests under way finish for a while.
pub async fn serve(listener: TcpListener, site: Site, stop: impl Future<Output = ()>) {
    serve_router(listener, site.router(), None, stop).await;
}

/// Makes the other end of a connection prove who it is: what TLS is spoken with. Asked for every
/// connection, so that certificates can be replaced.
pub(crate) type Acceptor = Arc<dyn Fn() -> TlsAcceptor + Send + Sync>;

/// The same for any router, over TLS if there is an acceptor.
pub(crate) async fn serve_router(
    listener: TcpListener,
    router: Router,
    tls: Option<Acceptor>,
    stop: impl Future<Output = ()>,
) {
    let service = TowerToHyperService::new(router);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::REQUEST_HEAD)
        .max_buf_size(limits::REQUEST_HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits::REQUEST_HEAD_BYTES).unwrap_or(u32::MAX));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, most likely: others will end soon.
                    tracing::warn!(%error, "connection not accepted");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let _ = stream.set_nodelay(true);
        let (builder, service, watcher) = (builder.clone(), service.clone(), graceful.watcher());
        let tls = tls.as_ref().map(|acceptor| acceptor());
        tokio::spawn(async move {
            let ended = match tls {
                None => {
                    let connection = builder.serve_connection(TokioIo::new(stream), service);
                    watcher.watch(connection.into_owned()).await
                }
                Some(acceptor) => {
                    let shake = tokio::time::timeout(limits::REQUEST_HEAD, acceptor.accept(stream));
                    match shake.await {
                        Ok(Ok(stream)) => {
                            let connection =
                                builder.serve_connection(TokioIo::new(stream), service);
                            watcher.watch(connection.into_owned()).await
                        }
                        Ok(Err(error)) => Err(error.into()),
                        Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
                    }
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "connection ended");
            }
        });
    }
    drop(listener);
    tracing::info!("server stops");
    let _ = tokio::time::timeout(limits::SHUTDOWN, graceful.shutdown()).await;
}

/// Headers that every answer carries.
async fn harden(mut response: Response) -> Response {
    const FIXED: [(&str, &str); 6] = [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        (
            "permissions-policy",
            "camera=(), geolocation=(), microphone=()",
        ),
    ];
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    headers
        .entry("content-security-policy")
        .or_insert(HeaderValue::from_static(csp::DATA));
    response
}

/// What this server can do, for the page.
async fn describe(State(site): State<Site>) -> Response {
    let description = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "relay": site.relay.is_some(),
        "plain_http": site.plain_http,
        "database_keys": site.database_keys,
        "shares": site.shares.as_ref().map(|shares| shares.describe()),
    });
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, description.to_string()).into_response()
}

async fn relay(State(site): State<Site>, request: Request<Body>) -> Response {
    match &site.relay {
        Some(relay) => relay.answer(request).await,
        None => not_found("the relay is off"),
    }
}

async fn share(State(site): State<Site>, request: Request<Body>) -> Response {
    match site.shares {
        Some(shares) => shares.answer(request).await,
        None => not_found("this server keeps no shares"),
    }
}

/// Where shares are kept; `None` if they are not wanted, or there is no place for them.
fn shares_of(args: &Args) -> Option<Arc<Shares>> {
    if args.no_shares {
        return None;
    }
    let cache = || Some(crate::db::cache_folder()?.join("shares"));
    let folder = args.shares.clone().or_else(cache)?;
    let shares = Shares::new(folder, ShareLimits::default());
    shares::sweep_now(&shares);
    Some(Arc::new(shares))
}

/// The schema of `lamina scan --format json`.
async fn report_schema() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/schema+json"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, REPORT_SCHEMA).into_response()
}

/// `docs/report.schema.json`.
const REPORT_SCHEMA: &str = include_str!("../../../docs/report.schema.json");

async fn db(State(site): State<Site>, request: Request<Body>) -> Response {
    let (path, method, headers) = parts(&request);
    let path = path.trim_start_matches("/db/").to_owned();
    let Some(file) = site.db.get(&path).await else {
        return not_found("no such part of the database");
    };
    let manner = Manner {
        media_type: assets::media_type(&path),
        is_immutable: assets::is_hashed(&path),
        may_compress: true,
        may_range: true,
    };
    assets::respond(
        &site.db,
        &path,
        file,
        manner,
        method,
        headers,
        &site.compressed,
    )
    .await
}

/// The samples: files that are laid out as the distribution API.
async fn samples(State(site): State<Site>, request: Request<Body>) -> Response {
    let (path, method, headers) = parts(&request);
    let path = path.trim_start_matches("/samples/").to_owned();
    if path == "v2/" {
        return ([(header::CONTENT_TYPE, "application/json")], "{}").into_response();
    }
    let Some(file) = site.samples.get(&path).await else {
        let (code, message) = if path.contains("/blobs/") {
            ("BLOB_UNKNOWN", "no such blob")
        } else if path.contains("/tags/") {
            ("NAME_UNKNOWN", "no such sample")
        } else {
            ("MANIFEST_UNKNOWN", "no such sample")
        };
        let body = serde_json::json!({ "errors": [{ "code": code, "message": message }] });
        let headers = [(header::CONTENT_TYPE, "application/json")];
        return (StatusCode::NOT_FOUND, headers, body.to_string()).into_response();
    };
    let reference = path.rsplit('/').next().unwrap_or_default();
    let digest = reference.parse::<Digest>().ok();
    let is_manifest = path.contains("/manifests/");
    let is_list = path.ends_with("/tags/list");
    let media_type = if is_manifest {
        manifest_type(&file)
    } else if is_list {
        "application/json".to_owned()
    } else {
        assets::media_type(&path).to_owned()
    };
    let is_blob = path.contains("/blobs/");
    let announced = (is_manifest || is_blob).then(|| {
        digest
            .clone()
            .unwrap_or_else(|| file.digest.clone())
            .to_string()
    });
    let manner = Manner {
        media_type: &media_type,
        is_immutable: digest.is_some(),
        // Blobs are compressed as they are, and are read in ranges.
        may_compress: !is_blob,
        may_range: is_blob,
    };
    let mut response = assets::respond(
        &site.samples,
        &path,
        file,
        manner,
        method,
        headers,
        &site.compressed,
    )
    .await;
    if let Some(digest) = announced.and_then(|digest| HeaderValue::try_from(digest).ok()) {
        response
            .headers_mut()
            .insert("docker-content-digest", digest);
    }
    response
}

/// The chapters of the tour: those of a folder, read anew each time so that a trainer sees a change at
/// once, or those of the page.
async fn tour(State(site): State<Site>, request: Request<Body>) -> Response {
    let Some(folder) = &site.tour else {
        return page(State(site), request).await;
    };
    let (path, method, headers) = parts(&request);
    let path = path.trim_start_matches("/tour/").to_owned();
    let source = Source::Folder(folder.clone());
    let file = match path.as_str() {
        "index.json" => Some(File::of(tour_index(folder).await)),
        _ => source.get(&path).await,
    };
    let Some(file) = file else {
        return not_found("no such chapter");
    };
    let manner = Manner {
        media_type: assets::media_type(&path),
        is_immutable: false,
        may_compress: true,
        may_range: false,
    };
    assets::respond(
        &source,
        &path,
        file,
        manner,
        method,
        headers,
        &site.compressed,
    )
    .await
}

/// The list of a folder's chapters, in the order of their names, and of the policies beside them.
async fn tour_index(folder: &std::path::Path) -> String {
    let (mut chapters, mut policies) = (Vec::new(), Vec::new());
    if let Ok(mut entries) = tokio::fs::read_dir(folder).await {
        while let Ok(Some(entry)) = entries.next_entry().await {
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            match name.rsplit_once('.') {
                // Chapters are numbered; a README is none.
                Some((_, "md")) if name.starts_with(|c: char| c.is_ascii_digit()) => {
                    chapters.push(name);
                }
                Some((_, "yaml" | "yml")) => policies.push(name),
                _ => {}
            }
        }
    }
    chapters.sort();
    policies.sort();
    serde_json::json!({ "chapters": chapters, "policies": policies }).to_string()
}

/// The media type that a manifest names itself.
fn manifest_type(file: &File) -> String {
    #[derive(serde::Deserialize)]
    struct Manifest {
        #[serde(rename = "mediaType")]
        media_type: Option<String>,
        manifests: Option<serde::de::IgnoredAny>,
    }
    let manifest = serde_json::from_slice::<Manifest>(&file.bytes).ok();
    let is_index = manifest
        .as_ref()
        .is_some_and(|manifest| manifest.manifests.is_some());
    manifest
        .and_then(|manifest| manifest.media_type)
        .filter(|media_type| HeaderValue::from_str(media_type).is_ok())
        .unwrap_or_else(|| {
            let kind = if is_index { "index" } else { "manifest" };
            format!("application/vnd.oci.image.{kind}.v1+json")
        })
}

/// The page's files; where there is none and a person asks, the page itself, which knows its routes.
async fn page(State(site): State<Site>, request: Request<Body>) -> Response {
    let (path, method, headers) = parts(&request);
    if !matches!(*method, Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let mut path = path.trim_start_matches('/').to_owned();
    let mut found = match path.as_str() {
        "" => None,
        path => site.page.get(path).await,
    };
    if found.is_none() && is_route(&path, headers) {
        path = "index.html".to_owned();
        found = site.page.get(&path).await;
        if found.is_none() {
            return not_built();
        }
    }
    let Some(mut file) = found else {
        return not_found("there is nothing here");
    };
    let is_html = path.ends_with(".html");
    let mut is_as_built = true;
    // Of the page alone: in a report to be saved as a file the policy must stay.
    if path == "index.html"
        && let Some(bytes) = csp::without_meta(&file.bytes)
    {
        file = File::of(bytes);
        // What was compressed beside it has the policy in it.
        is_as_built = false;
    }
    let html = if is_html { &*file.bytes } else { b"" };
    let policy = csp::page(html, &site.plain_http, csp::is_loopback(headers));
    let manner = Manner {
        media_type: assets::media_type(&path),
        is_immutable: assets::is_hashed(&path),
        may_compress: true,
        may_range: false,
    };
    let mut response = assets::respond(
        &site.page,
        if is_as_built { &path } else { "" },
        file,
        manner,
        method,
        headers,
        &site.compressed,
    )
    .await;
    if let Ok(policy) = HeaderValue::try_from(policy) {
        response
            .headers_mut()
            .insert("content-security-policy", policy);
    }
    response
}

/// Whether a path without a file is one of the page's routes: a browser navigates there, or its
/// last part has no extension.
fn is_route(path: &str, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let name = path.rsplit('/').next().unwrap_or(path);
    text("sec-fetch-mode") == Some("navigate")
        || text("accept").is_some_and(|accept| accept.contains("text/html"))
        || !name.contains('.')
}

fn parts(request: &Request<Body>) -> (String, &Method, &HeaderMap) {
    let path = request.uri().path();
    let path = assets::percent_decode(path).unwrap_or_default();
    (path, request.method(), request.headers())
}

fn not_found(message: &'static str) -> Response {
    (StatusCode::NOT_FOUND, message).into_response()
}

fn not_built() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    let body = "<!doctype html><title>Lamina</title><p>The page is not built. Run <code>cargo \
                xtask serve</code>, or give <code>lamina serve --page DIR</code>.";
    (StatusCode::SERVICE_UNAVAILABLE, headers, body).into_response()
}
