//! Whether what was built is still what would be built.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::Digest as _;

use crate::{demo::hex, shell::root};

/// A digest of input files, by path and content.
#[derive(Debug)]
pub(crate) struct Fingerprint(String);

impl Fingerprint {
    /// Of files and folders, relative to the workspace.
    pub(crate) fn of(inputs: &[&str]) -> Result<Self> {
        let mut files = Vec::new();
        for input in inputs {
            collect(&root().join(input), &mut files)?;
        }
        files.sort();
        let mut hasher = sha2::Sha256::new();
        for file in files {
            let bytes =
                std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
            hasher.update(
                file.strip_prefix(root())
                    .unwrap_or(&file)
                    .to_string_lossy()
                    .as_bytes(),
            );
            hasher.update([0]);
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        }
        Ok(Self(hex(&hasher.finalize())))
    }

    /// Adds something that is no file: settings, a tool's version.
    pub(crate) fn with(self, text: &str) -> Self {
        Self(hex(&sha2::Sha256::digest(self.0 + "\0" + text)))
    }

    /// Whether `stamp` was written for the same inputs.
    pub(crate) fn is_in(&self, stamp: &Path) -> bool {
        std::fs::read_to_string(stamp).is_ok_and(|text| text == self.0)
    }

    /// Writes the stamp, once what it stands for is built.
    pub(crate) fn write(&self, stamp: &Path) -> Result<()> {
        if let Some(folder) = stamp.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(stamp, &self.0).with_context(|| format!("writing {}", stamp.display()))
    }
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            collect(&entry?.path(), files)?;
        }
    } else if path.is_file() {
        files.push(path.to_owned());
    }
    Ok(())
}
