//! Swift packages that `Package.resolved` pins, marked as declared.
//!
//! Format: <https://github.com/swiftlang/swift-package-manager/blob/main/Sources/PackageGraph/ResolvedPackagesStore.swift>,
//! version 1 (`object.pins[].repositoryURL`), 2 and 3 (`pins[].location`). The name is the repository
//! without scheme and `.git`, as advisories and purls have it. A pin to a branch has no version; the
//! branch is told instead, as Trivy does; a pin to a revision alone is not told.

use lamina_image::{layer::Entry, path::LayerPath};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    analyser::{Analyser, ClaimedFile},
    declared::DeclaredList,
    facts::{Facts, PackageKind},
    json::{parse_json, word_of},
    limits::MAX_LOCK_BYTES,
    places::is_inside_installed,
};

/// Pinned Swift packages.
pub struct Swift;

impl Analyser for Swift {
    fn id(&self) -> &'static str {
        "swift"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        matches!(path.file_name(), b"Package.resolved" | b".package.resolved")
            && !is_inside_installed(path)
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_LOCK_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        let Some(resolved) = parse_json::<Resolved>(self.id(), &file, out) else {
            return;
        };
        let mut list = DeclaredList::new(PackageKind::Swift, &file);
        for pin in resolved.pins.into_iter().chain(resolved.object.pins) {
            let url = word_of(&pin.location).or_else(|| word_of(&pin.repository_url));
            let identity = word_of(&pin.identity).or_else(|| word_of(&pin.package));
            let Some(name) = url.map(|url| repository(&url)).or(identity) else {
                list.add("", "", None, false);
                continue;
            };
            let version = word_of(&pin.state.version);
            let branch = word_of(&pin.state.branch);
            let revision = word_of(&pin.state.revision);
            let Some(stated) = version.or(branch) else {
                continue;
            };
            if let Some(fact) = list.add(&name, &stated, None, false) {
                fact.detail("revision", revision);
            }
        }
        list.finish(self.id(), out);
    }
}

/// `github.com/apple/swift-nio` of `https://github.com/apple/swift-nio.git` and of
/// `git@github.com:apple/swift-nio.git`.
fn repository(url: &str) -> String {
    let url = url.split_once("://").map_or(url, |(_, rest)| rest);
    let url = url.trim_end_matches('/');
    let url = url.strip_suffix(".git").unwrap_or(url);
    match url.split_once('@') {
        Some((user, rest)) if !user.contains('/') => rest.replacen(':', "/", 1),
        _ => url.to_owned(),
    }
}

#[derive(Deserialize)]
struct Resolved {
    #[serde(default)]
    pins: Vec<Pin>,
    #[serde(default)]
    object: Object,
}

#[derive(Default, Deserialize)]
struct Object {
    #[serde(default)]
    pins: Vec<Pin>,
}

#[derive(Deserialize)]
struct Pin {
    #[serde(default)]
    identity: Value,
    #[serde(default)]
    package: Value,
    #[serde(default)]
    location: Value,
    #[serde(default, rename = "repositoryURL")]
    repository_url: Value,
    #[serde(default)]
    state: State,
}

#[derive(Default, Deserialize)]
struct State {
    #[serde(default)]
    version: Value,
    #[serde(default)]
    branch: Value,
    #[serde(default)]
    revision: Value,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims};

    #[test]
    fn claims() {
        check_claims(
            &Swift,
            &["app/Package.resolved", "app/.package.resolved"],
            &[
                "app/.build/checkouts/swift-nio/Package.resolved",
                "app/Package.swift",
                "",
            ],
        );
    }

    #[test]
    fn every_version_of_the_format_is_read() {
        let check = |text: &str, expect: &[(&str, &str)]| {
            let facts = analyse(&Swift, "Package.resolved", text);
            assert_eq!(facts.warnings, []);
            let found = facts.packages.iter();
            let found: Vec<_> = found
                .map(|p| (p.name.as_str(), p.version.as_str()))
                .collect();
            assert_eq!(found, expect, "{text}");
        };
        check(
            r#"{"object": {"pins": [{"package": "NIO", "repositoryURL": "https://github.com/apple/swift-nio.git",
                "state": {"branch": null, "revision": "abc", "version": "2.41.0"}}]}, "version": 1}"#,
            &[("github.com/apple/swift-nio", "2.41.0")],
        );
        check(
            r#"{"pins": [
                {"identity": "a", "location": "git@github.com:b/a.git", "state": {"branch": "main", "revision": "abc"}},
                {"identity": "c", "kind": "registry", "location": "", "state": {"version": "1.0.0"}},
                {"identity": "d", "location": "https://x/d", "state": {"revision": "abc"}}
            ], "version": 2}"#,
            &[("github.com/b/a", "main"), ("c", "1.0.0")],
        );
        check(r#"{"originHash": "x", "pins": [], "version": 3}"#, &[]);
    }

    #[test]
    fn truncated_and_hostile_files_are_warnings() {
        let check = |text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Swift, "Package.resolved", text);
            assert_eq!(facts.packages.len(), packages, "{text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{text:?}");
        };
        check(b"", 0, 1);
        check(b"{}", 0, 0);
        check(b"{\"pins\": [{}]}", 0, 1);
        check(b"{\"pins\": [{\"identity\": \"a\", \"sta", 0, 1);
        check("[".repeat(100_000).as_bytes(), 0, 1);
    }
}
