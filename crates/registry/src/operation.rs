//! What all operations have in common.

use std::time::Duration;

use crate::{
    error::PullError,
    http::{HttpAnswer, HttpRequest, TransportError},
    time::Timestamp,
};

/// What an operation needs next.
#[derive(Debug)]
pub enum Step<'a> {
    /// Perform this request, read the body up to [`HttpRequest::body_limit`], and call
    /// [`Operation::provide`]. Redirects are not to be followed where that can be told (the machine
    /// follows them itself, under its rules); `fetch` follows them and that is fine too.
    Request(&'a HttpRequest),
    /// Wait this long, then poll again. Said once.
    Wait(Duration),
    /// Call [`Operation::finish`].
    Done,
}

/// One exchange with a registry, driven from outside.
pub trait Operation {
    /// What it is all for.
    type Output;

    /// What is needed next. Between two calls of `provide` it answers the same request again, but a
    /// wait only once.
    fn poll(&mut self) -> Step<'_>;

    /// Gives the answer to the request that `poll` asked for.
    fn provide(&mut self, answer: Result<HttpAnswer, TransportError>, now: Timestamp);

    /// The result, once `poll` said [`Step::Done`].
    fn finish(self) -> Result<Self::Output, PullError>;
}
