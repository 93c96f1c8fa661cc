//! When an image would have begun to fail.
//!
//! The advisories of today are laid out by their days: a finding counts since it was published, under
//! a policy that asks for a fix since that became available, in a grace period since that ended; and
//! by the rule about exploited vulnerabilities since CISA listed it. What the advisory said on an
//! earlier day (another severity, perhaps) is not known, and neither are findings that have since been
//! withdrawn.

use jiff::{Span, civil::Date};
use serde::Serialize;

use crate::{
    policy::{Choice, Days, Policy},
    subject::{Finding, Subject},
    verdict::Verdict,
};

/// When an image would have begun to fail, and by how many findings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// The day on which the image was created, if it says so.
    pub created: Option<String>,
    /// The first day on which the image would have failed: not before it was created.
    pub first_failure: Option<String>,
    /// The findings that fail it today, oldest first, by the day since when they do.
    pub points: Vec<Point>,
    /// Failing findings of which nobody says the day.
    pub undated: usize,
}

/// A finding on the day since when it fails the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Point {
    /// The day, `2024-03-29`.
    pub day: String,
    /// What happened on it.
    pub event: Event,
    /// The finding: an index into [`Subject::findings`].
    pub finding: usize,
}

/// What made a finding begin to fail an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The advisory was published.
    Published,
    /// A version that fixes it became available.
    Fixed,
    /// A grace period ended.
    GraceEnded,
    /// CISA listed it as exploited.
    Exploited,
}

impl Event {
    /// In a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Published => "advisory published",
            Self::Fixed => "fix available",
            Self::GraceEnded => "grace period ended",
            Self::Exploited => "listed as exploited",
        }
    }
}

impl Timeline {
    /// Lays out the findings that fail an image.
    pub fn of(policy: &Policy, subject: &Subject<'_>, verdict: &Verdict) -> Self {
        let mut timeline = Self {
            created: subject
                .image
                .created
                .and_then(|created| created.get(..10))
                .filter(|day| day.parse::<Date>().is_ok() && *day > "1981")
                .map(str::to_owned),
            ..Self::default()
        };
        let mut since: Vec<Option<Option<(Date, Event)>>> = vec![None; subject.findings.len()];
        for rule in verdict.rules.iter().filter(|rule| rule.is_failed()) {
            for index in &rule.findings {
                let Some(finding) = subject.findings.get(*index) else {
                    continue;
                };
                let day = match &*rule.rule {
                    "exploited" => exploited(policy, finding),
                    // EPSS of past days is not known: since it is known of at all.
                    "epss" => published(finding, None),
                    _ => counted(policy, finding),
                };
                if let Some(slot) = since.get_mut(*index) {
                    *slot = Some(match (*slot, day) {
                        (Some(Some(known)), Some(day)) => Some(known.min(day)),
                        (Some(known), day) => known.or(day),
                        (None, day) => day,
                    });
                }
            }
        }
        for (finding, since) in since.into_iter().enumerate() {
            match since {
                None => {}
                Some(None) => timeline.undated += 1,
                Some(Some((day, event))) => timeline.points.push(Point {
                    day: day.to_string(),
                    event,
                    finding,
                }),
            }
        }
        timeline
            .points
            .sort_by(|a, b| (&a.day, a.event, a.finding).cmp(&(&b.day, b.event, b.finding)));
        timeline.first_failure = timeline.points.first().map(|first| {
            let created = timeline.created.as_ref();
            created
                .map_or(&first.day, |created| created.max(&first.day))
                .clone()
        });
        timeline
    }
}

fn counted(policy: &Policy, finding: &Finding<'_>) -> Option<(Date, Event)> {
    let start = published(finding, policy.grace.published);
    if !policy.fixable_only && policy.grace.fix.is_none() {
        return start;
    }
    let fix = day(finding.fix_published).and_then(|day| after(day, policy.grace.fix, Event::Fixed));
    match (start, fix) {
        (Some(start), Some(fix)) => Some(start.max(fix)),
        (start, fix) => start.or(fix),
    }
}

fn exploited(policy: &Policy, finding: &Finding<'_>) -> Option<(Date, Event)> {
    debug_assert!(policy.exploited != Choice::Pass);
    day(finding.exploited_since).map(|day| (day, Event::Exploited))
}

fn published(finding: &Finding<'_>, grace: Option<Days>) -> Option<(Date, Event)> {
    day(finding.published).and_then(|day| after(day, grace, Event::Published))
}

/// The day on which a grace period ends that begins on a day.
fn after(day: Date, grace: Option<Days>, event: Event) -> Option<(Date, Event)> {
    match grace {
        None | Some(Days(0)) => Some((day, event)),
        Some(grace) => {
            let days = Span::new().try_days(grace.0).ok()?;
            Some((day.checked_add(days).ok()?, Event::GraceEnded))
        }
    }
}

fn day(text: Option<&str>) -> Option<Date> {
    text?.get(..10)?.parse().ok()
}
