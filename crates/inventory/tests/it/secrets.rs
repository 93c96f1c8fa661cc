//! Secrets in layers and in whole images.

use std::{fs::File, io::Read as _, path::Path};

use lamina_image::{
    archive::{ArchiveReader, ArchiveSink},
    layer::LayerOutcome,
    limits::Limits,
    path::LayerPath,
};
use lamina_inventory::{
    facts::{IssueFact, IssueKind},
    layer_scan::LayerScan,
    severity::Severity,
};
use lamina_testkit::{layer, shared};

use crate::support::scan;

/// Severity, rule and place.
fn told(issue: &IssueFact) -> String {
    let line = issue.lines.map_or(0, |lines| lines.0);
    format!(
        "{} {} {}:{line}",
        issue.severity.word(),
        issue.rule,
        issue.file
    )
}

#[test]
fn secrets_are_facts_of_the_layer_that_has_them() {
    // As the sample image `alpine-job` has them; a later layer deletes the file.
    let credentials = [
        "[default]\naws_access_key_id = AKIA",
        "LAMINADEMO234567\naws_secret_access_key",
        " = LaminaDemo/NotARealKey/0123456789abcdefg\n",
    ];
    let base = layer().file("root/.aws/credentials", credentials.concat());
    let analysis = scan(&base.tar());
    let issues: Vec<String> = analysis.facts.issues.iter().map(told).collect();
    assert_eq!(
        issues,
        [
            "high aws-access-key-id root/.aws/credentials:2",
            "critical aws-secret-access-key root/.aws/credentials:3",
        ]
    );
    let issue = &analysis.facts.issues[1];
    assert_eq!(issue.kind, IssueKind::Secret);
    assert_eq!(
        issue.excerpt.as_deref(),
        Some("aws_secret_access_key = ****")
    );
    assert_eq!(scan(&layer().whiteout("root/.aws").tar()).facts.issues, []);
}

#[test]
fn secrets_of_tests_are_mild_and_those_of_translations_are_not_told() {
    let key = [
        "-----BEGIN RSA PRI",
        "VATE KEY-----\nMIIEowIBAAKCAQEAq2vTz1nR8mXw4LkYp0sD7uGfHcJbVeQi9ZoK3tNa5rWyUxMl\n",
    ];
    let check = |path: &str, expect: Option<Severity>| {
        let analysis = scan(&layer().file(path, key.concat()).tar());
        let found: Vec<Severity> = analysis
            .facts
            .issues
            .iter()
            .map(|issue| issue.severity)
            .collect();
        assert_eq!(found, Vec::from_iter(expect), "{path}");
    };
    check("etc/ssl/private/server.key", Some(Severity::High));
    check("app/tests/server.key", Some(Severity::Low));
    check("usr/share/doc/a/server.key", Some(Severity::Low));
    check("usr/share/locale/server.key", None);
    check("app/server.svg", None);
}

#[test]
fn a_token_that_was_compiled_in_is_found() {
    let token = ["\0\0gh", "p_0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R\0"].concat();
    let analysis = scan(&layer().file("app/__pycache__/main.pyc", token).tar());
    let issues: Vec<String> = analysis.facts.issues.iter().map(told).collect();
    assert_eq!(issues, ["critical github-token app/__pycache__/main.pyc:0"]);
}

#[derive(Default)]
struct Sink(Vec<String>);

impl ArchiveSink for Sink {
    type Layer = LayerScan;

    fn layer_start(&mut self, _: &LayerPath, _: u64) -> LayerScan {
        LayerScan::new()
    }

    fn layer_end(&mut self, _: &LayerPath, layer: LayerScan, _: LayerOutcome) {
        let issues = layer.finish().facts.issues;
        let secrets = issues
            .iter()
            .filter(|issue| issue.kind == IssueKind::Secret);
        self.0.extend(secrets.map(told));
    }
}

/// The secrets of all layers of an archive.
fn secrets_of(archive: &Path) -> Vec<String> {
    let mut sink = Sink::default();
    let mut reader = ArchiveReader::new(Limits::default());
    let mut file = File::open(archive).unwrap();
    let mut chunk = vec![0; 1 << 17];
    loop {
        let length = file.read(&mut chunk).unwrap();
        if length == 0 || reader.feed(&chunk[..length], &mut sink).is_err() {
            break;
        }
    }
    // What an archive that is no image holds is none of this test's business.
    let _ = reader.finish(&mut sink);
    sink.0.sort();
    sink.0.dedup();
    sink.0
}

/// The images are public, and hold no secrets. (Were programs of any size looked at, the keys that GnuTLS
/// tests itself with would be told.)
#[test]
fn public_images_give_none() {
    let Some(fixtures) = shared("fixtures") else {
        return;
    };
    let mut folders = vec![fixtures.join("images")];
    let mut all = Vec::new();
    let mut images = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "tar") {
                images += 1;
                all.extend(secrets_of(&path));
            }
        }
    }
    assert!(images > 30, "{images}");
    all.sort();
    all.dedup();
    assert_eq!(all, [""; 0]);
}
