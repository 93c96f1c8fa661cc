//! What the gate decided lately.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use serde::Serialize;

use crate::limits;

/// How an image comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// It passes the policy.
    Passed,
    /// It is no image, or an index: nothing was judged.
    NotJudged,
    /// It fails the policy.
    Failed,
    /// There is no report of it.
    NotScanned,
    /// There was no report in time.
    TimedOut,
}

impl Outcome {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::NotJudged => "not judged",
            Self::Failed => "failed",
            Self::NotScanned => "not scanned",
            Self::TimedOut => "not scanned in time",
        }
    }
}

/// What an image came out as, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Judgement {
    pub(crate) outcome: Outcome,
    /// The image with its registry, as it was asked for.
    pub(crate) image: String,
    pub(crate) digest: String,
    /// Name of the policy that judged it, if one did.
    pub(crate) policy: Option<String>,
    /// Why, in a sentence or several.
    pub(crate) reason: String,
    /// Its worst findings that count, in words.
    pub(crate) worst: Vec<String>,
    /// What the policy warns of.
    pub(crate) warnings: Vec<String>,
    /// Whether there is a report to read.
    pub(crate) has_report: bool,
    /// How long it took to scan it, if it was scanned for this.
    pub(crate) scan_ms: Option<u64>,
}

impl Judgement {
    /// Nothing is known yet but which image it is.
    pub(crate) fn of(image: String, digest: String) -> Self {
        Self {
            outcome: Outcome::NotJudged,
            image,
            digest,
            policy: None,
            reason: String::new(),
            worst: Vec::new(),
            warnings: Vec::new(),
            has_report: false,
            scan_ms: None,
        }
    }
}

/// A decision that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Event {
    /// The last time, RFC 3339.
    pub(crate) time: String,
    /// How often the same was decided in a row.
    pub(crate) count: u64,
    /// `manifest` or `admission`.
    pub(crate) kind: &'static str,
    /// Whether the image was handed out.
    pub(crate) allowed: bool,
    #[serde(flatten)]
    pub(crate) judgement: Judgement,
}

/// The last decisions, newest first.
#[derive(Debug, Default)]
pub(crate) struct Events(Mutex<VecDeque<Event>>);

impl Events {
    /// Notes a decision. The same one again only moves up.
    pub(crate) fn note(
        &self,
        judgement: &Judgement,
        kind: &'static str,
        allowed: bool,
        now: Timestamp,
    ) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |event: &Event| {
            let earlier = &event.judgement;
            event.kind == kind
                && event.allowed == allowed
                && earlier.digest == judgement.digest
                && earlier.image == judgement.image
                && earlier.reason == judgement.reason
        };
        let same = events.iter().position(is_same);
        let earlier = same.and_then(|index| events.remove(index));
        let mut judgement = judgement.clone();
        if judgement.scan_ms.is_none() {
            judgement.scan_ms = earlier.as_ref().and_then(|event| event.judgement.scan_ms);
        }
        events.push_front(Event {
            time: now.to_string(),
            count: earlier.map_or(0, |earlier| earlier.count) + 1,
            kind,
            allowed,
            judgement,
        });
        events.truncate(limits::EVENTS);
    }

    /// The newest ones.
    pub(crate) fn list(&self) -> Vec<Event> {
        let events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_again_moves_up_and_the_list_ends() {
        let events = Events::default();
        let judgement = |image: &str| Judgement::of(image.to_owned(), "sha256:a".to_owned());
        for image in ["a", "b", "a", "a"] {
            events.note(&judgement(image), "pull", true, Timestamp::UNIX_EPOCH);
        }
        let counts: Vec<(String, u64)> = events
            .list()
            .into_iter()
            .map(|event| (event.judgement.image, event.count))
            .collect();
        assert_eq!(counts, [("a".to_owned(), 3), ("b".to_owned(), 1)]);
        for number in 0..limits::EVENTS + 10 {
            events.note(
                &judgement(&number.to_string()),
                "pull",
                true,
                Timestamp::UNIX_EPOCH,
            );
        }
        assert_eq!(events.list().len(), limits::EVENTS);
    }
}
