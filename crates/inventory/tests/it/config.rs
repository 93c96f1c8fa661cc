//! Bases and misconfigurations of real images.

use lamina_image::{config::ImageConfig, tree::MergedTree};
use lamina_inventory::{
    analysis::LayerAnalysis,
    base::{Base, BaseView, find_base},
    config::{ConfigIssue, ConfigView, Cx, check, end_of_life::RELEASES},
    merge::merge,
};
use lamina_testkit::shared;

use crate::support::archive;

struct Read {
    config: ImageConfig,
    layers: Vec<LayerAnalysis>,
}

fn read(path: &str) -> Option<Read> {
    let path = shared(path)?;
    let (contents, mut layers) = archive(&path).unwrap();
    Some(Read {
        config: contents.images[0].config.clone(),
        layers: layers.remove(0),
    })
}

fn base(read: &Read) -> Option<Base> {
    find_base(&BaseView::of(&read.config, read.layers.len(), []))
}

fn issues(read: &Read, now: &str) -> Vec<ConfigIssue> {
    let layers: Vec<&LayerAnalysis> = read.layers.iter().collect();
    let tree = MergedTree::merge(&layers.iter().map(|layer| &layer.tree).collect::<Vec<_>>());
    let inventory = merge(&layers, &tree);
    let config = ConfigView::of(&read.config, read.layers.len());
    check(Cx {
        config: &config,
        tree: &tree,
        inventory: &inventory,
        now,
    })
}

fn lines(issues: &[ConfigIssue]) -> Vec<String> {
    let line = |issue: &ConfigIssue| {
        let layer = issue
            .layer
            .map_or("-".to_owned(), |layer| layer.to_string());
        let place = match (&issue.file, issue.config) {
            (Some(file), _) => file.to_string(),
            (None, config) => config.unwrap_or_default().to_owned(),
        };
        let excerpt = issue.excerpt.as_deref().unwrap_or_default();
        format!(
            "{} {} {layer} {place}: {excerpt}",
            issue.severity.word(),
            issue.rule
        )
    };
    issues.iter().map(line).collect()
}

/// Layers of the base of each image, and how many it has; read in the histories by hand. Archives
/// that were trimmed to fewer layers than their history has tell nothing of the lowest.
const BASES: &[(&str, Option<usize>, usize)] = &[
    ("built/alpine-poly.oci.tar", Some(1), 8),
    ("built/debian-slim.zstd.oci.tar", Some(1), 6),
    ("built/many-layers.oci.tar", Some(1), 127),
    ("built/edge.oci.tar", None, 4),
    ("built/syft-pkg-coverage.oci.tar", None, 3),
    ("real/dive/test-docker-image.tar", Some(1), 14),
    ("real/dive/test-kaniko-image.tar", Some(1), 14),
    ("real/trivy/alpine-310.tar.gz", None, 1),
    (
        "real/snyk/docker-archives/skopeo-copy/node-removed.tar",
        Some(1),
        3,
    ),
    (
        "real/snyk/docker-archives/docker-save/dockergoof.tar",
        Some(3),
        4,
    ),
    (
        "real/snyk/docker-archives/docker-save/hello-world.tar",
        None,
        1,
    ),
    ("real/snyk/oci-archives/busybox-1.31.1.tar", None, 1),
    ("real/snyk/oci-archives/nginx.tar", None, 4),
];

#[test]
fn the_history_tells_where_the_base_ends() {
    for (image, layers, all) in BASES {
        let Some(read) = read(&format!("fixtures/images/{image}")) else {
            return;
        };
        assert_eq!(read.layers.len(), *all, "{image}");
        assert_eq!(base(&read).map(|base| base.layers), *layers, "{image}");
    }
}

/// Two images of one archive: the second is built on `node`, which is built on `alpine`.
#[test]
fn the_newest_base_is_told() {
    let Some(path) = shared("fixtures/images/real/container-inspector/repos/images.tar.gz") else {
        return;
    };
    let (contents, layers) = archive(&path).unwrap();
    let found: Vec<Option<usize>> = contents
        .images
        .iter()
        .zip(layers)
        .map(|(image, layers)| {
            let config = image.config.clone();
            base(&Read { config, layers }).map(|base| base.layers)
        })
        .collect();
    assert_eq!(found, [None, Some(4)]);
}

#[test]
fn what_is_wrong_with_real_images() {
    let check = |image: &str, expect: &[&str]| {
        if let Some(read) = read(&format!("fixtures/images/{image}")) {
            assert_eq!(
                lines(&issues(&read, "2026-11-25T00:00:00Z")),
                expect,
                "{image}"
            );
        }
    };
    check(
        "built/debian-slim.zstd.oci.tar",
        &[
            "medium end-of-life-distribution 0 usr/lib/os-release: Debian GNU/Linux 12 (bookworm) had \
             regular updates until 2026-07-11, and has extended ones until 2028-06-30",
            "medium secret-in-build-argument - Env: SECRET_KEY=…",
            "negligible package-manager-present 0 usr/bin/apt: usr/bin/apt, usr/bin/apt-get",
            "negligible setgid-file 0 usr/bin/chage: usr/bin/chage, usr/bin/expiry, usr/sbin/unix_chkpwd",
            "negligible setuid-file 0 usr/bin/chfn: usr/bin/chfn, usr/bin/chsh, usr/bin/gpasswd, \
             usr/bin/mount, usr/bin/newgrp and 3 more",
            "negligible shell-present 0 usr/bin/bash: usr/bin/bash, usr/bin/dash, usr/bin/sh",
        ],
    );
    check(
        "real/trivy/alpine-310.tar.gz",
        &[
            "high end-of-life-distribution 0 etc/os-release: Alpine Linux v3.10 had updates until 2021-05-01",
            "medium root-user - User: no user is set",
            "negligible package-manager-present 0 sbin/apk: sbin/apk",
            "negligible shell-present 0 bin/ash: bin/ash, bin/busybox, bin/sh",
        ],
    );
    check(
        "real/snyk/oci-archives/nginx.tar",
        &[
            "medium root-user - User: no user is set",
            "low privileged-port - ExposedPorts: 80/tcp",
            "negligible missing-healthcheck - Healthcheck: no health check is set",
        ],
    );
    check(
        "real/container-inspector/image/windows-mini-image.tar.gz",
        &[],
    );
}

/// A stored copy of endoflife.date's answers.
#[test]
fn dates_are_those_of_endoflife_date() {
    let Some(folder) = shared("advisories/feeds/eol") else {
        return;
    };
    let mut compared = 0;
    for release in RELEASES {
        let product = match release.id {
            "alpine" => "alpine-linux",
            "rocky" => "rocky-linux",
            "ol" => "oracle-linux",
            "amzn" => "amazon-linux",
            "opensuse-leap" => "opensuse",
            id => id,
        };
        let text = std::fs::read(folder.join(format!("{product}.json"))).unwrap();
        let cycles: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let cycles = cycles.as_array().unwrap();
        let cycle = cycles
            .iter()
            .find(|cycle| cycle["cycle"] == release.version);
        let cycle = cycle.unwrap_or_else(|| panic!("{release:?}"));
        assert_eq!(cycle["eol"], release.end, "{release:?}");
        if let Some(end) = release.extended_end {
            assert_eq!(cycle["extendedSupport"], end, "{release:?}");
        }
        compared += 1;
    }
    println!("{compared} releases");
    assert!(compared > 100);
}
