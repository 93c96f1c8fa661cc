//! Matching, on small databases written as text.

use std::{collections::BTreeMap, fmt::Write as _};

use lamina_advisories::{
    DistributionView, Index, Match, MatchWarning, Matches, PackageView, Shard, ShardKind,
    match_packages, shards_for,
};
use lamina_advisories::{
    record::{Day, Epss, Exploited, Share},
    shard::scores::write_scores,
};
use lamina_image::digest::Digest;
use lamina_inventory::facts::PackageKind::{self, Apk, Deb, Pypi, Rpm};

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
    PackageView::new(kind, name, version)
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
fn bounds_without_a_local_version_are_about_all_local_builds() {
    let lines = "
        jinja-2 | CVE-1 | | | [,2.3.1]
        jinja-2 | CVE-2 | | | =2.3.1
        jinja-2 | CVE-3 | | | [,2.3.1)
        jinja-2 | CVE-4 | | | [,2.3.1+root.2)
        ";
    check(
        lines,
        "2.3.1+cpu",
        "
        CVE-1 [] unknown - Affected  (>= 0, <= 2.3.1)
        CVE-2 [] unknown - Affected  (= 2.3.1)
        CVE-4 [] unknown - Fixed 2.3.1+root.2 (>= 0, < 2.3.1+root.2)
        ",
    );
    check(lines, "2.3.2+cpu", "");
}

#[test]
fn builds_of_bitnami_are_no_pre_releases() {
    let lines = "
        envoy | CVE-1 | | | [,1.28.7)
        envoy | CVE-2 | | | [1.0.0,1.28.7]
        envoy | CVE-3 | | | [,1.28.7-2)
        ";
    let shard = shard("bitnami", "semver", lines);
    let check = |version, expect: &[&str]| {
        let packages = [package(PackageKind::Bitnami, "envoy", version)];
        let found = match_packages(None, &packages, &[&shard]);
        let ids: Vec<&str> = found.matches.iter().map(|found| &*found.id).collect();
        assert_eq!(ids, expect, "{version}");
    };
    check("1.28.6-4", &["CVE-1", "CVE-2", "CVE-3"]);
    check("1.28.7-1", &["CVE-2", "CVE-3"]);
    check("1.28.7-2", &["CVE-2"]);
    check("1.28.7-rc1", &["CVE-1", "CVE-2"]);
}

#[test]
fn swift_packages_are_named_by_address_with_or_without_a_scheme() {
    let vapor = "github.com/vapor/vapor";
    let lines = format!("{vapor} | CVE-1 | | | [,4.90.0)");
    let shard = shard("swift", "semver", &lines);
    for name in [vapor, "https://github.com/Vapor/vapor.git"] {
        let packages = [package(PackageKind::Swift, name, "4.89.3")];
        assert_eq!(match_packages(None, &packages, &[&shard]).matches.len(), 1);
    }
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
    let mut scores = index.shards[0].clone();
    scores.kind = ShardKind::Scores;
    let mut index = index;
    index.shards.push(scores);
    let needs = shards_for(&index, Some(DEBIAN), packages);
    let kinds: Vec<_> = needs.shards.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [ShardKind::Match, ShardKind::Scores]);
}

/// Checks one package of a distribution against shards `key: lines`; `expect` as in [`render`].
fn check_rpm(
    id: &str,
    version_id: &str,
    shards: &[(&str, &str)],
    packages: &[PackageView<'_>],
    expect: &str,
) {
    let shards: Vec<Shard> = shards
        .iter()
        .map(|(key, lines)| shard(key, "rpm", lines))
        .collect();
    let shards: Vec<&Shard> = shards.iter().collect();
    let distribution = DistributionView {
        id,
        version_id: Some(version_id),
        codename: None,
    };
    let found = run(distribution, packages, &shards);
    let expect: String = expect
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(render(&found.matches), expect);
    assert_eq!(found.warnings, []);
}

#[test]
fn statements_become_statuses_and_a_fix_beats_them() {
    let check = |lines: &str, expect: &str| check(lines, "1", expect);
    check(
        "
        jinja-2 | CVE-1 | | | [,; will-not-fix
        jinja-2 | CVE-2 | | | [,; deferred
        jinja-2 | CVE-3 | | | [,; investigating
        jinja-2 | CVE-4 | | | [,; end-of-life
        jinja-2 | CVE-5 | | | [,; possible
        ",
        "
        CVE-1 [] unknown - WillNotFix  (>= 0)
        CVE-2 [] unknown - FixDeferred  (>= 0)
        CVE-3 [] unknown - UnderInvestigation  (>= 0)
        CVE-4 [] unknown - EndOfLife  (>= 0)
        CVE-5 [] unknown - Possible  (>= 0)
        ",
    );
    check(
        "
        jinja-2 | CVE-1=X-1 | | | [,; will-not-fix
        jinja-2 | CVE-1=X-2 | | | [,2)
        jinja-2 | CVE-2=X-3 | | | [,; possible
        jinja-2 | CVE-2=X-4 | | | [,
        jinja-2 | CVE-3=X-5 | | | [,; will-not-fix
        jinja-2 | CVE-3=X-6 | | | [,
        ",
        "
        CVE-1 [X-1 X-2] unknown - Fixed 2 (>= 0)
        CVE-2 [X-3 X-4] unknown - Affected  (>= 0)
        CVE-3 [X-5 X-6] unknown - WillNotFix  (>= 0)
        ",
    );
}

#[test]
fn rpms_are_matched_by_their_own_name_or_their_sources_as_the_entry_says() {
    let openssl = |version| PackageView {
        source: Some(("openssl", "3.0.7-24.el9")),
        ..package(Rpm, "openssl-libs", version)
    };
    let lines = "
        openssl-libs | CVE-1 | | | [,1:3.0.7-25.el9)
        openssl      | CVE-2 | | | [,1:3.0.7-25.el9)
        openssl      | CVE-3 | | | [,1:3.0.7-25.el9); @source
        openssl-libs | CVE-4 | | | [,1:3.0.7-25.el9); @source
        ";
    let check = |version, expect| {
        check_rpm(
            "rocky",
            "9.4",
            &[("rocky:9", lines)],
            &[openssl(version)],
            expect,
        );
    };
    // The epoch of the source is that of the binary.
    check(
        "1:3.0.7-24.el9",
        "
        CVE-1 [] unknown - Fixed 1:3.0.7-25.el9 (>= 0, < 1:3.0.7-25.el9)
        CVE-3 [] unknown - Fixed 1:3.0.7-25.el9 (>= 0, < 1:3.0.7-25.el9)
        ",
    );
    check("2:3.0.7-24.el9", "");
}

#[test]
fn a_missing_epoch_is_0_but_for_feeds_that_leave_it_out() {
    let bind = package(Rpm, "bind", "32:9.16-1");
    let lines = "bind | CVE-1 | | | [,9.18-1)";
    check_rpm("almalinux", "9", &[("almalinux:9", lines)], &[bind], "");
    check_rpm(
        "mageia",
        "9",
        &[("mageia:9", lines)],
        &[bind],
        "CVE-1 [] unknown - Fixed 9.18-1 (>= 0, < 9.18-1)",
    );
    let lines = "bind | CVE-1 | | | [,31:9.18-1)";
    check_rpm("mageia", "9", &[("mageia:9", lines)], &[bind], "");
}

#[test]
fn modules_match_their_own_stream() {
    let node = |version, module| PackageView {
        module,
        ..package(Rpm, "nodejs", version)
    };
    let of_18 = Some("nodejs:18:9030020240301111035:rhel9");
    let lines = "
        nodejs | CVE-1 | | | [,1:18.19.1-1.module+el9.3.0+1); @module nodejs:18
        nodejs | CVE-2 | | | [,1:20.11.1-1.module+el9.3.0+1); @module nodejs:20
        nodejs | CVE-3 | | | [,1:16.20.2-4.el9)
        nodejs | CVE-4 | | | [,1:18.19.1-1.module_el9.3.0+1)
        ";
    let check = |package, expect| {
        check_rpm("rhel", "9.3", &[("red-hat:9", lines)], &[package], expect);
    };
    check(
        node("1:18.1.0-1.module+el9.3.0+1", of_18),
        "
        CVE-1 [] unknown - Fixed 1:18.19.1-1.module+el9.3.0+1 (>= 0, < 1:18.19.1-1.module+el9.3.0+1)
        CVE-4 [] unknown - Fixed 1:18.19.1-1.module_el9.3.0+1 (>= 0, < 1:18.19.1-1.module_el9.3.0+1)
        ",
    );
    check(
        node("1:16.1.0-1.el9", None),
        "CVE-3 [] unknown - Fixed 1:16.20.2-4.el9 (>= 0, < 1:16.20.2-4.el9)",
    );
}

#[test]
fn architectures_and_products_narrow_entries_down() {
    let lines = "
        curl | CVE-1 | | | [,2); @arch x86_64
        curl | CVE-2 | | | [,2); @arch s390x; @arch aarch64
        curl | CVE-3 | | | [,2); @product enterprise_linux:9::baseos
        curl | CVE-4 | | | [,2); @product rhel_eus:9.2::baseos
        curl | CVE-5 | | | [,2); @product enterprise_linux:9::appstream; @arch s390x
        curl | CVE-6 | | | never; @product rhel_eus:9.2::baseos
        curl | CVE-6=RHSA-1 | | | [,2)
        ";
    let curl = PackageView {
        architecture: Some("x86_64"),
        ..package(Rpm, "curl", "1")
    };
    check_rpm(
        "rhel",
        "9.4",
        &[("red-hat:9", lines)],
        &[curl],
        "
        CVE-1 [] unknown - Fixed 2 (>= 0, < 2)
        CVE-3 [] unknown - Fixed 2 (>= 0, < 2)
        CVE-6 [RHSA-1] unknown - Fixed 2 (>= 0, < 2)
        ",
    );
}

#[test]
fn of_a_distribution_the_highest_fix_counts_and_is_the_evidence() {
    check_rpm(
        "rhel",
        "9.4",
        &[(
            "red-hat:9",
            "
            curl | CVE-1=RHSA-1 | | | [,2); @product enterprise_linux:9::baseos
            curl | CVE-1=RHSA-2 | | | [,3); @product enterprise_linux:9::appstream
            curl | CVE-1=RHSA-3 | | | [,4); @product rhel_eus:9.2::baseos
            ",
        )],
        &[package(Rpm, "curl", "1")],
        "CVE-1 [RHSA-1 RHSA-2] unknown - Fixed 3 (>= 0, < 3)",
    );
}

#[test]
fn what_only_ubuntu_pro_fixes_has_no_fix_for_others() {
    let ubuntu = shard(
        "ubuntu:18.04",
        "dpkg",
        "
        curl | CVE-1 | | | [,7.58-2)
        curl | CVE-2 | | | [,7.58-9)
        curl | CVE-4 | | | never
        ",
    );
    let pro = shard(
        "ubuntu-pro:18.04",
        "dpkg",
        "
        curl | CVE-1 | | | [,7.58-3+esm1)
        curl | CVE-3 | | | [,7.58-3+esm1)
        curl | CVE-4 | | | [,7.58-3+esm1)
        ",
    );
    let distribution = DistributionView {
        id: "ubuntu",
        version_id: Some("18.04"),
        codename: None,
    };
    let check = |other: &str, expect: &str| {
        let packages = [package(Deb, "curl", "7.58-2"), package(Deb, "other", other)];
        let found = run(distribution, &packages, &[&ubuntu, &pro]);
        assert_eq!(render(&found.matches), expect);
    };
    check(
        "1",
        "CVE-2 [] unknown - Fixed 7.58-9 (>= 0, < 7.58-9)\n\
         CVE-3 [] unknown - Affected  (>= 0, < 7.58-3+esm1)\n",
    );
    check(
        "1+esm2",
        "CVE-2 [] unknown - Fixed 7.58-9 (>= 0, < 7.58-9)\n\
         CVE-3 [] unknown - Fixed 7.58-3+esm1 (>= 0, < 7.58-3+esm1)\n",
    );
}

#[test]
fn the_word_of_the_distribution_beats_that_of_the_language() {
    let pypi = shard(
        "pypi",
        "pep440",
        "
        urllib3 | CVE-1=GHSA-1 | | | [,1.26.18)
        urllib3 | CVE-2=GHSA-2 | | | [,1.26.18)
        urllib3 | CVE-3=GHSA-3 | | | [,1.26.18)
        ",
    );
    let lines = "
        python-urllib3 | CVE-1 | | | never
        python-urllib3 | CVE-2 | | | [,1.26.12-3)
        python-urllib3 | CVE-3 | | | [,1.26.12-9)
        ";
    let check = |distribution, key: &str, order: &str, kind, lines: &str, version| {
        let own = shard(key, order, lines);
        let packages = [
            PackageView {
                source: Some(("python-urllib3", version)),
                ..package(kind, "python3-urllib3", version)
            },
            PackageView {
                owned_by: Some(0),
                ..package(Pypi, "urllib3", "1.26.12")
            },
        ];
        let found = run(distribution, &packages, &[&pypi, &own]);
        let ids = |matches: &[Match]| -> Vec<String> {
            let of_language = matches.iter().filter(|found| found.package == 1);
            of_language.map(|found| found.id.clone()).collect()
        };
        assert_eq!(ids(&found.matches), ["CVE-3"], "{key}");
        assert_eq!(ids(&found.overridden), ["CVE-1", "CVE-2"], "{key}");
    };
    let apk = lines.replace("12-", "12-r");
    check(ALPINE, "alpine:3.19", "apk", Apk, &apk, "1.26.12-r4");
    let rpm = lines
        .replace('\n', "; @source\n")
        .replacen("; @source", "", 1);
    let rocky = DistributionView {
        id: "rocky",
        version_id: Some("9.4"),
        codename: None,
    };
    let rpm = rpm.trim_end();
    check(rocky, "rocky:9", "rpm", Rpm, rpm, "1.26.12-4");
}

#[test]
fn scores_count_if_they_belong_to_the_shard() {
    let bytes = shard_bytes(
        "pypi",
        "pep440",
        "
        a | CVE-1 | | | [,2)
        a | CVE-2 | | | [,2)
        ",
    );
    let (entry, stored_bytes) = stored("pypi", &bytes);
    let shard = Shard::from_stored(&stored_bytes, &entry).unwrap();
    let epss = Epss {
        score: Share::of(0.5),
        percentile: Share::of(0.9),
    };
    let exploited = Exploited {
        added: Day(20_000),
        due: None,
        by_ransomware: true,
    };
    let scores = |digest: &Digest| {
        let epss = BTreeMap::from([("CVE-1".to_owned(), epss)]);
        let listed = BTreeMap::from([("CVE-2".to_owned(), exploited)]);
        let written = write_scores(&shard, digest, None, &epss, &listed).unwrap();
        Shard::open(written.unwrap().0).unwrap()
    };
    let packages = [package(Pypi, "a", "1")];
    let found = match_packages(None, &packages, &[&scores(&entry.digest), &shard]);
    assert_eq!(found.warnings, []);
    let got: Vec<_> = found
        .matches
        .iter()
        .map(|m| (m.epss, m.exploited))
        .collect();
    assert_eq!(got, [(Some(epss), None), (None, Some(exploited))]);

    let found = match_packages(None, &packages, &[&shard, &scores(&Digest::of(b"other"))]);
    assert_eq!(found.matches.len(), 2);
    assert_eq!(found.matches[0].epss, None);
    let warning = MatchWarning::Scores {
        shard: "pypi".to_owned(),
    };
    assert_eq!(found.warnings, [warning]);
}

#[test]
fn the_standard_library_of_go_is_matched() {
    let shard = shard(
        "go",
        "go",
        "stdlib | CVE-1=GO-1 | | | [,1.21.9); [1.22.0-0,1.22.2)",
    );
    let check = |version, expect: usize| {
        let found = match_packages(
            None,
            &[package(PackageKind::Golang, "stdlib", version)],
            &[&shard],
        );
        assert_eq!(found.matches.len(), expect, "{version}");
    };
    check("1.22.1", 1);
    check("1.22rc1", 1);
    check("1.22.2", 0);
    check("1.21.9", 0);
    check("1.20", 1);
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
    // A quiet machine takes half a second in a debug build; this is for what grows with the square.
    assert!(best < 15_000.0, "{best} ms in a debug build");
}
