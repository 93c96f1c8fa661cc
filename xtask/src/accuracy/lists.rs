//! Lists of packages from elsewhere, all in one form: kind, name, version.
//!
//! Names and versions are brought to the form in which they can be compared: `group/artifact` in
//! lower case, versions of Go without their `v`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::{Context as _, Result};
use serde_json::Value;

/// Kinds that are a distribution's own.
const OS_KINDS: &[&str] = &["apk", "deb", "rpm", "alpm", "ebuild", "opkg"];

/// Whether a kind is a distribution's own.
pub(crate) fn is_os(kind: &str) -> bool {
    OS_KINDS.contains(&kind)
}

/// What other programs and files call kinds that we call otherwise.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("dpkg", "deb"),
    ("python", "pypi"),
    ("portage", "ebuild"),
    ("pecl", "pear"),
    ("php-pecl", "pear"),
    ("binary", "generic"),
];

/// Kinds that have no purl type: Syft and Trivy name them by a word of their own.
const WITHOUT_PURL: &[&str] = &[
    "apk",
    "deb",
    "rpm",
    "alpm",
    "ebuild",
    "generic",
    "pear",
    "wordpress-plugin",
];

/// A name and a version.
pub(crate) type Package = (String, String);

/// Distinct packages, by kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct List {
    packages: BTreeSet<(String, String, String)>,
    /// Packages that only a lock file or an SBOM names, and what a program says of itself that an OS
    /// package owns: it is linked to that package and not counted again.
    declared: BTreeSet<(String, String, String)>,
}

impl List {
    fn add(&mut self, kind: &str, name: &str, version: &str) {
        self.packages.insert(key(kind, name, version));
    }

    /// Takes in all of another list.
    pub(crate) fn extend(&mut self, other: Self) {
        self.packages.extend(other.packages);
    }

    /// One list for each kind.
    pub(crate) fn by_kind(&self) -> BTreeMap<&str, Self> {
        let mut kinds: BTreeMap<&str, Self> = BTreeMap::new();
        for package in &self.packages {
            let list = kinds.entry(&package.0).or_default();
            list.packages.insert(package.clone());
        }
        kinds
    }

    /// The packages of a kind.
    pub(crate) fn of(&self, kind: &str) -> BTreeSet<Package> {
        self.packages
            .iter()
            .filter(|package| package.0 == kind)
            .map(|(_, name, version)| (name.clone(), version.clone()))
            .collect()
    }

    /// Whether it is only a lock file or an SBOM that names a package.
    pub(crate) fn is_declared(&self, kind: &str, (name, version): &Package) -> bool {
        let key = (kind.to_owned(), name.clone(), version.clone());
        self.declared.contains(&key)
    }

    /// The kinds.
    pub(crate) fn kinds(&self) -> BTreeSet<&str> {
        self.packages
            .iter()
            .map(|(kind, ..)| kind.as_str())
            .collect()
    }

    /// How many there are of a kind.
    pub(crate) fn count(&self, kind: &str) -> usize {
        self.packages
            .iter()
            .filter(|package| package.0 == kind)
            .count()
    }
}

fn kind_of(word: &str) -> &str {
    let other = OTHER_WORDS.iter().find(|(other, _)| *other == word);
    other.map_or(word, |(_, kind)| kind)
}

fn key(kind: &str, name: &str, version: &str) -> (String, String, String) {
    let kind = kind_of(kind);
    let lower = name.to_lowercase();
    let name = match kind {
        // PEP 503.
        "pypi" => lower
            .split(['-', '_', '.'])
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("-"),
        "maven" => lower.replace(':', "/"),
        // Syft leaves the channel out.
        "pear" => lower.rsplit('/').next().unwrap_or_default().to_owned(),
        _ => lower,
    };
    let version = match kind {
        "golang" => match version {
            "(devel)" => "",
            version => version
                .strip_prefix("go")
                .unwrap_or(version)
                .trim_start_matches('v'),
        },
        _ => version,
    };
    (kind.to_owned(), name, version.to_owned())
}

/// Type and name of a purl: with its namespace, unless that is a distribution.
fn of_purl(purl: &str) -> Option<(String, String)> {
    let rest = purl.strip_prefix("pkg:")?;
    let rest = rest.split(['?', '#']).next()?;
    let (kind, path) = rest.split_once('/')?;
    // The version is after the last `@`; a scope's is encoded.
    let path = path.rsplit_once('@').map_or(path, |(path, _)| path);
    let path = decode(path);
    let name = if is_os(kind_of(kind)) && kind != "ebuild" {
        path.rsplit('/').next()?.to_owned()
    } else {
        path
    };
    Some((kind.to_owned(), name))
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match hex {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines()
        .filter(|line| !line.is_empty())
        .map(|line| line.split('\t').collect())
}

fn field<'a>(row: &[&'a str], at: usize) -> &'a str {
    row.get(at).copied().unwrap_or_default()
}

/// `truth.<what>.tsv` of a folder: name, version, and more that is not compared.
pub(crate) fn of_truth(folder: &Path) -> Result<BTreeMap<String, List>> {
    let mut lists = BTreeMap::new();
    for file in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = file?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let what = name
            .strip_prefix("truth.")
            .and_then(|name| name.strip_suffix(".tsv"));
        let Some(what) = what.filter(|what| *what != "files") else {
            continue;
        };
        let mut list = List::default();
        for row in rows(&std::fs::read_to_string(&path)?) {
            list.add(what, field(&row, 0), field(&row, 1));
        }
        lists.insert(kind_of(what).to_owned(), list);
    }
    Ok(lists)
}

/// A list by `rpm -qa`: name, epoch, version, release, and more that is not compared.
pub(crate) fn of_rpm(path: &Path) -> Result<List> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(of_rpm_text(&text))
}

fn of_rpm_text(text: &str) -> List {
    let mut list = List::default();
    for row in rows(text) {
        let epoch = match field(&row, 1) {
            "" | "0" | "(none)" => String::new(),
            epoch => format!("{epoch}:"),
        };
        let version = format!("{epoch}{}-{}", field(&row, 2), field(&row, 3));
        list.add("rpm", field(&row, 0), &version);
    }
    list
}

/// What Syft or Trivy found when the fixtures were made: type, name, version, purl, file. Where there
/// is neither purl nor a type that says the kind, it is that of the same package in `known`, or the
/// distribution's.
pub(crate) fn of_oracle(path: &Path, known: &List) -> Result<List> {
    if !path.is_file() {
        return Ok(List::default()); // It could not read the image.
    }
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(of_oracle_text(&text, known))
}

fn of_oracle_text(text: &str, known: &List) -> List {
    let mut peer = Peer::new(known);
    for row in rows(text) {
        peer.add(
            field(&row, 0),
            field(&row, 1),
            field(&row, 2),
            field(&row, 3),
        );
    }
    peer.list
}

/// Takes in what a peer says of packages.
struct Peer<'a> {
    list: List,
    known: &'a List,
    os_kinds: Vec<&'a str>,
}

impl<'a> Peer<'a> {
    fn new(known: &'a List) -> Self {
        let kinds = known.kinds().into_iter();
        Self {
            list: List::default(),
            known,
            os_kinds: kinds.filter(|kind| is_os(kind)).collect(),
        }
    }

    fn add(&mut self, word: &str, name: &str, version: &str, purl: &str) {
        if let Some((kind, name)) = of_purl(purl) {
            self.list.add(&kind, &name, version);
        } else if WITHOUT_PURL.contains(&kind_of(word)) {
            self.list.add(word, name, version);
        } else {
            let mut kinds = self.os_kinds.iter();
            let same = kinds.find(|kind| self.known.packages.contains(&key(kind, name, version)));
            let kind = same.or(self.os_kinds.first().filter(|_| self.os_kinds.len() == 1));
            if let Some(kind) = kind {
                self.list.add(kind, name, version);
            }
        }
    }
}

/// The packages of a report of ours that are in the merged image.
pub(crate) fn of_report(text: &str) -> Result<List> {
    let report: Value = serde_json::from_str(text)?;
    let packages = report["packages"].as_array().context("no packages")?;
    let mut list = List::default();
    for package in packages
        .iter()
        .filter(|package| package["removed_in"].is_null())
    {
        let text = |name: &str| package[name].as_str().unwrap_or_default();
        let key = key(text("kind"), text("name"), text("version"));
        let is_counted = match text("basis") {
            "declared" | "stated" => false,
            "classified" | "embedded" => package["owned_by"].is_null(),
            _ => true,
        };
        if !is_counted {
            if !list.packages.contains(&key) {
                list.declared.insert(key.clone());
            }
        } else {
            list.declared.remove(&key);
        }
        list.packages.insert(key);
    }
    Ok(list)
}

/// What Syft prints with `--output json`.
pub(crate) fn of_syft_json(text: &str) -> Result<List> {
    let document: Value = serde_json::from_str(text)?;
    let artifacts = document["artifacts"].as_array().context("no artifacts")?;
    let known = List::default();
    let mut peer = Peer::new(&known);
    for artifact in artifacts {
        let text = |name: &str| artifact[name].as_str().unwrap_or_default();
        peer.add(text("type"), text("name"), text("version"), text("purl"));
    }
    Ok(peer.list)
}

/// What Trivy prints with `--format cyclonedx`; `known` as in [`of_oracle`].
pub(crate) fn of_trivy_cyclonedx(text: &str, known: &List) -> Result<List> {
    let document: Value = serde_json::from_str(text)?;
    let components = document["components"].as_array().into_iter().flatten();
    let mut peer = Peer::new(known);
    // Others are the distribution, and files that packages are read from.
    for component in components.filter(|component| component["type"] == "library") {
        let text = |name: &str| component[name].as_str().unwrap_or_default();
        peer.add("", text("name"), text("version"), text("purl"));
    }
    Ok(peer.list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(packages: &[(&str, &str, &str)]) -> List {
        let mut list = List::default();
        for (kind, name, version) in packages {
            list.add(kind, name, version);
        }
        list
    }

    #[test]
    fn names_are_compared_in_one_form() {
        let same = |one: (&str, &str, &str), other: (&str, &str, &str)| {
            assert_eq!(list(&[one]), list(&[other]));
        };
        same(
            ("pypi", "Zope.Interface", "1"),
            ("python", "zope-interface", "1"),
        );
        same(("maven", "org.a:b", "1"), ("maven", "org.a/b", "1"));
        same(
            ("golang", "github.com/Azure/x", "v1.0"),
            ("golang", "github.com/azure/x", "1.0"),
        );
        same(
            ("golang", "stdlib", "go1.15.2"),
            ("golang", "stdlib", "v1.15.2"),
        );
        same(("golang", "a", "(devel)"), ("golang", "a", ""));
        same(
            ("pecl", "memcached", "3"),
            ("pear", "pecl.php.net/memcached", "3"),
        );
    }

    #[test]
    fn purls_give_kind_and_name() {
        let check = |purl: &str, expect: Option<(&str, &str)>| {
            let expect = expect.map(|(kind, name)| (kind.to_owned(), name.to_owned()));
            assert_eq!(of_purl(purl), expect, "{purl}");
        };
        check("pkg:deb/debian/a@1?arch=b", Some(("deb", "a")));
        check("pkg:npm/%40a/b@1", Some(("npm", "@a/b")));
        check("pkg:maven/a.b/c@1", Some(("maven", "a.b/c")));
        check("pkg:golang/a/b", Some(("golang", "a/b")));
        check("pkg:ebuild/a/b@1", Some(("ebuild", "a/b")));
        check("", None);
        check("pkg:deb", None);
    }

    #[test]
    fn lists_are_read() {
        let rpm = of_rpm_text("a\t1\t2\t3\tx86_64\nb\t0\t2\t3\tnoarch\n");
        assert_eq!(rpm, list(&[("rpm", "a", "1:2-3"), ("rpm", "b", "2-3")]));

        let syft = of_oracle_text(
            "deb\tdash\t1\t\t/status\nnpm\tx\t2\tpkg:npm/%40s/x@2\t/p\n",
            &List::default(),
        );
        assert_eq!(syft, list(&[("deb", "dash", "1"), ("npm", "@s/x", "2")]));
        // Trivy does not say of what kind a distribution's packages are if it does not know that.
        assert_eq!(
            of_oracle_text("none\tdash\t1\t\t\nnone\tother\t1\t\t\n", &syft),
            list(&[("deb", "dash", "1"), ("deb", "other", "1")])
        );

        let trivy = of_trivy_cyclonedx(
            r#"{"components": [
                {"type": "library", "name": "dash", "version": "1"},
                {"type": "library", "name": "x", "version": "2", "purl": "pkg:npm/%40s/x@2"},
                {"type": "operating-system", "name": "debian", "version": "12"}
            ]}"#,
            &syft,
        );
        assert_eq!(trivy.unwrap(), syft);

        let report = of_report(
            r#"{"packages": [
                {"kind": "npm", "name": "a", "version": "1", "basis": "declared", "removed_in": null},
                {"kind": "npm", "name": "b", "version": "1", "basis": "declared", "removed_in": null},
                {"kind": "npm", "name": "b", "version": "1", "basis": "installed", "removed_in": null},
                {"kind": "npm", "name": "c", "version": "1", "basis": "installed", "removed_in": 2}
            ]}"#,
        )
        .unwrap();
        let (a, b) = (
            ("a".to_owned(), "1".to_owned()),
            ("b".to_owned(), "1".to_owned()),
        );
        assert_eq!(report.of("npm"), BTreeSet::from([a.clone(), b.clone()]));
        assert!(report.is_declared("npm", &a) && !report.is_declared("npm", &b));
    }
}
