//! Python packages as installers leave them.
//!
//! - `<name>-<version>.dist-info/METADATA`: core metadata,
//!   <https://packaging.python.org/en/latest/specifications/core-metadata/>, and its `RECORD`,
//!   <https://packaging.python.org/en/latest/specifications/recording-installed-packages/>.
//! - `<name>.egg-info/PKG-INFO`, `<name>.egg-info`, `EGG-INFO/PKG-INFO`: the same metadata, as
//!   setuptools and distutils left it before; `installed-files.txt` is pip's record of them.
//! - `<name>-<version>-py<version>.egg`: a zip archive with an `EGG-INFO/PKG-INFO`,
//!   <https://setuptools.pypa.io/en/latest/deprecated/python_eggs.html>.
//!
//! The name is kept as written; it is normalised (PEP 503) in the purl.

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Basis, Facts, OwnedFiles, PackageFact, PackageKind},
    limits::{
        MAX_ARCHIVE_BYTES, MAX_ARCHIVE_ENTRIES, MAX_CLAIMED_BYTES, MAX_LICENCE_BYTES,
        MAX_METADATA_BYTES,
    },
    path_list::PathListBuilder,
    text::{cut, field, lines, word},
    zip::{Budget, Content, Zip},
};

/// Installed Python distributions.
pub struct Python;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Metadata,
    Record,
    InstalledFiles,
    Egg,
}

impl Role {
    fn of(path: &[u8]) -> Option<Self> {
        // Asked of every file there is: the last byte tells most of them.
        let (tail, role): (&[u8], _) = match path.last()? {
            b'A' => (b"dist-info/METADATA", Self::Metadata),
            b'D' => (b"dist-info/RECORD", Self::Record),
            b't' => (b"egg-info/installed-files.txt", Self::InstalledFiles),
            b'O' if path.ends_with(b"EGG-INFO/PKG-INFO") => return Some(Self::Metadata),
            b'O' => (b"egg-info/PKG-INFO", Self::Metadata),
            b'o' => (b".egg-info", Self::Metadata),
            b'g' => (b".egg", Self::Egg),
            _ => return None,
        };
        path.ends_with(tail).then_some(role)
    }
}

impl Analyser for Python {
    fn id(&self) -> &'static str {
        "python"
    }

    fn revision(&self) -> u32 {
        2
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        Role::of(path.as_bytes()).is_some()
    }

    fn max_bytes(&self, path: &LayerPath) -> u64 {
        match Role::of(path.as_bytes()) {
            Some(Role::Metadata) => MAX_METADATA_BYTES,
            Some(Role::Egg) => MAX_ARCHIVE_BYTES,
            _ => MAX_CLAIMED_BYTES,
        }
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        match Role::of(file.path.as_bytes()) {
            Some(Role::Metadata) => {
                let package = read_metadata(self.id(), &file, out);
                if let Some(package) = package {
                    out.add_package(self.id(), package);
                }
            }
            Some(Role::Egg) => read_egg(self.id(), &file, out),
            Some(role) => read_record(self.id(), &file, role, out),
            None => {}
        }
    }
}

#[derive(Default)]
struct Metadata<'a> {
    name: &'a [u8],
    version: &'a [u8],
    expression: &'a [u8],
    licence: &'a [u8],
    /// The licence goes on: it is the whole text.
    is_licence_text: bool,
    classifiers: Vec<&'a [u8]>,
}

/// An egg is one package; its metadata is an entry of the archive.
fn read_egg(analyser: &str, file: &ClaimedFile<'_>, out: &mut Facts) {
    const PKG_INFO: &str = "EGG-INFO/PKG-INFO";
    if file.bytes.is_empty() {
        return;
    }
    let mut budget = Budget::default();
    let mut read = || -> Result<Content<'_>, String> {
        let zip = Zip::open(file.bytes).map_err(|error| error.to_string())?;
        for entry in zip.entries() {
            let entry = entry.map_err(|error| error.to_string())?;
            if !budget.take_entry() {
                return Err(format!("more than {MAX_ARCHIVE_ENTRIES} entries"));
            }
            if entry.name == PKG_INFO.as_bytes() {
                let content = zip.read(&entry, MAX_METADATA_BYTES, &mut budget);
                let content = content.map_err(|error| format!("{PKG_INFO}: {error}"))?;
                return Ok(content.into_owned());
            }
        }
        Err(format!("the egg has no {PKG_INFO}"))
    };
    let content = match read() {
        Ok(content) => content,
        Err(problem) => return out.malformed(analyser, file.path, 0, &problem),
    };
    if content.is_doubtful {
        let problem = format!("{PKG_INFO}: the content is not that of its checksum or size");
        out.malformed(analyser, file.path, 0, &problem);
    }
    let metadata = ClaimedFile {
        path: file.path,
        bytes: &content.bytes,
    };
    if let Some(mut package) = read_metadata(analyser, &metadata, out) {
        package.basis = Basis::Embedded;
        // Lines of the entry are not lines of the file.
        package.lines = None;
        package.evidence = Some(PKG_INFO.to_owned());
        out.add_package(analyser, package);
    }
}

fn read_metadata(analyser: &str, file: &ClaimedFile<'_>, out: &mut Facts) -> Option<PackageFact> {
    let mut metadata = Metadata::default();
    let mut last_line = 0;
    let mut is_in_licence = false;
    let bytes = file
        .bytes
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(file.bytes);
    for (number, line) in lines(bytes) {
        // The description follows the headers, after a blank line.
        if line.trim_ascii().is_empty() {
            break;
        }
        last_line = number;
        let Some((key, value)) = field(line) else {
            metadata.is_licence_text |= is_in_licence;
            continue;
        };
        is_in_licence = false;
        let is = |name: &str| key.eq_ignore_ascii_case(name.as_bytes());
        if is("Name") {
            metadata.name = value;
        } else if is("Version") {
            metadata.version = value;
        } else if is("License-Expression") {
            metadata.expression = value;
        } else if is("License") {
            metadata.licence = value;
            is_in_licence = true;
        } else if is("Classifier") {
            let licence = value.strip_prefix(b"License ::");
            metadata.classifiers.extend(licence.map(<[u8]>::trim_ascii));
        }
    }
    let Some(name) = word(metadata.name) else {
        // The egg-info of a source tree that was never built is often empty.
        if !file.bytes.trim_ascii().is_empty() {
            out.malformed(analyser, file.path, 0, "the metadata has no name");
        }
        return None;
    };
    let Some(version) = word(metadata.version) else {
        let problem = format!("the metadata of {name:?} has no version");
        out.malformed(analyser, file.path, 0, &problem);
        return None;
    };
    let mut package = PackageFact::new(PackageKind::Pypi, name, version, file.path);
    package.licence = metadata.licence();
    package.lines = Some((1, last_line));
    Some(package)
}

impl Metadata<'_> {
    fn licence(&self) -> Option<String> {
        let known = |value: &[u8]| {
            let is_known = !value.is_empty() && !value.eq_ignore_ascii_case(b"UNKNOWN");
            is_known.then(|| cut(&String::from_utf8_lossy(value), MAX_LICENCE_BYTES))
        };
        let classified = || {
            // `OSI Approved :: MIT License`: the last part is the name.
            let names = self.classifiers.iter().filter_map(|classifier| {
                let text = std::str::from_utf8(classifier).ok()?;
                text.rsplit("::").next().map(str::trim)
            });
            let names: Vec<&str> = names.filter(|name| *name != "OSI Approved").collect();
            known(names.join(", ").as_bytes())
        };
        // Where the field is the licence's whole text, the classifiers say it better.
        known(self.expression)
            .or_else(|| known(self.licence).filter(|_| !self.is_licence_text))
            .or_else(classified)
            .or_else(|| known(self.licence))
    }
}

/// `RECORD` has `path,hash,size` lines relative to the folder above, the path quoted if need be;
/// `installed-files.txt` has paths relative to its own.
fn read_record(analyser: &str, file: &ClaimedFile<'_>, role: Role, out: &mut Facts) {
    let Some(own) = file.path.parent() else {
        return;
    };
    let base = match role {
        Role::InstalledFiles => own.clone(),
        _ => own.parent().unwrap_or_default(),
    };
    let mut files = PathListBuilder::default();
    for (_, line) in lines(file.bytes) {
        let path = match (role, line.first()) {
            (_, None) => continue,
            (Role::Record, Some(b'"')) => quoted(line),
            (Role::Record, _) => {
                let end = memchr::memchr(b',', line).unwrap_or(line.len());
                line.get(..end).unwrap_or_default().to_vec()
            }
            _ => line.to_vec(),
        };
        if path.is_empty() {
            continue;
        }
        let path = match path.first() {
            Some(b'/') => LayerPath::from_bytes(&path),
            _ => base.join(&path),
        };
        files.push(path.as_bytes());
    }
    let directory = String::from_utf8_lossy(own.file_name()).into_owned();
    out.add_owned(
        analyser,
        OwnedFiles {
            kind: PackageKind::Pypi,
            name: directory,
            version: None,
            architecture: None,
            files: files.finish(),
            file: file.path.clone(),
        },
    );
}

/// The first field of a CSV line that begins with a quote; `""` is one quote.
fn quoted(line: &[u8]) -> Vec<u8> {
    let mut path = Vec::new();
    let mut bytes = line.iter().copied().skip(1).peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'"' && bytes.next_if_eq(&b'"').is_none() {
            break;
        }
        path.push(byte);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kinds::tests::{analyse, check_claims},
        zip::tests::ZipBuilder,
    };

    const SITE: &str = "usr/lib/python3.9/site-packages";

    #[test]
    fn claims() {
        check_claims(
            &Python,
            &[
                "usr/lib/python3.9/site-packages/Flask-0.12.2.dist-info/METADATA",
                "usr/lib/python3.9/site-packages/Flask-0.12.2.dist-info/RECORD",
                "usr/lib/python3/dist-packages/six-1.16.0.egg-info/PKG-INFO",
                "usr/lib/python3/dist-packages/six-1.16.0.egg-info/installed-files.txt",
                "usr/lib/python3/dist-packages/python_debian-0.1.egg-info",
                "opt/foo-1.0-py3.8.egg/EGG-INFO/PKG-INFO",
                "python/dist-info/METADATA",
                "usr/lib/python2.7/site-packages/foo-1.0-py2.7.egg",
            ],
            &[
                "usr/lib/python3.9/site-packages/Flask-0.12.2.dist-info",
                "usr/lib/python3.9/site-packages/Flask-0.12.2.dist-info/LICENSE",
                "usr/lib/python3.9/site-packages/Flask-0.12.2.dist-info/METADATA.json",
                "METADATA",
                "src/PKG-INFO",
                "a.egg-info/SOURCES.txt",
                "a.egg-link",
                "egg",
                "",
            ],
        );
    }

    fn metadata(text: &str) -> PackageFact {
        let path = format!("{SITE}/a-1.dist-info/METADATA");
        let facts = analyse(&Python, &path, text);
        assert_eq!(facts.warnings, []);
        facts.packages.into_iter().next().unwrap()
    }

    #[test]
    fn names_are_kept_as_written() {
        let fact = metadata(
            "Metadata-Version: 2.0\nName: Flask\nVersion: 0.12.2\nSummary: A microframework\n\
             License: BSD\nPlatform: any\n\nFlask\n-----\nName: not this\n",
        );
        assert_eq!(
            (fact.name.as_str(), fact.version.as_str()),
            ("Flask", "0.12.2")
        );
        assert_eq!(fact.licence.as_deref(), Some("BSD"));
        assert_eq!(fact.lines, Some((1, 6)));
    }

    #[test]
    fn the_best_statement_of_the_licence_counts() {
        let check = |headers: &str, expect: Option<&str>| {
            let fact = metadata(&format!("Name: a\nVersion: 1\n{headers}"));
            assert_eq!(fact.licence.as_deref(), expect, "{headers}");
        };
        let mit = "Classifier: License :: OSI Approved :: MIT License\n";
        check("", None);
        check("License: UNKNOWN\n", None);
        check("License: BSD-3-Clause\n", Some("BSD-3-Clause"));
        check(
            &format!("License: MIT\n{mit}License-Expression: MIT OR BSD-2-Clause\n"),
            Some("MIT OR BSD-2-Clause"),
        );
        check(mit, Some("MIT License"));
        check(
            &format!("License: Copyright (c) 2020\n        Permission is hereby\n{mit}"),
            Some("MIT License"),
        );
        check(
            "License: Copyright (c) 2020\n        Permission\n",
            Some("Copyright (c) 2020"),
        );
        check(
            "Classifier: License :: OSI Approved\nClassifier: Topic :: X\n",
            None,
        );
        check(
            &format!("{mit}Classifier: License :: Public Domain\n"),
            Some("MIT License, Public Domain"),
        );
    }

    #[test]
    fn records_name_files_relative_to_the_folder_above() {
        let facts = analyse(
            &Python,
            &format!("{SITE}/a-1.dist-info/RECORD"),
            "a/__init__.py,sha256=abc,120\n../../../bin/a,sha256=x,1\n\"a/b,\"\"c.py\",,\n\
             /etc/a.conf,,\na-1.dist-info/RECORD,,\n",
        );
        let files: Vec<String> = facts.owned[0].files.iter().map(|f| f.to_string()).collect();
        assert_eq!(
            files,
            [
                &format!("{SITE}/a/__init__.py"),
                "usr/bin/a",
                &format!("{SITE}/a/b,\"c.py"),
                "etc/a.conf",
                &format!("{SITE}/a-1.dist-info/RECORD"),
            ]
        );
    }

    #[test]
    fn installed_files_are_relative_to_their_own_folder() {
        let path = format!("{SITE}/a.egg-info/installed-files.txt");
        let facts = analyse(&Python, &path, "../a.py\nPKG-INFO\n");
        let files: Vec<String> = facts.owned[0].files.iter().map(|f| f.to_string()).collect();
        assert_eq!(
            files,
            [
                format!("{SITE}/a.py"),
                format!("{SITE}/a.egg-info/PKG-INFO")
            ]
        );
    }

    #[test]
    fn truncated_and_hostile_metadata_are_warnings() {
        let check = |text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Python, "a.egg-info", text);
            assert_eq!(facts.packages.len(), packages, "{text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{text:?}");
        };
        check(b"", 0, 0);
        check(b"Metadata-Version: 2.1\nName: a", 0, 1);
        check(b"Version: 1\n", 0, 1);
        check(b"\0\xff\xff", 0, 1);
        check(
            &[b"Name: ", [b'x'; 4000].as_slice(), b"\nVersion: 1\n"].concat(),
            0,
            1,
        );
        check(b"\xef\xbb\xbfName: a\r\nVersion: 1\r\n", 1, 0);
    }

    #[test]
    fn eggs_are_archives() {
        let check = |egg: Vec<u8>, expect: Option<&str>, warning: Option<&str>| {
            let facts = analyse(&Python, "site-packages/a-1.0-py2.7.egg", egg);
            let found = facts.packages.first().map(|package| {
                let PackageFact {
                    name,
                    version,
                    licence,
                    evidence,
                    lines,
                    ..
                } = package;
                format!(
                    "{name} {version} {licence:?} {evidence:?} {lines:?} {:?}",
                    package.basis
                )
            });
            assert_eq!(found.as_deref(), expect);
            let found = facts.warnings.first().map(ToString::to_string);
            assert_eq!(found.as_deref(), warning);
            assert!(
                facts.warnings.len() < 2 && facts.packages.len() < 2,
                "{facts:?}"
            );
        };
        let zip = ZipBuilder::default;
        let text = "Metadata-Version: 1.1\nName: a\nVersion: 1.0\nLicense: MIT\n";
        let egg = zip()
            .stored("a/__init__.py", "")
            .deflated("EGG-INFO/PKG-INFO", text)
            .finish();
        let expect = r#"a 1.0 Some("MIT") Some("EGG-INFO/PKG-INFO") None Embedded"#;
        check(egg, Some(expect), None);
        let file = "site-packages/a-1.0-py2.7.egg, line 0: ";
        check(Vec::new(), None, None);
        let problem = format!("{file}the egg has no EGG-INFO/PKG-INFO");
        check(zip().stored("a.py", "").finish(), None, Some(&problem));
        let problem = format!("{file}no end of a zip archive's central directory");
        check(b"PK\x03\x04".to_vec(), None, Some(&problem));
        let problem = format!("{file}the metadata of \"a\" has no version");
        check(
            zip().stored("EGG-INFO/PKG-INFO", "Name: a\n").finish(),
            None,
            Some(&problem),
        );
        let large = vec![b' '; usize::try_from(MAX_METADATA_BYTES).unwrap() + 1];
        let problem = format!(
            "{file}EGG-INFO/PKG-INFO: the entry has 8388609 bytes or more; 8388608 are read"
        );
        check(
            zip().deflated("EGG-INFO/PKG-INFO", large).finish(),
            None,
            Some(&problem),
        );
    }
}
