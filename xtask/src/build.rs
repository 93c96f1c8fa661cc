//! Builds what is served: samples, database, page, program.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use lamina_inventory::known_bases;

use crate::{
    args::Args,
    demo,
    fingerprint::Fingerprint,
    page, pwa,
    shell::{self, root, step, target_dir},
    tools,
};

pub(crate) const HELP: &str = "\
Options:
  --release   build the program as released: optimised, with page, samples and database inside
  --quick     build the page alone, quickly, larger and slower: for working on it
  --dist DIR  with --quick: where to put it, instead of `dist`";

pub(crate) const DEMO_HELP: &str = "\
Options:
  --archives DIR   only write each sample to DIR as a `docker save` tar and as an OCI layout tar";

/// What the page is made of.
const PAGE: &[&str] = &[
    "src",
    "crates/advisories",
    "crates/image",
    "crates/inventory",
    "crates/policy",
    "crates/rego",
    "crates/registry",
    "crates/report",
    "crates/scan",
    "style",
    "index.html",
    "content-security-policy.txt",
    "xtask/src/csp.rs",
    "locales",
    "build.rs",
    "xtask/src/page.rs",
    "Cargo.toml",
    "Cargo.lock",
    ".cargo/config.toml",
    "rust-toolchain.toml",
];

pub(crate) fn run_demo(mut args: Args) -> Result<()> {
    let archives = args.option("--archives")?;
    args.finish()?;
    match archives {
        Some(folder) => demo::archives(&PathBuf::from(folder)),
        None => {
            samples()?;
            database(&program(false)?)
        }
    }
}

pub(crate) fn run(mut args: Args) -> Result<()> {
    let is_release = args.flag("--release");
    let is_quick = args.flag("--quick");
    let dist = args.option("--dist")?;
    args.finish()?;
    if is_quick {
        setup()?;
        step("page");
        let dist = dist.map_or_else(|| root().join("dist"), PathBuf::from);
        return page::build(page::Mode::Quick, &dist);
    }
    anyhow::ensure!(dist.is_none(), "--dist goes with --quick");
    everything()?;
    if is_release {
        let built = program(true)?;
        println!("\n{}", built.display());
    }
    Ok(())
}

/// Installs what building needs and builds what is served; answers where the program lies.
///
/// Two things go on side by side, because each has long stretches that keep one core busy: tools and
/// page, and the program. On a new machine the page's modules are compiled while the tools still are,
/// so that the page's build finds them done.
pub(crate) fn everything() -> Result<PathBuf> {
    tools::wasm_target()?;
    let compiles_ahead = !tools::are_ready() && !page_fingerprint()?.is_in(&page_stamp());
    std::thread::scope(|scope| {
        let page = scope.spawn(|| {
            setup()?;
            page()
        });
        let program = (|| {
            if compiles_ahead {
                step("page's modules");
                page::compile(page::Mode::Full)?;
            }
            samples()?;
            let program = program(false)?;
            database(&program)?;
            Ok(program)
        })();
        match page.join() {
            Ok(page) => page.and(program),
            Err(_) => anyhow::bail!("building the page panicked"),
        }
    })
}

/// Installs what building needs.
pub(crate) fn setup() -> Result<()> {
    tools::wasm_target()?;
    tools::wasm_bindgen()?;
    tools::wasm_split()?;
    tools::wasm_opt()
}

/// Builds the sample registry.
pub(crate) fn samples() -> Result<()> {
    step("samples");
    demo::ensure()
}

/// Builds `lamina` and answers where it lies.
pub(crate) fn program(is_release: bool) -> Result<PathBuf> {
    step("program");
    let (flag, folder) = if is_release {
        (" --release", "release")
    } else {
        ("", "debug")
    };
    shell::run(&format!("cargo build --quiet --package lamina{flag}")).go()?;
    Ok(target_dir().join(folder).join("lamina"))
}

/// Builds the advisory database of the samples, and the list of their base images beside it.
pub(crate) fn database(program: &std::path::Path) -> Result<()> {
    step("database");
    let fingerprint = Fingerprint::of(&[
        "demo/advisories",
        "crates/advisories/src",
        "crates/feeds/src",
        // Of the known bases.
        "demo/bases",
        "demo/packages",
        "demo/trees",
        "xtask/src/demo.rs",
        "xtask/src/demo",
        "crates/inventory/src/known_bases.rs",
    ])?;
    let stamp = root().join("demo/out/db.stamp");
    if fingerprint.is_in(&stamp) {
        return Ok(());
    }
    let out = root().join("demo/out/db");
    if out.is_dir() {
        std::fs::remove_dir_all(&out)?;
    }
    shell::run(
        program
            .to_str()
            .context("the target folder's name is not UTF-8")?,
    )
    .args([
        "db",
        "build",
        "--from",
        "demo/advisories",
        "--out",
        "demo/out/db",
        "--name",
        "demo",
        "--built-at",
        "2025-03-20T00:00:00Z",
    ])
    .go()?;
    std::fs::write(out.join(known_bases::FILE_NAME), demo::bases()?.render())
        .context("writing the known bases")?;
    fingerprint.write(&stamp)
}

/// Builds the page into `dist`, unless nothing it is made of has changed.
pub(crate) fn page() -> Result<()> {
    step("page");
    let fingerprint = page_fingerprint()?;
    if fingerprint.is_in(&page_stamp()) {
        return Ok(());
    }
    page::build(page::Mode::Full, &root().join("dist"))?;
    fingerprint.write(&page_stamp())
}

/// What tells whether `dist` is built from what is there.
fn page_fingerprint() -> Result<Fingerprint> {
    let mut settings: Vec<String> = std::env::vars()
        .filter(|(name, _)| name.starts_with("CARGO_PROFILE_WASM"))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    settings.sort();
    let inputs: Vec<&str> = PAGE.iter().chain(pwa::INPUTS).copied().collect();
    Ok(Fingerprint::of(&inputs)?.with(&settings.join(" ")))
}

fn page_stamp() -> PathBuf {
    root().join("dist/.stamp")
}
