//! VEX documents: samples of other tools, tables of statements, hostile ones, and our own.

use std::{error::Error as _, fmt::Write as _};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use lamina_inventory::severity::Severity::High;
use lamina_policy::{
    Finding, Image, MAX_VEX_BYTES, MAX_VEX_ENVELOPES, MAX_VEX_IDS, MAX_VEX_LIST, MAX_VEX_NODES,
    MAX_VEX_NOTES, MAX_VEX_PRODUCTS, Package, Subject, Why, evaluate,
    vex::{self, Document, Format, VexError, VexStatus, image_names},
};

use crate::{NOW, policy};

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// The samples, without the schema that lies beside them.
fn samples() -> Vec<(String, Vec<u8>)> {
    let Some(folder) = lamina_testkit::shared("samples/vex") else {
        return Vec::new();
    };
    let mut samples: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .filter(|(name, _)| !name.contains("schema"))
        .collect();
    samples.sort();
    samples
}

fn parse(text: &str) -> Document {
    Document::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error:?}\n{text}"))
}

/// A finding with this id in the package of this purl.
fn finding(id: &'static str, purl: &'static str) -> Finding<'static> {
    Finding {
        id,
        severity: High,
        at: Package {
            purl,
            ..Package::default()
        },
        ..Finding::default()
    }
}

fn subject(name: &'static str, findings: &[Finding<'static>]) -> Subject<'static> {
    Subject {
        image: Image {
            name,
            digest: Some(DIGEST),
            ..Image::default()
        },
        findings: findings.to_vec(),
        ..Subject::default()
    }
}

/// What the documents say of one finding of the image `debian:12`.
fn says(documents: &[Document], id: &'static str, purl: &'static str) -> String {
    let subject = subject("debian:12", &[finding(id, purl)]);
    let matches = vex::matches(documents, &subject, &[]);
    match matches.as_slice() {
        [] => "nothing".to_owned(),
        [one] => {
            assert_eq!(one.suppresses, one.status.suppresses());
            one.words().into_owned()
        }
        more => panic!("one finding, {} matches", more.len()),
    }
}

#[test]
fn every_sample_is_read() {
    let samples = samples();
    let read: Vec<String> = samples
        .iter()
        .map(|(name, bytes)| {
            let document = Document::parse(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            let author = document.author().unwrap_or("nobody");
            format!(
                "{name}: {} of {author}, {} statements, {} notes",
                document.format(),
                document.len(),
                document.notes().len()
            )
        })
        .collect();
    if read.is_empty() {
        return;
    }
    assert_eq!(
        read,
        [
            "csaf-vex-01-a-001.json: CSAF of Example Company ProductCERT, 0 statements, 1 notes",
            "csaf-vex-01-na-001.json: CSAF of Example Company ProductCERT, 0 statements, 1 notes",
            "csaf-vex-02-na-001.json: CSAF of Example Company ProductCERT, 0 statements, 19 notes",
            "csaf-vex-03-ms-001.json: CSAF of Example Company ProductCERT, 0 statements, 19 notes",
            "cyclonedx-cisa-case-1-vex-affected.json: CycloneDX of nobody, 0 statements, 1 notes",
            "cyclonedx-cisa-case-1-vex-fixed.json: CycloneDX of nobody, 0 statements, 1 notes",
            "cyclonedx-cisa-case-1-vex-not_affected.json: CycloneDX of nobody, 0 statements, 1 notes",
            "cyclonedx-cisa-case-2.json: CycloneDX of nobody, 0 statements, 19 notes",
            "cyclonedx-cisa-case-3.json: CycloneDX of nobody, 0 statements, 19 notes",
            "cyclonedx-cisa-case-4.json: CycloneDX of nobody, 0 statements, 1 notes",
            "openvex_many_vuln.json: OpenVEX of Example Org, 6 statements, 0 notes",
            "openvex_one_vuln.json: OpenVEX of Example Org, 1 statements, 0 notes",
            "trivy-csaf-relationships.json: CSAF of VMWare, Inc., 1 statements, 0 notes",
            "trivy-csaf.json: CSAF of Example Company ProductCERT, 1 statements, 0 notes",
            "trivy-cyclonedx.json: CycloneDX of nobody, 2 statements, 0 notes",
            "trivy-openvex-multiple.json: OpenVEX of Aqua Security, 2 statements, 0 notes",
            "trivy-openvex-nested.json: OpenVEX of Aqua Security, 1 statements, 0 notes",
            "trivy-openvex-oci-mismatch.json: OpenVEX of Aqua Security, 1 statements, 0 notes",
            "trivy-openvex-oci.json: OpenVEX of Aqua Security, 1 statements, 0 notes",
            "trivy-openvex.json: OpenVEX of Aqua Security, 1 statements, 0 notes",
        ]
    );
}

#[test]
fn samples_say_what_their_tools_take_them_to_say() {
    let samples = samples();
    let check = |name: &str, id: &'static str, purl: &'static str, expect: &str| {
        let Some((_, bytes)) = samples.iter().find(|(other, _)| other == name) else {
            return;
        };
        let documents = [Document::parse(bytes).unwrap()];
        assert_eq!(says(&documents, id, purl), expect, "{name}");
    };
    let spring = "pkg:maven/org.springframework.boot/spring-boot@2.6.0";
    let not_in_path = "OpenVEX of Aqua Security, 2023-01-17: CVE-2021-44228 not affected (vulnerable \
                       code not in execute path)";
    check("trivy-openvex.json", "CVE-2021-44228", spring, not_in_path);
    check("trivy-openvex.json", "CVE-2021-44229", spring, "nothing");
    let newer = "pkg:maven/org.springframework.boot/spring-boot@2.6.1";
    check("trivy-openvex.json", "CVE-2021-44228", newer, "nothing");
    check(
        "trivy-openvex-multiple.json",
        "CVE-2021-44228",
        spring,
        &format!(
            "{not_in_path} (the newest statement; Grype takes the oldest: OpenVEX of Aqua Security, \
             2023-01-15: CVE-2021-44228 affected)"
        ),
    );
    let bash = "pkg:deb/debian/bash@5.2.15-2%2Bb2?arch=amd64&distro=debian-12";
    check(
        "trivy-openvex-oci.json",
        "CVE-2022-3715",
        bash,
        "OpenVEX of Aqua Security, 2023-01-17: CVE-2022-3715 not affected (vulnerable code not in \
         execute path)",
    );
    check(
        "trivy-openvex-oci-mismatch.json",
        "CVE-2022-3715",
        bash,
        "nothing",
    );
    // Whether the product depends on it is not known of an image: nothing is left out.
    let transitive = "pkg:golang/github.com/aquasecurity/go-transitive@v4.0.0";
    check(
        "trivy-openvex-nested.json",
        "CVE-2024-0001",
        transitive,
        "nothing",
    );
    let direct = "pkg:golang/github.com/aquasecurity/go-direct1@v2.0.0";
    check(
        "trivy-openvex-nested.json",
        "CVE-2024-0001",
        direct,
        "nothing",
    );
    check(
        "trivy-csaf-relationships.json",
        "CVE-2024-0001",
        transitive,
        "nothing",
    );
    check(
        "trivy-csaf.json",
        "CVE-2024-0001",
        transitive,
        "CSAF of Example Company ProductCERT, 2022-03-03: CVE-2024-0001 not affected: \
         vulnerable_code_not_in_execute_path",
    );
    check(
        "trivy-cyclonedx.json",
        "CVE-2021-44228",
        spring,
        "CycloneDX: CVE-2021-44228 not affected (code not reachable)",
    );
    let cpp = "pkg:deb/ubuntu/libstdc%2B%2B6@12.3.0-1ubuntu1~22.04?arch=amd64&distro=ubuntu-22.04";
    check(
        "trivy-cyclonedx.json",
        "CVE-2022-27943",
        cpp,
        "CycloneDX: CVE-2022-27943 not affected",
    );

    let apk = |id, purl, expect: &str| {
        let expect = format!("OpenVEX of Example Org, 2026-07-29: {expect}");
        check("openvex_many_vuln.json", id, purl, &expect);
    };
    apk(
        "CVE-2024-10001",
        "pkg:apk/alpine/apk-tools@2.10.6-r0?arch=x86_64&distro=alpine-3.10.9",
        "CVE-2024-10001 not affected (vulnerable code not present)",
    );
    apk(
        "CVE-2024-10002",
        "pkg:apk/alpine/busybox@1.30.1-r3?arch=x86_64&distro=alpine-3.10.9",
        "CVE-2024-10002 affected: No action statement provided",
    );
    apk(
        "GHSA-jfh8-c2jp-5v3q",
        "pkg:apk/alpine/zlib@1.2.11-r1?arch=x86_64&distro=alpine-3.10.9",
        "CVE-2024-10005 not affected (inline mitigations already exist): The affected code path is \
         disabled at build time.",
    );
    apk(
        "CVE-2024-10006",
        "pkg:apk/alpine/openssl@1.1.1k-r0?arch=x86_64",
        "CVE-2024-10006 not affected (component not present)",
    );
}

const BASH: &str = "pkg:deb/debian/bash@5.2?arch=amd64&distro=debian-12";

/// An OpenVEX document of these statements.
fn openvex(statements: &str) -> String {
    format!(
        r#"{{"@context":"https://openvex.dev/ns/v0.2.0","author":"us",
            "timestamp":"2026-01-02T00:00:00Z","statements":[{statements}]}}"#
    )
}

/// A statement `not_affected` about CVE-1.
fn about(products: &str) -> String {
    openvex(&format!(
        r#"{{"vulnerability":{{"name":"CVE-1"}},"status":"not_affected","products":[{products}]}}"#
    ))
}

#[test]
fn products_are_images_with_subcomponents_or_packages() {
    let check = |products: &str, expect: bool| {
        let said = says(&[parse(&about(products))], "CVE-1", BASH);
        assert_eq!(said != "nothing", expect, "{products}: {said}");
    };
    check(r#"{"@id":"pkg:oci/debian"}"#, true);
    check(r#"{"@id":"debian:12"}"#, true);
    check(r#""docker.io/library/debian""#, true);
    check(&format!(r#"{{"@id":"{DIGEST}"}}"#), true);
    check(&format!(r#"{{"@id":"{}"}}"#, &DIGEST[7..]), true);
    check(
        &format!(
            r#"{{"@id":"https://acme.example/x","hashes":{{"sha-256":"{}"}}}}"#,
            &DIGEST[7..]
        ),
        true,
    );
    check(
        r#"{"@id":"x","identifiers":{"purl":"pkg:oci/debian?tag=12"}}"#,
        true,
    );
    check(r#"{"@id":"pkg:oci/ubuntu"}"#, false);
    check(
        r#"{"@id":"pkg:oci/debian","subcomponents":[{"@id":"pkg:deb/debian/bash"}]}"#,
        true,
    );
    check(
        r#"{"@id":"pkg:oci/debian","subcomponents":[{"@id":"pkg:deb/debian/zsh"}]}"#,
        false,
    );
    check(
        r#"{"@id":"pkg:oci/debian","subcomponents":[{"@id":"x"},{"@id":"pkg:deb/debian/bash@5.2"}]}"#,
        true,
    );
    // What cannot be told does not turn into the whole image.
    check(
        r#"{"@id":"pkg:oci/debian","subcomponents":[{"@id":""}]}"#,
        false,
    );
    check(
        r#"{"@id":"pkg:oci/debian","subcomponents":[{"cpe":"x"}]}"#,
        false,
    );
    check(r#"{"@id":"pkg:deb/debian/bash"}"#, true);
    check(r#""pkg:deb/debian/bash@5.2""#, true);
    check(r#"{"@id":"pkg:deb/debian/bash@5.1"}"#, false);
    check(
        r#"{"@id":"pkg:deb/debian/zsh"},{"@id":"pkg:deb/debian/bash"}"#,
        true,
    );
    check(
        r#"{"@id":"pkg:deb/debian/bash","subcomponents":[{"@id":"pkg:deb/debian/bash"}]}"#,
        false,
    );
    check("", false);
    check("{}", false);
}

#[test]
fn the_newest_statement_counts() {
    let statement = |status: &str, day: &str| {
        let time = match day {
            "" => String::new(),
            day => format!(r#","timestamp":"{day}T00:00:00Z""#),
        };
        format!(
            r#"{{"vulnerability":"CVE-1","status":"{status}","products":["pkg:deb/debian/bash"]{time}}}"#
        )
    };
    let check = |documents: &[Document], status: VexStatus, in_grype: Option<&str>| {
        let subject = subject("debian:12", &[finding("CVE-1", BASH)]);
        let found = vex::matches(documents, &subject, &[]);
        assert_eq!(found[0].status, status, "{:?}", found[0]);
        let grype = found[0]
            .in_grype
            .map(|text| text.split_once(": ").unwrap().1);
        assert_eq!(grype, in_grype);
    };
    let one = |statements: &[&str]| parse(&openvex(&statements.join(",")));
    let (old, new) = (
        statement("not_affected", "2026-02-01"),
        statement("affected", "2026-03-01"),
    );
    let affected = VexStatus::Affected;
    let not_affected = VexStatus::NotAffected;
    check(&[one(&[&old, &new])], affected, Some("CVE-1 not affected"));
    check(&[one(&[&new, &old])], affected, Some("CVE-1 not affected"));
    check(
        &[one(&[&new]), one(&[&old])],
        affected,
        Some("CVE-1 not affected"),
    );
    check(&[one(&[&old]), one(&[&old])], not_affected, None);
    // Of the same time Trivy takes the first, Grype the last.
    let same = statement("affected", "2026-02-01");
    check(&[one(&[&old, &same])], not_affected, Some("CVE-1 affected"));
    check(&[one(&[&same, &old])], affected, Some("CVE-1 not affected"));
    // Without a time of its own a statement has its document's, of January.
    check(
        &[one(&[&statement("fixed", ""), &new])],
        affected,
        Some("CVE-1 fixed"),
    );
    check(&[one(&[&statement("fixed", ""), &old])], not_affected, None);
}

#[test]
fn attestations_are_unwrapped() {
    let statement = |products: &str| {
        format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://openvex.dev/ns/v0.2.0",
                "subject":[{{"name":"x","digest":{{"sha256":"{}"}}}}],"predicate":{}}}"#,
            &DIGEST[7..],
            about(products)
        )
    };
    let envelope = |payload: &str| {
        format!(
            r#"{{"payloadType":"application/vnd.in-toto+json","signatures":[],"payload":"{}"}}"#,
            BASE64_STANDARD.encode(payload)
        )
    };
    let bundle = |envelope: &str| {
        format!(
            r#"{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",
                "verificationMaterial":{{}},"dsseEnvelope":{envelope}}}"#
        )
    };
    let check = |text: &str, expect: bool| {
        let said = says(&[parse(text)], "CVE-1", BASH);
        assert_eq!(said != "nothing", expect, "{text}: {said}");
    };
    let package = r#"{"@id":"pkg:deb/debian/bash"}"#;
    check(&statement(package), true);
    check(&envelope(&statement(package)), true);
    check(&bundle(&envelope(&statement(package))), true);
    check(&envelope(&statement(package)).replace('=', ""), true);
    // Without products it is about what is attested.
    check(&statement(""), true);
    check(&statement("").replace("aaaa\"", "aaab\""), false);
    check(&statement(r#"{"@id":"pkg:oci/other"}"#), false);
}

#[test]
fn csaf_tells_products_by_helpers_relationships_and_groups() {
    let csaf = |tree: &str, vulnerability: &str| {
        format!(
            r#"{{"document":{{"category":"csaf_vex","csaf_version":"2.0","publisher":{{"name":"us"}},
                "tracking":{{"current_release_date":"2026-01-02T00:00:00Z"}}}},
                "product_tree":{tree},"vulnerabilities":[{{"cve":"CVE-1",{vulnerability}}}]}}"#
        )
    };
    let check = |tree: &str, vulnerability: &str, expect: &str| {
        let document = parse(&csaf(tree, vulnerability));
        let said = says(&[document], "CVE-1", BASH);
        let said = said.trim_start_matches("CSAF of us, 2026-01-02: CVE-1 ");
        assert_eq!(said, expect, "{tree} {vulnerability}");
    };
    let name = |id: &str, purl: &str| {
        format!(
            r#"{{"product_id":"{id}","name":"n","product_identification_helper":{{"purl":"{purl}"}}}}"#
        )
    };
    let (bash, debian) = (
        name("b", "pkg:deb/debian/bash"),
        name("d", "pkg:oci/debian"),
    );
    let zsh = name("z", "pkg:deb/debian/zsh");
    let names = format!(r#"{{"full_product_names":[{bash},{debian},{zsh}]}}"#);
    let not_affected = r#""product_status":{"known_not_affected":["b"]}"#;
    check(&names, not_affected, "not affected");
    check(&names, r#""product_status":{"fixed":["b"]}"#, "fixed");
    check(&names, r#""product_status":{"first_fixed":["b"]}"#, "fixed");
    check(
        &names,
        r#""product_status":{"known_affected":["b"]}"#,
        "affected",
    );
    check(
        &names,
        r#""product_status":{"under_investigation":["b"]}"#,
        "under investigation",
    );
    check(
        &names,
        r#""product_status":{"recommended":["b"]}"#,
        "nothing",
    );
    check(
        &names,
        r#""product_status":{"known_not_affected":["z"]}"#,
        "nothing",
    );
    check(
        &names,
        r#""product_status":{"known_not_affected":["d"]}"#,
        "not affected",
    );
    check(
        &names,
        r#""product_status":{"known_not_affected":["nobody"]}"#,
        "nothing",
    );
    let branches = format!(r#"{{"branches":[{{"branches":[{{"product":{bash}}}]}}]}}"#);
    check(&branches, not_affected, "not affected");
    let flag = r#","flags":[{"label":"component_not_present","product_ids":["b"]}]"#;
    check(
        &names,
        &format!("{not_affected}{flag}"),
        "not affected (component not present)",
    );
    let threat = r#","threats":[{"category":"impact","details":"no shell"}]"#;
    check(
        &names,
        &format!("{not_affected}{threat}"),
        "not affected: no shell",
    );
    let other = r#","threats":[{"category":"exploit_status","details":"no"}]"#;
    check(&names, &format!("{not_affected}{other}"), "not affected");
    let remedy =
        r#","remediations":[{"category":"vendor_fix","details":"wait","product_ids":["b"]}]"#;
    check(&names, &format!("{not_affected}{remedy}"), "not affected");
    let affected = r#""product_status":{"known_affected":["b"]}"#;
    check(&names, &format!("{affected}{remedy}"), "affected: wait");
    let groups = format!(
        r#"{{"full_product_names":[{bash}],"product_groups":[{{"group_id":"g","product_ids":["b"]}}]}}"#
    );
    let flag = r#","flags":[{"label":"component_not_present","group_ids":["g"]}]"#;
    check(
        &groups,
        &format!("{not_affected}{flag}"),
        "not affected (component not present)",
    );

    let within = |category: &str, part: &str, whole: &str| {
        format!(
            r#"{{"full_product_names":[{bash},{debian},{zsh}],"relationships":[{{
                "category":"{category}","product_reference":"{part}",
                "relates_to_product_reference":"{whole}",
                "full_product_name":{{"product_id":"r","name":"n"}}}}]}}"#
        )
    };
    let of_it = r#""product_status":{"known_not_affected":["r"]}"#;
    check(
        &within("default_component_of", "b", "d"),
        of_it,
        "not affected",
    );
    check(&within("installed_on", "b", "d"), of_it, "not affected");
    check(&within("external_component_of", "b", "d"), of_it, "nothing");
    check(&within("default_component_of", "z", "d"), of_it, "nothing");
    check(&within("default_component_of", "b", "z"), of_it, "nothing");
    check(&within("default_component_of", "b", "r"), of_it, "nothing");

    let error = Document::parse(
        csaf("{}", "\"x\":1")
            .replace("\"2.0\"", "\"1.2\"")
            .as_bytes(),
    );
    assert!(matches!(
        error,
        Err(VexError::Version {
            format: Format::Csaf,
            ..
        })
    ));
}

#[test]
fn cyclonedx_tells_products_by_references() {
    let bom = |metadata: &str, vulnerability: &str| {
        format!(
            r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","serialNumber":"urn:uuid:1-2",
                "metadata":{{"timestamp":"2026-01-02T00:00:00Z"{metadata}}},
                "components":[{{"bom-ref":"z","components":[{{"bom-ref":"b","purl":"pkg:deb/debian/bash"}}]}}],
                "vulnerabilities":[{{"id":"CVE-1",{vulnerability}}}]}}"#
        )
    };
    let check_in = |metadata: &str, vulnerability: &str, expect: &str| {
        let document = parse(&bom(metadata, vulnerability));
        let said = says(&[document], "CVE-1", BASH);
        let said = said.trim_start_matches("CycloneDX, 2026-01-02: CVE-1 ");
        assert_eq!(said, expect, "{metadata} {vulnerability}");
    };
    let check = |vulnerability: &str, expect: &str| check_in("", vulnerability, expect);
    let state = |state: &str, reference: &str| {
        format!(r#""analysis":{{"state":"{state}"}},"affects":[{{"ref":"{reference}"}}]"#)
    };
    check(&state("not_affected", "b"), "not affected");
    check(&state("false_positive", "b"), "not affected");
    check(&state("resolved", "b"), "fixed");
    check(&state("resolved_with_pedigree", "b"), "fixed");
    check(&state("exploitable", "b"), "affected");
    check(&state("in_triage", "b"), "under investigation");
    check(&state("fine", "b"), "nothing");
    check(&state("not_affected", "z"), "nothing");
    check(
        &state("not_affected", "pkg:deb/debian/bash@5.2"),
        "not affected",
    );
    check(&state("not_affected", "urn:cdx:1-2/1#b"), "not affected");
    check(&state("not_affected", "urn:cdx:9-9/1#b"), "nothing");
    check(
        &state("not_affected", "urn:cdx:9-9/1#pkg:deb/debian/bash"),
        "not affected",
    );
    check(r#""affects":[{"ref":"b"}]"#, "nothing");
    check(
        r#""analysis":{"state":"not_affected","justification":"code_not_present","detail":"no"},"affects":[{"ref":"b"}]"#,
        "not affected (code not present): no",
    );
    let versions = |versions: &str| {
        format!(
            r#""analysis":{{"state":"not_affected"}},"affects":[{{"ref":"b","versions":[{versions}]}}]"#
        )
    };
    check(
        &versions(r#"{"version":"5.2","status":"affected"}"#),
        "not affected",
    );
    check(&versions(r#"{"version":"5.1"}"#), "nothing");
    check(&versions(r#"{"range":"vers:deb/<6"}"#), "nothing");
    // A document about an image is about that image only.
    let image = |purl: &str| {
        format!(r#","component":{{"bom-ref":"i","type":"container","purl":"{purl}"}}"#)
    };
    let not_affected = state("not_affected", "b");
    check_in(&image("pkg:oci/debian"), &not_affected, "not affected");
    check_in(&image("pkg:oci/ubuntu"), &not_affected, "nothing");
    check_in(
        &image("pkg:oci/debian"),
        &state("not_affected", "i"),
        "not affected",
    );
    check_in(
        &image("pkg:oci/ubuntu"),
        &state("not_affected", "i"),
        "nothing",
    );
    let named = r#","component":{"bom-ref":"i","type":"container","name":"debian","version":"12"}"#;
    check_in(named, &not_affected, "not affected");
    check_in(&named.replace("\"12\"", "\"11\""), &not_affected, "nothing");
}

#[test]
fn aliases_and_more_names_of_the_image_count() {
    let aliases = ["GHSA-1".to_owned(), "DSA-1".to_owned()];
    let subject = Subject {
        findings: vec![
            Finding {
                aliases: aliases.to_vec().leak(),
                ..finding("CVE-9", BASH)
            },
            finding("CVE-8", BASH),
        ],
        ..subject("debian:12", &[])
    };
    let statement = |vulnerability: &str, product: &str| {
        parse(&openvex(&format!(
            r#"{{"vulnerability":{vulnerability},"status":"fixed","products":["{product}"]}}"#
        )))
    };
    let check = |document: Document, more: &[String], expect: &[usize]| {
        let documents = [document];
        let found = vex::matches(&documents, &subject, more);
        let found: Vec<usize> = found.iter().map(|one| one.finding).collect();
        assert_eq!(found, expect, "{documents:?}");
    };
    let image = "pkg:oci/debian";
    check(statement(r#""DSA-1""#, image), &[], &[0]);
    check(
        statement(r#"{"name":"GO-1","aliases":["GHSA-1"]}"#, image),
        &[],
        &[0],
    );
    check(statement(r#"{"@id":"CVE-8","name":"x"}"#, image), &[], &[1]);
    check(
        statement(r#"{"name":"CVE-8","aliases":["CVE-9","CVE-8"]}"#, image),
        &[],
        &[0, 1],
    );
    check(statement(r#""cve-8""#, image), &[], &[]);
    let index = "sha256:bbbb";
    check(statement(r#""CVE-8""#, index), &[], &[]);
    let more = image_names("debian:12", &[index], Some("amd64"));
    check(statement(r#""CVE-8""#, index), &more, &[1]);
    check(
        statement(r#""CVE-8""#, "pkg:oci/debian?arch=amd64"),
        &more,
        &[1],
    );
}

#[test]
fn what_is_no_document_is_refused_and_says_why() {
    let check = |text: &str, expect: &str| {
        let error = Document::parse(text.as_bytes()).unwrap_err();
        let source = error.source().map_or(String::new(), ToString::to_string);
        let shown = format!("{error}: {source}");
        assert!(shown.contains(expect), "{text}: {shown}");
    };
    check(
        "",
        "VEX document cannot be read: EOF while parsing a value at line 1",
    );
    check("not: json", "line 1 column");
    check("[]", "neither OpenVEX");
    check("7", "cannot be read");
    check("{}", "neither OpenVEX");
    check(r#"{"@context":"https://schema.org"}"#, "neither OpenVEX");
    check(
        r#"{"@context":"https://openvex.dev/nsx","statements":[]}"#,
        "neither OpenVEX",
    );
    check(
        r#"{"@context":"https://openvex.dev/ns"}"#,
        "missing field `statements`",
    );
    check(
        &openvex("\n{\"status\":\"fixed\"}"),
        "OpenVEX cannot be read: missing field `vulnerability` at line 3",
    );
    check(
        &openvex(r#"{"vulnerability":7,"status":"fixed"}"#),
        "expected a text or an object",
    );
    check(&openvex("").replace("[]", "7"), "expected a list");
    check(
        r#"{"predicateType":"https://slsa.dev/provenance/v1","predicate":{}}"#,
        r#"attestation is of "https://slsa.dev/provenance/v1""#,
    );
    check(
        r#"{"payloadType":"text/plain","payload":""}"#,
        r#"envelope holds "text/plain""#,
    );
    let payload = |text: &str| {
        format!(r#"{{"payloadType":"application/vnd.in-toto+json","payload":"{text}"}}"#)
    };
    check(&payload("§"), "not base64");
    check(&payload("e30="), "neither OpenVEX");
    let mut nested = about("");
    for _ in 0..MAX_VEX_ENVELOPES {
        nested = payload(&BASE64_STANDARD.encode(nested));
    }
    check(&nested, "envelopes within each other");
}

#[test]
fn what_cannot_be_used_is_noted() {
    let notes = |statements: &str| parse(&openvex(statements)).notes().to_vec();
    assert_eq!(
        notes(
            r#"{"vulnerability":"CVE-1","status":"fine","products":["pkg:oci/a"]},
               {"vulnerability":"CVE-2","status":"fixed"},
               {"vulnerability":"CVE-3","status":"fixed","products":["a"],"timestamp":"yesterday"}"#
        ),
        [
            "statement 1 has the status \"fine\", which OpenVEX does not have",
            "the statement on \"CVE-2\" names no product that can be told",
            "statement 3 has the time \"yesterday\", which is none: taken as the oldest",
        ]
    );
    let many = vec![r#"{"vulnerability":"CVE-2","status":"fixed"}"#; MAX_VEX_NOTES + 7].join(",");
    let notes = notes(&many);
    assert_eq!(notes.len(), MAX_VEX_NOTES + 1);
    assert_eq!(notes.last().unwrap(), "and 7 more");
}

#[test]
fn what_is_too_large_is_refused() {
    let check = |text: String, expect: &str| {
        let error = Document::parse(text.as_bytes()).unwrap_err();
        let source = error.source().map_or(String::new(), ToString::to_string);
        assert!(
            format!("{error}: {source}").contains(expect),
            "{error}: {source}"
        );
    };
    check(" ".repeat(MAX_VEX_BYTES + 1), "more than 16777216");
    check("[".repeat(MAX_VEX_NODES + 1), "lists and objects");
    let deep = r#"{"@id":"a","subcomponents":["#.repeat(200);
    check(
        about(&format!("{deep}{}", "]}".repeat(200))),
        "recursion limit",
    );
    let products = vec![r#""a""#; MAX_VEX_LIST + 1].join(",");
    check(about(&products), "a list has more than");
    // Lists that are allowed by themselves, and multiply.
    let products = vec![r#""a""#; 1_000].join(",");
    let text = about(&products).replace(
        "\"status\"",
        &format!("\"subcomponents\":[{products}],\"status\""),
    );
    const { assert!(1_000 * 1_000 > MAX_VEX_PRODUCTS) };
    check(text, "products");
}

#[test]
fn a_vulnerability_has_so_many_ids() {
    let names: Vec<String> = (0..5_000).map(|id| format!("\"ID-{id}\"")).collect();
    let names = names.join(",");
    let text = openvex(&format!(
        r#"{{"vulnerability":{{"name":"CVE-0","aliases":[{names}]}},"status":"fixed","products":["pkg:oci/debian"]}}"#
    ));
    let documents = [parse(&text)];
    let last = format!("ID-{}", MAX_VEX_IDS - 2);
    let beyond = format!("ID-{}", MAX_VEX_IDS - 1);
    assert_ne!(says(&documents, last.leak(), BASH), "nothing");
    assert_eq!(says(&documents, beyond.leak(), BASH), "nothing");
}

#[test]
fn no_prefix_and_no_mutation_of_a_sample_panics() {
    let mut rows = samples();
    rows.push((
        "ours".to_owned(),
        about(r#""pkg:deb/debian/bash""#).into_bytes(),
    ));
    let subject = subject("debian:12", &[finding("CVE-1", BASH)]);
    let try_it = |bytes: &[u8]| {
        if let Ok(document) = Document::parse(bytes) {
            vex::matches(&[document], &subject, &[]);
        }
    };
    let mut state = 88_172_645_463_325_252_u64;
    for (name, bytes) in &rows {
        let step = 1 + bytes.len() / 2_000;
        for end in (0..bytes.len().saturating_sub(2)).step_by(step) {
            let is_read = Document::parse(&bytes[..end]).is_ok();
            assert!(!is_read, "{name}, {end} bytes");
        }
        for _ in 0..300 {
            let mut bytes = bytes.clone();
            for _ in 0..3 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let at = state as usize % bytes.len();
                bytes[at] = b"\"{}[],:0x\\\x80 "[(state >> 40) as usize % 12];
            }
            try_it(&bytes);
        }
    }
}

#[test]
fn many_statements_are_matched_at_once() {
    let documents: Vec<Document> = (0..20)
        .map(|document| {
            let mut statements = String::new();
            for statement in 0..500 {
                let comma = if statement == 0 { "" } else { "," };
                // A tenth of the ids are those of findings.
                let id = document * 500 + statement;
                let _ = write!(
                    statements,
                    r#"{comma}{{"vulnerability":{{"name":"CVE-2026-{id}"}},"status":"not_affected",
                    "products":[{{"@id":"pkg:oci/debian","subcomponents":[
                        {{"@id":"pkg:deb/debian/package-{}"}},{{"@id":"pkg:deb/debian/other"}}]}}]}}"#,
                    id % 400
                );
            }
            parse(&openvex(&statements))
        })
        .collect();
    let findings: Vec<Finding<'static>> = (0..3_000)
        .map(|index| Finding {
            id: format!("CVE-2026-{}", index * 3).leak(),
            aliases: vec![format!("GHSA-{index}"), format!("DEBIAN-{index}")].leak(),
            at: Package {
                purl: format!("pkg:deb/debian/package-{}@1.0?arch=amd64", index * 3 % 400).leak(),
                ..Package::default()
            },
            ..Finding::default()
        })
        .collect();
    let subject = subject("debian:12", &findings);
    let mut best = std::time::Duration::MAX;
    for _ in 0..10 {
        let started = std::time::Instant::now();
        let matches = vex::matches(&documents, &subject, &[]);
        best = best.min(started.elapsed());
        assert_eq!(matches.len(), 3_000);
    }
    eprintln!("20 documents of 500 statements against 3,000 findings: {best:?}");
    let limit = if cfg!(debug_assertions) { 200 } else { 5 };
    assert!(best.as_millis() < limit, "{best:?}");
}

#[test]
fn exceptions_are_exported_and_read_back() {
    let at = |name: &'static str, purl: &'static str| Package {
        name,
        purl,
        ..Package::default()
    };
    let findings = [
        Finding {
            aliases: vec!["GHSA-1".to_owned()].leak(),
            at: at("bash", BASH),
            ..finding("CVE-1", BASH)
        },
        Finding {
            at: at("bash-doc", "pkg:deb/debian/bash-doc@5.2"),
            ..finding("CVE-1", "pkg:deb/debian/bash-doc@5.2")
        },
        Finding {
            at: at("zsh", "pkg:deb/debian/zsh@1"),
            ..finding("CVE-2", "pkg:deb/debian/zsh@1")
        },
        Finding {
            at: at("dash", "pkg:deb/debian/dash@1"),
            ..finding("CVE-3", "pkg:deb/debian/dash@1")
        },
        finding("CVE-1", ""),
    ];
    let policy = policy(
        r#"exceptions:
- {id: CVE-1, reason: "no \"shell\"\n here", author: Ann, expires: 2027-01-31}
- {package: zsh}
- {id: CVE-3, expires: 2026-01-01}
- {id: CVE-4, reason: nothing has it}"#,
    );
    let now = NOW.parse().unwrap();
    let schema = lamina_testkit::shared("samples/vex/openvex_json_schema.json")
        .map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap());
    for name in [
        "debian:12",
        "ghcr.io/a/b@sha256:0000",
        "no reference at all",
    ] {
        let subject = subject(name, &findings);
        let verdict = evaluate(&policy, &subject, now);
        let text = vex::export(&policy, &subject, &verdict, "Acme", now).unwrap();
        assert_eq!(
            vex::export(&policy, &subject, &verdict, "Acme", now).unwrap(),
            text
        );
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        if let Some(schema) = &schema {
            let validator = jsonschema::options()
                .should_validate_formats(true)
                .build(schema)
                .unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&value)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert_eq!(errors, [""; 0], "{text}");
        }
        let statements = value["statements"].as_array().unwrap();
        let reasons: Vec<&str> = statements
            .iter()
            .map(|statement| statement["impact_statement"].as_str().unwrap())
            .collect();
        assert_eq!(
            reasons,
            [
                "no \"shell\"\n here (accepted by Ann until 2027-01-31)",
                "accepted by an exception of the policy that gives no reason",
            ]
        );
        assert_eq!(statements[0]["vulnerability"]["aliases"][0], "GHSA-1");
        let documents = [parse(&text)];
        let matches = vex::matches(&documents, &subject, &[]);
        let suppressed: Vec<usize> = matches
            .iter()
            .filter(|one| one.suppresses)
            .map(|one| one.finding)
            .collect();
        assert_eq!(suppressed, [0, 1, 2], "{name}: {text}");

        let by_vex = Subject {
            vex: matches,
            ..subject.clone()
        };
        let again = evaluate(&crate::policy("{}"), &by_vex, now);
        let left_out = again.left_out.iter();
        assert_eq!(
            left_out
                .filter(|one| matches!(one.why, Why::Vex(_)))
                .count(),
            3
        );
        assert_eq!(again.statements.len(), 2);
    }
    let subject = subject("debian:12", &findings);
    let nothing = crate::policy("{}");
    let verdict = evaluate(&nothing, &subject, now);
    assert_eq!(vex::export(&nothing, &subject, &verdict, "Acme", now), None);
}
