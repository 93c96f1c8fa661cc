//! Real reports of other tools, read as ours; and what becomes of them when they are cut off.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use lamina_inventory::severity::Severity;
use lamina_policy::Policy;
use lamina_report::{
    beside::{self, Cause, Side},
    formats::{FORMATS, Judged},
    imports::{self, SOURCES},
    model::{Report, Status},
};

use crate::sample;

/// The samples; `None`, with a printed reason, where they are not.
fn samples() -> Option<PathBuf> {
    let folder = Path::new("/work/shared/samples");
    if folder.is_dir() {
        return Some(folder.to_owned());
    }
    eprintln!("skipped: no samples in {}", folder.display());
    None
}

fn bytes(file: &str) -> Option<Vec<u8>> {
    Some(std::fs::read(samples()?.join(file)).unwrap())
}

fn report(file: &str) -> Option<Report> {
    Some(imports::read(&bytes(file)?).unwrap())
}

/// All JSON files of the samples.
fn all() -> Vec<PathBuf> {
    let Some(folder) = samples() else {
        return Vec::new();
    };
    let folders = std::fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path());
    let files = folders
        .filter(|path| path.is_dir())
        .flat_map(|path| std::fs::read_dir(path).unwrap());
    let mut files: Vec<PathBuf> = files.map(|it| it.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|it| it == "json"));
    files.sort();
    files
}

#[test]
fn every_tool_is_told_and_counted() {
    if samples().is_none() {
        return;
    }
    // File, format, tool, packages, findings, those with a fixed version, layers. The numbers of findings
    // were counted in the files by other means (`jq`), not by this reader.
    let check = |file: &str, format: &str, tool: &str, numbers: [usize; 4]| {
        let report = report(file).unwrap();
        let imported = report.imported.as_ref().unwrap();
        assert_eq!(
            (&*imported.format, &*imported.title()),
            (format, tool),
            "{file}"
        );
        let fixed = report.findings.iter().filter(|it| !it.fixed_in.is_empty());
        let found = [
            report.packages.len(),
            report.findings.len(),
            fixed.count(),
            report.layers.len(),
        ];
        assert_eq!(found, numbers, "{file}");
        assert!(
            report
                .findings
                .iter()
                .all(|it| it.package < report.packages.len()),
            "{file}"
        );
        assert!(!report.image.name.is_empty(), "{file}");
    };
    check(
        "trivy/golden-alpine-310.json",
        "trivy",
        "Trivy",
        [2, 4, 4, 1],
    );
    check(
        "trivy/legacy_many_vulns.json",
        "trivy",
        "Trivy",
        [27, 93, 0, 1],
    );
    check(
        "trivy/cvssv4_severity_source.json",
        "trivy",
        "Trivy 0.69.1",
        [1, 3, 3, 0],
    );
    check(
        "grype/many_vulns3.json",
        "grype",
        "Grype 0.7.0",
        [62, 327, 0, 18],
    );
    check(
        "grype/check_all_fields.json",
        "grype",
        "Grype 0.28.0",
        [5, 5, 2, 17],
    );
    check(
        "clair/clair-v4-vulnerabilityreport.json",
        "clair",
        "Clair 4",
        [188, 89, 10, 3],
    );
    check(
        "clair/clair_many_vul.json",
        "clair",
        "Clair",
        [17, 35, 3, 0],
    );
    check("clair/clairklar_mixed.json", "clair", "Clair", [6, 6, 6, 0]);
    check(
        "quay/quay-securityinformation.json",
        "quay",
        "Quay",
        [188, 89, 10, 3],
    );
    check(
        "harbor/harbor-trivy-vuln.json",
        "harbor",
        "Harbor with Trivy 0.44.0",
        [2, 3, 0, 0],
    );
    check(
        "harbor/harborapipip.json",
        "harbor",
        "Harbor with Trivy 0.44.0",
        [2, 2, 0, 0],
    );
    check(
        "qualys/image-details-CONSTRUCTED.json",
        "qualys",
        "Qualys Container Security",
        [1, 1, 1, 0],
    );
    check(
        "snyk/snyk-container-app-vulns-results.json",
        "snyk",
        "Snyk",
        [21, 9, 9, 2],
    );
    check(
        "snyk/snykcontainer_issue_9270.json",
        "snyk",
        "Snyk",
        [9, 30, 11, 0],
    );
    check(
        "ecr/describe-image-scan-findings-basic.json",
        "ecr",
        "Amazon ECR basic scanning",
        [1, 1, 0, 0],
    );
    check(
        "ecr/describe-image-scan-findings-enhanced.json",
        "ecr",
        "Amazon Inspector, by ECR",
        [2, 2, 0, 2],
    );
    check(
        "ecr/aws_inspector2_many_vul.json",
        "inspector",
        "Amazon Inspector",
        [5, 9, 8, 1],
    );
    check(
        "ecr/eventbridge-inspector2-finding.json",
        "inspector",
        "Amazon Inspector",
        [1, 1, 0, 1],
    );
    check(
        "trivy/trivy-alpine-310.asff.json",
        "asff",
        "Trivy, by Security Hub",
        [2, 4, 4, 0],
    );
    check(
        "acr/defender-subassessment-mdvm-arg.json",
        "defender",
        "Microsoft Defender for Containers",
        [1, 1, 0, 0],
    );
    check(
        "gcp/many_vulns.json",
        "gcp",
        "Google Artifact Analysis",
        [1, 7, 7, 0],
    );
    check(
        "gcp/artifact-analysis-occurrences-sample.json",
        "gcp",
        "Google Artifact Analysis",
        [13, 13, 3, 3],
    );
    check(
        "gitlab/trivy-alpine-310.gitlab.json",
        "gitlab",
        "Trivy, by GitLab’s format",
        [2, 4, 4, 0],
    );
    check(
        "gitlab/gl-container-scanning-report-5-vuln_v15.json",
        "gitlab",
        "Trivy, by GitLab’s format 0.16.0",
        [1, 5, 0, 0],
    );
    check(
        "sarif/trivy-alpine-310.sarif.json",
        "sarif",
        "Trivy",
        [2, 4, 4, 0],
    );
    check(
        "sarif/grype-image.sarif.json",
        "sarif",
        "Grype 0.0.0-dev",
        [2, 2, 1, 0],
    );
    check(
        "snyk/snyk-container.sarif.json",
        "sarif",
        "Snyk Container 1.0.0-monorepo",
        [1, 1, 0, 0],
    );
    check(
        "cyclonedx/grype-image.cdx.json",
        "cyclonedx",
        "Grype",
        [2, 2, 0, 0],
    );
    check(
        "cyclonedx/nested-component-log4j.json",
        "cyclonedx",
        "Grype 0.41.0",
        [1, 8, 0, 0],
    );
}

#[test]
fn fields_are_taken_from_where_each_tool_has_them() {
    let check = |file: &str, id: &str, name: &str, expect: &str| {
        let Some(report) = report(file) else { return };
        let named = |it: &&lamina_report::model::Finding| report.packages[it.package].name == name;
        let mut findings = report.findings.iter().filter(|it| it.id == id);
        let finding = findings
            .find(named)
            .unwrap_or_else(|| panic!("{file}: no {id} in {name}"));
        let package = &report.packages[finding.package];
        let source = package
            .source
            .as_ref()
            .map_or("", |(name, _)| name.as_str());
        let layer = report
            .layers
            .get(package.layer)
            .map_or("", |layer| match &layer.digest {
                Some(digest) => digest.as_str(),
                None => layer.diff_id.as_str(),
            });
        let found = format!(
            "{} {} [{source}] {} {} {:?} {} {}",
            package.kind.word(),
            package.version,
            finding.severity.word(),
            finding.fixed_in.join("+"),
            finding.status,
            finding.score.unwrap_or_default(),
            layer.get(..15).unwrap_or_default(),
        );
        assert_eq!(found.trim_end(), expect, "{file}");
    };
    check(
        "trivy/golden-alpine-310.json",
        "CVE-2019-1549",
        "libssl1.1",
        "apk 1.1.1c-r0 [] medium 1.1.1d-r0 Fixed 5.3 sha256:9d48c3bd",
    );
    check(
        "trivy/golden-ubi-7.json",
        "CVE-2019-18276",
        "bash",
        "rpm 4.2.46-33.el7 [] low  WillNotFix 7.8 sha256:7b1c937e",
    );
    check(
        "clair/clair-v4-vulnerabilityreport.json",
        "CVE-2023-44487",
        "libnghttp2",
        "rpm 1.33.0-3.el8_2.1 [nghttp2] high 0:1.33.0-5.el8_8 Fixed 7.5 sha256:e623cf60",
    );
    check(
        "grype/check_all_fields.json",
        "CVE-2021-33574",
        "libc6",
        "deb 2.28-10 [] critical  WillNotFix 9.8 sha256:88a5584c",
    );
    check(
        "snyk/snyk-to-html-container-with-app-vulns.json",
        "CVE-2022-37434",
        "zlib1g",
        "deb 1:1.2.11.dfsg-1+deb10u1 [zlib] critical  Affected 9.8",
    );
    check(
        "ecr/describe-image-scan-findings-enhanced.json",
        "CVE-2024-9681",
        "curl",
        "deb 7.88.1-10+deb12u8 [] medium  Affected 6.5 sha256:416e17e4",
    );
    check(
        "gcp/artifact-analysis-occurrences-sample.json",
        "CVE-2023-36665",
        "some_package",
        "npm 7.0.0 [] critical 7.2.5 Fixed 9.8 8a271324e30f2db",
    );
}

#[test]
fn all_states_of_trivy_are_told_apart() {
    let Some(report) = report("trivy/all_statuses.json") else {
        return;
    };
    let mut states: Vec<Status> = report.findings.iter().map(|it| it.status).collect();
    states.sort();
    states.dedup();
    assert!(states.contains(&Status::WillNotFix) && states.contains(&Status::EndOfLife));
    assert!(states.contains(&Status::FixDeferred) && states.contains(&Status::UnderInvestigation));
    let imported = report.imported.unwrap();
    assert!(
        imported
            .remarks
            .iter()
            .any(|it| it.contains("not affected")),
        "{imported:?}"
    );
}

#[test]
fn one_scan_in_five_formats_says_the_same() {
    let Some(trivy) = report("trivy/golden-alpine-310.json") else {
        return;
    };
    for file in [
        "trivy/golden-alpine-310.sarif.json",
        "trivy/trivy-alpine-310.asff.json",
        "gitlab/trivy-alpine-310.gitlab.json",
        "trivy/golden-alpine-310.json",
    ] {
        let other = report(file).unwrap();
        let beside = beside::compare(&trivy, &other, &BTreeMap::new());
        let count = |side| beside.count(side);
        assert_eq!(
            (count(Side::Theirs), count(Side::Ours)),
            (0, 0),
            "{file}: {beside:#?}"
        );
        let reasons = beside
            .rows
            .iter()
            .flat_map(|row| &row.reasons)
            .collect::<Vec<_>>();
        assert!(reasons.is_empty(), "{file}: {reasons:?}");
    }
    // Quay passes on what Clair found, in its own words.
    let clair = report("clair/clair-v4-vulnerabilityreport.json").unwrap();
    let quay = report("quay/quay-securityinformation.json").unwrap();
    let beside = beside::compare(&clair, &quay, &BTreeMap::new());
    let causes = |side| beside.causes(side);
    assert_eq!((causes(Side::Theirs), causes(Side::Ours)), (vec![], vec![]));
}

#[test]
fn what_we_write_for_others_comes_back() {
    let report = sample::report();
    let policy = Policy::default();
    for id in ["json", "sarif", "cyclonedx"] {
        let format = lamina_report::formats::by_id(id).unwrap();
        let text = format.render(&Judged::new(&report, &policy, sample::now()));
        let again = imports::read(text.as_bytes()).unwrap();
        let beside = beside::compare(&report, &again, &BTreeMap::new());
        let counts = Side::ALL.map(|side| beside.count(side));
        assert!(counts[0] > 0, "{id}");
        assert_eq!(counts[1..], [0, 0], "{id}: {:#?}", beside.rows);
        let mut reasons = beside.rows.iter().flat_map(|row| &row.reasons);
        assert_eq!(reasons.next(), None, "{id}");
    }
}

#[test]
fn another_image_is_not_in_our_inventory() {
    let (Some(trivy), Some(grype)) = (
        report("trivy/golden-alpine-310.json"),
        report("grype/many_vulns3.json"),
    ) else {
        return;
    };
    let beside = beside::compare(&trivy, &grype, &BTreeMap::new());
    let mut agreed = beside.rows.iter().filter(|row| row.side == Side::Agreed);
    let is_other = |cause| cause == Cause::OtherVersion;
    assert!(agreed.all(|row| row.reasons.iter().any(|it| is_other(it.cause))));
    let causes = beside.causes(Side::Theirs);
    assert_eq!(
        causes.first().map(|(cause, _)| *cause),
        Some(Cause::NotInOurs),
        "{causes:?}"
    );
}

/// Whatever is read can be written, in any format.
fn write_all(report: &Report) {
    for format in FORMATS {
        let policy = Policy::default();
        let text = format.render(&Judged::new(report, &policy, sample::now()));
        assert!(!text.is_empty());
    }
}

#[test]
fn every_import_is_written_in_every_format() {
    for file in all() {
        if let Ok(report) = imports::read(&std::fs::read(&file).unwrap()) {
            write_all(&report);
            let text = serde_json::to_string(&report).unwrap();
            let again: Report = serde_json::from_str(&text).unwrap();
            assert_eq!(again, report, "{}", file.display());
        }
    }
}

#[test]
fn what_is_cut_off_or_torn_never_panics() {
    for file in all() {
        let bytes = std::fs::read(&file).unwrap();
        // Large ones take a second for each try.
        let tries = if bytes.len() < 40_000 { 20 } else { 3 };
        let step = (bytes.len() / tries).max(1);
        for length in (0..bytes.len()).step_by(step) {
            // Cut off: mostly no JSON any more.
            let _ = imports::read(&bytes[..length]);
            // A hole in it: a field is another one then.
            let mut holed = bytes.clone();
            for byte in holed.iter_mut().skip(length).take(12) {
                if byte.is_ascii_alphanumeric() {
                    *byte = b'0';
                }
            }
            if let Ok(report) = imports::read(&holed) {
                let _ = beside::compare(&report, &report, &BTreeMap::new());
            }
        }
    }
}

#[test]
fn a_document_of_another_shape_gives_an_empty_report() {
    // Every reader is given every document: what a field is not, it does not say.
    for file in all() {
        let bytes = std::fs::read(&file).unwrap();
        for source in SOURCES {
            let _ = imports::read_with(*source, &bytes);
        }
    }
    for text in [
        "null",
        "[]",
        "{}",
        "[[[]]]",
        "{\"vulnerabilities\":7,\"runs\":[7],\"Results\":[[]]}",
    ] {
        for source in SOURCES {
            if let Ok(report) = imports::read_with(*source, text.as_bytes()) {
                assert!(report.findings.is_empty(), "{}: {text}", source.id());
                write_all(&report);
            }
        }
    }
}

#[test]
fn texts_lose_what_steers_a_terminal_or_turns_a_line_around() {
    let hostile = "\u{1b}[31mx\u{202e}\u{2066}<script>alert(1)</script>\r\ny";
    let text = serde_json::json!({
        "SchemaVersion": 2,
        "ArtifactName": hostile,
        "Metadata": {"OS": {"Family": hostile, "Name": hostile}, "DiffIDs": [hostile], "RepoDigests": [hostile]},
        "Results": [{
            "Target": hostile, "Class": "lang-pkgs", "Type": hostile,
            "Vulnerabilities": [{
                "VulnerabilityID": hostile, "PkgName": hostile, "InstalledVersion": hostile,
                "FixedVersion": hostile, "Title": hostile, "Severity": hostile, "Status": hostile,
                "SeveritySource": hostile, "CVSS": {(hostile): {"V3Vector": hostile, "V3Score": 9}},
                "DataSource": {"ID": hostile, "Name": hostile}, "PublishedDate": hostile,
                "PkgIdentifier": {"PURL": hostile}, "VendorIDs": [hostile], "CweIDs": [hostile],
            }],
            "Secrets": [{"RuleID": hostile, "Title": hostile, "Match": hostile, "StartLine": 1e99}],
        }],
    });
    let report = imports::read(text.to_string().as_bytes()).unwrap();
    assert_eq!((report.findings.len(), report.issues.len()), (1, 1));
    assert_eq!(report.findings[0].severity, Severity::Unknown);
    let text = serde_json::to_string(&report).unwrap();
    for forbidden in ["\\u001b", "\u{202e}", "\u{2066}", "\\r", "\\n"] {
        assert!(!text.contains(forbidden), "{forbidden:?} in {text}");
    }
    assert!(
        text.contains("<script>"),
        "markup is text, and shown as text"
    );
}
