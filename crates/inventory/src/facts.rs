//! What analysers note about the files of one layer.

use lamina_image::path::LayerPath;
use serde::{Deserialize, Serialize};

use crate::{
    limits::{MAX_OWNED_BYTES, MAX_PACKAGES, MAX_WARNINGS},
    path_list::PathList,
};

/// All that the analysers noted in one layer, in archive order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Packages, each with the file it is read from.
    pub packages: Vec<PackageFact>,
    /// Distributions named by files such as `etc/os-release`.
    pub distributions: Vec<DistributionFact>,
    /// Which files a package manager says a package owns.
    pub owned: Vec<OwnedFiles>,
    /// Licences that lie in files of their own.
    pub licences: Vec<LicenceFact>,
    /// Links at paths that an analyser claims. What they lead to is known when layers are merged.
    pub links: Vec<LayerPath>,
    /// What could not be read, or was cut off by a limit.
    pub warnings: Vec<Warning>,
    /// Bytes that `owned` has taken so far.
    pub(crate) owned_bytes: usize,
}

impl Facts {
    /// Notes a package, unless there are too many.
    pub fn add_package(&mut self, analyser: &str, package: PackageFact) {
        if self.packages.len() < MAX_PACKAGES {
            self.packages.push(package);
        } else {
            self.too_many(analyser, "packages", MAX_PACKAGES as u64);
        }
    }

    /// Notes which files a package owns, unless there are too many.
    pub fn add_owned(&mut self, analyser: &str, owned: OwnedFiles) {
        if owned.files.is_empty() {
            return;
        }
        let bytes = owned.files.memory_bytes() + size_of::<OwnedFiles>();
        if self.owned_bytes.saturating_add(bytes) <= MAX_OWNED_BYTES {
            self.owned_bytes += bytes;
            self.owned.push(owned);
        } else {
            self.too_many(analyser, "bytes of file lists", MAX_OWNED_BYTES as u64);
        }
    }

    /// Notes that something is missing. The last warning that there is room for says that there are
    /// more.
    pub fn warn(&mut self, warning: Warning) {
        if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(warning);
        } else if self.warnings.len() == MAX_WARNINGS {
            self.warnings.push(Warning::TooMany {
                analyser: "the layer".to_owned(),
                what: "warnings".to_owned(),
                limit: MAX_WARNINGS as u64,
            });
        }
    }

    /// Notes that a statement of `file` cannot be read.
    pub fn malformed(&mut self, analyser: &str, file: &LayerPath, line: u32, problem: &str) {
        self.warn(Warning::Malformed {
            analyser: analyser.to_owned(),
            file: file.clone(),
            line,
            problem: problem.to_owned(),
        });
    }

    /// Notes once that a limit is passed.
    pub(crate) fn too_many(&mut self, analyser: &str, what: &str, limit: u64) {
        let warning = Warning::TooMany {
            analyser: analyser.to_owned(),
            what: what.to_owned(),
            limit,
        };
        if !self.warnings.contains(&warning) {
            self.warn(warning);
        }
    }
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
    /// Node.js, from `node_modules`.
    Npm,
}

impl PackageKind {
    /// Whether it is a distribution's own: such packages may own the files of all others.
    pub fn is_os(self) -> bool {
        match self {
            Self::Apk | Self::Deb => true,
            Self::Pypi | Self::Npm => false,
        }
    }
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
    /// The files, in the statement's order. Directories may be among them.
    pub files: PathList,
    /// The file that states it.
    pub file: LayerPath,
}

/// A package's licence, stated in a file of its own (Debian's `copyright`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceFact {
    /// Licence as stated: the short names, in order, joined by commas.
    pub licence: String,
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
    /// The layer breaks off within a claimed file; what was there of it is read.
    #[error("{file} breaks off after {read} of {size} bytes; {analyser} read what was there")]
    Incomplete {
        /// Which analyser read it.
        analyser: String,
        /// Which file.
        file: LayerPath,
        /// Bytes that were there.
        read: u64,
        /// Its size in bytes.
        size: u64,
    },
    /// A link at a path that matters leads to a file that no analyser read.
    #[error("{file} is a link to {target}, which was not read")]
    NotRead {
        /// The link.
        file: LayerPath,
        /// What it leads to.
        target: LayerPath,
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
