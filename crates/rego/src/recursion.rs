//! Functions that call themselves. OPA refuses them; regorus would call until the stack ends.
//!
//! regorus finds rules that depend on themselves while it evaluates them, but not functions. Names are
//! compared as they are written, after imports: `with f as g` counts as a call of `g` by `f`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Refuses recursion in a module, of which `tree` is what regorus read; answers how many rules and
/// functions it has.
pub(crate) fn check(source: &str, tree: &Value) -> Result<usize, String> {
    let mut calls = Calls::default();
    for import in list(at(tree, &["imports"])) {
        let Some(path) = path(at(import, &["refr"])) else {
            continue;
        };
        let alias = written(source, at(import, &["as"]));
        let name = alias.or_else(|| path.rsplit('.').next().map(str::to_owned));
        calls.imports.extend(name.map(|name| (name, path)));
    }
    let rules = list(at(tree, &["rules"]));
    for rule in rules {
        let head = at(rule, &["Spec", "head", "Func"]);
        let name = path(at(head, &["refr"])).map(|name| calls.resolved(&name));
        calls.walk(rule, name.as_deref());
    }
    match calls.circle() {
        Some(name) => Err(format!("function {name} calls itself")),
        None => Ok(rules.len()),
    }
}

/// Which function calls which.
#[derive(Default)]
struct Calls {
    imports: BTreeMap<String, String>,
    edges: BTreeMap<String, BTreeSet<String>>,
}

impl Calls {
    fn resolved(&self, path: &str) -> String {
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        let path = match self.imports.get(first) {
            Some(import) if rest.is_empty() => import.clone(),
            Some(import) => format!("{import}.{rest}"),
            None => path.to_owned(),
        };
        let own = path.strip_prefix("data.lamina.");
        own.map_or(path.clone(), str::to_owned)
    }

    /// Notes the calls in a part of the tree, which is of `function` or of a rule.
    fn walk(&mut self, part: &Value, function: Option<&str>) {
        let mut open = vec![part];
        while let Some(part) = open.pop() {
            match part {
                Value::Array(parts) => open.extend(parts),
                Value::Object(fields) => {
                    open.extend(fields.values());
                    if let (Some(function), Some(called)) =
                        (function, path(at(part, &["Call", "fcn"])))
                    {
                        self.call(function, &called);
                    }
                    for with in list(at(part, &["with_mods"])) {
                        if let (Some(replaced), Some(by)) =
                            (path(at(with, &["refr"])), path(at(with, &["as"])))
                        {
                            let replaced = self.resolved(&replaced);
                            self.call(&replaced, &by);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn call(&mut self, function: &str, called: &str) {
        let called = self.resolved(called);
        let edges = self.edges.entry(function.to_owned()).or_default();
        edges.insert(called);
    }

    /// A function that calls itself, directly or through others.
    fn circle(&self) -> Option<&str> {
        self.edges.keys().find_map(|start| {
            let mut seen: BTreeSet<&str> = BTreeSet::new();
            let mut open: Vec<&str> = vec![start];
            while let Some(function) = open.pop() {
                for called in self.edges.get(function).into_iter().flatten() {
                    if called == start {
                        return Some(start.as_str());
                    }
                    if seen.insert(called) {
                        open.push(called);
                    }
                }
            }
            None
        })
    }
}

/// What stands at the end of some names; nothing is `null`.
fn at<'a>(value: &'a Value, names: &[&str]) -> &'a Value {
    let found = names.iter().try_fold(value, |value, name| value.get(name));
    found.unwrap_or(&Value::Null)
}

/// A list, or nothing.
fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// What stands at a place in the source.
fn written(source: &str, place: &Value) -> Option<String> {
    let end = |name| usize::try_from(at(place, &[name]).as_u64()?).ok();
    let text = source.get(end("start")?..end("end")?)?;
    Some(text.to_owned())
}

/// A name in the tree: `"name"`, or with its place `[{…}, "name"]`.
fn text(value: &Value) -> Option<String> {
    value
        .as_str()
        .or_else(|| value.get(1)?.as_str())
        .map(str::to_owned)
}

/// A reference: `a.b["c"]` as `a.b.c`.
fn path(reference: &Value) -> Option<String> {
    let mut parts = Vec::new();
    let mut reference = reference;
    loop {
        if let Some(name) = text(at(reference, &["Var", "value"])) {
            parts.push(name);
            break;
        }
        if let Some(dot) = reference.get("RefDot") {
            parts.push(text(at(dot, &["field"]))?);
            reference = at(dot, &["refr"]);
        } else {
            let bracket = reference.get("RefBrack")?;
            let index = at(bracket, &["index"]);
            parts.push(
                text(at(index, &["String", "value"]))
                    .or_else(|| text(at(index, &["RawString", "value"])))?,
            );
            reference = at(bracket, &["refr"]);
        }
    }
    parts.reverse();
    Some(parts.join("."))
}
