//! The real feeds that lie outside the repository, and what others find with them.

use std::{collections::BTreeSet, path::Path};

use lamina_advisories::{DistributionView, PackageView, match_packages};
use lamina_inventory::facts::PackageKind;

use crate::support::{Database, build};

fn build_from(path: &str) -> Option<Database> {
    let file = lamina_testkit::shared(&format!("advisories/feeds/{path}"))?;
    Some(build(&[(path, &std::fs::read(file).unwrap())]))
}

fn lines(path: &str) -> Option<Vec<Vec<String>>> {
    let path = lamina_testkit::shared(path)?;
    let text = std::fs::read_to_string(Path::new(&path)).unwrap();
    Some(
        text.lines()
            .map(|line| line.split('\t').map(str::to_owned).collect())
            .collect(),
    )
}

/// `vulns/*.pypa.tsv`: package, version, PYSEC id, aliases; made with PyPI's `packaging` from an
/// older snapshot of the PyPA's own database.
#[test]
fn python_matches_include_those_that_packaging_finds() {
    let Some(database) = build_from("osv/PyPI/all.zip") else {
        return;
    };
    let shard = database.shard("pypi");
    let mut checked = 0;
    let mut missing = Vec::new();
    for image in ["alpine-poly", "debian-slim"] {
        let Some(rows) = lines(&format!("fixtures/expected/vulns/{image}.pypa.tsv")) else {
            return;
        };
        for row in rows {
            let package = PackageView::new(PackageKind::Pypi, &row[0], &row[1]);
            let found = match_packages(None, &[package], &[&shard]);
            let ids: BTreeSet<String> = found
                .matches
                .iter()
                .flat_map(|found| found.aliases.iter().chain([&found.id]))
                .cloned()
                .collect();
            let wanted: Vec<&str> = std::iter::once(row[2].as_str())
                .chain(row[3].split(','))
                .collect();
            checked += 1;
            // The record was corrected since: it begins with 1.25.4 now.
            let is_corrected = row[..3] == ["urllib3", "1.24.1", "PYSEC-2021-108"];
            if !wanted.iter().any(|id| ids.contains(*id)) && !is_corrected {
                missing.push(row.join(" "));
            }
        }
    }
    println!("{checked} matches checked");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(checked > 50);
}

/// The packages of a real Debian image against Debian's own tracker, compared with a plain reading of
/// the tracker by dpkg itself where it is installed.
#[test]
fn debian_matches_are_those_of_dpkg_and_the_tracker() {
    let (Some(database), Some(rows)) = (
        build_from("debian/debian.json.gz"),
        lines("fixtures/expected/debian-slim/truth.dpkg.tsv"),
    ) else {
        return;
    };
    let packages: Vec<PackageView<'_>> = rows
        .iter()
        .map(|row| PackageView {
            source: Some((&row[3], &row[4])),
            ..PackageView::new(PackageKind::Deb, &row[0], &row[1])
        })
        .collect();
    let distribution = DistributionView {
        id: "debian",
        version_id: Some("12"),
        codename: Some("bookworm"),
    };
    let found = match_packages(
        Some(distribution),
        &packages,
        &[&database.shard("debian:12")],
    );
    assert_eq!(found.warnings, []);
    let got: BTreeSet<(String, String)> = found
        .matches
        .iter()
        .map(|found| (rows[found.package][0].clone(), found.id.clone()))
        .collect();

    let file = lamina_testkit::shared("advisories/feeds/debian/debian.json.gz").unwrap();
    let json = flate2::read::GzDecoder::new(std::fs::File::open(file).unwrap());
    let tracker: serde_json::Value =
        serde_json::from_reader(std::io::BufReader::new(json)).unwrap();
    let mut expected = BTreeSet::new();
    for row in &rows {
        let Some(issues) = tracker[&row[3]].as_object() else {
            continue;
        };
        for (id, issue) in issues {
            let release = &issue["releases"]["bookworm"];
            let is_affected = match release["status"].as_str() {
                Some("open") => true,
                Some("resolved") => {
                    let fixed = release["fixed_version"].as_str().unwrap();
                    let Ok(output) = std::process::Command::new("dpkg")
                        .args(["--compare-versions", &row[4], "lt", fixed])
                        .status()
                    else {
                        eprintln!("skipped: no dpkg on this machine");
                        return;
                    };
                    fixed != "0" && output.success()
                }
                _ => false,
            };
            if is_affected {
                expected.insert((row[0].clone(), id.clone()));
            }
        }
    }
    println!("{} findings in {} packages", got.len(), rows.len());
    assert_eq!(got, expected);
}

/// What a shard says: package, id, statement and ranges.
fn sayings(database: &Database, key: &str) -> BTreeSet<String> {
    let shard = database.shard(key);
    let mut found = BTreeSet::new();
    for package in shard.packages() {
        let package = package.unwrap();
        for affected in package.affected() {
            let affected = affected.unwrap();
            let advisory = shard.advisory(affected.advisory).unwrap();
            let ranges: Vec<_> = affected.ranges().map(|range| range.to_string()).collect();
            let statement = affected.statement.unwrap();
            found.insert(format!(
                "{} {} {statement:?} {}",
                package.name,
                advisory.id,
                ranges.join(" or ")
            ));
        }
    }
    found
}

/// Both databases were made of the same secdb, each by its own rules.
#[test]
fn whole_databases_say_of_alpine_what_its_secdb_says() {
    let files = ["main.json", "community.json"].map(|name| {
        let path = format!("alpine-secdb/v3.19/{name}");
        let file = lamina_testkit::shared(&format!("advisories/feeds/{path}"))?;
        Some((path, std::fs::read(file).unwrap()))
    });
    let [Some(main), Some(community)] = files else {
        return;
    };
    let direct = build(&[(&main.0, &main.1), (&community.0, &community.1)]);
    let direct = sayings(&direct, "alpine:3.19");
    let paths = [
        "trivy-db/db.tar.gz",
        "grype-db/v6/vulnerability-db_v6.1.9_2026-08-22T00:00:00Z_1787356800.tar.zst",
    ];
    for path in paths {
        let Some(database) = build_from(path) else {
            return;
        };
        let theirs = sayings(&database, "alpine:3.19");
        let missing = direct.difference(&theirs).count();
        let more: Vec<_> = theirs.difference(&direct).collect();
        println!(
            "{path}: {} of {}, {missing} not there, {more:?}",
            theirs.len(),
            direct.len()
        );
        assert!(
            theirs.len() > 7000 && missing < 100 && more.len() < 60,
            "{path}"
        );
        if path.starts_with("grype") {
            let source = &database.built.index.sources[0];
            assert_eq!(source.records, 64_267 + 315);
            assert_eq!(source.date.as_deref(), Some("2026-08-22T00:00:00+00:00"));
        }
    }
}
