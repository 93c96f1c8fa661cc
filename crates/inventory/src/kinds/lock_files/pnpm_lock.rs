//! `pnpm-lock.yaml`.
//!
//! Format: <https://github.com/pnpm/spec/tree/master/lockfile>. `packages` are keyed by `/name/1.0.0_peers`
//! (version 5), `/name@1.0.0(peers)` (6) or `name@1.0.0` (9); those that are not from a registry state
//! `name` and `version`. What is for development is stated by `dev` up to version 6; of version 9 it is
//! what can be reached from `devDependencies` of `importers` through `snapshots` only.

use std::collections::{HashMap, HashSet};

use super::ID;
use crate::{
    analyser::ClaimedFile,
    declared::DeclaredList,
    facts::{Facts, PackageKind},
    yaml_lines::{YamlLine, yaml_lines},
};

/// Reads `pnpm-lock.yaml`.
pub(super) fn read(file: &ClaimedFile<'_>, out: &mut Facts) {
    let mut lock = Lock::default();
    for line in yaml_lines(file.bytes) {
        lock.add(&line);
    }
    lock.packages.extend(lock.open.take());
    let needed = lock.needed(false);
    let for_dev = lock.needed(true);
    let mut list = DeclaredList::new(PackageKind::Npm, file);
    for package in &lock.packages {
        let Some((name, version)) = package.identity(lock.version) else {
            continue;
        };
        let is_dev = match lock.version {
            0..=8 => package.is_dev,
            _ => {
                let id = (name, version);
                for_dev.contains(&id) && !needed.contains(&id)
            }
        };
        let lines = Some((package.first_line, package.last_line));
        if let Some(fact) = list.add(name, version, lines, is_dev) {
            let origin = (!package.name.is_empty() && package.is_elsewhere).then_some("url");
            fact.detail(
                "origin",
                origin.filter(|_| fact.detail_of("origin").is_none()),
            );
        }
    }
    list.finish(ID, out);
}

#[derive(Default)]
struct Lock<'a> {
    /// The first number of `lockfileVersion`.
    version: u32,
    section: &'a str,
    packages: Vec<Package<'a>>,
    open: Option<Package<'a>>,
    /// `dependencies`, `devDependencies`, … of the importer that is being read.
    group: &'a str,
    /// The dependency of an importer, whose version comes in the next lines.
    dependency: &'a str,
    /// What importers need: the key of a snapshot, and whether it is for development.
    roots: Vec<(Id<'a>, bool)>,
    /// The snapshot that is being read.
    snapshot: Option<&'a str>,
    /// What snapshots need, by their key.
    edges: HashMap<&'a str, Vec<Id<'a>>>,
}

/// The key of a snapshot: `name` and `1.0.0(peer)`, or both in the second where the first is an alias.
type Id<'a> = (&'a str, &'a str);

struct Package<'a> {
    key: &'a str,
    name: &'a str,
    version: &'a str,
    is_dev: bool,
    is_elsewhere: bool,
    first_line: u32,
    last_line: u32,
}

impl<'a> Lock<'a> {
    fn add(&mut self, line: &YamlLine<'a>) {
        if line.indent == 0 {
            self.packages.extend(self.open.take());
            self.section = line.key;
            if line.key == "lockfileVersion" {
                let major = line.value.split('.').next().unwrap_or_default();
                self.version = major.parse().unwrap_or_default();
            }
            return;
        }
        match self.section {
            "packages" => self.package(line),
            "importers" => self.importer(line),
            "snapshots" => self.snapshot(line),
            _ => {}
        }
    }

    fn package(&mut self, line: &YamlLine<'a>) {
        if line.indent == 2 {
            self.packages.extend(self.open.take());
            // A key that is too long for its line comes without a colon.
            let key = if line.key.is_empty() {
                line.value
            } else {
                line.key
            };
            self.open = Some(Package {
                key,
                name: "",
                version: "",
                is_dev: false,
                is_elsewhere: false,
                first_line: line.number,
                last_line: line.number,
            });
        } else if let (Some(open), 4) = (&mut self.open, line.indent) {
            open.last_line = line.number;
            match line.key {
                "name" => open.name = line.value,
                "version" => open.version = line.value,
                "dev" => open.is_dev = line.value == "true",
                "resolution" => {
                    open.is_elsewhere =
                        line.value.contains("tarball:") || line.value.contains("repo:");
                }
                _ => {}
            }
        }
    }

    fn importer(&mut self, line: &YamlLine<'a>) {
        match line.indent {
            2 => self.group = "",
            4 => self.group = line.key,
            6 => self.dependency = line.key,
            8 if line.key == "version"
                && self.group.to_ascii_lowercase().ends_with("dependencies") =>
            {
                let is_dev = self.group == "devDependencies";
                self.roots.push(((self.dependency, line.value), is_dev));
            }
            _ => {}
        }
    }

    fn snapshot(&mut self, line: &YamlLine<'a>) {
        match line.indent {
            2 => self.snapshot = Some(line.key),
            4 => self.group = line.key,
            6 if matches!(self.group, "dependencies" | "optionalDependencies") => {
                if let Some(snapshot) = self.snapshot {
                    let needs = self.edges.entry(snapshot).or_default();
                    needs.push((line.key, line.value));
                }
            }
            _ => {}
        }
    }

    /// Name and version of all that importers need, for development or otherwise.
    fn needed(&self, for_dev: bool) -> HashSet<Id<'a>> {
        let by_id: HashMap<Id<'a>, &'a str> = self
            .edges
            .keys()
            .filter_map(|key| Some((at_sign(key)?, *key)))
            .collect();
        let of_kind = self.roots.iter().filter(|(_, is_dev)| *is_dev == for_dev);
        let mut open: Vec<Id<'a>> = of_kind.map(|(id, _)| *id).collect();
        let mut seen = HashSet::new();
        let mut needed = HashSet::new();
        while let Some((name, version)) = open.pop() {
            // An alias has the name with the version.
            let id = at_sign(version).filter(|(_, rest)| !rest.contains("://"));
            let id = id.unwrap_or((name, version));
            if !seen.insert(id) {
                continue;
            }
            needed.insert((id.0, without_peers(id.1)));
            if let Some(needs) = by_id.get(&id).and_then(|key| self.edges.get(key)) {
                open.extend(needs);
            }
        }
        needed
    }
}

impl<'a> Package<'a> {
    fn identity(&self, lock_version: u32) -> Option<Id<'a>> {
        if !self.name.is_empty() && !self.version.is_empty() {
            return Some((self.name, self.version));
        }
        let found = match lock_version {
            0..=5 => slash(self.key.strip_prefix('/')?),
            6..=8 => at_sign(self.key.strip_prefix('/')?),
            _ => at_sign(self.key),
        };
        let (name, version) = found?;
        // `name@https://…`: the version is stated, or there is none.
        let version = match self.version {
            "" => without_peers(version),
            stated => stated,
        };
        let is_version = version.starts_with(|first: char| first.is_ascii_digit());
        is_version.then_some((name, version))
    }
}

/// `@a/b` and `1.0.0` of `@a/b/1.0.0_peer@2.0.0`.
fn slash(key: &str) -> Option<Id<'_>> {
    let scope = match key.starts_with('@') {
        true => key.find('/')? + 1,
        false => 0,
    };
    let at = key.get(scope..)?.find('/')? + scope;
    let version = key.get(at + 1..)?;
    let version = version.split('_').next().unwrap_or(version);
    Some((key.get(..at)?, version))
}

/// `@a/b` and `1.0.0(peer@2.0.0)` of `@a/b@1.0.0(peer@2.0.0)`.
fn at_sign(key: &str) -> Option<Id<'_>> {
    let start = usize::from(key.starts_with('@'));
    let at = key.get(start..)?.find('@')? + start;
    // The `@` of a peer is no name's.
    let name = key.get(..at)?;
    let is_name = !name.is_empty() && !name.contains('(');
    is_name.then_some((name, key.get(at + 1..)?))
}

fn without_peers(version: &str) -> &str {
    version.split('(').next().unwrap_or(version)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_broken, declared};

    #[test]
    fn version_5_parts_by_slashes() {
        let text = "\
lockfileVersion: 5.4

dependencies:
  a: 1.0.0

packages:

  /@b/c/2.0.0_peer@1.0.0:
    resolution: {integrity: sha512-a==}
    dev: true

  /a/1.0.0:
    resolution: {integrity: sha512-a==}
    dependencies:
      version: 9.0.0
    dev: false

  github.com/x/y/abc:
    resolution: {tarball: https://codeload.github.com/x/y/tar.gz/abc}
    name: y
    version: 0.1.0
    dev: false

  file:../z:
    resolution: {directory: ../z, type: directory}
";
        assert_eq!(
            declared("pnpm-lock.yaml", text),
            ["@b/c 2.0.0 scope=dev", "a 1.0.0", "y 0.1.0 origin=url"]
        );
    }

    #[test]
    fn version_6_parts_by_at_signs() {
        let text = "lockfileVersion: '6.0'\n\npackages:\n\n  /@b/c@2.0.0(peer@1.0.0):\n    dev: true\n\n  \
                    /a@1.0.0:\n    dev: false\n";
        assert_eq!(
            declared("pnpm-lock.yaml", text),
            ["@b/c 2.0.0 scope=dev", "a 1.0.0"]
        );
    }

    #[test]
    fn version_9_is_a_graph() {
        let text = "\
lockfileVersion: '9.0'

importers:

  .:
    dependencies:
      a:
        specifier: ^1.0.0
        version: 1.0.0(p@1.0.0)
      alias:
        specifier: npm:real@^1
        version: real@1.0.0
    devDependencies:
      '@d/e':
        specifier: ^2.0.0
        version: 2.0.0
      local:
        specifier: link:../local
        version: link:../local

packages:

  '@d/e@2.0.0':
    resolution: {integrity: sha512-a==}

  a@1.0.0:
    resolution: {integrity: sha512-a==}
    peerDependencies:
      p: '*'

  both@1.0.0:
    resolution: {integrity: sha512-a==}

  only-dev@1.0.0:
    resolution: {integrity: sha512-a==}

  p@1.0.0:
    resolution: {integrity: sha512-a==}

  real@1.0.0:
    resolution: {integrity: sha512-a==}

  t@https://codeload.github.com/x/t/tar.gz/abc:
    resolution: {tarball: https://codeload.github.com/x/t/tar.gz/abc}
    version: 3.0.0

snapshots:

  '@d/e@2.0.0':
    dependencies:
      both: 1.0.0
      only-dev: 1.0.0

  a@1.0.0(p@1.0.0):
    dependencies:
      both: 1.0.0
      p: 1.0.0

  both@1.0.0: {}

  only-dev@1.0.0:
    dependencies:
      '@d/e': 2.0.0

  p@1.0.0: {}
";
        assert_eq!(
            declared("pnpm-lock.yaml", text),
            [
                "@d/e 2.0.0 scope=dev",
                "a 1.0.0",
                "both 1.0.0",
                "only-dev 1.0.0 scope=dev",
                "p 1.0.0",
                "real 1.0.0",
                "t 3.0.0"
            ]
        );
    }

    #[test]
    fn broken_files_are_read_as_far_as_they_go() {
        check_broken(
            "pnpm-lock.yaml",
            b"lockfileVersion: 5.4\npackages:\n  /a/1.0.0:\n  /b",
            1,
            0,
        );
        check_broken(
            "pnpm-lock.yaml",
            b"lockfileVersion: x\npackages:\n  /a/1.0.0:\n  /:\n  //:\n  @:\n",
            1,
            0,
        );
        check_broken(
            "pnpm-lock.yaml",
            b"lockfileVersion: '9.0'\npackages:\n  a@1.0.0(:\n  '@a':\n  a@:\n",
            1,
            0,
        );
    }
}
