//! The journey of an image, whole.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

use lamina_advisories::{
    index::{Index, ShardEntry, ShardKind},
    record::{Advisory, Affected, RangeEnd, VersionRange},
    shard::{
        Shard,
        writer::{MatchWriter, compress},
    },
};
use lamina_image::{config::ImageConfig, digest::Digest, layer::LayerExpectation};
use lamina_report::model::{Report, Status};
use lamina_scan::{
    archive::{ArchiveJob, DocumentRole},
    join::Joined,
    layer::LayerJob,
    matching::{self, Asked},
    plan::{Found, Plan},
};
use lamina_testkit::{gzip, layer};

const NOW: &str = "2026-11-24T00:00:00Z";
const OS_RELEASE: &str = "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n";

fn status(packages: &[(&str, &str)]) -> String {
    packages
        .iter()
        .map(|(name, version)| {
            format!(
                "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\n\
                 Version: {version}\n\n"
            )
        })
        .collect()
}

/// A base, then an upgrade that rewrites `status`, then Python.
fn layers() -> Vec<Vec<u8>> {
    vec![
        layer()
            .file("etc/os-release", OS_RELEASE)
            .file(
                "var/lib/dpkg/status",
                status(&[("bash", "5.2-1"), ("openssl", "3.0.1-1")]),
            )
            .tar(),
        layer()
            .file(
                "var/lib/dpkg/status",
                status(&[("bash", "5.2-1"), ("openssl", "3.0.2-1")]),
            )
            .tar(),
        layer()
            .file(
                "usr/lib/python3/site-packages/Django-3.2.dist-info/METADATA",
                "Metadata-Version: 2.1\nName: Django\nVersion: 3.2\n\n",
            )
            .whiteout("etc/hostname")
            .tar(),
    ]
}

/// `docker save` of an image whose config names `layers`; the archive holds `blobs`.
fn docker_archive(layers: &[Vec<u8>], blobs: &[Vec<u8>]) -> Vec<u8> {
    let diff_ids: Vec<String> = layers
        .iter()
        .map(|layer| Digest::of(layer).to_string())
        .collect();
    let history: Vec<_> = (0..layers.len())
        .map(|number| serde_json::json!({ "created_by": format!("RUN step {number}") }))
        .collect();
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": { "User": "app" },
        "rootfs": { "type": "layers", "diff_ids": diff_ids }, "history": history,
    });
    let names: Vec<String> = (0..blobs.len())
        .map(|number| format!("{number}/layer.tar"))
        .collect();
    let manifest = serde_json::json!([
        { "Config": "config.json", "RepoTags": ["shop:1.0"], "Layers": names }
    ]);
    let mut archive = layer()
        .file("manifest.json", manifest.to_string())
        .file("config.json", config.to_string());
    for (name, blob) in names.iter().zip(blobs) {
        archive = archive.file(name, blob);
    }
    archive.tar()
}

fn joined(archive: &[u8]) -> Joined {
    let mut job = ArchiveJob::new();
    for chunk in archive.chunks(1000) {
        if !job.feed(chunk) {
            break;
        }
    }
    let (plan, layers) = job.finish("shop.tar", None, None).unwrap();
    Joined::new(plan, layers)
}

fn shard(key: &str, order: &str, rows: &[(&str, &str, &str)]) -> (ShardEntry, Vec<u8>) {
    let mut writer = MatchWriter::new(key, order);
    let source = writer.source("test", None);
    for (package, id, fixed) in rows {
        let advisory = Advisory {
            id: (*id).to_owned(),
            record: (*id).to_owned(),
            source,
            ..Advisory::default()
        };
        let end = match *fixed {
            "" => RangeEnd::Never,
            fixed => RangeEnd::Fixed(fixed.to_owned()),
        };
        let affected = Affected {
            ranges: vec![VersionRange {
                introduced: None,
                end,
            }],
            ..Affected::default()
        };
        writer.add(package, advisory, affected);
    }
    let (bytes, meta) = writer.finish().unwrap();
    let stored = compress(&bytes);
    let entry = ShardEntry {
        key: key.to_owned(),
        kind: ShardKind::Match,
        digest: Digest::of(&stored),
        size: stored.len() as u64,
        uncompressed_size: bytes.len() as u64,
        records: meta.records.into(),
        packages: meta.packages.into(),
        source: "test".to_owned(),
        source_date: None,
        first: None,
    };
    (entry, stored)
}

fn report(joined: &Joined) -> Report {
    let stored = [
        shard(
            "debian:12",
            "dpkg",
            &[
                ("openssl", "CVE-2024-1", "3.0.2-1"),
                ("openssl", "CVE-2024-2", "3.0.3-1"),
                ("bash", "CVE-2024-3", ""),
            ],
        ),
        shard("pypi", "pep440", &[("django", "CVE-2024-4", "3.2.1")]),
    ];
    let index = Index {
        format: lamina_advisories::index::FORMAT,
        name: "test".to_owned(),
        built_at: NOW.to_owned(),
        sources: Vec::new(),
        shards: stored.iter().map(|(entry, _)| entry.clone()).collect(),
    };
    let mut report = joined.report(NOW);
    let needs = matching::needs(&report, &index);
    let shards: Vec<Shard> = needs
        .shards
        .iter()
        .map(|needed| {
            let (entry, bytes) = stored
                .iter()
                .find(|(entry, _)| entry.key == needed.key)
                .unwrap();
            Shard::from_stored(bytes, entry).unwrap()
        })
        .collect();
    let asked = Asked {
        index: &index,
        index_digest: "sha256:0",
        needs: &needs,
        shards: &shards,
        failed: &[],
    };
    matching::match_report(&mut report, asked);
    report
}

fn findings(report: &Report) -> Vec<String> {
    report
        .findings
        .iter()
        .map(|finding| {
            let package = &report.packages[finding.package];
            format!(
                "{} {} {} in layer {}",
                finding.id, package.name, package.version, package.layer
            )
        })
        .collect()
}

#[test]
fn an_archive_becomes_a_report_with_layers_packages_and_findings() {
    let layers = layers();
    let blobs = vec![layers[0].clone(), gzip(&layers[1]), layers[2].clone()];
    let report = report(&joined(&docker_archive(&layers, &blobs)));

    assert_eq!(report.warnings, []);
    assert_eq!(report.image.platform, "linux/amd64");
    assert_eq!(report.image.config.user, "app");
    assert_eq!(report.distribution.as_ref().unwrap().id, "debian");
    assert_eq!(
        findings(&report),
        [
            "CVE-2024-2 openssl 3.0.2-1 in layer 1",
            "CVE-2024-3 bash 5.2-1 in layer 0",
            "CVE-2024-4 Django 3.2 in layer 2",
        ]
    );
    assert_eq!(report.findings[0].status, Status::Fixed);
    assert_eq!(report.findings[0].fixed_in, ["3.0.3-1"]);
    assert_eq!(report.findings[1].status, Status::Affected);
    assert_eq!(report.findings[2].evidence.range, ">= 0, < 3.2.1");

    let figures: Vec<_> = report
        .layers
        .iter()
        .map(|layer| {
            (
                layer.created_by.as_str(),
                layer.packages_added,
                layer.files_changed,
            )
        })
        .collect();
    assert_eq!(
        figures,
        [
            ("RUN step 0", 1, 0),
            ("RUN step 1", 1, 1),
            ("RUN step 2", 1, 0)
        ]
    );
    assert!(
        report.layers[0].wasted_bytes > 0,
        "the old status is wasted"
    );
    let chain_ids: Vec<_> = report.layers.iter().map(|layer| &layer.chain_id).collect();
    assert_eq!(chain_ids[0], &report.layers[0].diff_id);
    assert_ne!(chain_ids[1], &report.layers[1].diff_id);
}

#[test]
fn a_layer_that_is_cut_off_is_named_and_the_rest_of_the_report_stands() {
    let layers = layers();
    let mut damaged = gzip(&layers[2]);
    damaged.truncate(damaged.len() / 2);
    let blobs = vec![layers[0].clone(), layers[1].clone(), damaged];
    let report = report(&joined(&docker_archive(&layers, &blobs)));

    let error = report.layers[2].error.as_deref().unwrap();
    assert!(error.contains("ends early"), "{error}");
    assert!(
        report
            .warnings
            .iter()
            .any(|warning| warning.layer == Some(2)),
        "{:?}",
        report.warnings
    );
    assert!(findings(&report).contains(&"CVE-2024-2 openssl 3.0.2-1 in layer 1".to_owned()));
}

#[test]
fn a_layer_that_is_read_again_completes_the_report() {
    let layers = layers();
    let mut damaged = gzip(&layers[2]);
    damaged.truncate(damaged.len() / 2);
    let blobs = vec![layers[0].clone(), layers[1].clone(), damaged];
    let cut_off = joined(&docker_archive(&layers, &blobs));
    let mut job = LayerJob::new(LayerExpectation::default());
    job.feed(&gzip(&layers[2]));
    let completed = report(&cut_off.with_layer(2, job.finish()));
    let whole = report(&joined(&docker_archive(&layers, &layers)));
    assert_eq!(findings(&completed), findings(&whole));
    assert_eq!(completed.layers[2].error, None);
    assert_eq!(completed.warnings, whole.warnings);

    // There is no such layer: nothing changes.
    let same = joined(&docker_archive(&layers, &layers));
    let job = LayerJob::new(LayerExpectation::default());
    assert_eq!(report(&same.with_layer(9, job.finish())), whole);
}

#[test]
fn the_documents_of_an_archive_are_told_as_they_lie_there() {
    let layers = layers();
    let archive = docker_archive(&layers, &layers);
    let mut job = ArchiveJob::new();
    job.feed(&archive);
    let (_, _, places) = job.finish_placed("shop.tar", None, None).unwrap();
    let told: Vec<_> = places
        .documents
        .iter()
        .map(|document| (document.role, document.member.to_string()))
        .collect();
    assert_eq!(
        told,
        [
            (DocumentRole::List, "manifest.json".to_owned()),
            (DocumentRole::Config, "config.json".to_owned()),
        ]
    );
    let list = std::str::from_utf8(&places.documents[0].bytes).unwrap();
    assert!(list.contains("\"shop:1.0\""), "{list}");
}

#[test]
fn a_layer_that_is_not_what_the_config_names_is_told_by_both_digests() {
    let layers = layers();
    let mut blobs = layers.clone();
    blobs[1] = layer().file("etc/other", "x").tar();
    let report = report(&joined(&docker_archive(&layers, &blobs)));
    let error = report.layers[1].error.as_deref().unwrap();
    assert!(error.contains(Digest::of(&layers[1]).hex()), "{error}");
    assert!(error.contains(Digest::of(&blobs[1]).hex()), "{error}");
}

#[test]
fn a_bomb_ends_soon_and_says_which_limit() {
    // 3 GiB of zeros in 3 MB: what the tar says is one file of a tebibyte.
    let mut tar = layer().file("zeros", []).tar();
    tar.truncate(512);
    let size = b"\x80\0\0\0\0\0\x01\0\0\0\0\0";
    tar[124..136].copy_from_slice(size);
    tar[148..156].copy_from_slice(b"        ");
    let sum: u32 = tar.iter().map(|byte| u32::from(*byte)).sum();
    tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let zeros = gzip(&vec![0; 64 << 20]);
    let mut job = LayerJob::new(LayerExpectation::default());
    assert!(job.feed(&gzip(&tar)));
    let mut members = 0;
    while job.feed(&zeros) {
        members += 1;
        assert!(members < 1200, "64 GiB went through");
    }
    let result = job.finish();
    let error = result.error.unwrap();
    assert!(error.contains("more than"), "{error}");
}

#[test]
fn without_a_database_there_are_packages_and_no_findings() {
    let layers = layers();
    let report = joined(&docker_archive(&layers, &layers)).report(NOW);
    assert_eq!(report.packages.len(), 3);
    assert_eq!(report.findings, []);
    assert!(report.database.is_none());
}

#[test]
fn two_scans_of_an_archive_give_the_same_report() {
    let layers = layers();
    let archive = docker_archive(&layers, &layers);
    assert_eq!(report(&joined(&archive)), report(&joined(&archive)));
}

#[test]
fn no_secret_of_the_config_is_in_the_report() {
    // Put together here, so that it is none in this file.
    let token = ["ghp_", "x7Kq2mZp9RtW4vBn", "8LsD3fGh6JyC1aEu5oQi"].concat();
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux",
        "config": {
            "Env": [format!("GITHUB_TOKEN={token}")],
            "Entrypoint": ["sh", "-c", format!("GITHUB_TOKEN={token} exec job")],
            "Cmd": [format!("--header=Authorization: token {token}")],
            "Labels": {"DB_PASSWORD": "correct-horse-battery", "org.example.note": token},
            "Healthcheck": {"Test": ["CMD-SHELL", format!("GITHUB_TOKEN={token} check")]},
        },
        "rootfs": {"type": "layers", "diff_ids": []},
        "history": [{"created_by": format!("RUN GITHUB_TOKEN={token} make"), "empty_layer": true,
                     "comment": format!("GITHUB_TOKEN={token}")}],
    });
    let config = ImageConfig::parse(config.to_string().as_bytes()).unwrap();
    let plan = Plan::new(Found::default(), None, Vec::new(), &config);
    let report = Joined::new(plan, Vec::new()).report(NOW);
    let text = serde_json::to_string(&report).unwrap();
    for secret in [token.as_str(), "correct-horse-battery"] {
        assert!(!text.contains(secret), "{text}");
    }
    // What is around them is still there.
    for part in [
        "GITHUB_TOKEN=",
        "exec job",
        "DB_PASSWORD",
        "CMD-SHELL",
        "--header=Authorization",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!report.issues.is_empty());
}
