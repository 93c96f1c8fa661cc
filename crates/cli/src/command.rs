//! The command line.

use std::{io::IsTerminal as _, process::ExitCode};

use clap::{Parser, Subcommand, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::{bases, compare, db, gate, import, policy, rego, scan, serve};

/// Looks inside container images and finds what is vulnerable in them.
///
/// Exit status: 0 when all went well (and the image passes the policy), 1 on an error, 2 when the
/// image was scanned and fails the policy, 3 when a database was built with older data of a feed.
#[derive(Debug, Parser)]
#[command(name = "lamina", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// What to log, in the syntax of `RUST_LOG` (`info`, `lamina_cli=debug`).
    #[arg(
        long,
        global = true,
        env = "LAMINA_LOG",
        default_value = "warn,lamina_cli=info"
    )]
    log: String,

    /// How to write the log, which goes to standard error.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Scans an image and prints the report.
    #[command(after_help = scan::EXIT_STATUS)]
    Scan(scan::Args),
    /// Says what changed from one image to another, or how the platforms of an image differ.
    #[command(after_help = compare::EXIT_STATUS)]
    Compare(compare::Args),
    /// Reads another tool's report: prints it in any of our formats, or beside ours.
    #[command(after_help = import::AFTER_HELP)]
    Import(import::Args),
    /// Serves the page, its database, the sample images and the relay to registries.
    Serve(serve::Args),
    /// Stands before a registry and refuses pulls of images that fail a policy.
    Gate(gate::Args),
    /// Builds, updates and asks the advisory database.
    Db(db::DbArgs),
    /// Checks policies, and takes them from and to other tools' files.
    Policy(policy::PolicyArgs),
    /// Lists known base images, so that a scan tells what an image has from its base.
    Bases(bases::Args),
    /// Judges custom rules for another process of this program.
    #[command(hide = true, name = rego::WORKER)]
    RegoWorker,
}

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All is well. Exit status 0.
    Passed,
    /// The image fails the policy. Exit status 2.
    PolicyFailed,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Passed => Self::SUCCESS,
            Outcome::PolicyFailed => Self::from(2),
        }
    }
}

/// Reads the command line, runs the command and answers the exit status.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            // Help and version come this way too. Clap's own status for mistakes is 2, which here
            // means a failed policy.
            return if error.use_stderr() {
                ExitCode::from(1)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    if let Err(error) = start_log(&cli) {
        eprintln!("error: {error:#}");
        return ExitCode::from(1);
    }
    match run(cli.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(1)
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    if let Command::RegoWorker = command {
        // Without the threads of a runtime.
        return rego::work().map(|()| ExitCode::SUCCESS);
    }
    runtime()?.block_on(async {
        match command {
            Command::RegoWorker => Ok(ExitCode::SUCCESS),
            Command::Db(args) => db::run(args).await,
            Command::Bases(args) => bases::run(args).await,
            Command::Policy(args) => policy::run(args).map(|()| ExitCode::SUCCESS),
            Command::Scan(args) => scan::run(args).await.map(ExitCode::from),
            Command::Compare(args) => compare::run(args).await.map(ExitCode::from),
            Command::Import(args) => import::run(args).map(ExitCode::from),
            Command::Gate(args) => gate::run(args).await.map(|()| ExitCode::SUCCESS),
            Command::Serve(args) => serve::run(args).await.map(|()| ExitCode::SUCCESS),
        }
    })
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}

fn start_log(cli: &Cli) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&cli.log)?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match cli.log_format {
        LogFormat::Text => log.with_target(false).init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
