//! Two reports side by side.

use lamina_inventory::{facts::PackageKind, severity::Severity};
use lamina_policy::Policy;
use lamina_report::{
    compare::{Comparison, FindingFate, IssueFate, PackageFate, compare, platforms, render},
    formats::Judged,
    model::{Database, Finding, Layer, Package, Report},
};

use crate::sample;

fn report(packages: &[(&str, &str)], findings: &[(&str, &str, Severity)]) -> Report {
    let mut report = sample::empty();
    report.image.name = "shop".to_owned();
    report.scanned_at = "2026-11-01T00:00:00Z".to_owned();
    report.database = Some(Database {
        digest: "old".to_owned(),
        built_at: "2026-11-01T00:00:00Z".to_owned(),
        ..Database::default()
    });
    report.packages = packages
        .iter()
        .map(|(name, version)| Package::new(PackageKind::Deb, name, version))
        .collect();
    report.findings = findings
        .iter()
        .map(|(id, package, severity)| Finding {
            id: (*id).to_owned(),
            package: report
                .packages
                .iter()
                .position(|it| it.name == *package)
                .unwrap(),
            severity: *severity,
            ..Finding::default()
        })
        .collect();
    report
}

fn compared(a: &Report, b: &Report) -> Comparison {
    let policy = Policy::parse("fail-on: high\nsecrets: high").unwrap();
    let now = sample::now();
    compare(&Judged::new(a, &policy, now), &Judged::new(b, &policy, now))
}

#[test]
fn packages_are_compared_by_their_own_order_of_versions() {
    let check = |a: &[(&str, &str)], b: &[(&str, &str)], expect: &[(&str, PackageFate)]| {
        let comparison = compared(&report(a, &[]), &report(b, &[]));
        let found: Vec<_> = comparison
            .packages
            .iter()
            .map(|change| (change.name.as_str(), change.fate))
            .collect();
        assert_eq!(found, expect);
    };
    check(&[("a", "1")], &[("a", "1")], &[]);
    check(&[("a", "1")], &[], &[("a", PackageFate::Removed)]);
    check(&[], &[("a", "1")], &[("a", PackageFate::Added)]);
    // As text, 10 is below 9, and a tilde is above nothing.
    check(
        &[("a", "9")],
        &[("a", "10")],
        &[("a", PackageFate::Upgraded)],
    );
    check(
        &[("a", "1")],
        &[("a", "1~rc1")],
        &[("a", PackageFate::Downgraded)],
    );
    check(
        &[("a", "1")],
        &[("a", "no version")],
        &[("a", PackageFate::Changed)],
    );
    // A second version beside the first.
    check(
        &[("a", "1")],
        &[("a", "1"), ("a", "2")],
        &[("a", PackageFate::Added)],
    );
}

#[test]
fn a_finding_has_one_fate() {
    let check = |a: &Report, b: &Report, expect: &[(&str, FindingFate)]| {
        let comparison = compared(a, b);
        let found: Vec<_> = comparison
            .findings
            .iter()
            .map(|change| (change.id.as_str(), change.fate))
            .collect();
        assert_eq!(found, expect);
    };
    let low = Severity::Low;
    let old = report(
        &[("a", "1"), ("b", "1")],
        &[("CVE-1", "a", low), ("CVE-2", "b", low)],
    );
    // An upgrade that mends one and brings another.
    let new = report(
        &[("a", "2"), ("b", "1")],
        &[("CVE-3", "a", low), ("CVE-2", "b", low)],
    );
    check(
        &old,
        &new,
        &[
            ("CVE-3", FindingFate::Introduced),
            ("CVE-2", FindingFate::Same),
            ("CVE-1", FindingFate::Fixed),
        ],
    );
    // An upgrade that does not mend it.
    let higher = report(
        &[("a", "2"), ("b", "1")],
        &[("CVE-1", "a", low), ("CVE-2", "b", low)],
    );
    let same = [("CVE-1", FindingFate::Same), ("CVE-2", FindingFate::Same)];
    check(&old, &higher, &same);

    // The same packages, another database.
    let mut later = report(
        &[("a", "1"), ("b", "1")],
        &[("CVE-1", "a", low), ("CVE-9", "b", low)],
    );
    let expect = |fate, other| {
        [
            ("CVE-9", fate),
            ("CVE-1", FindingFate::Same),
            ("CVE-2", other),
        ]
    };
    check(
        &old,
        &later,
        &expect(FindingFate::Introduced, FindingFate::Fixed),
    );
    later.findings[1].published = Some("2026-11-02".to_owned());
    check(
        &old,
        &later,
        &expect(FindingFate::NewlyDisclosed, FindingFate::Fixed),
    );
    later.findings[1].published = None;
    later.database = Some(Database {
        digest: "new".to_owned(),
        built_at: "2026-11-05T00:00:00Z".to_owned(),
        ..Database::default()
    });
    check(
        &old,
        &later,
        &expect(FindingFate::NewlyDisclosed, FindingFate::Withdrawn),
    );
    // In another version of the package it came with that version.
    later.packages[1].version = "2".to_owned();
    check(
        &old,
        &later,
        &expect(FindingFate::Introduced, FindingFate::Fixed),
    );
}

#[test]
fn ids_of_one_vulnerability_are_one_finding() {
    let a = report(&[("a", "1")], &[("CVE-2024-1", "a", Severity::Low)]);
    let mut b = report(&[("a", "1")], &[("GHSA-x", "a", Severity::High)]);
    b.findings[0].aliases = vec!["CVE-2024-1".to_owned()];
    let comparison = compared(&a, &b);
    assert_eq!(comparison.findings.len(), 1);
    assert_eq!(comparison.findings[0].fate, FindingFate::Same);
    assert_eq!(comparison.findings[0].severity_before, Some(Severity::Low));
}

#[test]
fn only_what_is_introduced_fails() {
    let high = Severity::High;
    let clean = report(&[("a", "1")], &[]);
    let flawed = report(&[("a", "1")], &[("CVE-1", "a", high)]);
    let upgraded = report(
        &[("a", "2")],
        &[("CVE-1", "a", high), ("CVE-2", "a", Severity::Low)],
    );
    assert!(compared(&clean, &flawed).introduces_failing());
    assert!(!compared(&flawed, &flawed).introduces_failing());
    assert!(!compared(&flawed, &upgraded).introduces_failing());
    assert!(!compared(&flawed, &clean).introduces_failing());
    let mut disclosed = flawed.clone();
    disclosed.findings[0].published = Some("2026-11-20".to_owned());
    let comparison = compared(&clean, &disclosed);
    assert!(comparison.a.passed && !comparison.b.passed);
    assert!(!comparison.introduces_failing());
    // A secret is introduced too.
    let mut secret = clean.clone();
    secret.issues = sample::report().issues;
    let comparison = compared(&clean, &secret);
    assert_eq!(comparison.issues[0].fate, IssueFate::Introduced);
    assert!(comparison.introduces_failing());
}

#[test]
fn layers_are_shared_from_below_and_by_content() {
    let layer = |chain: &str, diff: &str| Layer {
        chain_id: chain.to_owned(),
        diff_id: diff.to_owned(),
        compressed_size: 10,
        ..Layer::default()
    };
    let (mut a, mut b) = (report(&[], &[]), report(&[], &[]));
    a.layers = vec![layer("1", "x"), layer("2", "y"), layer("3", "z")];
    b.layers = vec![
        layer("1", "x"),
        layer("4", "w"),
        layer("5", "z"),
        layer("6", "z"),
    ];
    let layers = compared(&a, &b).layers;
    assert_eq!((layers.shared, layers.shared_size), (1, 10));
    assert_eq!(layers.moved, [(2, 2)]);
    let indexes = |of: &[lamina_report::compare::LayerOfOne]| -> Vec<usize> {
        of.iter().map(|layer| layer.index).collect()
    };
    assert_eq!(indexes(&layers.only_a), [1]);
    assert_eq!(indexes(&layers.only_b), [1, 3]);
}

#[test]
fn configuration_is_compared_setting_by_setting() {
    let a = sample::report();
    let mut b = sample::report();
    b.image.config.user = "1000".to_owned();
    b.image.config.env = vec!["MODE=fast".to_owned()];
    b.image.config.labels.clear();
    b.image.config.cmd = vec!["other".to_owned()];
    let changes = compared(&a, &b).config;
    let found: Vec<_> = changes
        .iter()
        .map(|change| {
            (
                change.what.as_str(),
                change.from.as_deref(),
                change.to.as_deref(),
            )
        })
        .collect();
    let expect = [
        ("User", None, Some("1000")),
        ("Cmd", Some("[\"server\"]"), Some("[\"other\"]")),
        ("Env MODE", None, Some("fast")),
        ("Label org.opencontainers.image.title", Some("Shop"), None),
    ];
    assert_eq!(found, expect);
}

#[test]
fn a_report_is_the_same_as_itself() {
    let report = sample::report();
    let comparison = compared(&report, &report);
    assert!(comparison.packages.is_empty() && comparison.config.is_empty());
    assert!(
        comparison
            .findings
            .iter()
            .all(|it| it.fate == FindingFate::Same)
    );
    assert!(
        comparison
            .issues
            .iter()
            .all(|it| it.fate == IssueFate::Same)
    );
    assert_eq!(comparison.layers.shared, report.layers.len());
    assert!(comparison.notes.is_empty() && !comparison.introduces_failing());
    let text = serde_json::to_string(&comparison).unwrap();
    assert_eq!(
        serde_json::from_str::<Comparison>(&text).unwrap(),
        comparison
    );
}

#[test]
fn comparisons_are_written_for_people() {
    let old = sample::report();
    let mut new = sample::report();
    new.image.name = "registry.example/shop/web:1.5|<script>".to_owned();
    new.packages[0].version = "3.0.12-1".to_owned();
    new.findings.remove(0);
    new.findings[0].severity = Severity::High;
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../testdata/golden");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _bound = settings.bind_to_scope();
    let comparison = compared(&old, &new);
    insta::assert_snapshot!("compare-table", render::table(&comparison));
    insta::assert_snapshot!("compare-markdown", render::markdown(&comparison));

    let policy = Policy::default();
    let judged = [&old, &new].map(|report| Judged::new(report, &policy, sample::now()));
    let failed = vec![("linux/s390x".to_owned(), "no such blob".to_owned())];
    let platforms = platforms::platforms(&judged, failed);
    assert_eq!((platforms.common, platforms.findings.len()), (1, 1));
    assert_eq!(
        platforms.findings[0].versions,
        [Some("2.14.1".to_owned()), None]
    );
    let markdown = render::platforms_markdown(&platforms);
    assert!(markdown.contains("linux/s390x | not scanned"), "{markdown}");
    assert!(!markdown.contains("<script>"), "{markdown}");
    assert!(render::platforms_table(&platforms).contains("1 not on all"));
}

#[test]
fn odd_reports_are_compared_without_a_panic() {
    let (odd, report, empty) = (sample::odd(), sample::report(), sample::empty());
    for (a, b) in [
        (&odd, &report),
        (&report, &odd),
        (&odd, &odd),
        (&empty, &odd),
        (&empty, &empty),
    ] {
        let comparison = compared(a, b);
        let text = render::table(&comparison);
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
        render::markdown(&comparison);
    }
}
