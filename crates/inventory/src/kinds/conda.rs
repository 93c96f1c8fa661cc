//! Conda packages as conda, mamba and pixi install them: `conda-meta/<name>-<version>-<build>.json`.
//!
//! Format: <https://docs.conda.io/projects/conda/en/latest/dev-guide/api/conda/models/records/index.html>,
//! `PrefixRecord`. `files` are relative to the root of the environment, the folder above `conda-meta`.
//! Other files there (`history`, `state`) are the environment's own.

use lamina_image::{layer::Entry, path::LayerPath};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Facts, OwnedFiles, PackageFact, PackageKind},
    json::{parse_json, texts, word_of},
    limits::{MAX_LICENCE_BYTES, MAX_LOCK_BYTES},
    path_list::PathListBuilder,
    text::{cut, word},
};

/// Installed conda packages.
pub struct Conda;

impl Analyser for Conda {
    fn id(&self) -> &'static str {
        "conda"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        if !path.as_bytes().ends_with(b".json") {
            return false;
        }
        let folder = path.as_bytes().rsplit(|byte| *byte == b'/').nth(1);
        folder == Some(b"conda-meta")
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_LOCK_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        let Some(record) = parse_json::<Record>(self.id(), &file, out) else {
            return;
        };
        let Some(name) = word_of(&record.name) else {
            return out.malformed(self.id(), file.path, 0, "the package has no name");
        };
        let Some(version) = word_of(&record.version) else {
            let problem = format!("the package {name:?} has no version");
            return out.malformed(self.id(), file.path, 0, &problem);
        };
        let mut package = PackageFact::new(PackageKind::Conda, &name, version, file.path);
        let licence = word_of(&record.license);
        package.licence = licence.map(|licence| cut(&licence, MAX_LICENCE_BYTES));
        package.architecture = word_of(&record.subdir);
        package.detail("build", word_of(&record.build));
        package.detail(
            "channel",
            word_of(&record.channel).and_then(|c| channel(&c)),
        );
        package.detail("subdir", word_of(&record.subdir));
        out.add_package(self.id(), package);
        let environment = file.path.parent().and_then(|folder| folder.parent());
        let environment = environment.unwrap_or_default();
        let mut files = PathListBuilder::default();
        for below in texts(&record.files) {
            files.push(environment.join(below.as_bytes()).as_bytes());
        }
        out.add_owned(
            self.id(),
            OwnedFiles {
                kind: PackageKind::Conda,
                name,
                architecture: word_of(&record.subdir),
                files: files.finish(),
                file: file.path.clone(),
            },
        );
    }
}

/// `conda-forge` of `https://conda.anaconda.org/conda-forge/linux-64`, which is what purls call it.
fn channel(url: &str) -> Option<String> {
    let mut parts = url.trim_end_matches('/').rsplit('/');
    let last = parts.next()?;
    let is_subdir = last == "noarch" || last.contains('-') && url.contains("://");
    let name = match is_subdir {
        true => parts.next().unwrap_or(last),
        false => last,
    };
    // A channel of that name has no subdir behind it.
    match name == "conda.anaconda.org" {
        true => word(last.as_bytes()),
        false => word(name.as_bytes()),
    }
}

#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    name: Value,
    #[serde(default)]
    version: Value,
    #[serde(default)]
    build: Value,
    #[serde(default)]
    channel: Value,
    #[serde(default)]
    subdir: Value,
    #[serde(default)]
    license: Value,
    #[serde(default)]
    files: Value,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims};

    #[test]
    fn claims() {
        check_claims(
            &Conda,
            &[
                "opt/conda/conda-meta/zlib-1.2.13-h1_0.json",
                "opt/conda/envs/a/conda-meta/zlib-1.2.13-h1_0.json",
                "conda-meta/a.json",
            ],
            &[
                "opt/conda/conda-meta/history",
                "opt/conda/conda-meta/a/b.json",
                "opt/conda/meta/a.json",
                "a.json",
                "",
            ],
        );
    }

    const PATH: &str = "opt/conda/envs/a/conda-meta/zlib-1.2.13-h1_0.json";

    #[test]
    fn records_are_read_with_their_files() {
        let facts = analyse(
            &Conda,
            PATH,
            r#"{"name": "zlib", "version": "1.2.13", "build": "h1_0", "build_number": 0,
                "channel": "https://conda.anaconda.org/conda-forge/linux-64", "subdir": "linux-64",
                "license": "Zlib", "files": ["lib/libz.so", "include/zlib.h"]}"#,
        );
        assert_eq!(facts.warnings, []);
        let package = &facts.packages[0];
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("zlib", "1.2.13")
        );
        assert_eq!(package.licence.as_deref(), Some("Zlib"));
        assert_eq!(
            crate::purl::purl(package, None),
            "pkg:conda/zlib@1.2.13?build=h1_0&channel=conda-forge&subdir=linux-64"
        );
        let files: Vec<String> = facts.owned[0].files.iter().map(|f| f.to_string()).collect();
        assert_eq!(
            files,
            [
                "opt/conda/envs/a/lib/libz.so",
                "opt/conda/envs/a/include/zlib.h"
            ]
        );
    }

    #[test]
    fn channels_are_told_by_their_name() {
        let check = |url: &str, expect: &str| {
            assert_eq!(channel(url).as_deref(), Some(expect), "{url}");
        };
        check(
            "https://conda.anaconda.org/conda-forge/linux-64",
            "conda-forge",
        );
        check(
            "https://conda.anaconda.org/conda-forge/noarch",
            "conda-forge",
        );
        check("https://repo.anaconda.com/pkgs/main/linux-64", "main");
        check("https://conda.anaconda.org/conda-forge", "conda-forge");
        check("conda-forge", "conda-forge");
        check("defaults", "defaults");
    }

    #[test]
    fn truncated_and_hostile_records_are_warnings() {
        let check = |text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Conda, PATH, text);
            assert_eq!(facts.packages.len(), packages, "{text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{text:?}");
        };
        check(b"", 0, 1);
        check(b"{\"name\": \"a\"}", 0, 1);
        check(b"{\"version\": \"1\"}", 0, 1);
        check(b"{\"name\": \"a\", \"version\": \"1\", \"fil", 0, 1);
        check(b"{\"name\": \"a\", \"version\": \"1\", \"files\": 7}", 1, 0);
        check("{\"a\":".repeat(100_000).as_bytes(), 0, 1);
    }
}
