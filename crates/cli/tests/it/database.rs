//! `lamina db` over real connections: builds from feeds at their production addresses, updates from
//! static files, registries and archives, and everything that is refused.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::Path,
    process::{Command, Output},
};

use lamina_advisories::{Index, ShardKind};
use lamina_image::digest::Digest;
use lamina_testkit::{FeedServer, layer};
use serde_json::json;
use tempfile::TempDir;

/// Runs the program; nothing of the environment's databases and keys counts.
pub(crate) fn lamina(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lamina"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LAMINA_") {
            command.env_remove(name);
        }
    }
    command.current_dir(folder).args(words).output().unwrap()
}

/// What it prints, and its exit status.
fn said(output: &Output) -> (String, String, Option<i32>) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        text(&output.stdout),
        text(&output.stderr),
        output.status.code(),
    )
}

#[track_caller]
fn succeeds(folder: &Path, words: &[&str]) -> String {
    let (out, err, code) = said(&lamina(folder, words));
    assert_eq!(code, Some(0), "{words:?}\n{out}\n{err}");
    out
}

#[track_caller]
fn fails(folder: &Path, words: &[&str], expect: &str) {
    let (out, err, code) = said(&lamina(folder, words));
    assert_eq!(code, Some(1), "{words:?}\n{out}\n{err}");
    assert!(
        err.contains(expect),
        "{words:?} says\n{err}\nnot {expect:?}"
    );
}

fn record(id: &str, package: &str, fixed: Option<&str>, summary: &str) -> serde_json::Value {
    let mut events = vec![json!({ "introduced": "0" })];
    events.extend(fixed.map(|version| json!({ "fixed": version })));
    json!({
        "schema_version": "1.6.0",
        "id": id,
        "modified": "2026-11-01T00:00:00Z",
        "summary": summary,
        "affected": [{
            "package": { "ecosystem": "PyPI", "name": package },
            "ranges": [{ "type": "ECOSYSTEM", "events": events }],
        }],
        "severity": [{
            "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        }],
    })
}

/// A Debian tracker with this package fixed, or open.
fn tracker(fixed: Option<&str>) -> String {
    let release = match fixed {
        Some(version) => {
            json!({ "status": "resolved", "fixed_version": version, "urgency": "high" })
        }
        None => json!({ "status": "open", "urgency": "high" }),
    };
    json!({ "curl": { "CVE-2099-1": {
        "description": "a hole", "releases": { "bookworm": release },
    } } })
    .to_string()
}

/// Feeds in `feeds/`, and a database of them in `db/`.
fn built(folder: &Path, records: &[serde_json::Value], curl: Option<&str>, more: &[&str]) {
    let _ = std::fs::remove_dir_all(folder.join("feeds"));
    std::fs::create_dir_all(folder.join("feeds/osv/PyPI")).unwrap();
    std::fs::create_dir_all(folder.join("feeds/debian")).unwrap();
    for record in records {
        let name = format!("feeds/osv/PyPI/{}.json", record["id"].as_str().unwrap());
        std::fs::write(folder.join(name), record.to_string()).unwrap();
    }
    std::fs::write(folder.join("feeds/debian/debian.json"), tracker(curl)).unwrap();
    let words = ["db", "build", "--from", "feeds"];
    succeeds(folder, &[&words, more].concat());
}

const DAY_1: &str = "2026-11-02T00:00:00Z";
const DAY_2: &str = "2026-11-03T00:00:00Z";

/// A folder with a key, and two signed databases, `one` and, a day later, `two`, in which only curl
/// changed.
fn two_databases() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    succeeds(path, &["db", "keygen", "--out", "lamina.key"]);
    let records = [record("PYSEC-2099-1", "django", Some("3.2.1"), "bad")];
    for (out, day, curl) in [("one", DAY_1, None), ("two", DAY_2, Some("7.88.1-10"))] {
        let more = ["--out", out, "--built-at", day, "--sign-with", "lamina.key"];
        built(path, &records, curl, &more);
    }
    folder
}

fn index(database: &Path) -> Index {
    Index::parse(&std::fs::read(database.join("index.json")).unwrap()).unwrap()
}

/// All files of a folder that are not hidden.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(folder)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !name.rsplit('/').next().unwrap().starts_with('.') {
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}

const SECDB: &str = "secdb.alpinelinux.org/edge/main.json";

fn secdb(fix: &str) -> Vec<u8> {
    json!({ "distroversion": "edge", "packages": [
        { "pkg": { "name": "busybox", "secfixes": { fix: ["CVE-2099-7"] } } },
    ] })
    .to_string()
    .into_bytes()
}

fn build_alpine(
    folder: &Path,
    server: &FeedServer,
    more: &[&str],
) -> (String, String, Option<i32>) {
    let origin = server.origin();
    let words = [
        "db",
        "build",
        "--feed",
        "alpine-secdb",
        "--mirror",
        &origin,
        "--cache",
        "cache",
        "--out",
        "db",
    ];
    said(&lamina(folder, &[&words, more].concat()))
}

#[test]
fn a_feed_is_fetched_once_and_asked_for_by_its_tag_after_that() {
    let folder = tempfile::tempdir().unwrap();
    let server = FeedServer::start();
    server.put(SECDB, &secdb("1.36.1-r2"));
    let (_, err, code) = build_alpine(folder.path(), &server, &[]);
    assert_eq!(code, Some(0), "{err}");
    let asked = server.log();
    assert!(
        asked
            .iter()
            .any(|line| line.starts_with(&format!("GET {SECDB} 200"))),
        "{asked:?}"
    );
    let found = succeeds(folder.path(), &["db", "lookup", "--db", "db", "CVE-2099-7"]);
    assert!(found.contains("1.36.1-r2"), "{found}");

    let (_, err, code) = build_alpine(folder.path(), &server, &[]);
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("fetched 0 B"), "{err}");
    let asked = server.log();
    assert!(
        asked
            .iter()
            .any(|line| line.starts_with(&format!("GET {SECDB} 304"))),
        "{asked:?}"
    );
}

#[test]
fn a_feed_that_fails_leaves_its_last_good_data_in_use_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let server = FeedServer::start();
    server.fail("secdb.alpinelinux.org/", 403);
    let (_, err, code) = build_alpine(folder.path(), &server, &[]);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("no database was written"), "{err}");
    assert!(!folder.path().join("db/index.json").exists());

    server.fail("secdb.alpinelinux.org/", 0);
    server.put(SECDB, &secdb("1.36.1-r2"));
    assert_eq!(build_alpine(folder.path(), &server, &[]).2, Some(0));
    let check_stale = |why: &str| {
        let (_, err, code) = build_alpine(folder.path(), &server, &[]);
        assert_eq!(code, Some(3), "{err}");
        assert!(
            err.contains("alpine-secdb is stale") && err.contains(why),
            "{err}"
        );
        let found = succeeds(folder.path(), &["db", "lookup", "--db", "db", "CVE-2099-7"]);
        assert!(found.contains("1.36.1-r2"), "{found}");
    };
    server.fail(SECDB, 403);
    check_stale("403");
    server.fail(SECDB, 0);
    server.put(SECDB, b"<html>we are sorry</html>");
    check_stale("not what it should be");
    server.remove(SECDB);
    check_stale("nothing at");
    server.put(SECDB, &secdb("1.36.1-r9"));
    let (_, err, code) = build_alpine(folder.path(), &server, &[]);
    assert_eq!(code, Some(0), "{err}");
    let found = succeeds(folder.path(), &["db", "lookup", "--db", "db", "CVE-2099-7"]);
    assert!(found.contains("1.36.1-r9"), "{found}");
}

#[test]
fn a_missing_feed_is_left_out_only_when_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let server = FeedServer::start();
    server.put(SECDB, &secdb("1.36.1-r2"));
    let (_, err, code) = build_alpine(folder.path(), &server, &["--feed", "debian"]);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("debian can neither be fetched"), "{err}");
    let more = ["--feed", "debian", "--allow-missing"];
    let (_, err, code) = build_alpine(folder.path(), &server, &more);
    assert_eq!(code, Some(3), "{err}");
    let sources: Vec<_> = index(&folder.path().join("db"))
        .sources
        .into_iter()
        .map(|s| s.id)
        .collect();
    assert_eq!(sources, ["alpine-secdb"]);
}

#[test]
fn a_transfer_that_breaks_off_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let server = FeedServer::start();
    let mut bytes = secdb("1.36.1-r2");
    bytes.extend(std::iter::repeat_n(b' ', 300_000));
    let size = bytes.len();
    server.put(SECDB, &bytes);
    server.break_once(SECDB, 100_000);
    let (_, err, code) = build_alpine(folder.path(), &server, &[]);
    assert_eq!(code, Some(0), "{err}");
    let asked: Vec<_> = server
        .log()
        .into_iter()
        .filter(|line| line.contains(SECDB))
        .collect();
    let expect = [
        format!("GET {SECDB} 200 {size}"),
        format!("GET {SECDB} 206 {}", size - 100_000),
    ];
    assert_eq!(asked, expect);
}

#[test]
fn what_changed_in_between_is_fetched_anew_and_not_glued_together() {
    let folder = tempfile::tempdir().unwrap();
    let server = FeedServer::start();
    let mut bytes = secdb("1.36.1-r2");
    bytes.extend(std::iter::repeat_n(b' ', 300_000));
    server.put(SECDB, &bytes);
    // What an earlier build began.
    let cache = folder.path().join("cache/alpine-secdb/edge");
    std::fs::create_dir_all(&cache).unwrap();
    std::fs::write(cache.join(".main.json.part"), &bytes[..1000]).unwrap();
    let state = json!({ "url": format!("https://{SECDB}"), "etag": "\"another\"" });
    std::fs::write(cache.join(".main.json.part.state"), state.to_string()).unwrap();
    let (_, err, code) = build_alpine(folder.path(), &server, &[]);
    assert_eq!(code, Some(0), "{err}");
    let asked: Vec<_> = server
        .log()
        .into_iter()
        .filter(|line| line.contains(SECDB))
        .collect();
    assert_eq!(asked, [format!("GET {SECDB} 200 {}", bytes.len())]);
    assert_eq!(std::fs::read(cache.join("main.json")).unwrap(), bytes);
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = FeedServer::start();
    server.put(SECDB, &secdb("1.36.1-r2"));
    server.fail("secdb.alpinelinux.org/edge/", 503);
    let (_, err, code) = build_alpine(folder.path(), &server, &[]);
    assert_eq!(code, Some(1), "{err}");
    let asked = server.log();
    assert_eq!(
        asked.iter().filter(|line| line.contains(SECDB)).count(),
        4,
        "{asked:?}"
    );
}

#[test]
fn what_is_compressed_on_its_way_is_inflated() {
    let folder = tempfile::tempdir().unwrap();
    let server = FeedServer::start();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&secdb("1.36.1-r2")).unwrap();
    server.put_encoded(SECDB, &gzip.finish().unwrap());
    let (_, err, code) = build_alpine(folder.path(), &server, &[]);
    assert_eq!(code, Some(0), "{err}");
    let cached = std::fs::read(folder.path().join("cache/alpine-secdb/edge/main.json")).unwrap();
    assert_eq!(cached, secdb("1.36.1-r2"));
}

#[test]
fn a_file_without_the_checksum_that_its_publisher_gives_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = FeedServer::start();
    let base = "nvd.nist.gov/feeds/json/cve/2.0/nvdcve-2.0-2020";
    let json = br#"{"vulnerabilities": []}"#;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(json).unwrap();
    server.put(&format!("{base}.json.gz"), &gzip.finish().unwrap());
    server.put(SECDB, &secdb("1.36.1-r2"));
    let digest = Digest::of(json);
    for (sha256, expect) in [("0".repeat(64), 1), (digest.hex().to_owned(), 0)] {
        server.put(
            &format!("{base}.meta"),
            format!("size:1\r\nsha256:{sha256}\r\n").as_bytes(),
        );
        let (_, err, code) = build_alpine(folder.path(), &server, &["--feed", "nvd"]);
        assert_eq!(code, Some(expect), "{err}");
        assert_eq!(
            err.contains("the publisher says 0000"),
            expect == 1,
            "{err}"
        );
    }
}

/// The shared feeds at their production addresses: what a build of every day does.
#[test]
fn a_whole_database_is_built_from_the_addresses_of_production() {
    let Some(feeds) = lamina_testkit::shared("advisories/feeds") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let server = FeedServer::start().with_feeds(&feeds);
    let origin = server.origin();
    let words = [
        "db",
        "build",
        "--mirror",
        &origin,
        "--cache",
        "cache",
        "--out",
        "db",
        "--built-at",
        "2026-11-23T00:00:00Z",
        "--allow-missing",
    ];
    let (out, err, code) = said(&lamina(folder.path(), &words));
    assert!(matches!(code, Some(0 | 3)), "{err}");
    let index = index(&folder.path().join("db"));
    let sources: Vec<_> = index
        .sources
        .iter()
        .map(|source| source.id.as_str())
        .collect();
    for id in ["osv", "debian", "alpine-secdb", "nvd"] {
        assert!(sources.contains(&id), "{sources:?}");
        let problem = [format!("{id} is incomplete"), format!("{id} is stale")];
        assert!(!problem.iter().any(|text| err.contains(text)), "{err}");
    }
    for key in ["debian:12", "alpine:3.19", "pypi", "rocky:9"] {
        assert!(index.match_shard(key).is_some(), "{key}\n{out}");
    }
    succeeds(folder.path(), &["db", "info", "db"]);
    let table = succeeds(folder.path(), &["db", "sources", "--db", "db"]);
    assert!(
        table.contains("alpine-secdb") && table.contains("CC-BY-SA-4.0"),
        "{table}"
    );
}

#[test]
fn a_database_is_taken_only_by_the_key_that_signed_it() {
    let folder = two_databases();
    let path = folder.path();
    let shown = succeeds(path, &["db", "verify", "one", "--key", "lamina.pub"]);
    assert!(
        shown.contains("signed by RW") && shown.contains("shards are whole"),
        "{shown}"
    );
    succeeds(path, &["db", "keygen", "--out", "other.key"]);
    fails(
        path,
        &["db", "verify", "one", "--key", "other.pub"],
        "another key",
    );
    succeeds(
        path,
        &[
            "db",
            "verify",
            "one",
            "--key",
            "other.pub",
            "--key",
            "lamina.pub",
        ],
    );
    fails(
        path,
        &["db", "verify", "one", "--key", "no-such-file"],
        "neither a minisign public key",
    );
    fails(
        path,
        &["db", "keygen", "--out", "lamina.key"],
        "there already",
    );

    let key = std::fs::read_to_string(path.join("lamina.pub")).unwrap();
    let key = key.lines().nth(1).unwrap();
    let lookup = ["db", "lookup", "--db", "one", "curl"];
    succeeds(path, &[&lookup[..], &["--db-key", key]].concat());
    fails(
        path,
        &[&lookup[..], &["--db-key", "other.pub"]].concat(),
        "is not trusted",
    );

    // A signature of another index, an index that was changed, and none at all.
    std::fs::copy(
        path.join("two/index.json.minisig"),
        path.join("one/index.json.minisig"),
    )
    .unwrap();
    fails(
        path,
        &["db", "verify", "one", "--key", key],
        "does not fit the index",
    );
    std::fs::write(path.join("one/index.json.minisig"), "untrusted").unwrap();
    fails(
        path,
        &["db", "verify", "one", "--key", key],
        "minisign's format",
    );
    std::fs::remove_file(path.join("one/index.json.minisig")).unwrap();
    fails(path, &["db", "verify", "one", "--key", key], "not signed");
    succeeds(path, &lookup);

    // A build without a key leaves no old signature behind.
    built(path, &[], None, &["--out", "two", "--built-at", DAY_2]);
    assert!(!path.join("two/index.json.minisig").exists());
}

#[test]
fn a_key_with_a_password_signs_only_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let run = |words: &[&str], password: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lamina"));
        command
            .current_dir(path)
            .args(words)
            .env("LAMINA_DB_PASSWORD", password);
        said(&command.output().unwrap())
    };
    assert_eq!(
        run(&["db", "keygen", "--out", "a.key"], "secret").2,
        Some(0)
    );
    built(path, &[], None, &["--out", "plain", "--built-at", DAY_1]);
    let build = [
        "db",
        "build",
        "--from",
        "feeds",
        "--out",
        "db",
        "--sign-with",
        "a.key",
    ];
    let (_, err, code) = run(&build, "");
    assert!(
        code == Some(1) && err.contains("LAMINA_DB_PASSWORD"),
        "{err}"
    );
    let (_, err, code) = run(&build, "wrong");
    assert!(
        code == Some(1) && err.contains("cannot use the secret key"),
        "{err}"
    );
    assert!(!path.join("db").join("index.json").exists());
    assert_eq!(run(&build, "secret").2, Some(0));
    succeeds(path, &["db", "verify", "db", "--key", "a.pub"]);
}

/// A server with the database `name` at `/db`.
fn publish(folder: &Path, server: &FeedServer, name: &str) {
    server.put_folder("db", &folder.join(name));
}

fn update<'a>(from: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let words = [
        "db",
        "update",
        "--from",
        from,
        "--db",
        "mine",
        "--db-key",
        "lamina.pub",
    ];
    [&words, more].concat()
}

#[test]
fn an_update_fetches_the_shards_that_changed_and_no_more() {
    let folder = two_databases();
    let path = folder.path();
    let server = FeedServer::start();
    let from = format!("{}/db", server.origin());
    publish(path, &server, "one");
    let shown = succeeds(path, &update(&from, &[]));
    assert!(shown.contains("mine updated"), "{shown}");
    assert_eq!(
        files(&path.join("mine")),
        without_skipped(&path.join("one"))
    );
    server.log();

    publish(path, &server, "two");
    // Where it came from is remembered.
    let words = ["db", "update", "--db", "mine", "--db-key", "lamina.pub"];
    let shown = succeeds(path, &words);
    let (one, two) = (index(&path.join("one")), index(&path.join("two")));
    let changed: Vec<_> = two
        .shards
        .iter()
        .filter(|shard| one.shards.iter().all(|old| old.digest != shard.digest))
        .collect();
    assert_eq!(changed.len(), 1, "{changed:?}");
    let asked: Vec<String> = server.log();
    // There is no list of known bases: it is asked for, and not missed.
    let expect: Vec<String> = ["index.json", "index.json.minisig", "bases.json"]
        .map(str::to_owned)
        .into_iter()
        .chain(changed.iter().map(|shard| shard.path()))
        .collect();
    let asked: Vec<&str> = asked
        .iter()
        .map(|line| line.split(' ').nth(1).unwrap())
        .collect();
    assert_eq!(
        asked,
        expect
            .iter()
            .map(|name| format!("db/{name}"))
            .collect::<Vec<_>>()
    );
    assert!(
        shown.contains("debian:12 match") && shown.contains("fetched 1 of"),
        "{shown}"
    );
    succeeds(path, &["db", "verify", "mine", "--key", "lamina.pub"]);

    let shown = succeeds(path, &words);
    assert!(
        shown.contains("is up to date") && shown.contains("fetched 0 of"),
        "{shown}"
    );
    // A shard that is damaged here is fetched again.
    std::fs::write(path.join("mine").join(changed[0].path()), "damaged").unwrap();
    succeeds(path, &words);
    succeeds(path, &["db", "verify", "mine", "--key", "lamina.pub"]);
}

fn without_skipped(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = files(folder);
    found.remove("skipped.tsv");
    found
}

#[test]
fn whatever_is_wrong_with_an_update_the_last_good_database_stays() {
    let folder = two_databases();
    let path = folder.path();
    let server = FeedServer::start();
    let from = format!("{}/db", server.origin());
    publish(path, &server, "one");
    succeeds(path, &update(&from, &[]));
    let good = files(&path.join("mine"));
    let check = |more: &[&str], expect: &str| {
        fails(path, &update(&from, more), expect);
        let now = files(&path.join("mine"));
        assert_eq!(now.get("index.json"), good.get("index.json"), "{expect}");
        succeeds(path, &["db", "verify", "mine", "--key", "lamina.pub"]);
    };
    let changed = {
        let one = index(&path.join("one"));
        let two = index(&path.join("two"));
        let is_new = |path: &String| one.shards.iter().all(|old| old.path() != *path);
        two.shards
            .iter()
            .map(lamina_advisories::ShardEntry::path)
            .find(is_new)
            .unwrap()
    };
    let shard = std::fs::read(path.join("two").join(&changed)).unwrap();
    publish(path, &server, "two");

    let mut corrupt = shard.clone();
    let middle = corrupt.len() / 2;
    corrupt[middle] ^= 1;
    server.put(&format!("db/{changed}"), &corrupt);
    check(&[], "has digest");
    server.put(&format!("db/{changed}"), &shard[..shard.len() - 1]);
    check(&[], "stored bytes");
    server.put(&format!("db/{changed}"), &[shard.as_slice(), b"x"].concat());
    check(&[], "longer than");
    server.remove(&format!("db/{changed}"));
    check(&[], "is not there");
    server.put(&format!("db/{changed}"), &shard);
    server.fail("db/shards", 403);
    check(&[], "403");
    server.fail("db/shards", 0);

    let index = std::fs::read(path.join("two/index.json")).unwrap();
    let signature = std::fs::read(path.join("two/index.json.minisig")).unwrap();
    server.put("db/index.json", &[index.as_slice(), b" "].concat());
    check(&[], "does not fit the index");
    server.put("db/index.json", &index[..index.len() / 2]);
    check(&[], "does not fit the index");
    server.put("db/index.json", &vec![b' '; (16 << 20) + 1]);
    check(&[], "longer than");
    server.put("db/index.json", &index);
    server.put(
        "db/index.json.minisig",
        &std::fs::read(path.join("one/index.json.minisig")).unwrap(),
    );
    check(&[], "does not fit the index");
    server.put("db/index.json.minisig", &vec![b'x'; 10_000]);
    check(&[], "longer than");
    server.remove("db/index.json.minisig");
    check(&[], "not signed");
    server.put("db/index.json.minisig", &signature);
    succeeds(path, &["db", "keygen", "--out", "other.key"]);
    let (_, err, code) = said(&lamina(
        path,
        &["db", "update", "--db", "mine", "--db-key", "other.pub"],
    ));
    assert!(code == Some(1) && err.contains("another key"), "{err}");
    let (_, err, code) = said(&lamina(path, &["db", "update", "--db", "mine"]));
    assert!(
        code == Some(1) && err.contains("--insecure-unsigned"),
        "{err}"
    );

    server.remove("db/index.json");
    check(&[], "there is no index.json");
    publish(path, &server, "two");
    succeeds(path, &update(&from, &[]));
    assert_eq!(files(&path.join("mine")).get("index.json"), Some(&index));
}

#[test]
fn an_index_that_is_older_than_the_one_held_is_refused() {
    let folder = two_databases();
    let path = folder.path();
    let server = FeedServer::start();
    let from = format!("{}/db", server.origin());
    publish(path, &server, "two");
    succeeds(path, &update(&from, &[]));
    publish(path, &server, "one");
    fails(path, &update(&from, &[]), "before the one that is here");
    assert_eq!(index(&path.join("mine")).built_at, DAY_2);
    succeeds(path, &update(&from, &["--allow-rollback"]));
    assert_eq!(index(&path.join("mine")).built_at, DAY_1);
}

/// A signed index that says what it likes of its only shard.
fn publish_shard(path: &Path, server: &FeedServer, stored: &[u8], change: &dyn Fn(&mut Index)) {
    let digest = Digest::of(stored);
    let mut index = Index {
        format: 1,
        name: "evil".to_owned(),
        built_at: DAY_2.to_owned(),
        sources: Vec::new(),
        shards: vec![lamina_advisories::ShardEntry {
            key: "debian:12".to_owned(),
            kind: ShardKind::Match,
            digest: digest.clone(),
            size: stored.len() as u64,
            uncompressed_size: 1000,
            records: 1,
            packages: 1,
            source: String::new(),
            source_date: None,
            first: None,
        }],
    };
    change(&mut index);
    let json = index.to_json();
    server.put("db/index.json", json.as_bytes());
    server.put(&format!("db/shards/sha256/{}", digest.hex()), stored);
    // Signed as it should be: a key that was stolen, or a builder that went wrong.
    let text = std::fs::read_to_string(path.join("lamina.key")).unwrap();
    let secret = minisign::SecretKeyBox::from_string(&text).unwrap();
    let secret = secret.into_unencrypted_secret_key().unwrap();
    let signature = minisign::sign(None, &secret, json.as_bytes(), None, None).unwrap();
    server.put("db/index.json.minisig", signature.to_string().as_bytes());
}

#[test]
fn what_is_signed_and_still_hostile_is_refused() {
    let folder = two_databases();
    let path = folder.path();
    let server = FeedServer::start();
    let from = format!("{}/db", server.origin());
    publish(path, &server, "one");
    succeeds(path, &update(&from, &[]));
    let check = |stored: &[u8], change: &dyn Fn(&mut Index), expect: &str| {
        publish_shard(path, &server, stored, change);
        fails(path, &update(&from, &[]), expect);
        assert_eq!(index(&path.join("mine")).built_at, DAY_1);
        succeeds(path, &["db", "verify", "mine", "--key", "lamina.pub"]);
    };
    // 300 MB of zeros in 300 KB.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..300 {
        bomb.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    check(&bomb, &|_| {}, "more than 1000");
    check(
        &bomb,
        &|index| index.shards[0].uncompressed_size = 256 << 20,
        "more than 268435456",
    );
    check(
        &bomb,
        &|index| index.shards[0].uncompressed_size = 1 << 40,
        "larger than a shard may be",
    );
    check(b"no gzip", &|_| {}, "cannot be inflated");
    let many = |index: &mut Index| {
        let first = index.shards[0].clone();
        index.shards = (0..20_001)
            .map(|number| lamina_advisories::ShardEntry {
                key: format!("k:{number}"),
                ..first.clone()
            })
            .collect();
    };
    check(b"x", &many, "names 20001 shards");
    check(b"x", &|index| index.format = 2, "format 2 is not supported");
    check(
        b"x",
        &|index| index.shards[0].key = "../x".to_owned(),
        "its key is not one",
    );
    check(
        b"x",
        &|index| index.built_at = "2199-01-01T00:00:00Z".to_owned(),
        "yet to come",
    );
    let huge = |index: &mut Index| {
        let first = index.shards[0].clone();
        index.shards = (0..100)
            .map(|number| lamina_advisories::ShardEntry {
                key: format!("k:{number}"),
                size: 64 << 20,
                digest: Digest::of(&[number]),
                ..first.clone()
            })
            .collect();
    };
    check(b"x", &huge, "bytes of shards, more than");
}

#[test]
fn a_database_travels_in_one_file() {
    let folder = two_databases();
    let path = folder.path();
    succeeds(
        path,
        &[
            "db",
            "export",
            "one",
            "--out",
            "one.tar",
            "--db-key",
            "lamina.pub",
        ],
    );
    succeeds(path, &["db", "export", "one", "--out", "again.tar"]);
    let archive = std::fs::read(path.join("one.tar")).unwrap();
    assert_eq!(archive, std::fs::read(path.join("again.tar")).unwrap());
    let shown = succeeds(path, &["db", "info", "one.tar", "--db-key", "lamina.pub"]);
    assert!(shown.contains("signed by"), "{shown}");
    let found = succeeds(
        path,
        &["db", "lookup", "--db", "one.tar", "pkg:deb/debian/curl"],
    );
    assert!(found.contains("CVE-2099-1"), "{found}");

    succeeds(path, &update("one.tar", &[]));
    assert_eq!(
        files(&path.join("mine")),
        without_skipped(&path.join("one"))
    );
    std::fs::write(path.join("half.tar"), &archive[..archive.len() / 2]).unwrap();
    let (_, err, code) = said(&lamina(
        path,
        &["db", "update", "--from", "half.tar", "--db", "new"],
    ));
    assert_eq!(code, Some(1), "{err}");
    assert!(!path.join("new/index.json").exists());
    std::fs::write(path.join("no.tar"), "no archive").unwrap();
    fails(
        path,
        &["db", "update", "--from", "no.tar", "--db", "new"],
        "no archive of a database",
    );
    fails(
        path,
        &["db", "export", "no-such-folder", "--out", "x.tar"],
        "no advisory database",
    );
}

#[test]
fn two_databases_are_compared_by_what_they_say() {
    let folder = two_databases();
    let path = folder.path();
    let text = succeeds(path, &["db", "diff", "one", "two", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["shards"].as_array().unwrap().len(), 1);
    assert_eq!(json["shards"][0]["shard"], "debian:12");
    let change = &json["shards"][0]["changes"][0];
    assert_eq!(
        (&change["kind"], &change["id"]),
        (&json!("fixed"), &json!("CVE-2099-1"))
    );
    assert_eq!(change["after"]["affected"], json!([">= 0, < 7.88.1-10"]));
    let table = succeeds(path, &["db", "diff", "two", "one"]);
    assert!(table.contains("changed    CVE-2099-1"), "{table}");
    let table = succeeds(path, &["db", "diff", "one", "one"]);
    assert!(table.contains("nothing changed"), "{table}");
}

#[test]
fn feeds_are_listed_with_their_licences() {
    let folder = tempfile::tempdir().unwrap();
    let table = succeeds(folder.path(), &["db", "sources"]);
    for feed in lamina_feeds::FEEDS {
        assert!(
            table.contains(feed.id()) && table.contains(feed.licence()),
            "{table}"
        );
        if let Some(reason) = feed.reserved() {
            assert!(table.contains(reason), "{table}");
        }
    }
}

#[test]
fn a_scan_takes_only_a_database_that_is_signed_and_says_that_it_is_old() {
    let folder = two_databases();
    let path = folder.path();
    let base = layer()
        .file("etc/os-release", "ID=debian\nVERSION_ID=12\n")
        .tar();
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "rootfs": { "type": "layers", "diff_ids": [Digest::of(&base).to_string()] },
    });
    let manifest = json!([{ "Config": "c.json", "RepoTags": ["x:1"], "Layers": ["0.tar"] }]);
    let archive = layer()
        .file("manifest.json", manifest.to_string())
        .file("c.json", config.to_string())
        .file("0.tar", base);
    std::fs::write(path.join("image.tar"), archive.tar()).unwrap();
    succeeds(path, &["db", "keygen", "--out", "other.key"]);
    let scan = ["scan", "image.tar", "--format", "json", "--db"];
    fails(
        path,
        &[&scan[..], &["one", "--db-key", "other.pub"]].concat(),
        "is not trusted",
    );
    built(
        path,
        &[],
        None,
        &[
            "--out",
            "old",
            "--built-at",
            "2020-01-01T00:00:00Z",
            "--sign-with",
            "lamina.key",
        ],
    );
    succeeds(path, &["db", "export", "old", "--out", "old.tar"]);
    for database in ["old", "old.tar"] {
        let words = [&scan[..], &[database, "--db-key", "lamina.pub"]].concat();
        let (_, err, code) = said(&lamina(path, &words));
        assert_eq!(code, Some(0), "{err}");
        assert!(err.contains("newer vulnerabilities are not in it"), "{err}");
    }
}

#[test]
fn a_server_serves_only_a_database_that_is_signed() {
    let folder = two_databases();
    let path = folder.path();
    std::fs::remove_file(path.join("one/index.json.minisig")).unwrap();
    let words = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--db",
        "one",
        "--db-key",
        "lamina.pub",
    ];
    fails(path, &words, "not signed");
}
