//! Manifests and indexes, by tag or digest.

use lamina_image::{
    digest::{Digest, Hasher},
    reference::Reference,
};

use crate::{
    error::{ErrorKind, PullError, Stage, is_html},
    exchange::{Ask, Exchange, not_a_registry},
    http::{HttpAnswer, Method, TransportError},
    limits,
    operation::{Operation, Step},
    rate::RateLimit,
    session::{Session, is_repository, is_tag},
    time::Timestamp,
};

/// What we read, best first. Schema 1 is asked for last, only so that it can be named: without it,
/// old registries answer with nothing.
pub const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.docker.distribution.manifest.v1+prettyjws;q=0.1";

/// Asks for the manifest or index that a tag or digest names.
///
/// For an index, choose a platform (`lamina_image`) and resolve again by its digest.
#[derive(Debug)]
pub struct Resolve {
    session: Session,
    exchange: Exchange,
    by_digest: Option<Digest>,
}

/// A manifest or index as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Its digest: the one asked for (and verified), or that of the bytes. For schema 1 the
    /// registry's word, as there the digest is over a part of the bytes.
    pub digest: Digest,
    /// `Content-Type` without parameters. The `mediaType` within the bytes goes before it.
    pub media_type: Option<String>,
    /// The bytes. They are JSON by their first byte; nothing more was checked.
    pub body: Vec<u8>,
    /// The registry's rate limit, if it told.
    pub rate: Option<RateLimit>,
}

impl Resolve {
    /// Starts to ask for `reference`, a tag or a digest.
    pub fn new(session: &Session, repository: &str, reference: &str, now: Timestamp) -> Self {
        let by_digest = reference.parse::<Digest>().ok();
        let ask = Ask {
            stage: Stage::Manifest,
            method: Method::Get,
            url: session.url(&format!("v2/{repository}/manifests/{reference}")),
            accept: Some(ACCEPT),
            range: None,
            body: None,
            is_push: false,
            body_limit: limits::MANIFEST_BYTES,
            repository: Some(repository.to_owned()),
            reference: reference.to_owned(),
        };
        let exchange = if !is_repository(repository) {
            let kind = ErrorKind::BadReference(repository.chars().take(160).collect());
            Exchange::failed(session, ask, kind, now)
        } else if by_digest.is_none() && !is_tag(reference) {
            let kind = ErrorKind::BadReference(reference.chars().take(160).collect());
            Exchange::failed(session, ask, kind, now)
        } else {
            Exchange::new(session, ask, now)
        };
        Self {
            session: session.clone(),
            exchange,
            by_digest,
        }
    }
}

impl Resolve {
    /// Starts to ask for what an image's reference names: its digest, or else its tag.
    pub fn image(session: &Session, reference: &Reference, now: Timestamp) -> Self {
        Self::new(
            session,
            reference.repository(),
            &reference.identifier(),
            now,
        )
    }
}

impl Operation for Resolve {
    type Output = Resolved;

    fn poll(&mut self) -> Step<'_> {
        self.exchange.poll()
    }

    fn provide(&mut self, answer: Result<HttpAnswer, TransportError>, now: Timestamp) {
        self.exchange.provide(answer, now);
    }

    fn finish(self) -> Result<Resolved, PullError> {
        let host = self.session.endpoint().authority().to_owned();
        let answer = self.exchange.finish()?;
        let fail = |kind| self.session.error(Stage::Manifest, kind);
        let first = answer.body.iter().find(|byte| !byte.is_ascii_whitespace());
        if is_html(&answer) || first != Some(&b'{') {
            return Err(fail(not_a_registry(host, &answer)));
        }
        let media_type = answer.headers.media_type().map(str::to_owned);
        // A header that is no digest says nothing.
        let announced = answer
            .headers
            .get("docker-content-digest")
            .and_then(|value| value.trim().parse::<Digest>().ok());
        let expected = self.by_digest.or(announced);
        // The digest of schema 1 is over its payload, without the signatures around it.
        let is_signed = media_type
            .as_deref()
            .is_some_and(|found| found.ends_with(".manifest.v1+prettyjws"));
        let digest = match expected {
            Some(expected) if is_signed => expected,
            Some(expected) => {
                let found = digest_like(&expected, &answer.body);
                if found != expected {
                    return Err(fail(ErrorKind::DigestMismatch { expected, found }));
                }
                expected
            }
            None => Digest::of(&answer.body),
        };
        Ok(Resolved {
            digest,
            media_type,
            rate: RateLimit::read(&answer.headers),
            body: answer.body,
        })
    }
}

/// The digest of `bytes` by the algorithm of `like`.
pub(crate) fn digest_like(like: &Digest, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(like.algorithm());
    hasher.update(bytes);
    hasher.finish()
}
