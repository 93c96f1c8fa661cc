//! Blobs: small ones whole, large ones as a stream that survives broken transfers.

use std::time::Duration;

use lamina_image::digest::Digest;

use crate::{
    error::{ErrorKind, PullError, Stage},
    exchange::{Ask, Exchange, Range},
    http::{Headers, HttpAnswer, HttpRequest, Method, TransportError},
    limits,
    manifest::digest_like,
    operation::{Operation, Step},
    retry::backoff,
    session::{Session, is_repository},
    time::Timestamp,
};

/// Asks for a small blob, such as an image's config, and verifies its digest.
#[derive(Debug)]
pub struct BlobFetch {
    session: Session,
    exchange: Exchange,
    digest: Digest,
    stage: Stage,
}

impl BlobFetch {
    /// Starts to ask for an image's config.
    pub fn config(session: &Session, repository: &str, digest: &Digest, now: Timestamp) -> Self {
        Self::new(session, repository, digest, Stage::Config, now)
    }

    /// Starts to ask for any small blob; at most [`limits::CONFIG_BYTES`].
    pub fn new(
        session: &Session,
        repository: &str,
        digest: &Digest,
        stage: Stage,
        now: Timestamp,
    ) -> Self {
        Self {
            session: session.clone(),
            exchange: ask_blob(session, repository, digest, stage, None, now),
            digest: digest.clone(),
            stage,
        }
    }
}

impl Operation for BlobFetch {
    type Output = Vec<u8>;

    fn poll(&mut self) -> Step<'_> {
        self.exchange.poll()
    }

    fn provide(&mut self, answer: Result<HttpAnswer, TransportError>, now: Timestamp) {
        self.exchange.provide(answer, now);
    }

    fn finish(self) -> Result<Vec<u8>, PullError> {
        let body = self.exchange.finish()?.body;
        let found = digest_like(&self.digest, &body);
        if found == self.digest {
            return Ok(body);
        }
        let kind = ErrorKind::DigestMismatch {
            expected: self.digest,
            found,
        };
        Err(self.session.error(self.stage, kind))
    }
}

fn ask_blob(
    session: &Session,
    repository: &str,
    digest: &Digest,
    stage: Stage,
    range: Option<Range>,
    now: Timestamp,
) -> Exchange {
    let ask = Ask {
        stage,
        method: Method::Get,
        url: session.url(&format!("v2/{repository}/blobs/{digest}")),
        accept: None,
        range,
        body: None,
        is_push: false,
        body_limit: limits::CONFIG_BYTES,
        repository: Some(repository.to_owned()),
        reference: digest.to_string(),
    };
    if is_repository(repository) {
        Exchange::new(session, ask, now)
    } else {
        let kind = ErrorKind::BadReference(repository.chars().take(160).collect());
        Exchange::failed(session, ask, kind, now)
    }
}

/// Streams a blob, resuming by `Range` where a transfer breaks.
///
/// ```text
/// loop {
///     match pull.poll() {
///         BlobStep::Open(request) => send it; then with status and headers:
///             match pull.started(status, &headers, now) {
///                 Flow::Stream => for each chunk: sink(pull.received(&chunk)?);
///                                 then pull.ended(now), or pull.broken(error, now)
///                 Flow::Body   => read the body up to the request's limit, pull.provide(Ok(answer), now)
///                 Flow::Drop   => drop the answer, poll again
///             }
///             or, without an answer: pull.broken(error, now)
///         BlobStep::Wait(pause) => wait
///         BlobStep::Done => break
///     }
/// }
/// let bytes = pull.finish()?;
/// ```
///
/// The sink sees every byte of the blob once and in order, whatever happened in between. The digest
/// is left to whoever reads the bytes (`lamina_image` verifies it while it unpacks).
#[derive(Debug)]
pub struct BlobPull {
    session: Session,
    repository: String,
    digest: Digest,
    /// The descriptor's size, if it is trusted to be right.
    expected: Option<u64>,
    state: State,
    /// The byte of the blob that the sink sees first.
    first: u64,
    /// The byte after the last that is asked for, if not the whole rest is.
    until: Option<u64>,
    /// Bytes given to the sink, and those before the first.
    received: u64,
    /// Whether a registry gave less than the whole blob when it was asked to.
    is_partial: bool,
    breaks: Breaks,
    wait: Option<Duration>,
    /// The registry refused a range: ask for the whole again.
    without_range: bool,
    now: Timestamp,
}

#[derive(Debug, Default)]
struct Breaks {
    in_all: u32,
    without_progress: u32,
    /// `received` at the last break.
    at: u64,
}

#[derive(Debug)]
enum State {
    Asking(Box<Exchange>),
    /// Bytes still to skip of this answer, and whether more may come.
    Streaming {
        skip: u64,
    },
    Done(Result<u64, PullError>),
}

/// What a [`BlobPull`] needs next.
#[derive(Debug)]
pub enum BlobStep<'a> {
    /// Send this request and call [`BlobPull::started`] once status and headers are there.
    Open(&'a HttpRequest),
    /// Wait this long, then poll again. Said once.
    Wait(Duration),
    /// Call [`BlobPull::finish`].
    Done,
}

/// What to do with an answer's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Pass each chunk to [`BlobPull::received`].
    Stream,
    /// Read it whole, up to the request's limit, and call [`BlobPull::provide`].
    Body,
    /// Drop it and poll again.
    Drop,
}

impl BlobPull {
    /// Starts to ask for a blob of `size` bytes (the descriptor's; `None` if unknown).
    pub fn new(
        session: &Session,
        repository: &str,
        digest: &Digest,
        size: Option<u64>,
        now: Timestamp,
    ) -> Self {
        let exchange = ask_blob(session, repository, digest, Stage::Blob, None, now);
        Self {
            session: session.clone(),
            repository: repository.to_owned(),
            digest: digest.clone(),
            expected: size,
            state: State::Asking(Box::new(exchange)),
            first: 0,
            until: None,
            received: 0,
            is_partial: false,
            breaks: Breaks::default(),
            wait: None,
            without_range: false,
            now,
        }
    }

    /// Starts to ask for a part of a blob: from the byte `from` on, up to `until` if that is known. A
    /// registry that knows no ranges sends the whole; what is not asked for the sink does not see.
    pub fn part(
        session: &Session,
        repository: &str,
        digest: &Digest,
        (from, until): (u64, Option<u64>),
        now: Timestamp,
    ) -> Self {
        let mut pull = Self::new(session, repository, digest, until, now);
        pull.first = from;
        pull.until = until;
        pull.received = from;
        let range = Range { from, until };
        let exchange = ask_blob(session, repository, digest, Stage::Blob, Some(range), now);
        pull.state = State::Asking(Box::new(exchange));
        pull
    }

    /// Bytes given on so far.
    pub fn received_bytes(&self) -> u64 {
        self.received - self.first
    }

    /// Whether the registry gave a part where a part was asked for.
    pub fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// How often the transfer broke so far.
    pub fn breaks(&self) -> u32 {
        self.breaks.in_all
    }

    /// What is needed next.
    pub fn poll(&mut self) -> BlobStep<'_> {
        if let Some(wait) = self.wait.take() {
            return BlobStep::Wait(wait);
        }
        match &mut self.state {
            State::Asking(exchange) => match exchange.poll() {
                Step::Request(request) => BlobStep::Open(request),
                Step::Wait(wait) => BlobStep::Wait(wait),
                Step::Done => BlobStep::Done,
            },
            State::Streaming { .. } | State::Done(_) => BlobStep::Done,
        }
    }

    /// An answer begins.
    pub fn started(&mut self, status: u16, headers: &Headers, now: Timestamp) -> Flow {
        self.now = now;
        let State::Asking(exchange) = &mut self.state else {
            return Flow::Drop;
        };
        if !exchange.is_asking() {
            return Flow::Body;
        }
        let skip = match status {
            200 => Some(self.received),
            206 => match range_start(headers) {
                Some(start) => self.received.checked_sub(start),
                // No `Content-Range` that we can read (or that the browser shows us): what we asked
                // for is what a server must send.
                None => Some(0),
            },
            416 if self.received > 0 => {
                if self.expected == Some(self.received) {
                    self.state = State::Done(Ok(self.received));
                } else {
                    self.without_range = true;
                    self.resume(TransportError::BrokenBody {
                        received: self.received,
                    });
                }
                return Flow::Drop;
            }
            301 | 302 | 303 | 307 | 308 => {
                let answer = HttpAnswer {
                    status,
                    headers: headers.clone(),
                    body: Vec::new(),
                };
                self.answer(Ok(answer), now);
                return Flow::Drop;
            }
            _ => return Flow::Body,
        };
        match skip {
            Some(skip) => {
                self.is_partial = status == 206;
                self.state = State::Streaming { skip };
                Flow::Stream
            }
            // It starts behind what we have: there would be a hole.
            None => {
                self.without_range = true;
                self.resume(TransportError::BrokenBody { received: 0 });
                Flow::Drop
            }
        }
    }

    /// The whole answer, where [`Flow::Body`] was asked for.
    pub fn provide(&mut self, answer: Result<HttpAnswer, TransportError>, now: Timestamp) {
        self.now = now;
        self.answer(answer, now);
    }

    /// Bytes arrived; answers those that the sink has not seen yet.
    pub fn received<'a>(&mut self, chunk: &'a [u8]) -> Result<&'a [u8], PullError> {
        let State::Streaming { skip } = &mut self.state else {
            return Ok(&[]);
        };
        let known = usize::try_from(*skip)
            .unwrap_or(usize::MAX)
            .min(chunk.len());
        *skip -= known as u64;
        let fresh = chunk.get(known..).unwrap_or_default();
        // A registry that knows no ranges sends more than is asked for.
        let fresh = match self.until {
            Some(until) => {
                let left = usize::try_from(until.saturating_sub(self.received));
                fresh.get(..left.unwrap_or(usize::MAX)).unwrap_or(fresh)
            }
            None => fresh,
        };
        let received = self.received.saturating_add(fresh.len() as u64);
        if let Some(expected) = self.expected.filter(|expected| received > *expected) {
            let error = self
                .session
                .error(Stage::Blob, ErrorKind::TooLong { expected });
            self.state = State::Done(Err(error.clone()));
            return Err(error);
        }
        self.received = received;
        Ok(fresh)
    }

    /// The answer's body ended as it should. If bytes are missing it is a broken transfer all the
    /// same.
    pub fn ended(&mut self, now: Timestamp) {
        self.now = now;
        let State::Streaming { skip } = &self.state else {
            return;
        };
        let is_short = *skip > 0 || self.expected.is_some_and(|size| self.received < size);
        if is_short {
            self.resume(TransportError::BrokenBody {
                received: self.received,
            });
        } else {
            self.state = State::Done(Ok(self.received));
        }
    }

    /// There is no answer, or it broke off.
    pub fn broken(&mut self, error: TransportError, now: Timestamp) {
        self.now = now;
        match &self.state {
            State::Asking(_) => self.answer(Err(error), now),
            State::Streaming { .. } => self.resume(error),
            State::Done(_) => {}
        }
    }

    /// The size of the blob in bytes, once `poll` said [`BlobStep::Done`].
    pub fn finish(self) -> Result<u64, PullError> {
        match self.state {
            State::Done(result) => result,
            State::Asking(exchange) => match exchange.finish() {
                Err(error) => Err(error),
                Ok(_) => Err(self.session.error(Stage::Blob, ErrorKind::Unfinished)),
            },
            State::Streaming { .. } => Err(self.session.error(Stage::Blob, ErrorKind::Unfinished)),
        }
    }

    fn answer(&mut self, answer: Result<HttpAnswer, TransportError>, now: Timestamp) {
        let State::Asking(exchange) = &mut self.state else {
            return;
        };
        exchange.provide(answer, now);
        if exchange.is_done() {
            let State::Asking(exchange) = std::mem::replace(
                &mut self.state,
                State::Done(Err(self.session.error(Stage::Blob, ErrorKind::Unfinished))),
            ) else {
                return;
            };
            let result = match exchange.finish() {
                // Success other than 200 and 206 (204, say) brings no blob.
                Ok(answer) => Err(self.session.error(
                    Stage::Blob,
                    ErrorKind::Status {
                        host: self.session.endpoint().authority().to_owned(),
                        status: answer.status,
                        said: crate::error::Said::default(),
                    },
                )),
                Err(error) => Err(error),
            };
            self.state = State::Done(result);
        }
    }

    /// Asks for the rest, after a pause, unless it broke too often.
    fn resume(&mut self, error: TransportError) {
        if self.received > self.breaks.at {
            self.breaks.without_progress = 0;
        }
        self.breaks.at = self.received;
        self.breaks.in_all += 1;
        self.breaks.without_progress += 1;
        let is_too_often = self.breaks.in_all > limits::RESUMES
            || self.breaks.without_progress > limits::RESUMES_WITHOUT_PROGRESS;
        if is_too_often || !error.is_transient() {
            let kind = ErrorKind::KeepsBreaking {
                breaks: self.breaks.in_all,
                received: self.received,
                source: error,
            };
            self.state = State::Done(Err(self.session.error(Stage::Blob, kind)));
            return;
        }
        self.wait = Some(backoff(
            self.breaks.without_progress,
            self.session.jitter_permille(),
        ));
        let range = (self.received > 0 && !self.without_range).then_some(Range {
            from: self.received,
            until: self.until,
        });
        self.without_range = false;
        self.state = State::Asking(Box::new(ask_blob(
            &self.session,
            &self.repository,
            &self.digest,
            Stage::Blob,
            range,
            self.now,
        )));
    }
}

/// The first byte of `Content-Range: bytes 5-9/10`.
fn range_start(headers: &Headers) -> Option<u64> {
    let value = headers.get("content-range")?.trim();
    let range = value.strip_prefix("bytes")?.trim_start();
    let (start, _) = range.split_once('-')?;
    start.trim().parse().ok()
}
