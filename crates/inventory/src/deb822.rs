//! Paragraphs of packages as dpkg's and opkg's databases have them.
//!
//! deb822(5); the `Status` field by dpkg-query(1), to which opkg's differs in its second word only.

use crate::{
    analyser::ClaimedFile,
    facts::{Facts, PackageFact, PackageKind},
    text::{cut, field, lines, word},
};

/// One package's fields, as they stand there; empty where they are missing.
#[derive(Default)]
pub(crate) struct Paragraph<'a> {
    first_line: u32,
    last_line: u32,
    name: &'a [u8],
    version: &'a [u8],
    architecture: &'a [u8],
    status: Option<&'a [u8]>,
    /// `Source`.
    pub(crate) source: &'a [u8],
    /// OpenWrt's `SourceName`, or Yocto's `OE`: the recipe.
    pub(crate) recipe: &'a [u8],
    /// `License`, which Debian does not have here.
    pub(crate) licence: &'a [u8],
}

/// The paragraphs of a file: blank lines part them.
pub(crate) fn paragraphs(bytes: &[u8]) -> impl Iterator<Item = Paragraph<'_>> {
    let mut lines = lines(bytes);
    std::iter::from_fn(move || {
        let mut paragraph = Paragraph::default();
        for (number, line) in lines.by_ref() {
            if !line.trim_ascii().is_empty() {
                paragraph.add(number, line);
            } else if paragraph.first_line != 0 {
                break;
            }
        }
        (paragraph.first_line != 0).then_some(paragraph)
    })
}

impl<'a> Paragraph<'a> {
    fn add(&mut self, number: u32, line: &'a [u8]) {
        if self.first_line == 0 {
            self.first_line = number;
        }
        self.last_line = number;
        let Some((key, value)) = field(line) else {
            return;
        };
        let is = |name: &[u8]| key.eq_ignore_ascii_case(name);
        let slot = match key.len() {
            2 if is(b"OE") => &mut self.recipe,
            6 if is(b"Source") => &mut self.source,
            6 if is(b"Status") => self.status.insert(value),
            7 if is(b"Package") => &mut self.name,
            7 if is(b"Version") => &mut self.version,
            7 if is(b"License") => &mut self.licence,
            10 if is(b"SourceName") => &mut self.recipe,
            12 if is(b"Architecture") => &mut self.architecture,
            _ => return,
        };
        *slot = value;
    }

    /// The package, if it is there; a warning if that cannot be told.
    pub(crate) fn package(
        &self,
        analyser: &str,
        kind: PackageKind,
        file: &ClaimedFile<'_>,
        out: &mut Facts,
    ) -> Option<PackageFact> {
        let mut malformed =
            |problem: &str| out.malformed(analyser, file.path, self.first_line, problem);
        let Some(name) = word(self.name) else {
            malformed("a package without a name");
            return None;
        };
        match self.status.map(state) {
            None | Some(State::Present) => {}
            Some(State::Absent) => return None,
            Some(State::Unclear) => {
                let status = String::from_utf8_lossy(self.status.unwrap_or_default());
                malformed(&format!(
                    "the package {name:?} is left out: its status is {:?}",
                    cut(&status, 80)
                ));
                return None;
            }
        }
        let Some(version) = word(self.version) else {
            malformed(&format!("the package {name:?} has no version"));
            return None;
        };
        Some(PackageFact {
            architecture: word(self.architecture),
            lines: Some((self.first_line, self.last_line)),
            ..PackageFact::new(kind, name, version, file.path)
        })
    }
}

enum State {
    Present,
    Absent,
    Unclear,
}

/// Reads `<wanted> <error> <state>`. What is wanted does not matter: `deinstall ok installed` and
/// `hold ok installed` are still there.
fn state(status: &[u8]) -> State {
    let mut words = status
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    match words.next_back() {
        // All files are unpacked in each of these. The last one is opkg's: a script failed.
        Some(
            b"installed" | b"half-configured" | b"triggers-awaited" | b"triggers-pending"
            | b"unpacked" | b"post-inst-failed",
        ) => State::Present,
        Some(b"not-installed" | b"config-files") => State::Absent,
        _ => State::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_part_paragraphs() {
        let check = |text: &str, expect: &[(u32, u32, &str)]| {
            let paragraphs: Vec<_> = paragraphs(text.as_bytes()).collect();
            let found: Vec<_> = paragraphs
                .iter()
                .map(|p| {
                    (
                        p.first_line,
                        p.last_line,
                        std::str::from_utf8(p.name).unwrap(),
                    )
                })
                .collect();
            assert_eq!(found, expect, "{text:?}");
        };
        check("", &[]);
        check("\n \n\n", &[]);
        check("Package: a\n", &[(1, 1, "a")]);
        check(
            "\nPackage: a\nVersion: 1\n\n\n\nPackage:b\n Package: c\n\n",
            &[(2, 3, "a"), (7, 8, "b")],
        );
    }
}
