//! Who we are at a registry: arguments, or what `docker login` left behind.

use std::{
    collections::BTreeMap,
    fmt,
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use lamina_registry::{Credentials, Options};
use serde::Deserialize;

use crate::limits;

/// How to reach registries.
#[derive(Clone, Default, clap::Args)]
pub struct RegistryArgs {
    /// The user name at the registry; without one, `docker login`'s is taken.
    #[arg(long, env = "LAMINA_USERNAME")]
    pub username: Option<String>,

    /// The password or access token. Other users of this machine can see it: better use
    /// `--password-stdin` or the environment.
    #[arg(
        long,
        env = "LAMINA_PASSWORD",
        hide_env_values = true,
        requires = "username"
    )]
    pub password: Option<String>,

    /// Reads the password from standard input.
    #[arg(long, conflicts_with = "password", requires = "username")]
    pub password_stdin: bool,

    /// A registry that speaks plain HTTP (`HOST` or `HOST:PORT`); localhost always may.
    #[arg(long, value_name = "HOST[:PORT]")]
    pub plain_http: Vec<String>,
}

impl fmt::Debug for RegistryArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryArgs")
            .field("username", &self.username)
            .field("plain_http", &self.plain_http)
            .finish_non_exhaustive()
    }
}

impl RegistryArgs {
    /// The options of a session. Without a random source, the clock's last digits spread retries.
    pub fn options(&self) -> Options {
        let nanos = crate::transport::now().as_millis() % 1000;
        Options {
            plain_http: self.plain_http.clone(),
            samples: None,
            jitter_permille: u16::try_from(nanos).unwrap_or_default(),
        }
    }

    /// The credentials for a registry: the arguments' or `docker login`'s.
    pub fn credentials(&self, registry: &str) -> anyhow::Result<Option<Credentials>> {
        let Some(username) = &self.username else {
            return from_docker(registry);
        };
        let password = match (&self.password, self.password_stdin) {
            (Some(password), _) => password.clone(),
            (None, true) => {
                let mut text = String::new();
                std::io::stdin()
                    .take(limits::PASSWORD_BYTES)
                    .read_to_string(&mut text)
                    .context("reading the password from standard input")?;
                text.trim_end_matches(['\r', '\n']).to_owned()
            }
            (None, false) => bail!("--username needs --password or --password-stdin"),
        };
        Ok(Some(Credentials::Password {
            username: username.clone(),
            password,
        }))
    }
}

/// The part of `~/.docker/config.json` (and podman's `auth.json`) that we read.
#[derive(Default, Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, DockerAuth>,
    #[serde(default, rename = "credsStore")]
    creds_store: Option<String>,
    #[serde(default, rename = "credHelpers")]
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
struct DockerAuth {
    /// Base64 of `user:password`.
    #[serde(default)]
    auth: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    identitytoken: String,
    #[serde(default)]
    registrytoken: String,
}

/// What `docker login` or `podman login` left, looked for where they put it.
fn from_docker(registry: &str) -> anyhow::Result<Option<Credentials>> {
    for path in config_paths() {
        if !path.is_file() {
            continue;
        }
        let config = read_config(&path)?;
        if let Some(credentials) = find(&config, registry)? {
            tracing::debug!(registry, path = %path.display(), "credentials found");
            return Ok(Some(credentials));
        }
    }
    Ok(None)
}

fn config_paths() -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let docker = match variable("DOCKER_CONFIG") {
        Some(folder) => Some(PathBuf::from(folder)),
        None => std::env::home_dir().map(|home| home.join(".docker")),
    };
    let podman = match variable("REGISTRY_AUTH_FILE") {
        Some(file) => Some(PathBuf::from(file)),
        None => variable("XDG_RUNTIME_DIR")
            .map(|folder| PathBuf::from(folder).join("containers/auth.json")),
    };
    let docker = docker.map(|folder| folder.join("config.json"));
    podman.into_iter().chain(docker).collect()
}

fn read_config(path: &Path) -> anyhow::Result<DockerConfig> {
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| {
        file.take(limits::DOCKER_CONFIG_BYTES)
            .read_to_string(&mut text)
    });
    read.with_context(|| format!("reading {}", path.display()))?;
    // serde_json's messages name line and column, never values of strings that could be secrets.
    serde_json::from_str(&text).with_context(|| format!("{} is malformed", path.display()))
}

fn find(config: &DockerConfig, registry: &str) -> anyhow::Result<Option<Credentials>> {
    let is_hub = matches!(
        registry,
        "docker.io" | "index.docker.io" | "registry-1.docker.io"
    );
    let is_ours = |key: &str| {
        let host = host_of(key);
        host == registry
            || (is_hub
                && matches!(
                    host,
                    "index.docker.io" | "docker.io" | "registry-1.docker.io"
                ))
    };
    for (key, auth) in config.auths.iter().filter(|(key, _)| is_ours(key)) {
        if let Some(credentials) = auth.credentials(key, registry)? {
            return Ok(Some(credentials));
        }
    }
    let helper = config
        .cred_helpers
        .iter()
        .find(|(key, _)| is_ours(key))
        .map(|(_, helper)| helper)
        .or(config.creds_store.as_ref());
    match helper {
        Some(helper) => ask_helper(
            helper,
            if is_hub {
                "https://index.docker.io/v1/"
            } else {
                registry
            },
        ),
        None => Ok(None),
    }
}

impl DockerAuth {
    fn credentials(&self, key: &str, registry: &str) -> anyhow::Result<Option<Credentials>> {
        if !self.registrytoken.is_empty() {
            return Ok(Some(Credentials::Token(self.registrytoken.clone())));
        }
        let (username, password) = if self.auth.is_empty() {
            (self.username.clone(), self.password.clone())
        } else {
            let bytes = BASE64_STANDARD.decode(self.auth.trim());
            let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
            match text.as_deref().and_then(|text| text.split_once(':')) {
                Some((username, password)) => (
                    username.to_owned(),
                    password.trim_end_matches('\0').to_owned(),
                ),
                None => bail!("the login for {key:?} in docker's config is malformed"),
            }
        };
        Ok(password_or_identity(
            username,
            password,
            &self.identitytoken,
            registry,
        ))
    }
}

/// Azure takes an identity token as the password of a nil user; for others it would need an OAuth
/// POST, which this program does not do.
fn password_or_identity(
    username: String,
    password: String,
    identity: &str,
    registry: &str,
) -> Option<Credentials> {
    if !identity.is_empty() {
        if registry.contains(".azurecr.") {
            return Some(Credentials::Password {
                username: "00000000-0000-0000-0000-000000000000".to_owned(),
                password: identity.to_owned(),
            });
        }
        tracing::warn!(
            registry,
            "identity token not supported; going without a login"
        );
        return None;
    }
    (!username.is_empty() && !password.is_empty())
        .then_some(Credentials::Password { username, password })
}

/// `docker-credential-NAME get`, as Docker does it.
fn ask_helper(helper: &str, server: &str) -> anyhow::Result<Option<Credentials>> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "Username")]
        username: String,
        #[serde(rename = "Secret")]
        secret: String,
    }
    let is_name = !helper.is_empty()
        && helper
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !is_name {
        bail!("{helper:?} is no credential helper");
    }
    let program = format!("docker-credential-{helper}");
    let child = std::process::Command::new(&program)
        .arg("get")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            tracing::warn!(program, %error, "credential helper not started");
            return Ok(None);
        }
    };
    if let Some(mut stdin) = child.stdin.take() {
        use std::io::Write as _;
        // A helper that does not read has nothing to say either.
        let _ = stdin.write_all(server.as_bytes());
    }
    let output = child.wait_with_output().with_context(|| program.clone())?;
    // "credentials not found" is a failure with a text on standard output.
    if !output.status.success() {
        return Ok(None);
    }
    let Ok(answer) = serde_json::from_slice::<Answer>(&output.stdout) else {
        bail!("the answer of {program} is malformed");
    };
    if answer.username == "<token>" {
        return Ok(password_or_identity(
            String::new(),
            String::new(),
            &answer.secret,
            server,
        ));
    }
    Ok(password_or_identity(
        answer.username,
        answer.secret,
        "",
        server,
    ))
}

/// The host of a key such as `https://index.docker.io/v1/`.
fn host_of(key: &str) -> &str {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(config: &str, registry: &str, expect: Option<(&str, &str)>) {
        let config: DockerConfig = serde_json::from_str(config).unwrap();
        let found = find(&config, registry).unwrap();
        let expect = expect.map(|(username, password)| Credentials::Password {
            username: username.to_owned(),
            password: password.to_owned(),
        });
        assert!(found == expect, "{registry}: {found:?}");
    }

    #[test]
    fn dockers_logins_are_found() {
        let config = r#"{"auths":{
            "https://index.docker.io/v1/":{"auth":"aHViOnB3OjE="},
            "ghcr.io":{"auth":"Z2g6dG9rZW4="},
            "localhost:5000":{"username":"me","password":"pw"},
            "team.azurecr.io":{"auth":"MDA6","identitytoken":"idt"},
            "idp.example":{"auth":"MDA6","identitytoken":"idt"},
            "empty.example":{}
        }}"#;
        check(config, "docker.io", Some(("hub", "pw:1")));
        check(config, "ghcr.io", Some(("gh", "token")));
        check(config, "localhost:5000", Some(("me", "pw")));
        check(config, "localhost:5001", None);
        check(
            config,
            "team.azurecr.io",
            Some(("00000000-0000-0000-0000-000000000000", "idt")),
        );
        check(config, "idp.example", None);
        check(config, "empty.example", None);
        check("{}", "ghcr.io", None);
    }

    #[test]
    fn a_malformed_login_is_an_error_without_its_text() {
        let config: DockerConfig =
            serde_json::from_str(r#"{"auths":{"a":{"auth":"c2VjcmV0"}}}"#).unwrap();
        let error = find(&config, "a").unwrap_err().to_string();
        assert!(
            !error.contains("c2Vj") && !error.contains("secret"),
            "{error}"
        );
    }

    #[test]
    fn a_helper_must_be_a_plain_name() {
        assert!(ask_helper("../../evil", "a").is_err());
        assert!(ask_helper("no-such-helper-here", "a").unwrap().is_none());
    }
}
