//! OCaml packages that an opam switch has installed: `.opam-switch/switch-state`.
//!
//! Format: <https://opam.ocaml.org/doc/Manual.html#Switch-state>: `installed: ["dune.3.4" "base.v0.15.1"]`.
//! An `opam` file elsewhere is a recipe: a clone of the repository has one for every version that ever
//! was. (Syft reads those, in directories only.)

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Facts, PackageFact, PackageKind},
    limits::MAX_MANIFEST_BYTES,
    text::{lines, word},
};

/// Installed opam packages.
pub struct Opam;

impl Analyser for Opam {
    fn id(&self) -> &'static str {
        "opam"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        path.as_bytes().ends_with(b".opam-switch/switch-state")
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_MANIFEST_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        let mut is_installed = false;
        let mut is_closed = true;
        for (number, line) in lines(file.bytes) {
            let mut rest = line.trim_ascii();
            if is_closed {
                let Some(list) = rest.strip_prefix(b"installed:") else {
                    continue;
                };
                is_installed = true;
                is_closed = false;
                rest = list.trim_ascii_start();
                rest = rest.strip_prefix(b"[").unwrap_or(rest);
            }
            // Names and versions in quotes, until the list is closed.
            while let Some(at) = memchr::memchr2(b'"', b']', rest) {
                let (_, found) = rest.split_at(at);
                let Some(quoted) = found.strip_prefix(b"\"") else {
                    is_closed = true;
                    break;
                };
                let Some(end) = memchr::memchr(b'"', quoted) else {
                    break;
                };
                let (package, after) = quoted.split_at(end);
                rest = after.get(1..).unwrap_or_default();
                self.add(package, number, &file, out);
            }
        }
        if !is_installed || !is_closed {
            let problem = "the list of installed packages is missing or breaks off";
            out.malformed(self.id(), file.path, 0, problem);
        }
    }
}

impl Opam {
    /// `name.version`: a name has no dot in it.
    fn add(&self, package: &[u8], line: u32, file: &ClaimedFile<'_>, out: &mut Facts) {
        let dot = memchr::memchr(b'.', package);
        let parts = dot.and_then(|dot| package.split_at_checked(dot));
        let named = parts.and_then(|(name, version)| Some((word(name)?, word(version.get(1..)?)?)));
        let Some((name, version)) = named else {
            let problem = "a package without a name or version";
            return out.malformed(self.id(), file.path, line, problem);
        };
        let mut fact = PackageFact::new(PackageKind::Opam, name, version, file.path);
        fact.lines = Some((line, line));
        out.add_package(self.id(), fact);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims};

    const PATH: &str = "root/.opam/default/.opam-switch/switch-state";

    #[test]
    fn claims() {
        check_claims(
            &Opam,
            &[PATH],
            &[
                "root/.opam/repo/default/packages/dune/dune.3.4/opam",
                "root/.opam/default/.opam-switch/packages/dune.3.4/opam",
                "app/app.opam",
                "",
            ],
        );
    }

    #[test]
    fn installed_packages_are_read() {
        let facts = analyse(
            &Opam,
            PATH,
            "opam-version: \"2.0\"\ncompiler: [\"ocaml.4.14.0\"]\nroots: [\"dune.3.4\"]\ninstalled: [\n  \
             \"base.v0.15.1\" \"dune.3.4\"\n  \"ocaml.4.14.0\"\n]\npinned: [\"x.1\"]\n",
        );
        assert_eq!(facts.warnings, []);
        let found = facts.packages.iter();
        let found: Vec<_> = found
            .map(|p| (p.name.as_str(), p.version.as_str(), p.lines))
            .collect();
        assert_eq!(
            found,
            [
                ("base", "v0.15.1", Some((5, 5))),
                ("dune", "3.4", Some((5, 5))),
                ("ocaml", "4.14.0", Some((6, 6)))
            ]
        );
    }

    #[test]
    fn truncated_and_hostile_files_are_warnings() {
        let check = |text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Opam, PATH, text);
            assert_eq!(facts.packages.len(), packages, "{text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{text:?}");
        };
        check(b"", 0, 1);
        check(b"installed: [\"a.1\" \"b", 1, 1);
        check(b"installed: [\"a\" \".1\" \"a.\"]", 0, 3);
        check(b"installed: []", 0, 0);
        check(b"installed: [\"\xff.1\"]", 1, 0);
    }
}
