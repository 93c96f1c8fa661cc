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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    pub(crate) outcome: Outcome,
    pub(crate) image: String,
    pub(crate) digest: String,
    pub(crate) policy: Option<String>,
    pub(crate) reason: String,
    pub(crate) worst: Vec<String>,
    pub(crate) has_report: bool,
    pub(crate) scan_ms: Option<u64>,
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
        let same = events.iter().position(|event| {
            event.digest == judgement.digest
                && event.image == judgement.image
                && event.kind == kind
                && event.allowed == allowed
                && event.reason == judgement.reason
        });
        let earlier = same.and_then(|index| events.remove(index));
        events.push_front(Event {
            time: now.to_string(),
            count: earlier.as_ref().map_or(0, |earlier| earlier.count) + 1,
            kind,
            allowed,
            outcome: judgement.outcome,
            image: judgement.image.clone(),
            digest: judgement.digest.clone(),
            policy: judgement.policy.clone(),
            reason: judgement.reason.clone(),
            worst: judgement.worst.clone(),
            has_report: judgement.has_report,
            scan_ms: judgement
                .scan_ms
                .or(earlier.and_then(|earlier| earlier.scan_ms)),
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
        let judgement = |image: &str| Judgement {
            outcome: Outcome::Passed,
            image: image.to_owned(),
            digest: "sha256:a".to_owned(),
            policy: None,
            reason: String::new(),
            worst: Vec::new(),
            warnings: Vec::new(),
            has_report: true,
            scan_ms: None,
        };
        for image in ["a", "b", "a", "a"] {
            events.note(&judgement(image), "pull", true, Timestamp::UNIX_EPOCH);
        }
        let counts: Vec<(String, u64)> = events
            .list()
            .into_iter()
            .map(|event| (event.image, event.count))
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
