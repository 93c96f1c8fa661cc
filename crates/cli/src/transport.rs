//! Performs what the machines of `lamina-registry` ask for, with an HTTP client.

use std::{error::Error as _, time::SystemTime};

use anyhow::Context as _;
use axum::body::Bytes;
use lamina_image::digest::Digest;
use lamina_registry::{
    BlobFetch, BlobPull, BlobStep, Flow, Headers, HttpAnswer, HttpRequest, Method, Operation, Ping,
    Pong, PullError, Resolve, Resolved, Session, Step, TagList, Tags, Timestamp, TransportError,
    relay::relayed,
};

use crate::limits;

/// An HTTP client that drives the machines.
#[derive(Clone, Debug)]
pub struct Transport {
    client: reqwest::Client,
    /// The origin of a relay to go through.
    relay: Option<String>,
}

/// Why a streamed blob ended early.
#[derive(Debug, thiserror::Error)]
pub enum StreamError<E> {
    /// The registry's fault, or the network's.
    #[error(transparent)]
    Pull(#[from] Box<PullError>),
    /// The sink wants no more.
    #[error(transparent)]
    Sink(E),
}

/// The time, for machines.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let millis = since.unwrap_or_default().as_millis();
    Timestamp::from_millis(u64::try_from(millis).unwrap_or_default())
}

/// The time, for what is written.
///
/// # Errors
/// If the machine's clock is beyond all calendars.
pub fn clock() -> anyhow::Result<jiff::Timestamp> {
    let seconds = i64::try_from(now().as_millis() / 1000)?;
    jiff::Timestamp::from_second(seconds).context("reading the clock")
}

/// Builds a client with what every client of this program has in common, and what `more` adds.
///
/// Without any certificates on this machine (a bare container), there is a client all the same: it
/// reaches registries without TLS, and says why it does not reach others.
pub(crate) fn build_client(
    more: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> anyhow::Result<reqwest::Client> {
    match more(client_builder()).build() {
        Ok(client) => Ok(client),
        Err(error) => {
            let reason = error
                .source()
                .map_or_else(|| error.to_string(), ToString::to_string);
            tracing::warn!(
                reason,
                "TLS not set up: install ca-certificates or set SSL_CERT_FILE"
            );
            more(client_builder())
                .tls_certs_only([])
                .build()
                .context("setting up an HTTP client")
        }
    }
}

fn client_builder() -> reqwest::ClientBuilder {
    // A second call finds the provider set, which is just as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(concat!("lamina/", env!("CARGO_PKG_VERSION")))
        // The machines and the relay follow redirects themselves, under their own rules.
        .redirect(reqwest::redirect::Policy::none())
        // They count tries themselves, too.
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(limits::CONNECT)
        .read_timeout(limits::UPSTREAM_IDLE)
        .http1_max_headers(limits::ANSWER_HEADERS)
}

impl Transport {
    /// A client with the system's certificates.
    pub fn new() -> anyhow::Result<Self> {
        let client = build_client(|builder| builder)?;
        Ok(Self {
            client,
            relay: None,
        })
    }

    /// Asks through the relay of a `lamina serve` at `origin` (`http://localhost:8080`), as the page
    /// does.
    #[must_use]
    pub fn through(mut self, origin: &str) -> Self {
        self.relay = Some(origin.to_owned());
        self
    }

    /// Asks whether a registry is there.
    pub async fn ping(&self, session: &Session) -> Result<Pong, PullError> {
        self.run(Ping::new(session, now())).await
    }

    /// Asks for a manifest or index, by tag or digest.
    pub async fn resolve(
        &self,
        session: &Session,
        repository: &str,
        reference: &str,
    ) -> Result<Resolved, PullError> {
        self.run(Resolve::new(session, repository, reference, now()))
            .await
    }

    /// Asks for an image's config.
    pub async fn fetch_config(
        &self,
        session: &Session,
        repository: &str,
        digest: &Digest,
    ) -> Result<Vec<u8>, PullError> {
        self.run(BlobFetch::config(session, repository, digest, now()))
            .await
    }

    /// Asks for the tags of a repository.
    pub async fn tags(&self, session: &Session, repository: &str) -> Result<TagList, PullError> {
        self.run(Tags::new(session, repository, now())).await
    }

    /// Drives any operation to its end.
    pub async fn run<O: Operation>(&self, mut operation: O) -> Result<O::Output, PullError> {
        loop {
            match operation.poll() {
                Step::Request(request) => {
                    let answer = self.perform(request).await;
                    operation.provide(answer, now());
                }
                Step::Wait(wait) => {
                    tracing::debug!(wait_ms = wait.as_millis(), "request waits");
                    tokio::time::sleep(wait).await;
                }
                Step::Done => return operation.finish(),
            }
        }
    }

    /// Streams a blob into `sink`, chunk by chunk, each byte once and in order. The next chunk is
    /// read when the sink is done with the last: a slow sink slows the sender. Answers the size.
    pub async fn stream_blob<E, S, F>(
        &self,
        session: &Session,
        repository: &str,
        digest: &Digest,
        size: Option<u64>,
        mut sink: S,
    ) -> Result<u64, StreamError<E>>
    where
        S: FnMut(Bytes) -> F,
        F: Future<Output = Result<(), E>>,
    {
        let mut pull = BlobPull::new(session, repository, digest, size, now());
        loop {
            let request = match pull.poll() {
                BlobStep::Open(request) => request.clone(),
                BlobStep::Wait(wait) => {
                    tracing::info!(%digest, wait_ms = wait.as_millis(), "blob waits");
                    tokio::time::sleep(wait).await;
                    continue;
                }
                BlobStep::Done => {
                    return pull
                        .finish()
                        .map_err(|error| StreamError::Pull(Box::new(error)));
                }
            };
            let mut response = match self.send(&request).await {
                Ok(response) => response,
                Err(error) => {
                    pull.broken(error, now());
                    continue;
                }
            };
            let status = response.status().as_u16();
            let headers = headers_of(response.headers());
            match pull.started(status, &headers, now()) {
                Flow::Drop => {}
                Flow::Body => {
                    let body = read_body(response, request.body_limit).await;
                    let answer = body.map(|body| HttpAnswer {
                        status,
                        headers,
                        body,
                    });
                    pull.provide(answer, now());
                }
                Flow::Stream => {
                    let mut received = 0_u64;
                    loop {
                        match response.chunk().await {
                            Ok(Some(chunk)) => {
                                received += chunk.len() as u64;
                                let fresh = pull
                                    .received(&chunk)
                                    .map_err(|error| StreamError::Pull(Box::new(error)))?;
                                if !fresh.is_empty() {
                                    let fresh = chunk.slice_ref(fresh);
                                    sink(fresh).await.map_err(StreamError::Sink)?;
                                }
                            }
                            Ok(None) => {
                                pull.ended(now());
                                break;
                            }
                            Err(error) => {
                                let error = if error.is_timeout() {
                                    TransportError::Timeout
                                } else {
                                    TransportError::BrokenBody { received }
                                };
                                tracing::info!(%digest, received, "blob broke off");
                                pull.broken(error, now());
                                break;
                            }
                        }
                    }
                }
            }
        }
    }

    async fn perform(&self, request: &HttpRequest) -> Result<HttpAnswer, TransportError> {
        let response = self.send(request).await?;
        let status = response.status().as_u16();
        let headers = headers_of(response.headers());
        let body = read_body(response, request.body_limit).await?;
        Ok(HttpAnswer {
            status,
            headers,
            body,
        })
    }

    async fn send(&self, request: &HttpRequest) -> Result<reqwest::Response, TransportError> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Head => reqwest::Method::HEAD,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
        };
        tracing::debug!(method = request.method.as_str(), url = ?request.url, "request starts");
        let url = match &self.relay {
            Some(origin) => relayed(origin, &request.url),
            None => request.url.to_string(),
        };
        let mut builder = self.client.request(method, url);
        for (name, value) in request.headers.iter() {
            builder = builder.header(name, value);
        }
        if let Some(body) = &request.body {
            builder = builder.body(body.to_vec());
        }
        builder.send().await.map_err(transport_error)
    }
}

/// What a client's error means for a machine. Without the URL, which may hold a signature.
pub(crate) fn transport_error(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    let mut causes = Vec::new();
    let mut is_tls = false;
    let mut source = error.source();
    while let Some(cause) = source {
        is_tls |= is_tls_error(cause);
        causes.push(cause.to_string());
        source = cause.source();
    }
    // The last cause says what happened; those before it where.
    let detail = causes.pop().unwrap_or_else(|| error.to_string());
    if error.is_timeout() {
        TransportError::Timeout
    } else if is_tls {
        TransportError::Tls(detail)
    } else if error.is_connect() {
        TransportError::Unreachable(detail)
    } else {
        TransportError::Other(detail)
    }
}

/// `io::Error` hides what it wraps from `source`, and the TLS library's error comes wrapped twice.
fn is_tls_error(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<rustls::Error>()
        || error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
            .is_some_and(|inner| is_tls_error(inner))
}

async fn read_body(mut response: reqwest::Response, limit: u64) -> Result<Vec<u8>, TransportError> {
    let too_large = TransportError::TooLarge { limit };
    if response
        .content_length()
        .is_some_and(|length| length > limit)
    {
        return Err(too_large);
    }
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                if (body.len() + chunk.len()) as u64 > limit {
                    return Err(too_large);
                }
                body.extend_from_slice(&chunk);
            }
            Ok(None) => return Ok(body),
            Err(error) if error.is_timeout() => return Err(TransportError::Timeout),
            Err(_) => {
                return Err(TransportError::BrokenBody {
                    received: body.len() as u64,
                });
            }
        }
    }
}

fn headers_of(headers: &reqwest::header::HeaderMap) -> Headers {
    headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect()
}
