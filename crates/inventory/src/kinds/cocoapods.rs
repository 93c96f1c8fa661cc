//! Pods that `Podfile.lock` names, marked as declared.
//!
//! Format: YAML that CocoaPods writes (<https://guides.cocoapods.org/using/using-cocoapods.html>):
//! under `PODS:` an item `Name (1.0)` for each pod, and `Name/Part (1.0)` for each part of one. A pod is
//! told once: its parts are parts of one source with one version, and advisories name the pod. (Trivy
//! lists every part.)

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{Analyser, ClaimedFile},
    declared::DeclaredList,
    facts::{Facts, PackageKind},
    limits::MAX_LOCK_BYTES,
    places::is_inside_installed,
    yaml_lines::yaml_lines,
};

/// Locked pods.
pub struct Cocoapods;

impl Analyser for Cocoapods {
    fn id(&self) -> &'static str {
        "cocoapods"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        path.file_name() == b"Podfile.lock" && !is_inside_installed(path)
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_LOCK_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        let mut list = DeclaredList::new(PackageKind::Cocoapods, &file);
        let mut is_pods = false;
        for line in yaml_lines(file.bytes) {
            match line.indent {
                0 => is_pods = line.key == "PODS",
                // The dependencies of each are two columns further in.
                4 if is_pods && line.is_item => {
                    let text = if line.key.is_empty() {
                        line.value
                    } else {
                        line.key
                    };
                    let Some((name, version)) = pod(text) else {
                        list.add("", "", None, false);
                        continue;
                    };
                    list.add(name, version, Some((line.number, line.number)), false);
                }
                _ => {}
            }
        }
        list.finish(self.id(), out);
    }
}

/// `Name` and `1.0` of `Name/Part (1.0)`.
fn pod(text: &str) -> Option<(&str, &str)> {
    let (name, version) = text.split_once(" (")?;
    let version = version.strip_suffix(')')?;
    let name = name.split('/').next()?;
    Some((name, version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims};

    #[test]
    fn claims() {
        check_claims(
            &Cocoapods,
            &["app/Podfile.lock"],
            &["app/Podfile", "app/Pods/A/Podfile.lock", ""],
        );
    }

    #[test]
    fn pods_are_told_once() {
        let facts = analyse(
            &Cocoapods,
            "Podfile.lock",
            "PODS:\n  - Texture (3.1.0):\n    - Texture/Core (= 3.1.0)\n    - X (~> 1)\n  \
             - Texture/Core (3.1.0)\n  - \"Google+/X (1.0)\"\n\nDEPENDENCIES:\n  - Texture (~> 3)\n",
        );
        assert_eq!(facts.warnings, []);
        let found = facts.packages.iter();
        let found: Vec<_> = found
            .map(|p| (p.name.as_str(), p.version.as_str(), p.lines))
            .collect();
        assert_eq!(
            found,
            [
                ("Texture", "3.1.0", Some((2, 2))),
                ("Google+", "1.0", Some((6, 6)))
            ]
        );
    }

    #[test]
    fn truncated_and_hostile_files_are_warnings() {
        let check = |text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Cocoapods, "Podfile.lock", text);
            assert_eq!(facts.packages.len(), packages, "{text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{text:?}");
        };
        check(b"", 0, 0);
        check(b"PODS:\n  - A (1.0", 0, 1);
        check(b"PODS:\n  - A\n  - ()\n", 0, 1);
        check(b"PODS:\n\xff\n  - A (1)\n", 1, 0);
    }
}
