//! `index.json`: what is refused, and which shard is found.

use lamina_advisories::{Index, ShardKind, limits};

fn index(shards: &str) -> String {
    format!(
        r#"{{"format":1,"name":"demo","built_at":"2026-11-23T00:00:00Z","sources":[],"shards":[{shards}],"more":1}}"#
    )
}

fn entry(key: &str, more: &str) -> String {
    let digest = "a".repeat(64);
    format!(
        r#"{{"key":"{key}","digest":"sha256:{digest}","size":10,"uncompressed_size":20,"records":1{more}}}"#
    )
}

#[test]
fn what_is_no_index_is_refused() {
    let check = |json: &str, expect: &str| {
        let error = Index::parse(json.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expect), "{json}: {error}");
    };
    let ok = r#","kind":"match""#;
    check("", "index cannot be read");
    check("<html>", "index cannot be read");
    check("{}", "index cannot be read");
    check(r#"{"format":2}"#, "index format 2 is not supported");
    check(&index(&entry("", ok)), "its key is not one");
    check(&index(&entry("a/b", ok)), "its key is not one");
    check(&index(&entry("../x", ok)), "its key is not one");
    check(&index(&entry(&"k".repeat(121), ok)), "its key is not one");
    check(&index(&entry("x", r#","kind":7"#)), "index cannot be read");
    check(
        &index(&format!("{},{}", entry("x", ok), entry("x", ok))),
        "it is there twice",
    );
    check(
        &index(&entry("x", ok).replace("20", "999999999999")),
        "larger than a shard may be",
    );
    check(
        &index(&entry("x", ok).replace("sha256:a", "sha256:../")),
        "index cannot be read",
    );
    let later = Index::parse(index(&entry("x", r#","kind":"other""#)).as_bytes()).unwrap();
    assert_eq!(later.shards[0].kind, ShardKind::Unknown);
    assert!(later.match_shard("x").is_none());
    let huge = " ".repeat(limits::MAX_INDEX_BYTES + 1);
    check(&huge, "more than");
    let many = vec![entry("x", ok); limits::MAX_SHARDS + 1].join(",");
    check(&index(&many), "more than 20000");
}

#[test]
fn an_index_reads_back_what_it_writes() {
    let index = Index::parse(index(&entry("debian:12", r#","kind":"match""#)).as_bytes()).unwrap();
    assert_eq!(Index::parse(index.to_json().as_bytes()).unwrap(), index);
    let path = format!("shards/sha256/{}", "a".repeat(64));
    assert_eq!(index.shards[0].path(), path);
}

#[test]
fn prose_is_found_in_the_part_that_begins_before_it() {
    let part = |first: &str| entry("debian", &format!(r#","kind":"prose","first":"{first}""#));
    let parts = [part("CVE-2020-1"), part("CVE-2022-1"), part("CVE-2021-1")];
    let index = Index::parse(index(&parts.join(",")).as_bytes()).unwrap();
    let check = |record: &str, expect: Option<&str>| {
        let found = index.prose_shard("debian:12", record);
        assert_eq!(
            found.and_then(|entry| entry.first.as_deref()),
            expect,
            "{record}"
        );
        assert!(found.is_none_or(|entry| entry.kind == ShardKind::Prose));
    };
    check("CVE-2019-9", None);
    check("CVE-2020-1", Some("CVE-2020-1"));
    check("CVE-2021-0", Some("CVE-2020-1"));
    check("CVE-2021-9", Some("CVE-2021-1"));
    check("TEMP-1", Some("CVE-2022-1"));
    assert!(index.prose_shard("pypi", "CVE-2021-9").is_none());
    assert!(index.match_shard("debian").is_none());
}
