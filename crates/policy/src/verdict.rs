//! The verdict, and how it is reached.

use std::{borrow::Cow, collections::HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    policy::{BaseImage, Days, Policy},
    rules::{Context, RULES},
    subject::{Finding, Status, Subject},
};

/// Whether an image passes, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether no rule failed.
    pub passed: bool,
    /// Each rule that the policy asks for, in the order of [`crate::RULES`], then custom ones.
    pub rules: Vec<RuleOutcome>,
    /// Findings and issues that do not count, each with what says so.
    pub left_out: Vec<LeftOut>,
    /// Findings that count again because their exception is expired: indexes into the findings and
    /// into [`Policy::exceptions`].
    pub expired: Vec<(usize, usize)>,
    /// The VEX statements because of which findings do not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<String>,
}

/// How an image, or one rule, comes out.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// It passes.
    #[default]
    Passed,
    /// It passes with a warning.
    Warned,
    /// It fails.
    Failed,
}

/// What one rule says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleOutcome {
    /// The rule's id; of a custom rule its name.
    pub rule: Cow<'static, str>,
    /// How it comes out.
    pub outcome: Level,
    /// Why, in a sentence for people.
    pub reason: String,
    /// The findings behind it, worst first: indexes into [`Subject::findings`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<usize>,
    /// The issues behind it, worst first: indexes into [`Subject::issues`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub issues: Vec<usize>,
    /// The packages behind it: indexes into [`Subject::packages`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<usize>,
}

impl RuleOutcome {
    /// Whether it failed.
    pub fn is_failed(&self) -> bool {
        self.outcome == Level::Failed
    }
}

/// A finding or an issue that does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Which.
    #[serde(flatten)]
    pub what: Target,
    /// What says so.
    pub why: Why,
}

/// A finding or an issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// An index into [`Subject::findings`].
    Finding(usize),
    /// An index into [`Subject::issues`].
    Issue(usize),
}

/// Why something does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// An exception covers it: an index into [`Policy::exceptions`].
    Exception(usize),
    /// A VEX statement says so: an index into [`Verdict::statements`].
    Vex(usize),
    /// The base image brought it, and the policy leaves that out.
    Base,
    /// No version fixes it, and the policy asks only for what can be fixed.
    Unfixed,
    /// The policy leaves its status out.
    Status,
    /// Its grace period runs.
    Grace,
}

impl Why {
    /// Whether somebody said of this very finding that it does not count. The others are bars that
    /// the policy sets, which exploited vulnerabilities are not let through by.
    pub fn is_said(self) -> bool {
        matches!(self, Self::Exception(_) | Self::Vex(_) | Self::Base)
    }
}

/// Judges an image by a policy at a time.
pub fn evaluate(policy: &Policy, subject: &Subject<'_>, now: Timestamp) -> Verdict {
    let mut verdict = Verdict {
        passed: true,
        rules: Vec::new(),
        left_out: Vec::new(),
        expired: Vec::new(),
        statements: Vec::new(),
    };
    let standing = stand(policy, subject, now, &mut verdict);
    let context = Context {
        policy,
        subject,
        now,
        findings: &standing.findings,
        issues: &standing.issues,
    };
    verdict.rules = RULES
        .iter()
        .filter_map(|rule| rule.judge(&context))
        .collect();
    verdict
        .rules
        .extend(subject.custom.iter().map(|custom| RuleOutcome {
            rule: Cow::Owned(custom.name.to_owned()),
            outcome: custom.level,
            reason: custom.reason.clone(),
            ..RuleOutcome::default()
        }));
    verdict.passed = !verdict.rules.iter().any(RuleOutcome::is_failed);
    verdict
}

/// Why each finding and issue does not count; `None` for those that do.
struct Standing {
    findings: Vec<Option<Why>>,
    issues: Vec<Option<Why>>,
}

fn stand(
    policy: &Policy,
    subject: &Subject<'_>,
    now: Timestamp,
    verdict: &mut Verdict,
) -> Standing {
    let lookup = crate::exceptions::Lookup::new(policy, subject.image.name, now);
    let mut by_vex = vec![None; subject.findings.len()];
    let mut numbers: HashMap<(&str, Option<&str>), usize> = HashMap::new();
    for matched in subject.vex.iter().filter(|matched| matched.suppresses) {
        let key = (matched.statement, matched.in_grype);
        let number = *numbers.entry(key).or_insert_with(|| {
            verdict.statements.push(matched.words().into_owned());
            verdict.statements.len() - 1
        });
        if let Some(slot) = by_vex.get_mut(matched.finding) {
            slot.get_or_insert(number);
        }
    }
    let is_base_left_out = policy.base_image == BaseImage::LeftOut;
    let mut standing = Standing {
        findings: Vec::with_capacity(subject.findings.len()),
        issues: Vec::with_capacity(subject.issues.len()),
    };
    let say = |verdict: &mut Verdict, what, why: Option<Why>| {
        if let Some(why) = why {
            verdict.left_out.push(LeftOut { what, why });
        }
        why
    };
    for (index, finding) in subject.findings.iter().enumerate() {
        let excepted = match lookup.find(&finding.thing()) {
            Some((exception, true)) => {
                verdict.expired.push((index, exception));
                None
            }
            Some((exception, false)) => Some(Why::Exception(exception)),
            None => None,
        };
        let vex = by_vex.get(index).copied().flatten().map(Why::Vex);
        let why = excepted
            .or(vex)
            .or_else(|| (is_base_left_out && finding.at.is_of_base).then_some(Why::Base))
            .or_else(|| bar(policy, finding, now));
        standing
            .findings
            .push(say(verdict, Target::Finding(index), why));
    }
    for (index, issue) in subject.issues.iter().enumerate() {
        let excepted = lookup
            .find(&issue.thing())
            .filter(|(_, is_expired)| !is_expired)
            .map(|(exception, _)| Why::Exception(exception));
        let why = excepted.or_else(|| (is_base_left_out && issue.is_of_base).then_some(Why::Base));
        standing
            .issues
            .push(say(verdict, Target::Issue(index), why));
    }
    standing
}

/// The bar of the policy that a finding stays below.
fn bar(policy: &Policy, finding: &Finding<'_>, now: Timestamp) -> Option<Why> {
    if policy.fixable_only && finding.status != Status::Fixed {
        return Some(Why::Unfixed);
    }
    if policy.ignore_statuses.contains(&finding.status) {
        return Some(Why::Status);
    }
    let is_running = |grace: Option<Days>, since: Option<&str>| {
        let age = grace.zip(since.and_then(|day| days_since(day, now)));
        age.is_some_and(|(grace, age)| age < i64::from(grace.0))
    };
    let grace = policy.grace;
    (is_running(grace.published, finding.published) || is_running(grace.fix, finding.fix_published))
        .then_some(Why::Grace)
}

/// Whole days from the beginning of a day (UTC), or from a time, to now; negative if it is to come.
pub(crate) fn days_since(day: &str, now: Timestamp) -> Option<i64> {
    let start = match day.parse::<Timestamp>() {
        Ok(time) => time,
        Err(_) => {
            let date: jiff::civil::Date = day.get(..10)?.parse().ok()?;
            jiff::tz::TimeZone::UTC
                .to_timestamp(date.at(0, 0, 0, 0))
                .ok()?
        }
    };
    Some((now.as_second().saturating_sub(start.as_second())).div_euclid(86_400))
}
