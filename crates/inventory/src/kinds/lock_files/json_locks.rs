//! `composer.lock` and `packages.lock.json`.
//!
//! Formats: <https://getcomposer.org/doc/01-basic-usage.md#commit-your-composer-lock-file-to-version-control>;
//! <https://learn.microsoft.com/en-us/nuget/consume-packages/package-references-in-project-files#locking-dependencies>.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::ID;
use crate::{
    analyser::ClaimedFile,
    declared::DeclaredList,
    facts::{Facts, PackageKind},
    json::{parse_json, texts},
    limits::MAX_LICENCE_BYTES,
    text::cut,
};

/// Reads `composer.lock`.
pub(super) fn read_composer(file: &ClaimedFile<'_>, out: &mut Facts) {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Lock {
        #[serde(default)]
        packages: Vec<Package>,
        packages_dev: Option<Vec<Package>>,
    }
    #[derive(Deserialize)]
    struct Package {
        #[serde(default)]
        name: Value,
        #[serde(default)]
        version: Value,
        #[serde(default)]
        license: Value,
    }
    let Some(lock) = parse_json::<Lock>(ID, file, out) else {
        return;
    };
    let mut list = DeclaredList::new(PackageKind::Composer, file);
    let dev = lock.packages_dev.unwrap_or_default();
    for (packages, is_dev) in [(lock.packages, false), (dev, true)] {
        for package in packages {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let (name, version) = (text(&package.name), text(&package.version));
            if let Some(fact) = list.add(&name, &version, None, is_dev) {
                let licence = cut(&texts(&package.license).join(", "), MAX_LICENCE_BYTES);
                fact.licence = Some(licence).filter(|licence| !licence.is_empty());
            }
        }
    }
    list.finish(ID, out);
}

/// Reads `packages.lock.json`: per target framework, by name. Projects are the solution's own.
pub(super) fn read_nuget(file: &ClaimedFile<'_>, out: &mut Facts) {
    #[derive(Deserialize)]
    struct Lock {
        #[serde(default)]
        dependencies: BTreeMap<String, BTreeMap<String, Package>>,
    }
    #[derive(Deserialize)]
    struct Package {
        #[serde(default, rename = "type")]
        kind: Value,
        #[serde(default)]
        resolved: Value,
    }
    let Some(lock) = parse_json::<Lock>(ID, file, out) else {
        return;
    };
    let mut list = DeclaredList::new(PackageKind::Nuget, file);
    for (name, package) in lock.dependencies.values().flatten() {
        if package.kind != "Project" {
            list.add(
                name,
                package.resolved.as_str().unwrap_or_default(),
                None,
                false,
            );
        }
    }
    list.finish(ID, out);
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_broken, declared};

    #[test]
    fn composer_says_what_is_for_development() {
        let text = r#"{"packages": [{"name": "a/b", "version": "1.0", "license": ["MIT"]}],
                       "packages-dev": [{"name": "c/d", "version": "v2"}]}"#;
        assert_eq!(
            declared("composer.lock", text),
            ["a/b 1.0", "c/d v2 scope=dev"]
        );
        let text = r#"{"packages": [], "packages-dev": null}"#;
        assert_eq!(declared("composer.lock", text), [""; 0]);
    }

    #[test]
    fn frameworks_need_the_same() {
        let text = r#"{"version": 1, "dependencies": {
            "net5.0": {"A": {"type": "Direct", "requested": "[1, )", "resolved": "1.0"},
                       "own": {"type": "Project"}},
            "net6.0": {"A": {"type": "Transitive", "resolved": "1.0"}}}}"#;
        assert_eq!(declared("packages.lock.json", text), ["A 1.0"]);
    }

    #[test]
    fn broken_files_are_warnings() {
        check_broken("composer.lock", b"{\"packages\": [{}]}", 0, 1);
        check_broken("composer.lock", b"{\"packages\": [{\"name", 0, 1);
        check_broken(
            "packages.lock.json",
            b"{\"dependencies\": {\"n\": {\"A\": {}}}}",
            0,
            1,
        );
        check_broken(
            "packages.lock.json",
            b"{\"dependencies\": {\"n\": 7}}",
            0,
            1,
        );
    }
}
