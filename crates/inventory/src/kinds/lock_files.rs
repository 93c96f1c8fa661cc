//! Lock files: what a project wanted, which may not be in the image. All are marked as declared.
//!
//! | file | format | kind |
//! |---|---|---|
//! | `package-lock.json`, `npm-shrinkwrap.json` | [npm](npm_lock), versions 1 to 3 | npm |
//! | `yarn.lock` | [Yarn](yarn_lock), version 1 and Berry | npm |
//! | `pnpm-lock.yaml` | [pnpm](pnpm_lock), versions 5 to 9 | npm |
//! | `bun.lock` | [Bun](bun_lock) | npm |
//! | `Cargo.lock` | [TOML](toml_locks) | cargo |
//! | `poetry.lock`, `uv.lock`, `pdm.lock`, `pylock*.toml` | [TOML](toml_locks) | pypi |
//! | `Pipfile.lock`, `*requirements*.txt` | [Python](python_locks) | pypi |
//! | `Gemfile.lock`, `gems.locked` | [Bundler](line_locks) | gem |
//! | `composer.lock` | [JSON](json_locks) | composer |
//! | `packages.lock.json` | [JSON](json_locks) | nuget |
//! | `go.mod` | [Go](line_locks) | golang |
//! | `gradle.lockfile` | [Gradle](line_locks) | maven |
//!
//! Lock files in the folders of installed packages (`node_modules`, `site-packages`, `vendor`, …) are not
//! read: they say what the packages' authors built and tested with.
//!
//! What is wanted for development only has the detail `scope` = `dev`; what is not from a registry the
//! detail `origin` (`git`, `local`, `url`). A member of the project is told where the file states its
//! version.

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::Facts,
    limits::MAX_LOCK_BYTES,
    places::is_inside_installed,
};

pub mod bun_lock;
pub mod json_locks;
pub mod line_locks;
pub mod npm_lock;
pub mod pnpm_lock;
pub mod python_locks;
pub mod toml_locks;
pub mod yarn_lock;

/// Lock files.
pub struct LockFiles;

/// The id, for those who read the files.
pub(crate) const ID: &str = "lock-files";

/// Reads one lock file.
type Read = fn(&ClaimedFile<'_>, &mut Facts);

/// Who reads a file of that name.
fn reader_of(name: &[u8]) -> Option<Read> {
    Some(match name {
        b"package-lock.json" | b"npm-shrinkwrap.json" => npm_lock::read,
        b"yarn.lock" => yarn_lock::read,
        b"pnpm-lock.yaml" => pnpm_lock::read,
        b"bun.lock" => bun_lock::read,
        b"Cargo.lock" => toml_locks::read_cargo,
        b"poetry.lock" => toml_locks::read_poetry,
        b"uv.lock" => toml_locks::read_uv,
        b"pdm.lock" => toml_locks::read_pdm,
        b"Pipfile.lock" => python_locks::read_pipfile,
        b"Gemfile.lock" | b"gems.locked" => line_locks::read_bundler,
        b"composer.lock" => json_locks::read_composer,
        b"packages.lock.json" => json_locks::read_nuget,
        b"go.mod" => line_locks::read_go_mod,
        b"gradle.lockfile" | b"buildscript-gradle.lockfile" => line_locks::read_gradle,
        // PEP 751: `pylock.toml`, `pylock.<name>.toml`.
        name if name.starts_with(b"pylock.") && name.ends_with(b".toml") => toml_locks::read_pylock,
        name if name.ends_with(b".txt")
            && memchr::memmem::find(name, b"requirements").is_some() =>
        {
            python_locks::read_requirements
        }
        _ => return None,
    })
}

impl Analyser for LockFiles {
    fn id(&self) -> &'static str {
        ID
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        // Asked of every file there is: only these endings matter.
        let name = path.file_name();
        let is_likely = matches!(name.last(), Some(b'k' | b'n' | b'l' | b'd' | b'e' | b't'));
        is_likely && reader_of(name).is_some() && !is_inside_installed(path) && !is_of_go(path)
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_LOCK_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        if let Some(read) = reader_of(file.path.file_name()) {
            read(&file, out);
        }
    }
}

/// Go's own sources have modules too; their dependencies are built into its tools, which say so.
fn is_of_go(path: &LayerPath) -> bool {
    let path = path.as_bytes();
    let roots: [&[u8]; 3] = [b"usr/local/go/", b"usr/lib/go", b"usr/share/go"];
    path.ends_with(b"go.mod") && roots.iter().any(|root| path.starts_with(root))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::{Basis, Facts},
        kinds::tests::{analyse, check_claims},
    };

    #[test]
    fn claims() {
        check_claims(
            &LockFiles,
            &[
                "srv/app/package-lock.json",
                "srv/app/yarn.lock",
                "pnpm-lock.yaml",
                "srv/bun.lock",
                "srv/Cargo.lock",
                "srv/poetry.lock",
                "srv/uv.lock",
                "srv/pdm.lock",
                "srv/Pipfile.lock",
                "srv/pylock.toml",
                "srv/pylock.dev.toml",
                "srv/requirements.txt",
                "srv/requirements-dev.txt",
                "srv/Gemfile.lock",
                "srv/composer.lock",
                "srv/packages.lock.json",
                "go/src/app/go.mod",
                "srv/gradle.lockfile",
            ],
            &[
                "srv/package.json",
                "srv/node_modules/a/package-lock.json",
                "srv/node_modules/.package-lock.json",
                "usr/lib/python3/site-packages/a/requirements.txt",
                "usr/lib/ruby/gems/3.1.0/gems/a-1/Gemfile.lock",
                "srv/vendor/a/b/composer.lock",
                "go/pkg/mod/a@v1/go.mod",
                "usr/local/go/src/go.mod",
                "root/.cargo/registry/src/i/a-1/Cargo.lock",
                "srv/go.sum",
                "srv/requirements.md",
                "",
            ],
        );
    }

    /// What a lock file declares: `name version`, and what is said of it.
    pub(super) fn declared(path: &str, text: impl AsRef<[u8]>) -> Vec<String> {
        let facts = analyse(&LockFiles, path, text);
        assert_eq!(facts.warnings, []);
        rows(&facts)
    }

    fn rows(facts: &Facts) -> Vec<String> {
        let row = |package: &crate::facts::PackageFact| {
            assert_eq!(package.basis, Basis::Declared);
            let mut row = format!("{} {}", package.name, package.version);
            for key in ["scope", "origin"] {
                if let Some(value) = package.detail_of(key) {
                    row += &format!(" {key}={value}");
                }
            }
            row
        };
        facts.packages.iter().map(row).collect()
    }

    /// How many packages and warnings a lock file gives that is broken.
    pub(super) fn check_broken(path: &str, text: &[u8], packages: usize, warnings: usize) {
        let facts = analyse(&LockFiles, path, text);
        assert_eq!(facts.packages.len(), packages, "{path} {text:?}");
        assert_eq!(facts.warnings.len(), warnings, "{path} {text:?}: {facts:?}");
    }

    #[test]
    fn empty_files_never_panic() {
        for name in [
            "yarn.lock",
            "pnpm-lock.yaml",
            "Gemfile.lock",
            "go.mod",
            "requirements.txt",
        ] {
            check_broken(name, b"", 0, 0);
            check_broken(name, b"\xff\xfe\0\n\n", 0, 0);
        }
        for name in [
            "Cargo.lock",
            "poetry.lock",
            "uv.lock",
            "pdm.lock",
            "pylock.toml",
        ] {
            check_broken(name, b"", 0, 0);
            check_broken(name, b"\xff", 0, 1);
            check_broken(name, b"[[package]]\nname = \"a", 0, 1);
            check_broken(
                name,
                format!("a = {}", "[".repeat(100_000)).as_bytes(),
                0,
                1,
            );
        }
        for name in [
            "package-lock.json",
            "bun.lock",
            "composer.lock",
            "packages.lock.json",
            "Pipfile.lock",
        ] {
            check_broken(name, b"", 0, 1);
            check_broken(name, b"{}", 0, 0);
            check_broken(name, b"[", 0, 1);
            check_broken(name, "[".repeat(100_000).as_bytes(), 0, 1);
            check_broken(name, "{\"a\":".repeat(100_000).as_bytes(), 0, 1);
        }
    }
}
