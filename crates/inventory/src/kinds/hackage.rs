//! Haskell packages.
//!
//! - `package.conf.d/<name>-<version>[-<hash>].conf`: what GHC's package database has, in Cabal's format
//!   (<https://downloads.haskell.org/ghc/latest/docs/users_guide/packages.html#package-databases>).
//!   Neither Syft nor Trivy reads it.
//! - `stack.yaml.lock` (<https://docs.haskellstack.org/en/stable/topics/lock_files/>) and
//!   `cabal.project.freeze` (<https://cabal.readthedocs.io/en/stable/cabal-commands.html#cabal-freeze>),
//!   marked as declared.

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{Analyser, ClaimedFile},
    declared::DeclaredList,
    facts::{Facts, PackageFact, PackageKind},
    limits::{MAX_LICENCE_BYTES, MAX_LOCK_BYTES},
    text::{cut, field, lines, word},
    yaml_lines::yaml_lines,
};

/// Haskell packages.
pub struct Hackage;

impl Analyser for Hackage {
    fn id(&self) -> &'static str {
        "hackage"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        match path.file_name() {
            b"stack.yaml.lock" | b"cabal.project.freeze" => true,
            name if name.ends_with(b".conf") => {
                path.as_bytes().rsplit(|byte| *byte == b'/').nth(1) == Some(b"package.conf.d")
            }
            _ => false,
        }
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_LOCK_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        match file.path.file_name() {
            b"stack.yaml.lock" => self.stack(&file, out),
            b"cabal.project.freeze" => self.cabal(&file, out),
            _ => self.installed(&file, out),
        }
    }
}

impl Hackage {
    fn installed(&self, file: &ClaimedFile<'_>, out: &mut Facts) {
        let (mut name, mut version, mut licence) = (None, None, None);
        let mut last_line = 0;
        let mut open = None;
        for (number, line) in lines(file.bytes) {
            // A value may stand in the lines below its key.
            let (key, value) = match field(line) {
                Some((key, value)) => {
                    open = value.is_empty().then_some(key);
                    (key, value)
                }
                None => match open.take() {
                    Some(key) => (key, line.trim_ascii()),
                    None => continue,
                },
            };
            let into = match key.to_ascii_lowercase().as_slice() {
                b"name" => &mut name,
                b"version" => &mut version,
                b"license" => &mut licence,
                _ => continue,
            };
            *into = word(value);
            last_line = number;
        }
        let Some(name) = name else {
            return out.malformed(self.id(), file.path, 0, "the package has no name");
        };
        let Some(version) = version else {
            let problem = format!("the package {name:?} has no version");
            return out.malformed(self.id(), file.path, 0, &problem);
        };
        let mut package = PackageFact::new(PackageKind::Hackage, name, version, file.path);
        package.licence = licence.map(|licence| cut(&licence, MAX_LICENCE_BYTES));
        package.lines = Some((1, last_line));
        out.add_package(self.id(), package);
    }

    /// `hackage: name-1.0@sha256:…,123`, each in `completed` and in `original`.
    fn stack(&self, file: &ClaimedFile<'_>, out: &mut Facts) {
        let mut list = DeclaredList::new(PackageKind::Hackage, file);
        for line in yaml_lines(file.bytes).filter(|line| line.key == "hackage") {
            let package = line.value.split('@').next().unwrap_or_default();
            match package.rsplit_once('-') {
                Some((name, version)) => {
                    list.add(name, version, Some((line.number, line.number)), false);
                }
                None => drop(list.add("", "", None, false)),
            }
        }
        list.finish(self.id(), out);
    }

    /// `any.name ==1.0,` one a line; flags are in lines of their own.
    fn cabal(&self, file: &ClaimedFile<'_>, out: &mut Facts) {
        let mut list = DeclaredList::new(PackageKind::Hackage, file);
        for (number, line) in lines(file.bytes) {
            let Ok(text) = std::str::from_utf8(line) else {
                continue;
            };
            let text = text.trim();
            let text = text.strip_prefix("constraints:").unwrap_or(text);
            for constraint in text.split(',') {
                let stated = constraint.trim().strip_prefix("any.");
                let Some((name, version)) = stated.and_then(|text| text.split_once("==")) else {
                    continue;
                };
                list.add(name, version, Some((number, number)), false);
            }
        }
        list.finish(self.id(), out);
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
            &Hackage,
            &[
                "opt/ghc/lib/package.conf.d/base-4.17.0.0.conf",
                "app/stack.yaml.lock",
                "app/cabal.project.freeze",
            ],
            &["app/stack.yaml", "etc/a.conf", "app/cabal.project", ""],
        );
    }

    #[test]
    fn the_database_of_ghc_is_installed() {
        let facts = analyse(
            &Hackage,
            "opt/ghc/lib/package.conf.d/base-4.17.0.0.conf",
            "name:                 base\nversion:              4.17.0.0\nlicense:\n    BSD-3-Clause\n\
             description:\n    name: not this\nabi:                  x\n",
        );
        assert_eq!(facts.warnings, []);
        let package = &facts.packages[0];
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("base", "4.17.0.0")
        );
        assert_eq!(package.licence.as_deref(), Some("BSD-3-Clause"));
        assert_eq!(package.basis, Basis::Installed);
    }

    fn declared(path: &str, text: &str) -> Vec<String> {
        let facts = analyse(&Hackage, path, text);
        assert_eq!(facts.warnings, []);
        assert!(facts.packages.iter().all(|p| p.basis == Basis::Declared));
        let found = facts.packages.iter();
        found
            .map(|p| format!("{} {} {:?}", p.name, p.version, p.lines))
            .collect()
    }

    #[test]
    fn locks_are_declared() {
        assert_eq!(
            declared(
                "stack.yaml.lock",
                "packages:\n- completed:\n    hackage: configurator-pg-0.2.6@sha256:ab,28\n  original:\n    \
                 hackage: configurator-pg-0.2.6@sha256:ab,28\n"
            ),
            ["configurator-pg 0.2.6 Some((3, 3))"]
        );
        assert_eq!(
            declared(
                "cabal.project.freeze",
                "constraints: any.Cabal ==3.2.1.0,\n             tls +compat,\n             any.Diff ==0.4.1\n"
            ),
            ["Cabal 3.2.1.0 Some((1, 1))", "Diff 0.4.1 Some((3, 3))"]
        );
    }

    #[test]
    fn truncated_and_hostile_files_are_warnings() {
        let check = |path: &str, text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Hackage, path, text);
            assert_eq!(facts.packages.len(), packages, "{path} {text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{path} {text:?}");
        };
        check("a.conf", b"", 0, 1);
        check("a.conf", b"name: a\nvers", 0, 1);
        check("stack.yaml.lock", b"", 0, 0);
        check("stack.yaml.lock", b"hackage: a\n", 0, 1);
        check("cabal.project.freeze", b"any.a ==", 0, 1);
        check("cabal.project.freeze", b"\xff\nany.a ==1", 1, 0);
    }
}
