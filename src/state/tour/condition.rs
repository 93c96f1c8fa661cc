//! How the page knows that a step is done.

use std::str::FromStr as _;

use lamina_inventory::severity::Severity;
use lamina_policy::{Exception, Policy, Threshold};

use super::chapter::no_tab;
use crate::state::address::{Address, View};

/// One of the things that a chapter may ask for. The list is closed: a trainer needs no more than these
/// words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `report`: a report is on show.
    Report,
    /// `tab policy`: a tab is open.
    Tab(View),
    /// `layer`, `layer 4`: a layer is selected.
    Layer(Option<usize>),
    /// `verdict fails`, `verdict passes`.
    Verdict(bool),
    /// `threshold critical`: the policy fails at this severity, or `never`.
    Threshold(Threshold),
    /// `exception`, `exception CVE-2022-28346`, each also `with reason`, `with expiry`, `with reason and
    /// expiry`: one was added to the chapter's policy.
    Exception {
        /// Of this vulnerability.
        id: Option<String>,
        /// It says why.
        has_reason: bool,
        /// It ends.
        has_expiry: bool,
    },
    /// `finding`, `finding CVE-2022-28346`: a finding is open.
    Finding(Option<String>),
    /// `package`: a package is open.
    Package,
    /// `issue`: an issue is open.
    Issue,
    /// `search kev:yes`: the search field has these words in it.
    Search(String),
    /// `severity critical`: only findings of this severity are listed, perhaps with others.
    Severity(Severity),
    /// `link copied`: the clipboard was given a link.
    LinkCopied,
    /// `database checked`: a newer advisory database was looked for.
    DatabaseChecked,
}

/// What is so on the page.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The address.
    pub address: &'a Address,
    /// The verdict on the report on show, if there is one.
    pub passed: Option<bool>,
    /// The policy in force.
    pub policy: &'a Policy,
    /// The policy that the chapter began with.
    pub began_with: &'a Policy,
    /// Whether a link was copied since the chapter began.
    pub is_link_copied: bool,
    /// Whether the database was asked for since the chapter began.
    pub is_database_checked: bool,
}

impl Condition {
    /// Reads one.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let rest = rest.trim();
        let some = (!rest.is_empty()).then(|| rest.to_owned());
        let bare = |condition: Self| match rest.is_empty() {
            true => Ok(condition),
            false => Err(format!("`{word}` stands alone, without {rest:?}")),
        };
        match (word, rest) {
            ("report", _) => bare(Self::Report),
            ("tab", _) => View::parse(rest).map(Self::Tab).ok_or_else(|| no_tab(rest)),
            ("layer", "") => Ok(Self::Layer(None)),
            ("layer", _) => match rest.parse() {
                Ok(layer) => Ok(Self::Layer(Some(layer))),
                Err(_) => Err(format!("{rest:?} is no number of a layer; the base is 0")),
            },
            ("verdict", "fails") => Ok(Self::Verdict(false)),
            ("verdict", "passes") => Ok(Self::Verdict(true)),
            ("verdict", _) => Err(format!("a verdict `fails` or `passes`, not {rest:?}")),
            ("threshold", _) => Threshold::from_str(rest)
                .map(Self::Threshold)
                .map_err(|error| error.to_string()),
            ("exception", _) => exception(rest),
            ("finding", _) => Ok(Self::Finding(some)),
            ("package", _) => bare(Self::Package),
            ("issue", _) => bare(Self::Issue),
            ("search", "") => Err("`search` needs the words to search for".to_owned()),
            ("search", _) => Ok(Self::Search(rest.to_owned())),
            ("severity", _) => Severity::parse(rest)
                .map(Self::Severity)
                .ok_or_else(|| format!("{rest:?} is no severity")),
            ("link", "copied") => Ok(Self::LinkCopied),
            ("database", "checked") => Ok(Self::DatabaseChecked),
            _ => Err(format!(
                "{text:?} is none of report, tab …, layer …, verdict …, threshold …, exception …, finding …, \
                 package, issue, search …, severity …, link copied, database checked"
            )),
        }
    }

    /// Whether it is so.
    pub fn is_met(&self, facts: &Facts<'_>) -> bool {
        let address = facts.address;
        match self {
            Self::Report => facts.passed.is_some(),
            Self::Tab(view) => facts.passed.is_some() && address.view == *view,
            Self::Layer(None) => address.layer.is_some(),
            Self::Layer(layer) => address.layer == *layer,
            Self::Verdict(passed) => facts.passed == Some(*passed),
            Self::Threshold(threshold) => facts.policy.fail_on == *threshold,
            Self::Exception {
                id,
                has_reason,
                has_expiry,
            } => {
                let is_it = |exception: &Exception| {
                    let other = exception.id.as_deref().unwrap_or_default();
                    id.as_ref().is_none_or(|id| id.eq_ignore_ascii_case(other))
                        && (!has_reason || exception.reason.is_some())
                        && (!has_expiry || exception.expires.is_some())
                        && !facts.began_with.exceptions.contains(exception)
                };
                facts.policy.exceptions.iter().any(is_it)
            }
            Self::Finding(None) => address.finding.is_some(),
            Self::Finding(Some(id)) => address.finding.as_ref().is_some_and(|finding| {
                let (other, _) = finding.split_once('@').unwrap_or((finding, ""));
                other.eq_ignore_ascii_case(id)
            }),
            Self::Package => address.package.is_some(),
            Self::Issue => address.issue.is_some(),
            Self::Search(words) => {
                let search = address.search.to_lowercase();
                search.contains(&words.to_lowercase())
            }
            Self::Severity(severity) => address.severities.contains(severity),
            Self::LinkCopied => facts.is_link_copied,
            Self::DatabaseChecked => facts.is_database_checked,
        }
    }
}

fn exception(rest: &str) -> Result<Condition, String> {
    let (id, with) = match rest.strip_prefix("with ") {
        Some(with) => ("", with),
        None => rest.split_once(" with ").unwrap_or((rest, "")),
    };
    let (mut has_reason, mut has_expiry) = (false, false);
    for word in with.split(" and ").filter(|word| !word.is_empty()) {
        match word.trim() {
            "reason" => has_reason = true,
            "expiry" => has_expiry = true,
            other => {
                return Err(format!(
                    "an exception has a reason and an expiry, no {other:?}"
                ));
            }
        }
    }
    Ok(Condition::Exception {
        id: (!id.is_empty()).then(|| id.to_owned()),
        has_reason,
        has_expiry,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_words_of_a_closed_list() {
        let check = |text: &str, expect: Result<Condition, &str>| {
            let read = Condition::parse(text);
            match (read, expect) {
                (Ok(read), Ok(expect)) => assert_eq!(read, expect, "{text}"),
                (Err(error), Err(words)) => assert!(error.contains(words), "{text}: {error}"),
                (read, _) => panic!("{text}: {read:?}"),
            }
        };
        check(" report ", Ok(Condition::Report));
        check("report now", Err("stands alone"));
        check("tab files", Ok(Condition::Tab(View::Files)));
        check("tab", Err("none of the tabs"));
        check("layer", Ok(Condition::Layer(None)));
        check("layer 4", Ok(Condition::Layer(Some(4))));
        check("layer top", Err("no number"));
        check("verdict passes", Ok(Condition::Verdict(true)));
        check("verdict ok", Err("`fails` or `passes`"));
        check(
            "threshold never",
            Ok(Condition::Threshold(Threshold::Never)),
        );
        check("threshold worst", Err("worst"));
        check(
            "severity critical",
            Ok(Condition::Severity(Severity::Critical)),
        );
        check("search", Err("needs the words"));
        check("link copied", Ok(Condition::LinkCopied));
        check("link", Err("none of report"));
        check("", Err("none of report"));
        check(
            "exception CVE-1 with reason and expiry",
            Ok(Condition::Exception {
                id: Some("CVE-1".to_owned()),
                has_reason: true,
                has_expiry: true,
            }),
        );
        check(
            "exception with expiry",
            Ok(Condition::Exception {
                id: None,
                has_reason: false,
                has_expiry: true,
            }),
        );
        check("exception with love", Err("no \"love\""));
    }

    #[test]
    fn a_condition_is_met_by_what_is_on_the_page() {
        let began_with = Policy {
            exceptions: vec![Exception::of_id("CVE-OLD")],
            ..Policy::default()
        };
        let mut policy = began_with.clone();
        policy.exceptions.push(Exception {
            reason: Some("not called".to_owned()),
            ..Exception::of_id("CVE-2022-1")
        });
        let address = Address {
            view: View::Policy,
            layer: Some(4),
            search: "KEV:yes pip".to_owned(),
            severities: vec![Severity::High],
            finding: Some("CVE-2022-1@17".to_owned()),
            ..Address::default()
        };
        let open = Facts {
            address: &address,
            passed: Some(false),
            policy: &policy,
            began_with: &began_with,
            is_link_copied: false,
            is_database_checked: true,
        };
        let check = |text: &str, expect: bool| {
            let condition = Condition::parse(text).unwrap();
            assert_eq!(condition.is_met(&open), expect, "{text}");
        };
        check("report", true);
        check("tab policy", true);
        check("tab files", false);
        check("layer", true);
        check("layer 4", true);
        check("layer 3", false);
        check("verdict fails", true);
        check("verdict passes", false);
        check("threshold high", true);
        check("threshold critical", false);
        check("exception", true);
        check("exception cve-2022-1 with reason", true);
        check("exception with expiry", false);
        check("exception CVE-OLD", false);
        check("finding", true);
        check("finding CVE-2022-1", true);
        check("finding CVE-2022-12", false);
        check("package", false);
        check("issue", false);
        check("search kev:yes", true);
        check("search kev:no", false);
        check("severity high", true);
        check("severity critical", false);
        check("link copied", false);
        check("database checked", true);
        // On the start page no tab is open, whatever the address begins with.
        let home = Address::home();
        let nothing = Facts {
            address: &home,
            passed: None,
            policy: &began_with,
            ..open
        };
        for text in [
            "report",
            "tab findings",
            "verdict passes",
            "verdict fails",
            "exception",
            "layer",
        ] {
            assert!(!Condition::parse(text).unwrap().is_met(&nothing), "{text}");
        }
    }
}
