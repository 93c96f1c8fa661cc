//! Running other programs.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

/// Folder of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// Where cargo builds.
pub(crate) fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Tells of a step.
pub(crate) fn step(text: &str) {
    println!("\n── {text}");
}

/// Replaces what stands in a document between the markers of a command.
pub(crate) fn replace_between(document: &str, command: &str, text: &str) -> Result<()> {
    let begin = format!("<!-- {command}: written by `cargo xtask {command} --write` -->");
    let end = format!("<!-- /{command} -->");
    let path = root().join(document);
    let old = std::fs::read_to_string(&path).with_context(|| format!("reading {document}"))?;
    let (before, rest) = old
        .split_once(&begin)
        .with_context(|| format!("no line {begin:?} in {document}"))?;
    let (_, after) = rest
        .split_once(&end)
        .with_context(|| format!("no line {end:?} in {document}"))?;
    std::fs::write(&path, format!("{before}{begin}\n{text}{end}{after}"))?;
    println!("written to {document}");
    Ok(())
}

/// A program to be run in the workspace's folder.
pub(crate) struct Run {
    command: Command,
    shown: String,
}

/// Prepares `program` with its arguments, parted by blanks in `line`.
pub(crate) fn run(line: &str) -> Run {
    let mut words = line.split_whitespace();
    let program = words.next().unwrap_or_default();
    let program = if program == "cargo" {
        env::var("CARGO").unwrap_or_else(|_| "cargo".into())
    } else {
        program.to_owned()
    };
    let mut command = Command::new(program);
    command.args(words).current_dir(root()).stdin(Stdio::null());
    // Set by the `cargo run` around this program; they would make the inner cargo build anew.
    for name in [
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
        "CARGO_PKG_NAME",
        "CARGO_PKG_VERSION",
    ] {
        command.env_remove(name);
    }
    Run {
        command,
        shown: line.to_owned(),
    }
}

impl Run {
    pub(crate) fn arg(mut self, arg: impl AsRef<std::ffi::OsStr>) -> Self {
        self.shown = format!("{} {}", self.shown, arg.as_ref().to_string_lossy());
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<T: AsRef<std::ffi::OsStr>>(self, args: impl IntoIterator<Item = T>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Puts folders before those of `PATH`.
    pub(crate) fn path(self, folders: &[PathBuf]) -> Result<Self> {
        let path = env::var_os("PATH").unwrap_or_default();
        let all = folders.iter().cloned().chain(env::split_paths(&path));
        let joined = env::join_paths(all)?;
        Ok(self.env("PATH", joined))
    }

    /// Runs it, shows what it says, and fails if it does.
    pub(crate) fn go(mut self) -> Result<()> {
        println!("   $ {}", self.shown);
        let status = self
            .command
            .status()
            .with_context(|| format!("starting `{}`", self.shown))?;
        if !status.success() {
            bail!("`{}` failed: {status}", self.shown);
        }
        Ok(())
    }

    /// Runs it quietly; its standard output, if it succeeds.
    pub(crate) fn read(mut self) -> Result<String> {
        let output = self
            .command
            .stderr(Stdio::piped())
            .output()
            .with_context(|| format!("starting `{}`", self.shown))?;
        if !output.status.success() {
            bail!(
                "`{}` failed: {}",
                self.shown,
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Becomes it; returns only if it cannot be started.
    pub(crate) fn become_it(mut self) -> Result<()> {
        use std::os::unix::process::CommandExt as _;
        println!("   $ {}", self.shown);
        let error = self.command.exec();
        Err(error).with_context(|| format!("starting `{}`", self.shown))
    }
}

/// The program of that name on `PATH`, or in one of `folders`, which come first.
pub(crate) fn find(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    folders
        .iter()
        .cloned()
        .chain(env::split_paths(&path))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
