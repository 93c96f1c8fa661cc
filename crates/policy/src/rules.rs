//! The list of rules.
//!
//! A rule is one file here and one line in [`RULES`]; it is judged in this order, and shown so.

mod end_of_life;
mod epss;
mod exploited;
mod image_age;
mod licences;
mod misconfigurations;
mod not_matched;
mod required_labels;
mod root_user;
mod secrets;
mod severity_threshold;
mod severity_warning;
mod unknown_severity;
mod unnamed_executables;
mod unread_layer;

use std::{borrow::Cow, cmp::Reverse};

use jiff::Timestamp;
use lamina_inventory::facts::IssueKind;

use crate::{
    policy::{Choice, Policy},
    subject::{Finding, Issue, Subject},
    verdict::{Level, RuleOutcome, Why},
};

/// All rules, in the order in which a verdict lists them.
pub const RULES: &[&dyn Rule] = &[
    &unread_layer::UnreadLayer,
    &not_matched::NotMatched,
    &severity_threshold::SeverityThreshold,
    &unknown_severity::UnknownSeverity,
    &exploited::Exploited,
    &epss::Epss,
    &severity_warning::SeverityWarning,
    &secrets::Secrets,
    &misconfigurations::Misconfigurations,
    &licences::Licences,
    &end_of_life::EndOfLife,
    &root_user::RootUser,
    &unnamed_executables::UnnamedExecutables,
    &image_age::ImageAge,
    &required_labels::RequiredLabels,
];

/// One thing that a policy can demand.
pub trait Rule: Sync {
    /// Name in verdicts and files; kebab-case, never changes.
    fn id(&self) -> &'static str;
    /// What it is for, in a few words.
    fn title(&self) -> &'static str;
    /// Judges the image. `None` if the policy does not ask for this rule.
    fn judge(&self, context: &Context<'_>) -> Option<RuleOutcome>;
}

/// What a rule is given.
pub struct Context<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The image.
    pub subject: &'a Subject<'a>,
    /// The time.
    pub now: Timestamp,
    /// For each finding, why it does not count, if so.
    pub findings: &'a [Option<Why>],
    /// For each issue, likewise.
    pub issues: &'a [Option<Why>],
}

/// How many a rule would look at that do not count, by who says so.
#[derive(Default)]
struct Uncounted {
    excepted: usize,
    vex: usize,
    base: usize,
    grace: usize,
}

impl Uncounted {
    fn add(&mut self, why: Why) {
        match why {
            Why::Exception(_) => self.excepted += 1,
            Why::Vex(_) => self.vex += 1,
            Why::Base => self.base += 1,
            Why::Grace => self.grace += 1,
            // The rule's own words say that these are not meant.
            Why::Unfixed | Why::Status => {}
        }
    }

    fn say(&self, reason: &mut String) {
        let parts = [
            (self.excepted, "excepted"),
            (self.vex, "answered by VEX"),
            (self.base, "of the base image left out"),
            (self.grace, "in grace"),
        ];
        for (count, words) in parts {
            if count > 0 {
                reason.push_str(&format!("; {count} {words}"));
            }
        }
    }
}

impl Context<'_> {
    /// The outcome of a rule that forbids findings of a kind, e.g. `at or above high`.
    fn forbid(
        &self,
        rule: &'static str,
        outcome: Level,
        what: &str,
        is_meant: impl Fn(&Finding<'_>) -> bool,
        counts: impl Fn(Why) -> bool,
    ) -> RuleOutcome {
        let mut counted = Vec::new();
        let mut uncounted = Uncounted::default();
        for (index, (finding, why)) in self.subject.findings.iter().zip(self.findings).enumerate() {
            if !is_meant(finding) {
                continue;
            }
            match why {
                Some(why) if !counts(*why) => uncounted.add(*why),
                _ => counted.push((
                    Reverse((finding.severity, finding.is_fixable())),
                    finding.id,
                    index,
                )),
            }
        }
        counted.sort_unstable();
        let findings: Vec<usize> = counted.into_iter().map(|(_, _, index)| index).collect();
        let fixable = if self.policy.fixable_only && !counts(Why::Unfixed) {
            "fixable "
        } else {
            ""
        };
        let mut reason = match findings
            .first()
            .and_then(|index| self.subject.findings.get(*index))
        {
            None => format!("no {fixable}finding {what}"),
            Some(worst) => format!(
                "{} {what}, worst {} ({}) in {} {}",
                plural(findings.len(), &format!("{fixable}finding")),
                worst.id,
                worst.severity.word(),
                worst.at.name,
                worst.at.version
            ),
        };
        uncounted.say(&mut reason);
        RuleOutcome {
            rule: Cow::Borrowed(rule),
            outcome: if findings.is_empty() {
                Level::Passed
            } else {
                outcome
            },
            reason,
            findings,
            ..RuleOutcome::default()
        }
    }

    /// The outcome of a rule that forbids issues of a kind, `nouns` being what it calls them.
    fn forbid_issues(
        &self,
        rule: &'static str,
        outcome: Level,
        (noun, what): (&str, &str),
        is_meant: impl Fn(&Issue<'_>) -> bool,
    ) -> RuleOutcome {
        let mut counted = Vec::new();
        let mut uncounted = Uncounted::default();
        for (index, (issue, why)) in self.subject.issues.iter().zip(self.issues).enumerate() {
            if !is_meant(issue) {
                continue;
            }
            match why {
                Some(why) => uncounted.add(*why),
                None => counted.push((Reverse(issue.severity), index)),
            }
        }
        counted.sort_unstable();
        let issues: Vec<usize> = counted.into_iter().map(|(_, index)| index).collect();
        let what = if what.is_empty() {
            String::new()
        } else {
            format!(" {what}")
        };
        let mut reason = match issues
            .first()
            .and_then(|index| self.subject.issues.get(*index))
        {
            None => format!("no {noun}{what}"),
            Some(worst) => {
                let place = worst
                    .file
                    .map(|file| format!(" in {file}"))
                    .unwrap_or_default();
                let title = worst.title;
                format!(
                    "{}{what}, worst: {title}{place}",
                    plural(issues.len(), noun)
                )
            }
        };
        uncounted.say(&mut reason);
        RuleOutcome {
            rule: Cow::Borrowed(rule),
            outcome: if issues.is_empty() {
                Level::Passed
            } else {
                outcome
            },
            reason,
            issues,
            ..RuleOutcome::default()
        }
    }

    /// The outcome of a rule that looks for what one check of the image's configuration found.
    fn check(
        &self,
        rule: &'static str,
        check: &str,
        choice: Choice,
        good: &str,
    ) -> Option<RuleOutcome> {
        let level = choice.level()?;
        let is_meant =
            |issue: &Issue<'_>| issue.kind == IssueKind::Misconfiguration && issue.rule == check;
        let mut outcome = self.forbid_issues(rule, level, ("", ""), is_meant);
        let first = outcome.issues.first();
        outcome.reason = match first.and_then(|index| self.subject.issues.get(*index)) {
            Some(issue) => issue.title.to_owned(),
            None if self.subject.issues.iter().any(is_meant) => {
                format!("excepted: {check}")
            }
            None => good.to_owned(),
        };
        Some(outcome)
    }

    /// An outcome that is about the image as a whole.
    fn whole(&self, rule: &'static str, outcome: Level, reason: String) -> RuleOutcome {
        RuleOutcome {
            rule: Cow::Borrowed(rule),
            outcome,
            reason,
            ..RuleOutcome::default()
        }
    }
}

impl Choice {
    /// How a rule comes out that this choice is about; `None` if it is not asked for.
    pub fn level(self) -> Option<Level> {
        match self {
            Self::Pass => None,
            Self::Warn => Some(Level::Warned),
            Self::Fail => Some(Level::Failed),
        }
    }
}

/// `1 finding`, `3 findings`.
fn plural(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_file_is_listed_once_under_its_name() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rules");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path())
            .map(|path| {
                path.file_stem()
                    .unwrap()
                    .to_string_lossy()
                    .replace('_', "-")
            })
            .collect();
        let ids: Vec<&str> = RULES.iter().map(|rule| rule.id()).collect();
        let listed: BTreeSet<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        assert_eq!(files, listed);
        assert_eq!(listed.len(), ids.len());
    }
}
