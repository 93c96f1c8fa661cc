//! `yarn.lock`, of Yarn 1 and of Berry (2 and later).
//!
//! Format: <https://classic.yarnpkg.com/lang/en/docs/yarn-lock/>, and YAML with the same look
//! (<https://yarnpkg.com/advanced/lexicon#lockfile>). A line without indent names what was asked for,
//! the lines below say what was found. Which of it is for development, only `package.json` says.
//!
//! What lies on the disk (`file:`, `link:`, `portal:`, `workspace:`) has no version of its own. Git's and
//! URLs' packages are told with their origin. (Trivy leaves these out.)

use super::ID;
use crate::{
    analyser::ClaimedFile,
    declared::DeclaredList,
    facts::{Facts, PackageKind},
    text::lines,
    yaml_lines::unquote,
};

/// Reads `yarn.lock`.
pub(super) fn read(file: &ClaimedFile<'_>, out: &mut Facts) {
    let mut list = DeclaredList::new(PackageKind::Npm, file);
    let mut open: Option<Block<'_>> = None;
    for (number, line) in lines(file.bytes) {
        let Ok(text) = std::str::from_utf8(line) else {
            continue;
        };
        let trimmed = text.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let indent = text.len() - text.trim_start().len();
        if indent == 0 {
            if let Some(done) = open.take() {
                done.add(&mut list);
            }
            let patterns = trimmed.strip_suffix(':').or(trimmed.strip_prefix("? "));
            open = patterns.map(|patterns| Block::new(number, patterns));
        } else if let (2, Some(block)) = (indent, &mut open) {
            block.last_line = number;
            // `version "1.0.0"` and `version: 1.0.0`.
            if let Some((key, value)) = trimmed.split_once([' ', ':']) {
                let value = unquote(value.trim_start_matches([':', ' ']).trim());
                // Some tools quote the keys too.
                match unquote(key) {
                    "version" => block.version = value,
                    "resolved" | "resolution" => block.resolution = value,
                    _ => {}
                }
            }
        }
    }
    if let Some(done) = open {
        done.add(&mut list);
    }
    list.finish(ID, out);
}

struct Block<'a> {
    /// The first of what was asked for: `@a/b@^1.0.0`.
    pattern: &'a str,
    version: &'a str,
    resolution: &'a str,
    first_line: u32,
    last_line: u32,
}

impl<'a> Block<'a> {
    fn new(line: u32, patterns: &'a str) -> Self {
        let first = patterns.split(", ").next().unwrap_or_default();
        Self {
            pattern: first.trim_matches('"'),
            version: "",
            resolution: "",
            first_line: line,
            last_line: line,
        }
    }

    fn add(self, list: &mut DeclaredList<'_>) {
        // `__metadata:` is the file's own.
        let Some((name, range)) = split(self.pattern) else {
            return;
        };
        // Berry says what was found, Yarn 1 where.
        let (mut name, mut protocol) = (name, range);
        if let Some((found, reference)) = split(self.resolution)
            && !self.resolution.contains("://")
        {
            (name, protocol) = (found, reference);
        } else if let Some((real, _)) = range.strip_prefix("npm:").and_then(split) {
            name = real;
        }
        let is = |prefix: &str| protocol.starts_with(prefix);
        if is("file:") || is("link:") || is("portal:") || is("workspace:") || is(".") || is("/") {
            return;
        }
        let origin = if is("git") || protocol.contains(".git#") || protocol.contains("#commit=") {
            Some("git")
        } else if is("http") {
            Some("url")
        } else {
            None
        };
        let lines = Some((self.first_line, self.last_line));
        if let Some(fact) = list.add(name, self.version, lines, false) {
            fact.detail(
                "origin",
                origin.filter(|_| fact.detail_of("origin").is_none()),
            );
        }
    }
}

/// Name and what follows the `@` that does not begin a scope.
fn split(pattern: &str) -> Option<(&str, &str)> {
    let start = usize::from(pattern.starts_with('@'));
    let at = pattern.get(start..)?.find('@')? + start;
    let name = pattern.get(..at).filter(|name| !name.is_empty())?;
    Some((name, pattern.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_broken, declared};

    #[test]
    fn yarn_1_names_what_was_asked_for() {
        let text = "\
# yarn lockfile v1


\"@babel/core@^7.0.0\", \"@babel/core@^7.1.0\":
  version \"7.1.2\"
  resolved \"https://registry.yarnpkg.com/@babel/core/-/core-7.1.2.tgz#abc\"
  dependencies:
    version \"^9.0.0\"

alias@npm:real@^1:
  version \"1.0.1\"
  resolved \"https://registry.yarnpkg.com/real/-/real-1.0.1.tgz#abc\"

\"g@git+https://github.com/a/g.git\":
  version \"2.0.0\"
  resolved \"git+https://github.com/a/g.git#abc\"

\"l@file:../l\":
  version \"0.0.1\"

a@1.x:
  \"version\" \"1.5.0\"
";
        assert_eq!(
            declared("yarn.lock", text),
            [
                "@babel/core 7.1.2",
                "real 1.0.1",
                "g 2.0.0 origin=git",
                "a 1.5.0"
            ]
        );
    }

    #[test]
    fn berry_names_what_was_found() {
        let text = "\
__metadata:
  version: 6
  cacheKey: 8

\"alias@npm:real@^1, other@npm:^1\":
  version: 1.0.1
  resolution: \"real@npm:1.0.1\"
  dependencies:
    version: ^9
  languageName: node

\"app@workspace:.\":
  version: 0.0.0-use.local
  resolution: \"app@workspace:.\"

\"fsevents@patch:fsevents@^2#~builtin<compat/fsevents>\":
  version: 2.3.2
  resolution: \"fsevents@patch:fsevents@npm%3A2.3.2#~builtin<compat/fsevents>::version=2.3.2\"
";
        assert_eq!(
            declared("yarn.lock", text),
            ["real 1.0.1", "fsevents 2.3.2"]
        );
    }

    #[test]
    fn broken_files_are_warnings() {
        check_broken("yarn.lock", b"a@1:\n  vers", 0, 1);
        check_broken("yarn.lock", b"a@1:\n  version \"1\n", 1, 0);
        check_broken(
            "yarn.lock",
            b"@:\n  version \"1\"\n@a:\n  version \"1\"\n",
            0,
            0,
        );
        check_broken(
            "yarn.lock",
            b"\xff@1:\n  version \"1\"\nb@1:\n  version \"1\"\n",
            1,
            0,
        );
    }
}
