//! Rate limits as registries tell them in headers.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::http::Headers;

/// What a registry said about its rate limit.
///
/// Docker Hub writes `ratelimit-limit: 100;w=21600` and `ratelimit-remaining: 20;w=21600`; others
/// write `RateLimit-Limit` and `RateLimit-Reset` with plain seconds (IETF draft "RateLimit header
/// fields", early versions).
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RateLimit {
    /// Pulls allowed in a window.
    pub limit: Option<u64>,
    /// Pulls left in it.
    pub remaining: Option<u64>,
    /// How long a window is.
    pub window: Option<Duration>,
    /// When the window ends, from now.
    pub resets_in: Option<Duration>,
    /// What is counted: an address or an account (`docker-ratelimit-source`).
    pub source: Option<String>,
}

impl RateLimit {
    /// Reads the headers; `None` when they say nothing.
    pub fn read(headers: &Headers) -> Option<Self> {
        let (limit, limit_window) = quota(headers.get("ratelimit-limit"));
        let (remaining, remaining_window) = quota(headers.get("ratelimit-remaining"));
        let rate = Self {
            limit,
            remaining,
            window: remaining_window.or(limit_window),
            resets_in: number(headers.get("ratelimit-reset")).map(Duration::from_secs),
            source: headers
                .get("docker-ratelimit-source")
                .map(|source| source.chars().take(80).collect()),
        };
        (rate.limit.is_some() || rate.remaining.is_some() || rate.resets_in.is_some())
            .then_some(rate)
    }
}

/// `100 pulls per 6 hours, 20 left`.
impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.limit, self.window) {
            (Some(limit), Some(window)) => {
                write!(f, "{limit} pulls per {}", duration_in_words(window))?;
            }
            (Some(limit), None) => write!(f, "{limit} pulls")?,
            (None, _) => f.write_str("a limit on pulls")?,
        }
        match self.remaining {
            Some(remaining) => write!(f, ", {remaining} left"),
            None => Ok(()),
        }
    }
}

/// `6 hours`, `90 seconds`, `25 minutes`.
pub(crate) fn duration_in_words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (count, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7_200 => (seconds.div_ceil(60), "minute"),
        7_200..172_800 => (seconds.div_ceil(3_600), "hour"),
        _ => (seconds.div_ceil(86_400), "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

fn quota(value: Option<&str>) -> (Option<u64>, Option<Duration>) {
    let Some(value) = value else {
        return (None, None);
    };
    let mut parts = value.split([';', ',']);
    let count = number(parts.next());
    let window = parts
        .find_map(|part| part.trim().strip_prefix("w="))
        .and_then(|seconds| number(Some(seconds)))
        .map(Duration::from_secs);
    (count, window)
}

fn number(value: Option<&str>) -> Option<u64> {
    value?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_hubs_headers_are_read() {
        let headers: Headers = [
            ("RateLimit-Limit", "100;w=21600"),
            ("ratelimit-remaining", "20;w=21600"),
            ("docker-ratelimit-source", "192.0.2.1"),
        ]
        .into_iter()
        .collect();
        let rate = RateLimit::read(&headers).unwrap();
        assert_eq!(rate.to_string(), "100 pulls per 6 hours, 20 left");
        assert_eq!(rate.source.as_deref(), Some("192.0.2.1"));
    }

    #[test]
    fn headers_that_say_nothing_give_none() {
        let headers: Headers = [("ratelimit-limit", "lots")].into_iter().collect();
        assert_eq!(RateLimit::read(&headers), None);
    }
}
