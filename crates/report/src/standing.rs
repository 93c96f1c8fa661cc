//! How each finding, issue and package comes out in a verdict: for formats that list them one by one.

use lamina_policy::{Level, RuleOutcome, Target, Verdict, Why};

use crate::model::Report;

/// How one finding, issue or package comes out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stand {
    /// The worst that a rule says of it; [`Level::Passed`] if no rule names it.
    pub(crate) level: Level,
    /// Why it does not count, if it does not.
    pub(crate) why: Option<Why>,
    /// The rule of [`Stand::level`]: an index into [`Verdict::rules`].
    pub(crate) rule: Option<usize>,
}

impl Stand {
    /// Whether somebody said of it that it does not count, and no rule counts it all the same.
    pub(crate) fn is_answered(self) -> bool {
        self.level == Level::Passed && self.why.is_some_and(Why::is_said)
    }
}

/// How all of them come out, in the report's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Of each finding.
    pub(crate) findings: Vec<Stand>,
    /// Of each issue.
    pub(crate) issues: Vec<Stand>,
    /// Of each package.
    pub(crate) packages: Vec<Stand>,
}

impl Standing {
    /// Reads it off a verdict of that report.
    pub(crate) fn of(verdict: &Verdict, report: &Report) -> Self {
        let mut standing = Self {
            findings: vec![Stand::default(); report.findings.len()],
            issues: vec![Stand::default(); report.issues.len()],
            packages: vec![Stand::default(); report.packages.len()],
        };
        for left_out in &verdict.left_out {
            let (list, index) = match left_out.what {
                Target::Finding(index) => (&mut standing.findings, index),
                Target::Issue(index) => (&mut standing.issues, index),
            };
            if let Some(stand) = list.get_mut(index) {
                stand.why = Some(left_out.why);
            }
        }
        for (number, rule) in verdict.rules.iter().enumerate() {
            let lists = [
                (&mut standing.findings, &rule.findings),
                (&mut standing.issues, &rule.issues),
                (&mut standing.packages, &rule.packages),
            ];
            for (stands, named) in lists {
                for index in named {
                    if let Some(stand) = stands.get_mut(*index)
                        && rule.outcome > stand.level
                    {
                        stand.level = rule.outcome;
                        stand.rule = Some(number);
                    }
                }
            }
        }
        standing
    }
}

/// Whether a rule speaks of the image as a whole, rather than of things in it.
pub(crate) fn is_of_image(rule: &RuleOutcome) -> bool {
    rule.findings.is_empty() && rule.issues.is_empty() && rule.packages.is_empty()
}

/// What does not count, by who says so, in words: `2 excepted, 1 of the base image`; `None` if all
/// counts.
pub(crate) fn answered_in_words(standing: &Standing) -> Option<String> {
    let all = || standing.findings.iter().chain(&standing.issues);
    let count = |is_meant: fn(Why) -> bool| {
        all()
            .filter(|stand| stand.is_answered() && stand.why.is_some_and(is_meant))
            .count()
    };
    let counts = [
        (count(|why| matches!(why, Why::Exception(_))), "excepted"),
        (count(|why| matches!(why, Why::Vex(_))), "answered by VEX"),
        (count(|why| why == Why::Base), "of the base image"),
    ];
    let parts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What says of one finding or issue that it does not count, in words.
pub(crate) fn why_in_words(why: Why, judged: &crate::formats::Judged<'_>) -> String {
    match why {
        Why::Exception(index) => {
            let exception = judged.policy.exceptions.get(index);
            let reason = exception.and_then(|exception| exception.reason.as_deref());
            match reason.filter(|reason| !reason.trim().is_empty()) {
                Some(reason) => format!("excepted: {reason}"),
                None => "excepted".to_owned(),
            }
        }
        Why::Vex(index) => match judged.verdict.statements.get(index) {
            Some(statement) => format!("answered by VEX: {statement}"),
            None => "answered by VEX".to_owned(),
        },
        Why::Base => "of the base image, which the policy leaves out".to_owned(),
        Why::Unfixed => "no version fixes it, and the policy asks for what can be fixed".to_owned(),
        Why::Status => "the policy leaves its status out".to_owned(),
        Why::Grace => "its grace period runs".to_owned(),
    }
}
