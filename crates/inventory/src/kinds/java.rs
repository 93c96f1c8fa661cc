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
    let found = EXTENSIONS
        .iter()
        .find(|(known, _)| extension.eq_ignore_ascii_case(known));
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
                    metadata
                        .manifest
                        .get_or_insert_with(|| Manifest::parse(&content.bytes));
                }
                Role::Properties => {
                    let coordinates = parse_properties(&content.bytes);
                    metadata
                        .properties
                        .insert(folder, (entry.name, coordinates));
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
            Err(ZipError::Spent) => {
                self.too_many("bytes to read", MAX_ARCHIVE_READ_BYTES);
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
    let version = manifest.and_then(Manifest::version);
    for project in &maven_projects {
        // The only one that went into a jar of something else has another version.
        let is_alone = maven_projects.len() == 1
            && version.is_none_or(|version| is_same_release(version, &project.version));
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
        .chain(
            metadata
                .properties
                .iter()
                .map(|(folder, (entry, _))| (*folder, *entry)),
        )
        .collect();
    let none = Coordinates::default();
    let projects = folders.into_iter().filter_map(|(folder, entry)| {
        let properties = metadata.properties.get(folder);
        let properties = properties.map_or(&none, |(_, coordinates)| coordinates);
        let pom = metadata.poms.get(folder).map(|(_, pom)| pom);
        let from_pom = pom.map_or(&none, |pom| &pom.coordinates);
        let from_path = maven_folder(folder);
        let first = |own: &Option<String>, pom: &Option<String>, path: Option<&str>| {
            own.clone()
                .or_else(|| pom.clone())
                .or_else(|| path.map(str::to_owned))
        };
        Some(Project {
            entry,
            group: first(
                &properties.group,
                &from_pom.group,
                from_path.map(|path| path.0),
            ),
            artifact: first(
                &properties.artifact,
                &from_pom.artifact,
                from_path.map(|path| path.1),
            )?,
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
            let is_version = rest
                .strip_prefix(['-', '_', '.'])
                .is_some_and(looks_like_version);
            if rest.is_empty() || is_version || rest.contains(&self.version) {
                return true;
            }
        }
        let is_same_version = name
            .version
            .as_ref()
            .is_none_or(|version| *version == self.version);
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

/// Whether two versions have the same numbers, as OSGi's `1.0.0.SNAPSHOT` and Maven's `1.0-SNAPSHOT`.
fn is_same_release(one: &str, other: &str) -> bool {
    let numbers = |version: &str| {
        let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let parts = version
            .split(['.', '-', '_', '+', ' '])
            .take_while(is_number);
        let joined = parts.collect::<Vec<_>>().join(".");
        let mut shortest = joined.as_str();
        while let Some(shorter) = shortest.strip_suffix(".0") {
            shortest = shorter;
        }
        shortest.to_owned()
    };
    numbers(one) == numbers(other)
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
            let artifact = manifest
                .short_name
                .as_deref()
                .or(manifest.extension_name.as_deref());
            (
                artifact.unwrap_or(&name.artifact),
                manifest.version()?,
                MANIFEST,
            )
        }
        Some(version) => (name.artifact.as_str(), version.as_str(), "the file name"),
        None => (artifact_of(name, manifest), manifest.version()?, MANIFEST),
    };
    if artifact.is_empty() {
        return None;
    }
    // `org.eclipse.jetty.apache-jsp-9.4.jar` names both.
    let split = artifact
        .rsplit_once('.')
        .filter(|(group, artifact)| artifact.contains('-') && looks_like_group(group));
    let (group, artifact) = match split {
        Some((group, artifact)) => (Some(group), artifact),
        None => (group_of(artifact, manifest), artifact),
    };
    if group.is_some() && split.is_none() && evidence != MANIFEST {
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
        title
            .bytes()
            .all(|byte| is_plain(byte) || matches!(byte, b'-' | b'_' | b'.'))
    };
    let title = manifest.implementation_title.as_deref().filter(is_artifact);
    let symbolic = || {
        // `com.example.library.core`: the group, and the artifact.
        let (group, artifact) = manifest.symbolic_name()?.rsplit_once('.')?;
        (looks_like_group(group) && !artifact.is_empty()).then_some(artifact)
    };
    // A name with a hyphen was hardly thought out by somebody who copied the file.
    let stem = name.stem.as_str();
    if title.is_none() && (stem.contains('-') || groups::group_of(stem).is_some()) {
        return stem;
    }
    title.or_else(symbolic).unwrap_or(stem)
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
    let group_id = manifest
        .group_id
        .as_deref()
        .filter(|group| !group.contains(' '));
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

#[cfg(test)]
mod tests {
    use lamina_image::layer::EntrySink as _;

    use super::*;
    use crate::{
        kinds::tests::{analyse, check_claims, entry},
        layer_scan::LayerScan,
        zip::tests::ZipBuilder,
    };

    #[test]
    fn claims() {
        check_claims(
            &Java,
            &[
                "a.jar",
                "opt/app.WAR",
                "a/b.ear",
                "b.par",
                "b.sar",
                "b.nar",
                "var/jenkins_home/plugins/git.jpi",
                "git.HPI",
                "a.kar",
                "a.lpkg",
            ],
            &[
                "jar",
                "a/.jar",
                ".war",
                "a.jar.txt",
                "a.jar/b",
                "a.tar",
                "a.zip",
                "a.rar",
                "",
            ],
        );
    }

    fn zip() -> ZipBuilder {
        ZipBuilder::default()
    }

    /// `name version [inner] (licence) evidence`, a line each.
    fn shown(facts: &Facts) -> String {
        let packages = facts.packages.iter().map(|package| {
            assert_eq!(
                (package.kind, package.basis),
                (PackageKind::Maven, Basis::Embedded)
            );
            let inner = package.inner.as_ref().map(|inner| format!(" [{inner}]"));
            let licence = package
                .licence
                .as_ref()
                .map(|licence| format!(" ({licence})"));
            format!(
                "{} {}{}{} {}\n",
                package.name,
                package.version,
                inner.unwrap_or_default(),
                licence.unwrap_or_default(),
                package.evidence.as_deref().unwrap_or_default(),
            )
        });
        let warnings = facts
            .warnings
            .iter()
            .map(|warning| format!("! {warning}\n"));
        packages.chain(warnings).collect()
    }

    fn check(path: &str, archive: ZipBuilder, expect: &str) {
        let found = shown(&analyse(&Java, path, archive.finish()));
        let expect: String = expect
            .lines()
            .map(|line| format!("{}\n", line.trim()))
            .collect();
        assert_eq!(found, expect, "{path}");
    }

    fn properties(group: &str, artifact: &str, version: &str) -> String {
        format!("#Generated\nversion={version}\ngroupId={group}\nartifactId={artifact}\n")
    }

    #[test]
    fn a_jar_of_maven_says_what_it_is() {
        check(
            "a/demo-1.0.jar",
            zip()
                .deflated("META-INF/MANIFEST.MF", "Implementation-Title: Demo\nImplementation-Version: 1.0\nBundle-License: http://l\n")
                .deflated("META-INF/maven/com.example/demo/pom.properties", properties("com.example", "demo", "1.0")),
            "com.example:demo 1.0 (http://l) META-INF/maven/com.example/demo/pom.properties",
        );
        // The `pom.xml` knows the licence better, and what the properties lack.
        check(
            "a/demo-1.0.jar",
            zip()
                .deflated("META-INF/MANIFEST.MF", "Bundle-License: http://l\n")
                .deflated("META-INF/maven/com.example/demo/pom.properties", "artifactId=demo\nversion=1.0")
                .deflated("META-INF/maven/com.example/demo/pom.xml", "<project><parent><groupId>p</groupId></parent><licenses><license><name>MIT</name></license></licenses></project>"),
            "p:demo 1.0 (MIT) META-INF/maven/com.example/demo/pom.properties",
        );
        // It stands alone.
        check(
            "a/demo-1.0.jar",
            zip().deflated(
                "META-INF/maven/com.example/demo/pom.xml",
                "<project><version>1.0</version></project>",
            ),
            "com.example:demo 1.0 META-INF/maven/com.example/demo/pom.xml",
        );
    }

    #[test]
    fn shaded_and_renamed_jars() {
        check(
            "app.jar",
            zip()
                .stored(
                    "META-INF/MANIFEST.MF",
                    "Implementation-Version: 3\nImplementation-Title: other\n",
                )
                .stored(
                    "META-INF/maven/g/demo/pom.properties",
                    properties("g", "demo", "3"),
                ),
            "g:demo 3 META-INF/maven/g/demo/pom.properties",
        );
        // What went into it, each version once; and itself.
        check(
            "a/fat-1.0.jar",
            zip()
                .stored(
                    "META-INF/MANIFEST.MF",
                    "Implementation-Vendor-Id: org.fat\n",
                )
                .stored(
                    "META-INF/maven/g/x/pom.properties",
                    properties("g", "x", "1"),
                )
                .stored("a/pom.properties", properties("g", "x", "1"))
                .stored("b/pom.properties", properties("g", "x", "2"))
                .stored(
                    "META-INF/maven/g/y/pom.properties",
                    properties("g", "y", "1"),
                )
                .stored("META-INF/maven/g/none/pom.properties", "artifactId=none\n")
                .stored(
                    "archetype-resources/pom.xml",
                    "<project><artifactId>no</artifactId><version>1</version></project>",
                )
                .stored("xpom.properties", properties("g", "no", "1")),
            "org.fat:fat 1.0 the file name and META-INF/MANIFEST.MF
             g:x 1 META-INF/maven/g/x/pom.properties
             g:y 1 META-INF/maven/g/y/pom.properties
             g:x 2 b/pom.properties",
        );
        // What went into it alone is not what it is.
        check(
            "guice.jar",
            zip()
                .stored(
                    "META-INF/MANIFEST.MF",
                    "Bundle-SymbolicName: com.google.inject\nBundle-Version: 4.2.3\n",
                )
                .stored(
                    "META-INF/maven/cglib/cglib/pom.properties",
                    properties("cglib", "cglib", "3.2"),
                ),
            "com.google.inject:guice 4.2.3 META-INF/MANIFEST.MF; the group is well known
             cglib:cglib 3.2 META-INF/maven/cglib/cglib/pom.properties",
        );
        // An instrumented jar is not what its name says.
        check(
            "spring-core-5.0.jar",
            zip().stored("META-INF/MANIFEST.MF", "Weave-Classes: a\n"),
            "",
        );
    }

    #[test]
    fn manifest_and_file_name_complete_each_other() {
        let check = |path: &str, manifest: &str, expect: &str| {
            check(path, zip().stored("META-INF/MANIFEST.MF", manifest), expect);
        };
        check(
            "x/jackson-annotations-2.15.0-rc2.jar",
            "Bundle-SymbolicName: com.fasterxml.jackson.core.jackson-annotations;singleton:=true\nBundle-Version: 9\n",
            "com.fasterxml.jackson.core:jackson-annotations 2.15.0-rc2 the file name and META-INF/MANIFEST.MF",
        );
        check(
            "maven-core-3.0.jar",
            "Bundle-SymbolicName: org.apache.maven.core\n",
            "org.apache.maven:maven-core 3.0 the file name and META-INF/MANIFEST.MF",
        );
        check(
            "mail-1.4.jar",
            "Extension-Name: javax.mail\nImplementation-Vendor-Id: com.sun\n",
            "javax.mail:mail 1.4 the file name; the group is well known",
        );
        check(
            "lucene.jar",
            "Implementation-Vendor: The Apache Software Foundation\nExtension-Name: org.apache.lucene\nSpecification-Version: 2.0\n",
            "org.apache.lucene:lucene 2.0 META-INF/MANIFEST.MF",
        );
        check(
            "spring-core.jar",
            "Implementation-Title: spring-core\nImplementation-Version: 5.3.3\n",
            "org.springframework:spring-core 5.3.3 META-INF/MANIFEST.MF; the group is well known",
        );
        check(
            "app.jar",
            "Implementation-Title: demo\nImplementation-Version: 1.0\nImplementation-Vendor-Id: com.example\n",
            "com.example:demo 1.0 META-INF/MANIFEST.MF",
        );
        check(
            "plugin.hpi",
            "Group-Id: io.jenkins.plugins\nShort-Name: example\nPlugin-Version: 1.0 (private)\nPlugin-License-Name: MIT\n",
            "io.jenkins.plugins:example 1.0 (MIT) META-INF/MANIFEST.MF",
        );
        check(
            "thing-1.0.jar",
            "Manifest-Version: 1.0\n",
            "thing 1.0 the file name",
        );
        check("thing.jar", "Manifest-Version: 1.0\n", "");
        check("thing.jar", "", "");
    }

    #[test]
    fn an_archive_that_is_too_large_to_hold_is_told_of() {
        let mut entry = entry("opt/app.jar");
        entry.size = MAX_ARCHIVE_BYTES + 1;
        let mut scan = LayerScan::new();
        let _ = scan.entry(&entry);
        scan.end();
        assert_eq!(
            shown(&scan.finish().facts),
            "! opt/app.jar is 268435457 bytes, more than the 268435456 that java reads\n"
        );
    }

    #[test]
    fn versions_of_one_release() {
        let check = |one: &str, other: &str, expect: bool| {
            assert_eq!(is_same_release(one, other), expect, "{one} {other}");
        };
        check("1.0.0.SNAPSHOT", "1.0-SNAPSHOT", true);
        check("4.2.3", "4.2.3.Final", true);
        check("4.2.3", "3.2", false);
        check("1", "10", false);
    }

    #[test]
    fn archives_in_archives_are_places_of_their_own() {
        let library = zip()
            .deflated(
                "META-INF/maven/g/lib/pom.properties",
                properties("g", "lib", "1"),
            )
            .finish();
        let plugin = zip().stored("WEB-INF/lib/lib.jar", &library).finish();
        let war = zip()
            .deflated("WEB-INF/plugins/p.hpi", &plugin)
            .stored("WEB-INF/lib/lib-1.jar", &library)
            .stored("WEB-INF/lib/none.nar", "nix-archive-1")
            .stored("WEB-INF/lib/empty.jar", "")
            .stored("WEB-INF/lib/broken.jar", "nothing")
            .finish();
        let script = b"#!/bin/sh\nexec java -jar $0\n";
        let facts = analyse(&Java, "a.war", [script.as_slice(), &war].concat());
        assert_eq!(
            shown(&facts),
            "g:lib 1 [WEB-INF/plugins/p.hpi!/WEB-INF/lib/lib.jar] META-INF/maven/g/lib/pom.properties\n\
             g:lib 1 [WEB-INF/lib/lib-1.jar] META-INF/maven/g/lib/pom.properties\n\
             ! a.war, line 0: WEB-INF/lib/broken.jar: no end of a zip archive's central directory\n"
        );
    }

    #[test]
    fn truncated_and_hostile_archives_are_warnings() {
        let check = |bytes: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Java, "a-1.jar", bytes);
            assert_eq!(facts.packages.len(), packages, "{facts:?}");
            assert_eq!(facts.warnings.len(), warnings, "{facts:?}");
        };
        let whole = zip().stored("META-INF/MANIFEST.MF", "A: b\n").finish();
        check(b"", 0, 0);
        check(b"PK\x03\x04", 0, 1);
        check(&whole, 1, 0);
        for end in 1..whole.len() {
            check(&whole[..end], 0, 1);
        }
        // Not a jar, and not said to be one.
        assert_eq!(analyse(&Java, "a.nar", b"nix-archive-1"), Facts::default());
    }

    #[test]
    fn archives_that_are_too_deep_are_told_of() {
        let mut inner = zip()
            .stored("META-INF/MANIFEST.MF", "Implementation-Version: 1\n")
            .finish();
        for _ in 0..MAX_ARCHIVE_DEPTH {
            inner = zip().stored("x.jar", &inner).finish();
        }
        let facts = analyse(&Java, "a.jar", inner);
        assert_eq!(
            shown(&facts),
            "! java found more than 16 archives within one another in a.jar; the rest is left out\n"
        );
    }

    fn with_budget(budget: Budget, bytes: &[u8]) -> String {
        let path = LayerPath::from("a.jar");
        let mut facts = Facts::default();
        read_file(ClaimedFile { path: &path, bytes }, budget, &mut facts);
        shown(&facts)
    }

    #[test]
    fn what_one_file_costs_is_limited() {
        let bytes = zip()
            .stored(
                "META-INF/maven/g/a/pom.properties",
                properties("g", "a", "1"),
            )
            .stored(
                "META-INF/maven/g/b/pom.properties",
                properties("g", "b", "1"),
            )
            .again(60_000)
            .finish();
        let all = with_budget(Budget::default(), &bytes);
        assert_eq!(all.lines().count(), 2, "{all}");
        let entries = with_budget(Budget::new(1, 1 << 20, 0), &bytes);
        assert_eq!(
            entries,
            "g:a 1 META-INF/maven/g/a/pom.properties\n\
             ! java found more than 1000000 entries in a.jar; the rest is left out\n"
        );
        // The first read takes what there is.
        let size = properties("g", "a", "1").len() as u64;
        let read = with_budget(Budget::new(100_000, size + 1, 0), &bytes);
        assert_eq!(
            read,
            "g:a 1 META-INF/maven/g/a/pom.properties\n\
             ! java found more than 2147483648 bytes to read in a.jar; the rest is left out\n"
        );
        // An inner archive that inflates to more than may be held.
        let inner = zip().stored(
            "META-INF/maven/g/a/pom.properties",
            properties("g", "a", "1"),
        );
        let outer = zip().deflated("b.jar", inner.finish()).finish();
        let found = with_budget(Budget::new(10, 1 << 20, 10), &outer);
        assert!(found.starts_with("! a.jar!/b.jar is "), "{found}");
        assert!(
            found.ends_with(" bytes, more than the 10 that java reads\n"),
            "{found}"
        );
    }

    #[test]
    fn metadata_that_is_too_large_is_told_of() {
        let manifest = vec![b'x'; usize::try_from(MAX_JAR_METADATA_BYTES).unwrap() + 1];
        let facts = analyse(
            &Java,
            "a.jar",
            zip().deflated("META-INF/MANIFEST.MF", manifest).finish(),
        );
        assert_eq!(
            shown(&facts),
            "! a.jar!/META-INF/MANIFEST.MF is 16777217 bytes, more than the 16777216 that java reads\n"
        );
    }

    #[test]
    fn damaged_entries_do_not_hide_the_rest() {
        let mut bytes = zip()
            .stored(
                "META-INF/maven/g/a/pom.properties",
                properties("g", "a", "1"),
            )
            .stored(
                "META-INF/maven/g/b/pom.properties",
                properties("g", "b", "1"),
            )
            .finish();
        // Another byte in the content of the first.
        let at = memchr::memmem::find(&bytes, b"#Generated").unwrap();
        bytes[at + 1] = b'g';
        assert_eq!(
            shown(&analyse(&Java, "x.jar", bytes)),
            "g:a 1 META-INF/maven/g/a/pom.properties\n\
             g:b 1 META-INF/maven/g/b/pom.properties\n\
             ! x.jar, line 0: META-INF/maven/g/a/pom.properties: the content is not that of its checksum or size\n"
        );
    }

    /// An archive with everything that is looked for.
    fn everything() -> Vec<u8> {
        let inner = zip()
            .deflated(
                "META-INF/MANIFEST.MF",
                "Bundle-SymbolicName: a.b;x\nBundle-Version: 1\n c\n",
            )
            .stored(
                "META-INF/maven/g/b/pom.properties",
                properties("g", "b", "1"),
            )
            .finish();
        zip()
            .stored(
                "META-INF/MANIFEST.MF",
                "Implementation-Version: 1\r\n\r\nName: x\r\n",
            )
            .stored(
                "META-INF/maven/g/a/pom.xml",
                "<project><!-- --><version>1</version><![CDATA[&amp;]]></project>",
            )
            .deflated("b.jar", inner)
            .finish()
    }

    proptest::proptest! {
        #[test]
        fn no_damage_makes_it_panic(
            changes in proptest::collection::vec((0..2_000_usize, proptest::prelude::any::<u8>()), 0..8),
            end in 0..2_000_usize,
        ) {
            let mut bytes = everything();
            for (at, byte) in changes {
                let length = bytes.len();
                bytes[at % length] = byte;
            }
            let _ = analyse(&Java, "a-1.jar", &bytes);
            bytes.truncate(end);
            let _ = analyse(&Java, "a-1.jar", &bytes);
        }
    }
}
