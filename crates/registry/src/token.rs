//! Bearer tokens: the token specification of CNCF distribution ("Token Authentication
//! Specification"), GET form, and the cache of what was granted.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{limits, time::Timestamp, url::Url};

/// What a token was asked for, and by whom.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct TokenKey {
    pub(crate) realm: Url,
    pub(crate) service: Option<String>,
    pub(crate) scopes: Vec<String>,
    /// The user's name; `None` is anonymous.
    pub(crate) identity: Option<String>,
}

impl TokenKey {
    /// The token endpoint's URL with its parameters.
    pub(crate) fn url(&self) -> Url {
        let mut url = self.realm.clone();
        if let Some(service) = &self.service {
            url = url.with_param("service", service);
        }
        for scope in &self.scopes {
            url = url.with_param("scope", scope);
        }
        match &self.identity {
            Some(account) => url.with_param("account", account),
            None => url,
        }
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "token of {:?} for {:?}", self.realm, self.scopes)
    }
}

/// A token and its life.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Token {
    pub(crate) secret: String,
    pub(crate) expires: Timestamp,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(…, {:?})", self.expires)
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    expires_in: Option<serde_json::Number>,
}

impl Token {
    /// Reads a token endpoint's answer.
    ///
    /// `issued_at` is not used: it is the server's clock, and ours may differ.
    pub(crate) fn parse(body: &[u8], now: Timestamp) -> Option<Self> {
        let answer: TokenAnswer = serde_json::from_slice(body).ok()?;
        let secret = [answer.token, answer.access_token]
            .into_iter()
            .flatten()
            .find(|secret| !secret.is_empty())?;
        // It will stand in a header: anything but visible ASCII would be another header.
        if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let life = answer
            .expires_in
            .and_then(|seconds| seconds.as_f64())
            .map_or(limits::TOKEN_LIFE, |seconds| {
                std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default()
            })
            .clamp(limits::TOKEN_LIFE, limits::TOKEN_LIFE_MAX);
        Some(Self {
            secret,
            expires: now.plus(life - limits::TOKEN_MARGIN),
        })
    }
}

/// How a scope is authorised at this registry, as far as was learned.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Way {
    /// With a token of this key.
    Bearer(TokenKey),
    /// With user name and password.
    Basic,
}

/// What a session learned: tokens, and which challenge each scope met.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Learned {
    tokens: Vec<(TokenKey, Token)>,
    /// By the scope that we meant, whatever the challenge asked for.
    ways: BTreeMap<String, Way>,
}

impl Learned {
    pub(crate) fn way(&self, scope: &str) -> Option<&Way> {
        self.ways.get(scope)
    }

    pub(crate) fn token(&self, key: &TokenKey, now: Timestamp) -> Option<&Token> {
        let (_, token) = self.tokens.iter().find(|(found, _)| found == key)?;
        (token.expires > now).then_some(token)
    }

    pub(crate) fn remember(&mut self, scope: &str, way: Way) {
        if self.ways.len() < limits::TOKENS || self.ways.contains_key(scope) {
            self.ways.insert(scope.to_owned(), way);
        }
    }

    pub(crate) fn store(&mut self, key: TokenKey, token: Token) {
        self.forget(&key);
        if self.tokens.len() >= limits::TOKENS {
            self.tokens.remove(0);
        }
        self.tokens.push((key, token));
    }

    pub(crate) fn forget(&mut self, key: &TokenKey) {
        self.tokens.retain(|(found, _)| found != key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_token_endpoints_are_read() {
        let now = Timestamp::from_millis(0);
        let check = |body: &str, expect: Option<(&str, u64)>| {
            let found = Token::parse(body.as_bytes(), now);
            let found = found.map(|token| (token.secret, token.expires.as_millis() / 1000));
            assert_eq!(
                found,
                expect.map(|(secret, life)| (secret.to_owned(), life)),
                "{body}"
            );
        };
        check(r#"{"token":"a","expires_in":300}"#, Some(("a", 290)));
        check(r#"{"access_token":"b"}"#, Some(("b", 50)));
        check(
            r#"{"token":"","access_token":"b","expires_in":5}"#,
            Some(("b", 50)),
        );
        check(r#"{"token":"a","expires_in":-1e300}"#, Some(("a", 50)));
        check(r#"{"token":"a","expires_in":1e300}"#, Some(("a", 50)));
        check(
            r#"{"token":"a","expires_in":99999999}"#,
            Some(("a", 43_190)),
        );
        check(r#"{"token":"a\r\nX-Evil: 1"}"#, None);
        check(r#"{"refresh_token":"a"}"#, None);
        check("<html>", None);
    }

    #[test]
    fn a_tokens_url_holds_what_it_is_for() {
        let key = TokenKey {
            realm: "https://a.example/t?x=1".parse().unwrap(),
            service: Some("r & s".to_owned()),
            scopes: vec![
                "repository:a/b:pull".to_owned(),
                "registry:catalog:*".to_owned(),
            ],
            identity: Some("robot$x".to_owned()),
        };
        assert_eq!(
            key.url().to_string(),
            "https://a.example/t?x=1&service=r%20%26%20s&scope=repository:a/b:pull\
             &scope=registry:catalog:%2A&account=robot%24x"
        );
    }
}
