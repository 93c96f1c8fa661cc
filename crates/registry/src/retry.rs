//! When to try again, and how long to wait before.

use std::time::Duration;

use crate::{
    http::Headers,
    limits,
    time::{Timestamp, parse_http_date},
};

/// The tries of one request.
#[derive(Clone, Debug)]
pub(crate) struct Retries {
    tries: u32,
    waited: Duration,
    jitter_permille: u16,
}

impl Retries {
    pub(crate) fn new(jitter_permille: u16) -> Self {
        Self {
            tries: 1,
            waited: Duration::ZERO,
            jitter_permille: jitter_permille.min(1000),
        }
    }

    /// How long to wait before the next try, or `None` when it is enough.
    pub(crate) fn next_wait(&mut self, asked: Option<Duration>) -> Option<Duration> {
        if self.tries >= limits::TRIES {
            return None;
        }
        let wait = backoff(self.tries, self.jitter_permille).max(asked.unwrap_or_default());
        let waited = self.waited.checked_add(wait)?;
        if waited > limits::TOTAL_WAIT {
            return None;
        }
        self.tries += 1;
        self.waited = waited;
        Some(wait)
    }
}

/// The pause after the `tries`th try: doubling, shortened by up to half as `jitter` says.
pub(crate) fn backoff(tries: u32, jitter_permille: u16) -> Duration {
    let factor = 1_u32 << tries.saturating_sub(1).min(6);
    let full = limits::FIRST_WAIT.saturating_mul(factor);
    full - full * u32::from(jitter_permille.min(1000)) / 2000
}

/// `Retry-After` in either form (RFC 9110, section 10.2.3).
pub(crate) fn retry_after(headers: &Headers, now: Timestamp) -> Option<Duration> {
    let value = headers.get("retry-after")?.trim();
    match value.parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => parse_http_date(value).map(|date| date.since(now)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_end() {
        let mut retries = Retries::new(0);
        let mut waits = Vec::new();
        while let Some(wait) = retries.next_wait(None) {
            waits.push(wait.as_millis());
        }
        assert_eq!(waits, [500, 1000, 2000, 4000]);
    }

    #[test]
    fn a_pause_is_at_least_what_the_registry_asks_and_never_beyond_the_total() {
        let mut retries = Retries::new(1000);
        assert_eq!(retries.next_wait(None), Some(Duration::from_millis(250)));
        let asked = Some(Duration::from_secs(20));
        assert_eq!(retries.next_wait(asked), asked);
        assert_eq!(retries.next_wait(Some(Duration::from_secs(50))), None);
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now = Timestamp::from_millis(784_111_777_000);
        let check = |value: &str, expect: Option<u64>| {
            let headers: Headers = [("Retry-After", value)].into_iter().collect();
            assert_eq!(retry_after(&headers, now), expect.map(Duration::from_secs));
        };
        check("120", Some(120));
        check("Sun, 06 Nov 1994 08:50:07 GMT", Some(30));
        check("Sun, 06 Nov 1994 08:40:07 GMT", Some(0));
        check("soon", None);
        check("-5", None);
    }
}
