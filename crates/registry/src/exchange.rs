//! One request to a registry with all that may come between: challenge, token, redirect, retry.

use std::{sync::Arc, time::Duration};

use crate::{
    challenge::{Challenge, parse_challenges},
    error::{ErrorKind, PullError, Stage, is_html, said},
    http::{Headers, HttpAnswer, HttpRequest, Method, TransportError},
    limits,
    operation::Step,
    rate::RateLimit,
    relay,
    retry::{Retries, retry_after},
    session::{Credentials, Session},
    time::Timestamp,
    token::{Token, TokenKey, Way},
    url::{Scheme, Url},
};

/// Bytes of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) from: u64,
    /// The byte after the last; `None` for all that follow.
    pub(crate) until: Option<u64>,
}

impl Range {
    /// RFC 9110, 14.1.2: the last byte is included.
    fn header(self) -> String {
        match self.until.and_then(|until| until.checked_sub(1)) {
            Some(last) if last >= self.from => format!("bytes={}-{last}", self.from),
            _ => format!("bytes={}-", self.from),
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) stage: Stage,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) accept: Option<&'static str>,
    /// `Range: bytes=N-` or `bytes=N-M`.
    pub(crate) range: Option<Range>,
    pub(crate) body_limit: u64,
    /// What is sent, and of what media type. Whoever sends something also needs the right to push.
    pub(crate) body: Option<(Arc<[u8]>, String)>,
    /// Whether it is a part of a push.
    pub(crate) is_push: bool,
    /// The repository, for scope and messages; none for a ping.
    pub(crate) repository: Option<String>,
    /// The tag or digest, for messages.
    pub(crate) reference: String,
}

impl Ask {
    /// The scope that we would ask for ourselves; also the name under which what was learned about
    /// this repository is found again.
    fn scope(&self) -> String {
        match &self.repository {
            Some(repository) if self.is_push => format!("repository:{repository}:pull,push"),
            Some(repository) => format!("repository:{repository}:pull"),
            None => String::new(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Exchange {
    session: Session,
    ask: Ask,
    state: State,
    retries: Retries,
    /// How often there was no connection.
    unreached: u32,
    /// Redirects followed since the last request of ours.
    hops: u32,
    tokens_asked: u32,
    /// How the request that is now under way is authorised.
    sent: Sent,
    /// A pause that was not yet told.
    wait: Option<Duration>,
    now: Timestamp,
}

#[derive(Debug)]
enum State {
    Asking(HttpRequest),
    AskingToken(HttpRequest, TokenKey),
    Done(Result<HttpAnswer, PullError>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Sent {
    Nothing,
    Basic,
    /// The credentials' own token.
    OwnToken,
    /// A token of the cache or of this exchange.
    Token(TokenKey),
    /// Left the registry by a redirect: nothing was sent, and nothing will be.
    Elsewhere,
}

impl Exchange {
    pub(crate) fn new(session: &Session, ask: Ask, now: Timestamp) -> Self {
        let mut exchange = Self {
            session: session.clone(),
            retries: Retries::new(session.jitter_permille()),
            state: State::Done(Err(session.error(ask.stage, ErrorKind::Unfinished))),
            ask,
            unreached: 0,
            hops: 0,
            tokens_asked: 0,
            sent: Sent::Nothing,
            wait: None,
            now,
        };
        exchange.begin();
        exchange
    }

    /// An exchange that has failed before it began.
    pub(crate) fn failed(session: &Session, ask: Ask, kind: ErrorKind, now: Timestamp) -> Self {
        Self {
            state: State::Done(Err(session.error(ask.stage, kind))),
            session: session.clone(),
            retries: Retries::new(0),
            ask,
            unreached: 0,
            hops: 0,
            tokens_asked: 0,
            sent: Sent::Nothing,
            wait: None,
            now,
        }
    }

    pub(crate) fn poll(&mut self) -> Step<'_> {
        if let Some(wait) = self.wait.take() {
            return Step::Wait(wait);
        }
        match &self.state {
            State::Asking(request) | State::AskingToken(request, _) => Step::Request(request),
            State::Done(_) => Step::Done,
        }
    }

    /// Whether the request under way is the one that is asked for (and not one for a token).
    pub(crate) fn is_asking(&self) -> bool {
        matches!(self.state, State::Asking(_))
    }

    /// Whether there is a result.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.state, State::Done(_))
    }

    /// The URL that is asked for, wherever redirects lead.
    pub(crate) fn asked_url(&self) -> &Url {
        &self.ask.url
    }

    /// The URL of the request under way.
    fn url(&self) -> &Url {
        match &self.state {
            State::Asking(request) | State::AskingToken(request, _) => &request.url,
            State::Done(_) => &self.ask.url,
        }
    }

    pub(crate) fn provide(&mut self, answer: Result<HttpAnswer, TransportError>, now: Timestamp) {
        self.now = now;
        match &self.state {
            State::Done(_) => {}
            State::Asking(_) => match answer.and_then(unrelayed) {
                Ok(answer) => self.answered(answer),
                Err(error) => self.broken(error),
            },
            State::AskingToken(_, key) => {
                let key = key.clone();
                match answer.and_then(unrelayed) {
                    Ok(answer) => self.token_answered(&key, answer),
                    Err(error) => self.broken(error),
                }
            }
        }
    }

    pub(crate) fn finish(self) -> Result<HttpAnswer, PullError> {
        match self.state {
            State::Done(result) => result,
            _ => Err(self.session.error(self.ask.stage, ErrorKind::Unfinished)),
        }
    }

    /// Sends the request, with what is known about how to be let in.
    fn begin(&mut self) {
        if let Some(Credentials::Token(token)) = self.session.credentials() {
            let authorization = format!("Bearer {token}");
            return self.send(Sent::OwnToken, Some(authorization));
        }
        let way = self.session.learned().way(&self.ask.scope()).cloned();
        match way {
            None => self.send(Sent::Nothing, None),
            Some(Way::Basic) => self.send_basic(),
            Some(Way::Bearer(key)) => {
                let token = self.session.learned().token(&key, self.now).cloned();
                match token {
                    Some(token) => self.send_token(key, &token),
                    None => self.ask_token(key),
                }
            }
        }
    }

    fn send(&mut self, sent: Sent, authorization: Option<String>) {
        self.sent = sent;
        self.hops = 0;
        let request = self.request(self.ask.url.clone(), authorization);
        self.state = State::Asking(request);
    }

    fn send_basic(&mut self) {
        let basic = self.session.credentials().and_then(Credentials::basic);
        self.send(Sent::Basic, basic);
    }

    fn send_token(&mut self, key: TokenKey, token: &Token) {
        let authorization = format!("Bearer {}", token.secret);
        self.send(Sent::Token(key), Some(authorization));
    }

    fn request(&self, url: Url, authorization: Option<String>) -> HttpRequest {
        let mut headers = Headers::default();
        if let Some(accept) = self.ask.accept {
            headers.push("Accept", accept);
        }
        if let Some((_, media_type)) = &self.ask.body {
            headers.push("Content-Type", media_type.as_str());
        }
        if let Some(range) = self.ask.range {
            headers.push("Range", range.header());
        }
        if let Some(authorization) = authorization {
            headers.push("Authorization", authorization);
        }
        HttpRequest {
            method: self.ask.method,
            url,
            headers,
            body: self.ask.body.as_ref().map(|(bytes, _)| Arc::clone(bytes)),
            body_limit: self.ask.body_limit.max(limits::ERROR_BYTES),
        }
    }

    fn ask_token(&mut self, key: TokenKey) {
        if self.tokens_asked >= limits::TOKENS_PER_REQUEST {
            return self.fail(ErrorKind::BadChallenge {
                host: self.session.endpoint().authority().to_owned(),
                detail: "it asks for one token after the other".to_owned(),
            });
        }
        self.tokens_asked += 1;
        self.hops = 0;
        let mut headers = Headers::default();
        headers.push("Accept", "application/json");
        if let Some(basic) = self.session.credentials().and_then(Credentials::basic) {
            headers.push("Authorization", basic);
        }
        let request = HttpRequest {
            method: Method::Get,
            url: key.url(),
            headers,
            body: None,
            body_limit: limits::TOKEN_BYTES,
        };
        self.state = State::AskingToken(request, key);
    }

    fn answered(&mut self, answer: HttpAnswer) {
        match answer.status {
            200..=299 => self.state = State::Done(Ok(answer)),
            // Whoever asked for a range deals with its refusal.
            416 if self.ask.range.is_some() => self.state = State::Done(Ok(answer)),
            301 | 302 | 303 | 307 | 308 => self.redirected(&answer),
            401 => self.challenged(&answer),
            408 | 425 | 429 | 500 | 502 | 503 | 504 => self.try_again(&answer),
            _ => self.refused(&answer),
        }
    }

    fn token_answered(&mut self, key: &TokenKey, answer: HttpAnswer) {
        match answer.status {
            200..=299 => match Token::parse(&answer.body, self.now) {
                Some(token) => {
                    let mut learned = self.session.learned();
                    learned.store(key.clone(), token.clone());
                    learned.remember(&self.ask.scope(), Way::Bearer(key.clone()));
                    drop(learned);
                    self.send_token(key.clone(), &token);
                }
                None => {
                    let host = self.url().authority().to_owned();
                    self.fail(if is_html(&answer) {
                        not_a_registry(host, &answer)
                    } else {
                        ErrorKind::BadToken { host }
                    });
                }
            },
            301 | 302 | 303 | 307 | 308 => self.redirected(&answer),
            408 | 425 | 429 | 500 | 502 | 503 | 504 => self.try_again(&answer),
            status @ (400 | 401 | 403) if self.session.credentials().is_some() => {
                self.fail(relayed_or(&answer, |said| ErrorKind::LoginRefused {
                    status,
                    said,
                }));
            }
            401 | 403 => {
                let repository = self.ask.repository.clone();
                self.fail(relayed_or(&answer, |said| ErrorKind::LoginNeeded {
                    repository,
                    said,
                }));
            }
            _ => self.refused(&answer),
        }
    }

    /// Follows a redirect. What authorises us stays with the host it is meant for.
    fn redirected(&mut self, answer: &HttpAnswer) {
        let (request, key) = match &self.state {
            State::Asking(request) => (request, None),
            State::AskingToken(request, key) => (request, Some(key.clone())),
            State::Done(_) => return,
        };
        let host = request.url.authority().to_owned();
        let refuse = |detail: &str| ErrorKind::Redirect {
            host: host.clone(),
            detail: detail.to_owned(),
        };
        if self.hops >= limits::REDIRECTS {
            return self.fail(refuse("too often"));
        }
        if matches!(request.method, Method::Post | Method::Put) {
            return self.fail(refuse("an upload"));
        }
        let Some(location) = answer.headers.get("location") else {
            return self.fail(refuse("without saying where to"));
        };
        let Ok(url) = request.url.join(location) else {
            return self.fail(refuse("to something that is no web address"));
        };
        if request.url.scheme() == Scheme::Https && url.scheme() == Scheme::Http {
            return self.fail(refuse("from a secure to an insecure address"));
        }
        let mut next = request.clone();
        if !request.url.is_same_origin(&url) {
            next.headers = request
                .headers
                .iter()
                .filter(|(name, _)| !name.eq_ignore_ascii_case("authorization"))
                .collect();
            if key.is_none() {
                self.sent = Sent::Elsewhere;
            }
        }
        next.url = url;
        self.hops += 1;
        self.state = match key {
            None => State::Asking(next),
            Some(key) => State::AskingToken(next, key),
        };
    }

    /// Meets a challenge, as far as one can.
    fn challenged(&mut self, answer: &HttpAnswer) {
        let challenge = first_challenge(&answer.headers);
        let status = answer.status;
        match (&self.sent, challenge) {
            // A CDN behind the registry: its challenges are not for our credentials.
            (Sent::Elsewhere, _) => self.refused(answer),
            (Sent::OwnToken, _) => {
                self.fail(relayed_or(answer, |said| ErrorKind::LoginRefused {
                    status,
                    said,
                }));
            }
            (Sent::Basic, Some(Wanted::Basic)) => {
                self.fail(relayed_or(answer, |said| ErrorKind::LoginRefused {
                    status,
                    said,
                }));
            }
            (sent, Some(Wanted::Bearer(challenge))) => {
                if let Sent::Token(key) = sent {
                    self.session.learned().forget(key);
                    if self.tokens_asked > 0 {
                        // A fresh token is refused: asking for another one helps only where the
                        // challenge now asks for more.
                        let wanted = self.key_for(&challenge).ok();
                        if wanted.as_ref() == Some(key)
                            || self.tokens_asked >= limits::TOKENS_PER_REQUEST
                        {
                            return self.unauthorised(answer);
                        }
                    }
                }
                match self.key_for(&challenge) {
                    Ok(key) => {
                        let known = self.session.learned().token(&key, self.now).cloned();
                        match known {
                            Some(token) if self.sent != Sent::Token(key.clone()) => {
                                self.session
                                    .learned()
                                    .remember(&self.ask.scope(), Way::Bearer(key.clone()));
                                self.send_token(key, &token);
                            }
                            _ => self.ask_token(key),
                        }
                    }
                    Err(kind) => self.fail(kind),
                }
            }
            (_, Some(Wanted::Basic)) => {
                if self.session.credentials().is_some() {
                    self.session
                        .learned()
                        .remember(&self.ask.scope(), Way::Basic);
                    self.send_basic();
                } else {
                    self.unauthorised(answer);
                }
            }
            (_, None) => {
                let host = self.url().authority().to_owned();
                if said(answer).code.is_some() || self.session.credentials().is_none() {
                    self.unauthorised(answer);
                } else {
                    self.fail(ErrorKind::BadChallenge {
                        host,
                        detail: "it does not say how (no WWW-Authenticate header)".to_owned(),
                    });
                }
            }
        }
    }

    fn key_for(&self, challenge: &Challenge) -> Result<TokenKey, ErrorKind> {
        let bad = |detail: String| ErrorKind::BadChallenge {
            host: self.session.endpoint().authority().to_owned(),
            detail,
        };
        let realm = challenge
            .param("realm")
            .ok_or_else(|| bad("the challenge names no realm".to_owned()))?;
        // Some proxies name a realm by path alone.
        let realm = self
            .ask
            .url
            .join(realm)
            .map_err(|error| bad(format!("the realm is {error}")))?;
        if realm.scheme() == Scheme::Http && self.session.endpoint().scheme() == Scheme::Https {
            return Err(bad("the realm of a secure registry is insecure".to_owned()));
        }
        let own = self.ask.scope();
        let scopes: Vec<String> = match challenge.param("scope").map(str::trim) {
            Some(scope) if !scope.is_empty() => scope
                .split_ascii_whitespace()
                .take(limits::CHALLENGES)
                .map(str::to_owned)
                .collect(),
            _ if own.is_empty() => Vec::new(),
            _ => vec![own],
        };
        Ok(TokenKey {
            realm,
            service: challenge.param("service").map(str::to_owned),
            scopes,
            identity: self
                .session
                .credentials()
                .and_then(Credentials::username)
                .map(str::to_owned),
        })
    }

    /// A 401 that nothing helps against.
    fn unauthorised(&mut self, answer: &HttpAnswer) {
        let repository = self.ask.repository.clone();
        let has_credentials = self.session.credentials().is_some();
        let has_token = matches!(self.sent, Sent::Token(_));
        let status = answer.status;
        self.fail(relayed_or(answer, |said| {
            match (has_credentials, has_token) {
                // The login itself was good: the token endpoint took it.
                (true, true) => ErrorKind::Denied { repository, said },
                (true, false) => ErrorKind::LoginRefused { status, said },
                (false, _) => ErrorKind::LoginNeeded { repository, said },
            }
        }));
    }

    fn broken(&mut self, error: TransportError) {
        let host = self.url().authority().to_owned();
        if matches!(
            error,
            TransportError::Unreachable(_) | TransportError::Timeout
        ) {
            self.unreached += 1;
        }
        let is_hopeless =
            self.unreached >= limits::UNREACHED_TRIES && self.ask.stage != Stage::Blob;
        if error.is_transient()
            && !is_hopeless
            && let Some(wait) = self.retries.next_wait(None)
        {
            return self.again_after(wait);
        }
        self.fail(match error {
            TransportError::TooLarge { limit } => ErrorKind::TooLarge { limit },
            source => ErrorKind::Transport { host, source },
        });
    }

    fn try_again(&mut self, answer: &HttpAnswer) {
        let asked = retry_after(&answer.headers, self.now);
        // Docker Hub's limit comes back in hours: no use to knock again in seconds.
        let is_hopeless = answer.status == 429
            && asked.is_none()
            && RateLimit::read(&answer.headers).is_some_and(|rate| {
                rate.remaining == Some(0)
                    && rate.window.or(rate.resets_in) > Some(limits::TOTAL_WAIT)
            });
        let wait = if is_hopeless {
            None
        } else {
            self.retries.next_wait(asked)
        };
        match wait {
            Some(wait) => self.again_after(wait),
            None => self.refused(answer),
        }
    }

    /// The same again; from the registry itself, as an address behind a redirect may have expired.
    fn again_after(&mut self, wait: Duration) {
        self.wait = Some(wait);
        if matches!(self.state, State::Asking(_)) {
            self.begin();
        }
    }

    /// A status that ends the exchange.
    fn refused(&mut self, answer: &HttpAnswer) {
        let host = self.url().authority().to_owned();
        let is_token = matches!(self.state, State::AskingToken(..));
        let has_credentials = self.session.credentials().is_some();
        let ask = self.ask.clone();
        let now = self.now;
        self.fail(relayed_or(answer, |said| {
            let code = said.code.as_deref().unwrap_or_default();
            let repository = ask.repository.unwrap_or_default();
            match (answer.status, ask.stage) {
                (429, _) => ErrorKind::RateLimited {
                    retry_after: retry_after(&answer.headers, now),
                    rate: RateLimit::read(&answer.headers).map(Box::new),
                    said,
                },
                _ if is_token => ErrorKind::Status {
                    host,
                    status: answer.status,
                    said,
                },
                (400..=499, _) if is_html(answer) => not_a_registry(host, answer),
                (403, _) if has_credentials => ErrorKind::Denied {
                    repository: Some(repository),
                    said,
                },
                (403, _) if code == "DENIED" || code == "UNAUTHORIZED" => ErrorKind::LoginNeeded {
                    repository: Some(repository),
                    said,
                },
                (404, Stage::Manifest | Stage::Tags) if code == "NAME_UNKNOWN" => {
                    ErrorKind::NoSuchRepository { repository, said }
                }
                (404, Stage::Manifest) => ErrorKind::NoSuchTag {
                    repository,
                    reference: ask.reference,
                    said,
                },
                (404, Stage::Tags) => ErrorKind::NoSuchRepository { repository, said },
                (404, Stage::Blob | Stage::Config) => ErrorKind::NoSuchBlob {
                    repository,
                    digest: ask.reference,
                    said,
                },
                (status, _) => ErrorKind::Status { host, status, said },
            }
        }));
    }

    fn fail(&mut self, kind: ErrorKind) {
        let stage = match self.state {
            State::AskingToken(..) => Stage::Token,
            _ => self.ask.stage,
        };
        self.state = State::Done(Err(self.session.error(stage, kind)));
    }
}

/// The relay's word that it reached nobody is the same as not to reach anybody.
fn unrelayed(answer: HttpAnswer) -> Result<HttpAnswer, TransportError> {
    if !matches!(answer.status, 502 | 504) {
        return Ok(answer);
    }
    let said = said(&answer);
    match said.code.as_deref() {
        Some(relay::UNREACHABLE) => Err(TransportError::Unreachable(
            said.message.unwrap_or_default(),
        )),
        Some(relay::TIMEOUT) => Err(TransportError::Timeout),
        _ => Ok(answer),
    }
}

/// The answer is a web page or the like.
pub(crate) fn not_a_registry(host: String, answer: &HttpAnswer) -> ErrorKind {
    let found = if is_html(answer) {
        "a web page (HTML)".to_owned()
    } else {
        match answer.headers.media_type() {
            Some(media_type) => format!(
                "something else ({})",
                media_type.chars().take(60).collect::<String>()
            ),
            None => "something else".to_owned(),
        }
    };
    ErrorKind::NotARegistry { host, found }
}

/// The relay's own error, or what the registry's answer means.
fn relayed_or(
    answer: &HttpAnswer,
    otherwise: impl FnOnce(crate::error::Said) -> ErrorKind,
) -> ErrorKind {
    let said = said(answer);
    match said.code.as_deref() {
        Some(relay::REFUSED) => ErrorKind::RelayRefused { said },
        _ => otherwise(said),
    }
}

/// A challenge that we know how to meet.
enum Wanted {
    Basic,
    Bearer(Challenge),
}

/// The first challenge that we can meet, as the specification of tokens says.
fn first_challenge(headers: &Headers) -> Option<Wanted> {
    headers
        .all("www-authenticate")
        .chain(headers.all(relay::CHALLENGE_HEADER))
        .flat_map(parse_challenges)
        .find_map(|challenge| {
            if challenge.is("bearer") {
                Some(Wanted::Bearer(challenge))
            } else if challenge.is("basic") {
                Some(Wanted::Basic)
            } else {
                None
            }
        })
}
