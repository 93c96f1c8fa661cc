//! `cargo xtask lint`.

use std::path::Path;

use anyhow::{Result, bail};

use crate::{
    args::Args,
    shell::{self, root, step},
    tools,
};

pub(crate) const HELP: &str = "\
Checks formatting, clippy (natively; engine crates and page for WebAssembly), that no crate reaches
one it must not know, and that style sheets name no colour outside style/tokens.css.";

/// Crates of the engine, in the order of the journey: none may import one to its right.
const ENGINE: &[&str] = &[
    "lamina-image",
    "lamina-registry",
    "lamina-inventory",
    "lamina-advisories",
    "lamina-policy",
    "lamina-report",
    "lamina-scan",
];

/// What no engine crate may reach: I/O, time, randomness, and what is too large for the page.
const FORBIDDEN: &[&str] = &[
    "web-sys",
    "js-sys",
    "tokio",
    "reqwest",
    "hyper",
    "rand",
    "getrandom",
    "regex",
    "chrono",
    "rustls",
];

pub(crate) fn run(args: Args) -> Result<()> {
    args.finish()?;
    tools::wasm_target()?;

    step("formatting");
    shell::run("cargo fmt --all --check").go()?;

    step("crate boundaries");
    boundaries()?;

    step("style sheets");
    style_sheets(&root().join("style"))?;

    step("clippy");
    shell::run("cargo clippy --quiet --workspace --all-targets -- -D warnings").go()?;

    step("clippy for WebAssembly");
    let packages: Vec<String> = ENGINE
        .iter()
        .map(|name| format!("--package={name}"))
        .collect();
    shell::run("cargo clippy --quiet --target wasm32-unknown-unknown --package=lamina-page")
        .args(packages)
        .args(["--", "-D", "warnings"])
        .go()
}

/// Crates that name a forbidden one but do not use it in what we call; the linker drops it.
const TOLERATED: &[(&str, &str)] = &[
    // Only for `distribution::Reference`; the page's modules hold no regex (`cargo xtask size`).
    ("oci-spec", "regex"),
];

fn boundaries() -> Result<()> {
    let mut found = Vec::new();
    for (at, name) in ENGINE.iter().enumerate() {
        let right = ENGINE.get(at + 1..).unwrap_or_default();
        for reached in tree(&format!("--package {name}"))? {
            let is_forbidden =
                FORBIDDEN.contains(&reached.as_str()) && !is_tolerated(name, &reached)?;
            if is_forbidden || right.contains(&reached.as_str()) {
                found.push(format!("{name} reaches {reached}"));
            }
        }
    }
    match found.as_slice() {
        [] => Ok(()),
        found => bail!(
            "{}; `cargo tree -p <crate> -i <reached>` shows how",
            found.join(", ")
        ),
    }
}

/// Whether all that name `reached` are known not to use it.
fn is_tolerated(name: &str, reached: &str) -> Result<bool> {
    let users = tree(&format!("--package {name} --invert {reached} --depth 1"))?;
    Ok(users
        .iter()
        .filter(|user| *user != reached)
        .all(|user| TOLERATED.contains(&(user.as_str(), reached))))
}

/// Names of the crates in a dependency tree.
fn tree(selection: &str) -> Result<std::collections::BTreeSet<String>> {
    let text = shell::run(&format!(
        "cargo tree --quiet {selection} --edges normal --target wasm32-unknown-unknown --prefix none --format {{p}}"
    ))
    .read()?;
    let names = text
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    Ok(names.map(str::to_owned).collect())
}

fn style_sheets(folder: &Path) -> Result<()> {
    let mut found = Vec::new();
    visit(folder, &mut found)?;
    match found.as_slice() {
        [] => Ok(()),
        found => bail!("colours outside style/tokens.css:\n{}", found.join("\n")),
    }
}

fn visit(path: &Path, found: &mut Vec<String>) -> Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            visit(&entry?.path(), found)?;
        }
        return Ok(());
    }
    let is_sheet = path.extension().is_some_and(|end| end == "css");
    if !is_sheet || path.ends_with("tokens.css") {
        return Ok(());
    }
    for (number, line) in std::fs::read_to_string(path)?.lines().enumerate() {
        if let Some(colour) = literal_colour(line) {
            let path = path.strip_prefix(root()).unwrap_or(path);
            found.push(format!("{}:{}: {colour}", path.display(), number + 1));
        }
    }
    Ok(())
}

/// The first colour in a declaration that is not a custom property, `transparent` or a system colour.
fn literal_colour(line: &str) -> Option<String> {
    let (_, value) = line.split_once(':')?;
    let functions = [
        "rgb(", "rgba(", "hsl(", "hsla(", "oklch(", "lab(", "lch(", "hwb(",
    ];
    if let Some(function) = functions.iter().find(|function| value.contains(*function)) {
        return Some((*function).to_owned());
    }
    value
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')' | ';'))
        .find(|word| {
            let is_hash = word.strip_prefix('#').is_some_and(|hex| {
                matches!(hex.len(), 3 | 4 | 6 | 8)
                    && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
            });
            is_hash
                || [
                    "white", "black", "red", "green", "blue", "gray", "grey", "orange", "yellow",
                ]
                .contains(word)
        })
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_found_in_values_only() {
        let check = |line: &str, colour: Option<&str>| {
            assert_eq!(literal_colour(line).as_deref(), colour, "{line}");
        };
        check("  color: #fff;", Some("#fff"));
        check("  border: 1px solid rgb(0 0 0);", Some("rgb("));
        check("  background: white;", Some("white"));
        check("  color: var(--ink);", None);
        check("  background: transparent;", None);
        check("#face { display: none }", None);
        check("  grid-area: body;", None);
    }
}
