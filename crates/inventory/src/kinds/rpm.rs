//! The database of rpm: what Red Hat, Fedora, SUSE, Amazon, Azure Linux and their kin have installed.
//!
//! It lies in `var/lib/rpm` (often a link), `usr/lib/sysimage/rpm` (Fedora since 36, SUSE, RHEL 10) or
//! `usr/share/rpm` (images made by rpm-ostree). Which database a file is, its first bytes say:
//!
//! | file | layout | read by | format |
//! |---|---|---|---|
//! | `Packages` | Berkeley DB, hash | `rpm/bdb.rs` | [`db_page.h`](https://github.com/berkeleydb/libdb/blob/v5.3.28/src/dbinc/db_page.h) |
//! | `Packages.db` | NDB | `rpm/ndb.rs` | [`rpmpkg.c`](https://github.com/rpm-software-management/rpm/blob/master/lib/backend/ndb/rpmpkg.c) |
//! | `rpmdb.sqlite` | SQLite, table `Packages` | `sqlite.rs` | [file format](https://www.sqlite.org/fileformat2.html), [schema](https://github.com/rpm-software-management/rpm/blob/master/lib/backend/sqlite.c) |
//! | `rpmdb.sqlite-wal` | its write-ahead log | only whether it holds anything | [the same](https://www.sqlite.org/fileformat2.html#the_write_ahead_log) |
//! | `var/lib/rpmmanifest/container-manifest-2` | text | `rpm/manifest.rs` | [Marinara](https://github.com/microsoft/marinara) |
//! | a header, in any of the databases | tags and values | `rpm/header.rs` | [header format](https://rpm-software-management.github.io/rpm/manual/format_header.html) |
//!
//! Not read are the hash databases of rpm 3 (Berkeley DB 1.85) and package files (`*.rpm`).
//!
//! The files that a package owns come with it. Directories and files that nobody installed (`%ghost`,
//! left out documentation) are among them.

use lamina_image::{layer::Entry, path::LayerPath};

use self::header::Header;
use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Facts, OwnedFiles, PackageFact, PackageKind, SourcePackage},
    limits::{
        MAX_CLAIMED_BYTES, MAX_LICENCE_BYTES, MAX_OWNED_BYTES, MAX_RPM_DATABASE_BYTES,
        MAX_RPM_FILES,
    },
    path_list::PathListBuilder,
    sqlite::{self, Database, Value},
    text::{cut, word},
};

mod bdb;
mod header;
mod manifest;
mod ndb;

/// Packages of Red Hat, Fedora, SUSE, Amazon, Azure Linux and their kin.
pub struct Rpm;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Database,
    WriteAheadLog,
    Manifest,
}

impl Role {
    fn of(path: &[u8]) -> Option<Self> {
        if path == b"var/lib/rpmmanifest/container-manifest-2" {
            return Some(Self::Manifest);
        }
        const FOLDERS: [&[u8]; 3] = [b"var/lib/rpm/", b"usr/lib/sysimage/rpm/", b"usr/share/rpm/"];
        let mut names = FOLDERS.iter().map(|folder| path.strip_prefix(*folder));
        match names.find_map(|name| name)? {
            b"Packages" | b"Packages.db" | b"rpmdb.sqlite" => Some(Self::Database),
            b"rpmdb.sqlite-wal" => Some(Self::WriteAheadLog),
            _ => None,
        }
    }
}

impl Analyser for Rpm {
    fn id(&self) -> &'static str {
        "rpm"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        Role::of(path.as_bytes()).is_some()
    }

    fn max_bytes(&self, path: &LayerPath) -> u64 {
        match Role::of(path.as_bytes()) {
            Some(Role::Database) => MAX_RPM_DATABASE_BYTES,
            _ => MAX_CLAIMED_BYTES,
        }
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        match Role::of(file.path.as_bytes()) {
            Some(Role::Database) => read_database(self.id(), &file, out),
            Some(Role::WriteAheadLog) => check_log(self.id(), &file, out),
            Some(Role::Manifest) => manifest::read(self.id(), &file, out),
            None => {}
        }
    }
}

/// What a reader of databases comes upon.
enum Found<'a> {
    Header {
        /// The header.
        bytes: &'a [u8],
        /// Where it lies, for people.
        place: String,
    },
    /// Something that cannot be read.
    Problem(String),
}

/// Is shown all that a reader of databases comes upon.
type Visit<'v> = &'v mut dyn FnMut(Found<'_>);

fn read_database(analyser: &str, file: &ClaimedFile<'_>, out: &mut Facts) {
    let mut files_left = MAX_RPM_FILES;
    let mut visit = |found: Found<'_>| match found {
        Found::Header { bytes, place } => {
            add_header(analyser, file, (bytes, place), &mut files_left, out);
        }
        Found::Problem(problem) => out.malformed(analyser, file.path, 0, &problem),
    };
    let bytes = file.bytes;
    if bytes.starts_with(sqlite::MAGIC) {
        read_sqlite(bytes, &mut visit);
    } else if bytes.starts_with(ndb::MAGIC) {
        ndb::read(bytes, &mut visit);
    } else if bdb::is_bdb(bytes) {
        bdb::read(bytes, &mut visit);
    } else if !bytes.is_empty() {
        visit(Found::Problem("it is not a database of rpm".to_owned()));
    }
}

/// Headers lie in the column `blob` of the table `Packages`, beside their number.
fn read_sqlite(bytes: &[u8], visit: Visit<'_>) {
    let database = match Database::open(bytes) {
        Ok(database) => database,
        Err(error) => return visit(Found::Problem(error.to_string())),
    };
    let Some(root) = database.table("Packages") else {
        return visit(Found::Problem("it has no table \"Packages\"".to_owned()));
    };
    for row in database.rows(root) {
        let row = match row {
            Ok(row) => row,
            Err(problem) => {
                visit(Found::Problem(problem.to_string()));
                continue;
            }
        };
        match row.value(1) {
            Some(Value::Blob(header)) => visit(Found::Header {
                bytes: header,
                place: format!(
                    "SQLite table \"Packages\", row {}, page {}, cell at byte {}",
                    row.rowid, row.page, row.offset
                ),
            }),
            _ => {
                let problem = format!("row {} of \"Packages\" has no header", row.rowid);
                visit(Found::Problem(problem));
            }
        }
    }
}

/// rpm empties the log when it is done. One that holds something belongs to a build that was
/// interrupted, and what it holds is not in the database.
fn check_log(analyser: &str, file: &ClaimedFile<'_>, out: &mut Facts) {
    const MAGICS: [&[u8]; 2] = [&[0x37, 0x7f, 0x06, 0x82], &[0x37, 0x7f, 0x06, 0x83]];
    const HEADER_BYTES: usize = 32;
    let is_log = MAGICS.iter().any(|magic| file.bytes.starts_with(magic));
    if is_log && file.bytes.len() > HEADER_BYTES {
        let problem = "changes to the database that were not carried over are not read";
        out.malformed(analyser, file.path, 0, problem);
    }
}

fn add_header(
    analyser: &str,
    file: &ClaimedFile<'_>,
    (bytes, place): (&[u8], String),
    files_left: &mut usize,
    out: &mut Facts,
) {
    let problem = |problem: String, out: &mut Facts| {
        out.malformed(analyser, file.path, 0, &format!("{place}: {problem}"));
    };
    let header = match Header::parse(bytes) {
        Ok(header) => header,
        Err(error) => return problem(error.to_string(), out),
    };
    if header.breaks_off {
        problem("the header breaks off".to_owned(), out);
    }
    let Some(name) = header.name.first().and_then(word) else {
        return problem("a package without a name".to_owned(), out);
    };
    let Some(version) = header.version.first().and_then(word) else {
        return problem(format!("the package {name:?} has no version"), out);
    };
    let version = match header.release.first().and_then(word) {
        Some(release) => format!("{version}-{release}"),
        None => version,
    };
    let stated = Stated {
        name,
        epoch: header.epoch,
        version,
        architecture: header.architecture.first(),
        vendor: header.vendor.first(),
        source: header.source.first(),
    };
    let mut package = stated.package(file.path);
    let licence = header.licence.first().and_then(known);
    package.licence = licence.map(|text| cut(&String::from_utf8_lossy(text), MAX_LICENCE_BYTES));
    let modularity_label = header
        .modularity_label
        .first()
        .and_then(known)
        .and_then(word);
    package.detail("modularity-label", modularity_label);
    package.evidence = Some(place.clone());
    let mut files = PathListBuilder::default();
    let bytes_left = MAX_OWNED_BYTES.saturating_sub(out.owned_bytes);
    let added = header.add_files(&mut files, *files_left, bytes_left);
    if added.files > *files_left {
        out.too_many(analyser, "files of packages", MAX_RPM_FILES as u64);
    }
    *files_left = files_left.saturating_sub(added.files);
    if added.lost > 0 {
        let lost = added.lost;
        problem(
            format!("{lost} files without a directory, or with too long a path"),
            out,
        );
    }
    let owned = OwnedFiles {
        kind: PackageKind::Rpm,
        name: package.name.clone(),
        // Several versions of a kernel are installed at once.
        version: Some(package.version.clone()),
        architecture: package.architecture.clone(),
        files: files.finish(),
        file: file.path.clone(),
    };
    out.add_package(analyser, package);
    out.add_owned(analyser, owned);
}

/// A package as a header or a line states it.
struct Stated<'a> {
    name: String,
    epoch: Option<u32>,
    /// With the release.
    version: String,
    architecture: Option<&'a [u8]>,
    vendor: Option<&'a [u8]>,
    source: Option<&'a [u8]>,
}

impl Stated<'_> {
    fn package(self, file: &LayerPath) -> PackageFact {
        // A missing epoch is the same as 0 to rpm, and none of the two is written.
        let version = match self.epoch {
            Some(epoch) if epoch > 0 => format!("{epoch}:{}", self.version),
            _ => self.version,
        };
        let mut package = PackageFact::new(PackageKind::Rpm, self.name, version, file);
        package.architecture = self.architecture.and_then(known).and_then(word);
        package.source = self.source.and_then(known).and_then(source_of);
        package.detail("vendor", self.vendor.and_then(known).and_then(word));
        package
    }
}

/// rpm writes `(none)` where there is nothing.
fn known(value: &[u8]) -> Option<&[u8]> {
    Some(value).filter(|value| *value != b"(none)")
}

/// `util-linux-2.32.1-42.el8.src.rpm`. It has no epoch: that of a source is stated nowhere.
fn source_of(file_name: &[u8]) -> Option<SourcePackage> {
    let text = word(file_name)?;
    let stem = text.strip_suffix(".rpm")?;
    let stem = stem.strip_suffix(".src").or(stem.strip_suffix(".nosrc"))?;
    let (rest, release) = stem.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    if name.is_empty() || version.is_empty() {
        return None;
    }
    Some(SourcePackage {
        name: name.to_owned(),
        version: format!("{version}-{release}"),
    })
}

#[cfg(test)]
mod tests {
    use lamina_testkit::{RpmHeader, RpmPackage, rpm_bdb, rpm_ndb, rpm_sqlite};
    use proptest::prelude::*;

    use super::*;
    use crate::{
        facts::Warning,
        kinds::tests::{analyse, check_claims},
        limits::MAX_RPM_HEADER_BYTES,
    };

    const BDB: &str = "var/lib/rpm/Packages";
    const NDB: &str = "usr/lib/sysimage/rpm/Packages.db";
    const SQLITE: &str = "usr/share/rpm/rpmdb.sqlite";
    const MANIFEST: &str = "var/lib/rpmmanifest/container-manifest-2";

    #[test]
    fn claims() {
        check_claims(
            &Rpm,
            &[
                "var/lib/rpm/Packages",
                "var/lib/rpm/Packages.db",
                "var/lib/rpm/rpmdb.sqlite",
                "var/lib/rpm/rpmdb.sqlite-wal",
                "usr/lib/sysimage/rpm/rpmdb.sqlite",
                "usr/share/rpm/rpmdb.sqlite",
                "var/lib/rpmmanifest/container-manifest-2",
            ],
            &[
                "var/lib/rpm/Name",
                "var/lib/rpm/rpmdb.sqlite-shm",
                "var/lib/rpm/__db.001",
                "var/lib/rpm",
                "srv/var/lib/rpm/Packages",
                "var/lib/rpmmanifest/container-manifest-1",
                "usr/share/rpm/macros",
                "",
            ],
        );
    }

    fn headers() -> Vec<Vec<u8>> {
        let openssl = RpmPackage {
            name: "openssl-libs",
            epoch: Some(1),
            version: "1.1.1k",
            release: "9.el8_7",
            architecture: "x86_64",
            licence: "OpenSSL and ASL 2.0",
            vendor: "Red Hat, Inc.",
            source: "openssl-1.1.1k-9.el8_7.src.rpm",
            files: &[
                "/etc/pki/tls",
                "/etc/pki/tls/openssl.cnf",
                "/usr/lib64/libssl.so.1.1",
            ],
            ..RpmPackage::default()
        };
        let nginx = RpmPackage {
            name: "nginx",
            epoch: Some(0),
            version: "1.20.1",
            release: "1.module+el8",
            architecture: "noarch",
            modularity_label: "nginx:1.20:8060020:9edba152",
            source: "(none)",
            ..RpmPackage::default()
        };
        // Short enough for the page of a hash database.
        let tiny = RpmPackage {
            name: "a",
            version: "1",
            ..RpmPackage::default()
        };
        let key = RpmPackage {
            name: "gpg-pubkey",
            version: "d832c631",
            release: "63977702",
            ..RpmPackage::default()
        };
        // Long enough for many pages.
        let notes = "x".repeat(3000);
        let long = RpmPackage {
            name: "long",
            version: "2",
            release: "1",
            ..RpmPackage::default()
        };
        let long = long.header().text(1005, &notes).text(1022, "ppc64le");
        let packages = [openssl, nginx, tiny, key];
        let mut headers: Vec<Vec<u8>> = packages.iter().map(|p| p.header().bytes()).collect();
        headers.push(long.bytes());
        headers
    }

    fn databases() -> [(&'static str, Vec<u8>); 4] {
        let headers = headers();
        [
            (BDB, rpm_bdb(&headers, false)),
            (BDB, rpm_bdb(&headers, true)),
            (NDB, rpm_ndb(&headers)),
            (SQLITE, rpm_sqlite(&headers)),
        ]
    }

    #[test]
    fn every_database_states_the_same_packages() {
        for (path, bytes) in databases() {
            let facts = analyse(&Rpm, path, bytes);
            assert_eq!(facts.warnings, [], "{path}");
            let [openssl, nginx, tiny, key, long] = facts.packages.as_slice() else {
                panic!("{path}: {:#?}", facts.packages)
            };
            assert_eq!(openssl.name, "openssl-libs");
            assert_eq!(openssl.version, "1:1.1.1k-9.el8_7");
            assert_eq!(openssl.architecture.as_deref(), Some("x86_64"));
            assert_eq!(openssl.licence.as_deref(), Some("OpenSSL and ASL 2.0"));
            assert_eq!(openssl.detail_of("vendor"), Some("Red Hat, Inc."));
            let source = openssl.source.as_ref().unwrap();
            assert_eq!(
                (source.name.as_str(), source.version.as_str()),
                ("openssl", "1.1.1k-9.el8_7")
            );
            assert_eq!(
                nginx.version, "1.20.1-1.module+el8",
                "an epoch of 0 is none"
            );
            assert_eq!(nginx.source, None);
            assert_eq!(
                nginx.detail_of("modularity-label"),
                Some("nginx:1.20:8060020:9edba152")
            );
            assert_eq!((tiny.name.as_str(), tiny.version.as_str()), ("a", "1"));
            assert_eq!(tiny.architecture, None);
            // The keys that rpm trusts are packages, as `rpm -qa` has it.
            assert_eq!(key.name, "gpg-pubkey");
            assert_eq!(key.version, "d832c631-63977702");
            assert_eq!((long.name.as_str(), long.version.as_str()), ("long", "2-1"));
            assert_eq!(long.architecture.as_deref(), Some("ppc64le"));
            let [owned] = facts.owned.as_slice() else {
                panic!("{path}: {:?}", facts.owned)
            };
            let files: Vec<String> = owned.files.iter().map(|file| file.to_string()).collect();
            assert_eq!(
                files,
                [
                    "etc/pki/tls",
                    "etc/pki/tls/openssl.cnf",
                    "usr/lib64/libssl.so.1.1"
                ]
            );
            assert_eq!(owned.version.as_deref(), Some("1:1.1.1k-9.el8_7"));
        }
    }

    #[test]
    fn the_place_of_a_header_is_told() {
        let place = |(path, bytes): &(&str, Vec<u8>)| {
            let facts = analyse(&Rpm, path, bytes);
            facts.packages[2].evidence.clone().unwrap()
        };
        let places: Vec<String> = databases().iter().map(place).collect();
        insta::assert_debug_snapshot!(places, @r#"
        [
            "Berkeley DB page 6, header at byte 3535",
            "Berkeley DB page 6, header at byte 3535",
            "NDB slot 4, header at byte 4736",
            "SQLite table \"Packages\", row 3, page 5, cell at byte 2511",
        ]
        "#);
        // And it is there.
        let bytes = rpm_bdb(&headers(), false);
        let at = places[0].rsplit(' ').next().unwrap().parse().unwrap();
        assert!(bytes[at..].starts_with(&headers()[2]));
    }

    #[test]
    fn old_file_lists_have_whole_paths() {
        let header = RpmHeader::default()
            .text(1000, "a")
            .text(1001, "1")
            .texts(1027, &["/usr/bin/a", "/usr/bin/b"]);
        let facts = analyse(&Rpm, NDB, rpm_ndb(&[header.bytes()]));
        let files: Vec<String> = facts.owned[0].files.iter().map(|f| f.to_string()).collect();
        assert_eq!(files, ["usr/bin/a", "usr/bin/b"]);
    }

    #[test]
    fn manifests_have_a_package_on_each_line() {
        let facts = analyse(
            &Rpm,
            MANIFEST,
            "tzdata\t2022a-1.cm2\t1653816591\t1653753130\tMicrosoft Corporation\t(none)\t580\t\
             noarch\t0\ttzdata-2022a-1.cm2.src.rpm\n\
             gpg-pubkey\t3135ce90-5e6fda74\t1\t1\t(none)\t(none)\t0\t(none)\t0\t(none)\n\n\
             vim\t8.2-1.cm2\t1\t1\t(none)\t2\t8\tx86_64\t2\t(none)\n\
             /opt/a is not owned by any package\n",
        );
        let [tzdata, key, vim] = facts.packages.as_slice() else {
            panic!("{:?}", facts.packages)
        };
        assert_eq!(tzdata.version, "2022a-1.cm2");
        assert_eq!(tzdata.architecture.as_deref(), Some("noarch"));
        assert_eq!(tzdata.detail_of("vendor"), Some("Microsoft Corporation"));
        assert_eq!(tzdata.source.as_ref().unwrap().version, "2022a-1.cm2");
        assert_eq!(tzdata.lines, Some((1, 1)));
        // The keys that rpm trusts are packages, as `rpm -qa` has it.
        assert_eq!(key.name, "gpg-pubkey");
        assert_eq!(vim.version, "2:8.2-1.cm2");
        assert_eq!((&vim.source, vim.detail_of("vendor")), (&None, None));
        assert_eq!(vim.lines, Some((4, 4)));
        let warnings: Vec<String> = facts.warnings.iter().map(|w| w.to_string()).collect();
        assert_eq!(
            warnings,
            [format!(
                "{MANIFEST}, line 5: the line names no package with its version"
            )]
        );
    }

    #[test]
    fn sources_are_read_out_of_file_names() {
        let check = |file: &str, expect: Option<(&str, &str)>| {
            let source = source_of(file.as_bytes());
            let found = source
                .as_ref()
                .map(|s| (s.name.as_str(), s.version.as_str()));
            assert_eq!(found, expect, "{file}");
        };
        check(
            "util-linux-2.32.1-42.el8_8.src.rpm",
            Some(("util-linux", "2.32.1-42.el8_8")),
        );
        check(
            "java-1.8.0-ibm-1.8-1.nosrc.rpm",
            Some(("java-1.8.0-ibm", "1.8-1")),
        );
        check("a-1-2.x86_64.rpm", None);
        check("a-1.src.rpm", None);
        check("-1-2.src.rpm", None);
        check("", None);
    }

    #[test]
    fn a_log_that_holds_something_is_a_warning() {
        let check = |bytes: &[u8], warnings: usize| {
            let facts = analyse(&Rpm, "var/lib/rpm/rpmdb.sqlite-wal", bytes);
            assert_eq!(facts.warnings.len(), warnings, "{bytes:?}");
        };
        check(b"", 0);
        check(&[0; 5000], 0);
        let header = [&[0x37, 0x7f, 0x06, 0x82][..], &[0; 28]].concat();
        check(&header, 0);
        check(&[header, vec![0; 24 + 4096]].concat(), 1);
    }

    /// What is found, and what is said.
    fn check(path: &str, bytes: &[u8], packages: usize, warnings: &[&str]) {
        let facts = analyse(&Rpm, path, bytes);
        let found: Vec<String> = facts
            .warnings
            .iter()
            .map(|warning| match warning {
                Warning::Malformed { problem, .. } => problem.clone(),
                other => other.to_string(),
            })
            .collect();
        assert_eq!(found, warnings);
        assert_eq!(facts.packages.len(), packages, "{:?}", facts.packages);
    }

    #[test]
    fn what_is_no_database_is_a_warning() {
        check(BDB, b"", 0, &[]);
        check(BDB, b"something else", 0, &["it is not a database of rpm"]);
        let mut btree = vec![0; 512];
        btree[12..16].copy_from_slice(&[0x62, 0x31, 0x05, 0]);
        let problem = "it is a B-tree of Berkeley DB, which rpm does not keep headers in";
        check(BDB, &btree, 0, &[problem]);
        let mut bytes = rpm_bdb(&headers(), false);
        bytes[24] = 1;
        check(BDB, &bytes, 0, &["it is encrypted or has checksums"]);
        bytes[20] = 3;
        check(BDB, &bytes, 0, &["its pages have no possible size"]);
        let mut bytes = rpm_sqlite(&headers());
        bytes[59] = 2;
        check(SQLITE, &bytes, 0, &["its text is not UTF-8"]);
        bytes[59] = 1;
        let name = bytes.windows(8).position(|w| w == b"Packages").unwrap();
        bytes[name] = b'p';
        check(SQLITE, &bytes, 5, &[]);
        bytes[name + 1] = b'x';
        check(SQLITE, &bytes, 0, &["it has no table \"Packages\""]);
    }

    #[test]
    fn damaged_headers_are_warnings_with_their_place() {
        let check = |header: &[u8], packages: usize, problem: &[&str]| {
            let place = "NDB slot 2, header at byte 4112: ";
            let problems: Vec<String> = problem.iter().map(|p| format!("{place}{p}")).collect();
            let problems: Vec<&str> = problems.iter().map(String::as_str).collect();
            check(NDB, &rpm_ndb(&[header.to_vec()]), packages, &problems);
        };
        check(b"", 0, &["the header has 0 bytes"]);
        check(&[0; 7], 0, &["the header has 7 bytes"]);
        check(&[0; 8], 0, &["a package without a name"]);
        check(
            &[0xff; 40],
            0,
            &["the header breaks off within its index of 4294967295 tags"],
        );
        let named = RpmHeader::default().text(1000, "a");
        check(&named.bytes(), 0, &["the package \"a\" has no version"]);
        let whole = named.clone().text(1001, "1").bytes();
        check(&whole, 1, &[]);
        let cut = &whole[..whole.len() - 1];
        let problems = ["the header breaks off", "the package \"a\" has no version"];
        check(cut, 0, &problems);
        // A name of another type, and one that lies outside.
        check(
            &RpmHeader::default().numbers(1000, &[7]).bytes(),
            0,
            &["a package without a name"],
        );
        let mut outside = whole.clone();
        outside[16] = 0x7f;
        check(&outside, 0, &["a package without a name"]);
        // A name that is absurdly long.
        let long = RpmHeader::default().text(1000, &"a".repeat(2000));
        check(&long.bytes(), 0, &["a package without a name"]);
        // Files: one in the second of one directory, one without any, one whose path is too long.
        let files = named
            .text(1001, "1")
            .numbers(1116, &[0, 1])
            .texts(1117, &["a", "b", "c"])
            .texts(1118, &["/usr/"]);
        let problem = ["2 files without a directory, or with too long a path"];
        check(&files.bytes(), 1, &problem);
        let files = named_with_long_path();
        let problem = ["1 files without a directory, or with too long a path"];
        check(&files, 1, &problem);
    }

    fn named_with_long_path() -> Vec<u8> {
        let directory = format!("/{}/", "d".repeat(4090));
        let files = [format!("{directory}1234567"), format!("{directory}12345")];
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let package = RpmPackage {
            name: "a",
            version: "1",
            files: &files,
            ..RpmPackage::default()
        };
        package.header().bytes()
    }

    #[test]
    fn a_header_of_many_names_without_end_does_not_take_hours() {
        const TAGS: u32 = 1 << 18;
        let store = vec![b'a'; 16 << 20];
        let mut header = [TAGS.to_be_bytes(), (16_u32 << 20).to_be_bytes()].concat();
        for _ in 0..TAGS {
            // A name, a text, at the store's first byte, one of them.
            header.extend([1000_u32, 6, 0, 1].map(u32::to_be_bytes).as_flattened());
        }
        header.extend(store);
        let problem = "NDB slot 2, header at byte 4112: a package without a name";
        check(NDB, &rpm_ndb(&[header]), 0, &[problem]);
    }

    #[test]
    fn damaged_pages_of_a_hash_database_do_not_hide_the_others() {
        let headers = headers();
        let bytes = rpm_bdb(&headers, false);
        // Page 8 has the item of the last header, pages 9 and on its bytes; page 2 that of the first.
        let mut circle = bytes.clone();
        circle[9 * 512 + 16] = 9;
        check(
            BDB,
            &circle,
            4,
            &["item 1 of page 8 lies where another one does"],
        );
        let mut outside = bytes.clone();
        outside[9 * 512 + 18] = 0x7f;
        check(
            BDB,
            &outside,
            4,
            &["item 1 of page 8 leads out of the file"],
        );
        let mut other = bytes.clone();
        other[9 * 512 + 25] = 13;
        other[9 * 512 + 20] = 0;
        check(
            BDB,
            &other,
            4,
            &["item 1 of page 8 leads to a page of another type"],
        );
        let mut end = bytes.clone();
        end[9 * 512 + 16] = 0;
        check(BDB, &end, 4, &["item 1 of page 8 breaks off"]);
        let mut item = bytes.clone();
        item[2 * 512 + 28..2 * 512 + 30].copy_from_slice(&[0xff, 0xff]);
        check(BDB, &item, 4, &["item 1 of page 2 is damaged"]);
        let mut kind = bytes.clone();
        kind[2 * 512 + usize::from(bytes[2 * 512 + 28]) + 256 * usize::from(bytes[2 * 512 + 29])] =
            2;
        check(
            BDB,
            &kind,
            4,
            &["item 1 of page 2 is of no kind that rpm writes"],
        );
        let cut = &bytes[..bytes.len() - 512];
        let facts = analyse(&Rpm, BDB, cut);
        assert_eq!((facts.packages.len(), facts.warnings.len()), (4, 1));
    }

    #[test]
    fn damaged_slots_do_not_hide_the_others() {
        let bytes = rpm_ndb(&headers());
        let mut slot = bytes.clone();
        slot[32] = 0;
        check(NDB, &slot, 4, &["slot 2 is damaged"]);
        let mut place = bytes.clone();
        place[32 + 8 + 3] = 0x7f;
        check(NDB, &place, 4, &["the header of slot 2 is damaged"]);
        let mut length = bytes.clone();
        length[4096 + 12 + 3] = 0x7f;
        check(NDB, &length, 4, &["the header of slot 2 is damaged"]);
        let mut pages = bytes.clone();
        pages[12 + 3] = 0x7f;
        let facts = analyse(&Rpm, NDB, &pages);
        assert_eq!(facts.packages.len(), 5, "what follows is not slots");
        assert!(
            facts.warnings[0]
                .to_string()
                .ends_with("it breaks off within its slots")
        );
        // The last header, and its end.
        let cut = &bytes[..bytes.len() - 20];
        let facts = analyse(&Rpm, NDB, cut);
        assert_eq!((facts.packages.len(), facts.warnings.len()), (5, 2));
        // A hundred slots for the same blocks.
        let mut many = bytes.clone();
        let slot = many[32..48].to_vec();
        for at in (32..4096).step_by(16) {
            many[at..at + 16].copy_from_slice(&slot);
        }
        let facts = analyse(&Rpm, NDB, &many);
        assert!(facts.packages.len() < 40, "{}", facts.packages.len());
        let last = facts.warnings.last().unwrap().to_string();
        assert!(last.ends_with("headers lie over each other"), "{last}");
    }

    #[test]
    fn limits_are_kept() {
        let is_told = |facts: &Facts, what: &str| {
            let mut told = facts.warnings.iter().map(|warning| warning.to_string());
            assert!(
                told.any(|warning| warning.contains(what)),
                "{:?}",
                facts.warnings
            );
        };
        // A header that is too long.
        let header = RpmHeader::default().tag(1005, 7, 1, &vec![0; MAX_RPM_HEADER_BYTES]);
        let headers = [header.bytes(), self::headers().swap_remove(0)];
        for (path, bytes) in [
            (BDB, rpm_bdb(&headers, false)),
            (NDB, rpm_ndb(&headers)),
            (SQLITE, rpm_sqlite(&headers)),
        ] {
            let facts = analyse(&Rpm, path, bytes);
            assert_eq!(
                (facts.packages.len(), facts.warnings.len()),
                (1, 1),
                "{path}"
            );
        }
        // More files than any database has: all of them in the first directory.
        let files = MAX_RPM_FILES + 5;
        let header = RpmHeader::default()
            .text(1000, "a")
            .text(1001, "1")
            .tag(1116, 4, files, &vec![0; 4 * files])
            .tag(1117, 8, files, &b"a\0".repeat(files))
            .texts(1118, &["/"]);
        let facts = analyse(&Rpm, NDB, rpm_ndb(&[header.bytes()]));
        is_told(&facts, "files of packages");
        assert_eq!(facts.owned[0].files.iter().count(), MAX_RPM_FILES);
        // Fewer, but long ones, in two directories that have nothing in common.
        let files = 100_000;
        let numbers: Vec<u32> = (0..files).map(|file| file % 2).collect();
        let header = RpmHeader::default()
            .text(1000, "a")
            .text(1001, "1")
            .numbers(1116, &numbers)
            .tag(1117, 8, numbers.len(), &b"a\0".repeat(numbers.len()))
            .texts(
                1118,
                &["a", "b"]
                    .map(|letter| letter.repeat(4000))
                    .each_ref()
                    .map(|s| s.as_str()),
            );
        let facts = analyse(&Rpm, NDB, rpm_ndb(&[header.bytes()]));
        is_told(&facts, "bytes of file lists");
        assert_eq!(facts.owned, []);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn no_damage_makes_it_panic_or_run_away(
            database in 0..4_usize,
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
            end in prop::option::of(any::<prop::sample::Index>()),
        ) {
            let (path, mut bytes) = databases()[database].clone();
            for (at, byte) in flips {
                let at = at.index(bytes.len());
                bytes[at] ^= byte;
            }
            if let Some(end) = end {
                bytes.truncate(end.index(bytes.len() + 1));
            }
            let facts = analyse(&Rpm, path, &bytes);
            prop_assert!(facts.packages.len() <= bytes.len() / 16);
            let owned: usize = facts.owned.iter().map(|owned| owned.files.memory_bytes()).sum();
            prop_assert!(owned <= 8 * bytes.len(), "{owned}");
        }
    }
}
