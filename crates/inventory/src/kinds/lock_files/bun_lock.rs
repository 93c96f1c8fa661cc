//! `bun.lock`.
//!
//! Format: <https://bun.sh/docs/pm/lockfile>, JSON with comments and commas before closing brackets.
//! `packages` are keyed by the path of names that leads to each; its value begins with `name@version`.
//! What is for development is what can be reached from `devDependencies` of `workspaces` only.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use serde_json::Value;

use super::ID;
use crate::{
    analyser::ClaimedFile,
    declared::DeclaredList,
    facts::{Facts, PackageKind},
    json::{parse_json, word_of},
    limits::MAX_SEARCHED_BYTES,
};

/// Reads `bun.lock`.
pub(super) fn read(file: &ClaimedFile<'_>, out: &mut Facts) {
    let bytes = plain_json(file.bytes);
    let plain = ClaimedFile {
        path: file.path,
        bytes: &bytes,
    };
    let Some(lock) = parse_json::<Lock>(ID, &plain, out) else {
        return;
    };
    let mut search = Search {
        lock: &lock,
        bytes_left: MAX_SEARCHED_BYTES,
    };
    let needed = search.needed(&["dependencies", "optionalDependencies", "peerDependencies"]);
    let for_dev = search.needed(&["devDependencies"]);
    if search.bytes_left == 0 {
        out.too_many(
            ID,
            "bytes of dependencies' paths",
            MAX_SEARCHED_BYTES as u64,
        );
    }
    let mut list = DeclaredList::new(PackageKind::Npm, file);
    for (key, package) in &lock.packages {
        let found = package.first().and_then(Value::as_str).and_then(split);
        let Some((name, version)) = found else {
            list.add("", "", None, false);
            continue;
        };
        // Of members and of what lies on the disk the version is not stated here.
        let is = |prefix: &str| version.starts_with(prefix);
        if is("workspace:") || is("file:") || is("link:") || is("root:") {
            continue;
        }
        let key = key.as_str();
        let is_dev = for_dev.contains(key) && !needed.contains(key);
        if let Some(fact) = list.add(name, version, None, is_dev) {
            let is_git = is("git") || is("github:");
            let origin = if is_git {
                Some("git")
            } else {
                is("http").then_some("url")
            };
            fact.detail(
                "origin",
                origin.filter(|_| fact.detail_of("origin").is_none()),
            );
        }
    }
    for member in lock.workspaces.values() {
        if let (Some(name), Some(version)) = (word_of(&member.name), word_of(&member.version))
            && let Some(fact) = list.add(&name, &version, None, false)
        {
            fact.detail("origin", Some("local"));
        }
    }
    list.finish(ID, out);
}

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    workspaces: BTreeMap<String, Workspace>,
    #[serde(default)]
    packages: BTreeMap<String, Vec<Value>>,
}

#[derive(Deserialize)]
struct Workspace {
    #[serde(default)]
    name: Value,
    #[serde(default)]
    version: Value,
    /// `dependencies` and the like.
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// Finds what is needed by what.
struct Search<'a> {
    lock: &'a Lock,
    /// Bytes of paths that may still be looked up.
    bytes_left: usize,
}

impl<'a> Search<'a> {
    /// The keys of all packages that members need by these fields.
    fn needed(&mut self, fields: &[&str]) -> HashSet<&'a str> {
        let lock = self.lock;
        let mut open: Vec<&'a str> = Vec::new();
        for member in lock.workspaces.values() {
            let name = member.name.as_str().unwrap_or_default();
            for field in fields {
                let wanted = member.rest.get(*field).and_then(Value::as_object);
                for wanted in wanted.into_iter().flat_map(|wanted| wanted.keys()) {
                    open.extend(self.resolve(name, wanted));
                }
            }
        }
        let mut needed = HashSet::new();
        while let Some(key) = open.pop() {
            if !needed.insert(key) {
                continue;
            }
            let package = lock.packages.get(key).map(Vec::as_slice);
            let details = package
                .unwrap_or_default()
                .iter()
                .find_map(Value::as_object);
            for field in ["dependencies", "optionalDependencies", "peerDependencies"] {
                let wanted = details.and_then(|details| details.get(field)?.as_object());
                for wanted in wanted.into_iter().flat_map(|wanted| wanted.keys()) {
                    open.extend(self.resolve(key, wanted));
                }
            }
        }
        needed
    }

    /// The key of the package `name` as seen from `from`: the nearest one.
    fn resolve(&mut self, from: &str, name: &str) -> Option<&'a str> {
        let mut from = from;
        loop {
            let path = match from {
                "" => name.to_owned(),
                from => format!("{from}/{name}"),
            };
            self.bytes_left = self.bytes_left.saturating_sub(path.len());
            if self.bytes_left == 0 {
                return None;
            }
            if let Some((key, _)) = self.lock.packages.get_key_value(&path) {
                return Some(key);
            }
            if from.is_empty() {
                return None;
            }
            from = from.rsplit_once('/').map_or("", |(above, _)| above);
        }
    }
}

fn split(package: &str) -> Option<(&str, &str)> {
    let start = usize::from(package.starts_with('@'));
    let at = package.get(start..)?.find('@')? + start;
    let name = package.get(..at).filter(|name| !name.is_empty())?;
    Some((name, package.get(at + 1..)?))
}

/// Without comments and commas that close nothing; lines stay where they are.
fn plain_json(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    // Where in `plain` a comma lies that nothing has followed yet.
    let mut comma: Option<usize> = None;
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        match (byte, after.first()) {
            (b'"', _) => {
                let mut length = 1;
                let mut inside = after.iter();
                while let Some(byte) = inside.next() {
                    length += 1;
                    match byte {
                        b'\\' => length += usize::from(inside.next().is_some()),
                        b'"' => break,
                        _ => {}
                    }
                }
                let (text, behind) = rest.split_at(length.min(rest.len()));
                plain.extend_from_slice(text);
                comma = None;
                rest = behind;
                continue;
            }
            (b'/', Some(b'/')) => {
                let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                rest = rest.get(end..).unwrap_or_default();
                continue;
            }
            (b'/', Some(b'*')) => {
                let end = memchr::memmem::find(rest, b"*/").map_or(rest.len(), |end| end + 2);
                let (comment, behind) = rest.split_at(end);
                plain.extend(comment.iter().filter(|byte| **byte == b'\n'));
                rest = behind;
                continue;
            }
            (b',', _) => comma = Some(plain.len()),
            (b'}' | b']', _) => {
                if let Some(comma) = comma.take().and_then(|comma| plain.get_mut(comma)) {
                    *comma = b' ';
                }
            }
            (byte, _) if byte.is_ascii_whitespace() => {}
            _ => comma = None,
        }
        plain.push(*byte);
        rest = after;
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{check_broken, declared},
        *,
    };

    #[test]
    fn packages_are_read_with_what_needs_them() {
        let text = r#"{
  // a comment
  "lockfileVersion": 1,
  "workspaces": {
    "": { "name": "app", "dependencies": { "a": "^1", }, "devDependencies": { "d": "^1", "m": "workspace:*" }, },
    "packages/m": { "name": "m", "version": "0.1.0", "dependencies": { "n": "1" } },
  },
  "packages": {
    "a": ["a@1.0.0", "", { "dependencies": { "b": "^1" } }, "sha512-a=="],
    "a/b": ["b@1.0.0", "", {}, "sha512-a=="],
    "b": ["b@2.0.0", "", {}, "sha512-a=="],
    "@c/d": ["@c/d@1.0.0", "", {}, "x"],
    "d": ["d@1.0.0", "", { "dependencies": { "b": "^2" } }, "sha512-a=="],
    "m": ["m@workspace:packages/m"],
    "n": ["n@github:x/n#abc", {}, "x-n-abc"],
  }
}"#;
        assert_eq!(
            declared("bun.lock", text),
            [
                "@c/d 1.0.0",
                "a 1.0.0",
                "b 1.0.0",
                "b 2.0.0 scope=dev",
                "d 1.0.0 scope=dev",
                "n github:x/n#abc origin=git",
                "m 0.1.0 origin=local"
            ]
        );
    }

    #[test]
    fn comments_and_commas_are_taken_out() {
        let check = |text: &str, expect: &str| {
            let plain = String::from_utf8(plain_json(text.as_bytes())).unwrap();
            assert_eq!(plain, expect, "{text}");
        };
        check("[1, 2, ]", "[1, 2  ]");
        check("[\",]\", ]", "[\",]\"  ]");
        check("[\"\\\",]\",]", "[\"\\\",]\" ]");
        check("[1, // a ]\n]", "[1  \n]");
        check("[/* ,\n ] */1]", "[\n1]");
        check("[1,/* ]", "[1,");
        check("\"a\\", "\"a\\");
        check("\"a", "\"a");
        check("{\"a\": \"http://b\"}", "{\"a\": \"http://b\"}");
    }

    #[test]
    fn the_search_is_bounded() {
        let deep = "a/".repeat(40_000);
        let text = format!(
            r#"{{"workspaces": {{"": {{"dependencies": {{"{deep}a": "1"}}}}}},
                "packages": {{"{deep}a": ["a@1", {{"dependencies": {{"b": "1"}}}}]}}}}"#
        );
        check_broken("bun.lock", text.as_bytes(), 1, 1);
    }

    #[test]
    fn broken_files_are_warnings() {
        check_broken("bun.lock", b"{\"packages\": {\"a\": [\"a@1", 0, 1);
        check_broken(
            "bun.lock",
            b"{\"packages\": {\"a\": [], \"b\": [7], \"c\": [\"c\"]}}",
            0,
            1,
        );
        check_broken("bun.lock", b"{\"packages\": []}", 0, 1);
    }
}
