//! Whose the files of real images are, what dive says of them, and how long it takes.

use std::time::Instant;

use lamina_image::tree::MergedTree;
use lamina_inventory::{
    accounts::{OwnerClass, efficiency::efficiency},
    analysis::LayerAnalysis,
    facts::{Basis, PackageKind},
    merge::{Inventory, merge},
};
use lamina_testkit::{layer, shared};

use crate::support::{images, inventories, inventory, scan};

/// dive's own export of this image.
#[test]
fn the_score_is_dives() {
    let Some(archive) = shared("fixtures/images/real/dive/test-docker-image.tar") else {
        return;
    };
    let snapshot = shared("fixtures/expected/dive/export/snapshots/export_test.snap").unwrap();
    let snapshot = std::fs::read_to_string(snapshot).unwrap();
    let json = &snapshot[snapshot.find('{').unwrap()..snapshot.rfind("---").unwrap()];
    let export: serde_json::Value = serde_json::from_str(json).unwrap();
    let layers = images(&archive).unwrap().remove(0);
    assert_eq!(layers.len(), 14);
    let found = efficiency(&layers.iter().map(|layer| &layer.tree).collect::<Vec<_>>());
    let image = &export["image"];
    // Read by hand: `serde_json` may be off in the last digit.
    let (_, score) = json.split_once("\"efficiencyScore\": ").unwrap();
    let score: f64 = score.split(',').next().unwrap().parse().unwrap();
    assert_eq!(found.score, score);
    assert_eq!(
        found.inefficient_bytes,
        image["inefficientBytes"].as_u64().unwrap()
    );
    let sort = |mut rows: Vec<(u64, u64, String)>| {
        rows.sort();
        rows
    };
    let expected = image["fileReference"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["sizeBytes"].as_u64().unwrap(),
                row["count"].as_u64().unwrap(),
                row["file"].as_str().unwrap().to_owned(),
            )
        });
    let paths = found.paths.iter();
    let paths = paths.map(|row| (row.bytes, row.copies, format!("/{}", row.path)));
    assert_eq!(sort(paths.collect()), sort(expected.collect()));
}

fn check(inventory: &Inventory, name: &str) -> String {
    let share = |class| inventory.owners.share(class);
    let shares = OwnerClass::ALL.map(|class| {
        let share = share(class);
        format!("{class:?} {} files {} bytes", share.files, share.bytes)
    });
    format!("{name}: {}", shares.join(", "))
}

#[test]
fn every_file_of_real_images_is_accounted_for() {
    let Some(fixtures) = shared("fixtures/images") else {
        return;
    };
    let mut lines = Vec::new();
    // Bytes of files of which other names are left than the one that the archive has them under.
    for (name, under_other_names) in [
        ("built/debian-slim.zstd.oci.tar", 4),
        ("built/alpine-poly.oci.tar", 0),
        ("real/trivy/alpine-310.tar.gz", 0),
    ] {
        let layers = images(&fixtures.join(name)).unwrap().remove(0);
        let layers: Vec<&LayerAnalysis> = layers.iter().collect();
        let trees: Vec<_> = layers.iter().map(|layer| &layer.tree).collect();
        let tree = MergedTree::merge(&trees);
        let inventory = merge(&layers, &tree);
        let bytes: u64 = OwnerClass::ALL
            .map(|class| inventory.owners.share(class).bytes)
            .iter()
            .sum();
        assert_eq!(bytes, tree.total_bytes() + under_other_names, "{name}");
        lines.push(check(&inventory, name));
        // Alpine's and Debian's files are nearly all their packages'.
        let os = inventory.owners.share(OwnerClass::Os);
        assert!(os.files > 40, "{name}: {os:?}");
    }
    println!("{}", lines.join("\n"));
}

#[test]
fn python_and_node_packages_own_their_folders() {
    let Some(archive) = shared("fixtures/images/built/alpine-poly.oci.tar") else {
        return;
    };
    let inventory = &inventories(&archive).unwrap()[0];
    for package in &inventory.packages {
        let is_installed = package.fact.basis == Basis::Installed;
        if is_installed && matches!(package.fact.kind, PackageKind::Pypi | PackageKind::Npm) {
            assert!(
                package.owned_files.is_some_and(|files| files > 0),
                "{package:?}"
            );
        }
    }
    assert!(inventory.owners.share(OwnerClass::Language).files > 100);
}

/// 100,000 files of 1,000 packages in 20 layers; a tenth of the files where nothing is optimised.
#[test]
fn a_hundred_thousand_files_take_little_time() {
    let per_package = if cfg!(debug_assertions) { 10 } else { 100 };
    let mut layers = Vec::new();
    for number in 0..20 {
        let mut status = String::new();
        let mut builder = layer().symlink("lib", "usr/lib");
        for package in 0..(number + 1) * 50 {
            status.push_str(&format!(
                "Package: p{package}\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n"
            ));
        }
        for package in number * 50..(number + 1) * 50 {
            let mut list = String::new();
            for file in 0..per_package {
                let path = format!(
                    "usr/lib/package-{package}/share/module-{}/file-{file}",
                    file / 10
                );
                // As dpkg has it where `/lib` is a link.
                let listed = if package % 2 == 0 {
                    path.strip_prefix("usr/").unwrap()
                } else {
                    &path
                };
                list.push_str(&format!("/{listed}\n"));
                builder = builder.file(&path, "0123456789");
            }
            builder = builder.file(&format!("var/lib/dpkg/info/p{package}.list"), list);
        }
        layers.push(scan(&builder.file("var/lib/dpkg/status", status).tar()));
    }
    let layers: Vec<&LayerAnalysis> = layers.iter().collect();
    let trees: Vec<_> = layers.iter().map(|layer| &layer.tree).collect();
    let tree = MergedTree::merge(&trees);
    // The quickest of several runs: others may use the machine too.
    let mut times = Vec::new();
    let mut last = None;
    for _ in 0..5 {
        let start = Instant::now();
        let inventory = merge(&layers, &tree);
        let merged = start.elapsed();
        let start = Instant::now();
        let found = efficiency(&trees);
        times.push((merged, start.elapsed()));
        last = Some((inventory, found));
    }
    let (inventory, found) = last.unwrap();
    println!(
        "{} nodes: merge {:?}, efficiency {:?}",
        tree.node_count(),
        times.iter().map(|(merged, _)| merged).min().unwrap(),
        times
            .iter()
            .map(|(_, efficiency)| efficiency)
            .min()
            .unwrap()
    );
    assert_eq!(
        inventory.owners.share(OwnerClass::Os).files,
        1000 * per_package
    );
    assert_eq!(inventory.owners.share(OwnerClass::Nobody).files, 1_001);
    assert!(found.score < 1.0);
}

#[test]
fn a_note_in_a_program_is_linked_to_the_package_that_owns_the_program() {
    let Some(archive) = shared("fixtures/images/built/debian-slim.zstd.oci.tar") else {
        return;
    };
    let inventory = &inventories(&archive).unwrap()[0];
    let notes: Vec<_> = inventory
        .packages
        .iter()
        .filter(|package| package.fact.kind.is_os() && package.fact.basis == Basis::Embedded)
        .collect();
    assert!(!notes.is_empty(), "libsystemd has one");
    for note in notes {
        let owner = note.owned_by.map(|owner| &inventory.packages[owner]);
        let owner = owner.unwrap_or_else(|| panic!("{note:?}"));
        assert_eq!(owner.fact.basis, Basis::Installed, "{note:?}");
    }
}

const ELF: &[u8] = b"\x7fELF\x02\x01\x01 and so on";
const SCRIPT: &str = "#!/bin/sh\nexit 0\n";

fn unnamed(inventory: &Inventory) -> Vec<String> {
    let paths = inventory.owners.unnamed_paths().iter();
    paths.map(ToString::to_string).collect()
}

#[test]
fn programs_that_nobody_owns_are_counted_and_listed() {
    let base = layer()
        .file(
            "lib/apk/db/installed",
            "P:tool\nV:1-r0\nA:x86_64\nF:usr/bin\nR:tool\nR:late\n\n",
        )
        .file("usr/bin/tool", ELF)
        .file("opt/windows.exe", b"MZ\x90 and so on")
        .file("opt/gone", ELF)
        .file("opt/rewritten", ELF)
        .file(
            "opt/mac",
            [&[0xcf, 0xfa, 0xed, 0xfe][..], b" and so on"].concat(),
        )
        // Fat files and Java classes begin with the same bytes.
        .file("opt/A.class", [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 61, 0])
        .file("opt/twice", ELF)
        .file("opt/twice", "text")
        .file("etc/notes", "text")
        .file("empty", "")
        .mode(0o755)
        .file("opt/run.sh", SCRIPT)
        .file("opt/data.sh", SCRIPT)
        .hard_link("opt/windows-again.exe", "opt/windows.exe")
        .symlink("opt/link", "run.sh");
    let own = layer()
        .whiteout("opt/gone")
        .file("opt/rewritten", "text")
        .file("usr/bin/late", SCRIPT)
        .file("srv/app", ELF);
    let inventory = inventory([base, own]);
    let paths = unnamed(&inventory);
    assert_eq!(
        paths,
        ["opt/mac", "opt/run.sh", "opt/windows.exe", "srv/app"]
    );
    assert_eq!(inventory.owners.unnamed_programs(), 4);
}

#[test]
fn scripts_of_the_package_manager_are_the_packages() {
    let info = "var/lib/dpkg/info";
    let layer = layer()
        .file(
            "var/lib/dpkg/status",
            "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2\n\n",
        )
        .mode(0o755)
        .file(&format!("{info}/libc6:amd64.postinst"), SCRIPT)
        .mode(0o755)
        .file(&format!("{info}/libc6.preinst"), SCRIPT)
        .mode(0o755)
        .file(&format!("{info}/removed.postrm"), SCRIPT)
        .mode(0o755)
        .file(&format!("{info}/libc6.sh"), SCRIPT);
    let inventory = inventory([layer]);
    let paths = unnamed(&inventory);
    assert_eq!(
        paths,
        [
            "var/lib/dpkg/info/libc6.sh",
            "var/lib/dpkg/info/removed.postrm"
        ]
    );
    assert_eq!(inventory.owners.share(OwnerClass::Os).files, 2);
    assert_eq!(inventory.packages[0].owned_files, None);
}

#[test]
fn of_many_programs_the_first_hundred_are_listed() {
    let many = (0..150).fold(layer(), |layer, number| {
        layer.file(&format!("srv/{number:03}"), ELF)
    });
    let found = inventory([many.file("srv/before", "text")]);
    assert_eq!(found.owners.unnamed_programs(), 150);
    let paths = unnamed(&found);
    assert_eq!(paths.len(), 100);
    assert_eq!((&*paths[0], &*paths[99]), ("srv/000", "srv/099"));
    // A program of which only another name is left.
    let hidden = [
        layer().file("hidden", ELF),
        layer().hard_link("shown", "hidden").whiteout("hidden"),
    ];
    let found = inventory(hidden);
    assert_eq!(found.owners.unnamed_programs(), 1);
    assert_eq!(unnamed(&found), ["shown"]);
}

/// Programs of real images that no package owns, as `find` and `file` see them there.
#[test]
fn programs_of_real_images_are_owned() {
    let check = |image: &str, expect: &[&str]| {
        let Some(archive) = shared(&format!("fixtures/images/{image}")) else {
            return;
        };
        let inventory = inventories(&archive).unwrap().remove(0);
        let paths = unnamed(&inventory);
        assert_eq!(paths, expect, "{image}");
        assert_eq!(inventory.owners.unnamed_programs(), expect.len() as u64);
    };
    // `pip install --target` puts them elsewhere than RECORD says.
    check(
        "built/debian-slim.zstd.oci.tar",
        &[
            "usr/local/lib/python3.11/dist-packages/bin/django-admin",
            "usr/local/lib/python3.11/dist-packages/bin/django-admin.py",
            "usr/local/lib/python3.11/dist-packages/bin/sqlformat",
        ],
    );
    check("real/trivy/alpine-310.tar.gz", &[]);
    let bin = "usr/lib/python3.9/site-packages/bin";
    let scripts = [
        "flask",
        "pyrsa-decrypt",
        "pyrsa-encrypt",
        "pyrsa-keygen",
        "pyrsa-priv2pub",
        "pyrsa-sign",
        "pyrsa-verify",
    ];
    let scripts = scripts.map(|script| format!("{bin}/{script}"));
    check(
        "built/alpine-poly.oci.tar",
        &scripts.each_ref().map(String::as_str),
    );
}
