//! npm's `package-lock.json`.
//!
//! Format: <https://docs.npmjs.com/cli/configuring-npm/package-lock-json>. Versions 2 and 3 have
//! `packages`, by the folder that each is to be installed in; version 1 has `dependencies`, one in
//! another.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::Value;

use super::ID;
use crate::{
    analyser::ClaimedFile,
    declared::DeclaredList,
    facts::{Facts, PackageKind},
    json::{parse_json, texts, word_of},
    limits::MAX_LICENCE_BYTES,
    text::cut,
};

/// Reads `package-lock.json`.
pub(super) fn read(file: &ClaimedFile<'_>, out: &mut Facts) {
    let Some(lock) = parse_json::<Lock>(ID, file, out) else {
        return;
    };
    let mut list = DeclaredList::new(PackageKind::Npm, file);
    // What members are called where they are linked.
    let links = lock.packages.iter().filter(|(_, package)| package.link);
    let links: HashMap<&str, &str> = links
        .filter_map(|(folder, link)| Some((link.resolved.as_str()?, name_of(folder)?)))
        .collect();
    for (folder, package) in &lock.packages {
        // The project itself, and links to its members, which are listed by their own folders.
        if folder.is_empty() || package.link {
            continue;
        }
        let after = name_of(folder);
        // The name is stated where the folder does not say it: of members, and of aliases.
        let name = word_of(&package.name);
        let stated = name.as_deref().or(after);
        let stated = stated.or_else(|| links.get(folder.as_str()).copied());
        let (Some(name), Some(version)) = (stated, package.version.as_str()) else {
            continue;
        };
        let is_dev = package.dev || package.dev_optional;
        if let Some(fact) = list.add(name, plain(version), None, is_dev) {
            let licence = cut(&texts(&package.license).join(", "), MAX_LICENCE_BYTES);
            fact.licence = Some(licence).filter(|licence| !licence.is_empty());
            let resolved = package.resolved.as_str().unwrap_or_default();
            let is_member = after.is_none();
            fact.detail(
                "origin",
                if is_member {
                    Some("local")
                } else {
                    origin(resolved)
                },
            );
            fact.evidence.get_or_insert_with(|| format!("at {folder}"));
        }
    }
    if lock.packages.is_empty() {
        // One in another, with what of it is still to be read. Nesting is bounded by the reader.
        let mut open = vec![&lock.dependencies];
        while let Some(dependencies) = open.pop() {
            for (name, dependency) in dependencies {
                if let Some(version) = dependency.version.as_str()
                    && !version.starts_with("file:")
                {
                    let (name, version) = alias(name, version);
                    if let Some(fact) = list.add(name, version, None, dependency.dev) {
                        let is_git = version.contains("://") || version.starts_with("github:");
                        fact.detail("origin", is_git.then_some("git"));
                    }
                }
                open.push(&dependency.dependencies);
            }
        }
    }
    list.finish(ID, out);
}

/// `@a/b` of `node_modules/x/node_modules/@a/b`.
fn name_of(folder: &str) -> Option<&str> {
    folder.rsplit_once("node_modules/").map(|(_, name)| name)
}

fn plain(version: &str) -> &str {
    version.strip_prefix(['v', '=']).unwrap_or(version)
}

/// `npm:string-width@4.2.0`: what is really installed under another name.
fn alias<'a>(name: &'a str, version: &'a str) -> (&'a str, &'a str) {
    let real = version
        .strip_prefix("npm:")
        .and_then(|real| real.rsplit_once('@'));
    real.filter(|(name, _)| !name.is_empty())
        .unwrap_or((name, version))
}

fn origin(resolved: &str) -> Option<&'static str> {
    if resolved.starts_with("git") {
        Some("git")
    } else if resolved.starts_with("file:") {
        Some("local")
    } else {
        None
    }
}

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    packages: BTreeMap<String, Package>,
    #[serde(default)]
    dependencies: BTreeMap<String, Dependency>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    #[serde(default)]
    name: Value,
    #[serde(default)]
    version: Value,
    #[serde(default)]
    resolved: Value,
    #[serde(default)]
    license: Value,
    #[serde(default)]
    dev: bool,
    #[serde(default)]
    dev_optional: bool,
    #[serde(default)]
    link: bool,
}

#[derive(Deserialize)]
struct Dependency {
    #[serde(default)]
    version: Value,
    #[serde(default)]
    dev: bool,
    #[serde(default)]
    dependencies: BTreeMap<String, Dependency>,
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_broken, declared};

    #[test]
    fn folders_say_the_name() {
        let text = r#"{"lockfileVersion": 3, "packages": {
            "": {"name": "app", "version": "1.0.0"},
            "node_modules/a": {"version": "1.0.0", "license": "MIT"},
            "node_modules/a/node_modules/@b/c": {"version": "2.0.0", "dev": true},
            "node_modules/alias": {"name": "d", "version": "3.0.0"},
            "node_modules/member": {"resolved": "packages/member", "link": true},
            "packages/member": {"version": "0.1.0"},
            "packages/other": {},
            "node_modules/g": {"version": "1.0.0", "resolved": "git+ssh://git@github.com/a/g.git#abc"}
        }, "dependencies": {"ignored": {"version": "1"}}}"#;
        assert_eq!(
            declared("package-lock.json", text),
            [
                "a 1.0.0",
                "@b/c 2.0.0 scope=dev",
                "d 3.0.0",
                "g 1.0.0 origin=git",
                "member 0.1.0 origin=local"
            ]
        );
    }

    #[test]
    fn version_1_has_one_in_another() {
        let text = r#"{"lockfileVersion": 1, "dependencies": {
            "a": {"version": "1.0.0", "dev": true, "dependencies": {"b": {"version": "2.0.0"}}},
            "c": {"version": "npm:d@3.0.0"}, "e": {"version": "file:../e"}, "b": {"version": "1.0.0"}}}"#;
        assert_eq!(
            declared("package-lock.json", text),
            ["a 1.0.0 scope=dev", "b 1.0.0", "d 3.0.0", "b 2.0.0"]
        );
    }

    #[test]
    fn broken_files_are_warnings() {
        check_broken(
            "package-lock.json",
            b"{\"packages\": {\"node_modules/a\": {\"ver",
            0,
            1,
        );
        check_broken(
            "package-lock.json",
            b"{\"packages\": {\"node_modules/a\": {\"version\": \"\"}}}",
            0,
            1,
        );
        check_broken("package-lock.json", b"{\"packages\": []}", 0, 1);
    }
}
