//! The SBOM formats and SARIF against the published schemas (`testdata/schemas/SOURCES.md`).

use std::path::Path;

use jsonschema::{Registry, Validator};
use lamina_policy::Policy;
use lamina_report::{
    formats::{self, Judged},
    model::Report,
};
use serde_json::{Value, json};

use crate::sample;

fn schema(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/schemas");
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn validator(format: &str) -> Validator {
    match format {
        "cyclonedx" | "cyclonedx-vdr" => {
            let add = |registry: jsonschema::RegistryBuilder<'static>, name: &str| {
                let id = format!("http://cyclonedx.org/schema/{name}");
                registry.add(id, schema(name)).unwrap()
            };
            let registry = add(Registry::new(), "spdx.schema.json");
            let registry = add(registry, "jsf-0.82.schema.json").prepare().unwrap();
            jsonschema::options()
                .with_registry(&registry)
                .should_validate_formats(true)
                .build(&schema("bom-1.6.schema.json"))
                .unwrap()
        }
        "spdx" => jsonschema::options()
            .should_validate_formats(true)
            .build(&schema("spdx-2.3.schema.json"))
            .unwrap(),
        "sarif" => {
            let mut schema = schema("sarif-2.1.0.schema.json");
            // They have a bracket too many, so that they are no expressions; no run here names a
            // language.
            for definition in ["run", "toolComponent"] {
                let pointer = format!("/definitions/{definition}/properties/language");
                let language = schema.pointer_mut(&pointer).unwrap();
                let removed = language.as_object_mut().unwrap().remove("pattern");
                assert!(removed.is_some(), "{pointer}");
            }
            jsonschema::options()
                .should_validate_formats(true)
                .build(&schema)
                .unwrap()
        }
        other => panic!("no schema for {other}"),
    }
}

fn rendered(format: &str, report: &Report) -> Value {
    let format = formats::by_id(format).unwrap();
    let text = format.render(&Judged::new(report, &Policy::default(), sample::now()));
    serde_json::from_str(&text).unwrap()
}

fn check(report: &Report) {
    for format in ["cyclonedx", "cyclonedx-vdr", "spdx", "sarif"] {
        let document = rendered(format, report);
        let errors: Vec<String> = validator(format)
            .iter_errors(&document)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert_eq!(errors, [""; 0], "{format}");
    }
}

#[test]
fn the_sample_is_valid() {
    check(&sample::report());
}

#[test]
fn odd_reports_are_valid() {
    check(&sample::odd());
    check(&sample::empty());
    // Everything that the sample says, and that its digest is none.
    let mut report = sample::report();
    report.image.digest = Some("sha256:not one".to_owned());
    report.layers.clear();
    report.findings[0].package = 999;
    check(&report);
}

/// The validator is no rubber stamp: it sees what is wrong with a document.
#[test]
fn broken_documents_are_not_valid() {
    let check = |format: &str, pointer: &str, value: Value| {
        let mut document = rendered(format, &sample::report());
        assert!(validator(format).is_valid(&document));
        *document.pointer_mut(pointer).expect(pointer) = value;
        assert!(!validator(format).is_valid(&document), "{format} {pointer}");
    };
    check("cyclonedx", "/serialNumber", json!("urn:uuid:1"));
    check("cyclonedx", "/metadata/timestamp", json!("yesterday"));
    check("cyclonedx", "/components/1/type", json!("package"));
    check(
        "cyclonedx",
        "/components/1/licenses",
        json!([{"license": {"id": "Mine"}}]),
    );
    check(
        "cyclonedx",
        "/vulnerabilities/0/ratings/0/score",
        json!(null),
    );
    check("spdx", "/packages/0/downloadLocation", json!(null));
    check("spdx", "/packages/0/primaryPackagePurpose", json!("IMAGE"));
    check("spdx", "/relationships/0/relationshipType", json!("HAS"));
    check("sarif", "/runs/0/results/0/level", json!("fatal"));
    check("sarif", "/runs/0/results/0/message", json!({}));
    let region = "/runs/0/results/0/locations/0/physicalLocation/region/startLine";
    check("sarif", region, json!(0));
    check("sarif", "/runs/0/invocations/0/endTimeUtc", json!("today"));
    check("sarif", "/runs/0/tool/driver/rules/0/helpUri", json!("a b"));
}

/// The exceptions of a policy as OpenVEX, and its findings with what the policy says of them.
#[test]
fn what_a_policy_says_is_valid() {
    let policy = Policy::parse(
        "name: Acme\nfail-on: high\nexceptions:\n  - id: CVE-2023-45133\n    reason: not reached\n",
    )
    .unwrap();
    let report = sample::report();
    let write = |format: &str| -> Value {
        let judged = Judged::new(&report, &policy, sample::now());
        serde_json::from_str(&formats::by_id(format).unwrap().render(&judged)).unwrap()
    };
    let vdr = write("cyclonedx-vdr");
    assert!(validator("cyclonedx-vdr").is_valid(&vdr));
    let analyses: Vec<(&str, &str)> = vdr["vulnerabilities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|vulnerability| {
            let analysis = &vulnerability["analysis"];
            (
                analysis["state"].as_str().unwrap(),
                analysis["detail"].as_str().unwrap(),
            )
        })
        .collect();
    let expect = [
        ("in_triage", "fails the policy: severity-threshold"),
        ("in_triage", "excepted: not reached"),
    ];
    assert_eq!(analyses, expect);

    let vex = write("openvex");
    assert_eq!(vex["author"], "Acme");
    assert_eq!(
        vex["statements"][0]["vulnerability"]["name"],
        "CVE-2023-45133"
    );
    let Some(schema) = lamina_testkit::shared("samples/vex/openvex_json_schema.json") else {
        return;
    };
    let schema = serde_json::from_slice(&std::fs::read(schema).unwrap()).unwrap();
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&vex)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(errors, [""; 0]);
    let mut broken = vex;
    broken["statements"][0]["status"] = json!("fine");
    assert!(!validator.is_valid(&broken));
}
