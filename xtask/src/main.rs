//! Build, serve, test, bench: `cargo xtask --help`.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "this program is all edge (files, processes, the environment), and its input is ours"
)]

mod accuracy;
mod args;
mod bench;
mod build;
mod csp;
mod demo;
mod feeds;
mod fingerprint;
mod fuzz;
mod lighthouse;
mod lint;
mod page;
mod pwa;
mod serve;
mod shell;
mod size;
mod test;
mod tools;

use std::process::ExitCode;

use crate::args::Args;

/// One subcommand.
struct Command {
    name: &'static str,
    /// One line.
    about: &'static str,
    /// What `--help` adds.
    help: &'static str,
    run: fn(Args) -> anyhow::Result<()>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "serve",
        about: "sets up this machine, builds everything, serves the page",
        help: serve::HELP,
        run: serve::run,
    },
    Command {
        name: "test",
        about: "sets up this machine, runs all tests: native, WebAssembly, end to end",
        help: test::HELP,
        run: test::run,
    },
    Command {
        name: "lint",
        about: "formatting, clippy natively and for WebAssembly, crate boundaries, style sheets",
        help: lint::HELP,
        run: lint::run,
    },
    Command {
        name: "feeds",
        about: "serves the shared feeds at their production addresses, for `lamina db build --mirror`",
        help: feeds::HELP,
        run: feeds::run,
    },
    Command {
        name: "size",
        about: "what the first load weighs, against its budget",
        help: size::HELP,
        run: size::run,
    },
    Command {
        name: "lighthouse",
        about: "the start page as Lighthouse scores it, against its bars",
        help: lighthouse::HELP,
        run: lighthouse::lighthouse,
    },
    Command {
        name: "bench",
        about: "scans a large image in Chromium; ratios to gzip, syft and trivy",
        help: bench::HELP,
        run: bench::run,
    },
    Command {
        name: "accuracy",
        about: "scans images whose contents are known; what is found, missing, too much",
        help: accuracy::HELP,
        run: accuracy::run,
    },
    Command {
        name: "fuzz",
        about: "feeds each parser of foreign bytes random input, for a minute each",
        help: fuzz::HELP,
        run: fuzz::run_targets,
    },
    Command {
        name: "demo",
        about: "builds the sample images and their advisory database",
        help: build::DEMO_HELP,
        run: build::run_demo,
    },
    Command {
        name: "build",
        about: "builds samples, database, page and program",
        help: build::HELP,
        run: build::run,
    },
];

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or_default();
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        println!("Usage: cargo xtask <command> [options]\n");
        for command in COMMANDS {
            println!("  {:<10} {}", command.name, command.about);
        }
        println!("\n`cargo xtask <command> --help` tells more.");
        return ExitCode::from(if matches!(name.as_str(), "" | "-h" | "--help" | "help") {
            0
        } else {
            2
        });
    };
    let args = Args::new(words);
    if args.wants_help() {
        println!(
            "cargo xtask {}: {}\n\n{}",
            command.name, command.about, command.help
        );
        return ExitCode::SUCCESS;
    }
    match (command.run)(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask {name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
