//! The images under `shared/fixtures/images` give exactly the packages of their expected lists.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use lamina_inventory::{
    facts::{Basis, PackageKind},
    merge::Inventory,
    purl::normalise_python,
};
use lamina_testkit::shared;

use crate::support::inventories;

/// What is compared: name and version, and what else a list tells.
type Row = Vec<String>;

/// The kinds that all lists agree on.
const KINDS: [PackageKind; 4] = [
    PackageKind::Apk,
    PackageKind::Deb,
    PackageKind::Pypi,
    PackageKind::Npm,
];

#[test]
fn images_give_exactly_the_packages_of_their_expected_lists() {
    let Some(fixtures) = shared("fixtures") else {
        return;
    };
    let mut table = Table::default();
    for format in ["oci", "zstd.oci", "zstdchunked.oci", "estargz.oci"] {
        let image = fixtures.join(format!("images/built/alpine-poly.{format}.tar"));
        let expected = fixtures.join("expected/alpine-poly");
        table.truth(&image, PackageKind::Apk, &expected.join("truth.apk.tsv"));
        table.truth(
            &image,
            PackageKind::Pypi,
            &expected.join("truth.python.tsv"),
        );
        table.truth(&image, PackageKind::Npm, &expected.join("truth.npm.tsv"));
        table.none(&image, PackageKind::Deb);
    }
    let image = fixtures.join("images/built/debian-slim.zstd.oci.tar");
    let expected = fixtures.join("expected/debian-slim");
    table.truth(&image, PackageKind::Deb, &expected.join("truth.dpkg.tsv"));
    table.truth(
        &image,
        PackageKind::Pypi,
        &expected.join("truth.python.tsv"),
    );
    table.truth(&image, PackageKind::Npm, &expected.join("truth.npm.tsv"));
    table.none(&image, PackageKind::Apk);
    for (image, snapshot) in snyk(&fixtures) {
        table.snapshot(&image, &snapshot);
    }
    for (image, oracle) in oracles(&fixtures) {
        for kind in KINDS {
            table.oracle(&image, kind, &oracle.join("syft.tsv"));
        }
        table.distribution(&image, &oracle.join("syft.distro.json"));
    }
    println!("{}", table.text);
    println!("and {} times nothing, as expected", table.nothing);
    assert!(table.rows > 100, "{} rows", table.rows);
    assert!(table.differences.is_empty(), "{}", table.differences);
}

#[derive(Default)]
struct Table {
    text: String,
    differences: String,
    rows: usize,
    /// Rows where nothing is expected, and nothing found.
    nothing: usize,
    /// The image that was read last.
    read: Option<(PathBuf, Vec<Inventory>)>,
}

impl Table {
    /// A list that was made without any scanner.
    fn truth(&mut self, image: &Path, kind: PackageKind, list: &Path) {
        let text = fs::read_to_string(list).unwrap();
        let expected = text.lines().map(|line| {
            let mut row: Row = line.split('\t').map(str::to_owned).collect();
            match kind {
                // Name, version, architecture, source.
                PackageKind::Apk => row.truncate(4),
                // And its version.
                PackageKind::Deb => row.truncate(5),
                _ => row[2] = row[2].trim_start_matches("./").to_owned(),
            }
            row
        });
        let expected = expected.collect();
        let mut found = self.found(image, kind, |package| {
            let fact = &package.fact;
            let source = fact.source.clone();
            let source = |version| {
                let source = source.clone().unwrap();
                if version { source.version } else { source.name }
            };
            let mut row = vec![fact.name.clone(), fact.version.clone()];
            match kind {
                PackageKind::Apk => row.extend([fact.architecture.clone().unwrap(), source(false)]),
                PackageKind::Deb => row.extend([
                    fact.architecture.clone().unwrap(),
                    source(false),
                    source(true),
                ]),
                _ => row.push(fact.file.to_string()),
            }
            row
        });
        // The list leaves out the application itself.
        found.retain(|row| kind != PackageKind::Npm || row[2].contains("node_modules/"));
        self.compare(image, kind, expected, found);
    }

    fn none(&mut self, image: &Path, kind: PackageKind) {
        let found = self.found(image, kind, |package| vec![package.fact.name.clone()]);
        self.compare(image, kind, BTreeSet::new(), found);
    }

    /// A jest snapshot of snyk-docker-plugin: `"id": "source/name@version"`.
    fn snapshot(&mut self, image: &Path, snapshot: &str) {
        let manager = snapshot.split("\"pkgManager\": Object {").nth(1).unwrap();
        let manager = manager.split('"').nth(3).unwrap().to_owned();
        let ids = snapshot.lines().filter_map(|line| {
            let id = line
                .trim()
                .strip_prefix("\"id\": \"")?
                .strip_suffix("\",")?;
            let (name, version) = id.rsplit_once('@')?;
            let name = name.rsplit('/').next()?;
            (!version.is_empty()).then(|| vec![name.to_owned(), version.to_owned()])
        });
        let ids: BTreeSet<Row> = ids.collect();
        for kind in KINDS {
            let word = match kind {
                PackageKind::Apk => "apk",
                PackageKind::Deb => "deb",
                PackageKind::Npm => "npm",
                _ => "pip",
            };
            let expected = if word == manager {
                ids.clone()
            } else {
                BTreeSet::new()
            };
            let found = self.found(image, kind, |package| {
                vec![package.fact.name.clone(), package.fact.version.clone()]
            });
            self.compare(image, kind, expected, found);
        }
    }

    /// What Syft found. Where it lists one package several times, once.
    fn oracle(&mut self, image: &Path, kind: PackageKind, list: &Path) {
        let text = fs::read_to_string(list).unwrap();
        let word = match kind {
            PackageKind::Apk => "apk",
            PackageKind::Deb => "deb",
            PackageKind::Npm => "npm",
            _ => "python",
        };
        let name_of = |name: &str| match kind {
            PackageKind::Pypi => normalise_python(name),
            _ => name.to_owned(),
        };
        let expected = text.lines().filter_map(|line| {
            let mut cells = line.split('\t');
            (cells.next()? == word).then_some(())?;
            Some(vec![name_of(cells.next()?), cells.next()?.to_owned()])
        });
        let expected = expected.collect();
        let found = self.found(image, kind, |package| {
            vec![name_of(&package.fact.name), package.fact.version.clone()]
        });
        self.compare(image, kind, expected, found);
    }

    /// Which distribution Syft says that it is.
    fn distribution(&mut self, image: &Path, answer: &Path) {
        let Ok(text) = fs::read_to_string(answer) else {
            return;
        };
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let (_, inventories) = self.read.as_ref().unwrap();
        let found = inventories
            .first()
            .and_then(|inventory| inventory.distribution.as_ref());
        let found = found.map(|found| (found.fact.id.as_str(), found.fact.version_id.as_deref()));
        // Syft looks into the binary of BusyBox where nothing else names a distribution.
        let id = json["id"].as_str().filter(|id| *id != "busybox");
        let expected = id.map(|id| (id, json["versionID"].as_str()));
        self.rows += 1;
        if found != expected {
            let name = image.display();
            let _ = writeln!(self.differences, "{name} is {found:?}, not {expected:?}");
        }
    }

    fn found(
        &mut self,
        image: &Path,
        kind: PackageKind,
        row: impl Fn(&lamina_inventory::merge::Package) -> Row,
    ) -> BTreeSet<Row> {
        if self.read.as_ref().is_none_or(|(path, _)| path != image) {
            let inventories = inventories(image).unwrap_or_else(|error| {
                // The list says what there is to find in it.
                println!("{}: {error}", image.display());
                Vec::new()
            });
            for inventory in &inventories {
                if !inventory.warnings.is_empty() {
                    println!("{}: {:?}", image.display(), inventory.warnings);
                }
            }
            self.read = Some((image.to_owned(), inventories));
        }
        let (_, inventories) = self.read.as_ref().unwrap();
        let packages = inventories.iter().flat_map(|inventory| &inventory.packages);
        packages
            .filter(|package| package.fact.kind == kind)
            // None of the lists has lock files.
            .filter(|package| package.fact.basis != Basis::Declared)
            .map(row)
            .collect()
    }

    fn compare(
        &mut self,
        image: &Path,
        kind: PackageKind,
        expected: BTreeSet<Row>,
        found: BTreeSet<Row>,
    ) {
        self.rows += 1;
        let missing: Vec<&Row> = expected.difference(&found).collect();
        let extra: Vec<&Row> = found.difference(&expected).collect();
        if expected.is_empty() && found.is_empty() {
            self.nothing += 1;
            return;
        }
        let name = image.file_name().unwrap().to_string_lossy();
        let _ = writeln!(
            self.text,
            "{name:45} {kind:?}\texpected {:4}  found {:4}  missing {:3}  extra {:3}",
            expected.len(),
            found.len(),
            missing.len(),
            extra.len()
        );
        if !missing.is_empty() || !extra.is_empty() {
            let _ = writeln!(
                self.differences,
                "{} {kind:?}\n  missing {missing:?}\n  extra {extra:?}",
                image.display()
            );
        }
    }
}

/// The archives of snyk-docker-plugin that have a snapshot, and it.
fn snyk(fixtures: &Path) -> Vec<(PathBuf, String)> {
    const PAIRS: &[(&str, &str, &str)] = &[
        (
            "docker-archives/docker-save/nginx.tar",
            "docker-archive",
            "docker-image|nginx.tar@",
        ),
        (
            "docker-archives/skopeo-copy/nginx-compressed-layers.tar",
            "compressed-archive",
            "docker-image|nginx-compressed-layers.tar@",
        ),
        (
            "kaniko-archives/kaniko-busybox.tar",
            "kaniko-archive",
            "docker-image|kaniko-busybox.tar@",
        ),
        (
            "oci-archives/busybox-1.31.1.tar",
            "oci-archive",
            "docker-image|busybox-1.31.1.tar@",
        ),
        (
            "oci-archives/alpine-3.12.0.tar",
            "oci-archive",
            "docker-image|alpine-3.12.0.tar@",
        ),
    ];
    let snapshots = fixtures.join("expected/snyk-docker-plugin/system/image-type/__snapshots__");
    PAIRS
        .iter()
        .map(|(image, file, id)| {
            let text = fs::read_to_string(snapshots.join(format!("{file}.spec.ts.snap"))).unwrap();
            let all = text.split("\nexports[").skip(1);
            let mut of = all.filter(|snapshot| snapshot.contains(&format!("\"{id}\"")));
            let snapshot = of.next().unwrap().to_owned();
            (fixtures.join("images/real/snyk").join(image), snapshot)
        })
        .collect()
}

/// The images that Syft was run on, and the folder of its answers.
fn oracles(fixtures: &Path) -> Vec<(PathBuf, PathBuf)> {
    let mut pairs = Vec::new();
    for folder in fs::read_dir(fixtures.join("expected/oracle")).unwrap() {
        let folder = folder.unwrap().path();
        let id = folder.file_name().unwrap().to_string_lossy().into_owned();
        // Syft counts the files below `var/lib/dpkg/info` as well: the truth is compared above.
        if id == "built.debian-slim.oci" {
            continue;
        }
        let (group, name) = id.split_once('.').unwrap();
        let root = match group {
            "built" => "images/built".to_owned(),
            "ggcr" | "container-inspector" => {
                let (sub, _) = name.split_once('.').unwrap();
                format!("images/real/{group}/{sub}")
            }
            group => format!("images/real/{group}"),
        };
        let name = match group {
            "ggcr" | "container-inspector" => name.split_once('.').unwrap().1,
            _ => name,
        };
        let found = [".tar", ".tar.gz", ".tgz"]
            .iter()
            .map(|extension| fixtures.join(&root).join(format!("{name}{extension}")));
        let has_answer = folder.join("syft.tsv").is_file();
        if let Some(image) = found
            .into_iter()
            .find(|image| image.is_file() && has_answer)
        {
            pairs.push((image, folder));
        }
    }
    pairs.sort();
    pairs
}
