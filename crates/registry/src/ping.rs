//! `GET /v2/`: is there a registry, and does it know us?

use crate::{
    error::{ErrorKind, PullError, Stage, is_html},
    exchange::{Ask, Exchange, not_a_registry},
    http::{HttpAnswer, Method, TransportError},
    limits,
    operation::{Operation, Step},
    session::Session,
    time::Timestamp,
};

/// Asks whether a registry is there; with credentials, also whether it takes them.
#[derive(Debug)]
pub struct Ping {
    session: Session,
    exchange: Exchange,
}

/// A registry is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pong {
    /// It lets nobody in without a login (single repositories may still be open to all: Quay's are).
    pub needs_login: bool,
}

impl Ping {
    /// Starts to ask.
    pub fn new(session: &Session, now: Timestamp) -> Self {
        let ask = Ask {
            stage: Stage::Ping,
            method: Method::Get,
            url: session.url("v2/"),
            accept: None,
            range: None,
            body: None,
            is_push: false,
            body_limit: limits::ERROR_BYTES,
            repository: None,
            reference: String::new(),
        };
        Self {
            exchange: Exchange::new(session, ask, now),
            session: session.clone(),
        }
    }
}

impl Operation for Ping {
    type Output = Pong;

    fn poll(&mut self) -> Step<'_> {
        self.exchange.poll()
    }

    fn provide(&mut self, answer: Result<HttpAnswer, TransportError>, now: Timestamp) {
        self.exchange.provide(answer, now);
    }

    fn finish(self) -> Result<Pong, PullError> {
        let host = self.session.endpoint().authority().to_owned();
        match self.exchange.finish() {
            Ok(answer) if is_html(&answer) => Err(self
                .session
                .error(Stage::Ping, not_a_registry(host, &answer))),
            Ok(_) => Ok(Pong { needs_login: false }),
            Err(error) => match *error.kind {
                ErrorKind::LoginNeeded { .. } => Ok(Pong { needs_login: true }),
                _ => Err(error),
            },
        }
    }
}
