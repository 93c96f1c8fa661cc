//! The list of analysers: to add a package kind, add its file to `kinds/` and its line here.

use crate::analyser::{Analyser, StreamAnalyser};

pub mod alpm;
pub mod apk;
pub mod classifier;
pub mod cocoapods;
pub mod composer;
pub mod conan;
pub mod conda;
pub mod cran;
pub mod dart;
pub mod dotnet;
pub mod dpkg;
pub mod executable;
pub mod gem;
pub mod hackage;
pub mod hex;
pub mod homebrew;
pub mod java;
pub mod julia;
pub mod jvm;
pub mod licence_file;
pub mod linux_kernel;
pub mod lock_files;
pub mod luarocks;
pub mod nix;
pub mod npm;
pub mod opam;
pub mod opkg;
pub mod os_release;
pub mod otp;
pub mod pear;
pub mod portage;
pub mod python;
pub mod rpm;
pub mod sbom;
pub mod secrets;
pub mod swift;
pub mod swiplpack;
pub mod wordpress;

/// All analysers, in the order in which they are asked.
pub const ANALYSERS: &[&dyn Analyser] = &[
    &os_release::OsRelease,
    &apk::Apk,
    &dpkg::Dpkg,
    &python::Python,
    &npm::Npm,
    &licence_file::LicenceFile,
    &rpm::Rpm,
    &alpm::Alpm,
    &portage::Portage,
    &opkg::Opkg,
    &sbom::Sbom,
    &gem::Gem,
    &composer::Composer,
    &pear::Pear,
    &conda::Conda,
    &cran::Cran,
    &luarocks::Luarocks,
    &otp::Otp,
    &hex::Hex,
    &dart::Dart,
    &swift::Swift,
    &cocoapods::Cocoapods,
    &julia::Julia,
    &conan::Conan,
    &hackage::Hackage,
    &opam::Opam,
    &swiplpack::Swiplpack,
    &wordpress::Wordpress,
    &homebrew::Homebrew,
    &lock_files::LockFiles,
    &java::Java,
    &jvm::Jvm,
    &dotnet::Dotnet,
    &linux_kernel::LinuxKernel,
];

/// All analysers that watch files as they stream by.
pub const STREAM_ANALYSERS: &[&dyn StreamAnalyser] = &[
    &nix::Nix,
    &secrets::Secrets,
    &executable::Executable,
    &classifier::Classifier,
];

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use lamina_image::{
        layer::{Entry, EntryKind},
        path::LayerPath,
    };
    use proptest::prelude::*;

    use super::*;
    use crate::{
        analyser::{ClaimedFile, FileWatch},
        facts::Facts,
    };

    /// A regular file at `path`.
    pub(crate) fn entry(path: &str) -> Entry {
        Entry {
            path: LayerPath::from(path),
            kind: EntryKind::File,
            size: 100,
            mode: 0o644,
            uid: 0,
            gid: 0,
            modified: 0,
        }
    }

    /// Checks which paths an analyser claims.
    pub(crate) fn check_claims(analyser: &dyn Analyser, claimed: &[&str], unclaimed: &[&str]) {
        for (paths, expect) in [(claimed, true), (unclaimed, false)] {
            for path in paths {
                let entry = entry(path);
                assert_eq!(analyser.claims(&entry.path, &entry), expect, "{path}");
            }
        }
    }

    /// What an analyser notes about one file.
    pub(crate) fn analyse(analyser: &dyn Analyser, path: &str, bytes: impl AsRef<[u8]>) -> Facts {
        let path = LayerPath::from(path);
        let mut facts = Facts::default();
        let file = ClaimedFile {
            path: &path,
            bytes: bytes.as_ref(),
        };
        analyser.analyse(file, &mut facts);
        facts
    }

    /// Of both lists.
    fn ids() -> Vec<&'static str> {
        let whole = ANALYSERS.iter().map(|analyser| analyser.id());
        whole
            .chain(STREAM_ANALYSERS.iter().map(|analyser| analyser.id()))
            .collect()
    }

    /// What a stream analyser notes about a file that comes in pieces of this length.
    pub(crate) fn watch(
        analyser: &dyn StreamAnalyser,
        path: &str,
        bytes: &[u8],
        piece: usize,
    ) -> Facts {
        let entry = entry(path);
        let mut facts = Facts::default();
        let head = &bytes[..bytes.len().min(crate::analyser::HEAD_BYTES)];
        let mut watch = FileWatch::new(&entry, head, [&analyser]);
        for piece in bytes.chunks(piece) {
            watch.feed(piece);
        }
        watch.finish(&entry.path, true, &mut facts);
        facts
    }

    #[test]
    fn every_file_of_the_folder_is_in_the_list() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/kinds");
        let mut files = BTreeSet::new();
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            files.insert(path.file_stem().unwrap().to_string_lossy().into_owned());
        }
        let ids = ids();
        let listed: BTreeSet<String> = ids.iter().map(|id| id.replace('-', "_")).collect();
        assert_eq!(files, listed, "an analyser's id is its file's name");
        assert_eq!(listed.len(), ids.len(), "ids are unique");
    }

    #[test]
    fn ids_never_change() {
        let ids = ids();
        insta::assert_compact_debug_snapshot!(ids, @r#"["os-release", "apk", "dpkg", "python", "npm", "licence-file", "rpm", "alpm", "portage", "opkg", "sbom", "gem", "composer", "pear", "conda", "cran", "luarocks", "otp", "hex", "dart", "swift", "cocoapods", "julia", "conan", "hackage", "opam", "swiplpack", "wordpress", "homebrew", "lock-files", "java", "jvm", "dotnet", "linux-kernel", "nix", "secrets", "executable", "classifier"]"#);
        for id in ids {
            let is_kebab = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
            assert!(id.bytes().all(is_kebab), "{id}");
        }
    }

    /// A path that each analyser has another use for.
    const PATHS: &[&str] = &[
        "etc/os-release",
        "etc/lsb-release",
        "etc/alpine-release",
        "etc/debian_version",
        "etc/redhat-release",
        "lib/apk/db/installed",
        "var/lib/dpkg/status",
        "var/lib/dpkg/info/libc6:amd64.list",
        "var/lib/dpkg/info/.list",
        "var/lib/dpkg/status.d/base",
        "var/lib/dpkg/status.d/base.md5sums",
        "usr/share/doc/a/copyright",
        "a/b-1.dist-info/METADATA",
        "a/b-1.dist-info/RECORD",
        "b.egg-info",
        "RECORD",
        "a/node_modules/@b/c/package.json",
        "a/node_modules/c/LICENSE",
        "var/lib/rpm/Packages",
        "var/lib/rpm/rpmdb.sqlite-wal",
        "var/lib/rpmmanifest/container-manifest-2",
        "var/lib/pacman/local/a-1-1/desc",
        "var/lib/pacman/local/a-1-1/files",
        "var/db/pkg/a/b-1/CONTENTS",
        "var/db/pkg/a/b-1/LICENSE",
        "usr/lib/opkg/status",
        "usr/lib/opkg/info/a.list",
        "a.spdx",
        "a.cdx.json",
        "opt/bitnami/.bitnami_components.json",
        "a/package.json",
        "specifications/a.gemspec",
        "composer/installed.json",
        ".registry/a.reg",
        "conda-meta/a.json",
        "R/library/a/DESCRIPTION",
        "rocks-5.1/a/1-1/a-1-1.rockspec",
        "ebin/a.app",
        "hex_metadata.config",
        "mix.lock",
        "rebar.lock",
        "pubspec.lock",
        "hosted/pub.dev/a-1/pubspec.yaml",
        "Package.resolved",
        "Podfile.lock",
        "Manifest.toml",
        "conan.lock",
        "data/a/1/_/_/package/x/conaninfo.txt",
        "package.conf.d/a.conf",
        "stack.yaml.lock",
        "cabal.project.freeze",
        ".opam-switch/switch-state",
        "pack.pl",
        "wp-content/plugins/a/a.php",
        "wp-includes/version.php",
        "Cellar/a/1/.brew/a.rb",
        "package-lock.json",
        "yarn.lock",
        "pnpm-lock.yaml",
        "bun.lock",
        "Cargo.lock",
        "poetry.lock",
        "uv.lock",
        "pdm.lock",
        "pylock.toml",
        "Pipfile.lock",
        "requirements.txt",
        "Gemfile.lock",
        "composer.lock",
        "packages.lock.json",
        "go.mod",
        "gradle.lockfile",
        "b-1.egg",
        "a/b-1.jar",
        "a/release",
        "app/a.deps.json",
        "app/a.dll",
        "boot/vmlinuz",
        "lib/modules/a.ko",
        "lib/modules/a.ko.gz",
    ];

    /// Bytes that look a little like what analysers read.
    fn almost_text() -> impl Strategy<Value = Vec<u8>> {
        let word = prop::sample::select(vec![
            "P:",
            "V:",
            "A:",
            "o:",
            "F:",
            "R:",
            "Package:",
            "Version:",
            "Status:",
            "install",
            " ok ",
            "installed",
            "Source:",
            "(",
            ")",
            "ID=",
            "VERSION_ID",
            "=",
            "\"",
            "'",
            "\\",
            "$",
            "\n",
            "\n\n",
            "\r\n",
            " ",
            "\t",
            "Name:",
            "License:",
            "Classifier: License ::",
            "a",
            "1.0",
            ",",
            "/",
            "../",
            "usr/bin/a",
            "sha256=",
            "Format: ",
            "%NAME%",
            "%VERSION%",
            "%FILES%",
            "obj ",
            "sym ",
            " -> ",
            "SPDXVersion: ",
            "PackageName: ",
            "<text>",
            "ExternalRef: a purl ",
            "pkg:npm/%40a/b@1",
            "{\"bomFormat\":\"CycloneDX\",",
            "\"components\":[",
            "\"purl\":\"",
            "{\"name\":\"a\"",
            "\"version\":",
            "}",
            "\u{feff}",
            "é",
            "\0",
            "s.name = \"a\"",
            "# stub: a 1 ruby lib",
            "a:1:{",
            "s:1:\"a\";",
            "package = ",
            "version",
            " .. ",
            "[[",
            "]]",
            "[",
            "]",
            "{",
            "<<\"a\">>",
            "{application,a,[{vsn,",
            "{pkg,",
            "packages:\n",
            "  ",
            "- ",
            "? ",
            "@",
            "'9.0'",
            "lockfileVersion: ",
            "importers:\n",
            "snapshots:\n",
            "[[package]]\n",
            "name = \"a\"\n",
            "version = \"1\"\n",
            "a==1",
            "GEM\n",
            "specs:\n",
            "    a (1)\n",
            "require (",
            "replace a => ",
            "installed: [",
            "Plugin Name: a",
            "name(a).",
            "license \"a\"",
            "Built: R",
        ]);
        let words =
            prop::collection::vec(word, 0..60).prop_map(|words| words.concat().into_bytes());
        prop_oneof![words, prop::collection::vec(any::<u8>(), 0..200)]
    }

    proptest! {
        #[test]
        fn no_input_makes_an_analyser_panic(path in prop::sample::select(PATHS), bytes in almost_text()) {
            for analyser in ANALYSERS {
                let _ = analyse(*analyser, path, &bytes);
            }
        }

        #[test]
        fn no_path_makes_an_analyser_panic(path in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut entry = entry("");
            entry.path = LayerPath::from_bytes(&path);
            for analyser in ANALYSERS {
                let _ = analyser.claims(&entry.path, &entry);
            }
        }
    }
}
