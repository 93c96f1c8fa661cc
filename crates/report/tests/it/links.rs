//! Share links of real and of odd reports: what they hold and how long they are.

use lamina_policy::Policy;
use lamina_report::{
    limits::LINK_BUDGET_CHARS,
    link::{self, SharedReport},
    model::{Epss, Finding, LeftOutPart, Report},
    verdict,
};
use proptest::prelude::*;

use crate::sample;

fn shared(report: Report) -> SharedReport {
    SharedReport {
        report,
        policy: Policy::default(),
        vex: Vec::new(),
    }
}

#[test]
fn a_link_without_a_budget_holds_everything() {
    for report in [sample::report(), sample::empty()] {
        let shared = shared(report);
        let encoded = link::encode(&shared, usize::MAX);
        assert!(encoded.fits && encoded.left_out.is_empty());
        assert_eq!(encoded.complete_chars, encoded.text.len());
        assert_eq!(link::decode(&encoded.text).unwrap(), shared);
    }
    // Numbers that are none cannot be said in JSON either.
    let mut odd = sample::odd();
    for finding in &mut odd.findings {
        finding.score = finding.score.filter(|score| score.is_finite());
    }
    let shared = shared(odd);
    let text = link::encode(&shared, usize::MAX).text;
    assert_eq!(link::decode(&text).unwrap(), shared);
}

/// A finding with its package in place of the package's index, which changes where packages are left
/// out.
fn with_packages(report: &Report) -> Vec<(Finding, String)> {
    let findings = report.findings.iter().map(|finding| {
        let mut package = report.packages[finding.package].clone();
        package.owned_by = None;
        package.details.clear();
        package.evidence = None;
        let finding = Finding {
            package: 0,
            title: None,
            aliases: Vec::new(),
            epss: finding.epss.map(|epss| Epss {
                percentile: 0.0,
                ..epss
            }),
            ..finding.clone()
        };
        (finding, serde_json::to_string(&package).unwrap())
    });
    findings.collect()
}

#[test]
fn what_is_left_out_is_said_and_what_is_judged_stays() {
    let full = shared(sample::report());
    let complete = link::encode(&full, usize::MAX).text.len();
    let mut seen = Vec::new();
    for budget in (500..complete).rev().step_by(120) {
        let encoded = link::encode(&full, budget);
        if !encoded.fits {
            assert_eq!(encoded.text.len(), complete);
            assert!(encoded.left_out.is_empty());
            continue;
        }
        assert!(encoded.text.len() <= budget);
        let lean = link::decode(&encoded.text).unwrap();
        assert_eq!(lean.report.left_out, encoded.left_out);
        seen.extend(encoded.left_out.iter().map(|left_out| left_out.what));
        assert_eq!(with_packages(&lean.report), with_packages(&full.report));
        assert_eq!(lean.policy, full.policy);
        let (lean, full) = (&lean.report, &full.report);
        assert_eq!(lean.layers, full.layers);
        assert_eq!(lean.database, full.database);
        assert_eq!(lean.image.digest, full.image.digest);
        assert_eq!(
            (&lean.scanner, &lean.scanned_at, &lean.warnings),
            (&full.scanner, &full.scanned_at, &full.warnings)
        );
        let judge =
            |report: &Report| verdict::evaluate(&Policy::default(), report, sample::now()).passed;
        assert_eq!(judge(lean), judge(full));
        let packages = lean
            .left_out
            .iter()
            .find(|left_out| left_out.what == LeftOutPart::Packages);
        let missing = full.packages.len() - lean.packages.len();
        assert_eq!(
            packages.map_or(0, |packages| packages.count),
            missing as u64
        );
    }
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.contains(&LeftOutPart::Packages), "{seen:?}");
}

/// What a rule of the policy looks at is not left out.
#[test]
fn packages_that_the_policy_judges_are_not_left_out() {
    let mut full = shared(sample::report());
    full.policy = Policy::parse("fail-on: never\nlicences:\n  unknown: fail").unwrap();
    let complete = link::encode(&full, usize::MAX).text.len();
    for budget in (500..complete).rev().step_by(300) {
        let encoded = link::encode(&full, budget);
        let left_out = encoded.left_out.iter();
        assert!(
            !left_out
                .map(|part| part.what)
                .any(|part| part == LeftOutPart::Packages)
        );
    }
}

/// A report of 300 findings in 90 of 300 packages, as even as chance has it: less repeats in it than in
/// a real one.
fn large() -> Report {
    let mut report = sample::report();
    let mut state = 7_u64;
    let mut any = move |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let package = report.packages[0].clone();
    for number in 0..300 {
        let mut package = package.clone();
        package.name = format!("lib{}{number}", ["x", "gtk", "perl-", "y"][number % 4]);
        package.version = format!("{}.{}-{}+deb12u1", any(5), any(40), any(9));
        package.purl = format!(
            "pkg:deb/debian/{}@{}?arch=amd64&distro=debian-12",
            package.name,
            package.version.replace('+', "%2B")
        );
        package.source = Some((package.name.clone(), package.version.clone()));
        let first = 20 * u32::try_from(number).unwrap();
        package.lines = Some((1 + first, 18 + first));
        package.details.clear();
        report.packages.push(package);
    }
    let impacts = ["C:H/I:H/A:H", "C:N/I:N/A:H", "C:L/I:N/A:N", "C:H/I:N/A:N"];
    let finding = report.findings[0].clone();
    report.findings = (0..300)
        .map(|_| {
            let package = 10 + usize::try_from(any(90)).unwrap();
            let id = format!("CVE-{}-{:04}", 2015 + any(11), any(50_000));
            let version = report.packages[package].version.clone();
            let fixed = version.replace("deb12u1", "deb12u2");
            let mut finding = finding.clone();
            finding.aliases = vec![format!("DEBIAN-{id}")];
            finding.evidence.record = format!("DEBIAN-{id}");
            finding
                .evidence
                .matched_name
                .clone_from(&report.packages[package].name);
            finding.evidence.matched_version = version;
            finding.evidence.range = format!(">= 0, < {fixed}");
            finding.evidence.shard = "debian:12".to_owned();
            finding.fixed_in = vec![fixed];
            let impact = impacts[usize::try_from(any(4)).unwrap()];
            finding.cvss = Some(format!("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/{impact}"));
            finding.score = Some(any(100) as f64 / 10.0);
            finding.title = Some(format!("A flaw number {} in a parser", any(1 << 30)));
            finding.epss = Some(Epss {
                score: any(100_000) as f64 / 1e5,
                percentile: any(100_000) as f64 / 1e5,
            });
            finding.published = Some(format!("{}-03-{:02}", 2015 + any(11), 1 + any(28)));
            finding.kev = None;
            Finding {
                package,
                id,
                ..finding
            }
        })
        .collect();
    report
}

#[test]
fn a_report_of_300_findings_fits_and_says_what_is_not_in_it() {
    let full = shared(large());
    let encoded = link::encode(&full, LINK_BUDGET_CHARS);
    assert!(encoded.fits, "{}", encoded.complete_chars);
    assert!(encoded.text.len() <= LINK_BUDGET_CHARS);
    let lean = link::decode(&encoded.text).unwrap();
    assert_eq!(lean.report.findings.len(), 300);
    assert_eq!(with_packages(&lean.report), with_packages(&full.report));
    let words: Vec<String> = encoded.left_out.iter().map(|part| part.words()).collect();
    let left_out = 310 - lean.report.packages.len();
    assert!(
        words.contains(&format!("{left_out} packages without findings")),
        "{words:?}"
    );
    // Ten times as many do not, and nothing is left out for nothing.
    let mut huge = full.clone();
    for round in 1..10 {
        let more = full.report.findings.iter().map(|finding| Finding {
            id: finding.id.replace("CVE-", &format!("CVE-{round}")),
            ..finding.clone()
        });
        huge.report.findings.extend(more);
    }
    let encoded = link::encode(&huge, LINK_BUDGET_CHARS);
    assert!(!encoded.fits && encoded.left_out.is_empty());
    assert_eq!(link::decode(&encoded.text).unwrap(), huge);
}

/// Real reports, where `LAMINA_LINK_REPORTS` names files that `lamina scan --format json` wrote
/// (with colons between): prints how long their links are.
#[test]
fn links_of_real_reports_are_measured() {
    let Ok(files) = std::env::var("LAMINA_LINK_REPORTS") else {
        println!("skipped: LAMINA_LINK_REPORTS names no reports");
        return;
    };
    for file in files.split(':') {
        let text = std::fs::read_to_string(file).unwrap();
        let report: Report = serde_json::from_str(&text).unwrap();
        let full = shared(report);
        let (findings, packages) = (full.report.findings.len(), full.report.packages.len());
        let begin = std::time::Instant::now();
        let encoded = link::encode(&full, LINK_BUDGET_CHARS);
        let took = begin.elapsed();
        let begin = std::time::Instant::now();
        let lean = link::decode(&encoded.text).unwrap();
        assert!(encoded.fits || findings > 300, "{file}");
        println!(
            "{file}: {findings} findings, {packages} packages: {} characters (complete {}), encode {took:?}, decode {:?}, left out: {:?}",
            encoded.text.len(),
            encoded.complete_chars,
            begin.elapsed(),
            encoded
                .left_out
                .iter()
                .map(|part| part.words())
                .collect::<Vec<_>>()
        );
        assert_eq!(with_packages(&lean.report), with_packages(&full.report));
        let text = link::encode(&full, usize::MAX).text;
        assert_eq!(link::decode(&text).unwrap(), full);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_text_after_the_version_panics(text in "[A-Za-z0-9_-]{0,200}") {
        let _ = link::decode(&format!("2.{text}"));
        let _ = link::decode(&format!("1.{text}"));
    }

    #[test]
    fn any_texts_read_back(name in ".*", version in ".*", id in ".*", purl in ".*") {
        let mut report = sample::report();
        report.packages[4].name.clone_from(&name);
        report.packages[4].version.clone_from(&version);
        report.packages[4].purl = format!("{purl}{name}@{version}\u{2}n");
        report.findings[0].id.clone_from(&id);
        report.findings[0].evidence.record = format!("{purl}{id}\u{2}\u{2}");
        report.layers[1].created_by = name;
        let shared = shared(report);
        let text = link::encode(&shared, usize::MAX).text;
        prop_assert_eq!(link::decode(&text).unwrap(), shared);
    }
}
