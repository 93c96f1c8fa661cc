//! What compiled programs carry, against what others find in the same files.

use std::{collections::BTreeSet, fs};

use lamina_image::{
    layer::{Entry, EntryKind},
    path::LayerPath,
};
use lamina_inventory::{
    analyser::{ClaimedFile, FileWatch, HEAD_BYTES},
    facts::{Facts, PackageKind},
    kinds::{ANALYSERS, STREAM_ANALYSERS},
};
use lamina_testkit::shared;

use crate::support::inventories;

/// What all analysers note about a file.
fn facts(path: &str, bytes: &[u8]) -> Facts {
    let entry = Entry {
        path: LayerPath::from(path),
        kind: EntryKind::File,
        size: bytes.len() as u64,
        mode: 0o755,
        uid: 0,
        gid: 0,
        modified: 0,
    };
    let mut facts = Facts::default();
    for analyser in ANALYSERS {
        if analyser.claims(&entry.path, &entry) {
            let path = &entry.path;
            analyser.analyse(ClaimedFile { path, bytes }, &mut facts);
        }
    }
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    let mut watch = FileWatch::new(&entry, head, STREAM_ANALYSERS);
    for piece in bytes.chunks(64 << 10) {
        watch.feed(piece);
    }
    watch.finish(&entry.path, true, &mut facts);
    facts
}

fn told(facts: &Facts) -> BTreeSet<String> {
    let packages = facts.packages.iter();
    packages
        .map(|package| format!("{}@{}", package.name, package.version))
        .collect()
}

/// The test of Trivy's own parser states the same of these files, with `v` before the standard library's
/// version.
#[test]
fn programs_carry_what_trivy_finds_in_them() {
    let Some(fixtures) = shared("fixtures") else {
        return;
    };
    let check = |file: &str, expect: &[&str]| {
        let bytes = fs::read(fixtures.join("packages").join(file)).unwrap();
        let facts = facts("usr/bin/a", &bytes);
        let expect: BTreeSet<String> = expect.iter().map(|package| (*package).to_owned()).collect();
        assert_eq!(told(&facts), expect, "{file}");
        assert_eq!(facts.warnings, [], "{file}");
    };
    for format in ["elf", "exe", "macho"] {
        check(
            &format!("trivy-parsers/golang/binary/testdata/test.{format}"),
            &[
                "github.com/aquasecurity/test@",
                "stdlib@1.15.2",
                "github.com/aquasecurity/go-pep440-version@v0.0.0-20210121094942-22b2f8951d46",
                "github.com/aquasecurity/go-version@v0.0.0-20210121072130-637058cfe492",
                "golang.org/x/xerrors@v0.0.0-20200804184101-5ec99f83aff1",
            ],
        );
        check(
            &format!("trivy-parsers/rust/binary/testdata/test.{format}"),
            &["crate_with_features@0.1.0", "library_crate@0.1.0"],
        );
    }
    let go = "trivy-parsers/golang/binary/testdata";
    check(&format!("{go}/dummy"), &[]);
    check(&format!("{go}/goexperiment"), &["stdlib@1.22.1"]);
    check(
        &format!("{go}/main-version-via-ldflags.elf"),
        &["github.com/aquasecurity/test@v1.0.0", "stdlib@1.22.1"],
    );
    check(
        &format!("{go}/semver-main-module-version.macho"),
        &["go.etcd.io/bbolt@v1.3.5", "stdlib@1.20.6"],
    );
    check(
        "syft-integration/testdata/image-go-bin-arch-coverage/test",
        &[
            "github.com/anchore/test@",
            "golang.org/x/net@v0.0.0-20211006190231-62292e806868",
            "golang.org/x/sys@v0.0.0-20211006194710-c8a6f5223071",
            "golang.org/x/term@v0.0.0-20210916214954-140adaaadfaf",
            "stdlib@1.17",
        ],
    );
}

/// Syft's and Trivy's own lists of the images: every Go module, crate and classified program of theirs is
/// found, and nothing else. Where they write a version differently it is made the same first: Syft has
/// `go1.15.2` for the standard library and `(devel)` where a module states no version.
#[test]
fn images_carry_what_syft_finds_in_them() {
    let Some(fixtures) = shared("fixtures") else {
        return;
    };
    let (mut found_rows, mut expected_rows) = (0, 0);
    for image in ["alpine-poly.oci", "alpine-poly.zstd.oci", "many-layers.oci"] {
        let list = fixtures.join(format!("expected/oracle/built.{image}/syft.tsv"));
        let expected: BTreeSet<String> = fs::read_to_string(list)
            .unwrap()
            .lines()
            .filter_map(|line| {
                let row: Vec<&str> = line.split('\t').collect();
                let wanted = ["go-module", "rust-crate", "binary"].contains(&row[0]);
                let version = match row[2] {
                    "(devel)" => "",
                    version => version.strip_prefix("go").unwrap_or(version),
                };
                wanted.then(|| format!("{}@{version} {}", row[1], row[4].trim_start_matches('/')))
            })
            .collect();
        let archive = fixtures.join(format!("images/built/{image}.tar"));
        let inventories = inventories(&archive).unwrap();
        let packages = inventories.iter().flat_map(|inventory| &inventory.packages);
        let found: BTreeSet<String> = packages
            .map(|package| &package.fact)
            .filter(|fact| {
                let kinds = [
                    PackageKind::Golang,
                    PackageKind::Cargo,
                    PackageKind::Generic,
                ];
                kinds.contains(&fact.kind)
            })
            .map(|fact| format!("{}@{} {}", fact.name, fact.version, fact.file))
            .collect();
        println!(
            "{image}: {} found, {} expected",
            found.len(),
            expected.len()
        );
        let missing: Vec<&String> = expected.difference(&found).collect();
        assert!(missing.is_empty(), "{image} lacks {missing:?}");
        found_rows += found.len();
        expected_rows += expected.len();
        // Owned by an OS package: Syft leaves these out after it has found them.
        let owned = [
            "busybox@1.33.1 bin/busybox",
            "openssl@1.1.1t lib/libcrypto.so.1.1",
        ];
        let mut more = found.difference(&expected);
        let more = more.find(|row| !owned.contains(&row.as_str()));
        assert_eq!(more, None, "{image}");
    }
    assert!(expected_rows >= 10, "{expected_rows} rows");
    assert!(found_rows >= expected_rows);
}

/// All that Trivy finds in an image's `deps.json`, and nothing else.
#[test]
fn images_have_the_libraries_that_trivy_finds() {
    let Some(fixtures) = shared("fixtures") else {
        return;
    };
    let image = "syft-pkg-coverage.oci";
    let list = fixtures.join(format!("expected/oracle/built.{image}/trivy.tsv"));
    let list = fs::read_to_string(list).unwrap();
    let rows = list
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>());
    let rows = rows.filter(|row| row[0] == "dotnet-core");
    let expected: BTreeSet<String> = rows.map(|row| format!("{}@{}", row[1], row[2])).collect();
    let inventories = inventories(&fixtures.join(format!("images/built/{image}.tar"))).unwrap();
    let packages = inventories.iter().flat_map(|inventory| &inventory.packages);
    let facts = packages.map(|package| &package.fact);
    let found: BTreeSet<String> = facts
        .filter(|fact| fact.kind == PackageKind::Nuget)
        .map(|fact| format!("{}@{}", fact.name, fact.version))
        .collect();
    assert!(expected.len() >= 12, "{expected:?}");
    assert_eq!(found, expected);
}

/// The same as the test of Trivy's own parser has of these files.
#[test]
fn applications_of_dotnet_name_their_libraries() {
    let Some(fixtures) = shared("fixtures") else {
        return;
    };
    let folder = fixtures.join("packages/trivy-parsers/dotnet/core_deps/testdata");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let mut text = String::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let facts = facts(&format!("app/{name}"), &fs::read(&file).unwrap());
        let packages: Vec<String> = told(&facts).into_iter().collect();
        text += &format!(
            "{name}: {} ({} warnings)\n",
            packages.join(" "),
            facts.warnings.len()
        );
    }
    insta::assert_snapshot!(text, @r"
    ambiguous-root.deps.json: Newtonsoft.Json@13.0.3 Web@1.0.0 Worker@1.0.0 (0 warnings)
    happy.deps.json: ExampleApp1@1.0.0 Newtonsoft.Json@13.0.1 (0 warnings)
    invalid.deps.json:  (1 warnings)
    missing-target.deps.json: ExampleApp1@1.0.0 Newtonsoft.Json@13.0.1 (0 warnings)
    multi-project.deps.json: Api@1.0.0 Data@1.0.0 Newtonsoft.Json@13.0.3 Web@1.0.0 (0 warnings)
    no-libraries.deps.json:  (0 warnings)
    self-contained.deps.json: ExampleApp1@1.0.0 Microsoft.AspNetCore.App.Runtime.linux-x64@8.0.0 Microsoft.NETCore.App.Runtime.linux-x64@8.0.0 Newtonsoft.Json@13.0.1 (0 warnings)
    without-runtime.deps.json: JsonDiffPatch@2.0.61 Libuv@1.9.1 System.Collections.Immutable@1.3.0 hello2@1.0.0 (0 warnings)
    ");
}
