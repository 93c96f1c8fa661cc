//! Lock files that are TOML: a table for each package.
//!
//! Formats: <https://doc.rust-lang.org/cargo/guide/cargo-toml-vs-cargo-lock.html>;
//! <https://python-poetry.org/docs/basic-usage/#installing-with-poetrylock>;
//! <https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile>; <https://pdm-project.org/en/latest/usage/lockfile/>;
//! <https://packaging.python.org/en/latest/specifications/pylock-toml/>.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;
use toml::{Spanned, Value};

use super::ID;
use crate::{
    analyser::ClaimedFile,
    declared::DeclaredList,
    facts::{Facts, PackageKind},
    toml_file::parse_toml,
};

/// Reads `Cargo.lock`. What has no source is a member of the workspace, or lies beside it.
pub(super) fn read_cargo(file: &ClaimedFile<'_>, out: &mut Facts) {
    read(file, out, PackageKind::Cargo, |_, package| {
        let source = package.source.as_ref().and_then(Value::as_str);
        let origin = match source {
            None => Some("local"),
            Some(source) if source.starts_with("git+") => Some("git"),
            Some(_) => None,
        };
        (false, origin)
    });
}

/// Reads `poetry.lock`: `category` said what a package is for, `groups` says it since version 2.
pub(super) fn read_poetry(file: &ClaimedFile<'_>, out: &mut Facts) {
    read(file, out, PackageKind::Pypi, |_, package| {
        let is_dev = match (&package.category, &package.groups) {
            (Some(category), _) => category == "dev",
            (None, Some(groups)) => !groups.is_empty() && !groups.iter().any(|g| g == "main"),
            (None, None) => false,
        };
        let source = package.source.as_ref();
        let origin = source.and_then(|source| source.get("type")?.as_str());
        let origin = match origin {
            Some("git") => Some("git"),
            Some("url") => Some("url"),
            Some("directory" | "file") => Some("local"),
            _ => None,
        };
        (is_dev, origin)
    });
}

/// Reads `pdm.lock`. Groups other than `default` may be extras as well as for development: only `dev`
/// says which.
pub(super) fn read_pdm(file: &ClaimedFile<'_>, out: &mut Facts) {
    read(file, out, PackageKind::Pypi, |_, package| {
        let groups = package.groups.as_deref().unwrap_or_default();
        let is_dev = !groups.is_empty() && groups.iter().all(|group| group == "dev");
        let origin = match package {
            Package { git: Some(_), .. } => Some("git"),
            Package { path: Some(_), .. } => Some("local"),
            Package { url: Some(_), .. } => Some("url"),
            _ => None,
        };
        (is_dev, origin)
    });
}

/// Reads `pylock.toml`.
pub(super) fn read_pylock(file: &ClaimedFile<'_>, out: &mut Facts) {
    read(file, out, PackageKind::Pypi, |_, package| {
        let origin = match package {
            Package { vcs: Some(_), .. } => Some("git"),
            Package {
                directory: Some(_), ..
            } => Some("local"),
            Package {
                archive: Some(_), ..
            } => Some("url"),
            _ => None,
        };
        (false, origin)
    });
}

/// Reads `uv.lock`. The project and its members have `source.editable` or `source.virtual`; what can be
/// reached from their `dev-dependencies` only is for development.
pub(super) fn read_uv(file: &ClaimedFile<'_>, out: &mut Facts) {
    read(file, out, PackageKind::Pypi, |graph, package| {
        let name = package.name.as_str();
        let is_dev = graph.for_dev.contains(name) && !graph.needed.contains(name);
        let source = package.source.as_ref();
        let is = |key: &str| source.is_some_and(|source| source.get(key).is_some());
        let origin = if is("git") {
            Some("git")
        } else if is("url") {
            Some("url")
        } else if is("registry") || source.is_none() {
            None
        } else {
            Some("local")
        };
        (is_dev, origin)
    });
}

/// Reads all packages of a file; `judge` says which are for development, and from where.
fn read(
    file: &ClaimedFile<'_>,
    out: &mut Facts,
    kind: PackageKind,
    judge: impl Fn(&Graph<'_>, &Package) -> (bool, Option<&'static str>),
) {
    let Some(lock) = parse_toml::<Lock>(ID, file, out) else {
        return;
    };
    let mut lines = LineCounter::new(file.bytes);
    let all = || lock.package.iter().chain(&lock.packages);
    let graph = Graph::new(all().map(Spanned::get_ref));
    let mut list = DeclaredList::new(kind, file);
    for spanned in all() {
        let package = spanned.get_ref();
        // A member whose version is computed has none.
        let Some(version) = &package.version else {
            continue;
        };
        let (is_dev, origin) = judge(&graph, package);
        let span = spanned.span();
        let first = lines.at(span.start);
        let last = lines.at(span.end);
        let place = first.zip(last);
        if let Some(fact) = list.add(&package.name, version, place, is_dev) {
            fact.detail(
                "origin",
                origin.filter(|_| fact.detail_of("origin").is_none()),
            );
        }
    }
    list.finish(ID, out);
}

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Spanned<Package>>,
    /// As `pylock.toml` has it.
    #[serde(default)]
    packages: Vec<Spanned<Package>>,
}

/// What the formats have in common, and what each has of its own.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Package {
    name: String,
    version: Option<String>,
    source: Option<Value>,
    category: Option<String>,
    groups: Option<Vec<String>>,
    git: Option<Value>,
    path: Option<Value>,
    url: Option<Value>,
    vcs: Option<Value>,
    directory: Option<Value>,
    archive: Option<Value>,
    dependencies: Option<Value>,
    optional_dependencies: Option<BTreeMap<String, Value>>,
    dev_dependencies: Option<BTreeMap<String, Value>>,
}

/// What the members of an uv project need, by name.
#[derive(Default)]
struct Graph<'a> {
    needed: HashSet<&'a str>,
    for_dev: HashSet<&'a str>,
}

impl<'a> Graph<'a> {
    fn new(packages: impl Iterator<Item = &'a Package>) -> Self {
        let mut edges: HashMap<&str, Vec<&str>> = HashMap::new();
        let (mut roots, mut dev_roots) = (Vec::new(), Vec::new());
        for package in packages {
            let source = package.source.as_ref();
            let is_member = source.is_some_and(|source| {
                source.get("editable").is_some() || source.get("virtual").is_some()
            });
            let groups = |groups: &'a Option<BTreeMap<String, Value>>| {
                groups.iter().flat_map(BTreeMap::values).flat_map(names)
            };
            let needs = package.dependencies.iter().flat_map(names);
            let needs = needs.chain(groups(&package.optional_dependencies));
            edges.entry(&package.name).or_default().extend(needs);
            if is_member {
                roots.push(package.name.as_str());
                dev_roots.extend(groups(&package.dev_dependencies));
            }
        }
        let reach = |roots: Vec<&'a str>| {
            let mut open = roots;
            let mut reached = HashSet::new();
            while let Some(name) = open.pop() {
                if reached.insert(name) {
                    open.extend(edges.get(name).into_iter().flatten());
                }
            }
            reached
        };
        Self {
            needed: reach(roots),
            for_dev: reach(dev_roots),
        }
    }
}

/// The names in `[{ name = "a" }, …]`.
fn names(dependencies: &Value) -> impl Iterator<Item = &str> {
    let all = dependencies.as_array().into_iter().flatten();
    all.filter_map(|dependency| dependency.get("name")?.as_str())
}

/// Counts lines up to offsets that only grow.
struct LineCounter<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u32,
}

impl<'a> LineCounter<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes: bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes),
            at: 0,
            line: 1,
        }
    }

    /// The line of a byte; `None` if it lies before the last one asked for.
    fn at(&mut self, offset: usize) -> Option<u32> {
        let between = self.bytes.get(self.at..offset)?;
        let newlines = memchr::memchr_iter(b'\n', between).count();
        self.line = self.line.saturating_add(u32::try_from(newlines).ok()?);
        self.at = offset;
        Some(self.line)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        LockFiles,
        tests::{check_broken, declared},
    };
    use crate::kinds::tests::analyse;

    #[test]
    fn crates_are_read_with_their_lines() {
        let text = "\
# generated
version = 3

[[package]]
name = \"app\"
version = \"0.1.0\"
dependencies = [
 \"memchr\",
]

[[package]]
name = \"memchr\"
version = \"2.3.3\"
source = \"registry+https://github.com/rust-lang/crates.io-index\"

[[package]]
name = \"g\"
version = \"1.0.0\"
source = \"git+https://github.com/a/g#abc\"
";
        assert_eq!(
            declared("Cargo.lock", text),
            [
                "app 0.1.0 origin=local",
                "memchr 2.3.3",
                "g 1.0.0 origin=git"
            ]
        );
        let facts = analyse(&LockFiles, "Cargo.lock", text);
        let lines: Vec<_> = facts.packages.iter().map(|p| p.lines.unwrap()).collect();
        assert_eq!(lines[1].0, 11, "{lines:?}");
        assert!(lines[1].1 <= 14, "{lines:?}");
    }

    #[test]
    fn poetry_says_what_is_for_development() {
        let text = "\
[[package]]
name = \"a\"
version = \"1.0\"
category = \"main\"
[package.dependencies]
b = \"*\"
[[package]]
name = \"b\"
version = \"1.0\"
category = \"dev\"
[[package]]
name = \"c\"
version = \"1.0\"
groups = [\"main\", \"dev\"]
[[package]]
name = \"d\"
version = \"1.0\"
groups = [\"test\"]
[package.source]
type = \"git\"
";
        assert_eq!(
            declared("poetry.lock", text),
            [
                "a 1.0",
                "b 1.0 scope=dev",
                "c 1.0",
                "d 1.0 scope=dev origin=git"
            ]
        );
    }

    #[test]
    fn uv_is_a_graph() {
        let text = "\
version = 1
[[package]]
name = \"app\"
version = \"0.1.0\"
source = { virtual = \".\" }
dependencies = [{ name = \"a\" }]
[package.optional-dependencies]
x = [{ name = \"e\" }]
[package.dev-dependencies]
dev = [{ name = \"d\" }]
[[package]]
name = \"a\"
version = \"1.0\"
source = { registry = \"https://pypi.org/simple\" }
dependencies = [{ name = \"b\", marker = \"x\" }]
[[package]]
name = \"b\"
version = \"1.0\"
source = { registry = \"https://pypi.org/simple\" }
[[package]]
name = \"d\"
version = \"1.0\"
source = { git = \"https://x\" }
dependencies = [{ name = \"b\" }, { name = \"f\" }]
[[package]]
name = \"e\"
version = \"1.0\"
source = { registry = \"https://pypi.org/simple\" }
[[package]]
name = \"f\"
version = \"1.0\"
source = { registry = \"https://pypi.org/simple\" }
[[package]]
name = \"dynamic\"
source = { editable = \"x\" }
";
        assert_eq!(
            declared("uv.lock", text),
            [
                "app 0.1.0 origin=local",
                "a 1.0",
                "b 1.0",
                "d 1.0 scope=dev origin=git",
                "e 1.0",
                "f 1.0 scope=dev"
            ]
        );
    }

    #[test]
    fn pdm_and_pylock_are_read() {
        let text = "[[package]]\nname = \"a\"\nversion = \"1\"\ngroups = [\"default\", \"dev\"]\n\
                    [[package]]\nname = \"b\"\nversion = \"1\"\ngroups = [\"dev\"]\n\
                    [[package]]\nname = \"c\"\nversion = \"1\"\ngroups = [\"extra\"]\n";
        assert_eq!(declared("pdm.lock", text), ["a 1", "b 1 scope=dev", "c 1"]);
        let text = "lock-version = \"1.0\"\n[[packages]]\nname = \"a\"\nversion = \"1\"\n\
                    [[packages]]\nname = \"b\"\ndirectory = { path = \".\" }\n\
                    [[packages]]\nname = \"c\"\nversion = \"1\"\nvcs = { type = \"git\" }\n";
        assert_eq!(declared("pylock.toml", text), ["a 1", "c 1 origin=git"]);
    }

    #[test]
    fn broken_files_are_warnings() {
        check_broken("Cargo.lock", b"[[package]]\nversion = \"1\"\n", 0, 1);
        check_broken(
            "Cargo.lock",
            b"[[package]]\nname = \"\"\nversion = \"1\"\n",
            0,
            1,
        );
        check_broken("Cargo.lock", b"package = 7\n", 0, 1);
        check_broken(
            "Cargo.lock",
            b"\xef\xbb\xbf[[package]]\nname = \"a\"\nversion = \"1\"\n",
            1,
            0,
        );
    }
}
