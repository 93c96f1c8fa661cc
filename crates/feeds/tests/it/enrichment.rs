//! What feeds say about CVEs and releases without being advisories: EPSS, KEV, endoflife.date.

use lamina_advisories::Shard;
use lamina_feeds::Builder;

use crate::support::{Database, NOW, build, read, zip};

const RECORD: &str = r#"{"id":"PYSEC-1","aliases":["CVE-2024-1"],"modified":"2025-01-01T00:00:00Z",
    "affected":[{"package":{"ecosystem":"PyPI","name":"a"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}]}]}"#;

const EPSS: &str = "#model_version:v2025.03.14,score_date:2026-08-16T12:00:00Z
cve,epss,percentile
CVE-2024-1,0.25000,0.75000
CVE-2024-2,none,0.5
";

const OLD_EPSS: &str = "#model_version:v2025.03.14,score_date:2026-08-15T12:00:00Z
cve,epss,percentile
CVE-2024-1,0.10000,0.20000
";

const KEV: &str = r#"{"catalogVersion":"2026.08.07","dateReleased":"2026-08-07T16:45:47.0648Z","count":2,"vulnerabilities":[
    {"cveID":"CVE-2024-1","dateAdded":"2024-02-01","dueDate":"2024-02-22","knownRansomwareCampaignUse":"Known"},
    {"cveID":"CVE-2024-3"}]}"#;

fn scores(database: &Database) -> (Option<f64>, Option<String>) {
    let entry = database.built.index.scores_shard("pypi").unwrap();
    let scores = Shard::from_stored(&database.files[&entry.path()], entry).unwrap();
    (
        scores.epss(0).map(|epss| epss.score.value()),
        scores.exploited(0).map(|exploited| {
            format!(
                "{} {:?} {}",
                exploited.added,
                exploited.due.map(|due| due.to_string()),
                exploited.by_ransomware
            )
        }),
    )
}

#[test]
fn scores_and_exploitation_are_those_of_the_newest_files() {
    let osv = zip(&[("PYSEC-1.json", RECORD)]);
    let files = [
        ("PyPI/all.zip", osv.as_slice()),
        ("epss_scores-2026-08-15.csv", OLD_EPSS.as_bytes()),
        ("epss_scores-current.csv", EPSS.as_bytes()),
        ("known_exploited_vulnerabilities.json", KEV.as_bytes()),
    ];
    for is_reversed in [false, true] {
        let mut files = files;
        if is_reversed {
            files.reverse();
        }
        let database = build(&files);
        let (score, exploited) = scores(&database);
        assert!((score.unwrap() - 0.25).abs() < 0.0001, "{score:?}");
        assert_eq!(
            exploited.as_deref(),
            Some(r#"2024-02-01 Some("2024-02-22") true"#)
        );
        let sources = &database.built.index.sources;
        let epss = sources.iter().find(|source| source.id == "epss").unwrap();
        assert_eq!(epss.date.as_deref(), Some("2026-08-16T12:00:00Z"));
        assert!(database.skipped().contains(&("unreadable: row", 1)));
        assert!(database.skipped().contains(&("unreadable: entry", 1)));
    }
}

#[test]
fn both_apis_of_endoflife_give_products_and_the_newer_is_heard() {
    let old = br#"[{"cycle":"12","codename":"Bookworm","eol":"2026-07-11","support":true},{"eol":false}]"#;
    let new = br#"{"schema_version":"1.2.0","generated_at":"2026-08-20T00:00:00Z","total":1,"result":[
        {"name":"debian","label":"Debian","releases":[{"name":"12","isEol":true,"eolFrom":"2026-07-10"}]},
        {"label":"no name"}]}"#;
    for files in [
        [("eol/debian.json", &old[..]), ("api/v1/products/full", new)],
        [("api/v1/products/full", new), ("eol/debian.json", &old[..])],
    ] {
        let database = build(&files);
        let entry = database.built.index.lifecycle_shard().unwrap();
        let shard = Shard::from_stored(&database.files[&entry.path()], entry).unwrap();
        let products = shard.lifecycles().unwrap();
        let texts: Vec<String> = products
            .iter()
            .map(|product| {
                let ends = product.releases[0].ends.as_deref().unwrap_or_default();
                format!("{} {} {ends}", product.name, product.label)
            })
            .collect();
        assert_eq!(texts, ["debian Debian 2026-07-10"]);
        assert_eq!(
            database.skipped(),
            [("unreadable: product", 1), ("unreadable: release", 1)]
        );
    }
}

#[test]
fn what_is_no_file_of_these_feeds_is_refused() {
    for (path, content) in [
        ("epss_scores-current.csv", "<html>"),
        ("epss_scores-current.csv", ""),
        ("known_exploited_vulnerabilities.json", "{}"),
        ("eol/debian.json", "{}"),
        ("eol/debian.json", "\"text\""),
        ("api/v1/products/full", r#"{"result":1}"#),
    ] {
        let mut builder = Builder::new(NOW);
        assert!(
            read(&mut builder, path, content.as_bytes()).is_err(),
            "{path} {content}"
        );
    }
}

#[test]
fn the_real_files_are_read_whole() {
    let mut builder = Builder::new(NOW);
    for path in [
        "epss/epss_scores-current.csv.gz",
        "kev/known_exploited_vulnerabilities.json",
        "eol/debian.json",
        "eol/rhel.json",
    ] {
        let Some(file) = lamina_testkit::shared(&format!("advisories/feeds/{path}")) else {
            return;
        };
        read(&mut builder, path, &std::fs::read(file).unwrap()).unwrap();
    }
    let built = builder
        .finish("test", |_, _| Ok::<(), std::convert::Infallible>(()))
        .unwrap();
    let counts: Vec<(&str, u64, u64)> = built
        .index
        .sources
        .iter()
        .map(|source| (source.id.as_str(), source.records, source.skipped))
        .collect();
    assert_eq!(
        counts,
        [
            ("epss", 360_142, 0),
            ("kev", 1_662, 0),
            ("endoflife", 25, 0)
        ]
    );
}
