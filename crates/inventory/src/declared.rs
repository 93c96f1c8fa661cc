//! Packages that a lock file declares.

use std::collections::HashMap;

use lamina_image::path::LayerPath;

use crate::{
    analyser::ClaimedFile,
    facts::{Basis, Facts, PackageFact, PackageKind},
    limits::MAX_PACKAGES,
    text::word,
};

/// Collects what one lock file declares: each name and version once, in the file's order.
pub(crate) struct DeclaredList<'a> {
    kind: PackageKind,
    file: &'a LayerPath,
    packages: Vec<Declared>,
    known: HashMap<(String, String), usize>,
    /// How many have a name or version that is none.
    unreadable: usize,
}

struct Declared {
    fact: PackageFact,
    is_dev: bool,
}

impl<'a> DeclaredList<'a> {
    pub(crate) fn new(kind: PackageKind, file: &ClaimedFile<'a>) -> Self {
        Self {
            kind,
            file: file.path,
            packages: Vec::new(),
            known: HashMap::new(),
            unreadable: 0,
        }
    }

    /// Adds a package, and answers it for what else is stated of it. One that is wanted twice is
    /// wanted for development only if it is so both times.
    pub(crate) fn add(
        &mut self,
        name: &str,
        version: &str,
        lines: Option<(u32, u32)>,
        is_dev: bool,
    ) -> Option<&mut PackageFact> {
        let (Some(name), Some(version)) = (word(name.as_bytes()), word(version.as_bytes())) else {
            self.unreadable += 1;
            return None;
        };
        let key = (name, version);
        let at = match self.known.get(&key) {
            Some(at) => *at,
            // One more than there may be: then `Facts` says that there are too many.
            None if self.packages.len() > MAX_PACKAGES => return None,
            None => {
                let (name, version) = key.clone();
                let mut fact = PackageFact::new(self.kind, name, version, self.file);
                fact.basis = Basis::Declared;
                fact.lines = lines;
                let at = self.packages.len();
                self.packages.push(Declared { fact, is_dev });
                self.known.insert(key, at);
                at
            }
        };
        let declared = self.packages.get_mut(at)?;
        declared.is_dev &= is_dev;
        Some(&mut declared.fact)
    }

    /// Notes them all.
    pub(crate) fn finish(self, analyser: &str, out: &mut Facts) {
        if self.unreadable > 0 {
            let problem = format!("{} packages without a name or version", self.unreadable);
            out.malformed(analyser, self.file, 0, &problem);
        }
        for mut declared in self.packages {
            declared
                .fact
                .detail("scope", declared.is_dev.then_some("dev"));
            out.add_package(analyser, declared.fact);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(packages: &[(&str, &str, bool)]) -> Facts {
        let path = LayerPath::from("a.lock");
        let file = ClaimedFile {
            path: &path,
            bytes: b"",
        };
        let mut list = DeclaredList::new(PackageKind::Npm, &file);
        for (name, version, is_dev) in packages {
            list.add(name, version, None, *is_dev);
        }
        let mut facts = Facts::default();
        list.finish("lock-files", &mut facts);
        facts
    }

    #[test]
    fn what_is_wanted_twice_is_told_once() {
        let facts = list(&[("a", "1", true), ("b", "1", true), ("a", "1", false)]);
        let found: Vec<_> = facts
            .packages
            .iter()
            .map(|fact| (fact.name.as_str(), fact.detail_of("scope"), fact.basis))
            .collect();
        assert_eq!(
            found,
            [
                ("a", None, Basis::Declared),
                ("b", Some("dev"), Basis::Declared)
            ]
        );
    }

    #[test]
    fn names_and_versions_that_are_none_are_a_warning() {
        let long = "x".repeat(5000);
        let facts = list(&[("", "1", false), ("a", "", false), (&long, "1", false)]);
        assert_eq!(facts.packages, []);
        assert_eq!(
            facts.warnings[0].to_string(),
            "a.lock, line 0: 3 packages without a name or version"
        );
    }

    #[test]
    fn more_packages_than_the_limit_are_a_warning() {
        let names: Vec<String> = (0..MAX_PACKAGES + 5).map(|n| n.to_string()).collect();
        let packages: Vec<_> = names.iter().map(|n| (n.as_str(), "1", false)).collect();
        let facts = list(&packages);
        assert_eq!(facts.packages.len(), MAX_PACKAGES);
        assert_eq!(facts.warnings.len(), 1);
    }
}
