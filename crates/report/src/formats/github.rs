//! Workflow commands of GitHub Actions, which become annotations of the run.
//!
//! <https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions>, escaped as the
//! runner's own toolkit does. GitHub shows ten errors and ten warnings of a step: no more are written,
//! the worst first, and the last line says how many there are. No `file` is named: it would be one of
//! the repository, where the findings lie in an image.

use std::fmt::Write as _;

use lamina_policy::Level;

use super::{Format, Judged};
use crate::{
    standing::{Standing, is_of_image},
    text,
};

/// The format `github`.
#[derive(Clone, Copy, Debug)]
pub struct Github;

/// Errors, and warnings, that GitHub shows of one step.
const MAX_SHOWN: usize = 10;

impl Format for Github {
    fn id(&self) -> &'static str {
        "github"
    }

    fn media_type(&self) -> &'static str {
        "text/plain; charset=utf-8"
    }

    fn extension(&self) -> &'static str {
        "github.txt"
    }

    fn about(&self) -> &'static str {
        "GitHub Actions: what fails or warns as annotations of the run, then a line that sums up"
    }

    fn render(&self, judged: &Judged<'_>) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = render(&mut out, judged);
        out
    }
}

/// Title and message.
type Annotation = (String, String);

fn render(out: &mut String, judged: &Judged<'_>) -> std::fmt::Result {
    let levels = [(Level::Failed, "error"), (Level::Warned, "warning")];
    let mut counts = Vec::new();
    for (level, command) in levels {
        let all = annotations(judged, level);
        for (title, message) in all.iter().take(MAX_SHOWN) {
            let (title, message) = (property(title), data(message));
            writeln!(out, "::{command} title={title}::{message}")?;
        }
        counts.push(match all.len() {
            count if count > MAX_SHOWN => format!("{}, {MAX_SHOWN} shown", of(count, command)),
            count => of(count, command),
        });
    }
    let verdict = if judged.verdict.passed {
        "passes"
    } else {
        "fails"
    };
    // The runner reads commands of its older syntax from anywhere in a line.
    let name = text::short(&judged.report.image.name, 300).replace("##[", "## [");
    writeln!(
        out,
        "lamina: {name} {verdict} the policy: {}; {} findings in all",
        counts.join("; "),
        judged.report.findings.len()
    )
}

fn of(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// What comes out at a level: first what is said of the image as a whole, then the rest, worst first.
fn annotations(judged: &Judged<'_>, level: Level) -> Vec<Annotation> {
    let report = judged.report;
    let standing = Standing::of(&judged.verdict, report);
    let mut all = Vec::new();
    let rules = judged.verdict.rules.iter();
    for rule in rules.filter(|rule| rule.outcome == level && is_of_image(rule)) {
        all.push((format!("policy: {}", rule.rule), rule.reason.clone()));
    }
    let mut named: Vec<_> = report
        .findings
        .iter()
        .zip(&standing.findings)
        .filter(|(_, stand)| stand.level == level)
        .map(|(finding, _)| finding)
        .collect();
    named.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    for finding in named {
        let package = report.packages.get(finding.package);
        let thing = text::package(package);
        let title = format!(
            "{} {} in {thing}",
            finding.severity.word(),
            text::id(finding)
        );
        let mut message = format!("{thing}: {}", text::fix(finding));
        if let Some(title) = &finding.title {
            message.push_str(&format!(". {}", text::short(title, 200)));
        }
        if let Some(package) = package {
            if let Some(layer) = text::layer(report, package.layer) {
                message.push_str(&format!("\n{layer}"));
            }
            if !package.file.is_empty() {
                message.push_str(&format!("\n{}", text::clean(&package.file)));
            }
        }
        all.push((title, message));
    }
    let issues = report.issues.iter().zip(&standing.issues);
    for (issue, _) in issues.filter(|(_, stand)| stand.level == level) {
        let title = format!(
            "{}: {}",
            issue.severity.word(),
            text::short(&issue.title, 200)
        );
        let mut message = text::place(issue);
        if let Some(advice) = &issue.advice {
            message.push_str(&format!("\n{}", text::short(advice, 300)));
        }
        all.push((title, message));
    }
    let packages = report.packages.iter().zip(&standing.packages);
    for (package, _) in packages.filter(|(_, stand)| stand.level == level) {
        let thing = text::package(Some(package));
        let licence = package.licence.as_deref().unwrap_or("none stated");
        let message = format!("{thing}: {}", text::short(licence, 200));
        all.push((format!("licence of {thing}"), message));
    }
    all
}

/// What may follow the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// What may stand after `title=`.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_escaped_as_the_toolkit_does() {
        assert_eq!(data("50 %\r\nnext: a, b"), "50 %25%0D%0Anext: a, b");
        assert_eq!(property("50 %\nnext: a, b"), "50 %25%0Anext%3A a%2C b");
    }
}
