//! `cargo xtask fuzz`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::{
    args::Args,
    shell::{Run, find, root, run, step},
    tools,
};

pub(crate) const HELP: &str = "\
cargo xtask fuzz [<target> …] [options]

Feeds each parser of foreign bytes random and mutated input, under AddressSanitizer, and fails when
one panics, hangs, or takes too much memory. Without a target all of `fuzz/Cargo.toml` are run.

  --list             only says which targets there are
  --seconds <n>      how long each target is run, 60 when not given
  --seeds <folder>   where inputs to begin with lie, one folder per target

Sets up: cargo-fuzz into .tools, if it is missing. A nightly toolchain is used if rustup has one
(`rustup toolchain install nightly`), otherwise the stable one with RUSTC_BOOTSTRAP=1.
What was learned stays in fuzz/corpus, an input that fails in fuzz/artifacts; neither is committed.";

const DEFAULT_SECONDS: u32 = 60;

/// Memory of one target, AddressSanitizer's share included: a parser within its limits needs a fraction of it.
const MEMORY_MIB: u32 = 1024;

/// How long one input may take. No parser needs a second for one, even with the checks and on a busy machine.
const INPUT_SECONDS: u32 = 10;

pub(crate) fn run_targets(mut args: Args) -> Result<()> {
    let is_listing = args.flag("--list");
    let seconds = match args.option("--seconds")? {
        Some(text) => text
            .parse()
            .ok()
            .filter(|seconds| *seconds > 0)
            .with_context(|| format!("--seconds wants a number above 0, not {text:?}"))?,
        None => DEFAULT_SECONDS,
    };
    let seeds = args.option("--seeds")?.map(PathBuf::from);
    let wanted = args.rest()?;

    let manifest = std::fs::read_to_string(root().join("fuzz/Cargo.toml"))
        .context("reading fuzz/Cargo.toml")?;
    let targets = chosen(targets(&manifest)?, &wanted)?;
    if is_listing {
        targets.iter().for_each(|target| println!("{target}"));
        return Ok(());
    }

    tools::cargo_fuzz()?;
    let toolchain = Toolchain::find();
    step(&format!("building {} targets", targets.len()));
    for target in &targets {
        toolchain.fuzz("build")?.arg(target).go()?;
    }
    let mut failed = Vec::new();
    for target in &targets {
        step(&format!("{target}, {seconds} s"));
        let corpus = root().join("fuzz/corpus").join(target);
        std::fs::create_dir_all(&corpus)?;
        let seeds = seeds.as_ref().map(|folder| folder.join(target));
        let folders = [corpus].into_iter().chain(seeds.filter(|it| it.is_dir()));
        let outcome = toolchain
            .fuzz("run")?
            .arg(target)
            .args(folders)
            .arg("--")
            .args([
                format!("-max_total_time={seconds}"),
                format!("-timeout={INPUT_SECONDS}"),
                format!("-rss_limit_mb={MEMORY_MIB}"),
                "-print_final_stats=1".to_owned(),
            ])
            .go();
        if let Err(error) = outcome {
            eprintln!("   {error:#}");
            failed.push(target.as_str());
        }
    }
    if !failed.is_empty() {
        bail!(
            "{} of {} targets failed, see fuzz/artifacts: {}",
            failed.len(),
            targets.len(),
            failed.join(", ")
        );
    }
    println!("\nno target of {} failed", targets.len());
    Ok(())
}

/// Which compiler builds the targets. The sanitizer and the coverage that guides libFuzzer need
/// flags that a stable compiler only takes when told.
enum Toolchain {
    Nightly,
    Stable,
}

impl Toolchain {
    fn find() -> Self {
        let has_nightly = find("rustup", &[]).is_some()
            && run("rustup toolchain list")
                .read()
                .is_ok_and(|list| list.lines().any(|line| line.starts_with("nightly")));
        if has_nightly {
            Self::Nightly
        } else {
            println!("   no nightly toolchain: the stable one is used with RUSTC_BOOTSTRAP=1");
            Self::Stable
        }
    }

    fn fuzz(&self, subcommand: &str) -> Result<Run> {
        let command = match self {
            Self::Nightly => run("rustup run nightly cargo fuzz"),
            Self::Stable => run("cargo fuzz").env("RUSTC_BOOTSTRAP", "1"),
        };
        command.arg(subcommand).path(&tools::folders())
    }
}

/// The names of the targets, in the manifest's order.
fn targets(manifest: &str) -> Result<Vec<String>> {
    let manifest: toml::Table = manifest.parse().context("fuzz/Cargo.toml")?;
    Ok(manifest
        .get("bin")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|bin| bin.get("name")?.as_str())
        .map(str::to_owned)
        .collect())
}

/// Those of `targets` that are wanted: all when nothing is said.
fn chosen(targets: Vec<String>, wanted: &[String]) -> Result<Vec<String>> {
    if let Some(unknown) = wanted.iter().find(|name| !targets.contains(name)) {
        bail!(
            "no fuzz target {unknown:?}; there are {}",
            targets.join(", ")
        );
    }
    Ok(targets
        .into_iter()
        .filter(|target| wanted.is_empty() || wanted.contains(target))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_those_of_the_manifest() {
        let manifest = "[[bin]]\nname = \"zip\"\n[[bin]]\nname = \"pe\"\n";
        let check = |wanted: &[&str], expected: Option<&[&str]>| {
            let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
            let found = chosen(targets(manifest).unwrap(), &wanted).ok();
            let expected = expected.map(|names| names.iter().map(ToString::to_string).collect());
            assert_eq!(found, expected);
        };
        check(&[], Some(&["zip", "pe"]));
        check(&["pe"], Some(&["pe"]));
        check(&["pe", "elf"], None);
    }

    #[test]
    fn each_target_has_its_file_and_each_file_its_target() {
        let manifest = std::fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
        let mut targets = targets(&manifest).unwrap();
        let mut files: Vec<String> = std::fs::read_dir(root().join("fuzz/targets"))
            .unwrap()
            .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()))
            .collect();
        targets.sort();
        files.sort();
        assert_eq!(targets, files);
    }
}
