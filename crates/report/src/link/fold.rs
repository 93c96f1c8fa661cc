//! What of a report follows from the rest of it, taken out and put back.
//!
//! A purl repeats name and version, a record its CVE, a range the version that fixes; a chain id is
//! computed from diff ids; and a vulnerability of a source package is said again for each of its binary
//! packages. [`fold`] puts marks in place of what repeats, [`unfold`] puts it back. What does not follow
//! stays as it is: nothing is lost.

use std::collections::HashMap;

use lamina_image::digest::{ChainId, DiffId, Digest};
use serde_json::{Value, json};

use super::LinkError;
use crate::limits::MAX_REPORT_BYTES;

/// Begins a mark in a text; doubled where a text has it itself.
const MARK: char = '\u{2}';

/// Takes out what follows from the rest.
pub(super) fn fold(report: &mut Value) {
    let chain_ids = chain_ids(&texts(report, "layers", "diff_id"));
    let steps = steps(report);
    let packages = packages(report);
    for (index, layer) in list(report, "layers").iter_mut().enumerate() {
        let chain_id = chain_ids.get(index).map(String::as_str);
        replace(layer, "chain_id", &[('c', chain_id)]);
        replace(
            layer,
            "created_by",
            &[('h', steps.get(&index).map(String::as_str))],
        );
    }
    for (package, known) in list(report, "packages").iter_mut().zip(&packages) {
        replace(package, "purl", &known.in_purl());
        if let Some(Value::Array(source)) = package.get_mut("source") {
            let marks = [('n', Some(&*known.name)), ('v', Some(&*known.version))];
            for (part, mark) in source.iter_mut().zip(marks) {
                put_marks(part, &[mark]);
            }
        }
    }
    let mut each: Vec<Value> = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    let (mut of, mut at) = (Vec::new(), Vec::new());
    let findings = report.get_mut("findings").map(Value::take);
    let Some(Value::Array(findings)) = findings else {
        return;
    };
    for mut finding in findings {
        let package = finding
            .as_object_mut()
            .and_then(|finding| finding.remove("package"));
        let package = package.unwrap_or_default();
        let known = package_at(&packages, &package);
        fold_finding(&mut finding, known);
        let next = each.len();
        let index = *seen.entry(finding.to_string()).or_insert(next);
        if index == next {
            each.push(finding);
        }
        of.push(Value::from(index));
        at.push(package);
    }
    if let Some(report) = report.as_object_mut() {
        report.insert(
            "findings".to_owned(),
            json!({"each": each, "of": of, "at": at}),
        );
    }
}

/// Puts back what [`fold`] took out.
pub(super) fn unfold(report: &mut Value) -> Result<(), LinkError> {
    // What marks stand for may be long, and marks many.
    let mut left = MAX_REPORT_BYTES;
    let chain_ids = chain_ids(&texts(report, "layers", "diff_id"));
    let steps = steps(report);
    for (index, layer) in list(report, "layers").iter_mut().enumerate() {
        let chain_id = chain_ids.get(index).map(String::as_str);
        put_back(layer.get_mut("chain_id"), &[('c', chain_id)], &mut left)?;
        let step = steps.get(&index).map(String::as_str);
        put_back(layer.get_mut("created_by"), &[('h', step)], &mut left)?;
    }
    for package in list(report, "packages") {
        let known = PackageTexts::of(package);
        put_back(package.get_mut("purl"), &known.in_purl(), &mut left)?;
        if let Some(Value::Array(source)) = package.get_mut("source") {
            let marks = [('n', Some(&*known.name)), ('v', Some(&*known.version))];
            for (part, mark) in source.iter_mut().zip(marks) {
                put_back(Some(part), &[mark], &mut left)?;
            }
        }
    }
    let packages = packages(report);
    let folded = report
        .get_mut("findings")
        .map(Value::take)
        .unwrap_or_default();
    let field = |name: &str| {
        let list = folded.get(name).and_then(Value::as_array);
        list.cloned().ok_or(LinkError::Damaged)
    };
    let (each, of, at) = (field("each")?, field("of")?, field("at")?);
    let sizes: Vec<usize> = each.iter().map(size).collect();
    let mut findings = Vec::with_capacity(of.len());
    for (index, package) in of.iter().zip(at) {
        let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
        let index = index.ok_or(LinkError::Damaged)?;
        let mut finding = each.get(index).cloned().ok_or(LinkError::Damaged)?;
        spend(&mut left, sizes.get(index).copied().unwrap_or_default())?;
        let known = package_at(&packages, &package);
        unfold_finding(&mut finding, known, &mut left)?;
        finding
            .as_object_mut()
            .ok_or(LinkError::Damaged)?
            .insert("package".to_owned(), package);
        findings.push(finding);
    }
    if let Some(report) = report.as_object_mut() {
        report.insert("findings".to_owned(), Value::Array(findings));
    }
    Ok(())
}

fn fold_finding(finding: &mut Value, package: &PackageTexts) {
    let id = text(finding, "id");
    let alias = first_text(finding, "aliases");
    let fixed = first_text(finding, "fixed_in");
    if let Some(evidence) = finding.get_mut("evidence") {
        let marks = [('i', Some(&*id)), ('a', alias.as_deref())];
        replace(evidence, "record", &marks);
        replace(evidence, "range", &[('f', fixed.as_deref())]);
        replace(evidence, "matched_name", &package.in_evidence_name());
        replace(evidence, "matched_version", &package.in_evidence_version());
    }
    if let Some(Value::Array(aliases)) = finding.get_mut("aliases") {
        for alias in aliases {
            put_marks(alias, &[('i', Some(&*id))]);
        }
    }
}

fn unfold_finding(
    finding: &mut Value,
    package: &PackageTexts,
    left: &mut usize,
) -> Result<(), LinkError> {
    let id = text(finding, "id");
    if let Some(Value::Array(aliases)) = finding.get_mut("aliases") {
        for alias in aliases {
            put_back(Some(alias), &[('i', Some(&*id))], left)?;
        }
    }
    let alias = first_text(finding, "aliases");
    let fixed = first_text(finding, "fixed_in");
    let Some(evidence) = finding.get_mut("evidence") else {
        return Ok(());
    };
    let marks = [('i', Some(&*id)), ('a', alias.as_deref())];
    put_back(evidence.get_mut("record"), &marks, left)?;
    put_back(evidence.get_mut("range"), &[('f', fixed.as_deref())], left)?;
    let marks = package.in_evidence_name();
    put_back(evidence.get_mut("matched_name"), &marks, left)?;
    let marks = package.in_evidence_version();
    put_back(evidence.get_mut("matched_version"), &marks, left)
}

/// What marks stand for: a letter, and the text, if there is one.
type Marks<'a> = [(char, Option<&'a str>)];

/// Puts marks into a field, if it is a text.
fn replace(object: &mut Value, field: &str, marks: &Marks<'_>) {
    if let Some(value) = object.get_mut(field) {
        put_marks(value, marks);
    }
}

/// Puts the first mark whose text is in the value, and then others into what is left and right of it.
fn put_marks(value: &mut Value, marks: &Marks<'_>) {
    let Value::String(text) = value else { return };
    let mut pieces = vec![Piece::Text(text.as_str())];
    for (letter, meant) in marks {
        let Some(meant) = meant.filter(|meant| !meant.is_empty()) else {
            continue;
        };
        let found = pieces
            .iter()
            .enumerate()
            .rev()
            .find_map(|(index, piece)| match piece {
                Piece::Text(text) => text.rfind(meant).map(|start| (index, *text, start)),
                Piece::Mark(_) => None,
            });
        if let Some((index, text, start)) = found {
            let (before, rest) = text.split_at(start);
            let after = rest.get(meant.len()..).unwrap_or_default();
            let split = [
                Piece::Text(before),
                Piece::Mark(*letter),
                Piece::Text(after),
            ];
            pieces.splice(index..=index, split);
        }
    }
    let mut marked = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => marked.push_str(&text.replace(MARK, "\u{2}\u{2}")),
            Piece::Mark(letter) => marked.extend([MARK, letter]),
        }
    }
    *value = Value::String(marked);
}

enum Piece<'a> {
    Text(&'a str),
    Mark(char),
}

/// Replaces marks by what they stand for.
fn put_back(
    value: Option<&mut Value>,
    marks: &Marks<'_>,
    left: &mut usize,
) -> Result<(), LinkError> {
    let Some(Value::String(text)) = value else {
        return Ok(());
    };
    if !text.contains(MARK) {
        return Ok(());
    }
    let mut whole = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != MARK {
            whole.push(letter);
            continue;
        }
        let mark = letters.next().ok_or(LinkError::Damaged)?;
        if mark == MARK {
            whole.push(MARK);
            continue;
        }
        let meant = marks.iter().find(|(letter, _)| *letter == mark);
        let meant = meant
            .and_then(|(_, meant)| *meant)
            .ok_or(LinkError::Damaged)?;
        spend(left, meant.len())?;
        whole.push_str(meant);
    }
    *text = whole;
    Ok(())
}

fn spend(left: &mut usize, bytes: usize) -> Result<(), LinkError> {
    *left = left.checked_sub(bytes).ok_or(LinkError::TooLarge)?;
    Ok(())
}

/// About the bytes of a value.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 32,
        Value::Array(list) => list.iter().map(size).sum::<usize>() + 32,
        Value::Object(map) => {
            map.iter()
                .map(|(key, value)| key.len() + size(value))
                .sum::<usize>()
                + 64
        }
        _ => 32,
    }
}

/// The texts of a package that its purl and its findings repeat.
#[derive(Default)]
struct PackageTexts {
    name: String,
    version: String,
    architecture: String,
    source: (String, String),
    /// Name and version as a purl writes them.
    escaped: (String, String),
    /// The name with `/` for `:`, as Maven's groups are written.
    grouped: String,
}

impl PackageTexts {
    fn of(package: &Value) -> Self {
        let (name, version) = (text(package, "name"), text(package, "version"));
        let part = |index: usize| {
            let part = package.get("source").and_then(|source| source.get(index));
            part.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        Self {
            escaped: (escape(&name), escape(&version)),
            grouped: name.replace(':', "/"),
            architecture: text(package, "architecture"),
            source: (part(0), part(1)),
            name,
            version,
        }
    }

    fn in_purl(&self) -> [(char, Option<&str>); 4] {
        [
            ('v', Some(&self.escaped.1)),
            ('n', Some(&self.escaped.0)),
            (
                'g',
                (self.grouped != self.escaped.0).then_some(&*self.grouped),
            ),
            ('a', Some(&self.architecture)),
        ]
    }

    fn in_evidence_name(&self) -> [(char, Option<&str>); 2] {
        [('s', Some(&self.source.0)), ('n', Some(&self.name))]
    }

    fn in_evidence_version(&self) -> [(char, Option<&str>); 2] {
        [('t', Some(&self.source.1)), ('v', Some(&self.version))]
    }
}

/// Percent-encoded but for what a purl leaves, `/` and `:` among it.
fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' | b':' => {
                out.push(char::from(byte));
            }
            // Writing to a String cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

fn packages(report: &mut Value) -> Vec<PackageTexts> {
    list(report, "packages")
        .iter()
        .map(PackageTexts::of)
        .collect()
}

fn package_at<'a>(packages: &'a [PackageTexts], index: &Value) -> &'a PackageTexts {
    static NONE: PackageTexts = PackageTexts {
        name: String::new(),
        version: String::new(),
        architecture: String::new(),
        source: (String::new(), String::new()),
        escaped: (String::new(), String::new()),
        grouped: String::new(),
    };
    let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
    index.and_then(|index| packages.get(index)).unwrap_or(&NONE)
}

/// The build step of each layer, as the history has it.
fn steps(report: &Value) -> HashMap<usize, String> {
    let history = report.pointer("/image/history").and_then(Value::as_array);
    let steps = history.into_iter().flatten().filter_map(|step| {
        let layer = step.get("layer")?.as_u64()?;
        Some((usize::try_from(layer).ok()?, text(step, "created_by")))
    });
    steps.collect()
}

/// The chain ids of the layers, up to the first whose diff id is no digest.
fn chain_ids(diff_ids: &[String]) -> Vec<String> {
    let diff_ids: Vec<DiffId> = diff_ids
        .iter()
        .map_while(|text| text.parse::<Digest>().ok().map(DiffId))
        .collect();
    let chain = ChainId::chain(&diff_ids).into_iter();
    chain.map(|chain_id| chain_id.0.to_string()).collect()
}

fn texts(report: &mut Value, field: &str, name: &str) -> Vec<String> {
    let list = list(report, field).iter();
    list.map(|object| text(object, name)).collect()
}

fn list<'a>(report: &'a mut Value, field: &str) -> &'a mut [Value] {
    let list = report.get_mut(field).and_then(Value::as_array_mut);
    list.map(Vec::as_mut_slice).unwrap_or_default()
}

fn text(object: &Value, field: &str) -> String {
    let text = object.get(field).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

fn first_text(object: &Value, field: &str) -> Option<String> {
    let first = object.get(field)?.get(0)?.as_str()?;
    Some(first.to_owned())
}
