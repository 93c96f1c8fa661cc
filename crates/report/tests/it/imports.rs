//! Real reports of other tools, read as ours; and what becomes of them when they are cut off.

use std::path::{Path, PathBuf};

use lamina_inventory::severity::Severity;
use lamina_report::{
    imports::{self, ImportError},
    model::Report,
};

/// The samples; `None`, with a printed reason, where they are not.
fn samples() -> Option<PathBuf> {
    let folder = Path::new("/work/shared/samples");
    if folder.is_dir() {
        return Some(folder.to_owned());
    }
    eprintln!("skipped: no samples in {}", folder.display());
    None
}

#[test]
fn show() {
    let Some(folder) = samples() else { return };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(
                std::fs::read_dir(path)
                    .unwrap()
                    .map(|it| it.unwrap().path()),
            );
        }
    }
    files.sort();
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let name = file.strip_prefix(&folder).unwrap().display().to_string();
        match imports::read(&bytes) {
            Ok(report) => {
                let imported = report.imported.clone().unwrap_or_default();
                let count = |s| report.findings.iter().filter(|f| f.severity == s).count();
                println!(
                    "{name}: {} [{}] p={} f={} {:?} fixed={} i={} l={} s={} | {} {:?} | {:?} {} | {}",
                    imported.title(),
                    imported.format,
                    report.packages.len(),
                    report.findings.len(),
                    Severity::WORST_FIRST.map(count),
                    report
                        .findings
                        .iter()
                        .filter(|f| !f.fixed_in.is_empty())
                        .count(),
                    report.issues.len(),
                    report.layers.len(),
                    imported.suppressed.len(),
                    report.image.name,
                    report.image.digest,
                    report.distribution.as_ref().map(|d| (&d.id, &d.version)),
                    report.scanned_at,
                    imported.remarks.join("; ")
                );
                for f in report.findings.iter().take(2) {
                    let p = &report.packages[f.package];
                    println!(
                        "      {} {:?} {:?} {} {} src={:?} {} L{} {} | {:?} {:?} {:?} {:?} {:?}",
                        f.id,
                        f.aliases,
                        p.kind,
                        p.name,
                        p.version,
                        p.source,
                        p.purl,
                        p.layer,
                        p.file,
                        f.status,
                        f.fixed_in,
                        f.score,
                        f.published,
                        f.title
                    );
                }
            }
            Err(error) => println!("{name}: -- {error}"),
        }
    }
}
