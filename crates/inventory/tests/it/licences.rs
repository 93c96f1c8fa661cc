//! Licences that real packages state, and licence files that lie about.

use std::collections::BTreeMap;

use lamina_image::tree::MergedTree;
use lamina_inventory::{
    licences::{Category, files::licence_files, normalise, texts::recognise},
    limits::MAX_LICENCE_FILES,
    merge::merge,
};
use lamina_testkit::{layer, shared};

use crate::support::{inventories, inventory, package};

#[derive(Default)]
struct Count {
    stated: usize,
    known: usize,
    unknown: BTreeMap<String, usize>,
}

impl Count {
    fn add(&mut self, stated: &str) {
        self.stated += 1;
        let found = normalise(stated);
        if found.expression.is_some() {
            self.known += 1;
            assert_ne!(found.category, Category::Unknown, "{found:?}");
        } else {
            *self.unknown.entry(stated.to_owned()).or_default() += 1;
        }
    }

    /// At least that share of them are SPDX expressions.
    fn check(&self, name: &str, at_least: f64) {
        let share = self.known as f64 / self.stated as f64;
        println!(
            "{name}: {} of {} ({:.1} %); not: {:#?}",
            self.known,
            self.stated,
            share * 100.0,
            self.unknown
        );
        assert!(share >= at_least, "{name}");
    }
}

#[test]
fn stated_licences_of_images_become_spdx_expressions() {
    let Some(fixtures) = shared("fixtures/images/built") else {
        return;
    };
    for (name, at_least) in [
        ("alpine-poly.oci.tar", 0.98),
        ("debian-slim.zstd.oci.tar", 0.9),
    ] {
        let mut count = Count::default();
        for package in &inventories(&fixtures.join(name)).unwrap()[0].packages {
            if let Some(stated) = &package.fact.licence {
                count.add(stated);
            }
        }
        count.check(name, at_least);
    }
}

#[test]
fn stated_licences_of_rpm_databases_become_spdx_expressions() {
    let Some(folder) = shared("fixtures/expected/rpmdb") else {
        return;
    };
    let mut count = Count::default();
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for line in text.lines() {
            if let Some(licence) = line
                .split('\t')
                .nth(7)
                .filter(|licence| *licence != "(none)")
            {
                count.add(licence);
            }
        }
    }
    count.check("rpm", 0.95);
}

/// Whole texts, as projects have them.
#[test]
fn texts_of_licences_are_told_apart() {
    let Some(folder) = shared("fixtures/images/real/container-inspector/distro") else {
        return;
    };
    for (file, expect) in [
        ("apache-2.0.LICENSE", "Apache-2.0"),
        ("cc0-1.0.LICENSE", "CC0-1.0"),
        ("mit.LICENSE", "MIT"),
    ] {
        let text = std::fs::read(folder.join(file)).unwrap();
        assert_eq!(recognise(&text), [expect], "{file}");
    }
}

#[test]
fn a_package_that_states_no_licence_has_that_of_its_file() {
    let unlicense = "This is free and unencumbered software released into the public domain.";
    let inventory = inventory([
        layer()
            .file(
                "app/node_modules/a/package.json",
                r#"{"name":"a","version":"1"}"#,
            )
            .file(
                "app/node_modules/a/LICENSE",
                "Apache License\nVersion 2.0, January 2004",
            )
            .file(
                "app/node_modules/b/package.json",
                r#"{"name":"b","version":"1","license":"MIT"}"#,
            )
            .file("app/node_modules/b/LICENSE", unlicense)
            .file(
                "s/site-packages/c-1.dist-info/METADATA",
                "Name: c\nVersion: 1\n\n",
            )
            .file("s/site-packages/c-1.dist-info/licenses/LICENSE", unlicense),
        layer().file("app/node_modules/a/LICENSE", unlicense),
    ]);
    let licence = |name: &str| package(&inventory.packages, name).fact.licence.clone();
    assert_eq!(
        licence("a").as_deref(),
        Some("Unlicense"),
        "that of the newest copy"
    );
    assert_eq!(
        licence("b").as_deref(),
        Some("MIT"),
        "what the package says itself"
    );
    assert_eq!(licence("c").as_deref(), Some("Unlicense"));
}

#[test]
fn the_texts_of_licences_are_found_where_packages_have_them() {
    const STATUS: &str = "Package: gcc-12-base\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12.2.0-14\n\nPackage: libgcc-s1\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12.2.0-14\n\nPackage: bare\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n";
    const METADATA: &str = "Metadata-Version: 2.1\nName: Django\nVersion: 3.2.1\n";
    let site = "usr/lib/python3/dist-packages";
    let tar = layer()
        .file("var/lib/dpkg/status", STATUS)
        .file("usr/share/doc/gcc-12-base/copyright", "GPL")
        .symlink("usr/share/doc/libgcc-s1", "gcc-12-base")
        .file(&format!("{site}/Django-3.2.1.dist-info/METADATA"), METADATA)
        .file(&format!("{site}/Django-3.2.1.dist-info/LICENSE"), "BSD")
        .file(
            &format!("{site}/Django-3.2.1.dist-info/licenses/AUTHORS"),
            "all",
        )
        .file(&format!("{site}/LICENSE"), "of nobody in particular")
        .file(
            "srv/node_modules/accepts/package.json",
            r#"{"name":"accepts","version":"1.3.8"}"#,
        )
        .file("srv/node_modules/accepts/LICENSE.md", "MIT")
        .file("srv/node_modules/accepts/license.js", "code")
        .tar();
    let analysis = crate::support::scan(&tar);
    let tree = MergedTree::merge(&[&analysis.tree]);
    let inventory = merge(&[&analysis], &tree);
    let check = |name: &str, expect: &[&str]| {
        let found = licence_files(&tree, &package(&inventory.packages, name).fact);
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, expect, "{name}");
    };
    check("gcc-12-base", &["usr/share/doc/gcc-12-base/copyright"]);
    check("libgcc-s1", &["usr/share/doc/libgcc-s1/copyright"]);
    check("bare", &[]);
    check(
        "Django",
        &[
            "usr/lib/python3/dist-packages/Django-3.2.1.dist-info/LICENSE",
            "usr/lib/python3/dist-packages/Django-3.2.1.dist-info/licenses/AUTHORS",
        ],
    );
    check("accepts", &["srv/node_modules/accepts/LICENSE.md"]);
}

#[test]
fn licence_files_of_one_package_are_limited() {
    let mut builder = layer().file(
        "srv/node_modules/accepts/package.json",
        r#"{"name":"accepts","version":"1.3.8"}"#,
    );
    for number in 0..MAX_LICENCE_FILES * 2 {
        builder = builder.file(
            &format!("srv/node_modules/accepts/LICENSE.{number:03}"),
            "MIT",
        );
    }
    let analysis = crate::support::scan(&builder.tar());
    let tree = MergedTree::merge(&[&analysis.tree]);
    let inventory = merge(&[&analysis], &tree);
    let found = licence_files(&tree, &package(&inventory.packages, "accepts").fact);
    assert_eq!(found.len(), MAX_LICENCE_FILES);
}
