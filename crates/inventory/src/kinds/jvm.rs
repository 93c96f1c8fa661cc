//! Java virtual machines, by the `release` file in their home.
//!
//! It has no specification; the JDK's build writes it (`make/ReleaseFile.gmk` of
//! <https://github.com/openjdk/jdk>), and each vendor adds lines. Lines are `KEY="value"`. `release` is a
//! common name: a file without a `JAVA_VERSION` or `JAVA_RUNTIME_VERSION` is passed over in silence.
//!
//! Names are those of Syft: `openjdk` for all that is built from it, `zulu`, and `jdk` or `jre` of Oracle
//! and Sun. A GraalVM is an OpenJDK, and `graalvm` beside it.

use lamina_image::{
    layer::{Entry, EntryKind},
    path::LayerPath,
};

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Basis, Facts, PackageFact, PackageKind},
    limits::MAX_JVM_RELEASE_BYTES,
    text::{lines, word},
};

/// Installed Java virtual machines.
pub struct Jvm;

impl Analyser for Jvm {
    fn id(&self) -> &'static str {
        "jvm"
    }

    fn revision(&self) -> u32 {
        1
    }

    /// Only what is small enough to be one: that a larger `release` was not read matters to nobody. For
    /// the same reason no links: where one leads to a JVM's file, that is claimed itself.
    fn claims(&self, path: &LayerPath, entry: &Entry) -> bool {
        path.file_name() == b"release"
            && entry.kind == EntryKind::File
            && entry.size <= MAX_JVM_RELEASE_BYTES
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_JVM_RELEASE_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        let release = Release::parse(file.bytes);
        let Some((version, line)) = release.version() else {
            return;
        };
        let (vendor, name) = release.vendor_and_name(file.path);
        let mut package = PackageFact::new(PackageKind::Generic, name, version, file.path);
        package.basis = Basis::Embedded;
        package.lines = Some((line, line));
        // A JVM that is the whole image would own every file.
        package.folder = file.path.parent().filter(|home| !home.is_root());
        package.detail("vendor", Some(vendor));
        for (detail, key) in [
            ("implementor", "IMPLEMENTOR"),
            ("implementor-version", "IMPLEMENTOR_VERSION"),
            ("image-type", "IMAGE_TYPE"),
            ("java-version", "JAVA_VERSION"),
            ("semantic-version", "SEMANTIC_VERSION"),
            ("repository-url", "SOURCE_REPO"),
        ] {
            package.detail(detail, release.value(key));
        }
        if let Some((version, line)) = release.get("GRAALVM_VERSION") {
            let mut graal = PackageFact::new(PackageKind::Generic, "graalvm", version, file.path);
            graal.basis = Basis::Embedded;
            graal.lines = Some((line, line));
            graal.detail("vendor", Some("oracle"));
            graal.detail("implementor", release.value("IMPLEMENTOR"));
            graal.folder.clone_from(&package.folder);
            out.add_package(self.id(), graal);
        }
        out.add_package(self.id(), package);
    }
}

/// Keys that are looked for; each once.
const KEYS: &[&str] = &[
    "FULL_VERSION",
    "GRAALVM_VERSION",
    "IMAGE_TYPE",
    "IMPLEMENTOR",
    "IMPLEMENTOR_VERSION",
    "JAVA_RUNTIME_VERSION",
    "JAVA_VERSION",
    "SEMANTIC_VERSION",
    "SOURCE_REPO",
];

struct Release {
    /// Key, value and line.
    values: Vec<(&'static str, String, u32)>,
}

impl Release {
    fn parse(bytes: &[u8]) -> Self {
        let mut values = Vec::new();
        for (number, line) in lines(bytes) {
            let Some(split) = memchr::memchr(b'=', line) else {
                continue;
            };
            let key = line.get(..split).unwrap_or_default();
            let Some(key) = KEYS.iter().find(|known| known.as_bytes() == key) else {
                continue;
            };
            let value = line.get(split + 1..).unwrap_or_default().trim_ascii();
            let value = value.strip_prefix(b"\"").unwrap_or(value);
            let value = value.strip_suffix(b"\"").unwrap_or(value);
            let is_new = values.iter().all(|(known, _, _)| known != key);
            if let Some(value) = word(value).filter(|_| is_new) {
                values.push((*key, value, number));
            }
        }
        Self { values }
    }

    fn get(&self, key: &str) -> Option<(&str, u32)> {
        let found = self.values.iter().find(|(known, _, _)| *known == key);
        found.map(|(_, value, line)| (value.as_str(), *line))
    }

    fn value(&self, key: &str) -> Option<&str> {
        self.get(key).map(|(value, _)| value)
    }

    /// The most exact version: `21.0.4+7-LTS`, `1.8.0_422-b05`; and its line.
    fn version(&self) -> Option<(&str, u32)> {
        let runtime = self.get("JAVA_RUNTIME_VERSION");
        let java = self.get("JAVA_VERSION");
        // OpenJ9's is that of another thing.
        let major = |version: &str| version.split('.').next().map(str::to_owned);
        let full = self.get("FULL_VERSION");
        let full = full.filter(|full| java.is_some_and(|java| major(full.0) == major(java.0)));
        runtime.or(full).or(java)
    }

    /// Who makes it, and what it is, as in the CVEs' names.
    fn vendor_and_name(&self, path: &LayerPath) -> (&'static str, &'static str) {
        let implementor = self.value("IMPLEMENTOR").unwrap_or_default();
        let implementor = implementor.to_ascii_lowercase();
        let is_in_path = |word: &[u8]| memchr::memmem::find(path.as_bytes(), word).is_some();
        let image_type = self.value("IMAGE_TYPE").unwrap_or_default();
        let is_jre = image_type.to_ascii_lowercase().contains("jre");
        let product = if is_jre { "jre" } else { "jdk" };
        if implementor.contains("azul") || is_in_path(b"zulu") {
            ("azul", "zulu")
        } else if implementor.contains("sun") {
            ("sun", product)
        } else if implementor.contains("oracle") || is_in_path(b"oracle") {
            ("oracle", product)
        } else {
            ("oracle", "openjdk")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims, entry};

    #[test]
    fn claims() {
        check_claims(
            &Jvm,
            &["opt/java/openjdk/release", "release"],
            &["opt/release.txt", "etc/os-release", "opt/release/a", ""],
        );
        let mut large = entry("opt/java/release");
        large.size = MAX_JVM_RELEASE_BYTES + 1;
        assert!(!Jvm.claims(&large.path, &large));
        let mut link = entry("opt/java/release");
        link.kind = EntryKind::Symlink {
            target: b"../release".to_vec(),
        };
        assert!(!Jvm.claims(&link.path, &link));
    }

    #[test]
    fn a_jvm_says_what_it_is() {
        let facts = analyse(
            &Jvm,
            "opt/java/openjdk/release",
            "IMPLEMENTOR=\"Eclipse Adoptium\"\nIMPLEMENTOR_VERSION=\"Temurin-21.0.4+7\"\n\
             JAVA_RUNTIME_VERSION=\"21.0.4+7-LTS\"\nJAVA_VERSION=\"21.0.4\"\n\
             MODULES=\"java.base java.compiler\"\nSOURCE_REPO=\"https://github.com/adoptium/jdk21u.git\"\n\
             SEMANTIC_VERSION=\"21.0.4+7\"\nIMAGE_TYPE=\"JDK\"\n",
        );
        assert_eq!(facts.warnings, []);
        let [package] = facts.packages.as_slice() else {
            panic!("{facts:?}");
        };
        assert_eq!(package.kind, PackageKind::Generic);
        assert_eq!(package.basis, Basis::Embedded);
        let named = (package.name.as_str(), package.version.as_str());
        assert_eq!(named, ("openjdk", "21.0.4+7-LTS"));
        assert_eq!(package.lines, Some((3, 3)));
        assert_eq!(package.folder, Some(LayerPath::from("opt/java/openjdk")));
        let details: Vec<String> = package
            .details
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        assert_eq!(
            details,
            [
                "image-type=JDK",
                "implementor=Eclipse Adoptium",
                "implementor-version=Temurin-21.0.4+7",
                "java-version=21.0.4",
                "repository-url=https://github.com/adoptium/jdk21u.git",
                "semantic-version=21.0.4+7",
                "vendor=oracle",
            ]
        );
    }

    fn check(path: &str, text: &str, expect: &[&str]) {
        let facts = analyse(&Jvm, path, text);
        assert_eq!(facts.warnings, [], "{text}");
        let found: Vec<String> = facts
            .packages
            .iter()
            .map(|package| {
                let vendor = package.detail_of("vendor").unwrap();
                format!("{vendor}/{} {}", package.name, package.version)
            })
            .collect();
        assert_eq!(found, expect, "{path} {text}");
    }

    #[test]
    fn vendors_and_versions() {
        let path = "usr/lib/jvm/x/release";
        check(
            path,
            "JAVA_VERSION=\"1.8.0_422\"\nFULL_VERSION=\"1.8.0_422-b05\"\n",
            &["oracle/openjdk 1.8.0_422-b05"],
        );
        check(
            path,
            "FULL_VERSION=\"0.40\"\nJAVA_VERSION=\"11.0.9\"\r\n",
            &["oracle/openjdk 11.0.9"],
        );
        check(
            path,
            "JAVA_VERSION=17\nIMPLEMENTOR=\"Oracle Corporation\"\n",
            &["oracle/jdk 17"],
        );
        check(
            path,
            "JAVA_VERSION=17\nIMPLEMENTOR=\"Oracle Corporation\"\nIMAGE_TYPE=\"JRE\"",
            &["oracle/jre 17"],
        );
        check(
            path,
            "JAVA_VERSION=17\nIMPLEMENTOR=\"Azul Systems, Inc.\"",
            &["azul/zulu 17"],
        );
        check(
            "usr/lib/jvm/zulu-8/release",
            "JAVA_VERSION=8",
            &["azul/zulu 8"],
        );
        check(
            path,
            "JAVA_VERSION=6\nIMPLEMENTOR=\"Sun Microsystems\"",
            &["sun/jdk 6"],
        );
        check(
            path,
            "JAVA_VERSION=17\nIMPLEMENTOR=\"Amazon.com Inc.\"",
            &["oracle/openjdk 17"],
        );
        check(
            path,
            "IMPLEMENTOR=\"GraalVM Community\"\nJAVA_VERSION=\"17.0.5\"\nGRAALVM_VERSION=\"22.3.0\"\n",
            &["oracle/graalvm 22.3.0", "oracle/openjdk 17.0.5"],
        );
    }

    #[test]
    fn other_files_of_that_name_are_passed_over() {
        let check = |text: &str| check("usr/share/release", text, &[]);
        check("");
        check("2024.1\n");
        check("VERSION=1\nJAVA_VERSION=\"\"\n");
        check("FULL_VERSION=1\n");
        check("\0\u{ff}=\n=\"\"\n\"=");
        check(&format!("JAVA_VERSION=\"{}\"\n", "1".repeat(4000)));
    }

    #[test]
    fn a_jvm_that_is_the_image_owns_no_folder() {
        let facts = analyse(&Jvm, "release", "JAVA_VERSION=17\n");
        assert_eq!(facts.packages[0].folder, None);
    }
}
