//! Which rows of a comparison are shown.

use lamina_inventory::severity::Severity;
use lamina_report::beside::{Beside, Cause, Row, Side};

use super::language::text;

/// Sides and causes as a comparison names them, for the list of texts.
pub const TITLES: [&str; 26] = [
    text("Both"),
    text("Only theirs"),
    text("Only ours"),
    text("The same vulnerability under another id"),
    text("The same package under another name"),
    text("Another version of the package was read"),
    text("Another severity"),
    text("Another fixed version"),
    text("Our policy leaves it out"),
    text("Their report leaves it out"),
    text("The package is not in our inventory"),
    text("A later layer removed the package"),
    text("The package is not in their report"),
    text("They name no package of this kind"),
    text("We asked no advisory database"),
    text("Our database has nothing on this kind of package"),
    text("Published after our database was built"),
    text("Published after their scan or database"),
    text("The installed version is not below the fixed one"),
    text("All of theirs can be fixed, and this one cannot"),
    text("None of theirs is this mild"),
    text("None of theirs has this state"),
    text("A package of the distribution owns its files"),
    text("Read from a lock file, not from what is installed"),
    text("Their database, as far as the two reports tell"),
    text("Our database, as far as the two reports tell"),
];

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of one side only.
    pub side: Option<Side>,
    /// With one cause only.
    pub cause: Option<Cause>,
    /// Of this severity or worse.
    pub severity: Severity,
    /// A part of the id or the package, in any case.
    pub search: String,
}

/// The rows to show, in their order: indices into [`Beside::rows`].
pub fn select(beside: &Beside, filter: &Filter) -> Vec<usize> {
    let search = filter.search.trim().to_lowercase();
    let is_shown = |row: &Row| {
        filter.side.is_none_or(|side| row.side == side)
            && filter
                .cause
                .is_none_or(|cause| row.reasons.iter().any(|reason| reason.cause == cause))
            && row.severity() >= filter.severity
            && (search.is_empty()
                || row.id.to_lowercase().contains(&search)
                || row.package.to_lowercase().contains(&search))
    };
    let rows = beside.rows.iter().enumerate();
    rows.filter(|(_, row)| is_shown(row))
        .map(|(index, _)| index)
        .collect()
}

/// The causes that rows of a side (or all) have, most rows first.
pub fn causes(beside: &Beside, side: Option<Side>) -> Vec<(Cause, usize)> {
    let rows = beside.rows.iter();
    let rows = rows.filter(|row| side.is_none_or(|side| row.side == side));
    let mut counts: Vec<(Cause, usize)> = Vec::new();
    for reason in rows.flat_map(|row| &row.reasons) {
        match counts.iter_mut().find(|(cause, _)| *cause == reason.cause) {
            Some((_, count)) => *count += 1,
            None => counts.push((reason.cause, 1)),
        }
    }
    counts.sort_by_key(|(cause, count)| (std::cmp::Reverse(*count), *cause));
    counts
}

#[cfg(test)]
mod tests {
    use lamina_report::beside::Reason;

    use super::*;

    fn beside() -> Beside {
        let row = |side, id: &str, severity, cause| Row {
            side,
            id: id.to_owned(),
            package: "OpenSSL 3.0".to_owned(),
            our_severity: None,
            their_severity: Some(severity),
            ours: Vec::new(),
            theirs: Vec::new(),
            reasons: vec![Reason {
                cause,
                detail: String::new(),
            }],
        };
        Beside {
            rows: vec![
                row(Side::Agreed, "CVE-1", Severity::High, Cause::Alias),
                row(Side::Theirs, "CVE-2", Severity::Low, Cause::NotInOurs),
                row(Side::Theirs, "CVE-3", Severity::Critical, Cause::NotInOurs),
            ],
            ..Beside::default()
        }
    }

    #[test]
    fn rows_are_filtered_by_all_that_is_asked() {
        let check = |filter: Filter, expect: &[usize]| {
            assert_eq!(select(&beside(), &filter), expect, "{filter:?}");
        };
        let all = Filter::default;
        check(all(), &[0, 1, 2]);
        let side = Some(Side::Theirs);
        check(Filter { side, ..all() }, &[1, 2]);
        let severity = Severity::High;
        check(Filter { severity, ..all() }, &[0, 2]);
        check(
            Filter {
                side,
                severity,
                ..all()
            },
            &[2],
        );
        let search = |text: &str| Filter {
            search: text.to_owned(),
            ..all()
        };
        check(search(" cve-2 "), &[1]);
        check(search("openssl"), &[0, 1, 2]);
        check(search("zlib"), &[]);
        let cause = Some(Cause::Alias);
        check(Filter { cause, ..all() }, &[0]);
        check(
            Filter {
                cause,
                side,
                ..all()
            },
            &[],
        );
    }

    #[test]
    fn every_side_and_cause_has_its_text() {
        let causes = Cause::ALL.map(Cause::title);
        for title in Side::ALL.map(Side::title).into_iter().chain(causes) {
            assert!(TITLES.contains(&title), "{title}");
        }
    }

    #[test]
    fn causes_are_counted_most_first() {
        let expect = [(Cause::NotInOurs, 2), (Cause::Alias, 1)];
        assert_eq!(causes(&beside(), None), expect);
        assert_eq!(causes(&beside(), Some(Side::Agreed)), [(Cause::Alias, 1)]);
    }
}
