//! Julia packages that a `Manifest.toml` locks, marked as declared.
//!
//! Format: <https://pkgdocs.julialang.org/v1/toml-files/#Manifest.toml>. Version 1 has an array of tables
//! for each name, version 2 has them below `deps`. What comes with Julia has no version of its own: it is
//! told with that of Julia where the file says it (as Trivy does), else not at all.

use std::collections::BTreeMap;

use lamina_image::{layer::Entry, path::LayerPath};
use toml::Value;

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Basis, Facts, PackageFact, PackageKind},
    limits::MAX_LOCK_BYTES,
    places::is_inside_installed,
    text::word,
    toml_file::parse_toml,
};

/// Locked Julia packages.
pub struct Julia;

impl Analyser for Julia {
    fn id(&self) -> &'static str {
        "julia"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        let name = path.file_name();
        if !name.ends_with(b".toml") {
            return false;
        }
        // `Manifest-v1.11.toml` is for one version of Julia.
        let name = name.strip_prefix(b"Julia").unwrap_or(name);
        let is_manifest = name == b"Manifest.toml" || name.starts_with(b"Manifest-v");
        is_manifest && !is_inside_installed(path)
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_LOCK_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        let Some(manifest) = parse_toml::<BTreeMap<String, Value>>(self.id(), &file, out) else {
            return;
        };
        let julia = manifest.get("julia_version").and_then(Value::as_str);
        let deps = manifest.get("deps").and_then(Value::as_table);
        let below: Vec<_> = deps.into_iter().flatten().collect();
        let here = manifest.iter().filter(|_| deps.is_none());
        for (name, entries) in below.into_iter().chain(here) {
            // One name may be that of several packages, told apart by their UUID.
            for entry in entries.as_array().into_iter().flatten() {
                let text = |key: &str| entry.get(key).and_then(Value::as_str);
                // Another program's file of that name has none.
                let Some(uuid) = text("uuid").and_then(|uuid| word(uuid.as_bytes())) else {
                    continue;
                };
                let Some(stated) = text("version").or(julia) else {
                    continue;
                };
                let (Some(name), Some(version)) = (word(name.as_bytes()), word(stated.as_bytes()))
                else {
                    let problem = "a package without a name or version";
                    out.malformed(self.id(), file.path, 0, problem);
                    continue;
                };
                let mut fact = PackageFact::new(PackageKind::Julia, name, version, file.path);
                fact.basis = Basis::Declared;
                fact.detail("uuid", Some(uuid));
                fact.detail("repository", text("repo-url"));
                out.add_package(self.id(), fact);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims};

    #[test]
    fn claims() {
        check_claims(
            &Julia,
            &[
                "app/Manifest.toml",
                "app/JuliaManifest.toml",
                "app/Manifest-v1.11.toml",
            ],
            &[
                "app/Project.toml",
                "root/.julia/packages/A/x/Manifest.toml",
                "usr/share/julia/stdlib/v1.9/Pkg/test/Manifest.toml",
                "",
            ],
        );
    }

    fn found(text: &str) -> Vec<String> {
        let facts = analyse(&Julia, "Manifest.toml", text);
        assert_eq!(facts.warnings, []);
        let found = facts.packages.iter();
        found
            .map(|package| crate::purl::purl(package, None))
            .collect()
    }

    #[test]
    fn both_versions_of_the_format_are_read() {
        assert_eq!(
            found(
                "julia_version = \"1.9.0\"\nmanifest_format = \"2.0\"\n[[deps.A]]\nuuid = \"u-1\"\n\
                 version = \"1.2.0\"\n[[deps.Base64]]\nuuid = \"u-2\"\n"
            ),
            [
                "pkg:julia/A@1.2.0?uuid=u-1",
                "pkg:julia/Base64@1.9.0?uuid=u-2"
            ]
        );
        assert_eq!(
            found("[[A]]\nuuid = \"u-1\"\nversion = \"1.2.0\"\n[[Base64]]\nuuid = \"u-2\"\n"),
            ["pkg:julia/A@1.2.0?uuid=u-1"]
        );
    }

    #[test]
    fn files_of_others_declare_nothing() {
        assert_eq!(
            found("[package]\nname = \"a\"\nversion = \"1\"\n[[a]]\nversion = \"1\"\n"),
            [""; 0]
        );
    }

    #[test]
    fn truncated_and_hostile_files_are_warnings() {
        let check = |text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Julia, "Manifest.toml", text);
            assert_eq!(facts.packages.len(), packages, "{text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{text:?}");
        };
        check(b"", 0, 0);
        check(b"[[A]]\nuuid = \"u", 0, 1);
        check(b"\xff", 0, 1);
        check(format!("a = {}", "[".repeat(100_000)).as_bytes(), 0, 1);
    }
}
