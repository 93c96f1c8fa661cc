//! `Pipfile.lock` and `requirements.txt`.
//!
//! Formats: <https://pipenv.pypa.io/en/latest/pipfile.html>, JSON;
//! <https://pip.pypa.io/en/stable/reference/requirements-file-format/>, of which only what is pinned
//! (`name==1.0`) says what would be installed.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;
use serde_json::Value;

use super::ID;
use crate::{
    analyser::ClaimedFile,
    declared::DeclaredList,
    facts::{Facts, PackageKind},
    json::parse_json,
    text::lines,
};

/// Reads `Pipfile.lock`.
pub(super) fn read_pipfile(file: &ClaimedFile<'_>, out: &mut Facts) {
    #[derive(Deserialize)]
    struct Lock {
        #[serde(default)]
        default: BTreeMap<String, Value>,
        #[serde(default)]
        develop: BTreeMap<String, Value>,
    }
    let Some(lock) = parse_json::<Lock>(ID, file, out) else {
        return;
    };
    let mut list = DeclaredList::new(PackageKind::Pypi, file);
    for (packages, is_dev) in [(&lock.default, false), (&lock.develop, true)] {
        for (name, package) in packages {
            // What comes from Git or the disk has none.
            let version = package.get("version").and_then(Value::as_str);
            if let Some(version) = version.and_then(|version| version.strip_prefix("==")) {
                list.add(name, version.trim_start_matches('='), None, is_dev);
            }
        }
    }
    list.finish(ID, out);
}

/// Reads `requirements.txt` and its like. What its name says is for development is so.
pub(super) fn read_requirements(file: &ClaimedFile<'_>, out: &mut Facts) {
    let name = file.path.file_name();
    let is = |word: &[u8]| memchr::memmem::find(name, word).is_some();
    let is_dev = is(b"dev") || is(b"test");
    let bytes = utf8(file.bytes);
    let mut list = DeclaredList::new(PackageKind::Pypi, file);
    for (number, line) in lines(&bytes) {
        let Ok(text) = std::str::from_utf8(line) else {
            continue;
        };
        if let Some((name, version)) = pinned(text) {
            list.add(name, version, Some((number, number)), is_dev);
        }
    }
    list.finish(ID, out);
}

/// Name and version of `name[extra]==1.0 ; marker --hash=… # comment`.
fn pinned(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let (name, rest) = text.split_once("==")?;
    let name = name.split('[').next()?.trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.starts_with('-') || !name.chars().all(is_name) {
        return None;
    }
    // `===` compares letter by letter.
    let rest = rest.trim_start_matches('=').trim_start();
    let version = rest.split([' ', '\t', ';', '#', '\\']).next()?;
    let is_version =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '!');
    (!version.is_empty() && version.chars().all(is_version)).then_some((name, version))
}

/// The file as UTF-8: Windows writes UTF-16 at times, with a mark.
fn utf8(bytes: &[u8]) -> Cow<'_, [u8]> {
    let (units, is_little) = match bytes {
        [0xff, 0xfe, rest @ ..] => (rest, true),
        [0xfe, 0xff, rest @ ..] => (rest, false),
        [0xef, 0xbb, 0xbf, rest @ ..] => return rest.into(),
        _ => return bytes.into(),
    };
    let units = units.as_chunks::<2>().0.iter().map(|unit| match is_little {
        true => u16::from_le_bytes(*unit),
        false => u16::from_be_bytes(*unit),
    });
    let text: String = char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    text.into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{check_broken, declared},
        *,
    };

    #[test]
    fn pins_are_told_from_wishes() {
        let check = |text: &str, expect: Option<(&str, &str)>| {
            assert_eq!(pinned(text), expect, "{text}");
        };
        check("flask==2.0.1", Some(("flask", "2.0.1")));
        check(" Flask == 2.0.1  # why", Some(("Flask", "2.0.1")));
        check(
            "a[b,c]===1.0+local; python_version < \"3\"",
            Some(("a", "1.0+local")),
        );
        check("a==1!2.0 --hash=sha256:ab \\", Some(("a", "1!2.0")));
        check("a==1.0\\", Some(("a", "1.0")));
        check("a>=1.0", None);
        check("a==1.*", None);
        check("a==1.0,!=1.1", None);
        check("a>=1,==1.0", None);
        check("a=={{ version }}", None);
        check("# a==1.0", None);
        check("--hash==1", None);
        check("-r other==1.txt", None);
        check("==1.0", None);
        check("", None);
    }

    #[test]
    fn requirements_are_read_in_every_encoding() {
        let expect = ["a 1.0", "b 2.0"];
        let text = "a==1.0\r\nb==2.0\r\n";
        assert_eq!(declared("requirements.txt", text), expect);
        assert_eq!(
            declared("requirements.txt", format!("\u{feff}{text}")),
            expect
        );
        let mut utf16 = vec![0xff, 0xfe];
        utf16.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(declared("requirements.txt", &utf16), expect);
        let mut utf16 = vec![0xfe, 0xff];
        utf16.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
        assert_eq!(declared("requirements.txt", &utf16), expect);
    }

    #[test]
    fn names_say_what_is_for_development() {
        assert_eq!(
            declared("requirements-dev.txt", "a==1.0\n"),
            ["a 1.0 scope=dev"]
        );
    }

    #[test]
    fn pipfiles_are_read() {
        let text = r#"{"_meta": {}, "default": {"a": {"version": "==1.0"}, "g": {"git": "x", "ref": "y"}},
                       "develop": {"b": {"version": "==2.0"}, "a": {"version": "==1.0"}}}"#;
        assert_eq!(declared("Pipfile.lock", text), ["a 1.0", "b 2.0 scope=dev"]);
    }

    #[test]
    fn broken_files_are_warnings() {
        check_broken("Pipfile.lock", b"{\"default\": {\"a\": {\"vers", 0, 1);
        check_broken(
            "Pipfile.lock",
            b"{\"default\": {\"a\": 7, \"b\": {\"version\": \"==\"}}}",
            0,
            1,
        );
        check_broken("requirements.txt", b"\xff\xfea", 0, 0);
        check_broken("requirements.txt", b"a==\n\xff==1\nb==1", 1, 0);
    }
}
