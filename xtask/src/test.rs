//! `cargo xtask test`.

use anyhow::Result;

use crate::{
    args::Args,
    build, demo,
    shell::{self, find, step},
    tools,
};

pub(crate) const HELP: &str = "\
Installs what is missing (and says what), then runs the native tests of every crate, the tests that
run as WebAssembly in a browser, and the end-to-end tests in Chromium against a real registry.

Options:
  --no-e2e    only what needs no browser and no registry
  --shots     also take the screenshots of docs/shots anew
  FILTER      only tests whose name contains it";

pub(crate) fn run(mut args: Args) -> Result<()> {
    let with_browser = !args.flag("--no-e2e");
    let with_shots = args.flag("--shots");
    let filter = args.rest()?;
    tools::wasm_target()?;
    if with_browser {
        build::setup()?;
        tools::apt()?;
    }

    step("native tests");
    // One selection of packages for all three, so that cargo builds each dependency once.
    shell::run("cargo test --quiet --workspace --lib --bins --test it")
        .args(&filter)
        .go()?;
    if filter.is_empty() {
        shell::run("cargo test --quiet --workspace --doc").go()?;
    }
    if !with_browser {
        println!("\n!! left out on request: WebAssembly tests and end-to-end tests");
        return Ok(());
    }

    step("WebAssembly tests");
    wasm(&filter)?;

    let program = build::everything()?;
    demo::ensure_archives()?;
    step("end-to-end tests");
    let tests = shell::run("cargo test --workspace --test e2e")
        .args(&filter)
        .env("LAMINA_PROGRAM", program)
        .env("LAMINA_AXE", tools::axe()?);
    if with_shots {
        tests.env("LAMINA_SHOTS", "1").go()
    } else {
        tests.go()
    }
}

/// Tests of the page's platform code, in a headless browser (`webdriver.json` says how it starts).
fn wasm(filter: &[String]) -> Result<()> {
    let mut tests =
        shell::run("cargo test --target wasm32-unknown-unknown --package lamina-page --lib")
            .args(filter)
            .env(
                "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER",
                "wasm-bindgen-test-runner",
            )
            .env("WASM_BINDGEN_TEST_TIMEOUT", "120")
            .path(&tools::folders())?;
    if let Some(driver) = find("chromedriver", &[]) {
        tests = tests.env("CHROMEDRIVER", driver);
    }
    tests.go()
}
