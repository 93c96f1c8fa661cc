//! Scanning one layer.

use lamina_image::{
    layer::{Claim, Entry, EntryKind, EntrySink},
    path::LayerPath,
};
use lamina_inventory::{
    analysis::LayerAnalysis,
    facts::Warning,
    layer_scan::LayerScan,
    limits::{MAX_PACKAGES, MAX_WARNINGS},
};
use lamina_testkit::{LayerBuilder, layer};

use crate::support::{join, scan};

const INSTALLED: &str = "lib/apk/db/installed";

fn names(analysis: &LayerAnalysis) -> Vec<&str> {
    analysis
        .facts
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect()
}

fn file(path: &str, size: u64) -> Entry {
    Entry {
        path: LayerPath::from(path),
        kind: EntryKind::File,
        size,
        mode: 0o644,
        uid: 0,
        gid: 0,
        modified: 0,
    }
}

#[test]
fn of_entries_for_one_path_the_last_one_counts() {
    let twice = layer()
        .file(INSTALLED, "P:old\nV:1\n\nP:broken\n")
        .file("etc/os-release", "ID=a\n")
        .file(INSTALLED, "P:new\nV:1\n");
    let analysis = scan(&twice.tar());
    assert_eq!(names(&analysis), ["new"]);
    assert_eq!(analysis.facts.warnings, []);
    assert_eq!(analysis.facts.distributions.len(), 1);
    let then_a_link = layer()
        .file(INSTALLED, "P:old\nV:1\n")
        .symlink(INSTALLED, "elsewhere");
    let analysis = scan(&then_a_link.tar());
    assert_eq!(names(&analysis), [] as [&str; 0]);
    assert_eq!(analysis.facts.links, [LayerPath::from(INSTALLED)]);
    let then_no_folder = layer().file(INSTALLED, "P:old\nV:1\n").file("lib/apk", "");
    assert_eq!(names(&scan(&then_no_folder.tar())), [] as [&str; 0]);
}

#[test]
fn a_layer_that_breaks_off_gives_what_was_whole() {
    let text = "P:a\nV:1\n\nP:b\nV:1.2.3\n\n".to_owned() + &"x\n".repeat(2000);
    let tar = layer()
        .file("etc/os-release", "ID=a\n")
        .file(INSTALLED, &text)
        .tar();
    let end = tar.windows(4).position(|bytes| bytes == b"V:1.").unwrap() + 4;
    let analysis = scan(&tar[..end]);
    assert_eq!(names(&analysis), ["a"], "the version of b is cut short");
    assert_eq!(analysis.facts.distributions.len(), 1);
    let warnings: Vec<String> = analysis
        .facts
        .warnings
        .iter()
        .map(|w| w.to_string())
        .collect();
    let size = text.len();
    assert_eq!(
        warnings,
        [
            format!("{INSTALLED} breaks off after 17 of {size} bytes; apk read what was there"),
            format!("{INSTALLED}, line 4: the package \"b\" has no version"),
        ]
    );
    assert_eq!(join(&[analysis]).packages.len(), 1);
}

#[test]
fn progress_can_be_read_while_scanning() {
    let mut scan = LayerScan::new();
    // Watched, though no analyser claims it.
    assert_eq!(scan.entry(&file("usr/bin/a", 10)), Claim::Take);
    assert_eq!(scan.entry(&file("usr/bin/empty", 0)), Claim::Skip);
    assert_eq!(scan.entry(&file(INSTALLED, 8)), Claim::Take);
    scan.data(b"P:a\n");
    scan.data(b"V:1\nwhat was not announced");
    scan.end();
    assert_eq!((scan.entries(), scan.files(), scan.packages()), (3, 3, 1));
    assert_eq!(names(&scan.finish()), ["a"]);
}

#[test]
fn files_are_not_read_beyond_the_limit_of_all_together() {
    let mut scan = LayerScan::new().with_max_claimed_bytes(20);
    assert_eq!(scan.entry(&file("etc/os-release", 15)), Claim::Take);
    // Its bytes go by, but are not held.
    assert_eq!(scan.entry(&file("etc/lsb-release", 6)), Claim::Take);
    scan.data(b"ID=a\n\n");
    scan.end();
    assert_eq!(scan.entry(&file("etc/alpine-release", 5)), Claim::Take);
    let facts = scan.finish().facts;
    assert_eq!(facts.distributions, []);
    let warnings = facts.warnings;
    let too_large = |warning: &&Warning| {
        matches!(
            warning,
            Warning::FileTooLarge {
                size: 6,
                limit: 5,
                ..
            }
        )
    };
    assert_eq!(warnings.iter().filter(too_large).count(), 1, "{warnings:?}");
}

#[test]
fn packages_and_warnings_have_a_limit_per_layer() {
    let half = "P:a\nV:1\n\n".repeat(MAX_PACKAGES / 2 + 1);
    let analysis = scan(
        &layer()
            .file(INSTALLED, &half)
            .file(&format!("usr/{INSTALLED}"), &half)
            .tar(),
    );
    assert_eq!(analysis.facts.packages.len(), MAX_PACKAGES);
    let [warning] = analysis.facts.warnings.as_slice() else {
        panic!("{:?}", analysis.facts.warnings)
    };
    assert_eq!(
        warning.to_string(),
        "apk found more than 100000 packages; the rest is left out"
    );

    let broken = "P:a\n\n".repeat(MAX_WARNINGS * 2);
    let analysis = scan(&layer().file(INSTALLED, broken).tar());
    assert_eq!(analysis.facts.warnings.len(), MAX_WARNINGS + 1);
    let last = analysis.facts.warnings.last().unwrap().to_string();
    assert_eq!(
        last,
        "the layer found more than 100 warnings; the rest is left out"
    );
}

#[test]
fn links_at_claimed_paths_are_noted() {
    let analysis = scan(
        &layer()
            .symlink("etc/os-release", "../usr/lib/os-release")
            .symlink("etc/mtab", "/proc/mounts")
            .hard_link("a/b.dist-info/METADATA", "cache/b.dist-info/METADATA")
            .tar(),
    );
    assert_eq!(
        analysis.facts.links,
        [
            LayerPath::from("etc/os-release"),
            LayerPath::from("a/b.dist-info/METADATA")
        ]
    );
}

#[test]
fn an_empty_file_in_the_place_of_one_with_a_secret_has_none() {
    // Put together here, so that it is none in this file.
    let token = ["ghp_", "x7Kq2mZp9RtW4vBn", "8LsD3fGh6JyC1aEu5oQi"].concat();
    let issues = |builder: LayerBuilder| scan(&builder.tar()).facts.issues.len();
    let first = || layer().file("srv/app.env", format!("GITHUB_TOKEN={token}\n"));
    assert_eq!(issues(first()), 1);
    assert_eq!(issues(first().file("srv/app.env", "")), 0);
    assert_eq!(issues(first().file("srv/other.env", "")), 1);
}
