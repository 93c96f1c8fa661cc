//! Reports for tests: the sample, of which every format has a golden file, and odd ones.

use jiff::Timestamp;
use lamina_inventory::{
    facts::{Basis, IssueKind, PackageKind},
    severity::Severity,
};
use lamina_report::model::{
    Accounts, Base, BaseBasis, Database, Distribution, EarlierVersion, Epss, Evidence, FORMAT,
    Finding, HistoryStep, Image, Issue, Kev, Layer, Package, Place, Report, ReportWarning,
    RunConfig, ShardUse, Share, Status, Wasted,
};

pub(crate) fn now() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

/// A report of nothing.
pub(crate) fn empty() -> Report {
    Report {
        format: FORMAT,
        scanned_at: String::new(),
        scanner: String::new(),
        image: Image::default(),
        layers: Vec::new(),
        distribution: None,
        packages: Vec::new(),
        findings: Vec::new(),
        issues: Vec::new(),
        base: None,
        accounts: None,
        imported: None,
        database: None,
        warnings: Vec::new(),
        left_out: Vec::new(),
    }
}

fn digest(digit: &str) -> String {
    format!("sha256:{}", digit.repeat(64))
}

fn layer(digit: &str, step: &str) -> Layer {
    Layer {
        digest: Some(digest(digit)),
        diff_id: digest(
            &digit
                .to_uppercase()
                .replace('A', "d")
                .replace('B', "e")
                .replace('C', "f"),
        ),
        chain_id: digest(digit),
        media_type: "application/vnd.oci.image.layer.v1.tar+gzip".to_owned(),
        compressed_size: 1_000_000,
        uncompressed_size: 3_000_000,
        created_by: step.to_owned(),
        files_added: 10,
        packages_added: 3,
        ..Layer::default()
    }
}

fn package(kind: PackageKind, name: &str, version: &str, purl: &str, layer: usize) -> Package {
    Package {
        purl: purl.to_owned(),
        layer,
        file_layer: layer,
        ..Package::new(kind, name, version)
    }
}

/// The sample: three layers, packages of every basis, one removed, findings, and all that a report
/// may hold beside.
pub(crate) fn report() -> Report {
    Report {
        scanned_at: "2026-11-25T11:22:33.456Z".to_owned(),
        scanner: "lamina 0.1.0".to_owned(),
        image: Image {
            name: "registry.example/shop/web:1.4".to_owned(),
            digest: Some(digest("9")),
            index_digest: Some(digest("8")),
            config_digest: Some(digest("7")),
            platform: "linux/amd64".to_owned(),
            platforms: vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()],
            created: Some("2026-11-20T08:00:00Z".to_owned()),
            config: RunConfig {
                cmd: vec!["server".to_owned()],
                labels: vec![(
                    "org.opencontainers.image.title".to_owned(),
                    "Shop".to_owned(),
                )],
                ..RunConfig::default()
            },
            history: vec![
                HistoryStep {
                    created_by: "ADD rootfs.tar /".to_owned(),
                    layer: Some(0),
                    ..HistoryStep::default()
                },
                HistoryStep {
                    created_by: "CMD [\"server\"]".to_owned(),
                    ..HistoryStep::default()
                },
            ],
        },
        layers: vec![
            layer("a", "ADD rootfs.tar /"),
            layer("b", "RUN apt-get install -y openssl nodejs"),
            layer("c", "COPY app /srv"),
        ],
        distribution: Some(Distribution {
            id: "debian".to_owned(),
            version: Some("12".to_owned()),
            name: "Debian GNU/Linux 12 (bookworm)".to_owned(),
            file: "usr/lib/os-release".to_owned(),
            codename: Some("bookworm".to_owned()),
        }),
        packages: packages(),
        findings: findings(),
        issues: vec![Issue {
            kind: IssueKind::Secret,
            rule: "aws-access-key-id".to_owned(),
            title: "AWS access key ID".to_owned(),
            severity: Severity::High,
            place: Place {
                layer: Some(2),
                file: Some("srv/.env".to_owned()),
                lines: Some((3, 3)),
                ..Place::default()
            },
            excerpt: Some("AWS_KEY=AKIA************".to_owned()),
            advice: Some("Revoke it.".to_owned()),
        }],
        base: Some(Base {
            layers: 1,
            name: Some("debian:12-slim".to_owned()),
            basis: BaseBasis::Annotation,
        }),
        imported: None,
        accounts: Some(Accounts {
            os: Share {
                files: 20,
                bytes: 2_000_000,
            },
            wasted_bytes: 10,
            efficiency: 0.99,
            wasted: vec![Wasted {
                path: "var/cache/a".to_owned(),
                copies: 2,
                bytes: 10,
            }],
            ..Accounts::default()
        }),
        database: Some(Database {
            digest: digest("6"),
            built_at: "2026-11-24T00:00:00Z".to_owned(),
            name: "sample".to_owned(),
            shards: vec![ShardUse {
                key: "debian:12".to_owned(),
                source_date: Some("2026-11-23T00:00:00Z".to_owned()),
                bytes: 1000,
            }],
            missing: vec!["Maven".to_owned()],
            unread: Vec::new(),
        }),
        warnings: vec![ReportWarning::of_layer(
            2,
            "srv/big.jar is larger than what is read",
        )],
        ..empty()
    }
}

fn packages() -> Vec<Package> {
    use PackageKind::{Cargo, Deb, Generic, Golang, Maven, Npm, Pypi};
    let openssl = Package {
        architecture: Some("amd64".to_owned()),
        source: Some(("openssl".to_owned(), "3.0.11-1".to_owned())),
        licence: Some("Apache-2.0, Artistic".to_owned()),
        file: "var/lib/dpkg/status".to_owned(),
        file_layer: 1,
        lines: Some((11, 24)),
        files: Some(7),
        bytes: Some(5_000_000),
        earlier: vec![EarlierVersion {
            version: "3.0.9-1".to_owned(),
            layer: 0,
            replaced_in: 1,
        }],
        details: vec![("maintainer".to_owned(), "Debian <a@example.org>".to_owned())],
        ..package(
            Deb,
            "libssl3",
            "3.0.11-1",
            "pkg:deb/debian/libssl3@3.0.11-1?arch=amd64&distro=debian-12",
            1,
        )
    };
    let python = Package {
        licence: Some("MIT OR Apache-2.0".to_owned()),
        file: "usr/lib/python3/dist-packages/six.egg-info".to_owned(),
        owned_by: Some(0),
        ..package(Pypi, "six", "1.16.0", "pkg:pypi/six@1.16.0", 0)
    };
    // The same package in two places: two components, told apart by where they lie.
    let npm = |folder: &str| Package {
        licence: Some("MIT".to_owned()),
        file: format!("{folder}/node_modules/@babel/core/package.json"),
        ..package(
            Npm,
            "@babel/core",
            "7.1.0",
            "pkg:npm/%40babel/core@7.1.0",
            2,
        )
    };
    let log4j = Package {
        file: "srv/shop.war".to_owned(),
        inner: Some("WEB-INF/lib/log4j-core-2.14.1.jar".to_owned()),
        basis: Basis::Embedded,
        ..package(
            Maven,
            "org.apache.logging.log4j:log4j-core",
            "2.14.1",
            "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1",
            2,
        )
    };
    let go = Package {
        file: "srv/agent".to_owned(),
        basis: Basis::Embedded,
        evidence: Some("build information at byte 4096".to_owned()),
        ..package(
            Golang,
            "golang.org/x/net",
            "v0.7.0",
            "pkg:golang/golang.org/x/net@v0.7.0",
            2,
        )
    };
    let node = Package {
        file: "usr/bin/node".to_owned(),
        basis: Basis::Classified,
        evidence: Some("\"node.js/v18.0.0\" at byte 73000".to_owned()),
        ..package(Generic, "node", "18.0.0", "pkg:generic/node@18.0.0", 1)
    };
    let cargo = Package {
        file: "srv/Cargo.lock".to_owned(),
        basis: Basis::Declared,
        lines: Some((5, 5)),
        ..package(Cargo, "time", "0.1.43", "pkg:cargo/time@0.1.43", 2)
    };
    let stated = Package {
        file: "srv/vendor.cdx.json".to_owned(),
        basis: Basis::Stated,
        ..package(Generic, "vendored", "", "pkg:generic/vendored", 2)
    };
    let removed = Package {
        removed_in: Some(1),
        file: "var/lib/dpkg/status".to_owned(),
        ..package(Deb, "curl", "7.88.1", "pkg:deb/debian/curl@7.88.1", 0)
    };
    vec![
        openssl,
        python,
        npm("srv/a"),
        npm("srv/b"),
        log4j,
        go,
        node,
        cargo,
        stated,
        removed,
    ]
}

fn findings() -> Vec<Finding> {
    let log4shell = Finding {
        id: "CVE-2021-44228".to_owned(),
        aliases: vec!["GHSA-jfh8-c2jp-5v3q".to_owned()],
        package: 4,
        severity: Severity::Critical,
        severity_source: Some("cvss 3.1".to_owned()),
        cvss: Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H".to_owned()),
        score: Some(10.0),
        status: Status::Fixed,
        fixed_in: vec!["2.15.0".to_owned()],
        title: Some("Remote code injection in Log4j".to_owned()),
        evidence: Evidence {
            record: "GHSA-jfh8-c2jp-5v3q".to_owned(),
            shard: "maven".to_owned(),
            source: "OSV".to_owned(),
            matched_name: "org.apache.logging.log4j:log4j-core".to_owned(),
            matched_version: "2.14.1".to_owned(),
            order: "maven".to_owned(),
            range: ">= 2.13.0, < 2.15.0".to_owned(),
        },
        epss: Some(Epss {
            score: 0.94358,
            percentile: 0.9996,
        }),
        kev: Some(Kev {
            added: "2021-12-10".to_owned(),
            due: Some("2021-12-24".to_owned()),
            ransomware: true,
        }),
        cwes: vec![20, 400, 502, 917],
        published: Some("2021-12-10".to_owned()),
        modified: Some("2025-10-22".to_owned()),
        fix_published: Some("2021-12-10".to_owned()),
    };
    // In both places of one package: one entry that affects two components.
    let babel = |package| Finding {
        id: "CVE-2023-45133".to_owned(),
        aliases: Vec::new(),
        package,
        severity: Severity::Negligible,
        severity_source: None,
        cvss: None,
        score: None,
        status: Status::WillNotFix,
        fixed_in: Vec::new(),
        title: None,
        evidence: Evidence {
            record: "GHSA-67hx-6x53-jw92".to_owned(),
            source: "OSV".to_owned(),
            ..Evidence::default()
        },
        ..Finding::default()
    };
    vec![log4shell, babel(2), babel(3)]
}

/// A report as no image makes one, but a link from elsewhere may hold.
pub(crate) fn odd() -> Report {
    let mut report = report();
    report.scanned_at = "the day before".to_owned();
    report.scanner = "scanner".to_owned();
    report.image.name = "\u{1b}[31m../\u{202e}#?\u{0}".to_owned();
    report.layers[1].error = Some("ends early".to_owned());
    report.layers[2].diff_id = String::new();
    report.distribution = Some(Distribution::default());
    let absurd = [
        "(".repeat(5000),
        "MIT AND AND".to_owned(),
        "LicenseRef-mine".to_owned(),
        "\u{0}".to_owned(),
        " \n ".to_owned(),
        "NOASSERTION".to_owned(),
        "GPL-2.0+ WITH everything".to_owned(),
        "MIT or\nMIT".to_owned(),
    ];
    for (number, licence) in absurd.into_iter().enumerate() {
        let mut package = Package::new(PackageKind::Npm, "a/\"\\\r\n\t\u{7f}", "");
        package.licence = Some(licence);
        package.layer = usize::MAX;
        package.file_layer = number;
        package.owned_by = Some(usize::MAX - number);
        package.lines = Some((u32::MAX, 0));
        report.packages.push(package);
    }
    // Owners that own one another, and one that is removed.
    let first = report.packages.len();
    for owner in [first + 1, first, 9] {
        let mut package = Package::new(PackageKind::Maven, "", &"9".repeat(2000));
        package.purl = "image".to_owned();
        package.owned_by = Some(owner);
        report.packages.push(package);
    }
    for (package, score) in [(0, f64::NAN), (9, 1.0), (9999, 1.0), (first, f64::INFINITY)] {
        let mut finding = report.findings[0].clone();
        finding.package = package;
        finding.score = Some(score);
        finding.cvss = Some(String::new());
        finding.id = String::new();
        finding.aliases = vec![String::new()];
        finding.evidence = Evidence::default();
        report.findings.push(finding);
    }
    report
}
