//! A table for people at a terminal.

use std::fmt::Write as _;

use lamina_inventory::severity::Severity;
use lamina_policy::{Level, Remedy, Why};

use super::{Format, Judged};
use crate::{
    model::Status,
    text::{clean, human_bytes},
    verdict,
};

/// Upgrades and exceptions listed below a verdict.
const MOST_LISTED: usize = 20;

/// The format `table`.
#[derive(Clone, Copy, Debug)]
pub struct Table;

impl Format for Table {
    fn id(&self) -> &'static str {
        "table"
    }

    fn media_type(&self) -> &'static str {
        "text/plain; charset=utf-8"
    }

    fn extension(&self) -> &'static str {
        "txt"
    }

    fn about(&self) -> &'static str {
        "layers, findings and the verdict, for people"
    }

    fn render(&self, judged: &Judged<'_>) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = render(&mut out, judged);
        out
    }
}

fn render(out: &mut String, judged: &Judged<'_>) -> Result<(), std::fmt::Error> {
    let report = judged.report;
    let image = &report.image;
    writeln!(out, "{}  {}", clean(&image.name), image.platform)?;
    if let Some(digest) = &image.digest {
        writeln!(out, "{digest}")?;
    }
    if let Some(distribution) = &report.distribution {
        writeln!(out, "{}", clean(&distribution.name))?;
    }
    writeln!(out)?;

    let mut layers = Grid::new(&["LAYER", "SIZE", "PACKAGES", "FINDINGS", "BUILD STEP"]);
    for (index, layer) in report.layers.iter().enumerate() {
        let findings = report
            .findings
            .iter()
            .filter(|finding| {
                report
                    .packages
                    .get(finding.package)
                    .is_some_and(|package| package.layer == index)
            })
            .count();
        layers.row([
            index.to_string(),
            human_bytes(layer.uncompressed_size),
            format!("+{} -{}", layer.packages_added, layer.packages_removed),
            findings.to_string(),
            clean(&layer.created_by).chars().take(72).collect(),
        ]);
    }
    layers.write(out)?;
    for layer in report
        .layers
        .iter()
        .filter_map(|layer| layer.error.as_ref())
    {
        writeln!(out, "not read to its end: {}", clean(layer))?;
    }
    writeln!(out)?;

    if report.findings.is_empty() {
        match &report.database {
            Some(database) if database.missing.is_empty() => writeln!(out, "No findings.")?,
            Some(database) => writeln!(
                out,
                "No findings, but the database has no data for: {}.",
                clean(&database.missing.join(", "))
            )?,
            None => writeln!(
                out,
                "No advisory database was asked: there are no findings to show."
            )?,
        }
    } else {
        let mut findings = Grid::new(&[
            "SEVERITY",
            "ID",
            "PACKAGE",
            "INSTALLED",
            "FIXED IN",
            "LAYER",
            "FILE",
        ]);
        for finding in &report.findings {
            let package = report.packages.get(finding.package);
            let fixed = match finding.status {
                Status::Fixed => finding.fixed_in.join(", "),
                Status::Affected => "-".to_owned(),
                status => status.words().to_owned(),
            };
            findings.row([
                finding.severity.word().to_owned(),
                clean(&finding.id),
                package.map_or_else(String::new, |package| clean(&package.name)),
                package.map_or_else(String::new, |package| clean(&package.version)),
                clean(&fixed),
                package.map_or_else(String::new, |package| package.layer.to_string()),
                package.map_or_else(String::new, |package| clean(&package.file)),
            ]);
        }
        findings.write(out)?;
        writeln!(out)?;
        let counts: Vec<String> = Severity::WORST_FIRST
            .iter()
            .filter_map(|severity| {
                let count = report
                    .findings
                    .iter()
                    .filter(|finding| finding.severity == *severity)
                    .count();
                (count > 0).then(|| format!("{count} {}", severity.word()))
            })
            .collect();
        writeln!(
            out,
            "{} findings: {}",
            report.findings.len(),
            counts.join(", ")
        )?;
    }
    let present = report
        .packages
        .iter()
        .filter(|package| package.removed_in.is_none())
        .count();
    writeln!(out, "{present} packages in {} layers", report.layers.len())?;
    match &report.database {
        Some(database) => writeln!(
            out,
            "advisories: {} of {}",
            clean(&database.name),
            clean(&database.built_at)
        )?,
        None => writeln!(out, "advisories: none")?,
    }
    for warning in &report.warnings {
        match warning.layer {
            Some(layer) => writeln!(out, "warning: layer {layer}: {}", clean(&warning.message))?,
            None => writeln!(out, "warning: {}", clean(&warning.message))?,
        }
    }

    verdict_lines(out, judged)
}

/// The verdict: each rule, what does not count, and what would make it pass.
fn verdict_lines(out: &mut String, judged: &Judged<'_>) -> std::fmt::Result {
    let verdict = &judged.verdict;
    writeln!(out, "\n{}", if verdict.passed { "PASS" } else { "FAIL" })?;
    for rule in &verdict.rules {
        let mark = match rule.outcome {
            Level::Passed => "ok  ",
            Level::Warned => "warn",
            Level::Failed => "fail",
        };
        writeln!(
            out,
            "  {mark} {}: {}",
            clean(&rule.rule),
            clean(&rule.reason)
        )?;
    }
    let mut expired: Vec<usize> = verdict
        .expired
        .iter()
        .map(|(_, exception)| *exception)
        .collect();
    expired.sort_unstable();
    expired.dedup();
    for exception in expired
        .iter()
        .filter_map(|index| judged.policy.exceptions.get(*index))
    {
        let when = exception
            .expires
            .as_ref()
            .or(judged.policy.exceptions_expire.as_ref());
        let when = when
            .map(|expiry| format!(" since {expiry}"))
            .unwrap_or_default();
        writeln!(
            out,
            "  exception expired{when}: {}",
            clean(&exception.label())
        )?;
    }
    for statement in &verdict.statements {
        let index = verdict
            .statements
            .iter()
            .position(|other| other == statement);
        let count = verdict
            .left_out
            .iter()
            .filter(|left_out| matches!(left_out.why, Why::Vex(number) if Some(number) == index))
            .count();
        if count > 0 {
            writeln!(out, "  {count} left out: {}", clean(statement))?;
        }
    }
    if verdict.passed {
        return Ok(());
    }
    let remedy = Remedy::of(verdict, &verdict::subject(judged.report));
    writeln!(out, "\nTo pass:")?;
    for upgrade in remedy.upgrades.iter().take(MOST_LISTED) {
        writeln!(
            out,
            "  upgrade {} from {} to {} (removes {})",
            clean(&upgrade.package),
            clean(&upgrade.from),
            clean(&upgrade.to),
            upgrade.findings.len()
        )?;
    }
    more(out, remedy.upgrades.len(), "upgrades")?;
    for needed in remedy.exceptions.iter().take(MOST_LISTED) {
        let verb = if needed.issues.is_empty() {
            "no fix: except"
        } else {
            "mend or except"
        };
        writeln!(out, "  {verb} {}", clean(&needed.id))?;
    }
    more(out, remedy.exceptions.len(), "exceptions")?;
    for other in &remedy.other {
        writeln!(out, "  {}", clean(other))?;
    }
    Ok(())
}

fn more(out: &mut String, count: usize, noun: &str) -> std::fmt::Result {
    match count.saturating_sub(MOST_LISTED) {
        0 => Ok(()),
        rest => writeln!(out, "  and {rest} more {noun}"),
    }
}

/// Columns as wide as their widest cell, the last one ragged.
struct Grid<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Grid<N> {
    fn new(head: &[&str; N]) -> Self {
        Self {
            rows: vec![head.map(str::to_owned)],
        }
    }

    fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let mut widths = [0; N];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in &self.rows {
            let mut line = String::new();
            for (width, cell) in widths.iter().zip(row) {
                write!(line, "{cell:width$}  ")?;
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
