//! What refers to a manifest: the referrers API of the distribution specification 1.1.

use lamina_image::digest::Digest;

use crate::{
    error::{ErrorKind, PullError, Stage},
    exchange::{Ask, Exchange, not_a_registry},
    http::{HttpAnswer, Method, TransportError},
    limits,
    manifest::ACCEPT,
    operation::{Operation, Step},
    session::{Session, is_repository},
    time::Timestamp,
};

/// Asks which manifests name a manifest as their subject.
///
/// Registries without the API answer with an error, mostly "no such tag": then the index that the tag
/// [`fallback_tag`] names says the same (distribution specification, "Referrers Tag Schema").
#[derive(Debug)]
pub struct Referrers {
    session: Session,
    exchange: Exchange,
}

impl Referrers {
    /// Starts to ask.
    pub fn new(session: &Session, repository: &str, digest: &Digest, now: Timestamp) -> Self {
        let ask = Ask {
            stage: Stage::Manifest,
            method: Method::Get,
            url: session.url(&format!("v2/{repository}/referrers/{digest}")),
            accept: Some(ACCEPT),
            range: None,
            body: None,
            is_push: false,
            body_limit: limits::MANIFEST_BYTES,
            repository: Some(repository.to_owned()),
            reference: digest.to_string(),
        };
        let exchange = if is_repository(repository) {
            Exchange::new(session, ask, now)
        } else {
            let kind = ErrorKind::BadReference(repository.chars().take(160).collect());
            Exchange::failed(session, ask, kind, now)
        };
        Self {
            session: session.clone(),
            exchange,
        }
    }
}

/// The tag under which registries without the API keep the referrers of a manifest: `sha256-<hex>`.
pub fn fallback_tag(digest: &Digest) -> String {
    digest.to_string().replacen(':', "-", 1)
}

impl Operation for Referrers {
    /// The index as it came. It has no digest; those that it names do.
    type Output = Vec<u8>;

    fn poll(&mut self) -> Step<'_> {
        self.exchange.poll()
    }

    fn provide(&mut self, answer: Result<HttpAnswer, TransportError>, now: Timestamp) {
        self.exchange.provide(answer, now);
    }

    fn finish(self) -> Result<Vec<u8>, PullError> {
        let host = self.session.endpoint().authority().to_owned();
        let answer = self.exchange.finish()?;
        let first = answer.body.iter().find(|byte| !byte.is_ascii_whitespace());
        if first == Some(&b'{') {
            return Ok(answer.body);
        }
        let kind = not_a_registry(host, &answer);
        Err(self.session.error(Stage::Manifest, kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{http::Headers, session::Options};

    #[test]
    fn referrers_are_asked_for_and_an_index_is_answered() {
        let now = Timestamp::from_millis(0);
        let session = Session::open("localhost:5000", None, &Options::default()).unwrap();
        let digest = Digest::of(b"x");
        let check = |repository: &str, status: u16, body: &str| {
            let mut referrers = Referrers::new(&session, repository, &digest, now);
            while let Step::Request(request) = referrers.poll() {
                let expect = format!("http://localhost:5000/v2/a/b/referrers/{digest}");
                assert_eq!(request.url.to_string(), expect);
                let answer = HttpAnswer {
                    status,
                    headers: Headers::default(),
                    body: body.as_bytes().to_vec(),
                };
                referrers.provide(Ok(answer), now);
            }
            referrers.finish()
        };
        assert_eq!(check("a/b", 200, "{}").unwrap(), b"{}");
        let error = check("a/b", 404, "404 page not found").unwrap_err();
        assert!(
            matches!(*error.kind, ErrorKind::NoSuchTag { .. }),
            "{error}"
        );
        assert!(check("a/b", 200, "<html>").is_err());
        assert!(check("../b", 200, "{}").is_err());
        assert_eq!(fallback_tag(&digest), format!("sha256-{}", digest.hex()));
    }
}
