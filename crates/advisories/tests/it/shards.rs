//! The shard format: what is written is read, and hostile bytes are refused.

use std::collections::BTreeMap;

use lamina_advisories::{
    Shard, ShardEntry, ShardError, ShardKind, limits,
    shard::{
        prose::{Prose, prose_key},
        writer::{compress, write_prose},
    },
};
use lamina_image::digest::Digest;
use proptest::prelude::*;

use crate::support::{shard, shard_bytes, stored};

const LINES: &str = "
    curl    | CVE-2024-1 |        | debian:low                                    | [,7.88-2)
    curl    | CVE-2024-2 | GHSA-2 | nvd:CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H | [1,2); [3,4]; [5,; =0.1
    openssl | CVE-2024-1 |        | debian:low                                    | [,3.0>
    openssl | CVE-2024-3=DSA-1-1 |  |                                             | never
";

#[test]
fn a_shard_reads_back_what_was_written() {
    let shard = shard("debian:12", "dpkg", LINES);
    let mut text = String::new();
    for package in shard.packages() {
        let package = package.unwrap();
        for affected in package.affected() {
            let affected = affected.unwrap();
            let advisory = shard.advisory(affected.advisory).unwrap();
            let ranges: Vec<_> = affected.ranges().map(|range| range.to_string()).collect();
            let versions: Vec<_> = affected.versions().collect();
            let aliases: Vec<_> = advisory.aliases().collect();
            let ratings: Vec<_> = advisory
                .ratings()
                .map(|rating| format!("{} {}", rating.severity.word(), rating.describe()))
                .collect();
            text.push_str(&format!(
                "{} {} {} {aliases:?} {ratings:?} {:?} {ranges:?} {versions:?}\n",
                package.name,
                advisory.id,
                advisory.record,
                affected.statement.unwrap()
            ));
        }
    }
    assert_eq!(
        text,
        r#"curl CVE-2024-1 CVE-2024-1 [] ["low debian"] Affected [">= 0, < 7.88-2"] []
curl CVE-2024-2 CVE-2024-2 ["GHSA-2"] ["critical nvd, CVSS 3.1"] Affected [">= 1, < 2", ">= 3, <= 4", ">= 5"] ["0.1"]
openssl CVE-2024-1 CVE-2024-1 [] ["low debian"] Affected [">= 0, < 3.0"] []
openssl CVE-2024-3 DSA-1-1 [] [] NotAffected [] []
"#
    );
    let meta = shard.meta();
    assert_eq!((meta.records, meta.packages), (3, 2));
    assert_eq!(meta.order, "dpkg");
    assert_eq!(meta.source_date.as_deref(), Some("2026-01-02T00:00:00Z"));
    assert_eq!(meta.sources[0].records, 3);
    assert!(shard.package("openssl").unwrap().is_some());
    assert!(shard.package("zlib").unwrap().is_none());
    assert!(shard.package("").unwrap().is_none());
    assert!(shard.advisory(3).is_err());
    assert!(shard.advisory(u32::MAX).is_err());
}

#[test]
fn the_order_of_adding_does_not_change_a_byte() {
    let mut lines: Vec<&str> = LINES.lines().collect();
    let forth = shard_bytes("debian:12", "dpkg", LINES);
    lines.reverse();
    assert_eq!(forth, shard_bytes("debian:12", "dpkg", &lines.join("\n")));
    assert_eq!(compress(&forth), compress(&forth));
}

#[test]
fn every_package_and_advisory_of_a_large_shard_is_found() {
    let lines: Vec<String> = (0..1000)
        .map(|n| format!("package-{n} | CVE-2024-{n} | | | [,{n})"))
        .collect();
    let shard = shard("debian:12", "dpkg", &lines.join("\n"));
    for n in 0..1000 {
        let package = shard.package(&format!("package-{n}")).unwrap().unwrap();
        let affected = package.affected().next().unwrap().unwrap();
        let advisory = shard.advisory(affected.advisory).unwrap();
        assert_eq!(advisory.id, format!("CVE-2024-{n}"));
    }
}

#[test]
fn an_empty_shard_is_a_shard() {
    let shard = shard("debian:12", "dpkg", "");
    assert!(shard.package("x").unwrap().is_none());
    assert_eq!(shard.packages().count(), 0);
}

#[test]
fn a_stored_shard_must_be_what_the_index_says() {
    let bytes = shard_bytes("debian:12", "dpkg", LINES);
    let (entry, good) = stored("debian:12", &bytes);
    assert!(Shard::from_stored(&good, &entry).is_ok());

    let check = |stored: &[u8], entry: ShardEntry, expect: &str| {
        let error = Shard::from_stored(stored, &entry).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    };
    check(&good[1..], entry.clone(), "stored bytes, the index says");
    let mut changed = good.clone();
    changed[20] ^= 1;
    check(&changed, entry.clone(), "has digest sha256:");
    let other = ShardEntry {
        key: "debian:11".to_owned(),
        ..entry.clone()
    };
    check(
        &good,
        other,
        r#"says that it is "match debian:12", the index says "match debian:11""#,
    );
    let other = ShardEntry {
        kind: ShardKind::Prose,
        ..entry.clone()
    };
    check(&good, other, "the index says \"prose debian:12\"");
    let smaller = ShardEntry {
        uncompressed_size: entry.uncompressed_size - 1,
        ..entry.clone()
    };
    check(&good, smaller, "bytes, more than");
    let larger = ShardEntry {
        uncompressed_size: entry.uncompressed_size + 1,
        ..entry
    };
    check(&good, larger, "bytes, the index says");
}

#[test]
fn a_bomb_is_not_inflated() {
    let bomb = compress(&vec![0; 32 << 20]);
    let entry = ShardEntry {
        digest: Digest::of(&bomb),
        size: bomb.len() as u64,
        uncompressed_size: 1000,
        ..stored("x", b"").0
    };
    assert!(matches!(
        Shard::from_stored(&bomb, &entry),
        Err(ShardError::Limit {
            what: "bytes",
            limit: 1000,
            ..
        })
    ));
}

#[test]
fn a_header_that_breaks_the_format_is_refused() {
    let good = shard_bytes("debian:12", "dpkg", LINES);
    let check = |change: &dyn Fn(&mut Vec<u8>), expect: &str| {
        let mut bytes = good.clone();
        change(&mut bytes);
        let error = Shard::open(bytes).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    };
    check(&|bytes| bytes.clear(), "no shard");
    check(&|bytes| bytes[0] = b'X', "no shard");
    check(&|bytes| bytes[8] = 2, "shard format 2 is not supported");
    check(&|bytes| bytes.truncate(14), "no shard");
    check(&|bytes| bytes[12..16].fill(0xff), "sections, more than 64");
    check(&|bytes| bytes.truncate(100), "out of bounds");
    // The second section takes the number of the first.
    check(&|bytes| bytes[28] = 1, "section 1");
    // The metadata take the number of a section that nobody knows.
    check(&|bytes| bytes[16] = 60, "section 1");
    check(&|bytes| bytes[20..28].fill(0xff), "out of bounds");
}

#[test]
fn sections_of_later_versions_are_passed_over() {
    let mut bytes = shard_bytes("debian:12", "dpkg", "");
    // The last section, which is empty, becomes one of the future.
    let last = 16 + 4 * 12;
    bytes[last..last + 4].copy_from_slice(&77_u32.to_le_bytes());
    assert!(Shard::open(bytes).is_ok());
}

#[test]
fn prose_is_found_by_record() {
    let entries: BTreeMap<String, Prose> = (0..100)
        .map(|n| {
            let prose = Prose {
                summary: format!("summary {n}"),
                details: "details\n".repeat(n),
                references: vec!["https://example.org/".to_owned(); n % 3],
            };
            (format!("CVE-{n}"), prose)
        })
        .collect();
    let (bytes, meta) = write_prose("pypi", None, &entries).unwrap();
    assert_eq!(meta.records, 100);
    let shard = Shard::open(bytes).unwrap();
    for (id, prose) in &entries {
        assert_eq!(shard.prose(id).unwrap().as_ref(), Some(prose));
    }
    assert_eq!(shard.prose("CVE-x").unwrap(), None);
    assert_eq!(prose_key("debian:12"), "debian");
    assert_eq!(prose_key("ubuntu-pro:18.04"), "ubuntu");
    assert_eq!(prose_key("pypi"), "pypi");
}

/// Reads everything there is in a shard. It may be broken; it must not panic, nor take for ever.
fn read_all(bytes: Vec<u8>) {
    let Ok(shard) = Shard::open(bytes) else {
        return;
    };
    let _ = shard.package("curl");
    let _ = shard.prose("CVE-1");
    for package in shard.packages().take(1000) {
        let Ok(package) = package else { break };
        for affected in package.affected().take(1000) {
            let Ok(affected) = affected else { break };
            let _ = affected.ranges().count() + affected.versions().count();
            if let Ok(advisory) = shard.advisory(affected.advisory) {
                let _ = advisory.aliases().count() + advisory.ratings().count();
            }
        }
    }
}

#[test]
fn mutated_shards_never_panic() {
    let good = shard_bytes("debian:12", "dpkg", LINES);
    let length = good.len();
    proptest!(ProptestConfig::with_cases(20_000), |(
        changes in prop::collection::vec((0..length, any::<u8>()), 1..8),
        cut in prop::option::of(0..length),
    )| {
        let mut bytes = good.clone();
        for (position, byte) in changes {
            bytes[position] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut);
        }
        read_all(bytes);
    });
    // Each byte of header and records once, with the values that break most.
    for position in 0..length {
        for byte in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[position] = byte;
            read_all(bytes);
        }
    }
}

#[test]
fn a_promise_of_more_than_the_limit_is_refused_in_the_index_already() {
    assert!(
        limits::MAX_SHARD_BYTES < u64::from(u32::MAX),
        "offsets have 32 bits"
    );
}
