//! `lamina policy`: checks policies, and takes them from and to other tools' files.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::builder::{PossibleValue, PossibleValuesParser};
use lamina_policy::{
    MAX_POLICY_BYTES, Policy,
    presets::{self, PRESETS},
};

use crate::transport;

/// Arguments of `lamina policy`.
#[derive(Clone, Debug, clap::Args)]
pub struct PolicyArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// Says whether a file is a policy, and which of its exceptions are expired.
    Check {
        /// The policy.
        file: PathBuf,
    },
    /// Reads another tool's file (`.trivyignore`, `.grype.yaml`, `osv-scanner.toml`, Harbor's allowlist)
    /// and prints the policy that comes nearest; what that cannot say goes to standard error.
    Import {
        /// The tool's file.
        file: PathBuf,
        /// Whose it is, if its name does not tell.
        #[arg(long, value_parser = tools())]
        tool: Option<String>,
    },
    /// Writes a policy as another tool's files, and prints the command that goes with them.
    Export {
        /// The policy.
        file: PathBuf,
        /// For which tool.
        #[arg(long, value_parser = tools())]
        to: String,
        /// Where to write the files. Files that are there are replaced.
        #[arg(long, value_name = "DIR", default_value = ".")]
        out: PathBuf,
        /// The image that the command is to name.
        #[arg(long, default_value = "IMAGE")]
        image: String,
    },
}

fn tools() -> PossibleValuesParser {
    let tools = PRESETS.iter();
    PossibleValuesParser::new(
        tools.map(|preset| PossibleValue::new(preset.id()).help(preset.about())),
    )
}

/// Runs the command.
///
/// # Errors
/// When a file cannot be read or written, or is not what it should be.
pub fn run(args: PolicyArgs) -> anyhow::Result<()> {
    let (out, complaints) = match args.command {
        Command::Check { file } => check(&file)?,
        Command::Import { file, tool } => import(&file, tool.as_deref())?,
        Command::Export {
            file,
            to,
            out,
            image,
        } => export(&file, &to, &out, &image)?,
    };
    for complaint in complaints {
        eprintln!("warning: {complaint}");
    }
    print!("{out}");
    Ok(())
}

/// What is printed, and what is complained of.
type Said = (String, Vec<String>);

fn check(file: &Path) -> anyhow::Result<Said> {
    let policy = policy(file)?;
    let now = transport::clock()?;
    let ends_all = policy.exceptions_expire.as_ref();
    let is_over = ends_all.is_some_and(|expiry| now >= expiry.end());
    let expired: Vec<String> = policy
        .exceptions
        .iter()
        .filter(|exception| is_over || exception.is_expired(now))
        .map(|exception| {
            let since = exception.expires.as_ref().filter(|_| !is_over).or(ends_all);
            let since = since.map(|expiry| format!(" since {expiry}"));
            format!(
                "the exception for {} is expired{}",
                exception.label(),
                since.unwrap_or_default()
            )
        })
        .collect();
    let name = policy.name.as_deref().unwrap_or("the policy");
    let text = format!(
        "{name}: {} exceptions, {} of them expired, {} custom rules\n",
        policy.exceptions.len(),
        expired.len(),
        policy.rules.len()
    );
    Ok((text, expired))
}

fn import(file: &Path, tool: Option<&str>) -> anyhow::Result<Said> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let by_name = || {
        let preset = PRESETS
            .iter()
            .find(|preset| preset.files().contains(&&*name));
        preset.map(|preset| preset.id())
    };
    let Some(tool) = tool.or_else(by_name) else {
        bail!("{name} is no name that a tool's file has: say whose it is with --tool");
    };
    let text = read(file)?;
    let read = presets::read(tool, &name, &text)
        .with_context(|| format!("no tool is named {tool}"))?
        .with_context(|| format!("reading {}", file.display()))?;
    let policy = read.value.to_policy();
    let mut lost = read.lost;
    lost.extend(policy.lost);
    Ok((policy.value.to_yaml()?, lost))
}

fn export(file: &Path, tool: &str, out: &Path, image: &str) -> anyhow::Result<Said> {
    let policy = policy(file)?;
    let preset = presets::by_id(tool).with_context(|| format!("no tool is named {tool}"))?;
    let settings = preset.settings(&policy, transport::clock()?);
    let export = settings.value.export(image);
    let mut text = String::new();
    for written in &export.files {
        let path = out.join(written.name);
        std::fs::write(&path, &written.text)
            .with_context(|| format!("writing {}", path.display()))?;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# {}", path.display());
    }
    let _ = writeln!(text, "{}", export.command);
    let mut lost = settings.lost;
    lost.extend(export.lost);
    Ok((text, lost))
}

fn policy(file: &Path) -> anyhow::Result<Policy> {
    Policy::parse(&read(file)?).with_context(|| format!("reading {}", file.display()))
}

fn read(file: &Path) -> anyhow::Result<String> {
    let about = || format!("reading {}", file.display());
    let bytes = std::fs::metadata(file).with_context(about)?.len();
    if bytes > MAX_POLICY_BYTES as u64 {
        bail!(
            "{} has {bytes} bytes, more than a policy may",
            file.display()
        );
    }
    std::fs::read_to_string(file).with_context(about)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_goes_to_every_tool_and_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("policy.yaml");
        let text =
            "name: house\nfail-on: critical\nexceptions:\n  - id: CVE-2024-1\n    reason: r\n";
        std::fs::write(&file, text).unwrap();
        for preset in PRESETS {
            let (command, _) = export(&file, preset.id(), folder.path(), "shop:1").unwrap();
            assert!(command.contains("# "), "{command}");
            let written = command.lines().next().unwrap();
            let written = Path::new(written.trim_start_matches("# "));
            let (yaml, _) = import(written, Some(preset.id())).unwrap();
            let all: Vec<String> = command
                .lines()
                .filter_map(|line| line.strip_prefix("# "))
                .map(|path| import(Path::new(path), Some(preset.id())).unwrap().0)
                .collect();
            assert!(
                all.iter().any(|yaml| yaml.contains("CVE-2024-1")),
                "{}: {yaml}",
                preset.id()
            );
        }
    }

    #[test]
    fn expired_exceptions_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("policy.yaml");
        let said = |text: &str| {
            std::fs::write(&file, text).unwrap();
            check(&file).unwrap()
        };
        let (text, expired) = said("exceptions: [{id: CVE-1, expires: 2020-01-01}, {id: CVE-2}]");
        assert_eq!(
            text,
            "the policy: 2 exceptions, 1 of them expired, 0 custom rules\n"
        );
        assert_eq!(
            expired,
            ["the exception for CVE-1 is expired since 2020-01-01"]
        );
        let (_, expired) = said("exceptions-expire: 2020-01-01\nexceptions: [{id: CVE-2}]");
        assert_eq!(
            expired,
            ["the exception for CVE-2 is expired since 2020-01-01"]
        );
        std::fs::write(&file, "fail-on: hihg").unwrap();
        let error = format!("{:#}", check(&file).unwrap_err());
        assert!(error.contains("line 1 column 10"), "{error}");
    }

    #[test]
    fn a_file_of_no_known_name_needs_its_tool() {
        let error = import(Path::new("/tmp/ignore.txt"), None).unwrap_err();
        assert!(error.to_string().contains("--tool"), "{error}");
    }
}
