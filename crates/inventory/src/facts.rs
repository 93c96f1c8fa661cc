//! What analysers note about the files of one layer.

use lamina_image::path::LayerPath;
use serde::{Deserialize, Serialize};

/// All that the analysers noted in one layer, in archive order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Packages, each with the file it is read from.
    pub packages: Vec<PackageFact>,
    /// Distributions named by files such as `etc/os-release`.
    pub distributions: Vec<DistributionFact>,
    /// Which files a package manager says a package owns.
    pub owned: Vec<OwnedFiles>,
    /// What could not be read, or was cut off by a limit.
    pub warnings: Vec<Warning>,
}

/// The kinds of package. The word is the purl type where one exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PackageKind {
    /// Alpine and its kin.
    Apk,
    /// Debian and its kin.
    Deb,
    /// Python, from `dist-info`.
    Pypi,
}

/// One package, as one file of one layer states it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageFact {
    /// Which kind.
    pub kind: PackageKind,
    /// Name as the package manager has it.
    pub name: String,
    /// Version as the package manager has it, with epoch and revision.
    pub version: String,
    /// Architecture in the package manager's words; `None` where the kind has none.
    pub architecture: Option<String>,
    /// The source package, where it differs from the package itself or the kind always has one.
    pub source: Option<SourcePackage>,
    /// Licence as stated, not normalised.
    pub licence: Option<String>,
    /// The file it is read from.
    pub file: LayerPath,
    /// First and last line of the statement in that file, counted from 1; `None` if not line-based.
    pub lines: Option<(u32, u32)>,
}

/// The source that a binary package was built from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourcePackage {
    /// Source name (`Source:` in dpkg, `o:` in apk).
    pub name: String,
    /// Source version; the binary's own version where the file gives none.
    pub version: String,
}

/// A distribution release, as one file states it (os-release(5)).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DistributionFact {
    /// `ID`, e.g. `debian`.
    pub id: String,
    /// `VERSION_ID`, e.g. `12`; `None` for rolling releases.
    pub version_id: Option<String>,
    /// `VERSION_CODENAME`, e.g. `bookworm`.
    pub codename: Option<String>,
    /// `PRETTY_NAME`.
    pub pretty_name: Option<String>,
    /// `ID_LIKE`, split at spaces.
    pub id_like: Vec<String>,
    /// The file it is read from.
    pub file: LayerPath,
}

/// The files that a package owns, as one file of its package manager states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedFiles {
    /// Kind of the owner.
    pub kind: PackageKind,
    /// Name of the owner.
    pub name: String,
    /// Architecture of the owner, where the statement names it (`libc6:amd64.list`).
    pub architecture: Option<String>,
    /// The files, in the statement's order.
    pub files: Vec<LayerPath>,
    /// The file that states it.
    pub file: LayerPath,
}

/// Something that is missing from the facts, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// A file that an analyser claimed is larger than it may be; it was not read.
    #[error("{file} is {size} bytes, more than the {limit} that {analyser} reads")]
    FileTooLarge {
        /// Which analyser wanted it.
        analyser: String,
        /// Which file.
        file: LayerPath,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A claimed file, or a part of it, is not in the format it should be.
    #[error("{file}, line {line}: {problem}")]
    Malformed {
        /// Which analyser read it.
        analyser: String,
        /// Which file.
        file: LayerPath,
        /// The line, counted from 1; 0 where the format has no lines.
        line: u32,
        /// What is wrong with it.
        problem: String,
    },
    /// There were more things than the limit; the rest is missing.
    #[error("{analyser} found more than {limit} {what}; the rest is left out")]
    TooMany {
        /// Which analyser.
        analyser: String,
        /// Things of which kind.
        what: String,
        /// The limit.
        limit: u64,
    },
}
