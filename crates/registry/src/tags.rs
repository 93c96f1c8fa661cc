//! The tags of a repository, page by page.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::{
    error::{ErrorKind, PullError, Stage},
    exchange::{Ask, Exchange, not_a_registry},
    http::{HttpAnswer, Method, TransportError},
    limits,
    link::parse_next,
    operation::{Operation, Step},
    session::{Session, is_repository, is_tag},
    time::Timestamp,
    url::Url,
};

/// Asks for the tags of a repository.
#[derive(Debug)]
pub struct Tags {
    session: Session,
    repository: String,
    state: State,
    tags: BTreeSet<String>,
    pages: u32,
    seen: BTreeSet<Url>,
}

#[derive(Debug)]
enum State {
    Asking(Box<Exchange>),
    Done { is_complete: bool },
    Failed(PullError),
}

/// The tags of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagList {
    /// The tags, sorted by their bytes.
    pub tags: Vec<String>,
    /// Whether these are all; otherwise a limit was reached.
    pub is_complete: bool,
}

impl Tags {
    /// Starts to ask.
    pub fn new(session: &Session, repository: &str, now: Timestamp) -> Self {
        let url = session.url(&format!("v2/{repository}/tags/list"));
        // The samples are files: a query would do no harm, and no good either.
        let url = url.with_param("n", "1000");
        let mut tags = Self {
            session: session.clone(),
            repository: repository.to_owned(),
            state: State::Done { is_complete: false },
            tags: BTreeSet::new(),
            pages: 0,
            seen: BTreeSet::new(),
        };
        if is_repository(repository) {
            tags.ask(url, now);
        } else {
            let kind = ErrorKind::BadReference(repository.chars().take(160).collect());
            tags.state = State::Failed(session.error(Stage::Tags, kind));
        }
        tags
    }

    fn ask(&mut self, url: Url, now: Timestamp) {
        self.pages += 1;
        self.seen.insert(url.clone());
        let ask = Ask {
            stage: Stage::Tags,
            method: Method::Get,
            url,
            accept: Some("application/json"),
            range: None,
            body: None,
            is_push: false,
            body_limit: limits::TAGS_BYTES,
            repository: Some(self.repository.clone()),
            reference: String::new(),
        };
        self.state = State::Asking(Box::new(Exchange::new(&self.session, ask, now)));
    }

    fn turn_page(&mut self, answer: &HttpAnswer, url: &Url, now: Timestamp) {
        #[derive(Deserialize)]
        struct Body {
            /// Absent or null in an empty repository of some registries.
            #[serde(default)]
            tags: Option<Vec<String>>,
        }
        let Ok(Body { tags }) = serde_json::from_slice::<Body>(&answer.body) else {
            let kind = not_a_registry(url.authority().to_owned(), answer);
            self.state = State::Failed(self.session.error(Stage::Tags, kind));
            return;
        };
        let mut is_full = false;
        for tag in tags.unwrap_or_default() {
            if self.tags.len() >= limits::TAGS {
                is_full = true;
                break;
            }
            if is_tag(&tag) {
                self.tags.insert(tag);
            }
        }
        let next = answer.headers.get("link").and_then(parse_next);
        let next = next.map(|next| url.join(next).ok());
        match next {
            None => {
                self.state = State::Done {
                    is_complete: !is_full,
                }
            }
            // Another host, a page seen before, or more pages than we follow.
            Some(next) => match next {
                Some(next)
                    if !is_full
                        && next.is_same_origin(url)
                        && !self.seen.contains(&next)
                        && self.pages < limits::TAG_PAGES =>
                {
                    self.ask(next, now);
                }
                _ => self.state = State::Done { is_complete: false },
            },
        }
    }
}

impl Operation for Tags {
    type Output = TagList;

    fn poll(&mut self) -> Step<'_> {
        match &mut self.state {
            State::Asking(exchange) => exchange.poll(),
            _ => Step::Done,
        }
    }

    fn provide(&mut self, answer: Result<HttpAnswer, TransportError>, now: Timestamp) {
        let State::Asking(exchange) = &mut self.state else {
            return;
        };
        let url = exchange.asked_url().clone();
        exchange.provide(answer, now);
        if !exchange.is_done() {
            return;
        }
        let state = std::mem::replace(&mut self.state, State::Done { is_complete: false });
        let State::Asking(exchange) = state else {
            return;
        };
        match exchange.finish() {
            Ok(answer) => self.turn_page(&answer, &url, now),
            // Pages that were read are worth showing.
            Err(_) if !self.tags.is_empty() => self.state = State::Done { is_complete: false },
            Err(error) => self.state = State::Failed(error),
        }
    }

    fn finish(self) -> Result<TagList, PullError> {
        match self.state {
            State::Done { is_complete } => Ok(TagList {
                tags: self.tags.into_iter().collect(),
                is_complete,
            }),
            State::Failed(error) => Err(error),
            State::Asking(_) => Err(self.session.error(Stage::Tags, ErrorKind::Unfinished)),
        }
    }
}
