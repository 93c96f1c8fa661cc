//! `cargo xtask lighthouse`: the page as Lighthouse sees it, against the bars that it must stand.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    args::Args,
    build, serve,
    shell::{find, root, run, step},
    tools,
};

pub(crate) const HELP: &str = "\
Builds everything, serves it with `lamina serve`, and has Lighthouse open the start page (its settings for
desktops: the page is for them first). Prints each score and what it is made of; fails below the bars:
performance and best practices 95, accessibility 100. It needs a quiet machine.

Options:
  --runs N    how often; the median counts, 3 if not given";

/// Category and the least score, of 100.
const BARS: [(&str, f64); 3] = [
    ("performance", 95.0),
    ("best-practices", 95.0),
    ("accessibility", 100.0),
];

/// What performance is made of.
const AUDITS: [&str; 5] = [
    "first-contentful-paint",
    "largest-contentful-paint",
    "total-blocking-time",
    "cumulative-layout-shift",
    "speed-index",
];

/// Chromium, as root and without its own services.
const FLAGS: &str = "--chrome-flags=--headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync";

pub(crate) fn lighthouse(mut args: Args) -> Result<()> {
    let runs: usize = args
        .option("--runs")?
        .map_or(Ok(3), |runs| runs.parse())
        .context("--runs")?;
    args.finish()?;
    ensure!(runs > 0, "--runs: at least one");
    let program = build::everything()?;
    tools::apt()?;
    let lighthouse = tools::lighthouse()?;
    let chromium = find("chromium", &[]).context("chromium is not on PATH")?;
    let served = Served::start(&program)?;
    let mut reports = Vec::new();
    for number in 1..=runs {
        step(&format!("run {number} of {runs}"));
        let output = root().join("target/lighthouse.json");
        run("node")
            .arg(&lighthouse)
            .arg(&served.url)
            .args(["--preset=desktop", "--output=json", "--quiet", FLAGS])
            .arg("--only-categories=performance,best-practices,accessibility")
            .arg(format!("--output-path={}", output.display()))
            .env("CHROME_PATH", &chromium)
            .go()?;
        let text = std::fs::read_to_string(&output)?;
        reports.push(serde_json::from_str::<serde_json::Value>(&text)?);
    }
    drop(served);

    let median = |pointer: &str| -> Result<f64> {
        let mut numbers = reports
            .iter()
            .map(|report| report.pointer(pointer).and_then(serde_json::Value::as_f64))
            .collect::<Option<Vec<f64>>>()
            .with_context(|| format!("Lighthouse's report has no {pointer}"))?;
        numbers.sort_by(f64::total_cmp);
        Ok(numbers[numbers.len() / 2])
    };
    let mut low = Vec::new();
    for (category, bar) in BARS {
        let score = median(&format!("/categories/{category}/score"))? * 100.0;
        println!("{category:<26} {score:>8.0}   (bar {bar})");
        if score < bar {
            low.push(category);
        }
    }
    for audit in AUDITS {
        let value = median(&format!("/audits/{audit}/numericValue"))?;
        println!("{audit:<26} {value:>8.3}");
    }
    if !low.is_empty() {
        // What took points away, of the last run.
        for (name, audit) in reports
            .last()
            .and_then(|report| report["audits"].as_object())
            .into_iter()
            .flatten()
        {
            if audit["score"].as_f64().is_some_and(|score| score < 0.9) {
                println!(
                    "{name}: {}",
                    audit["displayValue"].as_str().unwrap_or("fails")
                );
            }
        }
        bail!("below the bar: {}", low.join(", "));
    }
    Ok(())
}

/// `lamina serve`, until it is dropped.
struct Served {
    process: Child,
    url: String,
}

impl Served {
    fn start(program: &std::path::Path) -> Result<Self> {
        let mut process = Command::new(program)
            .current_dir(root())
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(serve::FOLDERS)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let lines = process.stdout.take().map(BufReader::new);
        let mut url = None;
        for line in lines.into_iter().flat_map(BufRead::lines) {
            if let Some(rest) = line?.strip_prefix("Lamina is at ") {
                url = Some(rest.trim().to_owned());
                break;
            }
        }
        match url {
            Some(url) => Ok(Self { process, url }),
            None => {
                let _ = process.kill();
                bail!("`lamina serve` did not say where it is")
            }
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
