//! Package managers' own lists and SBOMs: what is in an image is what they say, once.

use std::{collections::BTreeSet, fs};

use lamina_inventory::{
    facts::{Basis, PackageKind},
    merge::Inventory,
};
use lamina_testkit::{LayerBuilder, layer, shared};

use crate::{
    images::snyk,
    support::{inventories, inventory, package},
};

/// Kind, name and version of each package of these kinds.
fn rows(inventory: &Inventory, kinds: &[PackageKind]) -> BTreeSet<[String; 3]> {
    let packages = inventory.packages.iter().map(|package| &package.fact);
    packages
        .filter(|fact| kinds.contains(&fact.kind))
        .map(|fact| {
            [
                fact.kind.word().to_owned(),
                fact.name.clone(),
                fact.version.clone(),
            ]
        })
        .collect()
}

/// Syft's image of twenty kinds of package: of those here, exactly what Syft lists, the Nix store
/// path's output aside, which it has in the package URL alone.
#[test]
fn syfts_own_image_gives_what_syft_finds() {
    let Some(fixtures) = shared("fixtures") else {
        return;
    };
    let kinds = [
        ("alpm", PackageKind::Alpm),
        ("portage", PackageKind::Ebuild),
        ("nix", PackageKind::Nix),
        ("deb", PackageKind::Deb),
        ("apk", PackageKind::Apk),
    ];
    let oracle = fixtures.join("expected/oracle/built.syft-pkg-coverage.oci/syft.tsv");
    let oracle = fs::read_to_string(oracle).unwrap();
    let expected: BTreeSet<[String; 3]> = oracle
        .lines()
        .filter_map(|line| {
            let mut cells = line.split('\t');
            let word = cells.next()?;
            let (_, kind) = kinds.iter().find(|(syft, _)| *syft == word)?;
            let (name, version) = (cells.next()?.to_owned(), cells.next()?.to_owned());
            Some([kind.word().to_owned(), name, version])
        })
        .collect();
    assert_eq!(expected.len(), 8);
    let image = fixtures.join("images/built/syft-pkg-coverage.oci.tar");
    let inventories = inventories(&image).unwrap();
    let [inventory] = inventories.as_slice() else {
        panic!("{} images", inventories.len())
    };
    assert_eq!(rows(inventory, &kinds.map(|(_, kind)| kind)), expected);

    let pacman = package(&inventory.packages, "pacman");
    assert_eq!(pacman.fact.licence.as_deref(), Some("GPL"));
    assert_eq!(pacman.fact.source.as_ref().unwrap().name, "pacman");
    assert!(pacman.owned_files.is_some());
    let skopeo = package(&inventory.packages, "app-containers/skopeo");
    let licence = "Apache-2.0 BSD BSD-2 CC-BY-SA-4.0 ISC MIT";
    assert_eq!(skopeo.fact.licence.as_deref(), Some(licence));
    assert!(skopeo.owned_files.is_some());
    let glibc = package(&inventory.packages, "glibc");
    let purl = "pkg:nix/glibc@2.34-210?output=bin&outputhash=h0cnbmfcn93xm5dg2x27ixhag1cwndga";
    assert_eq!(glibc.purl, purl);
}

/// Syft's images with an SBOM each, which it reads when asked to.
#[test]
fn sboms_of_syfts_tests_give_what_their_packages_are() {
    let Some(folder) = shared("fixtures/packages/syft-integration/testdata") else {
        return;
    };
    let check = |path: &str, expect: &[&str]| {
        let text = fs::read(folder.join(path)).unwrap();
        let inventory = inventory([layer().file(path, text)]);
        assert_eq!(inventory.warnings, []);
        let packages = inventory.packages.iter();
        let purls: Vec<&str> = packages.map(|package| package.purl.as_str()).collect();
        assert_eq!(purls, expect, "{path}");
    };
    check(
        "image-sbom-cataloger/test.spdx.json",
        &["pkg:golang/github.com/bmatcuk/doublestar@v1.3.1"],
    );
    check(
        "image-sbom-metadata-component/test.cdx.json",
        &[
            "pkg:maven/org.example/first-subcomponent@2.3.4",
            "pkg:maven/org.example/main-component@1.2.3",
        ],
    );
}

/// The distribution and its release of the archives for which snyk-docker-plugin names them.
#[test]
fn images_are_of_the_distributions_that_snyk_names() {
    let Some(fixtures) = shared("fixtures") else {
        return;
    };
    let mut count = 0;
    for (image, snapshot) in snyk(&fixtures) {
        let alias = snapshot.split("\"alias\": \"").nth(1);
        let Some(alias) = alias.and_then(|rest| rest.split('"').next()) else {
            continue;
        };
        // It takes the version of an image without a distribution for that.
        let (id, version) = alias.split_once(':').unwrap();
        if id == "linux" || version == "0.0" {
            continue;
        }
        count += 1;
        let inventories = inventories(&image).unwrap();
        let distribution = inventories[0].distribution.as_ref();
        let fact = &distribution
            .unwrap_or_else(|| panic!("{} has none", image.display()))
            .fact;
        let found = (fact.id.as_str(), fact.version_id.as_deref());
        assert_eq!(found, (id, Some(version)), "{}", image.display());
    }
    assert!(count >= 3, "{count} images");
}

const APK: &str = "P:musl\nV:1.2.4-r2\nA:x86_64\no:musl\n\nP:zlib\nV:1.3-r2\nA:x86_64\no:zlib\n";

fn names(inventory: &Inventory) -> Vec<String> {
    let packages = inventory.packages.iter();
    packages
        .map(|package| format!("{} {}", package.fact.name, package.fact.file))
        .collect()
}

#[test]
fn an_apk_database_behind_a_link_counts_once() {
    let usr = || layer().file("usr/lib/apk/db/installed", APK);
    for layers in [
        vec![usr().symlink("lib", "usr/lib")],
        vec![layer().symlink("lib", "usr/lib"), usr()],
        vec![
            layer().symlink("lib", "usr/lib"),
            layer().file("lib/apk/db/installed", APK),
        ],
        vec![usr().symlink("lib/apk/db/installed", "../../../usr/lib/apk/db/installed")],
    ] {
        let inventory = inventory(layers);
        let packages = inventory.packages.iter();
        let found: Vec<&str> = packages.map(|package| package.fact.name.as_str()).collect();
        assert_eq!(found, ["musl", "zlib"], "{:#?}", inventory.packages);
        assert_eq!(inventory.warnings, []);
    }
    // Both layouts state the same packages, as on the way from one layout to the other.
    let inventory = inventory([layer()
        .file("lib/apk/db/installed", APK)
        .file("usr/lib/apk/db/installed", APK)]);
    let expect = ["musl lib/apk/db/installed", "zlib lib/apk/db/installed"];
    assert_eq!(names(&inventory), expect);
}

#[test]
fn distroless_packages_own_the_files_of_their_md5sums() {
    let digest = "0123456789abcdef0123456789abcdef";
    let inventory = inventory([layer()
        .file("usr/bin/a", "12345")
        .file(
            "var/lib/dpkg/status.d/base",
            "Package: base-files\nVersion: 12\n",
        )
        .file(
            "var/lib/dpkg/status.d/base.md5sums",
            format!("{digest}  usr/bin/a\n"),
        )
        .file(
            "var/lib/dpkg/status.d/base.preinst",
            "#!/bin/sh\nPackage: no\nVersion: 1\n",
        )]);
    assert_eq!(inventory.warnings, []);
    assert_eq!(names(&inventory), ["base-files var/lib/dpkg/status.d/base"]);
    let base = &inventory.packages[0];
    assert_eq!((base.owned_files, base.owned_bytes), (Some(1), Some(5)));
}

#[test]
fn an_opkg_package_is_stated_twice_and_counts_once() {
    let inventory = inventory([layer()
        .file("usr/bin/a", "12345")
        .file(
            "usr/lib/opkg/status",
            "Package: a\nVersion: 1-1\nStatus: install user installed\nArchitecture: all\n",
        )
        .file(
            "usr/lib/opkg/info/a.control",
            "Package: a\nVersion: 1-1\nSource: feeds/base/a\nLicense: MIT\nArchitecture: all\n",
        )
        .file("usr/lib/opkg/info/a.list", "/usr/bin/a\n")]);
    assert_eq!(names(&inventory), ["a usr/lib/opkg/info/a.control"]);
    let a = &inventory.packages[0];
    assert_eq!(a.fact.licence.as_deref(), Some("MIT"));
    assert_eq!((a.owned_files, a.owned_bytes), (Some(1), Some(5)));
    assert_eq!(a.purl, "pkg:opkg/a@1-1?arch=all");
}

#[test]
fn pacman_upgrades_are_seen_across_folders() {
    let desc = |version: &str| format!("%NAME%\na\n\n%VERSION%\n{version}\n\n%ARCH%\nany\n");
    let local = |version: &str| format!("var/lib/pacman/local/a-{version}/desc");
    let inventory = inventory([
        layer().file(&local("1-1"), desc("1-1")),
        layer()
            .whiteout("var/lib/pacman/local/a-1-1")
            .file(&local("1-2"), desc("1-2")),
    ]);
    assert_eq!(inventory.removed, []);
    let a = package(&inventory.packages, "a");
    assert_eq!(a.fact.version, "1-2");
    assert_eq!(a.earlier[0].version, "1-1");
}

fn store(hash: char, name: &str) -> String {
    format!("nix/store/{}-{name}", hash.to_string().repeat(32))
}

#[test]
fn a_nix_store_path_is_one_package_in_whatever_order_its_files_come() {
    let (one, two) = (store('a', "hello-2.12"), store('b', "hello-2.12"));
    let inventory = inventory([
        layer()
            .file(&format!("{one}/bin/hello"), "a")
            .file(&format!("{two}/bin/hello"), "a")
            .file(&format!("{one}/share/man/hello.1"), "a"),
        layer().whiteout(&two),
    ]);
    let [hello] = inventory.packages.as_slice() else {
        panic!("{:#?}", inventory.packages)
    };
    assert_eq!(hello.fact.folder.as_ref().unwrap().to_string(), one);
    let [removed] = inventory.removed.as_slice() else {
        panic!("{:#?}", inventory.removed)
    };
    assert_eq!((removed.introduced_in, removed.removed_in), (0, Some(1)));
}

fn spdx(purls: &[&str]) -> String {
    let package = |purl: &&str| {
        format!(
            r#"{{"name": "a", "externalRefs": [{{"referenceType": "purl",
                 "referenceLocator": "{purl}"}}]}}"#
        )
    };
    let packages: Vec<String> = purls.iter().map(package).collect();
    format!(
        r#"{{"spdxVersion": "SPDX-2.3", "packages": [{}]}}"#,
        packages.join(",")
    )
}

#[test]
fn a_package_managers_list_is_not_added_to_by_sboms() {
    // Wolfi has an SBOM of each package, which names the one it was made with as well.
    let sbom = spdx(&[
        "pkg:apk/wolfi/zlib@1.3-r2?arch=x86_64",
        "pkg:apk/wolfi/zlib-dev@1.3-r2?arch=x86_64",
        "pkg:github/madler/zlib@v1.3",
    ]);
    let with_sbom = || layer().file("var/lib/db/sbom/zlib-1.3-r2.spdx.json", &sbom);
    let check = |layers: Vec<LayerBuilder>, expect: &[(&str, Basis)]| {
        let inventory = inventory(layers);
        let packages = inventory.packages.iter().map(|package| &package.fact);
        let found: Vec<_> = packages
            .map(|fact| (fact.name.as_str(), fact.basis))
            .collect();
        assert_eq!(found, expect);
        assert_eq!(inventory.removed, []);
    };
    check(
        vec![with_sbom().file("usr/lib/apk/db/installed", APK)],
        &[
            ("musl", Basis::Installed),
            ("zlib", Basis::Installed),
            ("madler/zlib", Basis::Stated),
        ],
    );
    // Where there is no database, the SBOM is all there is.
    check(
        vec![with_sbom()],
        &[
            ("zlib", Basis::Stated),
            ("zlib-dev", Basis::Stated),
            ("madler/zlib", Basis::Stated),
        ],
    );
}

#[test]
fn a_bitnami_component_is_stated_twice_and_counts_once() {
    let component = r#"{"redis": {"arch": "arm64", "version": "7.4.0-0"}}"#;
    let purl = "pkg:bitnami/redis@7.4.0-0?arch=arm64&distro=debian-12";
    let inventory = inventory([layer()
        .file("a/image.spdx.json", spdx(&[purl]))
        .file("opt/bitnami/.bitnami_components.json", component)
        .file(
            "opt/bitnami/redis/.spdx-redis.spdx",
            spdx(&[purl, "pkg:npm/a@1"]),
        )]);
    let redis = package(&inventory.packages, "redis");
    assert_eq!(redis.fact.basis, Basis::Installed);
    assert_eq!(
        redis.fact.folder.as_ref().unwrap().to_string(),
        "opt/bitnami/redis"
    );
    assert_eq!(inventory.packages.len(), 2);
}

#[test]
fn alpine_edge_is_told_by_its_repositories() {
    let release = |id: &str| format!("ID={id}\nVERSION_ID=3.23_alpha20250612\n");
    let check = |id: &str, repositories: &str, expect: &str| {
        let inventory = inventory([
            layer().file("etc/os-release", release(id)),
            layer().file("etc/apk/repositories", repositories),
        ]);
        let fact = inventory.distribution.unwrap().fact;
        assert_eq!(fact.version_id.as_deref(), Some(expect));
    };
    check("alpine", "https://a/alpine/edge/main\n", "edge");
    check(
        "alpine",
        "https://a/alpine/v3.23/main\n",
        "3.23_alpha20250612",
    );
    check(
        "postmarketos",
        "https://a/alpine/edge/main\n",
        "3.23_alpha20250612",
    );
}
