//! Dart and Flutter packages.
//!
//! - `.pub-cache/hosted/<host>/<name>-<version>/pubspec.yaml`
//!   (<https://dart.dev/tools/pub/pubspec>): a package that was fetched.
//! - `pubspec.lock` (<https://dart.dev/tools/pub/glossary#lockfile>), marked as declared.
//!
//! A `pubspec.yaml` elsewhere describes the project itself; Syft reads it in directories only.

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{Analyser, ClaimedFile},
    declared::DeclaredList,
    facts::{Facts, PackageFact, PackageKind},
    limits::MAX_LOCK_BYTES,
    places::{components, is_inside_installed},
    text::word,
    yaml_lines::yaml_lines,
};

/// Packages of pub.dev and its kin.
pub struct Dart;

impl Analyser for Dart {
    fn id(&self) -> &'static str {
        "dart"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        match path.file_name() {
            b"pubspec.lock" => !is_inside_installed(path),
            b"pubspec.yaml" => components(path).rev().nth(3) == Some(b"hosted"),
            _ => false,
        }
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_LOCK_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        if file.path.file_name() == b"pubspec.lock" {
            self.lock(&file, out);
        } else {
            self.pubspec(&file, out);
        }
    }
}

impl Dart {
    fn pubspec(&self, file: &ClaimedFile<'_>, out: &mut Facts) {
        let (mut name, mut version) = (None, None);
        for line in yaml_lines(file.bytes).filter(|line| line.indent == 0) {
            match line.key {
                "name" => name = word(line.value.as_bytes()),
                "version" => version = word(line.value.as_bytes()),
                _ => {}
            }
        }
        let (Some(name), Some(version)) = (name, version) else {
            let problem = "the package has no name or version";
            return out.malformed(self.id(), file.path, 0, problem);
        };
        let mut package = PackageFact::new(PackageKind::Pub, name, version, file.path);
        package.folder = file.path.parent();
        out.add_package(self.id(), package);
    }

    /// `packages:`, by name at two spaces; `version`, `source`, `dependency` at four.
    fn lock(&self, file: &ClaimedFile<'_>, out: &mut Facts) {
        let mut list = DeclaredList::new(PackageKind::Pub, file);
        let mut is_packages = false;
        let mut open: Option<Locked<'_>> = None;
        for line in yaml_lines(file.bytes) {
            if line.indent == 0 {
                is_packages = line.key == "packages";
            }
            if line.indent <= 2
                && let Some(done) = open.take()
            {
                done.add(&mut list);
            }
            match (is_packages, line.indent, line.key) {
                (true, 2, name) => {
                    open = Some(Locked {
                        name,
                        first_line: line.number,
                        ..Locked::default()
                    });
                }
                (true, 4, key) => {
                    if let Some(open) = &mut open {
                        open.last_line = line.number;
                        match key {
                            "version" => open.version = line.value,
                            "source" => open.source = line.value,
                            "dependency" => open.dependency = line.value,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        if let Some(done) = open {
            done.add(&mut list);
        }
        list.finish(self.id(), out);
    }
}

#[derive(Default)]
struct Locked<'a> {
    name: &'a str,
    version: &'a str,
    source: &'a str,
    dependency: &'a str,
    first_line: u32,
    last_line: u32,
}

impl Locked<'_> {
    fn add(self, list: &mut DeclaredList<'_>) {
        // What comes with the SDK says version 0.0.0. Trivy tells it with the SDK's least version, which
        // is not the one that is there.
        if self.source == "sdk" {
            return;
        }
        let lines = Some((self.first_line, self.last_line.max(self.first_line)));
        let is_dev = self.dependency == "direct dev";
        if let Some(fact) = list.add(self.name, self.version, lines, is_dev) {
            fact.detail("origin", Some(self.source).filter(|s| *s != "hosted"));
        }
    }
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
            &Dart,
            &[
                "app/pubspec.lock",
                "root/.pub-cache/hosted/pub.dev/http-0.13.5/pubspec.yaml",
            ],
            &[
                "app/pubspec.yaml",
                "root/.pub-cache/hosted/pub.dev/http-0.13.5/example/pubspec.yaml",
                "root/.pub-cache/hosted/pub.dev/http-0.13.5/example/pubspec.lock",
                "hosted/pubspec.yaml",
                "",
            ],
        );
    }

    const LOCK: &str = "\
# Generated by pub
packages:
  http:
    dependency: \"direct main\"
    description:
      name: http
      url: \"https://pub.dartlang.org\"
    source: hosted
    version: \"0.13.5\"
  flutter:
    dependency: \"direct main\"
    description: flutter
    source: sdk
    version: \"0.0.0\"
  test:
    dependency: \"direct dev\"
    source: git
    version: \"1.0.0\"
sdks:
  dart: \">=2.12.0 <3.0.0\"
";

    #[test]
    fn locks_are_declared() {
        let facts = analyse(&Dart, "app/pubspec.lock", LOCK);
        assert_eq!(facts.warnings, []);
        let [http, test] = facts.packages.as_slice() else {
            panic!("{facts:?}")
        };
        assert_eq!(
            (http.name.as_str(), http.version.as_str()),
            ("http", "0.13.5")
        );
        assert_eq!(http.lines, Some((3, 9)));
        assert_eq!(http.basis, Basis::Declared);
        assert_eq!(http.detail_of("scope"), None);
        assert_eq!(test.detail_of("scope"), Some("dev"));
        assert_eq!(test.detail_of("origin"), Some("git"));
    }

    #[test]
    fn fetched_packages_are_installed() {
        let path = "root/.pub-cache/hosted/pub.dev/http-0.13.5/pubspec.yaml";
        let text = "name: http\nversion: 0.13.5\nenvironment:\n  version: 9\n";
        let facts = analyse(&Dart, path, text);
        let package = &facts.packages[0];
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("http", "0.13.5")
        );
        assert_eq!(package.basis, Basis::Installed);
    }

    #[test]
    fn truncated_and_hostile_files_are_warnings() {
        let check = |path: &str, text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Dart, path, text);
            assert_eq!(facts.packages.len(), packages, "{path} {text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{path} {text:?}");
        };
        check("pubspec.lock", b"", 0, 0);
        check("pubspec.lock", b"packages:\n  a:\n    vers", 0, 1);
        check(
            "pubspec.lock",
            b"packages:\n\xff\n  a:\n    version: 1",
            1,
            0,
        );
        check("pubspec.yaml", b"", 0, 1);
        check("pubspec.yaml", b"name: a\n", 0, 1);
        let long = format!("name: {}\nversion: 1\n", "x".repeat(5000));
        check("pubspec.yaml", long.as_bytes(), 0, 1);
    }
}
