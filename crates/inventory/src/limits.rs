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

/// Bytes before a keyword by which it is judged, and from which the excerpt's line may start.
pub const SECRET_BEHIND_BYTES: usize = 256;

/// Bytes after a keyword that a rule may see. The longest tokens that are looked for whole, JSON web
/// tokens of Entra ID, have about 2,000.
pub const SECRET_AHEAD_BYTES: usize = 2048;

/// Bytes of an excerpt. A line of an editor's window has about 100.
pub const MAX_EXCERPT_BYTES: usize = 160;

/// Secrets told of one file. A file with more is a list of secrets, and says so after ten.
pub const MAX_SECRETS_PER_FILE: usize = 100;

/// Units of work that patterns may take in one file, for each byte of it; a try takes about 90. Text in
/// which every second word is `password` comes to about 6, real text to less than 1.
pub const SECRET_TRIES_PER_BYTE: u64 = 4;

/// Units of the same work that any file may take, however small.
pub const MIN_SECRET_TRIES: u64 = 256 << 10;

/// Bytes of one step of an image's history, or of one variable, that are read for secrets. A shell
/// script that a `RUN` holds may have some 10 KiB.
pub const MAX_CONFIG_TEXT_BYTES: usize = 64 << 10;

/// Secrets told of one image's configuration.
pub const MAX_CONFIG_SECRETS: usize = 100;

/// Bytes of a program or another binary file that is looked at for secrets: tokens compiled into `.pyc`,
/// `.class` and the like. Larger ones are most bytes of an image, and in WebAssembly looking at them would
/// cost an estimated fifth to quarter of what unpacking and hashing them does.
pub const MAX_BINARY_SECRET_BYTES: u64 = 256 << 10;
