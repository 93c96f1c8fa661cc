//! When this image would have begun to fail.

use jiff::civil::Date;
use lamina_policy::{Point, Timeline};
use leptos::prelude::*;

use crate::{
    components::finding_drawer::open_finding,
    state::{
        language::{fill, t},
        report::ReportStore,
        session::{self, Session},
        words,
    },
};

/// Width and height of the drawing, in its own units.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 160.0;

/// Days listed below the drawing.
const MOST_LISTED: usize = 10;

/// The chart and the list of its days.
#[component]
pub fn TimelineChart() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let timeline = Memo::new(move |_| {
        store.settled.track();
        untrack(|| {
            let judgement = store.judgement.get();
            let policy = session.policy.get();
            session.with_subject(store, |subject| {
                Timeline::of(&policy, subject, &judgement.verdict)
            })
        })
    });
    let shows_all = RwSignal::new(false);
    let lead = move || timeline.with(lead_words);
    let chart = move || timeline.with(|timeline| chart(timeline, store));
    let rows = move || {
        timeline.with(|timeline| {
            let most = if shows_all.get() {
                usize::MAX
            } else {
                MOST_LISTED
            };
            let points = timeline.points.iter().take(most);
            points
                .map(|point| row(session, store, point))
                .collect_view()
        })
    };
    let rest = move || timeline.with(|timeline| timeline.points.len().saturating_sub(MOST_LISTED));
    view! {
        <section class="labSection" data-test="timeline" aria-labelledby="timeline-title">
            <h3 class="labTitle" id="timeline-title">{t("When would it have begun to fail?")}</h3>
            <p class="labLead" data-test="timeline-lead">{lead}</p>
            {chart}
            <ol class="labDays">{rows}</ol>
            <Show when=move || { rest() > 0 }>
                <button type="button" class="linkButton" on:click=move |_| shows_all.update(|all| *all = !*all)>
                    {move || if shows_all.get() { t("Show fewer").to_owned() } else { fill(t("Show {n} more"), &[("n", &rest().to_string())]) }}
                </button>
            </Show>
        </section>
    }
}

fn lead_words(timeline: &Timeline) -> String {
    let sentence = match &timeline.first_failure {
        None if timeline.undated > 0 => {
            t("It fails, but the database does not say since when.").to_owned()
        }
        None => return t("No vulnerability fails this policy today.").to_owned(),
        Some(day) => {
            let at_birth = timeline.created.as_ref() == Some(day);
            let sentence = if at_birth {
                t(
                    "From the day it was built, {day}. By what today's advisories say of each day; what they said then is not known.",
                )
            } else {
                t(
                    "On {day}. By what today's advisories say of each day; what they said then is not known.",
                )
            };
            fill(sentence, &[("day", &words::date(day))])
        }
    };
    match timeline.undated {
        0 => sentence,
        count => {
            let undated = fill(
                t("Of {findings} nobody says the day."),
                &[("findings", &words::plural(count, "failing finding"))],
            );
            format!("{sentence} {undated}")
        }
    }
}

fn row(session: Session, store: ReportStore, point: &Point) -> impl IntoView + use<> {
    let finding = point.finding;
    let (id, package) = store.with(|report| {
        let found = report.findings.get(finding);
        let package = found.and_then(|found| report.packages.get(found.package));
        (
            found.map(|found| found.id.clone()).unwrap_or_default(),
            package
                .map(|package| package.name.clone())
                .unwrap_or_default(),
        )
    });
    view! {
        <li class="labDay">
            <time datetime=point.day.clone()>{words::date(&point.day)}</time>
            <span class="labReason">{point.event.words()}</span>
            <button type="button" class="linkButton" on:click=move |_| open_finding(session, store, finding)>{id}</button>
            <span class="labReason">{package}</span>
        </li>
    }
}

/// Steps of the count over the days, with the day the image was built and today.
fn chart(timeline: &Timeline, store: ReportStore) -> Option<AnyView> {
    let today = session::now().to_string();
    let today = number(&today)?;
    let days: Vec<f64> = timeline
        .points
        .iter()
        .filter_map(|point| number(&point.day))
        .collect();
    let first = *days.first()?;
    let created = timeline.created.as_deref().and_then(number);
    let start = created.map_or(first, |created| created.min(first)) - 14.0;
    let span = (today - start).max(1.0);
    let most = days.len() as f64;
    let x = move |day: f64| ((day - start) / span * WIDTH).clamp(0.0, WIDTH);
    let y = move |count: f64| HEIGHT - count / most * (HEIGHT - 12.0);
    let mut path = format!("M0 {HEIGHT}");
    for (index, day) in days.iter().enumerate() {
        path.push_str(&format!("H{:.1}V{:.1}", x(*day), y(index as f64 + 1.0)));
    }
    path.push_str(&format!("H{WIDTH}"));
    let area = format!("{path}V{HEIGHT}Z");
    // Today is where the drawing ends; a report of today needs no mark beside it.
    let scanned = store
        .with(|report| number(&report.scanned_at))
        .filter(|day| today - day > span / 20.0);
    let line = |day: Option<f64>| {
        day.map(|day| {
            let at = format!("{:.1}", x(day));
            view! { <line class="labChartMark" x1=at.clone() x2=at y1="0" y2=HEIGHT.to_string() /> }
        })
    };
    let word = |day: Option<f64>, word: &'static str| {
        day.map(|day| {
            let left = format!("{:.2}%", x(day) / WIDTH * 100.0);
            let side = if x(day) > WIDTH * 0.8 {
                "before"
            } else {
                "after"
            };
            view! { <span class="labChartWord" data-side=side style:left=left>{word}</span> }
        })
    };
    let years = year_ticks(start, today).into_iter().map(|(day, year)| {
        let left = format!("{:.2}%", x(day) / WIDTH * 100.0);
        view! { <span class="labChartYear" style:left=left>{year}</span> }
    });
    let first = timeline.first_failure.as_deref().map(words::date);
    let label = fill(
        t("{findings} fail the image today; the first since {day}"),
        &[
            ("findings", &words::plural(days.len(), "finding")),
            ("day", &first.unwrap_or_default()),
        ],
    );
    Some(
        view! {
            <div class="labChart" role="img" aria-label=label>
                <svg class="labChartLines" viewBox=format!("0 0 {WIDTH} {HEIGHT}") preserveAspectRatio="none" aria-hidden="true">
                    <path class="labChartArea" d=area />
                    <path class="labChartLine" d=path />
                    {line(created)}
                    {line(scanned)}
                </svg>
                <span class="labChartMost">{words::plural(days.len(), "finding")}</span>
                {word(created, t("built"))}
                {word(scanned, t("scanned"))}
                {years.collect_view()}
            </div>
        }
        .into_any(),
    )
}

/// Days since 1970 of a text that begins with a day.
fn number(text: &str) -> Option<f64> {
    let day: Date = text.get(..10)?.parse().ok()?;
    let epoch = jiff::civil::date(1970, 1, 1);
    let days = epoch.until(day).ok()?.get_days();
    Some(f64::from(days))
}

/// The first days of years between two days, at most ten of them.
fn year_ticks(start: f64, end: f64) -> Vec<(f64, String)> {
    let between = (1971..2200)
        .filter_map(|year: u32| Some((number(&format!("{year:04}-01-01"))?, year)))
        .filter(|(day, _)| (start..=end).contains(day));
    let years: Vec<(f64, u32)> = between.collect();
    let step = years.len() / 10 + 1;
    let ticks = years.into_iter().step_by(step);
    ticks.map(|(day, year)| (day, year.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_between_two_days_are_few() {
        let check = |start: &str, end: &str, expect: &[&str]| {
            let ticks = year_ticks(number(start).unwrap(), number(end).unwrap());
            let years: Vec<&str> = ticks.iter().map(|(_, year)| year.as_str()).collect();
            assert_eq!(years, expect);
        };
        check("2024-03-01", "2026-11-30", &["2025", "2026"]);
        check("2026-03-01", "2026-11-30", &[]);
        assert!(year_ticks(0.0, number("2026-11-30").unwrap()).len() <= 12);
    }
}
