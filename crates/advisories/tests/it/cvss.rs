//! CVSS base scores against the shared vectors (Red Hat's and FIRST's).

use lamina_advisories::rating::Rating;

/// Files of `vector - (base, …)` or `vector - score`; the first number is the base score.
fn check(file: &str) {
    let Some(path) = lamina_testkit::shared(&format!("advisories/cvss-vectors/{file}")) else {
        return;
    };
    let mut cases = 0;
    let mut failed = Vec::new();
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let Some((vector, scores)) = line.split_once(" - ") else {
            continue;
        };
        let first = scores
            .trim_start_matches('(')
            .split([',', ')'])
            .next()
            .unwrap();
        let expect: f64 = first.trim().parse().unwrap();
        cases += 1;
        let got = Rating::from_vector("x", vector).and_then(|rating| rating.score());
        if got.is_none_or(|got| (got - expect.abs()).abs() > 0.001) {
            failed.push(format!("{line}: {got:?}"));
        }
    }
    println!("{file}: {cases} cases");
    assert!(
        failed.is_empty(),
        "{file}: {} of {cases}:\n{}",
        failed.len(),
        failed[..failed.len().min(20)].join("\n")
    );
}

#[test]
fn version_2_scores() {
    check("redhat-cvss.vectors_simple2.txt");
    check("redhat-cvss.vectors_calculator2.txt");
    check("redhat-cvss.vectors_cvsslib2.txt");
}

#[test]
fn version_3_scores() {
    check("redhat-cvss.vectors_simple3.txt");
    check("redhat-cvss.vectors_simple31.txt");
    check("redhat-cvss.vectors_calculator3.txt");
    check("redhat-cvss.vectors_cvsslib3.txt");
}

#[test]
fn version_4_scores() {
    check("redhat-cvss.vectors_simple4.txt");
    check("redhat-cvss.vectors_supplemental4.txt");
}
