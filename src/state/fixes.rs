//! The fix plan on show: which upgrades are ticked, and what that would change.

use lamina_report::{
    fixes::{self, Means, Plan, Snippet, Upgrade},
    model::Report,
};

use super::{
    language::{fill, t, tn},
    words,
};

/// What is ticked: one flag for each upgrade of the plan.
pub type Ticks = Vec<bool>;

/// A set of upgrades that one button ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// All.
    All,
    /// None.
    None,
    /// Those that a command in the image makes.
    Commands,
    /// Those of findings that fail the image.
    Failing,
    /// Those above the base image.
    Own,
}

impl Choice {
    /// What it ticks.
    pub fn ticks(self, plan: &Plan, fails: &[bool]) -> Ticks {
        let is_failing = |upgrade: &Upgrade| {
            let mut findings = upgrade.findings.iter();
            findings.any(|index| fails.get(*index).copied().unwrap_or_default())
        };
        plan.upgrades
            .iter()
            .map(|upgrade| match self {
                Self::All => true,
                Self::None => false,
                Self::Commands => upgrade.means() == Means::Command,
                Self::Failing => is_failing(upgrade),
                Self::Own => upgrade.is_of_base == Some(false),
            })
            .collect()
    }
}

/// The upgrades that are ticked.
pub fn ticked<'a>(plan: &'a Plan, ticks: &'a Ticks) -> impl Iterator<Item = &'a Upgrade> {
    plan.upgrades
        .iter()
        .zip(ticks)
        .filter(|(_, is_ticked)| **is_ticked)
        .map(|(upgrade, _)| upgrade)
}

/// How many findings are gone with these ticks.
pub fn removed(plan: &Plan, ticks: &Ticks) -> usize {
    ticked(plan, ticks)
        .map(|upgrade| upgrade.findings.len())
        .sum()
}

/// The search that lists the findings an upgrade removes, and no other: of every package of its source, or
/// of the one copy that it replaces.
pub fn search(report: &Report, upgrade: &Upgrade) -> String {
    let mut search = format!(
        "fixable:yes kind:{} source:{}",
        upgrade.kind.word(),
        quoted(&upgrade.name)
    );
    if !upgrade.kind.is_os() {
        let mut packages = upgrade.packages.iter();
        let package = packages.find_map(|index| report.packages.get(*index));
        if let Some(package) = package.filter(|package| !package.file.is_empty()) {
            search.push_str(&format!(
                " layer:{} file:{}",
                package.layer,
                quoted(&package.file)
            ));
        }
    }
    search
}

/// A word of the search language.
fn quoted(word: &str) -> String {
    match word.contains(char::is_whitespace) {
        true => format!("\"{word}\""),
        false => word.to_owned(),
    }
}

/// The lines of a Dockerfile for these ticks.
pub fn snippet(report: &Report, plan: &Plan, ticks: &Ticks) -> Snippet {
    fixes::snippet(report, ticked(plan, ticks))
}

/// `With these 3 commands and 2 changes by hand 41 of 52 findings are gone.`
pub fn lead(report: &Report, plan: &Plan, ticks: &Ticks, snippet: &Snippet) -> String {
    let total = report.findings.len();
    let gone = removed(plan, ticks);
    if gone == 0 {
        return fill(
            t("Nothing is ticked: all {findings} stay."),
            &[("findings", &words::plural(total, "finding"))],
        );
    }
    let commands = (snippet.commands > 0).then(|| words::plural(snippet.commands, "command"));
    let by_hand = (snippet.by_hand > 0)
        .then(|| tn(snippet.by_hand, "{n} change by hand", "{n} changes by hand"));
    let means = match (commands, by_hand) {
        (Some(commands), Some(by_hand)) => fill(
            t("{commands} and {changes}"),
            &[("commands", &commands), ("changes", &by_hand)],
        ),
        (one, other) => one.or(other).unwrap_or_default(),
    };
    let sentence = if gone == 1 {
        t("With {means} {n} of {findings} is gone.")
    } else {
        t("With {means} {n} of {findings} are gone.")
    };
    fill(
        sentence,
        &[
            ("means", &means),
            ("n", &gone.to_string()),
            ("findings", &words::plural(total, "finding")),
        ],
    )
}

#[cfg(test)]
mod tests {
    use lamina_inventory::severity::Severity;

    use super::*;
    use crate::state::findings::tests::{finding, package, report};

    #[test]
    fn the_search_of_an_upgrade_lists_what_it_removes() {
        use crate::state::findings::{Column, Filter, Haystacks, Judged, select};
        use lamina_inventory::facts::PackageKind;

        let of_source = |name: &str| {
            let mut package = package(name, "3.0", 0);
            package.source = Some(("openssl".to_owned(), "3.0".to_owned()));
            package
        };
        let copy = |file: &str, layer: usize| lamina_report::model::Package {
            kind: PackageKind::Npm,
            file: file.to_owned(),
            ..package("openssl", "1.0", layer)
        };
        let report = report(
            vec![
                of_source("libssl3"),
                of_source("libcrypto3"),
                package("openssl-extra", "1", 0),
                copy("app/node_modules/openssl/package.json", 1),
                copy("tools/openssl/package.json", 1),
            ],
            vec![
                finding("CVE-1", 0, Severity::High, Some("3.1")),
                finding("CVE-2", 1, Severity::Low, Some("3.1")),
                finding("CVE-3", 0, Severity::Low, None),
                finding("CVE-4", 2, Severity::Low, Some("2")),
                finding("CVE-5", 3, Severity::Low, Some("2")),
                finding("CVE-6", 4, Severity::Low, Some("2")),
            ],
        );
        let plan = fixes::plan(&report);
        assert_eq!(plan.upgrades.len(), 4);
        for upgrade in &plan.upgrades {
            let search = search(&report, upgrade);
            let filter = Filter {
                search: &search,
                severities: &[],
                layer: None,
                from_layer: 0,
            };
            let (mut rows, problems) = select(
                &report,
                &Haystacks::of_findings(&report),
                &Judged::default(),
                filter,
                crate::state::findings::Sort::<Column>::parse(None),
            );
            rows.sort_unstable();
            let mut removed = upgrade.findings.clone();
            removed.sort_unstable();
            assert_eq!(rows, removed, "{search} {problems:?}");
        }
    }

    #[test]
    fn ticks_and_what_they_remove_are_told() {
        let mut report = report(
            vec![package("openssl", "3.0", 0), package("zlib", "1.2", 1)],
            vec![
                finding("CVE-1", 0, Severity::High, Some("3.1")),
                finding("CVE-2", 0, Severity::Low, Some("3.2")),
                finding("CVE-3", 1, Severity::Low, Some("1.3")),
                finding("CVE-4", 1, Severity::Low, None),
            ],
        );
        report.base = Some(lamina_report::model::Base {
            layers: 1,
            ..Default::default()
        });
        let plan = fixes::plan(&report);
        let fails = [false, false, true, false];
        let check = |choice: Choice, expect: &str| {
            let ticks = choice.ticks(&plan, &fails);
            let snippet = snippet(&report, &plan, &ticks);
            assert_eq!(lead(&report, &plan, &ticks, &snippet), expect, "{choice:?}");
        };
        check(Choice::All, "With 1 command 3 of 4 findings are gone.");
        check(Choice::None, "Nothing is ticked: all 4 findings stay.");
        check(Choice::Commands, "With 1 command 3 of 4 findings are gone.");
        check(Choice::Failing, "With 1 command 1 of 4 findings is gone.");
        check(Choice::Own, "With 1 command 1 of 4 findings is gone.");
    }
}
