//! `lamina db`: builds an advisory database from public feeds, signs, publishes and updates it, and
//! looks into it.
//!
//! Here is only what the engine must not do: walking folders, downloading, writing files, printing.
//! Each subcommand is a file of its own.

mod build;
mod diff;
pub mod download;
mod export;
mod files;
mod info;
mod keys;
mod lookup;
mod oci;
mod push;
mod sources;
mod table;
mod update;

pub(crate) use self::{build::cache_folder, files::replace, keys::Signer};

use std::{io, process::ExitCode};

use clap::{Args, Subcommand};

/// Exit status of `lamina db build` when the database was written, but a feed in it is not of today.
pub const STALE: u8 = 3;

/// Builds, updates and inspects advisory databases.
#[derive(Debug, Args)]
pub struct DbArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build a database from public feeds.
    Build(build::Args),
    /// Bring a database up to date, from an address, a registry or a file.
    Update(update::Args),
    /// Write a database to one file, for offline use.
    Export(export::Args),
    /// Publish a database in a registry, as an OCI artifact.
    Push(push::Args),
    /// List the feeds, their licences, and what a database has of each.
    Sources(sources::Args),
    /// Compare two databases: what became vulnerable, fixed, withdrawn, or changed its severity.
    Diff(diff::Args),
    /// Make a pair of keys to sign databases with.
    Keygen(keys::Keygen),
    /// Check that a database is signed by a key, and whole.
    Verify(keys::Verify),
    /// Say what is in a database, and check that it is whole.
    Info(info::Args),
    /// Look up a vulnerability (CVE-2024-3094, GHSA-…) or a package (pkg:pypi/jinja2, or its name).
    Lookup(lookup::Args),
}

/// Runs `lamina db`. Exit codes: 0 done, 1 failed or nothing found; [`STALE`] where the help says so.
///
/// # Errors
/// Whatever kept it from being done.
pub async fn run(args: DbArgs) -> anyhow::Result<ExitCode> {
    let result = match args.command {
        Command::Build(args) => build::run(args).await,
        Command::Update(args) => update::run(args).await,
        Command::Export(args) => export::run(&args),
        Command::Push(args) => push::run(args).await,
        Command::Sources(args) => sources::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Keygen(args) => keys::keygen(&args),
        Command::Verify(args) => keys::verify(&args),
        Command::Info(args) => info::run(&args),
        Command::Lookup(args) => lookup::run(&args),
    };
    match result {
        // Whoever read the table has seen enough of it; all files are written before it is printed.
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        result => result,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
