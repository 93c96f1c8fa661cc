//! The registries behind the gate: which one a repository is at, and how it is asked.

use std::{str::FromStr, time::Duration};

use anyhow::{Context as _, bail};
use axum::http::{HeaderMap, HeaderName, Method, header};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use lamina_registry::{
    Credentials, Options, Session, TransportError, Url,
    flavours::flavour_of,
    session::is_repository,
    url::{Scheme, is_loopback},
};

use crate::{credentials::RegistryArgs, limits, transport};

/// `https://registry[,prefix=…][,name=…]`, as on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamArg {
    url: Url,
    /// Without slashes around it.
    prefix: Option<String>,
    name: Option<String>,
}

impl FromStr for UpstreamArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',').map(str::trim);
        let address = parts.next().unwrap_or_default();
        let url: Url = address
            .parse()
            .map_err(|error| format!("{address:?} is no address of a registry: {error}"))?;
        if url.query().is_some() {
            return Err(format!(
                "{address:?}: the address of a registry has no query"
            ));
        }
        let mut upstream = Self {
            url,
            prefix: None,
            name: None,
        };
        for part in parts {
            match part.split_once('=') {
                Some(("prefix", prefix)) => {
                    let prefix = prefix.trim_matches('/');
                    if !is_prefix(prefix) {
                        return Err(format!("{prefix:?} cannot begin a repository's name"));
                    }
                    upstream.prefix = Some(prefix.to_owned());
                }
                Some(("name", name)) if !name.is_empty() && !name.contains('/') => {
                    upstream.name = Some(name.to_ascii_lowercase());
                }
                _ => return Err(format!("{part:?} is neither prefix=… nor name=…")),
            }
        }
        Ok(upstream)
    }
}

/// A prefix may also be a registry's name with a port, as containerd's mirrors write it.
fn is_prefix(prefix: &str) -> bool {
    is_repository(&prefix.replace(':', "-"))
}

/// A registry behind the gate.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// The name that references have: `docker.io`, `registry.example:5000`.
    pub(crate) name: String,
    pub(crate) url: Url,
    prefix: Option<String>,
    /// Docker Hub has its official images below `library/`.
    is_hub: bool,
    /// Who the gate is there itself, if it was told.
    own: Option<Session>,
}

/// The registries behind the gate.
#[derive(Debug)]
pub(crate) struct Upstreams(Vec<Upstream>);

/// A repository behind the gate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) upstream: &'a Upstream,
    /// As a client names it, without the upstream's prefix.
    pub(crate) repository: Repository<'a>,
    /// As the client names it.
    pub(crate) asked: &'a str,
}

/// A repository's name at its registry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repository<'a> {
    is_official: bool,
    name: &'a str,
}

impl std::fmt::Display for Repository<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_official {
            f.write_str("library/")?;
        }
        f.write_str(self.name)
    }
}

impl Target<'_> {
    /// The image as references name it, with its registry: `docker.io/library/nginx:1.25`.
    pub(crate) fn image(&self, reference: &str) -> String {
        let mark = if reference.contains(':') { '@' } else { ':' };
        format!(
            "{}/{}{mark}{reference}",
            self.upstream.name, self.repository
        )
    }

    /// The repository with its registry.
    pub(crate) fn full_repository(&self) -> String {
        format!("{}/{}", self.upstream.name, self.repository)
    }

    /// The address of a part of the repository: `manifests/1.0`.
    pub(crate) fn url(&self, part: &str, query: Option<&str>) -> Url {
        let url = &self.upstream.url;
        let mut url = url.with_path_suffix(&format!("v2/{}/{part}", self.repository));
        for (name, value) in parameters(query) {
            if name != "ns" {
                url = url.with_param(&name, &value);
            }
        }
        url
    }

    /// Who asks for the parts of an image to look into them: the gate itself if it is somebody
    /// there, else whoever asked for the image.
    pub(crate) fn session(&self, client: Option<Credentials>, options: &Options) -> Session {
        match &self.upstream.own {
            Some(own) => own.clone(),
            None => self.upstream.session(client, options),
        }
    }
}

impl Upstream {
    pub(crate) fn session(&self, credentials: Option<Credentials>, options: &Options) -> Session {
        Session::at(self.url.clone(), &self.name, credentials, options)
    }

    fn target<'a>(&'a self, asked: &'a str, name: &'a str) -> Target<'a> {
        Target {
            upstream: self,
            repository: Repository {
                is_official: self.is_hub && !name.contains('/'),
                name,
            },
            asked,
        }
    }

    /// The repository's name without this upstream's prefix.
    fn strip<'a>(&self, asked: &'a str) -> Option<&'a str> {
        match &self.prefix {
            None => Some(asked),
            Some(prefix) => asked.strip_prefix(prefix.as_str())?.strip_prefix('/'),
        }
    }
}

impl Upstreams {
    /// Checks what the command line says, and finds out who the gate is at each of them.
    pub(crate) fn new(arguments: &[UpstreamArg], login: &RegistryArgs) -> anyhow::Result<Self> {
        if login.username.is_some() && arguments.len() > 1 {
            bail!(
                "--username would be sent to all of {} upstreams: use `docker login` for each \
                 instead",
                arguments.len()
            );
        }
        let mut upstreams: Vec<Upstream> = Vec::new();
        for argument in arguments {
            let authority = argument.url.authority();
            let is_hub = flavour_of(authority).id() == "docker-hub";
            let name = match &argument.name {
                Some(name) => name.clone(),
                None if is_hub => "docker.io".to_owned(),
                None => authority.to_owned(),
            };
            if upstreams
                .iter()
                .any(|other| other.name == name || other.prefix == argument.prefix)
            {
                bail!(
                    "two upstreams have the same name or prefix ({name}): tell them apart with prefix=…"
                );
            }
            let mut upstream = Upstream {
                name,
                url: argument.url.clone(),
                prefix: argument.prefix.clone(),
                is_hub,
                own: None,
            };
            let known_as = if is_hub { "docker.io" } else { authority };
            let credentials = login
                .credentials(known_as)
                .with_context(|| format!("looking for a login to {known_as}"))?;
            if argument.url.scheme() == Scheme::Http
                && !is_loopback(authority)
                && credentials.is_some()
            {
                tracing::warn!(upstream = upstream.name, "password sent without TLS");
            }
            upstream.own = credentials.map(|found| upstream.session(Some(found), &login.options()));
            upstreams.push(upstream);
        }
        // The longest prefix is looked for first, and none last.
        upstreams.sort_by_key(|upstream| {
            std::cmp::Reverse(upstream.prefix.as_ref().map_or(0, String::len))
        });
        Ok(Self(upstreams))
    }

    pub(crate) fn all(&self) -> &[Upstream] {
        &self.0
    }

    /// Where a repository is. `namespace` is the registry that containerd says it would rather ask
    /// (`?ns=`): it must be the one that is asked, or an image could come under another's name.
    ///
    /// # Errors
    /// Says why there is none.
    pub(crate) fn route<'a>(
        &'a self,
        asked: &'a str,
        namespace: Option<&str>,
    ) -> Result<Target<'a>, String> {
        if let Some(namespace) = namespace {
            let Some(upstream) = self.of_registry(namespace) else {
                return Err(format!(
                    "there is no upstream for {namespace} behind this gate (--upstream …,name={namespace})"
                ));
            };
            return Ok(upstream.target(asked, asked));
        }
        self.0
            .iter()
            .find_map(|upstream| {
                let name = upstream.strip(asked)?;
                is_repository(name).then(|| upstream.target(asked, name))
            })
            .ok_or_else(|| format!("there is no upstream for {asked} behind this gate"))
    }

    /// Where an image is that is named with its registry.
    pub(crate) fn of_reference<'a>(
        &'a self,
        registry: &str,
        repository: &'a str,
    ) -> Option<Target<'a>> {
        self.of_registry(registry)
            .map(|upstream| upstream.target(repository, repository))
    }

    fn of_registry(&self, name: &str) -> Option<&Upstream> {
        let name = match name.to_ascii_lowercase().as_str() {
            "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
            name => name.to_owned(),
        };
        self.0.iter().find(|upstream| upstream.name == name)
    }

    /// The one registry that a client without further words means.
    pub(crate) fn only(&self, namespace: Option<&str>) -> Option<&Upstream> {
        match (namespace, self.0.as_slice()) {
            (Some(namespace), _) => self.of_registry(namespace),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }
}

/// The parameters of a query, decoded.
pub(crate) fn parameters(query: Option<&str>) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        crate::assets::percent_decode(&text).unwrap_or_default()
    };
    query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .take(16)
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// Who a client says it is: for looking into the image that it asks for, and for nothing else.
pub(crate) fn credentials_of(headers: &HeaderMap) -> Option<Credentials> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Credentials::Token(rest.to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(BASE64_STANDARD.decode(rest).ok()?).ok()?;
    let (username, password) = pair.split_once(':')?;
    Some(Credentials::Password {
        username: username.to_owned(),
        password: password.to_owned(),
    })
}

/// What becomes of redirects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redirects {
    /// The gate follows them, wherever they lead.
    Follow,
    /// Those that lead to another host are left to the client.
    Pass,
}

/// Why an upstream gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("{host}: {source}")]
    Transport {
        host: String,
        source: TransportError,
    },
    #[error("{host} redirects {detail}")]
    Redirect { host: String, detail: &'static str },
    #[error("{host}: {detail}")]
    Answer { host: String, detail: String },
}

impl AskError {
    /// Its kind in metrics.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Transport { source, .. } => match source {
                TransportError::Timeout => "timeout",
                TransportError::Unreachable(_) => "unreachable",
                TransportError::Tls(_) => "tls",
                _ => "broken",
            },
            Self::Redirect { .. } => "redirect",
            Self::Answer { .. } => "answer",
        }
    }
}

/// The client that asks upstreams for clients of the gate.
#[derive(Clone, Debug)]
pub(crate) struct Asker(reqwest::Client);

impl Asker {
    /// `idle` is how long an upstream may send nothing.
    pub(crate) fn new(idle: Duration) -> anyhow::Result<Self> {
        Ok(Self(transport::build_client(|builder| {
            builder.read_timeout(idle).pool_max_idle_per_host(64)
        })?))
    }

    /// Asks, and follows redirects. Credentials stay with the host that they were sent for.
    pub(crate) async fn ask(
        &self,
        method: &Method,
        mut url: Url,
        mut headers: HeaderMap,
        redirects: Redirects,
    ) -> Result<reqwest::Response, AskError> {
        for _ in 0..=limits::REDIRECTS {
            let response = self
                .0
                .request(method.clone(), url.to_string())
                .headers(headers.clone())
                .send()
                .await
                .map_err(|error| AskError::Transport {
                    host: url.authority().to_owned(),
                    source: transport::transport_error(error),
                })?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(response);
            }
            let bad = |detail| AskError::Redirect {
                host: url.authority().to_owned(),
                detail,
            };
            let next = response
                .headers()
                .get(header::LOCATION)
                .and_then(|location| location.to_str().ok())
                .and_then(|location| url.join(location).ok())
                .ok_or_else(|| bad("to no web address"))?;
            if !next.is_same_origin(&url) {
                if redirects == Redirects::Pass {
                    return Ok(response);
                }
                headers.remove(header::AUTHORIZATION);
            }
            if url.scheme() == Scheme::Https && next.scheme() == Scheme::Http {
                return Err(bad("from a secure to an insecure address"));
            }
            url = next;
        }
        Err(AskError::Redirect {
            host: url.authority().to_owned(),
            detail: "too often",
        })
    }
}

/// Headers of a client's request that an upstream gets to see.
pub(crate) const PASSED_ON: [HeaderName; 6] = [
    header::ACCEPT,
    header::AUTHORIZATION,
    header::USER_AGENT,
    header::RANGE,
    header::IF_RANGE,
    header::IF_NONE_MATCH,
];

/// Those when a manifest is asked for: it is wanted whole, as it is to be judged.
pub(crate) const PASSED_ON_WHOLE: [HeaderName; 3] =
    [header::ACCEPT, header::AUTHORIZATION, header::USER_AGENT];

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn upstreams(arguments: &[&str]) -> anyhow::Result<Upstreams> {
        let arguments: Vec<UpstreamArg> = arguments
            .iter()
            .map(|text| text.parse().map_err(anyhow::Error::msg))
            .collect::<Result<_, _>>()?;
        Upstreams::new(&arguments, &RegistryArgs::default())
    }

    #[test]
    fn repositories_are_found_by_prefix_and_namespace() {
        let upstreams = upstreams(&[
            "https://registry-1.docker.io",
            "https://ghcr.io,prefix=ghcr.io",
            "http://localhost:5000/base/,prefix=team/inner,name=team.example",
        ])
        .unwrap();
        let check = |asked: &str, namespace: Option<&str>, expect: &str| {
            let found = match upstreams.route(asked, namespace) {
                Ok(target) => target.url("manifests/1", Some("ns=x&n=1")).to_string(),
                Err(problem) => problem,
            };
            assert_eq!(found, expect, "{asked} {namespace:?}");
        };
        let hub = "https://registry-1.docker.io/v2/";
        check(
            "nginx",
            None,
            &format!("{hub}library/nginx/manifests/1?n=1"),
        );
        check("a/nginx", None, &format!("{hub}a/nginx/manifests/1?n=1"));
        check(
            "ghcr.io/a/b",
            None,
            "https://ghcr.io/v2/a/b/manifests/1?n=1",
        );
        check(
            "team/inner/x",
            None,
            "http://localhost:5000/base/v2/x/manifests/1?n=1",
        );
        check(
            "team/innerx",
            None,
            &format!("{hub}team/innerx/manifests/1?n=1"),
        );
        check(
            "a/b",
            Some("GHCR.io"),
            "https://ghcr.io/v2/a/b/manifests/1?n=1",
        );
        check(
            "x",
            Some("team.example"),
            "http://localhost:5000/base/v2/x/manifests/1?n=1",
        );
        check(
            "a/b",
            Some("quay.io"),
            "there is no upstream for quay.io behind this gate (--upstream …,name=quay.io)",
        );
        let target = upstreams.route("nginx", None).unwrap();
        assert_eq!(target.image("1.25"), "docker.io/library/nginx:1.25");
        assert_eq!(
            target.image("sha256:ab"),
            "docker.io/library/nginx@sha256:ab"
        );
    }

    #[test]
    fn what_is_no_upstream_is_refused() {
        for text in [
            "",
            "registry.example",
            "ftp://registry.example",
            "https://u@registry.example",
            "https://r.example?x=1",
            "https://r.example,prefix=A",
            "https://r.example,prefix=",
            "https://r.example,name=a/b",
            "https://r.example,other=x",
        ] {
            assert!(text.parse::<UpstreamArg>().is_err(), "{text}");
        }
        assert!(upstreams(&["https://a.example", "https://b.example"]).is_err());
        assert!(
            upstreams(&["https://a.example", "http://a.example,prefix=x"]).is_err(),
            "the same name twice"
        );
    }

    #[test]
    fn clients_are_known_by_either_scheme() {
        let check = |value: &'static str, expect: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
            let found = credentials_of(&headers);
            let found = found.map(|credentials| match credentials {
                Credentials::Token(token) => token,
                Credentials::Password { username, password } => format!("{username} {password}"),
                _ => "?".to_owned(),
            });
            assert_eq!(found.as_deref(), expect, "{value}");
        };
        check("Bearer abc", Some("abc"));
        check("bearer abc", Some("abc"));
        check("Basic dXNlcjpwYTpzcw==", Some("user pa:ss"));
        check("Basic ???", None);
        check("Negotiate x", None);
        check("Bearer", None);
    }
}
