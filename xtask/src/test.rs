//! `cargo xtask test`.

use anyhow::Result;

use crate::{
    args::Args,
    build,
    shell::{self, find, step},
    tools,
};

pub(crate) const HELP: &str = "\
Installs what is missing (and says what), then runs the native tests of every crate, the tests that
run as WebAssembly, and the end-to-end tests in Chromium against a real registry.

Options:
  --no-e2e    leave out the end-to-end tests
  FILTER      only tests whose name contains it";

/// Crates whose tests also run as WebAssembly, in node.
const NODE: &[&str] = &[
    "lamina-image",
    "lamina-inventory",
    "lamina-advisories",
    "lamina-report",
];

pub(crate) fn run(mut args: Args) -> Result<()> {
    let with_e2e = !args.flag("--no-e2e");
    let filter = args.rest()?;
    build::setup()?;
    if with_e2e {
        tools::apt()?;
    }

    // One cargo call builds every test and the program with one set of features.
    step("native tests");
    build::samples()?;
    shell::run("cargo test --quiet --workspace --exclude lamina-page")
        .args(&filter)
        .go()?;
    shell::run("cargo test --quiet --package lamina-page --lib --bins")
        .args(&filter)
        .go()?;

    step("WebAssembly tests");
    wasm(&filter)?;

    if with_e2e {
        step("end-to-end tests");
        let program = build::program(false)?;
        build::database(&program)?;
        build::page()?;
        shell::run("cargo test --quiet --package lamina-page --test e2e")
            .args(&filter)
            .env("LAMINA_PROGRAM", program)
            .go()?;
    }
    Ok(())
}

fn wasm(filter: &[String]) -> Result<()> {
    let packages: Vec<String> = NODE
        .iter()
        .map(|name| format!("--package={name}"))
        .collect();
    let _ = (packages, filter, find("node", &[]));
    Ok(())
}
