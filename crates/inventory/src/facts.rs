//! What analysers note about the files of one layer.

use lamina_image::path::LayerPath;
use serde::{Deserialize, Serialize};

use crate::{
    limits::{MAX_ISSUES, MAX_OWNED_BYTES, MAX_PACKAGES, MAX_WARNINGS},
    path_list::PathList,
    severity::Severity,
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
    /// Secrets, and other things that somebody should look at.
    pub issues: Vec<IssueFact>,
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

    /// Notes a secret or the like, unless there are too many.
    pub fn add_issue(&mut self, analyser: &str, issue: IssueFact) {
        if self.issues.len() < MAX_ISSUES {
            self.issues.push(issue);
        } else {
            self.too_many(analyser, "issues", MAX_ISSUES as u64);
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

    /// How many facts there are, of every kind.
    pub(crate) fn size(&self) -> usize {
        self.packages.len()
            + self.distributions.len()
            + self.owned.len()
            + self.licences.len()
            + self.issues.len()
            + self.warnings.len()
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

/// One row for each kind: its name, its word, whether it is a distribution's own.
macro_rules! package_kinds {
    ($($(#[$doc:meta])* $kind:ident = $word:literal, $is_os:literal;)*) => {
        /// The kinds of package. The word is the purl type where one exists.
        ///
        /// The order is that of lists.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum PackageKind {
            $($(#[$doc])* #[serde(rename = $word)] $kind,)*
        }

        impl PackageKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// Its word: the purl type where one exists.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$kind => $word,)*
                }
            }

            /// Whether it is a distribution's own: such packages may own the files of all others.
            pub fn is_os(self) -> bool {
                match self {
                    $(Self::$kind => $is_os,)*
                }
            }
        }
    };
}

package_kinds! {
    /// Alpine and its kin.
    Apk = "apk", true;
    /// Debian and its kin.
    Deb = "deb", true;
    /// Red Hat, SUSE, Amazon, Azure Linux and their kin.
    Rpm = "rpm", true;
    /// Arch Linux and its kin (`pacman`).
    Alpm = "alpm", true;
    /// Gentoo (`portage`).
    Ebuild = "ebuild", true;
    /// OpenWrt and Yocto (`opkg`).
    Opkg = "opkg", true;
    /// Python, as installed.
    Pypi = "pypi", false;
    /// Node.js.
    Npm = "npm", false;
    /// Java; the name is `group:artifact`, or the artifact alone where no group is known.
    Maven = "maven", false;
    /// Go modules, from build information; the standard library is `stdlib`.
    Golang = "golang", false;
    /// Rust crates, from cargo-auditable or a lock file.
    Cargo = "cargo", false;
    /// .NET.
    Nuget = "nuget", false;
    /// Ruby.
    Gem = "gem", false;
    /// PHP, by Composer; the name is `vendor/name`.
    Composer = "composer", false;
    /// PHP, by PEAR and PECL; the name is `channel/name`.
    Pear = "pear", false;
    /// Conda.
    Conda = "conda", false;
    /// R.
    Cran = "cran", false;
    /// Lua.
    Luarocks = "luarocks", false;
    /// Elixir and Erlang, from hex.pm.
    Hex = "hex", false;
    /// Erlang/OTP applications.
    Otp = "otp", false;
    /// Dart and Flutter.
    Pub = "pub", false;
    /// Swift; the name is the repository, as in `github.com/apple/swift-nio`.
    Swift = "swift", false;
    /// CocoaPods.
    Cocoapods = "cocoapods", false;
    /// Julia.
    Julia = "julia", false;
    /// The Nix store.
    Nix = "nix", false;
    /// Homebrew.
    Brew = "brew", false;
    /// WordPress plugins.
    Wordpress = "wordpress-plugin", false;
    /// Bitnami's components.
    Bitnami = "bitnami", false;
    /// C and C++, by Conan.
    Conan = "conan", false;
    /// Haskell.
    Hackage = "hackage", false;
    /// OCaml.
    Opam = "opam", false;
    /// SWI-Prolog packs.
    Swiplpack = "swiplpack", false;
    /// Linux kernels and their modules.
    LinuxKernel = "linux-kernel", false;
    /// GitHub Actions and releases.
    Github = "github", false;
    /// Programs without a package manager, told by their bytes; and what no other kind fits.
    Generic = "generic", false;
}

/// How it is known that a package is there.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Basis {
    /// A package manager's record of what it installed.
    #[default]
    Installed,
    /// What the file itself carries: an archive's metadata, a binary's build information.
    Embedded,
    /// Bytes that only this program has.
    Classified,
    /// A lock file: it was wanted, and may not be there.
    Declared,
    /// An SBOM that lies in the image.
    Stated,
}

impl Basis {
    /// The lower-case word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Embedded => "embedded",
            Self::Classified => "classified",
            Self::Declared => "declared",
            Self::Stated => "stated",
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
    /// Version as the package manager has it, with epoch and revision. Empty where the kind allows
    /// a package without one.
    pub version: String,
    /// Architecture in the package manager's words; `None` where the kind has none.
    pub architecture: Option<String>,
    /// The source package, where it differs from the package itself or the kind always has one.
    pub source: Option<SourcePackage>,
    /// Licence as stated, not normalised.
    pub licence: Option<String>,
    /// The file it is read from.
    pub file: LayerPath,
    /// Its place within that file, if the file is an archive: `WEB-INF/lib/a.jar`, nested ones
    /// joined by `!/`.
    pub inner: Option<String>,
    /// First and last line of the statement in that file, counted from 1; `None` if not line-based.
    pub lines: Option<(u32, u32)>,
    /// How it is known.
    pub basis: Basis,
    /// The folder whose whole content is the package's, where there is one
    /// (`node_modules/accepts`).
    pub folder: Option<LayerPath>,
    /// What was found where, for people: `build information at byte 4096`. `None` where the file and
    /// the lines say it all.
    pub evidence: Option<String>,
    /// What else is stated, by kebab-case names (`vendor`, `modularity-label`), sorted. Short.
    pub details: Vec<(String, String)>,
}

impl PackageFact {
    /// A package of which nothing more is known. The other fields are public.
    pub fn new(
        kind: PackageKind,
        name: impl Into<String>,
        version: impl Into<String>,
        file: &LayerPath,
    ) -> Self {
        Self {
            kind,
            name: name.into(),
            version: version.into(),
            architecture: None,
            source: None,
            licence: None,
            file: file.clone(),
            inner: None,
            lines: None,
            basis: Basis::Installed,
            folder: None,
            evidence: None,
            details: Vec::new(),
        }
    }

    /// Adds to [`PackageFact::details`], unless there is nothing to say.
    pub fn detail(&mut self, name: &str, value: Option<impl Into<String>>) {
        if let Some(value) = value.map(Into::into).filter(|value| !value.is_empty()) {
            self.details.push((name.to_owned(), value));
            self.details.sort();
        }
    }

    /// What `details` says under a name.
    pub fn detail_of(&self, name: &str) -> Option<&str> {
        let found = self.details.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// The kinds of finding that are not vulnerabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum IssueKind {
    /// A password, key or token.
    Secret,
    /// How the image is built or runs.
    Misconfiguration,
    /// A licence that needs attention.
    Licence,
}

/// A secret, or another thing that somebody should look at, in one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueFact {
    /// Which kind.
    pub kind: IssueKind,
    /// The rule that found it: kebab-case, never changes.
    pub rule: String,
    /// What it is, in a few words: `AWS access key ID`.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// The file.
    pub file: LayerPath,
    /// First and last line, counted from 1.
    pub lines: Option<(u32, u32)>,
    /// What was found, with every secret redacted.
    pub excerpt: Option<String>,
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
    /// Version of the owner, where the statement names it: several may be installed at once.
    pub version: Option<String>,
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
    /// A program is packed, so what it carries cannot be seen.
    #[error("{file} is packed by {packer}; {analyser} cannot see what it carries")]
    Packed {
        /// Which analyser watched it.
        analyser: String,
        /// The program.
        file: LayerPath,
        /// What packed it.
        packer: String,
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
