//! `docs/report.schema.json`: the JSON Schema of `lamina scan --format json`, made from `src/model.rs`.
//!
//! The model's types are written so regularly that their source is the schema: documentation, names, types,
//! and which fields may be absent. This test makes it anew and compares; with `LAMINA_UPDATE=1` it writes it.

use std::{collections::BTreeMap, path::Path};

use lamina_inventory::{
    facts::{Basis, IssueKind, PackageKind},
    severity::Severity,
};
use lamina_policy::{Policy, Status};
use lamina_report::{
    formats::{self, Judged},
    model::{BaseBasis, FORMAT, LeftOutPart, Report},
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::sample;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/report.schema.json");
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/model.rs");

/// The words of an enumeration.
fn words<T: Serialize + Copy>(all: &[T]) -> Value {
    let words = all.iter().map(|one| serde_json::to_value(one).unwrap());
    json!({ "type": "string", "enum": words.collect::<Vec<_>>() })
}

/// The enumerations, most of which are other crates'.
fn enumerations() -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        ("Severity", words(&Severity::WORST_FIRST)),
        ("PackageKind", words(PackageKind::ALL)),
        (
            "Basis",
            words(&[
                Basis::Installed,
                Basis::Embedded,
                Basis::Classified,
                Basis::Declared,
                Basis::Stated,
            ]),
        ),
        (
            "IssueKind",
            words(&[
                IssueKind::Secret,
                IssueKind::Misconfiguration,
                IssueKind::Licence,
            ]),
        ),
        (
            "Status",
            words(&[
                Status::Fixed,
                Status::Affected,
                Status::WillNotFix,
                Status::FixDeferred,
                Status::UnderInvestigation,
                Status::EndOfLife,
                Status::Possible,
            ]),
        ),
        (
            "BaseBasis",
            words(&[
                BaseBasis::ChainId,
                BaseBasis::Annotation,
                BaseBasis::History,
            ]),
        ),
        (
            "LeftOutPart",
            words(&[
                LeftOutPart::Paths,
                LeftOutPart::PackageDetails,
                LeftOutPart::HistoryDetails,
                LeftOutPart::Packages,
                LeftOutPart::IssueProse,
                LeftOutPart::Titles,
                LeftOutPart::PercentileDigits,
                LeftOutPart::Aliases,
            ]),
        ),
    ])
}

/// The schema of a type as Rust writes it.
fn schema_of(rust: &str) -> Value {
    let inner = |name: &str| {
        rust.strip_prefix(name)?
            .strip_prefix('<')?
            .strip_suffix('>')
    };
    if let Some(rust) = inner("Option") {
        return json!({ "anyOf": [schema_of(rust), { "type": "null" }] });
    }
    if let Some(rust) = inner("Vec") {
        return json!({ "type": "array", "items": schema_of(rust) });
    }
    if let Some(rust) = rust.strip_prefix('(') {
        let parts: Vec<Value> = rust
            .trim_end_matches(')')
            .split(", ")
            .map(schema_of)
            .collect();
        let count = parts.len();
        return json!({ "type": "array", "prefixItems": parts, "minItems": count, "maxItems": count });
    }
    match rust {
        "String" => json!({ "type": "string" }),
        "bool" => json!({ "type": "boolean" }),
        "f64" => json!({ "type": "number" }),
        "u32" | "u64" | "usize" => json!({ "type": "integer", "minimum": 0 }),
        name => json!({ "$ref": format!("#/$defs/{name}") }),
    }
}

/// Documentation as text: links to other items are their names.
fn text_of(documentation: &str) -> String {
    documentation
        .replace("[`", "`")
        .replace("`]", "`")
        .trim()
        .to_owned()
}

fn definitions() -> Map<String, Value> {
    let source = std::fs::read_to_string(SOURCE).unwrap();
    let mut definitions = Map::new();
    let (mut documentation, mut attributes) = (String::new(), String::new());
    type Open = (String, String, Map<String, Value>, Vec<String>);
    let mut open: Option<Open> = None;
    for line in source.lines() {
        let line = line.trim();
        if let Some(text) = line.strip_prefix("///") {
            documentation.push_str(text);
        } else if line.starts_with("#[") {
            attributes.push_str(line);
        } else if let Some(rest) = line.strip_prefix("pub struct ") {
            let name = rest.trim_end_matches(" {").to_owned();
            open = Some((name, text_of(&documentation), Map::new(), Vec::new()));
            (documentation, attributes) = Default::default();
        } else if line == "}" {
            if let Some((name, description, properties, required)) = open.take() {
                let schema = json!({
                    "type": "object",
                    "description": description,
                    "properties": properties,
                    "required": required,
                });
                definitions.insert(name, schema);
            }
            (documentation, attributes) = Default::default();
        } else if let (Some(field), Some((_, _, properties, required))) =
            (line.strip_prefix("pub "), &mut open)
        {
            let (name, rust) = field.trim_end_matches(',').split_once(": ").unwrap();
            let mut schema = schema_of(rust);
            let text = json!(text_of(&documentation));
            schema
                .as_object_mut()
                .unwrap()
                .insert("description".to_owned(), text);
            if !attributes.contains("default") {
                required.push(name.to_owned());
            }
            properties.insert(name.to_owned(), schema);
            (documentation, attributes) = Default::default();
        } else {
            (documentation, attributes) = Default::default();
        }
    }
    definitions
}

fn schema() -> Value {
    let mut definitions = definitions();
    for (name, schema) in enumerations() {
        definitions.insert(name.to_owned(), schema);
    }
    let mut report = definitions.remove("Report").unwrap();
    let properties = report["properties"].as_object_mut().unwrap();
    properties["format"] = json!({
        "const": FORMAT,
        "description": "Version of this format: raised when a reader of the old one would misread the new.",
    });
    properties.insert(
        "policy".to_owned(),
        json!({
            "type": "object",
            "description": "The policy that judged it, as docs/policy.md has it.",
        }),
    );
    properties.insert(
        "verdict".to_owned(),
        json!({
            "type": "object",
            "description": "What the policy says of it.",
            "properties": { "passed": { "type": "boolean" }, "rules": { "type": "array" } },
            "required": ["passed", "rules"],
        }),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://lamina.example/report.schema.json",
        "title": "Lamina report",
        "description": report["description"],
        "type": "object",
        "properties": report["properties"],
        "required": report["required"],
        "$defs": definitions,
    })
}

#[test]
fn the_published_schema_is_that_of_the_model() {
    let text = serde_json::to_string_pretty(&formats::sorted(schema())).unwrap() + "\n";
    if std::env::var("LAMINA_UPDATE").is_ok() {
        std::fs::write(FILE, &text).unwrap();
    }
    let published = std::fs::read_to_string(Path::new(FILE)).unwrap_or_default();
    assert!(
        published == text,
        "docs/report.schema.json is old: run with LAMINA_UPDATE=1"
    );
}

/// The schema with nothing allowed that it does not name.
fn strict() -> Value {
    fn close(schema: &mut Value) {
        if let Some(object) = schema.as_object_mut() {
            if object.contains_key("properties")
                && object.contains_key("required")
                && !object.contains_key("$defs")
            {
                object.insert("additionalProperties".to_owned(), json!(false));
            }
            object.values_mut().for_each(close);
        }
    }
    let mut schema = schema();
    schema["additionalProperties"] = json!(false);
    close(&mut schema["$defs"]);
    schema
}

#[test]
fn reports_are_valid_and_broken_ones_are_not() {
    let validator = jsonschema::validator_for(&strict()).unwrap();
    let document = |report: &Report| -> Value {
        let policy = Policy::default();
        let judged = Judged::new(report, &policy, sample::now());
        let json = formats::by_id("json").unwrap();
        serde_json::from_str(&json.render(&judged)).unwrap()
    };
    for report in [sample::report(), sample::empty(), sample::odd()] {
        let document = document(&report);
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert_eq!(errors, [""; 0]);
    }
    let check = |pointer: &str, value: Value| {
        let mut document = document(&sample::report());
        *document.pointer_mut(pointer).expect(pointer) = value;
        assert!(!validator.is_valid(&document), "{pointer}");
    };
    check("/format", json!(2));
    check("/packages/0/kind", json!("floppy"));
    check("/findings/0/severity", json!("awful"));
    check("/findings/0/score", json!("10"));
    check("/layers/0/compressed_size", json!(-1));
    check("/packages/0/source", json!(["openssl"]));
    check("/image", json!({}));
    check("/findings/0/evidence", json!({ "unknown": 1 }));
}
