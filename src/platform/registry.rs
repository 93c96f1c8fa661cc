//! Drives `lamina_registry`'s machines with fetch: directly where a registry answers cross-origin,
//! through the relay of `lamina serve` otherwise.

use std::{cell::RefCell, rc::Rc};

use lamina_registry::{
    BlobPull, BlobStep, Flow, Headers, HttpAnswer, HttpRequest, Operation, PullError, Session,
    Step, Timestamp, TransportError,
    relay::{self, Route, Routes},
};

use super::{
    fetch::{self, Answer, FetchError},
    servers::Servers,
};

/// A registry session and the way to it.
#[derive(Clone, Debug)]
pub struct Client {
    /// The session.
    pub session: Session,
    /// Which hosts answer directly: shared by all clients of this thread.
    pub routes: Rc<RefCell<Routes>>,
}

/// Why a blob did not arrive whole.
#[derive(Debug)]
pub enum StreamError {
    /// The registry or the way to it.
    Pull(PullError),
    /// Whoever takes the bytes wants no more.
    Stopped,
}

/// The time, for the machines.
pub fn now() -> Timestamp {
    Timestamp::from_millis(super::whole(super::now_ms()))
}

impl Client {
    /// Runs an operation to its end.
    pub async fn run<O: Operation>(&self, mut operation: O) -> Result<O::Output, PullError> {
        loop {
            match operation.poll() {
                Step::Request(request) => {
                    let answer = self.ask(request).await;
                    if answer.is_err() {
                        super::online().await;
                    }
                    operation.provide(answer, now());
                }
                Step::Wait(pause) => super::sleep(pause).await,
                Step::Done => return operation.finish(),
            }
        }
    }

    /// Streams a blob into `sink`, which answers whether it wants more. Resumes broken transfers.
    pub async fn stream(
        &self,
        mut pull: BlobPull,
        sink: impl FnMut(&[u8]) -> bool,
    ) -> Result<u64, StreamError> {
        self.stream_by(&mut pull, sink).await?;
        pull.finish().map_err(StreamError::Pull)
    }

    /// The same, where the caller wants to know how it went.
    ///
    /// # Errors
    /// As above, but for what [`BlobPull::finish`] says.
    pub async fn stream_by(
        &self,
        pull: &mut BlobPull,
        mut sink: impl FnMut(&[u8]) -> bool,
    ) -> Result<(), StreamError> {
        loop {
            let answer = match pull.poll() {
                BlobStep::Done => return Ok(()),
                BlobStep::Wait(pause) => {
                    super::sleep(pause).await;
                    continue;
                }
                BlobStep::Open(request) => (self.send(request).await, request.body_limit),
            };
            let (answer, limit) = match answer {
                (Ok(answer), limit) => (answer, limit),
                (Err(error), _) => {
                    super::online().await;
                    pull.broken(error, now());
                    continue;
                }
            };
            let headers: Headers = answer.headers.iter().cloned().collect();
            match pull.started(answer.status, &headers, now()) {
                Flow::Drop => {}
                Flow::Body => pull.provide(read_whole(answer, limit).await, now()),
                Flow::Stream => {
                    let mut body = match answer.body() {
                        Ok(body) => body,
                        Err(error) => {
                            pull.broken(transport(error, 0), now());
                            continue;
                        }
                    };
                    let mut chunk = Vec::new();
                    let mut received = 0;
                    loop {
                        match body.next(&mut chunk).await {
                            Ok(more) => {
                                received += chunk.len() as u64;
                                let fresh = match pull.received(&chunk) {
                                    Ok(fresh) => fresh,
                                    Err(error) => {
                                        body.cancel();
                                        return Err(StreamError::Pull(error));
                                    }
                                };
                                if !sink(fresh) {
                                    body.cancel();
                                    return Err(StreamError::Stopped);
                                }
                                if !more {
                                    pull.ended(now());
                                    break;
                                }
                            }
                            Err(error) => {
                                super::online().await;
                                pull.broken(transport(error, received), now());
                                break;
                            }
                        }
                    }
                }
            }
        }
    }

    async fn ask(&self, request: &HttpRequest) -> Result<HttpAnswer, TransportError> {
        read_whole(self.send(request).await?, request.body_limit).await
    }

    async fn send(&self, request: &HttpRequest) -> Result<Answer, TransportError> {
        let registry = self.session.registry();
        let (route, is_guess) = {
            let routes = self.routes.borrow();
            (
                routes.route(registry, &request.url),
                routes.is_guess(registry, &request.url),
            )
        };
        let headers: Vec<(String, String)> = request
            .headers
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let method = request.method.as_str();
        if route == Route::Direct {
            match fetch::send(method, &request.url.to_string(), &headers, None).await {
                Ok(answer) => {
                    if is_guess {
                        self.routes.borrow_mut().learn(&request.url, Route::Direct);
                    }
                    return Ok(answer);
                }
                Err(FetchError::Cancelled) => {
                    return Err(TransportError::Other("cancelled".into()));
                }
                Err(_) => {}
            }
        }
        let base = Servers::load().relay_base();
        let url = relay::relayed(&base, &request.url);
        match fetch::send(method, &url, &headers, None).await {
            Ok(mut answer) if answer.header(relay::HEADER).is_some() => {
                self.routes.borrow_mut().learn(&request.url, Route::Relay);
                for (name, _) in &mut answer.headers {
                    if name.eq_ignore_ascii_case(relay::CHALLENGE_HEADER) {
                        "www-authenticate".clone_into(name);
                    }
                }
                Ok(answer)
            }
            // No relay answers there: the failure of the direct way is what counts.
            Ok(_) | Err(_) => Err(TransportError::CorsRefused),
        }
    }
}

async fn read_whole(answer: Answer, limit: u64) -> Result<HttpAnswer, TransportError> {
    let status = answer.status;
    let headers = answer.headers.iter().cloned().collect();
    let bytes = usize::try_from(limit).unwrap_or(usize::MAX);
    let body = answer.bytes(bytes).await.map_err(|error| match error {
        FetchError::TooLarge(_) => TransportError::TooLarge { limit },
        error => transport(error, 0),
    })?;
    Ok(HttpAnswer {
        status,
        headers,
        body,
    })
}

fn transport(error: FetchError, received: u64) -> TransportError {
    match error {
        FetchError::NoAnswer(message) => TransportError::Unreachable(message),
        FetchError::Broken(_) => TransportError::BrokenBody { received },
        other => TransportError::Other(other.to_string()),
    }
}
