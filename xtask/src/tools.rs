//! The tools that building and testing need, installed where they are missing.
//!
//! Versions are pinned here. A fitting one on `PATH` is used as it is; others go to `.tools/`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::shell::{find, root, run, step};

/// Cuts the page into parts that are loaded when they are needed.
const WASM_SPLIT: &str = "0.2.4";
const BINARYEN: &str = "132";
/// Checks pages for people who do not see or point; for tests alone.
const AXE: &str = "4.14.1";
/// Scores pages; for `cargo xtask lighthouse` alone.
const LIGHTHOUSE: &str = "12.8.2";
const CARGO_FUZZ: &str = "0.13.2";

/// Debian packages that the end-to-end tests need, and a program of each.
const APT: &[(&str, &str)] = &[
    ("chromium", "chromium"),
    ("chromium-driver", "chromedriver"),
    ("docker-registry", "docker-registry"),
    ("skopeo", "skopeo"),
    ("apache2-utils", "htpasswd"),
];

fn tools() -> PathBuf {
    root().join(".tools")
}

/// Folders to put before `PATH`: what was installed here.
pub(crate) fn folders() -> Vec<PathBuf> {
    vec![tools().join("bin"), tools().join("node_modules/.bin")]
}

/// The wasm32 target, for the toolchain of `rust-toolchain.toml`.
pub(crate) fn wasm_target() -> Result<()> {
    if find("rustup", &[]).is_none() {
        return Ok(()); // A distribution's Rust: cargo says what is missing.
    }
    let installed = run("rustup target list --installed").read()?;
    if !installed
        .lines()
        .any(|target| target == "wasm32-unknown-unknown")
    {
        step("installing the wasm32-unknown-unknown target");
        run("rustup target add wasm32-unknown-unknown").go()?;
    }
    Ok(())
}

/// Whether nothing has to be compiled before the page can be.
pub(crate) fn are_ready() -> bool {
    has_wasm_split() && has_wasm_bindgen().unwrap_or(false)
}

/// It does not tell its version: a note beside it does.
fn has_wasm_split() -> bool {
    let note = tools().join("wasm-split.version");
    find("wasm-split-cli", &folders()).is_some()
        && std::fs::read_to_string(note).is_ok_and(|version| version == WASM_SPLIT)
}

/// wasm-split, which cuts the page into parts.
pub(crate) fn wasm_split() -> Result<()> {
    if has_wasm_split() {
        return Ok(());
    }
    step(&format!(
        "installing wasm-split {WASM_SPLIT} into .tools (a minute, once)"
    ));
    cargo_install(&format!(
        "wasm_split_cli_support@{WASM_SPLIT} --locked --features build-binary"
    ))?;
    std::fs::write(tools().join("wasm-split.version"), WASM_SPLIT)?;
    Ok(())
}

fn has_wasm_bindgen() -> Result<bool> {
    let wanted = locked_version("wasm-bindgen")?;
    let has_runner = find("wasm-bindgen-test-runner", &folders()).is_some();
    Ok(has_runner && version_of("wasm-bindgen").is_some_and(|version| version == wanted))
}

/// wasm-bindgen's program and test runner, of the version in `Cargo.lock`.
pub(crate) fn wasm_bindgen() -> Result<()> {
    if has_wasm_bindgen()? {
        return Ok(());
    }
    let wanted = locked_version("wasm-bindgen")?;
    step(&format!(
        "installing wasm-bindgen {wanted} into .tools (a few minutes, once)"
    ));
    // Not `--locked`: the lock file of 0.2.130 names a crate that the registry does not serve.
    cargo_install(&format!("wasm-bindgen-cli@{wanted}"))
}

/// wasm-opt, which makes the page smaller.
pub(crate) fn wasm_opt() -> Result<()> {
    let wanted = tools().join("node_modules/.bin/wasm-opt");
    if wanted.is_file() || version_of("wasm-opt").is_some_and(|version| version == BINARYEN) {
        return Ok(());
    }
    if find("npm", &[]).is_some() {
        step(&format!(
            "installing wasm-opt (binaryen {BINARYEN}) into .tools"
        ));
        std::fs::create_dir_all(tools())?;
        match npm_install() {
            Ok(()) => return Ok(()),
            Err(error) => eprintln!("   {error:#}"),
        }
    } else if find("wasm-opt", &[]).is_some() {
        println!("   npm is missing: the wasm-opt on PATH is used; the page is a little larger");
        return Ok(());
    }
    println!("   no npm, no wasm-opt: the page is built without that optimisation, and is larger");
    Ok(())
}

/// Installs what comes from npm. All at once: npm takes away what one installation does not name.
fn npm_install() -> Result<()> {
    std::fs::create_dir_all(tools())?;
    run("npm install --silent --no-audit --no-fund --no-save --prefix")
        .arg(tools())
        .arg(format!("binaryen@{BINARYEN}.0.0"))
        .arg(format!("axe-core@{AXE}"))
        .go()
}

/// axe-core, which the end-to-end tests hold the page against. Answers where it lies.
pub(crate) fn axe() -> Result<PathBuf> {
    let folder = tools().join("node_modules/axe-core");
    let script = folder.join("axe.min.js");
    let package = std::fs::read_to_string(folder.join("package.json")).unwrap_or_default();
    if !script.is_file() || !package.contains(&format!("\"version\": \"{AXE}\"")) {
        step(&format!("installing axe-core {AXE} into .tools"));
        npm_install()?;
    }
    Ok(script)
}

/// Lighthouse's program, in a folder of its own: it brings 150 packages along.
pub(crate) fn lighthouse() -> Result<PathBuf> {
    let folder = tools().join("lighthouse");
    let package = folder.join("node_modules/lighthouse");
    let facts = std::fs::read_to_string(package.join("package.json")).unwrap_or_default();
    if !facts.contains(&format!("\"version\": \"{LIGHTHOUSE}\"")) {
        step(&format!("installing Lighthouse {LIGHTHOUSE} into .tools"));
        std::fs::create_dir_all(&folder)?;
        run("npm install --silent --no-audit --no-fund --no-save --ignore-scripts --prefix")
            .arg(&folder)
            .arg(format!("lighthouse@{LIGHTHOUSE}"))
            .go()?;
    }
    Ok(package.join("cli/index.js"))
}

/// Optimises a WebAssembly file in place, if there is something to do it with. `-O1`: higher levels
/// take six times as long and change neither size nor speed (docs/performance.md).
pub(crate) fn optimise(file: &Path) -> Result<()> {
    if find("wasm-opt", &folders()).is_none() {
        return Ok(());
    }
    // What browsers understand today, and rustc and wasm-bindgen use; `--all-features` writes encodings
    // that Chromium refuses.
    run("wasm-opt -O1 --enable-bulk-memory --enable-bulk-memory-opt --enable-reference-types --enable-simd --enable-sign-ext --enable-mutable-globals --enable-nontrapping-float-to-int --enable-multivalue --enable-extended-const")
        .arg(file)
        .arg("-o")
        .arg(file)
        .path(&folders())?
        .go()
}

/// cargo-fuzz, which builds and runs the fuzz targets. Any version will do.
pub(crate) fn cargo_fuzz() -> Result<()> {
    if find("cargo-fuzz", &folders()).is_some() {
        return Ok(());
    }
    step(&format!(
        "installing cargo-fuzz {CARGO_FUZZ} into .tools (a minute, once)"
    ));
    cargo_install(&format!("cargo-fuzz@{CARGO_FUZZ}"))
}

/// What the end-to-end tests need of the system.
pub(crate) fn apt() -> Result<()> {
    let missing: Vec<&str> = APT
        .iter()
        .filter(|(_, program)| find(program, &[]).is_none())
        .map(|(package, _)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let is_root = run("id -u").read().is_ok_and(|id| id == "0");
    if !is_root || find("apt-get", &[]).is_none() {
        bail!(
            "the end-to-end tests need {}: install them (Debian: apt-get install {}), or run with --no-e2e",
            missing.join(", "),
            missing.join(" ")
        );
    }
    step(&format!("installing {} with apt-get", missing.join(", ")));
    run("apt-get update -qq").go()?;
    run("apt-get install -y -qq --no-install-recommends")
        .args(&missing)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .go()
}

/// The version of a dependency in `Cargo.lock`.
pub(crate) fn locked_version(name: &str) -> Result<String> {
    let lock = std::fs::read_to_string(root().join("Cargo.lock"))?;
    let lock: toml::Table = lock.parse()?;
    lock.get("package")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
        .find(|package| package.get("name").and_then(toml::Value::as_str) == Some(name))
        .and_then(|package| package.get("version")?.as_str())
        .map(str::to_owned)
        .with_context(|| format!("{name} is not in Cargo.lock"))
}

fn cargo_install(what: &str) -> Result<()> {
    // A program that runs for a second need not be optimised: a third of the time to build it.
    run(&format!("cargo install {what} --root"))
        .arg(tools())
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
        .env("CARGO_TARGET_DIR", tools().join("target"))
        .go()?;
    // What was built on the way is not needed again.
    let _ = std::fs::remove_dir_all(tools().join("target"));
    Ok(())
}

/// The second word of `program --version`, or the number in it.
fn version_of(program: &str) -> Option<String> {
    let path = find(program, &folders())?;
    let text = run(path.to_str()?).arg("--version").read().ok()?;
    text.split_whitespace()
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))
        .map(str::to_owned)
}
