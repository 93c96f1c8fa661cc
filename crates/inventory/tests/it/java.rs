//! Java archives of the shared fixtures against what Syft and Trivy find in them.
//!
//! Each difference has its reason in [`DIFFERENCES`]; a reason that is not needed any more is an error,
//! too.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use lamina_inventory::{facts::PackageKind, merge::Package};
use lamina_testkit::{layer, shared};

use crate::{
    images::oracles,
    support::{inventories, inventory},
};

/// `group:artifact version inner`, inner being `-` for the archive itself.
type Row = String;

fn row(package: &Package) -> Row {
    let fact = &package.fact;
    let inner = fact.inner.as_deref().unwrap_or("-");
    format!("{} {} {inner}", fact.name, fact.version)
}

fn rows(packages: &[Package]) -> BTreeSet<Row> {
    let maven = packages
        .iter()
        .filter(|package| package.fact.kind == PackageKind::Maven);
    maven.map(row).collect()
}

/// What is found in one archive, as the only file of a layer.
fn found_in(archive: &Path) -> BTreeSet<Row> {
    let name = archive.file_name().unwrap().to_string_lossy().into_owned();
    let inventory = inventory([layer().file(&name, fs::read(archive).unwrap())]);
    assert_eq!(inventory.warnings, [], "{name}");
    rows(&inventory.packages)
}

/// Where we do not agree, in which row, and why.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    (
        "heuristic-1.0.0-SNAPSHOT.jar",
        "- com.example:heuristic 1.0.0-SNAPSHOT -",
        "Trivy asks Maven Central for the group; nothing in the archive has it",
    ),
    (
        "heuristic-1.0.0-SNAPSHOT.jar",
        "+ heuristic 1.0.0-SNAPSHOT -",
        "so we have the name without the group",
    ),
    (
        "java.tar",
        "+ javax.activation:activation 1.1.1 -",
        "Snyk looks up its digest; that is what Maven Central calls it",
    ),
    (
        "test.jar",
        "- org.springframework:Spring Framework 2.5.6.SEC03 -",
        "Trivy takes the title for people as the artifact; none is called that",
    ),
    (
        "test.jar",
        "+ org.springframework:core 2.5.6.SEC03 -",
        "the bundle's name is the better guess",
    ),
];

#[derive(Default)]
struct Comparison {
    text: String,
    expected: usize,
    matched: usize,
    found: usize,
    unexplained: Vec<String>,
    explained: BTreeSet<(String, String)>,
}

impl Comparison {
    fn compare(&mut self, name: &str, expected: &BTreeSet<Row>, found: &BTreeSet<Row>) {
        let both = expected.intersection(found).count();
        let _ = writeln!(
            self.text,
            "{name:50} expected {:3}  found {:3}  both {both:3}",
            expected.len(),
            found.len()
        );
        self.expected += expected.len();
        self.found += found.len();
        self.matched += both;
        let missing = expected.difference(found).map(|row| format!("- {row}"));
        let extra = found.difference(expected).map(|row| format!("+ {row}"));
        for difference in missing.chain(extra) {
            let reason = DIFFERENCES
                .iter()
                .find(|(of, row, _)| *of == name && *row == difference);
            match reason {
                Some((_, _, reason)) => {
                    let _ = writeln!(self.text, "  {difference}: {reason}");
                    self.explained.insert((name.to_owned(), difference));
                }
                None => self.unexplained.push(format!("{name}: {difference}")),
            }
        }
    }

    fn finish(self) {
        let Self {
            text,
            expected,
            matched,
            found,
            ..
        } = self;
        println!("{text}\nexpected {expected}, found {found}, both {matched}");
        assert!(self.unexplained.is_empty(), "{:#?}", self.unexplained);
        for (name, difference, _) in DIFFERENCES {
            let used = self
                .explained
                .contains(&((*name).to_owned(), (*difference).to_owned()));
            assert!(used, "{name}: {difference} is no difference any more");
        }
    }
}

/// What Trivy's own test expects of its archives (`parse_test.go`), by archive.
const TRIVY: &[(&str, &[&str])] = &[
    (
        "maven.war",
        &[
            "com.example:web-app 1.0-SNAPSHOT -",
            "com.fasterxml.jackson.core:jackson-databind 2.9.10.6 WEB-INF/lib/jackson-databind-2.9.10.6.jar",
            "com.fasterxml.jackson.core:jackson-annotations 2.9.10 WEB-INF/lib/jackson-annotations-2.9.10.jar",
            "com.fasterxml.jackson.core:jackson-core 2.9.10 WEB-INF/lib/jackson-core-2.9.10.jar",
            "com.cronutils:cron-utils 9.1.2 WEB-INF/lib/cron-utils-9.1.2.jar",
            "org.slf4j:slf4j-api 1.7.30 WEB-INF/lib/slf4j-api-1.7.30.jar",
            "org.glassfish:javax.el 3.0.0 WEB-INF/lib/javax.el-3.0.0.jar",
            "org.apache.commons:commons-lang3 3.11 WEB-INF/lib/commons-lang3-3.11.jar",
        ],
    ),
    (
        "gradle.war",
        &[
            "commons-dbcp:commons-dbcp 1.4 WEB-INF/lib/commons-dbcp-1.4.jar",
            "commons-pool:commons-pool 1.6 WEB-INF/lib/commons-pool-1.6.jar",
            "log4j:log4j 1.2.17 WEB-INF/lib/log4j-1.2.17.jar",
            "org.apache.commons:commons-compress 1.19 WEB-INF/lib/commons-compress-1.19.jar",
        ],
    ),
    (
        "nested.jar",
        &[
            "test:nested 0.0.1 -",
            "test:nested2 0.0.2 META-INF/jars/nested2.jar",
            "test:nested3 0.0.3 META-INF/jars/nested2.jar!/META-INF/jars/nested3.jar",
        ],
    ),
    // Without asking Maven Central.
    (
        "test.jar",
        &["org.springframework:Spring Framework 2.5.6.SEC03 -"],
    ),
    (
        "heuristic-1.0.0-SNAPSHOT.jar",
        &["com.example:heuristic 1.0.0-SNAPSHOT -"],
    ),
    (
        "hadoop-shaded-guava-1.1.0-SNAPSHOT.jar",
        &[
            "com.google.guava:failureaccess 1.0.1 -",
            "com.google.guava:guava 29.0-jre -",
            "com.google.guava:listenablefuture 9999.0-empty-to-avoid-conflict-with-guava -",
            "com.google.j2objc:j2objc-annotations 1.3 -",
            "org.apache.hadoop.thirdparty:hadoop-shaded-guava 1.1.0-SNAPSHOT -",
        ],
    ),
    (
        "io.quarkus.gizmo.gizmo-1.1.jar",
        &[
            "io.quarkus.gizmo:gizmo 1.1 -",
            "log4j:log4j 1.2.16 jars/log4j-1.2.16.jar",
            "log4j:log4j 1.2.17 jars/log4j-1.2.17.jar",
            "com.fasterxml.jackson.core:jackson-databind 2.12.3 -",
            "com.fasterxml.jackson.core:jackson-databind 2.13.4 -",
        ],
    ),
    (
        "multi-license-1.0.0.jar",
        &["com.example:multi-license 1.0.0 -"],
    ),
    (
        "license-from-jenkins-plugin.jar",
        &["com.example:jenkins-plugin 1.0.0 -"],
    ),
];

/// What snyk-docker-plugin's test expects of its images (`java.spec.ts`), where it names artifacts.
const SNYK: &[(&str, &[&str])] = &[(
    "java.tar",
    &[
        "org.glassfish.hk2.external:aopalliance-repackaged 2.5.0 -",
        "org.apache.yetus:audience-annotations 0.5.0 -",
    ],
)];

#[test]
fn archives_give_what_syft_and_trivy_find() {
    let Some(fixtures) = shared("fixtures") else {
        return;
    };
    let mut comparison = Comparison::default();
    let owned = |rows: &[&str]| rows.iter().map(|row| (*row).to_owned()).collect();
    for (name, expected) in TRIVY {
        let archive = fixtures
            .join("packages/trivy-parsers/java/jar/testdata")
            .join(name);
        comparison.compare(name, &owned(expected), &found_in(&archive));
    }
    let snyk = fixtures.join("images/real/snyk/docker-archives/docker-save");
    for (name, expected) in SNYK {
        let found = inventories(&snyk.join(name)).unwrap();
        comparison.compare(name, &owned(expected), &rows(&found[0].packages));
    }
    // No image without Java has archives.
    for (image, answers) in oracles(&fixtures) {
        let name = image.file_name().unwrap().to_string_lossy().into_owned();
        // What cannot be read is named by the test of all images.
        let Ok(found) = inventories(&image) else {
            continue;
        };
        // Syft's list has neither the place within an archive nor packages that are in several.
        let outer = |row: &Row| {
            let mut cells = row.rsplitn(2, ' ');
            cells.next();
            cells.next().unwrap().to_owned()
        };
        let packages = found.iter().flat_map(|inventory| rows(&inventory.packages));
        let found: BTreeSet<Row> = packages.map(|row| outer(&row)).collect();
        let expected = syft(&answers.join("syft.tsv"));
        if !expected.is_empty() || !found.is_empty() {
            comparison.compare(&name, &expected, &found);
        }
    }
    comparison.finish();
}

/// Name and version of the Java packages of a list of Syft's.
fn syft(list: &Path) -> BTreeSet<Row> {
    let text = fs::read_to_string(list).unwrap();
    let java = text.lines().filter_map(|line| {
        let mut cells = line.split('\t');
        matches!(cells.next()?, "java-archive" | "jenkins-plugin").then_some(())?;
        let purl = cells.nth(2)?;
        let (name, version) = purl.strip_prefix("pkg:maven/")?.rsplit_once('@')?;
        Some(format!("{} {version}", name.replacen('/', ":", 1)))
    });
    java.collect()
}

#[test]
fn archives_of_three_levels_are_read() {
    let Some(archives) = shared("fixtures/images/real/snyk/docker-archives/docker-save") else {
        return;
    };
    let check = |name: &str, expected: &[&str]| {
        let found = inventories(&archives.join(name)).unwrap();
        assert_eq!(found[0].warnings, [], "{name}");
        let found: Vec<Row> = rows(&found[0].packages).into_iter().collect();
        assert_eq!(found, expected, "{name}");
    };
    check(
        "java-uberjar.tar",
        &[
            "com.google.guava:guava 30.1-jre lib/guava-30.1-jre.jar",
            "com.google.j2objc:j2objc-annotations 1.3 -",
            "org.slf4j:jul-to-slf4j 1.7.30 -",
        ],
    );
    // The two outer ones have no version anywhere.
    check(
        "3-level-jar.tar",
        &[
            "com.google.guava:listenablefuture 9999.0-empty-to-avoid-conflict-with-guava \
             level-2-jar.jar!/lib/listenablefuture-9999.0-empty-to-avoid-conflict-with-guava.jar",
        ],
    );
}
