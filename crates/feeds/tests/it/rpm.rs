//! Feeds of RPM distributions and Arch, in the shapes that their modules name, and the real ones there are.

use std::fmt::Write as _;

use crate::support::{Database, build, zip};

/// An OVAL file of one definition: metadata and criteria, and tests (id, name of the package, operation,
/// version).
fn oval(metadata: &str, criteria: &str, tests: &[(&str, &str, &str, &str)]) -> Vec<u8> {
    let (mut list, mut objects, mut states) = (String::new(), String::new(), String::new());
    for (id, name, operation, version) in tests {
        write!(list, r#"<rpminfo_test id="{id}"><object object_ref="o{id}"/><state state_ref="s{id}"/></rpminfo_test>"#).unwrap();
        write!(
            objects,
            r#"<rpminfo_object id="o{id}"><name>{name}</name></rpminfo_object>"#
        )
        .unwrap();
        write!(states, r#"<rpminfo_state id="s{id}"><evr datatype="evr_string" operation="{operation}">{version}</evr></rpminfo_state>"#).unwrap();
    }
    format!(
        r#"<?xml version="1.0"?><oval_definitions xmlns="http://oval.mitre.org/XMLSchema/oval-definitions-5">
        <definitions><definition id="d1" class="vulnerability"><metadata>{metadata}</metadata>{criteria}</definition></definitions>
        <tests>{list}</tests><objects>{objects}</objects><states>{states}</states></oval_definitions>"#
    )
    .into_bytes()
}

fn check(path: &str, content: &[u8], key: &str, expect: &str, skipped: &[(&str, u64)]) -> Database {
    let database = build(&[(path, content)]);
    assert_eq!(database.text(key), expect);
    assert_eq!(database.skipped(), skipped);
    database
}

#[test]
fn oracle_notices_name_release_module_and_architecture_in_comments() {
    let metadata = r#"<title>
ELSA-2024-0001:  a security update  (IMPORTANT)
</title><affected family="unix"><platform>Oracle Linux 8</platform></affected>
        <reference source="elsa" ref_id="ELSA-2024-0001" ref_url="https://linux.oracle.com/errata/ELSA-2024-0001.html"/>
        <reference source="CVE" ref_id="CVE-2024-1" ref_url="u"/><reference source="CVE" ref_id="CVE-2024-2" ref_url="u"/>
        <description>[1.2-3]</description><advisory><severity>IMPORTANT</severity><issued date="2024-01-02"/>
        <cve href="u">CVE-2024-1</cve><cve href="u">CVE-2024-2</cve></advisory>"#;
    let criteria = r#"<criteria operator="AND"><criterion test_ref="t0" comment="Oracle Linux 8 is installed"/>
        <criteria operator="OR">
          <criteria operator="AND"><criterion test_ref="m" comment="Module nodejs:18 is enabled"/>
            <criterion comment="Oracle Linux arch is x86_64"/><criterion test_ref="t1"/></criteria>
          <criteria operator="AND"><criterion comment="Oracle Linux arch is x86_64"/><criterion test_ref="t2"/><criterion test_ref="t3"/><criterion test_ref="t4"/></criteria>
          <criteria operator="AND"><criterion comment="Oracle Linux arch is aarch64"/><criterion test_ref="t5"/></criteria>
        </criteria></criteria>"#;
    let tests = [
        ("t0", "oraclelinux-release", "pattern match", "^8"),
        ("t1", "nodejs", "less than", "1:18.1-1"),
        ("t2", "a", "less than", "0:1.2-3.el8"),
        ("t3", "a-libs", "less than", "2:1.2-3.ksplice1.el8"),
        ("t4", "gnutls", "less than", "10:3.6-1_fips"),
        ("t5", "a", "less than", "0:1.2-3.el8"),
    ];
    let expect = r#"a CVE-2024-1 ELSA-2024-0001 [] ["high oracle"] Affected >= 0, < 1.2-3.el8
a CVE-2024-2 ELSA-2024-0001 [] ["high oracle"] Affected >= 0, < 1.2-3.el8
nodejs CVE-2024-1 ELSA-2024-0001 [] ["high oracle"] Affected >= 0, < 1:18.1-1 Module("nodejs:18")
nodejs CVE-2024-2 ELSA-2024-0001 [] ["high oracle"] Affected >= 0, < 1:18.1-1 Module("nodejs:18")
"#;
    let database = check(
        "com.oracle.elsa-all.xml",
        &oval(metadata, criteria, &tests),
        "oracle:8",
        expect,
        &[("left out: FIPS", 1), ("left out: Ksplice", 1)],
    );
    let advisory = database.shard("oracle:8");
    let advisory = advisory.advisory(0).unwrap();
    assert_eq!(advisory.title, Some("a security update"));
    assert_eq!(advisory.published.unwrap().to_string(), "2024-01-02");
}

#[test]
fn suse_vulnerabilities_are_fixed_open_or_not_there() {
    let metadata = r#"<title>CVE-2024-1</title><affected family="unix"><platform>SUSE Linux Enterprise Server 15 SP6</platform></affected>
        <reference ref_id="Mitre CVE-2024-1" ref_url="u" source="CVE"/><reference ref_id="SUSE CVE-2024-1" ref_url="u" source="SUSE CVE"/>
        <reference ref_id="SUSE-SU-2024:1-1" ref_url="u" source="SUSE-SU"/>
        <description>    Something bad. And more.    </description>
        <advisory from="security@suse.de"><issued date="2024-04-30"/><updated date="2024-07-14"/><severity>Moderate</severity>
          <cve impact="moderate" cvss3="7/CVSS:3.1/AV:L/AC:H/PR:L/UI:N/S:U/C:H/I:H/A:H" href="u">CVE-2024-1</cve></advisory>"#;
    let criteria = r#"<criteria operator="OR">
        <criteria operator="AND"><criteria operator="OR">
            <criterion test_ref="p" comment="SUSE Linux Enterprise Module for Basesystem 15 SP6 is installed"/>
            <criterion test_ref="p" comment="SUSE Linux Enterprise Server 15 SP6 is installed"/>
            <criterion test_ref="p" comment="openSUSE Leap 15.6 is installed"/></criteria>
          <criteria operator="OR"><criterion test_ref="t1" comment="a-1 is installed"/><criterion test_ref="t2" comment="b is affected"/>
            <criterion test_ref="t3" comment="c is not affected"/></criteria></criteria>
        <criteria operator="AND"><criterion test_ref="p" comment="SUSE Linux Enterprise Server 15 SP5-LTSS is installed"/><criterion test_ref="t1"/></criteria>
        </criteria>"#;
    let tests = [
        ("p", "sles-release", "greater than or equal", "15.6"),
        ("t1", "a", "less than", "0:1.2-150600.1.1"),
        ("t2", "b", "greater than", "0:0-0"),
        ("t3", "c", "less than", "0:0-0"),
    ];
    let expect = r#"a CVE-2024-1 CVE-2024-1 [] ["medium suse", "high suse, CVSS 3.1"] Affected >= 0, < 1.2-150600.1.1
b CVE-2024-1 CVE-2024-1 [] ["medium suse", "high suse, CVSS 3.1"] Affected >= 0
c CVE-2024-1 CVE-2024-1 [] ["medium suse", "high suse, CVSS 3.1"] NotAffected >= 0
"#;
    let database = check(
        "suse.linux.enterprise.server.15-affected.xml",
        &oval(metadata, criteria, &tests),
        "suse:15.6",
        expect,
        &[("left out: extended support", 1)],
    );
    assert_eq!(database.text("opensuse:leap-15.6"), expect);
}

#[test]
fn files_of_several_products_tell_of_one_vulnerability() {
    let file = |product: &str, updated: &str, version: &str| {
        oval(
            &format!(
                r#"<title>CVE-2024-1</title><reference ref_id="Mitre CVE-2024-1" source="CVE"/><description>Of {product}.</description>
                <advisory><updated date="{updated}"/><severity>Low</severity></advisory>"#
            ),
            &format!(
                r#"<criteria operator="AND"><criterion comment="{product} is installed"/><criterion test_ref="t1"/></criteria>"#
            ),
            &[("t1", "a", "less than", version)],
        )
    };
    let twelve = file(
        "SUSE Linux Enterprise Server 12 SP5",
        "2024-01-01",
        "0:1-12",
    );
    let fifteen = file(
        "SUSE Linux Enterprise Server 15 SP6",
        "2024-02-01",
        "0:1-15",
    );
    let mut files = [
        ("suse.linux.enterprise.server.12.xml", &twelve[..]),
        ("suse.linux.enterprise.server.15.xml", &fifteen[..]),
        ("suse.linux.enterprise.server.15-affected.xml", &fifteen[..]),
    ];
    for _ in 0..2 {
        let database = build(&files);
        for (key, version) in [("suse:12.5", "1-12"), ("suse:15.6", "1-15")] {
            let expect =
                format!("a CVE-2024-1 CVE-2024-1 [] [\"low suse\"] Affected >= 0, < {version}\n");
            assert_eq!(database.text(key), expect);
        }
        let source = &database.built.index.sources[0];
        assert_eq!(source.date.as_deref(), Some("2024-02-01"));
        files.reverse();
    }
}

#[test]
fn azure_linux_says_what_was_never_affected() {
    let file = |patchable: &str, operation: &str| {
        oval(
            &format!(
                r#"<title>CVE-2024-1 affecting package a for versions less than 1-2</title>
                <reference ref_id="CVE-2024-1" ref_url="u" source="CVE"/><patchable>{patchable}</patchable>
                <advisory_date>2024-07-23T22:05:39Z</advisory_date><severity>High</severity><description>x</description>"#
            ),
            r#"<criteria operator="AND"><criterion comment="Package a is earlier than 1-2" test_ref="t1"/></criteria>"#,
            &[("t1", "a", operation, "0:1-2.azl3")],
        )
    };
    for (patchable, operation, expect) in [
        ("true", "less than", "Affected >= 0, < 1-2.azl3"),
        ("false", "less than or equal", "Affected >= 0, <= 1-2.azl3"),
        ("Not Applicable", "less than", "NotAffected >= 0"),
    ] {
        check(
            "azurelinux-3.0-oval.xml",
            &file(patchable, operation),
            "azure-linux:3.0",
            &format!("a CVE-2024-1 CVE-2024-1 [] [\"high azure\"] {expect} Source\n"),
            &[],
        );
    }
}

#[test]
fn the_real_azure_file_is_read_whole() {
    let path = "oval/azurelinux-3.0-oval.xml.bz2";
    let Some(file) = lamina_testkit::shared(&format!("advisories/feeds/{path}")) else {
        return;
    };
    let database = build(&[(path, &std::fs::read(file).unwrap())]);
    database.print_sizes();
    let source = &database.built.index.sources[0];
    assert_eq!((source.records, source.skipped), (1_222, 0));
    let text = database.text("azure-linux:3.0");
    assert_eq!(text.lines().count(), 1_222);
    assert!(text.contains("oath-toolkit CVE-2024-47191 CVE-2024-47191 [] [\"high azure\"] Affected >= 0, < 2.6.7-3.azl3 Source\n"));
    assert!(text.contains("cloud-hypervisor CVE-2023-45853 CVE-2023-45853 [] [\"critical azure\"] NotAffected >= 0 Source\n"));
}

#[test]
fn superseded_files_are_listed_with_their_reason() {
    for path in [
        "oval/com.redhat.rhsa-RHEL9.20230427.xml.bz2",
        "oval/org.rockylinux.rlsa-9.xml.bz2",
        "oval/com.ubuntu.noble.usn.oval.xml.bz2",
        "redhat/csaf_advisories_2026-08-22.tar.zst",
    ] {
        let database = build(&[(path, b"")]);
        assert_eq!(database.built.skipped.len(), 1, "{path}");
        assert!(database.built.index.sources.is_empty(), "{path}");
    }
}

const UPDATES: &str = r#"<?xml version="1.0" ?><updates><update author="x" from="x" status="final" type="security" version="1.4">
    <id>ALAS2-2018-939</id><title>Amazon Linux 2 - ALAS2-2018-939: critical priority package update for kernel</title>
    <issued date="2018-01-11 21:05" /><updated date="2018-01-16 01:28" /><severity>critical</severity><description>Package updates &amp; more</description>
    <references><reference href="u" id="CVE-2017-5754" title="" type="cve" /><reference href="u" id="CVE-2017-5715" type="cve" /></references>
    <pkglist><collection short="amazon-linux"><name>Amazon Linux</name>
      <package arch="x86_64" epoch="0" name="kernel" release="38.79.amzn2" version="4.9.76"><filename>Packages/kernel.rpm</filename></package>
      <package arch="aarch64" epoch="0" name="kernel" release="38.79.amzn2" version="4.9.76"><filename>Packages/kernel.rpm</filename></package>
      <package arch="x86_64" epoch="3" name="kernel-tools" release="38.79.amzn2" version="4.9.76"/>
      <package arch="x86_64" epoch="0" name="kernel-debuginfo-common-x86_64" release="38.79.amzn2" version="4.9.76"/>
    </collection></pkglist></update>
    <update><id>ALAS2DOCKER-2023-1</id></update><update><id>ALAS2-2020-1</id></update></updates>"#;

#[test]
fn amazon_notices_are_those_of_the_core() {
    check(
        "repodata/0-updateinfo.xml",
        UPDATES.as_bytes(),
        "amazon:2",
        r#"kernel CVE-2017-5715 ALAS2-2018-939 [] ["critical amazon"] Affected >= 0, < 4.9.76-38.79.amzn2
kernel CVE-2017-5754 ALAS2-2018-939 [] ["critical amazon"] Affected >= 0, < 4.9.76-38.79.amzn2
kernel-tools CVE-2017-5715 ALAS2-2018-939 [] ["critical amazon"] Affected >= 0, < 3:4.9.76-38.79.amzn2
kernel-tools CVE-2017-5754 ALAS2-2018-939 [] ["critical amazon"] Affected >= 0, < 3:4.9.76-38.79.amzn2
"#,
        &[
            ("left out: a notice about no CVE", 1),
            ("left out: repository other than the core", 1),
        ],
    );
}

#[test]
fn bottlerocket_notices_go_to_one_shard() {
    let file = r#"<updates><update type="security"><id>BRSA-hc1ikaaaqfgw</id><title>a CVE-2025-1</title><issued date="2025-08-12T00:57:00Z"/>
        <severity>important</severity><references><reference href="u" id="CVE-2025-1" type="cve"/><reference href="u" id="BRSA-hc1ikaaaqfgw" type="brsa"/></references>
        <pkglist><collection short="bottlerocket"><package arch="x86_64" name="a" version="3.3" release="1.17.br1" epoch="0"/></collection></pkglist></update></updates>"#;
    check(
        "advisories.bottlerocket.aws/updateinfo.xml",
        file.as_bytes(),
        "bottlerocket",
        "a CVE-2025-1 BRSA-hc1ikaaaqfgw [] [\"high bottlerocket\"] Affected >= 0, < 3.3-1.17.br1\n",
        &[],
    );
}

const ERRATA: &str = r#"[
  {"_id": {"$oid": "6"}, "updateinfo_id": "ALSA-2021:3253", "description": "More.", "issued_date": {"$date": 1629790196000},
   "pkglist": {"name": "x", "packages": [
     {"name": "nodejs", "version": "18.1", "release": "1.module_el8.4.0+1+a", "epoch": "1", "arch": "x86_64", "src": "s"},
     {"name": "nodejs", "version": "18.1", "release": "1.module_el8.4.0+1+a", "epoch": "1", "arch": "aarch64"},
     {"name": "helper", "version": "2", "release": "1.el8", "epoch": "0", "arch": "noarch"}],
     "module": {"name": "nodejs", "stream": "18", "version": 8040020210817133458, "arch": "x86_64", "context": "522a0ee4"}},
   "references": [{"href": "https://vulners.com/cve/CVE-2021-3246", "type": "cve", "id": "CVE-2021-3246"}],
   "severity": "Important", "title": "Important: nodejs security update", "type": "security", "updated_date": {"$date": 1629804795086}},
  {"updateinfo_id": "ALBA-2021:3240", "references": [], "severity": "None", "title": "bugfix"},
  {"title": "no id"}]"#;

const OSV_ALMA: &str = r#"{"id":"ALSA-2021:3253","modified":"2021-08-24T00:00:00Z","related":["CVE-2021-3246"],"summary":"Important: nodejs",
    "affected":[{"package":{"ecosystem":"AlmaLinux:8","name":"nodejs"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1:18.1-1.module_el8.4.0+1+a"}]}]},
                {"package":{"ecosystem":"AlmaLinux:9","name":"nodejs"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1:18.1-1.el9"}]}]}]}"#;

#[test]
fn alma_errata_have_modules_and_rule_their_release() {
    let osv = zip(&[("ALSA-2021:3253.json", OSV_ALMA)]);
    let database = build(&[
        ("AlmaLinux/all.zip", &osv),
        ("errata.almalinux.org/8/errata.json", ERRATA.as_bytes()),
    ]);
    assert_eq!(
        database.text("almalinux:8"),
        r#"helper CVE-2021-3246 ALSA-2021:3253 [] ["high alma"] Affected >= 0, < 2-1.el8
nodejs CVE-2021-3246 ALSA-2021:3253 [] ["high alma"] Affected >= 0, < 1:18.1-1.module_el8.4.0+1+a Module("nodejs:18")
"#
    );
    // Of 9 there are no errata: OSV is heard.
    assert_eq!(
        database.text("almalinux:9"),
        "nodejs CVE-2021-3246 ALSA-2021:3253 [] [\"high alsa\"] Affected >= 0, < 1:18.1-1.el9\n"
    );
    assert_eq!(
        database.skipped(),
        [
            ("left out: a notice about no CVE", 1),
            ("unreadable: erratum", 1),
            ("left out: almalinux-errata says more of this release", 1),
        ]
    );
    let shard = database.shard("almalinux:8");
    let advisory = shard.advisory(0).unwrap();
    assert_eq!(advisory.published.unwrap().to_string(), "2021-08-24");
}

#[test]
fn photon_rows_of_one_package_are_one_entry() {
    let rows = r#"[{"cve_id":"CVE-2019-1","pkg":"a","cve_score":10,"aff_ver":"all versions before 2.7.6-1.ph3 are vulnerable","res_ver":"2.7.6-1.ph3"},
        {"cve_id":"CVE-2019-1","pkg":"a","cve_score":10,"aff_ver":"all versions before 2.7.6-2.ph3 are vulnerable","res_ver":"2.7.6-2.ph3"},
        {"cve_id":"CVE-2019-2","pkg":"a","cve_score":1,"aff_ver":"all","res_ver":"NA"},
        {"cve_id":"CVE-2019-3","pkg":"a","cve_score":1,"aff_ver":"NA","res_ver":"NA","status":"Not Affected"},
        {"cve_id":"UNK-1","pkg":"a","res_ver":"NA"}, {"pkg":"a"}]"#;
    check(
        "cve_data_photon3.0.json",
        rows.as_bytes(),
        "photon:3.0",
        "a CVE-2019-1 CVE-2019-1 [] [] Affected >= 0, < 2.7.6-2.ph3 Source
a CVE-2019-2 CVE-2019-2 [] [] Affected >= 0 Source
a CVE-2019-3 CVE-2019-3 [] [] NotAffected >= 0 Source
",
        &[("left out: no id in it", 1), ("unreadable: row", 1)],
    );
}

#[test]
fn arch_groups_name_the_fix_once_it_is_known() {
    let groups = r#"[{"name":"AVG-1324","packages":["glibc","lib32-glibc"],"affected":"2.38-1","fixed":"2.38-2","severity":"High","status":"Fixed",
          "type":"arbitrary code execution","issues":["CVE-2023-4911"],"advisories":["ASA-202310-01"]},
        {"name":"AVG-9999","packages":["pam"],"affected":"1.7.0-2","fixed":null,"severity":"Medium","status":"Vulnerable","type":"x","issues":["CVE-2025-6020"]},
        {"name":"AVG-3","packages":["b"],"affected":"1","fixed":null,"severity":"Unknown","status":"Not affected","type":"x","issues":["CVE-2025-1"]},
        {"name":"AVG-4","packages":["c"],"affected":"1","fixed":null,"severity":"Unknown","status":"Unknown","type":"x","issues":["CVE-2025-1"]},
        {"name":"AVG-2222","packages":["t"],"affected":"0.9","fixed":"1.0","severity":"Low","status":"Fixed","type":"x","issues":[]},
        {"name":"AVG-5","packages":["t"],"status":"New word","issues":["CVE-2025-1"]}, {}]"#;
    check(
        "security.archlinux.org/all.json",
        groups.as_bytes(),
        "arch",
        r#"b CVE-2025-1 AVG-3 [] [] NotAffected >= 0
c CVE-2025-1 AVG-4 [] [] UnderInvestigation >= 0
glibc CVE-2023-4911 AVG-1324 [] ["high arch"] Affected >= 0, < 2.38-2
lib32-glibc CVE-2023-4911 AVG-1324 [] ["high arch"] Affected >= 0, < 2.38-2
pam CVE-2025-6020 AVG-9999 [] ["medium arch"] Affected >= 0
"#,
        &[
            ("left out: a group about no CVE", 1),
            ("unreadable: group", 1),
            ("unreadable: status", 1),
        ],
    );
}

/// What is cut off or has a byte changed is read or refused, and never panics.
#[test]
fn broken_files_never_panic() {
    let suse = oval(
        r#"<title>CVE-2024-1</title><reference ref_id="CVE-2024-1" source="CVE"/><advisory><severity>x</severity></advisory>"#,
        r#"<criteria operator="AND"><criterion comment="SUSE Linux Enterprise Server 15 is installed"/><criterion test_ref="t1"/></criteria>"#,
        &[("t1", "a", "less than", "0:1-2")],
    );
    let files: [(&str, &[u8]); 6] = [
        ("com.oracle.elsa-all.xml", &suse),
        ("suse.linux.enterprise.server.15.xml", &suse),
        ("azurelinux-3.0-oval.xml", &suse),
        ("updateinfo.xml", UPDATES.as_bytes()),
        ("8/errata.json", ERRATA.as_bytes()),
        ("eol/debian.json", br#"[{"cycle":"12","eol":"2026-07-11"}]"#),
    ];
    for (path, content) in files {
        for position in 0..content.len() {
            let mut changed = content.to_vec();
            changed[position] ^= 0x21;
            for bytes in [&changed[..], &content[..position]] {
                let mut builder = lamina_feeds::Builder::new(crate::support::NOW);
                let _ = crate::support::read(&mut builder, path, bytes);
            }
        }
    }
}

#[test]
fn listings_name_the_files_of_the_day() {
    let listed = |feed: &str, path: &str, content: &str| {
        let feed = lamina_feeds::FEEDS
            .iter()
            .find(|known| known.id() == feed)
            .unwrap();
        let listing = lamina_feeds::Location::new(format!("https://x/repodata/{path}"), path);
        let listing = if path.ends_with("repomd.xml") {
            lamina_feeds::Location::new("https://x/repodata/repomd.xml", path)
        } else {
            listing
        };
        match feed.listed(&listing, Some(content.as_bytes())) {
            Ok(locations) => locations
                .iter()
                .map(|location| format!("{} {}", location.url, location.path))
                .collect::<Vec<_>>(),
            Err(error) => vec![error.to_string()],
        }
    };
    assert_eq!(
        listed(
            "redhat-vex",
            "archive_latest.txt",
            "csaf_vex_2026-08-22.tar.zst\n"
        ),
        [
            "https://security.access.redhat.com/data/csaf/v2/vex/csaf_vex_2026-08-22.tar.zst csaf_vex_latest.tar.zst"
        ]
    );
    for content in [
        "",
        "<html>",
        "../csaf_vex_1.tar.zst",
        "csaf_vex_1/../x.tar.zst",
    ] {
        let found = listed("redhat-vex", "archive_latest.txt", content);
        assert_eq!(
            found,
            ["listing cannot be read: it names no archive"],
            "{content}"
        );
    }
    assert_eq!(
        listed(
            "photon",
            "photon_versions.json",
            r#"{"branches":["4.0","5.0","../x"]}"#
        ),
        [
            "https://packages.vmware.com/photon/photon_cve_metadata/cve_data_photon4.0.json cve_data_photon4.0.json",
            "https://packages.vmware.com/photon/photon_cve_metadata/cve_data_photon5.0.json cve_data_photon5.0.json",
        ]
    );
    assert_eq!(
        listed(
            "amazon",
            "2023/mirror.list",
            "https://cdn.example/al2023/guid/x86_64/\n"
        ),
        ["https://cdn.example/al2023/guid/x86_64/repodata/repomd.xml 2023/repomd.xml"]
    );
    let index = r#"<repomd><data type="primary"><location href="repodata/p.xml.gz"/></data>
        <data type="updateinfo"><location href="repodata/1-updateinfo.xml.gz"/></data></repomd>"#;
    assert_eq!(
        listed("amazon", "2023/repomd.xml", index),
        ["https://x/repodata/1-updateinfo.xml.gz 2023/updateinfo.xml.gz"]
    );
    // What is fetched is claimed by the feed that fetches it.
    let today = lamina_advisories::record::Day::parse("2026-11-23").unwrap();
    for feed in lamina_feeds::FEEDS {
        for location in feed.locations(today) {
            if !location.is_listing {
                let path = format!("{}/{}", feed.id(), location.path);
                let claimed = lamina_feeds::feed_for(&path).map(|feed| feed.id());
                assert_eq!(claimed, Some(feed.id()), "{path}");
            }
        }
    }
}
