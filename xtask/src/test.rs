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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::shell::root;

    #[test]
    fn every_picture_is_taken_by_a_test_and_shown() {
        let mut taken = BTreeSet::new();
        for entry in std::fs::read_dir(root().join("tests/e2e/journeys")).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            for call in [".shots(", ".shots_of("] {
                for part in text.split(call).skip(1) {
                    let name = part.trim_start().strip_prefix('"');
                    let name = name.and_then(|rest| rest.split_once('"'));
                    taken.insert(name.expect("a literal name").0.to_owned());
                }
            }
        }
        let tour = std::fs::read_to_string(root().join("docs/tour.md")).unwrap();
        let shown: BTreeSet<String> = tour
            .split("](shots/")
            .skip(1)
            .filter_map(|part| Some(part.split_once("-light.png")?.0.to_owned()))
            .filter(|name| !name.contains(')'))
            .collect();
        assert_eq!(shown, taken);
    }
}
