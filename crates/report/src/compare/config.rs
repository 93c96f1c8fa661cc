//! How two images say that they are to be run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Report, RunConfig};

/// Something of the configuration that is not the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigChange {
    /// What: `User`, `Env PATH`, `Label org.opencontainers.image.version` …
    pub what: String,
    /// What it was; `None` if it was not set.
    pub from: Option<String>,
    /// What it is; `None` if it is not set.
    pub to: Option<String>,
}

pub(super) fn compare(a: &Report, b: &Report) -> Vec<ConfigChange> {
    let (before, now) = (settings(a), settings(b));
    let mut changes = Vec::new();
    for (what, from) in &before {
        let to = now.get(what);
        if to != Some(from) {
            changes.push(ConfigChange {
                what: what.1.clone(),
                from: Some(from.clone()),
                to: to.cloned(),
            });
        }
    }
    let new = now.iter().filter(|(what, _)| !before.contains_key(*what));
    for (what, to) in new {
        changes.push(ConfigChange {
            what: what.1.clone(),
            from: None,
            to: Some(to.clone()),
        });
    }
    changes.sort_by_key(|change| {
        let place = before
            .keys()
            .chain(now.keys())
            .find(|key| key.1 == change.what);
        place.cloned()
    });
    changes
}

/// All that is set, by the order of the list and the name.
fn settings(report: &Report) -> BTreeMap<(u8, String), String> {
    let RunConfig {
        user,
        env,
        entrypoint,
        cmd,
        working_dir,
        exposed_ports,
        volumes,
        labels,
        stop_signal,
        healthcheck,
    } = &report.image.config;
    let mut all = BTreeMap::new();
    let mut set = |place: u8, what: &str, value: String| {
        if !value.is_empty() {
            all.insert((place, what.to_owned()), value);
        }
    };
    let list = |words: &[String]| {
        if words.is_empty() {
            String::new()
        } else {
            serde_json::to_string(words).unwrap_or_default()
        }
    };
    set(0, "Platform", report.image.platform.clone());
    let distribution = report.distribution.as_ref();
    set(
        1,
        "Distribution",
        distribution.map(|it| it.name.clone()).unwrap_or_default(),
    );
    set(2, "User", user.clone());
    set(3, "Entrypoint", list(entrypoint));
    set(4, "Cmd", list(cmd));
    set(5, "Working directory", working_dir.clone());
    for port in exposed_ports {
        set(6, &format!("Port {port}"), "exposed".to_owned());
    }
    for volume in volumes {
        set(7, &format!("Volume {volume}"), "declared".to_owned());
    }
    set(8, "Stop signal", stop_signal.clone().unwrap_or_default());
    set(
        9,
        "Health check",
        list(healthcheck.as_deref().unwrap_or_default()),
    );
    for variable in env {
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        set(
            10,
            &format!("Env {name}"),
            if value.is_empty() {
                "(empty)".to_owned()
            } else {
                value.to_owned()
            },
        );
    }
    for (name, value) in labels {
        set(
            11,
            &format!("Label {name}"),
            if value.is_empty() {
                "(empty)".to_owned()
            } else {
                value.clone()
            },
        );
    }
    all
}
