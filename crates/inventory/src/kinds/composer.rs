//! PHP packages as Composer installs them: `vendor/composer/installed.json`.
//!
//! Composer 1 writes an array of packages, Composer 2 an object
//! (<https://github.com/composer/composer/blob/main/src/Composer/Repository/FilesystemRepository.php>
//! writes it; the packages are as in <https://getcomposer.org/doc/04-schema.md>):
//! `packages`, and in `dev-package-names` which of them are for development. `vendor` may be named
//! otherwise, `composer` may not: a file of that name elsewhere is not Composer's.

use std::collections::HashSet;

use lamina_image::{layer::Entry, path::LayerPath};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Facts, PackageFact, PackageKind},
    json::{parse_json, texts, word_of},
    limits::{MAX_LICENCE_BYTES, MAX_LOCK_BYTES},
    text::cut,
};

/// Installed Composer packages.
pub struct Composer;

impl Analyser for Composer {
    fn id(&self) -> &'static str {
        "composer"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        let path = path.as_bytes();
        path.ends_with(b"/composer/installed.json") || path == b"composer/installed.json"
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_LOCK_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        let Some(installed) = parse_json::<Installed>(self.id(), &file, out) else {
            return;
        };
        let (packages, dev) = match installed {
            Installed::One(packages) => (packages, HashSet::new()),
            Installed::Two {
                packages,
                dev_package_names,
            } => (packages, dev_package_names.into_iter().collect()),
        };
        let mut nameless = 0;
        for package in &packages {
            let (Some(name), Some(version)) = (word_of(&package.name), word_of(&package.version))
            else {
                nameless += 1;
                continue;
            };
            let mut fact = PackageFact::new(PackageKind::Composer, name, version, file.path);
            let licence = texts(&package.license).join(", ");
            fact.licence = Some(cut(&licence, MAX_LICENCE_BYTES)).filter(|text| !text.is_empty());
            fact.folder = package.folder(&fact.name, file.path);
            fact.detail("scope", dev.contains(&fact.name).then_some("dev"));
            out.add_package(self.id(), fact);
        }
        if nameless > 0 {
            let problem = format!("{nameless} packages without a name or version");
            out.malformed(self.id(), file.path, 0, &problem);
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Installed {
    One(Vec<Package>),
    #[serde(rename_all = "kebab-case")]
    Two {
        packages: Vec<Package>,
        #[serde(default)]
        dev_package_names: Vec<String>,
    },
}

#[derive(Deserialize)]
struct Package {
    #[serde(default)]
    name: Value,
    #[serde(default)]
    version: Value,
    #[serde(default)]
    license: Value,
    #[serde(default, rename = "type")]
    kind: Value,
    /// Relative to the folder of `installed.json`; null where nothing is installed.
    #[serde(default, rename = "install-path", deserialize_with = "present")]
    install_path: Option<Value>,
}

/// Tells a field that is null from one that is missing.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Package {
    fn folder(&self, name: &str, file: &LayerPath) -> Option<LayerPath> {
        let own = file.parent()?;
        match &self.install_path {
            Some(Value::String(path)) if path.starts_with('/') => Some(LayerPath::from(&**path)),
            Some(Value::String(path)) => Some(own.join(path.as_bytes())),
            Some(_) => None,
            // Composer 1 installs to `vendor/<name>`; a metapackage has no files.
            None if self.kind == "metapackage" => None,
            None => Some(own.parent()?.join(name.as_bytes())),
        }
        // A path that leads back to where the list lies says nothing.
        .filter(|folder| !file.is_within(folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims};

    #[test]
    fn claims() {
        check_claims(
            &Composer,
            &[
                "var/www/vendor/composer/installed.json",
                "srv/lib/composer/installed.json",
                "composer/installed.json",
            ],
            &[
                "var/www/vendor/installed.json",
                "installed.json",
                "a/xcomposer/installed.json",
                "var/www/vendor/composer/installed.json.bak",
                "",
            ],
        );
    }

    const PATH: &str = "srv/vendor/composer/installed.json";

    #[test]
    fn composer_2_says_what_is_for_development() {
        let facts = analyse(
            &Composer,
            PATH,
            r#"{"packages": [
                {"name": "psr/log", "version": "3.0.0", "license": ["MIT", "GPL-2.0"],
                 "type": "library", "install-path": "../psr/log"},
                {"name": "a/meta", "version": "1.0.0", "type": "metapackage", "install-path": null},
                {"name": "a/test", "version": "dev-main", "install-path": "./../a/test"}
            ], "dev": true, "dev-package-names": ["a/test"]}"#,
        );
        assert_eq!(facts.warnings, []);
        let [log, meta, test] = facts.packages.as_slice() else {
            panic!("{facts:?}")
        };
        assert_eq!(
            (log.name.as_str(), log.version.as_str()),
            ("psr/log", "3.0.0")
        );
        assert_eq!(log.licence.as_deref(), Some("MIT, GPL-2.0"));
        assert_eq!(log.folder, Some(LayerPath::from("srv/vendor/psr/log")));
        assert_eq!(log.detail_of("scope"), None);
        assert_eq!(meta.folder, None);
        assert_eq!(test.detail_of("scope"), Some("dev"));
        assert_eq!(test.folder, Some(LayerPath::from("srv/vendor/a/test")));
    }

    #[test]
    fn composer_1_writes_an_array() {
        let text = r#"[{"name": "a/b", "version": "v1.2", "license": "MIT"}]"#;
        let facts = analyse(&Composer, PATH, text);
        assert_eq!(facts.packages[0].version, "v1.2");
        assert_eq!(facts.packages[0].licence.as_deref(), Some("MIT"));
        assert_eq!(
            facts.packages[0].folder,
            Some(LayerPath::from("srv/vendor/a/b"))
        );
    }

    #[test]
    fn folders_that_hold_the_list_are_none() {
        let check = |path: &str| {
            let text = format!(
                r#"{{"packages": [{{"name": "a/b", "version": "1", "install-path": "{path}"}}]}}"#
            );
            let facts = analyse(&Composer, PATH, text);
            assert_eq!(facts.packages[0].folder, None, "{path}");
        };
        check("../../../../../..");
        check("/");
        check(".");
    }

    #[test]
    fn truncated_and_hostile_lists_are_warnings() {
        let check = |text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Composer, PATH, text);
            assert_eq!(facts.packages.len(), packages, "{text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{text:?}");
        };
        check(b"", 0, 1);
        check(b"{}", 0, 1);
        check(b"[]", 0, 0);
        check(b"{\"packages\": [{\"name\": \"a/b\", \"vers", 0, 1);
        check(
            b"[{\"name\": \"a/b\"}, {\"name\": 7, \"version\": \"1\"}]",
            0,
            1,
        );
        check("[".repeat(100_000).as_bytes(), 0, 1);
    }
}
