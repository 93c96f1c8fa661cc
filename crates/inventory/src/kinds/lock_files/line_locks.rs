//! `Gemfile.lock`, `go.mod` and `gradle.lockfile`: text, one package a line.
//!
//! Formats: <https://bundler.io/guides/gemfile.html> (the lock file is Bundler's own);
//! <https://go.dev/ref/mod#go-mod-file>; <https://docs.gradle.org/current/userguide/dependency_locking.html>.

use std::collections::HashMap;

use super::ID;
use crate::{
    analyser::ClaimedFile,
    declared::DeclaredList,
    facts::{Facts, PackageKind},
    text::lines,
};

/// Reads `Gemfile.lock`: four spaces before each gem, six before what it needs.
pub(super) fn read_bundler(file: &ClaimedFile<'_>, out: &mut Facts) {
    let mut list = DeclaredList::new(PackageKind::Gem, file);
    let mut origin = None;
    let mut is_source = false;
    for (number, line) in lines(file.bytes) {
        let Ok(text) = std::str::from_utf8(line) else {
            continue;
        };
        let trimmed = text.trim();
        match text.len() - text.trim_start().len() {
            0 => {
                is_source = matches!(trimmed, "GEM" | "GIT" | "PATH" | "PLUGIN SOURCE");
                origin = match trimmed {
                    "GIT" => Some("git"),
                    "PATH" => Some("local"),
                    _ => None,
                };
            }
            4 if is_source => {
                let Some((name, version)) = trimmed.split_once(" (") else {
                    continue;
                };
                let version = version.trim_end_matches(['!', ')']);
                // `1.13.6-x86_64-linux`: no version has a dash in it.
                let (version, platform) = match version.split_once('-') {
                    Some((version, platform)) => (version, Some(platform)),
                    None => (version, None),
                };
                if let Some(fact) = list.add(name, version, Some((number, number)), false)
                    && fact.details.is_empty()
                {
                    fact.detail("origin", origin);
                    fact.detail("platform", platform);
                }
            }
            _ => {}
        }
    }
    list.finish(ID, out);
}

/// A module's path, and its version if one is stated.
type Module<'a> = (&'a str, Option<&'a str>);

/// Reads `go.mod`: what is required, with what replaces it.
pub(super) fn read_go_mod(file: &ClaimedFile<'_>, out: &mut Facts) {
    let mut required: Vec<(u32, &str, &str, bool)> = Vec::new();
    let mut replaced: HashMap<Module<'_>, Module<'_>> = HashMap::new();
    let mut block = "";
    for (number, line) in lines(file.bytes) {
        let Ok(text) = std::str::from_utf8(line) else {
            continue;
        };
        let (text, comment) = match text.find("//") {
            Some(at) => text.split_at(at),
            None => (text, ""),
        };
        let mut words = text
            .split_ascii_whitespace()
            .map(|word| word.trim_matches(['"', '`']));
        let first = words.clone().next().unwrap_or_default();
        let verb = match (block, first) {
            (_, "") => continue,
            (_, ")") => {
                block = "";
                continue;
            }
            ("", verb) => {
                words.next();
                if words.clone().next() == Some("(") {
                    block = verb;
                    continue;
                }
                verb
            }
            (block, _) => block,
        };
        let words: Vec<&str> = words.take(5).collect();
        match (verb, words.as_slice()) {
            // Go's own library and tools.
            ("module", ["std" | "cmd"]) => return,
            ("require", [path, version, ..]) => {
                let is_indirect = comment
                    .trim_start_matches('/')
                    .trim()
                    .starts_with("indirect");
                required.push((number, path, version, is_indirect));
            }
            ("replace", [path, "=>", new, rest @ ..]) => {
                replaced.insert((path, None), (new, rest.first().copied()));
            }
            ("replace", [path, version, "=>", new, rest @ ..]) => {
                replaced.insert((path, Some(version)), (new, rest.first().copied()));
            }
            _ => {}
        }
    }
    let mut list = DeclaredList::new(PackageKind::Golang, file);
    for (number, path, version, is_indirect) in required {
        let by_version = replaced.get(&(path, Some(version)));
        let (path, version) = match by_version.or_else(|| replaced.get(&(path, None))) {
            None => (path, version),
            Some((new, Some(version))) => (*new, *version),
            // A folder has no version.
            Some((_, None)) => continue,
        };
        if let Some(fact) = list.add(path, version, Some((number, number)), false)
            && fact.details.is_empty()
        {
            fact.detail("indirect", is_indirect.then_some("true"));
        }
    }
    list.finish(ID, out);
}

/// Reads `gradle.lockfile`: `group:artifact:1.0=configuration,configuration`.
pub(super) fn read_gradle(file: &ClaimedFile<'_>, out: &mut Facts) {
    let mut list = DeclaredList::new(PackageKind::Maven, file);
    for (number, line) in lines(file.bytes) {
        let Ok(text) = std::str::from_utf8(line) else {
            continue;
        };
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') || text.starts_with("empty=") {
            continue;
        }
        let (package, configurations) = text.split_once('=').unwrap_or((text, ""));
        let Some((name, version)) = package
            .rsplit_once(':')
            .filter(|(name, _)| name.contains(':'))
        else {
            continue;
        };
        let mut all = configurations.split(',').map(str::trim);
        let is_dev = !configurations.is_empty() && all.all(|name| name.starts_with("test"));
        list.add(name, version, Some((number, number)), is_dev);
    }
    list.finish(ID, out);
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_broken, declared};

    #[test]
    fn gems_are_read_with_their_origin() {
        let text = "\
GIT
  remote: https://github.com/a/g.git
  revision: abc
  specs:
    g (0.1.0)

PATH
  remote: .
  specs:
    own (0.2.0)

GEM
  remote: https://rubygems.org/
  specs:
    nokogiri (1.13.6-x86_64-linux)
      racc (~> 1.4)
    nokogiri (1.13.6-arm64-darwin)
    racc (1.6.0)

PLATFORMS
  ruby

DEPENDENCIES
    not (1.0)

BUNDLED WITH
   2.3.7
";
        assert_eq!(
            declared("Gemfile.lock", text),
            [
                "g 0.1.0 origin=git",
                "own 0.2.0 origin=local",
                "nokogiri 1.13.6",
                "racc 1.6.0"
            ]
        );
    }

    #[test]
    fn modules_are_read_with_what_replaces_them() {
        let text = "\
module example.com/app // a

go 1.20

require example.com/one v1.0.0

require (
	example.com/two v2.0.0 // indirect
	\"example.com/three\" v3.0.0
	example.com/four v4.0.0
	example.com/five v5.0.0
)

exclude example.com/one v0.9.0

replace example.com/two => example.com/other v2.1.0

replace (
	example.com/three v3.0.0 => ./three
	example.com/four v9.0.0 => ./four
)
";
        assert_eq!(
            declared("go.mod", text),
            [
                "example.com/one v1.0.0",
                "example.com/other v2.1.0",
                "example.com/four v4.0.0",
                "example.com/five v5.0.0"
            ]
        );
        assert_eq!(declared("go.mod", "module std\nrequire a v1\n"), [""; 0]);
    }

    #[test]
    fn gradle_names_configurations() {
        let text = "# This is a Gradle generated file\na.b:c:1.0=classpath,testRuntimeClasspath\n\
                    d:e:2.0=testCompileClasspath,testRuntimeClasspath\nempty=annotationProcessor\n";
        assert_eq!(
            declared("gradle.lockfile", text),
            ["a.b:c 1.0", "d:e 2.0 scope=dev"]
        );
    }

    #[test]
    fn broken_files_are_read_as_far_as_they_go() {
        check_broken("Gemfile.lock", b"GEM\n  specs:\n    a (1.0", 1, 0);
        check_broken(
            "Gemfile.lock",
            b"GEM\n  specs:\n    a ()\n    \xff (1)\n",
            0,
            1,
        );
        check_broken("go.mod", b"require (\n a v1\n b", 1, 0);
        check_broken(
            "go.mod",
            b")\n(\nrequire a\nreplace a\nreplace a =>\n",
            0,
            0,
        );
        check_broken("gradle.lockfile", b"a:b:=x\na:b\n:\n\xff:b:1\n", 0, 1);
    }
}
