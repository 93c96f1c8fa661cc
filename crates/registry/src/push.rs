//! Storing blobs and manifests: the push of the distribution specification, in one request per blob.
//!
//! A blob that the repository has already is not sent again. Others take a POST, whose answer says
//! where to, and a PUT with all bytes: no chunks, as what is pushed here is small.

use std::sync::Arc;

use lamina_image::digest::Digest;

use crate::{
    error::{ErrorKind, PullError, Stage},
    exchange::{Ask, Exchange},
    http::{HttpAnswer, Method, TransportError},
    limits,
    operation::{Operation, Step},
    session::{Session, is_repository, is_tag},
    time::Timestamp,
};

/// The media type of bytes that say nothing of themselves.
const BYTES: &str = "application/octet-stream";

/// Stores a blob, unless it is there; answers whether it was sent.
#[derive(Debug)]
pub struct BlobPush {
    session: Session,
    repository: String,
    digest: Digest,
    bytes: Arc<[u8]>,
    /// What is being asked, and what for; gone for a moment between two requests.
    exchange: Option<(Phase, Exchange)>,
    result: Option<Result<bool, PullError>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Looking,
    Beginning,
    Sending,
}

/// Stores a manifest under a tag.
#[derive(Debug)]
pub struct ManifestPush {
    exchange: Exchange,
}

impl BlobPush {
    /// Starts to store `bytes`, whose digest is `digest`.
    pub fn new(
        session: &Session,
        repository: &str,
        digest: &Digest,
        bytes: Arc<[u8]>,
        now: Timestamp,
    ) -> Self {
        let mut push = Self {
            session: session.clone(),
            repository: repository.to_owned(),
            digest: digest.clone(),
            bytes,
            exchange: None,
            result: None,
        };
        if is_repository(repository) {
            let path = format!("v2/{repository}/blobs/{digest}");
            let mut ask = push.ask(Stage::Blob, Method::Head, session.url(&path));
            ask.body = None;
            push.exchange = Some((Phase::Looking, Exchange::new(session, ask, now)));
        } else {
            let kind = ErrorKind::BadReference(repository.chars().take(160).collect());
            push.result = Some(Err(session.error(Stage::Push, kind)));
        }
        push
    }

    fn ask(&self, stage: Stage, method: Method, url: crate::url::Url) -> Ask {
        Ask {
            stage,
            method,
            url,
            accept: None,
            range: None,
            body: Some((Arc::from([].as_slice()), BYTES.to_owned())),
            is_push: true,
            body_limit: limits::ERROR_BYTES,
            repository: Some(self.repository.clone()),
            reference: self.digest.to_string(),
        }
    }

    /// What the end of one request means for the next.
    fn advance(&mut self, phase: Phase, exchange: Exchange, now: Timestamp) {
        let asked = exchange.asked_url().clone();
        let next = match (phase, exchange.finish()) {
            (Phase::Looking, Ok(_)) => Err(Ok(false)),
            (Phase::Looking, Err(error)) if matches!(*error.kind, ErrorKind::NoSuchBlob { .. }) => {
                let path = format!("v2/{}/blobs/uploads/", self.repository);
                let url = self.session.url(&path);
                Ok((Phase::Beginning, self.ask(Stage::Push, Method::Post, url)))
            }
            (Phase::Beginning, Ok(answer)) => self.place(&asked, &answer).map(|url| {
                let mut ask = self.ask(Stage::Push, Method::Put, url);
                ask.body = Some((Arc::clone(&self.bytes), BYTES.to_owned()));
                (Phase::Sending, ask)
            }),
            (Phase::Sending, Ok(_)) => Err(Ok(true)),
            (_, Err(error)) => Err(Err(error)),
        };
        match next {
            Ok((phase, ask)) => {
                self.exchange = Some((phase, Exchange::new(&self.session, ask, now)));
            }
            Err(result) => self.result = Some(result),
        }
    }

    /// Where the registry wants the bytes.
    fn place(
        &self,
        asked: &crate::url::Url,
        answer: &HttpAnswer,
    ) -> Result<crate::url::Url, Result<bool, PullError>> {
        let refuse = |detail: &str| {
            let host = asked.authority().to_owned();
            let detail = detail.to_owned();
            let kind = ErrorKind::Redirect { host, detail };
            Err(Err(self.session.error(Stage::Push, kind)))
        };
        let Some(location) = answer.headers.get("location") else {
            return refuse("an upload without saying where to");
        };
        match asked.join(location) {
            // Credentials go with it.
            Ok(url) if url.is_same_origin(asked) => {
                Ok(url.with_param("digest", &self.digest.to_string()))
            }
            Ok(_) => refuse("an upload to another host"),
            Err(_) => refuse("an upload to something that is no web address"),
        }
    }
}

impl Operation for BlobPush {
    type Output = bool;

    fn poll(&mut self) -> Step<'_> {
        match &mut self.exchange {
            Some((_, exchange)) => exchange.poll(),
            None => Step::Done,
        }
    }

    fn provide(&mut self, answer: Result<HttpAnswer, TransportError>, now: Timestamp) {
        let Some((phase, mut exchange)) = self.exchange.take() else {
            return;
        };
        exchange.provide(answer, now);
        if exchange.is_done() {
            self.advance(phase, exchange, now);
        } else {
            self.exchange = Some((phase, exchange));
        }
    }

    fn finish(self) -> Result<bool, PullError> {
        let unfinished = || Err(self.session.error(Stage::Push, ErrorKind::Unfinished));
        self.result.unwrap_or_else(unfinished)
    }
}

impl ManifestPush {
    /// Starts to store a manifest of `media_type`; all its blobs are there.
    pub fn new(
        session: &Session,
        repository: &str,
        tag: &str,
        media_type: &str,
        bytes: Arc<[u8]>,
        now: Timestamp,
    ) -> Self {
        let ask = Ask {
            stage: Stage::Push,
            method: Method::Put,
            url: session.url(&format!("v2/{repository}/manifests/{tag}")),
            accept: None,
            range: None,
            body: Some((bytes, media_type.to_owned())),
            is_push: true,
            body_limit: limits::ERROR_BYTES,
            repository: Some(repository.to_owned()),
            reference: tag.to_owned(),
        };
        let exchange = if is_repository(repository) && is_tag(tag) {
            Exchange::new(session, ask, now)
        } else {
            let kind = ErrorKind::BadReference(format!("{repository}:{tag}"));
            Exchange::failed(session, ask, kind, now)
        };
        Self { exchange }
    }
}

impl Operation for ManifestPush {
    type Output = ();

    fn poll(&mut self) -> Step<'_> {
        self.exchange.poll()
    }

    fn provide(&mut self, answer: Result<HttpAnswer, TransportError>, now: Timestamp) {
        self.exchange.provide(answer, now);
    }

    fn finish(self) -> Result<(), PullError> {
        self.exchange.finish().map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{http::Headers, session::Options};

    fn answer(status: u16, headers: &[(&str, &str)]) -> Result<HttpAnswer, TransportError> {
        Ok(HttpAnswer {
            status,
            headers: headers.iter().copied().collect::<Headers>(),
            body: Vec::new(),
        })
    }

    /// What is asked for, request by request, when it is answered so.
    fn talk<O: Operation>(
        mut operation: O,
        answers: Vec<Result<HttpAnswer, TransportError>>,
    ) -> (Vec<String>, Result<O::Output, PullError>) {
        let now = Timestamp::from_millis(0);
        let mut asked = Vec::new();
        for answer in answers {
            let Step::Request(request) = operation.poll() else {
                panic!("nothing is asked after {asked:?}");
            };
            let body = request.body.as_ref().map_or(0, |body| body.len());
            asked.push(format!(
                "{} {} {body}",
                request.method.as_str(),
                request.url
            ));
            operation.provide(answer, now);
        }
        assert!(matches!(operation.poll(), Step::Done), "{asked:?}");
        (asked, operation.finish())
    }

    fn blob(
        answers: Vec<Result<HttpAnswer, TransportError>>,
    ) -> (Vec<String>, Result<bool, PullError>) {
        let session = Session::open("localhost:5000", None, &Options::default()).unwrap();
        let digest = Digest::of(b"abc");
        let bytes = Arc::from(b"abc".as_slice());
        talk(
            BlobPush::new(&session, "a/b", &digest, bytes, Timestamp::from_millis(0)),
            answers,
        )
    }

    #[test]
    fn a_blob_is_sent_only_where_it_is_missing() {
        let digest = Digest::of(b"abc");
        let base = "http://localhost:5000/v2/a/b/blobs";
        let (asked, result) = blob(vec![answer(200, &[])]);
        assert_eq!(
            (asked, result),
            (vec![format!("HEAD {base}/{digest} 0")], Ok(false))
        );
        let place = [("Location", "/v2/a/b/blobs/uploads/7?_state=x")];
        let (asked, result) = blob(vec![
            answer(404, &[]),
            answer(202, &place),
            answer(201, &[]),
        ]);
        let expect = [
            format!("HEAD {base}/{digest} 0"),
            format!("POST {base}/uploads/ 0"),
            format!("PUT {base}/uploads/7?_state=x&digest={digest} 3"),
        ];
        assert_eq!(asked, expect);
        assert_eq!(result, Ok(true));
    }

    #[test]
    fn bytes_are_sent_to_no_other_host() {
        for place in [&[("Location", "http://elsewhere.example/x")][..], &[]] {
            let (_, result) = blob(vec![answer(404, &[]), answer(202, place)]);
            assert!(matches!(
                *result.unwrap_err().kind,
                ErrorKind::Redirect { .. }
            ));
        }
        let away = [("Location", "http://elsewhere.example/x")];
        let (_, result) = blob(vec![answer(404, &[]), answer(307, &away)]);
        assert!(matches!(
            *result.unwrap_err().kind,
            ErrorKind::Redirect { .. }
        ));
    }

    #[test]
    fn a_manifest_is_stored_under_a_tag() {
        let session = Session::open("localhost:5000", None, &Options::default()).unwrap();
        let push = |tag: &str| {
            let bytes = Arc::from(b"{}".as_slice());
            ManifestPush::new(
                &session,
                "a/b",
                tag,
                "a/b",
                bytes,
                Timestamp::from_millis(0),
            )
        };
        let (asked, result) = talk(push("latest"), vec![answer(201, &[])]);
        assert_eq!(
            asked,
            ["PUT http://localhost:5000/v2/a/b/manifests/latest 2"]
        );
        assert_eq!(result, Ok(()));
        assert!(talk(push("../x"), vec![]).1.is_err());
    }
}
