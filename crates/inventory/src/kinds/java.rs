//! Java archives: jars, and what holds jars.
//!
//! The format is zip (see the crate's `zip` module) with a manifest:
//! <https://docs.oracle.com/en/java/javase/21/docs/specs/jar/jar.html>. Nothing in it must say what the
//! archive is, so that it is asked, the surest first:
//!
//! 1. every `pom.properties` in it, whatever its folder, completed by the `pom.xml` beside it. A shaded
//!    jar has one for each artifact that went into it, a repackaged one (`app.jar`) that of its origin;
//! 2. a `META-INF/maven/<group>/<artifact>/pom.xml` that stands alone;
//! 3. where none of these is the archive's own: its manifest and its file name, together. The name of
//!    the artifact and its version are best told by the file name, if it has a version; the group by the
//!    manifest.
//!
//! An archive without a version is no package: no advisory could be matched with it, and its file is in
//! the file tree. Nothing is looked up by digest: that is not in the file.
//!
//! Archives within archives are read likewise. Each is a place of its own ([`PackageFact::inner`]).

mod file_name;
mod groups;
mod manifest;
mod pom;

use std::collections::{BTreeMap, HashSet};

use lamina_image::{layer::Entry, path::LayerPath};

use self::{
    file_name::FileName,
    manifest::Manifest,
    pom::{Coordinates, Pom, parse_pom, parse_properties},
};
use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Basis, Facts, PackageFact, PackageKind, Warning},
    limits::{
        MAX_ARCHIVE_BYTES, MAX_ARCHIVE_DEPTH, MAX_ARCHIVE_ENTRIES, MAX_ARCHIVE_READ_BYTES,
        MAX_FIELD_BYTES, MAX_HELD_BYTES, MAX_JAR_METADATA_BYTES,
    },
    text::cut,
    zip::{Budget, Content, Zip, ZipEntry, ZipError},
};

/// Java archives.
pub struct Java;

const ID: &str = "java";

/// Extensions of archives, and whether other things (Nix archives, parity files) have them too.
const EXTENSIONS: &[(&[u8], bool)] = &[
    (b".jar", false),
    (b".war", false),
    (b".ear", false),
    (b".jpi", false),
    (b".hpi", false),
    (b".lpkg", false),
    (b".par", true),
    (b".sar", true),
    (b".nar", true),
    (b".kar", true),
];

/// Whether a path is that of an archive; if so, whether it may be something else.
fn archive_kind(path: &[u8]) -> Option<bool> {
    // Asked of every file there is: the last byte tells most of them.
    if !matches!(path.last()?, b'r' | b'R' | b'i' | b'I' | b'g' | b'G') {
        return None;
    }
    let dot = memchr::memrchr(b'.', path)?;
    let extension = path.get(dot..)?;
    let is_name = dot > 0 && path.get(dot - 1) != Some(&b'/');
    let found = EXTENSIONS.iter().find(|(known, _)| extension.eq_ignore_ascii_case(known));
    found.filter(|_| is_name).map(|(_, is_shared)| *is_shared)
}

impl Analyser for Java {
    fn id(&self) -> &'static str {
        ID
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        archive_kind(path.as_bytes()).is_some()
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_ARCHIVE_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        read_file(file, Budget::default(), out);
    }
}

fn read_file(file: ClaimedFile<'_>, budget: Budget, out: &mut Facts) {
    let is_shared = archive_kind(file.path.as_bytes()) != Some(false);
    if file.bytes.is_empty() || (is_shared && !file.bytes.starts_with(b"PK")) {
        return;
    }
    let mut reader = Reader {
        out,
        file: file.path,
        budget,
    };
    reader.archive(file.bytes, None, 1);
}

/// Reads one file and the archives within it.
struct Reader<'o> {
    out: &'o mut Facts,
    file: &'o LayerPath,
    budget: Budget,
}

/// What one archive says of itself.
#[derive(Default)]
struct Metadata<'z> {
    manifest: Option<Manifest>,
    /// By folder.
    properties: BTreeMap<&'z [u8], (&'z [u8], Coordinates)>,
    poms: BTreeMap<&'z [u8], (&'z [u8], Pom)>,
    nested: Vec<ZipEntry<'z>>,
}

/// What an entry is to us.
enum Role {
    Manifest,
    Properties,
    Pom,
    Archive,
}

impl Role {
    fn of(name: &[u8]) -> Option<Self> {
        if name.ends_with(b"pom.properties") {
            return (file_of(name) == b"pom.properties").then_some(Self::Properties);
        }
        if name.ends_with(b"/pom.xml") {
            // Archetypes hold the `pom.xml` of projects that do not exist yet.
            return maven_folder(folder_of(name)).map(|_| Self::Pom);
        }
        if name.eq_ignore_ascii_case(b"META-INF/MANIFEST.MF") {
            return Some(Self::Manifest);
        }
        archive_kind(name).map(|_| Self::Archive)
    }
}

impl Reader<'_> {
    fn archive(&mut self, bytes: &[u8], inner: Option<&str>, depth: usize) {
        let zip = match Zip::open(bytes) {
            Ok(zip) => zip,
            Err(error) => return self.warn(inner, None, &error.to_string()),
        };
        let metadata = self.metadata(&zip, inner);
        let path = inner.map_or(self.file.as_bytes(), str::as_bytes);
        let name = FileName::of(path);
        for package in packages(&name, &metadata, self.file) {
            let mut package = package;
            package.inner = inner.map(str::to_owned);
            self.out.add_package(ID, package);
        }
        for entry in &metadata.nested {
            self.nested(&zip, entry, inner, depth);
        }
    }

    /// Reads what says what the archive is.
    fn metadata<'z>(&mut self, zip: &'z Zip<'_>, inner: Option<&str>) -> Metadata<'z> {
        let mut metadata = Metadata::default();
        for entry in zip.entries() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.warn(inner, None, &error.to_string());
                    break;
                }
            };
            if !self.budget.take_entry() {
                self.too_many("entries", MAX_ARCHIVE_ENTRIES);
                break;
            }
            let Some(role) = Role::of(entry.name) else {
                continue;
            };
            if let Role::Archive = role {
                metadata.nested.push(entry);
                continue;
            }
            let Some(content) = self.read(zip, &entry, inner, MAX_JAR_METADATA_BYTES) else {
                continue;
            };
            let folder = folder_of(entry.name);
            match role {
                Role::Manifest => {
                    metadata.manifest.get_or_insert_with(|| Manifest::parse(&content.bytes));
                }
                Role::Properties => {
                    let coordinates = parse_properties(&content.bytes);
                    metadata.properties.insert(folder, (entry.name, coordinates));
                }
                Role::Pom => {
                    let pom = parse_pom(&content.bytes);
                    metadata.poms.insert(folder, (entry.name, pom));
                }
                Role::Archive => {}
            }
        }
        metadata
    }

    /// Reads one entry, or warns.
    fn read<'z>(
        &mut self,
        zip: &'z Zip<'_>,
        entry: &ZipEntry<'_>,
        inner: Option<&str>,
        limit: u64,
    ) -> Option<Content<'z>> {
        if self.budget.is_spent() {
            self.too_many("bytes to read", MAX_ARCHIVE_READ_BYTES);
            return None;
        }
        match zip.read(entry, limit, &mut self.budget) {
            Ok(content) => {
                if content.is_doubtful {
                    let problem = "the content is not that of its checksum or size";
                    self.warn(inner, Some(entry.name), problem);
                }
                Some(content)
            }
            Err(ZipError::TooLarge { size, limit }) => {
                let place = place_of(inner, Some(entry.name));
                self.out.warn(Warning::FileTooLarge {
                    analyser: ID.to_owned(),
                    file: LayerPath::from_bytes(
                        &[self.file.as_bytes(), b"!/", place.as_bytes()].concat(),
                    ),
                    size,
                    limit,
                });
                None
            }
            Err(error) => {
                self.warn(inner, Some(entry.name), &error.to_string());
                None
            }
        }
    }

    fn nested(&mut self, zip: &Zip<'_>, entry: &ZipEntry<'_>, inner: Option<&str>, depth: usize) {
        if depth >= MAX_ARCHIVE_DEPTH {
            return self.too_many("archives within one another", MAX_ARCHIVE_DEPTH as u64);
        }
        let Some(content) = self.read(zip, entry, inner, MAX_HELD_BYTES) else {
            return;
        };
        let place = place_of(inner, Some(entry.name));
        let is_shared = archive_kind(entry.name) != Some(false);
        if content.bytes.is_empty() || (is_shared && !content.bytes.starts_with(b"PK")) {
            return;
        }
        let held = self.budget.hold(&content);
        self.archive(&content.bytes, Some(&place), depth + 1);
        self.budget.release(held);
    }

    fn warn(&mut self, inner: Option<&str>, entry: Option<&[u8]>, problem: &str) {
        let place = place_of(inner, entry);
        let problem = match place.as_str() {
            "" => problem.to_owned(),
            place => format!("{place}: {problem}"),
        };
        self.out.malformed(ID, self.file, 0, &problem);
    }

    fn too_many(&mut self, what: &str, limit: u64) {
        let what = format!("{what} in {}", self.file);
        self.out.too_many(ID, &what, limit);
    }
}

/// `a.war!/WEB-INF/lib/b.jar`, as far as there is something of it.
fn place_of(inner: Option<&str>, entry: Option<&[u8]>) -> String {
    let entry = entry.map(|entry| cut(&String::from_utf8_lossy(entry), MAX_FIELD_BYTES));
    match (inner, entry) {
        (Some(inner), Some(entry)) => format!("{inner}!/{entry}"),
        (Some(inner), None) => inner.to_owned(),
        (None, entry) => entry.unwrap_or_default(),
    }
}

fn folder_of(name: &[u8]) -> &[u8] {
    let end = memchr::memrchr(b'/', name).unwrap_or(0);
    name.get(..end).unwrap_or_default()
}

fn file_of(name: &[u8]) -> &[u8] {
    name.rsplit(|byte| *byte == b'/').next().unwrap_or(name)
}

/// Group and artifact of `META-INF/maven/<group>/<artifact>`.
fn maven_folder(folder: &[u8]) -> Option<(&str, &str)> {
    let below = std::str::from_utf8(folder.strip_prefix(b"META-INF/maven/")?).ok()?;
    let (group, artifact) = below.split_once('/')?;
    let is_one = !group.is_empty() && !artifact.is_empty() && !artifact.contains('/');
    is_one.then_some((group, artifact))
}

/// The packages of one archive, each once, its own first where the manifest names it.
fn packages(name: &FileName, metadata: &Metadata<'_>, file: &LayerPath) -> Vec<PackageFact> {
    let mut packages: Vec<PackageFact> = Vec::new();
    let mut is_own_known = false;
    let manifest = metadata.manifest.as_ref();
    let maven_projects = projects(metadata);
    let is_alone = maven_projects.len() == 1;
    for project in &maven_projects {
        let is_own = project.is_own(name, is_alone);
        is_own_known |= is_own;
        let mut package = project.package(file);
        // The manifest speaks of the archive only.
        if is_own && package.licence.is_none() {
            package.licence = manifest.and_then(Manifest::licence);
        }
        packages.push(package);
    }
    if !is_own_known && manifest.is_none_or(|manifest| !manifest.is_weaver) {
        let none = Manifest::default();
        let own = own_package(name, manifest.unwrap_or(&none), file);
        packages.splice(0..0, own);
    }
    let mut seen = HashSet::new();
    packages.retain(|package| seen.insert((package.name.clone(), package.version.clone())));
    packages
}

/// A Maven project that is in an archive.
struct Project<'z> {
    entry: &'z [u8],
    group: Option<String>,
    artifact: String,
    version: String,
    licence: Option<String>,
    is_in_maven_folder: bool,
}

/// All of which artifact and version are known.
fn projects<'z>(metadata: &Metadata<'z>) -> Vec<Project<'z>> {
    let folders: BTreeMap<&[u8], &[u8]> = metadata
        .poms
        .iter()
        .map(|(folder, (entry, _))| (*folder, *entry))
        .chain(metadata.properties.iter().map(|(folder, (entry, _))| (*folder, *entry)))
        .collect();
    let none = Coordinates::default();
    let projects = folders.into_iter().filter_map(|(folder, entry)| {
        let properties = metadata.properties.get(folder);
        let properties = properties.map_or(&none, |(_, coordinates)| coordinates);
        let pom = metadata.poms.get(folder).map(|(_, pom)| pom);
        let from_pom = pom.map_or(&none, |pom| &pom.coordinates);
        let from_path = maven_folder(folder);
        let first = |own: &Option<String>, pom: &Option<String>, path: Option<&str>| {
            own.clone().or_else(|| pom.clone()).or_else(|| path.map(str::to_owned))
        };
        Some(Project {
            entry,
            group: first(&properties.group, &from_pom.group, from_path.map(|path| path.0)),
            artifact: first(&properties.artifact, &from_pom.artifact, from_path.map(|path| path.1))?,
            version: first(&properties.version, &from_pom.version, None)?,
            licence: pom.and_then(|pom| pom.licence.clone()),
            is_in_maven_folder: from_path.is_some(),
        })
    });
    projects.collect()
}

impl Project<'_> {
    /// Whether it is what the archive itself was built from.
    fn is_own(&self, name: &FileName, is_alone: bool) -> bool {
        let artifact = self.artifact.as_str();
        if let Some(rest) = name.stem.strip_prefix(artifact) {
            // Distributions leave out versions or add their own: `guava.jar`, `guava-31.jar`; but
            // `guava-shaded-1.0.jar` is another thing.
            let looks_like_version = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
            let is_version = rest.strip_prefix(['-', '_', '.']).is_some_and(looks_like_version);
            if rest.is_empty() || is_version || rest.contains(&self.version) {
                return true;
            }
        }
        let is_same_version = name.version.as_ref().is_none_or(|version| *version == self.version);
        let is_like_name = !name.artifact.is_empty()
            && (artifact.starts_with(&name.artifact) || name.artifact.ends_with(artifact));
        // `app.jar`, copied from `demo-1.0.jar`.
        is_same_version && (is_like_name || (is_alone && self.is_in_maven_folder))
    }

    fn package(&self, file: &LayerPath) -> PackageFact {
        let evidence = cut(&String::from_utf8_lossy(self.entry), MAX_FIELD_BYTES);
        let group = self.group.as_deref();
        let mut package = package(group, &self.artifact, &self.version, evidence, file);
        package.licence.clone_from(&self.licence);
        package
    }
}

fn package(
    group: Option<&str>,
    artifact: &str,
    version: &str,
    evidence: String,
    file: &LayerPath,
) -> PackageFact {
    let name = match group {
        Some(group) => format!("{group}:{artifact}"),
        None => artifact.to_owned(),
    };
    let mut package = PackageFact::new(PackageKind::Maven, name, version, file);
    package.basis = Basis::Embedded;
    package.evidence = Some(evidence);
    package
}

const MANIFEST: &str = "META-INF/MANIFEST.MF";

/// What manifest and file name say together.
fn own_package(name: &FileName, manifest: &Manifest, file: &LayerPath) -> Option<PackageFact> {
    let (artifact, version, mut evidence) = match &name.version {
        // Jenkins names what it builds.
        _ if manifest.group_id.is_some() && manifest.version().is_some() => {
            let artifact = manifest.short_name.as_deref().or(manifest.extension_name.as_deref());
            (artifact.unwrap_or(&name.artifact), manifest.version()?, MANIFEST)
        }
        Some(version) => (name.artifact.as_str(), version.as_str(), "the file name"),
        None => (artifact_of(name, manifest), manifest.version()?, MANIFEST),
    };
    if artifact.is_empty() {
        return None;
    }
    let group = group_of(artifact, manifest);
    if group.is_some() && evidence != MANIFEST {
        evidence = "the file name and META-INF/MANIFEST.MF";
    }
    // Only the list knows it.
    if group.is_some() && group_of(artifact, &Manifest::default()) == group {
        evidence = match name.version {
            Some(_) => "the file name; the group is well known",
            None => "META-INF/MANIFEST.MF; the group is well known",
        };
    }
    let mut package = package(group, artifact, version, evidence.to_owned(), file);
    package.licence = manifest.licence();
    Some(package)
}

/// The artifact, where the file name has no version, and may be anything (`app.jar`).
fn artifact_of<'a>(name: &'a FileName, manifest: &'a Manifest) -> &'a str {
    // Gradle writes the project's name; others write titles for people.
    let is_artifact = |title: &&str| {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        title.bytes().all(|byte| is_plain(byte) || matches!(byte, b'-' | b'_' | b'.'))
    };
    let title = manifest.implementation_title.as_deref().filter(is_artifact);
    let symbolic = || {
        // `com.example.library.core`: the group, and the artifact.
        let (group, artifact) = manifest.symbolic_name()?.rsplit_once('.')?;
        (looks_like_group(group) && !artifact.is_empty()).then_some(artifact)
    };
    title.or_else(symbolic).unwrap_or(&name.stem)
}

/// The group of an artifact, as far as its manifest or the list of well-known ones has it.
fn group_of<'a>(artifact: &'a str, manifest: &'a Manifest) -> Option<&'a str> {
    let whole = |name: &'a Option<String>| name.as_deref().filter(|name| looks_like_group(name));
    // `com.fasterxml.jackson.core.jackson-databind` is group and artifact. Where the artifact begins
    // with the last part of its group, OSGi tools leave that out: `org.apache.maven.core`.
    let linked = |name: Option<&'a str>| {
        let name = name?;
        let (group, last) = name.rsplit_once('.')?;
        let own = group.rsplit('.').next().unwrap_or(group);
        let is_linked = last == artifact
            || artifact
                .strip_prefix(own)
                .and_then(|rest| rest.strip_prefix('-'))
                .is_some_and(|rest| rest == last);
        (is_linked && looks_like_group(group)).then_some(group)
    };
    let symbolic = manifest.symbolic_name();
    let rest_of_symbolic = || {
        let (group, _) = symbolic?.rsplit_once('.')?;
        looks_like_group(group).then_some(group)
    };
    let group_id = manifest.group_id.as_deref().filter(|group| !group.contains(' '));
    group_id
        .or_else(|| groups::group_of(artifact))
        .or_else(|| linked(symbolic))
        .or_else(|| linked(manifest.automatic_module_name.as_deref()))
        .or_else(|| whole(&manifest.extension_name))
        .or_else(|| whole(&manifest.implementation_vendor_id))
        .or_else(rest_of_symbolic)
        .or_else(|| symbolic.filter(|name| looks_like_group(name)))
        .or_else(|| whole(&manifest.implementation_vendor))
        .or_else(|| whole(&manifest.specification_vendor))
}

/// `org.example`: names with a point between them.
fn looks_like_group(text: &str) -> bool {
    let is_name = |part: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        part.starts_with(|c: char| c.is_ascii_alphabetic()) && part.chars().all(is_plain)
    };
    text.contains('.') && text.split('.').all(is_name)
}
