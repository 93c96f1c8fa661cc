//! What is said where there is no report: what happened, why, and what to do next.

use super::language::{fill, t};
use crate::scanner::ScanFailure;

/// A failure in words, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What happened, in a sentence.
    pub what: String,
    /// Why, as the part that failed says it.
    pub why: String,
    /// What to do next.
    pub next: String,
}

/// Tells of a failure; `name` is what was to be shown.
pub fn told(name: &str, failure: &ScanFailure) -> Told {
    let (step, host) = match failure.step.split_once(", asked of ") {
        Some((step, host)) => (step, Some(host)),
        None => (failure.step.as_str(), None),
    };
    let values = [("name", name), ("host", host.unwrap_or_default())];
    let what = match (step, host) {
        _ if failure.wants_login => match host {
            Some(_) => t("{host} wants to know who asks before it gives {name} away"),
            None => t("The registry wants to know who asks before it gives {name} away"),
        },
        ("name" | "reference", _) => t("“{name}” does not name an image"),
        ("registry", _) => t("The registry of {name} could not be asked"),
        ("manifest", Some(_)) => t("{host} did not give the manifest of {name}"),
        ("manifest", None) => t("The manifest of {name} cannot be used"),
        ("config", Some(_)) => t("{host} did not give the config of {name}"),
        ("config", None) => t("The config of {name} cannot be used"),
        ("archive", _) => t("{name} is not an image that can be read"),
        ("report" | "file", _) => t("The file holds no report that can be read"),
        ("kept report", _) => t("The kept report cannot be opened"),
        ("link", _) => t("The link holds no report that can be read"),
        ("share", _) => t("The shared report cannot be opened"),
        _ => t("{name} could not be scanned"),
    };
    let next = match (failure.advice.as_str(), step) {
        ("", "archive" | "report" | "file") => {
            t("Open the file again. If that does not help, have it made once more").to_owned()
        }
        ("", _) => {
            t("Try again. If it happens again, reload the page; what it fetched before is not fetched again")
                .to_owned()
        }
        (advice, _) => advice.to_owned(),
    };
    Told {
        what: fill(what, &values),
        why: failure.message.clone(),
        next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_says_what_why_and_what_next() {
        let check = |step: &str, wants_login: bool, expect: &str| {
            let failure = ScanFailure {
                step: step.to_owned(),
                message: "because".to_owned(),
                advice: String::new(),
                wants_login,
            };
            let told = told("shop:1.0", &failure);
            assert_eq!(told.what, expect, "{step}");
            assert_eq!(told.why, "because");
            assert!(!told.next.is_empty(), "{step}");
        };
        check("name", false, "“shop:1.0” does not name an image");
        check(
            "manifest, asked of registry.example",
            false,
            "registry.example did not give the manifest of shop:1.0",
        );
        check(
            "manifest, asked of registry.example",
            true,
            "registry.example wants to know who asks before it gives shop:1.0 away",
        );
        check("manifest", false, "The manifest of shop:1.0 cannot be used");
        check(
            "archive",
            false,
            "shop:1.0 is not an image that can be read",
        );
        check("link", false, "The link holds no report that can be read");
        check("something new", false, "shop:1.0 could not be scanned");
    }

    #[test]
    fn advice_that_there_is_is_given() {
        let failure = ScanFailure {
            step: "config".to_owned(),
            advice: "have it pushed again".to_owned(),
            ..ScanFailure::default()
        };
        assert_eq!(told("a", &failure).next, "have it pushed again");
    }
}
