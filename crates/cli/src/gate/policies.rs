//! Which policy judges which repository, and the only place where an image is judged.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Arc, PoisonError, RwLock},
};

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use lamina_image::digest::Digest;
use lamina_policy::{MAX_POLICY_BYTES, Pattern, Policy, vex::Document};
use lamina_report::{formats::Judged, model::Report};

use super::watch::Stamp;
use crate::judge::{self, VexArgs};

/// `FILE` or `PATTERN=FILE`, as on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyArg {
    /// `None` for every repository.
    pattern: Option<Pattern>,
    path: PathBuf,
}

impl FromStr for PolicyArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((pattern, path)) if !path.is_empty() => Ok(Self {
                pattern: Some(
                    pattern
                        .parse()
                        .map_err(|error| format!("{pattern:?}: {error}"))?,
                ),
                path: PathBuf::from(path),
            }),
            _ if text.is_empty() => Err("name a file".to_owned()),
            _ => Ok(Self {
                pattern: None,
                path: PathBuf::from(text),
            }),
        }
    }
}

/// A policy, and what is known of it.
#[derive(Debug)]
pub(crate) struct Named {
    /// The name that it gives itself, or its file's.
    pub(crate) name: String,
    /// Digest of its text.
    pub(crate) digest: String,
    pub(crate) policy: Policy,
}

/// The policies, the first that fits first. They are read again when their files change.
#[derive(Debug)]
pub(crate) struct Policies {
    entries: Vec<Entry>,
    otherwise: Arc<Named>,
    vex: Vec<Document>,
}

#[derive(Debug)]
struct Entry {
    pattern: Option<Pattern>,
    path: PathBuf,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    stamp: Stamp,
    policy: Arc<Named>,
}

impl Policies {
    /// Reads all files.
    ///
    /// # Errors
    /// When one cannot be read: a gate that does not know what to refuse does not start.
    pub(crate) fn open(arguments: &[PolicyArg], vex: &[PathBuf]) -> anyhow::Result<Self> {
        let mut entries = Vec::new();
        for argument in arguments {
            let stamp = Stamp::of(&argument.path);
            let policy = Arc::new(read(&argument.path)?);
            entries.push(Entry {
                pattern: argument.pattern.clone(),
                path: argument.path.clone(),
                state: RwLock::new(State { stamp, policy }),
            });
        }
        let policy = Policy::default();
        let vex = VexArgs {
            vex: vex.to_vec(),
            vex_attached: false,
        };
        Ok(Self {
            vex: vex.read(false)?,
            entries,
            otherwise: Arc::new(Named {
                name: "default".to_owned(),
                digest: String::new(),
                policy,
            }),
        })
    }

    /// Judges a report. Custom rules are judged in a process of this program.
    pub(crate) fn judge<'a>(
        &self,
        report: &'a Report,
        policy: &'a Policy,
        now: Timestamp,
    ) -> Judged<'a> {
        judge::judge(policy, report, &self.vex, now)
    }

    /// The policy for a repository, which has several names: with its registry, and as the client
    /// names it.
    pub(crate) fn of(&self, names: &[&str]) -> Arc<Named> {
        let entry = self.entries.iter().find(|entry| {
            let pattern = entry.pattern.as_ref();
            pattern.is_none_or(|pattern| names.iter().any(|name| pattern.matches(name)))
        });
        match entry {
            Some(entry) => {
                let state = entry.state.read().unwrap_or_else(PoisonError::into_inner);
                Arc::clone(&state.policy)
            }
            None => Arc::clone(&self.otherwise),
        }
    }

    /// Reads again what has changed. What cannot be read leaves the policy as it was: half a file
    /// must not open the gate.
    pub(crate) fn reload(&self) {
        for entry in &self.entries {
            let stamp = Stamp::of(&entry.path);
            let is_same = {
                let state = entry.state.read().unwrap_or_else(PoisonError::into_inner);
                state.stamp == stamp
            };
            if is_same {
                continue;
            }
            let found = read(&entry.path);
            let mut state = entry.state.write().unwrap_or_else(PoisonError::into_inner);
            state.stamp = stamp;
            match found {
                Ok(policy) => {
                    tracing::info!(path = %entry.path.display(), digest = policy.digest, "policy read again");
                    state.policy = Arc::new(policy);
                }
                Err(error) => tracing::error!(
                    path = %entry.path.display(),
                    error = format!("{error:#}"),
                    "policy not readable: the last one stays in force"
                ),
            }
        }
    }

    /// Names and patterns, for people.
    pub(crate) fn describe(&self) -> Vec<(String, Arc<Named>)> {
        let mut described: Vec<_> = self
            .entries
            .iter()
            .map(|entry| {
                let pattern = entry.pattern.as_ref();
                let pattern = pattern
                    .map_or("all repositories", Pattern::as_str)
                    .to_owned();
                let state = entry.state.read().unwrap_or_else(PoisonError::into_inner);
                (pattern, Arc::clone(&state.policy))
            })
            .collect();
        if self.entries.iter().all(|entry| entry.pattern.is_some()) {
            described.push(("all others".to_owned(), Arc::clone(&self.otherwise)));
        }
        described
    }
}

fn read(path: &Path) -> anyhow::Result<Named> {
    let about = || format!("reading the policy {}", path.display());
    let size = std::fs::metadata(path).with_context(about)?.len();
    if size > MAX_POLICY_BYTES as u64 {
        bail!("the policy {} has {size} bytes", path.display());
    }
    let text = std::fs::read_to_string(path).with_context(about)?;
    let policy = Policy::parse(&text).with_context(about)?;
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(Named {
        name: policy.name.clone().unwrap_or_else(|| file.into_owned()),
        digest: Digest::of(text.as_bytes()).to_string(),
        policy,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_policy_that_fits_judges() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let strict = file("strict.yaml", "name: strict\nfail-on: low\n");
        let lax = file("lax.yaml", "fail-on: never\n");
        let arguments = [
            format!("docker.io/shop/**={strict}"),
            format!("team/*={lax}"),
        ];
        let arguments: Vec<PolicyArg> =
            arguments.iter().map(|text| text.parse().unwrap()).collect();
        let policies = Policies::open(&arguments, &[]).unwrap();
        let check = |names: &[&str], expect: &str| {
            assert_eq!(policies.of(names).name, expect, "{names:?}");
        };
        check(&["docker.io/shop/api/v2", "shop/api/v2"], "strict");
        check(&["docker.io/team/x", "team/x"], "lax.yaml");
        check(&["docker.io/library/nginx", "nginx"], "default");

        // Half a file changes nothing, a whole one does.
        std::fs::write(folder.path().join("strict.yaml"), "name: stri").unwrap();
        std::fs::write(folder.path().join("strict.yaml"), "fail-on: [").unwrap();
        policies.reload();
        check(&["docker.io/shop/api", "shop/api"], "strict");
        std::fs::write(folder.path().join("strict.yaml"), "name: stricter").unwrap();
        policies.reload();
        check(&["docker.io/shop/api", "shop/api"], "stricter");
        std::fs::remove_file(folder.path().join("strict.yaml")).unwrap();
        policies.reload();
        check(&["docker.io/shop/api", "shop/api"], "stricter");
    }

    #[test]
    fn a_policy_that_cannot_be_applied_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let check = |text: &str| {
            let path = folder.path().join("policy.yaml");
            std::fs::write(&path, text).unwrap();
            let argument = PolicyArg {
                pattern: None,
                path,
            };
            assert!(Policies::open(&[argument], &[]).is_err(), "{text}");
        };
        check("fail-on: sometimes");
        check("unknown: field");
        assert!("=x".parse::<PolicyArg>().is_err());
        assert!("".parse::<PolicyArg>().is_err());
    }
}
