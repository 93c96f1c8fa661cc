//! Markdown: verdict, what is worst and what to do, for a pull request or a wiki.
//!
//! [GitHub's flavour](https://github.github.com/gfm/). Names come from images: all of them are
//! escaped, and none becomes a link or markup. GitHub takes comments of up to 65,536 characters: lists end
//! after some rows, and say how many more there are.

use std::fmt::Write as _;

use lamina_inventory::severity::Severity;
use lamina_policy::{Level, Remedy};

use super::{Format, Judged};
use crate::{
    standing::{Standing, answered_in_words},
    text::{self, cell, human_bytes, short},
    verdict,
};

/// The format `markdown`.
#[derive(Clone, Copy, Debug)]
pub struct Markdown;

/// Rows of the table of findings.
const MOST_FINDINGS: usize = 150;

/// Rows of every other list.
const MOST_ROWS: usize = 30;

impl Format for Markdown {
    fn id(&self) -> &'static str {
        "markdown"
    }

    fn media_type(&self) -> &'static str {
        "text/markdown; charset=utf-8; variant=GFM"
    }

    fn extension(&self) -> &'static str {
        "md"
    }

    fn about(&self) -> &'static str {
        "Markdown: verdict, findings and what to do, for a pull request or a wiki"
    }

    fn render(&self, judged: &Judged<'_>) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = render(&mut out, judged);
        out
    }
}

fn render(out: &mut String, judged: &Judged<'_>) -> std::fmt::Result {
    let report = judged.report;
    let standing = Standing::of(&judged.verdict, report);
    let verdict = if judged.verdict.passed {
        "✅ passes"
    } else {
        "❌ fails"
    };
    writeln!(out, "## {} {verdict}\n", cell(&report.image.name))?;
    for rule in judged
        .verdict
        .rules
        .iter()
        .filter(|rule| rule.outcome != Level::Passed)
    {
        let word = if rule.is_failed() { "fails" } else { "warns" };
        writeln!(
            out,
            "- **{}** {word}: {}",
            cell(&rule.rule),
            cell(&rule.reason)
        )?;
    }
    if judged
        .verdict
        .rules
        .iter()
        .any(|rule| rule.outcome != Level::Passed)
    {
        writeln!(out)?;
    }
    if let Some(words) = answered_in_words(&standing) {
        writeln!(out, "Not counted: {}.\n", cell(&words))?;
    }
    head(out, judged)?;
    fix_plan(out, judged)?;
    findings(out, judged, &standing)?;
    issues(out, judged, &standing)?;
    let warnings = &report.warnings;
    if !warnings.is_empty() {
        writeln!(out, "\n### Not looked at ({})\n", warnings.len())?;
        for warning in warnings.iter().take(MOST_ROWS) {
            writeln!(out, "- {}", cell(&short(&warning.message, 300)))?;
        }
        more(out, warnings.len(), MOST_ROWS)?;
    }
    Ok(())
}

fn head(out: &mut String, judged: &Judged<'_>) -> std::fmt::Result {
    let report = judged.report;
    let bytes = report
        .layers
        .iter()
        .map(|layer| layer.compressed_size)
        .sum();
    let packages = report.packages.iter();
    let packages = packages
        .filter(|package| package.removed_in.is_none())
        .count();
    writeln!(out, "| | |\n|---|---|")?;
    let mut row = |name: &str, value: &str| {
        if value.is_empty() {
            Ok(())
        } else {
            writeln!(out, "| {name} | {} |", cell(value))
        }
    };
    row("Digest", report.image.digest.as_deref().unwrap_or_default())?;
    row("Platform", &report.image.platform)?;
    let distribution = report.distribution.as_ref();
    row("Distribution", distribution.map_or("", |it| &it.name))?;
    row("Size", &human_bytes(bytes))?;
    row("Findings", &counts(judged))?;
    row(
        "Packages",
        &format!("{packages} in {} layers", report.layers.len()),
    )?;
    row(
        "Scanned",
        &format!("{} by {}", report.scanned_at, report.scanner),
    )?;
    match &report.database {
        Some(database) => row(
            "Advisories",
            &format!("{} of {}", database.name, database.built_at),
        ),
        None => row("Advisories", "none: no database was asked"),
    }
}

fn counts(judged: &Judged<'_>) -> String {
    let findings = &judged.report.findings;
    let counts: Vec<String> = Severity::WORST_FIRST
        .iter()
        .filter_map(|severity| {
            let findings = findings.iter();
            let count = findings
                .filter(|finding| finding.severity == *severity)
                .count();
            (count > 0).then(|| format!("{count} {}", severity.word()))
        })
        .collect();
    if counts.is_empty() {
        "none".to_owned()
    } else {
        counts.join(", ")
    }
}

/// What would make it pass.
fn fix_plan(out: &mut String, judged: &Judged<'_>) -> std::fmt::Result {
    if judged.verdict.passed {
        return Ok(());
    }
    let remedy = Remedy::of(&judged.verdict, &verdict::subject(judged.report));
    writeln!(out, "\n### To pass\n")?;
    if !remedy.upgrades.is_empty() {
        writeln!(
            out,
            "| Upgrade | From | To | Removes | Layer |\n|---|---|---|---|---|"
        )?;
        for upgrade in remedy.upgrades.iter().take(MOST_ROWS) {
            let layers: Vec<String> = upgrade.layers.iter().map(ToString::to_string).collect();
            writeln!(
                out,
                "| {} | {} | {} | {} | {} |",
                cell(&upgrade.package),
                cell(&upgrade.from),
                cell(&upgrade.to),
                upgrade.findings.len(),
                layers.join(", ")
            )?;
        }
        more(out, remedy.upgrades.len(), MOST_ROWS)?;
        writeln!(out)?;
    }
    for needed in remedy.exceptions.iter().take(MOST_ROWS) {
        let verb = if needed.issues.is_empty() {
            "no fix, except"
        } else {
            "mend or except"
        };
        writeln!(out, "- {verb} {}", cell(&needed.id))?;
    }
    more(out, remedy.exceptions.len(), MOST_ROWS)?;
    for other in &remedy.other {
        writeln!(out, "- {}", cell(other))?;
    }
    Ok(())
}

fn findings(out: &mut String, judged: &Judged<'_>, standing: &Standing) -> std::fmt::Result {
    let report = judged.report;
    if report.findings.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n### Findings ({})\n", report.findings.len())?;
    writeln!(
        out,
        "| | Severity | Id | Package | Fix | Layer |\n|---|---|---|---|---|---|"
    )?;
    let mut rows: Vec<_> = report.findings.iter().zip(&standing.findings).collect();
    rows.sort_by_key(|(finding, stand)| std::cmp::Reverse((stand.level, finding.severity)));
    for (finding, stand) in rows.iter().take(MOST_FINDINGS) {
        let package = report.packages.get(finding.package);
        let mark = match stand.level {
            Level::Failed => "❌",
            Level::Warned => "⚠️",
            Level::Passed if stand.is_answered() => "–",
            Level::Passed => "",
        };
        let id = text::id(finding);
        let link = match text::advisory_url(&finding.id) {
            Some(url) => format!("[{}]({url})", cell(&id)),
            None => cell(&id),
        };
        writeln!(
            out,
            "| {mark} | {} | {link} | {} | {} | {} |",
            finding.severity.word(),
            cell(&text::package(package)),
            cell(&text::fix(finding)),
            package.map_or_else(String::new, |package| package.layer.to_string())
        )?;
    }
    more(out, rows.len(), MOST_FINDINGS)
}

fn issues(out: &mut String, judged: &Judged<'_>, standing: &Standing) -> std::fmt::Result {
    let issues = &judged.report.issues;
    if issues.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n### Issues ({})\n", issues.len())?;
    writeln!(out, "| | Severity | Issue | Where |\n|---|---|---|---|")?;
    for (issue, stand) in issues.iter().zip(&standing.issues).take(MOST_ROWS) {
        let mark = match stand.level {
            Level::Failed => "❌",
            Level::Warned => "⚠️",
            Level::Passed => "",
        };
        writeln!(
            out,
            "| {mark} | {} | {} | {} |",
            issue.severity.word(),
            cell(&short(&issue.title, 200)),
            cell(&text::place(issue))
        )?;
    }
    more(out, issues.len(), MOST_ROWS)
}

fn more(out: &mut String, count: usize, most: usize) -> std::fmt::Result {
    match count.saturating_sub(most) {
        0 => Ok(()),
        rest => writeln!(out, "\nand {rest} more"),
    }
}
