//! What must hold of both SBOM formats, whatever the report.

use std::collections::{BTreeMap, BTreeSet};

use lamina_policy::Policy;
use lamina_report::{
    formats::{self, Judged},
    model::Report,
};
use serde_json::Value;

use crate::sample;

fn text(format: &str, report: &Report) -> String {
    let format = formats::by_id(format).unwrap();
    format.render(&Judged::new(report, &Policy::default(), sample::now()))
}

fn document(format: &str, report: &Report) -> Value {
    serde_json::from_str(&text(format, report)).unwrap()
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .map_or(&[], |value| value.as_array().unwrap())
}

fn string<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .map_or("", |value| value.as_str().unwrap())
}

/// Purl and version of each package, sorted.
type Packages = Vec<(String, String)>;

fn of_report(report: &Report) -> Packages {
    let present = report
        .packages
        .iter()
        .filter(|package| package.removed_in.is_none());
    let mut all: Packages = present
        .map(|package| (package.purl.clone(), package.version.clone()))
        .collect();
    all.sort();
    all
}

fn of_cyclonedx(document: &Value) -> Packages {
    let mut all: Packages = list(document, "/components")
        .iter()
        .filter(|component| component["type"] != "operating-system")
        .map(|component| {
            (
                string(component, "/purl").to_owned(),
                string(component, "/version").to_owned(),
            )
        })
        .collect();
    all.sort();
    all
}

fn of_spdx(document: &Value) -> Packages {
    let mut all: Packages = list(document, "/packages")
        .iter()
        .filter(|package| string(package, "/SPDXID").starts_with("SPDXRef-Package-"))
        .map(|package| {
            let purl = string(package, "/externalRefs/0/referenceLocator");
            (purl.to_owned(), string(package, "/versionInfo").to_owned())
        })
        .collect();
    all.sort();
    all
}

#[test]
fn every_package_is_there_with_purl_and_version() {
    let report = sample::report();
    assert_eq!(of_report(&report).len(), 9, "one of ten is removed");
    assert_eq!(
        of_cyclonedx(&document("cyclonedx", &report)),
        of_report(&report)
    );
    assert_eq!(of_spdx(&document("spdx", &report)), of_report(&report));

    let odd = sample::odd();
    assert_eq!(of_spdx(&document("spdx", &odd)), of_report(&odd));
    // CycloneDX limits versions to 1024 characters: those of three packages are left out.
    let mut expected = of_report(&odd);
    for (_, version) in &mut expected {
        if version.len() > 1024 {
            version.clear();
        }
    }
    expected.sort();
    assert_eq!(of_cyclonedx(&document("cyclonedx", &odd)), expected);
}

#[test]
fn names_are_given_out_once_and_all_that_is_referred_to_is_there() {
    for report in [sample::report(), sample::odd(), sample::empty()] {
        let bom = document("cyclonedx", &report);
        let mut refs = BTreeSet::from([string(&bom, "/metadata/component/bom-ref")]);
        for component in list(&bom, "/components") {
            assert!(refs.insert(string(component, "/bom-ref")), "{component}");
        }
        for dependency in list(&bom, "/dependencies") {
            assert!(refs.contains(string(dependency, "/ref")));
            for on in list(dependency, "/dependsOn") {
                assert!(refs.contains(on.as_str().unwrap()));
            }
        }
        for vulnerability in list(&bom, "/vulnerabilities") {
            for affected in list(vulnerability, "/affects") {
                assert!(refs.contains(string(affected, "/ref")));
            }
        }

        let spdx = document("spdx", &report);
        let mut ids = BTreeSet::from([string(&spdx, "/SPDXID")]);
        for package in list(&spdx, "/packages") {
            let id = string(package, "/SPDXID");
            let is_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
            assert!(id.starts_with("SPDXRef-") && id.bytes().all(is_id), "{id}");
            assert!(ids.insert(id), "{id}");
        }
        for relationship in list(&spdx, "/relationships") {
            assert!(ids.contains(string(relationship, "/spdxElementId")));
            assert!(ids.contains(string(relationship, "/relatedSpdxElement")));
        }
        let extracted: BTreeSet<&str> = list(&spdx, "/hasExtractedLicensingInfos")
            .iter()
            .map(|licence| string(licence, "/licenseId"))
            .collect();
        for package in list(&spdx, "/packages") {
            let licence = string(package, "/licenseDeclared");
            assert!(!licence.starts_with("LicenseRef-") || extracted.contains(licence));
        }
    }
}

#[test]
fn the_same_report_gives_the_same_bytes_and_another_scan_another_name() {
    for (format, name) in [
        ("cyclonedx", "/serialNumber"),
        ("spdx", "/documentNamespace"),
    ] {
        let report = sample::report();
        assert_eq!(text(format, &report), text(format, &report));
        let mut again = sample::report();
        again.scanned_at = "2026-11-26T11:22:33Z".to_owned();
        let (first, second) = (document(format, &report), document(format, &again));
        assert_ne!(string(&first, name), string(&second, name));
        let odd = document(format, &sample::odd());
        assert!(string(&odd, name).is_ascii());
        assert!(!string(&odd, name).contains('#'));
    }
}

#[test]
fn where_a_package_comes_from_is_said_in_both() {
    let report = sample::report();
    let expect = [
        ("lamina:layer:index", "2"),
        ("lamina:baseImage", "false"),
        ("lamina:file", "srv/shop.war"),
        ("lamina:inner", "WEB-INF/lib/log4j-core-2.14.1.jar"),
        ("lamina:basis", "embedded"),
    ];
    let bom = document("cyclonedx", &report);
    let component = list(&bom, "/components")
        .iter()
        .find(|component| component["name"] == "log4j-core")
        .unwrap();
    assert_eq!(component["group"], "org.apache.logging.log4j");
    assert_eq!(
        string(component, "/evidence/occurrences/0/location"),
        "srv/shop.war!/WEB-INF/lib/log4j-core-2.14.1.jar"
    );
    let properties: BTreeMap<&str, &str> = list(component, "/properties")
        .iter()
        .map(|property| (string(property, "/name"), string(property, "/value")))
        .collect();
    let spdx = document("spdx", &report);
    let package = list(&spdx, "/packages")
        .iter()
        .find(|package| package["name"] == "org.apache.logging.log4j:log4j-core")
        .unwrap();
    let annotations: Vec<&str> = list(package, "/annotations")
        .iter()
        .map(|annotation| string(annotation, "/comment"))
        .collect();
    for (name, value) in expect {
        assert_eq!(properties.get(name), Some(&value));
        assert!(annotations.contains(&format!("{name}: {value}").as_str()));
    }
}

#[test]
fn findings_that_differ_in_the_package_alone_are_one() {
    let bom = document("cyclonedx", &sample::report());
    let affected: Vec<(&str, usize)> = list(&bom, "/vulnerabilities")
        .iter()
        .map(|vulnerability| {
            (
                string(vulnerability, "/id"),
                list(vulnerability, "/affects").len(),
            )
        })
        .collect();
    assert_eq!(affected, [("CVE-2021-44228", 1), ("CVE-2023-45133", 2)]);
}
