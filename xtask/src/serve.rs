//! `cargo xtask serve`.

use anyhow::{Context as _, Result};

use crate::{
    args::Args,
    build,
    shell::{self, find, step},
};

pub(crate) const HELP: &str = "\
Installs what is missing (and says what), builds samples, database, page and program, and runs
`lamina serve`. A second run from an unchanged tree starts within seconds.

Options:
  --port N      port on 127.0.0.1, 8080 if not given
  --no-open     do not open a browser
  -- ARGS       what follows goes to `lamina serve`";

pub(crate) fn run(mut args: Args) -> Result<()> {
    let port = args
        .option("--port")?
        .map_or(Ok(8080), |port| port.parse::<u16>())
        .context("--port")?;
    let opens = !args.flag("--no-open");
    args.finish()?;
    let program = build::everything()?;
    let url = format!("http://127.0.0.1:{port}/");
    step(&format!("serving {url}  (Ctrl-C ends it)"));
    let opener = find("xdg-open", &[]).filter(|_| opens && std::env::var_os("DISPLAY").is_some());
    if let Some(opener) = opener {
        // A browser that starts before the port listens tries again by itself.
        let _ = std::process::Command::new(opener).arg(&url).spawn();
    }
    run_program(&program, port)
}

/// What was built here, for `lamina serve` started at the root.
pub(crate) const FOLDERS: [&str; 6] = [
    "--page",
    "dist",
    "--samples",
    "demo/out/samples",
    "--db",
    "demo/out/db",
];

fn run_program(program: &std::path::Path, port: u16) -> Result<()> {
    shell::run(
        program
            .to_str()
            .context("the target folder's name is not UTF-8")?,
    )
    .args([
        "serve",
        "--listen",
        &format!("127.0.0.1:{port}"),
        "--allow-registry",
        "localhost:5000",
    ])
    .args(FOLDERS)
    .become_it()
}
