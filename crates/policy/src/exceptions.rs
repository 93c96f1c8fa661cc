//! Findings that do not count, for a reason and for a time.

use std::{cmp::Ordering, fmt, str::FromStr};

use jiff::{Timestamp, civil, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::Finding;

/// One excepted vulnerability.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Exception {
    /// Its id; any alias of a finding matches, letter case does not matter.
    pub id: String,
    /// Why it is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it stops counting; never if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Expiry>,
}

impl Exception {
    /// Whether it has stopped counting.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires
            .as_ref()
            .is_some_and(|expiry| now >= expiry.end)
    }
}

/// When an exception stops counting: a date, which it still covers to its end in UTC, or a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expiry {
    text: String,
    end: Timestamp,
}

/// A text that is no expiry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a date (2027-01-31) nor a time (2027-01-31T12:00:00Z)")]
pub struct ExpiryError(pub String);

impl Expiry {
    /// The first moment at which the exception no longer counts.
    pub fn end(&self) -> Timestamp {
        self.end
    }
}

impl FromStr for Expiry {
    type Err = ExpiryError;

    fn from_str(text: &str) -> Result<Self, ExpiryError> {
        let refuse = || ExpiryError(text.chars().take(40).collect());
        let end = if text.len() == "2027-01-31".len() {
            let date: civil::Date = text.parse().map_err(|_| refuse())?;
            let next = date.tomorrow().map_err(|_| refuse())?;
            TimeZone::UTC
                .to_timestamp(next.at(0, 0, 0, 0))
                .map_err(|_| refuse())?
        } else {
            text.parse().map_err(|_| refuse())?
        };
        Ok(Self {
            text: text.to_owned(),
            end,
        })
    }
}

impl TryFrom<String> for Expiry {
    type Error = ExpiryError;

    fn try_from(text: String) -> Result<Self, ExpiryError> {
        text.parse()
    }
}

impl From<Expiry> for String {
    fn from(expiry: Expiry) -> Self {
        expiry.text
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The exceptions of a policy, ready to be asked about many findings.
pub(crate) struct Lookup<'a> {
    /// Sorted by id without regard to case; of the same id, those that count first.
    sorted: Vec<(&'a str, bool, usize)>,
}

impl<'a> Lookup<'a> {
    pub(crate) fn new(exceptions: &'a [Exception], now: Timestamp) -> Self {
        let mut sorted: Vec<_> = exceptions
            .iter()
            .enumerate()
            .map(|(index, exception)| (exception.id.trim(), exception.is_expired(now), index))
            .collect();
        sorted.sort_by(|a, b| caseless(a.0, b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        Self { sorted }
    }

    /// The exception for a finding, and whether it is expired; one that counts if there is one.
    pub(crate) fn find(&self, finding: &Finding<'_>) -> Option<(usize, bool)> {
        if self.sorted.is_empty() {
            return None;
        }
        let aliases = finding.aliases.iter().map(String::as_str);
        std::iter::once(finding.id)
            .chain(aliases)
            .filter_map(|id| {
                let start = self
                    .sorted
                    .partition_point(|entry| caseless(entry.0, id) == Ordering::Less);
                let (found, is_expired, index) = self.sorted.get(start)?;
                (caseless(found, id) == Ordering::Equal).then_some((*index, *is_expired))
            })
            .min_by_key(|(index, is_expired)| (*is_expired, *index))
    }
}

fn caseless(a: &str, b: &str) -> Ordering {
    let lower = |byte: u8| byte.to_ascii_lowercase();
    a.bytes().map(lower).cmp(b.bytes().map(lower))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_date_covers_its_whole_day_in_utc() {
        let check = |expires: &str, now: &str, is_expired: bool| {
            let exception = Exception {
                expires: Some(expires.parse().unwrap()),
                ..Exception::default()
            };
            assert_eq!(
                exception.is_expired(now.parse().unwrap()),
                is_expired,
                "{expires} at {now}"
            );
        };
        check("2027-01-31", "2027-01-31T23:59:59Z", false);
        check("2027-01-31", "2027-02-01T00:00:00Z", true);
        check("2027-01-31T12:00:00Z", "2027-01-31T11:59:59Z", false);
        check("2027-01-31T12:00:00Z", "2027-01-31T12:00:00Z", true);
        check("2027-01-31T12:00:00+02:00", "2027-01-31T10:00:00Z", true);
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "soon",
            "2027-02-30",
            "2027-13-01",
            "9999-12-31",
            "2027-01-31 x",
        ] {
            assert!(text.parse::<Expiry>().is_err(), "{text}");
        }
    }
}
