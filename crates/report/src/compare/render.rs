//! Comparisons as text for a terminal and as Markdown for a pull request.

use std::fmt::Write as _;

use super::{
    Comparison, FindingFate, IssueFate, PackageFate, Side,
    files::{FileDifference, FileFate, FilesCompared},
    platforms::Platforms,
};
use crate::text::{cell, clean, human_bytes, short};

/// Rows of each list in Markdown: a comment on GitHub has at most 65,536 characters.
const MOST_ROWS: usize = 100;

/// Files that are listed at a terminal; all are in the JSON.
const MOST_FILES: usize = 200;

/// A comparison for people at a terminal.
pub fn table(comparison: &Comparison) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_table(&mut out, comparison);
    out
}

fn write_table(out: &mut String, comparison: &Comparison) -> std::fmt::Result {
    let (a, b) = (&comparison.a, &comparison.b);
    writeln!(out, "from  {}", side(a))?;
    writeln!(out, "to    {}", side(b))?;
    for note in &comparison.notes {
        writeln!(out, "note: {}", clean(note))?;
    }
    writeln!(
        out,
        "\nsize     {} -> {} compressed, {} -> {} unpacked",
        human_bytes(a.compressed_size),
        human_bytes(b.compressed_size),
        human_bytes(a.uncompressed_size),
        human_bytes(b.uncompressed_size)
    )?;
    writeln!(out, "layers   {}", layers(comparison))?;
    writeln!(out, "packages {}", package_counts(comparison))?;
    writeln!(out, "findings {}", finding_counts(comparison))?;
    match &comparison.files {
        Some(files) => writeln!(out, "files    {}", file_counts(files))?,
        None => writeln!(
            out,
            "files    not compared: a report lists no files, name the image instead"
        )?,
    }
    for (title, fates) in [
        (
            "PACKAGES",
            [PackageFate::Added, PackageFate::Removed].as_slice(),
        ),
        (
            "VERSIONS",
            [
                PackageFate::Upgraded,
                PackageFate::Downgraded,
                PackageFate::Changed,
            ]
            .as_slice(),
        ),
    ] {
        let rows = comparison
            .packages
            .iter()
            .filter(|package| fates.contains(&package.fate));
        let rows: Vec<_> = rows.collect();
        if rows.is_empty() {
            continue;
        }
        writeln!(out, "\n{title}")?;
        for package in rows {
            let versions = match package.fate {
                PackageFate::Added => package.to.join(", "),
                PackageFate::Removed => package.from.join(", "),
                _ => format!("{} -> {}", package.from.join(", "), package.to.join(", ")),
            };
            writeln!(
                out,
                "  {:<10} {:<8} {}  {}",
                package.fate.word(),
                package.kind.word(),
                clean(&package.name),
                clean(&versions)
            )?;
        }
    }
    for fate in FindingFate::ALL {
        let rows: Vec<_> = comparison
            .findings
            .iter()
            .filter(|finding| finding.fate == fate)
            .collect();
        if rows.is_empty() || fate == FindingFate::Same {
            continue;
        }
        writeln!(out, "\n{}", fate.words().to_uppercase())?;
        for finding in rows {
            writeln!(
                out,
                "  {:<10} {:<20} {} {}{}",
                finding.severity.word(),
                clean(&finding.id),
                clean(&finding.package),
                clean(&versions(finding.from.as_deref(), finding.to.as_deref())),
                if finding.fails && finding.in_b.is_some() {
                    "  fails the policy"
                } else {
                    ""
                }
            )?;
        }
    }
    let issues: Vec<_> = comparison
        .issues
        .iter()
        .filter(|issue| issue.fate != IssueFate::Same)
        .collect();
    if !issues.is_empty() {
        writeln!(out, "\nISSUES")?;
        for issue in issues {
            writeln!(
                out,
                "  {:<10} {:<10} {}  {}",
                issue.fate.word(),
                issue.severity.word(),
                clean(&issue.title),
                clean(&issue.place)
            )?;
        }
    }
    if !comparison.config.is_empty() {
        writeln!(out, "\nCONFIGURATION")?;
        for change in &comparison.config {
            writeln!(
                out,
                "  {}: {} -> {}",
                short(&change.what, 100),
                change
                    .from
                    .as_deref()
                    .map_or_else(|| "not set".to_owned(), |text| short(text, 200)),
                change
                    .to
                    .as_deref()
                    .map_or_else(|| "not set".to_owned(), |text| short(text, 200))
            )?;
        }
    }
    if let Some(files) = &comparison.files {
        write_files(out, files)?;
    }
    writeln!(out, "\n{}", verdict(comparison))
}

/// The files that are known to differ.
fn write_files(out: &mut String, files: &FilesCompared) -> std::fmt::Result {
    let differences = files.differences.iter();
    let known: Vec<&FileDifference> = differences
        .filter(|file| file.fate != FileFate::NotCompared)
        .collect();
    if known.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nFILES")?;
    for file in known.iter().take(MOST_FILES) {
        let changes = file.changes().into_iter();
        let changes: Vec<String> = changes
            .map(|(what, before, after)| format!("{what} {before} -> {after}"))
            .collect();
        let facts = match (&file.before, &file.after) {
            (Some(_), Some(_)) => changes.join(", "),
            (Some(one), None) | (None, Some(one)) => human_bytes(one.size),
            (None, None) => String::new(),
        };
        writeln!(
            out,
            "  {:<10} {}  {}",
            file.fate.words(),
            clean(file.path()),
            clean(&facts)
        )?;
    }
    match known.len().saturating_sub(MOST_FILES) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more: see --format json"),
    }
}

/// The files in numbers.
fn file_counts(files: &FilesCompared) -> String {
    format!(
        "{} added, {} removed, {} changed, {} the same, {} of the same size on another layer, whose content is not compared",
        files.count(FileFate::Added),
        files.count(FileFate::Removed),
        files.count(FileFate::Changed),
        files.same,
        files.count(FileFate::NotCompared)
    )
}

/// A comparison as Markdown.
pub fn markdown(comparison: &Comparison) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_markdown(&mut out, comparison);
    out
}

fn write_markdown(out: &mut String, comparison: &Comparison) -> std::fmt::Result {
    let (a, b) = (&comparison.a, &comparison.b);
    writeln!(out, "## {} → {}\n", cell(&a.name), cell(&b.name))?;
    writeln!(out, "**{}**\n", cell(&verdict(comparison)))?;
    for note in &comparison.notes {
        writeln!(out, "> {}\n", cell(note))?;
    }
    writeln!(out, "| | before | after |\n|---|---|---|")?;
    let row = |out: &mut String, name: &str, a: &str, b: &str| {
        writeln!(out, "| {name} | {} | {} |", cell(a), cell(b))
    };
    row(out, "Image", &side(a), &side(b))?;
    row(out, "Verdict", passes(a), passes(b))?;
    row(out, "Findings", &findings(a), &findings(b))?;
    row(
        out,
        "Packages",
        &a.packages.to_string(),
        &b.packages.to_string(),
    )?;
    row(
        out,
        "Size, compressed",
        &human_bytes(a.compressed_size),
        &human_bytes(b.compressed_size),
    )?;
    writeln!(
        out,
        "\nFindings: {}. Packages: {}. Layers: {}.",
        finding_counts(comparison),
        package_counts(comparison),
        layers(comparison)
    )?;
    for fate in FindingFate::ALL {
        let rows: Vec<_> = comparison
            .findings
            .iter()
            .filter(|finding| finding.fate == fate)
            .collect();
        if rows.is_empty() || fate == FindingFate::Same {
            continue;
        }
        let mut words = fate.words().to_owned();
        if let Some(first) = words.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        writeln!(out, "\n### {words} ({})\n", rows.len())?;
        writeln!(
            out,
            "| Severity | Id | Package | Version | Fixed in |\n|---|---|---|---|---|"
        )?;
        for finding in rows.iter().take(MOST_ROWS) {
            writeln!(
                out,
                "| {} | {} | {} | {} | {} |",
                finding.severity.word(),
                cell(&finding.id),
                cell(&finding.package),
                cell(&versions(finding.from.as_deref(), finding.to.as_deref())),
                cell(&finding.fixed_in.join(", "))
            )?;
        }
        more(out, rows.len())?;
    }
    if !comparison.packages.is_empty() {
        writeln!(out, "\n### Packages ({})\n", comparison.packages.len())?;
        writeln!(out, "| | Package | Before | After |\n|---|---|---|---|")?;
        for package in comparison.packages.iter().take(MOST_ROWS) {
            writeln!(
                out,
                "| {} | {} | {} | {} |",
                package.fate.word(),
                cell(&package.name),
                cell(&package.from.join(", ")),
                cell(&package.to.join(", "))
            )?;
        }
        more(out, comparison.packages.len())?;
    }
    let issues: Vec<_> = comparison
        .issues
        .iter()
        .filter(|issue| issue.fate != IssueFate::Same)
        .collect();
    if !issues.is_empty() {
        writeln!(out, "\n### Issues ({})\n", issues.len())?;
        writeln!(out, "| | Severity | Issue | Where |\n|---|---|---|---|")?;
        for issue in issues.iter().take(MOST_ROWS) {
            writeln!(
                out,
                "| {} | {} | {} | {} |",
                issue.fate.word(),
                issue.severity.word(),
                cell(&issue.title),
                cell(&issue.place)
            )?;
        }
        more(out, issues.len())?;
    }
    if !comparison.config.is_empty() {
        writeln!(out, "\n### Configuration ({})\n", comparison.config.len())?;
        writeln!(out, "| | Before | After |\n|---|---|---|")?;
        for change in comparison.config.iter().take(MOST_ROWS) {
            let value = |value: &Option<String>| match value {
                Some(value) => cell(&short(value, 200)),
                None => "not set".to_owned(),
            };
            writeln!(
                out,
                "| {} | {} | {} |",
                cell(&short(&change.what, 100)),
                value(&change.from),
                value(&change.to)
            )?;
        }
        more(out, comparison.config.len())?;
    }
    Ok(())
}

/// The platforms of an index for people at a terminal.
pub fn platforms_table(platforms: &Platforms) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_platforms(&mut out, platforms);
    out
}

fn write_platforms(out: &mut String, platforms: &Platforms) -> std::fmt::Result {
    let name = platforms
        .platforms
        .first()
        .map(|side| clean(&side.name))
        .unwrap_or_default();
    writeln!(out, "{name}\n")?;
    for side in &platforms.platforms {
        writeln!(
            out,
            "{:<20} {:<5} {:>10}  {:>5} packages  {}",
            clean(&side.platform),
            if side.passed { "PASS" } else { "FAIL" },
            human_bytes(side.compressed_size),
            side.packages,
            findings(side)
        )?;
    }
    for (platform, problem) in &platforms.failed {
        writeln!(
            out,
            "{:<20} not scanned: {}",
            clean(platform),
            clean(problem)
        )?;
    }
    writeln!(
        out,
        "\n{} findings on all platforms, {} not on all",
        platforms.common,
        platforms.findings.len()
    )?;
    for row in &platforms.findings {
        let on: Vec<String> = platforms
            .platforms
            .iter()
            .zip(&row.versions)
            .filter_map(|(side, version)| {
                Some(format!(
                    "{} {}",
                    clean(&side.platform),
                    clean(version.as_deref()?)
                ))
            })
            .collect();
        writeln!(
            out,
            "  {:<10} {:<20} {}  on {}",
            row.severity.word(),
            clean(&row.id),
            clean(&row.package),
            on.join(", ")
        )?;
    }
    Ok(())
}

/// The platforms of an index as Markdown.
pub fn platforms_markdown(platforms: &Platforms) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_platforms_markdown(&mut out, platforms);
    out
}

fn write_platforms_markdown(out: &mut String, platforms: &Platforms) -> std::fmt::Result {
    let name = platforms
        .platforms
        .first()
        .map(|side| cell(&side.name))
        .unwrap_or_default();
    writeln!(out, "## {name} on its platforms\n")?;
    writeln!(
        out,
        "| Platform | Verdict | Size | Packages | Findings |\n|---|---|---|---|---|"
    )?;
    for side in &platforms.platforms {
        writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            cell(&side.platform),
            passes(side),
            human_bytes(side.compressed_size),
            side.packages,
            findings(side)
        )?;
    }
    for (platform, problem) in &platforms.failed {
        writeln!(
            out,
            "| {} | not scanned: {} | | | |",
            cell(platform),
            cell(&short(problem, 200))
        )?;
    }
    if platforms.findings.is_empty() {
        return writeln!(out, "\nAll findings are on all platforms.");
    }
    write!(
        out,
        "\n### Not on all platforms ({})\n\n| Severity | Id | Package |",
        platforms.findings.len()
    )?;
    for side in &platforms.platforms {
        write!(out, " {} |", cell(&side.platform))?;
    }
    writeln!(
        out,
        "\n|---|---|---|{}",
        "---|".repeat(platforms.platforms.len())
    )?;
    for row in platforms.findings.iter().take(MOST_ROWS) {
        write!(
            out,
            "| {} | {} | {} |",
            row.severity.word(),
            cell(&row.id),
            cell(&row.package)
        )?;
        for version in &row.versions {
            write!(out, " {} |", cell(version.as_deref().unwrap_or("–")))?;
        }
        writeln!(out)?;
    }
    more(out, platforms.findings.len())
}

fn more(out: &mut String, count: usize) -> std::fmt::Result {
    match count.saturating_sub(MOST_ROWS) {
        0 => Ok(()),
        rest => writeln!(out, "\nand {rest} more"),
    }
}

fn side(side: &Side) -> String {
    let mut text = clean(&side.name);
    for part in [&side.platform, side.digest.as_deref().unwrap_or_default()] {
        if !part.is_empty() {
            text.push(' ');
            text.push_str(&clean(part));
        }
    }
    text
}

fn passes(side: &Side) -> &'static str {
    if side.passed { "passes" } else { "fails" }
}

fn findings(side: &Side) -> String {
    let counts: Vec<String> = side
        .findings
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count)| format!("{count} {}", severity.word()))
        .collect();
    match side.finding_count() {
        0 => "no findings".to_owned(),
        all => format!("{all} findings: {}", counts.join(", ")),
    }
}

fn versions(from: Option<&str>, to: Option<&str>) -> String {
    match (from, to) {
        (Some(from), Some(to)) if from != to => format!("{from} -> {to}"),
        (Some(version), Some(_)) => version.to_owned(),
        (None, Some(to)) => to.to_owned(),
        (Some(from), None) => format!("{from}, removed"),
        (None, None) => String::new(),
    }
}

fn package_counts(comparison: &Comparison) -> String {
    let fates = [
        PackageFate::Added,
        PackageFate::Removed,
        PackageFate::Upgraded,
        PackageFate::Downgraded,
        PackageFate::Changed,
    ];
    let counts = fates.iter().filter_map(|fate| {
        let packages = comparison.packages.iter();
        let count = packages.filter(|package| package.fate == *fate).count();
        (count > 0).then(|| format!("{count} {}", fate.word()))
    });
    let mut counts: Vec<String> = counts.collect();
    counts.push(format!("{} same", comparison.same_packages));
    counts.join(", ")
}

fn finding_counts(comparison: &Comparison) -> String {
    let counts: Vec<String> = FindingFate::ALL
        .iter()
        .map(|fate| (comparison.count(*fate), fate.words()))
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    if counts.is_empty() {
        "none in either".to_owned()
    } else {
        counts.join(", ")
    }
}

fn layers(comparison: &Comparison) -> String {
    let layers = &comparison.layers;
    let mut text = format!(
        "{} of {} and {} shared ({})",
        layers.shared,
        comparison.a.layers,
        comparison.b.layers,
        human_bytes(layers.shared_size)
    );
    if !layers.moved.is_empty() {
        let _ = write!(text, ", {} more with the same content", layers.moved.len());
    }
    text
}

fn verdict(comparison: &Comparison) -> String {
    let (a, b) = (&comparison.a, &comparison.b);
    let rules = if b.failed_rules.is_empty() {
        String::new()
    } else {
        format!(" ({})", clean(&b.failed_rules.join(", ")))
    };
    let change = match (a.passed, b.passed) {
        (true, true) => "Both pass the policy".to_owned(),
        (false, false) => format!("Both fail the policy{rules}"),
        (true, false) => format!("It passed the policy and fails it now{rules}"),
        (false, true) => "It failed the policy and passes it now".to_owned(),
    };
    let introduced = comparison.introduces_failing();
    format!(
        "{change}; {}",
        if introduced {
            "it introduces what fails the policy"
        } else {
            "it introduces nothing that fails the policy"
        }
    )
}
