//! C and C++ packages by Conan.
//!
//! - `conaninfo.txt` in Conan 1's cache, `data/<name>/<version>/<user>/<channel>/package/<id>/`
//!   (<https://docs.conan.io/1/reference/config_files/conaninfo.txt.html>): a package that is there. The
//!   folders of Conan 2's cache do not name it.
//! - `conan.lock`, marked as declared: version 2
//!   (<https://docs.conan.io/2/tutorial/versioning/lockfiles.html>) and version 1 (`graph_lock`).

use std::collections::BTreeMap;

use lamina_image::{layer::Entry, path::LayerPath};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    analyser::{Analyser, ClaimedFile},
    declared::DeclaredList,
    facts::{Facts, PackageFact, PackageKind},
    json::{parse_json, texts},
    limits::MAX_LOCK_BYTES,
    places::components,
    text::{lines, word},
};

/// Conan packages.
pub struct Conan;

impl Analyser for Conan {
    fn id(&self) -> &'static str {
        "conan"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        matches!(path.file_name(), b"conan.lock" | b"conaninfo.txt")
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_LOCK_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        if file.path.file_name() == b"conan.lock" {
            self.lock(&file, out);
        } else {
            self.info(&file, out);
        }
    }
}

impl Conan {
    fn info(&self, file: &ClaimedFile<'_>, out: &mut Facts) {
        let Some((name, version)) = cached(file.path) else {
            return;
        };
        // Another program's file of that name has no such section.
        let is_conan = |line: &[u8]| matches!(line, b"[settings]" | b"[options]" | b"[requires]");
        if !lines(file.bytes).any(|(_, line)| is_conan(line.trim_ascii())) {
            let problem = "not the record of a Conan package";
            return out.malformed(self.id(), file.path, 0, problem);
        }
        let mut package = PackageFact::new(PackageKind::Conan, name, version, file.path);
        package.folder = file.path.parent();
        out.add_package(self.id(), package);
    }

    fn lock(&self, file: &ClaimedFile<'_>, out: &mut Facts) {
        let Some(lock) = parse_json::<Lock>(self.id(), file, out) else {
            return;
        };
        let mut list = DeclaredList::new(PackageKind::Conan, file);
        let mut add = |reference: &str, is_dev: bool| {
            if let Some((name, version)) = split(reference) {
                list.add(name, version, None, is_dev);
            }
        };
        for reference in texts(&lock.requires) {
            add(reference, false);
        }
        for tools in [&lock.build_requires, &lock.python_requires] {
            texts(tools).into_iter().for_each(|tool| add(tool, true));
        }
        let node_of = |context: &Value| context.as_str() == Some("build");
        for node in lock.graph_lock.nodes.values() {
            if let Some(reference) = node.reference.as_str() {
                add(reference, node_of(&node.context));
            }
        }
        list.finish(self.id(), out);
    }
}

/// Name and version by the folders of Conan 1's cache.
fn cached(path: &LayerPath) -> Option<(String, String)> {
    let mut above = components(path).rev().skip(2);
    if above.next()? != b"package" {
        return None;
    }
    let mut above = above.skip(2);
    let version = word(above.next()?)?;
    let name = word(above.next()?)?;
    Some((name, version))
}

/// `zlib/1.2.12@user/channel#revision:package%time`. The file that a version 1 is made for has no name,
/// or no version.
fn split(reference: &str) -> Option<(&str, &str)> {
    let end = reference.find(['@', '#', ':', '%']);
    let reference = end
        .and_then(|end| reference.get(..end))
        .unwrap_or(reference);
    let (name, version) = reference.split_once('/')?;
    let is_version = !version.is_empty() && !version.contains('/');
    (!name.is_empty() && is_version).then_some((name, version))
}

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    requires: Value,
    #[serde(default)]
    build_requires: Value,
    #[serde(default)]
    python_requires: Value,
    #[serde(default)]
    graph_lock: Graph,
}

#[derive(Default, Deserialize)]
struct Graph {
    #[serde(default)]
    nodes: BTreeMap<String, Node>,
}

#[derive(Deserialize)]
struct Node {
    #[serde(default, rename = "ref")]
    reference: Value,
    #[serde(default)]
    context: Value,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::Basis,
        kinds::tests::{analyse, check_claims},
    };

    #[test]
    fn claims() {
        check_claims(
            &Conan,
            &[
                "app/conan.lock",
                "root/.conan/data/a/1/_/_/package/x/conaninfo.txt",
            ],
            &["app/conanfile.txt", "app/conan.lock.bak", ""],
        );
    }

    #[test]
    fn cached_packages_are_installed() {
        let path = "root/.conan/data/zlib/1.2.12/_/_/package/abc/conaninfo.txt";
        let facts = analyse(&Conan, path, "[settings]\n    arch=x86_64\n[requires]\n");
        let package = &facts.packages[0];
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("zlib", "1.2.12")
        );
        assert_eq!(package.basis, Basis::Installed);
        let path = "root/.conan2/p/b/zlib1/p/conaninfo.txt";
        assert_eq!(analyse(&Conan, path, "[settings]\n"), Facts::default());
    }

    fn declared(text: &str) -> Vec<(String, String, bool)> {
        let facts = analyse(&Conan, "conan.lock", text);
        assert_eq!(facts.warnings, []);
        let found = facts.packages.into_iter();
        let found = found.map(|p| {
            let is_dev = p.detail_of("scope").is_some();
            (p.name, p.version, is_dev)
        });
        found.collect()
    }

    #[test]
    fn both_versions_of_the_lock_are_read() {
        let row = |name: &str, version: &str, is_dev| (name.to_owned(), version.to_owned(), is_dev);
        assert_eq!(
            declared(
                r#"{"version": "0.5", "requires": ["zlib/1.2.12#rev%16", "b/2@u/c"],
                    "build_requires": ["cmake/3.22"], "python_requires": []}"#
            ),
            [
                row("zlib", "1.2.12", false),
                row("b", "2", false),
                row("cmake", "3.22", true)
            ]
        );
        assert_eq!(
            declared(
                r#"{"graph_lock": {"nodes": {
                    "0": {"path": "conanfile.txt", "requires": ["1"]},
                    "1": {"ref": "pkga/0.1@user/testing#abc", "context": "host"},
                    "2": {"ref": "cmake/3", "context": "build"}}}, "version": "0.4"}"#
            ),
            [row("pkga", "0.1", false), row("cmake", "3", true)]
        );
    }

    #[test]
    fn truncated_and_hostile_files_are_warnings() {
        let check = |path: &str, text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Conan, path, text);
            assert_eq!(facts.packages.len(), packages, "{path} {text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{path} {text:?}");
        };
        check("conan.lock", b"", 0, 1);
        check("conan.lock", b"{\"requires\": [\"zlib/1", 0, 1);
        check(
            "conan.lock",
            b"{\"requires\": [\"zlib\", \"/\", \"a/b/c\", 7]}",
            0,
            0,
        );
        check("conan.lock", "[".repeat(100_000).as_bytes(), 0, 1);
        let path = "a/1/_/_/package/x/conaninfo.txt";
        check(path, b"", 0, 1);
        check(path, b"\xff\n", 0, 1);
    }
}
