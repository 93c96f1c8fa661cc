//! Software bills of materials that lie in an image.
//!
//! - SPDX 2 (<https://spdx.github.io/spdx-spec/v2.3/>) as JSON and as tag and value, and the packages of
//!   SPDX 3 (<https://spdx.github.io/spdx-spec/v3.0.1/>) as JSON-LD.
//! - CycloneDX (<https://cyclonedx.org/docs/1.6/json/>) as JSON.
//! - Either of them in an in-toto statement, or in GitHub's envelope.
//! - Bitnami's `opt/bitnami/.bitnami_components.json`, and its SPDX documents beside the components.
//!
//! By name: `*.spdx`, `*.cdx`, `bom.json`, what lies in `usr/local/share/sbom` (where builders put them)
//! and in `*.dist-info/sboms` (<https://peps.python.org/pep-0770/>). The format is told by the content.
//!
//! A package is what has a package URL; what has none is noted as [`PackageKind::Generic`] if it is
//! called a library, framework or application and has a version. What an SBOM says is a claim
//! ([`Basis::Stated`]); of Bitnami's own components it is their installer's record
//! ([`Basis::Installed`]).

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Basis, Facts, PackageFact, PackageKind},
    limits::{MAX_FIELD_BYTES, MAX_LICENCE_BYTES, MAX_SBOM_BYTES, MAX_SBOM_PACKAGES},
    purl::Purl,
    text::{cut, word},
};

mod json;
mod tag_value;

/// Packages that an SBOM in the image states.
pub struct Sbom;

const BITNAMI: &[u8] = b"opt/bitnami/";
const BITNAMI_COMPONENTS: &[u8] = b"opt/bitnami/.bitnami_components.json";

/// What is claimed besides the names that every SBOM may have.
const FOLDERS: [&[u8]; 1] = [b"usr/local/share/sbom/"];

impl Analyser for Sbom {
    fn id(&self) -> &'static str {
        "sbom"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        let path = path.as_bytes();
        // Asked of every file there is: the last byte tells most of them.
        match path.last() {
            Some(b'x') => path.ends_with(b".spdx") || path.ends_with(b".cdx"),
            Some(b'n') => path.strip_suffix(b".json").is_some_and(|stem| {
                stem.ends_with(b".spdx")
                    || stem.ends_with(b".cdx")
                    || stem.ends_with(b".bom")
                    || is_bom(path)
                    || path == BITNAMI_COMPONENTS
                    || FOLDERS.iter().any(|folder| stem.starts_with(folder))
                    || memchr::memmem::find(stem, b".dist-info/sboms/").is_some()
            }),
            _ => false,
        }
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_SBOM_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        let bytes = file
            .bytes
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(file.bytes);
        let mut found = Collector::new(file.path);
        let problem = match bytes.trim_ascii_start().first() {
            None => return,
            Some(b'{') if file.path.as_bytes() == BITNAMI_COMPONENTS => {
                json::read_bitnami(bytes, &mut found)
            }
            Some(b'{') => json::read(bytes, &mut found),
            Some(b'<') => Some((0, "an SBOM in XML is not read".to_owned())),
            Some(_) => tag_value::read(bytes, &mut found),
        };
        if let Some((line, problem)) = problem {
            // `bom.json` is no name that only an SBOM has.
            if found.packages.is_empty() && is_bom(file.path.as_bytes()) {
                return;
            }
            out.malformed(self.id(), file.path, line, &problem);
        }
        if found.unreadable > 0 {
            let problem = format!(
                "{} of its packages have names, versions or package URLs that cannot be read",
                found.unreadable
            );
            out.malformed(self.id(), file.path, 0, &problem);
        }
        if found.is_cut {
            out.too_many(self.id(), "packages in one SBOM", MAX_SBOM_PACKAGES as u64);
        }
        for package in found.packages {
            out.add_package(self.id(), package);
        }
    }
}

/// The name that CycloneDX proposes.
fn is_bom(path: &[u8]) -> bool {
    path == b"bom.json" || path.ends_with(b"/bom.json")
}

/// What an SBOM says of one package, as far as it matters here.
#[derive(Default)]
struct Stated {
    group: Option<String>,
    name: Option<String>,
    version: Option<String>,
    purl: Option<String>,
    declared: Option<String>,
    concluded: Option<String>,
    purpose: Option<String>,
    lines: Option<(u32, u32)>,
}

/// The packages of one SBOM, up to a limit.
struct Collector<'a> {
    file: &'a LayerPath,
    packages: Vec<PackageFact>,
    /// There are more than may be.
    is_cut: bool,
    /// Packages that cannot be noted.
    unreadable: u64,
    /// Where the reader is, as a JSON pointer (RFC 6901).
    pointer: String,
}

impl<'a> Collector<'a> {
    fn new(file: &'a LayerPath) -> Self {
        Self {
            file,
            packages: Vec::new(),
            is_cut: false,
            unreadable: 0,
            pointer: String::new(),
        }
    }

    fn is_full(&mut self) -> bool {
        self.is_cut |= self.packages.len() >= MAX_SBOM_PACKAGES;
        self.is_cut
    }

    fn add(&mut self, stated: Stated) {
        match self.package(stated) {
            Ok(Some(_)) if self.is_full() => {}
            Ok(Some(mut package)) => {
                if package.lines.is_none() {
                    package.evidence = Some(self.pointer.clone());
                }
                self.packages.push(package);
            }
            Ok(None) => {}
            Err(Unreadable) => self.unreadable += 1,
        }
    }

    /// `None` for what is no package.
    fn package(&self, stated: Stated) -> Result<Option<PackageFact>, Unreadable> {
        let version = stated
            .version
            .as_deref()
            .and_then(|text| word(text.as_bytes()));
        let mut package = match &stated.purl {
            Some(text) => {
                let purl = Purl::parse(text).ok_or(Unreadable)?;
                let Some(mut package) = purl.package(self.file) else {
                    return Ok(None);
                };
                if package.kind == PackageKind::Generic && purl.kind != "generic" {
                    package.detail("purl", Some(cut(text, MAX_FIELD_BYTES)));
                }
                if package.version.is_empty() {
                    package.version = version.unwrap_or_default();
                }
                package
            }
            None => {
                let purpose = stated.purpose.unwrap_or_default();
                let is_program = ["library", "framework", "application"]
                    .iter()
                    .any(|program| purpose.eq_ignore_ascii_case(program));
                let name = stated
                    .name
                    .as_deref()
                    .and_then(|text| word(text.as_bytes()));
                let (true, Some(name), Some(version)) = (is_program, name, version) else {
                    return Ok(None);
                };
                let name = match stated.group.as_deref().filter(|group| !group.is_empty()) {
                    Some(group) => format!("{group}/{name}"),
                    None => name,
                };
                PackageFact::new(PackageKind::Generic, name, version, self.file)
            }
        };
        if package.name.len() > MAX_FIELD_BYTES || package.version.len() > MAX_FIELD_BYTES {
            return Err(Unreadable);
        }
        let is_said = |text: &String| !matches!(text.trim(), "" | "NONE" | "NOASSERTION");
        let mut licences = [stated.declared, stated.concluded].into_iter().flatten();
        let licence = licences.find(is_said);
        package.licence = licence.map(|text| cut(&text, MAX_LICENCE_BYTES));
        package.lines = stated.lines;
        package.basis = Basis::Stated;
        let folder = self.file.parent();
        if let Some(folder) = folder.filter(|folder| folder.as_bytes().starts_with(BITNAMI))
            && package.kind == PackageKind::Bitnami
        {
            package.basis = Basis::Installed;
            package.folder = Some(folder);
        }
        Ok(Some(package))
    }
}

/// A package that cannot be noted.
struct Unreadable;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims};

    #[test]
    fn claims() {
        check_claims(
            &Sbom,
            &[
                "app/a.spdx.json",
                "app/a.spdx",
                "app/a.cdx.json",
                "app/a.cdx",
                "app/a.bom.json",
                "app/bom.json",
                "bom.json",
                "opt/bitnami/.bitnami_components.json",
                "opt/bitnami/redis/.spdx-redis.spdx",
                "usr/local/share/sbom/a.json",
                "var/lib/db/sbom/zlib-1.3-r1.spdx.json",
                "a/b-1.dist-info/sboms/auditwheel.cdx.json",
                "a/b-1.dist-info/sboms/b.json",
            ],
            &[
                "app/package.json",
                "app/spdx.json.bak",
                "app/x-bom.json",
                "usr/share/sbom/a.json",
                "opt/bitnami/redis/a.json",
                "a/b-1.dist-info/sboms",
                "spdx",
                "",
            ],
        );
    }

    /// Kind, name, version, basis, licence and place of each package.
    pub(crate) fn check(path: &str, text: &str, expect: &[&str]) {
        let facts = analyse(&Sbom, path, text);
        assert_eq!(facts.warnings, [], "{text}");
        let found: Vec<String> = facts.packages.iter().map(row).collect();
        assert_eq!(found, expect, "{text}");
    }

    fn row(package: &PackageFact) -> String {
        let lines = package.lines.map(|(first, last)| format!("{first}-{last}"));
        let (kind, basis) = (package.kind.word(), package.basis.word());
        let place = package.evidence.clone().or(lines).unwrap_or_default();
        let licence = package.licence.as_deref().unwrap_or("-");
        format!(
            "{kind} {} {} {basis} {licence} {place}",
            package.name, package.version
        )
    }

    #[test]
    fn spdx_documents_are_read() {
        check(
            "a.spdx.json",
            r#"{"packages": [
                {"name": "a", "SPDXID": "SPDXRef-a", "versionInfo": "v1.3.1", "licenseDeclared": "NONE",
                 "licenseConcluded": "MIT", "externalRefs": [
                  {"referenceType": "cpe23Type", "referenceLocator": "cpe:2.3:a:a:a:v1.3.1"},
                  {"referenceCategory": "PACKAGE_MANAGER", "referenceType": "purl",
                   "referenceLocator": "pkg:golang/github.com/a/a@v1.3.1"}]},
                {"name": "debian", "versionInfo": "12.9", "primaryPackagePurpose": "OPERATING-SYSTEM"},
                {"name": "sqlite", "versionInfo": "3.45", "primaryPackagePurpose": "LIBRARY",
                 "licenseDeclared": "blessing"},
                {"name": "image", "externalRefs": [{"referenceType": "purl",
                 "referenceLocator": "pkg:oci/image@sha256:1"}]},
                {"name": "model", "externalRefs": [{"referenceType": "purl",
                 "referenceLocator": "pkg:huggingface/a/model@1"}]}
               ], "spdxVersion": "SPDX-2.3"}"#,
            &[
                "golang github.com/a/a v1.3.1 stated MIT /packages/0",
                "generic sqlite 3.45 stated blessing /packages/2",
                "generic a/model 1 stated - /packages/4",
            ],
        );
    }

    #[test]
    fn what_has_no_kind_keeps_its_package_url() {
        let text =
            r#"{"bomFormat": "CycloneDX", "components": [{"purl": "pkg:swid/a@1?tag_id=2"}]}"#;
        let facts = analyse(&Sbom, "a.cdx.json", text);
        assert_eq!(
            facts.packages[0].detail_of("purl"),
            Some("pkg:swid/a@1?tag_id=2")
        );
    }

    #[test]
    fn packages_of_spdx_3_are_read() {
        check(
            "usr/local/share/sbom/a.json",
            r#"{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [
                {"type": "CreationInfo", "specVersion": "3.0.1"},
                {"type": "software_Package", "name": "a", "software_packageVersion": "1",
                 "software_packageUrl": "pkg:npm/a@1"},
                {"type": "software_Package", "name": "b", "software_packageVersion": "2",
                 "externalIdentifier": [{"type": "ExternalIdentifier",
                  "externalIdentifierType": "packageUrl", "identifier": "pkg:npm/b@2"}]}]}"#,
            &["npm a 1 stated - /@graph/1", "npm b 2 stated - /@graph/2"],
        );
    }

    #[test]
    fn cyclonedx_documents_are_read_with_nested_components() {
        check(
            "a.cdx.json",
            r#"{"bomFormat": "CycloneDX", "specVersion": "1.5",
                "metadata": {"component": {"type": "library", "name": "main", "version": "1.2.3",
                 "purl": "pkg:maven/org.example/main@1.2.3"}},
                "components": [
                 {"type": "library", "group": "g", "name": "a", "version": "2",
                  "licenses": [{"license": {"id": "MIT"}}, {"license": {"name": "Mine"}},
                               {"expression": "ISC OR X11"}],
                  "purl": "pkg:maven/g/a@2", "components": [
                   {"type": "framework", "group": "g", "name": "b", "version": "3"},
                   {"type": "file", "name": "c", "version": "4"}]},
                 {"type": "operating-system", "name": "debian", "version": "12"}]}"#,
            &[
                "maven org.example:main 1.2.3 stated - /metadata/component",
                "generic g/b 3 stated - /components/0/components/0",
                "maven g:a 2 stated MIT, Mine, ISC OR X11 /components/0",
            ],
        );
    }

    #[test]
    fn envelopes_are_opened() {
        let statement = |key: &str| {
            format!(
                r#"{{"_type": "https://in-toto.io/Statement/v0.1", "{key}": {{
                "spdxVersion": "SPDX-2.3", "packages": [{{"name": "a", "externalRefs": [
                {{"referenceType": "purl", "referenceLocator": "pkg:gem/a@1"}}]}}]}}}}"#
            )
        };
        let path = "usr/local/share/sbom/a.json";
        check(
            path,
            &statement("predicate"),
            &["gem a 1 stated - /predicate/packages/0"],
        );
        check(
            path,
            &statement("sbom"),
            &["gem a 1 stated - /sbom/packages/0"],
        );
    }

    #[test]
    fn bitnami_components_are_installed_in_their_folders() {
        let spdx = r#"{"spdxVersion": "SPDX-2.3", "packages": [
            {"name": "redis", "versionInfo": "7.4.0-0", "licenseDeclared": "RSALv2", "externalRefs": [
             {"referenceType": "purl",
              "referenceLocator": "pkg:bitnami/redis@7.4.0-0?arch=arm64&distro=debian-12"}]},
            {"name": "a", "externalRefs": [
             {"referenceType": "purl", "referenceLocator": "pkg:maven/g/a@1"}]}]}"#;
        check(
            "opt/bitnami/redis/.spdx-redis.spdx",
            spdx,
            &[
                "bitnami redis 7.4.0-0 installed RSALv2 /packages/0",
                "maven g:a 1 stated - /packages/1",
            ],
        );
        check(
            "a.spdx",
            spdx,
            &[
                "bitnami redis 7.4.0-0 stated RSALv2 /packages/0",
                "maven g:a 1 stated - /packages/1",
            ],
        );
        let components = r#"{"a/b": {"arch": "amd64", "distro": "debian-10", "type": "NAMI",
            "version": "1.14.0-1"}, "c": {"version": 1}, "d": 2}"#;
        let facts = analyse(&Sbom, "opt/bitnami/.bitnami_components.json", components);
        let [package] = facts.packages.as_slice() else {
            panic!("{:?}", facts.packages)
        };
        assert_eq!(row(package), "bitnami a/b 1.14.0-1 installed - /a~1b");
        assert_eq!(package.architecture.as_deref(), Some("amd64"));
        assert_eq!(package.folder, Some(LayerPath::from("opt/bitnami/a/b")));
        assert_eq!(facts.warnings.len(), 1, "two components have no version");
    }

    #[test]
    fn tags_and_values_are_read() {
        check(
            "opt/bitnami/redis/.spdx-redis.spdx",
            "SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\nSPDXID: SPDXRef-DOCUMENT\n\
             # PackageName: no\n\n\
             PackageName: redis\nSPDXID: SPDXRef-redis\nPackageVersion: 7.4.0-0\n\
             PackageLicenseDeclared: NOASSERTION\nPackageLicenseConcluded: RSALv2\n\
             PackageCopyrightText: <text>Copyright\nPackageName: no\n</text>\n\
             ExternalRef: SECURITY cpe23Type cpe:2.3:*:redis:redis:7.4.0\n\
             ExternalRef: PACKAGE-MANAGER purl pkg:bitnami/redis@7.4.0-0?arch=arm64\n\n\
             PackageName: b\nPackageVersion: 2\nPrimaryPackagePurpose: LIBRARY\n\
             FileName: ./a\nPackageVersion: 3\n\
             PackageName: c\nPackageVersion: 3\n",
            &[
                "bitnami redis 7.4.0-0 installed RSALv2 6-15",
                "generic b 2 stated - 17-19",
            ],
        );
    }

    #[test]
    fn truncated_and_hostile_documents_are_warnings() {
        let check = |path: &str, text: &str, packages: usize, warnings: usize| {
            let facts = analyse(&Sbom, path, text);
            assert_eq!(facts.packages.len(), packages, "{:.200}", text);
            assert_eq!(
                facts.warnings.len(),
                warnings,
                "{:.200} {:?}",
                text,
                facts.warnings
            );
        };
        let json = "a.spdx.json";
        check(json, "", 0, 0);
        check(json, "{}", 0, 1);
        check(json, "[]", 0, 1);
        check(json, "<bom/>", 0, 1);
        check(json, r#"{"spdxVersion": "SPDX-2.3"}"#, 0, 0);
        check(json, r#"{"spdxVersion": "SPDX-2.3", "packages": 7}"#, 0, 0);
        check(
            json,
            r#"{"spdxVersion": "SPDX-2.3", "packages": [7, {"name": []}, "a"]}"#,
            0,
            0,
        );
        // What came before the break is noted.
        let text = r#"{"bomFormat": "CycloneDX", "components": [{"purl": "pkg:npm/a@1"}, {"purl"#;
        check(json, text, 1, 1);
        let text =
            r#"{"bomFormat": "CycloneDX", "components": [{"purl": "a"}, {"purl": "pkg:npm/%ff"}]}"#;
        check(json, text, 0, 1);
        let long = format!(
            r#"{{"bomFormat": "CycloneDX", "components": [{{"purl": "pkg:npm/{}"}}]}}"#,
            "a".repeat(2000)
        );
        check(json, &long, 0, 1);
        // A `bom.json` that is none is somebody else's.
        check("app/bom.json", "{}", 0, 0);
        check(
            "app/bom.json",
            r#"{"components": [{"purl": "pkg:npm/a@1"}]}"#,
            0,
            0,
        );
        let nested = |depth: usize| {
            let open = r#"{"purl": "pkg:npm/a@1", "components": ["#.repeat(depth);
            format!(
                r#"{{"bomFormat": "CycloneDX", "components": [{open}{}]}}"#,
                "]}".repeat(depth)
            )
        };
        check(
            json,
            &nested(crate::limits::MAX_SBOM_DEPTH),
            crate::limits::MAX_SBOM_DEPTH,
            0,
        );
        check(
            json,
            &nested(crate::limits::MAX_SBOM_DEPTH + 1),
            crate::limits::MAX_SBOM_DEPTH,
            1,
        );
        check(
            json,
            &format!(r#"{{"predicate": {}"#, r#"{"predicate": "#.repeat(50_000)),
            0,
            1,
        );
        check(json, &"[".repeat(100_000), 0, 1);
        let many = r#"{"purl": "pkg:npm/a@1"},"#.repeat(MAX_SBOM_PACKAGES + 1);
        let many = format!(r#"{{"bomFormat": "CycloneDX", "components": [{many} {{}}]}}"#);
        check(json, &many, MAX_SBOM_PACKAGES, 1);
        let tags = "a.spdx";
        check(tags, "PackageName: a\n", 0, 1);
        check(
            tags,
            "SPDXVersion: SPDX-2.3\nPackageName: a\nExternalRef: a purl b\n",
            0,
            1,
        );
        check(tags, "SPDXVersion: SPDX-2.3\nPackageName: <text>a\n", 0, 0);
        check(tags, "\0\0", 0, 1);
    }
}
