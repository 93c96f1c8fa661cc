//! The relay of `lamina serve`, as far as client and server must agree on it.
//!
//! A page may not read most registries' answers. It asks the relay on its own origin instead:
//! `https://ghcr.io/v2/a/b/tags/list?n=5` becomes `/relay/https/ghcr.io/v2/a/b/tags/list?n=5`. The
//! relay follows redirects itself. Browsers show a login box of their own on `WWW-Authenticate`, so
//! the relay renames that header.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    flavours::flavour_of,
    url::{Scheme, Url},
};

/// Where `WWW-Authenticate` of the registry stands in the relay's answers.
pub const CHALLENGE_HEADER: &str = "X-Lamina-WWW-Authenticate";

/// Every answer of the relay carries this header: without it, something else answered (a static
/// host that has no relay).
pub const HEADER: &str = "X-Lamina-Relay";

/// The path under which the relay answers.
pub const PATH: &str = "/relay/";

/// Error code: the relay will not ask that (address or path not allowed).
pub const REFUSED: &str = "RELAY_REFUSED";

/// Error code: the relay could not reach the registry.
pub const UNREACHABLE: &str = "RELAY_UNREACHABLE";

/// Error code: the relay got no answer in time.
pub const TIMEOUT: &str = "RELAY_TIMEOUT";

/// Error code: the relay has as many requests under way as it allows.
pub const BUSY: &str = "RELAY_BUSY";

/// The path and query under which the relay at `origin` (`http://localhost:8080`, or empty for a
/// path alone) answers for `url`.
pub fn relayed(origin: &str, url: &Url) -> String {
    let mut relayed = format!(
        "{}{PATH}{}/{}{}",
        origin.trim_end_matches('/'),
        url.scheme().as_str(),
        url.authority(),
        url.path()
    );
    if let Some(query) = url.query() {
        relayed.push('?');
        relayed.push_str(query);
    }
    relayed
}

/// The URL that a relayed path and query mean; the inverse of [`relayed`] with an empty origin.
pub fn unrelayed(path_and_query: &str) -> Option<Url> {
    let rest = path_and_query.strip_prefix(PATH)?;
    let (scheme, rest) = rest.split_once('/')?;
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return None,
    };
    format!("{}://{rest}", scheme.as_str()).parse().ok()
}

/// How to reach a host from a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// Ask it directly.
    Direct,
    /// Ask the relay.
    Relay,
}

/// Which hosts answer a page directly: facts of flavours, and what was learned by trying. The page
/// keeps it for the next time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Routes(BTreeMap<String, Route>);

/// Hosts that are remembered.
const ROUTES: usize = 500;

impl Routes {
    /// How to reach `url`, asked on behalf of `registry`. An unknown host is tried directly first;
    /// on failure call [`Routes::learn`] and ask the relay.
    pub fn route(&self, registry: &str, url: &Url) -> Route {
        if let Some(route) = self.0.get(url.authority()) {
            return *route;
        }
        match flavour_of(registry).answers_cross_origin() {
            Some(false) => Route::Relay,
            Some(true) | None => Route::Direct,
        }
    }

    /// Whether trying `url` directly would be a guess.
    pub fn is_guess(&self, registry: &str, url: &Url) -> bool {
        !self.0.contains_key(url.authority())
            && flavour_of(registry).answers_cross_origin().is_none()
    }

    /// Remembers how a host was reached.
    pub fn learn(&mut self, url: &Url, route: Route) {
        if self.0.len() < ROUTES || self.0.contains_key(url.authority()) {
            self.0.insert(url.authority().to_owned(), route);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relayed_urls_can_be_turned_back() {
        let check = |text: &str, expect: &str| {
            let url: Url = text.parse().unwrap();
            assert_eq!(relayed("", &url), expect);
            assert_eq!(unrelayed(expect), Some(url));
        };
        check("https://ghcr.io/v2/", "/relay/https/ghcr.io/v2/");
        check(
            "http://[::1]:5000/v2/a/tags/list?n=5&last=x",
            "/relay/http/[::1]:5000/v2/a/tags/list?n=5&last=x",
        );
        for bad in [
            "/relay/ftp/a/v2/",
            "/relay/https",
            "/relay/https/",
            "/x/https/a/v2/",
            "/relay/https/u@a/v2/",
        ] {
            assert_eq!(unrelayed(bad), None, "{bad}");
        }
        let url: Url = "https://a/v2/".parse().unwrap();
        assert_eq!(relayed("http://x:1/", &url), "http://x:1/relay/https/a/v2/");
    }

    #[test]
    fn known_hosts_are_not_guessed() {
        let hub: Url = "https://registry-1.docker.io/v2/".parse().unwrap();
        let own: Url = "https://r.example/v2/".parse().unwrap();
        let mut routes = Routes::default();
        assert_eq!(routes.route("docker.io", &hub), Route::Relay);
        assert!(!routes.is_guess("docker.io", &hub));
        assert_eq!(routes.route("r.example", &own), Route::Direct);
        assert!(routes.is_guess("r.example", &own));
        routes.learn(&own, Route::Relay);
        assert_eq!(routes.route("r.example", &own), Route::Relay);
        assert!(!routes.is_guess("r.example", &own));
    }
}
