//! The distribution API: manifests judged, everything else passed through.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header, request::Parts,
    },
    response::Response,
};
use lamina_image::{
    digest::{Digest, Hasher},
    limits::MAX_MANIFEST_BYTES,
};
use lamina_registry::{
    Url,
    session::{is_repository, is_tag},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    Gate, Manifest, Redirects, checker,
    upstream::{AskError, PASSED_ON, PASSED_ON_WHOLE, Target, credentials_of, parameters},
};
use crate::{csp, limits, relay};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked<'a> {
    Ping,
    Manifest(&'a str, &'a str),
    Blob(&'a str, &'a str),
    Tags(&'a str),
    Referrers(&'a str, &'a str),
}

impl<'a> Asked<'a> {
    fn read(path: &'a str) -> Option<Self> {
        let rest = match path {
            "/v2" | "/v2/" => return Some(Self::Ping),
            path => path.strip_prefix("/v2/")?,
        };
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return is_name(name).then_some(Self::Tags(name));
        }
        let mut parts = rest.rsplitn(3, '/');
        let (reference, collection, name) = (parts.next()?, parts.next()?, parts.next()?);
        let is_digest = reference.parse::<Digest>().is_ok();
        if !is_name(name) {
            return None;
        }
        match collection {
            "manifests" if is_digest || is_tag(reference) => Some(Self::Manifest(name, reference)),
            "blobs" if is_digest => Some(Self::Blob(name, reference)),
            "referrers" if is_digest => Some(Self::Referrers(name, reference)),
            _ => None,
        }
    }

    /// Its kind in metrics.
    fn kind(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Manifest(..) => "manifest",
            Self::Blob(..) => "blob",
            Self::Tags(_) => "tags",
            Self::Referrers(..) => "referrers",
        }
    }
}

/// A repository here: a prefix may have a port in it.
fn is_name(name: &str) -> bool {
    match name.split_once('/') {
        Some((first, rest)) => is_repository(&first.replace(':', "-")) && is_repository(rest),
        None => is_repository(name),
    }
}

/// Why the gate answers for itself.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl From<AskError> for Refusal {
    fn from(error: AskError) -> Self {
        Self {
            status: match error.kind() {
                "timeout" => StatusCode::GATEWAY_TIMEOUT,
                _ => StatusCode::BAD_GATEWAY,
            },
            code: "UNKNOWN",
            message: format!("the registry behind this gate: {error}"),
        }
    }
}

/// Answers a request below `/v2/`.
pub(crate) async fn answer(State(gate): State<Gate>, request: Request<Body>) -> Response {
    // The gate reads no bodies of requests.
    let (request, _) = request.into_parts();
    let mut response = match gate.answer(&request).await {
        Ok(response) => response,
        Err(refusal) => refusal_response(&refusal, &request.method),
    };
    let headers = response.headers_mut();
    // On our own origin are pages: what comes from a registry must never be more than data.
    for (name, value) in [
        ("content-security-policy", csp::DATA),
        ("x-content-type-options", "nosniff"),
        ("docker-distribution-api-version", "registry/2.0"),
    ] {
        let name = HeaderName::from_static(name);
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// An error as registries write it. Harbor's has a line feed at the end, and so has ours.
fn refusal_response(refusal: &Refusal, method: &Method) -> Response {
    let body = serde_json::json!({
        "errors": [{ "code": refusal.code, "message": refusal.message }]
    });
    let body = format!("{body}\n");
    let mut builder = Response::builder()
        .status(refusal.status)
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8");
    if refusal.status == StatusCode::SERVICE_UNAVAILABLE {
        builder = builder.header(header::RETRY_AFTER, "1");
    }
    let body = match *method {
        Method::HEAD => Body::empty(),
        _ => Body::from(body),
    };
    builder.body(body).unwrap_or_default()
}

impl Gate {
    async fn answer(&self, request: &Parts) -> Result<Response, Refusal> {
        if !matches!(request.method, Method::GET | Method::HEAD) {
            self.metrics().request("write", "refused");
            return Err(Refusal {
                status: StatusCode::METHOD_NOT_ALLOWED,
                code: "UNSUPPORTED",
                message: "images are pulled through this gate; push to the registry behind it"
                    .to_owned(),
            });
        }
        let path = request.uri.path();
        let Some(asked) = Asked::read(path) else {
            self.metrics().request("other", "not-found");
            return Err(Refusal {
                status: StatusCode::NOT_FOUND,
                code: "UNSUPPORTED",
                message: "this gate passes on manifests, blobs, tags and referrers".to_owned(),
            });
        };
        let query = request.uri.query();
        let namespace = parameters(query)
            .into_iter()
            .find(|(name, _)| name == "ns")
            .map(|(_, value)| value);
        let namespace = namespace.as_deref().filter(|value| !value.is_empty());
        let route = |name| {
            self.0.upstreams.route(name, namespace).map_err(|message| {
                self.metrics().request(asked.kind(), "not-found");
                Refusal {
                    status: StatusCode::NOT_FOUND,
                    code: "NAME_UNKNOWN",
                    message,
                }
            })
        };
        let part = |target: &Target<'_>, part: String| target.url(&part, query);
        match asked {
            Asked::Ping => self.ping(request, namespace).await,
            Asked::Manifest(name, reference) => {
                let target = route(name)?;
                self.answer_manifest(request, &target, reference).await
            }
            Asked::Blob(name, digest) => {
                let target = route(name)?;
                let url = part(&target, format!("blobs/{digest}"));
                self.pass(request, asked, &target, url).await
            }
            Asked::Tags(name) => {
                let target = route(name)?;
                let url = part(&target, "tags/list".to_owned());
                self.pass(request, asked, &target, url).await
            }
            Asked::Referrers(name, digest) => {
                let target = route(name)?;
                let url = part(&target, format!("referrers/{digest}"));
                self.pass(request, asked, &target, url).await
            }
        }
    }

    /// With one registry behind the gate it says itself how it wants to be asked; with several, each
    /// says so when it is asked for something.
    async fn ping(&self, request: &Parts, namespace: Option<&str>) -> Result<Response, Refusal> {
        let Some(upstream) = self.0.upstreams.only(namespace) else {
            self.metrics().request("ping", "passed");
            return Ok(Response::builder()
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from("{}"))
                .unwrap_or_default());
        };
        let turn = turn(&self.0.turns).await?;
        let url = upstream.url.with_path_suffix("v2/");
        let headers = relay::passed_on(&request.headers, &PASSED_ON);
        let response = self
            .ask(&request.method, url.clone(), headers, Redirects::Follow)
            .await?;
        self.metrics().request("ping", class(response.status()));
        Ok(self.pass_back(response, turn, &request.method, &url, None))
    }

    /// Everything that is not judged.
    async fn pass(
        &self,
        request: &Parts,
        asked: Asked<'_>,
        target: &Target<'_>,
        url: Url,
    ) -> Result<Response, Refusal> {
        let turn = turn(&self.0.turns).await?;
        let redirects = match (asked, self.0.args.follow_redirects) {
            (Asked::Blob(..), false) => Redirects::Pass,
            _ => Redirects::Follow,
        };
        let headers = relay::passed_on(&request.headers, &PASSED_ON);
        let response = self
            .ask(&request.method, url.clone(), headers, redirects)
            .await?;
        self.metrics()
            .request(asked.kind(), class(response.status()));
        Ok(self.pass_back(response, turn, &request.method, &url, Some(target)))
    }

    async fn ask(
        &self,
        method: &Method,
        url: Url,
        headers: HeaderMap,
        redirects: Redirects,
    ) -> Result<reqwest::Response, AskError> {
        let asked = self.0.asker.ask(method, url, headers, redirects).await;
        asked.inspect_err(|error| {
            self.metrics().upstream_error(error.kind());
            tracing::warn!(%error, "upstream gave no answer");
        })
    }

    async fn answer_manifest(
        &self,
        request: &Parts,
        target: &Target<'_>,
        reference: &str,
    ) -> Result<Response, Refusal> {
        let manifest = match self.fetch_manifest(request, target, reference).await? {
            Fetched::Manifest(manifest) => manifest,
            Fetched::Answer(answer) => {
                let (response, turn, url) = *answer;
                self.metrics().request("manifest", class(response.status()));
                return Ok(self.pass_back(response, turn, &request.method, &url, Some(target)));
            }
        };
        let session = target.session(credentials_of(&request.headers), &checker::options());
        let judgement = self
            .judge(target, reference, &manifest, &session, self.0.args.wait)
            .await;
        if !self.decide(&judgement, "manifest") {
            let host = request
                .headers
                .get(header::HOST)
                .and_then(|host| host.to_str().ok())
                .or_else(|| {
                    request
                        .uri
                        .authority()
                        .map(axum::http::uri::Authority::as_str)
                });
            return Err(Refusal {
                status: StatusCode::PRECONDITION_FAILED,
                code: "PROJECTPOLICYVIOLATION",
                message: self.message(&judgement, host),
            });
        }
        let body = match request.method {
            Method::HEAD => Body::empty(),
            _ => Body::from(manifest.bytes.clone()),
        };
        let digest = manifest.digest.to_string();
        Response::builder()
            .header(header::CONTENT_TYPE, &manifest.media_type)
            .header(header::CONTENT_LENGTH, manifest.bytes.len())
            .header(header::ETAG, format!("\"{digest}\""))
            .header("docker-content-digest", digest)
            .header("lamina-verdict", judgement.outcome.words())
            .body(body)
            .map_err(|_| Refusal {
                status: StatusCode::BAD_GATEWAY,
                code: "UNKNOWN",
                message: "the registry behind this gate gives the manifest an odd type".to_owned(),
            })
    }

    /// Gets a manifest as the client would. A tag is asked for once, so that what is judged is what is
    /// handed out, wherever the tag points a moment later. Where a HEAD tells that the manifest is known
    /// here, no more is asked: registries count GETs.
    async fn fetch_manifest(
        &self,
        request: &Parts,
        target: &Target<'_>,
        reference: &str,
    ) -> Result<Fetched, Refusal> {
        let turn = turn(&self.0.manifest_turns).await?;
        let headers = relay::passed_on(&request.headers, &PASSED_ON_WHOLE);
        let url = |reference: &str| {
            let query = request.uri.query();
            target.url(&format!("manifests/{reference}"), query)
        };
        let wanted = reference.parse::<Digest>().ok();
        let is_known = self
            .manifests(|manifests| manifests.get(reference))
            .is_some();
        let mut reference = reference.to_owned();
        if request.method == Method::HEAD || is_known {
            let response = self
                .ask(
                    &Method::HEAD,
                    url(&reference),
                    headers.clone(),
                    Redirects::Follow,
                )
                .await?;
            if response.status().is_success() {
                let said = announced(&response);
                check_digest(wanted.as_ref(), said.as_ref())?;
                if let Some(found) = wanted.or(said) {
                    reference = found.to_string();
                    if let Some(known) = self.manifests(|manifests| manifests.get(&reference)) {
                        return Ok(Fetched::Manifest(known));
                    }
                }
            } else if request.method == Method::HEAD {
                return Ok(Fetched::Answer(Box::new((response, turn, url(&reference)))));
            }
        }
        let wanted = reference.parse::<Digest>().ok();
        let response = self
            .ask(&Method::GET, url(&reference), headers, Redirects::Follow)
            .await?;
        if !response.status().is_success() {
            return Ok(Fetched::Answer(Box::new((response, turn, url(&reference)))));
        }
        let said = announced(&response);
        let content_type = response
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let bytes = self.read_manifest(response, &url(&reference)).await?;
        let digest = match wanted.as_ref().or(said.as_ref()) {
            Some(like) => {
                let mut hasher = Hasher::new(like.algorithm());
                hasher.update(&bytes);
                hasher.finish()
            }
            None => Digest::of(&bytes),
        };
        check_digest(wanted.as_ref(), Some(&digest))?;
        check_digest(said.as_ref(), Some(&digest))?;
        let manifest = Manifest::read(digest, bytes, content_type.as_deref());
        Ok(Fetched::Manifest(self.keep(manifest)))
    }

    async fn read_manifest(
        &self,
        mut response: reqwest::Response,
        url: &Url,
    ) -> Result<Bytes, Refusal> {
        let fail = |detail: String| {
            self.metrics().upstream_error("broken");
            Refusal::from(AskError::Answer {
                host: url.authority().to_owned(),
                detail,
            })
        };
        let mut bytes = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if bytes.len() + chunk.len() > MAX_MANIFEST_BYTES => {
                    return Err(fail("the manifest is too large".to_owned()));
                }
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => return Ok(bytes.into()),
                Err(_) => {
                    let read = bytes.len();
                    return Err(fail(format!("the manifest broke off after {read} bytes")));
                }
            }
        }
    }

    /// Hands on an answer; the body follows as fast as the client takes it.
    fn pass_back(
        &self,
        response: reqwest::Response,
        turn: OwnedSemaphorePermit,
        method: &Method,
        url: &Url,
        target: Option<&Target<'_>>,
    ) -> Response {
        let mut builder = Response::builder().status(response.status());
        for (name, value) in response.headers() {
            if value.len() > limits::HEADER_VALUE_BYTES {
                continue;
            }
            if *name == header::WWW_AUTHENTICATE {
                builder = builder.header(name, challenge(value, url));
            } else if *name == header::LINK {
                builder = builder.header(name, link(value, url, target));
            } else if *name == header::LOCATION {
                // Relative to the upstream, not to us.
                let absolute = value.to_str().ok().and_then(|to| url.join(to).ok());
                if let Some(absolute) = absolute {
                    builder = builder.header(name, absolute.to_string());
                }
            } else if *name == header::CONTENT_TYPE
                || *name == header::CACHE_CONTROL
                || relay::is_passed_back(name)
            {
                builder = builder.header(name, value);
            }
        }
        let has_body = *method != Method::HEAD
            && !matches!(
                response.status(),
                StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
            );
        let body = match has_body {
            true => Body::from_stream(relay::pump(response, turn, limits::CLIENT_IDLE)),
            false => Body::empty(),
        };
        builder.body(body).unwrap_or_default()
    }
}

/// Waits until there is room for one more request.
async fn turn(turns: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Refusal> {
    let turn = Arc::clone(turns).acquire_owned();
    match tokio::time::timeout(limits::TURN, turn).await {
        Ok(Ok(turn)) => Ok(turn),
        _ => Err(Refusal {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "TOOMANYREQUESTS",
            message: "this gate has too many requests under way".to_owned(),
        }),
    }
}

/// What an upstream said when it was asked for a manifest.
enum Fetched {
    Manifest(Arc<Manifest>),
    /// Something else, such as that one must log in.
    Answer(Box<(reqwest::Response, OwnedSemaphorePermit, Url)>),
}

/// How an answer counts in metrics.
fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 | 403 => "unauthorised",
        404 => "not-found",
        429 => "rate-limited",
        400..=499 => "client-error",
        500.. => "upstream-error",
        _ => "passed",
    }
}

/// The digest that a registry says a manifest has.
fn announced(response: &reqwest::Response) -> Option<Digest> {
    let value = response.headers().get("docker-content-digest")?;
    value.to_str().ok()?.trim().parse().ok()
}

/// Two digests of the same bytes may be by two algorithms, and then say nothing of each other.
fn check_digest(expected: Option<&Digest>, found: Option<&Digest>) -> Result<(), Refusal> {
    match (expected, found) {
        (Some(expected), Some(found))
            if expected != found && expected.algorithm() == found.algorithm() =>
        {
            Err(Refusal {
                status: StatusCode::BAD_GATEWAY,
                code: "DIGEST_INVALID",
                message: format!(
                    "the registry behind this gate answers with {found} where {expected} was expected"
                ),
            })
        }
        _ => Ok(()),
    }
}

/// A challenge for the client, which shall get its token where the registry says: only a realm without
/// a host is completed.
fn challenge(value: &HeaderValue, url: &Url) -> HeaderValue {
    let origin = format!("realm=\"{}://{}/", url.scheme().as_str(), url.authority());
    let completed = value
        .to_str()
        .ok()
        .filter(|text| text.contains("realm=\"/") && !text.contains("realm=\"//"))
        .and_then(|text| HeaderValue::try_from(text.replacen("realm=\"/", &origin, 1)).ok());
    completed.unwrap_or_else(|| value.clone())
}

/// The next page of a list, by the name that the repository has here.
fn link(value: &HeaderValue, url: &Url, target: Option<&Target<'_>>) -> HeaderValue {
    let rewrite = || {
        let text = value.to_str().ok()?;
        let target = target?;
        let (address, rest) = text.strip_prefix('<')?.split_once('>')?;
        let next = url.join(address).ok()?;
        if !next.is_same_origin(url) {
            return None;
        }
        let there = target.url("", None);
        let part = next.path().strip_prefix(there.path())?;
        let query = next.query().map(|query| format!("?{query}"));
        let query = query.unwrap_or_default();
        let asked = target.asked;
        HeaderValue::try_from(format!("</v2/{asked}/{part}{query}>{rest}")).ok()
    };
    rewrite().unwrap_or_else(|| value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{credentials::RegistryArgs, gate::upstream::Upstreams};

    #[test]
    fn only_what_pulling_needs_is_understood() {
        let digest = Digest::of(b"").to_string();
        let check = |path: &str, expect: Option<Asked<'_>>| {
            assert_eq!(Asked::read(path), expect, "{path}");
        };
        check("/v2", Some(Asked::Ping));
        check("/v2/", Some(Asked::Ping));
        check("/v2/a/manifests/1", Some(Asked::Manifest("a", "1")));
        check("/v2/a/b/tags/list", Some(Asked::Tags("a/b")));
        check(
            "/v2/r.example:5000/b/manifests/1",
            Some(Asked::Manifest("r.example:5000/b", "1")),
        );
        let blob = format!("/v2/a/blobs/{digest}");
        check(&blob, Some(Asked::Blob("a", &digest)));
        let referrers = format!("/v2/a/b/referrers/{digest}");
        check(&referrers, Some(Asked::Referrers("a/b", &digest)));
        for path in [
            "/",
            "/v1/",
            "/v2/_catalog",
            "/v2/a/blobs/latest",
            "/v2/a/blobs/uploads/",
            "/v2/A/manifests/1",
            "/v2/a/../b/manifests/1",
            "/v2/a%2fb/manifests/1",
            "/v2/a/manifests/",
            "/v2//manifests/1",
        ] {
            check(path, None);
        }
    }

    #[test]
    fn only_a_realm_without_a_host_is_completed() {
        let url: Url = "https://r.example:5000/v2/".parse().unwrap();
        let check = |value: &'static str, expect: &str| {
            assert_eq!(challenge(&HeaderValue::from_static(value), &url), expect);
        };
        let whole =
            "Bearer realm=\"https://auth.example/token\",service=\"r\",scope=\"repository:a:pull\"";
        check(whole, whole);
        check(
            "Basic realm=\"Registry, Realm\"",
            "Basic realm=\"Registry, Realm\"",
        );
        check(
            "Bearer realm=\"/token\",service=\"r\"",
            "Bearer realm=\"https://r.example:5000/token\",service=\"r\"",
        );
        check("Bearer realm=\"//evil/\"", "Bearer realm=\"//evil/\"");
    }

    #[test]
    fn the_next_page_is_here() {
        let argument = "https://r.example/base,prefix=team".parse().unwrap();
        let upstreams = Upstreams::new(&[argument], &RegistryArgs::default()).unwrap();
        let target = upstreams.route("team/a/b", None).unwrap();
        let url = target.url("tags/list", None);
        let check = |value: &'static str, expect: &str| {
            let value = HeaderValue::from_static(value);
            assert_eq!(link(&value, &url, Some(&target)), expect);
        };
        check(
            "</base/v2/a/b/tags/list?n=2&last=x>; rel=\"next\"",
            "</v2/team/a/b/tags/list?n=2&last=x>; rel=\"next\"",
        );
        check(
            "<https://r.example/base/v2/a/b/tags/list?last=x>; rel=\"next\"",
            "</v2/team/a/b/tags/list?last=x>; rel=\"next\"",
        );
        let other = "<https://other.example/v2/a/b/tags/list>; rel=\"next\"";
        check(other, other);
    }
}
