//! Which layer introduced, changed and removed a package.

use std::collections::{BTreeMap, BTreeSet};

use lamina_inventory::{
    analysis::LayerAnalysis,
    facts::{Basis, Warning},
    limits::MAX_METADATA_BYTES,
    merge::{EarlierVersion, Inventory, Package},
};
use lamina_testkit::{LayerBuilder, RpmPackage, layer, rpm_ndb};

use proptest::prelude::*;

use crate::support::{inventory, join, package, scan};

const STATUS: &str = "var/lib/dpkg/status";
const SITE: &str = "usr/lib/python3/site-packages";

/// `a=1 b:arm64=2` as a `status` file.
fn status(packages: &str) -> String {
    let paragraph = |package: &str| {
        let (name, version) = package.split_once('=').unwrap();
        let (name, architecture) = name.split_once(':').unwrap_or((name, "amd64"));
        format!(
            "Package: {name}\nStatus: install ok installed\nArchitecture: {architecture}\n\
             Version: {version}\nDescription: a package\n of {name}\n\n"
        )
    };
    packages.split_whitespace().map(paragraph).collect()
}

fn with_status(packages: &str) -> LayerBuilder {
    layer().file(STATUS, status(packages))
}

fn metadata(name: &str, version: &str) -> String {
    format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nLicense: MIT\n\n{name}\n")
}

fn with_python(layer: LayerBuilder, name: &str, version: &str) -> LayerBuilder {
    let path = format!("{SITE}/{name}-{version}.dist-info/METADATA");
    layer.file(&path, metadata(name, version))
}

/// `name version introduced [<- earlier@layer]`, in order.
fn summary(packages: &[Package]) -> Vec<String> {
    let line = |package: &Package| {
        let fact = &package.fact;
        let mut text = format!(
            "{} {} in {}",
            fact.name, fact.version, package.introduced_in
        );
        for earlier in &package.earlier {
            let EarlierVersion {
                version,
                introduced_in,
                replaced_in,
            } = earlier;
            text.push_str(&format!(
                " after {version} in {introduced_in}..{replaced_in}"
            ));
        }
        if let Some(layer) = package.removed_in {
            text.push_str(&format!(" until {layer}"));
        }
        text
    };
    packages.iter().map(line).collect()
}

fn check(layers: Vec<LayerBuilder>, present: &[&str], removed: &[&str]) -> Inventory {
    let inventory = inventory(layers);
    assert_eq!(summary(&inventory.packages), present);
    assert_eq!(summary(&inventory.removed), removed);
    assert_eq!(inventory.warnings, []);
    inventory
}

#[test]
fn rewriting_status_does_not_make_all_packages_its_own() {
    let inventory = check(
        vec![
            with_status("base=1 lib=1"),
            layer(),
            layer(),
            with_status("new=1 base=1 lib=1"),
        ],
        &["base 1 in 0", "lib 1 in 0", "new 1 in 3"],
        &[],
    );
    let base = package(&inventory.packages, "base");
    assert_eq!(base.file_layer, 3, "the copy that was read is the newest");
    assert_eq!(base.fact.lines, Some((8, 13)));
}

#[test]
fn an_upgrade_belongs_to_the_layer_that_made_it() {
    let inventory = check(
        vec![
            with_status("ssl=1 base=1"),
            with_status("ssl=2 base=1"),
            layer(),
            with_status("ssl=3 base=1"),
        ],
        &["base 1 in 0", "ssl 3 in 3 after 1 in 0..1 after 2 in 1..3"],
        &[],
    );
    assert_eq!(package(&inventory.packages, "ssl").changed_in(), [0, 1]);
}

#[test]
fn a_downgrade_is_an_upgrade_that_goes_down() {
    check(
        vec![with_status("a=1"), with_status("a=2"), with_status("a=1")],
        &["a 1 in 2 after 1 in 0..1 after 2 in 1..2"],
        &[],
    );
}

#[test]
fn purged_packages_are_removed_with_their_layer() {
    check(
        vec![
            with_status("gcc=1 base=1"),
            with_status("gcc=2 base=1"),
            layer(),
            with_status("base=1"),
        ],
        &["base 1 in 0"],
        &["gcc 2 in 1 after 1 in 0..1 until 3"],
    );
}

#[test]
fn what_comes_again_was_introduced_again() {
    check(
        vec![
            with_status("a=1 b=1"),
            with_status("b=1"),
            with_status("a=1 b=1"),
        ],
        &["a 1 in 2", "b 1 in 0"],
        &[],
    );
    check(
        vec![
            with_status("a=1 b=1"),
            with_status("b=1"),
            with_status("a=2 b=1"),
        ],
        &["a 2 in 2", "b 1 in 0"],
        &["a 1 in 0 until 1"],
    );
}

#[test]
fn deleting_the_database_removes_its_packages() {
    check(
        vec![with_status("a=1"), layer().whiteout(STATUS)],
        &[],
        &["a 1 in 0 until 1"],
    );
    check(
        vec![with_status("a=1"), layer().opaque("var/lib")],
        &[],
        &["a 1 in 0 until 1"],
    );
}

#[test]
fn deleting_and_writing_the_database_in_one_layer_is_rewriting_it() {
    check(
        vec![
            with_status("a=1 b=1"),
            layer().opaque("var/lib/dpkg").file(STATUS, status("a=1")),
        ],
        &["a 1 in 0"],
        &["b 1 in 0 until 1"],
    );
}

#[test]
fn architectures_of_a_library_lie_side_by_side() {
    check(
        vec![
            with_status("c=1"),
            with_status("c=1 c:i386=1"),
            with_status("c=2 c:i386=1"),
        ],
        &["c 1 in 1", "c 2 in 2 after 1 in 0..2"],
        &[],
    );
    check(
        vec![with_status("c=1"), with_status("c:all=2")],
        &["c 2 in 1 after 1 in 0..1"],
        &[],
    );
}

const RPM: &str = "usr/lib/sysimage/rpm/Packages.db";

/// `a=1 b:noarch=2` as a database of rpm. Each version owns a file of its own.
fn with_rpm(packages: &str) -> LayerBuilder {
    let header = |package: &str| {
        let (name, version) = package.split_once('=').unwrap();
        let (name, architecture) = name.split_once(':').unwrap_or((name, "x86_64"));
        let file = format!("/boot/{name}-{version}.{architecture}");
        let package = RpmPackage {
            name,
            version,
            architecture,
            files: &[&file, "/boot/shared"],
            ..RpmPackage::default()
        };
        package.header().bytes()
    };
    let headers: Vec<Vec<u8>> = packages.split_whitespace().map(header).collect();
    layer().file(RPM, rpm_ndb(&headers))
}

#[test]
fn versions_of_one_package_lie_side_by_side() {
    let kernels = || with_rpm("kernel=1 kernel=2");
    check(
        vec![with_rpm("kernel=1"), kernels()],
        &["kernel 1 in 0", "kernel 2 in 1"],
        &[],
    );
    check(
        vec![kernels(), with_rpm("kernel=2")],
        &["kernel 2 in 0"],
        &["kernel 1 in 0 until 1"],
    );
    check(
        vec![kernels(), with_rpm("kernel=2 kernel=3")],
        &["kernel 2 in 0", "kernel 3 in 1 after 1 in 0..1"],
        &[],
    );
    // All of them are told, also what these had replaced.
    check(
        vec![
            with_rpm("kernel=0"),
            kernels(),
            with_rpm("kernel=1 kernel=3"),
            with_rpm("kernel=4"),
            with_rpm(""),
        ],
        &[],
        &["kernel 4 in 3 after 0 in 0..1 after 2 in 1..2 after 1 in 1..3 after 3 in 2..3 until 4"],
    );
}

#[test]
fn each_version_owns_its_files() {
    let inventory = inventory([
        with_rpm("kernel=1 kernel=2 kernel:i686=2 base:noarch=1")
            .file("boot/kernel-1.x86_64", "1")
            .file("boot/kernel-2.x86_64", "22"),
        layer()
            .file("boot/kernel-2.i686", "4444")
            .file("boot/shared", ""),
    ]);
    let owned: Vec<_> = inventory
        .packages
        .iter()
        .map(|package| {
            let fact = &package.fact;
            let architecture = fact.architecture.as_deref().unwrap();
            let (files, bytes) = (package.owned_files.unwrap(), package.owned_bytes.unwrap());
            format!(
                "{} {} {architecture}: {files}, {bytes}",
                fact.name, fact.version
            )
        })
        .collect();
    assert_eq!(
        owned,
        [
            "base 1 noarch: 1, 0",
            "kernel 1 x86_64: 2, 1",
            "kernel 2 i686: 2, 4",
            "kernel 2 x86_64: 2, 2",
        ]
    );
}

#[test]
fn distroless_images_have_a_file_per_package() {
    let paragraph = |name: &str| format!("Package: {name}\nVersion: 1\nArchitecture: amd64\n");
    let inventory = check(
        vec![
            layer()
                .file("var/lib/dpkg/status.d/base", paragraph("base-files"))
                .file(
                    "var/lib/dpkg/status.d/base.md5sums",
                    "0123456789abcdef0123456789abcdef  etc/host.conf\n",
                )
                .file("etc/host.conf", "multi on\n"),
            layer().file("var/lib/dpkg/status.d/tzdata", paragraph("tzdata")),
            layer().whiteout("var/lib/dpkg/status.d/tzdata"),
        ],
        &["base-files 1 in 0"],
        &["tzdata 1 in 1 until 2"],
    );
    let base = package(&inventory.packages, "base-files");
    assert_eq!((base.owned_files, base.owned_bytes), (Some(1), Some(9)));
}

#[test]
fn a_deleted_dist_info_removes_its_package() {
    check(
        vec![
            with_python(layer(), "Flask", "1.0"),
            with_python(layer(), "idna", "2.7"),
            layer().whiteout(&format!("{SITE}/Flask-1.0.dist-info")),
        ],
        &["idna 2.7 in 1"],
        &["Flask 1.0 in 0 until 2"],
    );
}

#[test]
fn pip_upgrades_are_upgrades() {
    check(
        vec![
            with_python(layer(), "zope.interface", "5"),
            with_python(
                layer().whiteout(&format!("{SITE}/zope.interface-5.dist-info")),
                "zope_interface",
                "6",
            ),
        ],
        &["zope_interface 6 in 1 after 5 in 0..1"],
        &[],
    );
}

#[test]
fn two_virtual_environments_are_two_packages() {
    let inventory = inventory([
        layer().file("venv/a/idna-2.dist-info/METADATA", metadata("idna", "2")),
        layer().file("venv/b/idna-2.dist-info/METADATA", metadata("idna", "2")),
        layer().whiteout("venv/a/idna-2.dist-info"),
    ]);
    assert_eq!(summary(&inventory.packages), ["idna 2 in 1"]);
    assert_eq!(summary(&inventory.removed), ["idna 2 in 0 until 2"]);
}

#[test]
fn metadata_that_is_a_hard_link_counts_where_the_link_is() {
    let cache = "root/.cache/uv/archive-v0/x";
    let inventory = inventory([
        layer()
            .file(
                &format!("{cache}/idna-2.dist-info/METADATA"),
                metadata("idna", "2"),
            )
            .file(&format!("{cache}/idna-2.dist-info/RECORD"), "idna/a.py,,\n")
            .file(&format!("{cache}/idna/a.py"), "12345"),
        // The link and the deletion of what it leads to come in one layer.
        layer()
            .hard_link(
                &format!("{SITE}/idna-2.dist-info/METADATA"),
                &format!("{cache}/idna-2.dist-info/METADATA"),
            )
            .hard_link(
                &format!("{SITE}/idna-2.dist-info/RECORD"),
                &format!("{cache}/idna-2.dist-info/RECORD"),
            )
            .file(&format!("{SITE}/idna/a.py"), "12345")
            .whiteout(cache),
    ]);
    assert_eq!(summary(&inventory.packages), ["idna 2 in 1"]);
    let idna = package(&inventory.packages, "idna");
    assert_eq!(
        idna.fact.file.to_string(),
        format!("{SITE}/idna-2.dist-info/METADATA")
    );
    assert_eq!(idna.file_layer, 1);
    assert_eq!((idna.owned_files, idna.owned_bytes), (Some(1), Some(5)));
    assert_eq!(summary(&inventory.removed), ["idna 2 in 0 until 1"]);
    assert_eq!(inventory.warnings, []);
}

#[test]
fn a_hard_link_to_what_was_not_read_is_a_warning() {
    let link = format!("{SITE}/idna-2.dist-info/METADATA");
    let inventory = inventory([layer()
        .file("store/0123", metadata("idna", "2"))
        .hard_link(&link, "store/0123")]);
    assert_eq!(summary(&inventory.packages), [] as [&str; 0]);
    let warnings: Vec<String> = inventory
        .warnings
        .iter()
        .map(|(_, w)| w.to_string())
        .collect();
    assert_eq!(
        warnings,
        [format!(
            "{link} is a link to store/0123, which was not read"
        )]
    );
}

#[test]
fn links_to_what_matters_are_told_apart() {
    let check = |layers: Vec<LayerBuilder>, expect: &[&str]| {
        let inventory = inventory(layers);
        let warnings: Vec<String> = inventory
            .warnings
            .iter()
            .map(|(_, w)| w.to_string())
            .collect();
        assert_eq!(warnings, expect);
    };
    let link = || layer().symlink("etc/os-release", "/opt/release");
    let unread = "etc/os-release is a link to opt/release, which was not read";
    check(vec![link().file("opt/release", "ID=a\n")], &[unread]);
    check(
        vec![
            link()
                .file("opt/release", "ID=a\n")
                .file("usr/lib/os-release", "ID=a\n"),
        ],
        &[],
    );
    check(vec![link()], &[]);
    check(vec![link().file("opt/release", "")], &[]);
    check(vec![link().directory("opt/release")], &[]);
    check(
        vec![
            link().file("opt/release", "ID=a\n"),
            layer().whiteout("etc/os-release"),
        ],
        &[],
    );
    // What was read but said nothing was read.
    check(
        vec![
            layer()
                .file("usr/share/doc/a/copyright", "free\n")
                .symlink("usr/share/doc/b/copyright", "../a/copyright")
                .symlink("usr/share/doc/c/copyright", "/opt/c"),
        ],
        &[],
    );
    // A hard link keeps what it leads to, deleted or not.
    check(
        vec![
            layer().file("store/0123", metadata("idna", "2")),
            layer()
                .hard_link("a.egg-info", "store/0123")
                .whiteout("store/0123"),
        ],
        &["a.egg-info is a link to store/0123, which was not read"],
    );
}

#[test]
fn a_merged_usr_neither_loses_nor_doubles_packages() {
    let installed = |packages: &str| -> String {
        packages
            .split_whitespace()
            .map(|package| {
                let (name, version) = package.split_once('=').unwrap();
                format!("P:{name}\nV:{version}\nA:x86_64\nF:lib\nR:{name}.so\n\n")
            })
            .collect()
    };
    let check = |layers: Vec<LayerBuilder>, expect: &[&str]| {
        let inventory = inventory(layers);
        assert_eq!(summary(&inventory.packages), expect);
        assert_eq!(summary(&inventory.removed), [] as [&str; 0]);
        let a = package(&inventory.packages, "a");
        assert_eq!(a.fact.file.to_string(), "usr/lib/apk/db/installed");
        assert_eq!((a.owned_files, a.owned_bytes), (Some(1), Some(3)));
        assert_eq!(inventory.warnings, []);
    };
    let base = || {
        layer()
            .symlink("lib", "usr/lib")
            .file("usr/lib/apk/db/installed", installed("a=1"))
            .file("usr/lib/a.so", "123")
    };
    check(vec![base()], &["a 1 in 0"]);
    check(
        vec![
            base(),
            layer().file("lib/apk/db/installed", installed("a=1 b=1")),
        ],
        &["a 1 in 0", "b 1 in 1"],
    );
    // The image began with a folder that a later layer made a link of.
    check(
        vec![
            layer()
                .file("lib/apk/db/installed", installed("a=1"))
                .file("lib/a.so", "123"),
            layer()
                .symlink("lib", "usr/lib")
                .file("usr/lib/apk/db/installed", installed("a=1"))
                .file("usr/lib/a.so", "123"),
            layer().file("lib/apk/db/installed", installed("a=1 b=1")),
        ],
        &["a 1 in 0", "b 1 in 2"],
    );
}

#[test]
fn python_packages_know_the_os_package_that_owns_them() {
    let metadata_of = |name: &str| format!("usr/lib/python3/dist-packages/{name}-1.egg-info");
    let inventory = inventory([
        with_status("python3-six=1-2 bash=5")
            .file(
                "var/lib/dpkg/info/python3-six.list",
                format!(
                    "/.\n/usr\n/usr/lib\n/{}\n/usr/lib/six.py\n",
                    metadata_of("six")
                ),
            )
            .file(
                "var/lib/dpkg/info/python3-six.md5sums",
                "0123456789abcdef0123456789abcdef  usr/lib/six.py\n",
            )
            .file(&metadata_of("six"), metadata("six", "1"))
            .file("usr/lib/six.py", "12"),
        layer().file(&metadata_of("idna"), metadata("idna", "1")),
    ]);
    let six = package(&inventory.packages, "six");
    let owner = &inventory.packages[six.owned_by.unwrap()];
    assert_eq!(owner.fact.name, "python3-six");
    assert_eq!(owner.owned_files, Some(2));
    assert_eq!(
        owner.owned_bytes,
        Some(2 + metadata("six", "1").len() as u64)
    );
    assert_eq!(package(&inventory.packages, "idna").owned_by, None);
    assert_eq!(package(&inventory.packages, "bash").owned_files, None);
}

#[test]
fn licences_of_debian_packages_are_joined_through_links() {
    let copyright = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n\
                     Files: *\nLicense: GPL-2+\n";
    let inventory = inventory([with_status("liba=1 liba-dev=1 b=1")
        .file("usr/share/doc/liba/copyright", copyright)
        .symlink("usr/share/doc/liba-dev", "liba")]);
    let licence = |name: &str| package(&inventory.packages, name).fact.licence.clone();
    assert_eq!(licence("liba").as_deref(), Some("GPL-2+"));
    assert_eq!(licence("liba-dev").as_deref(), Some("GPL-2+"));
    assert_eq!(licence("b"), None);
}

#[test]
fn the_distribution_is_found_behind_links_and_told_in_purls() {
    let os_release = "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n";
    let inventory = inventory([
        with_status("libssl3=3.0.11-1~deb12u2")
            .file("usr/lib/os-release", "ID=debian\nVERSION_ID=11\n")
            .symlink("etc/os-release", "../usr/lib/os-release")
            .file("etc/debian_version", "11.1\n"),
        layer().file("usr/lib/os-release", os_release),
    ]);
    let found = inventory.distribution.as_ref().unwrap();
    assert_eq!(
        (found.fact.id.as_str(), found.fact.version_id.as_deref()),
        ("debian", Some("12"))
    );
    assert_eq!(
        (found.layer, found.fact.file.to_string().as_str()),
        (1, "usr/lib/os-release")
    );
    assert_eq!(
        inventory.packages[0].purl,
        "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12"
    );
}

#[test]
fn older_files_name_the_distribution_where_there_is_no_os_release() {
    let check = |layers: Vec<LayerBuilder>, expect: Option<&str>| {
        let found = inventory(layers).distribution.map(|found| found.fact.id);
        assert_eq!(found.as_deref(), expect);
    };
    check(
        vec![layer().file("etc/alpine-release", "3.1.2\n")],
        Some("alpine"),
    );
    check(
        vec![layer().file("etc/debian_version", "jessie/sid\n").file(
            "etc/lsb-release",
            "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=14.04\n",
        )],
        Some("ubuntu"),
    );
    check(
        vec![
            layer().file("etc/debian_version", "8.1\n"),
            layer().whiteout("etc/debian_version"),
        ],
        None,
    );
    check(
        vec![
            layer()
                .file("etc/os-release", "NAME=x\n")
                .file("etc/alpine-release", "3\n"),
        ],
        Some("alpine"),
    );
    check(
        vec![layer().file("etc/os-release", "NAME=x\n")],
        Some("linux"),
    );
    check(vec![], None);
}

#[test]
fn too_large_a_file_is_a_warning_of_its_layer() {
    let path = format!("{SITE}/a-1.dist-info/METADATA");
    let text = metadata("a", "1") + &" ".repeat(MAX_METADATA_BYTES as usize);
    let inventory = inventory([layer(), layer().file(&path, &text)]);
    assert_eq!(inventory.packages, []);
    let [
        (
            1,
            Warning::FileTooLarge {
                analyser,
                size,
                limit,
                ..
            },
        ),
    ] = inventory.warnings.as_slice()
    else {
        panic!("{:?}", inventory.warnings)
    };
    assert_eq!(
        (analyser.as_str(), *size, *limit),
        ("python", text.len() as u64, MAX_METADATA_BYTES)
    );
}

#[test]
fn a_database_that_was_not_read_to_its_end_removes_nothing() {
    let first = scan(&with_status("a=1 b=1 c=1").tar());
    // What it says of `a` is there, what it says of `b` is not.
    let tar = with_status("a=2 b=1").tar();
    let end = tar.windows(10).position(|w| w == b"Package: b").unwrap();
    let inventory = join(&[first, scan(&tar[..end])]);
    assert_eq!(
        summary(&inventory.packages),
        ["a 1 in 0", "a 2 in 1", "b 1 in 0", "c 1 in 0"]
    );
    assert_eq!(summary(&inventory.removed), [] as [&str; 0]);
    let [(1, Warning::Incomplete { .. })] = inventory.warnings.as_slice() else {
        panic!("{:?}", inventory.warnings)
    };
}

#[derive(Clone, Debug)]
enum Step {
    Nothing,
    Status(Vec<(u8, u8)>),
    DeleteDatabase,
    OpaqueDatabase,
    Python(u8, u8),
    DeletePython(u8, u8),
    OpaqueSite,
}

impl Step {
    fn layer(&self) -> LayerBuilder {
        match self {
            Self::Nothing => layer(),
            Self::Status(packages) => {
                let packages: Vec<String> = packages
                    .iter()
                    .map(|(name, version)| format!("p{name}={version}"))
                    .collect();
                with_status(&packages.join(" "))
            }
            Self::DeleteDatabase => layer().whiteout(STATUS),
            Self::OpaqueDatabase => layer().opaque("var/lib"),
            Self::Python(name, version) => {
                with_python(layer(), &format!("q{name}"), &version.to_string())
            }
            Self::DeletePython(name, version) => {
                layer().whiteout(&format!("{SITE}/q{name}-{version}.dist-info"))
            }
            Self::OpaqueSite => layer().opaque(SITE),
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let package = || (0..3_u8, 0..3_u8);
    let packages = prop::collection::btree_map(0..4_u8, 0..3_u8, 0..4);
    prop_oneof![
        1 => Just(Step::Nothing),
        5 => packages.prop_map(|packages| Step::Status(packages.into_iter().collect())),
        1 => Just(Step::DeleteDatabase),
        1 => Just(Step::OpaqueDatabase),
        3 => package().prop_map(|(name, version)| Step::Python(name, version)),
        3 => package().prop_map(|(name, version)| Step::DeletePython(name, version)),
        1 => Just(Step::OpaqueSite),
    ]
}

proptest! {
    /// The image is looked at after each of its layers, and the layers told must agree with that.
    #[test]
    fn layers_agree_with_what_is_there_after_each(steps in prop::collection::vec(step(), 1..12)) {
        let layers: Vec<LayerAnalysis> =
            steps.iter().map(|step| scan(&step.layer().tar())).collect();
        let identity = |package: &Package| (package.fact.name.clone(), package.fact.version.clone());
        let after: Vec<BTreeSet<(String, String)>> = (1..=layers.len())
            .map(|height| join(&layers[..height]).packages.iter().map(identity).collect())
            .collect();
        let inventory = join(&layers);
        let all: BTreeSet<&(String, String)> = after.iter().flatten().collect();
        let present: BTreeMap<_, _> =
            inventory.packages.iter().map(|package| (identity(package), package)).collect();
        let removed: BTreeMap<_, _> =
            inventory.removed.iter().map(|package| (identity(package), package)).collect();
        prop_assert_eq!(present.len(), inventory.packages.len());
        prop_assert_eq!(removed.len(), inventory.removed.len());
        for id in all {
            let is_there = |layer: usize| after[layer].contains(id);
            let last = (0..layers.len()).rev().find(|layer| is_there(*layer)).unwrap();
            let first = (0..=last).rev().take_while(|layer| is_there(*layer)).last().unwrap();
            let is_present = last + 1 == layers.len();
            // Another version took its place in the layer that ended it.
            let is_replaced = !is_present
                && after[last + 1]
                    .iter()
                    .any(|other| other.0 == id.0 && !after[last].contains(other));
            prop_assert_eq!(present.contains_key(id), is_present);
            prop_assert_eq!(removed.contains_key(id), !is_present && !is_replaced);
            if let Some(package) = present.get(id).or(removed.get(id)) {
                prop_assert_eq!(package.introduced_in, first);
                prop_assert_eq!(package.removed_in, (!is_present).then_some(last + 1));
                for earlier in &package.earlier {
                    let old = (id.0.clone(), earlier.version.clone());
                    let during = &after[earlier.introduced_in..earlier.replaced_in];
                    prop_assert!(during.iter().all(|packages| packages.contains(&old)));
                    prop_assert!(!after[earlier.replaced_in].contains(&old));
                }
            }
        }
    }
}

#[test]
fn the_order_of_packages_does_not_depend_on_chance() {
    let names: Vec<String> = (0..200).map(|i| format!("p{i}=1")).collect();
    let layers = || {
        [
            with_status(&names.join(" ")),
            with_status(&names[..150].join(" ")),
        ]
    };
    let first = inventory(layers());
    assert_eq!(first, inventory(layers()));
    assert!(
        first
            .packages
            .is_sorted_by_key(|package| package.fact.name.clone())
    );
    assert_eq!((first.packages.len(), first.removed.len()), (150, 50));
}

#[test]
fn two_thousand_packages_rewritten_by_a_hundred_layers_are_joined() {
    let layers = (0..100).map(|layer| {
        let package = |i: usize| format!("p{i}={}", if i % 100 <= layer { layer / 50 } else { 7 });
        with_status(&(0..2000).map(package).collect::<Vec<_>>().join(" "))
    });
    let inventory = inventory(layers);
    assert_eq!(inventory.packages.len(), 2000);
    assert_eq!(inventory.removed, []);
    // Upgraded from 7 in layer 3, and again in layer 50.
    let package = package(&inventory.packages, "p3");
    assert_eq!(package.introduced_in, 50);
    let earlier: Vec<&str> = package.earlier.iter().map(|e| e.version.as_str()).collect();
    assert_eq!(earlier, ["7", "0"]);
}

#[test]
fn a_hundred_thousand_versions_of_one_package_take_no_time() {
    // One after the other: each of these comparisons with each would be ten thousand million.
    let many = |from: usize| {
        let paragraph = |i: usize| {
            format!(
                "Package: a\nArchitecture: arch{i}\nVersion: {i}\nStatus: install ok installed\n\n"
            )
        };
        let text: String = (from..from + 50_000).map(paragraph).collect();
        layer()
            .file(STATUS, text)
            .file("var/lib/dpkg/info/a.list", "/usr/a\n")
    };
    let inventory = inventory([many(0), many(100_000), many(200_000)]);
    assert_eq!(inventory.packages.len(), 50_000);
    assert_eq!(inventory.removed.len(), 100_000);
}

#[test]
fn what_a_lock_file_names_is_told_once_if_it_is_installed() {
    let lock = r#"{"name": "app", "lockfileVersion": 3, "packages": {
        "node_modules/a": {"version": "1.0.0"}, "node_modules/b": {"version": "2.0.0"}}}"#;
    let inventory = inventory([layer().file("srv/app/package-lock.json", lock).file(
        "srv/app/node_modules/a/package.json",
        r#"{"name": "a", "version": "1.0.0"}"#,
    )]);
    let told: Vec<_> = inventory
        .packages
        .iter()
        .map(|package| (package.fact.name.as_str(), package.fact.basis))
        .collect();
    assert_eq!(told, [("a", Basis::Installed), ("b", Basis::Declared)]);
}
