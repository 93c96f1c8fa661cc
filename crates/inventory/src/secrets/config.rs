//! Secrets in an image's configuration: its variables, its labels and its history.
//!
//! The history tells the arguments of each step of the build. `ENV` and `ARG` write their values into it,
//! and so does every `RUN` that an `ARG` is in force for: `|1 TOKEN=… /bin/sh -c …`
//! ([Docker on `ARG`](https://docs.docker.com/reference/dockerfile/#arg)).

use super::{
    guards::{is_placeholder, is_secret_name},
    paths::Attention,
    redaction::{Named, excerpt, named_values},
    rules::RULES,
    scanner::{Manner, Match, matches},
};
use crate::{
    limits::{MAX_CONFIG_SECRETS, MAX_CONFIG_TEXT_BYTES},
    severity::Severity,
};

/// The rule for values of which only the variable's name says that they are secrets.
const VARIABLE_RULE: &str = "secret-variable";

/// A secret in an image's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSecret {
    /// The rule that found it: kebab-case, never changes.
    pub rule: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub place: ConfigPlace,
    /// What was found, with every secret redacted.
    pub excerpt: String,
}

/// Where in a configuration something is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigPlace {
    /// A variable of the environment.
    Variable {
        /// Its name.
        name: String,
    },
    /// A step of the history.
    Step {
        /// Its index in the history, from 0, steps without a layer counted.
        index: usize,
        /// The variable or option that holds it, where there is one.
        variable: Option<String>,
    },
    /// A label.
    Label {
        /// Its name.
        name: String,
    },
}

/// Secrets in the variables (`NAME=value`), the history (`created_by`) and the labels of an image's
/// configuration, in that order.
pub fn scan_config(
    env: &[String],
    history: &[String],
    labels: &[(String, String)],
) -> Vec<ConfigSecret> {
    let mut all = Vec::new();
    for variable in env {
        let name = variable
            .split_once('=')
            .map_or(variable.as_str(), |(name, _)| name);
        scan_pair(
            variable,
            name,
            &mut all,
            ConfigPlace::Variable {
                name: name.to_owned(),
            },
        );
    }
    for (index, step) in history.iter().enumerate() {
        scan_step(step, index, &mut all);
    }
    for (name, value) in labels {
        scan_pair(
            &format!("{name}={value}"),
            name,
            &mut all,
            ConfigPlace::Label { name: name.clone() },
        );
    }
    all.truncate(MAX_CONFIG_SECRETS);
    all
}

/// The part of a text that is read.
fn start_of(text: &str) -> &[u8] {
    text.as_bytes()
        .get(..MAX_CONFIG_TEXT_BYTES)
        .unwrap_or(text.as_bytes())
}

/// What the rules find, but for those that go by names: here every name is looked at.
fn by_rules(text: &[u8]) -> Vec<Match> {
    let manner = Manner {
        attention: Attention::Configuration,
        unguarded: false,
    };
    let mut found = matches(text, None, manner);
    found.retain(|found| RULES.get(found.rule).is_some_and(|rule| !rule.generic));
    found
}

fn scan_pair(text: &str, name: &str, all: &mut Vec<ConfigSecret>, place: ConfigPlace) {
    let text = start_of(text);
    let found = by_rules(text);
    for found in &found {
        push(all, text, found, place.clone());
    }
    let start = name.len().saturating_add(1);
    let value = text.get(start..).unwrap_or_default();
    if found.is_empty() && is_secret_name(name) && is_telling(value) {
        let named = Named {
            name: name.to_owned(),
            value: start..text.len(),
        };
        push_named(all, text, &named, place);
    }
}

fn scan_step(step: &str, index: usize, all: &mut Vec<ConfigSecret>) {
    let text = start_of(step);
    let named = named_values(text);
    let found = by_rules(text);
    for found in &found {
        let variable = named
            .iter()
            .find(|named| named.value.contains(&found.secret.start));
        let variable = variable.map(|named| named.name.clone());
        push(all, text, found, ConfigPlace::Step { index, variable });
    }
    for named in &named {
        let value = text.get(named.value.clone()).unwrap_or_default();
        let is_told = found.iter().any(|found| {
            found.secret.start < named.value.end && named.value.start < found.secret.end
        });
        if !is_told && is_telling(value) {
            let variable = Some(named.name.clone());
            push_named(all, text, named, ConfigPlace::Step { index, variable });
        }
    }
}

/// Whether a value could be a secret at all, given that its name says so.
fn is_telling(value: &[u8]) -> bool {
    let is_word = |word: &str| value.eq_ignore_ascii_case(word.as_bytes());
    let is_number = value.iter().all(u8::is_ascii_digit) && value.len() < 6;
    let is_path = value.starts_with(b"/") || value.starts_with(b"./") || value.starts_with(b"~");
    let is_address = value.windows(3).any(|window| window == b"://");
    let is_code = value.iter().any(|byte| b"(){}[]".contains(byte)) && value.contains(&b'$');
    let is_long_enough = value.len() >= 4;
    is_long_enough
        && !is_number
        && !is_path
        && !is_address
        && !is_code
        && ![
            "true", "false", "none", "null", "auto", "required", "optional", "always", "never",
            "prompt",
        ]
        .iter()
        .any(|word| is_word(word))
        && !is_placeholder(value)
}

fn push(all: &mut Vec<ConfigSecret>, text: &[u8], found: &Match, place: ConfigPlace) {
    let Some(rule) = RULES.get(found.rule) else {
        return;
    };
    if all.len() < MAX_CONFIG_SECRETS {
        all.push(ConfigSecret {
            rule: rule.id,
            title: rule.title,
            severity: rule.severity,
            place,
            excerpt: excerpt(text, true, found),
        });
    }
}

fn push_named(all: &mut Vec<ConfigSecret>, text: &[u8], named: &Named, place: ConfigPlace) {
    if all.len() < MAX_CONFIG_SECRETS {
        let found = Match {
            rule: usize::MAX,
            keyword: named.value.start.saturating_sub(named.name.len() + 1),
            secret: named.value.clone(),
        };
        all.push(ConfigSecret {
            rule: VARIABLE_RULE,
            title: "Secret in a variable named for one",
            severity: Severity::Medium,
            place,
            excerpt: excerpt(text, true, &found),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(env: &[&str], history: &[&str], labels: &[(&str, &str)]) -> Vec<String> {
        let env: Vec<String> = env.iter().map(|text| (*text).to_owned()).collect();
        let history: Vec<String> = history.iter().map(|text| (*text).to_owned()).collect();
        let labels: Vec<(String, String)> = labels
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect();
        let found = scan_config(&env, &history, &labels);
        let told = found.into_iter().map(|found| {
            let place = match found.place {
                ConfigPlace::Variable { name } => format!("env {name}"),
                ConfigPlace::Step { index, variable } => {
                    format!("step {index} {}", variable.unwrap_or_default())
                }
                ConfigPlace::Label { name } => format!("label {name}"),
            };
            format!("{} {place}: {}", found.rule, found.excerpt)
        });
        told.collect()
    }

    #[test]
    fn variables_are_told_by_value_or_name() {
        let token = ["GH=gh", "p_0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R"].concat();
        let found = scan(
            &[
                "PATH=/bin",
                "DB_PASSWORD=correct-horse",
                &token,
                "GPG_KEY=E3FF2839C048B25C084DEBE9B26995E310250568",
            ],
            &[],
            &[],
        );
        assert_eq!(
            found,
            [
                "secret-variable env DB_PASSWORD: DB_PASSWORD=****",
                "github-token env GH: GH=ghp_****"
            ]
        );
    }

    #[test]
    fn steps_are_told_with_their_variable() {
        let found = scan(
            &[],
            &[
                "/bin/sh -c #(nop) ADD file:0123 in / ",
                "/bin/sh -c #(nop)  ENV NPM_TOKEN=k7Jq02mZpV",
                "ARG API_KEY=k7Jq02mZpV",
                "RUN |2 VERSION=1 TOKEN=some words here /bin/sh -c npm ci # buildkit",
                "|1 TOKEN=k7Jq02mZpV /bin/sh -c npm ci",
                "RUN /bin/sh -c docker build --build-arg SECRET=k7Jq02mZpV . # buildkit",
                "RUN /bin/sh -c curl -u ci:k7Jq02mZpV https://acme.io # buildkit",
                "RUN /bin/sh -c adduser --disabled-password --gecos '' app # buildkit",
                "RUN /bin/sh -c export GPG_KEYS=E3FF2839C048B25C084DEBE9B26995E310250568 # buildkit",
                "RUN /bin/sh -c --mount=type=secret,id=npm NPM_TOKEN=$(cat /run/secrets/npm) npm ci",
            ],
            &[],
        );
        assert_eq!(
            found,
            [
                "secret-variable step 1 NPM_TOKEN: /bin/sh -c #(nop)  ENV NPM_TOKEN=****",
                "secret-variable step 2 API_KEY: ARG API_KEY=****",
                "secret-variable step 3 TOKEN: RUN |2 VERSION=1 TOKEN=****",
                "secret-variable step 4 TOKEN: |1 TOKEN=****",
                "secret-variable step 5 SECRET: RUN /bin/sh -c docker build --build-arg SECRET=****",
                "curl-user-password step 6 : RUN /bin/sh -c curl -u ci:****",
            ]
        );
    }

    #[test]
    fn labels_are_looked_at_too() {
        let found = scan(
            &[],
            &[],
            &[("maintainer", "a@b"), ("deploy.password", "k7Jq02mZpV")],
        );
        assert_eq!(
            found,
            ["secret-variable label deploy.password: deploy.password=****"]
        );
    }

    #[test]
    fn values_that_are_no_secrets_are_not_told() {
        for variable in [
            "PASSWORD=",
            "PASSWORD",
            "PASSWORD=changeme",
            "PASSWORD=${OTHER}",
            "PASSWORD=$OTHER",
            "TOKEN=true",
            "TOKEN=/run/secrets/token",
            "PASSWORD_FILE=/a",
            "TOKEN_URL=https://a.b/c",
            "API_KEY=12",
            "=x",
            "",
            "PYTHON_PIP_VERSION=23.0.1",
            "API_KEY=xxxxxxxxxxxxxxxx",
        ] {
            assert_eq!(scan(&[variable], &[], &[]), [""; 0], "{variable}");
        }
    }

    #[test]
    fn limits_hold() {
        let many: Vec<String> = (0..MAX_CONFIG_SECRETS + 5)
            .map(|n| format!("A{n}_PASSWORD=k7Jq02mZpV"))
            .collect();
        assert_eq!(scan_config(&many, &[], &[]).len(), MAX_CONFIG_SECRETS);
        let long = format!(
            "{} DB_PASSWORD=k7Jq02mZpV",
            " ".repeat(MAX_CONFIG_TEXT_BYTES)
        );
        assert_eq!(scan_config(&[], &[long], &[]), []);
    }
}
