//! Matching, on small databases written as text.

use std::fmt::Write as _;

use lamina_advisories::{
    DistributionView, Index, Match, MatchWarning, Matches, PackageView, Shard, match_packages,
    shards_for,
};
use lamina_inventory::facts::PackageKind::{self, Apk, Deb, Pypi};

use crate::support::{shard, shard_bytes, stored};

const DEBIAN: DistributionView<'_> = DistributionView {
    id: "debian",
    version_id: Some("12"),
    codename: Some("bookworm"),
};
const ALPINE: DistributionView<'_> = DistributionView {
    id: "alpine",
    version_id: Some("3.19.1"),
    codename: None,
};

fn package<'a>(kind: PackageKind, name: &'a str, version: &'a str) -> PackageView<'a> {
    PackageView {
        is_hearsay: false,
        kind,
        name,
        version,
        source: None,
        owned_by: None,
    }
}

fn run(
    distribution: DistributionView<'_>,
    packages: &[PackageView<'_>],
    shards: &[&Shard],
) -> Matches {
    match_packages(Some(distribution), packages, shards)
}

/// `id [aliases] severity source status fixed (range)`, a line for each.
fn render(matches: &[Match]) -> String {
    let mut text = String::new();
    for found in matches {
        let aliases = found.aliases.join(" ");
        let _ = writeln!(
            text,
            "{} [{aliases}] {} {} {:?} {} ({})",
            found.id,
            found.severity.word(),
            found.severity_source.as_deref().unwrap_or("-"),
            found.status,
            found.fixed_in.join(" "),
            found.evidence.range
        );
    }
    text
}

/// Checks one Python package against a shard of lines.
fn check(lines: &str, version: &str, expect: &str) {
    let shard = shard("pypi", "pep440", lines);
    let found = run(DEBIAN, &[package(Pypi, "Jinja_2", version)], &[&shard]);
    let expect: String = expect
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(render(&found.matches), expect, "{version} in {lines}");
    assert_eq!(found.warnings, []);
}

#[test]
fn ranges_hold_what_they_should() {
    let check = |range: &str, version: &str, expect: &str| {
        check(&format!("jinja-2 | CVE-1 | | | {range}"), version, expect);
    };
    check("[,2)", "1.9", "CVE-1 [] unknown - Fixed 2 (>= 0, < 2)");
    check("[,2)", "2", "");
    check("[,2)", "2.0.0", "");
    check("[,2)", "2rc1", "CVE-1 [] unknown - Fixed 2 (>= 0, < 2)");
    check("[1,2]", "2.0", "CVE-1 [] unknown - Affected  (>= 1, <= 2)");
    check("[1,2]", "0.9", "");
    check("[1,2>", "1.5", "CVE-1 [] unknown - Affected  (>= 1, < 2)");
    check("[1,", "99", "CVE-1 [] unknown - Affected  (>= 1)");
    check("=1.2.3", "1.2.3", "CVE-1 [] unknown - Affected  (= 1.2.3)");
    check("=1.2", "1.2.0", "CVE-1 [] unknown - Affected  (= 1.2)");
    check("=1.2", "1.2.1", "");
}

#[test]
fn fixed_versions_are_those_above_the_installed_one_that_are_not_affected() {
    let check = |ranges: &str, version: &str, expect: &str| {
        check(&format!("jinja-2 | CVE-1 | | | {ranges}"), version, expect);
    };
    check(
        "[,1.5); [2,2.5); [3,3.5)",
        "2.1",
        "CVE-1 [] unknown - Fixed 2.5 3.5 (>= 2, < 2.5)",
    );
    check(
        "[,1.5); [1.5,2)",
        "1.0",
        "CVE-1 [] unknown - Fixed 2 (>= 0, < 1.5)",
    );
    check("[,1.5); [2,", "2.1", "CVE-1 [] unknown - Affected  (>= 2)");
}

#[test]
fn records_of_one_vulnerability_are_one_match() {
    check(
        "
        jinja-2 | CVE-1=GHSA-1  | PYSEC-1 | ghsa:high | [,2)
        jinja-2 | CVE-1=PYSEC-1 | GHSA-1  |           | [,2.1)
        jinja-2 | GHSA-9        |         | ghsa:low  | [,2)
        ",
        "1",
        "
        CVE-1 [GHSA-1 PYSEC-1] high ghsa Fixed 2 2.1 (>= 0, < 2)
        GHSA-9 [] low ghsa Fixed 2 (>= 0, < 2)
        ",
    );
    // Joined through a third record, whose own range does not even need the CVE.
    check(
        "
        jinja-2 | GHSA-1  | X-1 |  | [,2)
        jinja-2 | PYSEC-1 | X-2 |  | [,2)
        jinja-2 | CVE-1=OTHER-1 | X-1 X-2 | | [,2)
        ",
        "1",
        "CVE-1 [GHSA-1 OTHER-1 PYSEC-1 X-1 X-2] unknown - Fixed 2 (>= 0, < 2)",
    );
    // A notice about two vulnerabilities does not make them one.
    check(
        "
        jinja-2 | CVE-1=DSA-1-1 | | | [,2)
        jinja-2 | CVE-2=DSA-1-1 | | | [,2)
        ",
        "1",
        "
        CVE-1 [DSA-1-1] unknown - Fixed 2 (>= 0, < 2)
        CVE-2 [DSA-1-1] unknown - Fixed 2 (>= 0, < 2)
        ",
    );
    // Nor does an advisory that fixes both, which Red Hat's records have as an alias.
    check(
        "
        jinja-2 | CVE-1 | RHSA-2024:1 | | [,2)
        jinja-2 | CVE-2 | RHSA-2024:1 | | [,2)
        ",
        "1",
        "
        CVE-1 [RHSA-2024:1] unknown - Fixed 2 (>= 0, < 2)
        CVE-2 [RHSA-2024:1] unknown - Fixed 2 (>= 0, < 2)
        ",
    );
}

#[test]
fn the_best_source_rates_and_the_score_comes_along() {
    let shard = shard(
        "debian:12",
        "dpkg",
        "
        curl | CVE-1 | | debian:low nvd:CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H | [,2)
        curl | CVE-2 | | nvd:CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H | [,2)
        curl | CVE-3 | | nvd:CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H ghsa:AV:L/AC:H/Au:M/C:N/I:N/A:P | [,2)
        ",
    );
    let found = run(DEBIAN, &[package(Deb, "curl", "1")], &[&shard]).matches;
    let got: Vec<_> = found
        .iter()
        .map(|m| {
            (
                m.id.as_str(),
                m.severity.word(),
                m.severity_source.as_deref(),
                m.score,
            )
        })
        .collect();
    assert_eq!(
        got,
        [
            ("CVE-2", "critical", Some("nvd, CVSS 3.1"), Some(9.8)),
            ("CVE-1", "low", Some("debian"), Some(9.8)),
            ("CVE-3", "low", Some("ghsa, CVSS 2.0"), Some(0.8)),
        ]
    );
}

#[test]
fn os_packages_are_matched_by_source_package_and_source_version() {
    let shard = shard(
        "debian:12",
        "dpkg",
        "openssl | CVE-1 | | | [,3.0.11-1~deb12u2)",
    );
    let libssl = |version, source| PackageView {
        is_hearsay: false,
        source: Some(("openssl", source)),
        ..package(Deb, "libssl3", version)
    };
    let packages = [
        libssl("3.0.11-1~deb12u1", "3.0.11-1~deb12u1"),
        libssl("3.0.11-1~deb12u2", "3.0.11-1~deb12u2"),
        // A binary rebuild: its own version would not tell.
        libssl("3.0.11-1~deb12u2+b1", "3.0.11-1~deb12u1"),
        package(Deb, "libssl3", "3.0.11-1~deb12u1"),
        package(Deb, "openssl", "3.0.11-1~deb12u1"),
    ];
    let found = run(DEBIAN, &packages, &[&shard]).matches;
    let indexes: Vec<usize> = found.iter().map(|found| found.package).collect();
    assert_eq!(indexes, [0, 2, 4]);
    let evidence = &found[1].evidence;
    assert_eq!(
        (
            evidence.record.as_str(),
            evidence.shard.as_str(),
            evidence.source.as_str(),
            evidence.matched_name.as_str(),
            evidence.matched_version.as_str(),
            evidence.order.as_str(),
        ),
        (
            "CVE-1",
            "debian:12",
            "test",
            "openssl",
            "3.0.11-1~deb12u1",
            "dpkg"
        )
    );
}

#[test]
fn what_was_never_affected_does_not_match() {
    let shard = shard(
        "debian:12",
        "dpkg",
        "
        curl | CVE-1 | | | never
        curl | CVE-1=DSA-1-1 | | | [,2)
        curl | CVE-2 | | | [,2)
        ",
    );
    let found = run(DEBIAN, &[package(Deb, "curl", "1")], &[&shard]).matches;
    assert_eq!(render(&found), "CVE-2 [] unknown - Fixed 2 (>= 0, < 2)\n");
}

#[test]
fn a_python_package_of_debian_is_debians_to_judge() {
    let pypi = shard("pypi", "pep440", "urllib3 | CVE-1 | | | [,1.26.18)");
    let debian = shard(
        "debian:12",
        "dpkg",
        "python-urllib3 | CVE-2 | | | [,1.26.12-1)",
    );
    let alpine = shard(
        "alpine:3.19",
        "apk",
        "py3-urllib3 | CVE-2 | | | [,1.26.12-r0)",
    );
    let packages = |kind, version| {
        [
            package(kind, "python3-urllib3", version),
            PackageView {
                is_hearsay: false,
                owned_by: Some(0),
                ..package(Pypi, "urllib3", "1.26.12")
            },
        ]
    };
    let check =
        |distribution, packages: &[PackageView<'_>], shards: &[&Shard], expect: (usize, usize)| {
            let found = run(distribution, packages, shards);
            assert_eq!((found.matches.len(), found.overridden.len()), expect);
            for found in found.matches.iter().chain(&found.overridden) {
                assert_eq!(found.owner, Some(0));
            }
        };
    let deb = packages(Deb, "1:1.26.12-1+deb12u1");
    check(DEBIAN, &deb, &[&pypi, &debian], (0, 1));
    // Without Debian's advisories nobody else judges it.
    check(DEBIAN, &deb, &[&pypi], (1, 0));
    // A package that carries another's library: its own version says nothing of it.
    check(
        DEBIAN,
        &packages(Deb, "7.40.0-1"),
        &[&pypi, &debian],
        (1, 0),
    );
    check(
        ALPINE,
        &packages(Apk, "1.26.12-r1"),
        &[&pypi, &alpine],
        (1, 0),
    );
}

#[test]
fn versions_that_cannot_be_read_are_reported_and_matched_exactly() {
    let shard = shard(
        "pypi",
        "pep440",
        "
        old | CVE-1 | | | [,2)
        old | CVE-2 | | | =0.1-bulbasaur
        ",
    );
    let packages = [
        package(Pypi, "old", "0.1-bulbasaur"),
        package(Pypi, "other", "x y"),
    ];
    let found = run(DEBIAN, &packages, &[&shard]);
    assert_eq!(
        render(&found.matches),
        "CVE-2 [] unknown - Affected  (= 0.1-bulbasaur)\n"
    );
    assert_eq!(
        found.warnings,
        [MatchWarning::PackageVersion {
            package: 0,
            name: "old".to_owned(),
            version: "0.1-bulbasaur".to_owned(),
            order: "pep440",
        }]
    );
}

#[test]
fn a_range_that_cannot_be_read_is_reported_and_the_others_count() {
    let shard = shard("pypi", "pep440", "a | CVE-1 | | | [,not-a-version); [1,2)");
    let found = run(DEBIAN, &[package(Pypi, "a", "1.5")], &[&shard]);
    assert_eq!(found.matches.len(), 1);
    let warning = found.warnings[0].to_string();
    assert_eq!(
        warning,
        r#"CVE-1 on a: "not-a-version" is no pep440 version; this range was left out"#
    );
}

#[test]
fn an_unknown_order_is_reported() {
    let shard = shard("pypi", "from-the-future", "a | CVE-1 | | | [,2)");
    let found = run(DEBIAN, &[package(Pypi, "a", "1.5")], &[&shard]);
    assert_eq!(found.matches, []);
    assert!(matches!(&found.warnings[..], [MatchWarning::Order { .. }]));
}

#[test]
fn a_broken_shard_never_panics_and_is_reported() {
    let bytes = shard_bytes(
        "debian:12",
        "dpkg",
        "curl | CVE-1 | | debian:low | [,2); [3,4)",
    );
    let mut reported = 0;
    for position in 0..bytes.len() {
        for byte in [0, 0x7f, 0xff] {
            let mut bytes = bytes.clone();
            bytes[position] = byte;
            let Ok(shard) = Shard::open(bytes) else {
                continue;
            };
            let found = run(DEBIAN, &[package(Deb, "curl", "1")], &[&shard]);
            reported += found.warnings.len();
        }
    }
    assert!(reported > 0);
}

#[test]
fn needed_and_missing_shards_are_named() {
    let (debian, _) = stored("debian:12", b"");
    let index = Index {
        format: 1,
        name: "demo".to_owned(),
        built_at: String::new(),
        sources: vec![],
        shards: vec![debian],
    };
    let packages = [
        package(Deb, "a", "1"),
        package(Deb, "b", "1"),
        package(Pypi, "c", "1"),
    ];
    let check =
        |distribution: Option<DistributionView<'_>>, shards: &[&str], missing: &[(&str, usize)]| {
            let needs = shards_for(&index, distribution, packages);
            let keys: Vec<&str> = needs
                .shards
                .iter()
                .map(|entry| entry.key.as_str())
                .collect();
            let lacks: Vec<(&str, usize)> = needs
                .missing
                .iter()
                .map(|m| (m.what.as_str(), m.packages))
                .collect();
            assert_eq!((&keys[..], &lacks[..]), (shards, missing));
        };
    check(Some(DEBIAN), &["debian:12"], &[("pypi", 1)]);
    let trixie = DistributionView {
        version_id: Some("13"),
        ..DEBIAN
    };
    check(Some(trixie), &[], &[("debian:13", 2), ("pypi", 1)]);
    check(
        None,
        &[],
        &[("deb packages of an unnamed distribution", 2), ("pypi", 1)],
    );
    assert_eq!(
        shards_for(&index, None, []),
        lamina_advisories::Needs::default()
    );
}

#[test]
fn five_thousand_packages_are_matched_while_nobody_waits() {
    // As large as the real thing: 40,000 entries over 3,000 sources.
    let mut lines = String::new();
    for n in 0..40_000 {
        let _ = writeln!(
            lines,
            "source-{} | CVE-20{}-{n} | | debian:low | [,1.{}-1)",
            n % 3000,
            10 + n % 15,
            n % 40
        );
    }
    let shard = shard("debian:12", "dpkg", &lines);
    let names: Vec<String> = (0..5000).map(|n| format!("source-{n}")).collect();
    let packages: Vec<_> = names
        .iter()
        .map(|name| package(Deb, name, "1.20-1"))
        .collect();
    let mut best = f64::MAX;
    let mut count = 0;
    for _ in 0..5 {
        let start = std::time::Instant::now();
        count = run(DEBIAN, &packages, &[&shard]).matches.len();
        best = best.min(start.elapsed().as_secs_f64() * 1000.0);
    }
    println!("5,000 packages, {count} matches: {best:.1} ms");
    assert!(count > 10_000);
    assert!(best < 2000.0, "{best} ms in a debug build");
}
