//! Limits on what an image may make us do, each with its unit and its reason.
//!
//! Every claimed file is hostile. Passing a limit is a [`crate::facts::Warning`], never silence.

/// Bytes of one claimed file, unless its analyser says less. It is held whole while it is read. The
/// largest real package databases (`status` of a full desktop) stay under 8 MiB.
pub const MAX_CLAIMED_BYTES: u64 = 64 << 20;

/// Bytes of all claimed files of one layer together. 2,000 Debian packages with their file lists and
/// copyrights come to about 60 MiB.
pub const MAX_CLAIMED_BYTES_PER_LAYER: u64 = 1 << 30;

/// Bytes of a file that names a distribution. Real ones stay under 1 KiB.
pub const MAX_OS_RELEASE_BYTES: u64 = 64 << 10;

/// Bytes of a Python `METADATA`: most of it is the project's README. The largest on PyPI are about
/// 1 MiB.
pub const MAX_METADATA_BYTES: u64 = 8 << 20;

/// Bytes of a `package.json`. Some generated ones (icon sets) have 500 KiB.
pub const MAX_PACKAGE_JSON_BYTES: u64 = 4 << 20;

/// Bytes of a Debian `copyright` file. Chromium's, the largest, has 2 MiB.
pub const MAX_COPYRIGHT_BYTES: u64 = 4 << 20;

/// Packages in one layer. Full desktops have some 5,000, an image of all of TeX Live less.
pub const MAX_PACKAGES: usize = 100_000;

/// Secrets and the like in one layer. More than some hundreds are one mistake many times.
pub const MAX_ISSUES: usize = 10_000;

/// Bytes of file lists in one layer, in memory. 2,000 Debian packages take about 6 MiB.
pub const MAX_OWNED_BYTES: usize = 64 << 20;

/// Warnings kept per layer.
pub const MAX_WARNINGS: usize = 100;

/// Bytes of a name, version or architecture. Debian stops at about 100, PyPI at 200.
pub const MAX_FIELD_BYTES: usize = 1024;

/// Bytes kept of a licence: some packages put its whole text where its name should be.
pub const MAX_LICENCE_BYTES: usize = 512;

/// Links at claimed paths in one layer. One `uv` installation with hard links has some hundreds.
pub const MAX_LINKS: usize = 100_000;

/// Bytes of one path in a file list; Linux stops at 4,096.
pub const MAX_OWNED_PATH_BYTES: usize = 4096;

/// Bytes of an encoded analysis. A layer of a million files takes about 40 MiB.
pub const MAX_ENCODED_BYTES: usize = 512 << 20;

/// Earlier versions told of one package, newest first. An image has rarely more than three.
pub const MAX_EARLIER: usize = 100;

/// Packages of one name that a file list without an architecture is taken to belong to.
pub const MAX_OWNERS: usize = 16;

/// Bytes of a lock file. Those of the largest monorepos have some 5 MiB.
pub const MAX_LOCK_BYTES: u64 = 16 << 20;

/// Bytes of a package's own manifest in a language of its own (gemspec, rockspec, `.app`, `.reg`, `.php`). A
/// gemspec that lists thousands of files has 500 KiB.
pub const MAX_MANIFEST_BYTES: u64 = 4 << 20;

/// How deep values may lie in one another, in formats that we read by recursion. Real ones stay under 10;
/// 100 frames take less than 64 KiB of the 1 MiB stack of a browser's worker.
pub const MAX_NESTING: usize = 100;

/// Values (of lists, tuples, texts) in one file that we read into memory. PEAR's own record has 2,000.
pub const MAX_VALUES: usize = 200_000;

/// Licences that one package names. Real ones name up to ten.
pub const MAX_LICENCES: usize = 50;

/// Variables remembered of one rockspec. Real ones have up to five.
pub const MAX_VARIABLES: usize = 100;

/// Bytes at the beginning of a WordPress plugin's file in which its header is looked for, as WordPress
/// has it.
pub const MAX_PLUGIN_HEADER_BYTES: usize = 8 << 10;

/// Bytes of paths that are looked up in one `bun.lock` to tell what is for development. 5,000 packages
/// with ten dependencies each, two folders deep, take 5 MiB.
pub const MAX_SEARCHED_BYTES: usize = 256 << 20;
