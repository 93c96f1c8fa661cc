//! Node.js packages, by their `package.json`.
//!
//! Format: <https://docs.npmjs.com/cli/configuring-npm/package-json>. Where it lies says what it is:
//!
//! - `node_modules/[@scope/]<name>/package.json`: a package as npm, pnpm and Yarn install it; and
//!   `usr/{share,lib}/nodejs/[@scope/]<name>/package.json`, as Debian installs it.
//! - Outside of any installed package: an application, such as `opt/yarn-v1.22.19/package.json`. It is told
//!   as what the file itself carries (`embedded`), if it states a name and a version; one that does not is
//!   not wrong.
//! - Within an installed package (`node_modules/a/esm/package.json`, `site-packages/a/static/package.json`):
//!   a part of that package, and none of its own. (Syft lists those that have a name and a version.)

use lamina_image::{layer::Entry, path::LayerPath};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Basis, Facts, PackageFact, PackageKind},
    limits::{MAX_LICENCE_BYTES, MAX_PACKAGE_JSON_BYTES},
    places::is_inside_installed,
    text::{cut, word},
};

/// Node.js packages.
pub struct Npm;

/// What a `package.json` describes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A package that was installed.
    Package,
    /// A program that is no package's part.
    Application,
}

impl Place {
    fn of(path: &LayerPath) -> Option<Self> {
        if path.file_name() != b"package.json" {
            return None;
        }
        let folder = path.parent()?;
        // `node_modules/a`, `node_modules/@b/a`.
        let mut above = folder.parent().unwrap_or_default();
        if above.file_name().starts_with(b"@") {
            above = above.parent().unwrap_or_default();
        }
        let is_debian = matches!(above.as_bytes(), b"usr/share/nodejs" | b"usr/lib/nodejs");
        if above.file_name() == b"node_modules" || is_debian {
            let is_named = folder.file_name() != b"node_modules";
            return is_named.then_some(Self::Package);
        }
        let of_debian = ["usr/share/nodejs", "usr/lib/nodejs"];
        let is_part = is_inside_installed(path)
            || of_debian
                .iter()
                .any(|root| path.is_within(&LayerPath::from(*root)));
        (!is_part).then_some(Self::Application)
    }
}

impl Analyser for Npm {
    fn id(&self) -> &'static str {
        "npm"
    }

    fn revision(&self) -> u32 {
        2
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        path.as_bytes().ends_with(b"package.json") && Place::of(path).is_some()
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_PACKAGE_JSON_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        let bytes = file
            .bytes
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(file.bytes);
        let manifest: Manifest = match serde_json::from_slice(bytes) {
            Ok(manifest) => manifest,
            Err(error) => {
                let line = u32::try_from(error.line()).unwrap_or_default();
                let problem = format!("not a package.json: {error}");
                return out.malformed(self.id(), file.path, line, &problem);
            }
        };
        let text = |value: &Value| value.as_str().and_then(|text| word(text.as_bytes()));
        let is_application = Place::of(file.path) == Some(Place::Application);
        if is_application && (manifest.name.is_null() || manifest.version.is_null()) {
            return;
        }
        let Some(name) = text(&manifest.name) else {
            return out.malformed(self.id(), file.path, 0, "the package has no name");
        };
        let Some(version) = text(&manifest.version) else {
            let problem = format!("the package {name:?} has no version");
            return out.malformed(self.id(), file.path, 0, &problem);
        };
        // Publishers write `v1.2.3` at times; npm takes it off.
        let version = version.strip_prefix(['v', '=']).unwrap_or(&version);
        let mut package = PackageFact::new(PackageKind::Npm, name, version, file.path);
        package.licence = manifest.licence();
        if is_application {
            // What else lies in its folder may be anything: `package.json` of the root is one.
            package.basis = Basis::Embedded;
        } else {
            package.folder = file.path.parent();
        }
        out.add_package(self.id(), package);
    }
}

/// Of any shape, because publishers write anything.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    name: Value,
    #[serde(default)]
    version: Value,
    #[serde(default)]
    license: Value,
    #[serde(default)]
    licenses: Value,
}

impl Manifest {
    /// `"MIT"`, `{"type": "MIT"}` or, long ago, `[{"type": "MIT"}, …]`.
    fn licence(&self) -> Option<String> {
        fn names(value: &Value) -> Vec<&str> {
            match value {
                Value::String(name) => vec![name.as_str()],
                Value::Object(_) => value.get("type").map(names).unwrap_or_default(),
                Value::Array(values) => values
                    .iter()
                    .filter(|value| !value.is_array())
                    .flat_map(names)
                    .collect(),
                _ => Vec::new(),
            }
        }
        let named = [&self.license, &self.licenses].into_iter().map(names);
        let names = named.into_iter().find(|names| !names.is_empty())?;
        Some(cut(&names.join(", "), MAX_LICENCE_BYTES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims};

    #[test]
    fn claims() {
        check_claims(
            &Npm,
            &[
                "srv/app/node_modules/accepts/package.json",
                "srv/app/node_modules/@babel/core/package.json",
                "usr/lib/node_modules/npm/node_modules/abbrev/package.json",
                "a/node_modules/.pnpm/b@1/node_modules/b/package.json",
                "node_modules/a/package.json",
                "usr/share/nodejs/accepts/package.json",
                "usr/share/nodejs/@types/node/package.json",
                "srv/app/package.json",
                "package.json",
                "opt/yarn-v1.22.19/package.json",
                "a/@b/c/package.json",
            ],
            &[
                "node_modules/package.json",
                "usr/share/nodejs/accepts/dist/package.json",
                "usr/lib/python3/site-packages/a/static/package.json",
                "a/xpackage.json",
                "a/node_modules/b/esm/package.json",
                "a/node_modules/b/package.json.bak",
                "a/node_modules/.package-lock.json",
                "",
            ],
        );
    }

    const PATH: &str = "a/node_modules/b/package.json";

    #[test]
    fn packages_are_read() {
        let facts = analyse(
            &Npm,
            PATH,
            r#"{"name": "@babel/core", "version": "v7.0.0", "license": "MIT", "dependencies": {}}"#,
        );
        let [package] = facts.packages.as_slice() else {
            panic!("{facts:?}")
        };
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("@babel/core", "7.0.0")
        );
        assert_eq!(package.licence.as_deref(), Some("MIT"));
        assert_eq!(package.lines, None);
    }

    #[test]
    fn applications_are_embedded() {
        let text = r#"{"name": "yarn", "version": "1.22.19"}"#;
        let facts = analyse(&Npm, "opt/yarn-v1.22.19/package.json", text);
        assert_eq!(facts.packages[0].basis, Basis::Embedded);
        assert_eq!(facts.packages[0].folder, None);
        // They need neither.
        for text in ["{}", r#"{"name": "app"}"#, r#"{"version": "1"}"#] {
            assert_eq!(analyse(&Npm, "srv/package.json", text), Facts::default());
        }
    }

    #[test]
    fn licences_come_in_three_shapes() {
        let check = |rest: &str, expect: Option<&str>| {
            let text = format!(r#"{{"name": "a", "version": "1" {rest}}}"#);
            let facts = analyse(&Npm, PATH, text);
            assert_eq!(facts.packages[0].licence.as_deref(), expect, "{rest}");
        };
        check("", None);
        check(
            r#", "license": "(MIT OR Apache-2.0)""#,
            Some("(MIT OR Apache-2.0)"),
        );
        check(r#", "license": {"type": "BSD", "url": "x"}"#, Some("BSD"));
        check(
            r#", "licenses": [{"type": "MIT"}, {"type": "GPL"}]"#,
            Some("MIT, GPL"),
        );
        check(r#", "license": 7"#, None);
    }

    #[test]
    fn truncated_and_hostile_manifests_are_warnings() {
        let check = |text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Npm, PATH, text);
            assert_eq!(facts.packages.len(), packages, "{text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{text:?}");
        };
        check(b"", 0, 1);
        check(b"{\"name\": \"a\", \"vers", 0, 1);
        check(b"{\"name\": \"a\"}", 0, 1);
        check(b"{\"version\": \"1\"}", 0, 1);
        check(b"[]", 0, 1);
        check(b"{\"name\": [\"a\"], \"version\": \"1\"}", 0, 1);
        check("[".repeat(100_000).as_bytes(), 0, 1);
        let deep = format!("{{\"license\": {}", "[".repeat(100_000));
        check(deep.as_bytes(), 0, 1);
        check(b"\xef\xbb\xbf{\"name\": \"a\", \"version\": \"1\"}", 1, 0);
    }
}
