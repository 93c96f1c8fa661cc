//! Two hundred real `os-release` files, as container-inspector reads them.

use std::{fs, path::Path};

use lamina_inventory::facts::DistributionFact;
use lamina_testkit::{layer, shared};
use serde_json::Value;

use crate::support::inventory;

/// Where we read a file otherwise: an unquoted blank parts words for a shell, so that the line is
/// broken; container-inspector drops the blank. And `ID` is lower case by os-release(5): feeds look it
/// up in that form.
const DISAGREEMENTS: &[&str] = &["pop-os-17.04.txt", "zorinos-12.txt", "elementary-0.4.txt"];

#[test]
fn real_os_release_files_are_read_as_container_inspector_reads_them() {
    let Some(folder) = shared("fixtures/images/real/container-inspector/distro/os-release") else {
        return;
    };
    let mut differences = Vec::new();
    let mut count = 0;
    for distribution in fs::read_dir(folder).unwrap() {
        for file in fs::read_dir(distribution.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let expected = format!("{}-distro-expected.json", path.display());
            if !Path::new(&expected).exists() {
                continue;
            }
            if DISAGREEMENTS.iter().any(|name| path.ends_with(name)) {
                continue;
            }
            count += 1;
            let expected: Value =
                serde_json::from_str(&fs::read_to_string(expected).unwrap()).unwrap();
            let text = fs::read(&path).unwrap();
            let found = inventory([layer().file("etc/os-release", text)]);
            let found = found
                .distribution
                .map(|found| found.fact)
                .unwrap_or_default();
            differences.extend(
                difference(&found, &expected).map(|text| format!("{}: {text}", path.display())),
            );
        }
    }
    assert!(count > 150, "{count} files");
    assert!(
        differences.is_empty(),
        "{count} files\n{}",
        differences.join("\n")
    );
}

fn difference(found: &DistributionFact, expected: &Value) -> Option<String> {
    let text = |key: &str| {
        expected[key]
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::trim)
    };
    let id_like = found.id_like.join(" ");
    let pairs = [
        (
            Some(found.id.as_str()),
            text("identifier").or(Some("linux")),
        ),
        (found.version_id.as_deref(), text("version_id")),
        (found.codename.as_deref(), text("version_codename")),
        (found.pretty_name.as_deref(), text("pretty_name")),
        (
            Some(id_like.as_str()).filter(|ids| !ids.is_empty()),
            text("id_like"),
        ),
    ];
    let wrong: Vec<_> = pairs
        .iter()
        .filter(|(found, expected)| found != expected)
        .collect();
    (!wrong.is_empty()).then(|| format!("{wrong:?}"))
}
