//! rpm databases: real ones give exactly what rpm itself lists, and damaged ones no more.

use std::{collections::BTreeSet, fs, path::Path};

use lamina_image::path::LayerPath;
use lamina_inventory::{
    analyser::{Analyser as _, ClaimedFile},
    facts::{Facts, PackageFact},
    kinds::rpm::Rpm,
};
use lamina_testkit::shared;

use crate::support::inventories;

/// A database, where it would lie, and what `rpm -qa` lists in it.
const DATABASES: &[(&str, &str, &str)] = &[
    (
        "rpmdb/built-bdb-mariner/Packages",
        "var/lib/rpm/Packages",
        "built-bdb-mariner.tsv",
    ),
    (
        "rpmdb/go-rpmdb/cbl-mariner-2.0/rpmdb.sqlite",
        "var/lib/rpm/rpmdb.sqlite",
        "go-rpmdb_cbl-mariner-2.0_rpmdb.sqlite.tsv",
    ),
    (
        "rpmdb/go-rpmdb/libuuid/Packages",
        "var/lib/rpm/Packages",
        "go-rpmdb_libuuid_Packages.tsv",
    ),
    (
        "rpmdb/rpm-upstream/rpmdb.sqlite",
        "usr/lib/sysimage/rpm/rpmdb.sqlite",
        "rpm-upstream_rpmdb.sqlite.tsv",
    ),
    (
        "rpmdb/scalibr/Packages_epoch",
        "var/lib/rpm/Packages",
        "scalibr_Packages_epoch.tsv",
    ),
];

fn read(path: &str, bytes: &[u8]) -> Facts {
    let path = LayerPath::from(path);
    let mut facts = Facts::default();
    let file = ClaimedFile { path: &path, bytes };
    Rpm.analyse(file, &mut facts);
    facts
}

type Row = Vec<String>;

/// `rpm -qa` by name, epoch, version, release, architecture, source, vendor and licence; keys are no
/// packages.
fn listed(list: &Path) -> BTreeSet<Row> {
    let text = fs::read_to_string(list).unwrap();
    let rows = text.lines().map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let epoch = match cells[1] {
            "0" => String::new(),
            epoch => format!("{epoch}:"),
        };
        vec![
            cells[0].to_owned(),
            format!("{epoch}{}-{}", cells[2], cells[3]),
            cells[4].to_owned(),
            cells[5].to_owned(),
            cells[6].to_owned(),
            cells[7].to_owned(),
        ]
    });
    let rows: BTreeSet<Row> = rows.collect();
    assert!(!rows.is_empty());
    rows
}

fn row(fact: &PackageFact) -> Row {
    let or_none = |value: Option<&str>| value.unwrap_or("(none)").to_owned();
    let source = fact.source.as_ref();
    let source = source.map(|source| format!("{}-{}.src.rpm", source.name, source.version));
    vec![
        fact.name.clone(),
        fact.version.clone(),
        or_none(fact.architecture.as_deref()),
        or_none(source.as_deref()),
        or_none(fact.detail_of("vendor")),
        or_none(fact.licence.as_deref()),
    ]
}

#[test]
fn databases_give_exactly_what_rpm_lists() {
    let Some(fixtures) = shared("fixtures") else {
        return;
    };
    for (database, path, list) in DATABASES {
        let bytes = fs::read(fixtures.join(database)).unwrap();
        let facts = read(path, &bytes);
        assert_eq!(facts.warnings, [], "{database}");
        let found: BTreeSet<Row> = facts.packages.iter().map(row).collect();
        let expected = listed(&fixtures.join("expected/rpmdb").join(list));
        println!(
            "{database}: expected {}, found {}",
            expected.len(),
            found.len()
        );
        assert_eq!(found, expected, "{database}");
        assert_eq!(found.len(), facts.packages.len(), "{database}");
        // The place that is told is where it is.
        for package in &facts.packages {
            assert!(package.evidence.is_some(), "{package:?}");
        }
    }
}

#[test]
fn images_give_exactly_what_rpm_lists() {
    let Some(fixtures) = shared("fixtures") else {
        return;
    };
    for (image, list, file, distribution) in [
        (
            "rpm-al2023-bdb",
            "built-bdb-al2023.tsv",
            "var/lib/rpm/Packages",
            "amzn",
        ),
        (
            "rpm-mariner2-sqlite",
            "go-rpmdb_cbl-mariner-2.0_rpmdb.sqlite.tsv",
            "var/lib/rpm/rpmdb.sqlite",
            "mariner",
        ),
    ] {
        let archive = fixtures.join(format!("images/built/{image}.oci.tar"));
        let inventory = inventories(&archive).unwrap().swap_remove(0);
        assert_eq!(inventory.warnings, [], "{image}");
        let found: BTreeSet<Row> = inventory.packages.iter().map(|p| row(&p.fact)).collect();
        let expected = listed(&fixtures.join("expected/rpmdb").join(list));
        println!(
            "{image}: expected {}, found {}",
            expected.len(),
            found.len()
        );
        assert_eq!(found, expected, "{image}");
        let prefix = format!("pkg:rpm/{distribution}/");
        for package in &inventory.packages {
            assert_eq!(package.fact.file.to_string(), file);
            assert!(package.purl.starts_with(&prefix), "{}", package.purl);
        }
    }
}

/// What `rpm -qal` lists (rpm 4.18), in the same order.
#[test]
fn file_lists_are_those_of_rpm() {
    let Some(fixtures) = shared("fixtures") else {
        return;
    };
    let files = |database: &str, path: &str| -> Vec<String> {
        let facts = read(path, &fs::read(fixtures.join(database)).unwrap());
        let files = facts.owned.iter().flat_map(|owned| &owned.files);
        files.map(|file| format!("/{file}")).collect()
    };
    assert_eq!(
        files("rpmdb/go-rpmdb/libuuid/Packages", "var/lib/rpm/Packages"),
        [
            "/usr/lib/.build-id",
            "/usr/lib/.build-id/df/ef6a880adac817216ab9866779a0725e017647",
            "/usr/lib64/libuuid.so.1",
            "/usr/lib64/libuuid.so.1.3.0",
            "/usr/share/licenses/libuuid",
            "/usr/share/licenses/libuuid/COPYING",
            "/usr/share/licenses/libuuid/COPYING.BSD-3",
        ]
    );
    assert_eq!(
        files("rpmdb/scalibr/Packages_epoch", "var/lib/rpm/Packages"),
        ["/usr/bin/hello.sh"]
    );
    // The same headers in two databases.
    let mut sqlite = files(
        "rpmdb/go-rpmdb/cbl-mariner-2.0/rpmdb.sqlite",
        "var/lib/rpm/rpmdb.sqlite",
    );
    let mut bdb = files("rpmdb/built-bdb-mariner/Packages", "var/lib/rpm/Packages");
    assert_eq!(sqlite.len(), 7_269);
    sqlite.sort();
    bdb.sort();
    assert_eq!(sqlite, bdb);
}

/// Debian's `rpm` cannot read NDB: the values were compared with those that a few lines of Python find.
#[test]
fn the_ndb_of_snyk_is_read() {
    let Some(fixtures) = shared("fixtures") else {
        return;
    };
    let bytes = fs::read(fixtures.join("rpmdb/snyk/Packages.db")).unwrap();
    let facts = read("usr/lib/sysimage/rpm/Packages.db", &bytes);
    assert_eq!(facts.warnings, []);
    let found: Vec<Row> = facts.packages.iter().map(row).collect();
    let found: Vec<&str> = found.iter().flatten().map(String::as_str).collect();
    let vendor = "SUSE LLC <https://www.suse.com/>";
    let expected = [
        [
            "system-user-root",
            "20190513-3.3.1",
            "noarch",
            "system-user-root-20190513-3.3.1.src.rpm",
            vendor,
            "MIT",
        ],
        [
            "filesystem",
            "15.0-11.8.1",
            "x86_64",
            "filesystem-15.0-11.8.1.src.rpm",
            vendor,
            "MIT",
        ],
        [
            "glibc",
            "2.31-150300.63.1",
            "x86_64",
            "glibc-2.31-150300.63.1.src.rpm",
            vendor,
            "LGPL-2.1-or-later AND LGPL-2.1-or-later WITH GCC-exception-2.0 AND GPL-2.0-or-later",
        ],
    ];
    assert_eq!(found, expected.as_flattened());
    let files = facts.owned.iter().map(|owned| owned.files.iter().count());
    assert_eq!(files.collect::<Vec<_>>(), [1, 789, 67]);
}

/// Damages what real programs wrote, over and over, by a fixed course.
#[test]
fn damaged_databases_end_and_state_no_more_than_there_is_room_for() {
    let Some(fixtures) = shared("fixtures") else {
        return;
    };
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    for (database, path) in [
        ("rpmdb/scalibr/Packages_epoch", "var/lib/rpm/Packages"),
        ("rpmdb/go-rpmdb/libuuid/Packages", "var/lib/rpm/Packages"),
        ("rpmdb/snyk/Packages.db", "var/lib/rpm/Packages.db"),
        (
            "rpmdb/rpm-upstream/rpmdb.sqlite",
            "var/lib/rpm/rpmdb.sqlite",
        ),
    ] {
        let original = fs::read(fixtures.join(database)).unwrap();
        for round in 0..300 {
            let mut bytes = original.clone();
            for _ in 0..=next(20) {
                // Half of them where the structure is.
                let at = next(if round % 2 == 0 { bytes.len() } else { 4096 });
                bytes[at] ^= 1 << next(8);
            }
            if round % 5 == 0 {
                bytes.truncate(next(original.len()));
            }
            let facts = read(path, &bytes);
            assert!(facts.packages.len() <= bytes.len() / 16, "{database}");
            let owned = facts.owned.iter().map(|owned| owned.files.memory_bytes());
            assert!(owned.sum::<usize>() <= 8 * bytes.len(), "{database}");
        }
    }
}
