//! Prints a share link's fragment for a made-up report, to look at the report page without a scan:
//! `cargo run --example fixture_link -- 3000 > link.txt`, then open `http://…/#r=<link>`.
//! The argument is the number of findings.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a tool for developing the page"
)]

use lamina_inventory::{facts::PackageKind, severity::Severity};
use lamina_policy::Policy;
use lamina_report::{
    link::{self, SharedReport},
    model::{
        Database, Distribution, Evidence, FORMAT, Finding, HistoryStep, Image, Layer, Package,
        Report, ReportWarning, RunConfig, ShardUse, Status,
    },
};

const STEPS: &[(&str, u64, u64)] = &[
    (
        "/bin/sh -c #(nop) ADD file:0eae0dca665c7044bf242cb1fc92cb8ea744f5af2dd376a558c90bc47349aefe in / ",
        29_150_000,
        88,
    ),
    ("/bin/sh -c #(nop)  CMD [\"bash\"]", 0, 0),
    ("ENV LANG=C.UTF-8", 0, 0),
    ("ENV PYTHON_VERSION=3.11.4", 0, 0),
    (
        "RUN /bin/sh -c set -eux; apt-get update; apt-get install -y --no-install-recommends ca-certificates curl git libpq5 openssl python3 python3-pip; rm -rf /var/lib/apt/lists/* # buildkit",
        68_400_000,
        41,
    ),
    ("WORKDIR /srv/shop", 97, 0),
    ("COPY requirements.txt . # buildkit", 412, 0),
    (
        "RUN /bin/sh -c pip install --no-cache-dir -r requirements.txt # buildkit",
        31_220_000,
        23,
    ),
    ("COPY . /srv/shop # buildkit", 1_940_000, 0),
    (
        "RUN /bin/sh -c apt-get update && apt-get install -y --only-upgrade libssl3 && apt-get purge -y git # buildkit",
        8_120_000,
        2,
    ),
    ("ENV PYTHONUNBUFFERED=1", 0, 0),
    ("EXPOSE map[8000/tcp:{}]", 0, 0),
    ("USER shop", 0, 0),
    (
        "CMD [\"gunicorn\" \"--bind\" \"0.0.0.0:8000\" \"shop.wsgi\"]",
        0,
        0,
    ),
];

const DEBS: &[(&str, &str, &str)] = &[
    ("openssl", "3.0.9-1", "openssl"),
    ("libssl3", "3.0.9-1", "openssl"),
    ("curl", "7.88.1-10", "curl"),
    ("libcurl4", "7.88.1-10", "curl"),
    ("git", "1:2.39.2-1.1", "git"),
    ("libc6", "2.36-9", "glibc"),
    ("libwebp7", "1.2.4-0.2", "libwebp"),
    ("zlib1g", "1:1.2.13.dfsg-1", "zlib"),
    ("libexpat1", "2.5.0-1", "expat"),
    ("perl-base", "5.36.0-7", "perl"),
    ("libsystemd0", "252.6-1", "systemd"),
    ("libgnutls30", "3.7.9-2", "gnutls28"),
    ("libnghttp2-14", "1.52.0-1", "nghttp2"),
    ("openssh-client", "1:9.2p1-2", "openssh"),
    ("python3.11-minimal", "3.11.2-6", "python3.11"),
    ("tar", "1.34+dfsg-1.2", "tar"),
];

const PIPS: &[(&str, &str)] = &[
    ("Django", "3.2.11"),
    ("Jinja2", "3.0.3"),
    ("requests", "2.27.1"),
    ("urllib3", "1.26.8"),
    ("Pillow", "9.0.0"),
    ("gunicorn", "20.1.0"),
    ("cryptography", "36.0.1"),
];

const TITLES: &[&str] = &[
    "Heap-based buffer overflow in the SOCKS5 proxy handshake",
    "Excessive time spent checking invalid RSA public keys",
    "Use after free when a malformed name constraint is processed",
    "SQL injection in QuerySet.explain() through dictionary expansion",
    "Path traversal through crafted archive member names",
    "Integer overflow leads to an out-of-bounds write in the lossless decoder",
    "Cookies are sent to the wrong host after a cross-origin redirect",
    "Denial of service by a flood of reset streams (rapid reset)",
];

fn main() {
    let wanted: usize = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(52);
    let mut layers = Vec::new();
    let mut history = Vec::new();
    for (created_by, size, packages) in STEPS {
        let layer = (*size > 0).then_some(layers.len());
        history.push(HistoryStep {
            created_by: (*created_by).to_owned(),
            created: Some("2023-06-20T09:12:40Z".to_owned()),
            comment: None,
            layer,
        });
        if let Some(index) = layer {
            layers.push(Layer {
                digest: Some(format!(
                    "sha256:{:064x}",
                    0x1234_5678_9abc_u64 * (index as u64 + 7)
                )),
                diff_id: format!("sha256:{:064x}", 0x0fed_cba9_8765_u64 * (index as u64 + 3)),
                compressed_size: *size,
                uncompressed_size: size * 3,
                created_by: (*created_by).to_owned(),
                files_added: size / 9_000 + 1,
                packages_added: *packages,
                packages_removed: if index == 6 { 1 } else { 0 },
                wasted_bytes: if index == 1 { 9_800_000 } else { 0 },
                error: (wanted == 7 && index == 3)
                    .then(|| "the gzip stream ends after 12 MB".to_owned()),
                ..Layer::default()
            });
        }
    }
    let mut packages: Vec<Package> = Vec::new();
    let many = (wanted / 10).max(DEBS.len());
    for n in 0..many {
        let (name, version, source) = DEBS[n % DEBS.len()];
        let name = if n < DEBS.len() {
            name.to_owned()
        } else {
            format!("{name}-{n}")
        };
        packages.push(Package {
            purl: format!("pkg:deb/debian/{name}@{version}?arch=amd64&distro=debian-12"),
            architecture: Some("amd64".to_owned()),
            source: Some((source.to_owned(), version.to_owned())),
            licence: (n % 3 != 0).then(|| "GPL-2+".to_owned()),
            layer: if n == 1 { 6 } else { usize::from(n % 3 == 0) },
            file: "var/lib/dpkg/status".to_owned(),
            file_layer: 6,
            lines: u32::try_from(n).ok().map(|n| (1 + n * 22, 21 + n * 22)),
            removed_in: (n == 4).then_some(6),
            files: Some(12),
            ..Package::new(PackageKind::Deb, &name, version)
        });
    }
    for (name, version) in PIPS {
        packages.push(Package {
            purl: format!("pkg:pypi/{}@{version}", name.to_lowercase()),
            licence: Some("BSD-3-Clause".to_owned()),
            layer: 4,
            file: format!(
                "usr/local/lib/python3.11/site-packages/{name}-{version}.dist-info/METADATA"
            ),
            file_layer: 4,
            ..Package::new(PackageKind::Pypi, name, version)
        });
    }
    let mut findings: Vec<Finding> = (0..wanted)
        .map(|n| {
            let package = (n * 7 + n / 5) % packages.len();
            let severity = [
                Severity::Critical,
                Severity::High,
                Severity::High,
                Severity::Medium,
                Severity::Medium,
                Severity::Medium,
                Severity::Low,
                Severity::Low,
                Severity::Negligible,
                Severity::Unknown,
                Severity::Medium,
                Severity::High,
                Severity::Low,
            ][n % 13];
            let score = match severity {
                Severity::Critical => Some(9.8),
                Severity::High => Some(7.5 + (n % 4) as f64 / 10.0),
                Severity::Medium => Some(5.3),
                Severity::Low => Some(3.1),
                _ => None,
            };
            let is_fixed = n % 4 != 3;
            let name = packages[package].name.clone();
            let version = packages[package].version.clone();
            let fixed = format!("{version}+deb12u{}", 1 + n % 5);
            let id = format!("CVE-202{}-{}", n % 5, 1000 + n * 37);
            Finding {
                aliases: vec![format!("DEBIAN-{id}")],
                package,
                severity,
                severity_source: Some("cvss 3.1".to_owned()),
                cvss: score.map(|_| "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".to_owned()),
                score,
                status: if is_fixed {
                    Status::Fixed
                } else {
                    Status::Affected
                },
                fixed_in: if is_fixed {
                    vec![fixed.clone()]
                } else {
                    Vec::new()
                },
                title: (n % 6 != 5).then(|| TITLES[n % TITLES.len()].to_owned()),
                evidence: Evidence {
                    record: format!("DEBIAN-{id}"),
                    shard: "debian:12".to_owned(),
                    source: "OSV".to_owned(),
                    matched_name: name,
                    matched_version: version,
                    order: "dpkg".to_owned(),
                    range: format!(">= 0, < {fixed}"),
                },
                id,
                ..Finding::default()
            }
        })
        .collect();
    findings.sort_by(|a, b| {
        b.severity
            .cmp(&a.severity)
            .then(b.score.partial_cmp(&a.score).unwrap())
    });
    let report = Report {
        issues: Vec::new(),
        base: None,
        accounts: None,
        imported: None,
        format: FORMAT,
        scanned_at: "2026-11-23T21:40:00Z".to_owned(),
        scanner: "lamina 0.1.0".to_owned(),
        image: Image {
            name: "registry.example.org/shop/backend:1.0".to_owned(),
            digest: Some(format!("sha256:{:064x}", 0x00c0_ffee_1234_u64)),
            config_digest: Some(format!("sha256:{:064x}", 0x00de_cade_4321_u64)),
            index_digest: None,
            platform: "linux/amd64".to_owned(),
            platforms: vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()],
            created: Some("2023-06-20T09:12:40Z".to_owned()),
            config: RunConfig {
                user: "shop".to_owned(),
                env: vec![
                    "PATH=/usr/local/bin:/usr/bin:/bin".to_owned(),
                    "PYTHONUNBUFFERED=1".to_owned(),
                ],
                cmd: ["gunicorn", "--bind", "0.0.0.0:8000", "shop.wsgi"]
                    .map(str::to_owned)
                    .to_vec(),
                working_dir: "/srv/shop".to_owned(),
                exposed_ports: vec!["8000/tcp".to_owned()],
                labels: vec![(
                    "org.opencontainers.image.title".to_owned(),
                    "shop".to_owned(),
                )],
                ..RunConfig::default()
            },
            history,
        },
        layers,
        distribution: Some(Distribution {
            id: "debian".to_owned(),
            version: Some("12".to_owned()),
            name: "Debian GNU/Linux 12 (bookworm)".to_owned(),
            file: "etc/os-release".to_owned(),
            codename: Some("bookworm".to_owned()),
        }),
        packages,
        findings,
        database: Some(Database {
            digest: format!("sha256:{:064x}", 0xdb_u64),
            built_at: "2026-11-20T04:00:00Z".to_owned(),
            name: "demo".to_owned(),
            shards: vec![ShardUse {
                key: "debian:12".to_owned(),
                source_date: Some("2026-11-19T22:00:00Z".to_owned()),
                bytes: 812_000,
            }],
            missing: Vec::new(),
            unread: Vec::new(),
        }),
        warnings: vec![ReportWarning::of_layer(
            1,
            "usr/lib/x.deb is 300000000 bytes, more than the 67108864 that deb reads",
        )],
        left_out: Vec::new(),
    };
    println!(
        "{}",
        link::encode(
            &SharedReport {
                report,
                policy: Policy::default(),
                vex: Vec::new(),
            },
            usize::MAX
        )
        .text
    );
}
