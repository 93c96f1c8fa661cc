//! The relay: asks registries on behalf of the page, which may not read their answers itself.
//!
//! It is no general proxy. It answers pages of its own origin only, asks for what is shaped like the
//! distribution API (and for tokens where a registry named the place), connects to public addresses
//! only unless the operator names the host, follows redirects under the same rules, and keeps
//! credentials to the host they are meant for. It holds a few chunks of a body and nothing else.
//!
//! `GET|HEAD /relay/<scheme>/<host[:port]>/<path>?<query>`. `WWW-Authenticate` of a registry comes
//! back as [`CHALLENGE_HEADER`]: browsers would show a login box of their own. Errors of the relay
//! itself are JSON in the registry's form with codes `RELAY_…`. Every answer carries
//! [`HEADER`].

use std::{
    collections::VecDeque,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use axum::{
    body::{Body, Bytes},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header, request::Parts,
    },
    response::Response,
};
use futures_util::stream;
use lamina_image::digest::Digest;
use lamina_registry::{
    TransportError, Url,
    challenge::parse_challenges,
    relay::{BUSY, CHALLENGE_HEADER, HEADER, REFUSED, TIMEOUT, UNREACHABLE, unrelayed},
    session::{is_repository, is_tag},
    url::{Scheme, is_loopback},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::{address, csp, limits, transport};

/// What the operator allows beyond public registries.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Registries (and token servers, and blob stores behind them) on private addresses.
    pub allowed: Vec<Host>,
    /// Hosts that speak plain HTTP.
    pub plain_http: Vec<Host>,
    /// Names by which browsers reach this server, besides localhost and addresses.
    pub own_names: Vec<String>,
    /// Pages of other servers that may ask, too.
    pub pages: Vec<PageOrigin>,
}

/// Where a page comes from, as browsers tell it: `https://lamina.example`, with a port that is not the
/// usual one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageOrigin(String);

impl PageOrigin {
    /// As it stands in `Origin`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for PageOrigin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no origin of a page, such as https://lamina.example");
        let url: Url = text.parse().map_err(|_| wrong())?;
        if url.path() != "/" || url.query().is_some() {
            return Err(wrong());
        }
        // Browsers leave out the usual port.
        let usual = match url.scheme() {
            Scheme::Http => ":80",
            Scheme::Https => ":443",
        };
        let authority = url.authority().strip_suffix(usual);
        Ok(Self(format!(
            "{}://{}",
            url.scheme().as_str(),
            authority.unwrap_or_else(|| url.authority())
        )))
    }
}

/// A host, with a port or for any port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Lower case; IPv6 addresses in brackets.
    host: String,
    port: Option<u16>,
}

impl std::str::FromStr for Host {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // By way of a URL, so that both sides of a comparison are spelled alike.
        let url: Url = format!("http://{text}/")
            .parse()
            .map_err(|error| format!("{text:?} is no HOST or HOST:PORT: {error}"))?;
        if url.path() != "/" || url.query().is_some() {
            return Err(format!("{text:?} is no HOST or HOST:PORT"));
        }
        let has_port = text.len() > url.host().len();
        Ok(Self {
            host: url.host().to_owned(),
            port: has_port.then(|| port_of(&url)),
        })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

impl Host {
    fn is(&self, url: &Url) -> bool {
        self.host == url.host() && self.port.is_none_or(|port| port == port_of(url))
    }
}

fn port_of(url: &Url) -> u16 {
    let (_, port) = url
        .authority()
        .strip_prefix(url.host())
        .and_then(|rest| rest.rsplit_once(':'))
        .unwrap_or_default();
    port.parse().unwrap_or(match url.scheme() {
        Scheme::Http => 80,
        Scheme::Https => 443,
    })
}

/// The relay and what it remembers.
#[derive(Debug)]
pub struct Relay {
    rules: Rules,
    /// Connects to public addresses only.
    public: reqwest::Client,
    /// Connects anywhere: for hosts that the operator named.
    trusted: reqwest::Client,
    /// Token endpoints that registries named.
    realms: Mutex<VecDeque<Url>>,
    turns: Arc<Semaphore>,
    client_idle: std::time::Duration,
}

/// What a path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Registry,
    Token,
}

/// Why the relay does not answer with what a registry says.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

fn refuse(message: impl Into<String>) -> Refusal {
    Refusal {
        status: StatusCode::FORBIDDEN,
        code: REFUSED,
        message: message.into(),
    }
}

impl Relay {
    /// A relay under `rules`.
    pub fn new(rules: Rules) -> anyhow::Result<Self> {
        Ok(Self {
            rules,
            // A proxy would resolve names itself, out of reach of our rules.
            public: transport::build_client(|builder| builder.no_proxy().dns_resolver(PublicOnly))?,
            trusted: transport::build_client(|builder| builder.no_proxy())?,
            realms: Mutex::default(),
            turns: Arc::new(Semaphore::new(limits::RELAYED_AT_ONCE)),
            client_idle: limits::CLIENT_IDLE,
        })
    }

    /// The same with another patience for slow clients: for tests.
    #[must_use]
    pub fn with_client_idle(mut self, client_idle: std::time::Duration) -> Self {
        self.client_idle = client_idle;
        self
    }

    /// Answers a request of the page.
    pub async fn answer(&self, request: Request<Body>) -> Response {
        let start = Instant::now();
        // The relay reads no bodies of requests.
        let (request, _) = request.into_parts();
        let url = request
            .uri
            .path_and_query()
            .and_then(|path| unrelayed(path.as_str()));
        // Never the query: it may hold signatures and names.
        let (host, path) = match &url {
            Some(url) => (url.authority().to_owned(), url.path().to_owned()),
            None => Default::default(),
        };
        let result = self.try_answer(&request, url).await;
        let millis = start.elapsed().as_millis();
        let mut response = match result {
            Ok(response) => {
                tracing::info!(
                    host,
                    path,
                    status = response.status().as_u16(),
                    millis,
                    "relay answers"
                );
                response
            }
            Err(refusal) => {
                let Refusal { code, message, .. } = &refusal;
                tracing::warn!(host, code, reason = message, millis, "relay refuses");
                refusal.into_response(&request.method)
            }
        };
        let headers = response.headers_mut();
        let fixed = [
            (
                HeaderName::from_static("content-security-policy"),
                csp::DATA,
            ),
            (header::CACHE_CONTROL, "no-store"),
        ];
        for (name, value) in fixed {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Ok(name) = HeaderName::try_from(HEADER) {
            headers.insert(name, HeaderValue::from_static("1"));
        }
        response
    }

    async fn try_answer(&self, request: &Parts, url: Option<Url>) -> Result<Response, Refusal> {
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return Err(Refusal {
                status: StatusCode::METHOD_NOT_ALLOWED,
                ..refuse("the relay only reads: GET and HEAD")
            });
        }
        check_origin(&request.headers, &self.rules)?;
        let url = url.ok_or_else(|| refuse("this is no address of a registry"))?;
        let kind = self.kind(&url).ok_or_else(|| {
            refuse("only the distribution API is relayed, and the token endpoints that it names")
        })?;
        let turn = tokio::time::timeout(limits::TURN, Arc::clone(&self.turns).acquire_owned());
        let Ok(Ok(permit)) = turn.await else {
            return Err(Refusal {
                status: StatusCode::SERVICE_UNAVAILABLE,
                code: BUSY,
                message: "the relay has too many requests under way".to_owned(),
            });
        };
        let (response, last) = self.ask(request, url.clone()).await?;
        // A registry's word counts only where the registry itself speaks.
        if kind == Kind::Registry && last.is_same_origin(&url) {
            self.remember_realms(&url, response.headers());
        }
        Ok(pass_back(
            response,
            permit,
            &request.method,
            self.client_idle,
        ))
    }

    fn kind(&self, url: &Url) -> Option<Kind> {
        if is_registry_path(url.path()) {
            return Some(Kind::Registry);
        }
        let realms = self.realms.lock().unwrap_or_else(PoisonError::into_inner);
        realms
            .iter()
            .any(|realm| realm.is_same_origin(url) && realm.path() == url.path())
            .then_some(Kind::Token)
    }

    fn remember_realms(&self, url: &Url, headers: &HeaderMap) {
        let found: Vec<Url> = headers
            .get_all(header::WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(parse_challenges)
            .filter(|challenge| challenge.is("bearer"))
            .filter_map(|challenge| url.join(challenge.param("realm")?).ok())
            .collect();
        let mut realms = self.realms.lock().unwrap_or_else(PoisonError::into_inner);
        for realm in found {
            realms.retain(|known| *known != realm);
            realms.push_back(realm);
            if realms.len() > limits::REALMS {
                realms.pop_front();
            }
        }
    }

    /// Asks, and follows redirects. Answers the last response and where it came from.
    async fn ask(
        &self,
        request: &Parts,
        mut url: Url,
    ) -> Result<(reqwest::Response, Url), Refusal> {
        let mut headers = passed_on(&request.headers, &PASSED_ON);
        for _ in 0..=limits::REDIRECTS {
            let (client, target) = self.client_for(&url)?;
            let response = client
                .request(request.method.clone(), target)
                .headers(headers.clone())
                .send()
                .await
                .map_err(|error| unreachable(&url, error))?;
            let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
            if !is_redirect {
                return Ok((response, url));
            }
            let bad = |message: String| Refusal {
                status: StatusCode::BAD_GATEWAY,
                ..refuse(message)
            };
            let next = response
                .headers()
                .get(header::LOCATION)
                .and_then(|location| location.to_str().ok())
                .and_then(|location| url.join(location).ok())
                .ok_or_else(|| bad(format!("{} redirects to no web address", url.authority())))?;
            if url.scheme() == Scheme::Https && next.scheme() == Scheme::Http {
                return Err(bad(format!(
                    "{} redirects from a secure to an insecure address",
                    url.authority()
                )));
            }
            if !next.is_same_origin(&url) {
                headers.remove(header::AUTHORIZATION);
            }
            url = next;
        }
        Err(Refusal {
            status: StatusCode::BAD_GATEWAY,
            ..refuse(format!("{} redirects too often", url.authority()))
        })
    }

    /// The client that may ask this URL, if any may, and the URL as that client spells it.
    fn client_for(&self, url: &Url) -> Result<(&reqwest::Client, reqwest::Url), Refusal> {
        // The client's own parser may see an address where ours saw a name (`2130706433`).
        let target: reqwest::Url = url
            .to_string()
            .parse()
            .map_err(|_| refuse("this is no address of a registry"))?;
        let spelled: Option<Url> = target.as_str().parse().ok();
        let is_named = |hosts: &[Host]| {
            hosts
                .iter()
                .any(|host| spelled.as_ref().is_some_and(|spelled| host.is(spelled)))
        };
        let is_allowed = is_named(&self.rules.allowed);
        if url.scheme() == Scheme::Http
            && !is_allowed
            && !is_named(&self.rules.plain_http)
            && !is_loopback(url.authority())
        {
            let host = url.authority();
            return Err(refuse(format!(
                "{host} would be asked without TLS; `lamina serve --plain-http {host}` allows that"
            )));
        }
        if is_allowed {
            return Ok((&self.trusted, target));
        }
        // Addresses are connected to without asking the resolver: they are judged here.
        let host = target.host_str().unwrap_or_default();
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = literal.parse::<IpAddr>()
            && let Some(reason) = address::refusal(address)
        {
            return Err(refuse(not_public(url.authority(), host, reason)));
        }
        Ok((&self.public, target))
    }
}

fn not_public(authority: &str, address: &str, reason: &str) -> String {
    let place = match authority == address || authority.starts_with(&format!("{address}:")) {
        true => address.to_owned(),
        false => format!("{authority} is at {address}, which"),
    };
    format!(
        "{place} is {reason}, and such addresses are asked only if the server was told so: start it with \
         `lamina serve --allow-registry {authority}`"
    )
}

/// Resolves names and lets through those that have public addresses only. The connection is made
/// to exactly these addresses, so that a second answer of the name server changes nothing.
#[derive(Debug)]
struct PublicOnly;

/// A name that leads where the relay does not go.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NotPublic(String);

impl reqwest::dns::Resolve for PublicOnly {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(async move {
            let name = name.as_str().to_owned();
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            // One bad address is enough: honest names do not mix.
            for address in &found {
                if let Some(reason) = address::refusal(address.ip()) {
                    let address = address.ip().to_string();
                    let message = not_public(&name, &address, reason);
                    return Err(NotPublic(message).into());
                }
            }
            let addresses: reqwest::dns::Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

fn unreachable(url: &Url, error: reqwest::Error) -> Refusal {
    use std::error::Error as _;
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(NotPublic(message)) = cause.downcast_ref() {
            return refuse(message.clone());
        }
        source = cause.source();
    }
    let host = url.authority();
    match transport::transport_error(error) {
        TransportError::Timeout => Refusal {
            status: StatusCode::GATEWAY_TIMEOUT,
            code: TIMEOUT,
            message: format!("{host} does not answer in time"),
        },
        // The machines say themselves who could not be reached.
        TransportError::Unreachable(detail) => Refusal {
            status: StatusCode::BAD_GATEWAY,
            code: UNREACHABLE,
            message: detail,
        },
        error => Refusal {
            status: StatusCode::BAD_GATEWAY,
            code: UNREACHABLE,
            message: error.to_string(),
        },
    }
}

impl Refusal {
    fn into_response(self, method: &Method) -> Response {
        let body = serde_json::json!({
            "errors": [{ "code": self.code, "message": self.message }]
        });
        let body = if method == Method::HEAD {
            Body::empty()
        } else {
            Body::from(body.to_string())
        };
        let mut builder = Response::builder()
            .status(self.status)
            .header(header::CONTENT_TYPE, "application/json");
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            builder = builder.header(header::RETRY_AFTER, "1");
        }
        builder.body(body).unwrap_or_default()
    }
}

/// Whether a path is the distribution API's, for reading.
fn is_registry_path(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/v2/") else {
        return false;
    };
    if rest.is_empty() {
        return true;
    }
    if let Some(name) = rest.strip_suffix("/tags/list") {
        return is_repository(name);
    }
    let mut parts = rest.rsplitn(3, '/');
    let (Some(reference), Some(collection), Some(name)) =
        (parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let is_digest = reference.parse::<Digest>().is_ok();
    is_repository(name)
        && match collection {
            "manifests" => is_digest || is_tag(reference),
            "blobs" | "referrers" => is_digest,
            _ => false,
        }
}

/// Whether a request comes from a page of ours: not from another site, and not from a foreign name
/// that was pointed at us (DNS rebinding).
fn check_origin(headers: &HeaderMap, rules: &Rules) -> Result<(), Refusal> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).unwrap_or_default();
    let name: Host = host
        .parse()
        .map_err(|_| refuse("the request names no host"))?;
    let is_address = name
        .host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>()
        .is_ok();
    let is_own = rules
        .own_names
        .iter()
        .any(|own| own.eq_ignore_ascii_case(&name.host));
    if !is_address && !is_own && !is_loopback(&name.host) {
        return Err(refuse(format!(
            "this server does not know itself as {:?}; `lamina serve --host {}` tells it",
            name.host, name.host
        )));
    }
    let origin = text(header::ORIGIN);
    let is_guest = origin.is_some_and(|origin| {
        let mut pages = rules.pages.iter();
        pages.any(|page| page.as_str().eq_ignore_ascii_case(origin))
    });
    if let Some(origin) = origin.filter(|_| !is_guest) {
        let is_same = origin
            .split_once("://")
            .is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
        if !is_same {
            return Err(refuse("the relay answers its own page only"));
        }
    }
    let fetch_site = text(HeaderName::from_static("sec-fetch-site"));
    if !is_guest && !matches!(fetch_site, None | Some("same-origin" | "none")) {
        return Err(refuse("the relay answers its own page only"));
    }
    // Not as a page, a script, a picture: a registry's bytes must never be more than data here.
    let destination = text(HeaderName::from_static("sec-fetch-dest"));
    if !matches!(destination, None | Some("empty")) {
        return Err(refuse("the relay answers fetch only"));
    }
    Ok(())
}

/// Headers of the page's request that a registry gets to see.
const PASSED_ON: [HeaderName; 5] = [
    header::ACCEPT,
    header::AUTHORIZATION,
    header::RANGE,
    header::IF_NONE_MATCH,
    header::USER_AGENT,
];

/// Those of a request's headers that are named, and that no other coding than the registry's own is
/// wanted.
pub(crate) fn passed_on(headers: &HeaderMap, names: &[HeaderName]) -> HeaderMap {
    let mut passed = HeaderMap::new();
    for name in names {
        for value in headers.get_all(name) {
            if value.len() <= limits::HEADER_VALUE_BYTES {
                passed.append(name.clone(), value.clone());
            }
        }
    }
    // Layers are compressed as they are; a second coding would only change their digest.
    passed.insert(
        header::ACCEPT_ENCODING,
        HeaderValue::from_static("identity"),
    );
    passed
}

/// Whether the page gets to see a header of a registry's answer.
pub(crate) fn is_passed_back(name: &HeaderName) -> bool {
    const PASSED: [&str; 13] = [
        "accept-ranges",
        "content-encoding",
        "content-length",
        "content-range",
        "docker-content-digest",
        "docker-distribution-api-version",
        "docker-ratelimit-source",
        "etag",
        "last-modified",
        "link",
        "retry-after",
        "warning",
        "www-authenticate",
    ];
    let name = name.as_str();
    PASSED.contains(&name) || name.starts_with("ratelimit-") || name.starts_with("oci-")
}

/// A registry's media type, unless a browser could take it for something that runs.
fn harmless_type(headers: &HeaderMap) -> HeaderValue {
    let value = headers.get(header::CONTENT_TYPE);
    let text = value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let is_harmless = !text.is_empty()
        && text.len() < 256
        && !["script", "html", "xml", "css", "wasm;", "multipart"]
            .iter()
            .any(|word| text.contains(word))
        && (text.starts_with("application/") || text.starts_with("text/plain"));
    match value {
        Some(value) if is_harmless => value.clone(),
        // It is still told from a manifest by its first bytes.
        _ if text.starts_with("text/") => HeaderValue::from_static("text/plain; charset=utf-8"),
        _ => HeaderValue::from_static("application/octet-stream"),
    }
}

/// Turns a registry's answer into ours; the body follows as fast as the page takes it.
fn pass_back(
    response: reqwest::Response,
    permit: OwnedSemaphorePermit,
    method: &Method,
    client_idle: std::time::Duration,
) -> Response {
    let mut builder = Response::builder().status(response.status());
    for (name, value) in response.headers() {
        if !is_passed_back(name) || value.len() > limits::HEADER_VALUE_BYTES {
            continue;
        }
        builder = if name == header::WWW_AUTHENTICATE {
            builder.header(CHALLENGE_HEADER, value)
        } else {
            builder.header(name, value)
        };
    }
    builder = builder.header(header::CONTENT_TYPE, harmless_type(response.headers()));
    let has_body = method != Method::HEAD
        && !matches!(
            response.status(),
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        );
    let body = if has_body {
        Body::from_stream(pump(response, permit, client_idle))
    } else {
        Body::empty()
    };
    builder.body(body).unwrap_or_default()
}

/// Reads a body in a task of its own and hands it on through a short queue: a page that does not
/// read stops the reading from the registry, and after a while the whole.
pub(crate) fn pump(
    mut response: reqwest::Response,
    permit: impl Send + 'static,
    client_idle: std::time::Duration,
) -> impl stream::Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static {
    let (sender, receiver) = mpsc::channel::<Bytes>(limits::CHUNKS);
    let is_whole = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&is_whole);
    tokio::spawn(async move {
        let _permit = permit;
        loop {
            let chunk = tokio::select! {
                chunk = response.chunk() => chunk,
                () = sender.closed() => return,
            };
            match chunk {
                Ok(Some(chunk)) => {
                    match tokio::time::timeout(client_idle, sender.send(chunk)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) => return,
                        Err(_) => {
                            tracing::info!("relay gives up on an idle client");
                            return;
                        }
                    }
                }
                Ok(None) => {
                    ended.store(true, Ordering::Release);
                    return;
                }
                Err(error) => {
                    let error = transport::transport_error(error);
                    tracing::info!(%error, "relayed body broke off");
                    return;
                }
            }
        }
    });
    // A body that ends early must not look complete: the connection is cut instead.
    stream::unfold(Some((receiver, is_whole)), |state| async {
        let (mut receiver, is_whole) = state?;
        match receiver.recv().await {
            Some(chunk) => Some((Ok(chunk), Some((receiver, is_whole)))),
            None if is_whole.load(Ordering::Acquire) => None,
            None => Some((
                Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)),
                None,
            )),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_the_distribution_api_are_relayed() {
        let digest = Digest::of(b"");
        for path in [
            "/v2/".to_owned(),
            "/v2/nginx/manifests/latest".to_owned(),
            format!("/v2/library/nginx/manifests/{digest}"),
            format!("/v2/a/b/c/blobs/{digest}"),
            format!("/v2/a/referrers/{digest}"),
            "/v2/a/b/tags/list".to_owned(),
            // A repository may be called so.
            "/v2/a/blobs/tags/list".to_owned(),
        ] {
            assert!(is_registry_path(&path), "{path}");
        }
        for path in [
            "/",
            "/v2",
            "/v1/",
            "/v2/_catalog",
            "/v2/a",
            "/v2/a/blobs/latest",
            "/v2/a/blobs/uploads/",
            "/v2/a/manifests/",
            "/v2/a/manifests/a b",
            "/v2/a/manifests/a%2fb",
            "/v2//manifests/x",
            "/v2/A/manifests/x",
            "/v2/a/b%2e%2e/manifests/x",
            "/v2/tags/list",
            "/v2/a/tags/list/",
            "/token",
            "/latest/meta-data/",
        ] {
            assert!(!is_registry_path(path), "{path}");
        }
    }

    #[test]
    fn hosts_are_compared_with_or_without_port() {
        let check = |host: &str, url: &str, expect: bool| {
            let host: Host = host.parse().unwrap();
            assert_eq!(host.is(&url.parse().unwrap()), expect, "{host} {url}");
        };
        check("localhost:5000", "http://localhost:5000/", true);
        check("localhost:5000", "http://localhost:5001/", false);
        check("LOCALHOST", "http://localhost:5001/", true);
        check("r.example", "https://r.example/", true);
        check("r.example:443", "https://r.example/", true);
        check("r.example:80", "https://r.example/", false);
        check("r.example:80", "http://r.example/", true);
        check("[::1]:5000", "http://[::1]:5000/", true);
        check("[::1]", "http://[::1]:5000/", true);
        check("r.example", "https://r.example.evil/", false);
        for bad in ["", "a/b", "http://a", "u@a", "a:b", "a?x"] {
            assert!(bad.parse::<Host>().is_err(), "{bad}");
        }
    }

    fn refusal_of(relay: &Relay, url: &str) -> Option<String> {
        let url: Url = url.parse().unwrap();
        relay.client_for(&url).err().map(|refusal| refusal.message)
    }

    #[test]
    fn addresses_are_judged_however_they_are_spelled() {
        let relay = Relay::new(Rules {
            allowed: vec!["10.0.0.5:5000".parse().unwrap()],
            plain_http: vec!["old.example".parse().unwrap()],
            own_names: Vec::new(),
            pages: Vec::new(),
        })
        .unwrap();
        for url in [
            "https://1.1.1.1/v2/",
            "https://[2606:4700::1]/v2/",
            "https://ghcr.io/v2/",
            "http://10.0.0.5:5000/v2/",
            "https://10.0.0.5:5000/v2/",
            "http://old.example/v2/",
        ] {
            assert_eq!(refusal_of(&relay, url), None, "{url}");
        }
        for url in [
            "https://127.0.0.1/v2/",
            "http://127.0.0.1:5000/v2/",
            "https://2130706433/v2/",
            "https://0x7f.1/v2/",
            "https://0177.0.0.1/v2/",
            "https://127.1/v2/",
            "https://[::1]/v2/",
            "https://[::ffff:127.0.0.1]/v2/",
            "https://[64:ff9b::a9fe:a9fe]/v2/",
            "https://169.254.169.254/v2/",
            "https://10.0.0.5/v2/",
            "https://10.0.0.5:5001/v2/",
            // Public, but without TLS.
            "http://1.1.1.1/v2/",
            "http://ghcr.io/v2/",
        ] {
            assert!(refusal_of(&relay, url).is_some(), "{url}");
        }
    }

    #[test]
    fn only_our_own_page_is_answered() {
        let check = |headers: &[(&'static str, &'static str)], is_ours: bool| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, HeaderValue::from_static(value));
            }
            let rules = Rules {
                own_names: vec!["lamina.example".to_owned()],
                pages: vec!["https://pages.example:443".parse().unwrap()],
                ..Rules::default()
            };
            assert_eq!(check_origin(&map, &rules).is_ok(), is_ours, "{headers:?}");
        };
        check(&[("host", "localhost:8080")], true);
        check(&[("host", "127.0.0.1:8080")], true);
        check(&[("host", "192.168.1.5:8080")], true);
        check(&[("host", "[::1]:8080")], true);
        check(&[("host", "lamina.example")], true);
        check(&[("host", "evil.example:8080")], false);
        check(&[("host", "localhost.evil.example")], false);
        check(&[], false);
        let local = ("host", "localhost:8080");
        check(&[local, ("origin", "http://localhost:8080")], true);
        check(&[local, ("origin", "http://localhost:8081")], false);
        check(&[local, ("origin", "https://evil.example")], false);
        check(&[local, ("origin", "null")], false);
        check(&[local, ("sec-fetch-site", "same-origin")], true);
        check(&[local, ("sec-fetch-site", "none")], true);
        check(&[local, ("sec-fetch-site", "cross-site")], false);
        check(&[local, ("sec-fetch-site", "same-site")], false);
        check(&[local, ("sec-fetch-dest", "empty")], true);
        check(&[local, ("sec-fetch-dest", "script")], false);
        check(&[local, ("sec-fetch-dest", "document")], false);
        // A page that the operator named; the name alone, and nothing else of it, is enough.
        let guest = ("origin", "https://pages.example");
        check(&[local, guest, ("sec-fetch-site", "cross-site")], true);
        check(&[local, guest, ("sec-fetch-dest", "script")], false);
        check(&[("host", "evil.example"), guest], false);
        check(&[local, ("origin", "http://pages.example")], false);
        check(&[local, ("origin", "https://pages.example:444")], false);
    }

    #[test]
    fn an_origin_is_told_from_an_address() {
        let check = |text: &str, expect: Option<&str>| {
            let origin = text.parse::<PageOrigin>().ok();
            assert_eq!(origin.as_ref().map(PageOrigin::as_str), expect, "{text:?}");
        };
        check("https://a.example", Some("https://a.example"));
        check("https://a.example/", Some("https://a.example"));
        check("http://localhost:8080", Some("http://localhost:8080"));
        check("https://a.example/page", None);
        check("*", None);
        check("a.example", None);
    }

    #[test]
    fn nothing_that_runs_comes_back() {
        let check = |found: &'static str, expect: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(found));
            assert_eq!(harmless_type(&headers), expect);
        };
        let index = "application/vnd.oci.image.index.v1+json";
        check(index, index);
        check(
            "application/json; charset=utf-8",
            "application/json; charset=utf-8",
        );
        check("text/html", "text/plain; charset=utf-8");
        check("text/javascript", "text/plain; charset=utf-8");
        check("application/javascript", "application/octet-stream");
        check("image/svg+xml", "application/octet-stream");
        assert_eq!(harmless_type(&HeaderMap::new()), "application/octet-stream");
    }
}
