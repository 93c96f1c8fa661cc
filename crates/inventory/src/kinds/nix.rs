//! The Nix store: `nix/store/<hash>-<name>-<version>[-<output>]/…`.
//!
//! A path of the store is a build's whole output, named by what it was built from
//! (<https://nix.dev/manual/nix/latest/store/store-path>); name and version are parted as Nix itself
//! does (`builtins.parseDrvName`: the version begins after the first hyphen that no letter follows),
//! and the outputs of one package told apart by nixpkgs' names for them.
//!
//! Layers need not have the directory itself, so that it is any file within that tells of a package:
//! the first one of each folder. Plain files of the store (derivations, sources, patches) are no
//! packages, nor are outputs without a version (`…-source`, `…-profile`): what a profile links to are
//! store paths of their own.

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{StreamAnalyser, Watcher},
    facts::{Facts, PackageFact, PackageKind},
    limits::MAX_NIX_LOOK_BACK,
    text::word,
};

/// Packages of NixOS, and of Nix anywhere else.
pub struct Nix;

const STORE: &[u8] = b"nix/store/";

/// Characters of a store path's hash.
const HASH_BYTES: usize = 32;

/// Nixpkgs' names of outputs (<https://nixos.org/manual/nixpkgs/stable/#chap-multiple-output>).
const OUTPUTS: &[&str] = &[
    "bin", "client", "cups", "data", "debug", "dev", "devdoc", "devman", "dist", "doc", "docs",
    "examples", "getent", "host", "info", "lib", "login", "man", "mount", "opencl", "out", "py",
    "scripts", "server", "share", "static", "su", "terminfo", "tests", "tools", "webui", "xgsch",
];

impl StreamAnalyser for Nix {
    fn id(&self) -> &'static str {
        "nix"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn watch(&self, entry: &Entry, _: &[u8]) -> Option<Box<dyn Watcher>> {
        // Asked of every file there is.
        let is_package = entry.path.as_bytes().starts_with(STORE) && package(&entry.path).is_some();
        is_package.then(|| Box::new(StoreFile) as Box<dyn Watcher>)
    }
}

/// A file within a store path. Its name is enough.
struct StoreFile;

impl Watcher for StoreFile {
    fn finish(self: Box<Self>, path: &LayerPath, _: bool, out: &mut Facts) {
        let Some(package) = package(path) else {
            return;
        };
        // A folder's files come one after the other. Should they not, the merge finds them to be one.
        let mut before = out.packages.iter().rev().take(MAX_NIX_LOOK_BACK);
        let before = before.find(|before| before.kind == PackageKind::Nix);
        if before.is_none_or(|before| before.folder != package.folder) {
            out.add_package(Nix.id(), package);
        }
    }
}

/// The package in whose folder a file lies.
fn package(path: &LayerPath) -> Option<PackageFact> {
    let rest = path.as_bytes().strip_prefix(STORE)?;
    let end = memchr::memchr(b'/', rest)?;
    let (hash, name) = rest.get(..end)?.split_at_checked(HASH_BYTES)?;
    // Nix's base 32 has no `e`, `o`, `t` and `u`.
    let is_digit = |byte: &u8| match byte {
        b'e' | b'o' | b't' | b'u' => false,
        byte => byte.is_ascii_digit() || byte.is_ascii_lowercase(),
    };
    if !hash.iter().all(is_digit) {
        return None;
    }
    let (name, version, output) = split(std::str::from_utf8(name.strip_prefix(b"-")?).ok()?)?;
    let (name, version) = (word(name.as_bytes())?, word(version.as_bytes())?);
    let mut package = PackageFact::new(PackageKind::Nix, name, version, path);
    package.folder = Some(LayerPath::from_bytes(
        path.as_bytes().get(..STORE.len() + end)?,
    ));
    package.detail("output", output);
    package.detail("output-hash", std::str::from_utf8(hash).ok());
    Some(package)
}

/// Name, version and output.
fn split(name: &str) -> Option<(&str, &str, Option<&str>)> {
    let hyphen = name.match_indices('-').map(|(at, _)| at).find(|at| {
        let next = name.as_bytes().get(at + 1);
        next.is_some_and(|byte| !byte.is_ascii_alphabetic())
    })?;
    let (name, version) = (name.get(..hyphen)?, name.get(hyphen + 1..)?);
    match version.rsplit_once('-') {
        Some((version, output)) if OUTPUTS.contains(&output) => Some((name, version, Some(output))),
        _ => Some((name, version, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::entry;

    const HASH: &str = "h0cnbmfcn93xm5dg2x27ixhag1cwndga";

    fn note(paths: &[String]) -> Facts {
        let mut facts = Facts::default();
        for path in paths {
            let entry = entry(path);
            if let Some(watcher) = Nix.watch(&entry, b"a") {
                watcher.finish(&entry.path, true, &mut facts);
            }
        }
        facts
    }

    #[test]
    fn store_paths_are_told_from_other_paths() {
        let check = |path: &str, expect: bool| {
            let entry = entry(path);
            assert_eq!(Nix.watch(&entry, b"a").is_some(), expect, "{path}");
        };
        check(&format!("nix/store/{HASH}-glibc-2.34/lib/libc.so.6"), true);
        check(&format!("nix/store/{HASH}-glibc-2.34"), false);
        check(&format!("nix/store/{HASH}-glibc-2.34.drv"), false);
        check(&format!("nix/store/{HASH}-source/a"), false);
        check(&format!("nix/store/{HASH}/a"), false);
        check(&format!("nix/store/{HASH}--1/a"), false);
        check(
            &format!("nix/store/{}-a-1/a", HASH.replace('h', "e")),
            false,
        );
        check(&format!("nix/store/.links/{HASH}-a-1/a"), false);
        check("nix/store/short-1/a", false);
        check("nix/var/nix/db/db.sqlite", false);
        check("", false);
    }

    #[test]
    fn names_versions_and_outputs_are_told_apart() {
        let check = |name: &str, expect: (&str, &str, Option<&str>)| {
            assert_eq!(split(name), Some(expect), "{name}");
        };
        check("glibc-2.34-210-bin", ("glibc", "2.34-210", Some("bin")));
        check("kmod-29", ("kmod", "29", None));
        check(
            "perl5.34.1-TimeDate-2.33",
            ("perl5.34.1-TimeDate", "2.33", None),
        );
        check(
            "bash-interactive-5.1-p16-man",
            ("bash-interactive", "5.1-p16", Some("man")),
        );
        check("libedit-20210910-3.1", ("libedit", "20210910-3.1", None));
        check(
            "busybox-static-x86_64-unknown-linux-musl-1.35.0",
            ("busybox-static-x86_64-unknown-linux-musl", "1.35.0", None),
        );
        check(
            "util-linux-minimal-2.37.4-bin",
            ("util-linux-minimal", "2.37.4", Some("bin")),
        );
        for name in ["base-system", "a-", "", "-"] {
            assert_eq!(split(name), None, "{name}");
        }
    }

    #[test]
    fn a_folder_is_one_package_whatever_is_in_it() {
        let other = HASH.replace('h', "z");
        let facts = note(&[
            format!("nix/store/{HASH}-glibc-2.34-210-bin/bin/a"),
            format!("nix/store/{HASH}-glibc-2.34-210-bin/share/man/glibc.1"),
            format!("nix/store/{other}-glibc-2.34-210/lib/libc.so.6"),
        ]);
        let [first, second] = facts.packages.as_slice() else {
            panic!("{:?}", facts.packages)
        };
        assert_eq!(
            (first.name.as_str(), first.version.as_str()),
            ("glibc", "2.34-210")
        );
        assert_eq!(first.detail_of("output"), Some("bin"));
        assert_eq!(first.detail_of("output-hash"), Some(HASH));
        let folder = format!("nix/store/{HASH}-glibc-2.34-210-bin");
        assert_eq!(first.folder, Some(LayerPath::from(folder.as_str())));
        assert_eq!(second.detail_of("output"), None);
        assert_eq!(second.detail_of("output-hash"), Some(other.as_str()));
    }

    #[test]
    fn looking_back_is_bounded() {
        let mut facts = Facts::default();
        let add = |facts: &mut Facts| {
            let path = LayerPath::from(format!("nix/store/{HASH}-a-1/b").as_str());
            Box::new(StoreFile).finish(&path, true, facts);
        };
        add(&mut facts);
        for _ in 1..MAX_NIX_LOOK_BACK {
            let other = PackageFact::new(PackageKind::Pypi, "b", "1", &LayerPath::default());
            facts.packages.push(other);
        }
        add(&mut facts);
        assert_eq!(facts.packages.len(), MAX_NIX_LOOK_BACK, "it is found");
        let other = PackageFact::new(PackageKind::Pypi, "b", "1", &LayerPath::default());
        facts.packages.push(other);
        add(&mut facts);
        assert_eq!(
            facts.packages.len(),
            MAX_NIX_LOOK_BACK + 2,
            "it is noted again"
        );
    }

    #[test]
    fn hostile_names_are_no_packages() {
        let long = "a".repeat(5000);
        let facts = note(&[
            format!("nix/store/{HASH}-{long}-1/a"),
            format!("nix/store/{HASH}-a-{}/a", "1".repeat(5000)),
        ]);
        assert_eq!(facts, Facts::default());
    }
}
