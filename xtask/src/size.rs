//! `cargo xtask size`.

use std::{io::Write as _, path::Path};

use anyhow::{Context as _, Result, bail};

use crate::{args::Args, build, shell::root};

pub(crate) const HELP: &str = "\
Builds the page if it has changed, compresses with brotli what opening it fetches, and fails above
the budget. What a report needs beside it, workers, and views that are fetched when they are opened
are listed apart.";

/// WebAssembly, JavaScript, CSS and HTML of the page as it opens, brotli 11.
const BUDGET_BYTES: usize = 1024 * 1024;

pub(crate) fn run(args: Args) -> Result<()> {
    args.finish()?;
    build::setup()?;
    build::page()?;
    let dist = root().join("dist");
    let mut first = Vec::new();
    let mut report = Vec::new();
    let mut beside = Vec::new();
    for entry in std::fs::read_dir(&dist).context("reading dist")? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
            .to_owned();
        let is_code = [".wasm", ".js", ".css", ".html"]
            .iter()
            .any(|end| name.ends_with(end));
        // The page in one file is the same once more, for saving.
        if !is_code || name.starts_with("report-") {
            continue;
        }
        let row = (
            brotli(&path)?,
            std::fs::metadata(&path)?.len(),
            name.clone(),
        );
        // `chunk_` is what several lazy views share: counted whole, though not all may need it.
        if name == "index.html" || name.starts_with("lamina-page") || name.starts_with("parts-") {
            first.push(row);
        } else if name.starts_with("split_report") || name.starts_with("chunk_") {
            report.push(row);
        } else {
            beside.push(row);
        }
    }
    let start = print("start page", &mut first);
    let total = start + print("and for a report", &mut report);
    print("when needed", &mut beside);
    println!("\nfirst load: {start} of {BUDGET_BYTES} bytes allowed; with a report: {total}");
    if start > BUDGET_BYTES {
        bail!(
            "the first load is {} bytes above its budget",
            start - BUDGET_BYTES
        );
    }
    Ok(())
}

fn print(title: &str, rows: &mut [(usize, u64, String)]) -> usize {
    println!("\n{title}\n    brotli        raw");
    rows.sort();
    for (compressed, raw, name) in rows.iter().rev() {
        println!("{compressed:>10} {raw:>10}  {name}");
    }
    rows.iter().map(|(compressed, _, _)| compressed).sum()
}

fn brotli(path: &Path) -> Result<usize> {
    let bytes = std::fs::read(path)?;
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 1 << 16, 11, 22);
    writer.write_all(&bytes)?;
    Ok(writer.into_inner().len())
}
